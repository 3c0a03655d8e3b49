/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/platter.h"

#include <errno.h>
#include <stdlib.h>

#define LOG_FIRST 1024

struct platter *platter;

void *__real_realloc(void *p, size_t n);
void __real_free(void *p);

void *own_resize(void *p, size_t n) {
        p = __real_realloc(p, n ? n : 1);
        REQUIRE(p);
        return p;
}

void own_free(void *p) {
        __real_free(p);
}

struct platter *platter_new(void) {
        struct platter *d = own_resize(NULL, sizeof(*d));
        *d = (struct platter){.room = PLATTER_ENDLESS};
        return d;
}

static void file_drop(struct file *f) {
        if (f->handles || f->names)
                return;
        for (size_t i = 0; i < PLATTER_SHARED_MOST; i++)
                own_free(f->regions[i]);
        own_free(f->p);
        own_free(f);
}

struct platter *platter_free(struct platter *d) {
        if (!d)
                return NULL;
        for (size_t i = 0; i < d->n_names; i++) {
                d->names[i].file->names--;
                file_drop(d->names[i].file);
        }
        for (size_t i = 0; i < d->n_log; i++)
                own_free(d->log[i].bytes);
        own_free(d->log);
        own_free(d);
        return NULL;
}

/* ---- the log ---- */
static struct change *note(enum change_kind kind, const struct file *f) {
        if (!platter->logging)
                return NULL;
        if (platter->n_log == platter->cap_log) {
                platter->cap_log = platter->cap_log ? platter->cap_log * 2 : LOG_FIRST;
                platter->log = own_resize(platter->log, platter->cap_log * sizeof(*platter->log));
        }
        struct change *c = &platter->log[platter->n_log++];
        *c = (struct change){.kind = kind, .file = f ? f->number : 0};
        return c;
}

static void note_write(const struct file *f, uint64_t at, const void *p, size_t n) {
        struct change *c = note(CHANGE_WRITE, f);
        if (!c)
                return;
        c->at = at;
        c->n = n;
        c->bytes = own_resize(NULL, n);
        memcpy(c->bytes, p, n);
}

static void note_names(enum change_kind kind, const struct file *f, const char *from, const char *to) {
        struct change *c = note(kind, f);
        if (!c)
                return;
        strncpy(c->from, from, sizeof(c->from) - 1);
        strncpy(c->to, to, sizeof(c->to) - 1);
}

void platter_log(struct platter *d) {
        platter = d;
        d->logging = true;
        for (size_t i = 0; i < d->n_names; i++) {
                struct file *f = d->names[i].file;
                note_names(CHANGE_LINK, f, "", d->names[i].text);
                if (f->n)
                        note_write(f, 0, f->p, f->n);
                note(CHANGE_SYNC, f);
        }
        note(CHANGE_SYNC_NAMES, NULL);
}

/* ---- names ---- */
const char *platter_name_of(const char *path) {
        size_t n = strlen(PLATTER);
        if (strncmp(path, PLATTER, n) || (path[n] && path[n] != '/'))
                return NULL;
        return path[n] ? path + n + 1 : "";
}

static size_t place_of(const char *name) {
        size_t i = 0;
        while (i < platter->n_names && strcmp(platter->names[i].text, name))
                i++;
        return i;
}

struct file *platter_find(const char *name) {
        size_t i = place_of(name);
        return i < platter->n_names ? platter->names[i].file : NULL;
}

static void link_name(const char *name, struct file *f) {
        REQUIRE(platter->n_names < PLATTER_NAMES_MOST && strlen(name) < PLATTER_NAME_MOST);
        size_t i = platter->n_names++;
        strcpy(platter->names[i].text, name);
        platter->names[i].file = f;
        f->names++;
}

static struct file *unlink_name(size_t i) {
        struct file *f = platter->names[i].file;
        platter->names[i] = platter->names[--platter->n_names];
        f->names--;
        return f;
}

struct file *platter_create_unnamed(void) {
        struct file *f = own_resize(NULL, sizeof(*f));
        *f = (struct file){.number = ++platter->files};
        return f;
}

struct file *platter_create(const char *name) {
        struct file *f = platter_create_unnamed();
        link_name(name, f);
        note_names(CHANGE_LINK, f, "", name);
        return f;
}

void platter_release(struct file *f) {
        f->handles--;
        file_drop(f);
}

void platter_unlink(const char *name) {
        struct file *f = unlink_name(place_of(name));
        note_names(CHANGE_UNLINK, f, name, "");
        file_drop(f);
}

void platter_rename(const char *from, const char *to) {
        size_t over = place_of(to);
        struct file *old = over < platter->n_names ? unlink_name(over) : NULL;
        struct file *f = unlink_name(place_of(from));
        link_name(to, f);
        note_names(CHANGE_RENAME, f, from, to);
        if (old)
                file_drop(old);
}

void platter_sync_names(void) {
        note(CHANGE_SYNC_NAMES, NULL);
}

/* ---- contents ---- */
static int grow(struct file *f, uint64_t size) {
        if (size <= f->n)
                return 0;
        if (platter->room != PLATTER_ENDLESS) {
                if (size - f->n > platter->room)
                        return ENOSPC;
                platter->room -= size - f->n;
        }
        if (size > f->cap) {
                f->cap = MAX(2 * f->cap, (size_t)size);
                f->p = own_resize(f->p, f->cap);
        }
        memset(f->p + f->n, 0, (size_t)size - f->n);
        f->n = (size_t)size;
        return 0;
}

int platter_write(struct file *f, uint64_t at, const void *p, size_t n) {
        int r = grow(f, at + n);
        if (r)
                return r;
        memcpy(f->p + at, p, n);
        note_write(f, at, p, n);
        return 0;
}

int platter_resize(struct file *f, uint64_t size) {
        int r = grow(f, size);
        if (r)
                return r;
        if (platter->room != PLATTER_ENDLESS)
                platter->room += f->n - size;
        f->n = (size_t)size;
        struct change *c = note(CHANGE_SIZE, f);
        if (c)
                c->at = size;
        return 0;
}

void platter_sync(struct file *f) {
        note(CHANGE_SYNC, f);
}

struct image platter_copy(const char *name) {
        const struct file *f = platter_find(name);
        struct image ret = {.n = f ? f->n : 0};
        ret.p = own_resize(NULL, ret.n + 1);
        if (ret.n)
                memcpy(ret.p, f->p, ret.n);
        return ret;
}

void platter_lay(const char *name, struct image whole) {
        if (whole.n)
                REQUIRE(platter_write(platter_create(name), 0, whole.p, whole.n) == 0);
}
