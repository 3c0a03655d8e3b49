/* SPDX-License-Identifier: Apache-2.0 */
/* What a notice and an ask may say: see asks.c. */
#pragma once

#include "porchlight/mesh.h"

/* Does a record that opened to this say something that may be shown? */
bool asks_notice_means(const struct mesh *m, const struct wire_record *w, const struct wire_notice *n);
bool asks_ask_means(const struct mesh *m, const struct wire_record *w, const struct wire_ask *a);

/* What a draft becomes, but for its salt, and the seconds it lives. @ret borrows @d. DONE, or what is wrong with it. */
enum mesh_outcome asks_notice(const struct mesh *m, const struct mesh_draft *d, struct wire_notice *ret,
                              uint64_t *ret_life);
enum mesh_outcome asks_ask(const struct mesh *m, const struct mesh_draft *d, struct wire_ask *ret, uint64_t *ret_life);
