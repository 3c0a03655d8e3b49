/* SPDX-License-Identifier: Apache-2.0 */
/* FETCHES, FETCH, FETCH_CANCEL, FETCH_BEGIN: clips of other homes on their way here (node/fetch.h). */
#include "clip/clip.h"
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

void control_fetch(struct caller *c) {
        struct wire_c_fetched row;
        const struct wire_c_fetch *q = &c->msg.c_fetch;
        if (!caller_is_owner(c) || !named(c, q->clip, &row))
                return;
        c->fetch = (struct fetch_wait){.on = true, .reading = WIRE_HAS(q, C_FETCH, reading)};
        memcpy(c->fetch.clip.b, row.clip.p, sizeof(c->fetch.clip));
        fetch_reader(c->n, &c->fetch.clip, c->fetch.reading);
        tell(c, &row);
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
        fetch_end(c->n, &id);
        caller_done(c);
}

/* Bytes that nobody here can open are fetched, and nothing is given for it: who may open the clip is said elsewhere. */
void control_fetch_begin(struct caller *c) {
        const struct wire_c_fetch_begin *q = &c->msg.c_fetch_begin;
        struct wire_manifest w;
        struct mesh_status st;
        struct hash id;
        if (!caller_is_owner(c))
                return;
        mesh_status(c->n->core, &st);
        if (clip_read(CLIP_MANIFEST, q->manifest, &st.mesh, &w, &id)) {
                caller_error(c, "bad-manifest", "this is no manifest of a clip of this mesh",
                             "ask its owner for it again", EXIT_USAGE);
                return;
        }
        int r = fetch_begin(c->n, &id, q->manifest, q->until);
        if (r == ERR_FULL)
                caller_error(c, "too-many-fetches", "too many clips of other homes are here", "call some of them off",
                             EXIT_REFUSED);
        else if (r)
                caller_error(c, "fetch-failed", "the fetch cannot begin now", "try again in a few seconds",
                             EXIT_FAILED);
        else
                caller_done(c);
}
