/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages as JSON, from the same tables: BYTES in lowercase hex, TIME as RFC 3339 in UTC, ENUM by its spelling, LIST as an
 * array of objects, numbers over 2^53 as strings. Peers' text is escaped as JSON wants it; control and bidi characters as
 * \u escapes, so that a terminal shows them and does not obey them.
 */
#pragma once

#include "base/buf.h"
#include "wire/messages.h"

/* Appends one object. Optional fields that are absent are left out; GONE fields never appear. Four shapes differ, because
 * people and scripts read them: a LIST of at most one item is that item (null if there is none); a LIST of charter rows is
 * one object from row name to value; an addr is a string, "192.0.2.1:7345"; BYTES that can only be a row of 32-byte ids
 * (least 0 or 32, most a greater multiple of 32) are an array of hex strings. */
void json_message(struct buf *out, const struct wire_desc *d, const void *msg);
/* Text that is not UTF-8 has U+FFFD for each byte that does not fit. */
void json_string(struct buf *out, struct span s);
/* @hint may be NULL. {"error":{"name":…,"message":…,"hint":…}} */
void json_error(struct buf *out, const char *name, const char *message, const char *hint);
