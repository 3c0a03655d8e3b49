/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PNG: a signature, then chunks of length, type, data and sum (PNG, third edition, 5.3). Kept are those without which the
 * picture would not show as it does, animated ones included; texts, times, EXIF, profiles (which name devices) and whatever is
 * not known here are left out, and so is what stands behind the end.
 */
#include "ingest/media.h"

#include <string.h>

#define SIGNATURE 8
#define CHUNK_HEAD 8 /* length and type */
#define CHUNK_SUM 4
#define TYPE 4
#define DATA_MAX 0x7fffffffu
#define CRITICAL(type) (!((type)[0] & 0x20)) /* capital: who does not know it cannot show the picture */

static bool is_one_of(const uint8_t *type, const char *const *types, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (memcmp(type, types[i], TYPE) == 0)
                        return true;
        return false;
}

static const char *const kept[] = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM",
                                   "sRGB", "sBIT", "bKGD", "pHYs", "acTL", "fcTL", "fdAT"};

int png_take(struct source *s, struct locker *l) {
        int r = media_keep(s, l, SIGNATURE);
        for (bool first = true, end = false; !r && !end; first = false) {
                struct span head = source_look(s, CHUNK_HEAD);
                if (head.n < CHUNK_HEAD || get_be32(head.p) > DATA_MAX)
                        return MEDIA_E_BROKEN;
                uint64_t bytes = CHUNK_HEAD + (uint64_t)get_be32(head.p) + CHUNK_SUM;
                const uint8_t *type = head.p + TYPE;
                bool keep = is_one_of(type, kept, ARRAY_LEN(kept));
                if ((!keep && CRITICAL(type)) || first != (memcmp(type, "IHDR", TYPE) == 0))
                        return MEDIA_E_BROKEN;
                end = memcmp(type, "IEND", TYPE) == 0;
                r = keep ? media_keep(s, l, bytes) : media_skip(s, bytes);
        }
        return r;
}
