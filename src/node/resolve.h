/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names of tickets, of `peer add` and of others' contacts, looked up by porchlight-names: the daemon itself never calls the system's resolver,
 * which reads what any server on the way has made. The core knows addresses only; each one found is handed to it to knock at.
 * The helper is started with the first name and ends when none was wanted for a while.
 */
#pragma once

#include "base/list.h"
#include "node/helper_link.h"
#include "porchlight/mesh.h"

struct command;

struct resolver {
        struct list all; /* lookups under way */
        unsigned running, others;
        uint32_t last; /* number given to one */
        struct helper_link link;
        uv_timer_t timer; /* the next lookup that has waited long enough, or the helper's end */
};

void resolve_init(struct node *n);
void resolve_stop(struct node *n); /* whoever waits is told */
bool resolve_gone(const struct node *n);
void resolve_close(struct node *n);

/* Looks @name up and tells the core to dial what is found. @c: whoever waits is answered for the first address (as
 * node_command); NULL: nobody. If nothing is found @none is called (NULL: nothing is). 0, ERR_NOMEM, ERR_IO. */
int resolve_dial(struct node *n, struct span name, uint16_t port, struct command *c, void (*none)(struct command *c));
/* Names that stand in the contact of another home's device, as encoded wire_addr rows: the core is told where they lead
 * (LOOKED_UP). What cannot be asked now is passed over: it is wanted again with the next dial that fails. */
void resolve_others(struct node *n, const struct key *device, struct wire_list names);
/* The names in a ticket's addresses. */
void resolve_ticket(struct node *n, struct span ticket);
/* Whoever waits for @c's lookup is gone. */
void resolve_forget(struct node *n, const struct command *c);
