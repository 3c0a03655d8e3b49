/* SPDX-License-Identifier: Apache-2.0 */
#include "support/ways.h"

#include <execinfo.h>

#define DEPTH 48 /* calls looked at */

void ways_begin(struct ways *w) {
        void *calls[DEPTH];
        w->outer = backtrace(calls, DEPTH) - 2;
}

static uint64_t way_here(const struct ways *w) {
        void *calls[DEPTH];
        int n = backtrace(calls, DEPTH);
        uint64_t h = 0xcbf29ce484222325u;
        for (int i = 2; i < n - w->outer; i++)
                h = (h ^ (uintptr_t)calls[i]) * 0x100000001b3u;
        return h | 1;
}

bool ways_is_new(struct ways *w) {
        uint64_t way = way_here(w);
        for (size_t i = way;; i++) {
                uint64_t *at = &w->seen[i & (WAYS_MOST - 1)];
                if (*at == way)
                        return false;
                if (*at)
                        continue;
                *at = way;
                return true;
        }
}
