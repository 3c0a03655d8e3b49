/* SPDX-License-Identifier: Apache-2.0 */
/* place add, list, remove: names for places, on this home's disk alone; and where home is. */
#include "cli/commands.h"

#include "base/text.h"
#include "cli/place.h"

#include <stdio.h>

#define NAME_COLUMNS 24
#define E6 1000000

static void degrees(struct buf *out, int64_t e6) {
        char text[32];
        snprintf(text, sizeof(text), "%s%lld.%03lld", e6 < 0 ? "-" : "", (long long)(e6 < 0 ? -e6 : e6) / E6,
                 (long long)(e6 < 0 ? -e6 : e6) % E6 / 1000);
        buf_add_str(out, text);
}

static void where(struct buf *out, const struct wire_c_saved *m) {
        buf_add(out, m->cell);
        buf_add_str(out, _(", around "));
        degrees(out, m->lat);
        buf_add_u8(out, ',');
        degrees(out, m->lon);
}

static int row_changed(struct cli *c, const struct call_row *row, void *arg) {
        _clean_(buf_fini) struct buf text = BUF_NULL, name = BUF_NULL;
        (void)arg;
        if (row->number != CONTROL_PLACE_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        const struct wire_c_saved *m = &row->m->c_saved;
        text_show(&name, m->name, false);
        if (m->cell.n) {
                buf_printf(&text, _("Saved: %s is "), buf_cstr(&name));
                where(&text, m);
        } else {
                buf_printf(&text, _("Forgotten: %s"), buf_cstr(&name));
        }
        layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
        return 0;
}

static int run_add(struct cli *c, const struct args *a) {
        struct wire_c_place m = {.name = span_str(a->words[0])};
        uint64_t cell = 0;
        int r = place_cell(c, a->words[1], &cell);
        if (r)
                return r;
        WIRE_PUT(&m, C_PLACE, name, m.name);
        WIRE_PUT(&m, C_PLACE, cell, cell);
        return cli_ask(c, CONTROL_PLACE_SET, &m, row_changed, NULL);
}

const struct command command_place_add = {
        .group = "place",
        .name = "add",
        .synopsis = "NAME PLACE",
        .brief = N_("give a place a name, or say where home is"),
        .help = N_("Then NAME can be given wherever a command takes a PLACE. The place is snapped to\n"
                   "a cell of about 150 m at once; name and cell stay in this house. An alert posted\n"
                   "there tells the cell, as ever, and not the name.\n"
                   "\n"
                   "NAME is at most 32 bytes, in any case, and nothing that could be read as\n"
                   "coordinates or as a geohash. A NAME that is there gets the new place. The name\n"
                   "home is this home's own place, which is meant where none is given.\n"
                   "\n"
                   "Examples:\n"
                   "  porchlight place add school 52.5163,13.3777\n"
                   "  porchlight place add home u33dc0t\n"
                   "  porchlight nearby --at school --within 500m\n"),
        .min_words = 2,
        .max_words = 2,
        .takes = WORD_PLACE,
        .run = run_add,
};

static int run_remove(struct cli *c, const struct args *a) {
        struct wire_c_place m = {0};
        WIRE_PUT(&m, C_PLACE, name, span_str(a->words[0]));
        return cli_ask(c, CONTROL_PLACE_SET, &m, row_changed, NULL);
}

const struct command command_place_remove = {
        .group = "place",
        .name = "remove",
        .synopsis = "NAME",
        .brief = N_("forget a place's name"),
        .help = N_("Without home, a post needs --at, or tells where the mesh is.\n"
                   "\nExamples:\n  porchlight place remove school\n"),
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_PLACE,
        .run = run_remove,
};

static int row_list(struct cli *c, const struct call_row *row, void *arg) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        bool *any = arg;
        if (row->number != CONTROL_PLACE_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        const struct wire_c_saved *m = &row->m->c_saved;
        *any = true;
        layout_cell(&c->out, m->name, NAME_COLUMNS);
        buf_add_str(&c->out, "  ");
        where(&text, m);
        buf_add(&c->out, buf_span(&text));
        buf_add_u8(&c->out, '\n');
        return cli_flush(c);
}

static int run_list(struct cli *c, const struct args *a) {
        (void)a;
        return cli_list(c, CONTROL_PLACES, row_list,
                        _("No place has a name here. `porchlight place add NAME PLACE` gives one.\n"));
}

const struct command command_place_list = {
        .group = "place",
        .name = "list",
        .synopsis = "",
        .brief = N_("the places this home has names for"),
        .run = run_list,
};
