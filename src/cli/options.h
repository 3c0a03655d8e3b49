/* SPDX-License-Identifier: Apache-2.0 */
/* Options that several commands have, spelled and bounded once. */
#pragma once

#include "cli/cli.h"

#define EXPIRES_MIN 60 /* seconds, as in proto/control.def */
#define EXPIRES_MAX 2592000
#define WITHIN_MAX 100000 /* metres */
#define LIMIT_MAX 1000000
#define QUERY_MAX 512 /* bytes, as in proto/control.def */

/* clang-format off */
#define OPTION_ROW_AT(text)      {OPT_AT, "at", "PLACE", text, OPTION_PLACE}
#define OPTION_ROW_SEVERITY      {OPT_SEVERITY, "severity", "S", N_("how bad; the kind's own if absent"), OPTION_ENUM, &wire_severity_enum}
#define OPTION_ROW_URGENCY       {OPT_URGENCY, "urgency", "U", N_("how soon to act; the kind's own if absent"), OPTION_ENUM, &wire_urgency_enum}
#define OPTION_ROW_CERTAINTY     {OPT_CERTAINTY, "certainty", "C", N_("how sure; the kind's own if absent"), OPTION_ENUM, &wire_certainty_enum}
#define OPTION_ROW_EXPIRES(text) {OPT_EXPIRES, "expires", "D", text, OPTION_DURATION, NULL, EXPIRES_MIN, EXPIRES_MAX}
#define OPTION_ROW_YES           {OPT_YES, "yes", NULL, N_("do not ask"), OPTION_FLAG}
#define OPTION_ROW_HOUSEHOLD     {OPT_HOUSEHOLD, "household", "NAME", N_("what this home is called; at most 32 bytes"), OPTION_TEXT}
#define OPTION_ROWS_PASSPHRASE \
        {OPT_PASSPHRASE_FILE, "passphrase-file", "FILE", N_("its first line locks the household's key; - reads stdin"), OPTION_FILE}, \
        {OPT_NO_PASSPHRASE, "no-passphrase", NULL, N_("keep the household's key in a plain file instead"), OPTION_FLAG}
#define OPTION_ROW_PASSPHRASE_FILE \
        {OPT_PASSPHRASE_FILE, "passphrase-file", "FILE", N_("its first line opens the household's key; - reads stdin"), OPTION_FILE}
#define OPTION_ROWS_SIGN OPTION_ROW_PASSPHRASE_FILE, OPTION_ROW_YES
/* What stands behind the help of a command with them. */
#define SIGN_HELP \
        N_("\nThe vault says what it is about to sign, and asks; elsewhere than on a terminal\n" \
        "--yes is needed.\n")
#define OPTION_ROWS_FILTER \
        OPTION_ROW_AT(N_("centre of the search")), \
        {OPT_WITHIN, "within", "800m", N_("only so far from there"), OPTION_DISTANCE, NULL, 1, WITHIN_MAX}, \
        {OPT_SINCE, "since", "T", N_("only what changed since then: -2h, 14:05, yesterday"), OPTION_TIME}, \
        {OPT_KIND, "kind", "K", N_("only this kind; may be given several times"), OPTION_ENUM, &wire_kind_enum, .many = true}, \
        {OPT_MIN_SEVERITY, "min-severity", "S", N_("only what is at least as severe"), OPTION_ENUM, &wire_severity_enum}, \
        {OPT_TEXT, "text", "Q", N_("only where the text contains this, in any case"), OPTION_TEXT, NULL, 0, QUERY_MAX}, \
        {OPT_LIMIT, "limit", "N", N_("at most so many"), OPTION_NUMBER, NULL, 1, LIMIT_MAX}, \
        {OPT_MUTED, "muted", NULL, N_("also what is muted"), OPTION_FLAG}
/* clang-format on */
