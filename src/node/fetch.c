/* SPDX-License-Identifier: Apache-2.0 */
/* Which clips of others are here or on their way, and what the fetch of each wants done (node/fetch.h). */
#include "node/fetch_inside.h"

#include "base/log.h"
#include "base/text.h"
#include "clip/files.h"
#include "node/caller.h"
#include "node/rows.h"

#include <sodium.h>
#include <stdlib.h>
#include <strings.h>

#define IDLE_TICK 60000 /* ms between looks at clips that are whole: whether their time is over */

struct fetch *fetch_find(const struct node *n, const struct hash *clip) {
        LIST_EACH (f, &n->fetches.all, struct fetch, on) {
                if (!f->ending && hash_eq(&f->id, clip))
                        return f;
        }
        return NULL;
}

bool fetch_gives(const struct fetch *f) {
        return f->given && !f->ending && (f->whole || f->f);
}

bool fetch_known(const struct node *n, const struct hash *clip) {
        return fetch_find(n, clip) != NULL;
}

bool fetch_gone(const struct node *n, const struct hash *clip) {
        return !fetch_find(n, clip) && !fetch_going(n, clip) && disk_gone(n, clip);
}

bool fetch_whole(const struct node *n, const struct hash *clip) {
        const struct fetch *f = fetch_find(n, clip);
        return f && f->whole;
}

mesh_wall fetch_until(const struct node *n, const struct hash *clip) {
        const struct fetch *f = fetch_find(n, clip);
        return f ? f->until : 0;
}

void fetch_watch(struct node *n, void (*on_whole)(struct node *n, const struct hash *clip)) {
        n->fetches.on_whole = on_whole;
}

void fetch_news(struct fetch *f) {
        control_fetch_news(f->n, &f->id);
}

/* ---- what a fetch wants done ---- */

static void keep_write(struct fetch_disk *d, const struct haul_action *a) {
        unsigned next = !d->now;
        if (CHECK_FAILS(d->n_writes[next] < READY_MOST))
                return;
        d->writes[next][d->n_writes[next]++] = (struct fetch_write){.chunk = a->write.chunk, .bytes = a->write.bytes};
}

void fetch_became_whole(struct fetch *f) {
        struct hash id = f->id;
        struct node *n = f->n;
        _clean_(buf_fini) struct buf hex = BUF_NULL;
        text_hex(&hex, span_of(id.b, 4));
        log_info("clip %s: all of it has come", buf_cstr(&hex));
        f->whole = true;
        f->reads = f->clip.chunks;
        f->f = haul_fetch_free(f->f);
        disk_close(f);
        ways_end(f);
        give_grown(n, f);
        fetch_news(f);
        if (n->fetches.on_whole)
                n->fetches.on_whole(n, &id);
}

static void act(struct fetch *f, const struct haul_action *a) {
        struct fetch_disk *d = &f->disk;
        struct link_request r = {.number = LINK_STOP, .clip = f->id};
        switch (a->type) {
        case HAUL_DO_SEEK:
                ways_seek(f, a->source);
                return;
        case HAUL_DO_LIST_WANT:
                r.number = LINK_LIST_WANT;
                give_request(f->n, a->source, &r);
                return;
        case HAUL_DO_WANT:
                r = (struct link_request){.number = LINK_WANT, .clip = f->id, .chunk = a->want.chunk, .n = a->want.n};
                give_request(f->n, a->source, &r);
                return;
        case HAUL_DO_STOP:
                give_request(f->n, a->source, &r);
                return;
        case HAUL_DO_DROP:
                ways_drop(f, a->source, a->why);
                return;
        case HAUL_DO_LIST:
                d->list = a->list;
                d->list_due = true;
                return;
        case HAUL_DO_WRITE:
                keep_write(d, a);
                return;
        case HAUL_DO_SAVE:
                d->have = a->have;
                d->save_due = true;
                return;
        case HAUL_DO_DONE:
                return; /* fetch_drive looks for itself */
        }
}

/* The chunks from the first on that can be read. */
static void count_reads(struct fetch *f) {
        while (haul_fetch_holds(f->f, f->reads))
                f->reads++;
}

void fetch_drive(struct fetch *f) {
        struct haul_action a;
        while (f->f && haul_fetch_next(f->f, &a)) {
                act(f, &a);
                if (a.type == HAUL_DO_DONE) {
                        disk_finish(f);
                        return;
                }
        }
        if (f->f)
                count_reads(f);
        disk_kick(f);
}

void fetch_feed(struct fetch *f, struct haul_event ev) {
        if (!f->f)
                return;
        ev.now = uv_now(f->n->loop);
        if (haul_fetch_step(f->f, &ev))
                log_error("clips: out of memory; what came is fetched again");
        fetch_drive(f);
}

/* ---- life ---- */

static void on_tick(uv_timer_t *timer);

static void wake(struct node *n) {
        if (!n->stopping)
                uv_timer_start(&n->fetches.timer, on_tick, 0, TICK);
}

/* One that was ended stays until its files are gone: a disk may refuse that for a while. */
void fetch_free(struct fetch *f) {
        struct node *n = f->n;
        ways_end(f);
        f->f = haul_fetch_free(f->f);
        disk_close(f);
        buf_fini(&f->disk.kept_list);
        buf_fini(&f->disk.kept_have);
        buf_fini(&f->manifest);
        list_drop(&f->on);
        n->fetches.n--;
        free(f);
}

/* Others get what of it fits clips.cache, the clips in the order in which they came, and always what is this household's own. */
static void share_out(struct node *n) {
        uint64_t room = n->fetches.cache;
        struct mesh_status st;
        mesh_status(n->core, &st);
        LIST_EACH (f, &n->fetches.all, struct fetch, on) {
                uint64_t bytes = f->clip.size + f->clip.chunks * CHUNK_TAG;
                bool own = key_eq(&f->household, &st.household), given = own || bytes <= room;
                room -= given && !own ? bytes : 0;
                if (given == f->given)
                        continue;
                f->given = given;
                give_grown(n, f);
        }
}

void fetches_cache(struct node *n, uint64_t bytes) {
        n->fetches.cache = bytes;
        share_out(n);
}

/* NULL: it is no manifest, or there is no memory. */
static struct fetch *fetch_new(struct node *n, const struct hash *clip, struct span manifest, mesh_wall until) {
        struct wire_manifest w;
        if (codec_decode(&wire_manifest_desc, manifest, &w, NULL) || chunk_count(w.size) != w.chunks)
                return NULL;
        struct fetch *f = calloc(1, sizeof(*f));
        if (!f)
                return NULL;
        buf_add(&f->manifest, manifest);
        if (!buf_ok(&f->manifest)) {
                free(f);
                return NULL;
        }
        f->n = n;
        f->id = *clip;
        f->until = until;
        f->clip.size = w.size;
        f->clip.chunks = w.chunks;
        f->disk.data = -1;
        memcpy(f->clip.hashes.b, w.hashes.p, sizeof(f->clip.hashes));
        memcpy(f->household.b, w.household.p, sizeof(f->household));
        memcpy(f->salt, w.salt.p, sizeof(f->salt));
        list_push(&n->fetches.all, &f->on);
        n->fetches.n++;
        return f;
}

static bool own_device(const struct node *n, struct span manifest) {
        struct wire_manifest w;
        struct mesh_status st;
        mesh_status(n->core, &st);
        return !codec_decode(&wire_manifest_desc, manifest, &w, NULL) && span_eq(w.device, SPAN_OF(st.device.b));
}

bool fetch_going(const struct node *n, const struct hash *clip) {
        LIST_EACH (f, &n->fetches.all, struct fetch, on) {
                if (f->ending && hash_eq(&f->id, clip))
                        return true;
        }
        return false;
}

int fetch_begin(struct node *n, const struct hash *clip, struct span manifest, mesh_wall until) {
        struct fetch *f = fetch_find(n, clip);
        if (own_device(n, manifest))
                return 0; /* it was taken in here */
        if (fetch_going(n, clip) || n->clips.fd < 0)
                return ERR_IO;
        if (f) {
                f->known &= f->until == until;
                f->until = until;
                f->disk.prepare |= !f->known && !f->disk.busy && !f->f && !f->whole;
                wake(n);
                return 0;
        }
        if (n->fetches.n >= FETCHES_MOST)
                return ERR_FULL;
        f = fetch_new(n, clip, manifest, until);
        if (!f)
                return ERR_BROKEN;
        f->disk.prepare = true;
        share_out(n);
        wake(n);
        return 0;
}

void fetch_end(struct node *n, const struct hash *clip) {
        struct fetch *f = fetch_find(n, clip);
        if (!f)
                return;
        f->ending = true;
        fetch_news(f);
        give_grown(n, f);
        ways_end(f);
        disk_away(f);
        share_out(n);
        if (!uv_is_active((uv_handle_t *)&n->fetches.timer))
                wake(n);
}

/* What was kept is taken up again. */
void fetch_prepared(struct fetch *f) {
        uint8_t seed[32];
        struct fetch_disk *d = &f->disk;
        if (!f->known) { /* the disk is full, or worse: later */
                d->prepare = true;
                return;
        }
        randombytes_buf(seed, sizeof(seed));
        int r = haul_fetch_new(&f->f, &f->clip, seed, buf_span(&d->kept_list), buf_span(&d->kept_have));
        buf_fini(&d->kept_list);
        buf_fini(&d->kept_have);
        if (r) {
                d->prepare = true;
                f->room_at = uv_now(f->n->loop) + FETCH_ROOM_MS;
                return;
        }
        f->reads = 0;
        f->reader = HAUL_NOBODY;
        f->moved_at = uv_now(f->n->loop);
        fetch_drive(f);
        if (f->f)
                ways_tick(f);
}

/* ---- time ---- */

static void look_for_room(struct fetch *f) {
        if (!f->room_at || uv_now(f->n->loop) < f->room_at)
                return;
        f->room_at = 0;
        if (!disk_has_room(f->n, IN_FLIGHT * CHUNK_CIPHER)) {
                f->room_at = uv_now(f->n->loop) + FETCH_ROOM_MS;
                return;
        }
        fetch_feed(f, (struct haul_event){.type = HAUL_EV_ROOM});
}

static void tick(struct fetch *f) {
        look_for_room(f);
        if (f->f) {
                fetch_feed(f, (struct haul_event){.type = HAUL_EV_TICK});
                if (f->f)
                        ways_tick(f);
        } else {
                disk_kick(f);
        }
        fetch_news(f);
}

static void on_tick(uv_timer_t *timer) {
        struct fetches *k = CONTAINER_OF(timer, struct fetches, timer);
        struct node *n = CONTAINER_OF(k, struct node, fetches);
        mesh_time next = IDLE_TICK;
        mesh_wall now = node_time(n);
        LIST_EACH (f, &k->all, struct fetch, on) {
                struct hash id = f->id;
                if (!f->ending && f->until <= now)
                        fetch_end(n, &id);
                else if (f->ending)
                        disk_away(f);
                else if (!f->whole && !f->ending)
                        tick(f);
        }
        LIST_EACH (f, &k->all, struct fetch, on)
                next = f->whole && !f->ending ? MIN(next, (f->until - now) * 1000) : TICK;
        uv_timer_start(timer, on_tick, MAX(next, (mesh_time)TICK), TICK);
        if (list_empty(&k->all))
                uv_timer_stop(timer);
}

void fetches_init(struct node *n) {
        list_init(&n->fetches.all);
        list_init(&n->fetches.links);
        give_init(n);
        uv_timer_init(n->loop, &n->fetches.timer);
}

static void found(struct node *n, const struct hash *id, struct span manifest, mesh_wall until) {
        struct fetch *f = n->fetches.n < FETCHES_MOST ? fetch_new(n, id, manifest, until) : NULL;
        if (!f) {
                log_warning("clips: one that was fetched is not taken up again");
                return;
        }
        f->known = true;
        f->whole = disk_whole(n, id, &f->clip);
        f->disk.prepare = !f->whole;
        f->reads = f->whole ? f->clip.chunks : 0;
}

void fetches_look(struct node *n) {
        if (n->clips.fd >= 0)
                disk_look(n, found);
        share_out(n);
}

void fetches_start(struct node *n) {
        LIST_EACH (f, &n->fetches.all, struct fetch, on) {
                struct hash id = f->id;
                if (f->whole && n->fetches.on_whole)
                        n->fetches.on_whole(n, &id);
        }
        if (!list_empty(&n->fetches.all))
                wake(n);
}

void fetches_stop(struct node *n) {
        uv_timer_stop(&n->fetches.timer);
}

void fetches_close(struct node *n) {
        uv_close((uv_handle_t *)&n->fetches.timer, NULL);
}

void fetches_fini(struct node *n) {
        LIST_EACH (f, &n->fetches.all, struct fetch, on) {
                f->ending = false; /* a start goes on */
                fetch_free(f);
        }
        give_fini(n);
}

/* ---- looking in ---- */

static const struct fetch_way *a_way(const struct fetch *f) {
        for (size_t i = 0; i < f->n_ways; i++)
                if (f->ways[i].number)
                        return &f->ways[i];
        return NULL;
}

static enum wire_e_fetching state_of(const struct fetch *f, const struct haul_look *look) {
        if (f->ending)
                return FETCHING_OVER;
        if (f->whole)
                return FETCHING_WHOLE;
        if (look->full || f->room_at)
                return FETCHING_NO_ROOM;
        return look->sources && a_way(f) ? FETCHING_COMES : FETCHING_WAITS;
}

static bool of_kin(const struct fetch *f, struct wire_manifest *ret) {
        return codec_decode(&wire_manifest_desc, buf_span(&f->manifest), ret, NULL) == 0 && kin_is(f->n, ret);
}

/* Of an own clip the device that took it in: that is what is waited for. */
static const char *whose(struct fetch *f) {
        struct wire_manifest w;
        return of_kin(f, &w) ? kin_device(f->n, &w, f->name) : rows_household(f->n, &f->household, f->name);
}

static void describe(struct fetch *f, struct wire_c_fetched *ret) {
        struct haul_look look = {.chunks = f->clip.chunks, .size = f->clip.size};
        struct wire_manifest w;
        if (f->f)
                haul_fetch_look(f->f, &look);
        uint64_t held = f->whole ? f->clip.chunks : look.held, bytes = f->whole ? f->clip.size : look.held_bytes;
        *ret = (struct wire_c_fetched){.v = 1,
                                       .clip = SPAN_OF(f->id.b),
                                       .state = state_of(f, &look),
                                       .size = f->clip.size,
                                       .bytes = bytes,
                                       .chunks = f->clip.chunks,
                                       .held = held,
                                       .reads = f->reads,
                                       .sources = look.sources,
                                       .rate = look.rate,
                                       .household_id = SPAN_OF(f->household.b),
                                       .household = span_str(whose(f)),
                                       .until = f->until};
        if (of_kin(f, &w))
                WIRE_PUT(ret, C_FETCHED, own, true);
        if (look.rate && !f->whole)
                WIRE_PUT(ret, C_FETCHED, left, (f->clip.size - bytes) / look.rate + 1);
}

bool fetch_at(const struct node *n, size_t i, struct wire_c_fetched *ret) {
        LIST_EACH (f, &n->fetches.all, struct fetch, on) {
                if (i-- > 0)
                        continue;
                describe(f, ret);
                return true;
        }
        return false;
}

bool fetch_named(const struct node *n, struct span hex, struct wire_c_fetched *ret, bool *ret_many) {
        struct fetch *only = NULL;
        *ret_many = false;
        LIST_EACH (f, &n->fetches.all, struct fetch, on) {
                _clean_(buf_fini) struct buf id = BUF_NULL;
                text_hex(&id, SPAN_OF(f->id.b));
                if (hex.n > id.n || strncasecmp((const char *)id.p, (const char *)hex.p, hex.n) != 0)
                        continue;
                *ret_many |= only != NULL;
                only = f;
        }
        if (!only || *ret_many)
                return false;
        describe(only, ret);
        return true;
}

void fetch_reader(struct node *n, const struct hash *clip, bool reads) {
        struct fetch *f = fetch_find(n, clip);
        uint64_t reader = f && reads ? f->reads : HAUL_NOBODY;
        if (!f || !f->f || f->reader == reader)
                return;
        f->reader = reader;
        fetch_feed(f, (struct haul_event){.type = HAUL_EV_READER, .reader = reader});
}
