/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a condition that lasts, or that strangers can cause, from filling the log: a few lines a minute. */
#pragma once

#include "base/base.h"
#include "porchlight/types.h"

#define QUIET_PERIOD 60000 /* ms */

struct quiet {
        mesh_time until;
        unsigned said, hidden;
};

/* Whether another line may be written now; @most a minute. */
static inline bool quiet_may(struct quiet *q, mesh_time now, unsigned most) {
        if (now >= q->until) {
                *q = (struct quiet){.until = now + QUIET_PERIOD};
        }
        if (q->said >= most) {
                q->hidden++;
                return false;
        }
        q->said++;
        return true;
}
