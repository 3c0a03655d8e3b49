/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Papers go. For each household, or device of this one, that something waits for there is a courier: it wants a link for
 * footage to the household's main device, or to that one, at once when the paper is made, and later less and less often. Whoever dialled, a link that is up takes all that
 * waits. As soon as the other device is heard of again (it has become a neighbour, or told its addresses) it is tried
 * at once. What was said and not answered is said again, over the same link in a while and over the next one at once, so that
 * nothing hangs on a link's fate.
 *
 * A node dials no more than HAUL_DIALS links, and a link with nothing to say stays for a minute: where other households wait for
 * their turn (`clip share --with all`), a link that has brought all there was is ended.
 */
#include "base/log.h"
#include "node/internal.h"
#include "node/rows.h"

#include <stdlib.h>

#define DIALS_MOST 4          /* at a time: a grant to all homes is no storm */
#define RETRY_FIRST_MS 5000   /* after a dial that failed, doubled each time … */
#define RETRY_MOST_MS 1800000 /* … up to half an hour */
#define RETRY_DOUBLINGS 9
#define DONE_MS 1000  /* a link that is to make way has said and heard of no paper for so long … */
#define QUIET_MS 5000 /* … and of no chunk for so long: a fetch may look for its next source meanwhile */

struct courier {
        struct list on;
        struct node *n;
        struct key household; /* or device of this household */
        struct haul_want want;
        bool wanting;
        bool needed; /* of the look under way: something waits */
        bool waits;  /* of the latest look: it would be dialled, if there were a link to spare */
        unsigned failures;
        mesh_time next;  /* when to dial, or to say again over a link */
        mesh_wall tried; /* when it was dialled last */
};

static void courier_free(struct courier *c) {
        c->n->papers.dialling -= c->wanting;
        haul_forget(&c->want);
        map_del(&c->n->papers.courier_of, c->household.b);
        list_drop(&c->on);
        free(c);
}

/* ---- saying ---- */

static enum wire_e_paper paper_of(const struct paper *p) {
        switch ((enum paper_what)p->what) {
        case PAPER_OUT_GRANT:
                return PAPER_GRANT;
        case PAPER_OUT_OVER:
        case PAPER_OUT_TOLD:
                return PAPER_GRANT_OVER;
        case PAPER_OUT_RECEIPT:
        case PAPER_OUT_OWN_RECEIPT:
                return PAPER_RECEIPT;
        case PAPER_OUT_ATTEST:
                return PAPER_ATTEST;
        case PAPER_OUT_REQUEST:
                return PAPER_REQUEST;
        case PAPER_OUT_DESTROY:
                return PAPER_OWN_DESTROY;
        case PAPER_IN_GRANT:
        case PAPER_IN_OVER:
        case PAPER_IN_TOLD:
        case PAPER_IN_REQUEST:
        case PAPER_ASK_DENIED:
        case PAPER_CALLED_OFF:
                break;
        }
        return PAPER_MANIFEST;
}

/* False: there is no room; on_room follows, and the grant is said anew with its manifest. */
static bool say(struct haul_link *l, struct paper *p) {
        struct wire_haul_paper msg = {.what = PAPER_MANIFEST, .object = buf_span(&p->more)};
        if (p->more.n && !haul_say(l, LINK_PAPER, &msg))
                return false;
        msg = (struct wire_haul_paper){.what = paper_of(p), .object = buf_span(&p->bytes)};
        if (!haul_say(l, LINK_PAPER, &msg))
                return false;
        p->said = l;
        return true;
}

/* PROTOCOL 15.61: "A node brings papers to the main device of the household they are for, and to no other but as rules 15.82,
 * 15.85 and 15.91 say." Those for another device of this household are for that alone. */
static bool to_main(const struct haul_link *l) {
        const struct roster_device *d = papers_main(l->n, &l->household);
        return d && key_eq(&d->sign, &l->device);
}

static void say_all(struct haul_link *l) {
        bool main = to_main(l);
        kin_say_all(l);
        LIST_EACH (p, &l->n->papers.all, struct paper, on) {
                bool goes = key_eq(&p->household, &l->device) || (main && key_eq(&p->household, &l->household));
                if (goes && papers_wait(p) && p->said != l && !say(l, p))
                        return;
        }
}

/* ---- links ---- */

static void on_up(struct haul_link *l) {
        say_all(l);
}

static void on_down(struct haul_link *l) {
        LIST_EACH (p, &l->n->papers.all, struct paper, on)
                if (p->said == l)
                        p->said = NULL;
        kin_down(l);
        paper_in_end(l);
        papers_plan(l->n);
}

static const struct haul_ops ops = {.on_up = on_up, .on_down = on_down, .on_message = paper_in, .on_room = say_all};

void courier_use(struct node *n) {
        haul_use(n, HAUL_PAPERS, &ops);
}

/* ---- dialling ---- */

static void later(struct courier *c) {
        mesh_time wait = (mesh_time)RETRY_FIRST_MS << MIN(c->failures, (unsigned)RETRY_DOUBLINGS);
        c->failures++;
        c->next = uv_now(c->n->loop) + MIN(wait, (mesh_time)RETRY_MOST_MS);
}

static void on_done(struct haul_want *w, enum mesh_outcome o, struct haul_link *l) {
        struct courier *c = CONTAINER_OF(w, struct courier, want);
        char name[ROWS_NAME_MAX];
        c->wanting = false;
        c->n->papers.dialling--;
        if (o != MESH_OUT_HAUL_MANY) /* that is no sign of the other side */
                later(c);
        if (l)
                say_all(l);
        else
                log_debug("papers for %s wait: %s", rows_household(c->n, &c->household, name),
                          mesh_outcome(o)->message);
}

/* Something was heard of the device since it was tried last, or in that second: it may have begun to listen behind that. */
static bool came_back(const struct courier *c, const struct roster_device *d) {
        return mesh_heard(c->n->core, &d->sign) >= c->tried;
}

static void dial(struct courier *c, const struct roster_device *d) {
        c->wanting = true;
        c->n->papers.dialling++;
        c->tried = node_time(c->n);
        c->want.done = on_done;
        haul_connect(c->n, &d->sign, &c->want);
}

/* An answer, and the key that answers a receipt, may have found no room at the other side, or come too early there. */
static void say_again(struct courier *c, struct haul_link *l) {
        if (uv_now(c->n->loop) < c->next)
                return;
        LIST_EACH (p, &c->n->papers.all, struct paper, on)
                if (p->said == l && papers_wait(p))
                        p->said = NULL;
        later(c);
}

/* PROTOCOL 15.63: "A paper is brought again, at growing intervals, until the other home has answered or its time is over." */
static void look(struct courier *c) {
        const struct roster_device *d = papers_goal(c->n, &c->household);
        mesh_time now = uv_now(c->n->loop);
        c->waits = false;
        if (!d || c->wanting)
                return;
        struct haul_link *l = haul_find(c->n, &d->sign);
        if (l) {
                say_again(c, l);
                say_all(l);
        } else if (now >= c->next || came_back(c, d)) {
                c->waits = haul_dialled(c->n) >= HAUL_DIALS;
                if (!c->waits && c->n->papers.dialling < DIALS_MOST)
                        dial(c, d);
        }
}

/* ---- making way ---- */

static bool is_done(const struct haul_link *l) {
        const struct map *of = &l->n->papers.courier_of;
        const struct courier *home = map_find(of, l->household.b), *device = map_find(of, l->device.b);
        mesh_time now = uv_now(l->n->loop);
        bool papers = (home && home->needed) || (device && device->needed);
        return !papers && now - l->used[HAUL_PAPERS] >= DONE_MS &&
               (!l->used[HAUL_CHUNKS] || now - l->used[HAUL_CHUNKS] >= QUIET_MS);
}

/* Links that are done go, if somebody has none because of them. */
static void make_way(struct node *n) {
        size_t waiting = 0;
        LIST_EACH (c, &n->papers.couriers, struct courier, on)
                waiting += c->needed && c->waits;
        LIST_EACH (l, &n->hauls.all, struct haul_link, on) {
                if (!waiting || !l->dialled || l->down || !l->told || !is_done(l))
                        continue;
                waiting--;
                haul_hangup(l);
        }
}

/* In a large mesh there may be thousands of both: each is looked at once. */
static void find_needed(struct node *n) {
        LIST_EACH (c, &n->papers.couriers, struct courier, on)
                c->needed = false;
        LIST_EACH (p, &n->papers.all, struct paper, on) {
                struct courier *c = papers_wait(p) ? map_find(&n->papers.courier_of, p->household.b) : NULL;
                if (c)
                        c->needed = true;
        }
        if (kin_waits(n)) {
                struct mesh_status st;
                mesh_status(n->core, &st);
                struct courier *c = map_find(&n->papers.courier_of, st.household.b);
                if (c)
                        c->needed = true;
        }
}

void courier_tick(struct node *n) {
        find_needed(n);
        LIST_EACH (c, &n->papers.couriers, struct courier, on) {
                if (c->needed)
                        look(c);
                else if (!c->wanting)
                        courier_free(c);
        }
        make_way(n);
}

static struct courier *courier_new(struct node *n, const struct key *household) {
        struct courier *c = calloc(1, sizeof(*c));
        if (!c)
                return NULL;
        c->n = n;
        c->household = *household;
        if (map_put(&n->papers.courier_of, c->household.b, c)) {
                free(c);
                return NULL;
        }
        list_push(&n->papers.couriers, &c->on);
        return c;
}

void courier_kick(struct node *n, const struct key *household) {
        struct courier *c = map_find(&n->papers.courier_of, household->b);
        if (!c && !(c = courier_new(n, household))) {
                n->papers.unsent = true;
                papers_plan(n);
                return;
        }
        c->failures = 0;
        c->next = 0;
        if (n->papers.started && !n->feeding)
                look(c);
        papers_plan(n);
}

bool courier_waiting(const struct node *n) {
        return !list_empty(&n->papers.couriers);
}

void courier_end(struct node *n) {
        LIST_EACH (c, &n->papers.couriers, struct courier, on)
                courier_free(c);
}
