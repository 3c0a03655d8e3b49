/* SPDX-License-Identifier: Apache-2.0 */
/* device list, invite, codes, join, revoke: the devices of one household. Its key is on the main one alone. */
#include "cli/commands.h"

#include "base/lang.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/found.h"
#include "cli/options.h"
#include "cli/owner.h"
#include "roster/code.h"

#define NAME_COLUMNS 18
#define SHARE_COLUMNS 13
#define SINCE_COLUMNS 13
#define CODE_TEXT_MAX 4096 /* with spaces and line breaks that mail programs put in */
#define CODE_PROMPT N_("Device code (paste all of it; an empty line ends it): ")
#define CODE_INDENT 4
#define CODE_COLUMNS 72
#define TARGET_MAX 64 /* as in proto/owner.def */
#define ID_LEAST 4    /* hex digits by which an id is known */
#define STATE_COLUMNS 10
#define CODE_NAME_COLUMNS 17

/* ---- list ---- */

static void put_heard(struct cli *c, const struct wire_c_device *d) {
        if (WIRE_HAS(d, C_DEVICE, revoked)) {
                buf_printf(&c->out, "%s ", _("revoked"));
                when_local(&c->out, d->revoked, c->now);
        } else if (WIRE_HAS(d, C_DEVICE, uninvited)) {
                buf_add_str(&c->out, _("UNINVITED"));
        } else if (d->this_one) {
                buf_add_str(&c->out, _("this one"));
        } else if (WIRE_HAS(d, C_DEVICE, linked) && d->linked) {
                buf_add_str(&c->out, _("linked now"));
        } else if (WIRE_HAS(d, C_DEVICE, last_heard)) {
                when_relative(&c->out, d->last_heard, c->now);
        } else {
                buf_add_str(&c->out, _("not heard yet"));
        }
}

static void device_line(struct cli *c, const struct wire_c_device *d) {
        _clean_(buf_fini) struct buf share = BUF_NULL, added = BUF_NULL;
        layout_enum(&share, &wire_share_enum, d->share);
        if (WIRE_HAS(d, C_DEVICE, main) && d->main)
                buf_printf(&share, ", %s", _("main"));
        when_local(&added, d->added, c->now);
        layout_id(&c->out, d->id);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, d->name, NAME_COLUMNS);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, buf_span(&share), SHARE_COLUMNS);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, buf_span(&added), SINCE_COLUMNS);
        buf_add_str(&c->out, "  ");
        put_heard(c, d);
        buf_add_u8(&c->out, '\n');
}

static void device_head(struct buf *out) {
        buf_add_str(out, "ID        ");
        layout_word(out, _("DEVICE"), NAME_COLUMNS + 2);
        layout_word(out, _("QUOTA"), SHARE_COLUMNS + 2);
        layout_word(out, _("SINCE"), SINCE_COLUMNS + 2);
        buf_printf(out, "%s\n", _("HEARD"));
}

struct listing {
        uint64_t n, uninvited, open; /* devices; of them on codes taken back; codes */
};

static int row_device(struct cli *c, const struct call_row *row, void *arg) {
        struct listing *l = arg;
        if (row->number != CONTROL_DEVICE_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        if (!l->n++)
                device_head(&c->out);
        l->uninvited += WIRE_HAS(&row->m->c_device, C_DEVICE, uninvited);
        device_line(c, &row->m->c_device);
        return cli_flush(c);
}

static int row_open(struct cli *c, const struct call_row *row, void *arg) {
        struct listing *l = arg;
        (void)c;
        l->open += row->number == CONTROL_CODE_ROW && row->m->c_code.state == CODE_OPEN;
        return 0;
}

static int run_list(struct cli *c, const struct args *a) {
        struct wire_c_none none = {0};
        struct listing l = {0};
        (void)a;
        int r = cli_ask(c, CONTROL_DEVICES, &none, row_device, &l);
        if (!r && !c->json)
                r = cli_ask(c, CONTROL_CODES, &none, row_open, &l);
        if (!r && l.uninvited)
                cli_note(c, "UNINVITED: came on a device code that was taken back, by a home that had not heard of it; "
                            "`porchlight device revoke NAME` puts the device out");
        if (!r && l.open)
                cli_note(c, "device codes that nobody has used yet: `porchlight device codes` lists them");
        return r;
}

const struct command command_device_list = {
        .group = "device",
        .name = "list",
        .synopsis = "",
        .brief = N_("the devices of this household"),
        .help = N_("The main one has the household's key: what the household signs, it signs there.\n"
                   "The others have a quarter of the main one's quota each. A revoked device stays\n"
                   "in the list, because what it had posted stands. UNINVITED came on a device code\n"
                   "that was taken back, by a home that had not heard of that yet.\n"
                   "\nExample:\n  porchlight device list --json | jq -r 'select(.main).name'\n"),
        .run = run_list,
};

/* ---- invite ---- */

static void explain(struct cli *c, const struct wire_o_code *code) {
        _clean_(buf_fini) struct buf text = BUF_NULL, when = BUF_NULL, words = BUF_NULL;
        when_local(&when, code->expires, c->now);
        text_show(&words, code->check_words, false);
        buf_printf(
                &text,
                _("This code makes one more device a device of your household, once, until %s. Show it to nobody else: "
                  "whoever has it posts and reads as you. On the new device run"),
                buf_cstr(&when));
        buf_add_u8(&c->out, '\n');
        layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
        buf_add_str(&c->out, "\n  porchlight device join --as NAME\n\n");
        buf_printf(&c->out, _("and paste it, all lines. Its check words:\n\n  %s\n\n"), buf_cstr(&words));
        buf_add_str(&c->out, _("Take the code back with `porchlight device revoke "));
        layout_id(&c->out, code->id);
        buf_add_str(&c->out, _("`, and a device that has come\non it with `porchlight device revoke NAME`.\n"));
}

static void code_text(struct cli *c, const struct wire_o_code *code) {
        _clean_(buf_wipe) struct buf shown = BUF_NULL;
        text_show(&shown, code->code, false);
        if (c->out_tty) {
                layout_wrap(&c->out, buf_span(&shown), CODE_INDENT, CODE_INDENT + CODE_COLUMNS);
                explain(c, code);
                return;
        }
        buf_add(&c->out, buf_span(&shown));
        buf_add_u8(&c->out, '\n');
}

static int run_invite(struct cli *c, const struct args *a) {
        _clean_(buf_wipe) struct buf store = BUF_NULL;
        struct wire_o_op m = {.type = OP_DEVICE_ADD};
        struct wire_o_code code;
        const struct option_value *v = args_get(a, OPT_EXPIRES);
        if (v)
                WIRE_PUT(&m, O_OP, expires_in, v->n);
        int r = owner_code(c, a, &m, &code, &store);
        if (r)
                return r;
        if (c->json)
                cli_json(c, &wire_o_code_desc, &code);
        else
                code_text(c, &code);
        return 0;
}

static const struct option invite_options[] = {
        OPTION_ROW_EXPIRES(N_("how long it is valid, 30d at most; 1d if absent")),
        OPTION_ROW_PASSPHRASE_FILE,
        OPTION_END,
};

const struct command command_device_invite = {
        .group = "device",
        .name = "invite",
        .synopsis = "[--expires 1d] [--passphrase-file F]",
        .brief = N_("make a code for a further device of this household"),
        .help = N_("Prints a code that makes one more device, a laptop say, a device of your\n"
                   "household. It works once. When stdout is not a terminal the code stands there\n"
                   "alone. Whoever has it posts and reads as you: show it to nobody else. A\n"
                   "household has 4 devices at most; the further ones have a quarter of the main\n"
                   "one's quota each. Run it on the main device. `porchlight device codes` lists\n"
                   "the codes, and `porchlight device revoke` takes one back.\n"
                   "\n"
                   "Examples:\n"
                   "  porchlight device invite\n"
                   "  porchlight device invite --expires 10m > code.txt\n"),
        .options = invite_options,
        .run = run_invite,
};

/* ---- codes ---- */

static const char *code_state(const struct wire_c_code *code) {
        switch ((enum wire_e_code_state)code->state) {
        case CODE_OPEN:
                return _("open");
        case CODE_USED:
                return _("used");
        case CODE_TAKEN_BACK:
                return _("taken back");
        case CODE_EXPIRED:
                return _("expired");
        }
        return "";
}

static void code_line(struct cli *c, const struct wire_c_code *code) {
        _clean_(buf_fini) struct buf share = BUF_NULL, made = BUF_NULL, until = BUF_NULL;
        layout_enum(&share, &wire_share_enum, code->share);
        when_local(&made, code->made, c->now);
        when_local(&until, code->expires, c->now);
        layout_id(&c->out, code->id);
        buf_add_str(&c->out, "  ");
        layout_word(&c->out, code_state(code), STATE_COLUMNS + 2);
        layout_cell(&c->out, buf_span(&share), SHARE_COLUMNS - 2);
        layout_cell(&c->out, buf_span(&made), SINCE_COLUMNS + 2);
        layout_cell(&c->out, buf_span(&until), SINCE_COLUMNS + 2);
        if (WIRE_HAS(code, C_CODE, device))
                layout_cell(&c->out, code->device, CODE_NAME_COLUMNS);
        layout_trim(&c->out);
        buf_add_u8(&c->out, '\n');
}

static void code_head(struct buf *out) {
        buf_add_str(out, "ID        ");
        layout_word(out, _("STATE"), STATE_COLUMNS + 2);
        layout_word(out, _("QUOTA"), SHARE_COLUMNS - 2);
        layout_word(out, _("MADE"), SINCE_COLUMNS + 2);
        layout_word(out, _("UNTIL"), SINCE_COLUMNS + 2);
        buf_printf(out, "%s\n", _("DEVICE"));
}

static int row_code(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg;
        if (row->number != CONTROL_CODE_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        if (!*any)
                code_head(&c->out);
        *any = true;
        code_line(c, &row->m->c_code);
        if (WIRE_HAS(&row->m->c_code, C_CODE, uninvited))
                buf_add_str(&c->out, _("          after it was taken back, at a home that had not heard of that\n"));
        return cli_flush(c);
}

static int run_codes(struct cli *c, const struct args *a) {
        (void)a;
        return cli_list(c, CONTROL_CODES, row_code, _("No device codes were made on this device.\n"));
}

const struct command command_device_codes = {
        .group = "device",
        .name = "codes",
        .synopsis = "",
        .brief = N_("the device codes that were made here, and what became of them"),
        .help = N_("A code is open until a device has come on it, until its time is over, or until\n"
                   "you take it back: `porchlight device revoke ID`. The codes themselves are kept\n"
                   "nowhere. The list is on the device that made them, the main one.\n"
                   "\nExample:\n  porchlight device codes --json | jq -r 'select(.state==\"open\").id'\n"),
        .run = run_codes,
};

/* ---- join ---- */

static bool is_whole(struct span text) {
        struct code code;
        if (code_parse(&code, text))
                return false;
        code_fini(&code);
        return true;
}

/* A code that was copied from a terminal or out of a mail comes in several lines. */
static bool code_ask(struct cli *c, struct buf *text) {
        bool more = ask_line(c, lang_text(CODE_PROMPT), text);
        while (more && !is_whole(buf_span(text))) {
                size_t had = text->n;
                more = ask_next_line(text) && text->n > had;
        }
        return text->n > 0;
}

static int code_read(struct cli *c, const char *word, struct buf *text) {
        bool in = word && strcmp(word, "-") == 0, ask = !word || (in && c->in_tty && c->err_tty);
        struct code code;
        int r = 0;
        if (ask && !code_ask(c, text))
                return cli_usage(c, "paste the whole of it", "no device code was given");
        if (in && !ask)
                r = read_stdin(c, CODE_TEXT_MAX, text);
        else if (!ask)
                buf_add_str(text, word);
        if (r)
                return r;
        r = code_parse(&code, buf_span(text));
        if (r < 0)
                return cli_fail(c, EXIT_FAILED, "out-of-memory", "", "%s", err_text(r));
        if (r)
                return cli_fail(c, EXIT_USAGE, "code-unreadable",
                                "copy the whole of it, from PORCHDEVICE1 on; a ticket is for `porchlight join`",
                                "the text %s", _(code_error_text(r)));
        code_fini(&code);
        return 0;
}

/* The code without what mail programs put between its letters. */
static void code_plain(struct span text, struct buf *out) {
        for (size_t i = 0; i < text.n; i++)
                if (!memchr(" \t\r\n-", text.p[i], 5))
                        buf_add_u8(out, text.p[i]);
}

static int run_join(struct cli *c, const struct args *a) {
        _clean_(buf_wipe) struct buf text = BUF_NULL, plain = BUF_NULL;
        _clean_(passphrase_fini) struct passphrase pass = {0};
        _clean_(call_freep) struct call *owner = NULL;
        const char *word = a->n_words ? a->words[0] : NULL, *name = args_text(a, OPT_AS);
        const char *file = args_text(a, OPT_PASSPHRASE_FILE);
        if (!name || !*name)
                return cli_usage(c, "give the device a name, as in --as laptop", "--as NAME is missing");
        if (strlen(name) > 32)
                return cli_usage(c, "shorten it", "the device's name is longer than 32 bytes");
        if (!word && !(c->in_tty && c->err_tty))
                return cli_usage(c, "give it, or - to read it from stdin", "the device code is missing");
        if (word && file && strcmp(word, "-") == 0 && strcmp(file, "-") == 0)
                return cli_usage(c, "put one of them into a file", "code and passphrase cannot both come from stdin");
        int r = code_read(c, word, &text);
        if (!r)
                r = owner_open(c, &owner);
        if (r)
                return r;
        code_plain(buf_span(&text), &plain);
        struct wire_o_device_join m = {.code = buf_span(&plain), .name = span_str(name)};
        r = passphrase_new(c, a, OPT_PASSPHRASE_FILE, &pass);
        if (r)
                return r;
        if (pass.none)
                WIRE_PUT(&m, O_DEVICE_JOIN, no_passphrase, true);
        else
                WIRE_PUT(&m, O_DEVICE_JOIN, passphrase, buf_span(&pass.text));
        r = owner_ask(c, owner, OWNER_O_DEVICE_JOIN, &m, _("waiting for a member to admit this device"), NULL, NULL);
        return r ? r : found_done(c, _("Joined"), _("See what goes on with `porchlight nearby`."));
}

static const struct option join_options[] = {
        {OPT_AS, "as", "NAME", N_("what your household calls this device; at most 32 bytes"), OPTION_TEXT},
        {OPT_PASSPHRASE_FILE, "passphrase-file", "FILE", N_("its first line locks this device's key; - reads stdin"),
         OPTION_FILE},
        {OPT_NO_PASSPHRASE, "no-passphrase", NULL, N_("keep this device's key in a plain file instead"), OPTION_FLAG},
        OPTION_END,
};

const struct command command_device_join = {
        .group = "device",
        .name = "join",
        .synopsis = "[CODE|-] --as NAME [--passphrase-file F | --no-passphrase]",
        .brief = N_("make this device one of your household, with a code from its main device"),
        .help = N_("A device code begins with PORCHDEVICE1. Without one on the command line it is\n"
                   "asked for; - reads it from stdin. Returns when a member has admitted this\n"
                   "device, after 30 s at most; joining goes on in the background where none could\n"
                   "be reached. What the household signs is still signed on its main device.\n"
                   "\n"
                   "The passphrase is for this device's own key: it opens the clips that\n"
                   "`clip share --with NAME` on the main device brings here, and nothing else. In a\n"
                   "plain file it is as safe as this device's disk.\n"
                   "\n"
                   "Examples:\n"
                   "  porchlight device join --as laptop\n"
                   "  porchlight device join - --as laptop --no-passphrase < code.txt\n"),
        .options = join_options,
        .max_words = 1,
        .run = run_join,
};

/* ---- revoke ---- */

struct finding {
        struct span name;
        unsigned codes, devices; /* whose id begins so */
        bool called;             /* a device has just that name */
};

static bool id_begins(struct span id, struct span digits) {
        return digits.n >= ID_LEAST && text_hex_begins(id, digits);
}

static int row_find(struct cli *c, const struct call_row *row, void *arg) {
        struct finding *f = arg;
        (void)c;
        if (row->number == CONTROL_CODE_ROW)
                f->codes += id_begins(row->m->c_code.id, f->name);
        if (row->number != CONTROL_DEVICE_ROW)
                return 0;
        f->called |= span_eq(row->m->c_device.name, f->name);
        f->devices += id_begins(row->m->c_device.id, f->name);
        return 0;
}

/* Whether @name is that of a code: 0, or an exit code (said). */
static int is_code(struct cli *c, const char *name, bool *ret) {
        struct finding f = {.name = span_str(name)};
        struct wire_c_none none = {0};
        *ret = false;
        if (strspn(name, "0123456789abcdefABCDEF") != strlen(name) || strlen(name) < ID_LEAST)
                return 0;
        int r = cli_ask(c, CONTROL_CODES, &none, row_find, &f);
        if (!r && f.codes)
                r = cli_ask(c, CONTROL_DEVICES, &none, row_find, &f);
        if (r)
                return r;
        if (f.codes && f.devices && !f.called)
                return cli_fail(c, EXIT_NOT_FOUND, "ambiguous", "give more digits of the id",
                                "a device and a device code begin with that");
        *ret = f.codes && !f.called;
        return 0;
}

static int take_back(struct cli *c, const char *id) {
        struct wire_c_name m = {.name = span_str(id)};
        int r = cli_ask(c, CONTROL_CODE_REVOKE, &m, NULL, NULL);
        if (r)
                return r;
        buf_add_str(&c->out,
                    c->json ? "{\"v\":1,\"revoked\":true}\n"
                            : _("Taken back. Homes hear of it from each other; should one that has not heard yet\n"
                                "let a device in all the same, `porchlight status` says so.\n"));
        return 0;
}

static int revoke_device(struct cli *c, const struct args *a, const char *target) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_o_op m = {.type = OP_DEVICE_REVOKE};
        struct wire_o_voted voted;
        WIRE_PUT(&m, O_OP, target, span_str(target));
        int r = owner_sign(c, a, &m, &voted, &store);
        if (r)
                return r;
        if (c->json)
                buf_add_str(&c->out, "{\"v\":1,\"revoked\":true}\n");
        else
                buf_add_str(&c->out, _("Revoked. The others get fresh keys; nothing posted from now on can be read "
                                       "there.\n"));
        return 0;
}

static int run_revoke(struct cli *c, const struct args *a) {
        const char *target = a->words[0];
        bool code;
        if (!*target || strlen(target) > TARGET_MAX)
                return cli_usage(c, "`porchlight device list` shows them", "that is no name and no id of a device");
        int r = is_code(c, target, &code);
        if (r)
                return r;
        return code ? take_back(c, target) : revoke_device(c, a, target);
}

static const struct option revoke_options[] = {OPTION_ROWS_SIGN, OPTION_END};

const struct command command_device_revoke = {
        .group = "device",
        .name = "revoke",
        .synopsis = "D [--yes] [--passphrase-file F]",
        .brief = N_("take a device out of this household, or a device code back"),
        .help = N_("D is the device's name, or 4 letters and digits of its id or more, as\n"
                   "`porchlight device list` shows them. It takes no vote. The device reads nothing\n"
                   "that is posted afterwards; what it had posted stands. Run it on the main device,\n"
                   "which cannot revoke itself.\n"
                   "\n"
                   "The vault says what it is about to sign, and asks; elsewhere than on a terminal\n"
                   "--yes is needed.\n"
                   "\n"
                   "D can also be the id of a code that nobody has used, as `porchlight device\n"
                   "codes` shows it. The code is taken back at once, and nothing is asked: a new one\n"
                   "is made quickly. Homes hear of it from each other.\n"
                   "\nExamples:\n  porchlight device revoke laptop\n  porchlight device revoke 9f3c\n"),
        .options = revoke_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_DEVICE,
        .run = run_revoke,
};
