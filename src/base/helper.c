/* SPDX-License-Identifier: Apache-2.0 */
#include "base/helper.h"

#include "base/dir.h"
#include "base/file.h"
#include "base/landlock.h"
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static bool try_folder(struct buf *path, const char *folder, const char *program) {
        buf_clear(path);
        dir_join(path, folder, program);
        return buf_ok(path) && access(buf_cstr(path), X_OK) == 0;
}

bool helper_find(struct buf *ret, const char *program, const char *libexec) {
        char self[1024];
        const char *env = getenv("PORCHLIGHT_LIBEXEC");
        if (env && *env && try_folder(ret, env, program))
                return true;
        ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
        while (len > 0 && self[len - 1] != '/')
                len--;
        if (len > 1) {
                self[len - 1] = '\0';
                if (try_folder(ret, self, program))
                        return true;
        }
        return try_folder(ret, libexec, program);
}

bool helper_told(int argc, char **argv, const char *help, const char *version) {
        if (argc != 2)
                return false;
        if (strcmp(argv[1], "--help") == 0)
                fputs(help, stdout);
        else if (strcmp(argv[1], "--version") == 0)
                puts(version);
        else
                return false;
        return true;
}

static bool is_socket(int fd) {
        struct stat st;
        return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

bool helper_begins(int argc, char **argv, int fd, const char *name, const char *version, const char *help,
                   int *ret_exit) {
        file_hold_std();
        log_set_name(name);
        *ret_exit = EXIT_SUCCESS;
        if (helper_told(argc, argv, help, version))
                return false;
        if (argc == 1 && is_socket(fd))
                return true;
        log_error("usage: porchlightd starts this, with a socket as file descriptor %d; see %s --help", fd, name);
        *ret_exit = HELPER_USAGE;
        return false;
}

void helper_bound(int last, unsigned files, uint64_t bytes) {
        const struct rlimit none = {0, 0}, descriptors = {files, files}, addresses = {bytes, bytes};
        setrlimit(RLIMIT_CORE, &none);
        setrlimit(RLIMIT_NOFILE, &descriptors);
        if (landlock_built) /* a sanitizer has no walls, and asks for terabytes of addresses */
                setrlimit(RLIMIT_AS, &addresses);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        signal(SIGPIPE, SIG_IGN);
        (void)!close_range((unsigned)last + 1, ~0u, 0); /* whatever who started it has left open */
}
