/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why this file exists: it is the only place where libuv and the core meet. An event goes in, actions come out and are
 * performed, and whatever comes of them at once waits in a queue until the core has nothing more to say: mesh_step is
 * never re-entered. What the turn of the loop gathered (bytes for links, rows for the disk) leaves just before the loop
 * waits.
 */
#include "base/array.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "node/internal.h"

#include <stdlib.h>
#include <time.h>

#define READ_BYTES (64 * 1024)
#define STOP_PERIOD 5   /* ms between looks at what still runs */
#define STOP_TIME 5000  /* ms for goodbyes; the disk gets the time it needs */
#define FLUSH_ROUNDS 16 /* answers to writes that are written in the same turn */
#define LATER_FIRST 16
#define GATHER_BYTES 4096 /* that one link may bring and be answered with the others: a few alerts */
#define TICK_LEAST 1 /* ms: libuv 1.44 would not leave its timers before one that is always due, and read nothing */

/* ---- time ---- */

mesh_wall node_wall(void) {
        struct timespec ts;
        clock_gettime(CLOCK_REALTIME, &ts);
        return ts.tv_sec > 0 ? (mesh_wall)ts.tv_sec : 0;
}

mesh_wall node_time(const struct node *n) {
        struct mesh_status st = {0};
        if (n->core && n->started)
                mesh_status(n->core, &st);
        if (st.time == 0)
                return MAX(node_wall(), n->cfg.built);
        /* The core's time is that of its last event, which may be a while ago where nothing happens. */
        int64_t since = (int64_t)node_wall() - (int64_t)n->fed_wall, now = (int64_t)st.time + since;
        return now > 0 ? (mesh_wall)now : 1;
}

/* The core's time goes on while a laptop sleeps, as the clock does: libuv's does not, and a clock that has moved against
 * elapsed time has been set by somebody. */
static mesh_time elapsed(void) {
        struct timespec ts;
        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (mesh_time)ts.tv_sec * 1000 + (mesh_time)ts.tv_nsec / 1000000;
}

static void on_timer(uv_timer_t *timer) {
        struct node *n = CONTAINER_OF(timer, struct node, timer);
        n->deadline = MESH_NEVER;
        node_feed(n, (struct mesh_event){.type = MESH_EV_TICK});
}

static void set_timer(struct node *n) {
        mesh_time at = n->started && !n->broken ? mesh_deadline(n->core) : MESH_NEVER, now = elapsed();
        if (at == n->deadline || n->closed)
                return;
        n->deadline = at;
        if (at == MESH_NEVER)
                uv_timer_stop(&n->timer);
        else
                uv_timer_start(&n->timer, on_timer, at > now ? at - now : TICK_LEAST, 0);
}

/* ---- the core's actions ---- */

struct load {
        struct query q;
        uint64_t token;
        size_t count;
        struct buf keep;
        struct mesh_loaded *answer; /* behind items */
        struct store_loaded items[];
};

static int load_run(struct query *q, struct store_reader *reader) {
        struct load *l = CONTAINER_OF(q, struct load, q);
        return store_load(reader, l->items, l->count, &l->keep);
}

static void name_damaged(const struct load *l) {
        for (size_t i = 0; i < l->count; i++) {
                _clean_(buf_fini) struct buf id = BUF_NULL;
                if (!l->answer[i].damaged)
                        continue;
                text_hex(&id, SPAN_OF(l->answer[i].id.b));
                log_error("store: record %.*s is damaged on this disk; not passed on until a neighbour has brought it "
                          "again",
                          (int)id.n, (const char *)id.p);
        }
}

static void load_done(struct query *q) {
        struct load *l = CONTAINER_OF(q, struct load, q);
        for (size_t i = 0; i < l->count; i++)
                l->answer[i] = (struct mesh_loaded){.id = l->items[i].id,
                                                    .bytes = q->r ? SPAN_NONE : l->items[i].bytes,
                                                    .damaged = !q->r && l->items[i].damaged};
        name_damaged(l);
        for (size_t i = 0; !q->r && i < l->count; i++)
                if (l->items[i].astray)
                        writer_seek(q->n, &l->items[i].id);
        if (q->r)
                log_error("store: reading %zu records: %s", l->count,
                          q->r > 0 ? store_error_text(q->r) : err_text(q->r));
        node_feed(q->n, (struct mesh_event){.type = MESH_EV_LOADED,
                                            .token = l->token,
                                            .loaded = {.items = l->answer, .n = l->count}});
        buf_fini(&l->keep);
        free(l);
}

static void load_start(struct node *n, uint64_t token, const struct hash *ids, size_t count) {
        size_t row = sizeof(struct store_loaded) + sizeof(struct mesh_loaded);
        struct load *l = calloc(1, sizeof(*l) + count * row);
        if (!l) {
                node_fail(n, "loading records", ERR_NOMEM);
                return;
        }
        l->q = (struct query){.lane = QUERY_CORE, .run = load_run, .done = load_done};
        l->token = token;
        l->count = count;
        l->answer = (struct mesh_loaded *)(void *)(l->items + count);
        for (size_t i = 0; i < count; i++)
                l->items[i].id = ids[i];
        query_start(n, &l->q);
}

static void give_reply(struct node *n, const struct mesh_action *a) {
        LIST_EACH (c, &n->commands, struct command, on) {
                if (c->token != a->token)
                        continue;
                list_drop(&c->on);
                c->reply(c, a);
                return;
        }
}

static void perform(struct node *n, const struct mesh_action *a) {
        switch (a->type) {
        case MESH_DO_SEND:
                conn_send(n, a->link, a->send);
                return;
        case MESH_DO_DIAL:
                conn_dial(n, a->link, &a->dial);
                return;
        case MESH_DO_HANGUP:
                if (!ice_hangup(n, a->link))
                        conn_hangup(n, a->link, a->hangup);
                return;
        case MESH_DO_MEET:
                ice_meet(n, a->link, a->meet.calls, &a->meet.doorstep);
                return;
        case MESH_DO_TELL:
                ice_tell(n, a->link, &a->tell);
                return;
        case MESH_DO_LOOK_UP:
                resolve_others(n, &a->look_up.device, a->look_up.names);
                return;
        case MESH_DO_BEACON:
                lan_send(n, a->beacons);
                return;
        case MESH_DO_STORE:
                if (a->store->kind == MESH_ROW_CLIP)
                        clips_store(n, a->store, a->token);
                else
                        writer_add(n, a->store, a->token);
                return;
        case MESH_DO_LOAD:
                load_start(n, a->token, a->load.ids, a->load.n);
                return;
        case MESH_DO_VERIFY:
                verify_start(n, a->token, a->verify.items, a->verify.n);
                return;
        case MESH_DO_REPLY:
                give_reply(n, a);
                return;
        case MESH_DO_HANDED:
                control_handed(n, &a->handed.id, a->handed.homes);
                return;
        case MESH_DO_STATE:
                vault_link_state(n);
                reach_seen(n);
                control_state(n);
                return;
        case MESH_DO_TRACE:
                log_debug("%.*s", (int)a->trace.n, (const char *)a->trace.p);
                return;
        case MESH_DO_HAUL_UP:
                haul_links_up(n, a);
                return;
        case MESH_DO_HAUL_DOWN:
                haul_links_down(n, a);
                return;
        case MESH_DO_HAUL:
                haul_links_took(n, a);
                return;
        }
}

/* ---- events ---- */

/* Copies of one alert come over many links at once, and acknowledgements of many records: what is to be said to all of
 * that is said together, when the loop has read whatever there is. What comes in bulk has gathered already. */
static bool gathers(const struct mesh_event *ev) {
        if (ev->type == MESH_EV_RECV)
                return ev->recv.n <= GATHER_BYTES;
        if (ev->type == MESH_EV_VERIFIED)
                return ev->verified.n <= VERIFY_HERE;
        return ev->type != MESH_EV_TICK;
}

static void step(struct node *n, struct mesh_event *ev) {
        struct mesh_action a;
        if (n->broken)
                return;
        ev->more = gathers(ev);
        n->gathered |= ev->more;
        ev->now = elapsed();
        ev->wall = n->fed_wall = node_wall();
        recorder_event(n, ev);
        int r = mesh_step(n->core, ev);
        if (r)
                node_fail(n, "core", r);
        while (!n->broken && mesh_next(n->core, &a)) {
                recorder_action(n, &a);
                perform(n, &a);
        }
        recorder_stepped(n);
}

static bool room_for_later(struct node *n) {
        struct node_later *more = array_room(n->later, n->n_later, &n->cap_later, sizeof(*more), LATER_FIRST);
        if (more)
                n->later = more;
        return more;
}

static void feed_later(struct node *n, const struct mesh_event *ev, void *owned) {
        if (!room_for_later(n)) {
                free(owned);
                node_fail(n, "queueing an event", ERR_NOMEM);
                return;
        }
        n->later[n->n_later++] = (struct node_later){*ev, owned};
}

void node_feed_owned(struct node *n, struct mesh_event ev, void *owned) {
        if (n->feeding) {
                feed_later(n, &ev, owned);
                return;
        }
        n->feeding = true;
        step(n, &ev);
        free(owned);
        for (size_t i = 0; i < n->n_later; i++) { /* grows meanwhile, and may move */
                struct node_later later = n->later[i];
                step(n, &later.ev);
                free(later.owned);
        }
        n->n_later = 0;
        n->feeding = false;
}

void node_feed(struct node *n, struct mesh_event ev) {
        node_feed_owned(n, ev, NULL);
}

void node_command(struct node *n, struct command *c, struct mesh_event ev) {
        c->token = ++n->last_token;
        ev.token = c->token;
        list_init(&c->on);
        list_push(&n->commands, &c->on);
        node_feed(n, ev);
}

void node_command_forget(struct command *c) {
        if (c->on.next)
                list_drop(&c->on);
}

static void on_failed(uv_timer_t *timer) {
        struct node *n = CONTAINER_OF(timer, struct node, stop_timer);
        n->on_broken(n->ctx);
}

/* With the next turn of the loop: whoever had no memory is in the midst of what a stop would take away. */
void node_fail(struct node *n, const char *what, int r) {
        if (n->broken)
                return;
        n->broken = true;
        log_error("%s: %s; the daemon ends", what, err_text(r));
        if (n->stopping)
                n->on_broken(n->ctx);
        else
                uv_timer_start(&n->stop_timer, on_failed, 0, 0);
}

uv_buf_t node_read_buffer(struct node *n) {
        return uv_buf_init(n->read_buffer, READ_BYTES);
}

const char *node_enum_doc(const struct wire_enum *e, uint64_t value) {
        for (size_t i = 0; i < e->n; i++)
                if (e->rows[i].value == value)
                        return e->rows[i].doc;
        return "for a reason not known here";
}

void node_set_home(struct node *n, mesh_cell cell) {
        uint8_t bytes[8];
        put_be64(bytes, cell);
        n->home = cell;
        writer_set(n, SETTING_HOME, cell ? SPAN_OF(bytes) : SPAN_NONE);
}

/* ---- the turn of the loop ---- */

static void on_idle(_unused_ uv_idle_t *idle) {
}

static void end_gathering(struct node *n) {
        if (!n->gathered)
                return;
        n->gathered = false;
        node_feed(n, (struct mesh_event){.type = MESH_EV_TICK});
}

static void on_prepare(uv_prepare_t *prepare) {
        struct node *n = CONTAINER_OF(prepare, struct node, prepare);
        bool more = haul_links_turn(n);
        for (int i = 0; (n->gathered || n->conns.dirty || more) && i < FLUSH_ROUNDS; i++) {
                end_gathering(n);
                conns_flush(n);
                more = haul_links_turn(n);
        }
        set_timer(n);
        if (n->opened)
                writer_kick(n);
        recorder_kick(n);
        if (n->gathered || n->conns.dirty || more) /* so that the loop does not wait, but looks at what else has come */
                uv_idle_start(&n->idle, on_idle);
        else
                uv_idle_stop(&n->idle);
}

/* ---- birth ---- */

static int copy_config(struct node *n, const struct node_config *cfg) {
        n->dir = strdup(cfg->dir);
        n->version = strdup(cfg->version);
        n->read_buffer = malloc(READ_BYTES);
        if (!n->dir || !n->version || !n->read_buffer)
                return ERR_NOMEM;
        memcpy(n->listen, cfg->listen, sizeof(n->listen));
        n->n_listen = cfg->n_listen;
        memcpy(n->advertise, cfg->advertise, sizeof(n->advertise));
        n->n_advertise = cfg->n_advertise;
        n->lan = cfg->lan;
        n->stun = cfg->stun;
        n->reach.mapping = cfg->mapping && !cfg->hidden; /* nobody is to call */
        n->hidden = cfg->hidden;
        n->relay_quota = cfg->relay_quota;
        n->clips.quota = cfg->clips_quota;
        n->clips_uplink = cfg->clips_uplink;
        n->fetches.cache = cfg->clips_cache;
        n->clips.retention = cfg->clips_retention;
        n->clips.kinds = cfg->clips_kinds;
        n->clips.oldest = cfg->clips_oldest;
        n->control_group = cfg->control_group;
        n->settings = cfg->settings;
        n->porter = cfg->porter;
        n->control_fd = cfg->control_fd;
        n->vault_service = cfg->vault_service;
        n->recorder.tape = cfg->tape;
        n->shut = cfg->shut;
        n->cfg = cfg->mesh;
        n->on_ready = cfg->on_ready;
        n->on_broken = cfg->on_broken;
        n->on_over = cfg->on_over;
        n->ctx = cfg->ctx;
        return 0;
}

static void free_parts(struct node *n) {
        hash_wipe(&n->cfg, sizeof(n->cfg));
        n->core = mesh_free(n->core);
        haul_serve_free(n->fetches.serve);
        for (size_t i = 0; i < n->n_later; i++)
                free(n->later[i].owned);
        free(n->later);
        free(n->read_buffer);
        free(n->dir);
        free(n->version);
        free(n);
}

int node_new(struct node **ret, uv_loop_t *loop, const struct node_config *cfg) {
        struct node *n = calloc(1, sizeof(*n));
        if (!n)
                return ERR_NOMEM;
        n->loop = loop;
        n->deadline = MESH_NEVER;
        n->cores = uv_available_parallelism();
        list_init(&n->commands);
        int r = copy_config(n, cfg);
        if (r == 0)
                r = mesh_new(&n->core, &n->cfg);
        if (r == 0)
                r = pool_init(&n->pool);
        if (r == 0)
                r = haul_serve_new(&n->fetches.serve);
        if (r == 0)
                r = papers_init(n);
        if (r == 0)
                r = queries_init(n); /* the last: it gives the loop a handle */
        if (r) {
                pool_fini(&n->pool);
                free_parts(n);
                return r;
        }
        uv_timer_init(loop, &n->timer);
        uv_timer_init(loop, &n->stop_timer);
        uv_prepare_init(loop, &n->prepare);
        uv_idle_init(loop, &n->idle);
        pool_watch(&n->pool, loop);
        conns_init(n);
        haul_links_init(n);
        haul_links_limit(n, n->clips_uplink);
        fetches_init(n);
        papers_use(n);
        kin_init(n);
        ice_init(n);
        listen_init(n);
        lan_init(n);
        clips_init(n);
        nets_init(n);
        reach_init(n);
        writer_init(n);
        recorder_init(n);
        resolve_init(n);
        control_init(n);
        vault_link_init(n);
        *ret = n;
        return 0;
}

struct restoring {
        struct node *n;
        struct mesh_event ev; /* its time is the same for all rows: a clock costs more than some of them */
        struct buf ticket;    /* of a joining that goes on */
        size_t rows;
};

static int restore_row(void *ctx, const struct mesh_row *row) {
        struct restoring *r = ctx;
        r->rows++;
        if (row->kind == MESH_ROW_JOIN) { /* a way back out of a backup is no ticket, and is resolved to nothing */
                buf_clear(&r->ticket);
                buf_add(&r->ticket, row->join.ticket);
        }
        if (row->kind == MESH_ROW_RECORD && row->record.type == RECORD_ALERT)
                writer_expiry(r->n, row->record.expires);
        r->ev.restore = row;
        recorder_event(r->n, &r->ev);
        int e = mesh_step(r->n->core, &r->ev); /* what it has to say to that is heard after START */
        if (e)
                node_fail(r->n, "core", e);
        return e ? 1 : 0;
}

/* What is needed before the first job runs; a reader of its own would only cost memory. */
static int read_settings(struct node *n) {
        struct query_lane_state *lane = &n->queries.lanes[QUERY_QUICK];
        _clean_(buf_fini) struct buf home = BUF_NULL;
        int r = store_reader_open(&lane->reader, n->dir);
        if (r == 0)
                r = store_last_seq(lane->reader, &n->writer.seq);
        if (r)
                return r;
        r = store_get(lane->reader, SETTING_HOME, &home);
        if (r == 0 && home.n == sizeof(uint64_t))
                n->home = get_be64(home.p);
        buf_clear(&home);
        if (store_get(lane->reader, SETTING_BACKUP, &home) == 0 && home.n == sizeof(uint64_t))
                n->backup_at = get_be64(home.p);
        buf_clear(&home);
        if (store_get(lane->reader, SETTING_SALVAGED, &home) == 0 && home.n == sizeof(uint64_t))
                n->salvaged_at = get_be64(home.p);
        buf_clear(&home);
        n->clips.salted = store_get(lane->reader, SETTING_CAMERA_SALT, &home) == 0 && home.n == sizeof(n->clips.salt);
        if (n->clips.salted)
                memcpy(n->clips.salt.b, home.p, home.n);
        buf_clear(&home);
        n->reach.known = store_get(lane->reader, SETTING_NONCES, &home) == 0 && home.n == sizeof(n->reach.nonces);
        if (n->reach.known)
                memcpy(n->reach.nonces, home.p, home.n);
        buf_clear(&home);
        n->vault.joining = store_get(lane->reader, SETTING_JOINING, &home) == 0;
        buf_clear(&home);
        if (store_get(lane->reader, SETTING_MUTES, &home) == 0)
                mutes_decode(&n->mutes, buf_span(&home));
        buf_clear(&home);
        if (store_get(lane->reader, SETTING_PLACES, &home) == 0)
                places_decode(&n->places, buf_span(&home));
        buf_clear(&home);
        buf_clear(&n->clips.kept);
        if (store_get(lane->reader, SETTING_KEPT, &home) == 0)
                buf_add(&n->clips.kept, buf_span(&home));
        buf_clear(&home);
        buf_clear(&n->clips.sources);
        if (store_get(lane->reader, SETTING_SOURCES, &home) == 0)
                buf_add(&n->clips.sources, buf_span(&home));
        buf_clear(&home);
        n->cameras = cameras_none;
        if (store_get(lane->reader, SETTING_ANNOUNCED, &home) == 0)
                announced_decode(&n->announced, buf_span(&home));
        buf_clear(&home);
        if (store_get(lane->reader, SETTING_CAMERAS, &home) == 0)
                cameras_decode(&n->cameras, buf_span(&home));
        buf_clear(&home);
        n->owned = store_get(lane->reader, SETTING_OWNER, &home) == 0 && home.n == sizeof(n->owner);
        if (n->owned)
                n->owner = get_be32(home.p);
        return r == STORE_E_NONE ? 0 : r;
}

/* Of nothing that was read something stays: it is read again. */
static void close_store(struct node *n) {
        struct query_lane_state *lane = &n->queries.lanes[QUERY_QUICK];
        lane->reader = store_reader_close(lane->reader);
        n->writer.store = store_close(n->writer.store);
}

static int try_store(struct node *n) {
        int r = store_open(&n->writer.store, n->dir);
        return r ? r : read_settings(n);
}

static void tell_salvage(struct node *n, const struct store_salvage *s) {
        log_error("%s/%s: %u of its %u pages were damaged. What was whole is kept, with %llu records; %llu of which "
                  "only a part "
                  "was left, and what was on those pages, neighbours bring again. Look whether places, mutes and "
                  "tickets are "
                  "still there. A disk or memory card that does so wears out: replace it soon",
                  n->dir, DIR_DB, s->damaged, s->pages, (unsigned long long)s->records, (unsigned long long)s->dropped);
        if (s->slots_lost)
                log_error("nobody knows any more which of today's slots were used: this device can post again tomorrow "
                          "(UTC)");
}

/* Of a store that is damaged the part that is whole. Only now: behind its walls the daemon can make no new file. */
static int salvage(struct node *n) {
        struct store_salvage found;
        uint8_t when[8];
        close_store(n);
        int r = store_salvage(n->dir, MAX(node_wall(), n->cfg.built), &found);
        if (r == 0)
                r = try_store(n);
        if (r)
                return r;
        tell_salvage(n, &found);
        n->salvaged_at = node_wall();
        n->salvaged = true;
        put_be64(when, n->salvaged_at);
        r = store_set(n->writer.store, SETTING_SALVAGED, SPAN_OF(when));
        return r == STORE_E_FULL ? 0 : r;
}

static int open_store(struct node *n) {
        int r = try_store(n);
        if (r == STORE_E_IO) { /* a sector that the disk does not give back, or a cable that was loose for a moment */
                close_store(n);
                r = try_store(n);
        }
        if (r == STORE_E_DAMAGED || r == STORE_E_IO)
                r = salvage(n);
        if (r == 0) {
                n->opened = true;
                return 0;
        }
        log_error("%s/%s: %s", n->dir, DIR_DB, r > 0 ? store_error_text(r) : err_text(r));
        return r > 0 ? NODE_E_STORE : r;
}

static void relay_tell(struct node *n) {
        node_feed(n, (struct mesh_event){.type = MESH_EV_RELAY, .relay = {.quota = n->relay_quota}});
}

static int restore(struct node *n) {
        struct restoring r = {.n = n,
                              .ev = {.type = MESH_EV_RESTORE, .now = uv_now(n->loop), .wall = node_wall()},
                              .ticket = BUF_NULL};
        recorder_start(n);
        int e = store_restore(n->writer.store, node_time(n), restore_row, &r);
        if (e) {
                log_error("%s/%s: %s", n->dir, DIR_DB, e > 0 ? store_error_text(e) : err_text(e));
                buf_fini(&r.ticket);
                return e > 0 ? NODE_E_STORE : e;
        }
        log_debug("%zu rows from the store", r.rows);
        uv_update_time(n->loop);
        n->started = true;
        if (n->hidden) /* before it calls anybody */
                node_feed(n, (struct mesh_event){.type = MESH_EV_LISTENING, .listening = {.hidden = true}});
        node_feed(n, (struct mesh_event){.type = MESH_EV_START});
        relay_tell(n);
        if (r.ticket.n)
                resolve_ticket(n, buf_span(&r.ticket));
        buf_fini(&r.ticket);
        return 0;
}

int node_start(struct node *n) {
        uv_prepare_start(&n->prepare, on_prepare);
        int r = open_store(n);
        if (r == 0)
                r = clips_prepare(n); /* the vault finds the folder, and puts up its walls around it */
        if (r == 0)
                r = vault_link_start(n); /* it starts while the store is read */
        if (r == 0)
                r = control_bind(n);
        if (r == 0 && !n->shut(n->ctx, &n->walls))
                r = ERR_IO;
        if (r == 0) {
                fetches_look(n);
                clips_start(n);
                force_begin(n); /* beside what follows, over a connection of its own */
                r = restore(n);
        }
        if (r)
                return r;
        fetches_start(n);
        writer_start(n);
        papers_start(n);
        kin_start(n);
        kin_kick(n);
        vault_link_state(n);
        ice_look(n);
        if (n->broken || n->stopping) /* nothing is opened any more */
                return 0;
        r = listen_start(n);
        if (r == 0) {
                nets_start(n);
                lan_look(n);
                reach_look(n, false);
        }
        return r;
}

void node_vault_ready(struct node *n) {
        if (n->ready || n->stopping)
                return;
        if (control_listen(n)) {
                node_fail(n, DIR_CONTROL_SOCK, ERR_IO);
                return;
        }
        n->ready = true;
        n->on_ready(n->ctx);
}

int node_reload(struct node *n, const struct node_config *cfg) {
        struct node_endpoint old[NODE_LISTEN_MAX];
        size_t n_old = n->n_listen;
        memcpy(old, n->listen, sizeof(old));
        memcpy(n->listen, cfg->listen, sizeof(n->listen));
        n->n_listen = cfg->n_listen;
        int r = listen_open_new(n);
        if (r) {
                memcpy(n->listen, old, sizeof(n->listen));
                n->n_listen = n_old;
        } else {
                memcpy(n->advertise, cfg->advertise, sizeof(n->advertise));
                n->n_advertise = cfg->n_advertise;
                n->lan = cfg->lan;
                n->stun = cfg->stun;
                n->reach.mapping = cfg->mapping && !cfg->hidden; /* nobody is to call */
                n->hidden = cfg->hidden;
                n->relay_quota = cfg->relay_quota;
                n->clips.quota = cfg->clips_quota;
                haul_links_limit(n, cfg->clips_uplink);
                fetches_cache(n, cfg->clips_cache);
                n->clips.retention = cfg->clips_retention;
                n->clips.kinds = cfg->clips_kinds;
                n->clips.oldest = cfg->clips_oldest;
                clips_rule_changed(n);
        }
        relay_tell(n);
        listen_settle(n);
        lan_look(n);
        reach_look(n, false);
        ice_look(n);
        return r;
}

/* ---- death ---- */

static void close_all(struct node *n) {
        n->closed = true;
        uv_close((uv_handle_t *)&n->timer, NULL);
        uv_close((uv_handle_t *)&n->stop_timer, NULL);
        uv_close((uv_handle_t *)&n->prepare, NULL);
        uv_close((uv_handle_t *)&n->idle, NULL);
        pool_close(&n->pool);
        conns_close(n);
        haul_links_close(n);
        lan_close(n);
        nets_close(n);
        reach_close(n);
        resolve_close(n);
        fetches_close(n);
        writer_close(n);
        recorder_close(n);
        queries_close(n);
        control_close(n);
        papers_close(n);
        ice_close(n);
        vault_link_close(n);
}

/* The pool's work can't be called back: until it is over nothing it writes to may go. */
static bool threads_idle(const struct node *n) {
        return writer_idle(n) && queries_idle(n) && pool_idle(&n->pool);
}

static void on_stop_timer(uv_timer_t *timer) {
        struct node *n = CONTAINER_OF(timer, struct node, stop_timer);
        bool late = uv_now(n->loop) >= n->stop_by;
        if (late) {
                vault_link_kill(n);
                reach_kill(n);
        }
        bool gone = vault_link_gone(n) && reach_gone(n) && resolve_gone(n);
        if (threads_idle(n) && (late || conns_idle(n)) && gone)
                close_all(n);
}

void node_stop(struct node *n) {
        if (n->stopping)
                return;
        n->stopping = true;
        listen_stop(n);
        lan_stop(n);
        control_stop(n);
        papers_stop(n);
        fetches_stop(n);
        queries_stop(n);
        if (n->started)
                node_feed(n, (struct mesh_event){.type = MESH_EV_STOP});
        conns_stop(n);
        ice_stop(n);
        vault_link_stop(n);
        resolve_stop(n);
        reach_stop(n);
        n->stop_by = uv_now(n->loop) + STOP_TIME;
        uv_timer_start(&n->stop_timer, on_stop_timer, 0, STOP_PERIOD);
}

struct node *node_free(struct node *n) {
        if (!n)
                return NULL;
        pool_fini(&n->pool);
        fetches_fini(n);
        haul_links_fini(n);
        clips_fini(n);
        papers_fini(n);
        kin_fini(n);
        queries_fini(n);
        writer_fini(n);
        recorder_fini(n);
        listen_fini(n);
        free_parts(n);
        return NULL;
}
