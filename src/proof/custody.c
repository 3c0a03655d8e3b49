/* SPDX-License-Identifier: Apache-2.0 */
/* See custody.h. PROTOCOL 16.7. */
#include "proof/custody.h"

#include <stdlib.h>

void custody_init(struct custody *c, const struct roll *roll, const struct hash *clip, const struct key *owner,
                  const uint64_t seed[4]) {
        *c = (struct custody){.roll = roll, .clip = *clip, .owner = *owner, .chain = {.mesh = roll->mesh}};
        map_init(&c->by_id, seed);
}

void custody_fini(struct custody *c) {
        map_fini(&c->by_id);
        buf_fini(&c->rows);
        while (c->list) {
                struct custody_grant *g = c->list;
                c->list = g->next;
                free(g);
        }
}

static bool same(struct span a, const void *b) {
        return span_eq(a, span_of(b, 32));
}

/* ---- papers ---- */

static void heard(struct custody *c, const struct roll_home *by, mesh_wall at) {
        if (key_eq(&by->key, &c->owner))
                return;
        if (!c->earliest.by || at < c->earliest.at)
                c->earliest = (struct custody_word){by, at};
}

static int keep_grant(struct custody *c, const struct wire_grant *w, const struct hash *id) {
        struct custody_grant *g = calloc(1, sizeof(*g));
        if (!g)
                return ERR_NOMEM;
        g->next = c->list;
        c->list = g;
        g->id = *id;
        memcpy(g->to.b, w->to.p, sizeof(g->to));
        g->expires = w->expires;
        c->grants++;
        return map_put(&c->by_id, g->id.b, g);
}

/* Signed by the owner for this very place in the chain. */
static int take_granted(struct custody *c, const struct ledger *before, const struct wire_entry *e) {
        struct wire_grant w;
        struct hash id;
        if (clip_read(CLIP_GRANT, e->object, &c->chain.mesh, &w, &id) || map_find(&c->by_id, id.b))
                return CUSTODY_E_PAPER;
        bool here = w.line == before->n && (w.line == 0 || same(w.prev, before->last.b));
        if (!here || !same(w.household, c->owner.b) || !same(e->grant, id.b) || !same(w.clip, c->clip.b))
                return CUSTODY_E_PAPER;
        if (!WIRE_HAS(e, ENTRY, who) || !span_eq(e->who, WIRE_HAS(&w, GRANT, device) ? w.device : w.to))
                return CUSTODY_E_PAPER;
        return keep_grant(c, &w, &id);
}

static int take_receipt(struct custody *c, const struct wire_entry *e, struct custody_grant *g) {
        struct wire_receipt w;
        struct hash id;
        if (clip_read(CLIP_RECEIPT, e->object, &c->chain.mesh, &w, &id) || !same(w.grant, g->id.b) ||
            !same(w.clip, c->clip.b) || !same(w.household, g->to.b) || w.created >= g->expires)
                return CUSTODY_E_PAPER;
        const struct roll_home *by = roll_home(c->roll, w.household);
        if (!by)
                return CUSTODY_E_WHO;
        g->receipt = true;
        c->receipts++;
        heard(c, by, w.created);
        if (!key_eq(&by->key, &c->owner) && (!c->latest.by || w.created > c->latest.at))
                c->latest = (struct custody_word){by, w.created};
        return 0;
}

static int take_attest(struct custody *c, const struct wire_entry *e, const struct custody_grant *g) {
        struct wire_attest w;
        struct hash id;
        uint64_t what = e->what == ENTRY_COMPLETE ? ATTESTED_COMPLETE : ATTESTED_DELETED;
        if (clip_read(CLIP_ATTEST, e->object, &c->chain.mesh, &w, &id) || !same(w.grant, g->id.b) || w.what != what)
                return CUSTODY_E_PAPER;
        const struct roll_device *by = roll_device(c->roll, w.device);
        if (!by || !key_eq(&by->home->key, &g->to))
                return CUSTODY_E_WHO;
        c->attests++;
        heard(c, by->home, w.created);
        return 0;
}

static int take_over(const struct custody *c, const struct wire_entry *e, const struct custody_grant *g) {
        struct wire_grant_over w;
        struct hash id;
        bool right = clip_read(CLIP_GRANT_OVER, e->object, &c->chain.mesh, &w, &id) == 0 && same(w.grant, g->id.b) &&
                     same(w.household, c->owner.b);
        return right ? 0 : CUSTODY_E_PAPER;
}

/* PROTOCOL 16.7: "A receipt, a release, a revocation and an attestation MUST name a grant that a line before them is, and a
 * release a receipt." */
static int take_meaning(struct custody *c, const struct ledger *before, const struct wire_entry *e) {
        struct custody_grant *g = WIRE_HAS(e, ENTRY, grant) ? map_find(&c->by_id, e->grant.p) : NULL;
        bool paper = WIRE_HAS(e, ENTRY, object);
        switch ((enum wire_e_entry)e->what) {
        case ENTRY_GRANTED:
                return paper && WIRE_HAS(e, ENTRY, grant) ? take_granted(c, before, e) : CUSTODY_E_PAPER;
        case ENTRY_RECEIPT:
                return paper && g ? take_receipt(c, e, g) : CUSTODY_E_PAPER;
        case ENTRY_RELEASED:
                return g && g->receipt ? 0 : CUSTODY_E_PAPER;
        case ENTRY_REVOKED:
                return paper && g ? take_over(c, e, g) : CUSTODY_E_PAPER;
        case ENTRY_COMPLETE:
        case ENTRY_DELETED:
                return paper && g ? take_attest(c, e, g) : CUSTODY_E_PAPER;
        case ENTRY_RESTORED:
                c->restored++;
                return 0;
        case ENTRY_READ:
        case ENTRY_DESTROYED:
        case ENTRY_EXPORTED:
        case ENTRY_LEGAL_ORDER:
        case ENTRY_RULE:
        case ENTRY_RULE_USED:
        case ENTRY_RULE_OVER:
        case ENTRY_OVER:
                return 0;
        }
        return 0; /* of a later version: it is in the chain */
}

/* ---- lines ---- */

/* The first is believed where it stands; what follows has to follow. */
static void begin(struct custody *c, const struct wire_entry *e) {
        c->first = c->chain.n = e->n;
        if (WIRE_HAS(e, ENTRY, prev))
                memcpy(c->chain.last.b, e->prev.p, sizeof(c->chain.last));
}

int custody_line(struct custody *c, struct span raw) {
        struct wire_entry e;
        if (codec_decode(&wire_entry_desc, raw, &e, NULL))
                return CUSTODY_E_LINE;
        if (c->shown == 0)
                begin(c, &e);
        struct ledger before = c->chain;
        if (ledger_take(&c->chain, raw, &e))
                return CUSTODY_E_CHAIN;
        /* PROTOCOL 16.6: "A line that is shown MUST be about the clip, or say `restored`." */
        bool about = WIRE_HAS(&e, ENTRY, clip) && same(e.clip, c->clip.b);
        if (!about && (WIRE_HAS(&e, ENTRY, clip) || e.what != ENTRY_RESTORED))
                return CUSTODY_E_OTHER;
        int r = take_meaning(c, &before, &e);
        if (r)
                return r;
        c->shown++;
        c->last = (enum wire_e_entry)e.what;
        struct wire_o_entry row = ledger_row(&e, &c->chain.last);
        codec_encode(&wire_o_entry_desc, &row, &c->rows);
        return buf_ok(&c->rows) ? 0 : ERR_NOMEM;
}

int custody_hidden(struct custody *c, struct span hashes) {
        if (hashes.n % sizeof(struct hash))
                return CUSTODY_E_LINE;
        for (size_t at = 0; at < hashes.n; at += sizeof(struct hash)) {
                struct hash line;
                memcpy(line.b, hashes.p + at, sizeof(line));
                ledger_skip(&c->chain, &line);
                c->hidden++;
        }
        return 0;
}
