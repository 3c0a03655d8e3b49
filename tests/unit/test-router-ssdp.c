/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to a search for devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "router/ssdp.h"

#define URL "http://[2a01:4f8:17:7::1]:5000/d.xml"

static void test_good(void **state) {
        static const char *const good[] = {
                "HTTP/1.1 200 OK\r\nLOCATION: " URL "\r\n\r\n",
                "HTTP/1.1 200 OK\nlocation:" URL,
                "HTTP/1.1 200 OK\r\nST: x\r\nLocation: \t " URL " \r\nLOCATION: http://other/\r\n\r\n",
        };
        char url[64];
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                if (!ssdp_location(span_str(good[i]), url, sizeof(url)))
                        fail_msg("refused: %s", good[i]);
                assert_string_equal(url, URL);
        }
}

static void test_bad(void **state) {
        static const char *const bad[] = {
                "",
                "\n\n\n",
                "HTTP/1.1 200 ",
                "HTTP/1.1 200 OK\r\n\r\n",
                "HTTP/1.1 404 No\r\nLOCATION: " URL "\r\n\r\n",
                "NOTIFY * HTTP/1.1\r\nLOCATION: " URL "\r\n\r\n",
                "HTTP/1.1 200 OK\r\nLOCATION:\r\n\r\n",
                "HTTP/1.1 200 OK\r\nLOCATION: http://a b/\r\n\r\n",
                "HTTP/1.1 200 OK\r\nLOCATION: http://\x1b[2J/\r\n\r\n",
                "HTTP/1.1 200 OK\r\nLOCATION: http://0123456789012345678901234567890123456789012345678901234567/\r\n",
                "HTTP/1.1 200 OK\r\nX-LOCATION: " URL "\r\n\r\n",
        };
        char url[64] = "as it was";
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (ssdp_location(span_str(bad[i]), url, sizeof(url)))
                        fail_msg("taken: %s", bad[i]);
        assert_false(ssdp_location(SPAN_OF("HTTP/1.1 200 OK\r\nLOCATION: http://a\0b/\r\n"), url, sizeof(url)));
        assert_string_equal(url, "as it was");
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
