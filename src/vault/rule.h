/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's rule for an emergency (PROTOCOL 15.76 to 15.79), the one thing by which a clip is granted while its owner is not
 * there to say yes: where enough of a few households that the owner named ask, each by its own signature, for the same
 * fresh clip of one camera, each that asks is granted it. The owner signs the rule once (rule.c); the vault looks at what
 * is asked by itself (rescue.c), and believes nothing of its daemon but the clock.
 *
 * There is no second key for it, and none of it on the disk. Of a household with a passphrase the vault keeps the key in
 * locked memory, for the rule alone and until the rule ends; a restart, a power cut or `vault lock` puts the rule to sleep.
 */
#pragma once

#include "vault/consent.h"

#define RULE_ASKED 16                       /* requests that wait for others: 4 households, 4 clips */
#define RULE_GRANT_LIFE_S BOOK_GRANT_LIFE_S /* of what is granted under it */
#define RULE_QUORUM 2                       /* unless the owner says otherwise … */
#define RULE_AGO_S 900                      /* … seconds … */
#define RULE_CLIPS 3                        /* … clips … */
#define RULE_LIFE_S (7 * (uint64_t)MESH_DAY)

/* ---- rule.c ---- */
/* The same as consent_folded() and consent_go() for CONSENT_RULE. */
bool rule_folded(struct vault *v, struct ballot *b, mesh_time now);
bool rule_go(struct vault *v, struct ballot *b, const struct household *h);
/* A rule stands, and the key it needs can be used. */
bool rule_awake(const struct vault *v);
/* The key. NULL: it cannot be used (any more). @ret_own is to be freed. */
const struct household *rule_key(const struct vault *v, struct household **ret_own);
/* The key that is kept for it is wiped: it acts no more before the owner makes it anew. Fine where none is. */
void rule_sleep(struct vault *v);
/* The owner has unlocked the household's key: a rule that sleeps acts again, with a copy of it. False: none sleeps, or there is no
 * memory for one. */
bool rule_wake(struct vault *v, const struct household *h);
/* Tells the daemon whose requests it is to show, or that the rule sleeps. */
void rule_say(struct vault *v);
/* At each look at the time. When the rule ends; UINT64_MAX: none stands. */
mesh_wall rule_mind(struct vault *v);

/* ---- rescue.c ---- */
struct asked {
        struct hash clip, request;
        struct key home, device;
        mesh_wall created;
        struct buf reason;
};
void asked_clear(struct vault *v);
/* What is asked of the daemon for a clip that enough have asked for. */
struct rescue *rescue_free(struct rescue *r);
void rescue_take(struct vault *v, struct span op);              /* V_OPS for it … */
void rescue_folded(struct vault *v);                            /* … V_OPS_END … */
void rescue_clip(struct vault *v, const struct wire_v_clip *m); /* … V_CLIP; NULL: there is none */
/* Where nothing else is under way. */
void rescue_try(struct vault *v, mesh_time now);
