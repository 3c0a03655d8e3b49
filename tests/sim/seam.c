/* SPDX-License-Identifier: Apache-2.0 */
/* The two calls inside the core that the linker leads through here, and what deliberate faults do to an honest home. */
#include "sim/byz.h"

#include "wire/codec.h"

int __real_packet_queue_put(struct packet_queue *q, struct packet *p);
int __wrap_packet_queue_put(struct packet_queue *q, struct packet *p);
int __real_on_body(struct link *l, struct span body);
int __wrap_on_body(struct link *l, struct span body);
bool __real_record_fits(const struct mesh *m, const struct wire_record *w, const struct roster_device *d);
bool __wrap_record_fits(const struct mesh *m, const struct wire_record *w, const struct roster_device *d);

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

/* ---- what is said ---- */
static bool repeats(struct world *w, const struct packet *p) {
        return w->opt.repeat && byz_is(p, BYZ_PASSED_ON | BYZ_BIT(LINK_ACK)) && byz_begun(w) && !w->calm &&
               rng_below(&w->rng, 100) < w->opt.repeat;
}

int __wrap_packet_queue_put(struct packet_queue *q, struct packet *p) {
        struct node *n = seam.acting;
        if (!n)
                return __real_packet_queue_put(q, p);
        struct link *l = CONTAINER_OF(q - MIN(p->klass, 5), struct link, queue);
        if (n->byz && n->byz->says && byz_begun(seam.world) && !n->byz->says(seam.world, n, l, p)) {
                n->deeds++;
                return 0;
        }
        int r = __real_packet_queue_put(q, p);
        if (r || !repeats(seam.world, p))
                return r;
        seam.repeated++;
        return __real_packet_queue_put(q, p);
}

/* ---- what is heard ---- */
static bool sabotaged(const struct node *n, enum sabotage what) {
        return seam.world && seam.world->opt.break_it == what && byz_begun(seam.world) &&
               n == byz_honest(seam.world, 1);
}

static bool of_byzantine(struct world *w, struct span raw) {
        struct wire_record r;
        if (codec_decode(&wire_record_desc, raw, &r, NULL))
                return false;
        for (uint32_t i = 0; i < w->n; i++)
                if (w->nodes[i].byz && memcmp(w->nodes[i].device.pub.b, r.device.p, 32) == 0)
                        return true;
        return false;
}

static bool hears(struct node *n, struct link *l, enum wire_link number, struct span raw) {
        bool record = number == LINK_RECORD;
        if ((record && sabotaged(n, SABOTAGE_DEAF)) || (number == LINK_OP && sabotaged(n, SABOTAGE_OBEY)))
                return false;
        if ((record || number == LINK_PROOF) && sabotaged(n, SABOTAGE_PICKY))
                return record && !of_byzantine(seam.world, raw);
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
        static const uint8_t frame[FRAMES_NORMAL];
        if (sabotaged(n, SABOTAGE_HOARD))
                buf_add(&seam.hoard, SPAN_OF(frame));
        return __real_on_body(l, sift(n, l, body, &heard) ? buf_span(&heard) : body);
}

bool __wrap_record_fits(const struct mesh *m, const struct wire_record *w, const struct roster_device *d) {
        return (seam.acting && sabotaged(seam.acting, SABOTAGE_ROWS)) || __real_record_fits(m, w, d);
}
