/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See noise.h. The three objects of the specification (CipherState, SymmetricState, HandshakeState; its section 5) in
 * that order, under its names. Departures: a message's length is checked once before its tokens, so that no token can
 * run out of bytes; points of low order are refused where they arrive, not where they are used; whatever goes wrong
 * after the first token wipes the state, so that no half-done handshake can be continued.
 */
#include "crypto/noise.h"

#include <sodium.h>

#define HMAC_BLOCK 128 /* BLAKE2b's */
#define HKDF_MAX 3
#define NONCE_BYTES 12
#define NONCE_AT 4 /* four zero bytes, then the counter, little-endian */
#define POINT (sizeof(struct key))

_Static_assert(NOISE_HASH == crypto_generichash_blake2b_BYTES_MAX, "HASHLEN of BLAKE2b");
_Static_assert(NOISE_HASH <= HMAC_BLOCK, "HMAC keys are hashes and fit a block");
_Static_assert(NOISE_TAG == crypto_aead_chacha20poly1305_ietf_ABYTES, "Poly1305's tag");
_Static_assert(NONCE_BYTES == crypto_aead_chacha20poly1305_ietf_NPUBBYTES, "ChaCha20's nonce");

/* CipherState */

static bool cipher_nonce(const struct noise_cipher *c, uint8_t ret[NONCE_BYTES]) {
        if (!c->has_key || c->n == UINT64_MAX) /* the last counter is reserved (section 5.1) */
                return false;
        memset(ret, 0, NONCE_AT);
        for (size_t i = 0; i < sizeof(c->n); i++)
                ret[NONCE_AT + i] = (uint8_t)(c->n >> 8 * i);
        return true;
}

bool noise_encrypt(struct noise_cipher *c, struct span aad, struct span plain, uint8_t *out) {
        uint8_t nonce[NONCE_BYTES];
        if (!cipher_nonce(c, nonce))
                return false;
        crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain.p, plain.n, aad.p, aad.n, NULL, nonce, c->key.b);
        c->n++;
        return true;
}

bool noise_decrypt(struct noise_cipher *c, struct span aad, struct span cipher, uint8_t *out) {
        uint8_t nonce[NONCE_BYTES];
        if (cipher.n < NOISE_TAG || !cipher_nonce(c, nonce))
                return false;
        if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, cipher.p, cipher.n, aad.p, aad.n, nonce,
                                                      c->key.b))
                return false;
        c->n++;
        return true;
}

static void cipher_rekey(struct noise_cipher *c, const uint8_t key[NOISE_HASH]) {
        memcpy(c->key.b, key, sizeof(c->key.b)); /* of the hash, its first half */
        c->n = 0;
        c->has_key = true;
}

/* SymmetricState */

static void hash_two(uint8_t ret[NOISE_HASH], struct span a, struct span b) {
        crypto_generichash_blake2b_state st;
        crypto_generichash_blake2b_init(&st, NULL, 0, NOISE_HASH);
        crypto_generichash_blake2b_update(&st, a.p, a.n);
        crypto_generichash_blake2b_update(&st, b.p, b.n);
        crypto_generichash_blake2b_final(&st, ret, NOISE_HASH);
        sodium_memzero(&st, sizeof(st));
}

/* One side of HMAC (RFC 2104): BLAKE2b over the key xored with @pad to a whole block, then @a, @b. */
static void hmac_side(uint8_t ret[NOISE_HASH], const uint8_t key[NOISE_HASH], uint8_t pad, struct span a,
                      struct span b) {
        crypto_generichash_blake2b_state st;
        uint8_t block[HMAC_BLOCK];
        memset(block, pad, sizeof(block));
        for (size_t i = 0; i < NOISE_HASH; i++)
                block[i] ^= key[i];
        crypto_generichash_blake2b_init(&st, NULL, 0, NOISE_HASH);
        crypto_generichash_blake2b_update(&st, block, sizeof(block));
        crypto_generichash_blake2b_update(&st, a.p, a.n);
        crypto_generichash_blake2b_update(&st, b.p, b.n);
        crypto_generichash_blake2b_final(&st, ret, NOISE_HASH);
        sodium_memzero(&st, sizeof(st));
        sodium_memzero(block, sizeof(block));
}

static void hmac(uint8_t ret[NOISE_HASH], const uint8_t key[NOISE_HASH], struct span a, struct span b) {
        const uint8_t inner_pad = 0x36, outer_pad = 0x5c;
        uint8_t inner[NOISE_HASH];
        hmac_side(inner, key, inner_pad, a, b);
        hmac_side(ret, key, outer_pad, SPAN_OF(inner), SPAN_NONE);
        sodium_memzero(inner, sizeof(inner));
}

static void hkdf(const uint8_t ck[NOISE_HASH], struct span input, uint8_t ret[][NOISE_HASH], size_t n) {
        uint8_t temp[NOISE_HASH];
        hmac(temp, ck, input, SPAN_NONE);
        for (size_t i = 0; i < n; i++) {
                uint8_t count = (uint8_t)(i + 1);
                hmac(ret[i], temp, i ? span_of(ret[i - 1], NOISE_HASH) : SPAN_NONE, span_of(&count, 1));
        }
        sodium_memzero(temp, sizeof(temp));
}

static void mix_hash(struct noise *n, struct span data) {
        hash_two(n->h, SPAN_OF(n->h), data);
}

static void mix_key(struct noise *n, struct span input) {
        uint8_t out[2][NOISE_HASH];
        hkdf(n->ck, input, out, ARRAY_LEN(out));
        memcpy(n->ck, out[0], NOISE_HASH);
        cipher_rekey(&n->cipher, out[1]);
        sodium_memzero(out, sizeof(out));
}

static void mix_key_and_hash(struct noise *n, struct span input) {
        uint8_t out[HKDF_MAX][NOISE_HASH];
        hkdf(n->ck, input, out, ARRAY_LEN(out));
        memcpy(n->ck, out[0], NOISE_HASH);
        mix_hash(n, SPAN_OF(out[1]));
        cipher_rekey(&n->cipher, out[2]);
        sodium_memzero(out, sizeof(out));
}

static size_t tag_bytes(const struct noise *n) {
        return n->cipher.has_key ? NOISE_TAG : 0;
}

/* Writes @plain.n + tag_bytes() bytes to @out. */
static bool encrypt_and_hash(struct noise *n, struct span plain, uint8_t *out) {
        size_t size = plain.n + tag_bytes(n);
        if (!n->cipher.has_key && plain.n)
                memcpy(out, plain.p, plain.n);
        if (n->cipher.has_key && !noise_encrypt(&n->cipher, SPAN_OF(n->h), plain, out))
                return false;
        mix_hash(n, span_of(out, size));
        return true;
}

/* Writes @cipher.n - tag_bytes() bytes to @out, which is not @cipher. */
static bool decrypt_and_hash(struct noise *n, struct span cipher, uint8_t *out) {
        if (!n->cipher.has_key && cipher.n)
                memcpy(out, cipher.p, cipher.n);
        if (n->cipher.has_key && !noise_decrypt(&n->cipher, SPAN_OF(n->h), cipher, out))
                return false;
        mix_hash(n, cipher);
        return true;
}

static void name_hash(struct noise *n, const char *name) {
        struct span s = span_str(name);
        if (s.n <= NOISE_HASH)
                memcpy(n->h, s.p, s.n); /* the rest is zero */
        else
                hash_two(n->h, s, SPAN_NONE);
        memcpy(n->ck, n->h, NOISE_HASH);
}

/* HandshakeState */

/* Every encoding of a point whose order divides 8, on the curve or its twist, without the unused top bit. With one of
 * these the other side fixes the shared secret (T03). */
static bool point_low(const struct key *p) {
        static const uint8_t low[][POINT] = {
                {0},
                {1},
                {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
                 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
                {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
                 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
                {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
                {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
                {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        };
        const uint8_t unused_top = 0x7f;
        struct key k = *p;
        k.b[POINT - 1] &= unused_top;
        for (size_t i = 0; i < ARRAY_LEN(low); i++)
                if (memcmp(k.b, low[i], POINT) == 0)
                        return true;
        return false;
}

static bool has_token(const struct noise_pattern *p, bool initiator, enum noise_token t) {
        for (size_t i = initiator ? 0 : 1; i < p->n_messages; i += 2)
                if (memchr(p->tokens[i], t, NOISE_TOKENS_MAX))
                        return true;
        return false;
}

static size_t count_psks(const struct noise_pattern *p) {
        size_t n = 0;
        for (size_t i = 0; i < p->n_messages; i++)
                for (size_t j = 0; j < NOISE_TOKENS_MAX; j++)
                        n += p->tokens[i][j] == NOISE_TOKEN_PSK;
        return n;
}

/* Whether @cfg brings every key that @p will ask for. */
static bool keys_complete(const struct noise_pattern *p, const struct noise_config *cfg) {
        bool mine_known = (cfg->initiator ? p->pre_initiator : p->pre_responder) & NOISE_PRE_S;
        bool theirs_known = (cfg->initiator ? p->pre_responder : p->pre_initiator) & NOISE_PRE_S;
        if ((mine_known || has_token(p, cfg->initiator, NOISE_TOKEN_S)) && !cfg->s)
                return false;
        if (has_token(p, cfg->initiator, NOISE_TOKEN_E) && !cfg->e_secret)
                return false;
        if (theirs_known && !cfg->rs)
                return false;
        return cfg->n_psk == count_psks(p) && cfg->n_psk <= NOISE_PSKS_MAX;
}

static void take_keys(struct noise *n, const struct noise_config *cfg, bool theirs_known) {
        n->has_s = cfg->s != NULL;
        if (cfg->s)
                n->s = *cfg->s;
        n->has_e = cfg->e_secret != NULL;
        if (cfg->e_secret)
                n->e.secret = *cfg->e_secret;
        n->has_rs = theirs_known;
        if (theirs_known)
                n->rs = *cfg->rs;
        n->n_psk = (uint8_t)cfg->n_psk;
        for (size_t i = 0; i < cfg->n_psk; i++)
                n->psk[i] = cfg->psk[i];
}

int noise_init(struct noise *ret, const struct noise_config *cfg) {
        struct noise_pattern p;
        int r = noise_pattern_parse(&p, cfg->protocol_name);
        if (r)
                return r;
        if (!keys_complete(&p, cfg))
                return NOISE_E_ORDER;

        *ret = (struct noise){.pattern = p, .initiator = cfg->initiator};
        uint8_t pre_mine = cfg->initiator ? p.pre_initiator : p.pre_responder;
        uint8_t pre_theirs = cfg->initiator ? p.pre_responder : p.pre_initiator;
        take_keys(ret, cfg, pre_theirs & NOISE_PRE_S);
        name_hash(ret, cfg->protocol_name);
        mix_hash(ret, cfg->prologue);
        if (cfg->initiator && pre_mine & NOISE_PRE_S)
                mix_hash(ret, SPAN_OF(ret->s.pub.b));
        if (pre_theirs & NOISE_PRE_S)
                mix_hash(ret, SPAN_OF(ret->rs.b));
        if (!cfg->initiator && pre_mine & NOISE_PRE_S)
                mix_hash(ret, SPAN_OF(ret->s.pub.b));
        return 0;
}

void noise_fini(struct noise *n) {
        sodium_memzero(n, sizeof(*n));
}

static bool message_left(const struct noise *n) {
        return n->step < n->pattern.n_messages;
}

bool noise_my_turn(const struct noise *n) {
        return message_left(n) && (n->step % 2 == 0) == n->initiator;
}

/* The bytes of the next message besides its payload. */
static size_t message_overhead(const struct noise *n) {
        bool has_key = n->cipher.has_key;
        size_t size = 0;
        for (size_t i = 0; i < NOISE_TOKENS_MAX; i++) {
                switch ((enum noise_token)n->pattern.tokens[n->step][i]) {
                case NOISE_END:
                        break;
                case NOISE_TOKEN_E:
                        size += POINT;
                        has_key |= n->pattern.psk;
                        break;
                case NOISE_TOKEN_S:
                        size += POINT + (has_key ? NOISE_TAG : 0);
                        break;
                case NOISE_TOKEN_EE:
                case NOISE_TOKEN_ES:
                case NOISE_TOKEN_SE:
                case NOISE_TOKEN_SS:
                case NOISE_TOKEN_PSK:
                        has_key = true;
                        break;
                }
        }
        return size + (has_key ? NOISE_TAG : 0);
}

/* The first letter of a token names the initiator's key, the second the responder's. */
static bool mix_dh(struct noise *n, enum noise_token t) {
        bool mine_e = t == NOISE_TOKEN_EE || t == (n->initiator ? NOISE_TOKEN_ES : NOISE_TOKEN_SE);
        bool theirs_e = t == NOISE_TOKEN_EE || t == (n->initiator ? NOISE_TOKEN_SE : NOISE_TOKEN_ES);
        if (CHECK_FAILS((mine_e ? n->has_e : n->has_s) && (theirs_e ? n->has_re : n->has_rs)))
                return false;
        struct key shared;
        bool ok =
                crypto_scalarmult(shared.b, mine_e ? n->e.secret.b : n->s.secret.b, theirs_e ? n->re.b : n->rs.b) == 0;
        if (ok)
                mix_key(n, SPAN_OF(shared.b));
        sodium_memzero(&shared, sizeof(shared));
        return ok;
}

static bool mix_psk(struct noise *n) {
        if (CHECK_FAILS(n->used_psk < n->n_psk))
                return false;
        mix_key_and_hash(n, SPAN_OF(n->psk[n->used_psk].b));
        n->used_psk++;
        return true;
}

static void mix_ephemeral(struct noise *n, const struct key *pub) {
        mix_hash(n, SPAN_OF(pub->b));
        if (n->pattern.psk)
                mix_key(n, SPAN_OF(pub->b));
}

/* Moves @at past what the token writes. */
static bool write_token(struct noise *n, enum noise_token t, uint8_t **at) {
        size_t size;
        switch (t) {
        case NOISE_END:
                return true;
        case NOISE_TOKEN_E:
                crypto_scalarmult_base(n->e.pub.b, n->e.secret.b);
                memcpy(*at, n->e.pub.b, POINT);
                *at += POINT;
                mix_ephemeral(n, &n->e.pub);
                return true;
        case NOISE_TOKEN_S:
                size = POINT + tag_bytes(n);
                if (!encrypt_and_hash(n, SPAN_OF(n->s.pub.b), *at))
                        return false;
                *at += size;
                return true;
        case NOISE_TOKEN_EE:
        case NOISE_TOKEN_ES:
        case NOISE_TOKEN_SE:
        case NOISE_TOKEN_SS:
                return mix_dh(n, t);
        case NOISE_TOKEN_PSK:
                return mix_psk(n);
        }
        return false;
}

/* Takes what the token reads off the front of @rest, which message_overhead() has found long enough. */
static bool read_token(struct noise *n, enum noise_token t, struct span *rest) {
        size_t size;
        switch (t) {
        case NOISE_END:
                return true;
        case NOISE_TOKEN_E:
                memcpy(n->re.b, rest->p, POINT);
                *rest = span_from(*rest, POINT);
                n->has_re = true;
                mix_ephemeral(n, &n->re);
                return !point_low(&n->re);
        case NOISE_TOKEN_S:
                size = POINT + tag_bytes(n);
                if (!decrypt_and_hash(n, span_of(rest->p, size), n->rs.b))
                        return false;
                *rest = span_from(*rest, size);
                n->has_rs = true;
                return !point_low(&n->rs);
        case NOISE_TOKEN_EE:
        case NOISE_TOKEN_ES:
        case NOISE_TOKEN_SE:
        case NOISE_TOKEN_SS:
                return mix_dh(n, t);
        case NOISE_TOKEN_PSK:
                return mix_psk(n);
        }
        return false;
}

static bool write_message(struct noise *n, struct span payload, uint8_t *at) {
        for (size_t i = 0; i < NOISE_TOKENS_MAX; i++)
                if (!write_token(n, n->pattern.tokens[n->step][i], &at))
                        return false;
        return encrypt_and_hash(n, payload, at);
}

static int read_message(struct noise *n, struct span message, size_t overhead, struct buf *payload) {
        if (message.n < overhead || message.n > NOISE_MESSAGE_MAX)
                return NOISE_E_INPUT;
        struct span rest = message;
        for (size_t i = 0; i < NOISE_TOKENS_MAX; i++)
                if (!read_token(n, n->pattern.tokens[n->step][i], &rest))
                        return NOISE_E_INPUT;

        uint8_t nothing;
        size_t size = message.n - overhead;
        uint8_t *p = size ? buf_room(payload, size) : &nothing;
        if (!p)
                return ERR_NOMEM;
        if (!decrypt_and_hash(n, rest, p))
                return NOISE_E_INPUT;
        buf_used(payload, size);
        return 0;
}

static void message_done(struct noise *n) {
        n->step++;
        n->done = !message_left(n);
}

int noise_write(struct noise *n, struct span payload, struct buf *out) {
        if (!noise_my_turn(n))
                return NOISE_E_ORDER;
        size_t overhead = message_overhead(n);
        if (payload.n > NOISE_MESSAGE_MAX - overhead)
                return ERR_FULL;
        uint8_t *p = buf_room(out, overhead + payload.n);
        if (!p)
                return ERR_NOMEM;
        if (!write_message(n, payload, p)) {
                noise_fini(n);
                return NOISE_E_INPUT;
        }
        buf_used(out, overhead + payload.n);
        message_done(n);
        return 0;
}

int noise_read(struct noise *n, struct span message, struct buf *payload) {
        if (!message_left(n) || noise_my_turn(n))
                return NOISE_E_ORDER;
        int r = read_message(n, message, message_overhead(n), payload);
        if (r) {
                noise_fini(n);
                return r;
        }
        message_done(n);
        return 0;
}

int noise_split(struct noise *n, struct noise_cipher *ret_send, struct noise_cipher *ret_recv,
                uint8_t ret_h[NOISE_HASH]) {
        if (!n->done || !n->cipher.has_key)
                return NOISE_E_ORDER;
        uint8_t keys[2][NOISE_HASH];
        struct noise_cipher forth, back = {0};
        hkdf(n->ck, SPAN_NONE, keys, ARRAY_LEN(keys));
        cipher_rekey(&forth, keys[0]);
        if (!n->pattern.one_way)
                cipher_rekey(&back, keys[1]);
        *ret_send = n->initiator ? forth : back;
        *ret_recv = n->initiator ? back : forth;
        if (ret_h)
                memcpy(ret_h, n->h, NOISE_HASH);

        sodium_memzero(keys, sizeof(keys));
        sodium_memzero(&forth, sizeof(forth));
        sodium_memzero(&back, sizeof(back));
        sodium_memzero(&n->cipher, sizeof(n->cipher));
        sodium_memzero(n->ck, sizeof(n->ck));
        sodium_memzero(&n->s.secret, sizeof(n->s.secret));
        sodium_memzero(&n->e.secret, sizeof(n->e.secret));
        sodium_memzero(n->psk, sizeof(n->psk));
        return 0;
}
