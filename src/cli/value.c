/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options: each kind is read one way in every command, and refused with what would have been right. */
#include "cli/cli.h"

#include "base/text.h"
#include "base/when.h"
#include "cli/place.h"

#include <stdarg.h>
#include <stdio.h>

#define TENTHS 10
#define METRES_MAX 100000000 /* more than twice around the globe */

_printf_(3, 4) static bool wrong(struct parse_error *ret, const char *hint, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(ret->message, sizeof(ret->message), _(fmt), ap);
        va_end(ap);
        snprintf(ret->hint, sizeof(ret->hint), "%s", _(hint));
        return false;
}

static bool ends_with(struct span *s, const char *unit) {
        struct span u = span_str(unit);
        if (s->n < u.n || !text_eq_nocase(span_of(s->p + s->n - u.n, u.n), u))
                return false;
        s->n -= u.n;
        while (s->n && s->p[s->n - 1] == ' ')
                s->n--;
        return true;
}

/* "1.5": whole part and one decimal, so that it is exact. */
static bool tenths(struct span s, uint64_t *ret) {
        uint64_t whole, tenth = 0;
        const uint8_t *dot = s.n ? memchr(s.p, '.', s.n) : NULL;
        if (!dot)
                return text_u64(s, METRES_MAX, ret) && (*ret *= TENTHS, true);
        size_t n = (size_t)(dot - s.p);
        if (!text_u64(span_of(s.p, n), METRES_MAX, &whole) || s.n - n != 2 ||
            !text_u64(span_from(s, n + 1), TENTHS - 1, &tenth))
                return false;
        *ret = whole * TENTHS + tenth;
        return true;
}

bool distance_parse(struct span s, uint64_t *ret_metres) {
        uint64_t v;
        uint64_t unit = ends_with(&s, "km") ? 1000 : (ends_with(&s, "m"), 1);
        if (!tenths(s, &v))
                return false;
        *ret_metres = v * unit / TENTHS;
        return true;
}

static void list_words(char *room, size_t n, const struct wire_enum *e) {
        size_t at = (size_t)snprintf(room, n, _("choose one of "));
        for (size_t i = 0; i < e->n && at < n; i++)
                at += (size_t)snprintf(room + at, n - at, "%s%s", i ? ", " : "", e->rows[i].spelling);
}

static bool parse_enum(const struct option *o, const char *text, uint64_t *ret, struct parse_error *e) {
        char hint[sizeof(e->hint)];
        *ret = wire_enum_value(o->of, span_str(text));
        if (*ret)
                return true;
        const char *near = nearest_enum(text, o->of);
        if (near)
                snprintf(hint, sizeof(hint), _("did you mean %s?"), near);
        else
                list_words(hint, sizeof(hint), o->of);
        return wrong(e, hint, "--%s: there is no %s \"%.64s\"", o->name, o->of->name, text);
}

static bool within(const struct option *o, uint64_t v, const char *from, const char *to, struct parse_error *e) {
        char hint[sizeof(e->hint)];
        if (v >= o->min && v <= o->max)
                return true;
        snprintf(hint, sizeof(hint), _("from %s to %s"), from, to);
        return wrong(e, hint, "--%s is out of bounds", o->name);
}

static bool parse_duration(const struct option *o, const char *text, uint64_t *ret, struct parse_error *e) {
        _clean_(buf_fini) struct buf from = BUF_NULL, to = BUF_NULL;
        if (!when_duration(span_str(text), ret))
                return wrong(e, "write it as 90s, 15m, 2h, 7d or 2w", "--%s: \"%.64s\" is not a duration", o->name,
                             text);
        when_show_duration(&from, o->min);
        when_show_duration(&to, o->max);
        return within(o, *ret, buf_cstr(&from), buf_cstr(&to), e);
}

static bool parse_number(const struct option *o, const char *text, uint64_t *ret, struct parse_error *e) {
        char from[24], to[24];
        if (!text_u64(span_str(text), UINT64_MAX, ret))
                return wrong(e, "write it in digits", "--%s: \"%.64s\" is not a number", o->name, text);
        snprintf(from, sizeof(from), "%llu", (unsigned long long)o->min);
        snprintf(to, sizeof(to), "%llu", (unsigned long long)o->max);
        return within(o, *ret, from, to, e);
}

static bool parse_distance(const struct option *o, const char *text, uint64_t *ret, struct parse_error *e) {
        _clean_(buf_fini) struct buf from = BUF_NULL, to = BUF_NULL;
        if (!distance_parse(span_str(text), ret))
                return wrong(e, "write it as 800m or 1.5km", "--%s: \"%.64s\" is not a distance", o->name, text);
        layout_distance(&from, o->min);
        layout_distance(&to, o->max);
        return within(o, *ret, buf_cstr(&from), buf_cstr(&to), e);
}

static bool parse_place(const struct option *o, const char *text, uint64_t *ret, struct parse_error *e) {
        return place_parse(text, ret) || wrong(e, PLACE_HINT, "--%s: \"%.64s\" is not a place", o->name, text);
}

static bool parse_text(const struct option *o, const char *text, struct parse_error *e) {
        if (!text_utf8(span_str(text)))
                return wrong(e, "write it in UTF-8", "--%s is not valid text", o->name);
        if (o->max && strlen(text) > o->max)
                return wrong(e, "shorten it", "--%s is longer than %u bytes", o->name, (unsigned)o->max);
        return true;
}

bool value_parse(const struct option *o, const char *text, uint64_t now, struct option_value *ret,
                 struct parse_error *e) {
        *ret = (struct option_value){.option = o, .text = text};
        switch (o->kind) {
        case OPTION_FLAG:
        case OPTION_FILE:
        case OPTION_REST:
                return true;
        case OPTION_TEXT:
                return parse_text(o, text, e);
        case OPTION_ENUM:
                return parse_enum(o, text, &ret->n, e);
        case OPTION_DURATION:
                return parse_duration(o, text, &ret->n, e);
        case OPTION_TIME:
                return when_parse(span_str(text), now, &ret->n) ||
                       wrong(e, "write it as 14:05, yesterday, -2h or 2026-11-22 14:05",
                             "--%s: \"%.64s\" is not a time", o->name, text);
        case OPTION_NUMBER:
                return parse_number(o, text, &ret->n, e);
        case OPTION_DISTANCE:
                return parse_distance(o, text, &ret->n, e);
        case OPTION_PLACE:
                return parse_place(o, text, &ret->n, e);
        }
        return false;
}
