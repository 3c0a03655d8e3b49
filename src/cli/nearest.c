/* SPDX-License-Identifier: Apache-2.0 */
/* Which word somebody meant: the one with the fewest letters added, dropped, changed or swapped, if these are few. */
#include "cli/cli.h"

#define WORD_MAX 32
#define NEAR_SHORT 1 /* letters that may be off in a word of up to 4 letters */
#define NEAR_LONG 2  /* in a longer one */
#define SHORT 4

static size_t least(size_t a, size_t b, size_t c) {
        return MIN(MIN(a, b), c);
}

/* Optimal string alignment distance; both words at most WORD_MAX long. */
static size_t distance(const char *a, size_t n, const char *b, size_t m) {
        size_t d[WORD_MAX + 1][WORD_MAX + 1];
        for (size_t i = 0; i <= n; i++)
                d[i][0] = i;
        for (size_t j = 0; j <= m; j++)
                d[0][j] = j;
        for (size_t i = 1; i <= n; i++) {
                for (size_t j = 1; j <= m; j++) {
                        size_t change = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
                        d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1, change);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
                }
        }
        return d[n][m];
}

static void fold(char *to, const char *from) {
        size_t i = 0;
        for (; from[i] && i < WORD_MAX; i++)
                to[i] = from[i] >= 'A' && from[i] <= 'Z' ? (char)(from[i] + ('a' - 'A')) : from[i];
        to[i] = 0;
}

/* How far @candidate is from the folded @typed; 0 also for a beginning of it of 3 letters or more. */
static size_t how_far(const char *typed, const char *candidate) {
        char folded[WORD_MAX + 1];
        size_t n = strlen(typed);
        fold(folded, candidate);
        if (n > 2 && strncmp(folded, typed, n) == 0)
                return 0;
        return distance(typed, n, folded, strlen(folded));
}

static size_t allowed(const char *typed) {
        return strlen(typed) <= SHORT ? NEAR_SHORT : NEAR_LONG;
}

const char *nearest(const char *typed, const char *const *candidates) {
        char word[WORD_MAX + 1];
        const char *best = NULL;
        fold(word, typed);
        size_t within = allowed(word) + 1;
        for (; *candidates; candidates++) {
                size_t far = how_far(word, *candidates);
                if (far >= within)
                        continue;
                within = far;
                best = *candidates;
        }
        return best;
}

const char *nearest_enum(const char *typed, const struct wire_enum *e) {
        char word[WORD_MAX + 1];
        const char *best = NULL;
        fold(word, typed);
        size_t within = allowed(word) + 1;
        for (size_t i = 0; i < e->n; i++) {
                size_t far = how_far(word, e->rows[i].spelling);
                if (far >= within)
                        continue;
                within = far;
                best = e->rows[i].spelling;
        }
        return best;
}
