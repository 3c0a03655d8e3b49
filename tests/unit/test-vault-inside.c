/* SPDX-License-Identifier: Apache-2.0 */
/* The vault as a library (vault.h), with a disk and a clock of the test's: what the program could show only in 45
 * seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "vault/vault.h"

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

static void inside_init(struct inside *in) {
        static const uint8_t key[32] = {4};
        _clean_(buf_fini) struct buf out = BUF_NULL;
        *in = (struct inside){.fake.wall = VAULT_CLOCK_FLOOR + 86400, .peer.uid = 1000};
        in->io = (struct vault_io){fake_read, fake_write, fake_remove,           fake_seed, fake_wall, &in->fake,
                                   1000,      1,          KEYFILE_MEMORY_KIB_MIN};
        assert_int_equal(vault_init(&in->v, &in->io), 0);
        struct wire_v_device d = {.sign = SPAN_OF(key), .noise = SPAN_OF(key), .seal = SPAN_OF(key)};
        codec_put(wire_owner_find(OWNER_V_DEVICE), &d, &out);
        vault_daemon(&in->v, buf_span(&out));
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
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct wire_v_result r = {.ok = ok};
        codec_put(wire_owner_find(OWNER_V_RESULT), &r, &out);
        vault_daemon(&in->v, buf_span(&out));
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_silent_daemon),
                cmocka_unit_test(test_full_disk),
                cmocka_unit_test(test_wrong_clock),
                cmocka_unit_test(test_who_may_ask),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
