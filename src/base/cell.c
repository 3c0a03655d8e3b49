/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A geohash cell is a rectangle of a grid of 2^n columns and 2^m rows; its name is the two numbers with their bits
 * interleaved, longitude first. Everything here goes through column and row, and through the centre in millionths of a
 * degree, which is computed in integers: two homes agree on every name and centre whatever their floating point does.
 */
#include "base/cell.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>

#define CHAR_BITS 5
#define EARTH_M 6371008.8 /* mean radius, IUGG */
#define TURN_E6 360000000
#define HALF_TURN_E6 180000000
#define DEGREE_E6 1e6
#define POLE_COS 1e-12      /* nearer to a pole than a micrometre */
#define ROUNDING_M 1.0      /* cell_distance_m() rounds; a cover is generous by as much */
#define PARSE_MAX_DIGITS 15 /* a double holds so many exactly */

static const char alphabet[] = "0123456789bcdefghjkmnpqrstuvwxyz";

struct grid {
        unsigned column_bits, row_bits;
};

static struct grid grid_of(int chars) {
        unsigned bits = (unsigned)chars * CHAR_BITS;
        return (struct grid){(bits + 1) / 2, bits / 2};
}

static mesh_cell cell_make(int chars, uint32_t column, uint32_t row) {
        mesh_cell c = 1;
        struct grid g = grid_of(chars);
        for (int bit = 0; bit < chars * CHAR_BITS; bit++) {
                bool east = bit % 2 == 0;
                uint32_t v = east ? column >> --g.column_bits : row >> --g.row_bits;
                c = c << 1 | (v & 1);
        }
        return c;
}

static void cell_split(mesh_cell c, uint32_t *ret_column, uint32_t *ret_row) {
        uint32_t column = 0, row = 0;
        for (int bit = cell_chars(c) * CHAR_BITS - 1, i = 0; bit >= 0; bit--, i++) {
                uint32_t *to = i % 2 == 0 ? &column : &row;
                *to = *to << 1 | (uint32_t)(c >> bit & 1);
        }
        *ret_column = column;
        *ret_row = row;
}

int cell_chars(mesh_cell c) {
        if (c >> (CELL_AREA * CHAR_BITS) == 1)
                return CELL_AREA;
        return c >> (CELL_BLOCK * CHAR_BITS) == 1 ? CELL_BLOCK : 0;
}

bool cell_valid(mesh_cell c) {
        return cell_chars(c) != 0;
}

static bool chars_valid(int chars) {
        return chars == CELL_AREA || chars == CELL_BLOCK;
}

/* The strip of 2^@bits between 0 and 1 that @share lies in; the upper end belongs to the last. */
static uint32_t strip(double share, unsigned bits) {
        double strips = (double)(1u << bits);
        return (uint32_t)fmin(floor(share * strips), strips - 1);
}

mesh_cell cell_at(double lat, double lon, int chars) {
        if (!chars_valid(chars) || !(lat >= -90 && lat <= 90) || !(lon >= -180 && lon <= 180))
                return 0;
        /* Always by way of the block, so that an area is the block's area whatever was rounded. */
        struct grid g = grid_of(CELL_BLOCK);
        uint32_t column = strip((lon + 180) / 360, g.column_bits);
        uint32_t row = strip((lat + 90) / 180, g.row_bits);
        return cell_coarsen(cell_make(CELL_BLOCK, column, row), chars);
}

mesh_cell cell_coarsen(mesh_cell c, int chars) {
        int have = cell_chars(c);
        if (!have || !chars_valid(chars))
                return 0;
        return have > chars ? c >> ((have - chars) * CHAR_BITS) : c;
}

void cell_centre_e6(mesh_cell c, int32_t *ret_lat, int32_t *ret_lon) {
        uint32_t column, row;
        struct grid g = grid_of(cell_chars(c));
        cell_split(c, &column, &row);
        *ret_lon = (int32_t)(((2 * (int64_t)column + 1) * TURN_E6 >> (g.column_bits + 1)) - TURN_E6 / 2);
        *ret_lat = (int32_t)(((2 * (int64_t)row + 1) * HALF_TURN_E6 >> (g.row_bits + 1)) - HALF_TURN_E6 / 2);
}

static double radians_e6(int32_t e6) {
        return e6 / DEGREE_E6 * M_PI / 180;
}

/* Haversine: exact enough for next-door cells, where the cosine of the angle is not. */
uint32_t cell_distance_m(mesh_cell a, mesh_cell b) {
        int32_t lat_a, lon_a, lat_b, lon_b;
        if (!cell_valid(a) || !cell_valid(b))
                return UINT32_MAX;
        cell_centre_e6(a, &lat_a, &lon_a);
        cell_centre_e6(b, &lat_b, &lon_b);
        double up = sin(radians_e6(lat_b - lat_a) / 2);
        double across = sin((lon_b - lon_a) / DEGREE_E6 * M_PI / 180 / 2);
        double h = up * up + cos(radians_e6(lat_a)) * cos(radians_e6(lat_b)) * across * across;
        return (uint32_t)lround(2 * EARTH_M * asin(fmin(1, sqrt(h))));
}

void cell_text(struct buf *out, mesh_cell c) {
        for (int left = cell_chars(c); left > 0; left--)
                buf_add_u8(out, (uint8_t)alphabet[c >> ((left - 1) * CHAR_BITS) & 31]);
}

/* Any geohash of 6 characters or more; what stands behind the seventh is only checked, never kept. */
static mesh_cell parse_geohash(struct span s) {
        mesh_cell c = 1;
        if (s.n < CELL_AREA)
                return 0;
        for (size_t i = 0; i < s.n; i++) {
                uint8_t letter = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (uint8_t)(s.p[i] | 0x20) : s.p[i];
                const char *at = memchr(alphabet, letter, sizeof(alphabet) - 1);
                if (!at)
                        return 0;
                if (i < CELL_BLOCK)
                        c = c << CHAR_BITS | (mesh_cell)(at - alphabet);
        }
        return c;
}

static struct span trim(struct span s) {
        while (s.n && *s.p == ' ')
                s = span_from(s, 1);
        while (s.n && s.p[s.n - 1] == ' ')
                s.n--;
        return s;
}

/* Decimal degrees. Not strtod(): it reads "nan", "0x1p4" and the locale's comma. */
static bool parse_degrees(struct span s, double *ret) {
        double v = 0, unit = 1;
        size_t digits = 0, kept = 0;
        bool point = false, minus = s.n && *s.p == '-';
        if (s.n && (*s.p == '-' || *s.p == '+'))
                s = span_from(s, 1);
        for (; s.n; s = span_from(s, 1)) {
                if (*s.p == '.' && !point) {
                        point = true;
                        continue;
                }
                if (*s.p < '0' || *s.p > '9' || (!point && kept == PARSE_MAX_DIGITS))
                        return false;
                digits++;
                if (kept == PARSE_MAX_DIGITS)
                        continue;
                kept++;
                v = v * 10 + (*s.p - '0');
                unit = point ? unit * 10 : unit;
        }
        if (!digits)
                return false;
        *ret = (minus ? -v : v) / unit;
        return true;
}

static mesh_cell parse_pair(struct span s) {
        double lat, lon;
        const uint8_t *comma = s.n ? memchr(s.p, ',', s.n) : NULL;
        if (!comma)
                return 0;
        size_t at = (size_t)(comma - s.p);
        if (!parse_degrees(trim(span_of(s.p, at)), &lat) || !parse_degrees(trim(span_from(s, at + 1)), &lon))
                return 0;
        return cell_at(lat, lon, CELL_BLOCK);
}

/* RFC 5870: "geo:LAT,LON[,ALT][;crs=…][;u=…][;…]". Another globe than WGS 84 is another place. */
static mesh_cell parse_geo(struct span s) {
        static const struct span crs = SPAN_STR(";crs="), wgs84 = SPAN_STR("wgs84");
        const uint8_t *end = s.n ? memchr(s.p, ';', s.n) : NULL;
        struct span pair = end ? span_of(s.p, (size_t)(end - s.p)) : s;
        struct span rest = span_from(s, pair.n);
        if (rest.n >= crs.n && text_eq_nocase(span_of(rest.p, crs.n), crs)) {
                struct span name = span_from(rest, crs.n);
                const uint8_t *next = name.n ? memchr(name.p, ';', name.n) : NULL;
                name.n = next ? (size_t)(next - name.p) : name.n;
                if (!text_eq_nocase(name, wgs84))
                        return 0;
        }
        const uint8_t *first = pair.n ? memchr(pair.p, ',', pair.n) : NULL;
        const uint8_t *second = first ? memchr(first + 1, ',', (size_t)(pair.p + pair.n - first - 1)) : NULL;
        double altitude;
        if (second && !parse_degrees(span_of(second + 1, (size_t)(pair.p + pair.n - second - 1)), &altitude))
                return 0;
        return parse_pair(second ? span_of(pair.p, (size_t)(second - pair.p)) : pair);
}

mesh_cell cell_parse(struct span s) {
        static const struct span scheme = SPAN_STR("geo:");
        s = trim(s);
        if (s.n >= scheme.n && text_eq_nocase(span_of(s.p, scheme.n), scheme))
                return parse_geo(span_from(s, scheme.n));
        mesh_cell c = parse_pair(s);
        return c ? c : parse_geohash(s);
}

/* The circle of a cover: where it is and how far it reaches, in radians. */
struct circle {
        double lat, lon, reach;
};

/* The cosine of the longitude at which the circle crosses the parallel @lat, as seen from its centre: above 1 it does not
 * reach the parallel, below -1 it holds all of it. */
static double crossing(const struct circle *o, double lat) {
        double over = cos(o->reach) - sin(o->lat) * sin(lat);
        double under = cos(o->lat) * cos(lat);
        if (under < POLE_COS)
                return over <= 0 ? -2 : 2;
        return over / under;
}

/* How far east and west of its centre the circle reaches between the parallels @south and @north; <0 not at all. It is
 * widest at one of them, or where a meridian touches it. */
static double half_width(const struct circle *o, double south, double north) {
        double least = fmin(crossing(o, south), crossing(o, north));
        if (o->lat >= south && o->lat <= north)
                least = fmin(least, crossing(o, o->lat));
        double touch = sin(o->lat) / cos(o->reach);
        if (fabs(touch) <= 1 && asin(touch) > south && asin(touch) < north)
                least = fmin(least, crossing(o, asin(touch)));
        if (least > 1)
                return -1;
        return least <= -1 ? M_PI : acos(least);
}

static int cell_order(const void *a, const void *b) {
        mesh_cell x = *(const mesh_cell *)a, y = *(const mesh_cell *)b;
        return (x > y) - (x < y);
}

/* Adds the cells of @row that lie within @half of the circle's centre; @n were there before. Returns the new number. */
static size_t cover_row(const struct circle *o, double half, int chars, uint32_t row, mesh_cell *ret, size_t n,
                        size_t max) {
        int64_t columns = INT64_C(1) << grid_of(chars).column_bits;
        double per_radian = (double)columns / (2 * M_PI);
        int64_t first = (int64_t)floor((o->lon - half + M_PI) * per_radian);
        int64_t last = (int64_t)floor((o->lon + half + M_PI) * per_radian);
        int64_t count = MIN(last - first + 1, columns);
        for (int64_t i = 0; i < count && n + (size_t)i < max; i++)
                ret[n + (size_t)i] = cell_make(chars, (uint32_t)((first + i + columns) % columns), row);
        return n + (size_t)count;
}

size_t cell_cover(mesh_cell c, uint32_t metres, int chars, mesh_cell *ret, size_t max) {
        int32_t lat, lon;
        if (!cell_valid(c) || !chars_valid(chars))
                return 0;
        cell_centre_e6(c, &lat, &lon);
        struct circle o = {radians_e6(lat), radians_e6(lon), fmin((metres + ROUNDING_M) / EARTH_M, M_PI)};
        unsigned bits = grid_of(chars).row_bits;
        double height = M_PI / (double)(1u << bits);
        uint32_t first = strip(fmax((o.lat - o.reach) / M_PI + 0.5, 0), bits);
        uint32_t last = strip(fmin((o.lat + o.reach) / M_PI + 0.5, 1), bits);
        size_t n = 0;
        for (uint32_t row = first; row <= last; row++) {
                double half = half_width(&o, row * height - M_PI / 2, (row + 1) * height - M_PI / 2);
                if (half >= 0)
                        n = cover_row(&o, half, chars, row, ret, n, max);
        }
        if (n && max)
                qsort(ret, MIN(n, max), sizeof(*ret), cell_order);
        return n;
}

void cell_range(mesh_cell c, uint64_t *ret_first, uint64_t *ret_last) {
        int chars = cell_chars(c);
        unsigned below = (unsigned)(CELL_BLOCK - chars) * CHAR_BITS;
        *ret_first = chars ? (c << below) ^ UINT64_C(1) << (CELL_BLOCK * CHAR_BITS) : 1;
        *ret_last = chars ? *ret_first + (UINT64_C(1) << below) - 1 : 0; /* no place: an empty range */
}
