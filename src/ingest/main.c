/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porchlight-ingest: one untrusted file comes in on stdin, and goes out on stdout cut and locked (proto/ingest.def). It is run
 * once a clip, by whoever may read the file: `porchlight clip add`. From before the first byte is read until it ends it can
 * open nothing and speak with nobody, so that a file made to take it over gains the file itself, and no more. The key that
 * locks the clip is drawn here and leaves only sealed to the household, which is named by an argument.
 */
#include "base/file.h"
#include "base/helper.h"
#include "base/landlock.h"
#include "base/log.h"
#include "base/text.h"
#include "ingest/media.h"
#include "ingest/walls.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define NAME "porchlight-ingest"
#define FIRST_CLOSED 3                  /* descriptor */
#define SECONDS_MOST 1800               /* of a processor: 4 GiB take some 20 */
#define MEMORY_MOST (UINT64_C(1) << 30) /* bytes of addresses */

static const char help[] = "usage: porchlight-ingest [--audio] [--as-is] HOUSEHOLD-KEY < FILE > STREAM\n"
                           "\n"
                           "Cuts and locks one file for `porchlight clip add`, which runs it. HOUSEHOLD-KEY\n"
                           "is the 64 hexadecimal digits of the key that clips are sealed to.\n"
                           "\n"
                           "  --audio    keep the sound\n"
                           "  --as-is    take the file byte for byte\n"
                           "  --help     this text\n"
                           "  --version  the version\n";

struct job {
        struct key household;
        struct media_wish wish;
};

/* What a file may cost: a library that goes round in circles ends, and so does one that asks for ever more. */
static void bound(void) {
        const struct rlimit none = {0, 0}, seconds = {SECONDS_MOST, SECONDS_MOST}, bytes = {MEMORY_MOST, MEMORY_MOST};
        setrlimit(RLIMIT_CORE, &none);
        setrlimit(RLIMIT_CPU, &seconds);
        if (landlock_built) /* a sanitizer has no walls, and asks for terabytes of addresses */
                setrlimit(RLIMIT_AS, &bytes);
}

static void shut_doors(void) {
        bound();
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        signal(SIGPIPE, SIG_IGN);
        (void)!close_range(FIRST_CLOSED, ~0u, 0); /* whatever who ran it has left open */
}

static bool read_args(struct job *ret, int argc, char **argv) {
        _clean_(buf_fini) struct buf key = BUF_NULL;
        int i = 1;
        for (; i < argc && argv[i][0] == '-'; i++)
                if (strcmp(argv[i], "--audio") == 0)
                        ret->wish.audio = true;
                else if (strcmp(argv[i], "--as-is") == 0)
                        ret->wish.as_is = true;
                else
                        break;
        if (i + 1 == argc && text_unhex(&key, span_str(argv[i])) && key.n == sizeof(ret->household.b)) {
                memcpy(ret->household.b, key.p, key.n);
                return true;
        }
        log_error("usage: one key of 64 hexadecimal digits is wanted; see porchlight-ingest --help");
        return false;
}

/* What went wrong, in words that scripts may match and people act on. */
static struct wire_c_error error_of(int r) {
        struct wire_c_error e = {.exit = EXIT_FAILED};
        const char *hint = "";
        switch (r) {
        case LOCKER_E_LARGE:
                e.name = SPAN_STR("clip-too-large");
                e.message = SPAN_STR("the file has more than 4 GiB; nothing was kept");
                hint = "cut it into shorter ones first";
                e.exit = EXIT_REFUSED;
                break;
        case MEDIA_E_BROKEN:
                e.name = SPAN_STR("media-broken");
                e.message = SPAN_STR("the file is not what it begins as, or not whole; nothing was kept");
                hint = "name the file itself, if it came through a pipe; --as-is takes it byte for byte, with all that "
                       "stands in it";
                break;
        case MEDIA_E_KIND:
                e.name = SPAN_STR("media-kind");
                e.message = SPAN_STR("there is something in the file that cannot be written again; nothing was kept");
                hint = "--as-is takes it byte for byte, with all that stands in it";
                break;
        case MEDIA_E_READ:
                e.name = SPAN_STR("cannot-read");
                e.message = SPAN_STR("the file could not be read to its end; nothing was kept");
                hint = "check the disk or card that it is on";
                break;
        default:
                e.name = SPAN_STR("out-of-memory");
                e.message = SPAN_STR("there was no memory for it; nothing was kept");
                hint = "try again when less is running";
        }
        if (*hint)
                WIRE_PUT(&e, C_ERROR, hint, span_str(hint));
        return e;
}

static int run(const struct job *job, struct locker *l) {
        struct wire_i_end end = {0};
        int r = media_take(STDIN_FILENO, &job->wish, l, &end);
        if (!r)
                r = locker_end(l, &job->household, &end);
        if (!r)
                return EXIT_SUCCESS;
        struct wire_c_error e = error_of(r);
        if (r != LOCKER_E_WRITE)
                locker_error(l, &e);
        return EXIT_FAILED;
}

int main(int argc, char **argv) {
        static struct locker locker;
        uint8_t seed[32];
        struct job job = {.wish = {.audio = false}};
        struct helper_walls walls;
        file_hold_std();
        log_set_name(NAME);
        if (helper_told(argc, argv, help, NAME " " PORCHLIGHT_VERSION))
                return EXIT_SUCCESS;
        if (!read_args(&job, argc, argv))
                return EXIT_USAGE;
        shut_doors();
        if (sodium_init() < 0) {
                log_error("libsodium does not start");
                return EXIT_FAILED;
        }
        randombytes_buf(seed, sizeof(seed));
        if (locker_init(&locker, STDOUT_FILENO, seed)) {
                log_error("no memory");
                return EXIT_FAILED;
        }
        if (!ingest_walls_shut(&walls)) {
                log_error("walls: this kernel does not take its rules: %s; see `dmesg`", strerror(errno));
                return EXIT_FAILED;
        }
        int r = run(&job, &locker);
        locker_fini(&locker);
        return r;
}
