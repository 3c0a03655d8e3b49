/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bundle shows of its owner's ledger: the lines about one clip as they are, those between them as hashes, so that the
 * chain can be followed without seeing what is about other clips. Each paper in a line is looked at: who signed it, and that
 * it is about this clip and a grant that stands before it.
 */
#pragma once

#include "clip/clip.h"
#include "proof/roll.h"

struct custody_grant {
        struct custody_grant *next;
        struct hash id;
        struct key to;
        mesh_wall expires;
        bool receipt;
};

/* The first word of another household that names the clip. */
struct custody_word {
        const struct roll_home *by; /* NULL: none has said one */
        mesh_wall at;
};

struct custody {
        const struct roll *roll;
        struct hash clip;
        struct key owner;
        struct ledger chain;
        uint64_t first, shown, hidden; /* the first line's number, and how many */
        uint64_t grants, receipts, attests, restored;
        enum wire_e_entry last; /* of the last line shown */
        struct custody_word earliest, latest;
        struct map by_id;
        struct custody_grant *list;
        struct buf rows; /* an o_entry for each line shown, one behind the other */
};

enum {
        CUSTODY_E_LINE = 1,  /* no line */
        CUSTODY_E_CHAIN = 2, /* it does not follow the one before */
        CUSTODY_E_OTHER = 3, /* it is about another clip */
        CUSTODY_E_PAPER = 4, /* what it says was signed was not, or says something else, or nothing before allows it */
        CUSTODY_E_WHO = 5,   /* who signed is not in the roll, or not whom the grant names */
};

void custody_init(struct custody *c, const struct roll *roll, const struct hash *clip, const struct key *owner,
                  const uint64_t seed[4]);
void custody_fini(struct custody *c);
/* A line. 0, CUSTODY_E_*, ERR_NOMEM. */
int custody_line(struct custody *c, struct span raw);
/* Hashes of lines; a line has come before. 0, CUSTODY_E_LINE. */
int custody_hidden(struct custody *c, struct span hashes);
