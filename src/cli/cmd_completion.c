/* SPDX-License-Identifier: Apache-2.0 */
/* completion: the scripts that let a shell complete command lines. */
#include "cli/commands.h"

#include "cli/complete.h"
#include "wire/json.h"

static const struct {
        const char *name;
        void (*write)(struct buf *out);
} shells[] = {{"bash", complete_bash}, {"zsh", complete_zsh}, {"fish", complete_fish}};

static int run_completion(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf script = BUF_NULL;
        for (size_t i = 0; i < ARRAY_LEN(shells); i++)
                if (strcmp(a->words[0], shells[i].name) == 0)
                        shells[i].write(&script);
        if (!script.n)
                return cli_usage(c, "choose one of bash, zsh, fish", "there is no completion for \"%.64s\"",
                                 a->words[0]);
        if (!c->json) {
                buf_add(&c->out, buf_span(&script));
                return 0;
        }
        buf_add_str(&c->out, "{\"v\":1,\"shell\":");
        json_string(&c->out, span_str(a->words[0]));
        buf_add_str(&c->out, ",\"script\":");
        json_string(&c->out, buf_span(&script));
        buf_add_str(&c->out, "}\n");
        return 0;
}

const struct command command_completion = {
        .name = "completion",
        .synopsis = "bash|zsh|fish",
        .brief = N_("print a script that completes command lines"),
        .help = N_("It completes commands, options, their words, and what only the daemon knows: ids\n"
                   "of alerts and tickets, names of homes. Packages install it.\n"
                   "\n"
                   "Examples:\n"
                   "  source <(porchlight completion bash)        # in ~/.bashrc\n"
                   "  porchlight completion zsh > ~/.zfunc/_porchlight\n"
                   "  porchlight completion fish > ~/.config/fish/completions/porchlight.fish\n"),
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_SHELL,
        .run = run_completion,
};
