/* SPDX-License-Identifier: Apache-2.0 */
/* invite, invite list, show, revoke: tickets for neighbours. `show` reads one offline, without a daemon. */
#include "cli/commands.h"

#include "base/text.h"
#include "base/when.h"
#include "cli/options.h"
#include "cli/outside.h"
#include "roster/ticket.h"
#include "wire/json.h"

#define COUNT_MAX 5000
#define LABEL_MAX 64         /* bytes, as in proto/control.def */
#define TICKET_TEXT_MAX 4096 /* with spaces and line breaks that mail programs put in */
#define TICKET_PROMPT N_("Ticket (paste all of it; an empty line ends it): ")
#define TICKET_INDENT 4
#define TICKET_COLUMNS 72 /* letters a line on a terminal; whoever copies them may copy the line breaks as well */
#define LABEL_COLUMNS 26
#define USES_COLUMNS 10
#define STATE_COLUMNS 7

/* ---- reading one ---- */

/* Whether @text is all of a ticket; what else it is will be said later. */
static bool is_whole(struct span text) {
        struct ticket t;
        if (ticket_parse(&t, text))
                return false;
        ticket_fini(&t);
        return true;
}

/* A ticket that was copied from a terminal or out of a mail comes in several lines. */
static bool ticket_ask(struct cli *c, struct buf *text) {
        bool more = ask_line(c, _(TICKET_PROMPT), text);
        while (more && !is_whole(buf_span(text))) {
                size_t had = text->n;
                more = ask_next_line(text) && text->n > had;
        }
        return text->n > 0;
}

int ticket_read(struct cli *c, const char *word, struct ticket *ret, struct buf *text) {
        bool in = word && strcmp(word, "-") == 0, ask = !word || (in && c->in_tty && c->err_tty);
        int r = 0;
        if (ask && !ticket_ask(c, text))
                return cli_usage(c, "paste the whole of it", "no ticket was given");
        if (in && !ask)
                r = read_stdin(c, TICKET_TEXT_MAX, text);
        else if (!ask)
                buf_add_str(text, word);
        if (r)
                return r;
        r = ticket_parse(ret, buf_span(text));
        if (r < 0)
                return cli_fail(c, EXIT_FAILED, "out-of-memory", "", "%s", err_text(r));
        if (r)
                return cli_fail(c, EXIT_USAGE, "ticket-unreadable", "copy the whole of it, from PORCHLIGHT1 on",
                                "the ticket %s", _(ticket_error_text(r)));
        return 0;
}

static void addresses(struct buf *out, const struct ticket *t) {
        struct wire_list list = t->w.addrs;
        struct wire_addr a;
        const char *between = "";
        while (wire_list_next(&wire_addr_desc, &list, &a)) {
                buf_add_str(out, between);
                layout_addr(out, &a);
                between = ", ";
        }
        if (!*between)
                buf_add_str(out, _("none in the ticket"));
}

static void line(struct buf *out, const char *name, struct span value) {
        _clean_(buf_fini) struct buf wrapped = BUF_NULL;
        layout_wrap(&wrapped, value, 12, CLI_COLUMNS);
        layout_word(out, name, 12);
        buf_add(out, span_from(buf_span(&wrapped), 12)); /* the indent of the first line is the name's */
        if (!wrapped.n)
                buf_add_u8(out, '\n');
}

void ticket_show(struct buf *out, const struct ticket *t, uint64_t now) {
        _clean_(buf_fini) struct buf v = BUF_NULL;
        line(out, _("mesh"), t->w.mesh_name);
        line(out, _("invited by"), t->w.inviter);
        if (t->w.expires <= now)
                buf_add_str(&v, _("EXPIRED "));
        when_local(&v, t->w.expires, now);
        buf_add_str(&v, ", ");
        when_relative(&v, t->w.expires, now);
        line(out, _("valid until"), buf_span(&v));
        buf_clear(&v);
        layout_count(&v, t->w.uses, "home", "homes");
        line(out, _("admits"), buf_span(&v));
        buf_clear(&v);
        addresses(&v, t);
        line(out, _("addresses"), buf_span(&v));
        buf_clear(&v);
        ticket_words(t, &v);
        line(out, _("check words"), buf_span(&v));
}

static void json_time(struct buf *out, const char *name, uint64_t seconds) {
        buf_printf(out, ",\"%s\":\"", name);
        when_rfc3339(out, seconds);
        buf_add_u8(out, '"');
}

static void json_field(struct buf *out, const char *name, struct span value) {
        buf_printf(out, ",\"%s\":", name);
        json_string(out, value);
}

/* By hand, not from the ticket's own table: that holds the keys that open the mesh. */
static void ticket_json(struct buf *out, const struct ticket *t) {
        _clean_(buf_fini) struct buf v = BUF_NULL;
        struct wire_list list = t->w.addrs;
        struct wire_addr a;
        const char *between = "";
        buf_add_str(out, "{\"v\":1");
        json_field(out, "mesh", t->w.mesh_name);
        text_hex(&v, SPAN_OF(t->mesh.b));
        json_field(out, "mesh_id", buf_span(&v));
        json_field(out, "inviter", t->w.inviter);
        json_time(out, "expires", t->w.expires);
        buf_printf(out, ",\"uses\":%u,\"addresses\":[", (unsigned)t->w.uses);
        for (; wire_list_next(&wire_addr_desc, &list, &a); between = ",") {
                buf_clear(&v);
                layout_addr(&v, &a);
                buf_add_str(out, between);
                json_string(out, buf_span(&v));
        }
        buf_add_u8(out, ']');
        buf_clear(&v);
        ticket_words(t, &v);
        json_field(out, "check_words", buf_span(&v));
        buf_add_str(out, "}\n");
}

static int run_show(struct cli *c, const struct args *a) {
        _clean_(buf_wipe) struct buf text = BUF_NULL;
        struct ticket t;
        int r = ticket_read(c, a->words[0], &t, &text);
        if (r)
                return r;
        if (c->json)
                ticket_json(&c->out, &t);
        else
                ticket_show(&c->out, &t, c->now);
        ticket_fini(&t);
        return 0;
}

const struct command command_invite_show = {
        .group = "invite",
        .name = "show",
        .synopsis = "TICKET|-",
        .brief = N_("read a ticket without using it"),
        .help = N_("Shows the mesh, who invites, until when, and four check words. It works without\n"
                   "a daemon and asks nobody. Let the inviting home read its check words to you\n"
                   "over the telephone: if they are the same, nobody has changed the ticket on its\n"
                   "way.\n"
                   "\nExample:\n  porchlight invite show - < ticket.txt\n"),
        .min_words = 1,
        .max_words = 1,
        .run = run_show,
};

/* ---- making one ---- */

struct invite_sink {
        bool qr;
        const char *label;
};

static void explain(struct cli *c, const struct wire_c_ticket *row, const char *ticket) {
        _clean_(buf_fini) struct buf words = BUF_NULL, when = BUF_NULL, who = BUF_NULL, text = BUF_NULL;
        struct ticket t;
        when_local(&when, row->expires, c->now);
        layout_count(&who, row->uses, "home", "homes");
        if (ticket_parse(&t, span_str(ticket)) == 0) {
                ticket_words(&t, &words);
                ticket_fini(&t);
        }
        buf_printf(&text, _("This ticket admits %s until %s. "), buf_cstr(&who), buf_cstr(&when));
        buf_add_str(&text,
                    _("Pass it on in person, or by a messenger you trust: whoever has it can join. The neighbour "
                      "runs"));
        buf_add_u8(&c->out, '\n');
        layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
        buf_add_str(&c->out, _("\n  porchlight join --household \"NAME OF THE HOME\"\n\nand pastes it, all lines."));
        buf_printf(&c->out, _(" Its check words, to compare by telephone:\n\n  %s\n\n"), buf_cstr(&words));
        buf_add_str(&c->out, _("Take it back with `porchlight invite revoke "));
        layout_id(&c->out, row->id);
        buf_add_str(&c->out, "`.\n");
}

static void ticket_lines(struct buf *out, struct span text) {
        _clean_(buf_wipe) struct buf shown = BUF_NULL;
        text_show(&shown, text, false);
        layout_wrap(out, buf_span(&shown), TICKET_INDENT, TICKET_INDENT + TICKET_COLUMNS);
}

static int row_invite(struct cli *c, const struct call_row *row, void *arg) {
        _clean_(buf_wipe) struct buf text = BUF_NULL;
        const struct invite_sink *sink = arg;
        if (row->number != CONTROL_TICKET_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        const struct wire_c_ticket *t = &row->m->c_ticket;
        buf_add(&text, t->ticket);
        if (sink->qr && !qr_draw(&c->out, buf_cstr(&text), c->colour))
                cli_note(c, "the ticket is too long for a QR code of 77 columns");
        if (c->out_tty) {
                ticket_lines(&c->out, buf_span(&text));
                explain(c, t, buf_cstr(&text));
        } else {
                text_show(&c->out, t->ticket, false);
                buf_add_u8(&c->out, '\n');
        }
        return cli_flush(c);
}

static const struct option invite_options[] = {
        {OPT_FOR, "for", "NAME", N_("for whom; a note that stays at home"), OPTION_TEXT, NULL, 0, LABEL_MAX},
        {OPT_COUNT, "count", "N", N_("how many homes may use it; 1 if absent"), OPTION_NUMBER, NULL, 1, COUNT_MAX},
        OPTION_ROW_EXPIRES(N_("how long it is valid, 30d at most; 7d if absent")),
        {OPT_QR, "qr", NULL, N_("draw it as a QR code as well"), OPTION_FLAG},
        OPTION_END,
};

static int run_invite(struct cli *c, const struct args *a) {
        struct wire_c_invite m = {0};
        struct invite_sink sink = {.qr = args_has(a, OPT_QR), .label = args_text(a, OPT_FOR)};
        const struct option_value *v;
        if (sink.label)
                WIRE_PUT(&m, C_INVITE, label, span_str(sink.label));
        if ((v = args_get(a, OPT_COUNT)))
                WIRE_PUT(&m, C_INVITE, uses, v->n);
        if ((v = args_get(a, OPT_EXPIRES)))
                WIRE_PUT(&m, C_INVITE, expires_in, v->n);
        int r = cli_ask(c, CONTROL_INVITE, &m, row_invite, &sink);
        if (!r)
                outside_note(c);
        return r;
}

const struct command command_invite = {
        .group = "invite",
        .synopsis = "[--for NAME] [--count N] [--expires 7d] [--qr]",
        .brief = N_("make a ticket for a neighbour"),
        .help = N_("Prints a ticket with which a home can join the mesh. When stdout is not a\n"
                   "terminal the ticket stands there alone. Whoever has a ticket can join: pass it\n"
                   "on in person or by a messenger you trust.\n"
                   "\n"
                   "Examples:\n"
                   "  porchlight invite --for \"Family Braun\" --qr\n"
                   "  porchlight invite --count 20 --expires 2d > stairwell.txt\n"),
        .options = invite_options,
        .run = run_invite,
};

/* ---- list, revoke ---- */

static const char *ticket_state(const struct wire_c_ticket *t, uint64_t now) {
        if (t->revoked)
                return _("revoked");
        if (WIRE_HAS(t, C_TICKET, closed))
                return _("closed");
        if (t->used >= t->uses)
                return _("used up");
        return t->expires <= now ? _("expired") : _("open");
}

static void list_line(struct cli *c, const struct wire_c_ticket *t) {
        _clean_(buf_fini) struct buf v = BUF_NULL;
        layout_id(&c->out, t->id);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, t->label, LABEL_COLUMNS);
        buf_printf(&v, _("%u of %u"), (unsigned)t->used, (unsigned)t->uses);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, buf_span(&v), USES_COLUMNS + 2);
        buf_add_str(&c->out, "  ");
        layout_word(&c->out, ticket_state(t, c->now), STATE_COLUMNS);
        buf_add_str(&c->out, "  ");
        when_local(&c->out, t->expires, c->now);
        buf_add_u8(&c->out, '\n');
}

static void list_head(struct buf *out) {
        buf_add_str(out, "ID        ");
        layout_word(out, _("FOR"), LABEL_COLUMNS + 2);
        layout_word(out, _("USED"), USES_COLUMNS + 4);
        layout_word(out, _("STATE"), STATE_COLUMNS + 2);
        buf_printf(out, "%s\n", _("UNTIL"));
}

static int row_list(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg;
        if (row->number != CONTROL_TICKET_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        if (!*any)
                list_head(&c->out);
        *any = true;
        list_line(c, &row->m->c_ticket);
        return cli_flush(c);
}

static int run_list(struct cli *c, const struct args *a) {
        (void)a;
        return cli_list(c, CONTROL_INVITES, row_list, _("This household has made no tickets.\n"));
}

const struct command command_invite_list = {
        .group = "invite",
        .name = "list",
        .synopsis = "",
        .brief = N_("the tickets of this household"),
        .run = run_list,
};

static int run_revoke(struct cli *c, const struct args *a) {
        struct wire_c_name m = {.name = span_str(a->words[0])};
        int r = cli_ask(c, CONTROL_INVITE_REVOKE, &m, NULL, NULL);
        if (r)
                return r;
        buf_add_str(&c->out, c->json ? "{\"v\":1,\"revoked\":true}\n"
                                     : _("Revoked. Homes that have come on it stay; nobody else can use it.\n"));
        return 0;
}

const struct command command_invite_revoke = {
        .group = "invite",
        .name = "revoke",
        .synopsis = "ID",
        .brief = N_("take a ticket back"),
        .help = N_("ID is the one that `porchlight invite list` prints, 4 letters and digits of its\n"
                   "beginning or more, or the name that was given with --for. Homes that have come\n"
                   "on the ticket stay.\n"
                   "\nExamples:\n  porchlight invite revoke 9f3c\n  porchlight invite revoke Ben\n"),
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_TICKET_ID,
        .run = run_revoke,
};
