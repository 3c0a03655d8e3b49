/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in the pages of SQLite's trees, read without SQLite. Every page that comes here is whole (image.h); that what
 * stands in it is what SQLite would have written is checked all the same, and nothing is read past its end.
 *
 * The format: https://www.sqlite.org/fileformat2.html, sections 1.6 and 2.1.
 */
#pragma once

#include "base/buf.h"
#include "store/image.h"

enum leaf_kind {
        LEAF_NONE, /* no page of a tree */
        LEAF_ROWS,
        LEAF_ENTRIES, /* of an index, or of a table without row numbers */
        LEAF_INNER_ROWS,
        LEAF_INNER_ENTRIES,
};
enum leaf_kind leaf_kind(const uint8_t page[PAGE_BYTES], uint32_t number);
uint32_t leaf_cells(const uint8_t page[PAGE_BYTES], uint32_t number);
/* Of an inner page: the page that cell @i leads to, in order; one more than there are cells. 0: none. */
uint32_t leaf_child(const uint8_t page[PAGE_BYTES], uint32_t number, uint32_t i);

enum leaf_type { LEAF_NULL, LEAF_INTEGER, LEAF_BLOB, LEAF_TEXT, LEAF_OTHER };
struct leaf_value {
        enum leaf_type type;
        int64_t integer;
        struct span bytes;
};
#define LEAF_VALUES_MAX 32

/* A row or an entry, with what of it stands on pages of its own. */
struct leaf_row {
        int64_t n; /* of a row its number */
        size_t n_values;
        struct leaf_value values[LEAF_VALUES_MAX];
        struct buf bytes; /* that the values point into; the caller's to wipe */
};
/* False: it is not there, or a page it goes on in is damaged. */
bool leaf_row(struct image *m, const uint8_t page[PAGE_BYTES], uint32_t number, uint32_t i, struct leaf_row *ret);
