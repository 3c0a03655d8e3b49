/* SPDX-License-Identifier: Apache-2.0 */
/* Events in, actions out: the one place where they are told apart. */
#include "core/belong.h"
#include "core/core.h"
#include "core/doubt.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/out.h"
#include "core/reach.h"
#include "core/record.h"
#include "core/spread.h"
#include "roster/roster.h"

#include <stdarg.h>
#include <stdlib.h>

#define EXPIRE_PERIOD 60 /* seconds between looks at which records are over */

static void wait_free(struct wait *w) {
        list_drop(&w->list);
        buf_fini(&w->op);
        free(w);
}

int mesh_new(struct mesh **ret, const struct mesh_config *cfg) {
        struct mesh *m = calloc(1, sizeof(*m));
        if (!m)
                return ERR_NOMEM;
        rng_init(&m->rng, cfg->seed);
        rng_bytes(&m->rng, m->map_seed, sizeof(m->map_seed));
        m->unkept = SIZE_MAX;
        m->epochs_due = MESH_NEVER;
        m->carry_due = m->meet_due = m->recover_due = m->undo_due = m->names_due = MESH_NEVER;
        m->epochs_all = true;
        sign_key_from_seed(&m->sign, cfg->sign_seed);
        box_key_from_secret(&m->noise, &cfg->noise_secret);
        box_key_from_secret(&m->seal, &cfg->seal_secret);
        m->built = cfg->built;
        m->shared = cfg->shared;
        m->state = FRESH_NO_MESH;
        out_init(&m->out);
        list_init(&m->waits);
        list_init(&m->verify_out);
        list_init(&m->grafts);
        list_init(&m->copies);
        relay_init(m);
        map_init(&m->contacts, m->map_seed);
        m->draw.bar = UINT64_MAX;
        map_init(&m->purses, m->map_seed);
        map_init(&m->epochs_by, m->map_seed);
        int r = records_init(m);
        m->addresses = calloc(ADDRESSES_MOST, sizeof(*m->addresses));
        if (r || !m->addresses) {
                mesh_free(m);
                return ERR_NOMEM;
        }
        *ret = m;
        return 0;
}

struct mesh *mesh_free(struct mesh *m) {
        if (!m)
                return NULL;
        links_free(m);
        relay_fini(m);
        LIST_EACH (w, &m->waits, struct wait, list)
                wait_free(w);
        out_fini(&m->out);
        records_fini(m);
        proofs_fini(m);
        spread_fini(m);
        copies_fini(m);
        epochs_fini(m);
        tickets_fini(m);
        codes_fini(m);
        revokes_fini(m);
        contacts_fini(m);
        budgets_fini(m);
        meets_fini(&m->meets);
        orphans_fini(m);
        plea_fini(m);
        refresh_fini(m);
        buf_fini(&m->names);
        buf_fini(&m->join_names);
        buf_fini(&m->late);
        free(m->refused);
        free(m->addresses);
        roster_free(m->roster);
        buf_wipe(&m->join_op);
        buf_wipe(&m->recover.op);
        buf_wipe(&m->join_text);
        hash_wipe(&m->join_key, sizeof(m->join_key));
        rng_fini(&m->rng);
        hash_wipe(m, sizeof(*m));
        free(m);
        return NULL;
}

int mesh_roster_new(struct mesh *m) {
        return roster_new_in(&m->roster, m->map_seed, m->shared ? m->shared->rosters : NULL);
}

uint64_t mesh_token(struct mesh *m) {
        return ++m->next_token;
}

void mesh_reply(struct mesh *m, uint64_t command, enum mesh_outcome o) {
        if (!command)
                return;
        struct mesh_action *a = out_add(&m->out, MESH_DO_REPLY);
        if (!a)
                return;
        a->token = command;
        a->reply.outcome = o;
}

struct wait *mesh_wait(struct mesh *m, enum wait_kind kind, uint64_t command) {
        struct wait *w = calloc(1, sizeof(*w));
        if (!w)
                return NULL;
        w->token = mesh_token(m);
        w->kind = kind;
        w->command = command;
        w->left = 1;
        list_push(&m->waits, &w->list);
        return w;
}

int mesh_store(struct mesh *m, const struct mesh_row *row, const struct wait *w) {
        return out_row(&m->out, w ? w->token : 0, row);
}

void mesh_trace(struct mesh *m, const char *fmt, ...) {
        _clean_(buf_fini) struct buf b = BUF_NULL;
        va_list ap;
        va_start(ap, fmt);
        buf_vprintf(&b, fmt, ap);
        va_end(ap);
        struct mesh_action *a = buf_ok(&b) ? out_add(&m->out, MESH_DO_TRACE) : NULL;
        bool ok = true;
        if (a)
                a->trace = out_keep(&m->out, buf_span(&b), &ok);
}

bool mesh_waits(const struct mesh *m) {
        return m->fallen == MESH_OUT_WAITS_PLACE || m->fallen == MESH_OUT_WAITS_FULL ||
               m->fallen == MESH_OUT_WAITS_INVITER;
}

/* What people would call the state of their replica. */
static enum wire_e_fresh state_now(const struct mesh *m) {
        if (m->recover.on)
                return FRESH_RESTORING;
        if (m->joining)
                return FRESH_JOINING;
        if (!m->roster)
                return FRESH_NO_MESH;
        if (!m->member)
                return mesh_waits(m) ? FRESH_WAITING : FRESH_REMOVED;
        if (roster_members(m->roster) == 1)
                return FRESH_CURRENT;
        bool up = false;
        LINK_EACH(l, m) {
                if (l->state != LINK_UP)
                        continue;
                if (l->caught_up)
                        return proof_muted_until(m) ? FRESH_MUTED : FRESH_CURRENT;
                up = true;
        }
        return up ? FRESH_CATCHING_UP : FRESH_ALONE;
}

void mesh_state_changed(struct mesh *m) {
        enum wire_e_fresh s = state_now(m);
        if (s == m->state)
                return;
        m->state = s;
        m->state_since = clock_now(m);
        if (s == FRESH_ALONE) {
                m->alone_since = m->state_since;
                lan_soon(m);
        }
        out_add(&m->out, MESH_DO_STATE);
}

enum mesh_outcome mesh_standing(const struct mesh *m) {
        if (m->recover.on)
                return MESH_OUT_RESTORING;
        if (m->joining)
                return MESH_OUT_JOINING;
        if (!m->roster)
                return MESH_OUT_NO_MESH;
        if (m->member)
                return MESH_OUT_DONE;
        const struct roster_home *me = roster_home_find(m->roster, &m->household);
        if (mesh_waits(m))
                return m->fallen;
        if (me && me->member)
                return m->fallen ? m->fallen : MESH_OUT_REVOKED;
        return me && me->left ? MESH_OUT_LEFT : MESH_OUT_REMOVED;
}

/* PROTOCOL 5.75: why this home, which was let in, is no member. */
static enum mesh_outcome waits_why(const struct roster_home *home) {
        switch (home->waits) {
        case ROSTER_WAITS_NOT:
                break;
        case ROSTER_WAITS_PLACE:
        case ROSTER_WAITS_DAY:
                return MESH_OUT_WAITS_PLACE;
        case ROSTER_WAITS_FULL:
                return MESH_OUT_WAITS_FULL;
        case ROSTER_WAITS_INVITER:
                return MESH_OUT_WAITS_INVITER;
        }
        return MESH_OUT_DONE;
}

/* Why this device, which was let in, is none of a member's. *ret_home: its household. */
static enum mesh_outcome fallen_why(const struct mesh *m, const struct roster_home **ret_home) {
        bool spare = false;
        const struct roster_device *fallen = roster_device_fallen(m->roster, &m->sign.pub, &spare);
        const struct roster_home *waiting = roster_waiting_device(m->roster, &m->sign.pub);
        *ret_home = fallen ? fallen->home : waiting;
        if (fallen)
                return spare ? MESH_OUT_DEVICES_FULL : MESH_OUT_CODE_TWICE;
        return waiting ? waits_why(waiting) : MESH_OUT_DONE;
}

void mesh_membership(struct mesh *m) {
        const struct roster_device *d = m->roster ? roster_device_find(m->roster, &m->sign.pub) : NULL;
        m->member = d && !d->gone_at && d->home->member;
        m->removed = d && !m->member;
        if (m->roster)
                epochs_look(m);
        m->ends_stale = true;
        dial_soon(m);
        const struct roster_home *home = d ? d->home : NULL;
        m->fallen = m->roster && !d ? fallen_why(m, &home) : MESH_OUT_DONE;
        if (home)
                m->household = home->key;
        if (m->joining && mesh_waits(m)) /* until there is a place, that is why it takes so long */
                m->join_problem = m->fallen;
        mesh_state_changed(m);
}

static int restore(struct mesh *m, const struct mesh_row *row) {
        int r = row->kind > MESH_ROW_OP ? keep_restored(m) : 0;
        if (r)
                return r;
        switch (row->kind) {
        case MESH_ROW_MARK:
                clock_restore(m, row->mark.wall);
                return 0;
        case MESH_ROW_JOIN:
                if (recover_is_way(row->join.ticket))
                        return recover_restore(m, row->join.op, row->join.ticket);
                return row->join.op.n ? join_restore(m, row->join.op, row->join.ticket)
                                      : refresh_restore(m, row->join.ticket);
        case MESH_ROW_OP:
                return keep_restore(m, row->op.bytes);
        case MESH_ROW_EPOCH:
                return epoch_restore(m, row);
        case MESH_ROW_REVOKE:
                return revoke_restore(m, row->revoke.bytes);
        case MESH_ROW_TICKET:
                return invite_restore(m, row);
        case MESH_ROW_CONTACT:
                return contact_restore(m, row->contact.bytes);
        case MESH_ROW_ADDR: {
                struct address *a = address_add(m, &row->addr.addr);
                if (a) {
                        a->device = row->addr.device;
                        a->manual = row->addr.manual;
                        a->stored = true;
                }
                return 0;
        }
        case MESH_ROW_PROOF:
                return proof_restore(m, row);
        case MESH_ROW_RECORD:
                return records_restore(m, row);
        case MESH_ROW_CODE:
                return codes_restore(m, row);
        case MESH_ROW_SLOTS:
                author_restore(m, row);
                return 0;
        case MESH_ROW_CLIP:
                footage_restore(m, row);
                return 0;
        case MESH_ROW_KINDS:
                break;
        }
        return 0;
}

static int start(struct mesh *m) {
        int r = keep_restored(m);
        if (!r)
                r = records_start(m);
        if (r)
                return r;
        clock_start(m);
        m->started = true;
        m->expire_due = m->wall + EXPIRE_PERIOD; /* RESTORE has taken nothing that is over */
        m->alone_since = m->lone_since = clock_now(m);
        mesh_membership(m);
        sealed_try(m, NULL);
        r = recover_check(m);
        if (r)
                return r;
        return join_check_done(m); /* admitted just before the last end, and the row still says that it is joining */
}

static int stored(struct mesh *m, uint64_t token, bool ok) {
        struct wait *found = NULL;
        LIST_EACH (w, &m->waits, struct wait, list) {
                if (w->token == token) {
                        found = w;
                        break;
                }
        }
        if (!found)
                return 0;
        if (!ok)
                found->failed = true;
        if (--found->left)
                return 0;
        int r = 0;
        switch (found->kind) {
        case WAIT_NONE:
                break;
        case WAIT_OP:
                r = ops_stored(m, found);
                break;
        case WAIT_KEEP:
                r = keep_stored(m, found);
                break;
        case WAIT_EPOCH:
                r = epoch_stored(m, found);
                break;
        case WAIT_RECORD:
                r = accept_stored(m, found);
                break;
        case WAIT_SEALED:
                sealed_stored(m, found);
                break;
        case WAIT_PROOF:
        case WAIT_VOID:
                proof_stored(m, found);
                break;
        case WAIT_FOUND:
                r = found_stored(m, found);
                break;
        case WAIT_JOIN:
                r = join_stored(m, found);
                break;
        case WAIT_INVITE:
        case WAIT_REVOKE:
                r = invite_stored(m, found);
                break;
        case WAIT_CODE:
        case WAIT_CODE_REVOKE:
                r = codes_stored(m, found);
                break;
        case WAIT_ADMIT:
                r = admit_stored(m, found);
                break;
        case WAIT_RECOVER:
                r = recover_stored(m, found);
                break;
        case WAIT_WITNESS:
                r = undo_stored(m, found);
                break;
        case WAIT_ROOM:
                refused_tried(m, found);
                break;
        case WAIT_REFRESH:
                r = refresh_stored(m, found);
                break;
        case WAIT_CLIP:
                r = footage_stored(m, found);
                break;
        }
        wait_free(found);
        return r;
}

static int dial_command(struct mesh *m, const struct mesh_event *ev) {
        struct address *a = address_named(m, &ev->dial.addr);
        if (!a) {
                mesh_reply(m, ev->token, MESH_OUT_TOO_MANY);
                return 0;
        }
        mesh_reply(m, ev->token, MESH_OUT_DONE);
        return address_store(m, a);
}

static bool has_moved(const struct mesh *m, const struct mesh_event *ev, size_t n) {
        bool same = n == m->n_listening;
        for (size_t i = 0; i < n && same; i++)
                same = addr_eq(&m->listening[i], &ev->listening.addrs[i]);
        return !same;
}

static bool as_before(const struct mesh *m, const struct mesh_event *ev) {
        return m->open == ev->listening.outside && m->hidden == ev->listening.hidden &&
               m->stun == ev->listening.udp_port;
}

static int listening(struct mesh *m, const struct mesh_event *ev) {
        size_t n = MIN(ev->listening.n, (size_t)MESH_ADDRS_MAX);
        bool moved = has_moved(m, ev, n), hides = m->hidden != ev->listening.hidden, named;
        int r = host_listening(m, ev->listening.names, &named);
        if (r || (!moved && !named && as_before(m, ev)))
                return r;
        if (n)
                memcpy(m->listening, ev->listening.addrs, n * sizeof(*m->listening));
        m->n_listening = n;
        m->open = ev->listening.outside && !ev->listening.hidden;
        m->hidden = ev->listening.hidden;
        m->stun = ev->listening.udp_port;
        m->contact_dirty |= !contact_says(m);
        m->contact_lost |= contact_astray(m);
        r = hides ? meet_means(m) : 0;
        return r || !moved ? r : doubt_moved(m);
}

static int stop(struct mesh *m) {
        m->stopping = true;
        LINK_EACH(l, m)
        link_hangup(l, REASON_SHUTDOWN);
        return 0;
}

static int timers(struct mesh *m) {
        if (!m->started || m->stopping)
                return 0;
        clock_tick(m);
        join_tick(m);
        int r = link_tick(m);
        if (!r)
                r = ops_tick(m);
        if (!r)
                r = undo_tick(m);
        if (!r)
                r = keep_tick(m);
        if (!r)
                r = refused_tick(m);
        if (!r)
                r = epoch_tick(m);
        if (!r)
                r = sealed_tick(m);
        if (!r)
                r = contact_publish(m);
        if (!r)
                r = lan_tick(m);
        if (!r)
                r = refresh_tick(m);
        if (!r)
                r = dial_tick(m);
        if (!r)
                host_tick(m);
        if (!r)
                r = recover_tick(m);
        if (!r)
                r = spread_tick(m);
        if (!r)
                r = sync_tick(m);
        if (!r)
                r = visit_tick(m);
        if (!r)
                r = carry_tick(m);
        if (!r)
                r = meet_tick(m);
        if (!r)
                relay_tick(m);
        if (!r && m->wall >= m->expire_due) {
                m->expire_due = m->wall + EXPIRE_PERIOD;
                records_expire(m);
                r = proof_tick(m);
                mesh_state_changed(m); /* a mute may be over */
        }
        return r;
}

static int loaded(struct mesh *m, const struct mesh_event *ev) {
        int r = proof_loaded(m, ev);
        if (!r)
                r = sealed_loaded(m, ev);
        return r ? r : sync_loaded(m, ev);
}

/* Of a link within another one the shell knows nothing: it speaks of the search that had this number before. */
static bool is_within(const struct mesh *m, mesh_link link) {
        return relay_room_of(m, link) != NULL;
}

static int went_down(struct mesh *m, mesh_link link) {
        bool goes_on;
        if (is_within(m, link))
                return 0;
        int r = meet_no_way(m, link, &goes_on);
        return r || goes_on ? r : link_down(m, link);
}

static int event(struct mesh *m, const struct mesh_event *ev) {
        switch (ev->type) {
        case MESH_EV_RESTORE:
                return restore(m, ev->restore);
        case MESH_EV_START:
                return start(m);
        case MESH_EV_TICK:
                return 0;
        case MESH_EV_LINK_UP:
                return is_within(m, ev->link) ? 0 : link_up(m, ev);
        case MESH_EV_LINK_DOWN:
                return went_down(m, ev->link);
        case MESH_EV_RECV:
                return link_recv(m, ev->link, ev->recv);
        case MESH_EV_WRITABLE:
                link_writable(m, ev->link, ev->writable.backlog);
                return 0;
        case MESH_EV_STORED:
                return stored(m, ev->token, ev->stored.ok);
        case MESH_EV_LOADED:
                return loaded(m, ev);
        case MESH_EV_VERIFIED:
                return accept_verified(m, ev->token, ev->verified.good, ev->verified.n);
        case MESH_EV_LISTENING:
                return listening(m, ev);
        case MESH_EV_LAN:
                return lan_changed(m, ev);
        case MESH_EV_HEARD:
                return lan_heard(m, ev);
        case MESH_EV_FOUND:
                return found_start(m, ev);
        case MESH_EV_JOIN:
                return join_start(m, ev);
        case MESH_EV_FORGET:
                return join_forget(m);
        case MESH_EV_RECOVER:
                return recover_start(m, ev);
        case MESH_EV_REPLACE:
                return recover_replace(m, ev);
        case MESH_EV_OP:
                return ops_command(m, ev);
        case MESH_EV_PUBLISH:
                return author_publish(m, ev);
        case MESH_EV_INVITE:
                return invite_make(m, ev);
        case MESH_EV_REVOKE:
                return codes_has(m, &ev->revoke.id) ? codes_revoke(m, ev) : invite_revoke(m, ev);
        case MESH_EV_DIAL:
                return dial_command(m, ev);
        case MESH_EV_REFRESH:
                return refresh_start(m, ev);
        case MESH_EV_CODE:
                return codes_add(m, ev);
        case MESH_EV_CLIP:
                return footage_sign(m, ev);
        case MESH_EV_HAUL:
                return carry_start(m, ev);
        case MESH_EV_HAUL_SAY:
                return carry_say(m, ev);
        case MESH_EV_HELPER:
                return meet_helper(m, ev->helper.there);
        case MESH_EV_MET:
                return meet_told(m, ev);
        case MESH_EV_HAUL_END:
                carry_finish(m, ev->link);
                return 0;
        case MESH_EV_RELAY:
                relay_allow(m, ev->relay.quota);
                m->contact_dirty |= !contact_says(m);
                return 0;
        case MESH_EV_LOOKED_UP:
                host_found(m, ev);
                return 0;
        case MESH_EV_STOP:
                return stop(m);
        }
        return 0;
}

static bool timed(enum mesh_event_type t) { /* events after which something may be due at once */
        return t != MESH_EV_RECV && t != MESH_EV_HEARD && t != MESH_EV_RESTORE && t != MESH_EV_STORED &&
               t != MESH_EV_LOADED && t != MESH_EV_VERIFIED;
}

static int step(struct mesh *m, const struct mesh_event *ev) {
        if (!CHECK_FAILS(ev->now >= m->now))
                m->now = ev->now;
        m->wall = ev->wall;
        m->steps++;
        clock_step(m);
        links_begin(m);
        int r = event(m, ev);
        if (ev->type == MESH_EV_RESTORE) /* nothing is due before START, and nobody is linked */
                return r;
        m->look |= timed(ev->type);
        if (!r && !ev->more && (m->look || m->now >= mesh_deadline(m))) {
                m->look = false;
                r = timers(m);
        }
        if (!r)
                r = accept_flush(m);
        if (r || ev->more)
                return r;
        records_ends(m);
        return links_work(m);
}

int mesh_step(struct mesh *m, const struct mesh_event *ev) {
        int r = step(m, ev);
        return r || !m->out.starved ? r : ERR_NOMEM;
}

bool mesh_next(struct mesh *m, struct mesh_action *ret) {
        return out_next(&m->out, ret) || links_next(m, ret);
}

mesh_time mesh_deadline(const struct mesh *m) {
        if (!m->started || m->stopping)
                return MESH_NEVER;
        mesh_time at = link_deadline(m);
        at = MIN(at, dial_deadline(m));
        at = MIN(at, m->names_due);
        at = MIN(at, lan_deadline(m));
        at = MIN(at, sync_deadline(m));
        at = MIN(at, visit_deadline(m));
        at = MIN(at, carry_deadline(m));
        at = MIN(at, meet_deadline(m));
        at = MIN(at, relay_deadline(m));
        at = MIN(at, spread_deadline(m));
        at = MIN(at, contact_deadline(m));
        at = MIN(at, epoch_deadline(m));
        at = MIN(at, recover_deadline(m));
        at = MIN(at, undo_deadline(m));
        at = MIN(at, keep_deadline(m));
        at = MIN(at, refused_deadline(m));
        at = MIN(at, sealed_deadline(m));
        if (m->n_unsaved)
                at = MIN(at, m->unsaved_due);
        if (m->joining && m->join_command)
                at = MIN(at, m->join_due);
        mesh_wall left = m->expire_due > m->wall ? m->expire_due - m->wall : 0;
        return MIN(at, m->now + MIN(left, (mesh_wall)EXPIRE_PERIOD) * 1000);
}
