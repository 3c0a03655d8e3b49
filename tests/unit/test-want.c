/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for a link and is named, and what is spared for that: one core, and a guest at the other end of its link. */
#include "core/want.h"

#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/record.h"
#include "support/lone.h"
#include "support/recount.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 550 /* bytes of an alert, about */

static struct lone l;
static struct link *k;
static struct street *s;

/* A link whose line is full: what is urgent waits, and what goes before it does not. */
static int begin(void **state) {
        (void)state;
        s = street_new(2, street_seed());
        lone_greeted(&l, s);
        k = link_find(l.m, LONE_LINK);
        assert_non_null(k);
        k->backlog = LINK_WINDOW / 2;
        return 0;
}

static int end(void **state) {
        (void)state;
        lone_end(&l);
        street_free(s);
        return 0;
}

static struct hash id_of(unsigned i) {
        struct hash id = {{0}};
        put_be64(id.b, i + 1);
        return id;
}

/* Bytes that nobody here looks into, but for their length. */
static struct packet *alert(unsigned i) {
        static const uint8_t nothing[SIZE];
        struct packet *p = packet_of(LINK_RECORD, 1, SPAN_OF(nothing));
        assert_non_null(p);
        p->id = id_of(i);
        return p;
}

static void queue(unsigned i) {
        _clean_(packet_freep) struct packet *p = alert(i);
        assert_int_equal(link_send(k, p), 0);
        assert_int_equal(link_flush(k), 0);
}

static void names(const unsigned *i, size_t n) {
        uint8_t sids[8 * WANT_SAY];
        for (size_t at = 0; at < n; at++) {
                struct hash id = id_of(i[at]);
                put_be64(sids + 8 * at, guest_sid(&l.g, &id));
        }
        guest_say(&l.g, LINK_IDONTWANT, &(struct wire_ids){.ids = span_of(sids, 8 * n)});
        _clean_(buf_fini) struct buf out = l.g.out;
        l.g.out = BUF_NULL;
        lone_recv(&l, buf_span(&out)); /* and no WRITABLE: the line stays full */
}

static bool named(unsigned i) { /* in the latest IDONTWANT the guest got */
        struct wire_ids msg;
        struct hash id = id_of(i);
        const struct buf *map = &l.g.last[LINK_IDONTWANT];
        assert_int_equal(codec_decode(&wire_ids_desc, buf_span(map), &msg, NULL), 0);
        for (size_t at = 0; at < msg.ids.n; at += 8)
                if (get_be64(msg.ids.p + at) == guest_sid(&l.g, &id))
                        return true;
        return false;
}

static void test_what_waits_is_named_once(void **state) {
        (void)state;
        queue(0);
        queue(1);
        lone_wait(&l, WANT_TIME - 1);
        assert_int_equal(l.g.got[LINK_IDONTWANT], 0);
        lone_wait(&l, 2);
        assert_int_equal(l.g.got[LINK_IDONTWANT], 1);
        assert_true(named(0) && named(1) && !named(2));
        queue(2);
        lone_wait(&l, 2 * WANT_TIME);
        assert_int_equal(l.g.got[LINK_IDONTWANT], 2);
        assert_true(named(2) && !named(0) && !named(1));
        assert_int_equal(k->queue[1].count, 3); /* to be named is not to be sent */
}

static void test_what_is_named_does_not_go(void **state) {
        (void)state;
        for (unsigned i = 0; i < 3; i++)
                queue(i);
        lone_wait(&l, 2 * WANT_TIME);
        names((const unsigned[]){1}, 1);
        assert_int_equal(k->queue[1].count, 2);
        struct hash first = id_of(0), last = id_of(2);
        assert_true(hash_eq(&packet_queue_at(&k->queue[1], 0)->id, &first));
        assert_true(hash_eq(&packet_queue_at(&k->queue[1], 1)->id, &last));
        lone_wait(&l, 2 * WANT_TIME);
        assert_int_equal(l.g.got[LINK_IDONTWANT], 1); /* it has heard that this one is here */
}

/* Else the other side would send what this one no longer asks to be spared. */
static void test_what_was_not_named_yet_is_answered(void **state) {
        (void)state;
        queue(0);
        names((const unsigned[]){0}, 1);
        assert_int_equal(k->queue[1].count, 0);
        lone_wait(&l, 2 * WANT_TIME);
        assert_int_equal(l.g.got[LINK_IDONTWANT], 1);
        assert_true(named(0));
}

static void test_names_of_what_is_not_here_are_remembered(void **state) {
        (void)state;
        unsigned i[WANT_SAY];
        struct hash first = id_of(0), last = id_of(10 * WANT_SAY - 1), other = id_of(10 * WANT_SAY);
        for (unsigned from = 0; from < 10 * WANT_SAY; from += WANT_SAY) {
                for (unsigned at = 0; at < WANT_SAY; at++)
                        i[at] = from + at;
                names(i, WANT_SAY);
                assert_true(k->want.theirs.n <= 2 * WANT_KNOWN * 8);
        }
        assert_false(want_knows(k, &first));
        assert_true(want_knows(k, &last));
        assert_false(want_knows(k, &other));
        for (unsigned at = 0; at < 10 * WANT_SAY; at++)
                assert_int_equal(want_answer(k, &last), 0);
        assert_true(k->want.answers.n <= WANT_KNOWN * 8);
}

static void test_own_ones_go_first(void **state) {
        (void)state;
        for (unsigned i = 0; i < 10; i++) /* more than the queue's first ring holds */
                queue(i);
        lone_wait(&l, 2 * WANT_TIME);
        _clean_(packet_freep) struct packet *own = alert(99);
        assert_int_equal(link_send_first(k, own), 0);
        assert_true(packet_queue_first(&k->queue[1]) == own);
        lone_wait(&l, 2 * WANT_TIME);
        assert_int_equal(l.g.got[LINK_IDONTWANT], 1);
        assert_false(named(99));
        for (unsigned i = 0; i < 10; i++) {
                struct hash id = id_of(i);
                assert_true(hash_eq(&packet_queue_at(&k->queue[1], i + 1)->id, &id));
        }
}

/* Three go in two units of a frame, where each by itself would fill one. */
static void test_those_that_wait_share_a_frame(void **state) {
        (void)state;
        for (unsigned i = 0; i < 3; i++)
                queue(i);
        size_t out = k->out.n;
        k->backlog = 0;
        assert_int_equal(link_flush(k), 0);
        assert_int_equal(k->out.n - out, 2 * FRAMES_UNIT);
        assert_int_equal(k->queue[1].count, 0);
}

/* What waited has gone before it was time to name it: the time passes, and is not asked for again (S13 of the simulator). */
static void test_nothing_is_left_to_name(void **state) {
        (void)state;
        queue(0);
        lone_wait(&l, WANT_TIME / 2); /* and the link rests until it is time */
        k->backlog = 0;
        packet_queue_del(&k->queue[1], 0);
        lone_wait(&l, 2 * WANT_TIME); /* requires that the deadline moves on */
        assert_int_equal(l.g.got[LINK_IDONTWANT], 0);
        assert_true(recount_rests(l.m));
}

/* While an urgent one is still with the kernel there is only the link's share of the line for the next. */
static void test_one_after_the_other(void **state) {
        (void)state;
        k->backlog = 0;
        k->window.size = FRAMES_UNIT; /* what a line that many links share may come to */
        queue(0);
        assert_int_equal(k->queue[1].count, 0);
        queue(1);
        assert_int_equal(k->queue[1].count, 1);
        k->sent += k->out.n; /* it is handed out, and gone */
        buf_clear(&k->out);
        link_writable(l.m, LONE_LINK, 0);
        assert_int_equal(link_flush(k), 0);
        assert_int_equal(k->queue[1].count, 0);
        assert_int_equal(k->out.n, FRAMES_UNIT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_what_waits_is_named_once, begin, end),
                cmocka_unit_test_setup_teardown(test_what_is_named_does_not_go, begin, end),
                cmocka_unit_test_setup_teardown(test_what_was_not_named_yet_is_answered, begin, end),
                cmocka_unit_test_setup_teardown(test_names_of_what_is_not_here_are_remembered, begin, end),
                cmocka_unit_test_setup_teardown(test_own_ones_go_first, begin, end),
                cmocka_unit_test_setup_teardown(test_those_that_wait_share_a_frame, begin, end),
                cmocka_unit_test_setup_teardown(test_nothing_is_left_to_name, begin, end),
                cmocka_unit_test_setup_teardown(test_one_after_the_other, begin, end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
