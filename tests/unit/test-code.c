/* SPDX-License-Identifier: Apache-2.0 */
/* Further devices of a household: the code as text, and what the fold makes of those who come on it. */
#include "roster-street.h"

#include "base/text.h"

static struct street s;

static int begin(void **state) {
        (void)state;
        street_found(&s, 7, (struct wire_list){0});
        for (uint32_t i = 1; i < 4; i++)
                assert_int_equal(street_join(&s, 0, i, 0), 0);
        street_sync_all(&s);
        return 0;
}

static int finish(void **state) {
        (void)state;
        street_end(&s);
        return 0;
}

static const struct roster_device *device(int side, const struct sign_key *sign) {
        return roster_device_find(s.sides[side], &sign->pub);
}

static bool current(int side, const struct sign_key *sign) {
        const struct roster_device *d = device(side, sign);
        return d && !d->gone_at;
}

/* Every side hears everything, and all believe the same. */
static void meet(void) {
        struct hash a, b;
        street_sync_all(&s);
        street_digest(s.sides[0], &a);
        for (int i = 1; i < STREET_SIDES; i++) {
                street_digest(s.sides[i], &b);
                assert_true(hash_eq(&a, &b));
        }
}

/* ---- text ---- */

static void code_text(struct code *c, struct buf *text) {
        street_code(&s, 1, SHARE_QUARTER, s.now + MESH_DAY, c);
        buf_add_str(text, CODE_PREFIX);
        text_base32(text, buf_span(&c->store));
}

static void test_text(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf text = BUF_NULL, words = BUF_NULL, again = BUF_NULL;
        struct code made, read;
        code_text(&made, &text);
        assert_true(text.n < 620);
        assert_int_equal(code_parse(&read, buf_span(&text)), 0);
        assert_true(key_eq(&read.household, &s.homes[1].key.pub) && hash_eq(&read.mesh, &s.mesh));
        assert_true(key_eq(&read.key.pub, &made.key.pub));
        assert_int_equal(read.w.expires, s.now + MESH_DAY);
        assert_int_equal(read.w.share, SHARE_QUARTER);
        code_words(&made, &words);
        code_words(&read, &again);
        assert_true(words.n == 19 && span_eq(buf_span(&words), buf_span(&again)));
        code_fini(&read);
        code_fini(&made);
}

/* One letter changed anywhere, one left out at the end, another word in front: refused, and by its name. */
static void test_text_mangled(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf text = BUF_NULL, ticket = BUF_NULL;
        struct code made, read;
        struct ticket t;
        code_text(&made, &text);
        for (size_t i = 0; i < text.n; i++) {
                uint8_t was = text.p[i];
                text.p[i] = was == 'B' ? 'C' : 'B';
                assert_true(code_parse(&read, buf_span(&text)) > 0);
                text.p[i] = was;
        }
        assert_int_equal(code_parse(&read, span_of(text.p, text.n - 1)), TICKET_E_MANGLED);
        text.p[sizeof(CODE_PREFIX) - 2] = '2';
        assert_int_equal(code_parse(&read, buf_span(&text)), TICKET_E_VERSION);
        text.p[sizeof(CODE_PREFIX) - 2] = '1';
        street_ticket(&s, 1, 1, s.now + MESH_DAY, &t);
        buf_add_str(&ticket, TICKET_PREFIX);
        text_base32(&ticket, buf_span(&t.store));
        assert_int_equal(code_parse(&read, buf_span(&ticket)), TICKET_E_PREFIX);
        struct ticket other;
        assert_int_equal(ticket_parse(&other, buf_span(&text)), TICKET_E_PREFIX);
        ticket_fini(&t);
        code_fini(&made);
}

/* The longest names, and addresses that do not all fit: the last go. */
static void test_text_longest(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf addrs = BUF_NULL, text = BUF_NULL;
        static const uint8_t link_key[32];
        struct wire_list list = {0};
        for (int i = 0; i < TICKET_ADDRS_MAX; i++) {
                struct wire_addr a = {.port = 7345};
                WIRE_PUT(&a, ADDR, dns, SPAN_STR("a-rather-long-name-for-a-hub.example.net"));
                wire_list_add(&wire_addr_desc, &list, &addrs, &a);
        }
        struct code c = {0}, read;
        c.w = (struct wire_device_code){
                .mesh = SPAN_OF(s.mesh.b),
                .mesh_name = SPAN_STR("12345678901234567890123456789012"),
                .link_key = SPAN_OF(link_key),
                .name = SPAN_STR("12345678901234567890123456789012"),
                .share = SHARE_QUARTER,
                .expires = s.now,
        };
        WIRE_PUT(&c.w, DEVICE_CODE, addrs, list);
        assert_int_equal(code_make(&c, &s.homes[1].key, &s.rng, &text), 0);
        assert_true(c.store.n <= CODE_BYTES_MAX);
        assert_int_equal(code_parse(&read, buf_span(&text)), 0);
        assert_int_equal(read.w.addrs.count, 1);
        code_fini(&read);
        code_fini(&c);
}

/* ---- admission ---- */

static void test_joins(void **state) {
        (void)state;
        const struct sign_key *laptop = &s.homes[40].key;
        struct code c;
        street_code(&s, 1, SHARE_QUARTER, s.now + MESH_DAY, &c);
        assert_int_equal(street_device_by(&s, 0, 1, laptop, &c, 2), 0);
        const struct roster_device *d = device(0, laptop);
        assert_true(d && d->share == SHARE_QUARTER && d->home == street_home(&s, 0, 1));
        assert_int_equal(d->since, s.now); /* of the countersignature */
        assert_true(hash_eq(&roster_device_op(s.sides[0], d)->id, &s.last));
        assert_int_equal(street_device_by(&s, 0, 1, &s.homes[41].key, &c, 2), ROSTER_E_RULE); /* once */
        code_fini(&c);
        /* It opens the door to others, and its tickets count as its household's. */
        struct ticket t;
        struct street_home *one = &s.homes[1];
        struct sign_key hub = one->device;
        one->device = *laptop;
        assert_int_equal(street_join(&s, 0, 5, 1), 0);
        assert_int_equal(street_home(&s, 0, 5)->depth, 2);
        assert_true(street_home(&s, 0, 5)->inviter == street_home(&s, 0, 1));
        street_ticket(&s, 0, 1, s.now + MESH_DAY, &t);
        assert_int_equal(street_join_on(&s, 0, 6, &t, 1), 0);
        ticket_fini(&t);
        one->device = hub;
        meet();
}

static void test_times(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf op = BUF_NULL;
        struct code c, later;
        street_code(&s, 1, SHARE_QUARTER, s.now + 60, &c);
        assert_int_equal(street_device_sign(&s, 1, &s.homes[40].key, SHARE_QUARTER, &c, &op), 0);
        assert_int_equal(roster_may_admit(s.sides[0], buf_span(&op), c.w.expires + 1), ROSTER_E_EXPIRED);
        assert_int_equal(street_admit(&s, 0, buf_span(&op), 1, c.w.expires + 1), ROSTER_E_RULE);
        assert_int_equal(roster_may_admit(s.sides[0], buf_span(&op), c.w.expires), 0);
        assert_int_equal(street_admit(&s, 0, buf_span(&op), 1, c.w.expires), 0);
        assert_int_equal(roster_may_admit(s.sides[0], buf_span(&op), c.w.expires), ROSTER_E_USED);
        code_fini(&c);
        buf_clear(&op);
        street_code(&s, 1, SHARE_QUARTER, s.now + 40 * MESH_DAY, &later);
        assert_int_equal(street_device_sign(&s, 1, &s.homes[41].key, SHARE_QUARTER, &later, &op), 0);
        assert_int_equal(roster_may_admit(s.sides[0], buf_span(&op), s.now), ROSTER_E_RULE);
        code_fini(&later);
}

static int asked(uint32_t home, uint32_t new, const struct code *c) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        assert_int_equal(street_device_sign(&s, home, &s.homes[new].key, SHARE_QUARTER, c, &op), 0);
        return roster_may_admit(s.sides[0], buf_span(&op), s.now);
}

static void test_refusals(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf op = BUF_NULL;
        struct code c, whole;
        street_code(&s, 1, SHARE_QUARTER, s.now + MESH_DAY, &c);
        assert_int_equal(asked(2, 40, &c), ROSTER_E_SIGNATURE); /* another household's code */
        struct sign_key key = c.key;
        c.key = s.homes[9].key; /* the seed of another code */
        assert_int_equal(asked(1, 40, &c), ROSTER_E_SIGNATURE);
        c.key = key;
        c.w.expires += MESH_DAY; /* what the household did not say */
        assert_int_equal(asked(1, 40, &c), ROSTER_E_SIGNATURE);
        c.w.expires -= MESH_DAY;
        assert_int_equal(asked(1, 40, &c), 0);
        assert_int_equal(street_device_sign(&s, 1, &s.homes[40].key, SHARE_WHOLE, &c, &op), OP_E_INPUT);
        street_code(&s, 1, SHARE_WHOLE, s.now + MESH_DAY, &whole);
        assert_int_equal(asked(1, 40, &whole), ROSTER_E_RULE); /* another share than the code's */
        code_fini(&whole);
        for (uint32_t i = 40; i < 43; i++)
                assert_int_equal(street_device_add(&s, 0, 1, &s.homes[i].key), 0);
        assert_int_equal(asked(1, 43, &c), ROSTER_E_DEVICES);
        assert_int_equal(asked(1, 40, &c), ROSTER_E_MEMBER);
        assert_int_equal(street_leave(&s, 0, 1), 0);
        assert_int_equal(asked(1, 43, &c), ROSTER_E_GONE);
        code_fini(&c);
}

/* The same device at two doors at once is one device, whatever it signed under either. */
static void test_twins(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf op = BUF_NULL;
        const struct sign_key *laptop = &s.homes[40].key;
        struct code c;
        street_code(&s, 1, SHARE_QUARTER, s.now + MESH_DAY, &c);
        assert_int_equal(street_device_sign(&s, 1, laptop, SHARE_QUARTER, &c, &op), 0);
        assert_int_equal(street_admit(&s, 0, buf_span(&op), 0, ++s.now), 0);
        assert_int_equal(street_admit(&s, 1, buf_span(&op), 2, ++s.now), 0);
        s.homes[1].device = *laptop;
        assert_int_equal(street_join(&s, 0, 5, 1), 0);
        assert_int_equal(street_join(&s, 1, 6, 1), 0);
        meet();
        assert_true(current(2, laptop) && street_member(&s, 2, 5) && street_member(&s, 2, 6));
        assert_int_equal(street_home(&s, 2, 1)->n_devices, 2);
        code_fini(&c);
}

/* The code in two hands, at doors apart: one of them comes in, for all the same one. */
static void test_spent_twice(void **state) {
        (void)state;
        struct code c;
        street_code(&s, 1, SHARE_QUARTER, s.now + MESH_DAY, &c);
        assert_int_equal(street_device_by(&s, 0, 1, &s.homes[40].key, &c, 0), 0);
        assert_int_equal(street_device_by(&s, 1, 1, &s.homes[41].key, &c, 2), 0);
        meet();
        assert_int_equal(current(0, &s.homes[40].key) + current(0, &s.homes[41].key), 1);
        assert_int_equal(street_home(&s, 0, 1)->n_devices, 2);
        code_fini(&c);
}

/* Doors that have not heard of each other let a fifth in: it is none until another goes. */
static void test_fifth(void **state) {
        (void)state;
        for (uint32_t i = 40; i < 42; i++)
                assert_int_equal(street_device_add(&s, 0, 1, &s.homes[i].key), 0);
        street_sync_all(&s);
        assert_int_equal(street_device_add(&s, 0, 1, &s.homes[42].key), 0);
        assert_int_equal(street_device_add(&s, 1, 1, &s.homes[43].key), 0);
        meet();
        assert_true(current(0, &s.homes[42].key) && !device(0, &s.homes[43].key)); /* it came later */
        assert_int_equal(street_home(&s, 0, 1)->n_devices, 4);
        assert_int_equal(street_join(&s, 0, 5, 0), 0); /* life goes on meanwhile */
        assert_int_equal(street_device_revoke(&s, 0, 1, &s.homes[40].key.pub, NULL), 0);
        meet();
        assert_true(current(0, &s.homes[43].key) && !current(0, &s.homes[40].key));
}

/* What a removed home let in unseen is out again; what others had seen stays. */
static void test_door_removed(void **state) {
        (void)state;
        struct code seen, unseen;
        street_code(&s, 1, SHARE_QUARTER, s.now + MESH_DAY, &seen);
        street_code(&s, 1, SHARE_QUARTER, s.now + MESH_DAY, &unseen);
        assert_int_equal(street_device_by(&s, 0, 1, &s.homes[40].key, &seen, 3), 0);
        street_sync(&s, 0, 1);
        assert_int_equal(street_device_by(&s, 1, 1, &s.homes[41].key, &unseen, 3), 0);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 3), 0);
        meet();
        assert_false(street_member(&s, 0, 3));
        assert_true(current(0, &s.homes[40].key) && !device(0, &s.homes[41].key));
        assert_int_equal(street_device_by(&s, 0, 1, &s.homes[42].key, &unseen, 0), 0); /* the code is good again */
        code_fini(&seen);
        code_fini(&unseen);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, finish)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(test_text),  CASE(test_text_mangled), CASE(test_text_longest), CASE(test_joins),
                CASE(test_times), CASE(test_refusals),     CASE(test_twins),        CASE(test_spent_twice),
                CASE(test_fifth), CASE(test_door_removed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
