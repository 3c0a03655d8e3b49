/* SPDX-License-Identifier: Apache-2.0 */
/* NEARBY and SHOW: answered from this home's own disk; no packet leaves the house, nobody learns that one asked. */
#include "node/caller.h"
#include "node/request.h"
#include "node/rows.h"

void caller_no_place(struct caller *c) {
        caller_error(c, "no-place", "no place is known to look around", "give --at PLACE", EXIT_USAGE);
}

static void put_alert(struct caller *c, const struct store_alert *a) {
        struct rows_alert row;
        rows_alert(c->n, a, &row);
        caller_row(c, CONTROL_ALERT_ROW, &row.w);
}

static void put_follow(struct caller *c, const struct store_follow *f) {
        char household[ROWS_NAME_MAX];
        struct wire_c_followed row = {
                .id = SPAN_OF(f->id.b),
                .what = f->what,
                .household = span_str(rows_household(c->n, &f->household, household)),
                .created = f->created,
        };
        if (f->text.n)
                WIRE_PUT(&row, C_FOLLOWED, text, f->text);
        caller_row(c, CONTROL_FOLLOWED_ROW, &row);
}

static void put_notice(struct caller *c, const struct store_notice *n) {
        struct rows_notice row;
        rows_notice(c->n, n, &row);
        caller_row(c, CONTROL_NOTICE_ROW, &row.w);
}

static void on_row(struct caller *c, const struct query_row *row) {
        switch (row->what) {
        case QUERY_ALERT:
                put_alert(c, &row->alert);
                return;
        case QUERY_FOLLOW:
                put_follow(c, &row->follow);
                return;
        case QUERY_NOTICE:
                put_notice(c, &row->notice);
                return;
        case QUERY_EVENT:
        case QUERY_CLIP:
        case QUERY_ASK:
        case QUERY_MATCH:
                return;
        }
}

/* ---- NEARBY ---- */

static int nearby_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        size_t keys = a->filter.n_muted_households * sizeof(struct key);
        if (!buf_ok(&a->keep))
                return ERR_NOMEM;
        a->filter.muted_households = (const struct key *)a->keep.p;
        a->filter.text = span_from(buf_span(&a->keep), keys);
        return store_nearby(r, &a->filter, query_alert, q);
}

static void nearby_after(struct caller *c, const struct ask *a) {
        if (a->q.r)
                caller_store_error(c, a->q.r);
        else
                caller_done(c);
}

void control_nearby(struct caller *c) {
        struct ask a = {.list = true, .row = on_row, .after = nearby_after};
        const struct wire_c_filter *m = &c->msg.c_filter;
        _clean_(buf_fini) struct buf keep = BUF_NULL;
        if (!request_filter(m, c->n->home, node_time(c->n), &a.filter)) {
                caller_no_place(c);
                return;
        }
        if (!WIRE_HAS(m, C_FILTER, muted))
                mutes_filter(&c->n->mutes, a.filter.now, &a.filter, &keep);
        buf_add(&keep, m->text);
        if (buf_ok(&keep))
                caller_ask(c, &a, nearby_run, buf_span(&keep));
        else
                caller_store_error(c, ERR_NOMEM);
}

/* ---- SHOW ---- */

static int show_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        int e = store_alert_prefix(r, buf_span(&a->keep), &a->id);
        if (e == 0)
                e = store_alert_get(r, &a->id, query_alert, q);
        if (e == 0)
                e = store_follows(r, &a->id, query_follow, q);
        if (e == 0)
                e = store_notices(r, &a->id, query_notice, q);
        return e;
}

static void show_after(struct caller *c, const struct ask *a) {
        if (caller_found(c, a->q.r))
                caller_done(c);
}

void control_show(struct caller *c) {
        struct span id = c->msg.c_name.name;
        if (caller_id_ok(c, id))
                caller_ask(c, &(struct ask){.list = true, .row = on_row, .after = show_after}, show_run, id);
}

/* ---- NOTICES ---- */

static int notices_run(struct query *q, struct store_reader *r) {
        return store_notices_now(r, ask_of(q)->filter.now, query_notice, q);
}

void control_notices(struct caller *c) {
        caller_ask(c, &(struct ask){.list = true, .row = on_row, .after = show_after, .filter.now = node_time(c->n)},
                   notices_run, SPAN_NONE);
}
