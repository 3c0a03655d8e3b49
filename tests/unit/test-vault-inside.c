/* SPDX-License-Identifier: Apache-2.0 */
/* The vault as a library (vault.h), with a disk and a clock of the test's: what the program could show only in 45
 * seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../support/no_ledger.h"

static struct wire_o_create create_plain(void) {
        struct wire_o_create q = {.mesh_name = SPAN_STR("Elm Street"), .household = SPAN_STR("Harris")};
        WIRE_PUT(&q, O_CREATE, no_passphrase, true);
        return q;
}

struct fake {
        struct buf file;
        int write_fails;
        mesh_wall wall;
};

static int fake_read(void *arg, struct buf *out, bool *ret_tightened) {
        struct fake *f = arg;
        (void)ret_tightened;
        buf_add(out, buf_span(&f->file));
        return f->file.n ? 0 : KEYDISK_E_NONE;
}

static int fake_write(void *arg, struct span bytes, bool replace) {
        struct fake *f = arg;
        if (f->write_fails)
                return f->write_fails;
        if (f->file.n && !replace)
                return KEYDISK_E_THERE;
        buf_clear(&f->file);
        buf_add(&f->file, bytes);
        return 0;
}

static int fake_remove(void *arg) {
        buf_clear(&((struct fake *)arg)->file);
        return 0;
}

static void fake_seed(void *arg, uint8_t ret[32]) {
        (void)arg;
        memset(ret, 0x11, 32);
}

static mesh_wall fake_wall(void *arg) {
        return ((struct fake *)arg)->wall;
}

struct inside {
        struct fake fake;
        struct vault_io io;
        struct vault v;
        struct vault_peer peer;
};

static void inside_daemon(struct inside *in, enum wire_owner number, const void *msg, mesh_time now) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        codec_put(wire_owner_find(number), msg, &out);
        assert_true(buf_ok(&out));
        vault_daemon(&in->v, buf_span(&out), now);
}

static void inside_device(struct inside *in, bool in_mesh) {
        static const uint8_t key[32] = {4};
        struct sign_key sign;
        sign_key_from_seed(&sign, key);
        struct wire_v_device d = {
                .sign = SPAN_OF(sign.pub.b), .noise = SPAN_OF(key), .seal = SPAN_OF(key), .in_mesh = in_mesh};
        inside_daemon(in, OWNER_V_DEVICE, &d, 0);
}

static void inside_init(struct inside *in) {
        *in = (struct inside){.fake.wall = VAULT_CLOCK_FLOOR + 86400, .peer.uid = 1000};
        in->io = (struct vault_io){.key_read = fake_read,
                                   .key_write = fake_write,
                                   .key_remove = fake_remove,
                                   .seed = fake_seed,
                                   .wall = fake_wall,
                                   .arg = &in->fake,
                                   .uid = 1000,
                                   .passes = 1,
                                   .memory_kib = KEYFILE_MEMORY_KIB_MIN};
        no_ledger(&in->io);
        assert_int_equal(vault_init(&in->v, &in->io), 0);
        inside_device(in, false);
}

static void inside_fini(struct inside *in) {
        vault_fini(&in->v);
        buf_wipe(&in->fake.file);
        buf_wipe(&in->peer.out);
}

static void inside_ask(struct inside *in, enum wire_owner number, const void *msg, mesh_time now) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        codec_put(wire_owner_find(number), msg, &out);
        assert_true(buf_ok(&out));
        vault_request(&in->v, &in->peer, buf_span(&out), now);
}

static void inside_result(struct inside *in, bool ok) {
        struct wire_v_result r = {.ok = ok};
        inside_daemon(in, OWNER_V_RESULT, &r, 0);
}

/* The name of the error in the peer's out, which is emptied; "" if there is none. */
static const char *inside_error(struct inside *in) {
        static char name[64];
        struct span body;
        size_t used;
        const struct wire_number *row;
        union frame_message m;
        name[0] = 0;
        if (frame_take(buf_span(&in->peer.out), &body, &used) == 0 &&
            frame_read(body, wire_owner_find, &row, &m, NULL) == 0 && row->number == OWNER_O_ERROR)
                snprintf(name, sizeof(name), "%.*s", (int)m.c_error.name.n, (const char *)m.c_error.name.p);
        buf_clear(&in->peer.out);
        return name;
}

static void test_silent_daemon(void **state) {
        struct inside in;
        struct wire_o_create q = create_plain();
        (void)state;
        inside_init(&in);
        assert_true(vault_deadline(&in.v) == MESH_NEVER);
        inside_ask(&in, OWNER_O_CREATE, &q, 1000);
        assert_int_equal(vault_deadline(&in.v), 1000 + VAULT_ANSWER_MS);
        vault_tick(&in.v, 1000 + VAULT_ANSWER_MS - 1);
        assert_string_equal(inside_error(&in), "");
        vault_tick(&in.v, 1000 + VAULT_ANSWER_MS);
        assert_string_equal(inside_error(&in), "daemon-silent");
        assert_true(vault_deadline(&in.v) == MESH_NEVER);
        assert_true(in.fake.file.n > 0); /* the daemon may still be at it */
        inside_ask(&in, OWNER_O_CREATE, &q, 90000);
        assert_string_equal(inside_error(&in), "busy");
        inside_result(&in, true);
        inside_ask(&in, OWNER_O_CREATE, &q, 90000);
        assert_string_equal(inside_error(&in), "household-exists");
        inside_fini(&in);
}

static void test_full_disk(void **state) {
        struct inside in;
        struct wire_o_create q = create_plain();
        (void)state;
        inside_init(&in);
        in.fake.write_fails = ERR_FULL;
        inside_ask(&in, OWNER_O_CREATE, &q, 0);
        assert_string_equal(inside_error(&in), "disk");
        assert_int_equal(in.v.to_daemon.n, 0);
        in.fake.write_fails = 0;
        inside_ask(&in, OWNER_O_CREATE, &q, 0);
        assert_string_equal(inside_error(&in), "");
        in.fake.write_fails = ERR_FULL; /* the mesh is founded all the same */
        inside_result(&in, true);
        assert_string_equal(inside_error(&in), "");
        struct keyfile head;
        assert_int_equal(keyfile_decode(buf_span(&in.fake.file), &head), 0);
        assert_int_equal(head.state, KEYFILE_FOUNDING);
        in.fake.write_fails = 0;
        inside_ask(&in, OWNER_O_CREATE, &q, 0);
        assert_string_equal(inside_error(&in), "household-exists");
        assert_int_equal(keyfile_decode(buf_span(&in.fake.file), &head), 0);
        assert_int_equal(head.state, KEYFILE_MEMBER);
        inside_fini(&in);
}

static void test_wrong_clock(void **state) {
        struct inside in;
        struct wire_o_create q = create_plain();
        (void)state;
        inside_init(&in);
        in.fake.wall = 86400;
        inside_ask(&in, OWNER_O_CREATE, &q, 0);
        assert_string_equal(inside_error(&in), "no-clock");
        inside_fini(&in);
}

static void test_who_may_ask(void **state) {
        struct inside in;
        struct wire_o_create q = create_plain();
        (void)state;
        inside_init(&in);
        assert_true(vault_may_ask(&in.v, 0));
        assert_true(vault_may_ask(&in.v, 1000));
        assert_false(vault_may_ask(&in.v, 1001));
        in.peer.uid = 1001; /* as if the packages had given the vault a user of its own */
        inside_ask(&in, OWNER_O_CREATE, &q, 0);
        inside_result(&in, true);
        assert_true(vault_may_ask(&in.v, 1001));
        assert_false(vault_may_ask(&in.v, 1002));
        inside_fini(&in);
}

/* ---- a household that signs ---- */

/* A mesh of one, founded by this vault; @genesis receives its first operation. */
static void inside_found(struct inside *in, const char *passphrase, struct buf *genesis) {
        struct wire_o_create q = create_plain();
        const struct wire_number *row;
        union frame_message m;
        struct span body;
        size_t used;
        inside_init(in);
        if (passphrase) {
                q.has = 0;
                WIRE_PUT(&q, O_CREATE, passphrase, span_str(passphrase));
        }
        inside_ask(in, OWNER_O_CREATE, &q, 0);
        assert_int_equal(frame_take(buf_span(&in->v.to_daemon), &body, &used), 0);
        assert_int_equal(frame_read(body, wire_owner_find, &row, &m, NULL), 0);
        buf_add(genesis, m.v_found.op);
        buf_clear(&in->v.to_daemon);
        inside_result(in, true);
        inside_device(in, true);
        assert_string_equal(inside_error(in), "");
}

/* Asks to leave, and has the sentence. */
static void inside_leave(struct inside *in, struct span genesis, mesh_time now) {
        struct wire_o_op q = {.type = OP_LEAVE};
        struct wire_v_ops op = {.op = genesis};
        struct wire_v_ops_end end = {.time = in->fake.wall};
        inside_ask(in, OWNER_O_OP, &q, now);
        inside_daemon(in, OWNER_V_OPS, &op, now);
        inside_daemon(in, OWNER_V_OPS_END, &end, now);
        assert_string_equal(inside_error(in), "");
        buf_clear(&in->v.to_daemon);
}

static void test_no_yes_in_time(void **state) {
        struct inside in;
        _clean_(buf_fini) struct buf genesis = BUF_NULL;
        struct wire_o_go go = {0};
        (void)state;
        inside_found(&in, NULL, &genesis);
        inside_leave(&in, buf_span(&genesis), 1000);
        assert_int_equal(vault_deadline(&in.v), 1000 + VAULT_GO_MS);
        assert_true(vault_holds(&in.v, &in.peer));
        vault_tick(&in.v, 1000 + VAULT_GO_MS - 1);
        assert_string_equal(inside_error(&in), "");
        vault_tick(&in.v, 1000 + VAULT_GO_MS);
        assert_string_equal(inside_error(&in), "unconfirmed");
        assert_false(vault_holds(&in.v, &in.peer));
        inside_ask(&in, OWNER_O_GO, &go, 1000 + VAULT_GO_MS);
        assert_string_equal(inside_error(&in), "nothing-to-confirm");
        assert_int_equal(in.v.to_daemon.n, 0);
        inside_leave(&in, buf_span(&genesis), 100000);
        inside_ask(&in, OWNER_O_GO, &go, 100000 + VAULT_GO_MS - 1);
        assert_true(in.v.to_daemon.n > 0);
        inside_fini(&in);
}

static void test_daemon_silent_on_operations(void **state) {
        struct inside in;
        _clean_(buf_fini) struct buf genesis = BUF_NULL;
        struct wire_o_op q = {.type = OP_LEAVE};
        struct wire_v_ops_end end = {.time = VAULT_CLOCK_FLOOR};
        (void)state;
        inside_found(&in, NULL, &genesis);
        inside_ask(&in, OWNER_O_OP, &q, 0);
        vault_tick(&in.v, VAULT_ANSWER_MS);
        assert_string_equal(inside_error(&in), "daemon-silent");
        assert_true(vault_deadline(&in.v) == MESH_NEVER);
        inside_ask(&in, OWNER_O_OP, &q, VAULT_ANSWER_MS);
        assert_string_equal(inside_error(&in), "busy"); /* what comes now is still of the first */
        inside_daemon(&in, OWNER_V_OPS_END, &end, VAULT_ANSWER_MS);
        assert_int_equal(in.peer.out.n, 0);
        inside_leave(&in, buf_span(&genesis), VAULT_ANSWER_MS);
        inside_fini(&in);
}

static void inside_unlock(struct inside *in, const char *passphrase, mesh_time now, const char *error) {
        struct wire_o_unlock q = {.passphrase = span_str(passphrase)};
        inside_ask(in, OWNER_O_UNLOCK, &q, now);
        assert_string_equal(inside_error(in), error);
}

static void test_unlocked_for_a_while(void **state) {
        struct inside in;
        _clean_(buf_fini) struct buf genesis = BUF_NULL;
        const mesh_time end = 5000 + VAULT_OPEN_S * 1000;
        (void)state;
        inside_found(&in, "correct horse", &genesis);
        assert_false(vault_unlocked(&in.v, 5000));
        inside_unlock(&in, "correct horse", 5000, "");
        assert_true(vault_unlocked(&in.v, end - 1));
        assert_int_equal(vault_deadline(&in.v), end);
        vault_tick(&in.v, end - 1);
        assert_non_null(in.v.open);
        assert_false(vault_unlocked(&in.v, end)); /* also before the clock has ticked */
        vault_tick(&in.v, end);
        assert_null(in.v.open);
        assert_true(vault_deadline(&in.v) == MESH_NEVER);
        inside_fini(&in);
}

static void test_wrong_passphrases_wait(void **state) {
        struct inside in;
        _clean_(buf_fini) struct buf genesis = BUF_NULL;
        mesh_time now = 0, wait = 1000;
        (void)state;
        inside_found(&in, "correct horse", &genesis);
        for (int i = 0; i < 12; i++) {
                inside_unlock(&in, "wrong horse", now, "passphrase-wrong");
                inside_unlock(&in, "correct horse", now + wait - 1, "passphrase-wait");
                now += wait;
                wait = MIN(wait * 2, (mesh_time)256000);
        }
        inside_unlock(&in, "correct horse", now, "");
        inside_unlock(&in, "wrong horse", now, "passphrase-wrong"); /* and from the beginning */
        inside_unlock(&in, "correct horse", now + 1000, "");
        inside_fini(&in);
}

static void test_key_file_changed(void **state) {
        struct inside in, other;
        _clean_(buf_fini) struct buf genesis = BUF_NULL, none = BUF_NULL;
        struct wire_o_go go = {0};
        (void)state;
        inside_found(&in, NULL, &genesis);
        inside_found(&other, "correct horse", &none);
        inside_leave(&in, buf_span(&genesis), 0);
        buf_clear(&in.fake.file);
        buf_add(&in.fake.file, buf_span(&other.fake.file));
        inside_ask(&in, OWNER_O_GO, &go, 0);
        assert_string_equal(inside_error(&in), "key-file-changed");
        buf_clear(&in.fake.file);
        inside_ask(&in, OWNER_O_GO, &go, 0);
        assert_string_equal(inside_error(&in), "key-file-changed");
        assert_int_equal(in.v.to_daemon.n, 0);
        inside_fini(&other);
        inside_fini(&in);
}

static void test_relock_on_full_disk(void **state) {
        struct inside in;
        _clean_(buf_fini) struct buf genesis = BUF_NULL;
        struct wire_o_passphrase q = {0};
        (void)state;
        inside_found(&in, "correct horse", &genesis);
        WIRE_PUT(&q, O_PASSPHRASE, old, SPAN_STR("correct horse"));
        WIRE_PUT(&q, O_PASSPHRASE, fresh, SPAN_STR("battery staple"));
        in.fake.write_fails = ERR_FULL;
        inside_ask(&in, OWNER_O_PASSPHRASE, &q, 0);
        assert_string_equal(inside_error(&in), "disk");
        inside_unlock(&in, "correct horse", 0, "");
        in.fake.write_fails = 0;
        inside_ask(&in, OWNER_O_PASSPHRASE, &q, 0);
        assert_string_equal(inside_error(&in), "");
        assert_false(vault_unlocked(&in.v, 0));
        inside_unlock(&in, "battery staple", 0, "");
        inside_fini(&in);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_silent_daemon),        cmocka_unit_test(test_full_disk),
                cmocka_unit_test(test_wrong_clock),          cmocka_unit_test(test_who_may_ask),
                cmocka_unit_test(test_no_yes_in_time),       cmocka_unit_test(test_daemon_silent_on_operations),
                cmocka_unit_test(test_unlocked_for_a_while), cmocka_unit_test(test_wrong_passphrases_wait),
                cmocka_unit_test(test_key_file_changed),     cmocka_unit_test(test_relock_on_full_disk),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
