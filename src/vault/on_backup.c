/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_BACKUP, O_FETCH, O_KEPT. The household's key is opened when the owner asks, so that a wrong passphrase is told before
 * anything else is done; rows from the daemon are kept as they come, but for the operations, which must be those of this
 * household's mesh: a backup that cannot bring the home back is worse than none. The ledger goes with it as it stands.
 */
#include "base/log.h"
#include "vault/backup.h"
#include "vault/ballot.h"
#include "vault/book.h"
#include "vault/consent.h"
#include "vault/transfer.h"

#include <stdlib.h>

#define PIECE_BYTES 32768 /* of O_PIECE in proto/owner.def */
#define LEDGER_PIECE 4096 /* of B_LEDGER in proto/backup.def */

struct transfer *transfer_free(struct transfer *t) {
        if (!t)
                return NULL;
        household_free(t->key);
        buf_wipe(&t->file);
        buf_wipe(&t->passphrase);
        buf_wipe(&t->rows);
        roster_free(t->roster);
        free(t);
        return NULL;
}

void transfer_drop(struct vault *v) {
        v->transfer = transfer_free(v->transfer);
}

enum vault_error fold_op(struct roster *roster, const struct hash *mesh, uint64_t *bytes, struct span op) {
        struct hash id;
        bool first = *bytes == 0;
        *bytes += op.n;
        if (*bytes > OPS_BYTES_MAX)
                return VAULT_NO_MEMORY;
        int r = roster_add(roster, op, false, &id);
        if (r < 0)
                return VAULT_NO_MEMORY;
        if (first)
                return r == 0 && hash_eq(&id, mesh) ? VAULT_OK : VAULT_NO_WRONG_MESH;
        return r == 0 || r == ROSTER_E_KNOWN ? VAULT_OK : VAULT_NO_FALSE_ROSTER;
}

/* ---- the request ---- */

static bool may_ask(const struct vault *v, struct vault_peer *p, const struct wire_o_backup *q) {
        if (!vault_has_household(v, p))
                return false;
        if (v->key.state != KEYFILE_MEMBER)
                return vault_refuse(p, v->key.state == KEYFILE_RESTORING ? VAULT_NO_STILL_RESTORING
                                                                         : VAULT_NO_STILL_JOINING);
        if (!v->in_mesh)
                return vault_refuse(p, VAULT_NO_NO_MESH);
        if (v->errand || v->ballot || (v->transfer && v->transfer->peer != p))
                return vault_refuse(p, VAULT_NO_BUSY);
        if (q->passphrase.n < KEYFILE_PASSPHRASE_MIN)
                return vault_refuse(p, VAULT_NO_PASSPHRASE_SHORT);
        return vault_clock_sane(v->io->wall(v->io->arg)) || vault_refuse(p, VAULT_NO_NO_CLOCK);
}

/* An unlocked key is opened for this backup once more, from the file where that needs no passphrase, else as a copy. */
static bool take_key(struct vault *v, struct vault_peer *p, const struct wire_o_backup *q, mesh_time now,
                     struct household **ret) {
        bool given = WIRE_HAS(q, O_BACKUP, key_passphrase);
        if (v->key.lock == KEYFILE_LOCKED && !given && vault_unlocked(v, now)) {
                *ret = household_copy(v, v->open);
                return *ret || vault_refuse(p, VAULT_NO_MEMORY);
        }
        if (v->key.lock == KEYFILE_LOCKED && !given)
                return vault_refuse(p, VAULT_NO_LOCKED);
        return vault_open(v, p, given ? q->key_passphrase : SPAN_NONE, now, ret);
}

static struct transfer *gathering_new(const struct vault *v, struct vault_peer *p, struct span passphrase) {
        _clean_(transfer_freep) struct transfer *t = calloc(1, sizeof(*t));
        uint64_t seed[4];
        v->io->seed(v->io->arg, (uint8_t *)seed);
        if (!t || roster_new(&t->roster, seed))
                return NULL;
        t->stage = TRANSFER_GATHERING;
        t->peer = p;
        t->rows = BUF_MAX(BACKUP_ROWS_MAX);
        buf_add(&t->passphrase, passphrase);
        return buf_ok(&t->passphrase) ? TAKE(t) : NULL;
}

void on_backup(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_backup *q = &m->o_backup;
        struct wire_c_none none = {0};
        _clean_(household_freep) struct household *key = NULL;
        if (!may_ask(v, p, q) || !take_key(v, p, q, now, &key))
                return;
        transfer_drop(v);
        v->transfer = gathering_new(v, p, q->passphrase);
        if (!v->transfer) {
                vault_refuse(p, VAULT_NO_MEMORY);
                return;
        }
        v->transfer->key = TAKE(key);
        if (!vault_ask(v, p, VAULT_BACKUP, OWNER_V_WANT_BACKUP, &none, now))
                transfer_drop(v);
}

/* ---- rows from the daemon ---- */

/* The backup that is being gathered; NULL: nobody asked, or who asked has hung up. */
static struct transfer *gathering(const struct vault *v) {
        if (v->errand != VAULT_BACKUP)
                log_warning("the daemon sends rows of a backup nobody asked for; ignoring them");
        return v->errand == VAULT_BACKUP && v->transfer && v->transfer->stage == TRANSFER_GATHERING ? v->transfer
                                                                                                    : NULL;
}

static void keep(struct transfer *t, enum wire_owner number, const void *msg) {
        frame_put(&t->rows, wire_owner_find(number), msg);
        t->n_rows++;
}

void on_b_device(struct vault *v, const union frame_message *m, mesh_time now) {
        struct transfer *t = gathering(v);
        (void)now;
        if (!t || t->has_device)
                return;
        t->has_device = true;
        memcpy(t->device.b, m->b_device.device.p, sizeof(t->device.b));
        keep(t, OWNER_B_DEVICE, m);
}

void on_b_link_key(struct vault *v, const union frame_message *m, mesh_time now) {
        struct transfer *t = gathering(v);
        (void)now;
        if (t)
                keep(t, OWNER_B_LINK_KEY, m);
}

void on_b_addr(struct vault *v, const union frame_message *m, mesh_time now) {
        struct transfer *t = gathering(v);
        (void)now;
        if (t)
                keep(t, OWNER_B_ADDR, m);
}

void on_b_home(struct vault *v, const union frame_message *m, mesh_time now) {
        struct transfer *t = gathering(v);
        (void)now;
        if (t)
                keep(t, OWNER_B_HOME, m);
}

void on_b_mute(struct vault *v, const union frame_message *m, mesh_time now) {
        struct transfer *t = gathering(v);
        (void)now;
        if (t)
                keep(t, OWNER_B_MUTE, m);
}

void on_b_place(struct vault *v, const union frame_message *m, mesh_time now) {
        struct transfer *t = gathering(v);
        (void)now;
        if (t)
                keep(t, OWNER_B_PLACE, m);
}

void on_b_camera(struct vault *v, const union frame_message *m, mesh_time now) {
        struct transfer *t = gathering(v);
        (void)now;
        if (t)
                keep(t, OWNER_B_CAMERA, m);
}

void on_b_op(struct vault *v, const union frame_message *m, mesh_time now) {
        struct transfer *t = gathering(v);
        (void)now;
        if (!t || t->wrong)
                return;
        t->wrong = fold_op(t->roster, &v->key.mesh, &t->bytes, m->v_ops.op);
        keep(t, OWNER_B_OP, m);
}

/* ---- sealing ---- */

/* What the daemon told brings this household back. */
static enum vault_error gathered_wrong(const struct vault *v, const struct transfer *t) {
        if (t->wrong || !t->bytes)
                return t->wrong ? t->wrong : VAULT_NO_WRONG_MESH;
        const struct roster_home *home = roster_home_find(t->roster, &v->key.household);
        if (!home || !home->member)
                return home && !home->left ? VAULT_NO_REMOVED : VAULT_NO_NOT_MEMBER;
        const struct roster_device *d = t->has_device ? roster_device_find(t->roster, &t->device) : NULL;
        bool ours = d && d->home == home && !d->gone_at && key_eq(&d->sign, &v->sign);
        return ours ? VAULT_OK : VAULT_NO_NOT_MEMBER;
}

/* Behind the daemon's rows. One that is damaged, or too long, is left out, and the owner hears so: the rest is worth having. */
static int put_ledger(struct vault *v, struct transfer *t) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        if (vault_book_there(v) || v->book->end > BACKUP_LEDGER_MAX)
                return 0;
        while (bytes.n < v->book->end) {
                size_t had = bytes.n;
                int r = v->io->ledger_read(v->io->arg, had, (size_t)v->book->end - had, &bytes);
                if (r || bytes.n == had)
                        return r < 0 ? r : 0;
        }
        for (struct span left = buf_span(&bytes); left.n;) {
                struct wire_b_ledger row = {.piece = span_of(left.p, MIN(left.n, (size_t)LEDGER_PIECE))};
                keep(t, OWNER_B_LEDGER, &row);
                left = span_from(left, row.piece.n);
        }
        t->has_ledger = true;
        t->lines = v->book->chain.n;
        return 0;
}

static int seal(struct vault *v, struct transfer *t) {
        _clean_(buf_wipe) struct buf rows = BUF_NULL;
        struct household *h = t->key;
        struct wire_b_head head = {
                .v = 1,
                .created = t->created,
                .mesh = SPAN_OF(v->key.mesh.b),
                .household = SPAN_OF(h->sign.pub.b),
                .sign_seed = SPAN_OF(h->secret.sign_seed),
                .seal = SPAN_OF(h->secret.seal.b),
        };
        int r = put_ledger(v, t);
        struct wire_b_end end = {.rows = t->n_rows + 1};
        if (r)
                return r;
        frame_put(&rows, wire_owner_find(OWNER_B_HEAD), &head);
        buf_add(&rows, buf_span(&t->rows));
        frame_put(&rows, wire_owner_find(OWNER_B_END), &end);
        if (!buf_ok(&t->rows) || !buf_ok(&rows) || rows.n > BACKUP_ROWS_MAX)
                return ERR_NOMEM;
        return backup_seal(&t->file, buf_span(&rows), buf_span(&t->passphrase), v->io->passes, v->io->memory_kib,
                           &h->rng);
}

static void answer_sealed(const struct vault *v, const struct transfer *t) {
        struct wire_o_backup_row row = {
                .v = 1,
                .bytes = t->file.n,
                .created = t->created,
                .household = span_str(roster_home_find(t->roster, &v->key.household)->name),
                .mesh = span_str(roster_mesh_name(t->roster)),
        };
        if (t->has_ledger)
                WIRE_PUT(&row, O_BACKUP_ROW, lines, t->lines);
        frame_put(&t->peer->out, wire_owner_find(OWNER_O_BACKUP_ROW), &row);
        vault_done(t->peer, NULL);
}

static bool finish(struct vault *v, struct transfer *t) {
        enum vault_error wrong = gathered_wrong(v, t);
        if (wrong)
                return vault_refuse(t->peer, wrong);
        if (seal(v, t))
                return vault_refuse(t->peer, VAULT_NO_MEMORY);
        t->stage = TRANSFER_SEALED;
        t->key = household_free(t->key);
        buf_wipe(&t->passphrase);
        buf_wipe(&t->rows);
        log_info("user %u has a backup of this household", t->peer->uid);
        answer_sealed(v, t);
        return true;
}

void transfer_gathered(struct vault *v, const struct wire_v_ops_end *end) {
        struct transfer *t = v->transfer;
        v->errand = VAULT_NO_ERRAND;
        v->asker = NULL;
        if (!t || t->stage != TRANSFER_GATHERING) /* who asked has hung up */
                return;
        t->created = MAX(end->time, v->io->wall(v->io->arg));
        if (!finish(v, t))
                transfer_drop(v);
}

/* ---- handing it over ---- */

static struct transfer *sealed_for(const struct vault *v, struct vault_peer *p) {
        struct transfer *t = v->transfer;
        if (t && t->peer == p && t->stage == TRANSFER_SEALED)
                return t;
        vault_refuse(p, VAULT_NO_NO_BACKUP);
        return NULL;
}

void on_fetch(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct transfer *t = sealed_for(v, p);
        (void)now;
        if (!t)
                return;
        size_t at = MIN(m->o_fetch.at, (uint64_t)t->file.n);
        struct wire_o_piece piece = {.bytes = span_of(t->file.p + at, MIN(t->file.n - at, (size_t)PIECE_BYTES))};
        frame_put(&p->out, wire_owner_find(OWNER_O_PIECE_ROW), &piece);
        vault_done(p, NULL);
}

void on_kept(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct transfer *t = sealed_for(v, p);
        (void)m, (void)now;
        if (!t)
                return;
        struct wire_v_backed_up msg = {.time = t->created};
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_BACKED_UP), &msg);
        transfer_drop(v);
        vault_done(p, NULL);
}
