/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of held records: by id, by slot, by time. Bodies are on disk; of each record the index knows what the header
 * says, and its bytes only as long as the disk may not have them.
 */
#include "core/core.h"
#include "core/digest.h"
#include "core/limits.h"
#include "core/packet.h"
#include "core/record.h"
#include "roster/roster.h"

#include <stdlib.h>

#define CHUNK 256
#define OWN_AGAIN 3600 /* seconds until an own record that is over, and whose slot is not, is looked at again */
#define JUMBLED                                                                                                        \
        4096 /* places: RESTORE brings records in about the order of time, or else they are sorted all at once */
#define AUTHORS_FIRST 16
#define TABLE_FIRST 64
#define TABLE_GROW 4 /* each growth walks all records, which is dear: few of them */

int records_init(struct mesh *m) {
        slab_init(&m->rec_slab, sizeof(struct rec));
        list_init(&m->rivals);
        sealed_init(m);
        for (size_t i = 0; i < RECENT_RECORDS; i++)
                m->recent[i] = REC_NONE;
        return 0;
}

static void rec_free(struct mesh *m, struct rec *r) {
        sealed_drop(r);
        free(r->handed);
        packet_free(r->packet);
        free(r->takes);
        slab_put(&m->rec_slab, r);
}

void records_fini(struct mesh *m) {
        for (size_t i = 0; i < m->n_recs; i++)
                if (m->recs[i])
                        rec_free(m, m->recs[i]);
        slab_fini(&m->rec_slab);
        for (size_t i = 0; i < m->n_authors; i++)
                free(m->authors[i]);
        free(m->recs);
        free(m->free_recs);
        free(m->sorted);
        free(m->ends);
        free(m->by_slot);
        free(m->by_id);
        free(m->authors);
        free(m->by_device);
        buf_fini(&m->verify);
        buf_fini(&m->verify_for);
        LIST_EACH (b, &m->verify_out, struct verify_batch, list) {
                list_drop(&b->list);
                free(b);
        }
}

/* ---- chains ---- */
/* Of @cap, a power of two, the one for an id or a key that has signed. Eight bytes of it are enough: who wants more than a few
 * to have them in common must compute for years. Two that differ there meet with probability 2 / @cap at most, for who does
 * not know the seed: hashing all 32 bytes as a map does (base/map.h) costs a start with many records more than finding. */
static size_t chain_of(const struct mesh *m, const uint8_t key[32], size_t cap) {
        return (size_t)(get_be64(key) * (m->map_seed[0] | 1) >> (64 - __builtin_ctzll(cap)));
}

/* The first of each chain: REC_NONE. */
static uint32_t *table_new(size_t cap) {
        uint32_t *first = malloc(cap * sizeof(*first));
        if (first)
                memset(first, 0xff, cap * sizeof(*first));
        return first;
}

/* ---- authors ---- */
static mesh_wall author_end(const struct mesh *m, const struct author *a) {
        const struct roster_device *d = m->roster ? roster_device_find(m->roster, &a->device) : NULL;
        return d ? d->gone_at : 0;
}

/* An element of reconciliation, if its time has come and is not over. */
static bool counts(const struct mesh *m, const struct rec *r) {
        return !(r->flags & (REC_PENDING | REC_GONE)) && !records_late(m, r);
}

void records_ends(struct mesh *m) {
        bool moved = false;
        if (!m->ends_stale)
                return;
        m->ends_stale = false;
        for (size_t i = 0; i < m->n_authors; i++) {
                mesh_wall end = author_end(m, m->authors[i]);
                moved |= end != m->authors[i]->end;
                m->authors[i]->end = end;
        }
        for (size_t i = 0; moved && i < m->n_sorted; i++)
                digest_record(m, m->sorted[i], counts(m, m->sorted[i]));
        sealed_try(m, NULL); /* an end that moved may have kept some shut */
}

/* PROTOCOL 4.3: "One that was held before the end was known is kept, but MUST be no element of reconciliation from then on,
 * and MUST NOT be sent" */
bool records_late(const struct mesh *m, const struct rec *r) {
        mesh_wall end = rec_is_fact(r) ? 0 : m->authors[rec_signer(r)]->end;
        return end && r->created > end;
}

static struct author *author_find(const struct mesh *m, const struct key *device) {
        uint32_t n = m->cap_authors ? m->by_device[chain_of(m, device->b, m->cap_authors)] : REC_NONE;
        while (n != REC_NONE && !key_eq(&m->authors[n]->device, device))
                n = m->authors[n]->next;
        return n == REC_NONE ? NULL : m->authors[n];
}

static void author_link(struct mesh *m, struct author *a) {
        uint32_t *at = &m->by_device[chain_of(m, a->device.b, m->cap_authors)];
        a->next = *at;
        *at = a->number;
}

static int authors_grow(struct mesh *m) {
        size_t cap = m->cap_authors ? m->cap_authors * 2 : AUTHORS_FIRST;
        struct author **as = realloc(m->authors, cap * sizeof(struct author *));
        if (!as)
                return ERR_NOMEM;
        m->authors = as;
        uint32_t *by_device = table_new(cap);
        if (!by_device)
                return ERR_NOMEM;
        free(m->by_device);
        m->by_device = by_device;
        m->cap_authors = cap;
        for (size_t i = 0; i < m->n_authors; i++)
                author_link(m, m->authors[i]);
        return 0;
}

static struct author *author_get(struct mesh *m, const struct key *device) {
        struct author *a = author_find(m, device);
        if (a)
                return a;
        if (m->n_authors == m->cap_authors && authors_grow(m))
                return NULL;
        a = calloc(1, sizeof(*a));
        if (!a)
                return NULL;
        a->device = *device;
        a->number = (uint32_t)m->n_authors;
        a->end = author_end(m, a);
        author_link(m, a);
        m->authors[m->n_authors++] = a;
        return a;
}

/* ---- the tables ---- */
static size_t slot_hash(const struct mesh *m, uint32_t author, uint32_t day, uint8_t klass, uint16_t index) {
        uint64_t x = ((uint64_t)author << 32 | day) * (m->map_seed[0] | 1);
        x += ((uint64_t)klass << 16 | index) * (m->map_seed[1] | 1) + m->map_seed[2];
        x ^= x >> 29;
        x *= m->map_seed[3] | 1;
        return (size_t)(x >> 20) & (m->cap_table - 1);
}

struct rec *records_find(struct mesh *m, const struct hash *id) {
        uint32_t n = m->cap_table ? m->by_id[chain_of(m, id->b, m->cap_table)] : REC_NONE;
        while (n != REC_NONE && !hash_eq(&m->recs[n]->id, id))
                n = m->recs[n]->next_id;
        return n == REC_NONE ? NULL : m->recs[n];
}

struct slot records_slot(const struct mesh *m, const struct key *device, uint32_t day, uint8_t klass, uint16_t index) {
        const struct author *a = author_find(m, device);
        return (struct slot){.author = a ? a->number : REC_NONE, .day = day, .index = index, .klass = klass};
}

struct slot records_slot_of(const struct rec *r) {
        return (struct slot){.author = r->author, .day = r->day, .index = r->index, .klass = r->klass};
}

struct rec *records_in(const struct mesh *m, const struct slot *s, const struct rec *after) {
        if (!m->cap_table || s->author == REC_NONE)
                return NULL;
        uint32_t n = after ? after->next_slot : m->by_slot[slot_hash(m, s->author, s->day, s->klass, s->index)];
        for (; n != REC_NONE; n = m->recs[n]->next_slot) {
                struct rec *r = m->recs[n];
                if (r->author == s->author && r->day == s->day && r->klass == s->klass && r->index == s->index)
                        return r;
        }
        return NULL;
}

static size_t slot_at(const struct mesh *m, const struct rec *r) {
        return slot_hash(m, r->author, r->day, r->klass, r->index);
}

static void tables_put(struct mesh *m, struct rec *r) {
        uint32_t *slot = &m->by_slot[slot_at(m, r)], *id = &m->by_id[chain_of(m, r->id.b, m->cap_table)];
        r->next_slot = *slot;
        r->next_id = *id;
        *slot = *id = r->number;
}

static void tables_del(struct mesh *m, const struct rec *r) {
        uint32_t *at = &m->by_slot[slot_at(m, r)];
        while (*at != r->number)
                at = &m->recs[*at]->next_slot;
        *at = r->next_slot;
        at = &m->by_id[chain_of(m, r->id.b, m->cap_table)];
        while (*at != r->number)
                at = &m->recs[*at]->next_id;
        *at = r->next_id;
}

/* Makes both large enough for @n. */
static int tables_grow(struct mesh *m, size_t n) {
        size_t cap = TABLE_FIRST;
        while (n > cap)
                cap *= 2;
        uint32_t *by_slot = table_new(cap), *by_id = table_new(cap);
        if (!by_slot || !by_id) {
                free(by_slot);
                free(by_id);
                return ERR_NOMEM;
        }
        free(m->by_slot);
        free(m->by_id);
        m->by_slot = by_slot;
        m->by_id = by_id;
        m->cap_table = cap;
        for (size_t i = 0; i < m->n_recs; i++)
                if (m->recs[i])
                        tables_put(m, m->recs[i]);
        return 0;
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

static struct takes *takes_new(struct mesh *m, const struct hash *target, const struct key *signer) {
        const struct author *a = author_get(m, signer);
        struct takes *t = a ? malloc(sizeof(*t)) : NULL;
        if (t)
                *t = (struct takes){.target = *target, .signer = a->number};
        return t;
}

/* Takes over @takes, also where it fails. */
static struct rec *rec_add(struct mesh *m, const struct rec *like, const struct key *device, struct takes *takes) {
        struct author *a = author_get(m, device);
        bool grow = m->started && m->n_known == m->cap_table;
        uint32_t number;
        if (!a || (grow && tables_grow(m, m->n_known * TABLE_GROW)) || number_take(m, &number)) {
                free(takes);
                return NULL;
        }
        struct rec *r = slab_take(&m->rec_slab, number);
        if (!r) {
                m->free_recs[m->n_free++] = number;
                free(takes);
                return NULL;
        }
        *r = *like;
        r->author = a->number;
        r->number = number;
        r->next_slot = r->next_id = REC_NONE;
        r->packet = NULL;
        r->handed = NULL;
        r->sealed = NULL;
        r->takes = takes;
        m->recs[r->number] = r;
        m->n_known++;
        a->mutes += r->type == FACT_MUTE;
        if (m->started) /* until then records_start is still to fill the tables */
                tables_put(m, r);
        return r;
}

struct rec *records_fact(struct mesh *m, const struct rec *like, const struct key *device) {
        return rec_add(m, like, device, NULL);
}

struct rec *records_new(struct mesh *m, const struct hash *id, const struct wire_record *w) {
        struct key signer, slot_device;
        struct hash target;
        struct takes *takes = NULL;
        record_devices(w, &signer, &slot_device);
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
        const struct roster_device *d = roster_device_find(m->roster, &signer);
        if (d && key_eq(&d->home->key, &m->household))
                like.flags |= REC_MINE;
        if (key_eq(&signer, &m->sign.pub))
                like.flags |= REC_OWN;
        if (w->type == RECORD_RETRACT) {
                memcpy(target.b, w->target.p, sizeof(target.b));
                takes = takes_new(m, &target, &signer);
                if (!takes)
                        return NULL;
        }
        return rec_add(m, &like, &slot_device, takes);
}

static int rec_compare(const struct rec *x, const struct rec *y) {
        if (x->created != y->created)
                return x->created < y->created ? -1 : 1;
        uint64_t a = get_be64(x->id.b), b = get_be64(y->id.b);
        if (a != b)
                return a < b ? -1 : 1;
        return memcmp(x->id.b, y->id.b, sizeof(x->id.b));
}

/* How many stand before @r: looked for from the end, where most that come belong. */
static size_t sorted_at(const struct mesh *m, const struct rec *r) {
        size_t lo = 0, hi = m->n_sorted;
        for (size_t step = 1; step <= hi; step *= 2) {
                if (rec_compare(m->sorted[hi - step], r) < 0) {
                        lo = hi - step + 1;
                        break;
                }
                hi -= step;
        }
        while (lo < hi) {
                size_t mid = (lo + hi) / 2;
                if (rec_compare(m->sorted[mid], r) < 0)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

size_t records_since(const struct mesh *m, mesh_wall created) {
        static const struct hash lowest;
        return sorted_at(m, &(struct rec){.id = lowest, .created = created});
}

/* PROTOCOL 4.18: "While a node holds a retraction, the record in the same slot whose id is `target` and whose `expires` is
 * the retraction's is no element of reconciliation, whether it came before or comes after, and MUST NOT be sent" */
static bool takes_back(const struct rec *retraction, const struct rec *r) {
        return retraction->type == RECORD_RETRACT && r->type < FACT_VOID && r->type != RECORD_RETRACT &&
               !(retraction->flags & REC_PENDING) && hash_eq(&retraction->takes->target, &r->id) &&
               retraction->expires == r->expires;
}

/* A retraction and its target meet here, whichever came first. From then on the target is no element: a node that has seen
 * the retraction alone counts the same. */
static void retraction_meets(struct mesh *m, struct rec *r) {
        struct slot s = records_slot_of(r);
        SLOT_EACH(x, m, &s) {
                if (takes_back(x, r))
                        r->flags |= REC_RETRACTED;
                if (!takes_back(r, x) || x->flags & (REC_PENDING | REC_GONE))
                        continue;
                x->flags |= REC_RETRACTED;
                digest_record(m, x, false);
                x->packet = packet_free(x->packet);
        }
}

int records_hold(struct mesh *m, struct rec *r) {
        r->flags &= (uint8_t)~REC_PENDING;
        m->expire_next = MIN(m->expire_next, r->expires + SYNC_MARGIN);
        if (m->started)
                retraction_meets(m, r);
        if (m->n_sorted == m->cap_sorted) {
                size_t cap = m->cap_sorted ? m->cap_sorted * 2 : CHUNK;
                struct rec **s = realloc(m->sorted, cap * sizeof(struct rec *));
                if (!s)
                        return ERR_NOMEM;
                m->sorted = s;
                m->cap_sorted = cap;
        }
        size_t at = m->jumbled ? m->n_sorted : sorted_at(m, r);
        if (!m->started && m->n_sorted - at > JUMBLED) {
                m->jumbled = true;
                at = m->n_sorted;
        }
        memmove(m->sorted + at + 1, m->sorted + at, (m->n_sorted - at) * sizeof(*m->sorted));
        m->sorted[at] = r;
        m->n_sorted++;
        digest_record(m, r, counts(m, r));
        if (!rec_is_fact(r)) /* those go to every neighbour: nobody announces them */
                m->recent[m->recent_at++ % RECENT_RECORDS] = r->number;
        return 0;
}

static int place_compare(const void *a, const void *b) {
        return rec_compare(*(struct rec *const *)a, *(struct rec *const *)b);
}

/* Only now is it known how many there are: tables that grew on the way would walk all records again and again. */
int records_start(struct mesh *m) {
        int r = tables_grow(m, m->n_recs);
        size_t facts = 0;
        for (size_t i = 0; i < m->n_recs && !r; i++) {
                facts += rec_is_fact(m->recs[i]);
                if (m->recs[i]->type == RECORD_RETRACT)
                        retraction_meets(m, m->recs[i]);
        }
        if (m->jumbled && !r)
                qsort(m->sorted, m->n_sorted, sizeof(*m->sorted), place_compare);
        m->jumbled = false;
        for (size_t i = 0; facts && !r; i++)
                if (rec_is_fact(m->recs[i])) { /* the last end may have come between a proof and what it voids */
                        r = proof_void_held(m, m->recs[i]);
                        facts--;
                }
        return r;
}

/* Frees what stands no longer in `sorted` nor in `recent`. */
static void rec_remove(struct mesh *m, struct rec *r) {
        digest_record(m, r, false);
        tables_del(m, r);
        m->n_known--;
        m->authors[r->author]->mutes -= r->type == FACT_MUTE;
        author_dropped(m, r);
        m->recs[r->number] = NULL;
        m->free_recs[m->n_free++] = r->number;
        rec_free(m, r);
}

void records_drop(struct mesh *m, struct rec *r) {
        size_t at = sorted_at(m, r);
        if (at < m->n_sorted && m->sorted[at] == r) {
                memmove(m->sorted + at, m->sorted + at + 1, (m->n_sorted - at - 1) * sizeof(*m->sorted));
                m->n_sorted--;
        }
        for (size_t i = 0; i < RECENT_RECORDS; i++)
                if (m->recent[i] == r->number)
                        m->recent[i] = REC_NONE;
        rec_remove(m, r);
}

/* PROTOCOL 9.27: "Unless the record is its own device's, whose slot must stay taken (rule 4.20), it MUST count the record as
 * not held, so that a later session brings it again." */
void records_damaged(struct mesh *m, struct rec *r) {
        if (!rec_is_fact(r) && !(r->flags & (REC_OWN | REC_PENDING)))
                records_drop(m, r);
}

/* PROTOCOL 4.20: "MUST NOT use one slot twice, also after a restart" */
/* Expired records leave the index, except this device's own whose slots could be used again: those of today and
 * yesterday, and of this period and the last one. A clock that is ahead for a while must not make it forget them: nobody
 * could tell it of its own slots then, nor would others get what has not been sent. */
static bool expired(const struct mesh *m, const struct rec *r) {
        mesh_wall now = r->flags & REC_OWN ? clock_sure(m) : clock_now(m);
        if (r->flags & REC_PENDING || r->expires + SYNC_MARGIN > now)
                return false;
        return !(r->flags & REC_OWN) || r->day + record_slot_days(r->klass) < record_slot_day(r->klass, now);
}

/* When one that has not expired may have; own ones of slots that must stay taken are looked at again in an hour. */
static mesh_wall expires_next(const struct mesh *m, const struct rec *r) {
        mesh_wall end = r->expires + SYNC_MARGIN, now = clock_now(m);
        return end <= now && r->flags & REC_OWN ? now + OWN_AGAIN : end;
}

/* All that is over at once: one walk, however many there are, and none while nothing is. */
void records_expire(struct mesh *m) {
        size_t kept = 0;
        if (clock_now(m) < m->expire_next)
                return;
        m->expire_next = MESH_NEVER;
        digest_ends_forget(m);
        for (size_t i = 0; i < RECENT_RECORDS; i++)
                if (m->recent[i] != REC_NONE && expired(m, m->recs[m->recent[i]]))
                        m->recent[i] = REC_NONE;
        for (size_t i = 0; i < m->n_sorted; i++) {
                struct rec *r = rec_walk(m->sorted, m->n_sorted, i);
                if (expired(m, r)) {
                        rec_remove(m, r);
                        continue;
                }
                m->expire_next = MIN(m->expire_next, expires_next(m, r));
                m->sorted[kept++] = r;
        }
        m->n_sorted = kept;
}

int records_restore(struct mesh *m, const struct mesh_row *row) {
        static const struct key nobody;
        struct takes *takes = NULL;
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
        like.flags |= row->record.voided ? REC_VOID | REC_ERASED : 0;
        if (expired(m, &like)) /* ids are unique on disk */
                return 0;
        if (like.type == RECORD_RETRACT) {
                bool by_slot = key_eq(&row->record.signer, &nobody);
                takes = takes_new(m, &row->record.target, by_slot ? &row->record.device : &row->record.signer);
                if (!takes)
                        return ERR_NOMEM;
        }
        struct rec *r = rec_add(m, &like, &row->record.device, takes);
        if (!r || (row->record.sealed && sealed_add(m, r, row->record.epoch)))
                return ERR_NOMEM;
        return records_hold(m, r);
}
