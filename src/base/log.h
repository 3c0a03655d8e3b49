/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line an event, on stderr: who, what, and what we do about it. Under systemd lines carry its <N> priority; on a terminal
 * they carry the time. Only node, daemon and vault log, where a thing is handled; keys, tickets and alert texts never do.
 */
#pragma once

#include "base/base.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level most);
void log_set_name(const char *program); /* borrowed for ever */
_printf_(2, 3) void log_line(enum log_level level, const char *fmt, ...);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
