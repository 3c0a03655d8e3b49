/* SPDX-License-Identifier: Apache-2.0 */
#include "node/request.h"

#define KIND_BITS 64

static void want_kinds(struct store_filter *f, struct span kinds) {
        for (size_t i = 0; i < kinds.n; i++)
                f->kinds[kinds.p[i] / KIND_BITS] |= UINT64_C(1) << kinds.p[i] % KIND_BITS;
}

bool request_filter(const struct wire_c_filter *m, mesh_cell home, mesh_wall now, struct store_filter *ret) {
        struct store_filter f = {
                .centre = WIRE_HAS(m, C_FILTER, cell) ? m->cell : home,
                .within_m = (uint32_t)m->within, /* what is absent is 0, or empty: anything goes */
                .since = m->since,
                .min_severity = (uint8_t)m->min_severity,
                .text = m->text,
                .limit = (uint32_t)m->limit,
                .now = now,
        };
        if (f.within_m && !f.centre)
                return false;
        want_kinds(&f, m->kinds);
        *ret = f;
        return true;
}

void request_draft(const struct wire_c_post *m, mesh_cell home, struct mesh_draft *ret) {
        *ret = (struct mesh_draft){
                .type = RECORD_ALERT,
                .sensor = WIRE_HAS(m, C_POST, source) && m->source == SOURCE_SENSOR,
                .kind = (uint8_t)m->kind,
                .severity = (uint8_t)m->severity, /* what is absent is 0: the kind's default */
                .urgency = (uint8_t)m->urgency,
                .certainty = (uint8_t)m->certainty,
                .status = (uint8_t)m->status,
                .doing = (uint8_t)m->doing,
                .precision = (uint8_t)m->precision,
                .cell = WIRE_HAS(m, C_POST, cell) ? m->cell : home,
                .expires_in = m->expires_in,
                .text = m->text,
                .clips = m->clips,
        };
}

void request_ask(const struct wire_c_ask_post *m, mesh_cell home, const struct hash *alert, struct mesh_draft *ret) {
        *ret = (struct mesh_draft){
                .type = RECORD_ASK,
                .cell = WIRE_HAS(m, C_ASK_POST, cell) ? m->cell : home,
                .expires_in = m->expires_in,
                .text = m->reason,
                .target = *alert,
                .from = m->from,
                .to = m->to,
                .radius = (uint32_t)m->radius,
        };
}

void request_follow(const struct wire_c_follow *m, const struct hash *target, struct mesh_draft *ret) {
        *ret = (struct mesh_draft){
                .type = (uint8_t)m->what,
                .severity = (uint8_t)m->severity,
                .urgency = (uint8_t)m->urgency,
                .certainty = (uint8_t)m->certainty,
                .expires_in = m->expires_in,
                .text = m->text,
                .target = *target,
        };
}
