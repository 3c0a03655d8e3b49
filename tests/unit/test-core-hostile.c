/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a member's device says that is no message, or not true: it is hung up on by name, nothing of it stays, and nobody else
 * notices. And operations that come before what they build on: they wait, so many at most. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "core-visit.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/record.h"
#include "roster/op.h"
#include "wire/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed;

#define STREET(n) struct street *s = street_new((n), seed)
#define LIAR 1 /* is off, and its device is played here: it visits */
#define HOME 0 /* whose neighbour is */
#define NEIGHBOUR 2
#define NONSENSE "\xff\xff\xff no ranges, and no epoch: that would have been a map of at least sixty-four bytes"

/* ---- what it says ---- */
static void no_map(struct visit *v) {
        guest_frame(&v->g, SPAN_STR("\x04\xc1"));
}

static void field_missing(struct visit *v) {
        guest_say_raw(&v->g, LINK_ACK, SPAN_STR("\x80"));
}

static void hello_again(struct visit *v) {
        guest_hello(&v->g, street_wall(v->s), false);
}

/* An epoch that is no epoch. */
static void epoch_of_nothing(struct visit *v) {
        guest_say(&v->g, LINK_EPOCH_KEY, &(struct wire_epoch_key){.header = SPAN_STR(NONSENSE)});
}

static void ranges_of_nothing(struct visit *v) {
        guest_say(&v->g, LINK_RECON,
                  &(struct wire_recon){.set = SET_OPS, .until = street_wall(v->s), .ranges = SPAN_STR(NONSENSE)});
}

static void op_without_target(struct visit *v) {
        static const uint8_t any[SIGN_BYTES];
        const struct roster_device *d = roster_home_at(mesh_roster(street_core(v->s, HOME)), LIAR)->devices[0];
        struct wire_op op = {.type = OP_REMOVE, .seq = 1, .time = street_wall(v->s), .sig = SPAN_OF(any)};
        op.household = SPAN_OF(d->home->key.b);
        op.parents = SPAN_OF(roster_mesh(mesh_roster(street_core(v->s, HOME)))->b);
        guest_say(&v->g, LINK_OP, &op);
}

static void op_of_another(struct visit *v) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        street_sign(v->s, NEIGHBOUR, OP_REMOVE, LIAR, &op);
        op.p[op.n - 1] ^= 1;
        guest_say_raw(&v->g, LINK_OP, buf_span(&op));
}

/* The neighbour lives elsewhere now: what the home has of it, one later, under the old signature. */
static void contact_of_another(struct visit *v) {
        const struct key *device = &roster_home_at(mesh_roster(street_core(v->s, HOME)), NEIGHBOUR)->devices[0]->sign;
        const struct mesh_row *row;
        struct wire_contact c;
        for (size_t k = 0; (row = street_row(v->s, HOME, k)); k++)
                if (row->kind == MESH_ROW_CONTACT && key_eq(&row->contact.device, device))
                        break;
        assert_non_null(row);
        assert_int_equal(codec_decode(&wire_contact_desc, row->contact.bytes, &c, NULL), 0);
        c.seq++;
        guest_say(&v->g, LINK_CONTACT, &c);
}

static void revocation_of_another(struct visit *v) {
        static const uint8_t any[SIGN_BYTES], invite[32];
        const struct key *device = &roster_home_at(mesh_roster(street_core(v->s, HOME)), NEIGHBOUR)->devices[0]->sign;
        guest_say(&v->g, LINK_REVOKE,
                  &(struct wire_revoke){.invite = SPAN_OF(invite),
                                        .device = SPAN_OF(device->b),
                                        .time = street_wall(v->s),
                                        .expires = street_wall(v->s) + 3600,
                                        .sig = SPAN_OF(any)});
}

static const struct {
        const char *what;
        void (*say)(struct visit *v);
        enum wire_e_reason bye;
} lies[] = {
        {"no map", no_map, REASON_BAD_FRAME},
        {"a field is missing", field_missing, REASON_BAD_FRAME},
        {"a second greeting", hello_again, REASON_BAD_FRAME},
        {"an epoch that is none", epoch_of_nothing, REASON_BAD_FRAME},
        {"ranges that are none", ranges_of_nothing, REASON_BAD_FRAME},
        {"an operation without its target", op_without_target, REASON_BAD_FRAME},
        {"another's operation", op_of_another, REASON_BAD_SIGNATURE},
        {"another's contact", contact_of_another, REASON_BAD_SIGNATURE},
        {"another's revocation", revocation_of_another, REASON_BAD_SIGNATURE},
};

static size_t rows(struct street *s, size_t i) {
        size_t n = 0;
        while (street_row(s, i, n))
                n++;
        return n;
}

static void test_lies(void **state) {
        (void)state;
        STREET(3);
        street_run_for(s, 600); /* contacts have gone round */
        street_off(s, LIAR);
        street_run_for(s, 200);
        for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
                struct visit v;
                print_message("# %s\n", lies[i].what);
                visit_greet(&v, s, HOME, LIAR);
                street_run_for(s, 1);
                assert_false(v.g.gone);
                size_t before = rows(s, HOME);
                lies[i].say(&v);
                flush(&v);
                assert_true(v.g.gone);
                assert_int_equal(v.g.bye, lies[i].bye);
                street_run_for(s, 1);
                assert_int_equal(rows(s, HOME), before);
                assert_int_equal(street_links(s, HOME), 1); /* to the neighbour */
                assert_int_equal(street_links(s, NEIGHBOUR), 1);
                visit_end(&v);
        }
        assert_int_equal(street_members(s, HOME), 3);
        street_free(s);
}

/* Somebody leads a home to itself, or has a copy of its keys. */
static void test_itself(void **state) {
        (void)state;
        STREET(2);
        street_run_for(s, 30);
        struct visit v;
        visit_shake(&v, s, HOME, HOME);
        assert_true(v.g.gone);
        visit_end(&v);
        assert_int_equal(street_links(s, HOME), 1);
        street_free(s);
}

/* Who has the link key and is no member: what only members may say ends it. */
static void test_no_member(void **state) {
        (void)state;
        STREET(2);
        street_run_for(s, 30);
        struct visit v;
        struct guest_author a;
        struct wire_record w;
        visit_shake(&v, s, HOME, SIZE_MAX);
        guest_hello(&v.g, street_wall(s), true);
        flush(&v);
        assert_false(v.g.gone);
        author(&v, LIAR, &a, &w);
        struct hash id = say_record(&v, &a, &w);
        assert_true(v.g.gone);
        assert_int_equal(v.g.frames, 0); /* and nobody is told why */
        street_run_for(s, 1);
        assert_false(street_has(s, HOME, &id));
        visit_end(&v);
        street_free(s);
}

/* ---- records that no rule allows ---- */

static struct hash target;
static struct key slot_device;

static void lives_backwards(struct wire_record *w) {
        w->expires = w->created;
}

static void lives_for_ever(struct wire_record *w) {
        w->expires = w->created + 366 * MESH_DAY;
}

static void in_no_class(struct wire_record *w) {
        w->klass = 9;
}

static void takes_nothing_back(struct wire_record *w) {
        w->type = RECORD_RETRACT;
}

static void posts_about_a_slot(struct wire_record *w) {
        WIRE_PUT(w, RECORD, target, SPAN_OF(target.b));
}

static void posts_for_another_device(struct wire_record *w) {
        WIRE_PUT(w, RECORD, target_device, SPAN_OF(slot_device.b));
}

static void retracts(struct wire_record *w) {
        w->type = RECORD_RETRACT;
        WIRE_PUT(w, RECORD, target, SPAN_OF(target.b));
}

static void retracts_for_another_household(struct wire_record *w) {
        retracts(w);
        WIRE_PUT(w, RECORD, target_device, SPAN_OF(slot_device.b));
}

static void retracts_for_nobody(struct wire_record *w) {
        static const uint8_t nobody[32] = {1, 2, 3};
        retracts(w);
        WIRE_PUT(w, RECORD, target_device, SPAN_OF(nobody));
}

static void retracts_beyond_the_quota(struct wire_record *w) {
        retracts(w);
        w->index = 16000;
}

static void retracts_what_comes(struct wire_record *w) {
        retracts(w);
        w->day++;
}

static void retracts_for_too_long(struct wire_record *w) {
        retracts(w);
        w->day -= 3;
        w->expires = w->created + 7 * MESH_DAY;
}

static void asks_within_a_period(struct wire_record *w) {
        retracts(w);
        w->klass = CLASS_ASK;
        w->index = 0;
        w->day = w->created / MESH_DAY / 30 * 30 + 1;
        w->created += MESH_DAY;
        w->expires = w->created + 3600;
}

static void on_another_day(struct wire_record *w) {
        w->day--;
}

static void beyond_the_quota(struct wire_record *w) {
        w->index = 16000;
}

static void (*const out_of_rule[])(struct wire_record *w) = {
        lives_backwards,
        lives_for_ever,
        in_no_class,
        takes_nothing_back,
        posts_about_a_slot,
        posts_for_another_device,
        retracts_for_another_household,
        retracts_for_nobody,
        retracts_beyond_the_quota,
        retracts_what_comes,
        retracts_for_too_long,
        asks_within_a_period,
        on_another_day,
        beyond_the_quota,
};

static void test_records_out_of_rule(void **state) {
        (void)state;
        STREET(3);
        street_run_for(s, 60);
        slot_device = roster_home_at(mesh_roster(street_core(s, HOME)), NEIGHBOUR)->devices[0]->sign;
        street_off(s, LIAR);
        street_run_for(s, 200);
        size_t before = rows(s, HOME);
        for (size_t i = 0; i < ARRAY_LEN(out_of_rule); i++) {
                struct visit v;
                struct guest_author a;
                struct wire_record w;
                visit_greet(&v, s, HOME, LIAR);
                author(&v, LIAR, &a, &w);
                out_of_rule[i](&w);
                say_record(&v, &a, &w);
                street_run_for(s, 5);
                assert_int_equal(rows(s, HOME), before);
                visit_end(&v);
        }
        struct visit v;
        struct guest_author a;
        struct wire_record w;
        visit_greet(&v, s, HOME, LIAR);
        author(&v, LIAR, &a, &w);
        struct hash id = say_record(&v, &a, &w);
        street_run_for(s, 5);
        assert_true(street_has(s, HOME, &id));
        visit_end(&v);
        street_free(s);
}

/* ---- bodies that mean nothing: held, so that all sets stay equal, and shown to nobody ---- */

static void alert_with(struct buf *ret, mesh_cell cell, struct span clips, enum wire_e_urgency urgency) {
        static const uint8_t salt[16] = {1};
        struct wire_alert a = {.kind = KIND_FIRE,
                               .cell = cell,
                               .category = CATEGORY_FIRE,
                               .severity = SEVERITY_EXTREME,
                               .urgency = urgency,
                               .certainty = CERTAINTY_OBSERVED,
                               .status = STATUS_ACTUAL,
                               .salt = SPAN_OF(salt)};
        if (clips.n)
                WIRE_PUT(&a, ALERT, clips, clips);
        codec_encode(&wire_alert_desc, &a, ret);
}

static void follow_with(struct buf *ret, const struct hash *about) {
        static const uint8_t salt[16] = {1};
        struct wire_follow f = {.salt = SPAN_OF(salt)};
        if (about)
                WIRE_PUT(&f, FOLLOW, target, SPAN_OF(about->b));
        codec_encode(&wire_follow_desc, &f, ret);
}

static struct hash say_body(struct street *s, uint16_t index, enum wire_e_record type, enum wire_e_class klass,
                            struct span plain) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct visit v;
        struct guest_author a;
        struct wire_record w;
        visit_greet(&v, s, HOME, LIAR);
        author(&v, LIAR, &a, &w);
        w.type = type;
        w.klass = klass;
        w.index = index;
        struct hash id = guest_record(&a, &w, plain, &raw);
        guest_say_raw(&v.g, LINK_RECORD, buf_span(&raw));
        flush(&v);
        street_run_for(s, 5);
        assert_false(v.g.gone);
        visit_end(&v);
        return id;
}

static void test_bodies_without_meaning(void **state) {
        (void)state;
        STREET(3);
        const mesh_cell block = UINT64_C(1) << 35 | 777;
        struct hash about, id[8];
        struct buf plain[5] = {BUF_NULL, BUF_NULL, BUF_NULL, BUF_NULL, BUF_NULL};
        street_run_for(s, 60);
        assert_int_equal(street_post(s, NEIGHBOUR, KIND_FIRE, "a true one", &about), MESH_OUT_DONE);
        street_run_for(s, 30);
        street_off(s, LIAR);
        street_run_for(s, 200);
        size_t readable = street_count(s, HOME);
        alert_with(&plain[0], block, SPAN_STR("no hash of a clip"), URGENCY_IMMEDIATE);
        alert_with(&plain[1], 0, SPAN_NONE, URGENCY_IMMEDIATE);
        alert_with(&plain[2], block, SPAN_NONE, URGENCY_EXPECTED); /* a fire that can wait is not urgent */
        follow_with(&plain[3], NULL);
        follow_with(&plain[4], &about);
        for (uint16_t i = 0; i < 3; i++)
                id[i] = say_body(s, i, RECORD_ALERT, CLASS_URGENT, buf_span(&plain[i]));
        id[3] = say_body(s, 3, RECORD_COMMENT, CLASS_NORMAL, buf_span(&plain[3]));
        id[4] = say_body(s, 4, RECORD_COMMENT, CLASS_URGENT, buf_span(&plain[4]));
        id[5] = say_body(s, 5, RECORD_COMMENT, CLASS_NORMAL, SPAN_STR("no map"));
        for (size_t i = 0; i < 6; i++) {
                assert_false(street_has(s, HOME, &id[i]));
                assert_non_null(records_find(street_core(s, HOME), &id[i]));
                assert_non_null(records_find(street_core(s, NEIGHBOUR), &id[i]));
        }
        assert_int_equal(street_count(s, HOME), readable);
        id[6] = say_body(s, 6, RECORD_UPDATE, CLASS_URGENT, buf_span(&plain[4]));
        assert_true(street_has(s, HOME, &id[6]));
        for (size_t i = 0; i < ARRAY_LEN(plain); i++)
                buf_fini(&plain[i]);
        street_free(s);
}

static struct link *link_of(const struct mesh *m, const struct key *device) {
        LINK_EACH(l, m)
        if (key_eq(&l->device, device))
                return l;
        return NULL;
}

/* Of more signatures than a link may have in hand the rest is let go; when there is room the sets are compared at once. */
static void test_too_much_to_check(void **state) {
        (void)state;
        STREET(3);
        struct visit v;
        struct guest_author a;
        struct wire_record w;
        street_run_for(s, 60);
        street_off(s, LIAR);
        street_run_for(s, 200);
        visit_greet(&v, s, HOME, LIAR);
        author(&v, LIAR, &a, &w);
        struct mesh *m = street_core(s, HOME);
        struct link *l = link_of(m, &a.device.pub);
        assert_non_null(l);
        l->verifying = VERIFYING_MOST;
        struct hash first = say_record(&v, &a, &w);
        street_run_for(s, 1);
        assert_null(records_find(m, &first));
        assert_true(l->shed);
        l->verifying = 0;
        m->sync_due = m->now + 3600 * 1000;
        w.index++;
        struct hash second = say_record(&v, &a, &w);
        street_run_for(s, 1);
        assert_true(street_has(s, HOME, &second));
        assert_false(l->shed);
        assert_true(m->sync_due < m->now + 3000 * 1000);
        visit_end(&v);
        street_free(s);
}

/* ---- before their parents ---- */

static size_t ops_of(struct street *s, size_t i) {
        return roster_ops(mesh_roster(street_core(s, i)));
}

/* Home 0 promotes two homes where nobody hears of it, and goes: the second hangs on the first. */
static struct street *unheard(struct buf *first, struct buf *second) {
        STREET(3);
        struct buf *ops[] = {first, second};
        street_run_for(s, 30);
        street_cut(s, 0, 1);
        street_cut(s, 0, 2);
        size_t known = ops_of(s, 0);
        assert_int_equal(street_vote(s, 0, OP_PROMOTE, 1), MESH_OUT_DONE);
        assert_int_equal(street_vote(s, 0, OP_PROMOTE, 2), MESH_OUT_DONE);
        for (size_t i = 0; i < 2; i++) {
                const struct hash *id = &roster_op_at(mesh_roster(street_core(s, 0)), known + i)->id;
                const struct mesh_row *row;
                for (size_t k = 0; (row = street_row(s, 0, k)); k++)
                        if (row->kind == MESH_ROW_OP && hash_eq(&row->op.id, id))
                                buf_add(ops[i], row->op.bytes);
                assert_true(ops[i]->n > 0 && buf_ok(ops[i]));
        }
        return s;
}

static void say_op(struct visit *v, const struct buf *op) {
        guest_say_raw(&v->g, LINK_OP, buf_span(op));
        flush(v);
        assert_false(v->g.gone);
}

static void test_child_first(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf first = BUF_NULL, second = BUF_NULL;
        struct street *s = unheard(&first, &second);
        struct visit v;
        street_off(s, 0);
        street_run_for(s, 200);
        size_t known = ops_of(s, 1);
        visit_greet(&v, s, 1, 0);
        say_op(&v, &second);
        say_op(&v, &second);
        assert_int_equal(ops_of(s, 1), known);
        say_op(&v, &first);
        assert_int_equal(ops_of(s, 1), known + 2);
        street_run_for(s, 5);
        assert_int_equal(ops_of(s, 2), known + 2);
        visit_end(&v);
        street_free(s);
}

#define LATE 50 /* that come when a home has as many as it keeps */

static bool has_op(struct street *s, size_t i, const struct buf *op) {
        struct hash id;
        const struct roster *r = mesh_roster(street_core(s, i));
        op_id(&id, roster_mesh(r), buf_span(op));
        return roster_op_find(r, &id);
}

/* More than a home keeps: which of them it lets go is chance, so that who came first keeps nobody out. */
static void test_children_of_nobody(void **state) {
        (void)state;
        static struct buf waiting[ORPHANS_MOST + LATE];
        _clean_(buf_fini) struct buf first = BUF_NULL, second = BUF_NULL;
        struct street *s = unheard(&first, &second);
        struct visit v;
        for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
                street_sign_at(s, 0, OP_REMOVE, 1, street_wall(s) + i, &waiting[i]);
        street_off(s, 0);
        street_run_for(s, 200);
        size_t known = ops_of(s, 1);
        visit_greet(&v, s, 1, 0);
        for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
                say_op(&v, &waiting[i]);
        assert_int_equal(ops_of(s, 1), known);
        say_op(&v, &first);
        assert_int_equal(ops_of(s, 1), known + 1);
        say_op(&v, &second);
        assert_int_equal(ops_of(s, 1), known + 2 + ORPHANS_MOST);
        size_t late = 0;
        for (size_t i = ORPHANS_MOST; i < ARRAY_LEN(waiting); i++)
                late += has_op(s, 1, &waiting[i]);
        assert_in_range(late, 1, LATE);
        visit_end(&v);
        for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
                buf_fini(&waiting[i]);
        street_free(s);
}

/* ---- before their operations ---- */

/* Epochs of a frontier nobody knows, as if operations were on their way: they wait, so many at most, and cost the true one
 * nothing. */
static void test_epochs_of_nobody(void **state) {
        (void)state;
        struct hash id;
        STREET(3);
        street_run_for(s, 30);
        street_off(s, LIAR);
        street_run_for(s, 200);
        const struct mesh *m = street_core(s, HOME);
        const struct mesh_row *row;
        for (size_t k = 0; (row = street_row(s, HOME, k)); k++)
                if (row->kind == MESH_ROW_EPOCH)
                        break;
        assert_non_null(row);
        struct wire_epoch e;
        assert_int_equal(codec_decode(&wire_epoch_desc, row->epoch.header, &e, NULL), 0);
        struct visit v;
        visit_greet(&v, s, HOME, LIAR);
        size_t epochs = m->n_epochs;
        for (uint8_t i = 0; i < 2 * EARLY_MOST; i++) {
                _clean_(buf_fini) struct buf header = BUF_NULL;
                struct hash nothing = {{i}};
                e.frontier = SPAN_OF(nothing.b);
                e.generation++;
                codec_encode(&wire_epoch_desc, &e, &header);
                guest_say(&v.g, LINK_EPOCH_KEY, &(struct wire_epoch_key){.header = buf_span(&header)});
                flush(&v);
                assert_false(v.g.gone);
                assert_int_equal(m->n_early, MIN(i + 1, EARLY_MOST));
        }
        assert_int_equal(m->n_epochs, epochs);
        assert_int_equal(street_vote(s, HOME, OP_REMOVE, LIAR), MESH_OUT_DONE);
        assert_int_equal(street_post(s, HOME, KIND_FIRE, "under the next key", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 60));
        assert_true(m->n_epochs > epochs);
        visit_end(&v);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lies),
                cmocka_unit_test(test_itself),
                cmocka_unit_test(test_no_member),
                cmocka_unit_test(test_records_out_of_rule),
                cmocka_unit_test(test_bodies_without_meaning),
                cmocka_unit_test(test_too_much_to_check),
                cmocka_unit_test(test_child_first),
                cmocka_unit_test(test_children_of_nobody),
                cmocka_unit_test(test_epochs_of_nobody),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
