/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See keyfile.h. The layout is fixed and has no lengths in it: what could be wrong in a file is a value or the hash.
 */
#include "vault/keyfile.h"

#include "crypto/sign.h"

#include <sodium.h>

#define MAGIC "PLHK1"

/* Where each part begins; numbers are big-endian. */
enum {
        AT_LOCK = sizeof(MAGIC) - 1,
        AT_STATE = AT_LOCK + 1,
        AT_OWNER = AT_STATE + 1,
        AT_MESH = AT_OWNER + 4,
        AT_HOUSEHOLD = AT_MESH + 32,
        AT_SEAL = AT_HOUSEHOLD + 32,
        AT_SALT = AT_SEAL + 32,
        AT_PASSES = AT_SALT + KEYFILE_SALT,
        AT_MEMORY = AT_PASSES + 4,
        AT_SECRETS = AT_MEMORY + 4,
        HEAD_BYTES = AT_SECRETS,
        SECRET_BYTES = 64,
        HASH_BYTES = 32,
};

_Static_assert(sizeof(struct keyfile_secret) == SECRET_BYTES, "the secrets are packed as they stand");
_Static_assert(KEYFILE_SALT == crypto_pwhash_argon2id_SALTBYTES, "Argon2id's salt");
_Static_assert(HEAD_BYTES + SECRET_BYTES + BOX_OVERHEAD + HASH_BYTES <= KEYFILE_BYTES_MAX, "room for a locked file");

static size_t secrets_size(enum keyfile_lock lock) {
        switch (lock) {
        case KEYFILE_PLAIN:
                return SECRET_BYTES;
        case KEYFILE_LOCKED:
                return SECRET_BYTES + BOX_OVERHEAD;
        }
        return 0;
}

static bool cost_fine(const struct keyfile *head) {
        switch (head->lock) {
        case KEYFILE_PLAIN:
                return head->passes == 0 && head->memory_kib == 0;
        case KEYFILE_LOCKED:
                return head->passes >= 1 && head->passes <= KEYFILE_PASSES_MAX &&
                       head->memory_kib >= KEYFILE_MEMORY_KIB_MIN && head->memory_kib <= KEYFILE_MEMORY_KIB_MAX;
        }
        return false;
}

static void put_head(uint8_t p[HEAD_BYTES], const struct keyfile *head) {
        memcpy(p, MAGIC, sizeof(MAGIC) - 1);
        p[AT_LOCK] = (uint8_t)head->lock;
        p[AT_STATE] = (uint8_t)head->state;
        put_be32(p + AT_OWNER, head->owner);
        memcpy(p + AT_MESH, head->mesh.b, sizeof(head->mesh.b));
        memcpy(p + AT_HOUSEHOLD, head->household.b, sizeof(head->household.b));
        memcpy(p + AT_SEAL, head->seal.b, sizeof(head->seal.b));
        memcpy(p + AT_SALT, head->salt, sizeof(head->salt));
        put_be32(p + AT_PASSES, head->passes);
        put_be32(p + AT_MEMORY, head->memory_kib);
}

static void get_head(const uint8_t p[HEAD_BYTES], struct keyfile *ret) {
        ret->lock = p[AT_LOCK];
        ret->state = p[AT_STATE];
        ret->owner = get_be32(p + AT_OWNER);
        memcpy(ret->mesh.b, p + AT_MESH, sizeof(ret->mesh.b));
        memcpy(ret->household.b, p + AT_HOUSEHOLD, sizeof(ret->household.b));
        memcpy(ret->seal.b, p + AT_SEAL, sizeof(ret->seal.b));
        memcpy(ret->salt, p + AT_SALT, sizeof(ret->salt));
        ret->passes = get_be32(p + AT_PASSES);
        ret->memory_kib = get_be32(p + AT_MEMORY);
}

/* What the box covers besides the secrets: its domain, and the header but for the state. */
static void put_aad(struct buf *aad, const uint8_t head[HEAD_BYTES]) {
        const char *domain = domain_text(DOMAIN_KEY_FILE);
        buf_add(aad, span_of(domain, strlen(domain) + 1));
        buf_add(aad, span_of(head, AT_STATE));
        buf_add_u8(aad, 0);
        buf_add(aad, span_of(head + AT_OWNER, HEAD_BYTES - AT_OWNER));
}

static void hash_file(struct span before, struct hash *ret) {
        hash_make(ret, DOMAIN_KEY_FILE, NULL, before);
}

/* False: no memory. */
static bool derive(struct key *ret, const struct keyfile *head, struct span passphrase) {
        const char *words = passphrase.n ? (const char *)passphrase.p : "";
        return crypto_pwhash_argon2id(ret->b, sizeof(ret->b), words, passphrase.n, head->salt, head->passes,
                                      (size_t)head->memory_kib * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13) == 0;
}

static int lock_secrets(struct buf *out, const struct keyfile *head, const uint8_t clear[HEAD_BYTES],
                        struct span secrets, struct span passphrase, struct rng *rng) {
        _clean_(buf_fini) struct buf aad = BUF_NULL;
        struct key key;
        put_aad(&aad, clear);
        if (!buf_ok(&aad) || !derive(&key, head, passphrase))
                return ERR_NOMEM;
        box_lock(out, &key, buf_span(&aad), secrets, rng);
        sodium_memzero(&key, sizeof(key));
        return 0;
}

int keyfile_encode(struct buf *out, const struct keyfile *head, const struct keyfile_secret *secret,
                   struct span passphrase, struct rng *rng) {
        struct keyfile h = *head;
        struct span secrets = span_of(secret, sizeof(*secret));
        struct hash sum;
        uint8_t clear[HEAD_BYTES];
        size_t from = out->n;
        if (CHECK_FAILS(cost_fine(&h)))
                return ERR_BROKEN;
        memset(h.salt, 0, sizeof(h.salt));
        if (h.lock == KEYFILE_LOCKED)
                rng_bytes(rng, h.salt, sizeof(h.salt));
        put_head(clear, &h);
        buf_add(out, SPAN_OF(clear));
        if (h.lock == KEYFILE_PLAIN)
                buf_add(out, secrets);
        else if (lock_secrets(out, &h, clear, secrets, passphrase, rng))
                return ERR_NOMEM;
        if (!buf_ok(out))
                return ERR_NOMEM;
        hash_file(span_from(buf_span(out), from), &sum);
        buf_add(out, SPAN_OF(sum.b));
        return buf_ok(out) ? 0 : ERR_NOMEM;
}

static bool state_known(enum keyfile_state state) {
        switch (state) {
        case KEYFILE_FOUNDING:
        case KEYFILE_JOINING:
        case KEYFILE_MEMBER:
        case KEYFILE_RESTORING:
        case KEYFILE_OVER:
        case KEYFILE_DEVICE_JOINING:
        case KEYFILE_DEVICE:
                return true;
        }
        return false;
}

int keyfile_decode(struct span file, struct keyfile *ret) {
        static const uint8_t no_salt[KEYFILE_SALT];
        struct keyfile head;
        struct hash sum;
        if (file.n && memcmp(file.p, MAGIC, MIN(file.n, (size_t)AT_LOCK)) != 0)
                return KEYFILE_E_MAGIC;
        if (file.n < HEAD_BYTES)
                return KEYFILE_E_DAMAGED;
        get_head(file.p, &head);
        size_t secrets = secrets_size(head.lock);
        if (!secrets || file.n != HEAD_BYTES + secrets + HASH_BYTES)
                return KEYFILE_E_DAMAGED;
        hash_file(span_of(file.p, file.n - HASH_BYTES), &sum);
        if (!hash_same(sum.b, file.p + file.n - HASH_BYTES, HASH_BYTES) || !state_known(head.state))
                return KEYFILE_E_DAMAGED;
        if (!cost_fine(&head))
                return KEYFILE_E_COST;
        if (head.lock == KEYFILE_PLAIN && memcmp(head.salt, no_salt, sizeof(no_salt)) != 0)
                return KEYFILE_E_DAMAGED;
        *ret = head;
        return 0;
}

static int unlock_secrets(struct buf *out, const struct keyfile *head, struct span file, struct span passphrase) {
        _clean_(buf_fini) struct buf aad = BUF_NULL;
        struct key key;
        put_aad(&aad, file.p);
        if (!buf_ok(&aad) || !derive(&key, head, passphrase))
                return ERR_NOMEM;
        bool ok = box_open(out, &key, buf_span(&aad), span_of(file.p + AT_SECRETS, SECRET_BYTES + BOX_OVERHEAD));
        sodium_memzero(&key, sizeof(key));
        if (ok)
                return 0;
        return buf_ok(out) ? KEYFILE_E_PASSPHRASE : ERR_NOMEM;
}

/* The secrets are those of the public keys in the header. */
static bool halves_match(const struct keyfile *head, const struct keyfile_secret *secret) {
        static const uint8_t no_seed[sizeof(secret->sign_seed)];
        struct sign_key sign;
        struct box_key seal;
        sign_key_from_seed(&sign, secret->sign_seed);
        box_key_from_secret(&seal, &secret->seal);
        bool match = key_eq(&seal.pub, &head->seal);
        if (keyfile_of_device(head->state))
                match = match && memcmp(secret->sign_seed, no_seed, sizeof(no_seed)) == 0;
        else
                match = match && key_eq(&sign.pub, &head->household);
        sodium_memzero(&sign, sizeof(sign));
        sodium_memzero(&seal, sizeof(seal));
        return match;
}

int keyfile_open(struct span file, struct span passphrase, struct keyfile_secret *ret) {
        _clean_(buf_wipe) struct buf plain = BUF_NULL;
        struct keyfile head;
        int r = keyfile_decode(file, &head);
        if (r)
                return r;
        if (head.lock == KEYFILE_PLAIN)
                buf_add(&plain, span_of(file.p + AT_SECRETS, SECRET_BYTES));
        else
                r = unlock_secrets(&plain, &head, file, passphrase);
        if (r)
                return r;
        if (!buf_ok(&plain))
                return ERR_NOMEM;
        struct keyfile_secret secret;
        memcpy(&secret, plain.p, sizeof(secret));
        bool match = halves_match(&head, &secret);
        if (match)
                *ret = secret;
        sodium_memzero(&secret, sizeof(secret));
        return match ? 0 : KEYFILE_E_DAMAGED;
}

int keyfile_set_state(struct buf *file, enum keyfile_state state) {
        struct keyfile head;
        struct hash sum;
        int r = keyfile_decode(buf_span(file), &head);
        if (r)
                return r;
        file->p[AT_STATE] = (uint8_t)state;
        hash_file(span_of(file->p, file->n - HASH_BYTES), &sum);
        memcpy(file->p + file->n - HASH_BYTES, sum.b, HASH_BYTES);
        return 0;
}
