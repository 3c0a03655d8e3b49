/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/said.h"

#include "base/lang.h"
#include "base/text.h"
#include "base/when.h"
#include "wire/codec.h"

#include <stdio.h>
#include <stdlib.h>

/* One conversion of a format: "%s", "%2$s", "%.200s", "%llu". */
struct conversion {
        const char *end;
        unsigned number; /* of its value, from 1 on; 0: the next */
        unsigned most;   /* bytes; 0: all */
        const char *type;
        size_t n; /* letters of the type */
};

/* The conversion at @at, which stands behind a '%'. False: none that we know. */
static bool conversion_read(const char *at, struct conversion *ret) {
        static const char *const types[] = {"s", "u", "d", "zu", "llu"};
        char *end;
        *ret = (struct conversion){0};
        if (*at >= '1' && *at <= '9') {
                ret->number = (unsigned)MIN(strtoul(at, &end, 10), SAID_VALUES_MAX + 1ul);
                if (*end != '$')
                        return false;
                at = end + 1;
        }
        if (*at == '.') {
                ret->most = (unsigned)MIN(strtoul(at + 1, &end, 10), SAID_TEXT_MAX + 0ul);
                at = end;
        }
        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                ret->n = strlen(types[i]);
                if (strncmp(at, types[i], ret->n) == 0) {
                        ret->type = types[i];
                        ret->end = at + ret->n;
                        return true;
                }
        }
        return false;
}

/* ---- making it ---- */

static void text_take(char *ret, size_t room, struct span s) {
        size_t n = MIN(s.n, room - 1);
        if (n)
                memcpy(ret, s.p, n);
        ret[n] = 0;
}

/* What was cut within a character ends before it. */
static void mend_end(char *text) {
        size_t n = strlen(text);
        for (unsigned i = 0; i < 3 && n && !text_utf8(span_of(text, n)); i++)
                text[--n] = 0;
}

/* The value as a text. False: it does not fit. */
static bool value_set(struct said_value *ret, const struct conversion *c, va_list *ap) {
        int n;
        if (*c->type == 's')
                n = snprintf(ret->text, sizeof(ret->text), "%.*s", c->most ? (int)c->most : -1,
                             va_arg(*ap, const char *));
        else if (*c->type == 'u')
                n = snprintf(ret->text, sizeof(ret->text), "%u", va_arg(*ap, unsigned));
        else if (*c->type == 'd')
                n = snprintf(ret->text, sizeof(ret->text), "%d", va_arg(*ap, int));
        else if (*c->type == 'z')
                n = snprintf(ret->text, sizeof(ret->text), "%zu", va_arg(*ap, size_t));
        else
                n = snprintf(ret->text, sizeof(ret->text), "%llu", va_arg(*ap, unsigned long long));
        mend_end(ret->text);
        return n >= 0 && (size_t)n < sizeof(ret->text);
}

static bool values_set(struct said *ret, const char *fmt, va_list *ap) {
        struct conversion c;
        for (const char *at = fmt; (at = strchr(at, '%')); at = c.end) {
                if (at[1] == '%') {
                        c.end = at + 2;
                        continue;
                }
                if (ret->n == SAID_VALUES_MAX || !conversion_read(at + 1, &c) ||
                    !value_set(&ret->values[ret->n], &c, ap))
                        return false;
                ret->n++;
        }
        return true;
}

void said_vset(struct said *ret, const char *fmt, va_list ap) {
        va_list again;
        *ret = (struct said){0};
        va_copy(again, ap);
        vsnprintf(ret->text, sizeof(ret->text), fmt, ap);
        mend_end(ret->text);
        if (strlen(fmt) <= SAID_FORM_MAX && values_set(ret, fmt, &again) && ret->n)
                memcpy(ret->form, fmt, strlen(fmt) + 1);
        else
                ret->n = 0;
        va_end(again);
}

void said_plain(struct said *ret, const char *text) {
        *ret = (struct said){0};
        text_take(ret->text, sizeof(ret->text), span_str(text));
}

void said_set(struct said *ret, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        said_vset(ret, fmt, ap);
        va_end(ap);
}

void said_words(struct said *s, size_t i) {
        if (i < s->n)
                s->values[i].words = true;
}

void said_time(struct said *s, size_t i, uint64_t seconds) {
        if (i < s->n)
                s->values[i].time = seconds;
}

/* ---- on the wire ---- */

static struct wire_list values_put(const struct said *s, struct buf *store) {
        struct wire_list list = {0};
        for (size_t i = 0; i < s->n; i++) {
                const struct said_value *v = &s->values[i];
                struct wire_said row = {0};
                if (v->time)
                        WIRE_PUT(&row, SAID, time, v->time);
                else
                        WIRE_PUT(&row, SAID, text, span_str(v->text));
                if (v->words)
                        WIRE_PUT(&row, SAID, words, true);
                wire_list_add(&wire_said_desc, &list, store, &row);
        }
        return list;
}

void said_put(struct wire_c_error *ret, const struct said *message, const struct said *hint, struct buf store[2]) {
        ret->message = span_str(message->text);
        if (*message->form) {
                WIRE_PUT(ret, C_ERROR, form, span_str(message->form));
                WIRE_PUT(ret, C_ERROR, values, values_put(message, &store[0]));
        }
        if (!hint)
                return;
        WIRE_PUT(ret, C_ERROR, hint, span_str(hint->text));
        if (*hint->form) {
                WIRE_PUT(ret, C_ERROR, hint_form, span_str(hint->form));
                WIRE_PUT(ret, C_ERROR, hint_values, values_put(hint, &store[1]));
        }
}

static void values_take(struct said *ret, struct wire_list list) {
        struct wire_said row;
        while (ret->n < SAID_VALUES_MAX && wire_list_next(&wire_said_desc, &list, &row)) {
                struct said_value *v = &ret->values[ret->n++];
                if (WIRE_HAS(&row, SAID, text))
                        text_take(v->text, sizeof(v->text), row.text);
                v->words = WIRE_HAS(&row, SAID, words);
                v->time = WIRE_HAS(&row, SAID, time) ? row.time : 0;
        }
}

void said_take(const struct wire_c_error *e, struct said *ret_message, struct said *ret_hint) {
        *ret_message = *ret_hint = (struct said){0};
        text_take(ret_message->text, sizeof(ret_message->text), e->message);
        if (WIRE_HAS(e, C_ERROR, form))
                text_take(ret_message->form, sizeof(ret_message->form), e->form);
        if (WIRE_HAS(e, C_ERROR, values))
                values_take(ret_message, e->values);
        if (WIRE_HAS(e, C_ERROR, hint))
                text_take(ret_hint->text, sizeof(ret_hint->text), e->hint);
        if (WIRE_HAS(e, C_ERROR, hint_form))
                text_take(ret_hint->form, sizeof(ret_hint->form), e->hint_form);
        if (WIRE_HAS(e, C_ERROR, hint_values))
                values_take(ret_hint, e->hint_values);
}

/* ---- saying it ---- */

static void value_show(struct buf *out, const struct said_value *v, uint64_t now) {
        if (v->time)
                when_local(out, v->time, now);
        else
                buf_add_str(out, v->words ? lang_text(v->text) : v->text);
}

/* False: the form wants what is not there. */
static bool form_show(struct buf *out, const char *form, const struct said *s, uint64_t now) {
        struct conversion c;
        unsigned next = 1;
        while (*form) {
                size_t plain = strcspn(form, "%");
                buf_add(out, span_of(form, plain));
                form += plain;
                if (!*form)
                        break;
                if (form[1] == '%') {
                        buf_add_u8(out, '%');
                        form += 2;
                        continue;
                }
                if (!conversion_read(form + 1, &c))
                        return false;
                unsigned number = c.number ? c.number : next++;
                if (number > s->n)
                        return false;
                value_show(out, &s->values[number - 1], now);
                form = c.end;
        }
        return true;
}

void said_show(struct buf *out, const struct said *s, uint64_t now) {
        _clean_(buf_fini) struct buf whole = BUF_NULL;
        if (*s->form && form_show(&whole, lang_text(s->form), s, now))
                buf_add(out, buf_span(&whole));
        else
                buf_add_str(out, lang_text(s->text));
}
