/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/codec.h"

#include "base/text.h"
#include "wire/writer.h"

#define LIST_POISON UINT32_MAX /* a count beyond every row's bound: encoding such a list fails */

/* A field's value between the struct and the wire. */
union value {
        uint64_t u;
        int64_t i;
        bool b;
        struct span s;
        struct wire_list l;
};

static const size_t value_size[] = {
        [WIRE_U64] = sizeof(wire_t_U64),   [WIRE_I64] = sizeof(wire_t_I64),   [WIRE_BOOL] = sizeof(wire_t_BOOL),
        [WIRE_TIME] = sizeof(wire_t_TIME), [WIRE_ENUM] = sizeof(wire_t_ENUM), [WIRE_BYTES] = sizeof(wire_t_BYTES),
        [WIRE_STR] = sizeof(wire_t_STR),   [WIRE_LIST] = sizeof(wire_t_LIST), [WIRE_DEG] = sizeof(wire_t_DEG),
};

/* PROTOCOL 2.8: "An ENUM value that has no name in the tables but is within the row's bounds MUST be accepted and
 * kept." */
static const char *bounds_u64(const struct wire_field *f, uint64_t v) {
        if (v < f->min)
                return "too small";
        return v > f->max ? "too large" : NULL;
}

static const char *bounds_i64(const struct wire_field *f, int64_t v) {
        if (v < (int64_t)f->min)
                return "too small";
        return v > (int64_t)f->max ? "too large" : NULL;
}

static const char *bounds_length(const struct wire_field *f, size_t n) {
        if (n < f->min)
                return "too short";
        return n > f->max ? "too long" : NULL;
}

static const char *bounds_count(const struct wire_field *f, uint32_t n) {
        if (n < f->min)
                return "too few";
        return n > f->max ? "too many" : NULL;
}

/* PROTOCOL 2.6: "A decoder MUST refuse a value outside `min`…`max` of its row" */
/* What is wrong with a value, by its row's bounds; NULL: nothing. Encoder and decoder ask the same question. */
static const char *value_wrong(const struct wire_field *f, const union value *v) {
        switch ((enum wire_kind)f->kind) {
        case WIRE_U64:
        case WIRE_TIME:
        case WIRE_ENUM:
                return bounds_u64(f, v->u);
        case WIRE_I64:
        case WIRE_DEG:
                return bounds_i64(f, v->i);
        case WIRE_BOOL:
                return v->b >= f->min && v->b <= f->max ? NULL : "the wrong truth";
        case WIRE_BYTES:
        case WIRE_STR:
                return bounds_length(f, v->s.n);
        case WIRE_LIST:
                return bounds_count(f, v->l.count);
        }
        return "of no kind";
}

/* ---- encoding ---- */

static bool field_present(const struct wire_field *f, uint64_t has) {
        return f->flag == WIRE_REQ || (f->flag == WIRE_OPT && (has >> f->key & 1));
}

static void put_value(const struct wire_field *f, const union value *v, struct buf *out) {
        switch ((enum wire_kind)f->kind) {
        case WIRE_U64:
        case WIRE_TIME:
        case WIRE_ENUM:
                wire_put_u64(out, v->u);
                return;
        case WIRE_I64:
        case WIRE_DEG:
                wire_put_i64(out, v->i);
                return;
        case WIRE_BOOL:
                wire_put_bool(out, v->b);
                return;
        case WIRE_BYTES:
                wire_put_bin(out, v->s);
                return;
        case WIRE_STR:
                wire_put_str(out, v->s);
                return;
        case WIRE_LIST:
                wire_put_array(out, v->l.count);
                buf_add(out, v->l.items);
                return;
        }
}

static void put_field(const struct wire_field *f, const void *msg, struct buf *out) {
        union value v = {0};
        memcpy(&v, (const uint8_t *)msg + f->offset, value_size[f->kind]);
        if (value_wrong(f, &v) || (f->kind == WIRE_STR && !text_utf8(v.s))) {
                out->failed = true;
                return;
        }
        wire_put_u64(out, f->key);
        put_value(f, &v, out);
}

void codec_encode_until(const struct wire_desc *d, const void *msg, uint8_t key, struct buf *out, size_t *ret_at) {
        size_t from = out->n, at = 0;
        uint32_t pairs = 0;
        uint64_t has;
        memcpy(&has, msg, sizeof(has));
        for (size_t i = 0; i < d->n; i++)
                pairs += field_present(&d->fields[i], has);
        wire_put_map(out, pairs);
        for (size_t i = 0; i < d->n; i++) {
                if (!at && d->fields[i].key >= key)
                        at = out->n;
                if (field_present(&d->fields[i], has))
                        put_field(&d->fields[i], msg, out);
        }
        if (out->n - from > d->max)
                out->failed = true;
        *ret_at = at ? at : out->n;
}

void codec_encode(const struct wire_desc *d, const void *msg, struct buf *out) {
        size_t at;
        codec_encode_until(d, msg, UINT8_MAX, out, &at);
}

void codec_patch(struct buf *out, size_t at, struct span bytes) {
        struct wire_reader r = wire_reader(span_from(buf_span(out), at));
        wire_get_u64(&r);
        struct span old = wire_get_bin(&r);
        if (!wire_reader_ok(&r) || old.n != bytes.n) {
                out->failed = true;
                return;
        }
        memcpy(out->p + at + r.at - old.n, bytes.p, bytes.n);
}

/* ---- decoding ---- */

static bool read_map(const struct wire_desc *d, struct wire_reader *r, void *msg, unsigned depth,
                     struct codec_why *why);

static struct wire_list read_list(const struct wire_field *f, struct wire_reader *r, unsigned depth,
                                  struct codec_why *why) {
        struct wire_list list = {.count = wire_get_array(r)};
        if (bounds_count(f, list.count))
                return list;
        size_t from = r->at;
        for (uint32_t i = 0; i < list.count; i++)
                if (!read_map(f->of->desc, r, NULL, depth + 1, why))
                        return list;
        list.items = span_of(r->in.p + from, r->at - from);
        return list;
}

static union value read_value(const struct wire_field *f, struct wire_reader *r, unsigned depth,
                              struct codec_why *why) {
        switch ((enum wire_kind)f->kind) {
        case WIRE_U64:
        case WIRE_TIME:
        case WIRE_ENUM:
                return (union value){.u = wire_get_u64(r)};
        case WIRE_I64:
        case WIRE_DEG:
                return (union value){.i = wire_get_i64(r)};
        case WIRE_BOOL:
                return (union value){.b = wire_get_bool(r)};
        case WIRE_BYTES:
                return (union value){.s = wire_get_bin(r)};
        case WIRE_STR:
                return (union value){.s = wire_get_str(r)};
        case WIRE_LIST:
                return (union value){.l = read_list(f, r, depth, why)};
        }
        return (union value){0};
}

static void read_field(const struct wire_field *f, struct wire_reader *r, void *msg, unsigned depth,
                       struct codec_why *why) {
        union value v = read_value(f, r, depth, why);
        const char *wrong = r->why ? r->why : value_wrong(f, &v);
        if (wrong)
                wire_reader_fail(r, wrong);
        else if (msg)
                memcpy((uint8_t *)msg + f->offset, &v, value_size[f->kind]);
}

/* Notes what is wrong, unless a map further inside has done so, and returns false. */
static bool blame(struct codec_why *why, const struct wire_desc *d, const char *field, struct wire_reader *r,
                  const char *what) {
        wire_reader_fail(r, what);
        if (!why->message)
                *why = (struct codec_why){d->name, field, r->why};
        return false;
}

/* The first row from @f on whose key is at least @key, or, with a row in between that had to be there, that row: then
 * *ret_missing is set. */
static const struct wire_field *row_seek(const struct wire_desc *d, const struct wire_field *f, uint64_t key,
                                         bool *ret_missing) {
        const struct wire_field *end = d->fields + d->n;
        while (f < end && f->key < key && f->flag != WIRE_REQ)
                f++;
        *ret_missing = f < end && f->key < key;
        return f;
}

/* Reads one map by its descriptor. @msg is zero at first; NULL: only checks. False: *why and the reader say what is wrong. */
static bool read_map(const struct wire_desc *d, struct wire_reader *r, void *msg, unsigned depth,
                     struct codec_why *why) {
        if (depth > WIRE_DEPTH_MAX)
                return blame(why, d, "map", r, "nested too deep");
        const struct wire_field *f = d->fields, *end = d->fields + d->n;
        size_t from = r->at;
        uint64_t has = 0, key = 0;
        bool missing;
        uint32_t pairs = wire_get_map(r);
        for (uint32_t i = 0; i < pairs; i++) {
                uint64_t last = key;
                key = wire_get_u64(r);
                /* PROTOCOL 2.3: "The keys of a map MUST rise strictly." */
                if (r->why || (i && key <= last))
                        return blame(why, d, "map", r, "keys do not rise");
                f = row_seek(d, f, key, &missing);
                if (missing)
                        return blame(why, d, f->name, r, "missing");
                /* PROTOCOL 2.4: "A key that the tables do not have for the message, or that they mark GONE, MUST be
                 * skipped with its value" */
                bool known = f < end && f->key == key && f->flag != WIRE_GONE;
                if (known)
                        read_field(f, r, msg, depth, why);
                else
                        wire_skip(r);
                if (r->why)
                        return blame(why, d, known ? f->name : "unknown key", r, r->why);
                if (known) {
                        has |= UINT64_C(1) << key;
                        f++;
                }
        }
        if (r->why)
                return blame(why, d, "map", r, r->why);
        f = row_seek(d, f, UINT64_MAX, &missing);
        if (missing)
                return blame(why, d, f->name, r, "missing");
        /* PROTOCOL 2.9: "A whole map MUST NOT be longer than the "longest encoding" of its message in the tables." */
        if (r->at - from > d->max)
                return blame(why, d, "map", r, "too long");
        if (msg)
                memcpy(msg, &has, sizeof(has));
        return true;
}

/* Into a buffer of our own first: the caller's struct stays untouched until all is known to be well. */
static int read_any(const struct wire_desc *d, struct wire_reader *r, union wire_any *ret, struct codec_why *ret_why) {
        struct codec_why why = {0};
        if (CHECK_FAILS(d->size <= sizeof(*ret)))
                return ERR_BROKEN;
        memset(ret, 0, d->size);
        if (read_map(d, r, ret, 0, &why))
                return 0;
        if (ret_why)
                *ret_why = why;
        return CODEC_E_INPUT;
}

int codec_read(const struct wire_desc *d, struct wire_reader *r, void *ret_msg, struct span *ret_raw,
               struct codec_why *ret_why) {
        union wire_any msg;
        size_t from = r->at;
        int ret = read_any(d, r, &msg, ret_why);
        if (ret)
                return ret;
        if (ret_msg)
                memcpy(ret_msg, &msg, d->size);
        if (ret_raw)
                *ret_raw = span_of(r->in.p + from, r->at - from);
        return 0;
}

int codec_decode(const struct wire_desc *d, struct span in, void *ret_msg, struct codec_why *ret_why) {
        union wire_any msg;
        struct wire_reader r = wire_reader(in);
        int ret = read_any(d, &r, &msg, ret_why);
        if (ret)
                return ret;
        if (!wire_reader_end(&r)) {
                if (ret_why)
                        *ret_why = (struct codec_why){d->name, "map", "bytes follow it"};
                return CODEC_E_INPUT;
        }
        if (ret_msg)
                memcpy(ret_msg, &msg, d->size);
        return 0;
}

/* Finds where @key begins and where the pairs begin. False if @key is not there. */
static bool key_find(struct span raw, uint8_t key, size_t *ret_pairs, size_t *ret_at) {
        struct wire_reader r = wire_reader(raw);
        uint32_t pairs = wire_get_map(&r);
        size_t first = r.at;
        for (uint32_t i = 0; i < pairs && !r.why; i++) {
                size_t at = r.at;
                if (wire_get_u64(&r) == key && !r.why) {
                        *ret_pairs = first;
                        *ret_at = at;
                        return true;
                }
                wire_skip(&r);
        }
        return false;
}

struct span codec_before(struct span raw, uint8_t key) {
        size_t first, at;
        return key_find(raw, key, &first, &at) ? span_of(raw.p, at) : SPAN_NONE;
}

struct span codec_pairs_before(struct span raw, uint8_t key) {
        size_t first, at;
        return key_find(raw, key, &first, &at) ? span_of(raw.p + first, at - first) : SPAN_NONE;
}

/* ---- lists ---- */

bool wire_list_next(const struct wire_desc *d, struct wire_list *list, void *ret_msg) {
        struct wire_reader r = wire_reader(list->items);
        if (!list->count || codec_read(d, &r, ret_msg, NULL, NULL))
                return false;
        list->count--;
        list->items = span_from(list->items, r.at);
        return true;
}

void wire_list_add(const struct wire_desc *d, struct wire_list *list, struct buf *store, const void *msg) {
        size_t from = store->n - list->items.n;
        codec_encode(d, msg, store);
        if (!buf_ok(store) || list->count == LIST_POISON) {
                *list = (struct wire_list){.count = LIST_POISON}; /* its old items may have moved */
                return;
        }
        list->count++;
        list->items = span_from(buf_span(store), from);
}

/* ---- frames ---- */

/* PROTOCOL 8.11: "number 0 means that only zeros follow, and a receiver MUST hang up, `bad-frame`, where that is not
 * so" */
static void check_padding(struct wire_reader *r) {
        for (size_t i = r->at; i < r->in.n; i++)
                if (r->in.p[i])
                        wire_reader_fail(r, "padding is not zero");
        if (!r->why)
                r->at = r->in.n;
}

const struct wire_number *codec_next(struct wire_reader *r, const struct wire_number *(*find)(uint64_t),
                                     unsigned *unknown) {
        while (wire_reader_ok(r) && !wire_reader_end(r)) {
                uint64_t number = wire_get_u64(r);
                if (!wire_reader_ok(r))
                        return NULL;
                if (number == 0) {
                        check_padding(r);
                        return NULL;
                }
                const struct wire_number *row = find(number);
                if (row)
                        return row;
                /* PROTOCOL 8.12: "A message whose number is not known here MUST be skipped, within the limits of
                 * rule 2.5." */
                wire_skip(r);
                if (unknown)
                        ++*unknown;
        }
        return NULL;
}

void codec_put(const struct wire_number *row, const void *msg, struct buf *out) {
        wire_put_u64(out, row->number);
        codec_encode(row->desc, msg, out);
}
