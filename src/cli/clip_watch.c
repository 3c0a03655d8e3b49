/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clip watch: a folder that a camera writes into. Each file is taken in as by `clip add --delete-source`, once nobody writes
 * it any more: when its writer closes it, or it is moved here; and those that are there at the start. The kernel says so
 * (inotify), and is asked again before a file is read: a lease to read is had only where nobody has it open for writing. A
 * file that cannot be taken in stays, is told of once, and is tried again by the next run, or when it has changed: a camera
 * whose connection broke goes on with the file that it had begun. While the daemon cannot be reached or has no room, all wait.
 */
#include "cli/clips.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/options.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_MS 10000  /* between two attempts at a file that has to wait */
#define SETTLED_S 10    /* a file of another user, about whose writers the kernel does not tell, is left so long */
#define NAMES_MAX 10000 /* that failed and are remembered; with more all of them are tried again */

struct watching {
        const struct clip_wish *wish;
        const char *dir;
        int events, folder; /* descriptors */
        struct buf failed;  /* as file_state() has them, each with a NUL */
        size_t n_failed;
        bool waits; /* something has to be tried again … */
        bool stuck; /* … and so has everything behind it */
};

/* ---- which ---- */

/* A file as it was when it was looked at: its name, size and time. */
static const char *file_state(struct buf *ret, const char *name, const struct stat *st) {
        buf_printf(ret, "%s/%lld/%lld.%09ld", name, (long long)st->st_size, (long long)st->st_mtim.tv_sec,
                   st->st_mtim.tv_nsec);
        return buf_cstr(ret);
}

static bool has_failed(const struct watching *w, const char *state) {
        const char *at = (const char *)w->failed.p, *end = at + w->failed.n;
        for (; at < end; at += strlen(at) + 1)
                if (strcmp(at, state) == 0)
                        return true;
        return false;
}

static void note_failed(struct watching *w, const char *state) {
        if (w->n_failed++ == NAMES_MAX) {
                buf_clear(&w->failed);
                w->n_failed = 0;
        }
        buf_add(&w->failed, span_of(state, strlen(state) + 1));
}

/* Nobody writes it any more, as far as that can be known. */
static bool is_settled(int fd, const struct stat *st) {
        if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
                return fcntl(fd, F_SETLEASE, F_UNLCK) == 0;
        return errno != EAGAIN && st->st_mtime + SETTLED_S <= time(NULL);
}

enum look { LOOK_TAKE, LOOK_WAIT, LOOK_LEAVE };

static enum look look_at(const struct watching *w, const char *name, struct buf *ret_state) {
        struct stat st;
        if (name[0] == '.')
                return LOOK_LEAVE;
        _clean_(file_close) int fd = openat(w->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || has_failed(w, file_state(ret_state, name, &st)))
                return LOOK_LEAVE;
        return is_settled(fd, &st) ? LOOK_TAKE : LOOK_WAIT;
}

/* ---- taking ---- */

/* What has to do with the daemon or the disk passes, what has to do with the file does not. */
static bool passes(const struct cli *c, int exit) {
        static const char *const names[] = {"no-space", "clips-quota", "clips-busy", "no-clips", "disk", "busy"};
        const char *name = c->call ? call_error(c->call)->name : "";
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return exit == EXIT_UNREACHABLE;
}

static int take(struct cli *c, struct watching *w, const char *name, const char *state) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        struct clip_wish wish = *w->wish;
        buf_printf(&path, "%s/%s", w->dir, name);
        wish.path = buf_cstr(&path);
        int r = clip_take(c, &wish);
        bool later = r && passes(c, r);
        c->call = call_free(c->call); /* each has a connection of its own: the daemon may be another one by then */
        if (later)
                w->waits = w->stuck = true;
        else if (r)
                note_failed(w, state);
        return cli_flush(c);
}

/* All there is, in the order of their names, which cameras make of the time. */
static int take_all(struct cli *c, struct watching *w) {
        struct dirent **names = NULL;
        int n = scandir(w->dir, &names, NULL, alphasort), r = 0;
        w->waits = w->stuck = false;
        if (n < 0)
                return cli_fail(c, EXIT_FAILED, "cannot-read", "check the path and its rights", "%s: %s", w->dir,
                                strerror(errno));
        for (int i = 0; i < n; i++) {
                _clean_(buf_fini) struct buf state = BUF_NULL;
                enum look look = r || stop_wanted() || w->stuck ? LOOK_LEAVE : look_at(w, names[i]->d_name, &state);
                if (look == LOOK_TAKE)
                        r = take(c, w, names[i]->d_name, buf_cstr(&state));
                w->waits |= look == LOOK_WAIT;
                free(names[i]);
        }
        free(names);
        return r;
}

/* ---- waiting ---- */

/* Until something was written or moved here, or it is time to try again. What it was is looked up: events may be lost. */
static int wait_for_more(struct cli *c, const struct watching *w) {
        uint8_t events[4096];
        struct pollfd p = {.fd = w->events, .events = POLLIN};
        if (poll(&p, 1, w->waits ? AGAIN_MS : -1) < 0 && errno != EINTR)
                return cli_fail(c, EXIT_FAILED, "watch-failed", "", "poll: %s", strerror(errno));
        while (read(w->events, events, sizeof(events)) > 0)
                continue;
        return 0;
}

/* Two would each take a file in. `doctor` looks for this lock, too. */
static int watch_alone(struct cli *c, const struct watching *w) {
        if (flock(w->folder, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
                return 0; /* a file system without locks has no say in this */
        return cli_fail(c, EXIT_FAILED, "watched", "end the other one, or leave it to it",
                        "%s is watched by another `clip watch`", w->dir);
}

static int open_watch(struct cli *c, struct watching *w) {
        w->folder = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (w->folder >= 0)
                w->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (w->events >= 0 && inotify_add_watch(w->events, w->dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) >= 0)
                return watch_alone(c, w);
        return cli_fail(c, errno == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED, "cannot-read",
                        "check the path and its rights", "%s: %s", w->dir, strerror(errno));
}

static int row_folder(struct cli *c, const struct call_row *row, void *arg) {
        (void)c;
        if (row->number == CONTROL_SETTING_ROW)
                buf_add(arg, row->m->c_setting.value);
        return 0;
}

/* The folder that the daemon's settings name. 0 or an exit code (said). */
static int folder_set(struct cli *c, struct buf *ret) {
        struct wire_c_config m = {0};
        WIRE_PUT(&m, C_CONFIG, key, SPAN_STR("clips.watch"));
        int r = cli_ask(c, CONTROL_CONFIG, &m, row_folder, ret);
        c->call = call_free(c->call);
        if (!r && ret->n == 0)
                return cli_usage(c, "name one, or `porchlight config set clips.watch DIR`", "no folder is set");
        return r;
}

/* Its last part, where no other name is given. */
static const char *folder_name(const char *dir, struct buf *store) {
        struct span s = span_str(dir);
        while (s.n > 1 && s.p[s.n - 1] == '/')
                s.n--;
        const char *end = (const char *)s.p + s.n, *at = end;
        while (at > (const char *)s.p && at[-1] != '/')
                at--;
        buf_add(store, span_of(at, (size_t)(end - at)));
        return buf_cstr(store);
}

static int run_watch(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf folder = BUF_NULL, name = BUF_NULL;
        struct clip_wish wish;
        struct watching w = {.wish = &wish, .events = -1, .folder = -1};
        int r = a->n_words ? 0 : folder_set(c, &folder);
        w.dir = a->n_words ? a->words[0] : buf_cstr(&folder);
        if (!r)
                r = clip_wish_named(
                        c, a, args_has(a, OPT_CAMERA) ? args_text(a, OPT_CAMERA) : folder_name(w.dir, &name), &wish);
        if (r)
                return r;
        wish.delete_source = true;
        stop_catch();
        r = open_watch(c, &w);
        if (!r)
                cli_note(c, "watching %s; each file that is taken in is removed there", w.dir);
        while (!r && !stop_wanted() && !cli_reader_gone()) {
                r = take_all(c, &w);
                if (!r && !stop_wanted())
                        r = wait_for_more(c, &w);
        }
        file_close(&w.events);
        file_close(&w.folder);
        buf_fini(&w.failed);
        return r;
}

static const struct option watch_options[] = {
        CLIP_OPTION_ROWS,
        OPTION_END,
};

const struct command command_clip_watch = {
        .group = "clip",
        .name = "watch",
        .synopsis = "[DIR] [--camera NAME] [--at PLACE] [--audio] [--as-is]",
        .brief = N_("take in what a camera writes into a folder"),
        .help = N_("Every file in DIR is taken in as by `clip add --delete-source`, and is gone\n"
                   "there once the clip is on disk: those that are there, and then each as soon as\n"
                   "nobody writes it any more. Names that begin with a dot are left alone. What\n"
                   "cannot be taken in stays, and is told on stderr. It runs until it is ended.\n"
                   "\n"
                   "Without DIR it is the folder that clips.watch names (`porchlight config set\n"
                   "clips.watch DIR`); the unit porchlight-watch of systemd runs it so. Without\n"
                   "--camera the camera is called like the folder.\n"
                   "\nExamples:\n  porchlight clip watch /srv/ftp/garden\n"
                   "  porchlight clip watch /srv/ftp/1 --camera \"front door\"\n"),
        .options = watch_options,
        .min_words = 0,
        .max_words = 1,
        .takes = WORD_FILE,
        .run = run_watch,
};
