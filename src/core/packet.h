/* SPDX-License-Identifier: Apache-2.0 */
/* One message as it goes into frames: number and map, encoded once and shared by every link it is queued on. */
#pragma once

#include "base/list.h"
#include "porchlight/mesh.h"
#include "wire/codec.h"

struct packet {
        uint32_t refs;
        uint8_t klass;  /* queue 0…5 */
        size_t n;       /* of the number, a byte, and the map behind it */
        struct hash id; /* a record's; zeros: it is none */
        uint8_t bytes[];
};

struct packet *packet_new(enum wire_link number, uint8_t klass, const void *msg); /* NULL: no memory, or a bug */
struct packet *packet_of(enum wire_link number, uint8_t klass, struct span map);  /* around a map already encoded */
struct packet *packet_ref(struct packet *p);
struct packet *packet_free(struct packet *p); /* drops one reference; NULL is fine; returns NULL */
struct span packet_map(const struct packet *p);
DEFINE_FREEP(struct packet, packet_free)

/* A first-in first-out of packets. */
struct packet_queue {
        struct packet **ring;
        size_t bytes;
        uint32_t cap, at, count; /* many links have six of these, and what rests is looked at often: it is kept small */
        uint32_t told; /* so many from the first on: the other side was told of them, or need not be (want.c) */
};
void packet_queue_fini(struct packet_queue *q);
int packet_queue_put(struct packet_queue *q, struct packet *p);  /* takes its own reference; 0 or ERR_NOMEM */
struct packet *packet_queue_first(const struct packet_queue *q); /* NULL: empty */
void packet_queue_drop(struct packet_queue *q);                  /* the first */
void packet_queue_hurry(struct packet_queue *q);                 /* the last becomes the first, and counts as told */
struct packet *packet_queue_at(const struct packet_queue *q, size_t i); /* @i of count */
void packet_queue_del(struct packet_queue *q, size_t i);
bool packet_queue_unput(struct packet_queue *q, struct span map); /* wherever it stands; false: it does not */
