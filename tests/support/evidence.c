/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence.h"

#include "base/log.h"
#include "base/text.h"
#include "vault/book.h"

#define WEEK (7 * (uint64_t)MESH_DAY)
#define SMALL 1000
#define LARGE (2 * CHUNK_PLAIN + 1000)
#define HIDDEN 30 /* lines about the other clip */

struct scene {
        struct street street;
        struct safe_clip clips[SAFE_CLIPS];
        struct safe owner;
};

void evidence_record(struct street *s, uint32_t by, uint64_t index, mesh_wall at, struct buf *ret,
                     struct hash *ret_id) {
        static const uint8_t body[64], sig[SIGN_BYTES], epoch[16] = {7};
        uint8_t made[SIGN_BYTES];
        struct wire_record w = {.type = RECORD_ALERT,
                                .device = SPAN_OF(s->homes[by].device.pub.b),
                                .day = at / MESH_DAY,
                                .klass = CLASS_NORMAL,
                                .index = index,
                                .created = at,
                                .expires = at + MESH_DAY,
                                .epoch = SPAN_OF(epoch),
                                .body = SPAN_OF(body),
                                .sig = SPAN_OF(sig)};
        size_t key_at;
        codec_encode_until(&wire_record_desc, &w, RECORD_KEY_sig, ret, &key_at);
        hash_make(ret_id, DOMAIN_RECORD, &s->mesh, span_of(ret->p, key_at));
        sign_make(made, &s->homes[by].device, DOMAIN_RECORD, ret_id);
        codec_patch(ret, key_at, SPAN_OF(made));
}

void evidence_bring(struct safe_clip *c, struct span record) {
        struct wire_v_seen one = {.record = record};
        struct wire_list list = {c->n_seen, buf_span(&c->seen)};
        wire_list_add(&wire_v_seen_desc, &list, &c->seen, &one);
        c->n_seen++;
}

void evidence_sign_again(struct street *s, struct safe_clip *c, const struct wire_manifest *w) {
        _clean_(buf_fini) struct buf fresh = BUF_NULL;
        assert_int_equal(clip_sign(CLIP_MANIFEST, w, &s->mesh, &s->homes[0].device, &fresh, &c->id), 0);
        buf_clear(&c->manifest);
        buf_add(&c->manifest, buf_span(&fresh));
}

static void add_record(struct scene *s, uint32_t by, uint64_t index, mesh_wall at, struct hash *ret) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        evidence_record(&s->street, by, index, at, &raw, ret);
        evidence_bring(&s->clips[0], buf_span(&raw));
}

static void sign_again(struct scene *s, const struct wire_manifest *w) {
        evidence_sign_again(&s->street, &s->clips[0], w);
}

static void put_seen(struct scene *s) {
        struct hash ids[2];
        struct wire_manifest w;
        for (uint32_t i = 0; i < ARRAY_LEN(ids); i++)
                add_record(s, 1 + 2 * i, i, s->street.now - 60 * (1 + i), &ids[i]);
        assert_int_equal(codec_decode(&wire_manifest_desc, buf_span(&s->clips[0].manifest), &w, NULL), 0);
        WIRE_PUT(&w, MANIFEST, seen, span_of(ids, sizeof(ids)));
        sign_again(s, &w);
}

static void put_derived(struct scene *s) {
        static const struct hash parent = {{0xab}};
        struct wire_manifest w;
        assert_int_equal(codec_decode(&wire_manifest_desc, buf_span(&s->clips[0].manifest), &w, NULL), 0);
        WIRE_PUT(&w, MANIFEST, parent, SPAN_OF(parent.b));
        WIRE_PUT(&w, MANIFEST, changes, SPAN_STR("trimmed to 10 s \xe2\x80\x94 \"blurred\""));
        w.sure = false;
        sign_again(s, &w);
}

static void read_clip(struct safe *s, size_t i) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        text_hex(&id, SPAN_OF(s->clips[i].id.b));
        struct wire_o_read q = {.clip = buf_span(&id)};
        safe_ask(s, OWNER_O_READ, &q);
        assert_true(safe_done(s));
}

/* A neighbour is given the clip, signs for it, and has it; another is given it and it is taken back. */
static void put_grants(struct scene *s) {
        _clean_(buf_fini) struct buf receipt = BUF_NULL, word = BUF_NULL;
        struct hash attest;
        struct safe *o = &s->owner;
        assert_true(safe_grant(o, 0, 1, WEEK));
        safe_receipt(&s->street, buf_span(&safe_heard(o, OWNER_V_GRANT)->bytes), 1, o->wall + 5, &receipt);
        safe_bring_paper(o, OWNER_V_RECEIPT, buf_span(&receipt));
        struct wire_attest w = {.grant = SPAN_OF(book_grant_at(o->v.book, book_n_grants(o->v.book) - 1)->id.b),
                                .device = SPAN_OF(s->street.homes[1].device.pub.b),
                                .what = ATTESTED_COMPLETE,
                                .created = o->wall + 9};
        assert_int_equal(clip_sign(CLIP_ATTEST, &w, &s->street.mesh, &s->street.homes[1].device, &word, &attest), 0);
        safe_bring_paper(o, OWNER_V_ATTEST, buf_span(&word));
        assert_true(safe_grant(o, 0, 2, WEEK));
        assert_true(safe_revoke(o, &book_grant_at(o->v.book, book_n_grants(o->v.book) - 1)->id));
}

static void put_history(struct scene *s) {
        struct safe *o = &s->owner;
        read_clip(o, 1); /* before the first line that is shown: not in the bundle at all */
        read_clip(o, 0);
        for (int i = 0; i < HIDDEN; i++)
                read_clip(o, 1);
        put_grants(s);
        assert_true(safe_grant(o, 1, 2, WEEK));
}

static void export(struct safe *s, struct buf *ret) {
        _clean_(buf_fini) struct buf id = BUF_NULL, store = BUF_NULL;
        union frame_message m;
        struct wire_o_go go = {0};
        text_hex(&id, SPAN_OF(s->clips[0].id.b));
        struct wire_o_export q = {.clip = buf_span(&id), .file = SPAN_STR("/home/anna/bicycle.bundle")};
        safe_ask(s, OWNER_O_EXPORT, &q);
        safe_ask(s, OWNER_O_GO, &go);
        if (!safe_row(s, OWNER_O_EXPORT_ROW, &store, &m))
                fail_msg("no bundle: %s", safe_error(s));
        uint64_t parts = m.o_exported.parts, size = m.o_exported.size;
        for (uint64_t i = 0; i < parts; i++) {
                struct wire_o_chunk chunk = {.i = i};
                safe_ask(s, OWNER_O_CHUNK, &chunk);
                assert_true(safe_done(s));
                safe_pieces(s, ret);
        }
        assert_int_equal(ret->n, size);
}

void evidence_make(enum evidence which, struct buf *ret, struct buf *ret_plain) {
        static const size_t sizes[] = {[EVIDENCE_EMPTY] = 0, [EVIDENCE_CHUNKS] = LARGE, [EVIDENCES] = 0};
        struct scene *s = calloc(1, sizeof(*s));
        struct box_key seal;
        struct key secret = {{1, 5}};
        assert_non_null(s);
        log_set_level(LOG_ERROR);
        street_found(&s->street, 7, (struct wire_list){0});
        box_key_from_secret(&seal, &secret);
        assert_int_equal(street_join(&s->street, 0, 1, 0), 0);
        assert_int_equal(street_join(&s->street, 0, 2, 0), 0);
        assert_int_equal(street_join(&s->street, 0, 3, 1), 0); /* let in on a neighbour's ticket */
        assert_int_equal(street_join(&s->street, 0, 4, 0), 0); /* has nothing to do with it */
        size_t size = which == EVIDENCE_EMPTY || which == EVIDENCE_CHUNKS ? sizes[which] : SMALL;
        safe_clip_make(&s->clips[0], &s->street, &seal.pub, 1, size, which == EVIDENCE_DERIVED);
        safe_clip_make(&s->clips[1], &s->street, &seal.pub, 2, SMALL, false);
        if (which == EVIDENCE_FULL)
                put_seen(s);
        if (which == EVIDENCE_DERIVED)
                put_derived(s);
        safe_init(&s->owner, &s->street, 0, s->clips, NULL);
        if (which == EVIDENCE_FULL)
                put_history(s);
        export(&s->owner, ret);
        if (ret_plain)
                buf_add(ret_plain, buf_span(&s->clips[0].plain));
        safe_fini(&s->owner);
        for (size_t i = 0; i < SAFE_CLIPS; i++)
                safe_clip_fini(&s->clips[i]);
        street_end(&s->street);
        free(s);
}
