/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Being rid of a mesh: after `mesh leave`, and for a home that others removed or that gives up a joining which is not done,
 * the folder is as it was before the home had a mesh, with fresh keys, so that it may found or join again there.
 *
 * What there is to remove is in two folders of two processes: the household's key here; device key and store with the
 * daemon. One byte decides: the state in the key file, rewritten in one rename. Until it says OVER nothing is removed
 * and the home is what it was, a member or out of its mesh, with all it keeps. From then on there is no way but
 * forward, whoever is killed when:
 *
 *   1. The leave is signed, on the daemon's disk, and a home has heard of it; or the household is out of the mesh by the
 *      vault's own fold (on_op.c, node/vault_vote.c); or the key is that of a joining, as far as the vault has heard. The
 *      owner has said yes to the sentence that tells what is lost.
 *   2. The key file says OVER, durably. The owner is answered.
 *   3. V_CLEAR: the daemon ends its node, has a fresh device key put in the place of the old one, empties its store in
 *      one transaction, and begins again in the same process (daemon/main.c).
 *   4. It says V_DEVICE, in no mesh. Only now the key file is removed: it was what remembered that all this is due.
 *
 * Whenever a daemon that is in a mesh meets a key that is OVER, step 3 is due, however often it began before: a store
 * that is not empty yet under a device key that is new is emptied under a newer one. A daemon taken over cannot bring
 * any of this about: it has no message for it, and a key that is a member's is never given up on its word.
 */
#include "base/log.h"
#include "vault/consent.h"

static void tell_daemon(struct vault *v) {
        struct wire_c_none none = {0};
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_CLEAR), &none);
}

enum vault_error over_begin(struct vault *v) {
        enum keyfile_state before = v->key.state;
        v->key.state = KEYFILE_OVER;
        if (!vault_key_save_state(v)) {
                v->key.state = before;
                v->unsaved =
                        true; /* the new state may be on disk all the same, but not durably: the old one goes over it */
                return VAULT_NO_DISK;
        }
        vault_lock(v);
        log_info("the household is out of its mesh: its key is given up, and the daemon forgets the mesh");
        tell_daemon(v);
        return VAULT_OK;
}

void over_go_on(struct vault *v) {
        if (v->in_mesh) {
                log_info("the daemon has not forgotten the mesh that this household is out of; telling it again");
                tell_daemon(v);
                return;
        }
        log_info("the mesh is forgotten; the household's key is removed");
        vault_book_end(v);
        vault_key_drop(v);
}
