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
#define FULL_LINES 1 /* a minute */

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

/* Did others begin it? */
static bool came(uint8_t what) {
        return what == PAPER_IN_GRANT || what == PAPER_IN_REQUEST;
}

static bool begins_one(uint8_t what) {
        return came(what) || what == PAPER_OUT_GRANT || what == PAPER_OUT_REQUEST || what == PAPER_ASK_DENIED;
}

/* PROTOCOL 15.73: "However many grants and requests are under way, a node MUST have room for what goes on with them or ends
 * them" */
static bool has_room(const struct papers *all, uint8_t what) {
        if (!begins_one(what))
                return all->n - all->begun < PAPERS_MORE;
        return all->begun < PAPERS_MOST && !(came(what) && all->came >= PAPERS_CAME);
}

static void count(struct papers *all, uint8_t what, int more) {
        all->n += (size_t)more;
        all->begun += begins_one(what) ? (size_t)more : 0;
        all->came += came(what) ? (size_t)more : 0;
}

static void forget(struct node *n, struct paper *p) {
        map_del(&n->papers.by_id, p->id.b);
        list_drop(&p->on);
        count(&n->papers, p->what, -1);
        paper_free(p);
}

/* ---- the book ---- */

struct paper *papers_find(const struct node *n, const struct hash *id) {
        return map_find(&n->papers.by_id, id->b);
}

/* Who brought one hears "not now", and brings it again; what this home has to say the vault is asked for again. */
static void tell_full(struct node *n, uint8_t what) {
        if (!came(what))
                papers_miss(n);
        if (quiet_may(&n->papers.full, uv_now(n->loop), FULL_LINES))
                log_error(
                        "a paper about a clip finds no room (kind %u; %zu are under way, %zu of them brought by other "
                        "homes); it waits until others are done",
                        what, n->papers.n, n->papers.came);
}

static struct paper *put(struct node *n, const struct store_paper *row) {
        struct paper *p = has_room(&n->papers, row->what) ? paper_new(row) : NULL;
        if (!p)
                return NULL;
        if (map_put(&n->papers.by_id, p->id.b, p))
                return paper_free(p);
        list_push(&n->papers.all, &p->on);
        count(&n->papers, p->what, 1);
        return p;
}

struct paper *papers_add(struct node *n, const struct store_paper *row) {
        bool there = papers_find(n, &row->id);
        struct paper *p = there ? NULL : put(n, row);
        if (!p && !there)
                tell_full(n, row->what);
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
                if (!ok) {
                        if (!came(p->what))
                                papers_miss(n);
                        forget(n, p);
                        return;
                }
                control_paper_came(n, p);
                paper_vault_asked(n, p);
                if (p->what == PAPER_IN_OVER)
                        paper_end_told(n, p);
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

struct paper *papers_back(const struct node *n, const struct hash *grant) {
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what == PAPER_IN_OVER && hash_eq(&p->about, grant))
                        return p;
        return NULL;
}

enum wire_e_given papers_given_state(const struct paper *p) {
        if (p->state == PAPER_ENDING_BACK)
                return GIVEN_TAKEN_BACK;
        return p->state == PAPER_ENDING_OVER ? GIVEN_OVER : (enum wire_e_given)p->state;
}

mesh_wall papers_granted(const struct node *n, const struct hash *clip) {
        mesh_wall until = 0;
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what == PAPER_OUT_GRANT && p->state != PAPER_NOT && hash_eq(&p->about, clip))
                        until = MAX(until, p->expires - PAPERS_LINGER);
        return until;
}

const struct paper *papers_leave(const struct node *n, const struct hash *clip) {
        const struct paper *best = NULL;
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (p->what == PAPER_IN_GRANT && hash_eq(&p->about, clip) && p->state > GIVEN_OFFERED &&
                    p->state < GIVEN_TAKEN_BACK && (!best || p->expires > best->expires))
                        best = p;
        return best;
}

bool papers_clip_wanted(const struct node *n, const struct hash *clip) {
        return papers_leave(n, clip) != NULL;
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

const struct roster_device *papers_goal(const struct node *n, const struct key *whom) {
        const struct roster *roster = mesh_roster(n->core);
        const struct roster_device *d = roster ? roster_device_find(roster, whom) : NULL;
        struct mesh_status st;
        if (!d)
                return papers_main(n, whom);
        mesh_status(n->core, &st);
        return d->gone_at == 0 && d->home->member && key_eq(&d->home->key, &st.household) ? d : NULL;
}

bool papers_goes(const struct paper *p) {
        return p->what <= PAPER_OUT_REQUEST || p->what == PAPER_OUT_DESTROY || p->what == PAPER_OUT_OWN_RECEIPT ||
               p->what == PAPER_OUT_TOLD;
}

bool papers_wait(const struct paper *p) {
        return papers_goes(p) && p->state == PAPER_WAITS;
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

static void send_waiting(struct node *n) {
        LIST_EACH (p, &n->papers.all, struct paper, on)
                if (papers_wait(p))
                        courier_kick(n, &p->household);
}

static void on_timer(uv_timer_t *timer) {
        struct papers *all = CONTAINER_OF(timer, struct papers, timer);
        struct node *n = CONTAINER_OF(all, struct node, papers);
        paper_end_tick(n, node_time(n));
        paper_vault_tick(n);
        if (TAKE(n->papers.unsent)) {
                send_waiting(n);
                kin_send(n);
        }
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
        bool soon = courier_waiting(n) || ending(n) || n->papers.unsent, ever = n->papers.n || n->papers.missed;
        uint64_t period = soon ? LOOK_MS : ever ? LOOK_SELDOM_MS : 0;
        if (!period || !n->papers.started)
                uv_timer_stop(t);
        else if (!uv_is_active((uv_handle_t *)t) || uv_timer_get_due_in(t) > period)
                uv_timer_start(t, on_timer, period, 0);
}

void papers_miss(struct node *n) {
        n->papers.missed = true;
        papers_plan(n);
}

int papers_init(struct node *n) {
        uint64_t seed[4];
        if (uv_random(NULL, NULL, seed, sizeof(seed), 0, NULL))
                return ERR_NOMEM;
        list_init(&n->papers.all);
        list_init(&n->papers.couriers);
        list_init(&n->papers.errands);
        list_init(&n->papers.budget_list);
        map_init(&n->papers.by_id, seed);
        map_init(&n->papers.courier_of, seed);
        map_init(&n->papers.budgets, seed);
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
        send_waiting(n);
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
        paper_budgets_fini(n);
        buf_fini(&n->papers.rule_homes);
}
