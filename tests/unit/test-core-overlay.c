/* SPDX-License-Identifier: Apache-2.0 */
/* Who is linked with whom, and what then goes where, in streets of real cores. Seed: printed, and PORCHLIGHT_SEED. */
#include "core/belong.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/reach.h"
#include "roster/roster.h"
#include "support/lone.h"
#include "support/street_inside.h"
#include "wire/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)

static size_t outbound_of(struct street *s, size_t i) {
        size_t n = 0;
        LINK_EACH(l, street_core(s, i))
        n += l->dialled && !l->visit && l->state == LINK_UP;
        return n;
}

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
        street_hold(s, 1, 2, 15); /* what home 1 has sent home 2 is not through yet */
        for (size_t i = 0; i < 4; i++)
                street_core(s, i)->sync_due = street_core(s, i)->now + 120000;
        for (int i = 0; i < SIGNED; i++) {
                assert_int_equal(street_vote(s, 0, i % 2 ? OP_DEMOTE : OP_PROMOTE, 3), MESH_OUT_DONE);
                street_run_for(s, 0.2);
        }
        assert_int_equal(ops(s, 1), before + SIGNED);
        assert_int_equal(ops(s, 3), before + SIGNED); /* its link was idle each time */
        assert_int_equal(ops(s, 2), before);
        street_run_for(s, 10); /* what was on its way arrives; what home 1 held back waits for the next turn */
        assert_int_equal(ops(s, 2), before + 23); /* home 0's first operation that day founded the mesh */
        assert_true(street_wait(s, 900, two_has_all_of_zero, NULL));
        street_free(s);
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
        lone_greeted(&l, s);
        assert_int_equal(link_find(l.m, LONE_LINK)->state, LINK_UP);
        lone_author(&l, 1, &a);
        unsigned before = l.stored[MESH_ROW_CONTACT];
        for (uint64_t seq = 100; seq < 130; seq++)
                guest_contact(&l, &a, seq);
        assert_int_equal(l.stored[MESH_ROW_CONTACT] - before, CONTACTS_HOUR);
        struct contact *c = map_find(&l.m->contacts, a.device.pub.b);
        assert_int_equal(c->card->seq, 100 + CONTACTS_HOUR - 1);
        c->lately_since -= 3600000; /* an hour later it is heard again, and the last one counts */
        guest_contact(&l, &a, 130);
        assert_int_equal(((struct contact *)map_find(&l.m->contacts, a.device.pub.b))->card->seq, 130);
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
        lone_greeted(&l, s);
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

/* ---- visits ---- */
#define PERIOD 1800.0 /* seconds */

static void cut_halves(struct street *s, size_t first, size_t n) {
        for (size_t a = 0; a < first; a++)
                for (size_t b = first; b < n; b++)
                        street_cut(s, a, b);
}

static void mend_halves(struct street *s, size_t first, size_t n) {
        for (size_t a = 0; a < first; a++)
                for (size_t b = first; b < n; b++)
                        street_mend(s, a, b);
}

static bool one_has(struct street *s, void *ctx) {
        return street_has(s, 0, ctx);
}

/* A home that nobody can call, with all its links to homes that keep alerts from it. */
static void test_eclipsed(void **state) {
        (void)state;
        enum { WITHHOLDING = 6, ALL = 14 }; /* home 0 among them */
        struct hash id;
        STREET(ALL);
        street_run_for(s, 600);
        street_shut(s, 0);
        cut_halves(s, WITHHOLDING, ALL);
        street_off(s, 0);
        street_on(s, 0);
        street_run_for(s, 60);
        assert_int_equal(outbound_of(s, 0), OUTBOUND_WANTED);
        for (size_t i = WITHHOLDING; i < ALL; i++)
                street_mend(s, 0, i);
        assert_int_equal(street_post(s, WITHHOLDING + 1, KIND_FIRE, "kept from you", &id), MESH_OUT_DONE);
        street_run_for(s, 60);
        assert_false(street_has(s, 0, &id));
        assert_true(street_wait(s, PERIOD + 120, one_has, &id));
        street_run_for(s, 60); /* and it has gone again */
        assert_int_equal(street_core(s, 0)->visit.link, 0);
        for (size_t i = WITHHOLDING; i < ALL; i++)
                assert_null(link_between(s, 0, i));
        street_free(s);
}

static size_t inbound_of(struct street *s, size_t i) {
        size_t n = 0;
        LINK_EACH(l, street_core(s, i))
        n += !l->dialled && !l->visiting && l->state == LINK_UP;
        return n;
}

static size_t full_home(struct street *s, size_t from, size_t n) {
        for (size_t i = from; i < n; i++)
                if (inbound_of(s, i) == INBOUND_MOST)
                        return i;
        return n;
}

/* Those it cannot reach any more are visited in vain, once each. */
static double turn_time(struct street *s, size_t i) {
        struct mesh *m = street_core(s, i);
        size_t turns = 1;
        for (size_t k = 0; k < m->n_addresses; k++)
                turns += m->addresses[k].refused != 0;
        return (double)turns * (75 + 10) +
               25; /* rule 9.28, and a dial that nobody answers; before it once more its own turn */
}

/* A home whose few links lead to homes that keep alerts from it; the only other one it reaches has no place for it. */
static void test_turned_away(void **state) {
        (void)state;
        enum { WITHHOLDING = 4, ALL = 24 }; /* home 0 among them */
        struct hash id;
        STREET(ALL);
        street_run_for(s, 600);
        street_shut(s, 0);
        cut_halves(s, WITHHOLDING, ALL);
        street_run_for(s, 600);
        assert_int_equal(outbound_of(s, 0), WITHHOLDING - 1);
        size_t full = full_home(s, WITHHOLDING, ALL);
        assert_true(full < ALL);
        street_mend(s, 0, full);
        assert_int_equal(street_post(s, full, KIND_FIRE, "kept from you", &id), MESH_OUT_DONE);
        assert_true(street_wait(s, ALL * DIAL_PACE * 1.5 / 1000 + 90, one_has, &id)); /* its turn, and the visit */
        assert_true(link_between(s, full, 0)->visiting);
        for (int alerts = 0; alerts < 5; alerts++) {
                street_run_for(s, 60);
                assert_int_equal(street_post(s, full, KIND_FIRE, "and once more", &id), MESH_OUT_DONE);
                assert_true(street_wait(s, turn_time(s, 0), one_has, &id));
        }
        street_free(s);
}

/* Two halves, each of which has all the links it wants, and all but one home of each is where the others don't know. */
static void test_stale_contacts(void **state) {
        (void)state;
        enum { HALF = 14, ALL = 2 * HALF };
        struct hash left, right;
        STREET(ALL);
        street_run_for(s, 600);
        cut_halves(s, HALF, ALL);
        for (size_t third = 0; third < 3; third++) {
                for (size_t i = third; i < ALL; i += 3)
                        if (i != 3 && i != HALF + 3)
                                street_move(s, i);
                street_run_for(s, 1000); /* those of one half know the new addresses */
        }
        assert_int_equal(street_post(s, 1, KIND_FIRE, "left", &left), MESH_OUT_DONE);
        assert_int_equal(street_post(s, ALL - 1, KIND_FIRE, "right", &right), MESH_OUT_DONE);
        mend_halves(s, HALF, ALL);
        assert_true(street_wait_all_have(s, &left, PERIOD + 300));
        assert_true(street_wait_all_have(s, &right, 300));
        street_free(s);
}

/* Who comes later never takes the contact of a home that has gone; who has it from before does not count it either. */
static void test_contact_of_the_gone(void **state) {
        (void)state;
        struct street *s = street_bare(4, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        char *ticket = strdup(street_invite(s, 0, 3));
        assert_int_equal(street_join(s, 1, ticket), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 2, ticket), MESH_OUT_DONE);
        street_run_for(s, 60);
        assert_int_equal(street_vote(s, 2, OP_LEAVE, 2), MESH_OUT_DONE);
        street_run_for(s, 60);
        assert_int_equal(street_join(s, 3, ticket), MESH_OUT_DONE);
        street_run_for(s, 60);
        street_off(s, 3);
        street_on(s, 3);
        street_run_for(s, 60);
        const struct link *l = link_between(s, 3, 0);
        assert_non_null(l);
        for (size_t set = 0; set < LINK_SETS; set++)
                assert_memory_equal(l->mine[set], l->their[set], sizeof(l->mine[set]));
        free(ticket);
        street_free(s);
}

/* ---- whose an address is ---- */
static void claim(struct street *s, size_t i, size_t n, const struct mesh_addr *theirs) {
        struct mesh_event ev = {.type = MESH_EV_LISTENING, .listening = {.addrs = theirs, .n = n}};
        street_feed(s, i, ev);
        street_run_for(s, CONTACT_SPACING + 60);
}

static bool two_meet(struct street *s, void *ctx) {
        (void)ctx;
        return link_between(s, 0, 1) != NULL;
}

/* A neighbour of both says that it is where they are, and then that it is nowhere. They are dialled all the same. */
static void test_claimed_addresses(void **state) {
        (void)state;
        STREET(3);
        const struct mesh_addr theirs[] = {s->homes[0].addr, s->homes[1].addr};
        street_run_for(s, 60);
        street_cut(s, 0, 1);
        claim(s, 2, ARRAY_LEN(theirs), theirs);
        assert_null(link_between(s, 0, 1));
        street_mend(s, 0, 1);
        assert_true(street_wait(s, 600, two_meet, NULL));
        street_free(s);
}

/* A machine that has come into another network does not wait for what failed in the last one. */
static void test_elsewhere(void **state) {
        (void)state;
        STREET(2);
        struct mesh *m = street_core(s, 0);
        const struct mesh_addr moved = {.ip = {[10] = 0xff, [11] = 0xff, 5, 9, 17, 3}, .port = 7345};
        struct mesh_event ev = {.type = MESH_EV_LISTENING, .listening = {.addrs = &moved, .n = 1}};
        street_run_for(s, 60);
        street_cut(s, 0, 1);
        street_run_for(s, 1800);
        assert_null(link_between(s, 0, 1));
        for (size_t i = 0; i < m->n_addresses; i++)
                if (m->addresses[i].failures > 0 && !m->addresses[i].link)
                        m->addresses[i].next = m->now + DIAL_LAST; /* at the worst */
        street_mend(s, 0, 1);
        street_feed(s, 0, ev);
        assert_true(street_wait(s, 5, two_meet, NULL));
        street_free(s);
}

/* Homes with all the neighbours they take can be visited all the same, by three at a time. */
static void test_visits_have_places(void **state) {
        (void)state;
        STREET(16);
        size_t visits = 0, places = 0;
        street_run_for(s, 120);
        for (size_t i = 0; i < 16; i++)
                street_off(s, i); /* who joined on a link keeps it, however many there are */
        for (size_t i = 0; i < 16; i++)
                street_on(s, i);
        for (int minute = 0; minute < 2 * 60 * 30; minute++) {
                street_run_for(s, 2);
                for (size_t i = 0; i < 16; i++) {
                        size_t visitors = 0;
                        LINK_EACH(l, street_core(s, i)) {
                                visits += l->visit && l->state == LINK_UP;
                                visitors += l->visiting && l->state == LINK_UP;
                        }
                        assert_true(visitors <= VISITORS_MOST && inbound_of(s, i) <= INBOUND_MOST);
                        places = MAX(places, visitors);
                }
        }
        assert_true(visits >=
                    16 * 3); /* each home went out at least three times in two hours, and stayed for seconds */
        assert_true(places > 0);
        street_free(s);
}

/* ---- whom to dial ---- */
/* Founded by home 0; @n homes have joined, on the ticket of home @of(i), at address @at(i). */
static struct street *street_built(size_t n, size_t (*of)(size_t i), void (*at)(size_t i, uint8_t ret[4])) {
        struct street *s = street_bare(n, seed);
        for (size_t i = 0; i < n; i++) {
                uint8_t ip[4];
                at(i, ip);
                street_place(s, i, ip);
        }
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        for (size_t i = 1; i < n; i++) {
                char *ticket = strdup(street_invite(s, of(i), 1));
                assert_int_equal(street_join(s, i, ticket), MESH_OUT_DONE);
                free(ticket);
        }
        return s;
}

static size_t of_founder(size_t i) {
        (void)i;
        return 0;
}

static size_t most_of_home_1(size_t i) { /* all but the last six */
        return i > 1 && i < 14 ? 1 : 0;
}

static void at_home(size_t i, uint8_t ret[4]) {
        memcpy(ret, (uint8_t[]){10, 0, 0, (uint8_t)i}, 4);
}

static void most_in_one_net(size_t i, uint8_t ret[4]) {
        memcpy(ret, (uint8_t[]){203, i < 14 ? 0 : (uint8_t)i, 113, (uint8_t)i}, 4);
}

/* Restarts home @who and counts, of the homes it then dialled, those below 14. */
static size_t dialled_below_14(struct street *s, size_t who) {
        size_t n = 0;
        street_run_for(s, 120);
        street_off(s, who);
        street_shut(s, who); /* so that it chooses for itself */
        street_run_for(s, 10);
        street_on(s, who);
        street_run_for(s, 20);
        assert_int_equal(outbound_of(s, who), OUTBOUND_WANTED);
        for (size_t i = 0; i < MIN((size_t)14, who); i++) {
                const struct link *l = link_between(s, who, i);
                n += l && l->dialled;
        }
        return n;
}

static void most_at_home(size_t i, uint8_t ret[4]) {
        memcpy(ret, i < 14 ? (uint8_t[]){10, 0, 0, (uint8_t)i} : (uint8_t[]){203, (uint8_t)i, 113, (uint8_t)i}, 4);
}

#define STREETS 5 /* as many seeds: one choice of five can look right by chance */

static void assert_at_most(size_t most, size_t (*of)(size_t i), void (*at)(size_t i, uint8_t ret[4])) {
        for (uint64_t i = 0; i < STREETS; i++, seed++) {
                struct street *s = street_built(20, of, at);
                assert_true(dialled_below_14(s, 19) <= most);
                street_free(s);
        }
        seed -= STREETS;
}

static void test_one_network(void **state) {
        (void)state;
        assert_at_most(2, of_founder, most_in_one_net);
}

static void test_one_subtree(void **state) {
        (void)state;
        assert_at_most(3, most_of_home_1, at_home); /* two of home 1's, and home 0 */
}

/* Where there is nobody else five are dialled all the same. */
static void test_no_other_candidates(void **state) {
        (void)state;
        struct street *s = street_built(9, of_founder, most_in_one_net);
        dialled_below_14(s, 8);
        street_free(s);
}

static size_t tried_at_home(struct street *s, size_t who) {
        const struct mesh *m = street_core(s, who);
        size_t n = 0;
        for (size_t i = 0; i < m->n_addresses; i++)
                n += m->addresses[i].addr.ip[12] == 10 && (m->addresses[i].link || m->addresses[i].refused);
        return n;
}

/* Private addresses are of no network: 14 of the 19 others have one, and two are not all that are tried, full ones too. */
static void test_private_addresses(void **state) {
        (void)state;
        size_t tried = 0;
        for (uint64_t i = 0; i < STREETS; i++, seed++) {
                struct street *s = street_built(20, of_founder, most_at_home);
                dialled_below_14(s, 19);
                tried += tried_at_home(s, 19);
                street_free(s);
        }
        seed -= STREETS;
        assert_true(tried > STREETS * 2);
}

/* A home with 400 addresses at which nobody answers: how often it has dialled in two minutes. */
static uint64_t dials_in_vain(struct street *s, enum lone_guest who) {
        struct lone l;
        lone_start(&l, s, 0, who);
        if (who == LONE_MEMBER)
                guest_hello(&l.g, street_wall(s), false);
        lone_flush(&l);
        assert_int_equal(links_up(l.m), who == LONE_MEMBER);
        for (unsigned i = 0; i < 400; i++) {
                struct mesh_addr addr = {.ip = {[10] = 0xff, 0xff, 198, 51, (uint8_t)(i >> 8), (uint8_t)i},
                                         .port = 7345};
                assert_non_null(address_add(l.m, &addr));
        }
        uint64_t before = l.m->next_dial;
        for (int i = 0; i < 120; i++) {
                struct wire_nothing nothing = {0};
                if (who == LONE_MEMBER)
                        guest_say(&l.g, LINK_PONG, &nothing); /* it is there */
                lone_flush(&l);
                lone_wait(&l, 1000);
        }
        before = l.m->next_dial - before;
        lone_end(&l);
        return before;
}

/* As long as nobody is reached it tries them all, again and again; one link is enough to take its time for the others. */
static void test_dials_in_vain(void **state) {
        (void)state;
        STREET(2);
        street_run_for(s, 60);
        street_off(s, 0);
        street_off(s, 1);
        assert_true(dials_in_vain(s, LONE_NOBODY) > 1600);
        assert_true(dials_in_vain(s, LONE_MEMBER) < DIAL_VAIN + 60);
        street_free(s);
}

/* A start at the same address tells nobody anything; at another one it does. */
static void test_contact_of_a_start(void **state) {
        (void)state;
        STREET(3);
        street_run_for(s, 1300);
        struct sign_key device;
        sign_key_from_seed(&device, street_config(s, 2)->sign_seed);
        const struct contact *c = map_find(&street_core(s, 0)->contacts, device.pub.b);
        uint64_t seq = c->card->seq;
        for (int i = 0; i < 3; i++) {
                street_off(s, 2);
                street_on(s, 2);
                street_run_for(s, 1300);
        }
        c = map_find(&street_core(s, 0)->contacts, device.pub.b);
        assert_int_equal(c->card->seq, seq);
        street_place(s, 2, (const uint8_t[4]){10, 0, 9, 9});
        street_run_for(s, 1300);
        c = map_find(&street_core(s, 0)->contacts, device.pub.b);
        assert_int_equal(c->card->seq, seq + 1);
        street_free(s);
}

/* ---- where others see a home ---- */
static const uint8_t outside[4] = {198, 51, 100, 7};

/* Home @who's contact, as home @at has it, names the address outside, with the port it listens on. */
static bool says_outside(struct street *s, size_t at, size_t who) {
        struct sign_key device;
        sign_key_from_seed(&device, street_config(s, who)->sign_seed);
        const struct contact *c = map_find(&street_core(s, at)->contacts, device.pub.b);
        for (size_t i = 0; c && i < c->n_addrs; i++)
                if (memcmp(c->card->addrs[i].ip + 12, outside, sizeof(outside)) == 0 && c->card->addrs[i].port == 7345)
                        return true;
        return false;
}

/* Puts home @who behind a router, with links to homes @first to @last only. */
static void behind_router(struct street *s, size_t who, size_t first, size_t last) {
        street_run_for(s, 30);
        for (size_t i = 0; i < who; i++)
                if (i < first || i > last)
                        street_cut(s, who, i);
        street_nat(s, who, outside);
        street_off(s, who);
        street_on(s, who);
        street_run_for(s, 1300); /* two contacts */
}

static bool four_to_five(struct street *s, _unused_ void *ctx) {
        return link_between(s, 4, 5) != NULL;
}

/* Two neighbours whom nobody has both invited see it there: then all others know, and one who only heard of it calls. */
static void test_seen_outside(void **state) {
        (void)state;
        struct street *s = street_built(6, of_founder, at_home);
        behind_router(s, 5, 1, 1);
        assert_false(says_outside(s, 0, 5));
        street_mend(s, 5, 2);
        street_run_for(s, 1300);
        assert_non_null(link_between(s, 2, 5));
        assert_true(says_outside(s, 0, 5) && says_outside(s, 4, 5));
        struct sign_key device;
        sign_key_from_seed(&device, street_config(s, 5)->sign_seed);
        const struct contact *c = map_find(&street_core(s, 0)->contacts, device.pub.b);
        assert_int_equal(c->n_addrs, 2); /* and its own one */
        street_mend(s, 5, 4);
        for (size_t i = 0; i < 4; i++)
                street_shut(s, i);
        street_shut(s, 4); /* home 5 can't call it */
        street_off(s, 5);
        street_on(s, 5);
        street_wait(s, 1800, four_to_five, NULL);
        const struct link *l = link_between(s, 4, 5);
        assert_true(l && l->dialled && memcmp(l->addr.ip + 12, outside, sizeof(outside)) == 0);
        street_free(s);
}

static size_t of_home_1(size_t i) {
        return i > 1 ? 1 : 0;
}

/* One neighbour's word is not enough, nor that of two whom one home has invited. */
static void test_seen_by_too_few(void **state) {
        (void)state;
        struct street *s = street_built(6, of_founder, at_home);
        behind_router(s, 5, 1, 1);
        assert_non_null(link_between(s, 1, 5));
        assert_false(says_outside(s, 1, 5));
        street_free(s);
        s = street_built(6, of_home_1, at_home);
        behind_router(s, 5, 2, 3);
        assert_true(link_between(s, 2, 5) && link_between(s, 3, 5));
        assert_false(says_outside(s, 2, 5) || says_outside(s, 3, 5));
        street_free(s);
}

/* A home that is seen where it knows itself to be has nothing to add. */
static void test_seen_at_home(void **state) {
        (void)state;
        struct street *s = street_built(4, of_founder, most_in_one_net);
        street_run_for(s, 1300);
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(street_core(s, i)->seen.port, 0);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unanswered_session), cmocka_unit_test(test_unanswered_first_session),
                cmocka_unit_test(test_operations_a_day),   cmocka_unit_test(test_contacts_an_hour),
                cmocka_unit_test(test_contact_of_a_start), cmocka_unit_test(test_revocations_of_one_device),
                cmocka_unit_test(test_eclipsed),           cmocka_unit_test(test_turned_away),
                cmocka_unit_test(test_stale_contacts),     cmocka_unit_test(test_contact_of_the_gone),
                cmocka_unit_test(test_claimed_addresses),  cmocka_unit_test(test_elsewhere),
                cmocka_unit_test(test_visits_have_places), cmocka_unit_test(test_one_network),
                cmocka_unit_test(test_one_subtree),        cmocka_unit_test(test_no_other_candidates),
                cmocka_unit_test(test_private_addresses),  cmocka_unit_test(test_dials_in_vain),
                cmocka_unit_test(test_seen_outside),       cmocka_unit_test(test_seen_by_too_few),
                cmocka_unit_test(test_seen_at_home),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
