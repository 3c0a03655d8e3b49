/* SPDX-License-Identifier: Apache-2.0 */
/* The names of settings. */
#pragma once

#include "cli/cli.h"

const char *config_key(size_t i); /* the @i-th that `porchlight config` knows; NULL: there are no more */
