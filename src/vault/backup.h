/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup file: bytes in, bytes out. What stands in it are rows (proto/backup.def); this is what is around them.
 *
 * "PLBACKUP", a byte 1 (the version), the cost of Argon2id and its salt; then chunks, each a be32 length and an
 * XChaCha20-Poly1305 box; then a BLAKE2b-256 hash over all before it, which tells damage from a wrong passphrase. The key
 * is Argon2id(passphrase, salt). A box covers the domain, the clear header, its own number and whether it is the last,
 * so that no chunk can be left out, moved, or taken from another backup. Inside is zlib over at most BACKUP_CHUNK bytes
 * of rows, inflated under the bounds of wire/inflate.h and never past that size.
 */
#pragma once

#include "crypto/box.h"

#define BACKUP_CHUNK (256 * 1024)
#define BACKUP_BYTES_MAX (80 * 1024 * 1024)  /* a file; 5,000 homes are about 4 MB */
#define BACKUP_LEDGER_MAX (24 * 1024 * 1024) /* of a ledger: some 50,000 lines; the vault has it all in memory then */
#define BACKUP_ROWS_MAX (72 * 1024 * 1024)   /* of a whole file */

enum {
        BACKUP_E_MAGIC = 1,      /* not a backup */
        BACKUP_E_NEWER = 2,      /* of a later version */
        BACKUP_E_DAMAGED = 3,    /* cut off, changed, or sealed by somebody who does not keep to the format */
        BACKUP_E_COST = 4,       /* asks for more memory or time than any file may */
        BACKUP_E_PASSPHRASE = 5, /* it does not open with this passphrase */
};

/* Appends the file. 0, ERR_NOMEM (Argon2 found no memory, too). */
int backup_seal(struct buf *out, struct span rows, struct span passphrase, uint32_t passes, uint32_t memory_kib,
                struct rng *rng);
/* Whether these are the bytes of a whole backup; no passphrase needed. 0, BACKUP_E_MAGIC … BACKUP_E_COST. */
int backup_check(struct span file);
/* Appends the rows, to be wiped. 0, BACKUP_E_*, ERR_NOMEM; on failure nothing of them is left in @rows. */
int backup_open(struct buf *rows, struct span file, struct span passphrase);
