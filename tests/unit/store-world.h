/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small neighbourhood at random: alerts, what follows them, retractions right and wrong, with equal times on purpose; and
 * a model of what the store must show, too simple to be wrong.
 */
#pragma once

#include "store-check.h"

#define WORLD_RECORDS 120
struct world {
        struct mesh_row rows[WORLD_RECORDS];
        struct wire_alert alerts[WORLD_RECORDS];
        struct wire_follow follows[WORLD_RECORDS];
        char texts[WORLD_RECORDS][16];
        size_t order[WORLD_RECORDS];
};

#define WORLD_HOUSES 5
#define WORLD_ALERTS 8

static inline void make_follow(struct world *w, size_t i, uint64_t *rng) {
        struct mesh_row *row = &w->rows[i];
        struct wire_follow *f = &w->follows[i];
        *f = rows_follow(&row->record.target, rows_random(rng) % 3 ? span_str(w->texts[i]) : SPAN_NONE);
        if (row->record.type == RECORD_UPDATE && rows_random(rng) % 2)
                WIRE_PUT(f, FOLLOW, severity, 1 + rows_random(rng) % 5);
        if (row->record.type == RECORD_UPDATE && rows_random(rng) % 3 == 0)
                WIRE_PUT(f, FOLLOW, certainty, 1 + rows_random(rng) % 5);
        if (row->record.type == RECORD_UPDATE && rows_random(rng) % 3 == 0)
                WIRE_PUT(f, FOLLOW, expires, ROWS_NOW - 1000 + rows_random(rng) % 2000);
        row->record.follow = f;
}

static inline void make_world(struct world *w, uint64_t *rng) {
        for (size_t i = 0; i < WORLD_RECORDS; i++) {
                uint8_t type = i < WORLD_ALERTS ? RECORD_ALERT : (uint8_t)(RECORD_UPDATE + rows_random(rng) % 6);
                uint64_t house = rows_random(rng) % WORLD_HOUSES;
                size_t target = rows_random(rng) % (rows_random(rng) % 8 ? WORLD_ALERTS : i + 1);
                /* retractions are rarer, and often by the right household */
                if (type == RECORD_RETRACT && rows_random(rng) % 2)
                        type = RECORD_COMMENT;
                if (type == RECORD_RETRACT && rows_random(rng) % 3 == 0)
                        target = rows_random(rng) % i;
                w->rows[i] = rows_record(rows_random(rng), house, type, ROWS_NOW - 200 + rows_random(rng) % 12);
                struct mesh_row *row = &w->rows[i];
                row->record.expires = ROWS_NOW - 50 + rows_random(rng) % 1000;
                row->record.index = (uint16_t)(rows_random(rng) % 3);
                snprintf(w->texts[i], sizeof(w->texts[i]), "text %03zu", i);
                if (type != RECORD_ALERT)
                        row->record.target = w->rows[target].record.id;
                if (type == RECORD_RETRACT)
                        row->record.expires = w->rows[target].record.expires;
                if (type == RECORD_RETRACT && rows_random(rng) % 4)
                        row->record.household = w->rows[target].record.household;
                if ((type == RECORD_UPDATE || type == RECORD_RESOLVE) && rows_random(rng) % 2)
                        row->record.household = w->rows[target].record.household;
                if (type == RECORD_ALERT) {
                        w->alerts[i] = rows_alert(home_cell(), span_str(w->texts[i]));
                        row->record.alert = &w->alerts[i];
                } else if (type != RECORD_RETRACT) {
                        make_follow(w, i, rng);
                }
        }
}

static inline void shuffle(struct world *w, uint64_t *rng) {
        for (size_t i = 0; i < WORLD_RECORDS; i++) {
                size_t j = rows_random(rng) % (i + 1);
                w->order[i] = w->order[j];
                w->order[j] = i;
        }
}

static inline bool same_house(const struct mesh_row *a, const struct mesh_row *b) {
        return memcmp(&a->record.household, &b->record.household, sizeof(struct key)) == 0;
}

/* The earliest retraction of @i that counts, or NULL. */
static const struct mesh_row *retraction_of(const struct world *w, size_t i) {
        const struct mesh_row *found = NULL;
        for (size_t j = 0; j < WORLD_RECORDS; j++) {
                const struct mesh_row *x = &w->rows[j];
                if (x->record.type != RECORD_RETRACT || w->rows[i].record.type == RECORD_RETRACT ||
                    memcmp(&x->record.target, &w->rows[i].record.id, sizeof(struct hash)) != 0 ||
                    !same_house(x, &w->rows[i]))
                        continue;
                if (!found || x->record.created < found->record.created)
                        found = x;
        }
        return found;
}

static inline int order_of(const struct mesh_row *a, const struct mesh_row *b, bool by_slot) {
        if (a->record.created != b->record.created)
                return a->record.created < b->record.created ? -1 : 1;
        if (by_slot && a->record.index != b->record.index)
                return a->record.index < b->record.index ? -1 : 1;
        return memcmp(&a->record.id, &b->record.id, sizeof(struct hash));
}

/* Follow-ups of alert @i that still stand, in order. */
static inline size_t follows_of(const struct world *w, size_t i, const struct mesh_row **ret, bool by_slot) {
        size_t n = 0;
        for (size_t j = 0; j < WORLD_RECORDS; j++) {
                const struct mesh_row *x = &w->rows[j];
                if (!x->record.follow || memcmp(&x->record.target, &w->rows[i].record.id, sizeof(struct hash)) != 0 ||
                    retraction_of(w, j))
                        continue;
                size_t at = n++;
                for (; at > 0 && order_of(x, ret[at - 1], by_slot) < 0; at--)
                        ret[at] = ret[at - 1];
                ret[at] = x;
        }
        return n;
}

static inline void model_votes(const struct world *w, size_t i, struct store_alert *a) {
        const struct mesh_row *f[WORLD_RECORDS];
        size_t n = follows_of(w, i, f, false);
        for (uint64_t house = 0; house < WORLD_HOUSES; house++) {
                struct key key = rows_house(house);
                uint8_t vote = 0;
                for (size_t j = 0; j < n; j++) {
                        bool theirs = memcmp(&f[j]->record.household, &key, sizeof(key)) == 0;
                        if (theirs && (f[j]->record.type == RECORD_CONFIRM || f[j]->record.type == RECORD_DISPUTE))
                                vote = f[j]->record.type;
                        a->comments += theirs && f[j]->record.type == RECORD_COMMENT;
                }
                if (memcmp(&key, &w->rows[i].record.household, sizeof(key)) == 0)
                        continue;
                a->confirms += vote == RECORD_CONFIRM;
                a->disputes += vote == RECORD_DISPUTE;
        }
}

static inline struct store_alert model_alert(const struct world *w, size_t i) {
        const struct mesh_row *row = &w->rows[i], *f[WORLD_RECORDS], *gone = retraction_of(w, i);
        struct store_alert a = {.id = row->record.id, .household = row->record.household, .state = STATE_ACTIVE};
        a.kind = (uint8_t)w->alerts[i].kind;
        a.severity = (uint8_t)w->alerts[i].severity;
        a.urgency = (uint8_t)w->alerts[i].urgency;
        a.certainty = (uint8_t)w->alerts[i].certainty;
        a.created = row->record.created;
        a.expires = row->record.expires;
        a.text = span_str(w->texts[i]);
        size_t n = follows_of(w, i, f, true);
        for (size_t j = 0; j < n; j++) {
                const struct wire_follow *c = f[j]->record.follow;
                bool update = f[j]->record.type == RECORD_UPDATE, resolve = f[j]->record.type == RECORD_RESOLVE;
                if (!same_house(f[j], row) || (!update && !resolve))
                        continue;
                a.updated = MAX(a.updated, f[j]->record.created);
                if (resolve)
                        a.state = STATE_RESOLVED;
                else if (a.state == STATE_ACTIVE)
                        a.state = STATE_UPDATED;
                if (update && c->text.n)
                        a.text = c->text;
                if (WIRE_HAS(c, FOLLOW, severity))
                        a.severity = (uint8_t)c->severity;
                if (WIRE_HAS(c, FOLLOW, certainty))
                        a.certainty = (uint8_t)c->certainty;
                if (WIRE_HAS(c, FOLLOW, expires))
                        a.expires = c->expires;
        }
        model_votes(w, i, &a);
        if (a.state != STATE_RESOLVED && a.expires <= ROWS_NOW)
                a.state = STATE_EXPIRED;
        if (gone) {
                a.state = STATE_RETRACTED;
                a.updated = gone->record.created;
                a.text = SPAN_NONE;
        }
        return a;
}

static inline void model_follows(const struct world *w, size_t i, struct buf *out) {
        const struct mesh_row *f[WORLD_RECORDS];
        size_t n = follows_of(w, i, f, true);
        for (size_t j = 0; j < n; j++) {
                uint8_t type = f[j]->record.type;
                bool change = type == RECORD_UPDATE || type == RECORD_RESOLVE;
                if (type != RECORD_COMMENT && change != same_house(f[j], &w->rows[i]))
                        continue;
                struct store_follow show = {f[j]->record.id, f[j]->record.household, type, f[j]->record.created,
                                            f[j]->record.follow->text};
                if (change && retraction_of(w, i))
                        show.text = SPAN_NONE;
                show_follow(out, &show);
        }
}

static inline void tell_world(const struct world *w, struct buf *out) {
        for (size_t i = 0; i < WORLD_ALERTS; i++) {
                struct store_alert a = model_alert(w, i);
                show_alert(out, &a);
                model_follows(w, i, out);
        }
}

static inline void tell_store(const struct world *w, struct buf *out) {
        struct store_reader *r = reading();
        for (size_t i = 0; i < WORLD_ALERTS; i++) {
                assert_int_equal(store_alert_get(r, &w->rows[i].record.id, show_alert, out), 0);
                assert_int_equal(store_follows(r, &w->rows[i].record.id, show_follow, out), 0);
        }
        for (size_t i = 0; i < WORLD_RECORDS; i++) {
                struct store_loaded item = {w->rows[i].record.id};
                _clean_(buf_fini) struct buf keep = BUF_NULL;
                assert_int_equal(store_load(r, &item, 1, &keep), 0);
                assert_int_equal(item.bytes.n, retraction_of(w, i) ? 0 : w->rows[i].record.bytes.n);
        }
        store_reader_close(r);
}

/* As it was stored before its key came. */
static inline void add_sealed(struct store_batch *b, const struct mesh_row *of) {
        struct mesh_row sealed = *of;
        if (sealed.record.follow)
                sealed.record.target = (struct hash){0};
        sealed.record.sealed = sealed.record.type != RECORD_RETRACT;
        sealed.record.epoch[0] = 1;
        sealed.record.alert = NULL;
        sealed.record.follow = NULL;
        assert_int_equal(store_batch_add(b, &sealed, 0), 0);
}

/* Some come first without their plaintext, long before or just so, and some come twice. */
static inline void add_world(struct world *w, struct store *s, uint64_t *rng) {
        uint64_t seq;
        for (size_t i = 0; i < WORLD_RECORDS;) {
                struct store_batch *b = store_batch_new();
                for (size_t left = 1 + rows_random(rng) % 20; left && i < WORLD_RECORDS; left--, i++) {
                        struct mesh_row row = w->rows[w->order[i]];
                        if (rows_random(rng) % 5 == 0)
                                add_sealed(b, &row);
                        if (rows_random(rng) % 5 == 0)
                                add_sealed(b, &w->rows[w->order[i + rows_random(rng) % (WORLD_RECORDS - i)]]);
                        assert_int_equal(store_batch_add(b, &row, i), 0);
                        if (rows_random(rng) % 5 == 0)
                                assert_int_equal(store_batch_add(b, &row, i), 0);
                }
                assert_int_equal(store_commit(s, b, ROWS_NOW, &seq), 0);
                store_batch_free(b);
        }
}

/* What was taken back is in no file, whatever the order; nor what its author's household added to it later. */
