/* SPDX-License-Identifier: Apache-2.0 */
#include "tape/walk.h"

#include <stdlib.h>

#define LEB_BITS 7
#define LEB_MORE 0x80u

bool walk_reads(const struct walk *w) {
        return !w->out && !w->view;
}

bool walk_ok(const struct walk *w) {
        return !w->failed && w->in.n == 0 && (!w->out || buf_ok(w->out));
}

void walk_free(struct walk *w) {
        for (size_t i = 0; i < w->n_owned; i++)
                free(w->owned[i]);
        w->n_owned = 0;
}

/* ---- bytes ---- */

static void put_number(struct buf *out, uint64_t v) {
        for (; v >= LEB_MORE; v >>= LEB_BITS)
                buf_add_u8(out, (uint8_t)(v | LEB_MORE));
        buf_add_u8(out, (uint8_t)v);
}

/* 0 where there is none; what is longer than it need be is none either. */
static uint64_t get_number(struct walk *w) {
        uint64_t v = 0;
        for (unsigned at = 0; at < 64 && w->in.n; at += LEB_BITS) {
                uint64_t byte = w->in.p[0], bits = byte & (LEB_MORE - 1);
                w->in = span_from(w->in, 1);
                v |= bits << at;
                if (v >> at != bits || (byte == 0 && at))
                        break;
                if (byte < LEB_MORE)
                        return v;
        }
        w->failed = true;
        return 0;
}

static struct span get_bytes(struct walk *w, uint64_t n) {
        if (w->failed || n > w->in.n) {
                w->failed = true;
                return SPAN_NONE;
        }
        struct span s = span_of(w->in.p, n);
        w->in = span_from(w->in, n);
        return s;
}

/* ---- values ---- */

void walk_number(struct walk *w, const char *name, enum walk_as as, uint64_t *v, uint64_t most) {
        if (w->view)
                w->view->number(w->view->ctx, name, as, *v);
        else if (w->out)
                put_number(w->out, *v);
        else if ((*v = get_number(w)) > most)
                w->failed = true;
}

void walk_fixed(struct walk *w, const char *name, enum walk_as as, void *p, size_t n) {
        if (w->view) {
                w->view->bytes(w->view->ctx, name, as, span_of(p, n));
        } else if (w->out) {
                buf_add(w->out, span_of(p, n));
        } else {
                struct span s = get_bytes(w, n);
                if (s.n)
                        memcpy(p, s.p, n);
        }
}

void walk_span(struct walk *w, const char *name, enum walk_as as, struct span *s) {
        if (w->view) {
                w->view->bytes(w->view->ctx, name, as, *s);
        } else if (w->out) {
                put_number(w->out, s->n);
                buf_add(w->out, *s);
        } else {
                *s = get_bytes(w, get_number(w));
        }
}

void walk_addr(struct walk *w, const char *name, struct mesh_addr *a) {
        uint8_t bytes[sizeof(a->ip) + sizeof(a->port)];
        if (w->view) {
                memcpy(bytes, a->ip, sizeof(a->ip));
                put_be16(bytes + sizeof(a->ip), a->port);
                w->view->bytes(w->view->ctx, name, WALK_ADDRESS, SPAN_OF(bytes));
                return;
        }
        WALK_ARRAY(w, name, WALK_ADDRESS, a->ip);
        WALK_NUM(w, name, a->port);
        WALK_NUM(w, name, a->scope);
}

void walk_word(struct walk *w, const char *name, const char *word) {
        if (w->view)
                w->view->word(w->view->ctx, name, word);
}

/* No length is believed that the input has no bytes for: what is asked of malloc() is bounded by what was read. */
void walk_array(struct walk *w, const char *name, void **items, size_t *n, size_t size, size_t least) {
        WALK_NUM(w, name, *n);
        if (!walk_reads(w))
                return;
        *items = NULL;
        if (w->failed || *n > w->in.n / least || CHECK_FAILS(w->n_owned < WALK_OWNED))
                w->failed = true;
        if (!w->failed && *n)
                *items = calloc(*n, size);
        if (*items)
                w->owned[w->n_owned++] = *items;
        else if (*n)
                w->failed = true;
        if (w->failed)
                *n = 0;
}
