/* SPDX-License-Identifier: Apache-2.0 */
/* status, peers, peer add: how this home is doing, and whom it talks to. */
#include "cli/commands.h"

#include "base/text.h"
#include "base/when.h"
#include "cli/address.h"

#define LABEL "%-11s"
#define WHO_COLUMNS 27
#define ADDRESS_COLUMNS 23

/* ---- status ---- */

static void line(struct cli *c, const char *label, struct buf *v) {
        _clean_(buf_fini) struct buf wrapped = BUF_NULL;
        layout_wrap(&wrapped, buf_span(v), 11, CLI_COLUMNS);
        buf_printf(&c->out, LABEL, label);
        buf_add(&c->out, span_from(buf_span(&wrapped), 11));
        buf_clear(v);
}

static void status_home(struct cli *c, const struct wire_c_status *s, struct buf *v) {
        if (!WIRE_HAS(s, C_STATUS, mesh))
                return;
        buf_add(v, s->mesh);
        buf_add_str(v, ": ");
        layout_count(v, s->homes, "home", "homes");
        buf_add_str(v, ", ");
        layout_count(v, s->stewards, "steward", "stewards");
        line(c, "mesh", v);
        if (!WIRE_HAS(s, C_STATUS, household))
                return;
        buf_add(v, s->household);
        buf_add_str(v, ", device ");
        buf_add(v, s->device);
        if (WIRE_HAS(s, C_STATUS, household_id)) {
                buf_add_str(v, ", id ");
                layout_id(v, s->household_id);
        }
        line(c, "this home", v);
}

static void status_listen(struct cli *c, const struct wire_c_status *s, struct buf *v) {
        struct wire_list list = s->listen;
        struct wire_addr a;
        const char *between = "";
        for (; wire_list_next(&wire_addr_desc, &list, &a); between = ", ") {
                buf_add_str(v, between);
                layout_addr(v, &a);
        }
        if (v->n)
                line(c, "listens on", v);
}

static void status_alerts(struct cli *c, const struct wire_c_status *s, struct buf *v) {
        layout_count(v, s->alerts, "alert", "alerts");
        buf_add_str(v, " in force");
        if (s->unsent) {
                buf_add_str(v, "; ");
                layout_count(v, s->unsent, "own post is", "own posts are");
                buf_add_str(v, " NOT SENT yet");
        }
        line(c, "alerts", v);
}

static void status_text(struct cli *c, const struct wire_c_status *s) {
        _clean_(buf_fini) struct buf v = BUF_NULL;
        status_home(c, s, &v);
        layout_fresh(&v, s, c->now);
        line(c, "replica", &v);
        if (WIRE_HAS(s, C_STATUS, problem)) {
                buf_add(&v, s->problem);
                line(c, "problem", &v);
        }
        if (s->state == FRESH_NO_MESH) {
                buf_add_str(&v, "found a mesh with `porchlight mesh create`, or use an invite: `porchlight join`");
                line(c, "next", &v);
        } else {
                if (s->homes > 1) {
                        layout_count(&v, s->links, "link to a neighbour", "links to neighbours");
                        line(c, "links", &v);
                }
                status_alerts(c, s, &v);
        }
        if (WIRE_HAS(s, C_STATUS, muted)) {
                buf_add(&v, s->muted);
                line(c, "muted", &v);
        }
        status_listen(c, s, &v);
        buf_add(&v, s->data);
        line(c, "folder", &v);
        when_local(&v, c->now, c->now);
        buf_add_str(&v, " on this machine; daemon ");
        buf_add(&v, s->version);
        line(c, "clock", &v);
}

static int row_status(struct cli *c, const struct call_row *row, void *arg) {
        if (row->number != CONTROL_STATUS_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, arg);
        status_text(c, &row->m->c_status);
        return 0;
}

static int run_status(struct cli *c, const struct args *a) {
        struct wire_c_none none = {0};
        (void)a;
        return cli_ask(c, CONTROL_STATUS, &none, row_status, NULL);
}

const struct command command_status = {
        .name = "status",
        .synopsis = "",
        .brief = "how this home is doing",
        .help = "The mesh, whether what this home knows is current, links, alerts, what is muted,\n"
                "folder.\n"
                "\nExample:\n  porchlight status --json | jq -r .state\n",
        .run = run_status,
};

/* ---- peers ---- */

static void peer_line(struct cli *c, const struct wire_c_peer_row *p) {
        _clean_(buf_fini) struct buf v = BUF_NULL;
        buf_printf(&c->out, "%-4s  ", p->up ? "up" : "DOWN");
        buf_add(&v, p->household);
        if (p->device.n) {
                buf_add_str(&v, " / ");
                buf_add(&v, p->device);
        }
        layout_cell(&c->out, v.n ? buf_span(&v) : SPAN_STR("(not known yet)"), WHO_COLUMNS);
        buf_printf(&c->out, "  %s ", p->outbound ? "to  " : "from");
        layout_cell(&c->out, p->address, ADDRESS_COLUMNS);
        buf_add_u8(&c->out, ' ');
        if (WIRE_HAS(p, C_PEER_ROW, since))
                when_local(&c->out, p->since, c->now);
        layout_trim(&c->out);
        buf_add_u8(&c->out, '\n');
        if (!WIRE_HAS(p, C_PEER_ROW, problem) || !p->problem.n)
                return;
        layout_wrap(&c->out, p->problem, 6, CLI_COLUMNS);
}

static int row_peer(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg;
        if (row->number != CONTROL_PEER_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        if (!*any)
                buf_printf(&c->out, "%-4s  %-27s  %-4s %-23s %s\n", "LINK", "HOME / DEVICE", "", "ADDRESS", "SINCE");
        *any = true;
        peer_line(c, &row->m->c_peer_row);
        return cli_flush(c);
}

static int run_peers(struct cli *c, const struct args *a) {
        struct wire_c_none none = {0};
        bool any = false;
        (void)a;
        int r = cli_ask(c, CONTROL_PEERS, &none, row_peer, &any);
        if (!r && !any && !c->json)
                buf_add_str(&c->out, "No links yet. `porchlight peer add HOST` says where to knock.\n");
        return r;
}

const struct command command_peers = {
        .name = "peers",
        .synopsis = "",
        .brief = "the links to neighbours",
        .help = "A home keeps a few links; alerts reach all others over them. \"to\" was dialled\n"
                "from here, \"from\" came in.\n",
        .run = run_peers,
};

static int run_add(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct address_text room;
        struct wire_addr addr;
        struct wire_c_peer m = {0};
        if (!address_parse(a->words[0], &room, &addr))
                return cli_usage(c,
                                 "write it as 192.0.2.7, [2001:db8::7] or name.example, with :PORT if it is not 7345",
                                 "\"%.80s\" is not HOST[:PORT]", a->words[0]);
        wire_list_add(&wire_addr_desc, &m.addr, &store, &addr);
        int r = cli_ask(c, CONTROL_PEER_ADD, &m, NULL, NULL);
        if (r)
                return r;
        buf_add_str(&c->out,
                    c->json ? "{\"v\":1,\"added\":true}\n" : "Added. `porchlight peers` shows whether it answers.\n");
        return 0;
}

const struct command command_peer_add = {
        .group = "peer",
        .name = "add",
        .synopsis = "HOST[:PORT]",
        .brief = "say where a neighbour's daemon can be reached",
        .help = "For networks in which homes do not find each other. Only members of the same\n"
                "mesh can use such a link; anybody else gets no answer. HOST is an address or a\n"
                "name, an IPv6 address in brackets; without a port it is 7345.\n"
                "\nExamples:\n  porchlight peer add 192.168.1.20\n  porchlight peer add '[2001:db8::7]:7447'\n",
        .min_words = 1,
        .max_words = 1,
        .run = run_add,
};
