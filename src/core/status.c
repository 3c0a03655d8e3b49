/* SPDX-License-Identifier: Apache-2.0 */
/* Looking in: copies of what people may ask about, changing nothing. */
#include "core/belong.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/link.h"
#include "core/reach.h"
#include "core/record.h"
#include "roster/roster.h"

#include <stdlib.h>

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
                                          .visit = l->visit || l->visiting,
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

bool mesh_peer_at(const struct mesh *m, size_t i, struct mesh_peer *ret) {
        return link_at(m, LINK_UP, &i, ret);
}

/* ---- who is known, and not linked ---- */
static int by_device(const void *a, const void *b) {
        const struct address *x = *(const void *const *)a, *y = *(const void *const *)b;
        return memcmp(x->device.b, y->device.b, sizeof(x->device.b));
}

/* The devices that can be called, in order. */
static void walk_begin(const struct mesh *m, struct mesh_walk *w) {
        *w = (struct mesh_walk){.begun = true};
        for (size_t i = 0; i < m->n_addresses; i++)
                if (!address_meets(&m->addresses[i]))
                        w->called[w->n_called++] = &m->addresses[i];
        qsort(w->called, w->n_called, sizeof(*w->called), by_device);
}

/* A device that can be called is listed where it is called, and not once more for the meetings with it. */
static bool is_listed(const struct mesh *m, const struct mesh_walk *w, const struct address *a) {
        if (a->self)
                return false;
        LINK_EACH(l, m)
        if (l->state == LINK_UP && (l->id == a->link || key_eq(&l->device, &a->device)))
                return false;
        return !address_meets(a) || !bsearch(&a, w->called, w->n_called, sizeof(*w->called), by_device);
}

static struct mesh_peer known(const struct mesh *m, const struct address *a) {
        const struct roster_device *d = m->roster ? roster_device_find(m->roster, &a->device) : NULL;
        struct mesh_peer p = {.device = a->device,
                              .dialled = true,
                              .lan = lan_fresh(m, a),
                              .met = address_meets(a),
                              .since = a->down_since,
                              .problem = a->problem};
        if (!p.met)
                p.addr = a->addr;
        if (d)
                p.household = d->home->key;
        return p;
}

bool mesh_known_next(const struct mesh *m, struct mesh_walk *w, struct mesh_peer *ret) {
        if (!w->begun)
                walk_begin(m, w);
        while (w->at < m->n_addresses) {
                const struct address *a = &m->addresses[w->at++];
                if (!is_listed(m, w, a))
                        continue;
                *ret = known(m, a);
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
