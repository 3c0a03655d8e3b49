/* SPDX-License-Identifier: Apache-2.0 */
/* O_UNLOCK and O_LOCK: the owner's choice not to type the passphrase again for a while. */
#include "base/lang.h"
#include "base/log.h"
#include "vault/rule.h"

#define MS_PER_S 1000

static const char always_open[] = N_("the household key has no passphrase: it is always open");
static const char rule_awake_again[] =
        N_("the rule for an emergency is awake again, until it ends; `porchlight policy show`");

void on_unlock(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_unlock *q = &m->o_unlock;
        uint64_t seconds = WIRE_HAS(q, O_UNLOCK, seconds) ? q->seconds : VAULT_OPEN_S;
        struct household *h = NULL;
        if (!vault_has_key(v, p))
                return;
        if (v->key.lock != KEYFILE_LOCKED) {
                vault_done(p, always_open);
                return;
        }
        if (!vault_open(v, p, q->passphrase, now, &h))
                return;
        vault_lock(v);
        v->open = h;
        v->open_until = now + seconds * MS_PER_S;
        log_info("user %u unlocked the household key for %llu s", p->uid, (unsigned long long)seconds);
        vault_renew(v, now);
        vault_done(p, rule_wake(v, h) ? rule_awake_again : NULL);
}

void on_lock(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        (void)m, (void)now;
        if (!vault_has_key(v, p))
                return;
        vault_lock(v);
        rule_sleep(v);
        rule_say(v);
        vault_done(p, v->key.lock == KEYFILE_LOCKED ? NULL : always_open);
}
