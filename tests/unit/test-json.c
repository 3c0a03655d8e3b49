/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as people's scripts read it: the shapes of wire/json.h, and text that must not reach a terminal as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wire/codec.h"
#include "wire/json.h"

static void expect_text(struct span in, const char *json) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        json_string(&out, in);
        assert_string_equal(buf_cstr(&out), json);
}

static void expect_json(const struct wire_desc *d, const void *msg, const char *json) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        json_message(&out, d, msg);
        assert_true(buf_ok(&out));
        assert_string_equal(buf_cstr(&out), json);
}

static void test_strings(void **state) {
        (void)state;
        expect_text(SPAN_STR(""), "\"\"");
        expect_text(SPAN_STR("Rauch über der Straße 庭 🔥"), "\"Rauch über der Straße 庭 🔥\"");
        expect_text(SPAN_STR("say \"no\" \\ now"), "\"say \\\"no\\\" \\\\ now\"");
        expect_text(SPAN_STR("a\nb\tc\rd"), "\"a\\nb\\u0009c\\u000dd\"");
        expect_text(SPAN_STR("\0"), "\"\\u0000\"");
        expect_text(SPAN_STR("\x1b[31m\x7f"), "\"\\u001b[31m\\u007f\"");
        expect_text(SPAN_STR("\xc2\x9b"
                             "2J"),
                    "\"\\u009b2J\"");
        expect_text(SPAN_STR("\u202Egnp.exe\u2066\u200B\uFEFF"), "\"\\u202egnp.exe\\u2066\\u200b\\ufeff\"");
        expect_text(SPAN_STR("\U000E0041"), "\"\\udb40\\udc41\"");
        expect_text(SPAN_STR("\u2028\u2029"), "\"\\u2028\\u2029\"");
}

static void test_strings_that_are_not_utf8(void **state) {
        (void)state;
        expect_text(SPAN_STR("\xff"), "\"\\ufffd\"");
        expect_text(SPAN_STR("a\xc3"), "\"a\\ufffd\"");
        expect_text(SPAN_STR("\xc0\x80"), "\"\\ufffd\\ufffd\"");
        expect_text(SPAN_STR("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
        expect_text(SPAN_STR("\xf0\x9f\x94"), "\"\\ufffd\\ufffd\\ufffd\"");
}

static void test_error(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        json_error(&out, "no-such-kind", "\"fier\" is no kind", "try fire");
        assert_string_equal(buf_cstr(&out),
                            "{\"error\":{\"name\":\"no-such-kind\",\"message\":\"\\\"fier\\\" is no kind\","
                            "\"hint\":\"try fire\"}}");
        buf_clear(&out);
        json_error(&out, "a", "b", NULL);
        assert_string_equal(buf_cstr(&out), "{\"error\":{\"name\":\"a\",\"message\":\"b\",\"hint\":\"\"}}");
}

#define ID "0101010101010101010101010101010101010101010101010101010101010101"
static const uint8_t ids[64] = {[0 ... 31] = 1, [32 ... 63] = 0xfe};

static struct wire_c_alert alert_of_smoke(void) {
        struct wire_c_alert a = {0};
        WIRE_PUT(&a, C_ALERT, v, 1);
        WIRE_PUT(&a, C_ALERT, id, span_of(ids, 32));
        WIRE_PUT(&a, C_ALERT, household, SPAN_STR("Nr. 7"));
        WIRE_PUT(&a, C_ALERT, mine, false);
        WIRE_PUT(&a, C_ALERT, source, SOURCE_PERSON);
        WIRE_PUT(&a, C_ALERT, kind, KIND_SMOKE);
        WIRE_PUT(&a, C_ALERT, category, CATEGORY_FIRE);
        WIRE_PUT(&a, C_ALERT, severity, SEVERITY_SEVERE);
        WIRE_PUT(&a, C_ALERT, urgency, URGENCY_IMMEDIATE);
        WIRE_PUT(&a, C_ALERT, certainty, CERTAINTY_OBSERVED);
        WIRE_PUT(&a, C_ALERT, status, STATUS_ACTUAL);
        WIRE_PUT(&a, C_ALERT, state, STATE_ACTIVE);
        WIRE_PUT(&a, C_ALERT, cell, SPAN_STR("u33dc0t"));
        WIRE_PUT(&a, C_ALERT, lat, 52500000);
        WIRE_PUT(&a, C_ALERT, lon, -13400001);
        WIRE_PUT(&a, C_ALERT, text, SPAN_STR("roof"));
        WIRE_PUT(&a, C_ALERT, created, 1795309323);
        WIRE_PUT(&a, C_ALERT, expires, 1795330923);
        WIRE_PUT(&a, C_ALERT, clips, SPAN_OF(ids));
        return a;
}

#define SMOKE                                                                                                          \
        "{\"v\":1,\"id\":\"" ID "\",\"household\":\"Nr. 7\",\"mine\":false,\"source\":\"person\",\"kind\":\"smoke\","  \
        "\"category\":\"Fire\",\"severity\":\"Severe\",\"urgency\":\"Immediate\",\"certainty\":\"Observed\","          \
        "\"status\":\"Actual\",\"state\":\"active\",\"cell\":\"u33dc0t\",\"lat\":52.5,\"lon\":-13.400001,"             \
        "\"text\":\"roof\",\"created\":\"2026-11-22T01:02:03Z\",\"expires\":\"2026-11-22T07:02:03Z\",\"confirms\":0,"  \
        "\"disputes\":0,\"comments\":0,\"clips\":[\"" ID                                                               \
        "\",\"fefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefe\"]}"

static void test_alert(void **state) {
        (void)state;
        struct wire_c_alert a = alert_of_smoke();
        expect_json(&wire_c_alert_desc, &a, SMOKE);
}

static void test_list_of_one_is_the_object(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_c_alert a = alert_of_smoke();
        struct wire_c_event e = {.v = 1, .seq = 42, .event = HAPPENING_POSTED};
        wire_list_add(&wire_c_alert_desc, &e.alert, &store, &a);
        expect_json(&wire_c_event_desc, &e, "{\"v\":1,\"seq\":42,\"event\":\"posted\",\"alert\":" SMOKE "}");
        struct wire_c_event none = {.v = 1, .event = 15};
        expect_json(&wire_c_event_desc, &none, "{\"v\":1,\"seq\":0,\"event\":15,\"alert\":null}");
}

static void test_degrees(void **state) {
        (void)state;
        static const struct {
                int64_t e6;
                const char *text;
        } rows[] = {{0, "0.0"},          {13000000, "13.0"},  {13400000, "13.4"},     {-1, "-0.000001"},
                    {-500000, "-0.5"},   {90000000, "90.0"},  {-180000000, "-180.0"}, {1234567, "1.234567"},
                    {100010, "0.10001"}, {-90000000, "-90.0"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                _clean_(buf_fini) struct buf out = BUF_NULL;
                struct wire_c_alert a = {.lat = rows[i].e6};
                json_message(&out, &wire_c_alert_desc, &a);
                const char *lat = strstr(buf_cstr(&out), "\"lat\":") + 6;
                assert_memory_equal(lat, rows[i].text, strlen(rows[i].text));
                assert_int_equal(lat[strlen(rows[i].text)], ',');
        }
}

static void test_large_numbers(void **state) {
        (void)state;
        struct wire_c_peer_row p = {.sent = UINT64_MAX, .received = UINT64_C(1) << 53};
        expect_json(&wire_c_peer_row_desc, &p,
                    "{\"household\":\"\",\"device\":\"\",\"address\":\"\",\"outbound\":false,\"up\":false,"
                    "\"sent\":\"18446744073709551615\",\"received\":9007199254740992}");
}

static void test_addresses(void **state) {
        (void)state;
        static const uint8_t ip6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_contact_body body = {0};
        struct wire_addr four = {.port = 7345}, six = {.port = 7345}, name = {.port = 1};
        WIRE_PUT(&four, ADDR, ip4, SPAN_STR("\xc0\0\2\1"));
        WIRE_PUT(&six, ADDR, ip6, SPAN_OF(ip6));
        WIRE_PUT(&name, ADDR, dns, SPAN_STR("hub.example"));
        wire_list_add(&wire_addr_desc, &body.addrs, &store, &four);
        wire_list_add(&wire_addr_desc, &body.addrs, &store, &six);
        wire_list_add(&wire_addr_desc, &body.addrs, &store, &name);
        expect_json(&wire_contact_body_desc, &body,
                    "{\"addrs\":[\"192.0.2.1:7345\",\"[2001:db8::1]:7345\",\"hub.example:1\"]}");
        expect_json(&wire_addr_desc, &(struct wire_addr){.port = 9}, "\":9\"");
}

static void test_charter(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_c_mesh mesh = {.v = 1, .name = SPAN_STR("Elm"), .id = span_of(ids, 32), .homes = 3, .stewards = 1};
        struct wire_charter_row rows[] = {{.key = CHARTER_urgent, .value = 12}, {.key = 63, .value = 7}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                wire_list_add(&wire_charter_row_desc, &mesh.charter, &store, &rows[i]);
        expect_json(&wire_c_mesh_desc, &mesh,
                    "{\"v\":1,\"name\":\"Elm\",\"id\":\"" ID "\",\"founded\":\"1970-01-01T00:00:00Z\",\"homes\":3,"
                    "\"stewards\":1,\"charter\":{\"urgent\":12,\"63\":7}}");
}

/* A row of ids is an array; a signature of twice their size is not. */
static void test_bytes(void **state) {
        (void)state;
        struct wire_ids salted = {.ids = span_of(ids, 8)};
        expect_json(&wire_ids_desc, &salted, "{\"ids\":\"0101010101010101\"}");
        struct wire_c_post post = {.kind = KIND_FIRE};
        WIRE_PUT(&post, C_POST, clips, span_of(ids, 32));
        expect_json(&wire_c_post_desc, &post, "{\"kind\":\"fire\",\"clips\":[\"" ID "\"]}");
        struct wire_invite inv = {.key = span_of(ids, 1), .device = SPAN_NONE, .blind = SPAN_NONE, .sig = SPAN_OF(ids)};
        expect_json(&wire_invite_desc, &inv,
                    "{\"key\":\"01\",\"device\":\"\",\"expires\":\"1970-01-01T00:00:00Z\",\"uses\":0,\"blind\":\"\","
                    "\"sig\":\"" ID "fefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefe\"}");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_strings),
                cmocka_unit_test(test_strings_that_are_not_utf8),
                cmocka_unit_test(test_error),
                cmocka_unit_test(test_alert),
                cmocka_unit_test(test_list_of_one_is_the_object),
                cmocka_unit_test(test_degrees),
                cmocka_unit_test(test_large_numbers),
                cmocka_unit_test(test_addresses),
                cmocka_unit_test(test_charter),
                cmocka_unit_test(test_bytes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
