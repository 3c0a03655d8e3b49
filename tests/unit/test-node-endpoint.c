/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses between text, struct, sockaddr and wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/endpoint.h"

static struct mesh_addr parse(const char *text) {
        struct mesh_addr a = {0};
        assert_int_equal(endpoint_parse(span_str(text), &a), 0);
        return a;
}

static void check_text(const char *in, const char *out) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        struct mesh_addr a = parse(in);
        endpoint_text(&text, &a);
        assert_string_equal(buf_cstr(&text), out);
}

static void reads_and_writes(_unused_ void **state) {
        check_text("192.0.2.1:7345", "192.0.2.1:7345");
        check_text("0.0.0.0:0", "0.0.0.0:0");
        check_text("[2001:DB8::1]:65535", "[2001:db8::1]:65535");
        check_text("[::]:1", "[::]:1");
        check_text("[::ffff:192.0.2.1]:7", "192.0.2.1:7"); /* one address has one form */
        check_text("[fe80::1%1]:7", "[fe80::1%lo]:7");
}

static void refuses(_unused_ void **state) {
        static const struct {
                const char *text;
                int why;
        } rows[] = {
                {"", ENDPOINT_E_PORT},
                {":", ENDPOINT_E_PORT},
                {"1.2.3.4", ENDPOINT_E_PORT},
                {"1.2.3.4:", ENDPOINT_E_PORT},
                {"1.2.3.4:65536", ENDPOINT_E_PORT},
                {"1.2.3.4:+1", ENDPOINT_E_PORT},
                {":7345", ENDPOINT_E_INPUT},
                {"[]:7345", ENDPOINT_E_INPUT},
                {"::1:7345", ENDPOINT_E_INPUT},
                {"1.2.3.4.5_:1", ENDPOINT_E_INPUT},
                {"[fe80::1%nosuchinterface]:1", ENDPOINT_E_INPUT},
                {"[2001:db8::1]7:345", ENDPOINT_E_INPUT},
                {"hub.example.org:7345", ENDPOINT_E_NAME},
                {"a234567890123456789012345678901234567890123456789:1", ENDPOINT_E_INPUT},
        };
        struct mesh_addr a, same = {.port = 9};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                a = same;
                assert_int_equal(endpoint_parse(span_str(rows[i].text), &a), rows[i].why);
                assert_memory_equal(&a, &same, sizeof(a));
        }
        assert_int_equal(endpoint_parse(span_of("1.2.3.4\0x:1", 11), &a), ENDPOINT_E_INPUT);
}

static void goes_through_the_kernels_form(_unused_ void **state) {
        static const char *const texts[] = {"192.0.2.1:7345", "[2001:db8::1]:80", "[fe80::1%1]:7"};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct mesh_addr a = parse(texts[i]), b;
                struct sockaddr_storage sa;
                endpoint_to_sockaddr(&a, &sa);
                assert_true(endpoint_from_sockaddr((struct sockaddr *)&sa, &b));
                assert_memory_equal(&a, &b, sizeof(a));
        }
        struct sockaddr other = {.sa_family = AF_UNIX};
        struct mesh_addr b;
        assert_false(endpoint_from_sockaddr(&other, &b));
}

static void goes_over_the_wire(_unused_ void **state) {
        static const char *const texts[] = {"192.0.2.1:7345", "[2001:db8::1]:80"};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct mesh_addr a = parse(texts[i]), b;
                struct wire_addr w;
                endpoint_to_wire(&a, &w);
                assert_true(endpoint_from_wire(&w, &b));
                assert_memory_equal(&a, &b, sizeof(a));
        }
        struct wire_addr name = {.port = 1};
        struct mesh_addr b;
        WIRE_PUT(&name, ADDR, dns, SPAN_STR("hub.example.org"));
        assert_false(endpoint_from_wire(&name, &b));
}

static void knows_its_kinds(_unused_ void **state) {
        struct mesh_addr a = parse("127.1.2.3:1"), b = parse("[::1]:1");
        assert_true(endpoint_is_loopback(&a) && endpoint_is_loopback(&b));
        a = parse("0.0.0.0:1"), b = parse("[::]:1");
        assert_true(endpoint_is_wild(&a) && endpoint_is_wild(&b));
        a = parse("169.254.0.1:1"), b = parse("[fe80::1]:1");
        assert_true(endpoint_is_link_local(&a) && endpoint_is_link_local(&b));
        static const char *const homes[] = {"10.0.0.1:1", "172.31.9.9:1", "192.168.1.1:1", "100.64.0.1:1",
                                            "[fd00::1]:1"};
        static const char *const far[] = {"172.32.0.1:1", "11.0.0.1:1", "100.128.0.1:1", "[2001:db8::1]:1"};
        for (size_t i = 0; i < ARRAY_LEN(homes); i++) {
                a = parse(homes[i]);
                assert_true(endpoint_is_private(&a));
        }
        for (size_t i = 0; i < ARRAY_LEN(far); i++) {
                a = parse(far[i]);
                assert_false(endpoint_is_private(&a) || endpoint_is_loopback(&a) || endpoint_is_wild(&a));
        }
}

static void compares_networks(_unused_ void **state) {
        struct mesh_addr a = parse("192.168.4.1:1"), b = parse("192.168.7.9:2");
        assert_true(endpoint_same_net(&a, &b, 96 + 22));
        assert_false(endpoint_same_net(&a, &b, 96 + 23));
        assert_true(endpoint_same_net(&a, &a, 128));
        assert_true(endpoint_same_net(&a, &b, 0));
        assert_false(endpoint_same_ip(&a, &b));
}

static void judges_names(_unused_ void **state) {
        assert_true(endpoint_name_ok(SPAN_STR("hub.example.org")));
        assert_true(endpoint_name_ok(SPAN_STR("xn--hb-1na")));
        assert_false(endpoint_name_ok(SPAN_NONE));
        assert_false(endpoint_name_ok(SPAN_STR("a b")));
        assert_false(endpoint_name_ok(SPAN_STR("a/b")));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_and_writes),
                cmocka_unit_test(refuses),
                cmocka_unit_test(goes_through_the_kernels_form),
                cmocka_unit_test(goes_over_the_wire),
                cmocka_unit_test(knows_its_kinds),
                cmocka_unit_test(compares_networks),
                cmocka_unit_test(judges_names),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
