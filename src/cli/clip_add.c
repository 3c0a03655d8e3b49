/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clip add: porchlight-ingest reads the file, as the user who may, and locks it; what it writes is passed on to the daemon,
 * chunk by chunk. This program sees ciphertext, and the daemon sees no more than this program does.
 */
#include "cli/clips.h"

#include "base/file.h"
#include "base/helper.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/options.h"
#include "cli/place.h"
#include "clip/intake.h"
#include "crypto/chunk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "porchlight-ingest"
#define READ_AT_ONCE (64 * 1024)
#define SOURCE_MAX 512                                     /* bytes of a path, as in proto/control.def */
#define CAMERA_MAX 64                                      /* bytes, as in proto/control.def */
#define SIZE_MAX_CLIP ((uint64_t)CHUNKS_MAX * CHUNK_PLAIN) /* 4 GiB */
#define PROGRESS_LEAST (8 * 1024 * 1024)                   /* bytes: less is there before anybody has read it */

extern char **environ;

struct adding {
        const struct clip_wish *wish;
        bool regular;
        uint64_t size; /* where `regular` */
        int file, stream;
        pid_t pid;
        uint8_t household[32];
        uint64_t done; /* bytes */
        struct intake intake;
        bool told;
        uint8_t clip[sizeof(struct hash)]; /* where `told` */
};

/* ---- the file ---- */

static int cannot_read(struct cli *c, const char *path, int why) {
        return cli_fail(c, why == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED, "cannot-read", "check the path and its rights",
                        "%s: %s", path, strerror(why));
}

static int too_large(struct cli *c, const char *path) {
        return cli_fail(c, EXIT_REFUSED, "clip-too-large", "cut it into shorter ones first",
                        "%s has more than 4 GiB; nothing was kept", path);
}

static int open_file(struct cli *c, struct adding *add) {
        struct stat st;
        const char *path = add->wish->path;
        bool is_stdin = path && strcmp(path, "-") == 0;
        if (is_stdin || !path)
                add->file = fcntl(path ? STDIN_FILENO : add->wish->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        else
                add->file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (add->file < 0 || fstat(add->file, &st) != 0)
                return cannot_read(c, path ? path : "memory", errno);
        if (S_ISDIR(st.st_mode))
                return cannot_read(c, add->wish->path, EISDIR);
        add->regular = S_ISREG(st.st_mode);
        add->size = add->regular ? (uint64_t)st.st_size : 0;
        if (add->size > SIZE_MAX_CLIP)
                return too_large(c, path ? path : "memory");
        if (add->wish->delete_source && (is_stdin || !add->regular))
                return cli_usage(c, "name the file itself", "--delete-source needs a file that can be removed");
        return 0;
}

/* ---- the program ---- */

static int spawn(char *const *argv, int in, int out, pid_t *ret) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        sigset_t ours;
        sigemptyset(&ours);
        sigaddset(&ours, SIGPIPE);
        sigaddset(&ours, SIGXFSZ);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setsigdefault(&attr, &ours);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
        int r = posix_spawn(ret, argv[0], &actions, &attr, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attr);
        return r;
}

static int start_ingest(struct cli *c, struct adding *add) {
        _clean_(buf_fini) struct buf path = BUF_NULL, key = BUF_NULL;
        char audio[] = "--audio", as_is[] = "--as-is", *argv[5] = {0};
        int ends[2];
        size_t n = 1;
        if (!helper_find(&path, PROGRAM, PORCHLIGHT_LIBEXECDIR))
                return cli_fail(c, EXIT_FAILED, "no-ingest", "install it again",
                                "%s is neither in $PORCHLIGHT_LIBEXEC, nor beside this program, nor in %s", PROGRAM,
                                PORCHLIGHT_LIBEXECDIR);
        text_hex(&key, SPAN_OF(add->household));
        if (pipe2(ends, O_CLOEXEC) != 0)
                return cli_fail(c, EXIT_FAILED, "ingest-failed", "", "pipe: %s", strerror(errno));
        argv[0] = buf_cstr(&path);
        if (add->wish->audio)
                argv[n++] = audio;
        if (add->wish->as_is)
                argv[n++] = as_is;
        argv[n] = buf_cstr(&key);
        int r = spawn(argv, add->file, ends[1], &add->pid);
        close(ends[1]);
        add->stream = ends[0];
        if (r)
                add->pid = 0;
        return r ? cli_fail(c, EXIT_FAILED, "ingest-failed", "install it again", "%s: %s", argv[0], strerror(r)) : 0;
}

static void end_ingest(struct adding *add) {
        file_close(&add->stream); /* one that is still writing ends with that */
        file_close(&add->file);
        while (add->pid > 0 && waitpid(add->pid, NULL, 0) < 0 && errno == EINTR)
                continue;
        intake_fini(&add->intake);
}

/* ---- what it writes, passed on ---- */

static void show_progress(const struct cli *c, const struct adding *add, bool over) {
        if (!c->err_tty || c->json || add->size < PROGRESS_LEAST)
                return;
        if (over)
                fprintf(stderr, "\r\033[K");
        else
                fprintf(stderr, "\r%s … %u %%", _("Locking and keeping"), (unsigned)(add->done * 100 / add->size));
}

static int row_taken(struct cli *c, const struct call_row *row, void *arg) {
        struct adding *add = arg;
        if (row->number != CONTROL_CLIP_ROW)
                return 0;
        add->told = true;
        memcpy(add->clip, row->m->c_clip.id.p, sizeof(add->clip));
        show_progress(c, add, true);
        if (c->json)
                return cli_row_json(c, row, NULL);
        clips_tell_taken(c, &row->m->c_clip);
        return 0;
}

static int pass_chunk(struct cli *c, struct adding *add) {
        int r = cli_ask(c, CONTROL_CLIP_PUT, &add->intake.msg.i_chunk, NULL, NULL);
        add->done = MIN(add->intake.bytes, add->size);
        show_progress(c, add, r != 0);
        return r;
}

static int pass_end(struct cli *c, struct adding *add) {
        struct wire_i_end *end = &add->intake.msg.i_end;
        if (add->wish->times) {
                WIRE_PUT(end, I_END, from, add->wish->from);
                WIRE_PUT(end, I_END, to, add->wish->to);
        }
        int r = cli_ask(c, CONTROL_CLIP_CLOSE, end, row_taken, add);
        if (!r && !add->told)
                r = cli_fail(c, EXIT_FAILED, "bad-answer", "are the daemon and this tool of one version?",
                             "the daemon did not tell what became of the clip");
        return r;
}

static int broken(struct cli *c, const struct adding *add) {
        show_progress(c, add, true);
        return cli_fail(c, EXIT_FAILED, "ingest-failed",
                        "nothing was kept; try again, and report it if it does so twice",
                        "%s ended before it had locked the whole file", PROGRAM);
}

static int say_error(struct cli *c, const struct adding *add, const struct wire_c_error *e) {
        char name[CALL_NAME_MAX + 1] = "", hint[CALL_TEXT_MAX + 1] = "", message[CALL_TEXT_MAX + 1] = "";
        memcpy(name, e->name.p, MIN(e->name.n, sizeof(name) - 1));
        memcpy(hint, e->hint.p, MIN(e->hint.n, sizeof(hint) - 1));
        memcpy(message, e->message.p, MIN(e->message.n, sizeof(message) - 1));
        show_progress(c, add, true);
        return cli_fail(c, (int)e->exit, name, hint, "%s", message);
}

/* 0: go on. @ret_over: no more comes. */
static int pass_on(struct cli *c, struct adding *add, bool *ret_over) {
        for (;;) {
                int what = intake_next(&add->intake), r = 0;
                if (what == INTAKE_MORE)
                        return 0;
                *ret_over = what == INTAKE_END || what == INTAKE_ERROR || what == INTAKE_BAD;
                if (what == INTAKE_CHUNK)
                        r = pass_chunk(c, add);
                else if (what == INTAKE_END)
                        r = pass_end(c, add);
                else if (what == INTAKE_ERROR)
                        r = say_error(c, add, &add->intake.msg.c_error);
                else if (what == INTAKE_BAD)
                        r = broken(c, add);
                if (r || *ret_over)
                        return r;
        }
}

static int relay(struct cli *c, struct adding *add) {
        bool over = false;
        while (!over) {
                uint8_t *p = intake_room(&add->intake, READ_AT_ONCE);
                ssize_t n = p ? read(add->stream, p, READ_AT_ONCE) : -1;
                if (n < 0 && p && errno == EINTR)
                        continue;
                if (n <= 0)
                        return broken(c, add);
                intake_used(&add->intake, (size_t)n);
                int r = pass_on(c, add, &over);
                if (r)
                        return r;
        }
        return 0;
}

/* ---- the command ---- */

static int row_seal(struct cli *c, const struct call_row *row, void *arg) {
        struct adding *add = arg;
        (void)c;
        if (row->number == CONTROL_CLIP_SEAL)
                memcpy(add->household, row->m->c_clip_seal.household.p, sizeof(add->household));
        return 0;
}

static int ask_open(struct cli *c, struct adding *add) {
        struct wire_c_clip_open m = {.camera = span_str(add->wish->camera)};
        if (add->regular)
                WIRE_PUT(&m, C_CLIP_OPEN, size, add->size);
        if (add->wish->cell != PLACE_HOME)
                WIRE_PUT(&m, C_CLIP_OPEN, cell, add->wish->cell);
        if (add->wish->parent) {
                WIRE_PUT(&m, C_CLIP_OPEN, parent, span_of(add->wish->parent, sizeof(struct hash)));
                WIRE_PUT(&m, C_CLIP_OPEN, changes, span_str(add->wish->changes));
        }
        return cli_ask(c, CONTROL_CLIP_OPEN, &m, row_seal, add);
}

/* The daemon remembers where it is, so that `doctor` and `who-can-read` can tell as long as it is there. */
static int note_source(struct cli *c, const struct adding *add) {
        char *path = realpath(add->wish->path, NULL);
        struct wire_c_source m = {.v = 1, .clip = SPAN_OF(add->clip), .size = add->size};
        int r = 0;
        m.path = path ? span_str(path) : SPAN_NONE;
        if (path && m.path.n <= SOURCE_MAX && text_utf8(m.path))
                r = cli_ask(c, CONTROL_CLIP_SOURCE, &m, NULL, NULL);
        free(path);
        return r;
}

/* The clear copy is what the lock was for: it is said where it stays. */
static int settle_source(struct cli *c, const struct adding *add) {
        if (!add->wish->delete_source && (!add->regular || !add->wish->path || strcmp(add->wish->path, "-") == 0))
                return 0;
        if (!add->wish->delete_source) {
                cli_note(c, "the file itself is still there, for anybody who may read it: %s", add->wish->path);
                return note_source(c, add);
        }
        if (unlink(add->wish->path) == 0)
                return 0;
        int why = errno;
        int r = note_source(c, add);
        return r ? r
                 : cli_fail(c, EXIT_FAILED, "source-left", "remove it yourself",
                            "the clip was taken in, but its file could not be removed: %s: %s", add->wish->path,
                            strerror(why));
}

static int take_in(struct cli *c, struct adding *add) {
        int r = open_file(c, add);
        if (!r)
                r = ask_open(c, add);
        if (!r)
                r = start_ingest(c, add);
        if (!r)
                r = relay(c, add);
        return r ? r : settle_source(c, add);
}

static int times_from(struct cli *c, const struct args *a, struct clip_wish *ret) {
        _clean_(buf_fini) struct buf from = BUF_NULL, to = BUF_NULL;
        const struct option_value *f = args_get(a, OPT_FROM), *t = args_get(a, OPT_TO);
        if (!f != !t)
                return cli_usage(c, "give --from and --to, or neither", "one of two times is missing");
        if (!f)
                return 0;
        if (t->n < f->n || f->n == 0)
                return cli_usage(c, "give the earlier one first", "--to is before --from");
        ret->times = true;
        ret->from = f->n;
        ret->to = t->n;
        when_local(&from, f->n, c->now);
        when_local(&to, t->n, c->now);
        cli_note(c, "from %s to %s", buf_cstr(&from), buf_cstr(&to));
        return 0;
}

int clip_wish_from(struct cli *c, const struct args *a, struct clip_wish *ret) {
        return clip_wish_named(c, a, args_text(a, OPT_CAMERA), ret);
}

int clip_wish_named(struct cli *c, const struct args *a, const char *camera, struct clip_wish *ret) {
        const struct option_value *at = args_get(a, OPT_AT);
        *ret = (struct clip_wish){.path = a->n_words ? a->words[0] : NULL,
                                  .camera = camera,
                                  .audio = args_has(a, OPT_AUDIO),
                                  .as_is = args_has(a, OPT_AS_IS),
                                  .delete_source = args_has(a, OPT_DELETE_SOURCE),
                                  .cell = at ? at->n : PLACE_HOME};
        if (!ret->camera || !*ret->camera)
                return cli_usage(c, "--camera NAME says which", "a clip is of a camera");
        if (strlen(ret->camera) > CAMERA_MAX || !text_utf8(span_str(ret->camera)))
                return cli_usage(c, "shorten it, or write it in UTF-8",
                                 "the camera's name is longer than 64 bytes, or not UTF-8");
        return times_from(c, a, ret);
}

int clip_take(struct cli *c, const struct clip_wish *wish) {
        struct adding add = {.wish = wish, .file = -1, .stream = -1};
        intake_init(&add.intake);
        int r = take_in(c, &add);
        end_ingest(&add);
        return r;
}

static int run_add(struct cli *c, const struct args *a) {
        struct clip_wish wish;
        int r = clip_wish_from(c, a, &wish);
        return r ? r : clip_take(c, &wish);
}

static const struct option add_options[] = {
        CLIP_OPTION_ROWS,
        {OPT_FROM, "from", "T", N_("when what it shows begins: 14:05, yesterday, -2h"), OPTION_TIME},
        {OPT_TO, "to", "T", N_("and when it ends"), OPTION_TIME},
        {OPT_DELETE_SOURCE, "delete-source", NULL, N_("remove FILE once the clip is on disk"), OPTION_FLAG},
        OPTION_END,
};

const struct command command_clip_add = {
        .group = "clip",
        .name = "add",
        .synopsis = "FILE --camera NAME [--from T --to T] [--at PLACE] [--audio] [--as-is] [--delete-source]",
        .brief = N_("lock a video or picture, and keep it"),
        .help = N_("The file is cut and locked by a program that can do nothing else, and its key is\n"
                   "sealed to your household: from then on only the vault can open the clip, with\n"
                   "you saying so. Nothing leaves this home. FILE is any file of at most 4 GiB, or -\n"
                   "for stdin.\n"
                   "\n"
                   "Of an MP4, Matroska, JPEG or PNG file only what it shows is kept: no sound\n"
                   "unless --audio is given, and nothing that it tells besides, like where and by\n"
                   "which device it was made. Any other file is taken byte for byte. FILE stays\n"
                   "where it is, for anybody who may read it, unless --delete-source is given.\n"
                   "\n"
                   "Examples:\n"
                   "  porchlight clip add garden.mp4 --camera garden --from 14:05 --to 14:07\n"
                   "  porchlight clip add /srv/motion/1.mkv --camera door --delete-source\n"),
        .options = add_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_FILE,
        .run = run_add,
};
