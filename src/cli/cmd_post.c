/* SPDX-License-Identifier: Apache-2.0 */
/* post: warn the neighbours. */
#include "cli/commands.h"

#include "base/text.h"
#include "base/when.h"
#include "cli/cmd_ask.h"
#include "cli/options.h"
#include "cli/person.h"

#include <stdio.h>

#define KIND_COLUMN 21
#define CLIPS_MOST 3 /* of an alert */
#define CLIP_ID_MAX 64

static const char call_first[] =
        N_("This is not an emergency call. If you have not done so yet: telephone 112 or 911 first.");

/* clang-format off */
static const struct option post_options[] = {
        OPTION_ROW_AT(N_("where: LAT,LON, geo: URI, geohash, a saved place, or home (the default)")),
        {OPT_PRECISION, "precision", "block|area", N_("how exact the place is told; block is about 150 m"), OPTION_ENUM, &wire_precision_enum},
        OPTION_ROW_SEVERITY,
        OPTION_ROW_URGENCY,
        OPTION_ROW_CERTAINTY,
        {OPT_DOING, "doing", "CODE", N_("what somebody does; behaviour, never looks"), OPTION_ENUM, &wire_doing_enum},
        {OPT_STATUS, "status", "exercise|test", N_("mark it as a drill or a technical test"), OPTION_ENUM, &wire_status_enum},
        OPTION_ROW_EXPIRES(N_("when it ends, from now: 30m, 6h, 2d; the kind's own if absent")),
        {OPT_SOURCE, "source", "sensor", N_("a machine posts it: it has a third of the daily number"), OPTION_ENUM, &wire_source_enum},
        {OPT_CLIP, "clip", "ID", N_("a clip of this home that shows it; up to 3 times"), OPTION_TEXT, NULL, 0, CLIP_ID_MAX, .many = true},
        {OPT_NOTICE, "notice", NULL, N_("with --clip: also tell when and where it was taken"), OPTION_FLAG},
        {OPT_DRY_RUN, "dry-run", NULL, N_("only show the alert as it would be posted"), OPTION_FLAG},
        OPTION_END,
};
/* clang-format on */

int row_alert(struct cli *c, const struct call_row *row, void *arg) {
        if (c->json)
                return cli_row_json(c, row, arg);
        layout_alert(&c->out, &row->m->c_alert, c->now, c->colour);
        return cli_flush(c);
}

static void posted_text(struct cli *c, const struct wire_c_posted *p, const struct posted_sink *sink) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        layout_posted(&text, p, sink->done, c->now);
        layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
        if (!sink->alert)
                return;
        buf_add_str(&c->out, _("id "));
        layout_id(&c->out, p->id);
        buf_add_str(&c->out, _(", ends "));
        when_local(&c->out, p->expires, c->now);
        buf_add_u8(&c->out, '\n');
}

int row_posted(struct cli *c, const struct call_row *row, void *arg) {
        struct posted_sink *sink = arg;
        if (row->number != CONTROL_POSTED && row->number != CONTROL_ALERT_ROW)
                return 0; /* a newer daemon tells more than this tool can show */
        sink->told = true;
        if (row->number == CONTROL_ALERT_ROW)
                return row_alert(c, row, NULL);
        const struct wire_c_posted *p = &row->m->c_posted;
        sink->exit = posted_unsent(p) ? EXIT_UNSENT : 0;
        memcpy(sink->id.b, p->id.p, sizeof(sink->id.b));
        if (c->json)
                return cli_row_json(c, row, NULL);
        posted_text(c, p, sink);
        return cli_flush(c);
}

int cli_ask_posted(struct cli *c, unsigned number, const void *msg, const char *done) {
        struct posted_sink sink = {.done = done, .alert = number == CONTROL_POST || number == CONTROL_ASK_POST};
        return cli_ask_posted_as(c, number, msg, &sink);
}

int cli_ask_posted_as(struct cli *c, unsigned number, const void *msg, struct posted_sink *sink) {
        int r = cli_ask(c, number, msg, row_posted, sink);
        if (r)
                return r;
        if (!sink->told)
                return cli_fail(c, EXIT_FAILED, "bad-answer", "are the daemon and this tool of one version?",
                                "the daemon did not tell what became of it");
        return sink->exit;
}

/* ---- clips ---- */

/* --clip ID… as the words of one text. 0 or an exit code (said). */
static int put_clips(struct cli *c, const struct args *a, struct buf *words, struct wire_c_post *ret) {
        size_t n = 0;
        for (size_t i = 0; i < a->n_values; i++) {
                struct span id;
                if (a->values[i].option->id != OPT_CLIP)
                        continue;
                int r = id_word(c, a->values[i].text, N_("`porchlight clip list` shows them"), &id);
                if (r)
                        return r;
                if (n++)
                        buf_add_u8(words, ' ');
                buf_add(words, id);
        }
        if (n > CLIPS_MOST)
                return cli_usage(c, "give the three that show most", "an alert has at most 3 clips");
        if (!n && args_has(a, OPT_NOTICE))
                return cli_usage(c, "give --clip ID as well", "--notice tells of a clip");
        if (n)
                WIRE_PUT(ret, C_POST, clip_words, buf_span(words));
        return 0;
}

static bool is_none(const struct hash *id) {
        static const struct hash none;
        return memcmp(id, &none, sizeof(none)) == 0;
}

/* A notice of each clip, once the alert is there. The exit code. */
static int post_notices(struct cli *c, const struct args *a, const struct posted_sink *alert) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        int worst = alert->exit;
        if (!args_has(a, OPT_NOTICE) || is_none(&alert->id))
                return worst;
        text_hex(&id, SPAN_OF(alert->id.b));
        for (size_t i = 0; i < a->n_values; i++) {
                if (a->values[i].option->id != OPT_CLIP)
                        continue;
                struct wire_c_notice_post m = {.clip = span_str(a->values[i].text)};
                WIRE_PUT(&m, C_NOTICE_POST, alert, buf_span(&id));
                int r = cli_ask_posted(c, CONTROL_NOTICE_POST, &m, _("notice posted"));
                worst = r && r != EXIT_UNSENT ? r : MAX(worst, r);
        }
        return worst;
}

static void put_options(const struct args *a, struct wire_c_post *ret) {
        const struct option_value *v;
        if ((v = args_get(a, OPT_AT)) && v->n)
                WIRE_PUT(ret, C_POST, cell, v->n);
        if ((v = args_get(a, OPT_PRECISION)))
                WIRE_PUT(ret, C_POST, precision, v->n);
        if ((v = args_get(a, OPT_SEVERITY)))
                WIRE_PUT(ret, C_POST, severity, v->n);
        if ((v = args_get(a, OPT_URGENCY)))
                WIRE_PUT(ret, C_POST, urgency, v->n);
        if ((v = args_get(a, OPT_CERTAINTY)))
                WIRE_PUT(ret, C_POST, certainty, v->n);
        if ((v = args_get(a, OPT_DOING)))
                WIRE_PUT(ret, C_POST, doing, v->n);
        if ((v = args_get(a, OPT_STATUS)))
                WIRE_PUT(ret, C_POST, status, v->n);
        if ((v = args_get(a, OPT_EXPIRES)))
                WIRE_PUT(ret, C_POST, expires_in, v->n);
        if ((v = args_get(a, OPT_SOURCE)))
                WIRE_PUT(ret, C_POST, source, v->n);
        if (args_has(a, OPT_DRY_RUN))
                WIRE_PUT(ret, C_POST, dry_run, true);
}

static int bad_kind(struct cli *c, const char *word) {
        char hint[128] = N_("`porchlight help post` lists them");
        const char *near = nearest_enum(word, &wire_kind_enum);
        if (near)
                snprintf(hint, sizeof(hint), _("did you mean %s? `porchlight help post` lists them"), near);
        return cli_usage(c, hint, "there is no kind \"%.64s\"", word);
}

static int run_post(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf text = BUF_NULL, clips = BUF_NULL;
        struct posted_sink sink = {.done = _("posted"), .alert = true};
        struct wire_c_post m = {0};
        m.kind = wire_enum_value(&wire_kind_enum, span_str(a->words[0]));
        if (!m.kind)
                return bad_kind(c, a->words[0]);
        int r = words_text(c, a, 1, &text);
        if (r)
                return r;
        if (text.n)
                WIRE_PUT(&m, C_POST, text, buf_span(&text));
        put_options(a, &m);
        r = put_clips(c, a, &clips, &m);
        if (r)
                return r;
        if (wire_kind_find(m.kind)->call_first && !m.dry_run && m.status <= STATUS_ACTUAL && m.source != SOURCE_SENSOR)
                cli_note(c, "%s", _(call_first));
        bool settled = m.doing || m.dry_run || m.source == SOURCE_SENSOR;
        r = settled ? 0 : person_ask(c, a, m.kind, false, buf_span(&text));
        if (r)
                return r;
        r = cli_ask_posted_as(c, CONTROL_POST, &m, &sink);
        return r && r != EXIT_UNSENT ? r : post_notices(c, a, &sink);
}

static void kinds_help(struct buf *out) {
        buf_add_str(out, _("Kinds:\n"));
        for (size_t i = 0; i < wire_kinds_n; i++)
                help_row(out, span_str(wire_kinds[i].spelling), KIND_COLUMN, _(wire_kinds[i].doc));
}

const struct command command_post = {
        .name = "post",
        .synopsis = "KIND [TEXT] [--at PLACE] [--severity S] [--expires D] [--dry-run] …",
        .brief = N_("warn the neighbours"),
        .help = N_("Posts an alert to every home of the mesh. Say what happens and where, not who or\n"
                   "what somebody looks like. TEXT may be several words, or - to read it from stdin;\n"
                   "at most 512 bytes. It waits up to 5 s until a neighbouring home has the alert;\n"
                   "with none in reach it is saved, sent later, and the exit code is 6.\n"
                   "\n"
                   "--clip names footage of this home in the alert: that it exists, never the\n"
                   "footage itself. --notice tells of what time and place it is, too.\n"
                   "\n"
                   "Where a vague alert or one of security describes a person and tells no event, it\n"
                   "asks first on a terminal, and says so elsewhere. It knows English and German.\n"),
        .more = kinds_help,
        .examples = N_("  porchlight post smoke \"Behind the garages, source not seen\"\n"
                       "  porchlight post power-cut --at 52.5163,13.3777 --expires 3h\n"
                       "  porchlight post missing-pet \"Grey cat, red collar, shy\" --precision area\n"
                       "  echo \"Water in the cellar\" | porchlight post flood - --json\n"),
        .options = post_options,
        .min_words = 1,
        .max_words = -1,
        .takes = WORD_KIND,
        .run = run_post,
};
