/* SPDX-License-Identifier: Apache-2.0 */
/* alert show, confirm, dispute, comment, update, resolve, retract: what follows an alert. */
#include "cli/clips.h"

#include "base/text.h"
#include "base/when.h"
#include "cli/options.h"
#include "cli/person.h"

#define ID_DIGITS_MIN 4
#define ID_DIGITS_MAX 64

/* The word as an id or the beginning of one. 0 or an exit code (said). */
static int target_of(struct cli *c, const char *word, struct span *ret) {
        struct span s = span_str(word);
        size_t digits = strspn(word, "0123456789abcdefABCDEF");
        if (digits != s.n || s.n < ID_DIGITS_MIN || s.n > ID_DIGITS_MAX)
                return cli_usage(c, "`porchlight nearby` shows them: at least 4 of their letters and digits",
                                 "\"%.64s\" is not the id of an alert", word);
        *ret = s;
        return 0;
}

/* ---- show ---- */

/* "confirmed by" reads better than the name of the record. */
static const char *follow_word(uint64_t what) {
        switch ((enum wire_e_record)what) {
        case RECORD_UPDATE:
                return _("updated");
        case RECORD_RESOLVE:
                return _("resolved");
        case RECORD_CONFIRM:
                return _("confirmed");
        case RECORD_DISPUTE:
                return _("disputed");
        case RECORD_COMMENT:
                return _("comment");
        case RECORD_RETRACT:
                return _("retracted");
        case RECORD_ALERT:
        case RECORD_NOTICE:
        case RECORD_ASK:
                break;
        }
        return _("followed");
}

static void followed_text(struct cli *c, const struct wire_c_followed *f) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        when_local(&text, f->created, c->now);
        buf_printf(&text, _("  %s by "), follow_word(f->what));
        buf_add(&text, f->household);
        if (WIRE_HAS(f, C_FOLLOWED, text) && f->text.n) {
                buf_add_str(&text, ": ");
                buf_add(&text, f->text);
        }
        layout_wrap(&c->out, buf_span(&text), 4, CLI_COLUMNS);
}

void layout_notice(struct cli *c, const struct wire_c_notice *n) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        when_local(&text, n->created, c->now);
        buf_add_str(&text, _("  footage of "));
        buf_add(&text, n->household);
        buf_add_str(&text, ": ");
        when_local(&text, n->from, c->now);
        buf_add_str(&text, " - ");
        when_local(&text, n->to, c->now);
        buf_add_str(&text, ", ");
        buf_add(&text, n->cell);
        buf_add_str(&text, _(", clip "));
        layout_id(&text, n->clip);
        buf_add_str(&text, _("; notice "));
        layout_id(&text, n->id);
        layout_wrap(&c->out, buf_span(&text), 4, CLI_COLUMNS);
}

static void clips_text(struct cli *c, const struct wire_c_alert *a) {
        if (!WIRE_HAS(a, C_ALERT, clips))
                return;
        for (size_t i = 0; i + sizeof(struct hash) <= a->clips.n; i += sizeof(struct hash)) {
                buf_add_str(&c->out, _("    clip "));
                layout_id(&c->out, span_of(a->clips.p + i, sizeof(struct hash)));
                buf_add_u8(&c->out, '\n');
        }
}

static int row_show(struct cli *c, const struct call_row *row, void *arg) {
        if (c->json)
                return cli_row_json(c, row, arg);
        if (row->number == CONTROL_ALERT_ROW) {
                int r = row_alert(c, row, arg);
                clips_text(c, &row->m->c_alert);
                return r;
        }
        if (row->number == CONTROL_NOTICE_ROW)
                layout_notice(c, &row->m->c_notice);
        if (row->number == CONTROL_FOLLOWED_ROW)
                followed_text(c, &row->m->c_followed);
        return cli_flush(c);
}

static int show(struct cli *c, struct span target) {
        struct wire_c_name m = {.name = target};
        return cli_ask(c, CONTROL_SHOW, &m, row_show, NULL);
}

static int run_show(struct cli *c, const struct args *a) {
        struct span target;
        int r = target_of(c, a->words[0], &target);
        return r ? r : show(c, target);
}

const struct command command_alert_show = {
        .group = "alert",
        .name = "show",
        .synopsis = "ID",
        .brief = N_("show an alert and what followed it"),
        .help = N_("ID is the one that `porchlight nearby` prints, or 4 letters and digits of its\n"
                   "beginning or more. With --json: the alert, then one line each for what\n"
                   "followed, and for each notice of footage.\n"
                   "\nExample:\n  porchlight alert show 1a2b3c4d\n"),
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_ALERT,
        .run = run_show,
};

/* ---- what follows ---- */

static void put_options(const struct args *a, struct wire_c_follow *ret) {
        const struct option_value *v;
        if ((v = args_get(a, OPT_SEVERITY)))
                WIRE_PUT(ret, C_FOLLOW, severity, v->n);
        if ((v = args_get(a, OPT_URGENCY)))
                WIRE_PUT(ret, C_FOLLOW, urgency, v->n);
        if ((v = args_get(a, OPT_CERTAINTY)))
                WIRE_PUT(ret, C_FOLLOW, certainty, v->n);
        if ((v = args_get(a, OPT_EXPIRES)))
                WIRE_PUT(ret, C_FOLLOW, expires_in, v->n);
}

static int follow(struct cli *c, const struct args *a, enum wire_e_record what, const char *done) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        struct wire_c_follow m = {.what = what};
        int r = target_of(c, a->words[0], &m.target);
        if (r)
                return r;
        r = words_text(c, a, 1, &text);
        if (r)
                return r;
        if (text.n)
                WIRE_PUT(&m, C_FOLLOW, text, buf_span(&text));
        put_options(a, &m);
        if (what == RECORD_UPDATE && m.has == 0)
                return cli_usage(c, "give TEXT, --severity, --urgency, --certainty or --expires",
                                 "nothing would change");
        if (what == RECORD_UPDATE || what == RECORD_COMMENT)
                r = person_ask_under(c, a, m.target, buf_span(&text));
        if (r)
                return r;
        return cli_ask_posted(c, CONTROL_FOLLOW, &m, done);
}

static int run_confirm(struct cli *c, const struct args *a) {
        return follow(c, a, RECORD_CONFIRM, _("confirmed"));
}

const struct command command_alert_confirm = {
        .group = "alert",
        .name = "confirm",
        .synopsis = "ID [TEXT]",
        .brief = N_("say that you have seen it too"),
        .help = N_("One confirmation a household, not of its own alerts.\n"
                   "\nExample:\n  porchlight alert confirm 1a2b \"From our window as well\"\n"),
        .min_words = 1,
        .max_words = -1,
        .takes = WORD_ALERT,
        .run = run_confirm,
};

static int run_dispute(struct cli *c, const struct args *a) {
        return follow(c, a, RECORD_DISPUTE, _("disputed"));
}

const struct command command_alert_dispute = {
        .group = "alert",
        .name = "dispute",
        .synopsis = "ID [TEXT]",
        .brief = N_("say that you doubt it, and why"),
        .help = N_("Every reader of the alert sees that somebody doubts it.\n"
                   "\nExample:\n  porchlight alert dispute 1a2b \"That is the barbecue at no. 7\"\n"),
        .min_words = 1,
        .max_words = -1,
        .takes = WORD_ALERT,
        .run = run_dispute,
};

static int run_comment(struct cli *c, const struct args *a) {
        return follow(c, a, RECORD_COMMENT, _("commented"));
}

const struct command command_alert_comment = {
        .group = "alert",
        .name = "comment",
        .synopsis = "ID TEXT",
        .brief = N_("add something under it"),
        .help = N_("TEXT may be several words, or - to read it from stdin. As `post`, it asks back\n"
                   "where TEXT describes a person and tells no event.\n"
                   "\nExample:\n  porchlight alert comment 1a2b \"Fire brigade has arrived\"\n"),
        .min_words = 2,
        .max_words = -1,
        .takes = WORD_ALERT,
        .run = run_comment,
};

static const struct option update_options[] = {
        OPTION_ROW_SEVERITY,  OPTION_ROW_URGENCY,
        OPTION_ROW_CERTAINTY, OPTION_ROW_EXPIRES(N_("its new end, from now: 30m, 6h")),
        OPTION_END,
};

static int run_update(struct cli *c, const struct args *a) {
        return follow(c, a, RECORD_UPDATE, _("updated"));
}

const struct command command_alert_update = {
        .group = "alert",
        .name = "update",
        .synopsis = "ID [TEXT] [--severity S] [--urgency U] [--certainty C] [--expires D]",
        .brief = N_("change an alert of this household"),
        .help = N_("TEXT takes the place of the text there was. As `post`, it asks back where TEXT\n"
                   "describes a person and tells no event.\n"
                   "\nExample:\n  porchlight alert update 1a2b \"Under control\" --severity minor --expires 1h\n"),
        .options = update_options,
        .min_words = 1,
        .max_words = -1,
        .takes = WORD_ALERT,
        .run = run_update,
};

static int run_resolve(struct cli *c, const struct args *a) {
        return follow(c, a, RECORD_RESOLVE, _("resolved"));
}

const struct command command_alert_resolve = {
        .group = "alert",
        .name = "resolve",
        .synopsis = "ID [TEXT]",
        .brief = N_("say that an alert of this household is over"),
        .help = N_("It stays readable, and no longer counts as in force.\n"
                   "\nExample:\n  porchlight alert resolve 1a2b \"Found, thank you all\"\n"),
        .min_words = 1,
        .max_words = -1,
        .takes = WORD_ALERT,
        .run = run_resolve,
};

static const struct option retract_options[] = {OPTION_ROW_YES, OPTION_END};

static int run_retract(struct cli *c, const struct args *a) {
        struct span target;
        int r = target_of(c, a->words[0], &target);
        if (r)
                return r;
        if (!args_has(a, OPT_YES) && c->in_tty && c->err_tty && !c->json) {
                r = show(c, target);
                if (r)
                        return r;
        }
        r = ask_yes(c, a,
                    _("Take this alert back? Its text is deleted in every home that can be reached, and\n"
                      "cannot be restored; that there was an alert remains visible until it ends.\n"
                      "[y/N] "));
        return r ? r : follow(c, a, RECORD_RETRACT, _("retracted"));
}

const struct command command_alert_retract = {
        .group = "alert",
        .name = "retract",
        .synopsis = "ID [--yes]",
        .brief = N_("take an alert of this household back"),
        .help = N_("Deletes its text in every home. `resolve` is the right word for what is over;\n"
                   "retract what should not have been posted. Asks first on a terminal; elsewhere\n"
                   "it needs --yes.\n"
                   "\nExample:\n  porchlight alert retract 1a2b --yes\n"),
        .options = retract_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_ALERT,
        .run = run_retract,
};
