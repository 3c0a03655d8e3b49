/* SPDX-License-Identifier: Apache-2.0 */
/* FETCHES, FETCH, FETCH_CANCEL: clips of other homes on their way here (node/fetch.h). */
#include "node/caller.h"

#include <stdlib.h>

#define PERIOD 200 /* ms between two rows for a person; who reads along is told of each chunk */

void control_fetches(struct caller *c) {
        struct wire_c_fetched row;
        if (!caller_is_owner(c))
                return;
        for (size_t i = 0; fetch_at(c->n, i, &row); i++)
                caller_row(c, CONTROL_FETCHED_ROW, &row);
        caller_done(c);
}

/* Else the caller is answered. */
static bool named(struct caller *c, struct span name, struct wire_c_fetched *ret) {
        bool many;
        if (!caller_id_ok(c, name))
                return false;
        if (fetch_named(c->n, name, ret, &many))
                return true;
        if (many)
                caller_error(c, "ambiguous", "several clips have an id that begins so", "give more digits",
                             EXIT_NOT_FOUND);
        else
                caller_error(c, "no-fetch", "no clip of another home that begins so is here or on its way",
                             "`porchlight clip list` names the clips there are", EXIT_NOT_FOUND);
        return false;
}

static void tell(struct caller *c, const struct wire_c_fetched *row) {
        c->fetch.reads = row->reads;
        c->fetch.held = row->held;
        c->fetch.state = (uint8_t)row->state;
        c->fetch.at = uv_now(c->n->loop);
        caller_row(c, CONTROL_FETCHED_ROW, row);
        if (row->state != FETCHING_WHOLE && row->state != FETCHING_OVER) {
                caller_flush(c);
                return;
        }
        c->fetch.on = false;
        if (row->state == FETCHING_WHOLE)
                caller_done(c);
        else
                caller_error(c, "fetch-over", "the clip's time is over, or somebody has called it off",
                             "ask its owner again", EXIT_FAILED);
}

static bool over(struct caller *c) {
        c->fetch.on = false;
        caller_error(c, "fetch-over", "the clip's time is over, or somebody has called it off", "ask its owner again",
                     EXIT_FAILED);
        return false;
}

static void watch_fetch(struct caller *c, const struct wire_c_fetched *row) {
        const struct wire_c_fetch *q = &c->msg.c_fetch;
        c->fetch = (struct fetch_wait){.on = true, .reading = WIRE_HAS(q, C_FETCH, reading)};
        memcpy(c->fetch.clip.b, row->clip.p, sizeof(c->fetch.clip));
        fetch_reader(c->n, &c->fetch.clip, c->fetch.reading);
        tell(c, row);
}

/* ---- one of another device of this household ---- */

static void refuse_begin(struct caller *c) {
        caller_error(c, "fetch-failed", "the fetch cannot begin now", "try again in a few seconds", EXIT_FAILED);
}

static void on_row(struct caller *c, const struct query_row *row) {
        struct ask *a = ask_of(c->query);
        if (row->what != QUERY_CLIP || !row->clip.away || !row->clip.manifest.n)
                return;
        a->never = row->clip.lost || kin_revoked(c->n, row->clip.manifest);
        a->clip_next = true;
        if (!a->never)
                a->fresh = kin_fetch(c->n, &row->clip.id, row->clip.manifest, node_time(c->n) + KIN_COPY_S) == 0;
}

static int run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        int e = store_clip_prefix(r, buf_span(&a->keep), &a->id);
        return e ? e : store_clip_get(r, &a->id, query_clip, q);
}

static void after(struct caller *c, const struct ask *a) {
        struct wire_c_fetched row;
        if (a->never)
                caller_error(c, "clip-lost",
                             "its bytes were on another device of this household, and do not come from there any more",
                             "`porchlight clip show ID` says why; `porchlight clip destroy ID` lets go of the rest",
                             EXIT_FAILED);
        else if (a->clip_next && !a->fresh)
                refuse_begin(c);
        else if (named(c, c->msg.c_fetch.clip, &row)) /* none: it is nobody's, or one that was taken in here */
                watch_fetch(c, &row);
}

void control_fetch(struct caller *c) {
        const struct wire_c_fetch *q = &c->msg.c_fetch;
        struct wire_c_fetched row;
        bool many;
        if (!caller_is_owner(c) || !caller_id_ok(c, q->clip))
                return;
        if (fetch_named(c->n, q->clip, &row, &many))
                watch_fetch(c, &row);
        else
                caller_ask(c, &(struct ask){.row = on_row, .after = after}, run, q->clip);
}

/* Of the clip by its whole id; false: it is not there any more. */
static bool look(struct caller *c, struct wire_c_fetched *ret) {
        for (size_t i = 0; fetch_at(c->n, i, ret); i++)
                if (span_eq(ret->clip, SPAN_OF(c->fetch.clip.b)))
                        return true;
        return over(c);
}

void control_fetch_more(struct caller *c) {
        struct wire_c_fetched row;
        if (!caller_has_room(c) || !look(c, &row))
                return;
        bool end = row.state == FETCHING_WHOLE || row.state == FETCHING_OVER;
        bool due = uv_now(c->n->loop) - c->fetch.at >= PERIOD || row.state != c->fetch.state;
        if (end || due || (c->fetch.reading && row.reads != c->fetch.reads))
                tell(c, &row);
}

void control_fetch_cancel(struct caller *c) {
        struct wire_c_fetched row;
        struct hash id;
        if (!caller_is_owner(c) || !named(c, c->msg.c_name.name, &row))
                return;
        memcpy(id.b, row.clip.p, sizeof(id));
        if (!paper_end_call_off(c->n, &id)) {
                caller_outcome(c, MESH_OUT_BUSY);
                return;
        }
        fetch_end(c->n, &id);
        caller_done(c);
}

/* Of a clip that was called off: whoever asks for it wants it again. False: the caller is answered. */
static bool again(struct caller *c, struct span name) {
        bool many;
        const struct paper *g = papers_named(c->n, PAPER_IN_GRANT, name, &many);
        struct hash clip;
        if (!g || many)
                return true;
        clip = g->about;
        if (paper_end_again(c->n, &clip) == 0)
                return true;
        caller_error(c, "fetch-failed", "what had come of it is still being removed, or too many clips are here",
                     "try again in a few seconds", EXIT_FAILED);
        return false;
}

void control_fetch_wanted(struct caller *c) {
        struct span name = c->msg.c_fetch.clip;
        if (caller_is_owner(c) && caller_id_ok(c, name) && again(c, name))
                control_fetch(c);
}
