/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's rule for an emergency sleeps where its vault has no key for it any more: after a restart, a power cut or a lock. The
 * daemon knows no more of it than that, and until when it stands. It tells the home's owner, and nobody else: in STATUS, in
 * INBOX, and in WATCH both when it happens and when a watch begins, which after a power cut is later.
 */
#include "base/log.h"
#include "node/caller.h"
#include "node/papers.h"

mesh_wall control_policy_asleep(const struct node *n) {
        return n->papers.rule_asleep > node_time(n) ? n->papers.rule_asleep : 0;
}

void control_policy_put(struct caller *c) {
        struct wire_c_came msg = {.v = 1, .event = HAPPENING_ASLEEP};
        mesh_wall until = control_policy_asleep(c->n);
        if (!until || !caller_owns(c))
                return;
        WIRE_PUT(&msg, C_CAME, policy_until, until);
        caller_row(c, CONTROL_CAME_ROW, &msg);
}

void control_policy_said(struct node *n, mesh_wall asleep) {
        bool news = asleep && asleep != n->papers.rule_asleep;
        n->papers.rule_asleep = asleep;
        if (!news)
                return;
        log_warning("the owner's rule for an emergency sleeps: the vault was started anew or locked, and has no key "
                    "for it; "
                    "`porchlight vault unlock` wakes it");
        LIST_EACH (c, &n->control.callers, struct caller, on)
                if (!c->closed && c->watch.on && c->watch.owner) {
                        control_policy_put(c);
                        caller_flush(c);
                }
}
