/* SPDX-License-Identifier: Apache-2.0 */
/* A sample that the lint of the layers must refuse: the core is not for the wire to see. */
#pragma once

#include "porchlight/mesh.h"
#include "porchlight/types.h"
