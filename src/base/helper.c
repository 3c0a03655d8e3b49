/* SPDX-License-Identifier: Apache-2.0 */
#include "base/helper.h"

#include "base/dir.h"

#include <stdlib.h>
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
