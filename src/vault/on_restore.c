/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_GIVE, O_RESTORE: a household comes back out of a backup, onto a folder that knows of none. The file is judged whole
 * before anything is written; then the key file, in state `restoring`, then the daemon gets its rows back. What follows
 * (the old device's end and this one's beginning) is in renew.c.
 */
#include "base/log.h"
#include "vault/backup.h"
#include "vault/ballot.h"
#include "vault/transfer.h"

#include <sodium.h>
#include <stdlib.h>

/* ---- pieces ---- */

void on_give(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        struct transfer *t = v->transfer;
        (void)now;
        if (t && t->peer != p) {
                vault_refuse(p, VAULT_NO_BUSY);
                return;
        }
        if (t && t->stage != TRANSFER_GIVEN)
                transfer_drop(v);
        if (!v->transfer) {
                v->transfer = calloc(1, sizeof(*t));
                if (!v->transfer) {
                        vault_refuse(p, VAULT_NO_MEMORY);
                        return;
                }
                v->transfer->stage = TRANSFER_GIVEN;
                v->transfer->peer = p;
                v->transfer->file = BUF_MAX(BACKUP_BYTES_MAX);
        }
        buf_add(&v->transfer->file, m->o_piece.bytes);
        if (buf_ok(&v->transfer->file)) {
                vault_done(p, NULL);
                return;
        }
        bool starved = v->transfer->file.starved;
        transfer_drop(v);
        vault_refuse(p, starved ? VAULT_NO_MEMORY : VAULT_NO_BACKUP_LARGE);
}

/* ---- what is in it ---- */

/* A backup read and found good. */
struct restored {
        struct buf rows;         /* all of them … */
        struct span for_daemon;  /* … and those the daemon gets back */
        struct buf ledger;       /* … and those that are a ledger, as that was */
        struct wire_b_head head; /* spans into rows */
        struct key device;       /* the old one */
        struct roster *roster;
};

static void restored_fini(struct restored *r) {
        roster_free(r->roster);
        buf_wipe(&r->rows);
        buf_fini(&r->ledger);
        hash_wipe(r, sizeof(*r));
}

static enum vault_error open_error(int r) {
        switch (r) {
        case BACKUP_E_MAGIC:
                return VAULT_NO_BACKUP_NOT;
        case BACKUP_E_NEWER:
                return VAULT_NO_BACKUP_NEWER;
        case BACKUP_E_COST:
                return VAULT_NO_BACKUP_COST;
        case BACKUP_E_PASSPHRASE:
                return VAULT_NO_BACKUP_PASSPHRASE;
        case BACKUP_E_DAMAGED:
                return VAULT_NO_BACKUP_DAMAGED;
        }
        return VAULT_NO_MEMORY;
}

struct walk { /* through the rows */
        uint64_t n;
        uint64_t op_bytes;
        bool device, ledger, ended;
        struct hash mesh;
};

static enum vault_error take_head(struct restored *b, struct walk *w, const struct wire_b_head *head) {
        b->head = *head;
        memcpy(w->mesh.b, head->mesh.p, sizeof(w->mesh.b));
        return VAULT_OK;
}

static enum vault_error take_row(struct restored *b, struct walk *w, const struct wire_number *row,
                                 const union frame_message *m) {
        bool first = w->n == 0;
        bool behind = row->number == OWNER_B_LEDGER || row->number == OWNER_B_END;
        if (first != (row->number == OWNER_B_HEAD) || w->ended || (w->ledger && !behind))
                return VAULT_NO_BACKUP_DAMAGED;
        switch (row->number) {
        case OWNER_B_HEAD:
                return take_head(b, w, &m->b_head);
        case OWNER_B_DEVICE:
                if (w->device)
                        return VAULT_NO_BACKUP_DAMAGED;
                w->device = true;
                memcpy(b->device.b, m->b_device.device.p, sizeof(b->device.b));
                return VAULT_OK;
        case OWNER_B_OP:
                return fold_op(b->roster, &w->mesh, &w->op_bytes, m->v_ops.op) ? VAULT_NO_BACKUP_DAMAGED : VAULT_OK;
        case OWNER_B_LINK_KEY:
        case OWNER_B_ADDR:
        case OWNER_B_HOME:
        case OWNER_B_MUTE:
        case OWNER_B_PLACE:
        case OWNER_B_CAMERA:
                return VAULT_OK;
        case OWNER_B_LEDGER:
                w->ledger = true;
                buf_add(&b->ledger, m->b_ledger.piece);
                return buf_ok(&b->ledger) ? VAULT_OK : VAULT_NO_MEMORY;
        case OWNER_B_END:
                w->ended = true;
                return m->b_end.rows == w->n ? VAULT_OK : VAULT_NO_BACKUP_DAMAGED;
        }
        return VAULT_NO_BACKUP_DAMAGED;
}

static enum vault_error read_rows(struct restored *b) {
        struct span left = buf_span(&b->rows), body;
        struct walk w = {0};
        size_t used, head_bytes = 0, end_at = 0;
        while (left.n) {
                const struct wire_number *row;
                union frame_message m;
                if (frame_take(left, &body, &used) || frame_read(body, wire_owner_find, &row, &m, NULL))
                        return VAULT_NO_BACKUP_DAMAGED;
                enum vault_error e = take_row(b, &w, row, &m);
                if (e)
                        return e;
                if (w.n++ == 0)
                        head_bytes = used;
                else if (!end_at && (w.ledger || w.ended))
                        end_at = b->rows.n - left.n;
                left = span_from(left, used);
        }
        if (!w.ended || !w.device)
                return VAULT_NO_BACKUP_DAMAGED;
        b->for_daemon = span_of(b->rows.p + head_bytes, end_at - head_bytes);
        return VAULT_OK;
}

/* The device in it is one of a household that is a member there. */
static enum vault_error judge(const struct restored *b) {
        struct key household;
        memcpy(household.b, b->head.household.p, sizeof(household.b));
        const struct roster_home *home = roster_home_find(b->roster, &household);
        const struct roster_device *d = roster_device_find(b->roster, &b->device);
        bool good = home && home->member && d && d->home == home && !d->gone_at;
        return good ? VAULT_OK : VAULT_NO_BACKUP_DAMAGED;
}

static enum vault_error restored_read(struct restored *ret, const struct vault *v, struct span file,
                                      struct span passphrase) {
        uint64_t seed[4];
        int r = backup_open(&ret->rows, file, passphrase);
        if (r)
                return open_error(r);
        v->io->seed(v->io->arg, (uint8_t *)seed);
        if (roster_new(&ret->roster, seed))
                return VAULT_NO_MEMORY;
        enum vault_error e = read_rows(ret);
        return e ? e : judge(ret);
}

/* ---- the request ---- */

static bool request_fine(const struct vault *v, struct vault_peer *p) {
        const struct transfer *t = v->transfer;
        if (!vault_is_free(v, p))
                return false;
        if (!t || t->peer != p || t->stage != TRANSFER_GIVEN)
                return vault_refuse(p, VAULT_NO_NO_BACKUP);
        return vault_clock_sane(v->io->wall(v->io->arg)) || vault_refuse(p, VAULT_NO_NO_CLOCK);
}

static void tell_daemon(struct vault *v, struct vault_peer *p, const struct restored *b, mesh_time now) {
        struct wire_v_restore msg = {.mesh = b->head.mesh, .household = b->head.household, .uid = p->uid};
        buf_add(&v->to_daemon, b->for_daemon);
        if (vault_send(v, p, VAULT_RESTORE, OWNER_V_RESTORE, &msg, now))
                log_info("user %u restores a household; waiting for a neighbour to take it in again", p->uid);
}

static void restore_from(struct vault *v, struct vault_peer *p, const struct restored *b, struct span passphrase,
                         mesh_time now) {
        const struct vault_wish wish = {.passphrase = true, .words = passphrase, .ledger = buf_span(&b->ledger)};
        _clean_(household_freep) struct household *h = household_from(v, b->head.sign_seed, b->head.seal);
        struct hash mesh;
        if (!h) {
                vault_refuse(p, VAULT_NO_MEMORY);
                return;
        }
        if (!span_eq(SPAN_OF(h->sign.pub.b), b->head.household)) {
                vault_refuse(p, VAULT_NO_BACKUP_DAMAGED);
                return;
        }
        memcpy(mesh.b, b->head.mesh.p, sizeof(mesh.b));
        if (!vault_key_keep(v, p, h, KEYFILE_RESTORING, &mesh, &wish))
                return;
        vault_lock(v);
        v->open = TAKE(h); /* the daemon asks for the device's certificate in a moment */
        v->open_until = now + (mesh_time)VAULT_OPEN_S * 1000;
        tell_daemon(v, p, b, now);
}

void on_restore(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        _clean_(restored_fini) struct restored b = {0};
        _clean_(transfer_freep) struct transfer *given = NULL;
        struct span passphrase = m->o_restore.passphrase;
        if (!request_fine(v, p))
                return;
        enum vault_error e = restored_read(&b, v, buf_span(&v->transfer->file), passphrase);
        if (e) {
                vault_refuse(p, e); /* the file stays: a passphrase may be typed again */
                return;
        }
        given = TAKE(v->transfer);
        restore_from(v, p, &b, passphrase, now);
}
