/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptor tables: what the rows of the .def files in proto expand to. One encoder, one decoder and one JSON printer walk
 * them, and wiredoc prints the reference from them; there is no second description of any message that could disagree.
 */
#pragma once

#include "base/base.h"

enum wire_kind {
        WIRE_U64,
        WIRE_I64,
        WIRE_BOOL,
        WIRE_TIME, /* seconds since 1970; RFC 3339 in JSON */
        WIRE_ENUM, /* a number with a spelling; one nobody knows is kept as its number */
        WIRE_BYTES,
        WIRE_STR,  /* UTF-8, checked on decoding */
        WIRE_LIST, /* an array of maps of one message */
        WIRE_DEG,  /* signed millionths of a degree; decimal degrees in JSON */
};

/* A decoded LIST: the count, and the encoded maps one after the other. Walk it with wire_list_next(). */
struct wire_list {
        uint32_t count;
        struct span items;
};

/* The C type of each kind. KIND makes both the type and the number, so that they can't disagree. */
typedef uint64_t wire_t_U64;
typedef int64_t wire_t_I64;
typedef bool wire_t_BOOL;
typedef uint64_t wire_t_TIME;
typedef uint64_t wire_t_ENUM;
typedef struct span wire_t_BYTES;
typedef struct span wire_t_STR;
typedef struct wire_list wire_t_LIST;
typedef int64_t wire_t_DEG;

struct wire_enum_row {
        const char *spelling;
        const char *doc;
        uint64_t value;
};

struct wire_enum {
        const char *name;
        const struct wire_enum_row *rows;
        size_t n;
};

/* What a field is of: an enumeration, the message of a list, or nothing. */
struct wire_of {
        const struct wire_enum *en;
        const struct wire_desc *desc;
};

enum wire_flag { WIRE_OPT, WIRE_REQ, WIRE_GONE };

struct wire_field {
        const char *name;
        const char *doc;
        const struct wire_of *of;
        uint64_t min, max; /* of the number (as int64_t for signed kinds), the length, or the count */
        uint16_t offset;
        uint8_t key;
        uint8_t kind; /* enum wire_kind */
        uint8_t flag; /* enum wire_flag */
};

struct wire_desc {
        const char *name;
        const char *doc;
        const struct wire_field *fields; /* keys rise strictly */
        size_t n;
        size_t size; /* sizeof the struct; its first member is uint64_t has, bit n = key n is there */
        size_t max;  /* longest encoding in bytes */
};

/* The spelling of @value, or NULL if nobody knows it. */
const char *wire_enum_text(const struct wire_enum *e, uint64_t value);
/* The value spelled @s in any case, or 0 if there is none (0 is never a value). */
uint64_t wire_enum_value(const struct wire_enum *e, struct span s);
