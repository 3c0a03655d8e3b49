/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porchlight-router: asks the home's router to pass a port on, or to let calls in to it over IPv6, for porchlightd, which has it
 * started with a socketpair as file descriptor 3 (proto/router.def). PCP is tried first, then NAT-PMP, each of which costs a
 * datagram each way; then UPnP, which is SSDP, HTTP and XML. Routers and whoever else is on the network make what is read
 * here, so it is read here: no key, no file, nothing but memory, a clock and the network. What it got it renews, and gives
 * back when the daemon is gone, however that went. It does one thing after the other; what takes longer than ACT_TIME ends
 * the process, and with it nothing else.
 */
#include "base/file.h"
#include "base/helper.h"
#include "base/log.h"
#include "router/announce.h"
#include "router/walls.h"
#include "wire/frame.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define NAME "porchlight-router"
#define DAEMON_FD 3
#define READ_BYTES 4096
#define FILES_MOST 32
#define MEMORY_MOST (UINT64_C(96) << 20) /* bytes of addresses: whatever a router sends without end, it is not kept */
#define ACT_TIME 30                      /* s for asking, in all ways */
#define RETURN_TIME 4    /* s for giving back: the daemon waits for it 5 s at most (node.c, STOP_TIME) */
#define LOOK_PERIOD 3600 /* s between looks at what needs no renewing: the router may have been restarted */
/* A router that says it was restarted is asked after a while that differs from home to home (RFC 6887, 8.5 has up to 5 s; here there
 * are a few homes behind a router, and one that cannot be reached is worse), and not again for so long: anybody may say it. */
#define RESTART_MS 1000
#define RESTART_PAUSE_MS 10000
#define HEARD_PAUSE_MS 1000 /* ms between looks at what is said to everybody: a flood costs no more */

static const char help[] = "usage: porchlight-router\n"
                           "\n"
                           "Asks the router for a port, for porchlightd, which starts it with a socket as\n"
                           "file descriptor 3. There is nothing to do with it by hand.\n"
                           "\n"
                           "  --help     this text\n"
                           "  --version  the version\n";

struct helper {
        struct buf in;
        struct ask ask;
        bool wanted;     /* there is a port to be mapped */
        int64_t due;     /* ms: when it is renewed; -1: never */
        int heard;       /* where routers speak to everybody; -1: they are not heard */
        int64_t deaf;    /* ms: until when that is not read */
        int64_t restart; /* ms: until when a router's word that it was restarted is not minded */
};

static void say(enum wire_router number, const void *msg) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        frame_put(&out, wire_router_find(number), msg);
        if (buf_ok(&out))
                (void)file_write(DAEMON_FD, buf_span(&out)); /* where the daemon is gone the reader hears of it */
}

/* Seconds that what is held lasts; 0: for ever. More than was asked for nobody counts on, whatever the router says. */
static uint32_t lease_of(const struct ask *a) {
        return MIN(a->granted, a->lease);
}

static void say_mapped(const struct ask *a) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_router_mapped said = {.by = a->by, .lease = lease_of(a)};
        struct wire_addr place = {.port = a->outside.port};
        if (a->six)
                WIRE_PUT(&place, ADDR, ip6, SPAN_OF(a->outside.ip));
        else
                WIRE_PUT(&place, ADDR, ip4, span_of(a->outside.ip + PLACE_IP - 4, 4));
        wire_list_add(&wire_addr_desc, &said.place, &store, &place);
        say(ROUTER_MAPPED, &said);
}

/* Asks, or renews; says what came of it. Half of the time is left where the router does not answer at once. */
static void act(struct helper *h) {
        alarm(ACT_TIME);
        int r = ask_router(&h->ask);
        alarm(0);
        h->due = -1;
        if (r) {
                const struct wire_router_none said = {.why = (uint64_t)r};
                say(ROUTER_NONE, &said);
                return;
        }
        uint32_t lease = lease_of(&h->ask);
        h->due = ask_now() + (lease ? (int64_t)MIN(MAX(lease / 2, 1u), LOOK_PERIOD) : LOOK_PERIOD) * 1000;
        say_mapped(&h->ask);
}

static void give_back(struct helper *h) {
        alarm(RETURN_TIME);
        ask_return(&h->ask);
        alarm(0);
        h->wanted = false;
        h->due = -1;
}

static void take_inside(struct ask *a, struct wire_list list) {
        struct wire_addr row;
        a->n_inside = 0;
        while (a->n_inside < ASK_INSIDE_MAX && wire_list_next(&wire_addr_desc, &list, &row))
                if (WIRE_HAS(&row, ADDR, ip6))
                        memcpy(a->inside[a->n_inside++].ip, row.ip6.p, PLACE_IP);
}

/* Another port, or the other kind of addresses, is another wish. */
static void map(struct helper *h, const struct wire_router_map *m) {
        struct ask *a = &h->ask;
        bool six = WIRE_HAS(m, ROUTER_MAP, inside);
        if (h->wanted && (a->port != m->port || a->six != six))
                give_back(h);
        if (a->six != six || h->heard < 0) {
                file_close(&h->heard);
                h->heard = announce_open(six);
        }
        a->six = six;
        a->port = (uint16_t)m->port;
        a->lease = (uint32_t)m->lease;
        memcpy(a->nonce, m->nonce.p, sizeof(a->nonce));
        if (six)
                take_inside(a, m->inside);
        h->wanted = true;
}

static bool heard(struct helper *h, enum wire_router number, const union frame_message *m) {
        switch (number) {
        case ROUTER_MAP:
                map(h, &m->router_map);
                act(h);
                return true;
        case ROUTER_UNMAP:
                give_back(h);
                return true;
        case ROUTER_MAPPED:
        case ROUTER_NONE:
                break;
        }
        return false;
}

/* All whole messages. False: that was none. */
static bool take_frames(struct helper *h) {
        for (;;) {
                struct span body;
                size_t used;
                union frame_message m;
                const struct wire_number *row;
                int r = frame_take(buf_span(&h->in), &body, &used);
                if (r == FRAME_E_MORE)
                        return true;
                if (r || frame_read(body, wire_router_find, &row, &m, NULL) ||
                    !heard(h, (enum wire_router)row->number, &m))
                        return false;
                buf_drop(&h->in, used);
        }
}

/* 0: go on; 1: the daemon has closed; 2: it does not speak as it should. */
static int take_in(struct helper *h) {
        uint8_t *room = buf_room(&h->in, READ_BYTES);
        ssize_t n = room ? read(DAEMON_FD, room, READ_BYTES) : 0;
        if (n < 0 && errno == EINTR)
                return 0;
        if (n <= 0)
                return 1;
        buf_used(&h->in, (size_t)n);
        return take_frames(h) ? 0 : 2;
}

/* A router that forgot what it gave is asked as soon as that is good manners. */
static void hear_router(struct helper *h) {
        int64_t now = ask_now();
        h->deaf = now + HEARD_PAUSE_MS;
        if (!announce_read(h->heard, &h->ask) || now < h->restart || h->due < 0)
                return;
        uint16_t chance;
        if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != sizeof(chance))
                chance = 0;
        h->restart = now + RESTART_PAUSE_MS;
        h->due = MIN(h->due, now + chance % RESTART_MS);
        log_info("the router says that it was started anew: asking again");
}

static int wait_ms(const struct helper *h) {
        int64_t now = ask_now(), until = h->due;
        if (h->heard >= 0 && h->deaf > now)
                until = until < 0 ? h->deaf : MIN(until, h->deaf);
        return until < 0 ? -1 : (int)MAX(until - now, (int64_t)0);
}

static int serve(struct helper *h) {
        int r = 0;
        while (r == 0) {
                bool deaf = h->deaf > ask_now();
                struct pollfd p[] = {{.fd = DAEMON_FD, .events = POLLIN},
                                     {.fd = deaf ? -1 : h->heard, .events = POLLIN}};
                if (poll(p, ARRAY_LEN(p), wait_ms(h)) < 0)
                        continue;
                if (p[0].revents)
                        r = take_in(h);
                else if (p[1].revents)
                        hear_router(h);
                else if (h->due >= 0 && ask_now() >= h->due)
                        act(h);
        }
        if (h->wanted)
                give_back(h);
        return r;
}

int main(int argc, char **argv) {
        static struct helper h;
        struct helper_walls walls;
        int code;
        h = (struct helper){.in = BUF_MAX(FRAME_MAX + READ_BYTES), .due = -1, .heard = -1};
        if (!helper_begins(argc, argv, DAEMON_FD, NAME, NAME " " PORCHLIGHT_VERSION, help, &code))
                return code;
        helper_bound(DAEMON_FD, FILES_MOST, MEMORY_MOST);
        signal(SIGTERM, SIG_IGN); /* of a terminal or a service manager, to all: first it gives back what it has */
        signal(SIGINT, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        signal(SIGALRM, SIG_DFL);
        ask_init(&h.ask);
        if (!router_walls_shut(&walls)) {
                log_error("walls: this kernel does not take its rules: %s; see `dmesg`", strerror(errno));
                return EXIT_FAILED;
        }
        int r = serve(&h);
        buf_fini(&h.in);
        if (r == 2)
                log_error("what the daemon says is none of proto/router.def: are both of one version?");
        return r == 2 ? EXIT_FAILED : EXIT_SUCCESS;
}
