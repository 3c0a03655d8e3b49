/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over a structure writes it, reads it back, or shows it to whoever prints. So what a recording holds, what a
 * digest covers and what a trace shows are said in one place (tape/event.c) and cannot disagree.
 *
 * Bytes: numbers are LEB128, spans a number and the bytes, arrays of fixed length the bytes alone. What was read points
 * into the input, and arrays of structures into memory that the caller frees with walk_free(). Failure is sticky: ask
 * walk_ok() once at the end.
 */
#pragma once

#include "base/buf.h"
#include "porchlight/types.h"
#include "wire/table.h"

/* What a value is, for those who show it and for those who must not. */
enum walk_as {
        WALK_NUMBER,  /* counts, sizes, numbers of links and commands */
        WALK_TIME,    /* seconds since 1970 */
        WALK_NAME,    /* an id or a public key */
        WALK_SECRET,  /* a key nobody else has */
        WALK_PLACE,   /* a cell */
        WALK_ADDRESS, /* an IP address and port */
        WALK_TEXT,    /* what people wrote */
        WALK_BYTES,   /* anything else */
};

struct walk_view {
        void *ctx;
        void (*number)(void *ctx, const char *name, enum walk_as as, uint64_t value);
        void (*bytes)(void *ctx, const char *name, enum walk_as as, struct span value);
        void (*word)(void *ctx, const char *name, const char *word); /* one of the program's own words */
};

#define WALK_OWNED 3 /* arrays in one structure */

struct walk {
        struct buf *out; /* writes */
        struct span in;  /* reads, where nothing else is set */
        const struct walk_view *view;
        void *owned[WALK_OWNED];
        size_t n_owned;
        bool failed;
};

bool walk_reads(const struct walk *w);
bool walk_ok(const struct walk *w); /* and of the input nothing is left */
void walk_free(struct walk *w);

/* One that is read and greater than @most is no such number. */
void walk_number(struct walk *w, const char *name, enum walk_as as, uint64_t *v, uint64_t most);
void walk_fixed(struct walk *w, const char *name, enum walk_as as, void *p, size_t n);
void walk_span(struct walk *w, const char *name, enum walk_as as, struct span *s);
void walk_addr(struct walk *w, const char *name, struct mesh_addr *a);
void walk_word(struct walk *w, const char *name, const char *word); /* is shown, and not written */
/* The length of an array that follows. When it reads, *@items becomes room for as many of @size bytes, each of which takes
 * @least bytes of input at the very least, or NULL. */
void walk_array(struct walk *w, const char *name, void **items, size_t *n, size_t size, size_t least);

/* A number of any type that is not signed; one that does not fit there is no such number. */
#define WALK_AS(w, name, as, place)                                                                                    \
        do {                                                                                                           \
                uint64_t walked_ = (uint64_t)(place);                                                                  \
                walk_number((w), (name), (as), &walked_, (uint64_t)(__typeof__(place))-1);                             \
                if (walk_reads(w))                                                                                     \
                        (place) = (__typeof__(place))walked_;                                                          \
        } while (0)
#define WALK_NUM(w, name, place) WALK_AS(w, name, WALK_NUMBER, place)
#define WALK_ARRAY(w, name, as, array) walk_fixed((w), (name), (as), (array), sizeof(array))
