/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where other homes can knock: the listeners, the addresses they are reached at, and the networks this machine is on.
 * The core hears of the addresses at start and when they change; tickets carry them.
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "node/node.h"
#include "node/shed.h"
#include "porchlight/mesh.h"

#include <uv.h>

#define LISTEN_NETS_MAX 64

struct listen_net {
        struct mesh_addr addr;
        unsigned bits;
        bool internal;
};

struct listening {
        struct list all;
        struct shed shed;
        struct listen_net nets[LISTEN_NETS_MAX];
        size_t n_nets;
        struct mesh_addr told[MESH_ADDRS_MAX]; /* what the core knows */
        size_t n_told;
        uint16_t told_stun;
        bool told_once, told_hidden;
        struct buf told_names;
};

void listen_init(struct node *n);
/* Opens the configured listeners; logs why not. 0, NODE_E_LISTEN. */
int listen_start(struct node *n);
/* The configuration has changed: opens what is new. 0, NODE_E_LISTEN. */
int listen_open_new(struct node *n);
/* Then, with the configuration that is to stay: closes what it does not name, and tells the core. */
void listen_settle(struct node *n);
/* The machine's addresses may have changed. */
void listen_look(struct node *n);
void listen_stop(struct node *n); /* closes the listeners */
void listen_fini(struct node *n);

/* The port a home on the network of @addr, one of this machine's own, can knock at; 0: none. */
uint16_t listen_port_at(const struct node *n, const struct mesh_addr *addr);
bool listen_is_lan(const struct node *n, const struct mesh_addr *a);
/* Addresses a ticket should carry, best first, as encoded wire_addr rows in @store. */
void listen_ticket_addrs(const struct node *n, struct wire_list *ret, struct buf *store);
/* What the listeners are bound to, for STATUS. */
void listen_bound(const struct node *n, struct wire_list *ret, struct buf *store);
