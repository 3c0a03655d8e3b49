/* SPDX-License-Identifier: Apache-2.0 */
/* A clip that was fetched is called off: it is gone when none of its files is
 * there, and not before. The folder is a real one. */
#include "papers-made.h"

#include "base/log.h"
#include "base/text.h"
#include "node/fetch_inside.h"
#include "node/kin.h"
#include "node/rows.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct street street;
static uv_loop_t loop;
static struct node n;
static char folder[32];

/* ---- the rest of the node ---- */

void ways_drop(_unused_ struct fetch *f, _unused_ uint32_t number, _unused_ enum haul_wrong why) {
}

void ways_end(_unused_ struct fetch *f) {
}

void ways_seek(_unused_ struct fetch *f, _unused_ uint32_t number) {
}

void ways_tick(_unused_ struct fetch *f) {
}

void give_init(_unused_ struct node *node) {
}

void give_fini(_unused_ struct node *node) {
}

void give_grown(_unused_ struct node *node, _unused_ const struct fetch *f) {
}

void give_request(_unused_ struct node *node, _unused_ uint32_t number, _unused_ const struct link_request *r) {
}

void control_fetch_news(_unused_ struct node *node, _unused_ const struct hash *clip) {
}

void mesh_status(_unused_ const struct mesh *m, struct mesh_status *ret) {
        *ret = (struct mesh_status){.mesh = street.mesh, .device = street.homes[1].device.pub};
}

mesh_wall node_time(_unused_ const struct node *node) {
        return street.now;
}

const char *rows_household(_unused_ const struct node *node, _unused_ const struct key *household,
                           _unused_ char ret[ROWS_NAME_MAX]) {
        return "a home";
}

bool kin_is(_unused_ const struct node *node, _unused_ const struct wire_manifest *w) {
        return false;
}

const char *kin_device(_unused_ const struct node *node, _unused_ const struct wire_manifest *w,
                       char ret[KIN_NAME_MAX]) {
        return ret;
}

void pool_run(_unused_ struct pool *p, struct pool_job *job) {
        job->work(job);
        job->after(job);
}

int clips_make_file(_unused_ const struct node *node, _unused_ const char *name) {
        return -1;
}

/* ---- the folder ---- */

static void path_of(char ret[256], const struct hash *clip, const char *suffix) {
        _clean_(buf_fini) struct buf hex = BUF_NULL;
        text_hex(&hex, SPAN_OF(clip->b));
        snprintf(ret, 256, "%s/%s%s", folder, buf_cstr(&hex), suffix);
}

static void make(const struct hash *clip, const char *suffix) {
        char path[256];
        path_of(path, clip, suffix);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
}

static int set_up(void **state) {
        (void)state;
        street_found(&street, 11, (struct wire_list){0});
        assert_int_equal(street_join(&street, 0, 1, 0), 0);
        assert_int_equal(uv_loop_init(&loop), 0);
        snprintf(folder, sizeof(folder), "/tmp/fetch-end-XXXXXX");
        assert_non_null(mkdtemp(folder));
        n = (struct node){.loop = &loop, .dir = folder};
        n.clips.fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(n.clips.fd >= 0);
        fetches_init(&n);
        return 0;
}

static int tear_down(void **state) {
        (void)state;
        fetches_stop(&n);
        fetches_close(&n);
        uv_run(&loop, UV_RUN_DEFAULT);
        fetches_fini(&n);
        assert_int_equal(uv_loop_close(&loop), 0);
        close(n.clips.fd);
        assert_int_equal(rmdir(folder), 0); /* nothing is left in it */
        street_end(&street);
        return 0;
}

/* ---- tests ---- */

static void test_gone_when_it_is(void **state) {
        _clean_(buf_fini) struct buf manifest = BUF_NULL;
        struct hash clip = made_manifest(&street, 0, 0, &manifest);
        char stubborn[256];
        (void)state;
        assert_true(fetch_gone(&n, &clip));
        assert_int_equal(fetch_begin(&n, &clip, buf_span(&manifest), street.now + DAY), 0);
        assert_false(fetch_gone(&n, &clip));
        make(&clip, "");
        make(&clip, ".list");
        path_of(stubborn, &clip, ".have");
        assert_int_equal(mkdir(stubborn, 0700), 0); /* what cannot be removed as a file */
        fetch_end(&n, &clip);
        assert_false(fetch_known(&n, &clip));
        assert_false(fetch_gone(&n, &clip));
        assert_int_equal(fetch_begin(&n, &clip, buf_span(&manifest), street.now + DAY), ERR_IO);
        uv_run(&loop, UV_RUN_NOWAIT);
        assert_false(fetch_gone(&n, &clip));
        assert_int_equal(rmdir(stubborn), 0);
        while (!fetch_gone(&n, &clip)) /* it is tried again */
                uv_run(&loop, UV_RUN_ONCE);
        assert_int_equal(n.fetches.n, 0);
}

/* A file that nobody knows of any more is one, too; and a folder that cannot be
 * looked into is no empty one. */
static void test_not_gone(void **state) {
        static const struct hash clip = {{5}};
        char path[256];
        (void)state;
        make(&clip, "");
        assert_false(fetch_gone(&n, &clip));
        path_of(path, &clip, "");
        assert_int_equal(unlink(path), 0);
        assert_true(fetch_gone(&n, &clip));
        int fd = n.clips.fd;
        n.clips.fd = -1;
        assert_false(fetch_gone(&n, &clip));
        n.clips.fd = fd;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
        log_set_level(LOG_ERROR);
        const struct CMUnitTest tests[] = {TEST(test_gone_when_it_is), TEST(test_not_gone)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
