/* SPDX-License-Identifier: Apache-2.0 */
/* join: become a home of a neighbour's mesh; or, as a member that was away for long, find the way back. */
#include "cli/commands.h"

#include "cli/found.h"
#include "cli/options.h"
#include "cli/owner.h"
#include "cli/refresh.h"
#include "roster/ticket.h"

static const struct option join_options[] = {
        OPTION_ROW_HOUSEHOLD,
        OPTION_ROW_AT(N_("this home; the mesh's own place if absent")),
        OPTION_ROWS_PASSPHRASE,
        OPTION_ROW_YES,
        OPTION_END,
};

/* On a terminal the owner compares the check words; a script has none to ask, and joining destroys nothing. */
static int agree(struct cli *c, const struct args *a, const struct ticket *t) {
        _clean_(buf_fini) struct buf answer = BUF_NULL, text = BUF_NULL;
        if (!c->in_tty || !c->err_tty || c->json || args_has(a, OPT_YES))
                return 0;
        ticket_show(&text, t, c->now);
        buf_add_str(&text, _("Let the inviting home read its check words to you: they must be the same.\n"
                             "Join this mesh? [Y/n] "));
        bool typed = ask_line(c, buf_cstr(&text), &answer);
        if (typed && (!answer.n || is_yes(buf_span(&answer))))
                return 0;
        return cli_fail(c, EXIT_FAILED, "not-confirmed", "", "nothing was changed");
}

/* The ticket without what mail programs put between its letters. */
static void ticket_plain(struct span text, struct buf *out) {
        for (size_t i = 0; i < text.n; i++)
                if (!memchr(" \t\r\n-", text.p[i], 5))
                        buf_add_u8(out, text.p[i]);
}

static int join(struct cli *c, const struct args *a, struct wire_o_join *m) {
        _clean_(passphrase_fini) struct passphrase pass = {0};
        _clean_(call_freep) struct call *owner = NULL;
        int r = owner_open(c, &owner);
        if (r)
                return r;
        r = passphrase_new(c, a, OPT_PASSPHRASE_FILE, &pass);
        if (r)
                return r;
        if (pass.none)
                WIRE_PUT(m, O_JOIN, no_passphrase, true);
        else
                WIRE_PUT(m, O_JOIN, passphrase, buf_span(&pass.text));
        return owner_ask(c, owner, OWNER_O_JOIN, m, _("waiting for a member to admit this home"), NULL, NULL);
}

static int run_join(struct cli *c, const struct args *a) {
        _clean_(buf_wipe) struct buf text = BUF_NULL, plain = BUF_NULL;
        const char *word = a->n_words ? a->words[0] : NULL;
        const char *pass = args_text(a, OPT_PASSPHRASE_FILE);
        struct wire_o_join m = {0};
        struct ticket t;
        bool member = refresh_is_due(c);
        int r = member ? 0 : found_names(c, a, NULL, &m.household);
        if (r)
                return r;
        if (!word && !(c->in_tty && c->err_tty))
                return cli_usage(c, "give it, or - to read it from stdin", "the ticket is missing");
        if (word && pass && strcmp(word, "-") == 0 && strcmp(pass, "-") == 0)
                return cli_usage(c, "put one of them into a file", "ticket and passphrase cannot both come from stdin");
        r = ticket_read(c, word, &t, &text);
        if (r)
                return r;
        ticket_plain(buf_span(&text), &plain);
        m.ticket = buf_span(&plain);
        if (member) {
                r = refresh_run(c, a, &t, m.ticket);
                ticket_fini(&t);
                return r;
        }
        const struct option_value *at = args_get(a, OPT_AT);
        if (at && at->n)
                WIRE_PUT(&m, O_JOIN, cell, at->n);
        r = agree(c, a, &t);
        ticket_fini(&t);
        if (!r)
                r = join(c, a, &m);
        return r ? r : found_done(c, _("Joined"), _("See what goes on with `porchlight nearby`."));
}

const struct command command_join = {
        .name = "join",
        .synopsis = "[TICKET|-] --household NAME [--at PLACE] [--passphrase-file F | --no-passphrase]",
        .brief = N_("join a mesh with a neighbour's ticket"),
        .help = N_("A ticket begins with PORCHLIGHT1. Without one on the command line it is asked\n"
                   "for; - reads it from stdin. On a terminal the mesh and the four check words are\n"
                   "shown first: let the inviting home read its own to you by telephone. Returns\n"
                   "when this home is admitted, after 30 s at most. Joining goes on in the\n"
                   "background where no member could be reached.\n"
                   "\n"
                   "On a home that is a member of that mesh nothing is joined, and the ticket is not\n"
                   "used up: its link key and addresses are taken, which is the way back for a home\n"
                   "that was off for a month or more and that nobody answers. It takes no options.\n"
                   "\n"
                   "Examples:\n"
                   "  porchlight join --household \"Family Braun\"\n"
                   "  porchlight join - --household Braun --no-passphrase < ticket.txt\n"),
        .options = join_options,
        .max_words = 1,
        .run = run_join,
};
