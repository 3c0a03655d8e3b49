/* SPDX-License-Identifier: Apache-2.0 */
/* INVITE, INVITES and INVITE_REVOKE: the tickets this household wrote. */
#include "node/caller.h"
#include "node/rows.h"

#define EXPIRES_IN (7 * MESH_DAY)

static void on_ticket(struct command *cmd, const struct mesh_action *a) {
        struct caller *c = CONTAINER_OF(cmd, struct caller, cmd);
        const struct wire_c_invite *m = &c->msg.c_invite;
        _clean_(rows_reach_fini) struct rows_reach reach = {0};
        if (a->reply.outcome != MESH_OUT_DONE) {
                caller_outcome(c, a->reply.outcome);
                return;
        }
        struct wire_c_ticket row = {
                .v = 1,
                .id = SPAN_OF(a->reply.id.b),
                .uses = WIRE_HAS(m, C_INVITE, uses) ? m->uses : 1,
                .expires = a->reply.expires,
        };
        WIRE_PUT(&row, C_TICKET, ticket, a->reply.text);
        if (WIRE_HAS(m, C_INVITE, label))
                WIRE_PUT(&row, C_TICKET, label, m->label);
        rows_reach_ticket(c->n, &row, &reach);
        caller_row(c, CONTROL_TICKET_ROW, &row);
        caller_done(c);
}

void control_invite(struct caller *c) {
        const struct wire_c_invite *m = &c->msg.c_invite;
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct mesh_event ev = {.type = MESH_EV_INVITE};
        ev.invite.label = m->label;
        ev.invite.uses = WIRE_HAS(m, C_INVITE, uses) ? (uint32_t)m->uses : 1;
        ev.invite.expires_in = WIRE_HAS(m, C_INVITE, expires_in) ? m->expires_in : EXPIRES_IN;
        listen_ticket_addrs(c->n, &ev.invite.addrs, &store);
        c->cmd.reply = on_ticket;
        node_command(c->n, &c->cmd, ev);
}

void control_invites(struct caller *c) {
        struct mesh_ticket t;
        for (size_t i = 0; mesh_ticket_at(c->n->core, i, &t); i++) {
                struct wire_c_ticket row = {
                        .v = 1,
                        .id = SPAN_OF(t.id.b),
                        .uses = t.uses,
                        .used = t.used,
                        .expires = t.expires,
                        .revoked = t.revoked,
                };
                WIRE_PUT(&row, C_TICKET, ticket, t.text);
                if (t.closed)
                        WIRE_PUT(&row, C_TICKET, closed, true);
                if (t.label.n)
                        WIRE_PUT(&row, C_TICKET, label, t.label);
                caller_row(c, CONTROL_TICKET_ROW, &row);
        }
        caller_done(c);
}

/* How many open tickets fit; the last of them. A label is compared whole. */
static unsigned find_tickets(struct node *n, struct span name, bool by_label, struct key *ret) {
        struct mesh_ticket t;
        unsigned fit = 0;
        for (size_t i = 0; mesh_ticket_at(n->core, i, &t); i++) {
                if (t.revoked || !(by_label ? span_eq(t.label, name) : rows_id_begins(&t.id, name)))
                        continue;
                *ret = t.id;
                fit++;
        }
        return fit;
}

static void on_revoked(struct command *cmd, const struct mesh_action *a) {
        caller_outcome(CONTAINER_OF(cmd, struct caller, cmd), a->reply.outcome);
}

void control_invite_revoke(struct caller *c) {
        struct span name = c->msg.c_name.name;
        struct mesh_event ev = {.type = MESH_EV_REVOKE};
        unsigned fit = find_tickets(c->n, name, true, &ev.revoke.id);
        if (fit == 0)
                fit = find_tickets(c->n, name, false, &ev.revoke.id);
        if (fit == 0) {
                caller_outcome(c, MESH_OUT_NO_TICKET);
                return;
        }
        if (fit > 1) {
                caller_error(c, "ambiguous", "several open tickets have that name", "give the id, or more digits of it",
                             EXIT_NOT_FOUND);
                return;
        }
        c->cmd.reply = on_revoked;
        node_command(c->n, &c->cmd, ev);
}
