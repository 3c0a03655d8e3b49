/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses another home may have packets sent to. */
#include "base/buf.h"
#include "ice/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>

struct at {
        uint8_t ip[16];
        struct wire_ice_place place;
};

static struct wire_ice_place *at(struct at *a, const char *text, uint64_t port) {
        bool six = strchr(text, ':');
        assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, text, a->ip), 1);
        a->place = (struct wire_ice_place){.ip = span_of(a->ip, six ? 16 : 4)};
        if (port)
                WIRE_PUT(&a->place, ICE_PLACE, port, port);
        return &a->place;
}

static void addresses(void **state) {
        (void)state;
        static const char *const fine[] = {"192.0.2.7",   "10.0.0.1", "192.168.1.1",
                                           "100.64.0.1",  "1.0.0.1",  "223.255.255.255",
                                           "2001:db8::1", "fd00::1",  "64:ff9b::192.0.2.1"};
        static const char *const never[] = {"0.0.0.0",         "0.1.2.3",     "224.0.0.1", "239.1.1.1",     "240.0.0.1",
                                            "255.255.255.255", "ff02::1",     "fe80::1",   "febf::1",       "::",
                                            "::ffff:10.0.0.1", "::192.0.2.1", "::2",       "::ffff:0.0.0.0"};
        static const char *const own[] = {"127.0.0.1", "127.255.0.1", "::1"};
        struct at a;
        for (size_t i = 0; i < ARRAY_LEN(fine); i++)
                assert_true(place_ok(at(&a, fine[i], 1), false));
        for (size_t i = 0; i < ARRAY_LEN(never); i++)
                if (place_ok(at(&a, never[i], 1), true))
                        fail_msg("%s may be sent to", never[i]);
        for (size_t i = 0; i < ARRAY_LEN(own); i++) {
                assert_false(place_ok(at(&a, own[i], 1), false));
                assert_true(place_ok(at(&a, own[i], 1), true));
        }
        at(&a, "192.0.2.7", 1);
        for (size_t n = 5; n < 16; n++) {
                a.place.ip.n = n;
                assert_false(place_ok(&a.place, true));
        }
}

/* An address there and back. */
static void forms(void **state) {
        (void)state;
        static const char *const texts[] = {"192.0.2.7", "2001:db8::7"};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                _clean_(buf_fini) struct buf out = BUF_NULL;
                NiceAddress nice;
                struct at a;
                struct wire_list list;
                struct wire_ice_place back;
                assert_true(place_to_nice(at(&a, texts[i], 7345), &nice));
                place_list(&nice, &out, &list);
                assert_true(place_only(&list, &back));
                assert_true(span_eq(back.ip, a.place.ip));
                assert_int_equal(back.port, 7345);
        }
}

static struct wire_ice_candidate row(struct buf *out, struct at *a, uint64_t kind, const char *foundation) {
        struct wire_ice_candidate c = {.kind = kind, .foundation = span_str(foundation), .priority = 5};
        NiceAddress nice;
        assert_true(place_to_nice(&a->place, &nice));
        buf_clear(out);
        place_list(&nice, out, &c.place);
        return c;
}

static void candidates(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct at a;
        at(&a, "192.0.2.7", 7345);
        struct wire_ice_candidate c = row(&out, &a, CANDIDATE_SERVER_REFLEXIVE, "0123456789abcdefghijklmnopqrst+/");
        NiceCandidate *made = place_candidate(&c, 3, false);
        assert_non_null(made);
        assert_int_equal(made->type, NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE);
        assert_int_equal(made->stream_id, 3);
        assert_int_equal(made->priority, 5);
        assert_string_equal(made->foundation, "0123456789abcdefghijklmnopqrst+/");
        nice_candidate_free(made);
        static const struct {
                uint64_t kind;
                const char *foundation;
        } none[] = {{CANDIDATE_PEER_REFLEXIVE, "1"},
                    {0, "1"},
                    {5, "1"},
                    {CANDIDATE_HOST, "a b"},
                    {CANDIDATE_HOST, "\n"},
                    {CANDIDATE_HOST, ""}};
        for (size_t i = 0; i < ARRAY_LEN(none); i++) {
                c = row(&out, &a, none[i].kind, none[i].foundation);
                assert_null(place_candidate(&c, 3, false));
        }
        at(&a, "192.0.2.7", 0);
        c = row(&out, &a, CANDIDATE_HOST, "1");
        assert_null(place_candidate(&c, 3, false)); /* to no port */
        at(&a, "127.0.0.1", 7);
        c = row(&out, &a, CANDIDATE_HOST, "1");
        assert_null(place_candidate(&c, 3, false));
        made = place_candidate(&c, 3, true);
        assert_non_null(made);
        nice_candidate_free(made);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(addresses), cmocka_unit_test(forms),
                                           cmocka_unit_test(candidates)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
