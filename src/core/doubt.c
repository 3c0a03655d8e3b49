/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links that may be dead, though nobody has hung up. A laptop has slept, or has come into another network: its shell hears so from the
 * kernel. A telephone that passes it on has come into another cell: nobody tells, for the laptop's own addresses stay what they
 * were. TCP would find out in a quarter of an hour, the pings of quiet links in one to three minutes. So links are doubted: asked, and
 * hung up when no byte comes soon, which for a link that answers otherwise in a twentieth of a second is two seconds.
 *
 * What makes a link doubtful is known anyway and costs nothing to know: the shell's word, another link that was found dead, an alert of this
 * home's own that nobody has acknowledged, and that nobody at all has said anything for a while. With few links one is asked then; with more
 * the PING of one is due about as soon, and counts as a question: a timer of its own would move with each byte of each link.
 */
#include "core/doubt.h"
#include "core/core.h"
#include "core/limits.h"
#include "core/reach.h"

/* What is under way may stand before the answer. */
static mesh_time patience(const struct link *l) {
        if (l->backlog >= WINDOW_LEAST)
                return DOUBT_TIME;
        return MIN(MAX(l->trip * DOUBT_TRIPS, (mesh_time)DOUBT_LEAST), (mesh_time)DOUBT_TIME);
}

/* PROTOCOL 8.23: "sends PING and waits eight times as long as its handshake waited for an answer, but 2 s at least and 10 s at
 * most, and 10 s where 4,096 bytes of its own or more are under way" */
mesh_time doubt_due(const struct link *l) {
        return l->doubted > l->heard ? l->doubted + patience(l) : MESH_NEVER;
}

/* One for footage within another needs no doubt of its own: it ends with that, and before its answer a whole room may wait. */
int doubt_link(struct link *l) {
        struct wire_nothing nothing = {0};
        bool up = l->state == LINK_UP || (l->state == LINK_HAUL && !l->room);
        if (!up || l->heard == l->m->now || l->doubted > l->heard)
                return 0;
        l->doubted = l->pinged = l->m->now;
        return link_say(l, LINK_PING, &nothing);
}

int doubt_others(struct mesh *m) {
        if (!m->member || m->stopping) /* a removed home's links end without a word */
                return 0;
        LINK_EACH(l, m) {
                int r = m->now >= l->heard + DOUBT_FRESH ? doubt_link(l) : 0;
                if (r)
                        return r;
        }
        return 0;
}

/* A machine that has slept for long has no link any more: whoever is at the other ends has hung up. */
static void drop_silent(struct mesh *m) {
        LINK_EACH(l, m) {
                if (l->state == LINK_UP && l->heard + SILENCE_TIME <= m->now)
                        link_hangup(l, REASON_SILENT);
        }
}

int doubt_moved(struct mesh *m) {
        drop_silent(m);
        LINK_EACH(l, m) {
                int r = doubt_link(l);
                if (r)
                        return r;
        }
        lately_moved(m);
        dial_anew(m);
        return 0;
}

void doubt_posted(struct link *l) {
        if (l->posted > l->heard) /* that one is not acknowledged yet */
                return;
        l->posted = l->m->now;
        link_touch(l);
}

mesh_time doubt_posted_due(const struct link *l) {
        bool asked = l->doubted > l->heard;
        return l->posted > l->heard && !asked ? l->posted + DOUBT_POSTED : MESH_NEVER;
}

/* PROTOCOL 8.23: "the one over which a PING is due when nobody has said anything for 20 s, and with 3 links or fewer one of these
 * at once" */
bool doubt_quiet(const struct mesh *m) {
        return !m->open && m->now >= m->heard + DOUBT_QUIET;
}

/* Of more links one has its PING about as soon. */
mesh_time doubt_quiet_due(const struct mesh *m) {
        bool few = m->n_links && m->n_links <= DOUBT_FEW;
        bool asks = few && m->started && m->member && !m->stopping && !m->open;
        return asks ? MAX(m->heard, m->asked) + DOUBT_QUIET : MESH_NEVER;
}

int doubt_tick(struct mesh *m) {
        struct link *last = NULL;
        if (m->now < doubt_quiet_due(m))
                return 0;
        m->asked = m->now;
        LINK_EACH(l, m) {
                if (l->state == LINK_UP && (!last || l->heard > last->heard))
                        last = l;
        }
        return last ? doubt_link(last) : 0;
}
