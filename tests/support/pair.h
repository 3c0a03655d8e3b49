/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two vaults whose messages the test carries: home 0 owns two clips, home 1 can open what it is given, home 2 is there. The
 * daemons are the test's, and so are the disks (safe.h).
 */
#pragma once

#include "safe.h"

#include "base/text.h"
#include "vault/book.h"

#define WEEK (7 * (uint64_t)MESH_DAY)
#define SMALL 1000
#define LARGE (2 * CHUNK_PLAIN + 1000) /* three chunks */

extern struct street street;
extern struct safe owner, friend;
extern struct safe_clip clips[SAFE_CLIPS]; /* one SMALL, one LARGE with sound */

int pair_set_up(void **state);
int pair_tear_down(void **state);

struct span pair_hex(struct buf *store, const struct hash *id); /* in @store */
/* The vault refused what the daemon brought, by this name. */
void pair_refused(const struct safe *s, const char *name);
/* The sentence that the owner is shown has these words. */
void pair_asked(struct safe *s, const char *words);
enum wire_e_granted pair_state(struct safe *s, size_t i); /* of the i-th grant */
uint64_t pair_lines(const struct safe *s);                /* of the ledger, read anew from the disk */
/* The grant that was signed last, in @paper. */
struct span pair_granted(struct safe *s, struct buf *paper);
/* The box that was heard opens for @mine, and is of this key. */
bool pair_opens(const struct box_key *mine, const struct safe_heard *h, const struct key *key);
/* The owner's vault gives nothing for this receipt, and says why. */
void pair_no_release(struct span receipt, const char *name);
/* The name of the error, or "". */
const char *pair_accept(struct safe *s, struct span grant, struct span manifest);
/* Does @s get to see the footage of clip @c? */
bool pair_reads(struct safe *s, size_t c);
