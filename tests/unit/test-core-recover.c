/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A home out of a backup on a slow disk: the test is the disk of one core, and answers when it likes. What the core does
 * before the beginning is on disk cannot be taken back when the disk refuses it. Where it is told to, the test is also the
 * line to a neighbour in a street, and the vault.
 */
#include "core-visit.h"
#include "crypto/sign.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOMES 3
#define LOST 1 /* the home whose device is lost */
#define MESSENGER 2
#define COMMAND 5 /* token of the restoring */
#define STORES_MOST 64
#define WAYS 8
#define OPS_MOST 16
#define SLOW 40000 /* ms that the disk takes: neighbours would be dialled many times over */
#define LOOK 100   /* ms between two looks */
#define CALLER 1   /* link of somebody who calls */
#define NEIGHBOUR 0
#define CALLS_MOST 16
#define ROUNDS 50    /* of saying and answering within one look: a core that says the same for ever is not followed */
#define NAMED 60     /* seconds in which a neighbour is greeted, compared with, and the disk has refused */
#define WITH_ROOM 30 /* seconds in which all is well again */

struct check {
        uint64_t token;
        struct buf good;
};

struct again { /* the core of the home that comes back */
        struct mesh *m;
        mesh_time now;
        mesh_wall wall;
        /* The line to the neighbour; without a street nobody answers. */
        struct street *s;
        struct mesh_addr way;
        mesh_link calls[CALLS_MOST], mine, theirs; /* dialled and not answered yet; the link's number at either end */
        bool to_way[CALLS_MOST], up, hung_up, gone;
        size_t n_calls;
        struct buf said, heard; /* on their way to the neighbour, and from there */
        struct check checks[CALLS_MOST];
        size_t n_checks;
        bool full;
        uint64_t waiting[STORES_MOST]; /* what its disk has not answered yet */
        size_t n_waiting;
        size_t dials, joins, hangups;
        bool replied;
        enum mesh_outcome outcome;
};

static uint64_t seed;

static void call(struct again *a, const struct mesh_action *act) {
        a->dials++;
        if (!a->s)
                return;
        assert_true(a->n_calls < CALLS_MOST);
        a->to_way[a->n_calls] = memcmp(&act->dial, &a->way, sizeof(a->way)) == 0;
        a->calls[a->n_calls++] = act->link;
}

static void verify(struct again *a, const struct mesh_action *act) {
        assert_true(a->n_checks < CALLS_MOST);
        struct check *c = &a->checks[a->n_checks++];
        *c = (struct check){act->token, BUF_NULL};
        for (size_t i = 0; i < act->verify.n; i++) {
                const struct mesh_verify *v = &act->verify.items[i];
                buf_add_u8(&c->good, sign_check(v->sig, &v->pub, (enum domain)v->domain, &v->what));
        }
}

static void perform(struct again *a, const struct mesh_action *act) {
        if (act->type == MESH_DO_DIAL) {
                call(a, act);
        } else if (act->type == MESH_DO_SEND && act->link == a->mine) {
                buf_add(&a->said, act->send);
        } else if (act->type == MESH_DO_VERIFY) {
                verify(a, act);
        } else if (act->type == MESH_DO_HANGUP) {
                a->hangups++;
                a->hung_up |= act->link == a->mine;
        } else if (act->type == MESH_DO_STORE) {
                assert_true(a->n_waiting < STORES_MOST);
                a->waiting[a->n_waiting++] = act->token;
                a->joins += act->store->kind == MESH_ROW_JOIN;
        } else if (act->type == MESH_DO_REPLY && act->token == COMMAND) {
                a->replied = true;
                a->outcome = act->reply.outcome;
        }
}

static void feed(struct again *a, struct mesh_event ev) {
        struct mesh_action act;
        ev.now = a->now;
        ev.wall = a->wall + a->now / 1000;
        assert_int_equal(mesh_step(a->m, &ev), 0);
        while (mesh_next(a->m, &act))
                perform(a, &act);
}

static void run_for(struct again *a, mesh_time ms) {
        for (mesh_time end = a->now + ms; a->now < end; a->now += LOOK)
                feed(a, (struct mesh_event){.type = MESH_EV_TICK});
}

static void disk_answers(struct again *a, bool ok) {
        size_t n = a->n_waiting;
        uint64_t tokens[STORES_MOST];
        memcpy(tokens, a->waiting, sizeof(tokens));
        a->n_waiting = 0;
        for (size_t i = 0; i < n; i++)
                feed(a, (struct mesh_event){.type = MESH_EV_STORED, .token = tokens[i], .stored.ok = ok});
}

/* ---- the line ---- */

static void on_heard(void *ctx, struct span bytes, bool gone) {
        struct again *a = ctx;
        buf_add(&a->heard, bytes);
        a->gone |= gone;
}

static void answer_call(struct again *a) {
        struct mesh_event ev = {.type = MESH_EV_LINK_DOWN, .link = a->calls[--a->n_calls]};
        if (a->to_way[a->n_calls] && !a->up) {
                a->up = true;
                a->mine = ev.link;
                a->theirs = street_attach(a->s, NEIGHBOUR, on_heard, a);
                ev.type = MESH_EV_LINK_UP;
                ev.up.addr = a->way;
                ev.up.dialled = true;
        }
        feed(a, ev);
}

static void say(struct again *a) {
        _clean_(buf_fini) struct buf said = a->said;
        a->said = BUF_NULL;
        if (a->up && !a->gone)
                street_attached_send(a->s, NEIGHBOUR, a->theirs, buf_span(&said));
        feed(a, (struct mesh_event){.type = MESH_EV_WRITABLE, .link = a->mine});
}

static void hear(struct again *a) {
        _clean_(buf_fini) struct buf heard = a->heard;
        a->heard = BUF_NULL;
        if (a->up && !a->hung_up)
                feed(a, (struct mesh_event){.type = MESH_EV_RECV, .link = a->mine, .recv = buf_span(&heard)});
}

static void end_link(struct again *a) {
        bool told = a->gone && !a->hung_up;
        a->up = a->gone = a->hung_up = false;
        street_detach(a->s, NEIGHBOUR, a->theirs);
        if (told)
                feed(a, (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = a->mine});
        a->mine = 0;
}

static void answer_check(struct again *a) {
        _clean_(buf_fini) struct buf good = a->checks[--a->n_checks].good;
        struct mesh_event ev = {.type = MESH_EV_VERIFIED, .token = a->checks[a->n_checks].token};
        ev.verified.good = (const bool *)good.p;
        ev.verified.n = good.n;
        feed(a, ev);
}

/* One thing that waits. False: nothing does. */
static bool carry(struct again *a) {
        if (a->n_checks)
                answer_check(a);
        else if (a->n_waiting)
                disk_answers(a, !a->full);
        else if (a->said.n)
                say(a);
        else if (a->heard.n)
                hear(a);
        else if (a->up && (a->gone || a->hung_up))
                end_link(a);
        else if (a->n_calls)
                answer_call(a);
        else
                return false;
        return true;
}

/* One look's time passes, in the street as well. */
static void live(struct again *a) {
        street_run_for(a->s, LOOK / 1000.0);
        a->now += LOOK;
        feed(a, (struct mesh_event){.type = MESH_EV_TICK});
        for (int i = 0; i < ROUNDS && carry(a); i++)
                ;
}

static void connect_to(struct again *a, struct street *s) {
        struct sign_key neighbour;
        struct mesh_way ways[WAYS];
        size_t n = mesh_ways(street_core(s, LOST), ways, WAYS);
        sign_key_from_seed(&neighbour, street_config(s, NEIGHBOUR)->sign_seed);
        while (n > 0 && !key_eq(&ways[n - 1].device, &neighbour.pub))
                n--;
        assert_true(n > 0);
        a->way = ways[n - 1].addr;
        a->s = s;
        a->wall = street_wall(s) - a->now / 1000;
        street_off(s, LOST);
}

static void end_again(struct again *a) {
        for (size_t i = 0; i < a->n_checks; i++)
                buf_fini(&a->checks[i].good);
        buf_fini(&a->said);
        buf_fini(&a->heard);
        mesh_free(a->m);
}

static enum mesh_outcome problem_of(const struct again *a) {
        struct mesh_status st;
        mesh_status(a->m, &st);
        return st.join_problem;
}

static enum wire_e_fresh state_of(const struct again *a) {
        struct mesh_status st;
        mesh_status(a->m, &st);
        return st.state;
}

static bool vault_is_wanted(const struct again *a) {
        struct hash mesh;
        struct key household, old;
        return mesh_recovering(a->m, &mesh, &household, &old);
}

/* What a backup of the lost home holds, given to a fresh core. */
static struct mesh_config begin(struct again *a, struct street *s) {
        const struct mesh_config *lost = street_config(s, LOST);
        struct mesh_config cfg = *lost;
        struct sign_key old;
        struct key keys[MESH_PSKS_MAX];
        struct mesh_way ways[WAYS];
        struct span ops[OPS_MOST];
        const struct mesh_row *row;
        *a = (struct again){.now = 1000, .wall = street_wall(s)};
        sign_key_from_seed(&old, lost->sign_seed);
        struct mesh_recover b = {.mesh = *roster_mesh(mesh_roster(street_core(s, LOST))),
                                 .device = old.pub,
                                 .noise = lost->noise_secret,
                                 .keys = keys,
                                 .ways = ways,
                                 .ops = ops};
        b.household = roster_device_find(mesh_roster(street_core(s, LOST)), &old.pub)->home->key;
        b.n_keys = mesh_psks(street_core(s, LOST), keys);
        b.n_ways = mesh_ways(street_core(s, LOST), ways, WAYS);
        for (size_t k = 0; (row = street_row(s, LOST, k)) && b.n_ops < OPS_MOST; k++)
                if (row->kind == MESH_ROW_OP)
                        ops[b.n_ops++] = row->op.bytes;
        assert_true(b.n_keys > 0 && b.n_ways > 0 && b.n_ops == HOMES);
        memset(cfg.sign_seed, 7, sizeof(cfg.sign_seed));
        memset(cfg.noise_secret.b, 8, sizeof(cfg.noise_secret.b));
        memset(cfg.seal_secret.b, 9, sizeof(cfg.seal_secret.b));
        assert_int_equal(mesh_new(&a->m, &cfg), 0);
        feed(a, (struct mesh_event){.type = MESH_EV_START});
        disk_answers(a, true);
        feed(a, (struct mesh_event){.type = MESH_EV_RECOVER, .token = COMMAND, .recover = &b});
        assert_int_equal(a->joins, 1);
        return cfg;
}

static void test_greets_once_begun(void **state) {
        (void)state;
        struct again a;
        struct street *s = street_new(HOMES, seed);
        street_run_for(s, 60);
        begin(&a, s);
        run_for(&a, SLOW);
        assert_int_equal(a.dials, 0);
        assert_false(vault_is_wanted(&a));
        disk_answers(&a, true);
        run_for(&a, SLOW);
        assert_true(a.dials > 0);
        assert_true(vault_is_wanted(&a));
        assert_int_equal(state_of(&a), FRESH_RESTORING);
        assert_false(a.replied);
        mesh_free(a.m);
        street_free(s);
}

/* A row for the disk after the one it refused might find the room the first had not, and a restart the home half back. */
static void test_refused_leaves_nothing(void **state) {
        (void)state;
        struct again a;
        struct street *s = street_new(HOMES, seed);
        street_run_for(s, 60);
        begin(&a, s);
        feed(&a, (struct mesh_event){.type = MESH_EV_LINK_UP, .link = CALLER});
        assert_int_equal(a.hangups, 1); /* nobody is let in either */
        feed(&a,
             (struct mesh_event){.type = MESH_EV_REPLACE, .operation.op = SPAN_STR("an operation nobody asked for")});
        assert_int_equal(a.joins, 1);
        disk_answers(&a, false);
        assert_true(a.replied);
        assert_int_equal(a.outcome, MESH_OUT_STORE_FAILED);
        assert_int_equal(state_of(&a), FRESH_NO_MESH);
        run_for(&a, SLOW);
        assert_int_equal(a.dials, 0);
        assert_int_equal(a.joins, 1);
        assert_false(vault_is_wanted(&a));
        mesh_free(a.m);
        street_free(s);
}

/* Whoever restores a home is told that the disk is full, and need not begin again: with room it goes on. */
static void test_full_is_named(void **state) {
        (void)state;
        struct again a;
        struct sign_key fresh;
        _clean_(buf_fini) struct buf op = BUF_NULL;
        struct street *s = street_new(HOMES, seed);
        street_run_for(s, 60);
        const struct mesh_config cfg = begin(&a, s);
        sign_key_from_seed(&fresh, cfg.sign_seed);
        connect_to(&a, s);
        disk_answers(&a, true);
        street_replacement(s, LOST, mesh_roster(a.m), &cfg, &op);
        feed(&a, (struct mesh_event){.type = MESH_EV_REPLACE, .operation.op = buf_span(&op)});
        disk_answers(&a, true);
        a.full = true;
        for (int i = 0; i < NAMED * 1000 / LOOK && problem_of(&a) != MESH_OUT_NO_ROOM_YET; i++)
                live(&a);
        for (int i = 0; i < NAMED * 1000 / LOOK; i++) { /* and so for as long as it is */
                assert_int_equal(problem_of(&a), MESH_OUT_NO_ROOM_YET);
                assert_false(a.replied);
                live(&a);
        }
        assert_null(roster_device_find(mesh_roster(street_core(s, NEIGHBOUR)), &fresh.pub));
        a.full = false;
        for (int i = 0; i < WITH_ROOM * 1000 / LOOK && state_of(&a) != FRESH_CURRENT; i++)
                live(&a);
        assert_int_equal(state_of(&a), FRESH_CURRENT);
        assert_true(a.replied);
        assert_int_equal(a.outcome, MESH_OUT_DONE);
        const struct roster_device *there = roster_device_find(mesh_roster(street_core(s, NEIGHBOUR)), &fresh.pub);
        assert_true(there && !there->gone_at);
        end_again(&a);
        street_free(s);
}

/* ---- what may have become of the household meanwhile ---- */

static void until(struct again *a, enum mesh_outcome problem) {
        for (int i = 0; i < NAMED * 1000 / LOOK && problem_of(a) != problem; i++)
                live(a);
        assert_int_equal(problem_of(a), problem);
        for (int i = 0; i < NAMED * 1000 / LOOK; i++)
                live(a);
        assert_int_equal(problem_of(a), problem);
        assert_false(a->replied);
}

enum fate { REMOVED, LEFT, REPLACED };

/* What its household, or the neighbour's, has signed. */
static void sign_fate(struct street *s, enum fate fate, struct buf *ret) {
        if (fate == REMOVED)
                street_sign(s, NEIGHBOUR, OP_REMOVE, LOST, ret);
        if (fate == LEFT)
                street_sign(s, LOST, OP_LEAVE, LOST, ret);
        if (fate == REPLACED)
                street_sign_revoke(s, LOST, LOST, ret);
}

/* It is linked, and waits for its vault; then its household is removed, or leaves, or takes the lost device out: that is said,
 * and nothing given out. */
static void comes_too_late(enum fate fate, enum mesh_outcome problem) {
        struct again a;
        struct visit v;
        struct street *s = street_new(HOMES, seed);
        _clean_(buf_fini) struct buf op = BUF_NULL;
        street_run_for(s, 60);
        sign_fate(s, fate, &op);
        begin(&a, s);
        street_off(s, MESSENGER);
        connect_to(&a, s);
        disk_answers(&a, true);
        until(&a, MESH_OUT_KEY_NEEDED);
        visit_greet(&v, s, NEIGHBOUR, MESSENGER);
        guest_say_raw(&v.g, LINK_OP, buf_span(&op));
        flush(&v);
        until(&a, problem);
        visit_end(&v);
        end_again(&a);
        street_free(s);
}

static void test_removed_meanwhile(void **state) {
        (void)state;
        comes_too_late(REMOVED, MESH_OUT_REMOVED);
}

static void test_left_meanwhile(void **state) {
        (void)state;
        comes_too_late(LEFT, MESH_OUT_LEFT);
}

static void test_replaced_meanwhile(void **state) {
        (void)state;
        comes_too_late(REPLACED, MESH_OUT_REPLACED);
}

/* Bytes that are no operation, and one over another fold than the neighbours': the vault is asked again. */
static void test_operation_that_does_not_fit(void **state) {
        (void)state;
        struct again a;
        struct street *s = street_new(HOMES, seed);
        _clean_(buf_fini) struct buf op = BUF_NULL;
        street_run_for(s, 60);
        const struct mesh_config cfg = begin(&a, s);
        street_replacement(s, LOST, mesh_roster(a.m), &cfg, &op);
        assert_int_equal(street_vote(s, LOST, OP_VOUCH, HOMES - 1), MESH_OUT_DONE); /* after the backup was made */
        street_run_for(s, 60);
        connect_to(&a, s);
        disk_answers(&a, true);
        const struct span wrong[] = {SPAN_STR("no operation at all"), buf_span(&op)};
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                feed(&a, (struct mesh_event){.type = MESH_EV_REPLACE, .operation.op = wrong[i]});
                until(&a, MESH_OUT_KEY_NEEDED);
                assert_true(vault_is_wanted(&a));
        }
        buf_clear(&op);
        street_replacement(s, LOST, mesh_roster(a.m), &cfg, &op);
        feed(&a, (struct mesh_event){.type = MESH_EV_REPLACE, .operation.op = buf_span(&op)});
        for (int i = 0; i < NAMED * 1000 / LOOK && state_of(&a) != FRESH_CURRENT; i++)
                live(&a);
        assert_int_equal(state_of(&a), FRESH_CURRENT);
        assert_int_equal(a.outcome, MESH_OUT_DONE);
        end_again(&a);
        street_free(s);
}

static void again_refused(struct again *a, const struct mesh_recover *b, enum mesh_outcome why) {
        a->replied = false;
        feed(a, (struct mesh_event){.type = MESH_EV_RECOVER, .token = COMMAND, .recover = b});
        assert_true(a->replied);
        assert_int_equal(a->outcome, why);
        a->replied = false;
}

/* One restoring at a time, none without a key or an operation, and none over a mesh that is there. */
static void test_no_second_beginning(void **state) {
        (void)state;
        struct again a = {.now = 1000};
        struct street *s = street_new(HOMES, seed);
        struct key keys[MESH_PSKS_MAX + 1] = {{{1}}};
        struct span op = SPAN_STR("is not looked at");
        struct mesh_recover b = {.keys = keys, .n_keys = 1, .ops = &op, .n_ops = 1};
        struct mesh_config cfg = *street_config(s, LOST);
        street_run_for(s, 60);
        a.wall = street_wall(s);
        assert_int_equal(mesh_new(&a.m, &cfg), 0);
        feed(&a, (struct mesh_event){.type = MESH_EV_START});
        disk_answers(&a, true);
        b.n_ops = 0;
        again_refused(&a, &b, MESH_OUT_BAD_OP);
        b.n_ops = 1;
        b.n_keys = 0;
        again_refused(&a, &b, MESH_OUT_BAD_OP);
        b.n_keys = MESH_PSKS_MAX + 1;
        again_refused(&a, &b, MESH_OUT_BAD_OP);
        assert_int_equal(state_of(&a), FRESH_NO_MESH);
        assert_int_equal(a.joins, 0);
        mesh_free(a.m);

        begin(&a, s);
        disk_answers(&a, true);
        b.n_keys = 1;
        again_refused(&a, &b, MESH_OUT_IN_MESH);
        assert_int_equal(state_of(&a), FRESH_RESTORING);
        assert_true(vault_is_wanted(&a));
        end_again(&a);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_greets_once_begun),
                cmocka_unit_test(test_refused_leaves_nothing),
                cmocka_unit_test(test_full_is_named),
                cmocka_unit_test(test_removed_meanwhile),
                cmocka_unit_test(test_left_meanwhile),
                cmocka_unit_test(test_replaced_meanwhile),
                cmocka_unit_test(test_operation_that_does_not_fit),
                cmocka_unit_test(test_no_second_beginning),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
