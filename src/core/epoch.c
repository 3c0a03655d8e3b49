/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group keys and link keys. An epoch's header is public and signed; its keys go from link to link, to current members only.
 *
 *   A  a key is installed or handed on only after every operation of the epoch's frontier has been applied;
 *   H  it is handed over a Noise link only to a current member's device, ratcheted to the first day that device may read;
 *   U  a record is encrypted only under an epoch whose removed set is the one this node knows.
 */
#include "core/epoch.h"
#include "core/belong.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/reach.h"
#include "roster/roster.h"
#include "wire/codec.h"

#include <stdlib.h>

#define RATCHET_MOST 4000 /* days: no key is ratcheted further at once */

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

static void commit(struct hash *ret, enum domain d, const struct mesh *m, const struct key *key) {
        hash_make(ret, d, roster_mesh(m->roster), SPAN_OF(key->b));
}

static void epoch_hash(const struct mesh *m, struct span header, struct hash *ret) {
        signed_hash(m, DOMAIN_EPOCH, header, EPOCH_KEY_sig, ret);
}

static struct epoch *epoch_new(const struct mesh *m, struct span header) {
        _clean_(epoch_freep) struct epoch *e = calloc(1, sizeof(*e));
        if (!e)
                return NULL;
        buf_add(&e->header, header);
        if (!buf_ok(&e->header) || codec_decode(&wire_epoch_desc, buf_span(&e->header), &e->w, NULL))
                return NULL;
        epoch_hash(m, header, &e->hash);
        memcpy(e->id, e->hash.b, sizeof(e->id));
        return TAKE(e);
}

static int epoch_put(struct mesh *m, struct epoch *e) {
        if (m->n_epochs == m->cap_epochs) {
                size_t cap = m->cap_epochs ? m->cap_epochs * 2 : 4;
                struct epoch **es = realloc(m->epochs, cap * sizeof(struct epoch *));
                if (!es)
                        return ERR_NOMEM;
                m->epochs = es;
                m->cap_epochs = cap;
        }
        m->epochs[m->n_epochs++] = e;
        return 0;
}

/* Whether these operations and their ancestors tell of this removed set, and @device is a current one by them. */
static bool frontier_tells(const struct mesh *m, const struct hash *frontier, size_t n, const struct key *device,
                           const uint8_t removed[32]) {
        struct hash told;
        bool current;
        return roster_removed_at(m->roster, frontier, n, device, &told, &current) == 0 && current &&
               memcmp(told.b, removed, sizeof(told.b)) == 0;
}

/* Few, so that a removal and its keys fit one frame. What is checked here is what all others will check. */
static size_t frontier_here(const struct mesh *m, const struct hash *removed, struct hash ret[ROSTER_HEADS_MAX]) {
        const struct roster_device *me = roster_device_find(m->roster, &m->sign.pub);
        size_t n = me ? roster_frontier(m->roster, me, ret) : 0;
        if (n && frontier_tells(m, ret, n, &m->sign.pub, removed->b))
                return n;
        return roster_heads(m->roster, ret);
}

/* Makes a fresh epoch over everything applied here, with fresh independent keys. */
int epoch_found(struct mesh *m, struct epoch **ret) {
        struct hash heads[ROSTER_HEADS_MAX], removed, c_key, c_link, h;
        struct key key, link_key;
        uint64_t generation = 0;
        for (size_t i = 0; i < m->n_epochs; i++)
                generation = MAX(generation, MIN(m->epochs[i]->w.generation, (uint64_t)UINT32_MAX - 1) + 1);
        rng_bytes(&m->rng, key.b, sizeof(key.b));
        rng_bytes(&m->rng, link_key.b, sizeof(link_key.b));
        roster_removed(m->roster, &removed);
        size_t n = frontier_here(m, &removed, heads);
        commit(&c_key, DOMAIN_COMMIT_KEY, m, &key);
        commit(&c_link, DOMAIN_COMMIT_LINK, m, &link_key);
        struct wire_epoch w = {.generation = generation,
                               .frontier = span_of(heads, n * sizeof(heads[0])),
                               .removed = SPAN_OF(removed.b),
                               .commit_key = SPAN_OF(c_key.b),
                               .commit_link = SPAN_OF(c_link.b),
                               .device = SPAN_OF(m->sign.pub.b),
                               .time = clock_now(m),
                               .sig = SPAN_OF(signed_blank)};
        _clean_(buf_fini) struct buf header = BUF_NULL;
        codec_encode(&wire_epoch_desc, &w, &header);
        int r = signed_finish(m, DOMAIN_EPOCH, &header, EPOCH_KEY_sig, &h);
        _clean_(epoch_freep) struct epoch *e = r ? NULL : epoch_new(m, buf_span(&header));
        if (!e)
                return r ? r : ERR_NOMEM;
        e->has_key = true;
        e->key = key;
        e->link_key = link_key;
        e->day = (uint32_t)(w.time / MESH_DAY);
        e->since = w.time;
        hash_wipe(&key, sizeof(key));
        hash_wipe(&link_key, sizeof(link_key));
        r = epoch_put(m, e);
        if (r)
                return r;
        *ret = TAKE(e);
        return 0;
}

int epoch_store(struct mesh *m, const struct epoch *e, const struct wait *w) {
        struct mesh_row row = {.kind = MESH_ROW_EPOCH,
                               .epoch = {.header = buf_span(&e->header),
                                         .has_key = e->has_key,
                                         .key = e->key,
                                         .day = e->day,
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
        struct epoch *e = epoch_new(m, row->epoch.header);
        if (!e)
                return 0; /* damaged: a neighbour hands it over again */
        e->has_key = row->epoch.has_key;
        e->key = row->epoch.key;
        e->link_key = row->epoch.link_key;
        e->day = row->epoch.day;
        e->since = row->epoch.since;
        return epoch_put(m, e);
}

bool epoch_day_key(const struct epoch *e, uint32_t day, struct key *ret) {
        if (!e->has_key || day < e->day || day - e->day > RATCHET_MOST)
                return false;
        *ret = e->key;
        for (uint32_t d = e->day; d < day; d++) {
                struct key next;
                hash_derive(&next, DOMAIN_DAY, ret, SPAN_NONE);
                *ret = next;
        }
        return true;
}

/* PROTOCOL 7.12: "A node MUST NOT encrypt a record or contact under an epoch whose `removed` differs from the
 * removed set of its whole roster." */
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
                if (!e->has_key || e->day > today || today - e->day > RATCHET_MOST ||
                    memcmp(e->w.removed.p, removed.b, sizeof(removed.b)) != 0)
                        continue;
                if (!best || e->w.generation > best->w.generation ||
                    (e->w.generation == best->w.generation && memcmp(e->id, best->id, sizeof(e->id)) < 0))
                        best = e;
        }
        return best;
}

static bool newer(const struct epoch *a, const struct epoch *b) {
        if (a->w.generation != b->w.generation)
                return a->w.generation > b->w.generation;
        return memcmp(a->id, b->id, sizeof(a->id)) < 0;
}

struct epoch *epoch_newest(struct mesh *m) {
        struct epoch *best = NULL;
        for (size_t i = 0; i < m->n_epochs; i++)
                if (m->epochs[i]->has_key && (!best || newer(m->epochs[i], best)))
                        best = m->epochs[i];
        return best;
}

/* Epochs whose keys are here, newest first, at most SECRETS_MOST. */
static size_t by_age(const struct mesh *m, const struct epoch *ret[SECRETS_MOST]) {
        size_t n = 0;
        for (size_t i = 0; i < m->n_epochs; i++) {
                const struct epoch *e = m->epochs[i];
                bool full = n == SECRETS_MOST;
                if (!e->has_key || (full && !newer(e, ret[n - 1])))
                        continue;
                size_t at = full ? n - 1 : n++;
                for (; at > 0 && newer(e, ret[at - 1]); at--)
                        ret[at] = ret[at - 1];
                ret[at] = e;
        }
        return n;
}

/* The newest, and those that a newer one replaced less than 30 days ago. */
size_t epoch_link_keys(struct mesh *m, struct key ret[SECRETS_MOST]) {
        const struct epoch *es[SECRETS_MOST];
        size_t n = by_age(m, es), kept = 0;
        mesh_wall now = clock_now(m), replaced = UINT64_MAX;
        for (size_t i = 0; i < n; i++) {
                if (i == 0 || replaced + (mesh_wall)SECRETS_DAYS * MESH_DAY > now)
                        ret[kept++] = es[i]->link_key;
                replaced = MIN(replaced, es[i]->since);
        }
        return kept;
}

/* The first day a device may read: of the founder's household everything, of others history_days before they joined. */
static uint32_t first_day(const struct mesh *m, const struct roster_home *h) {
        if (!h->inviter)
                return 0;
        uint32_t joined = (uint32_t)(h->joined / MESH_DAY), history = roster_charter(m->roster, CHARTER_history_days);
        return joined > history ? joined - history : 0;
}

/* PROTOCOL 7.9: "A node MUST NOT hand EPOCH_KEY to anybody but a device that is current in its own fold at the
 * moment of sending, over the link whose static key is that device's noise key." */
int epoch_hand(struct link *l, const struct epoch *e) {
        const struct mesh *m = l->m;
        const struct roster_device *d = roster_noise_find(m->roster, &l->frames.peer);
        if (!d || !d->home->member) /* rule H, at the moment of sending */
                return 0;
        struct wire_epoch_key msg = {.header = buf_span(&e->header)};
        struct key key;
        uint32_t day = MAX(e->day, first_day(m, d->home));
        if (epoch_day_key(e, day, &key)) {
                WIRE_PUT(&msg, EPOCH_KEY, key, SPAN_OF(key.b));
                WIRE_PUT(&msg, EPOCH_KEY, day, day);
                WIRE_PUT(&msg, EPOCH_KEY, link_key, SPAN_OF(e->link_key.b));
        }
        int r = link_say(l, LINK_EPOCH_KEY, &msg);
        hash_wipe(&key, sizeof(key));
        return r;
}

/* ---- taking ---- */
static bool frontier_applied(const struct mesh *m, const struct wire_epoch *w) {
        for (size_t i = 0; i < w->frontier.n / sizeof(struct hash); i++) {
                struct hash id;
                memcpy(id.b, w->frontier.p + i * sizeof(id.b), sizeof(id.b));
                if (!roster_op_find(m->roster, &id))
                        return false;
        }
        return true;
}

/* The header is what a member's device says of the operations it names, and its signature is right. */
static bool header_good(struct mesh *m, const struct epoch *e) {
        struct key device;
        memcpy(device.b, e->w.device.p, sizeof(device.b));
        if (e->w.frontier.n % sizeof(struct hash) || !roster_device_find(m->roster, &device) ||
            !frontier_tells(m, (const struct hash *)(const void *)e->w.frontier.p,
                            e->w.frontier.n / sizeof(struct hash), &device, e->w.removed.p))
                return false;
        return sign_check(e->w.sig.p, &device, DOMAIN_EPOCH, &e->hash);
}

/* PROTOCOL 7.7: "A node MUST check `link_key` against `commit_link`; and, where `day` is the day of `epoch.time`,
 * `key` against `commit_key`. It MUST refuse a `day` before that, and one later than the day of now plus 600 s." */
static bool keys_good(const struct mesh *m, const struct epoch *e, const struct wire_epoch_key *msg) {
        if (!WIRE_HAS(msg, EPOCH_KEY, key) || !WIRE_HAS(msg, EPOCH_KEY, day) || !WIRE_HAS(msg, EPOCH_KEY, link_key))
                return false;
        struct key key, link_key;
        struct hash h;
        memcpy(link_key.b, msg->link_key.p, sizeof(link_key.b));
        commit(&h, DOMAIN_COMMIT_LINK, m, &link_key);
        if (memcmp(h.b, e->w.commit_link.p, sizeof(h.b)) != 0)
                return false;
        uint64_t first = e->w.time / MESH_DAY;
        if (msg->day > (clock_now(m) + FUTURE_SLACK) / MESH_DAY) /* a key that opens nothing yet */
                return false;
        if (msg->day > first) /* ratcheted: the commitment is to the first day's key and says nothing of later ones */
                return true;
        memcpy(key.b, msg->key.p, sizeof(key.b));
        commit(&h, DOMAIN_COMMIT_KEY, m, &key);
        return msg->day == first && memcmp(h.b, e->w.commit_key.p, sizeof(h.b)) == 0;
}

/* PROTOCOL 7.8: "Keys it has it MUST NOT replace but by those of an earlier day that are proved" */
/* Is this key better than what is held of @known? One of an earlier day is, if it is proved: by the commitment, or because
 * it ratchets to the very key that is held. So nobody can replace a good key by another. */
static bool key_better(const struct epoch *known, const struct wire_epoch_key *msg) {
        struct epoch offered = {.has_key = true, .day = (uint32_t)msg->day};
        struct key key;
        if (!known || !known->has_key)
                return true;
        if (msg->day >= known->day)
                return false;
        memcpy(offered.key.b, msg->key.p, sizeof(offered.key.b));
        bool same = msg->day == known->w.time / MESH_DAY ||
                    (epoch_day_key(&offered, known->day, &key) && hash_same(&key, &known->key, sizeof(key)));
        hash_wipe(&offered, sizeof(offered));
        hash_wipe(&key, sizeof(key));
        return same;
}

static int keep_early(struct mesh *m, const struct wire_epoch_key *msg) {
        struct buf b = BUF_NULL;
        codec_encode(&wire_epoch_key_desc, msg, &b);
        if (!buf_ok(&b))
                return ERR_NOMEM;
        if (m->n_early == EARLY_MOST) {
                buf_wipe(&m->early[0]);
                m->early[0] = m->early[--m->n_early];
        }
        m->early[m->n_early++] = b;
        return 0;
}

static void install_keys(struct epoch *e, const struct wire_epoch_key *msg) {
        e->has_key = true;
        e->day = (uint32_t)msg->day;
        memcpy(e->key.b, msg->key.p, sizeof(e->key.b));
        memcpy(e->link_key.b, msg->link_key.p, sizeof(e->link_key.b));
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

int epoch_take(struct mesh *m, struct link *from, const struct wire_epoch_key *msg) {
        struct wire_epoch w;
        if (codec_decode(&wire_epoch_desc, msg->header, &w, NULL)) {
                if (from)
                        link_hangup(from, REASON_BAD_FRAME);
                return 0;
        }
        /* PROTOCOL 7.4: "A node MUST NOT install a key, or hand it on, before it has applied every operation of the
         * frontier." */
        if (!m->roster || !frontier_applied(m, &w)) /* rule A */
                return keep_early(m, msg);
        /* PROTOCOL 7.5: "One whose `time` is more than 600 s ahead of now MUST be held back" */
        if (w.time > clock_now(m) + FUTURE_SLACK || m->n_epochs >= EPOCHS_MOST) /* held back: sync brings it again */
                return 0;
        struct epoch *fresh = epoch_new(m, msg->header);
        if (!fresh)
                return ERR_NOMEM;
        struct epoch *known = epoch_find(m, span_of(fresh->id, sizeof(fresh->id)));
        bool good = known || header_good(m, fresh);
        bool keys = good && keys_good(m, fresh, msg);
        if (!good || (WIRE_HAS(msg, EPOCH_KEY, key) && !keys)) {
                epoch_free(fresh);
                if (from)
                        link_hangup(from, REASON_BAD_SIGNATURE);
                return 0;
        }
        bool news = keys && key_better(known, msg);
        if (known) {
                epoch_free(fresh);
        } else {
                known = fresh;
                known->since = clock_now(m);
                int r = epoch_put(m, known);
                if (r)
                        return r;
                news = true;
        }
        if (!news)
                return 0;
        if (keys)
                install_keys(known, msg);
        mesh_trace(m, "epoch of generation %u: %s", (unsigned)known->w.generation, keys ? "installed" : "header only");
        int r = epoch_store(m, known, NULL);
        if (!r && keys)
                contacts_open(m);
        if (!r && keys)
                r = epoch_spread(m, known, from);
        return r ? r : join_check_done(m);
}

int epochs_try(struct mesh *m) {
        struct buf waiting[EARLY_MOST];
        size_t n = m->n_early;
        int r = 0;
        memcpy(waiting, m->early, n * sizeof(waiting[0]));
        memset(m->early, 0, n * sizeof(waiting[0]));
        m->n_early = 0;
        for (size_t i = 0; i < n; i++) {
                struct wire_epoch_key msg;
                if (!r && codec_decode(&wire_epoch_key_desc, buf_span(&waiting[i]), &msg, NULL) == 0)
                        r = epoch_take(m, NULL, &msg);
                buf_wipe(&waiting[i]);
        }
        return r;
}

/* ---- making ---- */
int epoch_renew(struct mesh *m, const struct wait *w) {
        struct epoch *e = NULL;
        int r = epoch_found(m, &e);
        m->renew = false;
        if (!r)
                mesh_trace(m, "epoch of generation %u: made", (unsigned)e->w.generation);
        return r ? r : epoch_store(m, e, w);
}

int epoch_stored(struct mesh *m, struct wait *w) {
        const struct epoch *e = epoch_newest(m);
        if (w->failed || !e) {
                m->renew = true;
                m->renew_due = m->now + UNSAVED_TIME;
                return 0;
        }
        return epoch_spread(m, e, NULL);
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
        if (!m->member || m->joining || epoch_usable(m)) {
                m->renew = false;
                return;
        }
        if (m->renew)
                return;
        m->renew = true;
        m->renew_due = m->now + MIN(rank_here(m) * RENEW_STEP, (uint64_t)RENEW_MOST);
}

mesh_time epoch_deadline(const struct mesh *m) {
        return m->renew ? MAX(m->renew_due, m->now) : MESH_NEVER;
}

/* Keys of days that no record in force is under are wiped, here and on disk. */
static int ratchet(struct mesh *m) {
        uint32_t today = (uint32_t)(clock_now(m) / MESH_DAY);
        for (size_t i = 0; i < m->n_epochs; i++) {
                struct epoch *e = m->epochs[i];
                struct key key;
                if (!e->has_key || e->day + KEYS_DAYS >= today || !epoch_day_key(e, today - KEYS_DAYS, &key))
                        continue;
                e->key = key;
                e->day = today - KEYS_DAYS;
                hash_wipe(&key, sizeof(key));
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
        }
        if (r || !m->renew || m->now < m->renew_due)
                return r;
        if (!m->member || epoch_usable(m) || !clock_usable(m)) {
                m->renew = false;
                return 0;
        }
        struct wait *w = mesh_wait(m, WAIT_EPOCH, 0);
        return w ? epoch_renew(m, w) : ERR_NOMEM;
}
