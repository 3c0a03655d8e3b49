/* SPDX-License-Identifier: Apache-2.0 */
/* See consent.h: the owner's yes about a clip, from the request to the line in the ledger and what follows it. */
#include "vault/reading.h"
#include "vault/rule.h"

#include "base/lang.h"
#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>

#define TOLD_EACH 16 /* grants to all: a tool that hears nothing for long gives up */
#define CLOCKS_APART                                                                                                   \
        MESH_DAY /* seconds between this machine's clock and the mesh's: a grant's end would mean nothing */

void consent_fini(struct consent *c) {
        struct buf *const bufs[] = {&c->clip_words, &c->purpose, &c->manifest, &c->sealed, &c->camera,
                                    &c->paper,      &c->name,    &c->seen,     &c->file};
        for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
                buf_fini(bufs[i]);
        for (size_t i = 0; i < c->rule.n; i++)
                buf_fini(&c->rule.words[i]);
        c->key = household_free(c->key);
}

struct consent *consent_free(struct consent *c) {
        if (c)
                consent_fini(c);
        free(c);
        return NULL;
}

bool consent_needs_key(const struct consent *c) {
        return c->kind != CONSENT_DESTROY || c->shared;
}

static struct ballot *ballot_about(const struct vault *v, struct vault_peer *p, enum consent_kind kind,
                                   struct span clip, struct span language) {
        _clean_(ballot_freep) struct ballot *b = ballot_new(v, p, language);
        if (!b)
                return NULL;
        b->consent = calloc(1, sizeof(*b->consent));
        if (!b->consent)
                return NULL;
        b->consent->kind = kind;
        buf_add(&b->consent->clip_words, clip);
        return buf_ok(&b->consent->clip_words) ? TAKE(b) : NULL;
}

/* ---- O_GRANT ---- */

void on_grant(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_grant *q = &m->o_grant;
        if (!ballot_may(v, p) || !vault_book(v, p))
                return;
        if (!vault_plain_line(q->purpose)) {
                vault_refuse(p, VAULT_NO_BAD_PURPOSE);
                return;
        }
        struct ballot *b =
                ballot_about(v, p, CONSENT_GRANT, q->clip, WIRE_HAS(q, O_GRANT, language) ? q->language : SPAN_NONE);
        if (b) {
                struct consent *c = b->consent;
                c->all = !WIRE_HAS(q, O_GRANT, to);
                if (!c->all)
                        buf_add(&b->words, q->to);
                buf_add(&c->purpose, q->purpose);
                c->expires_in = WIRE_HAS(q, O_GRANT, expires_in) ? q->expires_in : BOOK_GRANT_LIFE_S;
                c->has_answers = WIRE_HAS(q, O_GRANT, answers);
                if (c->has_answers)
                        memcpy(c->answers.b, q->answers.p, sizeof(c->answers));
                if (!buf_ok(&b->words) || !buf_ok(&c->purpose))
                        b = ballot_free(b);
        }
        ballot_fold(v, p, b, now);
}

/* The next household from @at on that is a member and not this one. */
static const struct roster_home *next_home(const struct ballot *b, size_t *at) {
        const struct roster_home *h;
        while ((h = roster_home_at(b->roster, (*at)++)))
                if (h->member && h != b->self)
                        return h;
        return NULL;
}

static bool grant_folded(struct vault *v, struct ballot *b, mesh_time now) {
        size_t at = 0;
        if (b->consent->all && !next_home(b, &at))
                return vault_refuse(b->peer, VAULT_NO_NO_RECIPIENT);
        return (b->consent->all || ballot_recipient(b)) &&
               clip_want(v, b->peer, buf_span(&b->consent->clip_words), now);
}

/* ---- V_CLIP ---- */

static bool by_own_device(const struct ballot *b, const struct wire_manifest *m) {
        struct key device;
        memcpy(device.b, m->device.p, sizeof(device));
        const struct roster_device *d = roster_device_find(b->roster, &device);
        return d && d->home == b->self && (!d->gone_at || m->created <= d->gone_at);
}

/* The name only where the manifest's hash is of it: a daemon could say any. */
static void keep_camera(struct consent *c, const struct wire_v_clip *m) {
        struct hash camera;
        if (!WIRE_HAS(m, V_CLIP, camera) || !WIRE_HAS(m, V_CLIP, salt))
                return;
        /* PROTOCOL 15.9: "A manifest's `camera` is `hash(CAMERA, 0^32, salt of the device || name of the camera)`" */
        const struct span parts[] = {m->salt, m->camera};
        hash_make_n(&camera, DOMAIN_CAMERA, NULL, parts, ARRAY_LEN(parts));
        if (span_eq(SPAN_OF(camera.b), c->m.camera))
                buf_add(&c->camera, m->camera);
}

/* Longer than a record may be none is. */
static void keep_seen(struct consent *c, const struct wire_v_clip *m) {
        struct wire_list list = m->seen;
        struct wire_v_seen one;
        while (WIRE_HAS(m, V_CLIP, seen) && wire_list_next(&wire_v_seen_desc, &list, &one)) {
                uint8_t n[2];
                put_be16(n, (uint16_t)one.record.n);
                buf_add(&c->seen, SPAN_OF(n));
                buf_add(&c->seen, one.record);
        }
}

enum vault_error consent_keep_clip(const struct vault *v, struct ballot *b, const struct wire_v_clip *m) {
        struct consent *c = b->consent;
        buf_add(&c->manifest, m->manifest);
        if (WIRE_HAS(m, V_CLIP, sealed))
                buf_add(&c->sealed, m->sealed);
        keep_seen(c, m);
        if (!buf_ok(&c->manifest) || !buf_ok(&c->sealed) || !buf_ok(&c->seen))
                return VAULT_NO_MEMORY;
        enum vault_error e = clip_look(v, buf_span(&c->manifest), buf_span(&c->clip_words), &c->m, &c->clip);
        c->away = !e && !span_eq(c->m.device, SPAN_OF(v->sign.b));
        bool gives = c->kind == CONSENT_GRANT || c->kind == CONSENT_RULE, opens = gives || c->kind == CONSENT_EXPORT;
        if (!e && opens && !by_own_device(b, &c->m))
                e = VAULT_NO_CLIP_FALSE;
        if (!e && opens && c->sealed.n != CHUNK_SEALED)
                e = VAULT_NO_NO_CLIP_KEY;
        if (!e && gives && WIRE_HAS(m, V_CLIP, never))
                e = VAULT_NO_CAMERA_NEVER;
        keep_camera(c, m);
        return e ? e : buf_ok(&c->camera) ? VAULT_OK : VAULT_NO_MEMORY;
}

static bool say(struct vault *v, struct ballot *b, bool released, mesh_time now) {
        _clean_(buf_fini) struct buf text = BUF_MAX(SENTENCE_MAX);
        sentence_consent(&text, b, released);
        return ballot_ask(v, b, &text, consent_needs_key(b->consent), now);
}

bool consent_clip(struct vault *v, struct ballot *b, const struct wire_v_clip *m, mesh_time now) {
        struct consent *c = b->consent;
        enum vault_error e = consent_keep_clip(v, b, m);
        if (e)
                return vault_refuse(b->peer, e);
        if (!vault_clock(v, b->peer, &c->created))
                return false;
        mesh_wall apart = MAX(c->created, b->wall) - MIN(c->created, b->wall);
        if ((c->kind == CONSENT_GRANT || c->kind == CONSENT_RULE) && apart > CLOCKS_APART)
                return vault_refuse(b->peer, VAULT_NO_CLOCKS_APART);
        c->expires = c->created + c->expires_in;
        grants_mind(v, c->created);
        c->shared = c->kind == CONSENT_DESTROY && own_shares(v, &c->clip);
        return say(v, b, false, now);
}

/* ---- writing a grant ---- */

struct recipient {
        const struct roster_home *home;
        const struct roster_device *device; /* of this household; else NULL */
};

/* Signs it for the next place in the ledger. */
static enum vault_error grant_sign(const struct vault *v, const struct ballot *b, const struct recipient *to,
                                   struct buf *ret, struct hash *ret_id) {
        const struct consent *c = b->consent;
        const struct ledger *at = &v->book->chain;
        struct wire_grant w = {
                .household = SPAN_OF(b->self->key.b),
                .clip = SPAN_OF(c->clip.b),
                .to = SPAN_OF(to->home->key.b),
                .purpose = buf_span(&c->purpose),
                .created = c->created,
                .expires = c->expires,
                .line = at->n,
        };
        if (to->device)
                WIRE_PUT(&w, GRANT, device, SPAN_OF(to->device->sign.b));
        if (c->has_answers)
                WIRE_PUT(&w, GRANT, answers, SPAN_OF(c->answers.b));
        if (at->n)
                WIRE_PUT(&w, GRANT, prev, SPAN_OF(at->last.b));
        int r = clip_sign(CLIP_GRANT, &w, &v->key.mesh, &c->key->sign, ret, ret_id);
        return r == 0 ? VAULT_OK : r < 0 ? VAULT_NO_MEMORY : VAULT_NO_BROKEN;
}

static enum vault_error grant_enter(struct vault *v, const struct ballot *b, const struct recipient *to,
                                    struct span paper, const struct hash *id) {
        struct wire_entry line = {.what = ENTRY_GRANTED, .time = b->consent->created};
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(b->consent->clip.b));
        WIRE_PUT(&line, ENTRY, grant, SPAN_OF(id->b));
        WIRE_PUT(&line, ENTRY, who, to->device ? SPAN_OF(to->device->sign.b) : SPAN_OF(to->home->key.b));
        WIRE_PUT(&line, ENTRY, text, span_str(to->device ? to->device->name : to->home->name));
        WIRE_PUT(&line, ENTRY, object, paper);
        return book_write(v->book, &line);
}

/* The line is on the disk: now, and not before, the key is opened. */
static enum vault_error grant_wrap(struct vault *v, const struct consent *c, const struct recipient *to,
                                   const struct hash *id) {
        _clean_(buf_fini) struct buf blob = BUF_NULL;
        const struct unwrap_clip clip = {c->clip, &c->m, c->m.salt, buf_span(&c->sealed)};
        const struct key *seal = to->device ? &to->device->seal : &to->home->seal;
        enum vault_error e = unwrap_grant(v->book, id, c->key, &clip, seal, &c->key->rng, &blob);
        if (e)
                return e;
        if (v->io->blob_write(v->io->arg, VAULT_BLOB_WRAPPED, id, buf_span(&blob)))
                return VAULT_NO_LEDGER_DISK;
        book_grant_find(v->book, id)->kept = true;
        return VAULT_OK;
}

void grant_say(struct vault *v, struct span paper, struct span receipt) {
        struct wire_v_paper msg = {.paper = paper};
        if (receipt.n)
                WIRE_PUT(&msg, V_PAPER, receipt, receipt);
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_GRANT), &msg);
}

static enum vault_error grant_write(struct vault *v, struct ballot *b, const struct recipient *to,
                                    struct hash *ret_id) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, receipt = BUF_NULL;
        enum vault_error e = grant_sign(v, b, to, &paper, ret_id);
        if (!e)
                e = grant_enter(v, b, to, buf_span(&paper), ret_id);
        if (!e)
                e = grant_wrap(v, b->consent, to, ret_id);
        if (!e && to->device)
                e = own_receive(v, b->consent, ret_id, &receipt);
        if (e)
                return e;
        v->book_due = 0; /* it has an end */
        grant_say(v, buf_span(&paper), buf_span(&receipt));
        b->consent->written++;
        return VAULT_OK;
}

enum vault_error consent_give(struct vault *v, struct ballot *b, struct hash *ret_id) {
        const struct recipient to = {.home = b->target};
        return grant_write(v, b, &to, ret_id);
}

static bool next_recipient(struct ballot *b, struct recipient *ret) {
        if (b->consent->all)
                *ret = (struct recipient){.home = next_home(b, &b->consent->next)};
        else if (b->consent->next++ == 0)
                *ret = (struct recipient){b->target ? b->target : b->self, b->device};
        else
                *ret = (struct recipient){0};
        return ret->home;
}

/* How many are written so far, which is all of them in the last. */
static void tell_shared(const struct ballot *b, const struct hash *id) {
        const struct consent *c = b->consent;
        struct wire_o_shared row = {.v = 1, .clip = SPAN_OF(c->clip.b), .grants = c->written, .expires = c->expires};
        if (!c->all)
                WIRE_PUT(&row, O_SHARED, grant, SPAN_OF(id->b));
        frame_put(&b->peer->out, wire_owner_find(OWNER_O_SHARED_ROW), &row);
}

static void answer_shared(const struct ballot *b, const struct hash *id) {
        tell_shared(b, id);
        vault_done(b->peer, NULL);
}

static void refuse_write(const struct ballot *b, enum vault_error e) {
        if (b->consent->written == 0)
                vault_refuse(b->peer, e);
        else
                vault_refuse_why(b->peer, e, "%s; before that, %zu grants were written and stand",
                                 vault_error(e)->message, b->consent->written);
}

/* One grant. False: the last is written, or none more can be; the peer has its answer. */
static bool grant_step(struct vault *v, struct ballot *b) {
        struct recipient to;
        struct hash id = {0};
        if (!next_recipient(b, &to))
                answer_shared(b, &id);
        else {
                enum vault_error e = grant_write(v, b, &to, &id);
                if (e)
                        refuse_write(b, e);
                else if (!b->consent->all)
                        answer_shared(b, &id);
                else if (b->consent->written % TOLD_EACH == 0)
                        tell_shared(b, &id);
                return !e && b->consent->all;
        }
        return false;
}

void consent_more(struct vault *v, mesh_time now) {
        (void)now;
        if (!grant_step(v, v->ballot))
                ballot_drop(v);
}

/* Between the sentence and the yes a clip may have been destroyed. */
static bool grant_go(struct vault *v, struct ballot *b, const struct household *h) {
        struct consent *c = b->consent;
        if (!vault_book(v, b->peer))
                return false;
        if (book_destroyed(v->book, &c->clip))
                return vault_refuse(b->peer, VAULT_NO_CLIP_DESTROYED);
        c->key = household_copy(v, h);
        if (!c->key)
                return vault_refuse(b->peer, VAULT_NO_MEMORY);
        log_info("user %u has the household grant a clip", b->peer->uid);
        b->stage = BALLOT_WRITING;
        return grant_step(v, b);
}

/* ---- O_ACCEPT ---- */

void on_accept(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_accept *q = &m->o_accept;
        if (!ballot_may(v, p) || !vault_book(v, p))
                return;
        struct ballot *b = ballot_about(v, p, CONSENT_ACCEPT, SPAN_NONE,
                                        WIRE_HAS(q, O_ACCEPT, language) ? q->language : SPAN_NONE);
        if (b) {
                buf_add(&b->consent->paper, q->grant);
                buf_add(&b->consent->manifest, q->manifest);
                if (!buf_ok(&b->consent->paper) || !buf_ok(&b->consent->manifest))
                        b = ballot_free(b);
        }
        ballot_fold(v, p, b, now);
}

static const struct roster_home *member(const struct roster *r, struct span key) {
        struct key k;
        memcpy(k.b, key.p, sizeof(k));
        const struct roster_home *h = roster_home_find(r, &k);
        return h && h->member ? h : NULL;
}

/* PROTOCOL 15.13: "A recipient's vault signs a receipt only for a grant that its own fold of the roster shows to be signed by
 * a household that is a member and owns the clip." */
static enum vault_error offer_wrong(const struct vault *v, struct ballot *b) {
        struct consent *c = b->consent;
        struct key device;
        if (clip_read(CLIP_GRANT, buf_span(&c->paper), &v->key.mesh, &c->grant, &c->grant_id) ||
            clip_read(CLIP_MANIFEST, buf_span(&c->manifest), &v->key.mesh, &c->m, &c->clip))
                return VAULT_NO_GRANT_FALSE;
        if (!span_eq(c->grant.to, SPAN_OF(b->self->key.b)) || WIRE_HAS(&c->grant, GRANT, device))
                return VAULT_NO_GRANT_NOT_OURS;
        memcpy(device.b, c->m.device.p, sizeof(device));
        const struct roster_home *owner = member(b->roster, c->grant.household);
        const struct roster_device *d = roster_device_find(b->roster, &device);
        bool right = owner && owner != b->self && d && d->home == owner &&
                     span_eq(c->m.household, c->grant.household) && span_eq(c->grant.clip, SPAN_OF(c->clip.b));
        b->target = owner;
        return right ? VAULT_OK : VAULT_NO_GRANT_FALSE;
}

static bool accept_folded(struct vault *v, struct ballot *b, mesh_time now) {
        struct consent *c = b->consent;
        enum vault_error e = offer_wrong(v, b);
        if (e)
                return vault_refuse(b->peer, e);
        if (!vault_clock(v, b->peer, &c->created))
                return false;
        if (c->created >= c->grant.expires || book_ended(v->book, &c->grant_id))
                return vault_refuse(b->peer, VAULT_NO_GRANT_EXPIRED);
        return say(v, b, false, now);
}

/* What is kept of it until the key comes; a key that has come stays. */
static enum vault_error take_keep(const struct vault *v, const struct consent *c, struct span receipt) {
        _clean_(buf_fini) struct buf old = BUF_NULL, fresh = BUF_NULL;
        struct wire_o_taken was,
                w = {.grant = buf_span(&c->paper), .manifest = buf_span(&c->manifest), .receipt = receipt};
        int r = v->io->blob_read(v->io->arg, VAULT_BLOB_TAKEN, &c->grant_id, &old);
        if (r < 0)
                return VAULT_NO_LEDGER_UNREAD;
        if (r == 0 && codec_decode(&wire_o_taken_desc, buf_span(&old), &was, NULL) == 0 && WIRE_HAS(&was, O_TAKEN, key))
                WIRE_PUT(&w, O_TAKEN, key, was.key);
        if (WIRE_HAS(&w, O_TAKEN, key) && WIRE_HAS(&was, O_TAKEN, spare))
                WIRE_PUT(&w, O_TAKEN, spare, was.spare);
        codec_encode(&wire_o_taken_desc, &w, &fresh);
        if (!buf_ok(&fresh))
                return VAULT_NO_MEMORY;
        return v->io->blob_write(v->io->arg, VAULT_BLOB_TAKEN, &c->grant_id, buf_span(&fresh)) ? VAULT_NO_LEDGER_DISK
                                                                                               : VAULT_OK;
}

static bool accept_go(struct vault *v, struct ballot *b, const struct household *h) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        const struct consent *c = b->consent;
        struct hash id;
        struct wire_receipt w = {.grant = SPAN_OF(c->grant_id.b),
                                 .clip = SPAN_OF(c->clip.b),
                                 .household = SPAN_OF(h->sign.pub.b),
                                 .created = c->created};
        if (clip_sign(CLIP_RECEIPT, &w, &v->key.mesh, &h->sign, &paper, &id))
                return vault_refuse(b->peer, VAULT_NO_MEMORY);
        enum vault_error e = take_keep(v, c, buf_span(&paper));
        if (e)
                return vault_refuse(b->peer, e);
        v->book_due = 0;
        struct wire_v_paper msg = {.paper = buf_span(&paper)};
        struct wire_o_receipt row = {.v = 1, .grant = SPAN_OF(c->grant_id.b), .receipt = buf_span(&paper)};
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_SIGNED), &msg);
        frame_put(&b->peer->out, wire_owner_find(OWNER_O_RECEIPT_ROW), &row);
        vault_done(b->peer, NULL);
        return false;
}

/* ---- O_REVOKE ---- */

static const struct book_grant *grant_named(const struct book *b, struct vault_peer *p, struct span words) {
        const struct book_grant *found = NULL;
        for (size_t i = 0; i < book_n_grants(b); i++) {
                const struct book_grant *g = book_grant_at(b, i);
                if (!id_begins(g->id.b, words))
                        continue;
                if (found) {
                        vault_refuse_why(p, VAULT_NO_AMBIGUOUS, "several grants begin with that");
                        return NULL;
                }
                found = g;
        }
        if (!found)
                vault_refuse(p, VAULT_NO_NO_SUCH_GRANT);
        return found;
}

void on_revoke(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        const struct wire_o_about *q = &m->o_about;
        struct wire_entry e;
        mesh_wall wall;
        if (!ballot_may(v, p) || !vault_book(v, p) || !vault_clock(v, p, &wall))
                return;
        const struct book_grant *g = grant_named(v->book, p, q->id);
        if (!g)
                return;
        if (g->revoked) {
                vault_refuse(p, VAULT_NO_GRANT_REVOKED);
                return;
        }
        struct ballot *b =
                ballot_about(v, p, CONSENT_REVOKE, q->id, WIRE_HAS(q, O_ABOUT, language) ? q->language : SPAN_NONE);
        if (!b || !book_line(v->book, g->line, &store, &e)) {
                ballot_free(b);
                vault_refuse(p, b ? VAULT_NO_LEDGER_UNREAD : VAULT_NO_MEMORY);
                return;
        }
        b->consent->grant_id = g->id;
        b->consent->clip = g->clip;
        buf_add(&b->consent->name, e.text);
        b->consent->was_released = g->released;
        ballot_put(v, b);
        if (!say(v, b, g->released, now))
                ballot_drop(v);
}

static const char left_meanwhile[] =
        N_("while you were asked the recipient signed its terms, and the key went to it: it "
           "can open the clip; it is asked to delete it");

/* Nothing is told before nothing can be released any more. A release between the sentence and the yes makes the sentence untrue:
 * what was wanted is wanted all the more then, and the owner hears so. */
static bool revoke_go(struct vault *v, const struct ballot *b, const struct household *h) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        const struct consent *c = b->consent;
        struct hash id;
        mesh_wall wall;
        if (!vault_book(v, b->peer) || !vault_clock(v, b->peer, &wall))
                return false;
        struct wire_grant_over w = {
                .grant = SPAN_OF(c->grant_id.b), .household = SPAN_OF(h->sign.pub.b), .created = wall};
        struct wire_entry line = {.what = ENTRY_REVOKED, .time = wall};
        if (clip_sign(CLIP_GRANT_OVER, &w, &v->key.mesh, &h->sign, &paper, &id))
                return vault_refuse(b->peer, VAULT_NO_MEMORY);
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(c->clip.b));
        WIRE_PUT(&line, ENTRY, grant, SPAN_OF(c->grant_id.b));
        WIRE_PUT(&line, ENTRY, object, buf_span(&paper));
        enum vault_error e = book_write(v->book, &line);
        if (e)
                return vault_refuse(b->peer, e);
        struct book_grant *g = book_grant_find(v->book, &c->grant_id);
        bool gone = grant_forget(v, g), left = g->released && !c->was_released;
        say_revoked(v, g, buf_span(&paper));
        vault_done(b->peer, !gone ? consent_key_left : left ? left_meanwhile : NULL);
        return false;
}

/* ---- O_DESTROY ---- */

void on_destroy(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_about *q = &m->o_about;
        if (!ballot_may(v, p) || !vault_book(v, p))
                return;
        struct ballot *b =
                ballot_about(v, p, CONSENT_DESTROY, q->id, WIRE_HAS(q, O_ABOUT, language) ? q->language : SPAN_NONE);
        if (!b) {
                vault_refuse(p, VAULT_NO_MEMORY);
                return;
        }
        ballot_put(v, b);
        if (!clip_want(v, p, q->id, now))
                ballot_drop(v);
}

/* The line first: should the rest fail, the owner asks once more, and no key is released meanwhile. @h NULL: nothing was shared with
 * own devices when the sentence was made, and nothing has been since, for there is one ballot at a time. */
static bool destroy_go(struct vault *v, struct ballot *b, const struct household *h, mesh_time now) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        const struct consent *c = b->consent;
        struct wire_entry line = {.what = ENTRY_DESTROYED, .time = c->created};
        if (!vault_book(v, b->peer))
                return false;
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(c->clip.b));
        enum vault_error e = h ? own_clip_ends(v, &c->clip, h, c->created) : VAULT_OK;
        if (!e && !book_destroyed(v->book, &c->clip))
                e = book_write(v->book, &line);
        if (e)
                return vault_refuse(b->peer, e);
        for (size_t i = 0; i < book_n_grants(v->book); i++)
                if (hash_eq(&book_grant_at(v->book, i)->clip, &c->clip) && !grant_forget(v, book_grant_at(v->book, i)))
                        return vault_refuse(b->peer, VAULT_NO_LEDGER_DISK);
        text_hex(&id, SPAN_OF(c->clip.b));
        struct wire_v_clip_id msg = {.clip = buf_span(&id)};
        if (!buf_ok(&id))
                return vault_refuse(b->peer, VAULT_NO_MEMORY);
        if (!vault_ask(v, b->peer, VAULT_DESTROY, OWNER_V_DESTROY, &msg, now))
                return false;
        b->stage = BALLOT_SENT;
        log_info("user %u destroys a clip; waiting for the daemon to remove it", b->peer->uid);
        return true;
}

void consent_destroyed(struct vault *v, const struct wire_v_result *res) {
        struct vault_peer *p = TAKE(v->asker);
        v->errand = VAULT_NO_ERRAND;
        if (p && res->ok)
                vault_done(p, NULL);
        else if (p)
                vault_pass_on(p, res);
        ballot_drop(v);
}

/* ---- O_EXPORT ---- */

/* PROTOCOL 16.9: "A vault makes a bundle of a clip of its own household alone" */
void on_export(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_export *q = &m->o_export;
        if (!ballot_may(v, p) || !vault_book(v, p))
                return;
        if (taken_named(v, q->clip)) {
                vault_refuse(p, VAULT_NO_EXPORT_OTHERS);
                return;
        }
        struct ballot *b =
                ballot_about(v, p, CONSENT_EXPORT, q->clip, WIRE_HAS(q, O_EXPORT, language) ? q->language : SPAN_NONE);
        if (b) {
                buf_add(&b->consent->file, q->file);
                if (!buf_ok(&b->consent->file))
                        b = ballot_free(b);
        }
        ballot_fold(v, p, b, now);
}

/* ---- both ways ---- */

bool consent_folded(struct vault *v, struct ballot *b, mesh_time now) {
        if (!ballot_self(v, b) || !vault_book(v, b->peer))
                return false;
        switch (b->consent->kind) {
        case CONSENT_GRANT:
                return grant_folded(v, b, now);
        case CONSENT_ACCEPT:
                return accept_folded(v, b, now);
        case CONSENT_RULE:
                return rule_folded(v, b, now);
        case CONSENT_EXPORT:
                return clip_want(v, b->peer, buf_span(&b->consent->clip_words), now);
        case CONSENT_REVOKE:
        case CONSENT_DESTROY:
                break; /* no roster is asked */
        }
        return false;
}

bool consent_go(struct vault *v, struct ballot *b, const struct household *h, mesh_time now) {
        switch (b->consent->kind) {
        case CONSENT_GRANT:
                return grant_go(v, b, h);
        case CONSENT_ACCEPT:
                return accept_go(v, b, h);
        case CONSENT_REVOKE:
                return revoke_go(v, b, h);
        case CONSENT_DESTROY:
                return destroy_go(v, b, h, now);
        case CONSENT_EXPORT:
                return export_go(v, b, h);
        case CONSENT_RULE:
                return rule_go(v, b, h);
        }
        return false;
}
