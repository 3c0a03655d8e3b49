/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one household or device may make all others do in a day or an hour, however many links it says it over: each purse is charged to
 * whoever signed, not to the neighbour who passed it on. A day is 24 hours of this node's own running time, so that no clock
 * widens it; all purses are full again when it is over. Beyond the budget nothing is lost, it only takes reconciliation's way.
 */
#include "core/core.h"

#include <stdlib.h>

#define BUDGET_DAY ((mesh_time)MESH_DAY * 1000) /* ms */

#define BUDGET_HOUR ((mesh_time)3600000)

static const struct {
        uint16_t most;
        mesh_time period; /* in which that may be spent */
} rows[BUDGETS] = {
        [BUDGET_OPS] = {24, BUDGET_DAY},
        [BUDGET_REVOKES] = {64, BUDGET_DAY}, /* whoever takes back the tickets of an evening */
        [BUDGET_WITNESS] = {24, BUDGET_DAY}, /* as many as go round in a day */
        [BUDGET_MEETS] = {MEETS_HOUR, BUDGET_HOUR},
};

struct purse {
        struct key who;
        uint16_t spent[BUDGETS];
        mesh_time since[BUDGETS]; /* when its period began */
        uint64_t passed;
};

static bool full_again(const struct mesh *m, const struct purse *p, enum budget b) {
        return m->now - p->since[b] >= rows[b].period;
}

void budgets_fini(struct mesh *m) {
        MAP_EACH (p, &m->purses, struct purse)
                free(p);
        map_fini(&m->purses);
}

static void day_begins(struct mesh *m) {
        if (m->now - m->purses_since < BUDGET_DAY)
                return;
        budgets_fini(m);
        map_init(&m->purses, m->map_seed);
        m->purses_since = m->now;
}

bool budget_left(struct mesh *m, const struct key *who, enum budget b) {
        day_begins(m);
        const struct purse *p = map_find(&m->purses, who->b);
        return !p || full_again(m, p, b) || p->spent[b] < rows[b].most;
}

static struct purse *purse_new(struct mesh *m, const struct key *who) {
        struct purse *p = calloc(1, sizeof(*p));
        if (!p)
                return NULL;
        p->who = *who;
        for (size_t b = 0; b < BUDGETS; b++)
                p->since[b] = rows[b].period == BUDGET_DAY ? m->purses_since : m->now;
        if (!map_put(&m->purses, p->who.b, p))
                return p;
        free(p);
        return NULL;
}

static struct purse *purse_of(struct mesh *m, const struct key *who) {
        day_begins(m);
        struct purse *p = map_find(&m->purses, who->b);
        return p ? p : purse_new(m, who);
}

int budget_charge(struct mesh *m, const struct key *who, enum budget b) {
        struct purse *p = purse_of(m, who);
        if (!p)
                return ERR_NOMEM;
        if (full_again(m, p, b)) {
                p->spent[b] = 0;
                p->since[b] = m->now;
        }
        p->spent[b] += p->spent[b] < rows[b].most;
        return 0;
}

void budget_refund(struct mesh *m, const struct key *who, enum budget b) {
        struct purse *p = map_find(&m->purses, who->b);
        if (p && p->spent[b])
                p->spent[b]--;
}

uint64_t budget_passed(struct mesh *m, const struct key *who) {
        day_begins(m);
        const struct purse *p = map_find(&m->purses, who->b);
        return p ? p->passed : 0;
}

int budget_pass(struct mesh *m, const struct key *who, size_t n) {
        struct purse *p = purse_of(m, who);
        if (!p)
                return ERR_NOMEM;
        p->passed += n;
        return 0;
}
