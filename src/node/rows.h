/* SPDX-License-Identifier: Apache-2.0 */
/* What people see of the roster and the store: names instead of keys. */
#pragma once

#include "base/buf.h"
#include "node/internal.h"

#define ROWS_NAME_MAX 49 /* with its NUL */

/* The household's name; with the first hex digits of its key where another home's name looks alike; only those if it is
 * not known. Returns @ret. */
const char *rows_household(const struct node *n, const struct key *household, char ret[ROWS_NAME_MAX]);
const char *rows_device(const struct node *n, const struct key *device, char ret[ROWS_NAME_MAX]);

/* Does it begin with these hex digits, 4 of them at least? */
bool rows_id_begins(const struct key *id, struct span digits);
/* "noise, Number 9 and 3 more": what is muted now; nothing if nothing is. */
void rows_mutes(const struct node *n, struct buf *out);

/* How this home is reached; what the row's lists point to stands in @store, which begins empty. Only what it says of `listen`,
 * `reach` and FIELDS_C_REACH is written. */
struct rows_reach {
        struct buf listen, four, six;
};
void rows_reach_status(const struct node *n, struct wire_c_status *row, struct rows_reach *store);
void rows_reach_ticket(const struct node *n, struct wire_c_ticket *row, struct rows_reach *store);
void rows_reach_mesh(const struct node *n, struct wire_c_mesh *row, struct rows_reach *store);
void rows_reach_fini(struct rows_reach *r);

struct rows_alert {
        struct wire_c_alert w;
        char household[ROWS_NAME_MAX], cell[16];
};
struct rows_ask {
        struct wire_c_ask w;
        char household[ROWS_NAME_MAX], cell[16];
};
/* @clips: how many fit is told, too. @ret->w points into @ret and @a. */
void rows_ask(const struct node *n, const struct store_ask *a, bool clips, struct rows_ask *ret);
struct rows_notice {
        struct wire_c_notice w;
        char household[ROWS_NAME_MAX], cell[16];
};
void rows_notice(const struct node *n, const struct store_notice *a, struct rows_notice *ret);
/* @ret->w points into @ret and @a. */
void rows_alert(const struct node *n, const struct store_alert *a, struct rows_alert *ret);
