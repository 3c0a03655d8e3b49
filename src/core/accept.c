/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one gate through which a neighbour's record comes in. Checks run in the order of their cost: what the header alone
 * says (time, class, quota), dedupe, what proofs void, the signature (checked by the shell, in batches, on all cores), what
 * else is in the slot, then decryption and meaning. A record is relayed once its signature is good, and acknowledged once it is on disk.
 */
#include "core/core.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/out.h"
#include "core/packet.h"
#include "core/record.h"
#include "core/spread.h"
#include "roster/roster.h"
#include "wire/codec.h"

#include <stdlib.h>

#define RESYNC_TIME 1000 /* ms after a forged record until a neighbour is asked what is missing */

static bool header_fits(const struct mesh *m, const struct wire_record *w, const struct roster_device *d) {
        mesh_wall now = clock_now(m);
        /* PROTOCOL 4.6: "`expires` MUST be later than `created` and later than now." */
        if (w->expires <= now)
                return false;
        /* PROTOCOL 4.7: "A node MUST hold back, that is drop and not count against the sender, a record whose
         * `created` is more than 600 s ahead of now." */
        if (w->created > now + FUTURE_SLACK) /* held back, not rejected: sync brings it when its time has come */
                return false;
        /* PROTOCOL 4.3: "a record MUST be dropped if `created` is later than the device's end (rule 5.70), and
         * stands otherwise." */
        return record_fits(m, w, d) && (d->gone_at == 0 || w->created <= d->gone_at);
}

/* PROTOCOL 10.7: "a node sends ACK over every link that is up to a device of the household of the record's slot,
 * whoever brought the record" */
/* The author's household hears from its own neighbours that they have it on disk. */
static int acknowledge(struct link *l, const struct rec *r) {
        const struct roster_device *d = roster_device_find(l->m->roster, &l->m->authors[r->author]->device);
        if (l->state != LINK_UP || !d || !key_eq(&l->household, &d->home->key))
                return 0;
        link_touch(l);
        l->acks[l->n_acks++] = r->id;
        return l->n_acks == ACKS_MOST ? link_acks(l) : 0;
}

static int check(struct mesh *m, const struct rec *r, const struct wire_record *w, mesh_link link) {
        struct verifying for_whom = {.rec = r->number, .link = link};
        struct mesh_verify v = {.what = r->id, .domain = DOMAIN_RECORD};
        struct link *from = link_find(m, link);
        memcpy(v.pub.b, w->device.p, sizeof(v.pub.b));
        memcpy(v.sig, w->sig.p, sizeof(v.sig));
        buf_add(&m->verify, span_of(&v, sizeof(v)));
        buf_add(&m->verify_for, span_of(&for_whom, sizeof(for_whom)));
        if (from)
                from->verifying++;
        return buf_ok(&m->verify) && buf_ok(&m->verify_for) ? 0 : ERR_NOMEM;
}

/* What came first was found wrong: is there another one? */
static int check_copy(struct mesh *m, struct rec *r, bool *ret) {
        struct wire_record w;
        mesh_link link;
        struct packet *p = copies_take(m, &r->id, &link);
        *ret = p != NULL;
        if (!p)
                return 0;
        packet_free(r->packet);
        r->packet = p;
        if (CHECK_FAILS(codec_decode(&wire_record_desc, packet_map(p), &w, NULL) == 0))
                return ERR_BROKEN;
        return check(m, r, &w, link);
}

int accept_record(struct link *from, const struct wire_record *w, struct span raw) {
        struct mesh *m = from->m;
        struct key device;
        struct hash id;
        memcpy(device.b, w->device.p, sizeof(device.b));
        record_id(m, raw, &id);
        struct rec *known = records_find(m, &id);
        /* PROTOCOL 4.30: "A node MUST NOT take one for known whose bytes are others than those that are being checked." */
        if (known && copies_differ(known, raw))
                return copies_keep(from, known, w, raw);
        if (known) {
                link_unsend(from, raw);
                spread_duplicate(from, known);
                return known->flags & REC_STORED ? acknowledge(from, known) : 0;
        }
        const struct roster_device *d = roster_device_find(m->roster, &device);
        /* PROTOCOL 4.2: "`record.device` MUST be a device that the fold knows, current or not (rule 5.70), of a home
         * that is or was a member." */
        if (!d || !header_fits(m, w, d) || proof_refuses(m, w))
                return 0;
        if (from->verifying >= VERIFYING_MOST) {
                from->shed = true;
                return 0;
        }
        struct rec *r = records_new(m, &id, w);
        if (!r)
                return ERR_NOMEM;
        r->packet = record_packet(w, &id, raw);
        return r->packet ? check(m, r, w, from->id) : ERR_NOMEM;
}

int accept_flush(struct mesh *m) {
        size_t n = m->verify_for.n / sizeof(struct verifying);
        if (!n)
                return 0;
        struct verify_batch *b = malloc(sizeof(*b) + m->verify_for.n);
        struct mesh_action *a = b ? out_add(&m->out, MESH_DO_VERIFY) : NULL;
        if (!a) {
                free(b);
                return ERR_NOMEM;
        }
        bool ok = true;
        b->token = mesh_token(m);
        b->n = n;
        memcpy(b->items, m->verify_for.p, m->verify_for.n);
        list_push(&m->verify_out, &b->list);
        a->token = b->token;
        struct span items = out_keep(&m->out, buf_span(&m->verify), &ok);
        a->verify.items = (const struct mesh_verify *)(const void *)items.p;
        a->verify.n = n;
        buf_clear(&m->verify);
        buf_clear(&m->verify_for);
        if (m->verify.cap > LINK_WINDOW) {
                buf_fini(&m->verify);
                buf_fini(&m->verify_for);
        }
        return ok ? 0 : ERR_NOMEM;
}

/* A record whose signature is good: held, relayed, opened where its key is here, written. */
static int accept(struct mesh *m, struct rec *r, mesh_link link) {
        _clean_(reading_fini) struct reading said = {.plain = BUF_NULL};
        struct span raw = packet_map(r->packet);
        struct wire_record w;
        struct link *from = link_find(m, link);
        if (CHECK_FAILS(codec_decode(&wire_record_desc, raw, &w, NULL) == 0))
                return 0;
        struct key signer;
        memcpy(signer.b, w.device.p, sizeof(signer.b));
        const struct roster_device *d = roster_device_find(m->roster, &signer);
        if (!d || !header_fits(m, &w, d) || proof_voids(m, r)) { /* by what came while the signature was checked */
                records_drop(m, r);
                return 0;
        }
        /* PROTOCOL 4.9: "A node MUST NOT hold two records that are a proof (rule 4.23). Where the second comes it makes
         * the proof and drops it." */
        struct rec *rival = proof_rival(m, r);
        if (rival)
                return proof_begin(m, r, rival);
        /* PROTOCOL 10.8: "A node MUST NOT pass on a record before its signature was found right." */
        int e = records_hold(m, r);
        if (!e && !(r->flags & REC_GONE) && !refused_lately(m, &r->id))
                e = spread_record(m, r, r->packet, from);
        if (e)
                return e;
        if (record_read(m, r, &w, raw, &said))
                return ERR_NOMEM;
        if (said.saying.sealed && !(r->flags & REC_GONE) && sealed_add(m, r, w.epoch.p))
                return ERR_NOMEM;
        struct wait *wait = mesh_wait(m, WAIT_RECORD, 0);
        if (!wait)
                return ERR_NOMEM;
        wait->rec = r->number;
        wait->link = link;
        memcpy(wait->id.b, r->id.b, sizeof(wait->id.b));
        return record_store(m, r, &w, raw, &said.saying, wait);
}

int accept_verified(struct mesh *m, uint64_t token, const bool *good, size_t n) {
        struct verify_batch *batch = NULL;
        LIST_EACH (b, &m->verify_out, struct verify_batch, list) {
                if (b->token == token) {
                        batch = b;
                        break;
                }
        }
        if (!batch)
                return 0;
        list_drop(&batch->list);
        int e = CHECK_FAILS(n == batch->n) ? ERR_BROKEN : 0;
        for (size_t i = 0; i < n && !e; i++) {
                struct link *from = link_find(m, batch->items[i].link);
                if (from && --from->verifying == 0 && from->shed) {
                        from->shed = false; /* there is room again: what was let go is asked for */
                        m->sync_due = m->now;
                }
                struct rec *r = m->recs[batch->items[i].rec];
                if (CHECK_FAILS(r && r->flags & REC_PENDING))
                        continue;
                if (good[i]) {
                        copies_drop(m, &r->id);
                        e = accept(m, r, batch->items[i].link);
                        continue;
                }
                /* PROTOCOL 4.10: "Where the signature is wrong the node MUST hang up on whoever sent the record with
                 * reason `bad-signature`" */
                if (from)
                        link_hangup(from, REASON_BAD_SIGNATURE);
                bool again;
                e = check_copy(m, r, &again);
                if (again)
                        continue;
                records_drop(m, r);
                m->sync_due = MIN(m->sync_due, m->now + RESYNC_TIME); /* whoever was hung up on may have had more */
        }
        free(batch);
        return e;
}

int accept_stored(struct mesh *m, struct wait *w) {
        struct hash id;
        memcpy(id.b, w->id.b, sizeof(id.b));
        struct rec *r = records_find(m, &id);
        if (!r)
                return 0;
        if (r->flags & REC_OWN && w->command)
                return author_stored(m, w);
        if (w->failed) {
                records_drop(m, r); /* sync brings it again when there is room */
                return refused_note(m, &id);
        }
        r->flags |= REC_STORED;
        r->packet = packet_free(r->packet);
        sealed_held(m, r);
        LINK_EACH(l, m) { /* whoever brought it: the author may have sent it meanwhile */
                int e = acknowledge(l, r);
                if (e)
                        return e;
        }
        return 0;
}
