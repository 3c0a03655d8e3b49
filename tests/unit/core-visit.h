/* SPDX-License-Identifier: Apache-2.0 */
/* A guest in a street: a test knocks at a home with a member's key or nobody's, and says what no honest node would. */
#pragma once

#include "roster/roster.h"
#include "support/guest.h"
#include "support/street.h"

struct visit {
        struct street *s;
        size_t home;
        mesh_link link;
        struct guest g;
        struct rng rng;
};

static inline void on_bytes(void *ctx, struct span bytes, bool gone) {
        struct visit *v = ctx;
        guest_take(&v->g, bytes, gone);
}

static inline void flush(struct visit *v) {
        _clean_(buf_fini) struct buf out = v->g.out;
        v->g.out = BUF_NULL;
        street_attached_send(v->s, v->home, v->link, buf_span(&out));
}

static inline void newest_keys(struct street *s, size_t home, struct guest_author *ret) {
        const struct mesh_row *row;
        *ret = (struct guest_author){.mesh = *roster_mesh(mesh_roster(street_core(s, home)))};
        for (size_t k = 0; (row = street_row(s, home, k)); k++) {
                if (row->kind != MESH_ROW_EPOCH || !row->epoch.has_key)
                        continue;
                memcpy(ret->epoch, row->epoch.id, sizeof(ret->epoch));
                ret->group = row->epoch.key;
                ret->key_day = row->epoch.day;
        }
}

static inline struct key link_key(struct street *s, size_t home) {
        const struct mesh_row *row;
        struct key k = {{0}};
        for (size_t i = 0; (row = street_row(s, home, i)); i++)
                if (row->kind == MESH_ROW_EPOCH && row->epoch.has_key)
                        k = row->epoch.link_key;
        return k;
}

/* Knocks at @home with the device key of home @as (SIZE_MAX: nobody's), and shakes hands. */
static inline void visit_shake(struct visit *v, struct street *s, size_t home, size_t as) {
        uint8_t seed_bytes[32] = {(uint8_t)(as + 1), (uint8_t)home};
        struct key nobody = {{99, 1, 2}}, psk = link_key(s, home);
        const struct key *secret = as == SIZE_MAX ? &nobody : &street_config(s, as)->noise_secret;
        *v = (struct visit){.s = s, .home = home};
        rng_init(&v->rng, seed_bytes);
        guest_start(&v->g, roster_mesh(mesh_roster(street_core(s, home))), secret, &psk, &v->rng);
        v->link = street_attach(s, home, on_bytes, v);
        flush(v);
        flush(v);
        REQUIRE(guest_open(&v->g));
}

static inline void visit_greet(struct visit *v, struct street *s, size_t home, size_t as) {
        visit_shake(v, s, home, as);
        guest_hello(&v->g, street_wall(s), false);
        flush(v);
}

static inline void visit_end(struct visit *v) {
        street_detach(v->s, v->home, v->link);
        guest_end(&v->g);
        rng_fini(&v->rng);
}

/* The device that made the record, its keys, and a header that is within the rules. */
static inline void author(struct visit *v, size_t as, struct guest_author *a, struct wire_record *w) {
        newest_keys(v->s, v->home, a);
        sign_key_from_seed(&a->device, street_config(v->s, as)->sign_seed);
        a->rng = &v->rng;
        mesh_wall now = street_wall(v->s);
        *w = (struct wire_record){.type = RECORD_ALERT,
                                  .klass = CLASS_NORMAL,
                                  .created = now,
                                  .day = now / MESH_DAY,
                                  .expires = now + 3600,
                                  .index = 5};
}

static inline void plain_alert(struct buf *ret) {
        static const uint8_t salt[16] = {1};
        struct wire_alert a = {.kind = KIND_THEFT,
                               .cell = UINT64_C(1) << 35 | 777,
                               .category = CATEGORY_SECURITY,
                               .severity = SEVERITY_MODERATE,
                               .urgency = URGENCY_EXPECTED,
                               .certainty = CERTAINTY_OBSERVED,
                               .status = STATUS_ACTUAL,
                               .salt = SPAN_OF(salt)};
        WIRE_PUT(&a, ALERT, text, SPAN_STR("made by a guest"));
        codec_encode(&wire_alert_desc, &a, ret);
        REQUIRE(buf_ok(ret));
}

static inline struct hash say_record(struct visit *v, const struct guest_author *a, struct wire_record *w) {
        _clean_(buf_fini) struct buf plain = BUF_NULL, raw = BUF_NULL;
        plain_alert(&plain);
        struct hash id = guest_record(a, w, buf_span(&plain), &raw);
        guest_say_raw(&v->g, LINK_RECORD, buf_span(&raw));
        flush(v);
        return id;
}
