/* SPDX-License-Identifier: Apache-2.0 */
/* See purge.h. One look at a time; of what it found one clip after the other goes. */
#include "node/purge.h"

#include "base/array.h"
#include "base/log.h"
#include "base/text.h"
#include "clip/clip.h"
#include "node/caller.h"

#include <stdlib.h>

#define PERIOD 3600000       /* ms */
#define SOON 60000           /* ms until what was left for want of memory or of a disk is tried again */
#define VAULT_PATIENCE 60000 /* ms; an answer that does not come by then is no */
#define FIRST 64

struct purge {
        struct query q;
        struct node *n;
        struct cameras rules;
        uint64_t retention;
        struct kinds_keep kinds;
        struct buf kept;  /* ids that are pinned */
        struct buf named; /* stay_read() */
        mesh_wall now;
        struct purge_want want;
        uint64_t room; /* that was wanted when it was begun */
        bool found;    /* what follows is the loop's */
        struct purge_clip *all;
        size_t n_all, cap;
        size_t next; /* the one the vault is asked of */
        size_t gone;
};

static void purge_free(struct purge *p) {
        buf_fini(&p->kept);
        buf_fini(&p->named);
        free(p->all);
        free(p);
}

/* ---- on the pool: what there is ---- */

static int take_clip(void *ctx, const struct store_clip *c) {
        struct purge *p = ctx;
        struct wire_manifest w;
        if (!c->manifest.n || codec_decode(&wire_manifest_desc, c->manifest, &w, NULL))
                return 0;
        struct purge_clip *all = array_room(p->all, p->n_all, &p->cap, sizeof(*all), FIRST);
        if (!all)
                return ERR_NOMEM;
        struct stay_facts f = {.created = w.created,
                               .camera = cameras_of(&p->rules, c->camera)->keep,
                               .retention = p->retention,
                               .pinned = kept_has(buf_span(&p->kept), &c->id)};
        stay_name(&p->named, &c->id, &p->kinds, &f);
        struct stay stay = stay_of(&f);
        p->all = all;
        p->all[p->n_all++] = (struct purge_clip){
                .id = c->id,
                .until = stay.until,
                .bytes = w.size + w.chunks * (CHUNK_TAG + sizeof(struct hash)),
                .by_kind = f.kind_until > p->want.sure,
                .away = c->away,
                .lost = c->lost,
                .pinned = f.pinned || f.alert > p->now,
        };
        return 0;
}

/* Oldest first from here on. */
static void turn(struct purge *p) {
        for (size_t i = 0; i < p->n_all / 2; i++) {
                struct purge_clip was = p->all[i];
                p->all[i] = p->all[p->n_all - 1 - i];
                p->all[p->n_all - 1 - i] = was;
        }
}

static int run(struct query *q, struct store_reader *r) {
        struct purge *p = CONTAINER_OF(q, struct purge, q);
        int e = stay_read(r, p->now, &p->named);
        if (!e)
                e = store_clips(r, take_clip, p);
        turn(p);
        if (!e)
                purge_pick(p->all, p->n_all, &p->want);
        return e;
}

/* ---- one after the other ---- */

static void soon(struct node *n) {
        n->clips.purge_at = MIN(n->clips.purge_at, uv_now(n->loop) + SOON);
}

static void look(struct node *n);

static void end(struct purge *p) {
        struct node *n = p->n;
        bool again = n->clips.purge_again && !n->stopping;
        bool answers = p->room >= n->clips.room_wanted || !again; /* else the next look is the one that looked for it */
        if (p->gone)
                log_info("%zu clips are destroyed, as the rules for cameras and kinds and clips.retention say",
                         p->gone);
        n->clips.purge = NULL;
        purge_free(p);
        if (n->clips.room_wanted && answers) {
                n->clips.room_wanted = 0;
                control_room(n);
        }
        if (again && !n->clips.purge)
                look(n);
}

/* Asks the vault of the next. */
static void go_on(struct purge *p) {
        struct node *n = p->n;
        while (p->next < p->n_all && !p->all[p->next].goes)
                p->next++;
        if (p->next == p->n_all && purge_pick(p->all, p->n_all, &p->want)) { /* the vault has kept some: others, then */
                p->next = 0;
                go_on(p);
                return;
        }
        if (p->next == p->n_all || n->stopping || !n->vault.alive) {
                end(p);
                return;
        }
        struct wire_v_purge msg = {.clip = SPAN_OF(p->all[p->next].id.b)};
        vault_link_say(&n->vault, OWNER_V_PURGE, &msg);
        n->clips.purge_by = uv_now(n->loop) + VAULT_PATIENCE;
}

void purge_answer(struct node *n, const struct hash *clip, bool gone) {
        struct purge *p = n->clips.purge;
        if (!p || !n->clips.purge_by || !hash_eq(clip, &p->all[p->next].id))
                return;
        n->clips.purge_by = 0;
        if (gone)
                vault_clip_purge(&n->vault, clip, p->all[p->next].away);
        else
                purge_gone(n, clip, false);
}

/* The clip the vault was asked of is away, or stays. */
void purge_gone(struct node *n, const struct hash *clip, bool gone) {
        struct purge *p = n->clips.purge;
        if (!p || !p->found || p->next >= p->n_all || !hash_eq(clip, &p->all[p->next].id))
                return; /* one that was left by an earlier look */
        struct purge_clip *c = &p->all[p->next++];
        c->pinned = true;
        p->gone += gone;
        p->want.free -= gone && !c->away ? MIN(c->bytes, p->want.free) : 0;
        go_on(p);
}

void purge_lost(struct node *n) {
        if (n->clips.purge && n->clips.purge_by) {
                n->clips.purge_by = 0;
                end(n->clips.purge);
        }
}

static void after(struct query *q) {
        struct purge *p = CONTAINER_OF(q, struct purge, q);
        p->found = true;
        if (q->r) {
                log_warning("which clips are old could not be looked up: %s",
                            q->r > 0 ? store_error_text(q->r) : err_text(q->r));
                soon(p->n);
                end(p);
                return;
        }
        go_on(p);
}

static void look(struct node *n) {
        struct clips *k = &n->clips;
        struct mesh_status st;
        struct purge *p = k->fd < 0 ? NULL : calloc(1, sizeof(*p));
        if (p)
                buf_add(&p->kept, buf_span(&k->kept));
        if (p && !buf_ok(&p->kept)) { /* nothing goes unless it is known what is pinned */
                purge_free(p);
                p = NULL;
        }
        k->purge_again = !p && k->fd >= 0;
        k->purge_at = uv_now(n->loop) + (p ? PERIOD : SOON);
        if (!p)
                return;
        mesh_status(n->core, &st);
        p->n = n;
        p->rules = n->cameras;
        p->retention = k->retention;
        p->kinds = k->kinds;
        p->now = node_time(n);
        p->want = (struct purge_want){.sure = st.sure};
        p->room = k->room_wanted;
        if (k->room_wanted && k->used + k->room_wanted > k->quota)
                p->want.free = k->used + k->room_wanted - k->quota;
        p->q = (struct query){.lane = QUERY_LIST, .run = run, .done = after};
        k->purge = p;
        query_start(n, &p->q);
}

void purge_unwiped(struct node *n, const struct hash *clip, bool away) {
        struct clips *k = &n->clips;
        if (k->n_unwiped < UNWIPED_MOST) {
                k->unwiped[k->n_unwiped].id = *clip;
                k->unwiped[k->n_unwiped++].away = away;
        }
        soon(n);
}

/* False: there is none. */
static bool wipe_one(struct node *n) {
        struct clips *k = &n->clips;
        if (!k->n_unwiped)
                return false;
        if (n->vault.clip)
                return true; /* with the next tick */
        struct hash id = k->unwiped[--k->n_unwiped].id;
        vault_clip_purge(&n->vault, &id, k->unwiped[k->n_unwiped].away);
        return true;
}

void purge_kick(struct node *n) {
        if (n->clips.purge)
                n->clips.purge_again = true;
        else if (n->started && !n->stopping)
                look(n);
}

void purge_tick(struct node *n) {
        mesh_time now = uv_now(n->loop);
        if (n->clips.purge && n->clips.purge_by && now >= n->clips.purge_by)
                purge_lost(n);
        if (!n->clips.purge && now >= n->clips.purge_at && !wipe_one(n))
                look(n);
}

bool purge_for(struct node *n, uint64_t bytes) {
        struct clips *k = &n->clips;
        if (!k->oldest || bytes > k->quota || !n->vault.alive)
                return false;
        k->room_wanted = MAX(k->room_wanted, bytes);
        purge_kick(n);
        return k->purge != NULL;
}

void purge_fini(struct node *n) {
        if (n->clips.purge)
                purge_free(n->clips.purge);
        n->clips.purge = NULL;
        buf_fini(&n->clips.kept);
        buf_fini(&n->clips.sources);
}
