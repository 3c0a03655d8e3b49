/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public functions of libporchlight: all that a post or a question may say reaches the daemon as it was said, what cannot
 * be said is refused before, and a daemon that answers something else, nothing, or half of it is named. The daemon is a
 * child that answers each request with the next of the answers, and hands back what it was asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/cell.h"
#include "client/call.h"
#include "porchlight/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE "u33dc0t"
#define HOUR 3600
#define SHORT_MS 20

static char dir[] = "/tmp/pl-library-XXXXXX";
static struct sockaddr_un at = {.sun_family = AF_UNIX};
static struct porchlight *p;
static int asked; /* what the daemon hands back */
static pid_t daemon_pid;

/* ---- the daemon ---- */

static void serve(int listener, struct span answer, int back) {
        uint8_t request[4096];
        int fd = accept(listener, NULL, NULL);
        ssize_t n = read(fd, request, sizeof(request));
        if (n > 0 && write(back, request, (size_t)n) == n && answer.n)
                n = write(fd, answer.p, answer.n);
        while (read(fd, request, sizeof(request)) > 0) /* until the client hangs up */
                continue;
        _exit(n < 0);
}

/* A handle to a daemon that answers one request with @answer; empty: it is silent. */
static void connect_to(struct span answer) {
        int back[2];
        unlink(at.sun_path);
        int listener = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(pipe(back), 0);
        fflush(NULL);
        daemon_pid = fork();
        if (daemon_pid == 0)
                serve(listener, answer, back[1]);
        close(listener);
        close(back[1]);
        asked = back[0];
        assert_int_equal(porchlight_open(&p, dir), PORCHLIGHT_OK);
}

static void hang_up(void) {
        int status;
        porchlight_close(p);
        close(asked);
        assert_int_equal(waitpid(daemon_pid, &status, 0), daemon_pid);
        assert_int_equal(status, 0);
}

static void put(struct buf *b, unsigned number, const void *msg) {
        frame_put(b, wire_control_find(number), msg);
        assert_true(buf_ok(b));
}

/* The request that the daemon got; its spans stay in @room. */
static union frame_message request_of(unsigned number, uint8_t room[4096]) {
        const struct wire_number *row;
        union frame_message m;
        struct span body;
        size_t used;
        ssize_t n = read(asked, room, 4096);
        assert_true(n > 0);
        assert_int_equal(frame_take(span_of(room, (size_t)n), &body, &used), 0);
        assert_int_equal(frame_read(body, wire_control_find, &row, &m, NULL), 0);
        assert_int_equal(row->number, number);
        return m;
}

static void assert_failed(int r, const char *name) {
        assert_int_equal(r, PORCHLIGHT_FAILED);
        assert_string_equal(porchlight_last_error(p)->name, name);
}

static const uint8_t some_id[32] = {0xab};

static void answer_posted(struct buf *b) {
        struct wire_c_done done = {0};
        struct wire_c_posted posted = {.v = 1, .id = SPAN_OF(some_id), .homes = 4, .expires = 1000};
        put(b, CONTROL_POSTED, &posted);
        put(b, CONTROL_DONE, &done);
}

/* ---- what is said ---- */

static void a_post_with_everything(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf answer = BUF_NULL;
        uint8_t room[4096];
        struct porchlight_posted posted;
        struct porchlight_post all = {.kind = "theft",
                                      .text = "a bicycle",
                                      .place = PLACE,
                                      .severity = "minor",
                                      .urgency = "Past",
                                      .certainty = "likely",
                                      .status = "Exercise",
                                      .sensor = true,
                                      .expires_in = HOUR,
                                      .wait_ms = 7,
                                      .precision = "area",
                                      .doing = "setting-fire"};
        answer_posted(&answer);
        connect_to(buf_span(&answer));
        assert_int_equal(porchlight_post(p, &all, &posted), PORCHLIGHT_OK);
        assert_int_equal(posted.homes, 4);
        union frame_message m = request_of(CONTROL_POST, room);
        assert_int_equal(m.c_post.kind, KIND_THEFT);
        assert_true(span_eq(m.c_post.text, SPAN_STR("a bicycle")));
        assert_int_equal(m.c_post.cell, cell_parse(SPAN_STR(PLACE)));
        assert_int_equal(m.c_post.severity, SEVERITY_MINOR);
        assert_int_equal(m.c_post.urgency, URGENCY_PAST);
        assert_int_equal(m.c_post.certainty, CERTAINTY_LIKELY);
        assert_int_equal(m.c_post.status, STATUS_EXERCISE);
        assert_int_equal(m.c_post.source, SOURCE_SENSOR);
        assert_int_equal(m.c_post.expires_in, HOUR);
        assert_int_equal(m.c_post.wait, 7);
        assert_int_equal(m.c_post.precision, PRECISION_AREA);
        assert_int_equal(m.c_post.doing, DOING_SETTING_FIRE);
        hang_up();
}

/* What is left open is absent, for the daemon to fill in. */
static void a_post_with_nothing(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf answer = BUF_NULL;
        uint8_t room[4096];
        struct porchlight_posted posted;
        answer_posted(&answer);
        connect_to(buf_span(&answer));
        assert_int_equal(porchlight_post(p, &(struct porchlight_post){.kind = "fire"}, &posted), PORCHLIGHT_OK);
        union frame_message m = request_of(CONTROL_POST, room);
        assert_int_equal(m.c_post.kind, KIND_FIRE);
        assert_false(WIRE_HAS(&m.c_post, C_POST, text) || WIRE_HAS(&m.c_post, C_POST, severity) ||
                     WIRE_HAS(&m.c_post, C_POST, urgency) || WIRE_HAS(&m.c_post, C_POST, certainty) ||
                     WIRE_HAS(&m.c_post, C_POST, status) || WIRE_HAS(&m.c_post, C_POST, source) ||
                     WIRE_HAS(&m.c_post, C_POST, cell) || WIRE_HAS(&m.c_post, C_POST, expires_in) ||
                     WIRE_HAS(&m.c_post, C_POST, wait));
        hang_up();
}

static void posts_that_cannot_be_said(void **state) {
        (void)state;
        char text[514];
        const struct {
                struct porchlight_post post;
                const char *name;
        } wrong[] = {
                {{.kind = NULL}, "bad-value"},
                {{.kind = "fire", .severity = "very"}, "bad-value"},
                {{.kind = "fire", .urgency = "very"}, "bad-value"},
                {{.kind = "fire", .certainty = "very"}, "bad-value"},
                {{.kind = "fire", .status = "very"}, "bad-value"},
                {{.kind = "fire", .place = "behind the church"}, "bad-place"},
                {{.kind = "fire", .text = text}, "bad-text"},
        };
        struct porchlight_posted posted;
        memset(text, 'a', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        connect_to(SPAN_NONE);
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
                assert_failed(porchlight_post(p, &wrong[i].post, &posted), wrong[i].name);
        hang_up();
}

static void a_question_with_everything(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf answer = BUF_NULL;
        uint8_t room[4096];
        struct porchlight_event e;
        struct wire_c_done done = {0};
        struct porchlight_filter all = {.place = PLACE,
                                        .within_m = 800,
                                        .since = 1000,
                                        .kinds = (const char *const[]){"fire", "theft", NULL},
                                        .min_severity = "severe",
                                        .text = "bicycle",
                                        .limit = 5,
                                        .resume = true,
                                        .after = 77,
                                        .muted = true};
        put(&answer, CONTROL_DONE, &done);
        connect_to(buf_span(&answer));
        assert_int_equal(porchlight_nearby(p, &all), PORCHLIGHT_OK);
        assert_int_equal(porchlight_next(p, &e), PORCHLIGHT_END);
        union frame_message m = request_of(CONTROL_NEARBY, room);
        const uint8_t kinds[] = {KIND_FIRE, KIND_THEFT};
        assert_int_equal(m.c_filter.cell, cell_parse(SPAN_STR(PLACE)));
        assert_int_equal(m.c_filter.within, 800);
        assert_int_equal(m.c_filter.since, 1000);
        assert_true(span_eq(m.c_filter.kinds, SPAN_OF(kinds)));
        assert_int_equal(m.c_filter.min_severity, SEVERITY_SEVERE);
        assert_true(span_eq(m.c_filter.text, SPAN_STR("bicycle")));
        assert_int_equal(m.c_filter.limit, 5);
        assert_true(WIRE_HAS(&m.c_filter, C_FILTER, after));
        assert_int_equal(m.c_filter.after, 77);
        assert_true(m.c_filter.muted);
        hang_up();
}

static void questions_that_cannot_be_said(void **state) {
        (void)state;
        const struct {
                struct porchlight_filter filter;
                const char *name;
        } wrong[] = {
                {{.place = "behind the church"}, "bad-place"},
                {{.min_severity = "very"}, "bad-value"},
                {{.kinds = (const char *const[]){"fire", "fires", NULL}}, "bad-value"},
        };
        connect_to(SPAN_NONE);
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                assert_failed(porchlight_nearby(p, &wrong[i].filter), wrong[i].name);
                assert_failed(porchlight_watch(p, &wrong[i].filter), wrong[i].name);
        }
        hang_up();
}

/* ---- daemons that answer otherwise ---- */

/* Of no use any more: what comes now might be the answer to that. */
static void assert_hung_up(const char *name) {
        struct porchlight_status st;
        assert_int_equal(porchlight_fd(p), -1);
        assert_failed(porchlight_status(p, &st), name);
        hang_up();
}

static void no_answer(void **state) {
        (void)state;
        struct porchlight_status st;
        struct porchlight_event e;
        connect_to(SPAN_NONE);
        assert_true(porchlight_fd(p) >= 0);
        porchlight_set_timeout(p, SHORT_MS);
        assert_failed(porchlight_status(p, &st), "daemon-silent");
        assert_int_equal(porchlight_next(p, &e), PORCHLIGHT_END);
        assert_hung_up("daemon-silent");
}

static void another_answer(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf posted = BUF_NULL, end = BUF_NULL, twice = BUF_NULL;
        struct wire_c_done done = {0};
        struct porchlight_status st;
        struct porchlight_posted got;
        struct porchlight_event e;
        answer_posted(&posted);
        connect_to(buf_span(&posted));
        assert_failed(porchlight_status(p, &st), "bad-answer");
        assert_hung_up("bad-answer");
        put(&end, CONTROL_DONE, &done);
        connect_to(buf_span(&end)); /* done, and says nothing */
        assert_failed(porchlight_status(p, &st), "bad-answer");
        assert_hung_up("bad-answer");
        answer_posted(&twice);
        twice.n -= end.n;
        answer_posted(&twice);
        connect_to(buf_span(&twice)); /* one row more than there is */
        assert_failed(porchlight_post(p, &(struct porchlight_post){.kind = "fire"}, &got), "bad-answer");
        assert_hung_up("bad-answer");
        connect_to(buf_span(&posted));
        assert_int_equal(porchlight_nearby(p, NULL), PORCHLIGHT_OK);
        assert_failed(porchlight_next(p, &e), "bad-answer");
        assert_hung_up("bad-answer");
}

/* After its row the daemon breaks off, or refuses after all. */
static void half_an_answer(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf posted = BUF_NULL, end = BUF_NULL, refused = BUF_NULL;
        struct wire_c_done done = {0};
        struct wire_c_error error = {.name = SPAN_STR("quota"), .message = SPAN_STR("used up"), .exit = 5};
        struct porchlight_posted got;
        answer_posted(&posted);
        put(&end, CONTROL_DONE, &done);
        posted.n -= end.n;
        connect_to(buf_span(&posted));
        porchlight_set_timeout(p, SHORT_MS);
        assert_failed(porchlight_post(p, &(struct porchlight_post){.kind = "fire"}, &got), "bad-answer");
        assert_hung_up("bad-answer");
        buf_add(&refused, buf_span(&posted));
        put(&refused, CONTROL_ERROR, &error);
        connect_to(buf_span(&refused));
        assert_failed(porchlight_post(p, &(struct porchlight_post){.kind = "fire"}, &got), "quota");
        assert_int_equal(porchlight_last_error(p)->exit, 5);
        hang_up();
}

static int set_up(void **state) {
        (void)state;
        if (!mkdtemp(dir))
                return -1;
        snprintf(at.sun_path, sizeof(at.sun_path), "%s/control.sock", dir);
        return 0;
}

static int tear_down(void **state) {
        (void)state;
        unlink(at.sun_path);
        return rmdir(dir);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_post_with_everything),
                cmocka_unit_test(a_post_with_nothing),
                cmocka_unit_test(posts_that_cannot_be_said),
                cmocka_unit_test(a_question_with_everything),
                cmocka_unit_test(questions_that_cannot_be_said),
                cmocka_unit_test(no_answer),
                cmocka_unit_test(another_answer),
                cmocka_unit_test(half_an_answer),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
