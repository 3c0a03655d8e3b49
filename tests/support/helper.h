/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a porchlight-ice says in a test: rows of proto/ice.def, in whose words stands which home and meeting they are of. So
 * whoever hands them on need not know, and whoever is told them does.
 */
#pragma once

#include "base/buf.h"
#include "porchlight/mesh.h"

struct helper_of { /* whose words they are */
        uint32_t home;
        mesh_link link;
        uint64_t life; /* of the home's process: links are numbered anew in each */
};

void helper_words(struct buf *map, const struct helper_of *of);
void helper_candidate(struct buf *map, mesh_link link, uint32_t which);
void helper_all(struct buf *map, mesh_link link);
/* False: @map is none of helper_words. */
bool helper_read_words(struct span map, struct helper_of *ret);
