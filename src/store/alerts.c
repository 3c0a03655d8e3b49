/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nearby index: one row an alert, a function of the set of records that are here and of the time, whatever their order.
 *
 * Changes by the alert's own household are applied by (created, day, class, index, id), each replacing what it names; any
 * resolve ends the alert, and a retraction outdoes everything. Only the row's own household can do either. Counts of what
 * others said are kept by follows.c.
 */
#include "store/inside.h"

#include "base/cell.h"

/* What of an alert can change after it was posted, apart from counts. */
struct face {
        uint64_t severity, urgency, certainty, expires, words, state, updated;
};

struct posted {
        struct hash id;
        uint64_t house;
        mesh_wall created;
        struct face face;
};

int alert_words(struct store *s, uint64_t n, struct span text, struct span clips) {
        _sql_ st = sql_get(&s->q, SQL_WORDS_PUT);
        sql_bind_u64(st, 1, n);
        sql_bind_span(st, 2, text);
        sql_bind_span(st, 3, clips);
        return sql_run(&s->q, st);
}

int alert_event(struct store *s, uint64_t n, uint8_t happening) {
        _sql_ st = sql_get(&s->q, SQL_EVENT_PUT);
        sql_bind_u64(st, 1, happening);
        sql_bind_u64(st, 2, n);
        return sql_run(&s->q, st);
}

int alert_find(struct store *s, const struct hash *id, struct alert_ref *ret, bool *ret_found) {
        uint64_t n;
        int r = number_of_record(s, id, &n);
        if (r)
                return r;
        _sql_ st = sql_get(&s->q, SQL_ALERT_FIND);
        sql_bind_u64(st, 1, n);
        r = sql_next(&s->q, st, ret_found);
        if (!r && *ret_found)
                *ret = (struct alert_ref){n, sql_u64(st, 0), (uint8_t)sql_u64(st, 1)};
        return r;
}

int alert_retracted(struct store *s, const struct hash *id, uint64_t house, mesh_wall expires, bool *ret,
                    mesh_wall *ret_when) {
        _sql_ st = sql_get(&s->q, SQL_RETRACTED_AT);
        sql_bind_32(st, 1, id->b);
        sql_bind_u64(st, 2, house);
        sql_bind_u64(st, 3, expires);
        int r = sql_next(&s->q, st, ret);
        if (!r && *ret)
                *ret_when = sql_u64(st, 0);
        return r;
}

/* The alert as it was posted, and the face it shows now. */
static int read_posted(struct store *s, uint64_t n, struct posted *ret, struct face *ret_now) {
        _sql_ st = sql_get(&s->q, SQL_ALERT_FACE);
        sql_bind_u64(st, 1, n);
        bool row;
        int r = sql_next(&s->q, st, &row);
        if (r)
                return r;
        if (!row || !sql_blob(st, 0, ret->id.b, sizeof(ret->id.b)))
                return STORE_E_DAMAGED;
        ret->house = sql_u64(st, 1);
        ret->created = sql_u64(st, 2);
        ret->face = (struct face){sql_u64(st, 3), sql_u64(st, 4), sql_u64(st, 5),
                                  sql_u64(st, 6), sql_u64(st, 7), STATE_ACTIVE};
        *ret_now = (struct face){sql_u64(st, 8),  sql_u64(st, 9),  sql_u64(st, 10), sql_u64(st, 11),
                                 sql_u64(st, 12), sql_u64(st, 13), sql_u64(st, 14)};
        return 0;
}

static void apply_change(struct face *f, sqlite3_stmt *st) {
        f->updated = MAX(f->updated, sql_u64(st, 2));
        if (sql_u64(st, 1) == RECORD_RESOLVE) {
                f->state = STATE_RESOLVED;
                return;
        }
        if (f->state == STATE_ACTIVE)
                f->state = STATE_UPDATED;
        uint64_t *const members[] = {&f->severity, &f->urgency, &f->certainty, &f->expires, &f->words};
        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                uint64_t v = sql_u64(st, 3 + (int)i);
                if (v)
                        *members[i] = v;
        }
}

static int apply_changes(struct store *s, const struct posted *p, struct face *f) {
        _sql_ st = sql_get(&s->q, SQL_FOLLOW_CHANGES);
        sql_bind_32(st, 1, p->id.b);
        sql_bind_u64(st, 2, p->house);
        for (;;) {
                bool row;
                int r = sql_next(&s->q, st, &row);
                if (r || !row)
                        return r;
                apply_change(f, st);
        }
}

/* When it was last in force or changed: what `nearby` selects by. */
static mesh_wall last_of(const struct posted *p, const struct face *f) {
        mesh_wall last = MAX(p->created, f->updated);
        bool cut_short = f->state == STATE_RESOLVED || f->state == STATE_RETRACTED;
        return cut_short ? last : MAX(last, f->expires);
}

static int write_face(struct store *s, uint64_t n, const struct posted *p, const struct face *f) {
        _sql_ st = sql_get(&s->q, SQL_ALERT_SET);
        sql_bind_u64(st, 1, n);
        sql_bind_u64(st, 2, f->severity);
        sql_bind_u64(st, 3, f->urgency);
        sql_bind_u64(st, 4, f->certainty);
        sql_bind_u64(st, 5, f->expires);
        sql_bind_u64(st, 6, f->words);
        sql_bind_u64(st, 7, f->state);
        sql_bind_u64(st, 8, f->updated);
        sql_bind_u64(st, 9, last_of(p, f));
        return sql_run(&s->q, st);
}

static uint8_t happening_of(const struct face *before, const struct face *after) {
        if (before->state == STATE_RETRACTED || memcmp(before, after, sizeof(*before)) == 0)
                return 0;
        if (after->state == STATE_RETRACTED)
                return HAPPENING_RETRACTED;
        if (after->state == STATE_EXPIRED && before->state != STATE_EXPIRED)
                return HAPPENING_EXPIRED;
        return after->state == STATE_RESOLVED && before->state != STATE_RESOLVED ? HAPPENING_RESOLVED
                                                                                 : HAPPENING_UPDATED;
}

int alert_derive(struct store *s, uint64_t n, uint8_t *ret_happening) {
        struct posted p;
        struct face before, after;
        int r = read_posted(s, n, &p, &before);
        if (r)
                return r;
        after = p.face;
        r = apply_changes(s, &p, &after);
        if (r)
                return r;
        if (after.state != STATE_RESOLVED && after.expires <= s->now)
                after.state = STATE_EXPIRED;

        bool retracted;
        mesh_wall when;
        r = alert_retracted(s, &p.id, p.house, p.face.expires, &retracted, &when);
        if (r)
                return r;
        if (retracted) {
                after.state = STATE_RETRACTED;
                after.updated = when;
                after.words = 0;
                r = named_taken_back(s, &p.id);
                if (r)
                        return r;
        }
        *ret_happening = happening_of(&before, &after);
        return memcmp(&before, &after, sizeof(before)) ? write_face(s, n, &p, &after) : 0;
}

/* What others have said before the alert came: their last vote each, and all comments. */
static int count_early(struct store *s, uint64_t n, uint64_t house, const struct hash *id) {
        uint64_t counts[3] = {0}; /* confirms, disputes, comments */
        uint64_t voter = 0, vote = 0;
        _sql_ st = sql_get(&s->q, SQL_FOLLOW_COUNTED);
        sql_bind_32(st, 1, id->b);
        for (;;) {
                bool row;
                int r = sql_next(&s->q, st, &row);
                if (r)
                        return r;
                uint64_t who = row ? sql_u64(st, 0) : 0;
                if (who != voter && vote)
                        counts[vote == RECORD_DISPUTE]++;
                if (who != voter)
                        vote = 0;
                if (!row)
                        break;
                voter = who;
                uint64_t what = sql_u64(st, 1);
                if (what == RECORD_COMMENT)
                        counts[2]++;
                else if (who != house)
                        vote = what;
        }
        if (!counts[0] && !counts[1] && !counts[2])
                return 0;
        _sql_ set = sql_get(&s->q, SQL_ALERT_COUNT);
        sql_bind_u64(set, 1, n);
        for (int i = 0; i < 3; i++)
                sql_bind_u64(set, 2 + i, counts[i]);
        return sql_run(&s->q, set);
}

/* Has anything come that names it? Of what follows alerts hardly any comes before its alert. */
static int followed(struct store *s, const struct hash *id, bool *ret) {
        _sql_ st = sql_get(&s->q, SQL_FOLLOW_ANY);
        sql_bind_32(st, 1, id->b);
        return sql_next(&s->q, st, ret);
}

static int insert_alert(struct store *s, uint64_t n, const struct head *h, const struct mesh_row *row, bool words) {
        const struct wire_alert *a = row->record.alert;
        _sql_ st = sql_get(&s->q, SQL_ALERT_PUT);
        sql_bind_u64(st, 1, n);
        sql_bind_u64(st, 2, h->house);
        sql_bind_u64(st, 3, cell_valid(a->cell) ? a->cell : 0);
        sql_bind_u64(st, 4, a->kind);
        sql_bind_u64(st, 5, WIRE_HAS(a, ALERT, doing) ? a->doing : 0);
        sql_bind_u64(st, 6, a->category);
        sql_bind_u64(st, 7, a->status);
        sql_bind_u64(st, 8, row->record.created);
        sql_bind_u64(st, 9, a->severity);
        sql_bind_u64(st, 10, a->urgency);
        sql_bind_u64(st, 11, a->certainty);
        sql_bind_u64(st, 12, row->record.expires);
        sql_bind_u64(st, 13, words ? n : 0);
        sql_bind_u64(st, 14, h->device);
        return sql_run(&s->q, st);
}

int alert_recount(struct store *s, uint64_t n) {
        struct posted p;
        struct face now;
        uint8_t happening = 0;
        int r = read_posted(s, n, &p, &now);
        if (!r)
                r = count_early(s, n, p.house, &p.id);
        if (!r)
                r = alert_derive(s, n, &happening);
        return r || happening != HAPPENING_EXPIRED ? r : alert_event(s, n, happening);
}

int alert_put(struct store *s, uint64_t n, const struct head *h, const struct mesh_row *row) {
        const struct wire_alert *a = row->record.alert;
        struct span text = WIRE_HAS(a, ALERT, text) ? a->text : SPAN_NONE;
        struct span clips = WIRE_HAS(a, ALERT, clips) ? a->clips : SPAN_NONE;
        bool wiped = h->flags & RECORD_WIPED, words = !wiped && (text.n || clips.n);
        int r = words ? alert_words(s, n, text, clips) : 0;
        if (!r)
                r = insert_alert(s, n, h, row, words);
        if (!r && words && h->flags & RECORD_MINE)
                r = named_put(s, &row->record.id, h->created, a);
        bool early = false;
        if (!r)
                r = followed(s, &row->record.id, &early);
        if (!r && early)
                r = count_early(s, n, h->house, &row->record.id);
        uint8_t happening; /* what came before the alert is told by its first event */
        if (!r && (early || wiped || row->record.expires <= s->now))
                r = alert_derive(s, n, &happening);
        if (r || wiped)
                return r; /* taken back before it came: there is nothing to tell */
        return alert_event(s, n, HAPPENING_POSTED);
}
