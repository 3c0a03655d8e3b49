/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porchlight-replay: reads a recording of porchlightd's, feeds it to a core, says whether that core does as the daemon's
 * did, and prints what happened; or writes a trace of it that may be shown to others.
 */
#include "base/text.h"
#include "base/when.h"
#include "tools/player.h"
#include "wire/json.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define NAME "porchlight-replay"
#define PROMPT "Passphrase of the recording: "
#define CTRL_C 3
#define SECOND 1000.0 /* ms */

struct options {
        const char *file, *passphrase_file, *redact;
        bool json, list, quiet, run_given;
        uint64_t run, until;
        double from, to; /* seconds of the run; to 0: its end */
};

static const char help[] = "usage: porchlight-replay [OPTION]... FILE\n\n"
                           "Feeds what `porchlightd --record FILE` wrote to a core, checks that it does what\n"
                           "the daemon did, and prints what happened.\n\n"
                           "  --list                  the runs in FILE, and nothing else\n"
                           "  --run N                 this run; the newest if absent\n"
                           "  --from SECONDS          show what came later in the run\n"
                           "  --to SECONDS            show what came earlier\n"
                           "  --until N               stop before event N\n"
                           "  --quiet                 check, and show nothing\n"
                           "  --json                  one JSON object an event\n"
                           "  --redact OUT            write a trace to OUT that can be shown to others\n"
                           "  --passphrase-file F     its first line opens FILE; - reads stdin\n"
                           "  --help                  this text\n"
                           "  --version               the version\n\n"
                           "Keys are never shown. A trace that was not redacted holds texts and addresses.\n";

/* ---- what goes wrong ---- */

static int fail(const struct options *o, enum wire_e_exit code, const char *name, const char *message,
                const char *hint) {
        _clean_(buf_fini) struct buf json = BUF_NULL;
        if (o->json) {
                json_error(&json, name, message, *hint ? hint : NULL);
                fprintf(stderr, "%s\n", buf_cstr(&json));
        } else {
                fprintf(stderr, NAME ": %s: %s%s%s\n", name, message, *hint ? "; " : "", hint);
        }
        return code;
}

static int fail_file(const struct options *o, const char *name, const char *path, const char *hint) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        text_show(&text, span_str(path), false);
        buf_printf(&text, ": %s", strerror(errno));
        return fail(o, EXIT_FAILED, name, buf_cstr(&text), hint);
}

static int fail_play(const struct options *o, const struct player *p, int r) {
        bool other = *p->version && strcmp(p->version, PORCHLIGHT_VERSION) != 0;
        switch (r) {
        case TAPE_E_MAGIC:
                return fail(o, EXIT_FAILED, "not-a-recording", "this is no file of porchlightd --record", "");
        case TAPE_E_VERSION:
                return fail(o, EXIT_FAILED, "other-version", "the recording is of another version's format",
                            "use the porchlight-replay that came with that porchlightd");
        case TAPE_E_NONE:
                return fail(o, EXIT_NOT_FOUND, "no-run", "no such run is in the file", "--list shows them");
        case TAPE_E_COST:
                return fail(o, EXIT_FAILED, "too-dear", "it asks for more memory or time than any recording may", "");
        case TAPE_E_CUT:
                return fail(o, EXIT_NOT_FOUND, "no-run", "nothing of this run was written before it was cut off",
                            "--list shows the others");
        case PLAYER_E_DIVERGED:
                return fail(o, EXIT_FAILED, "diverged", p->why,
                            other ? "it was made by another version, whose core did otherwise"
                                  : "this build's core does otherwise than the one that was recorded");
        case PLAYER_E_EVENT:
                return fail(o, EXIT_FAILED, "other-version", "it holds an event that this version does not know",
                            "use the porchlight-replay that came with that porchlightd");
        case PLAYER_E_CORE:
                return fail(o, EXIT_FAILED, "core-failed", "the core has run out of memory", "");
        case ERR_NOMEM:
                return fail(o, EXIT_FAILED, "out-of-memory", "out of memory", "64 MiB are needed to make the key");
        default:
                return fail(o, EXIT_FAILED, "damaged",
                            "from here on the recording is damaged or was cut off within a write",
                            "what was shown before is as it was recorded");
        }
}

/* ---- the passphrase ---- */

/* Up to a newline, which is dropped. */
static bool read_line(int fd, struct buf *ret) {
        uint8_t byte;
        while (ret->n <= TAPE_PASSPHRASE_MAX) {
                ssize_t n = read(fd, &byte, 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 || (n && byte == CTRL_C))
                        return false;
                if (n == 0 || byte == '\n')
                        return ret->n > 0;
                buf_add_u8(ret, byte);
        }
        return false;
}

/* Ctrl-C comes as a byte, so that the terminal gets its echo back. */
static bool ask(struct buf *ret) {
        struct termios was, quiet;
        if (tcgetattr(STDIN_FILENO, &was))
                return false;
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
        quiet.c_cc[VEOL] = CTRL_C; /* at once, and not with the next line */
        if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet))
                return false;
        fputs(PROMPT, stderr);
        bool got = read_line(STDIN_FILENO, ret);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        fputc('\n', stderr);
        return got;
}

static int get_passphrase(const struct options *o, struct buf *ret) {
        const char *path = o->passphrase_file;
        ret->max = TAPE_PASSPHRASE_MAX + 1;
        if (!buf_room(ret, TAPE_PASSPHRASE_MAX)) /* all at once: growing would leave copies */
                return fail(o, EXIT_FAILED, "out-of-memory", "out of memory", "");
        if (!path && !isatty(STDIN_FILENO))
                return fail(o, EXIT_LOCKED, "passphrase-needed", "there is no terminal to ask for the passphrase",
                            "give --passphrase-file FILE (- reads stdin)");
        int fd = !path || strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return fail_file(o, "cannot-read", path, "check the path");
        bool got = path ? read_line(fd, ret) : ask(ret);
        if (fd != STDIN_FILENO)
                close(fd);
        return got ? 0 : fail(o, EXIT_LOCKED, "passphrase-needed", "no passphrase could be read", "");
}

/* ---- the file ---- */

static bool read_all(int fd, struct buf *out) {
        struct stat st;
        if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
                errno = EINVAL;
                return false;
        }
        uint8_t *room = buf_room(out, MIN((size_t)st.st_size, (size_t)TAPE_SIZE_MAX) + 1);
        ssize_t n = room ? 1 : -1;
        while (n > 0 && out->n < (size_t)st.st_size) {
                n = read(fd, out->p + out->n, MIN((size_t)st.st_size, (size_t)TAPE_SIZE_MAX) - out->n);
                buf_used(out, n > 0 ? (size_t)n : 0);
        }
        return n >= 0;
}

static int read_file(const struct options *o, struct buf *out) {
        int fd = open(o->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        bool got = fd >= 0 && read_all(fd, out);
        int r = got ? 0 : fail_file(o, "cannot-read", o->file, "check the path");
        if (fd >= 0)
                close(fd);
        return r;
}

static struct span slot_of(struct span file, uint64_t slot_bytes, uint64_t i) {
        struct span rest = span_from(file, tape_slot_at(slot_bytes, i));
        return span_of(rest.p, MIN(rest.n, (size_t)slot_bytes));
}

static void show_run(const struct options *o, const struct tape_head *h) {
        _clean_(buf_fini) struct buf line = BUF_NULL;
        if (o->json)
                buf_printf(&line, "{\"run\":%" PRIu64 ",\"begun\":\"", h->run);
        else
                buf_printf(&line, "run %" PRIu64 ", begun ", h->run);
        when_rfc3339(&line, h->begun);
        printf("%s%s\n", buf_cstr(&line), o->json ? "\"}" : "");
}

static int list_runs(const struct options *o, struct span file, uint64_t slot_bytes) {
        uint64_t shown = 0, below = UINT64_MAX;
        for (;;) { /* newest first */
                struct tape_head next = {0}, h;
                bool found = false;
                for (uint64_t i = 0; i < TAPE_SLOTS; i++)
                        if (tape_look(slot_of(file, slot_bytes, i), &h) == 0 && h.run < below &&
                            (!found || h.run > next.run)) {
                                next = h;
                                found = true;
                        }
                if (!found)
                        return shown ? 0 : TAPE_E_NONE;
                show_run(o, &next);
                below = next.run;
                shown++;
        }
}

/* The slot of the run that is asked for, or of the newest. */
static int find_run(const struct options *o, struct span file, uint64_t slot_bytes, struct span *ret) {
        uint64_t newest = 0;
        int found = TAPE_E_NONE;
        for (uint64_t i = 0; i < TAPE_SLOTS; i++) {
                struct tape_head h;
                struct span slot = slot_of(file, slot_bytes, i);
                int r = tape_look(slot, &h);
                if (r && r != TAPE_E_NONE && found)
                        found = r;
                if (r || (o->run_given && h.run != o->run) || (!found && h.run < newest))
                        continue;
                newest = h.run;
                *ret = slot;
                found = 0;
        }
        return found;
}

/* ---- playing ---- */

static int open_output(const struct options *o, struct trace *t) {
        t->out = stdout;
        t->json = o->json || o->redact;
        t->redact = o->redact;
        randombytes_buf(t->salt, sizeof(t->salt));
        if (!o->redact)
                return 0;
        int fd = open(o->redact, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        t->out = fd >= 0 ? fdopen(fd, "w") : NULL;
        return t->out ? 0 : fail_file(o, "cannot-write", o->redact, "name a file that is not there yet");
}

static int close_output(const struct options *o, struct trace *t) {
        bool good = fflush(t->out) == 0 && !ferror(t->out);
        if (t->out != stdout)
                good = fclose(t->out) == 0 && good;
        return good ? 0 : fail_file(o, "cannot-write", o->redact ? o->redact : "stdout", "free some space");
}

static void say_result(const struct options *o, const struct player *p) {
        if (*p->version && strcmp(p->version, PORCHLIGHT_VERSION) != 0)
                fprintf(stderr, "made by porchlightd %s; this is %s\n", p->version, PORCHLIGHT_VERSION);
        if (o->quiet || o->redact)
                fprintf(stderr, "%s: %" PRIu64 " events, %" PRIu64 " actions, each as it was recorded\n", p->end,
                        p->events, p->actions);
}

static int play(const struct options *o, struct player *p) {
        struct trace t = {0};
        int e = open_output(o, &t);
        if (e)
                return e;
        p->trace = o->quiet && !o->redact ? NULL : &t;
        p->from = (uint64_t)(o->from * SECOND + 0.5);
        p->to = o->to > 0 ? (uint64_t)(o->to * SECOND + 0.5) : UINT64_MAX;
        p->until = o->until;
        int r = player_play(p);
        e = close_output(o, &t);
        if (r)
                e = fail_play(o, p, r);
        else
                say_result(o, p);
        trace_fini(&t);
        return e;
}

/* Each start of the daemon may have been given another one. *@ret: the newest run that this one opens. */
static bool opens_another(struct span file, uint64_t slot_bytes, struct span passphrase, uint64_t *ret) {
        bool found = false;
        for (uint64_t i = 0; i < TAPE_SLOTS; i++) {
                struct tape_reader t = {.ended = false};
                struct tape_head h;
                struct span slot = slot_of(file, slot_bytes, i);
                if (tape_look(slot, &h) == 0 && (!found || h.run > *ret) && tape_open(&t, slot, passphrase) == 0) {
                        *ret = h.run;
                        found = true;
                }
                tape_close(&t);
        }
        return found;
}

static int fail_passphrase(const struct options *o, uint64_t run, bool other, uint64_t other_run) {
        char message[80], hint[96];
        snprintf(message, sizeof(message), "run %" PRIu64 " does not open with this passphrase", run);
        snprintf(hint, sizeof(hint), "run %" PRIu64 " does: give --run %" PRIu64 ", or the passphrase of run %" PRIu64,
                 other_run, other_run, run);
        return fail(o, EXIT_LOCKED, other ? "other-passphrase" : "wrong-passphrase", message,
                    other ? hint : "give the one that porchlightd had when it was recorded");
}

static int open_run(const struct options *o, struct span file, uint64_t slot_bytes, struct span slot,
                    struct player *p) {
        _clean_(buf_wipe) struct buf passphrase = BUF_NULL;
        struct tape_head head = {0};
        uint64_t other = 0;
        int e = get_passphrase(o, &passphrase);
        if (e)
                return e;
        int r = tape_look(slot, &head);
        if (r == 0)
                r = tape_open(&p->tape, slot, buf_span(&passphrase));
        if (r == TAPE_E_PASSPHRASE) {
                bool found = opens_another(file, slot_bytes, buf_span(&passphrase), &other);
                return fail_passphrase(o, head.run, found, other);
        }
        if (r)
                return fail_play(o, p, r);
        p->run = head.run;
        p->begun = head.begun;
        return 0;
}

static int run(const struct options *o) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        _clean_(player_fini) struct player p = {.events = 0};
        struct span slot = SPAN_NONE;
        uint64_t slot_bytes;
        int e = read_file(o, &file);
        if (e)
                return e;
        int r = tape_file_look(buf_span(&file), &slot_bytes);
        if (r == 0)
                r = o->list ? list_runs(o, buf_span(&file), slot_bytes)
                            : find_run(o, buf_span(&file), slot_bytes, &slot);
        if (r)
                return fail_play(o, &p, r);
        if (o->list)
                return 0;
        e = open_run(o, buf_span(&file), slot_bytes, slot, &p);
        return e ? e : play(o, &p);
}

/* ---- arguments ---- */

static bool parse_seconds(const char *s, double *ret) {
        char *end;
        *ret = strtod(s, &end);
        return end != s && !*end && *ret >= 0 && *ret < 1e12;
}

static bool take(struct options *o, int c) {
        switch (c) {
        case 'l':
                o->list = true;
                return true;
        case 'r':
                o->run_given = true;
                return text_u64(span_str(optarg), UINT64_MAX, &o->run);
        case 'f':
                return parse_seconds(optarg, &o->from);
        case 't':
                return parse_seconds(optarg, &o->to) && o->to > 0;
        case 'u':
                return text_u64(span_str(optarg), UINT64_MAX, &o->until) && o->until > 0;
        case 'q':
                o->quiet = true;
                return true;
        case 'j':
                o->json = true;
                return true;
        case 'd':
                o->redact = optarg;
                return true;
        case 'p':
                o->passphrase_file = optarg;
                return true;
        default:
                return false;
        }
}

int main(int argc, char **argv) {
        static const struct option longs[] = {
                {"list", no_argument, NULL, 'l'},
                {"run", required_argument, NULL, 'r'},
                {"from", required_argument, NULL, 'f'},
                {"to", required_argument, NULL, 't'},
                {"until", required_argument, NULL, 'u'},
                {"quiet", no_argument, NULL, 'q'},
                {"json", no_argument, NULL, 'j'},
                {"redact", required_argument, NULL, 'd'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
                {"passphrase-file", required_argument, NULL, 'p'},
                {0},
        };
        struct options o = {.json = false};
        if (sodium_init() < 0)
                return EXIT_FAILED;
        opterr = 0;
        for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) >= 0;) {
                if (c == 'h' || c == 'v') {
                        fputs(c == 'h' ? help : NAME " " PORCHLIGHT_VERSION "\n", stdout);
                        return 0;
                }
                if (!take(&o, c))
                        return fail(&o, EXIT_USAGE, "usage", "an option is not known, or its value is not one",
                                    "see --help");
        }
        if (optind + 1 != argc)
                return fail(&o, EXIT_USAGE, "usage", "one FILE is wanted", "see --help");
        o.file = argv[optind];
        return run(&o);
}
