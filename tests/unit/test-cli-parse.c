/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: what is understood, what is refused and with which advice; and that all help keeps to 80 columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/address.h"
#include "cli/cli.h"
#include "cli/place.h"

#include "base/text.h"

#include <stdio.h>

#define NOW 1795312800u
#define LINE(...) ((char **)(const char *[]){__VA_ARGS__, NULL})

static struct args args;
static struct parse_error wrong;

static void good(char *const *argv) {
        assert_int_equal(args_parse(&args, argv, NOW, &wrong), 0);
}

static void bad(char *const *argv, const char *message, const char *hint) {
        assert_int_equal(args_parse(&args, argv, NOW, &wrong), EXIT_USAGE);
        assert_string_equal(wrong.message, message);
        assert_string_equal(wrong.hint, hint);
}

static void words_and_options_in_any_order(void **state) {
        (void)state;
        good(LINE("--json", "post", "--severity=MINOR", "other", "--expires", "2h", "two", "words"));
        assert_string_equal(args.command->name, "post");
        assert_int_equal(args.n_words, 3);
        assert_string_equal(args.words[2], "words");
        assert_true(args_has(&args, OPT_JSON));
        assert_int_equal(args_get(&args, OPT_SEVERITY)->n, SEVERITY_MINOR);
        assert_int_equal(args_get(&args, OPT_EXPIRES)->n, 7200);
        assert_false(args_has(&args, OPT_AT));
        good(LINE("clip", "get", "-o", "-", "3f2a91c0"));
        assert_string_equal(args_text(&args, OPT_OUTPUT), "-");
        assert_string_equal(args.words[0], "3f2a91c0");
}

static void two_hyphens_end_the_options(void **state) {
        (void)state;
        good(LINE("post", "other", "--", "--json", "-5 degrees"));
        assert_int_equal(args.n_words, 3);
        assert_string_equal(args.words[1], "--json");
        assert_false(args_has(&args, OPT_JSON));
        good(LINE("post", "other", "-"));
        assert_string_equal(args.words[1], "-");
        good(LINE("post", "other", "-5 degrees"));
        assert_string_equal(args.words[1], "-5 degrees");
        good(LINE("place", "add", "beach", "-33.86,151.21"));
        assert_string_equal(args.words[1], "-33.86,151.21");
        bad(LINE("post", "other", "-x"), "there is no option -x", "put -- before words that begin with a hyphen");
}

static void the_last_use_counts_or_each(void **state) {
        (void)state;
        good(LINE("nearby", "--limit", "3", "--limit=4", "--kind", "fire", "--kind", "smoke"));
        assert_int_equal(args_get(&args, OPT_LIMIT)->n, 4);
        assert_int_equal(args.n_values, 4);
        assert_int_equal(args.values[2].n, KIND_FIRE);
        assert_int_equal(args.values[3].n, KIND_SMOKE);
}

static void groups_and_their_members(void **state) {
        (void)state;
        good(LINE("invite", "--for", "list"));
        assert_null(args.command->name);
        assert_string_equal(args_text(&args, OPT_FOR), "list");
        good(LINE("invite", "--json", "list"));
        assert_string_equal(args.command->name, "list");
        assert_int_equal(args.n_words, 0);
        good(LINE("alert", "show", "1a2b"));
        assert_string_equal(args.words[0], "1a2b");
        good(LINE("alert", "--help"));
        assert_null(args.command);
        assert_string_equal(args.words[0], "alert");
        assert_int_equal(args_parse(&args, LINE("alert"), NOW, &wrong), EXIT_USAGE);
        assert_string_equal(wrong.message, "`porchlight alert` wants one more word");
}

static void no_words_at_all(void **state) {
        (void)state;
        good((char *[]){NULL});
        assert_null(args.command);
        good(LINE("--version"));
        assert_true(args_has(&args, OPT_VERSION));
}

static void typing_errors_get_advice(void **state) {
        (void)state;
        bad(LINE("psot", "fire"), "there is no command \"psot\"", "did you mean porchlight post?");
        bad(LINE("xyzzy"), "there is no command \"xyzzy\"", "`porchlight help` lists them");
        bad(LINE("alert", "cofnirm", "1a2b"), "there is no command \"alert cofnirm\"",
            "did you mean porchlight alert confirm?");
        bad(LINE("post", "fire", "--sevrity", "minor"), "there is no option --sevrity", "did you mean --severity?");
        bad(LINE("post", "fire", "--severity", "miner"), "--severity: there is no severity \"miner\"",
            "did you mean Minor?");
        bad(LINE("--severity", "minor", "post"), "there is no option --severity",
            "options of a command stand behind its name");
        bad(LINE("alert", "comment", "1a2b"), "a word is missing", "write it as: porchlight alert comment ID TEXT");
        bad(LINE("status", "now"), "\"now\" is one word too many", "write it as: porchlight status");
        bad(LINE("nearby", "--json=1"), "--json takes no value", "write it without =");
        bad(LINE("nearby", "--limit"), "--limit wants N", "--help explains it");
        assert_string_equal(nearest_enum("frie", &wire_kind_enum), "fire");
        assert_string_equal(nearest_enum("gassmell", &wire_kind_enum), "gas-smell");
        assert_null(nearest_enum("qqq", &wire_kind_enum));
}

static void values_are_checked(void **state) {
        (void)state;
        bad(LINE("nearby", "--limit", "0"), "--limit is out of bounds", "from 1 to 1000000");
        bad(LINE("nearby", "--limit", "-1"), "--limit: \"-1\" is not a number", "write it in digits");
        char name[66] = "";
        memset(name, 'x', sizeof(name) - 1);
        bad(LINE("invite", "--for", name), "--for is longer than 64 bytes", "shorten it");
        good(LINE("invite", "--for", name + 1));
        bad(LINE("nearby", "--within", "far"), "--within: \"far\" is not a distance", "write it as 800m or 1.5km");
        bad(LINE("post", "fire", "--expires", "61d"), "--expires is out of bounds", "from 1 min to 30 days");
        bad(LINE("nearby", "--since", "soonish"), "--since: \"soonish\" is not a time",
            "write it as 14:05, yesterday, -2h or 2026-11-22 14:05");
        good(LINE("nearby", "--since", "-2h", "--at", "-33.86,151.21"));
        assert_int_equal(args_get(&args, OPT_SINCE)->n, NOW - 7200);
        assert_int_not_equal(args_get(&args, OPT_AT)->n, 0);
        good(LINE("nearby", "--at", "HOME"));
        assert_int_equal(args_get(&args, OPT_AT)->n, 0);
        good(LINE("nearby", "--at", "over there"));
        assert_true(args_get(&args, OPT_AT)->n == PLACE_NAMED);
        assert_int_equal(args_parse(&args, LINE("nearby", "--at", "52.5,200"), NOW, &wrong), EXIT_USAGE);
        assert_int_equal(args_parse(&args, LINE("nearby", "--at", ""), NOW, &wrong), EXIT_USAGE);
        assert_int_equal(args_parse(&args, LINE("nearby", "--text", "\xff"), NOW, &wrong), EXIT_USAGE);
}

static void exec_takes_the_rest(void **state) {
        (void)state;
        good(LINE("watch", "--kind", "fire", "--exec", "ring", "--json", "-x"));
        const struct option_value *v = args_get(&args, OPT_EXEC);
        assert_string_equal(v->rest[0], "ring");
        assert_string_equal(v->rest[2], "-x");
        assert_null(v->rest[3]);
        assert_false(args_has(&args, OPT_JSON));
        assert_int_equal(args_parse(&args, LINE("watch", "--exec"), NOW, &wrong), EXIT_USAGE);
}

static void too_much_is_refused(void **state) {
        (void)state;
        const char *many[ARGS_WORDS_MAX + 8];
        for (size_t i = 0; i < ARRAY_LEN(many) - 1; i++)
                many[i] = i ? "other" : "post";
        many[ARRAY_LEN(many) - 1] = NULL;
        bad((char **)many, "there are too many words", "put the text in quotes");
        for (size_t i = 0; i < ARRAY_LEN(many) - 1; i++)
                many[i] = "--json";
        many[ARRAY_LEN(many) - 2] = "status";
        bad((char **)many, "there are too many options", "leave some out");
}

static void distances(void **state) {
        (void)state;
        uint64_t m;
        assert_true(distance_parse(SPAN_STR("800m"), &m) && m == 800);
        assert_true(distance_parse(SPAN_STR("1.5 KM"), &m) && m == 1500);
        assert_true(distance_parse(SPAN_STR("42"), &m) && m == 42);
        assert_false(distance_parse(SPAN_STR(""), &m));
        assert_false(distance_parse(SPAN_STR("km"), &m));
        assert_false(distance_parse(SPAN_STR("1.55km"), &m));
        assert_false(distance_parse(SPAN_STR("1."), &m));
        assert_false(distance_parse(SPAN_STR("99999999999999999999km"), &m));
}

static void addresses(void **state) {
        (void)state;
        struct address_text room;
        struct wire_addr a;
        assert_true(address_parse("192.0.2.7:80", &room, &a));
        assert_true(WIRE_HAS(&a, ADDR, ip4) && a.port == 80);
        assert_true(address_parse("[2001:db8::7]:7", &room, &a));
        assert_true(WIRE_HAS(&a, ADDR, ip6) && a.ip6.n == 16);
        assert_true(address_parse("hub.example:65535", &room, &a));
        assert_true(WIRE_HAS(&a, ADDR, dns) && a.dns.n == 11);
        assert_true(address_parse("192.0.2.7", &room, &a) && a.port == PORCHLIGHT_PORT);
        assert_true(WIRE_HAS(&a, ADDR, ip4));
        assert_true(address_parse("[2001:db8::7]", &room, &a) && a.port == PORCHLIGHT_PORT);
        assert_true(WIRE_HAS(&a, ADDR, ip6));
        assert_true(address_parse("hub.example", &room, &a) && a.port == PORCHLIGHT_PORT);
        static const char *const none[] = {
                "",       ":80",        "[]",    "[2001:db8::7",   "2001:db8::7", "host:",
                "host:0", "host:65536", "1.2:3", "2001:db8::7:80", "[::1:80",     "under_score:80",
                "-x:80",  "a b:80",     "[]:80", "192.0.2.7:x"};
        for (size_t i = 0; i < ARRAY_LEN(none); i++)
                assert_false(address_parse(none[i], &room, &a));
}

static void narrow(struct buf *b, const char *of) {
        struct span rest = buf_span(b);
        assert_true(buf_ok(b));
        while (rest.n) {
                const uint8_t *end = memchr(rest.p, '\n', rest.n);
                assert_non_null(end);
                struct span line = span_of(rest.p, (size_t)(end - rest.p));
                if (text_columns(line) > CLI_COLUMNS)
                        fail_msg("%s: too wide: %.*s", of, (int)line.n, (const char *)line.p);
                rest = span_from(rest, line.n + 1);
        }
        buf_clear(b);
}

static void help_keeps_to_80_columns(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        help_overview(&out);
        narrow(&out, "overview");
        for (size_t i = 0; commands[i]; i++) {
                help_command(&out, commands[i]);
                narrow(&out, commands[i]->brief);
                if (commands[i]->group)
                        help_group(&out, commands[i]->group);
                narrow(&out, commands[i]->brief);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_and_options_in_any_order),
                cmocka_unit_test(two_hyphens_end_the_options),
                cmocka_unit_test(the_last_use_counts_or_each),
                cmocka_unit_test(groups_and_their_members),
                cmocka_unit_test(no_words_at_all),
                cmocka_unit_test(typing_errors_get_advice),
                cmocka_unit_test(values_are_checked),
                cmocka_unit_test(exec_takes_the_rest),
                cmocka_unit_test(too_much_is_refused),
                cmocka_unit_test(distances),
                cmocka_unit_test(addresses),
                cmocka_unit_test(help_keeps_to_80_columns),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
