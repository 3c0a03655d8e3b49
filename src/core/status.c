/* SPDX-License-Identifier: Apache-2.0 */
/* Looking in: copies of what people may ask about, changing nothing. */
#include "core/belong.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/link.h"
#include "core/reach.h"
#include "core/record.h"
#include "roster/roster.h"

const struct roster *mesh_roster(const struct mesh *m) {
        return m->roster;
}

mesh_wall mesh_heard(const struct mesh *m, const struct key *device) {
        const struct contact *contact = map_find(&m->contacts, device->b);
        mesh_wall heard = contact ? contact->card->time : 0;
        LINK_EACH(l, m)
        if (l->state == LINK_UP && key_eq(&l->device, device))
                return clock_now(m);
        for (size_t i = 0; i < m->n_addresses; i++)
                if (key_eq(&m->addresses[i].device, device))
                        heard = MAX(heard, m->addresses[i].down_since);
        return heard;
}

bool mesh_link_key(struct mesh *m, struct key *ret) {
        const struct epoch *e = epoch_newest(m);
        if (e)
                *ret = e->link_key;
        return e != NULL;
}

static enum mesh_outcome standing_of_device(const struct mesh *m) {
        enum mesh_outcome o = mesh_standing(m);
        return o == MESH_OUT_REVOKED || (o != MESH_OUT_DONE && o == m->fallen) ? o : MESH_OUT_DONE;
}

void mesh_status(const struct mesh *m, struct mesh_status *ret) {
        *ret = (struct mesh_status){.state = m->state,
                                    .state_since = m->state_since,
                                    .device = m->sign.pub,
                                    .household = m->household,
                                    .links = (uint32_t)links_up(m),
                                    .time = clock_now(m),
                                    .sure = clock_sure(m),
                                    .clock_trusted = clock_usable(m),
                                    .out = standing_of_device(m),
                                    .join_problem = m->recover.on              ? m->recover.problem
                                                    : m->roster && !m->joining ? MESH_OUT_DONE
                                                                               : m->join_problem};
        if (m->roster && roster_mesh(m->roster)) {
                ret->mesh = *roster_mesh(m->roster);
                ret->homes = (uint32_t)roster_members(m->roster);
                ret->stewards = (uint32_t)roster_stewards(m->roster);
                ret->unsent = ret->homes > 1 ? m->unsent : 0;
        }
        if (m->state == FRESH_ALONE)
                ret->alone_since = m->alone_since;
        if (m->roster)
                ret->muted_until = proof_muted_until(m);
}

static bool link_at(const struct mesh *m, enum link_state state, size_t *i, struct mesh_peer *ret) {
        LINK_EACH(l, m) {
                if (l->state != state || (*i)-- > 0)
                        continue;
                *ret = (struct mesh_peer){.link = l->id,
                                          .device = l->device,
                                          .household = l->household,
                                          .addr = l->addr,
                                          .dialled = l->dialled,
                                          .up = true,
                                          .lan = l->lan,
                                          .footage = state == LINK_HAUL,
                                          .met = meet_is(l) && !l->room,
                                          .relayed = l->room != NULL,
                                          .since = l->wall,
                                          .sent = l->sent,
                                          .received = l->received};
                if (l->room)
                        ret->doorstep = l->room->doorstep;
                return true;
        }
        return false;
}

bool mesh_haul_at(const struct mesh *m, size_t i, struct mesh_peer *ret) {
        return link_at(m, LINK_HAUL, &i, ret);
}

/* A device that can be called is listed where it is called, and not once more for the meetings with it. */
static bool is_listed(const struct mesh *m, const struct address *a) {
        if (a->self)
                return false;
        LINK_EACH(l, m)
        if (l->state == LINK_UP && (l->id == a->link || key_eq(&l->device, &a->device)))
                return false;
        for (size_t i = 0; address_meets(a) && i < m->n_addresses; i++)
                if (!address_meets(&m->addresses[i]) && key_eq(&m->addresses[i].device, &a->device))
                        return false;
        return true;
}

bool mesh_peer_at(const struct mesh *m, size_t i, struct mesh_peer *ret) {
        if (link_at(m, LINK_UP, &i, ret))
                return true;
        for (size_t k = 0; k < m->n_addresses; k++) {
                const struct address *a = &m->addresses[k];
                if (!is_listed(m, a) || i-- > 0)
                        continue;
                *ret = (struct mesh_peer){.device = a->device,
                                          .dialled = true,
                                          .lan = lan_fresh(m, a),
                                          .met = address_meets(a),
                                          .since = a->down_since,
                                          .problem = a->problem};
                if (!ret->met)
                        ret->addr = a->addr;
                const struct roster_device *d = m->roster ? roster_device_find(m->roster, &a->device) : NULL;
                if (d)
                        ret->household = d->home->key;
                return true;
        }
        return false;
}

void mesh_relaying(struct mesh *m, struct mesh_relaying *ret) {
        *ret = (struct mesh_relaying){.quota = m->relay.quota, .passed = budget_passed(m, &m->sign.pub)};
        LIST_EACH (r, &m->relay.rooms, struct room, on)
                ret->pairs += !r->end && r->other && r < r->other;
}

bool mesh_ticket_at(const struct mesh *m, size_t i, struct mesh_ticket *ret) {
        if (i >= m->n_tickets)
                return false;
        const struct ticket_row *t = m->tickets[i];
        *ret = (struct mesh_ticket){.id = t->id,
                                    .text = buf_span(&t->text),
                                    .label = buf_span(&t->label),
                                    .uses = t->uses,
                                    .used = m->roster ? roster_invite_used(m->roster, &t->id) : 0,
                                    .expires = t->expires,
                                    .revoked = t->revoked,
                                    .closed = m->roster && roster_invite_closed(m->roster, &t->id)};
        return true;
}
