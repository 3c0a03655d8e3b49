/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log after a crash: SQLite checks the sums of its frames, and takes the first that does not fit for the log's end. After
 * a power cut that is right. Where a worn disk has changed one byte it would drop all that was acknowledged behind it. So
 * before SQLite opens the log, that byte is put back: in a page its own sum says which (pages.h), elsewhere the frame's.
 *
 * What a power cut has torn does not become whole by that: that 64 bits of sum fit by chance after one byte was changed has
 * a chance of one in 2^43.
 *
 * The format: https://www.sqlite.org/fileformat2.html, section 4.
 */
#pragma once

#include "store/pages.h"

#define LOG_HEADER 32     /* bytes, then frames */
#define LOG_FRAME_HEAD 24 /* 8 bytes, the salts, the sums; then the page */
#define LOG_FRAME (LOG_FRAME_HEAD + PAGE_BYTES)
#define LOG_SUMS 8
#define LOG_HEADER_SUMS 24 /* where they stand in the header */
#define LOG_FRAME_SUMS 16  /* and in the head of a frame */

/* @path: the log's. 0 also if there is none, or nothing can be mended. Nobody writes to it meanwhile. */
int log_mend(const char *path);

/* Where the sums stand that those of the frame at @at go on from. */
sqlite3_int64 log_sums_before(sqlite3_int64 at);
void log_sum(uint8_t frame[LOG_FRAME], const uint8_t before[LOG_SUMS]);
/* Whether the frame is of this log, and not left of one that was written over. */
bool log_same_salts(const uint8_t header[LOG_HEADER], const uint8_t frame[LOG_FRAME]);
