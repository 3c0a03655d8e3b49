/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world for the vault as a program: a folder, a daemon played by the test on the socketpair, and the owner's tools on
 * owner.sock. Frames are written and awaited one at a time; what does not come within 20 s fails the test.
 */
#pragma once

#include <sys/types.h>

#include "crypto/box.h"
#include "crypto/sign.h"
#include "vault/keyfile.h"
#include "wire/frame.h"

extern const char *world_program;           /* path of porchlight-vault … */
extern int (*world_serve)(const char *dir); /* … or what runs in its place; its exit code */

struct world {
        char dir[64];
        int daemon; /* our end of the socketpair */
        pid_t pid;
        struct rng rng;
        struct sign_key sign; /* the device's */
        struct box_key noise, seal;
};

/* One frame, decoded; keeps the bytes it points into. */
struct answer {
        struct buf body;
        const struct wire_number *row;
        union frame_message m;
};

/* Starts a vault in the folder, under umask 0. */
void world_run(struct world *w);
/* An empty folder, a device's keys, and a vault. */
void world_init(struct world *w);
/* The exit code of a vault that ends by itself within the time; -1 if a signal ended it. */
int world_exit_code(struct world *w);
/* Closes the daemon's end; the vault must end well. */
void world_stop(struct world *w);
void world_nap(void); /* between two looks at something that nobody announces */
/* Of a name in the folder. */
void world_path(const struct world *w, const char *name, char ret[128]);
bool world_has(const struct world *w, const char *name);
mode_t world_mode(const struct world *w, const char *name);
void world_remove(const struct world *w);
void world_fini(struct world *w);
void answer_fini(struct answer *a);
void send_bytes(int fd, struct span s);
void say(int fd, enum wire_owner number, const void *msg);
/* The next frame. False: the other end closed, or nothing came in time. */
bool hear(int fd, struct answer *ret);
/* The next, which has that number; that owner.sock answers is passed over, unless it is what is wanted. */
void hear_number(int fd, struct answer *ret, enum wire_owner number);
void hear_error(int fd, const char *name, enum wire_e_exit exit);
void hear_done(int fd);
/* The other end closes, and says nothing more. */
void hear_end(int fd);
/* Nothing has been said to the daemon but that owner.sock answers. */
void world_daemon_heard_nothing(const struct world *w);
void device_says(const struct world *w, bool in_mesh);
void result_says(const struct world *w, bool ok, const char *name, bool waiting);
/* Waits until somebody listens there. */
int world_connect(const struct world *w, const char *name);
/* Waits until the vault listens. */
int owner_connect(const struct world *w);

struct wire_o_create create_plain(void); /* "Harris" founds "Elm Street" without a passphrase */
void key_file(const struct world *w, struct buf *out);
enum keyfile_state key_state(const struct world *w);
