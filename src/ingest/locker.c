/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/locker.h"

#include "base/file.h"
#include "wire/frame.h"

#include <stdlib.h>
#include <sys/mman.h>

#define FRAME_ROOM (CHUNK_CIPHER + 64)

/* In one piece, so that it is locked and wiped as one. */
struct secret {
        struct key key;
        struct rng rng;
};

int locker_init(struct locker *l, int fd, uint8_t seed[32]) {
        *l = (struct locker){.fd = fd, .cipher = BUF_MAX(CHUNK_CIPHER), .frame = BUF_MAX(FRAME_ROOM)};
        l->secret = calloc(1, sizeof(*l->secret));
        if (!l->secret || !buf_room(&l->cipher, CHUNK_CIPHER) || !buf_room(&l->frame, FRAME_ROOM))
                return LOCKER_E_MEMORY;
        (void)!mlock(l->secret, sizeof(*l->secret)); /* a limit of 0 locked bytes must keep nobody from it */
        rng_init(&l->secret->rng, seed);
        explicit_bzero(seed, 32);
        /* PROTOCOL 15.2: "A key MUST NOT serve two clips." */
        rng_bytes(&l->secret->rng, l->secret->key.b, sizeof(l->secret->key.b));
        rng_bytes(&l->secret->rng, l->salt, sizeof(l->salt));
        return 0;
}

void locker_fini(struct locker *l) {
        if (l->secret) {
                explicit_bzero(l->secret, sizeof(*l->secret));
                munlock(l->secret, sizeof(*l->secret));
        }
        free(l->secret);
        l->secret = NULL;
        explicit_bzero(l->plain, sizeof(l->plain));
        buf_fini(&l->cipher);
        buf_fini(&l->frame);
}

static int write_message(struct locker *l, enum wire_ingest number, const void *msg) {
        buf_clear(&l->frame);
        frame_put(&l->frame, wire_ingest_find(number), msg);
        if (!buf_ok(&l->frame))
                return LOCKER_E_MEMORY;
        return file_write(l->fd, buf_span(&l->frame)) ? 0 : LOCKER_E_WRITE;
}

int locker_begin(struct locker *l, enum wire_e_media media) {
        const struct wire_i_begin msg = {.v = 1, .media = media};
        return write_message(l, INGEST_BEGIN, &msg);
}

static int write_chunk(struct locker *l, bool last) {
        if (l->chunks == CHUNKS_MAX)
                return LOCKER_E_LARGE;
        buf_clear(&l->cipher);
        chunk_lock(&l->cipher, &l->secret->key, l->salt, l->chunks, last, span_of(l->plain, l->n));
        const struct wire_i_chunk msg = {.cipher = buf_span(&l->cipher)};
        l->chunks++;
        l->size += l->n;
        l->n = 0;
        return write_message(l, INGEST_CHUNK, &msg);
}

/* A chunk that is full waits until it is known whether it is the last. */
int locker_put(struct locker *l, struct span plain) {
        while (plain.n) {
                int r = l->n == sizeof(l->plain) ? write_chunk(l, false) : 0;
                if (r)
                        return r;
                size_t n = MIN(plain.n, sizeof(l->plain) - l->n);
                memcpy(l->plain + l->n, plain.p, n);
                l->n += n;
                plain = span_from(plain, n);
        }
        return 0;
}

int locker_end(struct locker *l, const struct key *household, struct wire_i_end *end) {
        uint8_t sealed[CHUNK_SEALED];
        struct buf out = BUF_ON(sealed);
        struct hash commit;
        int r = write_chunk(l, true);
        if (r)
                return r;
        chunk_commit(&commit, &l->secret->key, l->salt);
        if (!chunk_seal_key(&out, household, l->salt, &l->secret->key, &l->secret->rng))
                return LOCKER_E_MEMORY;
        end->size = l->size;
        end->salt = SPAN_OF(l->salt);
        end->commit = SPAN_OF(commit.b);
        end->sealed = buf_span(&out);
        return write_message(l, INGEST_END, end);
}

int locker_error(struct locker *l, const struct wire_c_error *error) {
        return write_message(l, INGEST_ERROR, error);
}
