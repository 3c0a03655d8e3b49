/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a bundle of evidence, read in pieces of any size. It is whole, or a link is named and said why; what is
 * claimed of a whole one is told in sentences; read in one piece or in many it is the same; and what came out of it is
 * no longer than its manifest says.
 */
#include "proof/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
        struct span left;
        size_t piece;
};

static int read_piece(void *arg, uint8_t *p, size_t n, size_t *ret) {
        struct memory *m = arg;
        *ret = MIN(MIN(n, m->left.n), m->piece);
        if (*ret)
                memcpy(p, m->left.p, *ret);
        m->left = span_from(m->left, *ret);
        return 0;
}

static int count(void *arg, struct span plain) {
        *(uint64_t *)arg += plain.n;
        return 0;
}

static int hear(void *arg, const struct wire_o_claim *w) {
        (void)arg;
        REQUIRE(w->text.n > 0 && w->text.n <= 1024);
        return 0;
}

static int read_all(struct proof *p, const uint8_t *data, size_t size, size_t piece, uint64_t *ret_bytes) {
        static const uint64_t seed[4] = {2, 7, 1, 8};
        struct memory m = {span_of(data, size), piece};
        struct bundle_in in = {.read = read_piece, .arg = &m};
        const struct proof_out out = {count, ret_bytes};
        *ret_bytes = 0;
        return proof_read(p, &in, &out, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct proof p, again;
        uint64_t bytes, other;
        int r = read_all(&p, data, size, SIZE_MAX, &bytes);
        REQUIRE(r == 0 || r == 1);
        REQUIRE((r == 0) == (p.link == PROOF_WHOLE) && (r == 0 || (p.why && proof_names[p.link])));
        REQUIRE(read_all(&again, data, size, 7, &other) == r && again.link == p.link && other == bytes);
        REQUIRE(bytes <= p.m.size);
        if (r == 0)
                REQUIRE(bytes == p.m.size && proof_claims(&p, NULL, false, hear, NULL) == 0);
        proof_fini(&again);
        proof_fini(&p);
        return 0;
}
