/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is by its first bytes, and what is taken of it. Of a picture or a film that is what shows; where, by which
 * device, by whom and under which name it was made is left out, and sound unless it is asked for. Of a format that is not
 * known here nothing can be left out: then it is taken byte for byte, and that is said.
 */
#pragma once

#include "ingest/locker.h"
#include "ingest/source.h"

#define MEDIA_HEAD 16 /* bytes that say what a file is */

enum wire_e_media media_sniff(struct span head);

enum {
        MEDIA_E_READ = 16,   /* the file cannot be read (errno) */
        MEDIA_E_BROKEN = 17, /* it is not what it begins as */
        MEDIA_E_KIND = 18,   /* it is, and something in it cannot be written again */
};

struct media_wish {
        bool audio; /* keep the sound */
        bool as_is; /* leave nothing out */
};

/* Reads the file on descriptor @fd to its end and puts what is to be kept of it into @l; of @end all but what
 * locker_end() fills in. 0, MEDIA_E_*, LOCKER_E_*. */
int media_take(int fd, const struct media_wish *wish, struct locker *l, struct wire_i_end *end);

/* One format each: what is to be kept goes into @l. 0, MEDIA_E_*, LOCKER_E_*. */
int jpeg_take(struct source *s, struct locker *l);
int png_take(struct source *s, struct locker *l);
/* video_av.c, or video_none.c in a build without a library for films. Fills in what @end has of times and sound. */
extern const bool video_built;
int video_take(struct source *s, enum wire_e_media media, bool audio, struct locker *l, struct wire_i_end *end);

/* The next @n bytes of the file: into the clip, or nowhere. MEDIA_E_BROKEN: there are less. */
int media_keep(struct source *s, struct locker *l, uint64_t n);
int media_skip(struct source *s, uint64_t n);
