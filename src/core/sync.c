/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets it later: reconciliation when a link comes up and every minute with a random neighbour. Three sets, in this
 * order: operations and epochs, contacts, records; a set is compared when those before it are equal. The side that dialled
 * opens the sessions. What the other side lacks is owed to the link and fetched from disk as its window allows.
 */
#include "core/belong.h"

#include "base/array.h"
#include "core/core.h"
#include "core/digest.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/out.h"
#include "core/packet.h"
#include "core/reach.h"
#include "core/recon.h"
#include "core/record.h"
#include "core/spread.h"
#include "roster/roster.h"

#include <stdlib.h>

/* Elements of the OPS set are numbered by their place in the roster; epochs and revocations follow from here up. */
#define WHAT_EPOCH UINT32_C(0x40000000)
#define WHAT_REVOKE UINT32_C(0x60000000)
#define PUSH_FIRST 64 /* items; then it doubles */

void push_fini(struct push *p) {
        free(p->what);
        *p = (struct push){0};
}

int push_add(struct push *p, uint32_t what) {
        if (p->at == p->n)
                p->at = p->n = 0;
        uint32_t *w = array_room(p->what, p->n, &p->cap, sizeof(*w), PUSH_FIRST);
        if (!w)
                return ERR_NOMEM;
        p->what = w;
        p->what[p->n++] = what;
        return 0;
}

/* ---- snapshots ---- */
static int snapshot_ops(const struct link *l, mesh_wall until, struct recon *ret) {
        const struct mesh *m = l->m;
        for (size_t i = 0; m->roster && i < roster_ops(m->roster); i++) {
                const struct roster_op *op = roster_op_at(m->roster, i);
                int r = recon_add(ret, op->time, link_sid(l, &op->id), (uint32_t)i);
                if (r)
                        return r;
        }
        for (size_t i = 0; i < m->n_epochs; i++) {
                const struct epoch *e = m->epochs[i];
                if (!e->has_key) /* a header alone does not count: the key is still to come */
                        continue;
                int r = recon_add(ret, e->w.time, link_sid(l, &e->hash), WHAT_EPOCH + (uint32_t)i);
                if (r)
                        return r;
        }
        for (size_t i = 0; i < m->n_revokes; i++) {
                const struct revoke *v = m->revokes[i];
                int r = v->expires > until + SYNC_MARGIN
                                ? recon_add(ret, v->time, link_sid(l, &v->hash), WHAT_REVOKE + (uint32_t)i)
                                : 0;
                if (r)
                        return r;
        }
        return 0;
}

static int snapshot_contacts(const struct link *l, struct recon *ret) {
        struct mesh *m = l->m;
        contacts_look(m);
        MAP_EACH (c, &m->contacts, struct contact) {
                int r = c->counted ? recon_add(ret, c->card->time, link_sid(l, &c->card->hash), c->number) : 0;
                if (r)
                        return r;
        }
        return 0;
}

/* What expires within two minutes, or was made after T, does not count on either side. */
static int snapshot_records(const struct link *l, mesh_wall until, struct recon *ret) {
        struct mesh *m = l->m;
        records_ends(m);
        for (size_t i = 0; i < m->n_sorted; i++) {
                const struct rec *rec = rec_walk(m->sorted, m->n_sorted, i);
                if (rec->created > until)
                        break;
                if (rec->expires <= until + SYNC_MARGIN || !rec->counted)
                        continue;
                int r = recon_add(ret, rec->created, link_sid(l, &rec->id), rec->number);
                if (r)
                        return r;
        }
        return 0;
}

static int elements(const struct link *l, enum wire_e_set set, mesh_wall until, struct recon *ret) {
        switch (set) {
        case SET_OPS:
                return snapshot_ops(l, until, ret);
        case SET_CONTACTS:
                return snapshot_contacts(l, ret);
        case SET_RECORDS:
                ret->giving = l->m->disk_full;
                return snapshot_records(l, until, ret);
        }
        return ERR_BROKEN;
}

static int snapshot(struct link *l) {
        int r = elements(l, l->recon_set, l->until, &l->recon);
        l->recon_taken = true;
        return r ? r : recon_seal(&l->recon);
}

int sync_digests(struct link *l) {
        for (size_t i = 0; i < LINK_SETS; i++) {
                struct recon_sum sum;
                int e = digest_sum(l, link_set_at(i), l->until, &sum);
                if (e)
                        return e;
                recon_fingerprint(&sum, l->mine[i]);
        }
        l->digested = l->m->steps;
        return 0;
}

/* ---- sessions ---- */
static size_t set_index(enum wire_e_set set) {
        return (size_t)set - 1;
}

static void session_end(struct link *l) {
        recon_fini(&l->recon);
        l->recon_taken = false;
        l->recon_set = 0;
}

static int session_say(struct link *l, enum wire_e_set set, uint64_t round, struct span ranges) {
        struct wire_recon msg = {.set = set, .round = round, .until = l->until, .ranges = ranges};
        l->recon_due = l->m->now + RECON_PATIENCE;
        return link_say(l, LINK_RECON, &msg);
}

/* PROTOCOL 9.29: "A record or fact later than T takes part in no comparing" */
static bool later(const struct link *l, uint32_t what) {
        const struct mesh *m = l->m;
        return what < m->n_recs && m->recs[what] && m->recs[what]->created > l->until;
}

/* What was owed is compared anew: it is in the snapshot, and owed again where it is still missing. */
static void forget_debt(struct link *l, enum wire_e_set set) {
        struct push *p = &l->push[set_index(set)];
        size_t kept = 0;
        for (size_t i = p->at; set == SET_RECORDS && i < p->n; i++)
                if (later(l, p->what[i]))
                        p->what[kept++] = p->what[i];
        p->at = 0;
        p->n = kept;
}

/* PROTOCOL 9.29: "each side MUST owe what it holds of these" */
/* A clock that is ahead of the neighbour's is enough for that, and a record that was made while nobody was linked. */
static int owe_later(struct link *l) {
        const struct mesh *m = l->m;
        records_ends(l->m);
        for (size_t i = m->n_sorted; i && m->sorted[i - 1]->created > l->until; i--) {
                const struct rec *r = m->sorted[i - 1];
                bool held_back = r->created > l->until + FUTURE_SLACK; /* there, by rule 4.7 */
                int e = r->counted && !held_back ? push_add(&l->push[LINK_RECORDS], r->number) : 0;
                if (e)
                        return e;
        }
        return 0;
}

/* As a session of @set begins: T is known. */
static int session_debt(struct link *l, enum wire_e_set set) {
        forget_debt(l, set);
        return set == SET_RECORDS && !l->synced[LINK_RECORDS] ? owe_later(l) : 0;
}

static int session_ranges(struct link *l, struct buf *ret) {
        /* PROTOCOL 9.12: "Where the set was equal on this link before, this node opens with one FINGERPRINT of everything" */
        bool equal = l->synced[set_index(l->recon_set)] || l->m->recover.on; /* coming back needs to see that it is */
        struct recon_sum all;
        int r = equal ? digest_sum(l, l->recon_set, l->until, &all) : snapshot(l);
        if (r)
                return r;
        return equal ? recon_open_equal(&all, ret) : recon_open(&l->recon, RECON_MESSAGE, ret);
}

/* PROTOCOL 9.2: "A node MAY take it later, when the set first turns out not to be equal." */
static int session_answer(struct link *l, struct span ranges, struct buf *out, struct recon_result *ret) {
        if (!l->recon_taken) {
                struct recon_sum all;
                int r = digest_sum(l, l->recon_set, l->until, &all);
                if (!r)
                        r = recon_answer_equal(&all, ranges, out, ret);
                if (r == RECON_E_DIFFERS)
                        r = snapshot(l);
                if (r || !l->recon_taken)
                        return r;
        }
        return recon_answer(&l->recon, ranges, RECON_MESSAGE, out, ret);
}

static int session_open(struct link *l, enum wire_e_set set) {
        _clean_(buf_fini) struct buf ranges = BUF_NULL;
        session_end(l);
        l->until = clock_now(l->m);
        l->recon_set = set;
        l->recon_opened = true;
        l->round = 0;
        int r = session_debt(l, set);
        if (!r)
                r = session_ranges(l, &ranges);
        return r ? r : session_say(l, set, 0, buf_span(&ranges));
}

/* The next set that differs; when none is left, records flow over this link. */
static int session_next(struct link *l) {
        if (l->m->recover.on) /* operations, and nothing else */
                return !l->synced[LINK_OPS] ? session_open(l, SET_OPS) : l->state == LINK_UP ? recover_ready(l->m) : 0;
        if (l->state != LINK_UP)
                return 0;
        for (size_t i = 0; i < LINK_SETS; i++)
                if (!l->compared[i])
                        return session_open(l, link_set_at(i));
        link_caught_up(l);
        return 0;
}

/* The side that was dialled opens no sessions: it learns from those of the other side, and from the hello. */
static int all_synced(struct link *l) {
        if (l->synced[LINK_OPS] && l->synced[LINK_CONTACTS] && l->synced[LINK_RECORDS])
                link_caught_up(l);
        return 0;
}

/* A joiner has nothing: the roster comes first, and shows who is at the other end. */
int sync_join(struct link *l) {
        return session_open(l, SET_OPS);
}

int sync_begin(struct link *l) {
        /* A responder has just computed them for its hello. Since an initiator did, elements may have come. */
        int r = l->digested == l->m->steps ? 0 : sync_digests(l);
        if (r)
                return r;
        for (size_t i = 0; i < LINK_SETS; i++)
                l->synced[i] = memcmp(l->mine[i], l->their[i], sizeof(l->mine[i])) == 0;
        /* PROTOCOL 9.21: "Where `ops` was not equal it MUST open one for `records` also if that set was" */
        /* Until the operations are equal no record flows here, and some may have come since the hello was said. */
        l->synced[LINK_RECORDS] = l->synced[LINK_RECORDS] && l->synced[LINK_OPS];
        /* PROTOCOL 9.21: "and one for `contacts` where one of these came before the link was up here" */
        l->synced[LINK_CONTACTS] = l->synced[LINK_CONTACTS] && !(l->dialled && l->early);
        memcpy(l->compared, l->synced, sizeof(l->compared));
        r = l->synced[LINK_RECORDS] ? owe_later(l) : 0;
        if (r)
                return r;
        return l->dialled ? session_next(l) : all_synced(l);
}

static int owe(struct link *l, enum wire_e_set set, const struct recon_result *res) {
        for (size_t i = 0; i < res->n_have; i++) {
                int r = push_add(&l->push[set_index(set)], res->have[i]);
                if (r)
                        return r;
        }
        return 0;
}

static int what_compare(const void *a, const void *b) {
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        return x < y ? -1 : x > y;
}

/* Opening a session is cheap for the other side and not for this one. */
static bool may_open(struct link *l) {
        mesh_time now = l->m->now;
        uint64_t earned = (now - l->openings_since) / OPENINGS_TIME;
        l->openings -= (uint32_t)MIN((uint64_t)l->openings, earned);
        l->openings_since = l->openings ? l->openings_since + earned * OPENINGS_TIME : now;
        if (l->openings >= OPENINGS_MOST)
                return false;
        l->openings++;
        return true;
}

int sync_recon(struct link *l, const struct wire_recon *msg) {
        /* PROTOCOL 9.23: "A session for `records` MUST NOT run before the link is up." */
        if (msg->set > SET_RECORDS || (msg->set == SET_RECORDS && l->state != LINK_UP))
                return 0;
        if (l->m->recover.on && msg->set != SET_OPS)
                return 0;
        bool opens = msg->round == 0 && !l->dialled;
        if (opens && !may_open(l))
                return 0;
        if (opens) {
                session_end(l);
                l->until = msg->until;
                int e = session_debt(l, (enum wire_e_set)msg->set);
                if (e)
                        return e;
                l->recon_set = (enum wire_e_set)msg->set;
                l->recon_opened = false;
                l->round = 0;
                for (size_t i = 0; i < set_index(l->recon_set); i++)
                        l->synced[i] = true; /* the other side goes in this order */
        } else if (l->recon_set != msg->set || msg->round != l->round + 1) {
                return 0; /* of a session that is over */
        }
        l->round = (uint32_t)msg->round;
        _clean_(buf_fini) struct buf answer = BUF_NULL;
        struct recon_result res = {0};
        int r = session_answer(l, msg->ranges, &answer, &res);
        if (r > 0) {
                recon_result_fini(&res);
                link_hangup(l, REASON_BAD_FRAME);
                return 0;
        }
        if (!r && msg->set == SET_OPS && res.n_have)
                qsort(res.have, res.n_have, sizeof(*res.have), what_compare); /* parents before children */
        if (!r)
                r = owe(l, (enum wire_e_set)msg->set, &res);
        bool give_up = l->round + 1 >= (l->recon.giving ? RECON_GIVING : RECON_ROUNDS);
        if (!r && res.answer && !give_up) {
                l->round++;
                r = session_say(l, (enum wire_e_set)msg->set, l->round, buf_span(&answer));
        }
        bool done = res.done || give_up, differs = l->round > 1 || res.answer;
        recon_result_fini(&res);
        if (r || !done)
                return r;
        session_end(l);
        if (l->m->recover.on && l->dialled && differs) {
                /* What is missing is on its way, also what nobody asked for: the other side gives what a list lacks. */
                recover_again(l->m);
                return 0;
        }
        l->synced[set_index((enum wire_e_set)msg->set)] = l->compared[set_index((enum wire_e_set)msg->set)] = true;
        return l->dialled ? session_next(l) : all_synced(l);
}

/* ---- what is owed ---- */
static struct contact *contact_at(const struct mesh *m, uint32_t what) {
        MAP_EACH (c, &m->contacts, struct contact)
                if (c->number == what)
                        return c;
        return NULL;
}

static bool room(const struct link *l) {
        return l->queue[4].bytes < PUSH_AHEAD;
}

static int push_element(struct link *l, enum wire_link number, struct span map) {
        _clean_(packet_freep) struct packet *p = packet_of(number, 4, map);
        return p ? link_send(l, p) : ERR_NOMEM;
}

static int pump_ops(struct link *l) {
        struct push *p = &l->push[LINK_OPS];
        while (p->at < p->n && room(l)) {
                uint32_t what = p->what[p->at++];
                int r = 0;
                if (what >= WHAT_REVOKE) {
                        size_t i = what - WHAT_REVOKE;
                        r = i < l->m->n_revokes ? push_element(l, LINK_REVOKE, buf_span(&l->m->revokes[i]->bytes)) : 0;
                } else if (what >= WHAT_EPOCH) {
                        size_t i = what - WHAT_EPOCH;
                        r = i < l->m->n_epochs ? epoch_hand(l, l->m->epochs[i]) : 0;
                } else {
                        const struct roster_op *op = roster_op_at(l->m->roster, what);
                        r = op ? push_element(l, LINK_OP, op->bytes) : 0;
                }
                if (r)
                        return r;
        }
        return 0;
}

static int pump_contacts(struct link *l) {
        struct push *p = &l->push[LINK_CONTACTS];
        while (p->at < p->n && room(l)) {
                const struct contact *c = contact_at(l->m, p->what[p->at++]);
                int r = c ? push_element(l, LINK_CONTACT, card_bytes(c->card)) : 0;
                if (r)
                        return r;
        }
        return 0;
}

/* A fact is owed as the proof that brought it. */
static enum wire_link message_of(const struct rec *r) {
        return rec_is_fact(r) ? LINK_PROOF : LINK_RECORD;
}

static int pump_records(struct link *l) {
        struct mesh *m = l->m;
        struct push *p = &l->push[LINK_RECORDS];
        struct hash ids[PUSH_BATCH];
        size_t n = 0;
        if (p->loading)
                return 0;
        records_ends(m);
        while (p->at < p->n && room(l) && n < PUSH_BATCH) {
                uint32_t what = p->what[p->at++];
                const struct rec *r = what < m->n_recs ? m->recs[what] : NULL;
                if (!r || r->flags & REC_GONE || records_late(m, r))
                        continue;
                if (r->packet) {
                        int e = push_element(l, message_of(r), packet_map(r->packet));
                        if (e)
                                return e;
                        continue;
                }
                ids[n++] = r->id;
        }
        if (p->at == p->n && p->cap > PUSH_BATCH)
                push_fini(p);
        if (!n)
                return 0;
        struct mesh_action *a = out_add(&m->out, MESH_DO_LOAD);
        bool ok = true;
        if (!a)
                return ERR_NOMEM;
        struct span kept = out_keep(&m->out, span_of(ids, n * sizeof(ids[0])), &ok);
        a->load.ids = (const struct hash *)(const void *)kept.p;
        a->load.n = n;
        a->token = l->load_token = mesh_token(m);
        l->push[LINK_RECORDS].loading = true;
        return ok ? 0 : ERR_NOMEM;
}

bool sync_owes(const struct link *l) {
        bool owes = false;
        for (size_t i = 0; i < LINK_SETS; i++)
                owes |= l->push[i].at < l->push[i].n && !l->push[i].loading;
        return owes && room(l);
}

int sync_pump(struct link *l) {
        if (!sync_owes(l))
                return 0;
        int r = pump_ops(l);
        if (!r)
                r = pump_contacts(l);
        return r ? r : pump_records(l);
}

int sync_loaded(struct mesh *m, const struct mesh_event *ev) {
        LINK_EACH(l, m) {
                if (!l->push[LINK_RECORDS].loading || l->load_token != ev->token)
                        continue;
                l->push[LINK_RECORDS].loading = false;
                link_touch(l);
                for (size_t i = 0; i < ev->loaded.n; i++) {
                        struct rec *rec = records_find(m, &ev->loaded.items[i].id);
                        /* PROTOCOL 9.27: "A node that finds the bytes it stored of a record damaged MUST NOT send them." */
                        if (rec && ev->loaded.items[i].damaged)
                                records_damaged(m, rec);
                        if (!ev->loaded.items[i].bytes.n || !rec)
                                continue;
                        int r = push_element(l, message_of(rec), ev->loaded.items[i].bytes);
                        if (r)
                                return r;
                }
        }
        return 0;
}

/* ---- time ---- */
mesh_time sync_due(const struct link *l) {
        return l->recon_set && l->recon_opened ? l->recon_due : MESH_NEVER;
}

mesh_time sync_deadline(const struct mesh *m) {
        return m->n_links ? m->sync_due : MESH_NEVER;
}

/* PROTOCOL 9.20: "An opener whose session went unanswered MUST open it again if the set was not equal there since the
 * link came up" */
static int session_give_up(struct link *l) {
        link_touch(l);
        session_end(l);
        memcpy(l->compared, l->synced, sizeof(l->compared));
        return session_next(l);
}

static bool comparable(const struct link *l) {
        return l->state == LINK_UP && l->dialled && !l->visit && !l->recon_set;
}

static int sessions_tick(struct mesh *m) {
        if (m->now < link_deadline(m))
                return 0;
        LINK_EACH_DUE(l, m) {
                int r = m->now < sync_due(l) ? 0 : session_give_up(l);
                if (r)
                        return r;
        }
        return 0;
}

/* Once a minute: one neighbour this side dialled is compared with again. */
int sync_tick(struct mesh *m) {
        int r = sessions_tick(m);
        if (r)
                return r;
        if (m->sync_due > m->now)
                return 0;
        m->sync_due = m->now + SYNC_PERIOD * 4 / 5 + rng_below(&m->rng, SYNC_PERIOD * 2 / 5);
        size_t n = 0;
        LINK_EACH(l, m)
        n += comparable(l);
        if (!n)
                return 0;
        size_t pick = rng_below(&m->rng, n);
        LINK_EACH(l, m) {
                if (!comparable(l) || pick-- > 0)
                        continue;
                memset(l->compared, 0, sizeof(l->compared));
                return session_next(l);
        }
        return 0;
}
