/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names of tickets and of `peer add`, looked up by the system's resolver on libuv's pool. The core knows addresses
 * only; each one found is handed to it to knock at.
 */
#pragma once

#include "base/list.h"
#include "porchlight/mesh.h"

struct node;
struct command;

struct resolver {
        struct list all; /* lookups under way */
        unsigned running;
};

void resolve_init(struct node *n);

/* Looks @name up and tells the core to dial what is found. @c: whoever waits is answered for the first address (as
 * node_command); NULL: nobody. If nothing is found @none is called (NULL: nothing is). 0, ERR_NOMEM, ERR_IO. */
int resolve_dial(struct node *n, struct span name, uint16_t port, struct command *c, void (*none)(struct command *c));
/* The names in a ticket's addresses. */
void resolve_ticket(struct node *n, struct span ticket);
/* Whoever waits for @c's lookup is gone. */
void resolve_forget(struct node *n, const struct command *c);
