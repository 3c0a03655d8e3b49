/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Founding a mesh, and joining one. Both begin with an operation the vault has signed; what this file adds is durable before
 * it counts. Joining goes on in the background, over restarts, until a member admits the home or refuses it by name.
 */
#include "core/belong.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/reach.h"
#include "roster/code.h"
#include "roster/roster.h"
#include "roster/ticket.h"
#include "wire/codec.h"

#include <stdlib.h>

static int founded(struct mesh *m, struct wait *w, struct span op) {
        struct hash id;
        int r = roster_take(&m->roster, op, false, &id);
        if (r < 0)
                return r;
        const struct roster_op *genesis = r ? NULL : roster_op_find(m->roster, &id);
        if (!genesis || genesis->type != OP_GENESIS || !roster_device_find(m->roster, &m->sign.pub))
                return 1;
        struct epoch *e = NULL;
        r = epoch_found(m, &e);
        if (r)
                return r;
        w->left = 2;
        r = ops_store(m, op, &id, w);
        return r ? r : epoch_store(m, e, w);
}

int found_start(struct mesh *m, const struct mesh_event *ev) {
        if (m->roster || m->joining || m->recover.on) {
                mesh_reply(m, ev->token, m->joining ? MESH_OUT_JOINING : MESH_OUT_IN_MESH);
                return 0;
        }
        if (!clock_usable(m)) {
                mesh_reply(m, ev->token, MESH_OUT_NO_CLOCK);
                return 0;
        }
        struct wait *w = mesh_wait(m, WAIT_FOUND, ev->token);
        int r = w ? mesh_roster_new(m) : ERR_NOMEM;
        if (!r)
                r = founded(m, w, ev->found.op);
        if (r <= 0)
                return r;
        list_drop(&w->list);
        free(w);
        epochs_fini(m);
        m->roster = roster_free(m->roster);
        mesh_reply(m, ev->token, MESH_OUT_BAD_OP);
        return 0;
}

int found_stored(struct mesh *m, struct wait *w) {
        if (w->failed) {
                epochs_fini(m);
                m->roster = roster_free(m->roster);
                mesh_reply(m, w->command, MESH_OUT_STORE_FAILED);
                return 0;
        }
        m->contact_dirty = true;
        mesh_membership(m);
        mesh_reply(m, w->command, MESH_OUT_DONE);
        return 0;
}

/* ---- joining ---- */
static void join_end(struct mesh *m) {
        m->joining = false;
        m->join_command = 0;
        buf_wipe(&m->join_op);
        buf_wipe(&m->join_text);
        buf_fini(&m->join_names);
        m->n_join_names = 0;
        hash_wipe(&m->join_key, sizeof(m->join_key));
}

static void join_addresses(struct mesh *m, struct wire_list list) {
        struct wire_addr w;
        while (wire_list_next(&wire_addr_desc, &list, &w)) {
                struct mesh_addr addr;
                struct address *a = addr_from_wire(&w, &addr) ? address_add(m, &addr) : NULL;
                if (!a) {
                        host_ticket(m, &w);
                        continue;
                }
                a->ticket = true;
                a->next = m->now;
                dial_soon(m);
        }
}

/* What a ticket, or a device code, says of the way in. */
static int join_read(struct mesh *m, struct span text) {
        struct ticket t = {0};
        struct code c;
        int r = ticket_parse(&t, text);
        if (r == 0) {
                m->join_mesh = t.mesh;
                memcpy(m->join_key.b, t.w.link_key.p, sizeof(m->join_key));
                join_addresses(m, t.w.addrs);
                ticket_fini(&t);
                return 0;
        }
        r = code_parse(&c, text);
        if (r)
                return r;
        m->join_mesh = c.mesh;
        memcpy(m->join_key.b, c.w.link_key.p, sizeof(m->join_key));
        join_addresses(m, c.w.addrs);
        code_fini(&c);
        return 0;
}

/* @op NULL: of a device code, made of @name and @seal. */
static int join_load(struct mesh *m, const struct span *op, struct span text, struct span name, struct span seal) {
        int r = 0;
        if (op)
                buf_add(&m->join_op, *op);
        else
                r = enrol_make(m, text, name, seal, &m->join_op);
        if (!r)
                r = join_read(m, text);
        if (r)
                return r;
        buf_add(&m->join_text, text);
        if (!buf_ok(&m->join_op) || !buf_ok(&m->join_text))
                return ERR_NOMEM;
        m->joining = true;
        m->join_problem = MESH_OUT_UNREACHABLE;
        return 0;
}

static bool ticket_of_mesh(struct span text, const struct hash *mesh) {
        struct ticket t = {0};
        bool same = ticket_parse(&t, text) == 0 && hash_eq(&t.mesh, mesh);
        ticket_fini(&t);
        return same;
}

/* PROTOCOL 6.56: "Given another ticket of the same mesh it MUST go on with the household key and the device it has" */
/* Somebody may have let it in, and it has not heard of it: then another household on this device could never sign. */
static bool takes_another(const struct mesh *m, const struct mesh_event *ev) {
        struct wire_op pending, wanted;
        return m->joining && !m->member && !ev->join.name.n &&
               codec_decode(&wire_op_desc, buf_span(&m->join_op), &pending, NULL) == 0 && pending.type == OP_ADD &&
               codec_decode(&wire_op_desc, ev->join.op, &wanted, NULL) == 0 &&
               span_eq(pending.household, wanted.household) && ticket_of_mesh(ev->join.ticket, &m->join_mesh);
}

/* Links that have been asked with the old add would answer for the new one: they begin anew. */
static void join_drop(struct mesh *m) {
        if (m->join_command)
                mesh_reply(m, m->join_command, m->join_problem);
        LINK_EACH(l, m) {
                if (l->state != LINK_CLOSING)
                        link_hangup(l, REASON_SHUTDOWN);
        }
        join_end(m);
}

/* Why there is nothing to join now; DONE: there is. */
static enum mesh_outcome join_standing(const struct mesh *m, bool again) {
        if (again) /* who waits for a place is in the roster, and comes on no ticket any more */
                return mesh_waits(m) ? m->fallen : MESH_OUT_DONE;
        if (m->joining)
                return MESH_OUT_JOINING;
        return m->roster || m->recover.on ? MESH_OUT_IN_MESH : MESH_OUT_DONE;
}

int join_start(struct mesh *m, const struct mesh_event *ev) {
        bool device = ev->join.name.n > 0, again = takes_another(m, ev);
        enum mesh_outcome o = join_standing(m, again);
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, ev->token, o);
                return 0;
        }
        if (again)
                join_drop(m);
        int r = join_load(m, device ? NULL : &ev->join.op, ev->join.ticket, ev->join.name, ev->join.seal);
        if (r < 0)
                return r;
        if (r) {
                join_end(m);
                mesh_reply(m, ev->token, device ? MESH_OUT_CODE_BAD : MESH_OUT_TICKET_BAD);
                return 0;
        }
        m->join_command = ev->token;
        m->join_due = m->now + JOIN_PATIENCE;
        struct wait *w = mesh_wait(m, WAIT_JOIN, ev->token);
        struct mesh_row row = {.kind = MESH_ROW_JOIN, .join = {.op = buf_span(&m->join_op), .ticket = ev->join.ticket}};
        if (!w)
                return ERR_NOMEM;
        w->again = again;
        return mesh_store(m, &row, w);
}

int join_stored(struct mesh *m, struct wait *w) {
        if (!w->failed) {
                mesh_state_changed(m);
                return 0;
        }
        mesh_reply(m, m->join_command, MESH_OUT_STORE_FAILED);
        m->join_command = 0;
        if (!w->again) /* else the disk has the ticket before, of the same household: whichever opens a door will do */
                join_end(m);
        return 0;
}

int join_restore(struct mesh *m, struct span op, struct span ticket) {
        int r = op.n ? join_load(m, &op, ticket, SPAN_NONE, SPAN_NONE) : 0;
        return r < 0 ? r : 0;
}

static int join_forget_row(struct mesh *m) {
        struct mesh_row row = {.kind = MESH_ROW_JOIN};
        return mesh_store(m, &row, NULL);
}

static enum mesh_outcome outcome_of(enum wire_e_reason why) {
        switch (why) {
        case REASON_TICKET_USED:
                return MESH_OUT_TICKET_USED;
        case REASON_TICKET_EXPIRED:
                return MESH_OUT_TICKET_EXPIRED;
        case REASON_TICKET_REVOKED:
                return MESH_OUT_TICKET_REVOKED;
        case REASON_TICKET_BAD:
                return MESH_OUT_TICKET_BAD;
        case REASON_NAME_REFUSED:
                return MESH_OUT_NAME_REFUSED;
        case REASON_MESH_FULL:
                return MESH_OUT_MESH_FULL;
        case REASON_BUDGET:
                return MESH_OUT_BUDGET;
        case REASON_DEVICES_FULL:
                return MESH_OUT_DEVICES_FULL;
        case REASON_SHUTDOWN:
        case REASON_DUPLICATE:
        case REASON_FULL:
        case REASON_NOT_MEMBER:
        case REASON_REMOVED:
        case REASON_BAD_HANDSHAKE:
        case REASON_BAD_FRAME:
        case REASON_BAD_SIGNATURE:
        case REASON_SILENT:
        case REASON_OVERLOAD:
        case REASON_NOT_ISSUED_HERE:
        case REASON_SELF:
        case REASON_REKEYED:
        case REASON_VISITED:
        case REASON_IDLE:
        case REASON_ELSEWHERE:
                break;
        }
        return MESH_OUT_DONE; /* not final: another member may see it otherwise */
}

/* The same of a device code, in its own words. */
static enum mesh_outcome of_code(enum mesh_outcome o) {
        if (o == MESH_OUT_TICKET_USED)
                return MESH_OUT_CODE_USED;
        if (o == MESH_OUT_TICKET_EXPIRED)
                return MESH_OUT_CODE_EXPIRED;
        if (o == MESH_OUT_TICKET_REVOKED)
                return MESH_OUT_CODE_REVOKED;
        return o == MESH_OUT_TICKET_BAD ? MESH_OUT_CODE_BAD : o;
}

static bool joins_as_device(const struct mesh *m) {
        struct wire_op w;
        return codec_decode(&wire_op_desc, buf_span(&m->join_op), &w, NULL) == 0 && w.type == OP_DEVICE_ADD;
}

void join_refused(struct mesh *m, enum wire_e_reason why) {
        enum mesh_outcome o = outcome_of(why);
        if (m->joining && joins_as_device(m))
                o = of_code(o);
        if (!m->joining || o == MESH_OUT_DONE)
                return;
        m->join_problem = o;
        if (m->roster) /* another member may see it otherwise: it goes on, and says why it has not worked so far */
                return;
        mesh_reply(m, m->join_command, o);
        join_end(m);
        join_forget_row(m);
        mesh_state_changed(m);
}

/* Admitted: this device is a member's in a roster that begins with the ticket's mesh, and a group key is here. */
int join_check_done(struct mesh *m) {
        if (!m->joining || !m->member || !epoch_usable(m))
                return 0;
        uint64_t command = m->join_command;
        join_end(m);
        int r = join_forget_row(m);
        m->contact_dirty = true;
        mesh_membership(m);
        mesh_reply(m, command, MESH_OUT_DONE);
        for (size_t i = 0; i < m->n_addresses && !r; i++)
                if ((m->addresses[i].ticket || m->addresses[i].lan) && m->addresses[i].link &&
                    !m->addresses[i].addr.scope)
                        r = address_store(m, &m->addresses[i]);
        return r;
}

void join_tick(struct mesh *m) {
        if (!m->joining || !m->join_command || m->now < m->join_due)
                return;
        mesh_reply(m, m->join_command, m->join_problem);
        m->join_command = 0;
}

int join_forget(struct mesh *m) {
        if (!m->joining)
                return 0;
        if (m->join_command)
                mesh_reply(m, m->join_command, MESH_OUT_UNREACHABLE);
        join_end(m);
        if (!m->member) { /* a roster heard in part is of no use without a place in it */
                epochs_fini(m);
                m->roster = roster_free(m->roster);
        }
        mesh_membership(m);
        return join_forget_row(m);
}
