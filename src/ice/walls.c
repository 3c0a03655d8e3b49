/* SPDX-License-Identifier: Apache-2.0 */
#include "ice/walls.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define ANY_BIT 0xffffffffull
#define TYPE_BITS 0xfull /* of a socket's type, without its flags */

/* clang-format off */
static const struct syscall_row calls[] = {
        MAY("read"), MAY("write"), MAY("close"), MAY("fcntl"), MAY("fcntl64"), MAY("ioctl"), MAY("shutdown"),
        MAY("send"), MAY("sendto"), MAY("sendmsg"), MAY("sendmmsg"),
        MAY("recv"), MAY("recvfrom"), MAY("recvmsg"), MAY("recvmmsg"),
        MAY("poll"), MAY("ppoll"), MAY("ppoll_time64"), MAY("eventfd2"), MAY("epoll_create1"), MAY("epoll_ctl"),
        MAY("bind"), MAY("getsockname"), MAY("getpeername"), MAY("getsockopt"), MAY("setsockopt"),
        MAY_IF_BOTH("socket", 0, ANY_BIT, AF_INET, 1, TYPE_BITS, SOCK_DGRAM),
        MAY_IF_BOTH("socket", 0, ANY_BIT, AF_INET6, 1, TYPE_BITS, SOCK_DGRAM),
        MAY_IF("socket", 0, ANY_BIT, AF_NETLINK), /* getifaddrs */
        MAY("exit"), MAY("exit_group"),
        /* memory, none of it of a file or to be run */
        MAY("brk"), MAY("madvise"), MAY("mremap"), MAY("munlock"), MAY("munmap"),
        MAY_IF("mprotect", 2, PROT_EXEC, 0),
        MAY_IF_BOTH("mmap", 3, MAP_ANONYMOUS, MAP_ANONYMOUS, 2, PROT_EXEC, 0),
        MAY_IF_BOTH("mmap2", 3, MAP_ANONYMOUS, MAP_ANONYMOUS, 2, PROT_EXEC, 0),
        /* GLib looks a doorstep's address up in a thread of its own, though it is no name; no processes (daemon/walls.c has more) */
        MAY_IF("clone", 0, CLONE_THREAD, CLONE_THREAD), MAY_IF("prctl", 0, ANY_BIT, PR_SET_NAME), MAY("set_robust_list"),
        MAY("rseq"), MAY("sched_getattr"), MAY("sched_setattr"), MAY("sched_getaffinity"),
        /* time, chance */
        MAY("clock_gettime"), MAY("clock_gettime64"), MAY("gettimeofday"), MAY("getrandom"), MAY("restart_syscall"),
        MAY("futex"), MAY("futex_time64"), MAY("getpid"), MAY("gettid"), MAY("sched_yield"), MAY("uname"),
        MAY("rt_sigaction"), MAY("rt_sigprocmask"), MAY("rt_sigreturn"), MAY("sigreturn"),
        MAY_IF("tgkill", 0, ANY_BIT, SYSCALL_OWN_PID),
        /* nobody but an intruder */
        ENDS("execve"), ENDS("execveat"), ENDS("process_vm_readv"), ENDS("process_vm_writev"), ENDS("ptrace"),
};
/* clang-format on */

bool ice_walls_shut(struct helper_walls *ret) {
        return helper_shut(calls, ARRAY_LEN(calls), ret);
}
