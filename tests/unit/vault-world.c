/* SPDX-License-Identifier: Apache-2.0 */
/* See vault-world.h. */
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

#include "vault/keyfile.h"

#include "vault-world.h"

#define WAIT_S 20       /* for anything the vault is to do; Argon2id takes most of it under a sanitizer */
#define STEP_NS 5000000 /* between two looks at something that nobody announces */

const char *world_program;
int (*world_serve)(const char *dir);

void world_nap(void) {
        const struct timespec step = {.tv_nsec = STEP_NS};
        nanosleep(&step, NULL);
}

void world_run(struct world *w) {
        int pair[2];
        struct timeval tv = {.tv_sec = WAIT_S};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        w->pid = fork();
        if (w->pid == 0) {
                umask(0);
                bool ready = pair[1] != 3 ? dup2(pair[1], 3) == 3 : fcntl(3, F_SETFD, 0) == 0;
                if (ready && world_serve)
                        _exit(world_serve(w->dir));
                if (ready)
                        execl(world_program, world_program, w->dir, (char *)NULL);
                _exit(127);
        }
        assert_true(w->pid > 0);
        close(pair[1]);
        w->daemon = pair[0];
        assert_int_equal(setsockopt(w->daemon, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
}

void world_init(struct world *w) {
        static const uint8_t seed[32] = {3};
        *w = (struct world){.dir = "/tmp/test-vault-XXXXXX"};
        assert_non_null(mkdtemp(w->dir));
        rng_init(&w->rng, seed);
        sign_key_new(&w->sign, &w->rng);
        box_key_new(&w->noise, &w->rng);
        box_key_new(&w->seal, &w->rng);
        world_run(w);
}

int world_exit_code(struct world *w) {
        int status = 0;
        pid_t r;
        for (time_t until = time(NULL) + WAIT_S; (r = waitpid(w->pid, &status, WNOHANG)) == 0 && time(NULL) < until;)
                world_nap();
        assert_int_equal(r, w->pid);
        w->pid = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void world_stop(struct world *w) {
        close(w->daemon);
        assert_int_equal(world_exit_code(w), 0);
}

void world_path(const struct world *w, const char *name, char ret[128]) {
        snprintf(ret, 128, "%s/%s", w->dir, name);
}

bool world_has(const struct world *w, const char *name) {
        char path[128];
        struct stat st;
        world_path(w, name, path);
        return lstat(path, &st) == 0;
}

mode_t world_mode(const struct world *w, const char *name) {
        char path[128];
        struct stat st;
        world_path(w, name, path);
        assert_int_equal(lstat(path, &st), 0);
        return st.st_mode & 07777;
}

void world_remove(const struct world *w) {
        static const char *const names[] = {"vault/household",  "vault/household.new", "vault/lock", "vault/ledger",
                                            "vault/ledger.old", "owner.sock",          "vault.sock"};
        char path[128];
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                world_path(w, names[i], path);
                unlink(path);
        }
        world_path(w, "vault", path);
        rmdir(path);
        assert_int_equal(rmdir(w->dir), 0);
}

void world_fini(struct world *w) {
        world_stop(w);
        world_remove(w);
}

/* ---- frames ---- */

void answer_fini(struct answer *a) {
        buf_fini(&a->body);
}

void send_bytes(int fd, struct span s) {
        assert_int_equal(send(fd, s.p, s.n, MSG_NOSIGNAL), (ssize_t)s.n);
}

void say(int fd, enum wire_owner number, const void *msg) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        frame_put(&out, wire_owner_find(number), msg);
        assert_true(buf_ok(&out));
        send_bytes(fd, buf_span(&out));
}

static bool recv_all(int fd, uint8_t *p, size_t n) {
        return recv(fd, p, n, MSG_WAITALL) == (ssize_t)n;
}

bool hear(int fd, struct answer *ret) {
        uint8_t head[4];
        struct codec_why why;
        buf_clear(&ret->body);
        if (!recv_all(fd, head, sizeof(head)))
                return false;
        size_t n = get_be32(head);
        assert_true(n > 0 && n < 8192);
        assert_true(recv_all(fd, buf_room(&ret->body, n), n));
        buf_used(&ret->body, n);
        assert_int_equal(frame_read(buf_span(&ret->body), wire_owner_find, &ret->row, &ret->m, &why), 0);
        return true;
}

void hear_number(int fd, struct answer *ret, enum wire_owner number) {
        do {
                assert_true(hear(fd, ret));
        } while (ret->row->number == OWNER_V_LISTENS && number != OWNER_V_LISTENS);
        assert_int_equal(ret->row->number, number);
}

void hear_error(int fd, const char *name, enum wire_e_exit exit) {
        _clean_(answer_fini) struct answer a = {0};
        hear_number(fd, &a, OWNER_O_ERROR);
        assert_true(a.m.c_error.name.n < 64);
        char got[64] = "";
        memcpy(got, a.m.c_error.name.p, a.m.c_error.name.n);
        assert_string_equal(got, name);
        assert_int_equal(a.m.c_error.exit, exit);
        assert_true(a.m.c_error.message.n > 0);
        assert_true(WIRE_HAS(&a.m.c_error, C_ERROR, hint));
}

void hear_done(int fd) {
        _clean_(answer_fini) struct answer a = {0};
        hear_number(fd, &a, OWNER_O_DONE);
}

void hear_end(int fd) {
        uint8_t byte;
        assert_true(recv(fd, &byte, 1, 0) <= 0);
        assert_int_not_equal(errno, EAGAIN);
}

void world_daemon_heard_nothing(const struct world *w) {
        _clean_(answer_fini) struct answer a = {0};
        uint8_t byte;
        if (recv(w->daemon, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1) {
                assert_true(hear(w->daemon, &a));
                assert_int_equal(a.row->number, OWNER_V_LISTENS);
        }
        assert_int_equal(recv(w->daemon, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
        assert_int_equal(errno, EAGAIN);
}

void device_says(const struct world *w, bool in_mesh) {
        struct wire_v_device d = {.in_mesh = in_mesh};
        d.sign = SPAN_OF(w->sign.pub.b);
        d.noise = SPAN_OF(w->noise.pub.b);
        d.seal = SPAN_OF(w->seal.pub.b);
        say(w->daemon, OWNER_V_DEVICE, &d);
}

void result_says(const struct world *w, bool ok, const char *name, bool waiting) {
        struct wire_v_result r = {.ok = ok};
        if (name) {
                WIRE_PUT(&r, V_RESULT, name, span_str(name));
                WIRE_PUT(&r, V_RESULT, message, SPAN_STR("what happened"));
                WIRE_PUT(&r, V_RESULT, hint, SPAN_STR("what to do"));
        }
        if (waiting)
                WIRE_PUT(&r, V_RESULT, waiting, true);
        say(w->daemon, OWNER_V_RESULT, &r);
}

int world_connect(const struct world *w, const char *name) {
        struct timeval tv = {.tv_sec = WAIT_S};
        struct sockaddr_un addr = {.sun_family = AF_UNIX};
        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", w->dir, name);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
        int r = -1;
        for (time_t until = time(NULL) + WAIT_S; r != 0 && time(NULL) < until;) {
                r = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
                if (r != 0)
                        world_nap();
        }
        assert_int_equal(r, 0);
        return fd;
}

int owner_connect(const struct world *w) {
        return world_connect(w, "owner.sock");
}

/* ---- what the tests ask for, and find ---- */

struct wire_o_create create_plain(void) {
        struct wire_o_create q = {.mesh_name = SPAN_STR("Elm Street"), .household = SPAN_STR("Harris")};
        WIRE_PUT(&q, O_CREATE, no_passphrase, true);
        return q;
}

void key_file(const struct world *w, struct buf *out) {
        char path[128];
        uint8_t p[KEYFILE_BYTES_MAX + 1];
        world_path(w, "vault/household", path);
        int fd = open(path, O_RDONLY);
        assert_true(fd >= 0);
        ssize_t n = read(fd, p, sizeof(p));
        close(fd);
        assert_true(n > 0);
        buf_clear(out);
        buf_add(out, span_of(p, (size_t)n));
}

enum keyfile_state key_state(const struct world *w) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        struct keyfile head;
        key_file(w, &file);
        assert_int_equal(keyfile_decode(buf_span(&file), &head), 0);
        return head.state;
}
