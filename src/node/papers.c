/* SPDX-License-Identifier: Apache-2.0 */
/* The book of papers: what the store has of them is in memory, too, since there are few. See papers.h. */
#include "node/papers.h"
#include "base/log.h"
#include "base/text.h"
#include "node/internal.h"

#include <stdlib.h>

#define LOOK_MS 1000         /* while something waits for another home, which may have come */
#define LOOK_FIRST_MS 500    /* after a start: the vault is there by then */
#define LOOK_SELDOM_MS 10000 /* for what is over */
#define DIGITS_LEAST 4

/* ---- one of them ---- */

static struct paper *paper_free(struct paper *p) {
        buf_fini(&p->bytes);
        buf_fini(&p->more);
        free(p);
        return NULL;
}

static struct paper *paper_new(const struct store_paper *row) {
        struct paper *p = calloc(1, sizeof(*p));
        if (!p)
                return NULL;
        list_init(&p->on);
        p->id = row->id;
        p->what = row->what;
        p->state = row->state;
        p->household = row->household;
        p->about = row->about;
        p->expires = row->expires;
        buf_add(&p->bytes, row->paper);
        buf_add(&p->more, row->more);
        return buf_ok(&p->bytes) && buf_ok(&p->more) ? p : paper_free(p);
}

static struct store_paper row_of(const struct paper *p) {
        return (struct store_paper){.id = p->id,
                                    .what = p->what,
                                    .state = p->state,
                                    .household = p->household,
                                    .about = p->about,
                                    .expires = p->expires,
                                    .paper = buf_span(&p->bytes),
                                    .more = buf_span(&p->more)};
}

static void forget(struct node *n, struct paper *p) {
        map_del(&n->papers.by_id, p->id.b);
        list_drop(&p->on);
        n->papers.n--;
        paper_free(p);
}

/* ---- the book ---- */

struct paper *papers_find(const struct node *n, const struct hash *id) {
        return map_find(&n->papers.by_id, id->b);
}

static struct paper *put(struct node *n, const struct store_paper *row) {
        struct paper *p = n->papers.n < PAPERS_MOST ? paper_new(row) : NULL;
        if (!p)
                return NULL;
        if (map_put(&n->papers.by_id, p->id.b, p))
                return paper_free(p);
        list_push(&n->papers.all, &p->on);
        n->papers.n++;
        return p;
}

struct paper *papers_add(struct node *n, const struct store_paper *row) {
        struct paper *p = papers_find(n, &row->id) ? NULL : put(n, row);
        if (!p)
                return NULL;
        p->token = WRITER_TOKEN_PAPERS | ++n->papers.token;
        writer_paper(n, row, p->token);
        papers_plan(n);
        return papers_find(n, &row->id); /* gone, if there was no memory */
}

void papers_set(struct node *n, struct paper *p, uint8_t state) {
        if (p->state == state)
                return;
        p->state = state;
        struct store_paper row = row_of(p);
        writer_paper(n, &row, WRITER_TOKEN_PAPERS);
}

void papers_drop(struct node *n, struct paper *p) {
        struct store_paper row = {.id = p->id, .gone = true};
        forget(n, p);
        writer_paper(n, &row, WRITER_TOKEN_PAPERS);
}

/* What could not be written is not there; who brought it brings it again. */
void papers_stored(struct node *n, uint64_t token, bool ok) {
        if (token == WRITER_TOKEN_PAPERS)
                return;
        LIST_EACH (p, &n->papers.all, struct paper, on) {
                if (p->token != token)
                        continue;
                p->token = 0;
                if (p->answer)
                        paper_answer(n, &p->bringer, &p->id, ok ? 0 : REFUSAL_NOT_NOW);
                if (ok)
                        control_paper_came(n, p);
                else
                        forget(n, p);
                return;
        }
}

size_t papers_count(const struct node *n, enum paper_what what, const struct key *household) {
        size_t count = 0;
        LIST_EACH (p, &n->papers.all, struct paper, on)
                count += p->what == what && key_eq(&p->household, household);
        return count;
}

static bool begins(const struct hash *id, struct span digits) {
        return digits.n >= DIGITS_LEAST && text_hex_begins(SPAN_OF(id->b), digits);
}

/* The one of several for one clip that is of most use: that in force, and the latest of those. */
static bool better(const struct paper *p, const struct paper *than) {
        return p->state < GIVEN_TAKEN_BACK || than->state >= GIVEN_TAKEN_BACK;
}

struct paper *papers_named(const struct node *n, enum paper_what what, struct span digits, bool *ret_many) {
        struct paper *found = NULL;
        *ret_many = false;
        LIST_EACH (p, &n->papers.all, struct paper, on) {
                bool own = begins(&p->id, digits);
                if (p->what != what || !(own || (what == PAPER_IN_GRANT && begins(&p->about, digits))))
                        continue;
                if (found && !hash_eq(&found->about, &p->about))
                        *ret_many = true;
                if (!found || better(p, found))
                        found = p;
        }
        return found;
}

bool papers_denied(const struct node *n, const struct hash *ask) {
        const struct paper *p = papers_find(n, ask);
        return p && p->what == PAPER_ASK_DENIED;
}

enum wire_e_given papers_given_state(const struct paper *p) {
        if (p->state == PAPER_ENDING_BACK)
                return GIVEN_TAKEN_BACK;
        return p->state == PAPER_ENDING_OVER ? GIVEN_OVER : (enum wire_e_given)p->state;
}

bool papers_clip_wanted(const struct node *n, const struct hash *clip) {
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what == PAPER_IN_GRANT && hash_eq(&p->about, clip) && p->state > GIVEN_OFFERED &&
                    p->state < GIVEN_TAKEN_BACK)
                        return true;
        return false;
}

/* ---- whose device ---- */

const struct roster_device *papers_main(const struct node *n, const struct key *household) {
        const struct roster *roster = mesh_roster(n->core);
        const struct roster_home *home = roster ? roster_home_find(roster, household) : NULL;
        for (size_t i = 0; home && home->member && i < home->n_devices; i++)
                if (home->devices[i]->gone_at == 0 && home->devices[i]->share == SHARE_WHOLE)
                        return home->devices[i];
        return NULL;
}

bool papers_here(const struct node *n) {
        struct mesh_status st;
        mesh_status(n->core, &st);
        const struct roster_device *d = papers_main(n, &st.household);
        return d && key_eq(&d->sign, &st.device);
}

struct hash papers_mesh(const struct node *n) {
        struct mesh_status st;
        mesh_status(n->core, &st);
        return st.mesh;
}

/* ---- life ---- */

static int restore(void *ctx, const struct store_paper *row) {
        struct node *n = ctx;
        if (!put(n, row))
                log_error("there are more papers about clips than this home keeps, or no memory: one is left out");
        return 0;
}

static void on_timer(uv_timer_t *timer) {
        struct papers *all = CONTAINER_OF(timer, struct papers, timer);
        struct node *n = CONTAINER_OF(all, struct node, papers);
        paper_end_tick(n, node_time(n));
        courier_tick(n);
        papers_plan(n);
}

/* Bytes and a key are on their way out. */
static bool ending(const struct node *n) {
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what == PAPER_IN_GRANT && p->state >= PAPER_ENDING_BACK)
                        return true;
        return false;
}

/* A home without papers, as most are most of the time, is not woken for them. */
void papers_plan(struct node *n) {
        uv_timer_t *t = &n->papers.timer;
        uint64_t period = courier_waiting(n) || ending(n) ? LOOK_MS : n->papers.n ? LOOK_SELDOM_MS : 0;
        if (!period || !n->papers.started)
                uv_timer_stop(t);
        else if (!uv_is_active((uv_handle_t *)t) || uv_timer_get_due_in(t) > period)
                uv_timer_start(t, on_timer, period, 0);
}

int papers_init(struct node *n) {
        uint64_t seed[4];
        if (uv_random(NULL, NULL, seed, sizeof(seed), 0, NULL))
                return ERR_NOMEM;
        list_init(&n->papers.all);
        list_init(&n->papers.couriers);
        list_init(&n->papers.errands);
        map_init(&n->papers.by_id, seed);
        map_init(&n->papers.courier_of, seed);
        return 0;
}

void papers_use(struct node *n) {
        uv_timer_init(n->loop, &n->papers.timer);
        courier_use(n);
        fetch_watch(n, papers_complete);
}

void papers_start(struct node *n) {
        struct store_reader *reader = queries_reader(n, QUERY_QUICK);
        int r = reader ? store_papers(reader, restore, n) : ERR_BROKEN;
        if (r)
                log_error("papers about clips: %s", r > 0 ? store_error_text(r) : err_text(r));
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what <= PAPER_OUT_REQUEST && p->state == PAPER_WAITS)
                        courier_kick(n, &p->household);
        n->papers.started = true;
        if (n->papers.n) /* something may have come to its end meanwhile */
                uv_timer_start(&n->papers.timer, on_timer, LOOK_FIRST_MS, 0);
}

void papers_stop(struct node *n) {
        n->papers.started = false;
        uv_timer_stop(&n->papers.timer);
        courier_end(n);
        paper_vault_down(n);
}

void papers_close(struct node *n) {
        uv_close((uv_handle_t *)&n->papers.timer, NULL);
}

void papers_fini(struct node *n) {
        LIST_EACH (p, &n->papers.all, struct paper, on)
                forget(n, p);
        map_fini(&n->papers.by_id);
        map_fini(&n->papers.courier_of);
}
