/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: what an operation may do is decided by what its author could know, its own ancestors, and by nothing that comes later;
 * so every node judges it alike, whenever it comes in. The rules J1 to J8 stand at the head of fold.c.
 *
 * A view is such a past. Mostly it is all there is, or all but some operations that only add a home (the whole set's state
 * serves, with those looked past); else it is folded from scratch.
 */
#include "roster/inside.h"

#include <stdlib.h>

#include "roster/invite.h"
#include "roster/op.h"

#define CHAIN_MAX 64               /* operations of an ordinary household; a steward's 4,096 are the row's bound */
#define TICKET_LIFE_SLACK MESH_DAY /* by which the clocks of who wrote a ticket and who takes it may differ */
#define VOUCHES_TO_STAY 2          /* members outside who keep a home in the mesh when its subtree goes */

/* ---- views ---- */

void view_whole(struct view *v, const struct roster *r) {
        *v = (struct view){.r = r, .st = &r->now, .members = r->now.members};
}

int view_open(struct view *v, const struct roster *r, const uint32_t *named, uint32_t n_named) {
        uint32_t rest, members;
        if (past_mark_rest(r, named, n_named, fold_plain, &rest, &members)) {
                *v = (struct view){.r = r, .st = &r->now, .rest = rest > 0, .members = r->now.members - members};
                return 0;
        }
        struct view own = {.r = r};
        if (past_of(r, named, n_named, &own.bits))
                return ERR_NOMEM;
        if (fold_run(r, &own.bits, &own.own)) {
                view_close(&own);
                return ERR_NOMEM;
        }
        own.members = own.own.members;
        *v = own;
        return 0;
}

void view_close(struct view *v) {
        bits_fini(&v->bits);
        state_fini(&v->own);
}

static const struct state *view_state(const struct view *v) {
        return v->st ? v->st : &v->own;
}

static const struct bits *view_set(const struct view *v) {
        return v->bits.w ? &v->bits : NULL;
}

static bool view_past_by(const struct view *v, uint32_t op) { /* looked past: in the state, but not in the view */
        return v->rest && past_outside(v->r, v->r->ops[op]);
}

static bool view_has(const struct view *v, uint32_t op) {
        return set_has(view_set(v), op) && !view_past_by(v, op);
}

static bool view_stands(const struct view *v, uint32_t op) {
        return view_has(v, op) && !(view_state(v)->ops[op] & OP_VOID);
}

/* It has a standing add there, member or not. */
static bool view_came(const struct view *v, uint32_t home) {
        uint32_t add = view_state(v)->homes[home].add;
        return add != NONE && view_has(v, add);
}

static bool view_member(const struct view *v, uint32_t home) {
        return view_state(v)->homes[home].member && view_came(v, home);
}

/* A member, or one that would be if there were a place for it. */
static bool view_stays(const struct view *v, uint32_t home) {
        return view_came(v, home) && view_state(v)->homes[home].gone == NONE;
}

static bool view_steward(const struct view *v, uint32_t home) {
        return view_member(v, home) && view_state(v)->homes[home].steward;
}

static bool view_current(const struct view *v, uint32_t cert) {
        return view_state(v)->certs[cert] == CERT_CURRENT && !view_past_by(v, v->r->certs[cert]->op) &&
               view_member(v, v->r->certs[cert]->home);
}

uint32_t view_cert(const struct view *v, struct span sign) {
        const struct cert *c = map_find(&v->r->by_sign, sign.p);
        while (c && !view_current(v, c->index))
                c = c->next_sign == NONE ? NULL : v->r->certs[c->next_sign];
        return c ? c->index : NONE;
}

/* The home whose ticket @home came on; NONE: the founder. */
static uint32_t view_inviter(const struct view *v, uint32_t home) {
        const struct op *add = v->r->ops[view_state(v)->homes[home].add];
        return add->inv_cert == NONE ? NONE : v->r->certs[add->inv_cert]->home;
}

/* ---- joiners ---- */

/* J3: "no standing certificate has the device's signing or noise key" */
static bool device_new(const struct view *v, const struct wire_device *d) {
        const struct roster *r = v->r;
        const struct cert *c = map_find(&r->by_sign, d->sign.p);
        for (; c; c = c->next_sign == NONE ? NULL : r->certs[c->next_sign])
                if (!view_past_by(v, c->op) && view_state(v)->certs[c->index] != CERT_NONE)
                        return false;
        c = map_find(&r->by_noise, d->noise.p);
        for (; c; c = c->next_noise == NONE ? NULL : r->certs[c->next_noise])
                if (!view_past_by(v, c->op) && view_state(v)->certs[c->index] != CERT_NONE)
                        return false;
        return true;
}

/* PROTOCOL 5.25: "in past(o) the invite MUST have been spent fewer than `uses` times, and no home that came on it
 * may have been removed or undone." */
/* J3: "the invite was spent fewer than `uses` times and no home that came on it was removed or undone" */
static bool invite_open(const struct view *v, const struct coming *c) {
        const struct roster *r = v->r;
        const struct invite *inv = map_find(&r->by_invite, c->inv_hash.b);
        uint32_t used = 0;
        for (uint32_t i = inv ? inv->adds : NONE; i != NONE; i = r->ops[i]->next_on_invite) {
                const struct home_state *h = &view_state(v)->homes[r->ops[i]->home];
                if (!view_has(v, i) || h->add != i)
                        continue;
                if (h->gone != NONE && !h->left)
                        return false;
                used++;
        }
        return used < c->inv.uses;
}

/* J3: "an ordinary inviter has fewer than home_invites members directly below it; a steward's tickets brought fewer than
 * steward_adds homes whose `at` is of the same UTC day" */
static bool inviter_may(const struct view *v, uint32_t inviter, mesh_wall at) {
        const struct roster *r = v->r;
        bool steward = view_steward(v, inviter);
        uint32_t n = 0, most = r->charter[steward ? CHARTER_steward_adds : CHARTER_home_invites];
        for (uint32_t i = r->homes[inviter]->invitees; i != NONE && n < most; i = r->ops[i]->next_of_inviter) {
                const struct op *o = r->ops[i];
                if (!view_has(v, i) || view_state(v)->homes[o->home].add != i)
                        continue;
                n += steward ? o->pub.time / MESH_DAY == at / MESH_DAY : view_member(v, o->home);
        }
        return n < most;
}

int judge_joiner(const struct view *v, const struct coming *c, mesh_wall at, uint32_t *ret_inviter) {
        const struct home *h = map_find(&v->r->by_home, c->w.household.p);
        uint32_t cert = view_cert(v, c->inv.device);
        if (cert == NONE)
                return map_find(&v->r->by_sign, c->inv.device.p) ? ROSTER_E_GONE : ROSTER_E_STRANGER;
        /* PROTOCOL 5.23: "`at` MUST NOT be later than `invite.expires`, and `invite.expires` MUST NOT be later than
         * `at` plus 31 days." */
        if (at > c->inv.expires)
                return ROSTER_E_EXPIRED;
        if (c->inv.expires - at > TICKET_LIFE_MAX + TICKET_LIFE_SLACK)
                return ROSTER_E_RULE;
        /* PROTOCOL 5.24: "in past(o) the household MUST have no standing add and MUST NOT have been removed, undone
         * or have left" */
        if ((h && (view_came(v, h->index) || view_state(v)->homes[h->index].gone != NONE)) ||
            !device_new(v, &c->device))
                return ROSTER_E_MEMBER;
        if (!invite_open(v, c))
                return ROSTER_E_USED;
        /* PROTOCOL 5.26: "the mesh MUST have fewer than `max_members` members in past(o)." */
        if (v->members >= v->r->charter[CHARTER_max_members])
                return ROSTER_E_FULL;
        if (!inviter_may(v, v->r->certs[cert]->home, at))
                return ROSTER_E_BUDGET;
        *ret_inviter = cert;
        return 0;
}

/* PROTOCOL 5.22: "in past(o) the invite's device and the countersigning device MUST be current devices of members" */
static int judge_add(const struct view *v, struct coming *c) {
        uint32_t inviter, by = view_cert(v, c->w.by);
        if (by == NONE)
                return ROSTER_E_STRANGER;
        int r = judge_joiner(v, c, c->w.at, &inviter);
        if (r)
                return r;
        c->op->inv_cert = inviter;
        c->op->by_cert = by;
        c->op->depth = v->r->ops[v->r->ops[v->r->certs[inviter]->op]->root]->depth + 1;
        c->op->of_steward = view_steward(v, v->r->certs[inviter]->home);
        c->op->promo = c->op->of_steward ? view_state(v)->homes[v->r->certs[inviter]->home].promo : NONE;
        return 0;
}

/* ---- devices ---- */

static uint32_t devices_count(const struct view *v, uint32_t home) {
        uint32_t n = 0;
        for (uint32_t i = v->r->homes[home]->certs; i != NONE; i = v->r->certs[i]->next_of_home)
                n += view_current(v, i);
        return n;
}

/* PROTOCOL 5.30: "The share of `device` MUST be `whole` exactly if no other current device is whole" */
/* It takes the place of one that goes, so there is room for it. */
static bool successor_fits(const struct view *v, const struct coming *c, uint32_t target) {
        uint32_t whole = 0;
        for (uint32_t i = v->r->homes[c->op->home]->certs; i != NONE; i = v->r->certs[i]->next_of_home)
                whole += i != target && view_current(v, i) && v->r->certs[i]->pub.share == SHARE_WHOLE;
        return (c->device.share == SHARE_WHOLE) == (whole == 0) && device_new(v, &c->device);
}

int judge_device_joiner(const struct view *v, const struct coming *c, mesh_wall at, uint32_t *ret_home) {
        const struct home *h = map_find(&v->r->by_home, c->w.household.p);
        if (!h || !view_member(v, h->index))
                return h ? ROSTER_E_GONE : ROSTER_E_STRANGER;
        /* PROTOCOL 5.29: "`at` MUST NOT be later than `code.expires`, and `code.expires` MUST NOT be later than `at`
         * plus 31 days." */
        if (at > c->code.expires)
                return ROSTER_E_EXPIRED;
        if (c->code.expires - at > TICKET_LIFE_MAX + TICKET_LIFE_SLACK || c->code.share != c->device.share)
                return ROSTER_E_RULE;
        const struct invite *spent = map_find(&v->r->by_invite, c->inv_hash.b);
        for (uint32_t i = spent ? spent->adds : NONE; i != NONE; i = v->r->ops[i]->next_on_invite)
                if (view_stands(v, i))
                        return ROSTER_E_USED;
        if (!device_new(v, &c->device))
                return ROSTER_E_MEMBER;
        if (devices_count(v, h->index) >= ROSTER_DEVICES_MAX)
                return ROSTER_E_DEVICES;
        *ret_home = h->index;
        return 0;
}

static int judge_device_add(const struct view *v, const struct coming *c) {
        struct op *o = c->op;
        uint32_t by = view_cert(v, c->w.by);
        if (by == NONE)
                return ROSTER_E_STRANGER;
        int r = judge_device_joiner(v, c, c->w.at, &o->home);
        if (r)
                return r;
        o->by_cert = by;
        o->root = view_state(v)->homes[o->home].add;
        o->depth = v->r->ops[o->root]->depth;
        return 0;
}

/* PROTOCOL 5.30: "the target MUST be a current device of the author's household." */
static int judge_device_revoke(const struct view *v, const struct coming *c, struct proposal *prop) {
        uint32_t cert = view_cert(v, c->w.target);
        if (cert == NONE || v->r->certs[cert]->home != c->op->home)
                return ROSTER_E_RULE;
        if (WIRE_HAS(&c->w, OP, device) && !successor_fits(v, c, cert))
                return ROSTER_E_RULE;
        prop->cert = cert;
        return 0;
}

/* ---- units and stewards, for counting votes ---- */

struct units {
        uint32_t *of, *size; /* of each home: its unit; of each unit: members */
        uint32_t n;
};

static void units_fini(struct units *u) {
        free(u->of);
        free(u->size);
}

/* V1: "a steward, or an ordinary home whose inviter is a steward, was one when it went, or is the founder" */
static bool heads_unit(const struct view *v, uint32_t home) {
        uint32_t inviter = view_inviter(v, home);
        if (inviter == NONE || view_state(v)->homes[home].steward)
                return true;
        return view_state(v)->homes[inviter].steward || view_inviter(v, inviter) == NONE;
}

/* Climbs to where the unit begins, or is known, and notes it all the way. */
uint32_t view_unit(const struct view *v, uint32_t *of, uint32_t home) {
        uint32_t top = home;
        while (of[top] == NONE && !heads_unit(v, top))
                top = view_inviter(v, top);
        uint32_t unit = of[top] == NONE ? top : of[top];
        for (; of[home] == NONE; home = view_inviter(v, home)) {
                of[home] = unit;
                if (home == top)
                        break;
        }
        return unit;
}

static int units_init(struct units *u, const struct view *v) {
        uint32_t n = v->r->n_homes;
        *u = (struct units){.of = malloc((n + 1) * sizeof(*u->of)), .size = calloc(n + 1, sizeof(*u->size))};
        if (!u->of || !u->size) {
                units_fini(u);
                return ERR_NOMEM;
        }
        memset(u->of, 0xff, n * sizeof(*u->of)); /* NONE */
        for (uint32_t i = 0; i < n; i++)
                if (view_member(v, i))
                        u->n += u->size[view_unit(v, u->of, i)]++ == 0;
        return 0;
}

/* V1: of two stewards, is @target the junior one? */
static bool junior_of_two(const struct view *v, uint32_t target) {
        const struct state *st = view_state(v);
        if (st->stewards != 2)
                return false;
        for (uint32_t i = 0; i < v->r->n_homes; i++)
                if (i != target && view_steward(v, i))
                        return op_senior(v->r, v->r->ops[st->homes[i].add], v->r->ops[st->homes[target].add]);
        return false;
}

/* ---- proposals ---- */

/* Is @home below @target, with no steward from itself up to it? */
static bool is_below(const struct view *v, uint32_t home, uint32_t target) {
        for (uint32_t up; view_came(v, home) && !view_state(v)->homes[home].steward; home = up) {
                up = view_inviter(v, home);
                if (up == NONE || up == target)
                        return up == target;
        }
        return false;
}

/* Marks the homes of @target's subtree: those below it, stewards and what is below them left out. */
static void subtree_mark(const struct view *v, uint32_t target, uint8_t *below) {
        for (uint32_t i = 0; i < v->r->n_homes; i++)
                below[i] = i != target && is_below(v, i, target);
}

/* Counts for each home the members outside the subtree that vouch for it. */
static void vouches_count(const struct view *v, uint32_t target, const uint8_t *below, uint8_t *vouched) {
        for (uint32_t i = 0; i < v->r->n_ops; i++) {
                const struct op *o = v->r->ops[i];
                if (o->pub.type != OP_VOUCH || !view_stands(v, i) || !view_member(v, o->home))
                        continue;
                if (!below[o->home] && o->home != target && vouched[o->target] < VOUCHES_TO_STAY)
                        vouched[o->target]++;
        }
}

static int targets_put(struct proposal *prop, const struct view *v, uint32_t target, bool subtree) {
        uint32_t n = v->r->n_homes;
        prop->targets = calloc(subtree ? n : 1, sizeof(*prop->targets));
        if (!prop->targets)
                return ERR_NOMEM;
        prop->targets[prop->n_targets++] = target;
        if (!subtree)
                return 0;
        uint8_t *below = calloc(n, 1), *vouched = calloc(n, 1);
        if (below && vouched) {
                subtree_mark(v, target, below);
                vouches_count(v, target, below, vouched);
                for (uint32_t i = 0; i < n; i++)
                        if (below[i] && view_stays(v, i) && vouched[i] < VOUCHES_TO_STAY)
                                prop->targets[prop->n_targets++] = i;
        }
        bool failed = !below || !vouched;
        free(below);
        free(vouched);
        return failed ? ERR_NOMEM : 0;
}

/* Most votes of any removal in force against @home there. */
static uint32_t removal_votes(const struct view *v, uint32_t home) {
        struct state *st = (struct state *)view_state(v); /* its scratch only */
        uint32_t most = 0;
        for (uint32_t i = 0; i < v->r->n_proposals; i++) {
                const struct op *p = v->r->ops[v->r->proposals[i]];
                if (!view_has(v, p->index) || !(st->ops[p->index] & OP_TAKEN) || !votes_is_removal(p) ||
                    !votes_has_target(p, home) || votes_held_off(v->r, view_set(v), st, p, home))
                        continue;
                most = MAX(most, votes_tally(v->r, view_set(v), st, p, NONE, NULL).votes);
        }
        return most;
}

/* PROTOCOL 5.27: "remove, promote and demote: the target MUST be a member and not the author; of a remove it may also be a
 * home that waits (rule 5.75). promote: it MUST NOT be a steward. demote: it MUST be one." */
/* J4. */
static bool may_target(const struct view *v, const struct coming *c, uint32_t target) {
        const struct home_state *h = &view_state(v)->homes[target];
        if (target == c->op->home)
                return false;
        if (c->w.type == OP_RETURN)
                return view_came(v, target) && h->gone != NONE && !h->left;
        if (c->w.type == OP_REMOVE)
                return view_stays(v, target);
        if (!view_member(v, target))
                return false;
        return (c->w.type == OP_DEMOTE) == h->steward;
}

static int judge_proposal(const struct view *v, const struct coming *c, struct proposal *prop) {
        const struct home *h = map_find(&v->r->by_home, c->w.target.p);
        if (!h || !may_target(v, c, h->index))
                return ROSTER_E_RULE;
        if (c->w.type == OP_RETURN)
                prop->reverses = removal_votes(v, h->index);
        prop->n_stewards = view_state(v)->stewards;
        prop->against_steward = c->w.type != OP_RETURN && view_steward(v, h->index);
        prop->against_junior = prop->against_steward && junior_of_two(v, h->index);
        return targets_put(prop, v, h->index, WIRE_HAS(&c->w, OP, subtree));
}

static int judge_leave(const struct view *v, const struct coming *c, struct proposal *prop) {
        return targets_put(prop, v, c->op->home, false);
}

/* J8. */
static int judge_undo(const struct view *v, const struct coming *c, struct proposal *prop) {
        const struct op *add = map_find(&v->r->by_id, c->w.proposal.p);
        uint32_t by = view_cert(v, c->w.by);
        if (!add || by == NONE || add->pub.type != OP_ADD || !view_stands(v, add->index) || !view_member(v, add->home))
                return ROSTER_E_RULE;
        uint32_t witness = v->r->certs[by]->home;
        if (v->r->certs[add->inv_cert]->home != c->op->home || witness == c->op->home || witness == add->home)
                return ROSTER_E_RULE;
        /* PROTOCOL 5.32: "past(o) MUST have at least 3 members." */
        if (v->members < ROSTER_UNDO_HOMES || c->w.at > add->pub.time + ROSTER_UNDO_SECONDS)
                return ROSTER_E_RULE;
        c->op->by_cert = by;
        c->op->target = add->index;
        return targets_put(prop, v, add->home, false);
}

/* PROTOCOL 5.31: "the target MUST be a member, neither the author nor invited by it, and not vouched for by a
 * standing operation of the author before." */
static int judge_vouch(const struct view *v, const struct coming *c) {
        const struct home *h = map_find(&v->r->by_home, c->w.target.p);
        if (!h || h->index == c->op->home || !view_member(v, h->index) || view_inviter(v, h->index) == c->op->home)
                return ROSTER_E_RULE;
        for (uint32_t i = v->r->homes[c->op->home]->ops; i != NONE; i = v->r->ops[i]->next_of_home)
                if (v->r->ops[i]->pub.type == OP_VOUCH && v->r->ops[i]->target == h->index && view_stands(v, i))
                        return ROSTER_E_RULE;
        c->op->target = h->index;
        return 0;
}

/* ---- votes ---- */

/* What past(proposal) says of the voter: its unit, and whether it was a member and a steward there. */
static int weigh_voter(const struct view *v, uint32_t home, struct vote *vote, struct proposal *prop) {
        struct units u;
        if (!view_member(v, home))
                return ROSTER_E_RULE;
        if (units_init(&u, v))
                return ERR_NOMEM;
        vote->unit = u.of[home];
        vote->unit_size = u.size[vote->unit];
        vote->steward = view_steward(v, home);
        if (prop)
                prop->n_units = u.n;
        units_fini(&u);
        return 0;
}

static bool is_voted(const struct op *p) {
        return p->vote && p->vote->prop &&
               (p->pub.type == OP_REMOVE || p->pub.type == OP_PROMOTE || p->pub.type == OP_DEMOTE ||
                p->pub.type == OP_RETURN);
}

/* J5: "… is none of its targets, and has not voted for it in past(o)" */
static bool may_endorse(const struct view *v, const struct op *p, uint32_t home) {
        if (votes_has_target(p, home))
                return false;
        for (uint32_t i = p->index; i != NONE; i = v->r->ops[i]->vote->next)
                if (v->r->ops[i]->home == home && view_stands(v, i))
                        return false;
        return true;
}

/* PROTOCOL 5.28: "`proposal` MUST be an ancestor and a remove, promote, demote or return." */
static int judge_endorse(const struct view *v, const struct coming *c, struct vote *vote) {
        const struct op *p = map_find(&v->r->by_id, c->w.proposal.p);
        struct view then;
        if (!p || !is_voted(p) || !view_has(v, p->index) || !may_endorse(v, p, c->op->home))
                return ROSTER_E_RULE;
        bool steward = view_steward(v, c->op->home);
        vote->proposal = p->index;
        vote->promo = steward ? view_state(v)->homes[c->op->home].promo : NONE;
        if (view_open(&then, v->r, p->named, p->n_named))
                return ERR_NOMEM;
        int r = weigh_voter(&then, c->op->home, vote, NULL);
        vote->steward = vote->steward && steward;
        view_close(&then);
        return r;
}

static int judge_voted(const struct view *v, const struct coming *c, struct vote *vote) {
        int r = judge_proposal(v, c, vote->prop);
        if (r)
                return r;
        vote->promo = view_steward(v, c->op->home) ? view_state(v)->homes[c->op->home].promo : NONE;
        return weigh_voter(v, c->op->home, vote, vote->prop);
}

static int vote_fill(const struct view *v, struct coming *c) {
        struct vote *vote = calloc(1, sizeof(*vote));
        if (!vote)
                return ERR_NOMEM;
        *vote = (struct vote){.proposal = c->op->index, .next = NONE, .promo = NONE};
        c->op->vote = vote; /* freed with the operation, whatever comes */
        if (past_of(v->r, c->op->named, c->op->n_named, &vote->past))
                return ERR_NOMEM;
        if (c->w.type == OP_ENDORSE)
                return judge_endorse(v, c, vote);
        vote->prop = calloc(1, sizeof(*vote->prop));
        if (!vote->prop)
                return ERR_NOMEM;
        vote->prop->cert = NONE;
        if (c->w.type == OP_LEAVE)
                return judge_leave(v, c, vote->prop);
        if (c->w.type == OP_DEVICE_REVOKE)
                return judge_device_revoke(v, c, vote->prop);
        if (c->w.type == OP_INVITE_UNDO)
                return judge_undo(v, c, vote->prop);
        return judge_voted(v, c, vote);
}

/* ---- all ---- */

/* PROTOCOL 5.21: "The author MUST be a member in past(o), and have no standing operation of that `seq` there." */
/* J2: "The author is a member in past(o) and has no standing operation with that seq there; seq < 64, or < 4,096 for a
 * steward in past(o)." */
static bool author_may(const struct view *v, const struct op *o) {
        for (uint32_t i = v->r->homes[o->home]->ops; i != NONE; i = v->r->ops[i]->next_of_home)
                if (v->r->ops[i]->seq == o->seq && view_stands(v, i))
                        return false;
        return view_member(v, o->home) && (o->seq < CHAIN_MAX || view_steward(v, o->home));
}

static int judge_in(const struct view *v, struct coming *c) {
        switch ((enum wire_e_op)c->w.type) {
        case OP_GENESIS:
                return ROSTER_E_RULE; /* there is one already */
        case OP_ADD:
                return judge_add(v, c);
        case OP_DEVICE_ADD:
                return judge_device_add(v, c);
        case OP_VOUCH:
                return author_may(v, c->op) ? judge_vouch(v, c) : ROSTER_E_RULE;
        case OP_REMOVE:
        case OP_ENDORSE:
        case OP_PROMOTE:
        case OP_DEMOTE:
        case OP_LEAVE:
        case OP_DEVICE_REVOKE:
        case OP_INVITE_UNDO:
        case OP_RETURN:
                return author_may(v, c->op) ? vote_fill(v, c) : ROSTER_E_RULE;
        }
        return ROSTER_E_INPUT;
}

int judge(struct roster *r, struct coming *c) {
        struct view v;
        if (view_open(&v, r, c->op->named, c->op->n_named))
                return ERR_NOMEM;
        int ret = judge_in(&v, c);
        view_close(&v);
        fold_trim(r);
        return ret;
}
