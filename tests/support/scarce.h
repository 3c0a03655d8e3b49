/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out once, at each way that leads to an allocation inside the core. A program linked with scarce_dep runs a
 * story; the first time that mesh_step() or mesh_new() comes to an allocation by a chain of calls that was not seen before,
 * the process forks. In the child that one allocation fails, and the story goes on to its end there; the parent waits, and
 * goes on without. So one story tells of as many failures as it has ways, and each begins where it really happens.
 */
#pragma once

#include "base/base.h"

struct scarce_report {
        unsigned ways;                  /* each a failure */
        unsigned refused;               /* of them ended the step with ERR_NOMEM; the others were harmless */
        unsigned wrong, first_wrong_at; /* stories that did not end as they had to; the first one's number */
};

/* Tells @story once for each failure, and once without: its homes may end and start again (street_bare_mortal). @again: ways
 * seen in earlier stories are tried too. @only: none but the way of this number is (0: all), and that in this process, for a
 * debugger. Prints what went wrong as TAP diagnostics. */
void scarce_tell(void (*story)(void), bool again, unsigned only, struct scarce_report *ret);
