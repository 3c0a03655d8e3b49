/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member remove, endorse, promote, demote, return, vouch; invite undo: what the household signs about others. Each is one
 * operation that the vault puts into words and signs; here it is only said what became of it.
 */
#include "cli/commands.h"

#include "base/text.h"
#include "cli/options.h"
#include "cli/owner.h"
#include "cli/proposal.h"

#define REASON_MAX 128 /* as in proto/owner.def */
#define TARGET_MAX 64
#define ID_DIGITS_MIN 4

/* ---- what became of it ---- */

static void voted_text(struct cli *c, const struct wire_o_voted *v, const char *target) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        struct span proposal = WIRE_HAS(v, O_VOTED, proposal) ? v->proposal : v->id;
        if (v->in_force) {
                buf_add_str(&text, _("voted: "));
                proposal_outcome(c, &text, proposal, target);
        } else {
                const struct proposal_count n = {(unsigned)v->votes,    (unsigned)v->needed,
                                                 (unsigned)v->stewards, (unsigned)v->stewards_needed,
                                                 (unsigned)v->homes,    (unsigned)v->homes_needed};
                buf_add_str(&text, _("voted: "));
                proposal_count(&text, &n);
                buf_add_str(&text, _("; others endorse with: porchlight member endorse "));
                layout_id(&text, proposal);
        }
        layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
}

/* ---- votes ---- */

static int too_long(struct cli *c, const char *what, size_t most) {
        return cli_usage(c, "shorten it", "%s is longer than %zu bytes", what, most);
}

static int put_reason(struct cli *c, const struct args *a, struct wire_o_op *ret) {
        const char *reason = args_text(a, OPT_REASON);
        if (!reason || !*reason)
                return 0;
        if (strlen(reason) > REASON_MAX)
                return too_long(c, "--reason", REASON_MAX);
        WIRE_PUT(ret, O_OP, reason, span_str(reason));
        return 0;
}

/* A household, or a proposal. */
static int put_target(struct cli *c, const struct args *a, struct wire_o_op *ret) {
        const char *target = a->words[0];
        if (!*target)
                return cli_usage(c, "`porchlight member list` shows them", "the name is empty");
        if (strlen(target) > TARGET_MAX)
                return too_long(c, _("the name"), TARGET_MAX);
        WIRE_PUT(ret, O_OP, target, span_str(target));
        return 0;
}

static int vote(struct cli *c, const struct args *a, enum wire_e_op type) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_o_op m = {.type = type};
        struct wire_o_voted voted;
        int r = put_target(c, a, &m);
        if (!r)
                r = put_reason(c, a, &m);
        if (r)
                return r;
        if (args_has(a, OPT_WITH_INVITED))
                WIRE_PUT(&m, O_OP, subtree, true);
        r = owner_sign(c, a, &m, &voted, &store);
        if (r)
                return r;
        if (c->json)
                cli_json(c, &wire_o_voted_desc, &voted);
        else
                voted_text(c, &voted, type == OP_ENDORSE ? NULL : a->words[0]);
        return 0;
}

/* clang-format off */
#define HOUSEHOLD_HELP \
        N_("H is a household's name, or 4 letters and digits of its id or more, as\n" \
        "`porchlight member list` shows them.\n\n")
/* clang-format on */

static const struct option remove_options[] = {
        {OPT_REASON, "reason", "TEXT", N_("why, at most 128 bytes; every home can read it"), OPTION_TEXT},
        {OPT_WITH_INVITED, "with-invited", NULL, N_("with all homes it brought, and those they brought"), OPTION_FLAG},
        OPTION_ROWS_SIGN,
        OPTION_END,
};

static int run_remove(struct cli *c, const struct args *a) {
        const char *reason = args_text(a, OPT_REASON);
        if (!reason || !*reason)
                return cli_usage(c, "say why: everybody in the mesh can read it", "--reason TEXT is missing");
        return vote(c, a, OP_REMOVE);
}

const struct command command_member_remove = {
        .group = "member",
        .name = "remove",
        .synopsis = "H --reason TEXT [--with-invited] [--yes] [--passphrase-file F]",
        .brief = N_("vote to remove a home"),
        .before = HOUSEHOLD_HELP,
        .help = N_("This is your vote; how many are needed the answer tells, and the others add\n"
                   "theirs with `porchlight member endorse`. A removed home reads nothing that is\n"
                   "posted afterwards; what it has read it keeps. Homes that it brought stay unless\n"
                   "--with-invited is given; those that two other members vouch for stay anyhow.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight member remove \"Number 9\" --reason \"moved away in May\"\n"),
        .options = remove_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_HOUSEHOLD,
        .run = run_remove,
};

static const struct option sign_options[] = {OPTION_ROWS_SIGN, OPTION_END};

static int run_endorse(struct cli *c, const struct args *a) {
        const char *id = a->words[0];
        if (strlen(id) < ID_DIGITS_MIN || strspn(id, "0123456789abcdefABCDEF") != strlen(id))
                return cli_usage(c, "`porchlight member proposals` shows them: at least 4 of their letters and digits",
                                 "\"%.64s\" is not the id of a proposal", id);
        return vote(c, a, OP_ENDORSE);
}

const struct command command_member_endorse = {
        .group = "member",
        .name = "endorse",
        .synopsis = "OP [--yes] [--passphrase-file F]",
        .brief = N_("add your vote to a proposal"),
        .help = N_("OP is the proposal's id, or 4 letters and digits of its beginning or more, as\n"
                   "`porchlight member proposals` shows it.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight member endorse 3f2a91c0\n"),
        .options = sign_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_PROPOSAL,
        .run = run_endorse,
};

static int run_promote(struct cli *c, const struct args *a) {
        return vote(c, a, OP_PROMOTE);
}

const struct command command_member_promote = {
        .group = "member",
        .name = "promote",
        .synopsis = "H [--yes] [--passphrase-file F]",
        .brief = N_("vote to make a home a steward"),
        .before = HOUSEHOLD_HELP,
        .help = N_("Two stewards remove a home or promote one. A mesh should have three, so that it\n"
                   "lives on when one of them moves away.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight member promote Miller\n"),
        .options = sign_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_HOUSEHOLD,
        .run = run_promote,
};

static const struct option demote_options[] = {
        {OPT_REASON, "reason", "TEXT", N_("why, at most 128 bytes; every home can read it"), OPTION_TEXT},
        OPTION_ROWS_SIGN,
        OPTION_END,
};

static int run_demote(struct cli *c, const struct args *a) {
        return vote(c, a, OP_DEMOTE);
}

const struct command command_member_demote = {
        .group = "member",
        .name = "demote",
        .synopsis = "H [--reason TEXT] [--yes] [--passphrase-file F]",
        .brief = N_("vote to make a steward an ordinary home"),
        .before = HOUSEHOLD_HELP,
        .help = N_("It takes more than half of all stewards; of two, the senior one alone.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight member demote Miller --reason \"asked for it\"\n"),
        .options = demote_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_HOUSEHOLD,
        .run = run_demote,
};

static int run_return(struct cli *c, const struct args *a) {
        return vote(c, a, OP_RETURN);
}

const struct command command_member_return = {
        .group = "member",
        .name = "return",
        .synopsis = "H [--yes] [--passphrase-file F]",
        .brief = N_("vote to let a removed home return"),
        .before = HOUSEHOLD_HELP,
        .help = N_("It takes more votes than removed it, and the mesh gets fresh keys. A home that\n"
                   "left by itself needs a new ticket instead.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight member return \"Number 9\"\n"),
        .options = sign_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_return,
};

/* ---- alone ---- */

/* Signs it about the household that is named, and says @done. */
static int sign_alone(struct cli *c, const struct args *a, enum wire_e_op type, const char *done) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_o_op m = {.type = type};
        struct wire_o_voted voted;
        int r = put_target(c, a, &m);
        if (!r)
                r = owner_sign(c, a, &m, &voted, &store);
        if (r)
                return r;
        if (c->json)
                cli_json(c, &wire_o_voted_desc, &voted);
        else
                layout_wrap(&c->out, span_str(done), 0, CLI_COLUMNS);
        return 0;
}

static int run_vouch(struct cli *c, const struct args *a) {
        return sign_alone(c, a, OP_VOUCH, _("vouched; every home can see it"));
}

const struct command command_member_vouch = {
        .group = "member",
        .name = "vouch",
        .synopsis = "H [--yes] [--passphrase-file F]",
        .brief = N_("say that you know a home another one invited"),
        .before = HOUSEHOLD_HELP,
        .help = N_("A home that two members vouch for stays when the one that invited it is removed\n"
                   "together with all it brought.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight member vouch \"Family Braun\"\n"),
        .options = sign_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_HOUSEHOLD,
        .run = run_vouch,
};

static int run_undo(struct cli *c, const struct args *a) {
        return sign_alone(
                c, a, OP_INVITE_UNDO,
                _("undone: it reads nothing that is posted from now on, and its ticket is closed. What it has "
                  "read so far it keeps."));
}

const struct command command_invite_undo = {
        .group = "invite",
        .name = "undo",
        .synopsis = "H [--yes] [--passphrase-file F]",
        .brief = N_("put a home out again that came on your ticket"),
        .before = HOUSEHOLD_HELP,
        .help = N_("Within a day of its joining, and without a vote: for a ticket that fell into\n"
                   "wrong hands. Another home that is linked now has to countersign it. The home\n"
                   "reads nothing that is posted afterwards; what it has read it keeps. Nobody else\n"
                   "comes on its ticket. After a day `porchlight member remove` does it, by vote.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight invite undo \"Family Braun\"\n"),
        .options = sign_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_HOUSEHOLD,
        .run = run_undo,
};
