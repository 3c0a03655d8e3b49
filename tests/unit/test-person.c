/* SPDX-License-Identifier: Apache-2.0 */
/* Which texts are asked about, and which go out as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/person.h"

static void asked_about(void **state) {
        static const char *const texts[] = {
                "Man in a dark hoodie near the school",
                "Suspicious guy walking up and down Elm Street",
                "two young males, tracksuits, standing at the corner",
                "WOMAN WITH HEADSCARF looking at houses",
                "Dark-skinned man sitting in a car",
                "Gypsies in the street again",
                "Hooded figure at the garages",
                "foreigners with a white van",
                "someone wearing a mask and gloves",
                "Tall person, black jacket.",
                "he is bald and has tattoos",
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                if (!person_described(span_str(texts[i])))
                        fail_msg("not asked about: %s", texts[i]);
}

static void go_out(void **state) {
        static const char *const texts[] = {
                "",
                "smoke from the black house",
                "Black ice on the road, very dark there",
                "White van blocks the drive",
                "Man tried the doors of parked cars",
                "Young man in a hoodie is breaking into number 12",
                "Two people took parcels from the doorstep of no. 9",
                "Somebody in a yellow jacket rang and claimed to read meters",
                "Old lady fell on the ice at the bus stop",
                "Someone sprayed the wall of the school",
                "Grey cat with a white tail",
                "A loud bang and dark smoke behind the garages",
                "Old oak lies across the path",
                "People meet at seven in the yard",
                "Strange noise from the transformer, does somebody hear it too?",
                "\xff\xfe man \x80 black\xc0",
        };
        (void)state;
        for (size_t i = 0; i + 1 < ARRAY_LEN(texts); i++)
                if (person_described(span_str(texts[i])))
                        fail_msg("asked about: %s", texts[i]);
        person_described(span_str(texts[ARRAY_LEN(texts) - 1])); /* not UTF-8: any answer, no fault */
}

static void asked_about_in_german(void **state) {
        static const char *const texts[] = {
                "Mann mit Kapuze vor der Schule",
                "Verdächtiger Typ läuft die Ulmenstraße auf und ab",
                "zwei junge Männer, Jogginghosen, stehen an der Ecke",
                "FRAU MIT KOPFTUCH SIEHT SICH HÄUSER AN",
                "Dunkelhäutiger Mann sitzt im Auto",
                "Dunkelhaeutiger Mann sitzt im Auto",
                "Schon wieder Zigeuner in der Straße",
                "Vermummte Gestalten bei den Garagen",
                "Ausländer mit weißem Lieferwagen",
                "jemand mit Maske und Handschuhen",
                "Südländisch aussehender Kerl, schwarze Lederjacke.",
                "A\xcc\x88ltere Frau mit Akzent geht von Haus zu Haus",
                "Flüchtlinge auf dem Spielplatz",
                "Jugendliche in schwarzen Kapuzenpullis",
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                if (!person_described(span_str(texts[i])))
                        fail_msg("not asked about: %s", texts[i]);
}

static void go_out_in_german(void **state) {
        static const char *const texts[] = {
                "Man sieht schwarzen Rauch hinter der Schule",
                "Man riecht es im ganzen Haus",
                "Eine Person hat den Schlüssel im Hof",
                "Weiß jemand, warum der Strom weg ist?",
                "Es ist dunkel auf der Brücke, kommt jemand?",
                "Frau Schwarz lädt zum Hoffest",
                "Mann hat an Türen geparkter Autos gerüttelt",
                "Ein junger Mann im Kapuzenpulli bricht in Nummer 12 ein",
                "Zwei Männer haben Pakete vor Nr. 9 mitgenommen",
                "Jemand in gelber Jacke klingelte und behauptete, Zähler abzulesen",
                "Alte Dame ist an der Haltestelle auf dem Eis gestürzt",
                "Älterer Mann liegt am Boden und blutet",
                "Jemand besprüht die Wand der Schule",
                "Graue Katze mit weißem Schwanz",
                "Lauter Knall und dunkler Rauch hinter den Garagen",
                "Alte Eiche quer über dem Weg",
                "Die Leute treffen sich um sieben im Hof",
                "Junge schwarze Katze im Keller",
                "Unbekannter schwarzer Wagen vor der Einfahrt",
                "\xc3 Mann \xcc schwarz\xc3",
        };
        (void)state;
        for (size_t i = 0; i + 1 < ARRAY_LEN(texts); i++)
                if (person_described(span_str(texts[i])))
                        fail_msg("asked about: %s", texts[i]);
        person_described(span_str(texts[ARRAY_LEN(texts) - 1])); /* not UTF-8: any answer, no fault */
}

/* Words of one language that are others in the other. */
static void two_languages(void **state) {
        (void)state;
        assert_true(person_described(SPAN_STR("A man in a hat")));
        assert_true(person_described(SPAN_STR("Man, black, at the corner")));
        assert_false(person_described(SPAN_STR("Die Person hat einen Hund und eine Leine")));
        assert_true(person_described(SPAN_STR("Somebody with a hoodie, schon wieder")));
        assert_false(person_described(SPAN_STR("Mann in schwarzer Jacke tried the doors")));
}

static void kinds(void **state) {
        static const uint8_t asked[] = {KIND_UNUSUAL_ACTIVITY, KIND_OTHER, KIND_THEFT,
                                        KIND_VANDALISM,        KIND_SCAM,  KIND_NOISE};
        static const uint8_t others[] = {KIND_MISSING_PERSON, KIND_MISSING_PET, KIND_FIRE,   KIND_SMOKE,
                                         KIND_MEDICAL,        KIND_CRASH,       KIND_ANIMAL, KIND_COMMUNITY_EVENT};
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(asked); i++)
                assert_true(person_kind(asked[i]));
        for (size_t i = 0; i < ARRAY_LEN(others); i++)
                assert_false(person_kind(others[i]));
}

/* Without a terminal it never stops anybody, whatever the text is. */
static void scripts_go_on(void **state) {
        struct cli c = {0};
        struct args a = {0};
        struct span text = SPAN_STR("Man in a dark hoodie");
        (void)state;
        assert_int_equal(person_ask(&c, &a, KIND_UNUSUAL_ACTIVITY, false, text), 0);
        assert_int_equal(person_ask(&c, &a, KIND_UNUSUAL_ACTIVITY, true, text), 0);
        assert_int_equal(person_ask(&c, &a, KIND_MISSING_PERSON, false, text), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(asked_about),           cmocka_unit_test(go_out),
                cmocka_unit_test(asked_about_in_german), cmocka_unit_test(go_out_in_german),
                cmocka_unit_test(two_languages),         cmocka_unit_test(kinds),
                cmocka_unit_test(scripts_go_on),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
