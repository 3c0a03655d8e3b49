/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded pull reader for the canonical subset of msgpack that Porchlight speaks: unsigned and signed integers in their
 * shortest form, booleans, str, bin, arrays and maps of definite length. No floats, no nil, no ext. It never allocates,
 * whatever a header claims (msgpack-c's object API reserves by the claimed count: 5 bytes make it ask for 512 MB).
 *
 * Errors are sticky: after the first one every read gives zero and an empty span, and the caller asks wire_reader_ok()
 * once. Spans point into the input.
 */
#pragma once

#include "base/base.h"

#define WIRE_DEPTH_MAX 4  /* nesting that wire_skip follows */
#define WIRE_SKIP_MAX 256 /* values that one wire_skip passes over */

struct wire_reader {
        struct span in;
        size_t at;
        const char *why; /* NULL: fine; else what is wrong, in a few words */
};

struct wire_reader wire_reader(struct span in);
bool wire_reader_ok(const struct wire_reader *r);
bool wire_reader_end(const struct wire_reader *r); /* fine, and nothing is left */
void wire_reader_fail(struct wire_reader *r, const char *why);
uint64_t wire_get_u64(struct wire_reader *r);
int64_t wire_get_i64(struct wire_reader *r);
bool wire_get_bool(struct wire_reader *r);
struct span wire_get_bin(struct wire_reader *r);
struct span wire_get_str(struct wire_reader *r); /* UTF-8 checked, no NUL inside */
uint32_t wire_get_map(struct wire_reader *r);    /* number of pairs that follow */
uint32_t wire_get_array(struct wire_reader *r);
struct span wire_skip(struct wire_reader *r); /* one whole value, within the limits above; its bytes */
