/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets a record now. Urgent ones go over every link, as far as they still have to when it is their turn (want.c). While
 * very many of them wait, and for the lower classes always, they go over the links of a spanning tree that duplicates carve
 * out (Plumtree), and the others hear "I have it" and ask when it does not come by itself. A link is in the tree or is not,
 * for both its sides, and authors keep to it too: an author that sent to everybody it knows would show them links as needless
 * that others' records depend on.
 */
#include "core/spread.h"
#include "core/core.h"
#include "core/doubt.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/packet.h"
#include "core/record.h"

#include <stdlib.h>

#define ANNOUNCE_MOST 100 /* short ids in one IHAVE */
#define GRAFTS_MOST 512
#define OWED_BY_GRAFT 4096 /* records owed to a link after which GRAFT adds none */

static int announce_all(struct link *l) {
        struct wire_ids msg = {.ids = span_of(l->announce, 8 * l->n_announce)};
        l->n_announce = 0;
        return link_say(l, LINK_IHAVE, &msg);
}

static int announce(struct link *l, const struct rec *r) {
        link_touch(l);
        if (l->n_announce == 0) /* not both at once: who hears it has nothing left to say */
                l->announce_due = l->m->now + (l->dialled ? ANNOUNCE_TIME : 2 * ANNOUNCE_TIME);
        put_be64(l->announce + 8 * l->n_announce++, link_sid(l, &r->id));
        return l->n_announce < ANNOUNCE_MOST ? 0 : announce_all(l);
}

static int owe(struct link *l, const struct rec *r) {
        link_touch(l);
        return push_add(&l->push[LINK_RECORDS], r->number);
}

static int send_or_say(struct link *l, const struct rec *r, struct packet *p) {
        if (l->lazy)
                return announce(l, r);
        return link_queued(l) > PUSH_AHEAD ? owe(l, r)
                                           : link_send(l, p); /* owed: fetched when there is room, in bulk */
}

static int hurry(struct link *l, const struct rec *r, struct packet *p) {
        /* PROTOCOL 10.12: "A node's own urgent records SHOULD go before all others" */
        if (r->flags & REC_OWN)
                return link_send_first(l, p); /* nobody else has it */
        if (want_knows(l, &r->id))
                return want_answer(l, &r->id);
        return l->lazy && l->queue[1].bytes >= EAGER_MOST ? announce(l, r) : link_send(l, p);
}

int spread_record(struct mesh *m, struct rec *r, struct packet *p, const struct link *from) {
        LINK_EACH(l, m) {
                if (l == from || l->state != LINK_UP ||
                    !l->synced[LINK_OPS]) /* who lacks operations can't judge records */
                        continue;
                int e = r->klass == CLASS_URGENT ? hurry(l, r, p) : send_or_say(l, r, p);
                if (e)
                        return e;
                if (r->flags & REC_OWN && (r->klass == CLASS_URGENT || !l->lazy))
                        doubt_posted(l);
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

/* What neighbours speak of has mostly just come: the latest records are looked at first, and their short ids under a link's
 * salt are made once a message, which may ask about a hundred, and as far as it takes. */
struct lookup {
        const struct link *l;
        uint64_t sids[RECENT_RECORDS]; /* of the latest, the one before it, … */
        size_t n;
};

static uint32_t recent_before(const struct mesh *m, size_t k) { /* how many came after it; REC_NONE: it is gone */
        return m->recent[(m->recent_at - 1 - k) % RECENT_RECORDS];
}

static bool held(const struct link *l, uint64_t sid) {
        for (size_t k = 0; k < RECENT_RECORDS; k++) {
                uint32_t rec = recent_before(l->m, k);
                if (rec != REC_NONE && link_sid(l, &l->m->recs[rec]->id) == sid)
                        return true;
        }
        return false;
}

/* The number of the record; REC_NONE: it is not among the recent ones. */
static uint32_t recent_find(struct lookup *look, uint64_t sid) {
        const struct mesh *m = look->l->m;
        for (size_t k = 0; k < RECENT_RECORDS; k++) {
                uint32_t rec = recent_before(m, k);
                if (k == look->n)
                        look->sids[look->n++] = rec == REC_NONE ? 0 : link_sid(look->l, &m->recs[rec]->id);
                if (rec != REC_NONE && look->sids[k] == sid)
                        return rec;
        }
        return REC_NONE;
}

static size_t grafts_of(const struct mesh *m, mesh_link link) {
        size_t n = 0;
        LIST_EACH (g, &m->grafts, struct graft, list)
                n += g->link == link;
        return n;
}

int spread_ihave(struct link *l, struct span sids) {
        struct mesh *m = l->m;
        struct lookup look;
        size_t n = grafts_of(m, l->id);
        look.l = l;
        look.n = 0;
        for (size_t i = 0; i + 8 <= sids.n; i += 8) {
                uint64_t sid = get_be64(sids.p + i);
                announce_not(l, sid);
                if (n >= GRAFTS_LINK || m->n_grafts >= GRAFTS_MOST)
                        continue; /* sync brings them */
                if (recent_find(&look, sid) != REC_NONE)
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
        struct lookup look;
        look.l = l;
        look.n = 0;
        l->lazy = false;
        l->duplicates = 0;
        for (size_t i = 0; i + 8 <= sids.n; i += 8) {
                uint32_t rec = recent_find(&look, get_be64(sids.p + i));
                if (rec == REC_NONE)
                        continue;
                if (l->push[LINK_RECORDS].n - l->push[LINK_RECORDS].at >= OWED_BY_GRAFT) /* sync brings the rest */
                        return 0;
                int e = push_add(&l->push[LINK_RECORDS], rec);
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

static mesh_time announce_due(const struct link *l) {
        return l->state == LINK_UP && l->n_announce ? l->announce_due : MESH_NEVER;
}

static int announcements_tick(struct mesh *m) {
        if (m->now < link_deadline(m))
                return 0;
        LINK_EACH_DUE(l, m) {
                int r = m->now < announce_due(l) ? 0 : announce_all(l);
                if (!r && m->now >= want_due(l))
                        r = want_say(l);
                if (r)
                        return r;
        }
        return 0;
}

int spread_tick(struct mesh *m) {
        int e = announcements_tick(m);
        if (e)
                return e;
        LIST_EACH (g, &m->grafts, struct graft, list) {
                if (g->due > m->now)
                        continue;
                struct link *l = link_find(m, g->link);
                uint8_t sid[8];
                put_be64(sid, g->sid);
                bool ask = l && l->state == LINK_UP && !held(l, g->sid);
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

mesh_time spread_due(const struct link *l) {
        return MIN(announce_due(l), want_due(l));
}

mesh_time spread_deadline(const struct mesh *m) {
        mesh_time at = MESH_NEVER;
        LIST_EACH (g, &m->grafts, struct graft, list)
                at = MIN(at, g->due);
        return at;
}

void spread_fini(struct mesh *m) {
        LIST_EACH (g, &m->grafts, struct graft, list)
                graft_drop(m, g);
}
