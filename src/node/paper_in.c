/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Papers come. Each is looked at by paper_rules.c; what no honest device brings ends the link, by name. What is fine is kept,
 * and its bringer hears so when it is on the disk; a receipt and an attestation go to the vault, which looks at them again.
 *
 * A request is answered alike whatever becomes of it: whether the clip is here, whether its household is muted, and whether
 * anybody likes it does not show (PROTOCOL 15.67).
 */
#include "base/log.h"
#include "node/internal.h"
#include "node/paper_rules.h"
#include "node/rows.h"

#include <stdlib.h>

#define JUNK_LINES 6 /* a minute, in the log */

/* Of a link: the manifest that came last, for the grant behind it. */
struct paper_link {
        struct buf manifest;
};

/* PROTOCOL 15.62: "Who brings anything else MUST be hung up on." */
void paper_in_junk(struct haul_link *l, const char *what) {
        char name[ROWS_NAME_MAX];
        if (quiet_may(&l->n->papers.junk, uv_now(l->n->loop), JUNK_LINES))
                log_warning("%s brings %s that no honest home brings; hanging up",
                            rows_household(l->n, &l->household, name), what);
        haul_hangup(l);
}

static struct paper_eye eye_of(const struct haul_link *l) {
        struct mesh_status st;
        mesh_status(l->n->core, &st);
        return (struct paper_eye){.roster = mesh_roster(l->n->core),
                                  .self = st.household,
                                  .bringer = l->household,
                                  .device = l->device,
                                  .now = node_time(l->n)};
}

void paper_in_say(struct haul_link *l, const struct hash *about, uint8_t why) {
        struct wire_haul_answer msg = {.about = SPAN_OF(about->b)};
        if (why)
                WIRE_PUT(&msg, HAUL_ANSWER, why, why);
        haul_say(l, LINK_ANSWER, &msg); /* what is lost is asked for again, by bringing the paper again */
}

void paper_answer(struct node *n, const struct key *device, const struct hash *about, uint8_t why) {
        struct haul_link *l = haul_find(n, device);
        if (l)
                paper_in_say(l, about, why);
}

/* What was brought before: again is as good as once. True: it is there, and answered, or will be. */
bool paper_in_known(struct haul_link *l, const struct hash *id) {
        struct paper *p = papers_find(l->n, id);
        if (!p)
                return false;
        if (p->token) { /* on its way to the disk */
                p->answer = true;
                p->bringer = l->device;
        } else {
                paper_in_say(l, id, 0);
        }
        return true;
}

void paper_in_keep(struct haul_link *l, const struct store_paper *row) {
        struct paper *p = papers_add(l->n, row);
        if (!p) {
                paper_in_say(l, &row->id, REFUSAL_NOT_NOW);
                return;
        }
        p->answer = true;
        p->bringer = l->device;
}

/* ---- what the owner brings ---- */

/* A grant that is not in force takes no room from one that is. */
static bool offers_full(const struct node *n, const struct key *household) {
        size_t count = 0;
        LIST_EACH (p, &n->papers.all, struct paper, on)
                count += p->what == PAPER_IN_GRANT && key_eq(&p->household, household) && p->state < GIVEN_TAKEN_BACK;
        return count >= PAPERS_EACH;
}

static void on_grant(struct haul_link *l, struct span paper) {
        const struct paper_link *mine = l->of[HAUL_PAPERS];
        struct paper_eye eye = eye_of(l);
        struct paper_grant g;
        if (paper_own_link(l)) {
                paper_own_grant(l, &eye, paper, buf_span(&mine->manifest));
                return;
        }
        enum paper_verdict v = paper_grant_read(&eye, paper, buf_span(&mine->manifest), &g);
        if (v == PAPER_JUNK)
                paper_in_junk(l, "a grant");
        else if (v == PAPER_LATE)
                paper_in_say(l, &g.id, REFUSAL_OVER);
        else if (paper_in_known(l, &g.id))
                return;
        else if (offers_full(l->n, &l->household) || !papers_here(l->n))
                paper_in_say(l, &g.id, REFUSAL_NOT_NOW);
        else
                paper_in_keep(l, &(struct store_paper){.id = g.id,
                                                       .what = PAPER_IN_GRANT,
                                                       .state = GIVEN_OFFERED,
                                                       .household = l->household,
                                                       .about = g.clip,
                                                       .expires = g.grant.expires + PAPERS_LINGER,
                                                       .paper = paper,
                                                       .more = buf_span(&mine->manifest)});
}

/* Of the household at the other end, or, where it is this one, of that device. */
static struct paper *grant_of(const struct haul_link *l, enum paper_what what, struct span id) {
        struct hash h;
        memcpy(h.b, id.p, sizeof(h.b));
        struct paper *p = papers_find(l->n, &h);
        bool theirs = p && (key_eq(&p->household, &l->household) || key_eq(&p->household, &l->device));
        return theirs && p->what == what && paper_own_from(l, p) ? p : NULL;
}

static void stray(struct haul_link *l, const struct wire_grant_over *w, const struct hash *id, struct span paper) {
        struct hash grant;
        memcpy(grant.b, w->grant.p, sizeof(grant.b));
        if (!paper_vault_stray(l->n, &grant, &l->device, id, paper))
                paper_in_say(l, id, REFUSAL_NOT_NOW);
}

/* PROTOCOL 15.74: "and MUST NOT answer a grant taken back before the owner's word is on its disk, or, where it knows of no such
 * grant, before its vault has looked and has no key for it." The vault is told by this very paper: nothing begins before it is
 * kept. */
static void on_back(struct haul_link *l, struct span paper) {
        struct paper_eye eye = eye_of(l);
        struct wire_grant_over w;
        struct hash id;
        if (paper_over_read(&eye, paper, &w, &id) != PAPER_FINE) {
                paper_in_junk(l, "a revocation");
                return;
        }
        const struct paper *g = grant_of(l, PAPER_IN_GRANT, w.grant);
        if (!g)
                stray(l, &w, &id, paper);
        else if (g->state == GIVEN_TAKEN_BACK || g->state == GIVEN_OVER)
                paper_in_say(l, &id, 0); /* nothing of it is here any more */
        else if (paper_in_known(l, &id))
                return;
        else if (papers_back(l->n, &g->id)) /* by another paper that says the same */
                paper_in_say(l, &id, REFUSAL_NOT_NOW);
        else
                paper_in_keep(l, &(struct store_paper){.id = id,
                                                       .what = PAPER_IN_OVER,
                                                       .household = l->household,
                                                       .about = g->id,
                                                       .expires = g->expires,
                                                       .paper = paper});
}

static void on_box(struct haul_link *l, const struct wire_haul_box *m) {
        const struct paper *g = grant_of(l, PAPER_IN_GRANT, m->grant);
        if (g && g->state == GIVEN_SIGNED) /* else it is here, or nobody asked for it */
                paper_vault_key(l->n, g, m->box);
}

/* ---- what the recipient brings ---- */

static void on_receipt(struct haul_link *l, struct span paper) {
        struct paper_eye eye = eye_of(l);
        struct wire_receipt w;
        struct hash id;
        if (paper_receipt_read(&eye, paper, &w, &id) != PAPER_FINE) {
                paper_in_junk(l, "a receipt");
                return;
        }
        const struct paper *g = grant_of(l, PAPER_OUT_GRANT, w.grant);
        if (!g && paper_own_link(l) && !papers_here(l->n))
                paper_own_receipt(l, &w, &id, paper);
        else if (!g)
                paper_in_say(l, &id, REFUSAL_UNKNOWN);
        else if (!paper_vault_receipt(l->n, g, &l->device, &id, paper))
                paper_in_say(l, &id, REFUSAL_NOT_NOW);
}

static void on_attest(struct haul_link *l, struct span paper) {
        struct paper_eye eye = eye_of(l);
        struct wire_attest w;
        struct hash id;
        if (paper_attest_read(&eye, paper, &w, &id) != PAPER_FINE) {
                paper_in_junk(l, "an attestation");
                return;
        }
        struct paper *g = grant_of(l, PAPER_OUT_GRANT, w.grant);
        if (!g)
                paper_in_say(l, &id, REFUSAL_UNKNOWN);
        else if (++g->attests > PAPERS_ATTESTS || !paper_vault_attest(l->n, g, &l->device, &id, paper))
                paper_in_say(l, &id, REFUSAL_NOT_NOW);
}

/* PROTOCOL 15.67: "A node MUST answer a request that is right in the same way whether it has the clip or not, and whether it
 * has muted who asks or not." */
static void on_request(struct haul_link *l, struct span paper) {
        struct paper_eye eye = eye_of(l);
        struct wire_request w;
        struct hash id, clip;
        enum paper_verdict v = paper_request_read(&eye, paper, &w, &id);
        if (v == PAPER_JUNK)
                paper_in_junk(l, "a request");
        else if (v == PAPER_EARLY) /* hung up on, nothing that waits behind it would ever come */
                paper_in_say(l, &id, REFUSAL_NOT_NOW);
        else if (v == PAPER_LATE)
                paper_in_say(l, &id, REFUSAL_OVER);
        else if (paper_in_known(l, &id))
                return;
        else if (papers_count(l->n, PAPER_IN_REQUEST, &l->household) >= PAPERS_REQUESTS)
                paper_in_say(l, &id, REFUSAL_NOT_NOW);
        else {
                memcpy(clip.b, w.clip.p, sizeof(clip.b));
                paper_in_keep(l, &(struct store_paper){.id = id,
                                                       .what = PAPER_IN_REQUEST,
                                                       .state = PAPER_ASKED,
                                                       .household = l->household,
                                                       .about = clip,
                                                       .expires = w.expires,
                                                       .paper = paper});
        }
}

/* ---- between devices of this household ---- */

static void answer_now(struct haul_link *l, const struct hash *clip, bool taken) {
        if (!taken)
                paper_in_say(l, clip, REFUSAL_NOT_NOW);
}

/* PROTOCOL 15.80: "Whoever is not such a device and brings one MUST be hung up on." */
static void on_own(struct haul_link *l, struct span paper) {
        const struct paper_link *mine = l->of[HAUL_PAPERS];
        struct paper_eye eye = eye_of(l);
        struct paper_own own;
        if (paper_own_read(&eye, paper, buf_span(&mine->manifest), &own) != PAPER_FINE)
                paper_in_junk(l, "a clip");
        else
                answer_now(l, &own.clip,
                           papers_here(l->n) && kin_take(l->n, &own, buf_span(&mine->manifest), &l->device));
}

static void on_gone(struct haul_link *l, struct span paper) {
        struct paper_eye eye = eye_of(l);
        struct hash clip;
        if (paper_gone_read(&eye, paper, &clip) != PAPER_FINE)
                paper_in_junk(l, "word of a clip");
        else
                answer_now(l, &clip, papers_here(l->n) && kin_lose(l->n, &clip, &l->device));
}

static void on_destroy(struct haul_link *l, struct span paper) {
        struct paper_eye eye = eye_of(l);
        const struct roster_device *main = papers_main(l->n, &eye.self);
        struct mesh_status st;
        struct hash clip;
        mesh_status(l->n->core, &st);
        if (paper_destroy_read(&eye, main ? &main->sign : NULL, &st.device, paper, &clip) != PAPER_FINE)
                paper_in_junk(l, "an order");
        else
                answer_now(l, &clip, kin_destroy(l->n, &clip, &l->device));
}

/* ---- what was brought from here ---- */

static void refused(struct node *n, struct paper *p, uint8_t why) {
        char name[ROWS_NAME_MAX];
        if (why == REFUSAL_NOT_NOW || p->state != PAPER_WAITS)
                return; /* with the next link; or it was answered before */
        log_info("%s does not take a paper about a clip: %s", rows_household(n, &p->household, name),
                 wire_enum_text(&wire_refusal_enum, why) ? wire_enum_text(&wire_refusal_enum, why)
                                                         : "for a reason not known here");
        if (p->what == PAPER_OUT_RECEIPT || p->what == PAPER_OUT_ATTEST || p->what == PAPER_OUT_OWN_RECEIPT)
                papers_drop(n, p);
        else
                papers_set(n, p, PAPER_NOT);
}

static bool is_for(const struct paper *p, const struct haul_link *l) {
        return papers_goes(p) && (key_eq(&p->household, &l->household) || key_eq(&p->household, &l->device));
}

static void on_answer(struct haul_link *l, const struct wire_haul_answer *m) {
        struct hash id;
        memcpy(id.b, m->about.p, sizeof(id.b));
        struct paper *p = papers_find(l->n, &id);
        uint8_t why = WIRE_HAS(m, HAUL_ANSWER, why) ? (uint8_t)m->why : 0;
        if (!p || !is_for(p, l))
                p = paper_told_row(l, &id);
        if (kin_answer(l, &id, why) || !p)
                return;
        if (WIRE_HAS(m, HAUL_ANSWER, why))
                refused(l->n, p, (uint8_t)m->why);
        else if (p->what == PAPER_OUT_ATTEST || p->what == PAPER_OUT_DESTROY || p->what == PAPER_OUT_OWN_RECEIPT)
                papers_drop(l->n, p);
        else if (p->what != PAPER_OUT_RECEIPT && p->state == PAPER_WAITS) /* what answers a receipt is the key */
                papers_set(l->n, p, PAPER_THERE);
}

/* ---- by number ---- */

/* Signatures that are checked, here and by the vault. */
static unsigned checks_of(enum wire_link number, const void *msg) {
        if (number == LINK_BOX)
                return 1;
        if (number != LINK_PAPER)
                return 0;
        const struct wire_haul_paper *m = msg;
        if (m->what == PAPER_MANIFEST || m->what == PAPER_OWN_GONE || m->what == PAPER_OWN_DESTROY)
                return 0;
        return m->what == PAPER_REQUEST || m->what == PAPER_OWN ? 1 : 2;
}

static void on_paper(struct haul_link *l, const struct wire_haul_paper *m) {
        struct paper_link *mine = l->of[HAUL_PAPERS];
        switch ((enum wire_e_paper)m->what) {
        case PAPER_MANIFEST:
                buf_clear(&mine->manifest);
                buf_add(&mine->manifest, m->object);
                return;
        case PAPER_GRANT:
                on_grant(l, m->object);
                return;
        case PAPER_GRANT_OVER:
                on_back(l, m->object);
                return;
        case PAPER_RECEIPT:
                on_receipt(l, m->object);
                return;
        case PAPER_ATTEST:
                on_attest(l, m->object);
                return;
        case PAPER_REQUEST:
                on_request(l, m->object);
                return;
        case PAPER_OWN:
                on_own(l, m->object);
                return;
        case PAPER_OWN_GONE:
                on_gone(l, m->object);
                return;
        case PAPER_OWN_DESTROY:
                on_destroy(l, m->object);
                return;
        }
}

/* PROTOCOL 15.72: "A node SHOULD check no more than 256 signatures of one household's papers at once and 10 a second, and leave
 * what is beyond that unanswered." It is brought again with the next link. */
void paper_in(struct haul_link *l, enum wire_link number, const void *msg) {
        unsigned checks = checks_of(number, msg);
        if (checks && !paper_budget_take(l->n, &l->household, checks))
                return;
        if (!l->of[HAUL_PAPERS] && !(l->of[HAUL_PAPERS] = calloc(1, sizeof(struct paper_link))))
                return;
        if (number == LINK_PAPER)
                on_paper(l, msg);
        else if (number == LINK_BOX)
                on_box(l, msg);
        else if (number == LINK_ANSWER)
                on_answer(l, msg);
}

void paper_in_end(struct haul_link *l) {
        struct paper_link *mine = l->of[HAUL_PAPERS];
        if (mine)
                buf_fini(&mine->manifest);
        free(mine);
        l->of[HAUL_PAPERS] = NULL;
}
