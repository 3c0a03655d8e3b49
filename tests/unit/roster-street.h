/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A street for tests of the roster: homes with keys from numbers, and replicas ("sides") of the roster that know more or
 * less. An operation is signed as its author's side knows the world. street_* return what roster_add said.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "roster/code.h"
#include "roster/op.h"
#include "roster/roster.h"
#include "roster/ticket.h"

#define STREET_HOMES 64
#define STREET_SIDES 4
#define STREET_OPS 4096
#define STREET_NOW UINT64_C(1800000000)

struct street_home {
        struct sign_key key, device;
        struct key noise, seal;
};

struct street_op {
        struct hash id;
        struct buf bytes;
};

struct street {
        struct street_home homes[STREET_HOMES];
        struct roster *sides[STREET_SIDES];
        struct street_op ops[STREET_OPS]; /* everything any side took, in the order it was made */
        size_t n_ops;
        struct hash mesh;
        struct rng rng;
        mesh_wall now;
        struct hash last; /* the operation made last */
        bool backdate;    /* sign on @old instead of on what the side knows */
        struct hash old[4];
        size_t n_old;
        uint64_t old_seq;
        const struct hash *about; /* what the next operation has to name; NULL: nothing */
        const struct key *seal;   /* the sealing key of a further device; NULL: the bytes of its other one */
};

static inline void street_keys(struct street_home *h, uint32_t n) {
        uint8_t seed[32] = {1};
        put_be32(seed + 4, n);
        sign_key_from_seed(&h->key, seed);
        seed[0] = 2;
        sign_key_from_seed(&h->device, seed);
        seed[0] = 3;
        memcpy(h->noise.b, seed, 32);
        seed[0] = 4;
        memcpy(h->seal.b, seed, 32);
}

static inline struct roster *street_roster(void) {
        static const uint64_t seed[4] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb,
                                         0x2545f4914f6cdd1d};
        struct roster *r;
        assert_int_equal(roster_new(&r, seed), 0);
        return r;
}

/* A device row, whose bytes @store keeps. */
static inline struct wire_list street_device(struct buf *store, const struct sign_key *sign, const struct key *noise,
                                             enum wire_e_share share) {
        struct wire_list list = {0};
        struct wire_device d = {
                .sign = SPAN_OF(sign->pub.b),
                .noise = SPAN_OF(noise->b),
                .seal = SPAN_OF(noise->b),
                .share = share,
                .name = SPAN_STR("hub"),
        };
        wire_list_add(&wire_device_desc, &list, store, &d);
        return list;
}

/* The same for a household that has a device: it proves its signing key. */
static inline struct wire_list street_proved(struct buf *store, const struct street *s, uint32_t home,
                                             const struct sign_key *sign, enum wire_e_share share) {
        struct wire_list list = {0};
        uint8_t proof[SIGN_BYTES];
        const struct key *seal = s->seal ? s->seal : &sign->pub;
        struct wire_device d = {
                .sign = SPAN_OF(sign->pub.b),
                .noise = SPAN_OF(sign->pub.b),
                .seal = SPAN_OF(seal->b),
                .share = share,
                .name = SPAN_STR("laptop"),
        };
        op_device_prove(proof, sign, &sign->pub, seal, &s->mesh, &s->homes[home].key.pub);
        WIRE_PUT(&d, DEVICE, proof, SPAN_OF(proof));
        wire_list_add(&wire_device_desc, &list, store, &d);
        return list;
}

static inline void street_keep(struct street *s, const struct hash *id, struct span bytes) {
        for (size_t i = 0; i < s->n_ops; i++)
                if (hash_eq(&s->ops[i].id, id))
                        return;
        assert_true(s->n_ops < STREET_OPS);
        s->ops[s->n_ops].id = *id;
        buf_add(&s->ops[s->n_ops].bytes, bytes);
        s->n_ops++;
}

static inline int street_take(struct street *s, int side, struct span bytes, bool checked) {
        struct hash id;
        int r = roster_add(s->sides[side], bytes, checked, &id);
        assert_true(r >= 0);
        if (r == 0) {
                s->last = id;
                street_keep(s, &id, bytes);
        }
        return r;
}

static inline struct span street_name(uint32_t n, char name[33]) {
        snprintf(name, 33, "Home %c%c", 'A' + (char)(n / 26), 'A' + (char)(n % 26));
        return span_str(name);
}

/* Founds the mesh with home 0 on every side. @rows: charter rows, or an empty list. */
static inline void street_found(struct street *s, uint64_t seed, struct wire_list rows) {
        _clean_(buf_fini) struct buf device = BUF_NULL, op_bytes = BUF_NULL;
        uint8_t rng_seed[32] = {0};
        char name[33];
        put_be64(rng_seed, seed);
        *s = (struct street){.now = STREET_NOW};
        rng_init(&s->rng, rng_seed);
        for (uint32_t i = 0; i < STREET_HOMES; i++)
                street_keys(&s->homes[i], i);
        struct wire_op op = {.type = OP_GENESIS, .time = s->now};
        WIRE_PUT(&op, OP, name, street_name(0, name));
        WIRE_PUT(&op, OP, seal, SPAN_OF(s->homes[0].seal.b));
        WIRE_PUT(&op, OP, device, street_device(&device, &s->homes[0].device, &s->homes[0].noise, SHARE_WHOLE));
        WIRE_PUT(&op, OP, mesh_name, SPAN_STR("Elm Street"));
        if (rows.count)
                WIRE_PUT(&op, OP, charter, rows);
        assert_int_equal(op_make(&op_bytes, &op, NULL, &s->homes[0].key), 0);
        for (int i = 0; i < STREET_SIDES; i++) {
                s->sides[i] = street_roster();
                assert_int_equal(street_take(s, i, buf_span(&op_bytes), false), 0);
        }
        s->mesh = *roster_mesh(s->sides[0]);
}

static inline void street_end(struct street *s) {
        for (int i = 0; i < STREET_SIDES; i++)
                roster_free(s->sides[i]);
        for (size_t i = 0; i < s->n_ops; i++)
                buf_fini(&s->ops[i].bytes);
        rng_fini(&s->rng);
}

/* Side @to learns what @from knows. */
static inline void street_sync(struct street *s, int from, int to) {
        const struct roster_op *op;
        struct hash id;
        for (size_t i = 0; (op = roster_op_at(s->sides[from], i)); i++) {
                int r = roster_add(s->sides[to], op->bytes, true, &id);
                assert_true(r == 0 || r == ROSTER_E_KNOWN);
        }
}

static inline void street_sync_all(struct street *s) {
        for (int i = 0; i < STREET_SIDES; i++)
                for (int k = 0; k < STREET_SIDES; k++)
                        if (i != k)
                                street_sync(s, i, k);
}

static inline const struct roster_home *street_home(const struct street *s, int side, uint32_t n) {
        return roster_home_find(s->sides[side], &s->homes[n].key.pub);
}

static inline bool street_member(const struct street *s, int side, uint32_t n) {
        const struct roster_home *h = street_home(s, side, n);
        return h && h->member;
}

static inline bool street_steward(const struct street *s, int side, uint32_t n) {
        const struct roster_home *h = street_home(s, side, n);
        return h && h->steward;
}

/* Where the next operation of @home hangs, as @side knows it; the backdated place if one is set. */
static inline size_t street_parents(const struct street *s, int side, uint32_t home, struct hash ret[4],
                                    uint64_t *ret_seq) {
        if (s->backdate) {
                memcpy(ret, s->old, sizeof(s->old));
                *ret_seq = s->old_seq;
                return s->n_old;
        }
        return roster_parents(s->sides[side], &s->homes[home].key.pub, s->about, s->about != NULL, ret, ret_seq);
}

/* Remembers where @home would sign now; street_backdate(…, true) signs there later. */
static inline void street_remember(struct street *s, int side, uint32_t home) {
        s->n_old = roster_parents(s->sides[side], &s->homes[home].key.pub, NULL, 0, s->old, &s->old_seq);
        assert_true(s->n_old > 0);
}

static inline int street_sign(struct street *s, int side, uint32_t home, struct wire_op *op) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        struct hash parents[4];
        uint64_t seq = 0;
        size_t n = street_parents(s, side, home, parents, &seq);
        op->seq = seq;
        op->time = ++s->now;
        op->parents = span_of(parents, n * sizeof(*parents));
        if (n == 0 || seq > 4095)
                return ROSTER_E_RULE;
        assert_int_equal(op_make(&bytes, op, &s->mesh, &s->homes[home].key), 0);
        int r = street_take(s, side, buf_span(&bytes), true);
        if (s->backdate && r == 0) { /* the next one hangs on this one */
                s->old[0] = s->last;
                s->n_old = 1;
                s->old_seq++;
        }
        return r;
}

static inline int street_about(struct street *s, int side, uint32_t home, enum wire_e_op type, uint32_t target) {
        struct wire_op op = {.type = type};
        WIRE_PUT(&op, OP, target, SPAN_OF(s->homes[target].key.pub.b));
        return street_sign(s, side, home, &op);
}

static inline int street_remove_below(struct street *s, int side, uint32_t home, uint32_t target) {
        struct wire_op op = {.type = OP_REMOVE};
        WIRE_PUT(&op, OP, target, SPAN_OF(s->homes[target].key.pub.b));
        WIRE_PUT(&op, OP, subtree, true);
        return street_sign(s, side, home, &op);
}

static inline int street_endorse(struct street *s, int side, uint32_t home, struct hash proposal) {
        struct wire_op op = {.type = OP_ENDORSE};
        WIRE_PUT(&op, OP, proposal, SPAN_OF(proposal.b));
        s->about = &proposal;
        int r = street_sign(s, side, home, &op);
        s->about = NULL;
        return r;
}

static inline int street_leave(struct street *s, int side, uint32_t home) {
        struct wire_op op = {.type = OP_LEAVE};
        return street_sign(s, side, home, &op);
}

/* @next: NULL, or the device certified in the old one's place. */
static inline int street_device_revoke(struct street *s, int side, uint32_t home, const struct key *device,
                                       const struct sign_key *next) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_op op = {.type = OP_DEVICE_REVOKE};
        WIRE_PUT(&op, OP, target, SPAN_OF(device->b));
        if (next)
                WIRE_PUT(&op, OP, device, street_proved(&store, s, home, next, SHARE_WHOLE));
        return street_sign(s, side, home, &op);
}

/* ---- joining ---- */

static inline void street_ticket(struct street *s, uint32_t inviter, uint64_t uses, mesh_wall expires,
                                 struct ticket *ret) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        static const uint8_t link_key[32];
        *ret = (struct ticket){0};
        ret->w = (struct wire_ticket){
                .mesh = SPAN_OF(s->mesh.b),
                .mesh_name = SPAN_STR("Elm Street"),
                .link_key = SPAN_OF(link_key),
                .inviter = SPAN_STR("Home"),
                .expires = expires,
                .uses = uses,
        };
        assert_int_equal(ticket_make(ret, &s->homes[inviter].device, &s->rng, &text), 0);
}

/* The joiner's half of an add. */
static inline void street_add_sign(struct street *s, uint32_t joiner, struct span name, const struct ticket *t,
                                   struct buf *out) {
        _clean_(buf_fini) struct buf device = BUF_NULL, invite = BUF_NULL;
        struct wire_op op = {.type = OP_ADD, .time = s->now};
        ticket_invite(t, &invite);
        WIRE_PUT(&op, OP, name, name);
        WIRE_PUT(&op, OP, seal, SPAN_OF(s->homes[joiner].seal.b));
        WIRE_PUT(&op, OP, device,
                 street_device(&device, &s->homes[joiner].device, &s->homes[joiner].noise, SHARE_WHOLE));
        WIRE_PUT(&op, OP, invite, ((struct wire_list){1, buf_span(&invite)}));
        assert_int_equal(op_make_add(out, &op, &s->mesh, &s->homes[joiner].key, &t->invite), 0);
}

/* The door @by countersigns on what @side knows, or on the backdated place. */
static inline int street_admit(struct street *s, int side, struct span add, uint32_t by, mesh_wall at) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        struct hash heads[4];
        uint64_t seq;
        size_t n;
        if (s->backdate)
                n = street_parents(s, side, by, heads, &seq);
        else
                n = roster_parents(s->sides[side], NULL, NULL, 0, heads, NULL);
        assert_int_equal(op_countersign(&op, add, &s->mesh, &s->homes[by].device, at, heads, n), 0);
        return street_take(s, side, buf_span(&op), true);
}

static inline int street_join_on(struct street *s, int side, uint32_t joiner, const struct ticket *t, uint32_t by) {
        _clean_(buf_fini) struct buf add = BUF_NULL;
        char name[33];
        street_add_sign(s, joiner, street_name(joiner, name), t, &add);
        return street_admit(s, side, buf_span(&add), by, ++s->now);
}

/* @joiner comes on a fresh ticket of @inviter, whose own device admits. */
static inline int street_join(struct street *s, int side, uint32_t joiner, uint32_t inviter) {
        struct ticket t;
        street_ticket(s, inviter, 1, s->now + 7 * MESH_DAY, &t);
        int r = street_join_on(s, side, joiner, &t, inviter);
        ticket_fini(&t);
        return r;
}

/* ---- further devices ---- */

static inline void street_code(struct street *s, uint32_t home, enum wire_e_share share, mesh_wall expires,
                               struct code *ret) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        static const uint8_t link_key[32];
        *ret = (struct code){0};
        ret->w = (struct wire_device_code){
                .mesh = SPAN_OF(s->mesh.b),
                .mesh_name = SPAN_STR("Elm Street"),
                .link_key = SPAN_OF(link_key),
                .name = SPAN_STR("Home"),
                .share = share,
                .expires = expires,
        };
        assert_int_equal(code_make(ret, &s->homes[home].key, &s->rng, &text), 0);
}

/* The new device's half of a device-add. */
static inline int street_device_sign(struct street *s, uint32_t home, const struct sign_key *device,
                                     enum wire_e_share share, const struct code *c, struct buf *out) {
        _clean_(buf_fini) struct buf store = BUF_NULL, half = BUF_NULL;
        struct wire_op op = {.type = OP_DEVICE_ADD, .time = s->now, .household = SPAN_OF(s->homes[home].key.pub.b)};
        code_public(c, &half);
        WIRE_PUT(&op, OP, device, street_proved(&store, s, home, device, share));
        WIRE_PUT(&op, OP, code, ((struct wire_list){1, buf_span(&half)}));
        return op_make_device_add(out, &op, &s->mesh, &c->key);
}

/* @device comes on a code of @home; the door @by countersigns. */
static inline int street_device_by(struct street *s, int side, uint32_t home, const struct sign_key *device,
                                   const struct code *c, uint32_t by) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        int r = street_device_sign(s, home, device, SHARE_QUARTER, c, &op);
        return r ? r : street_admit(s, side, buf_span(&op), by, ++s->now);
}

/* The same on a fresh code, at the household's own door. */
static inline int street_device_add(struct street *s, int side, uint32_t home, const struct sign_key *device) {
        struct code c;
        street_code(s, home, SHARE_QUARTER, s->now + MESH_DAY, &c);
        int r = street_device_by(s, side, home, device, &c, home);
        code_fini(&c);
        return r;
}

static inline int street_undo(struct street *s, int side, uint32_t home, struct hash add, uint32_t by, mesh_wall at) {
        _clean_(buf_fini) struct buf half = BUF_NULL, whole = BUF_NULL;
        struct hash parents[4];
        uint64_t seq = 0;
        size_t n = street_parents(s, side, home, parents, &seq);
        struct wire_op op = {
                .type = OP_INVITE_UNDO,
                .time = ++s->now,
                .seq = seq,
                .parents = span_of(parents, n * sizeof(*parents)),
        };
        WIRE_PUT(&op, OP, proposal, SPAN_OF(add.b));
        if (n == 0 || op_make(&half, &op, &s->mesh, &s->homes[home].key))
                return ROSTER_E_RULE;
        assert_int_equal(op_countersign(&whole, buf_span(&half), &s->mesh, &s->homes[by].device, at, parents, n), 0);
        return street_take(s, side, buf_span(&whole), true);
}

/* ---- what a side believes, as one hash ---- */

static inline int street_by_bytes(const void *a, const void *b) {
        return memcmp(a, b, 32);
}

static inline void street_digest(const struct roster *r, struct hash *ret) {
        _clean_(buf_fini) struct buf all = BUF_NULL, waiting = BUF_NULL;
        const struct roster_home *h;
        struct hash lines[512], removed;
        size_t n = 0;
        for (size_t at = 0; (h = roster_waiting_next(r, &at));) {
                buf_add(&waiting, SPAN_OF(h->key.b));
                buf_printf(&waiting, "%d", (int)h->waits);
                hash_make(&lines[n++], DOMAIN_RECORD, NULL, buf_span(&waiting));
                buf_clear(&waiting);
        }
        for (size_t i = 0; (h = roster_home_at(r, i)); i++, n++) {
                _clean_(buf_fini) struct buf line = BUF_NULL;
                buf_add(&line, SPAN_OF(h->key.b));
                buf_printf(&line, "%s %d %d %d %llu %llu %u %d %02x", h->name, h->member, h->left, h->steward,
                           (unsigned long long)h->joined, (unsigned long long)h->gone_at, h->depth, h->name_clash,
                           h->inviter ? h->inviter->key.b[0] : 0);
                struct hash devices[64];
                assert_true(h->n_devices < 64 && n < 512);
                for (size_t k = 0; k < h->n_devices; k++) {
                        _clean_(buf_fini) struct buf d = BUF_NULL;
                        buf_add(&d, SPAN_OF(h->devices[k]->sign.b));
                        buf_printf(&d, "%d %llu %llu", h->devices[k]->share, (unsigned long long)h->devices[k]->since,
                                   (unsigned long long)h->devices[k]->gone_at);
                        hash_make(&devices[k], DOMAIN_RECORD, NULL, buf_span(&d));
                }
                qsort(devices, h->n_devices, sizeof(*devices), street_by_bytes);
                buf_add(&line, span_of(devices, h->n_devices * sizeof(*devices)));
                hash_make(&lines[n], DOMAIN_RECORD, NULL, buf_span(&line));
        }
        qsort(lines, n, sizeof(*lines), street_by_bytes);
        roster_removed(r, &removed);
        buf_add(&all, SPAN_OF(removed.b));
        buf_add(&all, span_of(lines, n * sizeof(*lines)));
        buf_printf(&all, "%zu %zu %u", roster_members(r), roster_stewards(r), roster_charter(r, CHARTER_max_members));
        hash_make(ret, DOMAIN_RECORD, NULL, buf_span(&all));
}

/* A fresh roster takes @order of the street's operations; those whose ancestors are missing wait for the next round. */
static inline struct roster *street_replay(const struct street *s, const size_t *order) {
        struct roster *r = street_roster();
        struct hash id;
        assert_int_equal(roster_add(r, buf_span(&s->ops[0].bytes), true, &id), 0);
        for (size_t taken = 1, before = 0; taken < s->n_ops && before != taken;) {
                before = taken;
                for (size_t i = 0; i < s->n_ops; i++) {
                        int e = roster_add(r, buf_span(&s->ops[order[i]].bytes), true, &id);
                        assert_true(e == 0 || e == ROSTER_E_KNOWN || e == ROSTER_E_PARENTS);
                        taken += e == 0;
                }
        }
        assert_int_equal(roster_ops(r), s->n_ops);
        return r;
}

static inline void street_shuffle(struct rng *rng, size_t *order, size_t n) {
        for (size_t i = 0; i < n; i++)
                order[i] = i;
        for (size_t i = n; i > 1; i--) {
                size_t k = (size_t)rng_below(rng, i), was = order[i - 1];
                order[i - 1] = order[k];
                order[k] = was;
        }
}
