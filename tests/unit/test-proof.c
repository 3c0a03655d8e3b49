/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles of evidence: what an honest vault makes is whole and proves what it should; whatever is changed in it, by a bit or by
 * a section, is refused, and the broken link named. */
#include "../support/evidence.h"

#include "proof/proof.h"

#include <stdio.h>

static const uint64_t seed[4] = {3, 1, 4, 1};

struct memory {
        struct span left;
        size_t most; /* bytes at a time */
};

static int read_memory(void *arg, uint8_t *p, size_t n, size_t *ret) {
        struct memory *m = arg;
        *ret = MIN(MIN(n, m->left.n), m->most);
        if (*ret)
                memcpy(p, m->left.p, *ret);
        m->left = span_from(m->left, *ret);
        return 0;
}

static int keep_clear(void *arg, struct span plain) {
        buf_add(arg, plain);
        return 0;
}

static int read_bundle(struct proof *p, struct span bytes, struct buf *clear) {
        struct memory m = {bytes, 4096};
        struct bundle_in in = {.read = read_memory, .arg = &m};
        const struct proof_out out = {clear ? keep_clear : NULL, clear};
        return proof_read(p, &in, &out, seed);
}

static enum proof_link link_of(struct span bytes) {
        struct proof p;
        int r = read_bundle(&p, bytes, NULL);
        assert_true(r == 0 || r == 1);
        assert_true((r == 1) == (p.link != PROOF_WHOLE));
        assert_true(r == 0 || p.why);
        proof_fini(&p);
        return p.link;
}

/* ---- whole ones ---- */

struct told {
        uint64_t state[64];
        char text[64][1100];
};

static int hear(void *arg, const struct wire_o_claim *w) {
        struct told *t = arg;
        t->state[w->claim] = w->state;
        snprintf(t->text[w->claim], sizeof(t->text[0]), "%.*s", (int)w->text.n, (const char *)w->text.p);
        return 0;
}

static void says(const struct told *t, enum wire_e_claim claim, enum wire_e_proven state, const char *words) {
        if (t->state[claim] != state || !strstr(t->text[claim], words))
                fail_msg("claim %d is %d: %s", (int)claim, (int)t->state[claim], t->text[claim]);
}

static void claims_of(enum evidence which, bool compared, struct told *ret) {
        _clean_(buf_fini) struct buf bundle = BUF_NULL, plain = BUF_NULL, clear = BUF_NULL;
        struct proof p;
        memset(ret, 0, sizeof(*ret));
        evidence_make(which, &bundle, &plain);
        int r = read_bundle(&p, buf_span(&bundle), &clear);
        if (r)
                fail_msg("%s: %llu: %s", proof_names[p.link], (unsigned long long)p.place, p.why);
        assert_true(span_eq(buf_span(&plain), buf_span(&clear)));
        const struct hash mesh = p.mesh;
        assert_int_equal(proof_claims(&p, compared ? &mesh : NULL, false, hear, ret), 0);
        proof_fini(&p);
}

static void test_full(void **state) {
        struct told t;
        (void)state;
        claims_of(EVIDENCE_FULL, true, &t);
        says(&t, CLAIM_MESH, PROVEN_PROVEN, "has the id you gave");
        says(&t, CLAIM_BYTES, PROVEN_PROVEN,
             "The clip of 1000 bytes is, byte for byte, what the device \"hub\" signed on 2027-");
        says(&t, CLAIM_DEVICE, PROVEN_PROVEN, "of the household \"Home AA\"");
        says(&t, CLAIM_HOUSEHOLD, PROVEN_PROVEN, "founded the mesh");
        says(&t, CLAIM_MEMBER, PROVEN_PROVEN, "the household \"Home AB\" signed terms");
        says(&t, CLAIM_NOT_EARLIER, PROVEN_PROVEN, "that the household \"Home AB\" signed then");
        says(&t, CLAIM_NOT_LATER, PROVEN_PROVEN, "the household \"Home AB\" signed a paper");
        /* from the first line about it: read, 30 hidden, granted, receipt, released, complete, granted, revoked, 1 hidden, exported */
        says(&t, CLAIM_CUSTODY, PROVEN_PROVEN, "from line 1 to line 39, 8 lines about this clip");
        says(&t, CLAIM_CUSTODY, PROVEN_PROVEN, "31 lines between them are not shown");
        says(&t, CLAIM_PAPERS, PROVEN_PROVEN, "grants: 2, receipts: 1, words of devices that had the clip: 1");
        says(&t, CLAIM_SOUND, PROVEN_PROVEN, "no sound was kept");
        says(&t, CLAIM_ORIGINAL, PROVEN_PROVEN, "not made from another");
        says(&t, CLAIM_CAMERA, PROVEN_NOT_CLAIMED, "camera told the truth");
}

static void test_bare(void **state) {
        struct told t;
        (void)state;
        claims_of(EVIDENCE_BARE, false, &t);
        says(&t, CLAIM_MESH, PROVEN_NOT_PROVEN, "Compare that");
        says(&t, CLAIM_MEMBER, PROVEN_NOT_PROVEN, "no other household");
        says(&t, CLAIM_NOT_EARLIER, PROVEN_NOT_PROVEN, "no record of another");
        says(&t, CLAIM_NOT_LATER, PROVEN_NOT_PROVEN, "no other household");
        says(&t, CLAIM_CUSTODY, PROVEN_PROVEN, "from line 0 to line 0, 1 lines about this clip");
        claims_of(EVIDENCE_EMPTY, false, &t);
        says(&t, CLAIM_BYTES, PROVEN_PROVEN, "The clip of 0 bytes");
        claims_of(EVIDENCE_CHUNKS, false, &t);
        says(&t, CLAIM_BYTES, PROVEN_PROVEN, "The clip of 132072 bytes");
        claims_of(EVIDENCE_DERIVED, false, &t);
        says(&t, CLAIM_ORIGINAL, PROVEN_PROVEN, "made from the clip ab00");
        says(&t, CLAIM_SOUND, PROVEN_PROVEN, "sound was kept");
        says(&t, CLAIM_CLOCK, PROVEN_NOT_CLAIMED, "did not trust its own");
}

/* ---- broken ones ---- */

struct part { /* a section of a bundle */
        size_t at, n;
        unsigned kind;
};

static size_t parts_of(struct span bundle, struct part *ret, size_t most) {
        size_t n = 0;
        for (size_t at = BUNDLE_TITLE_BYTES; at < bundle.n; n++) {
                assert_true(n < most);
                ret[n] = (struct part){at, BUNDLE_HEAD + get_be32(bundle.p + at + 1), bundle.p[at]};
                at += ret[n].n;
        }
        return n;
}

static uint64_t next_random(uint64_t *x) {
        *x ^= *x << 13;
        *x ^= *x >> 7;
        *x ^= *x << 17;
        return *x;
}

static size_t wanted_flips(size_t brief) {
        const char *n = getenv("PORCHLIGHT_FLIPS");
        return n ? (size_t)strtoul(n, NULL, 10) : brief;
}

/* As many bits as are wanted; each of them alone where there are more than bits. */
static void flip(enum evidence which, size_t wanted, size_t *counts) {
        _clean_(buf_fini) struct buf bundle = BUF_NULL;
        uint64_t x = 88172645463325252;
        evidence_make(which, &bundle, NULL);
        size_t bits = bundle.n * 8;
        for (size_t i = 0; i < wanted; i++) {
                size_t bit = wanted >= bits ? i % bits : next_random(&x) % bits, other = next_random(&x) % bits;
                bool two = i >= bits && other != bit;
                bundle.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
                if (two)
                        bundle.p[other / 8] ^= (uint8_t)(1 << other % 8);
                enum proof_link link = link_of(buf_span(&bundle));
                if (link == PROOF_WHOLE)
                        fail_msg("bit %zu of bundle %d counts for nothing", bit, (int)which);
                counts[link]++;
                bundle.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
                if (two)
                        bundle.p[other / 8] ^= (uint8_t)(1 << other % 8);
        }
        assert_int_equal(link_of(buf_span(&bundle)), PROOF_WHOLE);
}

static void test_flips(void **state) {
        size_t counts[PROOF_LINKS] = {0}, wanted = wanted_flips(600);
        (void)state;
        flip(EVIDENCE_FULL, wanted, counts);
        flip(EVIDENCE_BARE, wanted / 4, counts);
        flip(EVIDENCE_EMPTY, wanted / 4, counts);
        for (int i = 1; i < PROOF_LINKS; i++)
                if (counts[i])
                        print_message("# %s: %zu\n", proof_names[i], counts[i]);
        /* each kind of section had its turn */
        for (enum proof_link i = PROOF_MANIFEST; i < PROOF_LINKS; i++)
                if (wanted >= 100000 && i != PROOF_DEVICE)
                        assert_true(counts[i] > 0);
}

static void test_cut_and_longer(void **state) {
        _clean_(buf_fini) struct buf bundle = BUF_NULL;
        (void)state;
        evidence_make(EVIDENCE_CHUNKS, &bundle, NULL);
        for (size_t n = 0; n < bundle.n; n += n < 2000 || n > bundle.n - 40 ? 37 : 4099)
                assert_int_equal(link_of(span_of(bundle.p, n)), n < BUNDLE_TITLE_BYTES ? PROOF_NOT : PROOF_CUT);
        assert_int_equal(link_of(span_of(bundle.p, bundle.n - 1)), PROOF_CUT);
        buf_add_u8(&bundle, 0);
        assert_int_equal(link_of(buf_span(&bundle)), PROOF_LONG);
        buf_add(&bundle, span_of("\n\0\0\0\x10"
                                 "0123456789abcdef",
                                 21)); /* not even where it looks like a section */
        bundle.n--;
        assert_int_equal(link_of(buf_span(&bundle)), PROOF_LONG);
}

/* Each section left out, there twice, and in its neighbour's place. */
static void test_sections(void **state) {
        _clean_(buf_fini) struct buf bundle = BUF_NULL, made = BUF_NULL;
        struct part parts[128];
        (void)state;
        evidence_make(EVIDENCE_FULL, &bundle, NULL);
        size_t n = parts_of(buf_span(&bundle), parts, ARRAY_LEN(parts));
        for (size_t i = 0; i < n; i++) {
                const struct span before = span_of(bundle.p, parts[i].at),
                                  here = span_of(bundle.p + parts[i].at, parts[i].n);
                const struct span after = span_from(buf_span(&bundle), parts[i].at + parts[i].n);
                buf_clear(&made);
                buf_add(&made, before);
                buf_add(&made, after);
                assert_int_not_equal(link_of(buf_span(&made)), PROOF_WHOLE);
                buf_clear(&made);
                buf_add(&made, before);
                buf_add(&made, here);
                buf_add(&made, here);
                buf_add(&made, after);
                assert_int_not_equal(link_of(buf_span(&made)), PROOF_WHOLE);
                if (i + 1 == n)
                        continue;
                buf_clear(&made);
                buf_add(&made, before);
                buf_add(&made, span_of(after.p, parts[i + 1].n));
                buf_add(&made, here);
                buf_add(&made, span_from(after, parts[i + 1].n));
                assert_int_not_equal(link_of(buf_span(&made)), PROOF_WHOLE);
        }
}

/* Sections of one bundle in another of the same home: each is well signed, and they do not belong together. */
static void test_mixed(void **state) {
        _clean_(buf_fini) struct buf one = BUF_NULL, two = BUF_NULL, made = BUF_NULL;
        struct part a[128], b[128];
        (void)state;
        evidence_make(EVIDENCE_FULL, &one, NULL);
        evidence_make(EVIDENCE_DERIVED, &two, NULL);
        size_t n = parts_of(buf_span(&one), a, ARRAY_LEN(a)), m = parts_of(buf_span(&two), b, ARRAY_LEN(b));
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < m; k++) {
                        const struct span mine = span_of(one.p + a[i].at, a[i].n),
                                          other = span_of(two.p + b[k].at, b[k].n);
                        if (a[i].kind != b[k].kind || span_eq(mine, other))
                                continue;
                        buf_clear(&made);
                        buf_add(&made, span_of(one.p, a[i].at));
                        buf_add(&made, other);
                        buf_add(&made, span_from(buf_span(&one), a[i].at + a[i].n));
                        assert_int_not_equal(link_of(buf_span(&made)), PROOF_WHOLE);
                }
}

/* What a head claims is not believed: nothing is asked for that the bounds do not allow. */
static void test_claims_of_length(void **state) {
        static const uint32_t lengths[] = {0xffffffff, 0x7fffffff, 1u << 24, (1u << 21) + 1, 0};
        _clean_(buf_fini) struct buf bundle = BUF_NULL;
        struct part parts[128];
        (void)state;
        evidence_make(EVIDENCE_BARE, &bundle, NULL);
        size_t n = parts_of(buf_span(&bundle), parts, ARRAY_LEN(parts));
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
                        uint32_t was = get_be32(bundle.p + parts[i].at + 1);
                        put_be32(bundle.p + parts[i].at + 1, lengths[k]);
                        assert_int_equal(link_of(buf_span(&bundle)), PROOF_SHAPE);
                        put_be32(bundle.p + parts[i].at + 1, was);
                }
}

/* A file that goes on for ever with papers is left at 16 MiB. */
struct endless {
        struct buf head;
        size_t at;
        uint64_t given;
};

static int read_endless(void *arg, uint8_t *p, size_t n, size_t *ret) {
        struct endless *e = arg;
        for (size_t i = 0; i < n; i++) {
                p[i] = e->at < e->head.n ? e->head.p[e->at] : 0;
                if (++e->at == e->head.n + 32 * BUNDLE_HIDDEN_MAX) /* the next section of hidden lines */
                        e->at = e->head.n - BUNDLE_HEAD;
        }
        e->given += n;
        *ret = n;
        return 0;
}

static void test_endless(void **state) {
        _clean_(buf_fini) struct buf bundle = BUF_NULL;
        struct part parts[128];
        struct endless e = {.head = BUF_NULL};
        struct proof p;
        uint8_t head[BUNDLE_HEAD] = {SECTION_HIDDEN};
        (void)state;
        evidence_make(EVIDENCE_BARE, &bundle, NULL);
        size_t n = parts_of(buf_span(&bundle), parts, ARRAY_LEN(parts));
        size_t i = 0;
        while (i < n && parts[i].kind != SECTION_LINE)
                i++;
        put_be32(head + 1, 32 * BUNDLE_HIDDEN_MAX);
        buf_add(&e.head, span_of(bundle.p, parts[i].at + parts[i].n));
        buf_add(&e.head, SPAN_OF(head));
        struct bundle_in in = {.read = read_endless, .arg = &e};
        const struct proof_out none = {0};
        assert_int_equal(proof_read(&p, &in, &none, seed), 1);
        assert_int_equal(p.link, PROOF_LARGE);
        assert_true(e.given < BUNDLE_PAPERS_MAX + 65536);
        proof_fini(&p);
        buf_fini(&e.head);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_full),
                cmocka_unit_test(test_bare),
                cmocka_unit_test(test_flips),
                cmocka_unit_test(test_cut_and_longer),
                cmocka_unit_test(test_sections),
                cmocka_unit_test(test_mixed),
                cmocka_unit_test(test_claims_of_length),
                cmocka_unit_test(test_endless),
        };
        return cmocka_run_group_tests_name("proof", tests, NULL, NULL);
}
