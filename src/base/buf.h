/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte buffer. Appends are sticky: after one failed (no memory, or past @max) the buffer is `failed`, later
 * appends do nothing, and the caller checks once at the end with buf_ok().
 */
#pragma once

#include "base/base.h"
#include "base/err.h"

#include <stdarg.h>

struct buf {
        uint8_t *p;
        size_t n;
        size_t cap;
        size_t max; /* 0: no bound but memory */
        bool failed;
        bool starved; /* it failed because there was no memory, and not because of what was put into it */
};

#define BUF_NULL ((struct buf){0})
#define BUF_MAX(limit) ((struct buf){.max = (limit)})
/* In an array of the caller's, which bounds it: never asks for memory, and must not be freed. */
#define BUF_ON(array) ((struct buf){.p = (array), .cap = sizeof(array), .max = sizeof(array)})

void buf_fini(struct buf *b);  /* frees; the buffer is BUF_NULL with its max afterwards */
void buf_wipe(struct buf *b);  /* overwrites every byte, then buf_fini: for keys and passphrases */
void buf_clear(struct buf *b); /* keeps the memory, forgets the bytes and the failure */
/* Room for @n more bytes at the end, or NULL (the buffer is then failed). buf_used() says how many were used. */
uint8_t *buf_room(struct buf *b, size_t n);
void buf_used(struct buf *b, size_t n);
void buf_add(struct buf *b, struct span s);
void buf_add_u8(struct buf *b, uint8_t v);
void buf_add_str(struct buf *b, const char *s);
_printf_(2, 3) void buf_printf(struct buf *b, const char *fmt, ...);
_printf_(2, 0) void buf_vprintf(struct buf *b, const char *fmt, va_list ap);
void buf_drop(struct buf *b, size_t n); /* forgets the first @n bytes */
char *buf_cstr(struct buf *b);          /* the bytes with a NUL after them (not counted); "" if that fails */

static inline bool buf_ok(const struct buf *b) {
        return !b->failed;
}
static inline struct span buf_span(const struct buf *b) {
        return (struct span){b->p, b->n};
}
