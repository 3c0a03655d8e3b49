/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: a mesh may choose its rules, but only within bounds every node can hold. Beside each row's own bounds there is one
 * over several: the bitmap of used slots of a full mesh over the days a slot can matter must fit in memory.
 */
#include "roster/charter.h"

#define SLOT_DAYS 9                                    /* days for which a node remembers which slots were used */
#define SLOT_BITS_MAX (UINT64_C(16) * 1024 * 1024 * 8) /* of that memory, with every home at its full quota */

static const struct wire_charter_bound *bound_find(uint64_t key) {
        for (size_t i = 0; i < wire_charter_bounds_n; i++)
                if (wire_charter_bounds[i].key == key)
                        return &wire_charter_bounds[i];
        return NULL;
}

static bool slots_fit(const uint32_t *rows) {
        uint64_t slots = (uint64_t)rows[CHARTER_urgent] + rows[CHARTER_normal] + rows[CHARTER_notices];
        return rows[CHARTER_max_members] * slots * SLOT_DAYS <= SLOT_BITS_MAX;
}

/* PROTOCOL 5.5: "The charter MUST name only rows of `charter.def`, each at most once and within its bounds" */
bool charter_read(struct wire_list list, uint32_t ret[WIRE_CHARTER_END]) {
        struct wire_charter_row row;
        uint64_t seen = 0;
        memset(ret, 0, WIRE_CHARTER_END * sizeof(*ret));
        for (size_t i = 0; i < wire_charter_bounds_n; i++)
                ret[wire_charter_bounds[i].key] = wire_charter_bounds[i].preset;
        while (wire_list_next(&wire_charter_row_desc, &list, &row)) {
                const struct wire_charter_bound *b = bound_find(row.key);
                if (!b || (seen >> row.key & 1) || row.value < b->min || row.value > b->max)
                        return false;
                seen |= UINT64_C(1) << row.key;
                ret[row.key] = (uint32_t)row.value;
        }
        return slots_fit(ret);
}
