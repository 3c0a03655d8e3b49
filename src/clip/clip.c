/* SPDX-License-Identifier: Apache-2.0 */
#include "clip/clip.h"

#include "base/err.h"

#include <stddef.h>

#define CLIP_OBJECT_MAX 960 /* the longest of them, in proto/clips.def */

struct object {
        const struct wire_desc *desc;
        enum domain domain;
        uint8_t key;        /* of the signature, the last */
        size_t signer, sig; /* where the struct has them: spans */
};

#define OBJECT(NAME, name, who)                                                                                        \
        [CLIP_##NAME] = {&wire_##name##_desc, DOMAIN_##NAME, NAME##_KEY_sig, offsetof(struct wire_##name, who),        \
                         offsetof(struct wire_##name, sig)}
static const struct object objects[] = {
        OBJECT(MANIFEST, manifest, device),        OBJECT(GRANT, grant, household),
        OBJECT(RECEIPT, receipt, household),       OBJECT(ATTEST, attest, device),
        OBJECT(GRANT_OVER, grant_over, household), OBJECT(BUNDLE, bundle, household),
        OBJECT(REQUEST, request, device),          OBJECT(RULE, rule, household),
};

static struct span span_at(const void *msg, size_t offset) {
        struct span s;
        memcpy(&s, (const uint8_t *)msg + offset, sizeof(s));
        return s;
}

/* ---- rules ---- */

static bool manifest_right(const struct wire_manifest *w) {
        /* PROTOCOL 15.6: "`chunks` MUST be the number of chunks that a file of `size` bytes has." */
        if (w->chunks != chunk_count(w->size))
                return false;
        /* PROTOCOL 15.7: "`prev` MUST be there where `seq` is not 0, and only there; `parent` and `changes` MUST be there
         * together or not at all; of `from` and `to` neither without the other, and `to` not before `from`." */
        if (WIRE_HAS(w, MANIFEST, prev) != (w->seq > 0) ||
            WIRE_HAS(w, MANIFEST, parent) != WIRE_HAS(w, MANIFEST, changes) ||
            WIRE_HAS(w, MANIFEST, from) != WIRE_HAS(w, MANIFEST, to))
                return false;
        if (WIRE_HAS(w, MANIFEST, from) && w->to < w->from)
                return false;
        return !WIRE_HAS(w, MANIFEST, seen) || w->seen.n % 32 == 0;
}

static bool grant_right(const struct wire_grant *w) {
        /* PROTOCOL 15.10: "A grant MUST expire after it was made. It names a `device` where `to` is the owner itself, and
         * only there." */
        return w->expires > w->created && WIRE_HAS(w, GRANT, device) == span_eq(w->to, w->household) &&
               WIRE_HAS(w, GRANT, prev) == (w->line > 0);
}

/* PROTOCOL 15.76: "It names two to four households, each once and none of them its owner's, and MUST expire after it was made, and
 * at most 30 days after." */
static bool rule_right(const struct wire_rule *w) {
        for (size_t i = 0; i < w->homes.n; i += sizeof(struct key)) {
                struct span rest = span_from(w->homes, i), home = span_of(rest.p, MIN(rest.n, sizeof(struct key)));
                if (home.n < sizeof(struct key) || span_eq(home, w->household))
                        return false;
                for (size_t k = 0; k < i; k += sizeof(struct key))
                        if (memcmp(w->homes.p + k, home.p, home.n) == 0)
                                return false;
        }
        return w->quorum <= w->homes.n / sizeof(struct key) && w->expires > w->created &&
               w->expires - w->created <= CLIP_RULE_LIFE_S;
}

/* PROTOCOL 15.60: "A request MUST expire after it was made, and at most 7 days after." */
static bool request_right(const struct wire_request *w) {
        return w->expires > w->created && w->expires - w->created <= CLIP_REQUEST_LIFE_S;
}

static bool right(enum clip_object what, const void *msg) {
        switch (what) {
        case CLIP_MANIFEST:
                return manifest_right(msg);
        case CLIP_GRANT:
                return grant_right(msg);
        case CLIP_RULE:
                return rule_right(msg);
        case CLIP_REQUEST:
                return request_right(msg);
        case CLIP_RECEIPT:
        case CLIP_ATTEST:
        case CLIP_GRANT_OVER:
        case CLIP_BUNDLE:
                return true;
        }
        return false;
}

/* ---- making and reading ---- */

/* Encoded with a signature of zeros, and signed in place. */
int clip_sign(enum clip_object what, const void *msg, const struct hash *mesh, const struct sign_key *signer,
              struct buf *out, struct hash *ret_id) {
        static const uint8_t none[SIGN_BYTES];
        const struct object *o = &objects[what];
        const struct span blank = SPAN_OF(none);
        uint8_t sig[SIGN_BYTES], room[CLIP_OBJECT_MAX];
        struct buf raw = BUF_ON(room);
        union wire_any copy;
        struct hash id;
        if (!right(what, msg) || !span_eq(span_at(msg, o->signer), SPAN_OF(signer->pub.b)))
                return CLIP_E_RULE;
        memcpy(&copy, msg, o->desc->size);
        memcpy((uint8_t *)&copy + o->sig, &blank, sizeof(blank));
        codec_encode(o->desc, &copy, &raw);
        if (!buf_ok(&raw))
                return CLIP_E_SHAPE;
        struct span before = codec_before(buf_span(&raw), o->key);
        hash_make(&id, o->domain, mesh, before);
        sign_make(sig, signer, o->domain, &id);
        codec_patch(&raw, before.n, SPAN_OF(sig));
        buf_add(out, buf_span(&raw));
        if (!buf_ok(out))
                return ERR_NOMEM;
        *ret_id = id;
        return 0;
}

int clip_read(enum clip_object what, struct span raw, const struct hash *mesh, void *ret, struct hash *ret_id) {
        const struct object *o = &objects[what];
        union wire_any msg;
        struct key signer;
        struct hash id;
        if (codec_decode(o->desc, raw, &msg, NULL))
                return CLIP_E_SHAPE;
        struct span before = codec_before(raw, o->key), sig = span_at(&msg, o->sig);
        /* PROTOCOL 15.5: "The signature MUST be the last pair of its map." */
        if (sig.p + sig.n != raw.p + raw.n)
                return CLIP_E_SHAPE;
        if (!right(what, &msg))
                return CLIP_E_RULE;
        memcpy(signer.b, span_at(&msg, o->signer).p, sizeof(signer.b));
        hash_make(&id, o->domain, mesh, before);
        if (!sign_check(sig.p, &signer, o->domain, &id))
                return CLIP_E_SIGNATURE;
        memcpy(ret, &msg, o->desc->size);
        *ret_id = id;
        return 0;
}

/* ---- the ledger ---- */

void ledger_line_hash(struct hash *ret, const struct hash *mesh, struct span raw) {
        hash_make(ret, DOMAIN_LINE, mesh, raw);
}

/* PROTOCOL 15.15: "The hash of a line is `hash(LEDGER, mesh, be64(its number) || hash of the line before || hash(LINE, mesh,
 * the line's map))`, the hash before the first being `0^32`." */
void ledger_skip(struct ledger *l, const struct hash *line) {
        const struct hash before = l->n ? l->last : (struct hash){0};
        uint8_t n[8];
        put_be64(n, l->n);
        const struct span parts[] = {SPAN_OF(n), SPAN_OF(before.b), SPAN_OF(line->b)};
        hash_make_n(&l->last, DOMAIN_LEDGER, &l->mesh, parts, ARRAY_LEN(parts));
        l->n++;
}

static void ledger_move(struct ledger *l, struct span raw) {
        struct hash line;
        ledger_line_hash(&line, &l->mesh, raw);
        ledger_skip(l, &line);
}

int ledger_add(struct ledger *l, struct wire_entry *line, struct buf *out) {
        uint8_t room[ENTRY_BYTES_MAX];
        struct buf raw = BUF_ON(room);
        line->n = l->n;
        if (l->n)
                WIRE_PUT(line, ENTRY, prev, SPAN_OF(l->last.b));
        codec_encode(&wire_entry_desc, line, &raw);
        if (!buf_ok(&raw))
                return CLIP_E_SHAPE;
        buf_add(out, buf_span(&raw));
        if (!buf_ok(out))
                return ERR_NOMEM;
        ledger_move(l, buf_span(&raw));
        return 0;
}

int ledger_take(struct ledger *l, struct span raw, struct wire_entry *ret) {
        struct wire_entry line;
        if (codec_decode(&wire_entry_desc, raw, &line, NULL))
                return LEDGER_E_LINE;
        /* PROTOCOL 15.16: "A line whose number is not the next, or that does not name the hash of the line before, MUST be
         * told as a broken chain, with its number." */
        bool follows =
                WIRE_HAS(&line, ENTRY, prev) == (l->n > 0) && (l->n == 0 || span_eq(line.prev, SPAN_OF(l->last.b)));
        if (line.n != l->n || !follows)
                return LEDGER_E_CHAIN;
        ledger_move(l, raw);
        *ret = line;
        return 0;
}

struct wire_o_entry ledger_row(const struct wire_entry *e, const struct hash *hash) {
        struct wire_o_entry row = {.v = 1, .n = e->n, .what = e->what, .time = e->time, .hash = SPAN_OF(hash->b)};
        if (WIRE_HAS(e, ENTRY, clip))
                WIRE_PUT(&row, O_ENTRY, clip, e->clip);
        if (WIRE_HAS(e, ENTRY, grant))
                WIRE_PUT(&row, O_ENTRY, grant, e->grant);
        if (WIRE_HAS(e, ENTRY, who))
                WIRE_PUT(&row, O_ENTRY, who, e->who);
        if (WIRE_HAS(e, ENTRY, text))
                WIRE_PUT(&row, O_ENTRY, text, e->text);
        return row;
}
