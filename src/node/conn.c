/* SPDX-License-Identifier: Apache-2.0 */
#include "node/conn.h"
#include "base/file.h"
#include "base/log.h"
#include "node/endpoint.h"
#include "node/internal.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DIAL_TIME 10000     /* ms until a connection must stand */
#define GOODBYE_TIME 2000   /* ms for the last bytes to go out and the other side to close */
#define DEADLINE_PERIOD 250 /* ms */
#define DRAIN_FIRST 1       /* ms until a link with a backlog is looked at: a fast one waits for the core by then … */
#define DRAIN_MOST 4       /* … and, where nothing has gone, until it is again; the core's threshold is 50 ms worth */
#define BACKLOG_STEP 4     /* a change by less than a quarter is not worth an event */
#define BACKLOG_LEAST 2048 /* bytes in the kernel: half of the least that the core holds back for */
#define OUT_MAX (8 * 1024 * 1024) /* bytes that may wait in this process; the core stops long before */
#define CONNS_MAX 96              /* all; the core keeps 12, dials and goodbyes come on top */
#define ACCEPTED_MAX 64
#define ACCEPTED_PER_IP 16 /* a block of flats behind one address; a stranger takes a quarter of all places at most */
#define LOG_LINES 20       /* a minute */
#define HAUL_NOTSENT 65536 /* bytes of footage the kernel takes ahead of what it sends … */
#define HAUL_AT_ONCE                                                                                                   \
        65536 /* … and that collect before they are handed to it. Asking for memory anew costs more than a call */

enum conn_state { CONN_DIALLING, CONN_UP, CONN_LEAVING, CONN_CLOSED };

struct conn {
        struct list on;
        struct node *n;
        mesh_link number; /* 0: the core knows it no more */
        enum conn_state state;
        bool dialled, dirty, shut;
        struct mesh_addr addr;
        mesh_time deadline;   /* 0: none */
        size_t reported;      /* backlog the core knows of */
        size_t handed;        /* bytes the kernel may still hold: what it said last, and all since */
        bool met;             /* its bytes go through porchlight-ice, … */
        mesh_link meeting;    /* … which knows it by this number, … */
        uint64_t sent;        /* … and says how many of all that were handed out … */
        uint64_t arrived;     /* … have arrived */
        struct mesh_addr own; /* this machine's address that it goes from, as far as that is known there */
        enum wire_e_candidate here, there;
        union {
                uv_handle_t handle;
                uv_stream_t stream;
                uv_tcp_t tcp;
                uv_pipe_t pipe; /* where it was met */
        } s;
        uv_connect_t connect;
        uv_shutdown_t shutdown;
        struct sink out;
};

static void conn_reap(uv_handle_t *handle) {
        struct conn *l = CONTAINER_OF(handle, struct conn, s);
        if (l->state != CONN_CLOSED || !uv_is_closing(handle))
                return;
        if (l->met)
                ice_left(l->n, l->meeting);
        sink_fini(&l->out);
        list_drop(&l->on);
        free(l);
}

static void conn_close(struct conn *l) {
        if (l->state == CONN_CLOSED)
                return;
        l->state = CONN_CLOSED;
        l->number = 0;
        uv_close(&l->s.handle, conn_reap);
}

/* The connection is gone, or never was: the core hears of it unless it hung up itself. */
static void conn_lost(struct conn *l) {
        struct node *n = l->n;
        mesh_link number = l->number;
        conn_close(l);
        if (number)
                node_feed(n, (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = number});
}

static struct conn *conn_find(struct node *n, mesh_link number) {
        LIST_EACH (l, &n->conns.all, struct conn, on) {
                if (l->number == number && number)
                        return l;
        }
        n->conns.late++;
        return NULL;
}

/* ---- leaving ---- */

static void on_shutdown(uv_shutdown_t *req, int status) {
        struct conn *l = CONTAINER_OF(req, struct conn, shutdown);
        if (status < 0)
                conn_close(l);
}

/* All is with the kernel: says so, then waits for the other side to close, lest a reset overtake the last bytes. */
static void say_end(struct conn *l) {
        if (l->shut || sink_waiting(&l->out))
                return;
        l->shut = true;
        if (uv_shutdown(&l->shutdown, &l->s.stream, on_shutdown))
                conn_close(l);
}

static void arm_deadline(struct conn *l, uint64_t wait);

static void conn_leave(struct conn *l) {
        l->number = 0;
        if (l->state != CONN_UP || sink_flush(&l->out)) {
                conn_close(l);
                return;
        }
        l->state = CONN_LEAVING;
        arm_deadline(l, GOODBYE_TIME);
        say_end(l);
}

/* ---- backlog ---- */

/* The kernel knows nothing of what the helper holds: an alert would stand behind all of that. */
static size_t backlog_met(const struct conn *l) {
        uint64_t under_way = l->sent - l->arrived;
        return under_way < BACKLOG_LEAST ? sink_waiting(&l->out) : (size_t)under_way;
}

/* What waits here and, if that is worth asking for, in the kernel: an alert is on its way before anybody asks. */
static size_t backlog(struct conn *l) {
        size_t waiting = sink_waiting(&l->out);
        int queued = 0;
        uv_os_fd_t fd;
        if (l->met)
                return backlog_met(l);
        if (l->handed < BACKLOG_LEAST)
                return waiting;
        bool asked = uv_fileno(&l->s.handle, &fd) == 0 && ioctl(fd, SIOCOUTQ, &queued) == 0;
        l->handed = asked && queued > 0 ? (size_t)queued : 0;
        return l->handed < BACKLOG_LEAST ? waiting : waiting + l->handed;
}

static void report(struct conn *l, size_t bytes) {
        l->reported = bytes;
        node_feed(l->n, (struct mesh_event){.type = MESH_EV_WRITABLE, .link = l->number, .writable.backlog = bytes});
}

static bool any_backlog(struct conns *ls) {
        LIST_EACH (l, &ls->all, struct conn, on) {
                if (l->state == CONN_UP && l->reported && !l->met)
                        return true;
        }
        return false;
}

/* False: not as much has gone as is worth an event. */
static bool report_less(struct conn *l) {
        size_t now = backlog(l), step = l->reported / BACKLOG_STEP;
        if (!l->reported || (now && now + step >= l->reported))
                return false;
        report(l, now);
        return true;
}

static void on_drain(uv_timer_t *timer) {
        struct conns *ls = CONTAINER_OF(timer, struct conns, drain);
        bool gone = false;
        LIST_EACH (l, &ls->all, struct conn, on) {
                if (l->state == CONN_UP && !l->met)
                        gone |= report_less(l);
        }
        ls->drain_ms = gone ? DRAIN_FIRST : MIN(ls->drain_ms * 2, DRAIN_MOST);
        if (any_backlog(ls))
                uv_timer_start(timer, on_drain, (uint64_t)ls->drain_ms, 0);
}

static void watch_drain(struct node *n) {
        if (uv_is_active((uv_handle_t *)&n->conns.drain))
                return;
        n->conns.drain_ms = DRAIN_FIRST;
        uv_timer_start(&n->conns.drain, on_drain, DRAIN_FIRST, 0);
}

static void flush(struct conn *l) {
        l->dirty = false;
        if (l->state != CONN_UP)
                return;
        if (sink_flush(&l->out)) {
                conn_lost(l);
                return;
        }
        size_t now = backlog(l);
        if (now && !l->met)
                watch_drain(l->n);
        report(l, now);
}

void conns_flush(struct node *n) {
        if (!n->conns.dirty)
                return;
        n->conns.dirty = false;
        LIST_EACH (l, &n->conns.all, struct conn, on) {
                if (l->dirty)
                        flush(l);
        }
}

static void on_written(struct sink *s, int status) {
        struct conn *l = CONTAINER_OF(s, struct conn, out);
        if (l->state == CONN_CLOSED)
                return;
        if (status)
                conn_lost(l);
        else if (l->state == CONN_LEAVING)
                say_end(l);
        else
                report(l, backlog(l));
}

/* ---- reading ---- */

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
        struct conn *l = CONTAINER_OF(stream, struct conn, s);
        if (got < 0)
                conn_lost(l);
        else if (got > 0 && l->state == CONN_UP)
                node_feed(l->n, (struct mesh_event){.type = MESH_EV_RECV,
                                                    .link = l->number,
                                                    .recv = span_of(buf->base, (size_t)got)});
}

static void on_alloc(uv_handle_t *handle, _unused_ size_t suggested, uv_buf_t *ret) {
        *ret = node_read_buffer(CONTAINER_OF(handle, struct conn, s)->n);
}

/* ---- coming up ---- */

static bool learn_peer(struct conn *l) {
        struct sockaddr_storage sa;
        int n = sizeof(sa);
        return uv_tcp_getpeername(&l->s.tcp, (struct sockaddr *)&sa, &n) == 0 &&
               endpoint_from_sockaddr((struct sockaddr *)&sa, &l->addr);
}

static void conn_up(struct conn *l) {
        struct node *n = l->n;
        struct mesh_event ev = {.type = MESH_EV_LINK_UP, .link = l->number};
        l->state = CONN_UP;
        l->deadline = 0;
        if (!l->met)
                uv_tcp_nodelay(&l->s.tcp, 1);
        if (uv_read_start(&l->s.stream, on_alloc, on_read)) {
                conn_lost(l);
                return;
        }
        ev.up.addr = l->addr;
        ev.up.dialled = l->dialled;
        ev.up.lan = !l->met && listen_is_lan(n, &l->addr);
        node_feed(n, ev);
}

static struct conn *conn_new(struct node *n, mesh_link number, bool met) {
        struct conn *l = calloc(1, sizeof(*l));
        if (!l)
                return NULL;
        l->n = n;
        l->number = l->meeting = number;
        l->met = met;
        list_init(&l->on);
        if (met ? uv_pipe_init(n->loop, &l->s.pipe, 0) : uv_tcp_init(n->loop, &l->s.tcp)) {
                free(l);
                return NULL;
        }
        list_push(&n->conns.all, &l->on);
        sink_init(&l->out, &l->s.stream, OUT_MAX, on_written);
        return l;
}

struct tally {
        unsigned all, accepted, same;
};

static struct tally count_conns(struct node *n, const struct mesh_addr *ip) {
        struct tally t = {0};
        LIST_EACH (l, &n->conns.all, struct conn, on) {
                t.all++;
                t.accepted += !l->dialled && !l->met;
                t.same += !l->dialled && !l->met && ip && endpoint_same_ip(&l->addr, ip);
        }
        return t;
}

/* @l itself is counted already. */
static bool too_many(struct conn *l) {
        struct tally t = count_conns(l->n, &l->addr);
        bool crowd = t.same > ACCEPTED_PER_IP && !endpoint_is_loopback(&l->addr);
        if (t.accepted <= ACCEPTED_MAX && t.all <= CONNS_MAX && !crowd)
                return false;
        if (quiet_may(&l->n->conns.refusals, uv_now(l->n->loop), LOG_LINES)) {
                _clean_(buf_fini) struct buf text = BUF_NULL;
                endpoint_text(&text, &l->addr);
                log_warning("%s: %u connections (%u from there), refusing one more", buf_cstr(&text), t.accepted,
                            t.same);
        }
        return true;
}

static mesh_link next_number(struct node *n) {
        n->conns.last = n->conns.last + 1 < MESH_LINK_MET ? n->conns.last + 1 : 1;
        return n->conns.last;
}

bool conn_accept(struct node *n, uv_stream_t *listener) {
        struct conn *l = conn_new(n, 0, false);
        if (!l)
                return false;
        if (uv_accept(listener, &l->s.stream) || !learn_peer(l) || too_many(l)) {
                conn_close(l);
                return true;
        }
        l->number = next_number(n);
        reach_accepted(n, &l->addr);
        conn_up(l);
        return true;
}

static void on_connect(uv_connect_t *req, int status) {
        struct conn *l = CONTAINER_OF(req, struct conn, connect);
        if (l->state != CONN_DIALLING)
                return;
        if (status) {
                _clean_(buf_fini) struct buf text = BUF_NULL;
                endpoint_text(&text, &l->addr);
                log_debug("%s: %s", buf_cstr(&text), uv_strerror(status));
                conn_lost(l);
                return;
        }
        conn_up(l);
}

static void dial_failed(struct node *n, mesh_link number) {
        node_feed(n, (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = number});
}

void conn_dial(struct node *n, mesh_link number, const struct mesh_addr *addr) {
        struct sockaddr_storage sa;
        struct conn *l = count_conns(n, NULL).all < CONNS_MAX && !n->stopping ? conn_new(n, number, false) : NULL;
        if (!l) {
                dial_failed(n, number);
                return;
        }
        l->dialled = true;
        l->addr = *addr;
        endpoint_to_sockaddr(addr, &sa);
        if (uv_tcp_connect(&l->connect, &l->s.tcp, (struct sockaddr *)&sa, on_connect))
                conn_lost(l);
        else
                arm_deadline(l, DIAL_TIME);
}

/* ---- through routers ---- */

bool conn_met(struct node *n, mesh_link number, const struct conn_meeting *m, int fd) {
        bool room = count_conns(n, NULL).all < CONNS_MAX && !n->stopping;
        struct conn *l = room ? conn_new(n, number, true) : NULL;
        if (!l) {
                close(fd);
                dial_failed(n, number);
                return false;
        }
        l->dialled = m->calls;
        l->addr = m->addr;
        l->own = m->own;
        l->here = m->here;
        l->there = m->there;
        if (uv_pipe_open(&l->s.pipe, fd)) {
                close(fd);
                conn_lost(l);
                return true;
        }
        conn_up(l);
        return true;
}

int conn_arrived(struct node *n, mesh_link meeting, uint64_t bytes) {
        LIST_EACH (l, &n->conns.all, struct conn, on) {
                if (!l->met || l->meeting != meeting)
                        continue;
                if (bytes <= l->arrived || bytes > l->sent)
                        return CONN_E_NEVER;
                l->arrived = bytes;
                if (l->state == CONN_UP)
                        report_less(l);
                return 0;
        }
        return CONN_E_NONE;
}

bool conn_way(struct node *n, mesh_link number, enum wire_e_candidate *ret_here, enum wire_e_candidate *ret_there) {
        LIST_EACH (l, &n->conns.all, struct conn, on) {
                if (l->number != number || !l->met)
                        continue;
                *ret_here = l->here;
                *ret_there = l->there;
                return true;
        }
        return false;
}

/* ---- the core's actions ---- */

void conn_send(struct node *n, mesh_link number, struct span bytes) {
        struct conn *l = conn_find(n, number);
        if (!l || l->state != CONN_UP)
                return;
        if (l->out.keep && sink_buf(&l->out)->n + bytes.n > HAUL_AT_ONCE && sink_flush(&l->out)) {
                conn_lost(l);
                return;
        }
        buf_add(sink_buf(&l->out), bytes);
        l->handed += bytes.n;
        l->sent += bytes.n;
        l->dirty = n->conns.dirty = true;
}

/* What the kernel has not sent yet it need not hold twice: more than a little waits here. A hint: where it is not taken, the
 * window in the core still bounds what is under way. The packets are not marked as bulk: whoever sees the line would be told
 * which connections are about footage. */
bool conn_carries(struct node *n, mesh_link number) {
        struct conn *l = conn_find(n, number);
        int waiting = HAUL_NOTSENT;
        uv_os_fd_t fd;
        if (!l || uv_fileno(&l->s.handle, &fd))
                return false;
        if (!l->met)
                setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &waiting, sizeof(waiting));
        l->out.keep = HAUL_AT_ONCE;
        return listen_is_lan(n, &l->addr);
}

static bool worth_saying(enum wire_e_reason r) {
        switch (r) {
        case REASON_SHUTDOWN:
        case REASON_DUPLICATE:
        case REASON_FULL:
        case REASON_SELF:
        case REASON_REKEYED:
        case REASON_VISITED:
        case REASON_SILENT:
        case REASON_IDLE:
        case REASON_ELSEWHERE:
                return false;
        case REASON_NOT_MEMBER:
        case REASON_REMOVED:
        case REASON_BAD_HANDSHAKE:
        case REASON_BAD_FRAME:
        case REASON_BAD_SIGNATURE:
        case REASON_OVERLOAD:
        case REASON_DEVICES_FULL:
        case REASON_TICKET_USED:
        case REASON_TICKET_EXPIRED:
        case REASON_TICKET_REVOKED:
        case REASON_TICKET_BAD:
        case REASON_NAME_REFUSED:
        case REASON_MESH_FULL:
        case REASON_BUDGET:
        case REASON_NOT_ISSUED_HERE:
                return true;
        }
        return true;
}

void conn_hangup(struct node *n, mesh_link number, enum wire_e_reason reason) {
        struct conn *l = conn_find(n, number);
        if (!l)
                return;
        if (worth_saying(reason) && quiet_may(&n->conns.hangups, uv_now(n->loop), LOG_LINES)) {
                _clean_(buf_fini) struct buf text = BUF_NULL;
                endpoint_text(&text, &l->addr);
                log_info("%s: %s, hanging up", buf_cstr(&text), node_enum_doc(&wire_reason_enum, reason));
        }
        conn_leave(l);
}

/* ---- deadlines ---- */

static bool has_deadline(const struct conn *l) {
        return l->state != CONN_CLOSED && l->deadline;
}

static bool any_deadline(struct conns *ls) {
        LIST_EACH (l, &ls->all, struct conn, on) {
                if (has_deadline(l))
                        return true;
        }
        return false;
}

static void on_deadlines(uv_timer_t *timer) {
        struct conns *ls = CONTAINER_OF(timer, struct conns, deadlines);
        struct node *n = CONTAINER_OF(ls, struct node, conns);
        mesh_time now = uv_now(n->loop);
        LIST_EACH (l, &ls->all, struct conn, on) {
                if (has_deadline(l) && now >= l->deadline)
                        conn_lost(l);
        }
        if (!any_deadline(ls))
                uv_timer_stop(timer);
}

static void arm_deadline(struct conn *l, uint64_t wait) {
        uv_timer_t *timer = &l->n->conns.deadlines;
        l->deadline = uv_now(l->n->loop) + wait;
        if (!uv_is_active((uv_handle_t *)timer))
                uv_timer_start(timer, on_deadlines, DEADLINE_PERIOD, DEADLINE_PERIOD);
}

/* ---- addresses that are gone ---- */

/* Where it goes from here. False: nobody knows. */
static bool own_end(const struct conn *l, struct sockaddr_storage *ret) {
        static const struct mesh_addr unknown;
        int n = sizeof(*ret);
        if (!l->met)
                return uv_tcp_getsockname(&l->s.tcp, (struct sockaddr *)ret, &n) == 0;
        endpoint_to_sockaddr(&l->own, ret);
        return memcmp(l->own.ip, unknown.ip, sizeof(unknown.ip)) != 0;
}

/* Nothing can come to it any more, and nothing go from it; TCP would find out in a quarter of an hour, and porchlight-ice in ten
 * seconds. */
static bool is_homeless(const struct conn *l) {
        struct sockaddr_storage sa;
        if (l->state == CONN_CLOSED || !own_end(l, &sa))
                return false;
        socklen_t n = sa.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
        if (sa.ss_family == AF_INET6)
                ((struct sockaddr_in6 *)&sa)->sin6_port = 0;
        else
                ((struct sockaddr_in *)&sa)->sin_port = 0;
        int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        bool gone = fd >= 0 && bind(fd, (struct sockaddr *)&sa, n) && errno == EADDRNOTAVAIL;
        file_close(&fd);
        return gone;
}

void conns_look(struct node *n) {
        LIST_EACH (l, &n->conns.all, struct conn, on) {
                if (is_homeless(l))
                        conn_lost(l);
        }
}

void conns_init(struct node *n) {
        list_init(&n->conns.all);
        uv_timer_init(n->loop, &n->conns.drain);
        uv_timer_init(n->loop, &n->conns.deadlines);
}

void conns_stop(struct node *n) {
        LIST_EACH (l, &n->conns.all, struct conn, on) {
                if (l->state == CONN_UP || l->state == CONN_DIALLING)
                        conn_leave(l);
        }
}

bool conns_idle(const struct node *n) {
        return list_empty(&n->conns.all);
}

void conns_close(struct node *n) {
        LIST_EACH (l, &n->conns.all, struct conn, on) {
                conn_close(l);
        }
        uv_close((uv_handle_t *)&n->conns.drain, NULL);
        uv_close((uv_handle_t *)&n->conns.deadlines, NULL);
}
