/* SPDX-License-Identifier: Apache-2.0 */
#include "base/syscalls.h"
#include "base/err.h"

#include <errno.h>
#include <seccomp.h>
#include <unistd.h>

const bool syscalls_built = true;

static void release(scmp_filter_ctx *ctx) {
        if (*ctx)
                seccomp_release(*ctx);
}

static uint64_t value_of(uint64_t value) {
        return value == SYSCALL_OWN_PID ? (uint64_t)getpid() : value;
}

static int add_row(scmp_filter_ctx ctx, const struct syscall_row *row) {
        struct scmp_arg_cmp cmp[SYSCALL_ARGS_MAX];
        int number = seccomp_syscall_resolve_name(row->name);
        if (number == __NR_SCMP_ERROR)
                return 0;
        for (size_t i = 0; i < row->n_when; i++)
                cmp[i] = (struct scmp_arg_cmp){.arg = row->when[i].arg,
                                               .op = SCMP_CMP_MASKED_EQ,
                                               .datum_a = row->when[i].mask,
                                               .datum_b = value_of(row->when[i].value)};
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

int syscalls_shut(const struct syscall_row *rows, size_t n) {
        if (seccomp_api_get() == 0)
                return SYSCALLS_E_NONE;
        _clean_(release) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
        if (!ctx)
                return ERR_NOMEM;
        int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: the list is long, and calls are many */
        for (size_t i = 0; r == 0 && i < n; i++)
                r = add_row(ctx, &rows[i]);
        if (r == 0)
                r = seccomp_load(ctx);
        return r == -ECANCELED ? SYSCALLS_E_NONE : outcome(r); /* so it says that the kernel refused */
}
