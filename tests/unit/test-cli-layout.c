/* SPDX-License-Identifier: Apache-2.0 */
/* What people see: golden text, 80 columns whatever neighbours are called, nothing that a terminal would obey. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/cli.h"

#include "base/text.h"

#include <stdlib.h>
#include <time.h>

#define NOW 1795312800u /* 22 Nov 2026 02:00 UTC */

static const uint8_t id[32] = {0x1a, 0x2b, 0x3c, 0x4d, 0x5e};

static struct wire_c_alert alert_new(void) {
        return (struct wire_c_alert){
                .v = 1,
                .id = SPAN_OF(id),
                .household = SPAN_STR("Miller"),
                .source = SOURCE_PERSON,
                .kind = KIND_FIRE,
                .category = CATEGORY_FIRE,
                .severity = SEVERITY_SEVERE,
                .urgency = URGENCY_IMMEDIATE,
                .certainty = CERTAINTY_OBSERVED,
                .status = STATUS_ACTUAL,
                .state = STATE_ACTIVE,
                .cell = SPAN_STR("u33dc0t"),
                .text = SPAN_STR("Smoke from the roof of number 12; the fire brigade is on its way. Keep the "
                                 "street free."),
                .created = NOW - 3600,
                .expires = NOW + 18000,
        };
}

static void is(struct buf *b, const char *want) {
        assert_true(buf_ok(b));
        assert_string_equal(buf_cstr(b), want);
        buf_clear(b);
}

static void an_alert(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct wire_c_alert a = alert_new();
        layout_alert(&out, &a, NOW, false);
        is(&out, "active     today 01:00      u33dc0t  fire Severe               Miller\n"
                 "  Smoke from the roof of number 12; the fire brigade is on its way. Keep the\n"
                 "  street free.\n"
                 "  id 1a2b3c4d; until today 07:00\n");
        WIRE_PUT(&a, C_ALERT, distance_m, 1240);
        a.confirms = 2;
        a.disputes = 1;
        a.mine = true;
        a.status = STATUS_EXERCISE;
        a.text = SPAN_STR("one\ntwo");
        layout_alert(&out, &a, NOW, false);
        is(&out, "active     today 01:00       1.2 km  fire Severe               Miller\n"
                 "  [EXERCISE: a drill] one\n"
                 "  two\n"
                 "  id 1a2b3c4d; until today 07:00; 2 homes confirm; 1 home doubts it; yours\n");
}

static void colour_adds_nothing_but_colour(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf plain = BUF_NULL, colour = BUF_NULL;
        struct wire_c_alert a = alert_new();
        layout_alert(&plain, &a, NOW, false);
        layout_alert(&colour, &a, NOW, true);
        assert_memory_equal(colour.p, "\033[1;31m", 7);
        struct span rest = span_from(buf_span(&colour), 7);
        size_t line = (size_t)((const uint8_t *)memchr(plain.p, '\n', plain.n) - plain.p);
        assert_memory_equal(rest.p, plain.p, line);
        assert_memory_equal(rest.p + line, "\033[0m\n", 5);
}

static void within_80_columns(struct buf *b) {
        struct span rest = buf_span(b);
        while (rest.n) {
                const uint8_t *end = memchr(rest.p, '\n', rest.n);
                assert_non_null(end);
                struct span line = span_of(rest.p, (size_t)(end - rest.p));
                assert_true(text_columns(line) <= CLI_COLUMNS);
                assert_true(text_utf8(line) || !line.n);
                rest = span_from(rest, line.n + 1);
        }
        buf_clear(b);
}

static void long_names_stay_within_80_columns(void **state) {
        (void)state;
        static const char *const texts[] = {
                "ÄÖÜßÄÖÜßÄÖÜßÄÖÜß",                                       /* two bytes, one column */
                "隣の家の人たち御一同様",                                 /* three bytes, two columns */
                "🏠🏠🏠🏠🏠🏠🏠🏠",                                               /* four bytes, two columns */
                "a\xcc\x88o\xcc\x88u\xcc\x88 and a long name of letters", /* combining */
                "\033[2Jcleared\r\n",
                "\xe2\x80\xae"
                "backwards",
                "\xff\xfe no text",
        };
        _clean_(buf_fini) struct buf out = BUF_NULL, big = BUF_NULL;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct wire_c_alert a = alert_new();
                a.household = span_str(texts[i]);
                a.kind = KIND_UNUSUAL_ACTIVITY;
                a.severity = SEVERITY_UNKNOWN;
                a.state = STATE_RETRACTED;
                WIRE_PUT(&a, C_ALERT, distance_m, 40000000);
                for (int n = 0; n < 12; n++)
                        buf_add_str(&big, texts[i]);
                a.text = buf_span(&big);
                layout_alert(&out, &a, NOW, false);
                assert_null(memchr(out.p, '\033', out.n));
                assert_null(memchr(out.p, '\r', out.n));
                within_80_columns(&out);
                buf_clear(&big);
        }
}

static void numbers_nobody_knows(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct wire_c_alert a = alert_new();
        a.kind = 200;
        a.state = 7;
        a.text = SPAN_NONE;
        layout_alert(&out, &a, NOW, false);
        is(&out, "state 7    today 01:00      u33dc0t  kind 200 Severe           Miller\n"
                 "  id 1a2b3c4d; until today 07:00\n");
}

static void cells_pad_and_cut(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        layout_cell(&out, SPAN_STR("abc"), 5);
        is(&out, "abc  ");
        layout_cell(&out, SPAN_STR("abc"), -5);
        is(&out, "  abc");
        layout_cell(&out, SPAN_STR("abcdef"), 5);
        is(&out, "abcd…");
        layout_cell(&out, SPAN_STR("隣の家の人"), 6);
        is(&out, "隣の… ");
        layout_cell(&out, SPAN_STR("abcde"), 5);
        is(&out, "abcde");
        layout_cell(&out, SPAN_NONE, 2);
        is(&out, "  ");
}

static void wraps(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        layout_wrap(&out, SPAN_STR("aaa bb c dddd eeeeeeeeeeee f"), 2, 10);
        is(&out, "  aaa bb c\n  dddd\n  eeeeeeee\n  eeee f\n");
        layout_wrap(&out, SPAN_STR("a\n\nb"), 1, 10);
        is(&out, " a\n\n b\n");
        layout_wrap(&out, SPAN_NONE, 2, 10);
        is(&out, "");
        layout_wrap(&out, SPAN_STR("隣隣隣隣隣"), 1, 6);
        is(&out, " 隣隣\n 隣隣\n 隣\n");
}

static void what_became_of_a_post(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct wire_c_posted p = {.id = SPAN_OF(id), .expires = NOW + 18000};
        layout_posted(&out, &p, "posted", NOW);
        is(&out, "posted; no other home is in the mesh yet");
        assert_false(posted_unsent(&p));
        p.homes = 4;
        assert_true(posted_unsent(&p));
        layout_posted(&out, &p, "posted", NOW);
        is(&out, "saved here, NOT SENT: no home has taken it yet; will be sent until today 07:00");
        WIRE_PUT(&p, C_POSTED, alone_since, NOW - 600);
        layout_posted(&out, &p, "posted", NOW);
        is(&out, "saved here, NOT SENT: no home reachable since today 01:50; will be sent until today 07:00");
        p.handed_to = 3;
        layout_posted(&out, &p, "posted", NOW);
        is(&out, "posted, handed to 3 homes");
        p.handed_to = 1;
        layout_posted(&out, &p, "confirmed", NOW);
        is(&out, "confirmed, handed to 1 home");
}

static void more_of_an_alert(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct wire_c_alert a = alert_new();
        a.status = STATUS_TEST;
        a.source = SOURCE_SENSOR;
        a.text = SPAN_STR("It beeps.");
        a.expires = NOW - 60;
        WIRE_PUT(&a, C_ALERT, doing, DOING_SETTING_FIRE);
        layout_alert(&out, &a, NOW, false);
        is(&out, "active     today 01:00      u33dc0t  fire Severe               Miller\n"
                 "  [TEST: ignore] (setting-fire) It beeps.\n"
                 "  id 1a2b3c4d; ended today 01:59; posted by a sensor\n");
}

static void addresses(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        static const uint8_t ip4[4] = {192, 0, 2, 7}, ip6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
        struct wire_addr four = {.port = 7345}, six = four, name = four, none = four;
        WIRE_PUT(&four, ADDR, ip4, SPAN_OF(ip4));
        WIRE_PUT(&six, ADDR, ip6, SPAN_OF(ip6));
        WIRE_PUT(&name, ADDR, dns, SPAN_STR("home.example\x1b[2J"));
        layout_addr(&out, &four);
        is(&out, "192.0.2.7:7345");
        layout_addr(&out, &six);
        is(&out, "[2001:db8::1]:7345");
        layout_addr(&out, &name);
        assert_null(strchr(buf_cstr(&out), 0x1b)); /* a neighbour's name clears no screen */
        assert_non_null(strstr(buf_cstr(&out), "home.example"));
        buf_clear(&out);
        layout_addr(&out, &none);
        is(&out, "?:7345");
}

static void freshness(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct wire_c_status s = {.state = FRESH_CURRENT, .links = 3, .homes = 9};
        layout_fresh(&out, &s, NOW);
        is(&out, "current, 3 neighbours");
        s.state = FRESH_ALONE;
        WIRE_PUT(&s, C_STATUS, since, NOW - 600);
        layout_fresh(&out, &s, NOW);
        is(&out, "ALONE since today 01:50; what happened since then is not here");
        s.homes = 1;
        layout_fresh(&out, &s, NOW);
        is(&out, "current; no other home is in the mesh yet");
        s.state = FRESH_REMOVED;
        layout_fresh(&out, &s, NOW);
        is(&out, "this home is NO LONGER IN THE MESH since today 01:50; nothing newer is here");
        s.state = FRESH_WAITING;
        layout_fresh(&out, &s, NOW);
        is(&out, "this home WAITS FOR A PLACE in the mesh since today 01:50; nothing newer is here");
        s.state = FRESH_JOINING;
        layout_fresh(&out, &s, NOW);
        is(&out, "none yet; waiting for a member to admit this home");
        s.state = FRESH_RESTORING;
        layout_fresh(&out, &s, NOW);
        is(&out, "none yet; being restored, waiting for a neighbour");
        s.state = 15;
        layout_fresh(&out, &s, NOW);
        is(&out, "fresh 15");
        s.state = FRESH_MUTED;
        s.homes = 9;
        WIRE_PUT(&s, C_STATUS, muted_until, NOW + 600);
        layout_fresh(&out, &s, NOW);
        is(&out,
           "current, 3 neighbours; this device is MUTED since today 01:50 until today 02:10: what it posts is void");
        s.state = FRESH_CATCHING_UP;
        layout_fresh(&out, &s, NOW);
        is(&out, "CATCHING UP since today 01:50; some of what was missed is not here yet; this device is MUTED until "
                 "today 02:10: what it posts is void");
}

static void events_as_json(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct wire_c_alert a = alert_new();
        struct wire_c_event e = {.v = 1, .seq = 17, .event = HAPPENING_POSTED};
        static const char head[] = "{\"v\":1,\"seq\":17,\"event\":\"posted\",\"alert\":{\"v\":1,\"id\":\"1a2b3c4d";
        event_json(&out, &e, &a);
        assert_memory_equal(out.p, head, sizeof(head) - 1);
        assert_memory_equal(out.p + out.n - 3, "}}\n", 3);
        buf_clear(&out);
        e.seq = UINT64_C(9007199254740993);
        event_json(&out, &e, &a);
        assert_non_null(strstr(buf_cstr(&out), "\"seq\":\"9007199254740993\","));
}

static void qr_codes(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        char ticket[1024];
        memset(ticket, 'A', sizeof(ticket));
        ticket[619] = 0; /* 380 bytes in base32 and the prefix: version 13-L is full */
        assert_true(qr_draw(&out, ticket, false));
        struct span first = span_of(out.p, (size_t)((uint8_t *)memchr(out.p, '\n', out.n) - out.p));
        assert_int_equal(text_columns(first), 77);
        buf_clear(&out);
        ticket[619] = 'A';
        ticket[1023] = 0;
        assert_false(qr_draw(&out, ticket, false));
        assert_int_equal(out.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_alert),
                cmocka_unit_test(colour_adds_nothing_but_colour),
                cmocka_unit_test(long_names_stay_within_80_columns),
                cmocka_unit_test(numbers_nobody_knows),
                cmocka_unit_test(cells_pad_and_cut),
                cmocka_unit_test(wraps),
                cmocka_unit_test(what_became_of_a_post),
                cmocka_unit_test(more_of_an_alert),
                cmocka_unit_test(addresses),
                cmocka_unit_test(freshness),
                cmocka_unit_test(events_as_json),
                cmocka_unit_test(qr_codes),
        };
        setenv("TZ", "UTC", 1);
        tzset();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
