/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR/device.key: this device's three secrets. Made once, durable before it is used: a damaged file is an error with a
 * name, because a fresh device would need a fresh certificate and the old one would still be a member. Another takes its
 * place only when the household is out of its mesh and its owner wants it forgotten (vault/over.c).
 *
 * "PLDEVKEY", a byte 1 (the version), Ed25519 seed, X25519 secret for links, X25519 secret for sealing, and a
 * BLAKE2b-256 hash of all before it.
 */
#pragma once

#include "base/base.h"
#include "porchlight/types.h"

#define DEVICE_KEY_BYTES (8 + 1 + 3 * 32 + 32)

struct device_key {
        uint8_t sign_seed[32];
        struct key noise_secret, seal_secret;
};

enum {
        DEVICE_KEY_E_NONE = 1,    /* there is no such file */
        DEVICE_KEY_E_KIND = 2,    /* a folder, a symbolic link, another user's */
        DEVICE_KEY_E_DAMAGED = 3, /* empty, cut off, or altered */
        DEVICE_KEY_E_NEWER = 4,   /* written by a newer version */
        DEVICE_KEY_E_ACCESS = 5,  /* cannot be read or written; errno says why */
        DEVICE_KEY_E_THERE = 6,   /* making: something stands there already */
};

/* 0, DEVICE_KEY_E_*. @ret_tightened: others could read it; they no longer can. */
int device_key_read(const char *dir, struct device_key *ret, bool *ret_tightened);
/* Writes @key to a new file, durably. 0, DEVICE_KEY_E_THERE, DEVICE_KEY_E_ACCESS. */
int device_key_create(const char *dir, const struct device_key *key);
/* Puts @bytes, of device_key_format(), durably in the place of the file, which is overwritten. 0, or errno. */
int device_key_replace(const char *dir, struct span bytes);
/* "is damaged" … and what to do. */
const char *device_key_error(int e);
const char *device_key_hint(int e);

/* The file's bytes; for tests. 0, DEVICE_KEY_E_DAMAGED, DEVICE_KEY_E_NEWER. */
int device_key_parse(struct span bytes, struct device_key *ret);
void device_key_format(const struct device_key *key, uint8_t ret[DEVICE_KEY_BYTES]);
