/* SPDX-License-Identifier: Apache-2.0 */
/* A street in which households come by further devices: four homes, and machines that are in no mesh yet. */
#pragma once

#include "core/core.h"
#include "support/street.h"

#define SETTLE 300 /* seconds in which neighbours have compared with each other */

enum { HUB, ANNA, BEN, CLEO, LAPTOP, PHONE, TABLET, ATTIC, ALL };
#define HOMES 4

static inline struct street *devices_street(uint64_t seed) {
        struct street *s = street_bare(ALL, seed);
        REQUIRE(street_found(s, HUB) == MESH_OUT_DONE);
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        buf_add_str(&ticket, street_invite(s, HUB, HOMES - 1));
        for (size_t i = 1; i < HOMES; i++)
                REQUIRE(street_join(s, i, buf_cstr(&ticket)) == MESH_OUT_DONE);
        street_run_for(s, 30);
        return s;
}

/* Two parts that hear nothing of each other: bit i of @part is home i. */
static inline void part(struct street *s, unsigned one, bool cut) {
        for (size_t a = 0; a < ALL; a++)
                for (size_t b = 0; b < ALL; b++) {
                        if (!(one >> a & 1) || one >> b & 1)
                                continue;
                        if (cut)
                                street_cut(s, a, b);
                        else
                                street_mend(s, a, b);
                }
}

static inline void enrol(struct street *s, size_t i, size_t door, const char *name) {
        _clean_(buf_fini) struct buf code = BUF_NULL;
        street_code(s, HUB, door, &code);
        REQUIRE(street_enrol(s, i, buf_span(&code), name) == MESH_OUT_DONE);
}

/* ---- what a home knows ---- */

static inline const struct roster_device *device(struct street *s, size_t at, size_t of) {
        struct sign_key sign;
        sign_key_from_seed(&sign, street_config(s, of)->sign_seed);
        return roster_device_find(mesh_roster(street_core(s, at)), &sign.pub);
}

static inline bool is_current(struct street *s, size_t at, size_t of) {
        const struct roster_device *d = device(s, at, of);
        return d && !d->gone_at && d->home->member;
}
