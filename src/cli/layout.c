/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of answers as text for people: 80 columns, counted as a terminal counts them; other people's text escaped by
 * text_show() before anything else looks at it. No meaning stands in a colour alone.
 */
#include "cli/cli.h"

#include "base/text.h"
#include "base/when.h"

#include <arpa/inet.h>

#define ELLIPSIS "\xe2\x80\xa6"
#define METRES_UNTIL 1000    /* from here on kilometres */
#define TENTHS_UNTIL 100000  /* metres; from here on whole kilometres */
#define SPACE_UNTIL 10000000 /* metres; from here on without a space, or it would not fit its column */
#define STATE_COLUMNS 9
#define WHEN_COLUMNS 16
#define WHERE_COLUMNS 7
#define WHAT_COLUMNS 25
#define WHO_COLUMNS 17
#define TEXT_INDENT 2
#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define PLAIN "\033[0m"

/* ---- words and lines ---- */

/* The bytes of the first character of shown text, and the columns it takes. */
static size_t char_bytes(struct span s, size_t *ret_columns) {
        size_t n = 1;
        while (n < s.n && (s.p[n] & 0xc0) == 0x80)
                n++;
        *ret_columns = text_columns(span_of(s.p, n));
        return n;
}

/* The longest beginning of @s within @columns; its columns go to *ret_used. */
static size_t fitting(struct span s, size_t columns, size_t *ret_used) {
        size_t at = 0, used = 0, wide;
        while (at < s.n) {
                size_t n = char_bytes(span_from(s, at), &wide);
                if (used + wide > columns)
                        break;
                at += n;
                used += wide;
        }
        *ret_used = used;
        return at;
}

static void spaces(struct buf *out, size_t n) {
        while (n--)
                buf_add_u8(out, ' ');
}

struct wrap {
        struct buf *out;
        size_t indent, columns;
        size_t at; /* column of the next character; 0: the line is not begun */
};

static void wrap_newline(struct wrap *w) {
        buf_add_u8(w->out, '\n');
        w->at = 0;
}

static void wrap_put(struct wrap *w, struct span s, size_t columns) {
        if (!w->at) {
                spaces(w->out, w->indent);
                w->at = w->indent;
        }
        buf_add(w->out, s);
        w->at += columns;
}

static void wrap_word(struct wrap *w, struct span word) {
        size_t room = w->columns - w->indent, used;
        size_t wide = text_columns(word);
        if (w->at > w->indent && w->at + 1 + wide <= w->columns)
                wrap_put(w, SPAN_STR(" "), 1);
        else if (w->at > w->indent)
                wrap_newline(w);
        while (wide > room) {
                size_t n = fitting(word, room, &used);
                if (!n)
                        break;
                wrap_put(w, span_of(word.p, n), used);
                wrap_newline(w);
                word = span_from(word, n);
                wide -= used;
        }
        if (word.n)
                wrap_put(w, word, wide);
}

static void wrap_line(struct wrap *w, struct span line) {
        for (size_t i = 0; i < line.n;) {
                size_t from = i;
                while (i < line.n && line.p[i] != ' ')
                        i++;
                if (i > from)
                        wrap_word(w, span_of(line.p + from, i - from));
                i++;
        }
        wrap_newline(w);
}

void layout_wrap(struct buf *out, struct span text, size_t indent, size_t columns) {
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        struct wrap w = {.out = out, .indent = indent, .columns = MAX(columns, indent + 2)};
        text_show(&shown, text, true);
        struct span rest = buf_span(&shown);
        while (rest.n) {
                const uint8_t *end = memchr(rest.p, '\n', rest.n);
                size_t n = end ? (size_t)(end - rest.p) : rest.n;
                wrap_line(&w, span_of(rest.p, n));
                rest = span_from(rest, n + 1);
        }
}

void layout_cell(struct buf *out, struct span text, int columns) {
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        size_t room = (size_t)(columns < 0 ? -columns : columns), used;
        text_show(&shown, text, false);
        struct span s = buf_span(&shown);
        bool cut = text_columns(s) > room;
        size_t n = fitting(s, cut ? room - 1 : room, &used);
        size_t gap = room - used - cut;
        if (columns < 0)
                spaces(out, gap);
        buf_add(out, span_of(s.p, n));
        if (cut)
                buf_add_str(out, ELLIPSIS);
        if (columns > 0)
                spaces(out, gap);
}

void layout_word(struct buf *out, const char *word, int columns) {
        layout_cell(out, span_str(word), columns);
}

void layout_trim(struct buf *out) {
        while (out->n && out->p[out->n - 1] == ' ')
                out->n--;
}

/* ---- values ---- */

void layout_id(struct buf *out, struct span id) {
        text_hex(out, span_of(id.p, MIN(id.n, CLI_ID_PREFIX)));
}

void layout_distance(struct buf *out, uint64_t metres) {
        unsigned long long m = metres;
        if (m < METRES_UNTIL)
                buf_printf(out, "%llu m", m);
        else if (m < TENTHS_UNTIL)
                buf_printf(out, _("%llu.%llu km"), m / 1000, m % 1000 / 100);
        else if (m < SPACE_UNTIL)
                buf_printf(out, _("%llu km"), m / 1000);
        else
                buf_printf(out, "%llukm", m / 1000);
}

void layout_enum(struct buf *out, const struct wire_enum *e, uint64_t value) {
        const char *known = wire_enum_text(e, value);
        if (known)
                buf_add_str(out, _(known));
        else
                buf_printf(out, "%s %llu", e->name, (unsigned long long)value);
}

void layout_count(struct buf *out, uint64_t n, const char *one, const char *many) {
        buf_printf(out, "%llu %s", (unsigned long long)n, lang_count(one, many, n));
}

void layout_addr(struct buf *out, const struct wire_addr *a) {
        char text[INET6_ADDRSTRLEN] = "";
        if (WIRE_HAS(a, ADDR, ip4) && inet_ntop(AF_INET, a->ip4.p, text, sizeof(text)))
                buf_printf(out, "%s", text);
        else if (WIRE_HAS(a, ADDR, ip6) && inet_ntop(AF_INET6, a->ip6.p, text, sizeof(text)))
                buf_printf(out, "[%s]", text);
        else if (WIRE_HAS(a, ADDR, dns))
                text_show(out, a->dns, false);
        else
                buf_add_str(out, "?");
        buf_printf(out, ":%u", (unsigned)a->port);
}

/* ---- an alert ---- */

static bool serious(const struct wire_c_alert *a) {
        bool in_force = a->state == STATE_ACTIVE || a->state == STATE_UPDATED;
        return in_force && a->status == STATUS_ACTUAL &&
               (a->severity == SEVERITY_EXTREME || a->severity == SEVERITY_SEVERE);
}

static void alert_where(struct buf *out, const struct wire_c_alert *a) {
        if (WIRE_HAS(a, C_ALERT, distance_m))
                layout_distance(out, a->distance_m);
        else
                text_show(out, a->cell, false);
}

static void alert_head(struct buf *out, const struct wire_c_alert *a, uint64_t now, bool colour) {
        _clean_(buf_fini) struct buf cell = BUF_NULL;
        layout_enum(&cell, &wire_state_enum, a->state);
        if (colour)
                buf_add_str(out, serious(a) ? RED : BOLD);
        layout_cell(out, buf_span(&cell), STATE_COLUMNS);
        buf_add_str(out, "  ");
        buf_clear(&cell);
        when_local(&cell, a->created, now);
        layout_cell(out, buf_span(&cell), WHEN_COLUMNS);
        buf_clear(&cell);
        alert_where(&cell, a);
        buf_add_str(out, " ");
        layout_cell(out, buf_span(&cell), -WHERE_COLUMNS);
        buf_clear(&cell);
        layout_enum(&cell, &wire_kind_enum, a->kind);
        buf_add_u8(&cell, ' ');
        layout_enum(&cell, &wire_severity_enum, a->severity);
        buf_add_str(out, "  ");
        layout_cell(out, buf_span(&cell), WHAT_COLUMNS);
        buf_add_u8(out, ' ');
        layout_cell(out, a->household, WHO_COLUMNS);
        layout_trim(out);
        buf_add_str(out, colour ? PLAIN "\n" : "\n");
}

static void alert_text(struct buf *out, const struct wire_c_alert *a) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        if (a->status == STATUS_EXERCISE)
                buf_add_str(&text, _("[EXERCISE: a drill] "));
        if (a->status == STATUS_TEST)
                buf_add_str(&text, _("[TEST: ignore] "));
        if (WIRE_HAS(a, C_ALERT, doing)) {
                buf_add_u8(&text, '(');
                layout_enum(&text, &wire_doing_enum, a->doing);
                buf_add_str(&text, ") ");
        }
        buf_add(&text, a->text);
        if (text.n)
                layout_wrap(out, buf_span(&text), TEXT_INDENT, CLI_COLUMNS);
}

static void also(struct buf *out, uint64_t n, const char *one, const char *many) {
        if (!n)
                return;
        buf_add_str(out, "; ");
        layout_count(out, n, one, many);
}

/* What `post --dry-run` shows has no id, which is a hash of what was signed. */
static bool is_posted(const struct wire_c_alert *a) {
        static const struct hash none;
        return a->id.n != sizeof(none.b) || memcmp(a->id.p, none.b, sizeof(none.b)) != 0;
}

static void alert_foot(struct buf *out, const struct wire_c_alert *a, uint64_t now) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        if (is_posted(a)) {
                buf_add_str(&text, _("id "));
                layout_id(&text, a->id);
        } else {
                buf_add_str(&text, _("not posted"));
        }
        buf_add_str(&text, a->expires > now ? _("; until ") : _("; ended "));
        when_local(&text, a->expires, now);
        if (WIRE_HAS(a, C_ALERT, updated)) {
                buf_add_str(&text, _("; changed "));
                when_local(&text, a->updated, now);
        }
        also(&text, a->confirms, "home confirms", "homes confirm");
        also(&text, a->disputes, "home doubts it", "homes doubt it");
        also(&text, a->comments, "comment", "comments");
        also(&text, a->clips.n / sizeof(struct hash), "clip", "clips");
        if (a->source == SOURCE_SENSOR)
                buf_add_str(&text, _("; posted by a sensor"));
        if (a->mine)
                buf_add_str(&text, _("; yours"));
        if (text_columns(a->household) > WHO_COLUMNS) {
                buf_add_str(&text, _("; by "));
                buf_add(&text, a->household);
        }
        layout_wrap(out, buf_span(&text), TEXT_INDENT, CLI_COLUMNS);
}

void layout_alert(struct buf *out, const struct wire_c_alert *a, uint64_t now, bool colour) {
        alert_head(out, a, now, colour);
        alert_text(out, a);
        alert_foot(out, a, now);
}

/* ---- sentences ---- */

bool posted_unsent(const struct wire_c_posted *p) {
        return p->homes > 0 && p->handed_to == 0;
}

void layout_posted(struct buf *out, const struct wire_c_posted *p, const char *done, uint64_t now) {
        if (p->homes == 0) {
                buf_printf(out, _("%s; no other home is in the mesh yet"), done);
                return;
        }
        if (p->handed_to) {
                buf_printf(out, _("%s, handed to "), done);
                layout_count(out, p->handed_to, "home", "homes");
                return;
        }
        buf_add_str(out, _("saved here, NOT SENT: "));
        if (WIRE_HAS(p, C_POSTED, alone_since)) {
                buf_add_str(out, _("no home reachable since "));
                when_local(out, p->alone_since, now);
        } else {
                buf_add_str(out, _("no home has taken it yet"));
        }
        buf_add_str(out, _("; will be sent until "));
        when_local(out, p->expires, now);
}

static void since(struct buf *out, const struct wire_c_status *s, uint64_t now) {
        if (!WIRE_HAS(s, C_STATUS, since))
                return;
        buf_add_str(out, _(" since "));
        when_local(out, s->since, now);
}

static const char no_other[] = N_("current; no other home is in the mesh yet");

static void replica(struct buf *out, const struct wire_c_status *s, uint64_t now) {
        switch ((enum wire_e_fresh)s->state) {
        case FRESH_NO_MESH:
                buf_add_str(out, _("none; this home is in no mesh"));
                return;
        case FRESH_JOINING:
                buf_add_str(out, _("none yet; waiting for a member to admit this home"));
                return;
        case FRESH_RESTORING:
                buf_add_str(out, _("none yet; being restored, waiting for a neighbour"));
                return;
        case FRESH_CURRENT:
        case FRESH_MUTED:
                if (s->homes < 2) {
                        buf_add_str(out, _(no_other));
                        return;
                }
                buf_add_str(out, _("current, "));
                layout_count(out, s->links, "neighbour", "neighbours");
                return;
        case FRESH_CATCHING_UP:
                buf_add_str(out, _("CATCHING UP"));
                since(out, s, now);
                buf_add_str(out, _("; some of what was missed is not here yet"));
                return;
        case FRESH_ALONE:
                if (s->homes < 2) {
                        buf_add_str(out, _(no_other));
                        return;
                }
                buf_add_str(out, _("ALONE"));
                since(out, s, now);
                buf_add_str(out, _("; what happened since then is not here"));
                return;
        case FRESH_WAITING:
                buf_add_str(out, _("this home WAITS FOR A PLACE in the mesh"));
                since(out, s, now);
                buf_add_str(out, _("; nothing newer is here"));
                return;
        case FRESH_REMOVED:
                buf_add_str(out, _("this home is NO LONGER IN THE MESH")); /* removed, or it left */
                since(out, s, now);
                buf_add_str(out, _("; nothing newer is here"));
                return;
        }
        layout_enum(out, &wire_fresh_enum, s->state);
}

void layout_fresh(struct buf *out, const struct wire_c_status *s, uint64_t now) {
        replica(out, s, now);
        if (!WIRE_HAS(s, C_STATUS, muted_until))
                return;
        buf_add_str(out, _("; this device is MUTED"));
        if (s->state == FRESH_MUTED)
                since(out, s, now);
        buf_add_str(out, _(" until "));
        when_local(out, s->muted_until, now);
        buf_add_str(out, _(": what it posts is void"));
}
