/* SPDX-License-Identifier: Apache-2.0 */
/* What targets have in common whose input is a run of deeds, each a byte and, where it needs some, 2 bytes of length and as many bytes. */
#pragma once

#include "support/lone.h"

#define DEEDS_HOMES 3
#define DEEDS_MOST 64
#define DEEDS_HEAD 3

/* A street of which nobody is on, made once: the input is about one home alone. */
static inline struct street *deeds_street(void) {
        static struct street *s;
        if (s)
                return s;
        s = street_new(DEEDS_HOMES, 1);
        street_run_for(s, 120);
        for (size_t i = 0; i < DEEDS_HOMES; i++)
                street_off(s, i);
        return s;
}

static inline struct sign_key deeds_device(const struct lone *l, size_t home) {
        struct sign_key k;
        sign_key_from_seed(&k, street_config(l->s, home)->sign_seed);
        return k;
}

/* @do_it does each, of @kinds, with no more than @most bytes. */
static inline void deeds_do(struct lone *l, struct span in, uint8_t kinds, size_t most,
                            void (*do_it)(struct lone *l, uint8_t what, struct span bytes)) {
        for (int i = 0; in.n >= DEEDS_HEAD && i < DEEDS_MOST; i++) {
                uint8_t what = in.p[0] % kinds;
                size_t n = MIN(MIN((size_t)get_be16(in.p + 1), in.n - DEEDS_HEAD), most);
                do_it(l, what, span_of(in.p + DEEDS_HEAD, n));
                in = span_from(in, DEEDS_HEAD + n);
        }
}
