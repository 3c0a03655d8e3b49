/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients of the benchmark: many people who post at once, and everybody who watches. One loop over all control
 * sockets, so that the measuring costs little beside what is measured. Prints one JSON object; times are seconds of
 * CLOCK_MONOTONIC.
 *
 *     bench-post burst DIR POSTS CLIENTS BYTES [WATCHED…]   CLIENTS connections post, one request at a time each
 *     bench-post spread DIR POSTS GAP_MS KIND WATCHED…      one post at a time: when has each watched home got it?
 *     bench-post count DIR ALERTS                           when has a home that is being started so many alerts?
 *     bench-post ready DIR                                  when does a home that is being started answer?
 */
#include "base/base.h"
#include "client/call.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CALLS_MAX 256
#define TEXT_MAX 512
#define BEGIN_US 200000 /* until every watch has begun: a watch is not answered */
#define PATIENCE_MS 60000
#define POLL_US 1000 /* between two questions to a home that is being started */

struct client {
        struct call *call;
        bool watch;
};

struct crowd {
        struct client clients[CALLS_MAX];
        struct pollfd fds[CALLS_MAX];
        size_t n, watching;
        uint64_t kind;
        char text[TEXT_MAX + 1];
        size_t text_bytes;
        uint64_t wanted, sent, answered, told; /* told: events of all watchers together */
        uint64_t now_number;                   /* spread: the alert under way */
        double posted_at, told_at, answered_at;
        double *latencies;
        size_t n_latencies;
};

static double seconds(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

_Noreturn static void give_up(const char *what, const struct call_error *e) {
        fprintf(stderr, "bench-post: %s: %s: %s\n", what, e ? e->name : "", e ? e->message : "");
        exit(EXIT_FAILURE);
}

static struct client *add(struct crowd *w, const char *dir) {
        struct call_error e = {0};
        if (w->n == CALLS_MAX)
                give_up("too many connections", NULL);
        struct client *c = &w->clients[w->n];
        if (call_new(&c->call, dir, CALL_CONTROL, &e))
                give_up(dir, &e);
        w->fds[w->n] = (struct pollfd){.fd = call_fd(c->call), .events = POLLIN};
        w->n++;
        return c;
}

static void ask(struct client *c, unsigned number, const void *msg) {
        if (call_send(c->call, number, msg))
                give_up("request", call_error(c->call));
}

static void watch(struct crowd *w, char **dirs, int n) {
        for (int i = 0; i < n; i++) {
                struct wire_c_filter all = {0};
                struct client *c = add(w, dirs[i]);
                c->watch = true;
                ask(c, CONTROL_WATCH, &all);
                w->watching++;
        }
        if (n)
                usleep(BEGIN_US);
}

/* Every text begins with its number, by which the watchers know it again, and is filled up to its length. */
static void post(struct crowd *w, struct client *c) {
        int n = snprintf(w->text, sizeof(w->text), "%08llu ", (unsigned long long)w->sent);
        for (size_t i = (size_t)n; i < w->text_bytes; i++)
                w->text[i] = (char)('a' + (i * 7 + w->sent) % 26);
        struct wire_c_post msg = {.kind = w->kind};
        WIRE_PUT(&msg, C_POST, text, span_of(w->text, MAX(w->text_bytes, (size_t)n)));
        WIRE_PUT(&msg, C_POST, wait, 0);
        w->now_number = w->sent++;
        ask(c, CONTROL_POST, &msg);
}

static void on_event(struct crowd *w, const struct wire_c_event *e) {
        struct wire_list alerts = e->alert;
        struct wire_c_alert a;
        char number[9] = {0};
        if (e->event != HAPPENING_POSTED || !wire_list_next(&wire_c_alert_desc, &alerts, &a) || a.text.n < 8)
                return;
        memcpy(number, a.text.p, 8);
        if (w->latencies && strtoull(number, NULL, 10) != w->now_number)
                return; /* a straggler: its own alert has been given up */
        w->told++;
        w->told_at = seconds();
        if (w->latencies)
                w->latencies[w->n_latencies++] = w->told_at - w->posted_at;
}

/* Takes what has come on one connection. True: its request is answered. */
static bool take(struct crowd *w, struct client *c) {
        bool done = false;
        for (;;) {
                struct call_row row;
                int r = call_next(c->call, 0, &row);
                if (r == CALL_E_AGAIN)
                        return done;
                if (r == CALL_E_FAILED)
                        give_up("answer", call_error(c->call));
                if (r == 0 && row.number == CONTROL_EVENT_ROW)
                        on_event(w, &row.m->c_event);
                if (r != CALL_E_END)
                        continue;
                w->answered++;
                w->answered_at = seconds();
                done = true;
                if (!call_pending(c->call))
                        return true;
        }
}

static bool turn(struct crowd *w) {
        if (poll(w->fds, w->n, PATIENCE_MS) <= 0)
                return false;
        for (size_t i = 0; i < w->n; i++) {
                if (!w->fds[i].revents)
                        continue;
                if (take(w, &w->clients[i]) && w->sent < w->wanted && !w->latencies)
                        post(w, &w->clients[i]);
        }
        return true;
}

static void leave(struct crowd *w) {
        for (size_t i = 0; i < w->n; i++)
                call_free(w->clients[i].call);
}

static int burst(int argc, char **argv) {
        static struct crowd w = {.kind = KIND_OTHER};
        if (argc < 4)
                return EXIT_FAILURE;
        uint64_t clients = strtoull(argv[2], NULL, 10);
        w.wanted = strtoull(argv[1], NULL, 10);
        w.text_bytes = MIN((size_t)strtoull(argv[3], NULL, 10), (size_t)TEXT_MAX);
        watch(&w, argv + 4, argc - 4);
        size_t first = w.n;
        for (uint64_t i = 0; i < clients; i++)
                add(&w, argv[0]);
        double began = seconds();
        for (size_t i = first; i < w.n && w.sent < w.wanted; i++)
                post(&w, &w.clients[i]);
        while ((w.answered < w.wanted || w.told < w.wanted * w.watching) && turn(&w))
                continue;
        printf("{\"posted\": %llu, \"post_s\": %.6f, \"arrived\": %llu, \"arrive_s\": %.6f}\n",
               (unsigned long long)w.answered, w.answered_at - began, (unsigned long long)w.told,
               w.watching ? w.told_at - began : 0.0);
        leave(&w);
        return EXIT_SUCCESS;
}

static int spread(int argc, char **argv) {
        static struct crowd w;
        static double latencies[CALLS_MAX];
        if (argc < 5 || !(w.kind = wire_enum_value(&wire_kind_enum, span_str(argv[3]))))
                return EXIT_FAILURE;
        uint64_t posts = strtoull(argv[1], NULL, 10), gap = strtoull(argv[2], NULL, 10), whole = 0;
        w.text_bytes = TEXT_MAX;
        w.latencies = latencies;
        watch(&w, argv + 4, argc - 4);
        struct client *me = add(&w, argv[0]);
        printf("{\"ms\": [");
        for (uint64_t i = 0; i < posts; i++) {
                w.told = w.answered = w.n_latencies = 0;
                w.posted_at = seconds();
                post(&w, me);
                while ((w.told < w.watching || !w.answered) && turn(&w))
                        continue;
                whole += w.told == w.watching;
                printf("%s[", i ? ", " : "");
                for (size_t k = 0; k < w.n_latencies; k++)
                        printf("%s%.3f", k ? ", " : "", w.latencies[k] * 1e3);
                printf("]");
                usleep((useconds_t)(gap * 1000));
        }
        printf("], \"whole\": %llu, \"posts\": %llu}\n", (unsigned long long)whole, (unsigned long long)posts);
        leave(&w);
        return EXIT_SUCCESS;
}

/* The daemon's socket may not be there yet, or not be answered yet. */
static struct call *knock(const char *dir, double until) {
        struct call *c;
        struct call_error e = {0};
        while (call_new(&c, dir, CALL_CONTROL, &e)) {
                if (seconds() > until)
                        give_up(dir, &e);
                usleep(POLL_US);
        }
        return c;
}

static uint64_t alerts_of(struct call *c) {
        struct wire_c_none none = {0};
        struct call_row row;
        uint64_t n = 0;
        if (call_send(c, CONTROL_STATUS, &none))
                give_up("status", call_error(c));
        for (;;) {
                int r = call_row(c, PATIENCE_MS, &row);
                if (r == CALL_E_END)
                        return n;
                if (r)
                        give_up("status", call_error(c));
                if (row.number == CONTROL_STATUS_ROW)
                        n = row.m->c_status.alerts;
        }
}

static int count(const char *dir, uint64_t wanted) {
        double until = seconds() + PATIENCE_MS / 1e3;
        struct call *c = knock(dir, until);
        uint64_t first = alerts_of(c), n = first;
        double ready = seconds(), all = ready;
        while (n < wanted && all < until) {
                usleep(POLL_US);
                n = alerts_of(c);
                all = seconds();
        }
        call_free(c);
        printf("{\"ready\": %.6f, \"had\": %llu, \"all\": %.6f, \"alerts\": %llu}\n", ready, (unsigned long long)first,
               all, (unsigned long long)n);
        return n >= wanted ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
        if (argc > 3 && !strcmp(argv[1], "burst"))
                return burst(argc - 2, argv + 2);
        if (argc > 3 && !strcmp(argv[1], "spread"))
                return spread(argc - 2, argv + 2);
        if (argc == 4 && !strcmp(argv[1], "count"))
                return count(argv[2], strtoull(argv[3], NULL, 10));
        if (argc == 3 && !strcmp(argv[1], "ready"))
                return count(argv[2], 0);
        fprintf(stderr, "usage: bench-post burst|spread|count|ready DIR …\n");
        return EXIT_FAILURE;
}
