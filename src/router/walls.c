/* SPDX-License-Identifier: Apache-2.0 */
#include "router/walls.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define ANY_BIT 0xffffffffull
#define TYPE_BITS 0xfull /* of a socket's type, without its flags */

/* clang-format off */
static const struct syscall_row calls[] = {
        MAY("read"), MAY("write"), MAY("close"), MAY("lseek"), MAY("_llseek"), MAY("fcntl"), MAY("fcntl64"),
        MAY_IF_BOTH("socket", 0, ANY_BIT, AF_INET, 1, TYPE_BITS, SOCK_DGRAM),
        MAY_IF_BOTH("socket", 0, ANY_BIT, AF_INET, 1, TYPE_BITS, SOCK_STREAM),
        MAY_IF_BOTH("socket", 0, ANY_BIT, AF_INET6, 1, TYPE_BITS, SOCK_DGRAM),
        MAY_IF_BOTH("socket", 0, ANY_BIT, AF_INET6, 1, TYPE_BITS, SOCK_STREAM),
        MAY("bind"), MAY("connect"), MAY("getsockname"), MAY("getpeername"), MAY("getsockopt"), MAY("setsockopt"),
        MAY("send"), MAY("sendto"), MAY("sendmsg"), MAY("recv"), MAY("recvfrom"), MAY("recvmsg"), MAY("shutdown"),
        MAY("poll"), MAY("ppoll"), MAY("ppoll_time64"), MAY("select"), MAY("_newselect"), MAY("pselect6"),
        MAY("pselect6_time64"), MAY_IF("ioctl", 1, ANY_BIT, FIONREAD), MAY_IF("ioctl", 1, ANY_BIT, FIONBIO),
        MAY("exit"), MAY("exit_group"),
        /* memory, none of it of a file or to be run */
        MAY("brk"), MAY("madvise"), MAY("mremap"), MAY("munmap"),
        MAY_IF_BOTH("mmap", 3, MAP_ANONYMOUS, MAP_ANONYMOUS, 2, PROT_EXEC, 0),
        MAY_IF_BOTH("mmap2", 3, MAP_ANONYMOUS, MAP_ANONYMOUS, 2, PROT_EXEC, 0),
        /* time, chance, an end that it chooses itself */
        MAY("alarm"), MAY("setitimer"), MAY("clock_gettime"), MAY("clock_gettime64"), MAY("gettimeofday"), MAY("time"),
        MAY("getrandom"), MAY("restart_syscall"), MAY("futex"), MAY("futex_time64"), MAY("getpid"), MAY("gettid"),
        MAY("rt_sigaction"), MAY("rt_sigprocmask"), MAY("rt_sigreturn"), MAY("sigreturn"),
        MAY_IF("tgkill", 0, ANY_BIT, SYSCALL_OWN_PID),
        /* nobody but an intruder */
        ENDS("execve"), ENDS("execveat"), ENDS("process_vm_readv"), ENDS("process_vm_writev"), ENDS("ptrace"),
};
/* clang-format on */

bool router_walls_shut(struct helper_walls *ret) {
        const struct helper_doors doors = {.tcp = true};
        return helper_shut_but(&doors, calls, ARRAY_LEN(calls), ret);
}
