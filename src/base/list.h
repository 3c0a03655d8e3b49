/* SPDX-License-Identifier: Apache-2.0 */
/* A doubly linked list whose links live inside its members. A member that is on no list points to itself. */
#pragma once

#include "base/base.h"

struct list {
        struct list *next, *prev;
};

static inline void list_init(struct list *l) {
        l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l) {
        return l->next == l;
}
static inline void list_push(struct list *head, struct list *l) { /* at the end */
        l->prev = head->prev;
        l->next = head;
        head->prev->next = l;
        head->prev = l;
}
static inline void list_drop(struct list *l) { /* fine for a member of no list */
        l->prev->next = l->next;
        l->next->prev = l->prev;
        list_init(l);
}

/* The current member may be dropped and freed inside the loop, and break leaves it. */
#define LIST_EACH(var, head, type, member)                                                                             \
        for (type *var = NULL, **once_##var = &var; once_##var; once_##var = NULL)                                     \
                for (struct list *it_##var = (head)->next, *next_##var = it_##var->next;                               \
                     it_##var != (head) && (var = CONTAINER_OF(it_##var, type, member), true);                         \
                     it_##var = next_##var, next_##var = it_##var->next)
