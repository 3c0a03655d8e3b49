/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts as people see them. Their rows are compared with a model over random sets of records in random orders, nearby with
 * a look at every alert.
 */
#include "cases.h"
#include "store-world.h"

#define ORDERS 40 /* in how many orders; four to a world */

static bool expect_erased(const struct world *w, size_t i) {
        bool gone = retraction_of(w, i) && w->rows[i].record.type != RECORD_RETRACT;
        for (size_t j = 0; j < WORLD_ALERTS && w->rows[i].record.follow; j++) {
                bool change = w->rows[i].record.type <= RECORD_RESOLVE && same_house(&w->rows[i], &w->rows[j]);
                bool of_this = memcmp(&w->rows[i].record.target, &w->rows[j].record.id, sizeof(struct hash)) == 0;
                gone |= change && of_this && retraction_of(w, j);
        }
        if (gone)
                assert_false(rows_anywhere(dir, span_str(w->texts[i])));
        return gone;
}

static void any_order_gives_the_same_rows(void **state) {
        (void)state;
        uint64_t rng = 42;
        unsigned taken_back = 0, orders = cases(ORDERS);
        struct world *w = calloc(1, sizeof(*w));
        for (unsigned i = 0; i < orders; i++) {
                if (i % 4 == 0)
                        make_world(w, &rng);
                shuffle(w, &rng);
                rows_clear(dir);
                struct store *s = opened();
                add_world(w, s, &rng);
                _clean_(buf_fini) struct buf got = BUF_NULL, want = BUF_NULL;
                tell_world(w, &want);
                tell_store(w, &got);
                assert_string_equal(buf_cstr(&got), buf_cstr(&want));
                store_close(s);
                for (size_t j = 0; j < WORLD_RECORDS; j++)
                        taken_back += expect_erased(w, j);
        }
        assert_true(taken_back > orders);
        free(w);
}

/* ---- nearby ---- */
#define NEAR_ALERTS 600
#define NEAR_QUESTIONS 300

static double between(uint64_t *rng, double low, double high) {
        return low + (high - low) * (double)(rows_random(rng) >> 11) / (double)(1ull << 53);
}

static mesh_cell some_cell(uint64_t *rng) {
        static const double spreads[] = {0.003, 0.02, 0.5, 40};
        double d = spreads[rows_random(rng) % ARRAY_LEN(spreads)];
        return cell_at(52.5 + between(rng, -d, d), 13.4 + between(rng, -d, d),
                       rows_random(rng) % 3 ? CELL_BLOCK : CELL_AREA);
}

static void make_near(struct store *s, uint64_t *rng) {
        static const uint8_t kinds[] = {KIND_FIRE, KIND_NOISE, KIND_OTHER};
        static const char *const texts[] = {"", "Smoke from the roof", "a dog", "no smoke here"};
        struct store_batch *b = store_batch_new();
        uint64_t seq;
        for (uint64_t i = 0; i < NEAR_ALERTS; i++) {
                struct mesh_row row = rows_record(i, rows_random(rng) % 6, RECORD_ALERT,
                                                  ROWS_NOW - rows_random(rng) % (4 * MESH_DAY));
                row.record.expires = row.record.created + rows_random(rng) % (2 * MESH_DAY) + 1;
                struct wire_alert a = rows_alert(some_cell(rng), span_str(texts[rows_random(rng) % 4]));
                a.kind = kinds[rows_random(rng) % 3];
                a.severity = 1 + rows_random(rng) % 5;
                row.record.alert = &a;
                assert_int_equal(store_batch_add(b, &row, i), 0);
                uint8_t type = (uint8_t)(RECORD_ALERT + rows_random(rng) % 12);
                if (type != RECORD_UPDATE && type != RECORD_RESOLVE && type != RECORD_RETRACT)
                        continue;
                struct mesh_row next = row;
                struct wire_follow f = rows_follow(&row.record.id, SPAN_NONE);
                next.record.id = rows_id(NEAR_ALERTS + i);
                next.record.type = type;
                next.record.created += rows_random(rng) % MESH_DAY;
                next.record.target = row.record.id;
                next.record.alert = NULL;
                next.record.follow = type == RECORD_RETRACT ? NULL : &f;
                assert_int_equal(store_batch_add(b, &next, i), 0);
        }
        /* The clock stands earlier than the questions: some ends have no tick yet. */
        assert_int_equal(store_commit(s, b, ROWS_NOW - 3600, &seq), 0);
        store_batch_free(b);
}

static bool naive_fits(const struct store_filter *f, const struct store_alert *a) {
        bool active = a->state == STATE_ACTIVE || a->state == STATE_UPDATED, in_force = active && a->expires > f->now;
        bool expired = a->state == STATE_EXPIRED || (active && !in_force);
        mesh_wall changed = MAX(MAX(a->created, a->updated), expired ? a->expires : 0);
        if (f->since ? changed < f->since : !in_force && changed + MESH_DAY < f->now)
                return false;
        if (f->within_m && cell_distance_m(f->centre, a->cell) > f->within_m)
                return false;
        if (f->kinds[0] && !(f->kinds[a->kind / 64] >> a->kind % 64 & 1))
                return false;
        if (f->muted_kinds[a->kind / 64] >> a->kind % 64 & 1)
                return false;
        bool severe = a->severity == SEVERITY_EXTREME || a->severity == SEVERITY_SEVERE;
        bool urgent = a->kind == KIND_FIRE && a->urgency == URGENCY_IMMEDIATE && severe && a->status == STATUS_ACTUAL;
        for (size_t i = 0; i < f->n_muted_households && !urgent; i++) {
                if (!memcmp(&f->muted_households[i], &a->household, 32))
                        return false;
        }
        if (f->min_severity && a->severity > f->min_severity)
                return false;
        return !f->text.n || text_contains(a->text, f->text);
}

struct near_check {
        const struct store_filter *f;
        uint64_t n;
        struct store_alert last;
};

static int check_near(void *ctx, const struct store_alert *a) {
        struct near_check *c = ctx;
        assert_true(naive_fits(c->f, a));
        assert_true(store_alert_fits(c->f, a));
        assert_int_equal(a->distance_m, c->f->centre ? cell_distance_m(c->f->centre, a->cell) : UINT32_MAX);
        bool force = a->state <= STATE_UPDATED, last_force = c->last.state <= STATE_UPDATED;
        assert_true(!force || a->expires > c->f->now);
        if (c->n) {
                assert_true(last_force >= force);
                assert_true(last_force > force || c->last.severity <= a->severity);
                assert_true(last_force > force || c->last.severity < a->severity || c->last.created >= a->created);
        }
        c->last = *a;
        c->n++;
        return 0;
}

struct naive {
        const struct store_filter *f;
        uint64_t n;
};

static int count_if_fits(void *ctx, const struct store_alert *a) {
        struct naive *c = ctx;
        c->n += naive_fits(c->f, a);
        return 0;
}

static uint64_t count_naive(struct store_reader *r, const struct store_filter *f) {
        struct naive c = {.f = f};
        for (uint64_t i = 0; i < NEAR_ALERTS; i++) {
                struct hash id = rows_id(i);
                assert_int_equal(store_alert_get(r, &id, count_if_fits, &c), 0);
        }
        return c.n;
}

static struct store_filter some_filter(uint64_t *rng, const struct key *muted) {
        static const uint32_t radii[] = {0, 50, 300, 800, 3000, 20000, 3000000};
        struct store_filter f = {.now = ROWS_NOW};
        if (rows_random(rng) % 4)
                f.centre = some_cell(rng);
        if (f.centre)
                f.within_m = radii[rows_random(rng) % ARRAY_LEN(radii)];
        if (rows_random(rng) % 3 == 0)
                f.since = ROWS_NOW - rows_random(rng) % (5 * MESH_DAY);
        if (rows_random(rng) % 3 == 0)
                f.kinds[0] = UINT64_C(1) << KIND_FIRE | UINT64_C(1) << KIND_NOISE;
        if (rows_random(rng) % 3 == 0)
                f.muted_kinds[0] = UINT64_C(1) << KIND_NOISE;
        if (rows_random(rng) % 3 == 0)
                f.min_severity = (uint8_t)(1 + rows_random(rng) % 5);
        if (rows_random(rng) % 3 == 0) {
                f.muted_households = muted;
                f.n_muted_households = 2;
        }
        return f;
}

static void nearby_finds_what_fits(void **state) {
        (void)state;
        uint64_t rng = 5, total = 0;
        unsigned questions = cases(NEAR_QUESTIONS);
        struct store *s = opened();
        make_near(s, &rng);
        struct store_reader *r = reading();
        struct key muted[] = {rows_house(1), rows_house(77)};
        for (unsigned i = 0; i < questions; i++) {
                struct store_filter f = some_filter(&rng, muted);
                uint64_t want = count_naive(r, &f);
                struct near_check c = {.f = &f};
                assert_int_equal(store_nearby(r, &f, check_near, &c), 0);
                assert_int_equal(c.n, want);
                total += want;
                f.text = SPAN_STR("sMOKE");
                c = (struct near_check){.f = &f};
                assert_int_equal(store_nearby(r, &f, check_near, &c), 0);
                assert_int_equal(c.n, count_naive(r, &f));
                f.text = SPAN_NONE;
                f.limit = 3;
                c = (struct near_check){.f = &f};
                assert_int_equal(store_nearby(r, &f, check_near, &c), 0);
                assert_int_equal(c.n, MIN(want, 3));
        }
        assert_true(total > questions);
        struct store_force force, want = {.until = UINT64_MAX};
        assert_int_equal(store_in_force(r, ROWS_NOW, &force), 0);
        for (uint64_t i = 0; i < NEAR_ALERTS; i++) {
                struct store_alert a = alert_of(r, rows_id(i));
                if (a.state > STATE_UPDATED || a.expires <= ROWS_NOW)
                        continue;
                want.count++;
                want.until = MIN(want.until, a.expires);
        }
        assert_int_equal(force.count, want.count);
        assert_int_equal(force.until, want.until);
        store_reader_close(r);
        store_close(s);
}

static void watchers_learn_of_retractions(void **state) {
        (void)state;
        struct store_filter f = {.text = SPAN_STR("smoke"), .now = ROWS_NOW};
        struct store_alert a = {.kind = KIND_FIRE, .severity = SEVERITY_MINOR, .state = STATE_ACTIVE, .created = 5};
        assert_false(store_alert_fits(&f, &a));
        a.text = SPAN_STR("SMOKE!");
        assert_true(store_alert_fits(&f, &a));
        f.since = 6;
        assert_false(store_alert_fits(&f, &a));
        a.updated = 6;
        assert_true(store_alert_fits(&f, &a));
        a.state = STATE_RETRACTED;
        a.text = SPAN_NONE;
        assert_true(store_alert_fits(&f, &a));
        f.min_severity = SEVERITY_SEVERE;
        assert_false(store_alert_fits(&f, &a));
}

static struct store_alert fire_of(uint64_t house) {
        return (struct store_alert){
                .household = rows_house(house),
                .kind = KIND_FIRE,
                .severity = SEVERITY_SEVERE,
                .urgency = URGENCY_IMMEDIATE,
                .status = STATUS_ACTUAL,
                .state = STATE_ACTIVE,
        };
}

static void mutes_spare_what_is_urgent(void **state) {
        (void)state;
        struct key muted[] = {rows_house(1)};
        struct store_filter f = {.now = ROWS_NOW, .muted_households = muted, .n_muted_households = 1};
        struct store_alert a = fire_of(1), other = fire_of(2);
        assert_true(store_alert_fits(&f, &a));
        a.severity = SEVERITY_MODERATE;
        assert_false(store_alert_fits(&f, &a));
        a = fire_of(1);
        a.urgency = URGENCY_EXPECTED;
        assert_false(store_alert_fits(&f, &a));
        a = fire_of(1);
        a.status = STATUS_EXERCISE;
        assert_false(store_alert_fits(&f, &a));
        a = fire_of(1);
        a.kind = KIND_NOISE; /* is never urgent, whatever it says */
        assert_false(store_alert_fits(&f, &a));
        a = other;
        a.urgency = URGENCY_EXPECTED;
        assert_true(store_alert_fits(&f, &a));
        f.muted_kinds[0] = UINT64_C(1) << KIND_FIRE; /* that very kind: the person asked */
        assert_false(store_alert_fits(&f, &other));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(any_order_gives_the_same_rows),
                TEST(nearby_finds_what_fits),
                TEST(watchers_learn_of_retractions),
                TEST(mutes_spare_what_is_urgent),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
