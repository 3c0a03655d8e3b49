/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Equivocation: a device that signs two records for one slot shows different homes different things. The two records prove
 * it to everybody: the slot is void, and the device is muted for a day.
 *
 * A proof counts by what it proves, its two facts: that the slot is void, and the hour of the later record, in which the
 * device was found out. Which two of its records prove a fact makes no difference, so facts are only ever added, homes that
 * know the same facts hold the same records whatever came first, and a device has no more facts than slots and hours. A fact
 * stands in the index of records as one of a type that no wire has, and so is compared, owed and forgotten like a record;
 * its bytes, on disk and over links, are the proof that brought it.
 *
 * Where the second record of a slot comes in, the first one's bytes are fetched from disk, and the proof is made here.
 */
#include "core/core.h"
#include "core/digest.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/out.h"
#include "core/packet.h"
#include "core/record.h"
#include "core/spread.h"
#include "roster/roster.h"
#include "wire/codec.h"

#include <stdlib.h>

#define HOUR 3600
#define MUTE_HOURS 25 /* of which the first is the one of the later record: so 24 h after it are muted whole */
#define DAY_HOURS 24

/* A record that met another one of its slot, and waits for the bytes of that one. */
struct rival {
        struct list list;
        uint64_t token; /* of the LOAD */
        uint32_t rec;
};

struct fact {
        struct hash id;
        struct key device;
        mesh_wall created, expires;
        uint32_t day;
        uint16_t index;
        uint8_t type, klass;
};

struct signed_record { /* one of the two of a proof */
        struct wire_record w;
        struct hash id;
        struct key device, slot_device;
};

void proofs_fini(struct mesh *m) {
        LIST_EACH (x, &m->rivals, struct rival, list) {
                list_drop(&x->list);
                free(x);
        }
}

/* ---- what counts as a proof ---- */
static bool names(const struct signed_record *retraction, const struct signed_record *r) {
        return retraction->w.type == RECORD_RETRACT && r->w.type != RECORD_RETRACT &&
               memcmp(retraction->w.target.p, r->id.b, sizeof(r->id.b)) == 0;
}

/* PROTOCOL 4.23: "Two records are a *proof* if they have the same `device`, stand in the same slot, have different ids,
 * and are not a retraction and the record it names." */
static bool contradict(const struct signed_record *a, const struct signed_record *b) {
        return key_eq(&a->device, &b->device) && key_eq(&a->slot_device, &b->slot_device) && a->w.day == b->w.day &&
               a->w.klass == b->w.klass && a->w.index == b->w.index && !hash_eq(&a->id, &b->id) && !names(a, b) &&
               !names(b, a);
}

static bool read_one(const struct mesh *m, struct span raw, struct signed_record *ret) {
        if (codec_decode(&wire_record_desc, raw, &ret->w, NULL))
                return false;
        if (ret->w.type == RECORD_RETRACT && !WIRE_HAS(&ret->w, RECORD, target))
                return false;
        record_id(m, raw, &ret->id);
        record_devices(&ret->w, &ret->device, &ret->slot_device);
        return true;
}

static bool read_proof(const struct mesh *m, const struct wire_proof *w, struct signed_record ret[2]) {
        return read_one(m, w->one, &ret[0]) && read_one(m, w->other, &ret[1]) && contradict(&ret[0], &ret[1]);
}

/* PROTOCOL 4.24: "Each of the two MUST satisfy rules 4.2, 4.4, 4.5, 4.8 and 4.17, and 4.6 without regard to now, and its
 * `created` MUST NOT be more than 600 s ahead of now" */
static bool allowed(const struct mesh *m, const struct signed_record *r) {
        const struct roster_device *d = roster_device_find(m->roster, &r->device);
        return d && record_fits(m, &r->w, d) && r->w.created <= clock_now(m) + FUTURE_SLACK;
}

static bool signed_right(const struct signed_record *r) {
        return sign_check(r->w.sig.p, &r->device, DOMAIN_RECORD, &r->id);
}

/* ---- facts ---- */
static void void_fact(const struct mesh *m, const struct signed_record *r, struct fact *ret) {
        uint8_t slot[32 + 4 + 1 + 2];
        uint8_t klass = (uint8_t)r->w.klass;
        *ret = (struct fact){.type = FACT_VOID,
                             .device = r->slot_device,
                             .day = (uint32_t)r->w.day,
                             .klass = klass,
                             .index = (uint16_t)r->w.index,
                             .created = r->w.day * MESH_DAY,
                             .expires = record_slot_end(klass, (uint32_t)r->w.day)};
        memcpy(slot, ret->device.b, 32);
        put_be32(slot + 32, ret->day);
        slot[36] = klass;
        put_be16(slot + 37, ret->index);
        hash_make(&ret->id, DOMAIN_VOID, roster_mesh(m->roster), SPAN_OF(slot));
}

static void mute_fact(const struct mesh *m, const struct signed_record r[2], struct fact *ret) {
        uint8_t bytes[32 + 4];
        uint32_t hour = (uint32_t)(MAX(r[0].w.created, r[1].w.created) / HOUR);
        *ret = (struct fact){.type = FACT_MUTE,
                             .device = r[0].device,
                             .day = hour / DAY_HOURS,
                             .index = (uint16_t)(hour % DAY_HOURS),
                             .created = (mesh_wall)hour * HOUR,
                             .expires = ((mesh_wall)hour + MUTE_HOURS) * HOUR + LIFE_ASK};
        memcpy(bytes, ret->device.b, 32);
        put_be32(bytes + 32, hour);
        hash_make(&ret->id, DOMAIN_MUTE, roster_mesh(m->roster), SPAN_OF(bytes));
}

static bool known(struct mesh *m, const struct fact *f) {
        return f->expires <= clock_now(m) || records_find(m, &f->id);
}

/* ---- what is void ---- */
static bool slot_void(const struct mesh *m, const struct slot *s) {
        SLOT_EACH(r, m, s)
        if (r->type == FACT_VOID)
                return true;
        return false;
}

/* The first hour of a mute that covers @hour; UINT32_MAX: none does. */
static uint32_t mute_at(const struct mesh *m, uint32_t author, uint32_t hour) {
        if (author == REC_NONE || !m->authors[author]->mutes)
                return UINT32_MAX;
        for (uint32_t h = hour, n = 0; n < MUTE_HOURS && h; h--, n++) {
                struct slot s = {.author = author, .day = h / DAY_HOURS, .index = (uint16_t)(h % DAY_HOURS)};
                SLOT_EACH(r, m, &s)
                if (r->type == FACT_MUTE)
                        return h;
        }
        return UINT32_MAX;
}

/* PROTOCOL 4.26: "A record of that device, unless it is a retraction, whose `created` is from q x 3,600 up to, and not
 * including, (q + 25) x 3,600 is void." */
static bool muted(const struct mesh *m, uint32_t author, uint8_t type, mesh_wall created) {
        return type != RECORD_RETRACT && mute_at(m, author, (uint32_t)(created / HOUR)) != UINT32_MAX;
}

bool proof_refuses(const struct mesh *m, const struct wire_record *w) {
        struct key device, slot_device;
        record_devices(w, &device, &slot_device);
        struct slot s = records_slot(m, &slot_device, (uint32_t)w->day, (uint8_t)w->klass, (uint16_t)w->index);
        return slot_void(m, &s) || muted(m, s.author, (uint8_t)w->type, w->created);
}

bool proof_voids(const struct mesh *m, const struct rec *r) {
        struct slot s = records_slot_of(r);
        return slot_void(m, &s) || muted(m, r->author, r->type, r->created);
}

mesh_wall proof_muted_until(const struct mesh *m) {
        struct slot me = records_slot(m, &m->sign.pub, 0, 0, 0);
        uint32_t h = mute_at(m, me.author, (uint32_t)(clock_now(m) / HOUR));
        return h == UINT32_MAX ? 0 : ((mesh_wall)h + MUTE_HOURS) * HOUR;
}

/* ---- on disk ---- */
static int store_fact(struct mesh *m, const struct rec *r) {
        struct wait *w = mesh_wait(m, WAIT_PROOF, 0);
        if (!w)
                return ERR_NOMEM;
        memcpy(w->id.b, r->id.b, sizeof(w->id.b));
        struct mesh_row row = {.kind = MESH_ROW_PROOF,
                               .proof = {.id = r->id, .expires = r->expires, .bytes = packet_map(r->packet)}};
        return mesh_store(m, &row, w);
}

static int store_void(struct mesh *m, const struct rec *r) {
        struct wait *w = mesh_wait(m, WAIT_VOID, 0);
        if (!w)
                return ERR_NOMEM;
        memcpy(w->id.b, r->id.b, sizeof(w->id.b));
        struct mesh_row row = record_row(m, r);
        row.record.voided = true;
        return mesh_store(m, &row, w);
}

/* What the disk did not take is tried again by proof_tick; after a restart neighbours bring the proof again. */
void proof_stored(struct mesh *m, const struct wait *w) {
        struct hash id;
        memcpy(id.b, w->id.b, sizeof(id.b));
        struct rec *r = records_find(m, &id);
        if (!r)
                return;
        if (w->failed) {
                m->proofs_unsaved = true;
                return;
        }
        r->flags |= w->kind == WAIT_VOID ? REC_ERASED : REC_STORED;
        if (w->kind == WAIT_PROOF)
                r->packet = packet_free(r->packet);
}

int proof_tick(struct mesh *m) {
        if (!m->proofs_unsaved)
                return 0;
        m->proofs_unsaved = false;
        for (size_t i = 0; i < m->n_sorted; i++) {
                const struct rec *r = m->sorted[i];
                int e = 0;
                if (rec_is_fact(r) && r->packet)
                        e = store_fact(m, r);
                else if (r->flags & REC_VOID && !(r->flags & REC_ERASED))
                        e = store_void(m, r);
                if (e)
                        return e;
        }
        return 0;
}

/* ---- a proof takes effect ---- */
/* PROTOCOL 4.25: "What is void MUST NOT be held, passed on or shown; what of it was held is so no longer, and its text and
 * body are wiped on disk." */
int proof_void(struct mesh *m, struct rec *r) {
        author_dropped(m, r);
        free(r->handed);
        r->handed = NULL;
        r->packet = packet_free(r->packet);
        r->flags |= REC_VOID;
        digest_record(m, r, false);
        return store_void(m, r);
}

static int void_again(struct mesh *m, struct rec *r) {
        bool held = !rec_is_fact(r) && !(r->flags & (REC_PENDING | REC_VOID));
        return held && proof_voids(m, r) ? proof_void(m, r) : 0;
}

int proof_void_held(struct mesh *m, const struct rec *fact) {
        struct slot s = records_slot_of(fact);
        int e = 0;
        if (fact->type == FACT_VOID) {
                SLOT_EACH(r, m, &s)
                if (!e)
                        e = void_again(m, r);
                return e;
        }
        mesh_wall end = fact->created + (mesh_wall)MUTE_HOURS * HOUR;
        for (size_t i = records_since(m, fact->created); i < m->n_sorted && m->sorted[i]->created < end && !e; i++)
                if (m->sorted[i]->author == fact->author)
                        e = void_again(m, m->sorted[i]);
        return e;
}

static struct rec *fact_add(struct mesh *m, const struct fact *f, uint8_t flags) {
        struct rec like = {.id = f->id,
                           .created = f->created,
                           .expires = f->expires,
                           .day = f->day,
                           .index = f->index,
                           .type = f->type,
                           .klass = f->klass,
                           .flags = flags};
        struct rec *r = records_fact(m, &like, &f->device);
        return r && records_hold(m, r) == 0 ? r : NULL;
}

/* What is new in it counts at once: on disk, for what is held, and for every neighbour. */
static int take_effect(struct mesh *m, const struct fact facts[2], struct packet *p, const struct link *from) {
        for (size_t i = 0; i < 2; i++) {
                if (known(m, &facts[i]))
                        continue;
                struct rec *r = fact_add(m, &facts[i], REC_PENDING);
                if (!r)
                        return ERR_NOMEM;
                r->packet = packet_ref(p);
                int e = store_fact(m, r);
                if (!e)
                        e = proof_void_held(m, r);
                if (e)
                        return e;
        }
        mesh_state_changed(m);
        return spread_packet(m, p, from);
}

static bool nothing_new(struct mesh *m, const struct fact facts[2]) {
        return known(m, &facts[0]) && known(m, &facts[1]);
}

int proof_take(struct link *from, const struct wire_proof *w, struct span raw) {
        struct mesh *m = from->m;
        struct signed_record two[2];
        struct fact facts[2];
        /* PROTOCOL 4.29: "One whose two records are no proof by rule 4.23 ends the link, `bad-frame`; one of which a
         * signature is wrong, `bad-signature`." */
        if (!read_proof(m, w, two)) {
                link_hangup(from, REASON_BAD_FRAME);
                return 0;
        }
        void_fact(m, &two[0], &facts[0]);
        mute_fact(m, two, &facts[1]);
        if (nothing_new(m, facts) || !allowed(m, &two[0]) || !allowed(m, &two[1]))
                return 0;
        if (!signed_right(&two[0]) || !signed_right(&two[1])) {
                link_hangup(from, REASON_BAD_SIGNATURE);
                return 0;
        }
        _clean_(packet_freep) struct packet *p = packet_of(LINK_PROOF, 2, raw);
        return p ? take_effect(m, facts, p, from) : ERR_NOMEM;
}

int proof_restore(struct mesh *m, const struct mesh_row *row) {
        struct wire_proof w;
        struct signed_record two[2];
        struct fact facts[2];
        if (!m->roster || row->proof.expires <= clock_now(m) ||
            codec_decode(&wire_proof_desc, row->proof.bytes, &w, NULL) || !read_proof(m, &w, two))
                return 0;
        void_fact(m, &two[0], &facts[0]);
        mute_fact(m, two, &facts[1]);
        for (size_t i = 0; i < 2; i++)
                if (hash_eq(&facts[i].id, &row->proof.id) && !known(m, &facts[i]))
                        return fact_add(m, &facts[i], REC_STORED) ? 0 : ERR_NOMEM;
        return 0;
}

/* ---- a proof is made ---- */
struct rec *proof_rival(const struct mesh *m, const struct rec *r) {
        struct slot s = records_slot_of(r);
        SLOT_EACH(x, m, &s) {
                if (x == r || rec_is_fact(x) || x->flags & (REC_PENDING | REC_GONE) || rec_signer(x) != rec_signer(r))
                        continue;
                const struct rec *back = x->takes ? x : r, *of = x->takes ? r : x;
                bool pair = back->takes && !of->takes && hash_eq(&back->takes->target, &of->id);
                if (!pair)
                        return x;
        }
        return NULL;
}

static int prove(struct mesh *m, const struct rec *r, struct span other) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct wire_proof w = {.one = packet_map(r->packet), .other = other};
        struct signed_record two[2];
        struct fact facts[2];
        if (CHECK_FAILS(read_proof(m, &w, two)))
                return 0;
        void_fact(m, &two[0], &facts[0]);
        mute_fact(m, two, &facts[1]);
        if (nothing_new(m, facts))
                return 0;
        codec_encode(&wire_proof_desc, &w, &raw);
        _clean_(packet_freep) struct packet *p = buf_ok(&raw) ? packet_of(LINK_PROOF, 2, buf_span(&raw)) : NULL;
        return p ? take_effect(m, facts, p, NULL) : ERR_NOMEM;
}

/* @r, whose signature is right, is not held: it and @other are a proof. */
int proof_begin(struct mesh *m, struct rec *r, const struct rec *other) {
        if (other->packet) {
                int e = prove(m, r, packet_map(other->packet));
                records_drop(m, r);
                return e;
        }
        struct rival *x = calloc(1, sizeof(*x));
        struct mesh_action *a = x ? out_add(&m->out, MESH_DO_LOAD) : NULL;
        bool ok = true;
        if (!a) {
                free(x);
                return ERR_NOMEM;
        }
        x->rec = r->number;
        a->token = x->token = mesh_token(m);
        struct span kept = out_keep(&m->out, SPAN_OF(other->id.b), &ok);
        a->load.ids = (const struct hash *)(const void *)kept.p;
        a->load.n = 1;
        list_push(&m->rivals, &x->list);
        return ok ? 0 : ERR_NOMEM;
}

int proof_loaded(struct mesh *m, const struct mesh_event *ev) {
        LIST_EACH (x, &m->rivals, struct rival, list) {
                if (x->token != ev->token)
                        continue;
                struct rec *r = m->recs[x->rec];
                list_drop(&x->list);
                free(x);
                /* Without bytes the other one was taken back meanwhile: a neighbour brings this one again. */
                struct span other = ev->loaded.n == 1 ? ev->loaded.items[0].bytes : SPAN_NONE;
                int e = other.n ? prove(m, r, other) : 0;
                records_drop(m, r);
                struct rec *lost = ev->loaded.n == 1 ? records_find(m, &ev->loaded.items[0].id) : NULL;
                if (lost && ev->loaded.items[0].damaged)
                        records_damaged(m, lost);
                return e;
        }
        return 0;
}
