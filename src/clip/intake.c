/* SPDX-License-Identifier: Apache-2.0 */
#include "clip/intake.h"

#include "crypto/chunk.h"

#define IN_MAX (4 * CHUNK_CIPHER) /* a chunk's frame, and what is read behind it */

void intake_init(struct intake *t) {
        *t = (struct intake){.in = BUF_MAX(IN_MAX)};
}

void intake_fini(struct intake *t) {
        buf_fini(&t->in);
}

uint8_t *intake_room(struct intake *t, size_t n) {
        buf_drop(&t->in, t->used);
        t->used = 0;
        return buf_room(&t->in, n);
}

void intake_used(struct intake *t, size_t n) {
        buf_used(&t->in, n);
}

/* All are full but the last: of a shorter one nothing may follow. An empty file has one of no bytes. */
static int take_chunk(struct intake *t) {
        size_t n = t->msg.i_chunk.cipher.n - CHUNK_TAG;
        if (!t->begun || t->last || t->chunks == CHUNKS_MAX || (n == 0 && t->chunks))
                return INTAKE_BAD;
        t->chunks++;
        t->bytes += n;
        t->last = n < CHUNK_PLAIN;
        return INTAKE_CHUNK;
}

static int take_end(struct intake *t) {
        const struct wire_i_end *e = &t->msg.i_end;
        if (!t->chunks || e->size != t->bytes || chunk_count(e->size) != t->chunks)
                return INTAKE_BAD;
        if (WIRE_HAS(e, I_END, from) != WIRE_HAS(e, I_END, to) || e->to < e->from)
                return INTAKE_BAD;
        t->over = true;
        return INTAKE_END;
}

static int take(struct intake *t, enum wire_ingest number) {
        switch (number) {
        case INGEST_BEGIN:
                if (t->begun)
                        return INTAKE_BAD;
                t->begun = true;
                return INTAKE_BEGIN;
        case INGEST_CHUNK:
                return take_chunk(t);
        case INGEST_END:
                return take_end(t);
        case INGEST_ERROR:
                t->over = true;
                return INTAKE_ERROR;
        }
        return INTAKE_BAD;
}

int intake_next(struct intake *t) {
        const struct wire_number *row;
        struct span body;
        size_t used;
        if (t->over)
                return INTAKE_BAD;
        int r = frame_take(span_from(buf_span(&t->in), t->used), &body, &used);
        if (r == FRAME_E_MORE)
                return INTAKE_MORE;
        if (r || frame_read(body, wire_ingest_find, &row, &t->msg, NULL)) {
                t->over = true;
                return INTAKE_BAD;
        }
        t->used += used;
        r = take(t, row->number);
        t->over |= r == INTAKE_BAD;
        return r;
}
