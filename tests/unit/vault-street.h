/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vault of one home of a street (roster-street.h): its key file is written as if it had founded or joined long ago,
 * and the test, as its daemon, hands it the operations of side 0.
 */
#pragma once

#include "roster-street.h"
#include "vault-world.h"

struct street_vault {
        struct world w;
        struct street *s;
        int fd;          /* an owner's tool */
        struct answer a; /* heard last by it */
        struct answer d; /* and by the daemon */
};

/* A street of so many homes; home 0 founds it and brings the others. */
void sv_found(struct street *s, uint32_t homes);
/* Starts the vault of home @n; @passphrase NULL: its key is plain. */
void sv_init(struct street_vault *sv, struct street *s, uint32_t n, const char *passphrase);
void sv_fini(struct street_vault *sv);
/* As the daemon: waits to be asked, and sends all operations of @r and the time. */
void sv_tell(struct street_vault *sv, const struct roster *r, mesh_wall time);
/* As the daemon: what goes into a backup, of a node that was @device, with that key for links. */
void sv_tell_backup(const struct world *w, const struct roster *r, mesh_wall time, const struct key *device,
                    const struct key *noise);
struct wire_o_op sv_op(enum wire_e_op type, const char *target);
void sv_say(struct street_vault *sv, enum wire_e_op type, const char *target);
/* Asks, and hears the sentence, which is in sv->a; the street's side 0 is what the daemon tells. */
void sv_ask(struct street_vault *sv, const struct wire_o_op *q);
/* The same, and hears that error. */
void sv_refused(struct street_vault *sv, enum wire_e_op type, const char *target, const char *error,
                enum wire_e_exit exit);
void sv_go(struct street_vault *sv, const char *passphrase);
/* As the daemon: takes the signed operation into side 0, and says yes. */
void sv_take(struct street_vault *sv);
/* Hears O_VOTED (in sv->a) and the end. */
void sv_voted(struct street_vault *sv, bool in_force, unsigned votes, unsigned needed);
/* All of it. */
void sv_sign(struct street_vault *sv, enum wire_e_op type, const char *target);
/* The sentence has these words. */
void sv_says(const struct street_vault *sv, const char *words);
/* Nothing has been said to the daemon. */
void sv_daemon_heard_nothing(const struct street_vault *sv);
/* The first @digits of home @n's id. */
const char *sv_id(const struct street *s, uint32_t n, unsigned digits);
/* Another tool's answer to O_STATE. */
bool sv_unlocked(const struct street_vault *sv);
