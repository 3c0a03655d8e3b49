/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WATCH. A watcher is a place in the store's log of events and a filter. Events always come from the store, by number,
 * never from memory: one that reads slowly falls behind and catches up later, and it makes no difference to anybody
 * else.
 */
#include "node/caller.h"
#include "node/request.h"
#include "node/rows.h"
#include "wire/codec.h"

#define EVENTS_AT_ONCE 256

/* What was taken back has no text any more; whoever watched for its words must hear of it all the same. */
static bool wanted(const struct caller *c, const struct store_event *e) {
        _clean_(buf_fini) struct buf households = BUF_NULL;
        const struct watch *w = &c->watch;
        struct store_filter f = w->filter;
        struct store_alert a = e->alert;
        if (e->event == HAPPENING_RETRACTED || a.state == STATE_RETRACTED) {
                f.text = SPAN_NONE;
                a.state = STATE_ACTIVE;
        }
        if (!w->muted) /* each time, for one may be added or end while the watch goes on */
                mutes_filter(&c->n->mutes, f.now, &f, &households);
        return store_alert_fits(&f, &a);
}

static void on_event(struct caller *c, const struct query_row *row) {
        const struct store_event *e = &row->event;
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct rows_alert alert;
        c->watch.after = MAX(c->watch.after, e->seq);
        if (!wanted(c, e))
                return;
        struct wire_c_event msg = {.v = 1, .seq = e->seq, .event = e->event};
        rows_alert(c->n, &e->alert, &alert);
        wire_list_add(&wire_c_alert_desc, &msg.alert, &store, &alert.w);
        caller_row(c, CONTROL_EVENT_ROW, &msg);
}

static int events_run(struct query *q, struct store_reader *r) {
        return store_events(r, ask_of(q)->seq, EVENTS_AT_ONCE, query_event, q);
}

static void events_after(struct caller *c, const struct ask *a) {
        if (a->q.r) {
                caller_store_error(c, a->q.r);
                return;
        }
        if (c->watch.after == a->seq) /* events were purged: there is nothing between here and the last one */
                c->watch.after = MAX(c->watch.after, a->count);
        caller_flush(c);
        if (!c->closed)
                control_watch_more(c);
}

void control_watch_more(struct caller *c) {
        uint64_t last = c->n->writer.seq;
        if (c->query || !caller_has_room(c))
                return;
        if (c->watch.after >= last) {
                control_watch_asks(c);
                return;
        }
        c->watch.filter.now = node_time(c->n);
        caller_ask(c, &(struct ask){.row = on_event, .after = events_after, .seq = c->watch.after, .count = last},
                   events_run, SPAN_NONE);
}

static void take_news(void *ctx, const struct query_row *row) {
        struct caller *c = ctx;
        if (!c->closed)
                on_event(c, row);
}

/* Only whoever has had all that was before, and waits for nothing: the others ask the store for these as well. */
void control_watch_news(struct caller *c, uint64_t from, const struct buf *news) {
        if (news->n == 0 || c->query || c->watch.after != from || !caller_has_room(c))
                return;
        c->watch.filter.now = node_time(c->n);
        query_rows(news, take_news, c);
        if (!c->closed)
                caller_flush(c);
}

void control_watch(struct caller *c) {
        const struct wire_c_filter *m = &c->msg.c_filter;
        if (!request_filter(m, c->n->home, node_time(c->n), &c->watch.filter)) {
                caller_no_place(c);
                return;
        }
        c->watch.filter.since = MAX(m->since, (mesh_wall)1); /* events are new by themselves, however old the alert */
        c->watch.on = true;
        c->watch.muted = WIRE_HAS(m, C_FILTER, muted);
        uint64_t from = WIRE_HAS(m, C_FILTER, since) ? 0 : c->n->writer.seq;
        c->watch.after = c->watch.asked = WIRE_HAS(m, C_FILTER, after) ? m->after : from;
        bool all = !m->kinds.n && !m->text.n && !WIRE_HAS(m, C_FILTER, min_severity) && !WIRE_HAS(m, C_FILTER, within);
        c->watch.owner = all && caller_owns(c); /* whoever looks for some kind of alert has not asked for these */
        c->watch.asks = c->watch.after < c->n->writer.seq ? UINT64_MAX : c->n->writer.asks; /* UINT64_MAX: look */
        if (c->watch.owner) {
                control_policy_put(c);
                caller_flush(c);
        }
        control_watch_more(c);
}
