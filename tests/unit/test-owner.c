/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the vault is told to obey: by name, by number, and in a file of which all other lines are somebody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "vault/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void test_find(void **state) {
        static const char *const wrong[] = {"",    "-1", "4294967295", "99999999999999999999",
                                            "12x", " 1", "0x1",        "nobody-of-that-name"};
        uint32_t uid = 7;
        (void)state;
        assert_int_equal(owner_find(SPAN_STR("root"), &uid), 0);
        assert_int_equal(uid, 0);
        assert_int_equal(owner_find(SPAN_STR("4294967294"), &uid), 0);
        assert_int_equal(uid, 4294967294u);
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
                assert_int_equal(owner_find(span_str(wrong[i]), &uid), OWNER_E_USER);
        assert_int_equal(owner_find(span_of("x", 100), &uid), OWNER_E_USER); /* too long to be looked at */
        assert_int_equal(uid, 4294967294u);
}

/* What a file of @text says. */
static int said(const char *text, uint32_t *ret) {
        char path[] = "/tmp/test-owner-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        close(fd);
        int r = owner_read(path, ret);
        unlink(path);
        return r;
}

static void test_read(void **state) {
        static const struct {
                const char *text;
                int r;
                uint32_t owner;
        } rows[] = {
                {"", 0, OWNER_NOBODY},
                {"listen = 1.2.3.4:5\n\n", 0, OWNER_NOBODY},
                {"vault.owner = 1000\n", 0, 1000},
                {"vault.owner=root", 0, 0},
                {"# vault.owner = 1\nlan = no\n\tvault.owner\t=\t12\r\n", 0, 12},
                {"vault.owners = 3\nxvault.owner = 4\n", 0, OWNER_NOBODY},
                {"vault.owner = \n", 0, OWNER_NOBODY},
                {"vault.owner = nobody-of-that-name\n", OWNER_E_USER, 0},
                {"vault.owner\n= 5\n", 0, OWNER_NOBODY},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                uint32_t owner = 77;
                assert_int_equal(said(rows[i].text, &owner), rows[i].r);
                if (rows[i].r == 0)
                        assert_int_equal(owner, rows[i].owner);
        }
}

static void test_no_file(void **state) {
        uint32_t owner = 77;
        (void)state;
        assert_int_equal(owner_read("/tmp/there/is/none", &owner), 0);
        assert_int_equal(owner, OWNER_NOBODY);
        assert_int_equal(owner_read("/tmp", &owner), OWNER_E_FILE);
        assert_int_equal(owner_read("/dev/zero", &owner), OWNER_E_FILE); /* longer than any */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_no_file),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
