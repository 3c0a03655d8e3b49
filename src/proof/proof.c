/* SPDX-License-Identifier: Apache-2.0 */
/* See proof.h: one function a section. */
#include "proof/proof.h"

#include "base/lang.h"

const char *const proof_names[PROOF_LINKS] = {
        [PROOF_WHOLE] = "whole",
        [PROOF_NOT] = "bundle-not",
        [PROOF_CUT] = "bundle-cut",
        [PROOF_LONG] = "bundle-long",
        [PROOF_SHAPE] = "bundle-shape",
        [PROOF_LARGE] = "bundle-large",
        [PROOF_MANIFEST] = "bundle-manifest",
        [PROOF_KEY] = "bundle-key",
        [PROOF_LIST] = "bundle-list",
        [PROOF_OPERATION] = "bundle-operation",
        [PROOF_DEVICE] = "bundle-device",
        [PROOF_RECORD] = "bundle-record",
        [PROOF_LINE] = "bundle-line",
        [PROOF_WORD] = "bundle-signature",
        [PROOF_CHUNK] = "bundle-chunk",
};

void proof_fini(struct proof *p) {
        custody_fini(&p->custody);
        roll_fini(&p->roll);
        buf_fini(&p->manifest);
        buf_fini(&p->list);
        hash_wipe(&p->key, sizeof(p->key));
}

static int broken(struct proof *p, enum proof_link link, uint64_t place, const char *why) {
        p->link = link;
        p->place = place;
        p->why = why;
        return 1;
}

static int broken_file(struct proof *p, int e) {
        switch (e) {
        case BUNDLE_E_NOT:
                return broken(p, PROOF_NOT, 0, N_("it does not begin as a bundle of evidence does"));
        case BUNDLE_E_CUT:
                return broken(p, PROOF_CUT, 0, N_("the file ends too early"));
        case BUNDLE_E_SHAPE:
                return broken(p, PROOF_SHAPE, 0, N_("a section stands where it may not, or is too long or too short"));
        case BUNDLE_E_LARGE:
                return broken(p, PROOF_LARGE, 0, N_("there are more than 16 MiB of papers in it"));
        }
        return e;
}

/* ---- the clip ---- */

static int take_manifest(struct proof *p, struct span bytes) {
        buf_add(&p->manifest, bytes);
        if (!buf_ok(&p->manifest))
                return ERR_NOMEM;
        switch (clip_read(CLIP_MANIFEST, buf_span(&p->manifest), &p->mesh, &p->m, &p->clip)) {
        case 0:
                return 0;
        case CLIP_E_SIGNATURE:
                return broken(p, PROOF_MANIFEST, 0, N_("it is not signed by the device it names"));
        }
        return broken(p, PROOF_MANIFEST, 0, N_("it is no manifest"));
}

static int take_key(struct proof *p, struct span bytes) {
        struct hash commit;
        memcpy(p->key.b, bytes.p, sizeof(p->key));
        chunk_commit(&commit, &p->key, p->m.salt.p);
        return span_eq(SPAN_OF(commit.b), p->m.commit)
                       ? 0
                       : broken(p, PROOF_KEY, 0, N_("it is not the key that the manifest means"));
}

static int take_list(struct proof *p, struct span bytes) {
        struct hash all;
        chunk_hashes(&all, bytes);
        if (bytes.n != sizeof(all) * p->m.chunks || !span_eq(SPAN_OF(all.b), p->m.hashes))
                return broken(p, PROOF_LIST, 0, N_("it is not the list of chunks that the manifest means"));
        buf_add(&p->list, bytes);
        return buf_ok(&p->list) ? 0 : ERR_NOMEM;
}

/* Nothing of it is handed out that is not what the list says, and opens. */
static int take_chunk(struct proof *p, struct span bytes, const struct proof_out *out) {
        _clean_(buf_wipe) struct buf plain = BUF_NULL;
        uint64_t i = p->chunks;
        struct hash hash;
        if (i >= p->m.chunks)
                return broken(p, PROOF_CHUNK, i, N_("there are more than the manifest says"));
        chunk_hash(&hash, i, bytes);
        if (bytes.n != chunk_plain(p->m.size, i) + CHUNK_TAG ||
            memcmp(hash.b, p->list.p + sizeof(hash) * i, sizeof(hash)) != 0)
                return broken(p, PROOF_CHUNK, i, N_("it is not what the list says"));
        if (!chunk_open(&plain, &p->key, p->m.salt.p, i, i + 1 == p->m.chunks, bytes))
                return plain.failed ? ERR_NOMEM : broken(p, PROOF_CHUNK, i, N_("it does not open with the key"));
        p->chunks++;
        p->bytes += plain.n;
        return out->clear ? out->clear(out->arg, buf_span(&plain)) : 0;
}

/* ---- who is who ---- */

static int take_op(struct proof *p, struct span bytes, uint64_t i) {
        int e = roll_take(&p->roll, bytes);
        switch (e) {
        case ROLL_E_OP:
                return broken(p, PROOF_OPERATION, i, N_("it is no operation that certifies a device"));
        case ROLL_E_SIGNED:
                return broken(p, PROOF_OPERATION, i, N_("a signature in it is wrong"));
        case ROLL_E_MESH:
                return broken(p, PROOF_OPERATION, i, N_("it does not begin with the founding of this mesh"));
        case ROLL_E_RESTS:
                return broken(p, PROOF_OPERATION, i, N_("it rests on a device that is not certified before it"));
        case ROLL_E_TWICE:
                return broken(p, PROOF_OPERATION, i, N_("what it brings in is there already"));
        }
        return e;
}

/* PROTOCOL 16.5: "The manifest's device MUST be one of them, of the manifest's household." */
static int ops_end(struct proof *p, const uint64_t seed[4]) {
        struct key owner;
        p->device = roll_device(&p->roll, p->m.device);
        memcpy(owner.b, p->m.household.p, sizeof(owner));
        if (!p->device || !key_eq(&p->device->home->key, &owner))
                return broken(p, PROOF_DEVICE, 0,
                              N_("the device that signed the clip is not certified by its household"));
        custody_init(&p->custody, &p->roll, &p->clip, &owner, seed);
        return 0;
}

static bool names_record(const struct proof *p, const struct hash *id) {
        bool named = false;
        for (size_t at = 0; WIRE_HAS(&p->m, MANIFEST, seen) && at < p->m.seen.n; at += sizeof(*id))
                named = named || memcmp(p->m.seen.p + at, id->b, sizeof(*id)) == 0;
        for (size_t i = 0; i < p->records; i++)
                named = named && !hash_eq(&p->seen[i], id);
        return named;
}

/* PROTOCOL 16.5: "A record MUST be one that `manifest.seen` names, signed by a device that is certified in the bundle, of
 * another household; none MUST be there twice." */
static int take_record(struct proof *p, struct span bytes) {
        struct wire_record w;
        struct hash id;
        uint64_t i = p->records;
        if (codec_decode(&wire_record_desc, bytes, &w, NULL))
                return broken(p, PROOF_RECORD, i, N_("it is no record"));
        hash_make(&id, DOMAIN_RECORD, &p->mesh, codec_before(bytes, RECORD_KEY_sig));
        const struct roll_device *by = roll_device(&p->roll, w.device);
        if (!by || by->home == p->device->home)
                return broken(p, PROOF_RECORD, i, N_("its device is not certified here, or is the owner's own"));
        if (w.sig.p + w.sig.n != bytes.p + bytes.n || !names_record(p, &id))
                return broken(p, PROOF_RECORD, i, N_("the manifest does not name it, or it is there twice"));
        if (!sign_check(w.sig.p, &by->sign, DOMAIN_RECORD, &id))
                return broken(p, PROOF_RECORD, i, N_("it is not signed by the device it names"));
        p->seen[p->records++] = id;
        if (!p->newest.by || w.created > p->newest.at)
                p->newest = (struct custody_word){by->home, w.created};
        return 0;
}

/* ---- the ledger ---- */

static int line_broken(struct proof *p, int e) {
        uint64_t n = p->custody.chain.n - (e >= CUSTODY_E_OTHER); /* then the chain has gone on behind it */
        switch (e) {
        case CUSTODY_E_LINE:
                return broken(p, PROOF_LINE, n, N_("it is no line of a ledger"));
        case CUSTODY_E_CHAIN:
                return broken(p, PROOF_LINE, n, N_("it does not follow the line before"));
        case CUSTODY_E_OTHER:
                return broken(p, PROOF_LINE, n, N_("it is about something else"));
        case CUSTODY_E_PAPER:
                return broken(p, PROOF_LINE, n, N_("what it says was signed was not, or nothing before it allows it"));
        case CUSTODY_E_WHO:
                return broken(p, PROOF_LINE, n, N_("who signed is not certified here, or not whom the grant names"));
        }
        return e;
}

/* PROTOCOL 16.8: "The owner's word MUST be signed by the manifest's household, and name the clip, the number of lines, the hash of
 * the last, which says `exported`, and the sum." */
static int take_word(struct proof *p, struct span bytes, const struct hash *sum) {
        struct wire_bundle w;
        struct hash id;
        const struct custody *c = &p->custody;
        if (clip_read(CLIP_BUNDLE, bytes, &p->mesh, &w, &id) || !span_eq(w.household, p->m.household))
                return broken(p, PROOF_WORD, 0, N_("the owner's signature on the bundle is wrong"));
        if (!span_eq(w.sum, SPAN_OF(sum->b)) || !span_eq(w.clip, SPAN_OF(p->clip.b)))
                return broken(p, PROOF_WORD, 0, N_("the owner has signed other papers than these"));
        if (w.lines != c->chain.n || !span_eq(w.last, SPAN_OF(c->chain.last.b)) || c->last != ENTRY_EXPORTED)
                return broken(p, PROOF_WORD, 0, N_("the owner has signed another end of the ledger"));
        p->created = w.created;
        return 0;
}

/* ---- all of it ---- */

static int take_section(struct proof *p, const struct bundle_in *in, const struct proof_out *out,
                        const uint64_t seed[4], uint64_t *ops) {
        struct span bytes = buf_span(&in->bytes);
        int r = 0;
        if (in->kind > SECTION_OP && !p->device && (r = ops_end(p, seed)))
                return r;
        switch (in->kind) {
        case SECTION_MESH:
                return 0;
        case SECTION_MANIFEST:
                return take_manifest(p, bytes);
        case SECTION_KEY:
                return take_key(p, bytes);
        case SECTION_LIST:
                return take_list(p, bytes);
        case SECTION_OP:
                return take_op(p, bytes, (*ops)++);
        case SECTION_RECORD:
                return take_record(p, bytes);
        case SECTION_LINE:
                return line_broken(p, custody_line(&p->custody, bytes));
        case SECTION_HIDDEN:
                return line_broken(p, custody_hidden(&p->custody, bytes));
        case SECTION_BUNDLE:
                return take_word(p, bytes, &in->sum);
        case SECTION_CHUNK:
                return take_chunk(p, bytes, out);
        }
        return ERR_BROKEN;
}

static int take_sections(struct proof *p, struct bundle_in *in, const struct proof_out *out, const uint64_t seed[4]) {
        uint64_t ops = 0;
        for (;;) {
                int r = bundle_next(in);
                if (r >= 0 && p->chunks && p->chunks == p->m.chunks && !in->over)
                        return broken(p, PROOF_LONG, 0, N_("there are bytes behind its end"));
                if (r)
                        return broken_file(p, r);
                if (in->over)
                        return 0;
                r = take_section(p, in, out, seed, &ops);
                if (r)
                        return r;
        }
}

int proof_read(struct proof *p, struct bundle_in *in, const struct proof_out *out, const uint64_t seed[4]) {
        *p = (struct proof){.link = PROOF_WHOLE};
        int r = bundle_open(in);
        p->mesh = in->mesh;
        roll_init(&p->roll, &p->mesh, seed);
        r = r ? broken_file(p, r) : take_sections(p, in, out, seed);
        bundle_fini(in);
        if (r)
                return r;
        /* a file that ends between two sections */
        return p->chunks && p->chunks == p->m.chunks ? 0 : broken_file(p, BUNDLE_E_CUT);
}
