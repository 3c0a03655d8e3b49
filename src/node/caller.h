/* SPDX-License-Identifier: Apache-2.0 */
/* A connection on control.sock, as the files that serve requests see it. */
#pragma once

#include "node/internal.h"
#include "node/sink.h"
#include "wire/frame.h"
#include "wire/said.h"

#define CALLER_OUT_BOUND (256 * 1024) /* bytes that wait for a caller before rows stop being made */

struct post_wait {
        bool on;
        struct hash id;
        uint32_t handed;
        mesh_wall expires;
        bool urgent;
};

struct refresh_wait {
        bool on;
        struct key writer;  /* the ticket's device */
        uint64_t addresses; /* of the ticket */
        bool news;          /* its link key was not here */
};

/* Watches a clip come. */
struct fetch_wait {
        bool on, reading;
        struct hash clip;
        uint64_t reads, held; /* as last told … */
        uint8_t state;
        mesh_time at; /* … and when */
};

struct watch {
        bool on;
        uint64_t after; /* everything up to here was looked at */
        struct store_filter filter;
        bool muted;     /* shows what is muted as well */
        bool owner;     /* who is told of asks that clips here fit … */
        uint64_t asked; /* … and has been of those up to here */
        uint64_t asks;  /* of writer.asks, when that was looked up */
};

struct caller {
        struct list on;
        struct node *n;
        uv_pipe_t pipe;
        bool closed, leaving; /* leaving: closes when everything is written */
        struct sink out;
        struct buf in;                 /* what came behind the request */
        struct buf body;               /* the request under way; msg's spans point into it */
        const struct wire_number *row; /* NULL: none */
        union frame_message msg;
        struct command cmd;
        struct query *query; /* that makes rows for it; NULL: none */
        mesh_time deadline;  /* 0: none */
        struct post_wait post;
        struct refresh_wait refresh;
        bool waits_for_room;  /* its clip has none, and older ones are going */
        struct clip_in *clip; /* being taken in over this connection, by several requests; NULL: none */
        struct fetch_wait fetch;
        struct watch watch;
};

/* Rows and the end of the answer. After the end nothing of the request may be used any more. */
void caller_row(struct caller *c, enum wire_control number, const void *msg);
void caller_done(struct caller *c);
void caller_error(struct caller *c, const char *name, const char *message, const char *hint, enum wire_e_exit exit);
/* The same, with values in its message. */
void caller_refuse(struct caller *c, const char *name, const struct said *message, const char *hint,
                   enum wire_e_exit exit);
void caller_outcome(struct caller *c, enum mesh_outcome o); /* DONE: as caller_done */
void caller_store_error(struct caller *c, int r);
void caller_no_place(struct caller *c); /* a radius, and home is not known */
/* Changes of this home's own settings: for the uid that founded or joined, the daemon's own, and root. Else the caller is
 * answered. */
bool caller_is_owner(struct caller *c);
bool caller_owns(const struct caller *c); /* the same, without an answer */
bool caller_has_room(const struct caller *c);
void caller_flush(struct caller *c);
/* The deadline of a post, or of a caller that does not read. 0 takes it away. */
void caller_set_deadline(struct caller *c, mesh_time at);

/* A question to the store on the caller's behalf. @row (may be NULL) and @after are not called when it is gone. */
struct ask {
        struct query q;
        struct caller *c; /* NULL: gone */
        bool list;        /* makes many rows */
        void (*row)(struct caller *c, const struct query_row *row);
        void (*after)(struct caller *c, const struct ask *a);
        struct store_filter filter; /* parameters and results of the several questions */
        struct store_asks asks;
        struct mesh_draft draft; /* of a notice: what its clip says */
        uint8_t clips[96];       /* ids of own ones that were looked up … */
        size_t n_clips;          /* … in bytes */
        bool clip_next;          /* the alert was found */
        struct buf keep;         /* what the filter points to (muted households, then text), or the id's prefix */
        struct buf named;        /* clips that alerts name: stay_read() */
        uint64_t seq;
        struct hash id;
        uint64_t count;
        bool obeys;              /* the owner's rules for cameras: @cameras is what they were when this was asked */
        struct cameras *cameras; /* freed with it */
        bool never;              /* they say that nothing may be told of a clip that was looked up */
        bool fresh;              /* what it waits for was begun for it */
};

/* Starts it; the caller is answered with an error if memory is out. @like: parameters, copied. */
void caller_ask(struct caller *c, const struct ask *like, int (*run)(struct query *q, struct store_reader *r),
                struct span keep);
static inline struct ask *ask_of(struct query *q) {
        return CONTAINER_OF(q, struct ask, q);
}

/* 4 to 64 hex digits; else the caller is answered. */
bool caller_id_ok(struct caller *c, struct span prefix);
/* STORE_E_NONE, STORE_E_MANY and trouble of a prefix looked up; true if it was found. */
bool caller_found(struct caller *c, int r);

/* What serves each request. */
void control_status(struct caller *c);
void control_peers(struct caller *c);
void control_peer_add(struct caller *c);
void control_refresh(struct caller *c);
void control_mesh(struct caller *c);
void control_members(struct caller *c);
void control_proposals(struct caller *c);
void control_devices(struct caller *c);
void control_codes(struct caller *c);
void control_code_revoke(struct caller *c);
void control_post(struct caller *c);
void control_ask_post(struct caller *c);
void control_notice_post(struct caller *c);
void control_asks(struct caller *c);
void control_ask_match(struct caller *c);
void control_inbox(struct caller *c);
void control_inbox_papers(struct caller *c, bool muted); /* the rest of INBOX, and its end */
/* Until when a rule for an emergency stands that sleeps; 0: none does. */
mesh_wall control_policy_asleep(const struct node *n);
void control_policy_put(struct caller *c); /* a row of that, if the caller is the owner */
void control_given(struct caller *c);
void control_offer(struct caller *c);
void control_request(struct caller *c);
void control_requests(struct caller *c);
void control_deny(struct caller *c);
void control_follow(struct caller *c);
void control_nearby(struct caller *c);
void control_show(struct caller *c);
void control_watch(struct caller *c);
void control_invite(struct caller *c);
void control_invites(struct caller *c);
void control_invite_revoke(struct caller *c);
void control_mute(struct caller *c);
void control_unmute(struct caller *c);
void control_mutes(struct caller *c);
void control_config(struct caller *c);
void control_config_set(struct caller *c);
void control_places(struct caller *c);
void control_place_set(struct caller *c);
void control_clips(struct caller *c);
void control_cameras(struct caller *c);
void control_camera_set(struct caller *c);
void control_clip_keep(struct caller *c);
void control_clip_source(struct caller *c);
void control_clip_sources(struct caller *c);
void control_notices(struct caller *c);
void control_clip(struct caller *c);
void control_fetches(struct caller *c);
void control_fetch(struct caller *c);
void control_fetch_wanted(struct caller *c); /* the same, also where it was called off */
void control_fetch_cancel(struct caller *c);

void control_post_answer(struct caller *c);    /* the wait is over */
void control_refresh_look(struct caller *c);   /* something has changed */
void control_refresh_answer(struct caller *c); /* the wait is over */
void control_fetch_more(struct caller *c);     /* something about the clip it watches has changed */
void control_watch_more(struct caller *c);
bool control_watch_asks(struct caller *c); /* looks for asks that clips fit; false: there is nothing new */
/* Events have come: those above @from are in @news, unless it is empty (query_rows). */
void control_watch_news(struct caller *c, uint64_t from, const struct buf *news);
