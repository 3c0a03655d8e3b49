/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void source_init(struct source *s, int fd) {
        s->fd = fd;
        s->over = false;
        s->e = 0;
        s->at = s->n = 0;
}

void source_fini(struct source *s) {
        explicit_bzero(s->bytes, sizeof(s->bytes));
}

static void fill(struct source *s) {
        ssize_t got = read(s->fd, s->bytes + s->at + s->n, sizeof(s->bytes) - s->at - s->n);
        if (got < 0 && errno == EINTR)
                return;
        if (got < 0)
                s->e = errno;
        s->over = got <= 0;
        s->n += got > 0 ? (size_t)got : 0;
}

struct span source_look(struct source *s, size_t least) {
        if (s->n < least && s->at) {
                memmove(s->bytes, s->bytes + s->at, s->n);
                s->at = 0;
        }
        while (s->n < least && !s->over)
                fill(s);
        return span_of(s->bytes + s->at, s->n);
}

void source_take(struct source *s, size_t n) {
        s->at += n;
        s->n -= n;
        if (!s->n)
                s->at = 0;
}

/* What lies here was read ahead: a place that is relative is meant from where the taking stands. */
off_t source_seek(struct source *s, off_t to, int whence) {
        off_t at = lseek(s->fd, whence == SEEK_CUR ? to - (off_t)s->n : to, whence);
        if (at < 0)
                return -1;
        s->at = s->n = 0;
        s->over = false;
        return at;
}
