/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member's tickets in hand. A home that was off for longer than link keys are kept knows none that others still accept,
 * and every neighbour's ticket has the newest. So `join TICKET` on a home that is a member takes the link key and the
 * addresses out of it and joins nothing: nothing is signed, nobody hears of it, and no use of the ticket is spent.
 *
 * Such a key is of an epoch that is not here, and stands apart until that one comes: behind all other keys it is one more
 * to dial with and to read beacons with. A wrong one costs a redial; it takes no other key's place, and opens nothing to
 * a caller. Whoever wrote the ticket may have come while this home was away: to a device it does not know it opens a
 * session for operations, as a joiner does, and their fold says who that is.
 *
 * The tickets wait on disk, in the row of a joining, which has no operation then.
 */
#include "core/belong.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/out.h"
#include "core/reach.h"
#include "roster/roster.h"
#include "roster/ticket.h"
#include "wire/codec.h"

#define LINE_END '\n' /* between the texts of tickets, which have none inside */

static bool same_key(const struct key *a, const struct key *b) {
        return hash_same(a, b, sizeof(*a));
}

static void refresh_drop(struct mesh *m, size_t i) {
        buf_wipe(&m->refresh[i].text);
        hash_wipe(&m->refresh[i].key, sizeof(m->refresh[i].key));
        m->n_refresh--;
        for (; i < m->n_refresh; i++)
                m->refresh[i] = m->refresh[i + 1];
        hash_wipe(&m->refresh[i], sizeof(m->refresh[i]));
}

void refresh_fini(struct mesh *m) {
        while (m->n_refresh)
                refresh_drop(m, m->n_refresh - 1);
}

static void forget_key(struct mesh *m, const struct key *key) {
        for (size_t i = m->n_refresh; i-- > 0;)
                if (same_key(&m->refresh[i].key, key))
                        refresh_drop(m, i);
}

static int row_store(struct mesh *m, const struct wait *w) {
        _clean_(buf_wipe) struct buf texts = BUF_NULL;
        for (size_t i = 0; i < m->n_refresh; i++) {
                if (i)
                        buf_add_u8(&texts, LINE_END);
                buf_add(&texts, buf_span(&m->refresh[i].text));
        }
        if (!buf_ok(&texts))
                return ERR_NOMEM;
        struct mesh_row row = {.kind = MESH_ROW_JOIN, .join = {.ticket = buf_span(&texts)}};
        return mesh_store(m, &row, w);
}

/* The text without what people put between its letters. */
static int text_plain(struct span text, struct buf *ret) {
        for (size_t i = 0; i < text.n; i++)
                if (!memchr(" \t\r\n-", text.p[i], 5))
                        buf_add_u8(ret, text.p[i]);
        return buf_ok(ret) ? 0 : ERR_NOMEM;
}

/* The latest ticket with a key counts; of too many the oldest gives way. */
static int refresh_put(struct mesh *m, const struct ticket *t, struct span text) {
        struct refresh fresh = {.text = BUF_NULL, .expires = t->w.expires};
        memcpy(fresh.key.b, t->w.link_key.p, sizeof(fresh.key.b));
        int r = text_plain(text, &fresh.text);
        if (r)
                return r;
        forget_key(m, &fresh.key);
        if (m->n_refresh == REFRESH_MOST)
                refresh_drop(m, 0);
        m->refresh[m->n_refresh++] = fresh;
        return 0;
}

int refresh_restore(struct mesh *m, struct span texts) {
        int r = 0;
        while (texts.n && !r) {
                const uint8_t *end = memchr(texts.p, LINE_END, texts.n);
                struct span line = end ? span_of(texts.p, (size_t)(end - texts.p)) : texts;
                struct ticket t;
                if (ticket_parse(&t, line) == 0) {
                        r = refresh_put(m, &t, line);
                        ticket_fini(&t);
                }
                texts = span_from(texts, end ? line.n + 1 : line.n);
        }
        return r;
}

/* ---- the keys ---- */

static bool known_key(const struct mesh *m, const struct key *key) {
        for (size_t i = 0; i < m->n_epochs; i++)
                if (m->epochs[i]->has_key && same_key(&m->epochs[i]->link_key, key))
                        return true;
        return false;
}

/* PROTOCOL 6.52: "A node MUST NOT take it for its newest link key, accept callers under it, or give up any other key
 * for it." */
size_t refresh_keys(const struct mesh *m, size_t n, struct key ret[DIAL_KEYS_MOST]) {
        size_t before = n;
        for (size_t i = m->n_refresh; m->member && i-- > 0;) {
                bool there = false;
                for (size_t k = 0; k < before; k++)
                        there = there || same_key(&ret[k], &m->refresh[i].key);
                if (!there)
                        ret[n++] = m->refresh[i].key;
        }
        return n;
}

bool refresh_has(const struct mesh *m, const struct key *key) {
        for (size_t i = 0; i < m->n_refresh; i++)
                if (m->member && same_key(&m->refresh[i].key, key))
                        return true;
        return false;
}

/* Where @key stands among those that are dialled with. */
static size_t place_of(struct mesh *m, const struct key *key) {
        struct key keys[DIAL_KEYS_MOST];
        size_t n = link_dial_keys(m, keys), i = 0;
        while (i < n && !same_key(&keys[i], key))
                i++;
        hash_wipe(keys, sizeof(keys));
        return i < n ? i : 0;
}

/* ---- beginning ---- */

static enum mesh_outcome writer_fits(const struct mesh *m, const struct ticket *t) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct wire_invite inv;
        struct key writer;
        memcpy(writer.b, t->w.device.p, sizeof(writer.b));
        const struct roster_device *d = roster_device_find(m->roster, &writer);
        if (d && (d->gone_at || !d->home->member))
                return MESH_OUT_TICKET_REVOKED;
        ticket_invite(t, &raw);
        if (codec_decode(&wire_invite_desc, buf_span(&raw), &inv, NULL))
                return MESH_OUT_TICKET_BAD;
        return revoke_holds(m, &inv) ? MESH_OUT_TICKET_REVOKED : MESH_OUT_DONE;
}

/* PROTOCOL 6.51: "It MUST refuse a ticket of another mesh, one that breaks rules 6.1 to 6.4, one that has ended by its
 * time (rule 12.4), one that it knows to be taken back (rule 6.14), and one whose device is known here and no longer
 * current." */
static enum mesh_outcome ticket_fits(const struct mesh *m, const struct ticket *t) {
        if (!hash_eq(&t->mesh, roster_mesh(m->roster)))
                return MESH_OUT_IN_MESH;
        if (clock_usable(m) && t->w.expires < clock_now(m))
                return MESH_OUT_TICKET_EXPIRED;
        return writer_fits(m, t);
}

static int take(struct mesh *m, const struct ticket *t, const struct mesh_event *ev) {
        struct wait *w = mesh_wait(m, WAIT_REFRESH, ev->token);
        if (!w)
                return ERR_NOMEM;
        memcpy(w->id.b, t->w.link_key.p, sizeof(w->id.b));
        w->news = !known_key(m, &w->id);
        buf_add(&w->op, ev->refresh.ticket);
        int r = buf_ok(&w->op) ? refresh_put(m, t, ev->refresh.ticket) : ERR_NOMEM;
        return r ? r : row_store(m, w);
}

/* PROTOCOL 6.50: "It MUST NOT sign or send anything on account of that" */
int refresh_start(struct mesh *m, const struct mesh_event *ev) {
        struct ticket t;
        enum mesh_outcome o = mesh_standing(m);
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, ev->token, o);
                return 0;
        }
        int r = ticket_parse(&t, ev->refresh.ticket);
        if (r < 0)
                return r;
        if (r) {
                mesh_reply(m, ev->token, MESH_OUT_TICKET_BAD);
                return 0;
        }
        o = ticket_fits(m, &t);
        if (o == MESH_OUT_DONE)
                r = take(m, &t, ev);
        else
                mesh_reply(m, ev->token, o);
        ticket_fini(&t);
        return r;
}

/* A home that is alone need not wait until a place among those it dials is free. */
static int knock(struct mesh *m, struct address *a, const struct key *key) {
        psk_heard(m, a, key, place_of(m, key));
        a->failures = 0;
        bool now = !links_up(m) && !a->link && !dial_reaches(m, &a->device) && dial_may(m);
        return now ? dial_start(m, a) : 0;
}

static int take_addresses(struct mesh *m, struct wire_list list, const struct key *key) {
        struct wire_addr w;
        while (wire_list_next(&wire_addr_desc, &list, &w)) {
                struct mesh_addr addr;
                struct address *a = addr_from_wire(&w, &addr) ? address_named(m, &addr) : NULL;
                if (!a)
                        continue;
                int r = knock(m, a, key);
                if (!r)
                        r = address_store(m, a);
                if (r)
                        return r;
        }
        return 0;
}

static int told(struct mesh *m, const struct wait *w) {
        struct mesh_action *a = out_add(&m->out, MESH_DO_REPLY);
        if (!a)
                return ERR_NOMEM;
        a->token = w->command;
        a->reply.outcome = MESH_OUT_DONE;
        a->reply.news = w->news;
        return 0;
}

/* PROTOCOL 6.53: "It MUST be on disk before the owner is told that it was taken" */
int refresh_stored(struct mesh *m, struct wait *w) {
        struct ticket t;
        int r = w->failed ? TICKET_E_VALUE : ticket_parse(&t, buf_span(&w->op));
        buf_wipe(&w->op);
        if (r) {
                forget_key(m, &w->id);
                mesh_reply(m, w->command, MESH_OUT_STORE_FAILED);
                return 0;
        }
        m->refresh_problem = MESH_OUT_NO_ANSWER_YET;
        r = take_addresses(m, t.w.addrs, &w->id);
        ticket_fini(&t);
        return r ? r : told(m, w);
}

/* ---- the end ---- */

static bool over(const struct mesh *m, const struct refresh *f) {
        mesh_wall kept =
                f->expires + (mesh_wall)SECRETS_DAYS * MESH_DAY; /* nobody accepts longer what was replaced then */
        return known_key(m, &f->key) || (clock_usable(m) && clock_now(m) > kept);
}

static int drop_over(struct mesh *m) {
        size_t before = m->n_refresh;
        for (size_t i = m->n_refresh; i-- > 0;)
                if (over(m, &m->refresh[i]))
                        refresh_drop(m, i);
        return m->n_refresh == before ? 0 : row_store(m, NULL);
}

/* With somebody who has compared everything, the epoch is here, or they have not heard of it either. */
int refresh_tick(struct mesh *m) {
        bool compared = false;
        if (!m->n_refresh)
                return 0;
        LINK_EACH(l, m)
        compared = compared || (l->state == LINK_UP && l->caught_up);
        return compared ? drop_over(m) : 0;
}

/* ---- what has come of it ---- */

/* PROTOCOL 6.55: "its owner SHOULD be told that this home may have been removed" */
static void shook_hands(struct mesh *m) {
        if (m->refresh_problem == MESH_OUT_NOT_KNOWN)
                return;
        m->refresh_problem = MESH_OUT_NOT_KNOWN;
        out_add(&m->out, MESH_DO_STATE);
}

void refresh_refused(struct link *l, enum wire_e_reason why) {
        struct mesh *m = l->m;
        if (!m->n_refresh)
                return;
        if (l->state == LINK_GREETING && !l->hello_got)
                shook_hands(m);
        else if (l->ticket && why == REASON_BAD_HANDSHAKE && m->refresh_problem == MESH_OUT_NO_ANSWER_YET)
                m->refresh_problem = MESH_OUT_STRANGER;
}

enum mesh_outcome mesh_refreshed(const struct mesh *m) {
        return links_up(m) ? MESH_OUT_DONE : m->refresh_problem;
}
