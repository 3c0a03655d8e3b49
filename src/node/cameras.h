/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this home's owner has said of cameras: whether anything may be told of what they film, and how long it is kept. A camera
 * is known by its name alone. One that nobody has said anything of has the rule of all others: `ask`, unless that was changed.
 *
 * A rule is obeyed where clips are looked for (store_asks), named in posts, shared, announced and purged; it changes nothing of
 * what a neighbour sees of this home until its owner, or `announce`, does something.
 *
 * Pure. A daemon's own are in struct node; control_camera.c changes them.
 */
#pragma once

#include "base/buf.h"
#include "wire/messages.h"

#define CAMERAS_MAX 64
#define CAMERA_NAME_MAX 65                       /* with its NUL; as in proto/control.def */
#define CAMERA_KEEP_FOREVER UINT64_C(3153600000) /* seconds, as in proto/control.def */

enum { CAMERAS_E_FULL = 1 }; /* CAMERAS_MAX have a rule */

struct camera_rule {
        char name[CAMERA_NAME_MAX];
        enum wire_e_camera_policy policy;
        uint64_t keep; /* seconds; 0: as clips.retention says */
};

struct cameras {
        struct camera_rule others; /* of whom nothing is said: its name is empty */
        struct camera_rule rows[CAMERAS_MAX];
        size_t n;
};
extern const struct cameras cameras_none; /* nothing was said yet */

/* Never NULL. */
const struct camera_rule *cameras_of(const struct cameras *c, struct span name);
/* Is that camera's policy `never`? */
bool cameras_never(const struct cameras *c, struct span name);
/* Takes a rule as it was asked for: absent parts stay as they are, an absent name means every camera. 0, CAMERAS_E_FULL. */
int cameras_put(struct cameras *c, const struct wire_c_camera_set *rule);

/* A rule as it would be asked for; borrows its name. */
void camera_to_wire(const struct camera_rule *row, struct wire_c_camera_set *ret);
/* For the disk: maps of c_camera_set, one behind the other. What cannot be read any more ends the list. */
void cameras_encode(const struct cameras *c, struct buf *out);
void cameras_decode(struct cameras *ret, struct span in);
