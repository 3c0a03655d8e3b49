/* SPDX-License-Identifier: Apache-2.0 */
/* DIR/device.key, and DIR itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "daemon/datadir.h"
#include "daemon/keyfile.h"

static char dir[] = "/tmp/test-daemon-keyfile.XXXXXX";
static char path[sizeof(dir) + 32], temp[sizeof(dir) + 32];

static const struct device_key sample = {.sign_seed = {1}, .noise_secret = {{2}}, .seal_secret = {{3}}};

static int fresh(_unused_ void **state) {
        strcpy(dir + sizeof(dir) - 7, "XXXXXX");
        if (!mkdtemp(dir))
                return -1;
        snprintf(path, sizeof(path), "%s/%s", dir, DIR_DEVICE_KEY);
        snprintf(temp, sizeof(temp), "%s/%s.new", dir, DIR_DEVICE_KEY);
        return 0;
}

static int gone(_unused_ void **state) {
        unlink(path);
        unlink(temp);
        rmdir(path);
        return rmdir(dir);
}

static void put_file(const char *name, const void *bytes, size_t n) {
        int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes, n), n);
        close(fd);
}

static int read_key(void) {
        struct device_key key;
        bool tightened;
        return device_key_read(dir, &key, &tightened);
}

static mode_t mode_of(const char *name) {
        struct stat st;
        assert_int_equal(stat(name, &st), 0);
        return st.st_mode & 07777;
}

static void makes_and_reads(_unused_ void **state) {
        struct device_key key;
        bool tightened = true;
        mode_t old = umask(0);
        assert_int_equal(device_key_read(dir, &key, &tightened), DEVICE_KEY_E_NONE);
        assert_int_equal(device_key_create(dir, &sample), 0);
        umask(old);
        assert_int_equal(mode_of(path), 0600);
        assert_int_equal(access(temp, F_OK), -1);
        assert_int_equal(device_key_read(dir, &key, &tightened), 0);
        assert_false(tightened);
        assert_memory_equal(&key, &sample, sizeof(key));
}

static void never_overwrites(_unused_ void **state) {
        struct device_key other = {.sign_seed = {9}}, key;
        bool tightened;
        assert_int_equal(device_key_create(dir, &sample), 0);
        assert_int_equal(device_key_create(dir, &other), DEVICE_KEY_E_THERE);
        assert_int_equal(access(temp, F_OK), -1);
        assert_int_equal(device_key_read(dir, &key, &tightened), 0);
        assert_memory_equal(&key, &sample, sizeof(key));
        unlink(path);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(device_key_create(dir, &sample), DEVICE_KEY_E_THERE);
        assert_int_equal(read_key(), DEVICE_KEY_E_KIND);
}

static void a_crash_leaves_room_for_the_next(_unused_ void **state) {
        put_file(temp, "half", 4);
        assert_int_equal(device_key_create(dir, &sample), 0);
        assert_int_equal(read_key(), 0);
}

static void damage_has_a_name(_unused_ void **state) {
        uint8_t good[DEVICE_KEY_BYTES], bad[DEVICE_KEY_BYTES + 1] = {0};
        device_key_format(&sample, good);
        for (size_t n = 0; n < sizeof(good); n++) {
                put_file(path, good, n);
                assert_int_equal(read_key(), DEVICE_KEY_E_DAMAGED);
        }
        for (size_t i = 0; i < sizeof(good); i++) {
                memcpy(bad, good, sizeof(good));
                bad[i] ^= 0x40;
                put_file(path, bad, sizeof(good));
                assert_int_equal(read_key(), i == 8 ? DEVICE_KEY_E_NEWER : DEVICE_KEY_E_DAMAGED);
        }
        memcpy(bad, good, sizeof(good));
        put_file(path, bad, sizeof(bad));
        assert_int_equal(read_key(), DEVICE_KEY_E_DAMAGED);
        assert_int_equal(mode_of(path), 0600);
        for (int e = DEVICE_KEY_E_NONE; e <= DEVICE_KEY_E_THERE; e++)
                assert_true(*device_key_error(e) && *device_key_hint(e));
}

static void tightens_what_others_could_read(_unused_ void **state) {
        struct device_key key;
        bool tightened = false;
        assert_int_equal(device_key_create(dir, &sample), 0);
        assert_int_equal(chmod(path, 0644), 0);
        assert_int_equal(device_key_read(dir, &key, &tightened), 0);
        assert_true(tightened);
        assert_int_equal(mode_of(path), 0600);
}

static void follows_no_link(_unused_ void **state) {
        assert_int_equal(symlink("/etc/passwd", path), 0);
        assert_int_equal(read_key(), DEVICE_KEY_E_KIND);
        assert_int_equal(device_key_create(dir, &sample), DEVICE_KEY_E_THERE);
        unlink(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(read_key(), DEVICE_KEY_E_KIND);
}

static void makes_folders(_unused_ void **state) {
        char deep[sizeof(dir) + 32];
        mode_t old = umask(0377);
        umask(077);
        snprintf(deep, sizeof(deep), "%s/a/b", dir);
        assert_true(datadir_make(deep, false));
        assert_true(datadir_make(deep, false));
        umask(old);
        assert_int_equal(mode_of(deep), 0700);
        rmdir(deep);
        umask(0177);
        assert_true(datadir_make(deep, false));
        umask(old);
        assert_int_equal(mode_of(deep), 0700);
        rmdir(deep);
        put_file(deep, "", 0);
        assert_false(datadir_make(deep, false));
        assert_int_equal(errno, ENOTDIR);
        unlink(deep);
        snprintf(deep, sizeof(deep), "%s/a", dir);
        rmdir(deep);
}

static void lets_others_pass_only_where_it_is_told(_unused_ void **state) {
        char above[sizeof(dir) + 32], deep[sizeof(dir) + 32];
        mode_t old = umask(077);
        snprintf(above, sizeof(above), "%s/a", dir);
        snprintf(deep, sizeof(deep), "%s/a/b", dir);
        assert_true(datadir_make(deep, true));
        umask(old);
        assert_int_equal(mode_of(above), 0711);
        assert_int_equal(mode_of(deep), 0711);
        assert_int_equal(chmod(deep, 0700), 0);
        assert_true(datadir_make(deep, false));
        assert_int_equal(mode_of(deep), 0700);
        assert_true(datadir_make(deep, true));
        assert_int_equal(mode_of(deep), 0711);
        assert_int_equal(chmod(deep, 02750), 0);
        assert_true(datadir_make(deep, true));
        assert_int_equal(mode_of(deep), 02751);
        rmdir(deep);
        rmdir(above);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(makes_and_reads, fresh, gone),
                cmocka_unit_test_setup_teardown(never_overwrites, fresh, gone),
                cmocka_unit_test_setup_teardown(a_crash_leaves_room_for_the_next, fresh, gone),
                cmocka_unit_test_setup_teardown(damage_has_a_name, fresh, gone),
                cmocka_unit_test_setup_teardown(tightens_what_others_could_read, fresh, gone),
                cmocka_unit_test_setup_teardown(follows_no_link, fresh, gone),
                cmocka_unit_test_setup_teardown(makes_folders, fresh, gone),
                cmocka_unit_test_setup_teardown(lets_others_pass_only_where_it_is_told, fresh, gone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
