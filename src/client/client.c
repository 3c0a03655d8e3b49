/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public functions: plain C structs in and out, over one call (client/call.h). Rows become structs whose texts are
 * copied into the handle, because the frame they came in is overwritten by the next one.
 */
#include "porchlight/client.h"

#include "base/cell.h"
#include "base/text.h"
#include "client/call.h"

#include <stdio.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))
#define TIMEOUT_MS 30000
#define TEXT_MAX 512   /* as in proto/records.def */
#define TEXTS_MAX 4096 /* a row is at most 2,560 bytes; its texts, each with a NUL, are less than this */

struct porchlight {
        struct call *call; /* NULL: never connected */
        struct porchlight_error error;
        int timeout_ms;
        bool asking; /* an answer is still coming */
        char texts[TEXTS_MAX];
        size_t n_texts;
};

_Static_assert(sizeof(((struct porchlight_error *)0)->name) == sizeof(((struct call_error *)0)->name), "names fit");
_Static_assert(sizeof(((struct porchlight_error *)0)->hint) == sizeof(((struct call_error *)0)->hint), "hints fit");

static int fail(struct porchlight *p, const struct call_error *e) {
        p->error.exit = e->exit;
        memcpy(p->error.name, e->name, sizeof(p->error.name));
        memcpy(p->error.message, e->message, sizeof(p->error.message));
        memcpy(p->error.hint, e->hint, sizeof(p->error.hint));
        return PORCHLIGHT_FAILED;
}

/* A caller's mistake, or an answer that is none. */
static int fail_input(struct porchlight *p, const char *name, const char *hint, const char *what) {
        struct call_error e;
        call_error_set(&e, EXIT_USAGE, name, hint, "%s", what);
        return fail(p, &e);
}

EXPORT int porchlight_open(struct porchlight **ret, const char *data) {
        struct call_error e = {0};
        struct porchlight *p = calloc(1, sizeof(*p));
        *ret = p;
        if (!p)
                return PORCHLIGHT_FAILED;
        p->timeout_ms = TIMEOUT_MS;
        return call_new(&p->call, data, CALL_CONTROL, &e) ? fail(p, &e) : PORCHLIGHT_OK;
}

EXPORT void porchlight_close(struct porchlight *p) {
        if (!p)
                return;
        call_free(p->call);
        free(p);
}

EXPORT const struct porchlight_error *porchlight_last_error(const struct porchlight *p) {
        static const struct porchlight_error memory = {
                .name = "out-of-memory", .message = "out of memory", .exit = EXIT_FAILED};
        return p ? &p->error : &memory;
}

EXPORT void porchlight_set_timeout(struct porchlight *p, int milliseconds) {
        p->timeout_ms = milliseconds;
}

EXPORT int porchlight_fd(const struct porchlight *p) {
        return p->call ? call_fd(p->call) : -1;
}

static int ask(struct porchlight *p, enum wire_control number, const void *msg) {
        if (!p->call)
                return PORCHLIGHT_FAILED; /* the error still says why */
        if (p->asking)
                return fail_input(p, "busy", "take its rows first, or use another handle",
                                  "the answer to the request before is not complete");
        if (call_send(p->call, number, msg))
                return fail(p, call_error(p->call));
        p->asking = true;
        return PORCHLIGHT_OK;
}

static int next(struct porchlight *p, struct call_row *ret) {
        if (!p->asking)
                return PORCHLIGHT_END;
        int r = call_next(p->call, p->timeout_ms, ret);
        if (r == CALL_E_FAILED || r == CALL_E_END)
                p->asking = false;
        if (r == CALL_E_FAILED)
                return fail(p, call_error(p->call));
        return r == CALL_E_END ? PORCHLIGHT_END : r == CALL_E_AGAIN ? PORCHLIGHT_AGAIN : PORCHLIGHT_OK;
}

/* An answer that is late or not the one asked for would be taken for the next one's: the connection is of no more
 * use. */
static void hang_up(struct porchlight *p) {
        p->call = call_free(p->call);
        p->asking = false;
}

static int unexpected(struct porchlight *p) {
        hang_up(p);
        return fail_input(p, "bad-answer", "are the daemon and this library of one version?",
                          "the daemon's answer is not the one asked for");
}

/* Asks and takes the one row of the answer. The row's memory holds until the next call: the end is not read here, but
 * by finish(). */
static int ask_one(struct porchlight *p, enum wire_control number, const void *msg, unsigned want,
                   struct call_row *ret) {
        int r = ask(p, number, msg);
        if (r)
                return r;
        r = next(p, ret);
        if (r == PORCHLIGHT_AGAIN) {
                hang_up(p);
                return fail_input(p, "daemon-silent", "open a new handle, then try again",
                                  "the daemon does not answer");
        }
        if (r == PORCHLIGHT_END || (r == PORCHLIGHT_OK && ret->number != want))
                return unexpected(p);
        return r;
}

static int finish(struct porchlight *p) {
        struct call_row row;
        int r = next(p, &row);
        if (r == PORCHLIGHT_END)
                return PORCHLIGHT_OK;
        return r == PORCHLIGHT_FAILED ? r : unexpected(p);
}

/* ---- rows to structs ---- */

static const char *keep(struct porchlight *p, struct span s) {
        if (s.n >= sizeof(p->texts) - p->n_texts)
                return "";
        char *to = p->texts + p->n_texts;
        if (s.n)
                memcpy(to, s.p, s.n);
        to[s.n] = 0;
        p->n_texts += s.n + 1;
        return to;
}

/* The spelling; a number that only a newer daemon knows is told as its number. */
static const char *spell(struct porchlight *p, const struct wire_enum *en, uint64_t v) {
        const char *known = wire_enum_text(en, v);
        char digits[24];
        if (known)
                return known;
        int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)v);
        return keep(p, span_of(digits, (size_t)n));
}

static void hex_id(char ret[65], struct span id) {
        static const char digits[] = "0123456789abcdef";
        size_t n = MIN(id.n, 32);
        for (size_t i = 0; i < n; i++) {
                ret[2 * i] = digits[id.p[i] >> 4];
                ret[2 * i + 1] = digits[id.p[i] & 15];
        }
        ret[2 * n] = 0;
}

EXPORT int porchlight_status(struct porchlight *p, struct porchlight_status *ret) {
        struct wire_c_none none = {0};
        struct call_row row;
        int r = ask_one(p, CONTROL_STATUS, &none, CONTROL_STATUS_ROW, &row);
        if (r)
                return r;
        const struct wire_c_status *s = &row.m->c_status;
        p->n_texts = 0;
        struct porchlight_status got = {
                .state = spell(p, &wire_fresh_enum, s->state),
                .since = s->since,
                .mesh = keep(p, s->mesh),
                .household = keep(p, s->household),
                .device = keep(p, s->device),
                .homes = s->homes,
                .stewards = s->stewards,
                .links = s->links,
                .alerts = s->alerts,
                .unsent = s->unsent,
                .version = keep(p, s->version),
                .data = keep(p, s->data),
        };
        r = finish(p);
        if (r)
                return r;
        *ret = got;
        return PORCHLIGHT_OK;
}

static void fill_alert(struct porchlight *p, const struct wire_c_alert *a, struct porchlight_alert *ret) {
        *ret = (struct porchlight_alert){
                .household = keep(p, a->household),
                .mine = a->mine,
                .source = spell(p, &wire_source_enum, a->source),
                .kind = spell(p, &wire_kind_enum, a->kind),
                .doing = WIRE_HAS(a, C_ALERT, doing) ? spell(p, &wire_doing_enum, a->doing) : NULL,
                .category = spell(p, &wire_category_enum, a->category),
                .severity = spell(p, &wire_severity_enum, a->severity),
                .urgency = spell(p, &wire_urgency_enum, a->urgency),
                .certainty = spell(p, &wire_certainty_enum, a->certainty),
                .status = spell(p, &wire_status_enum, a->status),
                .state = spell(p, &wire_state_enum, a->state),
                .cell = keep(p, a->cell),
                .lat_e6 = (int32_t)a->lat,
                .lon_e6 = (int32_t)a->lon,
                .distance_m = WIRE_HAS(a, C_ALERT, distance_m) ? (int64_t)a->distance_m : -1,
                .text = keep(p, a->text),
                .created = a->created,
                .updated = a->updated,
                .expires = a->expires,
                .confirms = a->confirms,
                .disputes = a->disputes,
                .comments = a->comments,
        };
        hex_id(ret->id, a->id);
}

EXPORT int porchlight_next(struct porchlight *p, struct porchlight_event *ret) {
        struct call_row row;
        int r = next(p, &row);
        if (r)
                return r;
        p->n_texts = 0;
        if (row.number == CONTROL_ALERT_ROW) {
                *ret = (struct porchlight_event){0};
                fill_alert(p, &row.m->c_alert, &ret->alert);
                return PORCHLIGHT_OK;
        }
        struct wire_list list = row.m->c_event.alert;
        struct wire_c_alert alert;
        if (row.number != CONTROL_EVENT_ROW || !wire_list_next(&wire_c_alert_desc, &list, &alert))
                return unexpected(p);
        *ret = (struct porchlight_event){
                .event = spell(p, &wire_happening_enum, row.m->c_event.event),
                .seq = row.m->c_event.seq,
        };
        fill_alert(p, &alert, &ret->alert);
        return PORCHLIGHT_OK;
}

/* ---- structs to requests ---- */

/* The number of @word; 0 where @word is NULL. False: @what of the request is not known. */
static bool value_of(struct porchlight *p, const struct wire_enum *en, const char *word, uint64_t *ret) {
        char what[CALL_TEXT_MAX];
        *ret = 0;
        if (!word)
                return true;
        *ret = wire_enum_value(en, span_str(word));
        if (*ret)
                return true;
        snprintf(what, sizeof(what), "there is no %s \"%.64s\"", en->name, word);
        fail_input(p, "bad-value", "`porchlight help post` lists the words", what);
        return false;
}

static bool place_of(struct porchlight *p, const char *place, mesh_cell *ret) {
        *ret = place ? cell_parse(span_str(place)) : 0;
        if (!place || *ret)
                return true;
        fail_input(p, "bad-place", "give LAT,LON, a geo: URI or a geohash", "the place cannot be read");
        return false;
}

/* Members whose value 0 means "absent". */
#define PUT_IF(m, NAME, field, v)                                                                                      \
        do {                                                                                                           \
                uint64_t v_ = (v);                                                                                     \
                if (v_)                                                                                                \
                        WIRE_PUT(m, NAME, field, v_);                                                                  \
        } while (0)

EXPORT int porchlight_post(struct porchlight *p, const struct porchlight_post *what, struct porchlight_posted *ret) {
        struct wire_c_post m = {0};
        uint64_t severity, urgency, certainty, status, precision, doing;
        mesh_cell cell;
        struct call_row row;
        if (!what->kind)
                return fail_input(p, "bad-value", "`porchlight help post` lists them", "a post needs a kind");
        if (!value_of(p, &wire_kind_enum, what->kind, &m.kind) ||
            !value_of(p, &wire_severity_enum, what->severity, &severity) ||
            !value_of(p, &wire_urgency_enum, what->urgency, &urgency) ||
            !value_of(p, &wire_certainty_enum, what->certainty, &certainty) ||
            !value_of(p, &wire_status_enum, what->status, &status) ||
            !value_of(p, &wire_precision_enum, what->precision, &precision) ||
            !value_of(p, &wire_doing_enum, what->doing, &doing) || !place_of(p, what->place, &cell))
                return PORCHLIGHT_FAILED;
        if (what->text && (strlen(what->text) > TEXT_MAX || !text_utf8(span_str(what->text))))
                return fail_input(p, "bad-text", "shorten it, or write it in UTF-8",
                                  "the text is longer than 512 bytes, or not UTF-8");
        if (what->text)
                WIRE_PUT(&m, C_POST, text, span_str(what->text));
        PUT_IF(&m, C_POST, severity, severity);
        PUT_IF(&m, C_POST, urgency, urgency);
        PUT_IF(&m, C_POST, certainty, certainty);
        PUT_IF(&m, C_POST, status, status);
        PUT_IF(&m, C_POST, precision, precision);
        PUT_IF(&m, C_POST, doing, doing);
        PUT_IF(&m, C_POST, cell, cell);
        PUT_IF(&m, C_POST, source, what->sensor ? SOURCE_SENSOR : 0);
        PUT_IF(&m, C_POST, expires_in, what->expires_in);
        PUT_IF(&m, C_POST, wait, what->wait_ms);
        int r = ask_one(p, CONTROL_POST, &m, CONTROL_POSTED, &row);
        if (r)
                return r;
        const struct wire_c_posted *done = &row.m->c_posted;
        struct porchlight_posted got = {.handed_to = done->handed_to,
                                        .homes = done->homes,
                                        .alone_since = done->alone_since,
                                        .expires = done->expires,
                                        .urgent = done->urgent};
        hex_id(got.id, done->id);
        r = finish(p);
        if (r)
                return r;
        *ret = got;
        return PORCHLIGHT_OK;
}

static bool kinds_of(struct porchlight *p, const char *const *kinds, struct buf *out) {
        uint64_t kind;
        for (; *kinds; kinds++) {
                if (!value_of(p, &wire_kind_enum, *kinds, &kind))
                        return false;
                buf_add_u8(out, (uint8_t)kind);
        }
        return true;
}

static int ask_filtered(struct porchlight *p, enum wire_control number, const struct porchlight_filter *f) {
        static const struct porchlight_filter all = {0};
        _clean_(buf_fini) struct buf kinds = BUF_NULL;
        struct wire_c_filter m = {0};
        uint64_t severity;
        mesh_cell cell;
        if (!f)
                f = &all;
        if (!place_of(p, f->place, &cell) || !value_of(p, &wire_severity_enum, f->min_severity, &severity) ||
            (f->kinds && !kinds_of(p, f->kinds, &kinds)))
                return PORCHLIGHT_FAILED;
        PUT_IF(&m, C_FILTER, cell, cell);
        PUT_IF(&m, C_FILTER, within, f->within_m);
        PUT_IF(&m, C_FILTER, since, f->since);
        PUT_IF(&m, C_FILTER, min_severity, severity);
        PUT_IF(&m, C_FILTER, limit, f->limit);
        if (kinds.n)
                WIRE_PUT(&m, C_FILTER, kinds, buf_span(&kinds));
        if (f->text && *f->text)
                WIRE_PUT(&m, C_FILTER, text, span_str(f->text));
        if (f->resume)
                WIRE_PUT(&m, C_FILTER, after, f->after);
        PUT_IF(&m, C_FILTER, muted, f->muted);
        return ask(p, number, &m);
}

EXPORT int porchlight_nearby(struct porchlight *p, const struct porchlight_filter *f) {
        return ask_filtered(p, CONTROL_NEARBY, f);
}

EXPORT int porchlight_watch(struct porchlight *p, const struct porchlight_filter *f) {
        return ask_filtered(p, CONTROL_WATCH, f);
}
