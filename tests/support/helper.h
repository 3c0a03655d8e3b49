/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a porchlight-ice says in a test: rows of proto/ice.def, in whose words stands which home and meeting they are of. So
 * whoever hands them on need not know, and whoever is told them does.
 */
#pragma once

#include "base/buf.h"
#include "porchlight/mesh.h"

void helper_words(struct buf *map, mesh_link link, uint32_t home);
void helper_candidate(struct buf *map, mesh_link link, uint32_t which);
void helper_all(struct buf *map, mesh_link link);
/* False: @map is none of helper_words. */
bool helper_read_words(struct span map, uint32_t *ret_home, mesh_link *ret_link);
