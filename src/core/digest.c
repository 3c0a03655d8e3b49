/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: most sets that are compared are equal, and to see that takes one fingerprint of everything. It is a function of a sum
 * over all elements, so it need not be computed from them each time: what comes is added and what goes is subtracted, for
 * each link, as each has a salt of its own. A session whose sets are equal then costs the same however many elements there
 * are; only one that finds a difference walks through them (sync.c).
 *
 * What counts depends on T as well: elements made after T, or over soon after it, do not. Those are few, at the end of the
 * order of time and in a list of what ends soon, and are subtracted when the sum is asked for.
 */
#include "core/digest.h"

#include "base/array.h"

#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/reach.h"
#include "core/record.h"

#include <stdlib.h>

#define ENDS_AHEAD 300 /* seconds: the list holds for so long, if nothing makes it anew */
#define ENDS_FIRST 64  /* items; then it doubles */
#define OPS_AHEAD 8    /* operations lie all over memory: so many further on they are fetched */

/* ---- operations: their number only grows ---- */
/* PROTOCOL 9.1: "`ops`: operations, with id and stated time (rule 5.15); epochs with keys, with their header's 32-byte
 * hash" */
static void sum_ops(struct link *l, mesh_wall until, struct recon_sum *ret) {
        const struct mesh *m = l->m;
        struct digest *d = &l->digest;
        size_t n = m->roster ? roster_ops(m->roster) : 0;
        bool other = d->ops.n > n || (d->ops.n && get_be64(roster_op_at(m->roster, d->ops.n - 1)->id.b) != d->last);
        if (other) /* the mesh was forgotten, and this is another's roster */
                d->ops = (struct recon_sum){0};
        while (d->ops.n < n) {
                const struct roster_op *op = roster_op_at(m->roster, d->ops.n);
                __builtin_prefetch(roster_op_at(m->roster, d->ops.n + OPS_AHEAD));
                recon_count(&d->ops, link_sid(l, &op->id), true);
                d->last = get_be64(op->id.b);
        }
        *ret = d->ops;
        for (size_t i = 0; i < m->n_epochs; i++)
                if (m->epochs[i]->has_key)
                        recon_count(ret, link_sid(l, &m->epochs[i]->hash), true);
        for (size_t i = 0; i < m->n_revokes; i++)
                if (m->revokes[i]->expires > until + SYNC_MARGIN)
                        recon_count(ret, link_sid(l, &m->revokes[i]->hash), true);
}

/* ---- contacts ---- */
void digest_contact(struct mesh *m, struct contact *c, bool counted) {
        if (c->counted == counted)
                return;
        c->counted = counted;
        LINK_EACH(l, m) {
                if (l->digest.has_contacts)
                        recon_count(&l->digest.contacts, link_sid(l, &c->card->hash), counted);
        }
}

static void sum_contacts(struct link *l, struct recon_sum *ret) {
        struct digest *d = &l->digest;
        contacts_look(l->m);
        if (!d->has_contacts) {
                d->contacts = (struct recon_sum){0};
                MAP_EACH (c, &l->m->contacts, struct contact)
                        if (c->counted)
                                recon_count(&d->contacts, link_sid(l, &c->card->hash), true);
                d->has_contacts = true;
        }
        *ret = d->contacts;
}

/* ---- records ---- */
void digest_ends_forget(struct mesh *m) {
        m->n_ends = 0;
        m->ends_known = 0;
}

static int ends_add(struct mesh *m, uint32_t rec) {
        uint32_t *ends = array_room(m->ends, m->n_ends, &m->cap_ends, sizeof(*ends), ENDS_FIRST);
        if (!ends)
                return ERR_NOMEM;
        m->ends = ends;
        m->ends[m->n_ends++] = rec;
        return 0;
}

static void ends_del(struct mesh *m, uint32_t rec) {
        for (size_t i = 0; i < m->n_ends; i++)
                if (m->ends[i] == rec) {
                        m->ends[i] = m->ends[--m->n_ends];
                        return;
                }
}

/* All records that count and are over by @end. */
static int ends_find(struct mesh *m, mesh_wall end) {
        if (end <= m->ends_known)
                return 0;
        digest_ends_forget(m);
        end = MAX(end, end + ENDS_AHEAD); /* what a neighbour calls T may be near the end of all time */
        for (size_t i = 0; i < m->n_sorted; i++) {
                const struct rec *r = rec_walk(m->sorted, m->n_sorted, i);
                if (r->counted && r->expires <= end && ends_add(m, r->number))
                        return ERR_NOMEM;
        }
        m->ends_known = end;
        return 0;
}

void digest_record(struct mesh *m, struct rec *r, bool counted) {
        if (r->counted == counted)
                return;
        r->counted = counted;
        if (r->expires <= m->ends_known && !counted)
                ends_del(m, r->number);
        else if (r->expires <= m->ends_known && ends_add(m, r->number))
                digest_ends_forget(m);
        LINK_EACH(l, m) {
                if (l->digest.has_records)
                        recon_count(&l->digest.records, link_sid(l, &r->id), counted);
        }
}

static void sum_counted(struct link *l) {
        struct digest *d = &l->digest;
        d->records = (struct recon_sum){0};
        for (size_t i = 0; i < l->m->n_sorted; i++) {
                const struct rec *r = rec_walk(l->m->sorted, l->m->n_sorted, i);
                if (r->counted)
                        recon_count(&d->records, link_sid(l, &r->id), true);
        }
        d->has_records = true;
}

/* PROTOCOL 9.1: "`records`: those held, not retracted, with `created` <= T and `expires` > T + 120 s, with id and
 * `created`" */
static int sum_records(struct link *l, mesh_wall until, struct recon_sum *ret) {
        struct mesh *m = l->m;
        mesh_wall end = until + SYNC_MARGIN;
        records_ends(m);
        int e = ends_find(m, end);
        if (e)
                return e;
        if (!l->digest.has_records)
                sum_counted(l);
        *ret = l->digest.records;
        for (size_t i = m->n_sorted; i-- > 0 && m->sorted[i]->created > until;)
                if (m->sorted[i]->counted)
                        recon_count(ret, link_sid(l, &m->sorted[i]->id), false);
        for (size_t i = 0; i < m->n_ends; i++) {
                const struct rec *r = m->recs[m->ends[i]];
                if (r->created <= until && r->expires <= end)
                        recon_count(ret, link_sid(l, &r->id), false);
        }
        return 0;
}

int digest_sum(struct link *l, enum wire_e_set set, mesh_wall until, struct recon_sum *ret) {
        switch (set) {
        case SET_OPS:
                sum_ops(l, until, ret);
                return 0;
        case SET_CONTACTS:
                sum_contacts(l, ret);
                return 0;
        case SET_RECORDS:
                return sum_records(l, until, ret);
        }
        return ERR_BROKEN;
}
