/* SPDX-License-Identifier: Apache-2.0 */
#include "node/sources.h"

#include "base/err.h"

#define HEAD (sizeof(struct hash) + 8 + 2)
#define PATH_MAX_ 512 /* as in proto/control.def */

bool sources_next(struct span *rest, struct source *ret) {
        if (rest->n < HEAD)
                return false;
        size_t n = get_be16(rest->p + HEAD - 2);
        if (!n || n > PATH_MAX_ || rest->n - HEAD < n)
                return false;
        memcpy(ret->clip.b, rest->p, sizeof(ret->clip));
        ret->size = get_be64(rest->p + sizeof(ret->clip));
        ret->path = span_of(rest->p + HEAD, n);
        *rest = span_from(*rest, HEAD + n);
        return true;
}

static void add(struct buf *out, const struct source *s) {
        uint8_t head[HEAD];
        memcpy(head, s->clip.b, sizeof(s->clip));
        put_be64(head + sizeof(s->clip), s->size);
        put_be16(head + HEAD - 2, (uint16_t)s->path.n);
        buf_add(out, SPAN_OF(head));
        buf_add(out, s->path);
}

/* The same file taken in twice is two clear copies in name alone: each clip is told of it. */
int sources_put(struct buf *all, const struct source *s) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        struct span rest = buf_span(all);
        struct source old;
        add(&out, s);
        while (sources_next(&rest, &old) && out.n + HEAD + old.path.n <= SOURCES_BYTES)
                if (!hash_eq(&old.clip, &s->clip))
                        add(&out, &old);
        if (!buf_ok(&out))
                return ERR_NOMEM;
        buf_fini(all);
        *all = out;
        out = BUF_NULL;
        return 0;
}
