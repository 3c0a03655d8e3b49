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
#define AGE_S 3600 /* all were made within the last hour, and came in about that order: */
#define LATE_S 30  /* every tenth so much later */

struct filling {
        uint64_t records, devices;
        mesh_wall now;
};

static int put(struct store *s, const struct filling *f, uint64_t first, uint64_t n) {
        static const char text[] =
                "Smoke from the roof of the old bakery, the street is closed. Keep windows shut, please.";
        static uint8_t bytes[BODY_BYTES];
        uint64_t seq;
        struct store_batch *b = store_batch_new();
        int r = b ? 0 : -1;
        for (uint64_t i = first; !r && i < first + n; i++) {
                mesh_wall created = f->now - AGE_S + i * AGE_S / f->records - (i % 10 ? 0 : LATE_S);
                struct mesh_row row = rows_record(i, i % f->devices, RECORD_ALERT, created);
                struct wire_alert a = rows_alert(cell_at(52.52, 13.405, CELL_BLOCK), SPAN_OF(text));
                row.record.index = (uint16_t)(i / f->devices);
                row.record.expires = created + MESH_DAY;
                row.record.bytes = SPAN_OF(bytes);
                row.record.alert = &a;
                r = store_batch_add(b, &row, i);
        }
        if (!r)
                r = store_commit(s, b, f->now, &seq);
        store_batch_free(b);
        return r;
}

int main(int argc, char **argv) {
        struct store *s = NULL;
        if (argc < 3) {
                fprintf(stderr, "usage: bench-fill DIR RECORDS [DEVICES]\n");
                return EXIT_FAILURE;
        }
        struct filling f = {.records = strtoull(argv[2], NULL, 10),
                            .devices = argc > 3 ? MAX(strtoull(argv[3], NULL, 10), 1ull) : DEVICES,
                            .now = (mesh_wall)time(NULL)};
        int r = store_open(&s, argv[1]);
        for (uint64_t i = 0; !r && i < f.records; i += BATCH)
                r = put(s, &f, i, MIN((uint64_t)BATCH, f.records - i));
        store_close(s);
        if (r)
                fprintf(stderr, "bench-fill: %s: %d\n", argv[1], r);
        return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
