/* SPDX-License-Identifier: Apache-2.0 */
/* In Berlin's zone, written out as a rule so that the test needs no zone files: UTC+1, in summer UTC+2. */
#include "base/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define NOW 1795309323u /* Sun 2026-11-22T01:02:03Z, 02:02:03 in Berlin */
#define DAY 86400u

typedef void (*show_fn)(struct buf *out, uint64_t seconds, uint64_t now);

static void assert_shows(show_fn show, uint64_t seconds, const char *want) {
        _clean_(buf_fini) struct buf b = BUF_NULL;
        show(&b, seconds, NOW);
        assert_string_equal(buf_cstr(&b), want);
}

static void assert_reads(const char *s, uint64_t want) {
        uint64_t got = 0;
        if (!when_parse(span_str(s), NOW, &got))
                fail_msg("cannot read '%s'", s);
        if (got != want)
                fail_msg("'%s' is read as %llu, not %llu", s, (unsigned long long)got, (unsigned long long)want);
}

static void rfc3339(void **state) {
        (void)state;
        static const struct {
                uint64_t seconds;
                const char *text;
        } rows[] = {{0, "1970-01-01T00:00:00Z"},
                    {NOW, "2026-11-22T01:02:03Z"},
                    {951782400, "2000-02-29T00:00:00Z"},
                    {253402300799u, "9999-12-31T23:59:59Z"},
                    {UINT64_MAX, "9999-12-31T23:59:59Z"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                _clean_(buf_fini) struct buf b = BUF_NULL;
                when_rfc3339(&b, rows[i].seconds);
                assert_string_equal(buf_cstr(&b), rows[i].text);
                assert_reads(rows[i].text, MIN(rows[i].seconds, 253402300799u));
        }
}

static void for_people(void **state) {
        (void)state;
        assert_shows(when_local, NOW, "today 02:02");
        assert_shows(when_local, NOW - 2 * 3600 - 123, "today 00:00");
        assert_shows(when_local, NOW - 2 * 3600 - 124, "yesterday 23:59");
        assert_shows(when_local, NOW + DAY, "tomorrow 02:02");
        assert_shows(when_local, NOW - 2 * DAY, "Fri 20 Nov 02:02");
        assert_shows(when_local, NOW - 40 * DAY, "Tue 13 Oct 03:02"); /* summer time */
        assert_shows(when_local, NOW - 367 * DAY, "20 Nov 2025");
        assert_shows(when_local, 0, "1 Jan 1970");
        assert_shows(when_local, UINT64_MAX, "1 Jan 10000"); /* the last second of 9999, in Berlin */
}

static void freshness(void **state) {
        (void)state;
        assert_shows(when_relative, NOW, "just now");
        assert_shows(when_relative, NOW - 59, "just now");
        assert_shows(when_relative, NOW + 9, "just now");
        assert_shows(when_relative, NOW + 30, "in 30 s");
        assert_shows(when_relative, NOW - 60, "1 min ago");
        assert_shows(when_relative, NOW - 3 * 60 - 59, "3 min ago");
        assert_shows(when_relative, NOW + 2 * 3600, "in 2 h");
        assert_shows(when_relative, NOW - 47 * 3600, "47 h ago");
        assert_shows(when_relative, NOW - 5 * DAY, "5 days ago");
        assert_shows(when_relative, 0, "20779 days ago");
}

static void reads_times(void **state) {
        (void)state;
        uint64_t today = NOW - 2 * 3600 - 123; /* midnight in Berlin */
        assert_reads("now", NOW);
        assert_reads(" Now ", NOW);
        assert_reads("today", today);
        assert_reads("yesterday", today - DAY);
        assert_reads("tomorrow", today + DAY);
        assert_reads("yesterday 23:10", today - DAY + 23 * 3600 + 600);
        assert_reads("14:05", today + 14 * 3600 + 300);
        assert_reads("14:05:09", today + 14 * 3600 + 309);
        assert_reads("2026-11-20", today - 2 * DAY);
        assert_reads("2026-11-20 14:05", today - 2 * DAY + 14 * 3600 + 300);
        assert_reads("2026-11-22T01:02:03Z", NOW);
        assert_reads("2026-11-22t01:02:03.987z", NOW);
        assert_reads("2026-11-22T02:02:03+01:00", NOW);
        assert_reads("2026-11-21 20:02:03 -05:00", NOW);
        assert_reads("2026-07-01 12:00", 1782900000); /* 10:00Z */
        assert_reads("2016-12-31T23:59:60Z", 1483228800);
        assert_reads("-2h", NOW - 7200);
        assert_reads("+10min", NOW + 600);
        assert_reads("2h ago", NOW - 7200);
        assert_reads("-1month", NOW - 2629800);
        assert_reads("-1M", NOW - 2629800);
        assert_reads("-1m", NOW - 60);
        assert_reads("-1y", NOW - 31557600);
        assert_reads("Sun 2026-11-22 01:02:03 UTC", NOW); /* as journalctl writes it */
        assert_reads("sunday 2026-11-22 01:02:03 utc", NOW);
        assert_reads("Fri 2026-11-20", today - 2 * DAY);
        assert_reads("1h 30 min ago", NOW - 5400);
        assert_reads("@1234567890", 1234567890);
        assert_reads("@0", 0);
}

static void refuses_times(void **state) {
        (void)state;
        static const char *const bad[] = {"",
                                          " ",
                                          "soon",
                                          "2h",
                                          "-",
                                          "+",
                                          "ago",
                                          "-2",
                                          "2 ago",
                                          "--2h",
                                          "-2h ago ago",
                                          "@",
                                          "@-1",
                                          "@1.5",
                                          "@99999999999999",
                                          "25:00",
                                          "14:60",
                                          "14:05:61",
                                          "14",
                                          "1:05",
                                          "14:05:",
                                          "2026-13-01",
                                          "2026-00-01",
                                          "2026-02-30",
                                          "2025-02-29",
                                          "2026-11-00",
                                          "2026-11-22T",
                                          "2026-11-22T01:02:03+24:00",
                                          "2026-11-22T01:02:03+01",
                                          "2026-11-22Z",
                                          "1969-12-31",
                                          "1970-01-01T00:00:00+01:00",
                                          "2026-11-22T01:02:03Zx",
                                          "9999-12-31T23:59:59-23:59",
                                          "todayx",
                                          "Mon 2026-11-22",
                                          "S 2026-11-22",
                                          "Sund 2026-11-22",
                                          "Sun2026-11-22",
                                          "Sun",
                                          "Sun 14:05",
                                          "2026-11-22 01:02:03 UT",
                                          "nowx",
                                          "1h30 ago",
                                          "2026/11/22",
                                          "99999999999999999999h ago",
                                          "-99999w",
                                          "2026-11-22 01:02:03.",
                                          "\xff",
                                          "2026-11-2٢"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                uint64_t got = 77;
                if (when_parse(span_str(bad[i]), NOW, &got))
                        fail_msg("'%s' is read as %llu", bad[i], (unsigned long long)got);
                assert_int_equal(got, 77);
        }
        uint64_t got;
        assert_false(when_parse(SPAN_NONE, NOW, &got));
        assert_false(when_parse(SPAN_STR("-2h"), 100, &got)); /* before 1970 */
}

static void durations(void **state) {
        (void)state;
        static const struct {
                const char *text;
                uint64_t seconds;
        } good[] = {{"90s", 90},         {"15m", 900},     {"15min", 900},        {"2h", 7200},
                    {"7d", 7 * DAY},     {"2w", 14 * DAY}, {"1h30m", 5400},       {"1h 30 min", 5400},
                    {"7 days", 7 * DAY}, {"1s", 1},        {"3652d", 3652 * DAY}, {"0h1m", 60},
                    {"2H", 7200},        {"1M", 2629800},  {"2 months", 5259600}, {"1y", 31557600}};
        static const char *const bad[] = {"",    "0",     "0s",   "90",    "h",
                                          "-1h", "1.5h",  "1x",   "1h3",   "11y",
                                          "1 ",  "3654d", "600w", "1h-5m", "99999999999999999999s"};
        uint64_t got;
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                assert_true(when_duration(span_str(good[i].text), &got));
                assert_int_equal(got, good[i].seconds);
        }
        got = 77;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(when_duration(span_str(bad[i]), &got));
        assert_int_equal(got, 77);
}

static void shows_durations(void **state) {
        (void)state;
        static const struct {
                uint64_t seconds;
                const char *text;
        } rows[] = {{0, "0 s"},
                    {1, "1 s"},
                    {60, "1 min"},
                    {90, "90 s"},
                    {125, "2 min 5 s"},
                    {900, "15 min"},
                    {5400, "90 min"},
                    {7200, "2 h"},
                    {7260, "2 h 1 min"},
                    {3661, "1 h 1 min"},
                    {DAY, "1 day"},
                    {7 * DAY, "7 days"},
                    {90000, "25 h"},
                    {DAY + 3599, "1 day"},
                    {DAY + 7201, "1 day 2 h"},
                    {3000 * 3600, "125 days"},
                    {3601 * 3600u, "150 days 1 h"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                _clean_(buf_fini) struct buf b = BUF_NULL;
                when_show_duration(&b, rows[i].seconds);
                assert_string_equal(buf_cstr(&b), rows[i].text);
                uint64_t back;
                if (rows[i].seconds && when_duration(buf_span(&b), &back))
                        assert_true(back <= rows[i].seconds && rows[i].seconds - back < 3600);
        }
}

static int berlin(void **state) {
        (void)state;
        setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
        tzset();
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rfc3339),         cmocka_unit_test(for_people),    cmocka_unit_test(freshness),
                cmocka_unit_test(reads_times),     cmocka_unit_test(refuses_times), cmocka_unit_test(durations),
                cmocka_unit_test(shows_durations),
        };
        return cmocka_run_group_tests(tests, berlin, NULL);
}
