/* SPDX-License-Identifier: Apache-2.0 */
/*
 * S8: whatever others send, an honest home holds no more memory than its records and links account for, queues no more for a
 * link, keeps no more of an author than the slots of the charter are, no more proofs against him than there are slots and
 * hours in a day, and of all else on its disk no more than there are devices, or places for it.
 */
#include "sim/byz.h"

#include "core/belong.h"
#include "core/limits.h"
#include "core/reach.h"
#include "core/record.h"
#include "core/relay.h"
#include "roster/roster.h"
#include "wire/codec.h"

#include <stdlib.h>

/* Bytes of heap, twice what is measured in streets of 14 homes where nobody does harm, or more. */
#define HEAP_BASE (256 * 1024)
#define HEAP_RECORD 512       /* its place in the index, and until it is on disk its bytes */
#define HEAP_OP 4096          /* the roster's own memory of an operation */
#define HEAP_LINK (16 * 1024) /* besides what is queued for it */
#define HEAP_ELEMENT 64 /* of the snapshot a link compares by: a record's share, and its array grows by doubling */
#define IN_SLOT 2       /* a record, and what takes it back */
#define ROW_MOST 960
#define TURNS 8 /* looks in which all disks have been gone through: what is too much on one stays there */

static size_t heap_bound(const struct mesh *m) {
        size_t ops = m->roster ? roster_ops(m->roster) : 0, links = 0;
        LINK_EACH(l, m)
        links += HEAP_LINK + m->n_recs * HEAP_ELEMENT + link_queued(l) + l->out.cap + l->frames.in.cap;
        LIST_EACH (r, &m->relay.rooms, struct room, on)
                links += sizeof(*r) + r->waits.cap;
        return HEAP_BASE + m->n_recs * HEAP_RECORD + ops * HEAP_OP + links;
}

static void rooms(struct world *w, const struct node *n) {
        LIST_EACH (r, &n->core->relay.rooms, struct room, on) {
                if (!r->end && relay_waiting(r) > RELAY_AHEAD)
                        checks_fail(w, "S8", "home %u has %zu bytes waiting in a room", n->index, relay_waiting(r));
        }
        if (n->core->relay.n > RELAYS_MOST + RELAYS_OWN)
                checks_fail(w, "S8", "home %u has %zu rooms", n->index, n->core->relay.n);
}

static void memory(struct world *w, const struct node *n) {
        const struct mesh *m = n->core;
        if (n->heap > heap_bound(m))
                checks_fail(w, "S8", "home %u holds %zu bytes of memory, %zu at most are accounted for", n->index,
                            n->heap, heap_bound(m));
        world_say(w, "home %u: holds %zu bytes of memory, of %zu; %zu records, %zu links", n->index, n->heap,
                  heap_bound(m), m->n_recs, m->n_links);
        size_t links = 0;
        LINK_EACH(l, m) {
                links += !l->haul;
                w->relayed += l->room && l->state == LINK_UP;
                if (link_queued(l) > QUEUE_HARD)
                        checks_fail(w, "S8", "home %u queues %zu bytes for one link", n->index, link_queued(l));
        }
        if (links > LINKS_MAX)
                checks_fail(w, "S8", "home %u has %zu links", n->index, links);
        rooms(w, n);
}

/* ---- disk ---- */
struct use {
        struct key device;
        uint32_t day;
        uint8_t klass;
        size_t bytes;
};

static int by_slots(const void *a, const void *b) {
        const struct use *x = a, *y = b;
        int c = memcmp(x->device.b, y->device.b, sizeof(x->device.b));
        if (c)
                return c;
        if (x->day != y->day)
                return x->day < y->day ? -1 : 1;
        return (int)x->klass - (int)y->klass;
}

static size_t uses(const struct node *n, struct use *ret) {
        size_t many = 0;
        for (size_t i = 0; i < n->disk.n; i++) {
                const struct mesh_row *r = &n->disk.rows[i].row;
                if (r->kind == MESH_ROW_RECORD && r->record.bytes.n && !r->record.mine)
                        ret[many++] = (struct use){r->record.device, r->record.day, r->record.klass, r->record.bytes.n};
        }
        qsort(ret, many, sizeof(*ret), by_slots);
        return many;
}

static void disk(struct world *w, const struct node *n) {
        const struct roster *r = mesh_roster(n->core);
        struct use *all = malloc((n->disk.n + 1) * sizeof(*all));
        REQUIRE(all);
        size_t many = uses(n, all);
        for (size_t i = 0, k; r && i < many; i = k) {
                size_t bytes = 0;
                for (k = i; k < many && by_slots(&all[i], &all[k]) == 0; k++)
                        bytes += all[k].bytes;
                const struct roster_device *d = roster_device_find(r, &all[i].device);
                size_t most = d ? (size_t)IN_SLOT * record_quota(n->core, d, all[i].klass, false) : 0;
                if (d && (k - i > most || bytes > most * ROW_MOST))
                        checks_fail(
                                w, "S8",
                                "home %u keeps %zu records of %zu bytes of one author, class and day: more than %zu",
                                n->index, k - i, bytes, most);
        }
        free(all);
}

/* ---- the other rows of a disk ---- */
/* That ever came, whether their coming stands or not. */
static size_t devices(const struct roster *r) {
        const struct roster_op *op;
        size_t n = 0;
        for (size_t i = 0; (op = roster_op_at(r, i)); i++)
                n += op->type == OP_GENESIS || op->type == OP_ADD || op->type == OP_DEVICE_ADD ||
                     op->type == OP_DEVICE_REVOKE; /* which may bring the one that follows */
        return n;
}

static void rows(struct world *w, const struct node *n) {
        const struct roster *r = mesh_roster(n->core);
        if (!r)
                return;
        const struct {
                enum mesh_row_kind kind;
                const char *what;
                size_t most;
        } bounds[] = {{MESH_ROW_OP, "operations", roster_ops(r) + UNSAVED_MOST},
                      {MESH_ROW_EPOCH, "epochs", EPOCHS_MOST},
                      {MESH_ROW_CONTACT, "contacts", devices(r)},
                      {MESH_ROW_REVOKE, "revocations", REVOKES_MOST},
                      {MESH_ROW_ADDR, "addresses", ADDRESSES_MOST}};
        size_t of[MESH_ROW_KINDS] = {0};
        for (size_t i = 0; i < n->disk.n; i++)
                of[n->disk.rows[i].row.kind]++;
        for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
                if (of[bounds[i].kind] > bounds[i].most)
                        checks_fail(w, "S8", "home %u keeps %zu %s, %zu at most", n->index, of[bounds[i].kind],
                                    bounds[i].what, bounds[i].most);
}

/* ---- proofs: each of a slot that had none, or of an hour in which its device was not muted yet ---- */
#define HOURS 24

struct proven {
        struct key device;
        uint64_t day;
};

static int by_day(const void *a, const void *b) {
        const struct proven *x = a, *y = b;
        int c = memcmp(x->device.b, y->device.b, sizeof(x->device.b));
        return c ? c : (x->day > y->day) - (x->day < y->day);
}

static size_t proofs_of(const struct node *n, struct proven *ret) {
        size_t many = 0;
        for (size_t i = 0; i < n->disk.n; i++) {
                const struct mesh_row *r = &n->disk.rows[i].row;
                struct wire_proof p;
                struct wire_record one;
                if (r->kind != MESH_ROW_PROOF || codec_decode(&wire_proof_desc, r->proof.bytes, &p, NULL) ||
                    codec_decode(&wire_record_desc, p.one, &one, NULL))
                        continue;
                ret[many].day = one.day;
                memcpy(ret[many++].device.b, one.device.p, sizeof(ret->device.b));
        }
        qsort(ret, many, sizeof(*ret), by_day);
        return many;
}

static void proofs(struct world *w, const struct node *n) {
        static const uint8_t klasses[] = {CLASS_URGENT, CLASS_NORMAL, CLASS_NOTICE, CLASS_ASK};
        const struct roster *r = mesh_roster(n->core);
        struct proven *all = malloc((n->disk.n + 1) * sizeof(*all));
        REQUIRE(all);
        size_t many = proofs_of(n, all);
        for (size_t i = 0, k; r && i < many; i = k) {
                const struct roster_device *d = roster_device_find(r, &all[i].device);
                size_t most = HOURS;
                for (size_t c = 0; d && c < ARRAY_LEN(klasses); c++)
                        most += record_quota(n->core, d, klasses[c], false);
                for (k = i; k < many && by_day(&all[i], &all[k]) == 0; k++)
                        ;
                if (k - i > most)
                        checks_fail(w, "S8", "home %u keeps %zu proofs of one author and day, %zu at most", n->index,
                                    k - i, most);
        }
        free(all);
}

void bounds_check(struct world *w, size_t looks) {
        for (uint32_t i = 0; i < w->n && !w->stopped; i++) {
                const struct node *n = &w->nodes[i];
                if (!node_on(n) || !node_honest(n))
                        continue;
                memory(w, n);
                if (!w->calm && (looks + i) % TURNS)
                        continue;
                disk(w, n);
                rows(w, n);
                proofs(w, n);
        }
}
