/* SPDX-License-Identifier: Apache-2.0 */
#include "node/ice.h"

const bool ice_built = true;
