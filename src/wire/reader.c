/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/reader.h"

#include "base/text.h"

/* The first byte of a value, as the msgpack specification lists them. */
enum {
        TAG_FIXMAP = 0x80,
        TAG_FIXARRAY = 0x90,
        TAG_FIXSTR = 0xa0,
        TAG_NIL = 0xc0,
        TAG_NONE = 0xc1, /* never used by msgpack: stands for "nothing left" here */
        TAG_FALSE = 0xc2,
        TAG_TRUE = 0xc3,
        TAG_BIN8 = 0xc4,
        TAG_BIN32 = 0xc6,
        TAG_UINT8 = 0xcc,
        TAG_UINT64 = 0xcf,
        TAG_INT8 = 0xd0,
        TAG_INT64 = 0xd3,
        TAG_STR8 = 0xd9,
        TAG_STR32 = 0xdb,
        TAG_ARRAY16 = 0xdc,
        TAG_ARRAY32 = 0xdd,
        TAG_MAP16 = 0xde,
        TAG_MAP32 = 0xdf,
        TAG_NEGFIX = 0xe0,
};

#define FIXSTR_MASK 0x1f /* bits of the tag that hold the length of a short string */
#define FIXMAP_MASK 0x0f /* … the count of a short map or array */

/* PROTOCOL 2.2: "Integers, and the lengths and counts of str, bin, arrays and maps, MUST be in their shortest form." */
/* The least value that needs 1, 2, 4 or 8 bytes, where smaller ones fit a shorter form. */
static const uint64_t uint_least[] = {0x80, 0x100, 0x10000, 0x100000000};
static const int64_t int_most[] = {-33, INT8_MIN - 1, INT16_MIN - 1, (int64_t)INT32_MIN - 1};
static const uint32_t bin_least[] = {0, 0x100, 0x10000};
static const uint32_t str_least[] = {0x20, 0x100, 0x10000};
static const uint32_t count_least[] = {0x10, 0x10000};

struct wire_reader wire_reader(struct span in) {
        return (struct wire_reader){.in = in};
}

bool wire_reader_ok(const struct wire_reader *r) {
        return !r->why;
}

bool wire_reader_end(const struct wire_reader *r) {
        return !r->why && r->at == r->in.n;
}

void wire_reader_fail(struct wire_reader *r, const char *why) {
        if (!r->why)
                r->why = why;
}

/* The next @n bytes, or NULL with the error set. */
static const uint8_t *take(struct wire_reader *r, size_t n) {
        if (r->why)
                return NULL;
        if (n > r->in.n - r->at) {
                wire_reader_fail(r, "ends too early");
                return NULL;
        }
        const uint8_t *p = r->in.p + r->at;
        r->at += n;
        return p;
}

static uint8_t take_tag(struct wire_reader *r) {
        const uint8_t *p = take(r, 1);
        return p ? *p : TAG_NONE;
}

/* A big-endian number of 1, 2, 4 or 8 bytes; 0 with the error set if it is not there. */
static uint64_t take_be(struct wire_reader *r, unsigned width) {
        const uint8_t *p = take(r, width);
        uint64_t v = 0;
        for (unsigned i = 0; p && i < width; i++)
                v = v << 8 | p[i];
        return v;
}

static uint64_t uint_after(struct wire_reader *r, uint8_t tag) {
        unsigned log = tag - TAG_UINT8;
        uint64_t v = take_be(r, 1U << log);
        if (v >= uint_least[log])
                return v;
        wire_reader_fail(r, "integer not in its shortest form");
        return 0;
}

uint64_t wire_get_u64(struct wire_reader *r) {
        uint8_t tag = take_tag(r);
        if (tag < TAG_FIXMAP)
                return tag;
        if (tag >= TAG_UINT8 && tag <= TAG_UINT64)
                return uint_after(r, tag);
        wire_reader_fail(r, "not an unsigned integer");
        return 0;
}

static int64_t int_after(struct wire_reader *r, uint8_t tag) {
        unsigned log = tag - TAG_INT8, unused_bits = 64 - (8U << log);
        int64_t v = (int64_t)(take_be(r, 1U << log) << unused_bits) >> unused_bits;
        if (v <= int_most[log])
                return v;
        wire_reader_fail(r, "integer not in its shortest form");
        return 0;
}

/* What is not negative is written as an unsigned integer, so that each number has one form. */
int64_t wire_get_i64(struct wire_reader *r) {
        uint8_t tag = take_tag(r);
        if (tag < TAG_FIXMAP)
                return tag;
        if (tag >= TAG_NEGFIX)
                return (int8_t)tag;
        if (tag >= TAG_INT8 && tag <= TAG_INT64)
                return int_after(r, tag);
        uint64_t v = 0;
        if (tag >= TAG_UINT8 && tag <= TAG_UINT64)
                v = uint_after(r, tag);
        else
                wire_reader_fail(r, "not an integer");
        if (v <= INT64_MAX)
                return (int64_t)v;
        wire_reader_fail(r, "integer too large");
        return 0;
}

bool wire_get_bool(struct wire_reader *r) {
        uint8_t tag = take_tag(r);
        if (tag != TAG_TRUE && tag != TAG_FALSE)
                wire_reader_fail(r, "not a boolean");
        return tag == TAG_TRUE;
}

/* A length or count of @width bytes, which has to be at least @least: less would fit a shorter form. */
static uint32_t length_after(struct wire_reader *r, unsigned width, uint32_t least) {
        uint32_t n = (uint32_t)take_be(r, width);
        if (n >= least)
                return n;
        wire_reader_fail(r, "length not in its shortest form");
        return 0;
}

static struct span take_span(struct wire_reader *r, uint32_t n) {
        const uint8_t *p = take(r, n);
        return p ? span_of(p, n) : SPAN_NONE;
}

struct span wire_get_bin(struct wire_reader *r) {
        uint8_t tag = take_tag(r);
        if (tag >= TAG_BIN8 && tag <= TAG_BIN32)
                return take_span(r, length_after(r, 1U << (tag - TAG_BIN8), bin_least[tag - TAG_BIN8]));
        wire_reader_fail(r, "not a byte string");
        return SPAN_NONE;
}

static bool is_fixstr(uint8_t tag) {
        return (tag & ~FIXSTR_MASK) == TAG_FIXSTR;
}

struct span wire_get_str(struct wire_reader *r) {
        uint8_t tag = take_tag(r);
        uint32_t n = 0;
        if (is_fixstr(tag))
                n = tag & FIXSTR_MASK;
        else if (tag >= TAG_STR8 && tag <= TAG_STR32)
                n = length_after(r, 1U << (tag - TAG_STR8), str_least[tag - TAG_STR8]);
        else
                wire_reader_fail(r, "not a text");
        struct span s = take_span(r, n);
        /* PROTOCOL 2.7: "it MUST NOT contain U+0000" */
        if (text_utf8(s))
                return s;
        wire_reader_fail(r, "not UTF-8");
        return SPAN_NONE;
}

/* Each value takes a byte at least, so a count beyond what is left is a lie, and no loop ever starts on it. */
static uint32_t count_checked(struct wire_reader *r, uint32_t n, unsigned each) {
        if ((uint64_t)n * each > r->in.n - r->at)
                wire_reader_fail(r, "claims more values than there are bytes");
        return r->why ? 0 : n;
}

uint32_t wire_get_map(struct wire_reader *r) {
        uint8_t tag = take_tag(r);
        uint32_t n = 0;
        if ((tag & ~FIXMAP_MASK) == TAG_FIXMAP)
                n = tag & FIXMAP_MASK;
        else if (tag == TAG_MAP16 || tag == TAG_MAP32)
                n = length_after(r, 2U << (tag - TAG_MAP16), count_least[tag - TAG_MAP16]);
        else
                wire_reader_fail(r, "not a map");
        return count_checked(r, n, 2);
}

uint32_t wire_get_array(struct wire_reader *r) {
        uint8_t tag = take_tag(r);
        uint32_t n = 0;
        if ((tag & ~FIXMAP_MASK) == TAG_FIXARRAY)
                n = tag & FIXMAP_MASK;
        else if (tag == TAG_ARRAY16 || tag == TAG_ARRAY32)
                n = length_after(r, 2U << (tag - TAG_ARRAY16), count_least[tag - TAG_ARRAY16]);
        else
                wire_reader_fail(r, "not an array");
        return count_checked(r, n, 1);
}

#define NO_CONTAINER UINT64_MAX

/* PROTOCOL 2.1: "A decoder MUST refuse nil, floats and ext types, also inside values it skips." */
/* Passes over a scalar, or over the head of a container: then returns how many values are inside. */
static uint64_t skip_head(struct wire_reader *r) {
        if (r->why || r->at == r->in.n) {
                wire_reader_fail(r, "ends too early");
                return NO_CONTAINER;
        }
        uint8_t tag = r->in.p[r->at];
        if ((tag & ~FIXMAP_MASK) == TAG_FIXMAP || tag == TAG_MAP16 || tag == TAG_MAP32)
                return 2 * (uint64_t)wire_get_map(r);
        if ((tag & ~FIXMAP_MASK) == TAG_FIXARRAY || tag == TAG_ARRAY16 || tag == TAG_ARRAY32)
                return wire_get_array(r);
        if (is_fixstr(tag) || (tag >= TAG_STR8 && tag <= TAG_STR32))
                wire_get_str(r);
        else if (tag >= TAG_BIN8 && tag <= TAG_BIN32)
                wire_get_bin(r);
        else if (tag == TAG_TRUE || tag == TAG_FALSE)
                wire_get_bool(r);
        else if (tag < TAG_FIXMAP || (tag >= TAG_UINT8 && tag <= TAG_UINT64))
                wire_get_u64(r);
        else if (tag >= TAG_NEGFIX || (tag >= TAG_INT8 && tag <= TAG_INT64))
                wire_get_i64(r);
        else
                wire_reader_fail(r, "nil, float or ext");
        return NO_CONTAINER;
}

struct span wire_skip(struct wire_reader *r) {
        uint64_t left[WIRE_DEPTH_MAX + 1] = {1}; /* values still to come at each depth */
        unsigned depth = 0, values = 0;
        size_t from = r->at;
        for (;;) {
                while (depth && !left[depth])
                        depth--;
                if (!left[depth])
                        return span_of(r->in.p + from, r->at - from);
                left[depth]--;
                /* PROTOCOL 2.5: "A skipped value MUST consist of at most 256 values in all, itself and every key
                 * counted, with containers nested at most 4 deep." */
                if (++values > WIRE_SKIP_MAX)
                        wire_reader_fail(r, "too many values");
                uint64_t inside = skip_head(r);
                if (inside != NO_CONTAINER && depth == WIRE_DEPTH_MAX)
                        wire_reader_fail(r, "nested too deep");
                if (r->why)
                        return SPAN_NONE;
                if (inside != NO_CONTAINER)
                        left[++depth] = inside;
        }
}
