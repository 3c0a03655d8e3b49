/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record by itself: its id, what its class allows, the key that opens it, whether its plaintext means anything, and the
 * row it becomes on disk.
 */
#include "core/record.h"
#include "base/cell.h"
#include "core/asks.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/packet.h"
#include "roster/roster.h"
#include "wire/codec.h"

void record_id(const struct mesh *m, struct span raw, struct hash *ret) {
        hash_make(ret, DOMAIN_RECORD, roster_mesh(m->roster), codec_before(raw, RECORD_KEY_sig));
}

/* Urgent records wait in queue 1, normal ones in 2, the others in 3. */
struct packet *record_packet(const struct wire_record *w, const struct hash *id, struct span raw) {
        struct packet *p = packet_of(LINK_RECORD, w->klass == CLASS_URGENT ? 1 : w->klass == CLASS_NORMAL ? 2 : 3, raw);
        if (p)
                p->id = *id;
        return p;
}

uint64_t record_life(uint8_t klass) {
        switch (klass) {
        case CLASS_URGENT:
                return LIFE_URGENT;
        case CLASS_NORMAL:
                return LIFE_NORMAL;
        case CLASS_NOTICE:
                return LIFE_NOTICE;
        case CLASS_ASK:
                return LIFE_ASK;
        }
        return 0;
}

/* Slots of a class a day, of asks a period: whole devices all of them, others a quarter; a third of either for machines. At least one. */
uint16_t record_quota(const struct mesh *m, const struct roster_device *d, uint8_t klass, bool sensor) {
        uint32_t n = 0;
        if (klass == CLASS_URGENT)
                n = roster_charter(m->roster, CHARTER_urgent);
        else if (klass == CLASS_NORMAL)
                n = roster_charter(m->roster, CHARTER_normal);
        else if (klass == CLASS_NOTICE)
                n = roster_charter(m->roster, CHARTER_notices);
        else if (klass == CLASS_ASK)
                n = d->share == SHARE_WHOLE ? ASK_SLOTS : 0;
        if (n && klass != CLASS_ASK && d->share == SHARE_QUARTER)
                n = MAX(n / 4, 1u);
        if (n && sensor)
                n = MAX(n / 3, 1u);
        return (uint16_t)MIN(n, 16384u);
}

uint32_t record_slot_days(uint8_t klass) {
        return klass == CLASS_ASK ? ASK_DAYS : 1;
}

uint32_t record_slot_day(uint8_t klass, mesh_wall created) {
        uint32_t day = (uint32_t)(created / MESH_DAY);
        return day - day % record_slot_days(klass);
}

mesh_wall record_slot_end(uint8_t klass, uint32_t day) {
        return ((mesh_wall)day + record_slot_days(klass)) * MESH_DAY + record_life(klass);
}

void record_devices(const struct wire_record *w, struct key *ret_signer, struct key *ret_slot) {
        memcpy(ret_signer->b, w->device.p, sizeof(ret_signer->b));
        memcpy(ret_slot->b, WIRE_HAS(w, RECORD, target_device) ? w->target_device.p : w->device.p, sizeof(ret_slot->b));
}

/* Of a retraction the slot is its target's, so that its end lies within what such a slot can hold. */
static bool retraction_fits(const struct mesh *m, const struct wire_record *w, const struct roster_device *d) {
        struct key signer, slot_device;
        uint8_t klass = (uint8_t)w->klass;
        record_devices(w, &signer, &slot_device);
        const struct roster_device *of = roster_device_find(m->roster, &slot_device);
        /* PROTOCOL 4.17: "The household of the signer MUST be the household of the slot's device." */
        if (!of || of->home != d->home || w->index >= record_quota(m, of, klass, false))
                return false;
        return w->day <= w->created / MESH_DAY && w->day % record_slot_days(klass) == 0 &&
               w->expires < record_slot_end(klass, (uint32_t)w->day);
}

bool record_fits(const struct mesh *m, const struct wire_record *w, const struct roster_device *d) {
        uint8_t klass = (uint8_t)w->klass;
        uint64_t life = record_life(klass);
        bool retract = w->type == RECORD_RETRACT;
        /* PROTOCOL 4.6: "The class MUST be one of the four that have names. `expires` MUST be later than `created`" */
        if (!life || w->expires <= w->created || w->expires - w->created > life)
                return false;
        /* PROTOCOL 4.8: "`target` MUST be there in a retraction and in no other record; `target_device` MUST NOT be
         * in any but a retraction." */
        if (retract != WIRE_HAS(w, RECORD, target) || (WIRE_HAS(w, RECORD, target_device) && !retract))
                return false;
        if (retract)
                return retraction_fits(m, w, d);
        /* PROTOCOL 4.4: "`day` of a record MUST be the day of `created`; of class ask it MUST be the first day of the
         * period, floor(day of `created` / 30) x 30." */
        if (w->day != record_slot_day(klass, w->created))
                return false;
        /* PROTOCOL 4.5: "`index` MUST be below the quota of the device for that class." */
        return w->index < record_quota(m, d, klass, WIRE_HAS(w, RECORD, sensor));
}

uint8_t record_class_of(uint8_t kind, uint8_t urgency, uint8_t severity, uint8_t status) {
        return wire_urgent(kind, urgency, severity, status) ? CLASS_URGENT : CLASS_NORMAL;
}

void record_key(const struct epoch *e, const struct wire_record *w, const struct key *slot_device, struct key *ret,
                bool *ret_ok) {
        struct key day;
        uint8_t context[32 + 4 + 1 + 2 + 1];
        /* Of a retraction the day is its target's; the key is that of the day it was made on. */
        *ret_ok = epoch_day_key(e, (uint32_t)(w->created / MESH_DAY), &day);
        if (!*ret_ok)
                return;
        memcpy(context, slot_device->b, 32);
        put_be32(context + 32, (uint32_t)w->day);
        context[36] = (uint8_t)w->klass;
        put_be16(context + 37, (uint16_t)w->index);
        context[39] = (uint8_t)w->type;
        hash_derive(ret, DOMAIN_RECORD_KEY, &day, SPAN_OF(context));
        hash_wipe(&day, sizeof(day));
}

/* Appends the plaintext; false: no key here, or it does not open. */
static bool open_body(const struct epoch *e, const struct key *slot_device, const struct wire_record *w,
                      struct span raw, struct buf *plain) {
        struct key key;
        bool ok = false;
        if (e)
                record_key(e, w, slot_device, &key, &ok);
        ok = ok && box_open(plain, &key, codec_before(raw, RECORD_KEY_body), w->body);
        hash_wipe(&key, sizeof(key));
        return ok;
}

/* PROTOCOL 4.15: "The class of an alert MUST be *urgent* if its kind is one of `kinds.def` that may be urgent, its
 * urgency is Immediate, its severity is Extreme or Severe and its status is Actual; and *normal* in every other
 * case." */
static bool alert_means(const struct wire_record *w, const struct wire_alert *a) {
        return cell_valid(a->cell) && a->clips.n % 32 == 0 &&
               w->klass ==
                       record_class_of((uint8_t)a->kind, (uint8_t)a->urgency, (uint8_t)a->severity, (uint8_t)a->status);
}

/* PROTOCOL 4.16: "A follow-up MUST name its alert in `follow.target`. Its class MUST be normal; of update and
 * resolve it may be urgent too." */
static bool follow_means(const struct wire_record *w, const struct wire_follow *f) {
        if (w->type == RECORD_RETRACT)
                return true;
        bool changes = w->type == RECORD_UPDATE || w->type == RECORD_RESOLVE;
        return WIRE_HAS(f, FOLLOW, target) && (w->klass == CLASS_NORMAL || (changes && w->klass == CLASS_URGENT));
}

void reading_fini(struct reading *d) {
        buf_wipe(&d->plain);
}

/* Of which types somebody here can tell what it says. */
static bool is_read(uint8_t type) {
        return type >= RECORD_ALERT && type <= RECORD_ASK && type != RECORD_RETRACT;
}

/* What @plain means, as the record's type has it. */
static void read_ask(const struct mesh *m, const struct rec *r, const struct wire_record *w, struct span plain,
                     struct reading *ret) {
        if (r->type == RECORD_NOTICE && codec_decode(&wire_notice_desc, plain, &ret->notice, NULL) == 0 &&
            asks_notice_means(m, w, &ret->notice))
                ret->saying.notice = &ret->notice;
        if (r->type == RECORD_ASK && codec_decode(&wire_ask_desc, plain, &ret->ask, NULL) == 0 &&
            asks_ask_means(m, w, &ret->ask))
                ret->saying.ask = &ret->ask;
}

/* PROTOCOL 4.11: "A record whose signature is right MUST be *held*: it counts in reconciliation and is passed on, also
 * where its key is not here, where it does not decrypt, or where what is in it breaks rule 4.14, 4.15, 4.16, 4.31 or 4.32" */
/* Meaningless: held and relayed like one whose key is missing, so that sets stay equal, and never shown. */
int record_read(struct mesh *m, const struct rec *r, const struct wire_record *w, struct span raw,
                struct reading *ret) {
        const struct epoch *e = epoch_find(m, w->epoch);
        bool is_alert = r->type == RECORD_ALERT, is_follow = r->type >= RECORD_UPDATE && r->type <= RECORD_RETRACT;
        *ret = (struct reading){.plain = BUF_NULL};
        if (!open_body(e, &m->authors[r->author]->device, w, raw, &ret->plain)) {
                bool may_come = !e || epoch_may_open(e, (uint32_t)(w->created / MESH_DAY));
                ret->saying.sealed = may_come && is_read(r->type);
                return ret->plain.starved ? ERR_NOMEM : 0;
        }
        struct span plain = buf_span(&ret->plain);
        if (is_alert && codec_decode(&wire_alert_desc, plain, &ret->alert, NULL) == 0 && alert_means(w, &ret->alert))
                ret->saying.alert = &ret->alert;
        if (is_follow && codec_decode(&wire_follow_desc, plain, &ret->follow, NULL) == 0 &&
            follow_means(w, &ret->follow))
                ret->saying.follow = &ret->follow;
        read_ask(m, r, w, plain, ret);
        return 0;
}

struct mesh_row record_row(const struct mesh *m, const struct rec *r) {
        return (struct mesh_row){.kind = MESH_ROW_RECORD,
                                 .record = {.id = r->id,
                                            .device = m->authors[r->author]->device,
                                            .created = r->created,
                                            .expires = r->expires,
                                            .day = r->day,
                                            .index = r->index,
                                            .type = r->type,
                                            .klass = r->klass,
                                            .mine = r->flags & REC_MINE,
                                            .own = r->flags & REC_OWN}};
}

int record_store(struct mesh *m, struct rec *r, const struct wire_record *w, struct span raw, const struct saying *says,
                 const struct wait *w_) {
        struct key signer;
        memcpy(signer.b, w->device.p, sizeof(signer.b));
        const struct roster_device *d = roster_device_find(m->roster, &signer);
        struct mesh_row row = record_row(m, r);
        row.record.household = d->home->key;
        row.record.sensor = r->flags & REC_SENSOR;
        row.record.bytes = r->flags & REC_GONE ? SPAN_NONE : raw;
        row.record.alert = says->alert;
        row.record.follow = says->follow;
        row.record.notice = says->notice;
        row.record.ask = says->ask;
        row.record.sealed = says->sealed && row.record.bytes.n;
        if (row.record.sealed)
                memcpy(row.record.epoch, w->epoch.p, sizeof(row.record.epoch));
        if (r->takes)
                row.record.target = r->takes->target;
        else if (says->follow && says->follow->target.n == sizeof(row.record.target))
                memcpy(row.record.target.b, says->follow->target.p, sizeof(row.record.target.b));
        if (rec_signer(r) != r->author)
                row.record.signer = signer;
        return mesh_store(m, &row, w_);
}
