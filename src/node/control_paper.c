/* SPDX-License-Identifier: Apache-2.0 */
/* GIVEN, OFFER, and what INBOX and WATCH tell of papers: clips that other homes granted to this one, and who asks for one of its
 * own. All of it is for the home's owner alone. */
#include "base/cell.h"
#include "node/caller.h"
#include "node/paper_rows.h"
#include "node/rows.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- rows ---- */

static void put_shown(struct wire_c_given *row, const struct wire_manifest *m, char cell[16]) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        if (WIRE_HAS(m, MANIFEST, from)) {
                WIRE_PUT(row, C_GIVEN, from, m->from);
                WIRE_PUT(row, C_GIVEN, to, m->to);
        }
        if (!WIRE_HAS(m, MANIFEST, cell) || !cell_valid(m->cell))
                return;
        cell_text(&text, m->cell);
        snprintf(cell, 16, "%s", buf_cstr(&text));
        WIRE_PUT(row, C_GIVEN, cell, span_str(cell));
}

bool paper_rows_given(const struct node *n, const struct paper *p, struct paper_given_row *ret) {
        struct wire_grant g;
        struct wire_manifest m;
        if (p->what != PAPER_IN_GRANT || codec_decode(&wire_grant_desc, buf_span(&p->bytes), &g, NULL) ||
            codec_decode(&wire_manifest_desc, buf_span(&p->more), &m, NULL))
                return false;
        ret->w = (struct wire_c_given){.v = 1,
                                       .grant = SPAN_OF(p->id.b),
                                       .clip = SPAN_OF(p->about.b),
                                       .household = span_str(rows_household(n, &p->household, ret->household)),
                                       .household_id = SPAN_OF(p->household.b),
                                       .state = papers_given_state(p),
                                       .purpose = g.purpose,
                                       .created = g.created,
                                       .expires = g.expires,
                                       .taken = m.created,
                                       .size = m.size,
                                       .media = m.media};
        if (WIRE_HAS(&g, GRANT, answers))
                WIRE_PUT(&ret->w, C_GIVEN, answers, g.answers);
        if (paper_own_is(n, p))
                WIRE_PUT(&ret->w, C_GIVEN, own, true);
        put_shown(&ret->w, &m, ret->cell);
        return true;
}

static bool was_granted(const struct node *n, const struct paper *request) {
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what == PAPER_OUT_GRANT && key_eq(&p->household, &request->household) &&
                    hash_eq(&p->about, &request->about))
                        return true;
        return false;
}

bool paper_rows_request(const struct node *n, const struct paper *p, struct paper_request_row *ret) {
        struct wire_request w;
        bool mine = p->what == PAPER_OUT_REQUEST;
        if ((!mine && p->what != PAPER_IN_REQUEST) || codec_decode(&wire_request_desc, buf_span(&p->bytes), &w, NULL))
                return false;
        ret->w = (struct wire_c_requested){.v = 1,
                                           .id = SPAN_OF(p->id.b),
                                           .clip = SPAN_OF(p->about.b),
                                           .household = span_str(rows_household(n, &p->household, ret->household)),
                                           .household_id = SPAN_OF(p->household.b),
                                           .mine = mine,
                                           .created = w.created,
                                           .expires = w.expires};
        if (WIRE_HAS(&w, REQUEST, reason))
                WIRE_PUT(&ret->w, C_REQUESTED, reason, w.reason);
        if (mine)
                WIRE_PUT(&ret->w, C_REQUESTED, delivered, p->state == PAPER_THERE);
        else if (was_granted(n, p))
                WIRE_PUT(&ret->w, C_REQUESTED, granted, true);
        return true;
}

static void put_given(struct caller *c, const struct paper *p) {
        struct paper_given_row row;
        if (paper_rows_given(c->n, p, &row))
                caller_row(c, CONTROL_GIVEN_ROW, &row.w);
}

void control_put_request(struct caller *c, const struct paper *p) {
        struct paper_request_row row;
        if (paper_rows_request(c->n, p, &row))
                caller_row(c, CONTROL_REQUEST_ROW, &row.w);
}

/* ---- GIVEN, OFFER ---- */

void control_given(struct caller *c) {
        if (!caller_is_owner(c))
                return;
        LIST_EACH (p, &c->n->papers.all, struct paper, on)
                put_given(c, p);
        caller_done(c);
}

void control_offer(struct caller *c) {
        bool many;
        struct span id = c->msg.c_name.name;
        if (!caller_is_owner(c) || !caller_id_ok(c, id))
                return;
        const struct paper *p = papers_named(c->n, PAPER_IN_GRANT, id, &many);
        if (many) {
                caller_error(c, "ambiguous", "several clips that were given to this home have an id that begins so",
                             "give more digits", EXIT_NOT_FOUND);
                return;
        }
        if (!p) {
                caller_error(c, "no-such-grant", "no such clip was given to this home",
                             "`porchlight inbox` and `porchlight grant list` show what was", EXIT_NOT_FOUND);
                return;
        }
        struct wire_c_offer row = {.v = 1, .grant = buf_span(&p->bytes), .manifest = buf_span(&p->more)};
        caller_row(c, CONTROL_OFFER_ROW, &row);
        put_given(c, p);
        caller_done(c);
}

/* ---- INBOX ---- */

static bool is_muted(const struct node *n, const struct key *household) {
        _clean_(buf_fini) struct buf keep = BUF_NULL;
        struct store_filter f = {.now = node_time(n)};
        mutes_filter(&n->mutes, f.now, &f, &keep);
        const struct key *muted = (const struct key *)(const void *)keep.p;
        for (size_t i = 0; buf_ok(&keep) && i < f.n_muted_households; i++)
                if (key_eq(&muted[i], household))
                        return true;
        return false;
}

static bool waits_here(const struct node *n, const struct paper *p, bool muted) {
        return p->what == PAPER_IN_REQUEST && p->state == PAPER_ASKED && (muted || !is_muted(n, &p->household));
}

/* Clips of this home that are here: of others nobody is told. */
static void on_clip(struct caller *c, const struct query_row *row) {
        if (row->what != QUERY_CLIP || !row->clip.manifest.n)
                return;
        LIST_EACH (p, &c->n->papers.all, struct paper, on)
                if (waits_here(c->n, p, ask_of(c->query)->fresh) && hash_eq(&p->about, &row->clip.id))
                        control_put_request(c, p);
}

/* On the pool: each clip once, however many ask for it. */
static int clips_run(struct query *q, struct store_reader *r) {
        const struct ask *a = ask_of(q);
        for (size_t at = 0; buf_ok(&a->keep) && at + sizeof(struct hash) <= a->keep.n; at += sizeof(struct hash)) {
                struct hash id;
                memcpy(id.b, a->keep.p + at, sizeof(id.b));
                int e = store_clip_get(r, &id, query_clip, q);
                if (e && e != STORE_E_NONE)
                        return e;
        }
        return buf_ok(&a->keep) ? 0 : ERR_NOMEM;
}

static void after(struct caller *c, const struct ask *a) {
        if (a->q.r) {
                caller_store_error(c, a->q.r);
                return;
        }
        LIST_EACH (p, &c->n->papers.all, struct paper, on)
                if (p->what == PAPER_IN_GRANT && p->state == GIVEN_OFFERED && !paper_own_is(c->n, p))
                        put_given(c, p);
        caller_done(c);
}

static bool has(const struct buf *ids, const struct hash *id) {
        for (size_t at = 0; at + sizeof(*id) <= ids->n; at += sizeof(*id))
                if (memcmp(ids->p + at, id, sizeof(*id)) == 0)
                        return true;
        return false;
}

void control_inbox_papers(struct caller *c, bool muted) {
        _clean_(buf_fini) struct buf ids = BUF_NULL;
        LIST_EACH (p, &c->n->papers.all, struct paper, on)
                if (waits_here(c->n, p, muted) && !has(&ids, &p->about))
                        buf_add(&ids, SPAN_OF(p->about.b));
        if (!buf_ok(&ids)) {
                caller_store_error(c, ERR_NOMEM);
                return;
        }
        caller_ask(c, &(struct ask){.list = true, .row = on_clip, .after = after, .fresh = muted}, clips_run,
                   buf_span(&ids));
}

/* ---- WATCH ---- */

/* A request may be for a clip that is not here, or not any more: that is looked up first. */
struct news {
        struct query q;
        struct node *n;
        struct hash id, clip;
        bool here;
};

static void tell(struct node *n, const struct paper *p, enum wire_e_happening what) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_c_came msg = {.v = 1, .event = what};
        struct paper_given_row given;
        struct paper_request_row request;
        if (paper_rows_given(n, p, &given)) {
                WIRE_PUT(&msg, C_CAME, given, (struct wire_list){0});
                wire_list_add(&wire_c_given_desc, &msg.given, &store, &given.w);
        } else if (paper_rows_request(n, p, &request)) {
                WIRE_PUT(&msg, C_CAME, request, (struct wire_list){0});
                wire_list_add(&wire_c_requested_desc, &msg.request, &store, &request.w);
        }
        LIST_EACH (c, &n->control.callers, struct caller, on)
                if (!c->closed && c->watch.on && c->watch.owner && (c->watch.muted || !is_muted(n, &p->household))) {
                        caller_row(c, CONTROL_CAME_ROW, &msg);
                        caller_flush(c);
                }
}

static int note_clip(void *ctx, const struct store_clip *c) {
        struct news *w = ctx;
        w->here = c->manifest.n > 0;
        return 1;
}

/* On the pool. */
static int news_run(struct query *q, struct store_reader *r) {
        struct news *w = CONTAINER_OF(q, struct news, q);
        return store_clip_get(r, &w->clip, note_clip, w);
}

static void news_done(struct query *q) {
        struct news *w = CONTAINER_OF(q, struct news, q);
        const struct paper *p = papers_find(w->n, &w->id);
        if (p && w->here && !w->n->stopping)
                tell(w->n, p, HAPPENING_REQUESTED);
        free(w);
}

static void request_came(struct node *n, const struct paper *p) {
        struct news *w = control_watched(n) ? calloc(1, sizeof(*w)) : NULL;
        if (!w)
                return;
        *w = (struct news){.n = n, .id = p->id, .clip = p->about};
        w->q = (struct query){.lane = QUERY_QUICK, .run = news_run, .done = news_done};
        query_start(n, &w->q);
}

void control_paper_came(struct node *n, const struct paper *p) {
        if (p->what == PAPER_IN_GRANT)
                tell(n, p, HAPPENING_GIVEN);
        else if (p->what == PAPER_IN_REQUEST)
                request_came(n, p);
}

void control_paper_granted(struct node *n, const struct paper *request) {
        tell(n, request, HAPPENING_GRANTED);
}

void control_paper_back(struct node *n, const struct paper *p) {
        tell(n, p, HAPPENING_TAKEN_BACK);
}
