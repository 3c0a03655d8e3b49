/* SPDX-License-Identifier: Apache-2.0 */
#include "node/ice.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "node/endpoint.h"
#include "node/internal.h"
#include "node/porter.h"
#include "wire/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAM "porchlight-ice"
#define IN_MAX (128 * 1024) /* its longest message has 192 bytes; one read brings 64 KiB at most */
#define OUT_MAX (64 * 1024) /* bytes that it may leave unread */
#define REST_FIRST 1000     /* ms before the next one is started, doubled each time */
#define REST_MOST 60000
#define REST_DOUBLINGS 6
#define LIVED_WELL 60000   /* ms after which a death counts as the first again */
#define IDLE_TIME 60000    /* ms with nothing to do: the next meeting is mostly soon after the last, or not at all */
#define MEETING_TIME 60000 /* ms: the helper itself gives one up after 40 s */
#define IP4_BYTES 4
#define IP6_BYTES 16
#define CANDIDATES_MOST 64 /* of one meeting: the addresses of a machine, and as doorsteps see them */
#define LATE_MOST 4096 /* messages about each meeting that is over here: ARRIVED comes every 4 ms until it has heard */

struct meeting {
        struct list on;
        mesh_link number;
        bool calls, words, all;
        unsigned candidates;
        int fd; /* the daemon's end of the stream */
        mesh_time until;
};

static struct node *node_of(struct ice *i) {
        return CONTAINER_OF(i, struct node, ice);
}

static mesh_time now(struct ice *i) {
        return uv_now(node_of(i)->loop);
}

/* ---- meetings ---- */

static struct meeting *find(struct ice *i, uint64_t number) {
        LIST_EACH (m, &i->meetings, struct meeting, on) {
                if (m->number == number)
                        return m;
        }
        return NULL;
}

static struct meeting *meeting_free(struct ice *i, struct meeting *m) {
        list_drop(&m->on);
        i->n_meetings--;
        file_close(&m->fd);
        free(m);
        return NULL;
}

static void tell_down(struct ice *i, mesh_link number) {
        node_feed(node_of(i), (struct mesh_event){.type = MESH_EV_LINK_DOWN, .link = number});
}

static void meeting_lost(struct ice *i, struct meeting *m) {
        mesh_link number = m->number;
        meeting_free(i, m);
        tell_down(i, number);
}

/* ---- what is due, and when ---- */

static void on_timer(uv_timer_t *timer);

static bool is_wanted(const struct ice *i) {
        return i->n_meetings || i->n_links || i->serve;
}

static mesh_time sooner(mesh_time a, mesh_time b) {
        return b && b < a ? b : a;
}

/* Meetings are in the order in which they end. */
static mesh_time next_due(const struct ice *i) {
        mesh_time at = sooner(MESH_NEVER, i->idle_by);
        if (!list_empty(&i->meetings))
                at = sooner(at, CONTAINER_OF(i->meetings.next, struct meeting, on)->until);
        if (i->serve && !i->open && i->there)
                at = MIN(at, i->rest);
        return at;
}

/* After anything that changes what it has to do. */
static void settle(struct ice *i) {
        if (!i->alive || is_wanted(i))
                i->idle_by = 0;
        else if (!i->idle_by)
                i->idle_by = now(i) + IDLE_TIME;
        mesh_time at = i->stopping ? MESH_NEVER : next_due(i);
        if (at == MESH_NEVER)
                uv_timer_stop(&i->timer);
        else
                uv_timer_start(&i->timer, on_timer, at > now(i) ? at - now(i) : 0, 0);
}

/* ---- its end ---- */

/* The handle is closed: only now may it be used anew. */
static void on_closed(uv_handle_t *handle) {
        struct ice *i = CONTAINER_OF(handle, struct ice, pipe);
        sink_fini(&i->out);
        buf_fini(&i->in);
        i->open = false;
        if (!node_of(i)->closed)
                settle(i);
}

/* It holds nothing that could be lost, and is ended rather than asked to. */
static void hang_up(struct ice *i) {
        struct node *n = node_of(i);
        i->alive = false;
        i->serving = 0;
        porter_stop(n->porter, PORTER_ICE);
        if (i->open && !uv_is_closing((uv_handle_t *)&i->pipe))
                uv_close((uv_handle_t *)&i->pipe, on_closed);
        while (!list_empty(&i->meetings))
                meeting_lost(i, CONTAINER_OF(i->meetings.next, struct meeting, on));
        if (!n->closed)
                settle(i);
}

/* Its links hear of it by the ends of their streams. */
static void died(struct ice *i, const char *how) {
        if (i->stopping) {
                hang_up(i);
                return;
        }
        if (now(i) - i->since >= LIVED_WELL)
                i->failures = 0;
        mesh_time rest = MIN((mesh_time)REST_FIRST << MIN(i->failures, (unsigned)REST_DOUBLINGS), (mesh_time)REST_MOST);
        i->failures++;
        i->deaths++;
        i->rest = now(i) + rest;
        log_warning("%s %s: %zu links through it are lost and %zu meetings given up; it may be started again in %llu s",
                    PROGRAM, how, i->n_links, i->n_meetings, (unsigned long long)(rest / 1000));
        hang_up(i);
}

/* ---- what it is told ---- */

/* on_read() hears of the end with the next turn of the loop, when nobody is in the middle of saying more. */
static void break_off(struct ice *i) {
        uv_os_fd_t fd;
        if (i->deaf)
                return;
        i->deaf = true;
        log_warning("%s does not take messages; hanging up on it", PROGRAM);
        if (uv_fileno((uv_handle_t *)&i->pipe, &fd) == 0)
                shutdown(fd, SHUT_RDWR);
}

static void say(struct ice *i, enum wire_ice number, const void *msg) {
        if (!i->alive || i->deaf)
                return;
        frame_put(sink_buf(&i->out), wire_ice_find(number), msg);
        if (sink_flush(&i->out))
                break_off(i);
}

static void say_end(struct ice *i, mesh_link number) {
        const struct wire_ice_end end = {.meeting = number};
        say(i, ICE_END, &end);
}

static void say_serve(struct ice *i) {
        const struct wire_ice_serve msg = {.port = i->serve};
        i->orders++;
        say(i, ICE_SERVE, &msg);
}

/* Past the sink, which knows of no descriptors: false where something waits there, for then the helper does not read what it
 * is told, and will do no better with this. */
static bool say_with(struct ice *i, struct span frame, int with) {
        union {
                struct cmsghdr head;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = {.bytes = {0}};
        struct iovec iov = {(void *)(uintptr_t)frame.p, frame.n};
        struct msghdr msg = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control)};
        uv_os_fd_t fd;
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &with, sizeof(with));
        return !i->deaf && sink_waiting(&i->out) == 0 && uv_fileno((uv_handle_t *)&i->pipe, &fd) == 0 &&
               sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)frame.n;
}

/* ---- what it says ---- */

static void give_to_core(struct ice *i, mesh_link number, uint8_t row, struct span map) {
        node_feed(node_of(i), (struct mesh_event){.type = MESH_EV_MET, .link = number, .met = {row, map}});
}

/* A meeting that was given up here may still be spoken of. False: so much there cannot be to say. */
static bool heard_late(struct ice *i) {
        return i->late++ < LATE_MOST * i->begun;
}

static bool heard_words(struct ice *i, uint64_t number, struct span map) {
        struct meeting *m = find(i, number);
        if (!m)
                return heard_late(i);
        bool first = !m->words;
        m->words = true;
        if (first)
                give_to_core(i, m->number, ICE_WORDS, map);
        return first;
}

static bool heard_candidate(struct ice *i, uint64_t number, struct span map) {
        struct meeting *m = find(i, number);
        if (!m)
                return heard_late(i);
        bool ok = m->words && !m->all && ++m->candidates <= CANDIDATES_MOST;
        if (ok)
                give_to_core(i, m->number, ICE_CANDIDATE, map);
        return ok;
}

static bool heard_all(struct ice *i, uint64_t number, struct span map) {
        struct meeting *m = find(i, number);
        if (!m)
                return heard_late(i);
        bool ok = m->words && !m->all;
        m->all = true;
        if (ok)
                give_to_core(i, m->number, ICE_ALL, map);
        return ok;
}

static bool place_read(const struct wire_list *list, struct mesh_addr *ret) {
        struct wire_list rest = *list;
        struct wire_ice_place p;
        struct wire_addr a = {0};
        if (!wire_list_next(&wire_ice_place_desc, &rest, &p))
                return false;
        a.port = WIRE_HAS(&p, ICE_PLACE, port) ? p.port : 0;
        if (p.ip.n == IP4_BYTES)
                WIRE_PUT(&a, ADDR, ip4, p.ip);
        else if (p.ip.n == IP6_BYTES)
                WIRE_PUT(&a, ADDR, ip6, p.ip);
        return endpoint_from_wire(&a, ret);
}

static bool heard_up(struct ice *i, const struct wire_ice_up *msg) {
        struct meeting *m = find(i, msg->meeting);
        struct conn_meeting way = {.here = msg->here, .there = msg->there};
        if (!m)
                return heard_late(i);
        if (!m->words || !place_read(&msg->place, &way.addr) ||
            (WIRE_HAS(msg, ICE_UP, own) && !place_read(&msg->own, &way.own)))
                return false;
        mesh_link number = m->number;
        int fd = m->fd;
        way.calls = m->calls;
        m->fd = -1;
        meeting_free(i, m);
        if (conn_met(node_of(i), number, &way, fd))
                i->n_links++;
        settle(i);
        return true;
}

static bool heard_end(struct ice *i, const struct wire_ice_end *msg) {
        struct meeting *m = find(i, msg->meeting);
        if (!m && !heard_late(i))
                return false;
        if (WIRE_HAS(msg, ICE_END, why))
                log_debug("%s: meeting %08llx: %s", PROGRAM, (unsigned long long)msg->meeting,
                          node_enum_doc(&wire_parting_enum, msg->why));
        if (m)
                meeting_lost(i, m);
        settle(i);
        return true;
}

static bool heard_arrived(struct ice *i, const struct wire_ice_arrived *msg) {
        int r = conn_arrived(node_of(i), (mesh_link)msg->meeting, msg->bytes);
        return r == 0 || (r == CONN_E_NONE && heard_late(i));
}

/* False: nobody has asked. It would be logged, and others told, as often as it says so. */
static bool heard_serving(struct ice *i, const struct wire_ice_serving *msg) {
        int e = WIRE_HAS(msg, ICE_SERVING, error) ? (int)msg->error : 0;
        if (!i->orders)
                return false;
        i->orders--;
        if (msg->port != i->serve)
                return true; /* of an order that another one has followed */
        if (e && e != i->serve_error)
                log_error("UDP port %u: %s: this home does not tell others how their routers show them", i->serve,
                          strerror(e));
        bool news = (e == 0) != (i->serve_error == 0);
        i->serve_error = e;
        i->serving = e ? 0 : i->serve;
        if (news)
                listen_look(node_of(i));
        return true;
}

/* False: it does not keep to proto/ice.def. */
static bool on_message(struct ice *i, enum wire_ice number, const union frame_message *m, struct span map) {
        switch (number) {
        case ICE_WORDS:
                return heard_words(i, m->ice_words.meeting, map);
        case ICE_CANDIDATE:
                return heard_candidate(i, m->ice_candidate.meeting, map);
        case ICE_ALL:
                return heard_all(i, m->ice_all.meeting, map);
        case ICE_UP:
                return heard_up(i, &m->ice_up);
        case ICE_END:
                return heard_end(i, &m->ice_end);
        case ICE_SERVING:
                return heard_serving(i, &m->ice_serving);
        case ICE_ARRIVED:
                return heard_arrived(i, &m->ice_arrived);
        case ICE_MEET:
        case ICE_SERVE:
                return false;
        }
        return false;
}

/* FRAME_E_*; 0 when there is no whole frame any more. */
static int take_frames(struct ice *i) {
        struct span body;
        size_t used;
        int r = buf_ok(&i->in) ? 0 : FRAME_E_SIZE;
        while (r == 0 && i->alive && (r = frame_take(buf_span(&i->in), &body, &used)) == 0) {
                const struct wire_number *row;
                union frame_message m;
                struct codec_why why;
                r = frame_read(body, wire_ice_find, &row, &m, &why);
                if (r) {
                        log_error("%s: %s: %s: %s", PROGRAM, why.message, why.field, why.what);
                } else if (!on_message(i, (enum wire_ice)row->number, &m, frame_map(body))) {
                        log_error("%s: %s: not what is to be said now", PROGRAM, row->name);
                        r = FRAME_E_INPUT;
                }
                buf_drop(&i->in, used);
        }
        return r == FRAME_E_MORE ? 0 : r;
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
        struct ice *i = CONTAINER_OF(stream, struct ice, pipe);
        if (got < 0)
                died(i, "has ended");
        if (got <= 0)
                return;
        buf_add(&i->in, span_of(buf->base, (size_t)got));
        if (take_frames(i))
                died(i, "speaks nonsense and was killed");
}

static void on_alloc(uv_handle_t *handle, _unused_ size_t suggested, uv_buf_t *ret) {
        *ret = node_read_buffer(node_of(CONTAINER_OF(handle, struct ice, pipe)));
}

static void on_written(struct sink *s, int status) {
        struct ice *i = CONTAINER_OF(s, struct ice, out);
        if (status && i->alive)
                break_off(i);
}

/* ---- its beginning ---- */

static int take_stream(struct ice *i, int stream) {
        struct node *n = node_of(i);
        uv_pipe_init(n->loop, &i->pipe, 0); /* what else than bytes comes from there the kernel throws away */
        i->open = true;
        i->deaf = false;
        i->orders = 0;
        i->begun = i->late = 0;
        sink_init(&i->out, (uv_stream_t *)&i->pipe, OUT_MAX, on_written);
        i->in = BUF_MAX(IN_MAX);
        i->since = now(i);
        int r = uv_pipe_open(&i->pipe, stream);
        if (r)
                close(stream);
        else
                r = uv_read_start((uv_stream_t *)&i->pipe, on_alloc, on_read);
        i->alive = r == 0;
        return r;
}

static void set_there(struct ice *i, bool there) {
        if (i->told && there == i->there)
                return;
        i->told = true;
        i->there = there;
        node_feed(node_of(i), (struct mesh_event){.type = MESH_EV_HELPER, .helper = {there}});
}

/* False: it does not run, and cannot be started now. */
static bool run(struct ice *i) {
        int stream;
        if (i->alive)
                return true;
        if (i->stopping || !i->there || i->open || now(i) < i->rest)
                return false;
        int r = porter_run(node_of(i)->porter, PORTER_ICE, &stream);
        if (r == PORTER_E_NONE) {
                log_warning("%s is not there any more: this home cannot meet others through routers", PROGRAM);
                set_there(i, false);
                return false;
        }
        if (r == 0 && take_stream(i, stream) == 0) {
                log_info("started %s", PROGRAM);
                if (i->serve)
                        say_serve(i);
                return true;
        }
        i->since = now(i);
        died(i, "does not start");
        return false;
}

static void on_timer(uv_timer_t *timer) {
        struct ice *i = CONTAINER_OF(timer, struct ice, timer);
        const struct meeting *first =
                list_empty(&i->meetings) ? NULL : CONTAINER_OF(i->meetings.next, struct meeting, on);
        if (first && now(i) >= first->until) {
                died(i, "does not end its meetings and was killed");
                return;
        }
        if (i->idle_by && now(i) >= i->idle_by) {
                log_info("%s has nothing to do; ending it", PROGRAM);
                hang_up(i);
                return;
        }
        if (i->serve)
                run(i);
        settle(i);
}

/* ---- for the core ---- */

static void place_add(struct wire_list *list, struct buf *store, const struct mesh_addr *a) {
        struct wire_addr row;
        endpoint_to_wire(a, &row);
        struct wire_ice_place p = {.ip = WIRE_HAS(&row, ADDR, ip4) ? row.ip4 : row.ip6};
        WIRE_PUT(&p, ICE_PLACE, port, a->port);
        wire_list_add(&wire_ice_place_desc, list, store, &p);
}

static bool begin(struct ice *i, struct meeting *m, const struct mesh_addr *doorstep) {
        _clean_(buf_fini) struct buf frame = BUF_NULL, place = BUF_NULL;
        struct wire_ice_meet msg = {.v = 1, .meeting = m->number};
        int ends[2];
        if (m->calls)
                WIRE_PUT(&msg, ICE_MEET, calls, true);
        if (doorstep->port) {
                struct wire_list list = {0};
                place_add(&list, &place, doorstep);
                WIRE_PUT(&msg, ICE_MEET, doorstep, list);
        }
        frame_put(&frame, wire_ice_find(ICE_MEET), &msg);
        if (!buf_ok(&frame) || !buf_ok(&place) ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends))
                return false;
        m->fd = ends[0];
        bool said = say_with(i, buf_span(&frame), ends[1]);
        close(ends[1]);
        return said;
}

void ice_meet(struct node *n, mesh_link number, bool calls, const struct mesh_addr *doorstep) {
        struct ice *i = &n->ice;
        bool room = i->n_meetings < ICE_MEETINGS_MOST && run(i);
        struct meeting *m = room ? calloc(1, sizeof(*m)) : NULL;
        if (!m) {
                tell_down(i, number);
                return;
        }
        *m = (struct meeting){.number = number, .calls = calls, .fd = -1, .until = now(i) + i->patience};
        list_init(&m->on);
        list_push(&i->meetings, &m->on);
        i->n_meetings++;
        i->begun++;
        if (!begin(i, m, doorstep))
                meeting_lost(i, m);
        settle(i);
}

void ice_tell(struct node *n, mesh_link number, const struct mesh_meet_row *row) {
        struct ice *i = &n->ice;
        if (!i->alive || i->deaf || !find(i, number))
                return;
        frame_put_map(sink_buf(&i->out), row->number, row->map);
        if (sink_flush(&i->out))
                break_off(i);
}

bool ice_hangup(struct node *n, mesh_link number) {
        struct ice *i = &n->ice;
        struct meeting *m = find(i, number);
        if (!m)
                return false;
        meeting_free(i, m);
        say_end(i, number);
        settle(i);
        return true;
}

/* ---- for the node ---- */

void ice_left(struct node *n, mesh_link number) {
        struct ice *i = &n->ice;
        i->n_links--;
        if (n->closed)
                return;
        say_end(i, number); /* where it does not know by itself */
        settle(i);
}

void ice_serve(struct node *n, uint16_t port) {
        struct ice *i = &n->ice;
        if (port == i->serve)
                return;
        i->serve = port;
        i->serve_error = 0;
        if (i->alive)
                say_serve(i);
        else if (port)
                run(i);
        settle(i);
}

uint16_t ice_stun(const struct node *n) {
        const struct ice *i = &n->ice;
        return i->there && !i->serve_error ? i->serve : 0;
}

void ice_init(struct node *n) {
        list_init(&n->ice.meetings);
        n->ice.patience = MEETING_TIME;
        uv_timer_init(n->loop, &n->ice.timer);
}

void ice_look(struct node *n) {
        struct ice *i = &n->ice;
        bool there = porter_has(n->porter, PORTER_ICE);
        if (!there && (i->there || !i->told))
                log_info("%s is not there%s: this home meets others where they can be called, not through routers",
                         PROGRAM, ice_built ? "" : ", and this daemon was built without it");
        set_there(i, there);
        settle(i);
}

void ice_stop(struct node *n) {
        struct ice *i = &n->ice;
        i->stopping = true;
        uv_timer_stop(&i->timer);
        while (!list_empty(&i->meetings))
                meeting_free(i, CONTAINER_OF(i->meetings.next, struct meeting, on));
}

void ice_close(struct node *n) {
        struct ice *i = &n->ice;
        uv_close((uv_handle_t *)&i->timer, NULL);
        hang_up(i);
}
