/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's side of porchlight-ice (node/ice.c and the connections that come of it) with a loop of its own, a helper at the other
 * end of the real socketpair that says whatever its user has it say, and in place of the core a list of what the core hears.
 * What starts processes is here a pair of sockets.
 */
#pragma once

#include "node/internal.h"
#include "node/porter.h"
#include "wire/frame.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ICE_HEARD_MAX 512

struct ice_heard {
        enum mesh_event_type type;
        mesh_link link;
        struct mesh_addr addr;
        bool dialled, lan;
        uint8_t number;
        size_t n; /* bytes: of a map, of what came, of a backlog */
        uint8_t bytes[256];
};

static struct ice_world {
        uv_loop_t loop;
        struct node *n;
        char buffer[64 * 1024];
        bool has, starts; /* the program is there; it can be started */
        int helper;       /* the other end of its stream; -1: it does not run */
        int helper6;      /* the same of the second porchlight-router */
        uint16_t port;    /* that this home listens at */
        int stream;       /* of the last MEET that was read; -1: none */
        unsigned started, killed, looked;
        unsigned kept;          /* settings given to the store … */
        uint8_t bytes_kept[64]; /* … and the last of them */
        struct ice_heard heard[ICE_HEARD_MAX];
        size_t n_heard;
} ice_world;

/* ---- what the node would do ---- */

void node_feed(_unused_ struct node *n, struct mesh_event ev) {
        struct ice_heard *h = &ice_world.heard[ice_world.n_heard % ICE_HEARD_MAX];
        ice_world.n_heard++;
        *h = (struct ice_heard){.type = ev.type, .link = ev.link};
        struct span bytes = ev.type == MESH_EV_RECV ? ev.recv : ev.type == MESH_EV_MET ? ev.met.map : SPAN_NONE;
        h->n = bytes.n;
        if (bytes.n)
                memcpy(h->bytes, bytes.p, MIN(bytes.n, sizeof(h->bytes)));
        if (ev.type == MESH_EV_MET)
                h->number = ev.met.number;
        if (ev.type == MESH_EV_WRITABLE)
                h->n = ev.writable.backlog;
        if (ev.type == MESH_EV_HELPER)
                h->dialled = ev.helper.there;
        if (ev.type == MESH_EV_LINK_UP) {
                h->addr = ev.up.addr;
                h->dialled = ev.up.dialled;
                h->lan = ev.up.lan;
        }
}

uv_buf_t node_read_buffer(_unused_ struct node *n) {
        return uv_buf_init(ice_world.buffer, sizeof(ice_world.buffer));
}

const char *node_enum_doc(_unused_ const struct wire_enum *e, _unused_ uint64_t value) {
        return "";
}

void listen_look(_unused_ struct node *n) {
        ice_world.looked++;
}

void writer_set(_unused_ struct node *n, _unused_ const char *name, struct span value) {
        REQUIRE(value.n <= sizeof(ice_world.bytes_kept));
        memcpy(ice_world.bytes_kept, value.p, value.n);
        ice_world.kept++;
}

bool listen_is_lan(_unused_ const struct node *n, _unused_ const struct mesh_addr *a) {
        return true;
}

uint16_t listen_port_at(_unused_ const struct node *n, _unused_ const struct mesh_addr *addr) {
        return ice_world.port;
}

mesh_wall node_wall(void) {
        return 0;
}

bool porter_has(_unused_ int fd, _unused_ enum porter_program which) {
        return ice_world.has;
}

static int *ice_world_end_of(enum porter_program which) {
        return which == PORTER_ROUTER6 ? &ice_world.helper6 : &ice_world.helper;
}

int porter_run(_unused_ int fd, enum porter_program which, int *ret_stream) {
        int ends[2];
        if (!ice_world.has)
                return PORTER_E_NONE;
        if (!ice_world.starts || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
                return ERR_IO;
        ice_world.started++;
        *ice_world_end_of(which) = ends[1];
        *ret_stream = ends[0];
        return 0;
}

void porter_stop(_unused_ int fd, enum porter_program which) {
        int *end = ice_world_end_of(which);
        if (*end < 0)
                return;
        ice_world.killed++;
        close(*end);
        *end = -1;
}

/* ---- the loop ---- */

static inline void ice_world_begin(void) {
        ice_world = (struct ice_world){.has = true, .starts = true, .helper = -1, .helper6 = -1, .stream = -1};
        REQUIRE(uv_loop_init(&ice_world.loop) == 0);
        ice_world.n = calloc(1, sizeof(*ice_world.n));
        REQUIRE(ice_world.n);
        ice_world.n->loop = &ice_world.loop;
        conns_init(ice_world.n);
        ice_init(ice_world.n);
        ice_look(ice_world.n);
}

/* Until nothing more is to be read or written. */
static inline void ice_world_turn(void) {
        for (int i = 0; i < 16; i++) {
                uv_run(&ice_world.loop, UV_RUN_NOWAIT);
                conns_flush(ice_world.n);
        }
}

static inline void ice_world_end(void) {
        struct node *n = ice_world.n;
        n->stopping = true;
        conns_stop(n);
        ice_stop(n);
        n->closed = true;
        conns_close(n);
        ice_close(n);
        uv_run(&ice_world.loop, UV_RUN_DEFAULT);
        REQUIRE(uv_loop_close(&ice_world.loop) == 0); /* no handle is left open */
        REQUIRE(n->ice.n_meetings == 0 && n->ice.n_links == 0);
        if (ice_world.helper >= 0)
                close(ice_world.helper);
        if (ice_world.helper6 >= 0)
                close(ice_world.helper6);
        if (ice_world.stream >= 0)
                close(ice_world.stream);
        free(n);
}

/* ---- the helper ---- */

static inline void ice_world_write(struct span bytes) {
        if (ice_world.helper >= 0)
                (void)!send(ice_world.helper, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static inline void ice_world_say(enum wire_ice number, const void *msg) {
        struct buf out = BUF_NULL;
        frame_put(&out, wire_ice_find(number), msg);
        REQUIRE(buf_ok(&out));
        ice_world_write(buf_span(&out));
        buf_fini(&out);
        ice_world_turn();
}

/* The next message of the daemon's, its spans in @room; with MEET comes `stream`. False: there is none. */
static inline bool ice_world_read(uint8_t *room, size_t size, enum wire_ice *ret, union frame_message *ret_msg) {
        union {
                struct cmsghdr head;
                char bytes[CMSG_SPACE(sizeof(int))];
        } with = {.bytes = {0}};
        uint8_t head[4];
        struct iovec iov = {head, sizeof(head)};
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = with.bytes, .msg_controllen = sizeof(with)};
        if (ice_world.helper < 0 || recvmsg(ice_world.helper, &m, MSG_DONTWAIT) != sizeof(head))
                return false;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (c && c->cmsg_type == SCM_RIGHTS) {
                if (ice_world.stream >= 0)
                        close(ice_world.stream);
                memcpy(&ice_world.stream, CMSG_DATA(c), sizeof(int));
        }
        size_t n = get_be32(head);
        const struct wire_number *row;
        REQUIRE(n <= size && recv(ice_world.helper, room, n, MSG_DONTWAIT) == (ssize_t)n);
        REQUIRE(frame_read(span_of(room, n), wire_ice_find, &row, ret_msg, NULL) == 0);
        *ret = (enum wire_ice)row->number;
        return true;
}
