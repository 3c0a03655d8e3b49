/* SPDX-License-Identifier: Apache-2.0 */
#include "base/syscalls.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_MAX 1 /* of a processor: what takes it some milliseconds goes round in circles by then */

const bool syscalls_built = true;

static void release(scmp_filter_ctx *ctx) {
        if (*ctx)
                seccomp_release(*ctx);
}

static uint64_t value_of(uint64_t value, pid_t self) {
        return value == SYSCALL_OWN_PID ? (uint64_t)self : value;
}

static int add_row(scmp_filter_ctx ctx, const struct syscall_row *row, pid_t self) {
        struct scmp_arg_cmp cmp[SYSCALL_ARGS_MAX];
        int number = seccomp_syscall_resolve_name(row->name);
        if (number == __NR_SCMP_ERROR)
                return 0;
        for (size_t i = 0; i < row->n_when; i++)
                cmp[i] = (struct scmp_arg_cmp){.arg = row->when[i].arg,
                                               .op = SCMP_CMP_MASKED_EQ,
                                               .datum_a = row->when[i].mask,
                                               .datum_b = value_of(row->when[i].value, self)};
        return seccomp_rule_add_array(ctx, row->fate == SYSCALL_END ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW, number,
                                      (unsigned)row->n_when, cmp);
}

/* libseccomp says with a negative errno what went wrong; the caller finds it in errno. */
static int outcome(int r) {
        if (r == 0)
                return 0;
        errno = -r;
        return r == -ENOMEM ? ERR_NOMEM : ERR_IO;
}

/* What the kernel is to run for process @self, into @fd. 0, or a negative errno. */
static int translate(const struct syscall_row *rows, size_t n, pid_t self, int fd) {
        _clean_(release) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
        if (!ctx)
                return -ENOMEM;
        int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: the list is long, and calls are many */
        for (size_t i = 0; r == 0 && i < n; i++)
                r = add_row(ctx, &rows[i], self);
        return r ? r : seccomp_export_bpf(ctx, fd);
}

static int read_all(int fd, struct buf *ret) {
        struct stat st;
        if (fstat(fd, &st) != 0)
                return -errno;
        uint8_t *p = buf_room(ret, (size_t)st.st_size);
        if (!p)
                return -ENOMEM;
        ssize_t n = pread(fd, p, (size_t)st.st_size, 0);
        buf_used(ret, n > 0 ? (size_t)n : 0);
        return n > 0 && n == st.st_size ? 0 : -EIO;
}

/* In a process of its own, which ends where the library does. */
static struct syscalls_making begin(const struct syscall_row *rows, size_t n) {
        struct syscalls_making m = {.fd = memfd_create("filter", MFD_CLOEXEC), .child = -1};
        pid_t self = getpid();
        if (m.fd >= 0)
                m.child = fork();
        m.error = m.child < 0 ? errno : 0;
        if (m.child == 0) {
                setrlimit(RLIMIT_CPU, &(struct rlimit){SECONDS_MAX, SECONDS_MAX});
                _exit(translate(rows, n, self, m.fd) ? 1 : 0);
        }
        return m;
}

static int end(struct syscalls_making *m, struct buf *ret) {
        _clean_(file_close) int fd = m->fd;
        int status = 0;
        if (m->child < 0)
                return -m->error;
        while (waitpid(m->child, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return status ? -ENOMEM : read_all(fd, ret);
}

static int load(struct span program) {
        struct sock_fprog prog = {.len = (unsigned short)(program.n / sizeof(struct sock_filter)),
                                  .filter = (struct sock_filter *)(void *)program.p};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) != 0)
                return errno == ENOMEM ? ERR_NOMEM
                                       : SYSCALLS_E_NONE; /* the kernel refuses, or who is around this process */
        return 0;
}

void syscalls_begin(struct syscalls *s, const struct syscall_row *rows, size_t n) {
        s->none = seccomp_api_get() == 0;
        for (size_t i = 0; !s->none && i < ARRAY_LEN(s->makings); i++)
                s->makings[i] = begin(rows, n);
}

/* Where libseccomp (2.5) gets no memory it may say nothing and leave rules out, so that a call is missing later, write to memory
 * that it has given back, or go round in circles. So it works apart, and has to come to the same twice. */
int syscalls_shut(struct syscalls *s) {
        _clean_(buf_fini) struct buf once = BUF_NULL;
        _clean_(buf_fini) struct buf twice = BUF_NULL;
        if (s->none)
                return SYSCALLS_E_NONE;
        int r = end(&s->makings[0], &once), r2 = end(&s->makings[1], &twice);
        r = r ? r : r2;
        if (r == 0 && !span_eq(buf_span(&once), buf_span(&twice)))
                r = -ENOMEM;
        return r ? outcome(r) : load(buf_span(&once));
}
