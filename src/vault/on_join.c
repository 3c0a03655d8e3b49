/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_JOIN: reads the ticket, makes the household's keys, and signs the add that asks for admission with the household's
 * and the invite's key. The daemon carries it to a member; whether it is there at once or in days, the key waits on
 * disk. Whether the ticket's time is over that member says, by the mesh's time: this clock may never have been set.
 *
 * While it waits another ticket of that mesh may be brought: the add on it is signed with the key that is here, whose
 * household a member may have let in already, unheard. Nothing on the disk changes for that but, if the owner wants one
 * now, the passphrase. A ticket of another mesh needs another key: that one is given up first, by `mesh leave` (over.c).
 */
#include "base/lang.h"
#include "base/log.h"
#include "roster/op.h"
#include "roster/ticket.h"
#include "vault/vault.h"

static enum vault_error ticket_wrong(int r) {
        switch (r) {
        case TICKET_E_PREFIX:
                return VAULT_NO_TICKET_NOT;
        case TICKET_E_VERSION:
                return VAULT_NO_TICKET_VERSION;
        case TICKET_E_SIGNATURE:
                return VAULT_NO_TICKET_ALTERED;
        }
        return r < 0 ? VAULT_NO_MEMORY : VAULT_NO_TICKET_MANGLED;
}

static struct span device_name(const struct wire_o_join *q) {
        return WIRE_HAS(q, O_JOIN, device_name) ? q->device_name : SPAN_STR(VAULT_DEVICE_NAME);
}

static struct vault_wish wish_of(const struct wire_o_join *q) {
        return (struct vault_wish){
                .passphrase = WIRE_HAS(q, O_JOIN, passphrase),
                .no_passphrase = WIRE_HAS(q, O_JOIN, no_passphrase),
                .words = WIRE_HAS(q, O_JOIN, passphrase) ? q->passphrase : SPAN_NONE,
        };
}

static bool goes_on(const struct vault *v) {
        return vault_joins(v) && v->key.state == KEYFILE_JOINING;
}

static bool request_fine(const struct vault *v, struct vault_peer *p, const struct wire_o_join *q) {
        struct vault_wish wish = wish_of(q);
        return (goes_on(v) || vault_is_free(v, p)) && vault_name_fine(p, q->household) &&
               vault_label_fine(p, N_("the device name"), device_name(q)) &&
               vault_place_fine(p, WIRE_HAS(q, O_JOIN, cell), q->cell) && vault_wish_fine(p, &wish);
}

/* Appends the signed add. 0, OP_E_INPUT, ERR_NOMEM. */
static int add_make(const struct vault *v, const struct wire_o_join *q, const struct ticket *t,
                    const struct household *h, struct buf *ret) {
        _clean_(buf_fini) struct buf device = BUF_NULL, invite = BUF_NULL;
        struct wire_op op = {
                .type = OP_ADD,
                .household = SPAN_OF(h->sign.pub.b),
                .time = MAX(v->io->wall(v->io->arg), (mesh_wall)1), /* the members go by the countersigned time */
        };
        ticket_invite(t, &invite);
        WIRE_PUT(&op, OP, name, q->household);
        WIRE_PUT(&op, OP, seal, SPAN_OF(h->seal.pub.b));
        WIRE_PUT(&op, OP, device, vault_device_row(v, device_name(q), &device));
        WIRE_PUT(&op, OP, invite, ((struct wire_list){1, buf_span(&invite)}));
        return buf_ok(&invite) ? op_make_add(ret, &op, &t->mesh, &h->sign, &t->invite) : ERR_NOMEM;
}

static bool tell_daemon(struct vault *v, struct vault_peer *p, const struct wire_o_join *q, const struct ticket *t,
                        struct span add, mesh_time now) {
        struct wire_v_join join = {.op = add, .ticket = q->ticket, .uid = p->uid};
        if (WIRE_HAS(q, O_JOIN, cell))
                WIRE_PUT(&join, V_JOIN, cell, q->cell);
        else if (WIRE_HAS(&t->w, TICKET, cell))
                WIRE_PUT(&join, V_JOIN, cell, t->w.cell);
        return vault_ask(v, p, VAULT_JOIN, OWNER_V_JOIN, &join, now);
}

static void join_on(struct vault *v, struct vault_peer *p, const struct wire_o_join *q, const struct ticket *t,
                    mesh_time now) {
        _clean_(buf_fini) struct buf add = BUF_NULL;
        _clean_(household_freep) struct household *h = NULL;
        struct vault_wish wish = wish_of(q);
        h = household_new(v);
        int r = h ? add_make(v, q, t, h, &add) : ERR_NOMEM;
        if (r) {
                vault_refuse(p, r == ERR_NOMEM ? VAULT_NO_MEMORY : VAULT_NO_BROKEN);
                return;
        }
        if (!vault_key_keep(v, p, h, KEYFILE_JOINING, &t->mesh, &wish))
                return;
        if (tell_daemon(v, p, q, t, buf_span(&add), now))
                log_info("user %u joins a mesh; waiting for a member to admit the household", p->uid);
        else
                vault_key_drop(v);
}

/* The key of the joining that goes on. True, or @p has its answer. */
static bool key_again(struct vault *v, struct vault_peer *p, const struct wire_o_join *q, mesh_time now,
                      struct household **ret) {
        struct vault_wish wish = wish_of(q);
        bool locked = v->key.lock == KEYFILE_LOCKED;
        if (locked && !wish.passphrase)
                return vault_refuse(p, VAULT_NO_LOCKED);
        if (!vault_open(v, p, wish.words, now, ret))
                return false;
        enum vault_error e = wish.passphrase && !locked ? vault_relock(v, *ret, &wish) : VAULT_OK;
        return !e || vault_refuse(p, e);
}

/* PROTOCOL 6.56: "Given another ticket of the same mesh it MUST go on with the household key and the device it has" */
static void join_again(struct vault *v, struct vault_peer *p, const struct wire_o_join *q, const struct ticket *t,
                       mesh_time now) {
        _clean_(buf_fini) struct buf add = BUF_NULL;
        _clean_(household_freep) struct household *h = NULL;
        if (!hash_eq(&t->mesh, &v->key.mesh)) {
                vault_refuse(p, VAULT_NO_JOINING_ELSEWHERE);
                return;
        }
        if (!key_again(v, p, q, now, &h))
                return;
        int r = add_make(v, q, t, h, &add);
        if (r)
                vault_refuse(p, r == ERR_NOMEM ? VAULT_NO_MEMORY : VAULT_NO_BROKEN);
        else if (tell_daemon(v, p, q, t, buf_span(&add), now))
                log_info("user %u brings another ticket for the mesh that this home waits for", p->uid);
}

void on_join(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_join *q = &m->o_join;
        struct ticket t;
        if (!request_fine(v, p, q))
                return;
        int r = ticket_parse(&t, q->ticket);
        if (r) {
                vault_refuse(p, ticket_wrong(r));
                return;
        }
        if (goes_on(v))
                join_again(v, p, q, &t, now);
        else
                join_on(v, p, q, &t, now);
        ticket_fini(&t);
}
