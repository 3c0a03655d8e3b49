/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record by itself: its id, what its class allows, the key that opens it, whether its plaintext means anything, and the
 * row it becomes on disk.
 */
#include "core/core.h"

void record_id(const struct mesh *m, struct span raw, struct hash *ret) {
        hash_make(ret, DOMAIN_RECORD, roster_mesh(m->roster), codec_before(raw, RECORD_KEY_sig));
}

/* Urgent records wait in queue 1, normal ones in 2, the others in 3. */
struct packet *record_packet(const struct wire_record *w, struct span raw) {
        return packet_of(LINK_RECORD, w->klass == CLASS_URGENT ? 1 : w->klass == CLASS_NORMAL ? 2 : 3, raw);
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

/* Slots of a class a day: whole devices all of them, others a quarter; a third of either for machines. At least one. */
uint16_t record_quota(const struct mesh *m, const struct roster_device *d, uint8_t klass, bool sensor) {
        uint32_t n = 0;
        if (klass == CLASS_URGENT)
                n = roster_charter(m->roster, CHARTER_urgent);
        else if (klass == CLASS_NORMAL)
                n = roster_charter(m->roster, CHARTER_normal);
        else if (klass == CLASS_NOTICE)
                n = roster_charter(m->roster, CHARTER_notices);
        else if (klass == CLASS_ASK)
                n = d->share == SHARE_WHOLE ? 4 : 0;
        if (n && klass != CLASS_ASK && d->share == SHARE_QUARTER)
                n = MAX(n / 4, 1u);
        if (n && sensor)
                n = MAX(n / 3, 1u);
        return (uint16_t)MIN(n, 16384u);
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

bool record_open(struct mesh *m, const struct rec *r, const struct wire_record *w, struct span raw, struct buf *plain) {
        const struct epoch *e = epoch_find(m, w->epoch);
        struct key key;
        bool ok = false;
        if (e)
                record_key(e, w, &m->authors[r->author]->device, &key, &ok);
        ok = ok && box_open(plain, &key, codec_before(raw, RECORD_KEY_body), w->body);
        hash_wipe(&key, sizeof(key));
        return ok;
}

/* PROTOCOL 4.15: "The class of an alert MUST be *urgent* if its kind is one of `kinds.def` that may be urgent, its
 * urgency is Immediate, its severity is Extreme or Severe and its status is Actual; and *normal* in every other
 * case." */
bool record_alert_means(const struct wire_record *w, const struct wire_alert *a) {
        return cell_valid(a->cell) && a->clips.n % 32 == 0 &&
               w->klass ==
                       record_class_of((uint8_t)a->kind, (uint8_t)a->urgency, (uint8_t)a->severity, (uint8_t)a->status);
}

/* PROTOCOL 4.16: "A follow-up MUST name its alert in `follow.target`. Its class MUST be normal; of update and
 * resolve it may be urgent too." */
bool record_follow_means(const struct wire_record *w, const struct wire_follow *f) {
        if (w->type == RECORD_RETRACT)
                return true;
        bool changes = w->type == RECORD_UPDATE || w->type == RECORD_RESOLVE;
        return WIRE_HAS(f, FOLLOW, target) && (w->klass == CLASS_NORMAL || (changes && w->klass == CLASS_URGENT));
}

int record_store(struct mesh *m, struct rec *r, const struct wire_record *w, struct span raw,
                 const struct wire_alert *alert, const struct wire_follow *follow, const struct wait *w_) {
        struct key signer;
        memcpy(signer.b, w->device.p, sizeof(signer.b));
        const struct roster_device *d = roster_device_find(m->roster, &signer);
        struct mesh_row row = {.kind = MESH_ROW_RECORD,
                               .record = {.id = r->id,
                                          .device = m->authors[r->author]->device,
                                          .household = d->home->key,
                                          .created = r->created,
                                          .expires = r->expires,
                                          .day = r->day,
                                          .index = r->index,
                                          .type = r->type,
                                          .klass = r->klass,
                                          .mine = r->flags & REC_MINE,
                                          .own = r->flags & REC_OWN,
                                          .sensor = r->flags & REC_SENSOR,
                                          .bytes = r->flags & REC_RETRACTED ? SPAN_NONE : raw,
                                          .alert = alert,
                                          .follow = follow}};
        if (r->target)
                row.record.target = *r->target;
        else if (follow && follow->target.n == sizeof(row.record.target))
                memcpy(row.record.target.b, follow->target.p, sizeof(row.record.target.b));
        return mesh_store(m, &row, w_);
}
