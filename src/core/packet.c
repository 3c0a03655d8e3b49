/* SPDX-License-Identifier: Apache-2.0 */
#include "core/packet.h"

#include <stdlib.h>

#define PACKET_QUEUE_FIRST 8 /* slots of a queue's first ring; a power of two */

static struct packet *packet_alloc(uint8_t klass, size_t n) {
        struct packet *p = malloc(sizeof(*p) + n);
        if (p)
                *p = (struct packet){.refs = 1, .klass = klass, .n = n};
        return p;
}

struct packet *packet_new(enum wire_link number, uint8_t klass, const void *msg) {
        _clean_(buf_fini) struct buf b = BUF_NULL;
        const struct wire_number *row = wire_link_find(number);
        if (CHECK_FAILS(row))
                return NULL;
        codec_put(row, msg, &b);
        if (b.starved || CHECK_FAILS(buf_ok(&b)))
                return NULL;
        struct packet *p = packet_alloc(klass, b.n);
        if (p)
                memcpy(p->bytes, b.p, b.n);
        return p;
}

/* PROTOCOL 2.10: "A node MUST keep and pass on records, operations, epoch headers, contacts and revocations as the
 * bytes it received" */
struct packet *packet_of(enum wire_link number, uint8_t klass, struct span map) {
        struct packet *p = packet_alloc(klass, 1 + map.n);
        if (!p)
                return NULL;
        p->bytes[0] = (uint8_t)number;
        if (map.n)
                memcpy(p->bytes + 1, map.p, map.n);
        return p;
}

struct packet *packet_ref(struct packet *p) {
        p->refs++;
        return p;
}

struct packet *packet_free(struct packet *p) {
        if (p && --p->refs == 0)
                free(p);
        return NULL;
}

struct span packet_map(const struct packet *p) {
        return span_of(p->bytes + 1, p->n - 1);
}

void packet_queue_fini(struct packet_queue *q) {
        while (q->count)
                packet_queue_drop(q);
        free(q->ring);
        *q = (struct packet_queue){0};
}

int packet_queue_put(struct packet_queue *q, struct packet *p) {
        if (q->count == q->cap) {
                uint32_t cap = q->cap ? q->cap * 2 : PACKET_QUEUE_FIRST;
                struct packet **ring = calloc(cap, sizeof(struct packet *));
                if (!ring)
                        return ERR_NOMEM;
                for (size_t i = 0; i < q->count; i++)
                        ring[i] = packet_queue_at(q, i);
                free(q->ring);
                q->ring = ring;
                q->cap = cap;
                q->at = 0;
        }
        q->ring[(q->at + q->count++) & (q->cap - 1)] = packet_ref(p);
        q->bytes += p->n;
        return 0;
}

void packet_queue_hurry(struct packet_queue *q) {
        uint32_t mask = q->cap - 1;
        struct packet *p = packet_queue_at(q, q->count - 1);
        q->at = (q->at + mask) & mask;
        q->ring[q->at] = p;
        q->told = MIN(q->told, q->count - 1) + 1;
}

struct packet *packet_queue_at(const struct packet_queue *q, size_t i) {
        return q->ring[(q->at + i) & (q->cap - 1)];
}

struct packet *packet_queue_first(const struct packet_queue *q) {
        return q->count ? q->ring[q->at] : NULL;
}

bool packet_queue_unput(struct packet_queue *q, struct span map) {
        size_t i = 0;
        while (i < q->count && !span_eq(packet_map(packet_queue_at(q, i)), map))
                i++;
        if (i == q->count)
                return false;
        packet_queue_del(q, i);
        return true;
}

void packet_queue_del(struct packet_queue *q, size_t i) {
        size_t mask = q->cap - 1;
        struct packet *found = packet_queue_at(q, i);
        q->told -= i < q->told;
        for (q->count--; i < q->count; i++)
                q->ring[(q->at + i) & mask] = q->ring[(q->at + i + 1) & mask];
        q->bytes -= found->n;
        packet_free(found);
}

void packet_queue_drop(struct packet_queue *q) {
        struct packet *p = packet_queue_first(q);
        if (!p)
                return;
        q->at = (q->at + 1) & (q->cap - 1);
        q->count--;
        q->told -= q->told > 0;
        q->bytes -= p->n;
        packet_free(p);
}
