/* SPDX-License-Identifier: Apache-2.0 */
/* clip request; grant give, deny: one home asks another for a clip, and is given it, or hears nothing. */
#include "cli/commands.h"

#include "base/lang.h"
#include "base/text.h"
#include "cli/cmd_ask.h"
#include "cli/given.h"
#include "cli/ledger.h"
#include "cli/options.h"
#include "cli/owner.h"

#include <stdio.h>

#define REASON_MAX 200
#define LIFE_MAX 604800 /* of a request */
#define GRANT_MAX 31536000
#define ID_MAX 64

/* ---- clip request ---- */

/* clang-format off */
static const struct option request_options[] = {
        {OPT_REASON, "reason", "TEXT", N_("what for, at most 200 bytes"), OPTION_TEXT},
        {OPT_EXPIRES, "expires", "D", N_("how long you ask: 2d; 7d if absent, and at most"), OPTION_DURATION, NULL, EXPIRES_MIN, LIFE_MAX},
        OPTION_END,
};
/* clang-format on */

static int run_request(struct cli *c, const struct args *a) {
        struct wire_c_request m = {0};
        const struct option_value *v = args_get(a, OPT_EXPIRES);
        const char *reason = args_text(a, OPT_REASON);
        bool any = false;
        int r = id_word(c, a->words[0], N_("`porchlight alert show` lists what homes have"), &m.clip);
        if (!r && reason && strlen(reason) > REASON_MAX)
                r = cli_usage(c, "shorten it", "--reason is longer than %d bytes", REASON_MAX);
        if (r)
                return r;
        if (reason && *reason)
                WIRE_PUT(&m, C_REQUEST, reason, span_str(reason));
        if (v)
                WIRE_PUT(&m, C_REQUEST, expires_in, v->n);
        return cli_ask(c, CONTROL_REQUEST, &m, row_request, &any);
}

const struct command command_clip_request = {
        .group = "clip",
        .name = "request",
        .synopsis = "ID [--reason TEXT] [--expires D]",
        .brief = N_("ask the home that has a clip for it"),
        .help = N_("ID is of a clip that an alert or a notice of another home names, as `porchlight\n"
                   "alert show` lists them. That home alone sees the request, with your name and\n"
                   "reason. It answers with a grant, which your inbox then shows, or not at all:\n"
                   "nobody can tell no from not seen. A request lives 7 days at most; 4 to one home\n"
                   "may be open. `porchlight grant requests` lists yours.\n"),
        .examples = N_("  porchlight clip request 3f2a91c0 --reason \"my bicycle was in the rack\"\n"),
        .options = request_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_request,
};

/* ---- grant requests ---- */

static int run_requests(struct cli *c, const struct args *a) {
        struct wire_c_none none = {0};
        bool any = false;
        (void)a;
        int r = cli_ask(c, CONTROL_REQUESTS, &none, row_request, &any);
        if (!r && !any && !c->json)
                buf_add_str(&c->out, _("No requests for clips, neither yours nor others'.\n"));
        return r;
}

const struct command command_grant_requests = {
        .group = "grant",
        .name = "requests",
        .synopsis = "",
        .brief = N_("who asked whom for a clip"),
        .help = N_("Your own requests, and those of others for clips of this home, those you denied\n"
                   "among them.\n"),
        .run = run_requests,
};

/* ---- grant give ---- */

/* What is answered: a request, or an ask. */
struct answered {
        const char *word;
        struct hash id, clip;
        char to[ID_MAX + 1];
        bool found, has_clip;
};

static void found_it(struct answered *w, struct span id, struct span household) {
        _clean_(buf_fini) struct buf hex = BUF_NULL;
        text_hex(&hex, household);
        snprintf(w->to, sizeof(w->to), "%s", buf_cstr(&hex));
        memcpy(w->id.b, id.p, sizeof(w->id));
        w->found = true;
}

static int find_request(struct cli *c, const struct call_row *row, void *arg) {
        struct answered *w = arg;
        const struct wire_c_requested *q = &row->m->c_requested;
        if (row->number != CONTROL_REQUEST_ROW || q->mine || !text_hex_begins(q->id, span_str(w->word)))
                return 0;
        if (w->found)
                return cli_fail(c, EXIT_NOT_FOUND, "ambiguous", "give more digits",
                                "several requests have an id that begins so");
        found_it(w, q->id, q->household_id);
        memcpy(w->clip.b, q->clip.p, sizeof(w->clip));
        w->has_clip = true;
        return 0;
}

static int find_ask(struct cli *c, const struct call_row *row, void *arg) {
        struct answered *w = arg;
        const struct wire_c_ask *q = &row->m->c_ask;
        if (row->number != CONTROL_ASK_ROW || w->found)
                return 0;
        if (q->mine)
                return cli_fail(c, EXIT_REFUSED, "own-ask", "`porchlight clip share` gives a clip without an ask",
                                "that ask is of this household itself");
        if (WIRE_HAS(q, C_ASK, household_id))
                found_it(w, q->id, q->household_id);
        return 0;
}

static int find_answered(struct cli *c, struct answered *w) {
        struct wire_c_none none = {0};
        struct wire_c_name name = {0};
        int r = id_word(c, w->word, N_("`porchlight inbox` shows asks and requests"), &name.name);
        if (!r)
                r = cli_ask(c, CONTROL_REQUESTS, &none, find_request, w);
        if (!r && !w->found)
                r = cli_ask(c, CONTROL_ASK_MATCH, &name, find_ask, w);
        return r;
}

static int put_clip(struct cli *c, const struct args *a, const struct answered *w, struct buf *hex,
                    struct wire_o_grant *m) {
        const char *clip = args_text(a, OPT_CLIP);
        if (clip) {
                m->clip = span_str(clip);
                return clip_word(c, clip);
        }
        if (!w->has_clip)
                return cli_usage(c, "`porchlight ask match` lists those that fit", "--clip ID is missing");
        text_hex(hex, SPAN_OF(w->clip.b));
        m->clip = buf_span(hex);
        return 0;
}

static int run_give(struct cli *c, const struct args *a) {
        _clean_(buf_fini) struct buf hex = BUF_NULL;
        struct answered w = {.word = a->words[0]};
        struct wire_o_grant m = {0};
        const struct option_value *v = args_get(a, OPT_EXPIRES);
        int r = grant_purpose(c, a, &m);
        if (!r)
                r = find_answered(c, &w);
        if (!r)
                r = put_clip(c, a, &w, &hex, &m);
        if (r)
                return r;
        WIRE_PUT(&m, O_GRANT, to, span_str(w.to));
        WIRE_PUT(&m, O_GRANT, answers, SPAN_OF(w.id.b));
        if (v)
                WIRE_PUT(&m, O_GRANT, expires_in, v->n);
        return grant_make(c, a, &m);
}

static const struct option give_options[] = {
        {OPT_CLIP, "clip", "ID", N_("which clip; that of a request, if absent"), OPTION_TEXT},
        {OPT_PURPOSE, "purpose", "TEXT", N_("what for, at most 200 bytes; the recipient signs it"), OPTION_TEXT},
        {OPT_EXPIRES, "expires", "D", N_("until when, from now: 12h, 30d; 7d if absent"), OPTION_DURATION, NULL,
         EXPIRES_MIN, GRANT_MAX},
        OPTION_ROWS_SIGN,
        OPTION_END,
};

const struct command command_grant_give = {
        .group = "grant",
        .name = "give",
        .synopsis = "ASK|REQUEST [--clip ID] --purpose TEXT [--expires 7d] [--yes]",
        .brief = N_("answer an ask or a request with a clip"),
        .help = N_("As `porchlight clip share` with whoever asked; the grant says what it answers.\n"
                   "Of a request the clip is known; for an ask choose one with --clip. Others who\n"
                   "asked the same learn nothing of it. Run it on the main device.\n"),
        .after = SIGN_HELP,
        .examples = N_("  porchlight grant give 1a2b3c4d --clip 3f2a91c0 --purpose \"the stolen bicycle\"\n"),
        .options = give_options,
        .min_words = 1,
        .max_words = 1,
        .run = run_give,
};

/* ---- grant deny ---- */

static int run_deny(struct cli *c, const struct args *a) {
        struct wire_c_name m = {0};
        int r = id_word(c, a->words[0], N_("`porchlight inbox` shows asks and requests"), &m.name);
        if (!r)
                r = cli_ask(c, CONTROL_DENY, &m, NULL, NULL);
        if (!r && !c->json)
                buf_add_str(&c->out, _("denied: it is not shown in the inbox any more, and nobody hears of that\n"));
        return r;
}

const struct command command_grant_deny = {
        .group = "grant",
        .name = "deny",
        .synopsis = "ASK|REQUEST",
        .brief = N_("do not show an ask or a request in the inbox any more"),
        .help = N_("Nothing is sent: to whoever asked it looks as if nobody had looked.\n"),
        .examples = N_("  porchlight grant deny 1a2b3c4d\n"),
        .min_words = 1,
        .max_words = 1,
        .run = run_deny,
};
