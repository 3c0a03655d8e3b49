/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/notify.h"
#include "base/base.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un to;
static socklen_t to_n;

void notify_init(void) {
        const char *path = getenv("NOTIFY_SOCKET");
        size_t n = path ? strlen(path) : 0;
        if (n >= 2 && n < sizeof(to.sun_path) && (*path == '/' || *path == '@')) {
                to.sun_family = AF_UNIX;
                memcpy(to.sun_path, path, n);
                if (*path == '@') /* of the abstract namespace */
                        to.sun_path[0] = '\0';
                to_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
        }
        unsetenv("NOTIFY_SOCKET");
}

void notify_send(const char *state) {
        if (to_n == 0)
                return;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, to_n) < 0) {
                /* whoever asked to be told is not there: nothing depends on it */
        }
        close(fd);
}
