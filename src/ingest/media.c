/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/media.h"

static bool begins(struct span head, size_t at, struct span with) {
        return head.n >= at + with.n && memcmp(head.p + at, with.p, with.n) == 0;
}

/* ISO/IEC 14496-12, 4.3; RFC 8794, 11.2.1; ITU-T T.81, B.1.1.3 with the first byte of what follows; PNG, 5.2. */
enum wire_e_media media_sniff(struct span head) {
        if (begins(head, 4, SPAN_STR("ftyp")))
                return MEDIA_MP4;
        if (begins(head, 0, SPAN_STR("\x1a\x45\xdf\xa3")))
                return MEDIA_MATROSKA;
        if (begins(head, 0, SPAN_STR("\xff\xd8\xff")))
                return MEDIA_JPEG;
        if (begins(head, 0, SPAN_STR("\x89PNG\r\n\x1a\n")))
                return MEDIA_PNG;
        return MEDIA_OTHER;
}

int media_keep(struct source *s, struct locker *l, uint64_t n) {
        while (n) {
                struct span there = source_look(s, 1);
                size_t now = (size_t)MIN((uint64_t)there.n, n);
                int r = now ? locker_put(l, span_of(there.p, now)) : MEDIA_E_BROKEN;
                if (r)
                        return r;
                source_take(s, now);
                n -= now;
        }
        return 0;
}

int media_skip(struct source *s, uint64_t n) {
        while (n) {
                struct span there = source_look(s, 1);
                size_t now = (size_t)MIN((uint64_t)there.n, n);
                if (!now)
                        return MEDIA_E_BROKEN;
                source_take(s, now);
                n -= now;
        }
        return 0;
}

static int take_all(struct source *s, struct locker *l) {
        for (;;) {
                struct span there = source_look(s, 1);
                int r = locker_put(l, there);
                if (r || !there.n)
                        return r;
                source_take(s, there.n);
        }
}

static int take(struct source *s, const struct media_wish *wish, struct locker *l, struct wire_i_end *end) {
        bool video = end->media == MEDIA_MP4 || end->media == MEDIA_MATROSKA;
        if (!wish->as_is && end->media == MEDIA_JPEG)
                return jpeg_take(s, l);
        if (!wish->as_is && end->media == MEDIA_PNG)
                return png_take(s, l);
        if (!wish->as_is && video && video_built)
                return video_take(s, (enum wire_e_media)end->media, wish->audio, l, end);
        WIRE_PUT(end, I_END, as_is, true);
        return take_all(s, l);
}

int media_take(int fd, const struct media_wish *wish, struct locker *l, struct wire_i_end *end) {
        static struct source s;
        source_init(&s, fd);
        end->media = media_sniff(source_look(&s, MEDIA_HEAD));
        int r = locker_begin(l, (enum wire_e_media)end->media);
        if (!r)
                r = take(&s, wish, l, end);
        source_fini(&s);
        return s.e ? MEDIA_E_READ : r;
}
