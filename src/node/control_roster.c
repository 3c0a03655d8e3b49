/* SPDX-License-Identifier: Apache-2.0 */
/* MESH, MEMBERS and DEVICES: what the roster says. */
#include "base/cell.h"
#include "node/caller.h"
#include "node/rows.h"
#include "wire/codec.h"

/* NULL: the caller is answered. */
static const struct roster *roster_for(struct caller *c) {
        const struct roster *roster = mesh_roster(c->n->core);
        if (roster && roster_mesh(roster))
                return roster;
        caller_outcome(c, MESH_OUT_NO_MESH);
        return NULL;
}

static void put_charter(const struct roster *roster, struct wire_list *ret, struct buf *store) {
        for (size_t i = 0; i < wire_charter_bounds_n; i++) {
                struct wire_charter_row row = {.key = wire_charter_bounds[i].key};
                row.value = roster_charter(roster, (enum wire_charter)row.key);
                wire_list_add(&wire_charter_row_desc, ret, store, &row);
        }
}

void control_mesh(struct caller *c) {
        _clean_(buf_fini) struct buf charter = BUF_NULL, cell = BUF_NULL;
        _clean_(rows_reach_fini) struct rows_reach reach = {0};
        const struct roster *roster = roster_for(c);
        if (!roster)
                return;
        struct wire_c_mesh msg = {
                .v = 1,
                .name = span_str(roster_mesh_name(roster)),
                .id = SPAN_OF(roster_mesh(roster)->b),
                .founded = roster_founded(roster),
                .homes = roster_members(roster),
                .stewards = roster_stewards(roster),
        };
        if (roster_mesh_cell(roster)) {
                cell_text(&cell, roster_mesh_cell(roster));
                WIRE_PUT(&msg, C_MESH, cell, buf_span(&cell));
        }
        put_charter(roster, &msg.charter, &charter);
        rows_reach_mesh(c->n, &msg, &reach);
        caller_row(c, CONTROL_MESH_ROW, &msg);
        caller_done(c);
}

static bool linked(const struct node *n, const struct key *household) {
        struct mesh_peer peer;
        for (size_t i = 0; mesh_peer_at(n->core, i, &peer); i++)
                if (memcmp(peer.household.b, household->b, sizeof(household->b)) == 0)
                        return true;
        return false;
}

static size_t current_devices(const struct roster_home *home) {
        size_t count = 0;
        for (size_t i = 0; i < home->n_devices; i++)
                count += home->devices[i]->gone_at == 0;
        return count;
}

static enum wire_e_waits waits_row(enum roster_waits why) {
        switch (why) {
        case ROSTER_WAITS_DAY:
                return WAITS_DAY;
        case ROSTER_WAITS_FULL:
                return WAITS_FULL;
        case ROSTER_WAITS_INVITER:
                return WAITS_INVITER;
        case ROSTER_WAITS_NOT:
        case ROSTER_WAITS_PLACE:
                break;
        }
        return WAITS_PLACE;
}

#define CONTRADICTIONS_TOLD 16 /* fewer may come of a disk that was copied */

static void put_member(struct caller *c, const struct roster_home *home, const struct mesh_status *st) {
        char name[ROWS_NAME_MAX], inviter[ROWS_NAME_MAX];
        struct wire_c_member msg = {
                .name = span_str(rows_household(c->n, &home->key, name)),
                .id = SPAN_OF(home->key.b),
                .steward = home->steward,
                .mine = memcmp(home->key.b, st->household.b, sizeof(home->key.b)) == 0,
                .joined = home->joined,
                .devices = current_devices(home),
                .linked = linked(c->n, &home->key),
        };
        if (home->inviter)
                WIRE_PUT(&msg, C_MEMBER, invited_by, span_str(rows_household(c->n, &home->inviter->key, inviter)));
        size_t contradictions = roster_contradictions(mesh_roster(c->n->core), home);
        if (contradictions >= CONTRADICTIONS_TOLD)
                WIRE_PUT(&msg, C_MEMBER, contradictions, contradictions);
        if (home->waits != ROSTER_WAITS_NOT)
                WIRE_PUT(&msg, C_MEMBER, waits, waits_row(home->waits));
        caller_row(c, CONTROL_MEMBER_ROW, &msg);
}

void control_members(struct caller *c) {
        const struct roster *roster = roster_for(c);
        const struct roster_home *home;
        struct mesh_status st;
        if (!roster)
                return;
        mesh_status(c->n->core, &st);
        for (size_t i = 0; (home = roster_home_at(roster, i)); i++)
                if (home->member)
                        put_member(c, home, &st);
        for (size_t at = 0; (home = roster_waiting_next(roster, &at));)
                put_member(c, home, &st);
        caller_done(c);
}

static void put_proposal(struct caller *c, const struct roster *roster, const struct roster_proposal *p,
                         const struct key *mine) {
        char target[ROWS_NAME_MAX], by[ROWS_NAME_MAX];
        struct wire_c_proposal msg = {
                .id = SPAN_OF(p->id.b),
                .type = p->type,
                .target = span_str(rows_household(c->n, &p->target->key, target)),
                .by = span_str(rows_household(c->n, &p->by->key, by)),
                .time = p->time,
                .votes = p->votes,
                .needed = p->needed,
                .in_force = p->in_force,
                .voted = roster_voted(roster, &p->id, mine),
        };
        if (p->reason.n)
                WIRE_PUT(&msg, C_PROPOSAL, reason, p->reason);
        if (p->ways.stewards_needed) {
                WIRE_PUT(&msg, C_PROPOSAL, stewards, p->ways.stewards);
                WIRE_PUT(&msg, C_PROPOSAL, stewards_needed, p->ways.stewards_needed);
        }
        if (p->ways.homes_needed) {
                WIRE_PUT(&msg, C_PROPOSAL, homes, p->ways.homes);
                WIRE_PUT(&msg, C_PROPOSAL, homes_needed, p->ways.homes_needed);
        }
        caller_row(c, CONTROL_PROPOSAL_ROW, &msg);
}

void control_proposals(struct caller *c) {
        const struct roster *roster = roster_for(c);
        struct roster_proposal p;
        struct mesh_status st;
        if (!roster)
                return;
        mesh_status(c->n->core, &st);
        for (size_t i = 0; roster_proposal_at(roster, i, &p); i++)
                if (!p.dead)
                        put_proposal(c, roster, &p, &st.household);
        caller_done(c);
}

static bool device_linked(const struct node *n, const struct key *device) {
        struct mesh_peer peer;
        for (size_t i = 0; mesh_peer_at(n->core, i, &peer); i++)
                if (key_eq(&peer.device, device))
                        return true;
        return false;
}

static void put_device(struct caller *c, const struct roster_device *d, const struct key *here) {
        struct wire_c_device msg = {
                .name = span_str(d->name),
                .id = SPAN_OF(d->sign.b),
                .share = d->share,
                .this_one = key_eq(&d->sign, here),
        };
        mesh_wall heard = mesh_heard(c->n->core, &d->sign);
        WIRE_PUT(&msg, C_DEVICE, main, d->gone_at == 0 && d->share == SHARE_WHOLE);
        WIRE_PUT(&msg, C_DEVICE, added, d->since);
        if (d->gone_at)
                WIRE_PUT(&msg, C_DEVICE, revoked, d->gone_at);
        WIRE_PUT(&msg, C_DEVICE, linked, device_linked(c->n, &d->sign));
        if (heard && !msg.this_one)
                WIRE_PUT(&msg, C_DEVICE, last_heard, heard);
        if (mesh_uninvited(c->n->core, &d->sign))
                WIRE_PUT(&msg, C_DEVICE, uninvited, true);
        caller_row(c, CONTROL_DEVICE_ROW, &msg);
}

/* Those that are current first. */
void control_devices(struct caller *c) {
        const struct roster *roster = roster_for(c);
        struct mesh_status st;
        if (!roster)
                return;
        mesh_status(c->n->core, &st);
        const struct roster_home *home = roster_home_find(roster, &st.household);
        for (int gone = 0; gone <= 1; gone++)
                for (size_t i = home ? home->n_devices : 0; i-- > 0;)
                        if ((home->devices[i]->gone_at != 0) == gone)
                                put_device(c, home->devices[i], &st.device);
        caller_done(c);
}
