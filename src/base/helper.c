/* SPDX-License-Identifier: Apache-2.0 */
#include "base/helper.h"

#include "base/dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
