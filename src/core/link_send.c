/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes out over a link. Messages wait in queues by class, behind a window towards the kernel (window.c); frames are made
 * of them when it opens, the highest class first, and handed out at the end of a step, all of a link's together. Within a
 * link a lower class never delays a higher one by more than the window; a link too slow for its lower classes loses them, and
 * sync repairs that.
 */
#include "core/link.h"

#include "core/core.h"
#include "core/frames.h"
#include "core/limits.h"
#include "core/packet.h"
#include "core/relay.h"

/* ---- what waits ---- */
size_t link_queued(const struct link *l) {
        size_t n = 0;
        for (size_t i = 0; i < ARRAY_LEN(l->queue); i++)
                n += l->queue[i].bytes;
        return n;
}

static void make_room(struct link *l) {
        for (int k = 3; k >= 2 && link_queued(l) > QUEUE_MOST; k--)
                while (l->queue[k].count && link_queued(l) > QUEUE_MOST)
                        packet_queue_drop(&l->queue[k]);
}

static int queued(struct link *l) {
        link_touch(l);
        if (link_queued(l) > QUEUE_MOST)
                make_room(l);
        if (link_queued(l) <= QUEUE_HARD)
                return 0;
        for (size_t i = 0; i < ARRAY_LEN(l->queue); i++) /* first, so that there is room for the farewell */
                packet_queue_fini(&l->queue[i]);
        link_hangup(l, REASON_OVERLOAD);
        return 0;
}

static int put(struct link *l, struct packet *p, bool first) {
        struct packet_queue *q = &l->queue[MIN(p->klass, 5)];
        if (l->state == LINK_CLOSING)
                return 0;
        if (p->bytes[0] == LINK_RECORD)
                carry_yield(l->m, p->klass);
        int r = packet_queue_put(q, p);
        if (r)
                return r;
        if (first)
                packet_queue_hurry(q);
        l->m->urgent_waits |= p->klass == 1;
        return queued(l);
}

int link_send(struct link *l, struct packet *p) {
        return put(l, p, false);
}

int link_send_first(struct link *l, struct packet *p) {
        return put(l, p, true);
}

/* PROTOCOL 10.10: "What waits for a link, and comes over it meanwhile, need not be sent there." */
void link_unsend(struct link *l, struct span map) {
        for (size_t i = 0; i < ARRAY_LEN(l->queue); i++)
                if (packet_queue_unput(&l->queue[i], map))
                        return;
}

int link_say(struct link *l, enum wire_link number, const void *msg) {
        const struct wire_number *row = wire_link_find(number);
        _clean_(packet_freep) struct packet *p = packet_new(number, row ? row->klass : 0, msg);
        return p ? link_send(l, p) : ERR_NOMEM;
}

int link_acks(struct link *l) {
        struct wire_acks msg = {.ids = span_of(l->acks, l->n_acks * sizeof(l->acks[0]))};
        l->n_acks = 0;
        return link_say(l, LINK_ACK, &msg);
}

/* ---- frames ---- */
/* One frame: the highest class first, as many messages as fit; of a class that has to wait, only what the padding has room
 * for. Bulk frames only when nothing but bulk waits. */
static size_t fill(struct link *l, uint8_t *body, size_t room) {
        size_t n = 0;
        for (size_t k = 0; k < ARRAY_LEN(l->queue); k++) {
                struct packet *p;
                size_t most = window_open(l, k) ? room : MIN(room, frames_padded(n));
                while ((p = packet_queue_first(&l->queue[k])) && n + p->n <= most) {
                        memcpy(body + n, p->bytes, p->n);
                        n += p->n;
                        packet_queue_drop(&l->queue[k]);
                }
                if (p && k < 4)
                        break; /* the next of this class goes first into the next frame */
        }
        return n;
}

/* One message too long for the frame that was its turn goes alone, as bulk. */
static int flush_long(struct link *l) {
        struct packet_queue *q = l->queue;
        while (!q->count)
                q++;
        const struct packet *p = packet_queue_first(q);
        int r = p->n <= FRAMES_BULK ? frames_seal(&l->frames, span_of(p->bytes, p->n), &l->out) : 0;
        packet_queue_drop(q);
        return r;
}

static int flush_bulk(struct link *l) { /* straight to where it goes out from: it is long */
        size_t most = window_frame(l);
        uint8_t *body = frames_room(&l->out, most);
        size_t n = body ? fill(l, body, most) : 0;
        if (!body)
                return ERR_NOMEM;
        return n ? frames_seal_there(&l->frames, n, &l->out) : flush_long(l);
}

static int flush_normal(struct link *l) { /* most frames: it clears no more memory than these take */
        uint8_t body[FRAMES_NORMAL];
        size_t n = fill(l, body, sizeof(body));
        return n ? frames_seal(&l->frames, span_of(body, n), &l->out) : flush_long(l);
}

/* PROTOCOL 8.13: "Where more of class 1 waits, it MAY hold 2,014" */
static int flush_urgent(struct link *l) {
        uint8_t body[FRAMES_URGENT];
        size_t n = fill(l, body, l->queue[1].bytes > FRAMES_NORMAL ? sizeof(body) : FRAMES_NORMAL);
        int r = n ? frames_seal(&l->frames, span_of(body, n), &l->out) : flush_long(l);
        l->urgent = l->sent + l->out.n;
        return r;
}

static int flush_frame(struct link *l) {
        bool bulk = true;
        l->spoke = l->m->now;
        if (l->queue[1].count)
                return flush_urgent(l);
        for (int k = 0; k < 4; k++)
                bulk = bulk && !l->queue[k].count;
        return bulk ? flush_bulk(l) : flush_normal(l);
}

static bool may_frame(const struct link *l) {
        for (size_t k = 0; k < ARRAY_LEN(l->queue); k++)
                if (l->queue[k].count)
                        return window_open(l, k);
        return false;
}

int link_flush(struct link *l) {
        if (l->state == LINK_CLOSING || l->frames.state != FRAMES_OPEN)
                return 0;
        while (may_frame(l)) {
                int r = want_ride(l);
                if (!r)
                        r = flush_frame(l);
                if (r)
                        return r;
        }
        want_waits(l);
        return 0;
}

/* ---- what is handed out ---- */
void link_out_over(struct link *l) { /* it was handed out, and the shell has it by now */
        if (!l->out_given)
                return;
        if (l->out.cap > LINK_WINDOW)
                buf_fini(&l->out);
        buf_clear(&l->out);
        l->out_given = false;
}

void links_begin(struct mesh *m) {
        for (size_t i = 0; i < m->n_links; i++)
                if (m->links[i].busy)
                        link_out_over(m->links[i].link);
}

int link_work(struct link *l) {
        int r = l->state == LINK_UP ? sync_pump(l) : 0;
        if (!r && l->n_acks)
                r = link_acks(l);
        return r ? r : link_flush(l);
}

int links_work(struct mesh *m) {
        int r = relay_work(m); /* what goes within others has to be on these first */
        for (size_t i = 0; !r && i < m->n_links; i++)
                if (m->links[i].busy && !m->links[i].link->room)
                        r = link_work(m->links[i].link);
        return r;
}

bool link_rests(const struct link *l) {
        bool nothing = !l->out.n && !l->out_given && !l->n_acks;
        return (l->state == LINK_UP || l->state == LINK_HAUL) && nothing && !may_frame(l) && !sync_owes(l);
}

struct span link_out(struct link *l) {
        l->sent += l->out.n;
        l->backlog += l->out.n;
        window_handed(l);
        l->out_given = true;
        return buf_span(&l->out);
}

bool links_next(struct mesh *m, struct mesh_action *ret) {
        for (size_t i = 0; i < m->n_links; i++) {
                struct link_place *p = &m->links[i];
                struct link *l = p->link;
                if (!p->busy)
                        continue;
                link_out_over(l);
                if (l->out.n && !l->room) {
                        *ret = (struct mesh_action){.type = MESH_DO_SEND, .link = l->id, .send = link_out(l)};
                        return true;
                }
                if (l->state == LINK_CLOSING && !l->room) {
                        *ret = (struct mesh_action){.type = MESH_DO_HANGUP, .link = l->id, .hangup = l->ending};
                        link_free(l);
                        return true;
                }
                p->busy = !link_rests(l);
                p->due = link_due(l);
        }
        return false;
}

/* What others may hand out of their urgent ones hangs on how many links share the line. */
void links_share(struct mesh *m) {
        bool any = false;
        for (size_t i = 0; m->urgent_waits && i < m->n_links; i++) {
                bool waits = m->links[i].link->queue[1].count > 0;
                m->links[i].busy |= waits;
                any |= waits;
        }
        m->urgent_waits = any;
}

void link_writable(struct mesh *m, mesh_link id, size_t backlog) {
        struct link *l = link_find(m, id);
        if (!l)
                return;
        link_touch(l);
        if (l->backlog && !backlog)
                links_share(m);
        l->backlog = backlog;
        window_gone(l);
}
