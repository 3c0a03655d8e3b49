/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of the program: where output and errors go, and the conversation with the daemon. stdout carries the answer and
 * nothing else, so that a script can read it; stderr carries errors, freshness, progress and questions.
 */
#include "cli/cli.h"

#include "base/file.h"
#include "base/text.h"
#include "wire/json.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 30000 /* between two rows of an answer; a post waits 5 s for neighbours */

/* ---- errors and notes ---- */

/* A line for a log; for a person wrapped, so that no word is torn. */
static void write_said(const struct cli *c, struct buf *line) {
        _clean_(buf_fini) struct buf wrapped = BUF_NULL;
        buf_add_u8(line, '\n');
        if (c->err_tty)
                layout_wrap(&wrapped, buf_span(line), 0, CLI_COLUMNS);
        file_write(STDERR_FILENO, buf_span(c->err_tty ? &wrapped : line));
}

void cli_said(struct buf *out, const char *text, const struct said *said) {
        if (*said->form)
                said_show(out, said, (uint64_t)time(NULL));
        else
                buf_add_str(out, _(text)); /* the daemon and the vault send theirs in English */
}

int cli_fail_call(const struct cli *c, const struct call_error *e) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        if (c->json) {
                json_error(&out, e->name, e->message, e->hint);
                buf_add_u8(&out, '\n');
                file_write(STDERR_FILENO, buf_span(&out));
                return e->exit;
        }
        _clean_(buf_fini) struct buf message = BUF_NULL, hint = BUF_NULL;
        cli_said(&message, e->message, &e->said);
        cli_said(&hint, e->hint, &e->said_hint);
        buf_add_str(&out, "porchlight: ");
        text_show(&out, span_str(e->name), false);
        buf_add_str(&out, ": ");
        text_show(&out, buf_span(&message), false);
        buf_add_str(&out, hint.n ? "; " : "");
        text_show(&out, buf_span(&hint), false);
        write_said(c, &out);
        return e->exit;
}

int cli_fail(const struct cli *c, int code, const char *name, const char *hint, const char *fmt, ...) {
        struct call_error e = {.exit = code};
        va_list ap;
        call_error_set(&e, code, name, hint, "%s", "");
        va_start(ap, fmt);
        vsnprintf(e.message, sizeof(e.message), _(fmt), ap);
        va_end(ap);
        return cli_fail_call(c, &e);
}

void cli_note(const struct cli *c, const char *fmt, ...) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        _clean_(buf_fini) struct buf text = BUF_NULL;
        va_list ap;
        va_start(ap, fmt);
        buf_vprintf(&text, _(fmt), ap);
        va_end(ap);
        buf_add_str(&out, "porchlight: ");
        text_show(&out, buf_span(&text), false);
        write_said(c, &out);
}

void cli_words(struct buf *out, struct span words) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        buf_add(&text, words);
        buf_add_str(out, _(buf_cstr(&text)));
}

void cli_warn(const struct cli *c, struct span warning) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        cli_words(&text, warning);
        cli_note(c, "warning: %s", buf_cstr(&text));
}

/* ---- stdout ---- */

static bool reader_gone;

bool cli_reader_gone(void) {
        struct pollfd p = {.fd = STDOUT_FILENO};
        if (!reader_gone && poll(&p, 1, 0) > 0 &&
            (p.revents & POLLERR)) /* a pipe's reader has gone, nothing written yet */
                reader_gone = true;
        return reader_gone;
}

int cli_flush(struct cli *c) {
        struct span s = buf_span(&c->out);
        if (!buf_ok(&c->out))
                return cli_fail(c, EXIT_FAILED, "out-of-memory", "", "out of memory");
        while (s.n && !reader_gone) {
                ssize_t n = write(STDOUT_FILENO, s.p, s.n);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EPIPE)
                        reader_gone = true;
                else if (n < 0)
                        return cli_fail(c, EXIT_FAILED, "cannot-write", "", "stdout: %s", strerror(errno));
                else
                        s = span_from(s, (size_t)n);
        }
        buf_clear(&c->out);
        return 0;
}

/* ---- the daemon ---- */

int cli_open(struct cli *c) {
        struct call_error e;
        if (c->call)
                return 0;
        return call_new(&c->call, c->data, CALL_CONTROL, &e) ? cli_fail_call(c, &e) : 0;
}

static void say_warning(struct cli *c, const struct wire_c_done *done) {
        if (WIRE_HAS(done, C_DONE, warning))
                cli_warn(c, done->warning);
}

int cli_answer(struct cli *c, struct call *call, int wait_ms, cli_row_fn row, void *arg) {
        struct call_row got;
        for (;;) {
                int r = call_row(call, wait_ms, &got);
                if (r == CALL_E_FAILED) {
                        cli_flush(c);
                        return cli_fail_call(c, call_error(call));
                }
                if (r == CALL_E_END) {
                        say_warning(c, &got.m->c_done);
                        return 0;
                }
                r = row ? row(c, &got, arg) : 0;
                if (r)
                        return r;
        }
}

int cli_ask_on(struct cli *c, struct call *call, unsigned number, const void *msg, cli_row_fn row, void *arg) {
        if (call_send(call, number, msg))
                return cli_fail_call(c, call_error(call));
        return cli_answer(c, call, ANSWER_MS, row, arg);
}

int cli_ask(struct cli *c, unsigned number, const void *msg, cli_row_fn row, void *arg) {
        int r = cli_open(c);
        return r ? r : cli_ask_on(c, c->call, number, msg, row, arg);
}

int cli_show_each(struct cli *c, struct span ids, cli_row_fn row, void *arg) {
        const size_t each = sizeof(struct hash);
        for (; ids.n >= each; ids = span_from(ids, each)) {
                _clean_(buf_fini) struct buf id = BUF_NULL;
                text_hex(&id, span_of(ids.p, each));
                struct wire_c_name m = {.name = buf_span(&id)};
                int r = cli_ask(c, CONTROL_SHOW, &m, row, arg);
                if (r && r != EXIT_NOT_FOUND)
                        return r;
        }
        return 0;
}

static bool has_version(const struct wire_desc *d) {
        for (size_t i = 0; i < d->n; i++)
                if (strcmp(d->fields[i].name, "v") == 0)
                        return true;
        return false;
}

void cli_json(struct cli *c, const struct wire_desc *d, const void *msg) {
        _clean_(buf_fini) struct buf object = BUF_NULL;
        json_message(&object, d, msg);
        bool more = object.n > 2; /* than {} */
        if (!has_version(d) && object.n) {
                buf_add_str(&c->out, more ? "{\"v\":1," : "{\"v\":1");
                buf_drop(&object, 1);
        }
        buf_add(&c->out, buf_span(&object));
        buf_add_u8(&c->out, '\n');
}

int cli_row_json(struct cli *c, const struct call_row *row, void *arg) {
        (void)arg;
        cli_json(c, row->row->desc, row->m);
        return cli_flush(c);
}

int cli_list(struct cli *c, unsigned number, cli_row_fn row, const char *none) {
        struct wire_c_none nothing = {0};
        bool any = false;
        int r = cli_ask(c, number, &nothing, row, &any);
        if (!r && !any && !c->json)
                buf_add_str(&c->out, none);
        return r;
}

/* ---- signals ---- */

static volatile sig_atomic_t stopped;

static void on_stop(int sig) {
        (void)sig;
        stopped = 1;
}

bool stop_wanted(void) {
        return stopped;
}

void stop_catch(void) {
        struct sigaction sa = {.sa_handler = on_stop}; /* no SA_RESTART: poll() must return */
        sigaction(SIGINT, &sa, NULL);
        sigaction(SIGTERM, &sa, NULL);
        sigaction(SIGHUP, &sa, NULL);
}

void stop_release(void) {
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        if (stopped)
                raise(SIGINT);
}
