/* SPDX-License-Identifier: Apache-2.0 */
#include "router/epoch.h"

#define BACK 1   /* s that it may go back: datagrams overtake each other */
#define SLACK 2  /* s by which the two clocks may differ … */
#define DRIFT 16 /* … and one part of so many */

static bool slower(int64_t one, int64_t other) {
        return one + SLACK < other - other / DRIFT;
}

/* RFC 6887, 8.5. */
bool epoch_fits(const struct epoch *e, uint32_t said, int64_t now_ms) {
        int64_t ours = (now_ms - e->at_ms) / 1000, theirs = (int64_t)said - (int64_t)e->said;
        if (!e->known)
                return true;
        return theirs >= -BACK && !slower(ours, theirs) && !slower(theirs, ours);
}

bool epoch_heard(struct epoch *e, uint32_t said, int64_t now_ms) {
        bool fits = epoch_fits(e, said, now_ms);
        *e = (struct epoch){.known = true, .said = said, .at_ms = now_ms};
        return fits;
}
