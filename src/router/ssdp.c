/* SPDX-License-Identifier: Apache-2.0 */
#include "router/ssdp.h"

#include <strings.h>

#define OK "HTTP/1.1 200 "
#define LOCATION "LOCATION:"

static struct span trim(struct span s) {
        while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
                s = span_from(s, 1);
        while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
                s.n--;
        return s;
}

static bool is_url(struct span s) {
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] <= ' ' || s.p[i] > '~')
                        return false;
        return s.n > 0;
}

bool ssdp_location(struct span datagram, char *ret, size_t size) {
        if (datagram.n < strlen(OK) || memcmp(datagram.p, OK, strlen(OK)) != 0)
                return false;
        while (datagram.n) {
                const uint8_t *end = memchr(datagram.p, '\n', datagram.n);
                struct span line = span_of(datagram.p, end ? (size_t)(end - datagram.p) : datagram.n);
                datagram = span_from(datagram, line.n + 1);
                if (line.n < strlen(LOCATION) || strncasecmp((const char *)line.p, LOCATION, strlen(LOCATION)) != 0)
                        continue;
                line = trim(span_from(line, strlen(LOCATION)));
                if (!is_url(line) || line.n >= size)
                        return false;
                memcpy(ret, line.p, line.n);
                ret[line.n] = '\0';
                return true;
        }
        return false;
}
