/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unlock SECRET < STREAM > FILE: what porchlight-ingest has locked for the household with that X25519 secret (64 hexadecimal
 * digits), in the clear; on stderr what its end says, as JSON. unlock --public SECRET prints what it is sealed to.
 *
 * For tests: here alone the key of a clip comes out of a stream.
 */
#include "base/file.h"
#include "base/text.h"
#include "clip/intake.h"
#include "crypto/chunk.h"
#include "wire/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_AT_ONCE 65536

static void die(const char *why) {
        fprintf(stderr, "unlock: %s\n", why);
        exit(1);
}

static void read_all(struct intake *t, struct buf *cipher, struct wire_i_end *end, struct buf *keep) {
        int what = INTAKE_MORE;
        while (what != INTAKE_END) {
                uint8_t *p = intake_room(t, READ_AT_ONCE);
                ssize_t n = p ? read(STDIN_FILENO, p, READ_AT_ONCE) : -1;
                if (n <= 0)
                        die("the stream has no end");
                intake_used(t, (size_t)n);
                while ((what = intake_next(t)) != INTAKE_MORE && what != INTAKE_END) {
                        if (what == INTAKE_CHUNK)
                                buf_add(cipher, t->msg.i_chunk.cipher);
                        if (what == INTAKE_ERROR) {
                                fprintf(stderr, "%.*s\n", (int)t->msg.c_error.name.n,
                                        (const char *)t->msg.c_error.name.p);
                                exit(2);
                        }
                        if (what == INTAKE_BAD)
                                die("the stream is none");
                }
        }
        *end = t->msg.i_end;
        buf_add(keep, end->salt);
        buf_add(keep, end->sealed);
        buf_add(keep, end->commit);
        end->salt = span_of(keep->p, 16);
        end->sealed = span_of(keep->p + 16, 80);
        end->commit = span_of(keep->p + 96, 32);
}

int main(int argc, char **argv) {
        struct buf hex = BUF_NULL, cipher = BUF_NULL, plain = BUF_NULL, keep = BUF_NULL, secret = BUF_NULL,
                   json = BUF_NULL;
        bool public = argc == 3 && strcmp(argv[1], "--public") == 0;
        struct wire_i_end end;
        struct intake t;
        struct box_key household;
        struct key key;
        if (argc != 2 && !public)
                die("usage: unlock [--public] SECRET");
        if (!text_unhex(&hex, span_str(argv[argc - 1])) || hex.n != sizeof(key.b))
                die("SECRET is 64 hexadecimal digits");
        memcpy(key.b, hex.p, sizeof(key.b));
        box_key_from_secret(&household, &key);
        if (public) {
                text_hex(&json, SPAN_OF(household.pub.b));
                puts(buf_cstr(&json));
                buf_fini(&json);
                buf_fini(&hex);
                return 0;
        }
        intake_init(&t);
        read_all(&t, &cipher, &end, &keep);
        if (!box_unseal(&secret, &household, end.salt, end.sealed))
                die("its key is sealed to somebody else");
        memcpy(key.b, secret.p, sizeof(key.b));
        for (uint64_t i = 0, n = chunk_count(end.size); i < n; i++)
                if (!chunk_open(&plain, &key, end.salt.p, i, i + 1 == n,
                                span_of(cipher.p + i * CHUNK_CIPHER, chunk_plain(end.size, i) + CHUNK_TAG)))
                        die("a chunk does not open");
        json_message(&json, &wire_i_end_desc, &end);
        fprintf(stderr, "%s\n", buf_cstr(&json));
        bool ok = file_write(STDOUT_FILENO, buf_span(&plain));
        struct buf *all[] = {&hex, &cipher, &plain, &keep, &secret, &json};
        for (size_t i = 0; i < ARRAY_LEN(all); i++)
                buf_fini(all[i]);
        intake_fini(&t);
        return ok ? 0 : 1;
}
