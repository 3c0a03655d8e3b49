/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that gives back rows which are no longer what was written, or without what they belong to: a home begins with what
 * can still be used, says what it says, and gets the rest from its neighbours. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core/core.h"
#include "core/record.h"
#include "support/street_inside.h"
#include "wire/codec.h"

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
                case MESH_ROW_SLOTS:
                case MESH_ROW_CLIP:
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

/* ---- proofs ---- */

/* Home 2 has told two stories in one slot, and everybody holds the proof. HOME is off. */
static struct street *contradicted(struct hash *ret_id) {
        struct street *s = street_new(3, seed);
        street_run_for(s, 60);
        assert_int_equal(street_post(s, HOME, KIND_FIRE, "before", ret_id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, ret_id, 60));
        street_copy_disk(s, 2);
        assert_int_equal(street_post(s, 2, KIND_THEFT, "one story", NULL), MESH_OUT_DONE);
        street_run_for(s, 30);
        street_off(s, 2);
        street_old_disk(s, 2);
        street_cut(s, 0, 2);
        street_cut(s, HOME, 2);
        street_on(s, 2);
        assert_int_equal(street_post(s, 2, KIND_THEFT, "another", NULL), MESH_OUT_DONE);
        street_mend(s, 0, 2);
        street_mend(s, HOME, 2);
        street_run_for(s, 300);
        street_off(s, HOME);
        return s;
}

static size_t facts_of(struct street *s, size_t i) {
        const struct mesh *m = street_core(s, i);
        size_t n = 0;
        for (size_t k = 0; k < m->n_sorted; k++)
                n += rec_is_fact(m->sorted[k]);
        return n;
}

static struct mesh_row *proof_row(struct street *s) {
        struct disk *d = &s->homes[HOME].disk;
        for (size_t i = 0; i < d->n; i++)
                if (d->rows[i].row.kind == MESH_ROW_PROOF)
                        return &d->rows[i].row;
        fail_msg("no proof on the disk");
        return NULL;
}

/* The same record twice contradicts nothing. */
static void twice_the_same(struct mesh_row *row, struct buf *store) {
        struct wire_proof w;
        assert_int_equal(codec_decode(&wire_proof_desc, row->proof.bytes, &w, NULL), 0);
        w.other = w.one;
        codec_encode(&wire_proof_desc, &w, store);
        row->proof.bytes = buf_span(store);
}

static void no_record(struct mesh_row *row, struct buf *store) {
        struct wire_proof w;
        assert_int_equal(codec_decode(&wire_proof_desc, row->proof.bytes, &w, NULL), 0);
        w.other = SPAN_STR(NOISE);
        codec_encode(&wire_proof_desc, &w, store);
        row->proof.bytes = buf_span(store);
}

static void long_over(struct mesh_row *row, struct buf *store) {
        (void)store;
        row->proof.expires = 1;
}

static void another_name(struct mesh_row *row, struct buf *store) {
        (void)store;
        row->proof.id.b[0] ^= 1;
}

/* A proof that proves nothing any more is none; its neighbours hold the true one, and it is held again. */
static void test_proofs_damaged(void **state) {
        (void)state;
        static void (*const spoil[])(struct mesh_row * row, struct buf * store) = {twice_the_same, no_record, long_over,
                                                                                   another_name};
        for (size_t i = 0; i < ARRAY_LEN(spoil); i++) {
                struct hash id;
                struct street *s = contradicted(&id);
                _clean_(buf_fini) struct buf store = BUF_NULL;
                size_t facts = facts_of(s, 0);
                assert_true(facts >= 2);
                spoil[i](proof_row(s), &store);
                street_on(s, HOME);
                assert_true(facts_of(s, HOME) < facts || spoil[i] == another_name);
                assert_lives(s, &id);
                assert_int_equal(facts_of(s, HOME), facts);
                street_free(s);
        }
}

/* ---- a restoring ---- */

/* The way back is there, and its keys are not whole: nobody can be greeted by such a row, and the home says it is in no mesh. */
static void test_way_back_damaged(void **state) {
        (void)state;
        static const uint8_t half[33];
        struct street *s = street_bare(2, seed);
        struct wire_b_return way = {.mesh = span_of(half, 32),
                                    .household = span_of(half, 32),
                                    .device = span_of(half, 32),
                                    .noise = span_of(half, 32),
                                    .keys = SPAN_OF(half)};
        _clean_(buf_fini) struct buf text = BUF_NULL;
        codec_encode(&wire_b_return_desc, &way, &text);
        street_off(s, HOME);
        disk_put(&s->homes[HOME].disk,
                 &(struct mesh_row){.kind = MESH_ROW_JOIN, .join = {.op = SPAN_STR(NOISE), .ticket = buf_span(&text)}});
        street_on(s, HOME);
        assert_int_equal(street_state(s, HOME), FRESH_NO_MESH);
        assert_int_equal(street_found(s, HOME), MESH_OUT_DONE);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_damaged),          cmocka_unit_test(test_epochs_damaged),
                cmocka_unit_test(test_mark_of_the_end),  cmocka_unit_test(test_proofs_damaged),
                cmocka_unit_test(test_way_back_damaged),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
