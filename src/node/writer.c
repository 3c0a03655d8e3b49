/* SPDX-License-Identifier: Apache-2.0 */
#include "node/writer.h"
#include "base/log.h"
#include "node/internal.h"

#include <stdlib.h>

#define TICK_PERIOD 60000 /* ms */
#define SECOND 1000
#define SETTING_NAME_MAX 32
#define SETTING_MAX (16 * 1024) /* the longest: MUTES_MAX mutes of some 42 bytes */
#define LOG_LINES 1             /* a minute */
#define NEWS_MOST 16            /* events: far from what would fill a chunk */

struct setting {
        struct list on;
        char name[SETTING_NAME_MAX];
        size_t n;
        uint8_t value[];
};

/* ---- on the pool ---- */

static int write_settings(struct writer *w) {
        int first = 0;
        LIST_EACH (s, &w->settings_now, struct setting, on) {
                int r = store_set(w->store, s->name, span_of(s->value, s->n));
                if (r && !first)
                        first = r;
        }
        return first;
}

/* An I/O error leaves SQLite's connection in doubt: nothing it says counts until it was opened anew. */
static int reopen(struct writer *w, const char *dir) {
        w->store = store_close(w->store);
        int r = store_open(&w->store, dir);
        if (r == 0)
                w->reopen = false;
        return r;
}

/* Reading what has just been written costs no reading from the disk, and no second journey to the pool and back. */
static void read_news(struct writer *w) {
        bool few = w->job_seq > w->seq && w->job_seq - w->seq <= NEWS_MOST;
        if (w->watched && few && store_news(w->store, w->seq, NEWS_MOST, query_event, &w->news))
                buf_clear(&w->news.chunk); /* whoever asks is told why */
}

static void on_work(struct pool_job *work) {
        struct writer *w = CONTAINER_OF(work, struct writer, work);
        struct node *n = CONTAINER_OF(w, struct node, writer);
        w->tick_ok = w->tick_more = false;
        w->sought = 0;
        w->r = w->reopen ? reopen(w, n->dir) : 0;
        unsigned mends = w->store ? store_mends(w->store) : 0;
        if (w->r == 0 && w->now)
                w->r = store_commit(w->store, w->now, w->wall, &w->job_seq);
        w->settings_r = w->r == 0 ? write_settings(w) : w->r;
        int later = w->settings_r;
        if (w->r == 0 && later == 0 && w->seek_now)
                later = w->sought = store_seek(w->store, &w->seek);
        if (w->r == 0 && later == 0 && w->tick_now) {
                later = store_tick(w->store, w->wall, w->purge_before, &w->job_seq);
                w->tick_ok = later == 0;
                w->tick_more = later == STORE_E_MORE;
        }
        w->mended = w->store && store_mends(w->store) > mends;
        w->hurt_now = w->store && store_hurt(w->store);
        if (w->r == STORE_E_IO || later == STORE_E_IO)
                w->reopen = true;
        else
                read_news(w);
}

/* ---- on the loop ---- */

static void free_settings(struct list *l) {
        LIST_EACH (s, l, struct setting, on) {
                list_drop(&s->on);
                free(s);
        }
}

static struct setting *find_setting(struct list *l, const char *name) {
        LIST_EACH (s, l, struct setting, on)
                if (strcmp(s->name, name) == 0)
                        return s;
        return NULL;
}

/* Into the others of @to, which are newer. */
static void move_settings(struct list *from, struct list *to) {
        LIST_EACH (s, from, struct setting, on) {
                list_drop(&s->on);
                if (find_setting(to, s->name))
                        free(s);
                else
                        list_push(to, &s->on);
        }
}

/* Somebody was told that it is set: what could not be written is not forgotten, but goes when something newer of that name was
 * tried, and is kept or written by now. */
static void settle_settings(struct writer *w) {
        LIST_EACH (s, &w->settings_late, struct setting, on)
                if (find_setting(&w->settings_now, s->name)) {
                        list_drop(&s->on);
                        free(s);
                }
        if (w->settings_r)
                move_settings(&w->settings_now, &w->settings_late);
        else
                free_settings(&w->settings_now);
}

static void complain(struct node *n, int r) {
        if (!quiet_may(&n->writer.full, uv_now(n->loop), LOG_LINES))
                return;
        log_error("store: %s; what was to be written is not acknowledged", r > 0 ? store_error_text(r) : err_text(r));
}

/* Once a minute at most: whoever reads it should think of another disk, not of each byte. */
static void note_flips(struct node *n) {
        struct writer *w = &n->writer;
        unsigned long flips = store_flips();
        if (flips == w->flips || !quiet_may(&w->worn, uv_now(n->loop), LOG_LINES))
                return;
        log_error("store: the disk gave back %lu bytes other than they were written; they were put right. A disk or "
                  "memory card that does so wears out: replace it soon",
                  flips - w->flips);
        w->flips = flips;
}

/* Behind the walls no new store can be made. */
static void note_hurt(struct writer *w) {
        if (w->hurt_now && !w->hurt)
                log_error("store: a part of it cannot be read any more; start the daemon again: it keeps what is "
                          "whole, and "
                          "neighbours bring the rest");
        w->hurt |= w->hurt_now;
}

static void plan_tick(struct node *n);

/* What the tick that has just ended has seen to. Only here: while a job runs, how its tick went is the pool's to write. */
static void forget_expired(struct writer *w) {
        size_t over = 0;
        while (over < w->n_expiries && w->expiries[over] <= w->wall)
                over++;
        w->n_expiries -= over;
        memmove(w->expiries, w->expiries + over, w->n_expiries * sizeof(w->expiries[0]));
}

static void tell_stored(struct node *n, uint64_t token, bool ok) {
        if (token == WRITER_TOKEN_WIPED)
                vault_clip_wiped(&n->vault, ok);
        else if (token >= WRITER_TOKEN_PAPERS)
                papers_stored(n, token, ok);
        else if (token >= WRITER_TOKEN_KIN)
                kin_stored(n, token, ok);
        else
                node_feed(n, (struct mesh_event){.type = MESH_EV_STORED, .token = token, .stored.ok = ok});
}

static void on_after(struct pool_job *work) {
        struct writer *w = CONTAINER_OF(work, struct writer, work);
        struct node *n = CONTAINER_OF(w, struct node, writer);
        struct store_batch *done = TAKE(w->now);
        bool ok = w->r == 0;
        w->busy = false;
        if (w->mended)
                log_error("store: an index did not lead to its rows; all were made anew, and no row is lost");
        if (w->sought && quiet_may(&w->full, uv_now(n->loop), LOG_LINES))
                log_error("store: making indexes anew: %s", store_error_text(w->sought));
        note_flips(n);
        note_hurt(w);
        if (w->settings_r)
                complain(n, w->settings_r);
        settle_settings(w);
        if (w->tick_ok)
                forget_expired(w);
        if (w->tick_now)
                plan_tick(n);
        w->tick_now = w->seek_now = false;
        w->tick_due |= w->tick_more && !n->stopping; /* after what is to be committed by then */
        uint64_t from = w->seq;
        w->seq = MAX(w->seq, w->job_seq);
        w->asks += ok ? w->asks_now : 0;
        for (size_t i = 0; done && i < store_batch_count(done); i++)
                tell_stored(n, store_batch_token(done, i), ok);
        store_batch_free(done);
        control_watch_kick(n, from, &w->news.chunk);
        buf_clear(&w->news.chunk);
}

/* What is deleted does not come back when the clock is set right, so it must be surely over. */
static mesh_wall purge_before(const struct node *n) {
        const struct roster *roster = mesh_roster(n->core);
        struct mesh_status st;
        uint64_t days = roster ? roster_charter(roster, CHARTER_retention_days) : 0;
        for (size_t i = 0; days == 0 && i < wire_charter_bounds_n; i++)
                if (wire_charter_bounds[i].key == CHARTER_retention_days)
                        days = wire_charter_bounds[i].preset;
        mesh_status(n->core, &st);
        return st.sure > days * MESH_DAY ? st.sure - days * MESH_DAY : 0;
}

void writer_kick(struct node *n) {
        struct writer *w = &n->writer;
        bool rows = w->next && store_batch_count(w->next);
        if (w->busy || (!rows && list_empty(&w->settings) && !w->tick_due && !w->seek_due))
                return;
        w->now = rows ? TAKE(w->next) : NULL;
        w->asks_now = w->asks_next;
        w->asks_next = 0;
        if (w->now || w->tick_due)
                move_settings(&w->settings_late, &w->settings);
        move_settings(&w->settings, &w->settings_now);
        w->wall = node_time(n);
        w->purge_before = purge_before(n);
        w->tick_now = w->tick_due;
        w->seek_now = w->seek_due;
        w->tick_due = w->seek_due = false;
        w->job_seq = w->seq;
        w->watched = control_watched(n);
        w->busy = true;
        w->work = (struct pool_job){.work = on_work, .after = on_after};
        pool_run(&n->pool, &w->work);
}

void writer_add(struct node *n, const struct mesh_row *row, uint64_t token) {
        struct writer *w = &n->writer;
        if (!w->next)
                w->next = store_batch_new();
        if (!w->next || store_batch_add(w->next, row, token)) {
                complain(n, ERR_NOMEM);
                tell_stored(n, token, false);
                return;
        }
        bool ask = row->kind == MESH_ROW_RECORD && row->record.type == RECORD_ASK;
        if (ask || (row->kind == MESH_ROW_CLIP && !row->clip.gone))
                w->asks_next++;
        if (row->kind == MESH_ROW_RECORD && row->record.type == RECORD_ALERT)
                writer_expiry(n, row->record.expires);
}

void writer_paper(struct node *n, const struct store_paper *p, uint64_t token) {
        struct writer *w = &n->writer;
        if (!w->next)
                w->next = store_batch_new();
        if (w->next && store_batch_paper(w->next, p, token) == 0)
                return;
        complain(n, ERR_NOMEM);
        papers_stored(n, token, false);
}

void writer_clip(struct node *n, enum store_clip_change what, const struct store_clip *c, uint64_t token) {
        struct writer *w = &n->writer;
        if (!w->next)
                w->next = store_batch_new();
        if (!w->next || store_batch_clip(w->next, what, c, token)) {
                complain(n, ERR_NOMEM);
                kin_stored(n, token, false);
                return;
        }
        w->asks_next += what == STORE_CLIP_AWAY;
}

void writer_set(struct node *n, const char *name, struct span value) {
        if (CHECK_FAILS(value.n <= SETTING_MAX && strlen(name) < SETTING_NAME_MAX))
                return;
        struct setting *s = calloc(1, sizeof(*s) + value.n);
        if (!s)
                return;
        strcpy(s->name, name);
        if (value.n)
                memcpy(s->value, value.p, value.n);
        s->n = value.n;
        struct setting *old = find_setting(&n->writer.settings, name);
        if (old)
                list_drop(&old->on);
        free(old);
        list_push(&n->writer.settings, &s->on);
}

void writer_seek(struct node *n, const struct hash *id) {
        struct writer *w = &n->writer;
        if (w->seek_due || w->seek_now)
                return;
        w->seek = *id;
        w->seek_due = true;
}

/* ---- time passes ---- */

static void on_tick(uv_timer_t *timer) {
        struct writer *w = CONTAINER_OF(timer, struct writer, tick);
        struct node *n = CONTAINER_OF(w, struct node, writer);
        w->tick_due = true;
        purge_tick(n);
        kin_tick(n);
        announce_tick(n);
        uv_timer_start(timer, on_tick, TICK_PERIOD, 0); /* in case the job fails; plan_tick sets a better one */
}

static void plan_tick(struct node *n) {
        struct writer *w = &n->writer;
        mesh_wall now = node_time(n);
        uint64_t wait = TICK_PERIOD;
        if (w->n_expiries) {
                mesh_wall next = w->expiries[0];
                uint64_t soon = next >= now ? (next - now + 1) * SECOND : SECOND;
                wait = MIN(wait, soon);
        }
        uv_timer_start(&w->tick, on_tick, wait, 0);
}

void writer_expiry(struct node *n, mesh_wall at) {
        struct writer *w = &n->writer;
        size_t i = 0;
        if (w->n_expiries == WRITER_EXPIRIES && w->expiries[WRITER_EXPIRIES - 1] <= at)
                return;
        while (i < w->n_expiries && w->expiries[i] < at)
                i++;
        if (i < w->n_expiries && w->expiries[i] == at)
                return;
        size_t behind = MIN(w->n_expiries, WRITER_EXPIRIES - 1) - i;
        memmove(w->expiries + i + 1, w->expiries + i, behind * sizeof(w->expiries[0]));
        w->expiries[i] = at;
        w->n_expiries = MIN(w->n_expiries + 1, WRITER_EXPIRIES);
        if (i == 0 && n->started)
                plan_tick(n);
}

void writer_init(struct node *n) {
        list_init(&n->writer.settings);
        list_init(&n->writer.settings_now);
        list_init(&n->writer.settings_late);
        uv_timer_init(n->loop, &n->writer.tick);
}

void writer_start(struct node *n) {
        uv_timer_start(&n->writer.tick, on_tick, SECOND, 0);
}

bool writer_idle(const struct node *n) {
        const struct writer *w = &n->writer;
        return !w->busy && !(w->next && store_batch_count(w->next)) && list_empty(&w->settings);
}

void writer_close(struct node *n) {
        uv_close((uv_handle_t *)&n->writer.tick, NULL);
}

void writer_fini(struct node *n) {
        struct writer *w = &n->writer;
        free_settings(&w->settings);
        free_settings(&w->settings_now);
        free_settings(&w->settings_late);
        w->next = store_batch_free(w->next);
        w->now = store_batch_free(w->now);
        w->store = store_close(w->store);
        buf_fini(&w->news.chunk);
}
