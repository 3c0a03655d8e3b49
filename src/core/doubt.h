/* SPDX-License-Identifier: Apache-2.0 */
/* Links that may be dead, though nobody has hung up (doubt.c). */
#pragma once

#include "core/link.h"

int doubt_link(struct link *l);   /* asks whether it is still there; it is hung up if nothing comes soon */
int doubt_others(struct mesh *m); /* a link was found dead: all that have not been heard this moment are in doubt */
int doubt_moved(
        struct mesh *m); /* this machine is elsewhere, or has slept: all links are, and all addresses worth a try */
void doubt_posted(struct link *l); /* something of this home's own went over it, which its other end will acknowledge */
mesh_time doubt_due(const struct link *l);        /* when it is to be hung up for its silence */
mesh_time doubt_posted_due(const struct link *l); /* when it is to be asked, for want of an acknowledgement */
bool doubt_quiet(const struct mesh *m);           /* nobody has said anything for long: a ping is a doubt then */
mesh_time doubt_quiet_due(const struct mesh *m);  /* when somebody is asked for want of that */
int doubt_tick(struct mesh *m);
