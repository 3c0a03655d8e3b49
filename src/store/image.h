/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages of a store that SQLite would not open any more, one by one: of each the last that was committed, from the log or
 * from the database, if it is whole. Nothing is written.
 */
#pragma once

#include "store/pages.h"

struct image;

/* Of the store in @dir, whose lock the caller holds and whose database nobody has open. STORE_E_DAMAGED: it has no page. */
int image_open(struct image **ret, const char *dir);
struct image *image_close(struct image *m);
uint32_t image_pages(const struct image *m); /* numbered from 1 on */
/* False: it is damaged, or the disk does not give it back. */
bool image_page(struct image *m, uint32_t number, uint8_t ret[PAGE_BYTES]);
