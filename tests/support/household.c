/* SPDX-License-Identifier: Apache-2.0 */
#include "support/household.h"

#include "roster/code.h"
#include "roster/op.h"
#include "roster/roster.h"
#include "roster/ticket.h"

#include <stdio.h>

#define CELL (UINT64_C(1) << 30 | 12345)

void household_new(struct household *h, size_t number, struct rng *rng) {
        sign_key_new(&h->sign, rng);
        box_key_new(&h->seal, rng);
        snprintf(h->name, sizeof(h->name), "Home %zu", number);
}

/* The rows of a device, as long as @keep_in lives. */
struct certified {
        struct sign_key sign;
        struct box_key noise, seal;
        struct buf keep_in;
};

/* @mesh NULL: the keys are new with their household, and need not say whose they are. */
static void certify(struct wire_op *w, const struct mesh_config *device, const struct hash *mesh, struct certified *c) {
        uint8_t proof[SIGN_BYTES];
        struct key household;
        sign_key_from_seed(&c->sign, device->sign_seed);
        box_key_from_secret(&c->noise, &device->noise_secret);
        box_key_from_secret(&c->seal, &device->seal_secret);
        struct wire_device d = {.sign = SPAN_OF(c->sign.pub.b),
                                .noise = SPAN_OF(c->noise.pub.b),
                                .seal = SPAN_OF(c->seal.pub.b),
                                .share = SHARE_WHOLE,
                                .name = SPAN_STR("hub")};
        if (mesh) {
                memcpy(household.b, w->household.p, sizeof(household.b));
                op_device_prove(proof, &c->sign, &c->noise.pub, &c->seal.pub, mesh, &household);
                WIRE_PUT(&d, DEVICE, proof, SPAN_OF(proof));
        }
        wire_list_add(&wire_device_desc, &w->device, &c->keep_in, &d);
        w->has |= UINT64_C(1) << OP_KEY_device;
}

static struct wire_op begin(const struct household *h, enum wire_e_op type, mesh_wall now) {
        struct wire_op w = {.type = type, .household = SPAN_OF(h->sign.pub.b), .time = now};
        return w;
}

static void introduce(const struct household *h, struct wire_op *w) {
        WIRE_PUT(w, OP, name, span_str(h->name));
        WIRE_PUT(w, OP, seal, SPAN_OF(h->seal.pub.b));
}

void household_charter(const struct household *h, const struct mesh_config *device, const struct wire_list *charter,
                       mesh_wall now, struct buf *ret) {
        struct certified c = {.keep_in = BUF_NULL};
        struct wire_op w = begin(h, OP_GENESIS, now);
        introduce(h, &w);
        WIRE_PUT(&w, OP, mesh_name, SPAN_STR("Test Street"));
        WIRE_PUT(&w, OP, cell, CELL);
        if (charter->count)
                WIRE_PUT(&w, OP, charter, *charter);
        certify(&w, device, NULL, &c);
        REQUIRE(op_make(ret, &w, NULL, &h->sign) == 0);
        buf_fini(&c.keep_in);
}

void household_genesis(const struct household *h, const struct mesh_config *device, mesh_wall now, struct buf *ret) {
        household_charter(h, device, &(struct wire_list){0}, now, ret);
}

bool household_add(const struct household *h, const struct mesh_config *device, const char *ticket, mesh_wall now,
                   struct buf *ret) {
        struct certified c = {.keep_in = BUF_NULL};
        _clean_(buf_fini) struct buf invites = BUF_NULL, invite = BUF_NULL;
        struct wire_op w = begin(h, OP_ADD, now);
        struct wire_invite inv;
        struct ticket t;
        if (ticket_parse(&t, span_str(ticket)))
                return false;
        introduce(h, &w);
        certify(&w, device, NULL, &c);
        ticket_invite(&t, &invite);
        REQUIRE(codec_decode(&wire_invite_desc, buf_span(&invite), &inv, NULL) == 0);
        wire_list_add(&wire_invite_desc, &w.invite, &invites, &inv);
        w.has |= UINT64_C(1) << OP_KEY_invite;
        REQUIRE(op_make_add(ret, &w, &t.mesh, &h->sign, &t.invite) == 0);
        ticket_fini(&t);
        buf_fini(&c.keep_in);
        return true;
}

void household_code(const struct household *h, const struct roster *roster, const struct key *link_key,
                    const struct wire_addr *addr, mesh_wall expires, struct rng *rng, struct buf *ret) {
        _clean_(buf_fini) struct buf keep_in = BUF_NULL;
        struct wire_list addrs = {0};
        struct code c = {.w = {.mesh = SPAN_OF(roster_mesh(roster)->b),
                               .mesh_name = span_str(roster_mesh_name(roster)),
                               .link_key = SPAN_OF(link_key->b),
                               .name = span_str(h->name),
                               .share = SHARE_QUARTER,
                               .expires = expires}};
        wire_list_add(&wire_addr_desc, &addrs, &keep_in, addr);
        WIRE_PUT(&c.w, DEVICE_CODE, addrs, addrs);
        REQUIRE(code_make(&c, &h->sign, rng, ret) == 0);
        code_fini(&c);
}

bool household_op(const struct household *h, const struct roster *roster, enum wire_e_op type, const struct key *target,
                  const struct hash *proposal, mesh_wall now, struct buf *ret) {
        struct wire_op w = begin(h, type, now);
        struct hash parents[ROSTER_PARENTS_MAX], must[2];
        size_t n_must = 0;
        const struct roster_home *home = target ? roster_home_find(roster, target) : NULL;
        const struct roster_op *came = home ? roster_home_op(roster, home) : NULL;
        if (came)
                must[n_must++] = came->id;
        if (proposal)
                must[n_must++] = *proposal;
        size_t n = roster_parents(roster, &h->sign.pub, must, n_must, parents, &w.seq);
        if (!n)
                return false;
        w.parents = span_of(parents, n * sizeof(parents[0]));
        if (target)
                WIRE_PUT(&w, OP, target, SPAN_OF(target->b));
        if (proposal)
                WIRE_PUT(&w, OP, proposal, SPAN_OF(proposal->b));
        if (type == OP_REMOVE)
                WIRE_PUT(&w, OP, reason, SPAN_STR("test"));
        return op_make(ret, &w, roster_mesh(roster), &h->sign) == 0;
}

bool household_replace(const struct household *h, const struct roster *roster, const struct mesh_config *device,
                       const struct key *old, mesh_wall now, struct buf *ret) {
        struct certified c = {.keep_in = BUF_NULL};
        struct wire_op w = begin(h, OP_DEVICE_REVOKE, now);
        struct hash parents[ROSTER_PARENTS_MAX];
        size_t n = roster_parents(roster, &h->sign.pub, NULL, 0, parents, &w.seq);
        if (!n)
                return false;
        w.parents = span_of(parents, n * sizeof(parents[0]));
        WIRE_PUT(&w, OP, target, SPAN_OF(old->b));
        certify(&w, device, roster_mesh(roster), &c);
        int r = op_make(ret, &w, roster_mesh(roster), &h->sign);
        buf_fini(&c.keep_in);
        return r == 0;
}
