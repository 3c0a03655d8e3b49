/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fold: operations in, member set and charter out. The member set is a pure function of the set of operations, in
 * whatever order they came; the exact rules are PROTOCOL section 5 (votes, seniority, voiding, tickets).
 */
#pragma once

#include "base/buf.h"
#include "crypto/sign.h"
#include "wire/messages.h"

#define ROSTER_DEVICES_MAX 4 /* of a household, at a time */
#define ROSTER_HEADS_MAX 16
#define ROSTER_PARENTS_MAX 4
#define ROSTER_UNDO_SECONDS 86400 /* within which the use of a ticket can be undone … */
#define ROSTER_UNDO_HOMES 3       /* … in a mesh of so many homes: who invites, who came, and who countersigns */

struct roster;

struct roster_home;

struct roster_device {
        struct key sign, noise, seal;
        enum wire_e_share share;
        char name[33];
        const struct roster_home *home;
        mesh_wall since; /* stated time of its certification */
        /* 0: current; else the stated time of its revocation, or of its household's end: records it made up to then stand,
         * later ones are void. */
        mesh_wall gone_at;
};

/* Why a home whose add stands is no member (PROTOCOL 5.75). */
enum roster_waits {
        ROSTER_WAITS_NOT,
        ROSTER_WAITS_PLACE,   /* its inviter, an ordinary home, has as many homes as it may */
        ROSTER_WAITS_DAY,     /* its inviter, a steward, had as many homes that day as it may */
        ROSTER_WAITS_FULL,    /* the mesh is full */
        ROSTER_WAITS_INVITER, /* its inviter waits */
};

struct roster_home {
        struct key key; /* names the household */
        struct key seal;
        char name[33];
        bool member; /* false: removed or left; kept because its earlier records stand */
        bool left;   /* it left by itself */
        bool steward;
        mesh_wall joined;
        mesh_wall gone_at;                    /* 0: a member */
        uint32_t depth;                       /* add depth: seniority is (depth, then lower id of the add) */
        const struct roster_home *inviter;    /* NULL: the founder */
        struct roster_device *const *devices; /* current and revoked */
        size_t n_devices;
        bool name_clash; /* a senior home has a look-alike name: always show the id beside it */
        enum roster_waits waits;
};

struct roster_op {
        struct hash id;
        struct span bytes;
        enum wire_e_op type;
        mesh_wall time; /* stated; of an add or device-add: the countersigned time */
};

enum {
        ROSTER_E_KNOWN = 1,     /* it is there already */
        ROSTER_E_PARENTS = 2,   /* an ancestor is missing: keep it and try again */
        ROSTER_E_INPUT = 3,     /* not an operation, or a row its type needs is missing or does not belong */
        ROSTER_E_SIGNATURE = 4, /* a signature is wrong */
        ROSTER_E_RULE = 5,      /* void for ever by what its own ancestors say */
        ROSTER_E_EXPIRED = 6,   /* admission: the ticket's time is over */
        ROSTER_E_USED = 7,      /* admission: every use is spent */
        ROSTER_E_NAME = 8,      /* admission: the name is refused */
        ROSTER_E_FULL = 9,      /* admission: the mesh is full */
        ROSTER_E_BUDGET = 10,   /* admission: the inviting household has no places left */
        ROSTER_E_STRANGER = 11, /* admission: the ticket's device is none this roster knows */
        ROSTER_E_MEMBER = 12,   /* admission: that household or device is, or was, a member */
        ROSTER_E_GONE = 13,     /* admission: the ticket's device was a member's, and is none any more */
        ROSTER_E_DEVICES = 14,  /* admission: the household has as many devices as it may */
};

int roster_new(struct roster **ret, const uint64_t seed[4]);
struct roster *roster_free(struct roster *r);

/* Rosters that many homes of one process have alike, each kept once (pool.c). It outlives them. */
struct roster_pool;
int roster_pool_new(struct roster_pool **ret, const uint64_t seed[4]);
struct roster_pool *roster_pool_free(struct roster_pool *p);
size_t roster_pool_size(const struct roster_pool *p); /* different ones */
int roster_new_in(struct roster **ret, const uint64_t seed[4], struct roster_pool *pool_or_null);
/* As roster_add, for one that may be of a pool: *r may be another one afterwards, and what pointed into it is void. */
int roster_take(struct roster **r, struct span op, bool checked, struct hash *ret_id);
/* A start: the disk gives back an operation that was taken before. Until roster_restored() says that it was the last one
 * nothing may be asked of the roster. Both return what roster_take() does, but for KNOWN. */
int roster_restore(struct roster **r, struct span op);
int roster_restored(struct roster **r);

/* Takes an operation; the first must be the genesis. Copies the bytes. @checked: its signatures were checked before (it
 * comes from this node's own disk). Returns 0, ROSTER_E_KNOWN … ROSTER_E_RULE, or <0. @ret_id on 0, KNOWN and PARENTS. */
int roster_add(struct roster *r, struct span op, bool checked, struct hash *ret_id);
/* Would it be taken? As roster_add says of an operation that is not there yet, and changes nothing. What it is judged by are
 * its own ancestors, so the answer stays true whatever comes in between. Not for a genesis. */
int roster_would_take(struct roster *r, struct span op, bool checked, struct hash *ret_id);
/* Would the joiner's signed add or device-add (without countersignature) be admitted now, at mesh time @now? 0 or ROSTER_E_*. Checks its
 * signatures. Revoked tickets are the caller's to know. */
int roster_may_admit(const struct roster *r, struct span add, mesh_wall now);

const struct hash *roster_mesh(const struct roster *r); /* the genesis id; NULL before the genesis */
const char *roster_mesh_name(const struct roster *r);
mesh_cell roster_mesh_cell(const struct roster *r); /* 0: none */
mesh_wall roster_founded(const struct roster *r);
uint32_t roster_charter(const struct roster *r, enum wire_charter row);

size_t roster_ops(const struct roster *r);
/* In an order in which every operation stands behind its parents (the order they were taken). NULL past the end. */
const struct roster_op *roster_op_at(const struct roster *r, size_t i);
const struct roster_op *roster_op_find(const struct roster *r, const struct hash *id);
/* Ids of the operations nobody names as a parent, lowest id first; at most ROSTER_HEADS_MAX. */
size_t roster_heads(const struct roster *r, struct hash ret[ROSTER_HEADS_MAX]);

/* What an operation signed now names: at most 4 ids. With @household, its own previous operation stands first and @ret_seq is
 * the place in its chain; NULL (a countersignature's heads): @ret_seq may be NULL too. Then the @must ids (the home or proposal
 * it is about, the devices it rests on), then heads. Returns how many; 0: that household has no chain here. */
size_t roster_parents(const struct roster *r, const struct key *household, const struct hash *must, size_t n_must,
                      struct hash ret[ROSTER_PARENTS_MAX], uint64_t *ret_seq);
/* The operation a home is a member by, or a device was certified by. */
const struct roster_op *roster_home_op(const struct roster *r, const struct roster_home *home);
const struct roster_op *roster_device_op(const struct roster *r, const struct roster_device *device);

const struct roster_home *roster_home_find(const struct roster *r, const struct key *household);
const struct roster_device *roster_device_find(const struct roster *r, const struct key *sign);
/* Current devices only. */
const struct roster_device *roster_noise_find(const struct roster *r, const struct key *noise);
/* Every household that ever was a member, in order of joining. NULL past the end. */
const struct roster_home *roster_home_at(const struct roster *r, size_t i);
/* Homes that wait for a place, which all other questions know nothing of. *at begins with 0; NULL past the end. */
const struct roster_home *roster_waiting_next(const struct roster *r, size_t *at);
const struct roster_home *roster_waiting_find(const struct roster *r, const struct key *household);
/* The one that waits and has certified this device. */
const struct roster_home *roster_waiting_device(const struct roster *r, const struct key *sign);
/* How many homes more may come on tickets of @home: a member's; of a steward's, on the day of @now. */
uint32_t roster_places(const struct roster *r, const struct roster_home *home, mesh_wall now);
/* Operations that it signed, or countersigned on its own tickets, and that fell because others of it stand in their place. A
 * few come of an old copy of a disk; a thousand are meant. */
size_t roster_contradictions(const struct roster *r, const struct roster_home *home);
size_t roster_members(const struct roster *r);
size_t roster_stewards(const struct roster *r);
/* Homes that came on this invite, now standing or not. */
uint32_t roster_invite_used(const struct roster *r, const struct key *invite);
/* One of them was removed or undone: nobody else comes on it. */
bool roster_invite_closed(const struct roster *r, const struct key *invite);
/* A device came on this device code and its device-add stands. @ret_device: that device's signing key, also when it was
 * revoked since. */
bool roster_code_used(const struct roster *r, const struct key *code, struct key *ret_device);
/* A device that was let in on a code and does not count: another came on that code and stands, or (*ret_spare) its
 * household has as many as it may. NULL: there is no such device here. Its `home` is its household. */
const struct roster_device *roster_device_fallen(const struct roster *r, const struct key *sign, bool *ret_spare);
/* The key of the device code that @device came on; NULL: it came otherwise. */
const struct key *roster_device_code(const struct roster *r, const struct roster_device *device);

/* Hash over the sorted keys of removed and departed households and revoked devices, as the whole set of operations says. */
void roster_removed(const struct roster *r, struct hash *ret);
/* The same, folded from the ancestors of these heads alone (themselves included); and whether @device (may be NULL) is a
 * current device of a member there. 0, ROSTER_E_PARENTS, <0. */
int roster_removed_at(struct roster *r, const struct hash *heads, size_t n, const struct key *device, struct hash *ret,
                      bool *ret_current);
enum roster_told {
        ROSTER_COUNTED,  /* what is in force, and the votes for it */
        ROSTER_STANDING, /* all that stands and is no admission */
        ROSTER_ALL,
};
/* Appends the ids of the latest operations that tell, with their ancestors, of that, and of @device's own, lowest first: what
 * a fresh key names, however many have joined or contradicted themselves since. Where operations contend they may tell of
 * another removed set than the whole: compare by roster_removed_at. 0, <0. */
int roster_frontier(const struct roster *r, const struct roster_device *device, enum roster_told told, struct buf *ret);
/* Appends those of @ids, each of 32 bytes, that are neither among these heads nor their ancestors. 0, ROSTER_E_PARENTS, <0. */
int roster_untold(const struct roster *r, const struct hash *heads, size_t n, struct span ids, struct buf *ret);

/* Has @device a hand in an operation (it countersigned it, or signed the ticket of that add) which is not among these
 * heads, @n of 32 bytes, and their ancestors? A device-revoke that names them as its parents would void it (PROTOCOL 5.58).
 * 0, ROSTER_E_PARENTS, <0. */
int roster_unseen(const struct roster *r, const struct key *device, struct span heads, bool *ret_any);

/* Either is enough: stewards' votes (needed 0: there is none to ask), or homes, each with those it brought. */
struct roster_ways {
        uint32_t stewards, stewards_needed, homes, homes_needed; /* all 0: complete alone */
};

/* A removal, promotion, demotion or return that was proposed. */
struct roster_proposal {
        struct hash id;
        enum wire_e_op type;
        const struct roster_home *target, *by;
        mesh_wall time;
        struct span reason;     /* into the roster's own memory */
        uint32_t votes, needed; /* by the count that is nearer to being enough */
        struct roster_ways ways;
        bool in_force; /* taken */
        bool dead;     /* void, or its turn came and it was not taken */
};
/* The one that came last first. False past the end. */
bool roster_proposal_at(const struct roster *r, size_t i, struct roster_proposal *ret);
/* The homes it is about: the one named, then those a removal with its subtree takes along. Returns how many, of which at
 * most @max are written; 0: no such proposal. */
size_t roster_targets(const struct roster *r, const struct hash *proposal, const struct roster_home **ret, size_t max);
/* The operations by which @device is current no more, as they came: the removal or undo in force against its home and the
 * votes for it, the leave, or the revocation. At most @max; 0: it is current, or its coming does not stand. */
size_t roster_ending(const struct roster *r, const struct key *device, const struct roster_op **ret, size_t max);
/* Has @household voted for it? */
bool roster_voted(const struct roster *r, const struct hash *proposal, const struct key *household);
