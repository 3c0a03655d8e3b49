/* SPDX-License-Identifier: Apache-2.0 */
/* Of each link: what the fingerprints of its sets are of (digest.c). */
#pragma once

#include "core/recon.h"
#include "porchlight/mesh.h"

struct contact;
struct link;
struct mesh;
struct rec;

struct digest {                             /* sums under the link's salt */
        struct recon_sum ops;               /* of the roster's first operations */
        uint64_t last;                      /* how the id of the last of them begins */
        struct recon_sum contacts, records; /* of those marked `counted`, whatever the time */
        bool has_contacts, has_records;     /* they are known; else they are summed up when they are asked for */
};

/* Marks it, and brings the sums of all links up to date. */
void digest_contact(struct mesh *m, struct contact *c, bool counted);
void digest_record(struct mesh *m, struct rec *r, bool counted);
void digest_ends_forget(struct mesh *m); /* before many records go at once: which end soon is looked up again */
/* Of the set's elements under T = @until, as a snapshot taken now would have them. 0 or ERR_NOMEM. */
int digest_sum(struct link *l, enum wire_e_set set, mesh_wall until, struct recon_sum *ret);
