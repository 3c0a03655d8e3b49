/* SPDX-License-Identifier: Apache-2.0 */
/* See keytree.h. One walk from left to right does everything: it takes what is left of the day as it was given, and makes
 * the rest with one key that moves from leaf to leaf. */
#include "crypto/keytree.h"

struct walk {
        const struct hash *mesh;
        const struct hash *left; /* the next subtree that is given */
        uint32_t start;          /* the first leaf that is made */
        struct key key;          /* of the next leaf */
};

static struct walk walk_from(const struct hash *mesh, const struct keytree *t) {
        return (struct walk){.mesh = mesh, .left = t->left, .start = t->day, .key = t->key};
}

/* PROTOCOL 7.6: "The group key of the day after is `derive(DAY, group key of the day, "")`." */
static void next_day(struct key *k) {
        struct key next;
        hash_derive(&next, DOMAIN_DAY, k, SPAN_NONE);
        *k = next;
        hash_wipe(&next, sizeof(next));
}

/* PROTOCOL 7.3: "T(a, 1) is `hash(COMMIT_KEY, mesh, K_a)`; T(a, 2n) is `hash(COMMIT_DAYS, mesh, T(a, n) || T(a + n, n))`." */
static void subtree(struct walk *w, uint32_t a, uint32_t n, struct hash *ret) {
        if (a + n <= w->start) {
                *ret = *w->left++;
                return;
        }
        if (n == 1) {
                hash_make(ret, DOMAIN_COMMIT_KEY, w->mesh, SPAN_OF(w->key.b));
                next_day(&w->key);
                return;
        }
        struct hash halves[2];
        subtree(w, a, n / 2, &halves[0]);
        subtree(w, a + n / 2, n / 2, &halves[1]);
        hash_make(ret, DOMAIN_COMMIT_DAYS, w->mesh, span_of(halves, sizeof(halves)));
}

/* The largest whole subtrees of T(a, n) that are left of @day, from left to right. */
static struct hash *gather(struct walk *w, uint32_t a, uint32_t n, uint32_t day, struct hash *ret) {
        if (a >= day)
                return ret;
        if (a + n <= day) {
                subtree(w, a, n, ret);
                return ret + 1;
        }
        ret = gather(w, a, n / 2, day, ret);
        return gather(w, a + n / 2, n / 2, day, ret);
}

size_t keytree_left(uint32_t day) {
        size_t n = 0;
        for (; day; day &= day - 1)
                n++;
        return n;
}

void keytree_root(const struct hash *mesh, const struct keytree *t, struct hash *ret) {
        struct walk w = walk_from(mesh, t);
        subtree(&w, 0, KEYTREE_DAYS, ret);
        hash_wipe(&w, sizeof(w));
}

bool keytree_prove(const struct hash *mesh, struct span root, uint64_t day, const struct key *key, struct span left,
                   struct keytree *ret) {
        struct hash made;
        if (day >= KEYTREE_DAYS || left.n != keytree_left((uint32_t)day) * sizeof(ret->left[0]) ||
            root.n != sizeof(made.b))
                return false;
        struct keytree t = {.day = (uint32_t)day, .key = *key};
        if (left.n)
                memcpy(t.left, left.p, left.n);
        keytree_root(mesh, &t, &made);
        bool good = memcmp(made.b, root.p, sizeof(made.b)) == 0;
        if (good)
                *ret = t;
        hash_wipe(&t, sizeof(t));
        return good;
}

bool keytree_move(const struct hash *mesh, struct keytree *t, uint32_t day) {
        if (day < t->day || day >= KEYTREE_DAYS)
                return false;
        struct keytree to = {.day = day};
        struct walk w = walk_from(mesh, t);
        gather(&w, 0, KEYTREE_DAYS, day, to.left);
        to.key = w.key; /* every leaf before @day was made or given */
        *t = to;
        hash_wipe(&w, sizeof(w));
        hash_wipe(&to, sizeof(to));
        return true;
}

bool keytree_key(const struct keytree *t, uint32_t day, struct key *ret) {
        if (day < t->day || day >= KEYTREE_DAYS)
                return false;
        *ret = t->key;
        for (uint32_t d = t->day; d < day; d++)
                next_day(ret);
        return true;
}
