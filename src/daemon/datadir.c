/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/datadir.h"
#include "base/buf.h"

#include <errno.h>
#include <sys/stat.h>

#define DIR_MODE 0700
#define PASS_BITS 0011
#define MODE_BITS 07777

/* Each folder above the last one, as mkdir -p. Why the first could not be made that is not there: an errno, or 0. */
static int make_above(char *path, mode_t mode) {
        int why = 0;
        for (char *p = path + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = '\0';
                if (mkdir(path, mode) == 0)
                        chmod(path, mode); /* a umask can only have taken bits away: give them back */
                else if (!why && errno != EEXIST)
                        why = errno;
                *p = '/';
        }
        return why;
}

static bool let_pass(const char *path, mode_t mode) {
        return (mode & PASS_BITS) == PASS_BITS || chmod(path, (mode & MODE_BITS) | PASS_BITS) == 0;
}

bool datadir_make(const char *dir, bool passable) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        mode_t mode = passable ? DIR_MODE | PASS_BITS : DIR_MODE;
        struct stat st;
        buf_add_str(&path, dir);
        char *text = buf_cstr(&path);
        if (!buf_ok(&path)) {
                errno = ENOMEM;
                return false;
        }
        int above = make_above(text, mode);
        if (mkdir(text, mode) == 0)
                return chmod(text, mode) == 0;
        if (errno == ENOENT && above)
                errno = above; /* "no such folder" says nothing of who may not make it */
        if (errno != EEXIST || stat(text, &st) != 0)
                return false;
        if (S_ISDIR(st.st_mode))
                return !passable || let_pass(text, st.st_mode);
        errno = ENOTDIR;
        return false;
}
