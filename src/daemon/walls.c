/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/walls.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/landlock.h"
#include "base/log.h"
#include "base/syscalls.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANY_BIT 0xffffffffull
#define SOCK_KIND 0xfull /* of socket()'s second argument; the rest are flags */
#define THREAD (CLONE_VM | CLONE_THREAD)

/* ---- files ---- */

/* What is outside DIR. To find a group libc follows /etc/nsswitch.conf to modules; all of these are replaced now and then, so
 * that folders are opened, not files. Names of hosts are for porchlight-names to look up. */
static const struct landlock_rule outside[] = {
        {"/etc", LANDLOCK_MAY_READ},   {"/usr", LANDLOCK_MAY_READ},         {"/lib", LANDLOCK_MAY_READ},
        {"/lib64", LANDLOCK_MAY_READ}, {"/dev/urandom", LANDLOCK_MAY_READ}, /* SQLite */
};
/* The store's: database, log, index of the log, lock. */
static const char *const store_files[] = {DIR_DB, DIR_DB "-wal", DIR_DB "-shm", "lock"};

static int shut_files(const char *dir, unsigned *ret_abi) {
        struct buf paths[ARRAY_LEN(store_files)] = {BUF_NULL};
        struct landlock_rule rules[ARRAY_LEN(outside) + ARRAY_LEN(store_files) + 2];
        _clean_(buf_fini) struct buf clips = BUF_NULL;
        memcpy(rules, outside, sizeof(outside));
        for (size_t i = 0; i < ARRAY_LEN(store_files); i++) {
                dir_join(&paths[i], dir, store_files[i]);
                rules[ARRAY_LEN(outside) + i] =
                        (struct landlock_rule){buf_cstr(&paths[i]), LANDLOCK_MAY_READ | LANDLOCK_MAY_WRITE};
        }
        dir_join(&clips, dir, DIR_CLIPS);
        rules[ARRAY_LEN(rules) - 2] =
                (struct landlock_rule){buf_cstr(&clips), LANDLOCK_MAY_READ | LANDLOCK_MAY_WRITE | LANDLOCK_MAY_MAKE};
        rules[ARRAY_LEN(rules) - 1] = (struct landlock_rule){dir, LANDLOCK_MAY_LIST}; /* SQLite syncs it */
        int r = landlock_shut(rules, ARRAY_LEN(rules), true, ret_abi);
        for (size_t i = 0; i < ARRAY_LEN(store_files); i++)
                buf_fini(&paths[i]);
        return r;
}

/* ---- system calls ---- */

/* A new socket may be of the Internet, or netlink, which tells of the machine's own addresses. A stream to another
 * process of this machine may not: owner.sock is one, and takes a caller of the daemon's own user for the owner. libc
 * asks for names of interfaces on a datagram socket of that family. */
#define SOCKETS                                                                                                        \
        MAY_IF("socket", 0, ANY_BIT, AF_INET), MAY_IF("socket", 0, ANY_BIT, AF_INET6),                                 \
                MAY_IF("socket", 0, ANY_BIT, AF_NETLINK),                                                              \
                MAY_IF_BOTH("socket", 0, ANY_BIT, AF_UNIX, 1, SOCK_KIND, SOCK_DGRAM)
/* Streams for porchlight-ice: neither end of a pair leads anywhere else. */
#define PAIRS MAY_IF_BOTH("socketpair", 0, ANY_BIT, AF_UNIX, 1, SOCK_KIND, SOCK_STREAM)
/* New threads, but no new processes. clone3() hides its flags from the filter; libc then takes clone(). */
#define THREADS MAY_IF("clone", 0, THREAD, THREAD)
/* Non-blocking, bytes that wait to be read and to be sent, names and numbers of interfaces; is the log a terminal? */
#define IOCTLS                                                                                                         \
        MAY_IF("ioctl", 1, ANY_BIT, FIONBIO), MAY_IF("ioctl", 1, ANY_BIT, FIONREAD),                                   \
                MAY_IF("ioctl", 1, ANY_BIT, SIOCOUTQ), MAY_IF("ioctl", 1, ANY_BIT, SIOCGIFNAME),                       \
                MAY_IF("ioctl", 1, ANY_BIT, SIOCGIFINDEX), MAY_IF("ioctl", 1, ANY_BIT, TCGETS)
/* Reading limits, not setting them. */
#define LIMITS MAY("getrlimit"), MAY("ugetrlimit"), MAY_IF("prlimit64", 2, ~0ull, 0)

/* clang-format off */
static const struct syscall_row calls[] = {
        /* the network */
        SOCKETS, PAIRS, MAY("accept"), MAY("accept4"), MAY("bind"), MAY("connect"), MAY("getpeername"), MAY("getsockname"),
        MAY("getsockopt"), MAY("listen"), MAY("recv"), MAY("recvfrom"), MAY("recvmmsg"), MAY("recvmmsg_time64"),
        MAY("recvmsg"), MAY("send"), MAY("sendmmsg"), MAY("sendmsg"), MAY("sendto"), MAY("setsockopt"), MAY("shutdown"),
        IOCTLS,
        /* the loop */
        MAY("epoll_create1"), MAY("epoll_ctl"), MAY("epoll_pwait"), MAY("epoll_wait"), MAY("eventfd2"), MAY("pipe2"),
        MAY("poll"), MAY("ppoll"), MAY("ppoll_time64"), MAY("timerfd_create"), MAY("timerfd_settime"), MAY("timerfd_settime64"),
        /* files that are open, or that Landlock lets it open */
        MAY("_llseek"), MAY("access"), MAY("close"), MAY("dup"), MAY("faccessat"), MAY("faccessat2"), MAY("fadvise64"),
        MAY("fallocate"), MAY("fchmod"), MAY("fchown"), MAY("fchown32"), MAY("fcntl"), MAY("fcntl64"), MAY("fdatasync"),
        MAY("flock"), MAY("fstat"), MAY("fstat64"), MAY("fstatat64"), MAY("fstatfs"), MAY("fstatfs64"), MAY("fsync"),
        MAY("ftruncate"), MAY("ftruncate64"), MAY("getcwd"), MAY("getdents64"), MAY("lseek"), MAY("lstat"),
        MAY("lstat64"), MAY("newfstatat"), MAY("open"), MAY("openat"), MAY("pread64"), MAY("pwrite64"), MAY("read"),
        MAY("readlink"), MAY("readlinkat"), MAY("readv"), MAY("rename"), MAY("renameat"), MAY("renameat2"), MAY("stat"), MAY("stat64"), MAY("statfs"), MAY("statfs64"),
        MAY("statx"), MAY("unlink"), MAY("unlinkat"), MAY("write"), MAY("writev"),
        /* memory and threads */
        THREADS, LIMITS, MAY("brk"), MAY("exit"), MAY("exit_group"), MAY("futex"), MAY("futex_time64"), MAY("gettid"),
        MAY("madvise"), MAY("membarrier"), MAY("mlock"), MAY("mmap"), MAY("mmap2"), MAY("mprotect"), MAY("mremap"),
        MAY("munlock"), MAY("munmap"), MAY("restart_syscall"), MAY("rseq"), MAY("sched_getaffinity"), MAY("sched_yield"),
        MAY("set_robust_list"), MAY("sigaltstack"), MAY("sysinfo"),
        /* signals of its own */
        MAY("rt_sigaction"), MAY("rt_sigprocmask"), MAY("rt_sigreturn"), MAY("sigreturn"), MAY_IF("tgkill", 0, ANY_BIT, SYSCALL_OWN_PID),
        /* time, chance, who it is */
        MAY("clock_getres"), MAY("clock_getres_time64"), MAY("clock_gettime"), MAY("clock_gettime64"),
        MAY("clock_nanosleep"), MAY("clock_nanosleep_time64"), MAY("getegid"), MAY("getegid32"), MAY("geteuid"),
        MAY("geteuid32"), MAY("getgid"), MAY("getgid32"), MAY("getpid"), MAY("getrandom"), MAY("gettimeofday"),
        MAY("getuid"), MAY("getuid32"), MAY("nanosleep"), MAY("time"), MAY("uname"),
        /* 32-bit ARM */
        MAY("cacheflush"), MAY("set_tls"),
        /* nobody but an intruder */
        ENDS("execve"), ENDS("execveat"), ENDS("process_vm_readv"), ENDS("process_vm_writev"), ENDS("ptrace"),
};
/* clang-format on */

/* ---- both ---- */

void walls_begin(struct syscalls *filter) {
        syscalls_begin(filter, calls, ARRAY_LEN(calls));
}

bool walls_shut(const char *dir, struct syscalls *filter, struct node_walls *ret) {
        *ret = (struct node_walls){0};
        int r = shut_files(dir, &ret->landlock);
        if (r == LANDLOCK_E_NONE && landlock_built)
                log_warning(
                        "this kernel has no Landlock: what the daemon's user may read, a daemon taken over can read");
        if (r < 0) {
                log_error("walls: Landlock does not take the daemon's rules: %s; see `dmesg`", strerror(errno));
                return false;
        }
        r = syscalls_shut(filter);
        ret->syscalls = r == 0;
        if (r == SYSCALLS_E_NONE && syscalls_built)
                log_warning("this kernel has no seccomp: the daemon's system calls are not filtered");
        if (r == SYSCALLS_E_NONE && !syscalls_built)
                log_info("built without a filter of system calls");
        if (r < 0)
                log_error("walls: the filter of system calls does not load: %s; see `dmesg`", strerror(errno));
        return r >= 0;
}
