/* SPDX-License-Identifier: Apache-2.0 */
/* PEERS and PEER_ADD: who this home is linked to, and where a person says to knock. */
#include "node/caller.h"
#include "node/endpoint.h"
#include "node/rows.h"
#include "roster/roster.h"
#include "wire/codec.h"

static void put_way(struct caller *c, const struct mesh_peer *p, struct wire_c_peer_row *row, char by[ROWS_NAME_MAX]) {
        const struct roster_device *door =
                p->relayed ? roster_device_find(mesh_roster(c->n->core), &p->doorstep) : NULL;
        enum wire_e_candidate here, there;
        if (!p->up)
                return;
        WIRE_PUT(row, C_PEER_ROW, way, p->relayed ? WAY_RELAY : p->met ? WAY_ROUTERS : WAY_TCP);
        if (door)
                WIRE_PUT(row, C_PEER_ROW, by, span_str(rows_household(c->n, &door->home->key, by)));
        if (!p->met || !conn_way(c->n, p->link, &here, &there))
                return;
        WIRE_PUT(row, C_PEER_ROW, here, here);
        WIRE_PUT(row, C_PEER_ROW, there, there);
}

static void put_peer(struct caller *c, const struct mesh_peer *p) {
        static const struct key nobody;
        char household[ROWS_NAME_MAX] = "", device[ROWS_NAME_MAX] = "", by[ROWS_NAME_MAX];
        _clean_(buf_fini) struct buf address = BUF_NULL;
        if (p->addr.port)
                endpoint_text(&address, &p->addr);
        if (memcmp(p->household.b, nobody.b, sizeof(nobody.b)) != 0)
                rows_household(c->n, &p->household, household);
        if (memcmp(p->device.b, nobody.b, sizeof(nobody.b)) != 0)
                rows_device(c->n, &p->device, device);
        struct wire_c_peer_row row = {
                .household = span_str(household),
                .device = span_str(device),
                .address = buf_span(&address),
                .outbound = p->dialled,
                .up = p->up,
                .sent = p->sent,
                .received = p->received,
        };
        if (p->lan)
                WIRE_PUT(&row, C_PEER_ROW, lan, true);
        if (p->footage)
                WIRE_PUT(&row, C_PEER_ROW, footage, true);
        if (p->visit)
                WIRE_PUT(&row, C_PEER_ROW, visit, true);
        put_way(c, p, &row, by);
        if (p->since)
                WIRE_PUT(&row, C_PEER_ROW, since, p->since);
        if (p->problem)
                WIRE_PUT(&row, C_PEER_ROW, problem, span_str(node_enum_doc(&wire_reason_enum, p->problem)));
        caller_row(c, CONTROL_PEER_ROW, &row);
}

void control_peers(struct caller *c) {
        struct mesh_walk known = {0};
        struct mesh_peer peer;
        for (size_t i = 0; mesh_peer_at(c->n->core, i, &peer); i++)
                put_peer(c, &peer);
        while (mesh_known_next(c->n->core, &known, &peer))
                put_peer(c, &peer);
        for (size_t i = 0; caller_owns(c) && mesh_haul_at(c->n->core, i, &peer); i++)
                put_peer(c, &peer); /* with whom this home has footage to do is its owner's to know */
        caller_done(c);
}

static void on_dialled(struct command *cmd, const struct mesh_action *a) {
        caller_outcome(CONTAINER_OF(cmd, struct caller, cmd), a->reply.outcome);
}

static void no_address(struct command *cmd) {
        caller_error(CONTAINER_OF(cmd, struct caller, cmd), "no-address", "no address was found for this name",
                     "check the spelling, or give an IP address", EXIT_NOT_FOUND);
}

void control_peer_add(struct caller *c) {
        struct wire_list list = c->msg.c_peer.addr;
        struct mesh_event ev = {.type = MESH_EV_DIAL};
        struct wire_addr row = {0};
        c->cmd.reply = on_dialled;
        wire_list_next(&wire_addr_desc, &list, &row);
        if (endpoint_from_wire(&row, &ev.dial.addr))
                node_command(c->n, &c->cmd, ev);
        else if (!WIRE_HAS(&row, ADDR, dns) || resolve_dial(c->n, row.dns, (uint16_t)row.port, &c->cmd, no_address))
                no_address(&c->cmd);
}
