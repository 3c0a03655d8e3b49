/* SPDX-License-Identifier: Apache-2.0 */
/* PLACES and PLACE_SET: the names this home has for places (node/places.h), and where home is. */
#include "base/cell.h"
#include "base/lang.h"
#include "node/caller.h"

/* @cell 0: the name is forgotten. */
static void put_row(struct caller *c, struct span name, mesh_cell cell) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        struct wire_c_saved msg = {.v = 1, .name = name};
        int32_t lat, lon;
        if (cell) {
                cell_text(&text, cell);
                cell_centre_e6(cell, &lat, &lon);
                WIRE_PUT(&msg, C_SAVED, cell, buf_span(&text));
                WIRE_PUT(&msg, C_SAVED, lat, lat);
                WIRE_PUT(&msg, C_SAVED, lon, lon);
        }
        caller_row(c, CONTROL_PLACE_ROW, &msg);
}

void control_places(struct caller *c) {
        const struct places *p = &c->n->places;
        if (c->n->home)
                put_row(c, SPAN_STR(PLACE_HOME), c->n->home);
        for (size_t i = 0; i < p->n; i++)
                put_row(c, span_str(p->rows[i].name), p->rows[i].cell);
        caller_done(c);
}

static void refuse_name(struct caller *c, const char *wrong) {
        struct said message;
        said_set(&message, "that name %s", wrong);
        said_words(&message, 0);
        caller_refuse(c, "bad-name", &message, N_("take a plain word, such as school or Oma"), EXIT_USAGE);
}

static void save(struct node *n) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        places_encode(&n->places, &bytes);
        if (buf_ok(&bytes))
                writer_set(n, SETTING_PLACES, buf_span(&bytes));
}

static void no_such_place(struct caller *c) {
        caller_error(c, "no-such-place", "no place is saved under that name", "`porchlight place list` shows them",
                     EXIT_NOT_FOUND);
}

static void set_home(struct caller *c, mesh_cell cell) {
        if (!cell && !c->n->home) {
                no_such_place(c);
                return;
        }
        node_set_home(c->n, cell);
        put_row(c, SPAN_STR(PLACE_HOME), cell);
        caller_done(c);
}

/* False: the caller is answered. */
static bool change(struct caller *c, struct span name, mesh_cell cell) {
        struct places *p = &c->n->places;
        const char *wrong = cell ? place_name_wrong(name) : NULL;
        int r = wrong ? 0 : cell ? places_put(p, name, cell) : places_del(p, name);
        if (wrong)
                refuse_name(c, wrong);
        else if (r == PLACES_E_FULL)
                caller_error(c, "too-many", "64 places are saved already", "`porchlight place remove` takes one away",
                             EXIT_REFUSED);
        else if (r == PLACES_E_NONE)
                no_such_place(c);
        return !wrong && r == 0;
}

void control_place_set(struct caller *c) {
        const struct wire_c_place *m = &c->msg.c_place;
        mesh_cell cell = WIRE_HAS(m, C_PLACE, cell) ? m->cell : 0;
        if (WIRE_HAS(m, C_PLACE, cell) && !cell_valid(cell)) {
                caller_error(c, "bad-request", "that is no place", "", EXIT_USAGE);
                return;
        }
        if (!caller_is_owner(c))
                return;
        if (place_is_home(m->name)) {
                set_home(c, cell);
                return;
        }
        if (!change(c, m->name, cell))
                return;
        save(c->n);
        put_row(c, m->name, cell);
        caller_done(c);
}
