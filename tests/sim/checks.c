/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The invariants, asked of the disks and rosters of all homes by one who sees everything:
 *
 *   S1  what a home keeps as a neighbour's record is what that neighbour's honest device wrote
 *   S2  nobody is told of a record twice, whatever crashed in between
 *   S3  after a retraction is kept its target is readable no more
 *   S4  no removed home holds a key under which somebody wrote who knew of the removal
 *   S5  an epoch has one key
 *   S6  equal operations give equal members
 *   S7  no honest device uses a slot, or a nonce, twice
 *   S8  connections, memory, queues, and what is kept of an author are bounded (bounds.c)
 *   S9  what was acknowledged is there
 *   S10 the same options give the same history (test-sim.py)
 *   S11 nobody keeps what a removed device makes a minute after all have heard of it, and no honest home is removed by it
 *   S12 an ordinary home brings in no more homes than the charter lets it, and the mesh has no more than it may
 *   S13 what a home takes its sets for, without walking through them, is what they are; a link that rests has no work
 *   S14 what beacons bring about is bounded: a home dials no fourth one on its network, remembers few addresses of which they
 *       alone speak, and dials one at which nobody is now and then, and not for ever (lans.c)
 *   S15 in a meeting a home hears the other one's words alone, and whatever was said once is heard once (meets.c)
 *   L1  a while after the last fault homes that are members to each other have the same operations, and every record of
 *       each other that is in force
 *   L2  their links make one mesh
 *   L3  every member can read it, whether its key came before it or after
 *   L4  an honest home's alert is with all honest homes in time (delays.c)
 *   L5  a calm mesh is quiet
 *   L6  all have the same records, whoever wrote them
 *   L7  homes of one network find each other when no router works (lans.c)
 */
#include "sim/byz.h"

#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/record.h"
#include "crypto/hash.h"
#include "roster/roster.h"
#include "support/recount.h"
#include "wire/codec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGE 200
#define CONNS_MOST 96
#define NONCE 24
#define GOES_ROUND 300        /* seconds that a record has, from when it may go round to its end, to be with all */
#define HEARD_OF 60           /* seconds until all have heard of a removal */
#define KEY_ON_ITS_WAY 120000 /* ms that a key may take from one home to the next, where a link is clogged */
#define EVENTS_MOST 5000      /* a home and hour, with nothing going on */
#define RECOUNTED_MOST 50     /* homes: in larger streets counting all again takes longer than what is simulated */

struct seen { /* one record of an honest device */
        struct hash id;
        uint32_t author;
        struct hash bytes;
        mesh_wall created, expires;
        uint8_t type;
        struct hash target;
        bool acked;
        struct hash retracted_by;
        bool retracted;
};

struct used {
        struct hash name, id;
};

struct group_key {
        struct hash name; /* digest of the epoch's id */
        struct key key, link_key;
        uint32_t day;
        bool known;
        bool *forbidden; /* by home: somebody wrote under it who knew that home as removed */
        bool *granted;   /* by home: that may have it, as it came while the home was none, or a member again */
        bool *welcomed;  /* by home: who had it already took the home for a member when it came */
};

/* When a home last took another one for a member. */
struct trust {
        bool now;
        mesh_time until; /* where not now; 0: never */
};

struct fold {
        struct hash operations, members;
};

struct checks {
        struct map seen, slots, keys, folds;
        struct seen **all;
        size_t n_all, cap_all, looks;
        struct trust *trust; /* of each home in each; NULL: a large street */
        char failed[MESSAGE];
};

struct checks *checks_new(void) {
        static const uint64_t seed[4] = {1, 2, 3, 4};
        struct checks *c = calloc(1, sizeof(*c));
        REQUIRE(c);
        map_init(&c->seen, seed);
        map_init(&c->slots, seed);
        map_init(&c->keys, seed);
        map_init(&c->folds, seed);
        return c;
}

void checks_free(struct checks *c) {
        MAP_EACH (s, &c->seen, struct seen)
                free(s);
        MAP_EACH (s, &c->slots, struct used)
                free(s);
        MAP_EACH (k, &c->keys, struct group_key) {
                free(k->forbidden);
                free(k->granted);
                free(k->welcomed);
                free(k);
        }
        MAP_EACH (f, &c->folds, struct fold)
                free(f);
        map_fini(&c->seen);
        map_fini(&c->slots);
        map_fini(&c->keys);
        map_fini(&c->folds);
        free(c->all);
        free(c->trust);
        free(c);
}

void checks_fail(struct world *w, const char *invariant, const char *fmt, ...) {
        struct checks *c = w->checks;
        char why[MESSAGE - 40];
        va_list ap;
        if (*c->failed)
                return;
        va_start(ap, fmt);
        vsnprintf(why, sizeof(why), fmt, ap);
        va_end(ap);
        snprintf(c->failed, sizeof(c->failed), "%s does not hold at event %llu: %s", invariant,
                 (unsigned long long)w->events, why);
        w->opt.trace = true;
        world_say(w, "%s", c->failed);
        w->stopped = true;
}

const char *checks_failed(const struct checks *c) {
        return *c->failed ? c->failed : NULL;
}

static void put(struct map *m, const uint8_t *key, void *value) {
        REQUIRE(map_put(m, key, value) == 0);
}

static const char *hex(const struct hash *id) {
        static char text[9];
        snprintf(text, sizeof(text), "%02x%02x%02x%02x", id->b[0], id->b[1], id->b[2], id->b[3]);
        return text;
}

static struct hash digest(struct span s) {
        struct hash h;
        hash_make(&h, DOMAIN_LEDGER, NULL, s);
        return h;
}

/* ---- records ---- */
static void once(struct world *w, struct node *n, struct span what, const struct hash *id, const char *name) {
        struct hash key = digest(what);
        struct used *s = map_find(&w->checks->slots, key.b);
        if (s && !hash_eq(&s->id, id))
                checks_fail(w, "S7", "home %u uses a %s twice: %s", n->index, name, hex(id));
        if (s)
                return;
        s = calloc(1, sizeof(*s));
        REQUIRE(s);
        s->name = key;
        s->id = *id;
        put(&w->checks->slots, s->name.b, s);
}

/* Where two homes' clocks were wrong by the same, each has confirmed the other's: what was to come is over to them. */
static bool misled(const struct world *w, const struct node *n) {
        return n->passed > SIM_START + w->now / 1000 + FUTURE_SLACK;
}

static void slot_once(struct world *w, struct node *n, const struct mesh_row *row, struct span bytes) {
        struct wire_record r;
        if (codec_decode(&wire_record_desc, bytes, &r, NULL)) {
                checks_fail(w, "S1", "home %u wrote what is no record", n->index);
                return;
        }
        uint8_t slot[32 + 16] = {0};
        memcpy(slot, r.device.p, 32);
        put_be64(slot + 32, r.day << 16 | r.index);
        slot[40] = (uint8_t)r.klass;
        if (row->record.type != RECORD_RETRACT && !misled(w, n))
                once(w, n, SPAN_OF(slot), &row->record.id, "slot");
        once(w, n, span_of(r.body.p, NONCE), &row->record.id, "nonce");
}

static void note_retraction(struct world *w, const struct seen *by) {
        struct seen *target = map_find(&w->checks->seen, by->target.b);
        if (!target || by->type != RECORD_RETRACT || target->author != by->author)
                return;
        target->retracted = true;
        target->retracted_by = by->id;
}

/* Nothing, if it was written before, and comes to the disk again. */
static void authored(struct world *w, struct node *n, const struct mesh_row *row) {
        struct checks *c = w->checks;
        if (map_find(&c->seen, row->record.id.b))
                return;
        slot_once(w, n, row, row->record.bytes);
        struct seen *s = calloc(1, sizeof(*s));
        REQUIRE(s);
        *s = (struct seen){.id = row->record.id,
                           .author = n->index,
                           .bytes = digest(row->record.bytes),
                           .created = row->record.created,
                           .expires = row->record.expires,
                           .type = row->record.type,
                           .target = row->record.target};
        put(&c->seen, s->id.b, s);
        if (c->n_all == c->cap_all) {
                c->cap_all = c->cap_all ? c->cap_all * 2 : 256;
                c->all = realloc(c->all, c->cap_all * sizeof(struct seen *));
                REQUIRE(c->all);
        }
        c->all[c->n_all++] = s;
        world_say(w, "home %u: writes %s, type %u, created %+lld s", n->index, hex(&s->id), s->type,
                  (long long)s->created - (long long)(SIM_START + w->now / 1000));
        note_retraction(w, s);
}

/* @by has come: its target is on this disk no more, whichever came first. */
static void target_gone(struct world *w, const struct node *n, const struct mesh_row *by) {
        const struct disk_row *target = disk_record(&n->disk, &by->record.target);
        if (target && target->readable && target->row.record.bytes.n &&
            target->row.record.expires == by->record.expires &&
            key_eq(&target->row.record.household, &by->record.household) && target->row.record.type != RECORD_RETRACT)
                checks_fail(w, "S3", "home %u keeps %s, which it knows as retracted", n->index,
                            hex(&by->record.target));
}

static void kept(struct world *w, struct node *n, const struct disk_row *row) {
        const struct mesh_row *r = &row->row;
        struct node *author = byz_node(w, &r->record.device);
        struct hash id = r->record.id;
        struct seen *s = map_find(&w->checks->seen, id.b);
        struct hash bytes = digest(r->record.bytes);
        if (!author || (node_honest(author) && r->record.bytes.n && (!s || !hash_eq(&s->bytes, &bytes))))
                checks_fail(w, "S1", "home %u keeps %s, which its author never wrote", n->index, hex(&r->record.id));
        if (r->record.type == RECORD_RETRACT)
                target_gone(w, n, r);
        if (row->times > 1)
                checks_fail(w, "S2", "home %u is told of %s %u times", n->index, hex(&r->record.id), row->times);
        if (s && s->retracted && row->readable && r->record.bytes.n && disk_record(&n->disk, &s->retracted_by))
                checks_fail(w, "S3", "home %u can read %s, which it knows as retracted", n->index, hex(&r->record.id));
}

/* ---- keys ---- */
static struct group_key *key_named(struct world *w, const uint8_t id[16]) {
        struct hash name = digest(span_of(id, 16));
        struct group_key *k = map_find(&w->checks->keys, name.b);
        if (k)
                return k;
        k = calloc(1, sizeof(*k));
        REQUIRE(k);
        k->name = name;
        k->forbidden = calloc(w->n, sizeof(*k->forbidden));
        k->granted = calloc(w->n, sizeof(*k->granted));
        k->welcomed = calloc(w->n, sizeof(*k->welcomed));
        REQUIRE(k->forbidden && k->granted && k->welcomed);
        put(&w->checks->keys, k->name.b, k);
        return k;
}

static struct key ratcheted(struct key k, uint32_t from, uint32_t to) {
        for (; from < to; from++) {
                struct key next;
                hash_derive(&next, DOMAIN_DAY, &k, SPAN_NONE);
                k = next;
        }
        return k;
}

static bool holds_key(const struct node *n, const uint8_t id[16]) {
        const struct epoch *e = node_on(n) ? epoch_find(n->core, span_of(id, 16)) : NULL;
        if (e && e->has_key) /* it may be on its way to the disk */
                return true;
        struct mesh_row like = {.kind = MESH_ROW_EPOCH};
        memcpy(like.epoch.id, id, sizeof(like.epoch.id));
        const struct disk_row *there = disk_find(&n->disk, &like);
        return there && there->row.epoch.has_key;
}

static bool trusts(const struct node *other, const struct node *n) {
        const struct roster *r = node_on(other) && other != n ? mesh_roster(other->core) : NULL;
        const struct roster_home *h = r ? roster_home_find(r, &n->house.sign.pub) : NULL;
        return h && h->member;
}

/* @n has folded an operation: whom it took for a member until now is told from whom it takes for one. */
static void folded(struct world *w, const struct node *n) {
        struct checks *c = w->checks;
        if (w->n > RECOUNTED_MOST)
                return;
        if (!c->trust)
                c->trust = calloc((size_t)w->n * w->n, sizeof(*c->trust));
        REQUIRE(c->trust);
        for (uint32_t i = 0; i < w->n; i++) {
                struct trust *t = &c->trust[n->index * w->n + i];
                bool now = trusts(n, &w->nodes[i]);
                if (t->now && !now)
                        t->until = w->now;
                t->now = now;
        }
}

static bool trusted_lately(const struct world *w, const struct node *other, const struct node *n) {
        const struct trust *t = w->checks->trust ? &w->checks->trust[other->index * w->n + n->index] : NULL;
        return t && t->until && w->now - t->until <= KEY_ON_ITS_WAY;
}

/* Does somebody who holds the key know @n as a member (again), or did when the key was sent? Votes may have changed what a
 * removal was, and when two halves of a street meet again they do so twice in a second. */
static bool welcome(const struct world *w, const struct node *n, const uint8_t id[16]) {
        for (uint32_t i = 0; i < w->n; i++) {
                const struct node *other = &w->nodes[i];
                if ((trusts(other, n) || trusted_lately(w, other, n)) && holds_key(other, id))
                        return true;
        }
        return false;
}

static void learnt(struct world *w, struct node *n, const struct mesh_row *row) {
        struct group_key *k = key_named(w, row->epoch.id);
        if (!row->epoch.has_key)
                return;
        if (k->forbidden[n->index] && !k->granted[n->index] && !welcome(w, n, row->epoch.id))
                checks_fail(w, "S4", "home %u, removed, holds key %s", n->index, hex(&k->name));
        if (!k->known || row->epoch.day < k->day) {
                struct key old = k->key, link = k->link_key;
                uint32_t day = k->day;
                bool known = k->known;
                k->key = row->epoch.key;
                k->link_key = row->epoch.link_key;
                k->day = row->epoch.day;
                k->known = true;
                if (!known)
                        return;
                struct key now = ratcheted(k->key, k->day, day);
                if (memcmp(&now, &old, sizeof(now)) != 0 || memcmp(&link, &k->link_key, sizeof(link)) != 0)
                        checks_fail(w, "S5", "home %u has another key of epoch %s", n->index, hex(&k->name));
                return;
        }
        struct key there = ratcheted(k->key, k->day, row->epoch.day);
        if (memcmp(&there, &row->epoch.key, sizeof(there)) != 0)
                checks_fail(w, "S5", "home %u has another key of epoch %s", n->index, hex(&k->name));
}

/* Was the key made without all whom @n knows as removed, and nobody else? */
static bool made_without(const struct node *n, struct span epoch) {
        const struct epoch *e = epoch_find(n->core, epoch);
        struct hash removed;
        roster_removed(mesh_roster(n->core), &removed);
        return e && memcmp(e->w.removed.p, removed.b, sizeof(removed.b)) == 0;
}

/*
 * @n writes: whom it knows as removed must never hold the key it writes under. What it hears while the disk is at it comes
 * too late for this record. So does what it cannot hear: behind a cut others may have voted, and taken a removal back. Who
 * then hands the key, which was made without that home, to it as a member knows more than @n does.
 */
static void wrote(struct world *w, struct node *n, const struct mesh_row *row) {
        struct wire_record r;
        const struct roster *roster = mesh_roster(n->core);
        if (!roster || codec_decode(&wire_record_desc, row->record.bytes, &r, NULL))
                return;
        struct group_key *k = key_named(w, r.epoch.p);
        if (!made_without(n, r.epoch))
                checks_fail(w, "S4", "home %u wrote under a key of before a removal that it knows", n->index);
        for (uint32_t i = 0; i < w->n; i++) {
                const struct roster_home *h = roster_home_find(roster, &w->nodes[i].house.sign.pub);
                if (!h || h->member || k->forbidden[i])
                        continue;
                k->forbidden[i] = true;
                if (!w->nodes[i].byz && !k->welcomed[i] && holds_key(&w->nodes[i], r.epoch.p))
                        checks_fail(w, "S4", "home %u wrote under a key that home %u, which it knows as removed, holds",
                                    n->index, i);
        }
}

/* A home has a key from when its core does: a full disk may take it hours later, when the home is removed again. */
void checks_storing(struct world *w, struct node *n, const struct mesh_row *row) {
        if (!node_honest(n))
                return;
        if (row->kind == MESH_ROW_RECORD && row->record.own && !map_find(&w->checks->seen, row->record.id.b))
                wrote(w, n, row);
        if (row->kind == MESH_ROW_OP)
                folded(w, n);
        if (row->kind != MESH_ROW_EPOCH || !row->epoch.has_key)
                return;
        struct group_key *k = key_named(w, row->epoch.id);
        k->welcomed[n->index] |= welcome(w, n, row->epoch.id);
        k->granted[n->index] |= !k->forbidden[n->index] || k->welcomed[n->index];
}

/* What a removed device makes is kept by nobody; the founder, who is honest, knows who that is. */
static void of_nobody(struct world *w, struct node *n, const struct mesh_row *row) {
        const struct roster *r = node_on(&w->nodes[0]) ? mesh_roster(w->nodes[0].core) : NULL;
        const struct roster_device *d = r ? roster_device_find(r, &row->record.device) : NULL;
        if (d && d->gone_at && row->record.created > d->gone_at + HEARD_OF)
                checks_fail(w, "S11", "home %u keeps %s, made %llu s after its author's removal", n->index,
                            hex(&row->record.id), (unsigned long long)(row->record.created - d->gone_at));
}

void checks_committed(struct world *w, struct node *n, const struct disk_row *row) {
        if (!node_honest(n))
                return;
        delays_committed(w, n, row);
        if (w->opt.byzantine && row->row.kind == MESH_ROW_RECORD)
                of_nobody(w, n, &row->row);
        if (row->row.kind == MESH_ROW_EPOCH)
                learnt(w, n, &row->row);
        if (row->row.kind != MESH_ROW_RECORD)
                return;
        if (row->row.record.own)
                authored(w, n, &row->row);
        kept(w, n, row);
}

void checks_acked(struct world *w, struct node *n) {
        struct seen *s = map_find(&w->checks->seen, n->reply_id.b);
        if (!node_honest(n))
                return;
        if (!s || !disk_record(&n->disk, &n->reply_id))
                checks_fail(w, "S9", "home %u was told that %s is kept, and it is not", n->index, hex(&n->reply_id));
        else
                s->acked = true;
}

/* ---- rosters ---- */
static void xor_into(struct hash *sum, const struct hash *h) {
        for (size_t i = 0; i < sizeof(sum->b); i++)
                sum->b[i] ^= h->b[i];
}

static struct fold fold_of(const struct roster *r) {
        struct fold f = {{{0}}, {{0}}};
        const struct roster_op *op;
        const struct roster_home *h;
        for (size_t i = 0; (op = roster_op_at(r, i)); i++)
                xor_into(&f.operations, &op->id);
        for (size_t i = 0; (h = roster_home_at(r, i)); i++) {
                uint8_t what[34];
                memcpy(what, h->key.b, 32);
                what[32] = h->member;
                what[33] = h->steward;
                struct hash one = digest(SPAN_OF(what));
                xor_into(&f.members, &one);
        }
        return f;
}

static void folds_agree(struct world *w, struct node *n) {
        const struct roster *r = mesh_roster(n->core);
        if (!r)
                return;
        struct fold now = fold_of(r), *known = map_find(&w->checks->folds, now.operations.b);
        if (known && !hash_eq(&known->members, &now.members))
                checks_fail(w, "S6", "home %u folds the same operations to other members", n->index);
        if (known)
                return;
        known = malloc(sizeof(*known));
        REQUIRE(known);
        *known = now;
        put(&w->checks->folds, known->operations.b, known);
}

/* Of one link each time: what is wrong about one stays wrong, as it is added to and never counted again. */
static void account_kept(struct world *w, struct node *n) {
        size_t turn = w->checks->looks, k = 0;
        if (!recount_rests(n->core))
                checks_fail(w, "S13", "home %u lets a link rest that has work, or for too long", n->index);
        if (!recount_said(n->core))
                checks_fail(w, "S13", "home %u is wrong about what its neighbours say of the time", n->index);
        if (!recount_ends(n->core))
                checks_fail(w, "S13", "home %u would keep what is over", n->index);
        LINK_EACH(l, n->core) {
                bool its_turn = w->calm || k++ == turn % n->core->n_links;
                if (its_turn && l->frames.state == FRAMES_OPEN && !recount_agrees(l))
                        checks_fail(w, "S13", "home %u is wrong about its own sets", n->index);
        }
}

void checks_now(struct world *w) {
        w->checks->looks++;
        for (uint32_t i = 0; i < w->n && !w->stopped; i++) {
                struct node *n = &w->nodes[i];
                if (n->n_conns > CONNS_MOST)
                        checks_fail(w, "S8", "home %u has %zu connections", i, n->n_conns);
                if (node_on(n))
                        sabotage_look(w, n);
                if (node_on(n))
                        folds_agree(w, n);
                if (node_on(n))
                        lans_look(w, n);
                if (node_on(n) && w->n <= RECOUNTED_MOST)
                        account_kept(w, n);
        }
        bounds_check(w, w->checks->looks);
}

/* ---- after the last fault ---- */
static const struct roster *roster_of(const struct node *n) {
        return node_on(n) && node_honest(n) && n->standing == NODE_IN ? mesh_roster(n->core) : NULL;
}

static bool counts_as_member(const struct roster *r, const struct node *n) {
        const struct roster_home *h = roster_home_find(r, &n->house.sign.pub);
        return h && h->member;
}

/*
 * Each knows the other as a member, so they have to find each other and to agree. Nobody asks more: whoever removed the
 * others while the street was cut speaks to them no more, and they are not told (docs/limits.md); so what was one mesh
 * can be two for good. A home that takes itself for removed is asked too, as it may be wrong about it; but not two of
 * them, who dial nobody.
 */
static bool together(const struct world *w, uint32_t i, uint32_t k) {
        const struct node *x = &w->nodes[i], *y = &w->nodes[k];
        const struct roster *a = roster_of(x), *b = roster_of(y);
        return a && b && counts_as_member(a, y) && counts_as_member(b, x) &&
               (counts_as_member(a, x) || counts_as_member(b, y));
}

/* For who looks into a failure: what became of a record at each home. */
static void tell_record(struct world *w, const struct seen *s) {
        world_say(w, "%s by home %u, type %u, written %lld s ago, ends in %lld s", hex(&s->id), s->author, s->type,
                  (long long)(SIM_START + w->now / 1000) - (long long)s->created,
                  (long long)s->expires - (long long)(SIM_START + w->now / 1000));
        const struct seen *target = map_find(&w->checks->seen, s->target.b);
        if (target)
                world_say(w, "it is about %s by home %u, type %u%s", hex(&target->id), target->author, target->type,
                          target->retracted ? ", retracted" : "");
        for (uint32_t i = 0; i < w->n; i++) {
                const struct disk_row *row = disk_record(&w->nodes[i].disk, &s->id);
                const char *how = !row                       ? "not there"
                                  : row->row.record.voided   ? "void"
                                  : !row->row.record.bytes.n ? "without its body"
                                  : row->readable            ? "readable"
                                                             : "sealed";
                world_say(w, "home %u: %s", i, how);
        }
}

static struct fold *folds_of(struct world *w) {
        struct fold *folds = calloc(w->n, sizeof(*folds));
        REQUIRE(folds);
        for (uint32_t i = 0; i < w->n; i++)
                if (roster_of(&w->nodes[i]))
                        folds[i] = fold_of(roster_of(&w->nodes[i]));
        return folds;
}

static void same_operations(struct world *w, const struct fold *folds) {
        for (uint32_t i = 0; i < w->n; i++)
                for (uint32_t k = 0; k < i && !w->stopped; k++)
                        if (!hash_eq(&folds[i].operations, &folds[k].operations) && together(w, i, k))
                                checks_fail(w, "L1", "homes %u and %u have different operations", k, i);
}

/* To @n, for good: to a home that was misled it may be too early. */
static bool surely_over(const struct seen *s, const struct node *n) {
        return s->expires < n->passed;
}

static void has_records(struct world *w, uint32_t i) {
        struct node *n = &w->nodes[i];
        mesh_wall now = SIM_START + w->now / 1000;
        for (size_t k = 0; k < w->checks->n_all && !w->stopped; k++) {
                const struct seen *s = w->checks->all[k];
                const struct disk_row *row = disk_record(&n->disk, &s->id);
                if (s->retracted || s->created + GOES_ROUND > now || s->expires < now + GOES_ROUND ||
                    surely_over(s, n) || surely_over(s, &w->nodes[s->author]) || !together(w, i, s->author))
                        continue;
                if (!row)
                        checks_fail(w, "L1", "home %u has not %s by home %u", n->index, hex(&s->id), s->author);
                else if (!row->readable && s->type != RECORD_RETRACT)
                        checks_fail(w, "L3", "home %u cannot read %s by home %u", n->index, hex(&s->id), s->author);
                if (w->stopped)
                        tell_record(w, s);
        }
}

static uint32_t root(uint32_t *parent, uint32_t i) {
        while (parent[i] != i)
                i = parent[i] = parent[parent[i]];
        return i;
}

/* Which homes the links bind together: those with one root. Returns what the caller frees. */
static uint32_t *linked(struct world *w) {
        uint32_t *parent = calloc(w->n, sizeof(*parent));
        REQUIRE(parent);
        for (uint32_t i = 0; i < w->n; i++)
                parent[i] = i;
        for (uint32_t i = 0; i < w->n; i++) {
                struct mesh_peer p;
                for (size_t k = 0; roster_of(&w->nodes[i]) && mesh_peer_at(w->nodes[i].core, k, &p); k++) {
                        struct node *other = byz_node(w, &p.device);
                        if (other && !other->byz)
                                parent[root(parent, i)] = root(parent, other->index);
                }
        }
        return parent;
}

static void one_mesh(struct world *w) {
        uint32_t *parent = linked(w);
        for (uint32_t i = 0; i < w->n; i++)
                for (uint32_t k = 0; k < i; k++)
                        if (root(parent, i) != root(parent, k) && together(w, i, k))
                                checks_fail(w, "L2", "homes %u and %u are in two parts", k, i);
        free(parent);
}

/* The operations that most members have: theirs is the mesh, where there is one. */
static const struct roster *common_roster(struct world *w, const struct fold *folds) {
        const struct roster *best = NULL;
        size_t most = 0;
        for (uint32_t i = 0; i < w->n; i++) {
                size_t same = 0;
                for (uint32_t k = 0; together(w, i, i) && k < w->n; k++)
                        same += together(w, k, k) && hash_eq(&folds[i].operations, &folds[k].operations);
                if (same > most) {
                        most = same;
                        best = roster_of(&w->nodes[i]);
                }
        }
        return best;
}

static bool belongs(const struct roster *r, const struct node *n) {
        return roster_of(n) && counts_as_member(r, n);
}

/* Every element a home has for the others, whoever wrote it. */
static struct hash elements_of(const struct mesh *m) {
        struct hash sum = {{0}};
        mesh_wall now = clock_now(m);
        for (size_t i = 0; i < m->n_sorted; i++) {
                const struct rec *r = m->sorted[i];
                bool late = r->expires <= now + GOES_ROUND || r->created + GOES_ROUND > now || records_late(m, r);
                if (!late && !(r->flags & REC_GONE))
                        xor_into(&sum, &r->id);
        }
        return sum;
}

/* For who looks into a failure: what @n has and @other has not. */
static void tell_difference(struct world *w, const struct node *n, const struct node *other) {
        for (size_t i = 0; i < n->core->n_sorted; i++) {
                const struct rec *r = n->core->sorted[i], *there = records_find(other->core, &r->id);
                const struct node *author = byz_node(w, &n->core->authors[r->author]->device);
                if (!there || (there->flags & REC_GONE) != (r->flags & REC_GONE))
                        world_say(w, "home %u has %s, type %u, flags %u, by home %d (%s), made %lld s ago; home %u: %s",
                                  n->index, hex(&r->id), r->type, r->flags, author ? (int)author->index : -1,
                                  author && author->byz ? author->byz->name : "honest",
                                  (long long)clock_now(n->core) - (long long)r->created, other->index,
                                  there ? "otherwise" : "not");
        }
}

static void all_have_the_same(struct world *w, const struct roster *r) {
        struct hash first = elements_of(w->nodes[0].core);
        for (uint32_t i = 1; i < w->n && !w->stopped; i++) {
                if (!belongs(r, &w->nodes[i]))
                        continue;
                struct hash here = elements_of(w->nodes[i].core);
                if (hash_eq(&first, &here))
                        continue;
                checks_fail(w, "L6", "homes 0 and %u have not the same records", i);
                tell_difference(w, &w->nodes[0], &w->nodes[i]);
                tell_difference(w, &w->nodes[i], &w->nodes[0]);
        }
}

static void nobody_lost(struct world *w, const struct roster *r) {
        for (uint32_t i = 0; i < w->n && !w->stopped; i++)
                if (node_honest(&w->nodes[i]) && w->nodes[i].standing == NODE_IN && !belongs(r, &w->nodes[i]))
                        checks_fail(w, "S11", "home %u, honest, is a member no more", i);
}

/* Whoever invites himself again and again has his budget of homes, and no more. */
static void budgets_kept(struct world *w, const struct roster *r) {
        const struct roster_home *h, *below;
        for (size_t i = 0; (h = roster_home_at(r, i)); i++) {
                size_t n = 0;
                for (size_t k = 0; (below = roster_home_at(r, k)); k++)
                        n += below->member && below->inviter == h;
                if (!h->steward && n > roster_charter(r, CHARTER_home_invites))
                        checks_fail(w, "S12", "%zu homes stand below one ordinary home", n);
        }
        if (roster_members(r) > roster_charter(r, CHARTER_max_members))
                checks_fail(w, "S12", "%zu homes are members", roster_members(r));
}

static void acknowledged_is_there(struct world *w) {
        mesh_wall now = SIM_START + w->now / 1000;
        for (size_t i = 0; i < w->checks->n_all; i++) {
                const struct seen *s = w->checks->all[i];
                const struct node *n = &w->nodes[s->author];
                if (s->acked && node_honest(n) && s->expires > now && !disk_record(&n->disk, &s->id))
                        checks_fail(w, "S9", "home %u has lost %s, which was acknowledged", s->author, hex(&s->id));
        }
}

/* For who looks into a failure: what each home thinks of itself and of how many. */
static void tell_views(struct world *w) {
        for (uint32_t i = 0; i < w->n; i++) {
                const struct node *n = &w->nodes[i];
                const struct roster *r = node_on(n) ? mesh_roster(n->core) : NULL;
                struct mesh_status st = {0};
                if (!r)
                        continue;
                mesh_status(n->core, &st);
                world_say(w, "home %u: state %d, %u links, %zu operations, %zu members, %zu stewards%s", i,
                          (int)st.state, st.links, roster_ops(r), roster_members(r), roster_stewards(r),
                          n->rolled_back ? ", rolled back" : "");
        }
}

void checks_healed(struct world *w) {
        tell_views(w);
        checks_now(w);
        acknowledged_is_there(w);
        struct fold *folds = folds_of(w);
        const struct roster *r = common_roster(w, folds);
        one_mesh(w);
        if (r && w->opt.byzantine)
                nobody_lost(w, r);
        if (r) { /* somebody is left */
                budgets_kept(w, r);
                delays_check(w, r);
        }
        same_operations(w, folds);
        free(folds);
        for (uint32_t i = 0; i < w->n && !w->stopped; i++)
                if (roster_of(&w->nodes[i]))
                        has_records(w, i);
        if (r && w->opt.byzantine && !w->stopped)
                all_have_the_same(w, r);
}

void checks_quiet(struct world *w, uint64_t since, uint64_t events_then) {
        uint64_t hours = (w->now - since) / SIM_HOUR, each = (w->events - events_then) / w->n;
        if (hours && each / hours > EVENTS_MOST)
                checks_fail(w, "L5", "%llu events a home and hour with nothing going on",
                            (unsigned long long)(each / hours));
}
