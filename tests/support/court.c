/* SPDX-License-Identifier: Apache-2.0 */
#include "support/court.h"

#include "base/err.h"
#include "base/log.h"
#include "node/endpoint.h"
#include "node/internal.h"
#include "node/porter.h"
#include "support/mishap.h"
#include "vault/owner.h"
#include "vault/server.h"
#include "vault/walls.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 20001
#define COURT_FOLDER 64
#define HELPER_FD 3
#define ARGS_MOST 32
#define POSTS_MOST 32
#define OUT_MOST (256 * 1024)
#define TRIES 4        /* of what was asked, in all */
#define LOOKS 500      /* until something is as it has to be … */
#define LOOK_S 2       /* … and between two of them */
#define LATER_S 70     /* by then what is tried again in a minute was */
#define LEAP_MOST 1000 /* ms that the clock moves at once */
#define STOP_TURNS 100000
#define EXIT_UNSENT_ 6
#define QUOTA (UINT64_C(1) << 30)
#define BUILT UINT64_C(1767225600)

struct court_home {
        char name[32], dir[128];
        uint8_t sign_seed[32];
        struct key noise_secret, seal_secret;
        uv_loop_t loop;
        struct node *n;
        int control;
        bool wanted, over, ready;
        pid_t vault, names;
};

static struct {
        struct court_home homes[COURT_HOMES];
        size_t n;
        char folder[COURT_FOLDER];
        pid_t asking; /* `porchlight` */
        struct {
                struct court_home *home;
                char id[80];
        } posts[POSTS_MOST];
        size_t n_posts;
        char *out, *err; /* of the last command */
        char value[8192];
        unsigned files;
} court;

void (*court_settings)(struct node_config *cfg);

int porchlight_main(int argc, char **argv); /* cli/main.c */

_printf_(1, 2) _noreturn_ static void wrong(const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        fprintf(stderr, "# ");
        vfprintf(stderr, fmt, ap);
        fprintf(stderr, "\n");
        va_end(ap);
        for (size_t i = 0; i < court.n; i++)
                if (court.homes[i].vault)
                        kill(court.homes[i].vault, SIGKILL);
        exit(1);
}

/* Ends a process that is another program: what it has reached is counted elsewhere, and would take its time. */
_noreturn_ static void end_child(int code) {
        fflush(NULL);
        syscall(SYS_exit_group, code);
        abort();
}

/* ---- what the porter is in a daemon: the number of a home stands for its socket ---- */

static struct court_home *home_of(int fd) {
        return &court.homes[fd];
}

/* Its walls would keep it from the court's clock; they have tests of their own. */
void walls_begin(_unused_ struct syscalls *f) {
}

bool walls_shut(_unused_ const char *dir, _unused_ const char *sockets, _unused_ struct syscalls *f,
                struct walls *ret) {
        *ret = (struct walls){0};
        return true;
}

_noreturn_ static void be_vault(const struct court_home *h, int stream) {
        const struct server_args args = {.dir = h->dir, .sockets = h->dir, .owner = OWNER_NOBODY};
        mishap_never();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        log_set_name("porchlight-vault");
        dup2(stream, SERVER_DAEMON_FD);
        umask(0077);
        end_child(server_run(&args));
}

int porter_vault(int fd, int *ret_stream) {
        struct court_home *h = home_of(fd);
        int pair[2];
        switch (mishap_here("the porter", 3)) {
        case 1:
                return ERR_IO;
        case 2:
                return PORTER_E_AWAY;
        case 3:
                return PORTER_E_STRANGER;
        }
        if (h->vault)
                waitpid(h->vault, NULL, 0);
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        h->vault = fork();
        REQUIRE(h->vault >= 0);
        if (h->vault == 0)
                be_vault(h, pair[1]);
        close(pair[1]);
        *ret_stream = pair[0];
        return 0;
}

void porter_kill_vault(int fd) {
        if (home_of(fd)->vault)
                kill(home_of(fd)->vault, SIGKILL);
}

/* Of the helpers there is one: it needs neither a router nor a place on the network. */
bool porter_has(_unused_ int fd, enum porter_program which) {
        return which == PORTER_NAMES;
}

_noreturn_ static void be_names(int stream) {
        char path[256], name[] = "porchlight-names", *argv[] = {name, NULL};
        const char *folder = getenv("PORCHLIGHT_LIBEXEC");
        snprintf(path, sizeof(path), "%s/%s", folder ? folder : ".", name);
        mishap_never();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(stream, HELPER_FD);
        execv(path, argv);
        end_child(127);
}

int porter_run(int fd, enum porter_program which, int *ret_stream) {
        struct court_home *h = home_of(fd);
        int pair[2], how = which == PORTER_NAMES ? (int)mishap_here("the porter", 2) : 2;
        if (how)
                return how == 1 ? ERR_IO : PORTER_E_NONE;
        porter_stop(fd, which);
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        h->names = fork();
        REQUIRE(h->names >= 0);
        if (h->names == 0)
                be_names(pair[1]);
        close(pair[1]);
        *ret_stream = pair[0];
        return 0;
}

void porter_stop(int fd, _unused_ enum porter_program which) {
        struct court_home *h = home_of(fd);
        if (!h->names)
                return;
        kill(h->names, SIGKILL);
        waitpid(h->names, NULL, 0);
        h->names = 0;
}

void porter_clear_control(int fd) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        dir_join(&path, home_of(fd)->dir, DIR_CONTROL_SOCK);
        unlink(buf_cstr(&path));
}

/* ---- a home's life ---- */

static bool on_shut(_unused_ void *ctx, struct node_walls *ret) {
        *ret = (struct node_walls){0};
        return true;
}

static void on_ready(void *ctx) {
        struct court_home *h = ctx;
        h->ready = true;
}

static void on_broken(void *ctx) {
        struct court_home *h = ctx;
        node_stop(h->n);
}

static void on_over(void *ctx) {
        struct court_home *h = ctx;
        h->over = true;
        node_stop(h->n);
}

static bool no_setting(_unused_ void *ctx, _unused_ size_t i, _unused_ struct node_setting *ret) {
        return false;
}

static bool set_nothing(_unused_ void *ctx, _unused_ struct span key, _unused_ const struct span *value,
                        struct node_refusal *ret_why) {
        *ret_why = (struct node_refusal){.name = "no-such-setting", .hint = "", .exit = EXIT_USAGE};
        return false;
}

static void new_key(struct court_home *h) {
        randombytes_buf(h->sign_seed, sizeof(h->sign_seed));
        randombytes_buf(&h->noise_secret, sizeof(h->noise_secret));
        randombytes_buf(&h->seal_secret, sizeof(h->seal_secret));
}

static void put_config(struct court_home *h, struct node_config *cfg) {
        char at[64];
        int i = (int)(h - court.homes), pid = getpid();
        *cfg = (struct node_config){
                .dir = h->dir,
                .version = "court",
                .n_listen = 1,
                .relay_quota = QUOTA,
                .clips_quota = QUOTA,
                .clips_cache = QUOTA,
                .clips_retention = CAMERA_KEEP_FOREVER,
                .porter = i,
                .control_fd = &h->control,
                .settings = {no_setting, set_nothing},
                .shut = on_shut,
                .on_ready = on_ready,
                .on_broken = on_broken,
                .on_over = on_over,
                .ctx = h,
        };
        int n = snprintf(at, sizeof(at), "127.%d.%d.%d:%d", 64 + (pid >> 16 & 63), pid >> 8 & 255, pid & 255, PORT + i);
        REQUIRE(endpoint_parse(span_of(at, (size_t)n), &cfg->listen[0].addr) == 0);
        memcpy(cfg->mesh.sign_seed, h->sign_seed, sizeof(h->sign_seed));
        cfg->mesh.noise_secret = h->noise_secret;
        cfg->mesh.seal_secret = h->seal_secret;
        cfg->mesh.built = BUILT;
        randombytes_buf(cfg->mesh.seed, sizeof(cfg->mesh.seed));
        if (court_settings)
                court_settings(cfg);
}

/* A daemon that has no memory to begin with is started again by whoever starts it. */
static void start(struct court_home *h) {
        struct node_config cfg;
        put_config(h, &cfg);
        h->ready = h->over = false;
        mishap_inside(true);
        unsigned was =
                mishap_narrow(MISHAP_MEMORY); /* of what libuv has no way to refuse, it is required that it does not */
        while (node_new(&h->n, &h->loop, &cfg))
                ;
        mishap_widen(was);
        if (node_start(h->n))
                node_stop(h->n);
        mishap_inside(false);
}

static void close_control(struct court_home *h) {
        if (h->control >= 0)
                close(h->control);
        h->control = -1;
}

static void ended(struct court_home *h) {
        h->n = node_free(h->n);
        if (h->over) {
                new_key(h);
                REQUIRE(store_clear(h->dir) == 0);
        }
        if (h->vault && !h->over)
                waitpid(h->vault, NULL, 0);
        if (!h->over) {
                h->vault = 0;
                close_control(h); /* another process would begin */
        }
        if (h->wanted)
                start(h);
}

/* ---- time ---- */

static bool read_proc(const char *path, char *ret, size_t room) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, room - 1);
        if (fd >= 0)
                close(fd);
        ret[n > 0 ? n : 0] = 0;
        return n > 0;
}

static bool sleeps(pid_t pid);

/* A thread, and the programs that it has started. */
static bool thread_sleeps(pid_t pid, const char *thread) {
        char path[96], text[512], *at = text;
        snprintf(path, sizeof(path), "/proc/%d/task/%.20s/stat", pid, thread);
        if (!read_proc(path, text, sizeof(text)))
                return true;
        const char *end = strrchr(text, ')');
        if (!end || (end[2] != 'S' && end[2] != 'Z'))
                return false;
        snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", pid, thread);
        read_proc(path, text, sizeof(text));
        for (long child; (child = strtol(at, &at, 10)) > 0;)
                if (!sleeps((pid_t)child))
                        return false;
        return true;
}

static bool sleeps(pid_t pid) {
        char path[48];
        bool all = true;
        snprintf(path, sizeof(path), "/proc/%d/task", pid);
        DIR *d = opendir(path);
        for (const struct dirent *e; d && all && (e = readdir(d));)
                all = *e->d_name == '.' || thread_sleeps(pid, e->d_name);
        if (d)
                closedir(d);
        return all;
}

/* A lookup waits for the machine's resolver, and that for a real clock. */
static bool looks_up(const struct node *n) {
        return n && n->resolver.running > 0;
}

static bool all_sleep(void) {
        for (size_t i = 0; i < court.n; i++) {
                struct court_home *h = &court.homes[i];
                if ((h->vault && !sleeps(h->vault)) || (h->names && !sleeps(h->names)) || looks_up(h->n) ||
                    (h->n && !pool_idle(&h->n->pool)))
                        return false;
        }
        return !court.asking || sleeps(court.asking);
}

/* Each loop once; then, if nothing more is to be done, the clock leaps to what comes next. */
static void turn(void) {
        struct pollfd fds[COURT_HOMES] = {0};
        int wait = LEAP_MOST;
        for (size_t i = 0; i < court.n; i++) {
                struct court_home *h = &court.homes[i];
                fds[i].fd = -1;
                if (!h->n)
                        continue;
                mishap_inside(true);
                int alive = uv_run(&h->loop, UV_RUN_NOWAIT);
                mishap_inside(false);
                if (!alive)
                        ended(h);
                int next = h->n ? uv_backend_timeout(&h->loop) : -1;
                if (next >= 0)
                        wait = MIN(wait, next);
                fds[i] = (struct pollfd){.fd = uv_backend_fd(&h->loop), .events = POLLIN};
        }
        if (wait == 0)
                return;
        bool quiet = all_sleep();
        struct timespec ts = {.tv_nsec = quiet ? 100000 : 500000}; /* what is in the kernel arrives meanwhile */
        if (syscall(SYS_ppoll, fds, court.n, &ts, NULL, 8) == 0 && quiet)
                mishap_clock(wait);
}

void court_pass(unsigned seconds) {
        mesh_wall end = (mesh_wall)time(NULL) + seconds;
        while ((mesh_wall)time(NULL) < end)
                turn();
}

/* ---- asking ---- */

static char *text_of(int fd) {
        off_t n = lseek(fd, 0, SEEK_END);
        char *text = calloc(1, (size_t)n + 1);
        REQUIRE(n >= 0 && n < OUT_MOST && text && pread(fd, text, (size_t)n, 0) == n);
        close(fd);
        return text;
}

_noreturn_ static void be_porchlight(int argc, char **argv, int out, int err) {
        mishap_never();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
        dup2(in, STDIN_FILENO);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        close_range(STDERR_FILENO + 1, ~0u, 0);
        log_set_name("porchlight");
        end_child(porchlight_main(argc, argv));
}

/* The exit code. */
static int ask(struct court_home *h, char **args, int n) {
        char name[] = "porchlight", data[] = "--data", json[] = "--json", *argv[ARGS_MOST + 5] = {name, data, h->dir};
        int status, argc = 3;
        int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
        REQUIRE(out >= 0 && err >= 0);
        for (int i = 0; i < n; i++)
                argv[argc++] = args[i];
        argv[argc++] = json;
        fflush(NULL);
        court.asking = fork();
        REQUIRE(court.asking >= 0);
        if (court.asking == 0)
                be_porchlight(argc, argv, out, err);
        while (waitpid(court.asking, &status, WNOHANG) == 0)
                turn();
        court.asking = 0;
        free(court.out);
        free(court.err);
        court.out = text_of(out);
        court.err = text_of(err);
        if (!WIFEXITED(status))
                wrong("%s: %s ends by signal %d: %s", h->name, args[0], WTERMSIG(status), court.err);
        return WEXITSTATUS(status);
}

void court_watch(struct court_home *h) {
        char name[] = "porchlight", data[] = "--data", watch[] = "watch", json[] = "--json",
             *argv[] = {name, data, h->dir, watch, json, NULL};
        fflush(NULL);
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
                int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
                be_porchlight(ARRAY_LEN(argv) - 1, argv, null, null);
        }
        mishap_arm(MISHAP_ALL);
        court_pass(1);
        mishap_disarm();
}

static int collect(va_list ap, char **ret) {
        int n = 0;
        for (char *arg; (arg = va_arg(ap, char *)); n++) {
                REQUIRE(n < ARGS_MOST);
                ret[n] = arg;
        }
        return n;
}

static const char *words(char **args, int n) {
        static char text[512];
        size_t at = 0;
        text[0] = 0;
        for (int i = 0; i < n && at < sizeof(text); i++)
                at += (size_t)snprintf(text + at, sizeof(text) - at, " %.60s", args[i]);
        return text;
}

/* The name in the error that it printed. */
static const char *said_no(void) {
        static char name[80];
        const char *at = strstr(court.err, "{\"error\"");
        if (!at)
                return NULL;
        snprintf(name, sizeof(name), "%s", court_value(at, "name"));
        return *name && *court_value(at, "message") ? name : NULL;
}

static bool is_done(int code) {
        return code == 0 || code == EXIT_UNSENT_;
}

static void all_ready(void) {
        for (size_t i = 0; i < court.n; i++)
                for (int k = 0; court.homes[i].wanted && !court.homes[i].ready; k++) {
                        if (k > STOP_TURNS)
                                wrong("%s does not start", court.homes[i].name);
                        turn();
                }
}

static bool is_one_of(const char *name, const char *names) {
        size_t n = strlen(name);
        for (const char *at = names; at && (at = strstr(at, name)); at++)
                if ((at == names || at[-1] == '|') && (!at[n] || at[n] == '|'))
                        return true;
        return false;
}

/* The folder for clips could not be made or opened when it started: behind its walls a daemon cannot try that again. */
static void again(struct court_home *h) {
        mishap_inside(true);
        node_stop(h->n); /* it is wanted: another one follows */
        mishap_inside(false);
        h->ready = false;
}

/* What struck one node may only come to light when the next thing is asked of it, or of another one. */
static const char *try(struct court_home *h, const char *no, bool must, char **args, int n) {
        for (int i = 0; i < TRIES; i++) {
                all_ready();
                if (i == 0)
                        mishap_arm(MISHAP_ALL);
                int code = ask(h, args, n);
                mishap_disarm();
                const char *name = is_done(code) ? NULL : said_no();
                if (is_done(code) && must)
                        return court.out;
                if (!is_done(code) && !name)
                        wrong("%s:%s: exit code %d without a name: %s%s", h->name, words(args, n), code, court.out,
                              court.err);
                if (name && is_one_of(name, no))
                        return court.out;
                if (!mishap_struck())
                        wrong("%s:%s: nothing failed, and it ends with %d: %s%s", h->name, words(args, n), code,
                              court.out, court.err);
                court_pass(i == 0 ? LOOK_S : LATER_S);
                if (h->n && h->n->clips.fd < 0)
                        again(h);
        }
        wrong("%s:%s: asked once more it still ends so: %s%s", h->name, words(args, n), court.out, court.err);
}

#define COLLECT(last)                                                                                                  \
        char *args[ARGS_MOST];                                                                                         \
        va_list ap;                                                                                                    \
        va_start(ap, last);                                                                                            \
        int n = collect(ap, args);                                                                                     \
        va_end(ap)

const char *court_done(struct court_home *h, ...) {
        COLLECT(h);
        return try(h, NULL, true, args, n);
}

const char *court_done_or(const char *no, struct court_home *h, ...) {
        COLLECT(h);
        return try(h, no, true, args, n);
}

void court_refused(const char *name, struct court_home *h, ...) {
        COLLECT(h);
        try(h, name, false, args, n);
}

const char *court_shows(const char *wanted, struct court_home *h, ...) {
        COLLECT(h);
        const char *word = wanted + (*wanted == '!');
        int code = 0;
        mishap_arm(MISHAP_ALL);
        for (int i = 0; i < LOOKS; i++) {
                all_ready();
                code = ask(h, args, n);
                if (is_done(code) && !strstr(court.out, word) == (*wanted == '!')) {
                        mishap_disarm();
                        return court.out;
                }
                court_pass(LOOK_S);
                if (h->n && h->n->clips.fd < 0)
                        again(h);
        }
        wrong("%s:%s does not come to show %s (%d): %s%s", h->name, words(args, n), wanted, code, court.out, court.err);
}

const char *court_post(struct court_home *h, const char *kind, const char *text) {
        REQUIRE(court.n_posts < POSTS_MOST);
        char *id = court.posts[court.n_posts].id;
        snprintf(id, sizeof(court.posts[0].id), "%s", court_value(court_done(h, "post", kind, text, NULL), "id"));
        court.posts[court.n_posts++].home = h;
        return id;
}

/* ---- words ---- */

const char *court_value(const char *printed, const char *name) {
        char key[64];
        const char *at = printed, *last = NULL;
        snprintf(key, sizeof(key), "\"%s\":", name);
        for (; (at = strstr(at, key)); at++)
                last = at + strlen(key);
        if (!last)
                wrong("no %s in: %s", name, printed);
        last += strspn(last, " ");
        bool text = *last == '"';
        size_t n = text ? strcspn(last + 1, "\"") : strcspn(last, ",}]\n");
        snprintf(court.value, sizeof(court.value), "%.*s", (int)n, last + text);
        return court.value;
}

const char *court_file(size_t bytes, unsigned seed) {
        static char path[128];
        uint8_t *p = calloc(1, bytes + 1);
        snprintf(path, sizeof(path), "%s/file-%u", court.folder, court.files++);
        for (size_t i = 0; i < bytes; i++)
                p[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + seed);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        REQUIRE(fd >= 0 && write(fd, p, bytes) == (ssize_t)bytes);
        close(fd);
        free(p);
        return path;
}

/* ---- the court's own life ---- */

const char *court_dir(const struct court_home *h) {
        return h->dir;
}

const char *court_name(const struct court_home *h) {
        return h->name;
}

static void folder_of(char ret[COURT_FOLDER], int pid) {
        snprintf(ret, COURT_FOLDER, "%s/plcourt%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", pid);
}

static int remove_one(const char *path, _unused_ const struct stat *st, _unused_ int type, _unused_ struct FTW *ftw) {
        return remove(path);
}

static void clear(int pid) {
        char folder[COURT_FOLDER];
        folder_of(folder, pid);
        nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

__attribute__((constructor)) static void begin(void) {
        mishap_clear = clear;
}

void court_begin(void) {
        folder_of(court.folder, getpid());
        REQUIRE(sodium_init() >= 0 && mkdir(court.folder, 0700) == 0);
        signal(SIGPIPE, SIG_IGN);
        setenv("LC_ALL", "C.UTF-8", 1);
        setenv("COLUMNS", "80", 1);
        setenv("RES_OPTIONS", "timeout:1 attempts:1", 1); /* where a server for names does not answer */
        log_set_level(getenv("PORCHLIGHT_LOG") ? LOG_DEBUG : LOG_WARNING);
}

static void begin_home(struct court_home *h) {
        h->wanted = true;
        mishap_arm(MISHAP_ALL);
        start(h);
        all_ready();
        mishap_disarm();
}

struct court_home *court_home(const char *name) {
        struct court_home *h = &court.homes[court.n++];
        REQUIRE(court.n <= COURT_HOMES);
        *h = (struct court_home){.control = -1};
        snprintf(h->name, sizeof(h->name), "%s", name);
        snprintf(h->dir, sizeof(h->dir), "%s/%zu", court.folder, court.n);
        REQUIRE(mkdir(h->dir, 0700) == 0 && uv_loop_init(&h->loop) == 0);
        new_key(h);
        begin_home(h);
        return h;
}

static void end_home(struct court_home *h) {
        h->wanted = h->ready = false;
        if (h->n)
                node_stop(h->n);
        for (int i = 0; h->n; i++) {
                if (i > STOP_TURNS)
                        wrong("%s does not end", h->name);
                turn();
        }
}

void court_restart(struct court_home *h) {
        mishap_arm(MISHAP_ALL);
        end_home(h);
        mishap_disarm();
        begin_home(h);
}

void court_end(void) {
        for (size_t i = 0; i < court.n; i++)
                court_restart(&court.homes[i]);
        for (size_t i = 0; i < court.n_posts; i++)
                for (size_t k = 0; k < court.n; k++)
                        court_shows(court.posts[i].id, &court.homes[k], "nearby", "--muted", NULL);
        for (size_t i = 0; i < court.n; i++) {
                end_home(&court.homes[i]);
                if (uv_loop_close(&court.homes[i].loop))
                        wrong("%s has left a handle open", court.homes[i].name);
        }
        if (base_checks_failed())
                wrong("a check of our own has failed");
        free(court.out);
        free(court.err);
}
