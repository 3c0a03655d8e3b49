/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a disk gives back what it was given. SQLite finds a page whose structure is broken, and not one with other bytes
 * in a blob; a neighbour who is sent such a record hangs up, since its signature is wrong. So each body is stored with a
 * sum, keyed with its number. It guards against worn disks and not against people: whoever can write to the disk can make sums.
 *
 * Every step is a bijection of the state for given bytes, and of the bytes for a given state: bytes that differ in one word
 * of eight never have the same sum, others do once in 2^64.
 */
#include "store/inside.h"

#define SUM_FACTOR 0x9e3779b97f4a7c15u /* odd, so that multiplying loses nothing */

static uint64_t mix(uint64_t state, uint64_t word) {
        state = (state ^ word) * SUM_FACTOR;
        return state ^ state >> 32;
}

void sum_make(uint64_t n, struct span bytes, uint8_t ret[SUM_BYTES]) {
        uint64_t state = mix(mix(0, n), bytes.n);
        size_t at = 0;
        for (; bytes.n - at >= sizeof(uint64_t); at += sizeof(uint64_t))
                state = mix(state, get_be64(bytes.p + at));
        uint8_t rest[sizeof(uint64_t)] = {0};
        if (bytes.n > at)
                memcpy(rest, bytes.p + at, bytes.n - at);
        put_be64(ret, mix(state, get_be64(rest)));
}

bool sum_fits(uint64_t n, struct span bytes, struct span sum) {
        uint8_t want[SUM_BYTES];
        sum_make(n, bytes, want);
        return span_eq(sum, SPAN_OF(want));
}

/* sum_of(n, bytes) */
static void sum_of(sqlite3_context *call, _unused_ int n, sqlite3_value **args) {
        const void *p = sqlite3_value_blob(args[1]);
        struct span bytes = p ? span_of(p, (size_t)sqlite3_value_bytes(args[1])) : SPAN_NONE;
        uint8_t sum[SUM_BYTES];
        sum_make((uint64_t)sqlite3_value_int64(args[0]), bytes, sum);
        sqlite3_result_blob(call, sum, sizeof(sum), SQLITE_TRANSIENT);
}

int sum_prepare(struct sql *q) {
        int rc = sqlite3_create_function_v2(q->db, "sum_of", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                                            NULL, sum_of, NULL, NULL, NULL);
        return rc ? sql_error(q->db, rc) : 0;
}
