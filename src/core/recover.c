/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A home comes back out of a backup. Its old device is lost, its new one nobody knows yet; so it greets neighbours as the
 * old one, takes operations from them and nothing else, and when its roster is one neighbour's, gives out the operation
 * that revokes the old device and certifies the new (the vault has signed it). From then on it is a member like any
 * other. Until then it waits, over restarts: what it needs for that stands in the row of a joining, with the encoded way
 * back in place of the ticket. Nothing is ever signed with the old device's key, which is not even here.
 */
#include "core/belong.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/out.h"
#include "core/packet.h"
#include "core/reach.h"
#include "core/spread.h"
#include "roster/op.h"
#include "roster/roster.h"
#include "wire/codec.h"

#define AGAIN_TIME 500 /* ms until a set that was short of something is compared again */

/* ---- what is kept ---- */

static void recover_end(struct mesh *m) {
        buf_wipe(&m->recover.op);
        hash_wipe(&m->recover, sizeof(m->recover));
        m->recover_due = MESH_NEVER;
}

static int row_store(struct mesh *m, const struct wait *w) {
        _clean_(buf_wipe) struct buf way = BUF_NULL;
        const struct recover *rc = &m->recover;
        struct wire_b_return msg = {
                .mesh = SPAN_OF(rc->mesh.b),
                .household = SPAN_OF(m->household.b),
                .device = SPAN_OF(rc->device.b),
                .noise = SPAN_OF(rc->noise.secret.b),
                .keys = span_of(rc->keys, rc->n_keys * sizeof(rc->keys[0])),
        };
        codec_encode(&wire_b_return_desc, &msg, &way);
        if (!buf_ok(&way))
                return ERR_NOMEM;
        struct mesh_row row = {.kind = MESH_ROW_JOIN, .join = {.op = buf_span(&rc->op), .ticket = buf_span(&way)}};
        return mesh_store(m, &row, w);
}

static int row_drop(struct mesh *m) {
        struct mesh_row row = {.kind = MESH_ROW_JOIN};
        return mesh_store(m, &row, NULL);
}

bool recover_is_way(struct span text) {
        struct wire_b_return way;
        return codec_decode(&wire_b_return_desc, text, &way, NULL) == 0;
}

int recover_restore(struct mesh *m, struct span op, struct span text) {
        struct wire_b_return way;
        struct recover *rc = &m->recover;
        struct key noise;
        if (codec_decode(&wire_b_return_desc, text, &way, NULL) || way.keys.n % sizeof(struct key))
                return 0;
        memcpy(rc->mesh.b, way.mesh.p, sizeof(rc->mesh.b));
        memcpy(m->household.b, way.household.p, sizeof(m->household.b));
        memcpy(rc->device.b, way.device.p, sizeof(rc->device.b));
        memcpy(noise.b, way.noise.p, sizeof(noise.b));
        box_key_from_secret(&rc->noise, &noise);
        hash_wipe(&noise, sizeof(noise));
        rc->n_keys = MIN(way.keys.n / sizeof(struct key), (size_t)SECRETS_MOST);
        memcpy(rc->keys, way.keys.p, rc->n_keys * sizeof(struct key));
        buf_add(&rc->op, op);
        rc->on = rc->begun = true;
        rc->problem = MESH_OUT_NO_NEIGHBOUR;
        return buf_ok(&rc->op) ? 0 : ERR_NOMEM;
}

/* ---- beginning ---- */

static int take_addresses(struct mesh *m, const struct mesh_way *ways, size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct address *a = address_add(m, &ways[i].addr);
                if (!a)
                        continue;
                a->device = ways[i].device;
                a->manual |= ways[i].manual;
                a->next = m->now; /* known from a try that the disk refused: it does not wait its turn */
                int r = address_store(m, a);
                if (r)
                        return r;
        }
        return 0;
}

static int take_ops(struct mesh *m, const struct span *ops, size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct hash id;
                int r = roster_take(&m->roster, ops[i], true, &id); /* the vault has checked them just now */
                if (r < 0)
                        return r;
                if (r == 0)
                        r = ops_store(m, ops[i], &id, NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool recover_fits(const struct mesh_recover *b) {
        return b->n_ops > 0 && b->n_keys > 0 && b->n_keys <= SECRETS_MOST;
}

static void recover_load(struct mesh *m, const struct mesh_recover *b) {
        struct recover *rc = &m->recover;
        rc->mesh = b->mesh;
        rc->device = b->device;
        box_key_from_secret(&rc->noise, &b->noise);
        rc->n_keys = b->n_keys;
        memcpy(rc->keys, b->keys, b->n_keys * sizeof(rc->keys[0]));
        rc->on = true;
        rc->problem = MESH_OUT_NO_NEIGHBOUR;
        m->household = b->household;
}

int recover_start(struct mesh *m, const struct mesh_event *ev) {
        const struct mesh_recover *b = ev->recover;
        if (m->roster || m->joining || m->recover.on || !recover_fits(b)) {
                mesh_reply(m, ev->token,
                           m->joining  ? MESH_OUT_JOINING
                           : m->roster ? MESH_OUT_IN_MESH
                                       : MESH_OUT_BAD_OP);
                return 0;
        }
        struct wait *w = mesh_wait(m, WAIT_RECOVER, ev->token);
        int r = w ? mesh_roster_new(m) : ERR_NOMEM;
        if (r)
                return r;
        recover_load(m, b);
        /* In this order whatever part of it a crash leaves is of use: addresses alone are no home, and with the way
         * back neighbours bring the operations that are missing. */
        r = take_addresses(m, b->ways, b->n_ways);
        if (!r)
                r = row_store(m, w);
        return r ? r : take_ops(m, b->ops, b->n_ops);
}

/* ---- who this home is meanwhile ---- */

const struct box_key *recover_noise(const struct mesh *m) {
        return m->recover.on ? &m->recover.noise : &m->noise;
}

const struct key *recover_device(const struct mesh *m) {
        return m->recover.on ? &m->recover.device : &m->sign.pub;
}

/* PROTOCOL 6.35: "It MUST NOT dial or answer anybody before what rule 6.30 needs is on its disk" */
size_t recover_keys(const struct mesh *m, size_t n, struct key ret[SECRETS_MOST]) {
        for (size_t i = 0; m->recover.begun && i < m->recover.n_keys && n < SECRETS_MOST; i++)
                ret[n++] = m->recover.keys[i];
        return n;
}

/* PROTOCOL 6.34: "It MUST NOT give out one by which rule 5.58 voids anything it holds" */
/* The vault's operation fits what is held by now: it is the next of the household's chain, and whomever the old device
 * admitted after the backup was made stays admitted. */
static bool op_fits(const struct mesh *m) {
        struct hash parents[ROSTER_PARENTS_MAX];
        struct wire_op w;
        uint64_t seq;
        bool unseen = true;
        if (!m->roster || !m->recover.op.n || codec_decode(&wire_op_desc, buf_span(&m->recover.op), &w, NULL) ||
            !roster_parents(m->roster, &m->household, NULL, 0, parents, &seq) || w.seq != seq)
                return false;
        return roster_unseen(m->roster, &m->recover.device, w.parents, &unseen) == 0 && !unseen;
}

bool mesh_recovering(const struct mesh *m, struct hash *ret_mesh, struct key *ret_household, struct key *ret_old) {
        if (!m->recover.begun || op_fits(m) || m->recover.problem == MESH_OUT_REPLACED)
                return false;
        *ret_mesh = m->recover.mesh;
        *ret_household = m->household;
        *ret_old = m->recover.device;
        return true;
}

static enum mesh_outcome problem_now(const struct mesh *m) {
        const struct roster_home *me = m->roster ? roster_home_find(m->roster, &m->household) : NULL;
        const struct roster_device *old = m->roster ? roster_device_find(m->roster, &m->recover.device) : NULL;
        if (me && !me->member)
                return me->left ? MESH_OUT_LEFT : MESH_OUT_REMOVED;
        if (me && old && old->gone_at)
                return MESH_OUT_REPLACED;
        if (links_up(m) && m->recover.compared && !op_fits(m))
                return MESH_OUT_KEY_NEEDED;
        return MESH_OUT_NO_NEIGHBOUR;
}

static void set_problem(struct mesh *m, enum mesh_outcome o) {
        if (m->recover.problem == o)
                return;
        m->recover.problem = o;
        out_add(&m->out, MESH_DO_STATE);
}

void recover_refused(struct mesh *m) {
        if (m->recover.on && m->recover.problem == MESH_OUT_NO_NEIGHBOUR)
                set_problem(m, MESH_OUT_NOT_KNOWN);
}

/* ---- the end ---- */

/* This device is certified: what the old one's name was needed for is over. */
static int recovered(struct mesh *m) {
        uint64_t command = m->recover.command;
        recover_end(m);
        m->contact_dirty = true;
        mesh_membership(m);
        out_add(&m->out, MESH_DO_STATE);
        mesh_reply(m, command, MESH_OUT_DONE);
        return row_drop(m);
}

static bool certified(const struct mesh *m) {
        const struct roster_device *d = m->roster ? roster_device_find(m->roster, &m->sign.pub) : NULL;
        return d && !d->gone_at && d->home->member;
}

int recover_check(struct mesh *m) {
        if (!m->recover.on)
                return 0;
        if (certified(m)) /* given out just before the last end */
                return recovered(m);
        enum mesh_outcome o = problem_now(m);
        if (o != MESH_OUT_NO_NEIGHBOUR || m->recover.problem == MESH_OUT_KEY_NEEDED)
                set_problem(m, o);
        return 0;
}

/* The neighbours that are linked hear of it as the last thing the old device says; they are greeted anew at once. */
static int give_out(struct mesh *m, struct span op) {
        struct wait *w = mesh_wait(m, WAIT_EPOCH, 0);
        _clean_(packet_freep) struct packet *p = packet_of(LINK_OP, 0, op);
        int r = w && p ? spread_packet(m, p, NULL) : ERR_NOMEM;
        LINK_EACH(l, m) {
                if (!r)
                        r = link_flush(l);
                link_hangup(l, REASON_REKEYED);
        }
        if (!r)
                r = recovered(m);
        return r ? r : epoch_renew(m, w); /* the old device may read nothing that is written from now on */
}

/* PROTOCOL 6.32: "It MUST write the operation to disk before it sends it." */
static int written(struct mesh *m, bool failed) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        struct hash id;
        m->recover.writing = false;
        if (failed) {
                m->recover_due = m->now + UNSAVED_TIME;
                set_problem(m, MESH_OUT_NO_ROOM_YET);
                return 0;
        }
        buf_add(&op, buf_span(&m->recover.op));
        int r = buf_ok(&op) ? roster_take(&m->roster, buf_span(&op), false, &id) : ERR_NOMEM;
        if (r < 0)
                return r;
        if (certified(m))
                return give_out(m, buf_span(&op));
        buf_clear(&m->recover.op); /* signed over another fold: the vault signs anew */
        set_problem(m, MESH_OUT_KEY_NEEDED);
        return 0;
}

/* A neighbour's operations are all here. */
int recover_ready(struct mesh *m) {
        struct hash id;
        if (!m->recover.on || m->recover.writing)
                return 0;
        m->recover.compared = true;
        enum mesh_outcome o = problem_now(m);
        if (o != MESH_OUT_NO_NEIGHBOUR ||
            m->recover.problem != MESH_OUT_NO_ROOM_YET) /* that is said until it is over */
                set_problem(m, o);
        if (!op_fits(m) || o != MESH_OUT_NO_NEIGHBOUR)
                return 0;
        struct wait *w = mesh_wait(m, WAIT_RECOVER, 0);
        if (!w)
                return ERR_NOMEM;
        m->recover.writing = true;
        op_id(&id, &m->recover.mesh, buf_span(&m->recover.op));
        return ops_store(m, buf_span(&m->recover.op), &id, w);
}

int recover_replace(struct mesh *m, const struct mesh_event *ev) {
        if (!m->recover.begun || m->recover.writing)
                return 0;
        buf_clear(&m->recover.op);
        buf_add(&m->recover.op, ev->operation.op);
        if (!buf_ok(&m->recover.op))
                return ERR_NOMEM;
        m->recover_due = m->now; /* where a neighbour is linked, its set is compared once more */
        set_problem(m, MESH_OUT_NO_NEIGHBOUR);
        return row_store(m, NULL);
}

/* The disk has no room for the beginning. Nothing else was written: there was no link, and the vault was not asked. */
static void refused(struct mesh *m, uint64_t command) {
        recover_end(m);
        m->roster = roster_free(m->roster);
        mesh_membership(m);
        mesh_reply(m, command, MESH_OUT_STORE_FAILED);
}

/* The beginning is on disk (then @w has its command), or the operation that is about to be given out. */
int recover_stored(struct mesh *m, struct wait *w) {
        if (!m->recover.on)
                return 0;
        if (!w->command)
                return written(m, w->failed);
        if (w->failed) {
                refused(m, w->command);
                return 0;
        }
        m->recover.command = w->command;
        m->recover.begun = true;
        dial_soon(m);
        mesh_state_changed(m);
        out_add(&m->out, MESH_DO_STATE); /* the vault's operation is wanted */
        return 0;
}

/* ---- comparing ---- */

void recover_again(struct mesh *m) {
        if (m->recover.on)
                m->recover_due = m->now + AGAIN_TIME;
}

int recover_tick(struct mesh *m) {
        if (m->now < m->recover_due)
                return 0;
        m->recover_due = MESH_NEVER;
        LINK_EACH(l, m) {
                int r = l->dialled && l->hello_got && !l->recon_set && l->state != LINK_CLOSING ? sync_join(l) : 0;
                if (r)
                        return r;
        }
        return 0;
}

mesh_time recover_deadline(const struct mesh *m) {
        return m->recover_due;
}

/* ---- for a backup ---- */

static bool worth_keeping(const struct address *a) {
        return !a->self && !a->lan_only && !a->addr.scope && !address_meets(a);
}

size_t mesh_ways(const struct mesh *m, struct mesh_way *ret, size_t max) {
        size_t n = 0;
        for (int round = 0; round < 2; round++) /* those that answer come first */
                for (size_t i = 0; i < m->n_addresses && n < max; i++) {
                        const struct address *a = &m->addresses[i];
                        if (worth_keeping(a) && (a->failures > 0) == (round == 1))
                                ret[n++] = (struct mesh_way){a->addr, a->device, a->manual};
                }
        return n;
}

size_t mesh_psks(struct mesh *m, struct key ret[MESH_PSKS_MAX]) {
        return epoch_link_keys(m, ret);
}
