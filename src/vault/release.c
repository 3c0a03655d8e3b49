/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from other homes by way of the daemon, and needs nobody's yes any more: a receipt, behind which a wrapped key
 * leaves the vault; the word of a device that its copy is complete, or gone. A daemon that lies can bring what it likes: each paper is checked against the ledger, and nothing of the rest leaves.
 * Also the end of grants: what was wrapped for them is removed.
 */
#include "base/lang.h"
#include "base/log.h"
#include "vault/rule.h"
#include "vault/transfer.h"

#include <stdlib.h>

#define LOOK_MS 3600000 /* between two looks for grants whose time is over: a clock may be set meanwhile */
#define WITNESS_MS 5000 /* for the daemon to tell the roster; after that the owner hears that the vault is busy */
#define MS_PER_S 1000

const char consent_key_left[] = N_("the wrapped key could not be removed from the disk; it is not released any more, "
                                   "and the next start removes it");

/* ---- the end of grants ---- */

bool grant_forget(struct vault *v, struct book_grant *g) {
        if (!g->kept)
                return true;
        int r = v->io->blob_remove(v->io->arg, VAULT_BLOB_WRAPPED, &g->id);
        if (r)
                log_error("a wrapped key could not be removed (%s); it is not released any more", err_text(r));
        g->kept = r != 0;
        return r == 0;
}

/* What was wrapped is there still, on a disk that does not let it go: then a line says what its absence would have said at the next
 * start, however early the clock is by then. */
static void grant_end(struct vault *v, const struct book_grant *g) {
        struct hash id = g->id, clip = g->clip; /* a line may move the grants */
        struct wire_entry line = {.what = ENTRY_OVER, .time = MIN(g->seen, VAULT_CLOCK_CEILING)};
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(clip.b));
        WIRE_PUT(&line, ENTRY, grant, SPAN_OF(id.b));
        if (book_write(v->book, &line))
                log_error("that its time is over could not be written either: a restart with a clock that is wrong "
                          "revives it");
}

/* PROTOCOL 15.21: "Whether a grant's time is over MUST be judged by the latest time its owner's vault has known since the
 * grant was made: a clock that goes back revives no grant." */
void grants_mind(struct vault *v, mesh_wall wall) {
        book_see(v->book, wall);
        for (size_t i = 0; i < book_n_grants(v->book); i++) {
                struct book_grant *g = book_grant_at(v->book, i);
                if (book_grant_over(g) && !grant_forget(v, g) && !g->before && !g->revoked && !g->destroyed &&
                    !g->ended)
                        grant_end(v, g);
        }
}

/* Also where the ledger takes no line any more: nothing is released then, but a start may find it whole, and the clock back. */
void book_tick(struct vault *v, mesh_time now) {
        mesh_wall wall = v->io->wall(v->io->arg), next = taken_end(v, wall);
        grants_mind(v, wall);
        for (size_t i = 0; i < book_n_grants(v->book); i++)
                if (book_grant_at(v->book, i)->kept)
                        next = MIN(next, book_grant_at(v->book, i)->expires);
        if (v->book->broken)
                rule_sleep(v);
        else
                next = MIN(next, rule_mind(v));
        v->book_due = MESH_NEVER;
        if (next != UINT64_MAX)
                v->book_due = now + (next > wall ? MIN((next - wall) * MS_PER_S, (mesh_wall)LOOK_MS) : LOOK_MS);
}

/* ---- a receipt ---- */

static enum vault_error grant_wrong(const struct book_grant *g) {
        if (!g)
                return VAULT_NO_NO_SUCH_GRANT;
        if (g->revoked)
                return VAULT_NO_GRANT_REVOKED;
        if (g->destroyed)
                return VAULT_NO_CLIP_DESTROYED;
        if (g->ended || g->seen >= g->expires)
                return VAULT_NO_GRANT_EXPIRED;
        return g->kept && !g->before ? VAULT_OK : VAULT_NO_GRANT_BROKEN_OFF;
}

static enum vault_error enter(struct vault *v, const struct book_grant *g, enum wire_e_entry what, mesh_wall wall,
                              struct span who, struct span paper) {
        struct hash id = g->id, clip = g->clip; /* a line may move the grants */
        struct wire_entry line = {.what = what, .time = wall};
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(clip.b));
        WIRE_PUT(&line, ENTRY, grant, SPAN_OF(id.b));
        WIRE_PUT(&line, ENTRY, who, who);
        if (paper.n)
                WIRE_PUT(&line, ENTRY, object, paper);
        return book_write(v->book, &line);
}

/* PROTOCOL 15.12: "It MUST NOT leave the owner's vault before a receipt is there: signed by the household the grant names,
 * naming the same clip, made before the grant expired, while the grant was not taken back." */
static enum vault_error receipt_wrong(const struct vault *v, const struct wire_receipt *w, const struct book_grant *g) {
        enum vault_error e = grant_wrong(g);
        if (e)
                return e;
        bool right = span_eq(w->household, SPAN_OF(g->to.b)) && span_eq(w->clip, SPAN_OF(g->clip.b)) &&
                     w->created < g->expires;
        return right && !v->book->broken ? VAULT_OK : VAULT_NO_RECEIPT_FALSE;
}

static struct book_grant *grant_by(const struct vault *v, struct span id) {
        struct hash h;
        memcpy(h.b, id.p, sizeof(h));
        return book_grant_find(v->book, &h);
}

/* PROTOCOL 15.22: "A receipt that comes again MUST bring the same box again and no further line: the answer may have been
 * lost." */
static enum vault_error release_enter(struct vault *v, const struct book_grant *g, mesh_wall wall, struct span paper) {
        enum vault_error e = VAULT_OK;
        if (!g->receipt)
                e = enter(v, g, ENTRY_RECEIPT, wall, SPAN_OF(g->to.b), paper);
        if (!e && !g->released)
                e = enter(v, g, ENTRY_RELEASED, wall, SPAN_OF(g->to.b), SPAN_NONE);
        return e;
}

enum vault_error release(struct vault *v, struct span paper) {
        _clean_(buf_fini) struct buf blob = BUF_NULL;
        struct wire_receipt w;
        struct hash id;
        mesh_wall wall = v->io->wall(v->io->arg);
        if (!v->book || v->book->broken)
                return v->book ? v->book->broken : VAULT_NO_NO_HOUSEHOLD;
        if (!vault_clock_sane(wall))
                return VAULT_NO_NO_CLOCK;
        if (clip_read(CLIP_RECEIPT, paper, &v->key.mesh, &w, &id))
                return VAULT_NO_RECEIPT_FALSE;
        grants_mind(v, wall);
        const struct book_grant *g = grant_by(v, w.grant);
        enum vault_error e = receipt_wrong(v, &w, g);
        if (e)
                return e;
        if (v->io->blob_read(v->io->arg, VAULT_BLOB_WRAPPED, &g->id, &blob) || blob.n != CHUNK_SEALED)
                return VAULT_NO_LEDGER_UNREAD;
        e = release_enter(v, g, wall, paper);
        if (e)
                return e;
        struct wire_v_key msg = {.grant = SPAN_OF(g->id.b), .blob = buf_span(&blob)};
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_RELEASE), &msg);
        log_info("a recipient has signed its terms: the key it was granted is released to it");
        return VAULT_OK;
}

/* ---- answers to the daemon ---- */

void vault_tell_taken(struct vault *v, const struct hash *about, enum vault_error e) {
        struct wire_v_refused msg = {.about = SPAN_OF(about->b)};
        if (e)
                WIRE_PUT(&msg, V_REFUSED, name, span_str(vault_error(e)->name));
        frame_put(&v->to_daemon, wire_owner_find(e ? OWNER_V_REFUSED : OWNER_V_TOOK), &msg);
}

enum vault_error vault_book_there(struct vault *v) {
        if (!v->has_key || vault_key_void(v) || v->broken)
                return VAULT_NO_NO_HOUSEHOLD;
        if (!v->book && vault_book_open(v))
                return VAULT_NO_MEMORY;
        return v->book->broken;
}

void on_receipt(struct vault *v, const union frame_message *m, mesh_time now) {
        struct wire_receipt w;
        struct hash about = {0};
        (void)now;
        if (codec_decode(&wire_receipt_desc, m->v_paper.paper, &w, NULL) == 0)
                memcpy(about.b, w.grant.p, sizeof(about));
        enum vault_error e = vault_book_there(v);
        if (!e)
                e = release(v, m->v_paper.paper);
        if (e)
                vault_tell_taken(v, &about, e);
}

/* ---- an attestation ---- */

/* Whose device signed it only the roster says: it is folded as for a ballot, and nobody waits for it. */
struct witness {
        struct buf paper;
        struct roster *roster;
        uint64_t bytes;
        enum vault_error wrong;
};

struct witness *witness_free(struct witness *w) {
        if (!w)
                return NULL;
        buf_fini(&w->paper);
        roster_free(w->roster);
        free(w);
        return NULL;
}

void witness_take(struct vault *v, struct span op) {
        struct witness *w = v->witness;
        if (!w->wrong)
                w->wrong = fold_op(w->roster, &v->key.mesh, &w->bytes, op);
}

static enum vault_error attest_wrong(const struct vault *v, struct span paper, struct wire_attest *ret) {
        struct hash id;
        if (clip_read(CLIP_ATTEST, paper, &v->key.mesh, ret, &id) ||
            (ret->what != ATTESTED_COMPLETE && ret->what != ATTESTED_DELETED))
                return VAULT_NO_ATTEST_FALSE;
        const struct book_grant *g = grant_by(v, ret->grant);
        if (!g)
                return VAULT_NO_NO_SUCH_GRANT;
        return g->released ? VAULT_OK : VAULT_NO_ATTEST_FALSE; /* who has no key can have no copy */
}

static bool told_already(const struct vault *v, const struct wire_attest *w) {
        const struct book_grant *g = grant_by(v, w->grant);
        return w->what == ATTESTED_COMPLETE ? g->complete : g->deleted;
}

static enum vault_error attest_enter(struct vault *v, const struct witness *w, struct hash *ret_about) {
        struct wire_attest a;
        struct key device;
        mesh_wall wall = v->io->wall(v->io->arg);
        enum vault_error e = vault_book_there(v);
        if (!e)
                e = attest_wrong(v, buf_span(&w->paper), &a);
        if (e)
                return e;
        memcpy(ret_about->b, a.grant.p, sizeof(*ret_about));
        memcpy(device.b, a.device.p, sizeof(device));
        const struct book_grant *g = grant_by(v, a.grant);
        const struct roster_device *d = roster_device_find(w->roster, &device);
        if (w->wrong || !w->bytes || !d || !key_eq(&d->home->key, &g->to) ||
            (g->to_device && !key_eq(&device, &g->device)))
                return VAULT_NO_ATTEST_FALSE;
        if (!vault_clock_sane(wall))
                return VAULT_NO_NO_CLOCK;
        if (told_already(v, &a))
                return VAULT_OK;
        return enter(v, g, a.what == ATTESTED_COMPLETE ? ENTRY_COMPLETE : ENTRY_DELETED, wall, a.device,
                     buf_span(&w->paper));
}

void witness_end(struct vault *v) {
        struct witness *w = TAKE(v->witness);
        struct hash about = {0};
        v->errand = VAULT_NO_ERRAND;
        enum vault_error e = attest_enter(v, w, &about);
        vault_tell_taken(v, &about, e);
        witness_free(w);
}

static struct witness *witness_new(const struct vault *v, struct span paper) {
        uint64_t seed[4];
        struct witness *w = calloc(1, sizeof(*w));
        if (!w)
                return NULL;
        v->io->seed(v->io->arg, (uint8_t *)seed);
        buf_add(&w->paper, paper);
        if (roster_new(&w->roster, seed) || !buf_ok(&w->paper))
                return witness_free(w);
        return w;
}

void on_attest(struct vault *v, const union frame_message *m, mesh_time now) {
        struct wire_c_none none = {0};
        struct wire_attest a;
        struct hash about = {0};
        enum vault_error e = vault_book_there(v);
        if (!e)
                e = attest_wrong(v, m->v_paper.paper, &a);
        if (!e)
                memcpy(about.b, a.grant.p, sizeof(about));
        if (!e && (v->errand || v->witness || v->renewal))
                e = VAULT_NO_BUSY; /* the daemon brings it again */
        if (!e && !(v->witness = witness_new(v, m->v_paper.paper)))
                e = VAULT_NO_MEMORY;
        if (e) {
                vault_tell_taken(v, &about, e);
                return;
        }
        v->errand = VAULT_OPS;
        v->witness_until = now + WITNESS_MS;
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_WANT_OPS), &none);
}
