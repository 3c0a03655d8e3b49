/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Papers: what is signed about clips and goes from home to home, from the time it is made or comes until nobody needs it any
 * more. The vault makes and checks what needs the household's key; here it is kept in the store, carried to the other
 * home's main device over a link for footage, and brought again until that home has it, over any number of restarts of
 * either (PROTOCOL 15.61 to 15.73).
 *
 *   papers.c       the book of them, in memory as it is in the store, with its bounds
 *   paper_rules.c  what an incoming one must be, and who may bring it
 *   paper_budget.c how many of one household are looked at
 *   paper_in.c     they come
 *   courier.c      they go: whose device is dialled, and when
 *   paper_vault.c  to the vault and from it
 *   paper_end.c    a copy is complete; a grant comes to its end
 *   paper_own.c    clips that this household's main device shares with a further one
 *   paper_told.c   who may give of a clip hears which of its grants was taken back
 *
 * But for the last two, all of it is the main device's: nobody else has the household's key.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "clip/clip.h"
#include "node/haul_link.h"
#include "node/quiet.h"
#include "roster/roster.h"
#include "store/store.h"
#include "wire/frame.h"

#include <uv.h>

struct node;

/* That begin something: `clip share --with all` in a large mesh, and what else there is … */
#define PAPERS_MOST 8192
/* … of them, brought by others: however many homes bring offers and requests, what this home says itself has room. */
#define PAPERS_CAME 4096
/* That go on with something, or end it: there are never more than two attestations, a grant taken back and one called off for one
 * that began it. So there is always room for these. */
#define PAPERS_MORE (4 * PAPERS_MOST)
/* Of these, with all others, where one that tells of a grant taken back begins to be left away. */
#define PAPERS_TOLD_MOST (PAPERS_MORE / 2)
/* Of one household, that this home was told of; of more the latest. */
#define PAPERS_TOLD_EACH 256
/* For so long: no grant is for longer. */
#define PAPERS_TOLD_FOR (366 * (mesh_wall)MESH_DAY)
/* On their way to one household, and come from one, of each kind: more than people decide about. */
#define PAPERS_EACH 32
/* Requests of one household that wait for an answer here. */
#define PAPERS_REQUESTS 4
/* Attestations about one grant that go to the vault between two starts, which folds the roster for each: an honest device signs
 * two, and brings them again when an answer was lost. */
#define PAPERS_ATTESTS 16
/* Clips shared with this further device that are in force: as many as it may fetch at once. */
#define PAPERS_OWN 256
/* Seconds that a grant is remembered behind its end: the recipient's word that its copy is gone may come late. */
#define PAPERS_LINGER (30 * (mesh_wall)MESH_DAY)

/* In the store: append, never reuse. */
enum paper_what {
        PAPER_OUT_GRANT = 1,   /* more: the manifest */
        PAPER_OUT_OVER = 2,    /* a grant taken back */
        PAPER_OUT_RECEIPT = 3, /* goes until the key has come */
        PAPER_OUT_ATTEST = 4,
        PAPER_OUT_REQUEST = 5,
        PAPER_CALLED_OFF = 11, /* a clip that was granted and is not to come now: no paper, its id is the clip's */
        PAPER_IN_GRANT = 6,    /* more: the manifest */
        PAPER_IN_OVER = 7,     /* until the vault has let its key go */
        PAPER_IN_REQUEST = 8,
        PAPER_OUT_OWN_RECEIPT = 12, /* to another device of this household, behind a grant that names it */
        PAPER_OUT_DESTROY = 10, /* to another device of this household: a clip of it is to go; its id is the clip's */
        PAPER_OUT_TOLD =
                13, /* the same as OUT_OVER, to others who may give of that clip; its id is the paper's and theirs */
        PAPER_IN_TOLD = 14,   /* that a grant, of which no more is known here, is no leave any more: no paper */
        PAPER_ASK_DENIED = 9, /* an ask that this home does not want to see any more: no paper, only its id */
};

/* In the store. Of what goes: */
enum {
        PAPER_WAITS = 1,
        PAPER_THERE = 2, /* the other home has it */
        PAPER_NOT = 3,   /* the other home will not have it */
};
/* Of a grant that came: enum wire_e_given, and while its key and bytes are being removed: */
enum {
        PAPER_ENDING_BACK = 33, /* GIVEN_TAKEN_BACK */
        PAPER_ENDING_OVER = 34, /* GIVEN_OVER */
};
/* Of a request that came: */
enum {
        PAPER_ASKED = 1,
        PAPER_DENIED = 2,
};

struct paper {
        struct list on; /* of all, in their order */
        struct hash id; /* of the object */
        uint8_t what, state;
        struct key household; /* the other one; of what is for another device of this household, that device */
        struct hash about;    /* of a grant or request the clip, else the grant */
        mesh_wall expires;    /* of the row */
        struct buf bytes, more;
        uint64_t token;               /* of its first write, until that is on the disk; 0: it is */
        bool answer;                  /* whoever brought it is to hear that it is kept */
        struct key bringer;           /* that device */
        const struct haul_link *said; /* over this link already */
        unsigned attests;             /* of a grant that was given: that came since the start */
};

struct courier;      /* courier.c: of a household that something waits for */
struct paper_errand; /* paper_vault.c */

struct papers {
        struct quiet junk;
        struct list all;
        struct map by_id;
        size_t n, begun, came; /* in all; that began something; of these, brought by others */
        struct quiet full;     /* lines that say so */
        bool missed;           /* one of this home's had no room: the vault is asked for it again */
        bool unsent;           /* for one that waits nobody could be sent: tried again */
        struct list budget_list;
        struct map budgets; /* by household */
        bool started;
        uint64_t token;
        struct list couriers;
        struct map courier_of; /* by household */
        size_t dialling;       /* of them */
        uv_timer_t timer;
        struct list errands; /* of the vault; the first is with it */
        size_t n_errands;
        bool asking;           /* the vault is saying its papers again */
        struct buf rule_homes; /* whose requests the vault is shown: the owner's rule names them; 32 bytes each */
        mesh_wall rule_asleep; /* it stands until then, and sleeps; 0: it does not, or there is none */
};

/* ---- papers.c ---- */
int papers_init(struct node *n); /* 0, ERR_NOMEM */
void papers_use(struct node *n); /* links and fetches can be used */
void papers_fini(struct node *n);
void papers_start(struct node *n); /* the store is open, the core has started */
void papers_plan(struct node *n);  /* when it is looked at next */
void papers_miss(struct node *n);  /* there was no memory for what the vault said: it is asked for all of that again */
void papers_stop(struct node *n);
void papers_close(struct node *n);
void papers_stored(struct node *n, uint64_t token, bool ok); /* the writer */

struct paper *papers_find(const struct node *n, const struct hash *id);
/* A new one, on its way to the disk: everything but its id, what, state, household, about and expires is copied. NULL: there is
 * no room for it, or no memory (logged), or it is there. */
struct paper *papers_add(struct node *n, const struct store_paper *row);
void papers_set(struct node *n, struct paper *p, uint8_t state); /* here and on the disk */
void papers_drop(struct node *n, struct paper *p);               /* the same */
size_t papers_count(const struct node *n, enum paper_what what, const struct key *household);
/* By the beginning of its id, or of its clip's; NULL: none, *@ret_many: several. */
struct paper *papers_named(const struct node *n, enum paper_what what, struct span digits, bool *ret_many);
bool papers_denied(const struct node *n, const struct hash *ask);
enum wire_e_given papers_given_state(const struct paper *p);
/* The owner's word that this grant is taken back, on its way to the vault. NULL: there is none. */
struct paper *papers_back(const struct node *n, const struct hash *grant);
/* Is there a grant for this clip that is in force here and accepted? Its bytes are to be kept. */
bool papers_clip_wanted(const struct node *n, const struct hash *clip);
/* Until when this home has granted it to somebody who may still get it; 0: to nobody. */
mesh_wall papers_granted(const struct node *n, const struct hash *clip);
/* The one of those that lasts longest. NULL: there is none. */
const struct paper *papers_leave(const struct node *n, const struct hash *clip);

/* The household's main device, which has its vault. NULL: it has none now. */
const struct roster_device *papers_main(const struct node *n, const struct key *household);
/* The device that papers for @whom go to: a household's main one, or that device of this household. NULL: none now. */
const struct roster_device *papers_goal(const struct node *n, const struct key *whom);
bool papers_goes(const struct paper *p); /* it is for the other side … */
bool papers_wait(const struct paper *p); /* … which has not answered yet */
bool papers_here(const struct node *n);  /* this is the main device of a member */
struct hash papers_mesh(const struct node *n);

/* ---- paper_budget.c ---- */
/* Signatures that are checked for one household: so many at once, and then one in so many ms. An honest home brings what it
 * has for this one, 32 offers and 4 requests and what goes with them, and rarely more. */
#define PAPER_CHECKS 256
#define PAPER_CHECK_MS 100
/* Takes @checks from what is left for it. False: they are to be left. */
bool paper_budget_take(struct node *n, const struct key *household, unsigned checks);
void paper_budgets_fini(struct node *n);

/* ---- paper_in.c ---- */
void paper_in(struct haul_link *l, enum wire_link number, const void *msg);
void paper_in_end(struct haul_link *l); /* it is down */
/* Tells the device that brought it. @why 0: it is kept. */
void paper_answer(struct node *n, const struct key *device, const struct hash *about, uint8_t why);

/* For paper_own.c: ends a link, by name; answers; whether a paper is here already, and answered then; keeps it, and answers. */
void paper_in_junk(struct haul_link *l, const char *what);
void paper_in_say(struct haul_link *l, const struct hash *about, uint8_t why);
bool paper_in_known(struct haul_link *l, const struct hash *id);
void paper_in_keep(struct haul_link *l, const struct store_paper *row);

/* ---- paper_own.c ---- */
struct paper_eye;
struct wire_o_taken;
struct wire_receipt;
bool paper_own_link(const struct haul_link *l);                 /* its other end is a device of this household */
bool paper_own_is(const struct node *n, const struct paper *p); /* shared with this device */
bool paper_own_from(const struct haul_link *l, const struct paper *grant);    /* who may bring what belongs to it */
bool paper_own_taken_by(const struct paper *grant, const struct key *device); /* that device took its clip in */
bool paper_own_taken_here(const struct node *n, const struct paper *grant);
bool paper_own_gone(const struct node *n,
                    const struct key *whom); /* a device that was revoked; false: a household, too */
/* What the vault is told of it with the key that has come. Spans point into the book. False: it is no such grant. */
bool paper_own_taken(const struct node *n, const struct hash *id, struct span box, struct wire_o_taken *ret);
/* They come, over a link of this household's. */
void paper_own_grant(struct haul_link *l, const struct paper_eye *eye, struct span paper, struct span manifest);
void paper_own_receipt(struct haul_link *l, const struct wire_receipt *w, const struct hash *id, struct span paper);

/* ---- paper_told.c ---- */
/* A grant of this clip was taken back, or is new: whoever may give of it hears of those that were taken back. */
void paper_told_holders(struct node *n, const struct hash *clip);
/* That paper, as it went over this link to who is told. NULL: it did not. */
struct paper *paper_told_row(const struct haul_link *l, const struct hash *paper);
/* @device has brought that this grant, of another home, was taken back, by the paper @id. True: it will be answered. */
bool paper_told_keep(struct node *n, const struct key *device, const struct hash *grant, const struct hash *id);
bool paper_told_back(const struct node *n, const struct hash *grant); /* this home was told so */

/* ---- courier.c ---- */
void courier_use(struct node *n);
void courier_kick(struct node *n, const struct key *household); /* something waits for it: at once */
void courier_tick(struct node *n);
bool courier_waiting(const struct node *n);
void courier_end(struct node *n);

/* ---- paper_vault.c ---- */
void paper_vault_up(struct node *n);   /* the vault knows its device: it says again what there is to carry */
void paper_vault_down(struct node *n); /* it has gone */
/* V_GRANT … V_TOOK, V_PAPERS_END. False: no such message. */
bool paper_vault_take(struct node *n, uint64_t number, const union frame_message *m);
/* What came is for the vault, by whom it may be brought. False: there is no room, try again later. */
bool paper_vault_receipt(struct node *n, const struct paper *grant, const struct key *device, const struct hash *id,
                         struct span paper);
bool paper_vault_attest(struct node *n, const struct paper *grant, const struct key *device, const struct hash *id,
                        struct span paper);
bool paper_vault_key(struct node *n, const struct paper *grant, struct span blob);
bool paper_vault_over(struct node *n, const struct paper *grant);
/* A grant taken back of which nothing is known here: perhaps the vault has its key. The bringer hears when that is gone. */
bool paper_vault_stray(struct node *n, const struct hash *grant, const struct key *device, const struct hash *id,
                       struct span paper);
/* A request is on the disk: the vault sees it, if the owner's rule for an emergency names that household. */
void paper_vault_asked(struct node *n, const struct paper *p);
void paper_vault_tick(struct node *n); /* there may be room again for what had none */

/* ---- control_policy.c ---- */
void control_policy_said(struct node *n, mesh_wall asleep); /* the vault has said of its rule: as rule_asleep */

/* ---- paper_end.c ---- */
/* Every byte of the clip is here and was checked: the grants it came under are complete, and their owners hear so. */
void papers_complete(struct node *n, const struct hash *clip);
void paper_end_fetch(struct node *n, const struct paper *grant); /* it is accepted: its bytes are fetched */
/* It is not to come, or not to stay, though a grant lives: until it is asked for again, over restarts. False: no room for that. */
bool paper_end_call_off(struct node *n, const struct hash *clip);
/* A person asks for it again. 0, also where none of it was called off; else as fetch_begin(). */
int paper_end_again(struct node *n, const struct hash *clip);
void paper_end_key(struct node *n, struct paper *grant); /* a key has come */
void paper_end_begin(struct node *n, struct paper *grant, bool back);
void paper_end_told(struct node *n,
                    struct paper *back); /* PAPER_IN_OVER is on the disk: as it says; it may be gone then */
void paper_end_keyless(struct node *n, struct paper *grant); /* the vault's key is gone: so go the bytes */
/* A clip of this household is destroyed: its bytes go to nobody any more. */
void paper_end_given(struct node *n, const struct hash *clip);
void paper_end_tick(struct node *n, mesh_wall now);
