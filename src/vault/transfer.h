/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup file between the vault and its owner's tool.
 *
 *   out  O_BACKUP → the daemon tells what it knows (V_WANT_BACKUP, rows B_…, V_OPS_END), the vault folds the operations
 *        from its own genesis, puts the household's keys before them and seals all of it → O_BACKUP_ROW → O_FETCH … →
 *        O_KEPT, when the tool has the file safely on disk
 *   in   O_GIVE … → O_RESTORE: the vault opens the file, keeps the keys, and gives the daemon its rows back (V_RESTORE)
 *
 * The tool sees ciphertext only, the daemon its own rows only. There is one transfer at a time; it ends with its tool's
 * connection.
 */
#pragma once

#include "roster/roster.h"
#include "vault/vault.h"

#define OPS_BYTES_MAX (64 * 1024 * 1024) /* 5,000 homes are about 3.7 MB */

enum transfer_stage {
        TRANSFER_GATHERING, /* rows come in from the daemon */
        TRANSFER_SEALED,    /* the file waits to be fetched */
        TRANSFER_GIVEN,     /* pieces of a file came from the tool */
};

struct transfer {
        enum transfer_stage stage;
        struct vault_peer *peer;
        struct buf file;
        mesh_wall created;

        /* gathering */
        struct household *key;
        struct buf passphrase, rows;
        uint64_t n_rows;
        bool has_ledger;
        uint64_t lines; /* of it */
        struct roster *roster;
        uint64_t bytes;         /* of the operations so far */
        enum vault_error wrong; /* what is wrong with them */
        bool has_device;
        struct key device;
};

struct transfer *transfer_free(struct transfer *t);
DEFINE_FREEP(struct transfer, transfer_free)
void transfer_drop(struct vault *v);
/* V_OPS_END of a gathering. */
void transfer_gathered(struct vault *v, const struct wire_v_ops_end *end);

/* Folds one more operation of the mesh with this genesis. */
enum vault_error fold_op(struct roster *r, const struct hash *mesh, uint64_t *bytes, struct span op);

/* ---- a restored home's new device ---- */

/* What the daemon waits for, and the fold that is made for it. */
struct renewal {
        struct key old;
        uint8_t proof[SIGN_BYTES];
        struct roster *roster; /* NULL: not asked for operations, since the key is locked */
        uint64_t bytes;
        enum vault_error wrong;
};
struct renewal *renewal_free(struct renewal *r);
DEFINE_FREEP(struct renewal, renewal_free)
void renewal_take(struct vault *v, struct span op);
void renewal_end(struct vault *v, const struct wire_v_ops_end *end);
