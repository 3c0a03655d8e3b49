/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEG: markers, segments behind them, and after each SOS the coded picture up to the next marker (ITU-T T.81, B.1.1). Kept is
 * what a decoder needs. Application data and comments are where place, time, device, names and thumbnails stand; they are left
 * out, but for two of APP0 and APP14, without which colours or shape would be others, and which tell no more than that. Nothing
 * behind the end of the picture is kept: there phones put a film, or a second picture.
 */
#include "ingest/media.h"

#include <string.h>

enum {
        M_SOF0 = 0xc0,
        M_RST0 = 0xd0,
        M_RST7 = 0xd7,
        M_SOI = 0xd8,
        M_EOI = 0xd9,
        M_SOS = 0xda,
        M_APP0 = 0xe0,
        M_APP14 = 0xee,
        M_APP15 = 0xef,
        M_JPG0 = 0xf0, /* to JPG13: what is in them is not known here */
        M_COM = 0xfe,
};

#define MARKER 2       /* bytes */
#define SEGMENT_HEAD 4 /* the marker, and a length that counts itself */

struct segment {
        uint8_t marker;
        size_t bytes; /* all of it */
};

/* JFIF without a thumbnail, and Adobe's word on the colours: of just these sizes. */
static bool is_harmless(struct span head, const struct segment *g) {
        static const struct {
                uint8_t marker;
                size_t bytes;
                const char *name;
                size_t n;
        } rows[] = {{M_APP0, 18, "JFIF", 5}, {M_APP14, 16, "Adobe", 5}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (g->marker == rows[i].marker && g->bytes == rows[i].bytes && head.n >= SEGMENT_HEAD + rows[i].n &&
                    memcmp(head.p + SEGMENT_HEAD, rows[i].name, rows[i].n) == 0)
                        return true;
        return false;
}

static bool is_kept(struct span head, const struct segment *g) {
        if ((g->marker >= M_APP0 && g->marker <= M_APP15) || g->marker == M_COM)
                return is_harmless(head, g);
        return true;
}

/* The coded picture, up to a marker that is none of its own: 0 stands for the byte 0xff, RSTm are within it. A camera that
 * lost its power leaves one without an end. */
static int keep_scan(struct source *s, struct locker *l) {
        for (;;) {
                struct span there = source_look(s, MARKER);
                if (there.n < MARKER)
                        return media_keep(s, l, there.n);
                const uint8_t *ff = memchr(there.p, 0xff, there.n - 1);
                size_t n = ff ? (size_t)(ff - there.p) : there.n - 1;
                int r = media_keep(s, l, n);
                if (r)
                        return r;
                if (!ff)
                        continue;
                there = source_look(s, MARKER);
                bool own = there.p[1] == 0 || (there.p[1] >= M_RST0 && there.p[1] <= M_RST7);
                if (!own)
                        return 0;
                r = media_keep(s, l, MARKER);
                if (r)
                        return r;
        }
}

/* One segment that begins at @head. */
static int take_segment(struct source *s, struct locker *l, struct span head) {
        if (head.n < SEGMENT_HEAD)
                return MEDIA_E_BROKEN;
        struct segment g = {.marker = head.p[1], .bytes = MARKER + (size_t)get_be16(head.p + MARKER)};
        if (g.bytes < SEGMENT_HEAD)
                return MEDIA_E_BROKEN;
        if (!is_kept(head, &g))
                return media_skip(s, g.bytes);
        int r = media_keep(s, l, g.bytes);
        return r || g.marker != M_SOS ? r : keep_scan(s, l);
}

int jpeg_take(struct source *s, struct locker *l) {
        bool picture = false;
        int r = media_keep(s, l, MARKER); /* SOI, which media_sniff() has seen */
        while (!r) {
                struct span head = source_look(s, 2 * MARKER + SEGMENT_HEAD + 8);
                if (head.n == 0 && picture)
                        return 0;
                if (head.n < MARKER || head.p[0] != 0xff)
                        return MEDIA_E_BROKEN;
                uint8_t marker = head.p[1];
                if (marker == 0xff) { /* fill */
                        source_take(s, 1);
                        continue;
                }
                if (marker == M_EOI)
                        return picture ? media_keep(s, l, MARKER) : MEDIA_E_BROKEN;
                if (marker < M_SOF0 || marker == M_SOI || (marker >= M_RST0 && marker <= M_RST7) ||
                    (marker >= M_JPG0 && marker != M_COM))
                        return MEDIA_E_BROKEN;
                picture |= marker == M_SOS;
                r = take_segment(s, l, head);
        }
        return r;
}
