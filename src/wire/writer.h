/* SPDX-License-Identifier: Apache-2.0 */
/* Packs the same subset with msgpack-c into a buf. Failure is the buf's: ask buf_ok() once at the end. */
#pragma once

#include "base/buf.h"

void wire_put_u64(struct buf *b, uint64_t v);
void wire_put_i64(struct buf *b, int64_t v);
void wire_put_bool(struct buf *b, bool v);
void wire_put_bin(struct buf *b, struct span s);
void wire_put_str(struct buf *b, struct span s);
void wire_put_map(struct buf *b, uint32_t n);
void wire_put_array(struct buf *b, uint32_t n);
