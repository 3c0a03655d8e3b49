/* SPDX-License-Identifier: Apache-2.0 */
#include "node/nets.h"
#include "base/log.h"
#include "node/internal.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define SETTLE_TIME 250   /* ms: an interface that comes up is told of in several messages */
#define LOOK_PERIOD 30000 /* ms between looks where the kernel doesn't tell */
#define DRAIN_BYTES 4096
#define DRAIN_MOST 64 /* messages read in one turn of the loop */

static void on_settled(uv_timer_t *timer) {
        struct node *n = CONTAINER_OF(CONTAINER_OF(timer, struct nets, timer), struct node, nets);
        if (n->stopping)
                return;
        listen_look(n);
        lan_look(n);
}

/* What a message says does not matter, only that there was one: a forged one costs a look. */
static void on_change(uv_poll_t *poll, _unused_ int status, _unused_ int events) {
        struct nets *nets = CONTAINER_OF(poll, struct nets, poll);
        uint8_t bytes[DRAIN_BYTES];
        for (int i = 0; i < DRAIN_MOST && recv(nets->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0; i++)
                ;
        if (!uv_is_active((uv_handle_t *)&nets->timer))
                uv_timer_start(&nets->timer, on_settled, SETTLE_TIME, 0);
}

static int open_socket(void) {
        struct sockaddr_nl sa = {.nl_family = AF_NETLINK,
                                 .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (fd < 0)
                return -1;
        if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
                return fd;
        close(fd);
        return -1;
}

void nets_init(struct node *n) {
        n->nets.fd = -1;
        uv_timer_init(n->loop, &n->nets.timer);
}

void nets_start(struct node *n) {
        struct nets *nets = &n->nets;
        int fd = open_socket();
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
        if (n->nets.fd < 0)
                return;
        uv_close((uv_handle_t *)&n->nets.poll, NULL);
        close(n->nets.fd);
        n->nets.fd = -1;
}
