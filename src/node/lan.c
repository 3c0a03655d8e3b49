/* SPDX-License-Identifier: Apache-2.0 */
#include "node/lan.h"
#include "base/log.h"
#include "node/endpoint.h"
#include "node/internal.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#define GROUP_PORT 7345
#define HOPS 1
#define HEARD_MOST 32 /* datagrams a second and network handed to the core: a street after a power cut, not a flood */
#define HEARD_PERIOD 1000  /* ms */
#define KERNEL_BYTES 16384 /* that may wait in the kernel; the rest of a flood is dropped there, for nothing */

/* 239.255.0.0/16 is for local use (RFC 2365); ff12:: is link-local and transient (RFC 4291), 8000:: up for such (RFC 3307). */
static const uint8_t group4[4] = {239, 255, 73, 45};
static const uint8_t group6[16] = {0xff, 0x12, [12] = 0x80, 0x00, 0x73, 0x45};

struct lan_net {
        struct list on;
        struct node *n;
        unsigned index;        /* of the interface */
        struct mesh_addr addr; /* this machine's on it, with the port homes can knock at */
        uint8_t mask[4];       /* IPv4: which bits of an address are the network's */
        int fd;
        bool found, closed, paused;
        bool failed; /* the last beacon could not be sent: the address may not be ready yet */
        unsigned heard;
        mesh_time since;
        uv_poll_t poll;
};

/* ---- sockets ---- */

static void group_of(const struct lan_net *net, struct sockaddr_storage *ret) {
        memset(ret, 0, sizeof(*ret));
        if (endpoint_is_v4(&net->addr)) {
                struct sockaddr_in *in = (void *)ret;
                in->sin_family = AF_INET;
                in->sin_port = htons(GROUP_PORT);
                memcpy(&in->sin_addr, group4, sizeof(group4));
                return;
        }
        struct sockaddr_in6 *in6 = (void *)ret;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(GROUP_PORT);
        in6->sin6_scope_id = net->index;
        memcpy(&in6->sin6_addr, group6, sizeof(group6));
}

static bool set(int fd, int level, int name, int value) {
        return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

static bool join4(int fd, const struct lan_net *net) {
        struct ip_mreqn at = {.imr_ifindex = (int)net->index};
        memcpy(&at.imr_multiaddr, group4, sizeof(group4));
        memcpy(&at.imr_address, net->addr.ip + 12, 4);
        return set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) && set(fd, IPPROTO_IP, IP_MULTICAST_TTL, HOPS) &&
               setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &at, sizeof(at)) == 0 &&
               setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &at, sizeof(at)) == 0;
}

static bool join6(int fd, const struct lan_net *net) {
        struct ipv6_mreq at = {.ipv6mr_interface = net->index};
        memcpy(&at.ipv6mr_multiaddr, group6, sizeof(group6));
        return set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOPS) &&
               set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)net->index) &&
               setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &at, sizeof(at)) == 0;
}

/* Bound to the group, so that nothing sent to one of the machine's own addresses arrives; shared, so that several daemons
 * of one machine hear it all. */
static bool open_socket(struct lan_net *net) {
        struct sockaddr_storage group;
        bool v4 = endpoint_is_v4(&net->addr);
        group_of(net, &group);
        net->fd = socket(group.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (net->fd < 0)
                return false;
        set(net->fd, SOL_SOCKET, SO_RCVBUF, KERNEL_BYTES);
        return set(net->fd, SOL_SOCKET, SO_REUSEADDR, 1) && (v4 || set(net->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
               bind(net->fd, (struct sockaddr *)&group,
                    v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) == 0 &&
               (v4 ? join4(net->fd, net) : join6(net->fd, net));
}

/* ---- hearing ---- */

static void on_datagram(uv_poll_t *poll, int status, int events);

static void on_pause(uv_timer_t *timer) {
        struct lans *lans = CONTAINER_OF(timer, struct lans, pause);
        LIST_EACH (net, &lans->all, struct lan_net, on) {
                if (net->paused && !net->closed)
                        uv_poll_start(&net->poll, UV_READABLE, on_datagram);
                net->paused = false;
        }
}

/* Too much for this second: not even read until it is over. */
static void pause_net(struct lan_net *net) {
        struct node *n = net->n;
        net->paused = true;
        uv_poll_stop(&net->poll);
        if (!uv_is_active((uv_handle_t *)&n->lans.pause))
                uv_timer_start(&n->lans.pause, on_pause, HEARD_PERIOD, 0);
}

static bool may_hear(struct lan_net *net) {
        mesh_time now = uv_now(net->n->loop);
        if (now >= net->since + HEARD_PERIOD) {
                net->since = now;
                net->heard = 0;
        }
        return net->heard++ < HEARD_MOST;
}

/* A router that lets such through could bring a beacon, sent again, from anywhere under any address; one of IPv6 comes from a
 * link-local one, which no router passes on. A network of one address says nothing of who is near. */
static bool is_near(const struct lan_net *net, const struct mesh_addr *from) {
        static const uint8_t alone[4] = {255, 255, 255, 255};
        if (!endpoint_is_v4(&net->addr))
                return endpoint_is_link_local(from);
        bool near = true;
        for (size_t i = 0; i < sizeof(net->mask); i++)
                near = near && ((from->ip[12 + i] ^ net->addr.ip[12 + i]) & net->mask[i]) == 0;
        return near || memcmp(net->mask, alone, sizeof(alone)) == 0;
}

static void hand_over(struct lan_net *net, const struct sockaddr_storage *from, struct span datagram) {
        struct mesh_event ev = {.type = MESH_EV_HEARD, .heard = {.datagram = datagram}};
        if (datagram.n != MESH_BEACON_BYTES || !endpoint_from_sockaddr((const struct sockaddr *)from, &ev.heard.from) ||
            endpoint_is_wild(&ev.heard.from) || endpoint_is_loopback(&ev.heard.from) || !is_near(net, &ev.heard.from))
                return;
        node_feed(net->n, ev);
}

static void on_datagram(uv_poll_t *poll, _unused_ int status, _unused_ int events) {
        struct lan_net *net = CONTAINER_OF(poll, struct lan_net, poll);
        uint8_t bytes[MESH_BEACON_BYTES + 1];
        while (!net->closed) {
                struct sockaddr_storage from;
                socklen_t n = sizeof(from);
                if (!may_hear(net)) {
                        pause_net(net);
                        return;
                }
                ssize_t got = recvfrom(net->fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &n);
                if (got < 0)
                        return;
                hand_over(net, &from, span_of(bytes, (size_t)got));
        }
}

/* ---- networks ---- */

static void net_reap(uv_handle_t *handle) {
        struct lan_net *net = CONTAINER_OF(handle, struct lan_net, poll);
        list_drop(&net->on);
        free(net);
}

static void say(const struct lan_net *net, const char *what, const char *why) {
        char name[IF_NAMESIZE] = "?"; /* the interface may be gone */
        if_indextoname(net->index, name);
        log_info("%s homes on %s over IPv%d%s", what, name, endpoint_is_v4(&net->addr) ? 4 : 6, why);
}

static void net_close(struct lan_net *net) {
        if (net->closed)
                return;
        net->closed = true;
        say(net, "no longer looking for", "");
        uv_close((uv_handle_t *)&net->poll, net_reap);
        close(net->fd);
}

/* The bits of the network that @i is on; IPv6 has no need of them. */
static void mask_of(const struct ifaddrs *i, uint8_t ret[4]) {
        struct mesh_addr mask;
        memset(ret, 0xff, 4);
        if (i->ifa_netmask && endpoint_from_sockaddr(i->ifa_netmask, &mask) && endpoint_is_v4(&mask))
                memcpy(ret, mask.ip + 12, 4);
}

static void net_open(struct node *n, unsigned index, const struct mesh_addr *addr, const uint8_t mask[4]) {
        struct lan_net *net = calloc(1, sizeof(*net));
        if (!net)
                return;
        *net = (struct lan_net){.n = n, .index = index, .addr = *addr, .found = true};
        memcpy(net->mask, mask, sizeof(net->mask));
        list_init(&net->on);
        bool opened = open_socket(net);
        if (opened && uv_poll_init(n->loop, &net->poll, net->fd) == 0) {
                list_push(&n->lans.all, &net->on);
                uv_poll_start(&net->poll, UV_READABLE, on_datagram);
                say(net, "looking for", "");
                return;
        }
        say(net, "can't look for", opened ? ": no event loop" : ": the socket was refused");
        if (net->fd >= 0)
                close(net->fd);
        free(net);
}

static struct lan_net *find(struct node *n, unsigned index, bool v4) {
        LIST_EACH (net, &n->lans.all, struct lan_net, on) {
                if (!net->closed && net->index == index && endpoint_is_v4(&net->addr) == v4)
                        return net;
        }
        return NULL;
}

static size_t count_open(struct node *n) {
        size_t open = 0;
        LIST_EACH (net, &n->lans.all, struct lan_net, on) {
                open += !net->closed;
        }
        return open;
}

/* The address beacons would come from, and the port behind it. False: no home could be met there. */
static bool usable(const struct node *n, const struct ifaddrs *i, struct mesh_addr *ret) {
        const unsigned need = IFF_UP | IFF_RUNNING | IFF_MULTICAST, never = IFF_LOOPBACK | IFF_POINTOPOINT;
        struct mesh_addr a;
        if (!n->lan || n->hidden || (i->ifa_flags & (need | never)) != need || !i->ifa_addr ||
            !endpoint_from_sockaddr(i->ifa_addr, &a))
                return false;
        if (!endpoint_is_v4(&a) && !endpoint_is_link_local(&a))
                return false; /* to a link-local group the link-local address speaks */
        a.port = listen_port_at(n, &a);
        *ret = a;
        return a.port != 0;
}

/* Whether anything has changed. */
static bool take_up(struct node *n, const struct ifaddrs *i) {
        struct mesh_addr addr;
        uint8_t mask[4];
        if (!usable(n, i, &addr))
                return false;
        mask_of(i, mask);
        unsigned index = if_nametoindex(i->ifa_name);
        struct lan_net *net = find(n, index, endpoint_is_v4(&addr));
        if (net && (net->found || (endpoint_eq(&net->addr, &addr) && memcmp(net->mask, mask, sizeof(mask)) == 0))) {
                net->found = true;
                return false;
        }
        if (net)
                net_close(net);
        if (index && count_open(n) < MESH_LANS_MAX)
                net_open(n, index, &addr, mask);
        return true;
}

static bool drop_lost(struct node *n) {
        bool changed = false;
        LIST_EACH (net, &n->lans.all, struct lan_net, on) {
                if (net->closed || net->found)
                        continue;
                net_close(net);
                changed = true;
        }
        return changed;
}

void lan_tell(struct node *n) {
        struct mesh_event ev = {.type = MESH_EV_LAN};
        LIST_EACH (net, &n->lans.all, struct lan_net, on) {
                if (!net->closed)
                        ev.lan.ports[ev.lan.n++] = net->addr.port;
        }
        node_feed(n, ev);
}

void lan_look(struct node *n) {
        struct ifaddrs *all = NULL;
        bool changed = false;
        if (n->stopping || getifaddrs(&all))
                return;
        LIST_EACH (net, &n->lans.all, struct lan_net, on) {
                net->found = false;
                changed = changed || net->failed;
                net->failed = false;
        }
        for (const struct ifaddrs *i = all; i; i = i->ifa_next)
                changed = take_up(n, i) || changed;
        freeifaddrs(all);
        changed = drop_lost(n) || changed;
        if (changed)
                lan_tell(n);
}

void lan_send(struct node *n, struct span beacons) {
        struct sockaddr_storage group;
        if (beacons.n != count_open(n) * MESH_BEACON_BYTES)
                return; /* made for networks that have changed since; the core hears of that next */
        LIST_EACH (net, &n->lans.all, struct lan_net, on) {
                if (net->closed)
                        continue;
                group_of(net, &group);
                socklen_t len = group.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
                net->failed = sendto(net->fd, beacons.p, MESH_BEACON_BYTES, 0, (struct sockaddr *)&group, len) < 0;
                beacons = span_from(beacons, MESH_BEACON_BYTES);
        }
}

/* ---- life ---- */

void lan_init(struct node *n) {
        list_init(&n->lans.all);
        uv_timer_init(n->loop, &n->lans.pause);
}

void lan_stop(struct node *n) {
        LIST_EACH (net, &n->lans.all, struct lan_net, on) {
                net_close(net);
        }
}

void lan_close(struct node *n) {
        lan_stop(n);
        uv_close((uv_handle_t *)&n->lans.pause, NULL);
}
