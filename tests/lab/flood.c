/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flood HOW ADDRESS PORT MS: as much as one process can send to a doorstep, for so long or until SIGTERM. HOW is what it sends:
 *   questions  STUN as clients ask it, by RFC 8489 and RFC 3489, with and without attributes
 *   forged     the same, each from another address that somebody made up (needs root)
 *   rubbish    datagrams that are cut off, too long, or whose lengths lie
 *   calls      TCP connections, bytes that mean nothing, and no goodbye
 * At the end it says what it has sent and what came back: datagrams (or calls), and bytes of them without headers.
 */
#include "base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE 64 /* datagrams a call of the kernel */
#define ROOM 1472  /* bytes: what fits into a packet of Ethernet */
#define AROUND (sizeof(struct iphdr) + sizeof(struct udphdr))
#define HEAD 20 /* of STUN */
#define COOKIE 0x2112a442u
#define CALLS 128 /* at once */
#define TTL 64

struct datagram {
        uint8_t around[AROUND]; /* of a forged one */
        uint8_t bytes[ROOM];
        size_t n;
};

static struct datagram datagrams[AT_ONCE];
static struct sockaddr_in to;
static volatile sig_atomic_t stopped;
static uint64_t until_ms, sent, sent_bytes, got, got_bytes;

static uint64_t now_ms(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void on_stop(_unused_ int sig) {
        stopped = 1;
}

static bool over(void) {
        return stopped || now_ms() >= until_ms;
}

/* xorshift: what it makes need not be hard to guess. */
static uint32_t any(void) {
        static uint32_t x;
        while (!x)
                REQUIRE(getrandom(&x, sizeof(x), 0) == sizeof(x));
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        return x;
}

static void fill(uint8_t *p, size_t n) {
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t)any();
}

/* ---- what is sent ---- */

static void put_head(struct datagram *d, size_t attributes, bool old) {
        fill(d->bytes, HEAD);
        put_be16(d->bytes, 1); /* Binding request */
        put_be16(d->bytes + 2, (uint16_t)attributes);
        if (!old)
                put_be32(d->bytes + 4, COOKIE);
        d->n = HEAD + attributes;
}

/* @i decides which; the attributes are such as nobody knows, so that each is to be named in the answer. */
static void make_question(struct datagram *d, unsigned i) {
        size_t n = i % 4 == 3 ? 4 * (1 + any() % 100) : 0;
        put_head(d, n, i % 2);
        for (size_t at = 0; at < n; at += 4) {
                put_be16(d->bytes + HEAD + at, (uint16_t)(0x7000 + at));
                put_be16(d->bytes + HEAD + at + 2, 0);
        }
}

static void make_rubbish(struct datagram *d, unsigned i) {
        size_t n = 4 * (any() % 120), lie = 4 * (1 + any() % 1000);
        fill(d->bytes, ROOM);
        d->bytes[0] |= 0x80; /* of no form of STUN */
        d->n = any() % ROOM;
        if (i % 4 == 0) { /* half a header */
                put_head(d, 0, i % 8);
                d->n = any() % HEAD;
        } else if (i % 4 == 1) { /* an attribute that is longer than all of it */
                put_head(d, n + 4, i % 8 == 1);
                put_be16(d->bytes + HEAD + 2, (uint16_t)(n + lie));
        } else if (i % 4 == 2) { /* it says that it is longer than it is */
                put_head(d, n, i % 8 == 2);
                put_be16(d->bytes + 2, (uint16_t)(n + lie));
        }
}

/* Somebody who never asked: of a network that is like no other one here. */
static void forge(struct datagram *d) {
        struct iphdr ip = {.version = 4, .ihl = 5, .ttl = TTL, .protocol = IPPROTO_UDP, .daddr = to.sin_addr.s_addr};
        const struct udphdr udp = {
                .source = (uint16_t)(any() | 1), .dest = to.sin_port, .len = htons((uint16_t)(sizeof(udp) + d->n))};
        ip.tot_len = htons((uint16_t)(AROUND + d->n));
        ip.saddr = htonl(0x0a000000 | (any() & 0xffffff));
        memcpy(d->around, &ip, sizeof(ip));
        memcpy(d->around + sizeof(ip), &udp, sizeof(udp));
}

/* ---- sending ---- */

static void hear_answers(int fd) {
        uint8_t room[ROOM];
        ssize_t n;
        while ((n = recv(fd, room, sizeof(room), MSG_DONTWAIT)) >= 0) {
                got++;
                got_bytes += (uint64_t)n;
        }
}

static void send_all(int fd, bool forged) {
        struct mmsghdr rows[AT_ONCE] = {0};
        struct iovec spans[AT_ONCE];
        for (size_t i = 0; i < AT_ONCE; i++) {
                struct datagram *d = &datagrams[i];
                if (forged)
                        forge(d);
                spans[i] = (struct iovec){forged ? d->around : d->bytes, d->n + (forged ? AROUND : 0)};
                rows[i].msg_hdr = (struct msghdr){
                        .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &spans[i], .msg_iovlen = 1};
        }
        int n = sendmmsg(fd, rows, AT_ONCE, 0);
        REQUIRE(n >= 0 || errno == EINTR || errno == ENOBUFS || errno == ECONNREFUSED || errno == EPERM);
        for (int i = 0; i < n; i++, sent++)
                sent_bytes += datagrams[i].n;
}

static void flood(void (*make)(struct datagram *d, unsigned i), bool forged) {
        int fd = forged ? socket(AF_INET, SOCK_RAW, IPPROTO_RAW) : socket(AF_INET, SOCK_DGRAM, 0);
        REQUIRE(fd >= 0);
        for (uint64_t round = 0; !over(); round++) {
                for (unsigned i = 0; round % 64 == 0 && i < AT_ONCE; i++)
                        make(&datagrams[i], i);
                send_all(fd, forged);
                if (!forged)
                        hear_answers(fd);
        }
        close(fd);
}

/* ---- calls ---- */

static int call(void) {
        const struct linger at_once = {.l_onoff = 1};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        REQUIRE(fd >= 0);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        REQUIRE(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS || errno == EADDRNOTAVAIL);
        return fd;
}

/* It has been taken, or not: the place is free for the next one. */
static void speak(int fd) {
        uint8_t room[ROOM];
        size_t n = 1 + any() % sizeof(room);
        fill(room, n);
        ssize_t went = send(fd, room, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        ssize_t came = recv(fd, room, sizeof(room), MSG_DONTWAIT);
        sent++;
        sent_bytes += went > 0 ? (uint64_t)went : 0;
        got += went > 0;
        got_bytes += came > 0 ? (uint64_t)came : 0;
        close(fd);
}

static void flood_calls(void) {
        struct pollfd at[CALLS];
        for (size_t i = 0; i < CALLS; i++)
                at[i] = (struct pollfd){.fd = call(), .events = POLLOUT};
        while (!over()) {
                REQUIRE(poll(at, CALLS, 10) >= 0 || errno == EINTR);
                for (size_t i = 0; i < CALLS; i++)
                        if (at[i].revents) {
                                speak(at[i].fd);
                                at[i].fd = call();
                        }
        }
}

int main(int argc, char **argv) {
        if (argc != 5 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) {
                fputs("usage: flood questions|forged|rubbish|calls ADDRESS PORT MS\n", stderr);
                return 2;
        }
        to.sin_family = AF_INET;
        to.sin_port = htons((uint16_t)atoi(argv[3]));
        signal(SIGTERM, on_stop);
        until_ms = now_ms() + strtoull(argv[4], NULL, 10);
        if (strcmp(argv[1], "calls") == 0)
                flood_calls();
        else
                flood(strcmp(argv[1], "rubbish") == 0 ? make_rubbish : make_question, strcmp(argv[1], "forged") == 0);
        printf("{\"sent\": %llu, \"sent_bytes\": %llu, \"got\": %llu, \"got_bytes\": %llu}\n", (unsigned long long)sent,
               (unsigned long long)sent_bytes, (unsigned long long)got, (unsigned long long)got_bytes);
        return 0;
}
