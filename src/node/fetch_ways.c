/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which homes a clip is asked of. The devices of its owner and of this home's own household first; only where nothing comes
 * of that for a while, neighbours to whom a link is up anyway: each home that is asked learns that this one has been given
 * the clip. A home that is away, or has nothing, is tried again later and later, for as long as the clip may be here.
 */
#include "node/fetch_inside.h"

#include "base/log.h"
#include "base/text.h"

static struct fetch_way *way_of(struct fetch *f, uint32_t number) {
        for (size_t i = 0; i < f->n_ways; i++)
                if (f->ways[i].number == number && number)
                        return &f->ways[i];
        return NULL;
}

static bool is_current(const struct fetch *f, const struct key *device) {
        const struct roster *r = mesh_roster(f->n->core);
        const struct roster_device *d = r ? roster_device_find(r, device) : NULL;
        return d && d->gone_at == 0 && d->home->member;
}

/* Whether it may have the clip for certain: the owner's homes do, and this one's own may. */
static bool is_near(const struct fetch *f, const struct key *household) {
        struct mesh_status st;
        mesh_status(f->n->core, &st);
        return key_eq(household, &f->household) || key_eq(household, &st.household);
}

/* How much sooner than others it gives its place up; 0: it keeps it. */
static unsigned worn(const struct fetch *f, const struct fetch_way *w, bool near) {
        if (w->waiting || w->number)
                return 0;
        if (!is_current(f, &w->device))
                return 4;
        if (w->bad)
                return 3;
        if (is_near(f, &w->household) || (!near && w->tries < FETCH_TRIES))
                return 0;
        return near ? 1 : uv_now(f->n->loop) - f->swapped_at >= FETCH_SWAP;
}

static struct fetch_way *place_for(struct fetch *f, bool near) {
        struct fetch_way *best = NULL;
        unsigned most = 0;
        if (f->n_ways < HAUL_SOURCES)
                return &f->ways[f->n_ways++];
        for (size_t i = 0; i < f->n_ways; i++) {
                unsigned w = worn(f, &f->ways[i], near);
                if (w <= most && !(best && w == most && f->ways[i].tries > best->tries))
                        continue;
                best = &f->ways[i];
                most = w;
        }
        if (best)
                f->swapped_at = uv_now(f->n->loop);
        return best;
}

/* PROTOCOL 15.41: "A home MUST NOT say SEEK for one clip to more than 8 devices at a time, and not before it was granted that
 * clip." */
static void add_way(struct fetch *f, const struct key *device, const struct key *household) {
        struct mesh_status st;
        mesh_status(f->n->core, &st);
        if (key_eq(&st.device, device) || haul_fetch_banned(f->f, device))
                return;
        for (size_t i = 0; i < f->n_ways; i++)
                if (key_eq(&f->ways[i].device, device))
                        return;
        struct fetch_way *w = place_for(f, is_near(f, household));
        if (w)
                *w = (struct fetch_way){
                        .f = f, .device = *device, .household = *household, .owner = key_eq(household, &f->household)};
}

static void add_household(struct fetch *f, const struct key *household) {
        const struct roster *r = mesh_roster(f->n->core);
        const struct roster_home *home = r ? roster_home_find(r, household) : NULL;
        for (size_t i = 0; home && home->member && i < home->n_devices; i++)
                if (home->devices[i]->gone_at == 0)
                        add_way(f, &home->devices[i]->sign, household);
}

static void add_neighbours(struct fetch *f) {
        struct mesh_peer p;
        for (size_t i = 0; mesh_peer_at(f->n->core, i, &p); i++)
                add_way(f, &p.device, &p.household);
}

/* Where it comes along the rest of the street need not be asked. But where all that were given it wait for one uplink, each
 * has soon what another lacks. Who was not given it learns that this home was given some clip, and not which (PROTOCOL 15.49). */
bool ways_few(const struct haul_look *look, mesh_time quiet) {
        uint64_t left = look->size - look->held_bytes;
        if (look->full)
                return false;
        return quiet >= FETCH_OTHERS_AFTER || (look->rate && left * 1000 / look->rate > FETCH_OTHERS_LONG);
}

static bool stuck(struct fetch *f) {
        struct haul_look look;
        mesh_time now = uv_now(f->n->loop);
        haul_fetch_look(f->f, &look);
        if (look.got != f->moved || look.full) {
                f->moved = look.got;
                f->moved_at = now;
        }
        return ways_few(&look, now - f->moved_at);
}

static void later(struct fetch_way *w) {
        mesh_time wait = (mesh_time)FETCH_AGAIN_FIRST << MIN(w->tries, 10u);
        w->tries++;
        w->number = 0;
        w->next = uv_now(w->f->n->loop) + MIN(wait, (mesh_time)FETCH_AGAIN_MOST);
}

static bool comes(const struct fetch *f) {
        for (size_t i = 0; i < f->n_ways; i++)
                if (f->ways[i].number)
                        return true;
        return false;
}

/* One home may have all of them, and takes no more than that at once (PROTOCOL 15.44). */
_Static_assert(SERVE_WANTS >= FETCH_AT_ONCE * WINDOW_MOST, "an honest home would hang up on this one");

/* Each that comes may have 4 MiB in memory: further ones wait until one is whole, or its sources are gone. */
static bool may_come(const struct fetch *f) {
        unsigned n = 0;
        LIST_EACH (o, &f->n->fetches.all, struct fetch, on)
                n += o != f && comes(o);
        return n < FETCH_AT_ONCE;
}

static void use(struct fetch_way *w, const struct haul_link *l) {
        const struct chunk_link *c = l->of[HAUL_CHUNKS];
        struct haul_event ev = {.type = HAUL_EV_SOURCE};
        bool may = may_come(w->f);
        if (!may)
                w->f->refused_at = uv_now(w->f->n->loop);
        if (!c || !may) { /* no memory for the link; or its turn comes */
                w->tries = c ? 0 : w->tries;
                later(w);
                return;
        }
        w->number = c->number;
        ev.source = c->number;
        ev.up.device = w->device;
        ev.up.lan = l->lan;
        ev.up.owner = w->owner;
        fetch_feed(w->f, ev);
}

static void on_link(struct haul_want *want, enum mesh_outcome o, struct haul_link *l) {
        struct fetch_way *w = CONTAINER_OF(want, struct fetch_way, want);
        w->waiting = false;
        if (o == MESH_OUT_DONE && l && !w->number)
                use(w, l);
        else if (!w->number)
                later(w);
}

static void try(struct fetch_way *w) {
        struct haul_link *l = haul_find(w->f->n, &w->device);
        if (l && l->of[HAUL_CHUNKS]) {
                use(w, l);
                return;
        }
        w->waiting = true;
        w->want = (struct haul_want){.done = on_link};
        haul_connect(w->f->n, &w->device, &w->want);
}

/* What was wanted of it may still come over its link, and when the clip is asked for again over the same link it would be taken for
 * something that nobody asked for: that begins over another. */
static void part_with(struct node *n, uint32_t number) {
        const struct chunk_link *c = give_link(n, number);
        if (c)
                haul_hangup(c->l);
}

/* ---- places among the clips that come ---- */

static bool others_wait(const struct fetch *f) {
        mesh_time now = uv_now(f->n->loop);
        LIST_EACH (o, &f->n->fetches.all, struct fetch, on)
                if (o != f && o->f && !o->ending && o->refused_at && now - o->refused_at < FETCH_PLACE_WAITS &&
                    !comes(o))
                        return true;
        return false;
}

/* What was wanted of a source may still come, and would count as a lie later: its link goes with it. */
static void leave(struct fetch_way *w) {
        uint32_t number = w->number;
        const struct link_request stop = {.number = LINK_STOP, .clip = w->f->id};
        bool owed = haul_fetch_owed(w->f->f, number);
        if (owed)
                part_with(w->f->n, number);
        else
                give_request(w->f->n, number, &stop);
        later(w);
        w->next += FETCH_AGAIN_FIRST; /* after those that wait */
        fetch_feed(w->f, (struct haul_event){.type = HAUL_EV_GONE, .source = number});
}

/* Four clips whose sources have nothing that is missing would else keep all others from coming. */
static void yield_place(struct fetch *f) {
        struct haul_look look;
        mesh_time now = uv_now(f->n->loop);
        haul_fetch_look(f->f, &look);
        if (look.active || look.lists || !comes(f))
                f->worked_at = now;
        if (now - f->worked_at < FETCH_PLACE_IDLE || !others_wait(f))
                return;
        for (size_t i = 0; f->f && i < f->n_ways; i++)
                if (f->ways[i].number)
                        leave(&f->ways[i]);
        f->worked_at = now;
}

void ways_tick(struct fetch *f) {
        struct mesh_status st;
        mesh_time now = uv_now(f->n->loop);
        if (f->n->stopping)
                return;
        mesh_status(f->n->core, &st);
        yield_place(f);
        add_household(f, &f->household);
        add_household(f, &st.household);
        if (stuck(f) && !key_eq(&f->household, &st.household)) /* of its own clips nobody else has to hear */
                add_neighbours(f);
        for (size_t i = 0; f->f && i < f->n_ways; i++) {
                struct fetch_way *w = &f->ways[i];
                if (!w->bad && !w->waiting && !w->number && now >= w->next)
                        try(w);
        }
}

/* It knocks here: so it is there. */
void ways_up(struct fetch *f, const struct haul_link *l) {
        for (size_t i = 0; f->f && i < f->n_ways; i++) {
                struct fetch_way *w = &f->ways[i];
                if (w->bad || w->number || !key_eq(&w->device, &l->device))
                        continue;
                w->tries = 0;
                use(w, l);
        }
}

void ways_down(struct fetch *f, uint32_t number) {
        struct fetch_way *w = way_of(f, number);
        if (!w)
                return;
        fetch_feed(f, (struct haul_event){.type = HAUL_EV_GONE, .source = number});
        w->tries = 0;
        later(w);
}

void ways_drop(struct fetch *f, uint32_t number, enum haul_wrong why) {
        struct fetch_way *w = way_of(f, number);
        _clean_(buf_fini) struct buf device = BUF_NULL, clip = BUF_NULL;
        if (!w)
                return;
        bool lied = why == HAUL_FALSE_LIST || why == HAUL_FALSE_CHUNK || why == HAUL_UNASKED || why == HAUL_BANNED;
        text_hex(&device, span_of(w->device.b, 4));
        text_hex(&clip, span_of(f->id.b, 4));
        if (lied && quiet_may(&f->n->fetches.wrong, uv_now(f->n->loop), WRONG_LINES))
                log_warning("device %s: %s: it is not asked for clip %s again", buf_cstr(&device), haul_wrong_text(why),
                            buf_cstr(&clip));
        else if (!lied)
                log_debug("device %s: clip %s: %s", buf_cstr(&device), buf_cstr(&clip), haul_wrong_text(why));
        if (why == HAUL_SILENT)
                part_with(f->n, number);
        w->bad = lied;
        later(w);
}

/* ---- asking ---- */

static void say_seek(const struct fetch_way *w, const struct hash *name, bool grant) {
        const struct link_request r = {.number = LINK_SEEK, .clip = *name, .grant = grant};
        give_request(w->f->n, w->number, &r);
}

/* PROTOCOL 15.49: "A home MUST NOT say the id, or show its grant, to a device of neither household before that has proved that it
 * has the clip's manifest." */
void ways_seek(struct fetch *f, uint32_t number) {
        struct fetch_way *w = way_of(f, number);
        struct mesh_status st;
        if (!w)
                return;
        mesh_status(f->n->core, &st);
        w->veiled = !w->owner && !key_eq(&w->household, &st.household);
        if (w->veiled)
                haul_veil(&w->veil, &st.mesh, &f->id, f->salt, &st.device, &w->device);
        say_seek(w, w->veiled ? &w->veil : &f->id, !w->veiled);
}

static struct fetch_way *veiled_way(struct node *n, uint32_t number, const struct hash *veil) {
        LIST_EACH (f, &n->fetches.all, struct fetch, on) {
                struct fetch_way *w = way_of(f, number);
                if (w && w->veiled && hash_eq(&w->veil, veil))
                        return w;
        }
        return NULL;
}

bool ways_veiled(struct node *n, uint32_t number, const struct hash *veil, bool knows, struct span proof) {
        struct fetch_way *w = veiled_way(n, number, veil);
        struct mesh_status st;
        struct hash right;
        if (!w)
                return false;
        mesh_status(n->core, &st);
        haul_veil(&right, &st.mesh, &w->f->id, w->f->salt, &w->device, &st.device);
        w->veiled = false;
        if (knows && span_eq(proof, SPAN_OF(right.b))) {
                say_seek(w, &w->f->id, true);
                return true;
        }
        ways_none(w->f, number);
        fetch_feed(w->f, (struct haul_event){.type = HAUL_EV_NONE, .source = number});
        return true;
}

/* A source that says it has nothing may have something later. */
void ways_none(struct fetch *f, uint32_t number) {
        struct fetch_way *w = way_of(f, number);
        if (w)
                later(w);
}

void ways_end(struct fetch *f) {
        for (size_t i = 0; i < f->n_ways; i++) {
                if (f->ways[i].waiting)
                        haul_forget(&f->ways[i].want);
                f->ways[i].waiting = false;
                if (f->ending && f->ways[i].number)
                        part_with(f->n, f->ways[i].number);
                f->ways[i].number = 0;
        }
        f->n_ways = 0;
}
