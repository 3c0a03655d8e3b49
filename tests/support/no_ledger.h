/* SPDX-License-Identifier: Apache-2.0 */
/* For a vault whose test is about something else: a folder without a ledger, keys or clips, which keeps none. */
#pragma once

#include "vault/vault.h"

static inline int no_ledger_read(_unused_ void *arg, _unused_ uint64_t at, _unused_ size_t n,
                                 _unused_ struct buf *out) {
        return 0;
}

static inline int no_ledger_write(_unused_ void *arg, _unused_ uint64_t at, _unused_ struct span bytes) {
        return ERR_IO;
}

static inline int no_ledger_cut(_unused_ void *arg, _unused_ uint64_t at) {
        return 0;
}

static inline int no_ledger_away(_unused_ void *arg) {
        return 0;
}

static inline int no_blob_read(_unused_ void *arg, _unused_ enum vault_blob what, _unused_ const struct hash *grant,
                               _unused_ struct buf *out) {
        return KEYDISK_E_NONE;
}

static inline int no_blob_remove(_unused_ void *arg, _unused_ enum vault_blob what, _unused_ const struct hash *grant) {
        return 0;
}

static inline int no_blob_list(_unused_ void *arg, _unused_ enum vault_blob what, _unused_ struct buf *out) {
        return 0;
}

static inline void no_ledger(struct vault_io *io) {
        io->ledger_read = no_ledger_read;
        io->ledger_write = no_ledger_write;
        io->ledger_cut = no_ledger_cut;
        io->ledger_away = no_ledger_away;
        io->blob_read = no_blob_read;
        io->blob_remove = no_blob_remove;
        io->blob_list = no_blob_list;
}
