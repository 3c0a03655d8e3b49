/* SPDX-License-Identifier: Apache-2.0 */
/* Names: what is refused, and which two look alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "roster/name.h"

static void test_fine(void **state) {
        (void)state;
        static const char *const fine[] = {
                "Smith",
                "The Smiths",
                "Müller-Lüdenscheidt",
                "O'Brien & Sons",
                "No. 112",
                "Flat 911",
                "Familie Özdemir",
                "Семья Ивановых",
                "山田",
                "محمد",
                "House 🏠",
                "Policeman's Rest",
                "Stewart",
                "Administrative Lane 4",
                "Cityoffice",
                "12345678901234567890123456789012",
        };
        for (size_t i = 0; i < ARRAY_LEN(fine); i++)
                if (name_check(span_str(fine[i])))
                        fail_msg("%s: %s", fine[i], name_error_text(name_check(span_str(fine[i]))));
}

static void test_length(void **state) {
        (void)state;
        assert_int_equal(name_check(SPAN_NONE), NAME_E_LENGTH);
        assert_int_equal(name_check(SPAN_STR("123456789012345678901234567890123")), NAME_E_LENGTH);
        assert_int_equal(name_check_mesh(SPAN_STR("123456789012345678901234567890123")), NAME_E_LENGTH);
}

static void test_characters(void **state) {
        (void)state;
        static const char *const refused[] = {
                " Smith",
                "Smith ",
                "Smith  Jones",
                "Sm\tith",
                "Smith\n",
                "Sm\x7fith",
                "Sm\xc2\x85ith",
                "Sm\xe2\x80\xaeith",
                "Sm\xe2\x80\x8bith",
                "Sm\xef\xbb\xbfith",
                "Sm\xc2\xadith",
                "Sm\xc2\xa0ith",
                "Sm\xe3\x80\x80ith",
                "a/b",
                "a+b",
                "#1",
                "a*b",
                "\xff",
                "\xc0\x80",
                "\xed\xa0\x80",
                "Sm\xf3\xa0\x81\x81ith",
                "Sm\xe2\x81\xa6ith",
                " ",
        };
        for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
                assert_int_equal(name_check(span_str(refused[i])), NAME_E_INPUT);
                assert_int_equal(name_check_mesh(span_str(refused[i])), NAME_E_INPUT);
        }
        assert_int_equal(name_check(span_of("a\0b", 3)), NAME_E_INPUT);
}

static void test_roles(void **state) {
        (void)state;
        static const char *const refused[] = {
                "Police",
                "police",
                "POLICE",
                "Elm Street Police",
                "P0lice",
                "Po1ice",
                "PoIice",
                "Pol|ce",
                "Роlice",
                "Ρolice",
                "pólice",
                "P o l i c e",
                "Police!",
                "(Police)",
                "Police-Desk",
                "Polizei",
                "POLIZEI",
                "Fire Brigade",
                "Elm fire department",
                "Feuerwehr",
                "Ambulance",
                "112",
                "911",
                "9 1 1",
                "Steward",
                "The Adrnin",
                "Admin",
                "Moderator",
                "Porchlight",
                "City of Elm",
                "Council",
                "Sheriff Bob",
                "Official Alerts",
                "Security Service",
                "Ｐｏｌｉｃｅ",
                "𝐏𝐨𝐥𝐢𝐜𝐞",
                "Полиция",
                "emergency",
                "Call 911",
        };
        for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
                int e = name_check(span_str(refused[i]));
                if (e != NAME_E_ROLE && e != NAME_E_INPUT)
                        fail_msg("%s is taken", refused[i]);
        }
        assert_int_equal(name_check(SPAN_STR("Police")), NAME_E_ROLE);
        assert_int_equal(name_check_mesh(SPAN_STR("Police Street")), 0);
}

static bool alike(const char *a, const char *b) {
        _clean_(buf_fini) struct buf x = BUF_NULL, y = BUF_NULL;
        name_skeleton(&x, span_str(a));
        name_skeleton(&y, span_str(b));
        assert_true(x.n <= 32 && y.n <= 32);
        return span_eq(buf_span(&x), buf_span(&y));
}

static void test_look_alikes(void **state) {
        (void)state;
        assert_true(alike("Smith", "SMITH"));
        assert_true(alike("Smith", "Srnith"));
        assert_true(alike("Smith", "Sm1th"));
        assert_true(alike("Smith", "SmIth"));
        assert_true(alike("Smith", "Smlth"));
        assert_true(alike("Bob", "B0b"));
        assert_true(alike("The Smiths", "TheSmiths"));
        assert_true(alike("Cope", "Соре")); /* Cyrillic */
        assert_true(alike("Ana", "Αna"));   /* Greek */
        assert_true(alike("Willow", "VVillow"));
        assert_true(alike("Jose", "José"));
        assert_true(alike("Jose", "Jose\xcc\x81"));
        assert_true(alike("Strasse", "Straße"));
        assert_true(alike("Alice", "Ａｌｉｃｅ"));
        assert_false(alike("Smith", "Smyth"));
        assert_false(alike("Number 2", "Number 3"));
        assert_false(alike("Иванов", "Петров"));
        assert_false(alike("山田", "山口"));
}

static void test_skeleton_of_anything(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf b = BUF_NULL;
        for (unsigned i = 0; i < 0x110000; i += i < 0x3000 ? 1 : 37) {
                uint8_t utf8[4];
                size_t n = i < 0x80 ? 1 : i < 0x800 ? 2 : i < 0x10000 ? 3 : 4;
                unsigned cp = i;
                for (size_t k = n; k-- > 1; cp >>= 6)
                        utf8[k] = (uint8_t)(0x80 | (cp & 0x3f));
                utf8[0] = (uint8_t)(n == 1 ? cp : (0xf00u >> n & 0xff) | cp);
                if (!text_utf8(span_of(utf8, n)))
                        continue;
                buf_clear(&b);
                name_skeleton(&b, span_of(utf8, n));
                assert_true(b.n <= n);
                assert_true(text_utf8(buf_span(&b)));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fine),        cmocka_unit_test(test_length),
                cmocka_unit_test(test_characters),  cmocka_unit_test(test_roles),
                cmocka_unit_test(test_look_alikes), cmocka_unit_test(test_skeleton_of_anything),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
