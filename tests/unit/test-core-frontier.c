/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More homes go at once than one fresh key can name: they leave, or take out a device, without having heard of one another.
 * Those that stay have a key among them all the same, and those that went do not. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core-visit.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/frontier.h"
#include "roster/op.h"
#include "support/household.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define STAY 4
#define SETTLED 1800 /* seconds after which nothing is on its way any more */

static uint64_t seed;

/* What those from @first on sign, each as if alone: every other one takes out its own device instead where @mixed. */
static struct buf *goodbyes(struct street *s, size_t first, size_t n, bool mixed) {
        struct buf *ops = calloc(n, sizeof(*ops));
        assert_non_null(ops);
        for (size_t i = 0; i < n; i++) {
                if (mixed && i % 2)
                        street_sign_revoke(s, first + i, first + i, &ops[i]);
                else
                        street_sign(s, first + i, OP_LEAVE, first + i, &ops[i]);
        }
        return ops;
}

static void goodbyes_free(struct buf *ops, size_t n) {
        for (size_t i = 0; i < n; i++)
                buf_fini(&ops[i]);
        free(ops);
}

/* Home @to gets them from a guest with the key of @messenger. The founder's turn to make a key comes with each of them;
 * where it is the messenger, all are there before anybody's turn comes. */
static void deliver(struct street *s, size_t to, size_t messenger, const struct buf *ops, size_t n) {
        struct visit v;
        street_off(s, messenger);
        street_run_for(s, 5);
        visit_greet(&v, s, to, messenger);
        for (size_t i = 0; i < n; i++)
                guest_say_raw(&v.g, LINK_OP, buf_span(&ops[i]));
        flush(&v);
        assert_false(v.g.gone);
        visit_end(&v);
        street_run_for(s, 60);
        street_on(s, messenger);
}

static size_t epochs_of(struct street *s, size_t home) {
        const struct mesh_row *row;
        size_t n = 0;
        for (size_t i = 0; (row = street_row(s, home, i)); i++)
                n += row->kind == MESH_ROW_EPOCH && row->epoch.has_key;
        return n;
}

/* Whoever of the @n posts, the others that stay can read it, and the rest never do. */
static void posts_reach(struct street *s, size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct hash id;
                assert_int_equal(street_post(s, i, KIND_FIRE, "who is still here?", &id), MESH_OUT_DONE);
                street_run_for(s, 90);
                for (size_t k = 0; k < n; k++)
                        assert_true(street_has(s, k, &id));
        }
}

/* Only what tells of all that went is ever written under. */
static void tell_apart(struct street *s, size_t home) {
        const struct mesh *m = street_core(s, home);
        struct hash removed;
        roster_removed(m->roster, &removed);
        for (size_t i = 0; i < m->n_epochs; i++)
                assert_int_equal(m->epochs[i]->over,
                                 memcmp(m->epochs[i]->w.removed.p, removed.b, sizeof(removed.b)) != 0);
}

/* Where @gone go at once each of those that stay may be in a hurry to make keys, all beside one another. */
static size_t keys_most(size_t gone) {
        return 1 + STAY * (gone / 15 + 2);
}

/* They have one set of keys, of which there are no more than @most, and say no more to each other than before. */
static void settles(struct street *s, size_t n, size_t most) {
        street_run_for(s, SETTLED);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(epochs_of(s, i), epochs_of(s, 0));
                assert_true(street_links(s, i) > 0);
        }
        assert_in_range(epochs_of(s, 0), 1, most);
        tell_apart(s, 0);
        uint64_t before = street_bytes(s);
        street_run_for(s, 600);
        assert_true((street_bytes(s) - before) / n < 24000);
}

/* They come back with what they had, and have ears for everything. */
static void gone_read_nothing(struct street *s, size_t first, size_t n) {
        struct hash id;
        for (size_t i = first; i < first + n; i++)
                street_on(s, i);
        street_run_for(s, 60);
        assert_int_equal(street_post(s, 0, KIND_THEFT, "among ourselves", &id), MESH_OUT_DONE);
        street_run_for(s, 120);
        for (size_t i = 0; i < first; i++)
                assert_true(street_has(s, i, &id));
        for (size_t i = first; i < first + n; i++)
                assert_false(street_has(s, i, &id));
        for (size_t i = first; i < first + n; i++)
                street_off(s, i);
}

enum how { LEAVE, LEAVE_ONE_BY_ONE, LEAVE_OR_REVOKE };

/* @n homes of STAY + @n go, and one home hears of all. */
static void go(size_t n, enum how how) {
        struct street *s = street_new(STAY + n, seed);
        street_run_for(s, 60);
        struct buf *ops = goodbyes(s, STAY, n, how == LEAVE_OR_REVOKE);
        for (size_t i = STAY; i < STAY + n; i++)
                street_off(s, i);
        deliver(s, how == LEAVE_ONE_BY_ONE ? 0 : 1, how == LEAVE_ONE_BY_ONE ? 1 : 0, ops, n);
        goodbyes_free(ops, n);
        street_run_for(s, 120);
        for (size_t i = 0; i < STAY; i++)
                assert_int_equal(street_state(s, i), FRESH_CURRENT);
        posts_reach(s, STAY);
        settles(s, STAY, how == LEAVE_ONE_BY_ONE ? STAY + n : keys_most(n));
        gone_read_nothing(s, STAY, n);
        street_free(s);
}

static void test_sixteen(void **state) {
        (void)state;
        go(16, LEAVE);
}

/* One more than a header names: one part, and what rests on it. */
static void test_seventeen(void **state) {
        (void)state;
        go(17, LEAVE);
}

static void test_forty(void **state) {
        (void)state;
        go(40, LEAVE_OR_REVOKE);
}

/* Each brings a key of its own, as it always did; the 17th rests on those before. */
static void test_one_by_one(void **state) {
        (void)state;
        go(24, LEAVE_ONE_BY_ONE);
}

/* ---- two halves ---- */

#define EACH 20

static void cut_halves(struct street *s, size_t homes, void (*how)(struct street *s, size_t a, size_t b)) {
        for (size_t i = 0; i < homes; i++)
                for (size_t k = i + 1; k < homes; k++)
                        if (i / 2 % 2 != k / 2 % 2)
                                how(s, i, k);
}

/* Each half has heard of twenty, and has made its keys; then they meet, and nobody signs anything more. */
static void test_halves(void **state) {
        (void)state;
        struct street *s = street_new(STAY + 2 * EACH, seed);
        struct hash id[2];
        street_run_for(s, 60);
        struct buf *ops = goodbyes(s, STAY, 2 * EACH, false);
        for (size_t i = STAY; i < STAY + 2 * EACH; i++)
                street_off(s, i);
        cut_halves(s, STAY, street_cut);
        street_run_for(s, 300);
        deliver(s, 1, 0, ops, EACH);
        deliver(s, 2, 3, ops + EACH, EACH);
        goodbyes_free(ops, 2 * EACH);
        street_run_for(s, 120);
        for (size_t half = 0; half < 2; half++) {
                assert_true(epochs_of(s, 2 * half) >= 3);
                assert_int_equal(street_post(s, 2 * half, KIND_FIRE, "in our half", &id[half]), MESH_OUT_DONE);
                street_run_for(s, 30);
                assert_true(street_has(s, 2 * half + 1, &id[half]));
        }
        cut_halves(s, STAY, street_mend);
        assert_true(street_wait_all_have(s, &id[0], 1800));
        assert_true(street_wait_all_have(s, &id[1], 1800));
        posts_reach(s, STAY);
        settles(s, STAY, keys_most(2 * EACH));
        gone_read_nothing(s, STAY, 2 * EACH);
        street_free(s);
}

/* ---- afterwards ---- */

/* All are started again; who has come since has the keys of today; and who leaves then makes one key more, not three. */
static void test_afterwards(void **state) {
        (void)state;
        const size_t gone = 40, newcomer = STAY + gone;
        struct street *s = street_bare(newcomer + 1, seed);
        struct hash id;
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, (uint32_t)newcomer - 1));
        for (size_t i = 1; i < newcomer; i++)
                assert_int_equal(street_join(s, i, ticket), MESH_OUT_DONE);
        free(ticket);
        street_run_for(s, 60);
        struct buf *ops = goodbyes(s, STAY, gone, true);
        for (size_t i = STAY; i < newcomer; i++)
                street_off(s, i);
        deliver(s, 1, 0, ops, gone);
        goodbyes_free(ops, gone);
        street_run_for(s, 60);
        for (size_t i = 0; i < STAY; i++)
                street_off(s, i);
        street_run_for(s, 60);
        for (size_t i = 0; i < STAY; i++)
                street_on(s, i);
        street_run_for(s, 60);
        size_t before = epochs_of(s, 1);
        assert_in_range(before, 4, keys_most(gone));
        ticket = strdup(street_invite(s, 1, 1));
        assert_int_equal(street_join(s, newcomer, ticket), MESH_OUT_DONE);
        free(ticket);
        street_run_for(s, 60);
        assert_int_equal(epochs_of(s, newcomer), before);
        assert_int_equal(street_post(s, newcomer, KIND_FIRE, "new here", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 60));
        ops = goodbyes(s, 2, 1, false);
        street_off(s, 2);
        deliver(s, 0, 1, ops, 1);
        goodbyes_free(ops, 1);
        street_run_for(s, 120);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "one fewer", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 60));
        assert_int_equal(epochs_of(s, newcomer), before + 1);
        street_free(s);
}

/* ---- headers that a guest makes ---- */

static void device_of(struct street *s, size_t home, struct sign_key *ret) {
        sign_key_from_seed(ret, street_config(s, home)->sign_seed);
}

/* EPOCH_KEY: a header by @device that names @names, and its keys. Returns the header's hash. */
static struct hash make_epoch(struct street *s, const struct sign_key *device, struct span names,
                              const struct hash *removed, struct buf *ret) {
        const struct hash mesh = *roster_mesh(mesh_roster(street_core(s, 0)));
        const struct key link = {{9}};
        struct keytree keys = {.key = {{8}}};
        struct hash c_key, c_link, what;
        uint8_t sig[SIGN_BYTES] = {0};
        keytree_root(&mesh, &keys, &c_key);
        hash_make(&c_link, DOMAIN_COMMIT_LINK, &mesh, SPAN_OF(link.b));
        struct wire_epoch w = {.generation = 7,
                               .frontier = names,
                               .removed = SPAN_OF(removed->b),
                               .commit_key = SPAN_OF(c_key.b),
                               .commit_link = SPAN_OF(c_link.b),
                               .device = SPAN_OF(device->pub.b),
                               .time = street_wall(s),
                               .sig = SPAN_OF(sig)};
        _clean_(buf_fini) struct buf header = BUF_NULL;
        codec_encode(&wire_epoch_desc, &w, &header);
        struct span before = codec_before(buf_span(&header), EPOCH_KEY_sig);
        hash_make(&what, DOMAIN_EPOCH, &mesh, before);
        sign_make(sig, device, DOMAIN_EPOCH, &what);
        codec_patch(&header, before.n, SPAN_OF(sig));
        struct wire_epoch_key msg = {.header = buf_span(&header)};
        WIRE_PUT(&msg, EPOCH_KEY, key, SPAN_OF(keys.key.b));
        WIRE_PUT(&msg, EPOCH_KEY, day, w.time / MESH_DAY);
        WIRE_PUT(&msg, EPOCH_KEY, link_key, SPAN_OF(link.b));
        codec_encode(&wire_epoch_key_desc, &msg, ret);
        assert_true(buf_ok(ret));
        return what;
}

static void say_epoch(struct visit *v, const struct sign_key *device, struct span names, const struct hash *removed) {
        _clean_(buf_fini) struct buf msg = BUF_NULL;
        make_epoch(v->s, device, names, removed, &msg);
        guest_say_raw(&v->g, LINK_EPOCH_KEY, buf_span(&msg));
        flush(v);
}

static void refused(struct street *s, const struct sign_key *device, struct span names, const struct hash *removed) {
        struct visit v;
        size_t before = street_core(s, 0)->n_epochs;
        visit_greet(&v, s, 0, 1);
        say_epoch(&v, device, names, removed);
        assert_true(v.g.gone);
        assert_int_equal(v.g.bye, REASON_BAD_SIGNATURE);
        assert_int_equal(street_core(s, 0)->n_epochs, before);
        visit_end(&v);
}

/* An epoch that is here stands for what it names; what is not here is waited for; and all of it has to tell what is stated. */
static void test_headers(void **state) {
        (void)state;
        struct street *s = street_new(4, seed);
        struct hash removed, names[2], nowhere = {{3}};
        struct sign_key device;
        struct visit v;
        street_run_for(s, 60);
        street_off(s, 1);
        street_run_for(s, 5);
        const struct mesh *m = street_core(s, 0);
        device_of(s, 1, &device);
        roster_removed(m->roster, &removed);
        const struct hash first = m->epochs[0]->hash;
        names[1] = roster_device_op(m->roster, roster_device_find(m->roster, &device.pub))->id;

        visit_greet(&v, s, 0, 1);
        names[0] = nowhere;
        say_epoch(&v, &device, span_of(names, sizeof(names)), &removed);
        assert_int_equal(m->n_epochs, 1);
        assert_int_equal(m->n_early, 1);
        names[0] = first;
        say_epoch(&v, &device, span_of(names, sizeof(names)), &removed);
        assert_false(v.g.gone);
        assert_int_equal(m->n_epochs, 2);
        assert_true(m->epochs[1]->has_key && epoch_usable(m) == m->epochs[1]);
        visit_end(&v);
        refused(s, &device, SPAN_OF(first.b), &removed); /* it tells of the founder alone: by it home 1 is no member */
        refused(s, &device, span_of(names, sizeof(names)), &nowhere);
        street_free(s);
}

/* Of three that rest on each other the last comes first, and the first last. */
static void test_backwards(void **state) {
        (void)state;
        struct street *s = street_new(4, seed);
        struct buf msgs[3] = {BUF_NULL, BUF_NULL, BUF_NULL};
        struct hash removed, names[2];
        struct sign_key device;
        struct visit v;
        street_run_for(s, 60);
        street_off(s, 1);
        street_run_for(s, 5);
        const struct mesh *m = street_core(s, 0);
        device_of(s, 1, &device);
        roster_removed(m->roster, &removed);
        names[0] = m->epochs[0]->hash;
        names[1] = roster_device_op(m->roster, roster_device_find(m->roster, &device.pub))->id;
        for (size_t i = 0; i < 3; i++)
                names[0] = make_epoch(s, &device, span_of(names, sizeof(names)), &removed, &msgs[i]);
        visit_greet(&v, s, 0, 1);
        for (size_t i = 3; i-- > 0;) {
                assert_int_equal(m->n_epochs, 1);
                guest_say_raw(&v.g, LINK_EPOCH_KEY, buf_span(&msgs[i]));
                flush(&v);
                buf_fini(&msgs[i]);
        }
        assert_int_equal(m->n_epochs, 4);
        assert_int_equal(m->n_early, 0);
        assert_false(v.g.gone);
        visit_end(&v);
        street_free(s);
}

/* Two came on a ticket for one, let in by two that did not know: the one who was built on is a member. */
static void second_of_a_ticket(struct street *s, const char *ticket, struct sign_key *ret, struct buf *ret_add) {
        struct mesh_config cfg = *street_config(s, 1);
        const struct roster *r = mesh_roster(street_core(s, 0));
        _clean_(buf_fini) struct buf half = BUF_NULL;
        struct household house;
        struct sign_key door;
        struct rng rng;
        struct hash head;
        uint8_t bytes[32] = {77};
        rng_init(&rng, bytes);
        household_new(&house, 77, &rng);
        rng_bytes(&rng, cfg.sign_seed, sizeof(cfg.sign_seed));
        rng_bytes(&rng, cfg.noise_secret.b, sizeof(cfg.noise_secret.b));
        rng_fini(&rng);
        sign_key_from_seed(ret, cfg.sign_seed);
        device_of(s, 1, &door);
        head = roster_device_op(r, roster_device_find(r, &door.pub))->id;
        assert_true(household_add(&house, &cfg, ticket, street_wall(s), &half));
        assert_int_equal(op_countersign(ret_add, buf_span(&half), roster_mesh(r), &door, street_wall(s), &head, 1), 0);
}

/* It has the right to make an epoch as far as it knows, and that one is taken; but nobody who knows better writes under it. */
static void test_maker_that_is_none(void **state) {
        (void)state;
        struct street *s = street_bare(4, seed);
        _clean_(buf_fini) struct buf add = BUF_NULL;
        struct hash removed, name;
        struct sign_key device;
        struct visit v;
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 2));
        for (size_t i = 1; i < 3; i++)
                assert_int_equal(street_join(s, i, ticket), MESH_OUT_DONE);
        free(ticket);
        ticket = strdup(street_invite(s, 0, 1));
        street_run_for(s, 60);
        second_of_a_ticket(s, ticket, &device, &add);
        assert_int_equal(street_join(s, 3, ticket), MESH_OUT_DONE);
        free(ticket);
        street_run_for(s, 60);
        assert_int_equal(street_vote(s, 1, OP_VOUCH, 3), MESH_OUT_DONE);
        street_run_for(s, 60);
        street_off(s, 1);
        street_run_for(s, 5);

        const struct mesh *m = street_core(s, 0);
        size_t ops = roster_ops(m->roster);
        visit_greet(&v, s, 0, 1);
        guest_say_raw(&v.g, LINK_OP, buf_span(&add));
        flush(&v);
        assert_int_equal(roster_ops(m->roster), ops + 1);
        assert_null(roster_device_find(m->roster, &device.pub));
        name = roster_op_at(m->roster, ops)->id;
        roster_removed(m->roster, &removed);
        say_epoch(&v, &device, SPAN_OF(name.b), &removed);
        assert_false(v.g.gone);
        assert_int_equal(m->n_epochs, 2);
        assert_true(m->epochs[1]->has_key && !m->epochs[1]->over);
        assert_ptr_equal(epoch_usable(m), m->epochs[0]);
        visit_end(&v);
        street_free(s);
}

/* ---- a maker that was removed once ---- */

static void agreed(struct street *s, enum wire_e_op type, size_t target) {
        assert_int_equal(street_vote(s, 0, type, target), MESH_OUT_DONE);
        street_run_for(s, 10);
        assert_int_equal(street_endorse(s, 1, target), MESH_OUT_DONE);
        street_run_for(s, 10);
}

/* Home 5 was removed by two, and let return by four. It hears late of a third vote for the removal, which does not know of the
 * return: by a part with that one and without the return it would be no member. */
static void test_part_without_a_return(void **state) {
        (void)state;
        struct street *s = street_new(8, seed);
        _clean_(buf_fini) struct buf names = BUF_NULL, part = BUF_NULL;
        struct hash removed;
        street_run_for(s, 60);
        struct buf *leaves = goodbyes(s, 6, 2, false), ops[4] = {leaves[0], leaves[1]};
        assert_int_equal(street_vote(s, 0, OP_PROMOTE, 1), MESH_OUT_DONE);
        street_run_for(s, 10);
        for (size_t i = 2; i < 5; i++)
                agreed(s, OP_PROMOTE, i);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, 5), MESH_OUT_DONE);
        street_run_for(s, 10);
        street_sign(s, 2, OP_ENDORSE, 5, &ops[3]);
        assert_int_equal(street_endorse(s, 1, 5), MESH_OUT_DONE);
        street_run_for(s, 60);
        assert_int_equal(street_vote(s, 0, OP_RETURN, 5), MESH_OUT_DONE);
        street_run_for(s, 10);
        street_sign(s, 4, OP_ENDORSE, 5, &ops[2]);
        assert_int_equal(street_endorse(s, 1, 5), MESH_OUT_DONE);
        street_run_for(s, 10);
        assert_int_equal(street_endorse(s, 3, 5), MESH_OUT_DONE);
        assert_true(street_wait_links(s, 5, 600));
        street_run_for(s, 60);
        deliver(s, 5, 3, ops, 4);
        struct mesh *m = street_core(s, 5);
        assert_true(m->member);
        assert_int_equal(roster_members(m->roster), 6);

        const struct roster_device *me = roster_device_find(m->roster, &m->sign.pub);
        size_t n = roster_ops(m->roster);
        struct hash late = roster_op_at(m->roster, n - 1)->id, gone[3] = {roster_device_op(m->roster, me)->id};
        buf_add(&names, SPAN_OF(late.b));
        for (size_t i = 1; i < 3; i++) {
                gone[i] = roster_op_at(m->roster, n - 5 + i)->id;
                buf_add(&names, SPAN_OF(gone[i].b));
        }
        assert_int_equal(frontier_part(m, &names, &part, &removed), 0);
        assert_true(span_eq(buf_span(&names), SPAN_OF(late.b)));
        assert_true(span_eq(buf_span(&part), SPAN_OF(gone)));
        buf_clear(&part);
        assert_int_equal(frontier_part(m, &names, &part, &removed), 1); /* it is no part by itself */
        assert_true(span_eq(buf_span(&names), SPAN_OF(late.b)));
        buf_fini(&ops[2]);
        buf_fini(&ops[3]);
        goodbyes_free(leaves, 2);
        street_free(s);
}

/* ---- whose coming falls later ---- */

static bool all_near_have(struct street *s, void *ctx) {
        return street_has(s, 0, ctx) && street_has(s, 1, ctx);
}

enum { FOUNDER, BESIDE, FAR, DOOR, LEAVER, LATE, HOMES };

static void part(struct street *s, size_t a, size_t b, bool cut) {
        if (cut)
                street_cut(s, a, b);
        else
                street_mend(s, a, b);
}

static void far_from_near(struct street *s, bool cut) {
        for (size_t i = FAR; i < HOMES; i++)
                for (size_t k = 0; k < FAR; k++)
                        part(s, i, k, cut);
}

/* Far away a home comes in at the door of one that was removed, which nobody there has heard; it makes a key, as a member
 * does, and its neighbours write under it. Then its coming falls. Those who had never heard of it take the key all the same, can
 * read what was written, and write nothing under it. */
static void test_maker_that_falls(void **state) {
        (void)state;
        struct street *s = street_bare(HOMES, seed);
        struct hash id, late;
        assert_int_equal(street_found(s, FOUNDER), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, FOUNDER, LEAVER));
        for (size_t i = BESIDE; i <= LEAVER; i++)
                assert_int_equal(street_join(s, i, ticket), MESH_OUT_DONE);
        free(ticket);
        street_run_for(s, 60);
        far_from_near(s, true);
        assert_int_equal(street_vote(s, FOUNDER, OP_REMOVE, DOOR), MESH_OUT_DONE);
        ticket = strdup(street_invite(s, DOOR, 1));
        assert_int_equal(street_join(s, LATE, ticket), MESH_OUT_DONE);
        free(ticket);
        street_run_for(s, 60);
        for (size_t i = FAR; i <= DOOR; i++) { /* so that nobody else makes one */
                part(s, i, LEAVER, true);
                part(s, i, LATE, true);
        }
        assert_int_equal(street_vote(s, LEAVER, OP_LEAVE, LEAVER), MESH_OUT_DONE);
        street_run_for(s, 20);
        street_off(s, LEAVER);
        assert_int_equal(street_post(s, LATE, KIND_FIRE, "under its own key", &late), MESH_OUT_DONE);
        part(s, FAR, LATE, false);
        street_run_for(s, 120);
        assert_true(street_has(s, FAR, &late));
        assert_int_equal(street_post(s, FAR, KIND_FIRE, "under the same key", &id), MESH_OUT_DONE);
        street_off(s, LATE);
        street_off(s, DOOR);
        far_from_near(s, false);
        assert_true(street_wait(s, 1800, all_near_have, &id));
        posts_reach(s, DOOR);
        settles(s, DOOR, 5);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sixteen),
                cmocka_unit_test(test_seventeen),
                cmocka_unit_test(test_forty),
                cmocka_unit_test(test_one_by_one),
                cmocka_unit_test(test_halves),
                cmocka_unit_test(test_afterwards),
                cmocka_unit_test(test_headers),
                cmocka_unit_test(test_backwards),
                cmocka_unit_test(test_maker_that_is_none),
                cmocka_unit_test(test_part_without_a_return),
                cmocka_unit_test(test_maker_that_falls),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
