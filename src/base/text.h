/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside: UTF-8, what may be shown, hex, base32. */
#pragma once

#include "base/buf.h"

/* Well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF) without NUL. */
bool text_utf8(struct span s);
/* Appends @s so that a terminal or a log shows it and does not obey it: C0, DEL, C1, bidi and other invisible controls
 * become \u{XX}, bytes that are not UTF-8 become \x{XX}. Newlines too, unless @keep_newlines. */
void text_show(struct buf *out, struct span s, bool keep_newlines);
/* The number of columns @s takes in a terminal (wcwidth's rules, own table not needed: East Asian wide counts 2). */
size_t text_columns(struct span s);
size_t text_width(uint32_t c); /* of one character: 0, 1 or 2 columns (width.c) */

void text_hex(struct buf *out, struct span s); /* lowercase */
/* Do these digits, of either case, begin @id in hex? */
bool text_hex_begins(struct span id, struct span digits);
/* Reads @s as hex of either case into @out, which is untouched on failure. */
bool text_unhex(struct buf *out, struct span s);
/* RFC 4648 base32, upper case, no padding. Decoding takes either case, skips nothing, refuses stray bits. */
void text_base32(struct buf *out, struct span s);
bool text_unbase32(struct buf *out, struct span s);
/* Without the spaces, tabs and carriage returns at both ends, as in a line of a settings file. */
struct span text_trim(struct span s);
/* ASCII only. */
bool text_eq_nocase(struct span a, struct span b);
/* @hay contains @needle, both folded (ASCII case only). */
bool text_contains(struct span hay, struct span needle);
/* Decimal digits only, no sign; false if empty, not digits, or over @max. */
bool text_u64(struct span s, uint64_t max, uint64_t *ret);
/* For people: "204 B", "1.5 kB", "20.0 MB". */
void text_size(struct buf *out, uint64_t bytes);
