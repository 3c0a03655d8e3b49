/* SPDX-License-Identifier: Apache-2.0 */
#include "node/control.h"
#include "base/log.h"
#include "base/text.h"
#include "node/caller.h"
#include "node/porter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CALLERS_MAX 64
#define BACKLOG 64
#define REQUEST_MAX (8 * 1024)    /* the longest request has some 1,000 bytes … */
#define CHUNK_MAX (65 * 1024)     /* … but a chunk, of a clip that is being taken in */
#define IN_MAX (192 * 1024)       /* what may lie there; one read brings 64 KiB */
#define OUT_MAX (8 * 1024 * 1024) /* lists made in one go, of 5,000 homes, take 1 MiB */
#define DEADLINE_PERIOD 20        /* ms */
#define STALL_TIME 10000          /* ms that a caller may leave a query's thread waiting */
#define SOCKET_MODE 0600
#define SOCKET_MODE_GROUP 0660
#define PREFIX_LEAST 4
#define PREFIX_MOST 64

static const struct {
        enum wire_control number;
        void (*serve)(struct caller *c);
} requests[] = {
        {CONTROL_STATUS, control_status},
        {CONTROL_POST, control_post},
        {CONTROL_FOLLOW, control_follow},
        {CONTROL_NEARBY, control_nearby},
        {CONTROL_WATCH, control_watch},
        {CONTROL_SHOW, control_show},
        {CONTROL_INVITE, control_invite},
        {CONTROL_INVITES, control_invites},
        {CONTROL_INVITE_REVOKE, control_invite_revoke},
        {CONTROL_PEERS, control_peers},
        {CONTROL_PEER_ADD, control_peer_add},
        {CONTROL_REFRESH, control_refresh},
        {CONTROL_MESH, control_mesh},
        {CONTROL_MEMBERS, control_members},
        {CONTROL_PROPOSALS, control_proposals},
        {CONTROL_DEVICES, control_devices},
        {CONTROL_CODES, control_codes},
        {CONTROL_CODE_REVOKE, control_code_revoke},
        {CONTROL_MUTE, control_mute},
        {CONTROL_UNMUTE, control_unmute},
        {CONTROL_MUTES, control_mutes},
        {CONTROL_CAMERAS, control_cameras},
        {CONTROL_CAMERA_SET, control_camera_set},
        {CONTROL_CLIP_KEEP, control_clip_keep},
        {CONTROL_CLIP_SOURCE, control_clip_source},
        {CONTROL_CLIP_SOURCES, control_clip_sources},
        {CONTROL_NOTICES, control_notices},
        {CONTROL_CONFIG, control_config},
        {CONTROL_CONFIG_SET, control_config_set},
        {CONTROL_ASK_POST, control_ask_post},
        {CONTROL_ASKS, control_asks},
        {CONTROL_ASK_MATCH, control_ask_match},
        {CONTROL_INBOX, control_inbox},
        {CONTROL_GIVEN, control_given},
        {CONTROL_OFFER, control_offer},
        {CONTROL_REQUEST, control_request},
        {CONTROL_REQUESTS, control_requests},
        {CONTROL_DENY, control_deny},
        {CONTROL_NOTICE_POST, control_notice_post},
        {CONTROL_PLACES, control_places},
        {CONTROL_PLACE_SET, control_place_set},
        {CONTROL_CLIP_OPEN, clip_in_open},
        {CONTROL_CLIP_PUT, clip_in_put},
        {CONTROL_CLIP_CLOSE, clip_in_close},
        {CONTROL_CLIPS, control_clips},
        {CONTROL_CLIP, control_clip},
        {CONTROL_FETCHES, control_fetches},
        {CONTROL_FETCH, control_fetch_wanted},
        {CONTROL_FETCH_CANCEL, control_fetch_cancel},
};

/* ---- the end of a caller ---- */

static void caller_reap(uv_handle_t *handle) {
        struct caller *c = CONTAINER_OF(handle, struct caller, pipe);
        if (!c->closed || !uv_is_closing(handle))
                return;
        sink_fini(&c->out);
        buf_fini(&c->in);
        buf_fini(&c->body);
        list_drop(&c->on);
        c->n->control.n_callers--;
        free(c);
}

static void caller_close(struct caller *c) {
        if (c->closed)
                return;
        c->closed = true;
        node_command_forget(&c->cmd);
        resolve_forget(c->n, &c->cmd);
        if (c->query) {
                ask_of(c->query)->c = NULL;
                query_abandon(TAKE(c->query));
        }
        if (c->clip)
                clip_in_leave(TAKE(c->clip));
        c->watch.on = c->post.on = c->refresh.on = false;
        uv_close((uv_handle_t *)&c->pipe, caller_reap);
}

void caller_flush(struct caller *c) {
        if (c->closed)
                return;
        if (sink_flush(&c->out) || (c->leaving && sink_waiting(&c->out) == 0))
                caller_close(c);
}

/* ---- answers ---- */

void caller_row(struct caller *c, enum wire_control number, const void *msg) {
        frame_put(sink_buf(&c->out), wire_control_find(number), msg);
}

static void on_pump(uv_timer_t *timer);

/* The next request, if it is here already, has a turn of its own: this may be the middle of the core's actions. */
static void end_request(struct caller *c) {
        c->row = NULL;
        c->post = (struct post_wait){0};
        c->refresh = (struct refresh_wait){0};
        c->watch = (struct watch){0};
        c->deadline = 0;
        caller_flush(c);
        if (!c->closed && c->in.n)
                uv_timer_start(&c->n->control.pump, on_pump, 0, 0);
}

void caller_done(struct caller *c) {
        struct wire_c_done msg = {0};
        caller_row(c, CONTROL_DONE, &msg);
        end_request(c);
}

void caller_refuse(struct caller *c, const char *name, const struct said *message, const char *hint,
                   enum wire_e_exit exit) {
        struct wire_c_error msg = {.name = span_str(name), .exit = exit};
        struct buf store[2] = {BUF_NULL, BUF_NULL};
        said_put(&msg, message, NULL, store);
        if (*hint)
                WIRE_PUT(&msg, C_ERROR, hint, span_str(hint));
        caller_row(c, CONTROL_ERROR, &msg);
        buf_fini(&store[0]);
        end_request(c);
}

void caller_error(struct caller *c, const char *name, const char *message, const char *hint, enum wire_e_exit exit) {
        struct said plain;
        said_plain(&plain, message);
        caller_refuse(c, name, &plain, hint, exit);
}

void caller_outcome(struct caller *c, enum mesh_outcome o) {
        const struct mesh_outcome_row *row = mesh_outcome(o);
        if (o == MESH_OUT_DONE)
                caller_done(c);
        else
                caller_error(c, row->name, row->message, row->hint, (enum wire_e_exit)row->exit);
}

void caller_store_error(struct caller *c, int r) {
        caller_error(c, "store", r > 0 ? store_error_text(r) : err_text(r), "see the daemon's log", EXIT_FAILED);
}

bool caller_id_ok(struct caller *c, struct span prefix) {
        _clean_(buf_fini) struct buf even = BUF_NULL, bytes = BUF_NULL;
        buf_add(&even, prefix);
        if (prefix.n % 2)
                buf_add_u8(&even, '0');
        if (prefix.n >= PREFIX_LEAST && prefix.n <= PREFIX_MOST && text_unhex(&bytes, buf_span(&even)))
                return true;
        caller_error(c, "bad-id", "an id is 4 to 64 hexadecimal digits", "`porchlight nearby` shows ids", EXIT_USAGE);
        return false;
}

bool caller_found(struct caller *c, int r) {
        if (r == 0)
                return true;
        if (r == STORE_E_NONE)
                caller_outcome(c, MESH_OUT_NO_TARGET);
        else if (r == STORE_E_MANY)
                caller_error(c, "ambiguous", "several alerts have an id that begins so", "give more digits",
                             EXIT_NOT_FOUND);
        else
                caller_store_error(c, r);
        return false;
}

bool caller_owns(const struct caller *c) {
        struct ucred who = {.uid = (uid_t)-1};
        socklen_t n = sizeof(who);
        uv_os_fd_t fd;
        bool known = uv_fileno((const uv_handle_t *)&c->pipe, &fd) == 0 &&
                     getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0;
        return known && (who.uid == 0 || who.uid == geteuid() || (c->n->owned && who.uid == c->n->owner));
}

bool caller_is_owner(struct caller *c) {
        if (caller_owns(c))
                return true;
        caller_error(c, "not-the-owner", "only this home's owner sees its clips and changes its settings",
                     "run it as the user who founded or joined, or with sudo", EXIT_REFUSED);
        return false;
}

bool caller_has_room(const struct caller *c) {
        return sink_waiting(&c->out) < CALLER_OUT_BOUND;
}

/* ---- deadlines ---- */

static bool any_deadline(struct control *ctl) {
        LIST_EACH (c, &ctl->callers, struct caller, on) {
                if (!c->closed && c->deadline)
                        return true;
        }
        return false;
}

static void on_deadlines(uv_timer_t *timer) {
        struct control *ctl = CONTAINER_OF(timer, struct control, deadlines);
        struct node *n = CONTAINER_OF(ctl, struct node, control);
        mesh_time now = uv_now(n->loop);
        LIST_EACH (c, &ctl->callers, struct caller, on) {
                if (c->closed || c->deadline == 0 || c->deadline > now)
                        continue;
                if (c->post.on)
                        control_post_answer(c);
                else if (c->refresh.on)
                        control_refresh_answer(c);
                else
                        caller_close(c);
        }
        if (!any_deadline(ctl))
                uv_timer_stop(timer);
}

void caller_set_deadline(struct caller *c, mesh_time at) {
        uv_timer_t *timer = &c->n->control.deadlines;
        c->deadline = at;
        if (at && !uv_is_active((uv_handle_t *)timer))
                uv_timer_start(timer, on_deadlines, DEADLINE_PERIOD, DEADLINE_PERIOD);
}

/* ---- questions to the store ---- */

static void on_ask_row(struct query *q, const struct query_row *row) {
        struct ask *a = ask_of(q);
        if (a->c)
                a->row(a->c, row);
}

static bool on_ask_go_on(struct query *q) {
        struct ask *a = ask_of(q);
        if (!a->c)
                return true;
        caller_flush(a->c);
        if (!a->c || caller_has_room(a->c))
                return true;
        caller_set_deadline(a->c, uv_now(q->n->loop) + STALL_TIME);
        return false;
}

static void on_ask_done(struct query *q) {
        struct ask *a = ask_of(q);
        if (a->c) {
                a->c->query = NULL;
                a->c->deadline = 0;
                a->after(a->c, a);
        }
        buf_fini(&a->keep);
        buf_fini(&a->named);
        free(a->cameras);
        free(a);
}

void caller_ask(struct caller *c, const struct ask *like, int (*run)(struct query *q, struct store_reader *r),
                struct span keep) {
        struct ask *a = malloc(sizeof(*a));
        if (!a) {
                caller_store_error(c, ERR_NOMEM);
                return;
        }
        *a = *like;
        a->c = c;
        a->cameras = like->obeys ? malloc(sizeof(*a->cameras)) : NULL;
        if (like->obeys && !a->cameras) {
                free(a);
                caller_store_error(c, ERR_NOMEM);
                return;
        }
        if (a->cameras)
                *a->cameras = c->n->cameras;
        a->keep = a->named = BUF_NULL;
        buf_add(&a->keep, keep);
        if (!buf_ok(&a->keep)) {
                free(a->cameras);
                free(a);
                caller_store_error(c, ERR_NOMEM);
                return;
        }
        a->q = (struct query){
                .lane = like->list ? QUERY_LIST : QUERY_QUICK, .run = run, .go_on = on_ask_go_on, .done = on_ask_done};
        if (like->row)
                a->q.row = on_ask_row;
        c->query = &a->q;
        query_start(c->n, &a->q);
}

/* ---- requests ---- */

static void serve(struct caller *c) {
        for (size_t i = 0; i < ARRAY_LEN(requests); i++)
                if (requests[i].number == c->row->number) {
                        requests[i].serve(c);
                        return;
                }
        caller_error(c, "not-a-request", "this message is an answer, not a request", "", EXIT_USAGE);
}

static void refuse(struct caller *c, const char *message) {
        c->leaving = true;
        caller_error(c, "bad-request", message, "are the tool and the daemon of the same version?", EXIT_USAGE);
}

/* What cannot be decoded is answered and ends the connection: whoever sent it speaks another language. */
static void take_request(struct caller *c, struct span body) {
        struct codec_why why = {0};
        _clean_(buf_fini) struct buf text = BUF_NULL;
        buf_clear(&c->body);
        buf_add(&c->body, body);
        if (!buf_ok(&c->body)) {
                caller_close(c);
                return;
        }
        if (frame_read(buf_span(&c->body), wire_control_find, &c->row, &c->msg, &why)) {
                buf_printf(&text, "%s: %s: %s", why.message, why.field, why.what);
                refuse(c, buf_cstr(&text));
                return;
        }
        serve(c);
}

static size_t longest(const struct caller *c) {
        return c->clip ? CHUNK_MAX : REQUEST_MAX;
}

static void pump(struct caller *c) {
        struct span body;
        size_t used;
        while (!c->closed && !c->leaving && !c->row) {
                int r = frame_take(buf_span(&c->in), &body, &used);
                if (r == FRAME_E_MORE && c->in.n <= longest(c))
                        return;
                if (r || body.n > longest(c)) {
                        refuse(c, "the request is too long, or empty");
                        return;
                }
                take_request(c, body);
                buf_drop(&c->in, used);
        }
}

static void on_pump(uv_timer_t *timer) {
        struct control *ctl = CONTAINER_OF(timer, struct control, pump);
        LIST_EACH (c, &ctl->callers, struct caller, on) {
                pump(c);
        }
}

/* ---- connections ---- */

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
        struct caller *c = CONTAINER_OF(stream, struct caller, pipe);
        if (c->closed || got == 0)
                return;
        if (got > 0 && !c->leaving)
                buf_add(&c->in, span_of(buf->base, (size_t)got));
        if (got < 0 || !buf_ok(&c->in)) {
                caller_close(c);
                return;
        }
        pump(c);
}

static void on_alloc(uv_handle_t *handle, _unused_ size_t suggested, uv_buf_t *ret) {
        *ret = node_read_buffer(CONTAINER_OF(handle, struct caller, pipe)->n);
}

static void on_written(struct sink *s, int status) {
        struct caller *c = CONTAINER_OF(s, struct caller, out);
        if (c->closed)
                return;
        if (status || (c->leaving && sink_waiting(s) == 0)) {
                caller_close(c);
                return;
        }
        if (c->query && c->query->held && caller_has_room(c)) {
                caller_set_deadline(c, 0);
                query_resume(c->query);
        }
        if (c->watch.on)
                control_watch_more(c);
}

static struct caller *caller_new(struct node *n) {
        struct caller *c = calloc(1, sizeof(*c));
        if (!c)
                return NULL;
        c->n = n;
        c->in = BUF_MAX(IN_MAX);
        c->body = BUF_MAX(CHUNK_MAX);
        uv_pipe_init(n->loop, &c->pipe, 0);
        sink_init(&c->out, (uv_stream_t *)&c->pipe, OUT_MAX, on_written);
        list_init(&c->on);
        list_push(&n->control.callers, &c->on);
        n->control.n_callers++;
        return c;
}

static void on_connection(uv_stream_t *server, int status) {
        struct control *ctl = CONTAINER_OF(server, struct control, listener);
        struct node *n = CONTAINER_OF(ctl, struct node, control);
        struct caller *c;
        if (status || !ctl->listening)
                return;
        c = caller_new(n);
        if (!c) {
                shed_take(&ctl->shed, server);
                return;
        }
        bool ok = uv_accept(server, (uv_stream_t *)&c->pipe) == 0 && ctl->n_callers <= CALLERS_MAX;
        if (!ok || uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read))
                caller_close(c);
}

static void on_room(struct shed *s) {
        struct control *ctl = CONTAINER_OF(s, struct control, shed);
        if (ctl->listening)
                shed_take(s, (uv_stream_t *)&ctl->listener);
}

/* ---- what happens meanwhile ---- */

static bool waits_for_neighbours(const struct caller *c) {
        return !c->closed && c->post.on;
}

static bool post_complete(const struct caller *c) {
        struct mesh_status st;
        mesh_status(c->n->core, &st);
        uint32_t others = st.homes ? st.homes - 1 : 0, wanted = MIN(st.links, others);
        return others == 0 || (wanted && c->post.handed >= wanted);
}

void control_handed(struct node *n, const struct hash *id, uint32_t homes) {
        struct hash which = *id;
        LIST_EACH (c, &n->control.callers, struct caller, on) {
                if (!waits_for_neighbours(c) || memcmp(c->post.id.b, which.b, sizeof(which.b)) != 0)
                        continue;
                c->post.handed = homes;
                if (post_complete(c))
                        control_post_answer(c);
        }
}

void control_state(struct node *n) {
        LIST_EACH (c, &n->control.callers, struct caller, on) {
                if (waits_for_neighbours(c) && post_complete(c))
                        control_post_answer(c);
                else if (!c->closed && c->refresh.on)
                        control_refresh_look(c);
        }
}

void control_room(struct node *n) {
        LIST_EACH (c, &n->control.callers, struct caller, on) {
                if (!c->closed && c->waits_for_room)
                        clip_in_room(c);
        }
}

bool control_watched(const struct node *n) {
        LIST_EACH (c, &n->control.callers, struct caller, on) {
                if (!c->closed && c->watch.on)
                        return true;
        }
        return false;
}

void control_fetch_news(struct node *n, const struct hash *clip) {
        bool reads = false;
        LIST_EACH (c, &n->control.callers, struct caller, on) {
                if (c->closed || !c->fetch.on || !hash_eq(&c->fetch.clip, clip))
                        continue;
                reads |= c->fetch.reading;
                control_fetch_more(c);
        }
        fetch_reader(n, clip, reads);
}

void control_watch_kick(struct node *n, uint64_t from, const struct buf *news) {
        LIST_EACH (c, &n->control.callers, struct caller, on) {
                if (!c->closed && c->watch.on)
                        control_watch_news(c, from, news);
                if (!c->closed && c->watch.on)
                        control_watch_more(c);
        }
}

/* ---- life ---- */

void control_init(struct node *n) {
        struct control *ctl = &n->control;
        list_init(&ctl->callers);
        ctl->shed.room = on_room;
        uv_pipe_init(n->loop, &ctl->listener, 0);
        uv_timer_init(n->loop, &ctl->deadlines);
        uv_timer_init(n->loop, &ctl->pump);
}

/* A service whose own group it is already may have been denied chown(). */
static bool give_to(const char *path, struct node_group group) {
        struct stat st;
        if (!group.given)
                return true;
        return lstat(path, &st) == 0 && (st.st_gid == group.id || lchown(path, (uid_t)-1, group.id) == 0);
}

/* Nobody listens yet, so nobody gets in between. 0, or libuv's number for what the system said. */
static int set_access(const char *path, struct node_group group) {
        if (!give_to(path, group) || chmod(path, group.given ? SOCKET_MODE_GROUP : SOCKET_MODE) != 0)
                return uv_translate_sys_error(errno);
        return 0;
}

/* 0, or libuv's number for what the system said. */
static int make_socket(const char *path, int *ret_fd) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        if (strlen(path) >= sizeof(at.sun_path))
                return UV_ENAMETOOLONG;
        strcpy(at.sun_path, path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0) {
                *ret_fd = fd;
                return 0;
        }
        int r = uv_translate_sys_error(errno);
        if (fd >= 0)
                close(fd);
        return r;
}

static int take_socket(struct node *n) {
        int fd = fcntl(*n->control_fd, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
                return uv_translate_sys_error(errno);
        int r = uv_pipe_open(&n->control.listener, fd);
        if (r)
                close(fd);
        return r;
}

/* What stands there is a leftover: the store's lock says that no other daemon uses this folder. Behind the walls no
 * socket can be made: a node that begins again there goes on with the one of the first. */
int control_bind(struct node *n) {
        struct control *ctl = &n->control;
        _clean_(buf_fini) struct buf path = BUF_NULL;
        int r = 0;
        dir_join(&path, n->dir, DIR_CONTROL_SOCK);
        if (*n->control_fd < 0) {
                unlink(buf_cstr(&path));
                r = make_socket(buf_cstr(&path), n->control_fd);
                if (r == 0)
                        r = set_access(buf_cstr(&path), n->control_group);
        }
        ctl->bound = *n->control_fd >= 0;
        if (r == 0)
                r = take_socket(n);
        if (r) {
                log_error("%s: %s%s", buf_cstr(&path), uv_strerror(r),
                          r == UV_EPERM && n->control_group.given
                                  ? "; the daemon's user has to be a member of the group in control.group"
                                  : "");
                return NODE_E_SOCKET;
        }
        return 0;
}

int control_listen(struct node *n) {
        struct control *ctl = &n->control;
        int r = uv_listen((uv_stream_t *)&ctl->listener, BACKLOG, on_connection);
        if (r) {
                log_error("%s: %s", DIR_CONTROL_SOCK, uv_strerror(r));
                return NODE_E_SOCKET;
        }
        ctl->listening = true;
        return 0;
}

void control_stop(struct node *n) {
        struct control *ctl = &n->control;
        LIST_EACH (c, &ctl->callers, struct caller, on) {
                caller_close(c);
        }
        ctl->listening = false;
        if (!ctl->bound)
                return;
        ctl->bound = false;
        if (!n->again)
                porter_clear_control(n->porter);
}

void control_close(struct node *n) {
        uv_close((uv_handle_t *)&n->control.listener, NULL);
        uv_close((uv_handle_t *)&n->control.deadlines, NULL);
        uv_close((uv_handle_t *)&n->control.pump, NULL);
}
