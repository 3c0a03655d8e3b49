/* SPDX-License-Identifier: Apache-2.0 */
#include "node/leave.h"

#include "haul/veil.h"
#include "node/fetch_inside.h"
#include "node/paper_rules.h"

/* All are gone through, whether it is one of them or not: how long it takes tells nothing. */
static enum haul_leave veiled(struct node *n, const struct mesh_status *st, const struct haul_link *l, struct span said,
                              struct hash *ret_proof) {
        enum haul_leave leave = HAUL_LEAVE_NONE;
        LIST_EACH (f, &n->fetches.all, struct fetch, on) {
                struct hash veil;
                haul_veil(&veil, &st->mesh, &f->id, f->salt, &l->device, &st->device);
                if (!span_eq(said, SPAN_OF(veil.b)) || !fetch_gives(f))
                        continue;
                haul_veil(ret_proof, &st->mesh, &f->id, f->salt, &st->device, &l->device);
                leave = HAUL_LEAVE_SHOW;
        }
        return leave;
}

/* Whose it is: what was not fetched was taken in by this household, or is not here. */
static struct key owner_of(const struct node *n, const struct mesh_status *st, const struct hash *clip) {
        const struct fetch *f = fetch_find(n, clip);
        return f ? f->household : st->household;
}

/* PROTOCOL 15.48: "It is judged when SEEK comes. The owner's main device, which knows what was taken back, gives nothing for a
 * grant that it does not have as one in force." */
static bool in_force(const struct node *n, const struct hash *grant) {
        const struct paper *p = papers_find(n, grant);
        return !papers_here(n) || (p && p->what == PAPER_OUT_GRANT && p->state < PAPER_NOT);
}

static enum haul_leave shown(struct node *n, const struct mesh_status *st, const struct haul_link *l,
                             const struct wire_haul_clip *seek) {
        struct paper_eye eye = {.roster = mesh_roster(n->core), .bringer = l->household, .now = node_time(n)};
        struct wire_grant grant;
        struct hash clip, id;
        memcpy(clip.b, seek->clip.p, sizeof(clip));
        if (paper_leave_read(&eye, seek->grant, &clip, &l->device, &grant, &id) != PAPER_FINE)
                return HAUL_LEAVE_NONE;
        struct key owner = owner_of(n, st, &clip);
        if (!span_eq(grant.household, SPAN_OF(owner.b)))
                return HAUL_LEAVE_NONE;
        /* PROTOCOL 15.91: "Who has a clip by a grant MUST NOT take for leave (rule 15.48) a grant of which it was told so, and
         * neither MUST a further device of the owner's." */
        bool given = key_eq(&owner, &st->household) ? in_force(n, &id) : true;
        return given && !paper_told_back(n, &id) ? HAUL_LEAVE_GIVEN : HAUL_LEAVE_NONE;
}

enum haul_leave leave_of(struct node *n, const struct haul_link *l, const struct wire_haul_clip *seek,
                         struct hash *ret_proof) {
        struct mesh_status st;
        mesh_status(n->core, &st);
        if (key_eq(&st.household, &l->household))
                return HAUL_LEAVE_GIVEN;
        if (WIRE_HAS(seek, HAUL_CLIP, grant))
                return shown(n, &st, l, seek);
        return veiled(n, &st, l, seek->clip, ret_proof);
}
