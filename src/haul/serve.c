/* SPDX-License-Identifier: Apache-2.0 */
#include "haul/serve.h"

#include "haul/limits.h"
#include "haul/parts.h"

#include <stdlib.h>

/* A clip that somebody has asked after. */
struct served {
        struct hash id;
        unsigned users; /* homes; 0: a free place */
        bool looking, known;
        uint64_t size, chunks;
        uint8_t *have; /* NULL: all of it */
};

/* What a home wants, of one clip. */
struct serve_want {
        struct served *clip;
        bool list;
        uint64_t chunk; /* of a list: the first hash */
        uint32_t at, n; /* bytes of the chunk; of a list hashes */
};

/* A want on its way through the disk. */
struct serve_read {
        struct serve_link *link; /* NULL: it has gone, or wants it no more */
        struct serve_want want;
        bool asked, there;
        uint32_t gone; /* bytes or hashes that went to the home */
        uint8_t room[];
};

/* A short answer that waits for room. */
struct serve_word {
        struct hash clip, proof;
        bool shows; /* SHOW; else NONE */
};

struct serve_link {
        bool on;
        uint32_t number;
        struct {
                struct served *clip; /* NULL: a free place */
                bool due;            /* it is to be told what there is */
                uint64_t used;       /* when it last wanted anything of it */
        } clips[SERVE_CLIPS];
        struct serve_want wants[SERVE_WANTS];
        size_t first, n;
        struct serve_read *ahead[SERVE_AHEAD]; /* in the order they are to go out */
        size_t n_ahead;
        struct serve_word words[SERVE_CLIPS];
        size_t n_words;
        size_t room, piece;
        enum haul_serve_wrong wrong;
};

struct haul_serve {
        struct serve_link links[SERVE_LINKS];
        struct served clips[SERVE_LINKS * SERVE_CLIPS];
        size_t turn;  /* whose */
        size_t reads; /* asked of the shell */
        size_t buffers;
        uint64_t uses, given;
        struct serve_read *spent; /* what the last action pointed to */
        struct serve_read *spare[SPARE_MOST];
        size_t n_spare;
};

const char *haul_serve_wrong_text(enum haul_serve_wrong why) {
        switch (why) {
        case SERVE_TOO_MANY:
                return "it wants more at once than it may";
        case SERVE_BEYOND:
                return "it wants a part of a clip that it was not told of";
        }
        return "";
}

int haul_serve_new(struct haul_serve **ret) {
        struct haul_serve *s = calloc(1, sizeof(*s));
        if (!s)
                return ERR_NOMEM;
        *ret = s;
        return 0;
}

/* ---- reads ---- */

static struct serve_read *read_new(struct haul_serve *s) {
        if (s->n_spare)
                return s->spare[--s->n_spare];
        struct serve_read *r = malloc(sizeof(*r) + CHUNK_CIPHER);
        s->buffers += r != NULL;
        return r;
}

/* The last one in use takes the spare ones along: who gives nothing out needs no memory for it. */
static struct serve_read *read_free(struct haul_serve *s, struct serve_read *r) {
        if (!r)
                return NULL;
        if (s->n_spare < SPARE_MOST && s->buffers > s->n_spare + 1) {
                s->spare[s->n_spare++] = r;
                return NULL;
        }
        s->buffers--;
        free(r);
        while (s->n_spare && s->buffers == s->n_spare) {
                s->buffers--;
                free(s->spare[--s->n_spare]);
        }
        return NULL;
}

/* The shell may still write into it. */
static void read_leave(struct haul_serve *s, struct serve_read *r) {
        r->link = NULL;
        if (!r->asked)
                read_free(s, r);
}

/* ---- clips ---- */

static struct served *served_find(struct haul_serve *s, const struct hash *id) {
        for (size_t i = 0; i < ARRAY_LEN(s->clips); i++)
                if (s->clips[i].users && hash_eq(&s->clips[i].id, id))
                        return &s->clips[i];
        return NULL;
}

static struct served *served_new(struct haul_serve *s, const struct hash *id) {
        for (size_t i = 0; i < ARRAY_LEN(s->clips); i++) {
                if (s->clips[i].users)
                        continue;
                s->clips[i] = (struct served){.id = *id, .looking = true};
                return &s->clips[i];
        }
        return NULL;
}

static void served_drop(struct served *c) {
        if (--c->users == 0)
                free(TAKE(c->have));
}

static int link_place(const struct serve_link *l, const struct served *c) {
        for (int i = 0; i < SERVE_CLIPS; i++)
                if (l->clips[i].clip == c)
                        return i;
        return -1;
}

static bool link_wants(const struct serve_link *l, const struct served *c) {
        for (size_t i = 0; i < l->n; i++)
                if (l->wants[(l->first + i) % SERVE_WANTS].clip == c)
                        return true;
        for (size_t i = 0; i < l->n_ahead; i++)
                if (l->ahead[i]->want.clip == c)
                        return true;
        return false;
}

/* ---- links ---- */

static struct serve_link *link_of(struct haul_serve *s, uint32_t number) {
        for (size_t i = 0; i < SERVE_LINKS; i++)
                if (s->links[i].on && s->links[i].number == number)
                        return &s->links[i];
        return NULL;
}

static void forget_ahead(struct haul_serve *s, struct serve_link *l, const struct served *c) {
        size_t kept = 0;
        for (size_t i = 0; i < l->n_ahead; i++) {
                if (!c || l->ahead[i]->want.clip == c)
                        read_leave(s, l->ahead[i]);
                else
                        l->ahead[kept++] = l->ahead[i];
        }
        l->n_ahead = kept;
}

static void forget_wants(struct haul_serve *s, struct serve_link *l, const struct served *c) {
        size_t kept = 0;
        for (size_t i = 0; i < l->n; i++) {
                struct serve_want w = l->wants[(l->first + i) % SERVE_WANTS];
                if (w.clip != c)
                        l->wants[(l->first + kept++) % SERVE_WANTS] = w;
        }
        l->n = kept;
        forget_ahead(s, l, c);
}

static void leave_clip(struct haul_serve *s, struct serve_link *l, int place) {
        struct served *c = TAKE(l->clips[place].clip);
        forget_wants(s, l, c);
        served_drop(c);
}

static void link_end(struct haul_serve *s, struct serve_link *l) {
        for (int i = 0; i < SERVE_CLIPS; i++)
                if (l->clips[i].clip)
                        leave_clip(s, l, i);
        *l = (struct serve_link){.on = false};
}

struct haul_serve *haul_serve_free(struct haul_serve *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < SERVE_LINKS; i++)
                if (s->links[i].on)
                        link_end(s, &s->links[i]);
        read_free(s, s->spent);
        REQUIRE(s->reads == 0);
        free(s);
        return NULL;
}

/* ---- events ---- */

static void say_word(struct serve_link *l, const struct hash *clip, const struct hash *proof) {
        for (size_t i = 0; i < l->n_words; i++)
                if (hash_eq(&l->words[i].clip, clip))
                        return; /* what it hears about it is the same */
        if (l->n_words == ARRAY_LEN(l->words)) {
                l->wrong = SERVE_TOO_MANY;
                return;
        }
        l->words[l->n_words++] = (struct serve_word){
                .clip = *clip, .proof = proof ? *proof : (struct hash){{0}}, .shows = proof != NULL};
}

static void say_none(struct serve_link *l, const struct hash *clip) {
        say_word(l, clip, NULL);
}

/* A place for one more clip of this home: a free one, or that of the clip it has wanted nothing of for longest. */
static int place_for(struct haul_serve *s, struct serve_link *l) {
        int best = -1;
        for (int i = 0; i < SERVE_CLIPS; i++) {
                if (!l->clips[i].clip)
                        return i;
                if (!link_wants(l, l->clips[i].clip) && (best < 0 || l->clips[i].used < l->clips[best].used))
                        best = i;
        }
        if (best >= 0)
                leave_clip(s, l, best);
        return best;
}

/* PROTOCOL 15.48: "To whoever has no leave a home MUST answer as it does where it has nothing of the clip." It is not even
 * looked for. */
static void on_seek(struct haul_serve *s, struct serve_link *l, const struct haul_serve_event *ev) {
        const struct hash *id = &ev->clip;
        struct served *c = served_find(s, id);
        int place = c ? link_place(l, c) : -1;
        if (ev->seek.leave != HAUL_LEAVE_GIVEN) {
                if (place >= 0)
                        leave_clip(s, l, place);
                say_word(l, id, ev->seek.leave == HAUL_LEAVE_SHOW ? &ev->seek.proof : NULL);
                return;
        }
        if (place < 0) {
                place = place_for(s, l);
                c = place < 0 ? NULL : c ? c : served_new(s, id);
                if (!c) {
                        say_none(l, id);
                        return;
                }
                c->users++;
                l->clips[place].clip = c;
        }
        l->clips[place].due = true;
        l->clips[place].used = ++s->uses;
}

static void push(struct haul_serve *s, struct serve_link *l, const struct serve_want *w) {
        if (l->n == SERVE_WANTS) {
                l->wrong = SERVE_TOO_MANY;
                return;
        }
        l->clips[link_place(l, w->clip)].used = ++s->uses;
        l->wants[(l->first + l->n++) % SERVE_WANTS] = *w;
}

/* The clip it means, if it has asked after it. What was taken away meanwhile it is told is not there. */
static struct served *wanted_clip(struct haul_serve *s, struct serve_link *l, const struct hash *id) {
        struct served *c = served_find(s, id);
        if (c && link_place(l, c) >= 0 && c->known)
                return c;
        say_none(l, id);
        return NULL;
}

static void on_list_want(struct haul_serve *s, struct serve_link *l, const struct haul_serve_event *ev) {
        struct serve_want w = {.clip = wanted_clip(s, l, &ev->clip), .list = true, .chunk = ev->from};
        if (!w.clip)
                return;
        if (ev->from >= w.clip->chunks)
                l->wrong = SERVE_BEYOND;
        else
                push(s, l, &w);
}

/* PROTOCOL 15.44: "A home that wants more than 64 parts of a home at once, or a part that it was not told is there, MUST be hung
 * up on." */
static void on_want(struct haul_serve *s, struct serve_link *l, const struct haul_serve_event *ev) {
        struct serve_want w = {
                .clip = wanted_clip(s, l, &ev->clip), .chunk = ev->want.chunk, .at = ev->want.at, .n = ev->want.n};
        if (!w.clip)
                return;
        bool there = w.chunk < w.clip->chunks && (!w.clip->have || bits_get(w.clip->have, w.chunk));
        size_t whole = there ? chunk_plain(w.clip->size, w.chunk) + CHUNK_TAG : 0;
        if (!there || !w.n || w.at >= whole || w.n > whole - w.at)
                l->wrong = SERVE_BEYOND;
        else
                push(s, l, &w);
}

static void on_stop(struct haul_serve *s, struct serve_link *l, const struct hash *id) {
        struct served *c = served_find(s, id);
        int place = c ? link_place(l, c) : -1;
        if (place >= 0)
                leave_clip(s, l, place);
}

static void nothing_there(struct haul_serve *s, struct served *c) {
        struct hash id = c->id;
        for (size_t i = 0; i < SERVE_LINKS; i++) {
                struct serve_link *l = &s->links[i];
                int place = l->on ? link_place(l, c) : -1;
                if (place < 0)
                        continue;
                leave_clip(s, l, place);
                say_none(l, &id);
        }
}

static int on_known(struct haul_serve *s, const struct haul_serve_event *ev) {
        struct served *c = served_find(s, &ev->clip);
        struct span have = ev->known.have;
        if (!c)
                return 0;
        c->looking = false;
        if (!ev->known.chunks || CHECK_FAILS(!have.n || bits_right(have, ev->known.chunks))) {
                nothing_there(s, c);
                return 0;
        }
        uint8_t *copy = have.n ? malloc(have.n) : NULL;
        if (have.n && !copy)
                return ERR_NOMEM;
        if (have.n)
                memcpy(copy, have.p, have.n);
        free(c->have);
        c->have = copy;
        c->size = ev->known.size;
        c->chunks = ev->known.chunks;
        c->known = true;
        for (size_t i = 0; i < SERVE_LINKS; i++) {
                int place = s->links[i].on ? link_place(&s->links[i], c) : -1;
                if (place >= 0)
                        s->links[i].clips[place].due = true;
        }
        return 0;
}

static void on_read(struct haul_serve *s, const struct haul_serve_event *ev) {
        struct serve_read *r = ev->read.read;
        s->reads--;
        r->asked = false;
        r->there = ev->read.ok;
        if (!r->link) {
                read_free(s, r);
                return;
        }
        if (ev->read.ok)
                return;
        struct serve_link *l = r->link; /* the disk has lost it */
        struct hash id = r->want.clip->id;
        leave_clip(s, l, link_place(l, r->want.clip));
        say_none(l, &id);
}

static int from_link(struct haul_serve *s, const struct haul_serve_event *ev) {
        struct serve_link *l = link_of(s, ev->link);
        if (!l || l->wrong)
                return 0;
        switch (ev->type) {
        case SERVE_EV_GONE:
                link_end(s, l);
                return 0;
        case SERVE_EV_SEEK:
                on_seek(s, l, ev);
                return 0;
        case SERVE_EV_LIST_WANT:
                on_list_want(s, l, ev);
                return 0;
        case SERVE_EV_WANT:
                on_want(s, l, ev);
                return 0;
        case SERVE_EV_STOP:
                on_stop(s, l, &ev->clip);
                return 0;
        case SERVE_EV_ROOM:
                l->room = ev->room.bytes;
                l->piece = ev->room.piece;
                return 0;
        case SERVE_EV_LINK:
        case SERVE_EV_KNOWN:
        case SERVE_EV_READ:
                break;
        }
        return 0;
}

/* The shell has no more links than there are places. */
static void on_link(struct haul_serve *s, uint32_t number) {
        for (size_t i = 0; i < SERVE_LINKS; i++) {
                if (s->links[i].on)
                        continue;
                s->links[i] = (struct serve_link){.on = true, .number = number};
                return;
        }
}

int haul_serve_step(struct haul_serve *s, const struct haul_serve_event *ev) {
        s->spent = read_free(s, s->spent);
        switch (ev->type) {
        case SERVE_EV_LINK:
                on_link(s, ev->link);
                return 0;
        case SERVE_EV_GONE:
        case SERVE_EV_SEEK:
        case SERVE_EV_LIST_WANT:
        case SERVE_EV_WANT:
        case SERVE_EV_STOP:
        case SERVE_EV_ROOM:
                return from_link(s, ev);
        case SERVE_EV_KNOWN:
                return on_known(s, ev);
        case SERVE_EV_READ:
                on_read(s, ev);
                return 0;
        }
        return 0;
}

/* ---- actions ---- */

static bool do_word(struct serve_link *l, struct haul_serve_action *ret) {
        if (!l->n_words || !l->room)
                return false;
        const struct serve_word *w = &l->words[--l->n_words];
        *ret = (struct haul_serve_action){.type = SERVE_DO_NONE, .link = l->number, .clip = w->clip};
        if (w->shows) {
                ret->type = SERVE_DO_SHOW;
                ret->proof = w->proof;
        }
        l->room--;
        return true;
}

static bool do_look(struct haul_serve *s, struct haul_serve_action *ret) {
        for (size_t i = 0; i < ARRAY_LEN(s->clips); i++) {
                struct served *c = &s->clips[i];
                if (!c->users || !c->looking)
                        continue;
                c->looking = false;
                *ret = (struct haul_serve_action){.type = SERVE_DO_LOOK, .clip = c->id};
                return true;
        }
        return false;
}

static bool do_have(struct serve_link *l, struct haul_serve_action *ret) {
        for (int i = 0; l->room && i < SERVE_CLIPS; i++) {
                const struct served *c = l->clips[i].clip;
                if (!c || !c->known || !l->clips[i].due)
                        continue;
                l->clips[i].due = false;
                *ret = (struct haul_serve_action){.type = SERVE_DO_HAVE, .link = l->number, .clip = c->id};
                ret->have = c->have ? span_of(c->have, bits_bytes(c->chunks)) : SPAN_NONE;
                l->room -= MIN(l->room, bits_bytes(c->chunks));
                return true;
        }
        return false;
}

/* PROTOCOL 15.43: "A home MUST answer what is wanted of one clip in the order in which it was wanted." Of a list goes as much
 * as one message holds; the want stays until its last hash is on its way. */
static struct serve_want take_want(struct serve_link *l) {
        struct serve_want *w = &l->wants[l->first], taken = *w;
        uint64_t left = w->list ? w->clip->chunks - w->chunk : 0;
        if (left) {
                taken.n = (uint32_t)MIN(left, (uint64_t)LIST_PIECE);
                w->chunk += taken.n;
        }
        if (!left || left == taken.n) {
                l->first = (l->first + 1) % SERVE_WANTS;
                l->n--;
        }
        return taken;
}

static bool do_read(struct haul_serve *s, struct serve_link *l, struct haul_serve_action *ret) {
        if (!l->n || l->n_ahead == SERVE_AHEAD || s->reads == SERVE_READS)
                return false;
        struct serve_read *r = read_new(s);
        if (!r)
                return false; /* as soon as there is some */
        *r = (struct serve_read){.link = l, .want = take_want(l), .asked = true};
        l->ahead[l->n_ahead++] = r;
        s->reads++;
        *ret = (struct haul_serve_action){.type = SERVE_DO_READ, .link = l->number, .clip = r->want.clip->id};
        ret->read.read = r;
        ret->read.list = r->want.list;
        ret->read.room = r->room;
        ret->read.n = r->want.n * (r->want.list ? sizeof(struct hash) : 1);
        ret->read.at = r->want.list ? r->want.chunk * sizeof(struct hash) : r->want.chunk * CHUNK_CIPHER + r->want.at;
        return true;
}

/* What was read goes out; with its last byte its memory is free again, after the next call. */
static void sent(struct haul_serve *s, struct serve_link *l, struct serve_read *r, uint32_t n, size_t bytes) {
        r->gone += n;
        l->room -= MIN(l->room, bytes);
        s->given += bytes;
        if (r->gone < r->want.n)
                return;
        for (size_t i = 1; i < l->n_ahead; i++)
                l->ahead[i - 1] = l->ahead[i];
        l->n_ahead--;
        s->spent = r;
}

static bool do_send(struct haul_serve *s, struct serve_link *l, struct haul_serve_action *ret) {
        struct serve_read *r = l->n_ahead ? l->ahead[0] : NULL;
        if (!r || !r->there || !l->room || !l->piece)
                return false;
        *ret = (struct haul_serve_action){.link = l->number, .clip = r->want.clip->id};
        if (r->want.list) {
                ret->type = SERVE_DO_LIST;
                ret->list.from = r->want.chunk;
                ret->list.hashes = span_of(r->room, r->want.n * sizeof(struct hash));
                sent(s, l, r, r->want.n, ret->list.hashes.n);
                return true;
        }
        uint32_t n = (uint32_t)MIN((size_t)(r->want.n - r->gone), l->piece);
        ret->type = SERVE_DO_PIECE;
        ret->piece.chunk = r->want.chunk;
        ret->piece.at = r->want.at + r->gone;
        ret->piece.bytes = span_of(r->room + r->gone, n);
        sent(s, l, r, n, n);
        return true;
}

static bool do_link(struct haul_serve *s, struct serve_link *l, struct haul_serve_action *ret) {
        if (!l->wrong)
                return do_word(l, ret) || do_have(l, ret) || do_send(s, l, ret) || do_read(s, l, ret);
        *ret = (struct haul_serve_action){.type = SERVE_DO_HANGUP, .link = l->number, .why = l->wrong};
        link_end(s, l);
        return true;
}

bool haul_serve_next(struct haul_serve *s, struct haul_serve_action *ret) {
        s->spent = read_free(s, s->spent);
        if (do_look(s, ret))
                return true;
        for (size_t i = 0; i < SERVE_LINKS; i++) {
                struct serve_link *l = &s->links[(s->turn + i) % SERVE_LINKS];
                if (!l->on || !do_link(s, l, ret))
                        continue;
                s->turn = (s->turn + i + 1) % SERVE_LINKS;
                return true;
        }
        return false;
}

void haul_serve_look(const struct haul_serve *s, struct haul_serve_look *ret) {
        *ret = (struct haul_serve_look){.reads = s->reads, .given = s->given, .memory = s->buffers * CHUNK_CIPHER};
        for (size_t i = 0; i < SERVE_LINKS; i++) {
                ret->links += s->links[i].on;
                ret->wants += s->links[i].on ? s->links[i].n : 0;
        }
        for (size_t i = 0; i < ARRAY_LEN(s->clips); i++)
                ret->clips += s->clips[i].users > 0;
}
