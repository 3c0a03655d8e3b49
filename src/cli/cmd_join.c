/* SPDX-License-Identifier: Apache-2.0 */
/* join: become a home of a neighbour's mesh; or, as a member that was away for long, find the way back. */
#include "cli/commands.h"

#include "cli/found.h"
#include "cli/leave.h"
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

/* What becomes of a joining that is not done. */
enum pending { PENDING_NONE, PENDING_GOES_ON, PENDING_GIVEN_UP };

/* 0 or an exit code (said). *ret_locked: it goes on, under the passphrase it has. */
static int look_pending(struct cli *c, const struct hash *mesh, enum pending *ret, bool *ret_locked) {
        _clean_(call_freep) struct call *owner = NULL;
        struct wire_o_state state;
        int r = owner_open(c, &owner);
        if (r || (r = owner_state(c, owner, &state)) || !WIRE_HAS(&state, O_STATE, joining))
                return r;
        bool same = !WIRE_HAS(&state, O_STATE, device) && span_eq(state.joining, SPAN_OF(mesh->b));
        *ret = same ? PENDING_GOES_ON : PENDING_GIVEN_UP;
        *ret_locked = same && state.passphrase;
        return 0;
}

/* The vault says what is lost by that, and asks. */
static int give_up(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_o_voted voted;
        cli_note(c, "this home still waits to be let in elsewhere; that has to be given up first");
        int r = leave_run(c, a, &voted, &store);
        c->call = call_free(c->call); /* the daemon that it was to has begun anew */
        return r;
}

/* Nothing is given up before all that joining takes is there. */
static int join(struct cli *c, const struct args *a, const struct hash *mesh, struct wire_o_join *m) {
        _clean_(passphrase_fini) struct passphrase pass = {0};
        _clean_(call_freep) struct call *owner = NULL;
        enum pending pending = PENDING_NONE;
        bool locked = false;
        int r = look_pending(c, mesh, &pending, &locked);
        if (r)
                return r;
        if (locked && !args_has(a, OPT_NO_PASSPHRASE))
                r = passphrase_get(c, a, _("Passphrase: "), &pass);
        else
                r = passphrase_new(c, a, OPT_PASSPHRASE_FILE, &pass);
        if (!r && pending == PENDING_GIVEN_UP)
                r = give_up(c, a);
        if (r || (r = owner_open(c, &owner)))
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
        if (!r)
                r = join(c, a, &t.mesh, &m);
        ticket_fini(&t);
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
                   "background where no member could be reached. If that leads nowhere, join with\n"
                   "another ticket: it takes the place of the first one, of this mesh or another.\n"
                   "`porchlight mesh leave` gives it up.\n"
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
