/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One clip on its way in (node/clips.h). What a caller asks is a job of the pool each: two of one clip never run at once, as a
 * caller's next request waits for the answer to the one before. A caller that goes away while a job runs is noticed when the
 * job is over.
 */
#include "base/cell.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/chunk.h"
#include "node/caller.h"
#include "node/clips.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CLIPS_AT_ONCE 4                 /* of up to a chunk and a list of 2 MiB in memory each */
#define ROOM_LEAST (UINT64_C(32) << 20) /* bytes that a clip leaves of the disk, for the store */
#define LIST_MAX (CHUNKS_MAX * sizeof(struct hash))
#define CHANGES_MAX 256 /* as in proto/clips.def */
#define CAMERA_MAX 64   /* as in proto/control.def */
#define PATIENCE 60000  /* ms between two requests of one clip */

struct clip_in {
        struct list on;
        struct node *n;
        struct caller *c; /* NULL: gone */
        struct pool_job work;
        void (*run)(struct clip_in *in);  /* on the pool */
        void (*done)(struct clip_in *in); /* on the loop */
        bool busy, signed_off;            /* signed_off: the caller has said everything: it goes on without one */
        bool named;                       /* its files have their names */
        int e;                            /* errno of the job; 0: it went well */
        int data, list;                   /* descriptors; -1 */
        uint64_t part;                    /* names the files until they have theirs */
        uint64_t chunks, bytes;           /* taken so far */
        uint64_t told;                    /* bytes it will have, where the caller knows; else 0 */
        struct buf hashes;
        struct mesh_footage footage; /* its spans are in: */
        uint8_t sealed[CHUNK_SEALED];
        char camera[CAMERA_MAX], changes[CHANGES_MAX];
        struct command cmd;
        struct hash id;
        uint64_t token, seq; /* of the row */
        struct buf manifest;
        size_t n_chunk;
        uint8_t chunk[CHUNK_CIPHER];
};

static const char hint_whole[] = "are the tool and the daemon of the same version?";

/* ---- its files ---- */

static void part_name(char ret[CLIP_FILE_NAME_MAX], const struct clip_in *in, bool list) {
        snprintf(ret, CLIP_FILE_NAME_MAX, "%llu%s.part", (unsigned long long)in->part, list ? "-list" : "");
}

static int make_file(const struct clip_in *in, bool list) {
        char name[CLIP_FILE_NAME_MAX];
        part_name(name, in, list);
        return clips_make_file(in->n, name);
}

/* Whether so many bytes more leave the store what it needs. */
static bool has_room(const struct clip_in *in, uint64_t more) {
        struct statvfs st;
        if (fstatvfs(in->n->clips.fd, &st) != 0)
                return true; /* the write will tell */
        return (uint64_t)st.f_bavail * st.f_frsize >= more + ROOM_LEAST;
}

static void run_open(struct clip_in *in) {
        if (!has_room(in, in->told)) {
                in->e = ENOSPC;
                return;
        }
        in->data = make_file(in, false);
        in->list = in->data < 0 ? -1 : make_file(in, true);
        in->e = in->list < 0 ? errno : 0;
}

/* PROTOCOL 15.3: "A chunk MUST be checked against its hash before it is kept or used." Here it has none yet: it gets it of
 * the bytes that are written. */
static void run_put(struct clip_in *in) {
        struct span chunk = span_of(in->chunk, in->n_chunk);
        struct hash hash;
        chunk_hash(&hash, in->chunks, chunk);
        buf_add(&in->hashes, SPAN_OF(hash.b));
        if (!buf_ok(&in->hashes))
                in->e = ENOMEM;
        else if (!has_room(in, chunk.n))
                in->e = ENOSPC;
        else if (!file_write(in->data, chunk))
                in->e = errno;
}

static void run_close(struct clip_in *in) {
        chunk_hashes(&in->footage.hashes, buf_span(&in->hashes));
        if (!file_write(in->list, buf_span(&in->hashes)) || fsync(in->list) != 0 || fsync(in->data) != 0)
                in->e = errno;
}

static bool give_name(struct clip_in *in, bool list) {
        char from[CLIP_FILE_NAME_MAX], to[CLIP_FILE_NAME_MAX];
        int dir = in->n->clips.fd;
        part_name(from, in, list);
        clip_file_name(to, &in->id, list);
        return renameat(dir, from, dir, to) == 0;
}

static void run_name(struct clip_in *in) {
        in->named = true;
        if (!give_name(in, true) || !give_name(in, false) || fsync(in->n->clips.fd) != 0)
                in->e = errno;
}

/* All it may have, under either name. */
static void run_drop(struct clip_in *in) {
        char name[CLIP_FILE_NAME_MAX];
        for (int list = 0; list < 2; list++) {
                part_name(name, in, list);
                unlinkat(in->n->clips.fd, name, 0);
                clip_file_name(name, &in->id, list);
                if (in->named)
                        unlinkat(in->n->clips.fd, name, 0);
        }
}

/* ---- its life ---- */

static void free_in(struct clip_in *in) {
        list_drop(&in->on);
        in->n->clips.n_in--;
        file_close(&in->data);
        file_close(&in->list);
        buf_fini(&in->hashes);
        buf_fini(&in->manifest);
        free(in);
}

void clips_in_fini(struct node *n) {
        LIST_EACH (in, &n->clips.in, struct clip_in, on)
                free_in(in);
}

static void drop(struct clip_in *in);

static void on_run(struct pool_job *job) {
        struct clip_in *in = CONTAINER_OF(job, struct clip_in, work);
        in->e = 0;
        in->run(in);
}

static void on_ran(struct pool_job *job) {
        struct clip_in *in = CONTAINER_OF(job, struct clip_in, work);
        in->busy = false;
        if (!in->c && !in->signed_off)
                drop(in);
        else
                in->done(in);
}

static void start(struct clip_in *in, void (*run)(struct clip_in *in), void (*done)(struct clip_in *in)) {
        in->run = run;
        in->done = done;
        in->busy = true;
        in->work = (struct pool_job){.work = on_run, .after = on_ran};
        pool_run(&in->n->pool, &in->work);
}

/* Nothing of it stays; nobody waits for that. */
static void drop(struct clip_in *in) {
        in->n->clips.used -= in->bytes + in->chunks * sizeof(struct hash);
        in->bytes = in->chunks = 0;
        buf_fini(&in->hashes);
        in->signed_off = true;
        start(in, run_drop, free_in);
}

void clip_in_leave(struct clip_in *in) {
        in->c = NULL;
        if (!in->busy && !in->signed_off)
                drop(in);
}

static struct caller *let_go(struct clip_in *in) {
        struct caller *c = in->c;
        in->c = NULL;
        if (c)
                c->clip = NULL;
        return c;
}

static void refuse_disk(struct caller *c, int e) {
        struct said message;
        if (file_full(e)) {
                caller_error(c, "no-space", "the disk has no room for this clip; nothing of it was kept",
                             "free some space, or destroy clips that nobody needs any more", EXIT_FAILED);
                return;
        }
        said_set(&message, "the clip could not be written: %s; nothing of it was kept", strerror(e));
        caller_refuse(c, "clip-disk", &message, "see the daemon's log", EXIT_FAILED);
}

static void fail_disk(struct clip_in *in) {
        struct caller *c = let_go(in);
        int e = in->e;
        drop(in);
        if (c)
                refuse_disk(c, e);
}

static void fail(struct clip_in *in, const char *name, const char *message, const char *hint, enum wire_e_exit exit) {
        struct caller *c = let_go(in);
        drop(in);
        caller_error(c, name, message, hint, exit);
}

/* ---- OPEN ---- */

/* PROTOCOL 15.9: the salt stays here, and is the same for every clip of this home. */
static void salt_camera(struct clip_in *in) {
        struct clips *k = &in->n->clips;
        if (!k->salted) {
                randombytes_buf(k->salt.b, sizeof(k->salt.b));
                k->salted = true;
                writer_set(in->n, SETTING_CAMERA_SALT, SPAN_OF(k->salt.b));
        }
        const struct span parts[] = {SPAN_OF(k->salt.b), in->footage.name};
        hash_make_n(&in->footage.camera, DOMAIN_CAMERA, NULL, parts, ARRAY_LEN(parts));
}

static struct clip_in *new_in(struct caller *c) {
        struct clips *k = &c->n->clips;
        struct clip_in *in = calloc(1, sizeof(*in));
        if (!in)
                return NULL;
        in->n = c->n;
        in->data = in->list = -1;
        in->hashes = BUF_MAX(LIST_MAX);
        in->part = ++k->parts;
        list_init(&in->on);
        list_push(&k->in, &in->on);
        k->n_in++;
        in->c = c;
        c->clip = in;
        return in;
}

static struct span keep_text(char *to, struct span s) {
        memcpy(to, s.p, s.n);
        return span_of(to, s.n);
}

static void take_open(struct clip_in *in, const struct wire_c_clip_open *m) {
        struct mesh_footage *f = &in->footage;
        in->told = WIRE_HAS(m, C_CLIP_OPEN, size) ? m->size : 0;
        f->name = keep_text(in->camera, m->camera);
        f->cell = WIRE_HAS(m, C_CLIP_OPEN, cell) ? m->cell : in->n->home;
        if (WIRE_HAS(m, C_CLIP_OPEN, parent)) {
                memcpy(f->parent.b, m->parent.p, sizeof(f->parent.b));
                f->changes = keep_text(in->changes, m->changes);
        }
        salt_camera(in);
}

static const struct roster_home *own_home(const struct node *n) {
        struct mesh_status st;
        mesh_status(n->core, &st);
        const struct roster *r = mesh_roster(n->core);
        return r ? roster_home_find(r, &st.household) : NULL;
}

/* The next request is the caller's to make; who makes none keeps a place from others. */
static void go_on(struct clip_in *in) {
        struct caller *c = in->c;
        caller_done(c);
        if (!c->closed)
                caller_set_deadline(c, uv_now(in->n->loop) + PATIENCE);
}

static void opened(struct clip_in *in) {
        const struct roster_home *me = own_home(in->n);
        if (in->e || !me) {
                in->e = in->e ? in->e : EIO;
                fail_disk(in);
                return;
        }
        struct wire_c_clip_seal row = {.v = 1, .household = SPAN_OF(me->seal.b)};
        caller_row(in->c, CONTROL_CLIP_SEAL, &row);
        go_on(in);
}

static bool over_quota(const struct clips *k, uint64_t more) {
        return more > k->quota || k->used > k->quota - more;
}

static void refuse_quota(struct caller *c) {
        caller_error(c, "clips-quota", "this home's clips have all the room that they may take",
                     "destroy some, or `porchlight config set clips.quota SIZE`; with clips.when-full the oldest go",
                     EXIT_REFUSED);
}

/* Where the oldest are to go, the caller waits until they have; and asks no second time. */
static void want_room(struct caller *c, uint64_t bytes) {
        if (c->waits_for_room || !purge_for(c->n, bytes))
                refuse_quota(c);
        else
                c->waits_for_room = true;
}

void clip_in_room(struct caller *c) {
        if (c->row->number == CONTROL_CLIP_PUT)
                clip_in_put(c);
        else
                clip_in_open(c);
        c->waits_for_room = false;
}

/* What would be refused at the end is refused before any byte was sent. False: the caller is answered. */
static bool may_open(struct caller *c, const struct wire_c_clip_open *m) {
        const struct clips *k = &c->n->clips;
        struct mesh_status st;
        mesh_status(c->n->core, &st);
        const struct roster_home *me = own_home(c->n);
        bool cell = !WIRE_HAS(m, C_CLIP_OPEN, cell) || cell_valid(m->cell);
        if (c->clip || WIRE_HAS(m, C_CLIP_OPEN, parent) != WIRE_HAS(m, C_CLIP_OPEN, changes) || !cell)
                caller_error(c, "bad-request", "this request does not belong here", hint_whole, EXIT_USAGE);
        else if (!me || !me->member || st.out != MESH_OUT_DONE)
                caller_outcome(c, me ? MESH_OUT_REMOVED : MESH_OUT_NO_MESH);
        else if (k->fd < 0)
                caller_error(c, "no-clips", "the daemon has no folder for clips",
                             "free some space, then start the daemon again; see its log", EXIT_FAILED);
        else if (k->n_in >= CLIPS_AT_ONCE)
                caller_error(c, "clips-busy", "several clips are being taken in already", "try again in a few seconds",
                             EXIT_FAILED);
        else if (over_quota(k, m->size))
                want_room(c, m->size);
        else
                return true;
        return false;
}

void clip_in_open(struct caller *c) {
        const struct wire_c_clip_open *m = &c->msg.c_clip_open;
        if (!may_open(c, m))
                return;
        struct clip_in *in = new_in(c);
        if (!in) {
                caller_store_error(c, ERR_NOMEM);
                return;
        }
        take_open(in, m);
        start(in, run_open, opened);
}

/* ---- PUT ---- */

static bool is_open(struct caller *c) {
        if (c->clip)
                return true;
        caller_error(c, "no-clip-open", "no clip is being taken in on this connection", hint_whole, EXIT_USAGE);
        return false;
}

static void put(struct clip_in *in) {
        if (in->e) {
                fail_disk(in);
                return;
        }
        in->chunks++;
        in->bytes += in->n_chunk;
        in->n->clips.used += in->n_chunk + sizeof(struct hash);
        go_on(in);
}

void clip_in_put(struct caller *c) {
        struct span cipher = c->msg.i_chunk.cipher;
        if (!is_open(c))
                return;
        struct clip_in *in = c->clip;
        bool after_last = in->chunks && in->n_chunk < CHUNK_CIPHER;
        if (after_last || in->chunks == CHUNKS_MAX) {
                fail(in, "bad-request", "a chunk came behind the last one", hint_whole, EXIT_USAGE);
                return;
        }
        bool over = over_quota(&in->n->clips, cipher.n);
        if (over && !c->waits_for_room && purge_for(c->n, cipher.n)) {
                c->waits_for_room = true;
                return;
        }
        if (over) {
                let_go(in);
                drop(in);
                refuse_quota(c);
                return;
        }
        memcpy(in->chunk, cipher.p, cipher.n);
        in->n_chunk = cipher.n;
        start(in, run_put, put);
}

/* ---- CLOSE ---- */

static void sign_next(struct node *n);

static void answer(struct clip_in *in) {
        struct caller *c = let_go(in);
        struct store_clip clip = {.id = in->id,
                                  .seq = in->seq,
                                  .manifest = buf_span(&in->manifest),
                                  .camera = in->footage.name,
                                  .as_is = in->footage.as_is};
        if (!c)
                return;
        control_clip_row(c, &clip, true, &BUF_NULL);
        caller_done(c);
}

/* In the middle of the core's actions: the next one is fed behind them. */
static void on_signed(struct command *cmd, const struct mesh_action *a) {
        struct clip_in *in = CONTAINER_OF(cmd, struct clip_in, cmd);
        struct node *n = in->n;
        n->clips.signing = NULL;
        if (a->reply.outcome == MESH_OUT_DONE) {
                kin_kick(n);
                answer(in);
                free_in(in);
        } else {
                struct caller *c = let_go(in);
                drop(in);
                if (c)
                        caller_outcome(c, a->reply.outcome);
        }
        sign_next(n);
}

static bool waits_for_signing(const struct clip_in *in) {
        return in->signed_off && !in->busy && !in->token;
}

static void sign_next(struct node *n) {
        if (n->clips.signing)
                return;
        LIST_EACH (in, &n->clips.in, struct clip_in, on) {
                if (!waits_for_signing(in))
                        continue;
                n->clips.signing = in;
                in->cmd.reply = on_signed;
                node_command(n, &in->cmd, (struct mesh_event){.type = MESH_EV_CLIP, .footage = &in->footage});
                return;
        }
}

static void named(struct clip_in *in) {
        struct mesh_row row = {.kind = MESH_ROW_CLIP,
                               .clip = {.id = in->id,
                                        .seq = in->seq,
                                        .manifest = buf_span(&in->manifest),
                                        .sealed = in->footage.sealed,
                                        .camera = in->footage.name,
                                        .as_is = in->footage.as_is}};
        if (in->e == 0)
                writer_add(in->n, &row, in->token);
        else
                node_feed(in->n,
                          (struct mesh_event){.type = MESH_EV_STORED, .token = in->token, .stored = {.ok = false}});
}

void clips_store(struct node *n, const struct mesh_row *row, uint64_t token) {
        struct clip_in *in = n->clips.signing;
        if (!in || row->clip.gone) {
                writer_add(n, row, token);
                return;
        }
        in->id = row->clip.id;
        in->seq = row->clip.seq;
        in->token = token;
        buf_add(&in->manifest, row->clip.manifest);
        if (!buf_ok(&in->manifest)) {
                node_fail(n, "clip", ERR_NOMEM);
                return;
        }
        start(in, run_name, named);
}

static void closed(struct clip_in *in) {
        if (in->e)
                fail_disk(in);
        else
                sign_next(in->n);
}

static void take_close(struct clip_in *in, const struct wire_i_end *m) {
        struct mesh_footage *f = &in->footage;
        memcpy(f->salt, m->salt.p, sizeof(f->salt));
        memcpy(f->commit.b, m->commit.p, sizeof(f->commit.b));
        memcpy(in->sealed, m->sealed.p, sizeof(in->sealed));
        f->sealed = SPAN_OF(in->sealed);
        f->size = m->size;
        f->media = (uint8_t)m->media;
        f->audio = WIRE_HAS(m, I_END, audio);
        f->as_is = WIRE_HAS(m, I_END, as_is);
        f->from = m->from; /* what is absent is 0 */
        f->to = m->to;
        f->length = m->length;
}

void clip_in_close(struct caller *c) {
        const struct wire_i_end *m = &c->msg.i_end;
        if (!is_open(c))
                return;
        struct clip_in *in = c->clip;
        bool whole = in->chunks && in->chunks == chunk_count(m->size) && in->bytes == m->size + in->chunks * CHUNK_TAG;
        if (!whole || WIRE_HAS(m, I_END, from) != WIRE_HAS(m, I_END, to) || m->to < m->from) {
                fail(in, "bad-request", "what is said of the clip does not fit its chunks", hint_whole, EXIT_USAGE);
                return;
        }
        take_close(in, m);
        caller_set_deadline(c, 0);
        in->signed_off = true;
        start(in, run_close, closed);
}
