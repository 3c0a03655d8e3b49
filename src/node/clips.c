/* SPDX-License-Identifier: Apache-2.0 */
#include "node/clips.h"

#include "base/array.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "clip/clip.h"
#include "node/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART_SUFFIX ".part"

/* ---- names ---- */

static bool is_part(const char *name) {
        size_t n = strlen(name), tail = strlen(PART_SUFFIX);
        return n > tail && strcmp(name + n - tail, PART_SUFFIX) == 0;
}

/* ---- looking ---- */

static bool has_bytes(const struct node *n, const struct hash *id, bool list, uint64_t bytes) {
        char name[CLIP_FILE_NAME_MAX];
        struct stat st;
        clip_file_name(name, id, list);
        return fstatat(n->clips.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
               (uint64_t)st.st_size == bytes;
}

bool clips_whole(const struct node *n, const struct store_clip *c) {
        struct wire_manifest w;
        if (n->clips.fd < 0 || codec_decode(&wire_manifest_desc, c->manifest, &w, NULL))
                return false;
        return has_bytes(n, &c->id, false, w.size + w.chunks * CHUNK_TAG) &&
               has_bytes(n, &c->id, true, w.chunks * sizeof(struct hash));
}

int clips_unlink(const struct node *n, const struct hash *id, uint64_t *ret_bytes) {
        *ret_bytes = 0;
        if (n->clips.fd < 0)
                return 0;
        for (int list = 0; list < 2; list++) {
                char name[CLIP_FILE_NAME_MAX];
                struct stat st = {.st_size = 0};
                clip_file_name(name, id, list);
                if (fstatat(n->clips.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && unlinkat(n->clips.fd, name, 0) == 0)
                        *ret_bytes += (uint64_t)st.st_size;
                else if (errno != ENOENT)
                        return errno;
        }
        return fsync(n->clips.fd) == 0 ? 0 : errno;
}

/* ---- a start ---- */

struct known { /* ids of clips that are not destroyed */
        struct node *n;
        struct hash *ids;
        size_t count, cap;
        unsigned damaged;
};

static int take_known(void *ctx, const struct store_clip *c) {
        struct known *k = ctx;
        if (c->manifest.n && c->away) /* what is here of it is fetched */
                k->n->kin.kept++;
        if (!c->manifest.n || c->away)
                return 0;
        struct hash *ids = array_room(k->ids, k->count, &k->cap, sizeof(*ids), 16);
        if (!ids)
                return ERR_NOMEM;
        k->ids = ids;
        k->ids[k->count++] = c->id;
        k->damaged += !clips_whole(k->n, c);
        return 0;
}

static int compare(const void *a, const void *b) {
        return memcmp(a, b, sizeof(struct hash));
}

static bool is_known(const struct known *k, const struct hash *id) {
        return k->count && bsearch(id, k->ids, k->count, sizeof(*k->ids), compare);
}

/* What a crash left before its row was written, or after it was wiped. Where the store has just lost pages it may be a clip
 * whose sealed key was on one of them: nobody opens it any more, and its owner is told. */
static void remove_orphan(const struct node *n, const char *name) {
        if (n->salvaged && strlen(name) == 2 * sizeof(struct hash))
                log_error(
                        "clip %.8s: what opens it was on a page of the store that the disk has lost; its bytes are of "
                        "no use any more, and are removed",
                        name);
        if (unlinkat(n->clips.fd, name, 0) != 0)
                log_warning("%s/%s/%s: %s", n->dir, DIR_CLIPS, name, strerror(errno));
}

static void look_at(struct node *n, const struct known *k, const char *name) {
        struct stat st;
        struct hash id;
        bool clip = clip_file_id(name, &id);
        if (clip && fetch_known(n, &id))
                return; /* another home's */
        if (is_part(name) || disk_left_over(n, name) || (clip && !is_known(k, &id)))
                remove_orphan(n, name);
        else if (clip && fstatat(n->clips.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                n->clips.used += (uint64_t)st.st_size;
}

static void look_through(struct node *n, const struct known *k) {
        int fd = openat(n->clips.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                log_warning("%s/%s: %s", n->dir, DIR_CLIPS, strerror(errno));
                file_close(&fd);
                return;
        }
        for (struct dirent *e; (e = readdir(d));)
                look_at(n, k, e->d_name);
        closedir(d);
}

void clips_init(struct node *n) {
        n->clips.fd = -1;
        list_init(&n->clips.in);
}

/* Whoever set the machine up made the folder for a vault with a user of its own; that stays as it is. */
static bool is_shared(int fd) {
        struct stat st;
        return fstat(fd, &st) == 0 && (st.st_mode & 07777) == CLIP_FOLDER_SHARED && st.st_gid != getegid();
}

/* One that is there is not made again: a daemon that forgot its mesh begins anew behind walls, where no folder can be made. */
static int open_folder(const char *path) {
        const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        int fd = open(path, how);
        if (fd < 0 && errno == ENOENT && mkdir(path, CLIP_FOLDER_MODE) == 0)
                fd = open(path, how);
        return fd;
}

/* A disk with no room for a folder is no reason not to start: until there is one no clip is taken in. */
int clips_prepare(struct node *n) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        dir_join(&path, n->dir, DIR_CLIPS);
        if (!buf_ok(&path))
                return ERR_NOMEM;
        n->clips.fd = open_folder(buf_cstr(&path));
        if (n->clips.fd < 0)
                log_warning("%s: %s: no clip can be taken in", buf_cstr(&path), strerror(errno));
        else if (is_shared(n->clips.fd))
                n->clips.shared = true;
        else if (fchmod(n->clips.fd, CLIP_FOLDER_MODE) != 0)
                log_warning("%s: others may look into it: %s", buf_cstr(&path), strerror(errno));
        return 0;
}

int clips_make_file(const struct node *n, const char *name) {
        int fd = openat(n->clips.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, CLIP_FILE_MODE);
        if (fd >= 0 && n->clips.shared && fchmod(fd, CLIP_FILE_SHARED) != 0)
                file_close(&fd);
        return fd;
}

/* Nothing is removed unless every row could be read. */
void clips_start(struct node *n) {
        struct known k = {.n = n};
        if (n->clips.fd < 0)
                return;
        n->clips.used = 0;
        n->kin.kept = 0;
        struct store_reader *reader = queries_reader(n, QUERY_QUICK);
        int r = reader ? store_clips(reader, take_known, &k) : ERR_BROKEN;
        if (r) {
                log_error("clips: %s", r > 0 ? store_error_text(r) : err_text(r));
        } else {
                if (k.count)
                        qsort(k.ids, k.count, sizeof(*k.ids), compare);
                look_through(n, &k);
        }
        if (k.damaged)
                log_error("clips: of %u the files are missing or damaged; `porchlight clip list` shows which",
                          k.damaged);
        free(k.ids);
}

void clips_rule_changed(struct node *n) {
        purge_kick(n);
        announce_tick(n);
}

void clips_fini(struct node *n) {
        purge_fini(n);
        announce_fini(n);
        clips_in_fini(n);
        file_close(&n->clips.fd);
}
