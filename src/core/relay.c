/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rooms: what stands in them, and when it goes out. Nothing of a room waits in the queue of its outer link, but what the line
 * takes just now: so all rooms have their turn, one message at a time, and a room whose bytes hurry need not stand behind
 * footage. A room is of one class as long as it lasts, for its bytes are a stream, and the later must not overtake the earlier.
 *
 * Rooms of neighbours' links go as class 1, for there may be an alert in them, and nobody between can tell. Who claimed that
 * of footage would win little: its doorstep passes on no more than RELAY_PAUSED bytes of all such rooms while footage pauses.
 */
#include "core/relay.h"

#include "core/core.h"
#include "core/frames.h"
#include "core/link.h"
#include "core/packet.h"
#include "core/window.h"
#include "wire/codec.h"

#include <stdlib.h>

#define AROUND 16 /* bytes of a message that are not what it passes on: number, map, room, and the length of those */
#define BYTES_MOST 16320 /* proto/link.def: relay_bytes */
_Static_assert(BYTES_MOST + AROUND <= FRAMES_BULK, "one message fits into one frame");

void relay_init(struct mesh *m) {
        list_init(&m->relay.rooms);
}

struct room *relay_room_new(struct mesh *m) {
        struct room *r = calloc(1, sizeof(*r));
        if (!r)
                return NULL;
        r->due = m->now + RELAY_PATIENCE;
        list_push(&m->relay.rooms, &r->on);
        m->relay.n++;
        return r;
}

void relay_room_free(struct mesh *m, struct room *r) {
        if (r->other)
                r->other->other = NULL;
        if (r->outer)
                link_touch(r->outer); /* it need not be held any more */
        list_drop(&r->on);
        m->relay.n--;
        buf_fini(&r->waits);
        free(r);
}

void relay_fini(struct mesh *m) {
        LIST_EACH (r, &m->relay.rooms, struct room, on) {
                r->outer = NULL;
                relay_room_free(m, r);
        }
}

struct room *relay_find(const struct link *l, uint64_t number) {
        LIST_EACH (r, &l->m->relay.rooms, struct room, on) {
                if (r->outer == l && r->number == number)
                        return r;
        }
        return NULL;
}

bool relay_holds(const struct link *l) {
        LIST_EACH (r, &l->m->relay.rooms, struct room, on) {
                if (r->outer == l)
                        return true;
        }
        return false;
}

size_t relay_waiting(const struct room *r) {
        return r->waits.n - r->at;
}

static void drop_waiting(struct room *r) {
        buf_fini(&r->waits);
        r->at = 0;
}

int relay_put(struct room *r, struct span bytes) {
        if (r->at >= r->waits.n - r->at) { /* what has gone is longer than what is moved for it */
                buf_drop(&r->waits, r->at);
                r->at = 0;
        }
        buf_add(&r->waits, bytes);
        if (r->outer)
                link_touch(r->outer);
        return buf_ok(&r->waits) ? 0 : ERR_NOMEM;
}

void relay_over(struct room *r, enum wire_e_relay_why why) {
        if (!r->over && r->outer)
                r->due = r->outer->m->now + RELAY_PATIENCE;
        r->over = true;
        r->why = r->why ? r->why : why;
}

/* ---- going out ---- */
static size_t class_of(const struct room *r) {
        return r->haul ? 5 : 1;
}

/* PROTOCOL 18.9: "A doorstep SHOULD pass on no more than 16,384 bytes of such rooms in each of those pauses." */
static bool pauses(const struct mesh *m, const struct room *r) {
        if (m->now >= m->haul_pause || r->end)
                return false;
        return !r->haul && m->relay.paused >= RELAY_PAUSED;
}

static bool may_go(const struct mesh *m, const struct room *r) {
        const struct link *l = r->outer;
        size_t klass = class_of(r);
        if (!l || l->state != LINK_HAUL || pauses(m, r) || !window_open(l, klass))
                return false;
        return l->queue[klass].bytes < HAUL_QUEUE;
}

/* Such a message as the frame has room for that is made of it. */
static size_t piece_most(const struct room *r) {
        size_t frame = r->haul ? window_frame(r->outer) : FRAMES_URGENT;
        return MIN(frame - AROUND, (size_t)BYTES_MOST);
}

static int say_here(struct room *r, enum wire_link number, const void *msg) {
        _clean_(packet_freep) struct packet *p = packet_new(number, (uint8_t)class_of(r), msg);
        r->outer->hauled = r->outer->m->now;
        return p ? link_send(r->outer, p) : ERR_NOMEM;
}

static int say_bytes(struct mesh *m, struct room *r, size_t n) {
        struct wire_relay_bytes msg = {.room = r->number, .bytes = span_of(r->waits.p + r->at, n)};
        int e = say_here(r, LINK_RELAY_BYTES, &msg);
        if (e)
                return e;
        r->at += n;
        if (!relay_waiting(r) && r->waits.cap > LINK_WINDOW)
                drop_waiting(r);
        if (!r->haul && !r->end)
                m->relay.paused += n;
        if (!r->end)
                return relay_passed(r, n);
        r->may -= n;
        r->away += n;
        return 0;
}

static int say_end(struct mesh *m, struct room *r) {
        struct wire_relay_end msg = {.room = r->number};
        if (r->why)
                WIRE_PUT(&msg, RELAY_END, why, r->why);
        int e = r->outer && r->outer->state == LINK_HAUL ? say_here(r, LINK_RELAY_END, &msg) : 0;
        relay_room_free(m, r);
        return e;
}

/* One message of a room. *ret_went: there was one. */
static int turn(struct mesh *m, struct room *r, bool *ret_went) {
        size_t n = relay_waiting(r);
        struct link *l = r->outer;
        if (r->lost && !r->end) {
                relay_left(m, r);
                return 0;
        }
        if (r->over && !n && !(r->end && r->inner))
                return say_end(m, r);
        n = MIN(n, r->end ? r->may : SIZE_MAX);
        if (!n || !may_go(m, r))
                return 0;
        *ret_went = true;
        int e = say_bytes(m, r, MIN(n, piece_most(r)));
        return e ? e : link_flush(l);
}

int relay_work(struct mesh *m) {
        bool went = !list_empty(&m->relay.rooms);
        int e = went ? relay_inner_work(m) : 0;
        while (!e && went) {
                went = false;
                LIST_EACH (r, &m->relay.rooms, struct room, on) {
                        e = e ? e : turn(m, r, &went);
                }
        }
        return e;
}

/* ---- time ---- */
mesh_time relay_due(const struct link *l) {
        const struct mesh *m = l->m;
        if (m->now >= m->haul_pause)
                return MESH_NEVER;
        LIST_EACH (r, &m->relay.rooms, struct room, on) {
                if (r->outer == l && relay_waiting(r) && (r->haul || pauses(m, r)))
                        return m->haul_pause;
        }
        return MESH_NEVER;
}

void relay_pause(struct mesh *m) {
        m->relay.paused = 0;
        LIST_EACH (r, &m->relay.rooms, struct room, on) {
                if (r->outer)
                        link_touch(r->outer);
        }
}

mesh_time relay_deadline(const struct mesh *m) {
        mesh_time at = MESH_NEVER;
        LIST_EACH (r, &m->relay.rooms, struct room, on)
                at = MIN(at, r->due);
        return at;
}

/* PROTOCOL 18.6: "A room whose other end has not come within 30 s MUST end, `silent`, and one in which no byte has gone either
 * way for 180 s." */
void relay_tick(struct mesh *m) {
        LIST_EACH (r, &m->relay.rooms, struct room, on) {
                if (r->due > m->now)
                        continue;
                r->due = MESH_NEVER;
                if (r->over)
                        drop_waiting(r); /* it was waited for long enough */
                else if (r->end)
                        r->lost = true;
                else
                        relay_over(r, RELAY_WHY_SILENT);
        }
}

void relay_outer_gone(struct link *l) {
        struct mesh *m = l->m;
        LIST_EACH (r, &m->relay.rooms, struct room, on) {
                if (r->outer != l)
                        continue;
                r->outer = NULL;
                r->lost =
                        true; /* what follows from it waits for the end of the step: somebody may be among the rooms */
        }
}

/* ---- messages ---- */
static int nonsense(struct link *l) {
        link_hangup(l, REASON_BAD_FRAME);
        return 0;
}

/* PROTOCOL 18.11: "One about a room that is not there MUST be ignored" */
int relay_on_bytes(struct link *l, const struct wire_relay_bytes *msg) {
        struct room *r = relay_find(l, msg->room);
        l->hauled = l->m->now;
        if (!r || r->over)
                return 0;
        return r->end ? relay_inner_took(r, msg->bytes) : relay_take(l, r, msg->bytes);
}

int relay_on_room(struct link *l, const struct wire_relay_room *msg) {
        struct room *r = relay_find(l, msg->room);
        l->hauled = l->m->now;
        if (!r)
                return 0;
        return r->end ? relay_joined(l, r, msg->more) : nonsense(l);
}

void relay_on_end(struct link *l, const struct wire_relay_end *msg) {
        struct room *r = relay_find(l, msg->room);
        l->hauled = l->m->now;
        mesh_trace(l->m, "link %u: relay room %u ends: %s", (unsigned)l->id, (unsigned)msg->room,
                   WIRE_HAS(msg, RELAY_END, why) ? wire_enum_text(&wire_relay_why_enum, msg->why) : "closed");
        if (r && r->end && WIRE_HAS(msg, RELAY_END, why) && msg->why != RELAY_WHY_GONE)
                lately_useless(l->m, &r->doorstep);
        if (r && r->end)
                relay_ended(r);
        else if (r)
                relay_left(l->m, r);
}
