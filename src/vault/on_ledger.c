/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger tells its owner: its lines, the grants, who can open a clip; and the one line the owner
 * writes by hand. */
#include "base/text.h"
#include "vault/consent.h"

#include <stdlib.h>

#define ROWS_BYTES (48 * 1024) /* of an answer; the tool asks again for what is behind */

/* ---- O_LEDGER ---- */

static void put_line(struct buf *out, const struct wire_entry *e, const struct hash *hash) {
        struct wire_o_entry row = ledger_row(e, hash);
        frame_put(out, wire_owner_find(OWNER_O_ENTRY_ROW), &row);
}

static void line_hash(const struct vault *v, const struct wire_entry *e, struct hash *ret) {
        uint8_t room[ENTRY_BYTES_MAX];
        struct buf raw = BUF_ON(room);
        struct ledger at = {.n = e->n, .mesh = v->key.mesh};
        struct hash line;
        if (WIRE_HAS(e, ENTRY, prev))
                memcpy(at.last.b, e->prev.p, sizeof(at.last));
        codec_encode(&wire_entry_desc, e, &raw);
        ledger_line_hash(&line, &at.mesh, buf_span(&raw));
        ledger_skip(&at, &line);
        *ret = at.last;
}

static bool wanted_line(const struct wire_o_ledger *q, const struct wire_entry *e) {
        if (WIRE_HAS(q, O_LEDGER, since) && e->time < q->since)
                return false;
        return !WIRE_HAS(q, O_LEDGER, clip) || (WIRE_HAS(e, ENTRY, clip) && id_begins(e->clip.p, q->clip));
}

void on_ledger(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        const struct wire_o_ledger *q = &m->o_ledger;
        struct wire_entry e;
        struct hash hash;
        (void)now;
        if (!vault_book(v, p))
                return;
        for (uint64_t n = q->from; n < v->book->chain.n && p->out.n < ROWS_BYTES; n++) {
                buf_clear(&store);
                if (!book_line(v->book, n, &store, &e)) {
                        vault_refuse(p, VAULT_NO_LEDGER_UNREAD);
                        return;
                }
                if (!wanted_line(q, &e))
                        continue;
                line_hash(v, &e, &hash);
                put_line(&p->out, &e, &hash);
        }
        vault_done(p, NULL);
}

/* ---- O_GRANTS ---- */

static bool put_grant(const struct vault *v, struct buf *out, const struct book_grant *g) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_entry e;
        struct wire_grant w;
        if (!book_line(v->book, g->line, &store, &e) || codec_decode(&wire_grant_desc, e.object, &w, NULL))
                return false;
        struct wire_o_granted row = {.v = 1,
                                     .grant = SPAN_OF(g->id.b),
                                     .clip = SPAN_OF(g->clip.b),
                                     .household = SPAN_OF(g->to.b),
                                     .state = book_grant_state(g),
                                     .released = g->released,
                                     .created = g->created,
                                     .expires = g->expires,
                                     .purpose = w.purpose,
                                     .line = g->line};
        if (g->to_device)
                WIRE_PUT(&row, O_GRANTED, device, SPAN_OF(g->device.b));
        if (WIRE_HAS(&e, ENTRY, text))
                WIRE_PUT(&row, O_GRANTED, name, e.text);
        frame_put(out, wire_owner_find(OWNER_O_GRANTED_ROW), &row);
        return true;
}

void on_grants(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_ledger *q = &m->o_ledger;
        mesh_wall wall;
        (void)now;
        if (!vault_book(v, p) || !vault_clock(v, p, &wall))
                return;
        for (size_t i = 0; i < book_n_grants(v->book) && p->out.n < ROWS_BYTES; i++) {
                const struct book_grant *g = book_grant_at(v->book, i);
                if (g->line < q->from || (WIRE_HAS(q, O_LEDGER, clip) && !id_begins(g->clip.b, q->clip)) ||
                    (WIRE_HAS(q, O_LEDGER, since) && g->created < q->since))
                        continue;
                if (!put_grant(v, &p->out, g)) {
                        vault_refuse(p, VAULT_NO_LEDGER_UNREAD);
                        return;
                }
        }
        vault_done(p, NULL);
}

/* ---- O_WHO ---- */

static bool put_holder(const struct vault *v, struct buf *out, const struct book_grant *g) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_entry e;
        if (!book_line(v->book, g->line, &store, &e))
                return false;
        struct wire_o_key row = {.v = 1, .what = g->to_device ? HOLDER_DEVICE : HOLDER_HOUSEHOLD};
        WIRE_PUT(&row, O_KEY, who, e.who);
        if (WIRE_HAS(&e, ENTRY, text))
                WIRE_PUT(&row, O_KEY, name, e.text);
        WIRE_PUT(&row, O_KEY, grant, SPAN_OF(g->id.b));
        WIRE_PUT(&row, O_KEY, state, book_grant_state(g));
        WIRE_PUT(&row, O_KEY, time, g->created);
        frame_put(out, wire_owner_find(OWNER_O_KEY_ROW), &row);
        return true;
}

/* Keys that have left, and those that still may: of any other grant there is none. */
static bool counts(const struct book_grant *g) {
        return g->released ? !g->deleted : g->kept && !book_grant_over(g);
}

static void put_read(struct buf *out, const struct wire_entry *e) {
        bool copy = WIRE_HAS(e, ENTRY, text);
        struct wire_o_key row = {.v = 1, .what = copy ? HOLDER_COPY : HOLDER_READING};
        if (copy)
                WIRE_PUT(&row, O_KEY, name, e->text);
        WIRE_PUT(&row, O_KEY, time, e->time);
        frame_put(out, wire_owner_find(OWNER_O_KEY_ROW), &row);
}

static bool put_reads(const struct vault *v, struct buf *out, const struct hash *clip) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_entry e;
        for (uint64_t n = 0; n < v->book->chain.n && out->n < ROWS_BYTES; n++) {
                buf_clear(&store);
                if (!book_line(v->book, n, &store, &e))
                        return false;
                if (e.what == ENTRY_READ && span_eq(e.clip, SPAN_OF(clip->b)))
                        put_read(out, &e);
        }
        return true;
}

void who_answer(struct vault *v, struct vault_peer *p, const struct hash *clip, bool sealed) {
        struct wire_o_key home = {.v = 1, .what = HOLDER_HOME};
        mesh_wall wall;
        if (!vault_book(v, p) || !vault_clock(v, p, &wall))
                return;
        WIRE_PUT(&home, O_KEY, who, SPAN_OF(v->key.household.b));
        if (sealed && !book_destroyed(v->book, clip))
                frame_put(&p->out, wire_owner_find(OWNER_O_KEY_ROW), &home);
        bool fine = true;
        for (size_t i = 0; fine && i < book_n_grants(v->book) && p->out.n < ROWS_BYTES; i++) {
                const struct book_grant *g = book_grant_at(v->book, i);
                if (hash_eq(&g->clip, clip) && counts(g))
                        fine = put_holder(v, &p->out, g);
        }
        if (!fine || !put_reads(v, &p->out, clip))
                vault_refuse(p, VAULT_NO_LEDGER_UNREAD);
        else
                vault_done(p, NULL);
}

static struct wanted *wanted_new(struct vault_peer *p, enum wanted_for what, struct span words, struct span text) {
        _clean_(wanted_freep) struct wanted *w = calloc(1, sizeof(*w));
        if (!w)
                return NULL;
        w->what = what;
        w->peer = p;
        buf_add(&w->words, words);
        buf_add(&w->text, text);
        return buf_ok(&w->words) && buf_ok(&w->text) ? TAKE(w) : NULL;
}

static void ask_for(struct vault *v, struct vault_peer *p, enum wanted_for what, struct span words, struct span text,
                    mesh_time now) {
        struct wanted *w = wanted_new(p, what, words, text);
        if (w)
                wanted_ask(v, w, now);
        else
                vault_refuse(p, VAULT_NO_MEMORY);
}

/* The whole id: of a clip that is gone the ledger still tells. */
static bool whole_id(struct span words, struct hash *ret) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        if (words.n != 2 * sizeof(*ret) || !text_unhex(&id, words))
                return false;
        memcpy(ret->b, id.p, sizeof(*ret));
        return true;
}

void on_who(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        struct hash clip;
        if (!ballot_may(v, p) || !vault_book(v, p))
                return;
        if (whole_id(m->o_about.id, &clip) && book_destroyed(v->book, &clip))
                who_answer(v, p, &clip, false);
        else
                ask_for(v, p, WANTED_WHO, m->o_about.id, SPAN_NONE, now);
}

/* ---- O_LEGAL ---- */

static void legal_line(struct vault *v, struct vault_peer *p, const struct hash *clip, struct span text) {
        struct wire_entry line = {.what = ENTRY_LEGAL_ORDER};
        mesh_wall wall;
        if (!vault_book(v, p) || !vault_clock(v, p, &wall))
                return;
        line.time = wall;
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(clip->b));
        WIRE_PUT(&line, ENTRY, text, text);
        enum vault_error e = book_write(v->book, &line);
        if (e) {
                vault_refuse(p, e);
                return;
        }
        put_line(&p->out, &line, &v->book->chain.last);
        vault_done(p, NULL);
}

void legal_write(struct vault *v, struct wanted *w, const struct hash *clip) {
        legal_line(v, w->peer, clip, buf_span(&w->text));
}

void on_legal(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        struct hash clip;
        if (!ballot_may(v, p) || !vault_book(v, p))
                return;
        if (!vault_plain_line(m->o_legal.text))
                vault_refuse(p, VAULT_NO_BAD_REASON);
        else if (whole_id(m->o_legal.clip, &clip))
                legal_line(v, p, &clip, m->o_legal.text);
        else
                ask_for(v, p, WANTED_LEGAL, m->o_legal.clip, m->o_legal.text, now);
}
