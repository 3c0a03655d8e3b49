/* SPDX-License-Identifier: Apache-2.0 */
/* Footage opened at home, put into a bundle, and destroyed; who can open it, and that a thief cannot. */
#include "../support/pair.h"

#include "base/log.h"
#include "vault/book.h"

/* ---- reading ---- */

static void test_read(void **state) {
        (void)state;
        assert_true(pair_reads(&owner, 0));
        assert_true(pair_reads(&owner, 1));
        assert_int_equal(pair_lines(&owner), 2);
        struct wire_o_chunk beyond = {.i = 3};
        safe_ask(&owner, OWNER_O_CHUNK, &beyond);
        assert_string_equal(safe_error(&owner), "nothing-read");
        vault_peer_gone(&owner.v, &owner.peer);
        struct wire_o_chunk first = {.i = 0};
        safe_ask(&owner, OWNER_O_CHUNK, &first);
        assert_string_equal(safe_error(&owner), "nothing-read");
        owner.fails = 1;
        assert_false(pair_reads(&owner, 0)); /* no line, no key */
        assert_string_equal(safe_error(&owner), "ledger-disk");
}

static void test_damaged_chunks(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_read q = {.clip = pair_hex(&id, &clips[1].id)};
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
        assert_int_equal(pair_lines(&owner), 1); /* of the one that began */
}

static unsigned holders(struct safe *s, size_t c, enum wire_e_holder what) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_about q = {.id = pair_hex(&id, &clips[c].id)};
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
        struct wire_o_read q = {.clip = pair_hex(&id, &clips[0].id)};
        (void)state;
        assert_int_equal(holders(&owner, 0, HOLDER_HOME), 1);
        assert_int_equal(holders(&owner, 0, HOLDER_HOUSEHOLD), 0);
        assert_true(safe_grant(&owner, 0, UINT32_MAX, WEEK));
        assert_int_equal(holders(&owner, 0, HOLDER_HOUSEHOLD), 2);
        assert_int_equal(holders(&owner, 1, HOLDER_HOUSEHOLD), 0);
        assert_true(safe_revoke(&owner, &book_grant_at(owner.v.book, 0)->id));
        assert_int_equal(holders(&owner, 0, HOLDER_HOUSEHOLD), 1);
        WIRE_PUT(&q, O_READ, copy, SPAN_STR("/home/anna/bicycle.mp4"));
        safe_ask(&owner, OWNER_O_READ, &q);
        assert_int_equal(holders(&owner, 0, HOLDER_COPY), 1);
}

/* ---- bundles of evidence ---- */

static void ask_export(struct safe *s, size_t i) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_export q = {.clip = pair_hex(&id, &clips[i].id), .file = SPAN_STR("/tmp/a.bundle")};
        safe_ask(s, OWNER_O_EXPORT, &q);
}

static void test_export(void **state) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        union frame_message m;
        struct wire_o_go go = {0};
        struct wire_o_chunk first = {.i = 0}, beyond = {.i = 4};
        (void)state;
        ask_export(&owner, 1);
        pair_asked(&owner, "into a bundle of evidence, the file \"/tmp/a.bundle\"?");
        pair_asked(&owner, "has the footage and its key in it");
        assert_int_equal(pair_lines(&owner), 0);
        safe_ask(&owner, OWNER_O_CHUNK, &first); /* nothing comes before the yes */
        assert_string_equal(safe_error(&owner), "nothing-read");
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_row(&owner, OWNER_O_EXPORT_ROW, &store, &m));
        assert_int_equal(m.o_exported.parts, 4); /* its papers, and three chunks */
        assert_int_equal(pair_lines(&owner), 1);
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
        pair_granted(&owner, &paper);
        assert_string_equal(pair_accept(&friend, buf_span(&paper), buf_span(&clips[0].manifest)), "");
        ask_export(&friend, 0);
        assert_string_equal(safe_error(&friend), "export-others");
}

/* ---- destroying ---- */

static void test_destroy(void **state) {
        _clean_(buf_fini) struct buf id = BUF_NULL, paper = BUF_NULL, receipt = BUF_NULL;
        struct wire_o_about q = {.id = pair_hex(&id, &clips[0].id)};
        struct wire_o_go go = {0};
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        pair_granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        safe_ask(&owner, OWNER_O_DESTROY, &q);
        pair_asked(&owner, "Destroy the clip ");
        safe_ask(&owner, OWNER_O_GO, &go);
        assert_true(safe_done(&owner));
        assert_non_null(safe_heard(&owner, OWNER_V_DESTROY));
        pair_no_release(buf_span(&receipt), "clip-destroyed");
        assert_int_equal(pair_state(&owner, 0), GRANTED_DESTROYED);
        assert_false(pair_reads(&owner, 0)); /* whatever the daemon still holds */
        assert_false(safe_grant(&owner, 0, 2, WEEK));
        assert_string_equal(safe_error(&owner), "clip-destroyed");
}

static bool purge(struct safe *s, const struct hash *clip) {
        struct wire_v_purge msg = {.clip = SPAN_OF(clip->b)};
        const struct safe_heard *h;
        safe_forget(s);
        safe_bring(s, OWNER_V_PURGE, &msg);
        h = safe_heard(s, OWNER_V_PURGED);
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
        pair_granted(&owner, &paper);
        safe_receipt(&street, buf_span(&paper), 1, owner.wall, &receipt);
        uint64_t before = pair_lines(&owner);
        assert_false(purge(&owner, &clips[0].id));
        assert_int_equal(pair_lines(&owner), before);
        assert_true(purge(&owner, &clips[1].id) && purge(&owner, &clips[1].id));
        assert_int_equal(pair_lines(&owner), before + 1);
        assert_false(pair_reads(&owner, 1));
        assert_string_equal(safe_error(&owner), "clip-destroyed");
        owner.wall += WEEK;
        assert_true(purge(&owner, &clips[0].id));
        pair_no_release(buf_span(&receipt), "clip-destroyed");
        unsigned gone = 0;
        for (unsigned i = 0; i < 5000; i++) {
                put_be32(id.b, i + 1);
                gone += purge(&owner, &id);
        }
        assert_int_equal(gone, 4096 - 2);
        safe_start(&owner); /* a daemon can have that, too: the first of all was a week ago, and no more room is made */
        for (unsigned i = 5000; i < 5100; i++) {
                put_be32(id.b, i + 1);
                gone += purge(&owner, &id);
        }
        assert_int_equal(gone, 4096 - 1);
        owner.wall += MESH_DAY;
        safe_start(&owner);
        assert_true(purge(&owner, &id));
}

/* A clip that another home granted goes by no rule of this one: the line would keep its key from being used. */
static void test_purge_taken(void **state) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        (void)state;
        assert_true(safe_grant(&owner, 1, 1, WEEK));
        pair_granted(&owner, &paper);
        assert_string_equal(pair_accept(&friend, buf_span(&paper), buf_span(&clips[1].manifest)), "");
        uint64_t before = pair_lines(&friend);
        assert_false(purge(&friend, &clips[1].id));
        assert_int_equal(pair_lines(&friend), before);
}

/* Half of the ledger is for what the owner does. */
static void test_purge_half_full(void **state) {
        (void)state;
        uint64_t end = owner.v.book->end;
        owner.v.book->end = BOOK_BYTES_MAX / 2 + 1;
        assert_false(purge(&owner, &clips[1].id));
        owner.v.book->end = end;
        assert_true(purge(&owner, &clips[1].id));
}

/* A key file that cannot be read is not a home without a household: nothing goes behind its ledger's back. */
static void test_purge_without_key(void **state) {
        (void)state;
        assert_true(safe_grant(&owner, 0, 1, WEEK));
        owner.disk.key.p[0] ^= 1;
        safe_start(&owner);
        assert_false(purge(&owner, &clips[0].id) || purge(&owner, &clips[1].id));
        owner.disk.key.p[0] ^= 1;
        safe_start(&owner);
        assert_true(purge(&owner, &clips[1].id));
        assert_false(purge(&owner, &clips[0].id));
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
        struct wire_o_grant q = {.clip = pair_hex(&id, &clips[0].id), .purpose = SPAN_STR("x")};
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)

int main(void) {
        log_set_level(LOG_ERROR);
        const struct CMUnitTest tests[] = {
                TEST(test_read),
                TEST(test_damaged_chunks),
                TEST(test_who),
                TEST(test_export),
                TEST(test_export_fails),
                TEST(test_destroy),
                TEST(test_purge),
                TEST(test_purge_taken),
                TEST(test_purge_half_full),
                TEST(test_purge_without_key),
                TEST(test_stolen_disk),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
