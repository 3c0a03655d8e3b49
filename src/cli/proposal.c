/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proposal.h"

#include "base/text.h"
#include "base/when.h"

#define LOOK_MS 5000 /* a name is not worth a longer wait */
#define TEXT_INDENT 10

/* ---- what it does ---- */

static const char *outcome_of(uint64_t type) {
        switch ((enum wire_e_op)type) {
        case OP_REMOVE:
                return _("is removed");
        case OP_PROMOTE:
                return _("is a steward now");
        case OP_DEMOTE:
                return _("is no longer a steward");
        case OP_RETURN:
                return _("is a member again");
        case OP_GENESIS:
        case OP_ADD:
        case OP_ENDORSE:
        case OP_LEAVE:
        case OP_DEVICE_ADD:
        case OP_DEVICE_REVOKE:
        case OP_VOUCH:
        case OP_INVITE_UNDO:
                break;
        }
        return _("is decided");
}

struct wanted {
        struct span id;
        struct buf *out;
        bool found;
};

static void take_outcome(const struct wire_c_proposal *p, struct wanted *w) {
        if (w->found || !span_eq(p->id, w->id))
                return;
        w->found = true;
        text_show(w->out, p->target, false);
        buf_printf(w->out, " %s", outcome_of(p->type));
}

/* The vote is cast whatever the daemon says now: what goes wrong here is not told. */
void proposal_outcome(struct cli *c, struct buf *out, struct span id, const char *target) {
        _clean_(call_freep) struct call *call = NULL;
        struct wanted wanted = {.id = id, .out = out};
        struct wire_c_none none = {0};
        struct call_error e;
        struct call_row row;
        if (call_new(&call, c->data, CALL_CONTROL, &e) == 0 && call_send(call, CONTROL_PROPOSALS, &none) == 0)
                while (call_row(call, LOOK_MS, &row) == 0)
                        if (row.number == CONTROL_PROPOSAL_ROW)
                                take_outcome(&row.m->c_proposal, &wanted);
        if (wanted.found)
                return;
        buf_add_str(out, _("it is in force"));
        if (target)
                buf_printf(out, " (%s)", target);
}

/* ---- the list ---- */

struct list {
        bool all, any;
        const char *heading;
};

void proposal_count(struct buf *out, const struct proposal_count *n) {
        if (n->stewards_needed) {
                buf_printf(out, lang_count("%u of %u steward", "%u of %u stewards", n->stewards_needed), n->stewards,
                           n->stewards_needed);
                buf_add_str(out, _(", or "));
        }
        if (n->homes_needed)
                buf_printf(out, lang_count("%u of %u home", "%u of %u homes", n->homes_needed), n->homes,
                           n->homes_needed);
        else
                buf_printf(out, lang_count("%u of %u vote", "%u of %u votes", n->needed), n->votes, n->needed);
}

static void proposal_votes(struct buf *out, const struct wire_c_proposal *p) {
        struct proposal_count n = {.votes = (unsigned)p->votes, .needed = (unsigned)p->needed};
        if (!p->in_force) { /* then the way that was full is what counts */
                n.stewards = (unsigned)p->stewards;
                n.stewards_needed = (unsigned)p->stewards_needed;
                n.homes = (unsigned)p->homes;
                n.homes_needed = (unsigned)p->homes_needed;
        }
        buf_add_str(out, "; ");
        proposal_count(out, &n);
        if (p->in_force)
                buf_add_str(out, _("; in force"));
        else if (p->voted)
                buf_add_str(out, _(", yours among them"));
        else
                buf_add_str(out, _("; you have not voted"));
}

static void proposal_text(struct cli *c, const struct wire_c_proposal *p) {
        _clean_(buf_fini) struct buf text = BUF_NULL, wrapped = BUF_NULL;
        layout_id(&c->out, p->id);
        buf_add_str(&c->out, "  ");
        layout_enum(&text, &wire_op_enum, p->type);
        buf_add_u8(&text, ' ');
        buf_add(&text, p->target);
        if (WIRE_HAS(p, C_PROPOSAL, reason) && p->reason.n) {
                buf_add_str(&text, ": ");
                buf_add(&text, p->reason);
        }
        layout_wrap(&wrapped, buf_span(&text), TEXT_INDENT, CLI_COLUMNS);
        buf_add(&c->out, span_from(buf_span(&wrapped), TEXT_INDENT)); /* the first line's indent is the id's */
        buf_clear(&text);
        buf_add_str(&text, _("by "));
        buf_add(&text, p->by);
        buf_add_str(&text, ", ");
        when_local(&text, p->time, c->now);
        proposal_votes(&text, p);
        layout_wrap(&c->out, buf_span(&text), TEXT_INDENT, CLI_COLUMNS);
        if (p->in_force || p->voted)
                return;
        buf_clear(&text);
        buf_add_str(&text, _("agree with: porchlight member endorse "));
        layout_id(&text, p->id);
        layout_wrap(&c->out, buf_span(&text), TEXT_INDENT, CLI_COLUMNS);
}

static int row_proposal(struct cli *c, const struct call_row *row, void *arg) {
        struct list *list = arg;
        if (row->number != CONTROL_PROPOSAL_ROW)
                return 0;
        const struct wire_c_proposal *p = &row->m->c_proposal;
        if (p->in_force && !list->all)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        if (!list->any)
                buf_add_str(&c->out, list->heading);
        list->any = true;
        proposal_text(c, p);
        return cli_flush(c);
}

int proposals_list(struct cli *c, bool all, const char *heading, bool *ret_any) {
        struct wire_c_none none = {0};
        struct list list = {.all = all, .heading = heading};
        int r = cli_ask(c, CONTROL_PROPOSALS, &none, row_proposal, &list);
        *ret_any = list.any;
        return r;
}
