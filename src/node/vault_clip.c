/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the vault wants to know of a clip, and a clip that is to go. The vault trusts none of it: manifest, key and the camera's
 * name are each checked there. A clip that is destroyed loses its row first, with the last copy of its sealed key; its files
 * follow, and where a crash comes in between the next start removes them.
 */
#include "base/log.h"
#include "base/text.h"
#include "node/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ID_DIGITS (2 * sizeof(struct hash))
#define SEEN_MAX 4    /* of a manifest's row in proto/clips.def */
#define SEEN_LEAST 64 /* bytes of one, as V_SEEN has it */

/* One at a time: the vault asks for the next when it has its answer. The link has it until then. */
struct vault_clip {
        struct query q;
        struct pool_job work;
        struct node *n;
        bool dropped; /* the vault has hung up */
        bool destroy;
        bool purge;       /* by a rule: it is purge.c that waits, and not the vault */
        bool away, never; /* another device's, and that device's rule */
        char words[ID_DIGITS + 1];
        struct hash id;
        uint64_t seq;
        struct buf manifest, sealed, camera, salt;
        struct buf keep; /* what @seen points into */
        struct store_loaded seen[SEEN_MAX];
        size_t n_seen;
        int gone;       /* 0, or errno */
        uint64_t freed; /* bytes of its files that are the disk's again */
};

static struct vault_clip *clip_free(struct vault_clip *c) {
        buf_fini(&c->manifest);
        buf_fini(&c->sealed);
        buf_fini(&c->camera);
        buf_fini(&c->salt);
        buf_fini(&c->keep);
        free(c);
        return NULL;
}

static void want_waiting(struct vault_link *v);

static void finish(struct vault_clip *c, enum mesh_outcome outcome) {
        struct vault_link *v = &c->n->vault;
        struct node *n = c->n;
        struct hash id = c->id;
        bool purge = c->purge, away = c->away;
        v->clip = NULL;
        if (!c->dropped && !purge)
                vault_link_say_result(v, outcome, false);
        clip_free(c);
        if (purge) {
                want_waiting(v);
                if (outcome != MESH_OUT_DONE && !n->stopping)
                        purge_unwiped(n, &id, away);
                purge_gone(n, &id, outcome == MESH_OUT_DONE);
        }
}

static void refuse_many(struct vault_clip *c) {
        struct vault_link *v = &c->n->vault;
        struct wire_v_result msg = {.ok = false};
        WIRE_PUT(&msg, V_RESULT, name, SPAN_STR("ambiguous"));
        v->clip = NULL;
        vault_link_say(v, OWNER_V_RESULT, &msg);
        clip_free(c);
}

/* ---- looking it up ---- */

static int keep(void *ctx, const struct store_clip *row) {
        struct vault_clip *c = ctx;
        c->seq = row->seq;
        buf_add(&c->manifest, row->manifest);
        buf_add(&c->sealed, row->sealed);
        buf_add(&c->camera, row->camera);
        buf_add(&c->salt, row->salt);
        c->away = row->away;
        c->never = row->never;
        return 1;
}

/* The records of other homes that the manifest names, where they are still here: they prove how old the clip can be at most. */
static int load_seen(struct vault_clip *c, struct store_reader *r) {
        struct wire_manifest m;
        if (codec_decode(&wire_manifest_desc, buf_span(&c->manifest), &m, NULL) || !WIRE_HAS(&m, MANIFEST, seen))
                return 0;
        c->n_seen = MIN(m.seen.n / sizeof(struct hash), (size_t)SEEN_MAX);
        for (size_t i = 0; i < c->n_seen; i++)
                memcpy(c->seen[i].id.b, m.seen.p + i * sizeof(struct hash), sizeof(struct hash));
        return store_load(r, c->seen, c->n_seen, &c->keep);
}

/* On the pool. */
static int look_up(struct query *q, struct store_reader *r) {
        struct vault_clip *c = CONTAINER_OF(q, struct vault_clip, q);
        int e = store_clip_prefix(r, span_str(c->words), &c->id);
        if (!e)
                e = store_clip_get(r, &c->id, keep, c);
        if (!e)
                e = load_seen(c, r);
        if (e || c->away)
                return e;
        e = store_get(r, SETTING_CAMERA_SALT, &c->salt);
        return e == STORE_E_NONE ? 0 : e;
}

static void put_seen(const struct vault_clip *c, struct buf *store, struct wire_v_clip *ret) {
        struct wire_list list = {0};
        for (size_t i = 0; i < c->n_seen; i++) {
                struct wire_v_seen one = {.record = c->seen[i].bytes};
                if (one.record.n >= SEEN_LEAST && one.record.n <= RECORD_BYTES_MAX)
                        wire_list_add(&wire_v_seen_desc, &list, store, &one);
        }
        if (list.count)
                WIRE_PUT(ret, V_CLIP, seen, list);
}

static void say_clip(struct vault_clip *c) {
        _clean_(buf_fini) struct buf seen = BUF_NULL;
        struct vault_link *v = &c->n->vault;
        struct wire_v_clip msg = {.manifest = buf_span(&c->manifest)};
        put_seen(c, &seen, &msg);
        if (c->sealed.n)
                WIRE_PUT(&msg, V_CLIP, sealed, buf_span(&c->sealed));
        if (c->camera.n && c->salt.n == sizeof(struct hash)) {
                WIRE_PUT(&msg, V_CLIP, camera, buf_span(&c->camera));
                WIRE_PUT(&msg, V_CLIP, salt, buf_span(&c->salt));
        }
        if (c->never || (c->camera.n && cameras_never(&c->n->cameras, buf_span(&c->camera))))
                WIRE_PUT(&msg, V_CLIP, never, true);
        v->clip = NULL;
        vault_link_say(v, OWNER_V_CLIP, &msg);
        clip_free(c);
}

static void wipe_row(struct vault_clip *c) {
        struct mesh_row row = {.kind = MESH_ROW_CLIP, .clip = {.id = c->id, .seq = c->seq, .gone = true}};
        writer_add(c->n, &row, WRITER_TOKEN_WIPED);
}

/* What is said to its device stands in the same transaction. */
static void wipe_away(struct vault_clip *c) {
        struct node *n = c->n;
        if (c->manifest.n && !c->purge && !kin_order(n, &c->id, buf_span(&c->manifest))) {
                finish(c, MESH_OUT_BUSY);
                return;
        }
        paper_end_given(n, &c->id); /* or its bytes would be fetched once more for those */
        fetch_end(n, &c->id);
        n->kin.kept -= n->kin.kept > 0 && (c->manifest.n || c->purge);
        wipe_row(c);
}

static void on_looked_up(struct query *q) {
        struct vault_clip *c = CONTAINER_OF(q, struct vault_clip, q);
        bool whole = buf_ok(&c->keep) && buf_ok(&c->manifest) && buf_ok(&c->sealed) && buf_ok(&c->camera);
        if (c->dropped)
                finish(c, MESH_OUT_DONE);
        else if (q->r == STORE_E_MANY)
                refuse_many(c);
        else if (q->r == STORE_E_NONE)
                finish(c, MESH_OUT_NO_CLIP);
        else if (q->r || !whole) /* a clip that there was no memory for is not one that is gone */
                finish(c, MESH_OUT_STORE_FAILED);
        else if (c->manifest.n == 0 && !c->destroy)
                finish(c, MESH_OUT_NO_CLIP);
        else if (c->destroy && c->away)
                wipe_away(c);
        else if (c->destroy)
                wipe_row(c); /* also one whose row is gone: its files may not be */
        else
                say_clip(c);
}

static void begin(struct vault_link *v, struct span words, bool destroy) {
        bool wait = v->clip && v->clip->purge && !v->clip_waits; /* for a moment, and not the vault's matter */
        struct vault_clip *c = v->clip && !wait ? NULL : calloc(1, sizeof(*c));
        if (!c) {
                vault_link_say_result(v, MESH_OUT_BUSY, false);
                return;
        }
        c->n = CONTAINER_OF(v, struct node, vault);
        c->destroy = destroy;
        snprintf(c->words, sizeof(c->words), "%.*s", (int)words.n, (const char *)words.p);
        c->q = (struct query){.lane = QUERY_QUICK, .run = look_up, .done = on_looked_up};
        if (wait) {
                v->clip_waits = c;
                return;
        }
        v->clip = c;
        query_start(c->n, &c->q);
}

static void want_waiting(struct vault_link *v) {
        struct vault_clip *c = TAKE(v->clip_waits);
        if (!c)
                return;
        v->clip = c;
        query_start(c->n, &c->q);
}

void vault_clip_purge(struct vault_link *v, const struct hash *id, bool away) {
        struct node *n = CONTAINER_OF(v, struct node, vault);
        struct vault_clip *c = v->clip ? NULL : calloc(1, sizeof(*c));
        if (!c) { /* the vault is told of another clip just now; the next look finds this one again */
                purge_unwiped(n, id, away);
                purge_gone(n, id, false);
                return;
        }
        c->n = n;
        c->destroy = c->purge = true;
        c->id = *id;
        c->away = away;
        v->clip = c;
        if (away)
                wipe_away(c);
        else
                wipe_row(c);
}

void vault_clip_want(struct vault_link *v, struct span words) {
        begin(v, words, false);
}

/* ---- and away ---- */

/* On the pool. */
static void remove_files(struct pool_job *work) {
        struct vault_clip *c = CONTAINER_OF(work, struct vault_clip, work);
        c->gone = clips_unlink(c->n, &c->id, &c->freed);
}

static void on_removed(struct pool_job *work) {
        struct vault_clip *c = CONTAINER_OF(work, struct vault_clip, work);
        c->n->clips.used -= c->freed;
        if (c->gone)
                log_error(
                        "the files of a clip that was destroyed could not be removed (%s); the next start tries again",
                        strerror(c->gone));
        kin_kick(c->n);
        finish(c, c->gone ? MESH_OUT_STORE_FAILED : MESH_OUT_DONE);
}

void vault_clip_wiped(struct vault_link *v, bool ok) {
        struct vault_clip *c = v->clip;
        if (!c || !c->destroy)
                return;
        if (!ok || c->n->stopping) {
                finish(c, ok ? MESH_OUT_DONE : MESH_OUT_STORE_FAILED);
                return;
        }
        log_info("a clip is destroyed: its key is gone, and its files go");
        if (c->away) {
                finish(c, MESH_OUT_DONE);
                return;
        }
        c->work = (struct pool_job){.work = remove_files, .after = on_removed, .slow = true};
        pool_run(&c->n->pool, &c->work);
}

void vault_clip_destroy(struct vault_link *v, struct span words) {
        begin(v, words, true);
}

/* What it began goes on: a row that is wiped has files to remove. */
void vault_clip_drop(struct vault_link *v) {
        if (v->clip)
                v->clip->dropped = true;
        if (v->clip_waits)
                v->clip_waits = clip_free(v->clip_waits);
}

void vault_clip_end(struct vault_link *v) {
        if (v->clip)
                v->clip = clip_free(v->clip);
        if (v->clip_waits)
                v->clip_waits = clip_free(v->clip_waits);
}
