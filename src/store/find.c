/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which row is whose. Records and keys are found by 32 bytes through an index of SQLite's, and a worn disk may have changed
 * what stands there, so that it leads to another's row, or to none. So the row itself is asked whose it is: what it denies
 * is used by nobody, and the indexes are made anew (mend.c).
 */
#include "store/inside.h"

int find_row(struct sql *q, enum sql_id id, const uint8_t name[32], struct found *ret) {
        _sql_ st = sql_get(q, id);
        sql_bind_32(st, 1, name);
        bool row;
        int r = sql_next(q, st, &row);
        *ret = (struct found){.astray = r == STORE_E_DAMAGED};
        if (r || !row)
                return ret->astray ? 0 : r;
        ret->n = sql_u64(st, 0);
        ret->astray = !ret->n || !span_eq(sql_span(st, 1), span_of(name, 32));
        return 0;
}
