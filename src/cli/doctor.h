/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with this home, and what to do about it. Looking and judging are apart: doctor_look() goes to the
 * folder, the daemon and the vault and writes down what it meets; the checks, a table, judge that alone, so that every
 * trouble can be tried without having it.
 */
#pragma once

#include "cli/cli.h"

enum doctor_state {
        DOCTOR_SKIP, /* nothing can be said, or there is nothing to say: no line */
        DOCTOR_OK,
        DOCTOR_NOTE, /* the owner's choice, good to know */
        DOCTOR_WARNING,
        DOCTOR_PROBLEM, /* this home does not do its work, or is in danger */
};

/* One file of the folder as it was met. */
struct doctor_file {
        const char *name;
        int why; /* errno; 0: it is there */
        unsigned mode;
        uint64_t uid;
};

enum {
        DOCTOR_FILE_VAULT,
        DOCTOR_FILE_DEVICE_KEY,
        DOCTOR_FILE_DB,
        DOCTOR_FILE_CONTROL,
        DOCTOR_FILE_OWNER,
        DOCTOR_FILES
};

enum doctor_key {
        DOCTOR_KEY_UNKNOWN, /* not there yet, or not this user's to read */
        DOCTOR_KEY_WHOLE,
        DOCTOR_KEY_DAMAGED,
};

struct doctor_facts {
        uint64_t now; /* seconds */
        uint64_t uid; /* who asks */

        struct buf dir;
        int folder_why; /* errno; 0: it is there */
        bool folder_is_one;
        unsigned folder_mode;
        uint64_t folder_uid;
        struct doctor_file files[DOCTOR_FILES];
        enum doctor_key device_key;
        bool disk_known;
        uint64_t disk_free; /* bytes */

        bool daemon; /* it told its status; else @daemon_error */
        struct call_error daemon_error;
        struct wire_c_status status; /* borrows @status_store */
        struct buf status_store;
        bool peers;       /* the links were told */
        unsigned inbound; /* links that others dialled */
        bool main;        /* this is the device that holds the household's key */
        bool clips;       /* they were told, and are: */
        unsigned clips_here, clips_damaged;
        unsigned copies;  /* files that clips were taken from and that are still there … */
        struct buf copy;  /* … the path of the newest */
        struct buf watch; /* the folder that clips.watch names; empty: none */
        int watch_why;    /* errno of looking there; 0: it is there */
        bool watched;     /* and a `clip watch` is on it */
        struct buf down;  /* "192.0.2.7:7345: connection refused", a line each; text of peers */

        bool vault; /* it told its state; else @vault_error */
        struct call_error vault_error;
        struct wire_o_state vault_state;
        bool grants;        /* the ledger told of them … */
        uint64_t overdue;   /* … and that of so many the recipient has not said that its copy is gone */
        uint64_t next_line; /* of the ledger */
};

struct doctor_finding {
        enum doctor_state state;
        struct buf message; /* what is so: one sentence */
        struct buf fix;     /* what to do; empty where nothing is wrong */
};

struct doctor_check {
        const char *name;
        void (*look)(const struct doctor_facts *f, struct doctor_finding *ret);
};

extern const struct doctor_check doctor_checks[]; /* ends with a NULL name */

/* Fills @ret from folder @data (NULL: the usual places). Trouble is a fact; 0, or an exit code (said) if there is no
 * folder to look at. */
int doctor_look(struct cli *c, struct doctor_facts *ret);
void doctor_facts_fini(struct doctor_facts *f);
void doctor_finding_fini(struct doctor_finding *d);
