/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_DEVICE_JOIN: this node becomes a further device of a household whose key is elsewhere. The vault reads the code, so that a
 * mangled one is refused by its name, and makes the one key that such a device has here: the one that clips which the main
 * device shares with it are sealed to. It is on the disk before the daemon hears of its public half, which the daemon has
 * certified with its own keys; the daemon never has the secret (DESIGN 4). Nothing is signed here.
 */
#include "base/lang.h"
#include "base/log.h"
#include "roster/code.h"
#include "vault/consent.h"

static enum vault_error code_wrong(int r) {
        switch (r) {
        case TICKET_E_PREFIX:
                return VAULT_NO_CODE_NOT;
        case TICKET_E_VERSION:
                return VAULT_NO_CODE_VERSION;
        case TICKET_E_SIGNATURE:
                return VAULT_NO_CODE_ALTERED;
        }
        return r < 0 ? VAULT_NO_MEMORY : VAULT_NO_CODE_MANGLED;
}

static struct vault_wish wish_of(const struct wire_o_device_join *q) {
        return (struct vault_wish){
                .passphrase = WIRE_HAS(q, O_DEVICE_JOIN, passphrase),
                .no_passphrase = WIRE_HAS(q, O_DEVICE_JOIN, no_passphrase),
                .words = WIRE_HAS(q, O_DEVICE_JOIN, passphrase) ? q->passphrase : SPAN_NONE,
        };
}

static void tell_daemon(struct vault *v, struct vault_peer *p, const struct wire_o_device_join *q, const struct code *c,
                        mesh_time now) {
        struct wire_v_device_join join = {
                .code = q->code, .name = q->name, .uid = p->uid, .seal = SPAN_OF(v->key.seal.b)};
        if (WIRE_HAS(&c->w, DEVICE_CODE, cell))
                WIRE_PUT(&join, V_DEVICE_JOIN, cell, c->w.cell);
        if (vault_send(v, p, VAULT_DEVICE_JOIN, OWNER_V_DEVICE_JOIN, &join, now))
                log_info("user %u makes this a device of a household; waiting for a member to admit it", p->uid);
}

/* PROTOCOL 15.86: "The secret of a further device's sealing key is made by that device's vault before the device asks for
 * admission, and MUST NOT leave it." */
static void join_on(struct vault *v, struct vault_peer *p, const struct wire_o_device_join *q, const struct code *c,
                    mesh_time now) {
        _clean_(household_freep) struct household *h = household_new(v);
        struct vault_wish wish = wish_of(q);
        if (!h) {
                vault_refuse(p, VAULT_NO_MEMORY);
                return;
        }
        household_sealing_only(h, &c->household);
        if (vault_key_keep(v, p, h, KEYFILE_DEVICE_JOINING, &c->mesh, &wish))
                tell_daemon(v, p, q, c, now);
}

void on_device_join(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_device_join *q = &m->o_device_join;
        struct vault_wish wish = wish_of(q);
        struct code c;
        if (!vault_is_free(v, p) || !vault_label_fine(p, N_("the device name"), q->name) || !vault_wish_fine(p, &wish))
                return;
        int r = code_parse(&c, q->code);
        if (r) {
                vault_refuse(p, code_wrong(r));
                return;
        }
        /* PROTOCOL 6.22: "the new device MUST NOT give a code up because its own clock says that it has ended." */
        join_on(v, p, q, &c, now);
        code_fini(&c);
}

/* A key that is one of its household's stays, whatever the daemon says. */
void device_join_settle(struct vault *v, const struct wire_v_result *res) {
        struct vault_peer *asker = TAKE(v->asker);
        bool waiting = !res->ok && WIRE_HAS(res, V_RESULT, waiting), kept = true;
        v->errand = VAULT_NO_ERRAND;
        v->in_mesh = res->ok || waiting;
        if (v->has_key && v->key.state == KEYFILE_DEVICE_JOINING && res->ok) {
                v->key.state = KEYFILE_DEVICE;
                kept = vault_key_save_state(v);
        } else if (v->has_key && v->key.state == KEYFILE_DEVICE_JOINING && !waiting) {
                vault_key_drop(v);
        }
        if (asker && res->ok)
                vault_done(asker, kept ? NULL : N_("DIR/vault/household could not be rewritten; is the disk full?"));
        else if (asker)
                vault_pass_on(asker, res);
}
