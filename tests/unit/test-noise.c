/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a file of Noise vectors in the JSON form that cacophony and snow publish, both sides of every handshake and the
 * transport messages after it: `test-noise [FILE]`. Vectors of other suites and of fallback patterns are counted, not
 * run.
 */
#include "crypto/noise.h"

#include "vectors.h"

#define OUR_SUITE "_25519_ChaChaPoly_BLAKE2b"
#define DEFAULT_FILE "noise-cacophony.json"

struct party { /* one side's keys, as the vector gives them */
        struct buf prologue;
        struct box_key s;
        struct key e, rs, psk[NOISE_PSKS_MAX];
        size_t n_psk;
        bool has_s, has_e, has_rs, bad;
        struct noise noise;
        struct noise_cipher send, recv;
        uint8_t h[NOISE_HASH];
};

static void party_fini(struct party *p) {
        buf_fini(&p->prologue);
        noise_fini(&p->noise);
}

/* A field that may be missing, but if it is there is a key. */
static bool optional_key(struct party *p, const json_t *vector, const char *name, struct key *ret) {
        if (!json_object_get(vector, name))
                return false;
        if (!vector_fixed(vector, name, ret->b, sizeof(ret->b)))
                p->bad = true;
        return true;
}

static void party_psks(struct party *p, const json_t *psks) {
        size_t i;
        json_t *one;
        json_array_foreach(psks, i, one) {
                _clean_(buf_fini) struct buf b = vector_unhex(one);
                if (!buf_ok(&b) || b.n != sizeof(p->psk[0].b) || i >= NOISE_PSKS_MAX) {
                        p->bad = true;
                        return;
                }
                memcpy(p->psk[i].b, b.p, b.n);
                p->n_psk = i + 1;
        }
}

/* Some files say "name". */
static const char *protocol_name(const json_t *vector) {
        return json_object_get(vector, "protocol_name") ? vector_text(vector, "protocol_name")
                                                        : vector_text(vector, "name");
}

static const char *field(char *room, size_t size, bool initiator, const char *name) {
        snprintf(room, size, "%s_%s", initiator ? "init" : "resp", name);
        return room;
}

static bool party_init(struct party *p, const json_t *vector, bool initiator) {
        char name[32];
        struct key secret;
        *p = (struct party){0};
        if (json_object_get(vector, field(name, sizeof(name), initiator, "prologue")))
                p->prologue = vector_bytes(vector, name);
        p->has_s = optional_key(p, vector, field(name, sizeof(name), initiator, "static"), &secret);
        if (p->has_s)
                box_key_from_secret(&p->s, &secret);
        p->has_e = optional_key(p, vector, field(name, sizeof(name), initiator, "ephemeral"), &p->e);
        p->has_rs = optional_key(p, vector, field(name, sizeof(name), initiator, "remote_static"), &p->rs);
        party_psks(p, json_object_get(vector, field(name, sizeof(name), initiator, "psks")));
        if (p->bad || !buf_ok(&p->prologue))
                return false;

        const struct noise_config cfg = {
                .protocol_name = protocol_name(vector),
                .initiator = initiator,
                .prologue = buf_span(&p->prologue),
                .s = p->has_s ? &p->s : NULL,
                .e_secret = p->has_e ? &p->e : NULL,
                .rs = p->has_rs ? &p->rs : NULL,
                .psk = p->psk,
                .n_psk = p->n_psk,
        };
        return noise_init(&p->noise, &cfg) == 0;
}

static bool handshake_message(struct party *from, struct party *to, struct span payload, struct span expected) {
        _clean_(buf_fini) struct buf wire = BUF_NULL;
        _clean_(buf_fini) struct buf back = BUF_NULL;
        if (noise_write(&from->noise, payload, &wire) != 0 || !span_eq(buf_span(&wire), expected))
                return false;
        return noise_read(&to->noise, buf_span(&wire), &back) == 0 && span_eq(buf_span(&back), payload);
}

static bool transport_message(struct party *from, struct party *to, struct span payload, struct span expected) {
        _clean_(buf_fini) struct buf wire = BUF_NULL;
        uint8_t *p = buf_room(&wire, payload.n + NOISE_TAG);
        if (!p || !noise_encrypt(&from->send, SPAN_NONE, payload, p))
                return false;
        buf_used(&wire, payload.n + NOISE_TAG);
        if (!span_eq(buf_span(&wire), expected) || !noise_decrypt(&to->recv, SPAN_NONE, buf_span(&wire), p))
                return false;
        return span_eq(span_of(p, payload.n), payload);
}

static bool split_both(struct party *init, struct party *resp, const json_t *vector) {
        _clean_(buf_fini) struct buf h = BUF_NULL;
        if (noise_split(&init->noise, &init->send, &init->recv, init->h) != 0 ||
            noise_split(&resp->noise, &resp->send, &resp->recv, resp->h) != 0)
                return false;
        if (memcmp(init->h, resp->h, NOISE_HASH) != 0)
                return false;
        if (!json_object_get(vector, "handshake_hash"))
                return true;
        h = vector_bytes(vector, "handshake_hash");
        return span_eq(buf_span(&h), SPAN_OF(init->h));
}

/* Messages go to and fro, through handshake and transport alike; all from the initiator if the pattern is one-way. */
static bool run_message(struct party *init, struct party *resp, const json_t *message, size_t i, bool handshake) {
        _clean_(buf_fini) struct buf payload = vector_bytes(message, "payload");
        _clean_(buf_fini) struct buf expected = vector_bytes(message, "ciphertext");
        if (!buf_ok(&payload) || !buf_ok(&expected))
                return false;
        bool from_init = i % 2 == 0 || init->noise.pattern.one_way;
        struct party *from = from_init ? init : resp, *to = from_init ? resp : init;
        if (handshake)
                return handshake_message(from, to, buf_span(&payload), buf_span(&expected));
        return transport_message(from, to, buf_span(&payload), buf_span(&expected));
}

/* NULL if all is as the vector says, else what is not. */
static const char *run_vector(const json_t *vector) {
        _clean_(party_fini) struct party init = {0};
        _clean_(party_fini) struct party resp = {0};
        if (!party_init(&init, vector, true))
                return "the initiator's keys";
        if (!party_init(&resp, vector, false))
                return "the responder's keys";

        size_t i;
        json_t *message;
        const json_t *messages = json_object_get(vector, "messages");
        json_array_foreach(messages, i, message) {
                bool handshake = !init.noise.done;
                if (!run_message(&init, &resp, message, i, handshake))
                        return handshake ? "a handshake message" : "a transport message";
                if (handshake && init.noise.done && !split_both(&init, &resp, vector))
                        return "the handshake hash";
        }
        return init.noise.done ? NULL : "too few messages";
}

static bool starts_with(const char *s, const char *start) {
        return strncmp(s, start, strlen(start)) == 0;
}

static bool ends_with(const char *s, const char *end) {
        size_t n = strlen(s), m = strlen(end);
        return n >= m && strcmp(s + n - m, end) == 0;
}

/* "NoisePSK_" is how names began before revision 32; "hfs" adds a key exchange that is not of this suite. */
static bool ours(const json_t *vector) {
        const char *name = protocol_name(vector);
        return starts_with(name, "Noise_") && ends_with(name, OUR_SUITE) && !strstr(name, "fallback") &&
               !strstr(name, "hfs") && !json_is_true(json_object_get(vector, "fallback"));
}

static int run_file(const char *path) {
        json_t *root = vectors_load(path);
        const json_t *vectors = json_is_array(root) ? root : json_object_get(root, "vectors");
        size_t i, run = 0, passed = 0, skipped = 0;
        json_t *vector;
        json_array_foreach(vectors, i, vector) {
                if (!ours(vector)) {
                        skipped++;
                        continue;
                }
                const char *wrong = run_vector(vector);
                run++;
                passed += wrong == NULL;
                if (wrong)
                        printf("FAILED %s (vector %zu): %s\n", protocol_name(vector), i, wrong);
        }
        printf("%zu skipped: other suites and fallback patterns\n", skipped);
        if (!run)
                printf("no vector of this suite in %s\n", path);
        printf("%zu of %zu passed\n", passed, run);
        json_decref(root);
        return run > 0 && passed == run ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
        char path[4096];
        if (argc > 1)
                return run_file(argv[1]);
        if (!vectors_path(path, sizeof(path), DEFAULT_FILE))
                return VECTORS_SKIPPED;
        return run_file(path);
}
