/* SPDX-License-Identifier: Apache-2.0 */
/* See bundle.h. */
#include "proof/bundle.h"

#define HASH_BYTES sizeof(struct hash)
#define BIT(kind) (1u << SECTION_##kind)

/* What may stand where, and how long it may be. */
static const struct {
        uint32_t min, max;
        unsigned behind; /* which */
} sections[] = {
        [SECTION_MESH] = {HASH_BYTES, HASH_BYTES, 0},
        [SECTION_MANIFEST] = {64, MANIFEST_BYTES_MAX, BIT(MESH)},
        [SECTION_KEY] = {32, 32, BIT(MANIFEST)},
        [SECTION_LIST] = {HASH_BYTES, HASH_BYTES *CHUNKS_MAX, BIT(KEY)},
        [SECTION_OP] = {64, OP_BYTES_MAX, BIT(LIST) | BIT(OP)},
        [SECTION_RECORD] = {64, RECORD_BYTES_MAX, BIT(OP) | BIT(RECORD)},
        [SECTION_LINE] = {1, ENTRY_BYTES_MAX, BIT(OP) | BIT(RECORD) | BIT(LINE) | BIT(HIDDEN)},
        [SECTION_HIDDEN] = {HASH_BYTES, HASH_BYTES *BUNDLE_HIDDEN_MAX, BIT(LINE) | BIT(HIDDEN)},
        [SECTION_BUNDLE] = {64, BUNDLE_BYTES_MAX, BIT(LINE)},
        [SECTION_CHUNK] = {CHUNK_TAG, CHUNK_CIPHER, BIT(BUNDLE) | BIT(CHUNK)},
};

static void put_head(uint8_t ret[BUNDLE_HEAD], enum wire_e_section kind, size_t n) {
        ret[0] = (uint8_t)kind;
        put_be32(ret + 1, (uint32_t)n);
}

/* PROTOCOL 16.3: "The *sum* of the sections so far is `0^32` before the first, and behind each `hash(BUNDLE_SUM, mesh, the sum before
 * || the section)`, its kind and length included." */
static void sum_move(struct hash *sum, const struct hash *mesh, const uint8_t head[BUNDLE_HEAD], struct span bytes) {
        const struct hash before = *sum;
        const struct span parts[] = {SPAN_OF(before.b), span_of(head, BUNDLE_HEAD), bytes};
        hash_make_n(sum, DOMAIN_BUNDLE_SUM, mesh, parts, ARRAY_LEN(parts));
}

/* ---- writing ---- */

void bundle_begin(struct bundle_out *o, const struct hash *mesh) {
        *o = (struct bundle_out){.bytes = BUF_NULL, .mesh = *mesh};
        buf_add(&o->bytes, SPAN_STR(BUNDLE_TITLE));
        bundle_put(o, SECTION_MESH, SPAN_OF(mesh->b));
}

void bundle_put(struct bundle_out *o, enum wire_e_section kind, struct span bytes) {
        uint8_t head[BUNDLE_HEAD];
        put_head(head, kind, bytes.n);
        sum_move(&o->sum, &o->mesh, head, bytes);
        buf_add(&o->bytes, SPAN_OF(head));
        buf_add(&o->bytes, bytes);
}

void bundle_chunk_head(uint8_t ret[BUNDLE_HEAD], size_t bytes) {
        put_head(ret, SECTION_CHUNK, bytes);
}

/* ---- reading ---- */

static int take(struct bundle_in *in, uint8_t *p, size_t n, size_t *ret) {
        *ret = 0;
        while (*ret < n) {
                size_t got = 0;
                int r = in->read(in->arg, p + *ret, n - *ret, &got);
                if (r)
                        return r;
                if (got == 0)
                        break;
                *ret += got;
        }
        return 0;
}

static bool may_stand(const struct bundle_in *in, unsigned kind, uint32_t n) {
        if (kind == 0 || kind >= ARRAY_LEN(sections) || n < sections[kind].min || n > sections[kind].max)
                return false;
        return in->kind ? sections[kind].behind & (1u << in->kind) : kind == SECTION_MESH;
}

/* Memory is asked for only when the section may be so long, and the longest is 2 MiB. */
static int take_bytes(struct bundle_in *in, uint32_t n) {
        size_t got;
        buf_clear(&in->bytes);
        uint8_t *room = buf_room(&in->bytes, n);
        int r = room ? take(in, room, n, &got) : ERR_NOMEM;
        if (r)
                return r;
        buf_used(&in->bytes, got);
        return got == n ? 0 : BUNDLE_E_CUT;
}

/* The sum takes in a section when the next one is asked for: the owner's word is compared with what stands before it. */
static void sum_last(struct bundle_in *in) {
        uint8_t head[BUNDLE_HEAD];
        if (in->kind == 0 || in->kind >= SECTION_BUNDLE)
                return;
        put_head(head, in->kind, in->bytes.n);
        sum_move(&in->sum, &in->mesh, head, buf_span(&in->bytes));
}

int bundle_next(struct bundle_in *in) {
        uint8_t head[BUNDLE_HEAD];
        size_t got;
        sum_last(in);
        int r = take(in, head, sizeof(head), &got);
        if (r)
                return r;
        in->over = got == 0;
        if (got < sizeof(head))
                return in->over ? 0 : BUNDLE_E_CUT;
        uint32_t n = get_be32(head + 1);
        if (!may_stand(in, head[0], n))
                return BUNDLE_E_SHAPE;
        in->kind = (enum wire_e_section)head[0];
        if (in->kind != SECTION_CHUNK && (in->papers += sizeof(head) + n) > BUNDLE_PAPERS_MAX)
                return BUNDLE_E_LARGE;
        r = take_bytes(in, n);
        if (r == 0 && in->kind == SECTION_MESH)
                memcpy(in->mesh.b, in->bytes.p, sizeof(in->mesh));
        return r;
}

int bundle_open(struct bundle_in *in) {
        uint8_t title[BUNDLE_TITLE_BYTES];
        size_t got;
        int r = take(in, title, sizeof(title), &got);
        if (r)
                return r;
        if (got < sizeof(title) || memcmp(title, BUNDLE_TITLE, sizeof(title)) != 0)
                return BUNDLE_E_NOT;
        r = bundle_next(in);
        return r ? r : in->over ? BUNDLE_E_CUT : 0;
}

void bundle_fini(struct bundle_in *in) {
        buf_wipe(&in->bytes); /* a clip's key went through it */
}
