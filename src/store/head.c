/* SPDX-License-Identifier: Apache-2.0 */
#include "store/inside.h"

#define HEAD_BYTES 25  /* with nothing behind it */
#define HEAD_SEALED 41 /* with the epoch */
#define HEAD_TARGET 57

bool hash_is_zero(const struct hash *h) {
        static const struct hash zero;
        return memcmp(h, &zero, sizeof(zero)) == 0;
}

size_t head_pack(const struct head *h, uint8_t ret[HEAD_BYTES_MAX]) {
        put_be32(ret, h->device);
        put_be32(ret + 4, h->house);
        put_be64(ret + 8, h->created);
        put_be32(ret + 16, h->day);
        put_be16(ret + 20, h->index);
        ret[22] = h->type;
        ret[23] = h->klass;
        ret[24] = h->flags;
        if (h->sealed) {
                memcpy(ret + HEAD_BYTES, h->epoch, sizeof(h->epoch));
                return HEAD_SEALED;
        }
        if (hash_is_zero(&h->target))
                return HEAD_BYTES;
        memcpy(ret + HEAD_BYTES, h->target.b, sizeof(h->target.b));
        if (!h->signer)
                return HEAD_TARGET;
        put_be32(ret + HEAD_TARGET, h->signer);
        return HEAD_BYTES_MAX;
}

bool head_unpack(struct span bytes, struct head *ret) {
        if (bytes.n != HEAD_BYTES && bytes.n != HEAD_SEALED && bytes.n != HEAD_TARGET && bytes.n != HEAD_BYTES_MAX)
                return false;
        ret->device = get_be32(bytes.p);
        ret->house = get_be32(bytes.p + 4);
        ret->created = get_be64(bytes.p + 8);
        ret->day = get_be32(bytes.p + 16);
        ret->index = get_be16(bytes.p + 20);
        ret->type = bytes.p[22];
        ret->klass = bytes.p[23];
        ret->flags = bytes.p[24];
        ret->signer = bytes.n == HEAD_BYTES_MAX ? get_be32(bytes.p + HEAD_TARGET) : 0;
        ret->target = (struct hash){0};
        if (bytes.n >= HEAD_TARGET)
                memcpy(ret->target.b, bytes.p + HEAD_BYTES, sizeof(ret->target.b));
        ret->sealed = bytes.n == HEAD_SEALED;
        memset(ret->epoch, 0, sizeof(ret->epoch));
        if (ret->sealed)
                memcpy(ret->epoch, bytes.p + HEAD_BYTES, sizeof(ret->epoch));
        return true;
}
