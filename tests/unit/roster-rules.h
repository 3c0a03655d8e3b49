/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the roster's rules begin and end with. */
#pragma once

#include "roster-street.h"

#define ORDERS 8

/* Every side, and a fresh roster in any order, sees what side 0 sees. */
_unused_ static void same_for_all(struct street *s) {
        static size_t order[STREET_OPS];
        struct hash want, got;
        street_sync_all(s);
        street_digest(s->sides[0], &want);
        for (int i = 1; i < STREET_SIDES; i++) {
                street_digest(s->sides[i], &got);
                assert_true(hash_eq(&want, &got));
        }
        for (int k = 0; k < ORDERS; k++) {
                street_shuffle(&s->rng, order, s->n_ops);
                struct roster *r = street_replay(s, order);
                street_digest(r, &got);
                assert_true(hash_eq(&want, &got));
                roster_free(r);
        }
}

/* Founder 0; homes 1 … @homes - 1 on its tickets; 1 … @stewards - 1 are stewards too. Every side knows. */
_unused_ static void begin(struct street *s, uint32_t homes, uint32_t stewards) {
        street_found(s, 7, (struct wire_list){0});
        for (uint32_t i = 1; i < homes; i++)
                assert_int_equal(street_join(s, 0, i, 0), 0);
        for (uint32_t i = 1; i < stewards; i++) {
                assert_int_equal(street_about(s, 0, 0, OP_PROMOTE, i), 0);
                if (i > 1)
                        assert_int_equal(street_endorse(s, 0, 1, s->last), 0);
        }
        assert_int_equal(roster_members(s->sides[0]), homes);
        assert_int_equal(roster_stewards(s->sides[0]), stewards);
        street_sync_all(s);
}

static struct street s;

_unused_ static int may_admit(uint32_t joiner, struct span name, const struct ticket *t, mesh_wall now) {
        _clean_(buf_fini) struct buf add = BUF_NULL;
        street_add_sign(&s, joiner, name, t, &add);
        return roster_may_admit(s.sides[0], buf_span(&add), now);
}

static int finish(void **state) {
        (void)state;
        street_end(&s);
        return 0;
}

#define CASE(f) cmocka_unit_test_teardown(f, finish)
