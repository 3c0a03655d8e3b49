/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault: keeps the household's keys and signs with them what the owner asks for, and nothing else.
 *
 * Requests of the owner's tools come in by vault_request, the daemon's messages by vault_daemon; answers grow in the
 * asker's `out` and in `to_daemon`, which the caller sends. Sockets are not its matter, and disk, clock and randomness
 * are reached through struct vault_io, so that a fuzzer can drive it whole. At most one request waits for the daemon at
 * a time; it is answered after 45 s at the latest. Between requests no secret is in memory, whatever the key file's
 * lock, but for the while that the owner has unlocked it for, and the key of a clip while it is being read.
 *
 * Requests are a table of number and handler (vault.c): a new one is a row there and a file on_<message>.c.
 */
#pragma once

#include "base/buf.h"
#include "crypto/box.h"
#include "crypto/sign.h"
#include "vault/errors.def"
#include "vault/keydisk.h"
#include "vault/keyfile.h"
#include "vault/walls.h"
#include "wire/frame.h"
#include "wire/said.h"

#define VAULT_ANSWER_MS 45000           /* the daemon's time for one request; joining takes it 30 s at most */
#define VAULT_GO_MS 60000               /* the owner's time to say yes to a sentence */
#define VAULT_OPEN_S 900                /* how long an unlocked key stays open, unless the owner says otherwise */
#define VAULT_CLOCK_FLOOR 1767225600    /* 2026-01-01: no honest clock is earlier than this program */
#define VAULT_CLOCK_CEILING 17280000000 /* of a TIME in proto/records.def */
#define VAULT_DEVICE_NAME "hub"         /* unless the owner says otherwise */

/* Why not; VAULT_OK is 0. */
enum vault_error {
        VAULT_OK,
#define VAULT_ERROR_X(name, ...) VAULT_NO_##name,
        VAULT_ERRORS(VAULT_ERROR_X)
#undef VAULT_ERROR_X
};

struct vault_error_row {
        const char *name, *message, *hint;
        enum wire_e_exit exit;
};
const struct vault_error_row *vault_error(enum vault_error e); /* @e is not VAULT_OK */

/* A key in a sealed box, with what belongs to it. */
enum vault_blob {
        VAULT_BLOB_WRAPPED, /* of a grant this household gave: to the recipient */
        VAULT_BLOB_TAKEN,   /* of a grant this household took: O_TAKEN */
};

/* The world. Each returns as keydisk.h says. */
struct vault_io {
        int (*key_read)(void *arg, struct buf *out, bool *ret_tightened);
        int (*key_write)(void *arg, struct span bytes, bool replace);
        int (*key_remove)(void *arg);
        void (*seed)(void *arg, uint8_t ret[32]); /* true randomness */
        mesh_wall (*wall)(void *arg);
        /* DIR/vault/ledger. Reading appends at most @n bytes, none at its end or where there is no file; writing is on the
         * disk when it returns; cutting as well. `away` puts one aside that is of another household. */
        int (*ledger_read)(void *arg, uint64_t at, size_t n, struct buf *out);
        int (*ledger_write)(void *arg, uint64_t at, struct span bytes);
        int (*ledger_cut)(void *arg, uint64_t at);
        int (*ledger_away)(void *arg);
        /* Whole, and on the disk or from it when it returns; removing what is not there is no failure. The list is of
         * grants, 32 bytes each. */
        int (*blob_read)(void *arg, enum vault_blob what, const struct hash *grant, struct buf *out);
        int (*blob_write)(void *arg, enum vault_blob what, const struct hash *grant, struct span bytes);
        int (*blob_remove)(void *arg, enum vault_blob what, const struct hash *grant);
        int (*blob_list)(void *arg, enum vault_blob what, struct buf *out);
        /* DIR/clips: at most @n bytes of the ciphertext, or of its list of hashes. */
        int (*clip_read)(void *arg, const struct hash *clip, bool list, uint64_t at, size_t n, struct buf *out);
        void *arg;
        uint32_t uid;                /* the vault's own, where it shares its user with the owner; else OWNER_NOBODY */
        uint32_t passes, memory_kib; /* of new locked key files */
        uint32_t owner;              /* whom the machine's settings name; else OWNER_NOBODY */
        struct walls walls;          /* what stands around it */
};

/* A connection on owner.sock. */
struct vault_peer {
        uint32_t uid;
        struct buf out; /* frames for it; failed: close it */
};

/* What the daemon has in hand and has not said a word about yet; VAULT_OPS: has not sent all of. */
enum vault_errand {
        VAULT_NO_ERRAND,
        VAULT_FOUND,
        VAULT_JOIN,
        VAULT_OPS,
        VAULT_OP,
        VAULT_DEVICE_JOIN,
        VAULT_BACKUP,
        VAULT_RESTORE,
        VAULT_CLIP,
        VAULT_DESTROY
};

struct household;
struct ballot;
struct transfer;
struct renewal;
struct book;
struct reading;
struct witness;
struct wanted;
struct asked;
struct rescue;

struct vault {
        const struct vault_io *io; /* borrowed */
        struct buf to_daemon;
        enum vault_error broken; /* what is wrong with the key file; VAULT_OK: nothing */
        bool has_key;
        struct keyfile key;
        bool unsaved; /* the file does not say yet that its key is a member's */
        bool knows_device;
        struct key sign, noise, seal; /* the device's */
        bool in_mesh;
        char main[33]; /* the device that has the household's key, where that is another one; else empty */
        enum vault_errand errand;
        struct vault_peer *asker; /* who waits for its end; NULL: nobody */
        mesh_time deadline;       /* of the asker */
        struct household *open;   /* the key, while the owner has it unlocked; else NULL */
        mesh_time open_until;
        unsigned wrong_tries;       /* of passphrases, since the last right one */
        mesh_time next_try;         /* no passphrase is looked at before */
        struct ballot *ballot;      /* what the household is about to sign; NULL: nothing */
        struct transfer *transfer;  /* a backup file on its way; NULL: none */
        struct renewal *renewal;    /* a restored home's device that is to be certified; NULL: none */
        unsigned purges;            /* clips that went by a rule … */
        mesh_time purges_from;      /* … since then */
        bool purges_counted;        /* those of an earlier run are among them */
        bool purges_full;           /* the ledger has no more room for them: said once */
        struct book *book;          /* the ledger; NULL: not read yet, or no household */
        mesh_time book_due;         /* when grants are looked through for those whose time is over */
        struct checking *checking;  /* the ledger, while it is read again for its owner; NULL: it is not */
        struct reading *readings;   /* clips that are being handed out, one a tool; NULL: none */
        struct witness *witness;    /* an attestation whose device is being looked up; NULL: none … */
        mesh_time witness_until;    /* … and the owner's tools wait so long for the end of that, or of a rescue */
        struct household *rule_key; /* for the owner's rule, where the household's is under a passphrase; else NULL */
        struct asked *asked;        /* requests under it that wait for others; RULE_ASKED of them, n_asked used */
        size_t n_asked;
        mesh_time rescue_at;   /* when it is looked whether enough have asked; MESH_NEVER: when another asks */
        struct rescue *rescue; /* a clip that enough have asked for, being looked up; NULL: none */
        struct wanted *wanted; /* what a clip was asked of the daemon for, beside a ballot; NULL: nothing */
};

/* Reads the key file. A file that can't be used is logged, and every request is then answered with its error: the
 * home's alerts must not end with it, and nothing may write over it. 0, ERR_NOMEM. */
int vault_init(struct vault *ret, const struct vault_io *io);
void vault_fini(struct vault *v);
/* May this user ask? Root, whoever founded or joined, whom the settings name, and the vault's own user where it has none
 * of its own. */
bool vault_may_ask(const struct vault *v, uint32_t uid);
/* One frame's body from an owner's tool. */
void vault_request(struct vault *v, struct vault_peer *p, struct span body, mesh_time now);
/* One frame's body from the daemon. */
void vault_daemon(struct vault *v, struct span body, mesh_time now);
/* The tool hung up. What the daemon has in hand goes on; what is not signed yet never will be. */
void vault_peer_gone(struct vault *v, const struct vault_peer *p);
/* The tool waits for an answer, has a sentence to say yes to, or reads a clip. */
bool vault_holds(const struct vault *v, const struct vault_peer *p);
/* Others wait for the tool to be done: it has a backup that it has not fetched to its end, and there is one at a time. */
bool vault_keeps_others(const struct vault *v, const struct vault_peer *p);
mesh_time vault_deadline(const struct vault *v); /* MESH_NEVER: none */
void vault_tick(struct vault *v, mesh_time now);
/* Appends an O_ERROR. Returns false, so that a check may end with it. */
bool vault_refuse(struct vault_peer *p, enum vault_error e);
/* The same with a message of its own. */
_printf_(3, 4) bool vault_refuse_why(struct vault_peer *p, enum vault_error e, const char *fmt, ...);
bool vault_refuse_said(struct vault_peer *p, enum vault_error e, const struct said *message,
                       const struct said *hint); /* @hint NULL: the error's own */

/* The household's key is on another device: says on which. Returns false. */
bool vault_refuse_here(const struct vault *v, struct vault_peer *p);

/* ---- for the handlers, one file each ---- */

/* Fresh keys, in memory that is locked, left out of core dumps, and wiped when they go. */
struct household {
        struct keyfile_secret secret;
        struct sign_key sign;
        struct box_key seal;
        struct rng rng;
};
struct household *household_new(const struct vault *v); /* NULL: no memory */
/* Out of a backup's 32 and 32 bytes, or out of another: NULL: no memory. */
struct household *household_from(const struct vault *v, struct span sign_seed, struct span seal_secret);
struct household *household_copy(const struct vault *v, const struct household *of);
/* Makes it the key of a further device of @household: what is left opens, and signs nothing. */
void household_sealing_only(struct household *h, const struct key *household);
struct household *household_free(struct household *h);
DEFINE_FREEP(struct household, household_free)

/* The household's own key, out of its file. VAULT_OK, or why not. */
enum vault_error household_open(const struct vault *v, struct span passphrase, struct household **ret);

/* How the owner wants the key locked, as both founding and joining ask. */
struct vault_wish {
        bool passphrase, no_passphrase;
        struct span words;
        struct span ledger; /* of a backup: the file, as it was then */
};

/* The key is that of a founding or joining the daemon knows nothing of: the next one takes its place. */
bool vault_key_void(const struct vault *v);
/* The key is that of a joining, of this home or as a further device, that is neither done nor at an end. */
bool vault_joins(const struct vault *v);
/* Whether the key can be used without a passphrase just now. */
bool vault_unlocked(const struct vault *v, mesh_time now);
/* Wipes an unlocked key out of memory. */
void vault_lock(struct vault *v);
/* Opens the key file, with @passphrase if it is under one; a wrong one makes the next wait longer. @ret is to be freed.
 * True, or @p has its answer. */
bool vault_open(struct vault *v, struct vault_peer *p, struct span passphrase, mesh_time now, struct household **ret);
/* Writes the key, opened as @h, under another lock in the place of the old file. VAULT_OK, or why not (logged). */
enum vault_error vault_relock(struct vault *v, struct household *h, const struct vault_wish *wish);
/* Certifies a restored home's device, if that is waited for and the key is open. */
void vault_renew(struct vault *v, mesh_time now);
/* There is a household's key here; the second: or that of a further device, which opens what was shared with it and does nothing
 * else. True, or @p has its answer. */
bool vault_has_household(const struct vault *v, struct vault_peer *p);
bool vault_has_key(const struct vault *v, struct vault_peer *p);
/* The last frame of an answer; @warning may be NULL. */
void vault_done(struct vault_peer *p, const char *warning);
/* The daemon's no, or VAULT_NO_DAEMON_REFUSED where it gave no reason. */
void vault_pass_on(struct vault_peer *p, const struct wire_v_result *res);
/* The common checks: true, or @p has its answer. */
bool vault_is_free(const struct vault *v, struct vault_peer *p);
bool vault_name_fine(struct vault_peer *p, struct span household);
bool vault_label_fine(struct vault_peer *p, const char *what, struct span name);
bool vault_place_fine(struct vault_peer *p, bool has, mesh_cell cell);
bool vault_wish_fine(struct vault_peer *p, const struct vault_wish *wish);
/* No control or invisible characters, and one line. */
bool vault_plain_line(struct span text);
/* Whether this machine's clock can be right at all. */
bool vault_clock_sane(mesh_wall wall);
/* The device certificate an operation carries; @store holds its bytes. */
struct wire_list vault_device_row(const struct vault *v, struct span name, struct buf *store);
/* Writes the new household's key file, in place of a void one. True, or @p has its answer. */
bool vault_key_keep(struct vault *v, struct vault_peer *p, struct household *h, enum keyfile_state state,
                    const struct hash *mesh, const struct vault_wish *wish);
/* Writes the key's state into its file. False: it could not be written, and will be tried again. */
bool vault_key_save_state(struct vault *v);
/* Removes the key of a founding or joining that came to nothing. */
void vault_key_drop(struct vault *v);
/* Sends the daemon on an errand; @p waits for its end. False: no memory, and @p has its answer. */
bool vault_ask(struct vault *v, struct vault_peer *p, enum vault_errand errand, enum wire_owner number, const void *msg,
               mesh_time now);
/* The same for a founding or joining, whose key is dropped if it fails. */
bool vault_send(struct vault *v, struct vault_peer *p, enum vault_errand errand, enum wire_owner number,
                const void *msg, mesh_time now);

/* release.c: grants whose time is over lose their keys; what an attestation needs of the roster. */
void book_tick(struct vault *v, mesh_time now);
void witness_take(struct vault *v, struct span op);
void witness_end(struct vault *v);
struct witness *witness_free(struct witness *w);
/* on_verify.c */
struct checking;
struct checking *checking_free(struct checking *c);
struct vault_peer *checking_peer(const struct vault *v); /* NULL: nobody waits for that */
void checking_more(struct vault *v);
/* reading.c */
void reading_gone(struct vault *v, const struct vault_peer *p);     /* NULL: all of them */
bool reading_on(const struct vault *v, const struct vault_peer *p); /* a player may pause for as long as it likes */

/* over.c: the owner wants to be rid of a mesh that the household is no longer in. The key is given up for good, on disk,
 * and the daemon told. VAULT_OK, or why not; then nothing was changed. */
enum vault_error over_begin(struct vault *v);
/* The daemon has said where it stands, and the key was given up before. */
void over_go_on(struct vault *v);

void on_create(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_join(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_device_join(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void device_join_settle(struct vault *v, const struct wire_v_result *res); /* V_RESULT for it */
void on_state(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_op(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_go(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_unlock(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_lock(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_passphrase(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_backup(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_fetch(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_kept(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_give(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_restore(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_device(struct vault *v, const union frame_message *m, mesh_time now);
void on_result(struct vault *v, const union frame_message *m, mesh_time now);
void on_ops(struct vault *v, const union frame_message *m, mesh_time now);
void on_ops_end(struct vault *v, const union frame_message *m, mesh_time now);
void on_ready(struct vault *v, const union frame_message *m, mesh_time now);
void on_grant(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_accept(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_revoke(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_destroy(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_grants(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_ledger(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_verify(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_legal(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_read(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_rule(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_rules(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_rule_end(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_asked(struct vault *v, const union frame_message *m, mesh_time now);
void on_export(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_chunk(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_who(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
void on_clip(struct vault *v, const union frame_message *m, mesh_time now);
void on_receipt(struct vault *v, const union frame_message *m, mesh_time now);
void on_key(struct vault *v, const union frame_message *m, mesh_time now);
void on_own_key(struct vault *v, const union frame_message *m, mesh_time now);
void on_purge(struct vault *v, const union frame_message *m, mesh_time now);
void on_attest(struct vault *v, const union frame_message *m, mesh_time now);
void on_over(struct vault *v, const union frame_message *m, mesh_time now);
void on_papers(struct vault *v, const union frame_message *m, mesh_time now);
void on_b_device(struct vault *v, const union frame_message *m, mesh_time now);
void on_b_link_key(struct vault *v, const union frame_message *m, mesh_time now);
void on_b_addr(struct vault *v, const union frame_message *m, mesh_time now);
void on_b_home(struct vault *v, const union frame_message *m, mesh_time now);
void on_b_mute(struct vault *v, const union frame_message *m, mesh_time now);
void on_b_place(struct vault *v, const union frame_message *m, mesh_time now);
void on_b_camera(struct vault *v, const union frame_message *m, mesh_time now);
void on_b_op(struct vault *v, const union frame_message *m, mesh_time now);
