/* SPDX-License-Identifier: Apache-2.0 */
#include "node/rows.h"
#include "base/cell.h"
#include "base/text.h"

#include <stdio.h>

#define CLASH_DIGITS 4   /* of the id beside a look-alike name */
#define UNKNOWN_DIGITS 8 /* of the id in place of a name */

static void copy(char ret[ROWS_NAME_MAX], struct buf *text) {
        snprintf(ret, ROWS_NAME_MAX, "%s", buf_cstr(text));
}

static struct span first_digits(const struct key *k, size_t digits) {
        return span_of(k->b, digits / 2);
}

const char *rows_household(const struct node *n, const struct key *household, char ret[ROWS_NAME_MAX]) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        const struct roster *roster = mesh_roster(n->core);
        const struct roster_home *home = roster ? roster_home_find(roster, household) : NULL;
        if (!home) {
                text_hex(&text, first_digits(household, UNKNOWN_DIGITS));
        } else if (home->name_clash) {
                buf_printf(&text, "%s (", home->name);
                text_hex(&text, first_digits(household, CLASH_DIGITS));
                buf_add_str(&text, ")");
        } else {
                buf_add_str(&text, home->name);
        }
        copy(ret, &text);
        return ret;
}

const char *rows_device(const struct node *n, const struct key *device, char ret[ROWS_NAME_MAX]) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        const struct roster *roster = mesh_roster(n->core);
        const struct roster_device *d = roster ? roster_device_find(roster, device) : NULL;
        if (d)
                buf_add_str(&text, d->name);
        else
                text_hex(&text, first_digits(device, UNKNOWN_DIGITS));
        copy(ret, &text);
        return ret;
}

static void put_place(const struct store_alert *a, struct rows_alert *ret) {
        _clean_(buf_fini) struct buf cell = BUF_NULL;
        int32_t lat = 0, lon = 0;
        cell_text(&cell, a->cell);
        snprintf(ret->cell, sizeof(ret->cell), "%s", buf_cstr(&cell));
        cell_centre_e6(a->cell, &lat, &lon);
        ret->w.cell = span_str(ret->cell);
        ret->w.lat = lat;
        ret->w.lon = lon;
        if (a->distance_m != UINT32_MAX)
                WIRE_PUT(&ret->w, C_ALERT, distance_m, a->distance_m);
}

void rows_alert(const struct node *n, const struct store_alert *a, struct rows_alert *ret) {
        ret->w = (struct wire_c_alert){
                .v = 1,
                .id = SPAN_OF(a->id.b),
                .household = span_str(rows_household(n, &a->household, ret->household)),
                .mine = a->mine,
                .source = a->sensor ? SOURCE_SENSOR : SOURCE_PERSON,
                .kind = a->kind,
                .category = a->category,
                .severity = a->severity,
                .urgency = a->urgency,
                .certainty = a->certainty,
                .status = a->status,
                .state = a->state,
                .text = a->text,
                .created = a->created,
                .expires = a->expires,
                .confirms = a->confirms,
                .disputes = a->disputes,
                .comments = a->comments,
        };
        put_place(a, ret);
        if (a->doing)
                WIRE_PUT(&ret->w, C_ALERT, doing, a->doing);
        if (a->updated)
                WIRE_PUT(&ret->w, C_ALERT, updated, a->updated);
        if (a->clips.n)
                WIRE_PUT(&ret->w, C_ALERT, clips, a->clips);
}
