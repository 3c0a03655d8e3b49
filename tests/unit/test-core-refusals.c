/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that cannot be done: each has its name, changes nothing, and can be done later where what stood in its way is
 * gone. In streets of real cores. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "base/cell.h"
#include "core/core.h"
#include "core/limits.h"
#include "roster/ticket.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PLACE (UINT64_C(1) << 35 | 777)
#define HOUR 3600
#define TEXT_TOO_LONG 513
#define DISK 10 /* seconds a command may wait for its disk */

static uint64_t seed;

#define ASK(s, i, ...) street_command((s), (i), (struct mesh_event){__VA_ARGS__}, DISK)

/* ---- who is in no mesh, and who is in one ---- */

static enum mesh_outcome founds(struct street *s, size_t i, struct span op) {
        return ASK(s, i, .type = MESH_EV_FOUND, .found = {.op = op});
}

static enum mesh_outcome joins(struct street *s, size_t i, const char *ticket, struct span name) {
        return ASK(s, i, .type = MESH_EV_JOIN,
                   .join = {.op = SPAN_STR("none"), .ticket = span_str(ticket), .name = name});
}

static bool in_no_mesh(struct street *s, size_t i) {
        struct mesh_status st;
        mesh_status(street_core(s, i), &st);
        return st.state == FRESH_NO_MESH && !mesh_roster(street_core(s, i));
}

static void test_in_no_mesh(void **state) {
        (void)state;
        struct street *s = street_bare(1, seed);
        struct mesh_draft d = {.type = RECORD_ALERT, .kind = KIND_FIRE, .cell = PLACE};
        struct wire_alert a;
        uint64_t life;
        assert_int_equal(mesh_draft_complete(street_core(s, 0), &d, &a, &life), MESH_OUT_NO_MESH);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "smoke", NULL), MESH_OUT_NO_MESH);
        assert_int_equal(street_follow(s, 0, RECORD_COMMENT, &(struct hash){{0}}, "more", NULL), MESH_OUT_NO_MESH);
        assert_int_equal(ASK(s, 0, .type = MESH_EV_INVITE, .invite = {.uses = 1, .expires_in = HOUR}),
                         MESH_OUT_NO_MESH);
        assert_int_equal(street_code_named(s, 0, &(struct key){{1}}, street_wall(s) + HOUR), MESH_OUT_NO_MESH);
        assert_int_equal(ASK(s, 0, .type = MESH_EV_OP, .operation = {.op = SPAN_STR("nothing")}), MESH_OUT_NO_MESH);
        assert_int_equal(ASK(s, 0, .type = MESH_EV_REVOKE, .revoke = {.id = {{1}}}), MESH_OUT_NO_TICKET);
        assert_true(in_no_mesh(s, 0));
        street_free(s);
}

static void test_not_a_way_in(void **state) {
        (void)state;
        struct street *s = street_bare(2, seed);
        assert_int_equal(founds(s, 0, SPAN_STR("no operation at all")), MESH_OUT_BAD_OP);
        assert_int_equal(joins(s, 0, "PORCHLIGHT1AAAA", SPAN_NONE), MESH_OUT_TICKET_BAD);
        assert_int_equal(joins(s, 0, "PORCHDEVICE1AAAA", SPAN_STR("laptop")), MESH_OUT_CODE_BAD);
        assert_int_equal(joins(s, 0, "hello", SPAN_STR("laptop")), MESH_OUT_CODE_BAD);
        struct mesh_recover empty = {.n_ops = 0};
        assert_int_equal(ASK(s, 0, .type = MESH_EV_RECOVER, .recover = &empty), MESH_OUT_BAD_OP);
        assert_true(in_no_mesh(s, 0));
        /* A genesis that gives the household a device which is not this one. */
        _clean_(buf_fini) struct buf op = BUF_NULL;
        household_genesis(&s->homes[0].house, street_config(s, 1), street_wall(s), &op);
        assert_int_equal(founds(s, 0, buf_span(&op)), MESH_OUT_BAD_OP);
        assert_true(in_no_mesh(s, 0));
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        street_free(s);
}

static void test_one_mesh_a_home(void **state) {
        (void)state;
        struct street *s = street_new(2, seed);
        struct mesh_recover any = {.n_ops = 0};
        assert_int_equal(street_found(s, 0), MESH_OUT_IN_MESH);
        assert_int_equal(joins(s, 1, "PORCHLIGHT1AAAA", SPAN_NONE), MESH_OUT_IN_MESH);
        assert_int_equal(ASK(s, 1, .type = MESH_EV_RECOVER, .recover = &any), MESH_OUT_IN_MESH);
        assert_int_equal(street_members(s, 1), 2);
        street_free(s);
}

/* Nobody opens: the person hears so, it goes on without them and over a restart, and can be given up. */
static void test_joining_is_given_up(void **state) {
        (void)state;
        struct street *s = street_bare(3, seed);
        struct mesh_recover any = {.n_ops = 0};
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        buf_add_str(&ticket, street_invite(s, 0, 2));
        street_cut(s, 0, 1);
        assert_int_equal(street_join(s, 1, buf_cstr(&ticket)), MESH_OUT_UNREACHABLE);
        assert_int_equal(street_found(s, 1), MESH_OUT_JOINING);
        assert_int_equal(joins(s, 1, buf_cstr(&ticket), SPAN_NONE), MESH_OUT_JOINING); /* not of its household */
        assert_int_equal(ASK(s, 1, .type = MESH_EV_RECOVER, .recover = &any), MESH_OUT_JOINING);
        street_off(s, 1);
        street_on(s, 1);
        assert_int_equal(street_state(s, 1), FRESH_JOINING);
        street_feed(s, 1, (struct mesh_event){.type = MESH_EV_FORGET});
        assert_true(in_no_mesh(s, 1));
        street_feed(s, 1, (struct mesh_event){.type = MESH_EV_FORGET}); /* nothing is left to forget */
        street_run_for(s, 1);
        street_off(s, 1);
        street_on(s, 1);
        street_mend(s, 0, 1);
        street_run_for(s, 600);
        assert_true(in_no_mesh(s, 1));
        assert_int_equal(street_members(s, 0), 1);
        assert_int_equal(street_join(s, 1, buf_cstr(&ticket)), MESH_OUT_DONE);
        /* Whoever waits at the prompt hears at once that somebody else has given it up. */
        street_cut(s, 0, 2);
        struct household *h = &s->homes[2].house;
        _clean_(buf_fini) struct buf add = BUF_NULL;
        assert_true(household_add(h, street_config(s, 2), buf_cstr(&ticket), street_wall(s), &add));
        s->homes[2].replied = false;
        street_feed(s, 2,
                    (struct mesh_event){.type = MESH_EV_JOIN,
                                        .token = ++s->homes[2].command,
                                        .join = {.op = buf_span(&add), .ticket = span_str(buf_cstr(&ticket))}});
        street_run_for(s, 1);
        assert_false(s->homes[2].replied);
        street_feed(s, 2, (struct mesh_event){.type = MESH_EV_FORGET});
        assert_true(s->homes[2].replied);
        assert_int_equal(s->homes[2].reply.reply.outcome, MESH_OUT_UNREACHABLE);
        street_free(s);
}

/* ---- another ticket ---- */

static void asks(struct street *s, size_t i, const char *ticket) {
        struct home *h = &s->homes[i];
        _clean_(buf_fini) struct buf add = BUF_NULL;
        assert_true(household_add(&h->house, &h->cfg, ticket, street_wall(s), &add));
        h->replied = false;
        street_feed(s, i,
                    (struct mesh_event){.type = MESH_EV_JOIN,
                                        .token = ++h->command,
                                        .join = {.op = buf_span(&add), .ticket = span_str(ticket)}});
}

static bool has_three(struct street *s, void *ctx) {
        (void)ctx;
        return street_members(s, 0) == 3;
}

static bool is_in(struct street *s, void *ctx) {
        return street_state(s, *(size_t *)ctx) == FRESH_CURRENT;
}

static bool agree(struct street *s, void *ctx) {
        (void)ctx;
        for (size_t i = 0; i < s->n; i++)
                if (street_members(s, i) != 3 || street_links(s, i) == 0)
                        return false;
        return true;
}

/* Home 0 has let home 2 in, which has not heard of it; then home 0 is gone, and home 1, who knows nothing of it, writes another
 * ticket. One household on one device comes of that in everybody's eyes. */
static void test_let_in_unheard(void **state) {
        (void)state;
        struct street *s = street_bare(3, seed);
        size_t newcomer = 2;
        struct hash id;
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 1, street_invite(s, 0, 1)), MESH_OUT_DONE);
        _clean_(buf_fini) struct buf first = BUF_NULL, second = BUF_NULL;
        buf_add_str(&first, street_invite(s, 0, 1));
        buf_add_str(&second, street_invite(s, 1, 1));
        street_cut(s, 0, 1);
        asks(s, 2, buf_cstr(&first));
        assert_true(street_wait(s, 60, has_three, NULL));
        street_cut(s, 0, 2);
        street_run_for(s, 60);
        assert_int_equal(street_state(s, 2), FRESH_JOINING);
        assert_true(s->homes[2].replied);
        assert_int_equal(street_join(s, 2, buf_cstr(&second)), MESH_OUT_DONE);
        assert_true(street_wait(s, 60, is_in, &newcomer));
        assert_int_equal(street_members(s, 1), 3);
        street_mend(s, 0, 1);
        street_mend(s, 0, 2);
        assert_true(street_wait(s, 600, agree, NULL));
        assert_int_equal(street_post(s, 2, KIND_FIRE, "smoke", &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 60));
        street_free(s);
}

/* A second ticket while the first is still being asked for; a disk that refuses it; a restart. */
static void test_another_ticket(void **state) {
        (void)state;
        struct street *s = street_bare(3, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        assert_int_equal(street_join(s, 1, street_invite(s, 0, 1)), MESH_OUT_DONE);
        _clean_(buf_fini) struct buf first = BUF_NULL, second = BUF_NULL, other = BUF_NULL;
        buf_add_str(&first, street_invite(s, 0, 1));
        buf_add_str(&second, street_invite(s, 1, 1));
        street_cut(s, 0, 2);
        street_cut(s, 1, 2);
        asks(s, 2, buf_cstr(&first));
        street_run_for(s, 1);
        assert_false(s->homes[2].replied);
        street_disk_full(s, 2, true);
        assert_int_equal(street_join(s, 2, buf_cstr(&second)), MESH_OUT_STORE_FAILED);
        assert_int_equal(street_state(s, 2), FRESH_JOINING);
        street_disk_full(s, 2, false);
        assert_int_equal(street_join(s, 2, buf_cstr(&second)), MESH_OUT_UNREACHABLE);
        street_off(s, 2);
        street_on(s, 2);
        assert_int_equal(street_state(s, 2), FRESH_JOINING);
        street_mend(s, 1, 2); /* at the address of the second one alone */
        size_t newcomer = 2;
        assert_true(street_wait(s, 900, is_in, &newcomer));
        assert_int_equal(street_join(s, 2, buf_cstr(&first)), MESH_OUT_IN_MESH);
        street_free(s);

        s = street_bare(3, seed);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        assert_int_equal(street_found(s, 1), MESH_OUT_DONE);
        buf_clear(&first);
        buf_add_str(&first, street_invite(s, 0, 1));
        buf_add_str(&other, street_invite(s, 1, 1));
        street_cut(s, 0, 2);
        assert_int_equal(street_join(s, 2, buf_cstr(&first)), MESH_OUT_UNREACHABLE);
        assert_int_equal(street_join(s, 2, buf_cstr(&other)), MESH_OUT_JOINING); /* another mesh: given up before */
        street_free(s);
}

/* ---- a machine that does not know the time ---- */

static void test_no_clock(void **state) {
        (void)state;
        struct street *s = street_bare(1, seed);
        street_off(s, 0);
        street_clock(s, 0, -(int64_t)STREET_START);
        street_on(s, 0);
        assert_int_equal(street_found(s, 0), MESH_OUT_NO_CLOCK);
        assert_true(in_no_mesh(s, 0));
        street_clock(s, 0, 0);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        street_run_for(s, 1);
        street_off(s, 0);
        street_clock(s, 0, -(int64_t)STREET_START);
        street_on(s, 0);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "when?", NULL), MESH_OUT_NO_CLOCK);
        assert_null(street_invite(s, 0, 1));
        assert_int_equal(s->homes[0].reply.reply.outcome, MESH_OUT_NO_CLOCK);
        street_clock(s, 0, 0);
        assert_int_equal(street_post(s, 0, KIND_FIRE, "now", NULL), MESH_OUT_DONE);
        street_free(s);
}

/* ---- a disk that is full ---- */

static void test_full_disk(void **state) {
        (void)state;
        struct street *s = street_bare(2, seed);
        struct mesh_ticket t;
        street_disk_full(s, 0, true);
        assert_int_equal(street_found(s, 0), MESH_OUT_STORE_FAILED);
        assert_true(in_no_mesh(s, 0));
        street_disk_full(s, 0, false);
        assert_int_equal(street_found(s, 0), MESH_OUT_DONE);
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        buf_add_str(&ticket, street_invite(s, 0, 1));
        street_disk_full(s, 0, true);
        assert_null(street_invite(s, 0, 1));
        assert_int_equal(s->homes[0].reply.reply.outcome, MESH_OUT_STORE_FAILED);
        assert_true(mesh_ticket_at(street_core(s, 0), 0, &t));
        assert_false(mesh_ticket_at(street_core(s, 0), 1, &t)); /* one nobody holds is on no list */
        street_disk_full(s, 1, true);
        assert_int_equal(street_join(s, 1, buf_cstr(&ticket)), MESH_OUT_STORE_FAILED);
        assert_true(in_no_mesh(s, 1));
        street_disk_full(s, 0, false);
        street_disk_full(s, 1, false);
        assert_int_equal(street_join(s, 1, buf_cstr(&ticket)), MESH_OUT_DONE);
        assert_int_equal(street_revoke(s, 0), MESH_OUT_DONE);
        street_free(s);
}

/* ---- a mesh that is full ---- */

static void test_full_mesh(void **state) {
        (void)state;
        struct street *s = street_bare(2, seed);
        _clean_(buf_fini) struct buf rows = BUF_NULL, op = BUF_NULL;
        struct wire_charter_row row = {.key = CHARTER_max_members, .value = 2};
        struct wire_list charter = {0};
        wire_list_add(&wire_charter_row_desc, &charter, &rows, &row);
        household_charter(&s->homes[0].house, street_config(s, 0), &charter, street_wall(s), &op);
        assert_int_equal(founds(s, 0, buf_span(&op)), MESH_OUT_DONE);
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        buf_add_str(&ticket, street_invite(s, 0, 2));
        assert_int_equal(street_join(s, 1, buf_cstr(&ticket)), MESH_OUT_DONE);
        assert_null(street_invite(s, 0, 1));
        assert_int_equal(s->homes[0].reply.reply.outcome, MESH_OUT_MESH_FULL);
        street_free(s);
}

/* A ticket for more homes than a ticket may be for. */
static void test_no_such_ticket(void **state) {
        (void)state;
        struct street *s = street_new(1, seed);
        struct mesh_ticket t;
        assert_int_equal(ASK(s, 0, .type = MESH_EV_INVITE, .invite = {.uses = 5001, .expires_in = HOUR}),
                         MESH_OUT_TICKET_BAD);
        assert_int_equal(ASK(s, 0, .type = MESH_EV_INVITE, .invite = {.uses = 0, .expires_in = HOUR}),
                         MESH_OUT_TICKET_BAD);
        assert_false(mesh_ticket_at(street_core(s, 0), 0, &t));
        street_free(s);
}

/* ---- what people write ---- */

static enum mesh_outcome drafts(struct street *s, size_t i, struct mesh_draft d, struct hash *ret_id) {
        enum mesh_outcome o = ASK(s, i, .type = MESH_EV_PUBLISH, .draft = &d);
        if (ret_id)
                *ret_id = s->homes[i].reply.reply.id;
        return o;
}

static void test_alerts_out_of_bounds(void **state) {
        (void)state;
        static const char text[TEXT_TOO_LONG] = {0};
        struct street *s = street_new(1, seed);
        struct mesh_draft good = {.type = RECORD_ALERT, .kind = KIND_THEFT, .cell = PLACE}, d = good;
        d.cell = 0;
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_BAD_PLACE);
        d = good;
        d.text = SPAN_OF(text);
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_BAD_TEXT);
        d.text = SPAN_STR("no \xff UTF-8");
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_BAD_TEXT);
        d = good;
        d.clips = span_of(text, 33); /* names of clips have 32 bytes */
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_BAD_TEXT);
        d.clips = span_of(text, 128); /* three at most */
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_BAD_TEXT);
        d = good;
        d.expires_in = LIFE_NORMAL + 1;
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_BAD_TIME);
        d.expires_in = UINT64_MAX;
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_BAD_TIME);
        assert_int_equal(street_count(s, 0), 0);
        assert_int_equal(base_checks_failed(), 0);
        street_free(s);
}

/* All that an alert may say is said as it was asked for; what is left open the kind fills in. */
static void test_alerts_as_asked(void **state) {
        (void)state;
        static const uint8_t clip[64] = {1};
        struct street *s = street_new(2, seed);
        struct wire_alert a;
        uint64_t life;
        struct mesh_draft d = {.type = RECORD_ALERT,
                               .kind = KIND_THEFT,
                               .severity = SEVERITY_MINOR,
                               .urgency = URGENCY_PAST,
                               .certainty = CERTAINTY_POSSIBLE,
                               .status = STATUS_EXERCISE,
                               .doing = DOING_TRYING_CARS,
                               .cell = PLACE,
                               .precision = 6,
                               .expires_in = HOUR,
                               .text = SPAN_STR("all of it"),
                               .clips = SPAN_OF(clip)};
        assert_int_equal(mesh_draft_complete(street_core(s, 0), &d, &a, &life), MESH_OUT_DONE);
        assert_int_equal(a.severity, SEVERITY_MINOR);
        assert_int_equal(a.urgency, URGENCY_PAST);
        assert_int_equal(a.certainty, CERTAINTY_POSSIBLE);
        assert_int_equal(a.status, STATUS_EXERCISE);
        assert_true(WIRE_HAS(&a, ALERT, doing) && a.doing == DOING_TRYING_CARS);
        assert_int_equal(a.cell, cell_coarsen(PLACE, 6));
        assert_int_equal(a.clips.n, sizeof(clip));
        assert_int_equal(life, HOUR);
        struct hash id;
        assert_int_equal(drafts(s, 0, d, &id), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &id, 60));
        struct mesh_draft open = {.type = RECORD_ALERT, .kind = 250, .cell = PLACE}, none = open;
        const struct wire_kind_row *other = wire_kind_find(KIND_OTHER);
        none.kind = 0;
        assert_int_equal(mesh_draft_complete(street_core(s, 0), &none, &a, &life), MESH_OUT_DONE);
        assert_int_equal(a.kind, KIND_OTHER);
        assert_int_equal(mesh_draft_complete(street_core(s, 0), &open, &a, &life), MESH_OUT_DONE);
        assert_int_equal(a.kind, 250); /* of a later version: it is passed on as it is, and has what OTHER has */
        assert_int_equal(a.severity, other->severity);
        open.sensor = true;
        assert_int_equal(mesh_draft_complete(street_core(s, 0), &open, &a, &life), MESH_OUT_DONE);
        assert_int_equal(cell_chars(a.cell), 6); /* a machine's place is no finer than an area */
        street_free(s);
}

static void test_follow_ups(void **state) {
        (void)state;
        static const char text[TEXT_TOO_LONG] = {0};
        struct street *s = street_new(2, seed);
        struct hash mine, theirs, said, gone;
        street_run_for(s, 30);
        assert_int_equal(street_post(s, 0, KIND_THEFT, "mine", &mine), MESH_OUT_DONE);
        assert_int_equal(street_post(s, 1, KIND_THEFT, "theirs", &theirs), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &mine, 60) && street_wait_all_have(s, &theirs, 60));
        struct mesh_draft d = {.type = RECORD_COMMENT, .target = mine, .text = SPAN_OF(text)};
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_BAD_TEXT);
        d.text = SPAN_STR("no \xff UTF-8");
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_BAD_TEXT);
        d = (struct mesh_draft){.type = RECORD_UPDATE, .target = mine, .expires_in = LIFE_NORMAL + 1};
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_BAD_TIME);
        d.target = theirs;
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_NOT_YOURS);
        d.type = RECORD_CONFIRM;
        d.target = mine;
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_YOURS);
        d.type = RECORD_DISPUTE;
        assert_int_equal(drafts(s, 0, d, NULL), MESH_OUT_YOURS);
        d = (struct mesh_draft){.type = RECORD_UPDATE,
                                .target = mine,
                                .expires_in = 2 * HOUR,
                                .severity = SEVERITY_MINOR,
                                .urgency = URGENCY_PAST,
                                .certainty = CERTAINTY_LIKELY,
                                .text = SPAN_STR("it was found")};
        assert_int_equal(drafts(s, 0, d, &said), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &said, 60));
        /* A follow-up has none of its own, and can be taken back once. */
        assert_int_equal(street_follow(s, 0, RECORD_COMMENT, &said, "about it", NULL), MESH_OUT_NO_TARGET);
        assert_int_equal(street_follow(s, 0, RECORD_RETRACT, &said, NULL, &gone), MESH_OUT_DONE);
        street_run_for(s, 5);
        assert_int_equal(street_follow(s, 0, RECORD_RETRACT, &said, NULL, NULL), MESH_OUT_NO_TARGET);
        assert_int_equal(street_follow(s, 0, RECORD_RETRACT, &gone, NULL, NULL), MESH_OUT_NO_TARGET);
        street_free(s);
}

/* ---- what comes too late, or from nowhere ---- */

/* A link that is gone, an answer to a question that nobody has asked: nothing happens, and nobody hears of it. */
static void test_answers_nobody_waits_for(void **state) {
        (void)state;
        static const bool good[1] = {true};
        static const struct mesh_loaded item[1] = {{.id = {{1}}}};
        static const struct mesh_event late[] = {
                {.type = MESH_EV_LINK_DOWN, .link = 77},
                {.type = MESH_EV_LINK_DOWN, .link = MESH_LINK_DIALLED | 77},
                {.type = MESH_EV_RECV, .link = 77, .recv = {(const uint8_t *)"hello", 5}},
                {.type = MESH_EV_WRITABLE, .link = 77, .writable = {5}},
                {.type = MESH_EV_STORED, .token = UINT64_MAX, .stored = {true}},
                {.type = MESH_EV_STORED, .token = UINT64_MAX, .stored = {false}},
                {.type = MESH_EV_LOADED, .token = UINT64_MAX, .loaded = {item, 1}},
                {.type = MESH_EV_VERIFIED, .token = UINT64_MAX, .verified = {good, 1}},
        };
        struct street *s = street_new(2, seed);
        street_run_for(s, 30);
        uint64_t bytes = street_bytes(s);
        for (size_t i = 0; i < ARRAY_LEN(late); i++)
                street_feed(s, 0, late[i]);
        assert_int_equal(street_bytes(s), bytes);
        assert_int_equal(street_links(s, 0), 1);
        assert_int_equal(base_checks_failed(), 0);
        street_free(s);
}

/* A person names more addresses than there is room for: the last is refused, and those before are kept. */
static void test_too_many_addresses(void **state) {
        (void)state;
        struct street *s = street_new(2, seed);
        struct mesh_addr a = s->homes[1].addr;
        enum mesh_outcome o = MESH_OUT_DONE;
        unsigned n = 0;
        for (; o == MESH_OUT_DONE && n < 2000; n++) {
                a.ip[13] = 77;
                a.ip[14] = (uint8_t)(n >> 8);
                a.ip[15] = (uint8_t)n;
                o = ASK(s, 0, .type = MESH_EV_DIAL, .dial = {.addr = a});
        }
        assert_int_equal(o, MESH_OUT_TOO_MANY);
        assert_true(n > 100);
        assert_int_equal(street_links(s, 0), 1);
        street_free(s);
}

/* Backups that lack what brings a home back, or have more keys than there can be. */
static void test_half_a_backup(void **state) {
        (void)state;
        static const struct key keys[SECRETS_MOST + 1];
        static const struct span op = {(const uint8_t *)"no operation", 12};
        struct mesh_recover b = {.keys = keys, .n_keys = 1, .ops = &op, .n_ops = 0};
        struct street *s = street_bare(1, seed);
        assert_int_equal(ASK(s, 0, .type = MESH_EV_RECOVER, .recover = &b), MESH_OUT_BAD_OP);
        b.n_ops = 1;
        b.n_keys = 0;
        assert_int_equal(ASK(s, 0, .type = MESH_EV_RECOVER, .recover = &b), MESH_OUT_BAD_OP);
        b.n_keys = SECRETS_MOST + 1;
        assert_int_equal(ASK(s, 0, .type = MESH_EV_RECOVER, .recover = &b), MESH_OUT_BAD_OP);
        assert_true(in_no_mesh(s, 0));
        street_free(s);
}

/* Somebody types the home's own address: it finds itself there, and neither tries again nor recommends it to its backup. */
static void test_own_address(void **state) {
        (void)state;
        struct street *s = street_new(2, seed);
        struct mesh_way ways[8];
        street_run_for(s, 60);
        const struct mesh *m = street_core(s, 0);
        street_knock(s, 0, 0);
        street_run_for(s, 30);
        const struct address *own = NULL;
        for (size_t i = 0; i < m->n_addresses; i++)
                if (m->addresses[i].self)
                        own = &m->addresses[i];
        assert_non_null(own);
        assert_int_equal(own->link, 0);
        for (size_t i = mesh_ways(m, ways, ARRAY_LEN(ways)); i-- > 0;)
                assert_memory_not_equal(&ways[i].addr, &own->addr, sizeof(own->addr));
        uint64_t before = street_bytes(s);
        street_run_for(s, 1200);
        assert_true(street_bytes(s) - before < 60000); /* a handshake with itself every few seconds would be more */
        assert_true(own->self && !own->link);
        assert_int_equal(street_links(s, 0), 1);
        street_free(s);
}

/* While one undoing waits for its countersignature, no other begins. */
static void test_one_undo_at_a_time(void **state) {
        (void)state;
        struct street *s = street_new(3, seed);
        struct home *h = &s->homes[0];
        _clean_(buf_fini) struct buf op = BUF_NULL;
        street_run_for(s, 30);
        street_sign(s, 0, OP_INVITE_UNDO, 2, &op);
        struct mesh_event ev = {.type = MESH_EV_OP, .operation = {.op = buf_span(&op)}};
        h->replied = false;
        ev.token = ++h->command;
        street_feed(s, 0, ev);
        assert_false(h->replied);
        assert_int_equal(street_command(s, 0, ev, 0), MESH_OUT_BUSY);
        street_run_for(s, 45);
        assert_int_equal(street_members(s, 1), 2); /* the first came through all the same */
        street_free(s);
}

/* ---- who has shown nothing ---- */

/* Bytes that nobody needs to show who they are: that many at once end the connection. */
static void test_too_much_before_the_handshake(void **state) {
        (void)state;
        static const uint8_t much[PREAUTH_BYTES + 1] = {0};
        struct street *s = street_new(1, seed);
        struct mesh *m = street_core(s, 0);
        mesh_link l = street_attach(s, 0, NULL, NULL);
        assert_int_equal(m->n_links, 1);
        street_feed(s, 0, (struct mesh_event){.type = MESH_EV_RECV, .link = l, .recv = SPAN_OF(much)});
        assert_int_equal(m->n_links, 0);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_in_no_mesh),
                cmocka_unit_test(test_not_a_way_in),
                cmocka_unit_test(test_one_mesh_a_home),
                cmocka_unit_test(test_joining_is_given_up),
                cmocka_unit_test(test_let_in_unheard),
                cmocka_unit_test(test_another_ticket),
                cmocka_unit_test(test_no_clock),
                cmocka_unit_test(test_full_disk),
                cmocka_unit_test(test_full_mesh),
                cmocka_unit_test(test_no_such_ticket),
                cmocka_unit_test(test_alerts_out_of_bounds),
                cmocka_unit_test(test_alerts_as_asked),
                cmocka_unit_test(test_follow_ups),
                cmocka_unit_test(test_answers_nobody_waits_for),
                cmocka_unit_test(test_too_many_addresses),
                cmocka_unit_test(test_half_a_backup),
                cmocka_unit_test(test_own_address),
                cmocka_unit_test(test_one_undo_at_a_time),
                cmocka_unit_test(test_too_much_before_the_handshake),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
