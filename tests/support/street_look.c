/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into the street: what is on disks, who has what. */
#include "support/street_inside.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t street_seed(void) {
        const char *given = getenv("PORCHLIGHT_SEED");
        uint64_t seed = given ? strtoull(given, NULL, 0) : 1;
        printf("# PORCHLIGHT_SEED=%llu\n", (unsigned long long)seed);
        return seed;
}

/* ---- what a home says of itself ---- */
enum wire_e_fresh street_state(struct street *s, size_t i) {
        struct mesh_status st;
        mesh_status(street_core(s, i), &st);
        return st.state;
}

size_t street_links(struct street *s, size_t i) {
        struct mesh_status st;
        mesh_status(street_core(s, i), &st);
        return st.links;
}

size_t street_members(struct street *s, size_t i) {
        return roster_members(mesh_roster(street_core(s, i)));
}

/* ---- looking ---- */
bool street_has(const struct street *s, size_t i, const struct hash *id) {
        const struct disk_row *r = disk_record(&s->homes[i].disk, id);
        return r && r->readable;
}

bool street_body(const struct street *s, size_t i, const struct hash *id) {
        const struct disk_row *r = disk_record(&s->homes[i].disk, id);
        return r && r->row.record.bytes.n;
}

unsigned street_times(const struct street *s, size_t i, const struct hash *id) {
        const struct disk_row *r = disk_record(&s->homes[i].disk, id);
        return r ? r->times : 0;
}

size_t street_count(const struct street *s, size_t i) {
        size_t n = 0;
        for (size_t k = 0; k < s->homes[i].disk.n; k++) {
                const struct disk_row *r = &s->homes[i].disk.rows[k];
                n += r->row.kind == MESH_ROW_RECORD && r->row.record.type == RECORD_ALERT && r->readable;
        }
        return n;
}

uint32_t street_handed(const struct street *s, size_t i, const struct hash *id) {
        const struct home *h = &s->homes[i];
        for (size_t k = 0; k < h->n_handed; k++)
                if (memcmp(&h->handed[k].id, id, sizeof(*id)) == 0)
                        return h->handed[k].homes;
        return 0;
}

static bool all_have(struct street *s, void *ctx) {
        for (size_t i = 0; i < s->n; i++)
                if (s->homes[i].core && mesh_roster(s->homes[i].core) && !street_has(s, i, ctx))
                        return false;
        return true;
}

bool street_wait_all_have(struct street *s, const struct hash *id, double seconds) {
        struct hash copy = *id;
        return street_wait(s, seconds, all_have, &copy);
}

static bool current(struct street *s, void *ctx) {
        struct mesh_status st;
        mesh_status(s->homes[*(size_t *)ctx].core, &st);
        return st.state == FRESH_CURRENT;
}

bool street_wait_links(struct street *s, size_t i, double seconds) {
        return street_wait(s, seconds, current, &i);
}

const struct mesh_row *street_row(const struct street *s, size_t i, size_t k) {
        const struct disk *d = &s->homes[i].disk;
        return k < d->n ? &d->rows[k].row : NULL;
}

/* ---- tests that are a peer themselves ---- */
const struct mesh_config *street_config(const struct street *s, size_t i) {
        return &s->homes[i].cfg;
}

struct mesh *street_core(struct street *s, size_t i) {
        return s->homes[i].core;
}

mesh_wall street_wall(const struct street *s) {
        return STREET_START + s->now / 1000;
}

uint64_t street_bytes(const struct street *s) {
        return s->bytes;
}

size_t street_beacons(const struct street *s, size_t i) {
        return s->homes[i].beacons;
}

struct span street_beacon(const struct street *s, size_t i) {
        return SPAN_OF(s->homes[i].beacon);
}
