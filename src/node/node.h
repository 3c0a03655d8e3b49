/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shell around the core: libuv on one side, struct mesh on the other. Links, the store's jobs, control.sock, and
 * the vault as a child process; what to do is the core's to decide.
 *
 * Life: node_new; node_start; run the loop; node_stop ends everything that runs on it; when uv_run has returned,
 * node_free.
 */
#pragma once

#include "node/recorder.h"
#include "node/stay.h"
#include "porchlight/mesh.h"
#include "wire/messages.h"
#include "wire/said.h"

#include <uv.h>

enum {
        NODE_E_STORE = 1,  /* the store does not open */
        NODE_E_VAULT = 2,  /* porchlight-vault is not there or does not start */
        NODE_E_LISTEN = 3, /* an address to listen on is taken or not this machine's */
        NODE_E_SOCKET = 4, /* control.sock cannot be made */
};

#define NODE_NAME_MAX 49
#define NODE_LISTEN_MAX 16
#define NODE_ADVERTISE_MAX 3      /* a ticket has room for no more */
#define NODE_PORT PORCHLIGHT_PORT /* unless --listen says otherwise */

struct node_endpoint {
        struct mesh_addr addr;
        bool optional; /* a machine may lack this family */
};

struct node_advertised {
        struct mesh_addr addr; /* of a name: the port alone */
        char name[NODE_NAME_MAX];
        bool is_name;
};

/* Whose members may read and post besides the daemon's own user. */
struct node_group {
        bool given;
        uint32_t id;
};

/* What stands between a daemon that was taken over and the rest of the machine. */
struct node_walls {
        unsigned landlock; /* the kernel's version of it; 0: none */
        bool syscalls;     /* filtered */
};

/* A setting as `porchlight config` shows it; spans and texts are good until the next call. */
struct node_setting {
        const char *key, *where; /* where: a file's line or an option; empty: nowhere */
        struct span value;
        enum wire_e_origin origin;
        bool restart; /* it takes effect when the daemon is started again */
};

/* Why a setting was not taken, as control.sock tells it. */
struct node_refusal {
        const char *name, *hint;
        enum wire_e_exit exit;
        struct said message;
};

/* The settings are the daemon's; the node only carries questions and answers. */
struct node_settings {
        /* The @i-th in the order of the table. False: there are no more. */
        bool (*at)(void *ctx, size_t i, struct node_setting *ret);
        /* Takes @value for @key, or with NULL forgets what was set, and has it on disk when it returns true. False: nothing
         * was changed, and @ret_why says why. */
        bool (*set)(void *ctx, struct span key, const struct span *value, struct node_refusal *ret_why);
};

/* Twenty clips of 50 MB: 100 kbit/s if it were all used, evenly. Who pays by the byte sets less, or none. */
#define NODE_RELAY_QUOTA (UINT64_C(1) << 30)

struct node_config {
        const char *dir, *version; /* copied */
        struct node_endpoint listen[NODE_LISTEN_MAX];
        size_t n_listen;
        struct node_advertised advertise[NODE_ADVERTISE_MAX];
        size_t n_advertise;
        bool lan;
        bool mapping;                    /* ask the router for a port */
        bool stun;                       /* tell others how their routers show them, where this node is reached */
        bool hidden;                     /* no other home is told where this one is, but by calling it */
        uint64_t relay_quota;            /* bytes a day passed on between homes that have no other way; 0: none */
        uint64_t clips_quota;            /* bytes */
        uint64_t clips_uplink;           /* kbit/s for footage; 0: whatever the line has to spare */
        uint64_t clips_cache;            /* bytes of others' clips that others may have from here */
        uint64_t clips_retention;        /* seconds; CAMERA_KEEP_FOREVER */
        struct kinds_keep clips_kinds;   /* of clips that alerts have named */
        bool clips_oldest;               /* where there is no room the oldest go, and the new one is not refused */
        struct node_group control_group; /* of control.sock; not reloaded */
        struct node_settings settings;
        int porter;      /* as of porter_start(); the caller closes it, after node_free */
        int *control_fd; /* of control.sock: -1 until the first node makes it; the caller closes it, after the last */
        bool vault_service;         /* the vault runs by itself: it is not waited for at the end */
        struct recorder_tape *tape; /* where runs are recorded, one after the other; NULL: nowhere. The caller's */
        struct mesh_config mesh;
        /* The store and control.sock are open, and nothing has come from outside yet: from here on the node opens no file
         * but those of the store. False (logged): it must not start. */
        bool (*shut)(void *ctx, struct node_walls *ret);
        void (*on_ready)(void *ctx);  /* both sockets answer */
        void (*on_broken)(void *ctx); /* the node cannot go on; it has logged why. Stop it */
        /* The household is out of its mesh, which is to be forgotten: stop the node and free it, put fresh keys and an
         * empty store in the place of the old ones, and begin with a new node. */
        void (*on_over)(void *ctx);
        void *ctx;
};

struct node;

/* Copies @cfg. 0, ERR_NOMEM. */
int node_new(struct node **ret, uv_loop_t *loop, const struct node_config *cfg);
/* Opens the store, starts the vault, listens. Logs why not: 0, NODE_E_*, <0; then node_stop is due as well. */
int node_start(struct node *n);
/* Takes over listen, advertise, lan and clips_* of @cfg; on failure the old ones stay. 0, NODE_E_LISTEN. */
int node_reload(struct node *n, const struct node_config *cfg);
/* Says goodbye, flushes the store, ends the vault, closes every handle; takes at most a few seconds of the loop. */
void node_stop(struct node *n);
struct node *node_free(struct node *n); /* NULL is fine; the loop has ended */
