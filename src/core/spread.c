/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets a record now. While a link's own backlog is short, urgent records go over every link; otherwise, and for the
 * lower classes always, they go over the links of a spanning tree that duplicates carve out (Plumtree), and the others hear
 * "I have it" and ask when it does not come by itself. A link is in the tree or is not, for both its sides, and authors keep
 * to it too: an author that sent to everybody it knows would show them links as needless that others' records depend on.
 */
#include "core/spread.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/packet.h"
#include "core/record.h"

#include <stdlib.h>

#define ANNOUNCE_MOST 100 /* short ids in one IHAVE */
#define GRAFTS_MOST 512
#define OWED_BY_GRAFT 4096 /* records owed to a link after which GRAFT adds none */

static bool pushes(const struct link *l, const struct rec *r) {
        if (r->klass == CLASS_URGENT && l->backlog + l->out.n < EAGER_BACKLOG)
                return true;
        return !l->lazy;
}

static int announce(struct link *l, const struct rec *r) {
        if (l->n_announce == 0) /* not both at once: who hears it has nothing left to say */
                l->announce_due = l->m->now + (l->dialled ? ANNOUNCE_TIME : 2 * ANNOUNCE_TIME);
        put_be64(l->announce + 8 * l->n_announce++, link_sid(l, &r->id));
        if (l->n_announce < ANNOUNCE_MOST)
                return 0;
        struct wire_ids msg = {.ids = span_of(l->announce, 8 * l->n_announce)};
        l->n_announce = 0;
        return link_say(l, LINK_IHAVE, &msg);
}

int spread_record(struct mesh *m, struct rec *r, struct packet *p, const struct link *from) {
        LINK_EACH(l, m) {
                if (l == from || l->state != LINK_UP ||
                    !l->synced[LINK_OPS]) /* who lacks operations can't judge records */
                        continue;
                int e = 0;
                if (!pushes(l, r))
                        e = announce(l, r);
                else if (r->klass != CLASS_URGENT && link_queued(l) > PUSH_AHEAD)
                        e = push_add(&l->push[LINK_RECORDS], r->number); /* owed: fetched when there is room, in bulk */
                else
                        e = link_send(l, p);
                if (e)
                        return e;
        }
        return 0;
}

int spread_packet(struct mesh *m, struct packet *p, const struct link *from) {
        LINK_EACH(l, m) {
                if (l == from || l->state != LINK_UP)
                        continue;
                int e = link_send(l, p);
                if (e)
                        return e;
        }
        return 0;
}

/* PROTOCOL 10.6: "Urgent ones do not count, nor do those of its own device" */
/* The same record again over another link: after a few, that link need only announce, both ways: what is left are the links
 * of one tree, which serves whoever posts. Urgent records do not keep to it and tell nothing of it. One link at a time:
 * without it, what the others bring may be no duplicates any more. */
void spread_duplicate(struct link *l, const struct rec *r) {
        struct wire_nothing nothing = {0};
        if (r->flags & REC_OWN || r->klass == CLASS_URGENT || l->lazy || ++l->duplicates < PRUNE_DUPLICATES)
                return;
        l->lazy = true;
        LINK_EACH(other, l->m)
        other->duplicates = 0;
        link_say(l, LINK_PRUNE, &nothing);
}

/* The other side has it: to say so too would tell it nothing. */
static void announce_not(struct link *l, uint64_t sid) {
        for (size_t i = 0; i < l->n_announce; i++) {
                if (get_be64(l->announce + 8 * i) != sid)
                        continue;
                l->n_announce--;
                memmove(l->announce + 8 * i, l->announce + 8 * l->n_announce, 8);
                return;
        }
}

static bool held(struct mesh *m, const struct link *l, uint64_t sid) {
        for (size_t i = 0; i < RECENT_RECORDS; i++)
                if (m->recent[i] != REC_NONE && link_sid(l, &m->recs[m->recent[i]]->id) == sid)
                        return true;
        return false;
}

/* The short ids of all recent records under a link's salt: made once a message, which may ask about a hundred. */
struct short_ids {
        uint64_t of[RECENT_RECORDS]; /* 0 where there is no record */
};

static void recent_ids(const struct mesh *m, const struct link *l, struct short_ids *ret) {
        for (size_t i = 0; i < RECENT_RECORDS; i++)
                ret->of[i] = m->recent[i] == REC_NONE ? 0 : link_sid(l, &m->recs[m->recent[i]]->id);
}

/* Its record's place in `recent`; RECENT_RECORDS: it is not there. */
static size_t recent_place(const struct mesh *m, const struct short_ids *ids, uint64_t sid) {
        size_t i = 0;
        while (i < RECENT_RECORDS && (ids->of[i] != sid || m->recent[i] == REC_NONE))
                i++;
        return i;
}

static size_t grafts_of(const struct mesh *m, mesh_link link) {
        size_t n = 0;
        LIST_EACH (g, &m->grafts, struct graft, list)
                n += g->link == link;
        return n;
}

int spread_ihave(struct link *l, struct span sids) {
        struct mesh *m = l->m;
        struct short_ids recent;
        size_t n = grafts_of(m, l->id);
        recent_ids(m, l, &recent);
        for (size_t i = 0; i + 8 <= sids.n; i += 8) {
                uint64_t sid = get_be64(sids.p + i);
                announce_not(l, sid);
                if (n >= GRAFTS_LINK || m->n_grafts >= GRAFTS_MOST)
                        continue; /* sync brings them */
                if (recent_place(m, &recent, sid) < RECENT_RECORDS)
                        continue;
                n++;
                struct graft *g = calloc(1, sizeof(*g));
                if (!g)
                        return ERR_NOMEM;
                g->sid = sid;
                g->link = l->id;
                g->due = m->now + GRAFT_TIME;
                list_push(&m->grafts, &g->list);
                m->n_grafts++;
        }
        return 0;
}

/* Records asked for again, from here on without being asked. */
int spread_graft(struct link *l, struct span sids) {
        struct mesh *m = l->m;
        struct short_ids recent;
        l->lazy = false;
        l->duplicates = 0;
        recent_ids(m, l, &recent);
        for (size_t i = 0; i + 8 <= sids.n; i += 8) {
                size_t k = recent_place(m, &recent, get_be64(sids.p + i));
                if (k == RECENT_RECORDS)
                        continue;
                if (l->push[LINK_RECORDS].n - l->push[LINK_RECORDS].at >= OWED_BY_GRAFT) /* sync brings the rest */
                        return 0;
                int e = push_add(&l->push[LINK_RECORDS], m->recent[k]);
                if (e)
                        return e;
        }
        return 0;
}

static void graft_drop(struct mesh *m, struct graft *g) {
        list_drop(&g->list);
        free(g);
        m->n_grafts--;
}

int spread_tick(struct mesh *m) {
        LINK_EACH(l, m) {
                if (l->state != LINK_UP || !l->n_announce || l->announce_due > m->now)
                        continue;
                struct wire_ids msg = {.ids = span_of(l->announce, 8 * l->n_announce)};
                l->n_announce = 0;
                int r = link_say(l, LINK_IHAVE, &msg);
                if (r)
                        return r;
        }
        LIST_EACH (g, &m->grafts, struct graft, list) {
                if (g->due > m->now)
                        continue;
                struct link *l = link_find(m, g->link);
                uint8_t sid[8];
                put_be64(sid, g->sid);
                bool ask = l && l->state == LINK_UP && !held(m, l, g->sid);
                graft_drop(m, g);
                if (!ask)
                        continue;
                l->lazy = false;
                l->duplicates = 0;
                struct wire_ids msg = {.ids = SPAN_OF(sid)};
                int r = link_say(l, LINK_GRAFT, &msg);
                if (r)
                        return r;
        }
        return 0;
}

mesh_time spread_deadline(const struct mesh *m) {
        mesh_time at = MESH_NEVER;
        LINK_EACH(l, m)
        if (l->state == LINK_UP && l->n_announce)
                at = MIN(at, l->announce_due);
        LIST_EACH (g, &m->grafts, struct graft, list)
                at = MIN(at, g->due);
        return at;
}

void spread_fini(struct mesh *m) {
        LIST_EACH (g, &m->grafts, struct graft, list)
                graft_drop(m, g);
}
