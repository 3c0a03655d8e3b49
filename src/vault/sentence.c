/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's own words for what it is about to sign. All that others chose (names, reasons) stands between quotation
 * marks and cannot leave them; every home is named with as much of its id as no other home has.
 */
#include "base/text.h"
#include "vault/ballot.h"

#define ID_DIGITS_MIN 8
#define SHOWN_MAX 200   /* bytes of a text, its control characters spelt out: the sentence has room for that */
#define NAMED_MAX 5     /* of the homes that go along; */
#define NAMED_UNTIL 500 /* and none behind this many bytes */

/* ---- ids ---- */

static size_t digits_shared(const uint8_t a[32], const uint8_t b[32]) {
        size_t i = 0;
        while (i < 32 && a[i] == b[i])
                i++;
        return i == 32 ? 2 * i : 2 * i + (a[i] >> 4 == b[i] >> 4);
}

static void put_id(struct buf *out, const uint8_t id[32], size_t digits) {
        _clean_(buf_fini) struct buf hex = BUF_NULL;
        text_hex(&hex, span_of(id, 32));
        buf_add(out, span_of(hex.p, MIN(hex.n, digits)));
}

void sentence_home_id(struct buf *out, const struct roster *r, const struct roster_home *home) {
        size_t digits = ID_DIGITS_MIN;
        const struct roster_home *h;
        for (size_t i = 0; (h = roster_home_at(r, i)); i++)
                if (!key_eq(&h->key, &home->key))
                        digits = MAX(digits, digits_shared(h->key.b, home->key.b) + 1);
        put_id(out, home->key.b, digits);
}

void sentence_proposal_id(struct buf *out, const struct roster *r, const struct hash *id) {
        size_t digits = ID_DIGITS_MIN;
        struct roster_proposal p;
        for (size_t i = 0; roster_proposal_at(r, i, &p); i++)
                if (!hash_eq(&p.id, id))
                        digits = MAX(digits, digits_shared(p.id.b, id->b) + 1);
        put_id(out, id->b, digits);
}

/* ---- what others chose ---- */

/* At most @max bytes of @s, and no part of a character. */
static struct span cut(struct span s, size_t max) {
        size_t n = MIN(s.n, max);
        while (n < s.n && n > 0 && (s.p[n] & 0xc0) == 0x80)
                n--;
        return span_of(s.p, n);
}

static void put_quoted(struct buf *out, struct span text) {
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        text_show(&shown, text, false);
        struct span s = cut(buf_span(&shown), SHOWN_MAX);
        buf_add_u8(out, '"');
        for (size_t i = 0; i < s.n; i++)
                buf_add_u8(out, s.p[i] == '"' ? '\'' : s.p[i]);
        buf_add_str(out, s.n < shown.n ? "…\"" : "\"");
}

static void put_home(struct buf *out, const struct roster *r, const struct roster_home *home) {
        put_quoted(out, span_str(home->name));
        buf_add_str(out, " (");
        sentence_home_id(out, r, home);
        buf_add_str(out, ")");
}

static void put_mesh(struct buf *out, const struct roster *r) {
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        text_show(&shown, span_str(roster_mesh_name(r)), false);
        buf_add(out, buf_span(&shown));
}

/* ---- parts of sentences ---- */

/* Names those who go along, and counts the rest. */
static void put_homes(struct buf *out, const struct roster *r, const struct roster_home *const *homes, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (i == NAMED_MAX || out->n > NAMED_UNTIL) {
                        buf_printf(out, " and %zu more", n - i);
                        return;
                }
                if (i)
                        buf_add_str(out, i + 1 == n ? " and " : ", ");
                put_home(out, r, homes[i]);
        }
}

/* The first of a proposal's targets is the home it is about. */
static void put_company(struct buf *out, const struct roster *r, const struct hash *proposal) {
        const struct roster_home *homes[1 + NAMED_MAX];
        size_t n = roster_targets(r, proposal, homes, ARRAY_LEN(homes));
        if (n < 2) {
                buf_add_str(out, " It brought no other home that would go with it.");
                return;
        }
        if (n == 2)
                buf_add_str(out, " With it goes 1 home that it brought: ");
        else
                buf_printf(out, " With it go %zu homes that it and they brought: ", n - 1);
        put_homes(out, r, homes + 1, n - 1);
        buf_add_str(out, ".");
}

static void put_votes(struct buf *out, const struct ballot *b) {
        const struct ballot_count *c = &b->count;
        const struct roster_ways *w = &c->ways;
        bool either = !c->in_force && w->stewards_needed;
        if (c->votes == 0 && !either)
                buf_printf(out, " Your vote counts once more homes of your part of the mesh give theirs; %u needed.",
                           c->needed);
        else if (c->votes && b->type == OP_ENDORSE)
                buf_printf(out, " With yours, %u of the %u votes needed are there", c->votes, c->needed);
        else if (c->votes)
                buf_printf(out, " Your vote counts as %u of the %u needed", c->votes, c->needed);
        if (c->votes)
                buf_add_str(out, c->in_force ? ": it takes effect at once." : ".");
        if (either)
                buf_printf(out, " Then there are %u of %u steward%s, or %u of %u home%s: either is enough.",
                           w->stewards, w->stewards_needed, w->stewards_needed == 1 ? "" : "s", w->homes,
                           w->homes_needed, w->homes_needed == 1 ? "" : "s");
}

static void put_reason(struct buf *out, struct span reason) {
        if (!reason.n)
                return;
        buf_add_str(out, " Reason, readable by every home: ");
        put_quoted(out, reason);
        buf_add_str(out, ".");
}

/* "remove the household "Number 9" (3f2a91c0) from Elm Street": what a proposal wants. */
static void put_wish(struct buf *out, const struct roster *r, enum wire_e_op type, const struct roster_home *home) {
        const char *before = "remove the household ", *after = " from ", *end = "";
        if (type == OP_PROMOTE) {
                before = "make the household ";
                after = " a steward of ";
        } else if (type == OP_DEMOTE) {
                before = "make the steward ";
                after = " an ordinary home of ";
                end = " again";
        } else if (type == OP_RETURN) {
                before = "let the removed household ";
                after = " return to ";
        }
        buf_add_str(out, before);
        put_home(out, r, home);
        buf_add_str(out, after);
        put_mesh(out, r);
        buf_add_str(out, end);
}

/* ---- sentences ---- */

static void put_proposal(struct buf *out, const struct ballot *b, const struct roster *trial, const struct hash *op) {
        size_t at = out->n;
        put_wish(out, trial, b->type, b->target);
        if (buf_ok(out) && out->n > at)
                out->p[at] = (uint8_t)(out->p[at] - 'a' + 'A');
        buf_add_str(out, "?");
        if (b->type == OP_REMOVE && b->target->steward)
                buf_add_str(out, " It is a steward.");
        if (b->subtree)
                put_company(out, trial, op);
        put_reason(out, buf_span(&b->reason));
        put_votes(out, b);
}

static void put_endorse(struct buf *out, const struct ballot *b, const struct roster *trial) {
        struct roster_proposal p;
        if (!proposal_find(trial, &b->proposal, &p))
                return;
        buf_add_str(out, "Vote for proposal ");
        sentence_proposal_id(out, trial, &p.id);
        buf_add_str(out, " of ");
        put_home(out, trial, p.by);
        buf_add_str(out, ": ");
        put_wish(out, trial, p.type, p.target);
        buf_add_str(out, "?");
        if (proposal_subtree(trial, &p))
                put_company(out, trial, &p.id);
        if (p.reason.n) {
                buf_add_str(out, " Its reason: ");
                put_quoted(out, p.reason);
                buf_add_str(out, ".");
        }
        put_votes(out, b);
}

static void put_lost(struct buf *out) {
        buf_add_str(out,
                    " All that this home keeps of the mesh is then removed from it: the household's key, every post, "
                    "its tickets, neighbours, mutes and places.");
}

static void put_over(struct buf *out, const struct ballot *b) {
        buf_add_str(out, "The household ");
        put_home(out, b->roster, b->self);
        buf_add_str(out, b->self->left ? " has left " : " was removed from ");
        put_mesh(out, b->roster);
        buf_add_str(out, ". Forget it here?");
        put_lost(out);
        if (!b->self->left)
                buf_add_str(out, " Should the others vote to let it return, it could not.");
}

static void put_leave(struct buf *out, const struct ballot *b, const struct roster *trial) {
        buf_add_str(out, "Leave ");
        put_mesh(out, trial);
        buf_add_str(out, " with the household ");
        put_home(out, trial, b->self);
        buf_add_str(out, " and all its devices? Nobody can undo it: coming back takes a new invitation and makes a new "
                         "household.");
        put_lost(out);
        if (b->self->steward && roster_stewards(trial) == 0 && roster_members(trial))
                buf_add_str(out, " It is the only steward: the homes that stay decide by more than half of them all.");
}

static void put_vouch(struct buf *out, const struct ballot *b, const struct roster *trial) {
        buf_add_str(out, "Vouch in ");
        put_mesh(out, trial);
        buf_add_str(out, " for the household ");
        put_home(out, trial, b->target);
        if (b->target->inviter) {
                buf_add_str(out, ", which came on a ticket of ");
                put_home(out, trial, b->target->inviter);
        }
        buf_add_str(out, "? A home that two others vouch for stays when the one that brought it is removed with all it "
                         "brought. Every home can read it, and it cannot be taken back.");
}

static void put_code(struct buf *out, const struct ballot *b, const struct roster *trial) {
        buf_add_str(out, "Make a code with which one more device becomes a device of the household ");
        put_home(out, trial, b->self);
        buf_add_str(out, " in ");
        put_mesh(out, trial);
        buf_add_str(out, "? Whoever has the code posts and reads as this household, until you revoke that device.");
}

static void put_revoke(struct buf *out, const struct ballot *b, const struct roster *trial) {
        buf_add_str(out, "Revoke the device ");
        put_quoted(out, span_str(b->device->name));
        buf_add_str(out, " (");
        put_id(out, b->device->sign.b, ID_DIGITS_MIN);
        buf_add_str(out, ") of the household ");
        put_home(out, trial, b->self);
        buf_add_str(out,
                    "? It reads nothing that is posted from now on and posts nothing; what it has read it keeps, and "
                    "what it has posted stands. Nobody can undo it: to come back it needs a new code and a new "
                    "folder.");
}

static void put_undo(struct buf *out, const struct ballot *b, const struct roster *trial) {
        buf_add_str(out, "Undo the invite of the household ");
        put_home(out, trial, b->target);
        buf_add_str(out, ", which came to ");
        put_mesh(out, trial);
        buf_add_str(out,
                    " on a ticket of yours? It reads nothing that is posted afterwards, and posts nothing; what it "
                    "has read it keeps. Its ticket is closed, and it comes back only by a vote for its return. "
                    "Another home countersigns it, and it takes effect at once.");
}

void sentence_put(struct buf *out, const struct ballot *b, const struct roster *trial, const struct hash *op) {
        switch (b->type) {
        case OP_REMOVE:
        case OP_PROMOTE:
        case OP_DEMOTE:
        case OP_RETURN:
                put_proposal(out, b, trial, op);
                return;
        case OP_ENDORSE:
                put_endorse(out, b, trial);
                return;
        case OP_LEAVE:
                if (b->over)
                        put_over(out, b);
                else
                        put_leave(out, b, trial);
                return;
        case OP_VOUCH:
                put_vouch(out, b, trial);
                return;
        case OP_DEVICE_ADD:
                put_code(out, b, trial);
                return;
        case OP_DEVICE_REVOKE:
                put_revoke(out, b, trial);
                return;
        case OP_INVITE_UNDO:
                put_undo(out, b, trial);
                return;
        case OP_GENESIS:
        case OP_ADD:
                return; /* not asked for by O_OP */
        }
}
