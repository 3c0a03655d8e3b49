/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_DEVICE_JOIN: this node becomes a further device of a household whose key is elsewhere. Nothing is signed here and no
 * key is kept: the vault reads the code, so that a mangled one is refused by its name, and hands it to the daemon, which
 * proves its own keys with its own keys. It goes through the vault all the same, because whoever joins is the owner.
 */
#include "base/lang.h"
#include "base/log.h"
#include "roster/code.h"
#include "vault/vault.h"

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

static void tell_daemon(struct vault *v, struct vault_peer *p, const struct wire_o_device_join *q, const struct code *c,
                        mesh_time now) {
        struct wire_v_device_join join = {.code = q->code, .name = q->name, .uid = p->uid};
        if (WIRE_HAS(&c->w, DEVICE_CODE, cell))
                WIRE_PUT(&join, V_DEVICE_JOIN, cell, c->w.cell);
        if (vault_ask(v, p, VAULT_DEVICE_JOIN, OWNER_V_DEVICE_JOIN, &join, now))
                log_info("user %u makes this a device of a household; waiting for a member to admit it", p->uid);
}

void on_device_join(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_device_join *q = &m->o_device_join;
        struct code c;
        if (!vault_is_free(v, p) || !vault_label_fine(p, N_("the device name"), q->name))
                return;
        int r = code_parse(&c, q->code);
        if (r) {
                vault_refuse(p, code_wrong(r));
                return;
        }
        /* PROTOCOL 6.22: "the new device MUST NOT give a code up because its own clock says that it has ended." */
        tell_daemon(v, p, q, &c, now);
        code_fini(&c);
}

void device_join_settle(struct vault *v, const struct wire_v_result *res) {
        struct vault_peer *asker = TAKE(v->asker);
        v->errand = VAULT_NO_ERRAND;
        v->in_mesh = res->ok || WIRE_HAS(res, V_RESULT, waiting);
        if (asker && res->ok)
                vault_done(asker, NULL);
        else if (asker)
                vault_pass_on(asker, res);
}
