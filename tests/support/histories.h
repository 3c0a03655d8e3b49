/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories against a model, one a seed: which of them the environment says, or else so many seconds of them. */
#pragma once

#include "base/base.h"

struct histories {
        const char *seed, *runs; /* variables: the first seed, and how many; a failure is told as the first */
        unsigned quick_s;        /* of CPU, where none says how many */
        const char *(*live)(uint64_t seed); /* NULL, or what went wrong; then the test fails */
};

/* Lives them. How many there were; @ret_first is the seed of the first. */
uint64_t histories_live(const struct histories *h, uint64_t *ret_first);
/* Of a long run the vaults' own log, a line for every write that fails, goes nowhere. False: it could not be led there. */
bool histories_hush(const struct histories *h);
/* What the environment says, or @otherwise. */
uint64_t number_in(const char *variable, uint64_t otherwise);
