/* SPDX-License-Identifier: Apache-2.0 */
/* A link's window on lines of any speed: what is behind it waits little, and the line is kept busy. */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define FRAME 1024
#define LEARNING 20000 /* ms in which the line may be learnt */
#define WATCHED 20000  /* ms that count */

struct line {
        uint64_t speed;   /* bytes a second */
        mesh_time way;    /* ms there and back */
        mesh_time longer; /* … and from LEARNING on; 0: the same */
        mesh_time lasts;  /* ms, of which the last WATCHED count; 0: LEARNING before them */
};

struct seen {
        mesh_time longest; /* ms from handing a byte out to its arrival */
        uint64_t arrived;
};

static struct mesh m;
static struct link l;
static mesh_time handed_at[1 << 22]; /* of each frame */

/* Bulk without end over @line, looked at each ms. */
static struct seen watch(const struct line *line, mesh_time stall, bool haul) {
        struct seen s = {0};
        double away = 0; /* bytes that have left */
        uint64_t here[4096] = {0}, come = 0;
        mesh_time end = line->lasts ? line->lasts : LEARNING + WATCHED;
        memset(&l, 0, sizeof(l));
        l.m = &m;
        l.haul = haul;
        m.now = 1;
        window_handed(&l);
        for (mesh_time t = 1; t <= end; t++, m.now++) {
                mesh_time way = line->longer && t > LEARNING ? line->longer : line->way;
                bool counts = t > end - WATCHED;
                double left = l.sent - away, step = line->speed / 1000.0;
                away += left < step ? left : step;
                here[t % ARRAY_LEN(here)] = (uint64_t)away;
                uint64_t now = t > way ? MAX(here[(t - way) % ARRAY_LEN(here)], come) : 0;
                for (uint64_t f = come / FRAME; f < now / FRAME && counts; f++)
                        s.longest = MAX(s.longest, t - handed_at[f]);
                s.arrived += counts ? now - come : 0;
                come = now;
                if (stall && t % 5000 < stall)
                        continue; /* the home was busy with something else */
                l.backlog = l.sent - come;
                window_gone(&l);
                while (window_open(&l, 4)) {
                        handed_at[l.sent / FRAME] = t;
                        l.sent += FRAME;
                        l.backlog += FRAME;
                }
                window_handed(&l);
        }
        return s;
}

/* From 16 kbit/s to 8 Mbit/s, near and far: a queue of a tenth of a second, or of what always may be on its way. */
static void test_lines(void **state) {
        (void)state;
        static const struct line lines[] = {{2000, 20},    {8000, 20},    {8000, 400},    {62500, 40},
                                            {125000, 200}, {625000, 100}, {1000000, 200}, {1000000, 10}};
        for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
                const struct line *line = &lines[i];
                struct seen s = watch(line, 0, false);
                mesh_time least = (2 * WINDOW_LEAST + 2 * FRAME) * 1000 / line->speed;
                print_message("# %u bytes/s, %u ms: at most %u ms, %u %% of the line\n", (unsigned)line->speed,
                              (unsigned)line->way, (unsigned)s.longest,
                              (unsigned)(s.arrived * 100 * 1000 / WATCHED / line->speed));
                assert_true(s.longest <= line->way + least + 2 * WINDOW_DELAY);
                assert_true(s.arrived * 1000 / WATCHED >= line->speed * 8 / 10);
        }
}

/* A home that does nothing for a second now and then takes that for no slow line. */
static void test_stalls(void **state) {
        (void)state;
        const struct line line = {1000000, 20};
        struct seen s = watch(&line, 1000, false);
        assert_true(s.arrived * 1000 / WATCHED >= line.speed * 7 / 10);
}

/* Another route, ten times as long: the line is used again as soon as that was measured anew. */
static void test_longer(void **state) {
        (void)state;
        static const struct line lines[] = {{1000000, 20, 200, WINDOW_DOUBT + LEARNING * 2 + WATCHED},
                                            {62500, 20, 400, WINDOW_DOUBT + LEARNING * 2 + WATCHED}};
        for (int haul = 0; haul < 2; haul++)
                for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
                        const struct line *line = &lines[i];
                        struct seen s = watch(line, 0, haul);
                        mesh_time least = (2 * WINDOW_LEAST + 2 * FRAME) * 1000 / line->speed;
                        assert_true(l.window.least >= line->longer && l.window.least <= line->longer + least);
                        assert_true(s.arrived * 1000 / WATCHED >= line->speed * 8 / 10);
                }
}

/* And where it did not become longer, its queue does not: not in half an hour of bulk. */
static void test_same(void **state) {
        (void)state;
        static const struct line lines[] = {{1000000, 20, 0, 1800000}, {62500, 40, 0, 1800000}};
        for (int haul = 0; haul < 2; haul++)
                for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
                        const struct line *line = &lines[i];
                        struct seen s = watch(line, 0, haul);
                        mesh_time least = (2 * WINDOW_LEAST + 2 * FRAME) * 1000 / line->speed;
                        assert_true(s.longest <= line->way + least + 2 * WINDOW_DELAY);
                        assert_true(l.window.least <= line->way + least);
                        assert_true(s.arrived * 1000 / WATCHED >= line->speed * 8 / 10);
                }
}

/* Who hurries does not wait for the window of the others, and their frames are short where it is small. */
static void test_urgent(void **state) {
        (void)state;
        l = (struct link){.m = &m};
        l.window.size = WINDOW_LEAST;
        assert_int_equal(window_room(&l, 4), WINDOW_LEAST);
        assert_int_equal(window_frame(&l), FRAMES_NORMAL);
        assert_int_equal(window_room(&l, 0), LINK_WINDOW);
        l.window.size = WINDOW_MOST;
        assert_int_equal(window_room(&l, 4), WINDOW_MOST);
        assert_int_equal(window_frame(&l), FRAMES_BULK);
}

/* Footage queues half as long, and hardly at all while alerts go about; the line is used all the same. */
static void test_footage(void **state) {
        (void)state;
        static const struct line lines[] = {{16000, 40}, {62500, 40}, {625000, 20}, {6250000, 20}, {6250000, 200}};
        for (int hurried = 0; hurried < 2; hurried++)
                for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
                        const struct line *line = &lines[i];
                        mesh_time delay = hurried ? HAUL_DELAY_HURRIED : HAUL_DELAY;
                        m = (struct mesh){.haul_hurried = hurried ? MESH_NEVER : 0};
                        struct seen s = watch(line, 0, true);
                        mesh_time least = (2 * WINDOW_LEAST + 2 * FRAME) * 1000 / line->speed;
                        unsigned used = (unsigned)(s.arrived * 100 * 1000 / WATCHED / line->speed);
                        print_message("# %u bytes/s, %u ms%s: at most %u ms, %u %% of the line\n",
                                      (unsigned)line->speed, (unsigned)line->way, hurried ? ", alerts" : "",
                                      (unsigned)s.longest, used);
                        assert_true(s.longest <= line->way + least + 2 * delay);
                        assert_true(used >= 80);
                }
        m = (struct mesh){0};
}

/* After an urgent one nothing of it begins, however short the window's queue; what hurries does. */
static void test_pause(void **state) {
        (void)state;
        l = (struct link){.m = &m, .haul = true};
        m = (struct mesh){.now = 100, .haul_pause = 101};
        assert_true(!window_open(&l, 5) && window_open(&l, 0));
        m.now = 101;
        assert_true(window_open(&l, 5));
        m = (struct mesh){0};
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),   cmocka_unit_test(test_stalls), cmocka_unit_test(test_urgent),
                cmocka_unit_test(test_footage), cmocka_unit_test(test_pause),  cmocka_unit_test(test_longer),
                cmocka_unit_test(test_same),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
