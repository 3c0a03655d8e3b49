/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/walls.h"

#include <sys/mman.h>

#define ANY_BIT 0xffffffffull

/* clang-format off */
static const struct syscall_row calls[] = {
        MAY_IF("read", 0, ANY_BIT, 0), MAY_IF("lseek", 0, ANY_BIT, 0), MAY_IF("_llseek", 0, ANY_BIT, 0),
        MAY_IF("write", 0, ANY_BIT, 1), MAY_IF("write", 0, ANY_BIT, 2),
        MAY("exit"), MAY("exit_group"),
        /* memory, none of it of a file or to be run */
        MAY("brk"), MAY("madvise"), MAY("mremap"), MAY("munlock"), MAY("munmap"),
        MAY_IF_BOTH("mmap", 3, MAP_ANONYMOUS, MAP_ANONYMOUS, 2, PROT_EXEC, 0),
        MAY_IF_BOTH("mmap2", 3, MAP_ANONYMOUS, MAP_ANONYMOUS, 2, PROT_EXEC, 0),
        /* what a library does once, among threads that there are not; an end that it chooses itself */
        MAY("futex"), MAY("futex_time64"), MAY("getpid"), MAY("gettid"), MAY("rt_sigaction"), MAY("rt_sigprocmask"),
        MAY_IF("tgkill", 0, ANY_BIT, SYSCALL_OWN_PID),
        MAY("restart_syscall"), MAY("rt_sigreturn"), MAY("sigreturn"),
        /* nobody but an intruder */
        ENDS("execve"), ENDS("execveat"), ENDS("process_vm_readv"), ENDS("process_vm_writev"), ENDS("ptrace"),
};
/* clang-format on */

bool ingest_walls_shut(struct helper_walls *ret) {
        return helper_shut(calls, ARRAY_LEN(calls), ret);
}
