/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Range-based set reconciliation over one link: which elements has the other side that this one lacks, and the reverse.
 *
 * An element is (time, short id): the short id is SipHash under the link's salt, so that nobody can aim a collision.
 * Elements are sorted by time, then short id. A message is a run of ranges from the lowest element up; for each range it
 * says SKIP, a fingerprint, the full list of short ids, or which ids of the other side's list are wanted (a bitmap). Equal
 * fingerprints end a range; unequal ones are answered by lists where few elements are left, else by eight smaller ranges.
 *
 * Works on a snapshot: what comes in meanwhile travels by itself. PROTOCOL section 9. Pure: no links, no records here.
 */
#pragma once

#include "base/buf.h"

enum {
        RECON_E_INPUT = 1,   /* not a message of this protocol */
        RECON_E_DIFFERS = 2, /* what was said is not that the sets are equal */
};

struct recon_item {
        uint64_t time;
        uint64_t sid;  /* short id */
        uint32_t what; /* the caller's name for the element */
};

struct recon {
        struct recon_item *items; /* owned; sorted */
        size_t n, cap;
        uint64_t *sums; /* sums[i]: sum of the short ids of items 0…i-1, modulo 2^64 */
        bool giving;    /* there is no room here: nothing is asked for, and so nothing is listed either */
};

struct recon_sum {     /* of elements: what their fingerprint is of */
        uint64_t sids; /* modulo 2^64 */
        uint64_t n;
};
static inline void recon_count(struct recon_sum *s, uint64_t sid, bool in) {
        s->sids += in ? sid : -sid;
        s->n += in ? 1 : UINT64_MAX;
}
void recon_fingerprint(const struct recon_sum *s, uint8_t ret[8]);

void recon_fini(struct recon *r);
int recon_add(struct recon *r, uint64_t time, uint64_t sid, uint32_t what); /* 0 or ERR_NOMEM */
int recon_seal(struct recon *r);                                            /* sorts; after the last recon_add */

/* What a message means for the caller. */
struct recon_result {
        uint32_t *have; /* `what` of own elements the other side lacks or wants: send them */
        size_t n_have, cap_have;
        bool answer; /* there is an answer to send */
        bool done;   /* no further message is expected after this one (and its answer) */
};
void recon_result_fini(struct recon_result *r);

/* Appends the opening message's ranges, at most @max bytes; or of sets that are probably equal, the shortest one, which
 * takes no snapshot. */
int recon_open(const struct recon *r, size_t max, struct buf *out);
int recon_open_equal(const struct recon_sum *all, struct buf *out);
/* Takes what needs no snapshot: nothing left to say, or the fingerprint of everything, which is that of @all. As
 * recon_answer; RECON_E_DIFFERS: it needs one, and nothing was done. */
int recon_answer_equal(const struct recon_sum *all, struct span in, struct buf *out, struct recon_result *ret);
/* Takes the other side's ranges, appends the answer's ranges to @out (at most @max bytes). 0, RECON_E_INPUT (then @out and
 * @ret mean nothing), ERR_NOMEM. @ret is to be recon_result_fini'd in any case. */
int recon_answer(const struct recon *r, struct span in, size_t max, struct buf *out, struct recon_result *ret);
