/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: the household's key is in one place, the vault of its main node. A further device must come into the household
 * without that key leaving it and without the main node being asked again: so the key certifies, for a while, another key
 * that can be used once. Whoever has the code has that key; what it makes of it is a device of a quarter share, which the
 * household can revoke alone.
 *
 * blind = hash(CODE_BLIND, mesh, the code's pairs before its signature), so signing the public half signs the whole code.
 */
#include "roster/code.h"

#include "base/lang.h"
#include "roster/armor.h"
#include "roster/words.h"

#define PREFIX_WORD "PORCHDEVICE" /* and then the version */

/* ---- the public half ---- */

/* In memory that is there: a hash over less would name another code, and a signature would seem wrong. */
void code_hash(struct hash *ret, const struct wire_code *code, const struct hash *mesh) {
        static const uint8_t none[SIGN_BYTES];
        uint8_t room[CODE_BYTES_MAX];
        struct buf raw = BUF_ON(room);
        struct wire_code copy = *code;
        copy.sig = SPAN_OF(none);
        codec_encode(&wire_code_desc, &copy, &raw);
        hash_make(ret, DOMAIN_CODE, mesh, codec_pairs_before(buf_span(&raw), CODE_KEY_sig));
}

bool code_check(const struct wire_code *code, const struct hash *mesh, const struct key *household) {
        struct hash what;
        code_hash(&what, code, mesh);
        return sign_check(code->sig.p, household, DOMAIN_CODE, &what);
}

/* @blind receives what the result's blind points to. */
static struct wire_code public_of(const struct code *c, struct span raw, struct hash *blind) {
        hash_make(blind, DOMAIN_CODE_BLIND, &c->mesh, codec_pairs_before(raw, DEVICE_CODE_KEY_sig));
        return (struct wire_code){
                .key = SPAN_OF(c->key.pub.b),
                .share = c->w.share,
                .expires = c->w.expires,
                .blind = SPAN_OF(blind->b),
                .sig = c->w.sig,
        };
}

void code_public(const struct code *c, struct buf *out) {
        struct hash blind;
        struct wire_code half = public_of(c, buf_span(&c->store), &blind);
        codec_encode(&wire_code_desc, &half, out);
}

/* ---- making ---- */

/* Drops addresses from the last until the whole fits. */
static int code_fit(struct code *c, struct buf *raw) {
        return armor_fit(&wire_device_code_desc, &c->w, &c->w.addrs, &c->w.has, DEVICE_CODE_KEY_addrs, raw);
}

/* Signs what @c->w says, its spans still the caller's, and leaves the encoding in @raw. */
static int code_sign(struct code *c, const struct sign_key *household, const uint8_t seed[32], struct buf *raw) {
        uint8_t sig[SIGN_BYTES] = {0};
        struct hash blind, what;
        c->w.household = SPAN_OF(household->pub.b);
        c->w.seed = span_of(seed, 32);
        c->w.sig = SPAN_OF(sig);
        int r = code_fit(c, raw);
        if (r)
                return r;
        struct wire_code half = public_of(c, buf_span(raw), &blind);
        code_hash(&what, &half, &c->mesh);
        sign_make(sig, household, DOMAIN_CODE, &what);
        r = armor_encode(&wire_device_code_desc, &c->w, raw);
        c->w.sig = c->w.seed = SPAN_NONE;
        return r;
}

static int code_read(struct code *c) {
        if (codec_decode(&wire_device_code_desc, buf_span(&c->store), &c->w, NULL))
                return TICKET_E_MANGLED;
        /* PROTOCOL 6.17: "The signature, key 16, MUST be the last pair of a device code's map." */
        if (!armor_sig_is_last(buf_span(&c->store), DEVICE_CODE_KEY_sig))
                return TICKET_E_MANGLED;
        if (WIRE_HAS(&c->w, DEVICE_CODE, addrs) && !armor_addrs_right(c->w.addrs))
                return TICKET_E_MANGLED;
        memcpy(c->mesh.b, c->w.mesh.p, sizeof(c->mesh.b));
        memcpy(c->household.b, c->w.household.p, sizeof(c->household.b));
        sign_key_from_seed(&c->key, c->w.seed.p);
        return 0;
}

int code_make(struct code *c, const struct sign_key *household, struct rng *rng, struct buf *text) {
        _clean_(buf_wipe) struct buf raw = BUF_NULL;
        uint8_t seed[32];
        if (c->w.mesh.n != sizeof(c->mesh.b) || (WIRE_HAS(&c->w, DEVICE_CODE, addrs) && !armor_addrs_right(c->w.addrs)))
                return TICKET_E_VALUE;
        memcpy(c->mesh.b, c->w.mesh.p, sizeof(c->mesh.b));
        rng_bytes(rng, seed, sizeof(seed));
        sign_key_from_seed(&c->key, seed);
        int r = code_sign(c, household, seed, &raw);
        hash_wipe(seed, sizeof(seed));
        if (r)
                return r;
        buf_add(&c->store, buf_span(&raw));
        if (!buf_ok(&c->store))
                return ERR_NOMEM;
        if (code_read(c))
                return TICKET_E_VALUE;
        armor_put(text, buf_span(&c->store), PREFIX_WORD);
        return buf_ok(text) ? 0 : ERR_NOMEM;
}

/* ---- reading ---- */

/* PROTOCOL 6.18: "the household signs `hash(CODE, mesh, pairs of the public half before key 5)`. A reader MUST check
 * it." */
static int code_decode(struct code *c, struct span text) {
        int r = armor_open(&c->store, text, PREFIX_WORD);
        if (r)
                return r;
        r = code_read(c);
        if (r)
                return r;
        struct hash blind;
        struct wire_code half = public_of(c, buf_span(&c->store), &blind);
        return code_check(&half, &c->mesh, &c->household) ? 0 : TICKET_E_SIGNATURE;
}

int code_parse(struct code *ret, struct span text) {
        struct code c = {.store = BUF_NULL};
        int r = code_decode(&c, text);
        if (r) {
                code_fini(&c);
                return r;
        }
        *ret = c;
        hash_wipe(&c, sizeof(c));
        return 0;
}

void code_fini(struct code *c) {
        buf_wipe(&c->store);
        hash_wipe(c, sizeof(*c));
}

const char *code_error_text(int e) {
        if (e == TICKET_E_PREFIX)
                return N_("is not a device code");
        if (e == TICKET_E_VERSION)
                return N_("is a device code of a newer version of Porchlight");
        return armor_error_text(e);
}

void code_words(const struct code *c, struct buf *out) {
        words_put(out, &c->mesh, buf_span(&c->store));
}
