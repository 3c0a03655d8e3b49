/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delay-box MS KBIT QUEUE FD...: lines of the internet where the kernel has no netem. Each FD is a TAP device, the only cable
 * of a network namespace. What comes in at one waits for that home's uplink of KBIT (QUEUE bytes fit before it, what is more
 * is lost), is on its way for MS milliseconds, and comes out where its address is; what is for all, or for whom nobody knows,
 * at all others. Ends with its standard input, and then says how many frames it carried and how many were lost.
 */
#include "base/base.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PORTS 32
#define FRAME_MOST 2048
#define MAC 6
#define AT_ONCE 32 /* frames of one cable before the others have their turn */
#define SECOND UINT64_C(1000000000)
#define WATCH_MS 1000 /* between two looks where nothing is on its way */

struct frame {
        struct frame *next;
        uint64_t due;
        size_t n;
        uint8_t bytes[FRAME_MOST];
};

/* One cable. Of one uplink frames come out in the order in which they went in. */
struct port {
        int fd;
        uint64_t free_at; /* when all that waits has left */
        struct frame *first, **last;
        uint8_t mac[MAC]; /* who was heard from there last */
        bool known;
};

static struct port ports[PORTS];
static size_t n_ports;
static uint64_t delay_ns, bytes_per_second, queue_bytes, carried, lost;

static uint64_t now_ns(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* When it has left the uplink; 0: it does not fit. */
static uint64_t leaves(struct port *p, size_t n, uint64_t now) {
        uint64_t begins = MAX(p->free_at, now);
        if (!bytes_per_second)
                return now;
        if ((begins - now) * bytes_per_second / SECOND > queue_bytes)
                return 0;
        p->free_at = begins + n * SECOND / bytes_per_second;
        return p->free_at;
}

static bool take(struct port *p) {
        struct frame *f = malloc(sizeof(*f));
        REQUIRE(f);
        ssize_t n = read(p->fd, f->bytes, sizeof(f->bytes));
        uint64_t left = n > 2 * MAC ? leaves(p, (size_t)n, now_ns()) : 0;
        if (!left) {
                lost += n > 0;
                free(f);
                return n > 0;
        }
        memcpy(p->mac, f->bytes + MAC, MAC);
        p->known = true;
        f->next = NULL;
        f->due = left + delay_ns;
        f->n = (size_t)n;
        *p->last = f;
        p->last = &f->next;
        return true;
}

static void take_some(struct port *p) {
        for (int i = 0; i < AT_ONCE && take(p); i++)
                continue;
}

static void give(const struct port *from, const struct frame *f) {
        const struct port *only = NULL;
        for (size_t i = 0; i < n_ports && !(f->bytes[0] & 1); i++)
                if (ports[i].known && memcmp(ports[i].mac, f->bytes, MAC) == 0)
                        only = &ports[i];
        for (size_t i = 0; i < n_ports; i++) {
                const struct port *to = &ports[i];
                if (to == from || (only && to != only))
                        continue;
                if (write(to->fd, f->bytes, f->n) == (ssize_t)f->n) /* else that device is down, or its queue is full */
                        carried++;
                else
                        lost++;
        }
}

/* What has arrived by now; when the next does. */
static uint64_t deliver(void) {
        uint64_t next = UINT64_MAX;
        for (size_t i = 0; i < n_ports; i++) {
                struct port *p = &ports[i];
                while (p->first && p->first->due <= now_ns()) {
                        struct frame *f = p->first;
                        p->first = f->next;
                        if (!p->first)
                                p->last = &p->first;
                        give(p, f);
                        free(f);
                }
                next = p->first ? MIN(next, p->first->due) : next;
        }
        return next;
}

static bool stdin_over(const struct pollfd *in) {
        char byte;
        return in->revents && read(in->fd, &byte, 1) <= 0;
}

static void run(void) {
        struct pollfd fds[PORTS + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
        for (size_t i = 0; i < n_ports; i++)
                fds[i + 1] = (struct pollfd){.fd = ports[i].fd, .events = POLLIN};
        while (!stdin_over(&fds[0])) {
                uint64_t next = deliver(), now = now_ns(), wait = next > now ? next - now : 0;
                wait = MIN(wait, (uint64_t)WATCH_MS * 1000000);
                const struct timespec t = {.tv_sec = (time_t)(wait / SECOND), .tv_nsec = (long)(wait % SECOND)};
                if (ppoll(fds, n_ports + 1, &t, NULL) < 0)
                        REQUIRE(errno == EINTR);
                for (size_t i = 0; i < n_ports; i++)
                        if (fds[i + 1].revents & POLLIN)
                                take_some(&ports[i]);
        }
}

int main(int argc, char **argv) {
        if (argc < 6 || argc > 4 + PORTS) {
                fputs("usage: delay-box MS KBIT QUEUE FD FD...\n", stderr);
                return 2;
        }
        delay_ns = strtoull(argv[1], NULL, 10) * 1000000;
        bytes_per_second = strtoull(argv[2], NULL, 10) * 1000 / 8;
        queue_bytes = strtoull(argv[3], NULL, 10);
        for (int i = 4; i < argc; i++) {
                struct port *p = &ports[n_ports++];
                p->fd = atoi(argv[i]);
                p->last = &p->first;
        }
        run();
        printf("{\"carried\": %llu, \"lost\": %llu}\n", (unsigned long long)carried, (unsigned long long)lost);
        return 0;
}
