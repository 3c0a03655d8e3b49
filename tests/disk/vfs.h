/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite on the disk of memory (platter.h). */
#pragma once

#include <stdbool.h>

/* What is broken on purpose, to see the tests see it. */
enum sabotage {
        SABOTAGE_NONE,
        SABOTAGE_NO_SYNC,   /* no file is ever synced */
        SABOTAGE_EARLY_ACK, /* a step counts as acknowledged when it begins */
        SABOTAGE_KEEP_LOG,  /* the log is never truncated */
        SABOTAGE_LAZY_LOG,  /* an empty log is not synced, as SQLite itself would have it */
        SABOTAGE_NO_FOLDER, /* no name is ever synced */
        SABOTAGE_SWALLOW,   /* the caller takes a failed step for a done one */
        SABOTAGE_NO_SUMS,   /* sums are those of whatever the disk gives back */
        SABOTAGES
};
extern enum sabotage sabotage;
bool sabotage_parse(const char *name);

/* Before anything else uses SQLite. */
void vfs_register(void);
