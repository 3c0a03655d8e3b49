/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/found.h"

#include "base/text.h"
#include "roster/name.h"

#include <stdio.h>
#include <time.h>

#define WAIT_S 45 /* the daemon answers within 30 s, the vault derives keys before */
#define TICK_MS 1000
#define NAME_HINT "at most 32 bytes of UTF-8, without control characters and + # * /"

static int bad_name(struct cli *c, int e, const char *which) {
        if (e == NAME_E_ROLE)
                return cli_fail(c, EXIT_REFUSED, "name-refused", "no household may seem to hold an office", "%s %s",
                                which, name_error_text(e));
        return cli_fail(c, EXIT_USAGE, "bad-name", NAME_HINT, "%s %s", which, name_error_text(e));
}

int found_names(struct cli *c, const struct args *a, const char *mesh, struct span *ret_household) {
        const char *household = args_text(a, OPT_HOUSEHOLD);
        if (!household)
                return cli_usage(c, "for example --household Miller", "--household NAME says what this home is called");
        int e = mesh ? name_check_mesh(span_str(mesh)) : 0;
        if (e)
                return bad_name(c, e, "the mesh's name");
        e = name_check(span_str(household));
        if (e)
                return bad_name(c, e, "--household");
        *ret_household = span_str(household);
        return 0;
}

int found_open(struct cli *c, struct call **ret) {
        struct call_error e;
        return call_new(ret, c->data, CALL_OWNER, &e) ? cli_fail_call(c, &e) : 0;
}

static void progress(const struct cli *c, const char *doing, unsigned seconds) {
        if (c->err_tty && !c->json && seconds)
                fprintf(stderr, "\r%s … %u s ", doing, seconds);
}

static void progress_end(const struct cli *c) {
        if (c->err_tty && !c->json)
                fputs("\r\033[K", stderr);
}

static int wait_for(struct cli *c, struct call *owner, const char *doing) {
        struct call_row row;
        time_t began = time(NULL);
        for (;;) {
                unsigned seconds = (unsigned)MAX(time(NULL) - began, 0);
                progress(c, doing, seconds);
                int r = call_next(owner, TICK_MS, &row);
                if (r == CALL_E_END && WIRE_HAS(&row.m->c_done, C_DONE, warning))
                        cli_note(c, "warning: %.*s", (int)row.m->c_done.warning.n,
                                 (const char *)row.m->c_done.warning.p);
                if (r == CALL_E_END)
                        return 0;
                if (r == CALL_E_FAILED)
                        return r;
                if (seconds > WAIT_S)
                        return CALL_E_AGAIN;
        }
}

int found_ask(struct cli *c, struct call *owner, unsigned number, const void *msg, const char *doing) {
        if (call_send(owner, number, msg))
                return cli_fail_call(c, call_error(owner));
        int r = wait_for(c, owner, doing);
        progress_end(c);
        if (r == CALL_E_FAILED)
                return cli_fail_call(c, call_error(owner));
        if (r)
                return cli_fail(c, EXIT_UNREACHABLE, "daemon-silent", "`porchlight status` tells what has become of it",
                                "no answer within %d s", WAIT_S);
        return 0;
}

static int row_done(struct cli *c, const struct call_row *row, void *arg) {
        const char *const *words = arg;
        if (row->number != CONTROL_MESH_ROW)
                return 0;
        const struct wire_c_mesh *m = &row->m->c_mesh;
        if (c->json) {
                mesh_json(&c->out, m);
                buf_add_u8(&c->out, '\n');
                return 0;
        }
        text_show(&c->out, m->name, false);
        buf_printf(&c->out, " %s; it has ", words[0]);
        layout_count(&c->out, m->homes, "home", "homes");
        buf_printf(&c->out, ".\n%s\n", words[1]);
        return 0;
}

int found_done(struct cli *c, const char *done, const char *next) {
        struct wire_c_none none = {0};
        const char *words[] = {done, next};
        if (cli_ask(c, CONTROL_MESH, &none, row_done, words))
                cli_note(c, "%s all the same", done); /* the vault has said so; only the daemon's answer is missing */
        return 0;
}
