/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of records after a start: whatever the order the disk gives them back in, each is found by its id and in its
 * slot, what is not there is not found, and they stand in the order of (created, id); also when half of them have gone
 * again, and when the tables have grown since. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core/core.h"
#include "core/record.h"
#include "store-rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RECORDS 20000 /* several times what RESTORE may bring out of order before it is sorted at START */
#define DEVICES 100
#define FURTHER 30000 /* after the start: the tables grow */
#define PER_SECOND 30 /* so that ids decide, too */
#define NEAR 500      /* places a record may be out of order */

static uint64_t seed;

enum order { IN_TURN, NEARLY, BACKWARDS, ANYHOW, ORDERS };

static struct mesh_row row_of(uint64_t i) {
        struct mesh_row row = rows_record(i, i % DEVICES, RECORD_ALERT, ROWS_NOW + i / PER_SECOND);
        row.record.index = (uint16_t)(i / DEVICES);
        row.record.expires = ROWS_NOW + MESH_DAY;
        return row;
}

static uint64_t number_at(enum order order, uint64_t i, uint64_t *state) {
        switch (order) {
        case IN_TURN:
                return i;
        case NEARLY: /* the places of each stretch of NEAR backwards */
                return i / NEAR * NEAR + (NEAR - 1 - i % NEAR);
        case BACKWARDS:
                return RECORDS - 1 - i;
        case ANYHOW: /* 7919 is prime, so each comes once */
                return (i * 7919 + *state) % RECORDS;
        case ORDERS:
                break;
        }
        return 0;
}

static void step(struct mesh *m, struct mesh_event ev) {
        struct mesh_action a;
        ev.now = 1000;
        ev.wall = ROWS_NOW;
        assert_int_equal(mesh_step(m, &ev), 0);
        while (ev.type != MESH_EV_RESTORE && mesh_next(m, &a))
                ;
}

static struct mesh *restored(enum order order) {
        struct mesh_config cfg = {.built = ROWS_NOW - MESH_DAY};
        struct mesh *m;
        uint64_t state = seed % RECORDS;
        memcpy(cfg.seed, &seed, sizeof(seed));
        assert_int_equal(mesh_new(&m, &cfg), 0);
        for (uint64_t i = 0; i < RECORDS; i++) {
                struct mesh_row row = row_of(number_at(order, i, &state));
                step(m, (struct mesh_event){.type = MESH_EV_RESTORE, .restore = &row});
        }
        step(m, (struct mesh_event){.type = MESH_EV_START});
        return m;
}

static void assert_found(struct mesh *m, uint64_t i) {
        struct mesh_row row = row_of(i);
        struct rec *r = records_find(m, &row.record.id);
        size_t times = 0;
        assert_non_null(r);
        assert_memory_equal(r->id.b, row.record.id.b, sizeof(r->id.b));
        struct slot slot = records_slot(m, &row.record.device, row.record.day, row.record.klass, row.record.index);
        SLOT_EACH(x, m, &slot)
        times += x == r;
        assert_int_equal(times, 1);
}

static void assert_gone(struct mesh *m, uint64_t i) {
        struct mesh_row row = row_of(i);
        struct slot slot = records_slot(m, &row.record.device, row.record.day, row.record.klass, row.record.index);
        assert_null(records_find(m, &row.record.id));
        SLOT_EACH(x, m, &slot)
        assert_memory_not_equal(x->id.b, row.record.id.b, sizeof(x->id.b));
}

static void assert_in_order(const struct mesh *m, size_t n) {
        assert_int_equal(m->n_sorted, n);
        for (size_t i = 1; i < n; i++) {
                const struct rec *x = m->sorted[i - 1], *y = m->sorted[i];
                assert_true(x->created < y->created ||
                            (x->created == y->created && memcmp(x->id.b, y->id.b, sizeof(x->id.b)) < 0));
        }
}

static void test_found_and_in_order(void **state) {
        (void)state;
        for (enum order order = 0; order < ORDERS; order++) {
                struct mesh *m = restored(order);
                assert_in_order(m, RECORDS);
                for (uint64_t i = 0; i < RECORDS; i++)
                        assert_found(m, i);
                assert_gone(m, RECORDS);
                mesh_free(m);
        }
}

static void test_gone_and_come(void **state) {
        (void)state;
        struct mesh *m = restored(NEARLY);
        for (uint64_t i = 0; i < RECORDS; i += 2) {
                struct mesh_row row = row_of(i);
                records_drop(m, records_find(m, &row.record.id));
        }
        assert_in_order(m, RECORDS / 2);
        for (uint64_t i = 0; i < FURTHER; i++) { /* the first of them below the others in time, in numbers let go */
                struct mesh_row row = row_of(RECORDS + i);
                row.record.created = i % 2 ? row.record.created : ROWS_NOW - i;
                assert_int_equal(records_restore(m, &row), 0);
        }
        assert_in_order(m, RECORDS / 2 + FURTHER);
        for (uint64_t i = 0; i < RECORDS + FURTHER; i++)
                (i < RECORDS && i % 2 == 0 ? assert_gone : assert_found)(m, i);
        mesh_free(m);
}

int main(void) {
        const char *given = getenv("PORCHLIGHT_SEED");
        seed = given ? strtoull(given, NULL, 0) : 1;
        printf("# PORCHLIGHT_SEED=%llu\n", (unsigned long long)seed);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_found_and_in_order),
                cmocka_unit_test(test_gone_and_come),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
