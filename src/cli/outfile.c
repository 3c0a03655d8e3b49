/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/outfile.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0600
#define TEMP_SUFFIX ".part"

void outfile_absolute(struct buf *out, const char *path, size_t most) {
        char here[PATH_MAX] = "";
        if (*path != '/' && getcwd(here, sizeof(here)))
                buf_printf(out, "%s/", here);
        buf_add_str(out, path);
        out->n = MIN(out->n, most);
}

void outfile_fini(struct out_file *f) {
        file_close(&f->fd);
        if (f->temp.n && !f->kept)
                unlink(buf_cstr(&f->temp));
        buf_fini(&f->temp);
}

static int cannot_write(struct cli *c, const struct out_file *f, int why) {
        if (why == EEXIST)
                return cli_fail(c, EXIT_REFUSED, "file-exists", "choose another name, or write over it with --force",
                                "%s is there already", f->path);
        if (file_full(why))
                return cli_fail(c, EXIT_FAILED, "disk-full", "free some space, or choose another disk",
                                "%s: %s; no part of it was left there", f->path, strerror(why));
        return cli_fail(c, EXIT_FAILED, "cannot-write", "check the path and its rights", "%s: %s", f->path,
                        strerror(why));
}

/* What stands there is found out before a passphrase is typed. */
int outfile_look(struct cli *c, const struct out_file *f) {
        struct stat st;
        if (lstat(f->path, &st) != 0)
                return errno == ENOENT ? 0 : cannot_write(c, f, errno);
        if (!S_ISREG(st.st_mode))
                return cli_fail(c, EXIT_REFUSED, "not-a-file", "give the name of a file", "%s is not a plain file",
                                f->path);
        return f->force ? 0 : cannot_write(c, f, EEXIST);
}

int outfile_open(struct cli *c, struct out_file *f) {
        buf_printf(&f->temp, "%s" TEMP_SUFFIX, f->path);
        if (!buf_ok(&f->temp))
                return cannot_write(c, f, ENOMEM);
        unlink(buf_cstr(&f->temp)); /* what a crash left of an earlier one */
        f->fd = open(buf_cstr(&f->temp), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        if (f->fd >= 0)
                return 0;
        int why = errno;
        buf_fini(&f->temp);
        return cannot_write(c, f, why);
}

int outfile_write(struct cli *c, const struct out_file *f, struct span s) {
        return file_write(f->fd, s) ? 0 : cannot_write(c, f, errno);
}

/* The new name is durable when its folder is. */
static int sync_folder(const char *path) {
        _clean_(file_close) int fd = -1;
        char *copy = strdup(path);
        if (!copy)
                return ENOMEM;
        fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int why = fd >= 0 && fsync(fd) == 0 ? 0 : errno;
        free(copy);
        return why == EINVAL ? 0 : why; /* file systems whose folders know no fsync */
}

static int give_name(const struct out_file *f, const char *temp) {
        unsigned flags = f->force ? 0 : RENAME_NOREPLACE;
        if (renameat2(AT_FDCWD, temp, AT_FDCWD, f->path, flags) == 0)
                return 0;
        if (errno != EINVAL || !flags)
                return errno;
        if (access(f->path, F_OK) == 0) /* a file system that cannot look and rename in one step */
                return EEXIST;
        return rename(temp, f->path) == 0 ? 0 : errno;
}

int outfile_keep(struct cli *c, struct out_file *f) {
        int why = fsync(f->fd) == 0 ? 0 : errno;
        if (!why && close(f->fd) != 0)
                why = errno;
        f->fd = why ? f->fd : -1;
        if (!why)
                why = give_name(f, buf_cstr(&f->temp));
        if (why)
                return cannot_write(c, f, why);
        f->kept = true;
        why = sync_folder(f->path);
        return why ? cannot_write(c, f, why) : 0;
}
