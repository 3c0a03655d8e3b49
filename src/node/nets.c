/* SPDX-License-Identifier: Apache-2.0 */
#include "node/nets.h"
#include "base/log.h"
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
#define DRAIN_MOST 64       /* messages read in one turn of the loop */
#define SLEPT_LEAST 1000    /* ms: less is a clock read between two instants */
#define CLOCK_FAR 315360000 /* s: ten years, after which it is armed anew */

static void on_settled(uv_timer_t *timer) {
        struct node *n = CONTAINER_OF(CONTAINER_OF(timer, struct nets, timer), struct node, nets);
        bool routes = n->nets.routes;
        n->nets.routes = false;
        if (n->stopping)
                return;
        conns_look(n);
        listen_look(n);
        lan_look(n);
        reach_look(n, routes);
}

void nets_look_soon(struct node *n) {
        if (!n->stopping && !uv_is_active((uv_handle_t *)&n->nets.timer))
                uv_timer_start(&n->nets.timer, on_settled, SETTLE_TIME, 0);
}

/* ---- addresses and routes ---- */

/* Beyond its kind and whether it is of the way out, what a message says does not matter: a forged one costs a look. */
static bool tells_of_routes(const uint8_t *bytes, size_t n) {
        struct nlmsghdr head;
        struct rtmsg route;
        if (n < NLMSG_LENGTH(sizeof(route)))
                return false;
        memcpy(&head, bytes, sizeof(head));
        memcpy(&route, bytes + NLMSG_HDRLEN, sizeof(route));
        return (head.nlmsg_type == RTM_NEWROUTE || head.nlmsg_type == RTM_DELROUTE) && route.rtm_dst_len == 0 &&
               route.rtm_table == RT_TABLE_MAIN;
}

static void on_change(uv_poll_t *poll, _unused_ int status, _unused_ int events) {
        struct nets *nets = CONTAINER_OF(poll, struct nets, poll);
        uint8_t bytes[DRAIN_BYTES];
        ssize_t n;
        for (int i = 0; i < DRAIN_MOST && (n = recv(nets->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0; i++)
                nets->routes |= tells_of_routes(bytes, (size_t)n);
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
