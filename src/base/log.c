/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a line goes decides what stands before it, once, at the first line: the journal takes its priority from "<N>", a
 * terminal has no clock of its own, a file or a pipe gets the bare line. Each line is one write(2), so that lines of
 * several threads and processes on one stderr do not mix. Nothing here fails: a log that is lost must not stop a node.
 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024 /* longer lines are cut; the journal splits at 48 KiB, a pipe writes 4 KiB in one piece */

enum place { PLACE_FILE, PLACE_JOURNAL, PLACE_TERMINAL };

static const struct {
        const char *priority; /* as syslog(3) counts */
        const char *word;
} levels[] = {
        [LOG_ERROR] = {"<3>", "error: "},
        [LOG_WARNING] = {"<4>", "warning: "},
        [LOG_INFO] = {"<6>", ""},
        [LOG_DEBUG] = {"<7>", "debug: "},
};

static atomic_int most_shown = LOG_INFO;
static _Atomic(const char *) name = "porchlight";
static enum place place;
static pthread_once_t place_once = PTHREAD_ONCE_INIT;

/* The journal's variable names the device and inode of its socket; it is inherited by programs whose stderr is elsewhere. */
static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        struct stat st;
        char here[64];
        if (!stream || fstat(STDERR_FILENO, &st) != 0)
                return false;
        snprintf(here, sizeof(here), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
        return strcmp(stream, here) == 0;
}

static void find_place(void) {
        if (stderr_is_journal())
                place = PLACE_JOURNAL;
        else if (isatty(STDERR_FILENO))
                place = PLACE_TERMINAL;
}

void log_set_level(enum log_level most) {
        atomic_store(&most_shown, (int)most);
}

void log_set_name(const char *program) {
        atomic_store(&name, program);
}

/* What stands before the message; the number of bytes. */
static size_t put_head(char *line, size_t n, enum log_level level) {
        char clock[16] = "";
        struct timespec ts;
        struct tm tm;
        if (place == PLACE_TERMINAL && clock_gettime(CLOCK_REALTIME, &ts) == 0 && localtime_r(&ts.tv_sec, &tm))
                strftime(clock, sizeof(clock), "%H:%M:%S ", &tm);
        int used = snprintf(line, n, "%s%s%s: %s", place == PLACE_JOURNAL ? levels[level].priority : "", clock,
                            atomic_load(&name), levels[level].word);
        return used < 0 ? 0 : MIN((size_t)used, n - 1);
}

/* A message is one line, whatever was put into it. */
static void flatten(char *p, size_t n) {
        for (size_t i = 0; i < n; i++)
                if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
                        p[i] = '?';
}

static void write_line(const char *p, size_t n) {
        while (n) {
                ssize_t done = write(STDERR_FILENO, p, n);
                if (done < 0 && errno == EINTR)
                        continue;
                if (done <= 0)
                        return;
                p += done;
                n -= (size_t)done;
        }
}

void log_line(enum log_level level, const char *fmt, ...) {
        char line[LINE_MAX_BYTES + 1];
        int saved = errno;
        if ((int)level > atomic_load(&most_shown) || CHECK_FAILS((size_t)level < ARRAY_LEN(levels)))
                return;
        pthread_once(&place_once, find_place);
        size_t head = put_head(line, LINE_MAX_BYTES, level);
        va_list ap;
        va_start(ap, fmt);
        errno = saved; /* for %m */
        int used = vsnprintf(line + head, LINE_MAX_BYTES - head, fmt, ap);
        va_end(ap);
        size_t n = head + (used < 0 ? 0 : MIN((size_t)used, LINE_MAX_BYTES - head - 1));
        flatten(line + head, n - head);
        line[n] = '\n';
        write_line(line, n + 1);
        errno = saved;
}
