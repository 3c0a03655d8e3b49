/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of a record whose signature is still being checked. Its id says nothing of its signature, so whoever passes it on can
 * put a false one under it, and be quicker than those who bring the true one. Were these taken for the same, a home would have
 * the record from nobody; so one that another neighbour brings meanwhile with other bytes is kept, and has its turn when the
 * first is found wrong.
 */
#include "core/core.h"
#include "core/link.h"
#include "core/record.h"

#include <stdlib.h>

#define COPIES_LINK 8 /* of one neighbour: an honest one brings as many as there are false ones at that moment */

struct copy {
        struct list list;
        struct hash id;
        mesh_link link;
        struct packet *packet;
};

static void copy_free(struct mesh *m, struct copy *c) {
        list_drop(&c->list);
        packet_free(c->packet);
        free(c);
        m->n_copies--;
}

bool copies_differ(const struct rec *r, struct span raw) {
        return r->flags & REC_PENDING && r->packet && !span_eq(packet_map(r->packet), raw);
}

/* One a neighbour and record: who brings a second is no better than whoever brought the first. */
static bool room(const struct link *from, const struct hash *id) {
        size_t n = 0;
        LIST_EACH (c, &from->m->copies, struct copy, list) {
                if (c->link == from->id && hash_eq(&c->id, id))
                        return false;
                n += c->link == from->id;
        }
        return n < COPIES_LINK;
}

int copies_keep(struct link *from, const struct rec *r, const struct wire_record *w, struct span raw) {
        struct mesh *m = from->m;
        if (!room(from, &r->id))
                return 0;
        struct copy *c = calloc(1, sizeof(*c));
        if (!c)
                return ERR_NOMEM;
        *c = (struct copy){.id = r->id, .link = from->id, .packet = record_packet(w, &r->id, raw)};
        list_push(&m->copies, &c->list);
        m->n_copies++;
        return c->packet ? 0 : ERR_NOMEM;
}

struct packet *copies_take(struct mesh *m, const struct hash *id, mesh_link *ret_link) {
        LIST_EACH (c, &m->copies, struct copy, list) {
                if (!hash_eq(&c->id, id))
                        continue;
                struct packet *ret = packet_ref(c->packet);
                *ret_link = c->link;
                copy_free(m, c);
                return ret;
        }
        return NULL;
}

void copies_drop(struct mesh *m, const struct hash *id) {
        if (!m->n_copies)
                return;
        LIST_EACH (c, &m->copies, struct copy, list) {
                if (hash_eq(&c->id, id))
                        copy_free(m, c);
        }
}

void copies_fini(struct mesh *m) {
        LIST_EACH (c, &m->copies, struct copy, list)
                copy_free(m, c);
}
