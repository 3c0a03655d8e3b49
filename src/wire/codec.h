/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks a descriptor table: struct to bytes and back. decode(encode(m)) is m, and every accepted input but for unknown keys
 * is the only encoding of its meaning: keys rise strictly, integers are shortest, lengths are within the row's bounds.
 */
#pragma once

#include "base/buf.h"
#include "wire/messages.h"
#include "wire/reader.h"

enum {
        CODEC_E_INPUT = 1, /* the bytes are not such a message; *ret_why says what is wrong, naming the field */
};

/* Why a decode failed: "record: body: too long". Static text. */
struct codec_why {
        const char *message, *field, *what;
};

/* Room for any message. */
#define CODEC_ANY_MEMBER(name, ...) struct wire_##name name;
union wire_any {
        uint64_t has;
        WIRE_MESSAGES(CODEC_ANY_MEMBER)
};

/* Appends the map. Required members are always written, optional ones where their bit in `has` is set. A value out of its
 * row's bounds, or a whole longer than desc->max, fails the buffer (that is a bug of the caller, or a person's input that
 * nobody checked). */
void codec_encode(const struct wire_desc *d, const void *msg, struct buf *out);
/* The same, and @at receives the offset in @out at which the key @key begins (or would have): what a signature covers. */
void codec_encode_until(const struct wire_desc *d, const void *msg, uint8_t key, struct buf *out, size_t *ret_at);

/* Decodes one map that fills @in whole. Returns 0, or CODEC_E_INPUT (@ret_msg untouched, @ret_why set; both may be NULL). */
int codec_decode(const struct wire_desc *d, struct span in, void *ret_msg, struct codec_why *ret_why);
/* Decodes one map at the reader's place and leaves the reader behind it. @ret_raw: its bytes; may be NULL. */
int codec_read(const struct wire_desc *d, struct wire_reader *r, void *ret_msg, struct span *ret_raw,
               struct codec_why *ret_why);
/* The bytes of the encoded map @raw before @key, which is what a signature in @key covers; empty if @key is not there. */
struct span codec_before(struct span raw, uint8_t key);
/* The same without the map's header: the pairs alone. A key that is added behind changes the header's count and not these
 * bytes, so this is what a signature covers that others are added to (an operation's, when it is countersigned). */
struct span codec_pairs_before(struct span raw, uint8_t key);
/* Overwrites the value of the BYTES field whose key begins at @at (of codec_encode_until) with @bytes of the same length:
 * the signature, once what stands before it is hashed. Fails the buffer if there is no such field at @at. */
void codec_patch(struct buf *out, size_t at, struct span bytes);

/* Walks a decoded list: decodes its next item into @ret_msg. False at the end. A list inside a decoded message is well
 * formed: codec_decode has been through it. */
bool wire_list_next(const struct wire_desc *d, struct wire_list *list, void *ret_msg);
/* Appends one encoded item, to build a list for encoding: @list must have been zero at first and @store holds its bytes;
 * one list a store. If @store fails, so does the encoding of the list. */
void wire_list_add(const struct wire_desc *d, struct wire_list *list, struct buf *store, const void *msg);

/* A frame's worth of messages: number, then map. Returns the row, or NULL at padding, at the end, or on an error (then the
 * reader says why). Unknown numbers are skipped within limits and counted in *unknown. */
const struct wire_number *codec_next(struct wire_reader *r, const struct wire_number *(*find)(uint64_t),
                                     unsigned *unknown);
/* Appends number and map. */
void codec_put(const struct wire_number *row, const void *msg, struct buf *out);
