/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshake and framing of one link: bytes in, bytes out. Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b, every handshake message
 * 256 bytes; then frames of an encrypted 2-byte length (18 bytes), a body and its 16-byte tag: 128 or 1,024 bytes in all,
 * or multiples of 1,024 up to 16 KiB for bulk. Nothing on the wire is constant, and sizes say next to nothing.
 */
#pragma once

#include "base/buf.h"
#include "crypto/noise.h"

#define FRAMES_HANDSHAKE 256 /* bytes of each of the three handshake messages */
#define FRAMES_LENGTH 18     /* bytes of an encrypted length */
#define FRAMES_OVERHEAD (FRAMES_LENGTH + NOISE_TAG)
#define FRAMES_SMALL (128 - FRAMES_OVERHEAD)
#define FRAMES_NORMAL (1024 - FRAMES_OVERHEAD)
#define FRAMES_UNIT 1024
#define FRAMES_URGENT (2 * FRAMES_UNIT - FRAMES_OVERHEAD) /* three alerts of the usual length, and not two */
#define FRAMES_BULK (16 * 1024 - FRAMES_OVERHEAD)

enum {
        FRAMES_E_MORE = 1,   /* not enough bytes yet */
        FRAMES_E_BAD = 2,    /* does not verify, or is not a frame: hang up */
        FRAMES_E_SHAKEN = 3, /* a handshake message was taken; call again */
};

enum frames_state { FRAMES_WAIT_1, FRAMES_WAIT_2, FRAMES_WAIT_3, FRAMES_OPEN, FRAMES_DEAD };

struct frames {
        enum frames_state state;
        bool initiator;
        size_t want;   /* body length of the frame being read; 0: its length is not known yet */
        struct buf in; /* bytes received */
        size_t at;     /* how many of them are taken */
        struct noise_cipher send, recv;
        uint8_t salt[16];   /* SipHash key of the link, from the handshake hash */
        struct key peer;    /* the other side's static key: initiator from message 2, responder from message 3 */
        size_t psk;         /* responder: which of the keys offered opened message 1 */
        struct noise noise; /* until OPEN */
};

struct frames_config {
        bool initiator;
        const struct hash *mesh;
        const struct box_key *s;
        const struct key *psks; /* initiator: one; responder: newest first */
        size_t n_psk;
        struct key e_secret;
};

/* An initiator appends message 1 to @out. 0, ERR_NOMEM, ERR_BROKEN. */
int frames_init(struct frames *f, const struct frames_config *cfg, struct buf *out);
void frames_fini(struct frames *f);
/* Takes received bytes; they are kept until frames_next has used them. 0, or ERR_NOMEM. */
int frames_feed(struct frames *f, struct span bytes);
/* The next body, decrypted in place, in *ret_body: valid until the next frames_feed. 0; FRAMES_E_MORE; FRAMES_E_BAD;
 * FRAMES_E_SHAKEN: the handshake went a step further, replies were appended to @out (state is OPEN when it is done).
 * @cfg: as given to frames_init, needed while state is FRAMES_WAIT_1. */
int frames_next(struct frames *f, const struct frames_config *cfg, struct buf *out, struct span *ret_body);
size_t frames_padded(size_t n); /* the length of the body that holds so many bytes */
/* Appends one frame with @body (at most FRAMES_BULK), padded to the next size. 0, ERR_NOMEM, ERR_BROKEN. */
int frames_seal(struct frames *f, struct span body, struct buf *out);
/* The same without a copy: a body of at most @most bytes (up to FRAMES_BULK) is written to where frames_room() says, and
 * frames_seal_there() makes a frame of its first @n. In between nothing else is appended to @out. NULL: no memory. */
uint8_t *frames_room(struct buf *out, size_t most);
int frames_seal_there(struct frames *f, size_t n, struct buf *out);
