/* SPDX-License-Identifier: Apache-2.0 */
/* mesh create, mesh show; `mesh leave` is in cmd_leave.c */
#include "cli/commands.h"

#include "base/text.h"
#include "base/when.h"
#include "cli/found.h"
#include "cli/options.h"
#include "cli/outside.h"
#include "cli/owner.h"

#include <errno.h>
#include <stdio.h>

#define CHARTER_LINE_MAX 256
#define CHARTER_COLUMN 26 /* where the meaning of a row begins */

/* ---- the charter file ---- */

static struct span trim(struct span s) {
        while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
                s = span_from(s, 1);
        while (s.n && memchr(" \t\r\n", s.p[s.n - 1], 4))
                s.n--;
        return s;
}

static const struct wire_charter_bound *bound_of(struct span name) {
        for (size_t i = 0; i < wire_charter_bounds_n; i++)
                if (text_eq_nocase(span_str(wire_charter_bounds[i].name), name))
                        return &wire_charter_bounds[i];
        return NULL;
}

static int bad_line(struct cli *c, const char *path, unsigned n, const char *what, const char *hint) {
        return cli_fail(c, EXIT_USAGE, "bad-charter", hint, "%s, line %u: %s", path, n, what);
}

/* One "row = value"; empty lines and comments are fine. */
static int charter_line(struct cli *c, const char *path, unsigned n, struct span text, struct wire_list *list,
                        struct buf *store) {
        char hint[128];
        uint64_t value;
        text = trim(text);
        if (!text.n || text.p[0] == '#')
                return 0;
        const uint8_t *equals = memchr(text.p, '=', text.n);
        if (!equals)
                return bad_line(c, path, n, _("there is no ="), _("write it as: row = value"));
        size_t at = (size_t)(equals - text.p);
        const struct wire_charter_bound *bound = bound_of(trim(span_of(text.p, at)));
        if (!bound)
                return bad_line(c, path, n, _("the charter has no such row"),
                                _("`porchlight mesh create --help` lists them"));
        snprintf(hint, sizeof(hint), _("%s goes from %u to %u"), bound->name, bound->min, bound->max);
        if (!text_u64(trim(span_from(text, at + 1)), bound->max, &value) || value < bound->min)
                return bad_line(c, path, n, _("the value is out of bounds"), hint);
        struct wire_charter_row row = {.key = bound->key, .value = value};
        if (value != bound->preset)
                wire_list_add(&wire_charter_row_desc, list, store, &row);
        return 0;
}

static int charter_read(struct cli *c, const char *path, struct wire_list *ret, struct buf *store) {
        char line[CHARTER_LINE_MAX];
        FILE *f = fopen(path, "re");
        int r = 0;
        if (!f)
                return cli_fail(c, EXIT_FAILED, "cannot-read", "check the path", "%s: %s", path, strerror(errno));
        for (unsigned n = 1; !r && fgets(line, sizeof(line), f); n++)
                r = strchr(line, '\n') || feof(f) ? charter_line(c, path, n, span_str(line), ret, store)
                                                  : bad_line(c, path, n, _("the line is too long"), _("shorten it"));
        if (!r && ferror(f))
                r = cli_fail(c, EXIT_FAILED, "cannot-read", "check the path", "%s cannot be read", path);
        fclose(f);
        return r;
}

/* ---- create ---- */

static const struct option create_options[] = {
        OPTION_ROW_HOUSEHOLD,
        OPTION_ROW_AT(N_("this home: LAT,LON, geo: URI or geohash; kept as a cell of about 150 m")),
        {OPT_CHARTER, "charter", "FILE", N_("rules of the mesh that differ from the usual ones"), OPTION_FILE},
        OPTION_ROWS_PASSPHRASE,
        OPTION_END,
};

static int run_create(struct cli *c, const struct args *a) {
        _clean_(passphrase_fini) struct passphrase pass = {0};
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_o_create m = {.mesh_name = span_str(a->words[0])};
        const char *charter = args_text(a, OPT_CHARTER);
        int r = found_names(c, a, a->words[0], &m.household);
        if (r)
                return r;
        const struct option_value *at = args_get(a, OPT_AT);
        if (at && at->n)
                WIRE_PUT(&m, O_CREATE, cell, at->n);
        if (charter && (r = charter_read(c, charter, &m.charter, &store)))
                return r;
        if (m.charter.count)
                WIRE_PUT(&m, O_CREATE, charter, m.charter);
        _clean_(call_freep) struct call *owner = NULL;
        r = owner_open(c, &owner);
        if (r)
                return r;
        r = passphrase_new(c, a, OPT_PASSPHRASE_FILE, &pass);
        if (r)
                return r;
        if (pass.none)
                WIRE_PUT(&m, O_CREATE, no_passphrase, true);
        else
                WIRE_PUT(&m, O_CREATE, passphrase, buf_span(&pass.text));
        r = owner_ask(c, owner, OWNER_O_CREATE, &m, _("founding"), NULL, NULL);
        if (!r)
                r = found_done(c, _("Founded"), _("Invite the first neighbours with `porchlight invite`."));
        if (!r)
                outside_note(c);
        return r;
}

static void charter_help(struct buf *out) {
        for (size_t i = 0; i < wire_charter_bounds_n; i++)
                buf_printf(out, "  %s = %u\n", wire_charter_bounds[i].name, (unsigned)wire_charter_bounds[i].preset);
}

const struct command command_mesh_create = {
        .group = "mesh",
        .name = "create",
        .synopsis = "NAME --household NAME [--at PLACE] [--charter FILE] [--passphrase-file F | --no-passphrase]",
        .brief = N_("found a mesh for a neighbourhood"),
        .help = N_("This home becomes its first member and steward. The passphrase locks the\n"
                   "household's key; posting and reading never ask for it.\n"
                   "\n"
                   "A charter file has lines \"row = value\". The rows, and what holds without one:\n"),
        .more = charter_help,
        .examples = N_("  porchlight mesh create \"Elm Street\" --household Miller --at 52.5163,13.3777\n"),
        .options = create_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_create,
};

/* ---- show ---- */

static void charter_line_text(struct buf *out, const struct wire_charter_row *row) {
        _clean_(buf_fini) struct buf doc = BUF_NULL;
        const struct wire_charter_bound *b = NULL;
        for (size_t i = 0; i < wire_charter_bounds_n; i++)
                if (wire_charter_bounds[i].key == row->key)
                        b = &wire_charter_bounds[i];
        buf_printf(out, "  %-14s = %-6u ", b ? b->name : "?", (unsigned)row->value);
        layout_wrap(&doc, span_str(b ? _(b->doc) : _("a rule that this version does not know")), CHARTER_COLUMN,
                    CLI_COLUMNS);
        buf_add(out, span_from(buf_span(&doc), CHARTER_COLUMN)); /* the first line's indent is taken */
}

static void charter_text(struct buf *out, struct wire_list list) {
        struct wire_charter_row row;
        buf_add_str(out, _("\nCharter:\n"));
        while (wire_list_next(&wire_charter_row_desc, &list, &row))
                charter_line_text(out, &row);
}

static void mesh_text(struct cli *c, const struct wire_c_mesh *m) {
        text_show(&c->out, m->name, false);
        buf_add_str(&c->out, _("\n  id        "));
        text_hex(&c->out, m->id);
        buf_add_str(&c->out, _("\n  founded   "));
        when_local(&c->out, m->founded, c->now);
        if (WIRE_HAS(m, C_MESH, cell)) {
                buf_add_str(&c->out, _("\n  place     "));
                text_show(&c->out, m->cell, false);
        }
        buf_add_str(&c->out, _("\n  homes     "));
        layout_count(&c->out, m->homes, "home", "homes");
        buf_add_str(&c->out, ", ");
        layout_count(&c->out, m->stewards, "steward", "stewards");
        buf_add_u8(&c->out, '\n');
        charter_text(&c->out, m->charter);
}

static int row_mesh(struct cli *c, const struct call_row *row, void *arg) {
        (void)arg;
        if (row->number != CONTROL_MESH_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        mesh_text(c, &row->m->c_mesh);
        return 0;
}

static int run_show(struct cli *c, const struct args *a) {
        struct wire_c_none none = {0};
        (void)a;
        return cli_ask(c, CONTROL_MESH, &none, row_mesh, NULL);
}

const struct command command_mesh_show = {
        .group = "mesh",
        .name = "show",
        .synopsis = "",
        .brief = N_("the mesh and its charter"),
        .run = run_show,
};
