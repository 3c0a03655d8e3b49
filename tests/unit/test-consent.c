/* SPDX-License-Identifier: Apache-2.0 */
/* What the vault does with footage: grants, receipts, releases, readings, the ledger; two vaults, whose messages the test
 * carries. The daemon is the test's, and so is the disk (tests/support/safe.h). */
#include "../support/safe.h"

#include "base/log.h"
#include "base/text.h"
#include "vault/book.h"

#define WEEK (7 * (uint64_t)MESH_DAY)
#define SMALL 1000
#define LARGE (2 * CHUNK_PLAIN + 1000) /* three chunks */

static struct street street;
static struct safe owner, friend;
static struct safe_clip clips[SAFE_CLIPS];

/* Home 0 has clips, home 1 can open what it is given, home 2 is there. */
static int set_up(void **state) {
        struct box_key seal[2];
        (void)state;
        street_found(&street, 7, (struct wire_list){0});
        for (uint32_t i = 0; i < 2; i++) {
                uint8_t secret[32] = {(uint8_t)(i + 1), 5};
                struct key k;
                memcpy(k.b, secret, sizeof(k.b));
                box_key_from_secret(&seal[i], &k);
        }
        street.homes[1].seal = seal[1].pub;
        for (uint32_t i = 1; i < 3; i++)
                assert_int_equal(street_join(&street, 0, i, 0), 0);
        safe_clip_make(&clips[0], &street, &seal[0].pub, 1, SMALL, false);
        safe_clip_make(&clips[1], &street, &seal[0].pub, 2, LARGE, true);
        safe_init(&owner, &street, 0, clips, NULL);
        safe_init(&friend, &street, 1, clips, NULL);
        return 0;
}

static int tear_down(void **state) {
        (void)state;
        safe_fini(&owner);
        safe_fini(&friend);
        for (size_t i = 0; i < SAFE_CLIPS; i++)
                safe_clip_fini(&clips[i]);
        street_end(&street);
        return 0;
}

static struct span hex(struct buf *store, const struct hash *id) {
        buf_clear(store);
        text_hex(store, SPAN_OF(id->b));
        return buf_span(store);
}

static void give_paper(struct safe *s, enum wire_owner number, struct span paper) {
        struct wire_v_paper msg = {.paper = paper};
        buf_clear(&s->peer.out);
        safe_tell(s, number, &msg);
        struct wire_c_none none = {0};
        safe_ask(s, OWNER_O_STATE, &none); /* a turn for what the daemon was told */
}

static void refused(const struct safe *s, const char *name) {
        const struct safe_heard *h = safe_heard(s, OWNER_V_REFUSED);
        assert_non_null(h);
        assert_true(span_eq(buf_span(&h->bytes), span_str(name)));
}

static enum wire_e_granted state_of(struct safe *s, size_t i) {
        struct wire_o_ledger q = {.from = 0};
        safe_ask(s, OWNER_O_GRANTS, &q);
        return book_grant_state(book_grant_at(s->v.book, i));
}

/* What the disk has, read anew. */
static uint64_t lines(const struct safe *s) {
        struct book b;
        uint64_t n;
        assert_int_equal(book_open(&b, &s->io, &s->street->mesh, &s->street->homes[s->home].key.pub), 0);
        assert_int_equal(b.broken, VAULT_OK);
        n = b.chain.n;
        book_fini(&b);
        return n;
}

/* ---- sentences ---- */

static void asked(struct safe *s, const char *words) {
        _clean_(buf_fini) struct buf store = BUF_NULL, text = BUF_NULL;
        union frame_message m;
        assert_true(safe_row(s, OWNER_O_SENTENCE, &store, &m));
        buf_add(&text, m.o_sentence.text);
        if (!strstr(buf_cstr(&text), words))
                fail_msg("\"%s\" is not in: %s", words, buf_cstr(&text));
}

static void test_sentence(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_go go = {0};
        (void)state;
        struct wire_o_grant q = {.clip = hex(&id, &clips[1].id), .purpose = SPAN_STR("the \"stolen\" bicycle")};
        WIRE_PUT(&q, O_GRANT, to, SPAN_STR("Home AB"));
        safe_ask(&owner, OWNER_O_GRANT, &q);
        asked(&owner, "Give the clip ");
        asked(&owner, "to the household \"Home AB\" (");
        asked(&owner, "plays for 60 s and has 128 KiB. It has sound. For: \"the 'stolen' bicycle\". Until ");
        assert_int_equal(lines(&owner), 0); /* nothing is written before the yes */
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_done(&owner));
        assert_int_equal(lines(&owner), 1);
        safe_ask(&owner, OWNER_O_GO, &go); /* one yes, one grant */
        assert_string_equal(safe_error(&owner), "nothing-to-confirm");
}

static void test_whom(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        static const struct {
                const char *to, *error;
        } rows[] = {{"Home AA", "grant-self"}, {"hub", "grant-here"}, {"nobody", "no-such-household"}};
        (void)state;
        struct wire_o_grant q = {.clip = hex(&id, &clips[0].id), .purpose = SPAN_STR("x")};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                WIRE_PUT(&q, O_GRANT, to, span_str(rows[i].to));
                safe_ask(&owner, OWNER_O_GRANT, &q);
                assert_string_equal(safe_error(&owner), rows[i].error);
        }
        q.purpose = SPAN_STR("two\nlines");
        safe_ask(&owner, OWNER_O_GRANT, &q);
        assert_string_equal(safe_error(&owner), "bad-purpose");
        assert_int_equal(owner.disk.ledger.n, 0);
}

static void test_removed_recipient(void **state) {
        (void)state;
        assert_int_equal(street_about(&street, 0, 0, OP_REMOVE, 1), 0);
        assert_false(safe_grant(&owner, 0, 1, WEEK));
        assert_string_equal(safe_error(&owner), "gone");
}

/* ---- a daemon that holds something else ---- */

static void grant_fails(const char *error) {
        assert_false(safe_grant(&owner, 0, 1, WEEK));
        assert_string_equal(safe_error(&owner), error);
        assert_int_equal(lines(&owner), 0);
}

static void test_false_clips(void **state) {
        struct safe_clip other, *mine = &clips[0];
        (void)state;
        owner.no_clip = true;
        grant_fails("no-such-clip");
        owner.no_clip = false;
        struct buf was = mine->manifest;
        mine->manifest = clips[1].manifest; /* another clip than was asked for */
        grant_fails("clip-false");
        mine->manifest = was;
        mine->manifest.p[mine->manifest.n - 1] ^= 1;
        grant_fails("clip-false");
        mine->manifest.p[mine->manifest.n - 1] ^= 1;
        street.homes[STREET_HOMES - 1].device = street.homes[0].device;
        street.homes[0].device = street.homes[2].device; /* a neighbour's device says that it is ours */
        safe_clip_make(&other, &street, &owner.seal.pub, 3, SMALL, false);
        street.homes[0].device = street.homes[STREET_HOMES - 1].device;
        struct safe_clip kept = *mine;
        *mine = other;
        grant_fails("clip-false");
        *mine = kept;
        safe_clip_fini(&other);
        mine->sealed.n = 0;
        grant_fails("no-clip-key");
        mine->sealed.n = CHUNK_SEALED;
}

/* The key in the box is not the manifest's: the line stands, and nothing leaves. */
static void test_other_key(void **state) {
        (void)state;
        struct buf was = clips[0].sealed;
        clips[0].sealed = clips[1].sealed;
        assert_false(safe_grant(&owner, 0, 1, WEEK));
        assert_string_equal(safe_error(&owner), "clip-key");
        assert_null(safe_heard(&owner, OWNER_V_GRANT));
        assert_int_equal(state_of(&owner, 0), GRANTED_BROKEN_OFF);
        clips[0].sealed = was;
}

static void test_clock(void **state) {
        (void)state;
        owner.wall = 1000;
        grant_fails("no-clock");
        owner.wall = street.now;
}

/* ---- release ---- */

static struct span granted(struct safe *s, struct buf *paper) {
        const struct safe_heard *h = safe_heard(s, OWNER_V_GRANT);
        assert_non_null(h);
        buf_clear(paper);
        buf_add(paper, buf_span(&h->bytes));
        return buf_span(paper);
}

static bool opens(const struct box_key *mine, const struct safe_heard *h, const struct key *key) {
        _clean_(buf_wipe) struct buf plain = BUF_NULL;
        return box_unseal(&plain, mine, SPAN_OF(h->grant.b), buf_span(&h->bytes)) && plain.n == sizeof(key->b) &&
               memcmp(plain.p, key->b, plain.n) == 0;
}

static void test_release(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL, again = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        assert_null(safe_heard(&owner, OWNER_V_RELEASE));
        granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall + 5, &receipt);
        give_paper(&owner, OWNER_V_RECEIPT, buf_span(&receipt));
        const struct safe_heard *h = safe_heard(&owner, OWNER_V_RELEASE);
        assert_non_null(h);
        assert_true(opens(&friend.seal, h, &clips[0].key));
        assert_int_equal(lines(&owner), 3);
        buf_add(&again, buf_span(&h->bytes));
        safe_start(&owner); /* and after a restart */
        safe_forget(&owner);
        give_paper(&owner, OWNER_V_RECEIPT, buf_span(&receipt));
        h = safe_heard(&owner, OWNER_V_RELEASE);
        assert_non_null(h);
        assert_true(span_eq(buf_span(&h->bytes), buf_span(&again)));
        assert_int_equal(lines(&owner), 3);
        assert_int_equal(state_of(&owner, 0), GRANTED_RELEASED);
}

static void no_release(struct span receipt, const char *name) {
        safe_forget(&owner);
        give_paper(&owner, OWNER_V_RECEIPT, receipt);
        refused(&owner, name);
        assert_null(safe_heard(&owner, OWNER_V_RELEASE));
}

static void test_false_receipts(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, right = BUF_NULL, wrong = BUF_NULL, late = BUF_NULL;
        struct wire_grant g;
        struct hash id, receipt;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &right);
        safe_receipt(&street, buf_span(&paper), 2, owner.wall, &wrong); /* a neighbour who was not asked */
        no_release(buf_span(&wrong), "receipt-false");
        right.p[right.n - 1] ^= 1;
        no_release(buf_span(&right), "receipt-false");
        right.p[right.n - 1] ^= 1;
        safe_receipt(&street, buf_span(&paper), 1, owner.wall + WEEK, &late);
        no_release(buf_span(&late), "receipt-false");
        assert_int_equal(clip_read(CLIP_GRANT, buf_span(&paper), &street.mesh, &g, &id), 0);
        struct wire_receipt w = {.grant = SPAN_OF(id.b), /* the right grant, for another clip */
                                 .clip = SPAN_OF(clips[1].id.b),
                                 .household = SPAN_OF(street.homes[1].key.pub.b),
                                 .created = owner.wall};
        buf_clear(&wrong);
        assert_int_equal(clip_sign(CLIP_RECEIPT, &w, &street.mesh, &street.homes[1].key, &wrong, &receipt), 0);
        no_release(buf_span(&wrong), "receipt-false");
        w.grant = SPAN_OF(clips[0].id.b);
        buf_clear(&wrong);
        assert_int_equal(clip_sign(CLIP_RECEIPT, &w, &street.mesh, &street.homes[1].key, &wrong, &receipt), 0);
        no_release(buf_span(&wrong), "no-such-grant");
        assert_int_equal(lines(&owner), 1);
        give_paper(&owner, OWNER_V_RECEIPT, buf_span(&right));
        assert_non_null(safe_heard(&owner, OWNER_V_RELEASE));
}

static bool revoke(struct safe *s, const struct hash *grant) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_go go = {0};
        struct wire_o_about q = {.id = hex(&id, grant)};
        safe_ask(s, OWNER_O_REVOKE, &q);
        if (safe_error(s)[0])
                return false;
        safe_ask(s, OWNER_O_GO, &go);
        return safe_done(s);
}

static void test_revoke(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL;
        struct hash id;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        granted(&owner, &paper);
        id = book_grant_at(owner.v.book, 0)->id;
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        assert_true(revoke(&owner, &id));
        assert_non_null(safe_heard(&owner, OWNER_V_REVOKED));
        no_release(buf_span(&receipt), "grant-revoked");
        safe_start(&owner);
        no_release(buf_span(&receipt), "grant-revoked");
        assert_false(revoke(&owner, &id));
        assert_string_equal(safe_error(&owner), "grant-revoked");
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                assert_false(owner.disk.blobs[i].there);
}

/* What is over stays over, whatever the clock says later, and wherever the vault was stopped. */
static void test_expiry(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL;
        mesh_wall began = owner.wall;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, 3600));
        granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        owner.wall = began + 3600;
        no_release(buf_span(&receipt), "grant-expired");
        owner.wall = began;
        no_release(buf_span(&receipt), "grant-expired");
        safe_start(&owner);
        no_release(buf_span(&receipt), "grant-broken-off"); /* its key is gone for good */
        assert_int_equal(lines(&owner), 1);
}

static void test_expiry_by_itself(void **state) {
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, 3600));
        vault_tick(&owner.v, owner.now);
        assert_true(owner.disk.blobs[0].there);
        mesh_time due = vault_deadline(&owner.v);
        assert_true(due > owner.now && due <= owner.now + 3600 * 1000);
        owner.wall += 3600;
        owner.now = due;
        vault_tick(&owner.v, owner.now);
        assert_false(owner.disk.blobs[0].there);
}

static void test_all(void **state) {
        (void)state;
        assert_true(safe_grant(&owner, 0, UINT32_MAX, WEEK));
        assert_int_equal(book_n_grants(owner.v.book), 2);
        assert_int_equal(lines(&owner), 2);
        assert_memory_equal(book_grant_at(owner.v.book, 0)->to.b, street.homes[1].key.pub.b, 32);
        assert_memory_equal(book_grant_at(owner.v.book, 1)->to.b, street.homes[2].key.pub.b, 32);
}

/* Of many the tool hears in between, or it would give up; the last row has all. */
static void test_many(void **state) {
        const struct wire_number *row;
        union frame_message m;
        uint64_t told = 0, grants = 0;
        size_t used;
        (void)state;
        for (uint32_t i = 3; i < 40; i++)
                assert_int_equal(street_join(&street, 0, i, 0), 0);
        owner.wall = street.now;
        assert_true(safe_grant(&owner, 0, UINT32_MAX, WEEK));
        struct span left = buf_span(&owner.peer.out), body;
        for (; left.n; left = span_from(left, used)) {
                assert_int_equal(frame_take(left, &body, &used), 0);
                assert_int_equal(frame_read(body, wire_owner_find, &row, &m, NULL), 0);
                if (row->number != OWNER_O_SHARED_ROW)
                        continue;
                assert_true(m.o_shared.grants > grants);
                grants = m.o_shared.grants;
                told++;
        }
        assert_int_equal(told, 3);
        assert_int_equal(grants, 39);
        assert_int_equal(lines(&owner), 39);
        assert_true(safe_done(&owner));
}

/* A device of this household: nobody else has to sign, and the key goes out at once. */
static void test_own_device(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        static const uint8_t secret[32] = {66};
        struct wire_o_go go = {0};
        struct sign_key laptop;
        (void)state;
        sign_key_from_seed(&laptop, secret);
        assert_int_equal(street_device_add(&street, 0, 0, &laptop), 0);
        owner.wall = street.now;
        struct wire_o_grant q = {.clip = hex(&id, &clips[0].id), .purpose = SPAN_STR("to look at it")};
        WIRE_PUT(&q, O_GRANT, to, SPAN_STR("laptop"));
        safe_ask(&owner, OWNER_O_GRANT, &q);
        asked(&owner, "own device \"laptop\" (");
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_done(&owner));
        assert_non_null(safe_heard(&owner, OWNER_V_RELEASE));
        assert_int_equal(lines(&owner), 3);
        assert_true(book_grant_at(owner.v.book, 0)->to_device);
}

static void test_locked(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_go go = {0};
        (void)state;
        safe_fini(&owner);
        safe_init(&owner, &street, 0, clips, "correct horse");
        struct wire_o_grant q = {.clip = hex(&id, &clips[0].id), .purpose = SPAN_STR("x")};
        WIRE_PUT(&q, O_GRANT, to, SPAN_STR("Home AB"));
        safe_ask(&owner, OWNER_O_GRANT, &q);
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_string_equal(safe_error(&owner), "locked");
        assert_int_equal(lines(&owner), 0);
        WIRE_PUT(&go, O_GO, passphrase, SPAN_STR("correct horse"));
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_done(&owner));
        struct wire_o_read r = {.clip = hex(&id, &clips[0].id)};
        safe_ask(&owner, OWNER_O_READ, &r);
        assert_string_equal(safe_error(&owner), "locked");
        assert_int_equal(lines(&owner), 1);
}

/* ---- the recipient ---- */

static const char *accept(struct safe *s, struct span grant, struct span manifest) {
        struct wire_o_go go = {0};
        struct wire_o_accept q = {.grant = grant, .manifest = manifest};
        safe_ask(s, OWNER_O_ACCEPT, &q);
        if (safe_error(s)[0])
                return safe_error(s);
        safe_ask(s, OWNER_O_GO, &go);
        return safe_error(s);
}

static bool reads(struct safe *s, size_t c) {
        _clean_(buf_fini) struct buf id = BUF_NULL, all = BUF_NULL, store = BUF_NULL;
        union frame_message m;
        struct wire_o_read q = {.clip = hex(&id, &clips[c].id)};
        safe_ask(s, OWNER_O_READ, &q);
        if (!safe_row(s, OWNER_O_READING_ROW, &store, &m))
                return false;
        for (uint64_t i = 0; i < m.o_reading.chunks; i++) {
                struct wire_o_chunk ask = {.i = i};
                safe_ask(s, OWNER_O_CHUNK, &ask);
                struct span left = buf_span(&s->peer.out), body;
                const struct wire_number *row;
                union frame_message piece;
                size_t used;
                for (; left.n; left = span_from(left, used)) {
                        assert_int_equal(frame_take(left, &body, &used), 0);
                        assert_int_equal(frame_read(body, wire_owner_find, &row, &piece, NULL), 0);
                        if (row->number == OWNER_O_PIECE_ROW)
                                buf_add(&all, piece.o_piece.bytes);
                }
        }
        return span_eq(buf_span(&all), buf_span(&clips[c].plain));
}

static void test_two_vaults(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, id = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 1, 1, WEEK));
        granted(&owner, &paper);
        assert_string_equal(accept(&friend, buf_span(&paper), buf_span(&clips[1].manifest)), "");
        const struct safe_heard *signed_ = safe_heard(&friend, OWNER_V_SIGNED);
        assert_non_null(signed_);
        give_paper(&owner, OWNER_V_RECEIPT, buf_span(&signed_->bytes));
        const struct safe_heard *key = safe_heard(&owner, OWNER_V_RELEASE);
        assert_non_null(key);
        struct wire_v_key msg = {.grant = SPAN_OF(key->grant.b), .blob = buf_span(&key->bytes)};
        safe_tell(&friend, OWNER_V_KEY, &msg);
        safe_start(&friend);
        assert_true(reads(&friend, 1));
        assert_int_equal(lines(&friend), 1); /* it looked at it */
        friend.wall += WEEK;
        assert_false(reads(&friend, 1)); /* its time is over */
        friend.now += 3600 * 1000;
        vault_tick(&friend.v, friend.now);
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                assert_false(friend.disk.blobs[i].there);
}

static void test_false_key(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, blob = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 1, 1, WEEK));
        granted(&owner, &paper);
        assert_string_equal(accept(&friend, buf_span(&paper), buf_span(&clips[1].manifest)), "");
        struct hash grant = book_grant_at(owner.v.book, 0)->id;
        assert_true(box_seal(&blob, &friend.seal.pub, SPAN_OF(grant.b), SPAN_OF(clips[0].key.b), &street.rng));
        struct wire_v_key msg = {.grant = SPAN_OF(grant.b), .blob = buf_span(&blob)};
        safe_forget(&friend);
        safe_tell(&friend, OWNER_V_KEY, &msg);
        give_paper(&friend, OWNER_V_RECEIPT, buf_span(&paper)); /* a turn */
        assert_true(friend.n_heard > 0);
        assert_true(span_eq(buf_span(&friend.heard[0].bytes), SPAN_STR("clip-key")));
        assert_false(reads(&friend, 1));
}

/* PROTOCOL 15.13 */
static void test_false_offers(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, other = BUF_NULL;
        struct wire_grant g;
        struct hash id;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        granted(&owner, &paper);
        assert_string_equal(accept(&friend, buf_span(&paper), buf_span(&clips[1].manifest)), "grant-false");
        assert_string_equal(accept(&friend, buf_span(&clips[1].manifest), buf_span(&clips[1].manifest)), "grant-false");
        assert_int_equal(clip_read(CLIP_GRANT, buf_span(&paper), &street.mesh, &g, &id), 0);
        g.household = SPAN_OF(street.homes[2].key.pub.b); /* a member, but not whose clip it is */
        assert_int_equal(clip_sign(CLIP_GRANT, &g, &street.mesh, &street.homes[2].key, &other, &id), 0);
        assert_string_equal(accept(&friend, buf_span(&other), buf_span(&clips[0].manifest)), "grant-false");
        buf_clear(&other);
        g.household = SPAN_OF(street.homes[0].key.pub.b);
        g.to = SPAN_OF(street.homes[2].key.pub.b);
        assert_int_equal(clip_sign(CLIP_GRANT, &g, &street.mesh, &street.homes[0].key, &other, &id), 0);
        assert_string_equal(accept(&friend, buf_span(&other), buf_span(&clips[0].manifest)), "grant-not-ours");
        friend.wall += WEEK;
        assert_string_equal(accept(&friend, buf_span(&paper), buf_span(&clips[0].manifest)), "grant-expired");
        assert_null(safe_heard(&friend, OWNER_V_SIGNED));
}

static void attest(struct safe *s, enum wire_e_attested what, uint32_t by, struct buf *ret) {
        struct hash id;
        struct wire_attest w = {.grant = SPAN_OF(book_grant_at(s->v.book, 0)->id.b),
                                .device = SPAN_OF(street.homes[by].device.pub.b),
                                .what = what,
                                .created = s->wall};
        buf_clear(ret);
        assert_int_equal(clip_sign(CLIP_ATTEST, &w, &street.mesh, &street.homes[by].device, ret, &id), 0);
}

static void test_attest(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL, word = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        granted(&owner, &paper);
        attest(&owner, ATTESTED_DELETED, 1, &word);
        give_paper(&owner, OWNER_V_ATTEST, buf_span(&word));
        refused(&owner, "attest-false"); /* nothing was released */
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        give_paper(&owner, OWNER_V_RECEIPT, buf_span(&receipt));
        attest(&owner, ATTESTED_COMPLETE, 2, &word);
        give_paper(&owner, OWNER_V_ATTEST, buf_span(&word));
        refused(&owner, "attest-false"); /* another home's device */
        attest(&owner, ATTESTED_COMPLETE, 1, &word);
        safe_forget(&owner);
        give_paper(&owner, OWNER_V_ATTEST, buf_span(&word));
        assert_non_null(safe_heard(&owner, OWNER_V_TOOK));
        assert_int_equal(state_of(&owner, 0), GRANTED_COMPLETE);
        owner.wall += WEEK;
        assert_int_equal(state_of(&owner, 0), GRANTED_OVERDUE);
        attest(&owner, ATTESTED_DELETED, 1, &word);
        give_paper(&owner, OWNER_V_ATTEST, buf_span(&word));
        give_paper(&owner, OWNER_V_ATTEST, buf_span(&word)); /* twice the same does no harm */
        assert_int_equal(state_of(&owner, 0), GRANTED_DELETED);
        assert_int_equal(lines(&owner), 5);
}

/* ---- bundles of evidence ---- */

static void ask_export(struct safe *s, size_t i) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_export q = {.clip = hex(&id, &clips[i].id), .file = SPAN_STR("/tmp/a.bundle")};
        safe_ask(s, OWNER_O_EXPORT, &q);
}

static void test_export(void **state) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        union frame_message m;
        struct wire_o_go go = {0};
        struct wire_o_chunk first = {.i = 0}, beyond = {.i = 4};
        (void)state;
        ask_export(&owner, 1);
        asked(&owner, "into a bundle of evidence, the file \"/tmp/a.bundle\"?");
        asked(&owner, "has the footage and its key in it");
        assert_int_equal(lines(&owner), 0);
        safe_ask(&owner, OWNER_O_CHUNK, &first); /* nothing comes before the yes */
        assert_string_equal(safe_error(&owner), "nothing-read");
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_row(&owner, OWNER_O_EXPORT_ROW, &store, &m));
        assert_int_equal(m.o_exported.parts, 4); /* its papers, and three chunks */
        assert_int_equal(lines(&owner), 1);
        safe_ask(&owner, OWNER_O_CHUNK, &first);
        assert_true(safe_done(&owner));
        safe_ask(&owner, OWNER_O_CHUNK, &beyond);
        assert_string_equal(safe_error(&owner), "nothing-read");
        vault_peer_gone(&owner.v, &owner.peer);
        safe_ask(&owner, OWNER_O_CHUNK, &first);
        assert_string_equal(safe_error(&owner), "nothing-read");
}

/* No line on the disk, no key: and a clip whose key is another's, or whose bytes are not there, gives nothing. */
static void test_export_fails(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct wire_o_go go = {0};
        (void)state;
        owner.fails = 1;
        ask_export(&owner, 0);
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_string_equal(safe_error(&owner), "ledger-disk");
        struct buf was = clips[0].sealed;
        clips[0].sealed = clips[1].sealed;
        ask_export(&owner, 0);
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_string_equal(safe_error(&owner), "clip-key");
        clips[0].sealed = was;
        clips[0].list.p[0] ^= 1;
        ask_export(&owner, 0);
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_string_equal(safe_error(&owner), "clip-damaged");
        clips[0].list.p[0] ^= 1;
        assert_true(safe_grant(&owner, 0, 1, WEEK)); /* a clip that another household granted is not handed on */
        granted(&owner, &paper);
        assert_string_equal(accept(&friend, buf_span(&paper), buf_span(&clips[0].manifest)), "");
        ask_export(&friend, 0);
        assert_string_equal(safe_error(&friend), "export-others");
}

/* ---- the ledger, read again ---- */

#define LONG_LINES 300

static void legal(struct safe *s, struct vault_peer *p) {
        _clean_(buf_fini) struct buf id = BUF_NULL, out = BUF_NULL;
        char text[500];
        memset(text, 'x', sizeof(text));
        struct wire_o_legal q = {.clip = hex(&id, &clips[0].id), .text = span_of(text, sizeof(text))};
        codec_put(wire_owner_find(OWNER_O_LEGAL), &q, &out);
        vault_request(&s->v, p, buf_span(&out), s->now);
}

static void ask_raw(struct safe *s, struct vault_peer *p, enum wire_owner number) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct wire_c_none none = {0};
        codec_put(wire_owner_find(number), &none, &out);
        buf_clear(&p->out);
        vault_request(&s->v, p, buf_span(&out), s->now);
}

/* It is read a piece a turn: others are served in between, and what is written meanwhile counts. */
static void test_verify_in_steps(void **state) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct vault_peer other = {.uid = owner.peer.uid};
        union frame_message m;
        unsigned turns = 0;
        (void)state;
        for (int i = 0; i < LONG_LINES; i++)
                legal(&owner, &other);
        ask_raw(&owner, &owner.peer, OWNER_O_VERIFY);
        assert_int_equal(owner.peer.out.n, 0);
        assert_true(vault_holds(&owner.v, &owner.peer));
        vault_tick(&owner.v, owner.now);
        assert_int_equal(owner.peer.out.n, 0);
        ask_raw(&owner, &other, OWNER_O_STATE);
        assert_true(other.out.n > 0);
        ask_raw(&owner, &other, OWNER_O_VERIFY);
        assert_true(other.out.n > 0); /* busy */
        legal(&owner, &other);
        for (; vault_deadline(&owner.v) == 0; turns++)
                vault_tick(&owner.v, owner.now);
        assert_true(turns >= 2);
        assert_true(safe_row(&owner, OWNER_O_VERIFIED_ROW, &store, &m));
        assert_int_equal(m.o_verified.lines, LONG_LINES + 1);
        ask_raw(&owner, &other, OWNER_O_VERIFY);
        vault_peer_gone(&owner.v, &other); /* hangs up: nobody waits, and nothing is read any more */
        assert_true(vault_deadline(&owner.v) != 0);
        buf_fini(&other.out);
}

/* ---- a stolen disk ---- */

/* Every 32 bytes of it, tried as the key of the box and as the clip's. */
static bool some_key_opens(struct span disk, const struct safe_clip *c) {
        struct wire_manifest m;
        struct hash id;
        assert_int_equal(clip_read(CLIP_MANIFEST, buf_span(&c->manifest), &street.mesh, &m, &id), 0);
        for (size_t i = 0; i + 32 <= disk.n; i++) {
                _clean_(buf_wipe) struct buf plain = BUF_NULL;
                struct box_key pair;
                struct key k;
                memcpy(k.b, disk.p + i, sizeof(k.b));
                box_key_from_secret(&pair, &k);
                if (box_unseal(&plain, &pair, m.salt, buf_span(&c->sealed)) ||
                    chunk_open(&plain, &k, m.salt.p, 0, true, buf_span(&c->cipher)))
                        return true;
        }
        return false;
}

/* All that lies on the disk and in the daemon's memory of a household with a passphrase, a granted clip's wrapped key among
 * it; and the test sees the key where it does lie. */
static void test_stolen_disk(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL, all = BUF_NULL;
        struct wire_o_go go = {0};
        (void)state;
        safe_fini(&owner);
        safe_init(&owner, &street, 0, clips, "correct horse");
        struct wire_o_grant q = {.clip = hex(&id, &clips[0].id), .purpose = SPAN_STR("x")};
        WIRE_PUT(&q, O_GRANT, to, SPAN_STR("Home AB"));
        safe_ask(&owner, OWNER_O_GRANT, &q);
        WIRE_PUT(&go, O_GO, passphrase, SPAN_STR("correct horse"));
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_done(&owner));
        buf_add(&all, buf_span(&owner.disk.key));
        buf_add(&all, buf_span(&owner.disk.ledger));
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                if (owner.disk.blobs[i].there)
                        buf_add(&all, buf_span(&owner.disk.blobs[i].bytes));
        buf_add(&all, SPAN_OF(street.homes[0].device.secret));
        buf_add(&all, SPAN_OF(street.homes[0].noise.b));
        buf_add(&all, buf_span(&clips[0].manifest));
        buf_add(&all, buf_span(&clips[0].sealed));
        assert_false(some_key_opens(buf_span(&all), &clips[0]));
        safe_fini(&owner);
        safe_init(&owner, &street, 0, clips, NULL);
        assert_true(some_key_opens(buf_span(&owner.disk.key), &clips[0])); /* by the owner's explicit choice */
}

/* ---- reading and destroying ---- */

static void test_read(void **state) {
        (void)state;
        assert_true(reads(&owner, 0));
        assert_true(reads(&owner, 1));
        assert_int_equal(lines(&owner), 2);
        struct wire_o_chunk beyond = {.i = 3};
        safe_ask(&owner, OWNER_O_CHUNK, &beyond);
        assert_string_equal(safe_error(&owner), "nothing-read");
        vault_peer_gone(&owner.v, &owner.peer);
        struct wire_o_chunk first = {.i = 0};
        safe_ask(&owner, OWNER_O_CHUNK, &first);
        assert_string_equal(safe_error(&owner), "nothing-read");
        owner.fails = 1;
        assert_false(reads(&owner, 0)); /* no line, no key */
        assert_string_equal(safe_error(&owner), "ledger-disk");
}

static void test_damaged_chunks(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_read q = {.clip = hex(&id, &clips[1].id)};
        (void)state;
        clips[1].cipher.p[CHUNK_CIPHER + 5] ^= 1;
        safe_ask(&owner, OWNER_O_READ, &q);
        struct wire_o_chunk ask = {.i = 1};
        safe_ask(&owner, OWNER_O_CHUNK, &ask);
        assert_string_equal(safe_error(&owner), "clip-damaged");
        assert_false(safe_done(&owner));
        ask.i = 0;
        safe_ask(&owner, OWNER_O_CHUNK, &ask);
        assert_true(safe_done(&owner));
        buf_add_u8(&clips[1].cipher, 0); /* longer than it may be */
        ask.i = 2;
        safe_ask(&owner, OWNER_O_CHUNK, &ask);
        assert_string_equal(safe_error(&owner), "clip-damaged");
        clips[1].list.p[3] ^= 1;
        safe_ask(&owner, OWNER_O_READ, &q);
        assert_string_equal(safe_error(&owner), "clip-damaged");
        assert_int_equal(lines(&owner), 1); /* of the one that began */
}

static void test_destroy(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL, paper = BUF_NULL, receipt = BUF_NULL;
        struct wire_o_about q = {.id = hex(&id, &clips[0].id)};
        struct wire_o_go go = {0};
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        safe_ask(&owner, OWNER_O_DESTROY, &q);
        asked(&owner, "Destroy the clip ");
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_done(&owner));
        assert_non_null(safe_heard(&owner, OWNER_V_DESTROY));
        no_release(buf_span(&receipt), "clip-destroyed");
        assert_int_equal(state_of(&owner, 0), GRANTED_DESTROYED);
        assert_false(reads(&owner, 0)); /* whatever the daemon still holds */
        assert_false(safe_grant(&owner, 0, 2, WEEK));
        assert_string_equal(safe_error(&owner), "clip-destroyed");
}

static bool purge(const struct hash *clip) {
        struct wire_v_purge msg = {.clip = SPAN_OF(clip->b)};
        const struct safe_heard *h;
        safe_forget(&owner);
        safe_tell(&owner, OWNER_V_PURGE, &msg);
        struct wire_c_none none = {0};
        safe_ask(&owner, OWNER_O_STATE, &none); /* a turn for what the daemon was told */
        h = safe_heard(&owner, OWNER_V_PURGED);
        assert_non_null(h);
        assert_true(hash_eq(&h->grant, clip));
        return h->bytes.n > 0;
}

/* A rule of the owner's destroys a clip: not one of which a grant is in force, once, with a line and no key; and not so many
 * that there never were that the ledger is full of them. */
static void test_purge(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL;
        struct hash id = {{1}};
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        uint64_t before = lines(&owner);
        assert_false(purge(&clips[0].id));
        assert_int_equal(lines(&owner), before);
        assert_true(purge(&clips[1].id) && purge(&clips[1].id));
        assert_int_equal(lines(&owner), before + 1);
        assert_false(reads(&owner, 1));
        assert_string_equal(safe_error(&owner), "clip-destroyed");
        owner.wall += WEEK;
        assert_true(purge(&clips[0].id));
        no_release(buf_span(&receipt), "clip-destroyed");
        unsigned gone = 0;
        for (unsigned i = 0; i < 5000; i++) {
                put_be32(id.b, i + 1);
                gone += purge(&id);
        }
        assert_int_equal(gone, 4096 - 2);
        safe_start(&owner); /* a daemon can have that, too: the first of all was a week ago, and no more room is made */
        for (unsigned i = 5000; i < 5100; i++) {
                put_be32(id.b, i + 1);
                gone += purge(&id);
        }
        assert_int_equal(gone, 4096 - 1);
        owner.wall += MESH_DAY;
        safe_start(&owner);
        assert_true(purge(&id));
}

/* A key file that cannot be read is not a home without a household: nothing goes behind its ledger's back. */
static void test_purge_without_key(void **state) {
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        owner.disk.key.p[0] ^= 1;
        safe_start(&owner);
        assert_false(purge(&clips[0].id) || purge(&clips[1].id));
        owner.disk.key.p[0] ^= 1;
        safe_start(&owner);
        assert_true(purge(&clips[1].id));
        assert_false(purge(&clips[0].id));
}

static unsigned holders(struct safe *s, size_t c, enum wire_e_holder what) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_about q = {.id = hex(&id, &clips[c].id)};
        unsigned n = 0;
        safe_ask(s, OWNER_O_WHO, &q);
        struct span left = buf_span(&s->peer.out), body;
        const struct wire_number *row;
        union frame_message m;
        size_t used;
        for (; left.n; left = span_from(left, used)) {
                assert_int_equal(frame_take(left, &body, &used), 0);
                assert_int_equal(frame_read(body, wire_owner_find, &row, &m, NULL), 0);
                n += row->number == OWNER_O_KEY_ROW && m.o_key.what == what;
        }
        return n;
}

static void test_who(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_read q = {.clip = hex(&id, &clips[0].id)};
        (void)state;
        assert_int_equal(holders(&owner, 0, HOLDER_HOME), 1);
        assert_int_equal(holders(&owner, 0, HOLDER_HOUSEHOLD), 0);
        assert_true(safe_grant(&owner, 0, UINT32_MAX, WEEK));
        assert_int_equal(holders(&owner, 0, HOLDER_HOUSEHOLD), 2);
        assert_int_equal(holders(&owner, 1, HOLDER_HOUSEHOLD), 0);
        assert_true(revoke(&owner, &book_grant_at(owner.v.book, 0)->id));
        assert_int_equal(holders(&owner, 0, HOLDER_HOUSEHOLD), 1);
        WIRE_PUT(&q, O_READ, copy, SPAN_STR("/home/anna/bicycle.mp4"));
        safe_ask(&owner, OWNER_O_READ, &q);
        assert_int_equal(holders(&owner, 0, HOLDER_COPY), 1);
}

/* ---- the ledger's file ---- */

static void test_legal_order(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL, store = BUF_NULL;
        union frame_message m;
        struct wire_o_legal q = {.clip = hex(&id, &clips[0].id), .text = SPAN_STR("court of Anytown, 5 C 12/26")};
        struct wire_o_ledger l = {.from = 0};
        (void)state;
        safe_ask(&owner, OWNER_O_LEGAL, &q);
        assert_true(safe_done(&owner));
        q.clip = span_of(id.p, 8);
        safe_ask(&owner, OWNER_O_LEGAL, &q);
        assert_true(safe_done(&owner));
        safe_ask(&owner, OWNER_O_LEDGER, &l);
        assert_true(safe_row(&owner, OWNER_O_ENTRY_ROW, &store, &m));
        assert_int_equal(m.o_entry.what, ENTRY_LEGAL_ORDER);
        assert_true(span_eq(m.o_entry.text, q.text));
        struct wire_c_none none = {0};
        safe_ask(&owner, OWNER_O_VERIFY, &none);
        assert_true(safe_row(&owner, OWNER_O_VERIFIED_ROW, &store, &m));
        assert_int_equal(m.o_verified.lines, 2);
}

/* Every byte of it, changed: what is told is a broken ledger, or a last line that a crash cut short; never a grant. */
static void test_flips(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL, whole = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        give_paper(&owner, OWNER_V_RECEIPT, buf_span(&receipt));
        buf_add(&whole, buf_span(&owner.disk.ledger));
        for (size_t i = 0; i < whole.n; i++) {
                struct book b;
                owner.disk.ledger.p[i] ^= 0x10;
                assert_int_equal(book_open(&b, &owner.io, &street.mesh, &street.homes[0].key.pub), 0);
                bool told = b.broken == VAULT_NO_LEDGER_BROKEN;
                bool last =
                        b.chain.n == 3 && b.broken == VAULT_OK; /* of the last line nobody has signed anything yet */
                if (!told && !last)
                        fail_msg("byte %zu: %d, %llu lines", i, (int)b.broken, (unsigned long long)b.chain.n);
                assert_int_equal(owner.disk.ledger.n, whole.n);
                book_fini(&b);
                owner.disk.ledger.p[i] ^= 0x10;
        }
}

/* Wherever a crash cuts the last line, what was before it stands; and zeros in its place are one, too. */
static void test_torn(void **state) {
        _clean_(buf_fini) struct buf whole = BUF_NULL;
        size_t one;
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        one = owner.disk.ledger.n;
        assert_true(safe_grant(&owner, 1, 1, WEEK));
        buf_add(&whole, buf_span(&owner.disk.ledger));
        for (size_t i = one; i < whole.n; i++) {
                buf_clear(&owner.disk.ledger);
                buf_add(&owner.disk.ledger, span_of(whole.p, i));
                assert_int_equal(lines(&owner), 1);
                assert_int_equal(owner.disk.ledger.n, one);
        }
        for (size_t i = 0; i < 4096; i++)
                buf_add_u8(&owner.disk.ledger, 0);
        assert_int_equal(lines(&owner), 1);
        assert_int_equal(owner.disk.ledger.n, one);
        buf_add_u8(&owner.disk.ledger, 7);
        for (size_t i = 0; i < 16; i++)
                buf_add_u8(&owner.disk.ledger, 0);
        safe_start(&owner); /* neither: told, and left as it is */
        assert_false(safe_grant(&owner, 1, 1, WEEK));
        assert_string_equal(safe_error(&owner), "ledger-broken");
        assert_int_equal(owner.disk.ledger.n, one + 17);
        assert_false(reads(&owner, 0));
}

static void test_no_room(void **state) {
        (void)state;
        for (int i = 0; i < 6; i++) {
                owner.fails = 1 + i % 3;
                assert_false(safe_grant(&owner, 0, 1, WEEK));
                owner.fails = 0;
                safe_start(&owner);
        }
        owner.fails = 0;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        assert_non_null(safe_heard(&owner, OWNER_V_GRANT));
}

/* A home that comes back out of a backup, or founds anew, where a ledger stands. */
static void test_restored(void **state) {
        struct wire_o_go go = {0};
        (void)state;
        (void)go;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        uint64_t before = lines(&owner);
        struct wire_entry line = {.what = ENTRY_RESTORED, .time = owner.wall};
        assert_int_equal(book_write(owner.v.book, &line), VAULT_OK);
        assert_int_equal(lines(&owner), before + 1);
        struct book b;
        assert_int_equal(book_open(&b, &owner.io, &clips[0].id, &street.homes[0].key.pub), 0); /* another mesh */
        assert_int_equal(b.broken, VAULT_NO_LEDGER_BROKEN);
        assert_int_equal(b.broken_line, 0);
        book_fini(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        log_set_level(LOG_ERROR);
        const struct CMUnitTest tests[] = {
                TEST(test_sentence),
                TEST(test_whom),
                TEST(test_removed_recipient),
                TEST(test_false_clips),
                TEST(test_other_key),
                TEST(test_clock),
                TEST(test_release),
                TEST(test_false_receipts),
                TEST(test_revoke),
                TEST(test_expiry),
                TEST(test_expiry_by_itself),
                TEST(test_all),
                TEST(test_many),
                TEST(test_own_device),
                TEST(test_locked),
                TEST(test_two_vaults),
                TEST(test_false_key),
                TEST(test_false_offers),
                TEST(test_attest),
                TEST(test_export),
                TEST(test_export_fails),
                TEST(test_verify_in_steps),
                TEST(test_read),
                TEST(test_damaged_chunks),
                TEST(test_destroy),
                TEST(test_purge),
                TEST(test_purge_without_key),
                TEST(test_who),
                TEST(test_legal_order),
                TEST(test_flips),
                TEST(test_torn),
                TEST(test_no_room),
                TEST(test_restored),
                TEST(test_stolen_disk),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
