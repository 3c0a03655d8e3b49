/* SPDX-License-Identifier: Apache-2.0 */
/* A sample that the lint of the layers must refuse twice: the core reaches for the shell around it. */
#include "node/node.h"
#include "porchlight/mesh.h"
#include "roster/roster.h"

#include "../store/store.h"
