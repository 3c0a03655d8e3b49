/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a backup holds of the daemon's: the old device's key for links, link keys, addresses, settings, and every
 * operation. The vault asks for it and seals it beside the household's keys, which never come here; out of a backup the
 * same rows come back, and the core takes it from there.
 */
#include "base/array.h"
#include "base/cell.h"
#include "base/log.h"
#include "crypto/box.h"
#include "crypto/sign.h"
#include "node/internal.h"
#include "roster/op.h"

#include <stdlib.h>

#define WAYS_MOST 128 /* addresses: one that answers is enough */
#define OPS_FIRST 64  /* items; then it doubles */

static struct node *node_of(struct vault_link *v) {
        return CONTAINER_OF(v, struct node, vault);
}

/* ---- out ---- */

static void say_device(struct vault_link *v) {
        const struct node *n = node_of(v);
        struct sign_key sign;
        sign_key_from_seed(&sign, n->cfg.sign_seed);
        struct wire_b_device msg = {.device = SPAN_OF(sign.pub.b), .noise = SPAN_OF(n->cfg.noise_secret.b)};
        vault_link_say(v, OWNER_B_DEVICE, &msg);
        hash_wipe(&sign, sizeof(sign));
}

static void say_keys(struct vault_link *v) {
        struct key keys[MESH_PSKS_MAX];
        size_t n = mesh_psks(node_of(v)->core, keys);
        for (size_t i = 0; i < n; i++) {
                struct wire_b_link_key msg = {.key = SPAN_OF(keys[i].b)};
                vault_link_say(v, OWNER_B_LINK_KEY, &msg);
        }
        hash_wipe(keys, sizeof(keys));
}

static void say_ways(struct vault_link *v) {
        static const struct key unknown;
        struct mesh_way ways[WAYS_MOST];
        size_t n = mesh_ways(node_of(v)->core, ways, ARRAY_LEN(ways));
        for (size_t i = 0; i < n; i++) {
                struct wire_b_addr msg = {.ip = SPAN_OF(ways[i].addr.ip), .port = ways[i].addr.port};
                if (!key_eq(&ways[i].device, &unknown))
                        WIRE_PUT(&msg, B_ADDR, device, SPAN_OF(ways[i].device.b));
                if (ways[i].manual)
                        WIRE_PUT(&msg, B_ADDR, manual, true);
                vault_link_say(v, OWNER_B_ADDR, &msg);
        }
}

static void say_settings(struct vault_link *v) {
        const struct node *n = node_of(v);
        struct wire_b_home home = {.cell = n->home};
        if (n->home)
                vault_link_say(v, OWNER_B_HOME, &home);
        for (size_t i = 0; i < n->mutes.n; i++) {
                struct wire_c_muted msg;
                mute_to_wire(&n->mutes.rows[i], &msg);
                vault_link_say(v, OWNER_B_MUTE, &msg);
        }
        for (size_t i = 0; i < n->places.n; i++) {
                struct wire_c_place msg = {.name = span_str(n->places.rows[i].name)};
                WIRE_PUT(&msg, C_PLACE, cell, n->places.rows[i].cell);
                vault_link_say(v, OWNER_B_PLACE, &msg);
        }
}

/* The rule of all others first: one that is made anew begins with it. */
static void say_cameras(struct vault_link *v) {
        const struct cameras *all = &node_of(v)->cameras;
        struct wire_c_camera_set msg;
        camera_to_wire(&all->others, &msg);
        vault_link_say(v, OWNER_B_CAMERA, &msg);
        for (size_t i = 0; i < all->n; i++) {
                camera_to_wire(&all->rows[i], &msg);
                vault_link_say(v, OWNER_B_CAMERA, &msg);
        }
}

void vault_backup_rows(struct vault_link *v) {
        say_device(v);
        say_keys(v);
        say_ways(v);
        say_settings(v);
        say_cameras(v);
        v->telling_backup = true;
        vault_vote_ops(v);
}

/* ---- back ---- */

/* Rows of a backup that came so far; what they point to lies in @store. */
struct vault_rows {
        struct buf store; /* operations, one behind the other */
        struct mesh_recover b;
        struct key keys[MESH_PSKS_MAX];
        struct mesh_way ways[WAYS_MOST];
        struct span *ops;
        size_t cap_ops;
        mesh_cell home;
        struct mutes mutes;
        struct places places;
        struct cameras cameras;
        bool failed; /* no memory */
};

static struct vault_rows *rows_free(struct vault_rows *r) {
        if (!r)
                return NULL;
        buf_fini(&r->store);
        free(r->ops);
        hash_wipe(r, sizeof(*r));
        free(r);
        return NULL;
}
DEFINE_FREEP(struct vault_rows, rows_free)

void vault_backup_drop(struct vault_link *v) {
        v->rows = rows_free(v->rows);
}

static void take_op(struct vault_rows *r, struct span op) {
        struct span *more = array_room(r->ops, r->b.n_ops, &r->cap_ops, sizeof(*more), OPS_FIRST);
        if (!more) {
                r->failed = true;
                return;
        }
        r->ops = more;
        buf_add(&r->store, op);
        r->ops[r->b.n_ops++].n = op.n; /* its place is known when the buffer moves no more */
}

static void take_way(struct vault_rows *r, const struct wire_b_addr *m) {
        if (r->b.n_ways == WAYS_MOST)
                return;
        struct mesh_way *way = &r->ways[r->b.n_ways++];
        *way = (struct mesh_way){.addr.port = (uint16_t)m->port, .manual = WIRE_HAS(m, B_ADDR, manual)};
        memcpy(way->addr.ip, m->ip.p, sizeof(way->addr.ip));
        if (WIRE_HAS(m, B_ADDR, device))
                memcpy(way->device.b, m->device.p, sizeof(way->device.b));
}

static void take_key(struct vault_rows *r, const struct wire_b_link_key *m) {
        if (r->b.n_keys < MESH_PSKS_MAX)
                memcpy(r->keys[r->b.n_keys++].b, m->key.p, sizeof(r->keys[0].b));
}

static void take_place(struct vault_rows *r, const struct wire_c_place *m) {
        if (!WIRE_HAS(m, C_PLACE, cell) || !cell_valid(m->cell) || place_name_wrong(m->name) ||
            places_put(&r->places, m->name, m->cell))
                log_debug("a backup with a place that cannot be kept");
}

bool vault_backup_take(struct vault_link *v, uint64_t number, const union frame_message *m) {
        struct vault_rows *r = v->rows;
        struct mute mute;
        if (number < OWNER_B_HEAD || number > OWNER_B_CAMERA)
                return false;
        if (!r && (r = v->rows = calloc(1, sizeof(*r))))
                r->cameras = cameras_none;
        if (!r)
                return true; /* V_RESTORE finds no rows, and says so */
        switch (number) {
        case OWNER_B_DEVICE:
                memcpy(r->b.device.b, m->b_device.device.p, sizeof(r->b.device.b));
                memcpy(r->b.noise.b, m->b_device.noise.p, sizeof(r->b.noise.b));
                break;
        case OWNER_B_LINK_KEY:
                take_key(r, &m->b_link_key);
                break;
        case OWNER_B_ADDR:
                take_way(r, &m->b_addr);
                break;
        case OWNER_B_HOME:
                r->home = m->b_home.cell;
                break;
        case OWNER_B_MUTE:
                if (mute_from_wire(&m->c_muted, &mute) && mutes_put(&r->mutes, &mute, 0))
                        log_debug("a backup with more mutes than fit");
                break;
        case OWNER_B_PLACE:
                take_place(r, &m->c_place);
                break;
        case OWNER_B_CAMERA:
                if (cameras_put(&r->cameras, &m->c_camera_set))
                        log_debug("a backup with more rules about cameras than fit");
                break;
        case OWNER_B_OP:
                take_op(r, m->v_ops.op);
                break;
        }
        return true;
}

static void settle_spans(struct vault_rows *r, const struct wire_v_restore *m) {
        const uint8_t *at = r->store.p;
        for (size_t i = 0; i < r->b.n_ops; at += r->ops[i++].n)
                r->ops[i].p = at;
        memcpy(r->b.mesh.b, m->mesh.p, sizeof(r->b.mesh.b));
        memcpy(r->b.household.b, m->household.p, sizeof(r->b.household.b));
        r->b.keys = r->keys;
        r->b.ways = r->ways;
        r->b.ops = r->ops;
}

static void keep_mutes(struct node *n, const struct mutes *mutes) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        n->mutes = *mutes;
        mutes_encode(mutes, &bytes);
        if (buf_ok(&bytes) && bytes.n)
                writer_set(n, SETTING_MUTES, buf_span(&bytes));
}

static void keep_places(struct node *n, const struct places *places) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        n->places = *places;
        places_encode(places, &bytes);
        if (buf_ok(&bytes) && bytes.n)
                writer_set(n, SETTING_PLACES, buf_span(&bytes));
}

static void keep_cameras(struct node *n, const struct cameras *cameras) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        n->cameras = *cameras;
        cameras_encode(cameras, &bytes);
        if (buf_ok(&bytes))
                writer_set(n, SETTING_CAMERAS, buf_span(&bytes));
}

void vault_backup_restore(struct vault_link *v, const struct wire_v_restore *m) {
        _clean_(rows_freep) struct vault_rows *r = TAKE(v->rows);
        struct node *n = node_of(v);
        if (!r || r->failed || !buf_ok(&r->store)) {
                vault_link_say_result(v, MESH_OUT_STORE_FAILED, false);
                return;
        }
        settle_spans(r, m);
        if (!vault_link_errand(v, (struct mesh_event){.type = MESH_EV_RECOVER, .recover = &r->b}, r->home, m->uid))
                return;
        keep_mutes(n, &r->mutes);
        keep_places(n, &r->places);
        keep_cameras(n, &r->cameras);
}

/* ---- the operation a restored home waits for ---- */

void vault_backup_ready(struct vault_link *v) {
        const struct node *n = node_of(v);
        struct sign_key sign;
        struct box_key noise, seal;
        uint8_t proof[SIGN_BYTES];
        struct hash mesh;
        struct key household, old;
        bool wanted = mesh_recovering(n->core, &mesh, &household, &old);
        if (!wanted || v->ready_said || !v->alive) {
                v->ready_said = v->ready_said && wanted;
                return;
        }
        sign_key_from_seed(&sign, n->cfg.sign_seed);
        box_key_from_secret(&noise, &n->cfg.noise_secret);
        box_key_from_secret(&seal, &n->cfg.seal_secret);
        op_device_prove(proof, &sign, &noise.pub, &seal.pub, &mesh, &household);
        hash_wipe(&sign, sizeof(sign));
        hash_wipe(&noise, sizeof(noise));
        hash_wipe(&seal, sizeof(seal));
        struct wire_v_ready msg = {.old = SPAN_OF(old.b), .proof = SPAN_OF(proof)};
        v->ready_said = true;
        vault_link_say(v, OWNER_V_READY, &msg);
}

void vault_backup_replace(struct vault_link *v, struct span op) {
        struct node *n = node_of(v);
        v->ready_said = false;
        node_feed(n, (struct mesh_event){.type = MESH_EV_REPLACE, .operation.op = op});
}

void vault_backup_made(struct vault_link *v, mesh_wall when) {
        struct node *n = node_of(v);
        uint8_t bytes[8];
        put_be64(bytes, when);
        n->backup_at = when;
        writer_set(n, SETTING_BACKUP, SPAN_OF(bytes));
}
