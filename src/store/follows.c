/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows an alert, and what it does to the alert's row. Of confirm and dispute the last one of each other household
 * counts, so that counts change by the difference one household's vote makes before and after: no arrival, however many
 * there were before, costs more than a look at its own household's.
 */
#include "store/inside.h"

struct follow {
        uint64_t n, house, what;
        struct hash target;
        uint64_t slot; /* orders as (day, class, index) does */
};

static uint64_t slot_of(const struct head *h) {
        return (uint64_t)h->day << 24 | (uint64_t)h->klass << 16 | h->index;
}

static bool is_change(uint64_t what) {
        return what == RECORD_UPDATE || what == RECORD_RESOLVE;
}

static bool is_vote(uint64_t what) {
        return what == RECORD_CONFIRM || what == RECORD_DISPUTE;
}

/* RECORD_CONFIRM, RECORD_DISPUTE, or 0 */
static int vote_of(struct store *s, const struct follow *f, uint64_t *ret) {
        _sql_ st = sql_get(&s->q, SQL_FOLLOW_VOTE);
        sql_bind_32(st, 1, f->target.b);
        sql_bind_u64(st, 2, f->house);
        bool row;
        int r = sql_next(&s->q, st, &row);
        if (!r)
                *ret = row ? sql_u64(st, 0) : 0;
        return r;
}

static int insert_follow(struct store *s, const struct follow *f, const struct mesh_row *row, bool words) {
        const struct wire_follow *w = row->record.follow;
        _sql_ st = sql_get(&s->q, SQL_FOLLOW_PUT);
        sql_bind_u64(st, 1, f->n);
        sql_bind_32(st, 2, f->target.b);
        sql_bind_u64(st, 3, f->what);
        sql_bind_u64(st, 4, f->house);
        sql_bind_u64(st, 5, row->record.created);
        sql_bind_u64(st, 6, f->slot);
        sql_bind_u64(st, 7, WIRE_HAS(w, FOLLOW, severity) ? w->severity : 0);
        sql_bind_u64(st, 8, WIRE_HAS(w, FOLLOW, urgency) ? w->urgency : 0);
        sql_bind_u64(st, 9, WIRE_HAS(w, FOLLOW, certainty) ? w->certainty : 0);
        sql_bind_u64(st, 10, WIRE_HAS(w, FOLLOW, expires) ? w->expires : 0);
        sql_bind_u64(st, 11, words ? f->n : 0);
        return sql_run(&s->q, st);
}

/* Text of a change to an alert that was taken back is not kept. */
static int put_text(struct store *s, const struct follow *f, const struct mesh_row *row, bool *ret_words) {
        const struct wire_follow *w = row->record.follow;
        bool wanted = WIRE_HAS(w, FOLLOW, text) && w->text.n, retracted = false;
        mesh_wall when;
        int r = wanted && is_change(f->what) ? alert_retracted(s, &f->target, f->house, 0, &retracted, &when) : 0;
        *ret_words = wanted && !retracted;
        if (r || !*ret_words)
                return r;
        return alert_words(s, f->n, w->text, SPAN_NONE);
}

static int count(struct store *s, uint64_t n, int64_t confirms, int64_t disputes, int64_t comments) {
        _sql_ st = sql_get(&s->q, SQL_ALERT_COUNT);
        sql_bind_u64(st, 1, n);
        sql_bind_i64(st, 2, confirms);
        sql_bind_i64(st, 3, disputes);
        sql_bind_i64(st, 4, comments);
        return sql_run(&s->q, st);
}

/* Moves a household's one vote from @before to what it is now. */
static int count_vote(struct store *s, const struct follow *f, uint64_t n, uint64_t before, uint8_t *ret_happening) {
        uint64_t after;
        int r = vote_of(s, f, &after);
        if (r || before == after)
                return r;
        if (after)
                *ret_happening = after == RECORD_CONFIRM ? HAPPENING_CONFIRMED : HAPPENING_DISPUTED;
        return count(s, n, (after == RECORD_CONFIRM) - (before == RECORD_CONFIRM),
                     (after == RECORD_DISPUTE) - (before == RECORD_DISPUTE), 0);
}

/* @f was put (@step 1) or taken away (@step -1): brings the alert's row up to date, if the alert is here. */
static int show(struct store *s, const struct follow *f, uint64_t vote_before, int step) {
        struct alert_ref a;
        bool found;
        uint8_t happening = 0;
        int r = alert_find(s, &f->target, &a, &found);
        if (r || !found)
                return r;
        if (f->what == RECORD_COMMENT) {
                happening = step > 0 ? HAPPENING_COMMENTED : 0;
                r = count(s, a.n, 0, 0, step);
        } else if (is_vote(f->what) && f->house != a.house) {
                r = count_vote(s, f, a.n, vote_before, &happening);
        } else if (is_change(f->what) && f->house == a.house) {
                r = alert_derive(s, a.n, &happening);
        }
        if (r || !happening || a.state == STATE_RETRACTED)
                return r;
        return alert_event(s, a.n, happening);
}

int follow_put(struct store *s, uint64_t n, const struct head *h, const struct mesh_row *row) {
        struct follow f = {n, h->house, h->type, h->target, slot_of(h)};
        const struct wire_follow *w = row->record.follow;
        if (WIRE_HAS(w, FOLLOW, target) && w->target.n == sizeof(f.target.b))
                memcpy(f.target.b, w->target.p, sizeof(f.target.b));

        uint64_t vote = 0;
        bool words = false;
        int r = is_vote(f.what) ? vote_of(s, &f, &vote) : 0;
        if (!r)
                r = put_text(s, &f, row, &words);
        if (!r)
                r = insert_follow(s, &f, row, words);
        return r ? r : show(s, &f, vote, 1);
}

static int read_follow(struct store *s, struct follow *f, bool *ret_found) {
        _sql_ st = sql_get(&s->q, SQL_FOLLOW_GET);
        sql_bind_u64(st, 1, f->n);
        int r = sql_next(&s->q, st, ret_found);
        if (r || !*ret_found)
                return r;
        f->what = sql_u64(st, 1);
        return sql_blob(st, 0, f->target.b, sizeof(f->target.b)) ? 0 : STORE_E_DAMAGED;
}

int follow_drop(struct store *s, uint64_t n, uint64_t house) {
        struct follow f = {.n = n, .house = house};
        bool found;
        int r = read_follow(s, &f, &found);
        if (r || !found)
                return r;
        uint64_t vote = 0;
        r = is_vote(f.what) ? vote_of(s, &f, &vote) : 0;
        if (r)
                return r;
        {
                _sql_ st = sql_get(&s->q, SQL_FOLLOW_DEL);
                sql_bind_u64(st, 1, n);
                r = sql_run(&s->q, st);
        }
        return r ? r : show(s, &f, vote, -1);
}
