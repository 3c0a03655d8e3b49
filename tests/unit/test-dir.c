/* SPDX-License-Identifier: Apache-2.0 */
/* Which folder is found, in which order, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCK_DIR_MAX (108 - 1 - (int)sizeof(DIR_CONTROL_SOCK))

static char home[] = "/tmp/pl-dir-XXXXXX";

static int set_up(void **state) {
        (void)state;
        unsetenv("PORCHLIGHT_DATA");
        unsetenv("XDG_DATA_HOME");
        setenv("HOME", home, 1);
        return 0;
}

static void finds(const char *arg, const char *want) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        assert_int_equal(dir_find(&out, arg), 0);
        assert_string_equal(buf_cstr(&out), want);
}

static void named_folders_come_first(void **state) {
        (void)state;
        finds(NULL, "/var/lib/porchlight");
        setenv("PORCHLIGHT_DATA", "/srv/env", 1);
        finds(NULL, "/srv/env");
        finds("/srv/arg", "/srv/arg");
        setenv("PORCHLIGHT_DATA", "", 1);
        finds(NULL, "/var/lib/porchlight");
}

static void users_folder_counts_with_its_socket(void **state) {
        (void)state;
        char dir[64], data[64];
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        snprintf(data, sizeof(data), "%s/data", home);
        snprintf(dir, sizeof(dir), "%s/data/porchlight", home);
        snprintf(at.sun_path, sizeof(at.sun_path), "%s/control.sock", dir);
        assert_int_equal(mkdir(data, 0700), 0);
        assert_int_equal(mkdir(dir, 0700), 0);
        setenv("XDG_DATA_HOME", data, 1);
        finds(NULL, "/var/lib/porchlight");
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
        finds(NULL, dir);
        setenv("XDG_DATA_HOME", "relative", 1);
        finds(NULL, "/var/lib/porchlight");
        close(fd);
        unlink(at.sun_path);
        rmdir(dir);
        rmdir(data);
}

static void new_daemon_gets_a_folder(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        char own[64];
        snprintf(own, sizeof(own), "%s/.local/share/porchlight", home);
        assert_int_equal(dir_find_new(&out, NULL), 0);
        assert_string_equal(buf_cstr(&out), geteuid() ? own : "/var/lib/porchlight");
        buf_clear(&out);
        setenv("PORCHLIGHT_DATA", "/srv/env", 1);
        assert_int_equal(dir_find_new(&out, NULL), 0);
        assert_string_equal(buf_cstr(&out), "/srv/env");
}

static void too_long_is_refused(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        char path[128];
        memset(path, 'a', sizeof(path));
        path[0] = '/';
        path[SOCK_DIR_MAX] = 0;
        finds(path, path);
        path[SOCK_DIR_MAX] = 'a';
        path[SOCK_DIR_MAX + 1] = 0;
        assert_int_equal(dir_find(&out, path), DIR_E_LONG);
        assert_int_equal(dir_find(&out, ""), DIR_E_NONE);
        assert_int_equal(out.n, 0);
}

static void joins_with_one_slash(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        dir_join(&out, "/a/b", "c");
        assert_string_equal((char *)out.p, "/a/b/c");
        assert_int_equal(out.n, 6);
        buf_clear(&out);
        dir_join(&out, "/", "c");
        assert_string_equal((char *)out.p, "/c");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(named_folders_come_first, set_up),
                cmocka_unit_test_setup(users_folder_counts_with_its_socket, set_up),
                cmocka_unit_test_setup(new_daemon_gets_a_folder, set_up),
                cmocka_unit_test_setup(too_long_is_refused, set_up),
                cmocka_unit_test_setup(joins_with_one_slash, set_up),
        };
        if (!mkdtemp(home))
                return 1;
        int r = cmocka_run_group_tests(tests, NULL, NULL);
        rmdir(home);
        return r;
}
