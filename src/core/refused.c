/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records the disk has refused. A home without room still passes on what comes, but it cannot hold it, so each further copy
 * looks new: three such homes would send one urgent record round and round for ever. What the disk refused lately is therefore
 * not passed on again; reconciliation with those who hold it does the rest.
 */
#include "core/core.h"
#include "core/record.h"

#include <stdlib.h>

#define REFUSED_MOST 1024   /* remembered; the oldest gives way */
#define REFUSED_TIME 600000 /* ms */

struct refused {
        struct hash id;
        mesh_time when;
};

int refused_note(struct mesh *m, const struct hash *id) {
        if (!m->refused && !(m->refused = calloc(REFUSED_MOST, sizeof(*m->refused))))
                return ERR_NOMEM;
        m->refused[m->n_refused++ % REFUSED_MOST] = (struct refused){.id = *id, .when = m->now};
        m->refused_last = m->now;
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
