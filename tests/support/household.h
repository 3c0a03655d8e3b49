/* SPDX-License-Identifier: Apache-2.0 */
/* What a vault signs, for cores in tests: a household's keys, and the operations made with them. */
#pragma once

#include "base/buf.h"
#include "crypto/box.h"
#include "crypto/sign.h"
#include "porchlight/mesh.h"

struct household {
        struct sign_key sign;
        struct box_key seal;
        char name[16];
};

void household_new(struct household *h, size_t number, struct rng *rng);
void household_genesis(const struct household *h, const struct mesh_config *device, mesh_wall now, struct buf *ret);
/* The same with other rows of the charter than the defaults. */
void household_charter(const struct household *h, const struct mesh_config *device, const struct wire_list *charter,
                       mesh_wall now, struct buf *ret);
/* False: the ticket cannot be read. */
bool household_add(const struct household *h, const struct mesh_config *device, const char *ticket, mesh_wall now,
                   struct buf *ret);
/* A device code for whoever has its text: the household's, valid until @expires, with the way to @addr. */
void household_code(const struct household *h, const struct roster *roster, const struct key *link_key,
                    const struct wire_addr *addr, mesh_wall expires, struct rng *rng, struct buf *ret);
/* Its next operation, built on what @roster has; false: it may not have one. @target: none for a leave. */
bool household_op(const struct household *h, const struct roster *roster, enum wire_e_op type, const struct key *target,
                  const struct hash *proposal, mesh_wall now, struct buf *ret);
/* Revokes the device @old and certifies @device in its place, over @roster: what ends a restoring. */
bool household_replace(const struct household *h, const struct roster *roster, const struct mesh_config *device,
                       const struct key *old, mesh_wall now, struct buf *ret);
