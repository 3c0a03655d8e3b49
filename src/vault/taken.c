/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants of other households that this one took: each a file in DIR/vault with the grant, the receipt, and the clip's key in its
 * box once that has come (O_TAKEN). The box comes by way of the daemon, and while the household's key is locked nobody can
 * look into it: so a key that is there is never lost for one that is said to be it. The second is kept beside the first, and
 * a third is not taken, until the vault is open and can look which of them is the clip's.
 */
#include "base/log.h"
#include "base/text.h"
#include "vault/consent.h"
#include "vault/transfer.h"

bool taken_read(const struct vault *v, const struct hash *grant, struct buf *store, struct taken *ret) {
        struct hash id;
        return v->io->blob_read(v->io->arg, VAULT_BLOB_TAKEN, grant, store) == 0 &&
               codec_decode(&wire_o_taken_desc, buf_span(store), &ret->w, NULL) == 0 &&
               clip_read(CLIP_GRANT, ret->w.grant, &v->key.mesh, &ret->grant, &id) == 0 && hash_eq(&id, grant) &&
               clip_read(CLIP_MANIFEST, ret->w.manifest, &v->key.mesh, &ret->m, &ret->clip) == 0;
}

bool taken_named(const struct vault *v, struct span digits) {
        _clean_(buf_fini) struct buf ids = BUF_NULL, store = BUF_NULL;
        bool found = false;
        if (v->io->blob_list(v->io->arg, VAULT_BLOB_TAKEN, &ids))
                return false;
        for (size_t at = 0; !found && at + sizeof(struct hash) <= ids.n; at += sizeof(struct hash)) {
                struct taken t;
                struct hash grant;
                memcpy(grant.b, ids.p + at, sizeof(grant));
                buf_clear(&store);
                found = taken_read(v, &grant, &store, &t) && id_begins(t.clip.b, digits);
        }
        return found;
}

/* ---- the end ---- */

/* PROTOCOL 15.92: "Before a vault lets a key go that came for a grant which was taken back, it MUST have its owner's word in its
 * ledger (a line `over`), where that takes lines, and MUST NOT keep or use a key for that grant again." */
void taken_back(struct vault *v, const struct hash *grant, const struct taken *t, const struct wire_grant_over *back,
                struct span paper) {
        struct wire_entry line = {.what = ENTRY_OVER, .time = v->io->wall(v->io->arg)};
        if (book_ended(v->book, grant))
                return;
        if (!vault_clock_sane(line.time))
                line.time =
                        VAULT_CLOCK_FLOOR; /* and not what others say: a later time would end grants of this household */
        WIRE_PUT(&line, ENTRY, grant, SPAN_OF(grant->b));
        WIRE_PUT(&line, ENTRY, who, back->household);
        WIRE_PUT(&line, ENTRY, object, paper);
        if (t)
                WIRE_PUT(&line, ENTRY, clip, SPAN_OF(t->clip.b));
        if (book_write(v->book, &line))
                log_warning("the ledger takes no line about a key that goes: an old copy of it could come again");
}

/* Keys that others released to this household, when their time is over. */
mesh_wall taken_end(struct vault *v, mesh_wall wall) {
        _clean_(buf_fini) struct buf ids = BUF_NULL, store = BUF_NULL;
        mesh_wall next = UINT64_MAX;
        if (v->io->blob_list(v->io->arg, VAULT_BLOB_TAKEN, &ids))
                return wall; /* in an hour it is tried again */
        for (size_t at = 0; at + sizeof(struct hash) <= ids.n; at += sizeof(struct hash)) {
                struct taken t;
                struct hash id;
                memcpy(id.b, ids.p + at, sizeof(id));
                buf_clear(&store);
                if (!taken_read(v, &id, &store, &t))
                        next = wall; /* for want of memory, or of a disk that reads: again in an hour */
                else if (wall < t.grant.expires)
                        next = MIN(next, t.grant.expires);
                else if (v->io->blob_remove(v->io->arg, VAULT_BLOB_TAKEN, &id)) {
                        log_error("the key of a clip whose time is over could not be removed; trying again later");
                        next = wall;
                }
        }
        return next;
}

/* ---- a key comes ---- */

static bool fits(const struct household *h, const struct taken *t, const struct hash *grant, struct span box) {
        const struct unwrap_clip clip = {t->clip, &t->m, SPAN_OF(grant->b), box};
        return unwrap_fits(h, &clip);
}

struct span taken_key(const struct household *h, const struct taken *t, const struct hash *grant) {
        bool spare = WIRE_HAS(&t->w, O_TAKEN, spare) && !fits(h, t, grant, t->w.key);
        return spare ? t->w.spare : t->w.key;
}

/* PROTOCOL 15.75: "A vault MUST NOT let a key that has come go for another one before it has seen which of them is the clip's."
 * Here the household's key is open. */
static enum vault_error settle(const struct household *h, struct taken *t, const struct hash *grant, struct span box) {
        bool has = WIRE_HAS(&t->w, O_TAKEN, key);
        struct span best = has ? taken_key(h, t, grant) : box;
        if (!fits(h, t, grant, best))
                best = box;
        if (!fits(h, t, grant, best))
                return VAULT_NO_CLIP_KEY;
        t->w = (struct wire_o_taken){.grant = t->w.grant, .manifest = t->w.manifest, .receipt = t->w.receipt};
        WIRE_PUT(&t->w, O_TAKEN, key, best);
        return VAULT_OK;
}

static enum vault_error put_aside(struct taken *t, struct span box) {
        if (!WIRE_HAS(&t->w, O_TAKEN, key))
                WIRE_PUT(&t->w, O_TAKEN, key, box);
        else if (!WIRE_HAS(&t->w, O_TAKEN, spare))
                WIRE_PUT(&t->w, O_TAKEN, spare, box);
        else
                return VAULT_NO_LOCKED;
        return VAULT_OK;
}

static bool has_box(const struct wire_o_taken *w, struct span box) {
        return (WIRE_HAS(w, O_TAKEN, key) && span_eq(w->key, box)) ||
               (WIRE_HAS(w, O_TAKEN, spare) && span_eq(w->spare, box));
}

static enum vault_error choose(struct vault *v, struct taken *t, const struct hash *grant, struct span box,
                               mesh_time now) {
        _clean_(household_freep) struct household *own = NULL;
        if (!vault_unlocked(v, now) || (!v->open && household_open(v, SPAN_NONE, &own)))
                return put_aside(t, box);
        return settle(own ? own : v->open, t, grant, box);
}

enum vault_error taken_put(struct vault *v, struct taken *t, const struct hash *grant, struct span box, mesh_time now) {
        _clean_(buf_fini) struct buf fresh = BUF_NULL;
        if (v->io->wall(v->io->arg) >= t->grant.expires || book_ended(v->book, grant))
                return VAULT_NO_GRANT_EXPIRED;
        if (has_box(&t->w, box))
                return VAULT_OK;
        enum vault_error e = choose(v, t, grant, box, now);
        if (e)
                return e;
        codec_encode(&wire_o_taken_desc, &t->w, &fresh);
        if (!buf_ok(&fresh))
                return VAULT_NO_MEMORY;
        if (v->io->blob_write(v->io->arg, VAULT_BLOB_TAKEN, grant, buf_span(&fresh)))
                return VAULT_NO_LEDGER_DISK;
        v->book_due = 0; /* it has an end */
        return VAULT_OK;
}

static enum vault_error key_take(struct vault *v, const struct hash *grant, struct span box, mesh_time now) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct taken t;
        enum vault_error e = vault_book_there(v);
        if (e)
                return e;
        return taken_read(v, grant, &store, &t) ? taken_put(v, &t, grant, box, now) : VAULT_NO_NO_SUCH_GRANT;
}

void on_key(struct vault *v, const union frame_message *m, mesh_time now) {
        struct hash grant;
        memcpy(grant.b, m->v_key.grant.p, sizeof(grant));
        vault_tell_taken(v, &grant, key_take(v, &grant, m->v_key.blob, now));
}
