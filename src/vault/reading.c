/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_READ, O_CHUNK: the owner looks at a clip of their own, or at one that was granted to this household. The line in the
 * ledger is on the disk before the key is opened; then the ciphertext is read from DIR/clips here, and each chunk checked
 * against the manifest's list, opened, and handed out as the tool asks for it, so that others are served in between. Of a
 * chunk that is damaged nothing comes out.
 *
 * The clip's key is in locked memory while its tool is connected, and wiped with it.
 */
#include "vault/reading.h"

#include "base/log.h"
#include "base/text.h"

#include <sodium.h>
#include <stdlib.h>

struct reading *reading_new(const struct vault_peer *p, const struct hash *clip, const struct wire_manifest *m) {
        struct reading *r = sodium_malloc(sizeof(*r));
        if (!r)
                return NULL;
        memset(r, 0, sizeof(*r));
        r->peer = p;
        r->clip = *clip;
        r->size = m->size;
        r->chunks = m->chunks;
        memcpy(r->salt, m->salt.p, sizeof(r->salt));
        return r;
}

struct reading *reading_free(struct reading *r) {
        if (!r)
                return NULL;
        buf_fini(&r->list);
        buf_wipe(&r->papers); /* the key is in them */
        sodium_free(r);       /* wipes */
        return NULL;
}

void reading_gone(struct vault *v, const struct vault_peer *p) {
        for (struct reading **at = &v->readings; *at;) {
                struct reading *r = *at;
                if (p && r->peer != p) {
                        at = &r->next;
                        continue;
                }
                *at = r->next;
                reading_free(r);
        }
}

void reading_put(struct vault *v, struct reading *r) {
        reading_gone(v, r->peer);
        r->next = v->readings;
        v->readings = r;
}

static struct reading *reading_of(const struct vault *v, const struct vault_peer *p) {
        struct reading *r = v->readings;
        while (r && r->peer != p)
                r = r->next;
        return r;
}

bool reading_on(const struct vault *v, const struct vault_peer *p) {
        return reading_of(v, p) != NULL;
}

/* ---- beginning ---- */

enum vault_error reading_list(const struct vault *v, const struct wire_manifest *m, struct reading *r) {
        struct hash all;
        int e = v->io->clip_read(v->io->arg, &r->clip, true, 0, sizeof(all) * r->chunks + 1, &r->list);
        if (e == ERR_NOMEM || !buf_ok(&r->list))
                return VAULT_NO_MEMORY;
        if (e)
                return VAULT_NO_CLIP_UNREAD;
        chunk_hashes(&all, buf_span(&r->list));
        bool right = r->list.n == sizeof(all) * r->chunks && span_eq(SPAN_OF(all.b), m->hashes);
        return right ? VAULT_OK : VAULT_NO_CLIP_DAMAGED;
}

static enum vault_error enter_read(struct vault *v, const struct wanted *w, const struct hash *clip,
                                   const struct wire_manifest *m, uint64_t *ret_line) {
        struct wire_entry line = {.what = ENTRY_READ, .time = v->io->wall(v->io->arg)};
        if (!vault_clock_sane(line.time))
                return VAULT_NO_NO_CLOCK;
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(clip->b));
        if (!span_eq(m->household, SPAN_OF(v->key.household.b)))
                WIRE_PUT(&line, ENTRY, who, m->household);
        if (w->text.n)
                WIRE_PUT(&line, ENTRY, text, buf_span(&w->text));
        *ret_line = v->book->chain.n;
        return book_write(v->book, &line);
}

static enum vault_error begin(struct vault *v, struct wanted *w, const struct wire_manifest *m,
                              const struct unwrap_clip *clip, struct reading *r) {
        uint64_t line;
        if (book_destroyed(v->book, &clip->id))
                return VAULT_NO_CLIP_DESTROYED;
        enum vault_error e = reading_list(v, m, r);
        if (!e)
                e = enter_read(v, w, &clip->id, m, &line);
        return e ? e : unwrap_read(v->book, line, w->key, clip, &r->key);
}

void read_begin(struct vault *v, struct wanted *w, const struct wire_manifest *m, const struct unwrap_clip *clip) {
        _clean_(reading_freep) struct reading *r = reading_new(w->peer, &clip->id, m);
        if (!r) {
                vault_refuse(w->peer, VAULT_NO_MEMORY);
                return;
        }
        if (!vault_book(v, w->peer))
                return;
        enum vault_error e = begin(v, w, m, clip, r);
        if (e) {
                vault_refuse(w->peer, e);
                return;
        }
        struct wire_o_reading row = {
                .v = 1, .clip = SPAN_OF(clip->id.b), .media = m->media, .size = m->size, .chunks = m->chunks};
        reading_put(v, TAKE(r));
        frame_put(&w->peer->out, wire_owner_find(OWNER_O_READING_ROW), &row);
        vault_done(w->peer, NULL);
        log_info("user %u opens a clip of this home", w->peer->uid);
}

/* ---- O_READ ---- */

/* A clip that another household granted, whose key has come and whose time is not over. False: there is none. */
static bool read_taken(struct vault *v, struct wanted *w) {
        _clean_(buf_fini) struct buf ids = BUF_NULL, store = BUF_NULL;
        mesh_wall wall = v->io->wall(v->io->arg);
        if (v->io->blob_list(v->io->arg, VAULT_BLOB_TAKEN, &ids))
                return false;
        for (size_t at = 0; at + sizeof(struct hash) <= ids.n; at += sizeof(struct hash)) {
                struct taken t;
                struct hash grant;
                memcpy(grant.b, ids.p + at, sizeof(grant));
                buf_clear(&store);
                if (!taken_read(v, &grant, &store, &t) || !id_begins(t.clip.b, buf_span(&w->words)))
                        continue;
                if (!WIRE_HAS(&t.w, O_TAKEN, key) || wall >= t.grant.expires || book_ended(v->book, &grant))
                        continue;
                const struct unwrap_clip clip = {t.clip, &t.m, SPAN_OF(grant.b), taken_key(w->key, &t, &grant)};
                read_begin(v, w, &t.m, &clip);
                return true;
        }
        return false;
}

static struct wanted *wanted_new(struct vault_peer *p, const struct wire_o_read *q) {
        _clean_(wanted_freep) struct wanted *w = calloc(1, sizeof(*w));
        if (!w)
                return NULL;
        w->what = WANTED_READ;
        w->peer = p;
        buf_add(&w->words, q->clip);
        if (WIRE_HAS(q, O_READ, copy))
                buf_add(&w->text, q->copy);
        return buf_ok(&w->words) && buf_ok(&w->text) ? TAKE(w) : NULL;
}

/* A copy of the open key, or one opened for this reading alone. */
static bool take_key(struct vault *v, struct vault_peer *p, const struct wire_o_read *q, mesh_time now,
                     struct household **ret) {
        bool locked = !vault_unlocked(v, now), given = WIRE_HAS(q, O_READ, passphrase);
        if (locked && !given)
                return vault_refuse(p, VAULT_NO_LOCKED);
        if (locked || !v->open)
                return vault_open(v, p, given ? q->passphrase : SPAN_NONE, now, ret);
        *ret = household_copy(v, v->open);
        return *ret || vault_refuse(p, VAULT_NO_MEMORY);
}

/* On a further device there is only what was shared with it. */
static bool is_device(const struct vault *v) {
        return v->has_key && !vault_key_void(v) && keyfile_of_device(v->key.state);
}

static bool may_read(const struct vault *v, struct vault_peer *p) {
        if (!is_device(v))
                return ballot_may(v, p);
        return v->key.state == KEYFILE_DEVICE || vault_refuse(p, VAULT_NO_STILL_JOINING);
}

static void not_shared(const struct vault *v, struct vault_peer *p) {
        _clean_(buf_fini) struct buf name = BUF_NULL;
        struct said message, hint;
        text_show(&name, span_str(v->main), false);
        said_plain(&message, vault_error(VAULT_NO_NOT_SHARED)->message);
        said_set(&hint, "on %s, `porchlight clip share ID --with` the name of this device brings it here",
                 buf_cstr(&name));
        vault_refuse_said(p, VAULT_NO_NOT_SHARED, &message, v->main[0] && buf_ok(&name) ? &hint : NULL);
}

void on_read(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_read *q = &m->o_read;
        mesh_wall wall;
        if (!may_read(v, p) || !vault_book(v, p) || !vault_clock(v, p, &wall))
                return;
        _clean_(wanted_freep) struct wanted *w = wanted_new(p, q);
        if (!w)
                vault_refuse(p, VAULT_NO_MEMORY);
        else if (!take_key(v, p, q, now, &w->key) || read_taken(v, w))
                return;
        else if (is_device(v))
                not_shared(v, p);
        else
                wanted_ask(v, TAKE(w), now);
}

/* ---- O_CHUNK ---- */

enum vault_error reading_cipher(const struct vault *v, const struct reading *r, uint64_t i, struct buf *ret) {
        struct hash hash;
        bool last = i + 1 == r->chunks;
        size_t had = ret->n, n = chunk_plain(r->size, i) + CHUNK_TAG;
        size_t more = last ? 1 : 0; /* nothing may stand behind the last */
        int e = v->io->clip_read(v->io->arg, &r->clip, false, i * CHUNK_CIPHER, n + more, ret);
        if (e == ERR_NOMEM || !buf_ok(ret))
                return VAULT_NO_MEMORY;
        if (e)
                return VAULT_NO_CLIP_UNREAD;
        /* PROTOCOL 15.3: "A chunk MUST be checked against its hash before it is kept or used." */
        chunk_hash(&hash, i, span_from(buf_span(ret), had));
        bool right = ret->n == had + n && memcmp(hash.b, r->list.p + sizeof(hash) * i, sizeof(hash)) == 0;
        return right ? VAULT_OK : VAULT_NO_CLIP_DAMAGED;
}

static enum vault_error open_chunk(const struct vault *v, const struct reading *r, uint64_t i, struct buf *ret) {
        _clean_(buf_fini) struct buf cipher = BUF_NULL;
        enum vault_error e = reading_cipher(v, r, i, &cipher);
        if (e)
                return e;
        return chunk_open(ret, &r->key, r->salt, i, i + 1 == r->chunks, buf_span(&cipher)) ? VAULT_OK
                                                                                           : VAULT_NO_CLIP_DAMAGED;
}

void reading_pieces(struct vault_peer *p, struct span bytes) {
        for (size_t at = 0; at < bytes.n; at += READING_PIECE) {
                struct wire_o_piece piece = {.bytes = span_of(bytes.p + at, MIN(bytes.n - at, (size_t)READING_PIECE))};
                frame_put(&p->out, wire_owner_find(OWNER_O_PIECE_ROW), &piece);
        }
}

void on_chunk(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        _clean_(buf_wipe) struct buf plain = BUF_NULL;
        const struct reading *r = reading_of(v, p);
        (void)now;
        if (r && r->papers.n) {
                export_part(v, p, r, m->o_chunk.i);
                return;
        }
        if (!r || m->o_chunk.i >= r->chunks) {
                vault_refuse(p, VAULT_NO_NOTHING_READ);
                return;
        }
        enum vault_error e = open_chunk(v, r, m->o_chunk.i, &plain);
        if (e) {
                vault_refuse(p, e);
                return;
        }
        reading_pieces(p, buf_span(&plain));
        vault_done(p, NULL);
}
