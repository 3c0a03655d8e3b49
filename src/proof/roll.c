/* SPDX-License-Identifier: Apache-2.0 */
/* See roll.h. PROTOCOL 16.5. */
#include "proof/roll.h"

#include <stdlib.h>

#define OTHER_SEED UINT64_C(0x9e3779b97f4a7c15) /* the two maps shall not share their slots */

void roll_init(struct roll *r, const struct hash *mesh, const uint64_t seed[4]) {
        const uint64_t other[4] = {seed[0] ^ OTHER_SEED, seed[1], seed[2], seed[3]};
        *r = (struct roll){.mesh = *mesh};
        map_init(&r->homes, seed);
        map_init(&r->devices, other);
}

void roll_fini(struct roll *r) {
        map_fini(&r->homes);
        map_fini(&r->devices);
        while (r->home_list) {
                struct roll_home *h = r->home_list;
                r->home_list = h->next;
                free(h);
        }
        while (r->device_list) {
                struct roll_device *d = r->device_list;
                r->device_list = d->next;
                free(d);
        }
}

const struct roll_device *roll_device(const struct roll *r, struct span key) {
        return key.n == sizeof(struct key) ? map_find(&r->devices, key.p) : NULL;
}

const struct roll_home *roll_home(const struct roll *r, struct span key) {
        return key.n == sizeof(struct key) ? map_find(&r->homes, key.p) : NULL;
}

static void name_of(char ret[33], struct span name) {
        memcpy(ret, name.p, MIN(name.n, (size_t)32));
        ret[MIN(name.n, (size_t)32)] = 0;
}

static int add_home(struct roll *r, const struct wire_op *op, mesh_wall at, const struct roll_home *ticket,
                    const struct roll_home *let_in) {
        struct roll_home *h = calloc(1, sizeof(*h));
        if (!h)
                return ERR_NOMEM;
        h->next = r->home_list;
        r->home_list = h;
        memcpy(h->key.b, op->household.p, sizeof(h->key));
        name_of(h->name, op->name);
        h->joined = at;
        h->ticket = ticket;
        h->let_in = let_in;
        return map_put(&r->homes, h->key.b, h);
}

static int add_device(struct roll *r, const struct wire_op *op, const struct wire_device *w, mesh_wall at) {
        struct roll_device *d = calloc(1, sizeof(*d));
        if (!d)
                return ERR_NOMEM;
        d->next = r->device_list;
        r->device_list = d;
        memcpy(d->sign.b, w->sign.p, sizeof(d->sign));
        name_of(d->name, w->name);
        d->since = at;
        d->home = roll_home(r, op->household);
        return map_put(&r->devices, d->sign.b, d);
}

static int take_genesis(struct roll *r, struct span raw, const struct wire_op *op) {
        struct hash id;
        op_id(&id, NULL, raw);
        if (r->home_list || !hash_eq(&id, &r->mesh))
                return ROLL_E_MESH;
        name_of(r->mesh_name, op->mesh_name);
        return add_home(r, op, op->time, NULL, NULL);
}

static int take_add(struct roll *r, const struct wire_op *op) {
        struct wire_list list = op->invite;
        struct wire_invite invite;
        if (roll_home(r, op->household))
                return ROLL_E_TWICE;
        if (!wire_list_next(&wire_invite_desc, &list, &invite))
                return ROLL_E_OP;
        const struct roll_device *ticket = roll_device(r, invite.device), *by = roll_device(r, op->by);
        return ticket && by ? add_home(r, op, op->at, ticket->home, by->home) : ROLL_E_RESTS;
}

/* What it has besides the device. The household is in the roll afterwards. */
static int take_kind(struct roll *r, struct span raw, const struct wire_op *op) {
        switch ((enum wire_e_op)op->type) {
        case OP_GENESIS:
                return take_genesis(r, raw, op);
        case OP_ADD:
                return take_add(r, op);
        case OP_DEVICE_ADD:
                return roll_home(r, op->household) && roll_device(r, op->by) ? 0 : ROLL_E_RESTS;
        case OP_DEVICE_REVOKE:
                return roll_home(r, op->household) ? 0 : ROLL_E_RESTS;
        case OP_REMOVE:
        case OP_ENDORSE:
        case OP_PROMOTE:
        case OP_DEMOTE:
        case OP_LEAVE:
        case OP_VOUCH:
        case OP_INVITE_UNDO:
        case OP_RETURN:
                return ROLL_E_OP;
        }
        return ROLL_E_OP;
}

/* PROTOCOL 16.5: "The first operation MUST be the genesis, whose id is the mesh id. Each other one MUST certify a device: an
 * add, a device-add, or a device-revoke with a `device`." */
int roll_take(struct roll *r, struct span raw) {
        struct wire_list list;
        struct wire_device device;
        struct wire_op op;
        int e = op_check(raw, &r->mesh, true, true, &op);
        if (e)
                return e == OP_E_SIGNATURE ? ROLL_E_SIGNED : ROLL_E_OP;
        list = op.device;
        if (!WIRE_HAS(&op, OP, device) || !wire_list_next(&wire_device_desc, &list, &device))
                return ROLL_E_OP;
        if ((op.type == OP_GENESIS) != !r->home_list)
                return ROLL_E_MESH;
        if (roll_device(r, device.sign))
                return ROLL_E_TWICE;
        e = take_kind(r, raw, &op);
        return e ? e : add_device(r, &op, &device, WIRE_HAS(&op, OP, at) ? op.at : op.time);
}
