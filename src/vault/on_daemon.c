/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon says: V_DEVICE, which device this is, and V_RESULT, what became of a founding, a joining or an
 * operation. Neither makes the vault sign, unlock or unwrap anything. The most a lying daemon can do is to let them
 * come to nothing, which it can do anyway: the key of a household that is a member is never touched here.
 */
#include "base/lang.h"
#include "base/log.h"
#include "porchlight/outcomes.def"
#include "vault/ballot.h"
#include "vault/consent.h"
#include "vault/vault.h"

static const char *state_word(enum keyfile_state state) {
        switch (state) {
        case KEYFILE_FOUNDING:
                return "founding";
        case KEYFILE_JOINING:
                return "joining";
        case KEYFILE_MEMBER:
                return "membership";
        case KEYFILE_RESTORING:
                return "restoring";
        case KEYFILE_OVER:
                return "leaving";
        case KEYFILE_DEVICE_JOINING:
                return "joining as a device";
        case KEYFILE_DEVICE:
                return "device";
        }
        return "state";
}

/* Says in the file what the key is. The mesh exists whether or not this reaches the disk, so it is tried until it
 * does. */
bool vault_key_save_state(struct vault *v) {
        _clean_(buf_wipe) struct buf file = BUF_NULL;
        bool tightened = false;
        int r = v->io->key_read(v->io->arg, &file, &tightened);
        if (r == 0)
                r = keyfile_set_state(&file, v->key.state);
        if (r == 0)
                r = v->io->key_write(v->io->arg, buf_span(&file), true);
        if (r)
                log_error("the key file could not be marked (%s): %s", state_word(v->key.state), err_text(r));
        v->unsaved = r != 0;
        return r == 0;
}

static bool become_member(struct vault *v) {
        v->key.state = KEYFILE_MEMBER;
        return vault_key_save_state(v);
}

/* ---- V_DEVICE ---- */

/* A founding or joining that this process did not begin. Where the daemon has no mesh it may still be at it (it was
 * the vault that died), so its key stays until the owner asks for something else: see vault_key_void. */
static void settle_leftover(struct vault *v) {
        if (v->in_mesh && v->key.state == KEYFILE_FOUNDING)
                become_member(v);
        else if (!v->in_mesh)
                log_info("the daemon knows nothing of the %s begun before; its key waits for the next",
                         state_word(v->key.state));
}

void on_device(struct vault *v, const union frame_message *m, mesh_time now) {
        const struct wire_v_device *d = &m->v_device;
        bool first = !v->knows_device;
        (void)now;
        memcpy(v->sign.b, d->sign.p, sizeof(v->sign.b));
        memcpy(v->noise.b, d->noise.p, sizeof(v->noise.b));
        memcpy(v->seal.b, d->seal.p, sizeof(v->seal.b));
        v->in_mesh = d->in_mesh;
        memset(v->main, 0, sizeof(v->main));
        if (WIRE_HAS(d, V_DEVICE, main))
                memcpy(v->main, d->main.p, MIN(d->main.n, sizeof(v->main) - 1));
        v->knows_device = true;
        if (v->errand) /* this may have crossed what the daemon is about to answer */
                return;
        if (v->has_key && v->key.state == KEYFILE_OVER)
                over_go_on(v);
        else if (v->has_key && v->key.state != KEYFILE_MEMBER && v->key.state != KEYFILE_DEVICE)
                settle_leftover(v);
        else if (first && v->has_key && !v->in_mesh)
                log_warning("a key is here, but the daemon is in no mesh");
        else if (first && !v->has_key && v->in_mesh && !v->broken)
                log_info(
                        "this is a further device, which joined before such devices had keys of their own: no clip can "
                        "be shared with it");
}

/* ---- V_RESULT ---- */

static enum wire_e_exit exit_of(struct span name) {
        static const struct {
                const char *name;
                int exit;
        } rows[] = {
#define OUTCOME_X(NAME, exit_, name_, ...) {name_, exit_},
                MESH_OUTCOMES(OUTCOME_X)
#undef OUTCOME_X
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (rows[i].exit && span_eq(span_str(rows[i].name), name))
                        return (enum wire_e_exit)rows[i].exit;
        return EXIT_REFUSED;
}

void vault_pass_on(struct vault_peer *p, const struct wire_v_result *res) {
        if (!WIRE_HAS(res, V_RESULT, name)) {
                vault_refuse(p, VAULT_NO_DAEMON_REFUSED);
                return;
        }
        struct wire_c_error msg = {.name = res->name, .exit = exit_of(res->name)};
        msg.message = WIRE_HAS(res, V_RESULT, message) ? res->message : res->name;
        if (WIRE_HAS(res, V_RESULT, hint))
                WIRE_PUT(&msg, C_ERROR, hint, res->hint);
        frame_put(&p->out, wire_owner_find(OWNER_O_ERROR), &msg);
}

static void give_up(struct vault *v) {
        struct wire_c_none none = {0};
        bool joining = v->key.state == KEYFILE_JOINING;
        log_info("the %s came to nothing; its key is removed", state_word(v->key.state));
        vault_key_drop(v);
        if (joining)
                frame_put(&v->to_daemon, wire_owner_find(OWNER_V_FORGET), &none);
}

/* Of a founding or joining. */
static void settle(struct vault *v, const struct wire_v_result *res) {
        bool waiting = !res->ok && WIRE_HAS(res, V_RESULT, waiting), kept = true;
        struct vault_peer *asker = TAKE(v->asker);
        v->errand = VAULT_NO_ERRAND;
        v->in_mesh = res->ok || waiting; /* what is said to the daemon from now on stands behind V_FORGET */
        if (res->ok) {
                log_info("the %s is complete", state_word(v->key.state));
                if (v->key.state == KEYFILE_RESTORING)
                        vault_lock(v); /* it was open for the new device alone */
                kept = become_member(v);
        } else if (!waiting) {
                give_up(v);
        }
        if (asker && res->ok)
                vault_done(asker, kept ? NULL : N_("DIR/vault/household could not be rewritten; is the disk full?"));
        else if (asker)
                vault_pass_on(asker, res);
}

void on_result(struct vault *v, const union frame_message *m, mesh_time now) {
        (void)now;
        if (v->errand == VAULT_CLIP)
                clip_refused(v, &m->v_result);
        else if (v->errand == VAULT_DESTROY)
                consent_destroyed(v, &m->v_result);
        else if (v->errand == VAULT_OP)
                ballot_settle(v, &m->v_result);
        else if (v->errand == VAULT_DEVICE_JOIN ||
                 (!v->errand &&
                  (!v->has_key || keyfile_of_device(v->key.state)))) /* the latter: begun by an earlier run */
                device_join_settle(v, &m->v_result);
        else if (v->has_key && v->key.state != KEYFILE_MEMBER && v->key.state != KEYFILE_OVER)
                settle(v, &m->v_result);
        else if (!m->v_result.ok) /* that all is well is said to every vault that has just come */
                log_warning("the daemon tells the outcome of nothing; ignoring it");
}
