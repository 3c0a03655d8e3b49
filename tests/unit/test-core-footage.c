/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Footage taken in, as the core sees it: what is signed and what it names, the chain over restarts and full disks, and who
 * may not. Seed: printed, and PORCHLIGHT_SEED.
 */
#include "clip/clip.h"
#include "core/core.h"
#include "support/street_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOME 1

static uint64_t seed;

static uint8_t sealed[CHUNK_SEALED];

static struct mesh_footage some_footage(uint64_t size) {
        return (struct mesh_footage){.camera = {{5}},
                                     .media = MEDIA_OTHER,
                                     .size = size,
                                     .salt = {1},
                                     .hashes = {{2}},
                                     .commit = {{3}},
                                     .sealed = SPAN_OF(sealed),
                                     .name = SPAN_STR("front door")};
}

static enum mesh_outcome sign(struct street *s, size_t i, const struct mesh_footage *f, struct hash *ret_id) {
        enum mesh_outcome o = street_command(s, i, (struct mesh_event){.type = MESH_EV_CLIP, .footage = f}, 10);
        if (o == MESH_OUT_DONE)
                *ret_id = s->homes[i].reply.reply.id;
        return o;
}

/* The manifest on the disk of home @i: read as anybody would who has the roster. */
static struct wire_manifest on_disk(struct street *s, size_t i, const struct hash *id) {
        const struct disk *d = &s->homes[i].disk;
        struct wire_manifest w = {0};
        struct hash got;
        for (size_t k = 0; k < d->n; k++) {
                const struct mesh_row *row = &d->rows[k].row;
                if (row->kind != MESH_ROW_CLIP || memcmp(&row->clip.id, id, sizeof(*id)) != 0)
                        continue;
                assert_int_equal(
                        clip_read(CLIP_MANIFEST, row->clip.manifest, roster_mesh(street_core(s, i)->roster), &w, &got),
                        0);
                assert_memory_equal(&got, id, sizeof(*id));
                assert_true(span_eq(row->clip.sealed, SPAN_OF(sealed)));
                return w;
        }
        fail_msg("the clip is not on the disk");
        return w;
}

static void test_manifest(void **state) {
        (void)state;
        struct street *s = street_new(3, seed);
        struct mesh_footage f = some_footage(70000);
        struct hash alert, own, id;
        assert_int_equal(street_post(s, 0, KIND_FIRE, "seen", &alert), MESH_OUT_DONE);
        assert_true(street_wait_all_have(s, &alert, 60));
        assert_int_equal(street_post(s, HOME, KIND_FIRE, "own", &own), MESH_OUT_DONE);
        f.from = street_wall(s) - 60;
        f.to = street_wall(s) - 50;
        f.cell = 0x123456789;
        f.audio = true;
        f.length = 10000;
        assert_int_equal(sign(s, HOME, &f, &id), MESH_OUT_DONE);
        struct wire_manifest w = on_disk(s, HOME, &id);
        struct mesh *m = street_core(s, HOME);
        assert_true(span_eq(w.device, SPAN_OF(m->sign.pub.b)) && span_eq(w.household, SPAN_OF(m->household.b)));
        assert_int_equal(w.seq, 0);
        assert_false(WIRE_HAS(&w, MANIFEST, prev) || WIRE_HAS(&w, MANIFEST, parent));
        assert_int_equal(w.size, 70000);
        assert_int_equal(w.chunks, 2);
        assert_true(w.from == f.from && w.to == f.to && w.cell == f.cell && w.audio && w.length == 10000 && w.sure);
        assert_int_equal(w.created, street_wall(s));
        assert_true(span_eq(w.seen, SPAN_OF(alert.b))); /* another household's, and not its own */
        street_free(s);
}

/* Each names the one before, also after the process ended, and where the disk refused one. */
static void test_chain(void **state) {
        (void)state;
        struct street *s = street_new(2, seed);
        struct mesh_footage f = some_footage(0);
        struct hash last = {{0}};
        for (uint64_t seq = 0; seq < 6; seq++) {
                struct hash id;
                if (seq == 3) {
                        street_disk_full(s, HOME, true);
                        assert_int_equal(sign(s, HOME, &f, &id), MESH_OUT_STORE_FAILED);
                        street_disk_full(s, HOME, false);
                }
                if (seq % 2) {
                        street_off(s, HOME);
                        street_on(s, HOME);
                }
                assert_int_equal(sign(s, HOME, &f, &id), MESH_OUT_DONE);
                struct wire_manifest w = on_disk(s, HOME, &id);
                assert_int_equal(w.seq, seq);
                assert_int_equal(WIRE_HAS(&w, MANIFEST, prev), seq > 0);
                if (seq)
                        assert_true(span_eq(w.prev, SPAN_OF(last.b)));
                last = id;
        }
        street_free(s);
}

/* While one is on its way to the disk no other is signed. */
static void test_one_at_a_time(void **state) {
        (void)state;
        struct street *s = street_new(2, seed);
        struct mesh_footage f = some_footage(1);
        struct hash id;
        street_core(s, HOME)->footage_writing = true;
        assert_int_equal(sign(s, HOME, &f, &id), MESH_OUT_BUSY);
        street_core(s, HOME)->footage_writing = false;
        assert_int_equal(sign(s, HOME, &f, &id), MESH_OUT_DONE);
        street_free(s);
}

static void test_refused(void **state) {
        (void)state;
        struct street *s = street_new(3, seed);
        struct mesh_footage good = some_footage(1), f = good;
        struct hash id;
        f.sealed = SPAN_STR("no sealed key");
        assert_int_equal(sign(s, HOME, &f, &id), MESH_OUT_BAD_CLIP);
        f = good;
        f.name = SPAN_NONE;
        assert_int_equal(sign(s, HOME, &f, &id), MESH_OUT_BAD_CLIP);
        f = good;
        f.size = UINT64_C(1) << 33;
        assert_int_equal(sign(s, HOME, &f, &id), MESH_OUT_BAD_CLIP);
        f = good;
        f.from = 20;
        f.to = 10;
        assert_int_equal(sign(s, HOME, &f, &id), MESH_OUT_BAD_CLIP);
        f = good;
        f.parent.b[0] = 1; /* and not what was done to it */
        assert_int_equal(sign(s, HOME, &f, &id), MESH_OUT_BAD_CLIP);
        assert_int_equal(street_vote(s, 0, OP_REMOVE, HOME), MESH_OUT_DONE);
        street_run_for(s, 60);
        assert_int_equal(sign(s, HOME, &good, &id), MESH_OUT_REMOVED);
        assert_int_equal(base_checks_failed(), 0);
        street_free(s);
}

int main(void) {
        seed = street_seed();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_manifest),
                cmocka_unit_test(test_chain),
                cmocka_unit_test(test_one_at_a_time),
                cmocka_unit_test(test_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
