/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clip export, verify: a clip with its proof in one file, and what that file proves. The second asks no daemon, no vault and
 * no network: whoever is handed a bundle needs this program, or any other that reads PROTOCOL 16 (contrib/verifier).
 */
#include "cli/commands.h"

#include "base/file.h"
#include "base/lang.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/clip_fetch.h"
#include "cli/ledger.h"
#include "cli/options.h"
#include "cli/outfile.h"
#include "cli/owner.h"
#include "cli/progress.h"
#include "proof/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MAX_BYTES 512 /* that the ledger takes */
#define STATE_COLUMNS 13
#define HEX_DIGITS 64
#define READ_BYTES 65536

/* ---- export ---- */

struct exporting {
        struct wire_o_exported row; /* its id is in @id */
        struct hash id;
        struct out_file *file;
        uint64_t done;
};

static int row_exported(struct cli *c, struct span id, const struct wire_o_exported *m, struct exporting *x) {
        if (id.n != sizeof(x->id))
                return cli_fail(c, EXIT_FAILED, "bad-answer", "are the vault and this tool of one version?",
                                "the vault did not tell of the bundle");
        x->row = *m;
        memcpy(x->id.b, id.p, sizeof(x->id));
        x->row.clip = SPAN_OF(x->id.b);
        return 0;
}

static int row_piece(struct cli *c, const struct call_row *row, void *arg) {
        struct exporting *x = arg;
        if (row->number != OWNER_O_PIECE_ROW)
                return 0;
        x->done += row->m->o_piece.bytes.n;
        return outfile_write(c, x->file, row->m->o_piece.bytes);
}

static int fetch(struct cli *c, struct call *owner, struct exporting *x) {
        for (uint64_t i = 0; i < x->row.parts; i++) {
                struct wire_o_chunk m = {.i = i};
                int r = owner_ask(c, owner, OWNER_O_CHUNK, &m, _("writing the bundle"), row_piece, x);
                if (r)
                        return r;
                progress_bar(c, x->done, x->row.size);
        }
        if (x->done == x->row.size)
                return 0;
        return cli_fail(c, EXIT_FAILED, "bad-answer", "try again", "the vault gave only part of the bundle");
}

static void tell_exported(struct cli *c, const struct exporting *x) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        if (c->json) {
                cli_json(c, &wire_o_exported_desc, &x->row);
                return;
        }
        buf_printf(&text,
                   _("%s: the clip and its key, with %llu lines of your ledger, of which %llu are about it and can be "
                     "read. "
                     "Whoever has the file can see the footage: see what it proves with `porchlight verify`."),
                   x->file->path, (unsigned long long)x->row.lines, (unsigned long long)x->row.shown);
        layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
}

static int export_to(struct cli *c, const struct args *a, struct out_file *f, const char *path) {
        _clean_(call_freep) struct call *owner = NULL;
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct exporting x = {.file = f};
        struct wire_o_exported row;
        struct wire_o_export m = {.clip = span_str(a->words[0]), .file = span_str(path)};
        if (lang_tag().n)
                WIRE_PUT(&m, O_EXPORT, language, lang_tag());
        int r = clip_coming_whole(c, a->words[0]);
        if (!r)
                r = owner_consent_on(c, a, OWNER_O_EXPORT, &m, _("Write this? [y/N] "), OWNER_O_EXPORT_ROW,
                                     &wire_o_exported_desc, &row, &store, &owner);
        if (!r)
                r = row_exported(c, row.clip, &row, &x);
        if (!r)
                r = outfile_open(c, f);
        if (!r)
                r = fetch(c, owner, &x);
        if (!r)
                r = outfile_keep(c, f);
        if (!r)
                tell_exported(c, &x);
        return r;
}

static int run_export(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        _clean_(outfile_fini) struct out_file f = OUT_FILE_NULL;
        f.path = args_text(a, OPT_OUTPUT);
        f.force = args_has(a, OPT_FORCE);
        int r = clip_word(c, a->words[0]);
        if (r)
                return r;
        if (!f.path || !*f.path)
                return cli_usage(c, "name the file: -o bicycle.bundle", "-o BUNDLE is missing");
        if (strcmp(f.path, "-") == 0)
                return cli_usage(c, "name a file: the ledger tells of it", "a bundle is not written to stdout");
        outfile_absolute(&path, f.path, PATH_MAX_BYTES);
        if (!text_utf8(buf_span(&path)))
                return cli_usage(c, "name a file whose path is valid UTF-8: the ledger tells of it",
                                 "the path is not valid text");
        r = outfile_look(c, &f);
        return r ? r : export_to(c, a, &f, buf_cstr(&path));
}

static const struct option export_options[] = {
        {OPT_OUTPUT, "output", "BUNDLE", N_("the file to write, also as -o"), OPTION_FILE},
        {OPT_FORCE, "force", NULL, N_("replace a file that is there"), OPTION_FLAG},
        OPTION_ROWS_SIGN,
        OPTION_END,
};

const struct command command_clip_export = {
        .group = "clip",
        .name = "export",
        .synopsis = "ID -o BUNDLE [--force] [--yes]",
        .brief = N_("a clip with its proof in one file, for the police or an insurer"),
        .help = N_("The file has the footage and its key: whoever gets it can see the clip. It also\n"
                   "has what proves where the clip comes from and what became of it: the device's\n"
                   "signature, the operations that certify who signed, your ledger's lines about the\n"
                   "clip, and of its other lines hashes alone. `porchlight verify` says what that\n"
                   "proves, on any computer. Your ledger tells of the export.\n"
                   "Run it on the main device.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight clip export 3f2a91c0 -o bicycle.bundle\n"),
        .options = export_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_export,
};

/* ---- verify ---- */

struct verifying {
        struct cli *c;
        int fd;
        struct out_file *file; /* of the clear clip; NULL: none is wanted */
        uint64_t done, size;
        bool failed; /* writing has, and was said */
        int code;
};

static int read_some(void *arg, uint8_t *p, size_t n, size_t *ret) {
        struct verifying *v = arg;
        for (;;) {
                ssize_t r = read(v->fd, p, MIN(n, (size_t)READ_BYTES));
                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0)
                        return ERR_IO;
                *ret = (size_t)r;
                v->done += *ret;
                progress_bar(v->c, v->done, v->size);
                return 0;
        }
}

static int write_clear(void *arg, struct span plain) {
        struct verifying *v = arg;
        v->code = v->file ? outfile_write(v->c, v->file, plain) : 0;
        v->failed = v->code != 0;
        return v->failed ? ERR_IO : 0;
}

static int bundle_file(struct cli *c, const char *path, struct verifying *v) {
        struct stat st;
        v->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (v->fd < 0 || fstat(v->fd, &st) != 0)
                return cli_fail(c, errno == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED, "cannot-read",
                                "check the path and its rights", "%s: %s", path, strerror(errno));
        if (S_ISDIR(st.st_mode))
                return cli_fail(c, EXIT_FAILED, "cannot-read", "name the file", "%s is a folder", path);
        v->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
        if (!S_ISREG(st.st_mode)) /* a pipe is waited for */
                fcntl(v->fd, F_SETFL, fcntl(v->fd, F_GETFL) & ~O_NONBLOCK);
        return 0;
}

/* Which link is broken, by its number where there are several. */
static int say_broken(struct cli *c, const char *path, const struct proof *p) {
        static const char *const what[PROOF_LINKS] = {
                [PROOF_OPERATION] = N_("operation"),
                [PROOF_RECORD] = N_("record"),
                [PROOF_LINE] = N_("line"),
                [PROOF_CHUNK] = N_("chunk"),
        };
        const char *hint = N_("nothing in it can be relied on; ask for the bundle again");
        if (!what[p->link])
                return cli_fail(c, EXIT_FAILED, proof_names[p->link], hint, "%s: %s", path, _(p->why));
        return cli_fail(c, EXIT_FAILED, proof_names[p->link], hint, "%s: %s %llu: %s", path, _(what[p->link]),
                        (unsigned long long)p->place, _(p->why));
}

static const char *state_word(uint64_t state) {
        switch ((enum wire_e_proven)state) {
        case PROVEN_PROVEN:
                return _("PROVEN");
        case PROVEN_NOT_PROVEN:
                return _("NOT PROVEN");
        case PROVEN_NOT_CLAIMED:
                return _("NOT CLAIMED");
        }
        return "";
}

/* The word stands in a column of its own. */
static int claim_row(void *arg, const struct wire_o_claim *w) {
        _clean_(buf_fini) struct buf shown = BUF_NULL, lines = BUF_NULL;
        struct cli *c = arg;
        if (c->json) {
                cli_json(c, &wire_o_claim_desc, w);
                return 0;
        }
        text_show(&shown, w->text, false);
        layout_wrap(&lines, buf_span(&shown), STATE_COLUMNS, CLI_COLUMNS);
        layout_word(&c->out, state_word(w->state), STATE_COLUMNS);
        buf_add(&c->out, span_from(buf_span(&lines), STATE_COLUMNS));
        return buf_ok(&c->out) ? 0 : ERR_NOMEM;
}

/* The lines of the ledger that are shown, as `ledger list` has them. */
static void custody_rows(struct cli *c, const struct custody *k) {
        struct wire_reader r = wire_reader(buf_span(&k->rows));
        struct wire_o_entry row;
        struct span raw;
        bool any = false;
        while (!wire_reader_end(&r) && codec_read(&wire_o_entry_desc, &r, &row, &raw, NULL) == 0) {
                if (c->json) {
                        cli_json(c, &wire_o_entry_desc, &row);
                        continue;
                }
                if (!any)
                        buf_add_u8(&c->out, '\n');
                ledger_entry_line(c, &row, NULL, !any); /* names are what the owner says */
                any = true;
        }
}

static int parse_mesh(struct cli *c, const struct args *a, struct hash *ret, bool *ret_given) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        const char *text = args_text(a, OPT_MESH);
        *ret_given = text;
        if (!text)
                return 0;
        if (strlen(text) != HEX_DIGITS || !text_unhex(&id, span_str(text)))
                return cli_usage(c, "`porchlight mesh show` prints it: 64 letters and digits", "--mesh is no mesh id");
        memcpy(ret->b, id.p, sizeof(*ret));
        return 0;
}

static int read_whole(struct cli *c, const struct args *a, struct verifying *v, struct proof *p) {
        uint64_t seed[4];
        struct bundle_in in = {.read = read_some, .arg = v};
        const struct proof_out out = {.clear = v->file ? write_clear : NULL, .arg = v};
        if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
                return cli_fail(c, EXIT_FAILED, "no-randomness", "try again", "the system gives no random numbers");
        int r = proof_read(p, &in, &out, seed);
        progress_bar(c, 0, 0);
        if (r > 0)
                return say_broken(c, a->words[0], p);
        if (v->failed)
                return v->code;
        return r ? cli_fail(c, EXIT_FAILED, r == ERR_NOMEM ? "no-memory" : "cannot-read",
                            "look at the disk, then try again", "%s: %s", a->words[0], err_text(r))
                 : 0;
}

static int tell_proof(struct cli *c, const struct proof *p, const struct hash *mesh) {
        if (proof_claims(p, mesh, !c->json, claim_row, c))
                return cli_fail(c, EXIT_FAILED, "no-memory", "close something, then try again", "out of memory");
        custody_rows(c, &p->custody);
        return 0;
}

static int verify(struct cli *c, const struct args *a, struct verifying *v, struct proof *p) {
        struct hash mesh;
        bool given;
        int r = parse_mesh(c, a, &mesh, &given);
        if (!r && v->file)
                r = outfile_look(c, v->file);
        if (!r)
                r = bundle_file(c, a->words[0], v);
        if (!r && v->file)
                r = outfile_open(c, v->file);
        if (!r)
                r = read_whole(c, a, v, p);
        if (!r && given && !hash_eq(&mesh, &p->mesh))
                r = cli_fail(c, EXIT_REFUSED, "bundle-other-mesh", "look where the id you gave comes from",
                             "%s is about another mesh than the one you named", a->words[0]);
        if (!r && v->file)
                r = outfile_keep(c, v->file);
        return r ? r : tell_proof(c, p, given ? &mesh : NULL);
}

static int run_verify(struct cli *c, const struct args *a) {
        _clean_(outfile_fini) struct out_file f = OUT_FILE_NULL;
        _clean_(file_close) int fd = -1;
        _clean_(proof_fini) struct proof p = {0};
        struct verifying v = {.c = c, .fd = -1};
        f.path = args_text(a, OPT_EXTRACT);
        f.force = args_has(a, OPT_FORCE);
        if (f.path)
                v.file = &f;
        int r = verify(c, a, &v, &p);
        fd = v.fd;
        return r;
}

static const struct option verify_options[] = {
        {OPT_MESH, "mesh", "ID", N_("the mesh id that the bundle has to be of"), OPTION_TEXT},
        {OPT_EXTRACT, "extract", "FILE", N_("write the clip, in the clear"), OPTION_FILE},
        {OPT_FORCE, "force", NULL, N_("replace a file that is there"), OPTION_FLAG},
        OPTION_END,
};

const struct command command_verify = {
        .name = "verify",
        .synopsis = "BUNDLE|- [--mesh ID] [--extract FILE]",
        .brief = N_("say what a bundle of evidence proves, without a daemon"),
        .help = N_("Reads a file that `porchlight clip export` wrote, with no daemon and no network,\n"
                   "and says of each claim whether it is PROVEN, NOT PROVEN, or NOT CLAIMED because\n"
                   "no bundle can prove it. Ends with 0 if nothing in it is broken; else with an\n"
                   "error that names the broken link. Compare the mesh id with what a neighbour's\n"
                   "`porchlight mesh show` prints, or give it with --mesh.\n"
                   "\n"
                   "Examples:\n"
                   "  porchlight verify bicycle.bundle\n"
                   "  porchlight verify bicycle.bundle --extract bicycle.mp4\n"),
        .options = verify_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_FILE,
        .run = run_verify,
};
