/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fold. Why: nobody hands out membership here, so every node must compute it, and all must get the same: member set,
 * stewards and removed set are a function of the set of operations alone, not of the order in which they came.
 *
 * The rules, exactly. past(o) is the fold of o's ancestors, o excluded; ancestors are what parents and (where another home's
 * device countersigns) heads name, and theirs. seniority(h) = add depth (founder 0, else inviter's + 1), then lower id.
 *
 * Judging (judge.c), once, when all ancestors are there; an operation that fails is void for ever and not kept.
 *  J1  Parents are 1 to 4 different ids, the author's previous operation first; seq is that one's seq + 1. genesis, add
 *      and device-add have seq 0 and no parents: their ancestors are their heads, an invite-undo's its parents and heads.
 *  J2  The author is a member in past(o) and has no standing operation with that seq there; seq < 64, or < 4,096 for a
 *      steward in past(o).
 *  J3  add: in past(o) the invite's device and the countersigning device are current devices of members; the household
 *      has no standing add and was not removed; no standing certificate has the device's signing or noise key; at <= the
 *      invite's expires <= at + 31 days; the invite was spent fewer than `uses` times and no home that came on it was
 *      removed or undone; an ordinary inviter has fewer than home_invites members directly below it; a steward's tickets
 *      brought fewer than steward_adds homes whose `at` is of the same UTC day; members < max_members. Two invites are one
 *      if what their device signs is equal.
 *  J4  remove, promote, demote: the target is a member (remove: or waits), not the author; promote: no steward; demote: a
 *      steward.
 *      return: the target was removed or undone in past(o), and did not also leave.
 *  J5  endorse: the proposal (remove, promote, demote or return) is an ancestor, the author was a member in past(proposal)
 *      too, is none of its targets, and has not voted for it in past(o).
 *  J6  device-add: in past(o) the household is a member with fewer than 4 current devices, the countersigning device is
 *      current; at <= the code's expires <= at + 31 days; the code is not spent and the keys are new as in J3.
 *      device-revoke: the target is a current device of the author's; its `device`, if there, is judged as if the target
 *      were gone: fewer than 4, its share whole exactly if there is no whole one.
 *  J7  vouch: the target is a member, neither the author nor invited by it, and was not vouched for by it before.
 *  J8  invite-undo: the add is an ancestor, came on a ticket of the author's, and its home is a member; past(o) has at least
 *      3 members; the countersigning device is a third member's; at <= the add's at + 86,400 s.
 *
 * Folding a set closed under ancestors (this file; rivals.c R, votes.c V, places.c P):
 *  R1  Adds, and device-adds, of one household with equal pairs up to and including its signature (the code's) are twins:
 *      one operation countersigned twice. Of other operations at one place of a chain, lowest place first, one stands: of
 *      adds none that has another of the same household among its descendants; then one that another household built on
 *      before one nobody built on; then the lower id. What they rest on in other chains is not asked here. Building on x:
 *      having it among the ancestors, where of an add or device-add the household counts whose device countersigned it. The
 *      others, and what their author chained to them, are void.
 *  R2  Of more standing spends of an invite than `uses`, of a device code than 1, those stand first that have none of the
 *      others among their ancestors; among these as R1, but that of an invite's those count as having built alone that are
 *      neither the inviter nor below it (the founder's: but the founder); and so on. The others are void. Twins are one
 *      spend.
 *  R3  Of standing certificates with the same signing or noise key one counts: one of a genesis or add first, then as R1.
 *  S1  Resting: an operation is void if no twin of its author's first operation stands (of a device-add: if none at all);
 *      an add, device-add or invite-undo, if the certificate of the invite's or the countersigning device does not. A
 *      steward's vote is only an ordinary home's if the promotion its author was a steward by is neither in force nor
 *      complete by votes among the vote's own ancestors.
 *  V1  A household has one vote for a proposal, however many of its operations stand (a steward's, if one is); a target has
 *      none. It is a steward's if its author was one in past(proposal) and in past(vote). Votes needed are read in
 *      past(proposal):
 *        remove or return a home, promote: two stewards', or one where there is one steward;
 *        remove or demote a steward: more than half of the stewards, target included; of two stewards the senior's alone;
 *        any of them, also: more than half of all units. A unit is a steward, or an ordinary home whose inviter is a
 *        steward, was one when it went, or is the founder, with all members below it in the invite tree except stewards and
 *        what is below those; it votes once more than half of its members do.
 *        return: by either count more than any removal or undo of that home had in past(return).
 *      leave, device-revoke and invite-undo are complete alone, with 1 vote.
 *  V2  Turns: of the standing, complete proposals whose turn has not come the one with most votes (of the stewards', or if
 *      those do not suffice the units'), then the most senior voter (of those counted), then the lower id. Repeat.
 *  V3  Taking a remove, leave or undo voids what each target signed or countersigned, and the adds on its tickets, where
 *      the standing votes that have it among their ancestors would not have been enough; votes in whose own past the
 *      removal, demotion or revocation was complete are spared: they were judged by it. A demote: so with the target's
 *      votes; adds on its tickets it lowers so, but those under a promotion that has the demote among its ancestors: they
 *      are no steward's any more. A device-revoke: so with what the device countersigned and the adds on tickets it signed.
 *      Then S1 again.
 *  V4  A return is taken only if it has more votes than each complete removal or undo of its target among its ancestors has
 *      now; those are then as if never proposed against that home. A later removal needs no more votes than the first did.
 *  V5  remove with `subtree` also has as targets all members, and all that wait, below the home in the invite tree of
 *      past(o), except stewards, what is below those, and homes for which two members outside the subtree have vouched.
 *  P1  A home is of its inviter's budget: home_invites, gone ones aside; where the inviter was a steward in past(add), by a
 *      promotion in force, and the add is not lowered: steward_adds of the UTC day of its `at`, gone ones included. Those
 *      first by P2 stand, the others that are not gone wait, and so do homes whose inviter waits. Of those left only the
 *      first max_members stand.
 *  P2  On which more stewards have built (R1; who countersigned it has, too); then more units; then with fewer homes of that
 *      budget among its ancestors; then the lower id.
 *  E1  Members: homes with a standing add that do not wait, against whom no removal, leave or undo is in force. Stewards:
 *      members who are the founder with no demotion in force, or have a promotion in force among whose ancestors every
 *      demotion in force against them is. Removed set: households against whom something is in force, and devices revoked.
 *      Of more than 4 devices of a household that stand and are not revoked, the first 4 count: whole, then by stated time,
 *      then the lower id.
 */
#include "roster/inside.h"

#include <stdlib.h>

#define STATE_FIRST 64 /* of each kind, in the first allocation */

/* ---- the state's memory ---- */

/* Makes *p hold @n items of @size, the new ones filled with @fill. */
static int array_fit(void *p, uint32_t cap, uint32_t n, size_t size, int fill) {
        uint8_t *old, *bigger;
        memcpy(&old, p, sizeof(old));
        bigger = realloc(old, n * size);
        if (!bigger)
                return ERR_NOMEM;
        memset(bigger + cap * size, fill, (n - cap) * size);
        memcpy(p, &bigger, sizeof(bigger));
        return 0;
}

static uint32_t cap_for(uint32_t cap, uint32_t n) {
        return n <= cap ? cap : MAX(MAX(n, cap + cap / 2), STATE_FIRST);
}

static void homes_none(struct home_state *h, uint32_t from, uint32_t to) {
        for (uint32_t i = from; i < to; i++)
                h[i] = (struct home_state){.add = NONE, .gone = NONE, .promo = NONE};
}

int state_fit(const struct roster *r, struct state *st) {
        uint32_t ops = cap_for(st->cap_ops, r->n_ops), homes = cap_for(st->cap_homes, r->n_homes),
                 certs = cap_for(st->cap_certs, r->n_certs);
        if (ops > st->cap_ops) {
                if (array_fit(&st->ops, st->cap_ops, ops, sizeof(*st->ops), 0))
                        return ERR_NOMEM;
                st->cap_ops = ops;
        }
        if (homes > st->cap_homes) {
                if (array_fit(&st->homes, st->cap_homes, homes, sizeof(*st->homes), 0) ||
                    array_fit(&st->count, st->cap_homes, homes, sizeof(*st->count), 0))
                        return ERR_NOMEM;
                homes_none(st->homes, st->cap_homes, homes);
                st->cap_homes = homes;
        }
        uint32_t tallies = cap_for(st->cap_tallies, r->n_proposals);
        if (tallies > st->cap_tallies) {
                if (array_fit(&st->tallies, st->cap_tallies, tallies, sizeof(*st->tallies), 0))
                        return ERR_NOMEM;
                st->cap_tallies = tallies;
        }
        if (certs > st->cap_certs) {
                if (array_fit(&st->certs, st->cap_certs, certs, sizeof(*st->certs), 0) ||
                    array_fit(&st->revoked, st->cap_certs, certs, sizeof(*st->revoked), 0xff))
                        return ERR_NOMEM;
                st->cap_certs = certs;
        }
        return 0;
}

void state_fini(struct state *st) {
        free(st->ops);
        free(st->homes);
        free(st->certs);
        free(st->revoked);
        free(st->count);
        free(st->tallies);
        *st = (struct state){0};
}

static int state_clear(const struct roster *r, struct state *st) {
        if (state_fit(r, st))
                return ERR_NOMEM;
        memset(st->ops, 0, st->cap_ops * sizeof(*st->ops));
        memset(st->certs, CERT_NONE, st->cap_certs * sizeof(*st->certs));
        memset(st->revoked, 0xff, st->cap_certs * sizeof(*st->revoked));
        homes_none(st->homes, 0, st->cap_homes);
        st->members = st->stewards = st->spares = st->waiting = 0;
        st->contested = false;
        return 0;
}

/* ---- what stands ---- */

uint32_t fold_limit(const struct roster *r, const struct bits *in) {
        return in ? MIN(in->n, r->n_ops) : r->n_ops;
}

static bool id_lower(const struct op *a, const struct op *b) {
        return memcmp(a->pub.id.b, b->pub.id.b, sizeof(a->pub.id.b)) < 0;
}

static bool stands(const struct bits *in, const struct state *st, uint32_t i) {
        return set_has(in, i) && !(st->ops[i] & OP_VOID);
}

bool fold_add_stands(const struct roster *r, const struct bits *in, const struct state *st, uint32_t first) {
        uint32_t twin = r->ops[first]->twin;
        if (!r->ops[twin]->twinned)
                return stands(in, st, first);
        for (uint32_t i = op_siblings(r, r->ops[first]); i != NONE; i = r->ops[i]->next_of_home)
                if (!r->ops[i]->seq && r->ops[i]->twin == twin && stands(in, st, i))
                        return true;
        return false;
}

const struct op *fold_certifier(const struct roster *r, const struct bits *in, const struct state *st,
                                const struct cert *c) {
        const struct op *first = r->ops[c->op], *best = NULL;
        if (first->seq || !r->ops[first->twin]->twinned)
                return first;
        for (uint32_t i = op_siblings(r, first); i != NONE; i = r->ops[i]->next_of_home) {
                const struct op *o = r->ops[i];
                if (!o->seq && o->twin == first->twin && stands(in, st, i) && (!best || id_lower(o, best)))
                        best = o;
        }
        return best ? best : first;
}

bool fold_cert_stands(const struct roster *r, const struct bits *in, const struct state *st, uint32_t cert) {
        const struct cert *c = r->certs[cert];
        if (st->certs[cert] == CERT_LOST)
                return false;
        return r->ops[c->op]->seq ? stands(in, st, c->op) : fold_add_stands(r, in, st, c->op);
}

/* A device-add is on no chain: any first operation of its household that stands will do. */
static bool household_stands(const struct roster *r, const struct bits *in, const struct state *st, uint32_t home) {
        for (uint32_t i = r->homes[home]->ops; i != NONE; i = r->ops[i]->next_of_home)
                if (!r->ops[i]->seq && stands(in, st, i))
                        return true;
        return false;
}

/* S1: "an operation is void if no twin of its author's first operation stands; an add, device-add or invite-undo, if the
 * certificate of the invite's or the countersigning device does not." */
static bool rests_on_void(const struct roster *r, const struct bits *in, const struct state *st, const struct op *o) {
        if (o->seq && !fold_add_stands(r, in, st, o->root))
                return true;
        if (o->pub.type == OP_DEVICE_ADD && !household_stands(r, in, st, o->home))
                return true;
        if (o->inv_cert != NONE && !fold_cert_stands(r, in, st, o->inv_cert))
                return true;
        return o->by_cert != NONE && !fold_cert_stands(r, in, st, o->by_cert);
}

/* S1: "A steward's vote is only an ordinary home's if the promotion its author was a steward by is neither in force nor
 * complete by votes among the vote's own ancestors." */
static bool steward_holds(const struct roster *r, const struct bits *in, struct state *st, const struct vote *v) {
        if (v->promo == NONE || st->ops[v->promo] & OP_TAKEN)
                return true;
        return stands(in, st, v->promo) && votes_tally(r, in, st, r->ops[v->promo], NONE, &v->past).complete;
}

/* What a standing operation is now. */
static uint8_t settled(const struct roster *r, const struct bits *in, struct state *st, const struct op *o) {
        uint8_t was = st->ops[o->index];
        if (o->seq && st->ops[o->named[0]] & OP_BRANCH)
                return was | OP_VOID | OP_BRANCH;
        if (rests_on_void(r, in, st, o))
                return was | OP_VOID;
        bool steward = o->vote && o->vote->steward && steward_holds(r, in, st, o->vote);
        return steward ? was | OP_STEWARD : was & (uint8_t)~OP_STEWARD;
}

/* Ancestors first. Returns all that has changed of any. */
static uint8_t settle_once(const struct roster *r, const struct bits *in, struct state *st) {
        uint8_t changed = 0;
        for (uint32_t i = 0, n = fold_limit(r, in); i < n; i++) {
                if (!stands(in, st, i))
                        continue;
                uint8_t now = settled(r, in, st, r->ops[i]);
                changed |= now ^ st->ops[i];
                st->ops[i] = now;
        }
        return changed;
}

/* Once is enough but for twins, of which a later one may hold up what comes before it. */
bool fold_settle(const struct roster *r, const struct bits *in, struct state *st) {
        uint8_t changed, ever = 0;
        do {
                changed = settle_once(r, in, st);
                ever |= changed;
        } while (changed & OP_VOID && r->n_twins);
        return ever;
}

/* ---- the outcome ---- */

static void adds_finish(const struct roster *r, const struct bits *in, struct state *st) {
        for (uint32_t i = 0, n = fold_limit(r, in); i < n; i++) {
                const struct op *o = r->ops[i];
                struct home_state *h = &st->homes[o->home];
                if (op_is_first(o) && stands(in, st, i) && (h->add == NONE || id_lower(o, r->ops[h->add])))
                        h->add = i;
        }
}

/* E1: is every demotion in force against @home among @p's ancestors? @p NULL: is there none? */
static bool undemoted(const struct roster *r, const struct bits *in, const struct state *st, uint32_t home,
                      const struct op *p) {
        for (uint32_t i = 0; i < r->n_proposals; i++) {
                const struct op *d = r->ops[r->proposals[i]];
                if (d->pub.type != OP_DEMOTE || !set_has(in, d->index) || !(st->ops[d->index] & OP_TAKEN) ||
                    d->vote->prop->targets[0] != home)
                        continue;
                if (!p || !bits_has(&p->vote->past, d->index))
                        return false;
        }
        return true;
}

static void stewards_finish(const struct roster *r, const struct bits *in, struct state *st) {
        uint32_t founder = r->ops[0]->home;
        for (uint32_t i = 0; i < r->n_proposals; i++) {
                const struct op *p = r->ops[r->proposals[i]];
                if (p->pub.type != OP_PROMOTE || !set_has(in, p->index) || !(st->ops[p->index] & OP_TAKEN))
                        continue;
                struct home_state *h = &st->homes[p->vote->prop->targets[0]];
                if (!undemoted(r, in, st, p->vote->prop->targets[0], p))
                        continue;
                if (h->promo == NONE || id_lower(p, r->ops[h->promo]))
                        h->promo = p->index;
                h->steward = true;
        }
        if (!set_has(in, 0) || !undemoted(r, in, st, founder, NULL))
                return;
        st->homes[founder].steward = true;
        st->homes[founder].promo = NONE;
}

static void homes_finish(const struct roster *r, struct state *st) {
        for (uint32_t i = 0; i < r->n_homes; i++) {
                struct home_state *h = &st->homes[i];
                h->member = h->add != NONE && h->gone == NONE && h->waits == ROSTER_WAITS_NOT;
                st->members += h->member;
                st->stewards += h->member && h->steward;
        }
}

/* E1: whole before quarter, then the earlier stated time, then the lower id. */
static bool cert_first(const struct roster *r, const struct bits *in, const struct state *st, uint32_t a, uint32_t b) {
        const struct op *x = fold_certifier(r, in, st, r->certs[a]), *y = fold_certifier(r, in, st, r->certs[b]);
        if (r->certs[a]->pub.share != r->certs[b]->pub.share)
                return r->certs[a]->pub.share == SHARE_WHOLE;
        return x->pub.time != y->pub.time ? x->pub.time < y->pub.time : id_lower(x, y);
}

/* What the certificates of a home are that count. */
static uint8_t cert_held(const struct state *st, uint32_t home) {
        if (st->homes[home].waits != ROSTER_WAITS_NOT)
                return CERT_WAITS;
        return st->homes[home].member ? CERT_CURRENT : CERT_ENDED;
}

/* PROTOCOL 5.73: "A household MUST NOT have more than 4 current devices, nor more than one whole one." Doors that know too
 * little of each other can admit one too many, and two adds of one household can both come to stand; such a device is none
 * until another goes. */
static void spares_finish(const struct roster *r, const struct bits *in, struct state *st, const struct home *h) {
        uint8_t held = cert_held(st, h->index);
        uint32_t n = 0, kept = 0;
        bool whole = false;
        for (uint32_t i = h->certs; i != NONE; i = r->certs[i]->next_of_home) {
                if (st->certs[i] != held)
                        continue;
                st->certs[i] = CERT_SPARE;
                n++;
        }
        for (; kept < ROSTER_DEVICES_MAX; kept++) {
                uint32_t first = NONE;
                for (uint32_t i = h->certs; i != NONE; i = r->certs[i]->next_of_home) {
                        if (st->certs[i] != CERT_SPARE || (whole && r->certs[i]->pub.share == SHARE_WHOLE))
                                continue;
                        if (first == NONE || cert_first(r, in, st, i, first))
                                first = i;
                }
                if (first == NONE)
                        break;
                whole |= r->certs[first]->pub.share == SHARE_WHOLE;
                st->certs[first] = held;
        }
        st->spares += n - kept;
}

static void certs_finish(const struct roster *r, const struct bits *in, struct state *st) {
        for (uint32_t i = 0; i < r->n_certs; i++) {
                if (st->revoked[i] != NONE)
                        st->certs[i] = CERT_REVOKED;
                else if (fold_cert_stands(r, in, st, i))
                        st->certs[i] = cert_held(st, r->certs[i]->home);
        }
        for (uint32_t i = 0; i < r->n_homes; i++)
                if (r->homes[i]->n_certs > 1)
                        spares_finish(r, in, st, r->homes[i]);
}

int fold_run(const struct roster *r, const struct bits *in, struct state *st) {
        if (state_clear(r, st))
                return ERR_NOMEM;
        if (r->n_rivals || r->n_crowded || r->n_clashes)
                if (rivals_resolve(r, in, st))
                        return ERR_NOMEM;
        votes_take(r, in, st);
        adds_finish(r, in, st);
        stewards_finish(r, in, st);
        if (places_give(r, in, st))
                return ERR_NOMEM;
        homes_finish(r, st);
        certs_finish(r, in, st);
        return 0;
}

/* ---- one more that falls ---- */

static const struct op *standing_at(const struct roster *r, uint32_t home, uint32_t seq) {
        for (uint32_t i = r->homes[home]->ops; i != NONE; i = r->ops[i]->next_of_home)
                if (i != r->n_ops - 1 && r->ops[i]->seq == seq && !(r->now.ops[i] & OP_BRANCH))
                        return r->ops[i];
        return NULL;
}

/* Nobody can have built on @o yet. */
static bool comes_after(const struct op *o, const struct op *rival) {
        return past_built_on(rival->built_by, rival) || id_lower(rival, o);
}

static bool on_fallen_branch(const struct roster *r, const struct op *o) {
        const struct op *rival = NULL;
        if (!o->seq)
                return false;
        if (r->now.ops[o->named[0]] & OP_BRANCH)
                return true;
        return o->rival && (rival = standing_at(r, o->home, o->seq)) && comes_after(o, rival);
}

/* R2: another device has come on its code before it, and stands. */
static bool comes_too_late(const struct roster *r, const struct op *o) {
        const struct invite *inv = o->invite == NONE ? NULL : r->invites[o->invite];
        uint32_t before = 0;
        if (!inv || o->pub.type == OP_ADD || inv->n_adds <= inv->uses || r->n_twins || o->rival)
                return false;
        for (uint32_t i = r->ops[o->index]->next_on_invite; i != NONE; i = r->ops[i]->next_on_invite) {
                if (r->now.ops[i] & OP_VOID)
                        continue;
                if (!comes_after(o, r->ops[i]))
                        return false;
                before++;
        }
        return before == inv->uses;
}

/* Whoever signs a thousand operations for one place must not make others fold a thousand times. */
bool fold_falls(struct roster *r, const struct op *o) {
        bool branch = on_fallen_branch(r, o);
        /* Of spends of a ticket it matters who built on them (R2), which only a fold of all asks. */
        if (r->swayed || r->n_clashes || (branch && r->n_crowded) || (!branch && !comes_too_late(r, o)))
                return false;
        r->now.ops[o->index] = branch ? OP_VOID | OP_BRANCH : OP_VOID;
        if (branch && o->vote)
                bits_fini(&o->vote->past);
        return true;
}

void fold_trim(const struct roster *r) {
        for (uint32_t i = 0; i < r->n_ops && r->n_rivals; i++)
                if (r->ops[i]->vote && r->now.ops[i] & OP_BRANCH)
                        bits_fini(&r->ops[i]->vote->past);
}

/* ---- one more, of the common kind ---- */

bool fold_plain(const struct roster *r, const struct op *o) {
        if (r->n_rivals || r->n_crowded || r->n_clashes || r->n_twins || r->now.spares || r->now.contested)
                return false;
        if (o->vote)
                return !r->ops[o->vote->proposal]->vote->prop->hopeful;
        return o->pub.type == OP_ADD || o->pub.type == OP_DEVICE_ADD || o->pub.type == OP_VOUCH;
}

/* Something in force may void the votes of @home. */
static bool aimed_at(const struct roster *r, uint32_t home) {
        for (uint32_t i = 0; i < r->n_proposals; i++) {
                const struct op *p = r->ops[r->proposals[i]];
                if (r->now.ops[p->index] & OP_TAKEN && (votes_is_removal(p) || p->pub.type == OP_DEMOTE) &&
                    votes_has_target(p, home))
                        return true;
        }
        return false;
}

/* A removal in force may void what its target has a hand in: leave that to the whole fold. */
static bool hands_clean(const struct roster *r, const struct op *o) {
        const struct state *st = &r->now;
        if (o->vote)
                return st->homes[o->home].member && !aimed_at(r, o->home);
        if (o->pub.type == OP_DEVICE_ADD)
                return st->homes[o->home].member && st->certs[o->by_cert] == CERT_CURRENT;
        if (o->seq)
                return st->homes[o->home].member;
        return st->certs[o->inv_cert] == CERT_CURRENT && st->certs[o->by_cert] == CERT_CURRENT;
}

/* A further device finds a place; else it takes the whole fold to say whose it is. */
static bool has_place(const struct roster *r, const struct op *o) {
        uint32_t n = 0;
        for (uint32_t i = r->homes[o->home]->certs; i != NONE; i = r->certs[i]->next_of_home)
                n += r->now.certs[i] == CERT_CURRENT;
        return n < ROSTER_DEVICES_MAX;
}

bool fold_append(struct roster *r, const struct op *o) {
        struct state *st = &r->now;
        if (!fold_plain(r, o) || !hands_clean(r, o) || (o->pub.type == OP_DEVICE_ADD && !has_place(r, o)))
                return false;
        if (o->pub.type == OP_ADD && !places_left(r, o))
                return false;
        if (o->vote)
                st->ops[o->index] = settled(r, NULL, st, o);
        if (o->pub.type == OP_ADD) {
                st->homes[o->home] = (struct home_state){.add = o->index, .gone = NONE, .promo = NONE, .member = true};
                st->members++;
        }
        if (o->cert != NONE)
                st->certs[o->cert] = CERT_CURRENT;
        return true;
}
