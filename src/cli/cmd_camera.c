/* SPDX-License-Identifier: Apache-2.0 */
/* camera list, policy, keep: what may be told of each camera's clips, and how long they stay. The rules are the daemon's. */
#include "cli/clips.h"

#include "base/text.h"
#include "base/when.h"

#define CAMERA_COLUMNS 20
#define POLICY_COLUMNS 10
#define KEEP_COLUMNS 12
#define CLIPS_COLUMNS 7
#define SIZE_COLUMNS 10
#define FOREVER UINT64_C(3153600000) /* seconds, as in proto/control.def */
#define KEEP_LEAST 3600

/* ---- list ---- */

static void keep_text(struct buf *out, const struct wire_c_camera *m) {
        if (WIRE_HAS(m, C_CAMERA, keep))
                when_show_duration(out, m->keep);
        else
                buf_add_str(out, _("for ever"));
}

static void camera_head(struct buf *out) {
        layout_word(out, _("CAMERA"), CAMERA_COLUMNS + 2);
        layout_word(out, _("POLICY"), POLICY_COLUMNS);
        layout_word(out, _("KEPT"), KEEP_COLUMNS);
        layout_word(out, _("CLIPS"), CLIPS_COLUMNS);
        layout_word(out, _("SIZE"), SIZE_COLUMNS);
        buf_printf(out, "%s\n", _("LATEST"));
}

static void camera_line(struct cli *c, const struct wire_c_camera *m) {
        _clean_(buf_fini) struct buf keep = BUF_NULL, size = BUF_NULL, clips = BUF_NULL, last = BUF_NULL;
        bool named = WIRE_HAS(m, C_CAMERA, camera);
        keep_text(&keep, m);
        if (named)
                buf_printf(&clips, "%llu", (unsigned long long)m->clips);
        if (named)
                text_size(&size, m->bytes);
        if (WIRE_HAS(m, C_CAMERA, last))
                when_local(&last, m->last, c->now);
        if (named)
                layout_cell(&c->out, m->camera, CAMERA_COLUMNS);
        else
                layout_word(&c->out, _("(any other)"), CAMERA_COLUMNS);
        buf_add_str(&c->out, "  ");
        layout_word(&c->out, wire_enum_text(&wire_camera_policy_enum, m->policy), POLICY_COLUMNS);
        layout_cell(&c->out, buf_span(&keep), KEEP_COLUMNS);
        layout_cell(&c->out, buf_span(&clips), CLIPS_COLUMNS);
        layout_cell(&c->out, buf_span(&size), SIZE_COLUMNS);
        buf_add(&c->out, buf_span(&last));
        buf_add_u8(&c->out, '\n');
}

static int row_list(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg;
        if (row->number != CONTROL_CAMERA_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        if (!*any)
                camera_head(&c->out);
        *any = true;
        camera_line(c, &row->m->c_camera);
        return cli_flush(c);
}

static int run_list(struct cli *c, const struct args *a) {
        (void)a;
        return cli_list(c, CONTROL_CAMERAS, row_list, "");
}

const struct command command_camera_list = {
        .group = "camera",
        .name = "list",
        .synopsis = "",
        .brief = N_("the cameras with clips here, and the rule of each"),
        .help = N_("The last row is the rule of every camera that has none of its own. Only the\n"
                   "owner sees this list; a camera's name stays in this home.\n"
                   "\nExample:\n  porchlight camera list --json | jq -r 'select(.policy==\"announce\").camera'\n"),
        .run = run_list,
};

/* ---- policy, keep ---- */

/* The camera that is meant, and the word behind it. NULL: said. */
static const char *camera_from(struct cli *c, const struct args *a, struct wire_c_camera_set *ret) {
        bool all = args_has(a, OPT_ALL);
        if (a->n_words != (all ? 1 : 2)) {
                cli_usage(c, "name one camera, or give --all", "it takes NAME or --all, and what the rule is to be");
                return NULL;
        }
        if (!all)
                WIRE_PUT(ret, C_CAMERA_SET, name, span_str(a->words[0]));
        return a->words[a->n_words - 1];
}

static int set(struct cli *c, struct wire_c_camera_set *m, const char *done) {
        _clean_(buf_fini) struct buf text = BUF_NULL, name = BUF_NULL;
        if (WIRE_HAS(m, C_CAMERA_SET, name) && (!m->name.n || m->name.n > 64))
                return cli_usage(c, "give the camera's name as `porchlight camera list` shows it",
                                 "a camera's name has 1 to 64 bytes");
        int r = cli_ask(c, CONTROL_CAMERA_SET, m, NULL, NULL);
        if (r || c->json)
                return r;
        if (WIRE_HAS(m, C_CAMERA_SET, name))
                text_show(&name, m->name, false);
        else
                buf_add_str(&name, _("every camera"));
        buf_printf(&text, "%s: %s", buf_cstr(&name), done);
        layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
        return 0;
}

static const struct option camera_options[] = {
        {OPT_ALL, "all", NULL, N_("every camera, also those that are to come"), OPTION_FLAG},
        OPTION_END,
};

static const char *policy_done(uint64_t policy) {
        switch ((enum wire_e_camera_policy)policy) {
        case CAMERA_POLICY_ASK:
                return _("clips that fit an ask are shown to you, and nobody is told.");
        case CAMERA_POLICY_NEVER:
                return _("no ask fits its clips, and none can be named, told of or shared.");
        case CAMERA_POLICY_ANNOUNCE:
                return _("a notice tells the street that there is footage: which quarter of an hour, and which area of "
                         "about 1 km. At most 16 a day.");
        }
        return "";
}

static int run_policy(struct cli *c, const struct args *a) {
        struct wire_c_camera_set m = {0};
        const char *word = camera_from(c, a, &m);
        if (!word)
                return EXIT_USAGE;
        uint64_t policy = wire_enum_value(&wire_camera_policy_enum, span_str(word));
        if (!policy)
                return cli_usage(c, "it is never, ask or announce", "\"%.64s\" is not a policy", word);
        WIRE_PUT(&m, C_CAMERA_SET, policy, policy);
        return set(c, &m, policy_done(policy));
}

const struct command command_camera_policy = {
        .group = "camera",
        .name = "policy",
        .synopsis = "(NAME | --all) never|ask|announce",
        .brief = N_("what may be told of a camera's clips"),
        .help = N_("never     its clips fit no ask, no alert and no notice can name one, and none\n"
                   "          can be shared\n"
                   "ask       clips that fit an ask are shown to you alone; you decide. Every camera\n"
                   "          begins so\n"
                   "announce  as ask, and a notice goes to the street by itself: that there is\n"
                   "          footage, of which quarter of an hour, in which area of about 1 km. It\n"
                   "          goes out when that quarter is over, one for all cameras of the area,\n"
                   "          at most 16 a day\n"
                   "\n"
                   "What was told or shared before stays so. `--all never` switches all cameras off:\n"
                   "no neighbour can tell that from having none.\n"
                   "\nExamples:\n"
                   "  porchlight camera policy \"front door\" announce\n"
                   "  porchlight camera policy --all never\n"),
        .options = camera_options,
        .min_words = 1,
        .max_words = 2,
        .run = run_policy,
};

static int run_keep(struct cli *c, const struct args *a) {
        struct wire_c_camera_set m = {0};
        _clean_(buf_fini) struct buf done = BUF_NULL;
        const char *word = camera_from(c, a, &m);
        uint64_t keep = 0;
        if (!word)
                return EXIT_USAGE;
        if (strcmp(word, "forever") == 0)
                keep = FOREVER;
        else if (strcmp(word, "default") != 0 && (!when_duration(span_str(word), &keep) || keep < KEEP_LEAST))
                return cli_usage(c, "write it as 14d, 36h, forever or default",
                                 "\"%.64s\" is no time to keep clips for", word);
        WIRE_PUT(&m, C_CAMERA_SET, keep, keep);
        if (keep == FOREVER)
                buf_add_str(&done, _("its clips stay until you destroy them."));
        else if (!keep)
                buf_add_str(&done, _("its clips are kept as `clips.retention` says."));
        else
                buf_add_str(&done, _("its clips are destroyed once they are older than "));
        if (keep && keep != FOREVER) {
                when_show_duration(&done, keep);
                buf_add_u8(&done, '.');
        }
        return set(c, &m, buf_cstr(&done));
}

const struct command command_camera_keep = {
        .group = "camera",
        .name = "keep",
        .synopsis = "(NAME | --all) 14d|forever|default",
        .brief = N_("how long a camera's clips are kept"),
        .help = N_("A clip that is older is destroyed as by `clip destroy`: its key first, then its\n"
                   "bytes, and the ledger has a line. What is kept with `clip keep`, what an alert\n"
                   "in force of this home names, and what is granted stays until that is over; what\n"
                   "an alert has named as long as clips.kinds says of the alert's kind.\n"
                   "`default` is what `porchlight config get clips.retention` says.\n"
                   "\nExamples:\n"
                   "  porchlight camera keep \"front door\" 14d\n"
                   "  porchlight camera keep --all default\n"),
        .options = camera_options,
        .min_words = 1,
        .max_words = 2,
        .run = run_keep,
};
