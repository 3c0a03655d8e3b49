/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions are asked on a terminal only; a script is told the option that answers them. Passphrases are read without
 * echo into locked memory that is overwritten afterwards, straight from the descriptor: stdio would keep copies.
 */
#include "cli/cli.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#define PASSPHRASE_MAX 512 /* as in proto/owner.def */
#define PASSPHRASE_ROOM 1024
#define LINE_ROOM 2048

void passphrase_fini(struct passphrase *p) {
        uint8_t *at = p->text.p;
        size_t cap = p->text.cap;
        if (at)
                explicit_bzero(at, cap);
        if (at)
                munlock(at, cap);
        buf_wipe(&p->text);
}

/* Memory that is not written to swap, and is never moved: the buffer has a bound and all of its room at once. */
static bool passphrase_room(struct buf *b) {
        *b = BUF_MAX(PASSPHRASE_ROOM);
        if (!buf_room(b, PASSPHRASE_ROOM))
                return false;
        (void)!mlock(b->p, b->cap); /* a limit of 0 locked bytes must not keep anybody from joining */
        return true;
}

/* Waits until @fd can be read. False: the person wants to stop. A signal that comes just before the wait counts too: it is
 * blocked until the wait itself lets it in. */
static bool wait_for_input(int fd) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        sigset_t stops, was;
        int r = -1;
        sigemptyset(&stops);
        sigaddset(&stops, SIGINT);
        sigaddset(&stops, SIGTERM);
        sigaddset(&stops, SIGHUP);
        sigprocmask(SIG_BLOCK, &stops, &was);
        errno = EINTR;
        while (r < 0 && errno == EINTR && !stop_wanted())
                r = ppoll(&p, 1, NULL, &was);
        sigprocmask(SIG_SETMASK, &was, NULL);
        return r >= 0;
}

/* Up to a newline, which is dropped, or the end. False: the end alone, an error, or no room. */
static bool read_line(int fd, struct buf *ret) {
        uint8_t byte;
        for (;;) {
                ssize_t n = wait_for_input(fd) ? read(fd, &byte, 1) : -1;
                if (n < 0 && errno == EINTR && !stop_wanted())
                        continue;
                if (n < 0 || !buf_ok(ret))
                        return false;
                if (n == 0)
                        return ret->n > 0;
                if (byte == '\n')
                        return true;
                buf_add_u8(ret, byte);
        }
}

bool ask_line(struct cli *c, const char *prompt, struct buf *ret) {
        if (c->in_tty)
                tcflush(STDIN_FILENO, TCIFLUSH); /* what was typed or pasted before the question is no answer to it */
        fprintf(stderr, "%s", prompt);
        fflush(stderr);
        ret->max = LINE_ROOM;
        return read_line(STDIN_FILENO, ret);
}

bool ask_next_line(struct buf *ret) {
        return read_line(STDIN_FILENO, ret);
}

/* A terminal that was left without echo would be of no use: Ctrl-C ends the program after the echo is back. */
static bool ask_silently(const char *prompt, struct buf *ret) {
        struct termios was, quiet;
        if (tcgetattr(STDIN_FILENO, &was))
                return false;
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        stop_catch();
        if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet))
                return false;
        fprintf(stderr, "%s", prompt); /* now, since what is typed before is neither hidden nor taken */
        fflush(stderr);
        bool got = read_line(STDIN_FILENO, ret);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        fputc('\n', stderr);
        stop_release();
        return got;
}

static const char key_why[] = N_("The passphrase locks this household's key. It is needed to vote, for further\n"
                                 "devices and for a backup, not to post or read alerts. Take at least 8\n"
                                 "characters; four words are better. Nobody can recover it.\n");

static int passphrase_ask_twice(struct cli *c, const char *why, const char *hint, struct passphrase *ret) {
        _clean_(passphrase_fini) struct passphrase again = {0};
        if (!passphrase_room(&again.text))
                return cli_fail(c, EXIT_FAILED, "out-of-memory", "", "out of memory");
        fputs(_(why), stderr);
        if (!ask_silently(_("New passphrase: "), &ret->text) || !ret->text.n ||
            !ask_silently(_("Once more:      "), &again.text))
                return cli_usage(c, hint, "no passphrase was typed");
        if (!span_eq(buf_span(&ret->text), buf_span(&again.text)))
                return cli_usage(c, "try again", "the two passphrases differ");
        return 0;
}

static int passphrase_file(struct cli *c, const char *path, struct passphrase *ret) {
        bool in = strcmp(path, "-") == 0;
        int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return cli_fail(c, EXIT_FAILED, "cannot-read", "check the path", "%s: %s", path, strerror(errno));
        bool got = read_line(fd, &ret->text);
        if (!in)
                close(fd);
        return got && ret->text.n
                       ? 0
                       : cli_usage(c, "its first line is the passphrase", "no passphrase could be read from %s", path);
}

static const char *file_option(enum option_id file) {
        if (file == OPT_KEY_PASSPHRASE_FILE)
                return "key-passphrase-file";
        return file == OPT_NEW_PASSPHRASE_FILE ? "new-passphrase-file" : "passphrase-file";
}

static int passphrase_check(struct cli *c, const struct passphrase *p) {
        if (p->text.n > PASSPHRASE_MAX)
                return cli_usage(c, "shorten it", "the passphrase is longer than %d bytes", PASSPHRASE_MAX);
        return 0;
}

static int new_one(struct cli *c, const struct args *a, enum option_id file, const char *why, bool may_be_none,
                   struct passphrase *ret) {
        const char *path = args_text(a, file);
        char hint[128];
        snprintf(hint, sizeof(hint),
                 may_be_none ? _("give --%s FILE (- reads stdin), or --no-passphrase for a plain key file")
                             : _("give --%s FILE (- reads stdin)"),
                 file_option(file));
        if (!path && !(c->in_tty && c->err_tty))
                return cli_usage(c, hint, "a passphrase is needed, and there is no terminal to ask for it");
        if (!passphrase_room(&ret->text))
                return cli_fail(c, EXIT_FAILED, "out-of-memory", "", "out of memory");
        int r = path ? passphrase_file(c, path, ret)
                     : passphrase_ask_twice(c, why,
                                            may_be_none ? N_("--no-passphrase makes a plain key file")
                                                        : N_("nothing was changed"),
                                            ret);
        return r ? r : passphrase_check(c, ret);
}

int passphrase_new(struct cli *c, const struct args *a, enum option_id file, struct passphrase *ret) {
        const char *path = args_text(a, file), *option = file_option(file);
        ret->none = args_has(a, OPT_NO_PASSPHRASE);
        if (ret->none && path)
                return cli_usage(c, "give one of them", "--%s and --no-passphrase exclude each other", option);
        return ret->none ? 0 : new_one(c, a, file, key_why, true, ret);
}

int passphrase_new_for(struct cli *c, const struct args *a, enum option_id file, const char *why,
                       struct passphrase *ret) {
        return new_one(c, a, file, why, false, ret);
}

/* @missing: what to say where there is neither a file nor a terminal. */
static int present_one(struct cli *c, const char *path, const char *prompt, const char *hint, const char *missing,
                       struct passphrase *ret) {
        if (!path && !(c->in_tty && c->err_tty))
                return cli_fail(c, EXIT_LOCKED, "passphrase-needed", hint, "%s", _(missing));
        if (!passphrase_room(&ret->text))
                return cli_fail(c, EXIT_FAILED, "out-of-memory", "", "out of memory");
        if (path) {
                int r = passphrase_file(c, path, ret);
                return r ? r : passphrase_check(c, ret);
        }
        if (!ask_silently(prompt, &ret->text) || !ret->text.n)
                return cli_fail(c, EXIT_LOCKED, "passphrase-needed", "nothing was changed", "no passphrase was typed");
        return passphrase_check(c, ret);
}

int passphrase_get(struct cli *c, const struct args *a, const char *prompt, struct passphrase *ret) {
        return present_one(c, args_text(a, OPT_PASSPHRASE_FILE), prompt,
                           N_("give --passphrase-file FILE (- reads stdin), or open it for a while with "
                              "`porchlight vault unlock`"),
                           N_("the household's key is locked, and there is no terminal to ask for its passphrase"),
                           ret);
}

int passphrase_read(struct cli *c, const struct args *a, enum option_id file, const char *prompt,
                    struct passphrase *ret) {
        char hint[128];
        snprintf(hint, sizeof(hint), _("give --%s FILE (- reads stdin)"), file_option(file));
        return present_one(c, args_text(a, file), prompt, hint,
                           N_("a passphrase is needed, and there is no terminal to ask for it"), ret);
}

int can_ask(struct cli *c, const struct args *a) {
        if (args_has(a, OPT_YES) || (c->in_tty && c->err_tty))
                return 0;
        return cli_usage(c, "give --yes", "this has to be confirmed, and there is no terminal to ask on");
}

bool is_yes(struct span answer) {
        return text_eq_nocase(answer, SPAN_STR("y")) || text_eq_nocase(answer, SPAN_STR("yes")) ||
               text_eq_nocase(answer, span_str(_("y"))) || text_eq_nocase(answer, span_str(_("yes")));
}

int ask_yes(struct cli *c, const struct args *a, const char *question) {
        _clean_(buf_fini) struct buf answer = BUF_NULL;
        if (args_has(a, OPT_YES))
                return 0;
        int r = can_ask(c, a);
        if (r)
                return r;
        if (ask_line(c, question, &answer) && is_yes(buf_span(&answer)))
                return 0;
        return cli_fail(c, EXIT_FAILED, "not-confirmed", "", "nothing was changed");
}

int read_stdin(struct cli *c, size_t max, struct buf *ret) {
        ret->max = max + 1;   /* a newline at the end is not counted */
        while (buf_ok(ret)) { /* what is too long may have no end */
                uint8_t some[1024];
                ssize_t n = read(STDIN_FILENO, some, sizeof(some));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return cli_fail(c, EXIT_FAILED, "cannot-read", "", "stdin: %s", strerror(errno));
                if (n == 0)
                        break;
                buf_add(ret, span_of(some, (size_t)n));
        }
        while (ret->n && (ret->p[ret->n - 1] == '\n' || ret->p[ret->n - 1] == '\r'))
                ret->n--;
        if (!buf_ok(ret) || ret->n > max)
                return cli_usage(c, "shorten it", "stdin holds more than %zu bytes", max);
        return 0;
}

#define TEXT_MAX 512 /* as in proto/records.def */

/* Spaces and line breaks around a text say nothing; nothing but them is no text. */
static void drop_ends(struct buf *b) {
        struct span s = buf_span(b);
        while (s.n && memchr(" \t\r\n", *s.p, 4))
                s = span_from(s, 1);
        while (s.n && memchr(" \t\r\n", s.p[s.n - 1], 4))
                s.n--;
        if (s.n)
                memmove(b->p, s.p, s.n);
        b->n = s.n;
}

int words_text(struct cli *c, const struct args *a, size_t from, struct buf *ret) {
        bool in = a->n_words == from + 1 && strcmp(a->words[from], "-") == 0;
        if (in) {
                int r = read_stdin(c, TEXT_MAX, ret);
                if (r)
                        return r;
        }
        for (size_t i = from; !in && i < a->n_words; i++)
                buf_printf(ret, "%s%s", i > from ? " " : "", a->words[i]);
        drop_ends(ret);
        if (ret->n > TEXT_MAX)
                return cli_fail(c, EXIT_USAGE, "bad-text", "shorten it", "the text has %zu bytes, and %d is the most",
                                ret->n, TEXT_MAX);
        if (!text_utf8(buf_span(ret)))
                return cli_fail(c, EXIT_USAGE, "bad-text", "write it in UTF-8", "the text is not UTF-8");
        return 0;
}
