/* SPDX-License-Identifier: Apache-2.0 */
/* The command line and the configuration file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/configfile.h"
#include "daemon/settings.h"
#include "node/endpoint.h"

static int args(struct settings *s, struct said *why, const char *a, const char *b, const char *c, const char *d) {
        const char *argv[] = {"porchlightd", a, b, c, d, NULL};
        int argc = 1;
        while (argv[argc])
                argc++;
        *s = (struct settings){0};
        return settings_args(s, argc, (char **)(void *)argv, why);
}

static int file(struct settings *s, struct said *why, const char *text) {
        *s = (struct settings){0};
        return settings_file(s, span_str(text), "conf", why);
}

static void reads_arguments(_unused_ void **state) {
        struct settings s;
        struct said why;
        assert_int_equal(args(&s, &why, "--data", "/tmp/x", "--listen=127.0.0.1:0", "--no-lan"), 0);
        assert_string_equal(s.data, "/tmp/x");
        assert_int_equal(s.listen.n, 1);
        assert_true(endpoint_is_loopback(&s.listen.at[0].addr));
        assert_false(s.listen.at[0].optional);
        assert_true(s.given[SETTING_LAN] && !s.lan);
        assert_int_equal(args(&s, &why, "--listen", "127.0.0.1:1", "--listen", "[::1]:2"), 0);
        assert_int_equal(s.listen.n, 2);
        assert_int_equal(args(&s, &why, "--advertise", "hub.example.org:1", NULL, NULL), 0);
        assert_true(s.advertise.at[0].is_name);
        assert_string_equal(s.advertise.at[0].name, "hub.example.org");
        assert_int_equal(s.advertise.at[0].addr.port, 1);
        assert_int_equal(args(&s, &why, "--control-group", "porchlight", NULL, NULL), 0);
        assert_string_equal(s.group, "porchlight");
        assert_int_equal(args(&s, &why, "--help", NULL, NULL, NULL), SETTINGS_E_HELP);
        assert_int_equal(args(&s, &why, "--version", NULL, NULL, NULL), SETTINGS_E_VERSION);
}

static void names_what_is_wrong_with_arguments(_unused_ void **state) {
        static const struct {
                const char *flag, *value, *text;
        } rows[] = {
                {"--frob", NULL, "usage: `--frob` is not an option; see --help"},
                {"data", NULL, "usage: `data` is not an option; see --help"},
                {"--data", NULL, "usage: `--data` wants a value; see --help"},
                {"--data", "", "--data: `` is empty"},
                {"--no-lan=1", NULL, "usage: `--no-lan=1` takes no value"},
                {"--listen", "localhost:1",
                 "--listen: `localhost:1` is a name: write an IP address of this machine, or "
                 "0.0.0.0:PORT for all"},
                {"--listen", "1.2.3.4", "--listen: `1.2.3.4` has no port: write ADDR:PORT, [ADDR]:PORT for IPv6"},
                {"--advertise", "0.0.0.0:1", "--advertise: `0.0.0.0:1` is not HOST:PORT that others can reach"},
                {"--advertise", "hub:0", "--advertise: `hub:0` is not HOST:PORT that others can reach"},
                {"--control-group", "", "--control-group: `` is not a group's name"},
                {"--control-group", "a b", "--control-group: `a b` is not a group's name"},
                {"--control-group", "a234567890123456789012345678901234",
                 "--control-group: `a234567890123456789012345678901234` is not a group's name"},
                {"--listen", "\033[31m:1", "--listen: `\\u{1B}[31m:1` is not ADDR:PORT, or [ADDR]:PORT for IPv6"},
        };
        struct settings s;
        struct said why;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                assert_int_equal(args(&s, &why, rows[i].flag, rows[i].value, NULL, NULL), SETTINGS_E_INPUT);
                assert_string_equal(why.text, rows[i].text);
        }
        assert_int_equal(args(&s, &why, "--data", "a", "--data", "b"), SETTINGS_E_INPUT);
        assert_string_equal(why.text, "--data: `data` is given twice");
}

static void reads_a_file(_unused_ void **state) {
        struct settings s;
        struct said why;
        assert_int_equal(file(&s, &why,
                              "# porch\n\n  data = /srv/porch light \r\nlisten=[::1]:7\nlisten = 127.0.0.1:8\n"
                              "advertise = 192.0.2.7:9\nlan = No\ncontrol.group = adm"),
                         0);
        assert_string_equal(s.data, "/srv/porch light");
        assert_int_equal(s.listen.n, 2);
        assert_int_equal(s.advertise.n, 1);
        assert_false(s.lan);
        assert_string_equal(s.group, "adm");
        assert_true(s.given[SETTING_LISTEN] && s.line[SETTING_LISTEN] == 4 && s.line[SETTING_LAN] == 7);
        assert_int_equal(file(&s, &why, "listen = [::1]:7,127.0.0.1:8 , 127.0.0.1:9"), 0);
        assert_int_equal(s.listen.n, 3);
        assert_int_equal(file(&s, &why, ""), 0);
        assert_false(s.given[SETTING_LAN]);
        assert_string_equal(s.group, "");
}

static void names_the_line(_unused_ void **state) {
        static const struct {
                const char *text, *why;
        } rows[] = {
                {"frob = 1", "conf:1: `frob` is not a setting"},
                {"\n\nconfig = x\n", "conf:3: `config` is not a setting"},
                {"lan\n", "conf:1: `lan` is not `key = value`"},
                {"lan = perhaps", "conf:1: `perhaps` is not yes or no"},
                {"control.group = a:b", "conf:1: `a:b` is not a group's name"},
                {"lan = yes\nlan = no", "conf:2: `lan` is given twice"},
                {"data = \xff", "conf:1: `\\x{FF}` is not text"},
                {" = 1", "conf:1: `` is not a setting"},
                {"listen = 127.0.0.1:1, x", "conf:1: `x` has no port: write ADDR:PORT, [ADDR]:PORT for IPv6"},
                {"listen = 127.0.0.1:1,", "conf:1: `` has no port: write ADDR:PORT, [ADDR]:PORT for IPv6"},
                {"data = /a\ndata = /b", "conf:2: `data` is given twice"},
        };
        struct settings s;
        struct said why;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                assert_int_equal(file(&s, &why, rows[i].text), SETTINGS_E_INPUT);
                assert_string_equal(why.text, rows[i].why);
        }
}

static void bounds_its_lists(_unused_ void **state) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        struct settings s;
        struct said why;
        for (int i = 0; i <= NODE_LISTEN_MAX; i++)
                buf_printf(&text, "listen = 127.0.0.1:%d\n", i);
        assert_int_equal(file(&s, &why, buf_cstr(&text)), SETTINGS_E_INPUT);
        assert_string_equal(why.text, "conf:17: `127.0.0.1:16` is one address too many");
        assert_int_equal(file(&s, &why, "advertise = a:1\nadvertise = b:1\nadvertise = c:1\nadvertise = d:1\n"),
                         SETTINGS_E_INPUT);
}

static void the_lower_rank_counts(_unused_ void **state) {
        struct settings ranks[SETTINGS_RANKS] = {0}, s;
        struct said why;
        args(&ranks[SETTINGS_ARGS], &why, "--data", "/a", "--listen", "127.0.0.1:1");
        file(&ranks[SETTINGS_FILE], &why,
             "data = /f\ncontrol.group = f\nlisten = 127.0.0.1:2\nlisten = 127.0.0.1:3\nadvertise = f:1\n");
        file(&ranks[SETTINGS_OWN], &why, "control.group = o\nadvertise = o:1, o:2\nlan = no\n");
        settings_merge(&s, ranks);
        assert_string_equal(s.data, "/a");
        assert_int_equal(s.listen.n, 1);
        assert_int_equal(s.listen.at[0].addr.port, 1);
        assert_int_equal(s.advertise.n, 1);
        assert_string_equal(s.group, "f");
        assert_false(s.lan);
        assert_true(s.from[SETTING_DATA] == SETTINGS_ARGS && s.from[SETTING_GROUP] == SETTINGS_FILE);
        assert_true(s.from[SETTING_LAN] == SETTINGS_OWN && s.from[SETTING_CONFIG] == SETTINGS_DEFAULT);
        assert_int_equal(s.line[SETTING_GROUP], 2);
        settings_drop(&ranks[SETTINGS_FILE], SETTING_GROUP);
        settings_drop(&ranks[SETTINGS_ARGS], SETTING_LISTEN);
        settings_merge(&s, ranks);
        assert_string_equal(s.group, "o");
        assert_int_equal(s.listen.n, 2);
}

static void listens_everywhere_by_default(_unused_ void **state) {
        struct settings none[SETTINGS_RANKS] = {0}, s;
        settings_merge(&s, none);
        assert_int_equal(s.listen.n, 2);
        for (size_t i = 0; i < s.listen.n; i++) {
                assert_true(endpoint_is_wild(&s.listen.at[i].addr) && s.listen.at[i].optional);
                assert_int_equal(s.listen.at[i].addr.port, NODE_PORT);
        }
        assert_true(endpoint_is_v4(&s.listen.at[0].addr) != endpoint_is_v4(&s.listen.at[1].addr));
        assert_true(s.lan && !s.given[SETTING_DATA]);
}

static void shows_what_it_reads(_unused_ void **state) {
        static const char text[] = "data = /srv/porch light\nlisten = [::1]:7, 127.0.0.1:8\n"
                                   "advertise = hub.example.org:1, 192.0.2.7:9\nlan = no\ncontrol.group = adm\n";
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        struct settings s;
        struct said why;
        assert_int_equal(file(&s, &why, text), 0);
        settings_format(&shown, &s);
        assert_string_equal(buf_cstr(&shown), text);
}

/* Whatever byte is another one than was written: it is noticed by the sum, or is a line that is no setting. */
static void a_changed_byte_is_noticed(_unused_ void **state) {
        static const char text[] = "clips.watch = /srv/camera\nclips.quota = 2G\nadvertise = 192.0.2.7:9\n";
        _clean_(buf_fini) struct buf file = BUF_NULL;
        struct settings s;
        struct said why;
        assert_true(configfile_whole(span_str(text))); /* of a daemon that made no sums */
        assert_true(configfile_whole(SPAN_NONE));
        configfile_seal(&file, span_str(text));
        assert_true(configfile_whole(buf_span(&file)));
        s = (struct settings){0};
        assert_int_equal(settings_file(&s, buf_span(&file), "settings", &why), 0);
        assert_string_equal(s.clips_watch, "/srv/camera");
        for (size_t i = 0; i < file.n; i++) {
                for (unsigned change = 1; change < 256; change++) {
                        file.p[i] ^= (uint8_t)change;
                        s = (struct settings){0};
                        assert_false(configfile_whole(buf_span(&file)) &&
                                     settings_file(&s, buf_span(&file), "settings", &why) == 0);
                        file.p[i] ^= (uint8_t)change;
                }
                assert_false(i && configfile_whole(span_of(file.p, i)));
        }
}

static void a_value_that_is_wrong_changes_nothing(_unused_ void **state) {
        static const struct {
                enum setting i;
                const char *value, *why;
        } rows[] = {
                {SETTING_LAN, "perhaps", "lan: `perhaps` is not yes or no"},
                {SETTING_LAN, "", "lan: `` is not yes or no"},
                {SETTING_LISTEN, "127.0.0.1:3, hub:4",
                 "listen: `hub:4` is a name: write an IP address of this machine, or 0.0.0.0:PORT for all"},
                {SETTING_LISTEN, "", "listen: `` has no port: write ADDR:PORT, [ADDR]:PORT for IPv6"},
                {SETTING_GROUP, "adm\nlan = yes", "control.group: `adm\\u{0A}lan = yes` has more than one line"},
        };
        struct settings s, was;
        struct said why;
        file(&s, &why, "lan = no\nlisten = 127.0.0.1:1\n");
        was = s;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                assert_int_equal(settings_put(&s, rows[i].i, span_str(rows[i].value), &why), SETTINGS_E_INPUT);
                assert_string_equal(why.text, rows[i].why);
                assert_memory_equal(&s, &was, sizeof(s));
        }
        assert_int_equal(settings_put(&s, SETTING_LISTEN, SPAN_STR("127.0.0.1:5"), &why), 0);
        assert_true(s.listen.n == 1 && s.listen.at[0].addr.port == 5); /* in place of what was there */
        settings_drop(&s, SETTING_LISTEN);
        assert_false(s.given[SETTING_LISTEN]);
}

static void reads_sizes(_unused_ void **state) {
        static const struct {
                const char *text;
                uint64_t bytes; /* 0: refused */
        } rows[] = {{"64M", 64u << 20},
                    {"1G", 1u << 30},
                    {"1M", 1u << 20},
                    {"1048576", 1u << 20},
                    {"2048K", 2u << 20},
                    {"1048575", 0},
                    {"1025M", 0},
                    {"2G", 0},
                    {"M", 0},
                    {"64m", 0},
                    {"64MB", 0},
                    {"-1", 0},
                    {"1.5M", 0},
                    {"", 0},
                    {"18446744073709551615G", 0}};
        struct settings s;
        struct said why;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                int r = args(&s, &why, "--record-size", rows[i].text, NULL, NULL);
                assert_int_equal(r, rows[i].bytes ? 0 : SETTINGS_E_INPUT);
                assert_int_equal(s.record_size, rows[i].bytes);
        }
        settings_merge(&s, (struct settings[SETTINGS_RANKS]){0});
        assert_int_equal(s.record_size, TAPE_SIZE);
}

static void help_fits_a_terminal(_unused_ void **state) {
        _clean_(buf_fini) struct buf help = BUF_NULL;
        settings_help(&help);
        size_t column = 0;
        for (size_t i = 0; i < help.n; i++) {
                column = help.p[i] == '\n' ? 0 : column + 1;
                assert_in_range(column, 0, 80);
        }
        assert_non_null(strstr(buf_cstr(&help), "--advertise HOST:PORT"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_arguments),
                cmocka_unit_test(names_what_is_wrong_with_arguments),
                cmocka_unit_test(reads_a_file),
                cmocka_unit_test(names_the_line),
                cmocka_unit_test(bounds_its_lists),
                cmocka_unit_test(the_lower_rank_counts),
                cmocka_unit_test(listens_everywhere_by_default),
                cmocka_unit_test(shows_what_it_reads),
                cmocka_unit_test(a_changed_byte_is_noticed),
                cmocka_unit_test(a_value_that_is_wrong_changes_nothing),
                cmocka_unit_test(reads_sizes),
                cmocka_unit_test(help_fits_a_terminal),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
