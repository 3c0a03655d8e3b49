/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/outside.h"

#include "cli/commands.h"

#define LOOPBACK4 127

static bool loopback(const struct wire_addr *a) {
        static const uint8_t one[16] = {[15] = 1};
        if (WIRE_HAS(a, ADDR, ip4))
                return a->ip4.p[0] == LOOPBACK4;
        if (WIRE_HAS(a, ADDR, ip6))
                return memcmp(a->ip6.p, one, sizeof(one)) == 0;
        return false;
}

uint64_t outside_port(const struct wire_c_status *s, bool *ret_any) {
        struct wire_list list = s->listen;
        struct wire_addr a;
        uint64_t port = 0;
        *ret_any = false;
        while (wire_list_next(&wire_addr_desc, &list, &a)) {
                *ret_any = true;
                if (!loopback(&a) && !port)
                        port = a.port;
        }
        return port;
}

/* What the router said settles what can be done about it; 0: nothing. */
static enum wire_e_unmapped why_not(const struct wire_c_status *s) {
        return WIRE_HAS(s, C_STATUS, unmapped) ? (enum wire_e_unmapped)s->unmapped : 0;
}

static enum wire_e_unmapped why_not6(const struct wire_c_status *s) {
        return WIRE_HAS(s, C_STATUS, unmapped6) ? (enum wire_e_unmapped)s->unmapped6 : 0;
}

static void fix_router(enum wire_e_unmapped why, unsigned long long port, struct buf *fix) {
        if (why == UNMAPPED_OFF)
                buf_printf(fix,
                           _("forward TCP port %llu to this machine in the router, or let this home ask it: "
                             "`porchlight config set reach.mapping yes`"),
                           port);
        else if (why == UNMAPPED_ABSENT)
                buf_printf(fix,
                           _("forward TCP port %llu to this machine in the router; porchlight-router, which could ask "
                             "it to, is missing"),
                           port);
        else if (why == UNMAPPED_LIES)
                buf_printf(fix,
                           _("the router names another address than neighbours see; forward TCP port %llu to this "
                             "machine in it, and in any router before it"),
                           port);
        else
                buf_printf(fix,
                           _("forward TCP port %llu to this machine in the router, or switch PCP, NAT-PMP or UPnP on "
                             "there"),
                           port);
}

/* A public address is of no use where a firewall stands in front of it. */
static void fix_firewall(enum wire_e_unmapped why, unsigned long long port, struct buf *fix) {
        if (why == UNMAPPED_OFF)
                buf_printf(fix,
                           _("let TCP port %llu in to this machine over IPv6, in the router's firewall, or let this "
                             "home ask it: `porchlight config set reach.mapping yes`"),
                           port);
        else if (why && why != UNMAPPED_ABSENT && why != UNMAPPED_NO_ROUTER)
                buf_printf(fix,
                           _("let TCP port %llu in to this machine over IPv6, in the router's firewall, or switch PCP "
                             "or UPnP on there"),
                           port);
        else
                buf_printf(fix, _("let TCP port %llu in, in the firewalls of the router and of this machine"), port);
}

/* What would let in the homes that have no IPv6, where all others get in. */
static void fix_four(enum wire_e_unmapped why, unsigned long long port, struct buf *fix) {
        if (why == UNMAPPED_CARRIER)
                buf_add_str(fix, _("for homes without IPv6 ask the provider for a public IPv4 address, or invite a "
                                   "neighbour whom they can reach, through whom they hear you"));
        else if (!why || why == UNMAPPED_NO_ROUTER)
                buf_add_str(fix, _("for homes without IPv6 invite a neighbour whom they can reach, through whom they "
                                   "hear you"));
        else if (why == UNMAPPED_OFF || why == UNMAPPED_ABSENT ||
                 why == UNMAPPED_LIES) /* it gives none, or none of use */
                buf_printf(fix, _("for homes without IPv6 forward TCP port %llu to this machine in the router"), port);
        else
                buf_printf(fix,
                           _("for homes without IPv6 forward TCP port %llu to this machine in the router, or switch "
                             "PCP, NAT-PMP or UPnP on there"),
                           port);
}

/* What holds for homes that have IPv6. */
static void words_of6(const struct wire_c_status *s, unsigned long long port, struct buf *what, struct buf *fix) {
        if (s->reach == REACH_YES)
                buf_add_str(what, _("homes outside this Wi-Fi that have IPv6 can reach you"));
        else if (s->reach == REACH_MAPPED)
                buf_add_str(what, _("homes outside this Wi-Fi that have IPv6 can reach you, as the router says; nobody "
                                    "has yet"));
        else
                buf_add_str(what, _("whether homes outside this Wi-Fi that have IPv6 can reach you is not known: "
                                    "nobody has yet"));
        if (s->reach == REACH_PUBLIC)
                fix_firewall(why_not6(s), port, fix);
        else
                fix_four(why_not(s), port, fix);
}

static void words_of(const struct wire_c_status *s, unsigned long long port, struct buf *what, struct buf *fix) {
        switch ((enum wire_e_reach)s->reach) {
        case REACH_YES:
                buf_add_str(what, _("homes outside this Wi-Fi can reach you"));
                return;
        case REACH_MAPPED:
                buf_add_str(what, _("homes outside this Wi-Fi can reach you, as the router says; nobody has yet"));
                return;
        case REACH_PUBLIC:
                buf_add_str(what, _("whether homes outside this Wi-Fi can reach you is not known: nobody has yet"));
                buf_printf(fix, _("let TCP port %llu in, in the firewalls of the router and of this machine"), port);
                return;
        case REACH_TOLD: /* which a name may be that leads elsewhere, or a port that nobody forwards */
                buf_add_str(what, _("whether homes outside this Wi-Fi can reach you is not known: nobody has yet"));
                buf_printf(
                        fix,
                        _("see that what `porchlight config get advertise` says leads to your router, and from there "
                          "to TCP port %llu of this machine"),
                        port);
                return;
        case REACH_ROUTER:
                buf_add_str(what, _("homes outside this Wi-Fi cannot reach you"));
                fix_router(why_not(s), port, fix);
                return;
        case REACH_CARRIER:
                buf_add_str(what, _("homes outside this Wi-Fi cannot reach you: the router has no public address"));
                buf_add_str(fix, _("ask the provider for one, IPv6 will do; or invite a neighbour who can be reached, "
                                   "through whom the others hear you"));
                return;
        case REACH_HERE:
                buf_add_str(what, _("no other machine can reach you"));
                buf_add_str(fix, _("start porchlightd without --listen, or with an address of this machine's network"));
                return;
        }
}

/* Nobody is to reach that but by those it calls; where there are none, its tickets name no address either. */
static void words_of_hidden(const struct wire_c_status *s, struct buf *what, struct buf *fix) {
        if (s->doorsteps || s->state == FRESH_NO_MESH || s->state == FRESH_JOINING)
                return;
        buf_add_str(what, _("nobody can reach you: this home is hidden, and it reaches none that passes bytes on"));
        buf_add_str(fix,
                    _("ask a neighbour who can be reached to give some (`relay.quota`), or tell where this home is: "
                      "`porchlight config set reach.hidden no`"));
}

bool outside_words(const struct wire_c_status *s, struct buf *ret_what, struct buf *ret_fix) {
        bool any;
        unsigned long long port = outside_port(s, &any);
        if (!WIRE_HAS(s, C_STATUS, reach))
                return false;
        if (WIRE_HAS(s, C_STATUS, hidden))
                words_of_hidden(s, ret_what, ret_fix);
        else if (WIRE_HAS(s, C_STATUS, only6))
                words_of6(s, port, ret_what, ret_fix);
        else
                words_of(s, port, ret_what, ret_fix);
        return ret_what->n > 0;
}

static int row_note(struct cli *c, const struct call_row *row, void *arg) {
        _clean_(buf_fini) struct buf what = BUF_NULL, fix = BUF_NULL;
        (void)arg;
        if (row->number != CONTROL_STATUS_ROW || !outside_words(&row->m->c_status, &what, &fix) ||
            (row->m->c_status.reach == REACH_HERE && !WIRE_HAS(&row->m->c_status, C_STATUS, hidden)))
                return 0; /* who said so knows it */
        if (fix.n)
                cli_note(c, "%s; fix: %s", buf_cstr(&what), buf_cstr(&fix));
        else
                cli_note(c, "%s", buf_cstr(&what));
        return 0;
}

void outside_note(struct cli *c) {
        struct wire_c_none none = {0};
        if (!c->json)
                (void)cli_ask(c, CONTROL_STATUS, &none, row_note, NULL);
}
