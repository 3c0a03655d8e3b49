/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REFRESH: this home is a member, and somebody has given it a ticket. The core keeps what is of use in it; the caller is
 * told what that was, once a neighbour has answered or has had time to.
 */
#include "node/caller.h"
#include "node/resolve.h"
#include "node/rows.h"
#include "roster/ticket.h"

#define PATIENCE 20000 /* ms: somebody who does not know this home says so by 10 s of silence, after a few dials */

static enum mesh_outcome standing(struct caller *c) {
        return mesh_refreshed(c->n->core);
}

/* The name of a household that this home knows as a member, or NULL. */
static const char *writer_name(struct caller *c, char ret[ROWS_NAME_MAX]) {
        const struct roster_device *d = roster_device_find(mesh_roster(c->n->core), &c->refresh.writer);
        return d ? rows_household(c->n, &d->home->key, ret) : NULL;
}

void control_refresh_answer(struct caller *c) {
        const struct roster *roster = mesh_roster(c->n->core);
        char inviter[ROWS_NAME_MAX], neighbour[ROWS_NAME_MAX];
        struct mesh_peer peer = {.up = false};
        if (!roster || !roster_mesh(roster)) {
                caller_outcome(c, MESH_OUT_NO_MESH);
                return;
        }
        struct wire_c_refreshed row = {
                .v = 1,
                .mesh = span_str(roster_mesh_name(roster)),
                .mesh_id = SPAN_OF(roster_mesh(roster)->b),
                .key = c->refresh.news,
                .addresses = c->refresh.addresses,
                .answered = standing(c) == MESH_OUT_DONE,
        };
        if (writer_name(c, inviter))
                WIRE_PUT(&row, C_REFRESHED, inviter, span_str(inviter));
        if (mesh_peer_at(c->n->core, 0, &peer))
                WIRE_PUT(&row, C_REFRESHED, neighbour, span_str(rows_household(c->n, &peer.household, neighbour)));
        caller_row(c, CONTROL_REFRESHED_ROW, &row);
        caller_outcome(c, standing(c));
}

/* Who does not know this home will not change its mind while its owner waits. */
void control_refresh_look(struct caller *c) {
        if (standing(c) == MESH_OUT_DONE || standing(c) == MESH_OUT_NOT_KNOWN)
                control_refresh_answer(c);
}

static void on_refreshed(struct command *cmd, const struct mesh_action *a) {
        struct caller *c = CONTAINER_OF(cmd, struct caller, cmd);
        struct span text = c->msg.c_refresh.ticket;
        struct ticket t;
        if (a->reply.outcome != MESH_OUT_DONE || ticket_parse(&t, text)) {
                caller_outcome(c, a->reply.outcome);
                return;
        }
        c->refresh = (struct refresh_wait){.on = true, .addresses = t.w.addrs.count, .news = a->reply.news};
        memcpy(c->refresh.writer.b, t.w.device.p, sizeof(c->refresh.writer.b));
        ticket_fini(&t);
        resolve_ticket(c->n, text);
        caller_set_deadline(c, uv_now(c->n->loop) + PATIENCE);
        control_refresh_look(c);
}

void control_refresh(struct caller *c) {
        struct mesh_event ev = {.type = MESH_EV_REFRESH, .refresh = {.ticket = c->msg.c_refresh.ticket}};
        if (!caller_is_owner(c)) /* who may join may come back */
                return;
        c->cmd.reply = on_refreshed;
        node_command(c->n, &c->cmd, ev);
}
