/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store with pages that nobody can read any more: what is whole goes into a new one, and what is lost neighbours bring.
 *
 * SQLite stops at the first damaged page, and with an inner page it loses the way to all behind it. So the pages are read one
 * by one (image.h), without it. Which table's rows a page has the trees say, as far as they lead; of a page that they do not
 * lead to any more the rows do, where only one table has rows that look so. They are put into the new store in the order of
 * their numbers, as they once came, so that no forgotten copy of a text is left in a gap of a page (schema.c).
 *
 * Of what belongs to one record rows may be lost and others not. A record is kept if all of it is there; else none of it is,
 * and it counts as not held: neighbours bring it again, in one piece. What follows from many rows (counts, states) is made
 * anew. What nobody brings again is in few rows: without the operation that founded the mesh nothing is kept.
 *
 * The new store is made under one name, gets a second one when it is whole and on the disk, and only then the old one's log
 * is removed and its name taken. From the second name on a start goes on with that (salvage_settle()), before it throws away.
 */
#include "base/array.h"
#include "base/err.h"
#include "store/inside.h"
#include "store/leaf.h"
#include "store/schema.h"

#include <stdlib.h>
#include <unistd.h>

#define DEPTH_MAX 16
#define PLACES_FIRST 64
#define VERSION_AT 60 /* where page 1 says it: fileformat2.html, section 1.3 */
#define OP_LEAST 97   /* bytes: what clips never have, and an operation always */
#define CLIPS_MOST 96
#define EVENTS_AHEAD 1000000 /* what no home's events come to while one page of them is lost */

/* ---- what rows look like ---- */

static bool is_op(const struct leaf_row *row) {
        return row->values[2].bytes.n >= OP_LEAST;
}

/* Where an operation that is stored has its id, one has none or all of an operation. */
static bool is_joining(const struct leaf_row *row) {
        size_t n = row->values[1].bytes.n;
        return row->n == 1 && row->values[2].bytes.n > CLIPS_MOST && (!n || n >= OP_LEAST);
}

static bool is_words(const struct leaf_row *row) {
        return row->values[2].bytes.n <= CLIPS_MOST && row->values[2].bytes.n % sizeof(struct hash) == 0;
}

static bool is_record(const struct leaf_row *row) {
        struct head h;
        return head_unpack(row->values[3].bytes, &h);
}

static bool is_message(const struct leaf_row *row) {
        return row->values[3].bytes.n > HEAD_BYTES_MAX;
}

/* The columns: n the row's number, i another number, b bytes, of them k 32, h 16 and s 8, t text. What belongs to a record
 * stands behind the records. */
static const struct source {
        const char *tree;
        enum leaf_kind kind;
        const char *columns;
        size_t least; /* columns that rows of before have */
        bool (*fits)(const struct leaf_row *row);
        const char *put;
} sources[] = {
        {"value", LEAF_ENTRIES, "tb", 2, NULL, "INSERT OR IGNORE INTO value VALUES (?1, ?2)"},
        {"mark", LEAF_ROWS, "ni", 2, NULL, "INSERT OR IGNORE INTO mark VALUES (?1, ?2)"},
        {"joining", LEAF_ROWS, "nbb", 3, is_joining, "INSERT OR IGNORE INTO joining VALUES (?1, ?2, ?3)"},
        {"op", LEAF_ROWS, "nkb", 3, is_op, "INSERT OR IGNORE INTO op VALUES (?1, ?2, ?3)"},
        {"epoch", LEAF_ROWS, "nhbikikib", 8, NULL,
         "INSERT OR IGNORE INTO epoch VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ifnull(?9, x''))"},
        {"revoke", LEAF_ROWS, "nkib", 4, is_message, "INSERT OR IGNORE INTO revoke VALUES (?1, ?2, ?3, ?4)"},
        {"proof", LEAF_ROWS, "nkib", 4, is_message, "INSERT OR IGNORE INTO proof VALUES (?1, ?2, ?3, ?4)"},
        {"contact", LEAF_ROWS, "nkib", 4, is_message, "INSERT OR IGNORE INTO contact VALUES (?1, ?2, ?3, ?4)"},
        {"ticket", LEAF_ROWS, "nkbbi", 5, NULL, "INSERT OR IGNORE INTO ticket VALUES (?1, ?2, ?3, ?4, ?5)"},
        {"code", LEAF_ROWS, "nkiiii", 6, NULL, "INSERT OR IGNORE INTO code VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
        {"clip", LEAF_ROWS, "nkibbbi", 7, NULL, "INSERT OR IGNORE INTO clip VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
        {"paper", LEAF_ROWS, "nkikkiibb", 9, NULL,
         "INSERT OR IGNORE INTO paper VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
        {"named", LEAF_ROWS, "nkkii", 5, NULL, "INSERT OR IGNORE INTO named VALUES (?1, ?2, ?3, ?4, ?5)"},
        {"addr", LEAF_ROWS, "nhiiki", 6, NULL, "INSERT OR IGNORE INTO addr VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
        {"key", LEAF_ROWS, "nk", 2, NULL, "INSERT OR IGNORE INTO key VALUES (?1, ?2)"},
        {"sqlite_autoindex_key_1", LEAF_ENTRIES, "ki", 2, NULL, "INSERT OR IGNORE INTO key (b, n) VALUES (?1, ?2)"},
        {"record", LEAF_ROWS, "nkib", 4, is_record, "INSERT OR IGNORE INTO record VALUES (?1, ?2, ?3, ?4)"},
        {"retraction", LEAF_ROWS, "nkii", 4, NULL, "INSERT OR IGNORE INTO retraction VALUES (?1, ?2, ?3, ?4)"},
        {"body", LEAF_ROWS, "nbs", 3, NULL,
         "INSERT OR IGNORE INTO body SELECT ?1, ?2, ?3 WHERE ?1 IN (SELECT n FROM record)"},
        {"words", LEAF_ROWS, "nbb", 3, is_words,
         "INSERT OR IGNORE INTO words SELECT ?1, ?2, ?3 WHERE ?1 IN (SELECT n FROM record)"},
        {"alert", LEAF_ROWS, "niiiiiiiiiiiiiiiiiiiiiiii", 25, NULL,
         "INSERT OR IGNORE INTO alert VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "
         "?17, "
         "?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)"},
        {"follow", LEAF_ROWS, "nkiiiiiiiii", 11, NULL,
         "INSERT OR IGNORE INTO follow VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"},
        {"ask", LEAF_ROWS, "niiiiiib", 8, NULL, "INSERT OR IGNORE INTO ask VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
        {"notice", LEAF_ROWS, "niiiiikb", 8, NULL,
         "INSERT OR IGNORE INTO notice VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
        {"event", LEAF_ROWS, "nii", 3, NULL, "INSERT OR IGNORE INTO event VALUES (?1, ?2, ?3)"},
        {"sqlite_sequence", LEAF_ROWS, "ti", 2, NULL, "INSERT INTO sqlite_sequence VALUES (?1, ?2)"},
};
#define SEQUENCE (ARRAY_LEN(sources) - 1)
#define SCHEMA ARRAY_LEN(sources) /* the tree that says where the others begin */
#define NOWHERE UINT8_MAX

static bool value_fits(char column, const struct leaf_value *v) {
        switch (column) {
        case 'n':
                return v->type == LEAF_NULL;
        case 'i':
                return v->type == LEAF_INTEGER;
        case 'k':
                return v->type == LEAF_BLOB && v->bytes.n == 32;
        case 'h':
                return v->type == LEAF_BLOB && v->bytes.n == 16;
        case 's':
                return v->type == LEAF_BLOB && v->bytes.n == SUM_BYTES;
        case 't':
                return v->type == LEAF_TEXT;
        default: /* not an enumeration: b */
                return v->type == LEAF_BLOB;
        }
}

/* What it looks like; whose it is where trees lead to it is known. */
static bool row_fits(const struct source *source, const struct leaf_row *row) {
        if (row->n_values < source->least || row->n_values > strlen(source->columns))
                return false;
        for (size_t i = 0; i < row->n_values; i++)
                if (!value_fits(source->columns[i], &row->values[i]))
                        return false;
        return true;
}

/* ---- whose pages are whose ---- */

struct place {
        uint8_t source;
        int64_t first; /* the number of its first row */
        uint32_t page;
};

struct salvage {
        const char *dir;
        struct image *image;
        uint8_t *owner; /* of each page: its source, or NOWHERE */
        struct place *places;
        size_t n, cap;
        struct leaf_row row;
        bool counted; /* the number of the last event is known */
        struct store to;
        struct store_salvage found;
        int error;
};

static void add_place(struct salvage *s, uint32_t number, const uint8_t page[PAGE_BYTES], size_t source) {
        struct place *places = array_room(s->places, s->n, &s->cap, sizeof(*places), PLACES_FIRST);
        if (!places) {
                s->error = ERR_NOMEM;
                return;
        }
        s->places = places;
        bool any = leaf_row(s->image, page, number, 0, &s->row);
        s->places[s->n++] = (struct place){(uint8_t)source, any ? s->row.n : 0, number};
}

static void walk(struct salvage *s, uint32_t number, size_t source, unsigned depth);

/* A row of the schema: type, name, table, where it begins; and a text, which an index that SQLite has made lacks. */
static void walk_root(struct salvage *s, const struct leaf_row *row) {
        static const struct source schema = {.columns = "ttti", .least = 4};
        struct leaf_row copy = *row;
        copy.n_values = MIN(copy.n_values, 4);
        size_t source = 0;
        while (source < SCHEMA && !span_eq(row->values[1].bytes, span_str(sources[source].tree)))
                source++;
        if (source < SCHEMA && row_fits(&schema, &copy) && row->values[3].integer > 0)
                walk(s, (uint32_t)MIN(row->values[3].integer, UINT32_MAX), source, 0);
}

static void walk_leaf(struct salvage *s, uint32_t number, const uint8_t page[PAGE_BYTES], size_t source) {
        if (source != SCHEMA) {
                add_place(s, number, page, source);
                return;
        }
        for (uint32_t i = 0; i < leaf_cells(page, number); i++)
                if (leaf_row(s->image, page, number, i, &s->row))
                        walk_root(s, &s->row);
}

static void walk(struct salvage *s, uint32_t number, size_t source, unsigned depth) {
        uint8_t page[PAGE_BYTES];
        if (s->error || depth > DEPTH_MAX || number < 1 || number > image_pages(s->image) ||
            s->owner[number] != NOWHERE || !image_page(s->image, number, page))
                return;
        enum leaf_kind kind = leaf_kind(page, number), wanted = source == SCHEMA ? LEAF_ROWS : sources[source].kind;
        bool inner = kind == (wanted == LEAF_ROWS ? LEAF_INNER_ROWS : LEAF_INNER_ENTRIES);
        if (kind != wanted && !inner)
                return;
        s->owner[number] = (uint8_t)source;
        if (kind != LEAF_INNER_ROWS)
                walk_leaf(s, number, page, source);
        for (uint32_t i = 0; inner && i <= leaf_cells(page, number); i++)
                walk(s, leaf_child(page, number, i), source, depth + 1);
}

/* ---- pages that no tree leads to any more ---- */

static bool page_fits(struct salvage *s, uint32_t number, const uint8_t page[PAGE_BYTES], const struct source *source) {
        uint32_t n = leaf_cells(page, number), fit = 0;
        for (uint32_t i = 0; i < n && leaf_row(s->image, page, number, i, &s->row); i++)
                fit += row_fits(source, &s->row) && (!source->fits || source->fits(&s->row));
        return n && fit == n;
}

/* Of indexes only the one that holds keys: what the others say is in their rows. */
static void adopt(struct salvage *s, uint32_t number) {
        uint8_t page[PAGE_BYTES];
        size_t fit = 0, which = 0;
        if (!image_page(s->image, number, page)) {
                s->found.damaged++;
                return;
        }
        if (s->owner[number] != NOWHERE)
                return;
        for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
                bool named = sources[i].columns[0] != 'k' && sources[i].kind == leaf_kind(page, number);
                if (named && page_fits(s, number, page, &sources[i])) {
                        fit++;
                        which = i;
                }
        }
        if (fit == 1)
                add_place(s, number, page, which);
}

static int compare(const void *x, const void *y) {
        const struct place *a = x, *b = y;
        if (a->source != b->source)
                return a->source < b->source ? -1 : 1;
        if (a->first != b->first)
                return a->first < b->first ? -1 : 1;
        return a->page < b->page ? -1 : a->page > b->page;
}

static int find_places(struct salvage *s) {
        s->found.pages = image_pages(s->image);
        s->owner = malloc((size_t)s->found.pages + 1);
        if (!s->owner)
                return ERR_NOMEM;
        memset(s->owner, NOWHERE, (size_t)s->found.pages + 1);
        walk(s, 1, SCHEMA, 0);
        for (uint32_t number = 1; !s->error && number <= s->found.pages; number++)
                adopt(s, number);
        if (s->n)
                qsort(s->places, s->n, sizeof(*s->places), compare);
        return s->error;
}

/* ---- into the new store ---- */

static int put_row(struct salvage *s, const struct place *place, sqlite3_stmt *st) {
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
        for (size_t i = 0; i < s->row.n_values; i++) {
                const struct leaf_value *v = &s->row.values[i];
                const char *text = (const char *)v->bytes.p;
                int column = (int)i + 1;
                if (v->type == LEAF_NULL)
                        sql_bind_i64(st, column, s->row.n);
                else if (v->type == LEAF_INTEGER)
                        sql_bind_i64(st, column, v->integer);
                else if (v->type == LEAF_TEXT)
                        sqlite3_bind_text(st, column, text, (int)v->bytes.n, SQLITE_STATIC);
                else
                        sql_bind_span(st, column, v->bytes);
        }
        s->counted |= place->source == SEQUENCE;
        return sql_run(&s->to.q, st);
}

static int put_page(struct salvage *s, const struct place *place, sqlite3_stmt *st) {
        uint8_t page[PAGE_BYTES];
        int r = image_page(s->image, place->page, page) ? 0 : STORE_E_DAMAGED;
        for (uint32_t i = 0; !r && i < leaf_cells(page, place->page); i++)
                if (leaf_row(s->image, page, place->page, i, &s->row) && row_fits(&sources[place->source], &s->row))
                        r = put_row(s, place, st);
        return r;
}

/* All pages of one source from place @i on, in one transaction. */
static int put_source(struct salvage *s, size_t *i) {
        sqlite3_stmt *st = NULL;
        uint8_t source = s->places[*i].source;
        int rc = sqlite3_prepare_v2(s->to.q.db, sources[source].put, -1, &st, NULL);
        int r = rc ? sql_error(s->to.q.db, rc) : sql_exec(&s->to.q, "BEGIN");
        for (; !r && *i < s->n && s->places[*i].source == source; ++*i)
                r = put_page(s, &s->places[*i], st);
        sqlite3_finalize(st);
        return r ? r : sql_exec(&s->to.q, "COMMIT");
}

/* ---- what belongs together ---- */

static struct span argument(sqlite3_value *v) {
        const void *p = sqlite3_value_blob(v);
        return p ? span_of(p, (size_t)sqlite3_value_bytes(v)) : SPAN_NONE;
}

/* is_whole(n, head, body, sum, whether it has an alert, a follow-up, ask or notice, a retraction) */
static void is_whole(sqlite3_context *call, _unused_ int n, sqlite3_value **args) {
        struct head h = {0};
        bool good = head_unpack(argument(args[1]), &h), wiped = h.flags & RECORD_WIPED, read = h.flags & RECORD_READ;
        uint64_t number = (uint64_t)sqlite3_value_int64(args[0]);
        if (h.flags & RECORD_BODY && !wiped)
                good &= sum_fits(number, argument(args[2]), argument(args[3]));
        if (read && h.type == RECORD_ALERT)
                good &= sqlite3_value_int(args[4]) != 0;
        if (read && h.type != RECORD_ALERT && !wiped)
                good &= sqlite3_value_int(args[5]) != 0;
        if (h.type == RECORD_RETRACT && !hash_is_zero(&h.target))
                good &= sqlite3_value_int(args[6]) != 0;
        sqlite3_result_int(call, good);
}

/* key_in(head, i): the number of its device, household and signer. */
static void key_in(sqlite3_context *call, _unused_ int n, sqlite3_value **args) {
        struct head h = {0};
        head_unpack(argument(args[0]), &h);
        const uint32_t keys[] = {h.device, h.house, h.signer ? h.signer : h.device};
        sqlite3_result_int64(call, keys[(size_t)sqlite3_value_int(args[1]) % ARRAY_LEN(keys)]);
}

/* is_taken_back(head): and not a retraction, which stays in force where it is void. */
static void is_taken_back(sqlite3_context *call, _unused_ int n, sqlite3_value **args) {
        struct head h = {0};
        bool good = head_unpack(argument(args[0]), &h);
        sqlite3_result_int(call, good && h.flags & RECORD_WIPED && h.type != RECORD_RETRACT);
}

static int make_functions(struct sql *q) {
        static const struct {
                const char *name;
                int args;
                void (*call)(sqlite3_context *, int, sqlite3_value **);
        } functions[] = {{"is_whole", 7, is_whole}, {"key_in", 2, key_in}, {"is_taken_back", 1, is_taken_back}};
        int rc = 0, flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
        for (size_t i = 0; !rc && i < ARRAY_LEN(functions); i++)
                rc = sqlite3_create_function_v2(q->db, functions[i].name, functions[i].args, flags, NULL,
                                                functions[i].call, NULL, NULL, NULL);
        return rc ? sql_error(q->db, rc) : 0;
}

/* Rows of body and words are never taken out of the middle, but made zeros in place: see schema.c. */
static const char *const only_whole[] = {
        "DELETE FROM record WHERE key_in(head, 0) NOT IN (SELECT n FROM key) OR key_in(head, 1) NOT IN (SELECT n FROM "
        "key) "
        "OR key_in(head, 2) NOT IN (SELECT n FROM key)",
        "DELETE FROM record WHERE NOT is_whole(n, head, (SELECT bytes FROM body b WHERE b.n = record.n), "
        "(SELECT sum FROM body b WHERE b.n = record.n), EXISTS (SELECT 1 FROM alert a WHERE a.n = record.n), "
        "EXISTS (SELECT 1 FROM follow f WHERE f.n = record.n) OR EXISTS (SELECT 1 FROM ask a WHERE a.n = record.n) OR "
        "EXISTS (SELECT 1 FROM notice x WHERE x.n = record.n), EXISTS (SELECT 1 FROM retraction x WHERE x.n = "
        "record.n))",
        "DELETE FROM record WHERE NOT is_taken_back(head) AND "
        "(n IN (SELECT n FROM alert WHERE words0 > 0 AND words0 NOT IN (SELECT n FROM words)) "
        "OR n IN (SELECT n FROM follow WHERE words > 0 AND words NOT IN (SELECT n FROM words)) "
        "OR n IN (SELECT n FROM ask WHERE n NOT IN (SELECT n FROM words)))",
        "DELETE FROM alert WHERE n NOT IN (SELECT n FROM record)",
        "DELETE FROM follow WHERE n NOT IN (SELECT n FROM record)",
        "DELETE FROM retraction WHERE n NOT IN (SELECT n FROM record)",
        "DELETE FROM ask WHERE n NOT IN (SELECT n FROM record)",
        "DELETE FROM notice WHERE n NOT IN (SELECT n FROM record)",
        "DELETE FROM event WHERE alert NOT IN (SELECT n FROM alert UNION ALL SELECT n FROM ask)",
        "UPDATE body SET bytes = zeroblob(length(bytes)), sum = zeroblob(length(sum)) WHERE n NOT IN (SELECT n FROM "
        "record)",
        "UPDATE words SET text = zeroblob(length(text)), clips = zeroblob(length(clips)) "
        "WHERE n NOT IN (SELECT n FROM record)",
        "UPDATE alert SET confirms = 0, disputes = 0, comments = 0",
        "DELETE FROM value WHERE name = '" HURT_NAME "'",
};

static int keep_whole(struct salvage *s) {
        struct sql *q = &s->to.q;
        int64_t before = 0, after = 0;
        int r = sql_number(q, "SELECT count(*) FROM record", &before);
        for (size_t i = 0; !r && i < ARRAY_LEN(only_whole); i++)
                r = sql_exec(q, only_whole[i]);
        if (!r)
                r = sql_number(q, "SELECT count(*) FROM record", &after);
        s->found.records = (uint64_t)after;
        s->found.dropped = (uint64_t)(before - after);
        return r;
}

/* Who took a record back may be lost, and when: that it was taken back is still so. It then takes itself back (schema.c),
 * at the time that its alert shows. */
static int stay_taken_back(struct salvage *s) {
        static const char text[] = "INSERT OR IGNORE INTO retraction SELECT n, id, key_in(head, 1), "
                                   "ifnull((SELECT updated FROM alert a WHERE a.n = i.n AND a.state = ?1), ?2) "
                                   "FROM record i WHERE is_taken_back(head) AND NOT EXISTS "
                                   "(SELECT 1 FROM retraction x JOIN record r ON r.n = x.n "
                                   "WHERE x.target = i.id AND x.house = key_in(i.head, 1) AND r.expires = i.expires)";
        sqlite3_stmt *st = NULL;
        int rc = sqlite3_prepare_v2(s->to.q.db, text, -1, &st, NULL);
        if (rc)
                return sql_error(s->to.q.db, rc);
        sql_bind_u64(st, 1, STATE_RETRACTED);
        sql_bind_u64(st, 2, s->to.now);
        int r = sql_run(&s->to.q, st);
        sqlite3_finalize(st);
        return r;
}

/* Numbers of keys have no gaps (restore.c): where one is lost, and with it every record that names it, stands one of nobody. */
static int fill_keys(struct sql *q) {
        int64_t most = 0;
        sqlite3_stmt *st = NULL;
        int r = sql_number(q, "SELECT ifnull(max(n), 0) FROM key", &most);
        int rc = r ? 0 : sqlite3_prepare_v2(q->db, "INSERT OR IGNORE INTO key VALUES (?1, ?2)", -1, &st, NULL);
        if (rc)
                r = sql_error(q->db, rc);
        for (int64_t n = 1; !r && n <= most; n++) {
                struct key nobody = {{0}};
                put_be64(nobody.b, (uint64_t)n);
                sqlite3_reset(st);
                sql_bind_i64(st, 1, n);
                sql_bind_32(st, 2, nobody.b);
                r = sql_run(q, st);
        }
        sqlite3_finalize(st);
        return r;
}

static int recount(struct salvage *s) {
        sqlite3_stmt *st = NULL;
        bool more = true;
        int rc = sqlite3_prepare_v2(s->to.q.db, "SELECT n FROM alert ORDER BY n", -1, &st, NULL);
        int r = rc ? sql_error(s->to.q.db, rc) : 0;
        while (!r && !(r = sql_next(&s->to.q, st, &more)) && more)
                r = alert_recount(&s->to, sql_u64(st, 0));
        sqlite3_finalize(st);
        return r;
}

/* Numbers of events go on, so that none tells of two things. */
static int number_events(struct salvage *s) {
        int64_t last = 0;
        char text[128];
        int r = sql_number(&s->to.q,
                           "SELECT max(ifnull((SELECT max(seq) FROM sqlite_sequence), 0), "
                           "ifnull((SELECT max(seq) FROM event), 0))",
                           &last);
        last += s->counted ? 0 : EVENTS_AHEAD;
        sqlite3_snprintf(sizeof(text), text,
                         "DELETE FROM sqlite_sequence; INSERT INTO sqlite_sequence VALUES ('event', %lld)",
                         (long long)last);
        return r ? r : sql_exec(&s->to.q, text);
}

static int settle_slots(struct salvage *s) {
        struct slots slots = {.missing = false};
        int r = slots_get(&s->to, &slots);
        s->found.slots_lost = slots.missing || r == STORE_E_DAMAGED;
        if (!s->found.slots_lost)
                return r;
        slots_all_used(&slots, (uint32_t)(s->to.now / MESH_DAY));
        return slots_put(&s->to, &slots);
}

/* The first operation that was stored is the one that founded the mesh. */
static int find_founding(struct salvage *s) {
        int64_t there = 0;
        int r = sql_number(&s->to.q, "SELECT count(*) FROM op WHERE n = 1", &there);
        return r || there == 1 ? r : STORE_E_DAMAGED;
}

static int finish(struct salvage *s) {
        int r = find_founding(s);
        if (!r)
                r = sql_exec(&s->to.q, "BEGIN");
        if (!r)
                r = keep_whole(s);
        if (!r)
                r = stay_taken_back(s);
        if (!r)
                r = fill_keys(&s->to.q);
        if (!r)
                r = recount(s);
        if (!r)
                r = settle_slots(s);
        if (!r)
                r = number_events(s);
        return r ? r : sql_exec(&s->to.q, "COMMIT");
}

/* ---- the new store takes the old one's place ---- */

static int fill(struct salvage *s) {
        _path_ path = file_path(s->dir, FILE_NEW, "");
        int r = path ? store_begin(&s->to, path) : ERR_NOMEM;
        if (!r)
                r = make_functions(&s->to.q);
        /* Rows that every store has from the beginning are the old one's. */
        if (!r)
                r = sql_exec(&s->to.q, "DELETE FROM value");
        for (size_t i = 0; !r && i < s->n;)
                r = put_source(s, &i);
        if (!r)
                r = finish(s);
        if (!r)
                r = sql_empty_log(&s->to.q);
        sql_close(&s->to.q);
        return r;
}

/* What an older program may not touch stays as it is. */
static int check_version(struct salvage *s) {
        uint8_t page[PAGE_BYTES];
        bool newer = image_page(s->image, 1, page) && get_be32(page + VERSION_AT) > schema_current.n;
        return newer ? STORE_E_NEWER : 0;
}

static int make_new(struct salvage *s) {
        int r = check_version(s);
        if (!r)
                r = find_places(s);
        if (!r)
                r = file_remove(s->dir, FILE_NEW);
        if (!r)
                r = schema_make(s->dir, &schema_current);
        if (!r)
                r = fill(s);
        return r ? r : file_publish(s->dir, FILE_NEW, FILE_SALVAGED);
}

int salvage_settle(const char *dir) {
        _path_ path = file_path(dir, FILE_SALVAGED, "");
        static const char *const suffixes[] = {"-wal", "-shm"};
        uint64_t size;
        int r = path ? file_check(path, &size) : ERR_NOMEM;
        if (r)
                return r == STORE_E_NONE ? 0 : r;
        for (size_t i = 0; !r && i < ARRAY_LEN(suffixes); i++)
                r = file_unlink(dir, FILE_DB, suffixes[i]);
        if (!r)
                r = file_sync_names(dir); /* the old log must not come back beside the new database */
        return r ? r : file_publish(dir, FILE_SALVAGED, FILE_DB);
}

static int salvage(struct salvage *s) {
        int r = image_open(&s->image, s->dir);
        if (!r)
                r = make_new(s);
        s->image = image_close(s->image);
        if (!r)
                return salvage_settle(s->dir);
        file_remove(s->dir, FILE_NEW); /* else the next start does */
        return r;
}

int store_salvage(const char *dir, mesh_wall now, struct store_salvage *ret) {
        struct salvage s = {.row.bytes = BUF_NULL, .to.now = now, .to.lock = -1};
        char *real = NULL;
        int lock = -1, r = file_dir(dir, &real);
        s.dir = real;
        if (!r)
                r = file_lock(real, &lock);
        if (!r)
                r = salvage(&s);
        if (!r)
                *ret = s.found;
        if (lock >= 0)
                close(lock);
        buf_wipe(&s.row.bytes);
        free(s.owner);
        free(s.places);
        free(real);
        return r;
}
