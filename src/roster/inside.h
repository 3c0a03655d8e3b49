/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the fold share. Operations, homes, certificates and invites are numbered in the order they came; the
 * numbers never leave this folder, and no rule looks at their order except that an ancestor's number is lower.
 *
 * Two kinds of facts are kept apart. What an operation is (its author, ancestors, the numbers read in its own past) is
 * written once, when it is taken in, and never changes. What the whole set makes of it (void, in force, a member) lives in a
 * struct state, which fold_run() computes for any set of operations closed under ancestors.
 */
#pragma once

#include "base/map.h"
#include "roster/roster.h"

#define NONE UINT32_MAX
#define SEVERAL (UINT32_MAX - 1) /* of households: more than one */
#define NAMED_MAX 8              /* parents and, of a countersigned operation, heads */

/* A set of operations: bit i is operation i. Bits from @n on are 0. */
struct bits {
        uint64_t *w;
        uint32_t n;
};

/* An operation that is, or counts as, a vote. Everything but the list's links is as its own past, or its proposal's, says. */
struct vote {
        struct bits past;      /* its ancestors; empty while it is on a fallen branch (fold_trim) */
        uint32_t proposal;     /* what it votes for; a proposal votes for itself */
        uint32_t next;         /* the next vote for the same proposal */
        uint32_t promo;        /* the promotion that made its author a steward; NONE: the founder, or no steward */
        uint32_t unit;         /* in past(proposal): the topmost ordinary home over the author */
        uint32_t unit_size;    /* and the members of its unit */
        bool steward;          /* in past(proposal) and in its own */
        struct proposal *prop; /* of a proposal */
};

struct proposal {
        uint32_t *targets; /* homes; the first is the one named */
        uint32_t n_targets;
        uint32_t cert; /* device-revoke: the certificate; else NONE */
        uint32_t n_stewards, n_units;
        uint32_t reverses; /* return: votes that the removal had */
        bool against_steward;
        bool against_junior; /* there are two stewards and the target is the junior one */
        bool again;          /* a household has signed two votes for it */
        bool hopeful;        /* there may be a set of operations in which it is complete (votes_hope) */
};

struct op {
        struct roster_op pub;
        struct vote *vote; /* NULL: none */
        uint32_t index;
        uint32_t named[NAMED_MAX]; /* parents, own previous first, then heads */
        uint32_t n_named;
        uint32_t home;             /* the author */
        uint32_t seq;              /* 0: the first of its chain, or on none */
        uint32_t root;             /* the first operation of its chain */
        uint32_t twin;             /* of an admission: the first to come with the same author's signature */
        uint32_t depth;            /* of the author, from the founder's 0 */
        uint32_t cert;             /* the device it certifies, or NONE */
        uint32_t invite, inv_cert; /* add: the ticket, and the device that signed it; device-add: the code, NONE */
        uint32_t by_cert;          /* the device that countersigned */
        uint32_t target;           /* vouch: the home; invite-undo: the add */
        uint32_t promo;  /* add: the promotion its inviter was a steward by; NONE: the founder, or no steward */
        bool of_steward; /* add: the inviter was a steward in its past */
        uint32_t next_of_home, next_on_invite, next_of_inviter;
        uint32_t head_at;  /* place in roster.heads, or NONE */
        uint32_t built_by; /* the household that built on it, in the whole set; NONE, SEVERAL */
        uint32_t mark;     /* of past.c */
        bool rival;        /* another operation stands at its place in the chain */
        bool twinned;      /* of the first twin: there are others */
        uint8_t bytes[];
};

struct home {
        struct roster_home pub;
        uint8_t skeleton[32]; /* of the name */
        uint32_t index;
        uint32_t n_certs;  /* room in devices */
        uint32_t certs;    /* newest first, by next_of_home */
        uint32_t ops;      /* its chain, newest first, by next_of_home */
        uint32_t joins;    /* its device-adds, which are on no chain, newest first, by next_of_home */
        uint32_t invitees; /* adds on its tickets, by next_of_inviter */
        uint32_t n_invitees;
        uint32_t next_alike; /* the next home with the same skeleton */
        struct roster_device **devices;
        bool shown; /* it is, or was, a member */
};

struct cert {
        struct roster_device pub;
        uint32_t index;
        uint32_t op; /* that certifies it */
        uint32_t home;
        uint32_t next_of_home;
        uint32_t next_sign; /* the next certificate with the same signing key */
        uint32_t next_noise;
};

/* A ticket, or a device code: those have one use, and are no inviter's. */
struct invite {
        struct hash hash;
        struct key key;
        uint32_t index;
        uint32_t uses;
        uint32_t adds;   /* by next_on_invite */
        uint32_t n_adds; /* homes, whatever became of them */
};

/* What a set of operations makes of each. */
enum {
        OP_VOID = 1,    /* it counts for nothing */
        OP_BRANCH = 2,  /* and so does what its author signed on top of it: the branch of a chain that does not stand */
        OP_TAKEN = 4,   /* a proposal in force */
        OP_SKIPPED = 8, /* a proposal whose turn came and that was not taken */
        OP_STEWARD = 16, /* a steward's vote whose stewardship still holds */
        OP_ORDINARY =
                32, /* an add on a steward's ticket that counts as an ordinary home's: a demotion had not seen it */
};

enum {
        CERT_NONE = 0,
        CERT_CURRENT = 1,
        CERT_REVOKED = 2,
        CERT_ENDED = 3, /* its household is no member any more */
        CERT_LOST = 4,  /* another certificate of the same key stands */
        CERT_SPARE = 5, /* its household has ROSTER_DEVICES_MAX others that come first */
        CERT_WAITS = 6, /* its household waits for a place */
};

struct home_state {
        uint32_t add;   /* the operation it is a member by, or NONE */
        uint32_t gone;  /* the removal, leave or undo in force against it that states the earliest time, or NONE */
        uint32_t promo; /* the promotion it is a steward by; NONE: the founder, or none */
        bool member;
        bool steward;  /* is one, or was when it went */
        bool left;     /* gone, and by itself only */
        uint8_t waits; /* enum roster_waits */
};

struct tally {
        bool complete;
        uint32_t votes;          /* of the route that completes it */
        const struct op *senior; /* of those voters */
        bool known;              /* in a state: it need not be counted again */
};

struct state {
        uint8_t *ops; /* OP_* */
        struct home_state *homes;
        uint8_t *certs;        /* CERT_* */
        uint32_t *revoked;     /* the revocation of each certificate, or NONE */
        uint32_t *count;       /* scratch: votes a unit; all 0 between uses */
        struct tally *tallies; /* scratch: of each proposal, while turns are taken */
        uint32_t cap_ops, cap_homes, cap_certs, cap_tallies;
        uint32_t members, stewards;
        uint32_t spares;  /* certificates that are CERT_SPARE */
        uint32_t waiting; /* homes that wait for a place */
        bool contested;   /* of some budget's homes not all stand, so that it matters who built on whom */
};

struct roster {
        struct hash mesh;
        char name[33];
        mesh_cell cell;
        uint32_t charter[WIRE_CHARTER_END];
        struct op **ops;
        struct home **homes;
        struct cert **certs;
        struct invite **invites;
        uint32_t *proposals; /* what is, or counts as, a proposal */
        uint32_t *heads;
        uint32_t *shown;   /* homes that are or were members, in the order of their first add */
        uint32_t *clashes; /* certificates that share a key with an earlier one */
        uint32_t n_ops, n_homes, n_certs, n_invites, n_proposals, n_heads, n_shown, n_clashes;
        uint32_t n_rivals;  /* operations with a rival */
        uint32_t n_crowded; /* invites with more homes than uses */
        bool swayed;        /* the newest operation is the first of another household to build on one that has rivals */
        struct map by_id, by_home, by_sign, by_noise, by_invite, by_skeleton;
        uint32_t n_twins;    /* first operations that are another's twin */
        struct past *past;   /* scratch of past.c */
        struct hash removed; /* of the whole set */
        struct state now;
        struct roster_pool *pool; /* NULL: it is nobody else's */
        struct hash history;      /* names what it has taken, within the pool */
        uint32_t others;          /* homes that hold it, beyond one */
        struct roster *ahead;     /* at a start: what was given back so far is the first of this one's … */
        uint32_t n_ahead;         /* … so many operations */
};

/* ---- pool.c ---- */
void pool_leave(struct roster *r); /* it is not found any more */

/* ---- past.c ---- */
struct past;
int past_new(struct past **ret);
struct past *past_free(struct past *p);
static inline bool bits_has(const struct bits *b, uint32_t i) {
        return i < b->n && (b->w[i / 64] >> (i % 64) & 1);
}
int bits_init(struct bits *b, uint32_t n); /* empty */
void bits_fini(struct bits *b);
static inline void bits_set(struct bits *b, uint32_t i) {
        b->w[i / 64] |= UINT64_C(1) << (i % 64);
}
/* The numbers of the operations with these ids; the caller frees. 0, ROSTER_E_PARENTS, <0. */
int past_named(const struct roster *r, const struct hash *ids, size_t n, uint32_t **ret);
/* The operations @named and all their ancestors. */
int past_of(const struct roster *r, const uint32_t *named, uint32_t n_named, struct bits *ret);
/* The operations that are neither @named nor their ancestors, as marks that past_outside() reads until the next call.
 * Stops, false, at the first one that @plain refuses. */
bool past_mark_rest(const struct roster *r, const uint32_t *named, uint32_t n_named,
                    bool (*plain)(const struct roster *r, const struct op *o), uint32_t *ret_rest,
                    uint32_t *ret_members);
bool past_outside(const struct roster *r, const struct op *o);
/* Who built on each operation of a set, NULL: the whole set: by number, NONE, one household or SEVERAL. The caller frees. */
int past_builders(const struct roster *r, const struct bits *in, uint32_t **ret);
/* Another household has named @x, or what descends from it: someone else built on it. @by: one of those. */
static inline bool past_built_on(uint32_t by, const struct op *x) {
        return by != NONE && by != x->home;
}
/* Notes what @o, the newest operation, builds on, and in @r->swayed whether that may matter. */
int past_build(struct roster *r, const struct op *o);
/* The household that chose what @o names: the author, of an add the countersigning home. */
uint32_t past_namer(const struct roster *r, const struct op *o);
static inline bool set_has(const struct bits *in, uint32_t i) { /* NULL: the whole set */
        return !in || bits_has(in, i);
}

/* ---- fold.c, rivals.c, votes.c ---- */
int state_fit(const struct roster *r,
              struct state *st); /* room for all there is; keeps what is in it, the rest is 0 or NONE */
void state_fini(struct state *st);
int fold_run(const struct roster *r, const struct bits *in, struct state *st);
bool fold_add_stands(const struct roster *r, const struct bits *in, const struct state *st, uint32_t first);
/* The household's own first operation, or an add: what makes it a member. */
static inline bool op_is_first(const struct op *o) {
        return o->pub.type == OP_GENESIS || o->pub.type == OP_ADD;
}
/* Where an operation like @o is listed: its household's chain, or the device-adds. */
static inline uint32_t op_siblings(const struct roster *r, const struct op *o) {
        return o->pub.type == OP_DEVICE_ADD ? r->homes[o->home]->joins : r->homes[o->home]->ops;
}
/* The operation that certifies: of twins the standing one with the lowest id, or the first where none stands. */
const struct op *fold_certifier(const struct roster *r, const struct bits *in, const struct state *st,
                                const struct cert *c);
bool fold_cert_stands(const struct roster *r, const struct bits *in, const struct state *st, uint32_t cert);
/* What rests on what is void is void too, and which votes are stewards'. Whether any vote counts otherwise than before; if
 * nothing was made void since the last time, and no promotion came in force, it changes nothing. */
bool fold_settle(const struct roster *r, const struct bits *in, struct state *st);
/* The operation is of the common kind whose effect on the rest is none but to be there. */
bool fold_plain(const struct roster *r, const struct op *o);
/* @o, the newest operation, has a rival before it and changes nothing: @r->now is up to date. */
bool fold_falls(struct roster *r, const struct op *o);
/* What fell keeps no ancestors: of thousands of votes for one place each would take a bit for every operation before it. A
 * fold that has it standing works them out again; this, when that is over, forgets them. */
void fold_trim(const struct roster *r);
/* Brings @r->now up to date with @o, the newest operation; false: it takes a fold of everything. */
bool fold_append(struct roster *r, const struct op *o);
uint32_t fold_limit(const struct roster *r,
                    const struct bits *in); /* no operation of the set has this number or a higher */
int rivals_resolve(const struct roster *r, const struct bits *in, struct state *st);

/* ---- places.c ---- */
/* Says of each home with a standing add whether it waits. */
int places_give(const struct roster *r, const struct bits *in, struct state *st);
/* @add, the newest operation, finds a place in @r->now, and nobody's budget is exceeded. */
bool places_left(const struct roster *r, const struct op *add);
/* It is counted as one of a steward's homes of that day. */
bool places_by_steward(const struct state *st, const struct op *add);

/* Counts the standing votes for @p: only those that have @seen (an operation, or NONE) among their ancestors, and only those
 * @within a set (NULL: all). */
struct tally votes_tally(const struct roster *r, const struct bits *in, struct state *st, const struct op *p,
                         uint32_t seen, const struct bits *within);
/* How the vote stands, by the count that is nearer to being enough: stewards or units. */
void votes_show(const struct roster *r, struct state *st, const struct op *p, struct roster_proposal *ret);
bool votes_is_removal(const struct op *p); /* remove, leave, invite-undo */
bool votes_has_target(const struct op *p, uint32_t home);
bool votes_held_off(const struct roster *r, const struct bits *in, const struct state *st, const struct op *p,
                    uint32_t home); /* a return in force makes the removal @p void against @home */
void votes_take(const struct roster *r, const struct bits *in, struct state *st);
/* @o, the newest operation, votes: notes whether what it votes for may be complete now. */
void votes_hope(struct roster *r, const struct op *o);
bool op_senior(const struct roster *r, const struct op *a, const struct op *b); /* a's author to b's */

/* ---- judge.c: an operation in its own past ---- */
struct view {
        const struct roster *r;
        const struct state *st;
        const struct bits *in; /* NULL: the whole set, but for what is marked if @rest */
        bool rest;
        uint32_t members;
        struct state own; /* of view_open, where the whole set's would not do */
        struct bits bits;
};
int view_open(struct view *v, const struct roster *r, const uint32_t *named, uint32_t n_named);
void view_whole(struct view *v, const struct roster *r);
void view_close(struct view *v);

/* An operation on its way in: decoded, and with the numbers of what it names. */
struct coming {
        struct wire_op w;
        struct wire_device device;
        struct wire_invite inv;
        struct wire_code code;
        struct hash inv_hash; /* of the ticket or the code */
        struct op *op;
};
/* 0, ROSTER_E_*, <0. Fills in what op and vote say of the past. */
int judge(struct roster *r, struct coming *c);
/* The same of a further device. @ret_home: the household's number. */
int judge_device_joiner(const struct view *v, const struct coming *c, mesh_wall at, uint32_t *ret_home);
/* The part of it that is about a joiner; @at: mesh time of the countersignature. @ret_inviter: certificate. */
int judge_joiner(const struct view *v, const struct coming *c, mesh_wall at, uint32_t *ret_inviter);
uint32_t view_cert(const struct view *v, struct span sign); /* current device of a member, or NONE */
/* V1: the topmost ordinary home over @home, or itself. @of: of each home its unit, as far as it is known; NONE: not yet. */
uint32_t view_unit(const struct view *v, uint32_t *of, uint32_t home);

/* ---- publish.c ---- */
void publish_all(struct roster *r);                       /* after a fold of the whole set */
void publish_added(struct roster *r, const struct op *o); /* after fold_append */
int removed_hash(const struct roster *r, const struct state *st, struct hash *ret);
