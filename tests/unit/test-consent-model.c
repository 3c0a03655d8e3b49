/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No key of a clip leaves the vault but behind a grant that is on the disk and in force, and a receipt of whom it names:
 * random histories of a household (grants, receipts true and false, revoking, time that passes and goes back, restarts, a
 * disk that fills, power that goes at any write, an old copy of the vault's folder put back), and every point at which two
 * clips and two recipients can be cut short, against a model that knows nothing of the vault but its disk's bytes.
 *
 * PORCHLIGHT_CONSENT_SEED and PORCHLIGHT_CONSENT_RUNS: which histories; without them 8 s of them.
 */
#include "../support/histories.h"
#include "../support/safe.h"

#include "base/log.h"
#include "base/text.h"

#define FATES 24
#define STEPS 14
#define LIFE 3600 /* of a grant, seconds */
#define QUICK_S 8
#define SABOTAGE_RUNS 400 /* within which a broken vault has to be noticed */

int __real_clip_read(enum clip_object what, struct span raw, const struct hash *mesh, void *ret, struct hash *ret_id);
int __wrap_clip_read(enum clip_object what, struct span raw, const struct hash *mesh, void *ret, struct hash *ret_id);

static uint64_t releases;  /* right ones, so that the test is of something */
static bool any_signature; /* a vault that does not look at whose receipt it is */

/* With that the vault takes what anybody signed for what the grant's recipient did. */
int __wrap_clip_read(enum clip_object what, struct span raw, const struct hash *mesh, void *ret, struct hash *ret_id) {
        int r = __real_clip_read(what, raw, mesh, ret, ret_id);
        if (r == CLIP_E_SIGNATURE && any_signature && what == CLIP_RECEIPT)
                r = codec_decode(&wire_receipt_desc, raw, ret, NULL);
        return r;
}

static struct street street;
static struct safe_clip clips[SAFE_CLIPS];
static struct key friend_secret;

static void set_up(void) {
        uint8_t owner[32] = {1, 5}, friend[32] = {2, 5};
        struct box_key seal;
        struct key k;
        street_found(&street, 7, (struct wire_list){0});
        memcpy(friend_secret.b, friend, sizeof(friend));
        box_key_from_secret(&seal, &friend_secret);
        for (uint32_t i = 1; i < 3; i++) { /* both recipients' keys are known here */
                street.homes[i].seal = seal.pub;
                assert_int_equal(street_join(&street, 0, i, 0), 0);
        }
        memcpy(k.b, owner, sizeof(owner));
        box_key_from_secret(&seal, &k);
        for (size_t i = 0; i < SAFE_CLIPS; i++)
                safe_clip_make(&clips[i], &street, &seal.pub, i, 100, false);
}

/* ---- the model ---- */

struct fate { /* of a grant that the daemon was told of */
        struct hash id;
        size_t clip;
        uint32_t to;
        mesh_wall expires;
        bool over;    /* the owner was told that it is, or the vault has seen that its time is */
        bool signed_; /* its recipient has signed a receipt */
        uint8_t paper[600];
        size_t n;
};

struct model {
        struct fate fates[FATES];
        size_t n;
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

static const char *release_wrong(struct model *m, const struct safe *s, const struct safe_heard *h) {
        _clean_(buf_wipe) struct buf plain = BUF_NULL;
        struct box_key mine;
        const struct fate *f = fate_of(m, &h->grant);
        box_key_from_secret(&mine, &friend_secret);
        if (!on_disk(s, &h->grant, ENTRY_GRANTED, CLIP_GRANT))
                return "a key left, and no grant is on the disk";
        if (!on_disk(s, &h->grant, ENTRY_RECEIPT, CLIP_RECEIPT))
                return "a key left, and no receipt is on the disk";
        if (!f || !f->signed_)
                return "a key left for terms that its recipient never signed";
        if (f->over)
                return "a key left under a grant that was over";
        if (s->wall >= f->expires)
                return "a key left after its grant's time";
        if (!box_unseal(&plain, &mine, SPAN_OF(h->grant.b), buf_span(&h->bytes)) ||
            !span_eq(buf_span(&plain), SPAN_OF(clips[f->clip].key.b)))
                return "what left is not the key that was granted";
        releases++;
        return NULL;
}

/* All that the vault has said in a step. */
static const char *step_wrong(struct model *m, const struct safe *s) {
        for (size_t c = 0; c < SAFE_CLIPS; c++)
                if (safe_has_key(buf_span(&s->peer.out), &clips[c].key))
                        return "a key left in the clear";
        for (size_t i = 0; i < s->n_heard; i++) {
                const struct safe_heard *h = &s->heard[i];
                const char *why = h->number == OWNER_V_RELEASE ? release_wrong(m, s, h) : NULL;
                for (size_t c = 0; !why && c < SAFE_CLIPS; c++)
                        if (safe_has_key(buf_span(&h->bytes), &clips[c].key))
                                why = "a key left in the clear";
                if (why)
                        return why;
        }
        return NULL;
}

/* ---- steps ---- */

struct life {
        struct safe s;
        struct model m;
        struct rng rng;
        struct safe_disk copy; /* of the vault's folder … */
        struct model then;     /* … and what was true when it was made */
        bool copied;
};

static void learn_grants(struct life *l, size_t c, uint32_t to) {
        for (size_t i = 0; i < l->s.n_heard; i++) {
                const struct safe_heard *h = &l->s.heard[i];
                struct wire_grant w;
                struct fate *f = &l->m.fates[l->m.n];
                if (h->number != OWNER_V_GRANT || l->m.n == FATES)
                        continue;
                assert_int_equal(__real_clip_read(CLIP_GRANT, buf_span(&h->bytes), &street.mesh, &w, &f->id), 0);
                f->clip = c;
                f->to = to;
                f->expires = w.expires;
                f->over = f->signed_ = false;
                memcpy(f->paper, h->bytes.p, h->bytes.n);
                f->n = h->bytes.n;
                l->m.n++;
        }
}

/* The vault has looked at its clock, and its disk took one of the two things that tell of it. */
static void learn_time(struct life *l) {
        for (size_t i = 0; i < l->m.n; i++)
                if (l->s.wall >= l->m.fates[i].expires)
                        l->m.fates[i].over = true;
}

static void grant(struct life *l, size_t c, uint32_t to) {
        safe_grant(&l->s, c, to, LIFE);
        learn_grants(l, c, to);
}

/* @by: who signs it. */
static void bring_receipt(struct life *l, struct fate *f, uint32_t by) {
        _clean_(buf_fini) struct buf receipt = BUF_NULL;
        safe_receipt(&street, span_of(f->paper, f->n), by, f->expires - LIFE, &receipt);
        f->signed_ = f->signed_ || by == f->to;
        struct wire_v_paper msg = {.paper = buf_span(&receipt)};
        struct wire_c_none none = {0};
        safe_tell(&l->s, OWNER_V_RECEIPT, &msg);
        safe_ask(&l->s, OWNER_O_STATE, &none);
}

/* Somebody puts the recipient's name under it. */
static void bring_forged(struct life *l, const struct fate *f) {
        _clean_(buf_fini) struct buf receipt = BUF_NULL;
        struct wire_c_none none = {0};
        safe_receipt(&street, span_of(f->paper, f->n), f->to, f->expires - LIFE, &receipt);
        receipt.p[receipt.n - 1 - rng_below(&l->rng, SIGN_BYTES)] ^= (uint8_t)(1 + rng_below(&l->rng, 255));
        struct wire_v_paper msg = {.paper = buf_span(&receipt)};
        safe_tell(&l->s, OWNER_V_RECEIPT, &msg);
        safe_ask(&l->s, OWNER_O_STATE, &none);
}

static bool say_yes(struct life *l, enum wire_owner number, const struct hash *id) {
        _clean_(buf_fini) struct buf hex = BUF_NULL;
        struct wire_o_go go = {0};
        text_hex(&hex, SPAN_OF(id->b));
        struct wire_o_about q = {.id = buf_span(&hex)};
        safe_ask(&l->s, number, &q);
        if (safe_error(&l->s)[0])
                return false;
        safe_ask(&l->s, OWNER_O_GO, &go);
        return safe_done(&l->s) && !l->s.dead;
}

static void revoke(struct life *l, struct fate *f) {
        if (say_yes(l, OWNER_O_REVOKE, &f->id))
                f->over = true;
}

static void destroy(struct life *l, size_t c) {
        if (!say_yes(l, OWNER_O_DESTROY, &clips[c].id))
                return;
        for (size_t i = 0; i < l->m.n; i++)
                if (l->m.fates[i].clip == c)
                        l->m.fates[i].over = true;
}

static void look(struct life *l) {
        bool durable = safe_learns(&l->s);
        l->s.now += UINT64_C(3600) * 1000;
        vault_tick(&l->s.v, l->s.now);
        if (durable && !l->s.dead && l->s.v.book)
                learn_time(l);
}

static void restart(struct life *l) {
        safe_start(&l->s);
}

static void put_back(struct life *l) {
        if (l->copied) {
                safe_disk_copy(&l->s.disk, &l->copy);
                l->m = l->then;
        } else {
                safe_disk_copy(&l->copy, &l->s.disk);
                l->then = l->m;
        }
        l->copied = !l->copied;
        restart(l);
}

enum {
        DO_GRANT,
        DO_GRANT_AGAIN,
        DO_RECEIPT,
        DO_RECEIPT_AGAIN,
        DO_WRONG,
        DO_FORGED,
        DO_REVOKE,
        DO_TIME,
        DO_LOOK,
        DO_RESTART,
        DO_POWER,
        DO_FULL,
        DO_COPY,
        DO_DESTROY,
        DOINGS
};

static struct fate *some_fate(struct life *l) {
        return l->m.n ? &l->m.fates[rng_below(&l->rng, l->m.n)] : NULL;
}

static void do_one(struct life *l, uint64_t what) {
        struct fate *f = some_fate(l);
        switch (what) {
        case DO_GRANT:
        case DO_GRANT_AGAIN:
                grant(l, (size_t)rng_below(&l->rng, SAFE_CLIPS), 1 + (uint32_t)rng_below(&l->rng, 2));
                return;
        case DO_RECEIPT:
        case DO_RECEIPT_AGAIN:
                if (f)
                        bring_receipt(l, f, f->to);
                return;
        case DO_WRONG:
                if (f)
                        bring_receipt(l, f, 3 - f->to);
                return;
        case DO_FORGED:
                if (f)
                        bring_forged(l, f);
                return;
        case DO_REVOKE:
                if (f)
                        revoke(l, f);
                return;
        case DO_TIME: /* on, or back */
                l->s.wall = street.now + rng_below(&l->rng, 2 * LIFE);
                return;
        case DO_LOOK:
                look(l);
                return;
        case DO_RESTART:
                restart(l);
                return;
        case DO_POWER:
                l->s.power = (int)rng_below(&l->rng, 4);
                l->s.remains = (int)rng_below(&l->rng, 3);
                return;
        case DO_FULL:
                l->s.fails = 1 + (int)rng_below(&l->rng, 3);
                return;
        case DO_COPY:
                put_back(l);
                return;
        case DO_DESTROY:
                if (rng_below(&l->rng, 4) == 0)
                        destroy(l, (size_t)rng_below(&l->rng, SAFE_CLIPS));
                return;
        }
}

static const char *after_step(struct life *l) {
        const char *why = step_wrong(&l->m, &l->s);
        safe_forget(&l->s);
        if (l->s.dead)
                restart(l);
        return why;
}

static void life_init(struct life *l, uint64_t seed, enum safe_lie lie) {
        uint8_t bytes[32] = {0};
        put_be64(bytes, seed);
        *l = (struct life){0};
        rng_init(&l->rng, bytes);
        safe_init(&l->s, &street, 0, clips, NULL);
        l->s.lie = lie;
        rng_init(&l->s.rng, bytes);
}

static void life_fini(struct life *l) {
        safe_disk_fini(&l->copy);
        safe_fini(&l->s);
        rng_fini(&l->rng);
}

/* NULL, or what went wrong. */
static const char *live(uint64_t seed, enum safe_lie lie) {
        static struct life l;
        const char *why = NULL;
        life_init(&l, seed, lie);
        for (int i = 0; !why && i < STEPS; i++) {
                do_one(&l, rng_below(&l.rng, DOINGS));
                why = after_step(&l);
        }
        for (size_t i = 0; !why && i < l.m.n; i++) { /* and every receipt once more */
                bring_receipt(&l, &l.m.fates[i], l.m.fates[i].to);
                why = after_step(&l);
        }
        life_fini(&l);
        return why;
}

static const char *live_honestly(uint64_t seed) {
        return live(seed, SAFE_HONEST);
}

static const struct histories histories = {"PORCHLIGHT_CONSENT_SEED", "PORCHLIGHT_CONSENT_RUNS", QUICK_S,
                                           live_honestly};

static void test_histories(void **state) {
        uint64_t first, n;
        (void)state;
        releases = 0;
        n = histories_live(&histories, &first);
        print_message("# %llu histories from PORCHLIGHT_CONSENT_SEED=%llu on, %llu keys released\n",
                      (unsigned long long)n, (unsigned long long)first, (unsigned long long)releases);
        assert_true(releases > n / 4);
}

/* ---- every point ---- */

/* What two grants can go through, and the power goes at write @at (negative: it stays). The number of writes. */
static unsigned two_grants(unsigned pairs, int at, int remains) {
        static struct life l;
        const char *why = NULL;
        const size_t c[] = {pairs & 1, pairs >> 1 & 1};
        const uint32_t to[] = {1 + (pairs >> 2 & 1), 1 + (pairs >> 3 & 1)};
        life_init(&l, pairs, SAFE_HONEST);
        l.s.power = at;
        l.s.remains = remains;
        l.s.writes = 0;
        for (int step = 0; !why && step < 8; step++) {
                struct fate *first = l.m.n > 0 ? &l.m.fates[0] : NULL, *second = l.m.n > 1 ? &l.m.fates[1] : NULL;
                if (step < 2)
                        grant(&l, c[step], to[step]);
                else if (step == 2 && first)
                        bring_receipt(&l, first, first->to);
                else if (step == 3 && second)
                        revoke(&l, second);
                else if (step == 4 && second)
                        bring_receipt(&l, second, second->to);
                else if (step == 5)
                        l.s.wall += LIFE;
                else if (step == 6)
                        look(&l);
                else if (step == 7)
                        l.s.wall -= LIFE;
                why = after_step(&l);
        }
        for (size_t i = 0; !why && i < l.m.n; i++) {
                bring_receipt(&l, &l.m.fates[i], l.m.fates[i].to);
                why = after_step(&l);
        }
        unsigned writes = l.s.writes;
        life_fini(&l);
        if (why)
                fail_msg("pairs %u, power gone at write %d, %d of it left: %s", pairs, at, remains, why);
        return writes;
}

static void test_every_point(void **state) {
        unsigned points = 0;
        (void)state;
        for (unsigned pairs = 0; pairs < 16; pairs++) {
                unsigned writes = two_grants(pairs, -1, 0);
                assert_true(writes >= 9); /* 2 of each grant, 2 of a release, 2 of a revocation, 1 of an end */
                for (unsigned at = 0; at < writes; at++)
                        for (int remains = 0; remains < 3; remains++, points++)
                                two_grants(pairs, (int)at, remains);
        }
        print_message("# %u points\n", points);
}

/* ---- the model itself ---- */

static void notices(enum safe_lie lie, bool anybody) {
        const char *why = NULL;
        uint64_t seed = 1;
        any_signature = anybody;
        for (; !why && seed <= SABOTAGE_RUNS; seed++)
                why = live(seed, lie);
        any_signature = false;
        if (!why)
                fail_msg("a broken vault went unnoticed for %d histories", SABOTAGE_RUNS);
        print_message("# history %llu: %s\n", (unsigned long long)seed - 1, why);
}

static void test_broken_vaults(void **state) {
        (void)state;
        notices(SAFE_FORGETS_LEDGER, false);
        notices(SAFE_FORGETS_REVOKED, false);
        notices(SAFE_HONEST, true);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_broken_vaults),
                cmocka_unit_test(test_every_point),
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
