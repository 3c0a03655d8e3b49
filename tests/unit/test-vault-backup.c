/* SPDX-License-Identifier: Apache-2.0 */
/* The vault as a program: it seals a backup, opens it on a folder without a household, and certifies the new device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "vault-street.h"

#define WORDS SPAN_STR("correct horse battery")
#define PIECE 1000
#define WHO 1 /* the home the backup is of */

static struct street street;
static struct key noise; /* of the old device */

/* ---- as the daemon ---- */

static void tell_rows(struct world *w, const struct key *device) {
        sv_tell_backup(w, street.sides[0], street.now, device, &noise);
}

/* ---- as the tool ---- */

static void fetch(struct street_vault *sv, uint64_t bytes, struct buf *ret) {
        while (ret->n < bytes) {
                struct wire_o_fetch q = {.at = ret->n};
                say(sv->fd, OWNER_O_FETCH, &q);
                hear_number(sv->fd, &sv->a, OWNER_O_PIECE_ROW);
                assert_true(sv->a.m.o_piece.bytes.n > 0);
                buf_add(ret, sv->a.m.o_piece.bytes);
                hear_done(sv->fd);
        }
        assert_int_equal(ret->n, bytes);
}

/* A backup of home WHO, as its vault makes it. */
static void make_backup(struct buf *ret) {
        struct street_vault sv;
        struct wire_o_backup q = {.passphrase = WORDS};
        struct wire_c_none none = {0};
        sv_init(&sv, &street, WHO, NULL);
        sv.w.sign = street.homes[WHO].device;
        device_says(&sv.w, true);
        say(sv.fd, OWNER_O_BACKUP, &q);
        hear_number(sv.w.daemon, &sv.d, OWNER_V_WANT_BACKUP);
        tell_rows(&sv.w, &street.homes[WHO].device.pub);
        hear_number(sv.fd, &sv.a, OWNER_O_BACKUP_ROW);
        uint64_t bytes = sv.a.m.o_backup_row.bytes;
        assert_true(span_eq(sv.a.m.o_backup_row.household, SPAN_STR("Home AB")));
        hear_done(sv.fd);
        fetch(&sv, bytes, ret);
        say(sv.fd, OWNER_O_KEPT, &none);
        hear_number(sv.w.daemon, &sv.d, OWNER_V_BACKED_UP);
        hear_done(sv.fd);
        say(sv.fd, OWNER_O_KEPT, &none);
        hear_error(sv.fd, "no-backup", EXIT_FAILED);
        sv_fini(&sv);
}

static int tool(struct world *w) {
        world_init(w);
        device_says(w, false);
        return owner_connect(w);
}

static void give(int fd, struct span file) {
        while (file.n) {
                struct wire_o_piece m = {.bytes = span_of(file.p, MIN(file.n, (size_t)PIECE))};
                say(fd, OWNER_O_GIVE, &m);
                hear_done(fd);
                file = span_from(file, m.bytes.n);
        }
}

static void restore(int fd, struct span words) {
        struct wire_o_restore q = {.passphrase = words};
        say(fd, OWNER_O_RESTORE, &q);
}

/* The daemon gets its rows back, as they were, and nothing of the vault's. */
static void hear_rows(struct world *w, struct answer *d) {
        size_t ops = 0;
        hear_number(w->daemon, d, OWNER_B_DEVICE);
        assert_true(span_eq(d->m.b_device.noise, SPAN_OF(noise.b)));
        hear_number(w->daemon, d, OWNER_B_LINK_KEY);
        for (;;) {
                assert_true(hear(w->daemon, d));
                if (d->row->number != OWNER_B_OP)
                        break;
                assert_true(span_eq(d->m.v_ops.op, roster_op_at(street.sides[0], ops++)->bytes));
        }
        assert_int_equal(ops, roster_ops(street.sides[0]));
        assert_int_equal(d->row->number, OWNER_V_RESTORE);
        assert_true(span_eq(d->m.v_restore.household, SPAN_OF(street.homes[WHO].key.pub.b)));
}

static void say_ready(struct world *w) {
        uint8_t proof[SIGN_BYTES];
        op_device_prove(proof, &w->sign, &w->noise.pub, &w->seal.pub, &street.mesh, &street.homes[WHO].key.pub);
        struct wire_v_ready msg = {.old = SPAN_OF(street.homes[WHO].device.pub.b), .proof = SPAN_OF(proof)};
        say(w->daemon, OWNER_V_READY, &msg);
}

static void tell_ops(struct world *w, struct answer *d) {
        const struct roster_op *op;
        struct wire_v_ops_end end = {.time = street.now};
        hear_number(w->daemon, d, OWNER_V_WANT_OPS);
        for (size_t i = 0; (op = roster_op_at(street.sides[0], i)); i++) {
                struct wire_v_ops msg = {.op = op->bytes};
                say(w->daemon, OWNER_V_OPS, &msg);
        }
        say(w->daemon, OWNER_V_OPS_END, &end);
}

/* The operation that comes is taken by the fold: the old device is out, the new one in, and the share is the old one's. */
static void hear_replaced(struct world *w, struct answer *d) {
        struct hash id;
        hear_number(w->daemon, d, OWNER_V_REPLACE);
        assert_int_equal(roster_add(street.sides[0], d->m.v_op.op, false, &id), 0);
        const struct roster_device *old = roster_device_find(street.sides[0], &street.homes[WHO].device.pub);
        const struct roster_device *now = roster_device_find(street.sides[0], &w->sign.pub);
        assert_true(old && old->gone_at);
        assert_true(now && !now->gone_at && now->home == old->home && now->share == SHARE_WHOLE);
        assert_true(now->home->member);
}

/* ---- cases ---- */

/* PROTOCOL 15.24: its ledger says so before anything else. */
static void begins_restored(const struct world *w) {
        char path[128];
        uint8_t bytes[4 + ENTRY_BYTES_MAX];
        struct wire_entry e;
        world_path(w, "vault/ledger", path);
        int fd = open(path, O_RDONLY);
        assert_true(fd >= 0);
        ssize_t n = read(fd, bytes, sizeof(bytes));
        close(fd);
        assert_true(n > 4);
        assert_int_equal(codec_decode(&wire_entry_desc, span_of(bytes + 4, (size_t)n - 4), &e, NULL), 0);
        assert_int_equal(e.what, ENTRY_RESTORED);
        assert_int_equal(e.n, 0);
}

static void test_back_and_forth(void **state) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        _clean_(answer_fini) struct answer d = {0};
        struct world w;
        (void)state;
        sv_found(&street, 3);
        make_backup(&file);
        int fd = tool(&w);
        give(fd, buf_span(&file));
        restore(fd, SPAN_STR("another one"));
        hear_error(fd, "backup-passphrase", EXIT_LOCKED);
        assert_false(world_has(&w, "vault/household"));
        restore(fd, WORDS); /* the file is still there */
        hear_rows(&w, &d);
        assert_int_equal(key_state(&w), KEYFILE_RESTORING);
        say_ready(&w);
        tell_ops(&w, &d);
        hear_replaced(&w, &d);
        result_says(&w, true, NULL, false);
        hear_done(fd);
        assert_int_equal(key_state(&w), KEYFILE_MEMBER);
        begins_restored(&w);
        close(fd);
        world_fini(&w);
        street_end(&street);
}

/* It waits over a restart; a locked key waits for its owner, and signs over what the household signed meanwhile. */
static void test_waits(void **state) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        _clean_(answer_fini) struct answer d = {0};
        struct wire_o_unlock unlock = {.passphrase = WORDS};
        struct world w;
        (void)state;
        sv_found(&street, 3);
        make_backup(&file);
        int fd = tool(&w);
        give(fd, buf_span(&file));
        restore(fd, WORDS);
        hear_rows(&w, &d);
        result_says(&w, false, "no-neighbour", true);
        hear_error(fd, "no-neighbour", EXIT_UNREACHABLE);
        close(fd);
        world_stop(&w);
        assert_int_equal(key_state(&w), KEYFILE_RESTORING);

        world_run(&w);
        device_says(&w, true);
        fd = owner_connect(&w);
        say_ready(&w);
        give(fd, buf_span(&file));
        restore(fd, WORDS);
        hear_error(fd, "still-restoring", EXIT_REFUSED);
        assert_int_equal(street_about(&street, 0, WHO, OP_PROMOTE, 2), 0);
        say(fd, OWNER_O_UNLOCK, &unlock);
        tell_ops(&w, &d);
        hear_done(fd);
        hear_replaced(&w, &d);
        result_says(&w, true, NULL, false);
        while (key_state(&w) != KEYFILE_MEMBER)
                world_nap();
        close(fd);
        world_fini(&w);
        street_end(&street);
}

/* A daemon cannot have a device certified when nobody restores. */
static void test_nobody_asked(void **state) {
        struct street_vault sv;
        struct wire_c_none none = {0};
        (void)state;
        sv_found(&street, 3);
        sv_init(&sv, &street, WHO, NULL);
        say_ready(&sv.w);
        tell_rows(&sv.w, &street.homes[WHO].device.pub);
        say(sv.fd, OWNER_O_STATE, &none);
        hear_number(sv.fd, &sv.a, OWNER_O_STATE_ROW);
        hear_done(sv.fd);
        sv_daemon_heard_nothing(&sv);
        sv_fini(&sv);
        street_end(&street);
}

/* What the daemon tells must be this household's mesh, and its device a current one. */
static void test_false_rows(void **state) {
        struct street_vault sv;
        struct wire_o_backup q = {.passphrase = WORDS}, brief = {.passphrase = SPAN_STR("short")};
        (void)state;
        sv_found(&street, 3);
        sv_init(&sv, &street, WHO, NULL);
        say(sv.fd, OWNER_O_BACKUP, &brief);
        hear_error(sv.fd, "passphrase-short", EXIT_USAGE);
        say(sv.fd, OWNER_O_BACKUP, &q);
        hear_number(sv.w.daemon, &sv.d, OWNER_V_WANT_BACKUP);
        tell_rows(&sv.w, &street.homes[2].device.pub); /* a neighbour's device */
        hear_error(sv.fd, "not-a-member", EXIT_REFUSED);
        say(sv.fd, OWNER_O_BACKUP, &q);
        hear_number(sv.w.daemon, &sv.d, OWNER_V_WANT_BACKUP);
        struct wire_v_ops_end end = {.time = street.now};
        say(sv.w.daemon, OWNER_V_OPS_END, &end); /* nothing */
        hear_error(sv.fd, "wrong-mesh", EXIT_FAILED);
        sv_fini(&sv);
        street_end(&street);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_back_and_forth),
                cmocka_unit_test(test_waits),
                cmocka_unit_test(test_nobody_asked),
                cmocka_unit_test(test_false_rows),
        };
        if (argc != 2)
                return 2;
        world_program = argv[1];
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
