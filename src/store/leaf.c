/* SPDX-License-Identifier: Apache-2.0 */
#include "store/leaf.h"

#define FILE_HEADER 100 /* bytes of page 1 before what every page has */
#define USABLE (PAGE_BYTES - PAGE_SUM)
#define HEAD_LEAF 8
#define HEAD_INNER 12
#define CHILD 4             /* bytes of a page's number */
#define ROW_MAX (64 * 1024) /* nothing the store keeps comes near */

/* The first byte of a page. */
enum { INNER_ENTRIES = 2, INNER_ROWS = 5, ENTRIES = 10, ROWS = 13 };

static size_t head_at(uint32_t number) {
        return number == 1 ? FILE_HEADER : 0;
}

enum leaf_kind leaf_kind(const uint8_t page[PAGE_BYTES], uint32_t number) {
        switch (page[head_at(number)]) {
        case ROWS:
                return LEAF_ROWS;
        case ENTRIES:
                return LEAF_ENTRIES;
        case INNER_ROWS:
                return LEAF_INNER_ROWS;
        case INNER_ENTRIES:
                return LEAF_INNER_ENTRIES;
        default: /* not an enumeration: a free page, or one that a row goes on in */
                return LEAF_NONE;
        }
}

static bool is_inner(const uint8_t page[PAGE_BYTES], uint32_t number) {
        enum leaf_kind kind = leaf_kind(page, number);
        return kind == LEAF_INNER_ROWS || kind == LEAF_INNER_ENTRIES;
}

uint32_t leaf_cells(const uint8_t page[PAGE_BYTES], uint32_t number) {
        return leaf_kind(page, number) == LEAF_NONE ? 0 : get_be16(page + head_at(number) + 3);
}

/* Where cell @i begins, and what is left of the page from there. */
static struct span cell(const uint8_t page[PAGE_BYTES], uint32_t number, uint32_t i) {
        size_t place = head_at(number) + (is_inner(page, number) ? HEAD_INNER : HEAD_LEAF) + 2 * (size_t)i;
        size_t at = i < leaf_cells(page, number) && place + 2 <= USABLE ? get_be16(page + place) : 0;
        return at && at < USABLE ? span_of(page + at, USABLE - at) : SPAN_NONE;
}

uint32_t leaf_child(const uint8_t page[PAGE_BYTES], uint32_t number, uint32_t i) {
        if (!is_inner(page, number))
                return 0;
        if (i == leaf_cells(page, number))
                return get_be32(page + head_at(number) + HEAD_LEAF);
        struct span s = cell(page, number, i);
        return s.n >= CHILD ? get_be32(s.p) : 0;
}

/* ---- numbers ---- */

static bool take_varint(struct span *s, uint64_t *ret) {
        uint64_t v = 0;
        for (size_t i = 0; i < 9 && i < s->n; i++) {
                uint8_t byte = s->p[i];
                bool last = i == 8 || !(byte & 0x80);
                v = i == 8 ? v << 8 | byte : v << 7 | (byte & 0x7f);
                if (last) {
                        *s = span_from(*s, i + 1);
                        *ret = v;
                        return true;
                }
        }
        return false;
}

/* Two's complement, in as many bytes as it takes. */
static int64_t integer(struct span s) {
        uint64_t v = s.n && s.p[0] & 0x80 ? UINT64_MAX : 0;
        for (size_t i = 0; i < s.n; i++)
                v = v << 8 | s.p[i];
        return (int64_t)v;
}

/* ---- values ---- */

static size_t value_bytes(uint64_t type) {
        static const uint8_t sizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
        return type < ARRAY_LEN(sizes) ? sizes[type] : (size_t)((type - 12) / 2);
}

static struct leaf_value value_of(uint64_t type, struct span s) {
        if (type == 0)
                return (struct leaf_value){.type = LEAF_NULL};
        if (type <= 6)
                return (struct leaf_value){.type = LEAF_INTEGER, .integer = integer(s)};
        if (type == 8 || type == 9)
                return (struct leaf_value){.type = LEAF_INTEGER, .integer = (int64_t)type - 8};
        if (type < 12)
                return (struct leaf_value){.type = LEAF_OTHER};
        return (struct leaf_value){.type = type % 2 ? LEAF_TEXT : LEAF_BLOB, .bytes = s};
}

static bool take_values(struct leaf_row *row) {
        struct span head = buf_span(&row->bytes), body;
        uint64_t n, type;
        if (!take_varint(&head, &n) || n > row->bytes.n)
                return false;
        body = span_from(buf_span(&row->bytes), (size_t)n);
        if (head.n < body.n)
                return false;
        head.n -= body.n;
        for (row->n_values = 0; head.n; row->n_values++) {
                if (row->n_values == LEAF_VALUES_MAX || !take_varint(&head, &type) || value_bytes(type) > body.n)
                        return false;
                row->values[row->n_values] = value_of(type, span_of(body.p, value_bytes(type)));
                body = span_from(body, value_bytes(type));
        }
        return body.n == 0;
}

/* ---- bytes ---- */

/* How many of @n stand in the page itself. */
static size_t bytes_here(size_t n, bool rows) {
        size_t most = rows ? USABLE - 35 : (USABLE - 12) * 64 / 255 - 23, least = (USABLE - 12) * 32 / 255 - 23;
        size_t fit = n <= most ? n : least + (n - least) % (USABLE - 4);
        return fit <= most ? fit : least;
}

/* The rest, from page to page. */
static bool follow(struct image *m, uint32_t next, size_t left, struct buf *out) {
        uint8_t page[PAGE_BYTES];
        while (left) {
                if (!image_page(m, next, page))
                        return false;
                size_t n = MIN(left, (size_t)USABLE - CHILD);
                buf_add(out, span_of(page + CHILD, n));
                next = get_be32(page);
                left -= n;
        }
        return buf_ok(out);
}

bool leaf_row(struct image *m, const uint8_t page[PAGE_BYTES], uint32_t number, uint32_t i, struct leaf_row *ret) {
        struct span s = cell(page, number, i);
        bool rows = leaf_kind(page, number) == LEAF_ROWS;
        uint64_t size, n = 0;
        if (leaf_kind(page, number) == LEAF_INNER_ROWS || (is_inner(page, number) && s.n < CHILD))
                return false;
        if (is_inner(page, number))
                s = span_from(s, CHILD);
        if (!take_varint(&s, &size) || size > ROW_MAX || (rows && !take_varint(&s, &n)))
                return false;
        size_t here = bytes_here((size_t)size, rows);
        if (here + (here < size ? CHILD : 0) > s.n)
                return false;
        buf_clear(&ret->bytes);
        buf_add(&ret->bytes, span_of(s.p, here));
        if (here < size && !follow(m, get_be32(s.p + here), (size_t)size - here, &ret->bytes))
                return false;
        ret->n = (int64_t)n;
        return buf_ok(&ret->bytes) && take_values(ret);
}
