/* SPDX-License-Identifier: Apache-2.0 */
/* See rule.h: the rule is made, shown, and ended. */
#include "vault/rule.h"

#include "base/lang.h"
#include "base/log.h"

#include <stdlib.h>

/* ---- the key ---- */

static bool is_plain(const struct vault *v) {
        return v->key.lock != KEYFILE_LOCKED;
}

bool rule_awake(const struct vault *v) {
        return v->book && !v->book->broken && book_rule_stands(v->book) && (v->rule_key || is_plain(v));
}

const struct household *rule_key(const struct vault *v, struct household **ret_own) {
        if (v->rule_key)
                return v->rule_key;
        return is_plain(v) && household_open(v, SPAN_NONE, ret_own) == VAULT_OK ? *ret_own : NULL;
}

void rule_sleep(struct vault *v) {
        v->rule_key = household_free(v->rule_key);
        asked_clear(v);
        v->rescue = rescue_free(v->rescue);
}

/* Of a rule nothing is removed whose absence would tell the next start that its time was over. */
static enum vault_error write_end(struct vault *v, mesh_wall wall) {
        struct hash id = v->book->rule.id;
        struct wire_entry line = {.what = ENTRY_RULE_OVER, .time = wall};
        WIRE_PUT(&line, ENTRY, grant, SPAN_OF(id.b));
        return book_write(v->book, &line);
}

mesh_wall rule_mind(struct vault *v) {
        const struct book_rule *r = &v->book->rule;
        if (book_rule_stands(v->book))
                return r->expires;
        if (v->rule_key)
                log_info("the rule for an emergency is over; the key that was kept for it is wiped");
        rule_sleep(v);
        return r->there && !r->ended && write_end(v, MIN(r->seen, VAULT_CLOCK_CEILING)) ? r->seen : UINT64_MAX;
}

bool rule_wake(struct vault *v, const struct household *h) {
        bool asleep = v->book && !v->book->broken && book_rule_stands(v->book) && !rule_awake(v);
        if (!asleep || !(v->rule_key = household_copy(v, h)))
                return false;
        log_info("the rule for an emergency is awake again: its key stays in memory until it ends");
        rule_say(v);
        return true;
}

void rule_say(struct vault *v) {
        struct wire_v_rule msg = {0};
        if (rule_awake(v))
                WIRE_PUT(&msg, V_RULE, homes, span_of(v->book->rule.homes, v->book->rule.n * sizeof(struct key)));
        else if (v->book && book_rule_stands(v->book))
                WIRE_PUT(&msg, V_RULE, asleep, v->book->rule.expires);
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_RULE), &msg);
}

/* ---- O_RULE ---- */

static bool wish_take(const struct wire_o_rule *q, bool plain, struct consent *c) {
        struct wire_list list = q->with;
        struct wire_o_named one;
        buf_add(&c->clip_words, q->clip);
        while (wire_list_next(&wire_o_named_desc, &list, &one) && c->rule.n < BOOK_RULE_HOMES)
                buf_add(&c->rule.words[c->rule.n++], one.name);
        c->rule.plain = plain;
        c->rule.quorum = WIRE_HAS(q, O_RULE, quorum) ? q->quorum : RULE_QUORUM;
        c->rule.ago = WIRE_HAS(q, O_RULE, ago) ? q->ago : RULE_AGO_S;
        c->rule.clips = WIRE_HAS(q, O_RULE, clips) ? q->clips : RULE_CLIPS;
        c->expires_in = WIRE_HAS(q, O_RULE, expires_in) ? q->expires_in : RULE_LIFE_S;
        for (size_t i = 0; i < c->rule.n; i++)
                if (!buf_ok(&c->rule.words[i]))
                        return false;
        return buf_ok(&c->clip_words);
}

void on_rule(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        const struct wire_o_rule *q = &m->o_rule;
        if (!ballot_may(v, p) || !vault_book(v, p))
                return;
        if ((WIRE_HAS(q, O_RULE, quorum) ? q->quorum : RULE_QUORUM) > q->with.count) {
                vault_refuse(p, VAULT_NO_RULE_QUORUM);
                return;
        }
        struct ballot *b = ballot_new(v, p, WIRE_HAS(q, O_RULE, language) ? q->language : SPAN_NONE);
        if (b && (b->consent = calloc(1, sizeof(*b->consent)))) {
                b->consent->kind = CONSENT_RULE;
                if (!wish_take(q, is_plain(v), b->consent))
                        b = ballot_free(b);
        } else {
                b = ballot_free(b);
        }
        ballot_fold(v, p, b, now);
}

/* Each a household of its own, and none of them this one. */
static bool find_homes(struct ballot *b) {
        struct rule_wish *w = &b->consent->rule;
        for (size_t i = 0; i < w->n; i++) {
                buf_clear(&b->words);
                buf_add(&b->words, buf_span(&w->words[i]));
                if (!ballot_recipient(b))
                        return false;
                for (size_t k = 0; k < i; k++)
                        if (w->homes[k] == b->target)
                                return vault_refuse(b->peer, VAULT_NO_RULE_HOMES);
                if (!b->target) /* a device */
                        return vault_refuse(b->peer, VAULT_NO_RULE_HOMES);
                w->homes[i] = b->target;
        }
        return true;
}

bool rule_folded(struct vault *v, struct ballot *b, mesh_time now) {
        return find_homes(b) && clip_want(v, b->peer, buf_span(&b->consent->clip_words), now);
}

/* What its owner is shown of it later: the camera, and who. */
static void put_text(struct buf *out, const struct consent *c) {
        if (c->camera.n)
                buf_printf(out, "%.*s: ", (int)c->camera.n, (const char *)c->camera.p);
        for (size_t i = 0; i < c->rule.n; i++)
                buf_printf(out, "%s%s", i ? ", " : "", c->rule.homes[i]->name);
}

static enum vault_error rule_sign(const struct vault *v, const struct consent *c, const struct household *h,
                                  struct buf *ret, struct hash *ret_id) {
        struct key homes[BOOK_RULE_HOMES];
        for (size_t i = 0; i < c->rule.n; i++)
                homes[i] = c->rule.homes[i]->key;
        struct wire_rule w = {.household = SPAN_OF(h->sign.pub.b),
                              .camera = c->m.camera,
                              .homes = span_of(homes, c->rule.n * sizeof(homes[0])),
                              .quorum = c->rule.quorum,
                              .ago = c->rule.ago,
                              .clips = c->rule.clips,
                              .created = c->created,
                              .expires = c->expires};
        int r = clip_sign(CLIP_RULE, &w, &v->key.mesh, &h->sign, ret, ret_id);
        return r == 0 ? VAULT_OK : r < 0 ? VAULT_NO_MEMORY : VAULT_NO_BROKEN;
}

static enum vault_error rule_write(struct vault *v, const struct consent *c, const struct household *h) {
        _clean_(buf_fini) struct buf paper = BUF_NULL, text = BUF_NULL;
        struct hash id;
        enum vault_error e = rule_sign(v, c, h, &paper, &id);
        if (e)
                return e;
        put_text(&text, c);
        struct wire_entry line = {.what = ENTRY_RULE, .time = c->created};
        WIRE_PUT(&line, ENTRY, grant, SPAN_OF(id.b));
        WIRE_PUT(&line, ENTRY, text, buf_span(&text));
        WIRE_PUT(&line, ENTRY, object, buf_span(&paper));
        return buf_ok(&text) ? book_write(v->book, &line) : VAULT_NO_MEMORY;
}

static void put_row(const struct vault *v, struct buf *out) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        const struct book_rule *r = &v->book->rule;
        struct wire_entry e;
        struct wire_o_rule_row row = {.v = 1,
                                      .rule = SPAN_OF(r->id.b),
                                      .quorum = r->quorum,
                                      .homes = r->n,
                                      .ago = r->ago,
                                      .clips = r->clips,
                                      .used = r->used,
                                      .created = r->created,
                                      .expires = r->expires,
                                      .awake = rule_awake(v)};
        if (book_line(v->book, r->line, &store, &e) && WIRE_HAS(&e, ENTRY, text))
                WIRE_PUT(&row, O_RULE_ROW, text, e.text);
        frame_put(out, wire_owner_find(OWNER_O_RULE_ROW), &row);
}

/* The line is on the disk before a key is kept. PROTOCOL 15.79: "The key it needs MUST NOT be written to a disk for it" */
bool rule_go(struct vault *v, struct ballot *b, const struct household *h) {
        if (!vault_book(v, b->peer))
                return false;
        struct household *kept = is_plain(v) ? NULL : household_copy(v, h);
        enum vault_error e = !kept && !is_plain(v) ? VAULT_NO_MEMORY : rule_write(v, b->consent, h);
        if (e) {
                household_free(kept);
                return vault_refuse(b->peer, e);
        }
        rule_sleep(v);
        v->rule_key = kept;
        v->book_due = 0;
        log_warning("user %u lets some households have clips of a camera in an emergency: `porchlight policy show`",
                    b->peer->uid);
        rule_say(v);
        put_row(v, &b->peer->out);
        vault_done(b->peer, NULL);
        return false;
}

/* ---- O_RULES, O_RULE_END ---- */

void on_rules(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        mesh_wall wall;
        (void)m, (void)now;
        if (!vault_has_household(v, p) || !vault_book(v, p) || !vault_clock(v, p, &wall))
                return;
        if (book_rule_stands(v->book))
                put_row(v, &p->out);
        vault_done(p, NULL);
}

/* Less is allowed by it, so it takes no passphrase. */
void on_rule_end(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        mesh_wall wall;
        (void)m, (void)now;
        if (!ballot_may(v, p) || !vault_book(v, p) || !vault_clock(v, p, &wall))
                return;
        if (!book_rule_stands(v->book)) {
                vault_refuse(p, VAULT_NO_NO_RULE);
                return;
        }
        rule_sleep(v); /* whatever becomes of the line */
        enum vault_error e = write_end(v, wall);
        rule_say(v);
        if (e)
                vault_refuse(p, e);
        else
                vault_done(p, NULL);
}
