/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sqlite3.h>

/* From here on SQLite's memory is among the calls that can fail. Before anything else uses SQLite. */
void libc_count_sqlite(void);
