/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has been handed to the kernel cannot be overtaken any more. An uplink of 64 kbit/s takes eight seconds for 64 KiB, and
 * an alert that a house is on fire would stand behind them. So a link hands out no more of its lower classes than will have
 * arrived about WINDOW_DELAY after the line itself would have brought it. How long that takes it learns by looking: it marks
 * a byte as it hands it out and waits until that one has arrived. The shortest time seen is the line's own, what is
 * above it is queue, and the window grows or shrinks until the queue is as long as it may be. Urgent ones wait for no other
 * class, but for each other: while they wait here, what others have brought meanwhile can still be spared (want.c).
 *
 * A way may become longer: another route, another line. Then all above the old time would pass for queue, and the window stay
 * as small as it can be. Nor may the shortest time of late be taken instead, for it has this link's own queue in it, and each
 * time would be longer than the one before. So where nothing has come about as fast as the shortest for two minutes, the
 * queue is let run empty, and what one sample takes then is the line's own time. That costs the line the time of one way.
 */
#include "core/window.h"

#include "core/core.h"
#include "core/frames.h"
#include "core/limits.h"
#include "core/link.h"

/* The queue may be so long, in ms. */
static mesh_time delay(const struct link *l) {
        if (!l->haul)
                return WINDOW_DELAY;
        return l->m->now < l->m->haul_hurried ? HAUL_DELAY_HURRIED : HAUL_DELAY;
}

void window_handed(struct link *l) {
        struct window *w = &l->window;
        if (w->mark || l->backlog < WINDOW_LEAST)
                return;
        w->mark = l->sent;
        w->ahead = l->backlog;
        w->began = l->m->now;
}

/* Nothing but the one message that went when the queue was empty, or nearly. */
static bool was_empty(const struct window *w) {
        size_t message = w->size < HAUL_WINDOW_SLOW ? HAUL_FRAME_SLOW : FRAMES_BULK + FRAMES_OVERHEAD;
        return w->ahead <= WINDOW_LEAST + message;
}

static void learn_least(struct link *l, mesh_time took) {
        struct window *w = &l->window;
        bool near = !w->least || took <= w->least + delay(l) / WINDOW_NEAR;
        if (!near && !(w->probes && was_empty(w))) {
                w->probes |= l->m->now - w->least_at >= WINDOW_DOUBT;
                return;
        }
        w->least = near && w->least ? MIN(w->least, took) : took;
        w->least_at = l->m->now;
        w->probes = false;
}

/* In one step by a factor of two at most: a home that was busy with something else must not mistake that for the line. */
static size_t resized(const struct link *l, size_t size, mesh_time took) {
        size_t fit = size * (l->window.least + delay(l)) / took;
        fit = MIN(MAX(fit, size / 2), size * 2);
        return MIN(MAX(fit, (size_t)WINDOW_LEAST), (size_t)(l->haul ? HAUL_WINDOW : WINDOW_MOST));
}

void window_gone(struct link *l) {
        struct window *w = &l->window;
        if (!w->mark || l->backlog > l->sent || l->sent - l->backlog < w->mark)
                return;
        mesh_time took = MAX(l->m->now - w->began, (mesh_time)1);
        size_t size = w->size ? w->size : WINDOW_FIRST;
        w->mark = 0;
        learn_least(l, took);
        w->size = w->ahead >= size / 2 ? resized(l, size, took) : size; /* of few bytes nothing is learnt about many */
}

/* Links that have handed out what has not gone: their line is mostly the same. */
static size_t busy(const struct mesh *m) {
        size_t n = 0;
        for (size_t i = 0; i < m->n_links; i++)
                n += m->links[i].link->backlog > 0 && !m->links[i].link->haul;
        return MAX(n, (size_t)1);
}

size_t window_room(const struct link *l, size_t klass) {
        size_t size = l->window.size ? l->window.size : WINDOW_FIRST;
        if (klass > 1)
                return l->window.probes ? WINDOW_LEAST : size;
        return klass == 1 ? size / busy(l->m) : MAX(size, (size_t)LINK_WINDOW);
}

/* PROTOCOL 8.30: "One more of class 1 goes whenever none that was given away before is still there." */
bool window_open(const struct link *l, size_t klass) {
        if (l->haul && klass == 5 && l->m->now < l->m->haul_pause)
                return false;
        size_t waiting = l->backlog + l->out.n;
        if (klass == 1 && waiting <= l->sent + l->out.n - l->urgent)
                return true;
        return waiting < window_room(l, klass);
}

/* PROTOCOL 8.30: "It SHOULD make frames of classes 4 and 5 no longer than a quarter of that, but for a
 * single message that is longer." */
size_t window_frame(const struct link *l) {
        size_t whole = window_room(l, 4) / 4 / FRAMES_UNIT * FRAMES_UNIT;
        return MIN(MAX(whole, (size_t)FRAMES_UNIT) - FRAMES_OVERHEAD, (size_t)FRAMES_BULK);
}
