/* SPDX-License-Identifier: Apache-2.0 */
/* Who is linked with whom, and what then goes where, in streets of real cores. Seed: printed, and PORCHLIGHT_SEED. */
#include "core/core.h"
#include "support/lone.h"
#include "support/street.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

static struct link *link_between(struct street *s, size_t home, size_t other) {
        struct sign_key device;
        sign_key_from_seed(&device, street_config(s, other)->sign_seed);
        return link_to_device(street_core(s, home), &device.pub);
}

/* ---- comparing ---- */
static bool comparing(struct street *s, void *ctx) {
        const struct link *l = link_between(s, *(size_t *)ctx, 1 - *(size_t *)ctx);
        return l && l->recon_set && l->recon_opened;
}

static bool either_comparing(struct street *s, void *ctx) {
        (void)ctx;
        return comparing(s, &(size_t){0}) || comparing(s, &(size_t){1});
}

/* A session that is never answered is given up, and what flowed before goes on flowing. */
static void test_unanswered_session(void **state) {
        (void)state;
        struct hash id;
        STREET(2);
        street_run_for(s, 30);
        size_t dialler = link_between(s, 0, 1)->dialled ? 0 : 1;
        assert_int_equal(street_post(s, 1 - dialler, KIND_THEFT, "so that the sets are not empty", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 10));
        assert_true(street_wait(s, 100, comparing, &dialler));
        street_hold(s, 0, 1, RECON_PATIENCE / 1000.0 + 1);
        street_run_for(s, RECON_PATIENCE / 1000.0 + 1);
        assert_false(comparing(s, &dialler));
        assert_int_equal(street_post(s, dialler, KIND_FIRE, "at once", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 5));
        street_free(s);
}

/* The first session of a link that is never answered is opened again. */
static void test_unanswered_first_session(void **state) {
        (void)state;
        struct hash ids[2];
        STREET(2);
        street_run_for(s, 30);
        street_cut(s, 0, 1);
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(street_post(s, i, KIND_THEFT, "while apart", &ids[i]), MESH_OUT_DONE);
        street_mend(s, 0, 1);
        assert_true(street_wait(s, 600, either_comparing, NULL));
        street_hold(s, 0, 1, RECON_PATIENCE / 1000.0 + 1);
        street_run_for(s, RECON_PATIENCE / 1000.0 + 1);
        for (size_t i = 0; i < 2; i++)
                assert_true(street_wait_all_have(s, &ids[i], 2));
        street_free(s);
}

/* ---- budgets ---- */
static size_t ops(struct street *s, size_t i) {
        return roster_ops(mesh_roster(street_core(s, i)));
}

static bool two_has_all_of_zero(struct street *s, void *ctx) {
        (void)ctx;
        return ops(s, 2) == ops(s, 0);
}

/* A steward who changes its mind all day: 24 operations are pushed on, then they wait for a link that is idle, and for
 * reconciliation. All of them arrive. */
static void test_operations_a_day(void **state) {
        (void)state;
        enum { SIGNED = 40 };
        STREET(4);
        street_run_for(s, 200);
        street_cut(s, 0, 2);
        street_cut(s, 0, 3);
        street_cut(s, 2, 3);
        street_run_for(s, 200);
        size_t before = ops(s, 2);
        street_hold(s, 1, 2, 30); /* what home 1 has sent home 2 is not through yet */
        for (size_t i = 1; i < 3; i++)
                street_core(s, i)->sync_due = street_core(s, i)->now + 120000;
        for (int i = 0; i < SIGNED; i++) {
                assert_int_equal(street_vote(s, 0, i % 2 ? OP_DEMOTE : OP_PROMOTE, 3), MESH_OUT_DONE);
                street_run_for(s, 0.2);
        }
        assert_int_equal(ops(s, 1), before + SIGNED);
        assert_int_equal(ops(s, 3), before + SIGNED); /* its link was idle each time */
        assert_int_equal(ops(s, 2), before);
        street_run_for(s, 25); /* what was on its way arrives; what home 1 held back waits for the next turn */
        assert_int_equal(ops(s, 2), before + 23); /* home 0's first operation that day founded the mesh */
        assert_true(street_wait(s, 900, two_has_all_of_zero, NULL));
        street_free(s);
}

/* A home restored from a disk, and home 1's device at the other end of its only link. */
static void lone_greet(struct lone *l, struct street *s) {
        street_run_for(s, 60);
        street_off(s, 0);
        street_off(s, 1);
        lone_start(l, s, 0, LONE_MEMBER);
        guest_hello(&l->g, street_wall(s), false);
        lone_flush(l);
        assert_int_equal(link_find(l->m, LONE_LINK)->state, LINK_UP);
}

static void guest_contact(struct lone *l, const struct guest_author *a, uint64_t seq) {
        static const uint8_t body[100];
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        uint8_t sig[SIGN_BYTES] = {0};
        struct hash h;
        struct wire_contact w = {.device = SPAN_OF(a->device.pub.b),
                                 .seq = seq,
                                 .time = street_wall(l->s),
                                 .epoch = SPAN_OF(a->epoch),
                                 .body = SPAN_OF(body),
                                 .sig = SPAN_OF(sig)};
        codec_encode(&wire_contact_desc, &w, &raw);
        hash_make(&h, DOMAIN_CONTACT, &a->mesh, codec_before(buf_span(&raw), CONTACT_KEY_sig));
        sign_make(sig, &a->device, DOMAIN_CONTACT, &h);
        buf_clear(&raw);
        codec_encode(&wire_contact_desc, &w, &raw);
        assert_true(buf_ok(&raw));
        guest_say_raw(&l->g, LINK_CONTACT, buf_span(&raw));
        lone_flush(l);
}

/* A device that publishes without end is heard twelve times an hour. */
static void test_contacts_an_hour(void **state) {
        (void)state;
        struct lone l;
        struct guest_author a;
        STREET(2);
        lone_greet(&l, s);
        lone_author(&l, 1, &a);
        unsigned before = l.stored[MESH_ROW_CONTACT];
        for (uint64_t seq = 100; seq < 130; seq++)
                guest_contact(&l, &a, seq);
        assert_int_equal(l.stored[MESH_ROW_CONTACT] - before, CONTACTS_HOUR);
        struct contact *c = map_find(&l.m->contacts, a.device.pub.b);
        assert_int_equal(c->seq, 100 + CONTACTS_HOUR - 1);
        c->lately_since -= 3600000; /* an hour later it is heard again, and the last one counts */
        guest_contact(&l, &a, 130);
        assert_int_equal(((struct contact *)map_find(&l.m->contacts, a.device.pub.b))->seq, 130);
        assert_false(l.g.gone);
        lone_end(&l);
        street_free(s);
}

static void guest_revoke(struct lone *l, const struct guest_author *a, uint32_t number, mesh_wall expires) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        uint8_t sig[SIGN_BYTES] = {0}, invite[32] = {1};
        struct hash h;
        put_be32(invite + 1, number);
        struct wire_revoke w = {.invite = SPAN_OF(invite),
                                .device = SPAN_OF(a->device.pub.b),
                                .time = street_wall(l->s),
                                .expires = expires,
                                .sig = SPAN_OF(sig)};
        codec_encode(&wire_revoke_desc, &w, &raw);
        hash_make(&h, DOMAIN_REVOKE, &a->mesh, codec_before(buf_span(&raw), REVOKE_KEY_sig));
        sign_make(sig, &a->device, DOMAIN_REVOKE, &h);
        buf_clear(&raw);
        codec_encode(&wire_revoke_desc, &w, &raw);
        assert_true(buf_ok(&raw));
        guest_say_raw(&l->g, LINK_REVOKE, buf_span(&raw));
        lone_flush(l);
}

static size_t revokes_of(const struct mesh *m, const struct key *device) {
        size_t n = 0;
        for (size_t i = 0; i < m->n_revokes; i++)
                n += key_eq(&m->revokes[i]->device, device);
        return n;
}

/* A device that takes back tickets without end: 64 a day are heard, and it drives out nobody's but its own. */
static void test_revocations_of_one_device(void **state) {
        (void)state;
        enum { DAY_MOST = 64, DAYS = 6 };
        struct lone l;
        struct guest_author a, other;
        STREET(3);
        lone_greet(&l, s);
        lone_author(&l, 1, &a);
        lone_author(&l, 2, &other);
        mesh_wall now = street_wall(s);
        guest_revoke(&l, &other, 0, now + 1000); /* passed on; it ends first of all */
        for (uint32_t day = 0; day < DAYS; day++) {
                unsigned before = l.stored[MESH_ROW_REVOKE];
                for (uint32_t i = 0; i < 2 * DAY_MOST; i++)
                        guest_revoke(&l, &a, day * 1000 + i, now + 2000 + day * 1000 + i);
                assert_int_equal(l.stored[MESH_ROW_REVOKE] - before, DAY_MOST);
                l.m->purses_since -= (mesh_time)MESH_DAY * 1000;
        }
        assert_int_equal(revokes_of(l.m, &a.device.pub), REVOKES_DEVICE);
        assert_int_equal(revokes_of(l.m, &other.device.pub), 1);
        for (size_t i = 0; i < l.m->n_revokes; i++) /* those of the first two days gave way */
                assert_true(l.m->revokes[i]->expires == now + 1000 || l.m->revokes[i]->expires >= now + 4000);
        unsigned before = l.stored[MESH_ROW_REVOKE];
        guest_revoke(&l, &a, 5, now + 2005); /* one that gave way is not taken again */
        assert_int_equal(l.stored[MESH_ROW_REVOKE], before);
        assert_false(l.g.gone);
        lone_end(&l);
        street_free(s);
}

int main(void) {
        const char *given = getenv("PORCHLIGHT_SEED");
        seed = given ? strtoull(given, NULL, 0) : 1;
        print_message("# PORCHLIGHT_SEED=%llu\n", (unsigned long long)seed);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unanswered_session),        cmocka_unit_test(test_unanswered_first_session),
                cmocka_unit_test(test_operations_a_day),          cmocka_unit_test(test_contacts_an_hour),
                cmocka_unit_test(test_revocations_of_one_device),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
