/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REQUEST, REQUESTS, DENY: a clip of another home is asked for, which a notice or an alert has told of. The request is signed by
 * this device and brought to its owner's home. DENY is said to nobody: who asked learns nothing, as if nobody had looked.
 */
#include "crypto/sign.h"
#include "node/caller.h"
#include "node/paper_rows.h"

#define REASON_MOST 200

/* ---- REQUEST ---- */

static int told_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        struct key household;
        int e = store_clip_told(r, buf_span(&a->keep), &a->id, &household);
        memcpy(a->clips, household.b, sizeof(household.b));
        return e;
}

static size_t open_requests(const struct node *n, const struct key *household) {
        size_t count = 0;
        LIST_EACH (p, &n->papers.all, struct paper, on)
                count += p->what == PAPER_OUT_REQUEST && p->state != PAPER_NOT && key_eq(&p->household, household);
        return count;
}

static bool may_request(struct caller *c, const struct key *household) {
        struct mesh_status st;
        mesh_status(c->n->core, &st);
        if (st.out != MESH_OUT_DONE)
                caller_outcome(c, st.out);
        else if (key_eq(&st.household, household))
                caller_error(c, "own-clip", "that clip is of this household itself",
                             "`porchlight clip get` opens it on the main device", EXIT_REFUSED);
        else if (!papers_main(c->n, household))
                caller_error(c, "no-member", "whose clip it is, is no member any more", "nobody can be asked for it",
                             EXIT_REFUSED);
        else if (open_requests(c->n, household) >= PAPERS_REQUESTS)
                caller_error(c, "too-many-requests", "4 requests to that household are open",
                             "wait for an answer, or until one of them ends", EXIT_REFUSED);
        else
                return true;
        return false;
}

static void request_row(const struct node *n, const struct wire_c_request *m, const struct hash *clip,
                        const struct sign_key *sign, const struct key *self, struct wire_request *ret) {
        mesh_wall now = node_time(n), life = CLIP_REQUEST_LIFE_S;
        if (WIRE_HAS(m, C_REQUEST, expires_in))
                life = MIN(m->expires_in, life);
        *ret = (struct wire_request){.clip = SPAN_OF(clip->b),
                                     .household = SPAN_OF(self->b),
                                     .device = SPAN_OF(sign->pub.b),
                                     .created = now,
                                     .expires = now + life};
        if (WIRE_HAS(m, C_REQUEST, reason))
                WIRE_PUT(ret, REQUEST, reason, m->reason);
}

static int sign_request(struct node *n, const struct wire_c_request *m, const struct hash *clip, struct buf *out,
                        mesh_wall *ret_expires, struct hash *ret_id) {
        struct mesh_status st;
        struct sign_key sign;
        struct wire_request w;
        mesh_status(n->core, &st);
        sign_key_from_seed(&sign, n->cfg.sign_seed);
        request_row(n, m, clip, &sign, &st.household, &w);
        *ret_expires = w.expires;
        int r = clip_sign(CLIP_REQUEST, &w, &st.mesh, &sign, out, ret_id);
        hash_wipe(&sign, sizeof(sign));
        return r;
}

static void send_off(struct caller *c, const struct hash *clip, const struct key *household) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct store_paper row = {
                .what = PAPER_OUT_REQUEST, .state = PAPER_WAITS, .household = *household, .about = *clip};
        if (sign_request(c->n, &c->msg.c_request, clip, &paper, &row.expires, &row.id)) {
                caller_outcome(c, MESH_OUT_BAD_CLIP);
                return;
        }
        row.paper = buf_span(&paper);
        const struct paper *p = papers_find(c->n, &row.id);
        if (!p && !(p = papers_add(c->n, &row))) {
                caller_outcome(c, MESH_OUT_BUSY);
                return;
        }
        control_put_request(c, p);
        courier_kick(c->n, household);
        caller_done(c);
}

static void told_after(struct caller *c, const struct ask *a) {
        struct key household;
        memcpy(household.b, a->clips, sizeof(household.b));
        if (a->q.r == STORE_E_NONE)
                caller_error(c, "no-such-clip", "no notice and no alert of another home tells of such a clip",
                             "`porchlight alert show` lists what an alert's homes have", EXIT_NOT_FOUND);
        else if (a->q.r == STORE_E_MANY)
                caller_error(c, "ambiguous", "several clips have an id that begins so", "give more digits",
                             EXIT_NOT_FOUND);
        else if (a->q.r)
                caller_store_error(c, a->q.r);
        else if (may_request(c, &household))
                send_off(c, &a->id, &household);
}

void control_request(struct caller *c) {
        const struct wire_c_request *m = &c->msg.c_request;
        if (!caller_is_owner(c) || !caller_id_ok(c, m->clip))
                return;
        if (WIRE_HAS(m, C_REQUEST, reason) && m->reason.n > REASON_MOST) {
                caller_error(c, "reason-too-long", "the reason is longer than 200 bytes", "shorten it", EXIT_USAGE);
                return;
        }
        caller_ask(c, &(struct ask){.list = true, .after = told_after}, told_run, m->clip);
}

/* ---- REQUESTS ---- */

void control_requests(struct caller *c) {
        if (!caller_is_owner(c))
                return;
        LIST_EACH (p, &c->n->papers.all, struct paper, on)
                control_put_request(c, p);
        caller_done(c);
}

/* ---- DENY ---- */

static int ask_run(struct query *q, struct store_reader *r) {
        struct ask *a = ask_of(q);
        return store_ask_prefix(r, buf_span(&a->keep), &a->id);
}

static void deny_ask(struct caller *c, const struct ask *a) {
        struct store_paper row = {.id = a->id,
                                  .what = PAPER_ASK_DENIED,
                                  .state = PAPER_DENIED,
                                  .expires = node_time(c->n) + CLIP_REQUEST_LIFE_S};
        if (a->q.r == STORE_E_NONE)
                caller_error(c, "no-such-ask", "there is no such request and no such ask",
                             "`porchlight inbox` shows them", EXIT_NOT_FOUND);
        else if (!caller_found(c, a->q.r))
                return;
        else if (!papers_find(c->n, &row.id) && !papers_add(c->n, &row))
                caller_outcome(c, MESH_OUT_BUSY);
        else
                caller_done(c);
}

/* PROTOCOL 15.68: "Nothing is sent when a request or an ask is denied." */
void control_deny(struct caller *c) {
        struct span id = c->msg.c_name.name;
        bool many;
        if (!caller_is_owner(c) || !caller_id_ok(c, id))
                return;
        struct paper *p = papers_named(c->n, PAPER_IN_REQUEST, id, &many);
        if (many)
                caller_error(c, "ambiguous", "several requests have an id that begins so", "give more digits",
                             EXIT_NOT_FOUND);
        else if (!p)
                caller_ask(c, &(struct ask){.after = deny_ask}, ask_run, id);
        else {
                papers_set(c->n, p, PAPER_DENIED);
                caller_done(c);
        }
}
