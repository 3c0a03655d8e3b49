/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the household's key: out of its file, for one request or for as long as the owner unlocked it. Opened keys
 * are in memory that is locked, left out of core dumps, and wiped. Each wrong passphrase makes the next wait longer, so
 * that whoever sits down at an owner's open screen does not try a word list; who can read the file needs no vault.
 */
#include "base/log.h"
#include "vault/vault.h"

#include <sodium.h>

#define WRONG_WAIT_MS 1000 /* after the first wrong passphrase, … */
#define WRONG_DOUBLINGS 8  /* … doubled with each up to about four minutes */
#define MS_PER_S 1000

/* The file, if it is still the one that was read at the start, or was written since. */
static enum vault_error read_back(const struct vault *v, struct buf *file) {
        struct keyfile head;
        bool tightened = false;
        int r = v->io->key_read(v->io->arg, file, &tightened);
        if (r < 0)
                return r == ERR_NOMEM ? VAULT_NO_MEMORY : VAULT_NO_KEY_UNREAD;
        if (r || keyfile_decode(buf_span(file), &head))
                return VAULT_NO_KEY_CHANGED;
        bool same = key_eq(&head.household, &v->key.household) && hash_eq(&head.mesh, &v->key.mesh) &&
                    head.lock == v->key.lock;
        return same ? VAULT_OK : VAULT_NO_KEY_CHANGED;
}

static enum vault_error open_error(int r) {
        if (r == KEYFILE_E_PASSPHRASE)
                return VAULT_NO_PASSPHRASE_WRONG;
        return r < 0 ? VAULT_NO_MEMORY : VAULT_NO_KEY_DAMAGED;
}

enum vault_error household_open(const struct vault *v, struct span passphrase, struct household **ret) {
        _clean_(buf_wipe) struct buf file = BUF_NULL;
        uint8_t seed[32];
        enum vault_error e = read_back(v, &file);
        if (e)
                return e;
        _clean_(household_freep) struct household *h = sodium_malloc(sizeof(*h));
        if (!h)
                return VAULT_NO_MEMORY;
        int r = keyfile_open(buf_span(&file), passphrase, &h->secret);
        if (r)
                return open_error(r);
        if (keyfile_of_device(v->key.state))
                household_sealing_only(h, &v->key.household);
        else
                sign_key_from_seed(&h->sign, h->secret.sign_seed);
        box_key_from_secret(&h->seal, &h->secret.seal);
        v->io->seed(v->io->arg, seed);
        rng_init(&h->rng, seed);
        sodium_memzero(seed, sizeof(seed));
        *ret = TAKE(h);
        return VAULT_OK;
}

/* ---- wrong passphrases ---- */

static bool may_try(const struct vault *v, struct vault_peer *p, mesh_time now) {
        if (now >= v->next_try)
                return true;
        return vault_refuse_why(p, VAULT_NO_PASSPHRASE_WAIT,
                                "the last passphrase was wrong; the next is looked at in %llu s",
                                (unsigned long long)((v->next_try - now + MS_PER_S - 1) / MS_PER_S));
}

static void note_wrong(struct vault *v, const struct vault_peer *p, mesh_time now) {
        unsigned doublings = MIN(v->wrong_tries, (unsigned)WRONG_DOUBLINGS);
        v->next_try = now + ((mesh_time)WRONG_WAIT_MS << doublings);
        v->wrong_tries++;
        log_warning("user %u gave a wrong passphrase, number %u; the next waits %u s", p->uid, v->wrong_tries,
                    (WRONG_WAIT_MS << doublings) / MS_PER_S);
}

bool vault_open(struct vault *v, struct vault_peer *p, struct span passphrase, mesh_time now, struct household **ret) {
        bool locked = v->key.lock == KEYFILE_LOCKED;
        if (locked && !may_try(v, p, now))
                return false;
        enum vault_error e = household_open(v, locked ? passphrase : SPAN_NONE, ret);
        if (e == VAULT_NO_PASSPHRASE_WRONG)
                note_wrong(v, p, now);
        if (e)
                return vault_refuse(p, e);
        if (locked) {
                v->wrong_tries = 0;
                v->next_try = 0;
        }
        return true;
}

/* ---- unlocked for a while ---- */

bool vault_unlocked(const struct vault *v, mesh_time now) {
        return v->key.lock != KEYFILE_LOCKED || (v->open && now < v->open_until);
}

void vault_lock(struct vault *v) {
        v->open = household_free(v->open);
}

bool vault_has_key(const struct vault *v, struct vault_peer *p) {
        if (v->has_key && !vault_key_void(v))
                return true;
        return v->in_mesh ? vault_refuse_here(v, p) : vault_refuse(p, VAULT_NO_NO_MESH);
}

bool vault_has_household(const struct vault *v, struct vault_peer *p) {
        if (v->has_key && !vault_key_void(v) && !keyfile_of_device(v->key.state))
                return true;
        return v->in_mesh ? vault_refuse_here(v, p) : vault_refuse(p, VAULT_NO_NO_MESH);
}
