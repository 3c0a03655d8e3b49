/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation over a socketpair: whole and split frames, refusals, and daemons that are silent, gone or mad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/call.h"
#include "porchlight/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHORT_MS 20

static struct call *call;
static int daemon_fd;

static int set_up(void **state) {
        int fds[2];
        (void)state;
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
                return -1;
        daemon_fd = fds[1];
        return call_new_fd(&call, fds[0], CALL_CONTROL);
}

static int tear_down(void **state) {
        (void)state;
        call = call_free(call);
        if (daemon_fd >= 0)
                close(daemon_fd);
        return 0;
}

static void say(struct span s) {
        assert_int_equal(write(daemon_fd, s.p, s.n), (ssize_t)s.n);
}

static void put(struct buf *b, unsigned number, const void *msg) {
        frame_put(b, wire_control_find(number), msg);
        assert_true(buf_ok(b));
}

static void requests_are_frames(void **state) {
        (void)state;
        struct wire_c_name m = {.name = SPAN_STR("1a2b")};
        uint8_t got[64];
        assert_int_equal(call_send(call, CONTROL_SHOW, &m), 0);
        ssize_t n = read(daemon_fd, got, sizeof(got));
        struct span body;
        size_t used;
        union frame_message back;
        const struct wire_number *row;
        assert_int_equal(frame_take(span_of(got, (size_t)n), &body, &used), 0);
        assert_int_equal(used, n);
        assert_int_equal(frame_read(body, wire_control_find, &row, &back, NULL), 0);
        assert_int_equal(row->number, CONTROL_SHOW);
        assert_true(span_eq(back.c_name.name, m.name));
}

static void out_of_bounds_is_named(void **state) {
        (void)state;
        struct wire_c_name m = {.name = SPAN_NONE};
        assert_int_equal(call_send(call, CONTROL_SHOW, &m), CALL_E_FAILED);
        assert_string_equal(call_error(call)->name, "out-of-bounds");
        assert_int_equal(call_error(call)->exit, EXIT_USAGE);
}

static void rows_until_done(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf b = BUF_NULL;
        struct wire_c_device d = {
                .name = SPAN_STR("hub"), .id = span_of("0123456789abcdef0123456789abcdef", 32), .share = 1};
        struct wire_c_done done = {0};
        struct call_row row;
        put(&b, CONTROL_DEVICE_ROW, &d);
        put(&b, CONTROL_DEVICE_ROW, &d);
        WIRE_PUT(&done, C_DONE, warning, SPAN_STR("mind the gap"));
        put(&b, CONTROL_DONE, &done);
        say(span_of(b.p, 7));
        assert_int_equal(call_next(call, SHORT_MS, &row), CALL_E_AGAIN);
        assert_false(call_pending(call));
        say(span_from(buf_span(&b), 7));
        assert_int_equal(call_next(call, SHORT_MS, &row), 0);
        assert_true(call_pending(call));
        assert_int_equal(row.number, CONTROL_DEVICE_ROW);
        assert_true(span_eq(row.m->c_device.name, d.name));
        assert_int_equal(call_next(call, 0, &row), 0);
        assert_int_equal(call_next(call, 0, &row), CALL_E_END);
        assert_true(span_eq(row.m->c_done.warning, SPAN_STR("mind the gap")));
        assert_int_equal(call_next(call, 0, &row), CALL_E_AGAIN);
}

static void refusals_are_the_daemons_words(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf b = BUF_NULL;
        struct wire_c_error e = {.name = SPAN_STR("quota"), .message = SPAN_STR("used up"), .exit = EXIT_REFUSED};
        struct call_row row;
        put(&b, CONTROL_ERROR, &e);
        say(buf_span(&b));
        assert_int_equal(call_row(call, SHORT_MS, &row), CALL_E_FAILED);
        assert_string_equal(call_error(call)->name, "quota");
        assert_string_equal(call_error(call)->message, "used up");
        assert_string_equal(call_error(call)->hint, "");
        assert_int_equal(call_error(call)->exit, EXIT_REFUSED);
}

static void silence_and_death(void **state) {
        (void)state;
        struct call_row row;
        assert_int_equal(call_row(call, SHORT_MS, &row), CALL_E_FAILED);
        assert_string_equal(call_error(call)->name, "daemon-silent");
        close(daemon_fd);
        daemon_fd = -1;
        assert_int_equal(call_row(call, SHORT_MS, &row), CALL_E_FAILED);
        assert_string_equal(call_error(call)->name, "daemon-gone");
        struct wire_c_none none = {0};
        assert_int_equal(call_send(call, CONTROL_STATUS, &none), CALL_E_FAILED);
        assert_string_equal(call_error(call)->name, "daemon-gone");
        assert_int_equal(call_error(call)->exit, EXIT_UNREACHABLE);
}

/* Turned away before the request is out: the refusal is heard all the same. */
static void last_words(void **state) {
        (void)state;
        struct call_row row;
        struct wire_c_none none = {0};
        struct wire_c_error e = {.name = SPAN_STR("not-owner"), .message = SPAN_STR("no"), .exit = EXIT_REFUSED};
        _clean_(buf_fini) struct buf b = BUF_NULL;
        put(&b, CONTROL_ERROR, &e);
        say(buf_span(&b));
        close(daemon_fd);
        daemon_fd = -1;
        assert_int_equal(call_send(call, CONTROL_STATUS, &none), 0);
        assert_int_equal(call_row(call, SHORT_MS, &row), CALL_E_FAILED);
        assert_string_equal(call_error(call)->name, "not-owner");
}

static void garbage(void **state) {
        (void)state;
        static const struct span mad[] = {
                {(const uint8_t *)"\0\0\0\0", 4},         /* empty frame */
                {(const uint8_t *)"\xff\xff\xff\xff", 4}, /* 4 GiB */
                {(const uint8_t *)"\0\0\0\1\xc1", 5},     /* not msgpack of ours */
                {(const uint8_t *)"\0\0\0\2\x3f\x80", 6}, /* a number nobody has */
                {(const uint8_t *)"\0\0\0\2\x44\x80", 6}, /* a row without its fields */
                {(const uint8_t *)"\0\0\0\5\xdd\xff\xff\xff\xff", 9},
                {(const uint8_t *)"HTTP/1.1 400 Bad Request\r\n", 26},
        };
        for (size_t i = 0; i < ARRAY_LEN(mad); i++) {
                struct call_row row;
                say(mad[i]);
                assert_int_equal(call_row(call, SHORT_MS, &row), CALL_E_FAILED);
                assert_string_equal(call_error(call)->name, "bad-answer");
                assert_int_equal(call_row(call, SHORT_MS, &row), CALL_E_FAILED); /* and it stays so */
                tear_down(state);
                assert_int_equal(set_up(state), 0);
        }
}

static void nobody_there(void **state) {
        (void)state;
        struct porchlight *p;
        struct porchlight_status s;
        struct porchlight_event e;
        assert_int_equal(porchlight_open(&p, "/nonexistent"), PORCHLIGHT_FAILED);
        assert_string_equal(porchlight_last_error(p)->name, "daemon-not-running");
        assert_int_equal(porchlight_status(p, &s), PORCHLIGHT_FAILED);
        assert_int_equal(porchlight_last_error(p)->exit, 3);
        assert_int_equal(porchlight_next(p, &e), PORCHLIGHT_END);
        assert_int_equal(porchlight_fd(p), -1);
        porchlight_close(p);
        porchlight_close(NULL);
        assert_string_equal(porchlight_last_error(NULL)->name, "out-of-memory");
}

/* ---- the public functions, against a process that answers each request with one of @answers ---- */

static char dir[] = "/tmp/pl-client-XXXXXX";

static pid_t serve(const struct buf *answers, size_t n) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        uint8_t request[4096];
        snprintf(at.sun_path, sizeof(at.sun_path), "%s/control.sock", dir);
        unlink(at.sun_path);
        int listener = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
        assert_int_equal(listen(listener, 1), 0);
        pid_t pid = fork();
        if (pid) {
                close(listener);
                return pid;
        }
        int fd = accept(listener, NULL, NULL);
        for (size_t i = 0; i < n && read(fd, request, sizeof(request)) > 0; i++)
                if (write(fd, answers[i].p, answers[i].n) < 0)
                        break;
        while (read(fd, request, sizeof(request)) > 0) /* until the client hangs up */
                continue;
        _exit(0);
}

static const uint8_t some_id[32] = {0xab, 0xcd};

static void answers_make(struct buf *a) {
        struct wire_c_done done = {0};
        struct wire_c_posted posted = {
                .v = 1, .id = SPAN_OF(some_id), .handed_to = 2, .homes = 4, .expires = 1000, .urgent = true};
        struct wire_c_status status = {
                .v = 1, .state = FRESH_ALONE, .homes = 5, .version = SPAN_STR("0.1.0"), .data = SPAN_STR("/d")};
        struct wire_c_alert alert = {.v = 1,
                                     .id = SPAN_OF(some_id),
                                     .household = SPAN_STR("Müller"),
                                     .source = SOURCE_PERSON,
                                     .kind = 99,
                                     .category = CATEGORY_FIRE,
                                     .severity = SEVERITY_SEVERE,
                                     .urgency = URGENCY_IMMEDIATE,
                                     .certainty = CERTAINTY_OBSERVED,
                                     .status = STATUS_ACTUAL,
                                     .state = STATE_ACTIVE,
                                     .cell = SPAN_STR("u33dc0t"),
                                     .lat = -52516300,
                                     .text = SPAN_STR("It burns")};
        struct wire_c_event event = {.v = 1, .seq = 7, .event = HAPPENING_UPDATED};
        _clean_(buf_fini) struct buf store = BUF_NULL;
        wire_list_add(&wire_c_alert_desc, &event.alert, &store, &alert);
        WIRE_PUT(&status, C_STATUS, mesh, SPAN_STR("Elm Street"));
        put(&a[0], CONTROL_STATUS_ROW, &status);
        put(&a[0], CONTROL_DONE, &done);
        put(&a[1], CONTROL_POSTED, &posted);
        put(&a[1], CONTROL_DONE, &done);
        put(&a[2], CONTROL_ALERT_ROW, &alert);
        put(&a[2], CONTROL_ALERT_ROW, &alert);
        put(&a[2], CONTROL_DONE, &done);
        put(&a[3], CONTROL_EVENT_ROW, &event);
}

static void ask_all(struct porchlight *p) {
        struct porchlight_status s;
        struct porchlight_posted posted;
        struct porchlight_event e;
        struct porchlight_filter f = {
                .place = "52.5,13.4", .within_m = 800, .kinds = (const char *const[]){"fire", NULL}};
        assert_int_equal(porchlight_status(p, &s), PORCHLIGHT_OK);
        assert_string_equal(s.state, "alone");
        assert_string_equal(s.mesh, "Elm Street");
        assert_string_equal(s.household, "");
        assert_int_equal(porchlight_post(p, &(struct porchlight_post){.kind = "fires"}, &posted), PORCHLIGHT_FAILED);
        assert_string_equal(porchlight_last_error(p)->name, "bad-value");
        struct porchlight_post wrong[] = {{.kind = "fire", .precision = "house"},
                                          {.kind = "fire", .doing = "standing"}};
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                assert_int_equal(porchlight_post(p, &wrong[i], &posted), PORCHLIGHT_FAILED);
                assert_string_equal(porchlight_last_error(p)->name, "bad-value");
        }
        assert_int_equal(porchlight_post(p, &(struct porchlight_post){.kind = "fire", .text = "\xff"}, &posted),
                         PORCHLIGHT_FAILED);
        assert_string_equal(porchlight_last_error(p)->name, "bad-text");
        struct porchlight_post right = {.kind = "FIRE", .text = "x", .precision = "Area", .doing = "setting-fire"};
        assert_int_equal(porchlight_post(p, &right, &posted), PORCHLIGHT_OK);
        assert_int_equal(posted.handed_to, 2);
        assert_memory_equal(posted.id, "abcd0000", 8);
        assert_int_equal(porchlight_nearby(p, &f), PORCHLIGHT_OK);
        assert_int_equal(porchlight_nearby(p, &f), PORCHLIGHT_FAILED);
        assert_string_equal(porchlight_last_error(p)->name, "busy");
        assert_int_equal(porchlight_next(p, &e), PORCHLIGHT_OK);
        assert_string_equal(e.alert.kind, "99");
        assert_string_equal(e.alert.household, "Müller");
        assert_int_equal(e.alert.lat_e6, -52516300);
        assert_int_equal(e.alert.distance_m, -1);
        assert_null(e.event);
        assert_int_equal(porchlight_next(p, &e), PORCHLIGHT_OK);
        assert_int_equal(porchlight_next(p, &e), PORCHLIGHT_END);
        assert_int_equal(porchlight_next(p, &e), PORCHLIGHT_END);
        assert_int_equal(porchlight_watch(p, NULL), PORCHLIGHT_OK);
        assert_int_equal(porchlight_next(p, &e), PORCHLIGHT_OK);
        assert_string_equal(e.event, "updated");
        assert_int_equal(e.seq, 7);
        assert_string_equal(e.alert.text, "It burns");
        porchlight_set_timeout(p, 0);
        assert_int_equal(porchlight_next(p, &e), PORCHLIGHT_AGAIN);
}

static void public_functions(void **state) {
        (void)state;
        struct buf answers[4] = {BUF_NULL};
        struct porchlight *p;
        char path[64];
        answers_make(answers);
        assert_non_null(mkdtemp(dir));
        pid_t pid = serve(answers, ARRAY_LEN(answers));
        assert_int_equal(porchlight_open(&p, dir), PORCHLIGHT_OK);
        ask_all(p);
        porchlight_close(p);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        snprintf(path, sizeof(path), "%s/control.sock", dir);
        unlink(path);
        rmdir(dir);
        for (size_t i = 0; i < ARRAY_LEN(answers); i++)
                buf_fini(&answers[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(requests_are_frames, set_up, tear_down),
                cmocka_unit_test_setup_teardown(out_of_bounds_is_named, set_up, tear_down),
                cmocka_unit_test_setup_teardown(rows_until_done, set_up, tear_down),
                cmocka_unit_test_setup_teardown(refusals_are_the_daemons_words, set_up, tear_down),
                cmocka_unit_test_setup_teardown(silence_and_death, set_up, tear_down),
                cmocka_unit_test_setup_teardown(last_words, set_up, tear_down),
                cmocka_unit_test_setup_teardown(garbage, set_up, tear_down),
                cmocka_unit_test(nobody_there),
                cmocka_unit_test(public_functions),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
