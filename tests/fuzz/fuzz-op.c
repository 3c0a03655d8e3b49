/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as operations: a big-endian length of two bytes, then so many bytes, and so on. Their signatures count as
 * checked, so that the fold gets to see what no key ever signed. The first that is a genesis founds the mesh; no sequence may
 * end the process, and what it is folded to must be the same when it is taken in again.
 */
#include "roster/op.h"
#include "roster/roster.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPS_MAX 64 /* of one input: the fuzzer is to find shapes, not sizes */

static const uint64_t seed[4] = {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89};

static void ask(struct roster *r) {
        struct hash heads[ROSTER_HEADS_MAX], removed, at;
        const struct roster_home *h;
        size_t members = 0, n = roster_heads(r, heads);
        for (size_t i = 0; (h = roster_home_at(r, i)); i++) {
                members += h->member;
                REQUIRE(roster_home_find(r, &h->key) == h);
                for (size_t k = 0; k < h->n_devices; k++)
                        REQUIRE(h->devices[k]->home == h);
        }
        REQUIRE(members == roster_members(r));
        bool current;
        roster_removed(r, &removed);
        if (n == 0 || n == ROSTER_HEADS_MAX)
                return;
        REQUIRE(roster_removed_at(r, heads, n, NULL, &at, &current) == 0);
        REQUIRE(hash_eq(&removed, &at));
}

/* The operations @r has taken, given to a fresh roster. */
static void replay(const struct roster *r) {
        struct roster *again;
        const struct roster_op *op;
        struct hash id, a, b;
        REQUIRE(roster_new(&again, seed) == 0);
        for (size_t i = 0; (op = roster_op_at(r, i)); i++) {
                REQUIRE(roster_add(again, op->bytes, true, &id) == 0);
                REQUIRE(hash_eq(&id, &op->id));
        }
        REQUIRE(roster_members(r) == roster_members(again) && roster_stewards(r) == roster_stewards(again));
        roster_removed(r, &a);
        roster_removed(again, &b);
        REQUIRE(roster_ops(r) == 0 || hash_eq(&a, &b));
        roster_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct span in = span_of(data, size);
        struct roster *r;
        struct wire_op op;
        struct hash id;
        REQUIRE(roster_new(&r, seed) == 0);
        for (int i = 0; in.n >= 2 && i < OPS_MAX; i++) {
                size_t n = MIN((size_t)get_be16(in.p), in.n - 2);
                struct span one = span_of(in.p + 2, n);
                REQUIRE(roster_add(r, one, true, &id) >= 0);
                op_check(one, roster_mesh(r), true, true, &op);
                roster_may_admit(r, one, 1);
                in = span_from(in, n + 2);
        }
        if (roster_ops(r))
                ask(r);
        replay(r);
        roster_free(r);
        return 0;
}
