/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/seen.h"

#include "disk/cut.h"
#include "disk/rng.h"
#include "store/file.h"
#include "unit/store-rows.h"

#include "base/array.h"
#include "base/err.h"

#include <sqlite3.h>
#include <stdlib.h>

#define EVENTS_MOST 100000
#define LATE_ROW 900000 /* the number of a row no scenario has */

struct seeing {
        struct store_reader *reader;
        uint64_t hash;
        struct hash *ids;
        size_t n, cap;
};

static void add(struct seeing *t, const void *p, size_t n) {
        const uint8_t *b = p;
        for (size_t i = 0; i < n; i++)
                t->hash = (t->hash ^ b[i]) * 0x100000001b3u;
        t->hash = (t->hash ^ n) * 0x100000001b3u;
}

static void add_number(struct seeing *t, uint64_t v) {
        add(t, &v, sizeof(v));
}

static void add_span(struct seeing *t, struct span s) {
        add(t, s.p, s.n);
}

static int see_record(struct seeing *t, const struct mesh_row *row) {
        add(t, &row->record.id, sizeof(row->record.id));
        add(t, &row->record.device, sizeof(row->record.device));
        add(t, &row->record.household, sizeof(row->record.household));
        add(t, &row->record.target, sizeof(row->record.target));
        const uint64_t numbers[] = {row->record.created, row->record.expires, row->record.day,   row->record.index,
                                    row->record.type,    row->record.voided,  row->record.sealed};
        add(t, numbers, sizeof(numbers));
        add(t, row->record.epoch, sizeof(row->record.epoch));
        t->ids = array_room(t->ids, t->n, &t->cap, sizeof(*t->ids), 64);
        REQUIRE(t->ids);
        t->ids[t->n++] = row->record.id;
        return 0;
}

static int see_row(void *ctx, const struct mesh_row *row) {
        struct seeing *t = ctx;
        add_number(t, row->kind);
        switch (row->kind) {
        case MESH_ROW_MARK:
                add_number(t, row->mark.wall);
                return 0;
        case MESH_ROW_JOIN:
                add_span(t, row->join.op);
                add_span(t, row->join.ticket);
                return 0;
        case MESH_ROW_OP:
                add(t, &row->op.id, sizeof(row->op.id));
                add_span(t, row->op.bytes);
                return 0;
        case MESH_ROW_EPOCH:
                add(t, row->epoch.id, sizeof(row->epoch.id));
                add_span(t, row->epoch.header);
                add(t, &row->epoch.key, sizeof(row->epoch.key));
                add_number(t, row->epoch.day);
                return 0;
        case MESH_ROW_REVOKE:
                add(t, &row->revoke.id, sizeof(row->revoke.id));
                add_span(t, row->revoke.bytes);
                return 0;
        case MESH_ROW_TICKET:
                add(t, &row->ticket.id, sizeof(row->ticket.id));
                add_span(t, row->ticket.text);
                add_number(t, row->ticket.revoked);
                return 0;
        case MESH_ROW_CONTACT:
                add(t, &row->contact.device, sizeof(row->contact.device));
                add_number(t, row->contact.seq);
                add_span(t, row->contact.bytes);
                return 0;
        case MESH_ROW_ADDR:
                add_number(t, row->addr.addr.port);
                return 0;
        case MESH_ROW_PROOF:
                add(t, &row->proof.id, sizeof(row->proof.id));
                add_span(t, row->proof.bytes);
                return 0;
        case MESH_ROW_RECORD:
                return see_record(t, row);
        case MESH_ROW_CODE:
                add(t, &row->code.id, sizeof(row->code.id));
                add_number(t, row->code.expires);
                add_number(t, row->code.revoked);
                return 0;
        case MESH_ROW_SLOTS:
                add_number(t, row->slots.klass);
                add_number(t, row->slots.day);
                add_number(t, row->slots.next);
                return 0;
        case MESH_ROW_CLIP:
                add(t, &row->clip.id, sizeof(row->clip.id));
                add_number(t, row->clip.seq);
                return 0;
        case MESH_ROW_KINDS:
                break;
        }
        return ERR_BROKEN;
}

static int see_alert(void *ctx, const struct store_alert *a) {
        struct seeing *t = ctx;
        const uint64_t numbers[] = {a->kind,    a->severity, a->urgency, a->certainty, a->state,    a->cell,
                                    a->created, a->updated,  a->expires, a->confirms,  a->disputes, a->comments};
        add(t, &a->id, sizeof(a->id));
        add(t, numbers, sizeof(numbers));
        add_span(t, a->text);
        return 0;
}

static int see_follow(void *ctx, const struct store_follow *f) {
        struct seeing *t = ctx;
        add(t, &f->id, sizeof(f->id));
        add_number(t, f->what);
        add_number(t, f->created);
        add_span(t, f->text);
        return 0;
}

static int see_event(void *ctx, const struct store_event *e) {
        struct seeing *t = ctx;
        add_number(t, e->seq);
        add_number(t, e->event);
        add(t, &e->alert.id, sizeof(e->alert.id));
        return 0;
}

static int see_one(struct seeing *t, const struct hash *id) {
        _clean_(buf_fini) struct buf keep = BUF_NULL;
        struct store_loaded item = {.id = *id};
        int r = store_load(t->reader, &item, 1, &keep);
        if (r)
                return r;
        add_span(t, item.bytes);
        r = store_alert_get(t->reader, id, see_alert, t);
        if (r == STORE_E_NONE)
                return 0;
        return r ? r : store_follows(t->reader, id, see_follow, t);
}

int seen_record(struct store_reader *r, const struct hash *id, uint64_t *ret) {
        struct seeing t = {.hash = 0xcbf29ce484222325u, .reader = r};
        int e = see_one(&t, id);
        *ret = t.hash;
        return e;
}

static int see_settings(struct seeing *t) {
        for (unsigned i = 0; i < SETTINGS; i++) {
                _clean_(buf_fini) struct buf value = BUF_NULL;
                char name[16];
                scenario_setting_name(i, name);
                int r = store_get(t->reader, name, &value);
                if (r && r != STORE_E_NONE)
                        return r;
                add_span(t, span_of(value.p, value.n));
        }
        return 0;
}

int seen_all(struct store *s, uint64_t *ret) {
        struct seeing t = {.hash = 0xcbf29ce484222325u};
        uint64_t last = 0;
        int r = store_restore(s, 0, see_row, &t);
        if (!r)
                r = store_reader_open(&t.reader, PLATTER);
        for (size_t i = 0; !r && i < t.n; i++)
                r = see_one(&t, &t.ids[i]);
        if (!r)
                r = store_events(t.reader, 0, EVENTS_MOST, see_event, &t);
        if (!r)
                r = store_last_seq(t.reader, &last);
        if (!r)
                r = see_settings(&t);
        add_number(&t, last);
        store_reader_close(t.reader);
        free(t.ids);
        if (!r)
                *ret = t.hash;
        return r;
}

const char *seen_unsound(void) {
        static char text[128];
        sqlite3 *db = NULL;
        sqlite3_stmt *st = NULL;
        int rc = pages_register();
        if (!rc)
                rc = sqlite3_open_v2(PLATTER "/" FILE_DB, &db, SQLITE_OPEN_READONLY, PAGES_VFS);
        if (!rc)
                rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL);
        if (!rc)
                rc = sqlite3_step(st);
        bool sound = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
        const char *why = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : sqlite3_errmsg(db);
        sqlite3_snprintf(sizeof(text), text, "%s", why);
        sqlite3_finalize(st);
        sqlite3_close(db);
        return sound ? NULL : text;
}

/* The mark that stands at @p, of @n bytes; -1: none, or parts of several. */
static int mark_at(const uint8_t *p, size_t n) {
        char number[MARK_DIGITS + 1] = "", again[MARK_BYTES + 1];
        if (n < MARK_BYTES)
                return -1;
        memcpy(number, p + strlen(MARK_PREFIX), MARK_DIGITS);
        unsigned mark = (unsigned)strtoul(number, NULL, 16);
        snprintf(again, sizeof(again), MARK, mark, mark);
        return mark < MARKS_MOST && memcmp(p, again, MARK_BYTES) == 0 ? (int)mark : -1;
}

static int find_mark(const struct file *f, const struct scenario *sc, size_t acked) {
        const uint8_t *p = f->p, *end = f->p + f->n;
        for (; (p = memmem(p, (size_t)(end - p), MARK_PREFIX, strlen(MARK_PREFIX))); p++) {
                int mark = mark_at(p, (size_t)(end - p));
                if (mark >= 0 && sc->gone_after[mark] && sc->gone_after[mark] <= acked)
                        return mark;
        }
        return -1;
}

int seen_mark(const struct scenario *sc, size_t acked) {
        int mark = -1;
        for (size_t i = 0; i < platter->n_names && mark < 0; i++)
                if (platter->names[i].file->n)
                        mark = find_mark(platter->names[i].file, sc, acked);
        return mark;
}

struct seen_left seen_after_cut(void) {
        struct seen_left ret = {0};
        struct store *s = NULL;
        ret.error = store_open(&s, PLATTER);
        if (!ret.error)
                ret.error = seen_all(s, &ret.seen);
        if (!ret.error) {
                struct mesh_row row = rows_record(LATE_ROW, 1, RECORD_ALERT, SCENARIO_START);
                ret.error = rows_commit(s, &row, SCENARIO_START);
        }
        store_close(s);
        ret.unsound = ret.error ? NULL : seen_unsound();
        return ret;
}

struct platter *seen_cut_again(struct platter *d, uint64_t *rng) {
        struct store *s = NULL;
        platter_log(d);
        size_t from = d->n_log;
        if (store_open(&s, PLATTER) == 0)
                store_close(s);
        d->logging = false;
        struct cutter *c = cutter_new(d);
        cutter_go(c, from + (size_t)rng_below(rng, d->n_log - from + 1));
        struct platter *ret = cutter_draw(c, rng);
        cutter_free(c);
        platter_free(d);
        platter = ret;
        return ret;
}
