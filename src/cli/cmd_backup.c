/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup, restore: this home in one file. The vault seals the file and opens it; what passes through here is ciphertext.
 * A backup stands under its name whole or not at all: it is written beside it, made durable, and then renamed.
 */
#include "cli/commands.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/found.h"
#include "cli/options.h"
#include "cli/outfile.h"
#include "cli/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES 3072                  /* of O_GIVE in proto/owner.def */
#define FILE_BYTES_MAX (80 * 1024 * 1024) /* as in vault/backup.h */
#define TRIES 3                           /* at typing a passphrase */

/* ---- backup ---- */

/* clang-format off */
static const struct option backup_options[] = {
        {OPT_PASSPHRASE_FILE, "passphrase-file", "FILE", N_("its first line locks the backup; - reads stdin"), OPTION_FILE},
        {OPT_KEY_PASSPHRASE_FILE, "key-passphrase-file", "FILE", N_("its first line opens the household's key; the backup's own if absent"), OPTION_FILE},
        {OPT_FORCE, "force", NULL, N_("write over FILE"), OPTION_FLAG},
        OPTION_END,
};
static const struct option restore_options[] = {
        {OPT_PASSPHRASE_FILE, "passphrase-file", "FILE", N_("its first line opens the backup; - reads stdin"), OPTION_FILE},
        OPTION_END,
};
/* clang-format on */

static const char why_twice[] =
        N_("The passphrase locks this backup, which holds the key of your household. Nobody can\n"
           "open it without, and nobody can recover it. Take at least 8 characters; four words\n"
           "are better. It may be the one that locks the household's key.\n");

/* The key's own passphrase, where it is locked: typed, out of its file, or the backup's own for a script. */
static int key_passphrase(struct cli *c, const struct args *a, const struct wire_o_state *s, struct passphrase *ret) {
        bool script = !(c->in_tty && c->err_tty);
        if (!s->passphrase || s->unlocked || (script && !args_has(a, OPT_KEY_PASSPHRASE_FILE)))
                return 0;
        return passphrase_read(c, a, OPT_KEY_PASSPHRASE_FILE, _("Passphrase of the household's key: "), ret);
}

struct fetched {
        struct wire_o_backup_row row; /* its spans are in @names */
        struct buf names;
        struct out_file *file;
        uint64_t at;
        int exit;
};

static int row_backup(struct cli *c, const struct call_row *row, void *arg) {
        struct fetched *f = arg;
        (void)c;
        if (row->number != OWNER_O_BACKUP_ROW)
                return 0;
        f->row = row->m->o_backup_row;
        buf_add(&f->names, f->row.household);
        buf_add(&f->names, f->row.mesh);
        if (!buf_ok(&f->names))
                return EXIT_FAILED;
        f->row.household = span_of(f->names.p, f->row.household.n);
        f->row.mesh = span_of(f->names.p + f->row.household.n, f->row.mesh.n);
        return 0;
}

static int row_piece(struct cli *c, const struct call_row *row, void *arg) {
        struct fetched *f = arg;
        if (row->number != OWNER_O_PIECE_ROW)
                return 0;
        f->at += row->m->o_piece.bytes.n;
        return outfile_write(c, f->file, row->m->o_piece.bytes);
}

static void show_percent(const struct cli *c, const char *doing, uint64_t done, uint64_t all) {
        if (c->err_tty && !c->json && all > FRAME_MAX)
                fprintf(stderr, "\r%s … %u %%%s", doing, (unsigned)(done * 100 / all), done == all ? "\r\033[K" : "");
}

static int fetch(struct cli *c, struct call *owner, struct fetched *f) {
        while (f->at < f->row.bytes) {
                struct wire_o_fetch m = {.at = f->at};
                int r = owner_ask(c, owner, OWNER_O_FETCH, &m, _("fetching the backup"), row_piece, f);
                if (r)
                        return r;
                if (f->at == m.at)
                        return cli_fail(c, EXIT_FAILED, "bad-answer", "try again", "the vault gave only part of it");
                show_percent(c, _("Writing the backup"), f->at, f->row.bytes);
        }
        return 0;
}

static void tell_backup(struct cli *c, const struct out_file *f, struct fetched *got) {
        if (c->json) {
                WIRE_PUT(&got->row, O_BACKUP_ROW, file, span_str(f->path));
                cli_json(c, &wire_o_backup_row_desc, &got->row);
                return;
        }
        buf_add_str(&c->out, _("Backup of "));
        text_show(&c->out, got->row.household, false);
        buf_add_str(&c->out, " (");
        text_show(&c->out, got->row.mesh, false);
        buf_printf(&c->out, _("), %llu bytes: "), (unsigned long long)got->row.bytes);
        text_show(&c->out, span_str(f->path), false);
        if (WIRE_HAS(&got->row, O_BACKUP_ROW, lines))
                buf_printf(&c->out, _("\nLines of your ledger in it: %llu."), (unsigned long long)got->row.lines);
        else
                buf_add_str(&c->out,
                            _("\nYour ledger is not in it, since it is damaged or longer than 24 MiB: keep what\n"
                              "`porchlight ledger list --json` prints, and see `porchlight ledger verify`."));
        buf_add_str(&c->out, _("\nKeep it away from this computer. Without its passphrase nobody can open it.\n"));
}

static int make_backup(struct cli *c, struct call *owner, const struct wire_o_backup *m, struct out_file *f) {
        struct wire_c_none none = {0};
        struct fetched got = {.file = f};
        int r = owner_ask(c, owner, OWNER_O_BACKUP, m, _("sealing the backup"), row_backup, &got);
        if (!r && !got.row.v)
                r = cli_fail(c, EXIT_FAILED, "bad-answer", "are the vault and this tool of one version?",
                             "the vault did not tell what became of the backup");
        if (!r)
                r = outfile_open(c, f);
        if (!r)
                r = fetch(c, owner, &got);
        if (!r)
                r = outfile_keep(c, f);
        if (!r)
                r = owner_ask(c, owner, OWNER_O_KEPT, &none, _("telling the vault"), NULL, NULL);
        if (!r)
                tell_backup(c, f, &got);
        buf_fini(&got.names);
        return r;
}

static int run_backup(struct cli *c, const struct args *a) {
        _clean_(passphrase_fini) struct passphrase pass = {0}, key = {0};
        _clean_(call_freep) struct call *owner = NULL;
        _clean_(outfile_fini) struct out_file f = OUT_FILE_NULL;
        struct wire_o_state state;
        struct wire_o_backup m = {0};
        f.path = a->words[0];
        f.force = args_has(a, OPT_FORCE);
        int r = outfile_look(c, &f);
        if (r || (r = owner_open(c, &owner)) || (r = owner_state(c, owner, &state)))
                return r;
        r = key_passphrase(c, a, &state, &key);
        if (!r)
                r = passphrase_new_for(c, a, OPT_PASSPHRASE_FILE, why_twice, &pass);
        if (r)
                return r;
        m.passphrase = buf_span(&pass.text);
        if (state.passphrase && !state.unlocked)
                WIRE_PUT(&m, O_BACKUP, key_passphrase, buf_span(key.text.n ? &key.text : &pass.text));
        return make_backup(c, owner, &m, &f);
}

const struct command command_backup = {
        .name = "backup",
        .synopsis = "FILE [--passphrase-file F] [--key-passphrase-file F] [--force]",
        .brief = N_("write this home into one encrypted file"),
        .help = N_("The household's key, who the members are, how to find neighbours again, and your\n"
                   "ledger; no clips, and no alerts, which neighbours have. The file is locked with\n"
                   "a passphrase of its own, written whole or not at all, and never over another\n"
                   "one without --force. Make a new one now and then: an old one lacks the latest\n"
                   "lines of the ledger, and addresses may be out of date.\n"
                   "\n"
                   "Examples:\n"
                   "  porchlight backup /media/stick/porchlight.backup\n"
                   "  porchlight backup home.backup --force --passphrase-file ~/.backup-passphrase\n"),
        .options = backup_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_FILE,
        .run = run_backup,
};

/* ---- restore ---- */

static int cannot_read(struct cli *c, const char *path, int why) {
        return cli_fail(c, why == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED, "cannot-read", "check the path and its rights",
                        "%s: %s", path, strerror(why));
}

static int in_open(struct cli *c, const char *path, int *ret_fd, uint64_t *ret_bytes) {
        struct stat st;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return cannot_read(c, path, errno);
        *ret_fd = fd;
        if (fstat(fd, &st) != 0)
                return cannot_read(c, path, errno);
        if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > FILE_BYTES_MAX)
                return cli_fail(c, EXIT_FAILED, "backup-not",
                                "nothing was changed; name the file that `porchlight backup` wrote",
                                "%s is not a Porchlight backup", path);
        *ret_bytes = (uint64_t)st.st_size;
        return 0;
}

static int give(struct cli *c, struct call *owner, const char *path, int fd, uint64_t bytes) {
        uint8_t piece[PIECE_BYTES];
        for (uint64_t at = 0;;) {
                ssize_t n = read(fd, piece, sizeof(piece));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return cannot_read(c, path, errno);
                if (n == 0)
                        return 0;
                struct wire_o_piece m = {.bytes = span_of(piece, (size_t)n)};
                int r = owner_ask(c, owner, OWNER_O_GIVE, &m, _("reading the backup"), NULL, NULL);
                if (r)
                        return r;
                at += (uint64_t)n;
                show_percent(c, _("Reading the backup"), MIN(at, bytes), bytes);
        }
}

/* A wrong passphrase leaves the file with the vault: a person may type it again. */
static int restore(struct cli *c, const struct args *a, struct call *owner) {
        int r = 0;
        for (int tries = args_has(a, OPT_PASSPHRASE_FILE) ? 1 : TRIES; tries > 0; tries--) {
                _clean_(passphrase_fini) struct passphrase pass = {0};
                struct wire_o_restore m = {0};
                r = passphrase_read(c, a, OPT_PASSPHRASE_FILE, _("Passphrase of the backup: "), &pass);
                if (r)
                        return r;
                m.passphrase = buf_span(&pass.text);
                r = owner_ask(c, owner, OWNER_O_RESTORE, &m, _("waiting for a neighbour"), NULL, NULL);
                if (r != EXIT_LOCKED)
                        return r;
        }
        return r;
}

static int run_restore(struct cli *c, const struct args *a) {
        _clean_(call_freep) struct call *owner = NULL;
        _clean_(file_close) int fd = -1;
        struct wire_o_state state;
        uint64_t bytes;
        int r = in_open(c, a->words[0], &fd, &bytes);
        if (r || (r = owner_open(c, &owner)) || (r = owner_state(c, owner, &state)))
                return r;
        if (state.has_household)
                return cli_fail(c, EXIT_REFUSED, "household-exists",
                                "restore into a folder without one: start the daemon with another --data DIR",
                                "there is a household here already; a backup does not go over it");
        r = give(c, owner, a->words[0], fd, bytes);
        if (!r)
                r = restore(c, a, owner);
        return r ? r
                 : found_done(c, _("Restored"),
                              _("What happened meanwhile comes in from neighbours: `porchlight nearby`."));
}

const struct command command_restore = {
        .name = "restore",
        .synopsis = "FILE [--passphrase-file F]",
        .brief = N_("bring this home back from a backup"),
        .help = N_("Into the folder of a fresh daemon, on this computer or another one. The home\n"
                   "greets one neighbour, takes its operations, and puts this device in the place of\n"
                   "the one the backup was made on, which can post and read nothing from then on.\n"
                   "Returns when that is done, after 30 s at most; where no neighbour could be\n"
                   "reached it goes on in the background, also after a restart: see `porchlight\n"
                   "status`. No clip is in a backup, and of what was granted before nothing more is\n"
                   "released: the ledger tells of it. The household's key is locked with the\n"
                   "backup's passphrase afterwards; `porchlight vault passphrase` changes it.\n"
                   "\n"
                   "Examples:\n"
                   "  porchlight restore /media/stick/porchlight.backup\n"
                   "  porchlight restore home.backup --passphrase-file ~/.backup-passphrase\n"),
        .options = restore_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_FILE,
        .run = run_restore,
};
