/* SPDX-License-Identifier: Apache-2.0 */
#include "node/query.h"
#include "node/internal.h"

#define CHUNK_BYTES (64 * 1024)

/* ---- on the pool ---- */

static int hand_over(struct query *q) {
        struct queries *qs = &q->n->queries;
        uv_mutex_lock(&qs->lock);
        q->parked = !q->stop;
        if (q->parked)
                uv_async_send(&qs->parked);
        while (q->parked && !q->stop)
                uv_cond_wait(&qs->moved, &qs->lock);
        q->parked = false;
        bool stop = q->stop;
        uv_mutex_unlock(&qs->lock);
        return stop ? 1 : 0;
}

/* A row in a chunk: the struct as it is, then what its spans will point to. */
static int put(struct query *q, const struct query_row *row, struct span first, struct span second, struct span third) {
        buf_add(&q->chunk, span_of(row, sizeof(*row)));
        buf_add(&q->chunk, first);
        buf_add(&q->chunk, second);
        buf_add(&q->chunk, third);
        if (!buf_ok(&q->chunk))
                return ERR_NOMEM;
        return q->chunk.n < CHUNK_BYTES ? 0 : hand_over(q);
}

int query_alert(void *ctx, const struct store_alert *a) {
        struct query_row row = {.what = QUERY_ALERT, .alert = *a};
        return put(ctx, &row, a->text, a->clips, SPAN_NONE);
}

int query_event(void *ctx, const struct store_event *e) {
        struct query_row row = {.what = QUERY_EVENT, .event = *e};
        return put(ctx, &row, e->alert.text, e->alert.clips, SPAN_NONE);
}

int query_follow(void *ctx, const struct store_follow *f) {
        struct query_row row = {.what = QUERY_FOLLOW, .follow = *f};
        return put(ctx, &row, f->text, SPAN_NONE, SPAN_NONE);
}

int query_clip(void *ctx, const struct store_clip *c) {
        struct query *q = ctx;
        struct query_row row = {.what = QUERY_CLIP, .clip = *c, .whole = clips_whole(q->n, c)};
        return put(q, &row, c->manifest, c->sealed, c->camera);
}

int query_ask(void *ctx, const struct store_ask *a) {
        struct query_row row = {.what = QUERY_ASK, .ask = *a};
        return put(ctx, &row, a->reason, a->about, SPAN_NONE);
}

int query_match(void *ctx, const struct store_match *m) {
        struct query_row row = {.what = QUERY_MATCH, .match = *m};
        return put(ctx, &row, m->camera, SPAN_NONE, SPAN_NONE);
}

int query_notice(void *ctx, const struct store_notice *n) {
        struct query_row row = {.what = QUERY_NOTICE, .notice = *n};
        return put(ctx, &row, SPAN_NONE, SPAN_NONE, SPAN_NONE);
}

static void on_work(struct pool_job *work) {
        struct query_lane_state *lane = CONTAINER_OF(work, struct query_lane_state, work);
        struct query *q = lane->now;
        if (!lane->reader)
                q->r = store_reader_open(&lane->reader, lane->n->dir);
        if (q->r == 0)
                q->r = q->run(q, lane->reader);
}

/* ---- on the loop ---- */

static void alert_spans(struct store_alert *a, const uint8_t **at) {
        a->text.p = *at;
        a->clips.p = *at + a->text.n;
        *at += a->text.n + a->clips.n;
}

static void clip_spans(struct store_clip *c, const uint8_t **at) {
        c->manifest.p = *at;
        c->sealed.p = c->manifest.p + c->manifest.n;
        c->camera.p = c->sealed.p + c->sealed.n;
        c->salt = SPAN_NONE; /* nobody asks for it so */
        *at = c->camera.p + c->camera.n;
}

void query_rows(const struct buf *chunk, void (*take)(void *ctx, const struct query_row *row), void *ctx) {
        const uint8_t *at = chunk->p, *end = at + chunk->n;
        struct query_row row;
        while (at < end) {
                memcpy(&row, at, sizeof(row));
                at += sizeof(row);
                switch (row.what) {
                case QUERY_ALERT:
                        alert_spans(&row.alert, &at);
                        break;
                case QUERY_EVENT:
                        alert_spans(&row.event.alert, &at);
                        break;
                case QUERY_CLIP:
                        clip_spans(&row.clip, &at);
                        break;
                case QUERY_FOLLOW:
                        row.follow.text.p = at;
                        at += row.follow.text.n;
                        break;
                case QUERY_ASK:
                        row.ask.reason.p = at;
                        row.ask.about.p = at + row.ask.reason.n;
                        at += row.ask.reason.n + row.ask.about.n;
                        break;
                case QUERY_MATCH:
                        row.match.camera.p = at;
                        at += row.match.camera.n;
                        break;
                case QUERY_NOTICE:
                        break;
                }
                take(ctx, &row);
        }
}

static void take_row(void *ctx, const struct query_row *row) {
        struct query *q = ctx;
        if (!q->stop)
                q->row(q, row);
}

static void take_chunk(struct query *q) {
        query_rows(&q->chunk, take_row, q);
        buf_clear(&q->chunk);
}

static void let_go(struct query *q) {
        struct queries *qs = &q->n->queries;
        uv_mutex_lock(&qs->lock);
        q->parked = q->held = false;
        uv_cond_broadcast(&qs->moved);
        uv_mutex_unlock(&qs->lock);
}

static bool is_parked(struct queries *qs, struct query *q) {
        uv_mutex_lock(&qs->lock);
        bool parked = q && q->parked && !q->held;
        uv_mutex_unlock(&qs->lock);
        return parked;
}

static void on_parked(uv_async_t *async) {
        struct queries *qs = CONTAINER_OF(async, struct queries, parked);
        for (size_t i = 0; i < QUERY_LANES; i++) {
                struct query *q = qs->lanes[i].now;
                if (!is_parked(qs, q))
                        continue;
                take_chunk(q);
                q->held = q->go_on && !q->go_on(q);
                if (!q->held)
                        let_go(q);
        }
}

void query_resume(struct query *q) {
        if (q->held)
                let_go(q);
}

void query_abandon(struct query *q) {
        struct queries *qs = &q->n->queries;
        uv_mutex_lock(&qs->lock);
        q->stop = true;
        uv_cond_broadcast(&qs->moved);
        uv_mutex_unlock(&qs->lock);
}

static void start_next(struct query_lane_state *lane);

static void on_after(struct pool_job *work) {
        struct query_lane_state *lane = CONTAINER_OF(work, struct query_lane_state, work);
        struct query *q = lane->now;
        take_chunk(q);
        buf_fini(&q->chunk);
        lane->now = NULL;
        q->done(q);
        start_next(lane);
}

static enum query_lane kind_of(const struct query_lane_state *lane) {
        size_t i = (size_t)(lane - lane->n->queries.lanes);
        return (enum query_lane)MIN(i, (size_t)QUERY_LIST);
}

static void start_next(struct query_lane_state *lane) {
        struct node *n = lane->n;
        struct list *waiting = &n->queries.waiting[kind_of(lane)];
        if (lane->now || list_empty(waiting))
                return;
        lane->now = CONTAINER_OF(waiting->next, struct query, on);
        list_drop(&lane->now->on);
        lane->work = (struct pool_job){.work = on_work, .after = on_after};
        pool_run(&n->pool, &lane->work);
}

void query_start(struct node *n, struct query *q) {
        q->n = n;
        list_init(&q->on);
        list_push(&n->queries.waiting[q->lane], &q->on);
        for (size_t i = 0; i < QUERY_LANES; i++)
                if (kind_of(&n->queries.lanes[i]) == q->lane)
                        start_next(&n->queries.lanes[i]);
}

int queries_init(struct node *n) {
        struct queries *qs = &n->queries;
        for (size_t i = 0; i < QUERY_KINDS; i++)
                list_init(&qs->waiting[i]);
        for (size_t i = 0; i < QUERY_LANES; i++)
                qs->lanes[i].n = n;
        if (uv_mutex_init(&qs->lock))
                return ERR_NOMEM;
        if (uv_cond_init(&qs->moved)) {
                uv_mutex_destroy(&qs->lock);
                return ERR_NOMEM;
        }
        if (uv_async_init(n->loop, &qs->parked, on_parked)) {
                uv_cond_destroy(&qs->moved);
                uv_mutex_destroy(&qs->lock);
                return ERR_IO;
        }
        qs->ready = true;
        return 0;
}

struct store_reader *queries_reader(struct node *n, enum query_lane lane) {
        const struct query_lane_state *l = &n->queries.lanes[lane];
        return CHECK_FAILS(!l->now) ? NULL : l->reader;
}

void queries_stop(struct node *n) {
        for (size_t i = 0; n->queries.ready && i < QUERY_LANES; i++)
                if (n->queries.lanes[i].now)
                        query_abandon(n->queries.lanes[i].now);
}

bool queries_idle(const struct node *n) {
        for (size_t i = 0; i < QUERY_LANES; i++)
                if (n->queries.lanes[i].now)
                        return false;
        return true;
}

void queries_close(struct node *n) {
        if (n->queries.ready)
                uv_close((uv_handle_t *)&n->queries.parked, NULL);
}

void queries_fini(struct node *n) {
        struct queries *qs = &n->queries;
        if (!qs->ready)
                return;
        for (size_t i = 0; i < QUERY_LANES; i++)
                qs->lanes[i].reader = store_reader_close(qs->lanes[i].reader);
        uv_cond_destroy(&qs->moved);
        uv_mutex_destroy(&qs->lock);
}
