/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's own sums are two words of 32 bits, taken on from frame to frame, over a frame's first 8 bytes and its page, in the
 * byte order of the machine that wrote it, which is this one. They are linear: what a changed word adds to the two does not
 * depend on the others, but only on how many follow it. So each byte with each other value it could have is tried by two
 * multiplications. Over a whole page that would not say which: what the highest byte of a word adds comes again every 384
 * words.
 */
#include "store/log.h"

#include "base/err.h"
#include "store/sql.h"
#include "store/store.h"

#include <stdlib.h>

#define HEADER_SALTS 16
#define FRAME_SUMMED 8
#define SALTS 8
#define PAIR 8  /* bytes that two words take */
#define LANES 4 /* that a page is summed in */
#define LANE (PAGE_BYTES / LANES)

struct sums {
        uint32_t a, b;
};

struct log {
        sqlite3_file *file;
        uint8_t header[LOG_HEADER], frame[LOG_FRAME];
        uint64_t at; /* of the frame */
};

static uint32_t word(const uint8_t *p) {
        uint32_t v;
        memcpy(&v, p, sizeof(v));
        return v;
}

static struct sums sum_pair(struct sums s, const uint8_t *p) {
        s.a += word(p) + s.b;
        s.b += word(p + 4) + s.a;
        return s;
}

static struct sums sum_on(struct sums s, const uint8_t *p, size_t n) {
        for (size_t i = 0; i < n; i += PAIR)
                s = sum_pair(s, p + i);
        return s;
}

static struct sums sums_get(const uint8_t *p) {
        return (struct sums){get_be32(p), get_be32(p + 4)};
}

static void sums_put(uint8_t *p, struct sums s) {
        put_be32(p, s.a);
        put_be32(p + 4, s.b);
}

static bool same(struct sums x, struct sums y) {
        return x.a == y.a && x.b == y.b;
}

/* What sums become by a lane of zeros: the numbers of Fibonacci number 2 x LANE / PAIR - 1, and the next two, modulo 2^32. */
static struct sums sum_zeros(struct sums s) {
        const uint32_t x = 0x06b77ee2, y = 0xa2592c3b, z = 0xa910ab1d;
        return (struct sums){x * s.a + y * s.b, y * s.a + z * s.b};
}

/* Each word's sum waits for that of the word before it. So the page is taken in lanes, of which a processor sums all at
 * once: each but the first begins at nothing, and what stands before it is added at the end. */
static struct sums sum_page(struct sums before, const uint8_t page[PAGE_BYTES]) {
        struct sums lane[LANES] = {before};
        for (size_t i = 0; i < LANE; i += PAIR)
                for (size_t k = 0; k < LANES; k++)
                        lane[k] = sum_pair(lane[k], page + k * LANE + i);
        for (size_t k = 1; k < LANES; k++) {
                struct sums s = sum_zeros(lane[k - 1]);
                lane[k] = (struct sums){lane[k].a + s.a, lane[k].b + s.b};
        }
        return lane[LANES - 1];
}

static struct sums sum_frame(const uint8_t frame[LOG_FRAME], struct sums before) {
        return sum_page(sum_on(before, frame, FRAME_SUMMED), frame + LOG_FRAME_HEAD);
}

sqlite3_int64 log_sums_before(sqlite3_int64 at) {
        return at == LOG_HEADER ? LOG_HEADER_SUMS : at - LOG_FRAME + LOG_FRAME_SUMS;
}

void log_sum(uint8_t frame[LOG_FRAME], const uint8_t before[LOG_SUMS]) {
        sums_put(frame + LOG_FRAME_SUMS, sum_frame(frame, sums_get(before)));
}

bool log_same_salts(const uint8_t header[LOG_HEADER], const uint8_t frame[LOG_FRAME]) {
        return memcmp(header + HEADER_SALTS, frame + FRAME_SUMMED, SALTS) == 0;
}

/* ---- which byte ---- */

/* A byte that is not what it was. */
struct flip {
        unsigned n; /* how many would do */
        uint8_t *at, right;
};

/* Where two stretches of the same length differ. */
static void find_difference(uint8_t *p, const uint8_t *right, size_t n, struct flip *ret) {
        unsigned found = 0;
        for (size_t i = 0; i < n; i++)
                if (p[i] != right[i]) {
                        *ret = (struct flip){ret->n, p + i, right[i]};
                        found++;
                }
        ret->n += found == 1;
}

/* @one: what 1 more in the word at @p adds to the sums; @off: what they lack. */
static void find_in_word(uint8_t *p, struct sums one, struct sums off, struct flip *ret) {
        for (size_t i = 0; i < 4; i++)
                for (unsigned v = 0; v < 256; v++) {
                        uint8_t other[4];
                        memcpy(other, p, sizeof(other));
                        other[i] = (uint8_t)v;
                        uint32_t more = word(other) - word(p);
                        if (more && more * one.a == off.a && more * one.b == off.b)
                                *ret = (struct flip){ret->n + 1, p + i, (uint8_t)v};
                }
}

/* Among @n bytes that @behind bytes follow. A pair of words more behind it makes of what a word adds (a, b) the sums
 * (a + b, a + 2b). */
static void find_in_words(uint8_t *p, size_t n, size_t behind, struct sums off, struct flip *ret) {
        struct sums ones[] = {{1, 1}, {0, 1}};
        for (size_t i = n + behind; i; i -= PAIR) {
                for (size_t k = 0; k < ARRAY_LEN(ones); k++) {
                        if (i <= n)
                                find_in_word(p + i - PAIR + 4 * k, ones[k], off, ret);
                        ones[k] = (struct sums){ones[k].a + ones[k].b, ones[k].a + 2 * ones[k].b};
                }
        }
}

/* In the sums themselves, or in @n bytes before them that @behind bytes follow. */
static void find(uint8_t *p, size_t n, size_t behind, uint8_t *stored, struct sums is, struct flip *ret) {
        uint8_t right[LOG_SUMS];
        struct sums want = sums_get(stored);
        sums_put(right, is);
        find_difference(stored, right, sizeof(right), ret);
        find_in_words(p, n, behind, (struct sums){want.a - is.a, want.b - is.b}, ret);
}

/* ---- putting it back ---- */
static int put_back(struct log *l, const uint8_t *base, uint64_t base_at, struct flip flip) {
        *flip.at = flip.right;
        pages_note_mended();
        return l->file->pMethods->xWrite(l->file, flip.at, 1, (sqlite3_int64)(base_at + (uint64_t)(flip.at - base)));
}

/* A changed byte of the second salt does to the sums what one of the sums themselves does; but each frame has the salts, too. */
static void find_in_header(struct log *l, struct flip *ret) {
        uint8_t *salts = l->header + HEADER_SALTS, right[LOG_HEADER];
        const uint8_t *frame_salts = l->frame + FRAME_SUMMED;
        memcpy(right, l->header, LOG_HEADER);
        memcpy(right + HEADER_SALTS, frame_salts, SALTS);
        struct sums is = sum_on((struct sums){0}, right, LOG_HEADER_SUMS);
        if (same(is, sums_get(right + LOG_HEADER_SUMS)))
                find_difference(salts, frame_salts, SALTS, ret);
        else if (memcmp(salts, frame_salts, SALTS) == 0)
                find(l->header, HEADER_SALTS, SALTS, l->header + LOG_HEADER_SUMS, is, ret);
}

static int mend_header(struct log *l) {
        int rc = l->file->pMethods->xRead(l->file, l->header, LOG_HEADER, 0);
        struct sums is = sum_on((struct sums){0}, l->header, LOG_HEADER_SUMS);
        if (rc || same(is, sums_get(l->header + LOG_HEADER_SUMS)))
                return rc;
        rc = l->file->pMethods->xRead(l->file, l->frame, LOG_FRAME, LOG_HEADER);
        if (rc)
                return rc;
        struct flip flip = {0};
        find_in_header(l, &flip);
        return flip.n == 1 ? put_back(l, l->header, 0, flip) : SQLITE_DONE;
}

/* Nobody but the page itself says which of its bytes it was. */
static bool find_in_page(struct log *l, struct sums before, struct flip *ret) {
        uint8_t right[LOG_FRAME];
        size_t at;
        memcpy(right, l->frame, LOG_FRAME);
        if (page_check(right + LOG_FRAME_HEAD, get_be32(right), &at) != PAGE_MENDED ||
            !same(sum_frame(right, before), sums_get(right + LOG_FRAME_SUMS)))
                return false;
        at += LOG_FRAME_HEAD;
        *ret = (struct flip){1, l->frame + at, right[at]};
        return true;
}

static int mend_sums(struct log *l, struct sums before) {
        struct sums is = sum_frame(l->frame, before);
        struct flip flip = {0};
        if (same(is, sums_get(l->frame + LOG_FRAME_SUMS)))
                return SQLITE_OK;
        if (!find_in_page(l, before, &flip))
                find(l->frame, FRAME_SUMMED, PAGE_BYTES, l->frame + LOG_FRAME_SUMS, is, &flip);
        return flip.n == 1 ? put_back(l, l->frame, l->at, flip) : SQLITE_DONE;
}

/* SQLITE_DONE: the log ends before it. @sums: of the one before, and then of this one. */
static int mend_frame(struct log *l, struct sums *sums) {
        uint8_t *salts = l->frame + FRAME_SUMMED;
        const uint8_t *right = l->header + HEADER_SALTS;
        struct flip flip = {0};
        int rc = l->file->pMethods->xRead(l->file, l->frame, LOG_FRAME, (sqlite3_int64)l->at);
        if (rc)
                return rc;
        bool another = memcmp(salts, right, SALTS) != 0; /* of a log that was written over, unless one byte differs */
        if (another)
                find_difference(salts, right, SALTS, &flip);
        if (another && !flip.n)
                return SQLITE_DONE;
        rc = mend_sums(l, *sums);
        if (!rc && another)
                rc = put_back(l, l->frame, l->at, flip);
        *sums = sums_get(l->frame + LOG_FRAME_SUMS);
        l->at += LOG_FRAME;
        return rc;
}

static int mend_open(sqlite3_file *file) {
        struct log *l = calloc(1, sizeof(*l));
        if (!l)
                return SQLITE_NOMEM;
        l->file = file;
        l->at = LOG_HEADER;
        int rc = mend_header(l);
        struct sums sums = sums_get(l->header + LOG_HEADER_SUMS);
        while (!rc)
                rc = mend_frame(l, &sums);
        free(l);
        return rc == SQLITE_DONE || rc == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : rc;
}

static int open_and_mend(sqlite3_vfs *vfs, const char *path, sqlite3_file *file) {
        int rc = vfs->xOpen(vfs, path, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL | SQLITE_OPEN_NOFOLLOW, NULL);
        if (!rc)
                rc = mend_open(file);
        if (file->pMethods)
                file->pMethods->xClose(file);
        return rc;
}

int log_mend(const char *path) {
        sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
        sqlite3_file *file = vfs ? calloc(1, (size_t)vfs->szOsFile) : NULL;
        int exists = 0;
        if (!file)
                return ERR_NOMEM;
        int rc = vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &exists);
        if (!rc && exists)
                rc = open_and_mend(vfs, path, file);
        free(file);
        return rc ? sql_error(NULL, rc) : 0;
}
