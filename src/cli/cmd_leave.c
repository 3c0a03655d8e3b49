/* SPDX-License-Identifier: Apache-2.0 */
/* mesh leave: the vault signs it, the daemon forgets the mesh, and this waits until it has. */
#include "cli/leave.h"

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/owner.h"

#include <time.h>

#define CLEAR_LOOK_MS 50 /* between looks at whether the daemon has forgotten the mesh, … */
#define CLEAR_LOOKS 600  /* … which takes it seconds where there was much to forget */
#define VAULT_LOOKS 40   /* the vault follows at once */
#define CLEAR_ANSWER_MS 5000

static bool daemon_forgot(const struct cli *c) {
        _clean_(call_freep) struct call *call = NULL;
        struct wire_c_none none = {0};
        struct call_error e;
        struct call_row row;
        bool forgot = false;
        if (call_new(&call, c->data, CALL_CONTROL, &e) == 0 && call_send(call, CONTROL_STATUS, &none) == 0)
                while (call_row(call, CLEAR_ANSWER_MS, &row) == 0)
                        if (row.number == CONTROL_STATUS_ROW)
                                forgot = row.m->c_status.state == FRESH_NO_MESH;
        return forgot;
}

/* It removes its key when the daemon has told it of that: a moment later. */
static bool vault_forgot(const struct cli *c) {
        _clean_(call_freep) struct call *call = NULL;
        struct wire_c_none none = {0};
        struct call_error e;
        struct call_row row;
        bool forgot = false;
        if (call_new(&call, c->data, CALL_OWNER, &e) == 0 && call_send(call, OWNER_O_STATE, &none) == 0)
                while (call_row(call, CLEAR_ANSWER_MS, &row) == 0)
                        if (row.number == OWNER_O_STATE_ROW)
                                forgot = !row.m->o_state.has_household && !WIRE_HAS(&row.m->o_state, O_STATE, device);
        return forgot;
}

static bool wait_for(const struct cli *c, bool (*forgot)(const struct cli *c), unsigned looks) {
        const struct timespec pause = {.tv_nsec = CLEAR_LOOK_MS * 1000000L};
        for (unsigned i = 0; i < looks; i++) {
                if (forgot(c))
                        return true;
                nanosleep(&pause, NULL);
        }
        return false;
}

/* The daemon begins anew meanwhile: a call that fails, or is answered by the one before, is made again. */
bool leave_cleared(const struct cli *c) {
        if (!wait_for(c, daemon_forgot, CLEAR_LOOKS))
                return false;
        (void)wait_for(c, vault_forgot, VAULT_LOOKS); /* one that is away does so when it comes */
        return true;
}

void leave_text(struct cli *c, bool cleared) {
        const char *text =
                cleared ? _("left: this home has forgotten the mesh. `porchlight mesh create` and `porchlight join` "
                            "make a new household here.")
                        : _("left, but NO OTHER HOME HAS HEARD OF IT: nothing was removed here. Leave this computer on "
                            "until a neighbour is reached, then give `porchlight mesh leave` again: it removes what "
                            "this home still keeps. Where that cannot be, ask a steward to remove this household.");
        layout_wrap(&c->out, span_str(text), 0, CLI_COLUMNS);
}

int leave_run(struct cli *c, const struct args *a, struct wire_o_voted *ret, struct buf *store) {
        struct wire_o_op m = {.type = OP_LEAVE};
        int r = owner_sign(c, a, &m, ret, store);
        if (r || !WIRE_HAS(ret, O_VOTED, cleared) || leave_cleared(c))
                return r;
        return cli_fail(c, EXIT_FAILED, "not-cleared",
                        "look into the daemon's log: it goes on when it is started again",
                        "the household has left, but the daemon has not forgotten the mesh yet");
}

static int run_leave(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_o_voted voted;
        int r = leave_run(c, a, &voted, &store);
        if (r)
                return r;
        bool cleared = WIRE_HAS(&voted, O_VOTED, cleared);
        if (c->json)
                cli_json(c, &wire_o_voted_desc, &voted);
        else
                leave_text(c, cleared);
        return cleared ? 0 : EXIT_UNSENT;
}

static const struct option options[] = {OPTION_ROWS_SIGN, OPTION_END};

const struct command command_mesh_leave = {
        .group = "mesh",
        .name = "leave",
        .synopsis = "[--yes] [--passphrase-file F]",
        .brief = N_("leave the mesh with this household"),
        .help = N_("The others get fresh keys, and nothing posted afterwards reaches this home. Once\n"
                   "a neighbour has heard of it, everything this home keeps of the mesh is removed:\n"
                   "the household's and the device's key, all posts, tickets, neighbours, mutes and\n"
                   "places; settings stay. It may then found or join a mesh, the same one too, as a\n"
                   "new household. A home that others removed forgets the mesh in the same way,\n"
                   "and so does one that waits to be let in: that gives its joining up.\n"
                   "Exit code 6: no neighbour has heard of it yet, and nothing was removed.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight mesh leave\n"),
        .options = options,
        .run = run_leave,
};
