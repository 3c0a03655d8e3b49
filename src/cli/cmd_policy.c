/* SPDX-License-Identifier: Apache-2.0 */
/* policy set, show, end: the owner's rule for an emergency. The vault says in its own words what it would allow. */
#include "cli/clips.h"

#include "base/when.h"
#include "cli/ledger.h"
#include "cli/options.h"
#include "cli/owner.h"

#define HOMES_LEAST 2
#define HOMES_MOST 4
#define WITH_MAX 64
#define AGO_LEAST 60
#define AGO_MOST 3600
#define CLIPS_MOST 16
#define LIFE_LEAST 3600
#define LIFE_MOST 2592000
#define INDENT 10 /* behind an id */

/* ---- a row ---- */

/* The camera, and who. */
static void rule_head(struct buf *out, const struct wire_o_rule_row *r) {
        layout_id(out, r->rule);
        buf_add_str(out, "  ");
        layout_cell(out, WIRE_HAS(r, O_RULE_ROW, text) ? r->text : SPAN_NONE, CLI_COLUMNS - INDENT);
        layout_trim(out);
        buf_add_u8(out, '\n');
}

static void rule_terms(struct buf *text, const struct wire_o_rule_row *r, uint64_t now) {
        _clean_(buf_fini) struct buf ago = BUF_NULL, until = BUF_NULL;
        when_show_duration(&ago, r->ago);
        when_local(&until, r->expires, now);
        buf_printf(text,
                   _("Where %llu of these %llu ask for a clip within %s after it was taken in, each that asks is "
                     "granted it. %llu of at most %llu clips were granted so far. Until %s."),
                   (unsigned long long)r->quorum, (unsigned long long)r->homes, buf_cstr(&ago),
                   (unsigned long long)r->used, (unsigned long long)r->clips, buf_cstr(&until));
}

void policy_asleep_text(struct buf *out, uint64_t until, uint64_t now) {
        _clean_(buf_fini) struct buf when = BUF_NULL;
        when_local(&when, until, now);
        buf_printf(out,
                   _("the rule for an emergency SLEEPS: the vault was started anew or locked since, and has no key for "
                     "it. "
                     "Nothing is granted by it, though it stands until %s; `porchlight vault unlock` wakes it, "
                     "`porchlight policy end` ends it"),
                   buf_cstr(&when));
}

static void rule_text(struct cli *c, const struct wire_o_rule_row *r) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        rule_head(&c->out, r);
        rule_terms(&text, r, c->now);
        layout_wrap(&c->out, buf_span(&text), INDENT, CLI_COLUMNS);
        if (!r->awake)
                layout_wrap(&c->out,
                            span_str(_("It SLEEPS: the vault was started anew or locked since, and has no key for it. "
                                       "Nothing is granted before `porchlight vault unlock` wakes it.")),
                            INDENT, CLI_COLUMNS);
}

static int row_rule(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg;
        if (row->number != OWNER_O_RULE_ROW)
                return 0;
        *any = true;
        if (c->json)
                return cli_row_json(c, row, NULL);
        rule_text(c, &row->m->o_rule_row);
        return 0;
}

/* ---- set ---- */

static int put_with(struct cli *c, const struct args *a, struct buf *store, struct wire_o_rule *m) {
        for (size_t i = 0; i < a->n_values; i++) {
                const char *with = a->values[i].text;
                if (a->values[i].option->id != OPT_WITH)
                        continue;
                if (!*with || strlen(with) > WITH_MAX)
                        return cli_usage(c, "name a household", "--with has 1 to %d bytes", WITH_MAX);
                struct wire_o_named one = {.name = span_str(with)};
                if (m->with.count < HOMES_MOST + 1)
                        wire_list_add(&wire_o_named_desc, &m->with, store, &one);
        }
        if (m->with.count >= HOMES_LEAST && m->with.count <= HOMES_MOST)
                return 0;
        return cli_usage(c, "give --with two to four times, each with another household",
                         "a rule names two to four households: one alone never gets a clip by it");
}

static void put_terms(const struct args *a, struct wire_o_rule *m) {
        const struct option_value *v;
        if ((v = args_get(a, OPT_ASKS)))
                WIRE_PUT(m, O_RULE, quorum, v->n);
        if ((v = args_get(a, OPT_WITHIN)))
                WIRE_PUT(m, O_RULE, ago, v->n);
        if ((v = args_get(a, OPT_CLIPS)))
                WIRE_PUT(m, O_RULE, clips, v->n);
        if ((v = args_get(a, OPT_EXPIRES)))
                WIRE_PUT(m, O_RULE, expires_in, v->n);
        if (lang_tag().n)
                WIRE_PUT(m, O_RULE, language, lang_tag());
}

static int run_set(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf with = BUF_NULL, store = BUF_NULL;
        struct wire_o_rule m = {.clip = span_str(a->words[0])};
        struct wire_o_rule_row row;
        int r = clip_word(c, a->words[0]);
        if (!r)
                r = put_with(c, a, &with, &m);
        if (r)
                return r;
        put_terms(a, &m);
        r = owner_consent(c, a, OWNER_O_RULE, &m, _("Allow this? [y/N] "), OWNER_O_RULE_ROW, &wire_o_rule_row_desc,
                          &row, &store);
        if (r)
                return r;
        if (c->json)
                cli_json(c, &wire_o_rule_row_desc, &row);
        else
                rule_text(c, &row);
        return 0;
}

static const struct option set_options[] = {
        {OPT_WITH, "with", "H", N_("a household that may ask; two to four of them"), OPTION_TEXT, .many = true},
        {OPT_ASKS, "asks", "N", N_("so many of them have to ask; 2 if absent"), OPTION_NUMBER, NULL, HOMES_LEAST,
         HOMES_MOST},
        {OPT_WITHIN, "within", "15m", N_("so soon after a clip was taken in, 60m at most; 15m if absent"),
         OPTION_DURATION, NULL, AGO_LEAST, AGO_MOST},
        {OPT_CLIPS, "clips", "N", N_("at most so many clips in all; 3 if absent"), OPTION_NUMBER, NULL, 1, CLIPS_MOST},
        {OPT_EXPIRES, "expires", "D", N_("until when, from now: 12h, 30d at most; 7d if absent"), OPTION_DURATION, NULL,
         LIFE_LEAST, LIFE_MOST},
        OPTION_ROWS_SIGN,
        OPTION_END,
};

const struct command command_policy_set = {
        .group = "policy",
        .name = "set",
        .synopsis = "CLIP --with H --with H [--asks N] [--within 15m] [--clips N] [--expires 7d]",
        .brief = N_("let neighbours have clips in an emergency while you are away"),
        .help = N_("A rule for one camera, that which made CLIP, and for clips it makes from now on.\n"
                   "Where two or more of the households that you name ask for the same clip soon\n"
                   "after it was taken in (`porchlight clip request`), each that asks is granted it\n"
                   "for 7 days, though nobody is there to say yes. One household alone never is, nor\n"
                   "one that you did not name, nor an agency. Nobody checks why they ask.\n"
                   "They have to know of the clip: an alert or a notice has to name it.\n\n"
                   "The rule needs your household's key. Under a passphrase the vault keeps it in\n"
                   "memory for this alone; `porchlight vault lock`, a restart or a power cut puts\n"
                   "the rule to sleep: `status`, `watch`, `inbox` and `doctor` tell you then, and\n"
                   "`porchlight vault unlock` wakes it. A new rule takes the place of the one\n"
                   "before.\n"
                   "Run it on the main device.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight policy set 3f2a91c0 --with Miller --with Okafor --expires 14d\n"),
        .options = set_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_set,
};

/* ---- show ---- */

static int run_show(struct cli *c, const struct args *a) {
        _clean_(call_freep) struct call *owner = NULL;
        struct wire_c_none none = {0};
        bool any = false;
        (void)a;
        int r = owner_open(c, &owner);
        if (!r)
                r = owner_ask(c, owner, OWNER_O_RULES, &none, _("asking the vault"), row_rule, &any);
        if (!r && !any && !c->json)
                buf_add_str(&c->out, _("No rule stands: nothing is granted while you are not there.\n"));
        return r;
}

const struct command command_policy_show = {
        .group = "policy",
        .name = "show",
        .synopsis = "",
        .brief = N_("the rule for an emergency that stands, and how often it was used"),
        .help = N_("What was granted under it is in `porchlight grant list`, and in the ledger\n"
                   "behind a line \"rule-used\".\n"
                   "\nExample:\n  porchlight policy show --json | jq .awake\n"),
        .run = run_show,
};

/* ---- end ---- */

static int run_end(struct cli *c, const struct args *a) {
        _clean_(call_freep) struct call *owner = NULL;
        struct wire_c_none none = {0};
        (void)a;
        int r = owner_open(c, &owner);
        if (!r)
                r = owner_ask(c, owner, OWNER_O_RULE_END, &none, _("asking the vault"), NULL, NULL);
        if (!r && !c->json)
                buf_add_str(&c->out, _("ended: nothing more is granted under it\n"));
        return r;
}

const struct command command_policy_end = {
        .group = "policy",
        .name = "end",
        .synopsis = "",
        .brief = N_("end the rule for an emergency"),
        .help = N_("It takes no passphrase, since less is allowed by it. What was granted under the\n"
                   "rule stands: `porchlight grant revoke` takes that back.\n"
                   "\nExample:\n  porchlight policy end\n"),
        .run = run_end,
};
