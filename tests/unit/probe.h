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
/* Of a program whose walls need no more than that: in a folder of its own. */
size_t probe_helper(probe_shut shut, const struct probe_row *rows, size_t n);
/* The same with what neither program may do. */
size_t probe_never(const char *dir, probe_shut shut);
/* The walls as a process finds them whose kernel says of the Landlock calls that it has none (@blind) or as it is;
 * @ret_said: what it logged. */
struct probe_walls probe_look(const char *dir, probe_shut shut, bool blind, char *ret_said, size_t room);
/* On a kernel without Landlock it goes on, says so once, and its status tells. True also for a build without. */
bool probe_goes_on_without_landlock(probe_shut shut);
/* A build with both, on a kernel with both, has both: what is skipped is not skipped for another reason. */
bool probe_both_stand(probe_shut shut);

/* Attempts: 0, or errno. */
int probe_read_etc(const char *dir);
int probe_tcp_socket(const char *dir);
int probe_open(const char *dir, const char *name, int flags);
int probe_unlink(const char *dir, const char *name);
int probe_read_file(const char *dir);
int probe_make_file(const char *dir);
int probe_local_socket(const char *dir);
int probe_socket_pair(const char *dir);
int probe_raw_socket(const char *dir);
int probe_speak_udp(const char *dir);
int probe_memory_to_run(const char *dir);
int probe_memory_made_to_run(const char *dir);
int probe_start_process(const char *dir);
int probe_run_program(const char *dir);
