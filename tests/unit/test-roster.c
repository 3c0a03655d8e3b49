/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the roster one by one: who may sign what, who comes in, and what the core asks. Votes: test-roster-votes.c. */
#include "roster-rules.h"

/* ---- founding ---- */

static int found_with(uint32_t key, uint32_t value, uint32_t key2, uint32_t value2) {
        _clean_(buf_fini) struct buf rows = BUF_NULL, device = BUF_NULL, out = BUF_NULL;
        struct wire_list list = {0};
        struct wire_charter_row a = {.key = key, .value = value}, b = {.key = key2, .value = value2};
        struct wire_op op = {.type = OP_GENESIS, .time = STREET_NOW}, made;
        wire_list_add(&wire_charter_row_desc, &list, &rows, &a);
        if (key2)
                wire_list_add(&wire_charter_row_desc, &list, &rows, &b);
        WIRE_PUT(&op, OP, name, SPAN_STR("Home"));
        WIRE_PUT(&op, OP, seal, SPAN_OF(s.homes[0].seal.b));
        WIRE_PUT(&op, OP, device, street_device(&device, &s.homes[0].device, &s.homes[0].noise, SHARE_WHOLE));
        WIRE_PUT(&op, OP, mesh_name, SPAN_STR("Police Street"));
        WIRE_PUT(&op, OP, charter, list);
        int r = op_make(&out, &op, NULL, &s.homes[0].key);
        return r ? r : op_check(buf_span(&out), NULL, true, true, &made);
}

static void test_founding(void **state) {
        (void)state;
        begin(&s, 1, 1);
        const struct roster *r = s.sides[0];
        assert_string_equal(roster_mesh_name(r), "Elm Street");
        assert_int_equal(roster_founded(r), STREET_NOW);
        assert_int_equal(roster_charter(r, CHARTER_max_members), 500);
        assert_int_equal(roster_charter(r, CHARTER_precision), 7);
        assert_true(street_steward(&s, 0, 0));
        assert_non_null(roster_device_find(r, &s.homes[0].device.pub));
        assert_non_null(roster_noise_find(r, &s.homes[0].noise));
        assert_null(roster_home_at(r, 1));
        assert_null(roster_op_at(r, 1));
        assert_int_equal(found_with(CHARTER_max_members, 5000, 0, 0), 0);
        assert_int_equal(found_with(CHARTER_max_members, 5001, 0, 0), OP_E_INPUT);
        assert_int_equal(found_with(CHARTER_urgent, 0, 0, 0), OP_E_INPUT);
        assert_int_equal(found_with(CHARTER_urgent, 1, CHARTER_urgent, 2), OP_E_INPUT);
        assert_int_equal(found_with(63, 1, 0, 0), OP_E_INPUT);
        assert_int_equal(found_with(CHARTER_normal, 16384, 0, 0), 0);
        assert_int_equal(found_with(CHARTER_normal, 16384, CHARTER_max_members, 5000), OP_E_INPUT);
}

static void test_first_must_be_a_genesis(void **state) {
        (void)state;
        begin(&s, 2, 1);
        struct roster *r = street_roster();
        struct hash id;
        assert_null(roster_mesh(r));
        assert_int_equal(roster_add(r, buf_span(&s.ops[1].bytes), false, &id), ROSTER_E_INPUT);
        assert_int_equal(roster_add(r, buf_span(&s.ops[0].bytes), false, &id), 0);
        assert_true(hash_eq(&id, &s.mesh));
        assert_int_equal(roster_add(r, buf_span(&s.ops[0].bytes), false, &id), ROSTER_E_KNOWN);
        assert_int_equal(roster_add(r, buf_span(&s.ops[1].bytes), false, &id), 0);
        assert_int_equal(roster_add(r, buf_span(&s.ops[1].bytes), false, &id), ROSTER_E_KNOWN);
        roster_free(r);
}

/* Every byte of an operation counts: whatever is changed, it is refused. */
static void test_altered_bytes(void **state) {
        (void)state;
        begin(&s, 3, 2);
        struct hash id;
        for (size_t i = 1; i < s.n_ops; i++) {
                struct roster *r = street_roster();
                for (size_t k = 0; k < i; k++)
                        roster_add(r, buf_span(&s.ops[k].bytes), true, &id);
                _clean_(buf_fini) struct buf b = BUF_NULL;
                buf_add(&b, buf_span(&s.ops[i].bytes));
                for (size_t at = 0; at < b.n; at += 3) {
                        b.p[at] ^= 1;
                        int e = roster_add(r, buf_span(&b), false, &id);
                        assert_true(e == ROSTER_E_INPUT || e == ROSTER_E_SIGNATURE);
                        b.p[at] ^= 1;
                }
                assert_int_equal(roster_add(r, span_of(b.p, b.n - 1), false, &id), ROSTER_E_INPUT);
                assert_int_equal(roster_add(r, buf_span(&b), false, &id), 0);
                roster_free(r);
        }
}

static void test_ancestors_first(void **state) {
        (void)state;
        begin(&s, 3, 1);
        struct roster *r = street_roster();
        struct hash id;
        roster_add(r, buf_span(&s.ops[0].bytes), true, &id);
        assert_int_equal(roster_add(r, buf_span(&s.ops[2].bytes), false, &id), ROSTER_E_PARENTS);
        assert_true(hash_eq(&id, &s.ops[2].id));
        assert_int_equal(roster_ops(r), 1);
        assert_int_equal(roster_add(r, buf_span(&s.ops[1].bytes), false, &id), 0);
        assert_int_equal(roster_add(r, buf_span(&s.ops[2].bytes), false, &id), 0);
        roster_free(r);
}

/* Rows that a type needs must be there, and no other type's. */
static void test_shapes(void **state) {
        (void)state;
        begin(&s, 2, 1);
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct hash parents[2] = {s.mesh, s.mesh};
        struct wire_op op = {.type = OP_REMOVE, .seq = 1, .time = 1, .parents = span_of(parents, 32)};
        assert_int_equal(op_make(&out, &op, &s.mesh, &s.homes[0].key), OP_E_INPUT);
        WIRE_PUT(&op, OP, target, SPAN_OF(s.homes[1].key.pub.b));
        assert_int_equal(op_make(&out, &op, &s.mesh, &s.homes[0].key), 0);
        op.parents.n = 64; /* the same one twice */
        assert_int_equal(op_make(&out, &op, &s.mesh, &s.homes[0].key), OP_E_INPUT);
        op.parents.n = 33;
        assert_int_equal(op_make(&out, &op, &s.mesh, &s.homes[0].key), OP_E_INPUT);
        op.parents.n = 0;
        assert_int_equal(op_make(&out, &op, &s.mesh, &s.homes[0].key), OP_E_INPUT);
        op.parents.n = 32;
        op.seq = 0;
        assert_int_equal(op_make(&out, &op, &s.mesh, &s.homes[0].key), OP_E_INPUT);
        op.seq = 1;
        WIRE_PUT(&op, OP, proposal, SPAN_OF(s.mesh.b));
        assert_int_equal(op_make(&out, &op, &s.mesh, &s.homes[0].key), OP_E_INPUT);
        op.has &= ~(UINT64_C(1) << OP_KEY_proposal);
        op.type = 20;
        assert_int_equal(op_make(&out, &op, &s.mesh, &s.homes[0].key), OP_E_INPUT);
}

/* ---- joining ---- */

static void test_admission(void **state) {
        (void)state;
        begin(&s, 2, 1);
        struct ticket t, strange;
        street_ticket(&s, 0, 1, s.now + MESH_DAY, &t);
        street_ticket(&s, 30, 1, s.now + MESH_DAY, &strange);
        struct span name = SPAN_STR("The Smiths");
        assert_int_equal(may_admit(2, name, &t, s.now), 0);
        assert_int_equal(may_admit(2, name, &t, s.now + MESH_DAY), 0);
        assert_int_equal(may_admit(2, name, &t, s.now + MESH_DAY + 1), ROSTER_E_EXPIRED);
        assert_int_equal(may_admit(1, name, &t, s.now), ROSTER_E_MEMBER);
        assert_int_equal(may_admit(2, name, &strange, s.now), ROSTER_E_STRANGER);
        assert_int_equal(street_join_on(&s, 0, 2, &t, 1), 0);
        const struct roster_home *h = street_home(&s, 0, 2);
        assert_true(h->member && !h->steward && h->depth == 1 && h->n_devices == 1);
        assert_ptr_equal(h->inviter, street_home(&s, 0, 0));
        assert_int_equal(roster_invite_used(s.sides[0], &t.invite.pub), 1);
        assert_int_equal(may_admit(3, name, &t, s.now), ROSTER_E_USED);
        assert_int_equal(street_join_on(&s, 0, 3, &t, 1), ROSTER_E_RULE);
        assert_int_equal(street_join_on(&s, 0, 3, &strange, 1), ROSTER_E_RULE);
        ticket_fini(&t);
        ticket_fini(&strange);
        same_for_all(&s);
}

static void test_refused_names(void **state) {
        (void)state;
        begin(&s, 1, 1);
        struct ticket t;
        _clean_(buf_fini) struct buf device = BUF_NULL, invite = BUF_NULL, out = BUF_NULL;
        street_ticket(&s, 0, 1, s.now + MESH_DAY, &t);
        ticket_invite(&t, &invite);
        struct wire_op op = {.type = OP_ADD, .time = s.now};
        WIRE_PUT(&op, OP, name, SPAN_STR("Elm Police"));
        WIRE_PUT(&op, OP, seal, SPAN_OF(s.homes[1].seal.b));
        WIRE_PUT(&op, OP, device, street_device(&device, &s.homes[1].device, &s.homes[1].noise, SHARE_WHOLE));
        WIRE_PUT(&op, OP, invite, ((struct wire_list){1, buf_span(&invite)}));
        assert_int_equal(op_make_add(&out, &op, &s.mesh, &s.homes[1].key, &t.invite), OP_E_INPUT);
        op.name = SPAN_STR("Elm Polite");
        assert_int_equal(op_make_add(&out, &op, &s.mesh, &s.homes[1].key, &t.invite), 0);
        assert_int_equal(roster_may_admit(s.sides[0], buf_span(&out), s.now), 0);
        ticket_fini(&t);
}

static void test_budgets(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf rows = BUF_NULL;
        struct wire_list list = {0};
        struct wire_charter_row most = {.key = CHARTER_max_members, .value = 12};
        struct wire_charter_row home = {.key = CHARTER_home_invites, .value = 2};
        struct wire_charter_row steward = {.key = CHARTER_steward_adds, .value = 3};
        wire_list_add(&wire_charter_row_desc, &list, &rows, &most);
        wire_list_add(&wire_charter_row_desc, &list, &rows, &home);
        wire_list_add(&wire_charter_row_desc, &list, &rows, &steward);
        street_found(&s, 1, list);
        s.now -= s.now % MESH_DAY;
        for (uint32_t i = 1; i <= 3; i++)
                assert_int_equal(street_join(&s, 0, i, 0), 0);
        assert_int_equal(street_join(&s, 0, 4, 0), ROSTER_E_RULE); /* a steward's fourth of that day */
        s.now += MESH_DAY;
        assert_int_equal(street_join(&s, 0, 4, 0), 0);
        assert_int_equal(street_join(&s, 0, 5, 1), 0);
        assert_int_equal(street_join(&s, 0, 6, 1), 0);
        assert_int_equal(street_join(&s, 0, 7, 1), ROSTER_E_RULE); /* an ordinary home's third */
        s.now += MESH_DAY;
        assert_int_equal(street_join(&s, 0, 7, 1), ROSTER_E_RULE); /* which no day brings back */
        assert_int_equal(street_leave(&s, 0, 6), 0);
        assert_int_equal(street_join(&s, 0, 7, 1), 0); /* but a home that goes */
        struct ticket t;
        street_ticket(&s, 1, 1, s.now + MESH_DAY, &t);
        assert_int_equal(may_admit(20, SPAN_STR("One More"), &t, s.now), ROSTER_E_BUDGET);
        ticket_fini(&t);
        for (uint32_t i = 8; i <= 13; i++)
                assert_int_equal(street_join(&s, 0, i, 2 + (i - 8) / 2), i < 13 ? 0 : ROSTER_E_RULE);
        assert_int_equal(roster_members(s.sides[0]), 12);
        street_ticket(&s, 4, 1, s.now + MESH_DAY, &t);
        assert_int_equal(may_admit(20, SPAN_STR("One More"), &t, s.now), ROSTER_E_FULL);
        ticket_fini(&t);
        same_for_all(&s);
}

/* On each side of a partition somebody spends the same ticket. Nobody has built on either: the lower id stands. */
static void test_ticket_spent_twice(void **state) {
        (void)state;
        begin(&s, 3, 1);
        struct ticket t;
        street_ticket(&s, 0, 1, s.now + MESH_DAY, &t);
        assert_int_equal(street_join_on(&s, 0, 10, &t, 1), 0);
        struct hash first = s.last;
        assert_int_equal(street_join_on(&s, 1, 11, &t, 2), 0);
        struct hash second = s.last;
        same_for_all(&s);
        bool lower = memcmp(first.b, second.b, 32) < 0;
        assert_int_equal(street_member(&s, 0, 10), lower);
        assert_int_equal(street_member(&s, 0, 11), !lower);
        assert_int_equal(roster_members(s.sides[0]), 4);
        assert_int_equal(roster_invite_used(s.sides[0], &t.invite.pub), 1);
        assert_null(roster_device_find(s.sides[0], &s.homes[lower ? 11 : 10].device.pub));
        ticket_fini(&t);
}

/* Whichever id is lower: the one that another home's operation descends from stands, and with it what it brought. */
static void test_ticket_spent_twice_built_on(void **state) {
        (void)state;
        for (int side = 0; side < 2; side++) {
                begin(&s, 3, 1);
                struct ticket t;
                street_ticket(&s, 0, 1, s.now + MESH_DAY, &t);
                assert_int_equal(street_join_on(&s, 0, 10, &t, 1), 0);
                assert_int_equal(street_join_on(&s, 1, 11, &t, 2), 0);
                assert_int_equal(street_about(&s, side, 1, OP_VOUCH, 2), 0);
                assert_int_equal(street_join(&s, side, 12, side ? 11 : 10), 0);
                same_for_all(&s);
                assert_int_equal(street_member(&s, 0, 10), !side);
                assert_int_equal(street_member(&s, 0, 11), side);
                assert_true(street_member(&s, 0, 12));
                ticket_fini(&t);
                if (!side)
                        street_end(&s);
        }
}

/* Who wrote a ticket cannot put the home out that came on it, by spending it once more on old names and building on that:
 * whichever id is lower. */
static void test_ticket_spent_again_by_its_writer(void **state) {
        (void)state;
        for (uint32_t i = 0; i < 12; i++) {
                if (i)
                        street_end(&s);
                begin(&s, 3, 1);
                struct ticket t;
                street_ticket(&s, 1, 1, s.now + MESH_DAY, &t);
                street_remember(&s, 1, 1);
                assert_int_equal(street_join_on(&s, 0, 10, &t, 2), 0);
                assert_int_equal(street_about(&s, 0, 2, OP_VOUCH, 10), 0);
                s.backdate = true;
                assert_int_equal(street_join_on(&s, 1, 20 + i, &t, 1), 0);
                s.backdate = false;
                assert_int_equal(street_about(&s, 1, 1, OP_VOUCH, 0), 0);
                assert_int_equal(street_join(&s, 1, 40, 20 + i), 0); /* its own sybil's sybil builds on it, too */
                same_for_all(&s);
                assert_true(street_member(&s, 0, 10));
                assert_false(street_member(&s, 0, 20 + i));
                ticket_fini(&t);
        }
}

/* A ticket for three is spent twice on one side, and twice on the other: earlier ones stand before those that saw them. */
static void test_count_surplus(void **state) {
        (void)state;
        begin(&s, 3, 1);
        struct ticket t;
        street_ticket(&s, 0, 3, s.now + MESH_DAY, &t);
        assert_int_equal(street_join_on(&s, 0, 10, &t, 1), 0);
        assert_int_equal(street_join_on(&s, 0, 11, &t, 1), 0);
        assert_int_equal(street_join_on(&s, 1, 12, &t, 2), 0);
        assert_int_equal(street_join_on(&s, 1, 13, &t, 2), 0);
        same_for_all(&s);
        assert_true(street_member(&s, 0, 10));
        assert_true(street_member(&s, 0, 12));
        assert_int_equal(street_member(&s, 0, 11) + street_member(&s, 0, 13), 1);
        assert_int_equal(roster_invite_used(s.sides[0], &t.invite.pub), 3);
        assert_int_equal(street_join_on(&s, 0, 14, &t, 1), ROSTER_E_RULE);
        ticket_fini(&t);
}

/* One signed add, countersigned at two doors: one home, and what it signs on either stands. */
static void test_two_doors(void **state) {
        (void)state;
        begin(&s, 4, 3);
        struct ticket t;
        _clean_(buf_fini) struct buf add = BUF_NULL;
        street_ticket(&s, 0, 1, s.now + MESH_DAY, &t);
        street_add_sign(&s, 10, SPAN_STR("Ten"), &t, &add);
        assert_int_equal(street_admit(&s, 0, buf_span(&add), 2, ++s.now), 0);
        assert_int_equal(street_admit(&s, 1, buf_span(&add), 3, ++s.now), 0);
        assert_int_equal(street_about(&s, 0, 10, OP_VOUCH, 2), 0);
        assert_int_equal(street_about(&s, 3, 0, OP_REMOVE, 3), 0); /* the second door goes, unseen */
        assert_int_equal(street_endorse(&s, 3, 1, s.last), 0);
        same_for_all(&s);
        assert_true(street_member(&s, 0, 10));
        assert_false(street_member(&s, 0, 3));
        assert_int_equal(street_home(&s, 0, 10)->n_devices, 1);
        assert_int_equal(roster_invite_used(s.sides[0], &t.invite.pub), 1);
        ticket_fini(&t);
}

static void test_undo(void **state) {
        (void)state;
        begin(&s, 4, 1);
        assert_int_equal(street_join(&s, 0, 10, 1), 0);
        struct hash add = s.last;
        mesh_wall at = s.now;
        assert_int_equal(street_undo(&s, 0, 1, add, 1, at), ROSTER_E_RULE);  /* its own device */
        assert_int_equal(street_undo(&s, 0, 1, add, 10, at), ROSTER_E_RULE); /* the joiner's */
        assert_int_equal(street_undo(&s, 0, 2, add, 3, at), ROSTER_E_RULE);  /* not its ticket */
        assert_int_equal(street_undo(&s, 0, 1, add, 2, at + MESH_DAY + 1), ROSTER_E_RULE);
        assert_int_equal(street_undo(&s, 0, 1, add, 2, at + MESH_DAY), 0);
        assert_false(street_member(&s, 0, 10));
        assert_false(street_home(&s, 0, 10)->left);
        assert_int_equal(street_join(&s, 0, 10, 1), ROSTER_E_RULE);
        same_for_all(&s);
}

static void test_look_alikes(void **state) {
        (void)state;
        begin(&s, 2, 1);
        struct ticket t;
        _clean_(buf_fini) struct buf first = BUF_NULL, second = BUF_NULL;
        street_ticket(&s, 0, 2, s.now + MESH_DAY, &t);
        street_add_sign(&s, 10, SPAN_STR("Miller 10"), &t, &first);
        street_add_sign(&s, 11, SPAN_STR("MiIIer lO"), &t, &second);
        assert_int_equal(street_admit(&s, 0, buf_span(&first), 0, ++s.now), 0);
        assert_false(street_home(&s, 0, 10)->name_clash);
        assert_int_equal(street_admit(&s, 0, buf_span(&second), 0, ++s.now), 0);
        assert_int_equal(street_home(&s, 0, 10)->name_clash + street_home(&s, 0, 11)->name_clash, 1);
        assert_false(street_home(&s, 0, 1)->name_clash);
        same_for_all(&s);
        ticket_fini(&t);
}

/* ---- leaving, devices, chains ---- */

static void test_leaving(void **state) {
        (void)state;
        begin(&s, 4, 2);
        assert_int_equal(street_join(&s, 1, 10, 3), 0); /* concurrently, on the leaver's ticket */
        assert_int_equal(street_leave(&s, 0, 3), 0);
        assert_false(street_member(&s, 0, 3));
        assert_int_equal(street_about(&s, 0, 3, OP_VOUCH, 1), ROSTER_E_RULE);
        same_for_all(&s);
        assert_false(street_member(&s, 0, 10));
        assert_int_equal(roster_members(s.sides[0]), 3);
        assert_true(street_home(&s, 0, 3)->left);
}

static void test_devices(void **state) {
        (void)state;
        begin(&s, 3, 1);
        for (uint32_t i = 40; i < 43; i++)
                assert_int_equal(street_device_add(&s, 0, 1, &s.homes[i].key), 0);
        assert_int_equal(street_device_add(&s, 0, 1, &s.homes[43].key), ROSTER_E_RULE); /* a fifth */
        assert_int_equal(street_device_add(&s, 0, 2, &s.homes[40].key), ROSTER_E_RULE); /* another's */
        assert_int_equal(street_device_revoke(&s, 0, 2, &s.homes[40].key.pub, NULL), ROSTER_E_RULE);
        assert_int_equal(street_device_revoke(&s, 0, 1, &s.homes[40].key.pub, NULL), 0);
        assert_int_equal(street_device_revoke(&s, 0, 1, &s.homes[40].key.pub, NULL), ROSTER_E_RULE);
        assert_int_equal(street_device_add(&s, 0, 1, &s.homes[40].key), ROSTER_E_RULE); /* never again */
        assert_int_equal(street_device_revoke(&s, 0, 1, &s.homes[1].device.pub, &s.homes[44].key), 0);
        const struct roster_device *old = roster_device_find(s.sides[0], &s.homes[1].device.pub);
        const struct roster_device *new = roster_device_find(s.sides[0], &s.homes[44].key.pub);
        assert_int_equal(old->gone_at, s.now);
        assert_int_equal(new->gone_at, 0);
        assert_int_equal(new->since, s.now);
        assert_int_equal(new->share, SHARE_WHOLE);
        assert_int_equal(street_home(&s, 0, 1)->n_devices, 5);
        same_for_all(&s);
}

/* @proof NULL: none. Signed by home 1, certifying @sign as its own. */
static void device_signed(const struct sign_key *sign, const uint8_t *proof, struct buf *ret) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_list list = {0};
        struct hash parents[4];
        uint64_t seq;
        size_t n = roster_parents(s.sides[0], &s.homes[1].key.pub, NULL, 0, parents, &seq);
        struct wire_device d = {
                .sign = SPAN_OF(sign->pub.b),
                .noise = SPAN_OF(sign->pub.b),
                .seal = SPAN_OF(s.homes[45].noise.b),
                .share = SHARE_WHOLE,
                .name = SPAN_STR("new hub"),
        };
        if (proof)
                WIRE_PUT(&d, DEVICE, proof, span_of(proof, SIGN_BYTES));
        wire_list_add(&wire_device_desc, &list, &store, &d);
        struct wire_op op = {.type = OP_DEVICE_REVOKE,
                             .seq = seq,
                             .time = ++s.now,
                             .parents = span_of(parents, n * sizeof(*parents))};
        WIRE_PUT(&op, OP, target, SPAN_OF(s.homes[1].device.pub.b));
        WIRE_PUT(&op, OP, device, list);
        int r = op_make(ret, &op, &s.mesh, &s.homes[1].key);
        assert_int_equal(r, proof ? 0 : OP_E_INPUT);
}

/* A household certifies only what says so itself: the signing key, in this mesh, for this household, with these keys. */
static void test_device_proves(void **state) {
        (void)state;
        struct hash id, other_mesh = {{7}};
        uint8_t proof[SIGN_BYTES];
        begin(&s, 3, 1);
        const struct sign_key *new = &s.homes[44].device;
        const struct key *seal = &s.homes[45].noise, *us = &s.homes[1].key.pub;
        const struct {
                const struct sign_key *by;
                const struct key *noise, *seal, *household;
                const struct hash *mesh;
                int r;
        } cases[] = {
                {&s.homes[43].device, &new->pub, seal, us, &s.mesh, ROSTER_E_SIGNATURE},  /* by another key */
                {new, &s.homes[2].noise, seal, us, &s.mesh, ROSTER_E_SIGNATURE},          /* for other keys */
                {new, &new->pub, &new->pub, us, &s.mesh, ROSTER_E_SIGNATURE},             /* for other keys */
                {new, &new->pub, seal, &s.homes[0].key.pub, &s.mesh, ROSTER_E_SIGNATURE}, /* for another household */
                {new, &new->pub, seal, us, &other_mesh, ROSTER_E_SIGNATURE},              /* in another mesh */
                {new, &new->pub, seal, us, &s.mesh, 0},
        };
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                _clean_(buf_fini) struct buf op = BUF_NULL;
                struct sign_key by = *cases[i].by;
                by.pub = new->pub; /* it says that it is the new device */
                op_device_prove(proof, &by, cases[i].noise, cases[i].seal, cases[i].mesh, cases[i].household);
                device_signed(new, proof, &op);
                assert_int_equal(roster_add(s.sides[0], buf_span(&op), false, &id), cases[i].r);
        }
        const struct roster_device *d = roster_device_find(s.sides[0], &new->pub);
        assert_true(d && !d->gone_at && d->share == SHARE_WHOLE && key_eq(&d->seal, seal));
        _clean_(buf_fini) struct buf none = BUF_NULL;
        device_signed(&s.homes[46].device, NULL, &none);
}

/* A stolen device signs tickets and opens doors after it was revoked, on what it knew: void. */
static void test_stolen_device(void **state) {
        (void)state;
        begin(&s, 3, 1);
        assert_int_equal(street_join(&s, 0, 10, 1), 0);
        street_sync_all(&s);
        assert_int_equal(street_device_revoke(&s, 0, 1, &s.homes[1].device.pub, &s.homes[40].key), 0);
        struct hash removed, later;
        roster_removed(s.sides[0], &removed);
        assert_int_equal(street_join(&s, 1, 11, 1), 0);
        same_for_all(&s);
        assert_true(street_member(&s, 0, 10));
        assert_false(street_member(&s, 0, 11));
        assert_true(street_member(&s, 0, 1));
        roster_removed(s.sides[0], &later);
        assert_true(hash_eq(&removed, &later));
}

/* Two households certify one device key, unseen by each other: it is the one's whose add it came with. */
static void test_device_key_of_another(void **state) {
        (void)state;
        begin(&s, 3, 1);
        assert_int_equal(street_device_add(&s, 1, 1, &s.homes[10].device), 0);
        assert_int_equal(street_join(&s, 0, 10, 0), 0);
        same_for_all(&s);
        const struct roster_device *d = roster_device_find(s.sides[0], &s.homes[10].device.pub);
        assert_ptr_equal(d->home, street_home(&s, 0, 10));
        assert_int_equal(street_home(&s, 0, 1)->n_devices, 1);
}

static void test_fork(void **state) {
        (void)state;
        begin(&s, 5, 2);
        street_remember(&s, 0, 3);
        assert_int_equal(street_about(&s, 0, 3, OP_VOUCH, 4), 0);
        assert_int_equal(street_about(&s, 0, 3, OP_VOUCH, 2), 0);
        s.backdate = true;
        assert_int_equal(street_leave(&s, 1, 3), 0);
        s.backdate = false;
        assert_false(street_member(&s, 1, 3));
        assert_int_equal(street_about(&s, 0, 0, OP_VOUCH, 4), ROSTER_E_RULE); /* its own guest; builds on nothing */
        assert_int_equal(street_join(&s, 0, 10, 0), 0);                       /* builds on the vouches */
        same_for_all(&s);
        assert_true(street_member(&s, 0, 3));
        assert_int_equal(street_about(&s, 0, 3, OP_VOUCH, 1), 0); /* and nobody is muted for it */
        same_for_all(&s);
}

static void test_chain_limits(void **state) {
        (void)state;
        begin(&s, 40, 1);
        for (uint32_t i = 0; i < 63; i++) { /* seq 1 to 63: proposals to be rid of one another, which nobody joins */
                int r = street_about(&s, 0, 1, i % 2 ? OP_REMOVE : OP_PROMOTE, 2 + i % 37);
                assert_int_equal(r, 0);
        }
        assert_int_equal(street_about(&s, 0, 1, OP_REMOVE, 2), ROSTER_E_RULE);
        assert_int_equal(street_leave(&s, 0, 1), ROSTER_E_RULE);
        assert_int_equal(street_about(&s, 0, 0, OP_PROMOTE, 1), 0);
        assert_int_equal(street_about(&s, 0, 1, OP_REMOVE, 2), 0); /* a steward's goes on */
        same_for_all(&s);
}

/* A steward's chain ends at 4,096: the row itself holds no higher number. */
static void test_steward_chain_limit(void **state) {
        (void)state;
        begin(&s, 2, 1);
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct hash parent = s.mesh;
        struct wire_op op = {.type = OP_LEAVE, .seq = 4095, .time = 1, .parents = SPAN_OF(parent.b)};
        assert_int_equal(op_make(&out, &op, &s.mesh, &s.homes[0].key), 0);
        op.seq = 4096;
        assert_int_equal(op_make(&out, &op, &s.mesh, &s.homes[0].key), OP_E_INPUT);
}

/* ---- what the core asks ---- */

/* An epoch's frontier need not hold every add: the removed set is the same. */
static void test_removed_at(void **state) {
        (void)state;
        begin(&s, 4, 1);
        struct hash all, at, heads[ROSTER_HEADS_MAX], frontier;
        bool current;
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 3), 0);
        frontier = s.last;
        assert_int_equal(street_join(&s, 0, 10, 0), 0);
        roster_removed(s.sides[0], &all);
        assert_int_equal(roster_removed_at(s.sides[0], &frontier, 1, NULL, &at, &current), 0);
        assert_true(hash_eq(&all, &at));
        assert_int_equal(roster_removed_at(s.sides[0], &s.mesh, 1, NULL, &at, &current), 0);
        assert_false(hash_eq(&all, &at));
        struct hash expected;
        hash_make(&expected, DOMAIN_REMOVED, &s.mesh, SPAN_OF(s.homes[3].key.pub.b));
        assert_true(hash_eq(&all, &expected));
        frontier.b[0] ^= 1;
        assert_int_equal(roster_removed_at(s.sides[0], &frontier, 1, NULL, &at, &current), ROSTER_E_PARENTS);
        assert_int_equal(roster_heads(s.sides[0], heads), 1);
        assert_true(hash_eq(&heads[0], &s.last));
}

static void frontier_is(const struct roster_device *d, enum roster_told told, const struct hash *only) {
        _clean_(buf_fini) struct buf names = BUF_NULL;
        assert_int_equal(roster_frontier(s.sides[0], d, told, &names), 0);
        assert_true(span_eq(buf_span(&names), SPAN_OF(only->b)));
}

/* Whoever joined meanwhile, and however many: what tells of the removals is a few operations. */
static void test_frontier(void **state) {
        (void)state;
        begin(&s, 4, 1);
        const struct roster_device *d = roster_device_find(s.sides[0], &s.homes[1].device.pub);
        frontier_is(d, ROSTER_COUNTED, &roster_device_op(s.sides[0], d)->id); /* and the genesis with it */
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 3), 0);
        const struct hash first = s.last;
        street_sync(&s, 0, 1);
        assert_int_equal(street_join(&s, 0, 10, 0), 0);
        frontier_is(d, ROSTER_COUNTED, &first);
        assert_int_equal(street_leave(&s, 1, 2), 0); /* beside it */
        const struct hash second = s.last;
        street_sync_all(&s);
        assert_int_equal(street_join(&s, 0, 11, 0), 0);
        frontier_is(d, ROSTER_COUNTED, &second);
        frontier_is(d, ROSTER_ALL, &s.last);
}

#define LEAVERS 30

/* Thirty leave beside one another. All of them are told, lowest id first; of these, what some tell of is left out. */
static void test_many(void **state) {
        (void)state;
        begin(&s, LEAVERS + 2, 1);
        const struct roster_device *d = roster_device_find(s.sides[0], &s.homes[1].device.pub);
        _clean_(buf_fini) struct buf names = BUF_NULL, left = BUF_NULL;
        struct hash ids[LEAVERS], told, removed, nobody = {{7}};
        bool current;
        s.backdate = true;
        for (uint32_t i = 0; i < LEAVERS; i++) {
                street_remember(&s, 3, 2 + i);
                assert_int_equal(street_leave(&s, 0, 2 + i), 0);
        }
        s.backdate = false;
        assert_int_equal(roster_frontier(s.sides[0], d, ROSTER_COUNTED, &names), 0);
        assert_int_equal(names.n, sizeof(ids));
        memcpy(ids, names.p, sizeof(ids));
        for (size_t i = 1; i < LEAVERS; i++)
                assert_true(memcmp(ids[i - 1].b, ids[i].b, sizeof(ids[i].b)) < 0);
        roster_removed(s.sides[0], &removed);
        assert_int_equal(roster_removed_at(s.sides[0], ids, LEAVERS, &d->sign, &told, &current), 0);
        assert_true(current && hash_eq(&told, &removed));
        assert_int_equal(roster_removed_at(s.sides[0], ids, LEAVERS - 1, &d->sign, &told, &current), 0);
        assert_true(current && !hash_eq(&told, &removed));
        assert_int_equal(roster_untold(s.sides[0], ids + 10, 16, buf_span(&names), &left), 0);
        assert_int_equal(left.n, (LEAVERS - 16) * sizeof(struct hash));
        assert_memory_equal(left.p, ids, 10 * sizeof(struct hash));
        assert_int_equal(roster_untold(s.sides[0], &nobody, 1, buf_span(&names), &left), ROSTER_E_PARENTS);
}

/* With many heads an operation names first what it is about. */
static void test_parents(void **state) {
        (void)state;
        begin(&s, 8, 1);
        for (uint32_t i = 1; i < 8; i++) { /* seven heads beside one another */
                street_remember(&s, 3, i);
                s.backdate = true;
                assert_int_equal(street_about(&s, 0, i, OP_VOUCH, i == 7 ? 1 : i + 1), 0);
                s.backdate = false;
        }
        struct hash heads[ROSTER_HEADS_MAX], parents[4];
        uint64_t seq = 0;
        size_t n = roster_heads(s.sides[0], heads);
        assert_int_equal(n, 7);
        for (size_t i = 1; i < n; i++)
                assert_true(memcmp(heads[i - 1].b, heads[i].b, 32) < 0);
        struct hash must[2] = {roster_home_op(s.sides[0], street_home(&s, 0, 5))->id, heads[6]};
        assert_int_equal(roster_parents(s.sides[0], &s.homes[0].key.pub, must, 2, parents, &seq), 4);
        assert_int_equal(seq, 1);
        assert_true(hash_eq(&parents[0], &s.mesh));
        assert_true(hash_eq(&parents[1], &must[0]));
        assert_true(hash_eq(&parents[2], &must[1]));
        assert_true(hash_eq(&parents[3], &heads[0]));
        assert_int_equal(roster_parents(s.sides[0], &s.homes[50].key.pub, NULL, 0, parents, &seq), 0);
        const struct roster_device *d = roster_device_find(s.sides[0], &s.homes[5].device.pub);
        assert_true(hash_eq(&roster_device_op(s.sides[0], d)->id, &must[0]));
        /* One that holds four others goes before those that hold themselves alone, whatever their ids. */
        assert_int_equal(street_about(&s, 0, 7, OP_VOUCH, 5), 0);
        assert_int_equal(roster_heads(s.sides[0], heads), 4);
        assert_int_equal(roster_parents(s.sides[0], &s.homes[0].key.pub, NULL, 0, parents, &seq), 4);
        assert_true(hash_eq(&parents[1], &s.last));
        assert_false(hash_eq(&heads[0], &s.last));
}

/* Whom a device has let in, or asked in, since these heads: a revocation on them would put out those homes. */
static bool unseen(uint32_t home, const struct hash *heads, size_t n) {
        bool any;
        assert_int_equal(roster_unseen(s.sides[0], &s.homes[home].device.pub, span_of(heads, n * sizeof(*heads)), &any),
                         0);
        return any;
}

static void test_unseen(void **state) {
        (void)state;
        begin(&s, 4, 1);
        bool any;
        struct ticket t;
        struct hash heads[ROSTER_HEADS_MAX], nothing = {{7}};
        size_t n = roster_heads(s.sides[0], heads);
        for (uint32_t i = 0; i < 4; i++)
                assert_false(unseen(i, heads, n));
        assert_true(unseen(0, &s.mesh, 1));                       /* it brought them all */
        assert_int_equal(street_about(&s, 0, 1, OP_VOUCH, 2), 0); /* its household's key, no device's */
        assert_false(unseen(1, heads, n));
        assert_int_equal(street_join(&s, 0, 10, 1), 0);
        assert_true(unseen(1, heads, n));
        assert_false(unseen(2, heads, n));
        n = roster_heads(s.sides[0], heads);
        assert_false(unseen(1, heads, n));
        street_ticket(&s, 2, 1, s.now + MESH_DAY, &t);
        assert_int_equal(street_join_on(&s, 0, 11, &t, 3), 0);
        assert_true(unseen(2, heads, n)); /* on its ticket, */
        assert_true(unseen(3, heads, n)); /* through its door */
        assert_false(unseen(1, heads, n));
        assert_int_equal(roster_unseen(s.sides[0], &s.homes[1].device.pub, SPAN_OF(nothing.b), &any), ROSTER_E_PARENTS);
        ticket_fini(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(test_founding),
                CASE(test_first_must_be_a_genesis),
                CASE(test_altered_bytes),
                CASE(test_ancestors_first),
                CASE(test_shapes),
                CASE(test_admission),
                CASE(test_refused_names),
                CASE(test_budgets),
                CASE(test_ticket_spent_twice),
                CASE(test_ticket_spent_twice_built_on),
                CASE(test_ticket_spent_again_by_its_writer),
                CASE(test_count_surplus),
                CASE(test_two_doors),
                CASE(test_undo),
                CASE(test_look_alikes),
                CASE(test_leaving),
                CASE(test_devices),
                CASE(test_device_proves),
                CASE(test_stolen_device),
                CASE(test_device_key_of_another),
                CASE(test_fork),
                CASE(test_chain_limits),
                CASE(test_steward_chain_limit),
                CASE(test_removed_at),
                CASE(test_frontier),
                CASE(test_many),
                CASE(test_parents),
                CASE(test_unseen),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
