/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a paper must be that another home brings: shape, rule and signature, and that the home whose device brings it may
 * bring it. Judged by the bytes, the roster and the clock alone; nothing here knows what this home has.
 */
#pragma once

#include "clip/clip.h"
#include "roster/roster.h"

struct paper_eye {
        const struct roster *roster;
        struct key self;    /* this household */
        struct key bringer; /* the household of the device that brings it … */
        struct key device;  /* … and that device */
        mesh_wall now;
};

enum paper_verdict {
        PAPER_FINE,
        PAPER_LATE,  /* its time is over: a clock, or a long way */
        PAPER_EARLY, /* made in the future: a clock, of either home */
        PAPER_JUNK,  /* no honest device brings that */
};

struct paper_grant {
        struct wire_grant grant;
        struct wire_manifest manifest;
        struct hash id, clip;
};
/* Spans of @ret are in @paper and @manifest. */
enum paper_verdict paper_grant_read(const struct paper_eye *e, struct span paper, struct span manifest,
                                    struct paper_grant *ret);
/* A grant that @e->bringer's @device shows to whoever keeps @clip: signed by a member, to that household or device, in force by the
 * clock. Whether the signer owns the clip is the caller's to know; @e->self is not looked at. */
enum paper_verdict paper_leave_read(const struct paper_eye *e, struct span paper, const struct hash *clip,
                                    const struct key *device, struct wire_grant *ret, struct hash *ret_id);
enum paper_verdict paper_over_read(const struct paper_eye *e, struct span paper, struct wire_grant_over *ret,
                                   struct hash *ret_id);
enum paper_verdict paper_receipt_read(const struct paper_eye *e, struct span paper, struct wire_receipt *ret,
                                      struct hash *ret_id);
enum paper_verdict paper_attest_read(const struct paper_eye *e, struct span paper, struct wire_attest *ret,
                                     struct hash *ret_id);
enum paper_verdict paper_request_read(const struct paper_eye *e, struct span paper, struct wire_request *ret,
                                      struct hash *ret_id);

/* ---- between devices of this household ---- */
struct paper_own {
        struct wire_own_clip own;
        struct wire_manifest manifest;
        struct hash clip;
};
/* A grant that shares a clip with this device, @self_device, and @main has to bring it. */
enum paper_verdict paper_own_grant_read(const struct paper_eye *e, const struct key *main,
                                        const struct key *self_device, struct span paper, struct span manifest,
                                        struct paper_grant *ret);
enum paper_verdict paper_own_read(const struct paper_eye *e, struct span paper, struct span manifest,
                                  struct paper_own *ret);
/* A clip of the bringing device. */
enum paper_verdict paper_gone_read(const struct paper_eye *e, struct span paper, struct hash *ret_clip);
/* A clip of this device, @self_device, and @main has to bring it. */
enum paper_verdict paper_destroy_read(const struct paper_eye *e, const struct key *main, const struct key *self_device,
                                      struct span paper, struct hash *ret_clip);
