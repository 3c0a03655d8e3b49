/* SPDX-License-Identifier: Apache-2.0 */
#include "node/resolve.h"
#include "base/log.h"
#include "base/text.h"
#include "node/endpoint.h"
#include "node/internal.h"
#include "roster/code.h"

#include <stdlib.h>

#define RUNNING_MAX 8 /* as porchlight-names takes at a time (ASK_MOST) */
#define OTHERS_MOST 4 /* of them names in others' contacts: a person's word, or a ticket's, must not wait for these */
#define PATIENCE_MS 30000 /* libc asks three servers twice, 5 s each, as a rule */
#define IDLE_MS 20000     /* after which the helper ends: a ticket's other names come at once */

struct lookup {
        struct list on;
        struct node *n;
        uint32_t number;
        uint16_t port;
        bool asked;
        mesh_time until; /* of the loop's clock */
        struct command *c;
        void (*none)(struct command *c);
        bool others; /* it stands in the contact of a device: */
        struct key device;
        char name[ENDPOINT_DNS_MAX + 1];
};

/* ---- what comes of one ---- */

static void dial(struct node *n, struct command *c, const struct mesh_addr *addr) {
        struct mesh_event ev = {.type = MESH_EV_DIAL, .dial.addr = *addr};
        if (c)
                node_command(n, c, ev);
        else
                node_feed(n, ev);
}

static unsigned dial_all(struct lookup *k, struct wire_list found) {
        struct wire_addr row;
        unsigned done = 0;
        while (wire_list_next(&wire_addr_desc, &found, &row)) {
                struct mesh_addr addr;
                if (!endpoint_from_wire(&row, &addr))
                        continue;
                addr.port = k->port;
                dial(k->n, TAKE(k->c), &addr);
                done++;
        }
        return done;
}

/* The core knows whose it is, and decides what to do with it. */
static unsigned tell_core(struct lookup *k, struct wire_list found) {
        struct mesh_addr addrs[MESH_ADDRS_MAX];
        struct wire_addr row;
        unsigned n = 0;
        while (n < MESH_ADDRS_MAX && wire_list_next(&wire_addr_desc, &found, &row)) {
                if (!endpoint_from_wire(&row, &addrs[n]))
                        continue;
                addrs[n++].port = k->port;
        }
        if (n)
                node_feed(k->n, (struct mesh_event){.type = MESH_EV_LOOKED_UP,
                                                    .looked_up = {.device = k->device, .addrs = addrs, .n = n}});
        return n;
}

static unsigned use(struct lookup *k, struct wire_list found) {
        return k->others ? tell_core(k, found) : dial_all(k, found);
}

static void take_off(struct lookup *k) {
        k->n->resolver.running--;
        k->n->resolver.others -= k->others;
        list_drop(&k->on);
}

/* Nothing was found. */
static void fail(struct lookup *k, const char *why) {
        take_off(k);
        log_info("%s: %s", k->name, why);
        if (k->none)
                k->none(k->c);
        free(k);
}

static void fail_with(struct lookup *k, struct span why) {
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        text_show(&shown, why.n ? why : SPAN_STR("it has no address"), false);
        fail(k, buf_cstr(&shown));
}

static void set_timer(struct node *n);

static void on_found(struct node *n, const struct wire_names_found *m) {
        LIST_EACH (k, &n->resolver.all, struct lookup, on) {
                if (k->number != m->number || !k->asked)
                        continue;
                if (!WIRE_HAS(m, NAMES_FOUND, addrs) || !use(k, m->addrs)) {
                        fail_with(k, m->problem);
                        break;
                }
                take_off(k);
                free(k);
                break;
        }
        set_timer(n);
}

/* ---- the helper ---- */

static void on_heard(struct helper_link *l, uint8_t number, const union frame_message *m) {
        if (number == NAMES_FOUND)
                on_found(l->n, &m->names_found);
}

static bool ask(struct lookup *k) {
        const struct wire_names_find msg = {.number = k->number, .name = span_str(k->name), .port = k->port};
        k->asked = helper_link_say(&k->n->resolver.link, NAMES_FIND, &msg);
        return k->asked;
}

/* What it was asked is lost with it; what came while it ended goes to the next one. */
static void on_gone(struct helper_link *l) {
        LIST_EACH (k, &l->n->resolver.all, struct lookup, on) {
                if (k->asked)
                        fail(k, "porchlight-names has ended");
                else if (!ask(k))
                        fail(k, "porchlight-names does not start");
        }
        set_timer(l->n);
}

static const struct helper_kind kind = {.program = PORTER_NAMES,
                                        .name = "porchlight-names",
                                        .find = wire_names_find,
                                        .heard = on_heard,
                                        .gone = on_gone};

static void on_timer(uv_timer_t *timer) {
        struct node *n = CONTAINER_OF(timer, struct node, resolver.timer);
        bool stays = false; /* it was left, and does not end */
        if (n->resolver.running == 0)
                helper_link_leave(&n->resolver.link);
        LIST_EACH (k, &n->resolver.all, struct lookup, on) {
                if (k->until > uv_now(n->loop))
                        continue;
                stays |= !k->asked;
                fail(k, "no answer in time");
        }
        if (stays)
                helper_link_kill(&n->resolver.link);
        set_timer(n);
}

/* Lookups stand in the order in which they were begun, and all may take as long. */
static void set_timer(struct node *n) {
        LIST_EACH (k, &n->resolver.all, struct lookup, on) {
                mesh_time now = uv_now(n->loop);
                uv_timer_start(&n->resolver.timer, on_timer, k->until > now ? k->until - now : 1, 0);
                return;
        }
        if (n->resolver.link.alive)
                uv_timer_start(&n->resolver.timer, on_timer, IDLE_MS, 0);
        else
                uv_timer_stop(&n->resolver.timer);
}

/* ---- asking ---- */

/* 0, ERR_NOMEM, ERR_IO. */
static int begin(struct node *n, struct span name, uint16_t port, struct lookup **ret) {
        if (n->resolver.running >= RUNNING_MAX || n->stopping || !endpoint_name_ok(name))
                return ERR_IO;
        struct lookup *k = calloc(1, sizeof(*k));
        if (!k)
                return ERR_NOMEM;
        *k = (struct lookup){.n = n, .port = port, .until = uv_now(n->loop) + PATIENCE_MS};
        k->number = n->resolver.last = n->resolver.last == UINT32_MAX ? 1 : n->resolver.last + 1;
        memcpy(k->name, name.p, name.n);
        if (!ask(k) && !n->resolver.link.open) {
                free(k);
                return ERR_IO;
        }
        list_init(&k->on);
        list_push(&n->resolver.all, &k->on);
        n->resolver.running++;
        set_timer(n);
        *ret = k;
        return 0;
}

int resolve_dial(struct node *n, struct span name, uint16_t port, struct command *c, void (*none)(struct command *c)) {
        struct lookup *k = NULL;
        int r = begin(n, name, port, &k);
        if (r)
                return r;
        k->c = c;
        k->none = none;
        return 0;
}

void resolve_others(struct node *n, const struct key *device, struct wire_list names) {
        struct wire_addr row;
        while (n->resolver.others < OTHERS_MOST && wire_list_next(&wire_addr_desc, &names, &row)) {
                struct lookup *k = NULL;
                if (!WIRE_HAS(&row, ADDR, dns) || begin(n, row.dns, (uint16_t)row.port, &k))
                        continue;
                k->others = true;
                k->device = *device;
                n->resolver.others++;
        }
}

void resolve_forget(struct node *n, const struct command *c) {
        LIST_EACH (k, &n->resolver.all, struct lookup, on) {
                if (k->c != c)
                        continue;
                k->c = NULL;
                k->none = NULL;
        }
}

void resolve_init(struct node *n) {
        list_init(&n->resolver.all);
        helper_link_init(&n->resolver.link, n, &kind);
        uv_timer_init(n->loop, &n->resolver.timer);
}

void resolve_stop(struct node *n) {
        LIST_EACH (k, &n->resolver.all, struct lookup, on) {
                fail(k, "the daemon ends");
        }
        helper_link_kill(&n->resolver.link);
}

bool resolve_gone(const struct node *n) {
        return !n->resolver.link.open;
}

void resolve_close(struct node *n) {
        uv_close((uv_handle_t *)&n->resolver.timer, NULL);
}

static void resolve_addrs(struct node *n, struct wire_list addrs) {
        struct wire_addr row;
        while (wire_list_next(&wire_addr_desc, &addrs, &row))
                if (WIRE_HAS(&row, ADDR, dns))
                        resolve_dial(n, row.dns, (uint16_t)row.port, NULL, NULL);
}

static bool resolve_one(struct node *n, struct span text) {
        struct ticket t;
        struct code c;
        if (ticket_parse(&t, text) == 0) {
                resolve_addrs(n, t.w.addrs);
                ticket_fini(&t);
                return true;
        }
        if (code_parse(&c, text) != 0)
                return false;
        resolve_addrs(n, c.w.addrs);
        code_fini(&c);
        return true;
}

void resolve_ticket(struct node *n, struct span text) {
        bool one = resolve_one(n, text);
        while (!one && text.n) { /* a member's tickets in hand */
                const uint8_t *end = memchr(text.p, '\n', text.n);
                size_t line = end ? (size_t)(end - text.p) : text.n;
                resolve_one(n, span_of(text.p, line));
                text = span_from(text, end ? line + 1 : line);
        }
}
