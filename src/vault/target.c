/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom the owner's words mean. A name is anybody's to choose, also one that looks like the beginning of a neighbour's
 * id: so names and ids are looked through together, and where more than one home answers, the owner is asked which.
 */
#include "vault/consent.h"

#include "base/text.h"

#define PREFIX_MIN 4 /* digits of an id */
#define LISTED_MAX 5 /* ids in an error */

bool id_begins(const uint8_t id[32], struct span digits) {
        return digits.n >= PREFIX_MIN && text_hex_begins(span_of(id, sizeof(struct hash)), digits);
}

/* ---- homes ---- */

struct homes {
        const struct roster_home *first[LISTED_MAX];
        size_t n;
};

static struct homes homes_called(const struct ballot *b, bool members) {
        struct homes found = {.n = 0};
        struct span words = buf_span(&b->words);
        const struct roster_home *h;
        for (size_t i = 0; (h = roster_home_at(b->roster, i)); i++) {
                if (h->member != members || (!span_eq(span_str(h->name), words) && !id_begins(h->key.b, words)))
                        continue;
                if (found.n < LISTED_MAX)
                        found.first[found.n] = h;
                found.n++;
        }
        return found;
}

static bool refuse_homes(struct ballot *b, const struct homes *found) {
        _clean_(buf_fini) struct buf ids = BUF_NULL;
        for (size_t i = 0; i < MIN(found->n, (size_t)LISTED_MAX); i++) {
                buf_add_str(&ids, i ? ", " : "");
                sentence_home_id(&ids, b->roster, found->first[i]);
        }
        if (found->n > LISTED_MAX)
                return vault_refuse_why(b->peer, VAULT_NO_AMBIGUOUS,
                                        "several households answer to that: %s and %zu more", buf_cstr(&ids),
                                        found->n - LISTED_MAX);
        return vault_refuse_why(b->peer, VAULT_NO_AMBIGUOUS, "several households answer to that: %s", buf_cstr(&ids));
}

static enum vault_error undo_wrong(const struct ballot *b, const struct roster_home *h) {
        if (h->inviter != b->self)
                return VAULT_NO_NOT_INVITED;
        if (roster_members(b->roster) < ROSTER_UNDO_HOMES)
                return VAULT_NO_UNDO_FEW;
        return b->wall > h->joined + ROSTER_UNDO_SECONDS ? VAULT_NO_UNDO_LATE : VAULT_OK;
}

/* What of the target the rules will look at. VAULT_OK, or why not. */
static enum vault_error target_wrong(const struct ballot *b, const struct roster_home *h) {
        if (h == b->self)
                return VAULT_NO_SELF;
        if (b->type == OP_RETURN && h->member)
                return VAULT_NO_TARGET_MEMBER;
        if (b->type == OP_RETURN)
                return h->left ? VAULT_NO_TARGET_LEFT : VAULT_OK;
        if (!h->member)
                return VAULT_NO_TARGET_GONE;
        if (b->type == OP_PROMOTE && h->steward)
                return VAULT_NO_IS_STEWARD;
        if (b->type == OP_DEMOTE && !h->steward)
                return VAULT_NO_NO_STEWARD;
        if (b->type == OP_INVITE_UNDO)
                return undo_wrong(b, h);
        return b->type == OP_VOUCH && h->inviter == b->self ? VAULT_NO_INVITED : VAULT_OK;
}

/* Those whom the operation can be about come first: a home that is gone does not stand in a namesake's way. */
static bool resolve_home(struct ballot *b) {
        struct homes found = homes_called(b, b->type != OP_RETURN);
        if (found.n == 0)
                found = homes_called(b, b->type == OP_RETURN);
        if (found.n == 0)
                return vault_refuse(b->peer, VAULT_NO_NO_SUCH_HOUSEHOLD);
        if (found.n > 1)
                return refuse_homes(b, &found);
        enum vault_error e = target_wrong(b, found.first[0]);
        if (e)
                return vault_refuse(b->peer, e);
        b->target = found.first[0];
        if (b->type == OP_INVITE_UNDO)
                b->proposal = roster_home_op(b->roster, b->target)->id;
        return true;
}

/* ---- proposals ---- */

static size_t proposals_called(const struct ballot *b, bool open, struct buf *ids, struct roster_proposal *ret_last) {
        struct roster_proposal p;
        size_t n = 0;
        for (size_t i = 0; roster_proposal_at(b->roster, i, &p); i++) {
                if ((!p.in_force && !p.dead) != open || !id_begins(p.id.b, buf_span(&b->words)))
                        continue;
                if (n < LISTED_MAX) {
                        buf_add_str(ids, n ? ", " : "");
                        sentence_proposal_id(ids, b->roster, &p.id);
                }
                n++;
                *ret_last = p;
        }
        return n;
}

static bool refuse_proposals(struct ballot *b, struct buf *ids, size_t n) {
        if (n > LISTED_MAX)
                return vault_refuse_why(b->peer, VAULT_NO_AMBIGUOUS,
                                        "several proposals answer to that: %s and %zu more", buf_cstr(ids),
                                        n - LISTED_MAX);
        return vault_refuse_why(b->peer, VAULT_NO_AMBIGUOUS, "several proposals answer to that: %s", buf_cstr(ids));
}

static bool resolve_proposal(struct ballot *b) {
        _clean_(buf_fini) struct buf ids = BUF_NULL;
        struct roster_proposal p = {0};
        size_t n = proposals_called(b, true, &ids, &p);
        if (n > 1)
                return refuse_proposals(b, &ids, n);
        if (n == 0 && proposals_called(b, false, &ids, &p))
                return p.in_force
                               ? vault_refuse_why(b->peer, VAULT_NO_NOT_OPEN, "that proposal is in force already")
                               : vault_refuse_why(b->peer, VAULT_NO_NOT_OPEN, "that proposal was overtaken by others");
        if (n == 0)
                return vault_refuse(b->peer, VAULT_NO_NO_SUCH_PROPOSAL);
        if (roster_voted(b->roster, &p.id, &b->self->key))
                return vault_refuse(b->peer, VAULT_NO_VOTED);
        b->proposal = p.id;
        return true;
}

/* ---- devices ---- */

static bool device_called(const struct roster_device *d, struct span words) {
        return span_eq(span_str(d->name), words) || id_begins(d->sign.b, words);
}

static size_t devices_called(const struct ballot *b, bool current, const struct roster_device **ret_last) {
        size_t n = 0;
        for (size_t i = 0; i < b->self->n_devices; i++) {
                if ((b->self->devices[i]->gone_at == 0) != current ||
                    !device_called(b->self->devices[i], buf_span(&b->words)))
                        continue;
                *ret_last = b->self->devices[i];
                n++;
        }
        return n;
}

static bool resolve_device(struct ballot *b) {
        const struct roster_device *d = NULL;
        size_t n = devices_called(b, true, &d);
        if (n == 0)
                return vault_refuse(b->peer,
                                    devices_called(b, false, &d) ? VAULT_NO_DEVICE_GONE : VAULT_NO_NO_SUCH_DEVICE);
        if (n > 1)
                return vault_refuse_why(b->peer, VAULT_NO_AMBIGUOUS,
                                        "several devices answer to that; `porchlight device "
                                        "list` shows their ids");
        if (key_eq(&d->sign, &b->here))
                return vault_refuse(b->peer, VAULT_NO_THIS_DEVICE);
        b->device = d;
        return true;
}

/* ---- who may have a clip ---- */

bool ballot_recipient(struct ballot *b) {
        const struct roster_device *d = NULL;
        struct homes found = homes_called(b, true);
        size_t devices = devices_called(b, true, &d);
        if (found.n > 1)
                return refuse_homes(b, &found);
        if (found.n + devices > 1)
                return vault_refuse_why(b->peer, VAULT_NO_AMBIGUOUS,
                                        "a household and a device, or several devices, answer to that");
        /* PROTOCOL 15.86: "The main device's is used for nothing: a vault MUST NOT grant a clip to it." Whatever the daemon says. */
        if (devices && (key_eq(&d->sign, &b->here) || d->share == SHARE_WHOLE))
                return vault_refuse(b->peer, VAULT_NO_GRANT_HERE);
        if (found.n && found.first[0] == b->self)
                return vault_refuse(b->peer, VAULT_NO_GRANT_SELF);
        if (found.n + devices == 0)
                return vault_refuse(b->peer,
                                    homes_called(b, false).n ? VAULT_NO_TARGET_GONE : VAULT_NO_NO_SUCH_HOUSEHOLD);
        b->device = d;
        b->target = found.n ? found.first[0] : NULL;
        return true;
}

bool ballot_resolve(struct ballot *b) {
        switch (b->type) {
        case OP_ENDORSE:
                return resolve_proposal(b);
        case OP_REMOVE:
        case OP_PROMOTE:
        case OP_DEMOTE:
        case OP_VOUCH:
        case OP_RETURN:
        case OP_INVITE_UNDO:
                return resolve_home(b);
        case OP_DEVICE_REVOKE:
                return resolve_device(b);
        case OP_LEAVE:
        case OP_GENESIS:
        case OP_ADD:
        case OP_DEVICE_ADD:
                return true; /* about this household */
        }
        return true;
}
