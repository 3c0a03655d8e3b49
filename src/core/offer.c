/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is inside a MEET: signed by the device that says it, over both devices, and sealed to the one it is for. Whoever passes
 * it on sees who wants to meet whom, and when. He can keep it to himself; what he changes, repeats or puts together from
 * others' does not open, is not signed, or was heard before.
 */
#include "core/core.h"
#include "core/link.h"
#include "core/meet.h"
#include "roster/roster.h"
#include "wire/codec.h"

#include <stdlib.h>

/* PROTOCOL 17.6: "Its signature is over `hash(MEET, mesh, from || to || bytes before key 16)`" */
static void offer_hash(const struct mesh *m, const struct key *from, const struct key *to, struct span raw,
                       struct hash *ret) {
        const struct span parts[] = {SPAN_OF(from->b), SPAN_OF(to->b), codec_before(raw, MEET_SAID_KEY_sig)};
        hash_make_n(ret, DOMAIN_MEET, roster_mesh(m->roster), parts, ARRAY_LEN(parts));
}

/* PROTOCOL 17.6: "the context is `hash(MEET, mesh, from || to)`" */
static void offer_context(const struct mesh *m, const struct key *from, const struct key *to, struct hash *ret) {
        const struct span parts[] = {SPAN_OF(from->b), SPAN_OF(to->b)};
        hash_make_n(ret, DOMAIN_MEET, roster_mesh(m->roster), parts, ARRAY_LEN(parts));
}

/* Candidates @from … @to of this side. */
static struct wire_list addrs_of(const struct meet *x, uint8_t from, uint8_t n) {
        size_t begin = from ? x->ends[from - 1] : 0, end = from + n ? x->ends[from + n - 1] : 0;
        return (struct wire_list){n, span_of(x->addrs.p + begin, end - begin)};
}

static int write_said(struct link *l, const struct meet *x, uint8_t seq, const struct meet_said *what,
                      struct buf *out) {
        struct mesh *m = l->m;
        uint8_t sig[SIGN_BYTES];
        struct hash h;
        struct wire_meet_said w = {.nonce = SPAN_OF(x->nonce),
                                   .seq = seq,
                                   .time = clock_now(m),
                                   .door = SPAN_OF(l->device.b),
                                   .sig = SPAN_OF(signed_blank)};
        if (what->words)
                WIRE_PUT(&w, MEET_SAID, words, ((struct wire_list){1, buf_span(&x->words)}));
        if (what->n)
                WIRE_PUT(&w, MEET_SAID, candidates, addrs_of(x, what->first, what->n));
        if (what->all)
                WIRE_PUT(&w, MEET_SAID, all, true);
        if (what->end)
                WIRE_PUT(&w, MEET_SAID, end, true);
        if (!x->calls)
                WIRE_PUT(&w, MEET_SAID, answer, true);
        if (what->relay) {
                WIRE_PUT(&w, MEET_SAID, doorstep, SPAN_OF(x->doorstep.b));
                WIRE_PUT(&w, MEET_SAID, token, SPAN_OF(x->token));
        }
        codec_encode(&wire_meet_said_desc, &w, out);
        if (CHECK_FAILS(buf_ok(out) || out->starved))
                return ERR_BROKEN;
        if (!buf_ok(out))
                return ERR_NOMEM;
        offer_hash(m, &m->sign.pub, &x->device, buf_span(out), &h);
        sign_make(sig, &m->sign, DOMAIN_MEET, &h);
        codec_patch(out, codec_before(buf_span(out), MEET_SAID_KEY_sig).n, SPAN_OF(sig));
        return 0;
}

int offer_say(struct link *l, const struct meet *x, uint8_t seq, const struct meet_said *what,
              const struct meet_way *way) {
        static const struct key nobody;
        struct mesh *m = l->m;
        const struct roster_device *to = roster_device_find(m->roster, &x->device);
        _clean_(buf_fini) struct buf plain = BUF_NULL, sealed = BUF_NULL;
        struct hash context;
        if (!to || to->gone_at) /* since then, too: it is told no addresses */
                return 0;
        int r = write_said(l, x, seq, what, &plain);
        if (r)
                return r;
        offer_context(m, &m->sign.pub, &x->device, &context);
        if (!box_seal_said(&sealed, &to->seal, SPAN_OF(context.b), buf_span(&plain), &m->rng))
                return 0; /* a key that opens nothing: its owner's loss */
        struct wire_meet msg = {.to = SPAN_OF(x->device.b),
                                .from = SPAN_OF(m->sign.pub.b),
                                .hops = MEET_HOPS,
                                .sealed = buf_span(&sealed)};
        if (!key_eq(&way->by, &nobody))
                WIRE_PUT(&msg, MEET, by, SPAN_OF(way->by.b));
        return link_say(l, LINK_MEET, &msg);
}

/* PROTOCOL 17.7: "A device MUST NOT take what does not open, what is not signed by the device that `from` names" */
bool offer_open(struct mesh *m, const struct wire_meet *msg, struct buf *plain, struct wire_meet_said *ret) {
        struct wire_meet_said w;
        struct hash context, h;
        struct key from;
        memcpy(from.b, msg->from.p, sizeof(from.b));
        offer_context(m, &from, &m->sign.pub, &context);
        if (!box_unseal_said(plain, &m->seal, SPAN_OF(context.b), msg->sealed) ||
            codec_decode(&wire_meet_said_desc, buf_span(plain), &w, NULL))
                return false;
        offer_hash(m, &from, &m->sign.pub, buf_span(plain), &h);
        if (!sign_check(w.sig.p, &from, DOMAIN_MEET, &h))
                return false;
        *ret = w;
        return true;
}
