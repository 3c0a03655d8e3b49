/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle of evidence, read from its beginning to its end: what is in it is shown to hang together, or the link that does
 * not is named. No files, no clock, no network; memory is bounded by the largest section and by what there is of papers
 * (BUNDLE_PAPERS_MAX), and a clip of 4 GiB passes by chunk by chunk. PROTOCOL 16.
 *
 * A bundle says nothing of its own: each claim (proof_claims) rests on a signature or a hash that was looked at here. What no
 * signature can show is claimed nowhere, and said to be so.
 */
#pragma once

#include "proof/bundle.h"
#include "proof/custody.h"

/* Where in the bundle a link is broken; each has a name of its own for scripts. */
enum proof_link {
        PROOF_WHOLE,
        PROOF_NOT,       /* no bundle */
        PROOF_CUT,       /* it ends too early */
        PROOF_LONG,      /* bytes behind its end */
        PROOF_SHAPE,     /* sections are not in their order, or not so long as they have to be */
        PROOF_LARGE,     /* too many papers */
        PROOF_MANIFEST,  /* not signed, or no manifest */
        PROOF_KEY,       /* not the clip's */
        PROOF_LIST,      /* not the list the manifest means */
        PROOF_OPERATION, /* who is who */
        PROOF_DEVICE,    /* the clip's device is not certified, or not by that household */
        PROOF_RECORD,    /* not one that the manifest names, or not another household's */
        PROOF_LINE,      /* of the ledger */
        PROOF_WORD,      /* the owner has not signed what stands here */
        PROOF_CHUNK,     /* not what the list says, or it does not open */
        PROOF_LINKS
};
extern const char *const proof_names[PROOF_LINKS]; /* "bundle-cut" … */

struct proof {
        struct roll roll;
        struct custody custody;
        struct buf manifest, list;
        struct wire_manifest m; /* into @manifest */
        struct hash mesh, clip;
        struct key key;
        const struct roll_device *device;
        uint64_t records; /* of other households */
        struct hash seen[4];
        struct custody_word newest; /* the latest of them */
        mesh_wall created;          /* when the bundle was made */
        uint64_t chunks, bytes;     /* of the clip, so far */
        /* what is broken */
        enum proof_link link;
        uint64_t place; /* which operation, record, chunk, from 0; of a line its number */
        const char *why;
};

/* A clip's clear bytes, each chunk whole and right when it comes; @clear may be NULL. What came is worth nothing before
 * proof_read() says that all is whole. 0, or what proof_read() is to return. */
struct proof_out {
        int (*clear)(void *arg, struct span plain);
        void *arg;
};

/* @in: its read and arg are set. @seed: random. 0: whole; 1: @ret->link and @ret->why say what is broken; ERR_NOMEM, ERR_IO.
 * @ret is to be finished whatever comes. */
int proof_read(struct proof *ret, struct bundle_in *in, const struct proof_out *out, const uint64_t seed[4]);
void proof_fini(struct proof *p);

/* Each claim of a whole bundle. @mesh: what it is compared with; NULL: nothing. @translate: in the language of this run. */
typedef int (*proof_claim_fn)(void *arg, const struct wire_o_claim *claim);
int proof_claims(const struct proof *p, const struct hash *mesh, bool translate, proof_claim_fn fn, void *arg);

/* ---- making one (write.c) ---- */

/* What of the roster has to be in it: keys of devices and of households, 32 bytes each. */
struct proof_need {
        struct buf devices, homes;
};
struct roster;
/* Puts the operations that certify them, and those that these rest on. 0; 1: the roster has not all; ERR_NOMEM. */
int proof_put_ops(struct bundle_out *o, const struct roster *r, const struct proof_need *need);
