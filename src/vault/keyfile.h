/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The household's key file: bytes in, bytes out. keydisk.h has the file itself.
 *
 * A clear header (whose file it is, of which mesh, how the key is locked), the two secrets, and a hash over everything
 * that tells damage from a wrong passphrase. With a passphrase the secrets stand in an XChaCha20-Poly1305 box under
 * Argon2id(passphrase, salt), and the box covers the header; by the owner's explicit choice they stand there plain. The
 * state is the one byte the box does not cover: admission may come days after the passphrase was typed, and must not
 * need it.
 *
 * A further device of a household has such a file, too, of its own key alone: what the household's clips that are shared with
 * that device are sealed to. It names the household, and has no key that signs: the seed is zeros.
 */
#pragma once

#include "crypto/box.h"

#define KEYFILE_SALT 16
#define KEYFILE_PASSES 3 /* what new files ask of Argon2id */
#define KEYFILE_MEMORY_KIB (64 * 1024)
#define KEYFILE_PASSES_MAX 16    /* what a file may ask at most: it must not take the machine down */
#define KEYFILE_MEMORY_KIB_MIN 8 /* Argon2's own least */
#define KEYFILE_MEMORY_KIB_MAX (1024 * 1024)
#define KEYFILE_PASSPHRASE_MIN 8 /* bytes */
#define KEYFILE_PASSPHRASE_MAX 512
#define KEYFILE_BYTES_MAX 512 /* longest file; a longer one is not ours */

enum {
        KEYFILE_E_MAGIC = 1,      /* not a key file */
        KEYFILE_E_DAMAGED = 2,    /* cut off, changed, or a value that no key file has */
        KEYFILE_E_COST = 3,       /* asks for more memory or time than any file may */
        KEYFILE_E_PASSPHRASE = 4, /* it does not open with this passphrase */
};

enum keyfile_lock {
        KEYFILE_PLAIN = 1,
        KEYFILE_LOCKED = 2,
};

enum keyfile_state {
        KEYFILE_FOUNDING =
                1, /* written before the daemon heard of the genesis: worth nothing if the daemon has no mesh */
        KEYFILE_JOINING = 2,        /* the same, until a member has admitted the home */
        KEYFILE_MEMBER = 3,         /* the household's only key: never removed by the vault */
        KEYFILE_RESTORING = 4,      /* out of a backup; member again, on a device that is not certified yet */
        KEYFILE_OVER = 5,           /* its household is in no mesh any more, and its owner wants it gone: see over.c */
        KEYFILE_DEVICE_JOINING = 6, /* of a further device, as JOINING … */
        KEYFILE_DEVICE = 7,         /* … and once it is one of its household's: on_device_join.c */
};

static inline bool keyfile_of_device(enum keyfile_state state) {
        return state == KEYFILE_DEVICE_JOINING || state == KEYFILE_DEVICE;
}

/* What stands in clear. */
struct keyfile {
        enum keyfile_lock lock;
        enum keyfile_state state;
        uint32_t owner; /* uid */
        struct hash mesh;
        struct key household, seal; /* public halves */
        uint8_t salt[KEYFILE_SALT]; /* this and the next two: zeros if plain */
        uint32_t passes, memory_kib;
};

struct keyfile_secret {
        uint8_t sign_seed[32];
        struct key seal;
};

/* Appends the file. @head says it all but for the salt, which comes from @rng; the cost of a plain file is 0.
 * 0, ERR_NOMEM (Argon2 found no memory, too). */
int keyfile_encode(struct buf *out, const struct keyfile *head, const struct keyfile_secret *secret,
                   struct span passphrase, struct rng *rng);
/* Reads the header and checks the whole file for damage; no passphrase needed. 0, KEYFILE_E_MAGIC …
 * KEYFILE_E_COST. */
int keyfile_decode(struct span file, struct keyfile *ret);
/* Opens the secrets. @ret is to be wiped. 0, KEYFILE_E_*, ERR_NOMEM. */
int keyfile_open(struct span file, struct span passphrase, struct keyfile_secret *ret);
/* Changes the state of an encoded file in place. 0, KEYFILE_E_*. */
int keyfile_set_state(struct buf *file, enum keyfile_state state);
