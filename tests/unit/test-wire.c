/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader, writer, codec and tables. The attacks are those every msgpack reader has met: claims that nothing backs (T08, T20),
 * second spellings of one meaning (T07), nesting; the properties run over every message there is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/text.h"
#include "tools/sample.h"
#include "wire/codec.h"
#include "wire/writer.h"

#define DESC_OF(name, ...) &wire_##name##_desc,
static const struct wire_desc *const messages[] = {WIRE_MESSAGES(DESC_OF)};

/* Encodings on which every mutation of every byte is tried, a message. */
#define MUTATED_SAMPLES 3
#define SAMPLES 40

static struct buf from_hex(const char *hex) {
        struct buf b = BUF_NULL;
        assert_true(text_unhex(&b, span_str(hex)));
        return b;
}

static void assert_spans_equal(struct span a, struct span b) {
        assert_int_equal(a.n, b.n);
        if (a.n)
                assert_memory_equal(a.p, b.p, a.n);
}

/* ---- reader ---- */

enum read { U64, I64, BOOL, BIN, STR, MAP, ARRAY, SKIP };

static void read_one(struct wire_reader *r, enum read what) {
        switch (what) {
        case U64:
                wire_get_u64(r);
                return;
        case I64:
                wire_get_i64(r);
                return;
        case BOOL:
                wire_get_bool(r);
                return;
        case BIN:
                wire_get_bin(r);
                return;
        case STR:
                wire_get_str(r);
                return;
        case MAP:
                wire_get_map(r);
                return;
        case ARRAY:
                wire_get_array(r);
                return;
        case SKIP:
                wire_skip(r);
                return;
        }
}

/* clang-format off */
static const struct {
        enum read what;
        const char *hex;
        const char *why; /* NULL: fine, and all of it is read */
} reads[] = {
        {U64, "00", NULL}, {U64, "7f", NULL}, {U64, "cc80", NULL}, {U64, "ccff", NULL},
        {U64, "cd0100", NULL}, {U64, "ce00010000", NULL}, {U64, "cf0000000100000000", NULL}, {U64, "cfffffffffffffffff", NULL},
        {U64, "cc7f", "integer not in its shortest form"}, {U64, "cc00", "integer not in its shortest form"},
        {U64, "cd00ff", "integer not in its shortest form"}, {U64, "ce0000ffff", "integer not in its shortest form"},
        {U64, "cf00000000ffffffff", "integer not in its shortest form"}, {U64, "cf0000000000000000", "integer not in its shortest form"},
        {U64, "", "ends too early"}, {U64, "cc", "ends too early"}, {U64, "cfffffffffffffff", "ends too early"},
        {U64, "ff", "not an unsigned integer"}, {U64, "d001", "not an unsigned integer"}, {U64, "c0", "not an unsigned integer"},
        {U64, "ca3f800000", "not an unsigned integer"}, {U64, "c1", "not an unsigned integer"},

        {I64, "7f", NULL}, {I64, "ff", NULL}, {I64, "e0", NULL}, {I64, "cc80", NULL}, {I64, "d0df", NULL}, {I64, "d080", NULL},
        {I64, "d1ff7f", NULL}, {I64, "d18000", NULL}, {I64, "d2ffff7fff", NULL}, {I64, "d280000000", NULL},
        {I64, "d3ffffffff7fffffff", NULL}, {I64, "d38000000000000000", NULL}, {I64, "cf7fffffffffffffff", NULL},
        {I64, "d001", "integer not in its shortest form"}, {I64, "d0e0", "integer not in its shortest form"},
        {I64, "d07f", "integer not in its shortest form"}, {I64, "d1ff80", "integer not in its shortest form"},
        {I64, "d10100", "integer not in its shortest form"}, {I64, "d2ffff8000", "integer not in its shortest form"},
        {I64, "d3ffffffff80000000", "integer not in its shortest form"}, {I64, "d30000000100000000", "integer not in its shortest form"},
        {I64, "cf8000000000000000", "integer too large"}, {I64, "cfffffffffffffffff", "integer too large"},
        {I64, "c0", "not an integer"}, {I64, "cb3ff0000000000000", "not an integer"}, {I64, "d3ff", "ends too early"},

        {BOOL, "c2", NULL}, {BOOL, "c3", NULL}, {BOOL, "c0", "not a boolean"}, {BOOL, "01", "not a boolean"}, {BOOL, "", "ends too early"},

        {BIN, "c400", NULL}, {BIN, "c402abcd", NULL}, {BIN, "c401", "ends too early"}, {BIN, "c4", "ends too early"},
        {BIN, "c5000100", "length not in its shortest form"}, {BIN, "c600000001aa", "length not in its shortest form"},
        {BIN, "c50000", "length not in its shortest form"}, {BIN, "c600000000", "length not in its shortest form"},
        {BIN, "c4ff", "ends too early"}, {BIN, "c5ffff", "ends too early"}, {BIN, "c680000000", "ends too early"},
        {BIN, "c6ffffffff", "ends too early"}, {BIN, "c67fffffffaa", "ends too early"},
        {BIN, "a161", "not a byte string"}, {BIN, "c70100aa", "not a byte string"}, {BIN, "d400aa", "not a byte string"},

        {STR, "a0", NULL}, {STR, "a3c3a461", NULL}, {STR, "a4f09f94a5", NULL},
        {STR, "a2c3", "ends too early"}, {STR, "a1c3", "not UTF-8"}, {STR, "a2c080", "not UTF-8"}, {STR, "a100", "not UTF-8"},
        {STR, "a3eda080", "not UTF-8"}, {STR, "a4f4908080", "not UTF-8"}, {STR, "d90161", "length not in its shortest form"},
        {STR, "d900", "length not in its shortest form"}, {STR, "da000161", "length not in its shortest form"},
        {STR, "db0000000161", "length not in its shortest form"}, {STR, "d9ff", "ends too early"},
        {STR, "daffff", "ends too early"}, {STR, "db80000000", "ends too early"}, {STR, "dbffffffff", "ends too early"},
        {STR, "c40161", "not a text"},

        {MAP, "80", NULL}, {MAP, "90", "not a map"}, {MAP, "81", "claims more values than there are bytes"},
        {MAP, "8100", "claims more values than there are bytes"}, {MAP, "de0001", "length not in its shortest form"},
        {MAP, "de0000", "length not in its shortest form"}, {MAP, "df00000010", "length not in its shortest form"},
        {MAP, "de", "ends too early"}, {MAP, "deffff", "claims more values than there are bytes"},
        {MAP, "df01000000", "claims more values than there are bytes"}, {MAP, "df80000000", "claims more values than there are bytes"},
        {MAP, "dfffffffff", "claims more values than there are bytes"},

        {ARRAY, "90", NULL}, {ARRAY, "80", "not an array"}, {ARRAY, "91", "claims more values than there are bytes"},
        {ARRAY, "dc0001c0", "length not in its shortest form"}, {ARRAY, "dd0000000a", "length not in its shortest form"},
        {ARRAY, "dcffff", "claims more values than there are bytes"}, {ARRAY, "dd01000000", "claims more values than there are bytes"},
        {ARRAY, "dd80000000", "claims more values than there are bytes"}, {ARRAY, "ddffffffff", "claims more values than there are bytes"},

        {SKIP, "07", NULL}, {SKIP, "c3", NULL}, {SKIP, "ff", NULL}, {SKIP, "d0df", NULL}, {SKIP, "a161", NULL}, {SKIP, "c40161", NULL},
        {SKIP, "820102a161c400", NULL}, {SKIP, "9301029103", NULL}, {SKIP, "91919101", NULL}, {SKIP, "9191919101", NULL},
        {SKIP, "919191919101", "nested too deep"}, {SKIP, "9191919190", "nested too deep"}, {SKIP, "810081008100810080", "nested too deep"}, {SKIP, "81008100810080", NULL},
        {SKIP, "c0", "nil, float or ext"}, {SKIP, "c1", "nil, float or ext"}, {SKIP, "ca00000000", "nil, float or ext"},
        {SKIP, "cb0000000000000000", "nil, float or ext"}, {SKIP, "d40000", "nil, float or ext"}, {SKIP, "c70000", "nil, float or ext"},
        {SKIP, "c9ffffffff00", "nil, float or ext"}, {SKIP, "91c0", "nil, float or ext"}, {SKIP, "81c001", "nil, float or ext"},
        {SKIP, "", "ends too early"}, {SKIP, "9201", "claims more values than there are bytes"}, {SKIP, "9291019101", NULL},
        {SKIP, "920191", "claims more values than there are bytes"}, {SKIP, "91cc01", "integer not in its shortest form"},
        {SKIP, "dd01000000", "claims more values than there are bytes"}, {SKIP, "dfffffffff", "claims more values than there are bytes"},
};
/* clang-format on */

static void test_reader(void **state) {
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
                _clean_(buf_fini) struct buf b = from_hex(reads[i].hex);
                struct wire_reader r = wire_reader(buf_span(&b));
                read_one(&r, reads[i].what);
                bool same = reads[i].why ? r.why && strcmp(r.why, reads[i].why) == 0 : !r.why;
                if (!same)
                        fail_msg("%s: %s", reads[i].hex, r.why ? r.why : "accepted");
                assert_int_equal(wire_reader_end(&r), !reads[i].why);
        }
}

static void test_reader_is_sticky(void **state) {
        (void)state;
        struct wire_reader r = wire_reader(SPAN_STR("\xc0\x01\x02"));
        assert_int_equal(wire_get_u64(&r), 0);
        assert_false(wire_reader_ok(&r));
        assert_int_equal(wire_get_u64(&r), 0);
        assert_int_equal(wire_get_i64(&r), 0);
        assert_false(wire_get_bool(&r));
        assert_int_equal(wire_get_map(&r), 0);
        assert_int_equal(wire_get_array(&r), 0);
        assert_int_equal(wire_get_bin(&r).n, 0);
        assert_int_equal(wire_get_str(&r).n, 0);
        assert_int_equal(wire_skip(&r).n, 0);
        wire_reader_fail(&r, "later");
        assert_string_equal(r.why, "not an unsigned integer");
        r = wire_reader(SPAN_NONE);
        assert_true(wire_reader_end(&r));
}

static void test_skip_limits(void **state) {
        (void)state;
        uint8_t bytes[WIRE_SKIP_MAX + 3] = {0xdc, 0, WIRE_SKIP_MAX - 1};
        struct wire_reader r = wire_reader(span_of(bytes, WIRE_SKIP_MAX - 1 + 3));
        assert_int_equal(wire_skip(&r).n, WIRE_SKIP_MAX - 1 + 3);
        put_be16(bytes + 1, WIRE_SKIP_MAX);
        r = wire_reader(SPAN_OF(bytes));
        assert_int_equal(wire_skip(&r).n, 0);
        assert_string_equal(r.why, "too many values");
}

static void test_deep_nesting(void **state) {
        (void)state;
        for (size_t deep = 31; deep <= 100; deep++) {
                uint8_t arrays[101], maps[201];
                memset(arrays, 0x91, deep);
                arrays[deep] = 0;
                struct wire_reader r = wire_reader(span_of(arrays, deep + 1));
                wire_skip(&r);
                assert_string_equal(r.why, "nested too deep");
                for (size_t i = 0; i < deep; i++) {
                        maps[2 * i] = 0x81;
                        maps[2 * i + 1] = 0;
                }
                maps[2 * deep] = 0;
                r = wire_reader(span_of(maps, 2 * deep + 1));
                wire_skip(&r);
                assert_string_equal(r.why, "nested too deep");
        }
}

/* So deep that a decoder that calls itself would leave its stack (T17). */
static void test_bottomless_nesting(void **state) {
        enum { DEEP = 100000 };
        static uint8_t arrays[DEEP + 1], maps[2 * DEEP + 1];
        (void)state;
        memset(arrays, 0x91, DEEP);
        for (size_t i = 0; i < DEEP; i++)
                maps[2 * i] = 0x81;
        struct wire_reader r = wire_reader(SPAN_OF(arrays));
        assert_int_equal(wire_skip(&r).n, 0);
        assert_string_equal(r.why, "nested too deep");
        r = wire_reader(SPAN_OF(maps));
        assert_int_equal(wire_skip(&r).n, 0);
        assert_string_equal(r.why, "nested too deep");
}

/* ---- writer ---- */

static void test_writer_round_trip(void **state) {
        (void)state;
        static const uint64_t edges[] = {0,      1,       0x7f,       0x80,        0xff,      0x100,
                                         0xffff, 0x10000, 0xffffffff, 0x100000000, INT64_MAX, UINT64_MAX};
        for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
                _clean_(buf_fini) struct buf b = BUF_NULL;
                bool fits = edges[i] <= INT64_MAX;
                wire_put_u64(&b, edges[i]);
                wire_put_i64(&b, fits ? (int64_t)edges[i] : INT64_MAX);
                wire_put_i64(&b, fits ? -(int64_t)edges[i] : INT64_MIN);
                wire_put_i64(&b, fits ? -(int64_t)edges[i] - 1 : INT64_MIN);
                struct wire_reader r = wire_reader(buf_span(&b));
                assert_true(wire_get_u64(&r) == edges[i]);
                assert_true(wire_get_i64(&r) == (fits ? (int64_t)edges[i] : INT64_MAX));
                assert_true(wire_get_i64(&r) == (fits ? -(int64_t)edges[i] : INT64_MIN));
                assert_true(wire_get_i64(&r) == (fits ? -(int64_t)edges[i] - 1 : INT64_MIN));
                assert_true(wire_reader_end(&r));
        }
}

static void test_writer_lengths(void **state) {
        (void)state;
        static const uint32_t edges[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536};
        static uint8_t text[65536];
        memset(text, 'x', sizeof(text));
        for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
                _clean_(buf_fini) struct buf b = BUF_NULL;
                wire_put_bin(&b, span_of(text, edges[i]));
                wire_put_str(&b, span_of(text, edges[i]));
                wire_put_array(&b, edges[i]);
                size_t end_of_array = b.n;
                buf_add(&b, span_of(text, edges[i]));
                wire_put_map(&b, edges[i]);
                buf_add(&b, span_of(text, edges[i]));
                buf_add(&b, span_of(text, edges[i]));
                struct wire_reader r = wire_reader(buf_span(&b));
                assert_int_equal(wire_get_bin(&r).n, edges[i]);
                assert_int_equal(wire_get_str(&r).n, edges[i]);
                assert_int_equal(wire_get_array(&r), edges[i]);
                assert_int_equal(r.at, end_of_array);
                r.at += edges[i];
                assert_int_equal(wire_get_map(&r), edges[i]);
                assert_true(wire_reader_ok(&r));
        }
}

/* ---- codec ---- */

/* clang-format off */
static const struct {
        const struct wire_desc *desc;
        const char *hex, *message, *field, *what; /* message NULL: fine */
} decodes[] = {
        {&wire_charter_row_desc, "8201020305", "charter_row", "value", "missing"},
        {&wire_charter_row_desc, "820102", "charter_row", "map", "claims more values than there are bytes"},
        {&wire_charter_row_desc, "82010202", "charter_row", "map", "claims more values than there are bytes"},
        {&wire_charter_row_desc, "8201020205", NULL, NULL, NULL},
        {&wire_charter_row_desc, "820102020500", "charter_row", "map", "bytes follow it"},
        {&wire_charter_row_desc, "82010202cc", "charter_row", "value", "ends too early"},
        {&wire_charter_row_desc, "8202050102", "charter_row", "key", "missing"},
        {&wire_charter_row_desc, "8301020205010a", "charter_row", "map", "keys do not rise"},
        {&wire_charter_row_desc, "83010201020205", "charter_row", "map", "keys do not rise"},
        {&wire_charter_row_desc, "83010202050205", "charter_row", "map", "keys do not rise"},
        {&wire_charter_row_desc, "820100", "charter_row", "map", "claims more values than there are bytes"},
        {&wire_charter_row_desc, "8201000205", "charter_row", "key", "too small"},
        {&wire_charter_row_desc, "8201400205", "charter_row", "key", "too large"},
        {&wire_charter_row_desc, "8201cc020205", "charter_row", "key", "integer not in its shortest form"},
        {&wire_charter_row_desc, "82cc01020205", "charter_row", "map", "integer not in its shortest form"},
        {&wire_charter_row_desc, "82010202cf0000000100000000", "charter_row", "value", "too large"},
        {&wire_charter_row_desc, "82010202cf8000000000000000", "charter_row", "value", "too large"},
        {&wire_charter_row_desc, "82010202c0", "charter_row", "value", "not an unsigned integer"},
        {&wire_charter_row_desc, "82010202ca3f800000", "charter_row", "value", "not an unsigned integer"},
        {&wire_charter_row_desc, "82010202d40000", "charter_row", "value", "not an unsigned integer"},
        {&wire_charter_row_desc, "82010202ff", "charter_row", "value", "not an unsigned integer"},
        {&wire_charter_row_desc, "82010202c3", "charter_row", "value", "not an unsigned integer"},
        {&wire_charter_row_desc, "de0002010202", "charter_row", "map", "length not in its shortest form"},
        {&wire_charter_row_desc, "92010203", "charter_row", "map", "not a map"},
        {&wire_charter_row_desc, "80", "charter_row", "key", "missing"},
        {&wire_charter_row_desc, "", "charter_row", "map", "ends too early"},
        {&wire_charter_row_desc, "dd01000000", "charter_row", "map", "not a map"},
        {&wire_charter_row_desc, "dfffffffff", "charter_row", "map", "claims more values than there are bytes"},
        /* Keys of a later version: skipped, whatever canonical value they hold. */
        {&wire_charter_row_desc, "830102020503a161", NULL, NULL, NULL},
        {&wire_charter_row_desc, "83000101020205", NULL, NULL, NULL},
        {&wire_charter_row_desc, "8301020205cfffffffffffffffff00", NULL, NULL, NULL},
        {&wire_charter_row_desc, "8401020205cfffffffffffffffff000001", "charter_row", "map", "keys do not rise"},
        {&wire_charter_row_desc, "830102020503c0", "charter_row", "unknown key", "nil, float or ext"},
        {&wire_charter_row_desc, "830102020503cb0000000000000000", "charter_row", "unknown key", "nil, float or ext"},
        {&wire_charter_row_desc, "83010202050391919191" "9100", "charter_row", "unknown key", "nested too deep"},
        {&wire_charter_row_desc, "830102020503cc01", "charter_row", "unknown key", "integer not in its shortest form"},
        {&wire_charter_row_desc, "830102020503ac616161616161616161616161", "charter_row", "map", "too long"},
        {&wire_c_name_desc, "8101a0", "c_name", "name", "too short"},
        {&wire_c_name_desc, "8101a1ff", "c_name", "name", "not UTF-8"},
        {&wire_c_name_desc, "8101c40161", "c_name", "name", "not a text"},
        {&wire_refused_desc, "81013f", NULL, NULL, NULL}, /* a reason nobody knows yet */
        {&wire_refused_desc, "810140", "refused", "reason", "too large"},
        {&wire_c_post_desc, "8201010dc3", NULL, NULL, NULL},
        {&wire_c_post_desc, "8201010dc2", "c_post", "dry_run", "the wrong truth"},
        {&wire_c_post_desc, "8201010d01", "c_post", "dry_run", "not a boolean"},
        {&wire_c_none_desc, "80", NULL, NULL, NULL},
        {&wire_c_none_desc, "810101", "c_none", "reserved", "too large"},
        {&wire_contact_body_desc, "810190", NULL, NULL, NULL},
        {&wire_contact_body_desc, "8101918104" "01", NULL, NULL, NULL},
        {&wire_contact_body_desc, "81019180", "addr", "port", "missing"},
        {&wire_contact_body_desc, "810191810400", "addr", "port", "too small"},
        {&wire_contact_body_desc, "8101918201c403010203" "0401", "addr", "ip4", "too short"},
        {&wire_contact_body_desc, "81019105", "addr", "map", "not a map"},
        {&wire_contact_body_desc, "810180", "contact_body", "addrs", "not an array"},
        {&wire_contact_body_desc, "810197810401810401810401810401810401810401810401", "contact_body", "addrs", "too many"},
        {&wire_contact_body_desc, "8101dd01000000", "contact_body", "addrs", "claims more values than there are bytes"},
        {&wire_c_peer_desc, "810190", "c_peer", "addr", "too few"},
};
/* clang-format on */

static void test_decode_table(void **state) {
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(decodes); i++) {
                _clean_(buf_fini) struct buf b = from_hex(decodes[i].hex);
                struct codec_why why = {0};
                int r = codec_decode(decodes[i].desc, buf_span(&b), NULL, &why);
                if (!decodes[i].message && r)
                        fail_msg("%s: %s: %s: %s", decodes[i].hex, why.message, why.field, why.what);
                if (!decodes[i].message)
                        continue;
                if (r != CODEC_E_INPUT)
                        fail_msg("%s: accepted", decodes[i].hex);
                if (strcmp(why.what, decodes[i].what) != 0)
                        fail_msg("%s: %s: %s: %s", decodes[i].hex, why.message, why.field, why.what);
                assert_string_equal(why.message, decodes[i].message);
                assert_string_equal(why.field, decodes[i].field);
                assert_int_equal(codec_decode(decodes[i].desc, buf_span(&b), NULL, NULL), CODEC_E_INPUT);
        }
}

static void test_decode_leaves_result_alone_on_failure(void **state) {
        (void)state;
        struct wire_charter_row row = {.has = 77, .key = 78, .value = 79};
        assert_int_equal(codec_decode(&wire_charter_row_desc, SPAN_STR("\x82\x01\x02\x02\xc0"), &row, NULL), 1);
        assert_int_equal(codec_decode(&wire_charter_row_desc, SPAN_STR("\x82\x01\x02\x02\x05\x05"), &row, NULL), 1);
        assert_int_equal(row.has, 77);
        assert_int_equal(row.key, 78);
        assert_int_equal(row.value, 79);
        assert_int_equal(codec_decode(&wire_charter_row_desc, SPAN_STR("\x82\x01\x02\x02\x05"), &row, NULL), 0);
        assert_int_equal(row.has, 1 << 1 | 1 << 2);
        assert_int_equal(row.key, 2);
        assert_int_equal(row.value, 5);
}

static void test_encode_refuses_what_is_out_of_bounds(void **state) {
        (void)state;
        static const struct wire_charter_row rows[] = {{.key = 0}, {.key = 64}, {.key = 1, .value = UINT64_C(1) << 32}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                _clean_(buf_fini) struct buf b = BUF_NULL;
                codec_encode(&wire_charter_row_desc, &rows[i], &b);
                assert_false(buf_ok(&b));
        }
        static const struct span names[] = {{NULL, 0}, SPAN_STR("\xff"), SPAN_STR("a\0b")};
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                _clean_(buf_fini) struct buf b = BUF_NULL;
                codec_encode(&wire_c_name_desc, &(struct wire_c_name){.name = names[i]}, &b);
                assert_false(buf_ok(&b));
        }
}

/* A key that was used once: never written, and skipped like one nobody knows. */
struct aged {
        uint64_t has, a, old, b;
};
static const struct wire_field aged_fields[] = {
        {.name = "a", .key = 1, .kind = WIRE_U64, .max = 9, .flag = WIRE_REQ, .offset = offsetof(struct aged, a)},
        {.name = "old", .key = 2, .kind = WIRE_U64, .max = 9, .flag = WIRE_GONE, .offset = offsetof(struct aged, old)},
        {.name = "b", .key = 3, .kind = WIRE_U64, .max = 9, .flag = WIRE_OPT, .offset = offsetof(struct aged, b)},
};
static const struct wire_desc aged_desc = {"aged", "", aged_fields, ARRAY_LEN(aged_fields), sizeof(struct aged), 32};

static void test_gone(void **state) {
        (void)state;
        struct aged m = {0};
        _clean_(buf_fini) struct buf b = BUF_NULL;
        assert_int_equal(codec_decode(&aged_desc, SPAN_STR("\x83\x01\x04\x02\xa1x\x03\x06"), &m, NULL), 0);
        assert_int_equal(m.has, 1 << 1 | 1 << 3);
        assert_int_equal(m.old, 0);
        assert_int_equal(m.b, 6);
        m.has |= 1 << 2;
        codec_encode(&aged_desc, &m, &b);
        assert_spans_equal(buf_span(&b), SPAN_STR("\x82\x01\x04\x03\x06"));
}

static void fill(struct wire_op *op, struct sample *s, bool countersigned) {
        static const uint8_t zeros[64];
        sample_fill(s, &wire_op_desc, op);
        WIRE_PUT(op, OP, sig, SPAN_OF(zeros));
        if (!countersigned)
                op->has &= (UINT64_C(1) << OP_KEY_invite_sig) - 1;
}

static void test_signature_helpers(void **state) {
        (void)state;
        static struct sample s;
        struct wire_op op;
        uint8_t sig[64];
        size_t at;
        memset(sig, 0x5a, sizeof(sig));
        s = (struct sample){0};
        fill(&op, &s, false);
        _clean_(buf_fini) struct buf b = BUF_NULL;
        codec_encode_until(&wire_op_desc, &op, OP_KEY_sig, &b, &at);
        assert_true(buf_ok(&b));
        assert_int_equal(b.p[at], OP_KEY_sig);
        assert_spans_equal(codec_before(buf_span(&b), OP_KEY_sig), span_of(b.p, at));
        codec_patch(&b, at, SPAN_OF(sig));
        assert_true(buf_ok(&b));
        assert_int_equal(codec_decode(&wire_op_desc, buf_span(&b), &op, NULL), 0);
        assert_spans_equal(op.sig, SPAN_OF(sig));
        assert_int_equal(codec_before(buf_span(&b), OP_KEY_by_sig).n, 0);

        /* What countersigning adds behind changes the header and nothing that the first signature covers. */
        struct wire_op more;
        s = (struct sample){0};
        fill(&more, &s, true);
        _clean_(buf_fini) struct buf c = BUF_NULL;
        codec_encode(&wire_op_desc, &more, &c);
        assert_spans_equal(codec_pairs_before(buf_span(&b), OP_KEY_sig), codec_pairs_before(buf_span(&c), OP_KEY_sig));
        assert_int_not_equal(codec_before(buf_span(&b), OP_KEY_sig).p[2], codec_before(buf_span(&c), OP_KEY_sig).p[2]);

        codec_patch(&b, at, span_of(sig, 32));
        assert_false(buf_ok(&b));
        assert_int_equal(codec_before(SPAN_STR("\xdf\xff\xff\xff\xff"), 1).n, 0);
}

static void test_encode_until_of_an_absent_key(void **state) {
        (void)state;
        struct wire_c_error e = {.name = SPAN_STR("n"), .message = SPAN_STR("m"), .exit = EXIT_FAILED};
        _clean_(buf_fini) struct buf b = BUF_NULL;
        size_t at;
        buf_add_u8(&b, 0xee);
        codec_encode_until(&wire_c_error_desc, &e, C_ERROR_KEY_hint, &b, &at);
        assert_int_equal(b.p[at], C_ERROR_KEY_exit);
        codec_encode_until(&wire_c_error_desc, &e, UINT8_MAX, &b, &at);
        assert_int_equal(at, b.n);
}

static void test_lists(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf store = BUF_NULL;
        _clean_(buf_fini) struct buf b = BUF_NULL;
        struct wire_contact_body body = {0}, got;
        struct wire_addr addr = {0};
        for (uint64_t port = 1; port <= 6; port++) {
                WIRE_PUT(&addr, ADDR, port, port);
                wire_list_add(&wire_addr_desc, &body.addrs, &store, &addr);
        }
        codec_encode(&wire_contact_body_desc, &body, &b);
        assert_true(buf_ok(&b));
        assert_int_equal(codec_decode(&wire_contact_body_desc, buf_span(&b), &got, NULL), 0);
        assert_int_equal(got.addrs.count, 6);
        for (uint64_t port = 1; port <= 6; port++) {
                assert_true(wire_list_next(&wire_addr_desc, &got.addrs, &addr));
                assert_int_equal(addr.port, port);
        }
        assert_false(wire_list_next(&wire_addr_desc, &got.addrs, &addr));

        WIRE_PUT(&addr, ADDR, port, 0); /* out of bounds: the store fails, and the list with it */
        wire_list_add(&wire_addr_desc, &body.addrs, &store, &addr);
        assert_false(buf_ok(&store));
        codec_encode(&wire_contact_body_desc, &body, &b);
        assert_false(buf_ok(&b));
}

static void test_frames(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf b = BUF_NULL;
        unsigned unknown = 0;
        codec_put(wire_link_find(LINK_PING), &(struct wire_nothing){0}, &b);
        wire_put_u64(&b, 200); /* a message of a later version */
        wire_put_map(&b, 0);
        codec_put(wire_link_find(LINK_BYE), &(struct wire_bye){.reason = REASON_SELF}, &b);
        size_t messages_end = b.n;
        buf_add(&b, SPAN_OF(((uint8_t[5]){0})));
        struct wire_reader r = wire_reader(buf_span(&b));
        const struct wire_number *row = codec_next(&r, wire_link_find, &unknown);
        assert_int_equal(row->number, LINK_PING);
        assert_int_equal(codec_read(row->desc, &r, NULL, NULL, NULL), 0);
        row = codec_next(&r, wire_link_find, &unknown);
        assert_int_equal(row->number, LINK_BYE);
        assert_int_equal(unknown, 1);
        struct wire_bye bye;
        struct span raw;
        assert_int_equal(codec_read(row->desc, &r, &bye, &raw, NULL), 0);
        assert_int_equal(bye.reason, REASON_SELF);
        assert_spans_equal(raw, SPAN_STR("\x81\x01\x13"));
        assert_null(codec_next(&r, wire_link_find, &unknown));
        assert_true(wire_reader_end(&r));

        b.p[b.n - 1] = 1;
        r = wire_reader(span_from(buf_span(&b), messages_end));
        assert_null(codec_next(&r, wire_link_find, &unknown));
        assert_false(wire_reader_ok(&r));
        r = wire_reader(SPAN_STR("\xcc\xc8\xc0"));
        assert_null(codec_next(&r, wire_link_find, NULL));
        assert_false(wire_reader_ok(&r));
        r = wire_reader(SPAN_NONE);
        assert_null(codec_next(&r, wire_link_find, NULL));
        assert_true(wire_reader_ok(&r));
}

/* ---- tables ---- */

static void test_tables(void **state) {
        (void)state;
        for (size_t m = 0; m < ARRAY_LEN(messages); m++) {
                const struct wire_desc *d = messages[m];
                for (size_t i = 0; i < d->n; i++) {
                        const struct wire_field *f = &d->fields[i];
                        bool is_signed = f->kind == WIRE_I64 || f->kind == WIRE_DEG;
                        if (i && f->key <= f[-1].key)
                                fail_msg("%s.%s: keys must rise", d->name, f->name);
                        if (is_signed ? (int64_t)f->min > (int64_t)f->max : f->min > f->max)
                                fail_msg("%s.%s: bounds the wrong way round", d->name, f->name);
                        assert_int_equal(f->kind == WIRE_ENUM, f->of && f->of->en);
                        assert_int_equal(f->kind == WIRE_LIST, f->of && f->of->desc);
                }
        }
}

static void check_enum(const struct wire_enum *e) {
        for (size_t i = 0; i < e->n; i++) {
                const struct wire_enum_row *row = &e->rows[i];
                assert_true(row->value > 0);
                assert_string_equal(wire_enum_text(e, row->value), row->spelling);
                assert_int_equal(wire_enum_value(e, span_str(row->spelling)), row->value);
        }
        assert_null(wire_enum_text(e, 0));
        assert_int_equal(wire_enum_value(e, SPAN_STR("no such thing")), 0);
}

static void test_enums(void **state) {
        (void)state;
#define CHECK_ENUM(name, ...) check_enum(&wire_##name##_enum);
        WIRE_ENUMS(CHECK_ENUM)
        check_enum(&wire_kind_enum);
        assert_int_equal(wire_enum_value(&wire_severity_enum, SPAN_STR("eXtreme")), SEVERITY_EXTREME);
        /* Every number in a field of the enumeration has to be within the field's bounds. */
        for (size_t m = 0; m < ARRAY_LEN(messages); m++)
                for (size_t i = 0; i < messages[m]->n; i++) {
                        const struct wire_field *f = &messages[m]->fields[i];
                        for (size_t k = 0; f->kind == WIRE_ENUM && k < f->of->en->n; k++)
                                assert_in_range(f->of->en->rows[k].value, f->min, f->max);
                }
}

static void test_kinds(void **state) {
        (void)state;
        assert_null(wire_kind_find(0));
        assert_null(wire_kind_find(255));
        for (size_t i = 0; i < wire_kinds_n; i++)
                assert_ptr_equal(wire_kind_find(wire_kinds[i].kind), &wire_kinds[i]);
        static const uint8_t vague[] = {KIND_UNUSUAL_ACTIVITY, KIND_NOISE, KIND_ANIMAL, KIND_COMMUNITY_EVENT,
                                        KIND_OTHER};
        for (size_t i = 0; i < ARRAY_LEN(vague); i++)
                assert_false(wire_kind_find(vague[i])->may_be_urgent);
        static const uint8_t call[] = {KIND_FIRE, KIND_SMOKE, KIND_GAS_SMELL, KIND_BREAK_IN};
        for (size_t i = 0; i < ARRAY_LEN(call); i++)
                assert_true(wire_kind_find(call[i])->call_first);
        for (size_t i = 0; i < wire_charter_bounds_n; i++) {
                const struct wire_charter_bound *b = &wire_charter_bounds[i];
                assert_in_range(b->preset, b->min, b->max);
        }
}

static void test_numbers(void **state) {
        (void)state;
        const struct wire_number *(*const finds[])(uint64_t) = {wire_link_find, wire_control_find, wire_owner_find};
        for (size_t i = 0; i < ARRAY_LEN(finds); i++) {
                size_t n = 0;
                for (uint64_t number = 0; number < 300; number++) {
                        const struct wire_number *row = finds[i](number);
                        if (!row)
                                continue;
                        assert_int_equal(row->number, number);
                        assert_true(row->klass <= 5);
                        n++;
                }
                assert_true(n > 8);
                assert_null(finds[i](0)); /* padding */
                assert_null(finds[i](UINT64_MAX));
        }
        assert_string_equal(wire_link_find(LINK_RECORD)->desc->name, "record");
        assert_string_equal(wire_control_find(CONTROL_WATCH)->desc->name, "c_filter");
        assert_int_equal(wire_link_find(LINK_RECON)->klass, 4);
}

/* ---- properties over every message ---- */

/* @in without the pairs whose keys @d doesn't know, or knows as gone; it has been accepted. */
static void without_unknown(const struct wire_desc *d, struct span in, struct buf *out) {
        _clean_(buf_fini) struct buf pairs = BUF_NULL;
        struct wire_reader r = wire_reader(in);
        uint32_t n = wire_get_map(&r), known = 0;
        for (uint32_t i = 0; i < n; i++) {
                size_t from = r.at;
                uint64_t key = wire_get_u64(&r);
                const struct wire_field *f = d->fields;
                while (f < d->fields + d->n && (f->key != key || f->flag == WIRE_GONE))
                        f++;
                bool is_known = f < d->fields + d->n;
                if (is_known && f->kind == WIRE_LIST) { /* wire_skip has limits that a known list has not */
                        uint32_t items = wire_get_array(&r);
                        while (items--)
                                assert_int_equal(codec_read(f->of->desc, &r, NULL, NULL, NULL), 0);
                } else {
                        wire_skip(&r);
                }
                if (is_known)
                        buf_add(&pairs, span_of(in.p + from, r.at - from));
                known += is_known;
        }
        assert_true(wire_reader_end(&r));
        wire_put_map(out, known);
        buf_add(out, buf_span(&pairs));
}

static void check_canonical(const struct wire_desc *d, struct span in) {
        union wire_any msg;
        if (codec_decode(d, in, &msg, NULL))
                return;
        _clean_(buf_fini) struct buf again = BUF_NULL;
        _clean_(buf_fini) struct buf known = BUF_NULL;
        codec_encode(d, &msg, &again);
        assert_true(buf_ok(&again));
        without_unknown(d, in, &known);
        assert_spans_equal(buf_span(&again), buf_span(&known));
}

/* A random message that fits its longest encoding; false if this number gives none. */
static bool sample_encode(struct sample *s, const struct wire_desc *d, uint64_t number, struct buf *out) {
        union wire_any msg;
        s->state = number;
        s->used = 0;
        sample_fill(s, d, &msg);
        codec_encode(d, &msg, out);
        return buf_ok(out);
}

static void test_encode_decode_encode(void **state) {
        (void)state;
        static struct sample s;
        for (size_t m = 0; m < ARRAY_LEN(messages); m++) {
                size_t done = 0;
                for (uint64_t number = 1; number <= SAMPLES; number++) {
                        _clean_(buf_fini) struct buf a = BUF_NULL;
                        _clean_(buf_fini) struct buf b = BUF_NULL;
                        union wire_any msg;
                        struct codec_why why = {0};
                        if (!sample_encode(&s, messages[m], number * 1000 + m, &a))
                                continue;
                        if (codec_decode(messages[m], buf_span(&a), &msg, &why))
                                fail_msg("%s: %s: %s", why.message, why.field, why.what);
                        codec_encode(messages[m], &msg, &b);
                        assert_true(buf_ok(&b));
                        assert_spans_equal(buf_span(&a), buf_span(&b));
                        done++;
                }
                if (done < SAMPLES / 4)
                        fail_msg("%s: only %zu of %d samples fit its longest encoding", messages[m]->name, done,
                                 SAMPLES);
        }
}

static void test_truncated(void **state) {
        (void)state;
        static struct sample s;
        for (size_t m = 0; m < ARRAY_LEN(messages); m++)
                for (uint64_t number = 1; number <= MUTATED_SAMPLES; number++) {
                        _clean_(buf_fini) struct buf a = BUF_NULL;
                        if (!sample_encode(&s, messages[m], number * 1000 + m, &a))
                                continue;
                        for (size_t n = 0; n < a.n; n++)
                                assert_int_equal(codec_decode(messages[m], span_of(a.p, n), NULL, NULL), CODEC_E_INPUT);
                        buf_add_u8(&a, 0);
                        assert_int_equal(codec_decode(messages[m], buf_span(&a), NULL, NULL), CODEC_E_INPUT);
                }
}

static void test_mutated(void **state) {
        (void)state;
        static struct sample s;
        for (size_t m = 0; m < ARRAY_LEN(messages); m++)
                for (uint64_t number = 1; number <= MUTATED_SAMPLES; number++) {
                        _clean_(buf_fini) struct buf a = BUF_NULL;
                        if (!sample_encode(&s, messages[m], number * 1000 + m, &a))
                                continue;
                        for (size_t at = 0; at < a.n; at++)
                                for (unsigned flip = 1; flip < 256; flip += at < 64 ? 1 : 17) {
                                        a.p[at] ^= (uint8_t)flip;
                                        check_canonical(messages[m], buf_span(&a));
                                        a.p[at] ^= (uint8_t)flip;
                                }
                }
}

/* Every length and count in every message replaced by claims that nothing backs. */
static void test_lengths_that_lie(void **state) {
        (void)state;
        static const char *const claims[] = {
                "c400",       "c4ff",       "c5ffff",     "c680000000",         "c6ffffffff",
                "a0",         "d9ff",       "daffff",     "db80000000",         "dbffffffff",
                "dc8000",     "dd01000000", "dd80000000", "ddffffffff",         "de8000",
                "df01000000", "df80000000", "dfffffffff", "cf8000000000000000", "cfffffffffffffffff"};
        static struct sample s;
        for (size_t m = 0; m < ARRAY_LEN(messages); m++)
                for (size_t c = 0; c < ARRAY_LEN(claims); c++) {
                        _clean_(buf_fini) struct buf a = BUF_NULL;
                        _clean_(buf_fini) struct buf claim = from_hex(claims[c]);
                        if (!sample_encode(&s, messages[m], 4000 + m, &a))
                                continue;
                        for (size_t at = 0; at < a.n; at++) {
                                _clean_(buf_fini) struct buf lie = BUF_NULL;
                                buf_add(&lie, span_of(a.p, at));
                                buf_add(&lie, buf_span(&claim));
                                buf_add(&lie, span_from(buf_span(&a), at + 1));
                                check_canonical(messages[m], buf_span(&lie));
                        }
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reader),
                cmocka_unit_test(test_reader_is_sticky),
                cmocka_unit_test(test_skip_limits),
                cmocka_unit_test(test_deep_nesting),
                cmocka_unit_test(test_bottomless_nesting),
                cmocka_unit_test(test_writer_round_trip),
                cmocka_unit_test(test_writer_lengths),
                cmocka_unit_test(test_decode_table),
                cmocka_unit_test(test_decode_leaves_result_alone_on_failure),
                cmocka_unit_test(test_encode_refuses_what_is_out_of_bounds),
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_signature_helpers),
                cmocka_unit_test(test_encode_until_of_an_absent_key),
                cmocka_unit_test(test_lists),
                cmocka_unit_test(test_frames),
                cmocka_unit_test(test_tables),
                cmocka_unit_test(test_enums),
                cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_encode_decode_encode),
                cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_mutated),
                cmocka_unit_test(test_lengths_that_lie),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
