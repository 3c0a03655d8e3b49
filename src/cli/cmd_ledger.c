/* SPDX-License-Identifier: Apache-2.0 */
/* ledger list, verify, add: what became of this home's footage, line by line, and what of it is proven. */
#include "cli/commands.h"

#include "base/text.h"
#include "base/when.h"
#include "cli/ledger.h"
#include "cli/options.h"
#include "cli/owner.h"

#define NUMBER_COLUMNS 6
#define WHEN_COLUMNS 17
#define WHAT_COLUMNS 13
#define TEXT_MAX 512
#define TO_MAX 64 /* bytes of a recipient's name: a household's, or a device's */

/* clang-format off */
const struct option ledger_options[] = {
        OPTION_ROWS_LEDGER,
        OPTION_END,
};
/* clang-format on */

int ledger_pages(struct cli *c, const struct args *a, unsigned number, cli_row_fn row, struct ledger_page *p) {
        _clean_(call_freep) struct call *owner = NULL;
        const char *clip = args_text(a, OPT_CLIP);
        const struct option_value *since = args_get(a, OPT_SINCE);
        struct wire_o_ledger m = {0};
        int r = clip ? clip_word(c, clip) : 0;
        if (r || (r = owner_open(c, &owner)))
                return r;
        if (clip)
                WIRE_PUT(&m, O_LEDGER, clip, span_str(clip));
        if (since)
                WIRE_PUT(&m, O_LEDGER, since, since->n);
        do {
                m.from = p->next;
                r = owner_ask(c, owner, number, &m, _("asking the vault"), row, p);
        } while (!r && p->next > m.from);
        return r;
}

/* ---- list ---- */

struct granted {
        uint8_t id[32];
        uint8_t n, name[TO_MAX];
};

static void grant_note(struct buf *grants, const struct wire_o_entry *e) {
        struct granted g = {.n = (uint8_t)MIN(e->text.n, sizeof(g.name))};
        memcpy(g.id, e->grant.p, sizeof(g.id));
        memcpy(g.name, e->text.p, g.n);
        buf_add(grants, span_of(&g, sizeof(g)));
}

/* To whom the grant is. Nothing: none of the lines listed so far says it. */
static struct span grant_name(const struct buf *grants, struct span id) {
        const struct granted *g = (const struct granted *)(const void *)grants->p;
        for (size_t i = grants->n / sizeof(*g); i-- > 0;)
                if (span_eq(id, SPAN_OF(g[i].id)))
                        return span_of(g[i].name, g[i].n);
        return SPAN_NONE;
}

static void entry_who(struct cli *c, const struct wire_o_entry *e, const struct buf *grants) {
        struct span name = grants && WIRE_HAS(e, O_ENTRY, grant) ? grant_name(grants, e->grant) : SPAN_NONE;
        if (WIRE_HAS(e, O_ENTRY, text))
                name = e->text;
        if (name.n)
                layout_cell(&c->out, name, CLI_COLUMNS - NUMBER_COLUMNS - WHEN_COLUMNS - WHAT_COLUMNS - 20);
        else if (WIRE_HAS(e, O_ENTRY, who))
                layout_id(&c->out, e->who);
}

static void entry_line(struct cli *c, const struct wire_o_entry *e, const struct buf *grants) {
        _clean_(buf_fini) struct buf n = BUF_NULL, when = BUF_NULL, what = BUF_NULL;
        buf_printf(&n, "%llu", (unsigned long long)e->n);
        when_local(&when, e->time, c->now);
        layout_enum(&what, &wire_entry_enum, e->what);
        layout_cell(&c->out, buf_span(&n), NUMBER_COLUMNS);
        layout_cell(&c->out, buf_span(&when), WHEN_COLUMNS);
        layout_cell(&c->out, buf_span(&what), WHAT_COLUMNS);
        if (WIRE_HAS(e, O_ENTRY, clip))
                layout_id(&c->out, e->clip);
        else
                buf_add_str(&c->out, "        ");
        buf_add_str(&c->out, "  ");
        if (WIRE_HAS(e, O_ENTRY, grant))
                layout_id(&c->out, e->grant);
        else
                buf_add_str(&c->out, "        ");
        buf_add_str(&c->out, "  ");
        entry_who(c, e, grants);
        layout_trim(&c->out);
        buf_add_u8(&c->out, '\n');
}

static void entry_head(struct buf *out) {
        layout_word(out, _("LINE"), NUMBER_COLUMNS);
        layout_word(out, _("WHEN"), WHEN_COLUMNS);
        layout_word(out, _("WHAT"), WHAT_COLUMNS);
        layout_word(out, _("CLIP"), 10);
        layout_word(out, _("GRANT"), 10);
        buf_printf(out, "%s\n", _("WHO, OR IN WHAT WORDS"));
}

void ledger_entry_line(struct cli *c, const struct wire_o_entry *e, struct buf *grants, bool head) {
        if (head)
                entry_head(&c->out);
        if (grants && e->what == ENTRY_GRANTED && WIRE_HAS(e, O_ENTRY, grant) && WIRE_HAS(e, O_ENTRY, text))
                grant_note(grants, e);
        entry_line(c, e, grants);
}

static int row_entry(struct cli *c, const struct call_row *row, void *arg) {
        struct ledger_page *p = arg;
        if (row->number != OWNER_O_ENTRY_ROW)
                return 0;
        p->next = row->m->o_entry.n + 1;
        bool first = !p->any;
        p->any = true;
        if (c->json)
                return cli_row_json(c, row, NULL);
        ledger_entry_line(c, &row->m->o_entry, &p->grants, first);
        return cli_flush(c);
}

static int run_list(struct cli *c, const struct args *a) {
        struct ledger_page p = {0};
        int r = ledger_pages(c, a, OWNER_O_LEDGER, row_entry, &p);
        if (!r && !p.any && !c->json)
                buf_add_str(&c->out, _("The ledger has no such line.\n"));
        buf_fini(&p.grants);
        return r;
}

const struct command command_ledger_list = {
        .group = "ledger",
        .name = "list",
        .synopsis = "[--clip ID] [--since T]",
        .brief = N_("what became of this home's footage, line by line"),
        .help = N_("Each grant, receipt, release, reading, revocation, deletion and destruction has\n"
                   "its line, on disk before it happens. Each line has the hash of the one before.\n"
                   "The ledger is on the main device, and in no backup: keep a copy of what --json\n"
                   "prints.\n"),
        .examples = N_("  porchlight ledger list --clip 3f2a91c0\n"
                       "  porchlight ledger list --json > ledger.jsonl\n"),
        .options = ledger_options,
        .run = run_list,
};

/* ---- verify ---- */

static int row_verified(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg;
        const struct wire_o_verified *v = &row->m->o_verified;
        if (row->number != OWNER_O_VERIFIED_ROW)
                return 0;
        *any = true;
        if (c->json)
                return cli_row_json(c, row, NULL);
        buf_printf(&c->out, _("PROVEN      %llu lines stand in their order, none changed and none taken out\n"),
                   (unsigned long long)v->lines);
        buf_printf(&c->out, _("PROVEN      %llu signed papers are in them, each by whom it names\n"),
                   (unsigned long long)v->objects);
        buf_printf(&c->out, _("PROVEN      the first %llu lines are those that this household signed over\n"),
                   (unsigned long long)v->covered);
        if (v->lines > v->covered)
                buf_printf(&c->out, _("NOT PROVEN  that the end is whole: no later grant signs the last %llu lines\n"),
                           (unsigned long long)(v->lines - v->covered));
        if (v->restored)
                buf_printf(&c->out, _("NOT PROVEN  what was before a backup came back, %llu times\n"),
                           (unsigned long long)v->restored);
        buf_add_str(&c->out, _("last line   "));
        text_hex(&c->out, v->last);
        buf_add_u8(&c->out, '\n');
        return 0;
}

static int run_verify(struct cli *c, const struct args *a) {
        _clean_(call_freep) struct call *owner = NULL;
        struct wire_c_none none = {0};
        bool any = false;
        (void)a;
        int r = owner_open(c, &owner);
        if (!r)
                r = owner_ask(c, owner, OWNER_O_VERIFY, &none, _("reading the ledger"), row_verified, &any);
        if (!r && !any)
                r = cli_fail(c, EXIT_FAILED, "bad-answer", "are the vault and this tool of one version?",
                             "the vault did not tell what it found");
        return r;
}

const struct command command_ledger_verify = {
        .group = "ledger",
        .name = "verify",
        .synopsis = "",
        .brief = N_("read the whole ledger again, and say what it proves"),
        .help = N_("Reads the file from its beginning: numbers, hashes, and every signature in it.\n"
                   "Where it is broken the error names the line. Each grant signs all lines before\n"
                   "it, so that only the end behind the last grant could be missing.\n"),
        .examples = N_("  porchlight ledger verify\n"),
        .run = run_verify,
};

/* ---- add ---- */

static int row_added(struct cli *c, const struct call_row *row, void *arg) {
        (void)arg;
        if (row->number != OWNER_O_ENTRY_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        buf_printf(&c->out, _("written as line %llu\n"), (unsigned long long)row->m->o_entry.n);
        return 0;
}

static int run_add(struct cli *c, const struct args *a) {
        _clean_(call_freep) struct call *owner = NULL;
        _clean_(buf_fini) struct buf text = BUF_NULL;
        const char *clip = args_text(a, OPT_CLIP);
        if (strcmp(a->words[0], wire_enum_text(&wire_entry_enum, ENTRY_LEGAL_ORDER)) != 0)
                return cli_usage(c, "the only line that is written by hand is a legal-order",
                                 "\"%.64s\" is no line that can be added", a->words[0]);
        if (!clip)
                return cli_usage(c, "say which clip had to be handed over", "--clip ID is missing");
        int r = clip_word(c, clip);
        if (!r)
                r = words_text(c, a, 1, &text);
        if (!r && (text.n == 0 || text.n > TEXT_MAX))
                r = cli_usage(c, "say to whom and why, in at most 512 bytes", "the text is missing, or too long");
        if (r || (r = owner_open(c, &owner)))
                return r;
        struct wire_o_legal m = {.clip = span_str(clip), .text = buf_span(&text)};
        return owner_ask(c, owner, OWNER_O_LEGAL, &m, _("asking the vault"), row_added, NULL);
}

static const struct option add_options[] = {
        {OPT_CLIP, "clip", "ID", N_("which clip had to be handed over"), OPTION_TEXT},
        OPTION_END,
};

const struct command command_ledger_add = {
        .group = "ledger",
        .name = "add",
        .synopsis = "legal-order --clip ID TEXT",
        .brief = N_("note what this household was compelled to hand over"),
        .help = N_("A court can order a household; Porchlight cannot stop that. This line says what\n"
                   "had to be handed over, to whom and why, in your own words. It cannot be taken\n"
                   "out again.\n"),
        .examples = N_("  porchlight ledger add legal-order --clip 3f2a91c0 \"by court, 5 C 12/26\"\n"),
        .options = add_options,
        .min_words = 2,
        .max_words = -1,
        .run = run_add,
};
