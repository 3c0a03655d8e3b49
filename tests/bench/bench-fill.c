/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-fill DIR RECORDS [DEVICES]: puts that many alerts, all in force, into the store of the stopped home in DIR.
 * Their signatures are nobody's: a start reads what the store holds and does not check it again, so that a start with
 * them takes as long as one with real ones. For nothing but measuring that.
 */
#include "base/cell.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../unit/store-rows.h"

#define BATCH 1024
#define BODY_BYTES 700
#define DEVICES 500
#define AGE_S 3600 /* all were made within the last hour */

static int put(struct store *s, uint64_t first, uint64_t n, uint64_t devices, mesh_wall now) {
        static const char text[] =
                "Smoke from the roof of the old bakery, the street is closed. Keep windows shut, please.";
        static uint8_t bytes[BODY_BYTES];
        uint64_t seq;
        struct store_batch *b = store_batch_new();
        int r = b ? 0 : -1;
        for (uint64_t i = first; !r && i < first + n; i++) {
                mesh_wall created = now - AGE_S + i % AGE_S;
                struct mesh_row row = rows_record(i, i % devices, RECORD_ALERT, created);
                struct wire_alert a = rows_alert(cell_at(52.52, 13.405, CELL_BLOCK), SPAN_OF(text));
                row.record.index = (uint16_t)(i / devices);
                row.record.expires = created + MESH_DAY;
                row.record.bytes = SPAN_OF(bytes);
                row.record.alert = &a;
                r = store_batch_add(b, &row, i);
        }
        if (!r)
                r = store_commit(s, b, now, &seq);
        store_batch_free(b);
        return r;
}

int main(int argc, char **argv) {
        struct store *s = NULL;
        if (argc < 3) {
                fprintf(stderr, "usage: bench-fill DIR RECORDS [DEVICES]\n");
                return EXIT_FAILURE;
        }
        uint64_t records = strtoull(argv[2], NULL, 10), devices = argc > 3 ? strtoull(argv[3], NULL, 10) : DEVICES;
        mesh_wall now = (mesh_wall)time(NULL);
        int r = store_open(&s, argv[1]);
        for (uint64_t i = 0; !r && i < records; i += BATCH)
                r = put(s, i, MIN((uint64_t)BATCH, records - i), MAX(devices, (uint64_t)1), now);
        store_close(s);
        if (r)
                fprintf(stderr, "bench-fill: %s: %d\n", argv[1], r);
        return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
