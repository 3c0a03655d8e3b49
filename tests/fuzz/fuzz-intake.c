/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of porchlight-ingest, cut into pieces of a size that the first byte says. Whatever it is, it ends in bounded
 * memory; and where it is taken for whole, what its end says of it is what came.
 */
#include "clip/intake.h"
#include "crypto/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct intake t;
        uint64_t bytes = 0;
        int what = INTAKE_MORE;
        if (size < 1)
                return 0;
        struct span in = span_of(data + 1, size - 1);
        size_t step = 1 + (size_t)data[0] * 257;
        intake_init(&t);
        while (in.n && what != INTAKE_BAD) {
                size_t n = MIN(step, in.n);
                uint8_t *p = intake_room(&t, n);
                REQUIRE(p);
                memcpy(p, in.p, n);
                intake_used(&t, n);
                in = span_from(in, n);
                while ((what = intake_next(&t)) < INTAKE_MORE) {
                        if (what == INTAKE_CHUNK)
                                bytes += t.msg.i_chunk.cipher.n - CHUNK_TAG;
                        if (what == INTAKE_END)
                                REQUIRE(t.msg.i_end.size == bytes && chunk_count(bytes) == t.chunks);
                }
        }
        intake_fini(&t);
        return 0;
}
