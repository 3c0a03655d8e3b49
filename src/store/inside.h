/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's own files share and nobody else sees. */
#pragma once

#include "store/file.h"
#include "store/sql.h"
#include "store/store.h"

#define KEYS_REMEMBERED 256

/* A record that an index led to the row of another one for. */
struct astray {
        struct hash id;
        uint64_t n; /* that row; 0: none */
};

#define SLOTS_NAME "slots"
struct slots {
        bool missing; /* it stands nowhere */
        uint8_t bytes[CLASS_ASK * 6];
};

struct store {
        struct sql q;
        struct {
                struct key key;
                uint32_t n;      /* its number; 0: none */
        } keys[KEYS_REMEMBERED]; /* lately asked for, by their first byte; forgotten where a transaction fails, with: */
        uint64_t last;           /* number of a record, the highest that was given away; 0: it is asked for */
        struct slots slots;      /* as they stand, or are to stand when the transaction ends */
        bool slots_known, slots_changed;
        char *dir;
        int lock;
        mesh_wall now;     /* of the commit or tick under way */
        bool broken;       /* reading or writing failed: what SQLite has in memory may not be what is on disk */
        bool erase_due;    /* something was erased, and the log still has its old pages */
        bool hurt;         /* pages are damaged: noted for the next start */
        uint64_t scrubbed; /* pages looked at in this round */
        bool incurable;    /* something is damaged that no making of indexes mends */
        unsigned mends;
        struct astray astray; /* the last one that was found in this transaction */
};

struct store_reader {
        struct sql q;
        unsigned seeks; /* that the question under way may still cost */
};

/* head.flags */
enum {
        RECORD_MINE = 1,
        RECORD_OWN = 2,
        RECORD_SENSOR = 4,
        RECORD_WIPED = 8, /* retracted or void: its body is zeros and must never come back */
        RECORD_READ = 16, /* its plaintext was there: it has an alert or follow row, unless retracted */
        RECORD_BODY = 32,
        RECORD_VOID = 64,
};

/* Everything about a record that neither its id nor its expiry tells, packed into record.head. What there is of it besides
 * the first 25 bytes is told by the length: 16 of an epoch, or 32 of a target and maybe 4 of a signer. */
struct head {
        mesh_wall created;
        uint32_t device, house; /* numbers of keys */
        uint32_t day;
        uint16_t index;
        uint8_t type, klass, flags;
        bool sealed;        /* nobody here could read it yet: its key is one of this epoch */
        uint8_t epoch[16];  /* zeros: version 5 did not write down which */
        struct hash target; /* zeros: none, and what is sealed has none */
        uint32_t signer;    /* of a retraction, number of a key; 0: the slot's device */
};
#define HEAD_BYTES_MAX 61
size_t head_pack(const struct head *h, uint8_t ret[HEAD_BYTES_MAX]);
bool head_unpack(struct span bytes, struct head *ret);
bool hash_is_zero(const struct hash *h);

/* Runs @body inside one transaction and rolls back unless it returns 0. Finishes erasures afterwards. Where it finds damage
 * it is run a second time, with indexes that were made anew. */
int store_transaction(struct store *s, int (*body)(struct store *s, void *ctx), void *ctx);
int transact(struct store *s, int (*body)(struct store *s, void *ctx), void *ctx); /* runs it once */
/* Opens the database at @path, which is of the present version, with all that a writer needs. */
int store_begin(struct store *s, const char *path);
int store_last_event(struct sql *q, uint64_t *ret_seq);

/* rows.c, records.c */
int row_put(struct store *s, const struct mesh_row *row);
int record_put(struct store *s, const struct mesh_row *row);

/* find.c: what an index says of a row, and whether that row says so, too. */
struct found {
        uint64_t n;  /* the row's number; 0: none */
        bool astray; /* it is another's, or none: the index is damaged */
};
int find_row(struct sql *q, enum sql_id id, const uint8_t name[32], struct found *ret);

/* mend.c */
int number_of_record(struct store *s, const struct hash *id,
                     uint64_t *ret_n); /* 0: none. STORE_E_DAMAGED: it is astray */
int mend_indexes(struct store *s);

/* restore.c: makes the function that a statement of it calls. */
int restore_prepare(struct sql *q);
int restore_readable(struct store *s); /* STORE_E_DAMAGED: something that a start needs cannot be read */

/* sum.c: what is stored beside the bytes of record number @n. */
#define SUM_BYTES 8
void sum_make(uint64_t n, struct span bytes, uint8_t ret[SUM_BYTES]);
bool sum_fits(uint64_t n, struct span bytes, struct span sum); /* whether the bytes are those it was made of */
int sum_prepare(struct sql *q);                                /* makes a function of it that a statement can call */

/* A setting of the store's own: a page was found that nobody can read, and the next start is to salvage what is whole. */
#define HURT_NAME "hurt"

/* scrub.c */
bool scrub_first(struct store *s); /* false: a page is damaged; the log is empty */
void scrub_some(struct store *s);
void scrub_note(struct store *s); /* damage was found that nothing here mends */
int scrub_noted(struct store *s, bool *ret);

/* salvage.c: ends what a power cut has left half done. */
int salvage_settle(const char *dir);

/* slots.c: which slots this device has used, told a second time. */
int slots_get(struct store *s, struct slots *ret);
int slots_put(struct store *s, const struct slots *slots);
int slots_note(struct store *s, const struct head *h); /* of a record that is written */
int slots_write(struct store *s);                      /* what was noted, in the same transaction */
void slots_all_used(struct slots *s, uint32_t day);    /* nobody knows any more: none of that day is free */
struct mesh_row slots_row(struct slots *s, uint8_t klass);
int slots_prepare(struct sql *q); /* makes a function that a version of before is brought up to date by */

/* clips.c */
int clip_put(struct store *s, const struct mesh_row *row);
int clip_change(struct store *s, enum store_clip_change what, const struct store_clip *c);
int clip_last(struct store *s, struct mesh_row *ret); /* the latest that this device took in, or STORE_E_NONE */

/* named.c */
int named_put(struct store *s, const struct hash *alert, mesh_wall created, const struct wire_alert *a);
int named_taken_back(struct store *s, const struct hash *alert);
int named_clip_gone(struct store *s, const struct hash *clip);

/* papers.c */
int paper_put(struct store *s, const struct store_paper *p);

/* asks.c: @n is the record's number */
int ask_put(struct store *s, uint64_t n, const struct head *h, const struct wire_ask *a);
int notice_put(struct store *s, uint64_t n, const struct head *h, const struct wire_notice *w);
/* A clip is there now: asks that it may fit are told of once more, to whoever watches. */
int asks_again(struct store *s, struct span manifest);
int ask_drop(struct store *s, uint64_t n); /* its author has taken it back: an ask or a notice */

/* alerts.c: @n is the record's number, and its alert's and follow-up's too. */
struct alert_ref {
        uint64_t n, house;
        uint8_t state;
};
int alert_put(struct store *s, uint64_t n, const struct head *h, const struct mesh_row *row);
int alert_find(struct store *s, const struct hash *id, struct alert_ref *ret, bool *ret_found);
int alert_recount(struct store *s, uint64_t n); /* all that others have said, and its state, anew */
int alert_derive(struct store *s, uint64_t n, uint8_t *ret_happening); /* 0: nothing anybody sees has changed */
int alert_event(struct store *s, uint64_t n, uint8_t happening);
int alert_words(struct store *s, uint64_t n, struct span text, struct span clips);
/* A retraction takes back what ends with it: @expires is the target's, 0 where that is not known. */
int alert_retracted(struct store *s, const struct hash *id, uint64_t house, mesh_wall expires, bool *ret,
                    mesh_wall *ret_when);

/* follows.c */
int follow_put(struct store *s, uint64_t n, const struct head *h, const struct mesh_row *row);
int follow_drop(struct store *s, uint64_t n, uint64_t house); /* its author has taken it back */

/* load.c */
int load_alert(sqlite3_stmt *st, struct store_alert *ret); /* the columns ALERT_COLUMNS; borrows from the statement */
bool alert_in_force(uint8_t state, mesh_wall expires, mesh_wall now);
/* What a callback returned: 0 to go on, below 0 an error to pass up, above 0 enough. */
int load_stopped(int r, bool *ret_stop);
/* The id between two that the statement finds, if it is the only one. 0, STORE_E_NONE, STORE_E_MANY, as all else. */
int load_prefix(struct store_reader *r, enum sql_id between, struct span hex, struct hash *ret);
