/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What offers of others may cost this home. Each is answered once, a device has so many in an hour, and its household so many
 * that are remembered. A device is charged for those that come to nothing: a telephone that moves each minute meets its
 * neighbours anew each minute, and must not be alone after half an hour of that. And what this home would spend anyway, since it
 * calls that device just now, is charged to nobody: else two that call each other, of which one has spent all, would each wait
 * for the other's answer.
 */
#include "core/meet.h"

#include "core/core.h"
#include "core/link.h"
#include "core/reach.h"

/* PROTOCOL 17.7: "nor an offer whose `time` is more than 120 s from mesh time, nor one it has taken before" */
/* NULL, too, where the household @home has had its share of what is remembered. */
static struct meet_seen *unseen(struct mesh *m, const struct key *home, const struct wire_meet_said *said) {
        mesh_wall now = clock_now(m);
        struct meet_seen *free = NULL;
        size_t of_home = 0;
        if (said->time + MEETS_FRESH < now || said->time > now + MEETS_FRESH)
                return NULL;
        for (size_t i = 0; i < MEETS_SEEN; i++) {
                struct meet_seen *s = &m->meets.seen[i];
                bool over = s->until <= m->now;
                of_home += !over && key_eq(&s->home, home);
                if (over)
                        free = free ? free : s;
                else if (memcmp(s->nonce, said->nonce.p, sizeof(s->nonce)) == 0)
                        return NULL;
        }
        return of_home < MEETS_SEEN_HOME ? free : NULL;
}

/* PROTOCOL 17.10: "A device answers no more than 30 offers of one device in an hour, but for those that a link came of, and those
 * that come while it calls that device itself" */
/* One that finds no place is charged and remembered, too: it would be answered later, when nobody waits for it. */
int meet_charge(struct mesh *m, const struct key *from, const struct key *home, const struct wire_meet_said *said,
                bool *ret_may) {
        bool wanted = meet_calls(m, from);
        struct meet_seen *seen = wanted || budget_left(m, from, BUDGET_MEETS) ? unseen(m, home, said) : NULL;
        *ret_may = seen;
        if (!seen)
                return 0;
        seen->home = *home;
        memcpy(seen->nonce, said->nonce.p, sizeof(seen->nonce));
        seen->until = m->now + 2 * (mesh_time)MEETS_FRESH * 1000;
        return wanted ? 0 : budget_charge(m, from, BUDGET_MEETS);
}

void meet_untaken(struct mesh *m, const struct meet *x) {
        for (size_t i = 0; i < MEETS_SEEN; i++)
                if (memcmp(m->meets.seen[i].nonce, x->nonce, sizeof(x->nonce)) == 0)
                        m->meets.seen[i].until = 0;
        budget_refund(m, &x->device, BUDGET_MEETS);
}

/* What the other side's call has found, an own one would: that earlier ones of this side came to nothing, mostly because they gave way to
 * the other's, must not count when the link is lost. */
static void may_call_again(struct mesh *m, const struct key *device) {
        for (size_t i = 0; i < m->n_addresses; i++) {
                struct address *a = &m->addresses[i];
                if (!address_meets(a) || a->link || !key_eq(&a->device, device))
                        continue;
                a->failures = 0;
                a->next = m->now;
        }
}

void meet_of_use(const struct link *l) {
        if (!meet_is(l) || l->dialled)
                return;
        budget_refund(l->m, &l->device, BUDGET_MEETS);
        bool lasts = !l->haul && !l->visiting; /* else it may have no place for more, as it has said */
        if (lasts && !l->room)                 /* a way without a third one is looked for in its time */
                may_call_again(l->m, &l->device);
}
