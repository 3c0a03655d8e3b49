/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-core-memory [--all | --only STORY:N]: memory runs out once, anywhere in the core, while a street lives its life.
 *
 * At each way that leads to an allocation the process forks (support/scarce.h); in the child that allocation fails. The
 * home's process may end then, with nothing left behind, and is started again with its disk; or it goes on as if nothing
 * had been. Whoever had typed a command types it again. In the end all is as without the failure: the same homes are
 * members, who was removed is out, and everything whose writing was acknowledged is readable everywhere.
 *
 * Each way is tried in the first story that has it, with --all in each. --only tells one failure again, without a fork; N is
 * as --all counts.
 */
#include "crypto/sign.h"
#include "roster/roster.h"
#include "support/scarce.h"
#include "support/street.h"

#include <stdio.h>
#include <stdlib.h>

#define TRIES 3      /* one failure spoils no more than one of them */
#define PAUSE 5      /* seconds until somebody types a command again */
#define PATIENCE 900 /* seconds in which all have all */
#define DAY 86400.0

static uint64_t seed;

#define AGAIN_UNTIL(done, act)                                                                                         \
        do {                                                                                                           \
                for (int try_ = 0; try_ < TRIES && !(done); try_++) {                                                  \
                        (void)(act);                                                                                   \
                        street_run_for(s, PAUSE);                                                                      \
                }                                                                                                      \
                REQUIRE(done);                                                                                         \
        } while (0)

/* ---- what people do, as long as it takes ---- */

static bool belongs(struct street *s, size_t i) {
        struct mesh_status st;
        mesh_status(street_core(s, i), &st);
        return st.state != FRESH_NO_MESH && st.state != FRESH_JOINING && st.state != FRESH_RESTORING;
}

static void invite(struct street *s, size_t i, uint32_t uses, struct buf *ret) {
        const char *text;
        AGAIN_UNTIL(ret->n, (text = street_invite(s, i, uses)) ? buf_add_str(ret, text) : (void)0);
        buf_cstr(ret);
}

static void join(struct street *s, size_t i, const struct buf *ticket) {
        AGAIN_UNTIL(belongs(s, i), street_join(s, i, (const char *)ticket->p));
}

static struct street *settle(struct street *s, size_t homes) {
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        AGAIN_UNTIL(belongs(s, 0), street_found(s, 0));
        invite(s, 0, (uint32_t)homes + 2, &ticket);
        for (size_t i = 1; i < homes; i++)
                join(s, i, &ticket);
        return s;
}

static struct street *street_of(size_t homes, size_t machines) {
        return settle(street_bare_mortal(homes + machines, seed), homes);
}

/* Home 0 can be called, and the others can only call out. @apart: nor does a meeting of homes 1 and 2 come about. */
static struct street *street_behind(size_t homes, bool apart) {
        struct street *s = street_bare_mortal(homes, seed);
        street_doorstep(s, 0);
        if (apart)
                street_apart(s, 1, 2);
        for (size_t i = 1; i < homes; i++) {
                street_shut(s, i);
                street_helper(s, i, true);
        }
        return settle(s, homes);
}

static struct hash post(struct street *s, size_t i, enum wire_alert_kind kind, const char *text) {
        struct hash id = {{0}};
        bool done = false;
        AGAIN_UNTIL(done, done = street_post(s, i, kind, text, &id) == MESH_OUT_DONE);
        return id;
}

static struct hash follow(struct street *s, size_t i, enum wire_e_record type, const struct hash *about) {
        struct hash id = {{0}};
        bool done = false;
        AGAIN_UNTIL(done, done = street_follow(s, i, type, about, "more of it", &id) == MESH_OUT_DONE);
        return id;
}

/* Until home @i itself knows that @target is in or out; what was typed twice is refused the second time. */
static void vote(struct street *s, size_t i, enum wire_e_op type, size_t target, size_t members) {
        AGAIN_UNTIL(street_members(s, i) == members, street_vote(s, i, type, target));
}

static void cut(struct street *s, size_t n, size_t half, bool apart) {
        for (size_t a = 0; a < half; a++)
                for (size_t b = half; b < n; b++)
                        (apart ? street_cut : street_mend)(s, a, b);
}

static void make_code(struct street *s, size_t i, size_t door, struct buf *ret) {
        bool made = false;
        AGAIN_UNTIL(made, (buf_clear(ret), made = street_code_try(s, i, door, ret)));
}

static bool code_is_back(struct street *s, size_t i) {
        struct mesh_code c, last = {.state = 0};
        for (size_t k = 0; mesh_code_at(street_core(s, i), k, &c); k++)
                last = c;
        return last.state == CODE_TAKEN_BACK;
}

static bool ticket_is_back(struct street *s, size_t i) {
        struct mesh_ticket t, last = {.revoked = false};
        for (size_t k = 0; mesh_ticket_at(street_core(s, i), k, &t); k++)
                last = t;
        return last.revoked;
}

/* Home @i holds the device of home @of for revoked. */
static bool is_gone(struct street *s, size_t i, size_t of) {
        struct sign_key sign;
        sign_key_from_seed(&sign, street_config(s, of)->sign_seed);
        const struct roster_device *d = roster_device_find(mesh_roster(street_core(s, i)), &sign.pub);
        return d && d->gone_at;
}

/* ---- what has to be so in the end ---- */

struct end {
        size_t homes;   /* the first so many are looked at … */
        unsigned out;   /* … but for these: bits of homes that are no longer members */
        unsigned muted; /* bits of homes that have contradicted themselves */
        size_t members;
        struct hash have[8]; /* everybody reads these */
        size_t n_have;
};

static bool is_so(struct street *s, void *ctx) {
        const struct end *e = ctx;
        for (size_t i = 0; i < e->homes; i++) {
                if (e->out >> i & 1)
                        continue;
                enum wire_e_fresh state = e->muted >> i & 1 ? FRESH_MUTED : FRESH_CURRENT;
                if (!mesh_roster(street_core(s, i)) || street_members(s, i) != e->members ||
                    street_state(s, i) != state)
                        return false;
                for (size_t k = 0; k < e->n_have; k++)
                        if (!street_has(s, i, &e->have[k]))
                                return false;
        }
        return true;
}

/* Once more after a night: what a disk gives back has to be read again, too. */
static void ends(struct street *s, struct end e) {
        for (size_t i = 0; i < e.homes; i++)
                if (street_core(s, i)) {
                        street_off(s, i);
                        street_on(s, i);
                }
        bool so = street_wait(s, PATIENCE, is_so, &e);
        for (size_t i = 0; !so && i < e.homes; i++) {
                fprintf(stderr, "# home %zu: state %d, reads", i, (int)street_state(s, i));
                for (size_t k = 0; k < e.n_have; k++)
                        fprintf(stderr, " %d", street_has(s, i, &e.have[k]));
                fprintf(stderr, "\n");
        }
        REQUIRE(so);
        street_free(s);
}

/* ---- the stories ---- */

/* A mesh is founded; homes come on a ticket, post, and answer. One was off, and one is switched on anew. */
static void evening(void) {
        struct street *s = street_of(4, 0);
        struct end e = {.homes = 4, .members = 4, .n_have = 4};
        e.have[0] = post(s, 1, KIND_FIRE, "smoke over the bakery");
        street_off(s, 3);
        e.have[1] = post(s, 2, KIND_THEFT, "a bicycle is gone");
        e.have[2] = follow(s, 1, RECORD_COMMENT, &e.have[0]);
        e.have[3] = follow(s, 2, RECORD_CONFIRM, &e.have[0]);
        follow(s, 1, RECORD_RESOLVE, &e.have[0]);
        struct hash back = post(s, 0, KIND_THEFT, "not what it looked like");
        follow(s, 0, RECORD_RETRACT, &back);
        street_on(s, 3);
        street_off(s, 1);
        street_run_for(s, 30);
        street_on(s, 1);
        REQUIRE(street_wait(s, PATIENCE, is_so, &e));
        REQUIRE(!street_has(s, 3, &back));
        ends(s, e);
}

/* Two halves that hear nothing of each other: in each a home leaves, so that each has a key of its own; then a third. And
 * one home is voted out by two. */
static void halves(void) {
        struct street *s = street_of(7, 0);
        struct end e = {.homes = 7, .members = 4, .out = 1 << 2 | 1 << 5 | 1 << 6, .n_have = 3};
        street_run_for(s, 30);
        street_vote(s, 0, OP_PROMOTE, 3);
        street_run_for(s, PAUSE);
        cut(s, 7, 3, true);
        vote(s, 2, OP_LEAVE, 2, 6);
        vote(s, 5, OP_LEAVE, 5, 6);
        e.have[0] = post(s, 1, KIND_FIRE, "left");
        e.have[1] = post(s, 4, KIND_FIRE, "right");
        cut(s, 7, 3, false);
        street_run_for(s, 500);
        AGAIN_UNTIL(street_members(s, 0) == 4,
                    (street_vote(s, 0, OP_REMOVE, 6), street_run_for(s, PAUSE), street_endorse(s, 3, 6)));
        e.have[2] = post(s, 1, KIND_FIRE, "together");
        ends(s, e);
}

/* A second machine of a household comes on a code; another code is taken back; the machine is revoked. */
static void machines(void) {
        _clean_(buf_fini) struct buf code = BUF_NULL, other = BUF_NULL;
        struct street *s = street_of(2, 2);
        struct end e = {.homes = 2, .members = 2, .n_have = 2};
        street_run_for(s, 30);
        make_code(s, 0, 0, &code);
        AGAIN_UNTIL(belongs(s, 2), street_enrol(s, 2, buf_span(&code), "laptop"));
        make_code(s, 0, 1, &other);
        AGAIN_UNTIL(code_is_back(s, 0), street_code_back(s, 0));
        REQUIRE(street_enrol(s, 3, buf_span(&other), "tablet") != MESH_OUT_DONE);
        street_run_for(s, 60);
        e.have[0] = e.have[1] = post(s, 2, KIND_FIRE, "from the laptop");
        REQUIRE(street_wait(s, PATIENCE, is_so, &e));
        AGAIN_UNTIL(is_gone(s, 0, 2), street_revoke_device(s, 0, 2));
        e.have[1] = post(s, 0, KIND_FIRE, "without the laptop");
        REQUIRE(street_wait(s, PATIENCE, is_so, &e));
        REQUIRE(is_gone(s, 1, 2) && !street_has(s, 2, &e.have[1]));
        ends(s, e);
}

/* Tickets: one that nobody used is revoked, a use of another is undone within the day. */
static void tickets(void) {
        _clean_(buf_fini) struct buf ticket = BUF_NULL, later = BUF_NULL;
        struct street *s = street_of(3, 2);
        struct end e = {.homes = 4, .members = 3, .out = 1 << 3, .n_have = 1};
        invite(s, 1, 2, &ticket);
        join(s, 3, &ticket);
        invite(s, 1, 2, &later);
        AGAIN_UNTIL(ticket_is_back(s, 1), street_revoke(s, 1));
        REQUIRE(street_join(s, 4, (const char *)later.p) != MESH_OUT_DONE);
        street_run_for(s, 30);
        vote(s, 1, OP_INVITE_UNDO, 3, 3);
        e.have[0] = post(s, 1, KIND_FIRE, "among us");
        ends(s, e);
}

/* On the same wire: homes find each other where they have moved to. */
static void moving(void) {
        struct street *s = street_of(3, 0);
        struct end e = {.homes = 3, .members = 3, .n_have = 1};
        street_run_for(s, 700); /* contacts have gone round */
        for (size_t i = 0; i < 3; i++)
                street_lan(s, i, true);
        street_run_for(s, 60);
        for (size_t i = 0; i < 3; i++)
                street_move(s, i);
        street_run_for(s, 400);
        e.have[0] = post(s, 2, KIND_FIRE, "at the new place");
        ends(s, e);
}

/* A disk that loses what it had, one that is full for a while, and one that is put back as it was a week ago. */
static void disks(void) {
        struct street *s = street_of(3, 0);
        struct end e = {.homes = 3, .members = 3, .muted = 1 << 0, .n_have = 2};
        e.have[0] = post(s, 1, KIND_FIRE, "smoke");
        REQUIRE(street_wait_all_have(s, &e.have[0], PATIENCE));
        street_copy_disk(s, 0);
        post(s, 0, KIND_THEFT, "the one");
        street_run_for(s, 30);
        street_off(s, 0);
        street_old_disk(s, 0);
        street_off(s, 2);
        street_disk_damage(s, 2, &e.have[0]);
        street_on(s, 2);
        cut(s, 3, 1, true);
        street_on(s, 0);
        post(s, 0, KIND_THEFT, "the other, in the same slot");
        street_disk_full(s, 1, true);
        cut(s, 3, 1, false);
        street_run_for(s, 60);
        street_disk_full(s, 1, false);
        street_run_for(s, 120);
        e.have[1] = post(s, 1, KIND_FIRE, "after all that");
        ends(s, e);
}

/* Away for so long that no key opens any more, and back with a neighbour's ticket. */
static void away(void) {
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        struct street *s = street_of(4, 0);
        struct end e = {.homes = 4, .members = 3, .out = 1 << 3, .n_have = 1};
        street_run_for(s, 60);
        street_off(s, 2);
        vote(s, 0, OP_REMOVE, 3, 3);
        for (size_t i = 0; i < 4; i++)
                street_off(s, i); /* 40 nights: nothing depends on what happens in them */
        street_run_for(s, 40 * DAY);
        for (size_t i = 0; i < 3; i++)
                street_on(s, i);
        e.have[0] = post(s, 0, KIND_FIRE, "while away");
        invite(s, 1, 1, &ticket);
        AGAIN_UNTIL(street_links(s, 2), street_refresh(s, 2, (const char *)ticket.p, NULL));
        ends(s, e);
}

/* What a backup of home @lost holds. */
struct saved {
        struct mesh_recover r;
        struct key keys[MESH_PSKS_MAX];
        struct mesh_way ways[8];
        struct span ops[16];
        struct buf bytes[16];
};

static void save(struct street *s, size_t lost, struct saved *ret) {
        const struct mesh_config *cfg = street_config(s, lost);
        const struct roster *r = mesh_roster(street_core(s, lost));
        struct sign_key device;
        const struct roster_op *op;
        sign_key_from_seed(&device, cfg->sign_seed);
        *ret = (struct saved){.r = {.mesh = *roster_mesh(r), .device = device.pub, .noise = cfg->noise_secret}};
        ret->r.household = roster_device_find(r, &device.pub)->home->key;
        ret->r.n_keys = mesh_psks(street_core(s, lost), ret->keys);
        ret->r.n_ways = mesh_ways(street_core(s, lost), ret->ways, ARRAY_LEN(ret->ways));
        for (size_t k = 0; (op = roster_op_at(r, k)); k++) {
                REQUIRE(k < ARRAY_LEN(ret->ops));
                buf_add(&ret->bytes[k], op->bytes);
                ret->ops[k] = buf_span(&ret->bytes[k]);
                ret->r.n_ops = k + 1;
        }
        ret->r.keys = ret->keys;
        ret->r.ways = ret->ways;
        ret->r.ops = ret->ops;
}

static bool waits_for_vault(struct street *s, size_t i) {
        struct hash mesh;
        struct key household, old;
        return mesh_recovering(street_core(s, i), &mesh, &household, &old);
}

/* Home 1's disk is lost: another machine takes its place, with what its backup held. */
static void restored(void) {
        struct saved saved;
        struct street *s = street_of(3, 1);
        struct end e = {.homes = 4, .members = 3, .out = 1 << 1, .n_have = 2};
        street_run_for(s, 60);
        e.have[0] = post(s, 0, KIND_FIRE, "before");
        save(s, 1, &saved);
        street_off(s, 1);
        for (int i = 0; i < TRIES && !waits_for_vault(s, 3) && !belongs(s, 3); i++)
                street_recover(s, 3, &saved.r, PAUSE);
        street_off(s, 3); /* what it waits for is asked again */
        street_on(s, 3);
        street_run_for(s, PAUSE);
        AGAIN_UNTIL(belongs(s, 3), waits_for_vault(s, 3) ? street_replace(s, 3, 1, PATIENCE) : (void)0);
        e.have[1] = post(s, 3, KIND_FIRE, "as before");
        for (size_t k = 0; k < ARRAY_LEN(saved.bytes); k++)
                buf_fini(&saved.bytes[k]);
        ends(s, e);
}

/* More leave at once than one key can name, without having heard of each other; one home hears of all, and then the other. */
static void exodus(void) {
        enum { STAY = 2, HOMES = STAY + 18 };
        struct street *s = street_of(HOMES, 0);
        struct end e = {.homes = STAY, .members = STAY, .n_have = 2};
        street_run_for(s, 30);
        for (size_t i = STAY; i < HOMES; i++)
                for (size_t k = 0; k < i; k++)
                        street_cut(s, i, k);
        for (size_t i = STAY; i < HOMES; i++)
                vote(s, i, OP_LEAVE, i, HOMES - 1);
        street_off(s, 0);
        for (size_t i = STAY; i < HOMES; i++)
                street_mend(s, i, 1);
        AGAIN_UNTIL(street_members(s, 1) == 1 + 1, street_run_for(s, PATIENCE));
        for (size_t i = STAY; i < HOMES; i++)
                street_off(s, i);
        e.have[0] = post(s, 1, KIND_FIRE, "who is still here?");
        street_on(s, 0);
        e.have[1] = post(s, 0, KIND_FIRE, "the two of us");
        ends(s, e);
}

/* ---- no way but by others ---- */
#define QUOTA (1000 * UINT64_C(1000000)) /* bytes that the third one passes on in a day */
#define WAY_TIME 400 /* seconds until a new way to somebody has been found, or something else has failed */

static bool is_linked(struct street *s, size_t a, size_t b) {
        struct mesh_peer p;
        struct sign_key device;
        sign_key_from_seed(&device, street_config(s, b)->sign_seed);
        for (size_t i = 0; mesh_peer_at(street_core(s, a), i, &p); i++)
                if (key_eq(&p.device, &device.pub))
                        return true;
        return false;
}

/* A link for footage to home @to; something is asked over it, and it is given up. */
static void haul(struct street *s, size_t i, size_t to) {
        struct wire_haul_clip asked = {.clip = SPAN_OF(((struct hash){{7}}).b)};
        mesh_link link;
        bool up = street_haul(s, i, to, &link) == MESH_OUT_DONE;
        AGAIN_UNTIL(up, (street_run_for(s, WAY_TIME), up = street_haul(s, i, to, &link) == MESH_OUT_DONE));
        street_haul_say(s, i, link, LINK_SEEK, &asked);
        street_run_for(s, PAUSE);
        street_haul_end(s, i, link);
        street_run_for(s, PAUSE);
}

/* Two that nobody can call meet by what a third one says to each of them; so does a clip. */
static void meeting(void) {
        struct street *s = street_behind(3, false);
        struct end e = {.homes = 3, .members = 3, .n_have = 2};
        AGAIN_UNTIL(is_linked(s, 1, 2), street_run_for(s, WAY_TIME));
        e.have[0] = post(s, 1, KIND_FIRE, "behind the router");
        haul(s, 1, 2);
        street_apart(s, 1, 2);
        street_cut(s, 1, 2);
        street_run_for(s, WAY_TIME);
        street_mend(s, 1, 2);
        e.have[1] = post(s, 2, KIND_FIRE, "by the third one");
        ends(s, e);
}

/* They cannot meet, either: the third one passes their bytes on. One that tells nobody where it is says at once by whom. */
static void by_a_third(bool hides) {
        struct street *s = street_behind(3, true);
        struct end e = {.homes = 3, .members = 3, .n_have = 2};
        if (hides)
                street_hide(s, 1);
        street_relays(s, 0, QUOTA);
        AGAIN_UNTIL(is_linked(s, 1, 2), street_run_for(s, 2 * WAY_TIME));
        e.have[0] = post(s, 1, KIND_FIRE, "through the third one");
        haul(s, 2, 1);
        e.have[1] = post(s, 2, KIND_FIRE, "and back");
        ends(s, e);
}

static void passed(void) {
        by_a_third(false);
}

static void hidden(void) {
        by_a_third(true);
}

static const struct {
        const char *name;
        void (*tell)(void);
} stories[] = {
        {"evening", evening}, {"halves", halves},   {"machines", machines}, {"tickets", tickets},
        {"moving", moving},   {"disks", disks},     {"away", away},         {"restored", restored},
        {"exodus", exodus},   {"meeting", meeting}, {"passed", passed},     {"hidden", hidden},
};

int main(int argc, char **argv) {
        unsigned only = 0, wrong = 0;
        char name[32] = "";
        bool all = argc == 2 && strcmp(argv[1], "--all") == 0;
        if (argc == 3 && strcmp(argv[1], "--only") == 0)
                REQUIRE(sscanf(argv[2], "%31[a-z]:%u", name, &only) == 2);
        seed = street_seed();
        printf("1..%zu\n", ARRAY_LEN(stories));
        for (size_t i = 0; i < ARRAY_LEN(stories); i++) {
                struct scarce_report r;
                if (*name && strcmp(name, stories[i].name) != 0)
                        continue;
                scarce_tell(stories[i].tell, all, only, &r);
                printf("# %s: failed on %u ways, %u of them ended the process\n", stories[i].name, r.ways, r.refused);
                if (r.first_wrong_at)
                        printf("# again, if it was with --all: test-core-memory --only %s:%u\n", stories[i].name,
                               r.first_wrong_at);
                printf("%sok %zu - memory runs out: %s\n", r.wrong ? "not " : "", i + 1, stories[i].name);
                fflush(stdout);
                wrong += r.wrong;
        }
        return wrong != 0;
}
