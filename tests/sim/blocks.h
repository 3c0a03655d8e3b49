/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the memory of all homes comes from. Thousands of homes are gigabytes, read here and there: in pages of 4 KiB most of
 * the time goes into finding out where a page is. So it is taken from large pages (blocks.c); under a sanitizer from libc,
 * who then sees each piece (blocks_libc.c).
 */
#pragma once

#include <stddef.h>

void *blocks_take(size_t n); /* for anything; NULL: none is left */
void *blocks_zeros(size_t n);
void *blocks_resize(void *p, size_t old, size_t n);
void blocks_put(void *p, size_t n);

/* libc's own: all other calls in this program are led through heap.c. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
