/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets: what they say, what they survive, and that nothing changed in one is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "roster/ticket.h"

#define NOW UINT64_C(1800000000)
#define CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static struct sign_key device;
static struct rng rng;
static uint8_t mesh[32], link_key[32];

static int setup(void **state) {
        (void)state;
        uint8_t seed[32] = {9};
        rng_init(&rng, seed);
        sign_key_new(&device, &rng);
        rng_bytes(&rng, mesh, sizeof(mesh));
        rng_bytes(&rng, link_key, sizeof(link_key));
        return 0;
}

static void add_ip6(struct wire_list *list, struct buf *store, uint8_t last) {
        uint8_t ip[16] = {0x20, 1, 0xd, 0xb8};
        struct wire_addr a = {.port = 47000};
        ip[15] = last;
        WIRE_PUT(&a, ADDR, ip6, SPAN_OF(ip));
        wire_list_add(&wire_addr_desc, list, store, &a);
}

static void add_dns(struct wire_list *list, struct buf *store, const char *name) {
        struct wire_addr a = {.port = 47000};
        WIRE_PUT(&a, ADDR, dns, span_str(name));
        wire_list_add(&wire_addr_desc, list, store, &a);
}

static int make(struct ticket *t, const char *mesh_name, const char *inviter, const struct wire_list *addrs,
                struct buf *text) {
        *t = (struct ticket){0};
        t->w = (struct wire_ticket){
                .mesh = SPAN_OF(mesh),
                .mesh_name = span_str(mesh_name),
                .link_key = SPAN_OF(link_key),
                .inviter = span_str(inviter),
                .expires = NOW + 7 * 86400,
                .uses = 3,
        };
        if (addrs)
                WIRE_PUT(&t->w, TICKET, addrs, *addrs);
        return ticket_make(t, &device, &rng, text);
}

static void test_round_trip(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf text = BUF_NULL, store = BUF_NULL;
        struct wire_list addrs = {0};
        struct ticket t, back;
        add_dns(&addrs, &store, "porch.example.org");
        add_ip6(&addrs, &store, 1);
        assert_int_equal(make(&t, "Elm Street", "The Smiths", &addrs, &text), 0);
        assert_memory_equal(text.p, TICKET_PREFIX, 11);
        for (size_t i = 0; i < text.n; i++)
                assert_non_null(memchr(CHARS, text.p[i], sizeof(CHARS) - 1));
        assert_int_equal(ticket_parse(&back, buf_span(&text)), 0);
        assert_true(span_eq(back.w.mesh_name, SPAN_STR("Elm Street")));
        assert_true(span_eq(back.w.inviter, SPAN_STR("The Smiths")));
        assert_true(span_eq(back.w.link_key, SPAN_OF(link_key)));
        assert_true(span_eq(back.w.device, SPAN_OF(device.pub.b)));
        assert_memory_equal(back.mesh.b, mesh, 32);
        assert_memory_equal(back.invite.pub.b, t.invite.pub.b, 32);
        assert_memory_equal(back.invite.secret, t.invite.secret, 64);
        assert_int_equal(back.w.uses, 3);
        assert_int_equal(back.w.expires, NOW + 7 * 86400);
        assert_false(WIRE_HAS(&back.w, TICKET, cell));
        struct wire_addr a;
        assert_int_equal(back.w.addrs.count, 2);
        assert_true(wire_list_next(&wire_addr_desc, &back.w.addrs, &a));
        assert_true(span_eq(a.dns, SPAN_STR("porch.example.org")));
        ticket_fini(&t);
        ticket_fini(&back);
}

/* As people send it: lower case, in groups, over lines. */
static void test_forgiving(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf text = BUF_NULL, spaced = BUF_NULL;
        struct ticket t, back;
        assert_int_equal(make(&t, "Elm", "Smith", NULL, &text), 0);
        buf_add_str(&spaced, "  \r\n");
        for (size_t i = 0; i < text.n; i++) {
                uint8_t c = text.p[i];
                buf_add_u8(&spaced, i % 3 && c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
                if (i % 5 == 4)
                        buf_add_u8(&spaced, "- \n\t"[i % 4]);
        }
        buf_add_str(&spaced, "\n");
        assert_int_equal(ticket_parse(&back, buf_span(&spaced)), 0);
        assert_true(span_eq(buf_span(&t.store), buf_span(&back.store)));
        ticket_fini(&t);
        ticket_fini(&back);
}

static int refused(struct buf *b) {
        struct ticket back;
        int e = ticket_parse(&back, buf_span(b));
        assert_true(e > 0);
        return e;
}

/* Every change, loss, addition and exchange of one letter is noticed. */
static void test_one_letter(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf text = BUF_NULL;
        struct ticket t;
        unsigned seen[8] = {0};
        assert_int_equal(make(&t, "Elm", "Smith", NULL, &text), 0);
        for (size_t at = 0; at < text.n; at++) {
                _clean_(buf_fini) struct buf b = BUF_NULL, less = BUF_NULL, more = BUF_NULL;
                buf_add(&b, buf_span(&text));
                for (size_t k = 0; k < sizeof(CHARS) - 1; k += 5) { /* a fifth of the alphabet, each place another */
                        b.p[at] = (uint8_t)CHARS[(k + at) % (sizeof(CHARS) - 1)];
                        if (b.p[at] != text.p[at])
                                seen[refused(&b)]++;
                }
                b.p[at] = text.p[at];
                if (at + 1 < text.n && text.p[at] != text.p[at + 1]) {
                        b.p[at] = text.p[at + 1];
                        b.p[at + 1] = text.p[at];
                        seen[refused(&b)]++;
                }
                buf_add(&less, span_of(text.p, at));
                buf_add(&less, span_from(buf_span(&text), at + 1));
                seen[refused(&less)]++;
                buf_add(&more, span_of(text.p, at));
                buf_add_u8(&more, (uint8_t)CHARS[at % (sizeof(CHARS) - 1)]);
                buf_add(&more, span_from(buf_span(&text), at));
                seen[refused(&more)]++;
        }
        assert_true(seen[TICKET_E_PREFIX] && seen[TICKET_E_VERSION] && seen[TICKET_E_MANGLED]);
        assert_true(seen[TICKET_E_SIGNATURE] > text.n);
        ticket_fini(&t);
}

static int parse(const char *s) {
        struct ticket back;
        return ticket_parse(&back, span_str(s));
}

static void test_errors(void **state) {
        (void)state;
        assert_int_equal(parse(""), TICKET_E_PREFIX);
        assert_int_equal(parse("hello"), TICKET_E_PREFIX);
        assert_int_equal(parse("PORCHLIGH1"), TICKET_E_PREFIX);
        assert_int_equal(parse("PORCHLIGHT"), TICKET_E_MANGLED);
        assert_int_equal(parse("PORCHLIGHTX"), TICKET_E_MANGLED);
        assert_int_equal(parse("PORCHLIGHT1"), TICKET_E_MANGLED);
        assert_int_equal(parse("PORCHLIGHT2AAAA"), TICKET_E_VERSION);
        assert_int_equal(parse("porchlight1 aaaa"), TICKET_E_MANGLED);
        assert_int_equal(parse("PORCHLIGHT1!"), TICKET_E_MANGLED);
        for (int e = TICKET_E_PREFIX; e <= TICKET_E_VALUE; e++)
                assert_true(ticket_error_text(e)[0]);
}

/* The longest names and three addresses: as many as 380 bytes hold, from the first. */
static void test_size(void **state) {
        (void)state;
        const char *longest = "12345678901234567890123456789012";
        static const char host[] = "a-host-name-that-has-all-of-the-48-bytes.example";
        _clean_(buf_fini) struct buf text = BUF_NULL, v6 = BUF_NULL, names = BUF_NULL;
        struct wire_list six = {0}, dns = {0};
        struct ticket t;
        for (uint8_t i = 1; i <= 3; i++)
                add_ip6(&six, &v6, i);
        assert_int_equal(make(&t, longest, longest, &six, &text), 0);
        assert_true(t.store.n <= TICKET_BYTES_MAX);
        assert_true(t.w.addrs.count >= 2);
        ticket_fini(&t);
        buf_clear(&text);
        assert_int_equal(make(&t, "Elm Street", "The Smiths", &six, &text), 0);
        assert_int_equal(t.w.addrs.count, 3);
        ticket_fini(&t);
        for (int i = 0; i < 3; i++)
                add_dns(&dns, &names, host);
        buf_clear(&text);
        assert_int_equal(make(&t, longest, longest, &dns, &text), 0);
        assert_true(t.store.n <= TICKET_BYTES_MAX);
        struct wire_list left = t.w.addrs;
        struct wire_addr a;
        uint32_t n = 0;
        for (; wire_list_next(&wire_addr_desc, &left, &a); n++)
                assert_true(span_eq(a.dns, span_str(host)));
        assert_true(n >= 1 && n < 3);
        struct ticket back;
        assert_int_equal(ticket_parse(&back, buf_span(&text)), 0);
        ticket_fini(&back);
        ticket_fini(&t);
}

static void test_values(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf text = BUF_NULL, store = BUF_NULL;
        struct wire_list addrs = {0};
        struct wire_addr none = {.port = 1};
        struct ticket t;
        wire_list_add(&wire_addr_desc, &addrs, &store, &none);
        assert_int_equal(make(&t, "Elm", "Smith", &addrs, &text), TICKET_E_VALUE);
        ticket_fini(&t);
        assert_int_equal(make(&t, "", "Smith", NULL, &text), TICKET_E_VALUE);
        ticket_fini(&t);
        assert_int_equal(make(&t, "123456789012345678901234567890123", "Smith", NULL, &text), TICKET_E_VALUE);
        ticket_fini(&t);
        assert_int_equal(text.n, 0);
}

/* The add's half: its signature is the ticket's, and covers what the ticket says. */
static void test_invite(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf text = BUF_NULL, raw = BUF_NULL;
        struct ticket t;
        struct wire_invite inv;
        assert_int_equal(make(&t, "Elm", "Smith", NULL, &text), 0);
        ticket_invite(&t, &raw);
        assert_int_equal(codec_decode(&wire_invite_desc, buf_span(&raw), &inv, NULL), 0);
        assert_true(span_eq(inv.sig, t.w.sig));
        assert_true(span_eq(inv.key, SPAN_OF(t.invite.pub.b)));
        assert_true(invite_check(&inv, &t.mesh));
        struct wire_invite wrong = inv;
        wrong.uses++;
        assert_false(invite_check(&wrong, &t.mesh));
        wrong = inv;
        wrong.expires++;
        assert_false(invite_check(&wrong, &t.mesh));
        struct hash other = t.mesh;
        other.b[0] ^= 1;
        assert_false(invite_check(&inv, &other));
        ticket_fini(&t);
}

static void test_words(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf text = BUF_NULL, one = BUF_NULL, again = BUF_NULL, two = BUF_NULL;
        struct ticket t, back;
        assert_int_equal(make(&t, "Elm", "Smith", NULL, &text), 0);
        assert_int_equal(ticket_parse(&back, buf_span(&text)), 0);
        ticket_words(&t, &one);
        ticket_words(&back, &again);
        assert_true(span_eq(buf_span(&one), buf_span(&again)));
        assert_int_equal(one.n, 4 * 4 + 3);
        for (size_t i = 0; i < one.n; i++)
                assert_int_equal(one.p[i] == ' ', i % 5 == 4);
        ticket_fini(&t);
        buf_clear(&text);
        assert_int_equal(make(&t, "Elm", "Smith", NULL, &text), 0); /* another seed */
        ticket_words(&t, &two);
        assert_false(span_eq(buf_span(&one), buf_span(&two)));
        ticket_fini(&t);
        ticket_fini(&back);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_forgiving), cmocka_unit_test(test_one_letter),
                cmocka_unit_test(test_errors),     cmocka_unit_test(test_size),      cmocka_unit_test(test_values),
                cmocka_unit_test(test_invite),     cmocka_unit_test(test_words),
        };
        return cmocka_run_group_tests(tests, setup, NULL);
}
