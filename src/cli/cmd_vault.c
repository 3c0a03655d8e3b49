/* SPDX-License-Identifier: Apache-2.0 */
/* vault show, unlock, lock, passphrase: the household's key and how it is locked. */
#include "cli/commands.h"

#include "base/when.h"
#include "cli/options.h"
#include "cli/owner.h"

#include <pwd.h>

#define UNLOCK_DEFAULT 900 /* seconds, as the vault does without being told */
#define UNLOCK_MAX 86400   /* as in proto/owner.def */

static const char *device_text(const struct wire_o_state *s) {
        if (!s->passphrase)
                return _("The key of this further device, for clips that are shared with it, is here in a\n"
                         "plain file: it is always open. `porchlight vault passphrase` puts it under a\n"
                         "passphrase. The household's key is on the main device.\n");
        if (s->unlocked)
                return _("The key of this further device, for clips that are shared with it, is under a\n"
                         "passphrase, and open now. The household's key is on the main device.\n");
        return _("The key of this further device, for clips that are shared with it, is under a\n"
                 "passphrase, and locked. The household's key is on the main device.\n");
}

static const char *state_text(const struct wire_o_state *s) {
        if (WIRE_HAS(s, O_STATE, device))
                return device_text(s);
        if (!s->has_household)
                return _("There is no household key here: it is made when a mesh is founded or joined, and\n"
                         "stays on that device.\n");
        if (!s->passphrase)
                return _("The household's key is here, in a plain file: it is always open, and whoever\n"
                         "reads the disk has it. `porchlight vault passphrase` puts it under a passphrase.\n");
        if (s->unlocked)
                return _("The household's key is here, under a passphrase, and open now.\n");
        return _("The household's key is here, under a passphrase, and locked. Posting and reading\n"
                 "do not need it.\n");
}

static void owner_text(struct buf *out, uint64_t uid) {
        const struct passwd *p = getpwuid((uid_t)uid);
        if (p)
                buf_printf(out, _("%s (user %llu)"), p->pw_name, (unsigned long long)uid);
        else
                buf_printf(out, _("user %llu"), (unsigned long long)uid);
}

/* Who may ask besides root. */
static void owners_text(struct buf *out, const struct wire_o_state *s) {
        bool founder = WIRE_HAS(s, O_STATE, owner) && s->owner != 0;
        bool named = WIRE_HAS(s, O_STATE, named) && s->named != 0 && (!founder || s->named != s->owner);
        buf_add_str(out, _("It answers root"));
        if (founder) {
                buf_add_str(out, named ? ", " : _(" and "));
                owner_text(out, s->owner);
        }
        if (named) {
                buf_add_str(out, _(" and "));
                owner_text(out, s->named);
        }
        buf_add_str(out, ".\n");
}

/* The state as it is now: in JSON itself, else @text. */
static int tell(struct cli *c, struct call *owner, const char *text) {
        struct wire_o_state s;
        int r = owner_state(c, owner, &s);
        if (r)
                return r;
        if (!c->json) {
                buf_add_str(&c->out, text ? text : state_text(&s));
                if (!text)
                        owners_text(&c->out, &s);
                return 0;
        }
        cli_json(c, &wire_o_state_desc, &s);
        return 0;
}

/* Opens owner.sock and looks for a key. 0 or an exit code (said). */
static int open_with_key(struct cli *c, struct call **ret, struct wire_o_state *ret_state) {
        int r = owner_open(c, ret);
        if (r || (r = owner_state(c, *ret, ret_state)))
                return r;
        if (!ret_state->has_household && !WIRE_HAS(ret_state, O_STATE, device))
                return cli_fail(c, EXIT_NOT_FOUND, "no-household",
                                "found a mesh with `porchlight mesh create`, or use an invite: `porchlight join`",
                                "there is no household key here yet");
        return 0;
}

/* ---- show ---- */

static int run_show(struct cli *c, const struct args *a) {
        _clean_(call_freep) struct call *owner = NULL;
        int r = owner_open(c, &owner);
        (void)a;
        return r ? r : tell(c, owner, NULL);
}

const struct command command_vault_show = {
        .group = "vault",
        .name = "show",
        .synopsis = "",
        .brief = N_("whether the household's key is here, and open"),
        .help = N_("The vault is the one program that holds the household's key. It signs for the\n"
                   "household, after it has said what.\n"
                   "\nExample:\n  porchlight vault show --json | jq -r .unlocked\n"),
        .run = run_show,
};

/* ---- unlock, lock ---- */

static const struct option unlock_options[] = {
        {OPT_FOR_TIME, "for", "15m", N_("how long, 24 h at most; 15 minutes if absent"), OPTION_DURATION, NULL, 1,
         UNLOCK_MAX},
        OPTION_ROW_PASSPHRASE_FILE,
        OPTION_END,
};

static void unlocked_text(struct buf *out, uint64_t seconds, uint64_t now) {
        buf_add_str(out, _("Open for "));
        when_show_duration(out, seconds);
        buf_add_str(out, _(", until "));
        when_local(out, now + seconds, now);
        buf_add_str(out, _(": signing asks for no passphrase.\n"));
}

static int run_unlock(struct cli *c, const struct args *a) {
        _clean_(passphrase_fini) struct passphrase pass = {0};
        _clean_(call_freep) struct call *owner = NULL;
        _clean_(buf_fini) struct buf text = BUF_NULL;
        const struct option_value *lasts = args_get(a, OPT_FOR_TIME);
        struct wire_o_state state;
        struct wire_o_unlock m = {0};
        int r = open_with_key(c, &owner, &state);
        if (r)
                return r;
        if (!state.passphrase)
                return tell(c, owner, NULL);
        r = passphrase_get(c, a, _("Passphrase: "), &pass);
        if (r)
                return r;
        m.passphrase = buf_span(&pass.text);
        if (lasts)
                WIRE_PUT(&m, O_UNLOCK, seconds, lasts->n);
        r = owner_ask(c, owner, OWNER_O_UNLOCK, &m, _("unlocking"), NULL, NULL);
        if (r)
                return r;
        unlocked_text(&text, lasts ? lasts->n : UNLOCK_DEFAULT, c->now);
        return tell(c, owner, buf_cstr(&text));
}

const struct command command_vault_unlock = {
        .group = "vault",
        .name = "unlock",
        .synopsis = "[--for 15m] [--passphrase-file F]",
        .brief = N_("keep the household's key open for a while"),
        .help = N_("Until then what the household signs asks for no passphrase; it still asks for a\n"
                   "yes. The key is locked again when the time is over, with `porchlight vault\n"
                   "lock`, and when the daemon stops. A rule for an emergency (`porchlight policy`)\n"
                   "that sleeps is awake from then on, until the rule ends.\n"
                   "\nExample:\n  porchlight vault unlock --for 1h\n"),
        .options = unlock_options,
        .run = run_unlock,
};

static int run_lock(struct cli *c, const struct args *a) {
        _clean_(call_freep) struct call *owner = NULL;
        struct wire_c_none none = {0};
        struct wire_o_state state;
        int r = open_with_key(c, &owner, &state);
        (void)a;
        if (r)
                return r;
        if (!state.passphrase)
                return tell(c, owner, NULL); /* there is nothing to lock it with */
        r = owner_ask(c, owner, OWNER_O_LOCK, &none, _("locking"), NULL, NULL);
        return r ? r : tell(c, owner, _("Locked.\n"));
}

const struct command command_vault_lock = {
        .group = "vault",
        .name = "lock",
        .synopsis = "",
        .brief = N_("lock the household's key"),
        .help = N_("What the household signs asks for the passphrase again.\n"),
        .run = run_lock,
};

/* ---- passphrase ---- */

/* clang-format off */
static const struct option passphrase_options[] = {
        OPTION_ROW_PASSPHRASE_FILE,
        {OPT_NEW_PASSPHRASE_FILE, "new-passphrase-file", "FILE", N_("its first line is the new one; - reads stdin"), OPTION_FILE},
        {OPT_NO_PASSPHRASE, "no-passphrase", NULL, N_("keep the household's key in a plain file from now on"), OPTION_FLAG},
        OPTION_END,
};
/* clang-format on */

static bool both_from_stdin(const struct args *a) {
        const char *old = args_text(a, OPT_PASSPHRASE_FILE), *fresh = args_text(a, OPT_NEW_PASSPHRASE_FILE);
        return old && fresh && strcmp(old, "-") == 0 && strcmp(fresh, "-") == 0;
}

static int run_passphrase(struct cli *c, const struct args *a) {
        _clean_(passphrase_fini) struct passphrase old = {0}, fresh = {0};
        _clean_(call_freep) struct call *owner = NULL;
        struct wire_o_state state;
        struct wire_o_passphrase m = {0};
        if (both_from_stdin(a))
                return cli_usage(c, "put one of them into a file", "two passphrases cannot both come from stdin");
        int r = open_with_key(c, &owner, &state);
        if (r)
                return r;
        if (state.passphrase && (r = passphrase_get(c, a, _("Present passphrase: "), &old)))
                return r;
        if (state.passphrase)
                WIRE_PUT(&m, O_PASSPHRASE, old, buf_span(&old.text));
        r = passphrase_new(c, a, OPT_NEW_PASSPHRASE_FILE, &fresh);
        if (r)
                return r;
        if (fresh.none)
                WIRE_PUT(&m, O_PASSPHRASE, no_passphrase, true);
        else
                WIRE_PUT(&m, O_PASSPHRASE, fresh, buf_span(&fresh.text));
        r = owner_ask(c, owner, OWNER_O_PASSPHRASE, &m, _("locking the key anew"), NULL, NULL);
        if (r)
                return r;
        return tell(c, owner, fresh.none ? NULL : _("The household's key is under the new passphrase.\n"));
}

const struct command command_vault_passphrase = {
        .group = "vault",
        .name = "passphrase",
        .synopsis = "[--passphrase-file F] [--new-passphrase-file F | --no-passphrase]",
        .brief = N_("change the passphrase of the household's key"),
        .help = N_("Asks for the present one, where there is one, and twice for the new one. Backups\n"
                   "made before keep the passphrase they were made with.\n"
                   "\nExample:\n  porchlight vault passphrase\n"),
        .options = passphrase_options,
        .run = run_passphrase,
};
