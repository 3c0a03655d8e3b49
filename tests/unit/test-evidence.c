/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles of evidence, as vaults make them: each kind that there is, and what of others' records does not go into one. That
 * they prove what they should is in test-proof.c.
 */
#include "../support/evidence.h"
#include "../support/pair.h"

#include "base/log.h"

static void test_kinds(void **state) {
        (void)state;
        for (int which = 0; which < EVIDENCES; which++) {
                _clean_(buf_fini) struct buf bundle = BUF_NULL, plain = BUF_NULL;
                evidence_make((enum evidence)which, &bundle, &plain);
                assert_true(bundle.n > plain.n);
        }
}

static void export(struct buf *ret) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_export q = {.clip = pair_hex(&id, &clips[0].id), .file = SPAN_STR("/tmp/a.bundle")};
        struct wire_o_go go = {0};
        struct wire_o_chunk first = {.i = 0};
        safe_ask(&owner, OWNER_O_EXPORT, &q);
        safe_ask(&owner, OWNER_O_GO, &go);
        if (!safe_done(&owner))
                fail_msg("no bundle: %s", safe_error(&owner));
        safe_ask(&owner, OWNER_O_CHUNK, &first);
        assert_true(safe_done(&owner));
        safe_pieces(&owner, ret);
}

static bool is_in(const struct buf *bundle, struct span record) {
        return memmem(bundle->p, bundle->n, record.p, record.n);
}

/* The daemon could bring anything: what the manifest names goes in, once, if another home's device signed it. */
static void test_records(void **state) {
        _clean_(buf_fini) struct buf bundle = BUF_NULL;
        struct buf raw[4] = {BUF_NULL, BUF_NULL, BUF_NULL, BUF_NULL};
        static const uint32_t by[] = {1, 0, 2, 1};
        static const uint8_t junk[100] = {0x81};
        struct wire_manifest w;
        struct hash ids[4];
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(raw); i++)
                evidence_record(&street, by[i], i, street.now - 60, &raw[i], &ids[i]);
        assert_int_equal(codec_decode(&wire_manifest_desc, buf_span(&clips[0].manifest), &w, NULL), 0);
        WIRE_PUT(&w, MANIFEST, seen, span_of(ids, 3 * sizeof(ids[0])));
        evidence_sign_again(&street, &clips[0], &w);
        raw[2].p[raw[2].n - 1] ^= 1;
        evidence_bring(&clips[0], SPAN_OF(junk));
        evidence_bring(&clips[0], buf_span(&raw[3]));
        evidence_bring(&clips[0], buf_span(&raw[2]));
        evidence_bring(&clips[0], buf_span(&raw[1]));
        export(&bundle);
        for (size_t i = 0; i < ARRAY_LEN(raw); i++)
                assert_false(is_in(&bundle, buf_span(&raw[i])));
        buf_clear(&clips[0].seen);
        clips[0].n_seen = 0;
        for (int i = 0; i < 2; i++)
                evidence_bring(&clips[0], buf_span(&raw[0]));
        buf_clear(&bundle);
        export(&bundle);
        assert_true(is_in(&bundle, buf_span(&raw[0])));
        uint8_t *at = memmem(bundle.p, bundle.n, raw[0].p, raw[0].n);
        assert_null(memmem(at + 1, bundle.n - (size_t)(at + 1 - bundle.p), raw[0].p, raw[0].n));
        for (size_t i = 0; i < ARRAY_LEN(raw); i++)
                buf_fini(&raw[i]);
}

int main(void) {
        log_set_level(LOG_ERROR);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kinds),
                cmocka_unit_test_setup_teardown(test_records, pair_set_up, pair_tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
