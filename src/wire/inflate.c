/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inflation runs in small steps and is judged after each by what came out and what went in; no size that the stream
 * declares is ever believed, and the gzip header is never asked for (inflateGetHeader is where zlib had CVE-2022-37434).
 */
#include "wire/inflate.h"

#include <limits.h>
#include <zlib.h>

#define STEP 4096 /* bytes of output between two looks at the bounds */

static void inflate_fini(z_stream *z) {
        inflateEnd(z);
}

static void deflate_fini(z_stream *z) {
        deflateEnd(z);
}

static bool bomb(const z_stream *z) {
        if (z->total_out > INFLATE_MAX)
                return true;
        return z->total_out > INFLATE_FREE && z->total_out / INFLATE_RATIO > z->total_in;
}

/* Inflates @in to its end. @out may be NULL: then only the outcome counts. */
static int inflate_run(struct span in, struct buf *out) {
        uint8_t step[STEP];
        _clean_(inflate_fini) z_stream z = {.next_in = (z_const Bytef *)in.p, .avail_in = (uInt)in.n};
        if (in.n == 0 || in.n > UINT_MAX)
                return INFLATE_E_INPUT;
        if (inflateInit(&z) != Z_OK)
                return ERR_NOMEM;
        for (;;) {
                z.next_out = step;
                z.avail_out = sizeof(step);
                int r = inflate(&z, Z_NO_FLUSH);
                if (r == Z_MEM_ERROR)
                        return ERR_NOMEM;
                if (r != Z_OK && r != Z_STREAM_END)
                        return INFLATE_E_INPUT;
                if (bomb(&z))
                        return INFLATE_E_BOMB;
                if (out)
                        buf_add(out, span_of(step, sizeof(step) - z.avail_out));
                if (out && !buf_ok(out))
                        return ERR_NOMEM;
                if (r == Z_STREAM_END)
                        return z.avail_in ? INFLATE_E_INPUT : 0;
        }
}

int inflate_all(struct span in, struct buf *out) {
        size_t before = out->n;
        int r = inflate_run(in, out);
        if (r)
                out->n = before;
        return r;
}

static int deflate_run(struct span in, struct buf *out, int level) {
        _clean_(deflate_fini) z_stream z = {0};
        if (in.n > UINT_MAX || deflateInit(&z, level) != Z_OK)
                return ERR_NOMEM;
        size_t bound = deflateBound(&z, in.n);
        uint8_t *room = buf_room(out, bound);
        if (!room || bound > UINT_MAX)
                return ERR_NOMEM;
        z.next_in = (z_const Bytef *)in.p;
        z.avail_in = (uInt)in.n;
        z.next_out = room;
        z.avail_out = (uInt)bound;
        if (deflate(&z, Z_FINISH) != Z_STREAM_END)
                return ERR_BROKEN;
        buf_used(out, z.total_out);
        return 0;
}

/* What is written has to be readable again: data so regular that the bounds would call it a bomb is stored as it is. */
int deflate_all(struct span in, struct buf *out) {
        size_t before = out->n;
        int r = deflate_run(in, out, Z_DEFAULT_COMPRESSION);
        if (r)
                return r;
        if (inflate_run(span_from(buf_span(out), before), NULL) != INFLATE_E_BOMB)
                return 0;
        out->n = before;
        return deflate_run(in, out, Z_NO_COMPRESSION);
}
