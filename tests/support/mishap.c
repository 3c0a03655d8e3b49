/* SPDX-License-Identifier: Apache-2.0 */
#undef _FORTIFY_SOURCE
#include "support/mishap.h"

#include "crypto/rng.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define DEPTH 7           /* calls that make a way: what is further out only tells stories apart */
#define FRAMES_OWN 3      /* of them here */
#define WAYS_MOST 65536   /* a power of two, and twice as many as any story has */
#define TELLINGS 2        /* where not all ways are tried … */
#define TELLINGS_MOST 900 /* … and where all are */
#define SAMPLE 8          /* of so many ways one is tried, where not all are */
#define STORY_SECONDS 90  /* of real time */
#define TOLD 16384
#define SLICE_MS 2

extern const char __executable_start[];

/* With the other processes of a telling, and with the tellings after it. */
static struct shared {
        pthread_mutex_t lock;
        _Atomic int64_t clock_ms;
        _Atomic unsigned armed;
        _Atomic bool now; /* something has failed since it was armed */
        uint64_t seen[WAYS_MOST];
        unsigned ways, failed, struck; /* in all: come by, failed; in this telling */
        struct rng rng;
        size_t n_told;
        char told[TOLD];
} * shared;

static struct {
        bool all, never;
        uint64_t only;
} mishap;

static _Thread_local bool inside, busy;

/* ---- ways ---- */

/* Whoever holds it may be killed, as a vault is, also before it has become its program; so may whoever waits: one that slept
 * and was to be woken by it would sleep on. */
static void lock(void) {
        int e;
        while ((e = pthread_mutex_trylock(&shared->lock)) == EBUSY)
                sched_yield();
        if (e == EOWNERDEAD)
                pthread_mutex_consistent(&shared->lock);
}

static void unlock(void) {
        pthread_mutex_unlock(&shared->lock);
}

static bool is_new(uint64_t way) {
        for (size_t i = way;; i++) {
                uint64_t *at = &shared->seen[i & (WAYS_MOST - 1)];
                if (*at == way)
                        return false;
                if (*at)
                        continue;
                *at = way;
                REQUIRE(++shared->ways < WAYS_MOST / 2);
                return true;
        }
}

static bool chosen(uint64_t way) {
        if (mishap.only)
                return way == mishap.only;
        return mishap.all || rng_below(&shared->rng, SAMPLE) == 0;
}

static void tell_struck(const char *what, unsigned kind, uint64_t way, void *const *calls, int n) {
        char *to = shared->told + shared->n_told;
        size_t room = TOLD - shared->n_told, at = 0;
        at += (size_t)snprintf(to, room, "# %s fails (%u), PORCHLIGHT_FAULTS=%llx:", what, kind,
                               (unsigned long long)way);
        for (int i = 0; i < n && at < room; i++)
                at += (size_t)snprintf(to + at, room - at, " %zx",
                                       (size_t)((const char *)calls[i] - __executable_start));
        if (at < room)
                at += (size_t)snprintf(to + at, room - at, "\n");
        shared->n_told += MIN(at, room - 1);
}

/* 0: it goes well; else in which of @kinds ways it fails. */
__attribute__((noinline)) static unsigned fails(unsigned class, const char *what, unsigned kinds) {
        void *calls[FRAMES_OWN + DEPTH];
        unsigned failed = 0;
        int e = errno;
        if (!shared || mishap.never || busy || !(atomic_load(&shared->armed) & class) ||
            (getpid() == gettid() && !inside))
                return 0;
        busy = true;
        int n = backtrace(calls, FRAMES_OWN + DEPTH);
        for (unsigned kind = 1; kind <= kinds && !failed; kind++) {
                uint64_t way = 0xcbf29ce484222325u ^ kind;
                for (int i = FRAMES_OWN - 1; i < n; i++)
                        way = (way ^ (size_t)((const char *)calls[i] - __executable_start)) * 0x100000001b3u;
                way |= 1;
                lock();
                if (atomic_load(&shared->armed) && is_new(way) && chosen(way)) {
                        failed = kind;
                        atomic_store(&shared->armed, 0);
                        shared->failed++;
                        shared->struck++;
                        shared->now = true;
                        tell_struck(what, kind, way, calls + FRAMES_OWN - 1, n - FRAMES_OWN + 1);
                }
                unlock();
        }
        busy = false;
        errno = e;
        return failed;
}

void mishap_arm(unsigned what) {
        shared->now = false;
        atomic_store(&shared->armed, what);
}

unsigned mishap_narrow(unsigned what) {
        unsigned was = shared->armed;
        shared->armed = was & what;
        return was;
}

void mishap_widen(unsigned was) {
        if (!shared->now)
                shared->armed = was;
}

void mishap_disarm(void) {
        atomic_store(&shared->armed, 0);
}

unsigned mishap_here(const char *what, unsigned kinds) {
        return fails(MISHAP_LOOP, what, kinds);
}

bool mishap_struck(void) {
        return shared->struck;
}

void mishap_never(void) {
        mishap.never = true;
}

void mishap_inside(bool is) {
        inside = is;
}

void mishap_clock(int64_t ms) {
        shared->clock_ms += ms;
}

/* ---- what the linker leads here ---- */

#define MEMORY_X(type, name, args, call)                                                                               \
        type __real_##name args;                                                                                       \
        type __wrap_##name args;                                                                                       \
        type __wrap_##name args {                                                                                      \
                return fails(MISHAP_MEMORY, #name, 1) ? NULL : __real_##name call;                                     \
        }
MEMORY_X(void *, malloc, (size_t n), (n))
MEMORY_X(void *, calloc, (size_t n, size_t size), (n, size))
MEMORY_X(void *, realloc, (void *p, size_t n), (p, n))
MEMORY_X(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size))
MEMORY_X(char *, strdup, (const char *s), (s))

#define LOOP_X(name, error, args, call) CALL_X(MISHAP_LOOP, name, error, args, call)
/* What libuv would have had no memory for. */
#define THREAD_X(name, error, args, call) CALL_X(MISHAP_MEMORY, name, error, args, call)
#define CALL_X(class, name, error, args, call)                                                                         \
        int __real_##name args;                                                                                        \
        int __wrap_##name args;                                                                                        \
        int __wrap_##name args {                                                                                       \
                return fails(class, #name, 1) ? (error) : __real_##name call;                                          \
        }
LOOP_X(uv_tcp_init, UV_ENOMEM, (uv_loop_t * loop, uv_tcp_t *h), (loop, h))
LOOP_X(uv_pipe_open, UV_ENOMEM, (uv_pipe_t * h, uv_file fd), (h, fd))
LOOP_X(uv_read_start, UV_ENOMEM, (uv_stream_t * h, uv_alloc_cb alloc, uv_read_cb cb), (h, alloc, cb))
LOOP_X(uv_shutdown, UV_ENOTCONN, (uv_shutdown_t * req, uv_stream_t *h, uv_shutdown_cb cb), (req, h, cb))
LOOP_X(uv_fileno, UV_EBADF, (const uv_handle_t *h, uv_os_fd_t *fd), (h, fd))
LOOP_X(uv_tcp_bind, UV_EADDRINUSE, (uv_tcp_t * h, const struct sockaddr *a, unsigned flags), (h, a, flags))
LOOP_X(uv_tcp_connect, UV_ENETUNREACH, (uv_connect_t * req, uv_tcp_t *h, const struct sockaddr *a, uv_connect_cb cb),
       (req, h, a, cb))
LOOP_X(uv_tcp_getpeername, UV_ENOTCONN, (const uv_tcp_t *h, struct sockaddr *a, int *n), (h, a, n))
LOOP_X(uv_tcp_getsockname, UV_ENOTCONN, (const uv_tcp_t *h, struct sockaddr *a, int *n), (h, a, n))
LOOP_X(uv_write, UV_EPIPE, (uv_write_t * req, uv_stream_t *h, const uv_buf_t bufs[], unsigned n, uv_write_cb cb),
       (req, h, bufs, n, cb))
LOOP_X(uv_poll_init, UV_EEXIST, (uv_loop_t * loop, uv_poll_t *h, int fd), (loop, h, fd))
LOOP_X(uv_thread_create, UV_EAGAIN, (uv_thread_t * t, uv_thread_cb entry, void *arg), (t, entry, arg))
THREAD_X(uv_mutex_init, UV_ENOMEM, (uv_mutex_t * m), (m))
THREAD_X(uv_cond_init, UV_ENOMEM, (uv_cond_t * c), (c))
THREAD_X(uv_async_init, UV_ENOMEM, (uv_loop_t * loop, uv_async_t *h, uv_async_cb cb), (loop, h, cb))
LOOP_X(getifaddrs, (errno = ENOMEM, -1), (struct ifaddrs * *all), (all))

int __real_uv_try_write(uv_stream_t *h, const uv_buf_t bufs[], unsigned n);
int __wrap_uv_try_write(uv_stream_t *h, const uv_buf_t bufs[], unsigned n);
int __wrap_uv_try_write(uv_stream_t *h, const uv_buf_t bufs[], unsigned n) {
        unsigned how = fails(MISHAP_LOOP, "uv_try_write", 2);
        return how == 1 ? UV_EAGAIN : how == 2 ? UV_ECONNRESET : __real_uv_try_write(h, bufs, n);
}

/* ---- what the dynamic linker leads here, out of libsqlite3 and libuv too ---- */

__attribute__((always_inline)) static inline long disk(const char *what, int e, long number, long a, long b, long c,
                                                       long d) {
        if (fails(MISHAP_DISK, what, 1)) {
                errno = e;
                return -1;
        }
        return syscall(number, a, b, c, d);
}

#define DISK(name, e, number, a, b, c, d) disk(name, e, number, (long)(a), (long)(b), (long)(c), (long)(d))

static mode_t mode_of(int flags, va_list ap) {
        return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

static int open_file(int dir, const char *path, int flags, mode_t mode) {
        unsigned how =
                strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0 ? 0 : fails(MISHAP_DISK, "open", 2);
        if (how) {
                errno = how == 1 ? EIO : EMFILE;
                return -1;
        }
        return (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define OPEN_X(name, before, dir)                                                                                      \
        int name(before const char *path, int flags, ...);                                                             \
        int name(before const char *path, int flags, ...) {                                                            \
                va_list ap;                                                                                            \
                va_start(ap, flags);                                                                                   \
                mode_t mode = mode_of(flags, ap);                                                                      \
                va_end(ap);                                                                                            \
                return open_file(dir, path, flags, mode);                                                              \
        }
#define NOTHING
#define DIR_ARG int dir,
OPEN_X(open64, NOTHING, AT_FDCWD)
OPEN_X(openat64, DIR_ARG, dir)

int fsync(int fd) {
        return fails(MISHAP_DISK, "fsync", 1) ? (errno = EIO, -1) : 0 * fd; /* a story outlives no power cut */
}

int fdatasync(int fd) {
        return fails(MISHAP_DISK, "fdatasync", 1) ? (errno = EIO, -1) : 0 * fd;
}

ssize_t pread64(int fd, void *p, size_t n, off64_t at) {
        unsigned how = fails(MISHAP_DISK, "pread", 2);
        if (how == 1)
                return errno = EIO, -1;
        return syscall(SYS_pread64, fd, p, how ? n / 2 : n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at) {
        unsigned how = fails(MISHAP_DISK, "pwrite", 4);
        if (how && how < 4) {
                errno = how == 1 ? ENOSPC : how == 2 ? EIO : EINTR;
                return -1;
        }
        return syscall(SYS_pwrite64, fd, p, how && n > 1 ? n / 2 : n, at);
}

static bool is_file(int fd) {
        struct stat st;
        return syscall(SYS_fstat, fd, &st) == 0 && S_ISREG(st.st_mode);
}

ssize_t read(int fd, void *p, size_t n) {
        unsigned how = shared && shared->armed && is_file(fd) ? fails(MISHAP_DISK, "read", 2) : 0;
        if (how == 1)
                return errno = EIO, -1;
        return syscall(SYS_read, fd, p, how && n > 1 ? n / 2 : n);
}

ssize_t write(int fd, const void *p, size_t n) {
        unsigned how =
                shared && shared->armed && fd > STDERR_FILENO && is_file(fd) ? fails(MISHAP_DISK, "write", 4) : 0;
        if (how && how < 4) {
                errno = how == 1 ? ENOSPC : how == 2 ? EIO : EINTR;
                return -1;
        }
        return syscall(SYS_write, fd, p, how && n > 1 ? n / 2 : n);
}

int ftruncate64(int fd, off64_t n) {
        return (int)DISK("ftruncate", EIO, SYS_ftruncate, fd, n, 0, 0);
}

int unlink(const char *path) {
        return (int)DISK("unlink", EIO, SYS_unlinkat, AT_FDCWD, path, 0, 0);
}

int unlinkat(int dir, const char *path, int flags) {
        return (int)DISK("unlinkat", EIO, SYS_unlinkat, dir, path, flags, 0);
}

int renameat(int from, const char *path, int to, const char *name) {
        return (int)DISK("renameat", EIO, SYS_renameat, from, path, to, name);
}

int rename(const char *path, const char *name) {
        return (int)DISK("rename", EIO, SYS_renameat, AT_FDCWD, path, AT_FDCWD, name);
}

int mkdir(const char *path, mode_t mode) {
        return (int)DISK("mkdir", ENOSPC, SYS_mkdirat, AT_FDCWD, path, mode, 0);
}

int fchmod(int fd, mode_t mode) {
        return (int)DISK("fchmod", EPERM, SYS_fchmod, fd, mode, 0, 0);
}

int chmod(const char *path, mode_t mode) {
        return (int)DISK("chmod", EPERM, SYS_fchmodat, AT_FDCWD, path, mode, 0);
}

int fstatat64(int dir, const char *restrict path, struct stat64 *restrict st, int flags) {
        return (int)DISK("fstatat", EIO, SYS_newfstatat, dir, path, st, flags);
}

int fstat64(int fd, struct stat64 *st) {
        return (int)DISK("fstat", EIO, SYS_fstat, fd, st, 0, 0);
}

#define FOLDER_X(name, type, error, args, call)                                                                        \
        type __real_##name args;                                                                                       \
        type __wrap_##name args;                                                                                       \
        type __wrap_##name args {                                                                                      \
                return fails(MISHAP_DISK, #name, 1) ? (error) : __real_##name call;                                    \
        }
FOLDER_X(fstatvfs64, int, (errno = EIO, -1), (int fd, struct statvfs64 *st), (fd, st))
FOLDER_X(fdopendir, void *, (errno = ENOMEM, NULL), (int fd), (fd))
FOLDER_X(sqlite3_prepare_v2, int, SQLITE_NOMEM,
         (sqlite3 * db, const char *sql, int n, sqlite3_stmt **ret, const char **tail), (db, sql, n, ret, tail))
FOLDER_X(sqlite3_prepare_v3, int, SQLITE_NOMEM,
         (sqlite3 * db, const char *sql, int n, unsigned flags, sqlite3_stmt **ret, const char **tail),
         (db, sql, n, flags, ret, tail))
FOLDER_X(sqlite3_step, int, SQLITE_NOMEM, (sqlite3_stmt * s), (s))

#define SOCKET_X(name, error, args, call)                                                                              \
        int __real_##name args;                                                                                        \
        int __wrap_##name args;                                                                                        \
        int __wrap_##name args {                                                                                       \
                return fails(MISHAP_LOOP, #name, 1) ? (errno = (error), -1) : __real_##name call;                      \
        }
SOCKET_X(socket, EMFILE, (int family, int type, int protocol), (family, type, protocol))
SOCKET_X(timerfd_create, EMFILE, (int clock, int flags), (clock, flags))
SOCKET_X(timerfd_settime, ENOMEM, (int fd, int flags, const struct itimerspec *at, struct itimerspec *was),
         (fd, flags, at, was))
SOCKET_X(bind, EADDRINUSE, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
SOCKET_X(setsockopt, ENOPROTOOPT, (int fd, int level, int name, const void *value, socklen_t n),
         (fd, level, name, value, n))
SOCKET_X(getsockopt, ENOTSOCK, (int fd, int level, int name, void *value, socklen_t *n), (fd, level, name, value, n))

/* ---- clocks ---- */

static void ahead(struct timespec *ts) {
        if (!shared)
                return;
        int64_t ms = shared->clock_ms;
        ts->tv_sec += ms / 1000;
        ts->tv_nsec += ms % 1000 * 1000000;
        if (ts->tv_nsec >= 1000000000) {
                ts->tv_nsec -= 1000000000;
                ts->tv_sec++;
        }
}

int clock_gettime(clockid_t clock, struct timespec *ts) {
        int r = (int)syscall(SYS_clock_gettime, clock, ts);
        if (r == 0 && clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID)
                ahead(ts);
        return r;
}

time_t time(time_t *ret) {
        struct timespec ts;
        clock_gettime(CLOCK_REALTIME, &ts);
        if (ret)
                *ret = ts.tv_sec;
        return ts.tv_sec;
}

static int64_t monotonic_ms(void) {
        struct timespec ts;
        clock_gettime(CLOCK_MONOTONIC, &ts);
        return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Whoever waits is woken when the clock has moved on. */
int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *wait, const sigset_t *mask) {
        int64_t end = wait ? monotonic_ms() + wait->tv_sec * 1000 + (wait->tv_nsec + 999999) / 1000000 : INT64_MAX;
        for (;;) {
                int64_t left = MIN(MAX(end - monotonic_ms(), 0), SLICE_MS);
                struct timespec slice = {.tv_nsec = (long)left * 1000000};
                long r = syscall(SYS_ppoll, fds, n, &slice, mask, 8);
                if (r != 0 || (wait && monotonic_ms() >= end))
                        return (int)r;
        }
}

int poll(struct pollfd *fds, nfds_t n, int ms) {
        struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
        return ppoll(fds, n, ms < 0 ? NULL : &ts, NULL);
}

int nanosleep(const struct timespec *wait, struct timespec *rest) {
        (void)rest;
        return ppoll(NULL, 0, wait, NULL);
}

/* ---- tellings ---- */

void (*mishap_clear)(int pid);

static int telling(void (*story)(void), bool well) {
        static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
        int status;
        fflush(NULL);
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)!dup2(STDERR_FILENO, STDOUT_FILENO); /* the parent tells the TAP */
                alarm(STORY_SECONDS);
                for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
                        signal(deadly[i], SIG_DFL); /* the test's runner would go on with the next test here */
                mishap.never = well;
                story();
                exit(EXIT_SUCCESS);
        }
        REQUIRE(waitpid(pid, &status, 0) == pid);
        if (mishap_clear)
                mishap_clear(pid);
        return status;
}

static uint64_t seed_wanted(void) {
        const char *text = getenv("PORCHLIGHT_FAULTS_SEED");
        return text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
}

/* Run by hand it finds the programs where the build has put them. */
static void find_programs(void) {
        char path[1024];
        ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("../.."));
        while (n > 0 && path[n - 1] != '/')
                n--;
        if (n > 0) {
                strcpy(path + n, "../..");
                setenv("PORCHLIGHT_LIBEXEC", path, 0);
        }
}

static void lock_init(void) {
        pthread_mutexattr_t how;
        pthread_mutexattr_init(&how);
        pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
        REQUIRE(pthread_mutex_init(&shared->lock, &how) == 0);
}

static void begin(void) {
        void *calls[4];
        find_programs();
        uint8_t bytes[32] = {0};
        const char *how = getenv("PORCHLIGHT_FAULTS");
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        REQUIRE(shared != MAP_FAILED);
        lock_init();
        uint64_t seed = seed_wanted();
        mishap.all = how && strcmp(how, "all") == 0;
        mishap.only = how && !mishap.all ? strtoull(how, NULL, 16) : 0;
        if (!mishap.all)
                printf("# PORCHLIGHT_FAULTS_SEED=%llu\n", (unsigned long long)seed);
        put_be64(bytes, seed);
        rng_init(&shared->rng, bytes);
        backtrace(calls, 4); /* loads what it needs now */
}

unsigned mishap_tell(const char *name, void (*story)(void)) {
        unsigned wrong = 0, tellings = 0, most = mishap.all ? TELLINGS_MOST : TELLINGS;
        if (!shared)
                begin();
        unsigned ways = shared->ways, failed = shared->failed;
        most = mishap.all ? TELLINGS_MOST : mishap.only ? 2 : TELLINGS;
        do {
                shared->n_told = 0;
                shared->struck = 0;
                shared->clock_ms = 0;
                shared->armed = 0;
                int status = telling(story, tellings == 0);
                tellings++;
                if (status == 0)
                        continue;
                wrong++;
                printf("# %s, telling %u ends with status %x\n%s", name, tellings, (unsigned)status, shared->told);
                fflush(stdout);
        } while ((shared->struck || tellings == 1 || !mishap.all) && tellings < most);
        printf("# %s: %u tellings, %u ways, %u of them failed, %u tellings wrong\n", name, tellings,
               shared->ways - ways, shared->failed - failed, wrong);
        return wrong;
}
