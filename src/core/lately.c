/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found out about ways of late, so that it need not be found out anew for each link. Between two homes whose routers
 * let nothing through, the search takes seconds and fails; so for an hour the next link of the two goes by way of a third one at
 * once. That holds as long as both are where they were: what each is called by is part of it, and all is forgotten when this
 * machine moves. And a doorstep that was to pass bytes on and did not is asked last for a while.
 *
 * Both are a few places in memory, of which the oldest gives way: who fills them wins that others search as they would anyway.
 */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/meet.h"
#include "core/reach.h"

/* By which addresses both can be called, or could be were there no router. */
static uint64_t where_both(const struct mesh *m, const struct key *device) {
        uint8_t at[2 * MESH_ADDRS_MAX][sizeof(((struct mesh_addr *)NULL)->ip)] = {0};
        uint8_t salt[16] = {0};
        const struct card *ends[] = {contact_card(m, &m->sign.pub), contact_card(m, device)};
        for (size_t e = 0; e < ARRAY_LEN(ends); e++)
                for (size_t i = 0; ends[e] && i < ends[e]->n_addrs; i++)
                        memcpy(at[e * MESH_ADDRS_MAX + i], ends[e]->addrs[i].ip, sizeof(at[0]));
        return hash_short(salt, span_of(at, sizeof(at)));
}

static const struct late *find(const struct late *all, size_t n, const struct key *device) {
        for (size_t i = 0; i < n; i++)
                if (all[i].until && key_eq(&all[i].device, device))
                        return &all[i];
        return NULL;
}

/* Its own, or that of what is over first. */
static struct late *place(struct late *all, size_t n, const struct key *device) {
        const struct late *its = find(all, n, device);
        struct late *first = all;
        for (size_t i = 0; !its && i < n; i++)
                if (all[i].until < first->until)
                        first = &all[i];
        return its ? &all[its - all] : first;
}

void lately_no_way(struct mesh *m, const struct key *device) {
        *place(m->meets.vain, MEETS_VAIN, device) =
                (struct late){.device = *device, .where = where_both(m, device), .until = m->now + MEETS_VAIN_TIME};
}

bool lately_vain(const struct mesh *m, const struct key *device) {
        const struct late *l = find(m->meets.vain, MEETS_VAIN, device);
        return l && m->now < l->until && l->where == where_both(m, device);
}

void lately_moved(struct mesh *m) {
        memset(m->meets.vain, 0, sizeof(m->meets.vain));
}

void lately_failed(struct mesh *m, const struct key *device, const struct key *doorstep) {
        if (lately_vain(m, device))
                *place(m->meets.vain, MEETS_VAIN, device) = (struct late){0};
        lately_useless(m, doorstep);
}

void lately_useless(struct mesh *m, const struct key *doorstep) {
        *place(m->meets.useless, MEETS_USELESS, doorstep) =
                (struct late){.device = *doorstep, .until = m->now + MEETS_USELESS_TIME};
}

bool lately_was_useless(const struct mesh *m, const struct key *doorstep) {
        const struct late *l = find(m->meets.useless, MEETS_USELESS, doorstep);
        return l && m->now < l->until;
}

/* ---- nobody answers ---- */
/* PROTOCOL 9.28: "or where fewer than 5 last and nobody has answered the last 4 meetings that it began" */
/* A few who are all back at one time may have met each other, and nobody who is linked to the rest of the street. */
bool lately_lost(const struct mesh *m) {
        return m->meets.unanswered >= MEETS_LOST && links_lasting(m) < OUTBOUND_WANTED;
}

void lately_unanswered(struct mesh *m) {
        m->meets.unanswered = MIN(m->meets.unanswered + 1, UINT8_MAX);
        if (lately_lost(m))
                visit_soon(m);
}

void lately_answered(struct mesh *m) {
        m->meets.unanswered = 0;
}
