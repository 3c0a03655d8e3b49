/* SPDX-License-Identifier: Apache-2.0 */
/* Times and durations as people write them. No function here asks what time it is. */
#pragma once

#include "base/buf.h"

/* "2026-11-22T01:02:03Z" */
void when_rfc3339(struct buf *out, uint64_t seconds);
/* For people, in the process's time zone: "today 14:05", "yesterday 23:10", "Fri 20 Nov 14:05", "20 Nov 2025". */
void when_local(struct buf *out, uint64_t seconds, uint64_t now);
/* "3 min ago", "in 2 h", "just now": for freshness lines. */
void when_relative(struct buf *out, uint64_t seconds, uint64_t now);
/* A time as journalctl reads it: RFC 3339, "[Sun] YYYY-MM-DD [HH:MM[:SS]]", "HH:MM", "now", "today", "yesterday",
 * "tomorrow", "-2h", "+10min", "2h ago", "@1234567890"; local zone unless Z, UTC or an offset is there. False: cannot be
 * read. */
bool when_parse(struct span s, uint64_t now, uint64_t *ret_seconds);
/* "90s", "15m" or "15min", "2h", "7d", "2w", "1h30m", "1month" or "1M", "1y". Seconds; false for zero, nonsense, or more than ten years. */
bool when_duration(struct span s, uint64_t *ret_seconds);
/* "90 s", "2 h", "7 days". */
void when_show_duration(struct buf *out, uint64_t seconds);
