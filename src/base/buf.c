/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST 64 /* bytes of the first allocation */

void buf_fini(struct buf *b) {
        free(b->p);
        *b = BUF_MAX(b->max);
}

void buf_wipe(struct buf *b) {
        if (b->p)
                explicit_bzero(b->p, b->cap);
        buf_fini(b);
}

void buf_clear(struct buf *b) {
        b->n = 0;
        b->failed = b->starved = false;
}

/* Room for @n bytes that count and @spare that do not: a NUL behind the text must not break the bound. */
static uint8_t *room(struct buf *b, size_t n, size_t spare) {
        if (b->failed)
                return NULL;
        if (n > SIZE_MAX / 4 || b->n > SIZE_MAX / 4 || (b->max && b->n + n > b->max)) {
                b->failed = true;
                return NULL;
        }
        size_t need = b->n + n + spare;
        if (need > b->cap) {
                size_t cap = MAX(b->cap * 2, (size_t)BUF_FIRST);
                while (cap < need)
                        cap *= 2;
                /* Not realloc: what is left behind may be a key, and buf_wipe can only wipe what it still knows. */
                uint8_t *p = malloc(cap);
                if (!p) {
                        b->failed = b->starved = true;
                        return NULL;
                }
                if (b->n)
                        memcpy(p, b->p, b->n);
                if (b->p)
                        explicit_bzero(b->p, b->cap);
                free(b->p);
                b->p = p;
                b->cap = cap;
        }
        return b->p + b->n;
}

uint8_t *buf_room(struct buf *b, size_t n) {
        return room(b, n, 0);
}

void buf_used(struct buf *b, size_t n) {
        if (CHECK_FAILS(n <= b->cap - b->n))
                return;
        b->n += n;
}

void buf_add(struct buf *b, struct span s) {
        if (!s.n)
                return;
        uint8_t *p = buf_room(b, s.n);
        if (!p)
                return;
        memcpy(p, s.p, s.n);
        b->n += s.n;
}

void buf_add_u8(struct buf *b, uint8_t v) {
        buf_add(b, span_of(&v, 1));
}

void buf_add_str(struct buf *b, const char *s) {
        buf_add(b, span_str(s));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap) {
        va_list again;
        va_copy(again, ap);
        int n = vsnprintf(NULL, 0, fmt, ap);
        uint8_t *p = n < 0 ? NULL : room(b, (size_t)n, 1);
        if (p) {
                vsnprintf((char *)p, (size_t)n + 1, fmt, again);
                b->n += (size_t)n;
        } else {
                b->failed = true;
        }
        va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        buf_vprintf(b, fmt, ap);
        va_end(ap);
}

void buf_drop(struct buf *b, size_t n) {
        if (n >= b->n) {
                b->n = 0;
                return;
        }
        memmove(b->p, b->p + n, b->n - n);
        b->n -= n;
}

char *buf_cstr(struct buf *b) {
        static char empty[1];
        uint8_t *p = room(b, 0, 1);
        if (!p) {
                empty[0] = 0;
                return empty;
        }
        *p = 0;
        return (char *)b->p;
}
