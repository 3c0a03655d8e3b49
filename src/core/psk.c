/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which link key to dial with. A home that was away has old keys, and one that was cut off may have some that nobody else has;
 * a responder closes without a word where none of its own opens message 1. So the newest comes first and, where that opens
 * nothing, the key both sides had when they last heard of each other: the one of the epoch under which the other side's latest
 * contact was written, or under which its beacon was. Whatever the other side may have got since is later than that. Trying
 * them is no reason to back off: only a round of all of them counts as a failure. Keys of tickets in hand end the round.
 */
#include "core/belong.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/reach.h"
#include "crypto/hash.h"

static const uint8_t no_epoch[16];

/* Its place among the keys @keys, newest first; @n: it is not known, or no longer kept. */
static size_t shared_at(struct mesh *m, const struct address *a, const struct key *keys, size_t n) {
        const struct epoch *e =
                memcmp(a->shared, no_epoch, sizeof(no_epoch)) ? epoch_find(m, SPAN_OF(a->shared)) : NULL;
        for (size_t i = 0; e && e->has_key && i < n; i++)
                if (hash_same(&keys[i], &e->link_key, sizeof(keys[i])))
                        return i;
        return n;
}

/* How many of them are not there on account of a ticket alone, at the end. */
static size_t own_keys(const struct mesh *m, const struct key *keys, size_t n) {
        while (n && refresh_has(m, &keys[n - 1]))
                n--;
        return n;
}

/* PROTOCOL 8.5: "It MUST try, one with each attempt, its newest link key, the one last shared with that address's device,
 * and those between them from the older ones on; where it knows of none that was shared, all, newest first." */
size_t psk_pick(struct mesh *m, const struct address *a, const struct key *keys, size_t n, size_t *ret_tries) {
        size_t own = own_keys(m, keys, n), shared = shared_at(m, a, keys, own), round = MIN(shared + 1, own);
        size_t tries = round + n - own, at = a->psk_try < tries ? a->psk_try : 0;
        *ret_tries = tries;
        if (at >= round)
                return own + at - round;
        return at && shared < own ? shared + 1 - at : at;
}

bool psk_next(struct mesh *m, struct address *a) {
        struct key keys[DIAL_KEYS_MOST];
        size_t tries;
        psk_pick(m, a, keys, link_dial_keys(m, keys), &tries);
        hash_wipe(keys, sizeof(keys));
        a->psk_try = a->psk_try + 1 < tries ? a->psk_try + 1 : 0;
        return a->psk_try != 0;
}

void psk_heard(struct mesh *m, struct address *a, const struct key *key, size_t place) {
        memset(a->shared, 0, sizeof(a->shared));
        a->psk_try = (uint32_t)place;
        for (size_t i = 0; i < m->n_epochs; i++) {
                const struct epoch *e = m->epochs[i];
                if (!e->has_key || !hash_same(key, &e->link_key, sizeof(*key)))
                        continue;
                memcpy(a->shared, e->id, sizeof(a->shared));
                a->psk_try = place > 0; /* the first after the newest */
        }
}
