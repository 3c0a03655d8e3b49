/* SPDX-License-Identifier: Apache-2.0 */
/* CONFIG and CONFIG_SET: what the daemon is told, and by whom. The settings are the daemon's (node/node.h). */
#include "node/caller.h"

static void put_row(struct caller *c, const struct node_setting *s) {
        struct wire_c_setting msg = {
                .v = 1,
                .key = span_str(s->key),
                .value = s->value,
                .origin = s->origin,
                .restart = s->restart,
        };
        if (*s->where)
                WIRE_PUT(&msg, C_SETTING, where, span_str(s->where));
        caller_row(c, CONTROL_SETTING_ROW, &msg);
}

/* All, or the one of that name. Returns how many. */
static size_t put_rows(struct caller *c, struct span key) {
        const struct node_settings *settings = &c->n->settings;
        struct node_setting s;
        size_t put = 0;
        for (size_t i = 0; settings->at(c->n->ctx, i, &s); i++) {
                if (key.n && !span_eq(span_str(s.key), key))
                        continue;
                put_row(c, &s);
                put++;
        }
        return put;
}

void control_config(struct caller *c) {
        if (put_rows(c, c->msg.c_config.key))
                caller_done(c);
        else
                caller_error(c, "no-such-setting", "there is no setting of that name",
                             "`porchlight config list` shows them", EXIT_NOT_FOUND);
}

/* Whoever may only read and post must not decide where this home listens. */
void control_config_set(struct caller *c) {
        const struct wire_c_config *m = &c->msg.c_config;
        struct node_refusal why = {.hint = ""};
        if (!caller_is_owner(c))
                return;
        if (!c->n->settings.set(c->n->ctx, m->key, WIRE_HAS(m, C_CONFIG, value) ? &m->value : NULL, &why)) {
                caller_refuse(c, why.name, &why.message, why.hint, why.exit);
                return;
        }
        put_rows(c, m->key);
        caller_done(c);
}
