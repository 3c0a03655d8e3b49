/* SPDX-License-Identifier: Apache-2.0 */
/*
 * me erase: takes back what this household has said and given, destroys its clips, and leaves. Each step is a command of its own,
 * done for all there is, in the order in which one may still be told of the next:
 *
 *   1. Alerts, asks, notices and words on others' alerts are retracted. A home has to have heard of each.
 *   2. Grants are taken back.
 *   3. Clips are destroyed, each key first.
 *   4. It waits a while until the homes that had keys have said that their copies are gone.
 *   5. The household leaves; the daemon removes all it keeps of the mesh.
 *
 * Nothing is remembered of it: whoever was cut off gives the command again, and what is left to do is looked up. Steps 1 and 4 stop
 * where somebody was not reached: after step 5 nobody can be told any more. --anyway goes on.
 */
#include "cli/commands.h"

#include "base/lang.h"
#include "base/text.h"
#include "cli/erase.h"
#include "cli/leave.h"
#include "cli/options.h"
#include "cli/owner.h"
#include "wire/json.h"

#include <stdio.h>
#include <time.h>

#define ID_BYTES 32
#define HANDED_MS 5000 /* for the first home that has it on disk, as `post` waits */
#define REACH_MS 15000 /* for homes to say that their copies are gone: who is there says so in a second */
#define REACH_LOOK_MS 250

struct erasing {
        struct erase found;
        size_t retracted, revoked, destroyed, unheard;
        bool alone; /* the last retraction was handed to nobody: no waiting for the next ones */
};

static size_t count(const struct buf *ids) {
        return ids->n / ID_BYTES;
}

/* ---- before ---- */

_printf_(1, 2) static void say(const char *fmt, ...) {
        _clean_(buf_fini) struct buf text = BUF_NULL, shown = BUF_NULL;
        va_list ap;
        va_start(ap, fmt);
        buf_vprintf(&text, fmt, ap);
        va_end(ap);
        layout_wrap(&shown, buf_span(&text), 0, CLI_COLUMNS);
        fputs(buf_cstr(&shown), stderr);
}

static void say_what(struct erase *f) {
        say(_("This takes back %zu posts, asks and notices and %zu grants, destroys %zu clips and their keys, leaves "
              "the mesh, "
              "and removes all that this home keeps of it: the household's key, every post, places, mutes and cameras. "
              "Nothing of it can be restored."),
            count(&f->records), count(&f->grants), count(&f->clips));
        say(_("It cannot take back what others have read, opened, copied or printed, what a home keeps that is not "
              "reached, or "
              "that there was a household of this name."));
        if (f->n_copies)
                say(_("Clear copies that were made here stay where they are; remove them yourself:"));
        if (f->n_copies)
                fputs(buf_cstr(&f->copies), stderr);
}

/* One passphrase for all that follows. */
static int unlock(struct cli *c, const struct args *a) {
        _clean_(passphrase_fini) struct passphrase pass = {0};
        _clean_(call_freep) struct call *owner = NULL;
        struct wire_o_unlock m = {0};
        struct wire_o_state state;
        int r = owner_open(c, &owner);
        if (!r)
                r = owner_state(c, owner, &state);
        if (r || !state.passphrase || state.unlocked)
                return r;
        r = passphrase_get(c, a, _("Passphrase: "), &pass);
        if (r)
                return r;
        m.passphrase = buf_span(&pass.text);
        return owner_ask(c, owner, OWNER_O_UNLOCK, &m, _("unlocking"), NULL, NULL);
}

/* ---- the steps ---- */

static int row_retracted(struct cli *c, const struct call_row *row, void *arg) {
        struct erasing *e = arg;
        (void)c;
        if (row->number != CONTROL_POSTED)
                return 0;
        e->alone = row->m->c_posted.homes && !row->m->c_posted.handed_to;
        e->unheard += e->alone;
        e->retracted++;
        return 0;
}

static int retract_all(struct cli *c, struct erasing *e) {
        const struct buf *ids = &e->found.records;
        for (size_t at = 0; at + ID_BYTES <= ids->n; at += ID_BYTES) {
                _clean_(buf_fini) struct buf id = BUF_NULL;
                text_hex(&id, span_of(ids->p + at, ID_BYTES));
                struct wire_c_follow m = {.what = RECORD_RETRACT, .target = buf_span(&id)};
                WIRE_PUT(&m, C_FOLLOW, wait, e->alone ? 0 : HANDED_MS);
                int r = cli_ask(c, CONTROL_FOLLOW, &m, row_retracted, e);
                if (r && r != EXIT_NOT_FOUND && r != EXIT_REFUSED) /* its time is over meanwhile (said) */
                        return r;
        }
        return 0;
}

/* Has the vault do @request for each of them. */
static int vault_all(struct cli *c, const struct args *a, const struct buf *ids, unsigned request, size_t *done) {
        for (size_t at = 0; at + ID_BYTES <= ids->n; at += ID_BYTES) {
                _clean_(buf_fini) struct buf id = BUF_NULL;
                text_hex(&id, span_of(ids->p + at, ID_BYTES));
                struct wire_o_about m = {.id = buf_span(&id)};
                if (lang_tag().n)
                        WIRE_PUT(&m, O_ABOUT, language, lang_tag());
                int r = owner_agreed(c, a, request, &m, 0, NULL, NULL, NULL);
                if (r && r != EXIT_NOT_FOUND && r != EXIT_REFUSED)
                        return r;
                *done += !r;
        }
        return 0;
}

static int wait_reached(struct cli *c, const struct args *a, struct erasing *e) {
        const struct timespec pause = {.tv_nsec = REACH_LOOK_MS * 1000000L};
        for (unsigned waited = 0; waited < REACH_MS; waited += REACH_LOOK_MS) {
                int r = erase_look_grants(&e->found);
                if (r || !e->found.n_unreached)
                        return r;
                nanosleep(&pause, NULL);
        }
        if (args_has(a, OPT_ANYWAY))
                return 0;
        return cli_fail(
                c, EXIT_UNSENT, "not-reached",
                "leave this computer on until they are reached and give the command again; --anyway leaves without",
                "these homes have not said that their copies of clips are gone: %s", buf_cstr(&e->found.unreached));
}

static int check_heard(struct cli *c, const struct args *a, const struct erasing *e) {
        if (!e->unheard || args_has(a, OPT_ANYWAY))
                return 0;
        return cli_fail(c, EXIT_UNSENT, "not-heard",
                        "leave this computer on until a neighbour is reached and give the command again; --anyway "
                        "leaves without",
                        "no other home has heard yet that %zu posts were taken back", e->unheard);
}

static int leave(struct cli *c, const struct args *a, bool *ret_left) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_o_op m = {.type = OP_LEAVE};
        struct wire_o_voted voted;
        if (lang_tag().n)
                WIRE_PUT(&m, O_OP, language, lang_tag());
        int r = owner_agreed(c, a, OWNER_O_OP, &m, OWNER_O_VOTED, &wire_o_voted_desc, &voted, &store);
        *ret_left = !r && WIRE_HAS(&voted, O_VOTED, cleared);
        if (*ret_left && !leave_cleared(c))
                r = cli_fail(c, EXIT_FAILED, "not-cleared",
                             "look into the daemon's log: it goes on when it is started again",
                             "the household has left, but the daemon has not forgotten the mesh yet");
        return r;
}

static int steps(struct cli *c, const struct args *a, struct erasing *e, bool *ret_left) {
        int r = retract_all(c, e);
        if (!r)
                r = check_heard(c, a, e);
        if (!r)
                r = vault_all(c, a, &e->found.grants, OWNER_O_REVOKE, &e->revoked);
        if (!r)
                r = vault_all(c, a, &e->found.clips, OWNER_O_DESTROY, &e->destroyed);
        if (!r)
                r = wait_reached(c, a, e);
        return r ? r : leave(c, a, ret_left);
}

/* ---- after ---- */

static void tell_json(struct cli *c, const struct erasing *e, bool left) {
        buf_printf(&c->out, "{\"v\":1,\"retracted\":%zu,\"revoked\":%zu,\"destroyed\":%zu,\"left\":%s,\"not_reached\":",
                   e->retracted, e->revoked, e->destroyed, left ? "true" : "false");
        json_string(&c->out, buf_span(&e->found.unreached));
        buf_printf(&c->out, ",\"clear_copies\":%zu}\n", e->found.n_copies);
}

static void tell(struct cli *c, struct erasing *e, bool left) {
        if (c->json) {
                tell_json(c, e, left);
                return;
        }
        buf_printf(&c->out, _("taken back: %zu posts and %zu grants; destroyed: %zu clips\n"), e->retracted, e->revoked,
                   e->destroyed);
        leave_text(c, left);
        if (e->found.n_unreached) {
                _clean_(buf_fini) struct buf text = BUF_NULL;
                buf_printf(&text, _("These homes have not said that their copies of clips are gone: %s."),
                           buf_cstr(&e->found.unreached));
                layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
        }
        if (left)
                layout_wrap(&c->out,
                            span_str(_("Still here: the settings of this machine, and in DIR/vault the file "
                                       "ledger.old, which says to "
                                       "whom footage was given. Remove them with the folder, and backups you made.")),
                            0, CLI_COLUMNS);
}

static int row_state(struct cli *c, const struct call_row *row, void *arg) {
        bool *ret_no_mesh = arg;
        (void)c;
        if (row->number == CONTROL_STATUS_ROW)
                *ret_no_mesh = row->m->c_status.state == FRESH_NO_MESH;
        return 0;
}

/* @ret_none: all is erased, or there never was anything. A household that is on another device cannot be erased from here. */
static int look_household(struct cli *c, bool *ret_none) {
        _clean_(call_freep) struct call *owner = NULL;
        struct wire_c_none none = {0};
        struct wire_o_state state;
        *ret_none = false;
        int r = owner_open(c, &owner);
        if (!r)
                r = owner_state(c, owner, &state);
        if (r || state.has_household)
                return r;
        r = cli_ask(c, CONTROL_STATUS, &none, row_state, ret_none);
        if (!r && !*ret_none)
                r = cli_fail(c, EXIT_NOT_FOUND, "no-household", "run it on the main device",
                             "the household's key is on another device");
        return r;
}

static int run_erase(struct cli *c, const struct args *a) {
        struct erasing e = {.found = {.c = c, .a = a}};
        bool none, left = false;
        int r = look_household(c, &none);
        if (!r && none) {
                tell(c, &e, true);
                return 0;
        }
        if (!r)
                r = erase_look(&e.found);
        if (!r) {
                say_what(&e.found);
                r = ask_yes(c, a, _("Erase all of it? [y/N] "));
        }
        if (!r)
                r = unlock(c, a);
        if (!r)
                r = steps(c, a, &e, &left);
        if (!r)
                tell(c, &e, left);
        erase_fini(&e.found);
        return r ? r : left ? 0 : EXIT_UNSENT;
}

static const struct option options[] = {
        {OPT_ANYWAY, "anyway", NULL, N_("also if homes have not been reached"), OPTION_FLAG},
        OPTION_ROWS_SIGN,
        OPTION_END,
};

const struct command command_me_erase = {
        .group = "me",
        .name = "erase",
        .synopsis = "[--yes] [--anyway] [--passphrase-file F]",
        .brief = N_("take back and destroy all of this household, and leave"),
        .help = N_("Retracts posts, asks, notices and words on others' alerts, takes grants back,\n"
                   "destroys every clip with its key, waits until homes have said that their copies\n"
                   "are gone, and leaves the mesh as `mesh leave` does. It says before how much that\n"
                   "is, and what cannot be taken back: what others have read, opened or printed.\n"
                   "\n"
                   "Where a home was not reached it stops, exit code 6, and says which: nobody can\n"
                   "tell it after the leave. Give the command again when it is on; --anyway goes on\n"
                   "without. Whenever it was cut off, give it again: it does what is left.\n"),
        .examples = N_("  porchlight me export about-me.jsonl && porchlight me erase\n"),
        .options = options,
        .run = run_erase,
};
