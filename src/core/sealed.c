/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that came before their key. A key waits for the operations it stands on (PROTOCOL 7.4), and who was cut off may
 * have the first and not the second, so a record can be here before anybody here can read it. It is held like any other;
 * its row on disk says that it is sealed, and under which epoch. When a key that opens it comes, its bytes are fetched and it
 * is stored once more, this time with what it says. Then it is shown, counted and told of like one that has just come.
 *
 * Each such record stands in one of two lists, in the order in which they came: `sealed`, and `openable` when the key is
 * here. Of the second a batch is fetched and stored at a time, the next when that one is on disk. On disk a record is sealed
 * until its words are there, so that after a full disk it is tried again, and after an end at the next start; the store tells
 * of what it can read once, however often it is given.
 */
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/out.h"
#include "core/record.h"
#include "wire/codec.h"

#include <stdlib.h>

struct sealed {
        struct list list; /* of mesh.sealed or mesh.openable */
        struct rec *rec;
        uint8_t epoch[16]; /* zeros: not known, an earlier version stored it */
        bool asked;        /* its bytes are being fetched, or it is being stored */
};

void sealed_init(struct mesh *m) {
        list_init(&m->sealed);
        list_init(&m->openable);
        m->open_most = OPEN_BATCH;
}

int sealed_add(struct mesh *m, struct rec *r, const uint8_t epoch[16]) {
        struct sealed *x = calloc(1, sizeof(*x));
        if (!x)
                return ERR_NOMEM;
        x->rec = r;
        memcpy(x->epoch, epoch, sizeof(x->epoch));
        list_push(&m->sealed, &x->list);
        r->sealed = x;
        return 0;
}

void sealed_drop(struct rec *r) {
        struct sealed *x = TAKE(r->sealed);
        if (!x)
                return;
        list_drop(&x->list);
        free(x);
}

/* ---- whose turn it is ---- */
static bool key_is_here(struct mesh *m, const struct sealed *x) {
        static const uint8_t unknown[sizeof(x->epoch)];
        const struct epoch *e = epoch_find(m, SPAN_OF(x->epoch));
        if (e)
                return epoch_opens(e, (uint32_t)(x->rec->created / MESH_DAY));
        return memcmp(x->epoch, unknown, sizeof(unknown)) == 0; /* it may be */
}

/* What is not on disk yet may never be; what was made after its device's end would not be taken now (PROTOCOL 4.3). */
static bool can_open(struct mesh *m, const struct sealed *x) {
        const struct key *signer = &m->authors[rec_signer(x->rec)]->device;
        return x->rec->flags & REC_STORED && !records_late(m, x->rec) && key_is_here(m, x) &&
               roster_device_find(m->roster, signer);
}

static void move(struct list *to, struct sealed *x) {
        list_drop(&x->list);
        list_push(to, &x->list);
        x->asked = false;
}

void sealed_try(struct mesh *m, const struct epoch *e) {
        LIST_EACH (x, &m->sealed, struct sealed, list)
                if ((!e || memcmp(e->id, x->epoch, sizeof(x->epoch)) == 0) && can_open(m, x))
                        move(&m->openable, x);
}

void sealed_held(struct mesh *m, const struct rec *r) {
        if (r->sealed && can_open(m, r->sealed)) /* the key has come while it was written */
                move(&m->openable, r->sealed);
}

/* Taken back, void, or over: there is nothing to open any more. */
static bool is_gone(const struct mesh *m, const struct rec *r) {
        return r->flags & REC_GONE || r->expires <= clock_now(m);
}

static size_t ask_for(struct mesh *m, struct hash ids[OPEN_BATCH]) {
        size_t n = 0;
        records_ends(m);
        LIST_EACH (x, &m->openable, struct sealed, list) {
                if (n == m->open_most)
                        break;
                if (is_gone(m, x->rec)) {
                        sealed_drop(x->rec);
                } else if (!can_open(m, x)) {
                        move(&m->sealed, x);
                } else {
                        x->asked = true;
                        ids[n++] = x->rec->id;
                }
        }
        return n;
}

mesh_time sealed_deadline(const struct mesh *m) {
        return m->opening || list_empty(&m->openable) ? MESH_NEVER : MAX(m->open_due, m->now);
}

static int ask(struct mesh *m) {
        struct hash ids[OPEN_BATCH];
        size_t n = ask_for(m, ids);
        struct mesh_action *a = n ? out_add(&m->out, MESH_DO_LOAD) : NULL;
        bool ok = true;
        if (!a)
                return n ? ERR_NOMEM : 0;
        struct span kept = out_keep(&m->out, span_of(ids, n * sizeof(ids[0])), &ok);
        a->token = m->opening = mesh_token(m);
        a->load.ids = (const struct hash *)(const void *)kept.p;
        a->load.n = n;
        return ok ? 0 : ERR_NOMEM;
}

int sealed_tick(struct mesh *m) {
        return m->now < sealed_deadline(m) ? 0 : ask(m);
}

/* ---- opening ---- */
/* Whether these are the record's bytes: those that an earlier version stored have no sum beside them. */
static bool read_header(const struct mesh *m, struct span raw, const struct rec *r, struct wire_record *ret) {
        struct hash id;
        if (codec_decode(&wire_record_desc, raw, ret, NULL))
                return false;
        record_id(m, raw, &id);
        return hash_eq(&id, &r->id);
}

static int store(struct mesh *m, struct sealed *x, const struct wire_record *w, struct span raw, struct wait **wait) {
        _clean_(reading_fini) struct reading said = {.plain = BUF_NULL};
        if (record_read(m, x->rec, w, raw, &said))
                return ERR_NOMEM;
        if (said.saying.sealed) { /* from now on it is known under which epoch; if that is not stored, so be it */
                memcpy(x->epoch, w->epoch.p, sizeof(x->epoch));
                move(&m->sealed, x);
                return record_store(m, x->rec, w, raw, &said.saying, NULL);
        }
        if (!*wait) {
                *wait = mesh_wait(m, WAIT_SEALED, 0);
                if (!*wait)
                        return ERR_NOMEM;
                (*wait)->left = 0;
        }
        (*wait)->left++;
        return record_store(m, x->rec, w, raw, &said.saying, *wait);
}

static int open_one(struct mesh *m, const struct mesh_loaded *item, struct wait **wait) {
        struct rec *r = records_find(m, &item->id);
        struct wire_record w;
        if (!r || !r->sealed || !r->sealed->asked)
                return 0;
        if (is_gone(m, r)) {
                sealed_drop(r);
                return 0;
        }
        bool whole = item->bytes.n && read_header(m, item->bytes, r, &w);
        if (whole && can_open(m, r->sealed))
                return store(m, r->sealed, &w, item->bytes, wait);
        move(&m->sealed, r->sealed); /* what the disk did not give is asked for again at the next start */
        if (item->damaged || (item->bytes.n && !whole))
                records_damaged(m, r);
        return 0;
}

int sealed_loaded(struct mesh *m, const struct mesh_event *ev) {
        struct wait *wait = NULL;
        int e = 0;
        if (!m->opening || ev->token != m->opening)
                return 0;
        records_ends(m); /* operations may have come meanwhile */
        for (size_t i = 0; i < ev->loaded.n && !e; i++)
                e = open_one(m, &ev->loaded.items[i], &wait);
        if (!wait)
                m->opening = 0;
        return e;
}

void sealed_stored(struct mesh *m, const struct wait *w) {
        m->opening = 0;
        m->open_most = w->failed ? 1 : OPEN_BATCH; /* one is enough to find the disk still full */
        m->open_due = w->failed ? m->now + UNSAVED_TIME : m->now;
        LIST_EACH (x, &m->openable, struct sealed, list) {
                if (!x->asked)
                        break; /* those that were asked for stand before all others */
                x->asked = false;
                if (!w->failed)
                        sealed_drop(x->rec);
        }
}
