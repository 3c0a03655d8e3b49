/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same promise as test-consent-model.c, from home to home: no key of a clip at its recipient without a grant that was
 * durable at its owner before, and no box that left the owner's vault before the recipient's had signed. Two vaults, two disks,
 * two clocks, and two daemons that carry what a vault says when they like, as often as they like, late, damaged, and to the
 * wrong question; the vaults restart, lose power at any write, find their disks full, and get old copies of their folders back.
 *
 * Then the weather clears, and both vaults say again what there is to carry: the key of each grant that stands arrives.
 *
 * PORCHLIGHT_DELIVERY_SEED and PORCHLIGHT_DELIVERY_RUNS: which histories; without them 5 s of them.
 */
#include "../support/histories.h"
#include "../support/safe.h"

#include "base/log.h"
#include "base/text.h"
#include "vault/book.h"

#define FATES 32
#define PARCELS 48
#define STEPS 30
#define LIFE 3600 /* of a grant, seconds */
#define QUICK_S 5
#define SABOTAGE_RUNS 400 /* within which a broken vault has to be noticed */
#define OWNER 0
#define FRIEND 1
#define STRANGER 2 /* a home that is granted clips, too, and whose papers the friend's daemon brings to its vault */

int __real_clip_read(enum clip_object what, struct span raw, const struct hash *mesh, void *ret, struct hash *ret_id);
int __wrap_clip_read(enum clip_object what, struct span raw, const struct hash *mesh, void *ret, struct hash *ret_id);

static enum clip_object believed; /* a vault that does not look at the signatures of these; 0: an honest one */
static uint64_t released, arrived, cleared;

int __wrap_clip_read(enum clip_object what, struct span raw, const struct hash *mesh, void *ret, struct hash *ret_id) {
        int r = __real_clip_read(what, raw, mesh, ret, ret_id);
        if (r == CLIP_E_SIGNATURE && believed && what == believed)
                r = codec_decode(what == CLIP_GRANT ? &wire_grant_desc : &wire_receipt_desc, raw, ret, NULL);
        return r;
}

static struct street street;
static struct safe_clip clips[SAFE_CLIPS];
static struct box_key friend_seal;

static void set_up(void) {
        struct key owner = {{1, 5}}, friend = {{2, 5}};
        struct box_key seal;
        street_found(&street, 7, (struct wire_list){0});
        box_key_from_secret(&friend_seal, &friend);
        for (uint32_t i = 1; i < 3; i++) {
                street.homes[i].seal = friend_seal.pub;
                assert_int_equal(street_join(&street, 0, i, 0), 0);
        }
        box_key_from_secret(&seal, &owner);
        for (size_t i = 0; i < SAFE_CLIPS; i++)
                safe_clip_make(&clips[i], &street, &seal.pub, i, 100, false);
}

/* ---- the model ---- */

struct fate { /* of a grant whose paper has left the owner's vault */
        struct hash id;
        size_t clip;
        uint32_t to;
        mesh_wall expires;
        bool over;     /* at the owner: it was told so, or its vault has seen that its time is */
        bool signed_;  /* the friend's vault has signed its terms */
        bool late;     /* the owner's clock was behind its end once, and the vault may have seen it */
        bool released; /* the box has left, rightly */
        bool gone;     /* the friend's vault has said that its key is, and was not told to sign again */
        bool told;     /* the friend's vault was shown that it was taken back … */
        bool ended;    /* … and has it in its ledger: whatever it is brought, it keeps no key of it */
};

struct parcel { /* what a vault has said, and its daemon has */
        enum wire_owner number;
        struct hash grant;
        struct buf bytes;
};

struct model {
        struct fate fates[FATES];
        size_t n;
};

struct life {
        struct safe v[2]; /* OWNER, FRIEND */
        struct model m;
        struct parcel parcels[PARCELS];
        size_t n;
        struct rng rng;
        struct safe_disk copy[2]; /* of the vaults' folders … */
        struct model then;        /* … and what was true when the owner's was made */
        bool copied[2];
        unsigned looked; /* writes of the friend's disk when it was looked at last */
};

static struct fate *fate_of(struct model *m, const struct hash *id) {
        for (size_t i = 0; i < m->n; i++)
                if (hash_eq(&m->fates[i].id, id))
                        return &m->fates[i];
        return NULL;
}

static bool on_disk(const struct safe *s, const struct hash *grant, enum wire_e_entry what, enum clip_object paper) {
        return safe_on_disk(s, grant, what, paper, __real_clip_read);
}

static bool opens(struct span box, const struct hash *grant, size_t clip) {
        _clean_(buf_wipe) struct buf plain = BUF_NULL;
        return box_unseal(&plain, &friend_seal, SPAN_OF(grant->b), box) &&
               span_eq(buf_span(&plain), SPAN_OF(clips[clip].key.b));
}

/* PROTOCOL 15.11, 15.12: the owner's vault lets a box go. */
static const char *release_wrong(struct life *l, const struct safe_heard *h) {
        const struct safe *s = &l->v[OWNER];
        struct fate *f = fate_of(&l->m, &h->grant);
        if (!on_disk(s, &h->grant, ENTRY_GRANTED, CLIP_GRANT))
                return "a box left, and no grant is on the owner's disk";
        if (!on_disk(s, &h->grant, ENTRY_RECEIPT, CLIP_RECEIPT))
                return "a box left, and no receipt is on the owner's disk";
        if (!f || !f->signed_)
                return "a box left before the recipient's vault had signed";
        if (f->over || s->wall >= f->expires)
                return "a box left under a grant that was over";
        if (!opens(buf_span(&h->bytes), &f->id, f->clip))
                return "the box has another key than was granted";
        f->released = true;
        released++;
        return NULL;
}

/* PROTOCOL 15.13: the friend's vault signs terms. */
static const char *signed_wrong(struct life *l, const struct safe_heard *h) {
        struct wire_receipt w;
        struct hash id, grant;
        if (__real_clip_read(CLIP_RECEIPT, buf_span(&h->bytes), &street.mesh, &w, &id))
                return "a receipt left that is not signed";
        memcpy(grant.b, w.grant.p, sizeof(grant));
        struct fate *f = fate_of(&l->m, &grant);
        if (!f)
                return "terms were signed that no owner has offered";
        if (f->to != FRIEND)
                return "terms were signed that were another home's";
        if (!span_eq(w.clip, SPAN_OF(clips[f->clip].id.b)) || w.created >= f->expires)
                return "other terms were signed than were offered";
        f->signed_ = true;
        return NULL;
}

static const char *granted_wrong(struct life *l, const struct safe_heard *h, struct fate *ret) {
        struct wire_grant w;
        if (__real_clip_read(CLIP_GRANT, buf_span(&h->bytes), &street.mesh, &w, &ret->id))
                return "a grant left that is not signed";
        if (!on_disk(&l->v[OWNER], &ret->id, ENTRY_GRANTED, CLIP_GRANT))
                return "a grant left before it was on the owner's disk";
        ret->clip = span_eq(w.clip, SPAN_OF(clips[1].id.b));
        ret->to = span_eq(w.to, SPAN_OF(street.homes[FRIEND].key.pub.b)) ? FRIEND : STRANGER;
        ret->expires = w.expires;
        return NULL;
}

static bool has_key(struct span s) {
        for (size_t c = 0; c < SAFE_CLIPS; c++)
                if (safe_has_key(s, &clips[c].key))
                        return true;
        return false;
}

/* Keys on the friend's disk: each came in a box that the owner's vault had let go, under a grant to this home. */
static const char *keys_wrong(struct life *l) {
        const struct safe *s = &l->v[FRIEND];
        for (size_t i = 0; i < SAFE_BLOBS; i++) {
                const struct safe_blob *b = &s->disk.blobs[i];
                struct wire_o_taken w;
                if (!b->there || b->what != VAULT_BLOB_TAKEN ||
                    codec_decode(&wire_o_taken_desc, buf_span(&b->bytes), &w, NULL) || !WIRE_HAS(&w, O_TAKEN, key))
                        continue;
                const struct fate *f = fate_of(&l->m, &b->id);
                if (!f || f->to != FRIEND || !f->released)
                        return "a key is at the recipient that no grant has let go";
                if (f->gone)
                        return "a key is at the recipient that its vault has said is gone";
                if (f->ended)
                        return "a key has come back to the recipient, of a grant that its vault knew to be taken back";
                if (!opens(w.key, &b->id, f->clip))
                        return "what the recipient took is not the clip's key";
        }
        return NULL;
}

/* ---- what the daemons have ---- */

static void put_parcel(struct life *l, const struct safe_heard *h, const struct hash *grant) {
        struct parcel *p = &l->parcels[l->n < PARCELS ? l->n++ : rng_below(&l->rng, PARCELS)];
        p->number = h->number;
        p->grant = *grant;
        buf_clear(&p->bytes);
        buf_add(&p->bytes, buf_span(&h->bytes));
}

static void new_fate(struct life *l, const struct fate *f) {
        if (!fate_of(&l->m, &f->id) && l->m.n < FATES)
                l->m.fates[l->m.n++] = *f;
}

static const char *take_heard(struct life *l, const struct safe_heard *h) {
        struct fate f = {0};
        struct wire_receipt w;
        struct wire_grant_over over;
        struct hash id;
        const char *why = NULL;
        switch ((unsigned)h->number) {
        case OWNER_V_GRANT:
                why = granted_wrong(l, h, &f);
                new_fate(l, &f);
                put_parcel(l, h, &f.id);
                return why;
        case OWNER_V_RELEASE:
                why = release_wrong(l, h);
                put_parcel(l, h, &h->grant);
                return why;
        case OWNER_V_SIGNED:
                why = signed_wrong(l, h);
                if (!why && !__real_clip_read(CLIP_RECEIPT, buf_span(&h->bytes), &street.mesh, &w, &id)) {
                        memcpy(id.b, w.grant.p, sizeof(id));
                        put_parcel(l, h, &id);
                }
                return why;
        case OWNER_V_REVOKED:
                if (!__real_clip_read(CLIP_GRANT_OVER, buf_span(&h->bytes), &street.mesh, &over, &id)) {
                        memcpy(id.b, over.grant.p, sizeof(id));
                        put_parcel(l, h, &id);
                }
                return NULL;
        default:
                return NULL;
        }
}

/* All that was said in a step, and what is on the friend's disk behind it. A vault whose disk has died is started anew. */
static const char *after_step(struct life *l) {
        const char *why = NULL;
        for (size_t i = 0; i < 2; i++) {
                struct safe *s = &l->v[i];
                if (has_key(buf_span(&s->peer.out)))
                        why = "a key left in the clear";
                for (size_t k = 0; !why && k < s->n_heard; k++)
                        why = has_key(buf_span(&s->heard[k].bytes)) ? "a key left in the clear"
                                                                    : take_heard(l, &s->heard[k]);
                safe_forget(s);
        }
        if (!why && l->looked != l->v[FRIEND].writes)
                why = keys_wrong(l);
        l->looked = l->v[FRIEND].writes;
        for (size_t i = 0; i < l->m.n; i++)
                l->m.fates[i].late |= l->v[OWNER].wall >= l->m.fates[i].expires;
        for (size_t i = 0; i < 2; i++)
                if (l->v[i].dead)
                        safe_start(&l->v[i]);
        return why;
}

/* ---- what daemons bring ---- */

static const struct safe_clip *clip_of(const struct life *l, const struct hash *grant) {
        const struct fate *f = fate_of((struct model *)&l->m, grant);
        return &clips[f ? f->clip : 0];
}

static void accept(struct life *l, const struct hash *grant, struct span paper) {
        struct wire_o_go go = {0};
        struct wire_o_accept q = {.grant = paper, .manifest = buf_span(&clip_of(l, grant)->manifest)};
        struct fate *f = fate_of(&l->m, grant);
        safe_ask(&l->v[FRIEND], OWNER_O_ACCEPT, &q);
        if (safe_error(&l->v[FRIEND])[0])
                return;
        safe_ask(&l->v[FRIEND], OWNER_O_GO, &go);
        if (f) /* a write that failed may be on the disk all the same */
                f->gone = false;
}

static const struct safe_blob *kept(const struct life *l, const struct hash *grant) {
        for (size_t i = 0; i < SAFE_BLOBS; i++) {
                const struct safe_blob *b = &l->v[FRIEND].disk.blobs[i];
                if (b->there && b->what == VAULT_BLOB_TAKEN && hash_eq(&b->id, grant))
                        return b;
        }
        return NULL;
}

static bool is_back(const struct hash *grant, struct span paper) {
        struct wire_grant_over w;
        struct hash id;
        return paper.n && __real_clip_read(CLIP_GRANT_OVER, paper, &street.mesh, &w, &id) == 0 &&
               span_eq(w.grant, SPAN_OF(grant->b));
}

static void say_over(struct life *l, const struct hash *grant, struct span paper) {
        struct wire_v_over q = {.grant = SPAN_OF(grant->b)};
        bool back = is_back(grant, paper), writes = l->v[FRIEND].fails == 0 && kept(l, grant);
        if (paper.n)
                WIRE_PUT(&q, V_OVER, paper, paper);
        safe_bring(&l->v[FRIEND], OWNER_V_OVER, &q);
        const struct safe_heard *h = safe_heard(&l->v[FRIEND], OWNER_V_TOOK);
        struct fate *f = fate_of(&l->m, grant);
        if (!f)
                return;
        f->told |= back;
        f->gone |= h && hash_eq(&h->grant, grant);
        f->ended |= h && hash_eq(&h->grant, grant) && back && writes;
}

static void bring(struct life *l, enum wire_owner number, const struct hash *grant, struct span bytes) {
        struct wire_v_key key = {.grant = SPAN_OF(grant->b), .blob = bytes};
        if (number == OWNER_V_GRANT)
                accept(l, grant, bytes);
        else if (number == OWNER_V_SIGNED)
                safe_bring_paper(&l->v[OWNER], OWNER_V_RECEIPT, bytes);
        else if (number == OWNER_V_RELEASE)
                safe_bring(&l->v[FRIEND], OWNER_V_KEY, &key);
        else if (number == OWNER_V_REVOKED)
                say_over(l, grant, bytes);
}

static const struct parcel *some_parcel(struct life *l) {
        return l->n ? &l->parcels[rng_below(&l->rng, l->n)] : NULL;
}

static void deliver(struct life *l) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        const struct parcel *p = some_parcel(l);
        if (!p)
                return;
        enum wire_owner number = p->number;
        struct hash grant = p->grant;
        buf_add(&bytes, buf_span(&p->bytes));
        if (rng_below(&l->rng, 8) == 0) /* damaged on the way, or somebody else's name put under it */
                bytes.p[bytes.n - 1 - rng_below(&l->rng, MIN(bytes.n, (size_t)96))] ^=
                        (uint8_t)(1 << rng_below(&l->rng, 8));
        else if (number == OWNER_V_RELEASE && rng_below(&l->rng, 8) == 0) /* said to be the key of another grant */
                grant = some_parcel(l)->grant;
        bring(l, number, &grant, buf_span(&bytes));
}

/* ---- steps ---- */

static void revoke(struct life *l) {
        struct fate *f = l->m.n ? &l->m.fates[rng_below(&l->rng, l->m.n)] : NULL;
        if (f && safe_revoke(&l->v[OWNER], &f->id) && !l->v[OWNER].dead)
                f->over = true;
}

static void look(struct life *l, size_t which) {
        struct safe *s = &l->v[which];
        bool durable = safe_learns(s);
        s->now += UINT64_C(3600) * 1000;
        vault_tick(&s->v, s->now);
        for (size_t i = 0; which == OWNER && durable && !s->dead && s->v.book && i < l->m.n; i++)
                l->m.fates[i].over |= s->wall >= l->m.fates[i].expires;
}

static void put_back(struct life *l, size_t which) {
        if (which == OWNER && l->copied[which]) {
                for (size_t i = 0; i < l->m.n; i++) /* what the friend has done is not undone by it */
                        l->m.fates[i].over = i < l->then.n && l->then.fates[i].over;
        } else if (which == OWNER) {
                l->then = l->m;
        } else if (l->copied[which]) {
                for (size_t i = 0; i < l->m.n; i++)
                        l->m.fates[i].gone = l->m.fates[i].ended = false;
                l->looked--;
        }
        if (l->copied[which])
                safe_disk_copy(&l->v[which].disk, &l->copy[which]);
        else
                safe_disk_copy(&l->copy[which], &l->v[which].disk);
        l->copied[which] = !l->copied[which];
        safe_start(&l->v[which]);
}

enum {
        DO_GRANT,
        DO_DELIVER,
        DO_DELIVER_MORE = DO_DELIVER + 8,
        DO_REVOKE,
        DO_TIME,
        DO_LOOK,
        DO_RESTART,
        DO_POWER,
        DO_FULL,
        DO_COPY,
        DO_END,
        DOINGS
};

static void do_one(struct life *l, uint64_t what) {
        size_t which = (size_t)rng_below(&l->rng, 2);
        struct safe *s = &l->v[which];
        if (what >= DO_DELIVER && what <= DO_DELIVER_MORE) {
                deliver(l);
                return;
        }
        switch (what) {
        case DO_GRANT:
                if (l->m.n < FATES)
                        safe_grant(&l->v[OWNER], (size_t)rng_below(&l->rng, SAFE_CLIPS),
                                   rng_below(&l->rng, 4) ? FRIEND : STRANGER, LIFE);
                return;
        case DO_REVOKE:
                revoke(l);
                return;
        case DO_TIME: /* on, or back; the two clocks need not agree */
                s->wall = street.now + rng_below(&l->rng, 2 * LIFE);
                return;
        case DO_LOOK:
                look(l, which);
                return;
        case DO_RESTART:
                safe_start(s);
                return;
        case DO_POWER:
                s->power = (int)rng_below(&l->rng, 4);
                s->remains = (int)rng_below(&l->rng, 3);
                return;
        case DO_FULL:
                s->fails = 1 + (int)rng_below(&l->rng, 3);
                return;
        case DO_COPY:
                put_back(l, which);
                return;
        default: /* DO_END: the friend's daemon says that a grant's time is over */
                if (l->m.n)
                        say_over(l, &l->m.fates[rng_below(&l->rng, l->m.n)].id, SPAN_NONE);
                return;
        }
}

/* ---- the weather clears ---- */

static bool taken(const struct life *l, const struct hash *grant) {
        const struct safe_blob *b = kept(l, grant);
        struct wire_o_taken w;
        return b && codec_decode(&wire_o_taken_desc, buf_span(&b->bytes), &w, NULL) == 0 && WIRE_HAS(&w, O_TAKEN, key);
}

/* Both vaults say what there is to carry (PROTOCOL 15.71), and it is carried. */
static const char *carry_all(struct life *l) {
        struct wire_v_papers all = {.from = 0};
        const char *why = NULL;
        for (size_t i = 0; i < l->n; i++)
                buf_clear(&l->parcels[i].bytes);
        l->n = 0;
        for (size_t which = 0; !why && which < 2; which++) {
                safe_bring(&l->v[which], OWNER_V_PAPERS, &all);
                why = after_step(l);
        }
        for (size_t i = 0; !why && i < l->n; i++) { /* what this brings about stands behind it */
                _clean_(buf_fini) struct buf bytes = BUF_NULL;
                struct hash grant = l->parcels[i].grant;
                const struct fate *f = fate_of(&l->m, &grant);
                if (l->parcels[i].number == OWNER_V_GRANT && (!f || f->to != FRIEND || taken(l, &grant)))
                        continue;
                buf_add(&bytes, buf_span(&l->parcels[i].bytes));
                bring(l, l->parcels[i].number, &grant, buf_span(&bytes));
                why = after_step(l);
        }
        return why;
}

/* Each grant that the owner's ledger has as standing, with whatever has become of it on the way, ends in a key; but for one that
 * was taken back, and stands again by an old copy of the owner's folder. */
static const char *clear_up(struct life *l) {
        struct wire_c_none none = {0};
        const char *why = NULL;
        for (size_t i = 0; i < 2; i++) {
                l->v[i].wall = street.now + 1;
                safe_start(&l->v[i]);
        }
        safe_ask(&l->v[OWNER], OWNER_O_GRANTS, &(struct wire_o_ledger){.from = 0});
        safe_ask(&l->v[OWNER], OWNER_O_STATE, &none);
        why = after_step(l);
        if (!why)
                why = carry_all(l);
        const struct book *book = l->v[OWNER].v.book;
        for (size_t i = 0; !why && book && i < book_n_grants(book); i++) {
                const struct book_grant *g = book_grant_at(book, i);
                const struct fate *f = fate_of(&l->m, &g->id);
                enum wire_e_granted is = book_grant_state(g);
                if (!f || f->to != FRIEND || f->late || f->told || (is != GRANTED_OPEN && is != GRANTED_RELEASED))
                        continue;
                cleared++;
                if (!taken(l, &g->id))
                        why = "a grant stands, all was carried, and its key did not arrive";
                arrived++;
        }
        return why;
}

/* ---- lives ---- */

static void life_init(struct life *l, uint64_t seed, enum safe_lie owner, enum safe_lie friend) {
        uint8_t bytes[32] = {0};
        put_be64(bytes, seed);
        *l = (struct life){0};
        rng_init(&l->rng, bytes);
        for (uint32_t i = 0; i < 2; i++) {
                safe_init(&l->v[i], &street, i, clips, NULL);
                l->v[i].lie = i == OWNER ? owner : friend;
                rng_init(&l->v[i].rng, bytes);
        }
}

static void life_fini(struct life *l) {
        for (size_t i = 0; i < 2; i++) {
                safe_disk_fini(&l->copy[i]);
                safe_fini(&l->v[i]);
        }
        for (size_t i = 0; i < PARCELS; i++)
                buf_fini(&l->parcels[i].bytes);
        rng_fini(&l->rng);
}

/* NULL, or what went wrong. */
static const char *live(uint64_t seed, enum safe_lie owner, enum safe_lie friend) {
        static struct life l;
        const char *why = NULL;
        life_init(&l, seed, owner, friend);
        for (int i = 0; !why && i < STEPS; i++) {
                do_one(&l, rng_below(&l.rng, DOINGS));
                why = after_step(&l);
        }
        if (!why)
                why = clear_up(&l);
        life_fini(&l);
        return why;
}

static const char *live_honestly(uint64_t seed) {
        return live(seed, SAFE_HONEST, SAFE_HONEST);
}

static const struct histories histories = {"PORCHLIGHT_DELIVERY_SEED", "PORCHLIGHT_DELIVERY_RUNS", QUICK_S,
                                           live_honestly};

static void test_histories(void **state) {
        uint64_t first, n;
        (void)state;
        released = arrived = cleared = 0;
        n = histories_live(&histories, &first);
        print_message(
                "# %llu histories from PORCHLIGHT_DELIVERY_SEED=%llu on, %llu boxes left, %llu keys there at the end\n",
                (unsigned long long)n, (unsigned long long)first, (unsigned long long)released,
                (unsigned long long)arrived);
        assert_true(released > n / 4 && arrived > n / 8);
}

/* ---- the model itself ---- */

static void notices(enum safe_lie owner, enum safe_lie friend, enum clip_object what) {
        const char *why = NULL;
        uint64_t seed = 1;
        believed = what;
        for (; !why && seed <= SABOTAGE_RUNS; seed++)
                why = live(seed, owner, friend);
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
        notices(SAFE_HONEST, SAFE_HONEST, CLIP_RECEIPT);
        notices(SAFE_HONEST, SAFE_HONEST, CLIP_GRANT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_broken_vaults),
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
