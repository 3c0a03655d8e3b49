/* SPDX-License-Identifier: Apache-2.0 */
#include "names/ask.h"

#include "base/file.h"
#include "wire/codec.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 49
#define PROBLEM_MOST 96
#define STACK_BYTES (256 * 1024) /* the resolver keeps answers of 64 KiB on it */

struct question {
        struct asker *a;
        uint64_t number, port;
        char name[NAME_BYTES];
};

/* Whether there is a place for one more, which is taken then. */
static bool take_place(struct asker *a) {
        pthread_mutex_lock(&a->lock);
        bool may = a->running < ASK_MOST;
        a->running += may;
        pthread_mutex_unlock(&a->lock);
        return may;
}

static void give_place(struct asker *a) {
        pthread_mutex_lock(&a->lock);
        a->running--;
        pthread_mutex_unlock(&a->lock);
}

static void answer(struct asker *a, const struct wire_names_found *said) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        frame_put(&out, wire_names_find(NAMES_FOUND), said);
        pthread_mutex_lock(&a->lock);
        if (buf_ok(&out))
                (void)file_write(a->fd, buf_span(&out)); /* where the daemon is gone the reader hears of it */
        pthread_mutex_unlock(&a->lock);
}

static void refuse(struct asker *a, uint64_t number, const char *why) {
        struct wire_names_found said = {.number = number};
        WIRE_PUT(&said, NAMES_FOUND, problem, span_of(why, strnlen(why, PROBLEM_MOST)));
        answer(a, &said);
}

void ask_rows(const struct addrinfo *found, uint64_t port, struct wire_list *ret, struct buf *store) {
        for (const struct addrinfo *i = found; i && ret->count < ASK_ANSWERS; i = i->ai_next) {
                struct wire_addr row = {.port = port};
                if (i->ai_family == AF_INET)
                        WIRE_PUT(&row, ADDR, ip4, span_of(&((struct sockaddr_in *)(void *)i->ai_addr)->sin_addr, 4));
                else if (i->ai_family == AF_INET6)
                        WIRE_PUT(&row, ADDR, ip6, span_of(&((struct sockaddr_in6 *)(void *)i->ai_addr)->sin6_addr, 16));
                else
                        continue;
                wire_list_add(&wire_addr_desc, ret, store, &row);
        }
}

static void look_up(const struct question *q) {
        const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_names_found said = {.number = q->number};
        struct addrinfo *found = NULL;
        int r = getaddrinfo(q->name, NULL, &hints, &found);
        if (r) {
                refuse(q->a, q->number, r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
                return;
        }
        ask_rows(found, q->port, &said.addrs, &store);
        freeaddrinfo(found);
        if (said.addrs.count)
                WIRE_PUT(&said, NAMES_FOUND, addrs, said.addrs);
        answer(q->a, &said);
}

static void *run(void *arg) {
        struct question *q = arg;
        struct asker *a = q->a;
        look_up(q);
        free(q);
        give_place(a);
        return NULL;
}

/* 0, or errno. */
static int start(struct question *q) {
        pthread_attr_t how;
        pthread_t thread;
        int e = pthread_attr_init(&how);
        if (e)
                return e;
        pthread_attr_setstacksize(&how, STACK_BYTES);
        pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
        e = pthread_create(&thread, &how, run, q);
        pthread_attr_destroy(&how);
        return e;
}

void ask_begin(struct asker *a, const struct wire_names_find *m) {
        if (!take_place(a)) {
                refuse(a, m->number, "too many names at a time");
                return;
        }
        struct question *q = calloc(1, sizeof(*q));
        int e = q ? 0 : ENOMEM;
        if (q) {
                *q = (struct question){.a = a, .number = m->number, .port = m->port};
                memcpy(q->name, m->name.p, m->name.n); /* 48 bytes at most: proto/names.def */
                e = start(q);
        }
        if (e == 0)
                return;
        free(q);
        give_place(a);
        refuse(a, m->number, strerror(e));
}

void ask_wake(void) {
        struct addrinfo *found = NULL;
        if (getaddrinfo("localhost", NULL, NULL, &found) == 0)
                freeaddrinfo(found);
}
