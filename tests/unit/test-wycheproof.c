/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Project Wycheproof's vectors through our wrappers where one fits the vector, and through libsodium's own call for
 * the rest (nonces that Noise never makes), so that both what we wrote and what we chose is tested.
 */
#include "crypto/box.h"
#include "crypto/noise.h"
#include "crypto/sign.h"

#include "vectors.h"

struct tally {
        size_t wrapped; /* went through a wrapper of ours */
        size_t direct;  /* through libsodium's call */
        size_t unfit;   /* a size that neither can be given: must be an invalid vector */
        size_t failed;
};

/* One vector; false if the outcome is not the expected one. */
typedef bool run_fn(const json_t *group, const json_t *test, struct tally *t);

static bool is_valid(const json_t *test) {
        return strcmp(vector_text(test, "result"), "valid") == 0;
}

struct aead {
        struct key key;
        struct buf nonce, aad, plain, cipher; /* the cipher with its tag */
};

static void aead_fini(struct aead *a) {
        buf_fini(&a->nonce);
        buf_fini(&a->aad);
        buf_fini(&a->plain);
        buf_fini(&a->cipher);
}

static bool aead_init(struct aead *a, const json_t *test) {
        *a = (struct aead){
                .nonce = vector_bytes(test, "iv"),
                .aad = vector_bytes(test, "aad"),
                .plain = vector_bytes(test, "msg"),
                .cipher = vector_bytes(test, "ct"),
        };
        _clean_(buf_fini) struct buf tag = vector_bytes(test, "tag");
        buf_add(&a->cipher, buf_span(&tag));
        return vector_fixed(test, "key", a->key.b, sizeof(a->key.b)) && buf_ok(&a->nonce) && buf_ok(&a->aad) &&
               buf_ok(&a->plain) && buf_ok(&a->cipher) && buf_ok(&tag);
}

/* The counter of a nonce as Noise makes them: four zero bytes, then little-endian. */
static bool noise_counter(struct span nonce, uint64_t *ret) {
        uint64_t n = 0;
        if (nonce.n != 12 || get_be32(nonce.p) != 0)
                return false;
        for (size_t i = nonce.n; i-- > 4;)
                n = n << 8 | nonce.p[i];
        *ret = n;
        return n != UINT64_MAX;
}

static bool chacha_wrapped(const struct aead *a, uint64_t n, bool valid) {
        struct noise_cipher enc = {.key = a->key, .n = n, .has_key = true}, dec = enc;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        uint8_t *p = buf_room(&out, a->cipher.n + NOISE_TAG);
        if (!p || noise_decrypt(&dec, buf_span(&a->aad), buf_span(&a->cipher), p) != valid || dec.n != n + valid)
                return false;
        if (!valid)
                return true;
        if (!span_eq(span_of(p, a->plain.n), buf_span(&a->plain)))
                return false;
        return noise_encrypt(&enc, buf_span(&a->aad), buf_span(&a->plain), p) && enc.n == n + 1 &&
               span_eq(span_of(p, a->plain.n + NOISE_TAG), buf_span(&a->cipher));
}

static bool chacha_direct(const struct aead *a, bool valid) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        uint8_t *p = buf_room(&out, a->cipher.n + NOISE_TAG);
        if (!p)
                return false;
        bool opened = crypto_aead_chacha20poly1305_ietf_decrypt(p, NULL, NULL, a->cipher.p, a->cipher.n, a->aad.p,
                                                                a->aad.n, a->nonce.p, a->key.b) == 0;
        if (opened != valid || !valid)
                return opened == valid;
        if (!span_eq(span_of(p, a->plain.n), buf_span(&a->plain)))
                return false;
        crypto_aead_chacha20poly1305_ietf_encrypt(p, NULL, a->plain.p, a->plain.n, a->aad.p, a->aad.n, NULL, a->nonce.p,
                                                  a->key.b);
        return span_eq(span_of(p, a->plain.n + NOISE_TAG), buf_span(&a->cipher));
}

static bool run_chacha(const json_t *group, const json_t *test, struct tally *t) {
        _clean_(aead_fini) struct aead a = {0};
        uint64_t n;
        (void)group;
        if (!aead_init(&a, test))
                return false;
        if (noise_counter(buf_span(&a.nonce), &n)) {
                t->wrapped++;
                return chacha_wrapped(&a, n, is_valid(test));
        }
        if (a.nonce.n != crypto_aead_chacha20poly1305_ietf_NPUBBYTES) {
                t->unfit++;
                return !is_valid(test);
        }
        t->direct++;
        return chacha_direct(&a, is_valid(test));
}

static bool run_xchacha(const json_t *group, const json_t *test, struct tally *t) {
        _clean_(aead_fini) struct aead a = {0};
        _clean_(buf_fini) struct buf locked = BUF_NULL;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        (void)group;
        if (!aead_init(&a, test))
                return false;
        if (a.nonce.n != BOX_NONCE) {
                t->unfit++;
                return !is_valid(test);
        }
        t->wrapped++;
        buf_add(&locked, buf_span(&a.nonce));
        buf_add(&locked, buf_span(&a.cipher));
        bool opened = box_open(&out, &a.key, buf_span(&a.aad), buf_span(&locked));
        if (!opened)
                return !is_valid(test) && out.n == 0;
        return is_valid(test) && span_eq(buf_span(&out), buf_span(&a.plain));
}

static bool run_ed25519(const json_t *group, const json_t *test, struct tally *t) {
        struct key pub;
        _clean_(buf_fini) struct buf sig = vector_bytes(test, "sig");
        _clean_(buf_fini) struct buf message = vector_bytes(test, "msg");
        if (!vector_fixed(json_object_get(group, "publicKey"), "pk", pub.b, sizeof(pub.b)) || !buf_ok(&sig) ||
            !buf_ok(&message) || !sign_key_valid(&pub))
                return false;
        if (sig.n != SIGN_BYTES) {
                t->unfit++;
                return !is_valid(test);
        }
        t->wrapped++;
        return sign_check_raw(sig.p, &pub, buf_span(&message)) == is_valid(test);
}

/* "Acceptable" covers points on the twist and encodings that are not canonical, which X25519 computes with, and points
 * of low order, which give zero and which we refuse. */
static bool run_x25519(const json_t *group, const json_t *test, struct tally *t) {
        static const struct key zero;
        struct key pub, secret, shared, got;
        struct rng rng;
        _clean_(buf_fini) struct buf sealed = BUF_NULL;
        (void)group;
        if (!vector_fixed(test, "public", pub.b, sizeof(pub.b)) ||
            !vector_fixed(test, "private", secret.b, sizeof(secret.b)) ||
            !vector_fixed(test, "shared", shared.b, sizeof(shared.b)))
                return false;
        bool usable = !key_eq(&shared, &zero);
        t->direct++;
        bool ok = crypto_scalarmult(got.b, secret.b, pub.b) == 0;
        if (ok != usable || (ok && !key_eq(&got, &shared)))
                return false;
        t->wrapped++;
        rng_init(&rng, secret.b);
        return box_seal(&sealed, &pub, SPAN_NONE, SPAN_STR("x"), &rng) == usable &&
               sealed.n == (usable ? BOX_SEAL_OVERHEAD + 1 : 0);
}

static bool run_siphash(const json_t *group, const json_t *test, struct tally *t) {
        uint8_t salt[16], tag[8];
        uint64_t expected = 0;
        _clean_(buf_fini) struct buf message = vector_bytes(test, "msg");
        (void)group;
        if (!vector_fixed(test, "key", salt, sizeof(salt)) || !vector_fixed(test, "tag", tag, sizeof(tag)) ||
            !buf_ok(&message))
                return false;
        for (size_t i = sizeof(tag); i-- > 0;)
                expected = expected << 8 | tag[i];
        t->wrapped++;
        return (hash_short(salt, buf_span(&message)) == expected) == is_valid(test);
}

/* Returns the number of vectors that went wrong, or of a file that is not all there, one more. */
static size_t run_file(const char *path, const char *name, run_fn *run) {
        struct tally t = {0};
        json_t *root = vectors_load(path);
        size_t i, j, n = 0;
        json_t *group, *test;
        json_array_foreach(json_object_get(root, "testGroups"), i, group) {
                json_array_foreach(json_object_get(group, "tests"), j, test) {
                        n++;
                        if (run(group, test, &t))
                                continue;
                        t.failed++;
                        printf("FAILED %s: tcId %lld: %s\n", name,
                               (long long)json_integer_value(json_object_get(test, "tcId")),
                               vector_text(test, "comment"));
                }
        }
        bool whole = n > 0 && n == (size_t)json_integer_value(json_object_get(root, "numberOfTests"));
        printf("%-36s %3zu vectors: %3zu through our wrappers, %3zu through libsodium, %2zu of sizes we refuse, %zu "
               "FAILED%s\n",
               name, n, t.wrapped, t.direct, t.unfit, t.failed, whole ? "" : ", and the file is NOT WHOLE");
        json_decref(root);
        return t.failed + !whole;
}

int main(void) {
        static const struct {
                const char *file;
                run_fn *run;
        } files[] = {
                {"wycheproof-chacha20_poly1305.json", run_chacha}, {"wycheproof-xchacha20_poly1305.json", run_xchacha},
                {"wycheproof-ed25519.json", run_ed25519},          {"wycheproof-x25519.json", run_x25519},
                {"wycheproof-siphash-2-4.json", run_siphash},
        };
        size_t wrong = 0, missing = 0;
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                char path[4096];
                if (vectors_path(path, sizeof(path), files[i].file))
                        wrong += run_file(path, files[i].file, files[i].run);
                else
                        missing++;
        }
        if (wrong)
                return EXIT_FAILURE;
        return missing ? VECTORS_SKIPPED : EXIT_SUCCESS;
}
