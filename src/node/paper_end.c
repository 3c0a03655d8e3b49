/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a grant that was accepted here: its key comes, its bytes are fetched, its device says that the copy is
 * complete. At its end, or when its owner takes it back, the vault lets the key go first, then the bytes go, then the
 * device says that they are gone; a start goes on with that wherever it was cut off. And rows that nobody needs any more go.
 */
#include "base/log.h"
#include "crypto/sign.h"
#include "node/internal.h"
#include "node/rows.h"

/* PROTOCOL 15.14: "A device whose copy is complete signs an attestation `complete`; when the grant expires it deletes the copy
 * and the key, and signs `deleted`." */
/* False: there is no memory for it; said again with the next look. */
static bool attest(struct node *n, const struct paper *grant, enum wire_e_attested what) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct hash mesh = papers_mesh(n), id;
        struct sign_key sign;
        sign_key_from_seed(&sign, n->cfg.sign_seed);
        struct wire_attest w = {
                .grant = SPAN_OF(grant->id.b), .device = SPAN_OF(sign.pub.b), .what = what, .created = node_time(n)};
        int r = clip_sign(CLIP_ATTEST, &w, &mesh, &sign, &paper, &id);
        hash_wipe(&sign, sizeof(sign));
        struct store_paper row = {.id = id,
                                  .what = PAPER_OUT_ATTEST,
                                  .state = PAPER_WAITS,
                                  .household = grant->household,
                                  .about = grant->id,
                                  .expires = grant->expires,
                                  .paper = buf_span(&paper)};
        if (r || !papers_add(n, &row)) {
                log_error("what became of a clip cannot be told to its owner yet: there is no memory for it");
                return false;
        }
        courier_kick(n, &row.household);
        return true;
}

static void drop_about(struct node *n, enum paper_what what, const struct hash *grant) {
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what == what && hash_eq(&p->about, grant))
                        papers_drop(n, p);
}

/* ---- it is here ---- */

static struct paper *called_off(const struct node *n, const struct hash *clip) {
        struct paper *p = papers_find(n, clip);
        return p && p->what == PAPER_CALLED_OFF ? p : NULL;
}

bool paper_end_call_off(struct node *n, const struct hash *clip) {
        const struct paper *g = papers_leave(n, clip);
        if (!g || called_off(n, clip))
                return true;
        struct store_paper row = {.id = *clip,
                                  .what = PAPER_CALLED_OFF,
                                  .household = g->household,
                                  .about = *clip,
                                  .expires = g->expires - PAPERS_LINGER};
        return papers_add(n, &row) != NULL;
}

int paper_end_again(struct node *n, const struct hash *clip) {
        struct paper *off = called_off(n, clip);
        const struct paper *g = papers_leave(n, clip);
        int r = off && g ? fetch_begin(n, clip, buf_span(&g->more), g->expires - PAPERS_LINGER) : 0;
        if (off && !r)
                papers_drop(n, off);
        return r;
}

/* Before the key is here: nobody can open them without. What could not begin begins with the next look. */
void paper_end_fetch(struct node *n, const struct paper *grant) {
        bool here = paper_own_taken_here(n, grant);
        if (grant->state == GIVEN_OPEN && (here || fetch_whole(n, &grant->about)))
                papers_complete(n, &grant->about);
        else if (!here && !fetch_known(n, &grant->about) && !called_off(n, &grant->about))
                fetch_begin(n, &grant->about, buf_span(&grant->more), grant->expires - PAPERS_LINGER);
}

void paper_end_key(struct node *n, struct paper *grant) {
        char name[ROWS_NAME_MAX];
        if (grant->what != PAPER_IN_GRANT || grant->state != GIVEN_SIGNED)
                return;
        log_info("the key of a clip that %s granted is here", rows_household(n, &grant->household, name));
        papers_set(n, grant, GIVEN_OPEN);
        drop_about(n, PAPER_OUT_RECEIPT, &grant->id);
        if (fetch_whole(n, &grant->about))
                papers_complete(n, &grant->about);
        else
                paper_end_fetch(n, grant);
}

void papers_complete(struct node *n, const struct hash *clip) {
        LIST_EACH (p, &n->papers.all, struct paper, on) {
                if (p->what != PAPER_IN_GRANT || p->state != GIVEN_OPEN || !hash_eq(&p->about, clip))
                        continue;
                if (attest(n, p, ATTESTED_COMPLETE))
                        papers_set(n, p, GIVEN_COMPLETE);
        }
}

/* ---- it ends ---- */

/* PROTOCOL 15.69: "When a grant that was accepted is taken back, the recipient's home MUST do as at its end: the key goes, then
 * the bytes that no other grant keeps, then its device signs `deleted`." */
void paper_end_begin(struct node *n, struct paper *grant, bool back) {
        char name[ROWS_NAME_MAX];
        bool accepted = grant->state > GIVEN_OFFERED;
        log_info("a clip that %s granted: %s", rows_household(n, &grant->household, name),
                 back ? "it was taken back" : "its time is over");
        drop_about(n, PAPER_OUT_RECEIPT, &grant->id);
        if (back)
                control_paper_back(n, grant);
        if (!accepted) {
                drop_about(n, PAPER_IN_OVER, &grant->id);
                papers_drop(n, grant);
                return;
        }
        papers_set(n, grant, back ? PAPER_ENDING_BACK : PAPER_ENDING_OVER);
        paper_vault_over(n, grant); /* if it does not take it now: with the next look */
}

static bool is_ending(const struct paper *grant) {
        return grant->state >= PAPER_ENDING_BACK;
}

void paper_end_told(struct node *n, struct paper *back) {
        struct paper *g = papers_find(n, &back->about);
        bool given = g && g->what == PAPER_IN_GRANT;
        if (given && g->state < GIVEN_TAKEN_BACK)
                paper_end_begin(n, g, true);
        else if (!given || !is_ending(g)) /* else the vault is at it */
                papers_drop(n, back);
}

static void ended(struct node *n, struct paper *grant) {
        if (!attest(n, grant, ATTESTED_DELETED))
                return;
        papers_set(n, grant, grant->state == PAPER_ENDING_BACK ? GIVEN_TAKEN_BACK : GIVEN_OVER);
        drop_about(n, PAPER_IN_OVER, &grant->id);
}

/* Another grant for the same clip keeps its bytes; and what this device took in itself is no copy. They go on the pool, and may not go at once: it is looked at again until none
 * is left. PROTOCOL 15.74: "A node MUST NOT sign `deleted` while a byte of the copy may be on its disk" */
void paper_end_keyless(struct node *n, struct paper *grant) {
        if (!is_ending(grant) || n->stopping)
                return;
        bool wanted = papers_clip_wanted(n, &grant->about) || paper_own_taken_here(n, grant);
        if (!wanted)
                fetch_end(n, &grant->about);
        if (wanted || fetch_gone(n, &grant->about))
                ended(n, grant);
}

/* ---- what this home gave ---- */

/* PROTOCOL 15.84: "The main device fetches the bytes of a clip of another device that it grants, and keeps them until the
 * grant is over." What could not begin begins with the next look. */
static void keep_given(struct node *n, const struct paper *grant) {
        if (grant->state != PAPER_NOT && !paper_own_taken_by(grant, &grant->household) &&
            !fetch_known(n, &grant->about))
                fetch_begin(n, &grant->about, buf_span(&grant->more), grant->expires - PAPERS_LINGER);
}

void paper_end_given(struct node *n, const struct hash *clip) {
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what == PAPER_OUT_GRANT && hash_eq(&p->about, clip))
                        papers_set(n, p, PAPER_NOT);
}

/* ---- time passes ---- */

static bool grant_over(const struct paper *p, mesh_wall now) {
        return p->expires - PAPERS_LINGER <= now;
}

static void look(struct node *n, struct paper *p, mesh_wall now) {
        bool given = p->what == PAPER_IN_GRANT;
        if (given && p->state < GIVEN_TAKEN_BACK && grant_over(p, now))
                paper_end_begin(n, p, false);
        else if (given && is_ending(p))
                paper_vault_over(n, p);
        else if (given && (p->state == GIVEN_SIGNED || p->state == GIVEN_OPEN))
                paper_end_fetch(n, p);
        else if (p->expires <= now)
                papers_drop(n, p);
        else if (papers_wait(p) && paper_own_gone(n, &p->household))
                papers_drop(n, p); /* its device was revoked: nobody is left to hear of it */
        else if (p->what == PAPER_CALLED_OFF && fetch_known(n, &p->about))
                fetch_end(n, &p->about); /* a crash came before its files were gone */
        else if (p->what == PAPER_IN_OVER && !p->token)
                paper_end_told(n, p);
        else if (p->what == PAPER_OUT_GRANT && p->state == PAPER_WAITS && grant_over(p, now))
                papers_set(n, p, PAPER_NOT);
        else if (p->what == PAPER_OUT_GRANT && !grant_over(p, now))
                keep_given(n, p);
}

/* PROTOCOL 15.70: "Papers are erased when their time is over: a request at its end, an offer at the grant's, and what is left of a
 * grant 30 days later." Each look may drop others: what is to be looked at is taken down first. */
void paper_end_tick(struct node *n, mesh_wall now) {
        _clean_(buf_fini) struct buf ids = BUF_NULL;
        LIST_EACH (p, &n->papers.all, struct paper, on)
                buf_add(&ids, SPAN_OF(p->id.b));
        for (size_t at = 0; buf_ok(&ids) && at < ids.n; at += sizeof(struct hash)) {
                struct hash id;
                memcpy(id.b, ids.p + at, sizeof(id.b));
                struct paper *p = papers_find(n, &id);
                if (p)
                        look(n, p, now);
        }
}
