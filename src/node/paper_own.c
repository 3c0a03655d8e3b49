/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clips of this household's that its main device shares with a further one (PROTOCOL 15.85 to 15.88): a grant that names the
 * device, with the receipt that the household has signed with it. On the further device both come here; from then on they are what a
 * grant of another household is once its terms are signed: the receipt goes back until the key has come, the bytes are
 * fetched, the device says what became of them, and at the grant's end all of it goes (paper_end.c).
 */
#include "node/internal.h"
#include "node/paper_rules.h"

static bool is_main(const struct haul_link *l) {
        const struct roster_device *d = papers_main(l->n, &l->household);
        return d && key_eq(&d->sign, &l->device);
}

bool paper_own_link(const struct haul_link *l) {
        struct mesh_status st;
        mesh_status(l->n->core, &st);
        return key_eq(&l->household, &st.household);
}

bool paper_own_is(const struct node *n, const struct paper *p) {
        struct mesh_status st;
        mesh_status(n->core, &st);
        return p->what == PAPER_IN_GRANT && key_eq(&p->household, &st.household);
}

bool paper_own_from(const struct haul_link *l, const struct paper *grant) {
        return !paper_own_is(l->n, grant) || is_main(l);
}

bool paper_own_taken_by(const struct paper *grant, const struct key *device) {
        struct wire_manifest w;
        return codec_decode(&wire_manifest_desc, buf_span(&grant->more), &w, NULL) == 0 &&
               span_eq(w.device, SPAN_OF(device->b));
}

bool paper_own_taken_here(const struct node *n, const struct paper *grant) {
        struct mesh_status st;
        mesh_status(n->core, &st);
        return paper_own_taken_by(grant, &st.device);
}

bool paper_own_gone(const struct node *n, const struct key *whom) {
        const struct roster *roster = mesh_roster(n->core);
        const struct roster_device *d = roster ? roster_device_find(roster, whom) : NULL;
        return d && d->gone_at;
}

static const struct paper *receipt_of(const struct node *n, const struct paper *grant) {
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what == PAPER_OUT_RECEIPT && hash_eq(&p->about, &grant->id))
                        return p;
        return NULL;
}

bool paper_own_taken(const struct node *n, const struct hash *id, struct span box, struct wire_o_taken *ret) {
        const struct paper *grant = papers_find(n, id), *receipt;
        if (!grant || !paper_own_is(n, grant) || !(receipt = receipt_of(n, grant)))
                return false;
        *ret = (struct wire_o_taken){.grant = buf_span(&grant->bytes),
                                     .manifest = buf_span(&grant->more),
                                     .receipt = buf_span(&receipt->bytes)};
        WIRE_PUT(ret, O_TAKEN, key, box);
        return true;
}

/* ---- they come ---- */

static bool is_full(const struct node *n) {
        size_t count = 0;
        LIST_EACH (p, &n->papers.all, struct paper, on)
                count += paper_own_is(n, p) && p->state < GIVEN_TAKEN_BACK;
        return count >= PAPERS_OWN;
}

void paper_own_grant(struct haul_link *l, const struct paper_eye *eye, struct span paper, struct span manifest) {
        const struct roster_device *main = papers_main(l->n, &eye->self);
        struct paper_grant g;
        struct mesh_status st;
        mesh_status(l->n->core, &st);
        enum paper_verdict v = paper_own_grant_read(eye, main ? &main->sign : NULL, &st.device, paper, manifest, &g);
        if (v == PAPER_JUNK)
                paper_in_junk(l, "a grant");
        else if (v == PAPER_LATE)
                paper_in_say(l, &g.id, REFUSAL_OVER);
        else if (paper_in_known(l, &g.id))
                return;
        else if (is_full(l->n))
                paper_in_say(l, &g.id, REFUSAL_NOT_NOW);
        else
                paper_in_keep(l, &(struct store_paper){.id = g.id,
                                                       .what = PAPER_IN_GRANT,
                                                       .state = GIVEN_OFFERED,
                                                       .household = l->household,
                                                       .about = g.clip,
                                                       .expires = g.grant.expires + PAPERS_LINGER,
                                                       .paper = paper,
                                                       .more = manifest});
}

/* It stands behind the grant. What was said while there was no room for that is said again. */
void paper_own_receipt(struct haul_link *l, const struct wire_receipt *w, const struct hash *id, struct span paper) {
        struct hash grant;
        memcpy(grant.b, w->grant.p, sizeof(grant.b));
        struct paper *g = papers_find(l->n, &grant);
        if (!is_main(l))
                paper_in_junk(l, "a receipt");
        else if (!g || !paper_own_is(l->n, g))
                paper_in_say(l, id, REFUSAL_NOT_NOW);
        else if (g->state > GIVEN_SIGNED)
                paper_in_say(l, id, 0);
        else if (!paper_in_known(l, id)) {
                paper_in_keep(l, &(struct store_paper){.id = *id,
                                                       .what = PAPER_OUT_RECEIPT,
                                                       .state = PAPER_WAITS,
                                                       .household = l->household,
                                                       .about = grant,
                                                       .expires = g->expires,
                                                       .paper = paper});
                papers_set(l->n, g, GIVEN_SIGNED);
                courier_kick(l->n, &l->household);
                paper_end_fetch(l->n, g);
        }
}
