/* SPDX-License-Identifier: Apache-2.0 */
/* See server.h. */
#include "vault/server.h"

#include "base/dir.h"
#include "base/log.h"
#include "vault/bookdisk.h"
#include "vault/folder.h"
#include "vault/owner.h"
#include "vault/vault.h"
#include "vault/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SEATS 8              /* tools at a time */
#define FRAME_BYTES_MAX 4096 /* longest frame: O_JOIN and V_JOIN are about 2.2 KiB */
#define OUT_BYTES_MAX                                                                                                  \
        (192 *                                                                                                         \
         1024) /* answers a tool has not read: a chunk of a clip, or a page of the ledger, and some; past it the tool is hung up on */
#define SEAT_IDLE_MS 60000 /* a tool that asks nothing for so long loses its seat, where another has none */
#define MS_MAX 0x7fffffff

/* What has come in on one stream and is not a whole frame yet. */
struct inbox {
        size_t n;
        uint8_t p[FRAME_BYTES_MAX];
};

struct seat {
        struct vault_peer peer;
        int fd;    /* -1: free */
        bool last; /* nothing more is read: close once the answers are out */
        mesh_time idle_until;
        struct inbox in;
};

struct server {
        struct vault vault;
        struct vault_io io;
        struct folder folder;
        const struct server_args *args;
        int listen_fd; /* owner.sock */
        int vault_fd;  /* vault.sock of a service */
        int daemon_fd; /* -1: it has not come yet */
        bool over;     /* the daemon is gone, or its stream makes no sense */
        struct inbox daemon;
        struct seat seats[SEATS];
};

static volatile sig_atomic_t terminated;

static void on_term(int sig) {
        (void)sig;
        terminated = 1;
}

/* A clock that goes on while the machine sleeps: an unlocked key must not outlast a closed lid. */
static mesh_time now_ms(void) {
        struct timespec ts;
        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (mesh_time)ts.tv_sec * 1000 + (mesh_time)ts.tv_nsec / 1000000;
}

/* ---- the world, as the vault sees it ---- */

static int io_key_read(void *arg, struct buf *out, bool *ret_tightened) {
        return keydisk_read(((struct server *)arg)->folder.vault_fd, out, ret_tightened);
}

static int io_key_write(void *arg, struct span bytes, bool replace) {
        return keydisk_write(((struct server *)arg)->folder.vault_fd, bytes, replace);
}

static int io_key_remove(void *arg) {
        return keydisk_remove(((struct server *)arg)->folder.vault_fd);
}

static int vault_fd(const void *arg) {
        return ((const struct server *)arg)->folder.vault_fd;
}

static int io_ledger_read(void *arg, uint64_t at, size_t n, struct buf *out) {
        return bookdisk_read(vault_fd(arg), at, n, out);
}

static int io_ledger_write(void *arg, uint64_t at, struct span bytes) {
        return bookdisk_write(vault_fd(arg), at, bytes);
}

static int io_ledger_cut(void *arg, uint64_t at) {
        return bookdisk_cut(vault_fd(arg), at);
}

static int io_ledger_away(void *arg) {
        return bookdisk_away(vault_fd(arg));
}

static int io_blob_read(void *arg, enum vault_blob what, const struct hash *grant, struct buf *out) {
        return bookdisk_blob_read(vault_fd(arg), what, grant, out);
}

static int io_blob_write(void *arg, enum vault_blob what, const struct hash *grant, struct span bytes) {
        return bookdisk_blob_write(vault_fd(arg), what, grant, bytes);
}

static int io_blob_remove(void *arg, enum vault_blob what, const struct hash *grant) {
        return bookdisk_blob_remove(vault_fd(arg), what, grant);
}

static int io_blob_list(void *arg, enum vault_blob what, struct buf *out) {
        return bookdisk_blob_list(vault_fd(arg), what, out);
}

static int io_clip_read(void *arg, const struct hash *clip, bool list, uint64_t at, size_t n, struct buf *out) {
        return bookdisk_clip_read(((struct server *)arg)->args->dir, clip, list, at, n, out);
}

static void io_seed(void *arg, uint8_t ret[32]) {
        (void)arg;
        REQUIRE(getrandom(ret, 32, 0) == 32); /* of so few bytes it never gives a part */
}

static mesh_wall io_wall(void *arg) {
        (void)arg;
        time_t t = time(NULL);
        return t > 0 ? (mesh_wall)t : 0;
}

/* ---- streams ---- */

enum { STREAM_MORE, STREAM_END, STREAM_IDLE };

/* One read into the room left. */
static int inbox_fill(struct inbox *in, int fd) {
        ssize_t n = recv(fd, in->p + in->n, sizeof(in->p) - in->n, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return STREAM_IDLE;
        if (n <= 0)
                return STREAM_END;
        in->n += (size_t)n;
        return STREAM_MORE;
}

/* The first whole frame. A frame that can never fit is one of a wrong size. */
static int inbox_take(const struct inbox *in, struct span *ret_body, size_t *ret_used) {
        int r = frame_take(span_of(in->p, in->n), ret_body, ret_used);
        return r == FRAME_E_MORE && in->n == sizeof(in->p) ? FRAME_E_SIZE : r;
}

/* Forgets a frame, and wipes what it said: it may have been a passphrase. */
static void inbox_drop(struct inbox *in, size_t used) {
        size_t rest = in->n - used;
        memmove(in->p, in->p + used, rest);
        hash_wipe(in->p + rest, used);
        in->n = rest;
}

/* False: the other end is gone. */
static bool flush(struct buf *out, int fd) {
        while (out->n) {
                ssize_t n = send(fd, out->p, out->n, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN;
                buf_drop(out, (size_t)n);
        }
        buf_wipe(out);
        return true;
}

/* ---- the owner's tools ---- */

static void seat_close(struct server *s, struct seat *seat) {
        vault_peer_gone(&s->vault, &seat->peer);
        close(seat->fd);
        seat->fd = -1;
        buf_wipe(&seat->peer.out);
        hash_wipe(&seat->in, sizeof(seat->in));
}

static bool seat_idle(const struct server *s, const struct seat *seat, mesh_time now) {
        return seat->fd >= 0 && now >= seat->idle_until && !vault_holds(&s->vault, &seat->peer);
}

/* A neighbour's word is being looked at, which takes milliseconds: no reason to turn the owner away. */
static bool daemon_first(const struct server *s) {
        return (s->vault.witness || s->vault.rescue) && now_ms() < s->vault.witness_until;
}

static bool seat_waits(const struct server *s, const struct seat *seat) {
        return s->vault.asker == &seat->peer || daemon_first(s);
}

/* To look at a passphrase takes a while by itself: who gave a wrong one waits from the end of that. */
static void request(struct server *s, struct seat *seat, struct span body, mesh_time now) {
        mesh_time before = s->vault.next_try;
        vault_request(&s->vault, &seat->peer, body, now);
        if (s->vault.next_try > before)
                s->vault.next_try += now_ms() - now;
}

static void seat_requests(struct server *s, struct seat *seat, mesh_time now) {
        struct span body;
        size_t used;
        int r = 0;
        while (!seat_waits(s, seat) && (r = inbox_take(&seat->in, &body, &used)) == 0) {
                request(s, seat, body, now);
                inbox_drop(&seat->in, used);
                seat->idle_until = now + SEAT_IDLE_MS;
        }
        if (r != FRAME_E_SIZE || seat->last)
                return;
        vault_refuse_why(&seat->peer, VAULT_NO_BAD_REQUEST, "the request is empty, or longer than %d bytes",
                         FRAME_BYTES_MAX);
        seat->last = true;
}

static void seat_serve(struct server *s, struct seat *seat, short events, mesh_time now) {
        bool hung_up = events & (POLLHUP | POLLERR) && seat_waits(s, seat);
        if (events & POLLIN && !seat->last && inbox_fill(&seat->in, seat->fd) == STREAM_END)
                seat->last = true;
        if (!seat_waits(s, seat))
                seat_requests(s, seat, now);
        bool idle = vault_keeps_others(&s->vault, &seat->peer) && seat_idle(s, seat, now);
        bool gone = !buf_ok(&seat->peer.out) || !flush(&seat->peer.out, seat->fd);
        bool done = seat->last && !seat_waits(s, seat) && !seat->peer.out.n;
        if (hung_up || idle || gone || done)
                seat_close(s, seat);
}

/* Its one answer, and goodbye. */
static void turn_away(int fd, enum vault_error e) {
        struct vault_peer p = {0};
        vault_refuse(&p, e);
        flush(&p.out, fd);
        buf_fini(&p.out);
        close(fd);
}

/* A tool may wait for its owner to think of a passphrase, or for a clip to come over: it is hung up on only where its place
 * is needed, and whoever has been silent for longest goes. */
static struct seat *free_seat(struct server *s, mesh_time now) {
        struct seat *longest = NULL;
        for (size_t i = 0; i < SEATS; i++) {
                struct seat *seat = &s->seats[i];
                if (seat->fd < 0)
                        return seat;
                if (seat_idle(s, seat, now) && (!longest || seat->idle_until < longest->idle_until))
                        longest = seat;
        }
        if (longest)
                seat_close(s, longest);
        return longest;
}

static void owner_accept(struct server *s, mesh_time now) {
        struct ucred who;
        socklen_t n = sizeof(who);
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
                return;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0 || !vault_may_ask(&s->vault, who.uid)) {
                log_warning("user %u may not ask for this household; hanging up", n == sizeof(who) ? who.uid : 0);
                turn_away(fd, VAULT_NO_NOT_OWNER);
                return;
        }
        struct seat *seat = free_seat(s, now);
        if (!seat) {
                turn_away(fd, VAULT_NO_BUSY);
                return;
        }
        seat->fd = fd;
        seat->last = false;
        seat->idle_until = now + SEAT_IDLE_MS;
        seat->peer = (struct vault_peer){.uid = who.uid, .out = BUF_MAX(OUT_BYTES_MAX)};
}

/* ---- the daemon ---- */

static void daemon_serve(struct server *s, short events, mesh_time now) {
        struct span body;
        size_t used;
        int r;
        if (events & (POLLIN | POLLHUP | POLLERR) && inbox_fill(&s->daemon, s->daemon_fd) == STREAM_END)
                s->over = true;
        while ((r = inbox_take(&s->daemon, &body, &used)) == 0) {
                vault_daemon(&s->vault, body, now);
                inbox_drop(&s->daemon, used);
        }
        if (r == FRAME_E_SIZE) {
                log_error("the daemon's stream makes no sense; ending, so that it starts anew");
                s->over = true;
        }
}

/* Whoever owns DIR runs the daemon. There is one at a time. */
static void daemon_accept(struct server *s) {
        struct ucred who;
        socklen_t n = sizeof(who);
        int fd = accept4(s->vault_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
                return;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0 || who.uid != s->folder.dir_uid) {
                log_warning("user %u is not the daemon's; hanging up", n == sizeof(who) ? who.uid : 0);
                close(fd);
        } else if (s->daemon_fd >= 0) {
                log_warning("a second daemon calls; hanging up");
                close(fd);
        } else {
                s->daemon_fd = fd;
        }
}

static void daemon_flush(struct server *s) {
        if (s->daemon_fd < 0)
                return;
        if (!buf_ok(&s->vault.to_daemon) || !flush(&s->vault.to_daemon, s->daemon_fd))
                s->over = true;
}

/* Somebody may ask whom the modes of a file of this user would keep out. */
static bool for_others(const struct vault *v) {
        uint32_t own = geteuid(), named = v->io->owner;
        return (named != OWNER_NOBODY && named != 0 && named != own) ||
               (v->has_key && v->key.owner != 0 && v->key.owner != own);
}

/* The daemon answers its own callers once it has heard that the owner's can ask. */
static bool listen_when_ready(struct server *s, struct folder_why *why) {
        struct wire_c_none none = {0};
        if (!s->vault.knows_device || s->listen_fd >= 0)
                return true;
        s->listen_fd = folder_listen(&s->folder, DIR_OWNER_SOCK, for_others(&s->vault), why);
        if (s->listen_fd < 0)
                return false;
        frame_put(&s->vault.to_daemon, wire_owner_find(OWNER_V_LISTENS), &none);
        daemon_flush(s);
        return true;
}

/* ---- the loop ---- */

static mesh_time next_wake(const struct server *s) {
        mesh_time at = vault_deadline(&s->vault);
        if (daemon_first(s))
                at = MIN(at, s->vault.witness_until);
        for (size_t i = 0; i < SEATS; i++)
                if (s->seats[i].fd >= 0 && vault_keeps_others(&s->vault, &s->seats[i].peer) &&
                    !vault_holds(&s->vault, &s->seats[i].peer))
                        at = MIN(at, s->seats[i].idle_until);
        return at;
}

static int wait_for(const struct server *s, struct pollfd *fds, size_t n, const sigset_t *mask) {
        mesh_time at = next_wake(s), now = now_ms();
        mesh_time ms = at > now ? MIN(at - now, (mesh_time)MS_MAX) : 0;
        struct timespec ts = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
        return ppoll(fds, n, at == MESH_NEVER ? NULL : &ts, mask);
}

enum { POLL_DAEMON, POLL_VAULT, POLL_LISTEN, POLL_SEATS, POLLS = POLL_SEATS + SEATS };

static void fill_polls(const struct server *s, struct pollfd fds[POLLS]) {
        short to_daemon = s->vault.to_daemon.n ? POLLIN | POLLOUT : POLLIN;
        fds[POLL_DAEMON] = (struct pollfd){.fd = s->daemon_fd, .events = to_daemon};
        fds[POLL_VAULT] = (struct pollfd){.fd = s->vault_fd, .events = POLLIN};
        fds[POLL_LISTEN] = (struct pollfd){.fd = s->listen_fd, .events = POLLIN};
        for (size_t i = 0; i < SEATS; i++) {
                const struct seat *seat = &s->seats[i];
                short in = seat->last || seat_waits(s, seat) ? 0 : POLLIN, out = seat->peer.out.n ? POLLOUT : 0;
                fds[POLL_SEATS + i] = (struct pollfd){.fd = seat->fd, .events = (short)(in | out)};
        }
}

static bool turn(struct server *s, const sigset_t *mask, struct folder_why *why) {
        struct pollfd fds[POLLS];
        fill_polls(s, fds);
        if (wait_for(s, fds, POLLS, mask) < 0 && errno != EINTR) {
                *why = (struct folder_why){"poll", "waiting for requests failed", "this is a bug; please report it",
                                           errno};
                return false;
        }
        if (terminated)
                return true;
        mesh_time now = now_ms();
        daemon_serve(s, fds[POLL_DAEMON].revents, now);
        vault_tick(&s->vault, now);
        for (size_t i = 0; i < SEATS; i++)
                if (s->seats[i].fd >= 0)
                        seat_serve(s, &s->seats[i], fds[POLL_SEATS + i].revents, now);
        if (fds[POLL_VAULT].revents & POLLIN)
                daemon_accept(s);
        if (fds[POLL_LISTEN].revents & POLLIN)
                owner_accept(s, now);
        daemon_flush(s);
        return listen_when_ready(s, why);
}

/* Before there is a socket to leave behind. @ret_mask is for ppoll: SIGTERM is looked at there and nowhere else. */
static void catch_signals(sigset_t *ret_mask) {
        struct sigaction act = {.sa_handler = on_term};
        sigset_t block;
        sigemptyset(&block);
        sigaddset(&block, SIGTERM);
        sigprocmask(SIG_BLOCK, &block, ret_mask);
        sigdelset(ret_mask, SIGTERM);
        sigaction(SIGTERM, &act, NULL);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN);
        signal(SIGINT,
               SIG_IGN); /* Ctrl-C at a terminal reaches the whole group: the daemon ends first, in its own order */
}

static bool loop(struct server *s, const sigset_t *mask, struct folder_why *why) {
        while (!s->over && !terminated)
                if (!turn(s, mask, why))
                        return false;
        return true;
}

static bool take_daemon(struct server *s, struct folder_why *why) {
        int type;
        socklen_t n = sizeof(type);
        if (s->args->service)
                return true;
        if (getsockopt(SERVER_DAEMON_FD, SOL_SOCKET, SO_TYPE, &type, &n) != 0 ||
            fcntl(SERVER_DAEMON_FD, F_SETFD, FD_CLOEXEC) != 0) {
                *why = (struct folder_why){"no-daemon", "there is no daemon on file descriptor 3",
                                           "porchlightd starts this program; start that", 0};
                return false;
        }
        close_range(SERVER_DAEMON_FD + 1, ~0u, 0);
        s->daemon_fd = SERVER_DAEMON_FD;
        return true;
}

static bool await_daemon(struct server *s, struct folder_why *why) {
        if (!s->args->service)
                return true;
        s->vault_fd = folder_listen(&s->folder, DIR_VAULT_SOCK, s->folder.dir_uid != geteuid(), why);
        return s->vault_fd >= 0;
}

static bool serve(struct server *s, struct folder_why *why) {
        struct syscalls filter;
        sigset_t mask;
        catch_signals(&mask);
        if (!take_daemon(s, why))
                return false;
        walls_begin(&filter);
        if (!folder_open(&s->folder, s->args->dir, s->args->sockets, why))
                return false;
        if (!walls_shut(s->args->dir, s->args->sockets, &filter, &s->io.walls)) {
                *why = (struct folder_why){"walls", "the vault does not go on without its walls", "see the line above",
                                           0};
                return false;
        }
        if (!await_daemon(s, why))
                return false;
        if (vault_init(&s->vault, &s->io)) {
                *why = (struct folder_why){"memory", "there is not enough memory", "free some, then try again", 0};
                return false;
        }
        return loop(s, &mask, why);
}

static void server_fini(struct server *s) {
        for (size_t i = 0; i < SEATS; i++)
                if (s->seats[i].fd >= 0)
                        seat_close(s, &s->seats[i]);
        if (s->listen_fd >= 0) {
                folder_unlisten(&s->folder, DIR_OWNER_SOCK);
                close(s->listen_fd);
        }
        if (s->vault_fd >= 0) {
                folder_unlisten(&s->folder, DIR_VAULT_SOCK);
                close(s->vault_fd);
        }
        vault_fini(&s->vault);
        folder_close(&s->folder);
        sodium_free(s); /* wipes */
}

static struct server *server_new(const struct server_args *args) {
        struct server *s = sodium_malloc(sizeof(*s));
        if (!s)
                return NULL;
        memset(s, 0, sizeof(*s));
        s->args = args;
        s->folder = FOLDER_NULL;
        s->listen_fd = s->vault_fd = s->daemon_fd = -1;
        for (size_t i = 0; i < SEATS; i++)
                s->seats[i].fd = -1;
        s->io = (struct vault_io){
                .key_read = io_key_read,
                .key_write = io_key_write,
                .key_remove = io_key_remove,
                .seed = io_seed,
                .wall = io_wall,
                .ledger_read = io_ledger_read,
                .ledger_write = io_ledger_write,
                .ledger_cut = io_ledger_cut,
                .ledger_away = io_ledger_away,
                .blob_read = io_blob_read,
                .blob_write = io_blob_write,
                .blob_remove = io_blob_remove,
                .blob_list = io_blob_list,
                .clip_read = io_clip_read,
                .arg = s,
                .uid = args->service ? OWNER_NOBODY : geteuid(),
                .owner = args->owner,
                .passes = KEYFILE_PASSES,
                .memory_kib = KEYFILE_MEMORY_KIB,
        };
        return s;
}

int server_run(const struct server_args *args) {
        struct folder_why why = {"memory", "there is not enough memory", "free some, then try again", 0};
        struct server *s = server_new(args);
        bool ok = s && serve(s, &why);
        if (!ok)
                log_error("%s: %s%s%s; %s", why.name, why.message, why.err ? ": " : "",
                          why.err ? strerror(why.err) : "", why.hint);
        if (s)
                server_fini(s);
        return ok ? 0 : EXIT_FAILED;
}
