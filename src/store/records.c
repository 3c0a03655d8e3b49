/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record arrives: its head is kept for RESTORE, its bytes for peers, its plaintext for people. A record that is there
 * already adds only what was missing (bytes, or a plaintext that a late key has opened). A retraction wipes its target if
 * that is here, and keeps it from coming back if it is not. A record that a proof voids is wiped in the same way.
 */
#include "store/inside.h"

struct known {
        uint64_t n;
        mesh_wall expires;
        struct head head;
};

static int key_number(struct store *s, const struct key *key, uint32_t *ret_n) {
        struct found f;
        int r = find_row(&s->q, SQL_KEY_NUMBER, key->b, &f);
        if (r || f.astray)
                return r ? r : STORE_E_DAMAGED;
        if (f.n) {
                *ret_n = (uint32_t)f.n;
                return 0;
        }
        _sql_ put = sql_get(&s->q, SQL_KEY_PUT);
        sql_bind_32(put, 1, key->b);
        r = sql_run(&s->q, put);
        if (r)
                return r;
        *ret_n = (uint32_t)sqlite3_last_insert_rowid(s->q.db);
        return 0;
}

/* A record names two at least, of a few hundred that there are. */
static int key_put(struct store *s, const struct key *key, uint32_t *ret_n) {
        size_t i = key->b[0] % KEYS_REMEMBERED;
        if (!s->keys[i].n || memcmp(&s->keys[i].key, key, sizeof(*key)) != 0) {
                s->keys[i].n = 0;
                int r = key_number(s, key, &s->keys[i].n);
                if (r)
                        return r;
                s->keys[i].key = *key;
        }
        *ret_n = s->keys[i].n;
        return 0;
}

static int record_find(struct store *s, const struct hash *id, struct known *ret, bool *ret_found) {
        int r = number_of_record(s, id, &ret->n);
        *ret_found = !r && ret->n;
        if (!*ret_found)
                return r;
        _sql_ st = sql_get(&s->q, SQL_RECORD_GET);
        sql_bind_u64(st, 1, ret->n);
        bool row;
        r = sql_next(&s->q, st, &row);
        if (r)
                return r;
        ret->expires = sql_u64(st, 1);
        return row && head_unpack(sql_span(st, 0), &ret->head) ? 0 : STORE_E_DAMAGED;
}

static int find_last(struct store *s) {
        _sql_ st = sql_get(&s->q, SQL_RECORD_LAST);
        bool row;
        int r = sql_next(&s->q, st, &row);
        if (!r)
                s->last = sql_u64(st, 0);
        return r;
}

static int insert_head(struct store *s, const struct mesh_row *row, struct known *k) {
        uint8_t bytes[HEAD_BYTES_MAX];
        size_t n = head_pack(&k->head, bytes);
        int r = s->last ? 0 : find_last(s);
        if (r)
                return r;
        k->n = ++s->last;
        _sql_ st = sql_get(&s->q, SQL_RECORD_PUT);
        sql_bind_u64(st, 1, k->n);
        sql_bind_32(st, 2, row->record.id.b);
        sql_bind_u64(st, 3, row->record.expires);
        sql_bind_span(st, 4, span_of(bytes, n));
        return sql_run(&s->q, st);
}

static int update_head(struct store *s, const struct known *k) {
        uint8_t bytes[HEAD_BYTES_MAX];
        size_t n = head_pack(&k->head, bytes);
        _sql_ st = sql_get(&s->q, SQL_RECORD_HEAD);
        sql_bind_u64(st, 1, k->n);
        sql_bind_span(st, 2, span_of(bytes, n));
        return sql_run(&s->q, st);
}

static int write_body(struct store *s, enum sql_id id, uint64_t n, struct span bytes) {
        uint8_t sum[SUM_BYTES];
        sum_make(n, bytes, sum);
        _sql_ st = sql_get(&s->q, id);
        sql_bind_u64(st, 1, n);
        sql_bind_span(st, 2, bytes);
        sql_bind_span(st, 3, SPAN_OF(sum));
        return sql_run(&s->q, st);
}

static bool is_damaged(struct store *s, uint64_t n, int *ret_error) {
        _sql_ st = sql_get(&s->q, SQL_BODY_GET);
        bool row = false;
        sql_bind_u64(st, 1, n);
        *ret_error = sql_next(&s->q, st, &row);
        return !*ret_error && (!row || !sum_fits(n, sql_span(st, 0), sql_span(st, 1)));
}

/* A record that is there comes again: where the disk has lost its bytes, here they are. */
static int mend_body(struct store *s, const struct known *k, const struct mesh_row *row) {
        int r = 0;
        bool kept = k->head.flags & RECORD_BODY && !(k->head.flags & RECORD_WIPED);
        if (kept && row->record.bytes.n && is_damaged(s, k->n, &r))
                return write_body(s, SQL_BODY_SET, k->n, row->record.bytes);
        return r;
}

static bool is_plaintext_of(const struct mesh_row *row, uint8_t type) {
        if (row->record.alert)
                return type == RECORD_ALERT;
        if (row->record.notice || row->record.ask)
                return type == (row->record.ask ? RECORD_ASK : RECORD_NOTICE);
        return row->record.follow && type >= RECORD_UPDATE && type <= RECORD_COMMENT;
}

/* Which parts of the record @row brings that may be kept: RECORD_BODY, RECORD_READ. */
static uint8_t brought(const struct mesh_row *row, const struct known *k) {
        uint8_t body = row->record.bytes.n && !(k->head.flags & RECORD_WIPED) ? RECORD_BODY : 0;
        return body | (is_plaintext_of(row, k->head.type) ? RECORD_READ : 0);
}

/* Takes over the parts @parts. Of a retracted alert the row is kept, without text; of what followed one, nothing. */
static int put_content(struct store *s, const struct known *k, const struct mesh_row *row, uint8_t parts) {
        int r = parts & RECORD_BODY ? write_body(s, SQL_BODY_PUT, k->n, row->record.bytes) : 0;
        if (r || !(parts & RECORD_READ))
                return r;
        if (row->record.alert)
                return alert_put(s, k->n, &k->head, row);
        if (k->head.flags & RECORD_WIPED)
                return 0;
        if (row->record.ask)
                return ask_put(s, k->n, &k->head, row->record.ask);
        if (row->record.notice)
                return notice_put(s, k->n, &k->head, row->record.notice);
        return follow_put(s, k->n, &k->head, row);
}

static int run_on(struct store *s, enum sql_id id, uint64_t n) {
        _sql_ st = sql_get(&s->q, id);
        sql_bind_u64(st, 1, n);
        return sql_run(&s->q, st);
}

/* What the author's household wrote later about its alert is part of what it takes back. */
static int wipe_changes(struct store *s, const struct hash *target, uint32_t house) {
        static const enum sql_id ids[] = {SQL_FOLLOW_WIPE, SQL_FOLLOW_MUTE};
        for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
                _sql_ st = sql_get(&s->q, ids[i]);
                sql_bind_32(st, 1, target->b);
                sql_bind_u64(st, 2, house);
                int r = sql_run(&s->q, st);
                if (r)
                        return r;
                s->erase_due |= sqlite3_changes64(s->q.db) > 0;
        }
        return 0;
}

static int show_retraction(struct store *s, const struct known *target) {
        if (!(target->head.flags & RECORD_READ))
                return 0;
        if (target->head.type == RECORD_ASK || target->head.type == RECORD_NOTICE)
                return ask_drop(s, target->n);
        if (target->head.type != RECORD_ALERT)
                return follow_drop(s, target->n, target->head.house);
        uint8_t happening;
        int r = alert_derive(s, target->n, &happening);
        return r || !happening ? r : alert_event(s, target->n, happening);
}

static int insert_retraction(struct store *s, const struct known *k, const struct hash *target, mesh_wall when) {
        _sql_ st = sql_get(&s->q, SQL_RETRACTION_PUT);
        sql_bind_u64(st, 1, k->n);
        sql_bind_32(st, 2, target->b);
        sql_bind_u64(st, 3, k->head.house);
        sql_bind_u64(st, 4, when);
        return sql_run(&s->q, st);
}

static int wipe(struct store *s, struct known *target) {
        s->erase_due = true;
        target->head.flags |= RECORD_WIPED;
        target->head.sealed = false;
        int r = update_head(s, target);
        if (!r)
                r = run_on(s, SQL_BODY_WIPE, target->n);
        return r ? r : run_on(s, SQL_WORDS_WIPE, target->n);
}

/* A retraction by the author replaces the payload by a tombstone. One that ends at another time than what it names takes
 * nothing back. */
static int retract(struct store *s, const struct known *k) {
        struct known target;
        bool found;
        int r = insert_retraction(s, k, &k->head.target, k->head.created);
        if (!r)
                r = record_find(s, &k->head.target, &target, &found);
        if (!r && (!found || target.expires == k->expires))
                r = wipe_changes(s, &k->head.target, k->head.house);
        if (r || !found || target.head.house != k->head.house || target.head.type == RECORD_RETRACT ||
            target.expires != k->expires)
                return r;
        bool first = !(target.head.flags & RECORD_WIPED);
        r = first ? wipe(s, &target) : 0;
        /* A second retraction may be the earlier one, which only an alert's row can show. */
        if (r || (!first && target.head.type != RECORD_ALERT))
                return r;
        return show_retraction(s, &target);
}

/* A proof was found against it: whatever it was, it is as if its household had taken it back, also where it has: which of the
 * two came first is all the same. */
static int void_record(struct store *s, struct known *k, const struct hash *id) {
        if (k->head.flags & RECORD_VOID)
                return 0;
        k->head.flags |= RECORD_VOID;
        int r = wipe(s, k);
        if (r || k->head.type == RECORD_RETRACT)
                return r;
        r = insert_retraction(s, k, id, s->now);
        if (!r)
                r = wipe_changes(s, id, k->head.house);
        return r ? r : show_retraction(s, k);
}

/* It is sealed, too, if @row says so: under another epoch than was known so far. False: nothing new. */
static bool unseal(struct head *h, const struct mesh_row *row) {
        if (!h->sealed || (row->record.sealed && memcmp(h->epoch, row->record.epoch, sizeof(h->epoch)) == 0))
                return false;
        h->sealed = row->record.sealed;
        memcpy(h->epoch, row->record.epoch, sizeof(h->epoch));
        return true;
}

static int put_again(struct store *s, struct known *k, const struct mesh_row *row) {
        uint8_t parts = brought(row, k) & (uint8_t)~k->head.flags;
        int r = mend_body(s, k, row);
        bool changed = unseal(&k->head, row) || parts;
        if (r || !changed)
                return r;
        k->head.flags |= parts;
        if (parts & RECORD_READ && row->record.follow)
                k->head.target = row->record.target; /* nobody knew it while the text was sealed */
        r = update_head(s, k);
        return r ? r : put_content(s, k, row, parts);
}

static int number_keys(struct store *s, const struct mesh_row *row, struct head *h) {
        static const struct key nobody;
        int r = key_put(s, &row->record.device, &h->device);
        if (!r && memcmp(&row->record.signer, &nobody, sizeof(nobody)))
                r = key_put(s, &row->record.signer, &h->signer);
        return r ? r : key_put(s, &row->record.household, &h->house);
}

static int put_first(struct store *s, const struct mesh_row *row) {
        struct known k = {0};
        struct head *h = &k.head;
        bool wiped = false, is_retraction = row->record.type == RECORD_RETRACT;
        mesh_wall when;
        int r = number_keys(s, row, h);
        if (!r && !is_retraction)
                r = alert_retracted(s, &row->record.id, h->house, row->record.expires, &wiped, &when);
        if (r)
                return r;

        h->created = row->record.created;
        h->day = row->record.day;
        h->index = row->record.index;
        h->type = row->record.type;
        h->klass = row->record.klass;
        h->target = row->record.target;
        k.expires = row->record.expires;
        h->flags = (row->record.mine ? RECORD_MINE : 0) | (row->record.own ? RECORD_OWN : 0) |
                   (row->record.sensor ? RECORD_SENSOR : 0) | (wiped ? RECORD_WIPED : 0);
        h->sealed = row->record.sealed && !wiped;
        memcpy(h->epoch, row->record.epoch, sizeof(h->epoch));
        uint8_t parts = brought(row, &k);
        h->flags |= parts;
        r = insert_head(s, row, &k);
        if (!r)
                r = slots_note(s, h);
        if (!r && is_retraction && !hash_is_zero(&h->target))
                r = retract(s, &k);
        return r ? r : put_content(s, &k, row, parts);
}

int record_put(struct store *s, const struct mesh_row *row) {
        struct known k;
        bool found;
        int r = record_find(s, &row->record.id, &k, &found);
        if (r)
                return r;
        if (row->record.voided)
                return found ? void_record(s, &k, &row->record.id) : 0;
        return found ? put_again(s, &k, row) : put_first(s, row);
}
