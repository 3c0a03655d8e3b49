/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our reader and codec against msgpack-c: whatever ours accepts, msgpack-c's unpacker must accept with the same values, and
 * decode, encode, decode is stable. The input begins with a name and a NUL, which say what the rest is: a message, one value
 * for wire_skip() ("skip"), or a frame of one of the three conversations ("link", "control", "owner").
 */
#include <msgpack.h>
#include <stdlib.h>

#include "wire/codec.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DESC_OF(name, ...) &wire_##name##_desc,
static const struct wire_desc *const messages[] = {WIRE_MESSAGES(DESC_OF)};
static const struct {
        const char *name;
        const struct wire_number *(*find)(uint64_t);
} conversations[] = {{"link", wire_link_find}, {"control", wire_control_find}, {"owner", wire_owner_find}};

#define DEPTH_MAX 16 /* nesting that the oracle is asked to follow; ours stops long before */

/* ---- a whole value, read by both ---- */

static void same_value(struct wire_reader *r, const msgpack_object *o, unsigned depth);

static void same_array(struct wire_reader *r, const msgpack_object_array *a, unsigned depth) {
        REQUIRE(wire_get_array(r) == a->size);
        for (uint32_t i = 0; i < a->size; i++)
                same_value(r, &a->ptr[i], depth + 1);
}

static void same_map(struct wire_reader *r, const msgpack_object_map *m, unsigned depth) {
        REQUIRE(wire_get_map(r) == m->size);
        for (uint32_t i = 0; i < m->size; i++) {
                same_value(r, &m->ptr[i].key, depth + 1);
                same_value(r, &m->ptr[i].val, depth + 1);
        }
}

/* Reads with our reader what msgpack-c says stands here. */
static void same_value(struct wire_reader *r, const msgpack_object *o, unsigned depth) {
        REQUIRE(depth < DEPTH_MAX);
        switch (o->type) {
        case MSGPACK_OBJECT_BOOLEAN:
                REQUIRE(wire_get_bool(r) == o->via.boolean);
                break;
        case MSGPACK_OBJECT_POSITIVE_INTEGER:
                REQUIRE(wire_get_u64(r) == o->via.u64);
                break;
        case MSGPACK_OBJECT_NEGATIVE_INTEGER:
                REQUIRE(wire_get_i64(r) == o->via.i64);
                break;
        case MSGPACK_OBJECT_STR:
                REQUIRE(span_eq(wire_get_str(r), span_of(o->via.str.ptr, o->via.str.size)));
                break;
        case MSGPACK_OBJECT_BIN:
                REQUIRE(span_eq(wire_get_bin(r), span_of(o->via.bin.ptr, o->via.bin.size)));
                break;
        case MSGPACK_OBJECT_ARRAY:
                same_array(r, &o->via.array, depth);
                break;
        case MSGPACK_OBJECT_MAP:
                same_map(r, &o->via.map, depth);
                break;
        case MSGPACK_OBJECT_NIL:
        case MSGPACK_OBJECT_FLOAT32:
        case MSGPACK_OBJECT_FLOAT64:
        case MSGPACK_OBJECT_EXT:
                REQUIRE(!"ours accepts nil, a float or an ext");
        }
        REQUIRE(wire_reader_ok(r));
}

static void unpack(msgpack_unpacked *ret, struct span raw) {
        size_t off = 0;
        msgpack_unpacked_init(ret);
        REQUIRE(msgpack_unpack_next(ret, (const char *)raw.p, raw.n, &off) == MSGPACK_UNPACK_SUCCESS);
        REQUIRE(off == raw.n);
}

static void check_skip(struct span in) {
        struct wire_reader r = wire_reader(in);
        struct span raw = wire_skip(&r);
        if (!wire_reader_ok(&r))
                return;
        msgpack_unpacked oracle;
        unpack(&oracle, raw);
        struct wire_reader again = wire_reader(raw);
        same_value(&again, &oracle.data, 0);
        REQUIRE(wire_reader_end(&again));
        msgpack_unpacked_destroy(&oracle);
}

/* ---- a message, decoded by both ---- */

static const msgpack_object *map_get(const msgpack_object *o, uint64_t key) {
        REQUIRE(o->type == MSGPACK_OBJECT_MAP);
        for (uint32_t i = 0; i < o->via.map.size; i++) {
                const msgpack_object *k = &o->via.map.ptr[i].key;
                REQUIRE(k->type == MSGPACK_OBJECT_POSITIVE_INTEGER);
                if (k->via.u64 == key)
                        return &o->via.map.ptr[i].val;
        }
        return NULL;
}

static void same_message(const struct wire_desc *d, const void *msg, const msgpack_object *o);

static void same_list(const struct wire_field *f, struct wire_list list, const msgpack_object *o) {
        union wire_any item;
        REQUIRE(o->type == MSGPACK_OBJECT_ARRAY && o->via.array.size == list.count);
        for (uint32_t i = 0; i < o->via.array.size; i++) {
                REQUIRE(wire_list_next(f->of->desc, &list, &item));
                same_message(f->of->desc, &item, &o->via.array.ptr[i]);
        }
        REQUIRE(!wire_list_next(f->of->desc, &list, &item));
}

static void same_field(const struct wire_field *f, const void *member, const msgpack_object *o) {
        struct span s;
        int64_t i;
        switch ((enum wire_kind)f->kind) {
        case WIRE_U64:
        case WIRE_TIME:
        case WIRE_ENUM:
                REQUIRE(o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 == *(const uint64_t *)member);
                return;
        case WIRE_I64:
        case WIRE_DEG:
                memcpy(&i, member, sizeof(i));
                REQUIRE(o->type == (i < 0 ? MSGPACK_OBJECT_NEGATIVE_INTEGER : MSGPACK_OBJECT_POSITIVE_INTEGER));
                REQUIRE(o->via.i64 == i);
                return;
        case WIRE_BOOL:
                REQUIRE(o->type == MSGPACK_OBJECT_BOOLEAN && o->via.boolean == *(const bool *)member);
                return;
        case WIRE_BYTES:
                memcpy(&s, member, sizeof(s));
                REQUIRE(o->type == MSGPACK_OBJECT_BIN && span_eq(s, span_of(o->via.bin.ptr, o->via.bin.size)));
                return;
        case WIRE_STR:
                memcpy(&s, member, sizeof(s));
                REQUIRE(o->type == MSGPACK_OBJECT_STR && span_eq(s, span_of(o->via.str.ptr, o->via.str.size)));
                return;
        case WIRE_LIST:
                same_list(f, *(const struct wire_list *)member, o);
                return;
        }
}

static void same_message(const struct wire_desc *d, const void *msg, const msgpack_object *o) {
        uint64_t has;
        memcpy(&has, msg, sizeof(has));
        for (size_t i = 0; i < d->n; i++) {
                const struct wire_field *f = &d->fields[i];
                const msgpack_object *value = f->flag == WIRE_GONE ? NULL : map_get(o, f->key);
                REQUIRE((has >> f->key & 1) == (value != NULL));
                if (value)
                        same_field(f, (const uint8_t *)msg + f->offset, value);
        }
}

static void check_stable(const struct wire_desc *d, const void *msg, struct span in) {
        _clean_(buf_fini) struct buf first = BUF_NULL;
        _clean_(buf_fini) struct buf second = BUF_NULL;
        _clean_(buf_fini) struct buf json = BUF_NULL;
        union wire_any again;
        codec_encode(d, msg, &first);
        REQUIRE(buf_ok(&first));
        REQUIRE(first.n <= in.n); /* equal, but for unknown keys */
        REQUIRE(first.n < in.n || span_eq(buf_span(&first), in));
        REQUIRE(codec_decode(d, buf_span(&first), &again, NULL) == 0);
        codec_encode(d, &again, &second);
        REQUIRE(span_eq(buf_span(&first), buf_span(&second)));
        json_message(&json, d, msg);
        REQUIRE(buf_ok(&json) && json.n > 0);
}

static void check_message(const struct wire_desc *d, struct span in) {
        union wire_any msg;
        struct codec_why why = {0};
        if (codec_decode(d, in, &msg, &why)) {
                REQUIRE(why.message && why.field && why.what);
                return;
        }
        msgpack_unpacked oracle;
        unpack(&oracle, in);
        same_message(d, &msg, &oracle.data);
        msgpack_unpacked_destroy(&oracle);
        check_stable(d, &msg, in);
}

static void check_frame(struct span in, const struct wire_number *(*find)(uint64_t)) {
        struct wire_reader r = wire_reader(in);
        const struct wire_number *row;
        unsigned unknown = 0;
        struct span raw;
        while ((row = codec_next(&r, find, &unknown))) {
                if (codec_read(row->desc, &r, NULL, &raw, NULL))
                        return;
                check_message(row->desc, raw);
        }
}

static void check_named(struct span name, struct span in) {
        if (span_eq(name, SPAN_STR("skip")))
                check_skip(in);
        for (size_t i = 0; i < ARRAY_LEN(conversations); i++)
                if (span_eq(name, span_str(conversations[i].name)))
                        check_frame(in, conversations[i].find);
        for (size_t i = 0; i < ARRAY_LEN(messages); i++)
                if (span_eq(name, span_str(messages[i]->name)))
                        check_message(messages[i], in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
        if (!nul)
                return 0;
        size_t n = (size_t)(nul - data);
        check_named(span_of(data, n), span_of(nul + 1, size - n - 1));
        return 0;
}
