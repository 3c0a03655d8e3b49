/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's tests have in common: a folder of their own, and rows made of small numbers. */
#pragma once

#include "base/cell.h"
#include "store/inside.h"
#include "store/pages.h"
#include "store/schema.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_NOW 1800000000u
#define ROWS_LIFE (2 * 3600u)

/* A fixed generator (xorshift64*): a failure is the same failure the next time. */
static inline uint64_t rows_random(uint64_t *state) {
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        return *state * 0x2545f4914f6cdd1du;
}

static inline void rows_fill(uint8_t *p, size_t n, uint64_t what, uint64_t number) {
        uint64_t state = (what << 48 ^ number) * 0x9e3779b97f4a7c15u + 0x1234567;
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t)(rows_random(&state) >> 32);
}

static inline struct hash rows_id(uint64_t number) {
        struct hash h;
        rows_fill(h.b, sizeof(h.b), 1, number);
        return h;
}

static inline struct key rows_house(uint64_t number) {
        struct key k;
        rows_fill(k.b, sizeof(k.b), 2, number);
        return k;
}

/* A new folder under $TMPDIR or /tmp. */
static inline void rows_dir(char *ret, size_t size) {
        const char *base = getenv("TMPDIR");
        snprintf(ret, size, "%s/pl-store-XXXXXX", base ? base : "/tmp");
        REQUIRE(mkdtemp(ret));
}

static inline void rows_clear(const char *dir) {
        DIR *d = opendir(dir);
        for (struct dirent *e; d && (e = readdir(d));) {
                if (e->d_name[0] != '.')
                        unlinkat(dirfd(d), e->d_name, 0);
        }
        if (d)
                closedir(d);
}

static inline void rows_remove(const char *dir) {
        rows_clear(dir);
        rmdir(dir);
}

/* Record @number of household @house, one device a household. */
static inline struct mesh_row rows_record(uint64_t number, uint64_t house, uint8_t type, mesh_wall created) {
        struct mesh_row row = {.kind = MESH_ROW_RECORD};
        row.record.id = rows_id(number);
        row.record.household = rows_house(house);
        rows_fill(row.record.device.b, sizeof(row.record.device.b), 3, house);
        row.record.created = created;
        row.record.expires = created + ROWS_LIFE;
        row.record.day = (uint32_t)(created / MESH_DAY);
        row.record.index = (uint16_t)(number % 16384);
        row.record.type = type;
        row.record.klass = CLASS_NORMAL;
        row.record.bytes = SPAN_STR("signed bytes of a record");
        return row;
}

static inline struct wire_alert rows_alert(mesh_cell cell, struct span text) {
        struct wire_alert a = {0};
        a.kind = KIND_FIRE;
        a.cell = cell;
        a.category = CATEGORY_FIRE;
        a.severity = SEVERITY_SEVERE;
        a.urgency = URGENCY_IMMEDIATE;
        a.certainty = CERTAINTY_OBSERVED;
        a.status = STATUS_ACTUAL;
        if (text.n)
                WIRE_PUT(&a, ALERT, text, text);
        return a;
}

static inline struct wire_follow rows_follow(const struct hash *target, struct span text) {
        struct wire_follow f = {0};
        WIRE_PUT(&f, FOLLOW, target, SPAN_OF(target->b));
        if (text.n)
                WIRE_PUT(&f, FOLLOW, text, text);
        return f;
}

static inline int rows_commit(struct store *s, const struct mesh_row *row, mesh_wall now) {
        struct store_batch *b = store_batch_new();
        uint64_t seq;
        REQUIRE(b && store_batch_add(b, row, 0) == 0);
        int r = store_commit(s, b, now, &seq);
        store_batch_free(b);
        return r;
}

/* Whether any file in @dir holds these bytes. */
static inline bool rows_anywhere(const char *dir, struct span needle) {
        bool found = false;
        DIR *d = opendir(dir);
        for (struct dirent *e; d && (e = readdir(d));) {
                int fd = openat(dirfd(d), e->d_name, O_RDONLY);
                struct stat st;
                if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size) {
                        uint8_t *p = malloc((size_t)st.st_size);
                        ssize_t n = p ? read(fd, p, (size_t)st.st_size) : -1;
                        REQUIRE(n == st.st_size);
                        found |= memmem(p, (size_t)n, needle.p, needle.n) != NULL;
                        free(p);
                }
                if (fd >= 0)
                        close(fd); /* the store must be closed: this drops the process's locks */
        }
        if (d)
                closedir(d);
        return found;
}

/* The bytes of a database, as if they had been written like that. */
static inline void rows_resum(uint8_t *p, size_t n) {
        for (size_t at = 0; at + PAGE_BYTES <= n; at += PAGE_BYTES)
                page_sum(p + at, at / PAGE_BYTES + 1);
}

/* A new database of an older version, as programs before version 8 made them: without sums of pages. */
static inline void rows_plain(const char *path, size_t version) {
        struct sql q = {0};
        char text[128];
        REQUIRE(sqlite3_open_v2(path, &q.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK);
        REQUIRE(sum_prepare(&q) == 0 && slots_prepare(&q) == 0);
        for (size_t i = 0; i < version; i++)
                REQUIRE(sql_exec(&q, schema_current.steps[i]) == 0);
        snprintf(text, sizeof(text),
                 "PRAGMA application_id=1346586700; PRAGMA user_version=%zu; PRAGMA journal_mode=WAL", version);
        REQUIRE(sql_exec(&q, text) == 0);
        sql_close(&q);
}
