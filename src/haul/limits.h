/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds and times of fetching and serving, each with its reason. */
#pragma once

#define HAUL_SOURCES 8      /* known to one fetch: no more homes are asked for one clip (PROTOCOL 15.41) */
#define HAUL_ACTIVE 4       /* of them at work at once: more do not fill a line that four cannot */
#define WINDOW_FIRST 2      /* chunks wanted of a source that is not known yet: one comes, one waits behind it */
#define WINDOW_MOST 16      /* 1 MiB: 50 Mbit/s where an answer takes a sixth of a second */
#define WINDOW_GROWS 1000   /* ms from want to chunk below which the window grows by one */
#define WINDOW_SHRINKS 3000 /* ms above which it is halved: what waits there could be had elsewhere */
#define IN_FLIGHT 64        /* chunks of one fetch wanted or waiting for the disk: 4 MiB of memory */
#define READY_MOST 96       /* those and late ones of sources that had been silent; more are fetched again */
#define DOUBLE_MOST 4       /* chunks wanted of two sources at once */
#define DOUBLE_AFTER 2000   /* ms a want is old before a second source is asked, where nothing else is left to do … */
#define READER_AFTER 1000   /* … or where a reader waits for that very chunk */
#define SILENT 8000         /* ms without a byte after which a source's wants are given to others */
#define GIVE_UP 60000       /* … and after which it is let go */
#define CRAWL 30000         /* ms for one chunk, above which a source counts as silent: 17 kbit/s */
#define CRAWL_OVER 240000   /* … and is let go */
#define DOUBLE_PART 20      /* of so many chunks one may be wanted twice at the end, besides the first few */
#define HURRY 30000         /* ms that are left at this rate, above which sources that are to be spared are asked too */
#define SPARE_MOST                                                                                                     \
        8 /* buffers of chunks kept for the next ones: asking the kernel for pages anew costs more than hashing */
#define HAVE_EVERY                                                                                                     \
        100 /* ms between two maps of one source that are counted: 65,536 chunks take a while; the last one counts */
#define LIST_OVER 1200000 /* ms for a list, above which its source is let go: 2 MiB at 17 kbit/s */
#define SAVE_EVERY 16     /* chunks between two marks on the disk: a crash costs a megabyte … */
#define SAVE_TIME 500 /* … but where more comes in so many ms, that is what it costs: flushing takes a disk's time … */
#define SAVE_MOST 256  /* … and never more than 16 MiB */
#define BANNED_MOST 64 /* liars remembered; homes in a street that lie are fewer */
#define TICK 1000      /* ms between looks at what does not come */

#define SERVE_LINKS 32 /* homes served at once */
#define SERVE_CLIPS 16 /* clips that one of them has asked after, and may want parts of */
#define SERVE_WANTS 64 /* waiting of one: four windows, of as many clips; more is no window (PROTOCOL 15.44) */
#define SERVE_AHEAD 4  /* chunks read ahead for one: with two the line waits for the pool at times */
#define SERVE_READS 8  /* of all at once: two homes' share, and 512 KiB */
#define LIST_PIECE 256 /* hashes in one LIST: 8 KiB */
