/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's side of a command. Whatever the household signs goes through owner_sign(): the vault says in its own words
 * what it is about to sign, and nothing is signed before a person, or --yes, has said so.
 */
#include "cli/owner.h"

#include <stdio.h>
#include <time.h>

#define WAIT_S 45 /* the daemon answers within 30 s, the vault derives keys before */
#define TICK_MS 1000
#define PROGRESS_AFTER_S 1
#define TRIES 3 /* at typing a passphrase */

int owner_open(struct cli *c, struct call **ret) {
        struct call_error e;
        return call_new(ret, c->data, CALL_OWNER, &e) ? cli_fail_call(c, &e) : 0;
}

static void progress(const struct cli *c, const char *doing, unsigned seconds) {
        if (c->err_tty && !c->json && seconds >= PROGRESS_AFTER_S)
                fprintf(stderr, "\r%s … %u s ", doing, seconds);
}

static void progress_end(const struct cli *c, unsigned seconds) {
        if (c->err_tty && !c->json && seconds >= PROGRESS_AFTER_S)
                fputs("\r\033[K", stderr);
}

/* call_next(), until something comes. */
static int wait_row(struct cli *c, struct call *owner, const char *doing, struct call_row *ret) {
        time_t began = time(NULL);
        for (;;) {
                unsigned seconds = (unsigned)MAX(time(NULL) - began, 0);
                progress(c, doing, seconds);
                int r = call_next(owner, TICK_MS, ret);
                if (r == CALL_E_AGAIN && seconds <= WAIT_S)
                        continue;
                progress_end(c, seconds);
                return r;
        }
}

static void say_warning(struct cli *c, const struct wire_c_done *done) {
        if (WIRE_HAS(done, C_DONE, warning))
                cli_warn(c, done->warning);
}

int owner_row(struct cli *c, struct call *owner, const char *doing, struct call_row *ret, int *ret_exit) {
        int r = wait_row(c, owner, doing, ret);
        if (r == CALL_E_END)
                say_warning(c, &ret->m->c_done);
        if (r == CALL_E_FAILED)
                *ret_exit = cli_fail_call(c, call_error(owner));
        if (r != CALL_E_AGAIN)
                return r;
        *ret_exit = cli_fail(c, EXIT_UNREACHABLE, "daemon-silent", "`porchlight status` tells what has become of it",
                             "no answer within %d s", WAIT_S);
        return CALL_E_FAILED;
}

int owner_ask(struct cli *c, struct call *owner, unsigned number, const void *msg, const char *doing, cli_row_fn row,
              void *arg) {
        struct call_row got;
        int r, code = 0;
        if (call_send(owner, number, msg))
                return cli_fail_call(c, call_error(owner));
        while ((r = owner_row(c, owner, doing, &got, &code)) == 0)
                if (row && (code = row(c, &got, arg)))
                        return code;
        return r == CALL_E_FAILED ? code : 0;
}

static int bad_answer(struct cli *c, const char *what) {
        return cli_fail(c, EXIT_FAILED, "bad-answer", "are the vault and this tool of one version?",
                        "the vault did not tell %s", what);
}

/* ---- state ---- */

static int row_state(struct cli *c, const struct call_row *row, void *arg) {
        struct wire_o_state *state = arg;
        (void)c;
        if (row->number == OWNER_O_STATE_ROW)
                *state = row->m->o_state;
        return 0;
}

int owner_state(struct cli *c, struct call *owner, struct wire_o_state *ret) {
        struct wire_c_none none = {0};
        struct wire_o_state state = {0};
        int r = owner_ask(c, owner, OWNER_O_STATE, &none, _("asking the vault"), row_state, &state);
        if (r)
                return r;
        if (!state.v)
                return bad_answer(c, _("its state"));
        *ret = state;
        return 0;
}

/* ---- signing ---- */

/* Wrapped for a person; on one line, as all notes are, for a log. */
static void show_sentence(struct cli *c, struct span text) {
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        if (!c->err_tty) {
                cli_note(c, "%.*s", (int)text.n, (const char *)text.p);
                return;
        }
        layout_wrap(&shown, text, 0, CLI_COLUMNS);
        fputs(buf_cstr(&shown), stderr);
}

/* The row that must come next, before the answer's end. 0 or an exit code (said). */
static int next_is(struct cli *c, struct call *owner, const char *doing, unsigned number, const char *what,
                   struct call_row *ret) {
        int r, code = 0;
        while ((r = owner_row(c, owner, doing, ret, &code)) == 0)
                if (ret->number == number)
                        return 0;
        return r == CALL_E_FAILED ? code : bad_answer(c, what);
}

static int send_go(struct cli *c, const struct args *a, struct call *owner, bool needs_passphrase) {
        _clean_(passphrase_fini) struct passphrase pass = {0};
        struct wire_o_go m = {0};
        int r = needs_passphrase ? passphrase_get(c, a, _("Passphrase: "), &pass) : 0;
        if (r)
                return r;
        if (needs_passphrase)
                WIRE_PUT(&m, O_GO, passphrase, buf_span(&pass.text));
        return call_send(owner, OWNER_O_GO, &m) ? cli_fail_call(c, call_error(owner)) : 0;
}

static int wait_end(struct cli *c, struct call *owner) {
        struct call_row row;
        int r, code = 0;
        while ((r = owner_row(c, owner, _("signing"), &row, &code)) == 0)
                continue;
        return r == CALL_E_FAILED ? code : 0;
}

/* A wrong passphrase leaves the sentence standing: a person may type it again. @number 0: nothing comes but the end. */
static int go(struct cli *c, const struct args *a, struct call *owner, bool needs_passphrase, unsigned number,
              struct call_row *ret) {
        bool typed = needs_passphrase && !args_has(a, OPT_PASSPHRASE_FILE);
        int r = 0;
        for (int tries = typed ? TRIES : 1; tries > 0; tries--) {
                r = send_go(c, a, owner, needs_passphrase);
                if (r)
                        return r;
                r = number ? next_is(c, owner, _("signing"), number, _("what became of it"), ret) : wait_end(c, owner);
                if (r != EXIT_LOCKED)
                        return r;
        }
        return r;
}

/* A request whose answer begins with a sentence. */
struct wish {
        unsigned request;
        const void *msg;
        const char *question;         /* NULL: nobody is asked … */
        bool terms;                   /* … but what it says is shown */
        unsigned number;              /* of the answer's row; 0: it has none */
        const struct wire_desc *desc; /* of that */
        bool quiet;                   /* the sentence is not shown: the owner has agreed to all of them at once */
};

/* Where there are more rows of it the last one counts. */
static int keep_last(struct cli *c, struct call *owner, const struct wish *w, struct buf *store) {
        struct call_row row;
        int r, code = 0;
        while ((r = owner_row(c, owner, _("signing"), &row, &code)) == 0) {
                if (row.number != w->number)
                        continue;
                buf_clear(store);
                codec_encode(w->desc, row.m, store);
        }
        return r == CALL_E_FAILED ? code : 0;
}

/* The answer's row is kept in @store, and the connection is left open in @owner. */
static int sign_on(struct cli *c, const struct args *a, const struct wish *w, struct buf *store, struct call **owner) {
        struct call_row row;
        int r = w->question ? can_ask(c, a) : 0;
        if (r || (r = owner_open(c, owner)))
                return r;
        if (call_send(*owner, w->request, w->msg))
                return cli_fail_call(c, call_error(*owner));
        r = next_is(c, *owner, _("asking the vault"), OWNER_O_SENTENCE, _("what it would sign"), &row);
        if (r)
                return r;
        bool needs_passphrase = row.m->o_sentence.passphrase;
        if (!w->quiet && (w->question || w->terms || c->err_tty))
                show_sentence(c, row.m->o_sentence.text);
        r = w->question ? ask_yes(c, a, w->question) : 0;
        if (r || (r = go(c, a, *owner, needs_passphrase, w->number, &row)) || !w->number)
                return r;
        codec_encode(w->desc, row.m, store);
        return keep_last(c, *owner, w, store);
}

static int sign_for(struct cli *c, const struct args *a, const struct wish *w, struct buf *store) {
        _clean_(call_freep) struct call *owner = NULL;
        return sign_on(c, a, w, store, &owner);
}

static void put_language(struct wire_o_op *op) {
        if (lang_tag().n)
                WIRE_PUT(op, O_OP, language, lang_tag());
}

int owner_sign(struct cli *c, const struct args *a, const struct wire_o_op *op, struct wire_o_voted *ret,
               struct buf *store) {
        struct wire_o_op asked = *op;
        put_language(&asked);
        const struct wish w = {OWNER_O_OP, &asked, _("Sign this? [y/N] "), false, OWNER_O_VOTED, &wire_o_voted_desc};
        int r = sign_for(c, a, &w, store);
        if (r)
                return r;
        if (!buf_ok(store) || codec_decode(&wire_o_voted_desc, buf_span(store), ret, NULL))
                return bad_answer(c, _("what became of it"));
        return 0;
}

int owner_code(struct cli *c, const struct args *a, const struct wire_o_op *op, struct wire_o_code *ret,
               struct buf *store) {
        struct wire_o_op asked = *op;
        put_language(&asked);
        const struct wish w = {OWNER_O_OP, &asked, NULL, false, OWNER_O_CODE, &wire_o_code_desc};
        int r = sign_for(c, a, &w, store);
        if (r)
                return r;
        if (!buf_ok(store) || codec_decode(&wire_o_code_desc, buf_span(store), ret, NULL))
                return bad_answer(c, _("the code"));
        return 0;
}

static int agree_on(struct cli *c, const struct args *a, const struct wish *w, void *ret, struct buf *store,
                    struct call **owner) {
        int r = sign_on(c, a, w, store, owner);
        if (r || !w->number)
                return r;
        if (!buf_ok(store) || codec_decode(w->desc, buf_span(store), ret, NULL))
                return bad_answer(c, _("what became of it"));
        return 0;
}

int owner_consent_on(struct cli *c, const struct args *a, unsigned request, const void *msg, const char *question,
                     unsigned number, const struct wire_desc *desc, void *ret, struct buf *store, struct call **owner) {
        const struct wish w = {request, msg, question, false, number, desc};
        return agree_on(c, a, &w, ret, store, owner);
}

int owner_consent(struct cli *c, const struct args *a, unsigned request, const void *msg, const char *question,
                  unsigned number, const struct wire_desc *desc, void *ret, struct buf *store) {
        _clean_(call_freep) struct call *owner = NULL;
        return owner_consent_on(c, a, request, msg, question, number, desc, ret, store, &owner);
}

int owner_terms(struct cli *c, const struct args *a, unsigned request, const void *msg, unsigned number,
                const struct wire_desc *desc, void *ret, struct buf *store) {
        _clean_(call_freep) struct call *owner = NULL;
        const struct wish w = {request, msg, NULL, true, number, desc};
        return agree_on(c, a, &w, ret, store, &owner);
}

int owner_agreed(struct cli *c, const struct args *a, unsigned request, const void *msg, unsigned number,
                 const struct wire_desc *desc, void *ret, struct buf *store) {
        _clean_(call_freep) struct call *owner = NULL;
        const struct wish w = {request, msg, NULL, false, number, desc, true};
        return agree_on(c, a, &w, ret, store, &owner);
}
