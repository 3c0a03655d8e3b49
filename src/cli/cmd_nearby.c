/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nearby: what goes on, from the replica in this house. No packet leaves the house and nobody learns that somebody
 * asked; in return the answer is as old as the last contact with a neighbour, which stderr says each time.
 */
#include "cli/commands.h"

#include "base/cell.h"
#include "base/when.h"
#include "cli/options.h"

#define KINDS_MAX 64 /* as in proto/control.def */
#define MAX_AGE_MAX (365 * 86400)

static const struct option nearby_options[] = {
        OPTION_ROWS_FILTER,
        {OPT_MAX_AGE, "max-age", "D", N_("fail as `stale` if the replica is older than this"), OPTION_DURATION, NULL, 1,
         MAX_AGE_MAX},
        OPTION_END,
};

/* ---- freshness ---- */

struct status_sink {
        struct wire_c_status *status;
        struct buf *store;
        bool got;
};

/* Moves the texts of the row into the sink's memory: the frame is overwritten by the next one. */
static int row_status(struct cli *c, const struct call_row *row, void *arg) {
        struct status_sink *sink = arg;
        (void)c;
        if (row->number != CONTROL_STATUS_ROW)
                return 0;
        codec_encode(&wire_c_status_desc, row->m, sink->store);
        sink->got = buf_ok(sink->store) &&
                    codec_decode(&wire_c_status_desc, buf_span(sink->store), sink->status, NULL) == 0;
        return 0;
}

int status_get(struct cli *c, struct wire_c_status *ret, struct buf *store) {
        struct wire_c_none none = {0};
        struct status_sink sink = {.status = ret, .store = store};
        int r = cli_ask(c, CONTROL_STATUS, &none, row_status, &sink);
        if (r)
                return r;
        return sink.got ? 0
                        : cli_fail(c, EXIT_FAILED, "bad-answer", "are the daemon and this tool of one version?",
                                   "the daemon did not tell its status");
}

/* How long ago the replica was in touch with the mesh, in seconds. */
static uint64_t age_of(const struct wire_c_status *s, uint64_t now) {
        bool in_touch =
                s->state == FRESH_CURRENT || s->state == FRESH_MUTED || (s->state == FRESH_ALONE && s->homes == 1);
        if (in_touch)
                return 0;
        if (!WIRE_HAS(s, C_STATUS, since))
                return UINT64_MAX;
        return now > s->since ? now - s->since : 0;
}

void say_fresh(struct cli *c, const struct args *a, const struct wire_c_status *s) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        layout_fresh(&text, s, c->now);
        cli_note(c, "replica: %s", buf_cstr(&text));
        c->left_out = WIRE_HAS(s, C_STATUS, muted) && !args_has(a, OPT_MUTED);
        if (c->left_out)
                cli_note(c, "muted: %.*s", (int)s->muted.n, (const char *)s->muted.p);
}

/* Asks for the status; too old a replica is an error, a fresh one is said to be. */
static int nearby_fresh(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf store = BUF_NULL, text = BUF_NULL;
        const struct option_value *max_age = args_get(a, OPT_MAX_AGE);
        struct wire_c_status s;
        int r = status_get(c, &s, &store);
        if (r)
                return r;
        if (max_age && age_of(&s, c->now) > max_age->n) {
                layout_fresh(&text, &s, c->now);
                return cli_fail(c, EXIT_FAILED, "stale", "`porchlight peers` shows why, or leave --max-age out",
                                "the replica is older than --max-age: %s", buf_cstr(&text));
        }
        say_fresh(c, a, &s);
        return 0;
}

/* ---- filter ---- */

/* "home" as a centre: the filter has no word for it, so the daemon is asked which cell that is. */
static int home_cell(struct cli *c, uint64_t *ret) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_c_status s;
        int r = status_get(c, &s, &store);
        if (r)
                return r;
        if (!WIRE_HAS(&s, C_STATUS, home))
                return cli_fail(c, EXIT_USAGE, "no-place", "give --at LAT,LON", "this home's place is not set");
        *ret = cell_parse(s.home);
        return 0;
}

static void say_since(struct cli *c, uint64_t since) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        when_local(&text, since, c->now);
        cli_note(c, "since %s", buf_cstr(&text));
}

static int filter_place(struct cli *c, const struct args *a, struct wire_c_filter *ret) {
        const struct option_value *at = args_get(a, OPT_AT), *within = args_get(a, OPT_WITHIN);
        if (within)
                WIRE_PUT(ret, C_FILTER, within, within->n);
        if (!at)
                return 0;
        uint64_t cell = at->n;
        int r = cell ? 0 : home_cell(c, &cell);
        if (r)
                return r;
        WIRE_PUT(ret, C_FILTER, cell, cell);
        return 0;
}

static void filter_kinds(const struct args *a, struct buf *kinds) {
        for (size_t i = 0; i < a->n_values && kinds->n < KINDS_MAX; i++)
                if (a->values[i].option->id == OPT_KIND)
                        buf_add_u8(kinds, (uint8_t)a->values[i].n);
}

int filter_from(struct cli *c, const struct args *a, struct wire_c_filter *ret, struct buf *kinds) {
        const struct option_value *v;
        const char *text = args_text(a, OPT_TEXT);
        int r = filter_place(c, a, ret);
        if (r)
                return r;
        if ((v = args_get(a, OPT_SINCE))) {
                WIRE_PUT(ret, C_FILTER, since, v->n);
                say_since(c, v->n);
        }
        filter_kinds(a, kinds);
        if (kinds->n)
                WIRE_PUT(ret, C_FILTER, kinds, buf_span(kinds));
        if ((v = args_get(a, OPT_MIN_SEVERITY)))
                WIRE_PUT(ret, C_FILTER, min_severity, v->n);
        if (text && *text)
                WIRE_PUT(ret, C_FILTER, text, span_str(text));
        if (args_has(a, OPT_MUTED))
                WIRE_PUT(ret, C_FILTER, muted, true);
        if ((v = args_get(a, OPT_LIMIT)))
                WIRE_PUT(ret, C_FILTER, limit, v->n);
        return 0;
}

/* ---- the command ---- */

static int row_nearby(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg;
        if (row->number != CONTROL_ALERT_ROW)
                return 0;
        if (*any && !c->json)
                buf_add_u8(&c->out, '\n');
        *any = true;
        return row_alert(c, row, NULL);
}

static int run_nearby(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf kinds = BUF_NULL;
        struct wire_c_filter m = {0};
        bool any = false;
        int r = nearby_fresh(c, a);
        if (r)
                return r;
        r = filter_from(c, a, &m, &kinds);
        if (r)
                return r;
        r = cli_ask(c, CONTROL_NEARBY, &m, row_nearby, &any);
        if (r || any || c->json)
                return r;
        buf_add_str(&c->out, m.has || c->left_out ? _("No alerts match.\n")
                                                  : _("No alerts in force, and none in the last 24 hours.\n"));
        return 0;
}

const struct command command_nearby = {
        .name = "nearby",
        .synopsis = "[--at PLACE] [--within 800m] [--since T] [--kind K]… [--min-severity S] [--text Q] [--limit N] "
                    "[--muted] [--max-age D]",
        .brief = N_("what goes on around here"),
        .help = N_("Without options: all alerts in force and those of the last 24 hours, in the\n"
                   "whole mesh. It is answered from this house: no packet leaves it, and nobody\n"
                   "learns that you asked. Distances run between the centres of cells of about\n"
                   "150 m. stderr says how current the answer is, and what is left out because it\n"
                   "is muted (`porchlight help mute add`).\n"
                   "\n"
                   "Examples:\n"
                   "  porchlight nearby\n"
                   "  porchlight nearby --within 800m --min-severity moderate\n"
                   "  porchlight nearby --since yesterday --kind theft --kind break-in\n"
                   "  porchlight nearby --json | jq -r .text\n"),
        .options = nearby_options,
        .run = run_nearby,
};
