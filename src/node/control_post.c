/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST and FOLLOW. The core answers when the record is on this disk; then the caller waits until every linked household
 * has it on its own disk, or its patience is over: "posted, handed to N homes" is said of homes that have it, never of
 * attempts.
 */
#include "base/when.h"
#include "node/caller.h"
#include "node/request.h"
#include "node/rows.h"

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
        return WIRE_HAS(&c->msg.c_follow, C_FOLLOW, wait) ? c->msg.c_follow.wait : WAIT_MS;
}

static void say_muted(struct caller *c) {
        const struct mesh_outcome_row *row = mesh_outcome(MESH_OUT_MUTED);
        struct mesh_status st;
        _clean_(buf_fini) struct buf until = BUF_NULL;
        struct said message;
        mesh_status(c->n->core, &st);
        when_rfc3339(&until, st.muted_until);
        said_set(&message, "%s until %s", row->message, buf_cstr(&until));
        said_words(&message, 0);
        said_time(&message, 1, st.muted_until);
        caller_refuse(c, row->name, &message, row->hint, (enum wire_e_exit)row->exit);
}

static void on_reply(struct command *cmd, const struct mesh_action *a) {
        struct caller *c = CONTAINER_OF(cmd, struct caller, cmd);
        struct mesh_status st;
        if (a->reply.outcome == MESH_OUT_MUTED) {
                say_muted(c);
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

void control_post(struct caller *c) {
        struct mesh_draft draft;
        request_draft(&c->msg.c_post, home_of(c->n), &draft);
        if (WIRE_HAS(&c->msg.c_post, C_POST, dry_run))
                dry_run(c, &draft);
        else
                publish(c, &draft);
}

static int prefix_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        return store_alert_prefix(r, buf_span(&a->keep), &a->id);
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
                caller_ask(c, &(struct ask){.after = prefix_found}, prefix_run, m->target);
}
