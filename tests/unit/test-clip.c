/* SPDX-License-Identifier: Apache-2.0 */
/* A clip's papers: what is signed comes back as it was; any bit of it changed is refused; the ledger is one chain. */
#include "clip/clip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct hash mesh = {{4, 2}}, other_mesh = {{4, 3}}, some = {{77}};
static const uint8_t sixteen[16] = {6};
static struct sign_key signer, stranger;

static int set_up(void **state) {
        (void)state;
        sign_key_from_seed(&signer, (const uint8_t[32]){1});
        sign_key_from_seed(&stranger, (const uint8_t[32]){2});
        return 0;
}

static struct wire_manifest manifest(void) {
        return (struct wire_manifest){
                .device = SPAN_OF(signer.pub.b),
                .household = SPAN_OF(some.b),
                .created = 1800000000,
                .sure = true,
                .camera = SPAN_OF(some.b),
                .media = MEDIA_MP4,
                .size = 2 * CHUNK_PLAIN + 1,
                .chunks = 3,
                .salt = SPAN_OF(sixteen),
                .hashes = SPAN_OF(some.b),
                .commit = SPAN_OF(some.b),
        };
}

static struct wire_grant grant(void) {
        return (struct wire_grant){
                .household = SPAN_OF(signer.pub.b),
                .clip = SPAN_OF(some.b),
                .to = SPAN_OF(stranger.pub.b),
                .purpose = span_str("the bicycle of 4 Elm Street"),
                .created = 1800000000,
                .expires = 1800600000,
        };
}

static struct wire_receipt receipt(void) {
        return (struct wire_receipt){.grant = SPAN_OF(some.b),
                                     .clip = SPAN_OF(some.b),
                                     .household = SPAN_OF(signer.pub.b),
                                     .created = 1800000001};
}

static struct wire_attest attest(void) {
        return (struct wire_attest){.grant = SPAN_OF(some.b),
                                    .device = SPAN_OF(signer.pub.b),
                                    .what = ATTESTED_COMPLETE,
                                    .created = 1800000002};
}

static struct wire_grant_over over(void) {
        return (struct wire_grant_over){
                .grant = SPAN_OF(some.b), .household = SPAN_OF(signer.pub.b), .created = 1800000003};
}

static struct wire_request request(void) {
        return (struct wire_request){.clip = SPAN_OF(some.b),
                                     .household = SPAN_OF(some.b),
                                     .device = SPAN_OF(signer.pub.b),
                                     .created = 1800000000,
                                     .expires = 1800000000 + CLIP_REQUEST_LIFE_S};
}

/* Signs, reads back, and has every bit of it changed. */
static void there_and_back(enum clip_object what, const void *msg) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        union wire_any got, untouched;
        struct hash id, read_id;
        assert_int_equal(clip_sign(what, msg, &mesh, &signer, &raw, &id), 0);
        assert_int_equal(clip_read(what, buf_span(&raw), &mesh, &got, &read_id), 0);
        assert_true(hash_eq(&id, &read_id));
        assert_int_equal(clip_read(what, buf_span(&raw), &other_mesh, &got, &read_id), CLIP_E_SIGNATURE);
        memset(&got, 0x5a, sizeof(got));
        memset(&untouched, 0x5a, sizeof(untouched));
        for (size_t bit = 0; bit < raw.n * 8; bit++) {
                raw.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_int_not_equal(clip_read(what, buf_span(&raw), &mesh, &got, &read_id), 0);
                raw.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t n = 0; n < raw.n; n++)
                assert_int_not_equal(clip_read(what, span_of(raw.p, n), &mesh, &got, &read_id), 0);
        assert_memory_equal(&got, &untouched, sizeof(got));
        assert_int_equal(clip_sign(what, msg, &mesh, &stranger, &raw, &id), CLIP_E_RULE);
}

static void test_every_object(void **state) {
        (void)state;
        struct wire_manifest m = manifest();
        struct wire_grant g = grant();
        struct wire_receipt r = receipt();
        struct wire_attest a = attest();
        struct wire_grant_over o = over();
        struct wire_request q = request();
        there_and_back(CLIP_MANIFEST, &m);
        there_and_back(CLIP_GRANT, &g);
        there_and_back(CLIP_RECEIPT, &r);
        there_and_back(CLIP_ATTEST, &a);
        there_and_back(CLIP_GRANT_OVER, &o);
        there_and_back(CLIP_REQUEST, &q);
}

/* One kind of object is never good as another, though both are 32-byte fields and a signature. */
static void test_kinds_do_not_mix(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct wire_receipt r = receipt();
        union wire_any got;
        struct hash id;
        assert_int_equal(clip_sign(CLIP_RECEIPT, &r, &mesh, &signer, &raw, &id), 0);
        for (int what = CLIP_MANIFEST; what <= CLIP_REQUEST; what++)
                if (what != CLIP_RECEIPT)
                        assert_int_not_equal(clip_read((enum clip_object)what, buf_span(&raw), &mesh, &got, &id), 0);
}

static int sign_request(mesh_wall created, mesh_wall expires) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct wire_request w = request();
        struct hash id;
        w.created = created;
        w.expires = expires;
        return clip_sign(CLIP_REQUEST, &w, &mesh, &signer, &raw, &id);
}

static void test_a_request_ends(void **state) {
        (void)state;
        mesh_wall made = 1800000000;
        assert_int_equal(sign_request(made, made), CLIP_E_RULE);
        assert_int_equal(sign_request(made, made - 1), CLIP_E_RULE);
        assert_int_equal(sign_request(made, made + 1), 0);
        assert_int_equal(sign_request(made, made + CLIP_REQUEST_LIFE_S), 0);
        assert_int_equal(sign_request(made, made + CLIP_REQUEST_LIFE_S + 1), CLIP_E_RULE);
}

static int sign_manifest(const struct wire_manifest *w) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct hash id;
        return clip_sign(CLIP_MANIFEST, w, &mesh, &signer, &raw, &id);
}

static void test_rules_of_a_manifest(void **state) {
        (void)state;
        struct wire_manifest w = manifest();
        w.chunks = 2;
        assert_int_equal(sign_manifest(&w), CLIP_E_RULE);
        w = manifest();
        w.seq = 1;
        assert_int_equal(sign_manifest(&w), CLIP_E_RULE);
        WIRE_PUT(&w, MANIFEST, prev, SPAN_OF(some.b));
        assert_int_equal(sign_manifest(&w), 0);
        w.seq = 0;
        assert_int_equal(sign_manifest(&w), CLIP_E_RULE);
        w = manifest();
        WIRE_PUT(&w, MANIFEST, parent, SPAN_OF(some.b));
        assert_int_equal(sign_manifest(&w), CLIP_E_RULE);
        WIRE_PUT(&w, MANIFEST, changes, span_str("trimmed to 10 s"));
        assert_int_equal(sign_manifest(&w), 0);
        w = manifest();
        WIRE_PUT(&w, MANIFEST, from, 1700000000);
        assert_int_equal(sign_manifest(&w), CLIP_E_RULE);
        WIRE_PUT(&w, MANIFEST, to, 1699999999);
        assert_int_equal(sign_manifest(&w), CLIP_E_RULE);
        w.to = 1700000000;
        assert_int_equal(sign_manifest(&w), 0);
        static const uint8_t uneven[33];
        WIRE_PUT(&w, MANIFEST, seen, SPAN_OF(uneven));
        assert_int_equal(sign_manifest(&w), CLIP_E_RULE);
}

static int sign_grant(const struct wire_grant *w) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct hash id;
        return clip_sign(CLIP_GRANT, w, &mesh, &signer, &raw, &id);
}

static void test_rules_of_a_grant(void **state) {
        (void)state;
        struct wire_grant w = grant();
        w.expires = w.created;
        assert_int_equal(sign_grant(&w), CLIP_E_RULE);
        w = grant();
        w.to = w.household; /* oneself: only for a device that is named */
        assert_int_equal(sign_grant(&w), CLIP_E_RULE);
        WIRE_PUT(&w, GRANT, device, SPAN_OF(some.b));
        assert_int_equal(sign_grant(&w), 0);
        w.to = SPAN_OF(some.b); /* another's device is not the owner's to name */
        assert_int_equal(sign_grant(&w), CLIP_E_RULE);
        w = grant();
        w.line = 5;
        assert_int_equal(sign_grant(&w), CLIP_E_RULE);
        w = grant();
        w.purpose = SPAN_NONE;
        assert_int_equal(sign_grant(&w), CLIP_E_SHAPE);
}

#define LINES 20

static void test_the_ledger_is_one_chain(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf file = BUF_NULL;
        struct ledger writer = {.mesh = mesh}, reader = {.mesh = mesh};
        size_t at[LINES + 1] = {0};
        for (size_t i = 0; i < LINES; i++) {
                struct wire_entry line = {.what = ENTRY_READ, .time = 1800000000 + i};
                WIRE_PUT(&line, ENTRY, clip, SPAN_OF(some.b));
                assert_int_equal(ledger_add(&writer, &line, &file), 0);
                at[i + 1] = file.n;
        }
        for (size_t i = 0; i < LINES; i++) {
                struct wire_entry got;
                struct ledger before = reader, forked = {.n = i, .mesh = other_mesh};
                struct span raw = span_of(file.p + at[i], at[i + 1] - at[i]);
                if (i + 1 < LINES) /* one left out */
                        assert_int_equal(ledger_take(&reader, span_of(file.p + at[i + 1], at[i + 2] - at[i + 1]), &got),
                                         LEDGER_E_CHAIN);
                assert_int_equal(ledger_take(&reader, span_of(raw.p, raw.n - 1), &got), LEDGER_E_LINE);
                assert_memory_equal(&before, &reader, sizeof(reader));
                if (i > 0)
                        assert_int_equal(ledger_take(&forked, raw, &got), LEDGER_E_CHAIN);
                assert_int_equal(ledger_take(&reader, raw, &got), 0);
                assert_int_equal(got.n, i);
        }
        assert_memory_equal(&reader, &writer, sizeof(reader));
}

/* A line changed anywhere shows at the next one; the end alone is not held by anything but a grant's signature. */
static void test_a_changed_line_shows(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf one = BUF_NULL, two = BUF_NULL;
        struct ledger writer = {.mesh = mesh};
        struct wire_entry line = {.what = ENTRY_GRANTED, .time = 1800000000}, got;
        assert_int_equal(ledger_add(&writer, &line, &one), 0);
        line = (struct wire_entry){.what = ENTRY_RELEASED, .time = 1800000001};
        assert_int_equal(ledger_add(&writer, &line, &two), 0);
        for (size_t bit = 0; bit < one.n * 8; bit++) {
                struct ledger reader = {.mesh = mesh};
                one.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_false(ledger_take(&reader, buf_span(&one), &got) == 0 &&
                             ledger_take(&reader, buf_span(&two), &got) == 0);
                one.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
}

/* All of the hash before is in a line's, to its last byte, and so are its number and the line itself; who has the line's own
 * hash alone comes to the same place. */
static void test_what_a_lines_hash_covers(void **state) {
        (void)state;
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct ledger at = {.n = 7, .last = some, .mesh = mesh}, added = at;
        struct wire_entry line = {.what = ENTRY_RESTORED, .time = 1800000000};
        struct hash alone, other;
        assert_int_equal(ledger_add(&added, &line, &raw), 0);
        ledger_line_hash(&alone, &mesh, buf_span(&raw));
        for (size_t byte = 0; byte < sizeof(struct hash); byte++) {
                struct ledger skipped = at, moved = at;
                moved.last.b[byte] ^= 1;
                other = alone;
                other.b[byte] ^= 1;
                ledger_skip(&moved, &alone);
                assert_false(hash_eq(&moved.last, &added.last));
                ledger_skip(&skipped, &other);
                assert_false(hash_eq(&skipped.last, &added.last));
        }
        struct ledger skipped = at, later = at;
        later.n++;
        ledger_skip(&later, &alone);
        assert_false(hash_eq(&later.last, &added.last));
        ledger_skip(&skipped, &alone);
        assert_memory_equal(&skipped, &added, sizeof(added));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_object),         cmocka_unit_test(test_kinds_do_not_mix),
                cmocka_unit_test(test_a_request_ends),       cmocka_unit_test(test_rules_of_a_manifest),
                cmocka_unit_test(test_rules_of_a_grant),     cmocka_unit_test(test_the_ledger_is_one_chain),
                cmocka_unit_test(test_a_changed_line_shows), cmocka_unit_test(test_what_a_lines_hash_covers),
        };
        return cmocka_run_group_tests_name("clip", tests, set_up, NULL);
}
