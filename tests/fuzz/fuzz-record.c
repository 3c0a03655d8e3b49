/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that a member's device really signed, with any header and any plaintext: what stands behind the signature check.
 * The input is a run of records: 20 bytes that fill the header, a length, and the plaintext.
 */
#include "core/limits.h"
#include "support/lone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER 20
#define RECORDS_MOST 16
#define PLAIN_MOST 720
#define HOMES 2

enum bit {
        BIT_SENSOR = 1,
        BIT_TARGET = 2,
        BIT_TARGET_DEVICE = 4,
        BIT_OTHER_EPOCH = 8,
        BIT_REAL_TARGET = 16,
        BIT_AGAIN = 32
};

static struct hash victim;

static struct street *street(void) {
        static struct street *s;
        if (s)
                return s;
        s = street_new(HOMES, 1);
        REQUIRE(street_post(s, 0, KIND_FIRE, "fire", &victim) == MESH_OUT_DONE);
        street_run_for(s, 60);
        for (size_t i = 0; i < HOMES; i++)
                street_off(s, i);
        return s;
}

/* Times lie around now, so that most are within the rules: a signed number of minutes. */
static mesh_wall around(mesh_wall now, const uint8_t *p) {
        return now + (uint64_t)((int64_t)(int16_t)get_be16(p) * 60);
}

static size_t one(struct lone *l, struct guest_author *a, struct span in, struct hash *latest) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        struct wire_record w = {0};
        struct hash target = *latest;
        struct key other;
        if (in.n < HEADER)
                return 0;
        const uint8_t *p = in.p;
        mesh_wall now = street_wall(l->s) + l->now / 1000;
        uint8_t bits = p[0];
        w.type = p[1] % 9 + 1;
        w.klass = p[2] % 4 + 1;
        w.index = get_be16(p + 3) & 63;
        w.created = p[5] & 128 ? now : around(now, p + 6);
        w.expires = p[5] & 64 ? w.created + 3600 : around(w.created, p + 8);
        w.day = w.created / MESH_DAY + (p[5] & 32 ? p[10] % 5 : 0);
        if (w.klass == CLASS_ASK && !(p[5] & 16))
                w.day -= w.day % ASK_DAYS;
        if (bits & BIT_SENSOR)
                WIRE_PUT(&w, RECORD, sensor, true);
        if (bits & BIT_REAL_TARGET)
                target = victim;
        if (bits & BIT_TARGET)
                WIRE_PUT(&w, RECORD, target, SPAN_OF(target.b));
        if (bits & BIT_TARGET_DEVICE) {
                struct sign_key zero;
                sign_key_from_seed(&zero, street_config(l->s, p[11] % HOMES)->sign_seed);
                other = zero.pub;
                WIRE_PUT(&w, RECORD, target_device, SPAN_OF(other.b));
        }
        a->epoch[0] ^= bits & BIT_OTHER_EPOCH ? 1 : 0;
        size_t n = MIN((size_t)(get_be16(p + 18) % (PLAIN_MOST + 1)), in.n - HEADER);
        struct hash id = guest_record(a, &w, span_of(p + HEADER, n), &bytes);
        a->epoch[0] ^= bits & BIT_OTHER_EPOCH ? 1 : 0;
        if (bytes.n) {
                *latest = id;
                for (int again = bits & BIT_AGAIN ? 2 : 1; again > 0; again--)
                        guest_say_raw(&l->g, LINK_RECORD, buf_span(&bytes));
                lone_flush(l);
        }
        return HEADER + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct lone l;
        struct guest_author a;
        struct span in = span_of(data, size);
        struct hash latest = {{1}};
        lone_start(&l, street(), 0, LONE_MEMBER);
        lone_author(&l, 1, &a);
        a.rng = &l.rng;
        guest_hello(&l.g, street_wall(l.s), false);
        lone_flush(&l);
        REQUIRE(!l.g.gone);
        for (int i = 0; i < RECORDS_MOST; i++) {
                size_t used = one(&l, &a, in, &latest);
                if (!used)
                        break;
                in = span_from(in, used);
        }
        REQUIRE(!l.g.gone); /* a signed record is never a reason to hang up */
        lone_wait(&l, 61000);
        lone_end(&l);
        return 0;
}
