/* SPDX-License-Identifier: Apache-2.0 */
#include "core/frames.h"

#define PROTOCOL "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b"
#define PROLOGUE "porchlight/1 link"

/* PROTOCOL 8.3: "Each of the three handshake messages MUST be 256 bytes." */
/* Payload that makes each handshake message exactly FRAMES_HANDSHAKE bytes: message 1 is e and a tag; 2 is e, s with its
 * tag, and a tag; 3 is s with its tag, and a tag. */
#define PAD_1 (FRAMES_HANDSHAKE - 32 - NOISE_TAG)
#define PAD_2 (FRAMES_HANDSHAKE - 32 - 32 - 2 * NOISE_TAG)
#define PAD_3 (FRAMES_HANDSHAKE - 32 - 2 * NOISE_TAG)

static const uint8_t zeros[FRAMES_HANDSHAKE];

static int noise_begin(struct noise *n, const struct frames_config *cfg, const struct key *psk) {
        uint8_t prologue[sizeof(PROLOGUE) + sizeof(struct hash)];
        memcpy(prologue, PROLOGUE, sizeof(PROLOGUE));
        memcpy(prologue + sizeof(PROLOGUE), cfg->mesh->b, sizeof(struct hash));
        struct noise_config nc = {.protocol_name = PROTOCOL,
                                  .initiator = cfg->initiator,
                                  .prologue = SPAN_OF(prologue),
                                  .s = cfg->s,
                                  .e_secret = &cfg->e_secret,
                                  .psk = psk,
                                  .n_psk = 1};
        return err_fold(noise_init(n, &nc));
}

int frames_init(struct frames *f, const struct frames_config *cfg, struct buf *out) {
        *f = (struct frames){.initiator = cfg->initiator, .state = FRAMES_WAIT_1};
        if (!cfg->initiator)
                return 0;
        int r = noise_begin(&f->noise, cfg, cfg->psks);
        if (r)
                return r;
        f->state = FRAMES_WAIT_2;
        return err_fold(noise_write(&f->noise, span_of(zeros, PAD_1), out));
}

void frames_fini(struct frames *f) {
        noise_fini(&f->noise);
        hash_wipe(&f->send, sizeof(f->send));
        hash_wipe(&f->recv, sizeof(f->recv));
        hash_wipe(f->salt, sizeof(f->salt));
        buf_wipe(&f->in);
        f->state = FRAMES_DEAD;
}

int frames_feed(struct frames *f, struct span bytes) {
        buf_drop(&f->in, f->at);
        f->at = 0;
        buf_add(&f->in, bytes);
        return buf_ok(&f->in) ? 0 : ERR_NOMEM;
}

static size_t waiting(const struct frames *f) {
        return f->in.n - f->at;
}

static int open_link(struct frames *f) {
        uint8_t h[NOISE_HASH];
        int r = noise_split(&f->noise, &f->send, &f->recv, h);
        if (r)
                return err_fold(r);
        struct key secret, salt;
        memcpy(secret.b, h, sizeof(secret.b));
        hash_derive(&salt, DOMAIN_SALT, &secret, span_of(h + sizeof(secret.b), NOISE_HASH - sizeof(secret.b)));
        memcpy(f->salt, salt.b, sizeof(f->salt));
        f->peer = f->noise.rs;
        noise_fini(&f->noise);
        f->state = FRAMES_OPEN;
        return 0;
}

/* PROTOCOL 8.4: "If none opens it, it MUST close the connection without having sent a byte." */
/* Message 1 is tried under each link key kept: a tag each, before any scalar multiplication. Strangers get no answer. */
static int take_1(struct frames *f, const struct frames_config *cfg, struct span msg, struct buf *out) {
        for (size_t i = 0; i < cfg->n_psk; i++) {
                _clean_(buf_fini) struct buf payload = BUF_NULL;
                int r = noise_begin(&f->noise, cfg, cfg->psks + i);
                if (r)
                        return r;
                r = noise_read(&f->noise, msg, &payload);
                if (r < 0)
                        return r;
                if (r)
                        continue;
                f->psk = i;
                f->state = FRAMES_WAIT_3;
                r = noise_write(&f->noise, span_of(zeros, PAD_2), out);
                return r ? err_fold(r) : FRAMES_E_SHAKEN;
        }
        return FRAMES_E_BAD;
}

static int take_2(struct frames *f, struct span msg, struct buf *out) {
        _clean_(buf_fini) struct buf payload = BUF_NULL;
        int r = noise_read(&f->noise, msg, &payload);
        if (r)
                return r < 0 ? r : FRAMES_E_BAD;
        r = noise_write(&f->noise, span_of(zeros, PAD_3), out);
        if (r == 0)
                r = open_link(f);
        return r ? err_fold(r) : FRAMES_E_SHAKEN;
}

static int take_3(struct frames *f, struct span msg) {
        _clean_(buf_fini) struct buf payload = BUF_NULL;
        int r = noise_read(&f->noise, msg, &payload);
        if (r)
                return r < 0 ? r : FRAMES_E_BAD;
        r = open_link(f);
        return r ? r : FRAMES_E_SHAKEN;
}

static int shake(struct frames *f, const struct frames_config *cfg, struct buf *out) {
        if (waiting(f) < FRAMES_HANDSHAKE)
                return FRAMES_E_MORE;
        struct span msg = span_of(f->in.p + f->at, FRAMES_HANDSHAKE);
        f->at += FRAMES_HANDSHAKE;
        int r = FRAMES_E_BAD;
        if (f->state == FRAMES_WAIT_1)
                r = take_1(f, cfg, msg, out);
        else if (f->state == FRAMES_WAIT_2)
                r = take_2(f, msg, out);
        else if (f->state == FRAMES_WAIT_3)
                r = take_3(f, msg);
        if (r == FRAMES_E_BAD)
                f->state = FRAMES_DEAD;
        return r;
}

/* PROTOCOL 8.10: "A receiver MUST hang up on any other length." */
static bool length_allowed(size_t n) {
        if (n == FRAMES_SMALL || n == FRAMES_NORMAL)
                return true;
        return n <= FRAMES_BULK && n > FRAMES_NORMAL && (n + FRAMES_OVERHEAD) % FRAMES_UNIT == 0;
}

int frames_next(struct frames *f, const struct frames_config *cfg, struct buf *out, struct span *ret_body) {
        if (f->state == FRAMES_DEAD)
                return FRAMES_E_BAD;
        if (f->state != FRAMES_OPEN)
                return shake(f, cfg, out);
        uint8_t *p = f->in.p + f->at;
        if (f->want == 0) {
                uint8_t length[2];
                if (waiting(f) < FRAMES_LENGTH)
                        return FRAMES_E_MORE;
                if (!noise_decrypt(&f->recv, SPAN_NONE, span_of(p, FRAMES_LENGTH), length) ||
                    !length_allowed(get_be16(length))) {
                        f->state = FRAMES_DEAD;
                        return FRAMES_E_BAD;
                }
                f->want = get_be16(length);
        }
        if (waiting(f) < f->want + FRAMES_OVERHEAD)
                return FRAMES_E_MORE;
        uint8_t *body = p + FRAMES_LENGTH;
        if (!noise_decrypt(&f->recv, SPAN_NONE, span_of(body, f->want + NOISE_TAG), body)) {
                f->state = FRAMES_DEAD;
                return FRAMES_E_BAD;
        }
        *ret_body = span_of(body, f->want);
        f->at += f->want + FRAMES_OVERHEAD;
        f->want = 0;
        return 0;
}

size_t frames_padded(size_t n) {
        if (n <= FRAMES_SMALL)
                return FRAMES_SMALL;
        if (n <= FRAMES_NORMAL)
                return FRAMES_NORMAL;
        size_t units = (n + FRAMES_OVERHEAD + FRAMES_UNIT - 1) / FRAMES_UNIT;
        return units * FRAMES_UNIT - FRAMES_OVERHEAD;
}

uint8_t *frames_room(struct buf *out, size_t most) {
        uint8_t *p = buf_room(out, frames_padded(most) + FRAMES_OVERHEAD);
        return p ? p + FRAMES_LENGTH : NULL;
}

int frames_seal_there(struct frames *f, size_t used, struct buf *out) {
        size_t n = frames_padded(used);
        if (CHECK_FAILS(f->state == FRAMES_OPEN && n <= FRAMES_BULK))
                return ERR_BROKEN;
        uint8_t *p = out->p + out->n, *plain = p + FRAMES_LENGTH, length[2];
        put_be16(length, (uint16_t)n);
        memset(plain + used, 0, n - used);
        if (!noise_encrypt(&f->send, SPAN_NONE, SPAN_OF(length), p) ||
            !noise_encrypt(&f->send, SPAN_NONE, span_of(plain, n), plain))
                return ERR_BROKEN;
        buf_used(out, n + FRAMES_OVERHEAD);
        return 0;
}

int frames_seal(struct frames *f, struct span body, struct buf *out) {
        if (CHECK_FAILS(body.n <= FRAMES_BULK))
                return ERR_BROKEN;
        uint8_t *plain = frames_room(out, body.n);
        if (!plain)
                return ERR_NOMEM;
        memcpy(plain, body.p, body.n);
        return frames_seal_there(f, body.n, out);
}
