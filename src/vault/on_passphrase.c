/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_PASSPHRASE: changes how the key file is locked. The new file is on disk, whole, before it takes the old one's name:
 * whatever happens in between, one of the two passphrases opens what is found there.
 */
#include "base/log.h"
#include "vault/vault.h"

static struct vault_wish wish_of(const struct wire_o_passphrase *q) {
        return (struct vault_wish){
                .passphrase = WIRE_HAS(q, O_PASSPHRASE, fresh),
                .no_passphrase = WIRE_HAS(q, O_PASSPHRASE, no_passphrase),
                .words = WIRE_HAS(q, O_PASSPHRASE, fresh) ? q->fresh : SPAN_NONE,
        };
}

/* The key must be opened anew, even while it is unlocked: who finds it so must not shut its owner out. */
static bool request_fine(const struct vault *v, struct vault_peer *p, const struct wire_o_passphrase *q) {
        struct vault_wish wish = wish_of(q);
        if (!vault_has_key(v, p) || !vault_wish_fine(p, &wish))
                return false;
        return v->key.lock != KEYFILE_LOCKED || WIRE_HAS(q, O_PASSPHRASE, old) || vault_refuse(p, VAULT_NO_LOCKED);
}

/* The file with its new lock, and its header with the salt it got. */
static int relock(const struct vault *v, struct household *h, const struct vault_wish *wish, struct buf *out,
                  struct keyfile *ret) {
        struct keyfile head = v->key;
        head.lock = wish->passphrase ? KEYFILE_LOCKED : KEYFILE_PLAIN;
        head.passes = wish->passphrase ? v->io->passes : 0;
        head.memory_kib = wish->passphrase ? v->io->memory_kib : 0;
        int r = keyfile_encode(out, &head, &h->secret, wish->words, &h->rng);
        return r ? r : keyfile_decode(buf_span(out), ret);
}

/* After a failed write: which of the two files has the name now? */
static void look_again(struct vault *v) {
        _clean_(buf_wipe) struct buf file = BUF_NULL;
        struct keyfile head;
        bool tightened = false;
        if (v->io->key_read(v->io->arg, &file, &tightened) == 0 && keyfile_decode(buf_span(&file), &head) == 0 &&
            key_eq(&head.household, &v->key.household))
                v->key = head;
}

enum vault_error vault_relock(struct vault *v, struct household *h, const struct vault_wish *wish) {
        _clean_(buf_wipe) struct buf file = BUF_NULL;
        struct keyfile head;
        int r = relock(v, h, wish, &file, &head);
        if (r)
                return r == ERR_NOMEM ? VAULT_NO_MEMORY : VAULT_NO_BROKEN;
        r = v->io->key_write(v->io->arg, buf_span(&file), true);
        if (r) {
                log_error("the household key could not be locked anew (%s); telling the owner", err_text(r));
                look_again(v);
                return VAULT_NO_DISK;
        }
        v->key = head;
        v->unsaved = false; /* the file says what the key is */
        return VAULT_OK;
}

void on_passphrase(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_passphrase *q = &m->o_passphrase;
        _clean_(household_freep) struct household *h = NULL;
        struct vault_wish wish = wish_of(q);
        if (!request_fine(v, p, q) || !vault_open(v, p, WIRE_HAS(q, O_PASSPHRASE, old) ? q->old : SPAN_NONE, now, &h))
                return;
        enum vault_error e = vault_relock(v, h, &wish);
        if (e) {
                vault_refuse(p, e);
                return;
        }
        vault_lock(v);
        log_info("user %u changed how the household key is locked", p->uid);
        vault_done(p, NULL);
}
