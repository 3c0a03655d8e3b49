/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdio.h>

#define PROGRESS_FROM (4 * 65536) /* bytes; less is there at once */
#define BAR 24
#define PERCENT 100

void progress_bar(const struct cli *c, uint64_t done, uint64_t all) {
        if (!c->err_tty || c->json)
                return;
        if (done >= all) {
                fputs("\r\033[K", stderr);
                return;
        }
        if (all < PROGRESS_FROM)
                return;
        unsigned full = (unsigned)(done * BAR / all);
        fprintf(stderr, "\r[%.*s%*s] %3u %%", (int)full, "########################", (int)(BAR - full), "",
                (unsigned)(done * PERCENT / all));
}
