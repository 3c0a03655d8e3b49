/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask post, list, match, retract: who asks the street for footage says so to everybody. Who has some sees it at home, and
 * nobody learns of that.
 */
#include "cli/cmd_ask.h"
#include "cli/commands.h"

#include "base/cell.h"
#include "base/when.h"
#include "cli/options.h"

#define RADIUS_MAX 100000 /* metres; how far an ask may go the daemon says, by name */
#define REASON_MAX 512    /* bytes; likewise */
#define ID_MIN 4
#define ID_MAX 64
#define CAMERA_COLUMNS 20
#define DISTANCE_COLUMNS 7
#define INDENT 2

/* ---- what an ask looks like ---- */

static void times_text(struct buf *out, uint64_t from, uint64_t to, uint64_t now) {
        _clean_(buf_fini) struct buf first = BUF_NULL, last = BUF_NULL;
        when_local(&first, from, now);
        when_local(&last, to, now);
        buf_printf(out, _("%s to %s"), buf_cstr(&first), buf_cstr(&last));
}

static void where_text(struct buf *out, struct span cell, uint64_t radius) {
        buf_printf(out, _("%.*s and %llu m around it"), (int)cell.n, (const char *)cell.p, (unsigned long long)radius);
}

static void also(struct buf *out, uint64_t n, const char *one, const char *many) {
        buf_add_str(out, "; ");
        layout_count(out, n, one, many);
}

static void foot_text(struct buf *out, const struct wire_c_ask *a, uint64_t now) {
        buf_add_str(out, _("asked "));
        when_local(out, a->created, now);
        buf_add_str(out, a->state == STATE_EXPIRED ? _("; ended ") : _("; until "));
        when_local(out, a->expires, now);
        also(out, a->asked_here, "ask about this place in 30 days", "asks about this place in 30 days");
        also(out, a->asked_by, "of that household", "of that household");
        if (WIRE_HAS(a, C_ASK, alert)) {
                buf_add_str(out, _("; about alert "));
                layout_id(out, a->alert);
        }
        if (a->mine)
                buf_add_str(out, _("; yours"));
        if (WIRE_HAS(a, C_ASK, clips) && a->clips && !a->mine)
                also(out, a->clips, "clip of yours fits", "clips of yours fit");
}

void ask_layout(struct buf *out, const struct wire_c_ask *a, uint64_t now) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        layout_id(out, a->id);
        buf_add_str(out, "  ");
        layout_cell(out, a->household, CLI_COLUMNS - 2 * CLI_ID_PREFIX - 2);
        layout_trim(out);
        buf_add_u8(out, '\n');
        where_text(&text, a->cell, a->radius);
        buf_add_str(&text, ", ");
        times_text(&text, a->from, a->to, now);
        layout_wrap(out, buf_span(&text), INDENT, CLI_COLUMNS);
        layout_wrap(out, a->reason, INDENT, CLI_COLUMNS);
        buf_clear(&text);
        foot_text(&text, a, now);
        layout_wrap(out, buf_span(&text), INDENT, CLI_COLUMNS);
}

int row_ask(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg;
        if (row->number != CONTROL_ASK_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        if (*any)
                buf_add_u8(&c->out, '\n');
        *any = true;
        ask_layout(&c->out, &row->m->c_ask, c->now);
        return cli_flush(c);
}

/* ---- post ---- */

/* clang-format off */
static const struct option post_options[] = {
        {OPT_AREA, "area", "PLACE", N_("around where: LAT,LON, geohash, a saved place, or home"), OPTION_PLACE},
        {OPT_RADIUS, "radius", "300m", N_("how far around it: 50m to 300m"), OPTION_DISTANCE, NULL, 1, RADIUS_MAX},
        {OPT_FROM, "from", "T", N_("from when: yesterday 22:00, -2h"), OPTION_TIME},
        {OPT_TO, "to", "T", N_("until when: at most 2 hours later, and over"), OPTION_TIME},
        {OPT_REASON, "reason", "TEXT", N_("what happened, and what is looked for; at most 256 bytes"), OPTION_TEXT, NULL, 0, REASON_MAX},
        {OPT_ALERT, "alert", "ID", N_("the alert it belongs to"), OPTION_TEXT, NULL, 0, ID_MAX},
        OPTION_ROW_EXPIRES(N_("how long the street is asked; 7d if absent")),
        OPTION_END,
};
/* clang-format on */

static int lacking(struct cli *c, const struct args *a) {
        static const struct {
                enum option_id id;
                const char *name;
        } needed[] = {{OPT_AREA, "--area PLACE"},
                      {OPT_RADIUS, "--radius 300m"},
                      {OPT_FROM, "--from T"},
                      {OPT_TO, "--to T"},
                      {OPT_REASON, "--reason TEXT"}};
        for (size_t i = 0; i < ARRAY_LEN(needed); i++)
                if (!args_has(a, needed[i].id))
                        return cli_usage(c, "`porchlight help ask post` shows an example", "it needs %s",
                                         needed[i].name);
        return 0;
}

/* Said before it is sent: it cannot be unsaid to who has read it. */
static void say_what_all_see(const struct cli *c, const struct wire_c_ask_post *m) {
        _clean_(buf_fini) struct buf cell = BUF_NULL, text = BUF_NULL;
        if (WIRE_HAS(m, C_ASK_POST, cell))
                cell_text(&cell, m->cell);
        else
                buf_add_str(&cell, _("this home's place"));
        where_text(&text, buf_span(&cell), m->radius);
        buf_add_str(&text, ", ");
        times_text(&text, m->from, m->to, c->now);
        cli_note(c, "every home of the mesh will see that this household asks for footage of %s, and why: \"%.*s\"",
                 buf_cstr(&text), (int)m->reason.n, (const char *)m->reason.p);
}

static int run_post(struct cli *c, const struct args *a) {
        const struct option_value *v;
        int r = lacking(c, a);
        if (r)
                return r;
        struct wire_c_ask_post m = {.radius = args_get(a, OPT_RADIUS)->n,
                                    .from = args_get(a, OPT_FROM)->n,
                                    .to = args_get(a, OPT_TO)->n,
                                    .reason = span_str(args_text(a, OPT_REASON))};
        if ((v = args_get(a, OPT_AREA))->n)
                WIRE_PUT(&m, C_ASK_POST, cell, v->n);
        if ((v = args_get(a, OPT_EXPIRES)))
                WIRE_PUT(&m, C_ASK_POST, expires_in, v->n);
        if (args_has(a, OPT_ALERT)) {
                struct span alert;
                r = id_word(c, args_text(a, OPT_ALERT), N_("`porchlight nearby` shows them"), &alert);
                if (r)
                        return r;
                WIRE_PUT(&m, C_ASK_POST, alert, alert);
        }
        say_what_all_see(c, &m);
        return cli_ask_posted(c, CONTROL_ASK_POST, &m, _("asked"));
}

const struct command command_ask_post = {
        .group = "ask",
        .name = "post",
        .synopsis = "--area PLACE --radius 300m --from T --to T --reason TEXT [--alert ID] [--expires D]",
        .brief = N_("ask the street for footage of a place and a time"),
        .help = N_("Every home of the mesh sees who asks, for where and when, and why. Each looks\n"
                   "at home whether it has something; nobody learns who has, unless that household\n"
                   "decides to give it.\n"
                   "\n"
                   "An ask is about something that happened: a theft, a crash, a lost animal. It is\n"
                   "not for finding out where a person goes. It covers 2 hours and 300 m at most,\n"
                   "never one house alone, and a household has 4 of them in 30 days. It can be\n"
                   "taken back with `ask retract`, which does not bring one of the 4 back.\n"
                   "\n"
                   "It waits up to 5 s until a neighbouring home has it; the exit code is 6 where\n"
                   "none could be reached.\n"
                   "\n"
                   "Example:\n"
                   "  porchlight ask post --area home --radius 200m --from \"yesterday 22:00\" \\\n"
                   "      --to \"yesterday 23:30\" --reason \"Red bicycle taken from the rack\"\n"),
        .options = post_options,
        .run = run_post,
};

/* ---- list ---- */

static const struct option list_options[] = {
        {OPT_MUTED, "muted", NULL, N_("also what is muted"), OPTION_FLAG},
        OPTION_END,
};

int ask_list(struct cli *c, const struct args *a, unsigned number, const char *none) {
        struct wire_c_asks m = {0};
        bool any = false;
        if (args_has(a, OPT_MUTED))
                WIRE_PUT(&m, C_ASKS, muted, true);
        int r = cli_ask(c, number, &m, row_ask, &any);
        if (!r && !any && !c->json)
                buf_add_str(&c->out, none);
        return r;
}

static int run_list(struct cli *c, const struct args *a) {
        return ask_list(c, a, CONTROL_ASKS, _("Nobody asks for footage.\n"));
}

const struct command command_ask_list = {
        .group = "ask",
        .name = "list",
        .synopsis = "[--muted]",
        .brief = N_("who asks for footage, of where and when"),
        .help = N_("The asks in force, newest first: who asks, for where and when, why, until when,\n"
                   "how often this place was asked about in the last 30 days, and how often that\n"
                   "household asked. What was taken back is not counted. Asks of a muted household\n"
                   "are left out. The home's owner also sees how many own clips fit.\n"),
        .options = list_options,
        .run = run_list,
};

/* ---- match ---- */

static void match_text(struct cli *c, const struct wire_c_match *m) {
        _clean_(buf_fini) struct buf distance = BUF_NULL;
        buf_add_str(&c->out, "  ");
        layout_id(&c->out, m->id);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, m->camera, CAMERA_COLUMNS);
        layout_distance(&distance, m->distance_m);
        layout_cell(&c->out, buf_span(&distance), -DISTANCE_COLUMNS);
        buf_add_str(&c->out, "  ");
        times_text(&c->out, m->from, m->to, c->now);
        buf_add_u8(&c->out, '\n');
}

static int row_match(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg, first = false;
        if (row->number == CONTROL_ASK_ROW)
                return row_ask(c, row, &first);
        if (row->number != CONTROL_MATCH_ROW)
                return 0;
        *any = true;
        if (c->json)
                return cli_row_json(c, row, NULL);
        match_text(c, &row->m->c_match);
        return cli_flush(c);
}

static int run_match(struct cli *c, const struct args *a) {
        struct wire_c_name m = {0};
        bool any = false;
        int r = id_word(c, a->words[0], N_("`porchlight ask list` shows them"), &m.name);
        if (!r)
                r = cli_ask(c, CONTROL_ASK_MATCH, &m, row_match, &any);
        if (!r && !any && !c->json)
                buf_add_str(&c->out, _("  No clip of this home fits.\n"));
        return r;
}

const struct command command_ask_match = {
        .group = "ask",
        .name = "match",
        .synopsis = "ID",
        .brief = N_("which clips of this home fit an ask"),
        .help = N_("Those of its time, from cameras within its radius or a cell's size beyond. It\n"
                   "is looked up in this house: nothing leaves it, and nobody learns that you\n"
                   "looked or that something fits. For the home's owner alone. With --json: the\n"
                   "ask, then a line for each clip.\n"
                   "\nExample:\n  porchlight ask match 1a2b3c4d\n"),
        .min_words = 1,
        .max_words = 1,
        .run = run_match,
};

/* ---- retract ---- */

static const struct option retract_options[] = {OPTION_ROW_YES, OPTION_END};

static int run_retract(struct cli *c, const struct args *a) {
        struct wire_c_follow m = {.what = RECORD_RETRACT};
        int r = id_word(c, a->words[0], N_("`porchlight ask list` shows them"), &m.target);
        if (!r)
                r = ask_yes(c, a,
                            _("Take this back? What it says is deleted in every home that can be reached, and\n"
                              "cannot be restored.\n"
                              "[y/N] "));
        return r ? r : cli_ask_posted(c, CONTROL_FOLLOW, &m, _("retracted"));
}

const struct command command_ask_retract = {
        .group = "ask",
        .name = "retract",
        .synopsis = "ID [--yes]",
        .brief = N_("take back an ask, or a notice, of this household"),
        .help = N_("ID is that of an ask, or of a notice as `porchlight alert show` lists them. Asks\n"
                   "first on a terminal; elsewhere it needs --yes.\n"
                   "\nExample:\n  porchlight ask retract 1a2b3c4d --yes\n"),
        .options = retract_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_retract,
};

int id_word(struct cli *c, const char *word, const char *hint, struct span *ret) {
        struct span s = span_str(word);
        size_t digits = strspn(word, "0123456789abcdefABCDEF");
        if (digits != s.n || s.n < ID_MIN || s.n > ID_MAX)
                return cli_usage(c, hint, "\"%.64s\" is not an id: those have 4 letters and digits or more", word);
        *ret = s;
        return 0;
}
