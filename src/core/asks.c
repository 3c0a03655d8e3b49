/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices and asks: what a record may say about footage. A notice says that some exists; an ask asks the street for some of
 * a place and a time. Neither has a byte of a picture in it, and neither names a home: a notice has a cell, an ask a circle
 * around the centre of one.
 *
 * What they may say is a function of the record's bytes and the charter, so that all homes judge alike whenever it comes
 * (PROTOCOL 4.31 and 4.32). One that says more is held and passed on, and shown to nobody. The author asks the same
 * questions of a draft, and answers with what is wrong. Who has something that fits an ask is looked up at home
 * (store/asks.c), and nothing is sent because of it.
 */
#include "core/asks.h"
#include "base/cell.h"
#include "base/text.h"
#include "core/core.h"
#include "core/limits.h"
#include "roster/roster.h"

#define REASON_MOST 256
#define CLIP_BYTES 32

static const struct hash nothing;

/* Nothing that is to come: a camera's clock may be as wrong as that of a record (PROTOCOL 4.7). */
static bool is_past(mesh_wall to, mesh_wall created) {
        return to <= created + FUTURE_SLACK;
}

static bool place_fits(const struct mesh *m, mesh_cell cell) {
        return cell_valid(cell) && cell_chars(cell) <= (int)roster_charter(m->roster, CHARTER_precision);
}

/* PROTOCOL 4.31: "The class of a notice MUST be notice. Its `cell` MUST be a place (rule 2.11) of no more characters than the
 * charter's `precision`. `to` MUST NOT be before `from`, nor more than 86,400 s after it, nor more than 600 s after
 * `created`." */
bool asks_notice_means(const struct mesh *m, const struct wire_record *w, const struct wire_notice *n) {
        return w->klass == CLASS_NOTICE && place_fits(m, n->cell) && n->to >= n->from &&
               n->to - n->from <= NOTICE_SPAN && is_past(n->to, w->created);
}

static bool is_blank(struct span text) {
        size_t blanks = 0;
        for (size_t i = 0; i < text.n; i++)
                blanks += text.p[i] == ' ' || text.p[i] == '\t' || text.p[i] == '\n' || text.p[i] == '\r';
        return blanks == text.n;
}

/* PROTOCOL 4.32: "The class of an ask MUST be ask, and `sensor` MUST NOT be set: it is people who ask. Its `cell` MUST be as
 * that of a notice. `to` MUST NOT be before `from`, nor more than 7,200 s after it, nor more than 600 s after `created`.
 * `reason` MUST have a byte other than 09, 0A, 0D and 20. `expires` MUST NOT be more than 604,800 s after `created`" */
bool asks_ask_means(const struct mesh *m, const struct wire_record *w, const struct wire_ask *a) {
        return w->klass == CLASS_ASK && !WIRE_HAS(w, RECORD, sensor) && place_fits(m, a->cell) && a->to >= a->from &&
               a->to - a->from <= ASK_SPAN && is_past(a->to, w->created) && !is_blank(a->reason) &&
               w->expires - w->created <= ASK_SHOWN;
}

/* ---- drafts ---- */

/* As the charter has it, unless the draft wants it coarser. */
static mesh_cell place_of(const struct mesh *m, const struct mesh_draft *d) {
        int finest = (int)roster_charter(m->roster, CHARTER_precision);
        return cell_coarsen(d->cell, d->precision ? MIN((int)d->precision, finest) : finest);
}

static enum mesh_outcome times_fit(const struct mesh *m, const struct mesh_draft *d, uint64_t most,
                                   enum mesh_outcome too_long) {
        if (!d->from || d->to < d->from)
                return MESH_OUT_BAD_SPAN;
        if (d->to - d->from > most)
                return too_long;
        return is_past(d->to, clock_now(m)) ? MESH_OUT_DONE : MESH_OUT_NOT_YET;
}

enum mesh_outcome asks_notice(const struct mesh *m, const struct mesh_draft *d, struct wire_notice *ret,
                              uint64_t *ret_life) {
        struct wire_notice n = {.cell = place_of(m, d), .from = d->from, .to = d->to, .clip = d->clips};
        uint64_t life = d->expires_in ? d->expires_in : LIFE_NOTICE;
        if (!cell_valid(n.cell))
                return MESH_OUT_BAD_PLACE;
        if (d->clips.n != CLIP_BYTES)
                return MESH_OUT_NO_CLIP;
        enum mesh_outcome o = times_fit(m, d, NOTICE_SPAN, MESH_OUT_NOTICE_LONG);
        if (o == MESH_OUT_DONE && life > LIFE_NOTICE)
                o = MESH_OUT_BAD_TIME;
        if (o != MESH_OUT_DONE)
                return o;
        if (!hash_eq(&d->target, &nothing))
                WIRE_PUT(&n, NOTICE, alert, SPAN_OF(d->target.b));
        *ret = n;
        *ret_life = life;
        return MESH_OUT_DONE;
}

enum mesh_outcome asks_ask(const struct mesh *m, const struct mesh_draft *d, struct wire_ask *ret, uint64_t *ret_life) {
        struct wire_ask a = {
                .cell = place_of(m, d), .radius = d->radius, .from = d->from, .to = d->to, .reason = d->text};
        uint64_t life = d->expires_in ? d->expires_in : ASK_SHOWN;
        if (!cell_valid(a.cell))
                return MESH_OUT_BAD_PLACE;
        if (d->text.n > REASON_MOST || !text_utf8(d->text) || is_blank(d->text))
                return MESH_OUT_BAD_REASON;
        if (d->radius < ASK_RADIUS_LEAST || d->radius > ASK_RADIUS_MOST)
                return MESH_OUT_ASK_WIDE;
        enum mesh_outcome o = times_fit(m, d, ASK_SPAN, MESH_OUT_ASK_LONG);
        if (o == MESH_OUT_DONE && life > ASK_SHOWN)
                o = MESH_OUT_BAD_TIME;
        if (o != MESH_OUT_DONE)
                return o;
        if (!hash_eq(&d->target, &nothing))
                WIRE_PUT(&a, ASK, alert, SPAN_OF(d->target.b));
        *ret = a;
        *ret_life = life;
        return MESH_OUT_DONE;
}
