/* SPDX-License-Identifier: Apache-2.0 */
/* Options that several commands have, spelled and bounded once. */
#pragma once

#include "cli/cli.h"

#define EXPIRES_MIN 60 /* seconds, as in proto/control.def */
#define EXPIRES_MAX 2592000
#define WITHIN_MAX 100000 /* metres */
#define LIMIT_MAX 1000000

/* clang-format off */
#define OPTION_ROW_AT(text)      {OPT_AT, "at", "PLACE", text, OPTION_PLACE}
#define OPTION_ROW_SEVERITY      {OPT_SEVERITY, "severity", "S", "how bad; the kind's own if absent", OPTION_ENUM, &wire_severity_enum}
#define OPTION_ROW_URGENCY       {OPT_URGENCY, "urgency", "U", "how soon to act; the kind's own if absent", OPTION_ENUM, &wire_urgency_enum}
#define OPTION_ROW_CERTAINTY     {OPT_CERTAINTY, "certainty", "C", "how sure; the kind's own if absent", OPTION_ENUM, &wire_certainty_enum}
#define OPTION_ROW_EXPIRES(text) {OPT_EXPIRES, "expires", "D", text, OPTION_DURATION, NULL, EXPIRES_MIN, EXPIRES_MAX}
#define OPTION_ROW_YES           {OPT_YES, "yes", NULL, "do not ask", OPTION_FLAG}
#define OPTION_ROW_HOUSEHOLD     {OPT_HOUSEHOLD, "household", "NAME", "what this home is called; at most 32 bytes", OPTION_TEXT}
#define OPTION_ROWS_PASSPHRASE \
        {OPT_PASSPHRASE_FILE, "passphrase-file", "FILE", "its first line locks the household's key; - reads stdin", OPTION_FILE}, \
        {OPT_NO_PASSPHRASE, "no-passphrase", NULL, "keep the household's key in a plain file instead", OPTION_FLAG}
#define OPTION_ROW_PASSPHRASE_FILE \
        {OPT_PASSPHRASE_FILE, "passphrase-file", "FILE", "its first line opens the household's key; - reads stdin", OPTION_FILE}
#define OPTION_ROWS_SIGN OPTION_ROW_PASSPHRASE_FILE, OPTION_ROW_YES
#define OPTION_ROWS_FILTER \
        OPTION_ROW_AT("centre of the search"), \
        {OPT_WITHIN, "within", "800m", "only so far from there", OPTION_DISTANCE, NULL, 1, WITHIN_MAX}, \
        {OPT_SINCE, "since", "T", "only what changed since then: -2h, 14:05, yesterday", OPTION_TIME}, \
        {OPT_KIND, "kind", "K", "only this kind; may be given several times", OPTION_ENUM, &wire_kind_enum, .many = true}, \
        {OPT_MIN_SEVERITY, "min-severity", "S", "only what is at least as severe", OPTION_ENUM, &wire_severity_enum}, \
        {OPT_TEXT, "text", "Q", "only where the text contains this, in any case", OPTION_TEXT}, \
        {OPT_LIMIT, "limit", "N", "at most so many", OPTION_NUMBER, NULL, 1, LIMIT_MAX}, \
        {OPT_MUTED, "muted", NULL, "also what is muted", OPTION_FLAG}
/* clang-format on */
