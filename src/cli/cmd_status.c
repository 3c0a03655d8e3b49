/* SPDX-License-Identifier: Apache-2.0 */
/* status, peers, peer add: how this home is doing, and whom it talks to. */
#include "cli/commands.h"

#include "base/text.h"
#include "base/when.h"
#include "cli/address.h"
#include "cli/clips.h"
#include "cli/outside.h"

#define LABEL_COLUMNS 11
#define WHO_COLUMNS 27
#define ADDRESS_COLUMNS 23
#define LINK_COLUMNS 4
#define DETAIL_INDENT 6 /* below the table's second column */

/* ---- status ---- */

static void line(struct cli *c, const char *label, struct buf *v) {
        _clean_(buf_fini) struct buf wrapped = BUF_NULL;
        layout_wrap(&wrapped, buf_span(v), LABEL_COLUMNS, CLI_COLUMNS);
        layout_word(&c->out, label, LABEL_COLUMNS);
        buf_add(&c->out, span_from(buf_span(&wrapped), LABEL_COLUMNS));
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
        line(c, _("mesh"), v);
        if (!WIRE_HAS(s, C_STATUS, household))
                return;
        buf_add(v, s->household);
        buf_add_str(v, _(", device "));
        buf_add(v, s->device);
        if (WIRE_HAS(s, C_STATUS, household_id)) {
                buf_add_str(v, _(", id "));
                layout_id(v, s->household_id);
        }
        line(c, _("this home"), v);
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
                line(c, _("listens on"), v);
}

static void status_outside(struct cli *c, const struct wire_c_status *s, struct buf *v) {
        _clean_(buf_fini) struct buf fix = BUF_NULL;
        if (!outside_words(s, v, &fix))
                return;
        if (fix.n)
                buf_printf(v, _("; fix: %s"), buf_cstr(&fix));
        line(c, _("outside"), v);
}

static void status_routers(struct cli *c, const struct wire_c_status *s, struct buf *v) {
        if (WIRE_HAS(s, C_STATUS, stun))
                buf_printf(v, _("tells other homes how their routers show them (UDP port %u)"), (unsigned)s->stun);
        else if (WIRE_HAS(s, C_STATUS, stun_error))
                buf_printf(v, _("cannot tell other homes how their routers show them: %s"),
                           strerror((int)s->stun_error));
        else if (WIRE_HAS(s, C_STATUS, meets) && !s->meets)
                buf_add_str(
                        v,
                        _("porchlight-ice is missing: homes behind routers are reached by way of other homes alone"));
        if (WIRE_HAS(s, C_STATUS, helper_deaths)) {
                buf_add_str(v, v->n ? "; " : "");
                buf_printf(v, _("porchlight-ice has ended by itself, times: %u"), (unsigned)s->helper_deaths);
        }
        if (v->n)
                line(c, _("routers"), v);
}

static void status_alerts(struct cli *c, const struct wire_c_status *s, struct buf *v) {
        layout_count(v, s->alerts, "alert", "alerts");
        buf_add_str(v, _(" in force"));
        if (s->unsent) {
                buf_add_str(v, "; ");
                layout_count(v, s->unsent, "own post is", "own posts are");
                buf_add_str(v, _(" NOT SENT yet"));
        }
        line(c, _("alerts"), v);
}

/* Being hidden hides the address from all but those it calls: that is said each time. */
static void status_relays(struct cli *c, const struct wire_c_status *s, struct buf *v) {
        if (WIRE_HAS(s, C_STATUS, hidden)) {
                layout_count(v, s->doorsteps, "home sees its address, and no other",
                             "homes see its address, and no others");
                line(c, _("hidden"), v);
        }
        if (!WIRE_HAS(s, C_STATUS, relayed) || (!s->relayed && !s->relaying))
                return;
        layout_count(v, s->relaying, "pair of homes now", "pairs of homes now");
        buf_add_str(v, "; ");
        text_size(v, s->relayed);
        buf_add_str(v, _(" today, of "));
        text_size(v, s->relay_quota);
        line(c, _("passes on"), v);
}

static void status_text(struct cli *c, const struct wire_c_status *s) {
        _clean_(buf_fini) struct buf v = BUF_NULL, when = BUF_NULL;
        status_home(c, s, &v);
        layout_fresh(&v, s, c->now);
        line(c, _("replica"), &v);
        if (WIRE_HAS(s, C_STATUS, problem)) {
                cli_words(&v, s->problem);
                line(c, _("problem"), &v);
        }
        if (WIRE_HAS(s, C_STATUS, home)) {
                buf_add(&v, s->home);
                line(c, _("place"), &v);
        }
        if (s->state == FRESH_NO_MESH) {
                buf_add_str(&v, _("found a mesh with `porchlight mesh create`, or use an invite: `porchlight join`"));
                line(c, _("next"), &v);
        } else if (s->state == FRESH_JOINING) {
                buf_add_str(&v,
                            _("it goes on by itself; `porchlight join` takes another ticket, `porchlight mesh leave` "
                              "gives it up"));
                line(c, _("next"), &v);
        } else {
                if (s->homes > 1) {
                        layout_count(&v, s->links, "link to a neighbour", "links to neighbours");
                        line(c, _("links"), &v);
                }
                status_alerts(c, s, &v);
        }
        status_relays(c, s, &v);
        if (WIRE_HAS(s, C_STATUS, uninvited)) {
                buf_printf(&v,
                           _("the device %.*s came in on a device code that was taken back; "
                             "`porchlight device revoke` puts it out"),
                           (int)s->uninvited.n, (const char *)s->uninvited.p);
                line(c, _("UNINVITED"), &v);
        }
        if (WIRE_HAS(s, C_STATUS, damaged)) {
                buf_add_str(&v, _("a part of it cannot be read any more; start the daemon again"));
                line(c, _("STORE"), &v);
        } else if (WIRE_HAS(s, C_STATUS, salvaged) && c->now < s->salvaged + SALVAGE_TOLD) {
                when_local(&when, s->salvaged, c->now);
                buf_printf(&v, _("the disk had damaged a part of it; made whole again %s"), buf_cstr(&when));
                line(c, _("store"), &v);
                buf_clear(&when);
        }
        if (WIRE_HAS(s, C_STATUS, code) && c->now >= s->code + CODE_OLD) {
                when_local(&when, s->code, c->now);
                buf_printf(&v, _("nobody has used the device code of %s yet; see `porchlight device codes`"),
                           buf_cstr(&when));
                line(c, _("code"), &v);
        }
        if (WIRE_HAS(s, C_STATUS, waiting)) {
                layout_count(&v, s->waiting, "home you invited waits", "homes you invited wait");
                buf_add_str(&v, _(" for a place; see `porchlight member list`"));
                line(c, _("waiting"), &v);
        }
        if (WIRE_HAS(s, C_STATUS, policy_asleep)) {
                policy_asleep_text(&v, s->policy_asleep, c->now);
                line(c, _("POLICY"), &v);
        }
        if (WIRE_HAS(s, C_STATUS, muted)) {
                buf_add(&v, s->muted);
                line(c, _("muted"), &v);
        }
        if (WIRE_HAS(s, C_STATUS, backup)) {
                when_local(&v, s->backup, c->now);
                line(c, _("backup"), &v);
        }
        status_listen(c, s, &v);
        status_outside(c, s, &v);
        status_routers(c, s, &v);
        buf_add(&v, s->data);
        line(c, _("folder"), &v);
        when_local(&v, c->now, c->now);
        buf_add_str(&v, _(" on this machine; daemon "));
        buf_add(&v, s->version);
        line(c, _("clock"), &v);
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
        .brief = N_("how this home is doing"),
        .help = N_("The mesh, whether what this home knows is current, links, alerts, what is muted,\n"
                   "when the newest backup was made, whether homes outside this Wi-Fi can reach\n"
                   "this one, folder.\n"
                   "\nExample:\n  porchlight status --json | jq -r .state\n"),
        .run = run_status,
};

/* ---- peers ---- */

/* Which kinds of addresses the way goes by. */
static void peer_way(struct cli *c, const struct wire_c_peer_row *p) {
        _clean_(buf_fini) struct buf v = BUF_NULL;
        uint64_t way = WIRE_HAS(p, C_PEER_ROW, way) ? p->way : WAY_TCP;
        if (way != WAY_ROUTERS && way != WAY_RELAY)
                return;
        if (WIRE_HAS(p, C_PEER_ROW, by)) {
                buf_add_str(&v, _("no direct way; bytes are passed on by "));
                buf_add(&v, p->by);
        } else
                buf_add_str(&v, way == WAY_RELAY ? _("through a member's home that passes bytes on")
                                                 : _("through routers"));
        if (WIRE_HAS(p, C_PEER_ROW, here) && WIRE_HAS(p, C_PEER_ROW, there)) {
                buf_add_str(&v, _("; here "));
                layout_enum(&v, &wire_candidate_enum, p->here);
                buf_add_str(&v, _(", there "));
                layout_enum(&v, &wire_candidate_enum, p->there);
        }
        layout_wrap(&c->out, buf_span(&v), DETAIL_INDENT, CLI_COLUMNS);
}

static void peer_line(struct cli *c, const struct wire_c_peer_row *p) {
        _clean_(buf_fini) struct buf v = BUF_NULL;
        bool footage = WIRE_HAS(p, C_PEER_ROW, footage);
        layout_word(&c->out, footage ? _("film") : p->up ? _("up") : _("DOWN"), LINK_COLUMNS);
        buf_add_str(&c->out, "  ");
        buf_add(&v, p->household);
        if (p->device.n) {
                buf_add_str(&v, " / ");
                buf_add(&v, p->device);
        }
        layout_cell(&c->out, v.n ? buf_span(&v) : span_str(_("(not known yet)")), WHO_COLUMNS);
        buf_add_str(&c->out, "  ");
        layout_word(&c->out, p->outbound ? _("to") : _("from"), LINK_COLUMNS);
        buf_add_u8(&c->out, ' ');
        layout_cell(&c->out, p->address, ADDRESS_COLUMNS);
        buf_add_u8(&c->out, ' ');
        if (WIRE_HAS(p, C_PEER_ROW, since))
                when_local(&c->out, p->since, c->now);
        layout_trim(&c->out);
        buf_add_u8(&c->out, '\n');
        if (text_columns(p->address) > ADDRESS_COLUMNS) /* as IPv6 ones are: it was cut above */
                layout_wrap(&c->out, p->address, DETAIL_INDENT, CLI_COLUMNS);
        if (WIRE_HAS(p, C_PEER_ROW, visit))
                layout_wrap(&c->out, span_str(_("a visit: both compare what they have, and it goes")), DETAIL_INDENT,
                            CLI_COLUMNS);
        peer_way(c, p);
        if (!WIRE_HAS(p, C_PEER_ROW, problem) || !p->problem.n)
                return;
        buf_clear(&v);
        cli_words(&v, p->problem);
        layout_wrap(&c->out, buf_span(&v), DETAIL_INDENT, CLI_COLUMNS);
}

static void peer_head(struct buf *out) {
        layout_word(out, _("LINK"), LINK_COLUMNS + 2);
        layout_word(out, _("HOME / DEVICE"), WHO_COLUMNS + 2 + LINK_COLUMNS + 1);
        layout_word(out, _("ADDRESS"), ADDRESS_COLUMNS + 1);
        buf_printf(out, "%s\n", _("SINCE"));
}

static int row_peer(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg;
        if (row->number != CONTROL_PEER_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        if (!*any)
                peer_head(&c->out);
        *any = true;
        peer_line(c, &row->m->c_peer_row);
        return cli_flush(c);
}

static int run_peers(struct cli *c, const struct args *a) {
        (void)a;
        return cli_list(c, CONTROL_PEERS, row_peer,
                        _("No links yet. `porchlight peer add HOST` says where to knock.\n"));
}

const struct command command_peers = {
        .name = "peers",
        .synopsis = "",
        .brief = N_("the links to neighbours"),
        .help = N_("A home keeps a few links; alerts reach all others over them. \"to\" was dialled\n"
                   "from here, \"from\" came in. A link that says \"film\" is there for clips alone, and\n"
                   "goes when nothing is left to say; this home's owner alone sees those.\n"),
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
        buf_add_str(&c->out, c->json ? "{\"v\":1,\"added\":true}\n"
                                     : _("Added. `porchlight peers` shows whether it answers.\n"));
        return 0;
}

const struct command command_peer_add = {
        .group = "peer",
        .name = "add",
        .synopsis = "HOST[:PORT]",
        .brief = N_("say where a neighbour's daemon can be reached"),
        .help = N_("For networks in which homes do not find each other. Only members of the same\n"
                   "mesh can use such a link; anybody else gets no answer. HOST is an address or a\n"
                   "name, an IPv6 address in brackets; without a port it is 7345.\n"
                   "\nExamples:\n  porchlight peer add 192.168.1.20\n  porchlight peer add '[2001:db8::7]:7447'\n"),
        .min_words = 1,
        .max_words = 1,
        .run = run_add,
};
