/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A home out of a backup on a slow disk: the test is the disk of one core, and answers when it likes. What the core does
 * before the beginning is on disk cannot be taken back when the disk refuses it.
 */
#include "crypto/sign.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOMES 3
#define LOST 1    /* the home whose device is lost */
#define COMMAND 5 /* token of the restoring */
#define STORES_MOST 64
#define WAYS 8
#define OPS_MOST 16
#define SLOW 40000 /* ms that the disk takes: neighbours would be dialled many times over */
#define LOOK 100   /* ms between two looks */
#define CALLER 1   /* link of somebody who calls */

struct again { /* the core of the home that comes back */
        struct mesh *m;
        mesh_time now;
        mesh_wall wall;
        uint64_t waiting[STORES_MOST]; /* what its disk has not answered yet */
        size_t n_waiting;
        size_t dials, joins, hangups;
        bool replied;
        enum mesh_outcome outcome;
};

static uint64_t seed;

static void perform(struct again *a, const struct mesh_action *act) {
        if (act->type == MESH_DO_DIAL) {
                a->dials++;
        } else if (act->type == MESH_DO_HANGUP) {
                a->hangups++;
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
static void begin(struct again *a, struct street *s) {
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

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_greets_once_begun),
                cmocka_unit_test(test_refused_leaves_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
