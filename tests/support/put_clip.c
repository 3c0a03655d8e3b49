/* SPDX-License-Identifier: Apache-2.0 */
/*
 * put-clip DIR FROM TO GEOHASH [PARENT]: a home that is off gets a clip of that time and place into its store, as if a camera had
 * taken it: a manifest that nobody signed, and no bytes. For tests of what is only looked up.
 */
#include "base/cell.h"
#include "base/text.h"
#include "store/store.h"
#include "wire/codec.h"

#include <stdio.h>
#include <stdlib.h>

static int put(struct store *s, const struct mesh_row *row) {
        struct store_batch *b = store_batch_new();
        uint64_t seq;
        int r = b ? store_batch_add(b, row, 1) : -1;
        if (!r)
                r = store_commit(s, b, row->clip.seq, &seq);
        store_batch_free(b);
        return r;
}

int main(int argc, char **argv) {
        static const uint8_t zeros[64];
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        struct store *s;
        _clean_(buf_fini) struct buf parent = BUF_NULL;
        if (argc < 5 || argc > 6 || (argc == 6 && !text_unhex(&parent, span_str(argv[5]))) || store_open(&s, argv[1]))
                return 2;
        uint64_t from = strtoull(argv[2], NULL, 10), to = strtoull(argv[3], NULL, 10);
        struct wire_manifest m = {.device = span_of(zeros, 32),
                                  .household = span_of(zeros, 32),
                                  .created = to,
                                  .camera = span_of(zeros, 32),
                                  .media = MEDIA_MP4,
                                  .chunks = 1,
                                  .salt = span_of(zeros, 16),
                                  .hashes = span_of(zeros, 32),
                                  .commit = span_of(zeros, 32),
                                  .sig = span_of(zeros, 64)};
        struct mesh_row row = {.kind = MESH_ROW_CLIP, .clip = {.camera = SPAN_STR("door"), .seq = from}};
        WIRE_PUT(&m, MANIFEST, from, from);
        WIRE_PUT(&m, MANIFEST, to, to);
        WIRE_PUT(&m, MANIFEST, cell, cell_parse(span_str(argv[4])));
        if (argc == 6) {
                WIRE_PUT(&m, MANIFEST, parent, buf_span(&parent));
                WIRE_PUT(&m, MANIFEST, changes, SPAN_STR("cut"));
        }
        codec_encode(&wire_manifest_desc, &m, &bytes);
        row.clip.manifest = buf_span(&bytes);
        row.clip.sealed = span_of(zeros, 32);
        put_be64(row.clip.id.b, from * 0x9e3779b97f4a7c15u); /* so that short beginnings differ */
        put_be64(row.clip.id.b + 8, to);
        int r = buf_ok(&bytes) ? put(s, &row) : 2;
        for (size_t i = 0; !r && i < sizeof(row.clip.id.b); i++)
                printf("%02x", row.clip.id.b[i]);
        store_close(s);
        return r ? 1 : 0;
}
