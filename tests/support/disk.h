/* SPDX-License-Identifier: Apache-2.0 */
/* A disk of memory: keeps the core's rows as the store would, for streets of many cores in one process. */
#pragma once

#include "porchlight/row.h"

struct disk_row {
        struct mesh_row row;
        void *kept[2];
        bool readable, damaged;
        unsigned times;
};

struct disk_index {
        uint32_t *slots; /* place of a row, plus 1; 0: free */
        size_t n, cap;
};

struct disk {
        struct disk_row *rows;
        size_t n, cap;
        struct disk_index by_name, by_target; /* rows by what names them; retractions by what they take back */
        bool full;
};

/* The row that @row replaces, or NULL. */
struct disk_row *disk_find(const struct disk *d, const struct mesh_row *row);
struct disk_row *disk_record(const struct disk *d, const struct hash *id);
void disk_damage(struct disk *d, const struct hash *id); /* its bytes are lost, until it is put again */
bool disk_damaged(const struct disk *d, const struct hash *id);
/* Salvaged without it: that its slot was used is all that is left of it. Its device's own. */
void disk_lose(struct disk *d, const struct hash *id);
struct span disk_bytes(const struct disk *d, const struct hash *id); /* of a record or proof; borrowed */
void disk_put(struct disk *d, const struct mesh_row *row);           /* copies it */
bool disk_gives(const struct disk_row *r, mesh_wall now);            /* at a start, as store_restore() says */
void disk_copy(const struct disk *d, struct disk *ret);
void disk_fini(struct disk *d);
