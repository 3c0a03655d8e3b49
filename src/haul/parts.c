/* SPDX-License-Identifier: Apache-2.0 */
#include "haul/parts.h"

#include "base/err.h"

#include <stdlib.h>

uint64_t bits_count(const uint8_t *bits, uint64_t chunks) {
        uint64_t n = 0;
        for (size_t i = 0; i < bits_bytes(chunks); i++)
                n += (unsigned)__builtin_popcount(bits[i]);
        return n;
}

bool bits_right(struct span bits, uint64_t chunks) {
        if (bits.n != bits_bytes(chunks))
                return false;
        return chunks % 8 == 0 || bits.p[bits.n - 1] >> chunks % 8 == 0;
}

int parts_init(struct parts *p, uint64_t chunks, uint64_t size, const uint8_t *have) {
        *p = (struct parts){.n = chunks, .size = size, .stirred = 1, .all = calloc(chunks, sizeof(*p->all))};
        if (!p->all)
                return ERR_NOMEM;
        for (uint64_t i = 0; have && i < chunks; i++)
                if (bits_get(have, i))
                        parts_move(p, i, PART_HELD);
        return 0;
}

void parts_fini(struct parts *p) {
        free(p->all);
        *p = (struct parts){.all = NULL};
}

void parts_ask(struct parts *p, uint64_t i) {
        p->doubled += ++p->all[i].asked == 2;
}

void parts_unask(struct parts *p, uint64_t i) {
        p->doubled -= p->all[i].asked-- == 2;
        p->stirred += parts_open(p, i);
}

void parts_move(struct parts *p, uint64_t i, enum part_state to) {
        struct part *c = &p->all[i];
        p->ready += (to == PART_READY) - (uint64_t)(c->state == PART_READY);
        p->held += to == PART_HELD;
        p->held_bytes += to == PART_HELD ? chunk_plain(p->size, i) : 0;
        p->stirred += to == PART_MISSING;
        c->state = (uint8_t)to;
}
