/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One way in that a router may give: a port that it passes on, or over IPv6 an address of this machine's to which it lets calls in. A
 * helper of its own asks for it, renews it and gives it back.
 */
#pragma once

#include "node/helper_link.h"
#include "node/reach_rules.h"
#include "porchlight/mesh.h"

#define REACH_NONCE 12 /* bytes (proto/router.def) */

/* What is wanted. */
struct reach_wish {
        uint16_t port; /* 0: nothing */
        struct mesh_addr inside[REACH_INSIDE_MAX];
        size_t n_inside; /* over IPv6 */
};

struct reach_way {
        struct helper_link link;
        bool six;
        uv_timer_t timer;       /* to ask again, or when what the router gave is over */
        struct reach_wish wish; /* that the router is asked for */
        bool mapped;            /* it lets calls in, by its own account … */
        struct mesh_addr at;    /* … those to this address */
        enum wire_e_mapper by;
        enum wire_e_unmapped why; /* where it does not; 0: it was not asked yet */
        unsigned failures;        /* of the helper, one after the other */
        unsigned news;            /* how often the router has changed its mind … */
        uint64_t news_since;      /* … since then, by the loop's clock */
        bool again;               /* ask as soon as the helper that ends has ended */
};

void reach_way_init(struct reach_way *w, struct node *n, bool six);
/* Asks, if that is another wish than before, or what came of it is no longer true, or @anew. */
void reach_way_want(struct reach_way *w, const struct reach_wish *wish, bool anew);
/* Nothing is wanted any more, for @why; 0: there is nothing to want. What there was is given back. */
void reach_way_rest(struct reach_way *w, enum wire_e_unmapped why);
