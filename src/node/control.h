/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.sock: what the owner's tools ask the daemon (proto/control.def). A caller is one connection with one request
 * at a time. Rows grow in its sink; whoever makes many of them stops while the caller does not read, so a tool that
 * hangs costs the daemon a bounded amount of memory and nobody's time.
 *
 * One file a request group: control_status.c, control_roster.c, control_post.c, control_alerts.c, control_watch.c,
 * control_invite.c, control_peer.c, control_config.c, control_place.c. What they have in common is in caller.h.
 */
#pragma once

#include "base/list.h"
#include "node/shed.h"
#include "porchlight/types.h"

#include <uv.h>

struct buf;
struct node;

struct control {
        uv_pipe_t listener;
        uv_timer_t deadlines; /* posts that wait for neighbours, callers that do not read */
        uv_timer_t pump;      /* requests that came before the last one was answered */
        struct shed shed;
        struct list callers;
        unsigned n_callers;
        bool bound, listening;
};

void control_init(struct node *n);
int control_bind(struct node *n);   /* makes the socket, which does not answer yet: 0, NODE_E_SOCKET (logged) */
int control_listen(struct node *n); /* 0, NODE_E_SOCKET (logged) */
void control_stop(
        struct node *n); /* closes every connection and, unless the node begins again, takes the socket away */
void control_close(struct node *n);

/* So many other households have this own record now. */
void control_handed(struct node *n, const struct hash *id, uint32_t homes);
/* The number of links may have changed. */
void control_state(struct node *n);
/* There may be new events on disk. */
void control_room(struct node *n);          /* for callers whose clip has none: older ones have gone, or stay */
bool control_watched(const struct node *n); /* somebody waits for events */
/* A paper has come that the owner is to know of, and is on the disk; a grant was taken back. */
struct paper;
void control_paper_came(struct node *n, const struct paper *p);
/* A clip was granted to the household that made this request. */
void control_paper_granted(struct node *n, const struct paper *request);
void control_paper_back(struct node *n, const struct paper *p);
/* Those above @from have come, and are in @news, or @news is empty (query_rows). */
void control_watch_kick(struct node *n, uint64_t from, const struct buf *news);
/* Something about a clip that is fetched has changed. */
void control_fetch_news(struct node *n, const struct hash *clip);
