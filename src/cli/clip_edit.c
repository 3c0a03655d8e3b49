/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clip trim, clip blur: a part of a clip, or the clip with something covered, as a clip of its own that names what it was made from.
 * The vault opens the clip (a line in the ledger), ffmpeg changes it, porchlight-ingest locks it again. What is in the clear stands
 * in memory that has no name (memfd), never in a file. ffmpeg is a program of the system and runs as who calls, without walls of ours:
 * it is given a film that this home took in, and nothing else.
 *
 * Pictures are coded anew, so that what was cut off or covered is nowhere in the result; a copy of coded pictures begins where the
 * camera has put a whole one, which may be seconds earlier.
 */
#include "cli/clip_fetch.h"
#include "cli/clips.h"

#include "base/cell.h"
#include "base/file.h"
#include "base/text.h"
#include "base/when.h"
#include "cli/ledger.h"
#include "cli/options.h"
#include "cli/owner.h"
#include "cli/place.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "ffmpeg"
#define BYTES_MAX (UINT64_C(1) << 30) /* of a clip: all of it has to stand in memory, and what is made of it too */
#define CHANGES_MAX 256               /* as in proto/clips.def */
#define BOXES_MAX 8
#define WORDS_MAX 24
#define COVER "drawbox=x=iw*%u/100:y=ih*%u/100:w=iw*%u/100:h=ih*%u/100:color=gray:t=fill"

extern char **environ;

struct edit {
        struct wire_c_clip row; /* of the clip it is made from; its spans are in: */
        struct buf row_store;
        struct buf filter, changes;
        uint64_t start, length; /* seconds of the film; length 0: all of it */
        int in, out;            /* memory */
};

/* ---- the clip ---- */

static int row_clip(struct cli *c, const struct call_row *row, void *arg) {
        struct edit *e = arg;
        (void)c;
        if (row->number != CONTROL_CLIP_ROW)
                return 0;
        codec_encode(&wire_c_clip_desc, row->m, &e->row_store);
        return codec_decode(&wire_c_clip_desc, buf_span(&e->row_store), &e->row, NULL) ? EXIT_FAILED : 0;
}

static bool is_film(const struct edit *e) {
        return e->row.media == MEDIA_MP4 || e->row.media == MEDIA_MATROSKA;
}

static int find_clip(struct cli *c, const struct args *a, struct edit *e) {
        struct wire_c_name m = {.name = span_str(a->words[0])};
        int r = cli_ask(c, CONTROL_CLIP, &m, row_clip, e);
        if (r)
                return r;
        if (e->row.state != CLIP_STATE_HERE && e->row.state != CLIP_STATE_AWAY)
                return cli_fail(c, EXIT_REFUSED, "clip-gone", "`porchlight clip list` shows those that are",
                                "that clip is not here any more");
        if (!is_film(e) && e->row.media != MEDIA_JPEG && e->row.media != MEDIA_PNG)
                return cli_fail(c, EXIT_REFUSED, "no-film", "open it with `clip get` and change it by hand",
                                "that clip is no film and no picture that can be changed");
        if (e->row.size > BYTES_MAX)
                return cli_fail(c, EXIT_REFUSED, "clip-too-large", "open it with `clip get` and change it by hand",
                                "a clip of more than 1 GiB is not changed in memory");
        return 0;
}

static int open_clip(struct cli *c, const struct args *a, struct edit *e) {
        _clean_(call_freep) struct call *owner = NULL;
        _clean_(buf_fini) struct buf id = BUF_NULL;
        e->in = memfd_create("clip", MFD_CLOEXEC);
        e->out = memfd_create("clip", MFD_CLOEXEC);
        if (e->in < 0 || e->out < 0)
                return cli_fail(c, EXIT_FAILED, "out-of-memory", "", "memory: %s", strerror(errno));
        text_hex(&id, e->row.id);
        int r = clip_coming_whole(c, buf_cstr(&id));
        if (!r)
                r = owner_open(c, &owner);
        return r ? r : clip_get_fd(c, a, owner, buf_cstr(&id), e->in);
}

/* ---- ffmpeg ---- */

static size_t words_of(const struct edit *e, char start[32], char length[32], const char *argv[WORDS_MAX]) {
        const char *const begin[] = {PROGRAM, "-nostdin", "-v", "error", "-i", "file:/proc/self/fd/0"};
        const char *const film[] = {"-map", "0:v:0", "-map", "0:a?", "-f", "matroska"};
        const char *const picture[] = {"-frames:v",  "1",    "-f",
                                       "image2pipe", "-c:v", e->row.media == MEDIA_PNG ? "png" : "mjpeg"};
        size_t n = 0;
        for (size_t i = 0; i < ARRAY_LEN(begin); i++)
                argv[n++] = begin[i];
        if (e->length) {
                snprintf(start, 32, "%llu", (unsigned long long)e->start);
                snprintf(length, 32, "%llu", (unsigned long long)e->length);
                argv[n++] = "-ss";
                argv[n++] = start;
                argv[n++] = "-t";
                argv[n++] = length;
        }
        if (e->filter.n) {
                argv[n++] = "-vf";
                argv[n++] = (const char *)e->filter.p;
        }
        for (size_t i = 0; i < ARRAY_LEN(film); i++)
                argv[n++] = is_film(e) ? film[i] : picture[i];
        argv[n++] = "pipe:1";
        argv[n] = NULL;
        return n;
}

static int start(const struct edit *e, char *const *argv, pid_t *ret) {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, e->in, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, e->out, STDOUT_FILENO);
        int r = posix_spawnp(ret, argv[0], &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        return r;
}

static int change(struct cli *c, struct edit *e) {
        const char *argv[WORDS_MAX];
        char at[32], length[32];
        pid_t pid;
        int status = 0;
        if (e->filter.n && !buf_cstr(&e->filter)[0])
                return cli_fail(c, EXIT_FAILED, "out-of-memory", "", "out of memory");
        words_of(e, at, length, argv);
        int r = start(e, (char *const *)argv, &pid);
        if (r == ENOENT)
                return cli_fail(c, EXIT_FAILED, "no-ffmpeg", "install it: `sudo apt install ffmpeg`",
                                "ffmpeg is not installed");
        if (r)
                return cli_fail(c, EXIT_FAILED, "ffmpeg-failed", "", "ffmpeg: %s", strerror(r));
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
        if (status != 0 || lseek(e->out, 0, SEEK_END) <= 0)
                return cli_fail(c, EXIT_FAILED, "ffmpeg-failed", "what it said stands above; nothing was kept",
                                "ffmpeg made nothing of the clip");
        return lseek(e->out, 0, SEEK_SET) == 0 ? 0 : EXIT_FAILED;
}

/* ---- taking it in ---- */

static int take(struct cli *c, const struct edit *e) {
        _clean_(buf_fini) struct buf camera = BUF_NULL, changes = BUF_NULL;
        buf_add(&camera, e->row.camera);
        buf_add(&changes, buf_span(&e->changes));
        struct clip_wish wish = {.fd = e->out,
                                 .camera = buf_cstr(&camera),
                                 .audio = e->row.audio,
                                 .cell = WIRE_HAS(&e->row, C_CLIP, cell) ? cell_parse(e->row.cell) : PLACE_HOME,
                                 .parent = e->row.id.p,
                                 .changes = buf_cstr(&changes)};
        wish.times = WIRE_HAS(&e->row, C_CLIP, from);
        wish.from = e->row.from + e->start;
        wish.to = e->length ? wish.from + e->length : e->row.to;
        return clip_take(c, &wish);
}

static int make(struct cli *c, const struct args *a, struct edit *e) {
        int r = open_clip(c, a, e);
        if (!r)
                r = change(c, e);
        if (!r) {
                c->call = call_free(c->call); /* it may have been idle for long */
                r = take(c, e);
        }
        return r;
}

static void edit_fini(struct edit *e) {
        file_close(&e->in);
        file_close(&e->out);
        buf_fini(&e->row_store);
        buf_fini(&e->filter);
        buf_fini(&e->changes);
}

/* ---- trim ---- */

static int trim_times(struct cli *c, const struct args *a, struct edit *e) {
        const struct option_value *from = args_get(a, OPT_FROM), *to = args_get(a, OPT_TO);
        _clean_(buf_fini) struct buf shows = BUF_NULL;
        if (!from || !to || to->n <= from->n)
                return cli_usage(c, "give --from and --to, the earlier one first", "what is to stay is missing");
        if (!is_film(e) || !WIRE_HAS(&e->row, C_CLIP, from))
                return cli_fail(c, EXIT_REFUSED, "no-times", "open it with `clip get` and cut it by hand",
                                "nobody knows of what time that clip is, or it is no film");
        when_local(&shows, e->row.from, c->now);
        buf_add_str(&shows, _(" to "));
        when_local(&shows, e->row.to, c->now);
        if (from->n < e->row.from || to->n > e->row.to)
                return cli_usage(c, "--from and --to have to be within that", "the clip shows %s", buf_cstr(&shows));
        e->start = from->n - e->row.from;
        e->length = to->n - from->n;
        buf_printf(&e->changes, "trimmed: %llu+%llus", (unsigned long long)e->start, (unsigned long long)e->length);
        return 0;
}

static int run_trim(struct cli *c, const struct args *a) {
        struct edit e = {.in = -1, .out = -1};
        int r = find_clip(c, a, &e);
        if (!r)
                r = trim_times(c, a, &e);
        if (!r)
                r = make(c, a, &e);
        edit_fini(&e);
        return r;
}

static const struct option trim_options[] = {
        {OPT_FROM, "from", "T", N_("what stays begins then: 14:05:03, yesterday 14:05"), OPTION_TIME},
        {OPT_TO, "to", "T", N_("and ends then"), OPTION_TIME},
        OPTION_ROW_PASSPHRASE_FILE,
        OPTION_END,
};

#define EDIT_HELP                                                                                                      \
        N_("\nThe result is a clip of its own, which names the one it was made from and what\n"                        \
           "was done; that one stays as it is. It is opened by the vault, with a line in the\n"                        \
           "ledger, and changed by ffmpeg in memory: nothing of it is written to disk in the\n"                        \
           "clear. Run it on the main device.\n")

const struct command command_clip_trim = {
        .group = "clip",
        .name = "trim",
        .synopsis = "ID --from T --to T [--passphrase-file F]",
        .brief = N_("a part of a film, as a clip of its own"),
        .help = N_("What is outside --from and --to is not in it, to the second.\n"),
        .after = EDIT_HELP,
        .examples = N_("  porchlight clip trim 3f9a --from 14:05:03 --to 14:05:20\n"),
        .options = trim_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_trim,
};

/* ---- blur ---- */

/* X,Y,W,H in whole percent of the picture. */
static bool read_box(const char *text, unsigned ret[4]) {
        char end;
        return strspn(text, "0123456789,") == strlen(text) &&
               sscanf(text, "%3u,%3u,%3u,%3u%c", &ret[0], &ret[1], &ret[2], &ret[3], &end) == 4 && ret[2] && ret[3] &&
               ret[0] + ret[2] <= 100 && ret[1] + ret[3] <= 100;
}

static int blur_boxes(struct cli *c, const struct args *a, struct edit *e) {
        size_t n = 0;
        for (size_t i = 0; i < a->n_values; i++) {
                unsigned box[4];
                if (a->values[i].option->id != OPT_BOX)
                        continue;
                if (!read_box(a->values[i].text, box))
                        return cli_usage(c,
                                         "write X,Y,W,H in percent of the picture: 0,60,30,40 is the left lower corner",
                                         "--area: \"%.64s\" is no part of a picture", a->values[i].text);
                if (n++ == BOXES_MAX)
                        return cli_usage(c, "make one clip of another", "more than 8 parts are not covered at once");
                buf_printf(&e->filter, "%s" COVER, n > 1 ? "," : "", box[0], box[1], box[2], box[3]);
                buf_printf(&e->changes, "%s%u,%u,%u,%u", n > 1 ? " " : "covered: ", box[0], box[1], box[2], box[3]);
        }
        return n ? 0
                 : cli_usage(c, "--area X,Y,W,H says it, in percent of the picture",
                             "what is to be covered is missing");
}

static int run_blur(struct cli *c, const struct args *a) {
        struct edit e = {.in = -1, .out = -1, .changes = BUF_MAX(CHANGES_MAX)};
        int r = blur_boxes(c, a, &e);
        if (!r)
                r = find_clip(c, a, &e);
        if (!r)
                r = make(c, a, &e);
        edit_fini(&e);
        return r;
}

static const struct option blur_options[] = {
        {OPT_BOX, "area", "X,Y,W,H", N_("what to cover, in percent of the picture; may be given several times"),
         OPTION_TEXT, .many = true},
        OPTION_ROW_PASSPHRASE_FILE,
        OPTION_END,
};

const struct command command_clip_blur = {
        .group = "clip",
        .name = "blur",
        .synopsis = "ID --area X,Y,W,H… [--passphrase-file F]",
        .brief = N_("a clip with a part of the picture covered"),
        .help = N_("Each --area is covered with grey all through the film: what is only blurred can\n"
                   "often be made out again. X and Y are where it begins, from the left and from\n"
                   "above, W and H how wide and high it is, all in whole percent of the picture.\n"),
        .after = EDIT_HELP,
        .examples = N_("  porchlight clip blur 3f9a --area 0,60,30,40 --area 80,0,20,20\n"),
        .options = blur_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_blur,
};
