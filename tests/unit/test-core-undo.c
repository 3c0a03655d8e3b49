/* SPDX-License-Identifier: Apache-2.0 */
/* Undoing the use of a ticket, in streets of real cores. Seed: printed, and PORCHLIGHT_SEED. */
#include "core-visit.h"
#include "roster/op.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

struct want {
        size_t members, homes;
};

static bool members_are(struct street *s, void *ctx) {
        const struct want *w = ctx;
        for (size_t i = 0; i < w->homes; i++)
                if (street_members(s, i) != w->members)
                        return false;
        return true;
}

static size_t undos(struct street *s, size_t i) {
        const struct roster *r = mesh_roster(street_core(s, i));
        const struct roster_op *op;
        size_t n = 0;
        for (size_t k = 0; (op = roster_op_at(r, k)); k++)
                n += op->type == OP_INVITE_UNDO;
        return n;
}

/* Epochs on the disk of home @i made by another home's device. */
static size_t epochs_of_others(struct street *s, size_t i) {
        const struct roster *r = mesh_roster(street_core(s, i));
        const struct mesh_row *row;
        struct mesh_status st;
        size_t n = 0;
        mesh_status(street_core(s, i), &st);
        for (size_t k = 0; (row = street_row(s, i, k)); k++) {
                struct wire_epoch w;
                struct key device;
                if (row->kind != MESH_ROW_EPOCH || codec_decode(&wire_epoch_desc, row->epoch.header, &w, NULL))
                        continue;
                memcpy(device.b, w.device.p, sizeof(device.b));
                n += !key_eq(&roster_device_find(r, &device)->home->key, &st.household);
        }
        return n;
}

/* ---- as it should be ---- */

/* Undone at once: it hears so, reads nothing posted afterwards, and nobody else comes on that ticket. */
static void test_undone(void **state) {
        (void)state;
        struct hash before, after;
        struct street *s = street_bare(5, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 4));
        for (size_t i = 1; i < 4; i++)
                assert_int_equal(street_join(s, i, ticket), MESH_OUT_DONE);
        street_run_for(s, 5);
        assert_int_equal(street_post(s, 1, KIND_THEFT, "before", &before), MESH_OUT_DONE);
        street_run_for(s, 10);
        assert_true(street_has(s, 3, &before));
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 3), MESH_OUT_DONE);
        assert_true(street_wait(s, 2, members_are, &(struct want){3, 4}));
        street_run_for(s, 1);
        assert_int_equal(epochs_of_others(s, 0), 1); /* who countersigned brought the fresh key along */
        assert_int_equal(street_state(s, 3), FRESH_REMOVED);
        assert_int_equal(street_post(s, 3, KIND_FIRE, "I am still here", NULL), MESH_OUT_REMOVED);
        assert_int_equal(street_post(s, 1, KIND_FIRE, "after", &after), MESH_OUT_DONE);
        street_run_for(s, 600);
        assert_true(street_has(s, 0, &after) && street_has(s, 2, &after));
        assert_false(street_has(s, 3, &after) || street_body(s, 3, &after));
        assert_int_equal(street_join(s, 4, ticket), MESH_OUT_TICKET_USED);
        for (size_t i = 0; i < 3; i++) {
                street_off(s, i);
                street_on(s, i);
                assert_int_equal(street_members(s, i), 3);
                assert_int_equal(undos(s, i), 1);
        }
        free(ticket);
        street_free(s);
}

static void test_too_late(void **state) {
        (void)state;
        STREET(3);
        street_run_for(s, 86400 + 60);
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 2), MESH_OUT_UNDO_LATE);
        assert_true(members_are(s, &(struct want){3, 3}));
        street_free(s);
}

/* Neither a home that did not bring it, nor one twice. */
static void test_not_allowed(void **state) {
        (void)state;
        STREET(4);
        street_run_for(s, 5);
        assert_int_equal(street_vote(s, 1, OP_INVITE_UNDO, 2), MESH_OUT_UNDO_REFUSED);
        assert_int_equal(undos(s, 0), 0);
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 3), MESH_OUT_DONE);
        street_run_for(s, 5);
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 3), MESH_OUT_UNDO_REFUSED);
        assert_true(members_are(s, &(struct want){3, 4}));
        street_free(s);
}

/* ---- nobody, somebody slow, somebody whose disk is full ---- */

static void test_no_third_home(void **state) {
        (void)state;
        STREET(3);
        street_run_for(s, 5);
        street_off(s, 2);
        street_run_for(s, 200);
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 1), MESH_OUT_NO_WITNESS);
        assert_true(members_are(s, &(struct want){3, 2}));
        street_on(s, 2);
        street_run_for(s, 60);
        assert_int_equal(undos(s, 2), 0); /* what was refused is over */
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 1), MESH_OUT_DONE);
        assert_true(street_wait(s, 5, members_are, &(struct want){2, 3}));
        street_free(s);
}

/* The only one there answers after the asker has given up: it comes into force all the same, as the asker was told. */
static void test_answer_late(void **state) {
        (void)state;
        STREET(3);
        street_run_for(s, 5);
        street_hold(s, 0, 1, 12);
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 2), MESH_OUT_UNDO_UNANSWERED);
        street_run_for(s, 60);
        assert_true(members_are(s, &(struct want){2, 3}));
        street_free(s);
}

/* Two have countersigned in the end, one of them late: one undo, and the inviter's chain goes on. */
static void test_two_witnesses(void **state) {
        (void)state;
        size_t twice = 0;
        for (uint64_t k = 0; k < 6; k++) {
                struct street *s = street_new(6, seed + k);
                street_run_for(s, 5);
                for (size_t i = 2; i < 6; i++) /* home 1 hears of nothing but by home 0, and late */
                        street_cut(s, 1, i);
                street_run_for(s, 5);     /* links that were cut have it ask whether home 0 is there, … */
                street_hold(s, 0, 1, 15); /* … and so would 20 s without a word */
                assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 5), MESH_OUT_DONE);
                street_run_for(s, 60);
                assert_true(members_are(s, &(struct want){5, 6}));
                twice += undos(s, 4) == 2;
                assert_int_equal(street_vote(s, 0, OP_REMOVE, 4), MESH_OUT_DONE);
                assert_true(street_wait(s, 30, members_are, &(struct want){4, 4}));
                street_free(s);
        }
        assert_true(twice > 0);
}

static void test_full_disk(void **state) {
        (void)state;
        STREET(3);
        street_run_for(s, 5);
        street_disk_full(s, 1, true);
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 2), MESH_OUT_NO_WITNESS);
        street_run_for(s, 60);
        assert_true(members_are(s, &(struct want){3, 3}));
        assert_int_equal(undos(s, 0) + undos(s, 1), 0);
        street_disk_full(s, 1, false);
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 2), MESH_OUT_DONE);
        assert_true(street_wait(s, 5, members_are, &(struct want){2, 3}));
        street_free(s);
}

/* ---- others act at the same time ---- */

/* The home that is being undone lets two others in meanwhile: one before anybody heard of the undo, whose add the undo has not
 * seen, and one after. All homes agree on who is in, and the household's chain goes on. */
static void test_admits_meanwhile(void **state) {
        (void)state;
        struct street *s = street_bare(7, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 4));
        for (size_t i = 1; i < 4; i++)
                assert_int_equal(street_join(s, i, ticket), MESH_OUT_DONE);
        street_run_for(s, 30);
        char *own = strdup(street_invite(s, 3, 2)), *other = strdup(street_invite(s, 1, 2));
        for (size_t i = 0; i < 3; i++) { /* home 3 and those whom it lets in are apart */
                street_cut(s, i, 3);
                street_cut(s, i, 4);
        }
        street_run_for(s, 200);
        assert_int_equal(street_join(s, 4, own), MESH_OUT_DONE); /* on a ticket of the home that is to go */
        assert_int_equal(street_join(s, 5, other), MESH_OUT_DONE);
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 3), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 6, other), MESH_OUT_DONE);
        for (size_t i = 0; i < 3; i++) {
                street_mend(s, i, 3);
                street_mend(s, i, 4);
        }
        street_run_for(s, 900);
        static const size_t in[] = {0, 1, 2, 5, 6};
        for (size_t k = 0; k < ARRAY_LEN(in); k++)
                assert_int_equal(street_members(s, in[k]), ARRAY_LEN(in));
        struct hash id;
        assert_int_equal(street_post(s, 5, KIND_THEFT, "for members", &id), MESH_OUT_DONE);
        street_run_for(s, 900);
        for (size_t k = 0; k < ARRAY_LEN(in); k++)
                assert_true(street_has(s, in[k], &id));
        assert_false(street_body(s, 3, &id) || street_body(s, 4, &id)); /* nobody speaks to them any more */
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 2), MESH_OUT_DONE);
        street_run_for(s, 60);
        assert_int_equal(street_members(s, 0), ARRAY_LEN(in) - 1);
        free(ticket);
        free(own);
        free(other);
        street_free(s);
}

/* The add, the undo and another add at one door, as fast as they come. */
static void test_one_after_the_other(void **state) {
        (void)state;
        struct street *s = street_bare(6, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 5));
        for (size_t i = 1; i < 4; i++)
                assert_int_equal(street_join(s, i, ticket), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 4, ticket), MESH_OUT_DONE);
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 4), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 5, ticket), MESH_OUT_TICKET_USED); /* a removal closes the ticket */
        assert_true(street_wait(s, 30, members_are, &(struct want){4, 4}));
        free(ticket);
        street_free(s);
}

/* Undone by who invited it and removed by a steward elsewhere, neither knowing of the other: gone once, and the same everywhere. */
static void test_removed_meanwhile(void **state) {
        (void)state;
        STREET(6);
        street_run_for(s, 5);
        assert_int_equal(street_vote(s, 0, OP_PROMOTE, 1), MESH_OUT_DONE);
        street_run_for(s, 30);
        for (size_t a = 0; a < 3; a++)
                for (size_t b = 3; b < 6; b++)
                        street_cut(s, a, b);
        for (size_t b = 3; b < 6; b++) /* home 1 is with the others */
                street_mend(s, 1, b);
        street_cut(s, 0, 1);
        street_cut(s, 2, 1);
        street_run_for(s, 200);
        assert_int_equal(street_vote(s, 1, OP_REMOVE, 5), MESH_OUT_DONE); /* of two stewards one vote: not enough yet */
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 5), MESH_OUT_DONE);
        assert_int_equal(street_members(s, 0), 5);
        for (size_t a = 0; a < 6; a++)
                for (size_t b = 0; b < 6; b++)
                        street_mend(s, a, b);
        street_run_for(s, 300);
        assert_true(members_are(s, &(struct want){5, 5}));
        assert_int_not_equal(street_state(s, 5), FRESH_CURRENT);
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 5), MESH_OUT_UNDO_REFUSED);
        for (size_t i = 0; i < 5; i++) { /* the removed set, and with it the key, is one for all */
                struct hash id;
                assert_int_equal(street_post(s, i, KIND_THEFT, "one of five", &id), MESH_OUT_DONE);
                street_run_for(s, 30);
                for (size_t k = 0; k < 5; k++)
                        assert_true(street_has(s, k, &id));
                assert_false(street_has(s, 5, &id));
        }
        street_free(s);
}

/* Of two homes there is no third to see it: an undo is refused, and what is left is the founder's removal. */
static void test_too_few(void **state) {
        (void)state;
        STREET(2);
        street_run_for(s, 5);
        assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 1), MESH_OUT_NO_WITNESS);
        assert_true(members_are(s, &(struct want){2, 2}));
        assert_int_equal(undos(s, 0), 0);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 1), MESH_OUT_DONE);
        street_run_for(s, 30);
        assert_int_equal(street_members(s, 0), 1);
        assert_int_equal(street_state(s, 1), FRESH_REMOVED);
        street_free(s);
}

/* The home that is asked first says nothing, for good: the next one is asked, after eight seconds and no sooner. */
static void test_keeps_its_answer(void **state) {
        (void)state;
        for (uint64_t k = 0; k < 4; k++) {
                struct street *s = street_new(4, seed + k);
                street_run_for(s, 30);
                street_hold(s, 1, 0, 3600); /* what home 1 says to home 0 stays on the way */
                struct hash before;
                assert_int_equal(street_post(s, 2, KIND_THEFT, "the others are there", &before), MESH_OUT_DONE);
                assert_int_equal(street_vote(s, 0, OP_INVITE_UNDO, 3), MESH_OUT_DONE);
                street_run_for(s, 60);
                assert_int_equal(street_members(s, 0), 3);
                assert_int_equal(street_members(s, 1), 3);
                assert_int_equal(street_members(s, 2), 3);
                street_free(s);
        }
}

/* ---- a guest who pleads ---- */

/* What was said is on its way, and answered. */
static void say_it(struct visit *v) {
        flush(v);
        street_run_for(v->s, 1);
}

/* Knocks at @home as the device of home @as. */
static void visit_start(struct visit *v, struct street *s, size_t home, size_t as) {
        visit_greet(v, s, home, as);
        say_it(v);
        assert_false(v->g.gone);
}

static void plead(struct visit *v, struct span op) {
        struct wire_witness msg = {.op = op};
        guest_say(&v->g, LINK_WITNESS, &msg);
        say_it(v);
}

static enum wire_e_decline declined(const struct visit *v) {
        struct wire_declined msg;
        assert_int_equal(codec_decode(&wire_declined_desc, buf_span(&v->g.last[LINK_DECLINED]), &msg, NULL), 0);
        return (enum wire_e_decline)msg.why;
}

/* Home 1 is off, and its device is played here: what does home 2 say to it? */
static struct street *street_of_guest(void) {
        STREET(4);
        street_run_for(s, 5);
        street_off(s, 1);
        street_run_for(s, 200);
        return s;
}

static void test_plea_of_others(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf op = BUF_NULL, forged = BUF_NULL;
        struct street *s = street_of_guest();
        struct visit v;
        street_sign(s, 0, OP_INVITE_UNDO, 3, &op); /* good, and not its own */
        visit_start(&v, s, 2, 1);
        plead(&v, buf_span(&op));
        assert_int_equal(v.g.bye, REASON_BAD_FRAME);
        visit_end(&v);
        street_run_for(s, 5);
        street_on(s, 1);
        street_run_for(s, 30);
        buf_clear(&op);
        street_sign(s, 1, OP_REMOVE, 3, &op); /* its own, and no undo */
        street_sign(s, 1, OP_INVITE_UNDO, 3, &forged);
        street_off(s, 1);
        street_run_for(s, 200);
        visit_start(&v, s, 2, 1);
        plead(&v, buf_span(&op));
        assert_int_equal(v.g.bye, REASON_BAD_FRAME);
        visit_end(&v);
        forged.p[forged.n - 1] ^= 1;
        visit_start(&v, s, 2, 1);
        plead(&v, buf_span(&forged));
        assert_int_equal(v.g.bye, REASON_BAD_SIGNATURE);
        visit_end(&v);
        assert_int_equal(street_members(s, 2), 4);
        street_free(s);
}

/* Whoever was not asked has nothing to decline, nor has who was asked something else. */
static void test_answers_nobody_asked_for(void **state) {
        (void)state;
        static const uint8_t other[32] = {9};
        struct street *s = street_of_guest();
        struct visit v;
        struct wire_declined msg = {.what = SPAN_OF(other), .why = DECLINE_RULE};
        visit_start(&v, s, 0, 1);
        guest_say(&v.g, LINK_DECLINED, &msg);
        say_it(&v);
        assert_false(v.g.gone);
        street_hold(s, 2, 0, 5); /* those who are asked in earnest are slow */
        street_hold(s, 3, 0, 5);
        _clean_(buf_fini) struct buf op = BUF_NULL;
        street_sign(s, 0, OP_INVITE_UNDO, 3, &op);
        struct home *h = &s->homes[0];
        h->replied = false;
        street_feed(s, 0,
                    (struct mesh_event){.type = MESH_EV_OP, .token = ++h->command, .operation.op = buf_span(&op)});
        for (int i = 0; i < 3; i++) {
                guest_say(&v.g, LINK_DECLINED, &msg);
                say_it(&v);
        }
        assert_false(v.g.gone);
        assert_false(h->replied);
        street_run_for(s, 60);
        assert_true(h->replied);
        assert_int_equal(h->reply.reply.outcome, MESH_OUT_DONE);
        assert_int_equal(street_members(s, 2), 3);
        visit_end(&v);
        street_free(s);
}

/* What the vault hands over is looked at before anybody is asked: another household's, of nothing, and two at a time. */
static void test_what_is_no_undo_of_ours(void **state) {
        (void)state;
        STREET(4);
        street_run_for(s, 30);
        _clean_(buf_fini) struct buf theirs = BUF_NULL, forged = BUF_NULL, good = BUF_NULL;
        street_sign(s, 1, OP_INVITE_UNDO, 3, &theirs);
        street_sign(s, 0, OP_INVITE_UNDO, 3, &good);
        buf_add(&forged, buf_span(&good));
        forged.p[forged.n - 1] ^= 1;
        struct home *h = &s->homes[0];
        const struct buf *wrong[] = {&theirs, &forged};
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                h->replied = false;
                street_feed(s, 0,
                            (struct mesh_event){
                                    .type = MESH_EV_OP, .token = ++h->command, .operation.op = buf_span(wrong[i])});
                assert_true(h->replied);
                assert_int_equal(h->reply.reply.outcome, MESH_OUT_BAD_OP);
        }
        for (size_t i = 1; i < 4; i++)
                street_hold(s, i, 0, 5);
        h->replied = false;
        street_feed(s, 0,
                    (struct mesh_event){.type = MESH_EV_OP, .token = ++h->command, .operation.op = buf_span(&good)});
        assert_false(h->replied);
        street_feed(s, 0,
                    (struct mesh_event){.type = MESH_EV_OP, .token = ++h->command, .operation.op = buf_span(&good)});
        assert_true(h->replied);
        assert_int_equal(h->reply.reply.outcome, MESH_OUT_BUSY);
        street_run_for(s, 60);
        assert_int_equal(street_members(s, 2), 3);
        street_free(s);
}

/* PROTOCOL 6.42 */
static void test_pleas_are_bounded(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf op = BUF_NULL;
        STREET(4);
        street_run_for(s, 5);
        street_sign(s, 1, OP_INVITE_UNDO, 3, &op); /* home 0 brought it */
        street_off(s, 1);
        street_run_for(s, 200);
        struct visit v;
        visit_start(&v, s, 2, 1);
        for (unsigned i = 0; i < 24; i++) {
                plead(&v, buf_span(&op));
                assert_int_equal(declined(&v), DECLINE_RULE);
        }
        plead(&v, buf_span(&op));
        assert_int_equal(declined(&v), DECLINE_NOT_NOW);
        assert_int_equal(v.g.got[LINK_DECLINED], 25);
        assert_false(v.g.gone);
        visit_end(&v);
        street_free(s);
}

/* Signed an hour ago: it would say that the home went an hour ago. */
static void test_old_plea(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf op = BUF_NULL;
        STREET(4);
        street_run_for(s, 5);
        street_sign(s, 0, OP_INVITE_UNDO, 3, &op);
        street_run_for(s, 3600);
        street_off(s, 0);
        street_run_for(s, 200);
        struct visit v;
        visit_start(&v, s, 2, 0);
        plead(&v, buf_span(&op));
        assert_int_equal(declined(&v), DECLINE_RULE);
        assert_int_equal(street_members(s, 2), 4);
        visit_end(&v);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_undone),
                cmocka_unit_test(test_too_late),
                cmocka_unit_test(test_not_allowed),
                cmocka_unit_test(test_no_third_home),
                cmocka_unit_test(test_answer_late),
                cmocka_unit_test(test_two_witnesses),
                cmocka_unit_test(test_full_disk),
                cmocka_unit_test(test_admits_meanwhile),
                cmocka_unit_test(test_one_after_the_other),
                cmocka_unit_test(test_removed_meanwhile),
                cmocka_unit_test(test_too_few),
                cmocka_unit_test(test_keeps_its_answer),
                cmocka_unit_test(test_plea_of_others),
                cmocka_unit_test(test_answers_nobody_asked_for),
                cmocka_unit_test(test_what_is_no_undo_of_ours),
                cmocka_unit_test(test_pleas_are_bounded),
                cmocka_unit_test(test_old_plea),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
