/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stream of bytes each way over datagrams that get lost (RFC 9000), by ngtcp2 and GnuTLS: the only file that knows them,
 * as the API of both the library and its glue is not settled. libnice's own reliable mode sends at most 60 KiB a round trip.
 *
 * A state machine: datagrams, bytes and times go in; datagrams go out by a function; what else has come about is there to
 * be looked at after each call. What it carries is encrypted by the homes themselves already, end to end. This encryption
 * keeps who stands on the line from breaking into the stream, and the certificate from meeting the wrong end.
 *
 * It departs from QUIC's usual use in that there is one stream, no name, no authority, no idle end (ICE tells when the
 * other side is gone, RFC 7675). Larger packets are tried (RFC 8899), and given up for good where for a second nothing of
 * what is under way arrives: what libnice sends may take another way at any time, and that may swallow them.
 */
#pragma once

#include "ice/cert.h"

#define QUIC_WINDOW (512 * 1024) /* bytes under way in each direction: 200 Mbit/s at 20 ms */
#define QUIC_DATAGRAM 1452       /* bytes at most: in one packet of Ethernet and IPv6; begun with QUIC_SURE */
#define QUIC_SURE 1200           /* that every way of QUIC carries (RFC 9000, 14) */
#define QUIC_NEVER UINT64_MAX

enum quic_state {
        QUIC_SHAKING,  /* hands */
        QUIC_UP,       /* bytes may go and come */
        QUIC_CLOSED,   /* both sides have said their last, or one has hung up */
        QUIC_STRANGER, /* not the certificate that was promised */
        QUIC_BROKEN,   /* the other end does not speak QUIC as it should, or no longer; or no memory */
};

struct quic;
/* Sends a datagram; what cannot go is lost. */
typedef void (*quic_send_fn)(void *arg, struct span datagram);

/* @client: the side that speaks first, in the stream too. @cert is borrowed. @print: of the other side's certificate.
 * @now: nanoseconds of a clock that only goes forward, here and everywhere. NULL: no memory. */
struct quic *quic_new(bool client, const struct cert *cert, const struct hash *print, quic_send_fn send, void *arg,
                      uint64_t now);
struct quic *quic_free(struct quic *q); /* says goodbye, if there is somebody */

void quic_receive(struct quic *q, struct span datagram, uint64_t now);
/* Sends what is to be sent now. To be called at quic_deadline(), and after bytes were put in or taken out. */
void quic_turn(struct quic *q, uint64_t now);
uint64_t quic_deadline(const struct quic *q); /* QUIC_NEVER: none */
enum quic_state quic_state(const struct quic *q);

size_t quic_room(const struct quic *q);             /* for bytes that are to go */
size_t quic_put(struct quic *q, struct span bytes); /* takes as much as there is room for, and says how much */
uint64_t quic_arrived(const struct quic *q); /* of all that was put in, how many bytes the other side has confirmed */
void quic_finish(struct quic *q);            /* nothing more will be put in */
struct span quic_look(const struct quic *q); /* the next bytes that have come, as far as they lie side by side */
void quic_drop(struct quic *q, size_t n);
bool quic_over(const struct quic *q); /* all that came was dropped, and the other side has said its last */
