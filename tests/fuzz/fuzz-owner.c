/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault whole, but for its sockets: frames of two of the owner's tools and of the daemon, in any order, against a disk, a
 * clock and randomness of our own. The input is a run of steps: a byte that says who speaks, and a frame (4-byte length and
 * body); or a byte that lets time pass, breaks the disk, makes a tool hang up, or starts the vault anew.
 */
#include "base/log.h"
#include "clip/clip.h"
#include "vault/vault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step { STEP_DAEMON, STEP_FIRST, STEP_SECOND, STEP_TIME, STEP_DISK, STEP_HANG_UP, STEP_START, STEPS };

#define TOOLS 2
#define STEPS_MAX 64 /* each may make keys and sign */
#define DISK_MODES 4 /* fine, full, broken, no memory */
#define BLOBS 8

struct blob {
        bool there;
        enum vault_blob what;
        struct hash id;
        struct buf bytes;
};

struct world {
        struct buf file, ledger;
        struct blob blobs[BLOBS];
        uint8_t disk;
        uint8_t seed;
        struct vault_io io;
        struct vault v;
        struct vault_peer tools[TOOLS];
        mesh_time now;
        enum step step; /* the last */
        bool member;    /* the file was once a member's: it must stay what it is */
        struct keyfile head;
};

static int disk_error(const struct world *w) {
        static const int errors[DISK_MODES] = {0, ERR_FULL, ERR_IO, ERR_NOMEM};
        return errors[w->disk % DISK_MODES];
}

static int key_read(void *arg, struct buf *out, bool *ret_tightened) {
        struct world *w = arg;
        int r = disk_error(w);
        if (r)
                return r;
        if (!w->file.n)
                return KEYDISK_E_NONE;
        buf_add(out, buf_span(&w->file));
        *ret_tightened = w->seed & 1;
        return 0;
}

static int key_write(void *arg, struct span bytes, bool replace) {
        struct world *w = arg;
        int r = disk_error(w);
        if (r)
                return r;
        if (w->file.n && !replace)
                return KEYDISK_E_THERE;
        buf_clear(&w->file);
        buf_add(&w->file, bytes);
        return 0;
}

static int key_remove(void *arg) {
        struct world *w = arg;
        int r = disk_error(w);
        if (r == 0)
                buf_clear(&w->file);
        return r;
}

static int ledger_read(void *arg, uint64_t at, size_t n, struct buf *out) {
        struct world *w = arg;
        int r = disk_error(w);
        if (r == 0 && at < w->ledger.n)
                buf_add(out, span_of(w->ledger.p + at, MIN(n, w->ledger.n - (size_t)at)));
        return r;
}

static int ledger_cut(void *arg, uint64_t at) {
        struct world *w = arg;
        int r = disk_error(w);
        REQUIRE(at <= w->ledger.n); /* nothing that was counted is cut off, or it would not be where the vault thinks */
        if (r == 0)
                w->ledger.n = (size_t)at;
        return r;
}

static int ledger_write(void *arg, uint64_t at, struct span bytes) {
        struct world *w = arg;
        int r = disk_error(w);
        REQUIRE(at == w->ledger.n); /* only ever lengthened */
        if (r == 0)
                buf_add(&w->ledger, bytes);
        return r;
}

static int ledger_away(void *arg) {
        struct world *w = arg;
        int r = disk_error(w);
        if (r == 0)
                buf_clear(&w->ledger);
        return r;
}

static struct blob *blob_find(struct world *w, enum vault_blob what, const struct hash *id) {
        for (size_t i = 0; i < BLOBS; i++)
                if (w->blobs[i].there && w->blobs[i].what == what && hash_eq(&w->blobs[i].id, id))
                        return &w->blobs[i];
        return NULL;
}

static int blob_read(void *arg, enum vault_blob what, const struct hash *id, struct buf *out) {
        const struct blob *b = blob_find(arg, what, id);
        int r = disk_error(arg);
        if (r == 0 && b)
                buf_add(out, buf_span(&b->bytes));
        return r ? r : b ? 0 : KEYDISK_E_NONE;
}

static int blob_write(void *arg, enum vault_blob what, const struct hash *id, struct span bytes) {
        struct world *w = arg;
        struct blob *b = blob_find(w, what, id);
        int r = disk_error(w);
        for (size_t i = 0; !b && i < BLOBS; i++)
                if (!w->blobs[i].there)
                        b = &w->blobs[i];
        if (r || !b)
                return r ? r : ERR_FULL;
        b->there = true;
        b->what = what;
        b->id = *id;
        buf_clear(&b->bytes);
        buf_add(&b->bytes, bytes);
        return 0;
}

static int blob_remove(void *arg, enum vault_blob what, const struct hash *id) {
        struct blob *b = blob_find(arg, what, id);
        int r = disk_error(arg);
        if (r == 0 && b)
                b->there = false;
        return r;
}

static int blob_list(void *arg, enum vault_blob what, struct buf *out) {
        const struct world *w = arg;
        for (size_t i = 0; i < BLOBS; i++)
                if (w->blobs[i].there && w->blobs[i].what == what)
                        buf_add(out, SPAN_OF(w->blobs[i].id.b));
        return disk_error(w);
}

/* Zeros, of any length. */
static int clip_bytes(void *arg, const struct hash *clip, bool list, uint64_t at, size_t n, struct buf *out) {
        (void)clip, (void)list, (void)at;
        uint8_t *p = n <= FRAME_MAX ? buf_room(out, n) : NULL;
        if (!p)
                return KEYDISK_E_NONE;
        memset(p, 0, n);
        buf_used(out, n);
        return disk_error(arg);
}

static void seed(void *arg, uint8_t ret[32]) {
        struct world *w = arg;
        memset(ret, ++w->seed, 32);
}

static mesh_wall wall(void *arg) {
        struct world *w = arg;
        return VAULT_CLOCK_FLOOR + w->now / 1000;
}

/* ---- what must hold after each step ---- */

/* Nothing the daemon says makes the vault sign. */
static void check_signed(const struct world *w, uint8_t number) {
        if (number == OWNER_V_REPLACE) /* the owner restores, and this is what for */
                REQUIRE(w->v.key.state == KEYFILE_RESTORING);
        if (number == OWNER_V_FOUND || number == OWNER_V_JOIN || number == OWNER_V_OP || number == OWNER_V_GRANT ||
            number == OWNER_V_SIGNED || number == OWNER_V_REVOKED)
                REQUIRE(w->step == STEP_FIRST || w->step == STEP_SECOND);
}

static bool of_clips(uint8_t number) {
        return number == OWNER_V_WANT_CLIP || number == OWNER_V_GRANT || number == OWNER_V_RELEASE ||
               number == OWNER_V_SIGNED || number == OWNER_V_REVOKED || number == OWNER_V_REFUSED ||
               number == OWNER_V_TOOK || number == OWNER_V_DESTROY;
}

/* A key leaves for a receipt that is in the ledger. */
static void check_release(const struct world *w, const struct wire_v_key *m) {
        struct ledger l = {.mesh = w->v.key.mesh};
        struct span left = buf_span(&w->ledger);
        struct wire_entry e;
        bool receipt = false;
        for (size_t n; left.n >= 4 && left.n >= 4 + (n = get_be16(left.p)); left = span_from(left, 4 + n)) {
                REQUIRE(ledger_take(&l, span_of(left.p + 4, n), &e) == 0);
                receipt = receipt || (e.what == ENTRY_RECEIPT && span_eq(e.grant, m->grant));
        }
        REQUIRE(receipt);
}

static bool of_backup(uint8_t number) {
        return (number >= OWNER_V_WANT_BACKUP && number <= OWNER_V_BACKED_UP) ||
               (number > OWNER_B_HEAD && number <= OWNER_B_CAMERA && number != OWNER_B_END);
}

static void check_out(const struct world *w, struct buf *out, bool to_daemon) {
        struct span in = buf_span(out), body;
        const struct wire_number *row;
        union frame_message m;
        size_t used;
        REQUIRE(buf_ok(out));
        while (in.n) {
                REQUIRE(frame_take(in, &body, &used) == 0);
                REQUIRE(frame_read(body, wire_owner_find, &row, &m, NULL) == 0);
                bool said_to_daemon = row->number == OWNER_V_FOUND || row->number == OWNER_V_JOIN ||
                                      row->number == OWNER_V_FORGET || row->number == OWNER_V_OP ||
                                      row->number == OWNER_V_WANT_OPS || row->number == OWNER_V_CLEAR ||
                                      row->number == OWNER_V_RULE || of_backup(row->number) || of_clips(row->number);
                REQUIRE(said_to_daemon == to_daemon);
                check_signed(w, row->number);
                if (row->number == OWNER_V_RELEASE)
                        check_release(w, &m.v_key);
                in = span_from(in, used);
        }
        buf_clear(out);
}

static void check_file(struct world *w) {
        struct keyfile head;
        if (!w->file.n) {
                REQUIRE(!w->member);
                return;
        }
        REQUIRE(keyfile_decode(buf_span(&w->file), &head) == 0);
        bool kept = head.state == KEYFILE_MEMBER || head.state == KEYFILE_OVER;
        REQUIRE(!w->member || (kept && key_eq(&head.household, &w->head.household)));
        w->member = head.state == KEYFILE_MEMBER;
        w->head = head;
}

static void check(struct world *w) {
        REQUIRE(w->v.asker == NULL || w->v.errand != VAULT_NO_ERRAND);
        REQUIRE(!w->v.ballot || w->v.has_key);
        check_out(w, &w->v.to_daemon, true);
        for (size_t i = 0; i < TOOLS; i++)
                check_out(w, &w->tools[i].out, false);
        check_file(w);
}

/* ---- steps ---- */

static void tool_says(struct world *w, size_t i, struct span body) {
        struct vault_peer *p = &w->tools[i];
        if (w->v.asker == p) /* the server reads no further while a tool waits */
                return;
        vault_request(&w->v, p, body, w->now);
        REQUIRE(w->v.asker == p || checking_peer(&w->v) == p || p->out.n);
}

static void start(struct world *w) {
        vault_fini(&w->v);
        REQUIRE(vault_init(&w->v, &w->io) <= 0);
}

static void plain_step(struct world *w, enum step step) {
        switch (step) {
        case STEP_TIME:
                w->now += VAULT_ANSWER_MS / 2 + 1;
                vault_tick(&w->v, w->now);
                return;
        case STEP_DISK:
                w->disk++;
                return;
        case STEP_HANG_UP:
                vault_peer_gone(&w->v, &w->tools[0]);
                return;
        case STEP_START:
                start(w);
                return;
        case STEP_DAEMON:
        case STEP_FIRST:
        case STEP_SECOND:
        case STEPS:
                return;
        }
}

/* The bytes used; 0 at the end. */
static size_t one_step(struct world *w, struct span in) {
        struct span body;
        size_t used;
        if (!in.n)
                return 0;
        enum step step = w->step = in.p[0] % STEPS;
        if (step > STEP_SECOND) {
                plain_step(w, step);
                return 1;
        }
        if (frame_take(span_from(in, 1), &body, &used))
                return 0;
        if (step == STEP_DAEMON)
                vault_daemon(&w->v, body, w->now);
        else
                tool_says(w, step - STEP_FIRST, body);
        return 1 + used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct world w = {.tools = {{.uid = 1000}, {.uid = 0}}};
        struct span in = span_of(data, size);
        log_set_level(LOG_ERROR);
        w.io = (struct vault_io){.key_read = key_read,
                                 .key_write = key_write,
                                 .key_remove = key_remove,
                                 .seed = seed,
                                 .wall = wall,
                                 .ledger_read = ledger_read,
                                 .ledger_write = ledger_write,
                                 .ledger_cut = ledger_cut,
                                 .ledger_away = ledger_away,
                                 .blob_read = blob_read,
                                 .blob_write = blob_write,
                                 .blob_remove = blob_remove,
                                 .blob_list = blob_list,
                                 .clip_read = clip_bytes,
                                 .arg = &w,
                                 .uid = 1000,
                                 .passes = 1,
                                 .memory_kib = KEYFILE_MEMORY_KIB_MIN};
        start(&w);
        for (int i = 0; i < STEPS_MAX; i++) {
                size_t used = one_step(&w, in);
                if (!used)
                        break;
                check(&w);
                in = span_from(in, used);
        }
        vault_fini(&w.v);
        for (size_t i = 0; i < TOOLS; i++)
                buf_fini(&w.tools[i].out);
        buf_wipe(&w.file);
        buf_fini(&w.ledger);
        for (size_t i = 0; i < BLOBS; i++)
                buf_fini(&w.blobs[i].bytes);
        return 0;
}
