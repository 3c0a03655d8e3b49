/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/clip_fetch.h"

#include "base/lang.h"
#include "base/text.h"
#include "base/when.h"
#include "wire/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 500 /* between two looks whether a person has had enough */
#define BAR 20
#define KB 1000
#define MINUTE 60
#define HOUR 3600
#define ANSWER_MS 10000
#define NAME_COLUMNS 24
#define STATE_COLUMNS 10

void clip_coming_fini(struct clip_coming *k) {
        k->daemon = call_free(k->daemon);
}

static void take_row(struct clip_coming *k, const struct wire_c_fetched *m) {
        k->row = *m;
        memcpy(k->id.b, m->clip.p, sizeof(k->id));
        k->row.clip = SPAN_OF(k->id.b);
        snprintf(k->household, sizeof(k->household), "%.*s", (int)m->household.n, (const char *)m->household.p);
        k->row.household = span_str(k->household);
        k->row.household_id = SPAN_NONE;
}

/* ---- what is shown ---- */

static void rate_text(struct buf *out, uint64_t rate) {
        if (rate >= KB * KB)
                buf_printf(out, "%" PRIu64 ".%" PRIu64 " MB/s", rate / (KB * KB), rate / (KB * KB / 10) % 10);
        else
                buf_printf(out, "%" PRIu64 " kB/s", rate / KB);
}

static void left_text(struct buf *out, uint64_t seconds) {
        if (seconds >= HOUR)
                buf_printf(out, _("%" PRIu64 " h %02" PRIu64 " min left"), seconds / HOUR, seconds % HOUR / MINUTE);
        else
                buf_printf(out, _("%" PRIu64 ":%02" PRIu64 " left"), seconds / MINUTE, seconds % MINUTE);
}

static void how_text(struct buf *out, const struct wire_c_fetched *m) {
        switch ((enum wire_e_fetching)m->state) {
        case FETCHING_COMES:
                rate_text(out, m->rate);
                if (WIRE_HAS(m, C_FETCHED, left)) {
                        buf_add_str(out, ", ");
                        left_text(out, m->left);
                }
                return;
        case FETCHING_WAITS:
                buf_add_str(out, _("waiting for "));
                text_show(out, m->household, false);
                return;
        case FETCHING_NO_ROOM:
                buf_add_str(out, _("waiting for room on the disk"));
                return;
        case FETCHING_WHOLE:
        case FETCHING_OVER:
                return;
        }
}

static void show_json(const struct wire_c_fetched *m, const struct span household) {
        _clean_(buf_fini) struct buf line = BUF_NULL;
        struct wire_c_fetched row = *m;
        row.household_id = household;
        json_message(&line, &wire_c_fetched_desc, &row);
        fprintf(stderr, "%s\n", buf_cstr(&line));
}

/* One line on the terminal that is written over; nothing where stderr is none. */
static void show_bar(struct clip_coming *k) {
        _clean_(buf_fini) struct buf how = BUF_NULL;
        const struct wire_c_fetched *m = &k->row;
        unsigned part = m->size ? (unsigned)(m->bytes * BAR / m->size) : BAR;
        how_text(&how, m);
        fprintf(stderr, "\r[%.*s%*s] %3u %%  %s\033[K", (int)part, "####################", (int)(BAR - part), "",
                m->size ? (unsigned)(m->bytes * 100 / m->size) : 100, buf_cstr(&how));
        k->shown = true;
}

static void show(const struct cli *c, struct clip_coming *k, const struct wire_c_fetched *m) {
        if (c->json)
                show_json(m, m->household_id);
        else if (c->err_tty)
                show_bar(k);
}

static void bar_over(struct clip_coming *k) {
        if (k->shown)
                fputs("\r\033[K", stderr);
        k->shown = false;
}

/* ---- the daemon ---- */

/* One row, or the end. 0 or an exit code (said). @ret_none: nothing of that clip is on its way. */
static int next(struct cli *c, struct clip_coming *k, bool *ret_none) {
        struct call_row row;
        int r = call_next(k->daemon, LOOK_MS, &row);
        if (r == CALL_E_AGAIN)
                return 0;
        if (r == CALL_E_END) {
                k->over = true;
                return 0;
        }
        if (r) {
                const struct call_error *e = call_error(k->daemon);
                *ret_none = strcmp(e->name, "no-fetch") == 0;
                bar_over(k);
                return *ret_none ? 0 : cli_fail_call(c, e);
        }
        if (row.number != CONTROL_FETCHED_ROW)
                return 0;
        take_row(k, &row.m->c_fetched);
        k->over |= k->row.state == FETCHING_WHOLE;
        show(c, k, &row.m->c_fetched);
        return 0;
}

int clip_coming_begin(struct cli *c, const char *word, bool reading, struct clip_coming *ret) {
        struct wire_c_fetch m = {.clip = span_str(word)};
        struct call_error error;
        bool none = false;
        *ret = (struct clip_coming){.reading = reading};
        if (call_new(&ret->daemon, c->data, CALL_CONTROL, &error))
                return cli_fail_call(c, &error);
        stop_catch();
        if (reading)
                WIRE_PUT(&m, C_FETCH, reading, true);
        if (call_send(ret->daemon, CONTROL_FETCH, &m))
                return cli_fail_call(c, call_error(ret->daemon));
        while (!ret->row.v && !ret->over && !none && !stop_wanted()) {
                int r = next(c, ret, &none);
                if (r)
                        return r;
        }
        if (none)
                clip_coming_fini(ret);
        return 0;
}

static const char still_comes[] = N_("the same command shows it again; --cancel calls it off");

static int broken_off(struct cli *c, struct clip_coming *k) {
        bar_over(k);
        if (stop_wanted())
                return cli_fail(c, EXIT_FAILED, "interrupted", still_comes,
                                "the clip goes on coming in the background");
        return cli_fail(c, EXIT_FAILED, "cannot-write", still_comes,
                        "what reads the clip has gone; it goes on coming in the background");
}

int clip_coming_wait(struct cli *c, struct clip_coming *k, uint64_t chunks) {
        bool none = false;
        while (k->daemon && !k->over && k->row.reads < chunks && !none) {
                if (stop_wanted() || (k->reading && cli_reader_gone()))
                        return broken_off(c, k);
                int r = next(c, k, &none);
                if (r)
                        return r;
        }
        bar_over(k);
        return 0;
}

int clip_coming_whole(struct cli *c, const char *word) {
        struct clip_coming k;
        int r = clip_coming_begin(c, word, false, &k);
        if (!r)
                r = clip_coming_wait(c, &k, UINT64_MAX);
        clip_coming_fini(&k);
        return r;
}

static uint64_t seconds_now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec;
}

int clip_coming_try(struct cli *c, const char *word, unsigned patience_s, bool *ret_here) {
        struct clip_coming k;
        bool none = false;
        uint64_t had = 0, since = seconds_now();
        int r = clip_coming_begin(c, word, false, &k);
        while (!r && k.daemon && !k.over && !none && !stop_wanted() && seconds_now() - since < patience_s) {
                r = next(c, &k, &none);
                if (k.row.held > had)
                        since = seconds_now();
                had = k.row.held;
        }
        bar_over(&k);
        *ret_here = !r && (!k.daemon || k.over || none);
        if (!r && stop_wanted())
                r = broken_off(c, &k);
        clip_coming_fini(&k);
        return r;
}

int clip_coming_cancel(struct cli *c, const char *word) {
        struct wire_c_name m = {.name = span_str(word)};
        int r = cli_ask(c, CONTROL_FETCH_CANCEL, &m, NULL, NULL);
        if (!r)
                cli_note(c, "called off; what had come of the clip is removed");
        return r;
}

/* ---- all of them ---- */

static const char *state_word(uint64_t state) {
        switch ((enum wire_e_fetching)state) {
        case FETCHING_COMES:
                return _("comes");
        case FETCHING_WAITS:
                return _("waits");
        case FETCHING_NO_ROOM:
                return _("no room");
        case FETCHING_WHOLE:
                return _("whole");
        case FETCHING_OVER:
                return _("over");
        }
        return "";
}

static void line(struct cli *c, const struct wire_c_fetched *m) {
        _clean_(buf_fini) struct buf until = BUF_NULL;
        when_local(&until, m->until, c->now);
        layout_id(&c->out, m->clip);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, m->household, NAME_COLUMNS);
        buf_add_str(&c->out, "  ");
        layout_word(&c->out, state_word(m->state), STATE_COLUMNS);
        buf_printf(&c->out, "%3u %%  ", m->size ? (unsigned)(m->bytes * 100 / m->size) : 100);
        buf_printf(&c->out, _("until %s"), buf_cstr(&until));
        buf_add_u8(&c->out, '\n');
}

struct fetch_lines {
        struct buf own, others; /* bytes of lines */
};

/* A line is made at the end of the output, and moved to those of its kind. */
static void keep_line(struct cli *c, const struct wire_c_fetched *m, struct fetch_lines *k) {
        size_t had = c->out.n;
        line(c, m);
        buf_add(WIRE_HAS(m, C_FETCHED, own) ? &k->own : &k->others, span_from(buf_span(&c->out), had));
        c->out.n = had;
}

static void put_lines(struct buf *out, const char *head, struct buf *lines) {
        if (lines->n)
                buf_add_str(out, head);
        buf_add(out, buf_span(lines));
        buf_fini(lines);
}

int clip_fetches(struct cli *c) {
        _clean_(call_freep) struct call *daemon = NULL;
        struct fetch_lines k = {BUF_NULL, BUF_NULL};
        struct wire_c_none none = {0};
        struct call_error error;
        struct call_row row;
        int r = call_new(&daemon, c->data, CALL_CONTROL, &error);
        if (!r)
                r = call_send(daemon, CONTROL_FETCHES, &none);
        while (!r && !(r = call_row(daemon, ANSWER_MS, &row))) {
                if (row.number != CONTROL_FETCHED_ROW)
                        continue;
                if (c->json)
                        cli_json(c, &wire_c_fetched_desc, &row.m->c_fetched);
                else
                        keep_line(c, &row.m->c_fetched, &k);
        }
        put_lines(&c->out, _("\nOf your other devices, here for a while:\n"), &k.own);
        put_lines(&c->out, _("\nOf other homes:\n"), &k.others);
        if (r == CALL_E_FAILED && daemon && strcmp(call_error(daemon)->name, "not-the-owner") != 0)
                return cli_fail_call(c, call_error(daemon));
        return cli_flush(c); /* who is not the owner sees own clips alone */
}
