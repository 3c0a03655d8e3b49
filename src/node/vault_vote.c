/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removals, promotions, leaving: what the vault signs for the household. It trusts no member set but its own fold, so it
 * asks for every operation first; they go out as its socket takes them. The signed operation goes to the core like any
 * command, and its outcome goes back.
 */
#include "base/log.h"
#include "node/internal.h"

#include <stdlib.h>

#define LEAVE_PATIENCE 10000 /* ms for the neighbours to hear that this home has left */
#define LEAVE_LOOK 20        /* ms between looks */

struct vote {
        struct command cmd;
        struct node *n;
        bool leave;
        uint32_t links; /* leave: that were up when it was kept */
        mesh_time until;
};

static struct node *node_of(struct vault_link *v) {
        return CONTAINER_OF(v, struct node, vault);
}

/* ---- leaving ---- */

static void say_left(struct vault_link *v, bool told) {
        struct wire_v_result msg = {.ok = true};
        if (!told)
                WIRE_PUT(&msg, V_RESULT, waiting, true);
        log_info("the leave of this household: %s", told ? "heard" : "no other home has heard of it yet");
        vault_link_say(v, OWNER_V_RESULT, &msg);
}

/* Whoever hears of a leave hangs up on who has left (PROTOCOL 8.25). Once all have, or time is over and one has, the
 * others hear of it from each other. */
static void on_leave_look(uv_timer_t *timer) {
        struct vault_link *v = CONTAINER_OF(timer, struct vault_link, patience);
        struct vote *vote = v->vote ? CONTAINER_OF(v->vote, struct vote, cmd) : NULL;
        struct mesh_status st;
        if (!vote)
                return;
        mesh_status(vote->n->core, &st);
        bool alone = st.homes == 0, late = uv_now(vote->n->loop) >= vote->until;
        if (!alone && !late && (st.links || !vote->links))
                return;
        uv_timer_stop(timer);
        v->vote = NULL;
        say_left(v, alone || st.links < vote->links);
        free(vote);
}

static void wait_heard(struct vote *vote) {
        struct vault_link *v = &vote->n->vault;
        struct mesh_status st;
        mesh_status(vote->n->core, &st);
        vote->links = st.links;
        vote->until = uv_now(vote->n->loop) + LEAVE_PATIENCE;
        uv_timer_start(&v->patience, on_leave_look, 0, LEAVE_LOOK);
}

/* ---- all of them ---- */

static void on_reply(struct command *c, const struct mesh_action *a) {
        struct vote *vote = CONTAINER_OF(c, struct vote, cmd);
        struct vault_link *v = &vote->n->vault;
        log_info("what this household signs: %s", mesh_outcome(a->reply.outcome)->message);
        if (vote->leave && a->reply.outcome == MESH_OUT_DONE) {
                wait_heard(vote);
                return;
        }
        v->vote = NULL;
        vault_link_say_result(v, a->reply.outcome, false);
        free(vote);
}

static bool is_leave(struct span op) {
        struct wire_op w;
        return codec_decode(&wire_op_desc, op, &w, NULL) == 0 && w.type == OP_LEAVE;
}

static void begin(struct vault_link *v, struct mesh_event ev, bool leave) {
        struct vote *vote = v->vote || v->errand ? NULL : calloc(1, sizeof(*vote));
        if (!vote) {
                vault_link_say_result(v, MESH_OUT_BUSY, false);
                return;
        }
        vote->n = node_of(v);
        vote->leave = leave;
        vote->cmd.reply = on_reply;
        v->vote = &vote->cmd;
        node_command(vote->n, &vote->cmd, ev);
}

void vault_vote(struct vault_link *v, struct span op) {
        begin(v, (struct mesh_event){.type = MESH_EV_OP, .operation.op = op}, is_leave(op));
}

void vault_vote_code(struct vault_link *v, const struct wire_v_code *m) {
        struct mesh_event ev = {.type = MESH_EV_CODE,
                                .code = {.share = (enum wire_e_share)m->share, .expires = m->expires}};
        memcpy(ev.code.id.b, m->id.p, sizeof(ev.code.id.b));
        begin(v, ev, false);
}

void vault_vote_drop(struct vault_link *v) {
        v->telling = v->telling_backup = false;
        if (!v->vote)
                return;
        uv_timer_stop(&v->patience);
        node_command_forget(v->vote);
        free(CONTAINER_OF(TAKE(v->vote), struct vote, cmd));
}

void vault_vote_ops(struct vault_link *v) {
        v->telling = true;
        v->told = 0;
        vault_vote_more(v);
}

/* With the way into the mesh, which a device code says. */
static void say_end(struct vault_link *v) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct node *n = node_of(v);
        struct mesh_status st;
        struct key link_key;
        mesh_status(n->core, &st);
        struct wire_v_ops_end end = {.time = st.clock_trusted ? st.time : 0};
        if (mesh_link_key(n->core, &link_key))
                WIRE_PUT(&end, V_OPS_END, link_key, SPAN_OF(link_key.b));
        listen_ticket_addrs(n, &end.addrs, &store);
        if (end.addrs.count)
                WIRE_PUT(&end, V_OPS_END, addrs, end.addrs);
        if (n->home)
                WIRE_PUT(&end, V_OPS_END, cell, n->home);
        vault_link_say(v, OWNER_V_OPS_END, &end);
        hash_wipe(&link_key, sizeof(link_key));
}

/* New operations may come while these go out; the order stays, so that parents are always first. */
void vault_vote_more(struct vault_link *v) {
        const struct node *n = node_of(v);
        while (v->telling && v->alive && sink_waiting(&v->out) < VAULT_OUT_MAX / 2) {
                const struct roster *roster = mesh_roster(n->core);
                const struct roster_op *op = roster ? roster_op_at(roster, v->told++) : NULL;
                if (op) {
                        struct wire_v_ops msg = {.op = op->bytes};
                        vault_link_say(v, v->telling_backup ? OWNER_B_OP : OWNER_V_OPS, &msg);
                        continue;
                }
                v->telling = v->telling_backup = false;
                say_end(v);
        }
}
