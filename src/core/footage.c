/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Footage taken in here: a manifest is made, signed with the device's key, and written to disk with the key that is sealed to
 * the household. Nothing of it goes round by itself. The bytes are on the disk already, locked; this device cannot open them.
 *
 * A device's manifests are a chain, each naming the one before, so that none can be slipped in or left out later. One is
 * written at a time: were two on their way, the first could fail, and the second would name what is nowhere.
 */
#include "clip/clip.h"
#include "core/belong.h"
#include "core/core.h"
#include "core/record.h"
#include "roster/roster.h"

#define SEEN_MOST 4      /* records that a manifest names */
#define SEEN_WALK 64     /* records looked at for them, newest first */
#define CAMERA_MOST 128  /* bytes of a camera's name, in proto/control.def 64 letters */
#define CHANGES_MOST 256 /* in proto/clips.def */

/* PROTOCOL 15.18: "`seen` names records of other households that the device holds when it signs, the latest first: a clip
 * was made no earlier than what it names." */
static size_t find_seen(const struct mesh *m, uint8_t ret[SEEN_MOST * sizeof(struct hash)]) {
        size_t n = 0;
        for (size_t i = 0; n < SEEN_MOST && i < MIN(m->n_sorted, (size_t)SEEN_WALK); i++) {
                const struct rec *r = m->sorted[m->n_sorted - 1 - i];
                if (rec_is_fact(r) || r->flags & (REC_PENDING | REC_MINE | REC_GONE) || records_late(m, r))
                        continue;
                memcpy(ret + n++ * sizeof(r->id), r->id.b, sizeof(r->id));
        }
        return n * sizeof(struct hash);
}

static bool is_zero(const struct hash *h) {
        static const struct hash none;
        return memcmp(h, &none, sizeof(none)) == 0;
}

static void fill(const struct mesh *m, const struct mesh_footage *f, struct span seen, struct wire_manifest *ret) {
        struct wire_manifest w = {.device = SPAN_OF(m->sign.pub.b),
                                  .household = SPAN_OF(m->household.b),
                                  .seq = m->footage_next,
                                  .created = clock_now(m),
                                  .sure = clock_usable(m),
                                  .camera = SPAN_OF(f->camera.b),
                                  .media = f->media,
                                  .size = f->size,
                                  .chunks = chunk_count(f->size),
                                  .salt = SPAN_OF(f->salt),
                                  .hashes = SPAN_OF(f->hashes.b),
                                  .commit = SPAN_OF(f->commit.b),
                                  .sig = SPAN_OF(signed_blank)};
        if (w.seq)
                WIRE_PUT(&w, MANIFEST, prev, SPAN_OF(m->footage_last.b));
        if (f->from) {
                WIRE_PUT(&w, MANIFEST, from, f->from);
                WIRE_PUT(&w, MANIFEST, to, f->to);
        }
        if (f->cell)
                WIRE_PUT(&w, MANIFEST, cell, f->cell);
        if (f->audio)
                WIRE_PUT(&w, MANIFEST, audio, true);
        if (f->length)
                WIRE_PUT(&w, MANIFEST, length, f->length);
        if (!is_zero(&f->parent)) {
                WIRE_PUT(&w, MANIFEST, parent, SPAN_OF(f->parent.b));
                WIRE_PUT(&w, MANIFEST, changes, f->changes);
        }
        if (seen.n)
                WIRE_PUT(&w, MANIFEST, seen, seen);
        *ret = w;
}

/* PROTOCOL 15.17: "A device MUST NOT sign a manifest before the one that it signed before is on its disk." */
static enum mesh_outcome may_sign(const struct mesh *m, const struct mesh_footage *f) {
        enum mesh_outcome o = mesh_standing(m);
        if (o != MESH_OUT_DONE)
                return o;
        if (m->footage_writing)
                return MESH_OUT_BUSY;
        bool fits =
                f->sealed.n == CHUNK_SEALED && f->name.n && f->name.n <= CAMERA_MOST && f->changes.n <= CHANGES_MOST;
        return fits ? MESH_OUT_DONE : MESH_OUT_BAD_CLIP;
}

static int write_row(struct mesh *m, uint64_t command, const struct mesh_footage *f, const struct hash *id,
                     struct span manifest) {
        struct mesh_row row = {.kind = MESH_ROW_CLIP,
                               .clip = {.id = *id,
                                        .seq = m->footage_next,
                                        .manifest = manifest,
                                        .sealed = f->sealed,
                                        .camera = f->name,
                                        .as_is = f->as_is}};
        struct wait *w = mesh_wait(m, WAIT_CLIP, command);
        if (!w)
                return ERR_NOMEM;
        memcpy(w->id.b, id->b, sizeof(w->id.b));
        m->footage_writing = true;
        return mesh_store(m, &row, w);
}

int footage_sign(struct mesh *m, const struct mesh_event *ev) {
        const struct mesh_footage *f = ev->footage;
        uint8_t seen[SEEN_MOST * sizeof(struct hash)], room[MANIFEST_BYTES_MAX];
        struct buf raw = BUF_ON(room);
        struct wire_manifest w;
        struct hash id;
        enum mesh_outcome o = may_sign(m, f);
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, ev->token, o);
                return 0;
        }
        size_t n = find_seen(m, seen);
        fill(m, f, span_of(seen, n), &w);
        int r = clip_sign(CLIP_MANIFEST, &w, roster_mesh(m->roster), &m->sign, &raw, &id);
        if (r > 0)
                mesh_reply(m, ev->token, MESH_OUT_BAD_CLIP);
        return r ? MIN(r, 0) : write_row(m, ev->token, f, &id, buf_span(&raw));
}

int footage_stored(struct mesh *m, struct wait *w) {
        m->footage_writing = false;
        if (!w->failed) {
                m->footage_next++;
                memcpy(m->footage_last.b, w->id.b, sizeof(m->footage_last.b));
        }
        struct mesh_action *a = w->command ? out_add(&m->out, MESH_DO_REPLY) : NULL;
        if (!a)
                return w->command ? ERR_NOMEM : 0;
        a->token = w->command;
        a->reply.outcome = w->failed ? MESH_OUT_STORE_FAILED : MESH_OUT_DONE;
        if (!w->failed)
                memcpy(a->reply.id.b, w->id.b, sizeof(a->reply.id.b));
        return 0;
}

void footage_restore(struct mesh *m, const struct mesh_row *row) {
        if (row->clip.seq < m->footage_next)
                return;
        m->footage_next = row->clip.seq + 1;
        m->footage_last = row->clip.id;
}
