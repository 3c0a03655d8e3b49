/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What looking at papers may cost this home, for each household that brings them: nothing is known of a paper before its
 * signature was checked, so a member who makes them up is paid no more attention than one who has much to say. Whatever device
 * brings it: further devices buy nothing.
 */
#include "base/log.h"
#include "node/internal.h"
#include "node/rows.h"

#include <stdlib.h>

/* As many as there are households that ever brought one: a roster's worth at most, until the daemon ends. */
struct budget {
        struct list on;
        struct key household;
        unsigned left;
        mesh_time at; /* when it was that much */
        bool told;    /* that it is spent */
};

static struct budget *budget_new(struct node *n, const struct key *household) {
        struct budget *b = calloc(1, sizeof(*b));
        if (!b)
                return NULL;
        b->household = *household;
        b->left = PAPER_CHECKS;
        b->at = uv_now(n->loop);
        if (map_put(&n->papers.budgets, b->household.b, b)) {
                free(b);
                return NULL;
        }
        list_init(&b->on);
        list_push(&n->papers.budget_list, &b->on);
        return b;
}

static void refill(struct budget *b, mesh_time now) {
        mesh_time more = (now - b->at) / PAPER_CHECK_MS;
        b->left = (unsigned)MIN((mesh_time)PAPER_CHECKS, b->left + more);
        b->at += more * PAPER_CHECK_MS;
        b->told &= b->left < PAPER_CHECKS;
}

static void tell(struct node *n, struct budget *b) {
        char name[ROWS_NAME_MAX];
        if (!b->told)
                log_warning("%s brings more papers about clips than are looked at; the rest may come again later",
                            rows_household(n, &b->household, name));
        b->told = true;
}

bool paper_budget_take(struct node *n, const struct key *household, unsigned checks) {
        struct budget *b = map_find(&n->papers.budgets, household->b);
        if (!b && !(b = budget_new(n, household)))
                return false;
        refill(b, uv_now(n->loop));
        if (b->left < checks) {
                tell(n, b);
                return false;
        }
        b->left -= checks;
        return true;
}

void paper_budgets_fini(struct node *n) {
        LIST_EACH (b, &n->papers.budget_list, struct budget, on) {
                list_drop(&b->on);
                free(b);
        }
        map_fini(&n->papers.budgets);
}
