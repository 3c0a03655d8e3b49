/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger, the wrapped keys and the clips on their disk. DIR/vault/ledger is only ever lengthened, or shortened by what
 * was never counted. A key in a sealed box is a file of its own, `wrapped-<grant>` or `taken-<grant>`, whole or not there. DIR/clips
 * is the daemon's and only read.
 */
#pragma once

#include "vault/vault.h"

#define BOOKDISK_LEDGER "ledger"
#define BOOKDISK_AWAY "ledger.old"

/* See struct vault_io. @vault_fd: DIR/vault. */
int bookdisk_read(int vault_fd, uint64_t at, size_t n, struct buf *out);
int bookdisk_write(int vault_fd, uint64_t at, struct span bytes);
int bookdisk_cut(int vault_fd, uint64_t at);
int bookdisk_away(int vault_fd);
int bookdisk_blob_read(int vault_fd, enum vault_blob what, const struct hash *id, struct buf *out);
int bookdisk_blob_write(int vault_fd, enum vault_blob what, const struct hash *id, struct span bytes);
int bookdisk_blob_remove(int vault_fd, enum vault_blob what, const struct hash *id);
int bookdisk_blob_list(int vault_fd, enum vault_blob what, struct buf *out);
/* @dir: DIR. */
int bookdisk_clip_read(const char *dir, const struct hash *clip, bool list, uint64_t at, size_t n, struct buf *out);
/* Removes what a crash left of a key that was being written. */
void bookdisk_tidy(int vault_fd);
