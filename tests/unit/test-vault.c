/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault as a program: test-vault PROGRAM. The test plays the daemon on the socketpair and the owner's tools on
 * owner.sock. What only time or a broken disk could show is in test-vault-inside.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cell.h"
#include "roster/op.h"
#include "roster/ticket.h"
#include "vault/vault.h"

#include "vault-world.h"

#define PASSPHRASE "correct horse"
#define HOME_TEXT "u33dc0t"
#define NOBODY 65534
#define SIGNATURE_TAIL 20 /* letters from the end of a ticket, inside its signature */
#define RSS_KIB_MORE 8192 /* what a vault may have kept of Argon2's 64 MiB, and everything else */

/* ---- requests ---- */

static struct wire_o_join join_plain(struct span ticket) {
        struct wire_o_join q = {.ticket = ticket, .household = SPAN_STR("Harris")};
        WIRE_PUT(&q, O_JOIN, no_passphrase, true);
        return q;
}

static struct hash sample_mesh(void) {
        struct hash h;
        memset(h.b, 0x5a, sizeof(h.b));
        return h;
}

static void ticket_text(struct world *w, mesh_wall expires, struct buf *text) {
        struct hash mesh = sample_mesh();
        struct ticket t = {0};
        static const uint8_t link_key[32] = {9};
        t.w.mesh = SPAN_OF(mesh.b);
        t.w.mesh_name = SPAN_STR("Elm Street");
        t.w.link_key = SPAN_OF(link_key);
        t.w.inviter = SPAN_STR("Okafor");
        t.w.device = SPAN_OF(w->sign.pub.b);
        t.w.expires = expires;
        t.w.uses = 1;
        WIRE_PUT(&t.w, TICKET, cell, cell_parse(SPAN_STR("u33dc0")));
        t.mesh = mesh;
        assert_int_equal(ticket_make(&t, &w->sign, &w->rng, text), 0);
        ticket_fini(&t);
}

/* ---- founding ---- */

static void test_create(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer found = {0}, row = {0};
        _clean_(buf_fini) struct buf file = BUF_NULL;
        struct wire_o_create q = create_plain();
        struct wire_c_none none = {0};
        struct wire_op op;
        struct wire_device device;
        struct keyfile_secret secret;
        struct sign_key household;
        mesh_cell home = cell_parse(SPAN_STR(HOME_TEXT));
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        WIRE_PUT(&q, O_CREATE, cell, home);
        say(fd, OWNER_O_CREATE, &q);
        hear_number(w.daemon, &found, OWNER_V_FOUND);
        assert_int_equal(found.m.v_found.uid, getuid());
        assert_int_equal(found.m.v_found.cell, home);

        assert_int_equal(op_check(found.m.v_found.op, NULL, false, true, &op), 0);
        assert_int_equal(op.type, OP_GENESIS);
        assert_true(span_eq(op.name, q.household));
        assert_true(span_eq(op.mesh_name, q.mesh_name));
        assert_int_equal(op.cell, cell_coarsen(home, CELL_AREA));
        assert_false(WIRE_HAS(&op, OP, charter));
        assert_true(wire_list_next(&wire_device_desc, &op.device, &device));
        assert_true(span_eq(device.sign, SPAN_OF(w.sign.pub.b)));
        assert_true(span_eq(device.noise, SPAN_OF(w.noise.pub.b)));
        assert_true(span_eq(device.seal, SPAN_OF(w.seal.pub.b)));
        assert_int_equal(device.share, SHARE_WHOLE);
        assert_true(span_eq(device.name, SPAN_STR("hub")));

        assert_int_equal(world_mode(&w, "vault/household"), 0600);
        assert_int_equal(key_state(&w), KEYFILE_FOUNDING);
        result_says(&w, true, NULL, false);
        hear_done(fd);
        assert_int_equal(key_state(&w), KEYFILE_MEMBER);
        key_file(&w, &file);
        assert_int_equal(keyfile_open(buf_span(&file), SPAN_NONE, &secret), 0);
        sign_key_from_seed(&household, secret.sign_seed);
        assert_true(span_eq(op.household, SPAN_OF(household.pub.b)));

        say(fd, OWNER_O_CREATE, &q);
        hear_error(fd, "household-exists", EXIT_REFUSED);
        say(fd, OWNER_O_STATE, &none);
        hear_number(fd, &row, OWNER_O_STATE_ROW);
        assert_true(row.m.o_state.has_household);
        assert_false(row.m.o_state.passphrase);
        hear_done(fd);
        close(fd);
        world_fini(&w);
}

static void test_create_with_charter(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer found = {0};
        _clean_(buf_fini) struct buf rows = BUF_NULL;
        struct wire_o_create q = create_plain();
        struct wire_charter_row row = {.key = CHARTER_normal, .value = 24};
        struct wire_list list = {0};
        struct wire_op op;
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        wire_list_add(&wire_charter_row_desc, &list, &rows, &row);
        row = (struct wire_charter_row){.key = CHARTER_max_members, .value = 40};
        wire_list_add(&wire_charter_row_desc, &list, &rows, &row);
        row = (struct wire_charter_row){.key = CHARTER_urgent, .value = 12}; /* the default: need not be said */
        wire_list_add(&wire_charter_row_desc, &list, &rows, &row);
        WIRE_PUT(&q, O_CREATE, charter, list);
        say(fd, OWNER_O_CREATE, &q);
        hear_number(w.daemon, &found, OWNER_V_FOUND);
        assert_int_equal(op_check(found.m.v_found.op, NULL, false, true, &op), 0);
        assert_int_equal(op.charter.count, 2);
        assert_true(wire_list_next(&wire_charter_row_desc, &op.charter, &row));
        assert_int_equal(row.key, CHARTER_max_members);
        assert_true(wire_list_next(&wire_charter_row_desc, &op.charter, &row));
        assert_int_equal(row.value, 24);
        close(fd);
        world_fini(&w);
}

static void test_create_refused_by_daemon(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer a = {0};
        struct wire_o_create q = create_plain();
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        for (int i = 0; i < 2; i++) { /* the second time shows that nothing was left of the first */
                say(fd, OWNER_O_CREATE, &q);
                hear_number(w.daemon, &a, OWNER_V_FOUND);
                result_says(&w, false, "disk", false);
                hear_error(fd, "disk", EXIT_FAILED);
                assert_false(world_has(&w, "vault/household"));
        }
        close(fd);
        world_fini(&w);
}

static long rss_kib(pid_t pid) {
        char path[64], line[128];
        long kib = -1;
        snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        FILE *f = fopen(path, "re");
        assert_non_null(f);
        while (kib < 0 && fgets(line, sizeof(line), f))
                sscanf(line, "VmRSS: %ld", &kib);
        fclose(f);
        return kib;
}

static void test_create_locked(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer a = {0};
        _clean_(buf_fini) struct buf file = BUF_NULL;
        struct wire_o_create q = {.mesh_name = SPAN_STR("Elm Street"), .household = SPAN_STR("Harris")};
        struct keyfile_secret secret;
        struct keyfile head;
        struct wire_c_none none = {0};
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        say(fd, OWNER_O_STATE, &none);
        hear_number(fd, &a, OWNER_O_STATE_ROW);
        hear_done(fd);
        long before = rss_kib(w.pid);
        WIRE_PUT(&q, O_CREATE, passphrase, SPAN_STR(PASSPHRASE));
        say(fd, OWNER_O_CREATE, &q);
        hear_number(w.daemon, &a, OWNER_V_FOUND);
        result_says(&w, true, NULL, false);
        hear_done(fd);
        assert_true(rss_kib(w.pid) < before + RSS_KIB_MORE);
        key_file(&w, &file);
        assert_int_equal(keyfile_decode(buf_span(&file), &head), 0);
        assert_int_equal(head.lock, KEYFILE_LOCKED);
        assert_int_equal(head.state, KEYFILE_MEMBER);
        assert_int_equal(head.memory_kib, KEYFILE_MEMORY_KIB);
        assert_int_equal(head.passes, KEYFILE_PASSES);
        assert_int_equal(keyfile_open(buf_span(&file), SPAN_STR("wrong horse"), &secret), KEYFILE_E_PASSPHRASE);
        assert_int_equal(keyfile_open(buf_span(&file), SPAN_STR(PASSPHRASE), &secret), 0);
        say(fd, OWNER_O_STATE, &none);
        hear_number(fd, &a, OWNER_O_STATE_ROW);
        assert_true(a.m.o_state.passphrase);
        assert_false(a.m.o_state.unlocked);
        hear_done(fd);
        close(fd);
        world_fini(&w);
}

/* ---- what is refused before anything happens ---- */

struct wrong_create {
        const char *error;
        enum wire_e_exit exit;
        const char *mesh_name, *household, *device, *passphrase;
        bool no_passphrase;
        mesh_cell cell;
        uint64_t charter[2][2]; /* key, value */
};

static const struct wrong_create wrong_creates[] = {
        {"passphrase-needed", EXIT_USAGE, "Elm", "Harris"},
        {"passphrase-both", EXIT_USAGE, "Elm", "Harris", .passphrase = PASSPHRASE, .no_passphrase = true},
        {"passphrase-short", EXIT_USAGE, "Elm", "Harris", .passphrase = "sevenby"},
        {"name-refused", EXIT_REFUSED, "Elm", "Police", .no_passphrase = true},
        {"bad-name", EXIT_USAGE, "Elm", " Harris", .no_passphrase = true},
        {"bad-name", EXIT_USAGE, "Elm\x1b[1m", "Harris", .no_passphrase = true},
        {"bad-name", EXIT_USAGE, "Elm", "Harris", "a  b", .no_passphrase = true},
        {"bad-place", EXIT_USAGE, "Elm", "Harris", .no_passphrase = true, .cell = UINT64_C(1) << 33},
        {"bad-charter", EXIT_USAGE, "Elm", "Harris", .no_passphrase = true, .charter = {{60, 1}}},
        {"bad-charter", EXIT_USAGE, "Elm", "Harris", .no_passphrase = true, .charter = {{CHARTER_urgent, 0}}},
        {"bad-charter", EXIT_USAGE, "Elm", "Harris", .no_passphrase = true, .charter = {{CHARTER_urgent, 16385}}},
        {"bad-charter", EXIT_USAGE, "Elm", "Harris", .no_passphrase = true,
         .charter = {{CHARTER_urgent, 5}, {CHARTER_urgent, 5}}},
        {"bad-charter", EXIT_USAGE, "Elm", "Harris", .no_passphrase = true,
         .charter = {{CHARTER_max_members, 5000}, {CHARTER_normal, 16384}}},
};

static void say_wrong_create(int fd, const struct wrong_create *c) {
        _clean_(buf_fini) struct buf rows = BUF_NULL;
        struct wire_o_create q = {.mesh_name = span_str(c->mesh_name), .household = span_str(c->household)};
        struct wire_list list = {0};
        for (size_t i = 0; i < ARRAY_LEN(c->charter) && c->charter[i][0]; i++) {
                struct wire_charter_row row = {.key = c->charter[i][0], .value = c->charter[i][1]};
                wire_list_add(&wire_charter_row_desc, &list, &rows, &row);
        }
        if (list.count)
                WIRE_PUT(&q, O_CREATE, charter, list);
        if (c->device)
                WIRE_PUT(&q, O_CREATE, device_name, span_str(c->device));
        if (c->passphrase)
                WIRE_PUT(&q, O_CREATE, passphrase, span_str(c->passphrase));
        if (c->no_passphrase)
                WIRE_PUT(&q, O_CREATE, no_passphrase, true);
        if (c->cell)
                WIRE_PUT(&q, O_CREATE, cell, c->cell);
        say(fd, OWNER_O_CREATE, &q);
}

static void test_wrong_creates(void **state) {
        struct world w;
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        for (size_t i = 0; i < ARRAY_LEN(wrong_creates); i++) {
                say_wrong_create(fd, &wrong_creates[i]);
                hear_error(fd, wrong_creates[i].error, wrong_creates[i].exit);
        }
        world_daemon_heard_nothing(&w);
        assert_false(world_has(&w, "vault/household"));
        device_says(&w, true);
        close(fd);
        world_fini(&w);
}

static void test_in_a_mesh_without_key(void **state) {
        struct world w;
        struct wire_o_create q = create_plain();
        (void)state;
        world_init(&w);
        device_says(&w, true);
        int fd = owner_connect(&w);
        say(fd, OWNER_O_CREATE, &q);
        hear_error(fd, "in-a-mesh", EXIT_REFUSED);
        close(fd);
        world_fini(&w);
}

/* ---- joining ---- */

/* On a ticket that ends in @seconds, by this machine's clock. */
static void join_on(struct world *w, int fd, int seconds, struct answer *ret) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        ticket_text(w, (mesh_wall)(time(NULL) + seconds), &text);
        struct wire_o_join q = join_plain(buf_span(&text));
        say(fd, OWNER_O_JOIN, &q);
        hear_number(w->daemon, ret, OWNER_V_JOIN);
        assert_true(span_eq(ret->m.v_join.ticket, buf_span(&text)));
}

static void join_begin(struct world *w, int fd, struct answer *ret) {
        join_on(w, fd, 3600, ret);
}

static void test_join(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer a = {0};
        struct hash mesh = sample_mesh();
        struct wire_op op;
        struct wire_o_create q = create_plain();
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        join_begin(&w, fd, &a);
        assert_int_equal(op_check(a.m.v_join.op, &mesh, false, true, &op), 0);
        assert_int_equal(op.type, OP_ADD);
        assert_true(span_eq(op.name, SPAN_STR("Harris")));
        assert_int_equal(a.m.v_join.uid, getuid());
        assert_int_equal(a.m.v_join.cell, cell_parse(SPAN_STR("u33dc0"))); /* the ticket's */
        assert_int_equal(key_state(&w), KEYFILE_JOINING);

        result_says(&w, false, "inviter-unreachable", true);
        hear_error(fd, "inviter-unreachable", EXIT_UNREACHABLE);
        assert_int_equal(key_state(&w), KEYFILE_JOINING);
        device_says(&w, true);
        say(fd, OWNER_O_CREATE, &q);
        hear_error(fd, "still-joining", EXIT_REFUSED);

        result_says(&w, true, NULL, false); /* days later */
        say(fd, OWNER_O_CREATE, &q);
        hear_error(fd, "household-exists", EXIT_REFUSED);
        assert_int_equal(key_state(&w), KEYFILE_MEMBER);
        close(fd);
        world_fini(&w);
}

static void add_of(struct answer *a, const struct hash *mesh, struct key *ret_household, struct key *ret_invite) {
        struct wire_op op;
        struct wire_invite inv;
        assert_int_equal(op_check(a->m.v_join.op, mesh, false, true, &op), 0);
        assert_true(wire_list_next(&wire_invite_desc, &op.invite, &inv));
        memcpy(ret_household->b, op.household.p, sizeof(ret_household->b));
        memcpy(ret_invite->b, inv.key.p, sizeof(ret_invite->b));
}

/* Another ticket of that mesh: the same household asks, on another invite, whatever the daemon says of the moment. */
static void test_join_again(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer a = {0}, b = {0};
        struct hash mesh = sample_mesh();
        struct key one, two, first, second;
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        join_begin(&w, fd, &a);
        add_of(&a, &mesh, &one, &first);
        result_says(&w, false, "inviter-unreachable", true);
        hear_error(fd, "inviter-unreachable", EXIT_UNREACHABLE);
        join_begin(&w, fd, &b);
        add_of(&b, &mesh, &two, &second);
        assert_true(key_eq(&one, &two));
        assert_false(key_eq(&first, &second));
        result_says(&w, false, "disk", true); /* it goes on as before */
        hear_error(fd, "disk", EXIT_FAILED);
        assert_int_equal(key_state(&w), KEYFILE_JOINING);
        join_begin(&w, fd, &b);
        result_says(&w, true, NULL, false);
        hear_done(fd);
        assert_int_equal(key_state(&w), KEYFILE_MEMBER);
        close(fd);
        world_fini(&w);
}

static struct wire_o_state state_of(int fd) {
        _clean_(answer_fini) struct answer row = {0};
        struct wire_c_none none = {0};
        say(fd, OWNER_O_STATE, &none);
        hear_number(fd, &row, OWNER_O_STATE_ROW);
        hear_done(fd);
        return row.m.o_state; /* but for what it points to */
}

static bool still_joins(int fd) {
        struct wire_o_state s = state_of(fd);
        return WIRE_HAS(&s, O_STATE, joining);
}

/* A joining is given up after a yes, unless it is done by then. */
static void test_join_given_up(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer a = {0};
        struct wire_o_op leave = {.type = OP_LEAVE};
        struct wire_o_go yes = {0};
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        join_begin(&w, fd, &a);
        int other = owner_connect(&w);
        say(other, OWNER_O_OP, &leave); /* somebody waits for its answer */
        hear_error(other, "busy", EXIT_FAILED);
        close(other);
        result_says(&w, false, "inviter-unreachable", true);
        hear_error(fd, "inviter-unreachable", EXIT_UNREACHABLE);
        say(fd, OWNER_O_OP, &leave);
        hear_number(fd, &a, OWNER_O_SENTENCE);
        assert_false(a.m.o_sentence.passphrase);
        result_says(&w, true, NULL, false); /* let in meanwhile */
        while (still_joins(fd))
                continue;
        say(fd, OWNER_O_GO, &yes);
        hear_error(fd, "in-a-mesh", EXIT_REFUSED);
        assert_int_equal(key_state(&w), KEYFILE_MEMBER);
        close(fd);
        world_fini(&w);

        world_init(&w);
        device_says(&w, false);
        fd = owner_connect(&w);
        join_begin(&w, fd, &a);
        result_says(&w, false, "inviter-unreachable", true);
        hear_error(fd, "inviter-unreachable", EXIT_UNREACHABLE);
        say(fd, OWNER_O_OP, &leave);
        hear_number(fd, &a, OWNER_O_SENTENCE);
        say(fd, OWNER_O_GO, &yes);
        hear_number(w.daemon, &a, OWNER_V_CLEAR);
        hear_number(fd, &a, OWNER_O_VOTED);
        hear_done(fd);
        assert_int_equal(key_state(&w), KEYFILE_OVER);
        device_says(&w, true); /* it has not heard of that */
        hear_number(w.daemon, &a, OWNER_V_CLEAR);
        device_says(&w, false);
        while (state_of(fd).has_household)
                continue;
        join_begin(&w, fd, &a); /* the key that was over is gone */
        assert_int_equal(key_state(&w), KEYFILE_JOINING);
        close(fd);
        world_fini(&w);
}

static void test_join_refused(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer a = {0};
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        join_begin(&w, fd, &a);
        device_says(&w, true); /* it is joining */
        result_says(&w, false, "ticket-used", false);
        hear_error(fd, "ticket-used", EXIT_REFUSED);
        hear_number(w.daemon, &a, OWNER_V_FORGET);
        assert_false(world_has(&w, "vault/household"));
        join_begin(&w, fd, &a);
        result_says(&w, true, NULL, false);
        hear_done(fd);
        close(fd);
        world_fini(&w);
}

/* By this clock the ticket has ended. That is for the members to say, who know the time: one lets it in, one does not. */
static void test_join_by_a_wrong_clock(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer a = {0};
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        join_on(&w, fd, -90 * 86400, &a);
        device_says(&w, true);
        result_says(&w, false, "ticket-expired", false);
        hear_error(fd, "ticket-expired", EXIT_REFUSED);
        hear_number(w.daemon, &a, OWNER_V_FORGET);
        join_on(&w, fd, -90 * 86400, &a);
        result_says(&w, true, NULL, false);
        hear_done(fd);
        assert_int_equal(key_state(&w), KEYFILE_MEMBER);
        close(fd);
        world_fini(&w);
}

static void test_wrong_tickets(void **state) {
        static const struct {
                const char *error;
                enum wire_e_exit exit;
        } rows[] = {
                {"ticket-not", EXIT_USAGE},
                {"ticket-version", EXIT_REFUSED},
                {"ticket-mangled", EXIT_USAGE},
                {"ticket-altered", EXIT_REFUSED},
        };
        struct world w;
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                _clean_(buf_fini) struct buf text = BUF_NULL;
                ticket_text(&w, (mesh_wall)time(NULL) + 3600, &text);
                if (i == 0)
                        text.p[0] = 'Q';
                else if (i == 1)
                        text.p[sizeof(TICKET_PREFIX) - 2] = '2';
                else if (i == 2)
                        text.n -= 8;
                else
                        text.p[text.n - SIGNATURE_TAIL] = text.p[text.n - SIGNATURE_TAIL] == 'A' ? 'B' : 'A';
                struct wire_o_join q = join_plain(buf_span(&text));
                say(fd, OWNER_O_JOIN, &q);
                hear_error(fd, rows[i].error, rows[i].exit);
        }
        world_daemon_heard_nothing(&w);
        assert_false(world_has(&w, "vault/household"));
        close(fd);
        world_fini(&w);
}

/* ---- several at once, and those who hang up ---- */

static void test_busy(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer a = {0};
        struct wire_o_create q = create_plain();
        struct wire_c_none none = {0};
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int first = owner_connect(&w), second = owner_connect(&w);
        say(first, OWNER_O_CREATE, &q);
        hear_number(w.daemon, &a, OWNER_V_FOUND);
        say(second, OWNER_O_CREATE, &q);
        hear_error(second, "busy", EXIT_FAILED);
        say(second, OWNER_O_STATE, &none);
        hear_number(second, &a, OWNER_O_STATE_ROW);
        hear_done(second);
        say(first, OWNER_O_STATE, &none); /* waits until the first is answered */
        result_says(&w, true, NULL, false);
        hear_done(first);
        hear_number(first, &a, OWNER_O_STATE_ROW);
        hear_done(first);
        close(first);
        close(second);
        world_fini(&w);
}

static void test_hang_up(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer a = {0};
        struct wire_o_create q = create_plain();
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        say(fd, OWNER_O_CREATE, &q);
        hear_number(w.daemon, &a, OWNER_V_FOUND);
        close(fd);
        result_says(&w, true, NULL, false);
        fd = owner_connect(&w);
        say(fd, OWNER_O_CREATE, &q);
        assert_true(hear(fd, &a)); /* busy, if the result has not been read yet */
        assert_int_equal(a.row->number, OWNER_O_ERROR);
        close(fd);
        world_stop(&w);
        assert_int_equal(key_state(&w), KEYFILE_MEMBER);
        world_remove(&w);
}

static void test_half_close(void **state) {
        struct world w;
        _clean_(answer_fini) struct answer a = {0};
        struct wire_o_create q = create_plain();
        (void)state;
        world_init(&w);
        device_says(&w, false);
        int fd = owner_connect(&w);
        say(fd, OWNER_O_CREATE, &q);
        shutdown(fd, SHUT_WR);
        hear_number(w.daemon, &a, OWNER_V_FOUND);
        result_says(&w, true, NULL, false);
        hear_done(fd);
        hear_end(fd);
        close(fd);
        world_fini(&w);
}

static void test_bad_bytes(void **state) {
        static const struct {
                struct span bytes;
                bool closes;
        } rows[] = {
                {SPAN_STR("\0\0\0\0"), true},                    /* empty */
                {SPAN_STR("\xff\xff\xff\xff"), true},            /* 4 GiB */
                {SPAN_STR("\0\0\0\x01\xc1"), false},             /* not msgpack */
                {SPAN_STR("\0\0\0\x02\x03\x81"), false},         /* cut off inside */
                {SPAN_STR("\0\0\0\x02\x64\x80"), false},         /* no such number */
                {SPAN_STR("\0\0\0\x03\x03\x80\x80"), false},     /* something follows */
                {SPAN_STR("\0\0\0\x04\x31\x81\x01\xc3"), false}, /* the daemon's to say: V_RESULT */
                {SPAN_STR("\0\0\0\x02\x22\x80"), false},         /* the vault's to say: V_FORGET */
        };
        struct world w;
        struct wire_c_none none = {0};
        (void)state;
        world_init(&w);
        device_says(&w, false);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                _clean_(answer_fini) struct answer a = {0};
                int fd = owner_connect(&w);
                send_bytes(fd, rows[i].bytes);
                hear_error(fd, "bad-request", EXIT_FAILED);
                if (rows[i].closes) {
                        hear_end(fd);
                } else {
                        say(fd, OWNER_O_STATE, &none);
                        hear_number(fd, &a, OWNER_O_STATE_ROW);
                        hear_done(fd);
                }
                close(fd);
        }
        world_fini(&w);
}

static void test_bad_bytes_of_the_daemon(void **state) {
        struct world w;
        struct wire_o_create q = create_plain();
        (void)state;
        world_init(&w);
        send_bytes(w.daemon, SPAN_STR("\0\0\0\x01\xc1"));
        say(w.daemon, OWNER_O_CREATE, &q);  /* not the daemon's to say */
        result_says(&w, true, NULL, false); /* of nothing */
        device_says(&w, false);
        close(owner_connect(&w));
        world_daemon_heard_nothing(&w);
        send_bytes(w.daemon, SPAN_STR("\xff\xff\xff\xff"));
        assert_int_equal(world_exit_code(&w), 0);
        close(w.daemon);
        world_remove(&w);
}

/* ---- who may ask, and where ---- */

static void test_sockets_and_modes(void **state) {
        struct world w;
        (void)state;
        world_init(&w);
        struct wire_c_none none = {0};
        say(w.daemon, OWNER_V_FORGET, &none); /* anything but V_DEVICE */
        while (!world_has(&w, "vault/lock"))
                world_nap();
        assert_false(world_has(&w, "owner.sock"));
        assert_int_equal(world_mode(&w, "vault"), 0700);
        assert_int_equal(world_mode(&w, "vault/lock"), 0600);
        device_says(&w, false);
        close(owner_connect(&w));
        assert_int_equal(world_mode(&w, "owner.sock"), 0600);
        world_stop(&w);
        assert_false(world_has(&w, "owner.sock"));
        world_remove(&w);
}

static int ask_as_nobody(const struct world *w) {
        if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
                return 2;
        int fd = owner_connect(w);
        hear_error(fd, "not-owner", EXIT_REFUSED);
        hear_end(fd);
        return 0;
}

static void test_stranger(void **state) {
        struct world w;
        char path[128];
        int status = 1;
        (void)state;
        if (getuid() != 0)
                skip();
        world_init(&w);
        device_says(&w, false);
        close(owner_connect(&w));
        world_path(&w, "owner.sock", path); /* past the file's mode, so that the vault's own check is what refuses */
        assert_int_equal(chmod(path, 0666), 0);
        assert_int_equal(chmod(w.dir, 0711), 0);
        pid_t pid = fork();
        if (pid == 0)
                _exit(ask_as_nobody(&w));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        world_fini(&w);
}

static void test_no_core(void **state) {
        struct world w;
        struct rlimit limit;
        (void)state;
        world_init(&w);
        device_says(&w, false);
        close(owner_connect(&w));
        assert_int_equal(prlimit(w.pid, RLIMIT_CORE, NULL, &limit), 0);
        assert_int_equal(limit.rlim_cur, 0);
        assert_int_equal(limit.rlim_max, 0);
        world_fini(&w);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_create),
                cmocka_unit_test(test_create_with_charter),
                cmocka_unit_test(test_create_refused_by_daemon),
                cmocka_unit_test(test_create_locked),
                cmocka_unit_test(test_wrong_creates),
                cmocka_unit_test(test_in_a_mesh_without_key),
                cmocka_unit_test(test_join),
                cmocka_unit_test(test_join_again),
                cmocka_unit_test(test_join_given_up),
                cmocka_unit_test(test_join_refused),
                cmocka_unit_test(test_join_by_a_wrong_clock),
                cmocka_unit_test(test_wrong_tickets),
                cmocka_unit_test(test_busy),
                cmocka_unit_test(test_hang_up),
                cmocka_unit_test(test_half_close),
                cmocka_unit_test(test_bad_bytes),
                cmocka_unit_test(test_bad_bytes_of_the_daemon),
                cmocka_unit_test(test_sockets_and_modes),
                cmocka_unit_test(test_stranger),
                cmocka_unit_test(test_no_core),
        };
        world_program = argc > 1 ? argv[1] : "porchlight-vault";
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
