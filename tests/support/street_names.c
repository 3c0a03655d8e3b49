/* SPDX-License-Identifier: Apache-2.0 */
/* The homes' names, as a server knows them: each leads to where its home is at that moment. */
#include "support/street_inside.h"
#include "wire/codec.h"

#define ANSWER_TIME 30 /* ms */

void street_name_rows(const struct home *h, struct wire_list *ret, struct buf *store) {
        struct wire_addr row = {.port = h->addr.port};
        if (!h->name)
                return;
        WIRE_PUT(&row, ADDR, dns, span_str(h->name));
        wire_list_add(&wire_addr_desc, ret, store, &row);
}

static void answer(struct street *s, size_t i, const struct mesh_action *a, const struct home *found) {
        struct mesh_event ev = {.type = MESH_EV_LOOKED_UP, .looked_up = {.device = a->look_up.device, .n = 1}};
        buf_add(&street_plan(s, s->now + ANSWER_TIME, i, ev)->bytes, span_of(&found->addr, sizeof(found->addr)));
}

void street_look_up(struct street *s, size_t i, const struct mesh_action *a) {
        struct wire_list names = a->look_up.names;
        struct wire_addr row;
        while (wire_list_next(&wire_addr_desc, &names, &row)) {
                s->homes[i].asked++;
                for (size_t k = 0; k < s->n; k++)
                        if (s->homes[k].name && span_eq(row.dns, span_str(s->homes[k].name)))
                                answer(s, i, a, &s->homes[k]);
        }
}

/* ---- for tests ---- */
void street_name(struct street *s, size_t i, const char *name) {
        s->homes[i].name = name;
        street_tell_addresses(s, i);
}

size_t street_asked(const struct street *s, size_t i) {
        return s->homes[i].asked;
}
