/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group keys and link keys. An epoch's header is public and signed; its keys go from link to link, to current members only.
 *
 *   A  a key is installed or handed on only after every operation of the epoch's frontier has been applied;
 *   H  it is handed over a Noise link only to a current member's device, ratcheted to the first day that device may read;
 *   U  a record is encrypted only under an epoch whose removed set is the one this node knows, and has known since.
 */
#include "core/epoch.h"

#include "base/array.h"
#include "core/belong.h"
#include "core/core.h"
#include "core/frontier.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/reach.h"
#include "core/record.h"
#include "roster/roster.h"
#include "wire/codec.h"

#include <stdlib.h>

enum {
        EPOCH_E_HEADER = 1, /* the bytes are no epoch's */
};

#define LAST_DAY (KEYTREE_END - 1) /* of an epoch: something is still written on it, and the next epoch made */
#define EPOCHS_FIRST 4             /* items; then it doubles */

static struct epoch *epoch_free(struct epoch *e) {
        if (!e)
                return NULL;
        buf_fini(&e->header);
        hash_wipe(e, sizeof(*e));
        free(e);
        return NULL;
}
DEFINE_FREEP(struct epoch, epoch_free)

void epochs_fini(struct mesh *m) {
        for (size_t i = 0; i < m->n_epochs; i++)
                epoch_free(m->epochs[i]);
        free(m->epochs);
        map_fini(&m->epochs_by);
        m->epochs = NULL;
        m->n_epochs = m->cap_epochs = 0;
        while (m->n_early)
                buf_wipe(&m->early[--m->n_early]);
}

struct epoch *epoch_find(struct mesh *m, struct span id) {
        for (size_t i = 0; i < m->n_epochs; i++)
                if (id.n == 16 && memcmp(m->epochs[i]->id, id.p, 16) == 0)
                        return m->epochs[i];
        return NULL;
}

/* The day its keys begin with. */
static uint32_t first_day(const struct epoch *e) {
        return (uint32_t)(e->w.time / MESH_DAY);
}

static struct span left_of(const struct keytree *keys) {
        return span_of(keys->left, keytree_left(keys->day) * sizeof(keys->left[0]));
}

static void install_keys(struct epoch *e, const struct keytree *keys, const struct key *link_key) {
        e->has_key = e->has_link = true;
        e->keys = *keys;
        e->link_key = *link_key;
}

static void epoch_hash(const struct mesh *m, struct span header, struct hash *ret) {
        signed_hash(m, DOMAIN_EPOCH, header, EPOCH_KEY_sig, ret);
}

/* 0, EPOCH_E_HEADER, ERR_NOMEM. */
static int epoch_new(const struct mesh *m, struct span header, struct epoch **ret) {
        _clean_(epoch_freep) struct epoch *e = calloc(1, sizeof(*e));
        if (!e)
                return ERR_NOMEM;
        buf_add(&e->header, header);
        if (!buf_ok(&e->header))
                return ERR_NOMEM;
        if (codec_decode(&wire_epoch_desc, buf_span(&e->header), &e->w, NULL))
                return EPOCH_E_HEADER;
        epoch_hash(m, header, &e->hash);
        memcpy(e->id, e->hash.b, sizeof(e->id));
        *ret = TAKE(e);
        return 0;
}

static struct key maker(const struct epoch *e) {
        struct key device;
        memcpy(device.b, e->w.device.p, sizeof(device.b));
        return device;
}

/* PROTOCOL 7.21: "A node MUST NOT encrypt under an epoch whose device it does not know (rule 5.70)" */
static bool maker_known(const struct mesh *m, const struct epoch *e) {
        const struct key device = maker(e);
        return roster_device_find(m->roster, &device);
}

/* PROTOCOL 7.17: "Once the removed set has been another than an epoch's, a node that has its keys MUST NOT encrypt under it,
 * even where the set is the same again" */
/* A home that was let return was handed the keys made without it, and may go once more. It is remembered in memory alone:
 * what was made instead comes after it, at whoever has been started again. */
static void epoch_look(const struct mesh *m, struct epoch *e) {
        struct hash removed;
        roster_removed(m->roster, &removed);
        e->over |= memcmp(e->w.removed.p, removed.b, sizeof(removed.b)) != 0;
}

void epochs_look(struct mesh *m) {
        for (size_t i = 0; i < m->n_epochs; i++)
                epoch_look(m, m->epochs[i]);
}

static int epoch_put(struct mesh *m, struct epoch *e) {
        struct epoch **es = array_room(m->epochs, m->n_epochs, &m->cap_epochs, sizeof(struct epoch *), EPOCHS_FIRST);
        if (!es)
                return ERR_NOMEM;
        m->epochs = es;
        if (map_put(&m->epochs_by, e->hash.b, e))
                return ERR_NOMEM;
        m->epochs[m->n_epochs++] = e;
        epoch_look(m, e);
        return 0;
}

/* PROTOCOL 7.1: "An epoch whose `removed` is that of the newest one its maker has keys of MUST have that one's link key
 * (rule 7.15), unless rule 7.17 or 7.21 keeps the maker from writing under it": nobody is kept out by another one, and who was
 * away for months finds back in. */
static void choose_link_key(struct mesh *m, const struct hash *removed, struct key *ret) {
        const struct epoch *e = epoch_newest(m);
        if (e && !e->over && maker_known(m, e) && memcmp(e->w.removed.p, removed->b, sizeof(removed->b)) == 0)
                *ret = e->link_key;
        else
                rng_bytes(&m->rng, ret->b, sizeof(ret->b));
}

static uint64_t generation_next(const struct mesh *m) {
        uint64_t generation = 0;
        for (size_t i = 0; i < m->n_epochs; i++)
                generation = MAX(generation, MIN(m->epochs[i]->w.generation, (uint64_t)UINT32_MAX - 1) + 1);
        return generation;
}

/* A fresh one that names @names, by which @removed is the removed set: made, not stored. */
static int epoch_make(struct mesh *m, struct span names, const struct hash *removed, struct epoch **ret) {
        struct hash c_key, c_link, h;
        struct keytree keys = {0};
        struct key link_key;
        rng_bytes(&m->rng, keys.key.b, sizeof(keys.key.b));
        choose_link_key(m, removed, &link_key);
        keytree_root(roster_mesh(m->roster), &keys, &c_key);
        hash_make(&c_link, DOMAIN_COMMIT_LINK, roster_mesh(m->roster), SPAN_OF(link_key.b));
        struct wire_epoch w = {.generation = generation_next(m),
                               .frontier = names,
                               .removed = SPAN_OF(removed->b),
                               .commit_key = SPAN_OF(c_key.b),
                               .commit_link = SPAN_OF(c_link.b),
                               .device = SPAN_OF(m->sign.pub.b),
                               .time = clock_now(m),
                               .sig = SPAN_OF(signed_blank)};
        _clean_(buf_fini) struct buf header = BUF_NULL;
        codec_encode(&wire_epoch_desc, &w, &header);
        int r = signed_finish(m, DOMAIN_EPOCH, &header, EPOCH_KEY_sig, &h);
        _clean_(epoch_freep) struct epoch *e = NULL;
        if (!r)
                r = epoch_new(m, buf_span(&header), &e);
        if (r)
                return err_fold(r);
        e->since = w.time;
        install_keys(e, &keys, &link_key);
        hash_wipe(&keys, sizeof(keys));
        hash_wipe(&link_key, sizeof(link_key));
        r = epoch_put(m, e);
        if (r)
                return r;
        *ret = TAKE(e);
        return 0;
}

static int put_down(struct mesh *m, struct epoch *e) {
        struct wait *w = mesh_wait(m, WAIT_EPOCH, 0);
        if (!w)
                return ERR_NOMEM;
        w->epoch = e;
        return epoch_store(m, e, w);
}

/* PROTOCOL 7.20: "A maker that has more than 16 ids to name MUST make other epochs first, each of which names up to 16 of them
 * and then stands for these." */
/* Such a one is like any other: whoever knows of no more than it tells writes under it. */
static int step_make(struct mesh *m, struct buf *names) {
        _clean_(buf_fini) struct buf part = BUF_NULL;
        struct hash removed;
        struct epoch *e;
        int r = frontier_part(m, names, &part, &removed);
        if (!r)
                r = epoch_make(m, buf_span(&part), &removed, &e);
        if (r)
                return r;
        buf_add(names, SPAN_OF(e->hash.b));
        return buf_ok(names) ? put_down(m, e) : ERR_NOMEM;
}

/* Makes a fresh epoch over everything applied here. */
int epoch_found(struct mesh *m, struct epoch **ret) {
        _clean_(buf_fini) struct buf names = BUF_NULL;
        const size_t most = FRONTIER_MOST * sizeof(struct hash);
        struct hash removed;
        roster_removed(m->roster, &removed);
        int r = frontier_choose(m, &removed, &names);
        while (!r && names.n > most)
                r = step_make(m, &names);
        return r < 0 ? r : epoch_make(m, span_of(names.p, MIN(names.n, most)), &removed, ret);
}

int epoch_store(struct mesh *m, const struct epoch *e, const struct wait *w) {
        struct mesh_row row = {.kind = MESH_ROW_EPOCH,
                               .epoch = {.header = buf_span(&e->header),
                                         .has_key = e->has_link,
                                         .key = e->keys.key,
                                         .day = first_day(e) + e->keys.day,
                                         .left = left_of(&e->keys),
                                         .link_key = e->link_key,
                                         .since = e->since}};
        memcpy(row.epoch.id, e->id, sizeof(e->id));
        int r = mesh_store(m, &row, w);
        hash_wipe(&row, sizeof(row));
        return r;
}

int epoch_restore(struct mesh *m, const struct mesh_row *row) {
        if (!m->roster)
                return 0;
        _clean_(epoch_freep) struct epoch *e = NULL;
        int r = epoch_new(m, row->epoch.header, &e);
        if (r)
                return r < 0 ? r : 0; /* damaged: a neighbour hands it over again */
        e->since = row->epoch.since;
        e->has_link = row->epoch.has_key;
        e->link_key = row->epoch.link_key;
        /* A group key that is not proved, of before there were proofs or damaged, is nothing to hand to anybody. */
        e->has_key = e->has_link && row->epoch.day >= first_day(e) &&
                     keytree_prove(roster_mesh(m->roster), e->w.commit_key, row->epoch.day - first_day(e),
                                   &row->epoch.key, row->epoch.left, &e->keys);
        r = epoch_put(m, e);
        if (!r)
                TAKE(e);
        return r;
}

/* PROTOCOL 7.6: "for an earlier day, and from the 32nd day on, the epoch has no group key" */
static bool has_day(const struct epoch *e, uint32_t day) {
        uint32_t first = first_day(e);
        return day >= first && day - first <= LAST_DAY;
}

bool epoch_opens(const struct epoch *e, uint32_t day) {
        return has_day(e, day) && e->has_key && day - first_day(e) >= e->keys.day;
}

bool epoch_may_open(const struct epoch *e, uint32_t day) {
        return has_day(e, day) && !epoch_opens(e, day);
}

bool epoch_day_key(const struct epoch *e, uint32_t day, struct key *ret) {
        return epoch_opens(e, day) && keytree_key(&e->keys, day - first_day(e), ret);
}

static bool made_here(const struct mesh *m, const struct epoch *e) {
        return memcmp(e->w.device.p, m->sign.pub.b, sizeof(m->sign.pub.b)) == 0;
}

/* PROTOCOL 7.12: "A node MUST NOT encrypt a record or contact under an epoch whose `removed` differs from the
 * removed set of its whole roster, nor on a day of which the epoch has no group key" */
/* Rule U; of several the highest generation, then the lowest id. */
struct epoch *epoch_usable(const struct mesh *m) {
        struct epoch *best = NULL;
        struct hash removed;
        if (!m->roster)
                return NULL;
        roster_removed(m->roster, &removed);
        uint32_t today = (uint32_t)(clock_now(m) / MESH_DAY);
        for (size_t i = 0; i < m->n_epochs; i++) {
                struct epoch *e = m->epochs[i];
                uint32_t first = first_day(e);
                /* PROTOCOL 7.12: "nor under one whose `time` is more than 600 s ahead of now" */
                if (!e->has_key || e->over || (e->refused && made_here(m, e)) ||
                    e->w.time > clock_now(m) + FUTURE_SLACK || today < first + e->keys.day ||
                    today > first + LAST_DAY || memcmp(e->w.removed.p, removed.b, sizeof(removed.b)) != 0 ||
                    !maker_known(m, e))
                        continue;
                if (!best || e->w.generation > best->w.generation ||
                    (e->w.generation == best->w.generation && memcmp(e->id, best->id, sizeof(e->id)) < 0))
                        best = e;
        }
        return best;
}

/* Whether no epoch need be made today: on the last day of one the next is made, so that nobody has to wait for it. */
static bool usable_tomorrow(const struct mesh *m) {
        const struct epoch *e = epoch_usable(m);
        return e && clock_now(m) / MESH_DAY < first_day(e) + LAST_DAY;
}

static bool newer(const struct epoch *a, const struct epoch *b) {
        if (a->w.generation != b->w.generation)
                return a->w.generation > b->w.generation;
        return memcmp(a->id, b->id, sizeof(a->id)) < 0;
}

struct epoch *epoch_newest(struct mesh *m) {
        struct epoch *best = NULL;
        for (size_t i = 0; i < m->n_epochs; i++)
                if (m->epochs[i]->has_link && (!best || newer(m->epochs[i], best)))
                        best = m->epochs[i];
        return best;
}

/* Epochs whose link keys are here, newest first, at most SECRETS_MOST. */
static size_t by_age(const struct mesh *m, const struct epoch *ret[SECRETS_MOST]) {
        size_t n = 0;
        for (size_t i = 0; i < m->n_epochs; i++) {
                const struct epoch *e = m->epochs[i];
                bool full = n == SECRETS_MOST;
                if (!e->has_link || (full && !newer(e, ret[n - 1])))
                        continue;
                size_t at = full ? n - 1 : n++;
                for (; at > 0 && newer(e, ret[at - 1]); at--)
                        ret[at] = ret[at - 1];
                ret[at] = e;
        }
        return n;
}

static bool key_among(const struct key *keys, size_t n, const struct key *k) {
        for (size_t i = 0; i < n; i++)
                if (hash_same(&keys[i], k, sizeof(*k)))
                        return true;
        return false;
}

/* The newest, and those that a newer one replaced less than 30 days ago. Epochs may share one. */
size_t epoch_link_keys(struct mesh *m, struct key ret[SECRETS_MOST]) {
        const struct epoch *es[SECRETS_MOST];
        size_t n = by_age(m, es), kept = 0;
        mesh_wall now = clock_now(m), replaced = UINT64_MAX;
        for (size_t i = 0; i < n; i++) {
                if ((i == 0 || replaced + (mesh_wall)SECRETS_DAYS * MESH_DAY > now) &&
                    !key_among(ret, kept, &es[i]->link_key))
                        ret[kept++] = es[i]->link_key;
                replaced = MIN(replaced, es[i]->since);
        }
        return kept;
}

/* The first day a device may read: of the founder's household everything, of others history_days before they joined. */
static uint32_t may_read_from(const struct mesh *m, const struct roster_home *h) {
        if (!h->inviter)
                return 0;
        uint32_t joined = (uint32_t)(h->joined / MESH_DAY), history = roster_charter(m->roster, CHARTER_history_days);
        return joined > history ? joined - history : 0;
}

/* PROTOCOL 7.9: "A node MUST NOT hand EPOCH_KEY to anybody but a device that is current in its own fold at the
 * moment of sending, over the link whose static key is that device's noise key." */
/* PROTOCOL 7.10: "that may read none of its days that open something is handed the key of the last one, which opens nothing" */
int epoch_hand(struct link *l, const struct epoch *e) {
        const struct mesh *m = l->m;
        const struct roster_device *d = roster_noise_find(m->roster, &l->frames.peer);
        if (!d || !d->home->member) /* rule H, at the moment of sending */
                return 0;
        struct wire_epoch_key msg = {.header = buf_span(&e->header)};
        struct keytree keys = e->keys;
        uint32_t first = first_day(e), from = may_read_from(m, d->home);
        if (from > first + keys.day)
                keytree_move(roster_mesh(m->roster), &keys, MIN(from - first, (uint32_t)KEYTREE_END));
        if (e->has_key) {
                WIRE_PUT(&msg, EPOCH_KEY, key, SPAN_OF(keys.key.b));
                WIRE_PUT(&msg, EPOCH_KEY, day, first + keys.day);
                WIRE_PUT(&msg, EPOCH_KEY, link_key, SPAN_OF(e->link_key.b));
                if (keys.day)
                        WIRE_PUT(&msg, EPOCH_KEY, left, left_of(&keys));
        }
        int r = link_say(l, LINK_EPOCH_KEY, &msg);
        hash_wipe(&keys, sizeof(keys));
        return r;
}

/* ---- taking ---- */
/* The header is what a member's device says of the operations it tells of, and its signature is right. Nothing else is asked:
 * what one node takes, all do, whatever they have heard since. 0, <0. */
static int header_good(struct mesh *m, const struct epoch *e, const struct buf *ops, bool *ret) {
        const struct key device = maker(e);
        struct hash told = {{0}};
        bool current = false;
        int r = frontier_fold(m, ops, &device, &told, &current);
        *ret = !r && current && e->w.frontier.n % sizeof(struct hash) == 0 &&
               memcmp(told.b, e->w.removed.p, sizeof(told.b)) == 0 &&
               sign_check(e->w.sig.p, &device, DOMAIN_EPOCH, &e->hash);
        return MIN(r, 0);
}

/* PROTOCOL 7.7: "A node MUST refuse keys of a day before the epoch's first, or later than the day of now plus 600 s; a
 * link key that is not that of `commit_link`; and a group key that its proof does not lead from to `commit_key`." */
static bool keys_good(const struct mesh *m, const struct epoch *e, const struct wire_epoch_key *msg,
                      struct keytree *ret_keys, struct key *ret_link_key) {
        struct key key;
        struct hash h;
        uint32_t first = first_day(e);
        if (!WIRE_HAS(msg, EPOCH_KEY, key) || !WIRE_HAS(msg, EPOCH_KEY, day) || !WIRE_HAS(msg, EPOCH_KEY, link_key) ||
            msg->day < first || msg->day > (clock_now(m) + FUTURE_SLACK) / MESH_DAY)
                return false;
        memcpy(ret_link_key->b, msg->link_key.p, sizeof(ret_link_key->b));
        hash_make(&h, DOMAIN_COMMIT_LINK, roster_mesh(m->roster), msg->link_key);
        if (memcmp(h.b, e->w.commit_link.p, sizeof(h.b)) != 0)
                return false;
        memcpy(key.b, msg->key.p, sizeof(key.b));
        bool good = keytree_prove(roster_mesh(m->roster), e->w.commit_key, msg->day - first, &key,
                                  WIRE_HAS(msg, EPOCH_KEY, left) ? msg->left : SPAN_NONE, ret_keys);
        hash_wipe(&key, sizeof(key));
        return good;
}

/* PROTOCOL 7.8: "Keys it has it MUST NOT replace but by those of an earlier day." */
static bool keys_better(const struct epoch *known, const struct keytree *keys) {
        return !known->has_key || keys->day < known->keys.day;
}

static int keep_early(struct mesh *m, const struct wire_epoch_key *msg) {
        struct buf b = BUF_NULL;
        codec_encode(&wire_epoch_key_desc, msg, &b);
        if (!buf_ok(&b)) {
                buf_wipe(&b);
                return ERR_NOMEM;
        }
        if (m->n_early == EARLY_MOST) {
                buf_wipe(&m->early[0]);
                m->early[0] = m->early[--m->n_early];
        }
        m->early[m->n_early++] = b;
        return 0;
}

int epoch_spread(struct mesh *m, const struct epoch *e, const struct link *from) {
        LINK_EACH(l, m) {
                if (l == from || l->state != LINK_UP)
                        continue;
                int r = epoch_hand(l, e);
                if (r)
                        return r;
        }
        return 0;
}

/* PROTOCOL 7.8: "What is new it writes to disk and, if there are keys, hands on over every link that is up but the one it
 * came on." */
static int taken(struct mesh *m, struct link *from, struct epoch *e, bool keys) {
        mesh_trace(m, "epoch of generation %u: %s", (unsigned)e->w.generation, keys ? "installed" : "header only");
        int r = put_down(m, e);
        if (!r && keys) {
                /* PROTOCOL 7.18: "When keys come, a node MUST open what it holds that they open, as if it had come after
                 * them" */
                r = contacts_open(m);
                if (!r)
                        sealed_try(m, e);
        }
        if (!r && keys)
                r = epoch_spread(m, e, from);
        return r ? r : join_check_done(m);
}

/* A header that is good and, unless NULL, keys that are proved. */
static int learn(struct mesh *m, struct link *from, struct epoch **fresh, const struct keytree *keys,
                 const struct key *link_key) {
        struct epoch *e = epoch_find(m, span_of((*fresh)->id, sizeof((*fresh)->id)));
        bool news = !e || (keys && keys_better(e, keys));
        if (!e) {
                e = *fresh;
                e->since = clock_now(m);
                int r = epoch_put(m, e);
                if (r)
                        return r;
                TAKE(*fresh);
        }
        if (news && keys)
                install_keys(e, keys, link_key);
        return news ? taken(m, from, e, keys) : 0;
}

static int take(struct mesh *m, struct link *from, const struct wire_epoch_key *msg) {
        _clean_(buf_fini) struct buf ops = BUF_NULL;
        struct wire_epoch w;
        if (codec_decode(&wire_epoch_desc, msg->header, &w, NULL)) {
                if (from)
                        link_hangup(from, REASON_BAD_FRAME);
                return 0;
        }
        /* PROTOCOL 7.4: "A node MUST NOT install a key, or hand it on, before it has applied every operation of the
         * frontier." */
        int r = m->roster ? frontier_ops(m, w.frontier, &ops) : 1;
        if (r) /* rule A */
                return r < 0 ? r : keep_early(m, msg);
        /* PROTOCOL 7.5: "One whose `time` is more than 600 s ahead of now MUST be held back" */
        if (w.time > clock_now(m) + FUTURE_SLACK || m->n_epochs >= EPOCHS_MOST) /* held back: sync brings it again */
                return 0;
        _clean_(epoch_freep) struct epoch *fresh = NULL;
        r = epoch_new(m, msg->header, &fresh);
        if (r)
                return err_fold(r);
        struct keytree keys = {0};
        struct key link_key = {{0}};
        bool good = epoch_find(m, span_of(fresh->id, sizeof(fresh->id)));
        if (!good)
                r = header_good(m, fresh, &ops, &good);
        if (r)
                return r;
        bool proved = good && keys_good(m, fresh, msg, &keys, &link_key);
        if (good && (proved || !WIRE_HAS(msg, EPOCH_KEY, key)))
                r = learn(m, from, &fresh, proved ? &keys : NULL, &link_key);
        else if (from)
                link_hangup(from, REASON_BAD_SIGNATURE);
        hash_wipe(&keys, sizeof(keys));
        hash_wipe(&link_key, sizeof(link_key));
        return r;
}

static int try_once(struct mesh *m) {
        struct buf waiting[EARLY_MOST];
        size_t n = m->n_early;
        int r = 0;
        memcpy(waiting, m->early, n * sizeof(waiting[0]));
        memset(m->early, 0, n * sizeof(waiting[0]));
        m->n_early = 0;
        for (size_t i = 0; i < n; i++) {
                struct wire_epoch_key msg;
                if (!r && codec_decode(&wire_epoch_key_desc, buf_span(&waiting[i]), &msg, NULL) == 0)
                        r = take(m, NULL, &msg);
                buf_wipe(&waiting[i]);
        }
        return r;
}

/* Until none of them is taken: one may have waited for another. */
int epochs_try(struct mesh *m) {
        size_t before;
        int r;
        do {
                before = m->n_epochs;
                r = try_once(m);
        } while (!r && m->n_epochs > before);
        return r;
}

int epoch_take(struct mesh *m, struct link *from, const struct wire_epoch_key *msg) {
        size_t before = m->n_epochs;
        int r = take(m, from, msg);
        return r || m->n_epochs == before ? r : epochs_try(m);
}

/* ---- making ---- */
/* One of its own that the disk refused is good for what has been removed so far: no other is made beside it. */
static struct epoch *refused_one(const struct mesh *m) {
        struct hash removed;
        mesh_wall now = clock_now(m);
        roster_removed(m->roster, &removed);
        for (size_t i = 0; i < m->n_epochs; i++) {
                struct epoch *e = m->epochs[i];
                if (e->refused && !e->over && made_here(m, e) &&
                    memcmp(e->w.removed.p, removed.b, sizeof(removed.b)) == 0 && e->w.time <= now + FUTURE_SLACK &&
                    now / MESH_DAY < first_day(e) + LAST_DAY)
                        return e;
        }
        return NULL;
}

int epoch_renew(struct mesh *m, struct wait *w) {
        struct epoch *e = refused_one(m);
        int r = e ? 0 : epoch_found(m, &e);
        m->renew = false;
        if (r)
                return r;
        mesh_trace(m, "epoch of generation %u: %s", (unsigned)e->w.generation, e->refused ? "written again" : "made");
        e->refused = false; /* what is written in this step comes to the disk after it */
        w->epoch = e;
        return epoch_store(m, e, w);
}

/* A key of its own that is in memory alone is lost with it, and what was written under it is readable to nobody then. One
 * that came from others would be missed as a link key: who forgets those finds nobody who opens. */
int epoch_stored(struct mesh *m, struct wait *w) {
        struct epoch *e = w->epoch;
        if (CHECK_FAILS(e != NULL))
                return 0;
        e->refused = w->failed;
        if (w->failed)
                m->epochs_due = MIN(m->epochs_due, m->now + UNSAVED_TIME);
        else if (!m->epochs_all)
                m->epochs_due = m->now; /* the disk takes them again: now the others */
        m->epochs_all = !w->failed;
        return w->failed || !made_here(m, e) ? 0 : epoch_spread(m, e, NULL);
}

/* Writes what the disk refused once more: one is enough to find it still full. */
static int write_again(struct mesh *m) {
        bool all = m->epochs_all;
        int r = 0;
        m->epochs_due = MESH_NEVER;
        for (size_t i = 0, n = 0; i < m->n_epochs && !r && (all || !n); i++) {
                if (!m->epochs[i]->refused)
                        continue;
                r = put_down(m, m->epochs[i]);
                n++;
        }
        return r;
}

static void rank_of(const struct mesh *m, const struct hash *removed, const struct roster_device *d, struct hash *ret) {
        const struct span parts[] = {SPAN_OF(removed->b), SPAN_OF(d->sign.b)};
        hash_make_n(ret, DOMAIN_RANK, roster_mesh(m->roster), parts, ARRAY_LEN(parts));
        ret->b[0] = d->home->steward ? ret->b[0] / 2 : 128 + ret->b[0] / 2; /* stewards come first */
}

/* How many members' devices come before this one in making the epoch after this removal. */
static uint64_t rank_here(const struct mesh *m) {
        struct hash removed, mine, theirs;
        const struct roster_device *me = roster_device_find(m->roster, &m->sign.pub);
        const struct roster_home *h;
        uint64_t before = 0;
        roster_removed(m->roster, &removed);
        rank_of(m, &removed, me, &mine);
        for (size_t i = 0; (h = roster_home_at(m->roster, i)); i++) {
                for (size_t k = 0; h->member && k < h->n_devices; k++) {
                        if (h->devices[k]->gone_at)
                                continue;
                        rank_of(m, &removed, h->devices[k], &theirs);
                        before += memcmp(theirs.b, mine.b, sizeof(mine.b)) < 0;
                }
        }
        return before;
}

void epoch_plan(struct mesh *m) {
        if (!m->member || m->joining || usable_tomorrow(m)) {
                m->renew = false;
                return;
        }
        if (m->renew)
                return;
        m->renew = true;
        m->renew_due = m->now + MIN(rank_here(m) * RENEW_STEP, (uint64_t)RENEW_MOST);
}

mesh_time epoch_deadline(const struct mesh *m) {
        return MAX(MIN(m->renew ? m->renew_due : MESH_NEVER, m->epochs_due), m->now);
}

/* PROTOCOL 7.11: "A node SHOULD wipe what opens days older than 9 days before today" */
/* Here and on disk. */
static int ratchet(struct mesh *m) {
        uint32_t today = (uint32_t)(clock_now(m) / MESH_DAY);
        for (size_t i = 0; i < m->n_epochs; i++) {
                struct epoch *e = m->epochs[i];
                uint32_t past = first_day(e) + KEYS_DAYS;
                uint32_t day = today > past ? MIN(today - past, (uint32_t)KEYTREE_END) : 0;
                if (!e->has_key || day <= e->keys.day || !keytree_move(roster_mesh(m->roster), &e->keys, day))
                        continue;
                int r = epoch_store(m, e, NULL);
                if (r)
                        return r;
        }
        return 0;
}

int epoch_tick(struct mesh *m) {
        int r = 0;
        if (m->roster && clock_usable(m) && clock_now(m) >= m->ratcheted + MESH_DAY / 24) {
                m->ratcheted = clock_now(m);
                r = ratchet(m);
                epoch_plan(m);
        }
        if (!r && m->now >= m->epochs_due)
                r = write_again(m);
        if (r || !m->renew || m->now < m->renew_due)
                return r;
        if (!m->member || usable_tomorrow(m) || !clock_usable(m)) {
                m->renew = false;
                return 0;
        }
        struct wait *w = mesh_wait(m, WAIT_EPOCH, 0);
        return w ? epoch_renew(m, w) : ERR_NOMEM;
}
