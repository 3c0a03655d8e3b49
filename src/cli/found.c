/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/found.h"

#include "base/text.h"
#include "roster/name.h"

#define NAME_HINT                                                                                                      \
        N_("at most 32 bytes: accented letters take 2, Chinese ones 3; no control characters, none of + # * /")

static int bad_name(struct cli *c, int e, const char *which) {
        if (e == NAME_E_ROLE)
                return cli_fail(c, EXIT_REFUSED, "name-refused", "no household may seem to hold an office", "%s %s",
                                which, _(name_error_text(e)));
        return cli_fail(c, EXIT_USAGE, "bad-name", NAME_HINT, "%s %s", which, _(name_error_text(e)));
}

int found_names(struct cli *c, const struct args *a, const char *mesh, struct span *ret_household) {
        const char *household = args_text(a, OPT_HOUSEHOLD);
        if (!household)
                return cli_usage(c, "for example --household Miller", "--household NAME says what this home is called");
        int e = mesh ? name_check_mesh(span_str(mesh)) : 0;
        if (e)
                return bad_name(c, e, _("the mesh's name"));
        e = name_check(span_str(household));
        if (e)
                return bad_name(c, e, "--household");
        *ret_household = span_str(household);
        return 0;
}

static int row_done(struct cli *c, const struct call_row *row, void *arg) {
        const char *const *words = arg;
        if (row->number != CONTROL_MESH_ROW)
                return 0;
        const struct wire_c_mesh *m = &row->m->c_mesh;
        if (c->json)
                return cli_row_json(c, row, NULL);
        buf_printf(&c->out, "%s ", words[0]);
        text_show(&c->out, m->name, false);
        buf_add_str(&c->out, _("; it has "));
        layout_count(&c->out, m->homes, "home", "homes");
        buf_printf(&c->out, ".\n%s\n", words[1]);
        return 0;
}

int found_done(struct cli *c, const char *done, const char *next) {
        struct wire_c_none none = {0};
        const char *words[] = {done, next};
        if (cli_ask(c, CONTROL_MESH, &none, row_done, words))
                cli_note(c, "%s; the daemon does not say more",
                         done); /* the vault has said so; only the daemon's answer is missing */
        return 0;
}
