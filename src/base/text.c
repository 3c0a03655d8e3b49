/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#define UTF8_BAD UINT32_MAX
#define BASE32_BITS 5

/* Letters that a terminal or an eye obeys instead of showing: controls, directions, invisible separators. The zero width
 * joiner and non-joiner (U+200C, U+200D) are not here: Persian, Hindi and families of emoji are misspelt without them. */
static const uint32_t unshown[][2] = {
        {0x0000, 0x001f},   /* C0 */
        {0x007f, 0x009f},   /* DEL, C1 */
        {0x00ad, 0x00ad},   /* soft hyphen */
        {0x034f, 0x034f},   /* combining grapheme joiner */
        {0x061c, 0x061c},   /* Arabic letter mark */
        {0x115f, 0x1160},   /* Hangul fillers */
        {0x17b4, 0x17b5},   /* Khmer inherent vowels */
        {0x180e, 0x180e},   /* Mongolian vowel separator */
        {0x200b, 0x200b},   /* zero width space */
        {0x200e, 0x200f},   /* left-to-right and right-to-left mark */
        {0x2028, 0x202e},   /* line and paragraph separator, embeddings, overrides */
        {0x2060, 0x206f},   /* word joiner, invisible operators, isolates, deprecated controls */
        {0x3164, 0x3164},   /* Hangul filler */
        {0xfeff, 0xfeff},   /* byte order mark */
        {0xffa0, 0xffa0},   /* halfwidth Hangul filler */
        {0xfff9, 0xfffb},   /* interlinear annotation */
        {0xe0000, 0xe007f}, /* tags */
};

/* The first character of @s, which is not empty, and its length; UTF8_BAD and 1 if it is not well-formed (RFC 3629). */
static uint32_t utf8_next(struct span s, size_t *ret_n) {
        uint8_t lead = s.p[0];
        *ret_n = 1;
        if (lead < 0x80)
                return lead;
        size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || s.n <= more)
                return UTF8_BAD;
        uint32_t c = lead & (0x3fu >> more);
        for (size_t i = 1; i <= more; i++) {
                if ((s.p[i] & 0xc0) != 0x80)
                        return UTF8_BAD;
                c = c << 6 | (s.p[i] & 0x3f);
        }
        bool overlong = (more == 2 && c < 0x800) || (more == 3 && c < 0x10000);
        bool surrogate = c >= 0xd800 && c <= 0xdfff;
        if (overlong || surrogate || c > 0x10ffff)
                return UTF8_BAD;
        *ret_n = more + 1;
        return c;
}

bool text_utf8(struct span s) {
        size_t n;
        for (; s.n; s = span_from(s, n)) {
                uint32_t c = utf8_next(s, &n);
                if (c == 0 || c == UTF8_BAD)
                        return false;
        }
        return true;
}

static bool shown(uint32_t c) {
        for (size_t i = 0; i < ARRAY_LEN(unshown) && c >= unshown[i][0]; i++)
                if (c <= unshown[i][1])
                        return false;
        return true;
}

void text_show(struct buf *out, struct span s, bool keep_newlines) {
        size_t n;
        for (; s.n; s = span_from(s, n)) {
                uint32_t c = utf8_next(s, &n);
                if (c == UTF8_BAD)
                        buf_printf(out, "\\x{%02X}", s.p[0]);
                else if (shown(c) || (c == '\n' && keep_newlines))
                        buf_add(out, span_of(s.p, n));
                else
                        buf_printf(out, "\\u{%02X}", (unsigned)c);
        }
}

size_t text_columns(struct span s) {
        size_t n, columns = 0;
        for (; s.n; s = span_from(s, n)) {
                uint32_t c = utf8_next(s, &n);
                columns += c == UTF8_BAD ? 1 : text_width(c);
        }
        return columns;
}

void text_hex(struct buf *out, struct span s) {
        static const char digits[] = "0123456789abcdef";
        uint8_t *p = buf_room(out, 2 * s.n);
        if (!p)
                return;
        for (size_t i = 0; i < s.n; i++) {
                p[2 * i] = (uint8_t)digits[s.p[i] >> 4];
                p[2 * i + 1] = (uint8_t)digits[s.p[i] & 15];
        }
        buf_used(out, 2 * s.n);
}

bool text_hex_begins(struct span id, struct span digits) {
        static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
        if (digits.n > 2 * id.n)
                return false;
        for (size_t i = 0; i < digits.n; i++) {
                unsigned half = i % 2 ? id.p[i / 2] & 15 : id.p[i / 2] >> 4;
                if (digits.p[i] != lower[half] && digits.p[i] != upper[half])
                        return false;
        }
        return true;
}

static int hex_value(uint8_t c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

bool text_unhex(struct buf *out, struct span s) {
        if (s.n % 2)
                return false;
        for (size_t i = 0; i < s.n; i++)
                if (hex_value(s.p[i]) < 0)
                        return false;
        uint8_t *p = buf_room(out, s.n / 2);
        if (!p)
                return buf_ok(out);
        for (size_t i = 0; i < s.n / 2; i++)
                p[i] = (uint8_t)(hex_value(s.p[2 * i]) << 4 | hex_value(s.p[2 * i + 1]));
        buf_used(out, s.n / 2);
        return true;
}

void text_base32(struct buf *out, struct span s) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        uint32_t acc = 0;
        unsigned bits = 0;
        for (size_t i = 0; i < s.n; i++) {
                acc = acc << 8 | s.p[i];
                for (bits += 8; bits >= BASE32_BITS; bits -= BASE32_BITS)
                        buf_add_u8(out, (uint8_t)digits[acc >> (bits - BASE32_BITS) & 31]);
        }
        if (bits)
                buf_add_u8(out, (uint8_t)digits[acc << (BASE32_BITS - bits) & 31]);
}

static int base32_value(uint8_t c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a';
        if (c >= '2' && c <= '7')
                return c - '2' + 26;
        return -1;
}

static bool base32_valid(struct span s) {
        unsigned stray = (unsigned)(s.n % 8 * BASE32_BITS % 8); /* bits of the last digit that no byte uses */
        if (stray >= BASE32_BITS)
                return false;
        for (size_t i = 0; i < s.n; i++)
                if (base32_value(s.p[i]) < 0)
                        return false;
        return !stray || (base32_value(s.p[s.n - 1]) & ((1 << stray) - 1)) == 0;
}

bool text_unbase32(struct buf *out, struct span s) {
        if (!base32_valid(s))
                return false;
        size_t n = s.n / 8 * 5 + s.n % 8 * BASE32_BITS / 8;
        uint8_t *p = buf_room(out, n);
        if (!p)
                return buf_ok(out);
        uint32_t acc = 0;
        unsigned bits = 0;
        for (size_t i = 0; i < s.n; i++) {
                acc = acc << BASE32_BITS | (uint32_t)base32_value(s.p[i]);
                bits += BASE32_BITS;
                if (bits < 8)
                        continue;
                bits -= 8;
                *p++ = (uint8_t)(acc >> bits);
        }
        buf_used(out, n);
        return true;
}

static bool is_blank(uint8_t c) {
        return c == ' ' || c == '\t' || c == '\r';
}

struct span text_trim(struct span s) {
        while (s.n && is_blank(s.p[0]))
                s = span_from(s, 1);
        while (s.n && is_blank(s.p[s.n - 1]))
                s.n--;
        return s;
}

static uint8_t lower(uint8_t c) {
        return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool text_eq_nocase(struct span a, struct span b) {
        if (a.n != b.n)
                return false;
        for (size_t i = 0; i < a.n; i++)
                if (lower(a.p[i]) != lower(b.p[i]))
                        return false;
        return true;
}

bool text_contains(struct span hay, struct span needle) {
        if (!needle.n)
                return true;
        for (size_t at = 0; at + needle.n <= hay.n; at++)
                if (text_eq_nocase(span_of(hay.p + at, needle.n), needle))
                        return true;
        return false;
}

bool text_u64(struct span s, uint64_t max, uint64_t *ret) {
        uint64_t v = 0;
        if (!s.n)
                return false;
        for (size_t i = 0; i < s.n; i++) {
                uint64_t digit = (uint64_t)s.p[i] - '0';
                if (s.p[i] < '0' || digit > 9 || v > (UINT64_MAX - digit) / 10)
                        return false;
                v = v * 10 + digit;
        }
        if (v > max)
                return false;
        *ret = v;
        return true;
}

void text_size(struct buf *out, uint64_t n) {
        static const char *const units[] = {"kB", "MB", "GB"};
        uint64_t tenths = n * 10 / 1000;
        size_t unit = 0;
        if (n < 1000) {
                buf_printf(out, "%llu B", (unsigned long long)n);
                return;
        }
        while (tenths >= 10000 && unit + 1 < ARRAY_LEN(units)) {
                tenths /= 1000;
                unit++;
        }
        buf_printf(out, "%llu.%llu %s", (unsigned long long)tenths / 10, (unsigned long long)tenths % 10, units[unit]);
}
