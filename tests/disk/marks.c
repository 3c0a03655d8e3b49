/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-disk-marks: the eye that looks for what was erased sees it wherever it stands, and nothing else: no mark that was never
 * there is read from a part of one with any byte behind it, as a torn write leaves it.
 */
#include "disk/platter.h"
#include "disk/seen.h"
#include "disk/tell.h"

#include <stdio.h>
#include <stdlib.h>

#define ACKED 1
#define AT 501 /* so that each place it can be torn at is one where a sector may end */
#define SIZE 1024

static void lay_mark(unsigned mark, size_t whole, uint8_t behind) {
        char text[MARK_BYTES + 1];
        uint8_t bytes[SIZE] = {0};
        snprintf(text, sizeof(text), MARK, mark, mark);
        memset(bytes + AT, behind, MARK_BYTES);
        memcpy(bytes + AT, text, whole);
        platter = platter_new();
        platter_lay("file", (struct image){bytes, SIZE});
}

static int seen_in(const struct scenario *sc, unsigned mark, size_t whole, uint8_t behind) {
        lay_mark(mark, whole, behind);
        int seen = seen_mark(sc, ACKED);
        platter = platter_free(platter);
        return seen;
}

/* Marks that are wanted stand beside one that is to be gone: one digit makes the difference. */
static bool torn_is_none(struct scenario *sc, unsigned gone) {
        bool good = true;
        sc->gone_after[gone] = ACKED;
        for (unsigned beside = 0; beside < MARKS_MOST; beside += 7)
                for (size_t whole = 0; beside != gone && whole <= MARK_BYTES; whole++)
                        for (unsigned behind = 0; behind < 256; behind++)
                                good &= seen_in(sc, beside, whole, (uint8_t)behind) < 0;
        sc->gone_after[gone] = 0;
        return good;
}

static bool whole_is_seen(struct scenario *sc, unsigned gone) {
        sc->gone_after[gone] = ACKED;
        bool seen = seen_in(sc, gone, MARK_BYTES, 0) == (int)gone;
        sc->gone_after[gone] = 0;
        return seen && seen_in(sc, gone, MARK_BYTES, 0) < 0;
}

int main(void) {
        struct scenario *sc = calloc(1, sizeof(*sc));
        REQUIRE(sc);
        bool seen = true;
        for (unsigned mark = 0; mark < MARKS_MOST; mark++)
                seen &= whole_is_seen(sc, mark);
        tell_case(seen, "a mark that was to be gone is seen, and one that was not is none");
        tell_case(torn_is_none(sc, 0x96) && torn_is_none(sc, 0x11) && torn_is_none(sc, MARKS_MOST - 1),
                  "a torn mark is none");
        free(sc);
        return tell_end();
}
