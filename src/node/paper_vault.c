/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Papers to the vault and from it. What the vault says it has signed is carried; it says it again whenever this daemon meets it
 * anew, so that nothing is lost with either of them. What other homes bring goes to the vault one at a time, so that an
 * answer is known to be that of the first: the vault names a grant in it and nothing more.
 */
#include "base/log.h"
#include "node/internal.h"
#include "node/rows.h"

#include <stdlib.h>

#define ERRANDS_MOST 64 /* that wait for the vault; whoever brings more brings it again */

enum errand_kind { ERRAND_RECEIPT, ERRAND_ATTEST, ERRAND_KEY, ERRAND_OVER };

struct paper_errand {
        struct list on;
        enum errand_kind kind;
        bool sent;
        struct hash grant;
        bool brought;      /* by a home that waits for the answer: … */
        struct hash id;    /* … of the paper … */
        struct key device; /* … and who that is */
        struct buf bytes;
};

static void errand_free(struct node *n, struct paper_errand *e) {
        list_drop(&e->on);
        n->papers.n_errands--;
        buf_fini(&e->bytes);
        free(e);
}

static struct paper_errand *first(const struct node *n) {
        LIST_EACH (e, &n->papers.errands, struct paper_errand, on)
                return e;
        return NULL;
}

static void say(struct node *n, const struct paper_errand *e) {
        struct wire_v_paper paper = {.paper = buf_span(&e->bytes)};
        struct wire_v_key key = {.grant = SPAN_OF(e->grant.b), .blob = buf_span(&e->bytes)};
        struct wire_v_over over = {.grant = SPAN_OF(e->grant.b)};
        struct wire_o_taken taken;
        switch (e->kind) {
        case ERRAND_RECEIPT:
                vault_link_say(&n->vault, OWNER_V_RECEIPT, &paper);
                return;
        case ERRAND_ATTEST:
                vault_link_say(&n->vault, OWNER_V_ATTEST, &paper);
                return;
        case ERRAND_KEY:
                if (paper_own_taken(n, &e->grant, buf_span(&e->bytes), &taken))
                        vault_link_say(&n->vault, OWNER_V_OWN_KEY, &taken);
                else
                        vault_link_say(&n->vault, OWNER_V_KEY, &key);
                return;
        case ERRAND_OVER:
                if (e->bytes.n)
                        WIRE_PUT(&over, V_OVER, paper, buf_span(&e->bytes));
                vault_link_say(&n->vault, OWNER_V_OVER, &over);
                return;
        }
}

static void next(struct node *n) {
        struct paper_errand *e = first(n);
        if (!e || e->sent || !n->vault.alive)
                return;
        e->sent = true;
        say(n, e);
}

static bool is_there(const struct node *n, enum errand_kind kind, const struct hash *grant) {
        LIST_EACH (e, &n->papers.errands, struct paper_errand, on)
                if (e->kind == kind && hash_eq(&e->grant, grant))
                        return true;
        return false;
}

/* The same twice at a time is of no use. */
static bool add(struct node *n, enum errand_kind kind, const struct hash *grant, struct span bytes,
                const struct key *device, const struct hash *id) {
        if (kind != ERRAND_ATTEST && is_there(n, kind, grant))
                return true;
        struct paper_errand *e = n->papers.n_errands < ERRANDS_MOST && n->vault.alive ? calloc(1, sizeof(*e)) : NULL;
        if (!e)
                return false;
        list_init(&e->on);
        list_push(&n->papers.errands, &e->on);
        n->papers.n_errands++;
        e->kind = kind;
        e->grant = *grant;
        if (device) {
                e->brought = true;
                e->device = *device;
                e->id = *id;
        }
        buf_add(&e->bytes, bytes);
        if (!buf_ok(&e->bytes)) {
                errand_free(n, e);
                return false;
        }
        next(n);
        return true;
}

bool paper_vault_receipt(struct node *n, const struct paper *grant, const struct key *device, const struct hash *id,
                         struct span paper) {
        return add(n, ERRAND_RECEIPT, &grant->id, paper, device, id);
}

bool paper_vault_attest(struct node *n, const struct paper *grant, const struct key *device, const struct hash *id,
                        struct span paper) {
        return add(n, ERRAND_ATTEST, &grant->id, paper, device, id);
}

bool paper_vault_key(struct node *n, const struct paper *grant, struct span blob) {
        return add(n, ERRAND_KEY, &grant->id, blob, NULL, NULL);
}

/* Where its owner took it back, its paper says so. */
bool paper_vault_over(struct node *n, const struct paper *grant) {
        const struct paper *back = papers_back(n, &grant->id);
        return add(n, ERRAND_OVER, &grant->id, back ? buf_span(&back->bytes) : SPAN_NONE, NULL, NULL);
}

bool paper_vault_stray(struct node *n, const struct hash *grant, const struct key *device, const struct hash *id,
                       struct span paper) {
        return add(n, ERRAND_OVER, grant, paper, device, id);
}

/* ---- what the vault answers ---- */

/* Why, as the other home is told: by name, where it is to do with the paper. */
static uint8_t refusal_of(struct span name) {
        static const struct {
                const char *name;
                enum wire_e_refusal why;
        } rows[] = {
                {"grant-expired", REFUSAL_OVER},    {"grant-revoked", REFUSAL_OVER}, {"clip-destroyed", REFUSAL_OVER},
                {"grant-broken-off", REFUSAL_OVER}, {"receipt-false", REFUSAL_RULE}, {"attest-false", REFUSAL_RULE},
                {"no-such-grant", REFUSAL_UNKNOWN},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (span_eq(span_str(rows[i].name), name))
                        return (uint8_t)rows[i].why;
        return REFUSAL_NOT_NOW;
}

static void on_took(struct node *n, const struct wire_v_refused *m, bool took) {
        static const struct hash unread;
        struct paper_errand *e = first(n);
        if (!e || !e->sent || !(span_eq(m->about, SPAN_OF(e->grant.b)) || span_eq(m->about, SPAN_OF(unread.b))))
                return;
        struct paper *g = papers_find(n, &e->grant);
        enum errand_kind kind = e->kind;
        uint8_t why = took ? 0 : refusal_of(WIRE_HAS(m, V_REFUSED, name) ? m->name : SPAN_NONE);
        if (!took)
                log_info("the vault does not take what a home brought about a grant: %.*s",
                         WIRE_HAS(m, V_REFUSED, name) ? (int)m->name.n : 0, (const char *)m->name.p);
        bool stray = took && !g && kind == ERRAND_OVER && e->brought;
        if (e->brought && !(stray && paper_told_keep(n, &e->device, &e->grant, &e->id)))
                paper_answer(n, &e->device, &e->id, why);
        errand_free(n, e);
        if (kind == ERRAND_KEY && took && g)
                paper_end_key(n, g);
        if (kind == ERRAND_OVER && took && g)
                paper_end_keyless(n, g);
        next(n);
}

/* PROTOCOL 15.64: "The box goes to the main device of the household the grant names, or to the device that it names; where
 * there is no link to it, the receipt that comes again asks for it again." */
static void on_release(struct node *n, const struct wire_v_key *m) {
        struct hash id;
        memcpy(id.b, m->grant.p, sizeof(id.b));
        struct paper_errand *e = first(n);
        const struct paper *g = papers_find(n, &id);
        const struct roster_device *d = g && g->what == PAPER_OUT_GRANT ? papers_goal(n, &g->household) : NULL;
        struct haul_link *l = d ? haul_find(n, &d->sign) : NULL;
        struct wire_haul_box msg = {.grant = m->grant, .box = m->blob};
        if (l)
                haul_say(l, LINK_BOX, &msg);
        if (e && e->sent && e->kind == ERRAND_RECEIPT && hash_eq(&e->grant, &id))
                errand_free(n, e);
        next(n);
}

/* ---- what it has signed ---- */

/* The manifest of an own clip, for a grant that is to go. */
struct granted {
        struct query q;
        struct node *n;
        struct buf paper, manifest, receipt; /* the last: to a device of this household */
        struct wire_grant grant;
        struct hash id, clip;
        bool away; /* another device's */
};

static void granted_free(struct granted *g) {
        buf_fini(&g->paper);
        buf_fini(&g->manifest);
        buf_fini(&g->receipt);
        free(g);
}

static int take_manifest(void *ctx, const struct store_clip *c) {
        struct granted *g = ctx;
        buf_add(&g->manifest, c->manifest);
        g->away = c->away;
        return 1;
}

/* On the pool. */
static int look_up(struct query *q, struct store_reader *r) {
        struct granted *g = CONTAINER_OF(q, struct granted, q);
        return store_clip_get(r, &g->clip, take_manifest, g);
}

/* The owner hears which request it answers: under a rule nobody was there to say yes. */
static void tell_answered(struct node *n, const struct wire_grant *g) {
        struct hash id;
        if (!WIRE_HAS(g, GRANT, answers))
                return;
        memcpy(id.b, g->answers.p, sizeof(id.b));
        const struct paper *p = papers_find(n, &id);
        if (p && p->what == PAPER_IN_REQUEST)
                control_paper_granted(n, p);
}

/* Behind the grant, for whoever has that. */
static void add_receipt(struct node *n, const struct granted *g, const struct key *device) {
        struct hash mesh = papers_mesh(n);
        struct wire_receipt w;
        struct store_paper row = {.what = PAPER_OUT_OWN_RECEIPT,
                                  .state = PAPER_WAITS,
                                  .household = *device,
                                  .about = g->id,
                                  .expires = g->grant.expires + PAPERS_LINGER,
                                  .paper = buf_span(&g->receipt)};
        if (clip_read(CLIP_RECEIPT, row.paper, &mesh, &w, &row.id) == 0)
                papers_add(n, &row);
}

static bool is_its_own(const struct granted *g) {
        struct wire_manifest w;
        return WIRE_HAS(&g->grant, GRANT, device) &&
               codec_decode(&wire_manifest_desc, buf_span(&g->manifest), &w, NULL) == 0 &&
               span_eq(w.device, g->grant.device);
}

static void on_looked_up(struct query *q) {
        struct granted *g = CONTAINER_OF(q, struct granted, q);
        struct node *n = g->n;
        bool fine = q->r == 0 && g->manifest.n && buf_ok(&g->manifest) && buf_ok(&g->receipt) && !n->stopping;
        bool device = WIRE_HAS(&g->grant, GRANT, device);
        struct store_paper row = {.id = g->id,
                                  .what = PAPER_OUT_GRANT,
                                  .state = PAPER_WAITS,
                                  .about = g->clip,
                                  .expires = g->grant.expires + PAPERS_LINGER,
                                  .paper = buf_span(&g->paper),
                                  .more = buf_span(&g->manifest)};
        memcpy(row.household.b, device ? g->grant.device.p : g->grant.to.p, sizeof(row.household.b));
        if (!fine) {
                log_error("a grant cannot be brought to its recipient: its clip is not here, or cannot be read");
                if (q->r < 0 || !buf_ok(&g->manifest) || !buf_ok(&g->receipt))
                        papers_miss(n);
        } else if (papers_add(n, &row)) {
                if (device)
                        add_receipt(n, g, &row.household);
                courier_kick(n, &row.household);
                paper_told_holders(n, &g->clip);
                tell_answered(n, &g->grant);
        }
        if (fine && g->away && !is_its_own(g))
                kin_fetch(n, &g->clip, buf_span(&g->manifest), g->grant.expires);
        granted_free(g);
}

/* The vault says again what is in force: of what is under way already nothing is new. */
static void on_granted(struct node *n, const struct wire_v_paper *m) {
        struct granted *g = calloc(1, sizeof(*g));
        struct hash mesh = papers_mesh(n);
        if (!g) {
                papers_miss(n);
                return;
        }
        g->n = n;
        buf_add(&g->paper, m->paper);
        if (WIRE_HAS(m, V_PAPER, receipt))
                buf_add(&g->receipt, m->receipt);
        bool right = buf_ok(&g->paper) && clip_read(CLIP_GRANT, buf_span(&g->paper), &mesh, &g->grant, &g->id) == 0 &&
                     WIRE_HAS(m, V_PAPER, receipt) == WIRE_HAS(&g->grant, GRANT, device);
        if (!right || papers_find(n, &g->id)) {
                if (!buf_ok(&g->paper))
                        papers_miss(n);
                granted_free(g);
                return;
        }
        memcpy(g->clip.b, g->grant.clip.p, sizeof(g->clip.b));
        g->q = (struct query){.lane = QUERY_QUICK, .run = look_up, .done = on_looked_up};
        query_start(n, &g->q);
}

/* The recipient hears of it also where the grant has not reached it, since nobody can be sure of that; and where the store has
 * lost the grant, the vault has not: it says whom to tell. A device that was revoked hears nothing any more. */
static void on_revoked(struct node *n, const struct wire_v_paper *m) {
        struct hash mesh = papers_mesh(n), id, grant;
        struct wire_grant_over w;
        if (!WIRE_HAS(m, V_PAPER, to) || !WIRE_HAS(m, V_PAPER, until) ||
            clip_read(CLIP_GRANT_OVER, m->paper, &mesh, &w, &id))
                return;
        memcpy(grant.b, w.grant.p, sizeof(grant.b));
        struct store_paper row = {.id = id,
                                  .what = PAPER_OUT_OVER,
                                  .state = PAPER_WAITS,
                                  .about = grant,
                                  .expires = m->until + PAPERS_LINGER,
                                  .paper = m->paper};
        memcpy(row.household.b, m->to.p, sizeof(row.household.b));
        struct paper *g = papers_find(n, &grant);
        if (g && g->what == PAPER_OUT_GRANT) {
                papers_set(n, g, PAPER_NOT);
                give_taken_back(n, &g->household, &g->about);
        }
        if (paper_own_gone(n, &row.household) || !papers_add(n, &row))
                return;
        courier_kick(n, &row.household);
        if (g && g->what == PAPER_OUT_GRANT)
                paper_told_holders(n, &g->about);
}

static void on_signed(struct node *n, struct span paper) {
        struct hash mesh = papers_mesh(n), id, grant;
        struct wire_receipt w;
        if (clip_read(CLIP_RECEIPT, paper, &mesh, &w, &id))
                return;
        memcpy(grant.b, w.grant.p, sizeof(grant.b));
        struct paper *g = papers_find(n, &grant);
        if (!g || g->what != PAPER_IN_GRANT || g->state > GIVEN_SIGNED)
                return;
        if (g->state == GIVEN_OFFERED)
                paper_end_again(n, &g->about); /* another grant of it was called off: this one was asked for since */
        papers_set(n, g, GIVEN_SIGNED);
        struct store_paper row = {.id = id,
                                  .what = PAPER_OUT_RECEIPT,
                                  .state = PAPER_WAITS,
                                  .household = g->household,
                                  .about = grant,
                                  .expires = g->expires,
                                  .paper = paper};
        papers_add(n, &row);
        courier_kick(n, &row.household);
        paper_end_fetch(n, g);
}

/* ---- the owner's rule ---- */

static bool is_named(const struct node *n, const struct key *household) {
        struct span left = buf_span(&n->papers.rule_homes);
        for (; left.n >= sizeof(*household); left = span_from(left, sizeof(*household)))
                if (memcmp(left.p, household->b, sizeof(*household)) == 0)
                        return true;
        return false;
}

void paper_vault_asked(struct node *n, const struct paper *p) {
        struct wire_v_paper msg = {.paper = buf_span(&p->bytes)};
        if (p->what == PAPER_IN_REQUEST && p->state == PAPER_ASKED && is_named(n, &p->household))
                vault_link_say(&n->vault, OWNER_V_ASKED, &msg);
}

static void on_rule(struct node *n, const struct wire_v_rule *m) {
        buf_clear(&n->papers.rule_homes);
        if (WIRE_HAS(m, V_RULE, homes))
                buf_add(&n->papers.rule_homes, m->homes);
        if (!buf_ok(&n->papers.rule_homes))
                papers_miss(n);
        control_policy_said(n, WIRE_HAS(m, V_RULE, asleep) ? m->asleep : 0);
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (!p->token)
                        paper_vault_asked(n, p);
}

/* ---- the stream ---- */

static void ask(struct node *n, uint64_t from) {
        struct wire_v_papers msg = {.from = from};
        vault_link_say(&n->vault, OWNER_V_PAPERS, &msg);
}

/* Not before there is room for a good many: what finds none again is not asked for each time. */
void paper_vault_tick(struct node *n) {
        if (!n->papers.missed || n->papers.begun > PAPERS_MOST / 4 * 3 || !n->vault.alive)
                return;
        n->papers.missed = false;
        paper_vault_up(n);
}

/* What stood with the vault that went is brought again, or stands in the book. */
void paper_vault_down(struct node *n) {
        LIST_EACH (e, &n->papers.errands, struct paper_errand, on)
                errand_free(n, e);
        buf_clear(&n->papers.rule_homes);
        n->papers.rule_asleep = 0; /* the next vault says */
}

void paper_vault_up(struct node *n) {
        if (n->vault.in_mesh && papers_here(n))
                ask(n, 0);
}

bool paper_vault_take(struct node *n, uint64_t number, const union frame_message *m) {
        if (number == OWNER_V_GRANT)
                on_granted(n, &m->v_paper);
        else if (number == OWNER_V_REVOKED)
                on_revoked(n, &m->v_paper);
        else if (number == OWNER_V_SIGNED)
                on_signed(n, m->v_paper.paper);
        else if (number == OWNER_V_RELEASE)
                on_release(n, &m->v_key);
        else if (number == OWNER_V_TOOK || number == OWNER_V_REFUSED)
                on_took(n, &m->v_refused, number == OWNER_V_TOOK);
        else if (number == OWNER_V_RULE)
                on_rule(n, &m->v_rule);
        else if (number == OWNER_V_PAPERS_END && WIRE_HAS(&m->v_papers_end, V_PAPERS_END, next))
                ask(n, m->v_papers_end.next);
        else
                return number == OWNER_V_PAPERS_END;
        return true;
}
