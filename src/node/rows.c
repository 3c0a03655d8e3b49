/* SPDX-License-Identifier: Apache-2.0 */
#include "node/rows.h"
#include "base/cell.h"
#include "base/text.h"

#include <stdio.h>

#define CLASH_DIGITS 4   /* of the id beside a look-alike name */
#define UNKNOWN_DIGITS 8 /* of the id in place of a name */
#define PREFIX_LEAST 4
#define MUTES_NAMED 8 /* so many names fit the row of the status */

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
        if (roster && !home)
                home = roster_waiting_find(roster, household);
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

bool rows_id_begins(const struct key *id, struct span digits) {
        return digits.n >= PREFIX_LEAST && text_hex_begins(SPAN_OF(id->b), digits);
}

static void add_mute(const struct node *n, const struct mute *row, struct buf *out) {
        char name[ROWS_NAME_MAX];
        const char *kind = row->kind ? wire_enum_text(&wire_kind_enum, row->kind) : NULL;
        if (kind)
                buf_add_str(out, kind);
        else if (row->kind)
                buf_printf(out, "kind %u", row->kind); /* of a newer version that ran here before */
        else
                buf_add_str(out, rows_household(n, &row->household, name));
}

void rows_mutes(const struct node *n, struct buf *out) {
        mesh_wall now = node_time(n);
        size_t named = 0, more = 0;
        for (size_t i = 0; i < n->mutes.n; i++) {
                const struct mute *row = &n->mutes.rows[i];
                if (!mute_holds(row, now))
                        continue;
                if (named == MUTES_NAMED) {
                        more++;
                        continue;
                }
                buf_add_str(out, named++ ? ", " : "");
                add_mute(n, row, out);
        }
        if (more)
                buf_printf(out, " and %zu more", more);
}

static struct span put_cell(mesh_cell at, char ret[16], int64_t *ret_lat, int64_t *ret_lon) {
        _clean_(buf_fini) struct buf cell = BUF_NULL;
        int32_t lat = 0, lon = 0;
        cell_text(&cell, at);
        snprintf(ret, 16, "%s", buf_cstr(&cell));
        cell_centre_e6(at, &lat, &lon);
        *ret_lat = lat;
        *ret_lon = lon;
        return span_str(ret);
}

static void put_place(const struct store_alert *a, struct rows_alert *ret) {
        ret->w.cell = put_cell(a->cell, ret->cell, &ret->w.lat, &ret->w.lon);
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

void rows_ask(const struct node *n, const struct store_ask *a, bool clips, struct rows_ask *ret) {
        ret->w = (struct wire_c_ask){
                .v = 1,
                .id = SPAN_OF(a->id.b),
                .household = span_str(rows_household(n, &a->household, ret->household)),
                .mine = a->mine,
                .state = a->over ? STATE_EXPIRED : STATE_ACTIVE,
                .radius = a->radius,
                .from = a->from,
                .to = a->to,
                .reason = a->reason,
                .created = a->created,
                .expires = a->expires,
                .asked_here = a->lately,
                .asked_by = a->by_household,
        };
        ret->w.cell = put_cell(a->cell, ret->cell, &ret->w.lat, &ret->w.lon);
        WIRE_PUT(&ret->w, C_ASK, household_id, SPAN_OF(a->household.b));
        if (a->about.n)
                WIRE_PUT(&ret->w, C_ASK, alert, a->about);
        if (clips)
                WIRE_PUT(&ret->w, C_ASK, clips, a->clips);
}

void rows_notice(const struct node *n, const struct store_notice *a, struct rows_notice *ret) {
        ret->w = (struct wire_c_notice){
                .v = 1,
                .id = SPAN_OF(a->id.b),
                .household = span_str(rows_household(n, &a->household, ret->household)),
                .clip = SPAN_OF(a->clip.b),
                .from = a->from,
                .to = a->to,
                .created = a->created,
        };
        ret->w.cell = put_cell(a->cell, ret->cell, &ret->w.lat, &ret->w.lon);
}
