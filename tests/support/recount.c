/* SPDX-License-Identifier: Apache-2.0 */
#include "support/recount.h"

#include "core/core.h"
#include "core/epoch.h"
#include "core/record.h"

#define HOUR 3600

#define TIMES 4

/* The sums as of some times: an element's short id, which is most of the work, is made once for all of them. */
struct sums {
        const struct link *l;
        mesh_wall until[TIMES];
        struct recon_sum sum[TIMES];
};

/* One that was made at @created and is over at @expires. */
static void add(struct sums *s, const struct hash *id, mesh_wall created, mesh_wall expires) {
        uint64_t sid = link_sid(s->l, id);
        for (size_t i = 0; i < TIMES; i++)
                if (created <= s->until[i] && expires > s->until[i] + SYNC_MARGIN)
                        recon_count(&s->sum[i], sid, true);
}

static void ops(struct sums *s) {
        const struct mesh *m = s->l->m;
        for (size_t i = 0; m->roster && i < roster_ops(m->roster); i++)
                add(s, &roster_op_at(m->roster, i)->id, 0, MESH_NEVER);
        for (size_t i = 0; i < m->n_epochs; i++)
                if (m->epochs[i]->has_key)
                        add(s, &m->epochs[i]->hash, 0, MESH_NEVER);
        for (size_t i = 0; i < m->n_revokes; i++)
                add(s, &m->revokes[i]->hash, 0, m->revokes[i]->expires);
}

static void contacts(struct sums *s) {
        const struct mesh *m = s->l->m;
        MAP_EACH (c, &m->contacts, struct contact) {
                const struct roster_device *d = roster_device_find(m->roster, &c->card->device);
                if (d && !d->gone_at && c->card->time + CONTACT_LIFE > clock_now(m))
                        add(s, &c->card->hash, 0, MESH_NEVER);
        }
}

static void records(struct sums *s) {
        struct mesh *m = s->l->m;
        records_ends(m);
        for (size_t i = 0; i < m->n_sorted; i++) {
                const struct rec *r = m->sorted[i];
                if (!(r->flags & REC_GONE) && !records_late(m, r))
                        add(s, &r->id, r->created, r->expires);
        }
}

static void count(struct sums *s, enum wire_e_set set) {
        switch (set) {
        case SET_OPS:
                ops(s);
                return;
        case SET_CONTACTS:
                contacts(s);
                return;
        case SET_RECORDS:
                records(s);
                return;
        }
}

bool recount_agrees(struct link *l) {
        mesh_wall now = clock_now(l->m);
        bool agrees = true;
        for (size_t k = 0; k < LINK_SETS; k++) {
                struct sums s = {.l = l, .until = {now, now - HOUR, now + HOUR, now}};
                count(&s, link_set_at(k));
                for (size_t i = 0; i < TIMES; i++) {
                        struct recon_sum told;
                        REQUIRE(digest_sum(l, link_set_at(k), s.until[i], &told) == 0);
                        agrees = agrees && told.n == s.sum[i].n && told.sids == s.sum[i].sids;
                }
        }
        return agrees;
}

bool recount_rests(const struct mesh *m) {
        bool agrees = true;
        for (size_t i = 0; i < m->n_links; i++) {
                const struct link_place *p = &m->links[i];
                bool rests = p->busy || (link_rests(p->link) && p->due == link_due(p->link));
                agrees = agrees && rests && p->id == p->link->id && p->link->m == m;
        }
        return agrees;
}

bool recount_said(const struct mesh *m) {
        mesh_wall since;
        const struct said said = clock_said(m, &since), *told = &m->said;
        return m->wall < m->said_since ||
               (told->n == said.n && told->median == said.median && told->enough == said.enough);
}

bool recount_ends(const struct mesh *m) {
        bool agrees = true;
        for (size_t i = 0; i < m->n_sorted; i++) {
                const struct rec *r = m->sorted[i];
                agrees = agrees && (r->flags & REC_OWN || m->expire_next <= r->expires + SYNC_MARGIN);
        }
        return agrees;
}
