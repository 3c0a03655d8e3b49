/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_CREATE: founds a mesh. The genesis is signed and forgotten here: it goes to the daemon, which keeps it; the key
 * that signed it is on disk before the daemon hears of it, so that no mesh can come about whose founder has lost its
 * key.
 */
#include "base/cell.h"
#include "base/lang.h"
#include "base/log.h"
#include "roster/charter.h"
#include "roster/op.h"
#include "vault/vault.h"

#define CHARTER_KEYS 64 /* keys are 1 … 63 */

struct charter {
        uint64_t value[CHARTER_KEYS];
        bool given[CHARTER_KEYS];
};

static const struct wire_charter_bound *bound_find(uint64_t key) {
        for (size_t i = 0; i < wire_charter_bounds_n; i++)
                if (wire_charter_bounds[i].key == key)
                        return &wire_charter_bounds[i];
        return NULL;
}

static bool charter_row_fine(struct vault_peer *p, const struct wire_charter_row *row, struct charter *c) {
        const struct wire_charter_bound *b = bound_find(row->key);
        if (!b || row->key >= CHARTER_KEYS)
                return vault_refuse_why(p, VAULT_NO_BAD_CHARTER, "the charter has no row %llu",
                                        (unsigned long long)row->key);
        if (c->given[row->key])
                return vault_refuse_why(p, VAULT_NO_BAD_CHARTER, "the charter row %s is given twice", b->name);
        if (row->value < b->min || row->value > b->max)
                return vault_refuse_why(p, VAULT_NO_BAD_CHARTER, "the charter row %s must be from %u to %u", b->name,
                                        b->min, b->max);
        c->given[row->key] = true;
        c->value[row->key] = row->value;
        return true;
}

static bool charter_fine(struct vault_peer *p, struct wire_list rows, struct charter *ret) {
        struct wire_charter_row row;
        uint32_t all[WIRE_CHARTER_END];
        struct wire_list left = rows;
        while (wire_list_next(&wire_charter_row_desc, &left, &row))
                if (!charter_row_fine(p, &row, ret))
                        return false;
        if (charter_read(rows, all))
                return true;
        /* Each row is within its own bounds: what remains is the one over several. */
        return vault_refuse_why(p, VAULT_NO_BAD_CHARTER,
                                "so many homes with so many slots a day are more than a node can"
                                " remember: lower max_members, urgent, normal or notices");
}

/* The rows that differ from the default, in the order of their keys. */
static struct wire_list charter_list(const struct charter *c, struct buf *store) {
        struct wire_list list = {0};
        for (size_t i = 0; i < wire_charter_bounds_n; i++) {
                const struct wire_charter_bound *b = &wire_charter_bounds[i];
                if (!c->given[b->key] || c->value[b->key] == b->preset)
                        continue;
                struct wire_charter_row row = {.key = b->key, .value = c->value[b->key]};
                wire_list_add(&wire_charter_row_desc, &list, store, &row);
        }
        return list;
}

static struct span device_name(const struct wire_o_create *q) {
        return WIRE_HAS(q, O_CREATE, device_name) ? q->device_name : SPAN_STR(VAULT_DEVICE_NAME);
}

static struct vault_wish wish_of(const struct wire_o_create *q) {
        return (struct vault_wish){
                .passphrase = WIRE_HAS(q, O_CREATE, passphrase),
                .no_passphrase = WIRE_HAS(q, O_CREATE, no_passphrase),
                .words = WIRE_HAS(q, O_CREATE, passphrase) ? q->passphrase : SPAN_NONE,
        };
}

static bool request_fine(const struct vault *v, struct vault_peer *p, const struct wire_o_create *q,
                         struct charter *ret_charter) {
        struct vault_wish wish = wish_of(q);
        if (!vault_is_free(v, p) || !vault_label_fine(p, N_("the mesh name"), q->mesh_name) ||
            !vault_name_fine(p, q->household) || !vault_label_fine(p, N_("the device name"), device_name(q)) ||
            !vault_place_fine(p, WIRE_HAS(q, O_CREATE, cell), q->cell))
                return false;
        if (WIRE_HAS(q, O_CREATE, charter) && !charter_fine(p, q->charter, ret_charter))
                return false;
        if (!vault_wish_fine(p, &wish))
                return false;
        return vault_clock_sane(v->io->wall(v->io->arg)) || vault_refuse(p, VAULT_NO_NO_CLOCK);
}

/* Appends the signed genesis. 0, OP_E_INPUT, ERR_NOMEM. */
static int genesis_make(const struct vault *v, const struct wire_o_create *q, const struct charter *c,
                        const struct household *h, struct buf *ret) {
        _clean_(buf_fini) struct buf device = BUF_NULL, charter = BUF_NULL;
        struct wire_op op = {
                .type = OP_GENESIS,
                .household = SPAN_OF(h->sign.pub.b),
                .time = v->io->wall(v->io->arg),
        };
        struct wire_list rows = charter_list(c, &charter);
        WIRE_PUT(&op, OP, name, q->household);
        WIRE_PUT(&op, OP, seal, SPAN_OF(h->seal.pub.b));
        WIRE_PUT(&op, OP, device, vault_device_row(v, device_name(q), &device));
        WIRE_PUT(&op, OP, mesh_name, q->mesh_name);
        if (rows.count)
                WIRE_PUT(&op, OP, charter, rows);
        if (WIRE_HAS(q, O_CREATE, cell))
                WIRE_PUT(&op, OP, cell, cell_coarsen(q->cell, CELL_AREA));
        return op_make(ret, &op, NULL, &h->sign);
}

static void tell_daemon(struct vault *v, struct vault_peer *p, const struct wire_o_create *q, struct span genesis,
                        mesh_time now) {
        struct wire_v_found found = {.op = genesis, .uid = p->uid};
        if (WIRE_HAS(q, O_CREATE, cell))
                WIRE_PUT(&found, V_FOUND, cell, q->cell);
        if (vault_send(v, p, VAULT_FOUND, OWNER_V_FOUND, &found, now))
                log_info("user %u founds a mesh; waiting for the daemon to keep it", p->uid);
}

void on_create(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_create *q = &m->o_create;
        _clean_(buf_fini) struct buf genesis = BUF_NULL;
        struct charter charter = {0};
        struct vault_wish wish = wish_of(q);
        struct hash mesh;
        if (!request_fine(v, p, q, &charter))
                return;
        _clean_(household_freep) struct household *h = household_new(v);
        int r = h ? genesis_make(v, q, &charter, h, &genesis) : ERR_NOMEM;
        if (r) {
                vault_refuse(p, r == ERR_NOMEM ? VAULT_NO_MEMORY : VAULT_NO_BROKEN);
                return;
        }
        op_id(&mesh, NULL, buf_span(&genesis));
        if (vault_key_keep(v, p, h, KEYFILE_FOUNDING, &mesh, &wish))
                tell_daemon(v, p, q, buf_span(&genesis), now);
}
