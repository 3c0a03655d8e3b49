/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walls, tried from within: each attempt is made by a process of its own that has put up the walls of the program under
 * test, by the program's own function, and tells by its exit what came of it. What the kernel or the build lacks is
 * skipped by name, never taken for a wall that stands.
 */
#pragma once

#include "base/base.h"

#define PROBE_ENDED (-1) /* wanted: the process is ended (SIGSYS) */

enum probe_wall { PROBE_NONE, PROBE_FILES, PROBE_CALLS, PROBE_TCP };

struct probe_row {
        const char *what;
        int (*try)(const char *dir); /* 0, or errno */
        int wants;                   /* 0: allowed; an errno; PROBE_ENDED */
        enum probe_wall wall;        /* which one says no */
};

struct probe_walls {
        unsigned landlock;
        bool syscalls;
};

typedef bool (*probe_shut)(const char *dir, struct probe_walls *ret);

/* A folder as a home's is: database, log, keys, DIR/vault/household, a file beside it all. Remove it with probe_end(). */
void probe_begin(char dir[64]);
void probe_end(const char *dir);
/* Tries each row, says on stderr what differs, and returns how many do. */
size_t probe_run(const char *dir, probe_shut shut, const struct probe_row *rows, size_t n);
/* The walls as a process finds them whose kernel says of the Landlock calls that it has none (@blind) or as it is;
 * @ret_said: what it logged. */
struct probe_walls probe_look(const char *dir, probe_shut shut, bool blind, char *ret_said, size_t room);

/* What both programs' tests try. */
int try_exec(const char *dir);
int try_ptrace(const char *dir);
int try_peek(const char *dir); /* another process's memory */
int try_fork(const char *dir);
int try_kill_parent(const char *dir);
int try_mount(const char *dir);
int try_unshare(const char *dir);
int try_io_uring(const char *dir);
int try_chmod_vault(const char *dir);
int try_tcp_socket(const char *dir);
int try_packet_socket(const char *dir);
int try_make_outside(const char *dir);
int try_read_outside(const char *dir);
int try_read_device_key(const char *dir);
int probe_open(const char *dir, const char *name, int flags);
int probe_unlink(const char *dir, const char *name);
