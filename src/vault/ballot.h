/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ballot: an operation on its way from the owner's wish to the household's signature.
 *
 *   O_OP → the daemon sends all operations it has (V_OPS), the vault folds them itself from the genesis its key file
 *   names, and answers with a sentence of its own → O_GO on the same connection → the signed operation goes to the daemon
 *   (V_OP) → V_RESULT → O_VOTED, O_DONE. A device code goes to nobody but the owner: of it the daemon hears the name
 *   (V_CODE) → V_RESULT → O_CODE, O_DONE.
 *
 * The daemon can leave operations out, which other homes see, but it can put none in: a sentence names homes as those
 * signed for them who were there. There is one ballot at a time, so that the household's chain has no two operations at
 * one place. It goes when it is answered, when its tool hangs up, and 60 s after the sentence.
 */
#pragma once

#include "roster/roster.h"
#include "vault/catalogue.h"
#include "vault/vault.h"

#define SENTENCE_MAX 2048     /* of its row in proto/owner.def */
#define BALLOT_REASON_MAX 128 /* of an operation's row in proto/records.def */

enum ballot_stage {
        BALLOT_FOLDING, /* operations come in */
        BALLOT_ASKED,   /* the sentence is out */
        BALLOT_WRITING, /* grants, one a turn */
        BALLOT_SENT,    /* signed, and with the daemon */
};

struct ballot_count {
        uint32_t votes, needed;
        bool in_force;
        struct roster_ways ways;
};

struct ballot {
        enum ballot_stage stage;
        struct vault_peer *peer;
        mesh_time deadline; /* of O_GO */
        enum wire_e_op type;
        bool subtree;
        struct consent *consent;          /* it is about a clip (consent.h); NULL: about the roster */
        struct buf words;                 /* who or what it is about, as the owner wrote it; empty: nothing */
        struct buf reason;                /* empty: none */
        uint64_t expires_in;              /* of a device code, in seconds; 0: as it is without words */
        const struct catalogue *language; /* of the sentence; NULL: English */
        struct key here;                  /* this device's signing key */
        struct roster *roster;
        uint64_t bytes;         /* of the operations so far */
        enum vault_error wrong; /* what is wrong with them */

        /* from here on known when the sentence is */
        const struct roster_home *self, *target; /* in roster; target NULL: about no home */
        const struct roster_device *device;      /* device-revoke; a clip shared with one */
        size_t device_keys;                      /* device-revoke: of clips, that have left for it */
        bool over;                               /* leave: out of the mesh already, nothing to sign … */
        bool unfinished;                         /* … and not in it yet: there is no roster */
        struct hash proposal;                    /* endorse; of an undo the add */
        struct hash parents[ROSTER_PARENTS_MAX];
        size_t n_parents;
        uint64_t seq;
        mesh_wall wall;            /* mesh time … */
        mesh_time wall_at;         /* … at this time of ours */
        struct ballot_count count; /* once the vote is there */

        bool has_link_key; /* what a device code says beside that, from the daemon */
        struct key link_key;
        struct buf addrs;
        uint32_t n_addrs;
        mesh_cell cell;

        struct buf op;     /* signed */
        struct buf answer; /* a device code's, which waits for the daemon */
};

static inline bool ballot_asked(const struct vault *v) {
        return v->ballot && v->ballot->stage == BALLOT_ASKED;
}
void ballot_drop(struct vault *v);
/* May there be a ballot now? True, or @p has its answer. */
bool ballot_may(const struct vault *v, struct vault_peer *p);
/* An empty one; NULL: no memory. */
struct ballot *ballot_new(const struct vault *v, struct vault_peer *p, struct span language);
/* Takes the ballot over, in the place of one that nobody has said yes to; the second also asks the daemon for every
 * operation, and answers a @b that is NULL. */
void ballot_put(struct vault *v, struct ballot *b);
void ballot_fold(struct vault *v, struct vault_peer *p, struct ballot *b, mesh_time now);
/* This household is a member of the folded roster. True, or the peer has its answer. */
bool ballot_self(const struct vault *v, struct ballot *b);
/* Sends the sentence, and waits for a yes. True, or the peer has its answer. */
bool ballot_ask(const struct vault *v, struct ballot *b, const struct buf *text, bool needs_key, mesh_time now);
/* Finds the member, or the device of this household, that the words name. True, or the peer has its answer. */
bool ballot_recipient(struct ballot *b);
struct ballot *ballot_free(struct ballot *b);
DEFINE_FREEP(struct ballot, ballot_free)
DEFINE_FREEP(struct roster, roster_free)

/* on_code.c: a ballot for a device code. Whether there may be one now; true, or the peer has its answer. */
bool code_may(const struct ballot *b);
/* Makes it, and tells the daemon its name. False: the peer has an error. */
bool code_sign(struct vault *v, struct ballot *b, const struct sign_key *household, mesh_time now);
/* The daemon has the name on disk: the owner sees the code. */
void code_answer(const struct ballot *b);
/* V_RESULT for a ballot. */
void ballot_settle(struct vault *v, const struct wire_v_result *res);
/* Appends the operation, signed by @key. 0, OP_E_INPUT, ERR_NOMEM. */
int ballot_sign(const struct ballot *b, const struct vault *v, const struct sign_key *key, mesh_time now,
                struct buf *out);
/* Finds what the words are about. True, or the peer has its answer. */
bool ballot_resolve(struct ballot *b);
/* The proposal the ballot votes for; @op is the ballot's operation. False: it is no vote, or is not there. */
bool ballot_proposal(const struct ballot *b, const struct roster *r, const struct hash *op,
                     struct roster_proposal *ret);
/* False: there is no such proposal. */
bool proposal_find(const struct roster *r, const struct hash *id, struct roster_proposal *ret);
/* The operation of a proposal says that homes below its target go as well. */
bool proposal_subtree(const struct roster *r, const struct roster_proposal *p);
/* The sentence. @trial: the roster as it would be with the operation in it, which is @op there; NULL where none is made. */
void sentence_put(struct buf *out, const struct ballot *b, const struct roster *trial, const struct hash *op);
/* The same for a joining that is given up: nothing is known of its mesh. */
void sentence_unfinished(struct buf *out, const struct ballot *b);
/* Appends as many digits of the id as no other home has, eight at least; the second: of a proposal. */
void sentence_home_id(struct buf *out, const struct roster *r, const struct roster_home *home);
void sentence_proposal_id(struct buf *out, const struct roster *r, const struct hash *id);
