/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records the disk has refused. A home without room still passes on what comes, but it cannot hold it, so each further copy
 * looks new: three such homes would send one urgent record round and round for ever. What the disk refused lately is therefore
 * not passed on again; reconciliation with those who hold it does the rest.
 *
 * And not before there is room: a neighbour who compared would send all that is missing here, each minute, for nothing. So
 * while the disk is full this home still gives by reconciliation, and asks for nothing. A small row, written every few
 * minutes, tells when there is room again.
 */
#include "core/core.h"
#include "core/limits.h"
#include "core/record.h"

#include <stdlib.h>

#define REFUSED_MOST 1024   /* remembered; the oldest gives way */
#define REFUSED_TIME 600000 /* ms */
#define FULL_TIME 300000    /* ms until a disk that refused a record is tried with a row */

struct refused {
        struct hash id;
        mesh_time when;
};

int refused_note(struct mesh *m, const struct hash *id) {
        if (!m->refused && !(m->refused = calloc(REFUSED_MOST, sizeof(*m->refused))))
                return ERR_NOMEM;
        m->refused[m->n_refused++ % REFUSED_MOST] = (struct refused){.id = *id, .when = m->now};
        m->refused_last = m->now;
        if (!m->disk_full)
                m->disk_due = m->now + FULL_TIME;
        m->disk_full = true;
        return 0;
}

bool refused_lately(const struct mesh *m, const struct hash *id) {
        if (!m->refused || m->now - m->refused_last > REFUSED_TIME)
                return false;
        for (size_t i = 0; i < MIN(m->n_refused, (size_t)REFUSED_MOST); i++)
                if (m->now - m->refused[i].when <= REFUSED_TIME && hash_eq(&m->refused[i].id, id))
                        return true;
        return false;
}

mesh_time refused_deadline(const struct mesh *m) {
        return m->disk_full ? m->disk_due : MESH_NEVER;
}

/* PROTOCOL 9.26: "A node whose disk takes no records only gives in sessions for `records`." */
/* A disk is tried with the mark of time, written once more as it is: it changes nothing. */
int refused_tick(struct mesh *m) {
        if (m->now < refused_deadline(m))
                return 0;
        const struct mesh_row row = {.kind = MESH_ROW_MARK, .mark = {.wall = m->mark}};
        const struct wait *w = mesh_wait(m, WAIT_ROOM, 0);
        m->disk_due = m->now + FULL_TIME;
        return w ? mesh_store(m, &row, w) : ERR_NOMEM;
}

void refused_tried(struct mesh *m, const struct wait *w) {
        if (w->failed || !m->disk_full)
                return;
        m->disk_full = false;
        m->sync_due = m->now;
}
