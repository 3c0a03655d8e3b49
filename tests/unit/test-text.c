/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_shown(struct span in, bool keep_newlines, const char *want) {
        _clean_(buf_fini) struct buf b = BUF_NULL;
        text_show(&b, in, keep_newlines);
        assert_string_equal(buf_cstr(&b), want);
}

static void utf8(void **state) {
        (void)state;
        static const char *const good[] = {"",
                                           "Hühner",
                                           "\x7f",
                                           "\xc2\x80",
                                           "\xdf\xbf",
                                           "\xe0\xa0\x80",
                                           "\xed\x9f\xbf",
                                           "\xee\x80\x80",
                                           "\xef\xbf\xbf",
                                           "\xf0\x90\x80\x80",
                                           "\xf4\x8f\xbf\xbf"};
        static const char *const bad[] = {"\x80",
                                          "\xbf",
                                          "\xc0\xaf",
                                          "\xc1\xbf",
                                          "\xc2",
                                          "\xc2\x41",
                                          "\xe0\x9f\xbf",
                                          "\xe2\x82",
                                          "\xed\xa0\x80",
                                          "\xed\xbf\xbf",
                                          "\xf0\x8f\xbf\xbf",
                                          "\xf4\x90\x80\x80",
                                          "\xf5\x80\x80\x80",
                                          "\xf0\x9f\x94",
                                          "\xff",
                                          "\xfe"};
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_true(text_utf8(span_str(good[i])));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(text_utf8(span_str(bad[i])));
        assert_false(text_utf8(span_of("a\0b", 3)));
        /* Cut at each byte: the reader must not look past the end, which the sanitizer would see. */
        static const char whole[] = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x94\xa5";
        for (size_t n = 0; n < sizeof(whole); n++) {
                uint8_t *copy = malloc(n + !n);
                assert_non_null(copy);
                memcpy(copy, whole, n);
                assert_int_equal(text_utf8(span_of(copy, n)), n == 0 || n == 1 || n == 3 || n == 6 || n == 10);
                free(copy);
        }
}

static void show(void **state) {
        (void)state;
        assert_shown(SPAN_STR("Feuer 🔥 im Hof"), false, "Feuer 🔥 im Hof");
        assert_shown(SPAN_STR("\x1b[2J"), false, "\\u{1B}[2J");
        assert_shown(SPAN_STR("a\nb"), false, "a\\u{0A}b");
        assert_shown(SPAN_STR("a\nb\r"), true, "a\nb\\u{0D}");
        assert_shown(span_of("a\0b", 3), true, "a\\u{00}b");
        assert_shown(SPAN_STR("\x7f\xc2\x9b"), true, "\\u{7F}\\u{9B}");
        assert_shown(SPAN_STR("x\xe2\x80\xaey"), false, "x\\u{202E}y");
        assert_shown(SPAN_STR("\xe2\x81\xa6\xe2\x80\x8f\xd8\x9c"), false, "\\u{2066}\\u{200F}\\u{61C}");
        assert_shown(SPAN_STR("\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x81\x81"), false, "\\u{200B}\\u{FEFF}\\u{E0041}");
        assert_shown(SPAN_STR("\xff\xc0\xaf"
                              "a\xe2\x82"),
                     false, "\\x{FF}\\x{C0}\\x{AF}a\\x{E2}\\x{82}");
        assert_shown(SPAN_NONE, false, "");
}

/* Whatever is shown is UTF-8 without controls, and showing it again changes nothing. */
static void show_is_tame(void **state) {
        (void)state;
        uint32_t random = 1;
        for (int round = 0; round < 2000; round++) {
                uint8_t in[24];
                for (size_t i = 0; i < sizeof(in); i++) {
                        random = random * 1664525 + 1013904223;
                        in[i] = (uint8_t)(random >> 24);
                }
                _clean_(buf_fini) struct buf once = BUF_NULL, twice = BUF_NULL;
                text_show(&once, SPAN_OF(in), false);
                text_show(&twice, buf_span(&once), false);
                assert_true(text_utf8(buf_span(&once)));
                assert_true(span_eq(buf_span(&once), buf_span(&twice)));
                for (size_t i = 0; i < once.n; i++)
                        assert_true(once.p[i] >= ' ' && once.p[i] != 0x7f);
        }
}

static void columns(void **state) {
        (void)state;
        assert_int_equal(text_columns(SPAN_STR("")), 0);
        assert_int_equal(text_columns(SPAN_STR("porch")), 5);
        assert_int_equal(text_columns(SPAN_STR("Grüße")), 5);
        assert_int_equal(text_columns(SPAN_STR("u\xcc\x88")), 1);
        assert_int_equal(text_columns(SPAN_STR("火事")), 4);
        assert_int_equal(text_columns(SPAN_STR("🔥")), 2);
        assert_int_equal(text_columns(SPAN_STR("→ €")), 3);
        assert_int_equal(text_columns(SPAN_STR("한글")), 4);
        assert_int_equal(text_columns(SPAN_STR("\xff")), 1);
        assert_int_equal(text_columns(SPAN_STR("\x1b")), 0);
}

static void hex(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf b = BUF_NULL;
        text_hex(&b, SPAN_STR("\x00\x9f\xff"));
        assert_string_equal(buf_cstr(&b), "009fff");
        _clean_(buf_fini) struct buf back = BUF_NULL;
        assert_true(text_unhex(&back, SPAN_STR("009fFF")));
        assert_true(span_eq(buf_span(&back), SPAN_STR("\x00\x9f\xff")));
        assert_false(text_unhex(&back, SPAN_STR("0")));
        assert_false(text_unhex(&back, SPAN_STR("0g")));
        assert_false(text_unhex(&back, SPAN_STR(" 1")));
        assert_int_equal(back.n, 3);
        assert_true(text_unhex(&back, SPAN_STR("")));
        struct buf small = BUF_MAX(1);
        assert_false(text_unhex(&small, SPAN_STR("0102")));
        buf_fini(&small);
}

static void hex_begins(void **state) {
        (void)state;
        struct span id = SPAN_STR("\x00\x9f\xff");
        assert_true(text_hex_begins(id, SPAN_STR("")));
        assert_true(text_hex_begins(id, SPAN_STR("009")));
        assert_true(text_hex_begins(id, SPAN_STR("009FfF")));
        assert_false(text_hex_begins(id, SPAN_STR("09")));
        assert_false(text_hex_begins(id, SPAN_STR("008")));
        assert_false(text_hex_begins(id, SPAN_STR("009fff0")));
        assert_false(text_hex_begins(id, SPAN_STR("00 ")));
        assert_false(text_hex_begins(id, SPAN_OF("00\0")));
}

static void base32(void **state) {
        (void)state;
        static const struct {
                const char *plain, *coded;
        } rfc4648[] = {{"", ""},
                       {"f", "MY"},
                       {"fo", "MZXQ"},
                       {"foo", "MZXW6"},
                       {"foob", "MZXW6YQ"},
                       {"fooba", "MZXW6YTB"},
                       {"foobar", "MZXW6YTBOI"}};
        for (size_t i = 0; i < ARRAY_LEN(rfc4648); i++) {
                _clean_(buf_fini) struct buf b = BUF_NULL, back = BUF_NULL;
                text_base32(&b, span_str(rfc4648[i].plain));
                assert_string_equal(buf_cstr(&b), rfc4648[i].coded);
                assert_true(text_unbase32(&back, buf_span(&b)));
                assert_string_equal(buf_cstr(&back), rfc4648[i].plain);
        }
        _clean_(buf_fini) struct buf b = BUF_NULL;
        assert_true(text_unbase32(&b, SPAN_STR("mzxw6ytboi")));
        assert_string_equal(buf_cstr(&b), "foobar");
        static const char *const bad[] = {"M",     "MZX",      "MZXW6Y", "MZ",       "MZXR",
                                          "MZXW7", "MZXW6YT0", "M Y",    "MY======", "MZXW6YR"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(text_unbase32(&b, span_str(bad[i])));
        assert_int_equal(b.n, 6);
        for (size_t n = 0; n < 64; n++) {
                uint8_t in[64];
                for (size_t i = 0; i < n; i++)
                        in[i] = (uint8_t)(i * 37 + n);
                _clean_(buf_fini) struct buf coded = BUF_NULL, plain = BUF_NULL;
                text_base32(&coded, span_of(in, n));
                assert_int_equal(coded.n, (n * 8 + 4) / 5);
                assert_true(text_unbase32(&plain, buf_span(&coded)));
                assert_true(span_eq(buf_span(&plain), span_of(in, n)));
        }
}

static void folding(void **state) {
        (void)state;
        assert_true(text_eq_nocase(SPAN_STR("Severe"), SPAN_STR("sEVERE")));
        assert_false(text_eq_nocase(SPAN_STR("[@"), SPAN_STR("{`")));
        assert_false(text_eq_nocase(SPAN_STR("a"), SPAN_STR("ab")));
        assert_true(text_eq_nocase(SPAN_NONE, SPAN_STR("")));
        assert_true(text_contains(SPAN_STR("Smoke in the Yard"), SPAN_STR("yard")));
        assert_true(text_contains(SPAN_STR("x"), SPAN_NONE));
        assert_true(text_contains(SPAN_NONE, SPAN_NONE));
        assert_false(text_contains(SPAN_STR("yar"), SPAN_STR("yard")));
        assert_false(text_contains(SPAN_STR("yyar"), SPAN_STR("yard")));
}

static void trimming(void **state) {
        (void)state;
        static const struct {
                const char *in, *want;
        } cases[] = {{"", ""}, {" \t\r ", ""}, {"a", "a"}, {"\t a b \r", "a b"}, {"\n a\n", "\n a\n"}};
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_true(span_eq(text_trim(span_str(cases[i].in)), span_str(cases[i].want)));
        assert_int_equal(text_trim(SPAN_NONE).n, 0);
}

static void numbers(void **state) {
        (void)state;
        uint64_t v = 77;
        assert_true(text_u64(SPAN_STR("0"), UINT64_MAX, &v));
        assert_int_equal(v, 0);
        assert_true(text_u64(SPAN_STR("18446744073709551615"), UINT64_MAX, &v));
        assert_true(v == UINT64_MAX);
        static const char *const bad[] = {
                "", "-1", "+1", " 1", "1 ", "0x1", "1e3", "18446744073709551616", "99999999999999999999"};
        v = 77;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(text_u64(span_str(bad[i]), UINT64_MAX, &v));
        assert_false(text_u64(SPAN_STR("101"), 100, &v));
        assert_int_equal(v, 77);
        assert_true(text_u64(SPAN_STR("100"), 100, &v));
        assert_int_equal(v, 100);
}

static void sizes(void **state) {
        static const struct {
                uint64_t n;
                const char *text;
        } rows[] = {
                {0, "0 B"},
                {999, "999 B"},
                {1000, "1.0 kB"},
                {1599, "1.5 kB"},
                {999999, "999.9 kB"},
                {20000000, "20.0 MB"},
                {UINT64_C(5000000000000), "5000.0 GB"},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                _clean_(buf_fini) struct buf out = BUF_NULL;
                text_size(&out, rows[i].n);
                assert_string_equal(buf_cstr(&out), rows[i].text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(utf8),    cmocka_unit_test(show),    cmocka_unit_test(show_is_tame),
                cmocka_unit_test(columns), cmocka_unit_test(hex),     cmocka_unit_test(hex_begins),
                cmocka_unit_test(base32),  cmocka_unit_test(folding), cmocka_unit_test(trimming),
                cmocka_unit_test(numbers), cmocka_unit_test(sizes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
