/* SPDX-License-Identifier: Apache-2.0 */
/* What founding and joining have in common: the checks, the fresh keys, their file, and the errand to the daemon. */
#include "base/cell.h"
#include "base/log.h"
#include "roster/name.h"
#include "vault/consent.h"

#include <sodium.h>

bool vault_clock_sane(mesh_wall wall) {
        return wall >= VAULT_CLOCK_FLOOR && wall <= VAULT_CLOCK_CEILING;
}

/* ---- checks ---- */

static enum vault_error key_in_the_way(const struct vault *v) {
        switch (v->key.state) {
        case KEYFILE_JOINING:
        case KEYFILE_DEVICE_JOINING:
                return VAULT_NO_STILL_JOINING;
        case KEYFILE_RESTORING:
                return VAULT_NO_STILL_RESTORING;
        case KEYFILE_OVER: /* the daemon is at it */
                return VAULT_NO_BUSY;
        case KEYFILE_DEVICE:
                return VAULT_NO_IN_MESH;
        case KEYFILE_FOUNDING:
        case KEYFILE_MEMBER:
                return VAULT_NO_HOUSEHOLD_EXISTS;
        }
        return VAULT_NO_HOUSEHOLD_EXISTS;
}

/* A further device's opens nothing but what was shared with it, which can be shared again: it is worth nothing once its daemon
 * has said that it is in no mesh any more. */
bool vault_key_void(const struct vault *v) {
        bool known = v->knows_device || v->key.state != KEYFILE_DEVICE;
        return v->has_key && v->key.state != KEYFILE_MEMBER && known && !v->in_mesh && !v->errand;
}

bool vault_joins(const struct vault *v) {
        bool joins = v->key.state == KEYFILE_JOINING || v->key.state == KEYFILE_DEVICE_JOINING;
        return v->has_key && joins && v->knows_device && v->in_mesh && !v->errand;
}

bool vault_is_free(const struct vault *v, struct vault_peer *p) {
        if (v->errand || !v->knows_device)
                return vault_refuse(p, VAULT_NO_BUSY);
        if (v->has_key && !vault_key_void(v))
                return vault_refuse(p, key_in_the_way(v));
        if (v->in_mesh)
                return vault_refuse(p, VAULT_NO_IN_MESH);
        return true;
}

bool vault_name_fine(struct vault_peer *p, struct span household) {
        int e = name_check(household);
        if (e == 0)
                return true;
        struct said why;
        said_set(&why, "the household name %s", name_error_text(e));
        said_words(&why, 0);
        return vault_refuse_said(p, e == NAME_E_ROLE ? VAULT_NO_NAME_REFUSED : VAULT_NO_BAD_NAME, &why, NULL);
}

bool vault_label_fine(struct vault_peer *p, const char *what, struct span name) {
        int e = name_check_mesh(name);
        if (e == 0)
                return true;
        struct said why;
        said_set(&why, "%s %s", what, name_error_text(e));
        said_words(&why, 0);
        said_words(&why, 1);
        return vault_refuse_said(p, VAULT_NO_BAD_NAME, &why, NULL);
}

bool vault_place_fine(struct vault_peer *p, bool has, mesh_cell cell) {
        return !has || cell_valid(cell) || vault_refuse(p, VAULT_NO_BAD_PLACE);
}

bool vault_wish_fine(struct vault_peer *p, const struct vault_wish *wish) {
        if (wish->passphrase && wish->no_passphrase)
                return vault_refuse(p, VAULT_NO_PASSPHRASE_BOTH);
        if (!wish->passphrase && !wish->no_passphrase)
                return vault_refuse(p, VAULT_NO_PASSPHRASE_NEEDED);
        if (wish->passphrase && wish->words.n < KEYFILE_PASSPHRASE_MIN)
                return vault_refuse(p, VAULT_NO_PASSPHRASE_SHORT);
        return true;
}

/* ---- keys ---- */

struct household *household_new(const struct vault *v) {
        uint8_t seed[32];
        struct household *h = sodium_malloc(sizeof(*h));
        if (!h)
                return NULL;
        v->io->seed(v->io->arg, seed);
        rng_init(&h->rng, seed);
        sodium_memzero(seed, sizeof(seed));
        rng_bytes(&h->rng, h->secret.sign_seed, sizeof(h->secret.sign_seed));
        sign_key_from_seed(&h->sign, h->secret.sign_seed);
        box_key_new(&h->seal, &h->rng);
        h->secret.seal = h->seal.secret;
        return h;
}

struct household *household_from(const struct vault *v, struct span sign_seed, struct span seal_secret) {
        uint8_t seed[32];
        struct household *h = sodium_malloc(sizeof(*h));
        if (!h)
                return NULL;
        memcpy(h->secret.sign_seed, sign_seed.p, sizeof(h->secret.sign_seed));
        memcpy(h->secret.seal.b, seal_secret.p, sizeof(h->secret.seal.b));
        sign_key_from_seed(&h->sign, h->secret.sign_seed);
        box_key_from_secret(&h->seal, &h->secret.seal);
        v->io->seed(v->io->arg, seed);
        rng_init(&h->rng, seed);
        sodium_memzero(seed, sizeof(seed));
        return h;
}

struct household *household_copy(const struct vault *v, const struct household *of) {
        struct household *h = household_from(v, SPAN_OF(of->secret.sign_seed), SPAN_OF(of->secret.seal.b));
        if (h && keyfile_of_device(v->key.state))
                household_sealing_only(h, &of->sign.pub);
        return h;
}

void household_sealing_only(struct household *h, const struct key *household) {
        memset(h->secret.sign_seed, 0, sizeof(h->secret.sign_seed));
        memset(&h->sign, 0, sizeof(h->sign));
        h->sign.pub = *household;
}

struct household *household_free(struct household *h) {
        sodium_free(h); /* wipes */
        return NULL;
}

struct wire_list vault_device_row(const struct vault *v, struct span name, struct buf *store) {
        struct wire_device device = {
                .sign = SPAN_OF(v->sign.b),
                .noise = SPAN_OF(v->noise.b),
                .seal = SPAN_OF(v->seal.b),
                .share = SHARE_WHOLE,
                .name = name,
        };
        struct wire_list list = {0};
        wire_list_add(&wire_device_desc, &list, store, &device);
        return list;
}

static struct keyfile key_head(const struct vault *v, const struct vault_peer *p, const struct household *h,
                               enum keyfile_state state, const struct hash *mesh, bool locked) {
        return (struct keyfile){
                .lock = locked ? KEYFILE_LOCKED : KEYFILE_PLAIN,
                .state = state,
                .owner = p->uid,
                .mesh = *mesh,
                .household = h->sign.pub,
                .seal = h->seal.pub,
                .passes = locked ? v->io->passes : 0,
                .memory_kib = locked ? v->io->memory_kib : 0,
        };
}

bool vault_key_keep(struct vault *v, struct vault_peer *p, struct household *h, enum keyfile_state state,
                    const struct hash *mesh, const struct vault_wish *wish) {
        _clean_(buf_wipe) struct buf file = BUF_NULL;
        struct keyfile head = key_head(v, p, h, state, mesh, wish->passphrase);
        int r = keyfile_encode(&file, &head, &h->secret, wish->words, &h->rng);
        if (r)
                return vault_refuse(p, r == ERR_NOMEM ? VAULT_NO_MEMORY : VAULT_NO_BROKEN);
        if (keyfile_decode(buf_span(&file), &head)) /* with its salt */
                return vault_refuse(p, VAULT_NO_BROKEN);
        if (v->has_key)
                vault_key_drop(v);
        r = v->io->key_write(v->io->arg, buf_span(&file), false);
        if (r == KEYDISK_E_THERE) /* somebody has put one there since the start */
                return vault_refuse(p, VAULT_NO_HOUSEHOLD_EXISTS);
        if (r) {
                log_error("the household key could not be written (%s); telling the owner", err_text(r));
                return vault_refuse(p, VAULT_NO_DISK);
        }
        v->key = head;
        v->has_key = true;
        enum vault_error e = vault_book_begin(v, state == KEYFILE_RESTORING, wish->ledger);
        if (!e)
                return true;
        vault_key_drop(v);
        return vault_refuse(p, e == VAULT_NO_LEDGER_DISK ? VAULT_NO_DISK : e);
}

void vault_key_drop(struct vault *v) {
        int r = v->io->key_remove(v->io->arg);
        if (r)
                log_error("the key of a household that came to nothing could not be removed (%s)", err_text(r));
        v->has_key = false;
        vault_book_void(v);
        hash_wipe(&v->key, sizeof(v->key));
}

bool vault_send(struct vault *v, struct vault_peer *p, enum vault_errand errand, enum wire_owner number,
                const void *msg, mesh_time now) {
        if (vault_ask(v, p, errand, number, msg, now))
                return true;
        vault_key_drop(v);
        return false;
}
