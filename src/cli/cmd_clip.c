/* SPDX-License-Identifier: Apache-2.0 */
/* clip list, show, keep: what this home has of footage. How it comes in is in clip_add.c. */
#include "cli/clip_fetch.h"
#include "cli/clips.h"

#include "base/text.h"
#include "base/when.h"

#include <sys/stat.h>

#define CAMERA_COLUMNS 16
#define WHEN_COLUMNS 16
#define LENGTH_COLUMNS 8
#define SIZE_COLUMNS 9
#define MEDIA_COLUMNS 9
#define LABEL_COLUMNS 10
#define MS 1000
#define AS_IS                                                                                                          \
        N_("The file was taken byte for byte: what it tells besides its pictures (place, device, sound) is in it.")

/* ---- words ---- */

static const char *state_word(uint64_t state) {
        switch ((enum wire_e_clip_state)state) {
        case CLIP_STATE_HERE:
                return _("here");
        case CLIP_STATE_DAMAGED:
                return _("DAMAGED");
        case CLIP_STATE_DESTROYED:
                return _("destroyed");
        case CLIP_STATE_AWAY:
                return _("away");
        case CLIP_STATE_LOST:
                return _("LOST");
        }
        return "";
}

static const char *media_word(uint64_t media) {
        switch ((enum wire_e_media)media) {
        case MEDIA_MP4:
                return "MP4";
        case MEDIA_MATROSKA:
                return "Matroska";
        case MEDIA_JPEG:
                return "JPEG";
        case MEDIA_PNG:
                return "PNG";
        case MEDIA_OTHER:
                return _("other");
        }
        return "";
}

bool clips_source_there(const struct wire_c_source *m) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        struct stat st;
        buf_add(&path, m->path);
        return buf_ok(&path) && stat(buf_cstr(&path), &st) == 0 && S_ISREG(st.st_mode) &&
               (uint64_t)st.st_size == m->size;
}

/* "0:07", "1:02:03" */
static void length_text(struct buf *out, uint64_t ms) {
        unsigned long long s = ms / MS;
        if (s >= 3600)
                buf_printf(out, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
        else
                buf_printf(out, "%llu:%02llu", s / 60, s % 60);
}

/* ---- taken in ---- */

void clips_tell_taken(struct cli *c, const struct wire_c_clip *m) {
        _clean_(buf_fini) struct buf text = BUF_NULL, camera = BUF_NULL, size = BUF_NULL, id = BUF_NULL;
        text_show(&camera, m->camera, false);
        text_size(&size, m->size);
        layout_id(&id, m->id);
        buf_printf(&text, _("Taken in as %s: %s from the camera %s. Only your vault can open it."), buf_cstr(&id),
                   buf_cstr(&size), buf_cstr(&camera));
        if (WIRE_HAS(m, C_CLIP, as_is))
                buf_printf(&text, " %s", _(AS_IS));
        layout_wrap(&c->out, buf_span(&text), 0, CLI_COLUMNS);
}

/* ---- list ---- */

static void clip_head(struct buf *out) {
        buf_add_str(out, "ID        ");
        layout_word(out, _("CAMERA"), CAMERA_COLUMNS + 2);
        layout_word(out, _("WHEN"), WHEN_COLUMNS + 2);
        layout_word(out, _("LENGTH"), LENGTH_COLUMNS);
        layout_word(out, _("SIZE"), SIZE_COLUMNS + 2);
        layout_word(out, _("KIND"), MEDIA_COLUMNS + 1);
        buf_printf(out, "%s\n", _("STATE"));
}

static void clip_line(struct cli *c, const struct wire_c_clip *m) {
        _clean_(buf_fini) struct buf when = BUF_NULL, length = BUF_NULL, size = BUF_NULL;
        if (WIRE_HAS(m, C_CLIP, taken))
                when_local(&when, WIRE_HAS(m, C_CLIP, from) ? m->from : m->taken, c->now);
        if (WIRE_HAS(m, C_CLIP, length))
                length_text(&length, m->length);
        else if (WIRE_HAS(m, C_CLIP, from))
                length_text(&length, (m->to - m->from) * MS);
        if (WIRE_HAS(m, C_CLIP, size))
                text_size(&size, m->size);
        layout_id(&c->out, m->id);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, m->camera, CAMERA_COLUMNS);
        buf_add_str(&c->out, "  ");
        layout_cell(&c->out, buf_span(&when), WHEN_COLUMNS + 2);
        layout_cell(&c->out, buf_span(&length), LENGTH_COLUMNS);
        layout_cell(&c->out, buf_span(&size), SIZE_COLUMNS + 2);
        layout_word(&c->out, WIRE_HAS(m, C_CLIP, media) ? media_word(m->media) : "", MEDIA_COLUMNS + 1);
        buf_add_str(&c->out, state_word(m->state));
        if (WIRE_HAS(m, C_CLIP, device)) {
                buf_add_str(&c->out, "\n          ");
                buf_add_str(&c->out, _("on "));
                text_show(&c->out, m->device, false);
                if (WIRE_HAS(m, C_CLIP, revoked))
                        buf_add_str(&c->out, _(", which was revoked: `clip destroy` lets it go"));
        }
        buf_add_u8(&c->out, '\n');
}

static int row_list(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg;
        if (row->number != CONTROL_CLIP_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        if (!*any)
                clip_head(&c->out);
        *any = true;
        clip_line(c, &row->m->c_clip);
        return cli_flush(c);
}

static int run_list(struct cli *c, const struct args *a) {
        (void)a;
        int r = cli_list(c, CONTROL_CLIPS, row_list,
                         _("No clips. `porchlight clip add FILE --camera NAME` takes one in.\n"));
        return r ? r : clip_fetches(c);
}

const struct command command_clip_list = {
        .group = "clip",
        .name = "list",
        .synopsis = "",
        .brief = N_("the clips this home has"),
        .help = N_("Newest first; WHEN is what it shows, where that is known, and else when it was\n"
                   "taken in. DAMAGED: its bytes are missing on the disk, or not all there. Of one\n"
                   "that was destroyed only the id is left. On the main device those of your other\n"
                   "devices are listed, too: away says that the bytes are there, and come when you\n"
                   "open or share the clip; LOST, that they are gone there. Below them stand clips\n"
                   "of other homes that are here or on their way, for the home's owner alone; in\n"
                   "JSON these have \"clip\" instead of \"id\".\n"
                   "\nExample:\n  porchlight clip list --json | jq -r 'select(.state==\"here\").id'\n"),
        .run = run_list,
};

/* ---- show ---- */

static void show_line(struct cli *c, const char *label, struct span text) {
        layout_word(&c->out, label, LABEL_COLUMNS);
        buf_add(&c->out, text);
        buf_add_u8(&c->out, '\n');
}

static void show_times(struct cli *c, const struct wire_c_clip *m) {
        _clean_(buf_fini) struct buf shows = BUF_NULL, taken = BUF_NULL, length = BUF_NULL;
        if (WIRE_HAS(m, C_CLIP, from)) {
                when_local(&shows, m->from, c->now);
                buf_add_str(&shows, _(" to "));
                when_local(&shows, m->to, c->now);
                show_line(c, _("shows"), buf_span(&shows));
        }
        if (WIRE_HAS(m, C_CLIP, length)) {
                length_text(&length, m->length);
                show_line(c, _("length"), buf_span(&length));
        }
        when_local(&taken, m->taken, c->now);
        if (!m->sure)
                buf_add_str(&taken, _(", by a clock that was not to be trusted"));
        show_line(c, _("taken in"), buf_span(&taken));
}

static void show_file(struct cli *c, const struct wire_c_clip *m) {
        _clean_(buf_fini) struct buf size = BUF_NULL, parent = BUF_NULL;
        text_size(&size, m->size);
        buf_printf(&size, ", %s%s", media_word(m->media), m->audio ? _(", with sound") : "");
        show_line(c, _("file"), buf_span(&size));
        if (WIRE_HAS(m, C_CLIP, cell))
                show_line(c, _("where"), m->cell);
        if (WIRE_HAS(m, C_CLIP, parent)) {
                layout_id(&parent, m->parent);
                buf_add_str(&parent, ": ");
                text_show(&parent, m->changes, false);
                show_line(c, _("made from"), buf_span(&parent));
        }
}

/* Which of this household's devices took it in; on a further device, whether the main one knows. */
static void show_device(struct cli *c, const struct wire_c_clip *m) {
        _clean_(buf_fini) struct buf device = BUF_NULL;
        if (WIRE_HAS(m, C_CLIP, told))
                show_line(c, _("told"),
                          span_str(m->told ? _("the main device knows of it")
                                           : _("the main device does not know of it yet")));
        if (!WIRE_HAS(m, C_CLIP, device))
                return;
        text_show(&device, m->device, false);
        if (WIRE_HAS(m, C_CLIP, revoked))
                buf_add_str(&device, _(", which was revoked: `clip destroy` lets it go"));
        show_line(c, _("device"), buf_span(&device));
}

/* Why it stays, to be put behind until when. */
static const char *stay_word(uint64_t why) {
        switch ((enum wire_e_stay)why) {
        case STAY_PINNED:
                return _("you keep it (`clip keep`)");
        case STAY_ALERT:
                return _("an alert of yours that is in force names it");
        case STAY_GRANT:
                return _("it is granted to somebody until then");
        case STAY_KIND:
                return _("an alert of yours named it, of the kind ");
        case STAY_CAMERA:
                return _("the rule of its camera (`camera keep`)");
        case STAY_RETENTION:
                return _("the rule of all cameras (clips.retention)");
        }
        return "";
}

/* How long it stays, and why; of one of another device that device says it. */
static void show_stay(struct cli *c, const struct wire_c_clip *m) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        if (!WIRE_HAS(m, C_CLIP, why))
                return;
        if (WIRE_HAS(m, C_CLIP, until)) {
                buf_add_str(&text, _("until "));
                when_local(&text, m->until, c->now);
        } else {
                buf_add_str(&text, _("for ever"));
        }
        buf_printf(&text, ": %s", stay_word(m->why));
        if (WIRE_HAS(m, C_CLIP, why_kind))
                buf_add_str(&text, wire_enum_text(&wire_kind_enum, m->why_kind));
        show_line(c, _("kept"), buf_span(&text));
}

static int row_show(struct cli *c, const struct call_row *row, void *arg) {
        _clean_(buf_fini) struct buf id = BUF_NULL, camera = BUF_NULL;
        (void)arg;
        if (row->number != CONTROL_CLIP_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        const struct wire_c_clip *m = &row->m->c_clip;
        text_hex(&id, m->id);
        show_line(c, _("clip"), buf_span(&id));
        show_line(c, _("state"), span_str(state_word(m->state)));
        if (!WIRE_HAS(m, C_CLIP, taken))
                return 0;
        text_show(&camera, m->camera, false);
        show_line(c, _("camera"), buf_span(&camera));
        show_device(c, m);
        show_times(c, m);
        show_file(c, m);
        show_stay(c, m);
        if (WIRE_HAS(m, C_CLIP, as_is))
                layout_wrap(&c->out, span_str(_(AS_IS)), 0, CLI_COLUMNS);
        return 0;
}

static int run_show(struct cli *c, const struct args *a) {
        struct wire_c_name m = {.name = span_str(a->words[0])};
        return cli_ask(c, CONTROL_CLIP, &m, row_show, NULL);
}

const struct command command_clip_show = {
        .group = "clip",
        .name = "show",
        .synopsis = "ID",
        .brief = N_("one of them"),
        .help = N_("ID is a unique beginning of its id, of 4 digits or more. What the clip shows can\n"
                   "be seen by nobody without the vault; this is what its manifest says, and how\n"
                   "long it stays and why: what keeps it longest counts.\n"
                   "\nExample:\n  porchlight clip show 3f9a\n"),
        .min_words = 1,
        .max_words = 1,
        .run = run_show,
};

/* ---- keep ---- */

static const struct option keep_options[] = {
        {OPT_OFF, "off", NULL, N_("the rules hold for it again"), OPTION_FLAG},
        OPTION_END,
};

static int run_keep(struct cli *c, const struct args *a) {
        struct wire_c_clip_keep m = {.clip = span_str(a->words[0])};
        if (args_has(a, OPT_OFF))
                WIRE_PUT(&m, C_CLIP_KEEP, off, true);
        int r = cli_ask(c, CONTROL_CLIP_KEEP, &m, NULL, NULL);
        if (r || c->json)
                return r;
        layout_wrap(&c->out,
                    span_str(args_has(a, OPT_OFF) ? _("The rules hold for it again: it goes when it is too old.")
                                                  : _("Kept: it stays until you destroy it.")),
                    0, CLI_COLUMNS);
        return 0;
}

const struct command command_clip_keep = {
        .group = "clip",
        .name = "keep",
        .synopsis = "[--off] ID",
        .brief = N_("keep a clip, whatever the rules say"),
        .help = N_("Neither `camera keep` nor clips.retention nor a full quota destroys it then. Up\n"
                   "to 500 clips can be kept so. A clip that an alert of yours has named (`post\n"
                   "--clip`) stays longer by itself where clips.kinds says so of the alert's kind.\n"
                   "\nExamples:\n"
                   "  porchlight clip keep 3f9a\n"
                   "  porchlight config set clips.kinds \"break-in=1y, theft=90d\"\n"),
        .options = keep_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_keep,
};

/* ---- notices ---- */

static int row_notice(struct cli *c, const struct call_row *row, void *arg) {
        bool *any = arg;
        if (row->number != CONTROL_NOTICE_ROW)
                return 0;
        if (c->json)
                return cli_row_json(c, row, NULL);
        *any = true;
        layout_notice(c, &row->m->c_notice);
        return cli_flush(c);
}

static int run_notices(struct cli *c, const struct args *a) {
        (void)a;
        return cli_list(c, CONTROL_NOTICES, row_notice, _("Nobody has told of footage in the last three days.\n"));
}

const struct command command_clip_notices = {
        .group = "clip",
        .name = "notices",
        .synopsis = "",
        .brief = N_("what homes have told of: that there is footage"),
        .help = N_("Newest first, of this home and of neighbours: of when and where there is\n"
                   "footage, and which clip. A notice lives three days. A home tells with\n"
                   "`post --notice`, or by itself for cameras whose policy is announce; most never\n"
                   "do.\n"
                   "\nExample:\n  porchlight clip notices --json\n"),
        .run = run_notices,
};
