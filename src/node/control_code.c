/* SPDX-License-Identifier: Apache-2.0 */
/* CODES and CODE_REVOKE: the device codes that this household's key signed on this device. */
#include "base/lang.h"
#include "node/caller.h"
#include "node/rows.h"

static void put_code(struct caller *c, const struct mesh_code *code) {
        char device[ROWS_NAME_MAX];
        struct wire_c_code row = {
                .v = 1,
                .id = SPAN_OF(code->id.b),
                .share = code->share,
                .made = code->made,
                .expires = code->expires,
                .state = code->state,
        };
        if (code->state == CODE_USED) {
                WIRE_PUT(&row, C_CODE, device, span_str(rows_device(c->n, &code->device, device)));
                WIRE_PUT(&row, C_CODE, device_id, SPAN_OF(code->device.b));
        }
        if (code->uninvited)
                WIRE_PUT(&row, C_CODE, uninvited, true);
        caller_row(c, CONTROL_CODE_ROW, &row);
}

void control_codes(struct caller *c) {
        struct mesh_code code;
        for (size_t i = 0; mesh_code_at(c->n->core, i, &code); i++)
                put_code(c, &code);
        caller_done(c);
}

/* How many codes in that state have an id that begins so; the last of them. */
static unsigned find_codes(const struct node *n, struct span digits, enum wire_e_code_state state,
                           struct mesh_code *ret) {
        struct mesh_code code;
        unsigned fit = 0;
        for (size_t i = 0; mesh_code_at(n->core, i, &code); i++) {
                if (code.state != state || !rows_id_begins(&code.id, digits))
                        continue;
                *ret = code;
                fit++;
        }
        return fit;
}

static void say_used(struct caller *c, const struct mesh_code *code) {
        char device[ROWS_NAME_MAX];
        struct said message;
        said_set(&message, "that code has been used: the device %s came on it",
                 rows_device(c->n, &code->device, device));
        caller_refuse(c, "code-used", &message, N_("give the device's name to revoke the device"), EXIT_REFUSED);
}

static void on_revoked(struct command *cmd, const struct mesh_action *a) {
        caller_outcome(CONTAINER_OF(cmd, struct caller, cmd), a->reply.outcome);
}

void control_code_revoke(struct caller *c) {
        struct span digits = c->msg.c_name.name;
        struct mesh_event ev = {.type = MESH_EV_REVOKE};
        struct mesh_code code;
        unsigned fit = find_codes(c->n, digits, CODE_OPEN, &code);
        if (fit > 1) {
                caller_error(c, "ambiguous", "several open device codes begin with that", "give more digits of the id",
                             EXIT_NOT_FOUND);
        } else if (fit == 1) {
                ev.revoke.id = code.id;
                c->cmd.reply = on_revoked;
                node_command(c->n, &c->cmd, ev);
        } else if (find_codes(c->n, digits, CODE_USED, &code)) {
                say_used(c, &code);
        } else {
                caller_outcome(c, MESH_OUT_NO_CODE);
        }
}
