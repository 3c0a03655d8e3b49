/* SPDX-License-Identifier: Apache-2.0 */
/* O_STATE: what is here, without opening it. */
#include "vault/owner.h"
#include "vault/vault.h"

void on_state(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        bool has = v->has_key && !vault_key_void(v), locked = has && v->key.lock == KEYFILE_LOCKED;
        bool device = has && keyfile_of_device(v->key.state);
        struct wire_o_state row = {
                .v = 1,
                .has_household = has && !device,
                .passphrase = locked,
                .unlocked = has && vault_unlocked(v, now),
        };
        (void)m;
        if (has)
                WIRE_PUT(&row, O_STATE, owner, v->key.owner);
        if (v->io->owner != OWNER_NOBODY)
                WIRE_PUT(&row, O_STATE, named, v->io->owner);
        if (device)
                WIRE_PUT(&row, O_STATE, device, true);
        if (vault_joins(v))
                WIRE_PUT(&row, O_STATE, joining, SPAN_OF(v->key.mesh.b));
        WIRE_PUT(&row, O_STATE, landlock, v->io->walls.landlock);
        WIRE_PUT(&row, O_STATE, syscalls, v->io->walls.syscalls);
        frame_put(&p->out, wire_owner_find(OWNER_O_STATE_ROW), &row);
        vault_done(p, NULL);
}
