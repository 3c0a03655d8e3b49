/* SPDX-License-Identifier: Apache-2.0 */
#include "node/listen.h"
#include "base/log.h"
#include "node/endpoint.h"
#include "node/internal.h"
#include "wire/codec.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>

#define BACKLOG 128  /* connections the kernel holds until the loop takes them */
#define BOUND_MAX 16 /* rows of STATUS */
#define FOUND_MAX 64
#define V4_BITS_OFFSET 96

struct listener {
        struct list on;
        struct node *n;
        struct mesh_addr wanted, bound; /* bound has the real port */
        bool closed;
        uv_tcp_t tcp;
};

/* ---- listeners ---- */

static void listener_reap(uv_handle_t *handle) {
        struct listener *l = CONTAINER_OF(handle, struct listener, tcp);
        if (!uv_is_closing(handle))
                return;
        list_drop(&l->on);
        free(l);
}

static void listener_close(struct listener *l) {
        if (l->closed)
                return;
        l->closed = true;
        uv_close((uv_handle_t *)&l->tcp, listener_reap);
}

static void on_connection(uv_stream_t *server, int status) {
        struct listener *l = CONTAINER_OF(server, struct listener, tcp);
        if (status == 0 && !l->closed && !conn_accept(l->n, server))
                shed_take(&l->n->listening.shed, server);
}

static void on_room(struct shed *s) {
        struct listening *ls = CONTAINER_OF(s, struct listening, shed);
        LIST_EACH (l, &ls->all, struct listener, on) {
                if (!l->closed)
                        shed_take(s, (uv_stream_t *)&l->tcp);
        }
}

static int bind_and_listen(struct listener *l) {
        struct sockaddr_storage sa;
        int n = sizeof(sa);
        endpoint_to_sockaddr(&l->wanted, &sa);
        int r = uv_tcp_bind(&l->tcp, (struct sockaddr *)&sa, endpoint_is_v4(&l->wanted) ? 0 : UV_TCP_IPV6ONLY);
        if (r == 0)
                r = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
        if (r == 0)
                r = uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&sa, &n);
        if (r == 0)
                endpoint_from_sockaddr((struct sockaddr *)&sa, &l->bound);
        return r;
}

static void say(const struct mesh_addr *a, int r, bool fatal) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        endpoint_text(&text, a);
        if (r == 0)
                log_info("listening on %s", buf_cstr(&text));
        else if (fatal)
                log_error("cannot listen on %s: %s%s", buf_cstr(&text), uv_strerror(r),
                          r == UV_ENOMEM ? "" : "; choose another with --listen");
        else
                log_info("not listening on %s: %s", buf_cstr(&text), uv_strerror(r));
}

/* 0, or a libuv error. */
static int listener_new(struct node *n, const struct mesh_addr *wanted, struct listener **ret) {
        struct listener *l = calloc(1, sizeof(*l));
        int r = l ? uv_tcp_init(n->loop, &l->tcp) : UV_ENOMEM;
        if (r) {
                free(l);
                return r;
        }
        l->n = n;
        l->wanted = *wanted;
        list_init(&l->on);
        list_push(&n->listening.all, &l->on);
        *ret = l;
        return 0;
}

/* 0, or a libuv error, which is told. */
static int open_one(struct node *n, const struct node_endpoint *e) {
        struct listener *l = NULL;
        int r = listener_new(n, &e->addr, &l);
        if (r == 0)
                r = bind_and_listen(l);
        say(r ? &e->addr : &l->bound, r, !e->optional);
        if (r && l)
                listener_close(l);
        return r;
}

static struct listener *find(struct node *n, const struct mesh_addr *wanted) {
        LIST_EACH (l, &n->listening.all, struct listener, on) {
                if (!l->closed && endpoint_eq(&l->wanted, wanted))
                        return l;
        }
        return NULL;
}

static bool is_wanted(const struct node *n, const struct mesh_addr *a) {
        for (size_t i = 0; i < n->n_listen; i++)
                if (endpoint_eq(&n->listen[i].addr, a))
                        return true;
        return false;
}

static unsigned count_open(struct node *n) {
        unsigned open = 0;
        LIST_EACH (l, &n->listening.all, struct listener, on) {
                open += !l->closed;
        }
        return open;
}

int listen_open_new(struct node *n) {
        for (size_t i = 0; i < n->n_listen; i++) {
                const struct node_endpoint *e = &n->listen[i];
                if (!find(n, &e->addr) && open_one(n, e) && !e->optional)
                        return NODE_E_LISTEN;
        }
        return 0;
}

/* ---- the machine's own addresses ---- */

static unsigned mask_bits(const struct sockaddr *mask) {
        struct mesh_addr m;
        unsigned bits = 0;
        if (!endpoint_from_sockaddr(mask, &m))
                return 0;
        for (size_t i = 0; i < sizeof(m.ip); i++)
                bits += (unsigned)__builtin_popcount(m.ip[i]);
        if (!endpoint_is_v4(&m))
                return bits;
        bits = V4_BITS_OFFSET;
        for (size_t i = V4_BITS_OFFSET / 8; i < sizeof(m.ip); i++)
                bits += (unsigned)__builtin_popcount(m.ip[i]);
        return bits;
}

static bool is_up(const struct ifaddrs *i) {
        return i->ifa_addr && i->ifa_flags & IFF_UP && i->ifa_flags & IFF_RUNNING;
}

/* Not by way of libuv (1.44), which takes it that there is memory for the names of interfaces. Where there is none, what was
 * known before stays. */
static void look_at_nets(struct node *n) {
        struct ifaddrs *all;
        if (getifaddrs(&all) != 0)
                return;
        struct listening *ls = &n->listening;
        ls->n_nets = 0;
        for (const struct ifaddrs *i = all; i && ls->n_nets < LISTEN_NETS_MAX; i = i->ifa_next) {
                struct listen_net net = {.internal = i->ifa_flags & IFF_LOOPBACK};
                if (!is_up(i) || !endpoint_from_sockaddr(i->ifa_addr, &net.addr))
                        continue;
                net.addr.scope = 0;
                net.bits = i->ifa_netmask ? mask_bits(i->ifa_netmask) : 0;
                ls->nets[ls->n_nets++] = net;
        }
        freeifaddrs(all);
}

bool listen_is_lan(const struct node *n, const struct mesh_addr *a) {
        if (endpoint_is_loopback(a))
                return false;
        if (endpoint_is_link_local(a))
                return true;
        for (size_t i = 0; i < n->listening.n_nets; i++) {
                const struct listen_net *net = &n->listening.nets[i];
                if (!net->internal && net->bits && endpoint_same_net(&net->addr, a, net->bits))
                        return true;
        }
        return false;
}

struct found {
        struct mesh_addr addrs[FOUND_MAX];
        size_t n;
};

static void found_add(struct found *f, const struct mesh_addr *a) {
        for (size_t i = 0; i < f->n; i++)
                if (endpoint_eq(&f->addrs[i], a))
                        return;
        if (f->n < FOUND_MAX)
                f->addrs[f->n++] = *a;
}

/* A wildcard stands for the machine's addresses of its family. Link-local ones mean nothing on another network. */
static void expand(const struct node *n, const struct mesh_addr *bound, struct found *f) {
        if (!endpoint_is_wild(bound)) {
                if (!endpoint_is_link_local(bound))
                        found_add(f, bound);
                return;
        }
        for (size_t i = 0; i < n->listening.n_nets; i++) {
                struct mesh_addr a = n->listening.nets[i].addr;
                a.port = bound->port;
                if (endpoint_is_v4(&a) == endpoint_is_v4(bound) && !endpoint_is_link_local(&a))
                        found_add(f, &a);
        }
}

/* Reachable from afar first, this machine only last. */
static int rank(const struct mesh_addr *a) {
        if (endpoint_is_loopback(a))
                return 3;
        if (endpoint_is_private(a))
                return 2;
        return endpoint_is_v4(a) ? 0 : 1;
}

static int by_rank(const void *a, const void *b) {
        int x = rank(a), y = rank(b);
        return x != y ? x - y : memcmp(a, b, sizeof(struct mesh_addr));
}

static bool is_among(const struct mesh_addr *all, size_t n, const struct mesh_addr *a) {
        for (size_t i = 0; i < n; i++)
                if (endpoint_eq(&all[i], a))
                        return true;
        return false;
}

/* From --advertise, then where the router lets calls in, then --listen (loopback if that is all), wildcards expanded. */
static size_t reachable(const struct node *n, struct mesh_addr ret[MESH_ADDRS_MAX]) {
        struct found f = {.n = 0};
        struct mesh_addr at[REACH_WAYS];
        unsigned ways;
        size_t used = 0, n_at = reach_mapped(n, at, &ways);
        LIST_EACH (l, &n->listening.all, struct listener, on) {
                if (!l->closed)
                        expand(n, &l->bound, &f);
        }
        qsort(f.addrs, f.n, sizeof(f.addrs[0]), by_rank);
        for (size_t i = 0; i < n->n_advertise && used < MESH_ADDRS_MAX; i++)
                if (!n->advertise[i].is_name)
                        ret[used++] = n->advertise[i].addr;
        for (size_t i = 0; i < n_at && used < MESH_ADDRS_MAX; i++)
                if (!is_among(ret, used, &at[i]))
                        ret[used++] = at[i];
        for (size_t i = 0; i < f.n && used < MESH_ADDRS_MAX; i++) {
                bool here = endpoint_is_loopback(&f.addrs[i]) && used && !endpoint_is_loopback(&ret[0]);
                if (!here && !is_among(ret, used, &f.addrs[i]))
                        ret[used++] = f.addrs[i];
        }
        return used;
}

/* STUN is answered at the same port as calls, by UDP. Whoever says how it is reached from outside counts on being called from
 * there. */
static uint16_t stun_port(const struct node *n) {
        bool wanted = n->stun && (n->n_advertise > 0 || reach_outside(n));
        LIST_EACH (l, &n->listening.all, struct listener, on) {
                if (!l->closed && wanted)
                        return l->bound.port;
        }
        return 0;
}

/* What --advertise calls this home, as rows. */
static void names_of(const struct node *n, struct wire_list *ret, struct buf *store) {
        for (size_t i = 0; i < n->n_advertise; i++) {
                struct wire_addr name = {.port = n->advertise[i].addr.port};
                if (!n->advertise[i].is_name)
                        continue;
                WIRE_PUT(&name, ADDR, dns, span_str(n->advertise[i].name));
                wire_list_add(&wire_addr_desc, ret, store, &name);
        }
}

static void tell_core(struct node *n) {
        struct listening *ls = &n->listening;
        struct wire_list names = {.count = 0};
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct mesh_addr now[MESH_ADDRS_MAX] = {0}, at[REACH_WAYS];
        size_t count = reachable(n, now);
        bool outside = reach_outside(n), same = ls->told_once && outside == n->reach.told;
        (void)reach_mapped(n, at, &n->reach.named);
        n->reach.told = outside;
        ice_serve(n, stun_port(n));
        same = same && ls->told_stun == ice_stun(n) && ls->told_hidden == n->hidden;
        names_of(n, &names, &store);
        if (!buf_ok(&store))
                names = (struct wire_list){.count = 0}; /* they are told of with the next news */
        same = same && span_eq(names.items, buf_span(&ls->told_names));
        if (same && count == ls->n_told && memcmp(now, ls->told, sizeof(now)) == 0)
                return;
        memcpy(ls->told, now, sizeof(now));
        ls->n_told = count;
        ls->told_stun = ice_stun(n);
        ls->told_once = true;
        ls->told_hidden = n->hidden;
        buf_clear(&ls->told_names);
        buf_add(&ls->told_names, names.items);
        node_feed(n, (struct mesh_event){.type = MESH_EV_LISTENING,
                                         .listening = {.addrs = now,
                                                       .n = count,
                                                       .outside = outside,
                                                       .udp_port = ls->told_stun,
                                                       .hidden = n->hidden,
                                                       .names = names}});
}

void listen_look(struct node *n) {
        look_at_nets(n);
        tell_core(n);
}

uint16_t listen_port_at(const struct node *n, const struct mesh_addr *addr) {
        LIST_EACH (l, &n->listening.all, struct listener, on) {
                bool wild = endpoint_is_wild(&l->bound) && endpoint_is_v4(&l->bound) == endpoint_is_v4(addr);
                if (!l->closed && (wild || endpoint_same_ip(&l->bound, addr)))
                        return l->bound.port;
        }
        return 0;
}

/* Of a hidden home: where it called its doorsteps. Any of them lets a newcomer in. */
static size_t doorsteps(const struct node *n, struct mesh_addr ret[MESH_ADDRS_MAX]) {
        struct mesh_peer p;
        size_t count = 0;
        for (size_t i = 0; count < MESH_ADDRS_MAX && mesh_peer_at(n->core, i, &p); i++)
                if (p.dialled && !p.relayed && !p.met)
                        ret[count++] = p.addr;
        return count;
}

void listen_ticket_addrs(const struct node *n, struct wire_list *ret, struct buf *store) {
        struct mesh_addr addrs[MESH_ADDRS_MAX] = {0};
        size_t count = n->hidden ? doorsteps(n, addrs) : reachable(n, addrs);
        if (!n->hidden)
                names_of(n, ret, store);
        for (size_t i = 0; i < count; i++) {
                struct wire_addr row;
                endpoint_to_wire(&addrs[i], &row);
                wire_list_add(&wire_addr_desc, ret, store, &row);
        }
}

void listen_bound(const struct node *n, struct wire_list *ret, struct buf *store) {
        LIST_EACH (l, &n->listening.all, struct listener, on) {
                struct wire_addr row;
                if (l->closed || ret->count == BOUND_MAX)
                        continue;
                endpoint_to_wire(&l->bound, &row);
                wire_list_add(&wire_addr_desc, ret, store, &row);
        }
}

/* ---- life ---- */

void listen_init(struct node *n) {
        list_init(&n->listening.all);
        n->listening.shed.room = on_room;
}

int listen_start(struct node *n) {
        look_at_nets(n);
        int r = listen_open_new(n);
        if (r)
                return r;
        if (count_open(n) == 0) {
                log_error("no address to listen on is left; choose one with --listen");
                return NODE_E_LISTEN;
        }
        tell_core(n);
        return 0;
}

void listen_settle(struct node *n) {
        LIST_EACH (l, &n->listening.all, struct listener, on) {
                if (!l->closed && !is_wanted(n, &l->wanted))
                        listener_close(l);
        }
        tell_core(n);
}

void listen_stop(struct node *n) {
        LIST_EACH (l, &n->listening.all, struct listener, on) {
                listener_close(l);
        }
}

void listen_fini(struct node *n) {
        buf_fini(&n->listening.told_names);
}
