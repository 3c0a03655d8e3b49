/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of cameras, which clips go because of it, and which notices go out: node/cameras.h, purge.h, announce.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/announce.h"
#include "node/cameras.h"
#include "node/purge.h"

#include <stdio.h>

#define HOUR 3600
#define NOON UINT64_C(1800014400) /* a whole quarter of an hour, and of a day's middle */
#define CELL_A (UINT64_C(1) << 30 | 11)
#define CELL_B (UINT64_C(1) << 30 | 12)

/* ---- rules ---- */

static int put(struct cameras *c, const char *name, uint8_t policy, int64_t keep) {
        struct wire_c_camera_set m = {0};
        if (name)
                WIRE_PUT(&m, C_CAMERA_SET, name, span_str(name));
        if (policy)
                WIRE_PUT(&m, C_CAMERA_SET, policy, policy);
        if (keep >= 0)
                WIRE_PUT(&m, C_CAMERA_SET, keep, (uint64_t)keep);
        return cameras_put(c, &m);
}

static void a_rule_is_of_one_camera(_unused_ void **state) {
        struct cameras c = cameras_none;
        assert_int_equal(cameras_of(&c, SPAN_STR("door"))->policy, CAMERA_POLICY_ASK);
        assert_int_equal(put(&c, "door", CAMERA_POLICY_NEVER, -1), 0);
        assert_int_equal(put(&c, "door", 0, HOUR), 0);
        assert_true(cameras_never(&c, SPAN_STR("door")) && cameras_of(&c, SPAN_STR("door"))->keep == HOUR);
        assert_false(cameras_never(&c, SPAN_STR("doo")) || cameras_never(&c, SPAN_STR("Door")));
        assert_int_equal(cameras_of(&c, SPAN_STR("yard"))->keep, 0);
}

static void all_are_those_that_are_to_come_too(_unused_ void **state) {
        struct cameras c = cameras_none;
        put(&c, "door", CAMERA_POLICY_ANNOUNCE, 2 * HOUR);
        put(&c, NULL, CAMERA_POLICY_NEVER, -1);
        assert_true(cameras_never(&c, SPAN_STR("door")) && cameras_never(&c, SPAN_STR("new")));
        assert_int_equal(cameras_of(&c, SPAN_STR("door"))->keep, 2 * HOUR);
        put(&c, "shed", 0, HOUR); /* begins as all others do */
        assert_true(cameras_never(&c, SPAN_STR("shed")));
}

static void the_disk_has_them_as_they_were(_unused_ void **state) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        struct cameras c = cameras_none, back;
        char name[CAMERA_NAME_MAX];
        put(&c, NULL, CAMERA_POLICY_ANNOUNCE, 5 * HOUR);
        for (int i = 0; i < CAMERAS_MAX; i++) {
                snprintf(name, sizeof(name), "camera %02d, whose name is nearly as long as one may be: 64", i);
                assert_int_equal(put(&c, name, (uint8_t)(1 + i % 3), i * HOUR), 0);
        }
        assert_int_equal(put(&c, "one more", CAMERA_POLICY_ASK, -1), CAMERAS_E_FULL);
        cameras_encode(&c, &bytes);
        assert_true(buf_ok(&bytes) && bytes.n < 16384);
        cameras_decode(&back, buf_span(&bytes));
        assert_int_equal(back.n, CAMERAS_MAX);
        for (size_t i = 0; i < back.n; i++) {
                assert_string_equal(back.rows[i].name, c.rows[i].name);
                assert_int_equal(back.rows[i].policy, c.rows[i].policy);
                assert_int_equal(back.rows[i].keep, c.rows[i].keep);
        }
        assert_int_equal(back.others.policy, CAMERA_POLICY_ANNOUNCE);
        cameras_decode(&back, SPAN_STR("\xc1nonsense"));
        assert_true(back.n == 0 && back.others.policy == CAMERA_POLICY_ASK);
}

/* ---- what goes ---- */

#define CLIPS 6
/* Oldest first, 1,000 bytes each, an hour between two; the last is fresh. */
static void clips_of(struct purge_clip ret[CLIPS], uint64_t keep) {
        for (size_t i = 0; i < CLIPS; i++) {
                const struct stay_facts f = {.created = NOON - (CLIPS - 1 - i) * HOUR, .camera = keep};
                ret[i] = (struct purge_clip){.until = stay_of(&f).until, .bytes = 1000};
        }
}

static void told(const struct purge_clip *all, const char *want) {
        char is[CLIPS + 1] = "";
        for (size_t i = 0; i < CLIPS; i++)
                is[i] = all[i].goes ? 'x' : '.';
        assert_string_equal(is, want);
}

static void the_old_go(_unused_ void **state) {
        struct purge_clip all[CLIPS];
        clips_of(all, 2 * HOUR);
        assert_int_equal(purge_pick(all, CLIPS, &(struct purge_want){.sure = NOON}), 3);
        told(all, "xxx..."); /* the fourth is of that age and no older */
        all[1].pinned = true;
        all[2].until = STAY_FOREVER;
        purge_pick(all, CLIPS, &(struct purge_want){.sure = NOON});
        told(all, "x.....");
        purge_pick(all, CLIPS, &(struct purge_want){.sure = UINT64_C(17280000000)});
        told(all, "x..xxx");                                                    /* for ever is for ever */
        purge_pick(all, CLIPS, &(struct purge_want){.sure = NOON - 30 * HOUR}); /* a clock that is far behind */
        told(all, "......");
}

static void the_oldest_make_room(_unused_ void **state) {
        struct purge_clip all[CLIPS];
        clips_of(all, CAMERA_KEEP_FOREVER);
        all[0].pinned = true;
        assert_int_equal(purge_pick(all, CLIPS, &(struct purge_want){.sure = NOON, .free = 1001}), 2);
        told(all, ".xx...");
        purge_pick(all, CLIPS, &(struct purge_want){.sure = NOON, .free = 5000});
        told(all, ".xxxxx");
        assert_int_equal(purge_pick(all, CLIPS, &(struct purge_want){.sure = NOON, .free = 5001}), 0); /* in vain */
        all[4].until = NOON - HOUR / 2;
        purge_pick(all, CLIPS, &(struct purge_want){.sure = NOON, .free = 1000});
        told(all, "....x."); /* what is old goes in any case, and makes room enough */
        purge_pick(all, CLIPS, &(struct purge_want){.sure = NOON, .free = 1001});
        told(all, ".x..x.");
}

/* What the kind of an alert keeps makes room, too, but after all others. */
static void by_kind_last(_unused_ void **state) {
        struct purge_clip all[CLIPS];
        clips_of(all, CAMERA_KEEP_FOREVER);
        all[0].by_kind = all[1].by_kind = true;
        purge_pick(all, CLIPS, &(struct purge_want){.sure = NOON, .free = 4000});
        told(all, "..xxxx");
        purge_pick(all, CLIPS, &(struct purge_want){.sure = NOON, .free = 4001});
        told(all, "x.xxxx");
}

/* ---- how long, and why ---- */

static void stays(const struct stay_facts *f, mesh_wall until, enum wire_e_stay why, uint8_t kind) {
        struct stay s = stay_of(f);
        assert_true(s.until == until);
        assert_int_equal(s.why, why);
        assert_int_equal(s.kind, kind);
}

static void what_keeps_longest_counts(_unused_ void **state) {
        struct stay_facts f = {.created = NOON, .retention = 30 * HOUR};
        stays(&f, NOON + 30 * HOUR, STAY_RETENTION, 0);
        f.camera = 2 * HOUR;
        stays(&f, NOON + 2 * HOUR, STAY_CAMERA, 0);
        f.kind_until = NOON + HOUR; /* a kind never shortens */
        f.kind = KIND_ANIMAL;
        stays(&f, NOON + 2 * HOUR, STAY_CAMERA, 0);
        f.kind_until = NOON + 90 * HOUR;
        f.kind = KIND_THEFT;
        stays(&f, NOON + 90 * HOUR, STAY_KIND, KIND_THEFT);
        f.grant = NOON + 80 * HOUR;
        stays(&f, NOON + 90 * HOUR, STAY_KIND, KIND_THEFT);
        f.grant = NOON + 91 * HOUR;
        stays(&f, NOON + 91 * HOUR, STAY_GRANT, 0);
        f.alert = NOON + 92 * HOUR;
        stays(&f, NOON + 92 * HOUR, STAY_ALERT, 0);
        f.camera = CAMERA_KEEP_FOREVER;
        stays(&f, STAY_FOREVER, STAY_CAMERA, 0);
        f.pinned = true;
        stays(&f, STAY_FOREVER, STAY_PINNED, 0);
}

/* Of several alerts that name a clip, the one that keeps it longest; of none, nothing. */
static void kinds_of_alerts(_unused_ void **state) {
        _clean_(buf_fini) struct buf all = BUF_NULL;
        const struct hash clip = {{1}}, other = {{2}};
        const struct stay_named rows[] = {
                {.clip = clip, .kind = KIND_BREAK_IN, .since = NOON - 5 * HOUR},
                {.clip = other, .kind = KIND_FIRE, .since = NOON, .in_force = NOON + 9 * HOUR},
                {.clip = clip, .kind = KIND_THEFT, .since = NOON, .in_force = NOON + HOUR},
                {.clip = clip, .kind = 0, .since = NOON + HOUR}, /* an exercise */
                {.clip = clip, .kind = KIND_NOISE, .since = NOON + HOUR}};
        struct kinds_keep keep = {.of = {[KIND_BREAK_IN] = 9 * HOUR, [KIND_THEFT] = 2 * HOUR}};
        struct stay_facts f = {.created = NOON, .retention = HOUR};
        buf_add(&all, SPAN_OF(rows));
        stay_name(&all, &clip, &keep, &f);
        assert_true(f.kind_until == NOON + 4 * HOUR && f.kind == KIND_BREAK_IN && f.alert == NOON + HOUR);
        keep.of[KIND_THEFT] = CAMERA_KEEP_FOREVER;
        stay_name(&all, &clip, &keep, &f);
        stays(&f, STAY_FOREVER, STAY_KIND, KIND_THEFT);
        f = (struct stay_facts){.created = NOON, .retention = HOUR};
        stay_name(&all, &(struct hash){{3}}, &kinds_preset, &f);
        stays(&f, NOON + HOUR, STAY_RETENTION, 0);
}

/* ---- notices ---- */

static struct announce_clip film(uint8_t id, mesh_cell cell, mesh_wall taken, mesh_wall from, mesh_wall to) {
        return (struct announce_clip){.id = {{id}}, .cell = cell, .taken = taken, .from = from, .to = to};
}

static void a_notice_tells_the_quarter(_unused_ void **state) {
        struct announced a = {.until = NOON - ANNOUNCE_QUARTER};
        struct announce_notice got[ANNOUNCE_CELLS];
        const struct announce_clip clips[] = {
                film(1, CELL_A, NOON - 500, NOON - 533, NOON - 501),
                film(2, CELL_A, NOON - 90, NOON - 130, NOON - 91),
                film(3, CELL_B, NOON - 10, NOON - 1000, NOON - 12),
                film(4, CELL_B, NOON, NOON - 5, NOON - 1),              /* of the quarter that runs */
                film(5, CELL_B, NOON - 1000, NOON - 1020, NOON - 1001), /* of one that was looked at */
        };
        assert_int_equal(announce_due(NOON + 899), NOON);
        assert_int_equal(announce_plan(&a, NOON, clips, ARRAY_LEN(clips), got), 2);
        assert_true(got[0].cell == CELL_A && got[0].from == NOON - 900 && got[0].to == NOON);
        assert_true(got[1].cell == CELL_B && got[1].from == NOON - 1800 && got[1].to == NOON && got[1].clip.b[0] == 3);
        assert_int_equal(announce_plan(&a, NOON, clips, ARRAY_LEN(clips), got), 0);
        assert_int_equal(announce_plan(&a, NOON + 900, clips, ARRAY_LEN(clips), got),
                         0); /* the fourth: told of already */
}

/* Whatever comes when: no quarter of a cell twice, every time a whole quarter, nothing of what is to come. */
static void no_quarter_is_told_of_twice(_unused_ void **state) {
        struct announced a = {.until = NOON};
        struct announce_notice got[ANNOUNCE_CELLS];
        mesh_wall last = 0;
        unsigned seed = 7, all = 0;
        for (mesh_wall due = NOON + 900; due < NOON + 20 * MESH_DAY; due += 900) {
                struct announce_clip clips[3];
                for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
                        seed = seed * 1103515245 + 12345;
                        mesh_wall to = due - 1 - seed / 65536 % 899;
                        clips[i] = film(1, CELL_A, to, to - seed / 256 % 4000, to);
                }
                size_t n = announce_plan(&a, due, clips, ARRAY_LEN(clips), got);
                assert_in_range(n, 0, 1);
                if (!n)
                        continue;
                assert_true(got[0].from >= last && got[0].from % 900 == 0 && got[0].to % 900 == 0 && got[0].to <= due);
                last = got[0].to;
                all++;
        }
        assert_int_equal(all, 20 * ANNOUNCE_A_DAY +
                                      ANNOUNCE_A_DAY); /* NOON is in the middle of a day: 21 days are touched */
}

static void what_was_told_is_kept(_unused_ void **state) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        struct announced a = {.until = NOON - 900}, back;
        struct announce_notice got[ANNOUNCE_CELLS];
        struct announce_clip clips[ANNOUNCE_CELLS + 2];
        for (size_t i = 0; i < ARRAY_LEN(clips); i++)
                clips[i] = film(1, CELL_A + i, NOON - 9, NOON - 9, NOON - 8);
        assert_int_equal(announce_plan(&a, NOON, clips, ARRAY_LEN(clips), got), ANNOUNCE_CELLS);
        announced_encode(&a, &bytes);
        announced_decode(&back, buf_span(&bytes));
        assert_memory_equal(&back, &a, sizeof(a));
        for (size_t n = 0; n < bytes.n; n++) {
                announced_decode(&back, span_of(bytes.p, n));
                assert_int_equal(back.until, 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_rule_is_of_one_camera),        cmocka_unit_test(all_are_those_that_are_to_come_too),
                cmocka_unit_test(the_disk_has_them_as_they_were), cmocka_unit_test(the_old_go),
                cmocka_unit_test(the_oldest_make_room),           cmocka_unit_test(by_kind_last),
                cmocka_unit_test(what_keeps_longest_counts),      cmocka_unit_test(kinds_of_alerts),
                cmocka_unit_test(a_notice_tells_the_quarter),     cmocka_unit_test(no_quarter_is_told_of_twice),
                cmocka_unit_test(what_was_told_is_kept),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
