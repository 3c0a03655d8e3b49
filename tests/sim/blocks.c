/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of so many classes of size that a piece is at most a quarter larger than asked for. What was put back last is
 * taken first: most pieces live for one event, and that one is still in the cache. Nothing goes back to the system, and no
 * two pieces become one again: a home does much the same all its life.
 */
#include "sim/blocks.h"

#include "base/base.h"

#include <sys/mman.h>

#define UNIT 16
#define UNITS 64                                         /* classes that are a unit apart: up to 1 KiB */
#define QUARTERS 24                                      /* beyond, four to each doubling: up to 64 KiB */
#define LARGEST ((size_t)UNIT * UNITS << (QUARTERS / 4)) /* what is larger is libc's */
#define REGION ((size_t)64 << 20)                        /* bytes asked of the system at once */
#define PAGE ((size_t)2 << 20)

struct piece {
        struct piece *next;
};

static struct piece *put[UNITS + QUARTERS + 1]; /* by class, the latest first */
static uint8_t *fresh, *fresh_end;

/* The class of @n bytes, and how many its pieces have. */
static size_t class_of(size_t n, size_t *ret_size) {
        size_t units = MAX((n + UNIT - 1) / UNIT, (size_t)1), step = UNITS / 4, class = UNITS;
        *ret_size = units * UNIT;
        if (units <= UNITS)
                return units;
        while (units > 8 * step) {
                step *= 2;
                class += 4;
        }
        size_t quarter = (units - 4 * step + step - 1) / step;
        *ret_size = (4 + quarter) * step * UNIT;
        return class + quarter;
}

static bool begin_region(void) {
        uint8_t *p = mmap(NULL, REGION + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return false;
        fresh = p + (PAGE - (uintptr_t)p % PAGE) % PAGE;
        fresh_end = fresh + REGION;
        madvise(fresh, REGION, MADV_HUGEPAGE); /* where there are none, small ones do */
        return true;
}

/* One that nobody has had yet: it is zeros. */
static void *take_fresh(size_t size) {
        if ((size_t)(fresh_end - fresh) < size && !begin_region())
                return NULL;
        fresh += size;
        return fresh - size;
}

static struct piece *take_again(size_t class) {
        struct piece *p = put[class];
        if (p)
                put[class] = p->next;
        return p;
}

void *blocks_take(size_t n) {
        size_t size;
        if (n > LARGEST)
                return __real_malloc(n);
        struct piece *p = take_again(class_of(n, &size));
        return p ? p : take_fresh(size);
}

void *blocks_zeros(size_t n) {
        size_t size;
        if (n > LARGEST)
                return __real_calloc(1, n);
        struct piece *p = take_again(class_of(n, &size));
        return p ? memset(p, 0, n) : take_fresh(size);
}

void blocks_put(void *p, size_t n) {
        size_t size, class;
        if (n > LARGEST) {
                __real_free(p);
                return;
        }
        class = class_of(n, &size);
        ((struct piece *)p)->next = put[class];
        put[class] = p;
}

void *blocks_resize(void *p, size_t old, size_t n) {
        size_t size = 0;
        if (old > LARGEST && n > LARGEST)
                return __real_realloc(p, n);
        if (old <= LARGEST && n <= LARGEST && class_of(old, &size) == class_of(n, &size))
                return p;
        void *moved = blocks_take(n);
        if (!moved)
                return NULL;
        memcpy(moved, p, MIN(old, n));
        blocks_put(p, old);
        return moved;
}
