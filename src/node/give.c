/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links that carry chunks, both ways: what comes over one goes to the fetch it is for, or to haul/serve.h, whose questions to
 * the disk are jobs of the pool. Nothing waits here in numbers: of answers a link holds at most one that found no room, and
 * requests no more than the windows of all fetches.
 */
#include "node/fetch_inside.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "clip/files.h"
#include "haul/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct give_read {
        struct pool_job work;
        struct node *n;
        void *read;
        struct hash clip;
        bool list, ok;
        uint64_t at;
        uint8_t *room;
        size_t bytes;
};

static void run(struct node *n);

struct chunk_link *give_link(const struct node *n, uint32_t number) {
        LIST_EACH (c, &n->fetches.links, struct chunk_link, on) {
                if (c->number == number)
                        return c;
        }
        return NULL;
}

static void step(struct node *n, const struct haul_serve_event *ev) {
        if (haul_serve_step(n->fetches.serve, ev))
                log_error("clips: out of memory for what others ask for");
}

/* ---- requests ---- */

static bool say_request(struct haul_link *l, const struct link_request *r) {
        switch (r->number) {
        case LINK_SEEK:
        case LINK_STOP: {
                struct wire_haul_clip m = {.clip = SPAN_OF(r->clip.b)};
                const struct paper *g = r->grant ? papers_leave(l->n, &r->clip) : NULL;
                if (g)
                        WIRE_PUT(&m, HAUL_CLIP, grant, buf_span(&g->bytes));
                return haul_say(l, (enum wire_link)r->number, &m);
        }
        case LINK_LIST_WANT: {
                const struct wire_haul_from m = {.clip = SPAN_OF(r->clip.b), .from = r->chunk};
                return haul_say(l, LINK_LIST_WANT, &m);
        }
        default: {
                const struct wire_haul_want m = {.clip = SPAN_OF(r->clip.b), .chunk = r->chunk, .n = r->n};
                return haul_say(l, LINK_WANT, &m);
        }
        }
}

void give_request(struct node *n, uint32_t number, const struct link_request *r) {
        struct chunk_link *c = give_link(n, number);
        if (!c || (!c->n && say_request(c->l, r)))
                return;
        if (!c->queue)
                c->queue = calloc(LINK_QUEUE, sizeof(*c->queue));
        if (!c->queue || c->n == LINK_QUEUE) {
                haul_hangup(c->l); /* no memory: it begins again */
                return;
        }
        c->queue[(c->first + c->n++) % LINK_QUEUE] = *r;
}

static void requests_go(struct chunk_link *c) {
        while (c->n && say_request(c->l, &c->queue[c->first])) {
                c->first = (c->first + 1) % LINK_QUEUE;
                c->n--;
        }
}

/* ---- answers ---- */

/* One that found no room is kept, and nothing else is made for that link until it has gone. */
static bool say_answer(struct chunk_link *c, enum wire_link what, const struct hash *clip, uint64_t chunk, uint64_t at,
                       struct span bytes) {
        switch ((int)what) {
        case LINK_HAVE: {
                struct wire_haul_have m = {.clip = SPAN_OF(clip->b)};
                if (bytes.n)
                        WIRE_PUT(&m, HAUL_HAVE, bits, bytes);
                return haul_say(c->l, what, &m);
        }
        case LINK_LIST: {
                const struct wire_haul_list m = {.clip = SPAN_OF(clip->b), .from = chunk, .hashes = bytes};
                return haul_say(c->l, what, &m);
        }
        default: {
                const struct wire_haul_piece m = {.clip = SPAN_OF(clip->b), .chunk = chunk, .at = at, .bytes = bytes};
                return haul_say(c->l, LINK_PIECE, &m);
        }
        }
}

static void room_now(struct chunk_link *c) {
        struct haul_serve_event ev = {.type = SERVE_EV_ROOM, .link = c->number};
        ev.room.bytes = c->waits ? 0 : MAX(haul_room(c->l), (size_t)1);
        ev.room.piece = haul_piece(c->l);
        step(c->l->n, &ev);
}

static void answer(struct node *n, uint32_t number, enum wire_link what, const struct hash *clip, uint64_t chunk,
                   uint64_t at, struct span bytes) {
        struct chunk_link *c = give_link(n, number);
        if (!c)
                return;
        if (!say_answer(c, what, clip, chunk, at, bytes)) {
                c->waits = (uint8_t)what;
                c->clip = *clip;
                c->chunk = chunk;
                c->at = at;
                buf_clear(&c->bytes);
                buf_add(&c->bytes, bytes);
                if (!buf_ok(&c->bytes))
                        haul_hangup(c->l);
        }
        room_now(c);
}

static void answer_goes(struct chunk_link *c) {
        if (c->waits && say_answer(c, (enum wire_link)c->waits, &c->clip, c->chunk, c->at, buf_span(&c->bytes))) {
                c->waits = 0;
                buf_clear(&c->bytes);
        }
        room_now(c);
}

/* ---- the disk ---- */

static void on_pool(struct pool_job *work) {
        struct give_read *r = CONTAINER_OF(work, struct give_read, work);
        char name[CLIP_FILE_NAME_MAX];
        clip_file_name(name, &r->clip, r->list);
        int fd = openat(r->n->clips.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        r->ok = fd >= 0 && pread(fd, r->room, r->bytes, (off_t)r->at) == (ssize_t)r->bytes;
        file_close(&fd);
}

static void read_over(struct node *n, void *read, bool ok) {
        struct haul_serve_event ev = {.type = SERVE_EV_READ};
        ev.read.read = read;
        ev.read.ok = ok;
        step(n, &ev);
}

static void on_read(struct pool_job *work) {
        struct give_read *r = CONTAINER_OF(work, struct give_read, work);
        struct node *n = r->n;
        read_over(n, r->read, r->ok);
        free(r);
        run(n);
}

static void read_begin(struct node *n, const struct haul_serve_action *a) {
        struct give_read *r = malloc(sizeof(*r));
        if (!r || n->clips.fd < 0) {
                free(r);
                read_over(n, a->read.read, false);
                return;
        }
        *r = (struct give_read){.work = {.work = on_pool, .after = on_read, .slow = true},
                                .n = n,
                                .read = a->read.read,
                                .clip = a->clip,
                                .list = a->read.list,
                                .at = a->read.at,
                                .room = a->read.room,
                                .bytes = a->read.n};
        pool_run(&n->pool, &r->work);
}

/* ---- what there is ---- */

/* A clip that was taken in here has its files, whole. */
static bool own_clip(const struct node *n, const struct hash *id, uint64_t *ret_size, uint64_t *ret_chunks) {
        char data[CLIP_FILE_NAME_MAX], list[CLIP_FILE_NAME_MAX];
        struct stat d, l;
        clip_file_name(data, id, false);
        clip_file_name(list, id, true);
        if (n->clips.fd < 0 || fstatat(n->clips.fd, data, &d, AT_SYMLINK_NOFOLLOW) ||
            fstatat(n->clips.fd, list, &l, AT_SYMLINK_NOFOLLOW) || !S_ISREG(d.st_mode) || !S_ISREG(l.st_mode))
                return false;
        uint64_t chunks = (uint64_t)l.st_size / sizeof(struct hash);
        if (!chunks || chunks > CHUNKS_MAX || (uint64_t)d.st_size < chunks * CHUNK_TAG)
                return false;
        *ret_chunks = chunks;
        *ret_size = (uint64_t)d.st_size - chunks * CHUNK_TAG;
        return chunk_count(*ret_size) == chunks;
}

static void all_bits(struct buf *out, uint64_t chunks) {
        size_t bytes = bits_bytes(chunks);
        uint8_t *bits = buf_room(out, bytes);
        if (!bits)
                return;
        memset(bits, 0, bytes);
        buf_used(out, bytes);
        for (uint64_t i = 0; i < chunks; i++)
                bits_set(bits, i);
}

static void tell_known(struct node *n, const struct hash *id) {
        _clean_(buf_fini) struct buf bits = BUF_NULL;
        struct haul_serve_event ev = {.type = SERVE_EV_KNOWN, .clip = *id};
        const struct fetch *f = fetch_find(n, id);
        uint64_t size = 0, chunks = 0;
        if (f && fetch_gives(f)) {
                size = f->clip.size;
                chunks = f->clip.chunks;
        } else if (!f && !fetch_going(n, id)) { /* what is going has files for a while */
                own_clip(n, id, &size, &chunks);
        }
        if (chunks && f && f->f && f->disk.list_there)
                buf_add(&bits, haul_fetch_bits(f->f));
        else if (chunks && !(f && f->f))
                all_bits(&bits, chunks);
        ev.known.size = size;
        ev.known.chunks = buf_ok(&bits) && bits.n ? chunks : 0;
        ev.known.have = buf_span(&bits);
        step(n, &ev);
}

void give_grown(struct node *n, const struct fetch *f) {
        tell_known(n, &f->id);
        run(n);
}

/* ---- what is to be done ---- */

static void hangup(struct node *n, uint32_t number, enum haul_serve_wrong why) {
        struct chunk_link *c = give_link(n, number);
        _clean_(buf_fini) struct buf device = BUF_NULL;
        if (!c)
                return;
        text_hex(&device, span_of(c->l->device.b, 4));
        if (quiet_may(&n->fetches.wrong, uv_now(n->loop), WRONG_LINES))
                log_warning("device %s: %s: hanging up", buf_cstr(&device), haul_serve_wrong_text(why));
        haul_hangup(c->l);
}

static void act(struct node *n, const struct haul_serve_action *a) {
        switch (a->type) {
        case SERVE_DO_LOOK:
                tell_known(n, &a->clip);
                return;
        case SERVE_DO_READ:
                read_begin(n, a);
                return;
        case SERVE_DO_HAVE:
                answer(n, a->link, LINK_HAVE, &a->clip, 0, 0, a->have);
                return;
        case SERVE_DO_NONE:
                answer(n, a->link, LINK_HAVE, &a->clip, 0, 0, SPAN_NONE);
                return;
        case SERVE_DO_SHOW:
                answer(n, a->link, LINK_HAVE, &a->clip, 0, 0, SPAN_OF(a->proof.b));
                return;
        case SERVE_DO_LIST:
                answer(n, a->link, LINK_LIST, &a->clip, a->list.from, 0, a->list.hashes);
                return;
        case SERVE_DO_PIECE:
                answer(n, a->link, LINK_PIECE, &a->clip, a->piece.chunk, a->piece.at, a->piece.bytes);
                return;
        case SERVE_DO_HANGUP:
                hangup(n, a->link, a->why);
                return;
        }
}

static void run(struct node *n) {
        struct haul_serve_action a;
        if (n->fetches.giving)
                return; /* further up */
        n->fetches.giving = true;
        while (haul_serve_next(n->fetches.serve, &a))
                act(n, &a);
        n->fetches.giving = false;
}

void give_taken_back(struct node *n, const struct key *household, const struct hash *clip) {
        LIST_EACH (c, &n->fetches.links, struct chunk_link, on)
                if (key_eq(&c->l->household, household))
                        step(n, &(struct haul_serve_event){.type = SERVE_EV_STOP, .link = c->number, .clip = *clip});
        run(n);
}

/* Of this owner's clips alone: nobody is to be able to end what others carry. */
static void stop_clips(struct node *n, const struct chunk_link *c, const struct key *owner) {
        LIST_EACH (f, &n->fetches.all, struct fetch, on)
                if (key_eq(&f->household, owner))
                        step(n, &(struct haul_serve_event){.type = SERVE_EV_STOP, .link = c->number, .clip = f->id});
}

void give_anew(struct node *n, const struct key *owner) {
        struct mesh_status st;
        mesh_status(n->core, &st);
        bool own = key_eq(owner, &st.household); /* which clips were taken in here only the disk knows */
        LIST_EACH (c, &n->fetches.links, struct chunk_link, on) {
                if (key_eq(&c->l->household, owner) || key_eq(&c->l->household, &st.household))
                        continue;
                if (own)
                        haul_hangup(c->l);
                else
                        stop_clips(n, c, owner);
        }
        run(n);
}

/* ---- links ---- */

static void on_up(struct haul_link *l) {
        struct node *n = l->n;
        struct chunk_link *c = calloc(1, sizeof(*c));
        if (!c) {
                haul_hangup(l); /* who asks over it would be heard by nobody, and keep it up by asking again */
                return;
        }
        c->l = l;
        c->number = ++n->fetches.last_link;
        list_push(&n->fetches.links, &c->on);
        l->of[HAUL_CHUNKS] = c;
        step(n, &(struct haul_serve_event){.type = SERVE_EV_LINK, .link = c->number});
        room_now(c);
        LIST_EACH (f, &n->fetches.all, struct fetch, on)
                ways_up(f, l);
}

static void link_free(struct chunk_link *c) {
        c->l->of[HAUL_CHUNKS] = NULL; /* at the end of the node the link goes after this */
        list_drop(&c->on);
        buf_fini(&c->bytes);
        free(c->queue);
        free(c);
}

static void on_down(struct haul_link *l) {
        struct node *n = l->n;
        struct chunk_link *c = TAKE(l->of[HAUL_CHUNKS]);
        if (!c)
                return;
        uint32_t number = c->number;
        link_free(c);
        step(n, &(struct haul_serve_event){.type = SERVE_EV_GONE, .link = number});
        LIST_EACH (f, &n->fetches.all, struct fetch, on)
                ways_down(f, number);
        run(n);
}

static void on_room(struct haul_link *l) {
        struct chunk_link *c = l->of[HAUL_CHUNKS];
        if (!c)
                return;
        requests_go(c);
        answer_goes(c);
        run(l->n);
}

/* ---- messages ---- */

static struct hash clip_of(struct span bytes) {
        struct hash id;
        memcpy(id.b, bytes.p, sizeof(id));
        return id;
}

static void asked(struct node *n, struct chunk_link *c, enum haul_serve_event_type what, struct span clip,
                  uint64_t from, const struct wire_haul_want *w) {
        struct haul_serve_event ev = {.type = what, .link = c->number, .clip = clip_of(clip), .from = from};
        if (w) {
                ev.want.chunk = w->chunk;
                ev.want.at = (uint32_t)w->at;
                ev.want.n = (uint32_t)w->n;
        }
        step(n, &ev);
        run(n);
}

static void sought(struct node *n, struct chunk_link *c, const struct wire_haul_clip *m) {
        struct haul_serve_event ev = {.type = SERVE_EV_SEEK, .link = c->number, .clip = clip_of(m->clip)};
        if (!quiet_may(&c->seeks, uv_now(n->loop), SEEKS_MOST)) {
                hangup(n, c->number, SERVE_TOO_MANY);
                return;
        }
        ev.seek.leave = leave_of(n, c->l, m, &ev.seek.proof);
        step(n, &ev);
        run(n);
}

static void told(struct node *n, const struct chunk_link *c, struct span clip, struct haul_event ev) {
        struct hash id = clip_of(clip);
        struct fetch *f = fetch_find(n, &id);
        if (!f)
                return;
        ev.source = c->number;
        if (ev.type == HAUL_EV_NONE)
                ways_none(f, c->number);
        fetch_feed(f, ev);
}

static void on_have(struct node *n, const struct chunk_link *c, const struct wire_haul_have *m) {
        struct haul_event ev = {.type = HAUL_EV_NONE};
        struct hash asked = clip_of(m->clip);
        bool has = WIRE_HAS(m, HAUL_HAVE, bits);
        if (ways_veiled(n, c->number, &asked, has, has ? m->bits : SPAN_NONE))
                return;
        if (has) {
                ev.type = HAUL_EV_HAVE;
                ev.have = m->bits;
        }
        told(n, c, m->clip, ev);
}

static void on_list(struct node *n, const struct chunk_link *c, const struct wire_haul_list *m) {
        struct haul_event ev = {.type = HAUL_EV_LIST};
        ev.list.from = m->from;
        ev.list.hashes = m->hashes;
        told(n, c, m->clip, ev);
}

static void on_piece(struct node *n, const struct chunk_link *c, const struct wire_haul_piece *m) {
        struct haul_event ev = {.type = HAUL_EV_PIECE};
        ev.piece.chunk = m->chunk;
        ev.piece.at = (uint32_t)m->at;
        ev.piece.bytes = m->bytes;
        told(n, c, m->clip, ev);
}

static void on_message(struct haul_link *l, enum wire_link number, const void *msg) {
        struct chunk_link *c = l->of[HAUL_CHUNKS];
        const struct wire_haul_clip *clip = msg;
        const struct wire_haul_from *from = msg;
        const struct wire_haul_want *want = msg;
        if (!c)
                return;
        switch ((int)number) {
        case LINK_SEEK:
                sought(l->n, c, clip);
                return;
        case LINK_STOP:
                asked(l->n, c, SERVE_EV_STOP, clip->clip, 0, NULL);
                return;
        case LINK_LIST_WANT:
                asked(l->n, c, SERVE_EV_LIST_WANT, from->clip, from->from, NULL);
                return;
        case LINK_WANT:
                asked(l->n, c, SERVE_EV_WANT, want->clip, 0, want);
                return;
        case LINK_HAVE:
                on_have(l->n, c, msg);
                return;
        case LINK_LIST:
                on_list(l->n, c, msg);
                return;
        case LINK_PIECE:
                on_piece(l->n, c, msg);
                return;
        }
}

static const struct haul_ops ops = {.on_up = on_up, .on_down = on_down, .on_message = on_message, .on_room = on_room};

void give_init(struct node *n) {
        haul_use(n, HAUL_CHUNKS, &ops);
}

void give_fini(struct node *n) {
        LIST_EACH (c, &n->fetches.links, struct chunk_link, on)
                link_free(c);
}
