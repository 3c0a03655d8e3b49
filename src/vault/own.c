/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clips that a household shares with its own further devices (PROTOCOL 15.85 to 15.89). On the main device: the household signs
 * the receipt with the grant, and the key leaves when that device brings the receipt back, as for another home (release.c);
 * before a device is revoked, or a clip destroyed, what was shared is taken back. On a further device: what comes is kept as a grant of another
 * household is (taken.c), and its owner opens it there (reading.c), with a key of that device's own and a ledger of its own.
 */
#include "base/log.h"
#include "vault/consent.h"

/* ---- the main device ---- */

/* PROTOCOL 15.23: "Where a grant names a device of the owner's own household, the household signs the receipt together with
 * the grant." */
enum vault_error own_receive(struct vault *v, const struct consent *c, const struct hash *grant, struct buf *ret) {
        struct hash id;
        struct wire_receipt w = {.grant = SPAN_OF(grant->b),
                                 .clip = SPAN_OF(c->clip.b),
                                 .household = SPAN_OF(c->key->sign.pub.b),
                                 .created = c->created};
        struct wire_entry line = {.what = ENTRY_RECEIPT, .time = c->created};
        if (clip_sign(CLIP_RECEIPT, &w, &v->key.mesh, &c->key->sign, ret, &id))
                return VAULT_NO_MEMORY;
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(c->clip.b));
        WIRE_PUT(&line, ENTRY, grant, SPAN_OF(grant->b));
        WIRE_PUT(&line, ENTRY, who, SPAN_OF(c->key->sign.pub.b));
        WIRE_PUT(&line, ENTRY, object, buf_span(ret));
        return book_write(v->book, &line);
}

static bool is_shared(const struct book_grant *g, const struct key *device) {
        return g->to_device && key_eq(&g->device, device);
}

size_t own_released(const struct vault *v, const struct key *device) {
        size_t n = 0;
        for (size_t i = 0; v->book && i < book_n_grants(v->book); i++) {
                const struct book_grant *g = book_grant_at(v->book, i);
                n += is_shared(g, device) && g->released && !g->deleted;
        }
        return n;
}

/* Appends what was signed to @paper. */
static enum vault_error take_back(struct vault *v, const struct hash *grant, const struct household *h, mesh_wall wall,
                                  struct buf *paper) {
        struct hash id, clip = book_grant_find(v->book, grant)->clip;
        struct wire_grant_over w = {.grant = SPAN_OF(grant->b), .household = SPAN_OF(h->sign.pub.b), .created = wall};
        struct wire_entry line = {.what = ENTRY_REVOKED, .time = wall};
        if (clip_sign(CLIP_GRANT_OVER, &w, &v->key.mesh, &h->sign, paper, &id))
                return VAULT_NO_MEMORY;
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(clip.b));
        WIRE_PUT(&line, ENTRY, grant, SPAN_OF(grant->b));
        WIRE_PUT(&line, ENTRY, object, buf_span(paper));
        enum vault_error e = book_write(v->book, &line);
        if (!e)
                grant_forget(v, book_grant_find(v->book, grant));
        return e;
}

/* A daemon that is started again can have the ledger as it was: what was shared would stand again. */
static bool is_passing(enum vault_error e) {
        return e == VAULT_NO_MEMORY || e == VAULT_NO_LEDGER_STUCK || e == VAULT_NO_LEDGER_UNREAD;
}

/* PROTOCOL 15.89: "Before a household signs that a device is revoked, its vault MUST have taken back every grant in force that
 * names that device." Of a ledger that is damaged no key is released anyhow, and a lost laptop has to go all the same. */
enum vault_error own_device_ends(struct vault *v, const struct key *device, const struct household *h, mesh_wall wall) {
        enum vault_error e = vault_book_there(v);
        mesh_wall own = v->io->wall(v->io->arg);
        if (e)
                return is_passing(e) ? e : VAULT_OK;
        if (vault_clock_sane(own))
                grants_mind(v, own);
        for (size_t i = 0; !e && i < book_n_grants(v->book); i++) {
                _clean_(buf_fini) struct buf paper = BUF_NULL;
                const struct book_grant *g = book_grant_at(v->book, i);
                const struct hash id = g->id;
                if (is_shared(g, device) && book_grant_stands(g))
                        e = take_back(v, &id, h, vault_clock_sane(own) ? own : wall, &paper);
        }
        return e;
}

static bool shares(const struct book_grant *g, const struct hash *clip) {
        return g->to_device && hash_eq(&g->clip, clip) && book_grant_stands(g);
}

bool own_shares(const struct vault *v, const struct hash *clip) {
        for (size_t i = 0; i < book_n_grants(v->book); i++)
                if (shares(book_grant_at(v->book, i), clip))
                        return true;
        return false;
}

/* PROTOCOL 15.90: "Before a vault writes that a clip is destroyed it MUST have taken back every grant of it in force that names a
 * device of its household." */
enum vault_error own_clip_ends(struct vault *v, const struct hash *clip, const struct household *h, mesh_wall wall) {
        enum vault_error e = VAULT_OK;
        for (size_t i = 0; !e && i < book_n_grants(v->book); i++) {
                _clean_(buf_fini) struct buf paper = BUF_NULL;
                const struct hash id = book_grant_at(v->book, i)->id;
                if (!shares(book_grant_at(v->book, i), clip))
                        continue;
                e = take_back(v, &id, h, wall, &paper);
                if (!e)
                        say_revoked(v, book_grant_at(v->book, i), buf_span(&paper));
        }
        return e;
}

/* ---- a further device ---- */

/* PROTOCOL 15.87: "A further device's vault MUST NOT keep a key for a grant that is not signed by its household, names another
 * device, or comes without that household's receipt." */
static enum vault_error own_wrong(const struct vault *v, struct taken *t, struct hash *ret_grant) {
        struct wire_receipt r;
        struct hash id;
        const struct span home = SPAN_OF(v->key.household.b);
        if (clip_read(CLIP_GRANT, t->w.grant, &v->key.mesh, &t->grant, ret_grant) ||
            clip_read(CLIP_MANIFEST, t->w.manifest, &v->key.mesh, &t->m, &t->clip) ||
            clip_read(CLIP_RECEIPT, t->w.receipt, &v->key.mesh, &r, &id))
                return VAULT_NO_GRANT_FALSE;
        if (!WIRE_HAS(&t->grant, GRANT, device) || !span_eq(t->grant.device, SPAN_OF(v->sign.b)))
                return VAULT_NO_GRANT_NOT_OURS;
        bool right = span_eq(t->grant.household, home) && span_eq(t->grant.to, home) && span_eq(t->m.household, home) &&
                     span_eq(t->grant.clip, SPAN_OF(t->clip.b)) && span_eq(r.household, home) &&
                     span_eq(r.grant, SPAN_OF(ret_grant->b));
        return right ? VAULT_OK : VAULT_NO_GRANT_FALSE;
}

/* One that is there stays as it is, but for the key. */
static enum vault_error own_take(struct vault *v, const struct wire_o_taken *w, struct hash *ret_grant, mesh_time now) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct taken t = {.w = {.grant = w->grant, .manifest = w->manifest, .receipt = w->receipt}}, there;
        enum vault_error e = vault_book_there(v);
        if (!e && v->key.state != KEYFILE_DEVICE)
                e = VAULT_NO_GRANT_NOT_OURS;
        if (!e)
                e = own_wrong(v, &t, ret_grant);
        if (e)
                return e;
        if (!WIRE_HAS(w, O_TAKEN, key))
                return VAULT_NO_CLIP_KEY;
        return taken_put(v, taken_read(v, ret_grant, &store, &there) ? &there : &t, ret_grant, w->key, now);
}

void on_own_key(struct vault *v, const union frame_message *m, mesh_time now) {
        struct hash grant = {0};
        enum vault_error e = own_take(v, &m->o_taken, &grant, now);
        vault_tell_taken(v, &grant, e);
}
