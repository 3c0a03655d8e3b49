/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place as a person gives it. What can be read here is read here; a name this home has saved, only the daemon knows.
 * Coordinates and geohashes come first, then `home`, then names: the daemon takes no name that reads as one of those.
 */
#include "cli/place.h"

#include "base/cell.h"
#include "base/text.h"

#include <stdio.h>

#define PLACES_MAX 64 /* as in node/places.h */
#define SAVED_ROOM 33 /* as in node/places.h */
#define NAME_ROOM 513 /* as in proto/control.def, with its NUL */

bool place_parse(const char *text, uint64_t *ret) {
        struct span s = span_str(text);
        bool home = text_eq_nocase(s, SPAN_STR("home"));
        uint64_t cell = home ? PLACE_HOME : cell_parse(s);
        if (!cell && !home && (!s.n || s.n >= NAME_ROOM || strpbrk(text, ",:") || !text_utf8(s)))
                return false;
        *ret = cell || home ? cell : PLACE_NAMED;
        return true;
}

/* ---- names ---- */

struct search {
        struct span name;
        uint64_t cell;
        char names[PLACES_MAX + 1][SAVED_ROOM]; /* to say which one was meant */
        size_t n;
};

static int row_place(struct cli *c, const struct call_row *row, void *arg) {
        struct search *s = arg;
        (void)c;
        if (row->number != CONTROL_PLACE_ROW)
                return 0;
        const struct wire_c_saved *m = &row->m->c_saved;
        if (text_eq_nocase(m->name, s->name))
                s->cell = cell_parse(m->cell);
        if (s->n < ARRAY_LEN(s->names))
                snprintf(s->names[s->n++], SAVED_ROOM, "%.*s", (int)m->name.n, (const char *)m->name.p);
        return 0;
}

static int no_such_place(struct cli *c, const struct search *s, const char *text) {
        const char *candidates[PLACES_MAX + 2] = {0};
        char hint[160];
        for (size_t i = 0; i < s->n; i++)
                candidates[i] = s->names[i];
        const char *near = nearest(text, candidates);
        if (near)
                snprintf(hint, sizeof(hint), _("did you mean `%s`?"), near);
        else
                snprintf(hint, sizeof(hint),
                         _("give LAT,LON (52.52,13.40), a geo: URI, a geohash of 6 or 7 characters, home, "
                           "or a name from `porchlight place list`"));
        return cli_fail(c, EXIT_NOT_FOUND, "no-such-place", hint, "there is no place \"%.64s\"", text);
}

/* The cell of a saved name. */
static int find_name(struct cli *c, const char *text, uint64_t *ret) {
        struct search s = {.name = span_str(text)};
        struct wire_c_none none = {0};
        int r = cli_ask(c, CONTROL_PLACES, &none, row_place, &s);
        if (r)
                return r;
        if (!s.cell)
                return no_such_place(c, &s, text);
        *ret = s.cell;
        return 0;
}

int place_cell(struct cli *c, const char *text, uint64_t *ret) {
        uint64_t cell;
        if (!place_parse(text, &cell))
                return cli_usage(c, PLACE_HINT, "\"%.64s\" is not a place", text);
        if (cell == PLACE_HOME)
                return find_name(c, "home", ret);
        if (cell == PLACE_NAMED)
                return find_name(c, text, ret);
        *ret = cell;
        return 0;
}

int places_resolve(struct cli *c, struct args *a) {
        int r = 0;
        for (size_t i = 0; !r && i < a->n_values; i++)
                if (a->values[i].option->kind == OPTION_PLACE && a->values[i].n == PLACE_NAMED)
                        r = find_name(c, a->values[i].text, &a->values[i].n);
        return r;
}
