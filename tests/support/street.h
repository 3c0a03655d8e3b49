/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A street in one process: the real core in many homes, virtual time, a network and disks of memory. Tests speak its
 * language: found, join, post, cut, switch off and on, run for so many seconds, wait until everybody has it.
 *
 * A run is a function of the seed. Time is the street's own; nothing here sleeps or looks at a clock.
 */
#pragma once

#include "base/buf.h"
#include "porchlight/mesh.h"
#include "roster/roster.h"

#define STREET_START 1790000000u /* seconds since 1970 at the street's time 0 */
#define STREET_STUN 3478         /* where a doorstep answers */

struct street;

/* The seed of this run: $PORCHLIGHT_SEED, or 1 without it. Prints it. */
uint64_t street_seed(void);

/* Home 0 founds, the others join on one ticket; all are members. */
struct street *street_new(size_t homes, uint64_t seed);
struct street *street_bare(size_t homes, uint64_t seed); /* the same homes, nobody in a mesh yet */
/* The same; a core may say that its process must end: the home is off then, and on again at once, with its disk. A command that
 * it had not answered is BUSY. In other streets that ends the test. */
struct street *street_bare_mortal(size_t homes, uint64_t seed);
struct street *street_free(struct street *s);

/* Home @i founds / home @i joins on @ticket: the command's outcome, MESH_OUT_BUSY if it did not answer in time. */
enum mesh_outcome street_found(struct street *s, size_t i);
enum mesh_outcome street_found_by(struct street *s, size_t i, const struct wire_list *charter); /* rows of its own */
enum mesh_outcome street_join(struct street *s, size_t i, const char *ticket);
const char *street_invite(struct street *s, size_t i, uint32_t uses); /* the ticket's text, owned by the street */
/* Home @i is a member and takes @ticket in hand. @ret_news (may be NULL): its link key was not there. */
enum mesh_outcome street_refresh(struct street *s, size_t i, const char *ticket, bool *ret_news);
enum mesh_outcome street_revoke(struct street *s, size_t i); /* the ticket last written there */

/* A code of home @i's household, good for a day, that leads to home @door; and home @i, in no mesh yet, joins on one. */
bool street_code_try(struct street *s, size_t i, size_t door, struct buf *ret); /* false: it was not made */
void street_code(struct street *s, size_t i, size_t door, struct buf *ret);
enum mesh_outcome street_code_named(struct street *s, size_t i, const struct key *id,
                                    mesh_wall expires);         /* its name alone */
enum mesh_outcome street_code_back(struct street *s, size_t i); /* takes the code back that was last made there */
enum mesh_outcome street_enrol(struct street *s, size_t i, struct span code, const char *name);
/* The household of home @i revokes the device that home @target runs on. */
enum mesh_outcome street_revoke_device(struct street *s, size_t i, size_t target);
void street_sign_revoke(struct street *s, size_t i, size_t target, struct buf *out); /* gives it to nobody */

/* Home @i, in no mesh, begins to restore what @backup has; and is given what the vault signs, which puts its device in the
 * place of home @lost's. Both run for as long as the restoring has no outcome, and no longer than that. */
void street_recover(struct street *s, size_t i, const struct mesh_recover *backup, double seconds);
void street_replace(struct street *s, size_t i, size_t lost, double seconds);
void street_knock(struct street *s, size_t i, size_t at); /* somebody types `peer add` at home @i: home @at's address */
/* Home @i signs remove, promote, demote, return, invite-undo (of home @target), endorse (what is open about it) or leave; the
 * second gives it to nobody. */
enum mesh_outcome street_vote(struct street *s, size_t i, enum wire_e_op type, size_t target);
void street_sign(struct street *s, size_t i, enum wire_e_op type, size_t target, struct buf *out);
/* The same, stating another time: it is another operation for the same place of the chain. */
void street_sign_at(struct street *s, size_t i, enum wire_e_op type, size_t target, mesh_wall time, struct buf *out);
/* Home @i votes for what is proposed there about home @target and open. MESH_OUT_NO_TARGET: nothing is. */
enum mesh_outcome street_endorse(struct street *s, size_t i, size_t target);

/* Posts; *ret_id names the record. Runs until the home's disk has it. */
enum mesh_outcome street_post(struct street *s, size_t i, enum wire_alert_kind kind, const char *text,
                              struct hash *ret_id);
enum mesh_outcome street_follow(struct street *s, size_t i, enum wire_e_record type, const struct hash *target,
                                const char *text, struct hash *ret_id);

enum mesh_outcome street_publish(struct street *s, size_t i, const struct mesh_draft *d, struct hash *ret_id);

void street_run_for(struct street *s, double seconds);
bool street_wait(struct street *s, double seconds, bool (*done)(struct street *s, void *ctx), void *ctx);
bool street_wait_all_have(struct street *s, const struct hash *id, double seconds); /* homes that are on, readable */
bool street_wait_links(struct street *s, size_t i, double seconds); /* at least one link up and caught up */

bool street_has(const struct street *s, size_t i, const struct hash *id); /* on its disk and readable as plaintext */
size_t street_count(const struct street *s, size_t i);                    /* readable alerts on its disk */
unsigned street_times(const struct street *s, size_t i, const struct hash *id); /* STORE rows with a plaintext for it */
uint32_t street_handed(const struct street *s, size_t i, const struct hash *id);
bool street_body(const struct street *s, size_t i, const struct hash *id); /* its bytes are on the disk */

void street_off(struct street *s, size_t i); /* the process ends between two events; the disk stays */
void street_on(struct street *s, size_t i);
/* Home @i's local network: LAN discovery is off until it is on one; homes hear each other's beacons unless they are cut. */
void street_lan(struct street *s, size_t i, bool on);
/* To an address nobody knows; what it had open there is dead, and nobody is told. */
void street_move(struct street *s, size_t i);
void street_dead(struct street *s, size_t i); /* what it has open is dead, and nobody is told: its router forgot it */
void street_place(struct street *s, size_t i, const uint8_t ip4[4]); /* gives home @i an address; they are 10.0.x.x */
/* Puts home @i behind a router that lets callers in: it is reached and seen at @ip4, and knows of its present address only. */
void street_nat(struct street *s, size_t i, const uint8_t ip4[4]);
void street_shut(struct street *s, size_t i);     /* home @i can call out, and not be called */
void street_silent(struct street *s, size_t i);   /* nor does whoever tries hear so for 10 s */
void street_doorstep(struct street *s, size_t i); /* home @i knows that it is reached from outside, and answers STUN */
void street_hide(struct street *s, size_t i);     /* home @i tells nobody where it is */
/* Home @i has a name that leads to it, wherever it is; @name stays the caller's. NULL: none any more. */
void street_name(struct street *s, size_t i, const char *name);
size_t street_asked(const struct street *s, size_t i); /* names that home @i has had looked up */
/* Home @i passes on so many bytes a day between others. */
void street_relays(struct street *s, size_t i, uint64_t quota);
/* Home @i has a porchlight-ice, or none. Two homes that have one come together whenever each has heard the other's words … */
void street_helper(struct street *s, size_t i, bool there);
void street_apart(struct street *s, size_t a,
                  size_t b); /* … but for these: after a while both are told that there is no way */
size_t street_met(const struct street *s, size_t i);     /* meetings that home @i's helper was asked for */
size_t street_called(const struct street *s, size_t i);  /* of them, those that others began */
size_t street_beacons(const struct street *s, size_t i); /* sent by home @i so far */
void street_heard(struct street *s, size_t i, size_t from, struct span datagram); /* as if home @from had sent it */
struct span street_beacon(const struct street *s, size_t i);                      /* the last one home @i sent */
void street_cut(struct street *s, size_t a, size_t b);
void street_mend(struct street *s, size_t a, size_t b);
/* Home @i on a busy machine: what happens is answered @ms after the first of it, with all there is by then. */
void street_busy(struct street *s, size_t i, uint64_t ms);
/* Home @i's machine sleeps, with nothing of its own under way: time passes, what it had open is dead, nobody who calls hears
 * anything. When it wakes its core is told as the shell does. */
void street_asleep(struct street *s, size_t i, bool asleep);
/* What they send each other arrives no sooner than in so long. */
void street_hold(struct street *s, size_t a, size_t b, double seconds);
/* Somebody copies home @i's disk; later, while it is off, the old copy takes the disk's place. */
void street_copy_disk(struct street *s, size_t i);
void street_old_disk(struct street *s, size_t i);
/* The bytes of a record on home @i's disk are no longer what was written, until they are written again. */
void street_disk_damage(struct street *s, size_t i, const struct hash *id);
bool street_disk_damaged(const struct street *s, size_t i, const struct hash *id);
/* Home @i's own record is lost with its row; that its slot was used is not. */
void street_disk_lose(struct street *s, size_t i, const struct hash *id);
void street_disk_full(struct street *s, size_t i, bool full);
void street_clock(struct street *s, size_t i, int64_t seconds_off);

/* Links for footage. What home @i's core says of them (HAUL_UP, HAUL_DOWN, HAUL, and every REPLY) goes to @on at once; it must not call the
 * street. */
typedef void (*street_haul_told)(void *ctx, size_t i, const struct mesh_action *a);
void street_on_haul(struct street *s, size_t i, street_haul_told on, void *ctx);
/* Home @i asks for one to home @to's device. DONE: *ret_link is it. */
enum mesh_outcome street_haul(struct street *s, size_t i, size_t to, mesh_link *ret_link);
void street_haul_end(struct street *s, size_t i, mesh_link link); /* home @i needs it no longer */
void street_haul_say(struct street *s, size_t i, mesh_link link, enum wire_link number, const void *msg);

struct mesh *street_core(struct street *s, size_t i);
enum wire_e_fresh street_state(struct street *s, size_t i);
size_t street_links(struct street *s, size_t i);   /* that are up */
size_t street_members(struct street *s, size_t i); /* homes in the mesh, as home @i knows; it is in one */
uint64_t street_bytes(const struct street *s);     /* on the wire so far */
/* Garbage: opens a connection to home @i from nowhere, sends @bytes, and returns how many bytes came back within a minute. */
size_t street_stranger(struct street *s, size_t i, struct span bytes);

/* ---- for tests that are a peer themselves (support/guest.h) ---- */
const struct mesh_config *street_config(const struct street *s, size_t i); /* a home's device secrets */
/* What its household signs, over the roster @r, for a device that takes the place of home @i's. */
void street_replacement(const struct street *s, size_t i, const struct roster *r, const struct mesh_config *device,
                        struct buf *ret);
/* A row of its disk, in no order; NULL past the end. */
const struct mesh_row *street_row(const struct street *s, size_t i, size_t k);
mesh_wall street_wall(const struct street *s);
/* A connection to home @i from nowhere. What the home sends goes to @on at once, with gone set when it hangs up; @on must not
 * call the street. */
typedef void (*street_on_bytes)(void *ctx, struct span bytes, bool gone);
mesh_link street_attach(struct street *s, size_t i, street_on_bytes on, void *ctx);
void street_attached_send(struct street *s, size_t i, mesh_link link, struct span bytes);
void street_detach(struct street *s, size_t i, mesh_link link); /* the connection is gone; @on is not called again */
