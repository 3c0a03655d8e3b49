/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST, FOLLOW, ASK_POST and NOTICE_POST. The core answers when the record is on this disk; then the caller waits until every linked household
 * has it on its own disk, or its patience is over: "posted, handed to N homes" is said of homes that have it, never of
 * attempts.
 */
#include "base/when.h"
#include "node/caller.h"
#include "node/request.h"
#include "node/rows.h"
#include "wire/codec.h"

#define WAIT_MS 5000 /* unless the caller says otherwise */

/* Home, or where the mesh is: a joiner that named no place lives there as far as this node knows. */
static mesh_cell home_of(const struct node *n) {
        const struct roster *roster = mesh_roster(n->core);
        if (n->home)
                return n->home;
        return roster ? roster_mesh_cell(roster) : 0;
}

void control_post_answer(struct caller *c) {
        struct mesh_status st;
        mesh_status(c->n->core, &st);
        struct wire_c_posted msg = {
                .v = 1,
                .id = SPAN_OF(c->post.id.b),
                .handed_to = c->post.handed,
                .homes = st.homes ? st.homes - 1 : 0,
                .expires = c->post.expires,
                .urgent = c->post.urgent,
        };
        if (st.alone_since)
                WIRE_PUT(&msg, C_POSTED, alone_since, st.alone_since);
        caller_row(c, CONTROL_POSTED, &msg);
        caller_done(c);
}

static uint64_t patience(const struct caller *c) {
        if (c->row->number == CONTROL_POST)
                return WIRE_HAS(&c->msg.c_post, C_POST, wait) ? c->msg.c_post.wait : WAIT_MS;
        if (c->row->number == CONTROL_ASK_POST)
                return WIRE_HAS(&c->msg.c_ask_post, C_ASK_POST, wait) ? c->msg.c_ask_post.wait : WAIT_MS;
        if (c->row->number == CONTROL_NOTICE_POST)
                return WIRE_HAS(&c->msg.c_notice_post, C_NOTICE_POST, wait) ? c->msg.c_notice_post.wait : WAIT_MS;
        return WIRE_HAS(&c->msg.c_follow, C_FOLLOW, wait) ? c->msg.c_follow.wait : WAIT_MS;
}

/* No, until a time: MUTED or ASK_USED. */
static void say_until(struct caller *c, enum mesh_outcome outcome, mesh_wall until) {
        const struct mesh_outcome_row *row = mesh_outcome(outcome);
        _clean_(buf_fini) struct buf time = BUF_NULL;
        struct said message;
        when_rfc3339(&time, until);
        if (outcome == MESH_OUT_MUTED)
                said_set(&message, "%s until %s", row->message, buf_cstr(&time));
        else
                said_set(&message, "%s; the next is free from %s on", row->message, buf_cstr(&time));
        said_words(&message, 0);
        said_time(&message, 1, until);
        caller_refuse(c, row->name, &message, row->hint, (enum wire_e_exit)row->exit);
}

static void on_reply(struct command *cmd, const struct mesh_action *a) {
        struct caller *c = CONTAINER_OF(cmd, struct caller, cmd);
        struct mesh_status st;
        struct mesh_asks asks;
        if (a->reply.outcome == MESH_OUT_MUTED) {
                mesh_status(c->n->core, &st);
                say_until(c, MESH_OUT_MUTED, st.muted_until);
                return;
        }
        if (a->reply.outcome == MESH_OUT_ASK_USED) {
                mesh_asks(c->n->core, &asks);
                say_until(c, MESH_OUT_ASK_USED, asks.renewed);
                return;
        }
        if (a->reply.outcome != MESH_OUT_DONE) {
                caller_outcome(c, a->reply.outcome);
                return;
        }
        c->post = (struct post_wait){
                .on = true, .id = a->reply.id, .expires = a->reply.expires, .urgent = a->reply.urgent};
        mesh_status(c->n->core, &st);
        uint64_t wait = patience(c);
        if (wait == 0 || st.homes <= 1)
                control_post_answer(c);
        else
                caller_set_deadline(c, uv_now(c->n->loop) + wait);
}

static void publish(struct caller *c, const struct mesh_draft *draft) {
        c->cmd.reply = on_reply;
        node_command(c->n, &c->cmd, (struct mesh_event){.type = MESH_EV_PUBLISH, .draft = draft});
}

/* --dry-run: the alert as it would stand on every screen, from this household, with an id of zeros. */
static void dry_run(struct caller *c, const struct mesh_draft *draft) {
        struct mesh_status st;
        struct wire_alert w;
        struct rows_alert row;
        uint64_t life;
        enum mesh_outcome o = mesh_draft_complete(c->n->core, draft, &w, &life);
        if (o != MESH_OUT_DONE) {
                caller_outcome(c, o);
                return;
        }
        mesh_status(c->n->core, &st);
        struct store_alert a = {
                .device = st.device,
                .household = st.household,
                .mine = true,
                .sensor = draft->sensor,
                .kind = (uint8_t)w.kind,
                .doing = (uint8_t)w.doing,
                .category = (uint8_t)w.category,
                .severity = (uint8_t)w.severity,
                .urgency = (uint8_t)w.urgency,
                .certainty = (uint8_t)w.certainty,
                .status = (uint8_t)w.status,
                .state = STATE_ACTIVE,
                .cell = w.cell,
                .distance_m = UINT32_MAX,
                .text = w.text,
                .clips = w.clips,
                .created = st.time,
                .expires = st.time + life,
        };
        rows_alert(c->n, &a, &row);
        caller_row(c, CONTROL_ALERT_ROW, &row.w);
        caller_done(c);
}

static void post_with(struct caller *c, struct span clips) {
        struct mesh_draft draft;
        request_draft(&c->msg.c_post, home_of(c->n), &draft);
        if (clips.n)
                draft.clips = clips;
        if (WIRE_HAS(&c->msg.c_post, C_POST, dry_run))
                dry_run(c, &draft);
        else
                publish(c, &draft);
}

static int look_at_camera(void *ctx, const struct store_clip *clip) {
        struct ask *a = ctx;
        a->never |= clip->manifest.n && (clip->never || cameras_never(a->cameras, clip->camera));
        return 0;
}

/* True: the caller is answered. */
static bool told_never(struct caller *c, const struct ask *a) {
        if (a->never)
                caller_error(c, "camera-never", "this home's rule for that camera is that nothing is told of its clips",
                             "change it first: `porchlight camera policy NAME ask`", EXIT_REFUSED);
        return a->never;
}

static int clips_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        struct span rest = buf_span(&a->keep);
        while (rest.n) {
                const uint8_t *space = memchr(rest.p, ' ', rest.n);
                struct span word = span_of(rest.p, space ? (size_t)(space - rest.p) : rest.n);
                rest = span_from(rest, MIN(rest.n, word.n + 1));
                int e = a->n_clips < sizeof(a->clips) ? store_clip_prefix(r, word, &a->id) : STORE_E_NONE;
                e = e ? e : store_clip_get(r, &a->id, look_at_camera, a);
                if (e)
                        return e;
                memcpy(a->clips + a->n_clips, a->id.b, sizeof(a->id.b));
                a->n_clips += sizeof(a->id.b);
        }
        return 0;
}

/* As caller_found(), of clips. */
static bool clip_found(struct caller *c, int r) {
        if (r == STORE_E_NONE)
                caller_outcome(c, MESH_OUT_NO_CLIP);
        else if (r == STORE_E_MANY)
                caller_error(c, "ambiguous", "several clips have an id that begins so", "give more digits",
                             EXIT_NOT_FOUND);
        else
                return caller_found(c, r);
        return false;
}

static void clips_found(struct caller *c, const struct ask *a) {
        if (clip_found(c, a->q.r) && !told_never(c, a))
                post_with(c, span_of(a->clips, a->n_clips));
}

void control_post(struct caller *c) {
        const struct wire_c_post *m = &c->msg.c_post;
        if (!WIRE_HAS(m, C_POST, clip_words))
                post_with(c, SPAN_NONE);
        else if (caller_is_owner(c))
                caller_ask(c, &(struct ask){.obeys = true, .after = clips_found}, clips_run, m->clip_words);
}

static int prefix_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        return store_alert_prefix(r, buf_span(&a->keep), &a->id);
}

/* What may be taken back: asks, notices, and words on an alert, too. */
static int said_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        return store_said_prefix(r, buf_span(&a->keep), &a->id);
}

static void prefix_found(struct caller *c, const struct ask *a) {
        struct mesh_draft draft;
        if (!caller_found(c, a->q.r))
                return;
        request_follow(&c->msg.c_follow, &a->id, &draft);
        publish(c, &draft);
}

void control_follow(struct caller *c) {
        const struct wire_c_follow *m = &c->msg.c_follow;
        if (caller_id_ok(c, m->target))
                caller_ask(c, &(struct ask){.after = prefix_found}, m->what == RECORD_RETRACT ? said_run : prefix_run,
                           m->target);
}

/* ---- ASK_POST ---- */

static void ask_publish(struct caller *c, const struct hash *alert) {
        struct mesh_draft draft;
        request_ask(&c->msg.c_ask_post, home_of(c->n), alert, &draft);
        publish(c, &draft);
}

static void ask_alert_found(struct caller *c, const struct ask *a) {
        if (caller_found(c, a->q.r))
                ask_publish(c, &a->id);
}

void control_ask_post(struct caller *c) {
        static const struct hash none;
        const struct wire_c_ask_post *m = &c->msg.c_ask_post;
        if (!WIRE_HAS(m, C_ASK_POST, alert))
                ask_publish(c, &none);
        else if (caller_id_ok(c, m->alert))
                caller_ask(c, &(struct ask){.after = ask_alert_found}, prefix_run, m->alert);
}

/* ---- NOTICE_POST ---- */

static int take_clip(void *ctx, const struct store_clip *clip) {
        struct mesh_draft *d = &((struct ask *)ctx)->draft;
        struct wire_manifest m;
        look_at_camera(ctx, clip);
        if (clip->manifest.n == 0 || codec_decode(&wire_manifest_desc, clip->manifest, &m, NULL))
                return 0;
        d->type = RECORD_NOTICE;
        d->cell = WIRE_HAS(&m, MANIFEST, cell) ? m.cell : 0;
        d->from = WIRE_HAS(&m, MANIFEST, to) ? m.from : 0;
        d->to = m.to;
        return 0;
}

/* The clip's prefix, then the alert's. */
static int notice_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        struct span alert = span_from(buf_span(&a->keep), (size_t)a->count);
        int e = alert.n ? store_alert_prefix(r, alert, &a->draft.target) : 0;
        if (e)
                return e;
        a->clip_next = true;
        e = store_clip_prefix(r, span_of(a->keep.p, (size_t)a->count), &a->id);
        return e ? e : store_clip_get(r, &a->id, take_clip, a);
}

static void notice_found(struct caller *c, const struct ask *a) {
        struct mesh_draft draft = a->draft;
        if (!(a->clip_next ? clip_found : caller_found)(c, a->q.r) || told_never(c, a))
                return;
        if (draft.type != RECORD_NOTICE) {
                caller_outcome(c, MESH_OUT_NO_CLIP);
                return;
        }
        if (!draft.from) {
                caller_error(c, "no-times", "nobody knows of what time that clip is", "post it without a notice",
                             EXIT_REFUSED);
                return;
        }
        draft.cell = draft.cell ? draft.cell : home_of(c->n);
        draft.clips = SPAN_OF(a->id.b);
        publish(c, &draft);
}

void control_notice_post(struct caller *c) {
        const struct wire_c_notice_post *m = &c->msg.c_notice_post;
        _clean_(buf_fini) struct buf ids = BUF_NULL;
        bool alert = WIRE_HAS(m, C_NOTICE_POST, alert);
        if (!caller_is_owner(c) || !caller_id_ok(c, m->clip) || (alert && !caller_id_ok(c, m->alert)))
                return;
        buf_add(&ids, m->clip);
        if (alert)
                buf_add(&ids, m->alert);
        if (!buf_ok(&ids)) {
                caller_store_error(c, ERR_NOMEM);
                return;
        }
        caller_ask(c, &(struct ask){.obeys = true, .after = notice_found, .count = m->clip.n}, notice_run,
                   buf_span(&ids));
}
