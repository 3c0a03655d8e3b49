/* SPDX-License-Identifier: Apache-2.0 */
#include "store/schema.h"

#include "base/err.h"
#include "store/inside.h"
#include "store/log.h"
#include "store/pages.h"

#define APPLICATION_ID 1346586700 /* "PCHL" */
#define VERSION_TEXT_MAX 128

/*
 * key     households' and devices' public keys, once each
 * record  what RESTORE needs, and nothing else: a start reads these pages only, and packed, because reading a column costs
 *         SQLite more than reading its bytes (100,000 records: 20 ms instead of 42). No number is given twice while a row of
 *         body or words has it: those outlive a record that is purged before older ones
 * retraction  who takes back what, whether it is here or not; a record that a proof voids takes itself back
 * body    the signed bytes, by the record's number, and their sum (sum.c)
 * words   text and clips in plain, by the record's number. Rows of body and words are appended, overwritten with zeros in
 *         place, and deleted from the oldest end only, some pages behind the oldest in use: SQLite never moves one that is in
 *         use, so that no forgotten copy of a text stays in the gap of some page
 * alert   the nearby index: as posted (…0), and as it stands with all that followed. place is the cell with its leading
 *         bit, so that blocks and areas don't collide; last is when it was last in force or changed; words is the record
 *         whose text is shown
 * follow  what followed an alert that may not have arrived yet
 */
static const char version_1[] =
        "CREATE TABLE value (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
        "CREATE TABLE mark (one INTEGER PRIMARY KEY, wall INTEGER NOT NULL) STRICT;"
        "CREATE TABLE joining (one INTEGER PRIMARY KEY, op BLOB NOT NULL, ticket BLOB NOT NULL) STRICT;"
        "CREATE TABLE op (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL) STRICT;"
        "CREATE TABLE epoch (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, header BLOB NOT NULL, has_key INTEGER NOT "
        "NULL,"
        " key BLOB NOT NULL, day INTEGER NOT NULL, link_key BLOB NOT NULL, since INTEGER NOT NULL) STRICT;"
        "CREATE TABLE revoke (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, expires INTEGER NOT NULL, bytes BLOB NOT "
        "NULL) STRICT;"
        "CREATE TABLE ticket (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, text BLOB NOT NULL, label BLOB NOT NULL,"
        " revoked INTEGER NOT NULL) STRICT;"
        "CREATE TABLE contact (n INTEGER PRIMARY KEY, device BLOB NOT NULL UNIQUE, seq INTEGER NOT NULL,"
        " bytes BLOB NOT NULL) STRICT;"
        "CREATE TABLE addr (n INTEGER PRIMARY KEY, ip BLOB NOT NULL, port INTEGER NOT NULL, scope INTEGER NOT NULL,"
        " device BLOB NOT NULL, manual INTEGER NOT NULL, UNIQUE (ip, port, scope)) STRICT;"

        "CREATE TABLE key (n INTEGER PRIMARY KEY, b BLOB NOT NULL UNIQUE) STRICT;"
        "CREATE TABLE record (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, expires INTEGER NOT NULL,"
        " head BLOB NOT NULL) STRICT;"
        "CREATE INDEX record_expires ON record (expires);"
        "CREATE TABLE retraction (n INTEGER PRIMARY KEY, target BLOB NOT NULL, house INTEGER NOT NULL,"
        " created INTEGER NOT NULL) STRICT;"
        "CREATE INDEX retraction_target ON retraction (target, house, created);"
        "CREATE TABLE body (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
        "CREATE TABLE words (n INTEGER PRIMARY KEY, text BLOB NOT NULL, clips BLOB NOT NULL) STRICT;"

        "CREATE TABLE alert (n INTEGER PRIMARY KEY, device INTEGER NOT NULL, house INTEGER NOT NULL,"
        " place INTEGER NOT NULL, kind INTEGER NOT NULL,"
        " doing INTEGER NOT NULL, category INTEGER NOT NULL, status INTEGER NOT NULL, created INTEGER NOT NULL,"
        " severity0 INTEGER NOT NULL, urgency0 INTEGER NOT NULL, certainty0 INTEGER NOT NULL, expires0 INTEGER NOT "
        "NULL,"
        " words0 INTEGER NOT NULL, severity INTEGER NOT NULL, urgency INTEGER NOT NULL, certainty INTEGER NOT NULL,"
        " expires INTEGER NOT NULL, state INTEGER NOT NULL, updated INTEGER NOT NULL, words INTEGER NOT NULL,"
        " confirms INTEGER NOT NULL, disputes INTEGER NOT NULL, comments INTEGER NOT NULL, last INTEGER NOT NULL) "
        "STRICT;"
        "CREATE INDEX alert_place ON alert (place, last);"
        "CREATE INDEX alert_last ON alert (last);"
        "CREATE INDEX alert_due ON alert (expires) WHERE state <= 2;"
        "CREATE TABLE follow (n INTEGER PRIMARY KEY, target BLOB NOT NULL, what INTEGER NOT NULL, house INTEGER NOT "
        "NULL,"
        " created INTEGER NOT NULL, slot INTEGER NOT NULL, severity INTEGER NOT NULL, urgency INTEGER NOT NULL,"
        " certainty INTEGER NOT NULL, expires INTEGER NOT NULL, words INTEGER NOT NULL) STRICT;"
        "CREATE INDEX follow_target ON follow (target, house, created);"
        "CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, what INTEGER NOT NULL, alert INTEGER NOT NULL) "
        "STRICT;"
        "CREATE INDEX event_alert ON event (alert);";

static const char version_2[] =
        "CREATE TABLE proof (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, expires INTEGER NOT NULL, bytes BLOB NOT "
        "NULL) STRICT;";

/* What proves a group key (PROTOCOL 7.7). Keys that were kept before cannot be proved any more; the core puts new ones in
 * their place and goes on with the link keys. */
static const char version_3[] = "ALTER TABLE epoch ADD COLUMN tree_left BLOB NOT NULL DEFAULT x'';";

static const char version_4[] = "ALTER TABLE body ADD COLUMN sum BLOB;";

/* Device codes signed here. */
static const char version_5[] = "CREATE TABLE code (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, share INTEGER NOT "
                                "NULL, made INTEGER NOT NULL,"
                                " expires INTEGER NOT NULL, revoked INTEGER NOT NULL) STRICT;";

/* A record that came before its key is marked as such, with the epoch, so that it is opened when the key comes. Earlier
 * versions never did that: what they could not read is marked without an epoch, and tried at the next start. Of the head,
 * byte 23 is the type (all but retractions), 25 the flags (RECORD_BODY, not RECORD_WIPED, RECORD_READ or RECORD_VOID). */
static const char version_6[] = "UPDATE record SET head = CAST(head || zeroblob(16) AS BLOB) WHERE length(head) = 25 "
                                "AND substr(head, 23, 1) BETWEEN x'01' AND x'06' "
                                "AND substr(head, 25, 1) BETWEEN x'20' AND x'27';";

/* Bodies of before version 4 have none, and nobody knows whether they are whole: from here on they stay what they are. A new
 * table, since rows that grow in place move, and leave copies of themselves in gaps of pages. */
static const char version_7[] =
        "CREATE TABLE summed (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL, sum BLOB NOT NULL) STRICT;"
        "INSERT INTO summed SELECT n, bytes, ifnull(sum, sum_of(n, bytes)) FROM body ORDER BY n;"
        "DROP TABLE body;"
        "ALTER TABLE summed RENAME TO body;";

/* Pages have sums (pages.h): a copy that this program makes has them. */
static const char version_8[] = "";

/* The slots this device has used, told a second time (slots.c). */
static const char version_9[] = "INSERT INTO value SELECT '" SLOTS_NAME "', slots_of(head) FROM record;";

/* Clips taken in here, each once; of one that was destroyed the row stays, with zeros where it had more than its name and
 * place. Bytes are overwritten and never deleted, as those of body are, and for its reasons. */
static const char version_10[] =
        "CREATE TABLE clip (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, seq INTEGER NOT NULL, manifest BLOB NOT "
        "NULL, sealed BLOB NOT NULL, camera BLOB NOT NULL, flags INTEGER NOT NULL) STRICT;";

/* What notices and asks are looked for by; an ask's reason is among the words. */
static const char version_11[] =
        "CREATE TABLE ask (n INTEGER PRIMARY KEY, house INTEGER NOT NULL, place INTEGER NOT NULL, radius INTEGER NOT "
        "NULL,"
        " start INTEGER NOT NULL, stop INTEGER NOT NULL, created INTEGER NOT NULL, alert BLOB NOT NULL) STRICT;"
        "CREATE INDEX ask_created ON ask (created);"
        "CREATE TABLE notice (n INTEGER PRIMARY KEY, house INTEGER NOT NULL, place INTEGER NOT NULL, start INTEGER NOT "
        "NULL,"
        " stop INTEGER NOT NULL, created INTEGER NOT NULL, clip BLOB NOT NULL, alert BLOB NOT NULL) STRICT;"
        "CREATE INDEX notice_alert ON notice (alert, created);";

/* What was signed about clips and goes from home to home. A row is overwritten before it is deleted. */
static const char version_12[] =
        "CREATE TABLE paper (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, what INTEGER NOT NULL, house BLOB NOT "
        "NULL, about BLOB NOT NULL, expires INTEGER NOT NULL, state INTEGER NOT NULL, bytes BLOB NOT NULL, more BLOB "
        "NOT NULL) STRICT;";

/* Flags of a clip change from now on, and take one byte whatever they say (clips.c): a row that grows moves, and leaves a
 * copy of its sealed key in a gap of its page. */
static const char version_13[] = "UPDATE clip SET flags = flags | 64;";

/* Clips that alerts of this household name (named.c), of alerts that are here: byte 25 of a head is odd where the record
 * is this household's (RECORD_MINE), state 4 is taken back, status 1 no exercise. */
static const char version_14[] =
        "CREATE TABLE named (n INTEGER PRIMARY KEY, clip BLOB NOT NULL, alert BLOB NOT NULL, kind INTEGER NOT NULL,"
        " created INTEGER NOT NULL, UNIQUE (clip, alert)) STRICT;"
        "CREATE INDEX named_alert ON named (alert);"
        "INSERT INTO named (clip, alert, kind, created) "
        "SELECT substr(w.clips, 1 + 32 * i.column1, 32), r.id, iif(a.status = 1, a.kind, 0), a.created "
        "FROM alert a JOIN record r ON r.n = a.n JOIN words w ON w.n = a.n "
        "JOIN (VALUES (0), (1), (2)) i ON length(w.clips) >= 32 * (i.column1 + 1) "
        "WHERE a.state <> 4 AND instr('13579BDF', substr(hex(substr(r.head, 25, 1)), 2, 1)) > 0 ORDER BY a.n;";

static const char *const steps[] = {version_1, version_2, version_3,  version_4,  version_5,  version_6,  version_7,
                                    version_8, version_9, version_10, version_11, version_12, version_13, version_14};
const struct schema schema_current = {steps, ARRAY_LEN(steps)};

/* Writes all that leads from version @from to the present one into the file FILE_NEW, and makes it a WAL file. */
static int build(const char *dir, const struct schema *schema, size_t from) {
        _path_ path = file_path(dir, FILE_NEW, "");
        if (!path)
                return ERR_NOMEM;
        struct sql q = {0};
        int r = sql_open(&q, path, SQL_WRITER);
        if (!r)
                r = sum_prepare(&q);
        if (!r)
                r = slots_prepare(&q);
        if (!r)
                r = sql_exec(&q, "BEGIN");
        for (size_t i = from; !r && i < schema->n; i++)
                r = sql_exec(&q, schema->steps[i]);
        char version[VERSION_TEXT_MAX];
        sqlite3_snprintf(sizeof(version), version, "PRAGMA application_id=%d; PRAGMA user_version=%u; COMMIT",
                         APPLICATION_ID, (unsigned)schema->n);
        if (!r)
                r = sql_exec(&q, version);
        if (!r)
                r = sql_exec(&q, "PRAGMA journal_mode=WAL");
        int64_t wal = 0;
        if (!r)
                r = sql_number(&q, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &wal);
        sql_close(&q);
        if (!r && !wal)
                r = STORE_E_ACCESS; /* a file system that cannot share memory between processes */
        return r;
}

int schema_make(const char *dir, const struct schema *schema) {
        _path_ path = file_path(dir, FILE_NEW, "");
        if (!path)
                return ERR_NOMEM;
        int r = file_create(path);
        return r ? r : build(dir, schema, 0);
}

static int create(const char *dir, const struct schema *schema) {
        _path_ wal = file_path(dir, FILE_DB, "-wal");
        if (!wal)
                return ERR_NOMEM;
        /* A log without its database: somebody lost the better half. A new file beside it would swallow the log. */
        uint64_t size = 0;
        int r = file_check(wal, &size);
        if (r && r != STORE_E_NONE)
                return r;
        if (!r && size)
                return STORE_E_DAMAGED;
        r = file_remove(dir, FILE_DB);
        if (!r)
                r = schema_make(dir, schema);
        return r ? r : file_publish(dir, FILE_NEW, FILE_DB);
}

/* Copies the open store into FILE_NEW, without its free pages. */
static int copy(struct sql *q, const char *dir) {
        _path_ path = file_path(dir, FILE_NEW, "");
        if (!path)
                return ERR_NOMEM;
        int r = file_create(path);
        if (r)
                return r;
        char *text = sqlite3_mprintf("VACUUM INTO %Q", path);
        if (!text)
                return ERR_NOMEM;
        r = sql_exec(q, text);
        sqlite3_free(text);
        return r;
}

static int version_of(struct sql *q, const struct schema *schema, size_t *ret) {
        int64_t application = 0, version = 0;
        int r = sql_number(q, "PRAGMA application_id", &application);
        if (!r)
                r = sql_number(q, "PRAGMA user_version", &version);
        if (r)
                return r;
        if (application != APPLICATION_ID || version < 1)
                return STORE_E_DAMAGED;
        if ((uint64_t)version > schema->n)
                return STORE_E_NEWER;
        *ret = (size_t)version;
        return 0;
}

int schema_check(struct sql *q, const struct schema *schema) {
        size_t version;
        int r = version_of(q, schema, &version);
        if (r)
                return r;
        return version == schema->n && pages_summed(q->db) ? 0 : STORE_E_DAMAGED;
}

/* Leaves the file alone unless it is a whole store of an older version; then its copy takes its place. */
static int migrate(const char *dir, const char *path, const struct schema *schema) {
        struct sql q = {0};
        size_t version = 0;
        bool older = false;
        int r = sql_open(&q, path, SQL_WRITER);
        if (!r) {
                sqlite3_db_config(q.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
                r = version_of(&q, schema, &version);
        }
        if (!r && version < schema->n) {
                older = true;
                r = copy(&q, dir);
        }
        if (!r && older)
                r = build(dir, schema, version);
        if (!r && older)
                r = sql_empty_log(&q); /* the copy must not find the old one's log */
        sql_close(&q);
        if (r || !older)
                return r;
        _path_ wal = file_path(dir, FILE_DB, "-wal");
        if (!wal)
                return ERR_NOMEM;
        uint64_t size = 0;
        r = file_check(wal, &size);
        if (r && r != STORE_E_NONE)
                return r;
        if (!r && size)
                return STORE_E_SHARED;
        return file_publish(dir, FILE_NEW, FILE_DB);
}

int schema_settle(const char *dir, const struct schema *schema) {
        _path_ path = file_path(dir, FILE_DB, "");
        _path_ log = file_path(dir, FILE_DB, "-wal");
        if (!path || !log)
                return ERR_NOMEM;
        uint64_t size = 0;
        int r = salvage_settle(dir);
        if (!r)
                r = file_remove(dir, FILE_NEW);
        if (r)
                return r;
        r = file_check(path, &size);
        if (r == STORE_E_NONE)
                return create(dir, schema);
        if (r)
                return r;
        if (!size)
                return STORE_E_DAMAGED;
        r = log_mend(log);
        return r ? r : migrate(dir, path, schema);
}
