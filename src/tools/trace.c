/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/trace.h"

#include "base/cell.h"
#include "base/text.h"
#include "base/when.h"
#include "crypto/hash.h"
#include "wire/json.h"

#include <arpa/inet.h>
#include <inttypes.h>

#define FORMAT 1      /* of a redacted trace */
#define SHORT_BYTES 4 /* of an id, for people */
#define WORD_BITS 32  /* of a pseudonym */
#define ADDR_BYTES 18

/* ---- fields ---- */

static void name_field(struct trace *t, const char *name) {
        if (t->json)
                buf_printf(&t->line, ",\"%s\":", name);
        else
                buf_printf(&t->line, " %s=", name);
}

static void put_text(struct trace *t, const char *text) {
        if (t->json)
                json_string(&t->line, span_str(text));
        else
                buf_add_str(&t->line, text);
}

static const char *const pseudonym[] = {
        [WALK_NAME] = "name", [WALK_PLACE] = "place", [WALK_ADDRESS] = "address", [WALK_TEXT] = "text"};

/* The kind of value goes in, so that a text that is an id as well does not give that away. */
static void put_pseudonym(struct trace *t, enum walk_as as, struct span value) {
        char word[48];
        uint8_t salt[sizeof(t->salt)];
        memcpy(salt, t->salt, sizeof(salt));
        salt[0] ^= (uint8_t)as;
        uint64_t h = hash_short(salt, value);
        if (as == WALK_TEXT)
                snprintf(word, sizeof(word), "text-%08" PRIx64 ":%zu", h >> WORD_BITS, value.n);
        else
                snprintf(word, sizeof(word), "%s-%08" PRIx64, pseudonym[as], h >> WORD_BITS);
        put_text(t, word);
}

static void put_addr(struct trace *t, struct span value) {
        static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
        char ip[INET6_ADDRSTRLEN] = "", text[INET6_ADDRSTRLEN + 16];
        bool is_v4 = memcmp(value.p, v4, sizeof(v4)) == 0;
        inet_ntop(is_v4 ? AF_INET : AF_INET6, value.p + (is_v4 ? sizeof(v4) : 0), ip, sizeof(ip));
        snprintf(text, sizeof(text), is_v4 ? "%s:%u" : "[%s]:%u", ip, (unsigned)get_be16(value.p + 16));
        put_text(t, text);
}

static void put_id(struct trace *t, struct span value) {
        _clean_(buf_fini) struct buf hex = BUF_NULL;
        text_hex(&hex, t->json ? value : span_of(value.p, MIN(value.n, (size_t)SHORT_BYTES)));
        put_text(t, buf_cstr(&hex));
}

static void put_words(struct trace *t, struct span value) {
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        if (t->json && text_utf8(value)) {
                json_string(&t->line, value);
                return;
        }
        text_show(&shown, value, false);
        buf_printf(&t->line, "\"%s\"", buf_cstr(&shown));
}

static bool is_nothing(struct span value) {
        for (size_t i = 0; i < value.n; i++)
                if (value.p[i])
                        return false;
        return true;
}

static void on_bytes(void *ctx, const char *name, enum walk_as as, struct span value) {
        struct trace *t = ctx;
        bool plain = as == WALK_TEXT && !text_utf8(value); /* the rows of an alert */
        if (as == WALK_SECRET || is_nothing(value))
                return;
        name_field(t, name);
        if (as == WALK_BYTES || (plain && !t->redact) || (as == WALK_ADDRESS && value.n != ADDR_BYTES))
                buf_printf(&t->line, "%zu", value.n);
        else if (t->redact)
                put_pseudonym(t, as, value);
        else if (as == WALK_NAME)
                put_id(t, value);
        else if (as == WALK_ADDRESS)
                put_addr(t, value);
        else
                put_words(t, value);
}

static void on_number(void *ctx, const char *name, enum walk_as as, uint64_t value) {
        struct trace *t = ctx;
        uint8_t bytes[8];
        if (value == 0 && as != WALK_NUMBER)
                return;
        name_field(t, name);
        put_be64(bytes, value);
        if (as == WALK_PLACE && t->redact) {
                put_pseudonym(t, as, SPAN_OF(bytes));
        } else if (as == WALK_TIME) {
                buf_add_str(&t->line, t->json ? "\"" : "");
                when_rfc3339(&t->line, value);
                buf_add_str(&t->line, t->json ? "\"" : "");
        } else {
                buf_printf(&t->line, "%" PRIu64, value);
        }
}

static void on_word(void *ctx, const char *name, const char *word) {
        struct trace *t = ctx;
        bool sentence = strchr(word, ' ') != NULL;
        name_field(t, name);
        if (sentence)
                put_words(t, span_str(word));
        else
                put_text(t, word);
}

static struct walk_view view_of(struct trace *t) {
        return (struct walk_view){.ctx = t, .number = on_number, .bytes = on_bytes, .word = on_word};
}

/* ---- lines ---- */

void trace_head(struct trace *t, const char *version, uint64_t run, mesh_wall begun) {
        buf_clear(&t->line);
        if (t->json)
                buf_printf(&t->line, "{\"trace\":%d,\"redacted\":%s,\"run\":%" PRIu64 ",\"version\":", FORMAT,
                           t->redact ? "true" : "false", run);
        else
                buf_printf(&t->line, "run %" PRIu64 " of porchlightd ", run);
        put_text(t, version);
        buf_add_str(&t->line, t->json ? ",\"begun\":\"" : ", begun ");
        when_rfc3339(&t->line, begun);
        buf_add_str(&t->line, t->json ? "\"}" : "");
        fprintf(t->out, "%s\n", buf_cstr(&t->line));
}

void trace_event(struct trace *t, uint64_t number, const struct mesh_event *ev) {
        struct walk_view view = view_of(t);
        if (!t->begun)
                t->first = ev->now;
        t->begun = true;
        t->actions = 0;
        buf_clear(&t->line);
        mesh_time ms = ev->now - t->first;
        if (t->json)
                buf_printf(&t->line, "{\"event\":%" PRIu64 ",\"ms\":%" PRIu64 ",\"what\":\"%s\"", number, ms,
                           tape_event_name(ev->type));
        else
                buf_printf(&t->line, "%6" PRIu64 " %6" PRIu64 ".%03u  %s", number, ms / 1000, (unsigned)(ms % 1000),
                           tape_event_name(ev->type));
        tape_show_event(ev, &view);
}

void trace_action(struct trace *t, const struct mesh_action *a) {
        struct walk_view view = view_of(t);
        if (t->json)
                buf_add_str(&t->line, t->actions ? "," : ",\"actions\":[");
        t->actions++;
        if (t->json)
                buf_printf(&t->line, "{\"do\":\"%s\"", tape_action_name(a->type));
        else
                buf_printf(&t->line, "\n%19s%s", "> ", tape_action_name(a->type));
        tape_show_action(a, &view);
        buf_add_str(&t->line, t->json ? "}" : "");
}

void trace_event_end(struct trace *t, bool shown) {
        if (t->json)
                buf_add_str(&t->line, t->actions ? "]}" : "}");
        if (shown)
                fprintf(t->out, "%s\n", buf_cstr(&t->line));
        buf_clear(&t->line);
}

void trace_end(struct trace *t, uint64_t events, uint64_t actions, const char *why) {
        buf_clear(&t->line);
        if (t->json)
                buf_printf(&t->line, "{\"end\":\"%s\",\"events\":%" PRIu64 ",\"actions\":%" PRIu64 "}", why, events,
                           actions);
        else
                buf_printf(&t->line, "%s: %" PRIu64 " events, %" PRIu64 " actions, each as it was recorded", why,
                           events, actions);
        fprintf(t->out, "%s\n", buf_cstr(&t->line));
}

void trace_fini(struct trace *t) {
        buf_wipe(&t->line);
}
