/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/folder.h"

#include "base/dir.h"
#include "base/file.h"
#include "vault/bookdisk.h"
#include "vault/keydisk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOCK_NAME "lock"
#define FOLDER_MODE 0700
#define FILE_MODE 0600
#define MODE_BITS 07777
#define SOCK_UMASK 0177   /* the socket is 0600 from its first moment on … */
#define OTHERS_UMASK 0111 /* … or 0666 */
#define LOCK_WAIT_MS 2000 /* the vault before this one ends when its daemon has */
#define LOCK_STEP_MS 20
#define BACKLOG 8

static bool fail(struct folder_why *why, const char *name, const char *message, const char *hint) {
        *why = (struct folder_why){name, message, hint, 0};
        return false;
}

/* A system call failed. */
static bool fail_errno(struct folder_why *why, const char *name, const char *message, const char *hint) {
        *why = (struct folder_why){name, message, hint, errno};
        return false;
}

static bool open_vault_folder(struct folder *f, struct folder_why *why) {
        struct stat st;
        if (mkdirat(f->dir_fd, DIR_VAULT, FOLDER_MODE) != 0 && errno != EEXIST)
                return fail_errno(why, "vault-folder", "DIR/vault cannot be made",
                                  "look at the rights of DIR and at the disk");
        f->vault_fd = openat(f->dir_fd, DIR_VAULT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (f->vault_fd < 0 || fstat(f->vault_fd, &st) != 0)
                return fail_errno(why, "vault-folder", "DIR/vault is no folder that can be opened",
                                  "look at what stands there, and whose it is");
        if (st.st_uid != geteuid())
                return fail(why, "vault-folder", "DIR/vault belongs to another user", "start the daemon as that user");
        if ((st.st_mode & MODE_BITS) != FOLDER_MODE && fchmod(f->vault_fd, FOLDER_MODE) != 0)
                return fail_errno(why, "vault-folder", "DIR/vault is open to others and cannot be closed to them",
                                  "the keys need a disk that knows file rights");
        return true;
}

static bool take_lock(struct folder *f, struct folder_why *why) {
        const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
        f->lock_fd = openat(f->vault_fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, FILE_MODE);
        if (f->lock_fd < 0)
                return fail_errno(why, "vault-lock", "DIR/vault/lock cannot be opened",
                                  "look at its rights and at the disk");
        for (int waited = 0; flock(f->lock_fd, LOCK_EX | LOCK_NB) != 0; waited += LOCK_STEP_MS) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return fail_errno(why, "vault-lock", "DIR/vault/lock cannot be locked",
                                          "the keys need a disk that knows locks");
                if (waited >= LOCK_WAIT_MS)
                        return fail(why, "vault-running", "another vault is running on this folder",
                                    "stop the daemon it belongs to, or use another --data folder");
                nanosleep(&step, NULL);
        }
        return true;
}

/* Only a socket is taken away: whatever else stands there is somebody's file. */
static bool clear_socket(const struct folder *f, const char *name, struct folder_why *why) {
        struct stat st;
        if (fstatat(f->sockets_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                return errno == ENOENT || fail_errno(why, "vault-socket", "a socket's place cannot be looked at",
                                                     "look at the rights of the folder it stands in");
        if (!S_ISSOCK(st.st_mode))
                return fail(why, "vault-socket", "where DIR/owner.sock or DIR/vault.sock has to be stands no socket",
                            "move away what stands there");
        return unlinkat(f->sockets_fd, name, 0) == 0 ||
               fail_errno(why, "vault-socket", "a stale socket cannot be removed",
                          "look at the rights of the folder it stands in");
}

static bool open_dir(struct folder *f, const char *dir, struct folder_why *why) {
        struct stat st;
        f->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (f->dir_fd < 0 || fstat(f->dir_fd, &st) != 0)
                return fail_errno(why, "no-folder", "DIR is no folder that can be opened",
                                  "the daemon makes it; start that");
        f->dir_uid = st.st_uid;
        return true;
}

static bool open_sockets(struct folder *f, const char *sockets, struct folder_why *why) {
        f->sockets = sockets;
        f->sockets_fd = open(sockets, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return f->sockets_fd >= 0 || fail_errno(why, "no-folder", "there is no folder for the sockets",
                                                "make the one that --sockets names, for the vault's user");
}

bool folder_open(struct folder *f, const char *dir, const char *sockets, struct folder_why *ret_why) {
        *f = FOLDER_NULL;
        if (!open_dir(f, dir, ret_why) || !open_sockets(f, sockets, ret_why) || !open_vault_folder(f, ret_why) ||
            !take_lock(f, ret_why))
                return false;
        if (!clear_socket(f, DIR_OWNER_SOCK, ret_why) || !clear_socket(f, DIR_VAULT_SOCK, ret_why))
                return false;
        keydisk_tidy(f->vault_fd);
        bookdisk_tidy(f->vault_fd);
        return true;
}

static int bind_and_listen(const struct sockaddr_un *addr, mode_t mask) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -1;
        mode_t old = umask(mask);
        int r = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
        umask(old);
        if (r == 0 && listen(fd, BACKLOG) == 0)
                return fd;
        close(fd);
        return -1;
}

int folder_listen(const struct folder *f, const char *name, bool for_others, struct folder_why *ret_why) {
        struct sockaddr_un addr = {.sun_family = AF_UNIX};
        int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", f->sockets, name);
        if (n < 0 || (size_t)n >= sizeof(addr.sun_path)) {
                fail(ret_why, "folder-too-long", "the name of DIR is too long for a socket in it",
                     "use a shorter --data folder");
                return -1;
        }
        if (!clear_socket(f, name, ret_why))
                return -1;
        int fd = bind_and_listen(&addr, for_others ? OTHERS_UMASK : SOCK_UMASK);
        if (fd < 0)
                fail_errno(ret_why, "vault-socket", "a socket cannot be opened",
                           "look at the rights of the folder it stands in, and at the disk");
        return fd;
}

void folder_unlisten(const struct folder *f, const char *name) {
        unlinkat(f->sockets_fd, name, 0);
}

void folder_close(struct folder *f) {
        file_close(&f->lock_fd);
        file_close(&f->sockets_fd);
        file_close(&f->vault_fd);
        file_close(&f->dir_fd);
}
