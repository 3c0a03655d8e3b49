/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/datadir.h"
#include "base/buf.h"

#include <errno.h>
#include <sys/stat.h>

#define DIR_MODE 0700

/* Each folder above the last one, as mkdir -p; what fails shows when the next is made. */
static void make_above(char *path) {
        for (char *p = path + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = '\0';
                mkdir(path, DIR_MODE);
                *p = '/';
        }
}

bool datadir_make(const char *dir) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        struct stat st;
        buf_add_str(&path, dir);
        char *text = buf_cstr(&path);
        if (!buf_ok(&path)) {
                errno = ENOMEM;
                return false;
        }
        make_above(text);
        if (mkdir(text, DIR_MODE) == 0)
                return chmod(text, DIR_MODE) == 0; /* a umask can only have taken bits away: give them back */
        if (errno != EEXIST || stat(text, &st) != 0)
                return false;
        if (S_ISDIR(st.st_mode))
                return true;
        errno = ENOTDIR;
        return false;
}
