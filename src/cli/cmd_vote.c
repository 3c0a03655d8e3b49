/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member remove, endorse, promote, demote, return, vouch; mesh leave; invite undo: what the household signs about its mesh. Each is one
 * operation that the vault puts into words and signs; here it is only said what became of it.
 */
#include "cli/commands.h"

#include "base/text.h"
#include "cli/options.h"
#include "cli/owner.h"
#include "cli/proposal.h"
#include "wire/json.h"

#include <time.h>

#define REASON_MAX 128 /* as in proto/owner.def */
#define TARGET_MAX 64
#define ID_DIGITS_MIN 4
#define CLEAR_LOOK_MS 50 /* between looks at whether the daemon has forgotten the mesh, … */
#define CLEAR_LOOKS 600  /* … which takes it seconds where there was much to forget */
#define CLEAR_ANSWER_MS 5000

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

static void voted_json(struct cli *c, const struct wire_o_voted *v) {
        json_message(&c->out, &wire_o_voted_desc, v);
        buf_add_u8(&c->out, '\n');
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

static int vote(struct cli *c, const struct args *a, enum wire_e_op type) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_o_op m = {.type = type};
        struct wire_o_voted voted;
        const char *target = a->words[0];
        if (!*target)
                return cli_usage(c, "`porchlight member list` shows them", "the name is empty");
        if (strlen(target) > TARGET_MAX)
                return too_long(c, _("the name"), TARGET_MAX);
        WIRE_PUT(&m, O_OP, target, span_str(target));
        int r = put_reason(c, a, &m);
        if (r)
                return r;
        if (args_has(a, OPT_WITH_INVITED))
                WIRE_PUT(&m, O_OP, subtree, true);
        r = owner_sign(c, a, &m, &voted, &store);
        if (r)
                return r;
        if (c->json)
                voted_json(c, &voted);
        else
                voted_text(c, &voted, type == OP_ENDORSE ? NULL : target);
        return 0;
}

/* clang-format off */
#define HOUSEHOLD_HELP \
        N_("H is a household's name, or 4 letters and digits of its id or more, as\n" \
        "`porchlight member list` shows them.\n\n")
#define SIGN_HELP \
        N_("\nThe vault says what it is about to sign, and asks; elsewhere than on a terminal\n" \
        "--yes is needed.\n")
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

/* Signs @m and says @done about it. */
static int sign_alone(struct cli *c, const struct args *a, const struct wire_o_op *m, const char *done) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_o_voted voted;
        int r = owner_sign(c, a, m, &voted, &store);
        if (r)
                return r;
        if (c->json)
                voted_json(c, &voted);
        else
                layout_wrap(&c->out, span_str(done), 0, CLI_COLUMNS);
        return 0;
}

static int run_vouch(struct cli *c, const struct args *a) {
        struct wire_o_op m = {.type = OP_VOUCH};
        if (!*a->words[0] || strlen(a->words[0]) > TARGET_MAX)
                return cli_usage(c, "`porchlight member list` shows them", "\"%.64s\" is no household", a->words[0]);
        WIRE_PUT(&m, O_OP, target, span_str(a->words[0]));
        return sign_alone(c, a, &m, _("vouched; every home can see it"));
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
        struct wire_o_op m = {.type = OP_INVITE_UNDO};
        if (!*a->words[0] || strlen(a->words[0]) > TARGET_MAX)
                return cli_usage(c, "`porchlight member list` shows them", "\"%.64s\" is no household", a->words[0]);
        WIRE_PUT(&m, O_OP, target, span_str(a->words[0]));
        return sign_alone(
                c, a, &m,
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

/* The daemon begins anew meanwhile: a call that fails, or is answered by the one before, is made again. */
static bool is_cleared(const struct cli *c) {
        const struct timespec pause = {.tv_nsec = CLEAR_LOOK_MS * 1000000L};
        for (unsigned i = 0; i < CLEAR_LOOKS; i++) {
                _clean_(call_freep) struct call *call = NULL;
                struct wire_c_none none = {0};
                struct call_error e;
                struct call_row row;
                uint64_t state = FRESH_REMOVED;
                if (call_new(&call, c->data, CALL_CONTROL, &e) == 0 && call_send(call, CONTROL_STATUS, &none) == 0)
                        while (call_row(call, CLEAR_ANSWER_MS, &row) == 0)
                                if (row.number == CONTROL_STATUS_ROW)
                                        state = row.m->c_status.state;
                if (state == FRESH_NO_MESH)
                        return true;
                nanosleep(&pause, NULL);
        }
        return false;
}

static void left_text(struct cli *c, bool cleared) {
        const char *text = cleared ? _("left: this home has forgotten the mesh. `porchlight mesh create` and "
                                       "`porchlight join` make a new "
                                       "household here.")
                                   : _("left, but NO OTHER HOME HAS HEARD OF IT: nothing was removed here. Leave this "
                                       "computer on until a "
                                       "neighbour is reached, then give `porchlight mesh leave` again: it removes what "
                                       "this home still "
                                       "keeps. Where that cannot be, ask a steward to remove this household.");
        layout_wrap(&c->out, span_str(text), 0, CLI_COLUMNS);
}

static int run_leave(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_o_op m = {.type = OP_LEAVE};
        struct wire_o_voted voted;
        int r = owner_sign(c, a, &m, &voted, &store);
        if (r)
                return r;
        bool cleared = WIRE_HAS(&voted, O_VOTED, cleared);
        if (cleared && !is_cleared(c))
                return cli_fail(c, EXIT_FAILED, "not-cleared",
                                "look into the daemon's log: it goes on when it is started again",
                                "the household has left, but the daemon has not forgotten the mesh yet");
        if (c->json)
                voted_json(c, &voted);
        else
                left_text(c, cleared);
        return cleared ? 0 : EXIT_UNSENT;
}

const struct command command_mesh_leave = {
        .group = "mesh",
        .name = "leave",
        .synopsis = "[--yes] [--passphrase-file F]",
        .brief = N_("leave the mesh with this household"),
        .help = N_("The others get fresh keys, and nothing posted afterwards reaches this home. Once\n"
                   "a neighbour has heard of it, everything this home keeps of the mesh is removed:\n"
                   "the household's and the device's key, all posts, tickets, neighbours, mutes and\n"
                   "places; settings stay. It may then found or join a mesh, the same one too, as a\n"
                   "new household. A home that others removed forgets the mesh in the same way.\n"
                   "Exit code 6: no neighbour has heard of it yet, and nothing was removed.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight mesh leave\n"),
        .options = sign_options,
        .run = run_leave,
};
