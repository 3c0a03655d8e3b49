/* SPDX-License-Identifier: Apache-2.0 */
/* Records that come before their key: opened when it comes, once, whatever happens in between. Seed: printed, and
 * PORCHLIGHT_SEED. */
#include "core-visit.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/record.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FIRST 0 /* the founder: it removes somebody, and writes under the new key */
#define LATE 1  /* off when that happens */
#define OUT(s) ((s)->n - 1)
#define DAY ((double)MESH_DAY)
#define SOON 120
#define RECORDS_MOST 400

static uint64_t seed;

struct heap { /* records that LATE has, and cannot open */
        struct street *s;
        size_t n;
        struct hash ids[RECORDS_MOST];
};

/* ---- what is on LATE's disk ---- */
static struct disk_row *row_of(const struct heap *t, size_t i) {
        return disk_record(&t->s->homes[LATE].disk, &t->ids[i]);
}

static bool is_sealed(const struct heap *t, size_t i) {
        const struct disk_row *r = row_of(t, i);
        return r && r->row.record.sealed;
}

static size_t opened(const struct heap *t) {
        size_t n = 0;
        for (size_t i = 0; i < t->n; i++)
                n += street_has(t->s, LATE, &t->ids[i]);
        return n;
}

static bool all_opened(struct street *s, void *ctx) {
        (void)s;
        return opened(ctx) == ((struct heap *)ctx)->n;
}

static bool some_opened(struct street *s, void *ctx) {
        (void)s;
        return opened(ctx) > 0;
}

static bool is_here(struct street *s, void *ctx) {
        return disk_record(&s->homes[LATE].disk, ctx);
}

static const struct mesh_row *newest_epoch(struct street *s, size_t home) {
        const struct mesh_row *row, *found = NULL;
        for (size_t i = 0; (row = street_row(s, home, i)); i++)
                if (row->kind == MESH_ROW_EPOCH && row->epoch.has_key)
                        found = row;
        return found;
}

static bool has_new_key(struct street *s, void *ctx) {
        return memcmp(newest_epoch(s, LATE)->epoch.id, ctx, 16) == 0;
}

/* ---- how it comes to that ---- */
/* LATE is off while the last home is removed; nobody else stays on then. @ret_key writes under the new key, as FIRST. */
static struct street *behind(size_t homes, struct guest_author *ret_key) {
        struct street *s = street_new(homes, seed);
        street_run_for(s, 60);
        street_off(s, LATE);
        assert_int_equal(street_vote(s, FIRST, OP_REMOVE, OUT(s)), MESH_OUT_DONE);
        street_run_for(s, 60);
        newest_keys(s, FIRST, ret_key);
        assert_memory_not_equal(ret_key->epoch, newest_epoch(s, LATE)->epoch.id, sizeof(ret_key->epoch));
        return s;
}

static void posted(struct heap *t, enum wire_e_record type, const struct hash *target) {
        enum mesh_outcome o = type == RECORD_ALERT ? street_post(t->s, FIRST, KIND_FIRE, "smoke", &t->ids[t->n])
                                                   : street_follow(t->s, FIRST, type, target, "more", &t->ids[t->n]);
        assert_int_equal(o, MESH_OUT_DONE);
        t->n++;
}

static void told(struct heap *t, enum wire_e_record type) {
        static const uint8_t clip[32] = {1};
        mesh_wall now = street_wall(t->s);
        struct mesh_draft d = {.type = (uint8_t)type,
                               .cell = UINT64_C(1) << 35 | 777,
                               .from = now - 3600,
                               .to = now,
                               .radius = 100,
                               .text = SPAN_STR("why"),
                               .clips = SPAN_OF(clip)};
        assert_int_equal(street_publish(t->s, FIRST, &d, &t->ids[t->n++]), MESH_OUT_DONE);
}

/* LATE alone is on, and somebody who speaks with FIRST's key calls. */
static void call(struct visit *v, struct street *s) {
        for (size_t i = 0; i < s->n; i++)
                street_off(s, i);
        street_on(s, LATE);
        visit_greet(v, s, LATE, FIRST);
}

static void hand_over(struct visit *v, struct heap *t) {
        for (size_t i = 0; i < t->n; i++) {
                guest_say_raw(&v->g, LINK_RECORD, disk_bytes(&t->s->homes[FIRST].disk, &t->ids[i]));
                flush(v);
        }
        assert_true(street_wait(t->s, SOON, is_here, &t->ids[t->n - 1]));
        assert_int_equal(opened(t), 0);
}

static void make_late(struct heap *t) {
        struct visit v;
        call(&v, t->s);
        hand_over(&v, t);
        for (size_t i = 0; i < t->n; i++)
                assert_true(is_sealed(t, i));
        visit_end(&v);
}

/* Neither on the disk nor in memory. */
static void expect_none_left(struct heap *t) {
        const struct mesh *m = street_core(t->s, LATE);
        for (size_t i = 0; i < t->n; i++)
                assert_false(is_sealed(t, i));
        assert_true(list_empty(&m->sealed) && list_empty(&m->openable) && !m->opening);
}

static void expect_opened_once(struct heap *t) {
        assert_true(street_wait(t->s, SOON, all_opened, t));
        street_off(t->s, LATE);
        street_on(t->s, LATE);
        street_run_for(t->s, SOON);
        for (size_t i = 0; i < t->n; i++)
                assert_int_equal(street_times(t->s, LATE, &t->ids[i]), 1);
        expect_none_left(t);
}

/* An alert, what follows it, an ask and a notice. */
static struct heap *some_late(void) {
        struct guest_author key;
        struct heap *t = calloc(1, sizeof(*t));
        REQUIRE(t);
        t->s = behind(3, &key);
        posted(t, RECORD_ALERT, NULL);
        posted(t, RECORD_COMMENT, &t->ids[0]);
        posted(t, RECORD_UPDATE, &t->ids[0]);
        told(t, RECORD_ASK);
        told(t, RECORD_NOTICE);
        make_late(t);
        return t;
}

static void end(struct heap *t) {
        street_free(t->s);
        free(t);
}

/* ---- the key comes ---- */
static void test_opened_when_the_key_comes(void **state) {
        (void)state;
        struct heap *t = some_late();
        street_on(t->s, FIRST);
        expect_opened_once(t);
        end(t);
}

static void test_restart_before_the_key(void **state) {
        (void)state;
        struct heap *t = some_late();
        street_off(t->s, LATE);
        street_on(t->s, LATE);
        street_run_for(t->s, 3600);
        assert_int_equal(opened(t), 0);
        street_on(t->s, FIRST);
        expect_opened_once(t);
        end(t);
}

/* The key is on disk, and nothing that it opens is. */
static void test_end_between_key_and_record(void **state) {
        (void)state;
        struct heap *t = some_late();
        uint8_t epoch[16];
        memcpy(epoch, newest_epoch(t->s, FIRST)->epoch.id, sizeof(epoch));
        street_on(t->s, FIRST);
        assert_true(street_wait(t->s, SOON, has_new_key, epoch));
        assert_int_equal(opened(t), 0);
        street_off(t->s, LATE);
        street_off(t->s, FIRST);
        street_on(t->s, LATE);
        expect_opened_once(t);
        end(t);
}

/* Without room nothing is lost, and it is not asked for without end. */
static void test_full_disk(void **state) {
        (void)state;
        struct heap *t = some_late();
        struct mesh *m = street_core(t->s, LATE);
        street_disk_full(t->s, LATE, true);
        street_on(t->s, FIRST);
        street_run_for(t->s, 600);
        assert_int_equal(opened(t), 0);
        uint64_t before = m->next_token;
        street_run_for(t->s, 600);
        assert_in_range(m->next_token - before, 1, 2000); /* a few each 5 s */
        street_disk_full(t->s, LATE, false);
        expect_opened_once(t);
        end(t);
}

/* The row itself was refused, key and all: nothing remembers that there was anything to open. */
static void test_full_disk_before(void **state) {
        (void)state;
        struct guest_author key;
        struct visit v;
        struct heap t = {.s = behind(3, &key)};
        posted(&t, RECORD_ALERT, NULL);
        call(&v, t.s);
        street_disk_full(t.s, LATE, true);
        guest_say_raw(&v.g, LINK_RECORD, disk_bytes(&t.s->homes[FIRST].disk, &t.ids[0]));
        flush(&v);
        street_run_for(t.s, 10);
        assert_null(row_of(&t, 0));
        assert_true(list_empty(&street_core(t.s, LATE)->sealed));
        visit_end(&v);
        street_disk_full(t.s, LATE, false);
        street_on(t.s, FIRST);
        street_run_for(t.s, 1200);
        expect_opened_once(&t);
        street_free(t.s);
}

/* More than are opened at once: in the order in which they came, some at a time. */
static void test_many(void **state) {
        (void)state;
        struct guest_author key;
        struct visit v;
        struct heap *t = calloc(1, sizeof(*t));
        REQUIRE(t);
        t->s = behind(10, &key);
        call(&v, t->s);
        for (size_t author = 2; author < OUT(t->s); author++) {
                sign_key_from_seed(&key.device, street_config(t->s, author)->sign_seed);
                key.rng = &v.rng;
                for (uint16_t index = 0; index < 48; index++) {
                        mesh_wall now = street_wall(t->s);
                        struct wire_record w = {.type = RECORD_ALERT,
                                                .klass = CLASS_NORMAL,
                                                .created = now - index, /* not the order of their times */
                                                .day = (now - index) / MESH_DAY,
                                                .expires = now + 3600,
                                                .index = index};
                        t->ids[t->n++] = say_record(&v, &key, &w);
                }
        }
        assert_true(t->n > OPEN_BATCH && t->n < 2 * OPEN_BATCH);
        assert_true(street_wait(t->s, SOON, is_here, &t->ids[t->n - 1]));
        visit_end(&v);
        street_on(t->s, FIRST);
        assert_true(street_wait(t->s, SOON, some_opened, t));
        for (size_t i = 0; i < t->n; i++)
                assert_int_equal(street_has(t->s, LATE, &t->ids[i]), i < OPEN_BATCH);
        expect_opened_once(t);
        end(t);
}

/* Who came later is handed the key of a later day, and so has records that he may not read: a post of the first day.
 * @ret_key, @ret_link and @ret_day: what would open it. */
static struct heap *newcomer(struct key *ret_key, struct key *ret_link, uint32_t *ret_day) {
        struct heap *t = calloc(1, sizeof(*t));
        REQUIRE(t);
        t->s = street_bare(2, seed);
        assert_int_equal(street_found(t->s, FIRST), MESH_OUT_DONE);
        assert_int_equal(street_post(t->s, FIRST, KIND_MISSING_PET, "a grey cat", &t->ids[t->n++]), MESH_OUT_DONE);
        *ret_key = newest_epoch(t->s, FIRST)->epoch.key;
        *ret_link = newest_epoch(t->s, FIRST)->epoch.link_key;
        *ret_day = newest_epoch(t->s, FIRST)->epoch.day;
        street_run_for(t->s, 4 * DAY);
        assert_int_equal(street_join(t->s, LATE, street_invite(t->s, FIRST, 1)), MESH_OUT_DONE);
        assert_true(street_wait(t->s, SOON, is_here, &t->ids[0]));
        street_run_for(t->s, SOON);
        assert_true(is_sealed(t, 0));
        assert_true(newest_epoch(t->s, LATE)->epoch.day > *ret_day);
        return t;
}

static void hand_key(struct visit *v, const struct key *key, const struct key *link, uint32_t day) {
        struct wire_epoch_key msg = {.header = newest_epoch(v->s, FIRST)->epoch.header};
        WIRE_PUT(&msg, EPOCH_KEY, key, SPAN_OF(key->b));
        WIRE_PUT(&msg, EPOCH_KEY, day, day);
        WIRE_PUT(&msg, EPOCH_KEY, link_key, SPAN_OF(link->b));
        guest_say(&v->g, LINK_EPOCH_KEY, &msg);
        flush(v);
}

static void test_key_of_an_earlier_day(void **state) {
        (void)state;
        struct key key, link;
        uint32_t day;
        struct visit v;
        struct heap *t = newcomer(&key, &link, &day);
        call(&v, t->s);
        hand_key(&v, &key, &link, day);
        expect_opened_once(t);
        visit_end(&v);
        end(t);
}

/* The key comes when the record is on its way to the disk. */
static void test_key_while_it_is_written(void **state) {
        (void)state;
        struct key key, link;
        uint32_t day;
        struct visit v;
        struct guest_author a;
        struct wire_record w;
        struct heap *t = newcomer(&key, &link, &day);
        call(&v, t->s);
        author(&v, FIRST, &a, &w);
        a.group = key;
        a.key_day = w.day = day;
        w.created = (mesh_wall)day * MESH_DAY + 1;
        w.expires = w.created + 6 * MESH_DAY;
        t->ids[t->n++] = say_record(&v, &a, &w);
        street_run_for(t->s, 0.001);
        assert_true(is_sealed(t, 1));
        assert_false(records_find(street_core(t->s, LATE), &t->ids[1])->flags & REC_STORED);
        hand_key(&v, &key, &link, day);
        expect_opened_once(t);
        visit_end(&v);
        end(t);
}

/* ---- what stays shut ---- */
/* Taken back before the key came: nobody is told of it. */
static void test_retracted_meanwhile(void **state) {
        (void)state;
        struct heap *t = some_late();
        struct hash back;
        street_on(t->s, FIRST);
        street_cut(t->s, FIRST, LATE);
        assert_int_equal(street_follow(t->s, FIRST, RECORD_RETRACT, &t->ids[1], "", &back), MESH_OUT_DONE);
        struct visit v;
        call(&v, t->s);
        guest_say_raw(&v.g, LINK_RECORD, disk_bytes(&t->s->homes[FIRST].disk, &back));
        flush(&v);
        assert_true(street_wait(t->s, SOON, is_here, &back));
        visit_end(&v);
        street_mend(t->s, FIRST, LATE);
        street_on(t->s, FIRST);
        street_run_for(t->s, SOON);
        assert_int_equal(opened(t), t->n - 1);
        assert_int_equal(street_times(t->s, LATE, &t->ids[1]), 0);
        expect_none_left(t);
        end(t);
}

/* Over, and not yet forgotten. */
static void test_expired_meanwhile(void **state) {
        (void)state;
        struct heap *t = some_late();
        uint8_t epoch[16];
        memcpy(epoch, newest_epoch(t->s, FIRST)->epoch.id, sizeof(epoch));
        mesh_wall end_of_first = row_of(t, 0)->row.record.expires;
        street_run_for(t->s, (double)(end_of_first - street_wall(t->s)) + 1);
        assert_non_null(records_find(street_core(t->s, LATE), &t->ids[0]));
        street_knock(t->s, LATE, FIRST);
        street_on(t->s, FIRST);
        assert_true(street_wait(t->s, SYNC_MARGIN - 10, has_new_key, epoch));
        assert_non_null(records_find(street_core(t->s, LATE), &t->ids[0]));
        street_run_for(t->s, SOON);
        assert_int_equal(street_times(t->s, LATE, &t->ids[0]), 0);
        end(t);
}

/* Its device signed another in the same slot. */
static void test_void_meanwhile(void **state) {
        (void)state;
        struct guest_author key;
        struct visit v;
        struct wire_record w;
        struct heap t = {.s = behind(3, &key)};
        call(&v, t.s);
        author(&v, FIRST, &key, &w);
        memcpy(key.epoch, newest_epoch(t.s, FIRST)->epoch.id, sizeof(key.epoch));
        key.group = newest_epoch(t.s, FIRST)->epoch.key;
        t.ids[t.n++] = say_record(&v, &key, &w);
        assert_true(street_wait(t.s, SOON, is_here, &t.ids[0]));
        assert_true(is_sealed(&t, 0));
        w.expires++;
        say_record(&v, &key, &w);
        visit_end(&v);
        street_run_for(t.s, 10);
        assert_true(row_of(&t, 0)->row.record.voided);
        street_on(t.s, FIRST);
        street_run_for(t.s, SOON);
        assert_int_equal(opened(&t), 0);
        street_free(t.s);
}

/* What makes no sense is found out once, and not tried again. */
static void test_meaningless(void **state) {
        (void)state;
        struct guest_author key;
        struct visit v;
        struct wire_record w;
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct heap t = {.s = behind(3, &key)};
        call(&v, t.s);
        author(&v, FIRST, &key, &w);
        memcpy(key.epoch, newest_epoch(t.s, FIRST)->epoch.id, sizeof(key.epoch));
        key.group = newest_epoch(t.s, FIRST)->epoch.key;
        t.ids[t.n++] = guest_record(&key, &w, SPAN_STR("no alert"), &raw);
        w.index++;
        guest_say_raw(&v.g, LINK_RECORD, buf_span(&raw));
        key.group.b[0] ^= 1; /* and one that its key does not open */
        t.ids[t.n++] = say_record(&v, &key, &w);
        assert_true(street_wait(t.s, SOON, is_here, &t.ids[1]));
        assert_true(is_sealed(&t, 0) && is_sealed(&t, 1));
        visit_end(&v);
        street_on(t.s, FIRST);
        street_run_for(t.s, SOON);
        assert_int_equal(opened(&t), 0);
        expect_none_left(&t);
        street_free(t.s);
}

/* The home of its device was removed before it was made, and LATE hears of both together. */
static void test_made_after_the_end(void **state) {
        (void)state;
        struct guest_author key;
        struct visit v;
        struct heap t = {.s = behind(4, &key)};
        key.rng = &v.rng;
        street_run_for(t.s, 60);
        assert_int_equal(street_vote(t.s, FIRST, OP_REMOVE, 2), MESH_OUT_DONE);
        street_run_for(t.s, 60);
        call(&v, t.s);
        sign_key_from_seed(&key.device, street_config(t.s, 2)->sign_seed);
        mesh_wall now = street_wall(t.s);
        struct wire_record w = {.type = RECORD_ALERT,
                                .klass = CLASS_NORMAL,
                                .created = now,
                                .day = now / MESH_DAY,
                                .expires = now + 3600,
                                .index = 5};
        t.ids[t.n++] = say_record(&v, &key, &w);
        assert_true(street_wait(t.s, SOON, is_here, &t.ids[0]));
        assert_true(is_sealed(&t, 0));
        visit_end(&v);
        street_on(t.s, FIRST);
        street_run_for(t.s, SOON);
        assert_non_null(epoch_find(street_core(t.s, LATE), SPAN_OF(key.epoch)));
        assert_int_equal(opened(&t), 0);
        street_free(t.s);
}

/* ---- rows of an earlier version ---- */
/* It did not write down that a record was sealed, and under what. Each is tried once. */
static void test_rows_of_before(void **state) {
        (void)state;
        struct heap *t = some_late();
        static const uint8_t unknown[16];
        uint8_t epoch[16];
        street_off(t->s, LATE);
        for (size_t i = 0; i < t->n; i++) {
                memcpy(epoch, row_of(t, i)->row.record.epoch, sizeof(epoch));
                memcpy(row_of(t, i)->row.record.epoch, unknown, sizeof(unknown));
        }
        street_on(t->s, LATE);
        street_run_for(t->s, 10); /* nobody has the key: from now on its name stands there */
        for (size_t i = 0; i < t->n; i++) {
                assert_true(is_sealed(t, i));
                assert_memory_equal(row_of(t, i)->row.record.epoch, epoch, sizeof(epoch));
        }
        street_on(t->s, FIRST);
        assert_true(street_wait(t->s, SOON, all_opened, t));
        street_off(t->s, LATE);
        for (size_t i = 0; i < t->n; i++) { /* as if the key had come under the earlier version */
                row_of(t, i)->readable = false;
                row_of(t, i)->times = 0;
                row_of(t, i)->row.record.sealed = true;
                memcpy(row_of(t, i)->row.record.epoch, unknown, sizeof(unknown));
        }
        street_on(t->s, LATE);
        expect_opened_once(t);
        end(t);
}

int main(void) {
        const char *given = getenv("PORCHLIGHT_SEED");
        seed = given ? strtoull(given, NULL, 0) : 1;
        print_message("# PORCHLIGHT_SEED=%llu\n", (unsigned long long)seed);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_opened_when_the_key_comes),
                cmocka_unit_test(test_restart_before_the_key),
                cmocka_unit_test(test_end_between_key_and_record),
                cmocka_unit_test(test_full_disk),
                cmocka_unit_test(test_full_disk_before),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_key_of_an_earlier_day),
                cmocka_unit_test(test_key_while_it_is_written),
                cmocka_unit_test(test_retracted_meanwhile),
                cmocka_unit_test(test_expired_meanwhile),
                cmocka_unit_test(test_void_meanwhile),
                cmocka_unit_test(test_meaningless),
                cmocka_unit_test(test_made_after_the_end),
                cmocka_unit_test(test_rows_of_before),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
