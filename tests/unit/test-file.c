/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is wiped has zeros where something stood, of whatever length it was, and no more than was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/file.h"

#include <stdlib.h>
#include <unistd.h>

#define LONGEST 5000

static void wiped(size_t bytes, size_t most) {
        char name[] = "/tmp/pl-file-XXXXXX";
        uint8_t was[LONGEST], is[LONGEST];
        int fd = mkstemp(name);
        assert_true(fd >= 0 && unlink(name) == 0);
        memset(was, 0xa5, sizeof(was));
        assert_true(file_write(fd, span_of(was, bytes)));
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        file_wipe(fd, most);
        assert_int_equal(pread(fd, is, sizeof(is), 0), bytes);
        for (size_t i = 0; i < bytes; i++)
                assert_int_equal(is[i], i < most ? 0 : 0xa5);
        close(fd);
}

static void test_wipe(void **state) {
        static const size_t lengths[] = {0, 1, 80, 511, 512, 513, 2048, LONGEST};
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                wiped(lengths[i], 2048);
                wiped(lengths[i], 512);
                wiped(lengths[i], LONGEST);
        }
        assert_int_equal(base_checks_failed(), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_wipe)};
        return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
