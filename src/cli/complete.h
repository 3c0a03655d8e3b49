/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts that complete command lines, one a shell, written from the rows of the commands. */
#pragma once

#include "cli/cli.h"

void complete_bash(struct buf *out);
void complete_zsh(struct buf *out);
void complete_fish(struct buf *out);

/* ---- what the three have in common ---- */

/* clang-format off */
/* Shell, for bash and zsh alike: asking the daemon, and what is read out of its answers. */
#define COMPLETE_ASKING                                                                                                \
        "# Asks the daemon. Without one there is nothing to offer, and nothing is said.\n"                             \
        "__porchlight_ask() {\n"                                                                                       \
        "        command porchlight ${data:+--data} ${data:+\"$data\"} \"$@\" --json 2>/dev/null </dev/null\n"         \
        "}\n"                                                                                                          \
        "\n"                                                                                                           \
        "# A field of each line of JSON.\n"                                                                            \
        "__porchlight_field() {\n"                                                                                     \
        "        sed -nE 's/^.*\"'\"$1\"'\":\"(([^\"\\\\]|\\\\.)*)\".*$/\\1/p' | sed -E 's/\\\\([\"\\\\])/\\1/g'\n"      \
        "}\n"                                                                                                          \
        "\n"                                                                                                           \
        "# The first digits of the id in each line.\n"                                                                 \
        "__porchlight_ids() {\n"                                                                                       \
        "        __porchlight_field id | cut -c 1-8\n"                                                                 \
        "}\n"
/* clang-format on */

/* "post", "alert show" */
void complete_words(struct buf *out, const struct command *cmd);
/* The words of an enumeration in lower case, which they are read in as well, with a space between. */
void complete_enum(struct buf *out, const struct wire_enum *e);
void complete_settings(struct buf *out); /* the names of settings */
/* Whether the command is the first of the table that has this first word ("alert", "post"). */
bool complete_is_first(size_t i);
const char *complete_first(const struct command *cmd); /* that word */
const char *complete_first_brief(const struct command *cmd);
/* Adds @text with a backslash before each character that is in @special. */
void complete_escape(struct buf *out, const char *text, const char *special);

/* Each option of the table once, by name: the @i-th, or NULL. Those of every command come last. */
const struct option *complete_option(size_t i);
