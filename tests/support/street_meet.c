/* SPDX-License-Identifier: Apache-2.0 */
/* The homes' helpers: they find a way between two homes when each end has heard the other's words, or none. */
#include "support/helper.h"
#include "support/street_inside.h"

#include <stdlib.h>

#define WORDS_TIME 20    /* ms until a helper says its words … */
#define ADDRS 3          /* … and addresses, of which the last comes later … */
#define LATE_TIME 150    /* … when a doorstep has answered */
#define NO_WAY_TIME 8000 /* ms until all pairs of addresses have failed */

static struct meeting *find(struct street *s, size_t i, mesh_link link) {
        for (size_t k = s->n_meetings; k-- > 0;)
                if (s->meetings[k].here.home == i && s->meetings[k].here.link == link && !s->meetings[k].over)
                        return &s->meetings[k];
        return NULL;
}

static struct buf *says(struct street *s, size_t i, mesh_link link, uint64_t in, uint8_t number) {
        struct mesh_event ev = {.type = MESH_EV_MET, .link = link, .met = {.number = number}};
        return &street_plan(s, s->now + in, i, ev)->bytes;
}

static void begin(struct street *s, size_t i, const struct mesh_action *a) {
        if (s->n_meetings == s->cap_meetings) {
                s->cap_meetings = s->cap_meetings ? s->cap_meetings * 2 : 16;
                s->meetings = realloc(s->meetings, s->cap_meetings * sizeof(*s->meetings));
                REQUIRE(s->meetings);
        }
        s->homes[i].met++;
        s->homes[i].called += !a->meet.calls;
        s->meetings[s->n_meetings++] = (struct meeting){.here = {.home = i, .link = a->link}, .calls = a->meet.calls};
        const struct helper_of own = {.home = (uint32_t)i, .link = a->link, .life = s->homes[i].life};
        helper_words(says(s, i, a->link, WORDS_TIME, ICE_WORDS), &own);
        for (uint32_t k = 1; k <= ADDRS; k++)
                helper_candidate(says(s, i, a->link, k < ADDRS ? WORDS_TIME + k : LATE_TIME, ICE_CANDIDATE), a->link,
                                 k);
        helper_all(says(s, i, a->link, LATE_TIME, ICE_ALL), a->link);
}

static void fails(struct street *s, struct meeting *x) {
        struct mesh_event ev = {.type = MESH_EV_LINK_DOWN, .link = x->here.link};
        x->over = true;
        street_plan(s, s->now + NO_WAY_TIME, x->here.home, ev);
}

/* Both have heard each other. */
static void decide(struct street *s, struct meeting *x) {
        struct meeting *y = find(s, x->there.home, x->there.link);
        if (!y || y->there.home != x->here.home || y->there.link != x->here.link)
                return;
        bool cut = s->cuts[x->here.home * s->n + y->here.home];
        REQUIRE(x->calls != y->calls);
        if (cut || (s->apart && s->apart[x->here.home * s->n + y->here.home])) {
                fails(s, x);
                fails(s, y);
                return;
        }
        x->over = y->over = true;
        street_net_join(s, x->calls ? x->here : y->here, x->calls ? y->here : x->here);
}

void street_meet(struct street *s, size_t i, const struct mesh_action *a) {
        struct helper_of of;
        if (a->type == MESH_DO_MEET) {
                begin(s, i, a);
                return;
        }
        struct meeting *x = find(s, i, a->link);
        if (!x || a->tell.number != ICE_WORDS)
                return;
        REQUIRE(helper_read_words(a->tell.map, &of));
        x->there.link = of.link;
        x->there.home = of.home;
        decide(s, x);
}

void street_meet_hangup(struct street *s, size_t i, mesh_link link) {
        struct meeting *x = find(s, i, link);
        if (x)
                x->over = true;
}

void street_meet_off(struct street *s, size_t i) {
        for (size_t k = 0; k < s->n_meetings; k++)
                s->meetings[k].over |= s->meetings[k].here.home == i;
}

/* ---- for tests ---- */
void street_doorstep(struct street *s, size_t i) {
        s->homes[i].doorstep = true;
        street_tell_addresses(s, i);
}

void street_hide(struct street *s, size_t i) {
        s->homes[i].hidden = true;
        street_tell_addresses(s, i);
}

void street_relays(struct street *s, size_t i, uint64_t quota) {
        s->homes[i].quota = quota;
        street_feed(s, i, (struct mesh_event){.type = MESH_EV_RELAY, .relay = {.quota = quota}});
}

void street_helper(struct street *s, size_t i, bool there) {
        s->homes[i].helper = there;
        street_feed(s, i, (struct mesh_event){.type = MESH_EV_HELPER, .helper = {.there = there}});
}

void street_apart(struct street *s, size_t a, size_t b) {
        if (!s->apart)
                s->apart = calloc(s->n * s->n, sizeof(*s->apart));
        REQUIRE(s->apart);
        s->apart[a * s->n + b] = s->apart[b * s->n + a] = true;
}

size_t street_met(const struct street *s, size_t i) {
        return s->homes[i].met;
}

size_t street_called(const struct street *s, size_t i) {
        return s->homes[i].called;
}
