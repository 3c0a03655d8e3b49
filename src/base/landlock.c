/* SPDX-License-Identifier: Apache-2.0 */
#include "base/landlock.h"
#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the headers of Debian 12 do not know yet. */
#define ACCESS_REFER (1ull << 13)     /* from ABI 2 on */
#define ACCESS_TRUNCATE (1ull << 14)  /* 3 */
#define ACCESS_IOCTL_DEV (1ull << 15) /* 5 */
#define NET_TCP (3ull)                /* 4: bind, connect */
#define SCOPES (3ull)                 /* 6: abstract sockets, signals */

/* Rights that a rule for a plain file may have; the others are those of folders. */
#define OF_FILES                                                                                                       \
        (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | ACCESS_TRUNCATE | \
         ACCESS_IOCTL_DEV)
#define OF_ABI_1 (LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1) /* every right up to the last of the first version */

const bool landlock_built = true;

/* struct landlock_ruleset_attr as of ABI 6; older kernels are given its beginning. */
struct ruleset {
        uint64_t files, net, scopes;
};

static uint64_t files_of(unsigned abi) {
        uint64_t all = OF_ABI_1;
        all |= abi >= 2 ? ACCESS_REFER : 0;
        all |= abi >= 3 ? ACCESS_TRUNCATE : 0;
        return abi >= 5 ? all | ACCESS_IOCTL_DEV : all;
}

static size_t size_of(unsigned abi) {
        if (abi < 4)
                return offsetof(struct ruleset, net);
        return abi < 6 ? offsetof(struct ruleset, scopes) : sizeof(struct ruleset);
}

static uint64_t access_of(unsigned may) {
        uint64_t all = 0;
        if (may & LANDLOCK_MAY_READ)
                all |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
        if (may & LANDLOCK_MAY_WRITE)
                all |= LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE;
        if (may & LANDLOCK_MAY_MAKE)
                all |= LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
        if (may & LANDLOCK_MAY_BIND)
                all |= LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE;
        if (may & LANDLOCK_MAY_LIST)
                all |= LANDLOCK_ACCESS_FS_READ_DIR;
        return all;
}

static bool add_rule(int set, const struct landlock_rule *rule, uint64_t known) {
        struct stat st;
        _clean_(file_close) int fd = open(rule->path, O_PATH | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR || errno == EACCES; /* then it is closed anyway */
        if (fstat(fd, &st) != 0)
                return false;
        uint64_t access = access_of(rule->may) & known;
        struct landlock_path_beneath_attr attr = {
                .allowed_access = S_ISDIR(st.st_mode) ? access : access & OF_FILES,
                .parent_fd = fd,
        };
        return syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) == 0;
}

int landlock_shut(const struct landlock_rule *rules, size_t n, bool network, unsigned *ret_abi) {
        long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        if (abi < 1) /* not known, turned off, or kept from us by a container's filter */
                return LANDLOCK_E_NONE;
        struct ruleset all = {.files = files_of((unsigned)abi), .net = network ? 0 : NET_TCP, .scopes = SCOPES};
        _clean_(file_close) int set = (int)syscall(SYS_landlock_create_ruleset, &all, size_of((unsigned)abi), 0);
        if (set < 0)
                return ERR_IO;
        for (size_t i = 0; i < n; i++)
                if (!add_rule(set, &rules[i], all.files))
                        return ERR_IO;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_landlock_restrict_self, set, 0) != 0)
                return ERR_IO;
        *ret_abi = (unsigned)abi;
        return 0;
}
