/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of held records, and the one gate through which a record comes in. Checks run in the order of their cost: what
 * the header alone says (time, class, quota), then dedupe, then the slot, then the signature (checked by the shell, in
 * batches, on all cores), then decryption and meaning. A record is relayed once its signature is good; it is acknowledged
 * once it is on disk.
 */
#include "core/core.h"

#include <stdlib.h>

#define CHUNK 256
#define SLOTS_FIRST 64
#define RESYNC_TIME 1000 /* ms after a forged record until a neighbour is asked what is missing */

int records_init(struct mesh *m) {
        map_init(&m->by_id, m->map_seed);
        map_init(&m->authors_map, m->map_seed);
        for (size_t i = 0; i < RECENT_RECORDS; i++)
                m->recent[i] = REC_NONE;
        return 0;
}

static void rec_free(struct rec *r) {
        free(r->handed);
        packet_free(r->packet);
        free(r->target);
        free(r);
}

void records_fini(struct mesh *m) {
        for (size_t i = 0; i < m->n_recs; i++)
                if (m->recs[i])
                        rec_free(m->recs[i]);
        for (size_t i = 0; i < m->n_authors; i++)
                free(m->authors[i]);
        free(m->recs);
        free(m->free_recs);
        free(m->sorted);
        free(m->slots);
        free(m->authors);
        map_fini(&m->by_id);
        map_fini(&m->authors_map);
        buf_fini(&m->verify);
        buf_fini(&m->verify_for);
        LIST_EACH (b, &m->verify_out, struct verify_batch, list) {
                list_drop(&b->list);
                free(b);
        }
}

void record_id(const struct mesh *m, struct span raw, struct hash *ret) {
        hash_make(ret, DOMAIN_RECORD, roster_mesh(m->roster), codec_before(raw, RECORD_KEY_sig));
}

uint64_t records_life(uint8_t klass) {
        switch (klass) {
        case CLASS_URGENT:
                return LIFE_URGENT;
        case CLASS_NORMAL:
                return LIFE_NORMAL;
        case CLASS_NOTICE:
                return LIFE_NOTICE;
        case CLASS_ASK:
                return LIFE_ASK;
        }
        return 0;
}

/* Slots of a class a day: whole devices all of them, others a quarter; a third of either for machines. At least one. */
uint16_t records_quota(const struct mesh *m, const struct roster_device *d, uint8_t klass, bool sensor) {
        uint32_t n = 0;
        if (klass == CLASS_URGENT)
                n = roster_charter(m->roster, CHARTER_urgent);
        else if (klass == CLASS_NORMAL)
                n = roster_charter(m->roster, CHARTER_normal);
        else if (klass == CLASS_NOTICE)
                n = roster_charter(m->roster, CHARTER_notices);
        else if (klass == CLASS_ASK)
                n = d->share == SHARE_WHOLE ? 4 : 0;
        if (n && klass != CLASS_ASK && d->share == SHARE_QUARTER)
                n = MAX(n / 4, 1u);
        if (n && sensor)
                n = MAX(n / 3, 1u);
        return (uint16_t)MIN(n, 16384u);
}

uint8_t record_class_of(uint8_t kind, uint8_t urgency, uint8_t severity, uint8_t status) {
        const struct wire_kind_row *k = wire_kind_find(kind);
        bool severe = severity == SEVERITY_EXTREME || severity == SEVERITY_SEVERE;
        bool urgent = k && k->may_be_urgent && urgency == URGENCY_IMMEDIATE && severe && status == STATUS_ACTUAL;
        return urgent ? CLASS_URGENT : CLASS_NORMAL;
}

struct rec *records_find(struct mesh *m, const struct hash *id) {
        return map_find(&m->by_id, id->b);
}

/* ---- authors and slots ---- */
static struct author *author_get(struct mesh *m, const struct key *device) {
        struct author *a = map_find(&m->authors_map, device->b);
        if (a)
                return a;
        if (m->n_authors == m->cap_authors) {
                size_t cap = m->cap_authors ? m->cap_authors * 2 : 16;
                struct author **as = realloc(m->authors, cap * sizeof(struct author *));
                if (!as)
                        return NULL;
                m->authors = as;
                m->cap_authors = cap;
        }
        a = calloc(1, sizeof(*a));
        if (!a)
                return NULL;
        a->device = *device;
        a->number = (uint32_t)m->n_authors;
        if (map_put(&m->authors_map, a->device.b, a)) {
                free(a);
                return NULL;
        }
        m->authors[m->n_authors++] = a;
        return a;
}

static size_t slot_hash(const struct mesh *m, uint32_t author, uint32_t day, uint8_t klass, uint16_t index) {
        uint64_t x = ((uint64_t)author << 32 | day) * (m->map_seed[0] | 1);
        x += ((uint64_t)klass << 16 | index) * (m->map_seed[1] | 1) + m->map_seed[2];
        x ^= x >> 29;
        x *= m->map_seed[3] | 1;
        return (size_t)(x >> 20) & (m->cap_slots - 1);
}

/* A slot has two places: for its record, and for the retraction of it. So retractions are as many as slots, and each meets
 * only what stands in its own slot. */
static struct rec *slot_find(struct mesh *m, uint32_t author, uint32_t day, uint8_t klass, uint16_t index,
                             bool retract) {
        if (!m->cap_slots)
                return NULL;
        uint32_t n = m->slots[slot_hash(m, author, day, klass, index)];
        for (; n != REC_NONE; n = m->recs[n]->next_slot) {
                struct rec *r = m->recs[n];
                if (r->author == author && r->day == day && r->klass == klass && r->index == index &&
                    (r->type == RECORD_RETRACT) == retract)
                        return r;
        }
        return NULL;
}

struct rec *records_slot(struct mesh *m, const struct key *device, uint32_t day, uint8_t klass, uint16_t index) {
        struct author *a = map_find(&m->authors_map, device->b);
        return a ? slot_find(m, a->number, day, klass, index, false) : NULL;
}

struct rec *records_retraction(struct mesh *m, const struct rec *of) {
        return slot_find(m, of->author, of->day, of->klass, of->index, true);
}

static void slot_link(struct mesh *m, struct rec *r) {
        size_t at = slot_hash(m, r->author, r->day, r->klass, r->index);
        r->next_slot = m->slots[at];
        m->slots[at] = r->number;
}

static int slots_grow(struct mesh *m) {
        size_t cap = m->cap_slots ? m->cap_slots * 2 : SLOTS_FIRST;
        uint32_t *slots = malloc(cap * sizeof(*slots));
        if (!slots)
                return ERR_NOMEM;
        memset(slots, 0xff, cap * sizeof(*slots));
        free(m->slots);
        m->slots = slots;
        m->cap_slots = cap;
        for (size_t i = 0; i < m->n_recs; i++)
                if (m->recs[i])
                        slot_link(m, m->recs[i]);
        return 0;
}

static void slot_unlink(struct mesh *m, struct rec *r) {
        uint32_t *at = &m->slots[slot_hash(m, r->author, r->day, r->klass, r->index)];
        while (*at != REC_NONE && *at != r->number)
                at = &m->recs[*at]->next_slot;
        if (*at == r->number)
                *at = r->next_slot;
}

/* ---- the index ---- */
static int number_take(struct mesh *m, uint32_t *ret) {
        if (m->n_free) {
                *ret = m->free_recs[--m->n_free];
                return 0;
        }
        if (m->n_recs == m->cap_recs) {
                size_t cap = m->cap_recs ? m->cap_recs * 2 : CHUNK;
                struct rec **recs = realloc(m->recs, cap * sizeof(struct rec *));
                if (!recs)
                        return ERR_NOMEM;
                m->recs = recs;
                uint32_t *spare = realloc(m->free_recs, cap * sizeof(*spare));
                if (!spare)
                        return ERR_NOMEM;
                m->free_recs = spare;
                m->cap_recs = cap;
        }
        *ret = (uint32_t)m->n_recs;
        m->recs[m->n_recs++] = NULL;
        return 0;
}

static struct rec *rec_add(struct mesh *m, const struct rec *like, const struct key *device,
                           const struct hash *target) {
        struct author *a = author_get(m, device);
        struct rec *r = a ? malloc(sizeof(*r)) : NULL;
        if (!r)
                return NULL;
        *r = *like;
        r->author = a->number;
        r->next_slot = REC_NONE;
        r->packet = NULL;
        r->handed = NULL;
        r->target = NULL;
        if (target && !(r->target = malloc(sizeof(*target)))) {
                free(r);
                return NULL;
        }
        if (target)
                *r->target = *target;
        if (((m->n_slots + 1) * 2 > m->cap_slots && slots_grow(m)) || number_take(m, &r->number)) {
                rec_free(r);
                return NULL;
        }
        if (map_put(&m->by_id, r->id.b, r)) {
                m->free_recs[m->n_free++] = r->number;
                rec_free(r);
                return NULL;
        }
        m->recs[r->number] = r;
        slot_link(m, r);
        m->n_slots++;
        return r;
}

struct rec *records_new(struct mesh *m, const struct hash *id, const struct wire_record *w) {
        struct key device;
        struct hash target;
        bool retract = w->type == RECORD_RETRACT;
        memcpy(device.b, WIRE_HAS(w, RECORD, target_device) ? w->target_device.p : w->device.p, sizeof(device.b));
        if (retract)
                memcpy(target.b, w->target.p, sizeof(target.b));
        struct rec like = {.id = *id,
                           .created = w->created,
                           .expires = w->expires,
                           .day = (uint32_t)w->day,
                           .index = (uint16_t)w->index,
                           .type = (uint8_t)w->type,
                           .klass = (uint8_t)w->klass,
                           .flags = REC_PENDING};
        if (WIRE_HAS(w, RECORD, sensor))
                like.flags |= REC_SENSOR;
        struct key signer;
        memcpy(signer.b, w->device.p, sizeof(signer.b));
        const struct roster_device *d = roster_device_find(m->roster, &signer);
        if (d && key_eq(&d->home->key, &m->household))
                like.flags |= REC_MINE;
        if (key_eq(&signer, &m->sign.pub))
                like.flags |= REC_OWN;
        return rec_add(m, &like, &device, retract ? &target : NULL);
}

static size_t sorted_at(const struct mesh *m, const struct rec *r) {
        size_t lo = 0, hi = m->n_sorted;
        while (lo < hi) {
                size_t mid = (lo + hi) / 2;
                const struct rec *x = m->sorted[mid];
                bool below = x->created < r->created || (x->created == r->created && memcmp(x->id.b, r->id.b, 32) < 0);
                if (below)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

/* PROTOCOL 4.18: "While a node holds a retraction, the record in the same slot whose id is `target` is no element of
 * reconciliation, whether it came before or comes after, and MUST NOT be sent" */
/* A retraction and its target meet here, whichever came first. From then on the target is no element: a node that has seen
 * the retraction alone counts the same. */
static void retraction_meets(struct mesh *m, struct rec *r) {
        bool retract = r->type == RECORD_RETRACT;
        struct rec *other = slot_find(m, r->author, r->day, r->klass, r->index, !retract);
        if (!other || other->flags & REC_PENDING)
                return;
        struct rec *t = retract ? other : r;
        if (!hash_eq(retract ? r->target : other->target, &t->id) || t->flags & REC_RETRACTED)
                return;
        t->flags |= REC_RETRACTED;
        if (retract)
                t->packet = packet_free(t->packet);
}

int records_hold(struct mesh *m, struct rec *r) {
        retraction_meets(m, r);
        if (m->n_sorted == m->cap_sorted) {
                size_t cap = m->cap_sorted ? m->cap_sorted * 2 : CHUNK;
                struct rec **s = realloc(m->sorted, cap * sizeof(struct rec *));
                if (!s)
                        return ERR_NOMEM;
                m->sorted = s;
                m->cap_sorted = cap;
        }
        size_t at = m->started ? sorted_at(m, r) : m->n_sorted; /* START sorts what RESTORE brought */
        memmove(m->sorted + at + 1, m->sorted + at, (m->n_sorted - at) * sizeof(*m->sorted));
        m->sorted[at] = r;
        m->n_sorted++;
        r->flags &= (uint8_t)~REC_PENDING;
        m->recent[m->recent_at++ % RECENT_RECORDS] = r->number;
        return 0;
}

static int rec_compare(const void *a, const void *b) {
        const struct rec *x = *(struct rec *const *)a, *y = *(struct rec *const *)b;
        if (x->created != y->created)
                return x->created < y->created ? -1 : 1;
        return memcmp(x->id.b, y->id.b, sizeof(x->id.b));
}

void records_start(struct mesh *m) {
        if (m->n_sorted)
                qsort(m->sorted, m->n_sorted, sizeof(*m->sorted), rec_compare);
}

void records_drop(struct mesh *m, struct rec *r) {
        size_t at = sorted_at(m, r);
        if (at < m->n_sorted && m->sorted[at] == r) {
                memmove(m->sorted + at, m->sorted + at + 1, (m->n_sorted - at - 1) * sizeof(*m->sorted));
                m->n_sorted--;
        }
        slot_unlink(m, r);
        m->n_slots--;
        map_del(&m->by_id, r->id.b);
        author_dropped(m, r);
        for (size_t i = 0; i < RECENT_RECORDS; i++)
                if (m->recent[i] == r->number)
                        m->recent[i] = REC_NONE;
        m->recs[r->number] = NULL;
        m->free_recs[m->n_free++] = r->number;
        rec_free(r);
}

/* PROTOCOL 4.20: "MUST NOT use one slot twice, also after a restart" */
/* Expired records leave the index, except this device's own of today and yesterday: they hold slots that must not be used
 * twice. */
static bool expired(const struct rec *r, mesh_wall now) {
        if (r->flags & REC_PENDING || r->expires + SYNC_MARGIN > now)
                return false;
        return !(r->flags & REC_OWN) || r->day + 1 < now / MESH_DAY;
}

void records_expire(struct mesh *m) {
        mesh_wall now = clock_now(m);
        for (size_t i = 0; i < m->n_recs; i++)
                if (m->recs[i] && expired(m->recs[i], now))
                        records_drop(m, m->recs[i]);
}

int records_restore(struct mesh *m, const struct mesh_row *row) {
        bool retract = row->record.type == RECORD_RETRACT;
        struct rec like = {.id = row->record.id,
                           .created = row->record.created,
                           .expires = row->record.expires,
                           .day = row->record.day,
                           .index = row->record.index,
                           .type = row->record.type,
                           .klass = row->record.klass,
                           .flags = REC_STORED};
        like.flags |= row->record.mine ? REC_MINE : 0;
        like.flags |= row->record.own ? REC_OWN : 0;
        like.flags |= row->record.sensor ? REC_SENSOR : 0;
        if (map_find(&m->by_id, like.id.b) || expired(&like, clock_now(m)))
                return 0;
        struct rec *r = rec_add(m, &like, &row->record.device, retract ? &row->record.target : NULL);
        return r ? records_hold(m, r) : ERR_NOMEM;
}

/* ---- coming in ---- */
static bool header_fits(const struct mesh *m, const struct wire_record *w, const struct roster_device *d) {
        mesh_wall now = clock_now(m);
        uint64_t life = records_life((uint8_t)w->klass);
        bool retract = w->type == RECORD_RETRACT;
        /* PROTOCOL 4.6: "The class MUST be one of the four that have names. `expires` MUST be later than `created`
         * and later than now." */
        if (!life || w->expires <= w->created || w->expires <= now)
                return false;
        /* PROTOCOL 4.7: "A node MUST hold back, that is drop and not count against the sender, a record whose
         * `created` is more than 600 s ahead of now." */
        if (w->created > now + FUTURE_SLACK) /* held back, not rejected: sync brings it when its time has come */
                return false;
        /* PROTOCOL 4.8: "`target` MUST be there in a retraction and in no other record; `target_device` MUST NOT be
         * in any but a retraction." */
        if (retract != WIRE_HAS(w, RECORD, target) || (WIRE_HAS(w, RECORD, target_device) && !retract))
                return false;
        /* PROTOCOL 4.4: "`day` of a record MUST be the day of `created`." */
        if (w->expires - w->created > life || (!retract && w->day != w->created / MESH_DAY))
                return false;
        /* Of a retraction the day is its target's: its end lies within that day and a life. */
        if (retract && (w->day > w->created / MESH_DAY || w->expires >= (w->day + 1) * MESH_DAY + life))
                return false;
        bool sensor = WIRE_HAS(w, RECORD, sensor);
        /* PROTOCOL 4.5: "`index` MUST be below the quota of the device for that class." */
        if (!retract && w->index >= records_quota(m, d, (uint8_t)w->klass, sensor))
                return false;
        /* PROTOCOL 4.3: "a record MUST be dropped if `created` is later than the device's end (rule 5.70), and
         * stands otherwise." */
        return d->gone_at == 0 || w->created <= d->gone_at;
}

/* A retraction is the slot's household's own, and names the record that stands in the slot (or will). */
static bool retract_fits(struct mesh *m, const struct wire_record *w, const struct roster_device *d) {
        struct key slot_device;
        struct hash target;
        memcpy(slot_device.b, WIRE_HAS(w, RECORD, target_device) ? w->target_device.p : w->device.p, 32);
        memcpy(target.b, w->target.p, sizeof(target.b));
        const struct roster_device *of = roster_device_find(m->roster, &slot_device);
        /* PROTOCOL 4.17: "The household of the signer MUST be the household of the slot's device." */
        if (!of || of->home != d->home || w->index >= records_quota(m, of, (uint8_t)w->klass, false))
                return false;
        const struct author *a = map_find(&m->authors_map, slot_device.b);
        if (a && slot_find(m, a->number, (uint32_t)w->day, (uint8_t)w->klass, (uint16_t)w->index, true))
                return false; /* taken back already */
        struct rec *t = records_slot(m, &slot_device, (uint32_t)w->day, (uint8_t)w->klass, (uint16_t)w->index);
        return !t || (hash_eq(&t->id, &target) && t->expires == w->expires);
}

/* PROTOCOL 10.7: "a node sends ACK over every link that is up to a device of the household of the record's slot,
 * whoever brought the record" */
/* The author's household hears from its own neighbours that they have it on disk. */
static int acknowledge(struct link *l, const struct rec *r) {
        const struct roster_device *d = roster_device_find(l->m->roster, &l->m->authors[r->author]->device);
        if (l->state != LINK_UP || !d || !key_eq(&l->household, &d->home->key))
                return 0;
        l->acks[l->n_acks++] = r->id;
        return l->n_acks == ACKS_MOST ? link_acks(l) : 0;
}

int records_take(struct link *from, const struct wire_record *w, struct span raw) {
        struct mesh *m = from->m;
        struct key device;
        struct hash id;
        memcpy(device.b, w->device.p, sizeof(device.b));
        record_id(m, raw, &id);
        struct rec *known = records_find(m, &id);
        if (known) {
                spread_duplicate(from, known);
                return known->flags & REC_STORED ? acknowledge(from, known) : 0;
        }
        const struct roster_device *d = roster_device_find(m->roster, &device);
        /* PROTOCOL 4.2: "`record.device` MUST be a device that the fold knows, current or not (rule 5.70), of a home
         * that is or was a member." */
        if (from->verifying >= VERIFYING_MOST || !d || !header_fits(m, w, d))
                return 0;
        /* PROTOCOL 4.9: "A node MUST NOT accept a second record for a slot that has one, nor a second retraction for
         * a slot that has one." */
        if (w->type == RECORD_RETRACT
                    ? !retract_fits(m, w, d)
                    : !!records_slot(m, &device, (uint32_t)w->day, (uint8_t)w->klass, (uint16_t)w->index))
                return 0;
        struct rec *r = records_new(m, &id, w);
        if (!r)
                return ERR_NOMEM;
        r->packet = packet_of(LINK_RECORD, w->klass == CLASS_URGENT ? 1 : w->klass == CLASS_NORMAL ? 2 : 3, raw);
        struct mesh_verify v = {.pub = device, .what = id, .domain = DOMAIN_RECORD};
        memcpy(v.sig, w->sig.p, sizeof(v.sig));
        struct verifying for_whom = {.rec = r->number, .link = from->id};
        buf_add(&m->verify, span_of(&v, sizeof(v)));
        buf_add(&m->verify_for, span_of(&for_whom, sizeof(for_whom)));
        from->verifying++;
        return r->packet && buf_ok(&m->verify) && buf_ok(&m->verify_for) ? 0 : ERR_NOMEM;
}

int records_flush(struct mesh *m) {
        size_t n = m->verify_for.n / sizeof(struct verifying);
        if (!n)
                return 0;
        struct verify_batch *b = malloc(sizeof(*b) + m->verify_for.n);
        struct mesh_action *a = b ? out_add(&m->out, MESH_DO_VERIFY) : NULL;
        if (!a) {
                free(b);
                return ERR_NOMEM;
        }
        bool ok = true;
        b->token = mesh_token(m);
        b->n = n;
        memcpy(b->items, m->verify_for.p, m->verify_for.n);
        list_push(&m->verify_out, &b->list);
        a->token = b->token;
        struct span items = out_keep(&m->out, buf_span(&m->verify), &ok);
        a->verify.items = (const struct mesh_verify *)(const void *)items.p;
        a->verify.n = n;
        buf_clear(&m->verify);
        buf_clear(&m->verify_for);
        if (m->verify.cap > LINK_WINDOW) {
                buf_fini(&m->verify);
                buf_fini(&m->verify_for);
        }
        return ok ? 0 : ERR_NOMEM;
}

/* ---- opening ---- */
void record_key(const struct epoch *e, const struct wire_record *w, const struct key *slot_device, struct key *ret,
                bool *ret_ok) {
        struct key day;
        uint8_t context[32 + 4 + 1 + 2 + 1];
        /* Of a retraction the day is its target's; the key is that of the day it was made on. */
        *ret_ok = epoch_day_key(e, (uint32_t)(w->created / MESH_DAY), &day);
        if (!*ret_ok)
                return;
        memcpy(context, slot_device->b, 32);
        put_be32(context + 32, (uint32_t)w->day);
        context[36] = (uint8_t)w->klass;
        put_be16(context + 37, (uint16_t)w->index);
        context[39] = (uint8_t)w->type;
        hash_derive(ret, DOMAIN_RECORD_KEY, &day, SPAN_OF(context));
        hash_wipe(&day, sizeof(day));
}

static bool record_open(struct mesh *m, const struct rec *r, const struct wire_record *w, struct span raw,
                        struct buf *plain) {
        const struct epoch *e = epoch_find(m, w->epoch);
        struct key key;
        bool ok = false;
        if (e)
                record_key(e, w, &m->authors[r->author]->device, &key, &ok);
        ok = ok && box_open(plain, &key, codec_before(raw, RECORD_KEY_body), w->body);
        hash_wipe(&key, sizeof(key));
        return ok;
}

/* PROTOCOL 4.15: "The class of an alert MUST be *urgent* if its kind is one of `kinds.def` that may be urgent, its
 * urgency is Immediate, its severity is Extreme or Severe and its status is Actual; and *normal* in every other
 * case." */
static bool alert_means(const struct wire_record *w, const struct wire_alert *a) {
        return cell_valid(a->cell) && a->clips.n % 32 == 0 &&
               w->klass ==
                       record_class_of((uint8_t)a->kind, (uint8_t)a->urgency, (uint8_t)a->severity, (uint8_t)a->status);
}

/* PROTOCOL 4.16: "A follow-up MUST name its alert in `follow.target`. Its class MUST be normal; of update and
 * resolve it may be urgent too." */
static bool follow_means(const struct wire_record *w, const struct wire_follow *f) {
        if (w->type == RECORD_RETRACT)
                return true;
        bool changes = w->type == RECORD_UPDATE || w->type == RECORD_RESOLVE;
        return WIRE_HAS(f, FOLLOW, target) && (w->klass == CLASS_NORMAL || (changes && w->klass == CLASS_URGENT));
}

int records_store(struct mesh *m, struct rec *r, const struct wire_record *w, struct span raw,
                  const struct wire_alert *alert, const struct wire_follow *follow, const struct wait *w_) {
        struct key signer;
        memcpy(signer.b, w->device.p, sizeof(signer.b));
        const struct roster_device *d = roster_device_find(m->roster, &signer);
        struct mesh_row row = {.kind = MESH_ROW_RECORD,
                               .record = {.id = r->id,
                                          .device = m->authors[r->author]->device,
                                          .household = d->home->key,
                                          .created = r->created,
                                          .expires = r->expires,
                                          .day = r->day,
                                          .index = r->index,
                                          .type = r->type,
                                          .klass = r->klass,
                                          .mine = r->flags & REC_MINE,
                                          .own = r->flags & REC_OWN,
                                          .sensor = r->flags & REC_SENSOR,
                                          .bytes = r->flags & REC_RETRACTED ? SPAN_NONE : raw,
                                          .alert = alert,
                                          .follow = follow}};
        if (r->target)
                row.record.target = *r->target;
        else if (follow && follow->target.n == sizeof(row.record.target))
                memcpy(row.record.target.b, follow->target.p, sizeof(row.record.target.b));
        return mesh_store(m, &row, w_);
}

/* A record whose signature is good: held, relayed, opened where its key is here, written. */
static int accept(struct mesh *m, struct rec *r, mesh_link link) {
        _clean_(buf_wipe) struct buf plain = BUF_NULL;
        struct span raw = packet_map(r->packet);
        struct wire_record w;
        struct wire_alert alert;
        struct wire_follow follow;
        bool is_alert = false, is_follow = false;
        struct link *from = link_find(m, link);
        if (CHECK_FAILS(codec_decode(&wire_record_desc, raw, &w, NULL) == 0))
                return 0;
        struct key signer;
        memcpy(signer.b, w.device.p, sizeof(signer.b));
        const struct roster_device *d = roster_device_find(m->roster, &signer);
        if (!d || !header_fits(m, &w, d)) { /* operations that came while the signature was checked have voided it */
                records_drop(m, r);
                return 0;
        }
        /* PROTOCOL 10.8: "A node MUST NOT pass on a record before its signature was found right." */
        int e = records_hold(m, r);
        if (!e && !(r->flags & REC_RETRACTED))
                e = spread_record(m, r, r->packet, from);
        if (e)
                return e;
        if (record_open(m, r, &w, raw, &plain)) {
                is_alert = r->type == RECORD_ALERT &&
                           codec_decode(&wire_alert_desc, buf_span(&plain), &alert, NULL) == 0 &&
                           alert_means(&w, &alert);
                is_follow = r->type >= RECORD_UPDATE && r->type <= RECORD_RETRACT &&
                            codec_decode(&wire_follow_desc, buf_span(&plain), &follow, NULL) == 0 &&
                            follow_means(&w, &follow);
                /* PROTOCOL 4.11: "A record whose signature is right MUST be *held*: it counts in reconciliation and
                 * is passed on, also where its key is not here, where it does not decrypt, or where what is in it
                 * breaks rule 4.14, 4.15 or 4.16" */
                /* Meaningless: held and relayed like one whose key is missing, so that sets stay equal, and never shown. */
        }
        struct wait *wait = mesh_wait(m, WAIT_RECORD, 0);
        if (!wait)
                return ERR_NOMEM;
        wait->rec = r->number;
        wait->link = link;
        memcpy(wait->id.b, r->id.b, sizeof(wait->id.b));
        return records_store(m, r, &w, raw, is_alert ? &alert : NULL, is_follow ? &follow : NULL, wait);
}

int records_verified(struct mesh *m, uint64_t token, const bool *good, size_t n) {
        struct verify_batch *batch = NULL;
        LIST_EACH (b, &m->verify_out, struct verify_batch, list) {
                if (b->token == token) {
                        batch = b;
                        break;
                }
        }
        if (!batch)
                return 0;
        list_drop(&batch->list);
        int e = CHECK_FAILS(n == batch->n) ? ERR_BROKEN : 0;
        for (size_t i = 0; i < n && !e; i++) {
                struct link *from = link_find(m, batch->items[i].link);
                if (from)
                        from->verifying--;
                struct rec *r = m->recs[batch->items[i].rec];
                if (CHECK_FAILS(r && r->flags & REC_PENDING))
                        continue;
                if (good[i]) {
                        e = accept(m, r, batch->items[i].link);
                        continue;
                }
                /* PROTOCOL 4.10: "Where the signature is wrong the node MUST hang up on whoever sent the record with
                 * reason `bad-signature`" */
                if (from)
                        link_hangup(from, REASON_BAD_SIGNATURE);
                records_drop(m, r);
                /* The true one may have come meanwhile and found its place taken. */
                m->sync_due = MIN(m->sync_due, m->now + RESYNC_TIME);
        }
        free(batch);
        return e;
}

int records_stored(struct mesh *m, struct wait *w) {
        struct hash id;
        memcpy(id.b, w->id.b, sizeof(id.b));
        struct rec *r = records_find(m, &id);
        if (!r)
                return 0;
        if (r->flags & REC_OWN && w->command)
                return author_stored(m, w);
        if (w->failed) {
                records_drop(m, r); /* sync brings it again when there is room */
                return 0;
        }
        r->flags |= REC_STORED;
        r->packet = packet_free(r->packet);
        LINK_EACH(l, m) { /* whoever brought it: the author may have sent it meanwhile */
                int e = acknowledge(l, r);
                if (e)
                        return e;
        }
        return 0;
}
