/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store file whose bytes were changed behind its back, and a core that starts on what is read from it. The input is a run
 * of patches to the file of a home that has lived a little: 3 bytes of offset, one of length, the bytes themselves.
 */
#include "support/street.h"
#include "unit/store-rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOMES 3
#define ALERTS 4
#define PATCH_HEAD 4
#define PATCH_MOST 16
#define EVENTS 1000

static struct street *lived(void) {
        static struct street *s;
        struct hash id;
        if (s)
                return s;
        s = street_new(HOMES, 1);
        REQUIRE(street_post(s, 0, KIND_FIRE, "fire", &id) == MESH_OUT_DONE);
        street_run_for(s, 10);
        REQUIRE(street_follow(s, 1, RECORD_COMMENT, &id, "seen", NULL) == MESH_OUT_DONE);
        street_run_for(s, 60);
        return s;
}

static mesh_cell somewhere(void) {
        return cell_at(52.5163, 13.3777, CELL_BLOCK);
}

static void fill(struct store *s) {
        const struct mesh_row *row;
        for (size_t k = 0; (row = street_row(lived(), 0, k)); k++)
                REQUIRE(rows_commit(s, row, ROWS_NOW) == 0);
        for (uint64_t i = 0; i < ALERTS; i++) {
                struct wire_alert a = rows_alert(somewhere(), SPAN_STR("an alert"));
                struct mesh_row alert = rows_record(i, i, RECORD_ALERT, ROWS_NOW);
                struct mesh_row comment = rows_record(100 + i, i + 1, RECORD_COMMENT, ROWS_NOW + 1);
                struct wire_follow f = rows_follow(&alert.record.id, SPAN_STR("a comment"));
                alert.record.alert = &a;
                comment.record.target = alert.record.id;
                comment.record.follow = &f;
                REQUIRE(rows_commit(s, &alert, ROWS_NOW) == 0 && rows_commit(s, &comment, ROWS_NOW) == 0);
        }
}

static char dir[256];

static void tidy(void) {
        rows_remove(dir);
}

static const char *folder(void) {
        if (!*dir) {
                rows_dir(dir, sizeof(dir));
                atexit(tidy);
        }
        return dir;
}

static void path(char ret[300]) {
        snprintf(ret, 300, "%s/porchlight.db", folder());
}

/* The bytes of a good file, the same in each run but for what SQLite draws by itself. */
static struct span good(void) {
        static struct buf bytes = BUF_NULL;
        struct store *s = NULL;
        char file[300];
        uint8_t part[4096];
        if (bytes.n)
                return buf_span(&bytes);
        REQUIRE(store_open(&s, folder()) == 0);
        fill(s);
        store_close(s);
        path(file);
        FILE *f = fopen(file, "rb");
        REQUIRE(f);
        for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;)
                buf_add(&bytes, span_of(part, n));
        fclose(f);
        REQUIRE(buf_ok(&bytes) && bytes.n);
        return buf_span(&bytes);
}

/* A patch of length 0 cuts the file off at its offset. */
static size_t patch(uint8_t *file, size_t *n, struct span in) {
        if (in.n < PATCH_HEAD || *n == 0)
                return 0;
        size_t at = ((size_t)in.p[0] << 16 | (size_t)in.p[1] << 8 | in.p[2]) % *n;
        size_t bytes = MIN(MIN((size_t)(in.p[3] % (PATCH_MOST + 1)), in.n - PATCH_HEAD), *n - at);
        if (in.p[3] == 0)
                *n = at;
        else
                memcpy(file + at, in.p + PATCH_HEAD, bytes);
        return PATCH_HEAD + bytes;
}

static void spoil(struct span in) {
        char name[300];
        size_t n = good().n;
        uint8_t *bytes = malloc(n);
        REQUIRE(bytes);
        memcpy(bytes, good().p, n);
        for (size_t used; (used = patch(bytes, &n, in)) > 0;)
                in = span_from(in, used);
        rows_clear(folder());
        path(name);
        FILE *f = fopen(name, "wb");
        REQUIRE(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
        free(bytes);
}

static void step(struct mesh *m, struct mesh_event ev) {
        struct mesh_action a;
        ev.now = 1000;
        ev.wall = ROWS_NOW;
        REQUIRE(mesh_step(m, &ev) >= 0);
        while (mesh_next(m, &a))
                ;
}

static int restore(void *ctx, const struct mesh_row *row) {
        step(ctx, (struct mesh_event){.type = MESH_EV_RESTORE, .restore = row});
        return 0;
}

static int see_alert(void *ctx, const struct store_alert *a) {
        *(size_t *)ctx += a->text.n ? a->text.p[a->text.n - 1] : 0;
        return 0;
}

static int see_follow(void *ctx, const struct store_follow *f) {
        *(size_t *)ctx += f->text.n ? f->text.p[f->text.n - 1] : 0;
        return 0;
}

static int see_event(void *ctx, const struct store_event *e) {
        return see_alert(ctx, &e->alert);
}

/* As the CLI would; every answer will do. */
static void ask(void) {
        struct store_reader *r = NULL;
        struct store_filter f = {.centre = somewhere(), .within_m = 500, .now = ROWS_NOW};
        size_t sum = 0;
        struct store_force force;
        if (store_reader_open(&r, folder()))
                return;
        (void)store_nearby(r, &f, see_alert, &sum);
        (void)store_events(r, 0, EVENTS, see_event, &sum);
        (void)store_in_force(r, ROWS_NOW, &force);
        for (uint64_t i = 0; i < ALERTS; i++) {
                _clean_(buf_fini) struct buf keep = BUF_NULL;
                struct store_loaded item = {.id = rows_id(i)};
                (void)store_follows(r, &item.id, see_follow, &sum);
                (void)store_load(r, &item, 1, &keep);
        }
        store_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct store *s = NULL;
        struct mesh *m = NULL;
        uint64_t seq;
        spoil(span_of(data, size));
        int r = store_open(&s, folder());
        REQUIRE(r >= 0);
        if (r)
                return 0;
        REQUIRE(mesh_new(&m, street_config(lived(), 0)) == 0);
        if (store_restore(s, 0, restore, m) == 0)
                step(m, (struct mesh_event){.type = MESH_EV_START});
        ask();
        (void)store_tick(s, ROWS_NOW + MESH_DAY, ROWS_NOW, &seq);
        mesh_free(m);
        store_close(s);
        rows_clear(folder());
        return 0;
}
