/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's book of papers: what finds room, what is looked at, and what has to be on the disk before anything is said or
 * done. The roster is a street's; links, disk, vault and fetched files are the test's, and say what they were told.
 */
#include "papers-made.h"

#include "base/log.h"
#include "node/internal.h"
#include "node/rows.h"
#include "node/writer.h"

#define HOUR 3600

static struct street street;
static uv_loop_t loop;
static struct node n;
static uint32_t self; /* which home this is */
static struct haul_link link_;
static bool fetch_ends; /* its files are being removed */

static struct {
        unsigned answers, hung_up, dials, paper[8], vault[256];
        bool refused;          /* the last answer was no */
        uint64_t token;        /* of the row that was written last … */
        struct hash row;       /* … and its id */
        uint8_t what;          /* … and its kind, and state */
        struct key to;         /* whom the courier dials */
        size_t over_bytes;     /* of the paper in the last V_OVER */
        unsigned attestations; /* that were put on the disk */
        unsigned begun;        /* fetches */
        unsigned stopped;      /* homes that are given nothing further of a clip */
} told;

/* ---- the rest of the node ---- */

mesh_wall node_time(_unused_ const struct node *node) {
        return street.now;
}

const char *rows_household(_unused_ const struct node *node, _unused_ const struct key *household,
                           _unused_ char ret[ROWS_NAME_MAX]) {
        return "a home";
}

void mesh_status(_unused_ const struct mesh *m, struct mesh_status *ret) {
        *ret = (struct mesh_status){
                .mesh = street.mesh, .household = street.homes[self].key.pub, .device = street.homes[self].device.pub};
}

const struct roster *mesh_roster(_unused_ const struct mesh *m) {
        return street.sides[0];
}

mesh_wall mesh_heard(_unused_ const struct mesh *m, _unused_ const struct key *device) {
        return 0;
}

const struct mesh_outcome_row *mesh_outcome(_unused_ enum mesh_outcome o) {
        static const struct mesh_outcome_row row = {"no", "no", "no", 1};
        return &row;
}

bool haul_say(_unused_ struct haul_link *l, enum wire_link number, const void *msg) {
        if (number == LINK_ANSWER) {
                told.answers++;
                told.refused = WIRE_HAS((const struct wire_haul_answer *)msg, HAUL_ANSWER, why);
        } else if (number == LINK_PAPER) {
                told.paper[((const struct wire_haul_paper *)msg)->what]++;
        }
        return true;
}

void haul_hangup(_unused_ struct haul_link *l) {
        told.hung_up++;
}

struct haul_link *haul_find(_unused_ struct node *node, const struct key *device) {
        return link_.number && key_eq(device, &link_.device) ? &link_ : NULL;
}

void haul_connect(_unused_ struct node *node, const struct key *device, _unused_ struct haul_want *w) {
        told.dials++;
        told.to = *device;
}

void haul_forget(_unused_ struct haul_want *w) {
}

size_t haul_dialled(_unused_ const struct node *node) {
        return 0;
}

void haul_use(_unused_ struct node *node, _unused_ enum haul_user user, _unused_ const struct haul_ops *ops) {
}

void vault_link_say(_unused_ struct vault_link *v, enum wire_owner number, const void *msg) {
        told.vault[number]++;
        if (number == OWNER_V_OVER)
                told.over_bytes = ((const struct wire_v_over *)msg)->paper.n;
}

void writer_paper(_unused_ struct node *node, const struct store_paper *p, uint64_t token) {
        told.row = p->id;
        told.what = p->what;
        told.token = token;
        told.attestations += p->what == PAPER_OUT_ATTEST;
}

void query_start(_unused_ struct node *node, _unused_ struct query *q) {
        fail_msg("nothing is looked up");
}

struct store_reader *queries_reader(_unused_ struct node *node, _unused_ enum query_lane lane) {
        return NULL;
}

int fetch_begin(_unused_ struct node *node, _unused_ const struct hash *clip, _unused_ struct span manifest,
                _unused_ mesh_wall until) {
        told.begun += !fetch_ends;
        return fetch_ends ? ERR_IO : 0;
}

void give_taken_back(_unused_ struct node *node, _unused_ const struct key *household,
                     _unused_ const struct hash *clip) {
        told.stopped++;
}

void give_anew(_unused_ struct node *node, _unused_ const struct key *owner) {
        told.stopped++;
}

void fetch_end(_unused_ struct node *node, _unused_ const struct hash *clip) {
}

bool fetch_whole(_unused_ const struct node *node, _unused_ const struct hash *clip) {
        return false;
}

bool fetch_known(_unused_ const struct node *node, _unused_ const struct hash *clip) {
        return false; /* nor is one that is being removed */
}

/* Clips of other devices are none of these tests'. */
bool kin_waits(_unused_ const struct node *node) {
        return false;
}
void kin_send(_unused_ struct node *node) {
}
void kin_say_all(_unused_ struct haul_link *l) {
}
void kin_down(_unused_ const struct haul_link *l) {
}
bool kin_answer(_unused_ struct haul_link *l, _unused_ const struct hash *about, _unused_ uint8_t why) {
        return false;
}
bool kin_take(_unused_ struct node *node, _unused_ const struct paper_own *p, _unused_ struct span manifest,
              _unused_ const struct key *device) {
        return false;
}
bool kin_lose(_unused_ struct node *node, _unused_ const struct hash *clip, _unused_ const struct key *device) {
        return false;
}
bool kin_destroy(_unused_ struct node *node, _unused_ const struct hash *clip, _unused_ const struct key *device) {
        return false;
}
int kin_fetch(_unused_ struct node *node, _unused_ const struct hash *clip, _unused_ struct span manifest,
              _unused_ mesh_wall until) {
        return 0;
}

bool fetch_gone(_unused_ const struct node *node, _unused_ const struct hash *clip) {
        return !fetch_ends;
}

void fetch_watch(_unused_ struct node *node, _unused_ void (*on_whole)(struct node *node, const struct hash *clip)) {
}

void control_policy_said(_unused_ struct node *node, _unused_ mesh_wall asleep) {
}

void control_paper_came(_unused_ struct node *node, _unused_ const struct paper *p) {
}

void control_paper_granted(_unused_ struct node *node, _unused_ const struct paper *request) {
}

void control_paper_back(_unused_ struct node *node, _unused_ const struct paper *p) {
}

/* ---- the world ---- */

static int set_up(void **state) {
        (void)state;
        street_found(&street, 11, (struct wire_list){0});
        for (uint32_t i = 1; i < 3; i++)
                assert_int_equal(street_join(&street, 0, i, 0), 0);
        memset(&told, 0, sizeof(told));
        self = 0;
        fetch_ends = false;
        assert_int_equal(uv_loop_init(&loop), 0);
        n = (struct node){.loop = &loop, .vault = {.alive = true, .in_mesh = true}};
        assert_int_equal(papers_init(&n), 0);
        papers_use(&n);
        n.papers.started = true;
        link_ = (struct haul_link){.n = &n};
        return 0;
}

static int tear_down(void **state) {
        (void)state;
        paper_in_end(&link_);
        papers_stop(&n);
        papers_close(&n);
        uv_run(&loop, UV_RUN_DEFAULT);
        papers_fini(&n);
        assert_int_equal(uv_loop_close(&loop), 0);
        street_end(&street);
        return 0;
}

/* A link with home @i's device. */
static void meet(uint32_t i) {
        link_.device = street.homes[i].device.pub;
        link_.household = street.homes[i].key.pub;
        link_.number = 1;
}

static void bring(enum wire_e_paper what, const struct buf *paper) {
        struct wire_haul_paper msg = {.what = what, .object = buf_span(paper)};
        told.answers = 0;
        paper_in(&link_, LINK_PAPER, &msg);
}

static void vault_says(enum wire_owner number, const union frame_message *m) {
        assert_true(paper_vault_take(&n, number, m));
}

static void vault_took(const struct hash *grant) {
        union frame_message m = {.v_refused = {.about = SPAN_OF(grant->b)}};
        vault_says(OWNER_V_TOOK, &m);
}

/* @more of one kind, each of another household. */
static size_t fill(enum paper_what what, size_t more) {
        size_t added = 0;
        for (size_t i = 0; i < more; i++) {
                struct store_paper row = {.what = (uint8_t)what, .state = PAPER_ASKED, .expires = street.now + DAY};
                put_be64(row.id.b, (uint64_t)what << 32 | i);
                put_be64(row.household.b, i);
                added += papers_add(&n, &row) != NULL;
        }
        return added;
}

/* Home 0 has given home 1 a clip; this is home 1, which has it in @state. */
static struct hash given(uint8_t state, struct hash *ret_clip) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, clip = BUF_NULL;
        self = 1;
        meet(0);
        *ret_clip = made_manifest(&street, 0, 0, &clip);
        struct hash id = made_grant(&street, 0, 1, ret_clip, street.now + DAY, &paper);
        bring(PAPER_MANIFEST, &clip);
        bring(PAPER_GRANT, &paper);
        papers_stored(&n, told.token, true);
        assert_int_equal(told.answers, 1);
        assert_false(told.refused);
        papers_set(&n, papers_find(&n, &id), state);
        return id;
}

/* ---- room ---- */

/* However much is under way: what goes on with something, or ends it, is kept and goes. */
static void test_endings_have_room(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct hash clip, grant = given(GIVEN_OFFERED, &clip);
        (void)state;
        assert_int_equal(fill(PAPER_ASK_DENIED, 2 * PAPERS_MOST), PAPERS_MOST - 1);
        struct hash receipt = made_receipt(&street, 1, &grant, &clip, &paper);
        vault_says(OWNER_V_SIGNED, &(union frame_message){.v_paper = {.paper = buf_span(&paper)}});
        assert_non_null(papers_find(&n, &receipt));
        assert_int_equal(told.paper[PAPER_RECEIPT], 1);
        struct hash back = made_back(&street, 0, &grant, street.now, &paper);
        bring(PAPER_GRANT_OVER, &paper);
        assert_non_null(papers_find(&n, &back));
}

/* Others cannot take the room of what this home says itself. */
static void test_room_of_ones_own(void **state) {
        (void)state;
        assert_int_equal(fill(PAPER_IN_REQUEST, PAPERS_MOST), PAPERS_CAME);
        assert_int_equal(fill(PAPER_OUT_REQUEST, 1), 1);
        assert_false(n.papers.missed);
        assert_int_equal(fill(PAPER_ASK_DENIED, PAPERS_MOST), PAPERS_MOST - PAPERS_CAME - 1);
        assert_true(n.papers.missed); /* and is asked for again when there is room */
        paper_vault_tick(&n);
        assert_int_equal(told.vault[OWNER_V_PAPERS], 0);
        LIST_EACH (p, &n.papers.all, struct paper, on)
                if (p->what == PAPER_IN_REQUEST)
                        papers_drop(&n, p);
        paper_vault_tick(&n);
        paper_vault_tick(&n);
        assert_int_equal(told.vault[OWNER_V_PAPERS], 1);
}

/* ---- taken back ---- */

/* The store has lost the grant; the vault says whom its end is for, and the courier goes. */
static void test_end_of_lost_grant(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        (void)state;
        struct hash back = made_back(&street, 0, &some, street.now, &paper);
        union frame_message m = {.v_paper = {.paper = buf_span(&paper)}};
        vault_says(OWNER_V_REVOKED, &m); /* of an own device's */
        assert_null(papers_find(&n, &back));
        WIRE_PUT(&m.v_paper, V_PAPER, to, SPAN_OF(street.homes[2].key.pub.b));
        WIRE_PUT(&m.v_paper, V_PAPER, until, street.now + DAY);
        vault_says(OWNER_V_REVOKED, &m);
        const struct paper *p = papers_find(&n, &back);
        assert_non_null(p);
        assert_true(key_eq(&p->household, &street.homes[2].key.pub));
        assert_int_equal(told.dials, 1);
        assert_true(key_eq(&told.to, &street.homes[2].device.pub));
}

/* This home gave it, and the other one had it: from the yes on it is no leave for the bytes, nor after a late answer. */
static void test_taken_back_here(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct store_paper row = {.id = some,
                                  .what = PAPER_OUT_GRANT,
                                  .state = PAPER_THERE,
                                  .household = street.homes[2].key.pub,
                                  .expires = street.now + DAY};
        (void)state;
        assert_non_null(papers_add(&n, &row));
        made_back(&street, 0, &some, street.now, &paper);
        union frame_message m = {.v_paper = {.paper = buf_span(&paper)}};
        WIRE_PUT(&m.v_paper, V_PAPER, to, SPAN_OF(street.homes[2].key.pub.b));
        WIRE_PUT(&m.v_paper, V_PAPER, until, street.now + DAY);
        vault_says(OWNER_V_REVOKED, &m);
        assert_int_equal(told.stopped, 1);
        assert_int_equal(papers_find(&n, &some)->state, PAPER_NOT);
        meet(2);
        paper_in(&link_, LINK_ANSWER, &(struct wire_haul_answer){.about = SPAN_OF(some.b)});
        assert_int_equal(papers_find(&n, &some)->state, PAPER_NOT);
}

/* The word of the owner could not be written: nothing began, and when it is brought again it counts. */
static void test_back_not_written(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct hash clip, grant = given(GIVEN_OPEN, &clip);
        (void)state;
        made_back(&street, 0, &grant, street.now, &paper);
        bring(PAPER_GRANT_OVER, &paper);
        assert_int_equal(papers_find(&n, &grant)->state, GIVEN_OPEN);
        papers_stored(&n, told.token, false);
        assert_true(told.answers == 1 && told.refused);
        assert_int_equal(papers_find(&n, &grant)->state, GIVEN_OPEN);
        bring(PAPER_GRANT_OVER, &paper);
        assert_int_equal(told.answers, 0);
        papers_stored(&n, told.token, true);
        assert_true(told.answers == 1 && !told.refused);
        assert_int_equal(papers_find(&n, &grant)->state, PAPER_ENDING_BACK);
        assert_int_equal(told.vault[OWNER_V_OVER], 1);
        assert_int_equal(told.over_bytes, paper.n);
}

/* As an earlier version left it: the grant ends, and the word is nowhere. It is not said to be kept before it is. */
static void test_back_lost_on_the_way(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct hash clip, grant = given(PAPER_ENDING_BACK, &clip);
        (void)state;
        struct hash back = made_back(&street, 0, &grant, street.now, &paper);
        bring(PAPER_GRANT_OVER, &paper);
        assert_int_equal(told.answers, 0);
        assert_non_null(papers_find(&n, &back));
}

/* A crash between the word and what it begins: the next look begins it. */
static void test_back_goes_on(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct hash clip, grant = given(GIVEN_COMPLETE, &clip);
        (void)state;
        struct hash back = made_back(&street, 0, &grant, street.now, &paper);
        bring(PAPER_GRANT_OVER, &paper);
        papers_find(&n, &back)->token = 0; /* as it is read from the store */
        paper_end_tick(&n, street.now);
        assert_int_equal(papers_find(&n, &grant)->state, PAPER_ENDING_BACK);
        assert_non_null(papers_find(&n, &back));
}

/* Of an offer nothing is left. */
static void test_offer_taken_back(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct hash clip, grant = given(GIVEN_OFFERED, &clip);
        (void)state;
        struct hash back = made_back(&street, 0, &grant, street.now, &paper);
        bring(PAPER_GRANT_OVER, &paper);
        papers_stored(&n, told.token, true);
        assert_null(papers_find(&n, &grant));
        assert_null(papers_find(&n, &back));
        assert_int_equal(n.papers.n, 0);
}

/* No row is here; the vault may have the key. Its bringer hears when that is gone, and not before. */
static void test_back_of_lost_grant(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        (void)state;
        self = 1;
        meet(0);
        made_back(&street, 0, &some, street.now, &paper);
        n.vault.alive = false;
        bring(PAPER_GRANT_OVER, &paper);
        assert_true(told.answers == 1 && told.refused);
        n.vault.alive = true;
        bring(PAPER_GRANT_OVER, &paper);
        assert_int_equal(told.answers, 0);
        assert_int_equal(told.over_bytes, paper.n);
        vault_took(&some);
        assert_true(told.answers == 1 && !told.refused);
}

/* ---- others who may give of it ---- */

static void given_to(uint8_t number, uint32_t home, const struct hash *clip, const struct buf *manifest) {
        struct store_paper row = {.id = {{number}},
                                  .what = PAPER_OUT_GRANT,
                                  .state = PAPER_THERE,
                                  .household = street.homes[home].key.pub,
                                  .about = *clip,
                                  .expires = street.now + DAY + PAPERS_LINGER,
                                  .more = buf_span(manifest)};
        assert_non_null(papers_add(&n, &row));
}

/* Of a grant that is taken back who was given the same clip hears, also who is given it later; and who was given another does not. */
static void test_others_are_told(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, manifest = BUF_NULL;
        static const struct hash gone = {{21}};
        (void)state;
        struct hash clip = made_manifest(&street, 0, 0, &manifest);
        given_to(21, 1, &clip, &manifest);
        given_to(22, 2, &some, &manifest);
        struct hash back = made_back(&street, 0, &gone, street.now, &paper);
        union frame_message m = {.v_paper = {.paper = buf_span(&paper)}};
        WIRE_PUT(&m.v_paper, V_PAPER, to, SPAN_OF(street.homes[1].key.pub.b));
        WIRE_PUT(&m.v_paper, V_PAPER, until, street.now + DAY);
        vault_says(OWNER_V_REVOKED, &m);
        meet(2);
        assert_null(paper_told_row(&link_, &back));
        given_to(23, 2, &clip, &manifest);
        for (unsigned i = 0; i < 2; i++) { /* once is enough */
                paper_told_holders(&n, &clip);
                assert_int_equal(told.paper[PAPER_GRANT_OVER], 1);
        }
        assert_int_equal(papers_find(&n, &back)->state, PAPER_WAITS);
        paper_in(&link_, LINK_ANSWER, &(struct wire_haul_answer){.about = SPAN_OF(back.b)});
        assert_int_equal(paper_told_row(&link_, &back)->state, PAPER_THERE);
        assert_int_equal(papers_find(&n, &back)->state, PAPER_WAITS); /* the recipient has not heard of it */
        paper_told_holders(&n, &clip);
        assert_int_equal(told.paper[PAPER_GRANT_OVER], 1);
}

/* This home was given something by who tells it: it keeps that, and answers then. Who has nothing of it keeps nothing. */
static void test_told(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct hash clip, own = given(GIVEN_COMPLETE, &clip);
        (void)state;
        struct hash id = made_back(&street, 0, &some, street.now, &paper);
        bring(PAPER_GRANT_OVER, &paper);
        vault_took(&some);
        assert_true(papers_find(&n, &id)->what == PAPER_IN_TOLD && paper_told_back(&n, &some));
        assert_false(paper_told_back(&n, &own));
        assert_int_equal(told.stopped, 1);
        assert_int_equal(told.answers, 0);
        papers_stored(&n, told.token, true);
        assert_true(told.answers == 1 && !told.refused);
        papers_drop(&n, papers_find(&n, &id));
        papers_set(&n, papers_find(&n, &own), GIVEN_OVER);
        bring(PAPER_GRANT_OVER, &paper);
        vault_took(&some);
        assert_true(told.answers == 1 && !told.refused);
        assert_false(paper_told_back(&n, &some));
}

/* Of more than a home has any use for the oldest goes. */
static void test_told_much(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct hash clip, grant = {{0}};
        (void)state;
        given(GIVEN_COMPLETE, &clip);
        for (unsigned i = 1; i <= PAPERS_TOLD_EACH + 1; i++) {
                put_be32(grant.b, i);
                struct hash id = made_back(&street, 0, &grant, street.now, &paper);
                assert_true(paper_told_keep(&n, &street.homes[0].device.pub, &grant, &id));
        }
        assert_int_equal(papers_count(&n, PAPER_IN_TOLD, &street.homes[0].key.pub), PAPERS_TOLD_EACH);
        assert_true(paper_told_back(&n, &grant));
        put_be32(grant.b, 1);
        assert_false(paper_told_back(&n, &grant));
}

/* ---- called off ---- */

/* Not to come again by itself, whatever is looked at and whatever the vault says again; until a person asks for it. */
static void test_called_off(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct hash clip, grant = given(GIVEN_OPEN, &clip);
        (void)state;
        paper_end_tick(&n, street.now);
        assert_int_equal(told.begun, 1);
        assert_true(paper_end_call_off(&n, &clip));
        assert_int_equal(told.what, PAPER_CALLED_OFF);
        paper_end_tick(&n, street.now);
        papers_set(&n, papers_find(&n, &grant), GIVEN_SIGNED);
        made_receipt(&street, 1, &grant, &clip, &paper);
        vault_says(OWNER_V_SIGNED, &(union frame_message){.v_paper = {.paper = buf_span(&paper)}});
        assert_int_equal(told.begun, 1);
        fetch_ends = true; /* what had come is still being removed */
        assert_int_equal(paper_end_again(&n, &clip), ERR_IO);
        fetch_ends = false;
        paper_end_tick(&n, street.now);
        assert_int_equal(told.begun, 1);
        assert_int_equal(paper_end_again(&n, &clip), 0);
        assert_int_equal(told.begun, 2);
        paper_end_tick(&n, street.now);
        assert_int_equal(told.begun, 3); /* it is looked after again */
}

/* Another grant of it that is accepted later was asked for; with the last grant of it nothing is left to be known. */
static void test_called_off_ends(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct hash clip, grant = given(GIVEN_OPEN, &clip);
        (void)state;
        assert_true(paper_end_call_off(&n, &clip));
        papers_set(&n, papers_find(&n, &grant), GIVEN_OFFERED);
        made_receipt(&street, 1, &grant, &clip, &paper);
        vault_says(OWNER_V_SIGNED, &(union frame_message){.v_paper = {.paper = buf_span(&paper)}});
        assert_int_equal(told.begun, 1);
        assert_true(paper_end_call_off(&n, &clip));
        assert_non_null(papers_find(&n, &clip));
        paper_end_tick(&n, street.now + DAY);
        assert_null(papers_find(&n, &clip));
        assert_true(paper_end_call_off(&n, &some)); /* one that nobody gave */
        assert_null(papers_find(&n, &some));
}

/* ---- the end ---- */

/* Not while a byte may be on the disk. */
static void test_deleted_is_true(void **state) {
        struct hash clip, grant = given(GIVEN_COMPLETE, &clip);
        (void)state;
        fetch_ends = true;
        street.now += DAY;
        paper_end_tick(&n, street.now);
        assert_int_equal(told.vault[OWNER_V_OVER], 1);
        vault_took(&grant);
        assert_int_equal(told.attestations, 0);
        paper_end_tick(&n, street.now);
        vault_took(&grant);
        assert_int_equal(told.attestations, 0);
        assert_int_equal(papers_find(&n, &grant)->state, PAPER_ENDING_OVER);
        fetch_ends = false;
        paper_end_tick(&n, street.now);
        vault_took(&grant);
        assert_int_equal(told.attestations, 1);
        assert_int_equal(papers_find(&n, &grant)->state, GIVEN_OVER);
}

/* ---- what is looked at ---- */

/* One home brings papers without end: they are not looked at any more, and those of another one are. */
static void test_budget(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        unsigned looked = 0;
        (void)state;
        meet(1);
        made_receipt(&street, 1, &some, &some, &paper);
        for (unsigned i = 0; i < 2 * PAPER_CHECKS; i++) {
                bring(PAPER_RECEIPT, &paper);
                looked += told.answers;
        }
        assert_int_equal(looked, PAPER_CHECKS / 2); /* here, and by the vault */
        meet(2);
        made_receipt(&street, 2, &some, &some, &paper);
        bring(PAPER_RECEIPT, &paper);
        assert_int_equal(told.answers, 1);
        assert_int_equal(told.hung_up, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
        log_set_level(LOG_ERROR);
        const struct CMUnitTest tests[] = {
                TEST(test_endings_have_room),
                TEST(test_room_of_ones_own),
                TEST(test_end_of_lost_grant),
                TEST(test_back_not_written),
                TEST(test_back_lost_on_the_way),
                TEST(test_back_goes_on),
                TEST(test_offer_taken_back),
                TEST(test_back_of_lost_grant),
                TEST(test_deleted_is_true),
                TEST(test_budget),
                TEST(test_taken_back_here),
                TEST(test_called_off),
                TEST(test_called_off_ends),
                TEST(test_others_are_told),
                TEST(test_told),
                TEST(test_told_much),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
