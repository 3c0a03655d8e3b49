/* SPDX-License-Identifier: Apache-2.0 */
#include "node/paper_rules.h"

#include "crypto/hash.h"

#define AHEAD_S 600 /* that another home's clock may be ahead, as of records (PROTOCOL 4.11) */

static bool is(struct span key, const struct key *k) {
        return span_eq(key, SPAN_OF(k->b));
}

/* A device, current or of before, of the household that brings the paper. */
static bool bringers(const struct paper_eye *e, struct span device) {
        struct key k;
        memcpy(k.b, device.p, sizeof(k.b));
        const struct roster_device *d = roster_device_find(e->roster, &k);
        return d && key_eq(&d->home->key, &e->bringer);
}

static bool current(const struct paper_eye *e, struct span device) {
        struct key k;
        memcpy(k.b, device.p, sizeof(k.b));
        const struct roster_device *d = roster_device_find(e->roster, &k);
        return d && d->gone_at == 0 && key_eq(&d->home->key, &e->bringer);
}

static bool read_object(enum clip_object what, const struct paper_eye *e, struct span raw, void *ret,
                        struct hash *ret_id) {
        return clip_read(what, raw, roster_mesh(e->roster), ret, ret_id) == 0;
}

/* PROTOCOL 15.62: "A grant is brought by a device of the household that signed it, to the household it names, with the manifest of
 * the clip it names, which a device of the same household signed." */
enum paper_verdict paper_grant_read(const struct paper_eye *e, struct span paper, struct span manifest,
                                    struct paper_grant *ret) {
        if (!read_object(CLIP_GRANT, e, paper, &ret->grant, &ret->id) ||
            !read_object(CLIP_MANIFEST, e, manifest, &ret->manifest, &ret->clip))
                return PAPER_JUNK;
        bool right = is(ret->grant.household, &e->bringer) && is(ret->grant.to, &e->self) &&
                     !WIRE_HAS(&ret->grant, GRANT, device) && is(ret->manifest.household, &e->bringer) &&
                     bringers(e, ret->manifest.device) && span_eq(ret->grant.clip, SPAN_OF(ret->clip.b));
        if (!right)
                return PAPER_JUNK;
        return ret->grant.expires > e->now ? PAPER_FINE : PAPER_LATE;
}

static bool is_member(const struct paper_eye *e, struct span household) {
        struct key k;
        memcpy(k.b, household.p, sizeof(k.b));
        const struct roster_home *home = roster_home_find(e->roster, &k);
        return home && home->member;
}

/* PROTOCOL 15.48: "Leave is a grant that the clip's owner, a member, signed for that clip to the household that asks, or where it
 * names a device to that device, and whose time is not over." */
enum paper_verdict paper_leave_read(const struct paper_eye *e, struct span paper, const struct hash *clip,
                                    const struct key *device, struct wire_grant *ret, struct hash *ret_id) {
        if (!read_object(CLIP_GRANT, e, paper, ret, ret_id))
                return PAPER_JUNK;
        bool right = is(ret->to, &e->bringer) && span_eq(ret->clip, SPAN_OF(clip->b)) && is_member(e, ret->household) &&
                     (!WIRE_HAS(ret, GRANT, device) || is(ret->device, device));
        if (!right)
                return PAPER_JUNK;
        return ret->expires > e->now ? PAPER_FINE : PAPER_LATE;
}

enum paper_verdict paper_over_read(const struct paper_eye *e, struct span paper, struct wire_grant_over *ret,
                                   struct hash *ret_id) {
        bool right = read_object(CLIP_GRANT_OVER, e, paper, ret, ret_id) && is(ret->household, &e->bringer);
        return right ? PAPER_FINE : PAPER_JUNK;
}

enum paper_verdict paper_receipt_read(const struct paper_eye *e, struct span paper, struct wire_receipt *ret,
                                      struct hash *ret_id) {
        bool right = read_object(CLIP_RECEIPT, e, paper, ret, ret_id) && is(ret->household, &e->bringer);
        return right ? PAPER_FINE : PAPER_JUNK;
}

/* The device may have been revoked since. */
enum paper_verdict paper_attest_read(const struct paper_eye *e, struct span paper, struct wire_attest *ret,
                                     struct hash *ret_id) {
        bool right = read_object(CLIP_ATTEST, e, paper, ret, ret_id) && bringers(e, ret->device) &&
                     wire_enum_text(&wire_attested_enum, ret->what);
        return right ? PAPER_FINE : PAPER_JUNK;
}

/* PROTOCOL 15.66: "A request is brought by a device of the household it names, and signed by a current device of that
 * household." */
enum paper_verdict paper_request_read(const struct paper_eye *e, struct span paper, struct wire_request *ret,
                                      struct hash *ret_id) {
        bool right = read_object(CLIP_REQUEST, e, paper, ret, ret_id) && is(ret->household, &e->bringer) &&
                     current(e, ret->device);
        if (!right)
                return PAPER_JUNK;
        if (ret->created > e->now + AHEAD_S)
                return PAPER_EARLY;
        return ret->expires > e->now ? PAPER_FINE : PAPER_LATE;
}

/* ---- between devices of this household ---- */

static bool ours(const struct paper_eye *e) {
        return key_eq(&e->bringer, &e->self);
}

/* PROTOCOL 15.80: "A manifest's device brings it, and no other." */
enum paper_verdict paper_own_read(const struct paper_eye *e, struct span paper, struct span manifest,
                                  struct paper_own *ret) {
        if (!ours(e) || !read_object(CLIP_MANIFEST, e, manifest, &ret->manifest, &ret->clip) ||
            codec_decode(&wire_own_clip_desc, paper, &ret->own, NULL))
                return PAPER_JUNK;
        bool right = is(ret->manifest.household, &e->self) && is(ret->manifest.device, &e->device) &&
                     current(e, ret->manifest.device) && span_eq(ret->own.clip, SPAN_OF(ret->clip.b));
        return right ? PAPER_FINE : PAPER_JUNK;
}

/* PROTOCOL 15.85: "A grant that names a device is brought to that device by its household's main one, and by no other, with the
 * clip's manifest before it" */
enum paper_verdict paper_own_grant_read(const struct paper_eye *e, const struct key *main,
                                        const struct key *self_device, struct span paper, struct span manifest,
                                        struct paper_grant *ret) {
        if (!ours(e) || !main || !key_eq(main, &e->device) ||
            !read_object(CLIP_GRANT, e, paper, &ret->grant, &ret->id) ||
            !read_object(CLIP_MANIFEST, e, manifest, &ret->manifest, &ret->clip))
                return PAPER_JUNK;
        bool right = is(ret->grant.household, &e->self) && is(ret->grant.to, &e->self) &&
                     WIRE_HAS(&ret->grant, GRANT, device) && is(ret->grant.device, self_device) &&
                     is(ret->manifest.household, &e->self) && bringers(e, ret->manifest.device) &&
                     span_eq(ret->grant.clip, SPAN_OF(ret->clip.b));
        if (!right)
                return PAPER_JUNK;
        return ret->grant.expires > e->now ? PAPER_FINE : PAPER_LATE;
}

static bool gone_read(struct span paper, const struct key *device, struct hash *ret_clip) {
        struct wire_own_gone w;
        if (codec_decode(&wire_own_gone_desc, paper, &w, NULL) || !is(w.device, device))
                return false;
        memcpy(ret_clip->b, w.clip.p, sizeof(ret_clip->b));
        return true;
}

enum paper_verdict paper_gone_read(const struct paper_eye *e, struct span paper, struct hash *ret_clip) {
        return ours(e) && gone_read(paper, &e->device, ret_clip) ? PAPER_FINE : PAPER_JUNK;
}

/* PROTOCOL 15.82: "Only the main device's word is taken for it." */
enum paper_verdict paper_destroy_read(const struct paper_eye *e, const struct key *main, const struct key *self_device,
                                      struct span paper, struct hash *ret_clip) {
        bool right = ours(e) && main && key_eq(main, &e->device) && gone_read(paper, self_device, ret_clip);
        return right ? PAPER_FINE : PAPER_JUNK;
}
