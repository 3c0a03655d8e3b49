/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promise of test-consent-model.c within a household: a clip's key is at its laptop only behind a grant and a receipt that
 * were durable at the hub before, and a reading there only behind a line; and before the laptop is revoked, or the clip
 * destroyed, what was shared has been taken back on the hub's disk. Random histories of two vaults: sharing, keys that are
 * brought late, twice, damaged or for another grant, reading, taking back, revoking the laptop, destroying, clocks that go
 * on and back, restarts, power that goes at any write, full disks, old copies put back.
 *
 * PORCHLIGHT_OWN_SEED and PORCHLIGHT_OWN_RUNS: which histories; without them 3 s of them.
 */
#include "../support/histories.h"
#include "../support/safe.h"

#include "base/log.h"
#include "base/text.h"

#define FATES 24
#define STEPS 30
#define LIFE 3600 /* of a grant, seconds */
#define QUICK_S 3
#define SABOTAGE_RUNS 400 /* within which a broken vault has to be noticed */
#define FORGETFUL_RUNS 50
#define HUB 0
#define LAPTOP 1 /* its daemon has the device key of home 1, which never joins */
#define STRANGER 2

int __real_clip_read(enum clip_object what, struct span raw, const struct hash *mesh, void *ret, struct hash *ret_id);
int __wrap_clip_read(enum clip_object what, struct span raw, const struct hash *mesh, void *ret, struct hash *ret_id);

static enum clip_object believed; /* a vault that does not look at the signatures of these; 0: an honest one */
static uint64_t released, readings, revoked, destroyed; /* right ones, so that the test is of something */

int __wrap_clip_read(enum clip_object what, struct span raw, const struct hash *mesh, void *ret, struct hash *ret_id) {
        int r = __real_clip_read(what, raw, mesh, ret, ret_id);
        if (r == CLIP_E_SIGNATURE && believed && what == believed)
                r = codec_decode(what == CLIP_GRANT_OVER ? &wire_grant_over_desc : &wire_receipt_desc, raw, ret, NULL);
        return r;
}

static struct street street;
static struct safe_clip clips[SAFE_CLIPS];
static struct box_key laptop_seal;

static void set_up(void) {
        struct key hub = {{1, 5}}, laptop = {{2, 5}};
        struct box_key seal;
        street_found(&street, 7, (struct wire_list){0});
        box_key_from_secret(&laptop_seal, &laptop);
        street.seal = &laptop_seal.pub;
        assert_int_equal(street_device_add(&street, 0, HUB, &street.homes[LAPTOP].device), 0);
        street.seal = NULL;
        box_key_from_secret(&seal, &hub);
        for (size_t i = 0; i < SAFE_CLIPS; i++)
                safe_clip_make(&clips[i], &street, &seal.pub, i, 100, false);
}

/* ---- the model ---- */

struct fate { /* of a grant that the hub's daemon was told of */
        struct hash id;
        size_t clip;
        mesh_wall expires;
        bool over;     /* the owner was told that it is, or the hub's vault has seen that its time is */
        bool late;     /* the hub's clock was behind its end once, and its vault may have seen it */
        bool released; /* the box has left, rightly */
        bool gone;     /* the laptop's vault has said that its key is, and was not brought it again */
        bool ended; /* and has its owner's word that the grant is over: whatever it is brought, it keeps no key of it */
        struct buf paper, receipt, box, back;
};

struct model {
        struct fate fates[FATES];
        size_t n;
};

struct life {
        struct safe v[2]; /* HUB, LAPTOP */
        struct model m;
        struct rng rng;
        uint64_t shares;
        bool right;               /* what was brought to the hub just now is a receipt that the household signed … */
        struct hash asked;        /* … for this grant */
        struct safe_disk copy[2]; /* of the vaults' folders … */
        bool over_then[FATES];    /* … and what was over when the hub's was made */
        bool copied[2];
};

static struct fate *fate_of(struct model *m, const struct hash *id) {
        for (size_t i = 0; i < m->n; i++)
                if (hash_eq(&m->fates[i].id, id))
                        return &m->fates[i];
        return NULL;
}

static bool on_hub(const struct life *l, const struct hash *grant, enum wire_e_entry what, enum clip_object paper) {
        return safe_on_disk(&l->v[HUB], grant, what, paper, __real_clip_read);
}

static bool opens(struct span box, const struct fate *f) {
        _clean_(buf_wipe) struct buf plain = BUF_NULL;
        return box_unseal(&plain, &laptop_seal, SPAN_OF(f->id.b), box) &&
               span_eq(buf_span(&plain), SPAN_OF(clips[f->clip].key.b));
}

/* PROTOCOL 15.11, 15.23 */
static const char *granted_wrong(struct life *l, const struct safe_heard *h) {
        struct wire_grant w;
        struct hash id;
        if (__real_clip_read(CLIP_GRANT, buf_span(&h->bytes), &street.mesh, &w, &id))
                return "a grant left that is not signed";
        if (!on_hub(l, &id, ENTRY_GRANTED, CLIP_GRANT) || !on_hub(l, &id, ENTRY_RECEIPT, CLIP_RECEIPT))
                return "a grant left before it and its receipt were on the hub's disk";
        if (!WIRE_HAS(&w, GRANT, device) || !span_eq(w.device, SPAN_OF(street.homes[LAPTOP].device.pub.b)))
                return "the grant is another device's";
        struct fate *f = fate_of(&l->m, &id);
        if (f || l->m.n == FATES)
                return NULL;
        f = &l->m.fates[l->m.n++];
        f->id = id;
        f->clip = span_eq(w.clip, SPAN_OF(clips[1].id.b));
        f->expires = w.expires;
        f->over = f->late = f->released = f->gone = f->ended = false;
        buf_clear(&f->box);
        buf_clear(&f->back);
        buf_clear(&f->paper);
        buf_clear(&f->receipt);
        buf_add(&f->paper, buf_span(&h->bytes));
        buf_add(&f->receipt, buf_span(&h->more));
        return NULL;
}

/* PROTOCOL 15.12 */
static const char *release_wrong(struct life *l, const struct safe_heard *h) {
        struct fate *f = fate_of(&l->m, &h->grant);
        if (!f)
                return "a box left, and no grant of it had";
        if (!on_hub(l, &f->id, ENTRY_GRANTED, CLIP_GRANT) || !on_hub(l, &f->id, ENTRY_RECEIPT, CLIP_RECEIPT))
                return "a box left, and its grant and receipt are not on the hub's disk";
        if (!l->right || !hash_eq(&l->asked, &f->id))
                return "a box left that the household's receipt did not ask for";
        if (f->over || l->v[HUB].wall >= f->expires)
                return "a box left under a grant that was over";
        if (!opens(buf_span(&h->bytes), f))
                return "the box has another key than was granted";
        buf_clear(&f->box);
        buf_add(&f->box, buf_span(&h->bytes));
        f->released = true;
        released++;
        return NULL;
}

/* An old copy of the hub's folder may know nothing of it. */
static bool stands(const struct life *l, const struct fate *f) {
        return !f->over && !f->late && on_hub(l, &f->id, ENTRY_GRANTED, CLIP_GRANT) &&
               !on_hub(l, &f->id, ENTRY_REVOKED, CLIP_GRANT_OVER);
}

/* PROTOCOL 15.89, 15.90; @clip negative: the laptop's end, and so that of all. */
static const char *ended_wrong(struct life *l, int clip) {
        for (size_t i = 0; i < l->m.n; i++) {
                struct fate *f = &l->m.fates[i];
                if (clip >= 0 && f->clip != (size_t)clip)
                        continue;
                if (stands(l, f))
                        return clip < 0 ? "the laptop's end was signed, and a grant to it stood"
                                        : "a clip was destroyed, and a grant of it to the laptop stood";
                f->over |= on_hub(l, &f->id, ENTRY_REVOKED, CLIP_GRANT_OVER);
        }
        *(clip < 0 ? &revoked : &destroyed) += 1;
        return NULL;
}

static void taken_back(struct life *l, const struct safe_heard *h) {
        struct wire_grant_over w;
        struct hash id;
        if (__real_clip_read(CLIP_GRANT_OVER, buf_span(&h->bytes), &street.mesh, &w, &id))
                return;
        memcpy(id.b, w.grant.p, sizeof(id));
        struct fate *f = fate_of(&l->m, &id);
        if (!f)
                return;
        f->over = true;
        buf_clear(&f->back);
        buf_add(&f->back, buf_span(&h->bytes));
}

static const char *heard_wrong(struct life *l, const struct safe_heard *h) {
        switch ((unsigned)h->number) {
        case OWNER_V_GRANT:
                return granted_wrong(l, h);
        case OWNER_V_RELEASE:
                return release_wrong(l, h);
        case OWNER_V_REVOKED:
                taken_back(l, h);
                return NULL;
        case OWNER_V_OP:
                return ended_wrong(l, -1);
        case OWNER_V_DESTROY:
                return ended_wrong(l, text_hex_begins(SPAN_OF(clips[1].id.b), buf_span(&h->bytes)));
        default:
                return NULL;
        }
}

static const char keys_back[] = "a key has come back to the laptop, of a grant that its vault knew to be taken back";

/* Keys on the laptop's disk: each came in a box that the hub's vault had let go. */
static const char *keys_wrong(struct life *l) {
        for (size_t i = 0; i < SAFE_BLOBS; i++) {
                const struct safe_blob *b = &l->v[LAPTOP].disk.blobs[i];
                struct wire_o_taken w;
                if (!b->there || b->what != VAULT_BLOB_TAKEN ||
                    codec_decode(&wire_o_taken_desc, buf_span(&b->bytes), &w, NULL) || !WIRE_HAS(&w, O_TAKEN, key))
                        continue;
                const struct fate *f = fate_of(&l->m, &b->id);
                if (!f || !f->released)
                        return "a key is at the laptop that no grant has let go";
                if (f->gone)
                        return "a key is at the laptop that its vault has said is gone";
                if (f->ended)
                        return keys_back;
                if (!opens(w.key, f))
                        return "what the laptop took is not the clip's key";
        }
        return NULL;
}

static bool says_key(struct span s) {
        for (size_t c = 0; c < SAFE_CLIPS; c++)
                if (safe_has_key(s, &clips[c].key))
                        return true;
        return false;
}

/* All that was said in a step, and what is on the laptop's disk behind it. A vault whose disk has died is started anew. */
static const char *after_step(struct life *l) {
        const char *why = NULL;
        for (size_t i = 0; i < 2; i++) {
                struct safe *s = &l->v[i];
                if (says_key(buf_span(&s->peer.out)))
                        why = "a key left in the clear";
                for (size_t k = 0; !why && k < s->n_heard; k++)
                        why = says_key(buf_span(&s->heard[k].bytes)) ? "a key left in the clear"
                                                                     : heard_wrong(l, &s->heard[k]);
                safe_forget(s);
        }
        if (!why)
                why = keys_wrong(l);
        l->right = false;
        for (size_t i = 0; i < l->m.n; i++)
                l->m.fates[i].late |= l->v[HUB].wall >= l->m.fates[i].expires;
        for (size_t i = 0; i < 2; i++)
                if (l->v[i].dead)
                        safe_start(&l->v[i]);
        return why;
}

/* ---- what the owner does on the hub ---- */

static void share(struct life *l, size_t c) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_go go = {0};
        text_hex(&id, SPAN_OF(clips[c].id.b));
        struct wire_o_grant q = {.clip = buf_span(&id), .purpose = SPAN_STR("to look at it")};
        WIRE_PUT(&q, O_GRANT, to, SPAN_STR("laptop"));
        WIRE_PUT(&q, O_GRANT, expires_in,
                 LIFE + l->shares++); /* or an old copy of the folder made the same one again */
        safe_ask(&l->v[HUB], OWNER_O_GRANT, &q);
        if (!safe_error(&l->v[HUB])[0])
                safe_ask(&l->v[HUB], OWNER_O_GO, &go);
}

static void destroy(struct life *l, size_t c) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_go go = {0};
        text_hex(&id, SPAN_OF(clips[c].id.b));
        struct wire_o_about q = {.id = buf_span(&id)};
        safe_ask(&l->v[HUB], OWNER_O_DESTROY, &q);
        if (!safe_error(&l->v[HUB])[0])
                safe_ask(&l->v[HUB], OWNER_O_GO, &go);
}

/* The daemon could not keep the operation: the laptop is one still, and what was taken back is. */
static void revoke_device(struct life *l) {
        struct wire_o_op q = {.type = OP_DEVICE_REVOKE};
        struct wire_o_go go = {0};
        struct wire_v_result no = {.ok = false};
        WIRE_PUT(&q, O_OP, target, SPAN_STR("laptop"));
        safe_ask(&l->v[HUB], OWNER_O_OP, &q);
        if (safe_error(&l->v[HUB])[0])
                return;
        safe_ask(&l->v[HUB], OWNER_O_GO, &go);
        if (safe_heard(&l->v[HUB], OWNER_V_OP))
                safe_tell(&l->v[HUB], OWNER_V_RESULT, &no);
}

static void bring_receipt(struct life *l, const struct fate *f, bool right) {
        _clean_(buf_fini) struct buf other = BUF_NULL;
        if (!right)
                safe_receipt(&street, buf_span(&f->paper), STRANGER, f->expires - LIFE, &other);
        if (!right && rng_below(&l->rng, 2)) { /* with another name under it than signed it */
                struct wire_receipt w;
                struct hash id;
                _clean_(buf_fini) struct buf forged = BUF_NULL;
                assert_int_equal(__real_clip_read(CLIP_RECEIPT, buf_span(&other), &street.mesh, &w, &id), 0);
                w.household = SPAN_OF(street.homes[HUB].key.pub.b);
                codec_encode(&wire_receipt_desc, &w, &forged);
                buf_clear(&other);
                buf_add(&other, buf_span(&forged));
        }
        l->right = right;
        l->asked = f->id;
        safe_bring_paper(&l->v[HUB], OWNER_V_RECEIPT, buf_span(right ? &f->receipt : &other));
}

/* ---- what comes to the laptop, and what is read there ---- */

static void bring_key(struct life *l, struct fate *f, struct span box) {
        struct wire_o_taken m = {.grant = buf_span(&f->paper),
                                 .manifest = buf_span(&clips[f->clip].manifest),
                                 .receipt = buf_span(&f->receipt)};
        WIRE_PUT(&m, O_TAKEN, key, box);
        f->gone = false;
        safe_bring(&l->v[LAPTOP], OWNER_V_OWN_KEY, &m);
}

static void bring_some_key(struct life *l, struct fate *f) {
        _clean_(buf_fini) struct buf box = BUF_NULL;
        const struct fate *of = rng_below(&l->rng, 8) ? f : &l->m.fates[rng_below(&l->rng, l->m.n)];
        if (!of->box.n)
                return;
        buf_add(&box, buf_span(&of->box));
        if (rng_below(&l->rng, 8) == 0)
                box.p[rng_below(&l->rng, box.n)] ^= (uint8_t)(1 << rng_below(&l->rng, 8));
        bring_key(l, f, buf_span(&box));
}

/* The hub's word, somebody else's, or the daemon's alone. */
static void bring_back(struct life *l, struct fate *f) {
        _clean_(buf_fini) struct buf forged = BUF_NULL;
        struct wire_v_over q = {.grant = SPAN_OF(f->id.b)};
        struct wire_grant_over w = {.grant = q.grant, .household = SPAN_OF(street.homes[HUB].key.pub.b), .created = 1};
        bool right = f->back.n && rng_below(&l->rng, 4), fine = l->v[LAPTOP].fails == 0;
        struct hash id;
        if (!right && rng_below(&l->rng, 2)) {
                assert_int_equal(clip_sign(CLIP_GRANT_OVER, &w, &street.mesh, &street.homes[HUB].key, &forged, &id), 0);
                forged.p[forged.n - 1 - rng_below(&l->rng, SIGN_BYTES)] ^= (uint8_t)(1 + rng_below(&l->rng, 255));
                WIRE_PUT(&q, V_OVER, paper, buf_span(&forged));
        } else if (right) {
                WIRE_PUT(&q, V_OVER, paper, buf_span(&f->back));
        }
        safe_bring(&l->v[LAPTOP], OWNER_V_OVER, &q);
        const struct safe_heard *h = safe_heard(&l->v[LAPTOP], OWNER_V_TOOK);
        bool took = h && hash_eq(&h->grant, &f->id);
        f->gone |= took;
        f->ended |= took && fine && right;
}

/* The last line on the laptop's disk. */
static bool line_stands(const struct life *l, size_t c) {
        struct ledger chain = {.mesh = street.mesh};
        struct span left = buf_span(&l->v[LAPTOP].disk.ledger);
        struct wire_entry e = {0};
        while (left.n >= 4 && left.n >= 4 + (size_t)get_be16(left.p)) {
                size_t n = get_be16(left.p);
                if (ledger_take(&chain, span_of(left.p + 4, n), &e))
                        return false;
                left = span_from(left, 4 + n);
        }
        return e.what == ENTRY_READ && span_eq(e.clip, SPAN_OF(clips[c].id.b));
}

/* PROTOCOL 15.87 */
static const char *read_wrong(struct life *l, size_t c) {
        bool may = false;
        for (size_t i = 0; i < l->m.n; i++) {
                const struct fate *f = &l->m.fates[i];
                may |= f->clip == c && f->released && !f->gone && !f->ended && l->v[LAPTOP].wall < f->expires;
        }
        if (!may)
                return "the laptop showed a clip that it had no key in force of";
        if (!line_stands(l, c))
                return "the laptop showed a clip, and no line on its disk says so";
        readings++;
        return NULL;
}

static const char *read_there(struct life *l, size_t c) {
        _clean_(buf_fini) struct buf id = BUF_NULL, store = BUF_NULL, all = BUF_NULL;
        union frame_message m;
        struct safe *s = &l->v[LAPTOP];
        struct wire_o_chunk chunk = {.i = 0};
        text_hex(&id, SPAN_OF(clips[c].id.b));
        struct wire_o_read q = {.clip = buf_span(&id)};
        safe_ask(s, OWNER_O_READ, &q);
        if (!safe_row(s, OWNER_O_READING_ROW, &store, &m))
                return NULL;
        safe_ask(s, OWNER_O_CHUNK, &chunk);
        safe_pieces(s, &all);
        return all.n ? read_wrong(l, c) : NULL;
}

/* ---- steps ---- */

static void look(struct life *l, size_t which) {
        struct safe *s = &l->v[which];
        bool durable = safe_learns(s);
        s->now += UINT64_C(3600) * 1000;
        vault_tick(&s->v, s->now);
        for (size_t i = 0; which == HUB && durable && !s->dead && s->v.book && i < l->m.n; i++)
                l->m.fates[i].over |= s->wall >= l->m.fates[i].expires;
}

static void put_back(struct life *l, size_t which) {
        for (size_t i = 0; i < l->m.n; i++) {
                struct fate *f = &l->m.fates[i];
                if (which == HUB && l->copied[which]) /* what the laptop has done is not undone by it */
                        f->over = l->over_then[i];
                else if (which == HUB)
                        l->over_then[i] = f->over;
                else if (l->copied[which])
                        f->gone = f->ended = false;
        }
        for (size_t i = l->m.n; i < FATES; i++)
                l->over_then[i] = false;
        if (l->copied[which])
                safe_disk_copy(&l->v[which].disk, &l->copy[which]);
        else
                safe_disk_copy(&l->copy[which], &l->v[which].disk);
        l->copied[which] = !l->copied[which];
        safe_start(&l->v[which]);
}

enum {
        DO_SHARE,
        DO_RECEIPT,
        DO_RECEIPT_AGAIN,
        DO_RECEIPT_WRONG,
        DO_KEY,
        DO_KEY_AGAIN,
        DO_READ,
        DO_READ_AGAIN,
        DO_REVOKE,
        DO_BACK,
        DO_DEVICE,
        DO_DESTROY,
        DO_TIME,
        DO_LOOK,
        DO_RESTART,
        DO_POWER,
        DO_FULL,
        DO_COPY,
        DOINGS
};

static const char *do_one(struct life *l, uint64_t what) {
        struct fate *f = l->m.n ? &l->m.fates[rng_below(&l->rng, l->m.n)] : NULL;
        size_t which = (size_t)rng_below(&l->rng, 2), c = (size_t)rng_below(&l->rng, SAFE_CLIPS);
        struct safe *s = &l->v[which];
        if (what == DO_READ || what == DO_READ_AGAIN)
                return read_there(l, c);
        if (what == DO_SHARE || !f) {
                if (l->m.n < FATES)
                        share(l, c);
        } else if (what <= DO_RECEIPT_WRONG) {
                bring_receipt(l, f, what != DO_RECEIPT_WRONG);
        } else if (what == DO_KEY || what == DO_KEY_AGAIN) {
                bring_some_key(l, f);
        } else if (what == DO_REVOKE) {
                if (safe_revoke(&l->v[HUB], &f->id) && !l->v[HUB].dead)
                        f->over = true;
        } else if (what == DO_BACK) {
                bring_back(l, f);
                if (rng_below(&l->rng, 4) == 0)
                        safe_start(&l->v[LAPTOP]);
                if (f->box.n && rng_below(&l->rng, 2)) /* the daemon has kept it */
                        bring_key(l, f, buf_span(&f->box));
        } else if (what == DO_DEVICE) {
                revoke_device(l);
        } else if (what == DO_DESTROY && rng_below(&l->rng, 4) == 0) {
                destroy(l, c);
        } else if (what == DO_TIME) { /* on, or back; the two clocks need not agree */
                s->wall = street.now + rng_below(&l->rng, 2 * LIFE);
        } else if (what == DO_LOOK) {
                look(l, which);
        } else if (what == DO_RESTART) {
                safe_start(s);
        } else if (what == DO_POWER) {
                s->power = (int)rng_below(&l->rng, 4);
                s->remains = (int)rng_below(&l->rng, 3);
        } else if (what == DO_FULL) {
                s->fails = 1 + (int)rng_below(&l->rng, 3);
        } else if (what == DO_COPY) {
                put_back(l, which);
        }
        return NULL;
}

/* Its vault's key file is that of a further device (PROTOCOL 15.86). */
static void become_laptop(struct safe *s) {
        struct keyfile_secret secret = {.seal = laptop_seal.secret};
        struct keyfile head = {
                .lock = KEYFILE_PLAIN,
                .state = KEYFILE_DEVICE,
                .owner = 1000,
                .mesh = street.mesh,
                .household = street.homes[HUB].key.pub,
                .seal = laptop_seal.pub,
        };
        buf_clear(&s->disk.key);
        assert_int_equal(keyfile_encode(&s->disk.key, &head, &secret, SPAN_NONE, &s->rng), 0);
        safe_start(s);
}

static void life_init(struct life *l, uint64_t seed, const enum safe_lie lie[2]) {
        uint8_t bytes[32] = {0};
        put_be64(bytes, seed);
        *l = (struct life){0};
        rng_init(&l->rng, bytes);
        for (uint32_t i = 0; i < 2; i++) {
                safe_init(&l->v[i], &street, i, clips, NULL);
                bytes[31] = (uint8_t)i;
                rng_init(&l->v[i].rng, bytes);
        }
        become_laptop(&l->v[LAPTOP]);
        for (size_t i = 0; i < 2; i++)
                l->v[i].lie = lie[i];
}

static void life_fini(struct life *l) {
        for (size_t i = 0; i < FATES; i++) {
                struct fate *f = &l->m.fates[i];
                buf_fini(&f->paper);
                buf_fini(&f->receipt);
                buf_fini(&f->box);
                buf_fini(&f->back);
        }
        for (size_t i = 0; i < 2; i++) {
                safe_disk_fini(&l->copy[i]);
                safe_fini(&l->v[i]);
        }
        rng_fini(&l->rng);
}

/* NULL, or what went wrong. */
static const char *live(uint64_t seed, enum safe_lie hub, enum safe_lie laptop) {
        static struct life l;
        const char *why = NULL;
        const enum safe_lie lies[] = {hub, laptop};
        life_init(&l, seed, lies);
        for (int i = 0; !why && i < STEPS; i++) {
                why = do_one(&l, rng_below(&l.rng, DOINGS));
                const char *behind = after_step(&l);
                why = why ? why : behind;
        }
        for (size_t i = 0; !why && i < l.m.n; i++) { /* and every receipt once more */
                bring_receipt(&l, &l.m.fates[i], true);
                why = after_step(&l);
        }
        life_fini(&l);
        return why;
}

static const char *live_honestly(uint64_t seed) {
        return live(seed, SAFE_HONEST, SAFE_HONEST);
}

static const struct histories histories = {"PORCHLIGHT_OWN_SEED", "PORCHLIGHT_OWN_RUNS", QUICK_S, live_honestly};

static void test_histories(void **state) {
        uint64_t first, n;
        (void)state;
        released = readings = revoked = destroyed = 0;
        n = histories_live(&histories, &first);
        print_message(
                "# %llu histories from PORCHLIGHT_OWN_SEED=%llu on: %llu keys released, %llu readings, the laptop "
                "revoked %llu times, %llu clips destroyed\n",
                (unsigned long long)n, (unsigned long long)first, (unsigned long long)released,
                (unsigned long long)readings, (unsigned long long)revoked, (unsigned long long)destroyed);
        assert_true(released > n / 2 && readings > n / 8 && revoked > n / 4 && destroyed > n / 16);
}

/* ---- the model itself ---- */

static void notices(enum safe_lie hub, enum safe_lie laptop, enum clip_object blind) {
        const char *why = NULL;
        uint64_t seed = 1;
        believed = blind;
        for (; !why && seed <= SABOTAGE_RUNS; seed++)
                why = live(seed, hub, laptop);
        believed = 0;
        if (!why)
                fail_msg("a broken vault went unnoticed for %d histories", SABOTAGE_RUNS);
        print_message("# history %llu: %s\n", (unsigned long long)seed - 1, why);
}

static void test_broken_vaults(void **state) {
        (void)state;
        notices(SAFE_FORGETS_LEDGER, SAFE_HONEST, 0);
        notices(SAFE_FORGETS_REVOKED, SAFE_HONEST, 0);
        notices(SAFE_HONEST, SAFE_FORGETS_REVOKED, 0);
        notices(SAFE_HONEST, SAFE_FORGETS_LEDGER, 0);
        notices(SAFE_HONEST, SAFE_HONEST, CLIP_RECEIPT);
}

/* A vault reads its line again before it opens the key: one whose disk forgets lines shows nothing, though it forgets what was over. */
static void test_forgetful_laptop(void **state) {
        (void)state;
        readings = released = 0;
        for (uint64_t seed = 1; seed <= FORGETFUL_RUNS; seed++) {
                const char *why = live(seed, SAFE_HONEST, SAFE_FORGETS_LEDGER);
                assert_true(!why || why == keys_back);
        }
        assert_true(released > FORGETFUL_RUNS / 2);
        assert_int_equal(readings, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_broken_vaults),
                cmocka_unit_test(test_forgetful_laptop),
                cmocka_unit_test(test_histories),
        };
        log_set_level(LOG_ERROR);
        if (!histories_hush(&histories))
                return 1;
        set_up();
        int r = cmocka_run_group_tests(tests, NULL, NULL);
        for (size_t i = 0; i < SAFE_CLIPS; i++)
                safe_clip_fini(&clips[i]);
        street_end(&street);
        return r;
}
