/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device codes that this household's key signed on this device: their names, so that one can be taken back. The vault makes
 * a code and shows it to the owner only when its name is on disk here. What would let somebody use it never comes here.
 *
 * Taking one back is what it is for a ticket (revoke.c): any home may be the one that is asked to admit the new device, so
 * all of them must hear of it. A home that has not may still admit one; the fold lets that device stand, as it does a home
 * on a ticket taken back, and this household is told (mesh_uninvited).
 */
#include "core/belong.h"

#include "base/array.h"
#include "core/core.h"
#include "roster/roster.h"

#include <stdlib.h>

#define CODES_FIRST 8 /* items; then it doubles */

void codes_fini(struct mesh *m) {
        free(m->codes);
        m->codes = NULL;
        m->n_codes = m->cap_codes = 0;
}

static struct code_row *code_find(const struct mesh *m, const struct key *id) {
        for (size_t i = 0; i < m->n_codes; i++)
                if (key_eq(&m->codes[i].id, id))
                        return &m->codes[i];
        return NULL;
}

static int code_put(struct mesh *m, const struct code_row *c) {
        struct code_row *rows = array_room(m->codes, m->n_codes, &m->cap_codes, sizeof(*rows), CODES_FIRST);
        if (!rows)
                return ERR_NOMEM;
        m->codes = rows;
        m->codes[m->n_codes++] = *c;
        return 0;
}

static int code_save(struct mesh *m, const struct code_row *c, bool revoked, const struct wait *w) {
        struct mesh_row row = {.kind = MESH_ROW_CODE,
                               .code = {.id = c->id,
                                        .share = (uint8_t)c->share,
                                        .made = c->made,
                                        .expires = c->expires,
                                        .revoked = revoked}};
        return mesh_store(m, &row, w);
}

int codes_restore(struct mesh *m, const struct mesh_row *row) {
        struct code_row c = {.id = row->code.id,
                             .share = (enum wire_e_share)row->code.share,
                             .made = row->code.made,
                             .expires = row->code.expires,
                             .revoked = row->code.revoked};
        return code_put(m, &c);
}

int codes_add(struct mesh *m, const struct mesh_event *ev) {
        enum mesh_outcome o = mesh_standing(m);
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, ev->token, o);
                return 0;
        }
        struct code_row c = {
                .id = ev->code.id, .share = ev->code.share, .made = clock_now(m), .expires = ev->code.expires};
        struct wait *w = mesh_wait(m, WAIT_CODE, ev->token);
        if (!w || (!code_find(m, &c.id) && code_put(m, &c)))
                return ERR_NOMEM;
        w->id = c.id;
        return code_save(m, &c, false, w);
}

bool codes_has(const struct mesh *m, const struct key *id) {
        return code_find(m, id) != NULL;
}

/* ---- taking one back ---- */

/* By a row here, which outlives the revocation, or by one that another device of the household signed. */
static bool taken_back(const struct mesh *m, const struct key *code, const struct roster_home *of) {
        const struct code_row *c = code_find(m, code);
        return (c && c->revoked) || revoke_holds_code(m, code, of);
}

static enum mesh_outcome may_revoke(const struct mesh *m, const struct code_row *c) {
        struct key device;
        if (roster_code_used(m->roster, &c->id, &device))
                return MESH_OUT_CODE_USED;
        bool over = c->expires <= clock_now(m) || taken_back(m, &c->id, roster_home_find(m->roster, &m->household));
        return over ? MESH_OUT_NO_CODE : MESH_OUT_DONE;
}

int codes_revoke(struct mesh *m, const struct mesh_event *ev) {
        const struct code_row *c = code_find(m, &ev->revoke.id);
        enum mesh_outcome o = mesh_standing(m);
        if (o == MESH_OUT_DONE)
                o = may_revoke(m, c);
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, ev->token, o);
                return 0;
        }
        struct wait *w = mesh_wait(m, WAIT_CODE_REVOKE, ev->token);
        if (!w)
                return ERR_NOMEM;
        w->id = c->id;
        w->left = 2;
        int r = revoke_make(m, &c->id, c->expires, w);
        return r ? r : code_save(m, c, true, w);
}

int codes_stored(struct mesh *m, struct wait *w) {
        struct code_row *c = code_find(m, &w->id);
        bool back = w->kind == WAIT_CODE_REVOKE;
        if (w->failed && back)
                revoke_undo(m, &w->id);
        else if (w->failed && c)
                *c = m->codes[--m->n_codes];
        if (!w->failed && back && c)
                c->revoked = true;
        mesh_reply(m, w->command, w->failed ? MESH_OUT_STORE_FAILED : MESH_OUT_DONE);
        return back && !w->failed ? revoke_announce(m, &w->id) : 0;
}

/* ---- looking in ---- */

bool mesh_code_at(const struct mesh *m, size_t i, struct mesh_code *ret) {
        if (i >= m->n_codes)
                return false;
        const struct code_row *c = &m->codes[i];
        const struct roster_home *me = m->roster ? roster_home_find(m->roster, &m->household) : NULL;
        bool back = me ? taken_back(m, &c->id, me) : c->revoked;
        *ret = (struct mesh_code){.id = c->id, .share = c->share, .made = c->made, .expires = c->expires};
        if (me && roster_code_used(m->roster, &c->id, &ret->device)) {
                ret->state = CODE_USED;
                ret->uninvited = back;
        } else if (back) {
                ret->state = CODE_TAKEN_BACK;
        } else {
                ret->state = c->expires <= clock_now(m) ? CODE_EXPIRED : CODE_OPEN;
        }
        return true;
}

/* PROTOCOL 6.21: "the household's devices that hold both MUST tell their owner, as long as the device is current." */
bool mesh_uninvited(const struct mesh *m, const struct key *device) {
        const struct roster_device *d = m->roster ? roster_device_find(m->roster, device) : NULL;
        const struct key *code = d && !d->gone_at ? roster_device_code(m->roster, d) : NULL;
        return code && taken_back(m, code, d->home);
}
