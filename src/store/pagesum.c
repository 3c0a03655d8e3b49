/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sum of a page, and what it tells of a page that it does not fit.
 *
 * Four states run over the page's 511 words in turn, so that a processor can work on all at once, and then one state over these
 * four. Each takes a word in by steps that can be undone: a state and a word give the next state, and two states give the word
 * between them. So from the front the states before each word are known, from the sum at the end those behind it, and for each
 * word there is just one other that would make the sum fit. Where the two differ in one byte, that byte is what has changed.
 * That another word would do as well has a chance of 511 x 2,040 in 2^64.
 */
#include "store/pages.h"

#define WORDS ((PAGE_BYTES - PAGE_SUM) / 8)
#define LANES 4
#define FACTOR 0x9e3779b97f4a7c15u  /* odd, so that multiplying loses nothing */
#define INVERSE 0xf1de83e19937733du /* times FACTOR is 1 */
#define LAST_ROUNDS 3               /* so that a changed byte of the last word changes every byte of the sum */

struct lanes {
        uint64_t state[LANES];
};

static uint64_t mix(uint64_t state, uint64_t word) {
        state = (state ^ word) * FACTOR;
        return state ^ state >> 32;
}

/* What state and word were together, by the state that came of them. */
static uint64_t unmix(uint64_t state) {
        return (state ^ state >> 32) * INVERSE;
}

static uint64_t word_at(const uint8_t page[PAGE_BYTES], size_t i) {
        return get_be64(page + 8 * i);
}

static struct lanes lanes_begin(uint64_t number) {
        struct lanes l;
        for (size_t i = 0; i < LANES; i++)
                l.state[i] = mix(i, number);
        return l;
}

static struct lanes run(const uint8_t page[PAGE_BYTES], uint64_t number) {
        struct lanes l = lanes_begin(number);
        size_t i = 0;
        for (; i + LANES <= WORDS; i += LANES)
                for (size_t k = 0; k < LANES; k++)
                        l.state[k] = mix(l.state[k], word_at(page, i + k));
        for (size_t k = 0; i + k < WORDS; k++)
                l.state[k] = mix(l.state[k], word_at(page, i + k));
        return l;
}

static uint64_t join(const struct lanes *l) {
        uint64_t state = 0;
        for (size_t i = 0; i < LANES; i++)
                state = mix(state, l->state[i]);
        for (int i = 0; i < LAST_ROUNDS; i++)
                state = mix(state, 0);
        return state;
}

/* What each lane would have to end in for the sum to fit, if the others are right. */
static struct lanes part(const struct lanes *l, uint64_t sum) {
        uint64_t before[LANES] = {0};
        struct lanes ret;
        for (size_t i = 1; i < LANES; i++)
                before[i] = mix(before[i - 1], l->state[i - 1]);
        for (int i = 0; i < LAST_ROUNDS; i++)
                sum = unmix(sum);
        for (size_t i = LANES; i--;) {
                uint64_t both = unmix(sum);
                ret.state[i] = both ^ before[i];
                sum = both ^ l->state[i];
        }
        return ret;
}

void page_sum(uint8_t page[PAGE_BYTES], uint64_t number) {
        struct lanes l = run(page, number);
        put_be64(page + 8 * WORDS, join(&l));
}

/* A word that would make the sum fit. */
struct fit {
        unsigned n; /* how many there are; the others are of the last */
        size_t at;  /* its byte that differs */
        uint64_t word;
};

/* Counts @word if it differs from what is there in one byte. */
static void try_word(const uint8_t page[PAGE_BYTES], size_t i, uint64_t word, struct fit *fit) {
        uint64_t wrong = word ^ word_at(page, i);
        for (size_t byte = 0; byte < 8; byte++)
                if (wrong && !(wrong & ~((uint64_t)0xff << (8 * (7 - byte)))))
                        *fit = (struct fit){fit->n + 1, 8 * i + byte, word};
}

static struct fit find_words(const uint8_t page[PAGE_BYTES], uint64_t number) {
        struct lanes l = lanes_begin(number);
        uint64_t before[WORDS];
        struct fit fit = {0};
        for (size_t i = 0; i < WORDS; i++) {
                uint64_t *state = &l.state[i % LANES];
                before[i] = *state;
                *state = mix(*state, word_at(page, i));
        }
        struct lanes after = part(&l, word_at(page, WORDS));
        for (size_t i = WORDS; i--;) {
                uint64_t *state = &after.state[i % LANES], both = unmix(*state);
                try_word(page, i, both ^ before[i], &fit);
                *state = both ^ word_at(page, i);
        }
        try_word(page, WORDS, join(&l), &fit);
        return fit;
}

bool page_blank(const uint8_t page[PAGE_BYTES]) {
        return !page[0] && memcmp(page, page + 1, PAGE_BYTES - 1) == 0;
}

enum page_state page_check(uint8_t page[PAGE_BYTES], uint64_t number, size_t *ret_at) {
        struct lanes l = run(page, number);
        if (join(&l) == word_at(page, WORDS) || page_blank(page))
                return PAGE_WHOLE;
        struct fit fit = find_words(page, number);
        if (fit.n != 1)
                return PAGE_DAMAGED;
        put_be64(page + fit.at / 8 * 8, fit.word);
        *ret_at = fit.at;
        return PAGE_MENDED;
}
