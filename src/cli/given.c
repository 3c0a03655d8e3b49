/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other homes granted to this one. `clip get` takes it in three steps: the vault says the terms in its own words and signs
 * them, which is what the owner's home waits for; the key comes from there; then it is a clip like others. Whoever does not
 * want to wait ends the command: key and bytes come by themselves.
 */
#include "cli/given.h"

#include "base/lang.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/owner.h"

#include <poll.h>
#include <stdio.h>

#define INDENT 2
#define LOOK_MS 250
#define WAIT_MS 60000 /* for a key; it comes later, too */
#define TELL_MS 2000

/* ---- what they look like ---- */

const char *given_word(uint64_t state) {
        switch ((enum wire_e_given)state) {
        case GIVEN_OFFERED:
                return _("offered");
        case GIVEN_SIGNED:
                return _("signed");
        case GIVEN_OPEN:
                return _("open");
        case GIVEN_COMPLETE:
                return _("complete");
        case GIVEN_TAKEN_BACK:
                return _("taken back");
        case GIVEN_OVER:
                return _("over");
        }
        return "";
}

static void shown_text(struct buf *out, const struct wire_c_given *g, uint64_t now) {
        buf_add_str(out, _("it shows "));
        when_local(out, WIRE_HAS(g, C_GIVEN, from) ? g->from : g->taken, now);
        if (WIRE_HAS(g, C_GIVEN, to)) {
                buf_add_str(out, _(" to "));
                when_local(out, g->to, now);
        }
        if (WIRE_HAS(g, C_GIVEN, cell))
                buf_printf(out, ", %.*s", (int)g->cell.n, (const char *)g->cell.p);
}

void given_layout(struct buf *out, const struct wire_c_given *g, uint64_t now) {
        _clean_(buf_fini) struct buf text = BUF_NULL, name = BUF_NULL;
        text_show(&name, g->household, false);
        layout_id(out, g->clip);
        if (WIRE_HAS(g, C_GIVEN, own))
                buf_add_str(&text, _("  your main device shares a clip with this one"));
        else
                buf_printf(&text, _("  %s gave you a clip"), buf_cstr(&name));
        buf_add(out, buf_span(&text));
        buf_printf(out, " (%s)\n", given_word(g->state));
        buf_clear(&text);
        shown_text(&text, g, now);
        layout_wrap(out, buf_span(&text), INDENT, CLI_COLUMNS);
        buf_clear(&text);
        buf_add_str(&text, _("for: "));
        text_show(&text, g->purpose, false);
        buf_add_str(&text, _("; until "));
        when_local(&text, g->expires, now);
        layout_wrap(out, buf_span(&text), INDENT, CLI_COLUMNS);
        if (g->state == GIVEN_OFFERED && !WIRE_HAS(g, C_GIVEN, own)) {
                _clean_(buf_fini) struct buf id = BUF_NULL;
                buf_clear(&text);
                layout_id(&id, g->clip);
                buf_printf(&text, _("`porchlight clip get %s -o FILE` signs these terms and fetches it"),
                           buf_cstr(&id));
                layout_wrap(out, buf_span(&text), INDENT, CLI_COLUMNS);
        }
}

static void request_foot(struct buf *text, const struct wire_c_requested *q, uint64_t now) {
        buf_add_str(text, _("asked "));
        when_local(text, q->created, now);
        buf_add_str(text, _("; until "));
        when_local(text, q->expires, now);
        if (q->mine)
                buf_add_str(text, WIRE_HAS(q, C_REQUESTED, delivered) && q->delivered
                                          ? _("; it is there")
                                          : _("; it has not reached that home yet"));
        else if (WIRE_HAS(q, C_REQUESTED, granted))
                buf_add_str(text, _("; the clip was granted to them"));
}

void request_layout(struct buf *out, const struct wire_c_requested *q, uint64_t now) {
        _clean_(buf_fini) struct buf text = BUF_NULL, name = BUF_NULL, clip = BUF_NULL;
        text_show(&name, q->household, false);
        layout_id(&clip, q->clip);
        layout_id(out, q->id);
        buf_printf(&text, q->mine ? _("  you asked %s for the clip %s") : _("  %s asks for your clip %s"),
                   buf_cstr(&name), buf_cstr(&clip));
        buf_add(out, buf_span(&text));
        buf_add_u8(out, '\n');
        if (WIRE_HAS(q, C_REQUESTED, reason))
                layout_wrap(out, q->reason, INDENT, CLI_COLUMNS);
        buf_clear(&text);
        request_foot(&text, q, now);
        layout_wrap(out, buf_span(&text), INDENT, CLI_COLUMNS);
}

static int row_of(struct cli *c, const struct call_row *row, bool *any, bool request) {
        if (c->json) {
                *any = true;
                return cli_row_json(c, row, NULL);
        }
        if (*any)
                buf_add_u8(&c->out, '\n');
        *any = true;
        if (request)
                request_layout(&c->out, &row->m->c_requested, c->now);
        else
                given_layout(&c->out, &row->m->c_given, c->now);
        return cli_flush(c);
}

int row_given(struct cli *c, const struct call_row *row, void *arg) {
        return row->number == CONTROL_GIVEN_ROW ? row_of(c, row, arg, false) : 0;
}

int row_request(struct cli *c, const struct call_row *row, void *arg) {
        return row->number == CONTROL_REQUEST_ROW ? row_of(c, row, arg, true) : 0;
}

/* ---- taking it ---- */

struct taking {
        const char *id;
        struct hash grant, clip;
        uint64_t state;
        bool found;
        bool several; /* other clips begin so, too */
        bool own;     /* the main device shares it */
        char household[64];
        struct buf paper, manifest;
};

/* The one that is of most use: what is over only if there is nothing else. */
static int find(struct cli *c, const struct call_row *row, void *arg) {
        struct taking *t = arg;
        const struct wire_c_given *g = &row->m->c_given;
        (void)c;
        if (row->number != CONTROL_GIVEN_ROW ||
            !(text_hex_begins(g->clip, span_str(t->id)) || text_hex_begins(g->grant, span_str(t->id))))
                return 0;
        t->several |= t->found && !span_eq(g->clip, SPAN_OF(t->clip.b));
        if (t->found && g->state >= GIVEN_TAKEN_BACK)
                return 0;
        _clean_(buf_fini) struct buf name = BUF_NULL;
        text_show(&name, g->household, false);
        t->own = WIRE_HAS(g, C_GIVEN, own);
        snprintf(t->household, sizeof(t->household), "%s", buf_cstr(&name));
        memcpy(t->grant.b, g->grant.p, sizeof(t->grant));
        memcpy(t->clip.b, g->clip.p, sizeof(t->clip));
        t->state = g->state;
        t->found = true;
        return 0;
}

/* Of this home's own, nobody else's may come in its place. A clip that this device took in may be shared with it. */
static int find_own(struct cli *c, const struct call_row *row, void *arg) {
        struct taking *t = arg;
        (void)c;
        t->several |= row->number == CONTROL_CLIP_ROW && text_hex_begins(row->m->c_clip.id, span_str(t->id)) &&
                      !span_eq(row->m->c_clip.id, SPAN_OF(t->clip.b));
        return 0;
}

static int look(struct cli *c, struct taking *t) {
        struct wire_c_none none = {0};
        t->found = t->several = false;
        int r = cli_ask(c, CONTROL_GIVEN, &none, find, t);
        if (!r && t->found)
                r = cli_ask(c, CONTROL_CLIPS, &none, find_own, t);
        if (!r && t->several)
                r = cli_fail(c, EXIT_NOT_FOUND, "ambiguous", "give more digits of the id",
                             "several clips have an id that begins so");
        return r;
}

static int keep_offer(struct cli *c, const struct call_row *row, void *arg) {
        struct taking *t = arg;
        (void)c;
        if (row->number == CONTROL_OFFER_ROW) {
                buf_add(&t->paper, row->m->c_offer.grant);
                buf_add(&t->manifest, row->m->c_offer.manifest);
        }
        return 0;
}

static int accept(struct cli *c, const struct args *a, struct taking *t) {
        _clean_(buf_fini) struct buf id = BUF_NULL, store = BUF_NULL;
        struct wire_o_receipt receipt;
        text_hex(&id, SPAN_OF(t->grant.b));
        struct wire_c_name name = {.name = buf_span(&id)};
        int r = cli_ask(c, CONTROL_OFFER, &name, keep_offer, t);
        if (r)
                return r;
        struct wire_o_accept m = {.grant = buf_span(&t->paper), .manifest = buf_span(&t->manifest)};
        if (lang_tag().n)
                WIRE_PUT(&m, O_ACCEPT, language, lang_tag());
        return owner_terms(c, a, OWNER_O_ACCEPT, &m, OWNER_O_RECEIPT_ROW, &wire_o_receipt_desc, &receipt, &store);
}

static int over(struct cli *c, const struct taking *t) {
        bool back = t->state == GIVEN_TAKEN_BACK;
        const char *name = back ? "grant-revoked" : "grant-expired";
        if (t->own)
                return cli_fail(c, EXIT_REFUSED, name,
                                "share it there again: `porchlight clip share ID --with` the name of this device",
                                back ? N_("your main device took it back") : N_("the time it was shared for is over"));
        return cli_fail(c, EXIT_REFUSED, name, "ask for another with `clip request`",
                        back ? N_("%s took the grant back") : N_("the time of the grant of %s is over"), t->household);
}

static void tell_waiting(const struct cli *c, const struct taking *t) {
        if (t->own)
                cli_note(c, "waiting for the key from your main device");
        else
                cli_note(c, "the terms are signed; waiting for the key from %s", t->household);
}

static int not_yet(struct cli *c, const struct taking *t) {
        if (t->own)
                return cli_fail(c, EXIT_UNSENT, "not-here-yet", "it comes by itself; ask again later",
                                "your main device could not be reached, and the key has not come yet");
        return cli_fail(c, EXIT_UNSENT, "not-here-yet", "it comes by itself; ask again later",
                        "%s could not be reached, and its key has not come yet", t->household);
}

static int unread(struct cli *c) {
        return cli_fail(c, EXIT_FAILED, "cannot-write", "the same command shows the clip when it is there",
                        "what reads the clip has gone; its key comes by itself");
}

/* Until the key has come; how its bytes come is told by clip_fetch.c. */
static int wait_for(struct cli *c, struct taking *t, bool reading) {
        for (unsigned waited = 0; waited < WAIT_MS && !stop_wanted(); waited += LOOK_MS) {
                int r = look(c, t);
                if (r || !t->found)
                        return r;
                if (t->state >= GIVEN_TAKEN_BACK)
                        return over(c, t);
                if (t->state >= GIVEN_OPEN)
                        return 0;
                if (reading && cli_reader_gone())
                        return unread(c);
                if (waited == TELL_MS)
                        tell_waiting(c, t);
                poll(NULL, 0, LOOK_MS);
        }
        return not_yet(c, t);
}

int given_take(struct cli *c, const struct args *a, const char *id, bool reading) {
        struct taking t = {.id = id};
        int r = look(c, &t);
        if (!r && t.found && t.state >= GIVEN_TAKEN_BACK)
                r = over(c, &t);
        if (!r && t.found && t.state == GIVEN_OFFERED && !t.own)
                r = accept(c, a, &t);
        if (!r && t.found)
                r = wait_for(c, &t, reading);
        buf_fini(&t.paper);
        buf_fini(&t.manifest);
        return r;
}
