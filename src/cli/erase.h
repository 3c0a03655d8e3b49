/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `me erase` finds of this household, to be taken back or destroyed. It is looked up anew each time: so the command needs no
 * memory of its own, and goes on where it was cut off.
 */
#pragma once

#include "cli/ledger.h"

struct erase {
        struct cli *c;
        const struct args *a;
        struct buf name; /* the household's */
        struct buf
                records; /* ids, 32 bytes each, of alerts, asks, notices and words on others' alerts that are in force */
        struct buf followed;  /* of others' alerts on which somebody has said something */
        struct buf grants;    /* of grants that can be taken back */
        struct buf clips;     /* of own clips */
        struct buf copies;    /* paths of clear copies that were made here, a line each */
        struct buf unreached; /* names of homes that have not said that their copy is gone, with ", " between them */
        size_t n_unreached;
        size_t n_copies;
        struct ledger_page page; /* of grants, under way */
};

/* 0 or an exit code (said). */
int erase_look(struct erase *e);
/* Looks at the grants alone. 0 or an exit code (said). */
int erase_look_grants(struct erase *e);
void erase_fini(struct erase *e);
