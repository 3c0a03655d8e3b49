/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text for people that has values in it, on its way to the tool, which says it in its reader's language. The daemon and the
 * vault have no language: they send the text in English, for scripts and for other programs, and beside it what it was made
 * of, a format of printf's and its values. The tool looks the format up and puts the values into what it finds; nothing that
 * came over a socket is ever given to printf.
 */
#pragma once

#include "base/buf.h"
#include "wire/messages.h"

#define SAID_TEXT_MAX 512 /* these are the bounds of C_ERROR's rows */
#define SAID_FORM_MAX 256
#define SAID_VALUE_MAX 320
#define SAID_VALUES_MAX 4

struct said_value {
        char text[SAID_VALUE_MAX + 1];
        bool words;    /* they are said in the reader's language too */
        uint64_t time; /* a time instead, for the reader's clock; 0: none */
};

struct said {
        char text[SAID_TEXT_MAX + 1]; /* in English, whole */
        char form[SAID_FORM_MAX + 1]; /* "": the text is all there is */
        struct said_value values[SAID_VALUES_MAX];
        size_t n;
};

/* A text without values. */
void said_plain(struct said *ret, const char *text);
/* Of %s, %.Ns, %u, %d, %zu and %llu. A text that does not fit is cut; one whose values do not, or that takes other ones, is
 * sent without its form. */
_printf_(2, 3) void said_set(struct said *ret, const char *fmt, ...);
_printf_(2, 0) void said_vset(struct said *ret, const char *fmt, va_list ap);
/* What the @i-th value is, where it is no name and no number. */
void said_words(struct said *s, size_t i);
void said_time(struct said *s, size_t i, uint64_t seconds);

/* Message and hint (NULL: none) into an error that goes out; @store keeps the values until it has gone. */
void said_put(struct wire_c_error *ret, const struct said *message, const struct said *hint, struct buf store[2]);
/* And out of one that came. */
void said_take(const struct wire_c_error *e, struct said *ret_message, struct said *ret_hint);
/* In the language of this run; @now in seconds. */
void said_show(struct buf *out, const struct said *s, uint64_t now);
