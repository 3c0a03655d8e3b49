/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations as they come from links: into the fold, onto the disk, on to everybody. One whose parents are missing waits,
 * bounded, until they are there; one the fold calls void is refused by every node alike, and so is forgotten.
 */
#include "core/core.h"

#include <stdlib.h>

int ops_store(struct mesh *m, struct span op, const struct hash *id, const struct wait *w) {
        struct mesh_row row = {.kind = MESH_ROW_OP, .op = {.id = *id, .bytes = op}};
        return mesh_store(m, &row, w);
}

int ops_restore(struct mesh *m, struct span op) {
        int r = m->roster ? 0 : roster_new(&m->roster, m->map_seed);
        struct hash id;
        if (!r)
                r = roster_add(m->roster, op, true, &id);
        return r < 0 ? r : 0;
}

static void orphan_drop(struct mesh *m, size_t i) {
        buf_fini(&m->orphans[i].bytes);
        m->orphans[i] = m->orphans[--m->n_orphans];
        m->orphans[m->n_orphans].bytes = BUF_NULL;
}

void orphans_fini(struct mesh *m) {
        while (m->n_orphans)
                orphan_drop(m, 0);
}

static int orphan_keep(struct mesh *m, mesh_link link, struct span op) {
        for (size_t i = 0; i < m->n_orphans; i++)
                if (span_eq(buf_span(&m->orphans[i].bytes), op))
                        return 0;
        if (m->n_orphans == ORPHANS_MOST)
                orphan_drop(m, rng_below(&m->rng, ORPHANS_MOST));
        struct buf b = BUF_NULL;
        buf_add(&b, op);
        if (!buf_ok(&b))
                return ERR_NOMEM;
        m->orphans[m->n_orphans].bytes = b;
        m->orphans[m->n_orphans++].link = link;
        return 0;
}

/* A joiner has no roster: the first operation must be the very genesis its ticket names. */
static int roster_begin(struct mesh *m, struct span op) {
        struct hash id;
        op_id(&id, NULL, op);
        if (!m->joining || !hash_eq(&id, &m->join_ticket.mesh))
                return ROSTER_E_PARENTS;
        return roster_new(&m->roster, m->map_seed);
}

/* After new operations: links learn who they are, a removed home is hung up on, and on nobody else. */
static int links_learn(struct mesh *m) {
        LINK_EACH(l, m) {
                if (l->state != LINK_GREETING && l->state != LINK_UP)
                        continue;
                const struct roster_device *d = roster_noise_find(m->roster, &l->frames.peer);
                bool known = l->state == LINK_UP || (!l->stranger && !l->unproven);
                if (known && !d && m->member) {
                        link_hangup(l, REASON_REMOVED);
                        continue;
                }
                if (!d || known)
                        continue;
                bool waiting_admission = l->stranger && l->joining;
                l->stranger = l->unproven = false;
                l->device = d->sign;
                l->household = d->home->key;
                int r = waiting_admission ? 0 : link_greet(l);
                if (!r)
                        r = link_greeted(l);
                if (r)
                        return r;
        }
        return 0;
}

static int take_one(struct mesh *m, struct link *from, mesh_link link, struct span op, bool *ret_new) {
        struct hash id;
        int r = m->roster ? 0 : roster_begin(m, op);
        if (!r)
                r = roster_add(m->roster, op, false, &id);
        if (r < 0)
                return r;
        if (r == ROSTER_E_PARENTS)
                return orphan_keep(m, link, op);
        if (r == ROSTER_E_SIGNATURE || r == ROSTER_E_INPUT) {
                if (from)
                        link_hangup(from, r == ROSTER_E_INPUT ? REASON_BAD_FRAME : REASON_BAD_SIGNATURE);
                return 0;
        }
        if (r)
                return 0;
        *ret_new = true;
        r = ops_store(m, op, &id, NULL);
        _clean_(packet_freep) struct packet *p = r ? NULL : packet_of(LINK_OP, 0, op);
        return p ? spread_packet(m, p, from) : ERR_NOMEM;
}

/* New operations may be what orphans waited for: all are tried again, those still without parents are kept again. */
static int orphans_try(struct mesh *m, bool *ret_again) {
        struct orphan waiting[ORPHANS_MOST];
        size_t n = m->n_orphans;
        int r = 0;
        memcpy(waiting, m->orphans, n * sizeof(waiting[0]));
        memset(m->orphans, 0, n * sizeof(waiting[0]));
        m->n_orphans = 0;
        *ret_again = false;
        for (size_t i = 0; i < n; i++) {
                if (!r)
                        r = take_one(m, NULL, waiting[i].link, buf_span(&waiting[i].bytes), ret_again);
                buf_fini(&waiting[i].bytes);
        }
        return r;
}

int ops_take(struct mesh *m, struct link *from, struct span op) {
        bool fresh = false;
        int r = take_one(m, from, from ? from->id : 0, op, &fresh);
        for (bool again = fresh && m->n_orphans; again && !r;)
                r = orphans_try(m, &again);
        if (r || !fresh)
                return r;
        mesh_membership(m);
        r = links_learn(m);
        if (!r)
                r = epochs_try(m);
        return r ? r : join_check_done(m);
}
