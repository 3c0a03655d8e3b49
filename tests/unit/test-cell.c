/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cell.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_text(mesh_cell c, const char *want) {
        _clean_(buf_fini) struct buf b = BUF_NULL;
        cell_text(&b, c);
        assert_string_equal(buf_cstr(&b), want);
}

static mesh_cell parse(const char *s) {
        return cell_parse(span_str(s));
}

static uint64_t next_random(uint64_t *state) {
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        return *state * 0x2545f4914f6cdd1du;
}

static double between(uint64_t *state, double low, double high) {
        return low + (high - low) * (double)(next_random(state) >> 11) / (double)(1ull << 53);
}

static void known_cells(void **state) {
        (void)state;
        static const struct {
                double lat, lon;
                const char *block;
        } rows[] = {{52.5, 13.4, "u33d8vm"},     {52.52, 13.405, "u33dc0c"},      {57.64911, 10.40744, "u4pruyd"},
                    {42.605, -5.603, "ezs42s0"}, {37.7749, -122.4194, "9q8yyk8"}, {-33.8688, 151.2093, "r3gx2f7"},
                    {0, 0, "s000000"},           {-90, -180, "0000000"},          {90, 180, "zzzzzzz"},
                    {-90, 180, "pbpbpbp"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                char area[CELL_AREA + 1] = "";
                memcpy(area, rows[i].block, CELL_AREA);
                assert_text(cell_at(rows[i].lat, rows[i].lon, CELL_BLOCK), rows[i].block);
                assert_text(cell_at(rows[i].lat, rows[i].lon, CELL_AREA), area);
        }
        assert_true(cell_at(52.5, 13.4, CELL_AREA) >> 30 == 1);
        assert_true(cell_at(52.5, 13.4, CELL_BLOCK) >> 35 == 1);
}

static void off_the_globe(void **state) {
        (void)state;
        static const double nowhere[][2] = {{90.1, 0}, {-91, 0}, {0, 180.5},    {0, -181},
                                            {NAN, 0},  {0, NAN}, {INFINITY, 0}, {0, -INFINITY}};
        for (size_t i = 0; i < ARRAY_LEN(nowhere); i++)
                assert_int_equal(cell_at(nowhere[i][0], nowhere[i][1], CELL_BLOCK), 0);
        static const int chars[] = {-1, 0, 5, 8, 100};
        for (size_t i = 0; i < ARRAY_LEN(chars); i++) {
                assert_int_equal(cell_at(1, 1, chars[i]), 0);
                assert_int_equal(cell_coarsen(cell_at(1, 1, CELL_BLOCK), chars[i]), 0);
        }
}

/* No number of 64 bits may do harm, wherever it is put. */
static void any_number(void **state) {
        (void)state;
        uint64_t random = 7;
        for (int i = 0; i < 20000; i++) {
                mesh_cell c = next_random(&random) >> (next_random(&random) & 63), some[4];
                int32_t lat, lon;
                uint64_t first, last;
                _clean_(buf_fini) struct buf b = BUF_NULL;
                cell_text(&b, c);
                assert_int_equal(b.n, cell_chars(c));
                assert_int_equal(cell_valid(c), b.n > 0);
                cell_centre_e6(c, &lat, &lon);
                assert_true(abs(lat) <= 90000000 && abs(lon) <= 180000000);
                assert_int_equal(cell_distance_m(c, c), cell_valid(c) ? 0 : UINT32_MAX);
                cell_range(c, &first, &last);
                assert_int_equal(last + 1 - first, cell_chars(c) == CELL_AREA    ? 32
                                                   : cell_chars(c) == CELL_BLOCK ? 1
                                                                                 : 0);
                assert_int_equal(cell_cover(c, 10, CELL_AREA, some, ARRAY_LEN(some)) > 0, cell_valid(c));
                if (cell_valid(c))
                        assert_true(parse(buf_cstr(&b)) == c);
        }
        assert_false(cell_valid(0));
        assert_false(cell_valid(1));
        assert_false(cell_valid(UINT64_MAX));
}

static void reads_places(void **state) {
        (void)state;
        mesh_cell berlin = cell_at(52.5, 13.4, CELL_BLOCK);
        static const char *const same[] = {"52.5,13.4",
                                           "52.5, 13.4",
                                           " +52.50 ,+13.400 ",
                                           "geo:52.5,13.4",
                                           "GEO:52.5,13.4,30",
                                           "geo:52.5,13.4;u=35",
                                           "geo:52.5,13.4;crs=WGS84;u=35",
                                           "u33d8vm",
                                           "U33D8VM",
                                           "u33d8vmbcdef"};
        for (size_t i = 0; i < ARRAY_LEN(same); i++)
                assert_true(parse(same[i]) == berlin);
        assert_true(parse("u33d8v") == cell_at(52.5, 13.4, CELL_AREA));
        assert_true(parse("-33.8688,151.2093") == cell_at(-33.8688, 151.2093, CELL_BLOCK));
        assert_true(parse("0,0") == cell_at(0, 0, CELL_BLOCK));
        assert_true(parse(".5,-.5") == cell_at(.5, -.5, CELL_BLOCK));
}

/* T17: long, deep and malformed input is refused in one pass, without recursion or allocation. */
static void refuses_places(void **state) {
        (void)state;
        static const char *const bad[] = {"",
                                          " ",
                                          "home",
                                          "u33d8",
                                          "u33d8a",
                                          "u33d8z+",
                                          "u33d8z#",
                                          "u33d8z*",
                                          "u33d8z/",
                                          "52.5",
                                          "52.5,",
                                          ",13.4",
                                          ",",
                                          "52.5;13.4",
                                          "91,0",
                                          "0,181",
                                          "-90.0001,0",
                                          "nan,0",
                                          "inf,0",
                                          "0x10,5",
                                          "1e1,5",
                                          "52.5.1,13",
                                          "--5,1",
                                          "+-5,1",
                                          "52.5,13.4,30",
                                          "geo:",
                                          "geo:52.5",
                                          "geo:52.5,13.4,",
                                          "geo:52.5,13.4,x",
                                          "geo:52.5,13.4;crs=moon",
                                          "geo:,",
                                          "geo:u33d8vm",
                                          "52,5,13,4",
                                          "9999999999999999999999999,0",
                                          "u33d8z 1",
                                          "5 2,13",
                                          "\xff\xff\xff\xff\xff\xff\xff"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (parse(bad[i]))
                        fail_msg("'%s' is read as a place", bad[i]);
        assert_int_equal(cell_parse(SPAN_NONE), 0);
        assert_int_equal(cell_parse(span_of("u33d8z\0", 7)), 0);
        static char deep[100000];
        static const char fill[] = {'u', '9', ',', '.', ' ', '/', '+', '\0', '-', ';'};
        for (size_t i = 0; i < sizeof(fill); i++) {
                memset(deep, fill[i], sizeof(deep));
                mesh_cell c = cell_parse(span_of(deep, sizeof(deep)));
                assert_true(c == 0 || fill[i] == 'u' || fill[i] == '9'); /* those two spell a very long geohash */
                memcpy(deep, "geo:", 4);
                assert_int_equal(cell_parse(span_of(deep, sizeof(deep))), 0);
        }
}

static void snapping(void **state) {
        (void)state;
        uint64_t random = 3;
        for (int i = 0; i < 20000; i++) {
                double lat = between(&random, -90, 90), lon = between(&random, -180, 180);
                mesh_cell block = cell_at(lat, lon, CELL_BLOCK), area = cell_at(lat, lon, CELL_AREA);
                int32_t lat_e6, lon_e6;
                assert_true(cell_coarsen(block, CELL_AREA) == area);
                assert_true(cell_coarsen(area, CELL_BLOCK) == area);
                cell_centre_e6(block, &lat_e6, &lon_e6);
                assert_true(fabs(lat_e6 / 1e6 - lat) <= 180.0 / (1 << 17) / 2 + 1e-6);
                assert_true(fabs(lon_e6 / 1e6 - lon) <= 360.0 / (1 << 18) / 2 + 1e-6);
                assert_true(cell_at(lat_e6 / 1e6, lon_e6 / 1e6, CELL_BLOCK) == block);
                uint64_t first, last, one, same;
                cell_range(area, &first, &last);
                cell_range(block, &one, &same);
                assert_true(one == same && first <= one && one <= last);
        }
}

static void assert_near(uint32_t got, double want, double tolerance) {
        if (fabs(got - want) > tolerance)
                fail_msg("%u m, not %.0f m", got, want);
}

static void distances(void **state) {
        (void)state;
        /* Great circles on the mean sphere; a block's centre is at most 110 m from what it stands for. */
        assert_near(cell_distance_m(parse("52.5200,13.4050"), parse("48.8566,2.3522")), 877463, 250);
        assert_near(cell_distance_m(parse("51.5074,-0.1278"), parse("40.7128,-74.0060")), 5570222, 250);
        assert_near(cell_distance_m(parse("0,179.9993"), parse("0,-179.9993")), 156, 160);
        assert_near(cell_distance_m(parse("0,0"), parse("0,180")), M_PI * 6371008.8, 250);
        assert_near(cell_distance_m(parse("89.9999,0"), parse("89.9999,180")), 153, 10);
        assert_int_equal(cell_distance_m(parse("52.5,13.4"), 0), UINT32_MAX);
        uint64_t random = 5;
        for (int i = 0; i < 5000; i++) {
                mesh_cell a = cell_at(between(&random, -90, 90), between(&random, -180, 180), CELL_BLOCK);
                mesh_cell b = cell_at(between(&random, -90, 90), between(&random, -180, 180), CELL_AREA);
                assert_int_equal(cell_distance_m(a, b), cell_distance_m(b, a));
                assert_true(cell_distance_m(a, b) <= 20015115);
        }
}

static bool holds(const mesh_cell *cells, size_t n, mesh_cell c) {
        for (size_t i = 0; i < n; i++)
                if (cells[i] == c)
                        return true;
        return false;
}

static void assert_sorted(const mesh_cell *cells, size_t n) {
        for (size_t i = 1; i < n; i++)
                assert_true(cells[i - 1] < cells[i]);
}

static void small_cover(void **state) {
        (void)state;
        mesh_cell got[64], berlin = cell_at(52.5, 13.4, CELL_BLOCK);
        assert_int_equal(cell_cover(berlin, 0, CELL_BLOCK, got, ARRAY_LEN(got)), 1);
        assert_true(got[0] == berlin);
        assert_int_equal(cell_cover(berlin, 0, CELL_AREA, got, ARRAY_LEN(got)), 1);
        assert_true(got[0] == cell_coarsen(berlin, CELL_AREA));
        /* A block here is 93 m wide and 153 m high: 80 m touch the neighbours on all four sides and no corner. */
        size_t n = cell_cover(berlin, 80, CELL_BLOCK, got, ARRAY_LEN(got));
        assert_int_equal(n, 5);
        assert_sorted(got, n);
        assert_int_equal(cell_cover(berlin, 80, CELL_BLOCK, got, 2), 5);
        assert_sorted(got, 2);
        assert_int_equal(cell_cover(berlin, 80, CELL_BLOCK, NULL, 0), 5);
        assert_int_equal(cell_cover(0, 80, CELL_BLOCK, got, 2), 0);
        assert_int_equal(cell_cover(berlin, 80, 5, got, 2), 0);
}

#define COVER_MAX (1 << 16)

/* Around @c: every cell within the radius is in the cover, and every cell of the cover is within radius and half a cell. */
static void check_cover(mesh_cell c, uint32_t metres, int chars, uint64_t *random) {
        static mesh_cell got[COVER_MAX];
        int32_t lat, lon;
        size_t n = cell_cover(c, metres, chars, got, COVER_MAX);
        assert_true(n > 0 && n <= COVER_MAX);
        assert_sorted(got, n);
        assert_true(holds(got, n, cell_coarsen(c, chars)));
        cell_centre_e6(c, &lat, &lon);
        double up = metres * 1.2 / 111195 + 0.02, across = fmin(180, up / fmax(cos(lat / 1e6 * M_PI / 180), 1e-4));
        for (int i = 0; i < 400; i++) {
                double at_lat = fmax(-90, fmin(90, lat / 1e6 + between(random, -up, up)));
                double at_lon = lon / 1e6 + between(random, -across, across);
                at_lon += at_lon < -180 ? 360 : at_lon > 180 ? -360 : 0;
                mesh_cell near = cell_at(at_lat, at_lon, chars);
                if (cell_distance_m(c, near) <= metres)
                        assert_true(holds(got, n, near));
        }
        uint32_t half = chars == CELL_AREA ? 690 : 110; /* half a diagonal, at the equator, where it is longest */
        for (size_t i = 0; i < n; i++)
                assert_true(cell_distance_m(c, got[i]) <= metres + half);
}

static void covers(void **state) {
        (void)state;
        uint64_t random = 11;
        for (int i = 0; i < 300; i++) {
                double lat = i % 5 == 0 ? between(&random, 89.5, 90) : between(&random, -90, 90);
                double lon = i % 7 == 0 ? between(&random, 179.99, 180) : between(&random, -180, 180);
                mesh_cell c = cell_at(i % 10 == 5 ? -lat : lat, lon, CELL_BLOCK);
                bool near_pole = fabs(lat) > 85; /* meridians meet there, and so do very many cells */
                check_cover(c, (uint32_t)(next_random(&random) % (near_pole ? 300 : 3000)), CELL_AREA, &random);
                if (!near_pole)
                        check_cover(c, (uint32_t)(next_random(&random) % 800), CELL_BLOCK, &random);
        }
}

/* Radii that no neighbourhood has still count right: the whole globe has 2^30 areas. */
static void whole_globe(void **state) {
        (void)state;
        mesh_cell some[8], c = cell_at(52.5, 13.4, CELL_BLOCK);
        assert_int_equal(cell_cover(c, UINT32_MAX, CELL_AREA, some, ARRAY_LEN(some)), 1u << 30);
        assert_int_equal(cell_cover(c, 20015115, CELL_AREA, some, ARRAY_LEN(some)), 1u << 30);
        size_t half = cell_cover(cell_at(0, 0, CELL_BLOCK), 10007557, CELL_AREA, some, ARRAY_LEN(some));
        assert_true(half > (1u << 29) && half < (1u << 29) + (1u << 18));
        assert_sorted(some, ARRAY_LEN(some));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(known_cells),  cmocka_unit_test(off_the_globe),  cmocka_unit_test(any_number),
                cmocka_unit_test(reads_places), cmocka_unit_test(refuses_places), cmocka_unit_test(snapping),
                cmocka_unit_test(distances),    cmocka_unit_test(small_cover),    cmocka_unit_test(covers),
                cmocka_unit_test(whole_globe),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
