/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words every other file is written in: spans, ownership, and the three assertions.
 *
 * A span borrows bytes and never owns them. An owner is declared with _clean_(f) and given away with TAKE(p), so that
 * who frees what can be read off the declaration. Input from outside is never asserted: no bytes from a peer, a file or
 * a person may end a process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Runs @f(&variable) when the variable leaves its scope. */
#define _clean_(f) __attribute__((cleanup(f)))
#define _unused_ __attribute__((unused))
#define _noreturn_ __attribute__((noreturn))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Moves the pointer out of @p and leaves NULL behind. */
#define TAKE(p)                                                                                                        \
        ({                                                                                                             \
                __typeof__(p) take_ = (p);                                                                             \
                (p) = NULL;                                                                                            \
                take_;                                                                                                 \
        })

/* Declares @type##_freep for _clean_: frees what the variable points to with @free_fn. */
#define DEFINE_FREEP(type, free_fn)                                                                                    \
        static inline void free_fn##p(type **p) {                                                                      \
                if (*p)                                                                                                \
                        free_fn(*p);                                                                                   \
        }

/* REQUIRE: the process can't continue. CHECK_FAILS: a bug, counted and logged once per site; the caller lives on. */
_noreturn_ void base_require_failed(const char *what, const char *file, int line);
void base_check_failed(const char *what, const char *file, int line);
uint64_t base_checks_failed(void); /* how many CHECK_FAILS were true so far in this process */
#define REQUIRE(x) ((x) ? (void)0 : base_require_failed(#x, __FILE__, __LINE__))
#define CHECK_FAILS(x) (!(x) && (base_check_failed(#x, __FILE__, __LINE__), true))

/* Borrowed bytes. Valid as long as whatever they point into. */
struct span {
        const uint8_t *p;
        size_t n;
};

#define SPAN_NONE ((struct span){NULL, 0})
#define SPAN_OF(array) ((struct span){(const uint8_t *)(array), sizeof(array)})
#define SPAN_STR(literal) ((struct span){(const uint8_t *)("" literal), sizeof(literal) - 1})

static inline struct span span_of(const void *p, size_t n) {
        return (struct span){p, n};
}
static inline struct span span_str(const char *s) {
        return (struct span){(const uint8_t *)s, s ? strlen(s) : 0};
}
static inline bool span_eq(struct span a, struct span b) {
        return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
/* The bytes of @s from @from on; empty if @from is past its end. */
static inline struct span span_from(struct span s, size_t from) {
        return from >= s.n ? SPAN_NONE : (struct span){s.p + from, s.n - from};
}

/* Big-endian numbers in byte strings. */
static inline void put_be16(uint8_t *p, uint16_t v) {
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
}
static inline void put_be32(uint8_t *p, uint32_t v) {
        put_be16(p, (uint16_t)(v >> 16));
        put_be16(p + 2, (uint16_t)v);
}
static inline void put_be64(uint8_t *p, uint64_t v) {
        put_be32(p, (uint32_t)(v >> 32));
        put_be32(p + 4, (uint32_t)v);
}
static inline uint16_t get_be16(const uint8_t *p) {
        return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t get_be32(const uint8_t *p) {
        return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}
static inline uint64_t get_be64(const uint8_t *p) {
        return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}
