/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/walls.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/landlock.h"
#include "base/log.h"
#include "base/syscalls.h"

#include <asm/termbits.h>
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define ANY_BIT 0xffffffffull

static int shut_files(const char *dir, const char *sockets, unsigned *ret_abi) {
        _clean_(buf_fini) struct buf vault = BUF_NULL, clips = BUF_NULL;
        dir_join(&vault, dir, DIR_VAULT);
        dir_join(&clips, dir, DIR_CLIPS);
        const struct landlock_rule rules[] = {
                {buf_cstr(&vault), LANDLOCK_MAY_READ | LANDLOCK_MAY_WRITE | LANDLOCK_MAY_MAKE},
                {buf_cstr(&clips), LANDLOCK_MAY_READ}, /* the owner looks at a clip */
                {sockets, LANDLOCK_MAY_BIND},
                {"/etc/localtime", LANDLOCK_MAY_READ}, /* times in its log on a terminal, and in sentences */
                {"/usr/share/zoneinfo", LANDLOCK_MAY_READ},
        };
        return landlock_shut(rules, ARRAY_LEN(rules), false, ret_abi);
}

/* No connect(): what speaks with the vault has come to it. */
/* clang-format off */
static const struct syscall_row calls[] = {
        /* its sockets */
        MAY_IF("socket", 0, ANY_BIT, AF_UNIX), MAY("accept4"), MAY("bind"), MAY("getsockopt"), MAY("listen"), MAY("ppoll"),
        MAY("ppoll_time64"), MAY("recv"), MAY("recvfrom"), MAY("send"), MAY("sendto"), MAY("umask"),
        /* its folder */
        MAY("_llseek"), MAY("access"), MAY("close"), MAY("faccessat"), MAY("faccessat2"), MAY("fchmod"), MAY("fcntl"),
        MAY("fcntl64"), MAY("fdatasync"), MAY("fstat"), MAY("fstat64"), MAY("fstatat64"), MAY("fsync"), MAY("ftruncate"),
        MAY("ftruncate64"), MAY("getdents"), MAY("getdents64"), MAY("linkat"), MAY("lseek"), MAY("lstat"), MAY("lstat64"), MAY("newfstatat"), MAY("open"),
        MAY("openat"), MAY("pread64"), MAY("pwrite64"), MAY("read"), MAY("readlink"), MAY("readlinkat"), MAY("rename"),
        MAY("renameat"), MAY("renameat2"), MAY("stat"), MAY("stat64"), MAY("statx"), MAY("unlink"), MAY("unlinkat"),
        MAY("write"), MAY("writev"),
        MAY_IF("ioctl", 1, ANY_BIT, TCGETS), /* is the log a terminal? */
        /* memory */
        MAY("brk"), MAY("exit"), MAY("exit_group"), MAY("futex"), MAY("futex_time64"), MAY("madvise"), MAY("mlock"),
        MAY("mmap"), MAY("mmap2"), MAY("mprotect"), MAY("mremap"), MAY("munlock"), MAY("munmap"),
        MAY("restart_syscall"), MAY("rseq"), MAY("sysinfo"),
        /* signals of its own */
        MAY("gettid"), MAY("rt_sigaction"), MAY("rt_sigprocmask"), MAY("rt_sigreturn"), MAY("sigreturn"),
        MAY_IF("tgkill", 0, ANY_BIT, SYSCALL_OWN_PID),
        /* time, chance, who it is */
        MAY("clock_getres"), MAY("clock_getres_time64"), MAY("clock_gettime"), MAY("clock_gettime64"), MAY("getegid"),
        MAY("getegid32"), MAY("geteuid"), MAY("geteuid32"), MAY("getgid"), MAY("getgid32"), MAY("getpid"),
        MAY("getrandom"), MAY("gettimeofday"), MAY("getuid"), MAY("getuid32"), MAY("time"), MAY("uname"),
        /* 32-bit ARM */
        MAY("cacheflush"), MAY("set_tls"),
        /* nobody but an intruder */
        ENDS("execve"), ENDS("execveat"), ENDS("process_vm_readv"), ENDS("process_vm_writev"), ENDS("ptrace"),
};
/* clang-format on */

void walls_begin(struct syscalls *filter) {
        syscalls_begin(filter, calls, ARRAY_LEN(calls));
}

bool walls_shut(const char *dir, const char *sockets, struct syscalls *filter, struct walls *ret) {
        *ret = (struct walls){0};
        int r = shut_files(dir, sockets, &ret->landlock);
        if (r == LANDLOCK_E_NONE && landlock_built)
                log_warning("this kernel has no Landlock: the vault goes on without");
        if (r < 0) {
                log_error("walls: Landlock does not take the vault's rules: %s; see `dmesg`", strerror(errno));
                return false;
        }
        r = syscalls_shut(filter);
        ret->syscalls = r == 0;
        if (r == SYSCALLS_E_NONE && syscalls_built)
                log_warning("this kernel has no seccomp: the vault's system calls are not filtered");
        if (r < 0)
                log_error("walls: the filter of system calls does not load: %s; see `dmesg`", strerror(errno));
        return r >= 0;
}
