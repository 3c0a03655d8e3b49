/* SPDX-License-Identifier: Apache-2.0 */
/* A file that a command writes: under its name whole or not at all. It is written beside it, made durable, and renamed. */
#pragma once

#include "cli/cli.h"

struct out_file {
        const char *path;
        struct buf temp;
        int fd;
        bool force; /* what stands there gives way */
        bool kept;
};

#define OUT_FILE_NULL ((struct out_file){.fd = -1})

/* @path from the root on, at most @most bytes of it. */
void outfile_absolute(struct buf *out, const char *path, size_t most);

/* Each: 0 or an exit code (said). */
int outfile_look(struct cli *c,
                 const struct out_file *f); /* what stands there is found out before work is done for it */
int outfile_open(struct cli *c, struct out_file *f);
int outfile_write(struct cli *c, const struct out_file *f, struct span s);
int outfile_keep(struct cli *c, struct out_file *f); /* it is whole */
void outfile_fini(struct out_file *f);               /* what was not kept goes */
