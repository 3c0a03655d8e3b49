/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk of memory that can lose its power: the files of one folder, PLATTER, as a program sees them, and a log of every
 * change to them. From the log a cutter (cut.h) says what a power cut may leave. Writes become durable with a sync of
 * their file, names with a sync of the folder, and nothing else promises anything.
 *
 * There is one disk in use at a time: SQLite comes to it through vfs.c, the store's own calls through libc.c.
 */
#pragma once

#include "base/base.h"

#define PLATTER "/platter"
#define PLATTER_NAME_MOST 48
#define PLATTER_NAMES_MOST 16
#define PLATTER_SHARED_MOST 16 /* regions of shared memory: of 32 KiB, as SQLite asks for them */
#define PLATTER_LOCKS 8        /* SQLITE_SHM_NLOCK */
#define PLATTER_ENDLESS UINT64_MAX

struct file {
        uint32_t number;
        unsigned handles, names;
        uint8_t *p;
        size_t n, cap;

        /* What goes with the power: SQLite's locks and shared memory. */
        unsigned readers;
        bool reserved, pending, exclusive;
        void *regions[PLATTER_SHARED_MOST];
        unsigned shared_by[PLATTER_LOCKS];
        bool exclusive_by[PLATTER_LOCKS];
};

enum change_kind {
        CHANGE_WRITE,
        CHANGE_SIZE,
        CHANGE_SYNC,
        CHANGE_LINK,
        CHANGE_UNLINK,
        CHANGE_RENAME,
        CHANGE_SYNC_NAMES
};

struct change {
        enum change_kind kind;
        uint32_t file;
        uint64_t at; /* where it is written, or the new size */
        uint8_t *bytes;
        size_t n;
        char from[PLATTER_NAME_MOST], to[PLATTER_NAME_MOST];
};

struct platter {
        struct {
                char text[PLATTER_NAME_MOST];
                struct file *file;
        } names[PLATTER_NAMES_MOST];
        size_t n_names;
        uint32_t files;
        uint64_t room; /* bytes by which files may still grow */

        bool logging;
        struct change *log;
        size_t n_log, cap_log;
};

struct platter *platter_new(void);
struct platter *platter_free(struct platter *d);
/* From here on every change is kept; what is there already counts as durable. */
void platter_log(struct platter *d);

/* The one in use. */
extern struct platter *platter;

struct file *platter_find(const char *name); /* NULL: no such file */
struct file *platter_create(const char *name);
struct file *platter_create_unnamed(void);
/* A file's bytes, apart from the disk: own_free(p). None: there is no such file. */
struct image {
        uint8_t *p;
        size_t n;
};
struct image platter_copy(const char *name);
void platter_lay(const char *name, struct image whole); /* a file with these bytes, if there are any */
void platter_release(struct file *f);                   /* a handle is closed */
void platter_unlink(const char *name);
void platter_rename(const char *from, const char *to);
/* 0 or ENOSPC: then nothing was written. */
int platter_write(struct file *f, uint64_t at, const void *p, size_t n);
int platter_resize(struct file *f, uint64_t size);
void platter_sync(struct file *f);
void platter_sync_names(void);
/* The name in PLATTER that a path means; NULL: it is somewhere else. */
const char *platter_name_of(const char *path);

/* Memory of the disk itself, which no test makes scarce. */
void *own_resize(void *p, size_t n);
void own_free(void *p);
