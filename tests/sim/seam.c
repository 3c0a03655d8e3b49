/* SPDX-License-Identifier: Apache-2.0 */
/* The two calls inside the core that the linker leads through here: what a home says, and what it hears. */
#include "sim/byz.h"

#include "wire/codec.h"

int __real_packet_queue_put(struct packet_queue *q, struct packet *p);
int __wrap_packet_queue_put(struct packet_queue *q, struct packet *p);
int __real_on_body(struct link *l, struct span body);
int __wrap_on_body(struct link *l, struct span body);

/* One world a process. */
static struct {
        struct world *world;
        struct node *acting;
        struct buf hoard;
        uint64_t repeated;
} seam;

void seam_init(struct world *w) {
        seam.world = w;
}

void seam_fini(void) {
        buf_fini(&seam.hoard);
        seam.world = NULL;
        seam.acting = NULL;
        seam.repeated = 0;
}

struct node *seam_enter(struct node *n) {
        struct node *before = seam.acting;
        seam.acting = n;
        return before;
}

void seam_leave(struct node *before) {
        seam.acting = before;
}

struct node *seam_acting(void) {
        return seam.acting;
}

uint64_t seam_repeated(void) {
        return seam.repeated;
}

struct world *seam_world(void) {
        return seam.world;
}

bool seam_broken(enum sabotage what) {
        return seam.world && seam.world->opt.break_it == what && byz_begun(seam.world);
}

bool seam_victim(const struct node *n, enum sabotage what) {
        return n && seam_broken(what) && n == byz_honest(seam.world, VICTIM);
}

static void hoard(void) {
        static const uint8_t frame[FRAMES_NORMAL];
        buf_add(&seam.hoard, SPAN_OF(frame));
}

/* ---- what is said ---- */
static bool repeats(struct world *w, const struct packet *p) {
        return w->opt.repeat && byz_is(p, BYZ_PASSED_ON | BYZ_BIT(LINK_ACK)) && byz_begun(w) && !w->calm &&
               rng_below(&w->rng, 100) < w->opt.repeat;
}

/* Whoever stands around a home tells it nothing, besides what its kind does. */
static bool says(struct node *n, struct link *l, struct packet *p) {
        struct world *w = seam.world;
        if (n->byz->says && !n->byz->says(w, n, l, p))
                return false;
        return !walls_have(w, byz_node(w, &l->device)) || byz_drop.says(w, n, l, p);
}

static bool reads_slowly(const struct link *l) {
        const struct node *peer = byz_node(seam.world, &l->device);
        return peer && peer->byz && peer->byz->reads;
}

int __wrap_packet_queue_put(struct packet_queue *q, struct packet *p) {
        struct node *n = seam.acting;
        if (!n)
                return __real_packet_queue_put(q, p);
        struct link *l = CONTAINER_OF(q - MIN(p->klass, 5), struct link, queue);
        if (n->byz && byz_begun(seam.world) && !says(n, l, p)) {
                n->deeds++;
                return 0;
        }
        if (seam_victim(n, SABOTAGE_PATIENT) && reads_slowly(l))
                hoard();
        int r = __real_packet_queue_put(q, p);
        if (r || !repeats(seam.world, p))
                return r;
        seam.repeated++;
        return __real_packet_queue_put(q, p);
}

/* ---- what is heard ---- */
static bool of_byzantine(struct world *w, struct span raw) {
        struct wire_record r;
        struct key device;
        if (codec_decode(&wire_record_desc, raw, &r, NULL))
                return false;
        memcpy(device.b, r.device.p, sizeof(device.b));
        const struct node *author = byz_node(w, &device);
        return author && author->byz;
}

/* Of what goes round it takes nothing from honest neighbours; so does each home that is surrounded. */
static bool believes_liars_alone(const struct node *n, const struct link *l) {
        const struct node *from = byz_node(seam.world, &l->device);
        bool credulous =
                seam_broken(SABOTAGE_CREDULOUS) && (n == byz_honest(seam.world, VICTIM) || walls_have(seam.world, n));
        return credulous && !(from && from->byz);
}

static bool hears(struct node *n, struct link *l, enum wire_link number, struct span raw) {
        bool record = number == LINK_RECORD;
        if ((record && seam_victim(n, SABOTAGE_DEAF)) || (number == LINK_OP && seam_victim(n, SABOTAGE_OBEY)))
                return false;
        if ((record || number == LINK_PROOF) && seam_victim(n, SABOTAGE_PICKY))
                return record && !of_byzantine(seam.world, raw);
        if (BYZ_PASSED_ON & BYZ_BIT(number) && believes_liars_alone(n, l))
                return false;
        return !n->byz || !n->byz->hears || !byz_begun(seam.world) || n->byz->hears(n, l, number, raw);
}

/* Appends what of @body is heard. False: it is no frame of messages, which is for the core to say. */
static bool sift(struct node *n, struct link *l, struct span body, struct buf *heard) {
        struct wire_reader r = wire_reader(body);
        const struct wire_number *row;
        unsigned unknown = 0;
        while ((row = codec_next(&r, wire_link_find, &unknown))) {
                union wire_any msg;
                struct span raw;
                if (codec_read(row->desc, &r, &msg, &raw, NULL))
                        return false;
                if (!hears(n, l, (enum wire_link)row->number, raw)) {
                        n->deeds++;
                        continue;
                }
                buf_add_u8(heard, (uint8_t)row->number);
                buf_add(heard, raw);
        }
        return wire_reader_ok(&r) && buf_ok(heard);
}

int __wrap_on_body(struct link *l, struct span body) {
        struct node *n = seam.acting;
        _clean_(buf_fini) struct buf heard = BUF_NULL;
        if (!n || (!seam.world->opt.break_it && !(n->byz && n->byz->hears)))
                return __real_on_body(l, body);
        if (seam_victim(n, SABOTAGE_HOARD))
                hoard();
        return __real_on_body(l, sift(n, l, body, &heard) ? buf_span(&heard) : body);
}
