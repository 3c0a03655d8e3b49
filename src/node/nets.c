/* SPDX-License-Identifier: Apache-2.0 */
#include "node/nets.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "node/internal.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SETTLE_TIME 250   /* ms: an interface that comes up is told of in several messages */
#define LOOK_PERIOD 30000 /* ms between looks where the kernel doesn't tell */
#define DRAIN_BYTES 4096
#define WAY_BYTES 64        /* the numbers of an interface and a router, with their heads */
#define DRAIN_MOST 64       /* messages read in one turn of the loop */
#define SLEPT_LEAST 1000    /* ms: less is a clock read between two instants */
#define CLOCK_FAR 315360000 /* s: ten years, after which it is armed anew */

static void on_settled(uv_timer_t *timer) {
        struct node *n = CONTAINER_OF(CONTAINER_OF(timer, struct nets, timer), struct node, nets);
        bool routes = n->nets.routes, elsewhere = n->nets.elsewhere;
        n->nets.routes = n->nets.elsewhere = false;
        if (n->stopping)
                return;
        conns_look(n);
        listen_look(n);
        lan_look(n);
        reach_look(n, routes);
        if (elsewhere) /* the addresses may be called the same as before */
                lan_tell(n);
}

void nets_look_soon(struct node *n) {
        if (!n->stopping && !uv_is_active((uv_handle_t *)&n->nets.timer))
                uv_timer_start(&n->nets.timer, on_settled, SETTLE_TIME, 0);
}

/* ---- addresses and routes ---- */

/* Which router the way out leads to, and over which interface. A route is told of anew that is no other one: then it is the same. */
static uint64_t way_named(const uint8_t *bytes, size_t n) {
        static const uint8_t salt[16];
        uint8_t named[WAY_BYTES];
        struct rtattr a;
        size_t used = 0;
        for (size_t at = NLMSG_LENGTH(sizeof(struct rtmsg)); at + sizeof(a) <= n; at += RTA_ALIGN(a.rta_len)) {
                memcpy(&a, bytes + at, sizeof(a));
                if (a.rta_len < sizeof(a) || a.rta_len > n - at)
                        break;
                if ((a.rta_type != RTA_GATEWAY && a.rta_type != RTA_OIF) || a.rta_len > sizeof(named) - used)
                        continue;
                memcpy(named + used, bytes + at, a.rta_len);
                used += a.rta_len;
        }
        return hash_short(salt, span_of(named, used));
}

/* A forged message costs a look, and a question over each link. */
static void take_route(struct nets *nets, const struct nlmsghdr *head, const uint8_t *bytes, size_t n) {
        struct rtmsg route;
        if (n < NLMSG_LENGTH(sizeof(route)))
                return;
        memcpy(&route, bytes + NLMSG_HDRLEN, sizeof(route));
        if (route.rtm_dst_len || route.rtm_table != RT_TABLE_MAIN)
                return;
        uint64_t *way = &nets->ways[route.rtm_family == AF_INET6];
        uint64_t now = head->nlmsg_type == RTM_NEWROUTE ? way_named(bytes, n) : 0;
        nets->routes = true;
        nets->elsewhere |= now && now != *way;
        *way = now;
}

static void take(struct nets *nets, const uint8_t *bytes, size_t n) {
        struct nlmsghdr head;
        if (n < sizeof(head))
                return;
        memcpy(&head, bytes, sizeof(head));
        if (head.nlmsg_type == RTM_NEWROUTE || head.nlmsg_type == RTM_DELROUTE)
                take_route(nets, &head, bytes, MIN(n, (size_t)head.nlmsg_len));
}

static void on_change(uv_poll_t *poll, _unused_ int status, _unused_ int events) {
        struct nets *nets = CONTAINER_OF(poll, struct nets, poll);
        uint8_t bytes[DRAIN_BYTES];
        ssize_t n;
        for (int i = 0; i < DRAIN_MOST && (n = recv(nets->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0; i++)
                take(nets, bytes, (size_t)n);
        nets_look_soon(CONTAINER_OF(nets, struct node, nets));
}

static int open_socket(void) {
        struct sockaddr_nl sa = {.nl_family = AF_NETLINK,
                                 .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                              RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (fd < 0)
                return -1;
        if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
                return fd;
        close(fd);
        return -1;
}

/* ---- sleep, and the clock ---- */

static mesh_time clock_ms(clockid_t which) {
        struct timespec ts;
        clock_gettime(which, &ts);
        return (mesh_time)ts.tv_sec * 1000 + (mesh_time)ts.tv_nsec / 1000000;
}

/* One of these clocks goes on while the machine sleeps. The first is read first, so that a pause between the two is no sleep. */
static mesh_time asleep(void) {
        mesh_time all = clock_ms(CLOCK_BOOTTIME), awake = clock_ms(CLOCK_MONOTONIC);
        return all > awake ? all - awake : 0;
}

static bool arm(int fd) {
        const struct itimerspec never = {.it_value.tv_sec = (time_t)(node_wall() + CLOCK_FAR)};
        return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) == 0;
}

/* libuv's timers stand still while the machine sleeps: what was due then is late by as much, unless somebody looks. */
static void on_clock(uv_poll_t *poll, _unused_ int status, _unused_ int events) {
        struct nets *nets = CONTAINER_OF(poll, struct nets, clock_poll);
        struct node *n = CONTAINER_OF(nets, struct node, nets);
        uint64_t times;
        if (read(nets->clock, &times, sizeof(times)) < 0 && errno == EAGAIN)
                return;
        (void)arm(nets->clock);
        nets_woke(n);
}

void nets_woke(struct node *n) {
        mesh_time now = asleep(), slept = now > n->nets.asleep ? now - n->nets.asleep : 0;
        n->nets.asleep = now;
        if (n->stopping)
                return;
        n->deadline = MESH_NEVER; /* which sets the timer anew */
        if (slept < SLEPT_LEAST) {
                node_feed(n, (struct mesh_event){.type = MESH_EV_TICK});
                return;
        }
        log_info("this machine has slept for %llu s: looking at all links", (unsigned long long)(slept / 1000));
        lan_tell(n);
        n->nets.routes = true;
        nets_look_soon(n);
}

static void watch_clock(struct node *n) {
        struct nets *nets = &n->nets;
        int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (fd >= 0 && arm(fd) && uv_poll_init(n->loop, &nets->clock_poll, fd) == 0) {
                nets->clock = fd;
                uv_poll_start(&nets->clock_poll, UV_READABLE, on_clock);
        } else if (fd >= 0) {
                close(fd);
        }
}

void nets_init(struct node *n) {
        n->nets.fd = n->nets.clock = -1;
        n->nets.asleep = asleep();
        uv_timer_init(n->loop, &n->nets.timer);
}

void nets_start(struct node *n) {
        struct nets *nets = &n->nets;
        int fd = open_socket();
        watch_clock(n);
        if (fd >= 0 && uv_poll_init(n->loop, &nets->poll, fd) == 0) {
                nets->fd = fd;
                uv_poll_start(&nets->poll, UV_READABLE, on_change);
                return;
        }
        if (fd >= 0)
                close(fd);
        log_info("the kernel doesn't tell of changes to the network: looking every %d s", LOOK_PERIOD / 1000);
        uv_timer_start(&nets->timer, on_settled, LOOK_PERIOD, LOOK_PERIOD);
}

void nets_close(struct node *n) {
        uv_close((uv_handle_t *)&n->nets.timer, NULL);
        if (n->nets.clock >= 0) {
                uv_close((uv_handle_t *)&n->nets.clock_poll, NULL);
                close(n->nets.clock);
                n->nets.clock = -1;
        }
        if (n->nets.fd < 0)
                return;
        uv_close((uv_handle_t *)&n->nets.poll, NULL);
        close(n->nets.fd);
        n->nets.fd = -1;
}
