/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Own posts: a draft becomes a record in the next free slot of its class, encrypted under the epoch in force, signed, and
 * written to disk. Only then is it sent, and only then does the person hear that it was posted; how many neighbouring homes
 * have it on their own disks follows as they acknowledge it.
 */
#include "base/cell.h"
#include "base/text.h"
#include "core/asks.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/link.h"
#include "core/out.h"
#include "core/packet.h"
#include "core/record.h"
#include "core/spread.h"
#include "roster/roster.h"
#include "wire/codec.h"

#include <stdlib.h>

#define TEXT_MOST 512

static bool text_fits(struct span text) {
        return text.n <= TEXT_MOST && text_utf8(text);
}

/* What the draft leaves open, the kind fills in. */
static enum mesh_outcome complete(const struct mesh *m, const struct mesh_draft *d, struct wire_alert *ret,
                                  uint64_t *ret_life) {
        const struct wire_kind_row *k = wire_kind_find(d->kind);
        if (!k)
                k = wire_kind_find(KIND_OTHER);
        struct wire_alert a = {.kind = d->kind ? d->kind : KIND_OTHER,
                               .category = k->category,
                               .severity = d->severity ? d->severity : k->severity,
                               .urgency = d->urgency ? d->urgency : k->urgency,
                               .certainty = d->certainty ? d->certainty : k->certainty,
                               .status = d->status ? d->status : STATUS_ACTUAL};
        int finest = (int)roster_charter(m->roster, CHARTER_precision);
        int wanted = d->precision ? d->precision : d->sensor ? CELL_AREA : finest;
        a.cell = cell_coarsen(d->cell, MIN(wanted, finest));
        if (!cell_valid(a.cell))
                return MESH_OUT_BAD_PLACE;
        if (!text_fits(d->text) || d->clips.n > 96 || d->clips.n % 32)
                return MESH_OUT_BAD_TEXT;
        uint8_t klass = record_class_of((uint8_t)a.kind, (uint8_t)a.urgency, (uint8_t)a.severity, (uint8_t)a.status);
        uint64_t life = d->expires_in ? d->expires_in : MIN((uint64_t)k->hours * 3600, record_life(klass));
        if (life > record_life(klass))
                return MESH_OUT_BAD_TIME;
        if (d->doing)
                WIRE_PUT(&a, ALERT, doing, d->doing);
        if (d->text.n)
                WIRE_PUT(&a, ALERT, text, d->text);
        if (d->clips.n)
                WIRE_PUT(&a, ALERT, clips, d->clips);
        *ret = a;
        *ret_life = life;
        return MESH_OUT_DONE;
}

enum mesh_outcome mesh_draft_complete(const struct mesh *m, const struct mesh_draft *d, struct wire_alert *ret,
                                      uint64_t *ret_life) {
        return m->roster ? complete(m, d, ret, ret_life) : MESH_OUT_NO_MESH;
}

/* By anything: a retraction or a proof may be here while the record is not. */
static bool slot_used(const struct mesh *m, uint32_t day, uint8_t klass, uint16_t index) {
        struct slot s = records_slot(m, &m->sign.pub, day, klass, index);
        return records_in(m, &s, NULL) != NULL;
}

/* A disk that has lost its records still says which slots were used. */
void author_restore(struct mesh *m, const struct mesh_row *row) {
        if (row->slots.klass > CLASS_ASK)
                return;
        m->slot_used[row->slots.klass].day = row->slots.day;
        m->slot_used[row->slots.klass].next = row->slots.next;
}

/* All below it are used, as the disk says, which may have lost what was in them. */
static uint16_t slots_below(const struct mesh *m, uint32_t day, uint8_t klass) {
        mesh_wall used = (mesh_wall)m->slot_used[klass].day * MESH_DAY;
        return m->slot_used[klass].next && record_slot_day(klass, used) == day ? m->slot_used[klass].next : 0;
}

static bool next_slot(struct mesh *m, uint32_t day, uint8_t klass, bool sensor, uint16_t *ret) {
        const struct roster_device *me = roster_device_find(m->roster, &m->sign.pub);
        uint16_t quota = record_quota(m, me, klass, sensor),
                 i = m->slot_hint[klass].day == day ? m->slot_hint[klass].next : 0;
        /* PROTOCOL 4.20: "MUST NOT use one slot twice, also after a restart" */
        i = MAX(i, slots_below(m, day, klass));
        while (i < quota && slot_used(m, day, klass, i))
                i++;
        m->slot_hint[klass].day = day;
        m->slot_hint[klass].next = i;
        *ret = i;
        return i < quota;
}

/* Encrypts @plain into @w's body, signs, appends the record to @raw and gives its id. */
static int finish(struct mesh *m, struct wire_record *w, const struct key *slot_device, struct span plain,
                  struct buf *raw, struct hash *ret_id) {
        const struct epoch *e = epoch_usable(m);
        static const uint8_t blank[BOX_OVERHEAD + 768];
        _clean_(buf_fini) struct buf body = BUF_NULL;
        struct key key;
        bool ok = false;
        size_t at;
        if (CHECK_FAILS(e && plain.n <= 768))
                return ERR_BROKEN;
        w->epoch = span_of(e->id, sizeof(e->id));
        w->sig = SPAN_OF(signed_blank);
        w->body = span_of(blank, plain.n + BOX_OVERHEAD);
        record_key(e, w, slot_device, &key, &ok);
        codec_encode_until(&wire_record_desc, w, RECORD_KEY_body, raw, &at);
        if (ok && buf_ok(raw))
                box_lock(&body, &key, span_of(raw->p, at), plain, &m->rng);
        hash_wipe(&key, sizeof(key));
        if (!ok || !buf_ok(raw) || !buf_ok(&body))
                return ok ? ERR_NOMEM : ERR_BROKEN;
        codec_patch(raw, at, buf_span(&body));
        return signed_finish(m, DOMAIN_RECORD, raw, RECORD_KEY_sig, ret_id);
}

static void encode_plain(const struct saying *says, struct buf *out) {
        if (says->alert)
                codec_encode(&wire_alert_desc, says->alert, out);
        else if (says->follow)
                codec_encode(&wire_follow_desc, says->follow, out);
        else if (says->notice)
                codec_encode(&wire_notice_desc, says->notice, out);
        else
                codec_encode(&wire_ask_desc, says->ask, out);
}

static int publish(struct mesh *m, uint64_t command, struct wire_record *w, const struct key *slot_device,
                   const struct saying *says) {
        _clean_(buf_wipe) struct buf plain = BUF_NULL;
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        struct hash id;
        encode_plain(says, &plain);
        if (plain.starved)
                return ERR_NOMEM;
        if (CHECK_FAILS(buf_ok(&plain))) {
                mesh_reply(m, command, MESH_OUT_BAD_TEXT);
                return 0;
        }
        int r = finish(m, w, slot_device, buf_span(&plain), &raw, &id);
        if (r)
                return r;
        struct rec *rec = records_new(m, &id, w);
        struct wait *wait = rec ? mesh_wait(m, WAIT_RECORD, command) : NULL;
        if (!wait)
                return ERR_NOMEM;
        rec->packet = record_packet(w, &id, buf_span(&raw));
        wait->rec = rec->number;
        memcpy(wait->id.b, id.b, sizeof(id.b));
        if (!rec->packet)
                return ERR_NOMEM;
        return record_store(m, rec, w, buf_span(&raw), says, wait);
}

static int post(struct mesh *m, uint64_t command, const struct mesh_draft *d) {
        struct wire_alert a;
        uint64_t life;
        uint8_t salt[16];
        enum mesh_outcome o = complete(m, d, &a, &life);
        mesh_wall now = clock_now(m);
        uint8_t klass = record_class_of((uint8_t)a.kind, (uint8_t)a.urgency, (uint8_t)a.severity, (uint8_t)a.status);
        uint32_t day = record_slot_day(klass, now);
        uint16_t index = 0;
        if (o == MESH_OUT_DONE && !next_slot(m, day, klass, d->sensor, &index))
                o = MESH_OUT_NO_SLOTS;
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, command, o);
                return 0;
        }
        rng_bytes(&m->rng, salt, sizeof(salt));
        a.salt = SPAN_OF(salt);
        struct wire_record w = {.type = RECORD_ALERT,
                                .device = SPAN_OF(m->sign.pub.b),
                                .day = day,
                                .klass = klass,
                                .index = index,
                                .created = now,
                                .expires = now + life};
        if (d->sensor)
                WIRE_PUT(&w, RECORD, sensor, true);
        return publish(m, command, &w, &m->sign.pub, &(struct saying){.alert = &a});
}

/* ---- notices and asks ---- */

static struct wire_record in_slot(struct mesh *m, uint8_t type, uint8_t klass, uint64_t life) {
        mesh_wall now = clock_now(m);
        return (struct wire_record){.type = type,
                                    .device = SPAN_OF(m->sign.pub.b),
                                    .day = record_slot_day(klass, now),
                                    .klass = klass,
                                    .created = now,
                                    .expires = now + life};
}

static int notice(struct mesh *m, uint64_t command, const struct mesh_draft *d) {
        struct wire_notice n;
        uint8_t salt[16];
        uint64_t life = 0;
        uint16_t index = 0;
        enum mesh_outcome o = asks_notice(m, d, &n, &life);
        struct wire_record w = in_slot(m, RECORD_NOTICE, CLASS_NOTICE, life);
        if (o == MESH_OUT_DONE && !next_slot(m, (uint32_t)w.day, CLASS_NOTICE, d->sensor, &index))
                o = MESH_OUT_NO_SLOTS;
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, command, o);
                return 0;
        }
        rng_bytes(&m->rng, salt, sizeof(salt));
        n.salt = SPAN_OF(salt);
        w.index = index;
        if (d->sensor)
                WIRE_PUT(&w, RECORD, sensor, true);
        return publish(m, command, &w, &m->sign.pub, &(struct saying){.notice = &n});
}

static bool is_whole(const struct mesh *m) {
        return record_quota(m, roster_device_find(m->roster, &m->sign.pub), CLASS_ASK, false) > 0;
}

static int ask(struct mesh *m, uint64_t command, const struct mesh_draft *d) {
        struct wire_ask a;
        uint8_t salt[16];
        uint64_t life = 0;
        uint16_t index = 0;
        enum mesh_outcome o = is_whole(m) ? asks_ask(m, d, &a, &life) : MESH_OUT_ASK_OTHER;
        struct wire_record w = in_slot(m, RECORD_ASK, CLASS_ASK, life);
        if (o == MESH_OUT_DONE && !next_slot(m, (uint32_t)w.day, CLASS_ASK, false, &index))
                o = MESH_OUT_ASK_USED;
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, command, o);
                return 0;
        }
        rng_bytes(&m->rng, salt, sizeof(salt));
        a.salt = SPAN_OF(salt);
        w.index = index;
        return publish(m, command, &w, &m->sign.pub, &(struct saying){.ask = &a});
}

void mesh_asks(const struct mesh *m, struct mesh_asks *ret) {
        uint32_t day = record_slot_day(CLASS_ASK, clock_now(m));
        *ret = (struct mesh_asks){.renewed = ((mesh_wall)day + ASK_DAYS) * MESH_DAY};
        if (!m->member)
                return;
        ret->whole = is_whole(m);
        for (uint16_t i = slots_below(m, day, CLASS_ASK); ret->whole && i < ASK_SLOTS; i++)
                ret->left += !slot_used(m, day, CLASS_ASK, i);
}

/* ---- follow-ups ---- */

static enum mesh_outcome follow_allowed(const struct mesh *m, uint8_t type, const struct rec *target) {
        bool own_only = type == RECORD_UPDATE || type == RECORD_RESOLVE || type == RECORD_RETRACT;
        bool mine = target->flags & REC_MINE;
        if (target->expires <= clock_now(m) || target->flags & REC_PENDING)
                return MESH_OUT_NO_TARGET;
        if (type != RECORD_RETRACT && target->type != RECORD_ALERT)
                return MESH_OUT_NO_TARGET;
        if (type == RECORD_RETRACT && target->type == RECORD_RETRACT)
                return MESH_OUT_NO_TARGET;
        if (own_only && !mine)
                return MESH_OUT_NOT_YOURS;
        if ((type == RECORD_CONFIRM || type == RECORD_DISPUTE) && mine)
                return MESH_OUT_YOURS;
        return MESH_OUT_DONE;
}

/* It is taken back, or is about to be; or this device has taken back something else in its slot, and may not again. */
static bool retraction_there(const struct mesh *m, const struct rec *t) {
        struct slot s = records_slot_of(t);
        SLOT_EACH(r, m, &s)
        if (r->takes && (r->flags & REC_OWN || hash_eq(&r->takes->target, &t->id)))
                return true;
        return false;
}

/* Follow-ups live as long as their alert, or as their class allows; a retraction exactly as long as its target. */
static int follow_up(struct mesh *m, uint64_t command, const struct mesh_draft *d) {
        struct rec *t = records_find(m, &d->target);
        bool there = t && !(t->flags & REC_GONE) && !rec_is_fact(t) && !retraction_there(m, t);
        enum mesh_outcome o = there ? follow_allowed(m, d->type, t) : MESH_OUT_NO_TARGET;
        mesh_wall now = clock_now(m);
        uint8_t salt[16];
        if (o == MESH_OUT_DONE && !text_fits(d->text))
                o = MESH_OUT_BAD_TEXT;
        bool keeps_class = d->type == RECORD_UPDATE || d->type == RECORD_RESOLVE;
        bool retract = d->type == RECORD_RETRACT;
        struct wire_record w = {
                .type = d->type, .device = SPAN_OF(m->sign.pub.b), .created = now, .day = now / MESH_DAY};
        w.klass = (keeps_class || retract) && t ? t->klass : CLASS_NORMAL;
        /* PROTOCOL 4.17: "One of a record whose `created` is ahead of its signer's now MUST have that `created`" */
        if (retract && t)
                w.created = MAX(now, t->created);
        struct wire_follow f = {0};
        uint16_t index = 0;
        uint64_t until = 0;
        if (o == MESH_OUT_DONE) {
                until = d->type == RECORD_UPDATE && d->expires_in ? now + d->expires_in : t->expires;
                if (until - w.created > record_life((uint8_t)w.klass))
                        o = MESH_OUT_BAD_TIME;
        }
        if (o == MESH_OUT_DONE && !retract && !next_slot(m, (uint32_t)w.day, (uint8_t)w.klass, false, &index))
                o = MESH_OUT_NO_SLOTS;
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, command, o);
                return 0;
        }
        w.index = index;
        w.expires = until;
        struct key slot_device = m->sign.pub;
        if (retract) {
                slot_device = m->authors[t->author]->device;
                w.day = t->day;
                w.index = t->index;
                w.expires = t->expires;
                WIRE_PUT(&w, RECORD, target, SPAN_OF(t->id.b));
                if (!key_eq(&slot_device, &m->sign.pub))
                        WIRE_PUT(&w, RECORD, target_device, SPAN_OF(slot_device.b));
        } else {
                WIRE_PUT(&f, FOLLOW, target, SPAN_OF(d->target.b));
        }
        if (d->text.n && !retract)
                WIRE_PUT(&f, FOLLOW, text, d->text);
        if (d->type == RECORD_UPDATE) {
                if (d->severity)
                        WIRE_PUT(&f, FOLLOW, severity, d->severity);
                if (d->urgency)
                        WIRE_PUT(&f, FOLLOW, urgency, d->urgency);
                if (d->certainty)
                        WIRE_PUT(&f, FOLLOW, certainty, d->certainty);
                if (d->expires_in)
                        WIRE_PUT(&f, FOLLOW, expires, until);
        }
        rng_bytes(&m->rng, salt, sizeof(salt));
        f.salt = SPAN_OF(salt);
        return publish(m, command, &w, &slot_device, &(struct saying){.follow = &f});
}

static int draft(struct mesh *m, uint64_t command, const struct mesh_draft *d) {
        switch ((enum wire_e_record)d->type) {
        case RECORD_ALERT:
                return post(m, command, d);
        case RECORD_NOTICE:
                return notice(m, command, d);
        case RECORD_ASK:
                return ask(m, command, d);
        case RECORD_UPDATE:
        case RECORD_RESOLVE:
        case RECORD_CONFIRM:
        case RECORD_DISPUTE:
        case RECORD_COMMENT:
        case RECORD_RETRACT:
                break;
        }
        return follow_up(m, command, d);
}

int author_publish(struct mesh *m, const struct mesh_event *ev) {
        enum mesh_outcome o = mesh_standing(m);
        if (o == MESH_OUT_DONE && !clock_usable(m))
                o = MESH_OUT_NO_CLOCK;
        if (o == MESH_OUT_DONE && ev->draft->type != RECORD_RETRACT && proof_muted_until(m))
                o = MESH_OUT_MUTED;
        if (o == MESH_OUT_DONE && !m->n_epochs)
                o = MESH_OUT_NO_EPOCH;
        if (o == MESH_OUT_DONE && !epoch_usable(m)) { /* a post waits for nobody's merge epoch: it brings one */
                struct wait *w = mesh_wait(m, WAIT_EPOCH, 0);
                int r = w ? epoch_renew(m, w) : ERR_NOMEM;
                if (r)
                        return r;
        }
        if (o != MESH_OUT_DONE) {
                mesh_reply(m, ev->token, o);
                return 0;
        }
        return draft(m, ev->token, ev->draft);
}

/* On disk: it counts, it is sent, the person hears of it. Not on disk: it never was. */
int author_stored(struct mesh *m, struct wait *w) {
        struct rec *r = m->recs[w->rec];
        if (w->failed) {
                memset(m->slot_hint, 0, sizeof(m->slot_hint)); /* its slot is free again */
                records_drop(m, r);
                mesh_reply(m, w->command, MESH_OUT_STORE_FAILED);
                return 0;
        }
        if (proof_voids(m, r)) { /* a proof came while it was written */
                r->flags |= REC_STORED;
                int e = records_hold(m, r);
                mesh_reply(m, w->command, MESH_OUT_MUTED);
                return e ? e : proof_void(m, r);
        }
        struct mesh_action *a = out_add(&m->out, MESH_DO_REPLY);
        r->handed = calloc(1, sizeof(*r->handed));
        if (!a || !r->handed)
                return ERR_NOMEM;
        m->unsent++;
        a->token = w->command;
        a->reply.outcome = MESH_OUT_DONE;
        a->reply.id = r->id;
        a->reply.expires = r->expires;
        a->reply.urgent = r->klass == CLASS_URGENT;
        r->flags |= REC_STORED;
        int e = records_hold(m, r);
        if (!e)
                e = spread_record(m, r, r->packet, NULL);
        r->packet = packet_free(r->packet);
        return e;
}

void author_acked(struct mesh *m, struct link *l, struct span ids) {
        for (size_t i = 0; i + sizeof(struct hash) <= ids.n; i += sizeof(struct hash)) {
                struct hash id;
                memcpy(id.b, ids.p + i, sizeof(id.b));
                struct rec *r = records_find(m, &id);
                struct handed *h = r ? r->handed : NULL;
                bool known = !h || h->n_homes == ARRAY_LEN(h->homes);
                for (size_t k = 0; !known && k < h->n_homes; k++)
                        known = key_eq(&h->homes[k], &l->household);
                if (known)
                        continue;
                m->unsent -= h->n_homes == 0;
                h->homes[h->n_homes++] = l->household;
                struct mesh_action *a = out_add(&m->out, MESH_DO_HANDED);
                if (!a)
                        return;
                a->handed.id = id;
                a->handed.homes = (uint32_t)h->n_homes;
        }
}

void author_dropped(struct mesh *m, const struct rec *r) {
        m->unsent -= r->handed && r->handed->n_homes == 0;
}
