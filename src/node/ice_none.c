/* SPDX-License-Identifier: Apache-2.0 */
/* Built with -Dice=disabled, or where a library was missing. One that is there all the same, of another build, is used. */
#include "node/ice.h"

const bool ice_built = false;
