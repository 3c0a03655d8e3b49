/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of the file and how an older one becomes the present one.
 *
 * Step i leads from version i to i + 1; a new file takes all of them. An older file is never changed in place: it is copied
 * without its free pages, the copy is migrated and takes the old one's name when it is whole, so that a crash at any point
 * leaves either.
 */
#pragma once

#include "store/sql.h"

struct schema {
        const char *const *steps;
        size_t n; /* = the version this program writes */
};
extern const struct schema schema_current;

/* Makes DIR/porchlight.db or brings it up to date. @dir is resolved and locked. */
int schema_settle(const char *dir, const struct schema *schema);
/* Makes an empty store of DIR/porchlight.db.new, which is not there. */
int schema_make(const char *dir, const struct schema *schema);
/* Says whether the open file is a store of exactly this version. STORE_E_NEWER, STORE_E_DAMAGED. */
int schema_check(struct sql *q, const struct schema *schema);
