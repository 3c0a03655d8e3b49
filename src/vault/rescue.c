/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the owner's rule does (rule.h). The daemon shows the requests of the households that the rule names, as they were
 * signed; they wait here until enough have asked for one clip. Then the roster is folded anew, the daemon is asked for the
 * clip, and everything is looked at: that each who asked is a member with a current device, that it was asked after the
 * rule was made and soon after the clip was, that it is a clip of that camera and of this household. After that a grant is
 * written as after an owner's yes, by the same function, and the key is wrapped behind it.
 */
#include "vault/rule.h"

#include "base/log.h"
#include "base/text.h"
#include "vault/transfer.h"

#include <stdlib.h>

#define AHEAD_S 600   /* that another home's clock may be ahead (PROTOCOL 15.66) */
#define AGAIN_MS 2000 /* until another look, where something else is under way, or memory is short */

#define PATIENCE_MS 5000 /* of the owner's tools, as with an attestation */

static const char no_reason[] = "asked for under the rule for an emergency";

struct rescue {
        struct hash clip;
        struct roster *roster;
        uint64_t bytes;
        enum vault_error wrong;
};

struct rescue *rescue_free(struct rescue *r) {
        if (!r)
                return NULL;
        roster_free(r->roster);
        free(r);
        return NULL;
}

static void drop(struct vault *v, size_t i) {
        buf_fini(&v->asked[i].reason);
        v->asked[i] = v->asked[--v->n_asked];
}

void asked_clear(struct vault *v) {
        while (v->n_asked)
                drop(v, 0);
        free(TAKE(v->asked));
        v->rescue_at = MESH_NEVER;
}

/* ---- V_ASKED ---- */

static bool is_named(const struct book_rule *r, struct span home) {
        for (size_t i = 0; i < r->n; i++)
                if (span_eq(home, SPAN_OF(r->homes[i].b)))
                        return true;
        return false;
}

/* It was granted to that household since the rule was made; what was taken back since is not given again. */
static bool has_grant(const struct book *b, const struct hash *clip, const struct key *home) {
        for (size_t i = 0; i < book_n_grants(b); i++) {
                const struct book_grant *g = book_grant_at(b, i);
                if (hash_eq(&g->clip, clip) && key_eq(&g->to, home) && g->line > b->rule.line)
                        return true;
        }
        return false;
}

static bool is_asked(const struct vault *v, const struct hash *clip, const struct key *home) {
        for (size_t i = 0; i < v->n_asked; i++)
                if (hash_eq(&v->asked[i].clip, clip) && key_eq(&v->asked[i].home, home))
                        return true;
        return false;
}

/* PROTOCOL 15.78: "Under a rule a vault MUST grant a clip only where at least as many of the households it names as it says
 * have signed a request for that clip, each after the rule was made" */
static bool asked_right(const struct vault *v, const struct wire_request *w, mesh_wall wall) {
        const struct book_rule *r = &v->book->rule;
        return is_named(r, w->household) && w->created >= r->created && w->created <= wall + AHEAD_S &&
               w->expires > wall;
}

void on_asked(struct vault *v, const union frame_message *m, mesh_time now) {
        struct wire_request w;
        struct asked a = {.reason = BUF_NULL};
        mesh_wall wall = v->io->wall(v->io->arg);
        if (vault_book_there(v) || !vault_clock_sane(wall))
                return;
        grants_mind(v, wall);
        if (!rule_awake(v) || clip_read(CLIP_REQUEST, m->v_paper.paper, &v->key.mesh, &w, &a.request) ||
            !asked_right(v, &w, wall))
                return;
        memcpy(a.clip.b, w.clip.p, sizeof(a.clip));
        memcpy(a.home.b, w.household.p, sizeof(a.home));
        memcpy(a.device.b, w.device.p, sizeof(a.device));
        a.created = w.created;
        if (is_asked(v, &a.clip, &a.home) || has_grant(v->book, &a.clip, &a.home))
                return;
        if (!v->asked && !(v->asked = calloc(RULE_ASKED, sizeof(*v->asked))))
                return;
        bool told = WIRE_HAS(&w, REQUEST, reason) && vault_plain_line(w.reason);
        buf_add(&a.reason, told ? w.reason : span_str(no_reason));
        if (v->n_asked == RULE_ASKED)
                drop(v, 0);
        v->asked[v->n_asked++] = a;
        rescue_try(v, now);
}

/* ---- enough have asked ---- */

/* Those who have it by the rule already are among those who asked. */
static size_t count(const struct vault *v, const struct hash *clip) {
        const struct book_rule *r = &v->book->rule;
        size_t n = 0;
        for (size_t i = 0; i < r->n; i++)
                n += is_asked(v, clip, &r->homes[i]) ||
                     (book_rule_used(v->book, clip) && has_grant(v->book, clip, &r->homes[i]));
        return n;
}

static const struct asked *enough(const struct vault *v) {
        const struct book_rule *r = &v->book->rule;
        for (size_t i = 0; i < v->n_asked; i++) {
                const struct hash *clip = &v->asked[i].clip;
                if (count(v, clip) >= r->quorum && (r->used < r->clips || book_rule_used(v->book, clip)))
                        return &v->asked[i];
        }
        return NULL;
}

static bool is_busy(const struct vault *v) {
        return v->errand || v->ballot || v->witness || v->renewal || v->transfer || v->rescue || !v->in_mesh;
}

void rescue_try(struct vault *v, mesh_time now) {
        struct wire_c_none none = {0};
        uint64_t seed[4];
        v->rescue_at = MESH_NEVER;
        const struct asked *a = rule_awake(v) ? enough(v) : NULL;
        if (!a)
                return;
        if (is_busy(v)) {
                v->rescue_at = now + AGAIN_MS;
                return;
        }
        v->rescue = calloc(1, sizeof(*v->rescue));
        v->io->seed(v->io->arg, (uint8_t *)seed);
        if (!v->rescue || roster_new(&v->rescue->roster, seed)) {
                v->rescue = rescue_free(v->rescue);
                v->rescue_at = now + AGAIN_MS; /* there may be memory then */
                return;
        }
        v->rescue->clip = a->clip;
        v->errand = VAULT_OPS;
        v->witness_until = now + PATIENCE_MS;
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_WANT_OPS), &none);
}

void rescue_take(struct vault *v, struct span op) {
        struct rescue *r = v->rescue;
        if (!r->wrong)
                r->wrong = fold_op(r->roster, &v->key.mesh, &r->bytes, op);
}

/* Whatever came of it: those who asked for that clip do not wait any more. */
static void end(struct vault *v, const char *why) {
        struct hash clip = v->rescue->clip;
        v->rescue = rescue_free(v->rescue);
        for (size_t i = v->n_asked; i-- > 0;)
                if (hash_eq(&v->asked[i].clip, &clip))
                        drop(v, i);
        if (why)
                log_warning("households that a rule names have asked for a clip; it is not granted: %s", why);
        v->rescue_at = v->n_asked ? 0 : MESH_NEVER;
}

void rescue_folded(struct vault *v) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct rescue *r = v->rescue;
        v->errand = VAULT_NO_ERRAND;
        text_hex(&id, SPAN_OF(r->clip.b));
        struct wire_v_clip_id msg = {.clip = buf_span(&id)};
        if (r->wrong || !r->bytes || !buf_ok(&id)) {
                end(v, "the operations the daemon has are none");
                return;
        }
        v->errand = VAULT_CLIP;
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_WANT_CLIP), &msg);
}

/* ---- granting ---- */

static bool is_current(const struct ballot *b, const struct asked *a) {
        const struct roster_device *d = roster_device_find(b->roster, &a->device);
        return d && !d->gone_at && d->home->member && key_eq(&d->home->key, &a->home);
}

/* PROTOCOL 15.78: "and the clip was taken in since then, and not longer before the request than it says" */
static bool is_fresh(const struct vault *v, const struct wire_manifest *m, const struct asked *a) {
        const struct book_rule *r = &v->book->rule;
        return m->created >= r->created && m->created <= a->created + AHEAD_S && a->created <= m->created + r->ago;
}

static enum vault_error use(struct vault *v, const struct hash *clip, mesh_wall wall) {
        struct hash rule = v->book->rule.id;
        struct wire_entry line = {.what = ENTRY_RULE_USED, .time = wall};
        if (book_rule_used(v->book, clip))
                return VAULT_OK;
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(clip->b));
        WIRE_PUT(&line, ENTRY, grant, SPAN_OF(rule.b));
        return book_write(v->book, &line);
}

static enum vault_error give(struct vault *v, struct ballot *b, const struct asked *a) {
        struct consent *c = b->consent;
        struct hash id;
        buf_clear(&c->purpose);
        buf_add(&c->purpose, buf_span(&a->reason));
        c->has_answers = true;
        c->answers = a->request;
        b->target = roster_home_find(b->roster, &a->home);
        return buf_ok(&c->purpose) ? consent_give(v, b, &id) : VAULT_NO_MEMORY;
}

/* Those who asked rightly, first: a request that is not right is not counted. */
static size_t sift(struct vault *v, const struct ballot *b) {
        for (size_t i = v->n_asked; i-- > 0;)
                if (hash_eq(&v->asked[i].clip, &b->consent->clip) &&
                    (!is_current(b, &v->asked[i]) || !is_fresh(v, &b->consent->m, &v->asked[i])))
                        drop(v, i);
        return count(v, &b->consent->clip);
}

static enum vault_error give_all(struct vault *v, struct ballot *b) {
        struct consent *c = b->consent;
        size_t given = 0;
        if (!span_eq(c->m.camera, SPAN_OF(v->book->rule.camera.b)) || sift(v, b) < v->book->rule.quorum)
                return VAULT_NO_NOT_GRANTED;
        if (book_destroyed(v->book, &c->clip))
                return VAULT_NO_CLIP_DESTROYED;
        enum vault_error e = use(v, &c->clip, c->created);
        for (size_t i = 0; !e && i < v->n_asked; i++)
                if (hash_eq(&v->asked[i].clip, &c->clip)) {
                        e = give(v, b, &v->asked[i]);
                        given += !e;
                }
        log_warning(
                "under the owner's rule for an emergency %zu households are granted a clip; `porchlight policy end` "
                "ends the rule",
                given);
        return e;
}

static enum vault_error rescue(struct vault *v, const struct wire_v_clip *m) {
        _clean_(household_freep) struct household *own = NULL;
        struct consent c = {.kind = CONSENT_GRANT, .created = v->io->wall(v->io->arg)};
        struct ballot b = {.roster = v->rescue->roster, .consent = &c};
        const struct household *h = rule_key(v, &own);
        b.self = roster_home_find(b.roster, &v->key.household);
        if (!h || !b.self || !b.self->member || !vault_clock_sane(c.created))
                return VAULT_NO_NOT_GRANTED;
        grants_mind(v, c.created);
        if (!book_rule_stands(v->book))
                return VAULT_NO_NO_RULE;
        c.expires = c.created + RULE_GRANT_LIFE_S;
        text_hex(&c.clip_words, SPAN_OF(v->rescue->clip.b));
        enum vault_error e = consent_keep_clip(v, &b, m);
        c.key = e ? NULL : household_copy(v, h);
        if (!e)
                e = c.key ? give_all(v, &b) : VAULT_NO_MEMORY;
        consent_fini(&c);
        return e;
}

void rescue_clip(struct vault *v, const struct wire_v_clip *m) {
        v->errand = VAULT_NO_ERRAND;
        enum vault_error e = m && rule_awake(v) ? rescue(v, m) : VAULT_NO_NOT_GRANTED;
        end(v, e ? vault_error(e)->message : NULL);
}
