/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/notify.h"
#include "base/base.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int told = -1; /* -1: nobody asked */

static void tell(const struct sockaddr_un *to, size_t n) {
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (const struct sockaddr *)to, (socklen_t)n) == 0)
                told = fd;
        else if (fd >= 0)
                close(fd); /* whoever asked to be told is not there: nothing depends on it */
}

void notify_init(void) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        const char *path = getenv("NOTIFY_SOCKET");
        size_t n = path ? strlen(path) : 0;
        if (n >= 2 && n < sizeof(to.sun_path) && (*path == '/' || *path == '@')) {
                memcpy(to.sun_path, path, n);
                if (*path == '@') /* of the abstract namespace */
                        to.sun_path[0] = '\0';
                tell(&to, offsetof(struct sockaddr_un, sun_path) + n);
        }
        unsetenv("NOTIFY_SOCKET");
}

void notify_send(const char *state) {
        if (told >= 0 && send(told, state, strlen(state), MSG_NOSIGNAL) < 0) {
                /* as above */
        }
}
