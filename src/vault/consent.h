/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Footage, and what its owner says of it. A ballot (ballot.h) that is about a clip and not about the roster has one of these:
 *
 *   O_GRANT    operations → the recipient in the vault's own fold → V_WANT_CLIP, V_CLIP → sentence → O_GO → for each recipient
 *              a line in the ledger, then the key wrapped, then V_GRANT → O_SHARED_ROW
 *   O_ACCEPT   operations → the owner in the vault's own fold → terms as a sentence → O_GO → V_SIGNED, O_RECEIPT_ROW
 *   O_REVOKE   sentence → O_GO → a line, the wrapped key gone → V_REVOKED
 *   O_DESTROY  V_WANT_CLIP → sentence → O_GO → own devices' grants taken back, a line, wrapped keys gone → V_DESTROY → V_RESULT
 *   O_RULE     operations → who is named → V_WANT_CLIP, V_CLIP → sentence → O_GO → a line → V_RULE, O_RULE_ROW (rule.c)
 *   O_EXPORT   operations → V_WANT_CLIP, V_CLIP → sentence → O_GO → a line, then the key opened → O_EXPORT_ROW (export.c)
 *
 * What needs nobody's yes is in release.c (a receipt comes), reading.c (the owner looks at a clip) and on_ledger.c.
 */
#pragma once

#include "vault/ballot.h"
#include "vault/unwrap.h"

enum consent_kind { CONSENT_GRANT, CONSENT_ACCEPT, CONSENT_REVOKE, CONSENT_DESTROY, CONSENT_EXPORT, CONSENT_RULE };

/* What the owner wants of a rule for an emergency (rule.h). */
struct rule_wish {
        struct buf words[BOOK_RULE_HOMES];                /* as the owner wrote them … */
        const struct roster_home *homes[BOOK_RULE_HOMES]; /* … and whom they mean */
        size_t n;
        uint64_t quorum, ago, clips;
        bool plain; /* the household's key has no passphrase */
};

struct consent {
        enum consent_kind kind;
        struct buf clip_words; /* as the owner wrote them */
        struct buf purpose;
        uint64_t expires_in; /* seconds */
        bool has_answers, all;
        struct hash answers;

        struct buf manifest, sealed, camera; /* of V_CLIP; camera: its name, proven, or empty */
        struct wire_manifest m;              /* spans into @manifest */
        struct hash clip;
        bool away; /* another device of this household took it in */

        struct buf seen;  /* export: records that the manifest names, be16 and bytes each … */
        struct buf file;  /* … and where the bundle goes */
        struct buf paper; /* accept: the grant */
        struct wire_grant grant;
        struct hash grant_id; /* accept, revoke */
        struct buf name;      /* revoke: the recipient's, as the ledger has it … */
        bool was_released;    /* … and whether the sentence said that the key has left */
        bool shared;          /* destroy: with a device of this household; that is taken back first */

        struct rule_wish rule;

        /* while grants are written, one a turn, so that nobody else waits for the disk */
        struct household *key;
        size_t next, written;
        mesh_wall created, expires;
};

void consent_fini(struct consent *c);
struct consent *consent_free(struct consent *c);
DEFINE_FREEP(struct consent, consent_free)
/* The operations are folded: goes on. False: the peer has its answer, and the ballot is to be dropped. */
bool consent_folded(struct vault *v, struct ballot *b, mesh_time now);
/* The owner's yes, with the key where it was needed. The same. */
bool consent_go(struct vault *v, struct ballot *b, const struct household *h, mesh_time now);
bool consent_needs_key(const struct consent *c);
/* The next grant of several. */
void consent_more(struct vault *v, mesh_time now);
/* For a rule's consent, of which nobody waits for an answer: looks at what the daemon brought, and keeps it; writes one grant to
 * b->target, and wraps the key. VAULT_OK, or why not. */
enum vault_error consent_keep_clip(const struct vault *v, struct ballot *b, const struct wire_v_clip *m);
enum vault_error consent_give(struct vault *v, struct ballot *b, struct hash *ret_id);
/* V_RESULT for V_DESTROY. */
void consent_destroyed(struct vault *v, const struct wire_v_result *res);
/* V_CLIP for a ballot. */
bool consent_clip(struct vault *v, struct ballot *b, const struct wire_v_clip *m, mesh_time now);

/* release.c: a receipt. Both lines are in the ledger and V_RELEASE is on its way, or why not. */
enum vault_error release(struct vault *v, struct span paper);
/* The time is @wall: what was wrapped for grants that are over is removed, before anything is answered, so that a clock that
 * goes back revives nothing. */
void grants_mind(struct vault *v, mesh_wall wall);
/* Removes the key that was wrapped for it. False (logged): it is still there, and not released any more. */
bool grant_forget(struct vault *v, struct book_grant *g);
extern const char consent_key_left[]; /* what then is said */
/* taken.c: a grant this household took: whole, and every paper in it right. Spans are in @store. False: it is not there, or is not. */
struct taken {
        struct wire_o_taken w;
        struct wire_grant grant;
        struct wire_manifest m;
        struct hash clip;
};
bool taken_read(const struct vault *v, const struct hash *grant, struct buf *store, struct taken *ret);
/* Is one of them for a clip whose id begins so? */
bool taken_named(const struct vault *v, struct span digits);
/* A key has come for it: keeps the one that is the clip's, as far as that can be seen. VAULT_OK, or why not. */
enum vault_error taken_put(struct vault *v, struct taken *t, const struct hash *grant, struct span box, mesh_time now);
/* The box that opens, of those that have come (at least one). */
struct span taken_key(const struct household *h, const struct taken *t, const struct hash *grant);
/* Removes keys whose time is over at @wall. When the next one is; UINT64_MAX: none. */
mesh_wall taken_end(struct vault *v, mesh_wall wall);
/* Its owner took it back, says @paper, which is @back: a line says so, once. @t: what was kept for it; NULL: nothing. Where no line
 * can be written that is logged, and the key goes all the same. */
void taken_back(struct vault *v, const struct hash *grant, const struct taken *t, const struct wire_grant_over *back,
                struct span paper);

/* own.c: the household signs the receipt for a grant to its own device, and writes its line. Appends it to @ret. VAULT_OK, or
 * why not. */
enum vault_error own_receive(struct vault *v, const struct consent *c, const struct hash *grant, struct buf *ret);
/* Keys that have left for that device, which has not said that they are gone. */
size_t own_released(const struct vault *v, const struct key *device);
/* A device is about to be revoked: nothing is shared with it any more. VAULT_OK, or why not; then some may be. @wall: mesh
 * time, where this machine's clock cannot be right. */
enum vault_error own_device_ends(struct vault *v, const struct key *device, const struct household *h, mesh_wall wall);
/* Is the clip shared with a device of this household? Before it is destroyed that is taken back, and the devices are told: VAULT_OK,
 * or why not; then some of it may be. */
bool own_shares(const struct vault *v, const struct hash *clip);
enum vault_error own_clip_ends(struct vault *v, const struct hash *clip, const struct household *h, mesh_wall wall);

/* Looks at what the daemon brought as a clip of this household that @words name. VAULT_OK, or why not. @ret borrows. */
enum vault_error clip_look(const struct vault *v, struct span raw, struct span words, struct wire_manifest *ret,
                           struct hash *ret_id);
/* There is a grant for the daemon to carry, to an own device with the household's receipt. */
void grant_say(struct vault *v, struct span paper, struct span receipt);
/* on_papers.c: a grant was taken back, as the ledger has it: the daemon carries that to the recipient. */
void say_revoked(struct vault *v, const struct book_grant *g, struct span paper);
/* Asks the daemon for a clip; errand VAULT_CLIP. True, or the peer has its answer. */
bool clip_want(struct vault *v, struct vault_peer *p, struct span words, mesh_time now);
/* Does @id begin with these hex digits, of either case? At least 4. */
bool id_begins(const uint8_t id[32], struct span digits);

/* What a clip was asked of the daemon for. */
enum wanted_for { WANTED_READ, WANTED_WHO, WANTED_LEGAL };
struct wanted {
        enum wanted_for what;
        struct vault_peer *peer; /* NULL: has hung up */
        struct buf words;        /* which clip */
        struct buf text;         /* read: the file for a clear copy, or empty; legal: the owner's words */
        struct household *key;   /* read */
};
struct wanted *wanted_free(struct wanted *w);
DEFINE_FREEP(struct wanted, wanted_free)
/* Asks for it. @w is taken over. */
void wanted_ask(struct vault *v, struct wanted *w, mesh_time now);
/* It has come: each answers its peer. @m is of this household, or of one that gave it. */
void read_begin(struct vault *v, struct wanted *w, const struct wire_manifest *m, const struct unwrap_clip *clip);
void who_answer(struct vault *v, struct vault_peer *p, const struct hash *clip, bool sealed);
void legal_write(struct vault *v, struct wanted *w, const struct hash *clip);
/* V_RESULT for V_WANT_CLIP. */
void clip_refused(struct vault *v, const struct wire_v_result *res);

/* Answers what the daemon brought: V_TOOK, or V_REFUSED with why. */
void vault_tell_taken(struct vault *v, const struct hash *about, enum vault_error e);
/* The ledger, where there is one: nobody has asked for it. */
enum vault_error vault_book_there(struct vault *v);

/* Reads the ledger of the household whose key is here. 0, ERR_NOMEM. */
int vault_book_open(struct vault *v);
void vault_book_close(struct vault *v);
/* The same for a household that came to nothing: a ledger that tells only of that goes. */
void vault_book_void(struct vault *v);
/* The household is out of its mesh for good: keys of clips go, and the ledger stays with its owner as ledger.old. */
void vault_book_end(struct vault *v);
/* The ledger is there and may be used. True, or @p has its answer. */
bool vault_book(struct vault *v, struct vault_peer *p);
/* A sane clock of this machine, of which the ledger's grants are told. True, or @p has its answer. */
bool vault_clock(struct vault *v, struct vault_peer *p, mesh_wall *ret);
/* After a founding, joining or restoring: the ledger of the household that was here before is put aside. One out of a backup takes
 * the place of what is shorter. VAULT_OK, or why not. */
enum vault_error vault_book_begin(struct vault *v, bool restored, struct span ledger);

/* The sentence for a ballot with a consent. @released: revoke: the key has left. */
void sentence_consent(struct buf *out, const struct ballot *b, bool released);
