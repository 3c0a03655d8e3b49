/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of bytes on control.sock: frames, requests, and what the core and the store would be asked. */
#include "node/request.h"
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOME UINT64_C(34359738369)
#define NOW 1795000000

static void check_filter(const struct wire_c_filter *m) {
        struct store_filter f;
        struct store_alert a = {
                .kind = KIND_FIRE, .cell = HOME, .text = SPAN_STR("smoke"), .created = NOW, .expires = NOW};
        if (!request_filter(m, HOME, NOW, &f))
                return;
        REQUIRE(f.centre && f.now == NOW);
        store_alert_fits(&f, &a);
}

static void check_request(const struct wire_number *row, const union frame_message *m) {
        static const struct hash target;
        struct mesh_draft d;
        if (row->number == CONTROL_POST)
                request_draft(&m->c_post, HOME, &d);
        else if (row->number == CONTROL_FOLLOW)
                request_follow(&m->c_follow, &target, &d);
        else if (row->number == CONTROL_NEARBY || row->number == CONTROL_WATCH)
                check_filter(&m->c_filter);
}

/* What was read is written as it came, but for keys that nobody knows. */
static void check_again(const struct wire_number *row, const union frame_message *m) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        const struct wire_number *again;
        union frame_message same;
        struct span body;
        size_t used;
        frame_put(&out, row, m);
        REQUIRE(buf_ok(&out));
        REQUIRE(frame_take(buf_span(&out), &body, &used) == 0 && used == out.n);
        REQUIRE(frame_read(body, wire_control_find, &again, &same, NULL) == 0 && again == row);
        REQUIRE(same.has == m->has);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct span in = span_of(data, size), body;
        const struct wire_number *row;
        union frame_message m;
        struct codec_why why;
        size_t used;
        while (frame_take(in, &body, &used) == 0) {
                if (frame_read(body, wire_control_find, &row, &m, &why) == 0) {
                        check_request(row, &m);
                        check_again(row, &m);
                }
                in = span_from(in, used);
        }
        return 0;
}
