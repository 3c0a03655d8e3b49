/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the vault is told to obey besides root: a user of this machine, named on its command line or in porchlight.conf. */
#pragma once

#include "base/base.h"

#define OWNER_NOBODY UINT32_MAX /* the number no user has */

enum {
        OWNER_E_FILE = 1, /* the file cannot be read, or is too large; errno says why */
        OWNER_E_USER = 2, /* there is no such user */
};

/* A user's name, or a number. 0, OWNER_E_USER. */
int owner_find(struct span name, uint32_t *ret);
/* What `vault.owner = USER` says in the file, whose other lines are the daemon's matter. OWNER_NOBODY where the file is
 * not there or says nothing. 0, OWNER_E_*. */
int owner_read(const char *path, uint32_t *ret);
