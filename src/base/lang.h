/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts for people in their own language. The tool starts a language; no other program does, so that logs, the wire and
 * JSON are in English everywhere; but the vault's sentence is in the language the tool asks for (vault/catalogue.h). Without a language, or where a catalogue (src/po) lacks a text, it is as it stands.
 *
 * _("…") is looked up where it stands; N_("…") marks a text of a table, which is looked up where it is shown. Functions
 * that look up what they are given are listed in src/po/meson.build.
 */
#pragma once

#include "base/base.h"

#define _(text) lang_text(text)
#define N_(text) text

/* From the environment. Catalogues are in $PORCHLIGHT_LOCALEDIR, else src/po beside the program where it was built, else
 * in @installed. */
void lang_start(const char *installed);
/* In the language of this run; "" is "". */
const char *lang_text(const char *text) __attribute__((format_arg(1)));
/* The language of this run, as its catalogue calls it: "de". Empty: English. */
struct span lang_tag(void);
/* The form that stands with @n. */
const char *lang_count(const char *one, const char *many, uint64_t n) __attribute__((format_arg(1), format_arg(2)));
