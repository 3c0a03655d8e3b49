/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inflation: what comes out is within the bounds, agrees with zlib's own one-call inflation, and goes through deflate_all
 * and back unchanged.
 */
#include <stdlib.h>
#include <zlib.h>

#include "wire/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same_as_zlib(struct span in, struct span got) {
        static uint8_t plain[INFLATE_MAX];
        uLongf n = sizeof(plain);
        uLong used = in.n;
        REQUIRE(uncompress2(plain, &n, in.p, &used) == Z_OK);
        REQUIRE(used == in.n);
        REQUIRE(span_eq(span_of(plain, n), got));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        _clean_(buf_fini) struct buf small = BUF_NULL;
        _clean_(buf_fini) struct buf back = BUF_NULL;
        struct span in = span_of(data, size);
        if (inflate_all(in, &out)) {
                REQUIRE(out.n == 0);
                return 0;
        }
        REQUIRE(out.n <= INFLATE_MAX);
        REQUIRE(out.n <= INFLATE_FREE || out.n / INFLATE_RATIO <= size);
        check_same_as_zlib(in, buf_span(&out));
        REQUIRE(deflate_all(buf_span(&out), &small) == 0);
        REQUIRE(inflate_all(buf_span(&small), &back) == 0);
        REQUIRE(span_eq(buf_span(&out), buf_span(&back)));
        return 0;
}
