/* SPDX-License-Identifier: Apache-2.0 */
/* See announce.h: what the store has, and one notice after the other. */
#include "node/announce.h"

#include "base/array.h"
#include "base/cell.h"
#include "base/log.h"
#include "clip/clip.h"
#include "node/internal.h"

#include <stdlib.h>

#define FIRST 16

struct announce {
        struct query q;
        struct command cmd;
        struct node *n;
        struct cameras rules;
        mesh_cell home;
        mesh_wall due;
        struct announce_clip *clips;
        size_t n_clips, cap;
        struct announce_notice notices[ANNOUNCE_CELLS];
        size_t n_notices, next;
};

static void announce_free(struct announce *a) {
        free(a->clips);
        free(a);
}

static int take(void *ctx, const struct store_clip *c) {
        struct announce *a = ctx;
        struct wire_manifest w;
        if (!c->manifest.n || c->away || codec_decode(&wire_manifest_desc, c->manifest, &w, NULL) ||
            !WIRE_HAS(&w, MANIFEST, from) || !WIRE_HAS(&w, MANIFEST, to) ||
            cameras_of(&a->rules, c->camera)->policy != CAMERA_POLICY_ANNOUNCE)
                return 0;
        mesh_cell cell = cell_coarsen(WIRE_HAS(&w, MANIFEST, cell) ? w.cell : a->home, PRECISION_AREA);
        if (!cell_valid(cell) || w.created >= a->due)
                return 0;
        struct announce_clip *all = array_room(a->clips, a->n_clips, &a->cap, sizeof(*all), FIRST);
        if (!all)
                return ERR_NOMEM;
        a->clips = all;
        a->clips[a->n_clips++] =
                (struct announce_clip){.id = c->id, .cell = cell, .taken = w.created, .from = w.from, .to = w.to};
        return 0;
}

static int run(struct query *q, struct store_reader *r) {
        struct announce *a = CONTAINER_OF(q, struct announce, q);
        return store_clips(r, take, a);
}

static void end(struct announce *a) {
        a->n->announce = NULL;
        announce_free(a);
}

static void post_next(struct announce *a);

static void on_reply(struct command *cmd, const struct mesh_action *action) {
        struct announce *a = CONTAINER_OF(cmd, struct announce, cmd);
        if (action->reply.outcome != MESH_OUT_DONE)
                log_warning("a notice of footage was not posted: %s", mesh_outcome(action->reply.outcome)->message);
        post_next(a);
}

static void post_next(struct announce *a) {
        if (a->next == a->n_notices || a->n->stopping) {
                end(a);
                return;
        }
        const struct announce_notice *x = &a->notices[a->next++];
        struct mesh_draft draft = {.type = RECORD_NOTICE,
                                   .sensor = true,
                                   .precision = PRECISION_AREA,
                                   .cell = x->cell,
                                   .from = x->from,
                                   .to = x->to,
                                   .clips = SPAN_OF(x->clip.b)};
        a->cmd.reply = on_reply;
        node_command(a->n, &a->cmd, (struct mesh_event){.type = MESH_EV_PUBLISH, .draft = &draft});
}

/* What is to be told is written down before it is said: a crash in between keeps a notice back and says none twice. */
static void after(struct query *q) {
        struct announce *a = CONTAINER_OF(q, struct announce, q);
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        if (q->r || a->n->stopping) {
                end(a);
                return;
        }
        a->n_notices = announce_plan(&a->n->announced, a->due, a->clips, a->n_clips, a->notices);
        announced_encode(&a->n->announced, &bytes);
        if (buf_ok(&bytes))
                writer_set(a->n, SETTING_ANNOUNCED, buf_span(&bytes));
        post_next(a);
}

static bool any(const struct cameras *c) {
        bool found = c->others.policy == CAMERA_POLICY_ANNOUNCE;
        for (size_t i = 0; i < c->n; i++)
                found |= c->rows[i].policy == CAMERA_POLICY_ANNOUNCE;
        return found;
}

void announce_tick(struct node *n) {
        mesh_wall due = announce_due(node_time(n));
        struct mesh_status st;
        mesh_status(n->core, &st);
        if (n->announce || n->stopping || !n->started || st.state == FRESH_NO_MESH || due <= n->announced.until ||
            !any(&n->cameras))
                return;
        if (n->announced.until + MESH_DAY < due) /* nothing, or long ago: from the last quarter on */
                n->announced.until = due - ANNOUNCE_QUARTER;
        struct announce *a = calloc(1, sizeof(*a));
        if (!a)
                return;
        a->n = n;
        a->rules = n->cameras;
        a->home = n->home;
        a->due = due;
        a->q = (struct query){.lane = QUERY_LIST, .run = run, .done = after};
        n->announce = a;
        query_start(n, &a->q);
}

void announce_fini(struct node *n) {
        if (n->announce)
                announce_free(n->announce);
        n->announce = NULL;
}
