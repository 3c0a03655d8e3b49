/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: a ticket is all a joiner has, and it comes by paper, by telephone and by photograph. So it must be readable before
 * joining, say by itself that it arrived whole, and let nobody forge a use of it: its signature is the one that the invite in
 * the joiner's add carries, over a hash of all the ticket says.
 *
 * blind = hash(TICKET_BLIND, mesh, the ticket's pairs before its signature), so signing the invite signs the ticket.
 */
#include "roster/ticket.h"

#include "base/lang.h"
#include "roster/armor.h"
#include "roster/invite.h"
#include "roster/words.h"

#define PREFIX_WORD "PORCHLIGHT" /* and then the version */

/* ---- the public half ---- */

/* @with_sig false: the signature is to be made yet. */
static void invite_encode(const struct wire_invite *inv, bool with_sig, struct buf *out) {
        static const uint8_t none[SIGN_BYTES];
        struct wire_invite copy = *inv;
        if (!with_sig)
                copy.sig = SPAN_OF(none);
        codec_encode(&wire_invite_desc, &copy, out);
}

/* In memory that is there: a hash over less would name another invite, and a signature would seem wrong. */
void invite_hash(struct hash *ret, const struct wire_invite *inv, const struct hash *mesh) {
        uint8_t room[INVITE_BYTES_MAX];
        struct buf raw = BUF_ON(room);
        invite_encode(inv, false, &raw);
        hash_make(ret, DOMAIN_INVITE, mesh, codec_pairs_before(buf_span(&raw), INVITE_KEY_sig));
}

bool invite_check(const struct wire_invite *inv, const struct hash *mesh) {
        struct hash what;
        struct key device;
        memcpy(device.b, inv->device.p, sizeof(device.b));
        invite_hash(&what, inv, mesh);
        return sign_check(inv->sig.p, &device, DOMAIN_INVITE, &what);
}

/* @blind receives what inv->blind points to. */
static struct wire_invite invite_of(const struct ticket *t, struct span raw, struct hash *blind) {
        hash_make(blind, DOMAIN_TICKET_BLIND, &t->mesh, codec_pairs_before(raw, TICKET_KEY_sig));
        return (struct wire_invite){
                .key = SPAN_OF(t->invite.pub.b),
                .device = t->w.device,
                .expires = t->w.expires,
                .uses = t->w.uses,
                .blind = SPAN_OF(blind->b),
                .sig = t->w.sig,
        };
}

void ticket_invite(const struct ticket *t, struct buf *out) {
        struct hash blind;
        struct wire_invite inv = invite_of(t, buf_span(&t->store), &blind);
        invite_encode(&inv, true, out);
}

/* ---- making ---- */

/* Drops addresses from the last until the whole fits. */
static int ticket_fit(struct ticket *t, struct buf *raw) {
        return armor_fit(&wire_ticket_desc, &t->w, &t->w.addrs, &t->w.has, TICKET_KEY_addrs, raw);
}

/* Signs what @t->w says, its spans still the caller's, and leaves the encoding in @raw. */
static int ticket_sign(struct ticket *t, const struct sign_key *device, const uint8_t seed[32], struct buf *raw) {
        uint8_t sig[SIGN_BYTES] = {0};
        struct hash blind, what;
        t->w.device = SPAN_OF(device->pub.b);
        t->w.seed = span_of(seed, 32);
        t->w.sig = SPAN_OF(sig);
        int r = ticket_fit(t, raw);
        if (r)
                return r;
        struct wire_invite inv = invite_of(t, buf_span(raw), &blind);
        invite_hash(&what, &inv, &t->mesh);
        sign_make(sig, device, DOMAIN_INVITE, &what);
        r = armor_encode(&wire_ticket_desc, &t->w, raw);
        t->w.sig = t->w.seed = SPAN_NONE;
        return r;
}

static int ticket_read(struct ticket *t) {
        if (codec_decode(&wire_ticket_desc, buf_span(&t->store), &t->w, NULL))
                return TICKET_E_MANGLED;
        /* PROTOCOL 6.2: "The signature, key 16, MUST be the last pair of the map." */
        if (!armor_sig_is_last(buf_span(&t->store), TICKET_KEY_sig))
                return TICKET_E_MANGLED; /* something stands behind the signature */
        if (WIRE_HAS(&t->w, TICKET, addrs) && !armor_addrs_right(t->w.addrs))
                return TICKET_E_MANGLED;
        memcpy(t->mesh.b, t->w.mesh.p, sizeof(t->mesh.b));
        sign_key_from_seed(&t->invite, t->w.seed.p);
        return 0;
}

int ticket_make(struct ticket *t, const struct sign_key *device, struct rng *rng, struct buf *text) {
        _clean_(buf_wipe) struct buf raw = BUF_NULL;
        uint8_t seed[32];
        if (t->w.mesh.n != sizeof(t->mesh.b) || (WIRE_HAS(&t->w, TICKET, addrs) && !armor_addrs_right(t->w.addrs)))
                return TICKET_E_VALUE;
        memcpy(t->mesh.b, t->w.mesh.p, sizeof(t->mesh.b));
        rng_bytes(rng, seed, sizeof(seed));
        sign_key_from_seed(&t->invite, seed);
        int r = ticket_sign(t, device, seed, &raw);
        hash_wipe(seed, sizeof(seed));
        if (r)
                return r;
        buf_add(&t->store, buf_span(&raw));
        if (!buf_ok(&t->store))
                return ERR_NOMEM;
        r = ticket_read(t);
        if (r)
                return TICKET_E_VALUE;
        armor_put(text, buf_span(&t->store), PREFIX_WORD);
        return buf_ok(text) ? 0 : ERR_NOMEM;
}

/* ---- reading ---- */

/* PROTOCOL 6.4: "as `sig` the ticket's signature: the inviter's device signs `hash(INVITE, mesh, pairs of the invite
 * before key 6)`. A reader MUST check it." */
static int ticket_decode(struct ticket *t, struct span text) {
        int r = armor_open(&t->store, text, PREFIX_WORD);
        if (r)
                return r;
        r = ticket_read(t);
        if (r)
                return r;
        struct hash blind;
        struct wire_invite inv = invite_of(t, buf_span(&t->store), &blind);
        return invite_check(&inv, &t->mesh) ? 0 : TICKET_E_SIGNATURE;
}

int ticket_parse(struct ticket *ret, struct span text) {
        struct ticket t = {.store = BUF_NULL};
        int r = ticket_decode(&t, text);
        if (r) {
                ticket_fini(&t);
                return r;
        }
        *ret = t;
        hash_wipe(&t, sizeof(t));
        return 0;
}

void ticket_fini(struct ticket *t) {
        buf_wipe(&t->store);
        hash_wipe(t, sizeof(*t));
}

const char *ticket_error_text(int e) {
        if (e == TICKET_E_PREFIX)
                return N_("is not a Porchlight ticket");
        if (e == TICKET_E_VERSION)
                return N_("is a ticket of a newer version of Porchlight");
        return armor_error_text(e);
}

void ticket_words(const struct ticket *t, struct buf *out) {
        words_put(out, &t->mesh, buf_span(&t->store));
}
