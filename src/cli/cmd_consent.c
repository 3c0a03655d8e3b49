/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clip share, get, who-can-read, destroy: what the owner decides about footage. The vault says in its own words what it is
 * about to do, writes it into its ledger, and opens keys; what passes through here of a clip is what its owner reads.
 */
#include "cli/clips.h"

#include "base/lang.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/clip_fetch.h"
#include "cli/given.h"
#include "cli/ledger.h"
#include "cli/options.h"
#include "cli/outfile.h"
#include "cli/owner.h"
#include "cli/progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLIP_LEAST 4 /* digits of an id */
#define CLIP_MOST 64
#define WITH_MAX 64
#define PURPOSE_MAX 200
#define COPY_MAX 512 /* bytes of a path that the ledger takes */
#define LIFE_MAX 31536000
#define WHO_COLUMNS 28
#define WHAT_COLUMNS 14
#define STATE_COLUMNS 12

int clip_word(struct cli *c, const char *id) {
        size_t n = strlen(id);
        if (n >= CLIP_LEAST && n <= CLIP_MOST && strspn(id, "0123456789abcdefABCDEF") == n)
                return 0;
        return cli_usage(c, "give at least 4 of its letters and digits", "\"%.64s\" is not the id of a clip or grant",
                         id);
}

int ledger_consent(struct cli *c, const struct args *a, unsigned request, const char *question, const char *done) {
        struct wire_o_about m = {.id = span_str(a->words[0])};
        int r = clip_word(c, a->words[0]);
        if (r)
                return r;
        if (lang_tag().n)
                WIRE_PUT(&m, O_ABOUT, language, lang_tag());
        r = owner_consent(c, a, request, &m, question, 0, NULL, NULL, NULL);
        if (!r && !c->json)
                buf_add_str(&c->out, done);
        return r;
}

/* ---- share ---- */

static int put_with(struct cli *c, const struct args *a, struct wire_o_grant *m) {
        const char *with = args_text(a, OPT_WITH);
        if (!with || !*with)
                return cli_usage(c, "name a household, one of your devices, or all", "--with is missing");
        if (strlen(with) > WITH_MAX)
                return cli_usage(c, "shorten it", "--with is longer than %d bytes", WITH_MAX);
        if (strcmp(with, "all") != 0)
                WIRE_PUT(m, O_GRANT, to, span_str(with));
        return 0;
}

int grant_purpose(struct cli *c, const struct args *a, struct wire_o_grant *m) {
        const char *purpose = args_text(a, OPT_PURPOSE);
        if (!purpose || !*purpose)
                return cli_usage(c, "say what for: the recipient signs it", "--purpose TEXT is missing");
        if (strlen(purpose) > PURPOSE_MAX)
                return cli_usage(c, "shorten it", "--purpose is longer than %d bytes", PURPOSE_MAX);
        m->purpose = span_str(purpose);
        return 0;
}

static void tell_shared(struct cli *c, const struct wire_o_shared *s) {
        _clean_(buf_fini) struct buf text = BUF_NULL, until = BUF_NULL;
        when_local(&until, s->expires, c->now);
        if (WIRE_HAS(s, O_SHARED, grant)) {
                buf_add_str(&text, _("granted: "));
                layout_id(&text, s->grant);
        } else {
                buf_add_str(&text, _("granted to "));
                layout_count(&text, s->grants, "household", "households");
        }
        buf_printf(&text, _(", until %s; the key leaves when the terms are signed"), buf_cstr(&until));
        layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
}

int grant_make(struct cli *c, const struct args *a, struct wire_o_grant *m) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_o_shared shared;
        if (lang_tag().n)
                WIRE_PUT(m, O_GRANT, language, lang_tag());
        int r = owner_consent(c, a, OWNER_O_GRANT, m, _("Grant this? [y/N] "), OWNER_O_SHARED_ROW, &wire_o_shared_desc,
                              &shared, &store);
        if (r)
                return r;
        if (c->json)
                cli_json(c, &wire_o_shared_desc, &shared);
        else
                tell_shared(c, &shared);
        return 0;
}

static int run_share(struct cli *c, const struct args *a) {
        struct wire_o_grant m = {.clip = span_str(a->words[0])};
        const struct option_value *v = args_get(a, OPT_EXPIRES);
        int r = clip_word(c, a->words[0]);
        if (!r)
                r = put_with(c, a, &m);
        if (!r)
                r = grant_purpose(c, a, &m);
        if (r)
                return r;
        if (v)
                WIRE_PUT(&m, O_GRANT, expires_in, v->n);
        return grant_make(c, a, &m);
}

static const struct option share_options[] = {
        {OPT_WITH, "with", "H", N_("a household, one of your devices, or all"), OPTION_TEXT},
        {OPT_PURPOSE, "purpose", "TEXT", N_("what for, at most 200 bytes; the recipient signs it"), OPTION_TEXT},
        {OPT_EXPIRES, "expires", "D", N_("until when, from now: 12h, 30d; 7d if absent"), OPTION_DURATION, NULL,
         EXPIRES_MIN, LIFE_MAX},
        OPTION_ROWS_SIGN,
        OPTION_END,
};

const struct command command_clip_share = {
        .group = "clip",
        .name = "share",
        .synopsis = "ID --with H|all --purpose TEXT [--expires 7d] [--yes]",
        .brief = N_("let a household, or a device of yours, open a clip"),
        .help = N_("Writes a grant into your ledger, for one clip and one recipient: H is a\n"
                   "household, or a device of your own; all makes a grant for each household that is\n"
                   "in the mesh now. The recipient gets the key when it has signed your terms: the\n"
                   "purpose, the end, and not to pass it on. Nobody can make them forget what they\n"
                   "saw. `porchlight grant revoke` takes back a key that has not left yet.\n"
                   "\n"
                   "A device of yours is asked nothing: `porchlight clip get` there opens the clip,\n"
                   "also while this one is off. Run it on the main device.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight clip share 3f2a91c0 --with Miller --purpose \"the stolen bicycle\"\n"
                       "  porchlight clip share 3f2a91c0 --with laptop --purpose \"to look at it\"\n"),
        .options = share_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_share,
};

/* ---- get ---- */

struct getting {
        struct wire_o_reading row; /* its id is in @id */
        struct hash id;
        struct out_file *file; /* NULL: a descriptor */
        int fd;
        uint64_t done;
        struct clip_coming coming; /* of another home's that is on its way */
};

static int row_reading(struct cli *c, const struct call_row *row, void *arg) {
        struct getting *g = arg;
        (void)c;
        if (row->number != OWNER_O_READING_ROW)
                return 0;
        g->row = row->m->o_reading;
        memcpy(g->id.b, g->row.clip.p, sizeof(g->id));
        g->row.clip = SPAN_OF(g->id.b);
        return 0;
}

static int interrupted(struct cli *c) {
        return cli_fail(c, EXIT_FAILED, "interrupted", "the same command begins again",
                        "a part of the clip is missing");
}

static int write_out(struct cli *c, int fd, struct span s) {
        while (s.n) {
                if (stop_wanted())
                        return interrupted(c);
                ssize_t n = write(fd, s.p, s.n);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return cli_fail(c, EXIT_FAILED, "cannot-write",
                                        "what reads the clip has gone, or its disk is full", "stdout: %s",
                                        strerror(errno));
                s = span_from(s, (size_t)n);
        }
        return 0;
}

static int row_bytes(struct cli *c, const struct call_row *row, void *arg) {
        struct getting *g = arg;
        if (row->number != OWNER_O_PIECE_ROW)
                return 0;
        g->done += row->m->o_piece.bytes.n;
        return g->file ? outfile_write(c, g->file, row->m->o_piece.bytes) : write_out(c, g->fd, row->m->o_piece.bytes);
}

static int fetch(struct cli *c, struct call *owner, struct getting *g) {
        for (uint64_t i = 0; i < g->row.chunks; i++) {
                struct wire_o_chunk m = {.i = i};
                int r = clip_coming_wait(c, &g->coming, i + 1);
                if (!r && stop_wanted())
                        r = interrupted(c);
                if (!r)
                        r = owner_ask(c, owner, OWNER_O_CHUNK, &m, _("opening the clip"), row_bytes, g);
                if (r)
                        return r;
                if (!g->coming.daemon)
                        progress_bar(c, g->done, g->row.size);
        }
        if (g->done == g->row.size)
                return 0;
        return cli_fail(c, EXIT_FAILED, "bad-answer", "try again", "the vault gave only part of the clip");
}

static int begin(struct cli *c, const struct args *a, struct call *owner, const char *id, const char *copy,
                 struct getting *g) {
        _clean_(passphrase_fini) struct passphrase pass = {0};
        struct wire_o_state state;
        struct wire_o_read m = {.clip = span_str(id)};
        int r = owner_state(c, owner, &state);
        if (!r && state.passphrase && !state.unlocked)
                r = passphrase_get(c, a, _("Passphrase: "), &pass);
        if (r)
                return r;
        if (pass.text.n)
                WIRE_PUT(&m, O_READ, passphrase, buf_span(&pass.text));
        if (copy && text_utf8(span_str(copy)))
                WIRE_PUT(&m, O_READ, copy, span_str(copy));
        r = owner_ask(c, owner, OWNER_O_READ, &m, _("asking the vault"), row_reading, g);
        if (!r && !g->row.v)
                r = cli_fail(c, EXIT_FAILED, "bad-answer", "are the vault and this tool of one version?",
                             "the vault did not tell of the clip");
        return r;
}

/* A clip that still comes may take hours: the vault is called when it is here. */
static int get_file(struct cli *c, const struct args *a, struct call **owner, const char *id, const char *path,
                    struct getting *g) {
        _clean_(buf_fini) struct buf copy = BUF_NULL;
        _clean_(outfile_fini) struct out_file f = OUT_FILE_NULL;
        f.path = path;
        f.force = true; /* the new one takes the old one's place when it is whole */
        g->file = &f;
        outfile_absolute(&copy, f.path, COPY_MAX); /* for the ledger: where a clear copy is */
        int r = outfile_look(c, &f);
        if (!r)
                r = clip_coming_begin(c, id, false, &g->coming);
        if (!r)
                r = clip_coming_wait(c, &g->coming, UINT64_MAX); /* the ledger tells of a reading when there is one */
        if (!r && !*owner)
                r = owner_open(c, owner);
        if (!r)
                r = begin(c, a, *owner, id, buf_cstr(&copy), g);
        if (!r)
                r = outfile_open(c, &f);
        if (!r)
                r = fetch(c, *owner, g);
        return r ? r : outfile_keep(c, &f);
}

int clip_get_file(struct cli *c, const struct args *a, struct call *owner, const char *id, const char *path) {
        struct getting g = {0};
        int r = get_file(c, a, &owner, id, path, &g);
        clip_coming_fini(&g.coming);
        return r;
}

int clip_get_fd(struct cli *c, const struct args *a, struct call *owner, const char *id, int fd) {
        struct getting g = {.fd = fd};
        int r = begin(c, a, owner, id, NULL, &g);
        return r ? r : fetch(c, owner, &g);
}

static int tell_file(struct cli *c, const char *path, struct getting *g) {
        if (c->json)
                cli_json(c, &wire_o_reading_desc, &g->row);
        else
                cli_note(c, "%s: %llu bytes, in the clear; the ledger says so", path, (unsigned long long)g->done);
        return 0;
}

/* In order, while it comes. */
static int get_stream(struct cli *c, const struct args *a, struct call **owner, struct getting *g) {
        int r = clip_coming_begin(c, a->words[0], true, &g->coming);
        if (!r)
                r = clip_coming_wait(c, &g->coming, 1); /* and with it the list that it is checked by */
        if (!r)
                r = owner_open(c, owner);
        if (!r)
                r = begin(c, a, *owner, a->words[0], NULL, g);
        return r ? r : fetch(c, *owner, g);
}

static int run_get(struct cli *c, const struct args *a) {
        _clean_(call_freep) struct call *owner = NULL;
        const char *to = args_text(a, OPT_OUTPUT);
        struct getting g = {.fd = STDOUT_FILENO};
        int r = clip_word(c, a->words[0]);
        if (r)
                return r;
        if (args_has(a, OPT_CANCEL))
                return clip_coming_cancel(c, a->words[0]);
        if (!to || !*to)
                return cli_usage(c, "-o FILE, or -o - for stdout", "where it is to go is missing");
        if (strcmp(to, "-") == 0 && c->out_tty)
                return cli_usage(c, "send it into a file or a player: -o - | mpv -",
                                 "a clip is nothing for a terminal");
        bool stream = strcmp(to, "-") == 0;
        r = given_take(c, a, a->words[0], stream);
        if (r)
                return r;
        r = stream ? get_stream(c, a, &owner, &g) : get_file(c, a, &owner, a->words[0], to, &g);
        if (!r && !stream)
                r = tell_file(c, to, &g);
        clip_coming_fini(&g.coming);
        return r;
}

static const struct option get_options[] = {
        {OPT_OUTPUT, "output", "FILE", N_("where to, also as -o; - is stdout"), OPTION_FILE},
        {OPT_CANCEL, "cancel", NULL, N_("call it off: remove what has come of another home's"), OPTION_FLAG},
        OPTION_ROW_PASSPHRASE_FILE,
        OPTION_END,
};

const struct command command_clip_get = {
        .group = "clip",
        .name = "get",
        .synopsis = "ID -o FILE|- [--passphrase-file F] | ID --cancel",
        .brief = N_("open a clip of this home, or one that was granted to it"),
        .help = N_("A clip that another home granted: its terms are shown, and to get it is to\n"
                   "accept them; then its key is waited for, up to a minute, and comes later by\n"
                   "itself. Key and bytes are deleted here when the grant's time is over.\n"
                   "\n"
                   "Each chunk is checked before anything of it comes out. FILE is replaced when the\n"
                   "clip is whole; - streams, so that a player can be piped. Your ledger tells of\n"
                   "each reading, and of the file. Run it on the main device. On another one it\n"
                   "opens what `clip share --with` the name of that device has brought there.\n"
                   "\n"
                   "A clip of another home comes from whoever has it, and goes on coming by itself\n"
                   "when you interrupt this, or when its owner is away for a while. With - it can be\n"
                   "watched while it comes. --json tells on stderr how it comes along.\n"),
        .examples = N_("  porchlight clip get 3f2a91c0 -o bicycle.mp4\n"
                       "  porchlight clip get 3f2a91c0 -o - | mpv -\n"),
        .options = get_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_get,
};

/* ---- who-can-read ---- */

static const char *holder(const struct wire_o_key *k) {
        switch ((enum wire_e_holder)k->what) {
        case HOLDER_HOME:
                return _("this home");
        case HOLDER_HOUSEHOLD:
                return _("household");
        case HOLDER_DEVICE:
                return _("own device");
        case HOLDER_COPY:
                return _("clear copy");
        case HOLDER_READING:
                return _("read here");
        }
        return "";
}

/* Its key is, or was, on another device of this household. */
static bool is_there(const struct wire_o_key *k) {
        return k->what == HOLDER_DEVICE && WIRE_HAS(k, O_KEY, state) && k->state != GRANTED_OPEN;
}

static void who_line(struct cli *c, const struct wire_o_key *k) {
        layout_word(&c->out, holder(k), WHAT_COLUMNS);
        if (WIRE_HAS(k, O_KEY, name))
                layout_cell(&c->out, k->name, WHO_COLUMNS);
        else
                layout_word(&c->out, "", WHO_COLUMNS);
        buf_add_str(&c->out, "  ");
        if (WIRE_HAS(k, O_KEY, state)) {
                _clean_(buf_fini) struct buf state = BUF_NULL;
                layout_enum(&state, &wire_granted_enum, k->state);
                layout_cell(&c->out, buf_span(&state), STATE_COLUMNS);
        } else {
                layout_word(&c->out, "", STATE_COLUMNS);
        }
        if (WIRE_HAS(k, O_KEY, time))
                when_local(&c->out, k->time, c->now);
        layout_trim(&c->out);
        buf_add_u8(&c->out, '\n');
        if (WIRE_HAS(k, O_KEY, state) && k->state == GRANTED_REVOKED)
                buf_add_str(&c->out, _("          taken back after the key had left: it may have kept it\n"));
        if (is_there(k))
                buf_add_str(&c->out, _("          what is read there stands in the ledger of that device alone\n"));
}

static int row_key(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg;
        if (row->number != OWNER_O_KEY_ROW)
                return 0;
        *any = true;
        if (c->json)
                return cli_row_json(c, row, NULL);
        who_line(c, &row->m->o_key);
        return cli_flush(c);
}

struct sources {
        const char *id;
        bool *any;
};

/* The file it was taken from, if that is still what it was. */
static int row_source(struct cli *c, const struct call_row *row, void *arg) {
        const struct sources *s = arg;
        if (row->number != CONTROL_SOURCE_ROW || !text_hex_begins(row->m->c_source.clip, span_str(s->id)) ||
            !clips_source_there(&row->m->c_source))
                return 0;
        struct wire_o_key k = {.v = 1, .what = HOLDER_COPY};
        WIRE_PUT(&k, O_KEY, name, row->m->c_source.path);
        *s->any = true;
        if (c->json)
                cli_json(c, &wire_o_key_desc, &k);
        else
                who_line(c, &k);
        return cli_flush(c);
}

static int run_who(struct cli *c, const struct args *a) {
        _clean_(call_freep) struct call *owner = NULL;
        struct wire_o_about m = {.id = span_str(a->words[0])};
        struct wire_c_none none = {0};
        bool any = false;
        struct sources sources = {a->words[0], &any};
        int r = clip_word(c, a->words[0]);
        if (r || (r = owner_open(c, &owner)))
                return r;
        r = owner_ask(c, owner, OWNER_O_WHO, &m, _("asking the vault"), row_key, &any);
        if (!r)
                r = cli_ask(c, CONTROL_CLIP_SOURCES, &none, row_source, &sources);
        if (!r && !any && !c->json)
                buf_add_str(&c->out, _("Nobody: no key of it is left here, and none has left.\n"));
        return r;
}

const struct command command_clip_who_can_read = {
        .group = "clip",
        .name = "who-can-read",
        .synopsis = "ID",
        .brief = N_("every key of a clip that there is, and clear copies made here"),
        .help = N_("This home's own key, each household and device with a grant whose key has left\n"
                   "or still may, each file a clear copy was written to, and the file the clip was\n"
                   "taken from where that is still there. What others do with what they have opened,\n"
                   "nobody can list; what is read on a device of yours stands in the ledger there.\n"
                   "Run it on the main device.\n"),
        .examples = N_("  porchlight clip who-can-read 3f2a91c0\n"),
        .min_words = 1,
        .max_words = 1,
        .run = run_who,
};

/* ---- destroy ---- */

static int run_destroy(struct cli *c, const struct args *a) {
        return ledger_consent(c, a, OWNER_O_DESTROY, _("Destroy it? [y/N] "),
                              _("destroyed; the ledger keeps its lines\n"));
}

static const struct option destroy_options[] = {OPTION_ROWS_SIGN, OPTION_END};

const struct command command_clip_destroy = {
        .group = "clip",
        .name = "destroy",
        .synopsis = "ID [--yes] [--passphrase-file F]",
        .brief = N_("remove a clip of this home and its key, for good"),
        .help = N_("Key and bytes are gone from this home, and wrapped keys that have not left.\n"
                   "What you shared with devices of your own is taken back from them, which takes\n"
                   "the household's key. What other homes were given they keep; clear copies in\n"
                   "files stay where they are: `porchlight clip who-can-read` lists them. Run it on\n"
                   "the main device.\n"),
        .examples = N_("  porchlight clip destroy 3f2a91c0\n"),
        .options = destroy_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_destroy,
};
