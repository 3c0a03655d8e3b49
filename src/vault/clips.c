/* SPDX-License-Identifier: Apache-2.0 */
/* Clips as the vault gets them: their manifests and sealed keys are the daemon's to keep, so each is looked at anew; and the
 * ledger, which every use of them rests on. */
#include "base/log.h"
#include "vault/rule.h"

#include <stdlib.h>

/* ---- the ledger ---- */

/* There is a key in DIR/vault that has to go some day. */
static bool has_ends(const struct vault *v) {
        _clean_(buf_fini) struct buf ids = BUF_NULL;
        bool taken = v->io->blob_list(v->io->arg, VAULT_BLOB_TAKEN, &ids) != 0 || ids.n > 0;
        for (size_t i = 0; !taken && v->book && i < book_n_grants(v->book); i++)
                taken = book_grant_at(v->book, i)->kept;
        return taken;
}

int vault_book_open(struct vault *v) {
        if (v->book)
                return 0;
        v->book = calloc(1, sizeof(*v->book));
        if (!v->book)
                return ERR_NOMEM;
        int r = book_open(v->book, v->io, &v->key.mesh, &v->key.household);
        if (r) {
                book_fini(v->book);
                free(TAKE(v->book));
        }
        v->book_due = has_ends(v) ? 0 : MESH_NEVER;
        return r;
}

bool vault_book(struct vault *v, struct vault_peer *p) {
        if (!vault_has_key(v, p))
                return false;
        if (vault_book_open(v))
                return vault_refuse(p, VAULT_NO_MEMORY);
        return book_fine(v->book, p);
}

bool vault_clock(struct vault *v, struct vault_peer *p, mesh_wall *ret) {
        mesh_wall wall = v->io->wall(v->io->arg);
        if (!vault_clock_sane(wall))
                return vault_refuse(p, VAULT_NO_NO_CLOCK);
        grants_mind(v, wall);
        *ret = wall;
        return true;
}

void vault_book_close(struct vault *v) {
        reading_gone(v, NULL);
        rule_sleep(v);
        if (v->checking)
                vault_refuse(checking_peer(v), VAULT_NO_BUSY);
        v->checking = checking_free(v->checking);
        if (v->book)
                book_fini(v->book);
        free(TAKE(v->book));
}

void vault_book_void(struct vault *v) {
        const struct book *b = v->book;
        bool nothing = b && !b->broken && (b->chain.n == b->restored || b->from_backup);
        if (nothing && v->io->ledger_cut(v->io->arg, 0))
                log_error("DIR/vault/ledger, which says nothing, could not be removed");
        vault_book_close(v);
}

static enum vault_error book_anew(struct vault *v) {
        vault_book_close(v);
        return vault_book_open(v) ? VAULT_NO_MEMORY : VAULT_OK;
}

/* That of the backup, where it has more than what stands here, which is put aside. One that does not read is left out: the home comes
 * back without, as from a backup that had none. */
static enum vault_error book_bring(struct vault *v, struct span ledger) {
        if (!ledger.n || v->book->end >= ledger.n)
                return VAULT_OK;
        if ((v->book->end && v->io->ledger_away(v->io->arg)) || v->io->ledger_write(v->io->arg, 0, ledger))
                return VAULT_NO_LEDGER_DISK;
        enum vault_error e = book_anew(v);
        if (e)
                return e;
        v->book->from_backup = true;
        if (v->book->broken != VAULT_NO_LEDGER_BROKEN) /* what cannot be read now may be whole */
                return v->book->broken;
        log_error("the ledger in the backup is damaged; it is left out");
        return v->io->ledger_cut(v->io->arg, 0) ? VAULT_NO_LEDGER_DISK : book_anew(v);
}

/* One that does not read as this household's is put aside and not lost. PROTOCOL 15.24: "A home that comes back out of a backup writes
 * a line `restored` before any other of its own." */
enum vault_error vault_book_begin(struct vault *v, bool restored, struct span ledger) {
        struct wire_entry line = {.what = ENTRY_RESTORED, .time = v->io->wall(v->io->arg)};
        enum vault_error e = book_anew(v);
        if (e)
                return e;
        if (v->book->broken == VAULT_NO_LEDGER_BROKEN && v->io->ledger_away(v->io->arg) == 0) {
                log_warning("the ledger of another household stood here; it is DIR/vault/ledger.old now");
                e = book_anew(v);
        }
        if (!e)
                e = v->book->broken;
        if (!e)
                e = book_bring(v, ledger);
        return e || !restored ? e : book_write(v->book, &line);
}

static void forget_blobs(const struct vault *v, enum vault_blob what) {
        _clean_(buf_fini) struct buf ids = BUF_NULL;
        int r = v->io->blob_list(v->io->arg, what, &ids);
        for (size_t at = 0; r == 0 && at + sizeof(struct hash) <= ids.n; at += sizeof(struct hash)) {
                struct hash id;
                memcpy(id.b, ids.p + at, sizeof(id));
                r = v->io->blob_remove(v->io->arg, what, &id);
        }
        if (r)
                log_error("keys of clips could not be removed (%s); what begins with wrapped- or taken- in DIR/vault "
                          "can go",
                          err_text(r));
}

void vault_book_end(struct vault *v) {
        vault_book_close(v);
        forget_blobs(v, VAULT_BLOB_WRAPPED);
        forget_blobs(v, VAULT_BLOB_TAKEN);
        if (v->io->ledger_away(v->io->arg))
                log_error("DIR/vault/ledger could not be put aside as ledger.old");
}

/* ---- asking for a clip ---- */

struct wanted *wanted_free(struct wanted *w) {
        if (!w)
                return NULL;
        buf_fini(&w->words);
        buf_fini(&w->text);
        household_free(w->key);
        free(w);
        return NULL;
}

bool clip_want(struct vault *v, struct vault_peer *p, struct span words, mesh_time now) {
        struct wire_v_clip_id msg = {.clip = words};
        if (v->errand)
                return vault_refuse(p, VAULT_NO_BUSY);
        return vault_ask(v, p, VAULT_CLIP, OWNER_V_WANT_CLIP, &msg, now);
}

void wanted_ask(struct vault *v, struct wanted *w, mesh_time now) {
        _clean_(wanted_freep) struct wanted *mine = w;
        if (clip_want(v, w->peer, buf_span(&w->words), now)) {
                wanted_free(v->wanted);
                v->wanted = TAKE(mine);
        }
}

enum vault_error clip_look(const struct vault *v, struct span raw, struct span words, struct wire_manifest *ret,
                           struct hash *ret_id) {
        if (clip_read(CLIP_MANIFEST, raw, &v->key.mesh, ret, ret_id) || !id_begins(ret_id->b, words) ||
            !span_eq(ret->household, SPAN_OF(v->key.household.b)))
                return VAULT_NO_CLIP_FALSE;
        return VAULT_OK;
}

static void wanted_clip(struct vault *v, struct wanted *w, const struct wire_v_clip *m) {
        struct wire_manifest manifest;
        struct hash id;
        bool sealed = WIRE_HAS(m, V_CLIP, sealed);
        enum vault_error e = clip_look(v, m->manifest, buf_span(&w->words), &manifest, &id);
        if (!e && w->what == WANTED_READ && !sealed)
                e = VAULT_NO_NO_CLIP_KEY;
        if (e) {
                vault_refuse(w->peer, e);
                return;
        }
        switch (w->what) {
        case WANTED_READ:
                read_begin(v, w, &manifest, &(struct unwrap_clip){id, &manifest, manifest.salt, m->sealed});
                return;
        case WANTED_WHO:
                who_answer(v, w->peer, &id, sealed);
                return;
        case WANTED_LEGAL:
                legal_write(v, w, &id);
                return;
        }
}

/* Who asked may have hung up: then it is for nobody. */
void on_clip(struct vault *v, const union frame_message *m, mesh_time now) {
        _clean_(wanted_freep) struct wanted *w = TAKE(v->wanted);
        struct ballot *b = v->ballot;
        struct vault_peer *p = v->asker;
        if (v->errand != VAULT_CLIP) {
                log_warning("the daemon sends a clip nobody asked for; ignoring it");
                v->wanted = TAKE(w);
                return;
        }
        v->errand = VAULT_NO_ERRAND;
        v->asker = NULL;
        if (!p && v->rescue)
                rescue_clip(v, &m->v_clip);
        else if (p && w && w->peer == p)
                wanted_clip(v, w, &m->v_clip);
        else if (p && b && b->peer == p && b->consent && !consent_clip(v, b, &m->v_clip, now))
                ballot_drop(v);
}

void clip_refused(struct vault *v, const struct wire_v_result *res) {
        struct vault_peer *p = TAKE(v->asker);
        v->errand = VAULT_NO_ERRAND;
        v->wanted = wanted_free(v->wanted);
        if (!p && v->rescue)
                rescue_clip(v, NULL);
        if (!p)
                return;
        if (res->ok)
                vault_refuse(p, VAULT_NO_CLIP_FALSE);
        else if (WIRE_HAS(res, V_RESULT, name) && span_eq(res->name, span_str(vault_error(VAULT_NO_AMBIGUOUS)->name)))
                vault_refuse_why(p, VAULT_NO_AMBIGUOUS, "several clips begin with that");
        else
                vault_pass_on(p, res);
        if (v->ballot && v->ballot->peer == p)
                ballot_drop(v);
}
