/* SPDX-License-Identifier: Apache-2.0 */
/* The key file's bytes (keyfile.h) and its disk (keydisk.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/sign.h"
#include "vault/keydisk.h"
#include "vault/keyfile.h"

#define PASSPHRASE "correct horse"
#define STATE_AT 6 /* behind magic and lock */
#define PASSES_AT 123
#define MEMORY_AT 127
#define HASH_BYTES 32

/* ---- bytes ---- */

struct sample {
        struct rng rng;
        struct keyfile head;
        struct keyfile_secret secret;
        struct buf file;
};

static void sample_init(struct sample *s, enum keyfile_lock lock) {
        static const uint8_t seed[32] = {7};
        struct sign_key sign;
        struct box_key seal;
        *s = (struct sample){0};
        rng_init(&s->rng, seed);
        rng_bytes(&s->rng, s->secret.sign_seed, sizeof(s->secret.sign_seed));
        sign_key_from_seed(&sign, s->secret.sign_seed);
        box_key_new(&seal, &s->rng);
        s->secret.seal = seal.secret;
        s->head = (struct keyfile){.lock = lock, .state = KEYFILE_FOUNDING, .owner = 1000};
        s->head.household = sign.pub;
        s->head.seal = seal.pub;
        memset(s->head.mesh.b, 0xab, sizeof(s->head.mesh.b));
        if (lock == KEYFILE_LOCKED) { /* as cheap as Argon2id can be: what is tested is the file */
                s->head.passes = 1;
                s->head.memory_kib = KEYFILE_MEMORY_KIB_MIN;
        }
        assert_int_equal(keyfile_encode(&s->file, &s->head, &s->secret, SPAN_STR(PASSPHRASE), &s->rng), 0);
}

static void sample_fini(struct sample *s) {
        buf_wipe(&s->file);
}

static void rehash(struct buf *file) {
        struct hash h;
        hash_make(&h, DOMAIN_KEY_FILE, NULL, span_of(file->p, file->n - HASH_BYTES));
        memcpy(file->p + file->n - HASH_BYTES, h.b, HASH_BYTES);
}

static void test_there_and_back(void **state) {
        static const enum keyfile_lock locks[] = {KEYFILE_PLAIN, KEYFILE_LOCKED};
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(locks); i++) {
                struct sample s;
                struct keyfile head;
                struct keyfile_secret secret;
                sample_init(&s, locks[i]);
                assert_true(s.file.n <= KEYFILE_BYTES_MAX);
                assert_int_equal(keyfile_decode(buf_span(&s.file), &head), 0);
                assert_int_equal(head.lock, locks[i]);
                assert_int_equal(head.state, KEYFILE_FOUNDING);
                assert_int_equal(head.owner, 1000);
                assert_true(hash_eq(&head.mesh, &s.head.mesh));
                assert_true(key_eq(&head.household, &s.head.household));
                assert_true(key_eq(&head.seal, &s.head.seal));
                assert_int_equal(head.passes, s.head.passes);
                assert_int_equal(keyfile_open(buf_span(&s.file), SPAN_STR(PASSPHRASE), &secret), 0);
                assert_memory_equal(&secret, &s.secret, sizeof(secret));
                sample_fini(&s);
        }
}

static void test_locked_hides(void **state) {
        struct sample s;
        (void)state;
        sample_init(&s, KEYFILE_LOCKED);
        assert_null(memmem(s.file.p, s.file.n, s.secret.sign_seed, sizeof(s.secret.sign_seed)));
        assert_null(memmem(s.file.p, s.file.n, s.secret.seal.b, sizeof(s.secret.seal.b)));
        assert_null(memmem(s.file.p, s.file.n, PASSPHRASE, strlen(PASSPHRASE)));
        sample_fini(&s);
}

static void test_wrong_passphrase(void **state) {
        static const char *const wrong[] = {"", "correct hors", "correct horse ", "Correct horse"};
        struct sample s;
        struct keyfile_secret secret = {.sign_seed = {1}}, before = secret;
        (void)state;
        sample_init(&s, KEYFILE_LOCKED);
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
                assert_int_equal(keyfile_open(buf_span(&s.file), span_str(wrong[i]), &secret), KEYFILE_E_PASSPHRASE);
        assert_memory_equal(&secret, &before, sizeof(secret));
        sample_fini(&s);
}

static void test_every_bit_counts(void **state) {
        static const enum keyfile_lock locks[] = {KEYFILE_PLAIN, KEYFILE_LOCKED};
        struct keyfile head;
        (void)state;
        for (size_t l = 0; l < ARRAY_LEN(locks); l++) {
                struct sample s;
                sample_init(&s, locks[l]);
                for (size_t bit = 0; bit < s.file.n * 8; bit++) {
                        s.file.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
                        assert_true(keyfile_decode(buf_span(&s.file), &head) > 0);
                        s.file.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
                }
                for (size_t n = 0; n < s.file.n; n++)
                        assert_true(keyfile_decode(span_of(s.file.p, n), &head) > 0);
                buf_add_u8(&s.file, 0);
                assert_int_equal(keyfile_decode(buf_span(&s.file), &head), KEYFILE_E_DAMAGED);
                sample_fini(&s);
        }
}

/* Somebody who can compute the hash still can't change what the box covers. */
static void test_header_is_covered(void **state) {
        struct sample s;
        struct keyfile_secret secret;
        struct keyfile head;
        (void)state;
        sample_init(&s, KEYFILE_LOCKED);
        for (size_t at = 0; at < s.file.n - HASH_BYTES; at++) {
                if (at == STATE_AT)
                        continue;
                s.file.p[at] ^= 1;
                rehash(&s.file);
                bool cheap = keyfile_decode(buf_span(&s.file), &head) == 0 && head.memory_kib <= 64 && head.passes <= 2;
                if (cheap)
                        assert_true(keyfile_open(buf_span(&s.file), SPAN_STR(PASSPHRASE), &secret) > 0);
                s.file.p[at] ^= 1;
        }
        sample_fini(&s);
}

static void test_state_changes_locked(void **state) {
        struct sample s;
        struct keyfile_secret secret;
        struct keyfile head;
        (void)state;
        sample_init(&s, KEYFILE_LOCKED);
        assert_int_equal(keyfile_set_state(&s.file, KEYFILE_MEMBER), 0);
        assert_int_equal(keyfile_decode(buf_span(&s.file), &head), 0);
        assert_int_equal(head.state, KEYFILE_MEMBER);
        assert_int_equal(keyfile_open(buf_span(&s.file), SPAN_STR(PASSPHRASE), &secret), 0);
        s.file.p[STATE_AT] = KEYFILE_DEVICE + 1;
        rehash(&s.file);
        assert_int_equal(keyfile_decode(buf_span(&s.file), &head), KEYFILE_E_DAMAGED);
        sample_fini(&s);
}

static void test_cost_is_bounded(void **state) {
        static const struct {
                uint32_t passes, memory;
                int r;
        } rows[] = {
                {1, 8, 0},
                {16, 1024 * 1024, 0},
                {0, 8, KEYFILE_E_COST},
                {17, 8, KEYFILE_E_COST},
                {3, 7, KEYFILE_E_COST},
                {3, 1024 * 1024 + 1, KEYFILE_E_COST},
                {UINT32_MAX, UINT32_MAX, KEYFILE_E_COST},
        };
        struct sample s;
        struct keyfile head;
        struct keyfile_secret secret;
        (void)state;
        sample_init(&s, KEYFILE_LOCKED);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                put_be32(s.file.p + PASSES_AT, rows[i].passes);
                put_be32(s.file.p + MEMORY_AT, rows[i].memory);
                rehash(&s.file);
                assert_int_equal(keyfile_decode(buf_span(&s.file), &head), rows[i].r);
                if (rows[i].r)
                        assert_int_equal(keyfile_open(buf_span(&s.file), SPAN_STR(PASSPHRASE), &secret), rows[i].r);
        }
        sample_fini(&s);
}

static void test_plain_keys_must_match(void **state) {
        struct sample s;
        struct keyfile_secret secret;
        (void)state;
        sample_init(&s, KEYFILE_PLAIN);
        s.file.p[s.file.n - HASH_BYTES - 1] ^= 0x10; /* of the X25519 secret */
        rehash(&s.file);
        assert_int_equal(keyfile_open(buf_span(&s.file), SPAN_NONE, &secret), KEYFILE_E_DAMAGED);
        sample_fini(&s);
}

/* ---- disk ---- */

struct disk {
        char dir[64];
        int fd;
};

static void disk_init(struct disk *d) {
        snprintf(d->dir, sizeof(d->dir), "%s", "/tmp/test-keyfile-XXXXXX");
        assert_non_null(mkdtemp(d->dir));
        d->fd = open(d->dir, O_RDONLY | O_DIRECTORY);
        assert_true(d->fd >= 0);
}

static void disk_fini(struct disk *d) {
        unlinkat(d->fd, KEYDISK_NAME, 0);
        unlinkat(d->fd, KEYDISK_NAME, AT_REMOVEDIR);
        unlinkat(d->fd, KEYDISK_TEMP, 0);
        unlinkat(d->fd, "other", 0);
        close(d->fd);
        assert_int_equal(rmdir(d->dir), 0);
}

static mode_t disk_mode(const struct disk *d) {
        struct stat st;
        assert_int_equal(fstatat(d->fd, KEYDISK_NAME, &st, AT_SYMLINK_NOFOLLOW), 0);
        return st.st_mode & 07777;
}

static void disk_put(const struct disk *d, const char *name, const char *text, mode_t mode) {
        int fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        assert_int_equal(fchmod(fd, mode), 0);
        close(fd);
}

static void disk_is(const struct disk *d, const char *text) {
        _clean_(buf_fini) struct buf got = BUF_NULL;
        bool tightened = true;
        assert_int_equal(keydisk_read(d->fd, &got, &tightened), 0);
        assert_false(tightened);
        assert_true(span_eq(buf_span(&got), span_str(text)));
}

static void test_disk_writes(void **state) {
        struct disk d;
        _clean_(buf_fini) struct buf got = BUF_NULL;
        bool tightened;
        (void)state;
        disk_init(&d);
        mode_t old = umask(0);
        assert_int_equal(keydisk_read(d.fd, &got, &tightened), KEYDISK_E_NONE);
        assert_int_equal(keydisk_write(d.fd, SPAN_STR("one"), false), 0);
        assert_int_equal(disk_mode(&d), 0600);
        disk_is(&d, "one");
        assert_int_equal(keydisk_write(d.fd, SPAN_STR("two"), false), KEYDISK_E_THERE);
        disk_is(&d, "one");
        assert_int_equal(keydisk_write(d.fd, SPAN_STR("three"), true), 0);
        disk_is(&d, "three");
        assert_int_equal(disk_mode(&d), 0600);
        assert_int_not_equal(faccessat(d.fd, KEYDISK_TEMP, F_OK, 0), 0);
        umask(old);
        disk_fini(&d);
}

static void test_disk_removes(void **state) {
        struct disk d;
        char left[8] = "";
        (void)state;
        disk_init(&d);
        assert_int_equal(keydisk_remove(d.fd), 0);
        assert_int_equal(keydisk_write(d.fd, SPAN_STR("secret"), false), 0);
        assert_int_equal(linkat(d.fd, KEYDISK_NAME, d.fd, "other", 0), 0);
        assert_int_equal(keydisk_remove(d.fd), 0);
        assert_int_not_equal(faccessat(d.fd, KEYDISK_NAME, F_OK, 0), 0);
        int fd = openat(d.fd, "other", O_RDONLY);
        assert_int_equal(read(fd, left, sizeof(left)), 6);
        assert_memory_equal(left, "\0\0\0\0\0\0", 6);
        close(fd);
        disk_fini(&d);
}

/* Nobody who looks in between, as the next start after a kill does, finds a wiped file under the key file's name. */
static void test_disk_removes_the_name_first(void **state) {
        struct disk d;
        char events[4096] __attribute__((aligned(8)));
        (void)state;
        disk_init(&d);
        assert_int_equal(keydisk_write(d.fd, SPAN_STR("secret"), false), 0);
        int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        assert_true(watch >= 0 && inotify_add_watch(watch, d.dir, IN_MODIFY | IN_MOVED_FROM | IN_DELETE) >= 0);
        assert_int_equal(keydisk_remove(d.fd), 0);
        ssize_t n = read(watch, events, sizeof(events));
        assert_true(n > 0);
        const struct inotify_event *first = (const struct inotify_event *)(const void *)events;
        assert_string_equal(first->name, KEYDISK_NAME);
        assert_int_equal(first->mask, IN_MOVED_FROM);
        close(watch);
        disk_fini(&d);
}

/* A first write that was cut short between its two names: tidying up leaves the key as it is. */
static void test_disk_tidies_a_second_name(void **state) {
        struct disk d;
        (void)state;
        disk_init(&d);
        disk_put(&d, KEYDISK_NAME, "whole", 0600);
        assert_int_equal(linkat(d.fd, KEYDISK_NAME, d.fd, KEYDISK_TEMP, 0), 0);
        keydisk_tidy(d.fd);
        disk_is(&d, "whole");
        assert_int_equal(keydisk_remove(d.fd), 0);
        disk_fini(&d);
}

static void test_disk_clears_leftovers(void **state) {
        struct disk d;
        (void)state;
        disk_init(&d);
        disk_put(&d, KEYDISK_TEMP, "half a ke", 0600);
        assert_int_equal(keydisk_write(d.fd, SPAN_STR("whole"), false), 0);
        disk_is(&d, "whole");
        disk_put(&d, KEYDISK_TEMP, "half a ke", 0600);
        keydisk_tidy(d.fd);
        assert_int_not_equal(faccessat(d.fd, KEYDISK_TEMP, F_OK, 0), 0);
        disk_is(&d, "whole");
        disk_fini(&d);
}

static void test_disk_tightens(void **state) {
        static const mode_t modes[] = {0640, 0604, 0666, 0777};
        struct disk d;
        (void)state;
        disk_init(&d);
        for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
                _clean_(buf_fini) struct buf got = BUF_NULL;
                bool tightened = false;
                disk_put(&d, KEYDISK_NAME, "key", modes[i]);
                assert_int_equal(keydisk_read(d.fd, &got, &tightened), 0);
                assert_true(tightened);
                assert_int_equal(disk_mode(&d), 0600);
        }
        disk_is(&d, "key");
        disk_fini(&d);
}

static void disk_refuses(const struct disk *d) {
        _clean_(buf_fini) struct buf got = BUF_NULL;
        bool tightened;
        assert_int_equal(keydisk_read(d->fd, &got, &tightened), KEYDISK_E_THING);
        assert_int_equal(got.n, 0);
        assert_int_equal(keydisk_write(d->fd, SPAN_STR("new"), false), KEYDISK_E_THERE);
}

static void test_disk_refuses_things(void **state) {
        char large[KEYFILE_BYTES_MAX + 2];
        struct disk d;
        (void)state;
        disk_init(&d);
        assert_int_equal(mkdirat(d.fd, KEYDISK_NAME, 0700), 0);
        disk_refuses(&d);
        assert_int_equal(unlinkat(d.fd, KEYDISK_NAME, AT_REMOVEDIR), 0);
        assert_int_equal(mkfifoat(d.fd, KEYDISK_NAME, 0600), 0);
        disk_refuses(&d);
        assert_int_equal(unlinkat(d.fd, KEYDISK_NAME, 0), 0);
        disk_put(&d, "other", "a key elsewhere", 0600);
        assert_int_equal(symlinkat("other", d.fd, KEYDISK_NAME), 0);
        disk_refuses(&d);
        assert_int_equal(unlinkat(d.fd, KEYDISK_NAME, 0), 0);
        memset(large, 'x', sizeof(large) - 1);
        large[sizeof(large) - 1] = 0;
        disk_put(&d, KEYDISK_NAME, large, 0600);
        disk_refuses(&d);
        disk_fini(&d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_locked_hides),
                cmocka_unit_test(test_wrong_passphrase),
                cmocka_unit_test(test_every_bit_counts),
                cmocka_unit_test(test_header_is_covered),
                cmocka_unit_test(test_state_changes_locked),
                cmocka_unit_test(test_cost_is_bounded),
                cmocka_unit_test(test_plain_keys_must_match),
                cmocka_unit_test(test_disk_writes),
                cmocka_unit_test(test_disk_removes),
                cmocka_unit_test(test_disk_removes_the_name_first),
                cmocka_unit_test(test_disk_tidies_a_second_name),
                cmocka_unit_test(test_disk_clears_leftovers),
                cmocka_unit_test(test_disk_tightens),
                cmocka_unit_test(test_disk_refuses_things),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
