/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porchlight-router: asks the home's router to pass a port on, for porchlightd, which has it started with a socketpair as file
 * descriptor 3 (proto/router.def). NAT-PMP is tried first, which costs a datagram each way; then UPnP, which is SSDP, HTTP and
 * XML. Routers and whoever else is on the network make what these libraries read, so they read it here: no key, no file,
 * nothing but memory, a clock and the network. What it got it renews, and gives back when the daemon is gone, however that
 * went. It does one thing after the other; what takes longer than ACT_TIME ends the process, and with it nothing else.
 */
#include "base/file.h"
#include "base/helper.h"
#include "base/log.h"
#include "router/ask.h"
#include "router/walls.h"
#include "wire/frame.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAME "porchlight-router"
#define DAEMON_FD 3
#define READ_BYTES 4096
#define FILES_MOST 32
#define MEMORY_MOST (UINT64_C(96) << 20) /* bytes of addresses: whatever a router sends without end, it is not kept */
#define ACT_TIME 30                      /* s for asking, by both ways */
#define RETURN_TIME 4    /* s for giving back: the daemon waits for it 5 s at most (node.c, STOP_TIME) */
#define LOOK_PERIOD 3600 /* s between looks at what needs no renewing: the router may have been restarted */

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
        bool wanted; /* there is a port to be mapped */
        int64_t due; /* ms: when it is renewed; -1: never */
};

static int64_t now_ms(void) {
        struct timespec ts;
        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void say(enum wire_router number, const void *msg) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        frame_put(&out, wire_router_find(number), msg);
        if (buf_ok(&out))
                (void)file_write(DAEMON_FD, buf_span(&out)); /* where the daemon is gone the reader hears of it */
}

static void say_mapped(const struct ask *a) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_router_mapped said = {.by = a->by, .lease = a->granted};
        struct wire_addr place = {.port = a->outside.port};
        WIRE_PUT(&place, ADDR, ip4, SPAN_OF(a->outside.ip));
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
        uint32_t lease = h->ask.granted;
        h->due = now_ms() + (lease ? (int64_t)MIN(MAX(lease / 2, 1u), LOOK_PERIOD) : LOOK_PERIOD) * 1000;
        say_mapped(&h->ask);
}

static void give_back(struct helper *h) {
        alarm(RETURN_TIME);
        ask_return(&h->ask);
        alarm(0);
        h->wanted = false;
        h->due = -1;
}

static bool heard(struct helper *h, enum wire_router number, const union frame_message *m) {
        switch (number) {
        case ROUTER_MAP:
                if (h->wanted && h->ask.port != m->router_map.port)
                        give_back(h);
                h->ask.port = (uint16_t)m->router_map.port;
                h->ask.lease = (uint32_t)m->router_map.lease;
                h->wanted = true;
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

static int wait_ms(const struct helper *h) {
        int64_t left = h->due < 0 ? -1 : h->due - now_ms();
        return h->due < 0 ? -1 : (int)MAX(left, (int64_t)0);
}

static int serve(struct helper *h) {
        int r = 0;
        while (r == 0) {
                struct pollfd p = {.fd = DAEMON_FD, .events = POLLIN};
                int n = poll(&p, 1, wait_ms(h));
                if (n > 0)
                        r = take_in(h);
                else if (n == 0)
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
        h = (struct helper){.in = BUF_MAX(FRAME_MAX + READ_BYTES), .due = -1};
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
