/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of control.sock as the core and the store take them. Pure; the results' spans are the request's. */
#pragma once

#include "porchlight/mesh.h"
#include "store/store.h"

/* @home: 0 if not known. */
void request_ask(const struct wire_c_ask_post *m, mesh_cell home, const struct hash *alert, struct mesh_draft *ret);
void request_draft(const struct wire_c_post *m, mesh_cell home, struct mesh_draft *ret);
void request_follow(const struct wire_c_follow *m, const struct hash *target, struct mesh_draft *ret);
/* False: a radius without a place. */
bool request_filter(const struct wire_c_filter *m, mesh_cell home, mesh_wall now, struct store_filter *ret);
