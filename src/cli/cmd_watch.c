/* SPDX-License-Identifier: Apache-2.0 */
/* watch: the same as nearby, as it happens; for a person at a terminal or a program that is run for each event. */
#include "cli/commands.h"

#include "base/when.h"
#include "cli/cmd_ask.h"
#include "cli/given.h"
#include "cli/options.h"
#include "wire/json.h"

#include <inttypes.h>
#include <time.h>

#define LOOK_UP_MS 1000                  /* how often a watch looks whether its reader is still there */
#define NUMBER_EXACT (UINT64_C(1) << 53) /* JSON numbers above it lose digits in many readers */

static const struct option watch_options[] = {
        OPTION_ROWS_FILTER,
        {OPT_AFTER, "after", "SEQ", N_("first everything after this sequence number"), OPTION_NUMBER, NULL, 0,
         INT64_MAX},
        {OPT_EXEC, "exec", "CMD ARG…",
         N_("run this for each event, its JSON on stdin; everything behind --exec belongs to it"), OPTION_REST},
        OPTION_END,
};

void event_json(struct buf *out, const struct wire_c_event *e, const struct wire_c_alert *a) {
        _clean_(buf_fini) struct buf word = BUF_NULL;
        const char *quote = e->seq > NUMBER_EXACT ? "\"" : "";
        layout_enum(&word, &wire_happening_enum, e->event);
        buf_printf(out, "{\"v\":1,\"seq\":%s%" PRIu64 "%s,\"event\":", quote, e->seq, quote);
        json_string(out, buf_span(&word));
        buf_add_str(out, ",\"alert\":");
        json_message(out, &wire_c_alert_desc, a);
        buf_add_str(out, "}\n");
}

static void event_text(struct cli *c, const struct wire_c_event *e, const struct wire_c_alert *a) {
        uint64_t now = (uint64_t)time(NULL);
        when_local(&c->out, now, now);
        buf_add_str(&c->out, ": ");
        layout_enum(&c->out, &wire_happening_enum, e->event);
        buf_printf(&c->out, " (%" PRIu64 ")\n", e->seq);
        layout_alert(&c->out, a, now, c->colour);
        buf_add_u8(&c->out, '\n');
}

static int on_event(struct cli *c, const struct wire_c_event *e, char *const *argv) {
        _clean_(buf_fini) struct buf json = BUF_NULL;
        struct wire_list list = e->alert;
        struct wire_c_alert alert;
        if (!wire_list_next(&wire_c_alert_desc, &list, &alert))
                return 0;
        if (argv) {
                event_json(&json, e, &alert);
                return exec_run(c, argv, buf_span(&json));
        }
        if (c->json)
                event_json(&c->out, e, &alert);
        else
                event_text(c, e, &alert);
        return cli_flush(c);
}

/* The same shape as that of an alert's event, with an ask in its place. */
static void asked_json(struct buf *out, const struct wire_c_asked *e, const struct wire_c_ask *a) {
        const char *quote = e->seq > NUMBER_EXACT ? "\"" : "";
        buf_printf(out, "{\"v\":1,\"seq\":%s%" PRIu64 "%s,\"event\":\"asked\",\"ask\":", quote, e->seq, quote);
        json_message(out, &wire_c_ask_desc, a);
        buf_add_str(out, "}\n");
}

static void asked_text(struct cli *c, const struct wire_c_asked *e, const struct wire_c_ask *a) {
        uint64_t now = (uint64_t)time(NULL);
        when_local(&c->out, now, now);
        buf_add_str(&c->out, ": ");
        layout_enum(&c->out, &wire_happening_enum, e->event);
        buf_printf(&c->out, " (%" PRIu64 ")\n", e->seq);
        ask_layout(&c->out, a, now);
        buf_add_u8(&c->out, '\n');
}

static int on_asked(struct cli *c, const struct wire_c_asked *e, char *const *argv) {
        _clean_(buf_fini) struct buf json = BUF_NULL;
        struct wire_list list = e->ask;
        struct wire_c_ask ask;
        if (!wire_list_next(&wire_c_ask_desc, &list, &ask))
                return 0;
        asked_json(argv ? &json : c->json ? &c->out : &json, e, &ask);
        if (argv)
                return exec_run(c, argv, buf_span(&json));
        if (!c->json)
                asked_text(c, e, &ask);
        return cli_flush(c);
}

/* Of a grant or a request: they have no number. */
static void came_json(struct buf *out, const struct wire_c_came *e, const struct wire_c_given *g,
                      const struct wire_c_requested *q) {
        _clean_(buf_fini) struct buf word = BUF_NULL;
        layout_enum(&word, &wire_happening_enum, e->event);
        buf_add_str(out, "{\"v\":1,\"event\":");
        json_string(out, buf_span(&word));
        buf_printf(out, ",\"%s\":", g ? "grant" : "request");
        if (g)
                json_message(out, &wire_c_given_desc, g);
        else
                json_message(out, &wire_c_requested_desc, q);
        buf_add_str(out, "}\n");
}

static void came_text(struct cli *c, const struct wire_c_came *e, const struct wire_c_given *g,
                      const struct wire_c_requested *q) {
        uint64_t now = (uint64_t)time(NULL);
        when_local(&c->out, now, now);
        buf_add_str(&c->out, ": ");
        layout_enum(&c->out, &wire_happening_enum, e->event);
        buf_add_u8(&c->out, '\n');
        if (g)
                given_layout(&c->out, g, now);
        else
                request_layout(&c->out, q, now);
        buf_add_u8(&c->out, '\n');
}

/* No clip: the rule for an emergency. */
static int on_policy(struct cli *c, const struct wire_c_came *e, char *const *argv) {
        _clean_(buf_fini) struct buf json = BUF_NULL, text = BUF_NULL;
        uint64_t now = (uint64_t)time(NULL);
        struct buf *out = argv || !c->json ? &json : &c->out;
        json_message(out, &wire_c_came_desc, e);
        buf_add_u8(out, '\n');
        if (argv)
                return exec_run(c, argv, buf_span(&json));
        if (!c->json) {
                when_local(&text, now, now);
                buf_add_str(&text, ": ");
                policy_asleep_text(&text, e->policy_until, now);
                layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
                buf_add_u8(&c->out, '\n');
        }
        return cli_flush(c);
}

static int on_came(struct cli *c, const struct wire_c_came *e, char *const *argv) {
        _clean_(buf_fini) struct buf json = BUF_NULL;
        struct wire_list grants = e->given, requests = e->request;
        struct wire_c_given g;
        struct wire_c_requested q;
        if (WIRE_HAS(e, C_CAME, policy_until))
                return on_policy(c, e, argv);
        bool given = WIRE_HAS(e, C_CAME, given) && wire_list_next(&wire_c_given_desc, &grants, &g);
        if (!given && !(WIRE_HAS(e, C_CAME, request) && wire_list_next(&wire_c_requested_desc, &requests, &q)))
                return 0;
        came_json(argv ? &json : c->json ? &c->out : &json, e, given ? &g : NULL, given ? NULL : &q);
        if (argv)
                return exec_run(c, argv, buf_span(&json));
        if (!c->json)
                came_text(c, e, given ? &g : NULL, given ? NULL : &q);
        return cli_flush(c);
}

/* Until a signal, @most events, the end of stdout's reader, or the daemon's. */
static int follow(struct cli *c, char *const *argv, uint64_t most) {
        struct call_row row;
        uint64_t told = 0;
        while (told < most && !stop_wanted() && !cli_reader_gone()) {
                int r = call_next(c->call, LOOK_UP_MS, &row);
                if (r == CALL_E_FAILED)
                        return cli_fail_call(c, call_error(c->call));
                if (r == CALL_E_END)
                        return cli_fail(c, EXIT_UNREACHABLE, "daemon-gone", "see its log",
                                        "the daemon ended the watch");
                if (r == 0 && row.number == CONTROL_EVENT_ROW) {
                        r = on_event(c, &row.m->c_event, argv);
                        told++;
                } else if (r == 0 && row.number == CONTROL_ASKED_ROW) {
                        r = on_asked(c, &row.m->c_asked, argv);
                        told++;
                } else if (r == 0 && row.number == CONTROL_CAME_ROW) {
                        r = on_came(c, &row.m->c_came, argv);
                        told++;
                }
                if (r && r != CALL_E_AGAIN)
                        return r;
        }
        return 0;
}

static int run_watch(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf kinds = BUF_NULL, store = BUF_NULL;
        const struct option_value *after = args_get(a, OPT_AFTER), *exec = args_get(a, OPT_EXEC);
        const struct option_value *limit = args_get(a, OPT_LIMIT);
        char *const one[] = {exec ? (char *)(uintptr_t)exec->text : NULL, NULL}; /* --exec=CMD: no words of its own */
        struct wire_c_filter m = {0};
        struct wire_c_status status;
        stop_catch();
        int r = status_get(c, &status, &store);
        if (r)
                return r;
        r = filter_from(c, a, &m, &kinds);
        if (r)
                return r;
        if (after)
                WIRE_PUT(&m, C_FILTER, after, after->n);
        if (call_send(c->call, CONTROL_WATCH, &m))
                return cli_fail_call(c, call_error(c->call));
        say_fresh(c, a, &status); /* whoever waits for these words misses nothing that happens after them */
        return follow(c, exec ? (exec->rest ? exec->rest : one) : NULL, limit ? limit->n : UINT64_MAX);
}

const struct command command_watch = {
        .name = "watch",
        .synopsis = "[--at PLACE] [--within 800m] [--since T] [--kind K]… [--min-severity S] [--text Q] [--limit N] "
                    "[--muted] [--after SEQ] [--exec CMD ARG…]",
        .brief = N_("tell what happens as it happens"),
        .help = N_("Prints a block for each event until it is interrupted, or has told as many as\n"
                   "--limit says. With --json one object a line:\n"
                   "{\"v\":1,\"seq\":…,\"event\":\"posted\",\"alert\":{…}}. Remember the last seq and give it\n"
                   "to --after, and nothing is missed between two runs. With --since it first tells\n"
                   "again what happened with the alerts that changed since then.\n"
                   "\n"
                   "The home's owner is also told of asks that clips of this home fit, unless a\n"
                   "filter is given: \"asked\", with \"ask\" in the place of \"alert\"; and, also at the\n"
                   "beginning, that a rule for an emergency sleeps (\"asleep\", \"policy_until\").\n"
                   "\n"
                   "--exec runs a program with fixed words for each event, without a shell: the\n"
                   "event is on its stdin, as JSON. One runs at a time, for 30 s at most, and\n"
                   "nothing else is printed.\n"
                   "\n"
                   "Examples:\n"
                   "  porchlight watch --min-severity severe\n"
                   "  porchlight watch --json --after 1200 >> events.jsonl\n"
                   "  porchlight watch --kind fire --kind smoke --exec /usr/local/bin/ring-bell 3\n"),
        .options = watch_options,
        .run = run_watch,
};
