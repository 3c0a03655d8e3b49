/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libporchlight: ask the Porchlight daemon of this machine what goes on in the neighbourhood, and tell it.
 *
 *         struct porchlight *p;
 *         struct porchlight_event e;
 *         if (porchlight_open(&p, NULL) == PORCHLIGHT_OK && porchlight_nearby(p, NULL) == PORCHLIGHT_OK)
 *                 while (porchlight_next(p, &e) == PORCHLIGHT_OK)
 *                         printf("%s: %s\n", e.alert.kind, e.alert.text);
 *         porchlight_close(p);
 *
 * Functions block for at most the time set with porchlight_set_timeout() (30 s at first). One request at a time a
 * handle: a new one while an answer is still coming is refused as `busy`; close the handle to break an answer off. A
 * handle belongs to one thread at a time. Texts are UTF-8 from other households: escape them before a terminal or a
 * web page shows them. Strings in results are never NULL where nothing else is said, and valid until the next call on
 * the same handle. Times are seconds since 1970. The library neither sets signal handlers nor writes to stderr.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct porchlight; /* a connection to the daemon */

enum {
        PORCHLIGHT_OK = 0,
        PORCHLIGHT_END = 1,    /* no more rows */
        PORCHLIGHT_AGAIN = 2,  /* nothing yet: the timeout passed, or a signal came */
        PORCHLIGHT_FAILED = 3, /* see porchlight_last_error() */
};

struct porchlight_error {
        char name[65];     /* stable: "daemon-not-running", "quota" … */
        char message[513]; /* what happened */
        char hint[513];    /* what to do; may be empty */
        int exit;          /* what the command-line tool would exit with: 1 failed, 2 usage, 3 daemon not reachable,
                              4 no such thing, 5 refused by a rule, 6 saved but not sent, 7 passphrase needed */
};

/* Connects to the daemon whose folder is @data; NULL: $PORCHLIGHT_DATA or the usual places. On failure *ret is a
 * handle that only tells its error and is to be closed; NULL if memory is out. PORCHLIGHT_OK, PORCHLIGHT_FAILED. */
int porchlight_open(struct porchlight **ret, const char *data);
void porchlight_close(struct porchlight *p); /* NULL is fine */
/* Why the last call failed. Valid until the next call; never NULL. */
const struct porchlight_error *porchlight_last_error(const struct porchlight *p);
/* How long a call waits for the daemon: -1 for ever, 0 not at all (porchlight_next() then says PORCHLIGHT_AGAIN). */
void porchlight_set_timeout(struct porchlight *p, int milliseconds);
/* For poll(): call porchlight_next() until PORCHLIGHT_AGAIN whenever it is readable. -1 if not connected. */
int porchlight_fd(const struct porchlight *p);

struct porchlight_status {
        const char *state;     /* no-mesh, joining, restoring, current, catching-up, alone, removed, muted */
        uint64_t since;        /* in that state since; 0: not known */
        const char *mesh;      /* empty without a mesh */
        const char *household; /* empty without a mesh */
        const char *device;
        uint64_t homes, stewards, links;
        uint64_t alerts; /* in force */
        uint64_t unsent; /* own records no other home has */
        const char *version, *data;
};
int porchlight_status(struct porchlight *p, struct porchlight_status *ret);

/* Zero and NULL mean: the default of the kind. */
struct porchlight_post {
        const char *kind;  /* "fire", "power-cut" …, as `porchlight help post` lists them, in any case */
        const char *text;  /* at most 512 bytes */
        const char *place; /* "LAT,LON", a geo: URI or a geohash; NULL: this home's */
        const char *severity, *urgency, *certainty; /* CAP 1.2's words, in any case */
        const char *status;                         /* "Actual", "Exercise", "Test" */
        bool sensor;                                /* a machine posts it */
        uint32_t expires_in;                        /* seconds */
        uint32_t wait_ms;                           /* for neighbours to take it; 0: 5 s */
        const char *precision;                      /* how exact the place is told: "block" or "area" */
        const char *doing;                          /* what somebody does, as `porchlight help post` lists it */
};
struct porchlight_posted {
        char id[65];          /* hex */
        uint64_t handed_to;   /* neighbouring homes that have it on disk; 0 with homes > 0: saved here, not sent yet */
        uint64_t homes;       /* other homes in the mesh */
        uint64_t alone_since; /* when the last neighbour was reachable; 0: not known */
        uint64_t expires;
        bool urgent;
};
int porchlight_post(struct porchlight *p, const struct porchlight_post *what, struct porchlight_posted *ret);

struct porchlight_filter {
        const char *place;        /* as above; NULL: this home's if @within_m is set */
        uint32_t within_m;        /* 0: everywhere */
        uint64_t since;           /* changed since then; 0: all in force and the last 24 hours. A watch that is not
                                     resumed first tells the events of such alerts again */
        const char *const *kinds; /* NULL-terminated; NULL: all */
        const char *min_severity;
        const char *text; /* contained in the alert's text, in any case */
        uint64_t limit;   /* 0: none; a watch has none, close the handle to end it */
        bool resume;      /* watch: first everything after @after, then what comes */
        uint64_t after;   /* the `seq` of the last event seen */
        bool muted;       /* also what this home has muted */
};

struct porchlight_alert {
        char id[65];
        const char *household;
        bool mine;
        const char *source, *kind, *doing /* or NULL */, *category, *severity, *urgency, *certainty, *status, *state;
        const char *cell;       /* geohash */
        int32_t lat_e6, lon_e6; /* its centre, millionths of a degree */
        int64_t distance_m;     /* between cell centres; -1: not asked for */
        const char *text;
        uint64_t created, updated /* or 0 */, expires;
        uint64_t confirms, disputes, comments;
};
struct porchlight_event {
        const char *event; /* posted, updated, confirmed …; NULL in answers of porchlight_nearby() */
        uint64_t seq;      /* this home's sequence number, for `after`; 0 in answers of porchlight_nearby() */
        struct porchlight_alert alert;
};
/* Both only ask; porchlight_next() gives the answers: of nearby until PORCHLIGHT_END, of watch for ever. @f may be
 * NULL. */
int porchlight_nearby(struct porchlight *p, const struct porchlight_filter *f);
int porchlight_watch(struct porchlight *p, const struct porchlight_filter *f);
/* PORCHLIGHT_OK, _END, _AGAIN, _FAILED. */
int porchlight_next(struct porchlight *p, struct porchlight_event *ret);

#ifdef __cplusplus
}
#endif
