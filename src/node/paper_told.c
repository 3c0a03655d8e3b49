/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A grant that was taken back is leave for nobody any more, and not only its owner's main device gives of the clip: so do the
 * homes that were given it, too, and the device that took it in. Those are brought the same paper as the home that it is
 * about (PROTOCOL 15.91). It names a grant by its hash and nobody by name: who has not been shown that grant learns from it
 * that there was another one, and no more.
 *
 * At the owner each of them is a row of its own in the book, beside that for the recipient; at the other end a row says which
 * grants are no leave, until the longest grant there can be would be over.
 */
#include "base/log.h"
#include "node/internal.h"

/* The paper and whom it goes to: the hash that names a row has room for both. */
static struct hash row_id(const struct hash *paper, const struct key *whom) {
        struct hash id;
        for (size_t i = 0; i < sizeof(id.b); i++)
                id.b[i] = paper->b[i] ^ whom->b[i];
        return id;
}

/* ---- at the owner ---- */

static bool has_room(const struct node *n) {
        return n->papers.n - n->papers.begun < PAPERS_TOLD_MOST;
}

static void tell(struct node *n, const struct paper *back, const struct key *whom) {
        struct store_paper row = {.id = row_id(&back->id, whom),
                                  .what = PAPER_OUT_TOLD,
                                  .state = PAPER_WAITS,
                                  .household = *whom,
                                  .about = back->about,
                                  .expires = back->expires - PAPERS_LINGER,
                                  .paper = buf_span(&back->bytes)};
        if (!papers_find(n, &row.id) && has_room(n) && papers_add(n, &row))
                courier_kick(n, &row.household);
}

/* The further device that took its clip in keeps it, and gives of it. */
static void tell_maker(struct node *n, const struct paper *back, const struct paper *grant) {
        struct wire_manifest w;
        struct mesh_status st;
        struct key device;
        mesh_status(n->core, &st);
        if (codec_decode(&wire_manifest_desc, buf_span(&grant->more), &w, NULL) ||
            span_eq(w.device, SPAN_OF(st.device.b)))
                return;
        memcpy(device.b, w.device.p, sizeof(device.b));
        if (!key_eq(&device, &grant->household) && !paper_own_gone(n, &device))
                tell(n, back, &device);
}

static bool in_time(const struct node *n, const struct paper *p) {
        return p->expires - PAPERS_LINGER > node_time(n);
}

static void tell_all(struct node *n, const struct paper *back, const struct paper *grant) {
        LIST_EACH (p, &n->papers.all, struct paper, on) {
                bool holds = p->what == PAPER_OUT_GRANT && p->state != PAPER_NOT && hash_eq(&p->about, &grant->about);
                if (holds && !key_eq(&p->household, &grant->household) && in_time(n, p))
                        tell(n, back, &p->household);
        }
        tell_maker(n, back, grant);
}

void paper_told_holders(struct node *n, const struct hash *clip) {
        LIST_EACH (p, &n->papers.all, struct paper, on) {
                const struct paper *grant = p->what == PAPER_OUT_OVER ? papers_find(n, &p->about) : NULL;
                if (grant && grant->what == PAPER_OUT_GRANT && hash_eq(&grant->about, clip) && in_time(n, p))
                        tell_all(n, p, grant);
        }
}

struct paper *paper_told_row(const struct haul_link *l, const struct hash *paper) {
        const struct key *const whom[] = {&l->household, &l->device};
        for (size_t i = 0; i < ARRAY_LEN(whom); i++) {
                struct hash id = row_id(paper, whom[i]);
                struct paper *p = papers_find(l->n, &id);
                if (p && p->what == PAPER_OUT_TOLD)
                        return p;
        }
        return NULL;
}

/* ---- where it comes ---- */

/* Is there anything of that household's here that others may have? */
static bool gives_of(const struct node *n, const struct key *household) {
        struct mesh_status st;
        mesh_status(n->core, &st);
        if (key_eq(household, &st.household))
                return !papers_here(n);
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what == PAPER_IN_GRANT && key_eq(&p->household, household) && p->state > GIVEN_OFFERED &&
                    p->state < GIVEN_TAKEN_BACK)
                        return true;
        return false;
}

/* The oldest goes: its grant is the first to be over. */
static void make_room(struct node *n, const struct key *household) {
        if (papers_count(n, PAPER_IN_TOLD, household) < PAPERS_TOLD_EACH)
                return;
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what == PAPER_IN_TOLD && key_eq(&p->household, household)) {
                        papers_drop(n, p);
                        return;
                }
}

bool paper_told_keep(struct node *n, const struct key *device, const struct hash *grant, const struct hash *id) {
        const struct roster *roster = mesh_roster(n->core);
        const struct roster_device *d = roster ? roster_device_find(roster, device) : NULL;
        if (!d || papers_find(n, id) || !gives_of(n, &d->home->key))
                return false;
        make_room(n, &d->home->key);
        struct store_paper row = {.id = *id,
                                  .what = PAPER_IN_TOLD,
                                  .household = d->home->key,
                                  .about = *grant,
                                  .expires = node_time(n) + PAPERS_TOLD_FOR};
        struct paper *p = has_room(n) ? papers_add(n, &row) : NULL;
        if (!p) {
                paper_answer(n, device, id, REFUSAL_NOT_NOW);
                return true;
        }
        p->answer = true;
        p->bringer = *device;
        give_anew(n, &row.household);
        return true;
}

bool paper_told_back(const struct node *n, const struct hash *grant) {
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what == PAPER_IN_TOLD && hash_eq(&p->about, grant))
                        return true;
        return false;
}
