/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASKS, ASK_MATCH and INBOX: who asks for footage, and which clips of this home fit. It is answered from this home's own disk,
 * and the core, which speaks with others, does not hear of it. Which clips there are is for the home's owner
 * alone to see; who else may use the socket is told of the asks.
 */
/* PROTOCOL 4.34: "A node MUST NOT send anything, sooner or later or instead of something else, because an ask fits what its
 * household has, or because its people have looked at one, muted its author or left it unanswered." */
#include "node/caller.h"
#include "node/rows.h"

static void put_match(struct caller *c, const struct store_match *m) {
        struct wire_c_match row = {.v = 1,
                                   .id = SPAN_OF(m->id.b),
                                   .camera = m->camera,
                                   .from = m->from,
                                   .to = m->to,
                                   .distance_m = m->distance_m};
        caller_row(c, CONTROL_MATCH_ROW, &row);
}

static void on_row(struct caller *c, const struct query_row *row) {
        struct rows_ask ask;
        if (row->what == QUERY_MATCH)
                put_match(c, &row->match);
        if (row->what != QUERY_ASK || (ask_of(c->query)->asks.match_only && papers_denied(c->n, &row->ask.id)))
                return;
        rows_ask(c->n, &row->ask, ask_of(c->query)->asks.match, &ask);
        caller_row(c, CONTROL_ASK_ROW, &ask.w);
}

static bool left_out(const void *arg, struct span camera) {
        return cameras_never(arg, camera);
}

static struct store_asks *rules_of(struct ask *a) {
        a->asks.muted = (const struct key *)a->keep.p;
        a->asks.left_out = left_out;
        a->asks.arg = a->cameras;
        return &a->asks;
}

/* @ret's muted households stand in @keep. */
static void wanted(const struct caller *c, bool muted, struct store_asks *ret, struct buf *keep) {
        struct store_filter f = {.now = node_time(c->n)};
        *ret = (struct store_asks){.now = f.now, .match = caller_owns(c), .home = c->n->home};
        if (!muted)
                mutes_filter(&c->n->mutes, f.now, &f, keep);
        ret->n_muted = f.n_muted_households;
}

static void after(struct caller *c, const struct ask *a) {
        if (a->q.r == STORE_E_NONE)
                caller_error(c, "no-such-ask", "there is no such ask", "`porchlight ask list` shows them",
                             EXIT_NOT_FOUND);
        else if (caller_found(c, a->q.r))
                caller_done(c);
}

/* ---- ASKS, INBOX ---- */

static int list_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        return buf_ok(&a->keep) ? store_asks(r, rules_of(a), query_ask, q) : ERR_NOMEM;
}

static void inbox_after(struct caller *c, const struct ask *a);

static void list(struct caller *c, bool match_only) {
        struct ask a = {.list = true, .obeys = true, .row = on_row, .after = match_only ? inbox_after : after};
        _clean_(buf_fini) struct buf keep = BUF_NULL;
        wanted(c, WIRE_HAS(&c->msg.c_asks, C_ASKS, muted), &a.asks, &keep);
        a.asks.match_only = match_only;
        if (buf_ok(&keep))
                caller_ask(c, &a, list_run, buf_span(&keep));
        else
                caller_store_error(c, ERR_NOMEM);
}

void control_asks(struct caller *c) {
        list(c, false);
}

static void inbox_after(struct caller *c, const struct ask *a) {
        if (a->q.r)
                caller_store_error(c, a->q.r);
        else
                control_inbox_papers(c, WIRE_HAS(&c->msg.c_asks, C_ASKS, muted));
}

void control_inbox(struct caller *c) {
        if (!caller_is_owner(c))
                return;
        control_policy_put(c);
        list(c, true);
}

/* ---- ASK_MATCH ---- */

static int match_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        int e = store_ask_prefix(r, buf_span(&a->keep), &a->id);
        rules_of(a);
        if (!e)
                e = store_ask_get(r, &a->asks, &a->id, query_ask, q);
        return e ? e : store_ask_clips(r, &a->asks, &a->id, query_match, q);
}

void control_ask_match(struct caller *c) {
        struct ask a = {.list = true, .obeys = true, .row = on_row, .after = after};
        _clean_(buf_fini) struct buf none = BUF_NULL;
        struct span id = c->msg.c_name.name;
        if (!caller_is_owner(c) || !caller_id_ok(c, id))
                return;
        wanted(c, true, &a.asks, &none);
        caller_ask(c, &a, match_run, id);
}

/* ---- WATCH ---- */

static void on_asked(struct caller *c, const struct query_row *row) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct rows_ask ask;
        struct wire_c_asked msg = {.v = 1, .seq = row->ask.seq, .event = HAPPENING_ASKED};
        rows_ask(c->n, &row->ask, true, &ask);
        wire_list_add(&wire_c_ask_desc, &msg.ask, &store, &ask.w);
        caller_row(c, CONTROL_ASKED_ROW, &msg);
}

static int asked_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        return buf_ok(&a->keep) ? store_ask_events(r, rules_of(a), a->seq, query_ask, q) : ERR_NOMEM;
}

static void asked_after(struct caller *c, const struct ask *a) {
        if (a->q.r) {
                caller_store_error(c, a->q.r);
                return;
        }
        c->watch.asked = a->count;
        c->watch.asks = a->filter.since;
        caller_flush(c);
        if (!c->closed)
                control_watch_more(c);
}

bool control_watch_asks(struct caller *c) {
        struct ask a = {
                .obeys = true, .row = on_asked, .after = asked_after, .seq = c->watch.asked, .count = c->watch.after};
        _clean_(buf_fini) struct buf keep = BUF_NULL;
        if (!c->watch.owner || c->watch.asks == c->n->writer.asks)
                return false;
        wanted(c, c->watch.muted, &a.asks, &keep);
        a.asks.match_only = true;
        a.filter.since = c->n->writer.asks;
        if (!buf_ok(&keep))
                return false; /* with the next news */
        caller_ask(c, &a, asked_run, buf_span(&keep));
        return true;
}
