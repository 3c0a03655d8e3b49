/* SPDX-License-Identifier: Apache-2.0 */
#include "router/announce.h"

#include "base/file.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define DATAGRAMS_MOST 64 /* read at a time */

/* Both are "all nodes", which every machine is in. */
int announce_open(bool six) {
        struct sockaddr_storage any;
        struct place p = {.ip = {0}};
        int yes = 1;
        if (!six)
                place_set_v4(&p, (const uint8_t[4]){0});
        socklen_t n = place_to_sockaddr(p.ip, 0, PCP_ANNOUNCE_PORT, &any);
        _clean_(file_close) int fd = socket(any.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
            (six && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) != 0) ||
            bind(fd, (struct sockaddr *)&any, n) != 0)
                return -1;
        int open = fd;
        fd = -1;
        return open;
}

static bool is_router(const struct ask *a, const struct sockaddr_storage *who) {
        const struct sockaddr_in6 *in6 = (const void *)who;
        uint8_t ip[PLACE_IP];
        place_from_sockaddr(who, ip);
        return memcmp(ip, a->gateway, PLACE_IP) == 0 && (who->ss_family != AF_INET6 || in6->sin6_scope_id == a->scope);
}

bool announce_read(int fd, const struct ask *a) {
        bool forgot = false;
        for (int i = 0; i < DATAGRAMS_MOST; i++) {
                uint8_t bytes[PCP_BYTES_MOST + 1];
                struct sockaddr_storage who = {.ss_family = AF_UNSPEC};
                socklen_t n_who = sizeof(who);
                uint32_t epoch;
                ssize_t n = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&who, &n_who);
                if (n < 0)
                        break;
                if (a->held && is_router(a, &who) && pcp_read_announce(span_of(bytes, (size_t)n), &epoch))
                        forgot |= !epoch_fits(&a->epoch, epoch, ask_now());
        }
        return forgot;
}
