/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with values on their way to the tool. No language is started here: what is shown is English, put together anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wire/codec.h"
#include "wire/said.h"

#include <stdlib.h>
#include <time.h>

#define NOW UINT64_C(1795000000)

/* Over the wire and back. */
static void carry(const struct said *message, const struct said *hint, struct said *ret_message,
                  struct said *ret_hint) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        struct buf store[2] = {BUF_NULL, BUF_NULL};
        struct wire_c_error out = {.name = SPAN_STR("a-name"), .exit = EXIT_REFUSED}, in;
        said_put(&out, message, hint, store);
        codec_encode(&wire_c_error_desc, &out, &bytes);
        assert_true(buf_ok(&bytes));
        assert_int_equal(codec_decode(&wire_c_error_desc, buf_span(&bytes), &in, NULL), 0);
        said_take(&in, ret_message, ret_hint);
        for (size_t i = 0; i < ARRAY_LEN(store); i++)
                buf_fini(&store[i]);
}

static void shows(const struct said *s, const char *wanted) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        said_show(&text, s, NOW);
        assert_string_equal(buf_cstr(&text), wanted);
}

static void test_carried(void **state) {
        struct said message, hint, got, got_hint;
        (void)state;
        said_set(&message, "100 %% of \"%.4s\": %u, %d, %zu and %llu", "Müller", 7u, -1, (size_t)8, 9ull);
        assert_int_equal(message.n, 0); /* five are too many: it goes as it is */
        assert_string_equal(message.form, "");
        shows(&message, "100 % of \"Mül\": 7, -1, 8 and 9");
        said_set(&message, "100 %% of \"%.4s\": %u, %zu and %llu", "Müller", 7u, (size_t)8, 9ull);
        said_set(&hint, "do this on %s", "hub");
        carry(&message, &hint, &got, &got_hint);
        assert_int_equal(got.n, 4);
        shows(&got, "100 % of \"Mül\": 7, 8 and 9");
        assert_string_equal(got.text, "100 % of \"Mül\": 7, 8 and 9");
        shows(&got_hint, "do this on hub");
        said_plain(&message, "50 % of it");
        carry(&message, NULL, &got, &got_hint);
        assert_string_equal(got.form, "");
        shows(&got, "50 % of it");
        shows(&got_hint, "");
}

static void test_times(void **state) {
        struct said message, got, hint;
        (void)state;
        said_set(&message, "%s until %s", "it is muted", "2026-11-18T11:06:40Z");
        said_words(&message, 0);
        said_time(&message, 1, NOW);
        said_time(&message, 2, NOW); /* there is none */
        carry(&message, NULL, &got, &hint);
        assert_true(got.values[0].words && !got.values[1].words);
        assert_string_equal(got.text, "it is muted until 2026-11-18T11:06:40Z"); /* for scripts */
        shows(&got, "it is muted until today 11:06");
}

/* Values that do not fit are not cut apart from their text; a text that does not fit ends with a whole character. */
static void test_too_long(void **state) {
        char wide[2 * SAID_TEXT_MAX + 1];
        struct said s, got, hint;
        (void)state;
        for (size_t i = 0; i + 2 < sizeof(wide); i += 2)
                memcpy(wide + i, "ü", 2);
        wide[sizeof(wide) - 1] = 0;
        said_set(&s, "x%s", wide);
        assert_string_equal(s.form, "");
        assert_int_equal(strlen(s.text), SAID_TEXT_MAX - 1);
        carry(&s, NULL, &got, &hint);
        assert_string_equal(got.text, s.text);
        said_set(&s, "%.201s", wide);
        carry(&s, NULL, &got, &hint);
        assert_int_equal(strlen(got.values[0].text), 200);
}

/* Whoever is at the other end: nothing is read that is not there. */
static void test_hostile(void **state) {
        static const char *const forms[] = {"%n", "%s %s", "%2$s", "%4294967297$s",    "%0$s",
                                            "%",  "%.",    "%*s",  "%.9999999999999x", "%1$"};
        struct said s;
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
                said_set(&s, "it was %s", "so");
                strcpy(s.form, forms[i]);
                shows(&s, "it was so");
        }
        said_set(&s, "it was %s", "%n%s");
        shows(&s, "it was %n%s");
        strcpy(s.form, "%1$s and %1$s: %s");
        shows(&s, "%n%s and %n%s: %n%s");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_carried),
                cmocka_unit_test(test_times),
                cmocka_unit_test(test_too_long),
                cmocka_unit_test(test_hostile),
        };
        setenv("TZ", "UTC", 1);
        tzset();
        return cmocka_run_group_tests_name("said", tests, NULL, NULL);
}
