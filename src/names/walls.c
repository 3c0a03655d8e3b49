/* SPDX-License-Identifier: Apache-2.0 */
#include "names/walls.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define ANY_BIT 0xffffffffull

/* The resolver of libc follows /etc/nsswitch.conf to modules, and /etc/resolv.conf to wherever the network's manager keeps
 * it; all of these are replaced now and then, so that folders are opened, not files. */
static const struct landlock_rule files[] = {
        {"/etc", LANDLOCK_MAY_READ},
        {"/usr", LANDLOCK_MAY_READ},
        {"/lib", LANDLOCK_MAY_READ},
        {"/lib64", LANDLOCK_MAY_READ},
        {"/run/systemd/resolve", LANDLOCK_MAY_READ},
        {"/run/NetworkManager", LANDLOCK_MAY_READ},
        {"/run/resolvconf", LANDLOCK_MAY_READ},
        {"/run/connman", LANDLOCK_MAY_READ},
};

/* clang-format off */
/* No local socket: owner.sock is one, and takes a caller of the daemon's own user for the owner. So nscd, resolved's own socket
 * and Avahi are out of reach. */
static const struct syscall_row calls[] = {
        MAY_IF("socket", 0, ANY_BIT, AF_INET), MAY_IF("socket", 0, ANY_BIT, AF_INET6),
        MAY_IF("socket", 0, ANY_BIT, AF_NETLINK), /* which addresses there are: in what order answers are tried */
        MAY("connect"), MAY("bind"), MAY("getsockname"), MAY("getpeername"), MAY("getsockopt"), MAY("setsockopt"),
        MAY("send"), MAY("sendto"), MAY("sendmsg"), MAY("sendmmsg"), MAY("shutdown"),
        MAY("recv"), MAY("recvfrom"), MAY("recvmsg"), MAY("poll"), MAY("ppoll"), MAY("ppoll_time64"),
        MAY_IF("ioctl", 1, ANY_BIT, FIONREAD), MAY_IF("ioctl", 1, ANY_BIT, FIONBIO),
        /* files that are open, or that Landlock lets it open */
        MAY("read"), MAY("write"), MAY("writev"), MAY("close"), MAY("pread64"), MAY("lseek"), MAY("_llseek"),
        MAY_IF("open", 1, O_ACCMODE, O_RDONLY), MAY_IF("openat", 2, O_ACCMODE, O_RDONLY),
        MAY("access"), MAY("faccessat"), MAY("faccessat2"), MAY("fcntl"), MAY("fcntl64"), MAY("fstat"), MAY("fstat64"),
        MAY("stat"), MAY("stat64"), MAY("lstat"), MAY("newfstatat"), MAY("fstatat64"), MAY("statx"), MAY("statfs"),
        MAY("getcwd"), MAY("readlink"), MAY("readlinkat"), MAY("getdents64"),
        /* memory; a module that was installed since is mapped to be run */
        MAY("brk"), MAY("madvise"), MAY("mmap"), MAY("mmap2"), MAY("mprotect"), MAY("mremap"), MAY("munmap"),
        /* a thread a question; no processes (daemon/walls.c has more) */
        MAY_IF("clone", 0, CLONE_THREAD, CLONE_THREAD), MAY("exit"), MAY("exit_group"), MAY("set_robust_list"), MAY("rseq"),
        MAY("futex"), MAY("futex_time64"), MAY("gettid"), MAY("sched_getaffinity"), MAY("sched_yield"),
        /* time, chance, who it is */
        MAY("clock_gettime"), MAY("clock_gettime64"), MAY("gettimeofday"), MAY("time"), MAY("clock_nanosleep"),
        MAY("clock_nanosleep_time64"), MAY("nanosleep"), MAY("restart_syscall"), MAY("getrandom"), MAY("getpid"), MAY("getuid"),
        MAY("geteuid"), MAY("getgid"), MAY("getegid"), MAY("getuid32"), MAY("geteuid32"), MAY("getgid32"), MAY("getegid32"),
        MAY("uname"), MAY("sysinfo"), MAY("rt_sigaction"), MAY("rt_sigprocmask"), MAY("rt_sigreturn"), MAY("sigreturn"),
        MAY_IF("tgkill", 0, ANY_BIT, SYSCALL_OWN_PID),
        /* 32-bit ARM */
        MAY("cacheflush"), MAY("set_tls"),
        /* nobody but an intruder */
        ENDS("execve"), ENDS("execveat"), ENDS("process_vm_readv"), ENDS("process_vm_writev"), ENDS("ptrace"),
};
/* clang-format on */

bool names_walls_shut(struct helper_walls *ret) {
        const struct helper_doors doors = {.files = files, .n_files = ARRAY_LEN(files), .tcp = true};
        return helper_shut_but(&doors, calls, ARRAY_LEN(calls), ret);
}
