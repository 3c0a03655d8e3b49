/* SPDX-License-Identifier: Apache-2.0 */
/* What people see of papers. */
#pragma once

#include "node/papers.h"
#include "node/rows.h"

struct caller;

struct paper_given_row {
        struct wire_c_given w;
        char household[ROWS_NAME_MAX], cell[16];
};
struct paper_request_row {
        struct wire_c_requested w;
        char household[ROWS_NAME_MAX];
};
/* @ret->w points into @ret and @p. False: it is no such paper. */
bool paper_rows_given(const struct node *n, const struct paper *p, struct paper_given_row *ret);
bool paper_rows_request(const struct node *n, const struct paper *p, struct paper_request_row *ret);
void control_put_request(struct caller *c, const struct paper *p);
