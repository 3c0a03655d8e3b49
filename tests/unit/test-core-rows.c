/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that gives back rows which are no longer what was written, or without what they belong to: a home begins with what
 * can still be used, says what it says, and gets the rest from its neighbours. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core/core.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOME 1
#define NOISE "these bytes were something once, and now they are not: nobody can read them any more"

static uint64_t seed;

/* Every row of @kind on the disk, damaged. Its names stay: they are other columns. */
static void damage(struct disk *d, enum mesh_row_kind kind) {
        for (size_t i = 0; i < d->n; i++) {
                struct mesh_row *row = &d->rows[i].row;
                if (row->kind != kind)
                        continue;
                switch (kind) {
                case MESH_ROW_EPOCH:
                        row->epoch.header = SPAN_STR(NOISE);
                        break;
                case MESH_ROW_REVOKE:
                        row->revoke.bytes = SPAN_STR(NOISE);
                        break;
                case MESH_ROW_TICKET:
                        row->ticket.text = SPAN_STR(NOISE);
                        break;
                case MESH_ROW_CONTACT:
                        row->contact.bytes = SPAN_STR(NOISE);
                        break;
                case MESH_ROW_PROOF:
                        row->proof.bytes = SPAN_STR(NOISE);
                        break;
                case MESH_ROW_JOIN:
                        row->join.op = row->join.ticket = SPAN_STR(NOISE);
                        break;
                case MESH_ROW_MARK:
                        row->mark.wall = UINT64_MAX;
                        break;
                case MESH_ROW_OP:
                case MESH_ROW_ADDR:
                case MESH_ROW_CODE:
                case MESH_ROW_RECORD:
                case MESH_ROW_KINDS:
                        break;
                }
        }
}

/* A street whose home HOME has a row of most kinds, and is off. */
static struct street *lived(struct hash *ret_id) {
        struct street *s = street_new(3, seed);
        _clean_(buf_fini) struct buf code = BUF_NULL;
        assert_non_null(street_invite(s, HOME, 1));
        assert_int_equal(street_revoke(s, HOME), MESH_OUT_DONE);
        street_code(s, HOME, HOME, &code);
        street_run_for(s, 700); /* contacts have gone round */
        assert_int_equal(street_post(s, HOME, KIND_FIRE, "before", ret_id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, ret_id, 60));
        street_off(s, HOME);
        return s;
}

static void assert_lives(struct street *s, const struct hash *id) {
        struct hash after;
        street_on(s, HOME);
        assert_true(street_wait_links(s, HOME, 600));
        street_run_for(s, 120);
        assert_int_equal(street_members(s, HOME), 3);
        assert_true(street_has(s, HOME, id));
        assert_int_equal(street_post(s, HOME, KIND_FIRE, "after", &after), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &after, 60));
        assert_int_equal(base_checks_failed(), 0);
}

static void test_damaged(void **state) {
        (void)state;
        static const enum mesh_row_kind kinds[] = {MESH_ROW_REVOKE, MESH_ROW_TICKET, MESH_ROW_CONTACT, MESH_ROW_PROOF,
                                                   MESH_ROW_JOIN};
        struct hash id;
        struct street *s = lived(&id);
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                damage(&s->homes[HOME].disk, kinds[i]);
        assert_lives(s, &id);
        street_free(s);
}

/* The keys of links go with the epochs: whoever calls from outside is let in again with a key that both still have, and
 * without one by a neighbour's ticket. */
static void test_epochs_damaged(void **state) {
        (void)state;
        struct hash id;
        struct street *s = lived(&id);
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        damage(&s->homes[HOME].disk, MESH_ROW_EPOCH);
        street_on(s, HOME);
        assert_int_equal(street_members(s, HOME), 3);
        assert_int_equal(street_post(s, HOME, KIND_FIRE, "no key", NULL), MESH_OUT_NO_EPOCH);
        assert_null(street_invite(s, HOME, 1));
        assert_int_equal(s->homes[HOME].reply.reply.outcome, MESH_OUT_NO_EPOCH);
        buf_add_str(&ticket, street_invite(s, 0, 1));
        assert_int_equal(street_refresh(s, HOME, buf_cstr(&ticket), NULL), MESH_OUT_DONE);
        assert_lives(s, &id);
        street_free(s);
}

/* A mark of a time that never comes is no reason to hold this machine's clock for wrong for ever. */
static void test_mark_of_the_end(void **state) {
        (void)state;
        struct hash id;
        struct street *s = lived(&id);
        damage(&s->homes[HOME].disk, MESH_ROW_MARK);
        assert_lives(s, &id); /* its neighbours tell the time */
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_damaged),
                cmocka_unit_test(test_epochs_damaged),
                cmocka_unit_test(test_mark_of_the_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
