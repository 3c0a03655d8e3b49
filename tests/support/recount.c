/* SPDX-License-Identifier: Apache-2.0 */
#include "support/recount.h"

#include "core/core.h"
#include "core/epoch.h"
#include "core/record.h"

#define HOUR 3600

static void ops(const struct link *l, mesh_wall until, struct recon_sum *ret) {
        const struct mesh *m = l->m;
        for (size_t i = 0; m->roster && i < roster_ops(m->roster); i++)
                recon_count(ret, link_sid(l, &roster_op_at(m->roster, i)->id), true);
        for (size_t i = 0; i < m->n_epochs; i++)
                if (m->epochs[i]->has_key)
                        recon_count(ret, link_sid(l, &m->epochs[i]->hash), true);
        for (size_t i = 0; i < m->n_revokes; i++)
                if (m->revokes[i]->expires > until + SYNC_MARGIN)
                        recon_count(ret, link_sid(l, &m->revokes[i]->hash), true);
}

static void contacts(const struct link *l, struct recon_sum *ret) {
        const struct mesh *m = l->m;
        MAP_EACH (c, &m->contacts, struct contact) {
                const struct roster_device *d = roster_device_find(m->roster, &c->card->device);
                if (d && !d->gone_at && c->card->time + CONTACT_LIFE > clock_now(m))
                        recon_count(ret, link_sid(l, &c->card->hash), true);
        }
}

static void records(const struct link *l, mesh_wall until, struct recon_sum *ret) {
        struct mesh *m = l->m;
        records_ends(m);
        for (size_t i = 0; i < m->n_sorted; i++) {
                const struct rec *r = m->sorted[i];
                if (r->created <= until && r->expires > until + SYNC_MARGIN && !(r->flags & REC_GONE) &&
                    !records_late(m, r))
                        recon_count(ret, link_sid(l, &r->id), true);
        }
}

bool recount_agrees(struct link *l) {
        mesh_wall now = clock_now(l->m), times[] = {now, now - HOUR, now + HOUR, now};
        bool agrees = true;
        for (size_t i = 0; i < ARRAY_LEN(times); i++)
                for (size_t k = 0; k < LINK_SETS; k++) {
                        struct recon_sum told, sum = {0};
                        if (link_set_at(k) == SET_OPS)
                                ops(l, times[i], &sum);
                        else if (link_set_at(k) == SET_CONTACTS)
                                contacts(l, &sum);
                        else
                                records(l, times[i], &sum);
                        REQUIRE(digest_sum(l, link_set_at(k), times[i], &told) == 0);
                        agrees = agrees && told.n == sum.n && told.sids == sum.sids;
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
