/* SPDX-License-Identifier: Apache-2.0 */
/* See probe.h. */
#include "probe.h"

#include "base/landlock.h"
#include "base/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NO_WALLS 126
#define TRIED_AT 64 /* exit: 64 + errno; smaller ones are of runtimes */
#define LANDLOCK_CALLS SYS_landlock_create_ruleset, SYS_landlock_add_rule, SYS_landlock_restrict_self

/* ---- the folder ---- */

static const char *const files[] = {"porchlight.db", "porchlight.db-wal", "porchlight.db-shm", "lock",
                                    "device.key",    "vault/household",   "vault/lock",        "beside"};

static const char *path_of(const char *dir, const char *name) {
        static char path[160];
        snprintf(path, sizeof(path), "%s/%s", dir, name);
        return path;
}

void probe_begin(char dir[64]) {
        snprintf(dir, 64, "/tmp/test-walls-XXXXXX");
        REQUIRE(mkdtemp(dir));
        REQUIRE(mkdir(path_of(dir, "vault"), 0700) == 0);
        REQUIRE(mkdir(path_of(dir, "clips"), 0700) == 0);
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                int fd = open(path_of(dir, files[i]), O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0600);
                REQUIRE(fd >= 0 && write(fd, "x", 1) == 1);
                close(fd);
        }
}

void probe_end(const char *dir) {
        for (size_t i = 0; i < ARRAY_LEN(files); i++)
                unlink(path_of(dir, files[i]));
        unlink(path_of(dir, "owner.sock"));
        rmdir(path_of(dir, "vault"));
        rmdir(path_of(dir, "clips"));
        REQUIRE(rmdir(dir) == 0);
}

/* ---- one attempt ---- */

static int attempt(const char *dir, probe_shut shut, int (*try)(const char *dir)) {
        struct probe_walls walls;
        int status = 0;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
                int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
                dup2(null, STDERR_FILENO);
                _exit(shut(dir, &walls) ? TRIED_AT + try(dir) : EXIT_NO_WALLS);
        }
        REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
        if (WIFSIGNALED(status))
                return WTERMSIG(status) == SIGSYS ? PROBE_ENDED : 1000 + WTERMSIG(status);
        return WEXITSTATUS(status) == EXIT_NO_WALLS ? 1000 : WEXITSTATUS(status) - TRIED_AT;
}

static bool stands(enum probe_wall wall, const struct probe_walls *w) {
        switch (wall) {
        case PROBE_NONE:
                return true;
        case PROBE_FILES:
                return w->landlock > 0;
        case PROBE_CALLS:
                return w->syscalls;
        case PROBE_TCP:
                return w->landlock >= 4 || w->syscalls;
        }
        return false;
}

size_t probe_run(const char *dir, probe_shut shut, const struct probe_row *rows, size_t n) {
        char said[512];
        struct probe_walls walls = probe_look(dir, shut, false, said, sizeof(said));
        size_t wrong = 0;
        for (size_t i = 0; i < n; i++) {
                const struct probe_row *row = &rows[i];
                if (!stands(row->wall, &walls)) {
                        fprintf(stderr, "# SKIP %s: this kernel or build has no such wall\n", row->what);
                        continue;
                }
                int got = attempt(dir, shut, row->try);
                if (got == row->wants)
                        continue;
                fprintf(stderr, "# %s: got %d (%s), wanted %d\n", row->what, got, got > 0 ? strerror(got) : "-",
                        row->wants);
                wrong++;
        }
        return wrong;
}

/* ---- a kernel without Landlock ---- */

static void go_blind(void) {
        const int numbers[] = {LANDLOCK_CALLS};
        struct sock_filter rules[2 * ARRAY_LEN(numbers) + 2];
        size_t n = 0;
        rules[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
                rules[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)numbers[i], 0, 1);
                rules[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
        }
        rules[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        struct sock_fprog program = {.len = (unsigned short)n, .filter = rules};
        REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

struct probe_walls probe_look(const char *dir, probe_shut shut, bool blind, char *ret_said, size_t room) {
        struct probe_walls walls = {0};
        int result[2], log[2], status = 0;
        fflush(NULL);
        REQUIRE(pipe2(result, O_CLOEXEC) == 0 && pipe2(log, O_CLOEXEC) == 0);
        pid_t pid = fork();
        if (pid == 0) {
                dup2(log[1], STDERR_FILENO);
                dup2(result[1], STDOUT_FILENO); /* some walls leave no more than these two to write to */
                if (blind)
                        go_blind();
                if (shut(dir, &walls) && write(STDOUT_FILENO, &walls, sizeof(walls)) == (ssize_t)sizeof(walls))
                        _exit(0);
                _exit(1);
        }
        close(result[1]);
        close(log[1]);
        REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
        REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        REQUIRE(read(result[0], &walls, sizeof(walls)) == (ssize_t)sizeof(walls));
        ssize_t n = read(log[0], ret_said, room - 1);
        ret_said[n > 0 ? n : 0] = '\0';
        close(result[0]);
        close(log[0]);
        return walls;
}

bool probe_goes_on_without_landlock(probe_shut shut) {
        static const char line[] = "this kernel has no Landlock";
        char dir[64], said[512];
        if (!landlock_built) {
                fprintf(stderr, "# SKIP a build without Landlock\n");
                return true;
        }
        probe_begin(dir);
        struct probe_walls walls = probe_look(dir, shut, true, said, sizeof(said));
        probe_end(dir);
        const char *told = strstr(said, line);
        bool once = told && !strstr(told + strlen(line), "Landlock");
        return once && walls.landlock == 0 && walls.syscalls == syscalls_built;
}

bool probe_both_stand(probe_shut shut) {
        char dir[64], said[512];
        probe_begin(dir);
        struct probe_walls walls = probe_look(dir, shut, false, said, sizeof(said));
        probe_end(dir);
        if (landlock_built && !strstr(said, "no Landlock") && !walls.landlock)
                return false;
        return walls.syscalls || !syscalls_built || strstr(said, "no seccomp");
}

/* ---- attempts ---- */

static int outcome(bool ok) {
        return ok ? 0 : errno;
}

int probe_open(const char *dir, const char *name, int flags) {
        return outcome(open(path_of(dir, name), flags | O_CLOEXEC, 0600) >= 0);
}

int probe_unlink(const char *dir, const char *name) {
        return outcome(unlink(path_of(dir, name)) == 0);
}

static int run_another(_unused_ const char *dir) {
        char *args[] = {NULL, NULL}, name[] = "true";
        args[0] = name;
        return outcome(execv("/bin/true", args) == 0);
}

static int trace(_unused_ const char *dir) {
        return outcome(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) == 0);
}

static int peek(_unused_ const char *dir) {
        uint8_t here, there;
        struct iovec to = {&here, 1}, from = {&there, 1};
        return outcome(process_vm_readv(getppid(), &to, 1, &from, 1, 0) == 1);
}

static int start_another(_unused_ const char *dir) {
        pid_t pid = fork();
        if (pid == 0)
                _exit(0);
        return outcome(pid > 0);
}

static int signal_parent(_unused_ const char *dir) {
        return outcome(kill(getppid(), 0) == 0);
}

static int mount_something(_unused_ const char *dir) {
        return outcome(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
}

static int leave_namespace(_unused_ const char *dir) {
        return outcome(unshare(CLONE_NEWUSER) == 0);
}

static int set_up_io_uring(_unused_ const char *dir) {
        uint8_t params[256] = {0};
        return outcome(syscall(SYS_io_uring_setup, 1, params) >= 0);
}

static int chmod_vault(const char *dir) {
        return outcome(chmod(path_of(dir, "vault"), 0755) == 0);
}

int probe_tcp_socket(_unused_ const char *dir) {
        return outcome(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
}

static int packet_socket(_unused_ const char *dir) {
        return outcome(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0);
}

static int make_outside(_unused_ const char *dir) {
        return probe_open("/tmp", "test-walls-made", O_CREAT | O_WRONLY);
}

static int read_outside(_unused_ const char *dir) {
        return probe_open("/proc/self", "status", O_RDONLY);
}

static int read_device_key(const char *dir) {
        return probe_open(dir, "device.key", O_RDONLY);
}

int probe_read_etc(_unused_ const char *dir) {
        return probe_open("/etc", "passwd", O_RDONLY);
}

static int make_in_dir(const char *dir) {
        return probe_open(dir, "new", O_CREAT | O_WRONLY);
}

static const struct probe_row never[] = {
        {"reading the device's key", read_device_key, EACCES, PROBE_FILES},
        {"a file in DIR", make_in_dir, EACCES, PROBE_FILES},
        {"a file elsewhere", make_outside, EACCES, PROBE_FILES},
        {"reading elsewhere", read_outside, EACCES, PROBE_FILES},
        {"opening DIR/vault to others", chmod_vault, ENOSYS, PROBE_CALLS},
        {"a packet socket", packet_socket, ENOSYS, PROBE_CALLS},
        {"another program", run_another, PROBE_ENDED, PROBE_CALLS},
        {"another process", start_another, ENOSYS, PROBE_CALLS},
        {"tracing", trace, PROBE_ENDED, PROBE_CALLS},
        {"another's memory", peek, PROBE_ENDED, PROBE_CALLS},
        {"a signal to another", signal_parent, ENOSYS, PROBE_CALLS},
        {"a mount", mount_something, ENOSYS, PROBE_CALLS},
        {"a name space", leave_namespace, ENOSYS, PROBE_CALLS},
        {"io_uring, which no filter sees into", set_up_io_uring, ENOSYS, PROBE_CALLS},
};

size_t probe_never(const char *dir, probe_shut shut) {
        return probe_run(dir, shut, never, ARRAY_LEN(never));
}

int probe_read_file(const char *dir) {
        return probe_open(dir, "porchlight.db", O_RDONLY);
}

int probe_make_file(const char *dir) {
        return probe_open(dir, "new", O_WRONLY | O_CREAT);
}

int probe_local_socket(_unused_ const char *dir) {
        return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

int probe_socket_pair(_unused_ const char *dir) {
        int ends[2];
        return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 ? 0 : errno;
}

int probe_raw_socket(_unused_ const char *dir) {
        return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0 ? 0 : errno;
}

int probe_speak_udp(_unused_ const char *dir) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof(a);
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || getsockname(fd, (struct sockaddr *)&a, &n))
                return errno;
        return sendto(fd, "x", 1, 0, (struct sockaddr *)&a, n) == 1 ? 0 : errno;
}

int probe_memory_to_run(_unused_ const char *dir) {
        return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : errno;
}

int probe_memory_made_to_run(_unused_ const char *dir) {
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0 ? 0 : errno;
}

int probe_start_process(_unused_ const char *dir) {
        pid_t pid = fork();
        if (pid == 0)
                _exit(0);
        return pid > 0 ? 0 : errno;
}

int probe_run_program(_unused_ const char *dir) {
        char *argv[] = {NULL};
        return execve("/bin/true", argv, argv) == 0 ? 0 : errno;
}

size_t probe_helper(probe_shut shut, const struct probe_row *rows, size_t n) {
        char dir[64];
        probe_begin(dir);
        size_t wrong = probe_run(dir, shut, rows, n);
        probe_end(dir);
        return wrong;
}
