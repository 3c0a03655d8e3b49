/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack-c's packer always takes the shortest form, which is the only one our reader accepts. */
#include "wire/writer.h"

#include <msgpack/pack.h>

static int writer_append(void *data, const char *p, size_t n) {
        struct buf *b = data;
        buf_add(b, span_of(p, n));
        return buf_ok(b) ? 0 : -1;
}

static msgpack_packer packer(struct buf *b) {
        return (msgpack_packer){.data = b, .callback = writer_append};
}

void wire_put_u64(struct buf *b, uint64_t v) {
        msgpack_packer pk = packer(b);
        msgpack_pack_uint64(&pk, v);
}

void wire_put_i64(struct buf *b, int64_t v) {
        msgpack_packer pk = packer(b);
        msgpack_pack_int64(&pk, v);
}

void wire_put_bool(struct buf *b, bool v) {
        msgpack_packer pk = packer(b);
        if (v)
                msgpack_pack_true(&pk);
        else
                msgpack_pack_false(&pk);
}

/* The lengths of msgpack are 32 bits wide: what is longer must not be cut off silently. */
static bool writer_fits(struct buf *b, struct span s) {
        if (s.n > UINT32_MAX)
                b->failed = true;
        return buf_ok(b);
}

void wire_put_bin(struct buf *b, struct span s) {
        msgpack_packer pk = packer(b);
        if (!writer_fits(b, s))
                return;
        msgpack_pack_bin(&pk, s.n);
        buf_add(b, s);
}

void wire_put_str(struct buf *b, struct span s) {
        msgpack_packer pk = packer(b);
        if (!writer_fits(b, s))
                return;
        msgpack_pack_str(&pk, s.n);
        buf_add(b, s);
}

void wire_put_map(struct buf *b, uint32_t n) {
        msgpack_packer pk = packer(b);
        msgpack_pack_map(&pk, n);
}

void wire_put_array(struct buf *b, uint32_t n) {
        msgpack_packer pk = packer(b);
        msgpack_pack_array(&pk, n);
}
