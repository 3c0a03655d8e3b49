/* SPDX-License-Identifier: Apache-2.0 */
/* See unwrap.h. */
#include "vault/unwrap.h"

/* PROTOCOL 15.4: "Whoever is given a key MUST check it against that." */
static bool open_key(const struct household *h, const struct unwrap_clip *clip, struct key *ret) {
        _clean_(buf_wipe) struct buf plain = BUF_MAX(sizeof(ret->b));
        struct hash commit;
        if (clip->sealed.n != CHUNK_SEALED || !box_unseal(&plain, &h->seal, clip->context, clip->sealed) ||
            plain.n != sizeof(ret->b))
                return false;
        memcpy(ret->b, plain.p, sizeof(ret->b));
        chunk_commit(&commit, ret, clip->m->salt.p);
        if (span_eq(SPAN_OF(commit.b), clip->m->commit))
                return true;
        hash_wipe(ret, sizeof(*ret));
        return false;
}

enum vault_error unwrap_grant(const struct book *b, const struct hash *grant, const struct household *h,
                              const struct unwrap_clip *clip, const struct key *to, struct rng *rng, struct buf *ret) {
        const struct book_grant *g = book_grant_find(b, grant);
        struct key key;
        /* PROTOCOL 15.11: "It MUST be in the ledger, on disk, before the clip's key is opened for it." */
        if (b->broken || !g || book_grant_over(g) || !hash_eq(&g->clip, &clip->id))
                return VAULT_NO_NOT_GRANTED;
        if (!open_key(h, clip, &key))
                return VAULT_NO_CLIP_KEY;
        bool sealed = box_seal(ret, to, SPAN_OF(grant->b), SPAN_OF(key.b), rng);
        hash_wipe(&key, sizeof(key));
        return sealed ? VAULT_OK : VAULT_NO_MEMORY;
}

enum vault_error unwrap_read(const struct book *b, uint64_t n, const struct household *h,
                             const struct unwrap_clip *clip, struct key *ret) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_entry e;
        bool told = book_line(b, n, &store, &e) && (e.what == ENTRY_READ || e.what == ENTRY_EXPORTED) &&
                    span_eq(e.clip, SPAN_OF(clip->id.b));
        if (!told || book_destroyed(b, &clip->id))
                return VAULT_NO_NOT_GRANTED;
        return open_key(h, clip, ret) ? VAULT_OK : VAULT_NO_CLIP_KEY;
}

bool unwrap_fits(const struct household *h, const struct unwrap_clip *clip) {
        struct key key;
        bool fits = open_key(h, clip, &key);
        hash_wipe(&key, sizeof(key));
        return fits;
}
