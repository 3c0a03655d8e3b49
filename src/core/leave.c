/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who leaves says so. The others go on counting on a home, and give it every fresh key, until they have its leave; so a
 * household that left where nobody could be reached goes on dialling, as a member does, until one other home has heard. That
 * one hangs up, and sends the leave back as its last word (PROTOCOL 8.25); any that has heard it from others, and says nothing
 * after the handshake any more, will do too. After a restart one of them is asked again.
 */
#include "core/belong.h"
#include "core/core.h"
#include "roster/roster.h"
#include "wire/codec.h"

/* PROTOCOL 8.29: "A household that has left MUST go on dialling (rule 11.7) until another home has heard of it." */
bool leave_untold(const struct mesh *m) {
        const struct roster_home *me = m->roster && !m->member ? roster_home_find(m->roster, &m->household) : NULL;
        return me && me->left && !m->leave_told;
}

void leave_look(struct mesh *m, struct span op) {
        struct wire_op w;
        if (leave_untold(m) && codec_decode(&wire_op_desc, op, &w, NULL) == 0 && w.type == OP_LEAVE &&
            w.household.n == sizeof(m->household.b) && memcmp(w.household.p, m->household.b, w.household.n) == 0)
                m->leave_told = true;
}

void leave_ignored(struct mesh *m) {
        m->leave_told = m->leave_told || leave_untold(m);
}
