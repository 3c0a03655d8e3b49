/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: what is wrong with this home, and what to do. */
#include "cli/commands.h"

#include "cli/doctor.h"
#include "wire/json.h"

#define LABEL_COLUMNS 21 /* "problem  neighbours   " */
#define STATE_COLUMNS 7

static const char *state_word(enum doctor_state state) {
        switch (state) {
        case DOCTOR_OK:
                return N_("ok");
        case DOCTOR_NOTE:
                return N_("note");
        case DOCTOR_WARNING:
                return N_("warning");
        case DOCTOR_PROBLEM:
                return N_("problem");
        case DOCTOR_SKIP:
                break;
        }
        return "";
}

static void put_json(struct buf *out, const struct doctor_check *check, const struct doctor_finding *d) {
        buf_printf(out, "{\"v\":1,\"check\":\"%s\",\"state\":\"%s\",\"message\":", check->name, state_word(d->state));
        json_string(out, buf_span(&d->message));
        buf_add_str(out, ",\"fix\":");
        if (d->fix.n)
                json_string(out, buf_span(&d->fix));
        else
                buf_add_str(out, "null");
        buf_add_str(out, "}\n");
}

/* @text behind two labels. */
static void put_text(struct buf *out, const char *state, const char *name, struct span text) {
        _clean_(buf_fini) struct buf wrapped = BUF_NULL;
        layout_wrap(&wrapped, text, LABEL_COLUMNS, CLI_COLUMNS);
        layout_word(out, _(state), STATE_COLUMNS + 2);
        layout_word(out, _(name), LABEL_COLUMNS - STATE_COLUMNS - 2);
        buf_add(out, span_from(buf_span(&wrapped), LABEL_COLUMNS));
}

static void put_finding(struct cli *c, const struct doctor_check *check, const struct doctor_finding *d) {
        if (c->json) {
                put_json(&c->out, check, d);
                return;
        }
        put_text(&c->out, state_word(d->state), check->name, buf_span(&d->message));
        if (d->fix.n)
                put_text(&c->out, "", N_("  to do"), buf_span(&d->fix));
}

static void put_sum(struct cli *c, uint64_t problems, uint64_t warnings) {
        buf_add_u8(&c->out, '\n');
        layout_count(&c->out, problems, "problem", "problems");
        buf_add_str(&c->out, ", ");
        layout_count(&c->out, warnings, "warning", "warnings");
        buf_add_u8(&c->out, '\n');
}

static int run_doctor(struct cli *c, const struct args *a) {
        _clean_(doctor_facts_fini) struct doctor_facts facts = {0};
        uint64_t problems = 0, warnings = 0;
        (void)a;
        int r = doctor_look(c, &facts);
        if (r)
                return r;
        for (const struct doctor_check *check = doctor_checks; check->name; check++) {
                _clean_(doctor_finding_fini) struct doctor_finding d = {0};
                check->look(&facts, &d);
                problems += d.state == DOCTOR_PROBLEM;
                warnings += d.state == DOCTOR_WARNING;
                if (d.state != DOCTOR_SKIP)
                        put_finding(c, check, &d);
        }
        if (!c->json)
                put_sum(c, problems, warnings);
        r = cli_flush(c);
        return r ? r : problems ? EXIT_FAILED : 0;
}

const struct command command_doctor = {
        .name = "doctor",
        .synopsis = "",
        .brief = N_("what is wrong with this home, and what to do"),
        .help = N_("Looks at the data folder, the daemon, the vault, the clock, the disk and the\n"
                   "links, and says under each trouble what mends it. It changes nothing and sends\n"
                   "nothing, and works while the daemon is down too. The exit code is 1 if there is\n"
                   "a problem; warnings and notes do not count. With --json: check, state (ok, note,\n"
                   "warning or problem), message and fix, one object a line.\n"
                   "\nExample:\n  porchlight doctor --json | jq -r 'select(.state == \"problem\") | .fix'\n"),
        .run = run_doctor,
};
