/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clips of this household that another of its devices has taken in: a laptop's, or those of a second hub with a camera. Only
 * the main device's vault can open, share and destroy, so that has to know of them: each device brings it the manifest
 * and the sealed key of each of its clips, and tells it of those that are gone. The bytes stay where they are until
 * somebody wants them; then the main device fetches them as it fetches any clip (fetch.h). PROTOCOL 15.80 to 15.84.
 *
 *   kin_out.c   a further device tells its main one
 *   kin_in.c    the main device takes it; a further device destroys what the main one says
 *
 * What is to be told stands in the rows of the clips themselves (store.h, `told`), so nothing is lost with a link, a crash or
 * a device that is off for weeks. Another main device, after a restore, is told of everything anew. The courier
 * (courier.c) makes the link; what is said over it are PAPERs, which papers.h hands on.
 */
#pragma once

#include "base/list.h"
#include "node/query.h"
#include "porchlight/mesh.h"

struct haul_link;
struct node;
struct paper_own;
struct wire_manifest;

#define KIN_AT_ONCE 32                       /* told and not answered yet */
#define KIN_AGAIN_MS 10000                   /* what was said and not taken then is said again over the same link */
#define KIN_JOBS 64                          /* brought and not on the disk yet; whoever brings more brings it again */
#define KIN_MOST 20000                       /* clips of other devices that the main one knows of: about 25 MB */
#define KIN_COPY_S (7 * (mesh_wall)MESH_DAY) /* the main device keeps bytes so long that its owner wanted to see */
#define KIN_ORDER_S                                                                                                    \
        (366 * (mesh_wall)MESH_DAY) /* a clip that is to go is remembered so long for a device that is off */

/* What the main device is to hear of a clip. */
struct kin_due {
        struct hash id;
        bool gone, as_is, answered;
        struct buf manifest, sealed, camera;
        const struct haul_link *said; /* over this link already … */
        mesh_time said_at;            /* … at that time; again after KIN_AGAIN_MS */
};

struct kin {
        bool started;
        bool looking, again; /* a look is under way; once more behind it */
        bool late;           /* something could not be written: again with the next tick */
        struct kin_due due[KIN_AT_ONCE];
        size_t n_due;
        unsigned marks;  /* answers on their way to the disk */
        bool knows;      /* who was told: */
        struct key told; /* the main device then */
        struct list jobs;
        unsigned n_jobs;
        uint64_t token;
        size_t kept; /* clips of other devices that are known here */
};

void kin_init(struct node *n);
void kin_start(struct node *n);                           /* the store is open, the core has started */
void kin_fini(struct node *n);                            /* after the loop has ended */
void kin_stored(struct node *n, uint64_t token, bool ok); /* the writer */

/* Is it a clip of this household's that another device has taken in? */
bool kin_is(const struct node *n, const struct wire_manifest *w);
/* The device that took the clip in was revoked: bytes that are only there never come. */
bool kin_revoked(const struct node *n, struct span manifest);
#define KIN_NAME_MAX 49 /* with its NUL, as rows.h has it */
/* The name of the device that took it in. Returns @ret. */
const char *kin_device(const struct node *n, const struct wire_manifest *w, char ret[KIN_NAME_MAX]);

/* ---- kin_out.c ---- */
void kin_send(struct node *n);         /* nobody could be sent with what is due: tried again */
void kin_kick(struct node *n);         /* there may be something to tell: a clip came, or went */
void kin_rule_changed(struct node *n); /* what may be told of cameras: all is told anew */
void kin_tick(struct node *n);         /* once a minute: is it still the same main device? */
bool kin_waits(const struct node *n);  /* for a link to the main device */
void kin_say_all(struct haul_link *l);
void kin_down(const struct haul_link *l);
/* An ANSWER about it has come, @why 0: it is kept. False: it is about something else. */
bool kin_answer(struct haul_link *l, const struct hash *about, uint8_t why);
void kin_out_stored(struct node *n, uint64_t token, bool ok);
void kin_out_fini(struct node *n);

/* ---- kin_in.c: what paper_in.c found to be fine. False: not now ---- */
bool kin_take(struct node *n, const struct paper_own *p, struct span manifest, const struct key *device);
bool kin_lose(struct node *n, const struct hash *clip, const struct key *device);
/* @device NULL: nobody waits for an answer. */
bool kin_destroy(struct node *n, const struct hash *clip, const struct key *device);
/* The bytes are wanted here until then, at least. As fetch_begin(). */
int kin_fetch(struct node *n, const struct hash *clip, struct span manifest, mesh_wall until);
/* Tells the device that took it in that it is to go, whenever that is reached. False: no room for that now. */
bool kin_order(struct node *n, const struct hash *clip, struct span manifest);
