/* SPDX-License-Identifier: Apache-2.0 */
#include "porchlight/mesh.h"

static const struct mesh_outcome_row rows[] = {
#define ROW(id, code, name, message, hint) [MESH_OUT_##id] = {name, message, hint, code},
        MESH_OUTCOMES(ROW)
#undef ROW
};

const struct mesh_outcome_row *mesh_outcome(enum mesh_outcome o) {
        return &rows[(size_t)o < ARRAY_LEN(rows) ? o : MESH_OUT_BUSY];
}
