/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: a ticket that came by mail or messenger may have been swapped on its way. Two people on the telephone compare four
 * words instead of 600 letters: 44 bits of a hash over the whole ticket, 11 bits a word. Device codes have them too.
 *
 * The 2,048 words are made, not chosen: consonant, vowel, consonant, vowel, from sounds that are told apart on a bad line in
 * most languages ("bako dimu tesi loru").
 */
#include "roster/words.h"

#define WORDS 4
#define WORD_BITS 11

static const char first[16] = {'b', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z'};
static const char vowel[4] = {'a', 'i', 'o', 'u'};
static const char second[8] = {'b', 'd', 'k', 'l', 'm', 'r', 's', 't'};

/* Bits 4, 2, 3 and 2, from the highest. */
static void word_put(struct buf *out, unsigned w) {
        buf_add_u8(out, (uint8_t)first[w >> 7 & 15]);
        buf_add_u8(out, (uint8_t)vowel[w >> 5 & 3]);
        buf_add_u8(out, (uint8_t)second[w >> 2 & 7]);
        buf_add_u8(out, (uint8_t)vowel[w & 3]);
}

void words_put(struct buf *out, const struct hash *mesh, struct span whole) {
        struct hash h;
        hash_make(&h, DOMAIN_CHECK_WORDS, mesh, whole);
        uint64_t bits = get_be64(h.b);
        for (unsigned i = 0; i < WORDS; i++) {
                if (i)
                        buf_add_u8(out, ' ');
                word_put(out, (unsigned)(bits >> (64 - WORD_BITS * (i + 1))) & ((1u << WORD_BITS) - 1));
        }
}
