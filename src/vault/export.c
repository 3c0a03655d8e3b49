/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle of evidence of a clip of this household (proof/proof.h, PROTOCOL 16). The line in the ledger is on the disk before
 * the clip's key is opened; it is the last line that the bundle shows. All papers are put together in one turn, so that no
 * line can come in between, and are signed; the chunks follow as the tool asks for them, each checked before it is handed out.
 */
#include "vault/reading.h"

#include "base/log.h"
#include "proof/proof.h"
#include "roster/roster.h"

struct collection {
        const struct hash *clip;
        struct bundle_out *out;
        struct proof_need need;
        uint64_t first, shown, lines; /* first: UINT64_MAX before there is one */
        struct buf hidden;            /* hashes that are not put yet */
        const struct hash *mesh;
};

static bool shows(const struct collection *c, const struct wire_entry *e) {
        if (WIRE_HAS(e, ENTRY, clip))
                return span_eq(e->clip, SPAN_OF(c->clip->b));
        return e->what == ENTRY_RESTORED && c->first != UINT64_MAX;
}

/* ---- who is needed ---- */

static void need_signer(struct collection *c, const struct wire_entry *e) {
        struct wire_receipt receipt;
        struct wire_attest attest;
        if (e->what == ENTRY_RECEIPT && codec_decode(&wire_receipt_desc, e->object, &receipt, NULL) == 0)
                buf_add(&c->need.homes, receipt.household);
        if ((e->what == ENTRY_COMPLETE || e->what == ENTRY_DELETED) &&
            codec_decode(&wire_attest_desc, e->object, &attest, NULL) == 0)
                buf_add(&c->need.devices, attest.device);
}

static int look_at_line(void *arg, struct span raw, const struct wire_entry *e) {
        struct collection *c = arg;
        (void)raw;
        if (!shows(c, e))
                return 0;
        if (c->first == UINT64_MAX)
                c->first = e->n;
        need_signer(c, e);
        return 0;
}

/* The records that came with the clip, one behind the other (keep_seen). False: no more. */
static bool next_seen(struct span *left, struct span *ret) {
        if (left->n < 2)
                return false;
        *ret = span_of(left->p + 2, get_be16(left->p));
        *left = span_from(*left, 2 + ret->n);
        return true;
}

/* One that the manifest names, by a device of another household that the roster knows: the daemon could bring any. */
static bool seen_right(const struct vault *v, const struct ballot *b, struct span raw, struct hash *ret_id,
                       struct key *ret_device) {
        struct wire_record w;
        const struct consent *c = b->consent;
        bool named = false;
        if (codec_decode(&wire_record_desc, raw, &w, NULL) || w.sig.p + w.sig.n != raw.p + raw.n)
                return false;
        hash_make(ret_id, DOMAIN_RECORD, &v->key.mesh, codec_before(raw, RECORD_KEY_sig));
        memcpy(ret_device->b, w.device.p, sizeof(*ret_device));
        const struct roster_device *d = roster_device_find(b->roster, ret_device);
        for (size_t at = 0; WIRE_HAS(&c->m, MANIFEST, seen) && at < c->m.seen.n; at += sizeof(*ret_id))
                named = named || memcmp(c->m.seen.p + at, ret_id->b, sizeof(*ret_id)) == 0;
        return named && d && d->home != b->self && sign_check(w.sig.p, ret_device, DOMAIN_RECORD, ret_id);
}

/* Those that are right, in the place of those that came: none twice. */
static void keep_right(const struct vault *v, const struct ballot *b, struct collection *c, struct buf *ret) {
        struct span left = buf_span(&b->consent->seen), raw;
        struct hash ids[4];
        size_t n = 0;
        while (n < ARRAY_LEN(ids) && next_seen(&left, &raw)) {
                struct key device;
                bool twice = false;
                if (!seen_right(v, b, raw, &ids[n], &device))
                        continue;
                for (size_t i = 0; i < n; i++)
                        twice = twice || hash_eq(&ids[i], &ids[n]);
                if (twice)
                        continue;
                n++;
                uint8_t size[2];
                put_be16(size, (uint16_t)raw.n);
                buf_add(ret, SPAN_OF(size));
                buf_add(ret, raw);
                buf_add(&c->need.devices, SPAN_OF(device.b));
        }
}

/* ---- putting it together ---- */

static void put_hidden(struct collection *c) {
        if (c->hidden.n)
                bundle_put(c->out, SECTION_HIDDEN, buf_span(&c->hidden));
        buf_clear(&c->hidden);
}

static int put_line(void *arg, struct span raw, const struct wire_entry *e) {
        struct collection *c = arg;
        struct hash line;
        c->lines++;
        if (c->out->bytes.n > BUNDLE_PAPERS_MAX)
                return 1;
        if (shows(c, e)) {
                put_hidden(c);
                bundle_put(c->out, SECTION_LINE, raw);
                c->shown++;
                return 0;
        }
        ledger_line_hash(&line, c->mesh, raw);
        buf_add(&c->hidden, SPAN_OF(line.b));
        if (c->hidden.n == sizeof(line) * BUNDLE_HIDDEN_MAX)
                put_hidden(c);
        return 0;
}

static enum vault_error put_word(const struct vault *v, const struct ballot *b, const struct household *h,
                                 struct bundle_out *o) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        const struct hash sum = o->sum;
        struct hash id;
        struct wire_bundle w = {.household = SPAN_OF(h->sign.pub.b),
                                .clip = SPAN_OF(b->consent->clip.b),
                                .created = b->consent->created,
                                .lines = v->book->chain.n,
                                .last = SPAN_OF(v->book->chain.last.b),
                                .sum = SPAN_OF(sum.b)};
        if (clip_sign(CLIP_BUNDLE, &w, &v->key.mesh, &h->sign, &paper, &id))
                return VAULT_NO_MEMORY;
        bundle_put(o, SECTION_BUNDLE, buf_span(&paper));
        return VAULT_OK;
}

static enum vault_error put_papers(const struct vault *v, const struct ballot *b, const struct household *h,
                                   const struct reading *r, struct collection *c) {
        _clean_(buf_fini) struct buf seen = BUF_NULL;
        struct bundle_out *o = c->out;
        struct span left, raw;
        buf_add(&c->need.devices, b->consent->m.device);
        keep_right(v, b, c, &seen);
        if (book_each(v->book, 0, look_at_line, c))
                return VAULT_NO_LEDGER_UNREAD;
        bundle_put(o, SECTION_MANIFEST, buf_span(&b->consent->manifest));
        bundle_put(o, SECTION_KEY, SPAN_OF(r->key.b));
        bundle_put(o, SECTION_LIST, buf_span(&r->list));
        int e = buf_ok(&c->need.devices) && buf_ok(&c->need.homes) ? proof_put_ops(o, b->roster, &c->need) : ERR_NOMEM;
        if (e)
                return e < 0 ? VAULT_NO_MEMORY : VAULT_NO_EXPORT_ROSTER;
        for (left = buf_span(&seen); next_seen(&left, &raw);)
                bundle_put(o, SECTION_RECORD, raw);
        e = book_each(v->book, c->first, put_line, c);
        if (e)
                return e == 1 ? VAULT_NO_EXPORT_LARGE : VAULT_NO_LEDGER_UNREAD;
        enum vault_error w = put_word(v, b, h, o);
        if (!w && o->bytes.n > BUNDLE_PAPERS_MAX)
                w = VAULT_NO_EXPORT_LARGE;
        return w ? w : buf_ok(&o->bytes) && buf_ok(&seen) && buf_ok(&c->hidden) ? VAULT_OK : VAULT_NO_MEMORY;
}

static enum vault_error papers(const struct vault *v, const struct ballot *b, const struct household *h,
                               struct reading *r, struct wire_o_exported *row) {
        struct bundle_out out;
        struct collection c = {.clip = &b->consent->clip, .out = &out, .first = UINT64_MAX, .mesh = &v->key.mesh};
        bundle_begin(&out, &v->key.mesh);
        enum vault_error e = put_papers(v, b, h, r, &c);
        r->papers = out.bytes; /* wiped with the reading */
        buf_fini(&c.need.devices);
        buf_fini(&c.need.homes);
        buf_fini(&c.hidden);
        row->lines = c.lines;
        row->shown = c.shown;
        return e;
}

/* ---- O_GO ---- */

static enum vault_error enter_export(struct vault *v, const struct consent *c, uint64_t *ret_line) {
        struct wire_entry line = {.what = ENTRY_EXPORTED, .time = c->created};
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(c->clip.b));
        WIRE_PUT(&line, ENTRY, text, buf_span(&c->file));
        *ret_line = v->book->chain.n;
        return book_write(v->book, &line);
}

static enum vault_error begin(struct vault *v, struct ballot *b, const struct household *h, struct reading *r,
                              struct wire_o_exported *row) {
        const struct consent *c = b->consent;
        const struct unwrap_clip clip = {c->clip, &c->m, c->m.salt, buf_span(&c->sealed)};
        uint64_t line;
        if (book_destroyed(v->book, &c->clip))
                return VAULT_NO_CLIP_DESTROYED;
        enum vault_error e = reading_list(v, &c->m, r);
        if (!e)
                e = enter_export(v, c, &line);
        if (!e)
                e = unwrap_read(v->book, line, h, &clip, &r->key);
        return e ? e : papers(v, b, h, r, row);
}

static uint64_t paper_parts(const struct reading *r) {
        return (r->papers.n + READING_PIECE - 1) / READING_PIECE;
}

bool export_go(struct vault *v, struct ballot *b, const struct household *h) {
        struct consent *c = b->consent;
        _clean_(reading_freep) struct reading *r = NULL;
        struct wire_o_exported row = {.v = 1, .clip = SPAN_OF(c->clip.b)};
        if (!vault_book(v, b->peer) || !vault_clock(v, b->peer, &c->created))
                return false;
        r = reading_new(b->peer, &c->clip, &c->m);
        enum vault_error e = r ? begin(v, b, h, r, &row) : VAULT_NO_MEMORY;
        if (e)
                return vault_refuse(b->peer, e);
        row.parts = paper_parts(r) + r->chunks;
        row.size = r->papers.n + r->chunks * (BUNDLE_HEAD + CHUNK_TAG) + r->size;
        reading_put(v, TAKE(r));
        frame_put(&b->peer->out, wire_owner_find(OWNER_O_EXPORT_ROW), &row);
        vault_done(b->peer, NULL);
        log_info("user %u exports a clip of this home", b->peer->uid);
        return false;
}

/* ---- O_CHUNK ---- */

static enum vault_error chunk_part(const struct vault *v, const struct reading *r, uint64_t i, struct vault_peer *p) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        uint8_t head[BUNDLE_HEAD];
        bundle_chunk_head(head, chunk_plain(r->size, i) + CHUNK_TAG);
        buf_add(&bytes, SPAN_OF(head));
        enum vault_error e = reading_cipher(v, r, i, &bytes);
        if (!e)
                reading_pieces(p, buf_span(&bytes));
        return e;
}

void export_part(struct vault *v, struct vault_peer *p, const struct reading *r, uint64_t i) {
        uint64_t before = paper_parts(r);
        enum vault_error e = VAULT_OK;
        if (i < before)
                reading_pieces(p, span_of(r->papers.p + i * READING_PIECE,
                                          MIN(r->papers.n - i * READING_PIECE, (size_t)READING_PIECE)));
        else if (i - before < r->chunks)
                e = chunk_part(v, r, i - before, p);
        else
                e = VAULT_NO_NOTHING_READ;
        if (e)
                vault_refuse(p, e);
        else
                vault_done(p, NULL);
}
