/* SPDX-License-Identifier: Apache-2.0 */
/* CAMERAS and CAMERA_SET: whose clips are here, and what the owner has said of each camera (node/cameras.h). */
#include "clip/clip.h"
#include "node/caller.h"

static void save(struct node *n) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        cameras_encode(&n->cameras, &bytes);
        if (buf_ok(&bytes))
                writer_set(n, SETTING_CAMERAS, buf_span(&bytes));
}

void control_camera_set(struct caller *c) {
        if (!caller_is_owner(c))
                return;
        if (cameras_put(&c->n->cameras, &c->msg.c_camera_set) == CAMERAS_E_FULL) {
                caller_error(c, "too-many", "64 cameras have a rule already",
                             "give fewer names to cameras, or one rule to all with --all", EXIT_REFUSED);
                return;
        }
        save(c->n);
        clips_rule_changed(c->n);
        kin_rule_changed(c->n);
        caller_done(c);
}

/* ---- CAMERAS ---- */

struct seen { /* what is here of a camera */
        char name[CAMERA_NAME_MAX];
        uint64_t clips, bytes;
        mesh_wall last;
};

static struct seen *find(struct buf *all, struct span name) {
        for (size_t at = 0; at < all->n; at += sizeof(struct seen))
                if (span_eq(span_str(((struct seen *)(all->p + at))->name), name))
                        return (struct seen *)(all->p + at);
        struct seen fresh = {.clips = 0};
        memcpy(fresh.name, name.p, MIN(name.n, sizeof(fresh.name) - 1));
        buf_add(all, span_of(&fresh, sizeof(fresh)));
        return buf_ok(all) ? (struct seen *)(all->p + all->n - sizeof(fresh)) : NULL;
}

static int count(void *ctx, const struct store_clip *clip) {
        struct wire_manifest w;
        if (!clip->manifest.n || !clip->camera.n || codec_decode(&wire_manifest_desc, clip->manifest, &w, NULL))
                return 0;
        struct seen *s = find(ctx, clip->camera);
        if (!s)
                return ERR_NOMEM;
        s->clips++;
        s->bytes += w.size + w.chunks * (CHUNK_TAG + sizeof(struct hash));
        s->last = MAX(s->last, w.created);
        return 0;
}

static int cameras_run(struct query *q, struct store_reader *r) {
        return store_clips(r, count, &ask_of(q)->keep);
}

static void put_row(struct caller *c, const struct camera_rule *rule, const struct seen *s) {
        uint64_t keep = rule->keep ? rule->keep : c->n->clips.retention;
        struct wire_c_camera row = {.v = 1, .policy = rule->policy, .clips = s->clips, .bytes = s->bytes};
        if (*s->name)
                WIRE_PUT(&row, C_CAMERA, camera, span_str(s->name));
        if (keep < CAMERA_KEEP_FOREVER)
                WIRE_PUT(&row, C_CAMERA, keep, keep);
        if (s->last)
                WIRE_PUT(&row, C_CAMERA, last, s->last);
        caller_row(c, CONTROL_CAMERA_ROW, &row);
}

/* Those with clips, those with a rule alone, and what holds for all others. */
static void cameras_after(struct caller *c, const struct ask *a) {
        const struct cameras *rules = &c->n->cameras;
        _clean_(buf_fini) struct buf all = BUF_NULL;
        if (a->q.r) {
                caller_store_error(c, a->q.r);
                return;
        }
        buf_add(&all, buf_span(&a->keep));
        for (size_t i = 0; i < rules->n; i++)
                find(&all, span_str(rules->rows[i].name));
        if (!buf_ok(&all)) {
                caller_store_error(c, ERR_NOMEM);
                return;
        }
        for (size_t at = 0; at < all.n; at += sizeof(struct seen)) {
                const struct seen *s = (const struct seen *)(all.p + at);
                put_row(c, cameras_of(rules, span_str(s->name)), s);
        }
        put_row(c, &rules->others, &(struct seen){.clips = 0});
        caller_done(c);
}

void control_cameras(struct caller *c) {
        if (caller_is_owner(c))
                caller_ask(c, &(struct ask){.after = cameras_after}, cameras_run, SPAN_NONE);
}
