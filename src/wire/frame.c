/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

#include "wire/writer.h"

#define FRAME_HEAD 4

/* Its length is known when it ends. */
static size_t begin(struct buf *out) {
        size_t at = out->n;
        uint8_t head[FRAME_HEAD] = {0};
        buf_add(out, SPAN_OF(head));
        return at;
}

static void end(struct buf *out, size_t at) {
        if (buf_ok(out))
                put_be32(out->p + at, (uint32_t)(out->n - at - FRAME_HEAD));
}

void frame_put(struct buf *out, const struct wire_number *row, const void *msg) {
        size_t at = begin(out);
        codec_put(row, msg, out);
        end(out, at);
}

void frame_put_map(struct buf *out, uint64_t number, struct span map) {
        size_t at = begin(out);
        wire_put_u64(out, number);
        buf_add(out, map);
        end(out, at);
}

struct span frame_map(struct span body) {
        struct wire_reader r = wire_reader(body);
        wire_get_u64(&r);
        return span_from(body, r.at);
}

int frame_take(struct span in, struct span *ret_body, size_t *ret_used) {
        if (in.n < FRAME_HEAD)
                return FRAME_E_MORE;
        uint32_t n = get_be32(in.p);
        if (n == 0 || n > FRAME_MAX)
                return FRAME_E_SIZE;
        if (in.n - FRAME_HEAD < n)
                return FRAME_E_MORE;
        *ret_body = span_of(in.p + FRAME_HEAD, n);
        *ret_used = FRAME_HEAD + n;
        return 0;
}

int frame_read(struct span body, const struct wire_number *(*find)(uint64_t), const struct wire_number **ret_row,
               union frame_message *ret, struct codec_why *ret_why) {
        struct codec_why why = {"frame", "number", "unknown here"};
        struct wire_reader r = wire_reader(body);
        const struct wire_number *row = find(wire_get_u64(&r));
        union frame_message msg = {0};
        if (row && wire_reader_ok(&r) && codec_read(row->desc, &r, &msg, NULL, &why) == 0) {
                if (wire_reader_end(&r)) {
                        *ret_row = row;
                        *ret = msg;
                        return 0;
                }
                why = (struct codec_why){"frame", row->name, "bytes follow it"};
        }
        if (ret_why)
                *ret_why = why;
        return FRAME_E_INPUT;
}
