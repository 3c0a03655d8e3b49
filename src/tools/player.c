/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/player.h"

#include "crypto/hash.h"

#include <inttypes.h>

/* ---- the core ---- */

static int give_birth(struct player *p, struct span body) {
        struct mesh_config cfg;
        const uint8_t *zero = body.n ? memchr(body.p, '\0', MIN(body.n, sizeof(p->version))) : NULL;
        if (!zero || p->core || !tape_get_config(span_from(body, (size_t)(zero - body.p) + 1), &cfg))
                return PLAYER_E_EVENT;
        memcpy(p->version, body.p, (size_t)(zero - body.p) + 1);
        int r = mesh_new(&p->core, &cfg);
        hash_wipe(&cfg, sizeof(cfg));
        if (r == 0 && p->trace)
                trace_head(p->trace, p->version, p->run, p->begun);
        return r;
}

/* ---- comparing ---- */

static int diverged(struct player *p, size_t at, size_t recorded) {
        size_t action = at / TAPE_DIGEST + 1;
        if (at < MIN(recorded, p->digests.n))
                snprintf(p->why, sizeof(p->why), "at event %" PRIu64 ", action %zu is another one", p->events, action);
        else
                snprintf(p->why, sizeof(p->why), "at event %" PRIu64 ", %s", p->events,
                         recorded > p->digests.n ? "the recording has more actions"
                                                 : "the recording has fewer actions");
        return PLAYER_E_DIVERGED;
}

static int compare(struct player *p, struct span recorded) {
        size_t n = MIN(recorded.n, p->digests.n), at = 0;
        if (!p->unchecked)
                return 0;
        p->unchecked = false;
        while (at < n && memcmp(recorded.p + at, p->digests.p + at, TAPE_DIGEST) == 0)
                at += TAPE_DIGEST;
        return at < n || recorded.n != p->digests.n ? diverged(p, at, recorded.n) : 0;
}

/* ---- playing ---- */

static bool is_shown(const struct player *p, const struct mesh_event *ev) {
        mesh_time ms = ev->now - p->trace->first;
        return ms >= p->from && ms <= p->to;
}

/* After RESTORE nothing is drained: so it was in the daemon. */
static int drain(struct player *p) {
        struct mesh_action a;
        uint8_t digest[TAPE_DIGEST];
        while (mesh_next(p->core, &a)) {
                if (!tape_digest(&a, &p->scratch, digest))
                        return ERR_NOMEM;
                buf_add(&p->digests, SPAN_OF(digest));
                p->actions++;
                if (p->trace)
                        trace_action(p->trace, &a);
        }
        return buf_ok(&p->digests) ? 0 : ERR_NOMEM;
}

static int step(struct player *p, const struct mesh_event *ev) {
        buf_clear(&p->digests);
        p->events++;
        if (p->trace)
                trace_event(p->trace, p->events, ev);
        int r = mesh_step(p->core, ev) ? PLAYER_E_CORE : 0;
        if (r == 0 && ev->type != MESH_EV_RESTORE)
                r = drain(p);
        p->unchecked = true;
        if (p->trace)
                trace_event_end(p->trace, is_shown(p, ev));
        return r;
}

static int play_event(struct player *p, struct span body) {
        _clean_(tape_event_fini) struct tape_event e = {.ev = {.now = 0}};
        int r = compare(p, SPAN_NONE); /* the one before had no actions */
        if (r)
                return r;
        if (p->until && p->events + 1 >= p->until) {
                snprintf(p->end, sizeof(p->end), "until");
                return 0;
        }
        if (!p->core || !tape_get_event(body, &e))
                return PLAYER_E_EVENT;
        return step(p, &e.ev);
}

static int play_entry(struct player *p, enum tape_kind kind, struct span body) {
        switch (kind) {
        case TAPE_BIRTH:
                return give_birth(p, body);
        case TAPE_EVENT:
                return play_event(p, body);
        case TAPE_DIGESTS:
                return compare(p, body);
        case TAPE_END:
                snprintf(p->end, sizeof(p->end), "%.*s", (int)MIN(body.n, sizeof(p->end) - 1), (const char *)body.p);
                return strcmp(p->end, TAPE_END_FAILED) == 0 ? 0 : compare(p, SPAN_NONE);
        }
        return TAPE_E_DAMAGED;
}

int player_play(struct player *p) {
        enum tape_kind kind;
        struct span body;
        int r = 0;
        while (r == 0 && !*p->end) {
                r = tape_next(&p->tape, &kind, &body);
                if (r == 0)
                        r = play_entry(p, kind, body);
        }
        if (r == TAPE_E_CUT && p->core) { /* the last event's digests may be lost with what came after */
                snprintf(p->end, sizeof(p->end), "cut");
                r = 0;
        }
        if (r == 0 && p->trace)
                trace_end(p->trace, p->events, p->actions, p->end);
        return r;
}

void player_fini(struct player *p) {
        p->core = mesh_free(p->core);
        tape_close(&p->tape);
        buf_wipe(&p->scratch);
        buf_fini(&p->digests);
}
