/* SPDX-License-Identifier: Apache-2.0 */
/* PCP in bytes: what is asked, and what is believed of the answers (RFC 6887). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "router/pcp_message.h"

static const struct pcp_query query = {
        .client = {[10] = 0xff, [11] = 0xff, 192, 168, 7, 2},
        .nonce = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
        .port = 7345,
        .lifetime = 3600,
        .outside = {.ip = {[10] = 0xff, [11] = 0xff}, .port = 7345},
};

/* By hand, from figures 2 and 9 of the RFC. */
static const uint8_t asked[PCP_MAP_BYTES] = {
        2, 1, 0,    0,    0,    0,    0x0e, 0x10, 0, 0,  0,    0,    0, 0, 0, 0,
        0, 0, 0xff, 0xff, 192,  168,  7,    2,                                   /* header */
        1, 2, 3,    4,    5,    6,    7,    8,    9, 10, 11,   12,               /* nonce */
        6, 0, 0,    0,    0x1c, 0xb1, 0x1c, 0xb1,                                /* TCP, 7345, 7345 */
        0, 0, 0,    0,    0,    0,    0,    0,    0, 0,  0xff, 0xff, 0, 0, 0, 0, /* 0.0.0.0 */
};
/* From figures 3 and 10: 5.9.17.10:40000 for 1,800 s, by a router that has run for 259 s. */
static const uint8_t answered[PCP_MAP_BYTES] = {
        2, 0x81, 0, 0, 0,    0,    0x07, 0x08, 0, 0,  1,    3,    0, 0, 0,  0,  0, 0, 0, 0, 0, 0, 0, 0, /* header */
        1, 2,    3, 4, 5,    6,    7,    8,    9, 10, 11,   12,                                         /* nonce */
        6, 0,    0, 0, 0x1c, 0xb1, 0x9c, 0x40, /* TCP, 7345, 40000 */
        0, 0,    0, 0, 0,    0,    0,    0,    0, 0,  0xff, 0xff, 5, 9, 17, 10,
};

static void test_write(void **state) {
        uint8_t bytes[PCP_MAP_BYTES];
        (void)state;
        pcp_write(&query, bytes);
        assert_memory_equal(bytes, asked, sizeof(asked));
}

static void test_read(void **state) {
        struct pcp_answer a;
        uint8_t more[PCP_MAP_BYTES + 8] = {0};
        (void)state;
        assert_int_equal(pcp_read(SPAN_OF(answered), &query, &a), 0);
        assert_int_equal(a.result, PCP_SUCCESS);
        assert_int_equal(a.lifetime, 1800);
        assert_int_equal(a.epoch, 259);
        assert_int_equal(a.outside.port, 40000);
        assert_memory_equal(a.outside.ip, answered + 44, PLACE_IP);
        memcpy(more, answered, sizeof(answered)); /* with an option nobody asked for */
        assert_int_equal(pcp_read(SPAN_OF(more), &query, &a), 0);
}

/* The answer with one byte changed. */
static int read_with(size_t at, uint8_t byte, struct pcp_answer *ret) {
        uint8_t bytes[PCP_MAP_BYTES];
        memcpy(bytes, answered, sizeof(bytes));
        bytes[at] = byte;
        return pcp_read(SPAN_OF(bytes), &query, ret);
}

static void test_refused(void **state) {
        struct pcp_answer a;
        (void)state;
        assert_int_equal(read_with(3, PCP_NO_RESOURCES, &a), 0);
        assert_int_equal(a.result, PCP_NO_RESOURCES);
        assert_int_equal(a.outside.port, 0); /* whatever stands there */
        assert_string_equal(pcp_result_text(a.result), "NO_RESOURCES");
        assert_int_equal(read_with(3, 200, &a), 0);
        assert_string_equal(pcp_result_text(a.result), "?");
        assert_string_equal(pcp_result_text(14), "?");
        for (unsigned i = 0; i < 14; i++)
                assert_true(pcp_result_text(i)[0] >= 'A');
}

static void test_others(void **state) {
        struct pcp_answer a = {.result = 77};
        (void)state;
        for (size_t i = 24; i < 37; i++) /* each byte of the nonce, and the protocol */
                assert_int_equal(read_with(i, 99, &a), PCP_E_OTHER);
        assert_int_equal(read_with(40, 99, &a), PCP_E_OTHER);  /* another port of this machine */
        assert_int_equal(read_with(1, 0x82, &a), PCP_E_OTHER); /* another operation */
        assert_int_equal(read_with(1, 0x01, &a), PCP_E_INPUT); /* a request */
        assert_int_equal(read_with(0, 1, &a), PCP_E_INPUT);    /* another version, that says nothing of it */
        assert_int_equal(a.result, 77);
}

static void test_lengths(void **state) {
        uint8_t bytes[PCP_BYTES_MOST + 4] = {0};
        struct pcp_answer a;
        (void)state;
        memcpy(bytes, answered, sizeof(answered));
        for (size_t n = 0; n <= sizeof(bytes); n++) {
                bool fine = n >= PCP_MAP_BYTES && n <= PCP_BYTES_MOST && n % 4 == 0;
                if (pcp_read(span_of(bytes, n), &query, &a) != (fine ? 0 : PCP_E_INPUT))
                        fail_msg("%zu bytes", n);
        }
}

/* 9: a router that speaks NAT-PMP and no PCP; one that speaks a draft of PCP; and one that says so in this version. */
static void test_old(void **state) {
        static const uint8_t pmp[] = {0, 0x81, 0, 1, 0, 0, 1, 3}, draft[24] = {1, 0x81, 0, 1};
        static const uint8_t no[] = {0, 0x81, 0, 2, 0, 0, 1, 3}, request[] = {0, 1, 0, 1};
        struct pcp_answer a;
        (void)state;
        assert_int_equal(pcp_read(SPAN_OF(pmp), &query, &a), PCP_E_OLD);
        assert_int_equal(pcp_read(SPAN_OF(draft), &query, &a), PCP_E_OLD);
        assert_int_equal(read_with(3, PCP_UNSUPP_VERSION, &a), PCP_E_OLD);
        assert_int_equal(pcp_read(SPAN_OF(no), &query, &a), PCP_E_INPUT);
        assert_int_equal(pcp_read(SPAN_OF(request), &query, &a), PCP_E_INPUT);
        assert_int_equal(pcp_read(span_of(pmp, 3), &query, &a), PCP_E_INPUT);
}

static void test_announce(void **state) {
        static const uint8_t pcp[24] = {2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3};
        static const uint8_t pmp[12] = {0, 0x80, 0, 0, 0, 0, 2, 4, 5, 9, 17, 10};
        uint8_t bytes[24];
        uint32_t epoch = 0;
        (void)state;
        assert_true(pcp_read_announce(SPAN_OF(pcp), &epoch));
        assert_int_equal(epoch, 259);
        assert_true(pcp_read_announce(SPAN_OF(pmp), &epoch));
        assert_int_equal(epoch, 516);
        for (size_t n = 0; n < sizeof(pcp); n++)
                assert_false(pcp_read_announce(span_of(pcp, n), &epoch));
        assert_false(pcp_read_announce(SPAN_OF(answered), &epoch));
        assert_false(pcp_read_announce(SPAN_OF(asked), &epoch));
        for (size_t i = 0; i < 4; i += i == 1 ? 2 : 1) { /* the second byte of the result is a byte of nothing in PCP */
                memcpy(bytes, pcp, sizeof(pcp));
                bytes[i] ^= 1;
                assert_false(pcp_read_announce(SPAN_OF(bytes), &epoch));
        }
        assert_int_equal(epoch, 516);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_write),    cmocka_unit_test(test_read),    cmocka_unit_test(test_refused),
                cmocka_unit_test(test_others),   cmocka_unit_test(test_lengths), cmocka_unit_test(test_old),
                cmocka_unit_test(test_announce),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
