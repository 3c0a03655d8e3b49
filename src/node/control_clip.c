/* SPDX-License-Identifier: Apache-2.0 */
/* CLIPS and CLIP: what this home has of footage, from its own disk. How it comes in is told in clip_in.c. */
#include "base/cell.h"
#include "clip/clip.h"
#include "node/caller.h"
#include "node/clips.h"
#include "node/sources.h"
#include "node/stay.h"

static void put_place(struct wire_c_clip *row, mesh_cell cell, struct buf *text) {
        int32_t lat, lon;
        cell_centre_e6(cell, &lat, &lon);
        cell_text(text, cell);
        WIRE_PUT(row, C_CLIP, cell, buf_span(text));
        WIRE_PUT(row, C_CLIP, lat, lat);
        WIRE_PUT(row, C_CLIP, lon, lon);
}

static void put_times(struct wire_c_clip *row, const struct wire_manifest *w) {
        WIRE_PUT(row, C_CLIP, taken, w->created);
        WIRE_PUT(row, C_CLIP, sure, w->sure);
        if (WIRE_HAS(w, MANIFEST, from)) {
                WIRE_PUT(row, C_CLIP, from, w->from);
                WIRE_PUT(row, C_CLIP, to, w->to);
        }
        if (WIRE_HAS(w, MANIFEST, length))
                WIRE_PUT(row, C_CLIP, length, w->length);
}

static void put_file(struct wire_c_clip *row, const struct wire_manifest *w, bool as_is) {
        WIRE_PUT(row, C_CLIP, size, w->size);
        WIRE_PUT(row, C_CLIP, media, w->media);
        WIRE_PUT(row, C_CLIP, audio, WIRE_HAS(w, MANIFEST, audio));
        if (as_is)
                WIRE_PUT(row, C_CLIP, as_is, true);
        if (WIRE_HAS(w, MANIFEST, parent)) {
                WIRE_PUT(row, C_CLIP, parent, w->parent);
                WIRE_PUT(row, C_CLIP, changes, w->changes);
        }
}

static uint64_t state_of(const struct node *n, const struct store_clip *clip, bool whole) {
        if (!clip->manifest.n)
                return CLIP_STATE_DESTROYED;
        if (clip->away && fetch_whole(n, &clip->id))
                return CLIP_STATE_HERE;
        if (clip->away)
                return clip->lost || kin_revoked(n, clip->manifest) ? CLIP_STATE_LOST : CLIP_STATE_AWAY;
        return whole ? CLIP_STATE_HERE : CLIP_STATE_DAMAGED;
}

/* How long it stays by this device's rules. To whom it is granted, and until when, is its owner's to know. */
static void put_stay(struct caller *c, struct wire_c_clip *row, const struct hash *id, const struct buf *named) {
        const struct node *n = c->n;
        struct stay_facts f = {.created = row->taken,
                               .camera = cameras_of(&n->cameras, row->camera)->keep,
                               .retention = n->clips.retention,
                               .pinned = kept_has(buf_span(&n->clips.kept), id)};
        stay_name(named, id, &n->clips.kinds, &f);
        if (caller_owns(c))
                f.grant = papers_granted(n, id);
        struct stay s = stay_of(&f);
        WIRE_PUT(row, C_CLIP, why, s.why);
        if (s.kind)
                WIRE_PUT(row, C_CLIP, why_kind, s.kind);
        if (s.until != STAY_FOREVER)
                WIRE_PUT(row, C_CLIP, until, s.until);
}

void control_clip_row(struct caller *c, const struct store_clip *clip, bool whole, const struct buf *named) {
        _clean_(buf_fini) struct buf cell = BUF_NULL;
        char device[KIN_NAME_MAX];
        struct wire_manifest w;
        struct wire_c_clip row = {.v = 1, .id = SPAN_OF(clip->id.b), .number = clip->seq};
        bool known = clip->manifest.n && !codec_decode(&wire_manifest_desc, clip->manifest, &w, NULL);
        row.state = state_of(c->n, clip, known && whole);
        if (clip->camera.n)
                WIRE_PUT(&row, C_CLIP, camera, clip->camera);
        if (kept_has(buf_span(&c->n->clips.kept), &clip->id))
                WIRE_PUT(&row, C_CLIP, kept, true);
        if (known) {
                put_times(&row, &w);
                put_file(&row, &w, clip->as_is);
        }
        if (known && clip->away)
                WIRE_PUT(&row, C_CLIP, device, span_str(kin_device(c->n, &w, device)));
        if (known && clip->away && kin_revoked(c->n, clip->manifest))
                WIRE_PUT(&row, C_CLIP, revoked, true);
        else if (known && c->n->kin.knows)
                WIRE_PUT(&row, C_CLIP, told, clip->told);
        if (known && !clip->away)
                put_stay(c, &row, &clip->id, named);
        if (known && WIRE_HAS(&w, MANIFEST, cell))
                put_place(&row, w.cell, &cell);
        caller_row(c, CONTROL_CLIP_ROW, &row);
}

static void on_row(struct caller *c, const struct query_row *row) {
        if (row->what == QUERY_CLIP)
                control_clip_row(c, &row->clip, row->whole, &ask_of(c->query)->named);
}

/* What alerts have named is whole before the first row is handed over, and changes no more. */
static int list_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        int e = stay_read(r, a->asks.now, &a->named);
        return e ? e : store_clips(r, query_clip, q);
}

static void list_after(struct caller *c, const struct ask *a) {
        if (a->q.r)
                caller_store_error(c, a->q.r);
        else
                caller_done(c);
}

void control_clips(struct caller *c) {
        struct ask like = {.list = true, .row = on_row, .after = list_after, .asks.now = node_time(c->n)};
        caller_ask(c, &like, list_run, SPAN_NONE);
}

static int show_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        int e = store_clip_prefix(r, buf_span(&a->keep), &a->id);
        if (!e)
                e = stay_read(r, a->asks.now, &a->named);
        return e ? e : store_clip_get(r, &a->id, query_clip, q);
}

static void show_after(struct caller *c, const struct ask *a) {
        if (a->q.r == STORE_E_NONE)
                caller_outcome(c, MESH_OUT_NO_CLIP);
        else if (a->q.r == STORE_E_MANY)
                caller_error(c, "ambiguous", "several clips have an id that begins so", "give more digits",
                             EXIT_NOT_FOUND);
        else
                list_after(c, a);
}

void control_clip(struct caller *c) {
        struct span id = c->msg.c_name.name;
        if (caller_id_ok(c, id))
                caller_ask(c, &(struct ask){.row = on_row, .after = show_after, .asks.now = node_time(c->n)}, show_run,
                           id);
}

/* ---- CLIP_KEEP ---- */

static int note_away(void *ctx, const struct store_clip *clip) {
        struct ask *a = ctx;
        a->never = clip->away; /* its device keeps it or not */
        return 1;
}

static int keep_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        int e = store_clip_prefix(r, buf_span(&a->keep), &a->id);
        return e ? e : store_clip_get(r, &a->id, note_away, a);
}

static void drop_kept(struct buf *kept, const struct hash *id) {
        for (size_t at = 0; at < kept->n; at += sizeof(*id))
                if (memcmp(kept->p + at, id->b, sizeof(*id)) == 0) {
                        memmove(kept->p + at, kept->p + at + sizeof(*id), kept->n - at - sizeof(*id));
                        kept->n -= sizeof(*id);
                        return;
                }
}

static void keep_after(struct caller *c, const struct ask *a) {
        _clean_(buf_fini) struct buf next = BUF_NULL;
        struct buf *kept = &c->n->clips.kept;
        if (a->q.r) {
                show_after(c, a);
                return;
        }
        if (a->never) {
                caller_error(c, "other-device", "another device of this household has that clip, and its rules hold",
                             "say it on that device: `porchlight clip show ID` names it", EXIT_REFUSED);
                return;
        }
        bool off = a->count;
        if (!off && !kept_has(buf_span(kept), &a->id) && kept->n >= KEPT_MAX * sizeof(a->id)) {
                caller_error(c, "too-many", "500 clips are kept already", "`porchlight clip keep --off ID` lets one go",
                             EXIT_REFUSED);
                return;
        }
        buf_add(&next, buf_span(kept));
        drop_kept(&next, &a->id);
        if (!off)
                buf_add(&next, SPAN_OF(a->id.b));
        if (!buf_ok(&next)) {
                caller_store_error(c, ERR_NOMEM);
                return;
        }
        buf_fini(kept);
        *kept = next;
        next = BUF_NULL;
        writer_set(c->n, SETTING_KEPT, buf_span(kept));
        purge_kick(c->n);
        caller_done(c);
}

void control_clip_keep(struct caller *c) {
        const struct wire_c_clip_keep *m = &c->msg.c_clip_keep;
        if (caller_is_owner(c) && caller_id_ok(c, m->clip))
                caller_ask(c, &(struct ask){.after = keep_after, .count = WIRE_HAS(m, C_CLIP_KEEP, off)}, keep_run,
                           m->clip);
}

/* ---- CLIP_SOURCE, CLIP_SOURCES ---- */

/* Whoever may take a clip in may say what of. */
void control_clip_source(struct caller *c) {
        const struct wire_c_source *m = &c->msg.c_source;
        struct source s = {.size = m->size, .path = m->path};
        memcpy(s.clip.b, m->clip.p, sizeof(s.clip));
        if (sources_put(&c->n->clips.sources, &s)) {
                caller_store_error(c, ERR_NOMEM);
                return;
        }
        writer_set(c->n, SETTING_SOURCES, buf_span(&c->n->clips.sources));
        caller_done(c);
}

void control_clip_sources(struct caller *c) {
        struct span rest = buf_span(&c->n->clips.sources);
        struct source s;
        if (!caller_is_owner(c))
                return;
        while (sources_next(&rest, &s)) {
                struct wire_c_source row = {.v = 1, .clip = SPAN_OF(s.clip.b), .path = s.path, .size = s.size};
                caller_row(c, CONTROL_SOURCE_ROW, &row);
        }
        caller_done(c);
}
