/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a clip that is fetched. Everything that waits for the disk is a job of the pool, one at a time for each clip;
 * what the fetch wants written meanwhile is the next job. The order makes a crash at any point harmless: .want, then the
 * list and an empty .have, then chunks, and in .have only what was flushed before.
 */
#include "node/fetch_inside.h"

#include "base/file.h"
#include "base/log.h"
#include "clip/files.h"
#include "haul/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FULL_LINES 1 /* a minute, in the log */
#define SUM sizeof(struct hash)
#define WANT_BYTES (8 + MANIFEST_BYTES_MAX + SUM)
#define NAME_MAX_ (CLIP_FILE_NAME_MAX + 16)
static const char want_suffix[] = ".want", have_suffix[] = ".have";

static void name_of(char ret[NAME_MAX_], const struct hash *id, const char *suffix) {
        char bare[CLIP_FILE_NAME_MAX];
        clip_file_name(bare, id, false);
        snprintf(ret, NAME_MAX_, "%s%s", bare, suffix);
}

bool disk_has_room(const struct node *n, uint64_t more) {
        struct statvfs st;
        if (fstatvfs(n->clips.fd, &st) != 0)
                return true; /* the write will tell */
        return (uint64_t)st.f_bavail * st.f_frsize >= more + FETCH_ROOM_LEAST;
}

/* ---- small files, whole or not at all ---- */

static bool put_file(const struct node *n, const char *name, struct span bytes) {
        char part[NAME_MAX_ + 8];
        snprintf(part, sizeof(part), "%s.part", name);
        unlinkat(n->clips.fd, part, 0);
        int fd = clips_make_file(n, part);
        if (fd < 0)
                return false;
        bool ok = file_write(fd, bytes) && fsync(fd) == 0;
        int e = errno;
        close(fd);
        ok = ok && renameat(n->clips.fd, part, n->clips.fd, name) == 0 && fsync(n->clips.fd) == 0;
        if (!ok)
                unlinkat(n->clips.fd, part, 0);
        errno = ok ? 0 : e ? e : errno;
        return ok;
}

/* Up to @most bytes of a regular file; false: there is none, or it is longer. */
static bool get_file(const struct node *n, const char *name, size_t most, struct buf *out) {
        struct stat st;
        int fd = openat(n->clips.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size <= most;
        uint8_t *room = ok ? buf_room(out, (size_t)st.st_size + 1) : NULL;
        ok = room && read(fd, room, (size_t)st.st_size) == st.st_size;
        if (ok)
                buf_used(out, (size_t)st.st_size);
        file_close(&fd);
        return ok;
}

static void sum(struct hash *ret, const struct hash *id, struct span body) {
        const struct span parts[] = {SPAN_OF(id->b), body};
        hash_make_n(ret, DOMAIN_FETCH, NULL, parts, ARRAY_LEN(parts));
}

static bool put_summed(const struct node *n, const struct hash *id, const char *suffix, struct span body) {
        _clean_(buf_fini) struct buf file = BUF_NULL;
        char name[NAME_MAX_];
        struct hash h;
        sum(&h, id, body);
        buf_add(&file, body);
        buf_add(&file, SPAN_OF(h.b));
        name_of(name, id, suffix);
        errno = ENOMEM;
        return buf_ok(&file) && put_file(n, name, buf_span(&file));
}

static bool get_summed(const struct node *n, const struct hash *id, const char *suffix, size_t most, struct buf *out) {
        char name[NAME_MAX_];
        struct hash h;
        name_of(name, id, suffix);
        if (!get_file(n, name, most, out) || out->n < SUM)
                return false;
        out->n -= SUM;
        sum(&h, id, buf_span(out));
        return memcmp(h.b, out->p + out->n, SUM) == 0;
}

static bool put_want(const struct fetch *f) {
        _clean_(buf_fini) struct buf body = BUF_NULL;
        uint8_t until[8];
        put_be64(until, f->until);
        buf_add(&body, SPAN_OF(until));
        buf_add(&body, buf_span(&f->manifest));
        errno = ENOMEM;
        return buf_ok(&body) && put_summed(f->n, &f->id, want_suffix, buf_span(&body));
}

/* ---- what was kept ---- */

static bool long_enough(const struct node *n, const char *name, uint64_t bytes) {
        struct stat st;
        return fstatat(n->clips.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
               (uint64_t)st.st_size == bytes;
}

bool disk_whole(const struct node *n, const struct hash *id, const struct haul_clip *clip) {
        char data[CLIP_FILE_NAME_MAX], list[CLIP_FILE_NAME_MAX], have[NAME_MAX_];
        struct stat st;
        if (n->clips.fd < 0)
                return false;
        clip_file_name(data, id, false);
        clip_file_name(list, id, true);
        name_of(have, id, have_suffix);
        return long_enough(n, data, clip->size + clip->chunks * CHUNK_TAG) &&
               long_enough(n, list, clip->chunks * sizeof(struct hash)) &&
               fstatat(n->clips.fd, have, &st, AT_SYMLINK_NOFOLLOW) != 0;
}

static int open_data(const struct node *n, const struct hash *id, bool make) {
        char name[CLIP_FILE_NAME_MAX];
        clip_file_name(name, id, false);
        int fd = openat(n->clips.fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 && make && errno == ENOENT ? clips_make_file(n, name) : fd;
}

/* PROTOCOL 15.3: "A chunk MUST be checked against its hash before it is kept or used." */
static void count_anew(struct fetch *f) {
        struct fetch_disk *d = &f->disk;
        size_t bytes = bits_bytes(f->clip.chunks);
        uint8_t *chunk = malloc(CHUNK_CIPHER), *bits = buf_room(&d->kept_have, bytes);
        if (chunk && bits) {
                memset(bits, 0, bytes);
                buf_used(&d->kept_have, bytes);
        }
        for (uint64_t i = 0; chunk && bits && i < f->clip.chunks; i++) {
                struct hash h;
                size_t n = chunk_plain(f->clip.size, i) + CHUNK_TAG;
                if (pread(d->data, chunk, n, (off_t)(i * CHUNK_CIPHER)) != (ssize_t)n)
                        continue;
                chunk_hash(&h, i, span_of(chunk, n));
                if (memcmp(h.b, d->kept_list.p + i * sizeof(h), sizeof(h)) == 0)
                        bits_set(bits, i);
        }
        free(chunk);
}

static bool list_right(const struct fetch *f) {
        struct hash all;
        chunk_hashes(&all, buf_span(&f->disk.kept_list));
        return f->disk.kept_list.n == f->clip.chunks * sizeof(all) && hash_eq(&all, &f->clip.hashes);
}

static void run_prepare(struct fetch *f) {
        struct fetch_disk *d = &f->disk;
        char name[CLIP_FILE_NAME_MAX];
        clip_file_name(name, &f->id, true);
        buf_clear(&d->kept_list);
        buf_clear(&d->kept_have);
        d->ok = f->known || put_want(f);
        if (!d->ok)
                d->e = errno;
        if (!get_file(f->n, name, f->clip.chunks * sizeof(struct hash), &d->kept_list) || !list_right(f)) {
                buf_clear(&d->kept_list);
                return;
        }
        d->data = open_data(f->n, &f->id, false);
        if (d->data < 0) {
                buf_clear(&d->kept_list); /* a crash came between the two: both come again */
                return;
        }
        bool right = get_summed(f->n, &f->id, have_suffix, bits_bytes(f->clip.chunks) + SUM, &d->kept_have) &&
                     bits_right(buf_span(&d->kept_have), f->clip.chunks);
        if (right)
                return;
        buf_clear(&d->kept_have);
        count_anew(f);
        if (!put_summed(f->n, &f->id, have_suffix, buf_span(&d->kept_have)))
                d->e = errno;
}

/* ---- a job ---- */

static bool run_list(struct fetch *f) {
        char name[CLIP_FILE_NAME_MAX];
        _clean_(buf_fini) struct buf none = BUF_NULL;
        size_t bytes = bits_bytes(f->clip.chunks);
        uint8_t *room = buf_room(&none, bytes);
        errno = ENOMEM;
        if (!room)
                return false;
        memset(room, 0, bytes);
        buf_used(&none, bytes);
        errno = ENOSPC;
        clip_file_name(name, &f->id, true);
        if (!disk_has_room(f->n, f->disk.list.n) || !put_file(f->n, name, f->disk.list) ||
            !put_summed(f->n, &f->id, have_suffix, buf_span(&none)))
                return false;
        f->disk.data = open_data(f->n, &f->id, true);
        return f->disk.data >= 0;
}

static bool write_at(int fd, uint64_t at, struct span s) {
        while (s.n) {
                ssize_t n = pwrite(fd, s.p, s.n, (off_t)at);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                s = span_from(s, (size_t)n);
                at += (uint64_t)n;
        }
        return true;
}

static void run_writes(struct fetch *f) {
        struct fetch_disk *d = &f->disk;
        uint64_t all = 0;
        for (size_t i = 0; i < d->n_writes[d->now]; i++)
                all += d->writes[d->now][i].bytes.n;
        bool room = (d->list_there || d->list_put) && disk_has_room(f->n, all);
        if (!room && all)
                d->e = ENOSPC;
        for (size_t i = 0; i < d->n_writes[d->now]; i++) {
                struct fetch_write *w = &d->writes[d->now][i];
                w->ok = room && write_at(d->data, w->chunk * CHUNK_CIPHER, w->bytes);
                if (room && !w->ok)
                        d->e = errno;
        }
}

static bool run_save(struct fetch *f) {
        return (f->disk.list_there || f->disk.list_put) && fdatasync(f->disk.data) == 0 &&
               put_summed(f->n, &f->id, have_suffix, f->disk.have);
}

/* From here on it is whole: what says which chunks there are goes. */
static bool run_finish(struct fetch *f) {
        char name[NAME_MAX_];
        name_of(name, &f->id, have_suffix);
        bool gone = unlinkat(f->n->clips.fd, name, 0) == 0 || errno == ENOENT;
        if (gone && fsync(f->n->clips.fd) == 0)
                return true;
        f->disk.e = errno;
        return false;
}

/* On the pool. */
static void run(struct pool_job *work) {
        struct fetch *f = CONTAINER_OF(work, struct fetch, disk.work);
        struct fetch_disk *d = &f->disk;
        d->e = 0;
        d->ok = true;
        if (d->prepares) {
                run_prepare(f);
                return;
        }
        if (d->finishes) {
                d->ok = run_finish(f);
                return;
        }
        if (d->lists && !(d->list_put = run_list(f)))
                d->e = errno;
        run_writes(f);
        if (d->saves && !(d->ok = run_save(f)) && !d->e)
                d->e = errno;
}

static void tell_full(struct fetch *f) {
        if (!f->disk.e || f->room_at)
                return;
        f->room_at = uv_now(f->n->loop) + FETCH_ROOM_MS;
        if (quiet_may(&f->n->fetches.full, uv_now(f->n->loop), FULL_LINES))
                log_warning("clips: one that is being fetched cannot be written (%s); it goes on when the disk lets it",
                            strerror(f->disk.e));
}

static void writes_over(struct fetch *f) {
        struct fetch_disk *d = &f->disk;
        for (size_t i = 0; i < d->n_writes[d->now]; i++) {
                const struct fetch_write *w = &d->writes[d->now][i];
                struct haul_event ev = {.type = HAUL_EV_WRITTEN, .now = uv_now(f->n->loop)};
                ev.written.chunk = w->chunk;
                ev.written.ok = w->ok;
                if (haul_fetch_step(f->f, &ev))
                        log_error("clips: out of memory");
        }
        d->n_writes[d->now] = 0;
}

static void on_ran(struct pool_job *work) {
        struct fetch *f = CONTAINER_OF(work, struct fetch, disk.work);
        struct fetch_disk *d = &f->disk;
        bool prepared = d->prepares, saved = d->saves, finished = d->finishes;
        d->busy = d->prepares = d->saves = d->finishes = false;
        tell_full(f);
        if (f->ending) {
                disk_away(f);
                return;
        }
        if (prepared) {
                f->known |= d->ok;
                d->list_there = d->data >= 0 && d->kept_list.n;
                fetch_prepared(f);
                return;
        }
        if (finished && d->ok) {
                fetch_became_whole(f);
                return;
        }
        d->finish |= finished;
        d->list_there |= d->list_put;
        d->list_due |= d->lists && !d->list_put;
        d->lists = d->list_put = false;
        writes_over(f);
        if (saved) {
                struct haul_event ev = {.type = HAUL_EV_SAVED, .now = uv_now(f->n->loop), .saved = d->ok};
                haul_fetch_step(f->f, &ev);
                if (d->ok)
                        give_grown(f->n, f);
        }
        fetch_drive(f);
        fetch_news(f);
}

void disk_kick(struct fetch *f) {
        struct fetch_disk *d = &f->disk;
        unsigned next = !d->now;
        bool due = d->prepare || d->list_due || d->save_due || d->finish || d->n_writes[next];
        if (d->busy || f->ending || !due || (f->room_at && uv_now(f->n->loop) < f->room_at))
                return;
        d->busy = true;
        d->now = next;
        d->prepares = d->prepare;
        d->lists = d->list_due;
        d->saves = d->save_due;
        d->finishes = d->finish;
        d->prepare = d->list_due = d->save_due = d->finish = false;
        d->work = (struct pool_job){.work = run, .after = on_ran, .slow = true};
        pool_run(&f->n->pool, &d->work);
}

void disk_finish(struct fetch *f) {
        f->disk.finish = true;
        disk_kick(f);
}

void disk_close(struct fetch *f) {
        file_close(&f->disk.data);
}

/* ---- away ---- */

static const char *const suffixes[] = {".want", ".have", "", ".list"}; /* first what says that it is here */

static void tell_left(struct node *n, int e) {
        if (quiet_may(&n->fetches.full, uv_now(n->loop), FULL_LINES))
                log_warning("%s/%s: a clip that is to go cannot be removed (%s); its end waits for that", n->dir,
                            DIR_CLIPS, strerror(e));
}

/* 0, or the errno of what is left. */
static int remove_files(const struct node *n, const struct hash *id) {
        int e = 0;
        for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
                char name[NAME_MAX_];
                name_of(name, id, suffixes[i]);
                if (unlinkat(n->clips.fd, name, 0) != 0 && errno != ENOENT)
                        e = errno;
        }
        return fsync(n->clips.fd) == 0 ? e : errno;
}

/* On the pool. */
static void run_away(struct pool_job *work) {
        struct fetch *f = CONTAINER_OF(work, struct fetch, disk.work);
        f->disk.e = remove_files(f->n, &f->id);
}

static void on_away(struct pool_job *work) {
        struct fetch *f = CONTAINER_OF(work, struct fetch, disk.work);
        f->disk.busy = false;
        if (!f->disk.e)
                fetch_free(f);
        else
                tell_left(f->n, f->disk.e); /* the next tick tries again */
}

void disk_away(struct fetch *f) {
        if (f->disk.busy)
                return;
        disk_close(f);
        f->disk.busy = true;
        f->disk.work = (struct pool_job){.work = run_away, .after = on_away, .slow = true};
        pool_run(&f->n->pool, &f->disk.work);
}

bool disk_gone(const struct node *n, const struct hash *id) {
        struct stat st;
        for (size_t i = 0; n->clips.fd >= 0 && i < ARRAY_LEN(suffixes); i++) {
                char name[NAME_MAX_];
                name_of(name, id, suffixes[i]);
                if (fstatat(n->clips.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
                        return false;
        }
        return n->clips.fd >= 0;
}

/* ---- a start ---- */

static bool id_of(const char *name, const char *suffix, struct hash *ret) {
        char bare[CLIP_FILE_NAME_MAX];
        size_t n = strlen(name), tail = strlen(suffix);
        if (n <= tail || n - tail >= sizeof(bare) || strcmp(name + n - tail, suffix) != 0)
                return false;
        snprintf(bare, sizeof(bare), "%.*s", (int)(n - tail), name);
        return clip_file_id(bare, ret);
}

bool disk_left_over(const struct node *n, const char *name) {
        struct hash id;
        return id_of(name, have_suffix, &id) && !fetch_find(n, &id);
}

static void look_at(struct node *n, const struct hash *id,
                    void (*found)(struct node *n, const struct hash *id, struct span manifest, mesh_wall until)) {
        _clean_(buf_fini) struct buf body = BUF_NULL;
        if (get_summed(n, id, want_suffix, WANT_BYTES, &body) && body.n > 8) {
                found(n, id, span_from(buf_span(&body), 8), get_be64(body.p));
                return;
        }
        log_warning("clips: what was known of one that was fetched is damaged; it is fetched anew");
        int e = remove_files(n, id);
        if (e)
                tell_left(n, e);
}

void disk_look(struct node *n,
               void (*found)(struct node *n, const struct hash *id, struct span manifest, mesh_wall until)) {
        int fd = openat(n->clips.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                file_close(&fd);
                return;
        }
        for (struct dirent *e; (e = readdir(d));) {
                struct hash id;
                if (id_of(e->d_name, want_suffix, &id))
                        look_at(n, &id, found);
        }
        closedir(d);
}
