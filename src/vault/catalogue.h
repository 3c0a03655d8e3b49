/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's sentences in other languages. gettext has one language a process, reads files behind the vault's walls and
 * wants a locale that this machine may not have; the vault serves whoever asks, each in their own language. So the texts of
 * sentence.c are compiled in (src/po/rows.py, from the catalogues in src/po): nothing is opened, nothing can be missing, and
 * no file can make the vault say something else.
 */
#pragma once

#include "base/base.h"

/* A language: rows of an English text and its @forms forms. */
struct catalogue {
        const char *tag;                        /* as in LINGUAS */
        unsigned long (*form)(unsigned long n); /* which of them stands with @n */
        size_t forms;
        const char *const *rows;
        size_t n;
};

extern const struct catalogue catalogues[]; /* made by rows.py */
extern const size_t catalogues_n;

/* Of a language tag or a locale's name: "de", "de-AT", "de_DE.UTF-8". NULL: English, or none that is known. */
const struct catalogue *catalogue_find(struct span tag);
/* The text in that language, the one that stands with @n where it is counted; the text itself where @c is NULL or has no row
 * for it. */
const char *catalogue_text(const struct catalogue *c, const char *text) __attribute__((format_arg(2)));
const char *catalogue_count(const struct catalogue *c, const char *one, const char *many, unsigned long n)
        __attribute__((format_arg(2), format_arg(3)));
