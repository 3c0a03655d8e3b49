/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a home is out, or in again, found a second time. Votes are counted here from the operations as PROTOCOL 5.50 to 5.53
 * say; nothing is shared with src/roster/votes.c but the fold of what a proposal's author knew, which is a smaller one. Votes
 * that the fold holds void are counted too: so what is found is that there never were enough for what was taken. That, and
 * being out though nobody voted, is what no removed home may bring about for itself or for others.
 */
#pragma once

#include "roster-street.h"
#include "wire/codec.h"

#define RECOUNT_OPS 512
#define RECOUNT_NAMES 8 /* parents and heads of an operation */

struct recount {
        const struct street *s;
        struct wire_op ops[RECOUNT_OPS];
        uint32_t door[RECOUNT_OPS],
                inviter[RECOUNT_OPS]; /* homes of an add: of the countersigning device, of the ticket */
        size_t named[RECOUNT_OPS][RECOUNT_NAMES], n_named[RECOUNT_OPS];
        bool out[STREET_HOMES], back[STREET_HOMES]; /* by a proposal in force */
        uint64_t against[RECOUNT_OPS];              /* the homes that a removal in force is about, a bit each */
        size_t proposals, removals, fallen;         /* looked at so far, in all histories */
        size_t firm, orphans;                       /* homes that no vote touches; those of them whose sponsor is out */
        size_t unsure;                              /* proposals whose units an outsider cannot tell */
};

/* ---- operations as they stand ---- */

static inline size_t recount_find(const struct recount *c, struct span id) {
        for (size_t i = 0; i < c->s->n_ops; i++)
                if (span_eq(SPAN_OF(c->s->ops[i].id.b), id))
                        return i;
        fail_msg("an operation that no side took");
        return 0;
}

/* The home with that household key, or whose first device has that key; STREET_HOMES: none. */
static inline uint32_t recount_home(const struct recount *c, struct span key) {
        uint32_t i = 0;
        while (i < STREET_HOMES && !span_eq(SPAN_OF(c->s->homes[i].key.pub.b), key) &&
               !span_eq(SPAN_OF(c->s->homes[i].device.pub.b), key))
                i++;
        return i;
}

static inline void recount_names(struct recount *c, size_t i, struct span ids) {
        for (size_t at = 0; at < ids.n; at += sizeof(struct hash)) {
                assert_true(c->n_named[i] < RECOUNT_NAMES);
                c->named[i][c->n_named[i]++] = recount_find(c, span_of(ids.p + at, sizeof(struct hash)));
        }
}

static inline void recount_read(struct recount *c, const struct street *s) {
        c->s = s;
        assert_true(s->n_ops <= RECOUNT_OPS);
        memset(c->n_named, 0, sizeof(c->n_named));
        memset(c->out, 0, sizeof(c->out));
        memset(c->back, 0, sizeof(c->back));
        memset(c->against, 0, sizeof(c->against));
        for (size_t i = 0; i < s->n_ops; i++) {
                struct wire_op *op = &c->ops[i];
                struct wire_invite invite;
                *op = (struct wire_op){0};
                assert_int_equal(codec_decode(&wire_op_desc, buf_span(&s->ops[i].bytes), op, NULL), 0);
                recount_names(c, i, op->parents);
                if (WIRE_HAS(op, OP, heads))
                        recount_names(c, i, op->heads);
                struct wire_list invites = op->invite;
                if (op->type != OP_ADD || !wire_list_next(&wire_invite_desc, &invites, &invite))
                        continue;
                c->door[i] = recount_home(c, op->by);
                c->inviter[i] = recount_home(c, invite.device);
        }
}

/* Marks the ancestors of operation @p, and itself. */
static inline const bool *recount_ancestors(const struct recount *c, size_t p) {
        static bool in[RECOUNT_OPS];
        memset(in, 0, sizeof(in));
        in[p] = true;
        for (size_t i = p + 1; i-- > 0;) /* made after what they name, so one look at each will do */
                for (size_t k = 0; in[i] && k < c->n_named[i]; k++)
                        in[c->named[i][k]] = true;
        return in;
}

/* The roster as the author of operation @p knew it: its ancestors alone. */
static inline struct roster *recount_past(const struct recount *c, size_t p) {
        const bool *in = recount_ancestors(c, p);
        struct roster *r = street_roster();
        struct hash id;
        for (size_t i = 0; i < p; i++)
                if (in[i])
                        assert_int_equal(roster_add(r, buf_span(&c->s->ops[i].bytes), true, &id), 0);
        return r;
}

/* ---- counting ---- */

static inline const struct roster_home *recount_member(const struct recount *c, const struct roster *past,
                                                       uint32_t home) {
        const struct roster_home *h = home < STREET_HOMES ? roster_home_find(past, &c->s->homes[home].key.pub) : NULL;
        return h && h->member ? h : NULL;
}

/* 5.50: "A remove, promote, demote or return is a *proposal* and its author's vote for it. Each endorse is one more." */
static inline void recount_voters(const struct recount *c, size_t p, bool ret[STREET_HOMES]) {
        memset(ret, 0, STREET_HOMES * sizeof(*ret));
        for (size_t i = p; i < c->s->n_ops; i++) {
                const struct wire_op *op = &c->ops[i];
                uint32_t home = recount_home(c, op->household);
                bool vote = i == p || (op->type == OP_ENDORSE && span_eq(op->proposal, SPAN_OF(c->s->ops[p].id.b)));
                if (vote && home < STREET_HOMES)
                        ret[home] = true;
        }
}

static inline bool recount_junior(const struct roster *past, const struct roster_home *a, const struct roster_home *b) {
        if (a->depth != b->depth)
                return a->depth > b->depth;
        return memcmp(roster_home_op(past, a)->id.b, roster_home_op(past, b)->id.b, sizeof(struct hash)) > 0;
}

/* 5.52: two, or one where there is one; against a steward more than half of all, or of two the senior's alone. */
static inline bool recount_stewards(const struct recount *c, const struct roster *past, size_t p, const bool voted[]) {
        size_t all = roster_stewards(past), votes = 0, needed = all < 2 ? 1 : 2;
        const struct roster_home *target = recount_member(c, past, recount_home(c, c->ops[p].target)), *other = NULL;
        for (uint32_t i = 0; i < STREET_HOMES; i++) {
                const struct roster_home *h = recount_member(c, past, i);
                votes += voted[i] && h && h->steward;
                if (h && h->steward && h != target)
                        other = h;
        }
        if ((c->ops[p].type == OP_REMOVE || c->ops[p].type == OP_DEMOTE) && target && target->steward)
                needed = all == 2 && recount_junior(past, target, other) ? 1 : all / 2 + 1;
        return all > 0 && votes >= needed;
}

/* 5.53: who heads the unit of a home; NULL where that hangs on whether somebody who is gone was a steward then. */
static inline const struct roster_home *recount_head(const struct roster_home *h) {
        while (!h->steward && h->inviter && !h->inviter->steward && h->inviter->inviter) {
                h = h->inviter;
                if (!h->member)
                        return NULL;
        }
        return h;
}

/* 5.53: more than half of the units, each by more than half of its members. Yes where it cannot be told. */
static inline bool recount_units(struct recount *c, const struct roster *past, const bool voted[]) {
        size_t size[STREET_HOMES] = {0}, votes[STREET_HOMES] = {0}, units = 0, won = 0;
        for (uint32_t i = 0; i < STREET_HOMES; i++) {
                const struct roster_home *h = recount_member(c, past, i), *head = h ? recount_head(h) : NULL;
                if (h && !head) {
                        c->unsure++;
                        return true;
                }
                if (!h)
                        continue;
                uint32_t unit = recount_home(c, SPAN_OF(head->key.b));
                assert_true(unit < STREET_HOMES);
                size[unit]++;
                votes[unit] += voted[i];
        }
        for (uint32_t i = 0; i < STREET_HOMES; i++) {
                units += size[i] > 0;
                won += votes[i] * 2 > size[i];
        }
        return won * 2 > units;
}

static inline bool recount_below(const struct roster_home *h, const struct roster_home *top) {
        while (h && h != top)
                h = h->inviter;
        return h != NULL;
}

/* What the fold says this proposal does: enough have voted, and it is about nobody but whom it names and, where it says so,
 * who came by that home and is no steward. */
static inline const char *recount_proposal(struct recount *c, const struct roster_proposal *shown) {
        size_t p = recount_find(c, SPAN_OF(shown->id.b));
        bool voted[STREET_HOMES];
        const struct roster_home *targets[STREET_HOMES];
        const char *wrong = NULL;
        struct roster *past = recount_past(c, p);
        recount_voters(c, p, voted);
        if (!recount_stewards(c, past, p, voted) && !recount_units(c, past, voted))
                wrong = "a proposal is in force without the votes";
        struct key top;
        memcpy(top.b, c->ops[p].target.p, sizeof(top.b));
        size_t n = roster_targets(c->s->sides[0], &shown->id, targets, STREET_HOMES);
        assert_in_range(n, 1, STREET_HOMES);
        for (size_t i = 0; i < n; i++) {
                const struct roster_home *h = roster_home_find(past, &targets[i]->key);
                uint32_t home = recount_home(c, SPAN_OF(targets[i]->key.b));
                bool taken_along = WIRE_HAS(&c->ops[p], OP, subtree) && h && !h->steward &&
                                   recount_below(h, roster_home_find(past, &top));
                if (!key_eq(&targets[i]->key, &top) && !taken_along)
                        wrong = "a removal takes along whom it does not name";
                assert_true(home < STREET_HOMES);
                c->against[p] |= (uint64_t)(shown->type == OP_REMOVE) << home;
                c->out[home] |= shown->type == OP_REMOVE;
                c->back[home] |= shown->type == OP_RETURN;
        }
        roster_free(past);
        c->proposals++;
        return wrong;
}

/* ---- who is out, and why ---- */

/* Operation @i ends the membership of that home: a removal in force, its leaving, or the undoing of its coming. */
static inline bool recount_ends(const struct recount *c, size_t i, uint32_t home) {
        const struct wire_op *op = &c->ops[i];
        if (op->type == OP_REMOVE)
                return c->against[i] >> home & 1;
        if (op->type == OP_INVITE_UNDO)
                return recount_home(c, c->ops[recount_find(c, op->proposal)].household) == home;
        return op->type == OP_LEAVE && recount_home(c, op->household) == home;
}

static inline bool recount_out(const struct recount *c, uint32_t home) {
        for (size_t i = 0; i < c->s->n_ops; i++)
                if (recount_ends(c, i, home))
                        return true;
        return false;
}

/* 5.57: "except those that enough standing votes for the proposal have among their ancestors". Whoever proposed, or left,
 * knew of add @add, and so did all who voted: the end of that home does not end this add. */
static inline bool recount_spared(const struct recount *c, size_t add, uint32_t home) {
        for (size_t i = 0; i < c->s->n_ops; i++)
                if (recount_ends(c, i, home) && !recount_ancestors(c, i)[add])
                        return false;
        return true;
}

/* The key of the home's first device was revoked, or somebody else certified it: adds it has a hand in may fall. */
static inline bool recount_device_contested(const struct recount *c, uint32_t home) {
        const struct span key = SPAN_OF(c->s->homes[home].device.pub.b);
        size_t certified = 0;
        for (size_t i = 0; i < c->s->n_ops; i++) {
                const struct wire_op *op = &c->ops[i];
                struct wire_list devices = op->device;
                struct wire_device d;
                if (op->type == OP_DEVICE_REVOKE && span_eq(op->target, key))
                        return true;
                if (WIRE_HAS(op, OP, device) && wire_list_next(&wire_device_desc, &devices, &d))
                        certified += span_eq(d.sign, key);
        }
        return certified > 1;
}

static inline bool recount_firm(const struct recount *c, size_t add);

/* The founder, or a home whose add stands whatever else is signed. */
static inline bool recount_firm_home(const struct recount *c, uint32_t home) {
        if (home == 0)
                return true;
        for (size_t i = 0; i < c->s->n_ops; i++)
                if (c->ops[i].type == OP_ADD && recount_home(c, c->ops[i].household) == home)
                        return recount_firm(c, i);
        return false;
}

/* Does this add stand whatever else is signed? It is its home's only one and alone on its ticket; and who invited and who
 * admitted came by such an add, with a device that nobody contests, and is a member or went with this add before everybody's
 * eyes. */
static inline bool recount_firm(const struct recount *c, size_t add) {
        const struct wire_op *op = &c->ops[add];
        const uint32_t rests_on[] = {c->door[add], c->inviter[add]};
        for (size_t k = 0; k < c->s->n_ops; k++)
                if (k != add && c->ops[k].type == OP_ADD &&
                    (span_eq(c->ops[k].household, op->household) || span_eq(c->ops[k].invite.items, op->invite.items)))
                        return false;
        for (size_t k = 0; k < ARRAY_LEN(rests_on); k++)
                if (rests_on[k] >= STREET_HOMES || !recount_spared(c, add, rests_on[k]) ||
                    recount_device_contested(c, rests_on[k]) || !recount_firm_home(c, rests_on[k]))
                        return false;
        return true;
}

/* 5.75: it waits for a place, and its inviter's budget, or the mesh's, is used up. */
static inline bool recount_waits(const struct roster *now, const struct key *household) {
        const struct roster_home *h;
        size_t at = 0;
        while ((h = roster_waiting_next(now, &at)))
                if (key_eq(&h->key, household))
                        return true;
        return false;
}

/* NULL, or what is wrong with who is a member after @s's whole history. */
static inline const char *recount_check(struct recount *c, const struct street *s) {
        const struct roster *now = s->sides[0];
        struct roster_proposal shown;
        recount_read(c, s);
        for (size_t i = 0; roster_proposal_at(now, i, &shown); i++) {
                const char *wrong = shown.in_force ? recount_proposal(c, &shown) : NULL;
                if (wrong)
                        return wrong;
        }
        for (size_t i = 0; i < s->n_ops; i++) {
                uint32_t home = recount_home(c, c->ops[i].household);
                if (c->ops[i].type != OP_ADD || home >= STREET_HOMES)
                        continue;
                bool member = recount_member(c, now, home) != NULL;
                c->removals += c->out[home];
                c->fallen += !member && !c->out[home];
                bool firm = !recount_out(c, home) && recount_firm(c, i) && !recount_waits(now, &s->homes[home].key.pub);
                c->firm += firm;
                c->orphans += firm && (recount_out(c, c->inviter[i]) || recount_out(c, c->door[i]));
                if (member && c->out[home] && !c->back[home])
                        return "a removed home is a member though nobody voted for its return";
                if (!member && firm)
                        return "a home is out that nobody removed, and that rests on nothing that fell";
        }
        return NULL;
}
