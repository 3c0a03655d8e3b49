/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording. The first byte says what the rest is: a file; entries, which are sealed and must come back as they went in; or
 * an event, which is none, or is written again as the same bytes. Whatever a file asks for, no more memory and time are
 * spent than the bounds allow.
 */
#include "crypto/hash.h"
#include "tape/event.h"
#include "tape/tape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS SPAN_STR("correct horse")
#define CHEAP_KIB 64 /* what this target waits for; dearer files are only looked at */
#define CHEAP_PASSES 2

enum { WHOLE, ENTRIES, EVENT, KINDS };

static void check_event(struct span in) {
        _clean_(tape_event_fini) struct tape_event e = {.ev = {.now = 0}};
        _clean_(buf_fini) struct buf again = BUF_NULL;
        if (!tape_get_event(in, &e))
                return;
        if (e.ev.type == MESH_EV_RESTORE && e.row.kind == MESH_ROW_RECORD)
                return; /* it may name plaintexts, which are dropped */
        tape_put_event(&again, &e.ev);
        REQUIRE(span_eq(buf_span(&again), in));
}

/* To its end, which it has: each entry takes bytes. */
static void read_slot(struct span slot) {
        struct tape_reader r;
        enum tape_kind kind;
        struct span body;
        int e = tape_open(&r, slot, WORDS);
        while (e == 0) {
                e = tape_next(&r, &kind, &body);
                if (e == 0 && kind == TAPE_EVENT)
                        check_event(body);
        }
        REQUIRE(e > 0 && e <= TAPE_E_CUT);
        tape_close(&r);
}

static void check_file(struct span file) {
        uint64_t slot_bytes;
        if (tape_file_look(file, &slot_bytes))
                return;
        for (uint64_t i = 0; i < TAPE_SLOTS; i++) {
                struct span slot = span_from(file, tape_slot_at(slot_bytes, i));
                struct tape_head head;
                if (tape_look(slot, &head) == 0 && get_be32(slot.p) <= CHEAP_PASSES &&
                    get_be32(slot.p + 4) <= CHEAP_KIB)
                        read_slot(slot);
        }
}

static void check_entries(struct span plain) {
        static const uint8_t bytes[32] = {1};
        _clean_(buf_fini) struct buf slot = BUF_NULL;
        struct tape_lock lock;
        struct tape_writer w;
        REQUIRE(tape_lock_make(&lock, WORDS, bytes, 1, CHEAP_KIB));
        tape_begin(&w, &lock, 1, 1, bytes, &slot);
        for (; plain.n; plain = span_from(plain, TAPE_CHUNK)) {
                REQUIRE(tape_seal(&w, span_of(plain.p, MIN(plain.n, (size_t)TAPE_CHUNK)), &slot) == 0);
                slot.n -= TAPE_STOP;
        }
        read_slot(buf_span(&slot));
        tape_writer_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct span in = span_from(span_of(data, size), 1);
        if (!size)
                return 0;
        if (data[0] % KINDS == WHOLE)
                check_file(in);
        else if (data[0] % KINDS == ENTRIES)
                check_entries(in);
        else
                check_event(in);
        return 0;
}
