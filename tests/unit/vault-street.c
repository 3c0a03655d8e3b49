/* SPDX-License-Identifier: Apache-2.0 */
/* See vault-street.h. */
#include "vault-street.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

void sv_found(struct street *s, uint32_t homes) {
        street_found(s, 7, (struct wire_list){0});
        for (uint32_t i = 1; i < homes; i++)
                assert_int_equal(street_join(s, 0, i, 0), 0);
}

static void write_key(struct street_vault *sv, uint32_t n, const char *passphrase) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        struct keyfile_secret secret;
        struct box_key seal;
        char path[128];
        box_key_new(&seal, &sv->w.rng);
        memcpy(secret.sign_seed, sv->s->homes[n].key.secret, sizeof(secret.sign_seed));
        secret.seal = seal.secret;
        struct keyfile head = {
                .lock = passphrase ? KEYFILE_LOCKED : KEYFILE_PLAIN,
                .state = KEYFILE_MEMBER,
                .owner = getuid(),
                .mesh = sv->s->mesh,
                .household = sv->s->homes[n].key.pub,
                .seal = seal.pub,
                .passes = passphrase ? 1 : 0, /* cheap: a test opens it often */
                .memory_kib = passphrase ? KEYFILE_MEMORY_KIB_MIN : 0,
        };
        assert_int_equal(keyfile_encode(&file, &head, &secret, span_str(passphrase), &sv->w.rng), 0);
        world_path(&sv->w, "vault/household", path);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, file.p, file.n), (ssize_t)file.n);
        close(fd);
}

void sv_init(struct street_vault *sv, struct street *s, uint32_t n, const char *passphrase) {
        *sv = (struct street_vault){.s = s};
        world_init(&sv->w); /* makes the folder */
        device_says(&sv->w, false);
        close(owner_connect(&sv->w));
        world_stop(&sv->w);
        write_key(sv, n, passphrase);
        world_run(&sv->w);
        device_says(&sv->w, true);
        sv->fd = owner_connect(&sv->w);
}

void sv_fini(struct street_vault *sv) {
        close(sv->fd);
        answer_fini(&sv->a);
        answer_fini(&sv->d);
        world_fini(&sv->w);
}

void sv_tell(struct street_vault *sv, const struct roster *r, mesh_wall time) {
        const struct roster_op *op;
        static const uint8_t link_key[32] = {7};
        struct wire_v_ops_end end = {.time = time};
        WIRE_PUT(&end, V_OPS_END, link_key, SPAN_OF(link_key));
        hear_number(sv->w.daemon, &sv->d, OWNER_V_WANT_OPS);
        for (size_t i = 0; (op = roster_op_at(r, i)); i++) {
                struct wire_v_ops msg = {.op = op->bytes};
                say(sv->w.daemon, OWNER_V_OPS, &msg);
        }
        say(sv->w.daemon, OWNER_V_OPS_END, &end);
}

void sv_tell_backup(const struct world *w, const struct roster *r, mesh_wall time, const struct key *device,
                    const struct key *noise) {
        const struct roster_op *op;
        struct wire_b_device d = {.device = SPAN_OF(device->b), .noise = SPAN_OF(noise->b)};
        struct wire_b_link_key k = {.key = SPAN_OF(noise->b)};
        struct wire_v_ops_end end = {.time = time};
        say(w->daemon, OWNER_B_DEVICE, &d);
        say(w->daemon, OWNER_B_LINK_KEY, &k);
        for (size_t i = 0; (op = roster_op_at(r, i)); i++) {
                struct wire_v_ops msg = {.op = op->bytes};
                say(w->daemon, OWNER_B_OP, &msg);
        }
        say(w->daemon, OWNER_V_OPS_END, &end);
}

struct wire_o_op sv_op(enum wire_e_op type, const char *target) {
        struct wire_o_op q = {.type = type};
        if (target)
                WIRE_PUT(&q, O_OP, target, span_str(target));
        return q;
}

void sv_say(struct street_vault *sv, enum wire_e_op type, const char *target) {
        struct wire_o_op q = sv_op(type, target);
        say(sv->fd, OWNER_O_OP, &q);
}

void sv_ask(struct street_vault *sv, const struct wire_o_op *q) {
        say(sv->fd, OWNER_O_OP, q);
        sv_tell(sv, sv->s->sides[0], sv->s->now);
        hear_number(sv->fd, &sv->a, OWNER_O_SENTENCE);
}

void sv_refused(struct street_vault *sv, enum wire_e_op type, const char *target, const char *error,
                enum wire_e_exit exit) {
        sv_say(sv, type, target);
        sv_tell(sv, sv->s->sides[0], sv->s->now);
        hear_error(sv->fd, error, exit);
}

void sv_go(struct street_vault *sv, const char *passphrase) {
        struct wire_o_go go = {0};
        if (passphrase)
                WIRE_PUT(&go, O_GO, passphrase, span_str(passphrase));
        say(sv->fd, OWNER_O_GO, &go);
}

void sv_take(struct street_vault *sv) {
        hear_number(sv->w.daemon, &sv->d, OWNER_V_OP);
        assert_int_equal(street_take(sv->s, 0, sv->d.m.v_op.op, false), 0); /* checks the signature */
        result_says(&sv->w, true, NULL, false);
}

void sv_voted(struct street_vault *sv, bool in_force, unsigned votes, unsigned needed) {
        struct wire_o_voted *row = &sv->a.m.o_voted;
        hear_number(sv->fd, &sv->a, OWNER_O_VOTED);
        assert_true(span_eq(row->id, SPAN_OF(sv->s->last.b)));
        assert_int_equal(row->in_force, in_force);
        assert_int_equal(row->votes, votes);
        assert_int_equal(row->needed, needed);
        hear_done(sv->fd);
}

void sv_sign(struct street_vault *sv, enum wire_e_op type, const char *target) {
        struct wire_o_op q = sv_op(type, target);
        sv_ask(sv, &q);
        sv_go(sv, NULL);
        sv_take(sv);
}

void sv_says(const struct street_vault *sv, const char *words) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        buf_add(&text, sv->a.m.o_sentence.text);
        if (!strstr(buf_cstr(&text), words))
                fail_msg("\"%s\" is not in: %s", words, buf_cstr(&text));
}

void sv_daemon_heard_nothing(const struct street_vault *sv) {
        world_daemon_heard_nothing(&sv->w);
}

const char *sv_id(const struct street *s, uint32_t n, unsigned digits) {
        static char text[65];
        for (size_t i = 0; i < 32; i++)
                snprintf(text + 2 * i, 3, "%02x", s->homes[n].key.pub.b[i]);
        text[digits] = 0;
        return text;
}

bool sv_unlocked(const struct street_vault *sv) {
        _clean_(answer_fini) struct answer a = {0};
        struct wire_c_none none = {0};
        int fd = owner_connect(&sv->w);
        say(fd, OWNER_O_STATE, &none);
        hear_number(fd, &a, OWNER_O_STATE_ROW);
        hear_done(fd);
        close(fd);
        return a.m.o_state.unlocked;
}
