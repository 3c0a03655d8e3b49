/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/owner.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#define KEY "vault.owner"
#define NAME_MAX_BYTES 64
#define FILE_BYTES_MAX (64 * 1024) /* as the daemon takes */

int owner_find(struct span name, uint32_t *ret) {
        char text[NAME_MAX_BYTES + 1] = "", *end;
        if (name.n == 0 || name.n > NAME_MAX_BYTES)
                return OWNER_E_USER;
        memcpy(text, name.p, name.n);
        const struct passwd *p = getpwnam(text);
        unsigned long uid = p ? p->pw_uid : strtoul(text, &end, 10);
        if (!p && (text[0] < '0' || text[0] > '9' || *end || uid >= OWNER_NOBODY))
                return OWNER_E_USER;
        *ret = (uint32_t)uid;
        return 0;
}

/* The value, if the line is the one. */
static struct span value_of(struct span line) {
        const uint8_t *equals = line.n ? memchr(line.p, '=', line.n) : NULL;
        if (!equals || !span_eq(text_trim(span_of(line.p, (size_t)(equals - line.p))), SPAN_STR(KEY)))
                return SPAN_NONE;
        return text_trim(span_from(line, (size_t)(equals - line.p) + 1));
}

static int find_line(struct span text, uint32_t *ret) {
        *ret = OWNER_NOBODY;
        while (text.n) {
                const uint8_t *end = memchr(text.p, '\n', text.n);
                size_t n = end ? (size_t)(end - text.p) : text.n;
                struct span value = value_of(text_trim(span_of(text.p, n)));
                text = span_from(text, end ? n + 1 : n);
                if (value.n)
                        return owner_find(value, ret);
        }
        return 0;
}

int owner_read(const char *path, uint32_t *ret) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        _clean_(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 && errno != ENOENT)
                return OWNER_E_FILE;
        while (fd >= 0 && text.n <= FILE_BYTES_MAX) {
                uint8_t *room = buf_room(&text, FILE_BYTES_MAX + 1);
                ssize_t n = room ? read(fd, room, FILE_BYTES_MAX + 1) : -1;
                if (n < 0)
                        return OWNER_E_FILE;
                if (n == 0)
                        break;
                buf_used(&text, (size_t)n);
        }
        errno = EFBIG;
        return text.n > FILE_BYTES_MAX ? OWNER_E_FILE : find_line(buf_span(&text), ret);
}
