/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A person who has been away for long types what a person types who joins, because that is what stands under every ticket.
 * So the same command does what helps here, and says that it is something else.
 */
#include "cli/refresh.h"

#include "base/text.h"
#include "roster/ticket.h"

#define STATUS_MS 10000 /* a daemon that takes longer for its status is not well */
#define TICK_MS 1000
#define WAIT_TICKS 30 /* the daemon waits 20 s for a neighbour */

/* ---- whether it is due ---- */

bool refresh_is_due(struct cli *c) {
        struct wire_c_none none = {0};
        struct call_error e;
        struct call_row row;
        uint64_t state = FRESH_NO_MESH;
        if (!c->call && call_new(&c->call, c->data, CALL_CONTROL, &e))
                return false; /* the vault's socket will say why */
        if (call_send(c->call, CONTROL_STATUS, &none))
                return false;
        while (call_row(c->call, STATUS_MS, &row) == 0)
                if (row.number == CONTROL_STATUS_ROW)
                        state = row.m->c_status.state;
        return state != FRESH_NO_MESH && state != FRESH_JOINING;
}

/* ---- what is said ---- */

static void say_key(const struct wire_c_refreshed *m, struct buf *v) {
        buf_add_str(v, m->key ? _("Refreshed: a link key that was not here, and ") : _("Refreshed: "));
        layout_count(v, m->addresses, "address", "addresses");
        buf_add_str(v, m->key ? _(" to knock at.\n") : _(" to knock at; its link key was here already.\n"));
}

/* What the roster says of the device that signed; beyond it there is only what the ticket says of itself. */
static void say_writer(const struct wire_c_refreshed *m, const struct ticket *t, struct buf *v) {
        _clean_(buf_fini) struct buf name = BUF_NULL;
        bool known = WIRE_HAS(m, C_REFRESHED, inviter);
        text_show(&name, known ? m->inviter : t->w.inviter, false);
        if (known)
                buf_printf(v, _("It was written by %s.\n"), buf_cstr(&name));
        else
                buf_printf(v, _("A device wrote it that this home does not know yet; it says it is of %s.\n"),
                           buf_cstr(&name));
}

static void say_answer(const struct wire_c_refreshed *m, struct buf *v) {
        _clean_(buf_fini) struct buf name = BUF_NULL;
        if (!m->answered)
                return;
        text_show(&name, m->neighbour, false);
        buf_printf(v, _("%s has answered. `porchlight status` shows how this home catches up.\n"), buf_cstr(&name));
}

static void say_all(struct cli *c, const struct wire_c_refreshed *m, const struct ticket *t) {
        _clean_(buf_fini) struct buf v = BUF_NULL, name = BUF_NULL;
        text_show(&name, m->mesh, false);
        buf_printf(&v, _("Nothing was joined: this home is a member of %s already.\n"), buf_cstr(&name));
        say_key(m, &v);
        say_writer(m, t, &v);
        say_answer(m, &v);
        layout_wrap(&c->out, buf_span(&v), 0, CLI_COLUMNS);
}

/* ---- asking ---- */

/* A person is told what the silence is, once. */
static int next_row(struct cli *c, struct call_row *ret) {
        for (int tick = 0; tick < WAIT_TICKS; tick++) {
                int r = call_next(c->call, TICK_MS, ret);
                if (r != CALL_E_AGAIN)
                        return r;
                if (tick == 0 && c->err_tty && !c->json)
                        cli_note(c, "waiting up to 20 s for a neighbour to answer");
        }
        return call_row(c->call, TICK_MS, ret);
}

static void note_options(struct cli *c, const struct args *a) {
        static const enum option_id ids[] = {OPT_HOUSEHOLD, OPT_AT, OPT_PASSPHRASE_FILE, OPT_NO_PASSPHRASE};
        bool any = false;
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
                any = any || args_has(a, ids[i]);
        if (any)
                cli_note(c,
                         "note: --household, --at and the passphrase are for a home that joins; this one is a member, "
                         "and stays as it is");
}

int refresh_run(struct cli *c, const struct args *a, const struct ticket *t, struct span text) {
        struct wire_c_refresh m = {.ticket = text};
        struct call_row got;
        int r;
        if (call_send(c->call, CONTROL_REFRESH, &m))
                return cli_fail_call(c, call_error(c->call));
        while ((r = next_row(c, &got)) == 0) {
                if (got.number != CONTROL_REFRESHED_ROW)
                        continue;
                note_options(c, a);
                if (c->json)
                        r = cli_row_json(c, &got, NULL);
                else
                        say_all(c, &got.m->c_refreshed, t);
                if (r)
                        return r;
        }
        if (r != CALL_E_FAILED)
                return 0;
        r = cli_flush(c);
        return r ? r : cli_fail_call(c, call_error(c->call));
}
