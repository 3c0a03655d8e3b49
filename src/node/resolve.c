/* SPDX-License-Identifier: Apache-2.0 */
#include "node/resolve.h"
#include "base/log.h"
#include "node/endpoint.h"
#include "node/internal.h"
#include "roster/code.h"

#include <netdb.h>
#include <stdlib.h>

#define RUNNING_MAX 8
#define ANSWERS_MAX 4 /* addresses of one name that are tried */

struct lookup {
        struct list on;
        struct node *n;
        uint16_t port;
        struct command *c;
        void (*none)(struct command *c);
        uv_getaddrinfo_t req;
        char name[ENDPOINT_DNS_MAX + 1];
};

static void dial(struct node *n, struct command *c, const struct mesh_addr *addr) {
        struct mesh_event ev = {.type = MESH_EV_DIAL, .dial.addr = *addr};
        if (c)
                node_command(n, c, ev);
        else
                node_feed(n, ev);
}

static unsigned dial_all(struct lookup *k, const struct addrinfo *found) {
        unsigned done = 0;
        for (const struct addrinfo *ai = found; ai && done < ANSWERS_MAX; ai = ai->ai_next) {
                struct mesh_addr addr;
                if (!endpoint_from_sockaddr(ai->ai_addr, &addr))
                        continue;
                addr.port = k->port;
                dial(k->n, TAKE(k->c), &addr);
                done++;
        }
        return done;
}

static void on_found(uv_getaddrinfo_t *req, int status, struct addrinfo *found) {
        struct lookup *k = CONTAINER_OF(req, struct lookup, req);
        k->n->resolver.running--;
        list_drop(&k->on);
        unsigned done = status == 0 && !k->n->stopping ? dial_all(k, found) : 0;
        if (status)
                log_info("%s: %s", k->name, uv_strerror(status));
        if (done == 0 && k->none)
                k->none(k->c);
        uv_freeaddrinfo(found);
        free(k);
}

int resolve_dial(struct node *n, struct span name, uint16_t port, struct command *c, void (*none)(struct command *c)) {
        const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
        if (n->resolver.running >= RUNNING_MAX || !endpoint_name_ok(name))
                return ERR_IO;
        struct lookup *k = calloc(1, sizeof(*k));
        if (!k)
                return ERR_NOMEM;
        k->n = n;
        k->port = port;
        k->c = c;
        k->none = none;
        memcpy(k->name, name.p, name.n);
        if (uv_getaddrinfo(n->loop, &k->req, on_found, k->name, NULL, &hints)) {
                free(k);
                return ERR_IO;
        }
        list_init(&k->on);
        list_push(&n->resolver.all, &k->on);
        n->resolver.running++;
        return 0;
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
