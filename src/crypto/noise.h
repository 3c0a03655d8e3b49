/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Noise Protocol Framework, revision 34, for 25519_ChaChaPoly_BLAKE2b. A pattern is a table of tokens; the links use
 * XXpsk0 only, the others run for the published vectors, so that the engine itself is what the vectors test.
 * Bytes in, bytes out: no I/O, no randomness (the ephemeral secret is an argument), no allocation.
 */
#pragma once

#include "crypto/box.h"

#define NOISE_HASH 64
#define NOISE_TAG 16
#define NOISE_PSKS_MAX 5 /* psk0 to psk4 */
#define NOISE_MESSAGE_MAX 65535

enum {
        NOISE_E_NAME = 1, /* not a protocol name of this suite, or a pattern not known here */
        NOISE_E_INPUT =
                2, /* the message does not verify, is too short, or carries a point of low order: drop the link */
        NOISE_E_ORDER = 3, /* a call out of turn, or a key the pattern needs is missing */
};

struct noise_cipher { /* one direction */
        struct key key;
        uint64_t n;
        bool has_key;
};

enum noise_token {
        NOISE_END, /* of a message */
        NOISE_TOKEN_E,
        NOISE_TOKEN_S,
        NOISE_TOKEN_EE,
        NOISE_TOKEN_ES,
        NOISE_TOKEN_SE,
        NOISE_TOKEN_SS,
        NOISE_TOKEN_PSK,
};

#define NOISE_PRE_S 1 /* the static key; no pattern here knows an ephemeral one beforehand (that is for fallbacks) */

#define NOISE_TOKENS_MAX 8
#define NOISE_MESSAGES_MAX 4
struct noise_pattern {
        uint8_t n_messages;
        uint8_t pre_initiator, pre_responder;                 /* NOISE_PRE_S if known beforehand */
        uint8_t tokens[NOISE_MESSAGES_MAX][NOISE_TOKENS_MAX]; /* enum noise_token, 0 ends */
        bool psk;                                             /* has psk tokens: e also mixes into the key */
        bool one_way;
};

/* Reads "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b": the one-way, fundamental and deferred patterns, with any psk
 * modifiers, also combined in rising order (psk0+psk3). Returns 0 or NOISE_E_NAME. */
int noise_pattern_parse(struct noise_pattern *ret, const char *protocol_name);

struct noise {
        struct noise_pattern pattern;
        struct noise_cipher cipher; /* of the symmetric state */
        uint8_t ck[NOISE_HASH], h[NOISE_HASH];
        struct box_key s, e; /* e.pub once it was sent */
        struct key rs, re;   /* what the other side showed so far */
        struct key psk[NOISE_PSKS_MAX];
        uint8_t n_psk, used_psk;
        uint8_t step; /* messages done */
        bool initiator, has_s, has_e, has_rs, has_re, done;
};

struct noise_config {
        const char *protocol_name;
        bool initiator;
        struct span prologue;
        const struct box_key *s;    /* own static pair, where the pattern has one */
        const struct key *e_secret; /* own ephemeral secret: fresh for each handshake */
        const struct key *rs;       /* the other's static key, where the pattern knows it beforehand */
        const struct key *psk;      /* in the order the pattern uses them */
        size_t n_psk;
};

/* Copies what it needs of @cfg. Hashes only, no curve arithmetic: trying many psks on one message is cheap.
 * 0, NOISE_E_NAME, NOISE_E_ORDER (also if there are more psks than the pattern uses). */
int noise_init(struct noise *ret, const struct noise_config *cfg);
void noise_fini(struct noise *n); /* wipes it; every later call says NOISE_E_ORDER */
bool noise_my_turn(const struct noise *n);
/* Appends the next message with @payload inside, which must not lie in @out. 0; NOISE_E_ORDER; NOISE_E_INPUT (the
 * other's static key of the config is a point of low order; state wiped); ERR_FULL (longer than NOISE_MESSAGE_MAX);
 * ERR_NOMEM. On failure nothing is appended. */
int noise_write(struct noise *n, struct span payload, struct buf *out);
/* Reads the other side's next message, appends its payload. 0, NOISE_E_INPUT (state is then useless: it was wiped),
 * NOISE_E_ORDER, ERR_NOMEM. On failure nothing is appended. */
int noise_read(struct noise *n, struct span message, struct buf *payload);
/* After the last message, once: the two directions, as seen from this side. @ret_h: the handshake hash, may be NULL. Of
 * a one-way pattern the direction that does not exist has no key. Secrets are wiped; rs and h stay readable. 0,
 * NOISE_E_ORDER. */
int noise_split(struct noise *n, struct noise_cipher *ret_send, struct noise_cipher *ret_recv,
                uint8_t ret_h[NOISE_HASH]);

/* Transport. @out gets plain.n + NOISE_TAG bytes (cipher.n - NOISE_TAG for open); may be the input itself. The counter goes
 * up on success. False: the tag is wrong, or the counter is used up. */
bool noise_encrypt(struct noise_cipher *c, struct span aad, struct span plain, uint8_t *out);
bool noise_decrypt(struct noise_cipher *c, struct span aad, struct span cipher, uint8_t *out);
