/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of porchlight-ingest: what it locks opens again, and a stream that is not one is refused wherever it breaks. */
#include "clip/intake.h"
#include "crypto/chunk.h"
#include "ingest/media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct box_key household;

/* All that came out of one, put together again. */
struct taken {
        struct intake in;
        struct buf cipher, plain;
        struct wire_i_end end;
        uint8_t salt[CHUNK_SALT];
        int last; /* INTAKE_* that ended it */
};

static void fill(uint8_t *p, size_t n) {
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

/* The stream that a file of these bytes becomes. */
static void lock_file(struct span file, struct buf *ret) {
        static struct locker l;
        const struct media_wish wish = {.audio = false};
        int in = memfd_create("file", 0), out = memfd_create("stream", 0);
        uint8_t seed[32] = {7};
        struct wire_i_end end = {0};
        assert_int_equal(write(in, file.p, file.n), file.n);
        lseek(in, 0, SEEK_SET);
        assert_int_equal(locker_init(&l, out, seed), 0);
        for (size_t i = 0; i < sizeof(seed); i++)
                assert_int_equal(seed[i], 0);
        assert_int_equal(media_take(in, &wish, &l, &end), 0);
        assert_int_equal(locker_end(&l, &household.pub, &end), 0);
        locker_fini(&l);
        off_t n = lseek(out, 0, SEEK_END);
        uint8_t *p = buf_room(ret, (size_t)n);
        assert_int_equal(pread(out, p, (size_t)n, 0), n);
        buf_used(ret, (size_t)n);
        close(in);
        close(out);
}

/* Fed in pieces of @step bytes. Returns INTAKE_* that ended it, or INTAKE_MORE. */
static int feed(struct span stream, size_t step, struct intake *t, struct buf *cipher, struct wire_i_end *ret_end) {
        int what = INTAKE_MORE;
        intake_init(t);
        while (stream.n && (what == INTAKE_MORE || what <= INTAKE_CHUNK)) {
                size_t n = MIN(step, stream.n);
                uint8_t *p = intake_room(t, n);
                assert_non_null(p);
                memcpy(p, stream.p, n);
                intake_used(t, n);
                stream = span_from(stream, n);
                while ((what = intake_next(t)) <= INTAKE_CHUNK)
                        if (what == INTAKE_CHUNK && cipher)
                                buf_add(cipher, t->msg.i_chunk.cipher);
                if (what == INTAKE_END && ret_end)
                        *ret_end = t->msg.i_end;
        }
        return what;
}

static void opens_again(size_t size) {
        _clean_(buf_fini) struct buf file = BUF_NULL, stream = BUF_NULL, cipher = BUF_NULL, plain = BUF_NULL,
                                     key = BUF_NULL;
        struct intake t;
        struct wire_i_end end;
        struct hash commit;
        fill(buf_room(&file, size + 1), size);
        buf_used(&file, size);
        lock_file(buf_span(&file), &stream);
        assert_int_equal(feed(buf_span(&stream), 5000, &t, &cipher, &end), INTAKE_END);
        assert_int_equal(end.size, size);
        assert_true(WIRE_HAS(&end, I_END, as_is));
        assert_int_equal(end.media, MEDIA_OTHER);
        assert_true(box_unseal(&key, &household, end.salt, end.sealed));
        chunk_commit(&commit, (const struct key *)(void *)key.p, end.salt.p);
        assert_true(span_eq(end.commit, SPAN_OF(commit.b)));
        for (uint64_t i = 0, n = chunk_count(size); i < n; i++)
                assert_true(chunk_open(&plain, (const struct key *)(void *)key.p, end.salt.p, i, i + 1 == n,
                                       span_of(cipher.p + i * CHUNK_CIPHER, chunk_plain(size, i) + CHUNK_TAG)));
        assert_true(span_eq(buf_span(&plain), buf_span(&file)));
        intake_fini(&t);
}

static void sizes_open_again(void **state) {
        (void)state;
        static const size_t sizes[] = {0, 1, CHUNK_PLAIN - 1, CHUNK_PLAIN, CHUNK_PLAIN + 1, 3 * CHUNK_PLAIN, 300001};
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
                opens_again(sizes[i]);
}

/* Two files, two keys. */
static void plaintext_is_not_in_it(void **state) {
        (void)state;
        static const char canary[] = "a canary that must not be seen in any stream";
        _clean_(buf_fini) struct buf stream = BUF_NULL;
        lock_file(SPAN_OF(canary), &stream);
        assert_null(memmem(stream.p, stream.n, canary, 12));
}

/* Cut off anywhere it is never whole, and nothing behind its end is taken. */
static void cut_short(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf stream = BUF_NULL;
        struct intake t;
        lock_file(SPAN_STR("some bytes"), &stream);
        for (size_t n = 0; n < stream.n; n++) {
                assert_int_equal(feed(span_of(stream.p, n), n + 1, &t, NULL, NULL), INTAKE_MORE);
                intake_fini(&t);
        }
        buf_add_u8(&stream, 0);
        assert_int_equal(feed(buf_span(&stream), stream.n, &t, NULL, NULL), INTAKE_END);
        assert_int_equal(intake_next(&t), INTAKE_BAD);
        intake_fini(&t);
}

static void put_chunk(struct buf *out, size_t plain) {
        static const uint8_t zeros[CHUNK_CIPHER];
        const struct wire_i_chunk m = {.cipher = span_of(zeros, plain + CHUNK_TAG)};
        frame_put(out, wire_ingest_find(INGEST_CHUNK), &m);
}

static void put_begin(struct buf *out) {
        const struct wire_i_begin m = {.v = 1, .media = MEDIA_OTHER};
        frame_put(out, wire_ingest_find(INGEST_BEGIN), &m);
}

static void put_end(struct buf *out, uint64_t size) {
        static const uint8_t zeros[CHUNK_SEALED];
        const struct wire_i_end m = {.size = size,
                                     .salt = span_of(zeros, 16),
                                     .commit = span_of(zeros, 32),
                                     .sealed = SPAN_OF(zeros),
                                     .media = MEDIA_OTHER};
        frame_put(out, wire_ingest_find(INGEST_END), &m);
}

/* b: begin, c: a whole chunk, s: a short one, 0: an empty one, e: an end that fits, x: one that does not. */
static int story(const char *s) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct intake t;
        uint64_t size = 0;
        for (; *s; s++) {
                size += *s == 'c' ? CHUNK_PLAIN : *s == 's' ? 5 : 0;
                if (*s == 'b')
                        put_begin(&out);
                else if (*s == 'e' || *s == 'x')
                        put_end(&out, size + (*s == 'x'));
                else
                        put_chunk(&out, *s == 'c' ? CHUNK_PLAIN : *s == 's' ? 5 : 0);
        }
        int what = feed(buf_span(&out), 70000, &t, NULL, NULL);
        intake_fini(&t);
        return what;
}

static void orders(void **state) {
        (void)state;
        static const char *const good[] = {"b0e", "bse", "bce", "bccse"};
        static const char *const bad[] = {"be", "cse", "bbse", "bsse", "bsce", "bc0e", "b0se", "bsx", "bcx", "bx", "c"};
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_int_equal(story(good[i]), INTAKE_END);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(story(bad[i]), INTAKE_BAD);
}

static void told_as_error(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct wire_c_error e = {.name = SPAN_STR("cannot-read"), .message = SPAN_STR("no"), .exit = EXIT_FAILED};
        struct intake t;
        put_begin(&out);
        frame_put(&out, wire_ingest_find(INGEST_ERROR), &e);
        put_chunk(&out, 5);
        assert_int_equal(feed(buf_span(&out), out.n, &t, NULL, NULL), INTAKE_ERROR);
        assert_true(span_eq(t.msg.c_error.name, SPAN_STR("cannot-read")));
        assert_int_equal(intake_next(&t), INTAKE_BAD);
        intake_fini(&t);
}

/* ---- pictures, by hand ---- */

/* What is kept of a file, with the outcome. */
static int kept_of(struct span file, struct buf *ret) {
        static struct locker l;
        const struct media_wish wish = {.audio = false};
        _clean_(buf_fini) struct buf stream = BUF_NULL, cipher = BUF_NULL, key = BUF_NULL;
        int in = memfd_create("file", 0), out = memfd_create("stream", 0);
        uint8_t seed[32] = {7};
        struct wire_i_end end = {0};
        struct intake t;
        assert_int_equal(write(in, file.p, file.n), file.n);
        lseek(in, 0, SEEK_SET);
        assert_int_equal(locker_init(&l, out, seed), 0);
        int r = media_take(in, &wish, &l, &end);
        if (!r)
                r = locker_end(&l, &household.pub, &end);
        locker_fini(&l);
        off_t n = lseek(out, 0, SEEK_END);
        assert_int_equal(pread(out, buf_room(&stream, (size_t)n), (size_t)n, 0), n);
        buf_used(&stream, (size_t)n);
        close(in);
        close(out);
        if (r)
                return r;
        assert_int_equal(feed(buf_span(&stream), stream.n, &t, &cipher, &end), INTAKE_END);
        assert_true(box_unseal(&key, &household, end.salt, end.sealed));
        assert_true(chunk_open(ret, (const struct key *)(void *)key.p, end.salt.p, 0, true, buf_span(&cipher)));
        intake_fini(&t);
        return 0;
}

static void becomes(struct span file, struct span want) {
        _clean_(buf_fini) struct buf got = BUF_NULL;
        assert_int_equal(kept_of(file, &got), 0);
        assert_true(span_eq(buf_span(&got), want));
}

static void is_broken(struct span file) {
        _clean_(buf_fini) struct buf got = BUF_NULL;
        assert_int_equal(kept_of(file, &got), MEDIA_E_BROKEN);
}

#define SOI "\xff\xd8"
#define EOI "\xff\xd9"
#define TABLE "\xff\xdb\0\4ab"
#define EXIF "\xff\xe1\0\7Exif\0"
#define COMMENT "\xff\xfe\0\3x"
#define JFIF "\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
#define ADOBE                                                                                                          \
        "\xff\xee\0\x0e"                                                                                               \
        "Adobe\0d\0\0\0\0\1"
#define SCAN                                                                                                           \
        "\xff\xda\0\4ab"                                                                                               \
        "cd\xff\0ef\xff\xd0gh"

static void jpegs(void **state) {
        (void)state;
        becomes(SPAN_STR(SOI JFIF EXIF TABLE COMMENT SCAN EOI), SPAN_STR(SOI JFIF TABLE SCAN EOI));
        becomes(SPAN_STR(SOI EXIF ADOBE TABLE SCAN TABLE EXIF SCAN EOI "a film"),
                SPAN_STR(SOI ADOBE TABLE SCAN TABLE SCAN EOI));
        becomes(SPAN_STR(SOI "\xff" TABLE SCAN), SPAN_STR(SOI TABLE SCAN)); /* no end; a byte of fill */
        is_broken(SPAN_STR(SOI EOI));
        is_broken(SPAN_STR(SOI TABLE EOI));
        is_broken(SPAN_STR(SOI "\xff\xdb\0\1"));
        is_broken(SPAN_STR(SOI "\xff\xdb\0\x20"
                               "abc"));
        is_broken(SPAN_STR(SOI "\xff\xf7\0\4ab" SCAN EOI));
        is_broken(SPAN_STR(SOI SOI TABLE SCAN EOI));
        is_broken(SPAN_STR("\xff\xd8\xff"));
}

#define PNG "\x89PNG\r\n\x1a\n"
#define HEAD "\0\0\0\1IHDRaSUM1"
#define DATA "\0\0\0\2IDATabSUM2"
#define TEXT "\0\0\0\3tEXtabcSUM3"
#define END "\0\0\0\0IENDSUM4"

static void pngs(void **state) {
        (void)state;
        becomes(SPAN_STR(PNG HEAD TEXT DATA TEXT DATA END "more"), SPAN_STR(PNG HEAD DATA DATA END));
        is_broken(SPAN_STR(PNG));
        is_broken(SPAN_STR(PNG HEAD DATA));
        is_broken(SPAN_STR(PNG DATA HEAD END));
        is_broken(SPAN_STR(PNG HEAD HEAD END));
        is_broken(SPAN_STR(PNG HEAD "\0\0\0\0ABCDSUM5" END));
        is_broken(SPAN_STR(PNG HEAD "\xff\0\0\0IDATabc"));
        is_broken(SPAN_STR(PNG HEAD "\0\0\0\x50tEXtabc"));
}

static void first_bytes(void **state) {
        (void)state;
        assert_int_equal(media_sniff(SPAN_STR("\0\0\0\x18"
                                              "ftypmp42")),
                         MEDIA_MP4);
        assert_int_equal(media_sniff(SPAN_STR("\x1a\x45\xdf\xa3\x01")), MEDIA_MATROSKA);
        assert_int_equal(media_sniff(SPAN_STR("\xff\xd8\xff\xe0")), MEDIA_JPEG);
        assert_int_equal(media_sniff(SPAN_STR("\x89PNG\r\n\x1a\n")), MEDIA_PNG);
        assert_int_equal(media_sniff(SPAN_STR("ftyp")), MEDIA_OTHER);
        assert_int_equal(media_sniff(SPAN_NONE), MEDIA_OTHER);
}

int main(void) {
        struct rng rng;
        rng_init(&rng, (const uint8_t[32]){3});
        box_key_new(&household, &rng);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sizes_open_again),
                cmocka_unit_test(plaintext_is_not_in_it),
                cmocka_unit_test(cut_short),
                cmocka_unit_test(orders),
                cmocka_unit_test(told_as_error),
                cmocka_unit_test(first_bytes),
                cmocka_unit_test(jpegs),
                cmocka_unit_test(pngs),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
