/* SPDX-License-Identifier: Apache-2.0 */
/* porchlight: what the people of a home, and their scripts, type. */
#include "base/file.h"
#include "cli/place.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Before the command line is read: whether errors are to be JSON. */
static bool wants_json(char *const *argv) {
        for (; *argv && strcmp(*argv, "--") != 0 && strcmp(*argv, "--exec") != 0; argv++)
                if (strcmp(*argv, "--json") == 0)
                        return true;
        return false;
}

static bool use_colour(void) {
        const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
        return !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static void begin(struct cli *c, char *const *argv) {
        file_hold_std();
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk */
        c->json = wants_json(argv);
        c->in_tty = isatty(STDIN_FILENO);
        c->out_tty = isatty(STDOUT_FILENO);
        c->err_tty = isatty(STDERR_FILENO);
        c->colour = c->out_tty && use_colour();
        c->now = (uint64_t)time(NULL);
        if (!c->json)
                lang_start(PORCHLIGHT_LOCALEDIR); /* scripts read English, wherever they run */
}

/* `porchlight`, `porchlight --version`, `porchlight alert --help`: no command, but an answer. */
static int without_command(struct cli *c, const struct args *a) {
        return command_find(NULL, args_has(a, OPT_VERSION) ? "version" : "help")->run(c, a);
}

static int run(struct cli *c, struct args *a) {
        if (!a->command || args_has(a, OPT_VERSION))
                return without_command(c, a);
        if (args_has(a, OPT_HELP)) {
                (c->json ? help_command_json : help_command)(&c->out, a->command);
                return 0;
        }
        int r = places_resolve(c, a);
        return r ? r : a->command->run(c, a);
}

int main(int argc, char **argv) {
        struct cli c = {0};
        struct args a;
        struct parse_error wrong;
        begin(&c, argv + (argc > 0));
        int r = args_parse(&a, argv + (argc > 0), c.now, &wrong);
        if (r)
                return cli_usage(&c, wrong.hint, "%s", wrong.message);
        c.data = args_text(&a, OPT_DATA);
        c.json = args_has(&a, OPT_JSON);
        r = run(&c, &a);
        int flushed = cli_flush(&c);
        buf_fini(&c.out);
        call_free(c.call);
        return r ? r : flushed;
}
