/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/json.h"

#include <arpa/inet.h>

#include "base/text.h"
#include "base/when.h"
#include "wire/codec.h"

#define NUMBER_EXACT_MAX (UINT64_C(1) << 53) /* what a JSON reader that thinks in doubles still gets right */
#define DEGREE 1000000                       /* millionths in a degree */
#define DEGREE_DIGITS 6
#define DECIMAL_MAX 20 /* digits of UINT64_MAX */
#define ID_BYTES 32
#define REPLACEMENT 0xfffd
#define BMP_END 0x10000

/* Characters that change what is around them on a screen, or can't be seen: shown as escapes, first and last. */
static const struct {
        uint32_t first, last;
} hidden[] = {
        {0x0000, 0x001f},   /* C0 */
        {0x007f, 0x009f},   /* DEL, C1 */
        {0x00ad, 0x00ad},   /* soft hyphen */
        {0x061c, 0x061c},   /* Arabic letter mark */
        {0x180e, 0x180e},   /* Mongolian vowel separator */
        {0x200b, 0x200f},   /* zero width, directional marks */
        {0x2028, 0x202e},   /* line and paragraph separator, embeddings and overrides */
        {0x2060, 0x206f},   /* word joiner, isolates, deprecated controls */
        {0xfeff, 0xfeff},   /* byte order mark */
        {0xfff9, 0xfffb},   /* interlinear annotation */
        {0xe0000, 0xe0fff}, /* tags */
};

static void json_decimal(struct buf *out, uint64_t v) {
        char digits[DECIMAL_MAX];
        size_t at = sizeof(digits);
        do {
                digits[--at] = (char)('0' + v % 10);
                v /= 10;
        } while (v);
        buf_add(out, span_of(digits + at, sizeof(digits) - at));
}

static void json_number(struct buf *out, uint64_t v) {
        if (v <= NUMBER_EXACT_MAX) {
                json_decimal(out, v);
                return;
        }
        buf_add_u8(out, '"');
        json_decimal(out, v);
        buf_add_u8(out, '"');
}

static void json_signed(struct buf *out, int64_t v) {
        uint64_t size = v < 0 ? -(uint64_t)v : (uint64_t)v;
        bool exact = size <= NUMBER_EXACT_MAX;
        if (!exact)
                buf_add_u8(out, '"');
        if (v < 0)
                buf_add_u8(out, '-');
        json_decimal(out, size);
        if (!exact)
                buf_add_u8(out, '"');
}

/* 52.5, -0.000001, 13.0: the shortest form that still looks like a fraction. */
static void json_degrees(struct buf *out, int64_t v) {
        uint64_t size = v < 0 ? -(uint64_t)v : (uint64_t)v;
        uint64_t rest = size % DEGREE;
        uint8_t digits[DEGREE_DIGITS];
        size_t n = DEGREE_DIGITS;
        for (size_t i = DEGREE_DIGITS; i-- > 0; rest /= 10)
                digits[i] = (uint8_t)('0' + rest % 10);
        while (n > 1 && digits[n - 1] == '0')
                n--;
        if (v < 0)
                buf_add_u8(out, '-');
        json_decimal(out, size / DEGREE);
        buf_add_u8(out, '.');
        buf_add(out, span_of(digits, n));
}

/* ---- text ---- */

static void json_unit(struct buf *out, uint32_t unit) {
        uint8_t be[2];
        put_be16(be, (uint16_t)unit);
        buf_add_str(out, "\\u");
        text_hex(out, SPAN_OF(be));
}

static void json_escape(struct buf *out, uint32_t c) {
        if (c < BMP_END) {
                json_unit(out, c);
                return;
        }
        c -= BMP_END;
        json_unit(out, 0xd800 | c >> 10);
        json_unit(out, 0xdc00 | (c & 0x3ff));
}

static bool is_hidden(uint32_t c) {
        for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
                if (c >= hidden[i].first && c <= hidden[i].last)
                        return true;
        return false;
}

/* How many bytes the character at the start of @s has by its first byte; 0 if none starts there. */
static size_t char_bytes(struct span s) {
        uint8_t c = s.p[0];
        size_t n = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
        return n <= s.n && (n == 1 || (n && text_utf8(span_of(s.p, n)))) ? n : 0;
}

static uint32_t char_value(const uint8_t *p, size_t n) {
        uint32_t c = n == 1 ? p[0] : p[0] & (0x7fU >> n);
        for (size_t i = 1; i < n; i++)
                c = c << 6 | (p[i] & 0x3f);
        return c;
}

static void json_char(struct buf *out, struct span whole) {
        uint32_t c = char_value(whole.p, whole.n);
        if (c == '"' || c == '\\')
                buf_add_u8(out, '\\');
        if (c == '\n')
                buf_add_str(out, "\\n");
        else if (is_hidden(c))
                json_escape(out, c);
        else
                buf_add(out, whole);
}

/* Printable ASCII that needs no escape: nearly everything, so it goes in one piece. */
static size_t plain_run(struct span s) {
        size_t n = 0;
        while (n < s.n && s.p[n] >= 0x20 && s.p[n] < 0x7f && s.p[n] != '"' && s.p[n] != '\\')
                n++;
        return n;
}

void json_string(struct buf *out, struct span s) {
        buf_add_u8(out, '"');
        while (s.n) {
                size_t n = plain_run(s);
                buf_add(out, span_of(s.p, n));
                s = span_from(s, n);
                if (!s.n)
                        break;
                n = char_bytes(s);
                if (n)
                        json_char(out, span_of(s.p, n));
                else
                        json_escape(out, REPLACEMENT);
                s = span_from(s, n ? n : 1);
        }
        buf_add_u8(out, '"');
}

/* ---- bytes ---- */

static void json_hex(struct buf *out, struct span s) {
        buf_add_u8(out, '"');
        text_hex(out, s);
        buf_add_u8(out, '"');
}

static bool is_ids(const struct wire_field *f, struct span s) {
        return (f->min == 0 || f->min == ID_BYTES) && f->max > ID_BYTES && f->max % ID_BYTES == 0 &&
               s.n % ID_BYTES == 0;
}

static void json_bytes(struct buf *out, const struct wire_field *f, struct span s) {
        if (!is_ids(f, s)) {
                json_hex(out, s);
                return;
        }
        buf_add_u8(out, '[');
        for (size_t at = 0; at < s.n; at += ID_BYTES) {
                if (at)
                        buf_add_u8(out, ',');
                json_hex(out, span_of(s.p + at, ID_BYTES));
        }
        buf_add_u8(out, ']');
}

/* ---- addresses ---- */

static void addr_host(struct buf *out, const struct wire_addr *a) {
        char text[INET6_ADDRSTRLEN];
        if (WIRE_HAS(a, ADDR, ip4) && a->ip4.n == sizeof(struct in_addr)) {
                buf_add_str(out, inet_ntop(AF_INET, a->ip4.p, text, sizeof(text)));
        } else if (WIRE_HAS(a, ADDR, ip6) && a->ip6.n == sizeof(struct in6_addr)) {
                buf_add_u8(out, '[');
                buf_add_str(out, inet_ntop(AF_INET6, a->ip6.p, text, sizeof(text)));
                buf_add_u8(out, ']');
        } else if (WIRE_HAS(a, ADDR, dns)) {
                buf_add(out, a->dns);
        }
}

static void json_addr(struct buf *out, const struct wire_addr *a) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        addr_host(&text, a);
        buf_add_u8(&text, ':');
        json_decimal(&text, a->port);
        if (!buf_ok(&text))
                out->failed = true;
        json_string(out, buf_span(&text));
}

/* ---- messages ---- */

static void json_charter_row(struct buf *out, const struct wire_charter_row *row) {
        const char *name = NULL;
        for (size_t i = 0; i < wire_charter_bounds_n; i++)
                if (wire_charter_bounds[i].key == row->key)
                        name = wire_charter_bounds[i].name;
        buf_add_u8(out, '"');
        if (name)
                buf_add_str(out, name);
        else
                json_decimal(out, row->key); /* of a later version */
        buf_add_str(out, "\":");
        json_number(out, row->value);
}

static void json_items(struct buf *out, const struct wire_desc *d, struct wire_list list, bool rows) {
        union wire_any item;
        for (bool first = true; wire_list_next(d, &list, &item); first = false) {
                if (!first)
                        buf_add_u8(out, ',');
                if (rows)
                        json_charter_row(out, &item.charter_row);
                else
                        json_message(out, d, &item);
        }
}

static void json_list(struct buf *out, const struct wire_field *f, struct wire_list list) {
        const struct wire_desc *d = f->of->desc;
        bool rows = d == &wire_charter_row_desc;
        if (f->max == 1 && list.count == 0)
                buf_add_str(out, "null");
        if (f->max == 1) {
                json_items(out, d, list, false);
                return;
        }
        buf_add_u8(out, rows ? '{' : '[');
        json_items(out, d, list, rows);
        buf_add_u8(out, rows ? '}' : ']');
}

static void json_enum(struct buf *out, const struct wire_field *f, uint64_t v) {
        const char *spelling = wire_enum_text(f->of->en, v);
        if (spelling)
                json_string(out, span_str(spelling));
        else
                json_number(out, v);
}

static void json_time(struct buf *out, uint64_t seconds) {
        buf_add_u8(out, '"');
        when_rfc3339(out, seconds);
        buf_add_u8(out, '"');
}

static void json_value(struct buf *out, const struct wire_field *f, const void *member) {
        switch ((enum wire_kind)f->kind) {
        case WIRE_U64:
                json_number(out, *(const wire_t_U64 *)member);
                return;
        case WIRE_I64:
                json_signed(out, *(const wire_t_I64 *)member);
                return;
        case WIRE_BOOL:
                buf_add_str(out, *(const wire_t_BOOL *)member ? "true" : "false");
                return;
        case WIRE_TIME:
                json_time(out, *(const wire_t_TIME *)member);
                return;
        case WIRE_ENUM:
                json_enum(out, f, *(const wire_t_ENUM *)member);
                return;
        case WIRE_BYTES:
                json_bytes(out, f, *(const wire_t_BYTES *)member);
                return;
        case WIRE_STR:
                json_string(out, *(const wire_t_STR *)member);
                return;
        case WIRE_LIST:
                json_list(out, f, *(const wire_t_LIST *)member);
                return;
        case WIRE_DEG:
                json_degrees(out, *(const wire_t_DEG *)member);
                return;
        }
}

static void json_fields(struct buf *out, const struct wire_desc *d, const void *msg) {
        uint64_t has;
        bool first = true;
        memcpy(&has, msg, sizeof(has));
        for (size_t i = 0; i < d->n; i++) {
                const struct wire_field *f = &d->fields[i];
                if (f->flag == WIRE_GONE || (f->flag == WIRE_OPT && !(has >> f->key & 1)))
                        continue;
                if (!first)
                        buf_add_u8(out, ',');
                first = false;
                json_string(out, span_str(f->name));
                buf_add_u8(out, ':');
                json_value(out, f, (const uint8_t *)msg + f->offset);
        }
}

void json_message(struct buf *out, const struct wire_desc *d, const void *msg) {
        if (d == &wire_addr_desc) {
                json_addr(out, msg);
                return;
        }
        buf_add_u8(out, '{');
        if (d == &wire_charter_row_desc)
                json_charter_row(out, msg);
        else
                json_fields(out, d, msg);
        buf_add_u8(out, '}');
}

void json_error(struct buf *out, const char *name, const char *message, const char *hint) {
        buf_add_str(out, "{\"error\":{\"name\":");
        json_string(out, span_str(name));
        buf_add_str(out, ",\"message\":");
        json_string(out, span_str(message));
        buf_add_str(out, ",\"hint\":");
        json_string(out, span_str(hint ? hint : ""));
        buf_add_str(out, "}}");
}
