/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porchlight-names: asks where hosts are, for porchlightd, which has it started with a socketpair as file descriptor 3
 * (proto/names.def) and lets it end when it wants nothing more. libc's resolver reads what any server on the way has made, and
 * modules that a machine's administrator has chosen: it has brought programs down before, and must not bring down the alarm.
 * Each question has a thread of its own, for the resolver waits; none waits for another.
 */
#include "base/file.h"
#include "base/helper.h"
#include "base/log.h"
#include "names/ask.h"
#include "names/walls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "porchlight-names"
#define DAEMON_FD 3
#define READ_BYTES 4096
#define FILES_MOST 128
#define MEMORY_MOST (UINT64_C(1) << 30) /* bytes of addresses */

static const char help[] = "usage: porchlight-names\n"
                           "\n"
                           "Asks where hosts are, for porchlightd, which starts it with a socket as file\n"
                           "descriptor 3. There is nothing to do with it by hand.\n"
                           "\n"
                           "  --help     this text\n"
                           "  --version  the version\n";

/* All whole messages. False: that was none. */
static bool take_frames(struct asker *a, struct buf *in) {
        for (;;) {
                struct span body;
                size_t used;
                union frame_message m;
                const struct wire_number *row;
                int r = frame_take(buf_span(in), &body, &used);
                if (r == FRAME_E_MORE)
                        return true;
                if (r || frame_read(body, wire_names_find, &row, &m, NULL) || row->number != NAMES_FIND)
                        return false;
                ask_begin(a, &m.names_find);
                buf_drop(in, used);
        }
}

/* Until the daemon closes. False: it does not speak as it should. */
static bool serve(struct asker *a) {
        _clean_(buf_fini) struct buf in = BUF_MAX(FRAME_MAX + READ_BYTES);
        for (;;) {
                uint8_t *room = buf_room(&in, READ_BYTES);
                ssize_t n = room ? read(DAEMON_FD, room, READ_BYTES) : -1;
                if (n < 0 && room && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n == 0 || errno == ECONNRESET;
                buf_used(&in, (size_t)n);
                if (!take_frames(a, &in))
                        return false;
        }
}

int main(int argc, char **argv) {
        static struct asker asker = {.fd = DAEMON_FD, .lock = PTHREAD_MUTEX_INITIALIZER};
        struct helper_walls walls;
        int code;
        if (!helper_begins(argc, argv, DAEMON_FD, NAME, NAME " " PORCHLIGHT_VERSION, help, &code))
                return code;
        helper_bound(DAEMON_FD, FILES_MOST, MEMORY_MOST);
        ask_wake();
        if (!names_walls_shut(&walls)) {
                log_error("walls: this kernel does not take its rules: %s; see `dmesg`", strerror(errno));
                return EXIT_FAILED;
        }
        if (serve(&asker))
                return EXIT_SUCCESS; /* questions that nobody waits for any more end with it */
        log_error("what the daemon says is none of proto/names.def: are both of one version?");
        return EXIT_FAILED;
}
