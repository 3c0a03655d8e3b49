/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks of a clip: what opens, what does not, and what an empty file is. */
#include "crypto/chunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

static const struct key key = {{9, 8, 7}};
static const uint8_t salt[CHUNK_SALT] = {1, 2, 3};

static void test_sizes(void **state) {
        (void)state;
        static const struct {
                uint64_t size, chunks;
                size_t last;
        } cases[] = {{0, 1, 0},
                     {1, 1, 1},
                     {CHUNK_PLAIN - 1, 1, CHUNK_PLAIN - 1},
                     {CHUNK_PLAIN, 1, CHUNK_PLAIN},
                     {CHUNK_PLAIN + 1, 2, 1},
                     {UINT64_C(4294967296), CHUNKS_MAX, CHUNK_PLAIN}};
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                uint64_t n = chunk_count(cases[i].size);
                assert_int_equal(n, cases[i].chunks);
                assert_int_equal(chunk_plain(cases[i].size, n - 1), cases[i].last);
                assert_int_equal(chunk_plain(cases[i].size, n), 0);
                if (n > 1)
                        assert_int_equal(chunk_plain(cases[i].size, 0), CHUNK_PLAIN);
        }
}

/* The construction is RFC 8439's, byte for byte as PROTOCOL 15.2 writes it. */
static void test_construction(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf cipher = BUF_NULL;
        uint8_t nonce[12] = {0x02, 0x01, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, want[5 + CHUNK_TAG];
        chunk_lock(&cipher, &key, salt, 0x0102, true, span_str("hello"));
        crypto_aead_chacha20poly1305_ietf_encrypt(want, NULL, (const uint8_t *)"hello", 5, salt, sizeof(salt), NULL,
                                                  nonce, key.b);
        assert_int_equal(cipher.n, sizeof(want));
        assert_memory_equal(cipher.p, want, sizeof(want));
}

static bool opens(struct span cipher, uint64_t i, bool last, const struct key *k, const uint8_t *s) {
        _clean_(buf_fini) struct buf plain = BUF_NULL;
        bool good = chunk_open(&plain, k, s, i, last, cipher);
        assert_true(good || plain.n == 0);
        assert_true(!good || plain.n == cipher.n - CHUNK_TAG);
        return good;
}

static void test_what_opens(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf cipher = BUF_NULL, none = BUF_NULL;
        struct key other = key;
        uint8_t salts[CHUNK_SALT] = {1, 2, 4};
        other.b[31] ^= 1;
        chunk_lock(&cipher, &key, salt, 3, false, span_str("a porch at night"));
        chunk_lock(&none, &key, salt, 0, true, SPAN_NONE);
        struct span c = buf_span(&cipher);
        assert_true(opens(c, 3, false, &key, salt));
        assert_false(opens(c, 4, false, &key, salt));
        assert_false(opens(c, 3, true, &key, salt)); /* cut short here it would not end */
        assert_false(opens(c, 3, false, &other, salt));
        assert_false(opens(c, 3, false, &key, salts));
        assert_false(opens(span_of(c.p, c.n - 1), 3, false, &key, salt));
        assert_false(opens(span_of(c.p, CHUNK_TAG - 1), 3, false, &key, salt));
        assert_true(opens(buf_span(&none), 0, true, &key, salt));
        for (size_t bit = 0; bit < c.n * 8; bit++) {
                cipher.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_false(opens(c, 3, false, &key, salt));
                cipher.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
}

static void test_hashes_name_their_place(void **state) {
        (void)state;
        struct hash a, b, of_list, commit[2];
        chunk_hash(&a, 0, span_str("same"));
        chunk_hash(&b, 1, span_str("same"));
        assert_false(hash_eq(&a, &b));
        chunk_hashes(&of_list, SPAN_OF(a.b));
        assert_false(hash_eq(&a, &of_list));
        chunk_commit(&commit[0], &key, salt);
        chunk_commit(&commit[1], &key, (const uint8_t[CHUNK_SALT]){0});
        assert_false(hash_eq(&commit[0], &commit[1]));
}

static void test_the_key_goes_to_its_household_alone(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf sealed = BUF_NULL, got = BUF_NULL;
        struct box_key home, thief;
        struct rng rng;
        rng_init(&rng, (const uint8_t[32]){5});
        box_key_new(&home, &rng);
        box_key_new(&thief, &rng);
        assert_true(chunk_seal_key(&sealed, &home.pub, salt, &key, &rng));
        assert_int_equal(sealed.n, CHUNK_SEALED);
        assert_false(box_unseal(&got, &thief, SPAN_OF(salt), buf_span(&sealed)));
        assert_false(box_unseal(&got, &home, SPAN_NONE, buf_span(&sealed)));
        assert_true(box_unseal(&got, &home, SPAN_OF(salt), buf_span(&sealed)));
        assert_true(span_eq(buf_span(&got), SPAN_OF(key.b)));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_construction),
                cmocka_unit_test(test_what_opens),
                cmocka_unit_test(test_hashes_name_their_place),
                cmocka_unit_test(test_the_key_goes_to_its_household_alone),
        };
        return cmocka_run_group_tests_name("chunk", tests, NULL, NULL);
}
