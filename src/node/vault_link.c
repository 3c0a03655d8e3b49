/* SPDX-License-Identifier: Apache-2.0 */
#include "node/vault_link.h"
#include "base/log.h"
#include "crypto/box.h"
#include "crypto/sign.h"
#include "node/internal.h"
#include "node/porter.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAM "porchlight-vault"
#define IN_MAX (128 * 1024) /* its longest message has 2,200 bytes; one read brings 64 KiB at most */
#define RETRY_FIRST 100     /* ms before it is started or called again, doubled each time */
#define RETRY_MOST 30000
#define RETRY_DOUBLINGS 9
#define LIVED_WELL 60000    /* ms after which a death counts as the first again */
#define JOIN_PATIENCE 30000 /* `join` returns after 30 s at most */

struct vault_errand {
        struct command cmd;
        struct node *n;
        bool join; /* or a restoring: what may go on in the background */
        bool recover;
        bool answered; /* answered: "waiting" was said */
        mesh_cell cell;
        uint64_t uid;
};

static struct node *node_of(struct vault_link *v) {
        return CONTAINER_OF(v, struct node, vault);
}

/* ---- what it is told ---- */

/* A message that is lost, for want of memory say, may be the one it waits for. The stream ends both ways: on_end() hears of
 * it with the next turn of the loop, when nobody is in the middle of saying more. */
static void break_off(struct vault_link *v) {
        uv_os_fd_t fd;
        log_warning("%s does not take messages; hanging up on it", PROGRAM);
        v->alive = false;
        if (uv_fileno((uv_handle_t *)&v->pipe, &fd) == 0)
                shutdown(fd, SHUT_RDWR);
}

void vault_link_say(struct vault_link *v, enum wire_owner number, const void *msg) {
        if (!v->alive)
                return;
        frame_put(sink_buf(&v->out), wire_owner_find(number), msg);
        if (sink_flush(&v->out))
                break_off(v);
}

/* The whole device of this household, where that is another one: it has the key. */
static const char *main_device(const struct node *n) {
        const struct roster *roster = mesh_roster(n->core);
        struct mesh_status st;
        mesh_status(n->core, &st);
        const struct roster_home *home = roster ? roster_home_find(roster, &st.household) : NULL;
        for (size_t i = 0; home && i < home->n_devices; i++) {
                const struct roster_device *d = home->devices[i];
                if (d->gone_at == 0 && d->share == SHARE_WHOLE && !key_eq(&d->sign, &st.device))
                        return d->name;
        }
        return NULL;
}

static void say_device(struct vault_link *v) {
        struct node *n = node_of(v);
        struct sign_key sign;
        struct box_key noise, seal;
        sign_key_from_seed(&sign, n->cfg.sign_seed);
        box_key_from_secret(&noise, &n->cfg.noise_secret);
        box_key_from_secret(&seal, &n->cfg.seal_secret);
        struct wire_v_device msg = {.sign = SPAN_OF(sign.pub.b),
                                    .noise = SPAN_OF(noise.pub.b),
                                    .seal = SPAN_OF(seal.pub.b),
                                    .in_mesh = v->in_mesh};
        if (v->main[0])
                WIRE_PUT(&msg, V_DEVICE, main, span_str(v->main));
        vault_link_say(v, OWNER_V_DEVICE, &msg);
        hash_wipe(&sign, sizeof(sign));
        hash_wipe(&noise, sizeof(noise));
        hash_wipe(&seal, sizeof(seal));
}

void vault_link_say_result(struct vault_link *v, enum mesh_outcome o, bool waiting) {
        const struct mesh_outcome_row *row = mesh_outcome(o);
        struct wire_v_result msg = {.ok = o == MESH_OUT_DONE && !waiting};
        if (!msg.ok) {
                WIRE_PUT(&msg, V_RESULT, name, span_str(row->name));
                WIRE_PUT(&msg, V_RESULT, message, span_str(row->message));
                WIRE_PUT(&msg, V_RESULT, hint, span_str(row->hint));
        }
        if (waiting)
                WIRE_PUT(&msg, V_RESULT, waiting, true);
        vault_link_say(v, OWNER_V_RESULT, &msg);
}

/* ---- foundings and joinings ---- */

static void remember(struct vault_errand *e) {
        uint8_t uid[4];
        put_be32(uid, (uint32_t)e->uid);
        writer_set(e->n, SETTING_OWNER, SPAN_OF(uid));
        e->n->owner = (uint32_t)e->uid;
        e->n->owned = true;
        if (e->cell)
                node_set_home(e->n, e->cell);
}

static void set_joining(struct node *n, bool joining) {
        if (n->vault.joining == joining)
                return;
        n->vault.joining = joining;
        writer_set(n, SETTING_JOINING, joining ? SPAN_STR("1") : SPAN_NONE);
}

static bool goes_on_alone(const struct mesh_status *st) {
        return st->state == FRESH_JOINING || st->state == FRESH_RESTORING;
}

static void on_reply(struct command *c, const struct mesh_action *a) {
        struct vault_errand *e = CONTAINER_OF(c, struct vault_errand, cmd);
        struct vault_link *v = &e->n->vault;
        enum mesh_outcome outcome = a->reply.outcome;
        struct mesh_status st;
        mesh_status(e->n->core, &st);
        bool goes_on = e->join && outcome != MESH_OUT_DONE && goes_on_alone(&st);
        uv_timer_stop(&v->patience);
        log_info("%s: %s", e->recover ? "restoring" : e->join ? "joining" : "founding", mesh_outcome(outcome)->message);
        if (outcome == MESH_OUT_DONE || goes_on)
                remember(e);
        if (!goes_on || !e->answered)
                vault_link_say_result(v, outcome, goes_on);
        if (v->alive && !goes_on) /* else it is told when it is back, or when the joining has ended */
                set_joining(e->n, false);
        v->errand = NULL;
        free(e);
}

/* Not an end: the core goes on, and the vault keeps the key. */
static void on_patience(uv_timer_t *timer) {
        struct vault_link *v = CONTAINER_OF(timer, struct vault_link, patience);
        struct mesh_status st;
        if (!v->errand)
                return;
        mesh_status(node_of(v)->core, &st);
        bool reason = st.join_problem != MESH_OUT_DONE;
        remember(v->errand);
        v->errand->answered = true;
        vault_link_say_result(v, reason ? st.join_problem : MESH_OUT_UNREACHABLE, true);
}

static void drop_errand(struct vault_link *v) {
        if (!v->errand)
                return;
        uv_timer_stop(&v->patience);
        node_command_forget(&v->errand->cmd);
        free(TAKE(v->errand));
}

/* A joining that goes on is not at an end because of this. */
static bool refuse_busy(struct vault_link *v) {
        struct mesh_status st;
        mesh_status(node_of(v)->core, &st);
        vault_link_say_result(v, MESH_OUT_BUSY, goes_on_alone(&st));
        return false;
}

bool vault_link_errand(struct vault_link *v, struct mesh_event ev, mesh_cell cell, uint64_t uid) {
        struct node *n = node_of(v);
        if (v->errand && v->errand->join && !v->errand->recover && ev.type == MESH_EV_JOIN)
                drop_errand(
                        v); /* the vault gives a joining another ticket: it has been told of the old one that it waits */
        struct vault_errand *e = v->errand ? NULL : calloc(1, sizeof(*e));
        if (!e)
                return refuse_busy(v);
        e->n = n;
        e->join = ev.type != MESH_EV_FOUND;
        e->recover = ev.type == MESH_EV_RECOVER;
        e->cell = cell;
        e->uid = uid;
        e->cmd.reply = on_reply;
        v->errand = e;
        if (e->join) {
                set_joining(n, true);
                uv_timer_start(&v->patience, on_patience, JOIN_PATIENCE, 0);
        }
        node_command(n, &e->cmd, ev);
        return true;
}

static void on_found(struct vault_link *v, const struct wire_v_found *m) {
        vault_link_errand(v, (struct mesh_event){.type = MESH_EV_FOUND, .found.op = m->op},
                          WIRE_HAS(m, V_FOUND, cell) ? m->cell : 0, m->uid);
}

static void on_join(struct vault_link *v, const struct wire_v_join *m) {
        vault_link_errand(v, (struct mesh_event){.type = MESH_EV_JOIN, .join = {.op = m->op, .ticket = m->ticket}},
                          WIRE_HAS(m, V_JOIN, cell) ? m->cell : 0, m->uid);
        if (v->errand)
                resolve_ticket(node_of(v), m->ticket);
}

static void on_device_join(struct vault_link *v, const struct wire_v_device_join *m) {
        vault_link_errand(v,
                          (struct mesh_event){.type = MESH_EV_JOIN,
                                              .join = {.ticket = m->code, .name = m->name, .seal = m->seal}},
                          WIRE_HAS(m, V_DEVICE_JOIN, cell) ? m->cell : 0, m->uid);
        if (v->errand)
                resolve_ticket(node_of(v), m->code);
}

static void on_forget(struct vault_link *v) {
        struct node *n = node_of(v);
        drop_errand(v);
        set_joining(n, false);
        node_feed(n, (struct mesh_event){.type = MESH_EV_FORGET, .token = ++n->last_token});
}

static void on_clear(struct vault_link *v) {
        struct node *n = node_of(v);
        if (n->stopping)
                return;
        log_info("this home is out of its mesh: forgetting it, and beginning anew");
        n->again = true;
        n->on_over(n->ctx);
}

static void on_purged(struct vault_link *v, const struct wire_v_purged *m) {
        struct hash clip;
        memcpy(clip.b, m->clip.p, sizeof(clip.b));
        purge_answer(node_of(v), &clip, m->gone);
}

static bool on_message(struct vault_link *v, struct span body) {
        const struct wire_number *row;
        union frame_message m;
        struct codec_why why = {0};
        if (frame_read(body, wire_owner_find, &row, &m, &why)) {
                log_error("%s: %s: %s: %s", PROGRAM, why.message, why.field, why.what);
                return false;
        }
        if (row->number == OWNER_V_FOUND)
                on_found(v, &m.v_found);
        else if (row->number == OWNER_V_JOIN)
                on_join(v, &m.v_join);
        else if (row->number == OWNER_V_LISTENS)
                node_vault_ready(node_of(v));
        else if (row->number == OWNER_V_DEVICE_JOIN)
                on_device_join(v, &m.v_device_join);
        else if (row->number == OWNER_V_FORGET)
                on_forget(v);
        else if (row->number == OWNER_V_CLEAR)
                on_clear(v);
        else if (row->number == OWNER_V_OP)
                vault_vote(v, m.v_op.op);
        else if (row->number == OWNER_V_CODE)
                vault_vote_code(v, &m.v_code);
        else if (row->number == OWNER_V_WANT_OPS)
                vault_vote_ops(v);
        else if (row->number == OWNER_V_WANT_BACKUP)
                vault_backup_rows(v);
        else if (row->number == OWNER_V_RESTORE)
                vault_backup_restore(v, &m.v_restore);
        else if (row->number == OWNER_V_REPLACE)
                vault_backup_replace(v, m.v_op.op);
        else if (row->number == OWNER_V_BACKED_UP)
                vault_backup_made(v, m.v_backed_up.time);
        else if (row->number == OWNER_V_WANT_CLIP)
                vault_clip_want(v, m.v_clip_id.clip);
        else if (row->number == OWNER_V_PURGED)
                on_purged(v, &m.v_purged);
        else if (row->number == OWNER_V_DESTROY)
                vault_clip_destroy(v, m.v_clip_id.clip);
        else if (paper_vault_take(node_of(v), row->number, &m))
                return true;
        else if (!vault_backup_take(v, row->number, &m))
                log_error("%s: %s is not for the daemon", PROGRAM, row->name);
        return true;
}

/* How a joining ended that an earlier run of this daemon began: its command is long forgotten. The mark on the disk is
 * written after the rows of the joining, and gone before the vault has written its own file; so whoever calls is told
 * of a membership in any case, and one that knows takes no notice. */
static void settle_joining(struct vault_link *v, const struct mesh_status *st) {
        bool pending = goes_on_alone(st);
        if (!(v->joining || v->untold) || v->errand || pending || !v->alive)
                return;
        enum mesh_outcome o = st->join_problem == MESH_OUT_DONE ? MESH_OUT_UNREACHABLE : st->join_problem;
        vault_link_say_result(v, st->state == FRESH_NO_MESH ? o : MESH_OUT_DONE, false);
        v->untold = false;
        set_joining(node_of(v), false);
}

void vault_link_state(struct node *n) {
        struct vault_link *v = &n->vault;
        struct mesh_status st;
        if (!n->started)
                return;
        mesh_status(n->core, &st);
        bool in_mesh = st.state != FRESH_NO_MESH;
        const char *main = main_device(n);
        bool news = !v->knows_in_mesh || in_mesh != v->in_mesh || strcmp(main ? main : "", v->main) != 0;
        snprintf(v->main, sizeof(v->main), "%s", main ? main : "");
        v->in_mesh = in_mesh;
        if (v->alive && news) {
                v->untold = in_mesh && (v->untold || !v->knows_in_mesh);
                v->knows_in_mesh = true;
                say_device(v);
                paper_vault_up(n);
        }
        settle_joining(v, &st);
        vault_backup_ready(v);
}

/* ---- the stream ---- */

static void call_again(uv_timer_t *timer);

static void retry_later(struct vault_link *v) {
        unsigned doublings = MIN(v->failures, RETRY_DOUBLINGS);
        v->failures++;
        uv_timer_start(&v->retry, call_again, MIN((uint64_t)RETRY_FIRST << doublings, RETRY_MOST), 0);
}

/* The handle is closed: only now may it be used anew. */
static void on_closed(uv_handle_t *handle) {
        struct vault_link *v = CONTAINER_OF(handle, struct vault_link, pipe);
        struct node *n = node_of(v);
        sink_fini(&v->out);
        buf_fini(&v->in);
        v->open = false;
        if (!n->stopping && !n->closed)
                retry_later(v);
}

static void hang_up(struct vault_link *v) {
        v->alive = v->knows_in_mesh = v->ready_said = false;
        vault_vote_drop(v);
        purge_lost(node_of(v));
        vault_clip_drop(v);
        vault_backup_drop(v);
        paper_vault_down(node_of(v));
        if (v->open && !uv_is_closing((uv_handle_t *)&v->pipe))
                uv_close((uv_handle_t *)&v->pipe, on_closed);
}

static void on_end(struct vault_link *v) {
        struct node *n = node_of(v);
        if (uv_now(n->loop) - v->since >= LIVED_WELL)
                v->failures = 0;
        if (!n->stopping)
                log_error("%s has hung up; %s it again", PROGRAM, n->vault_service ? "calling" : "starting");
        hang_up(v);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
        struct vault_link *v = CONTAINER_OF(stream, struct vault_link, pipe);
        struct span body;
        size_t used;
        if (got < 0)
                on_end(v);
        if (got <= 0)
                return;
        buf_add(&v->in, span_of(buf->base, (size_t)got));
        int r = buf_ok(&v->in) ? 0 : FRAME_E_SIZE;
        while (r == 0 && (r = frame_take(buf_span(&v->in), &body, &used)) == 0) {
                if (!on_message(v, body))
                        r = FRAME_E_INPUT;
                else
                        buf_drop(&v->in, used);
        }
        if (r == FRAME_E_MORE)
                return;
        log_error("%s speaks nonsense; ending it", PROGRAM);
        porter_kill_vault(node_of(v)->porter);
        hang_up(v);
}

static void on_alloc(uv_handle_t *handle, _unused_ size_t suggested, uv_buf_t *ret) {
        *ret = node_read_buffer(node_of(CONTAINER_OF(handle, struct vault_link, pipe)));
}

static void on_written(struct sink *s, int status) {
        struct vault_link *v = CONTAINER_OF(s, struct vault_link, out);
        if (status == 0)
                vault_vote_more(v);
}

static int take_stream(struct vault_link *v, int stream) {
        struct node *n = node_of(v);
        uv_pipe_init(n->loop, &v->pipe, 0);
        v->open = true;
        sink_init(&v->out, (uv_stream_t *)&v->pipe, VAULT_OUT_MAX, on_written);
        v->in = BUF_MAX(IN_MAX);
        int r = uv_pipe_open(&v->pipe, stream);
        if (r) {
                close(stream);
        } else {
                v->alive = true;
                v->since = uv_now(n->loop);
                r = uv_read_start((uv_stream_t *)&v->pipe, on_alloc, on_read);
        }
        if (r)
                hang_up(v);
        return r;
}

/* 0, or what the porter says, logged; one that is away is told of once. */
static int call_vault(struct vault_link *v) {
        struct node *n = node_of(v);
        int stream, r = porter_vault(n->porter, &stream);
        if (r == 0 && take_stream(v, stream))
                r = ERR_IO;
        if (r == PORTER_E_AWAY && v->failures == 0)
                log_info("%s does not answer at %s/%s yet; waiting", PROGRAM, n->dir, DIR_VAULT_SOCK);
        else if (r == PORTER_E_STRANGER)
                log_error("%s/%s: whoever listens there does not own %s/%s; not speaking to it", n->dir, DIR_VAULT_SOCK,
                          n->dir, DIR_VAULT);
        else if (r < 0)
                log_error("%s cannot be reached: %s", PROGRAM, err_text(r));
        return r;
}

static void call_again(uv_timer_t *timer) {
        struct vault_link *v = CONTAINER_OF(timer, struct vault_link, retry);
        struct node *n = node_of(v);
        if (call_vault(v) == 0)
                vault_link_state(n);
        else if (!v->open)
                retry_later(v);
}

int vault_link_start(struct node *n) {
        struct vault_link *v = &n->vault;
        if (call_vault(v) == 0)
                return 0;
        if (!n->vault_service)
                return NODE_E_VAULT;
        if (!v->open)
                retry_later(v);
        return 0;
}

void vault_link_init(struct node *n) {
        uv_timer_init(n->loop, &n->vault.retry);
        uv_timer_init(n->loop, &n->vault.patience);
}

/* ---- the end ---- */

static void on_shutdown(uv_shutdown_t *req, int status) {
        struct vault_link *v = CONTAINER_OF(req, struct vault_link, goodbye);
        if (status)
                hang_up(v);
}

/* A vault that was started here sees the end of its stream and ends; its own end of the stream tells that it has. */
void vault_link_stop(struct node *n) {
        struct vault_link *v = &n->vault;
        uv_timer_stop(&v->retry);
        drop_errand(v);
        vault_vote_drop(v);
        vault_clip_drop(v);
        vault_backup_drop(v);
        if (v->alive && !n->vault_service && uv_shutdown(&v->goodbye, (uv_stream_t *)&v->pipe, on_shutdown) == 0)
                return;
        hang_up(v);
}

void vault_link_kill(struct node *n) {
        if (!n->vault.open)
                return;
        log_warning("%s does not end; killing it", PROGRAM);
        porter_kill_vault(n->porter);
        hang_up(&n->vault);
}

bool vault_link_gone(const struct node *n) {
        return !n->vault.open;
}

void vault_link_close(struct node *n) {
        struct vault_link *v = &n->vault;
        uv_close((uv_handle_t *)&v->retry, NULL);
        uv_close((uv_handle_t *)&v->patience, NULL);
        vault_clip_end(v);
}
