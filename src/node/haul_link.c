/* SPDX-License-Identifier: Apache-2.0 */
#include "node/haul_link.h"

#include "base/log.h"
#include "node/internal.h"
#include "wire/codec.h"

#include <stdlib.h>

#define ROOM_WORTH                                                                                                     \
        32768          /* bytes of room that are worth telling of: two frames; of a paced line what it gives at once */
#define REFILL_LEAST 5 /* ms */
#define BYTES_KBIT 125 /* a second */

/* One command with the core: a device that several may be waiting for. */
struct call {
        struct list on;
        struct command cmd;
        struct key device;
        enum mesh_outcome outcome;
        bool answered;
};

static enum haul_user user_of(uint64_t number) {
        return number < LINK_SEEK ? HAUL_PAPERS : HAUL_CHUNKS;
}

void haul_use(struct node *n, enum haul_user user, const struct haul_ops *ops) {
        n->hauls.ops[user] = ops;
}

/* ---- the core's word ---- */
static struct haul_link *link_of(struct node *n, mesh_link number) {
        LIST_EACH (l, &n->hauls.all, struct haul_link, on) {
                if (l->number == number && !l->down)
                        return l;
        }
        return NULL;
}

struct haul_link *haul_find(struct node *n, const struct key *device) {
        LIST_EACH (l, &n->hauls.all, struct haul_link, on) {
                if (!l->down && key_eq(&l->device, device))
                        return l;
        }
        return NULL;
}

static void tell_up(struct haul_link *l) {
        l->told = true;
        for (size_t u = 0; u < HAUL_USERS; u++) {
                const struct haul_ops *ops = l->n->hauls.ops[u];
                if (ops && ops->on_up)
                        ops->on_up(l);
        }
}

void haul_links_up(struct node *n, const struct mesh_action *a) {
        struct haul_link *l = calloc(1, sizeof(*l));
        if (!l) {
                node_fail(n, "a link for footage", ERR_NOMEM);
                return;
        }
        *l = (struct haul_link){.device = a->haul_up.device,
                                .household = a->haul_up.household,
                                .dialled = a->haul_up.dialled,
                                .n = n,
                                .number = a->link};
        list_push(&n->hauls.all, &l->on);
        l->lan = conn_carries(n, a->link);
}

void haul_links_down(struct node *n, const struct mesh_action *a) {
        struct haul_link *l = link_of(n, a->link);
        if (l)
                l->down = true;
}

void haul_links_took(struct node *n, const struct mesh_action *a) {
        struct haul_link *l = link_of(n, a->link);
        const struct wire_number *row = wire_link_find(a->haul.number);
        const struct haul_ops *ops = n->hauls.ops[user_of(a->haul.number)];
        union wire_any msg;
        if (!l || !ops || !ops->on_message)
                return;
        if (!l->told) /* it came in the same turn as the first bytes */
                tell_up(l);
        l->used[user_of(a->haul.number)] = uv_now(n->loop);
        if (!CHECK_FAILS(row && codec_decode(row->desc, a->haul.map, &msg, NULL) == 0))
                ops->on_message(l, (enum wire_link)a->haul.number, &msg);
}

/* ---- how much ---- */
static void on_refill(_unused_ uv_timer_t *timer) { /* the turn that follows tells who has room */
}

static bool is_thirsty(const struct haul_link *l) {
        for (size_t u = 0; u < HAUL_USERS; u++)
                if (l->thirsty[u])
                        return true;
        return false;
}

/* Somebody waits, and it is not the link that keeps him waiting: nothing else would wake the loop. */
static void watch_pace(struct node *n) {
        mesh_time now = uv_now(n->loop);
        bool waits = false;
        LIST_EACH (l, &n->hauls.all, struct haul_link, on)
                waits |= !l->lan && !l->down && is_thirsty(l);
        if (!waits || !n->hauls.pace.rate)
                uv_timer_stop(&n->hauls.refill);
        else
                uv_timer_start(&n->hauls.refill, on_refill,
                               MAX(pace_due(&n->hauls.pace, ROOM_WORTH, now) - now, REFILL_LEAST), 0);
}

void haul_links_limit(struct node *n, uint64_t kbit) {
        if (n->hauls.pace.rate != kbit * BYTES_KBIT)
                pace_set(&n->hauls.pace, kbit * BYTES_KBIT, uv_now(n->loop));
}

/* ---- saying ---- */
static size_t queue_room(const struct haul_link *l) {
        if (l->down)
                return 0;
        size_t room = mesh_haul_room(l->n->core, l->number);
        size_t later = l->n->feeding ? l->later : 0; /* what was said meanwhile is not with the core yet */
        return room > later ? room - later : 0;
}

size_t haul_room(const struct haul_link *l) {
        size_t paced = l->lan ? SIZE_MAX : pace_room(&l->n->hauls.pace, uv_now(l->n->loop));
        return MIN(queue_room(l), paced);
}

/* A paper is short and brings what somebody waits for: it is counted, but does not wait until the line's share is free. */
static bool may_say(const struct haul_link *l, enum wire_link number) {
        return user_of(number) == HAUL_PAPERS ? queue_room(l) : haul_room(l);
}

size_t haul_piece(const struct haul_link *l) {
        return mesh_haul_piece(l->n->core, l->number);
}

bool haul_say(struct haul_link *l, enum wire_link number, const void *msg) {
        const struct wire_number *row = wire_link_find(number);
        struct buf map = BUF_NULL;
        if (CHECK_FAILS(row && number >= LINK_PAPER && number <= LINK_STOP) || !may_say(l, number)) {
                l->thirsty[user_of(number)] = true;
                return false;
        }
        codec_encode(row->desc, msg, &map);
        if (map.starved || CHECK_FAILS(buf_ok(&map))) {
                buf_fini(&map);
                haul_hangup(l);
                return false;
        }
        l->later = l->n->feeding ? l->later + map.n : 0;
        l->used[user_of(number)] = uv_now(l->n->loop);
        if (!l->lan)
                pace_spend(&l->n->hauls.pace, map.n);
        struct mesh_event ev = {.type = MESH_EV_HAUL_SAY, .link = l->number};
        ev.say.number = (uint8_t)number;
        ev.say.map = buf_span(&map);
        node_feed_owned(l->n, ev, map.p);
        return true;
}

void haul_hangup(struct haul_link *l) {
        if (!l->down)
                node_feed(l->n, (struct mesh_event){.type = MESH_EV_HAUL_END, .link = l->number});
}

/* ---- connecting ---- */
static void on_called(struct command *cmd, const struct mesh_action *a) {
        struct call *c = CONTAINER_OF(cmd, struct call, cmd);
        c->outcome = a->reply.outcome;
        c->answered = true;
}

static struct call *call_of(struct node *n, const struct key *device) {
        LIST_EACH (c, &n->hauls.calls, struct call, on) {
                if (!c->answered && key_eq(&c->device, device))
                        return c;
        }
        return NULL;
}

size_t haul_dialled(const struct node *n) {
        size_t all = 0;
        LIST_EACH (l, &n->hauls.all, struct haul_link, on)
                all += l->dialled && !l->down;
        LIST_EACH (c, &n->hauls.calls, struct call, on)
                all += !c->answered;
        return all;
}

void haul_connect(struct node *n, const struct key *device, struct haul_want *w) {
        w->device = *device;
        list_init(&w->on);
        list_push(&n->hauls.wants, &w->on);
        if (haul_find(n, device) || call_of(n, device))
                return;
        struct call *c = calloc(1, sizeof(*c));
        if (!c) {
                node_fail(n, "a link for footage", ERR_NOMEM);
                return;
        }
        c->device = *device;
        c->cmd.reply = on_called;
        list_init(&c->on);
        list_push(&n->hauls.calls, &c->on);
        struct mesh_event ev = {.type = MESH_EV_HAUL};
        ev.haul.device = *device;
        node_command(n, &c->cmd, ev);
}

void haul_forget(struct haul_want *w) {
        if (w->on.next)
                list_drop(&w->on);
}

/* ---- telling ---- */
static bool tell_wants(struct node *n, const struct key *device, enum mesh_outcome o, struct haul_link *l) {
        bool any = false;
        struct list mine;
        list_init(&mine);
        LIST_EACH (w, &n->hauls.wants, struct haul_want, on) { /* set apart: `done` may add and drop others */
                if (!key_eq(&w->device, device))
                        continue;
                list_drop(&w->on);
                list_push(&mine, &w->on);
        }
        while (!list_empty(&mine)) {
                struct haul_want *w = CONTAINER_OF(mine.next, struct haul_want, on);
                list_drop(&w->on);
                any = true;
                if (o == MESH_OUT_DONE && l->down)
                        o = MESH_OUT_HAUL_SILENT;
                w->done(w, o, o == MESH_OUT_DONE ? l : NULL);
        }
        return any;
}

static bool turn_calls(struct node *n) {
        bool any = false;
        LIST_EACH (c, &n->hauls.calls, struct call, on) {
                if (!c->answered)
                        continue;
                list_drop(&c->on);
                if (c->outcome != MESH_OUT_DONE)
                        tell_wants(n, &c->device, c->outcome, NULL);
                free(c);
                any = true;
        }
        return any;
}

/* A link that was there has gone before anybody could be told. */
static bool turn_lost(struct node *n) {
        LIST_EACH (w, &n->hauls.wants, struct haul_want, on) {
                if (!haul_find(n, &w->device) && !call_of(n, &w->device))
                        return tell_wants(n, &w->device, MESH_OUT_HAUL_SILENT, NULL);
        }
        return false;
}

static void tell_down(struct haul_link *l) {
        for (size_t u = 0; u < HAUL_USERS; u++) {
                const struct haul_ops *ops = l->n->hauls.ops[u];
                if (l->told && ops && ops->on_down)
                        ops->on_down(l);
        }
        list_drop(&l->on);
        free(l);
}

/* Nobody is told of a few bytes, unless there will not be more. */
static bool has_room(struct haul_link *l) {
        struct pace *pace = &l->n->hauls.pace;
        mesh_time now = uv_now(l->n->loop);
        bool paced = !l->lan && pace->rate;
        if (paced && pace_due(pace, ROOM_WORTH, now) > now)
                return false;
        return mesh_haul_room(l->n->core, l->number) >= ROOM_WORTH;
}

static bool tell_room(struct haul_link *l) {
        bool any = false;
        for (size_t u = 0; u < HAUL_USERS && has_room(l); u++) {
                const struct haul_ops *ops = l->n->hauls.ops[u];
                if (!l->thirsty[u])
                        continue;
                l->thirsty[u] = false;
                any = true;
                if (ops && ops->on_room)
                        ops->on_room(l);
        }
        return any;
}

bool haul_links_turn(struct node *n) {
        bool any = false;
        LIST_EACH (l, &n->hauls.all, struct haul_link, on) {
                any |= !l->told || l->down;
                if (!l->told && !l->down)
                        tell_up(l);
                if (!l->down)
                        any |= tell_wants(n, &l->device, MESH_OUT_DONE, l) || tell_room(l);
                if (l->down)
                        tell_down(l);
        }
        any |= turn_calls(n);
        any |= turn_lost(n);
        watch_pace(n);
        return any;
}

void haul_links_init(struct node *n) {
        list_init(&n->hauls.all);
        list_init(&n->hauls.wants);
        list_init(&n->hauls.calls);
        uv_timer_init(n->loop, &n->hauls.refill);
}

void haul_links_close(struct node *n) {
        uv_close((uv_handle_t *)&n->hauls.refill, NULL);
}

void haul_links_fini(struct node *n) {
        LIST_EACH (l, &n->hauls.all, struct haul_link, on) {
                l->down = true;
                tell_down(l);
        }
        LIST_EACH (c, &n->hauls.calls, struct call, on) {
                list_drop(&c->on);
                free(c);
        }
        LIST_EACH (w, &n->hauls.wants, struct haul_want, on)
                list_drop(&w->on);
}
