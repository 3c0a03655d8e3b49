/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving out what this home keeps of clips, locked as it is: to each home that asks, what it wants and in the order it wants
 * it (PROTOCOL 15.43), between homes in turn. Events in, actions out, as in haul/fetch.h; what is on the disk the shell reads.
 * A home has a bounded queue here and a bounded number of clips it may want parts of; who asks for more than the protocol
 * lets is hung up on by name. Memory is bounded by two chunks a home.
 *
 * What an event points to is borrowed until step returns; what an action points to until the next step, but for the room of
 * a READ, which is good until READ's answer has come.
 */
#pragma once

#include "base/base.h"
#include "base/err.h"
#include "crypto/chunk.h"
#include "crypto/hash.h"

struct haul_serve;

enum haul_serve_event_type {
        SERVE_EV_LINK,      /* a home may ask from now on */
        SERVE_EV_GONE,      /* and no more; answers of its reads are still due */
        SERVE_EV_SEEK,      /* it asks after a clip, and has leave or not */
        SERVE_EV_LIST_WANT, /* it wants the list, from this hash on */
        SERVE_EV_WANT,      /* it wants a part of a chunk */
        SERVE_EV_STOP,      /* it wants nothing more of that clip */
        SERVE_EV_ROOM,      /* so many bytes may go to it now, in pieces of at most so many */
        SERVE_EV_KNOWN,     /* what there is of a clip: after LOOK, and when it has become more or nothing */
        SERVE_EV_READ,      /* a READ is over */
};

/* What a home that asks after a clip may hear: the shell's to say, by what that home has shown (node/leave.h). */
enum haul_leave {
        HAUL_LEAVE_NONE,  /* that there is nothing, as where there is nothing: the disk is not looked at */
        HAUL_LEAVE_SHOW,  /* that it is known here what was asked after, and that leave is to be shown */
        HAUL_LEAVE_GIVEN, /* what there is */
};

struct haul_serve_event {
        enum haul_serve_event_type type;
        uint32_t link; /* the shell's number for it */
        struct hash clip;
        union {
                struct {
                        enum haul_leave leave;
                        struct hash proof; /* of SHOW: that it is known here */
                } seek;
                uint64_t from;
                struct {
                        uint64_t chunk;
                        uint32_t at, n;
                } want;
                struct {
                        size_t bytes, piece;
                } room;
                struct {
                        uint64_t size, chunks; /* chunks 0: there is nothing, or it is not for others */
                        struct span have;      /* a bitmap; empty: all of it */
                } known;
                struct {
                        void *read; /* the action's */
                        bool ok;    /* all bytes are there */
                } read;
        };
};

enum haul_serve_action_type {
        SERVE_DO_LOOK, /* is there anything of this clip? then KNOWN */
        SERVE_DO_READ, /* bytes of its file, or of its list, into `room`; then READ */
        SERVE_DO_HAVE, /* tell the home what there is */
        SERVE_DO_NONE, /* tell it that there is nothing */
        SERVE_DO_SHOW, /* tell it that leave is to be shown, with the `proof` */
        SERVE_DO_LIST,
        SERVE_DO_PIECE,
        SERVE_DO_HANGUP, /* for `why`; no GONE follows */
};

enum haul_serve_wrong {
        SERVE_TOO_MANY = 1, /* more wants than a window holds */
        SERVE_BEYOND,       /* what no such clip has, or what was not told to be there */
};
const char *haul_serve_wrong_text(enum haul_serve_wrong why);

struct haul_serve_action {
        enum haul_serve_action_type type;
        uint32_t link;
        struct hash clip;
        union {
                struct {
                        void *read;
                        bool list;
                        uint64_t at; /* in the file */
                        uint8_t *room;
                        size_t n;
                } read;
                struct span have;
                struct hash proof;
                struct {
                        uint64_t from;
                        struct span hashes;
                } list;
                struct {
                        uint64_t chunk;
                        uint32_t at;
                        struct span bytes;
                } piece;
                enum haul_serve_wrong why;
        };
};

/* 0, ERR_NOMEM. */
int haul_serve_new(struct haul_serve **ret);
/* NULL is fine. Every READ has been answered. */
struct haul_serve *haul_serve_free(struct haul_serve *s);
DEFINE_FREEP(struct haul_serve, haul_serve_free)

/* 0, ERR_NOMEM. */
int haul_serve_step(struct haul_serve *s, const struct haul_serve_event *ev);
bool haul_serve_next(struct haul_serve *s, struct haul_serve_action *ret);

struct haul_serve_look {
        size_t links, clips, wants, reads;
        uint64_t memory; /* bytes of chunks in memory */
        uint64_t given;  /* bytes handed to links since the start */
};
void haul_serve_look(const struct haul_serve *s, struct haul_serve_look *ret);
