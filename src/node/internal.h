/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the node know of each other. */
#pragma once

#include "base/dir.h"
#include "node/announce.h"
#include "node/cameras.h"
#include "node/clips.h"
#include "node/conn.h"
#include "node/control.h"
#include "node/fetch.h"
#include "node/force.h"
#include "node/haul_link.h"
#include "node/ice.h"
#include "node/kin.h"
#include "node/lan.h"
#include "node/listen.h"
#include "node/mutes.h"
#include "node/nets.h"
#include "node/node.h"
#include "node/papers.h"
#include "node/places.h"
#include "node/pool.h"
#include "node/purge.h"
#include "node/query.h"
#include "node/reach.h"
#include "node/recorder.h"
#include "node/resolve.h"
#include "node/vault_link.h"
#include "node/verify.h"
#include "node/writer.h"
#include "roster/roster.h"

/* Names of settings in the store. */
#define SETTING_HOME "home"           /* 8 bytes: the cell */
#define SETTING_MUTES "mutes"         /* as mutes_encode() writes them */
#define SETTING_PLACES "places"       /* as places_encode() writes them */
#define SETTING_OWNER "owner"         /* 4 bytes: the uid that founded or joined */
#define SETTING_KIN_MAIN "clips-main" /* 32 bytes: the main device that was told of clips */

#define SETTING_BACKUP "backup"           /* 8 bytes: when the newest one was made */
#define SETTING_SALVAGED "salvaged"       /* 8 bytes: when the store was last made anew of what was whole */
#define SETTING_CAMERA_SALT "camera-salt" /* 32 bytes (PROTOCOL 15.9) */
#define SETTING_NONCES "router-nonces"    /* as struct reach has them */
#define SETTING_CAMERAS "cameras"         /* as cameras_encode() writes them */
#define SETTING_ANNOUNCED "announced"     /* as announced_encode() writes it */
#define SETTING_KEPT "clips-kept"         /* ids of clips that are pinned, 32 bytes each */
#define SETTING_SOURCES "clips-sources"   /* as sources_put() writes them */
#define SETTING_JOINING "joining"         /* there: the vault does not know yet how its joining ended */

/* Who waits for a command's outcome. */
struct command {
        struct list on;
        uint64_t token;
        void (*reply)(struct command *c, const struct mesh_action *a); /* once; may not call the core */
};

/* An event that came up while the core was being drained. */
struct node_later {
        struct mesh_event ev;
        void *owned; /* freed when it was handed on; may be NULL */
};

struct node {
        uv_loop_t *loop;
        struct mesh *core;
        char *dir, *version;
        struct node_endpoint listen[NODE_LISTEN_MAX];
        size_t n_listen;
        struct node_advertised advertise[NODE_ADVERTISE_MAX];
        size_t n_advertise;
        bool lan, stun, hidden;
        uint64_t relay_quota;
        uint64_t clips_uplink; /* as the node was born with it */
        struct node_group control_group;
        struct node_settings settings;
        int porter;
        int *control_fd;
        bool vault_service;
        bool (*shut)(void *ctx, struct node_walls *ret);
        struct node_walls walls;
        struct mesh_config cfg;
        void (*on_ready)(void *ctx);
        void (*on_broken)(void *ctx);
        void (*on_over)(void *ctx);
        void *ctx;

        bool again;    /* another node follows this one, in the same process */
        bool gathered; /* the core has heard of something, and not yet that this is all for this turn */
        bool feeding, started, opened, stopping, closed, broken, ready;
        struct node_later *later;
        size_t n_later, cap_later;
        mesh_time deadline; /* the timer is set to it */
        mesh_wall fed_wall; /* of the core's last event */
        uint64_t last_token;
        struct list commands;
        mesh_cell home;        /* 0: not known */
        mesh_wall salvaged_at; /* when the disk last lost a part of the store; 0: never */
        mesh_wall backup_at;   /* when the newest backup was made; 0: never */
        bool salvaged;         /* and that was just now */
        struct clips clips;
        struct fetches fetches;
        struct mutes mutes;
        struct places places;
        struct cameras cameras;
        struct announced announced;
        struct announce *announce; /* under way; NULL: nothing */
        bool owned;
        uint32_t owner; /* the uid that founded or joined, where `owned` */
        unsigned cores;
        mesh_time stop_by;
        char *read_buffer;

        uv_timer_t timer, stop_timer;
        uv_prepare_t prepare;
        uv_idle_t idle;

        struct pool pool;
        struct conns conns;
        struct haul_links hauls;
        struct listening listening;
        struct lans lans;
        struct nets nets;
        struct reach reach;
        struct writer writer;
        struct recorder recorder;
        struct queries queries;
        struct force force;
        struct resolver resolver;
        struct control control;
        struct vault_link vault;
        struct papers papers;
        struct kin kin;
        struct ice ice;
};

/* Hands an event to the core (now, wall and more are filled in) and does what it says; what it gives to send may come
 * with the turn's end. Called from within that, the event waits in a queue until the core's actions are drained; its
 * spans must then still be good, so only events without any may come so. */
void node_feed(struct node *n, struct mesh_event ev);
/* The same; @owned (malloc) is freed afterwards and may hold what the event points to. */
void node_feed_owned(struct node *n, struct mesh_event ev, void *owned);
/* Feeds a command; @c->reply is called once. */
void node_command(struct node *n, struct command *c, struct mesh_event ev);
void node_command_forget(struct command *c); /* nobody waits any more */

mesh_wall node_wall(void);                 /* this machine's clock */
mesh_wall node_time(const struct node *n); /* mesh time; this machine's clock without a mesh */
void node_fail(struct node *n, const char *what, int r);
uv_buf_t node_read_buffer(struct node *n); /* one for all streams: consumed before the next read */
const char *node_enum_doc(const struct wire_enum *e, uint64_t value);
void node_vault_ready(struct node *n); /* owner.sock answers: so may control.sock */
void node_set_home(struct node *n, mesh_cell cell);
