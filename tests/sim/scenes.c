/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stories of streets that nobody wishes for, told as facts: who is a member at whom, under which key each home writes, who
 * can read what. `scenes NAME` prints one; scenes/NAME.txt is what it has to say, so that whoever changes a rule reads what
 * comes of it. `scenes NAME TWIST` tells it of cores that lack one rule (twists.c). Keys have letters in the order in which
 * they appear.
 */
#include "core/core.h"
#include "core/epoch.h"
#include "core/link.h"
#include "core/relay.h"
#include "roster/roster.h"
#include "sim/twists.h"
#include "support/street.h"

#include <stdio.h>

#define HOUR 3600.0
#define WEEK (7 * 24 * HOUR)
#define KEYS_MOST 26
#define POSTS_MOST 8

#define HOMES_MOST 8

static struct story {
        struct street *s;
        size_t homes, n_keys;
        struct key household[HOMES_MOST];
        uint8_t keys[KEYS_MOST][16];
        size_t n_posts;
        struct {
                struct hash id;
                const char *text;
        } posts[POSTS_MOST];
} story;

static char letter(const struct epoch *e) {
        for (size_t i = 0; e && i < story.n_keys; i++)
                if (memcmp(story.keys[i], e->id, sizeof(e->id)) == 0)
                        return (char)('A' + i);
        if (!e || story.n_keys == KEYS_MOST)
                return '-';
        memcpy(story.keys[story.n_keys], e->id, sizeof(e->id));
        return (char)('A' + story.n_keys++);
}

static void learn_household(size_t i) {
        struct mesh_status st;
        mesh_status(street_core(story.s, i), &st);
        story.household[i] = st.household;
}

static void begin(const char *title, size_t homes) {
        printf("%s\n\n", title);
        story = (struct story){.s = street_new(homes, 1), .homes = homes};
        for (size_t i = 0; i < homes; i++)
                learn_household(i);
        street_run_for(story.s, 60);
}

/* So many of them are members; the others are in no mesh yet. */
static void begin_with(const char *title, size_t homes, size_t members) {
        printf("%s\n\n", title);
        story = (struct story){.s = street_bare(homes, 1), .homes = homes};
        REQUIRE(street_found(story.s, 0) == MESH_OUT_DONE);
        for (size_t i = 1; i < members; i++)
                REQUIRE(street_join(story.s, i, street_invite(story.s, 0, 1)) == MESH_OUT_DONE);
        for (size_t i = 0; i < members; i++)
                learn_household(i);
        street_run_for(story.s, 60);
}

/* ---- what is told ---- */
/* A further device of a household is told of at its first one. */
static bool is_further(size_t i) {
        for (size_t k = 0; k < i; k++)
                if (key_eq(&story.household[k], &story.household[i]))
                        return true;
        return false;
}

static void look_at(size_t i) {
        const struct mesh *m = street_core(story.s, i);
        if (!m) {
                printf("    home %zu is off\n", i);
                return;
        }
        printf("    home %zu knows", i);
        for (size_t k = 0; k < story.homes; k++) {
                const struct roster_home *h = roster_home_find(mesh_roster(m), &story.household[k]);
                if (h && h->member && !is_further(k))
                        printf(" %zu%s", k, h->steward ? "*" : "");
        }
        if (m->member)
                printf(", writes under key %c\n", letter(epoch_usable(m)));
        else
                printf(", is no member\n");
}

/* Members as each home sees them, stewards with a star, and the key it writes under. */
static void look(double after, const char *unit, double in_seconds) {
        street_run_for(story.s, after * in_seconds);
        printf("  after %g %s\n", after, unit);
        for (size_t i = 0; i < story.homes; i++)
                look_at(i);
}

static void votes(size_t i, enum wire_e_op type, const char *what, size_t target) {
        enum mesh_outcome o = street_vote(story.s, i, type, target);
        printf("home %zu signs: %s home %zu (%s)\n", i, what, target, mesh_outcome(o)->name);
}

static void endorses(size_t i, const char *what, size_t target) {
        enum mesh_outcome o = street_endorse(story.s, i, target);
        printf("home %zu votes for %s home %zu (%s)\n", i, what, target, mesh_outcome(o)->name);
}

static void posts(size_t i, const char *text) {
        struct hash id;
        enum mesh_outcome o = street_post(story.s, i, KIND_OTHER, text, &id);
        printf("home %zu posts \"%s\" (%s)", i, text, mesh_outcome(o)->name);
        street_run_for(story.s, 60);
        printf(o == MESH_OUT_DONE ? ", read by" : "");
        for (size_t k = 0; o == MESH_OUT_DONE && k < story.homes; k++)
                if (street_has(story.s, k, &id))
                        printf(" %zu", k);
        printf("\n");
        if (o != MESH_OUT_DONE || story.n_posts == POSTS_MOST)
                return;
        story.posts[story.n_posts].id = id;
        story.posts[story.n_posts++].text = text;
}

/* Of all that was posted so far. */
static void readers(void) {
        for (size_t i = 0; i < story.n_posts; i++) {
                printf("    \"%s\" is there to read at", story.posts[i].text);
                for (size_t k = 0; k < story.homes; k++)
                        if (street_has(story.s, k, &story.posts[i].id))
                                printf(" %zu", k);
                printf("\n");
        }
}

static void part(size_t first, bool cut) {
        for (size_t a = 0; a < first; a++)
                for (size_t b = first; b < story.homes; b++)
                        (cut ? street_cut : street_mend)(story.s, a, b);
        printf("the first %zu of them and the others %s\n", first, cut ? "are cut off from each other" : "meet again");
}

static bool among(const char *homes, size_t i) {
        for (; *homes; homes++)
                if ((size_t)(*homes - '0') == i)
                        return true;
        return false;
}

/* @homes: their numbers, a digit each. */
static void cut_off(const char *homes) {
        for (size_t a = 0; a < story.homes; a++)
                for (size_t b = a + 1; b < story.homes; b++)
                        if (among(homes, a) != among(homes, b))
                                street_cut(story.s, a, b);
        printf("cut off from the others:");
        for (; *homes; homes++)
                printf(" %c", *homes);
        printf("\n");
}

static void meet(void) {
        for (size_t a = 0; a < story.homes; a++)
                for (size_t b = a + 1; b < story.homes; b++)
                        street_mend(story.s, a, b);
        printf("all meet again\n");
}

/* ---- the stories ---- */
/* Home 0 is one, and makes the next ones it, with the votes it takes. */
static void stewards(size_t last) {
        for (size_t i = 1; i <= last; i++) {
                votes(0, OP_PROMOTE, "the promotion of", i);
                street_run_for(story.s, 10);
                if (i > 1)
                        endorses(1, "the promotion of", i);
                street_run_for(story.s, 10);
        }
}

static void three_stewards(void) {
        begin("Three stewards, each of whom has another one removed", 4);
        stewards(2);
        for (size_t i = 0; i < 3; i++)
                cut_off((const char[]){(char)('0' + i), 0});
        votes(0, OP_REMOVE, "the removal of", 1);
        votes(1, OP_REMOVE, "the removal of", 2);
        votes(2, OP_REMOVE, "the removal of", 0);
        meet();
        look(1, "hour", HOUR);
        for (size_t i = 0; i < 3; i++)
                cut_off((const char[]){(char)('0' + i), 0});
        endorses(0, "the removal of", 2);
        endorses(1, "the removal of", 0);
        endorses(2, "the removal of", 1);
        look(1, "minute", 60);
        meet();
        cut_off("0"); /* who meets whom first is not left to chance */
        cut_off("1");
        look(1, "minute", 60);
        meet();
        cut_off("1"); /* who comes last is told by nobody */
        look(1, "minute", 60);
        meet();
        look(1, "hour", HOUR);
        posts(3, "who is left?");
}

/* Three stewards are enough, and so are five of eight homes; more votes come first, also against who is more senior. */
static void four_stewards(void) {
        begin("Four stewards: three against one, and the ordinary homes on that one's side", 8);
        stewards(3);
        cut_off("24567");
        votes(0, OP_REMOVE, "the removal of", 2);
        votes(2, OP_REMOVE, "the removal of", 0);
        street_run_for(story.s, 10);
        endorses(1, "the removal of", 2);
        endorses(4, "the removal of", 0);
        endorses(5, "the removal of", 0);
        endorses(6, "the removal of", 0);
        look(1, "minute", 60);
        endorses(3, "the removal of", 2);
        endorses(7, "the removal of", 0);
        look(1, "minute", 60);
        meet();
        look(1, "hour", HOUR);
        posts(6, "who is left?");
}

static void backdated_operations(void) {
        begin("A removed steward signs what is to be of the day before", 6);
        stewards(2);
        votes(2, OP_REMOVE, "the removal of", 3); /* one vote short, until home 1 votes for it unseen */
        street_run_for(story.s, 10);
        cut_off("14");
        votes(0, OP_REMOVE, "the removal of", 1);
        street_run_for(story.s, 10);
        endorses(2, "the removal of", 1);
        look(1, "hour", HOUR);
        street_clock(story.s, 1, -24 * 3600);
        printf("home 1 sets its clock back by a day\n");
        endorses(1, "the removal of", 3);
        votes(1, OP_PROMOTE, "the promotion of", 4);
        votes(1, OP_REMOVE, "the removal of", 0);
        look(1, "minute", 60);
        meet();
        look(1, "hour", HOUR);
        posts(3, "still here");
}

static void one_ticket_twice(void) {
        begin_with("One invite spent on two sides of a cut", 5, 3);
        _clean_(buf_fini) struct buf ticket = BUF_NULL;
        buf_add_str(&ticket, street_invite(story.s, 0, 1));
        printf("home 0 writes a ticket for one home, and gives it to two\n");
        street_lan(story.s, 2, true);
        street_lan(story.s, 4, true);
        cut_off("24");
        enum mesh_outcome o = street_join(story.s, 3, buf_cstr(&ticket));
        printf("home 3 joins on it (%s)\n", mesh_outcome(o)->name);
        o = street_join(story.s, 4, buf_cstr(&ticket));
        printf("home 4, which hears home 2 on its local network, joins on it (%s)\n", mesh_outcome(o)->name);
        learn_household(3);
        learn_household(4);
        votes(1, OP_VOUCH, "its word for", 3);
        look(1, "minute", 60);
        posts(4, "hello");
        meet();
        look(1, "hour", HOUR);
        posts(0, "who is here?");
}

static void hub_and_laptop(void) {
        begin_with("Hub and laptop of one household apart", 4, 3);
        _clean_(buf_fini) struct buf code = BUF_NULL;
        street_code(story.s, 1, 1, &code);
        enum mesh_outcome o = street_enrol(story.s, 3, buf_span(&code), "laptop");
        printf("home 3 is the laptop of home 1 (%s)\n", mesh_outcome(o)->name);
        learn_household(3);
        street_run_for(story.s, 60);
        cut_off("23");
        posts(1, "from the hub");
        posts(3, "from the laptop");
        votes(1, OP_PROMOTE, "the promotion of", 2);
        meet();
        look(1, "hour", HOUR);
        readers();
        cut_off("23");
        o = street_revoke_device(story.s, 1, 3);
        printf("home 1 takes the laptop's certificate back (%s)\n", mesh_outcome(o)->name);
        street_run_for(story.s, 60);
        posts(3, "from the laptop, later");
        look(1, "minute", 60);
        meet();
        look(1, "hour", HOUR);
        readers();
        posts(0, "who reads this?");
}

static void stewards_remove_each_other(void) {
        begin("Two stewards remove each other, cut off", 3);
        votes(0, OP_PROMOTE, "the promotion of", 1);
        look(1, "minute", 60);
        part(1, true);
        votes(0, OP_REMOVE, "the removal of", 1);
        votes(1, OP_REMOVE, "the removal of", 0);
        look(1, "minute", 60);
        part(1, false);
        look(1, "hour", HOUR);
        posts(2, "who reads this?");
}

static void removals_on_both_sides(void) {
        begin("A removal and a leave on two sides of a cut, and one key after it", 6);
        part(3, true);
        votes(0, OP_REMOVE, "the removal of", 2);
        votes(5, OP_LEAVE, "the leaving of", 5);
        look(1, "hour", HOUR);
        part(3, false);
        look(1, "hour", HOUR);
        posts(1, "one street again");
}

/* What home 1 signed and posted since is with others: of two operations at one place of its chain the one they built on
 * stands, and a slot that is taken is not taken again. */
static void disk_of_last_week(void) {
        begin("A disk of last week", 4);
        street_copy_disk(story.s, 1);
        street_run_for(story.s, WEEK);
        votes(0, OP_REMOVE, "the removal of", 2);
        votes(1, OP_REMOVE, "the removal of", 3);
        street_run_for(story.s, 10);
        endorses(0, "the removal of", 3);
        street_run_for(story.s, HOUR);
        posts(1, "before");
        street_off(story.s, 1);
        street_old_disk(story.s, 1);
        printf("home 1 starts with its disk of a week ago\n");
        cut_off("1");
        street_on(story.s, 1);
        votes(1, OP_PROMOTE, "the promotion of", 3);
        look(10, "seconds", 1);
        meet();
        look(1, "hour", HOUR);
        posts(1, "after");
        readers();
}

static void clock_of_1970(void) {
        begin("A clock of 1970 in a mesh of two", 2);
        street_off(story.s, 1);
        street_clock(story.s, 1, -(int64_t)STREET_START);
        street_cut(story.s, 0, 1);
        street_on(story.s, 1);
        printf("home 1 starts, alone, without a clock\n");
        posts(1, "when is now?");
        street_mend(story.s, 0, 1);
        printf("home 0 is there again\n");
        look(1, "hour", HOUR);
        posts(1, "now");
}

/* ---- two homes that have no way to each other ---- */
#define DOORS 3
#define ONE 3
#define OTHER 4

/* The first ones can be called and pass bytes on; the last two can call out, and their helpers find nothing. */
static void begin_apart(const char *title) {
        printf("%s\n\n", title);
        story = (struct story){.s = street_bare(OTHER + 1, 1), .homes = OTHER + 1};
        for (size_t i = 0; i <= OTHER; i++)
                (i < DOORS ? street_doorstep : street_shut)(story.s, i);
        for (size_t i = 0; i < DOORS; i++)
                street_relays(story.s, i, UINT64_C(1000000000));
        street_apart(story.s, ONE, OTHER);
        street_helper(story.s, ONE, true);
        street_helper(story.s, OTHER, true);
        REQUIRE(street_found(story.s, 0) == MESH_OUT_DONE);
        for (size_t i = 1; i <= OTHER; i++)
                REQUIRE(street_join(story.s, i, street_invite(story.s, 0, 1)) == MESH_OUT_DONE);
        printf("homes 0 to %d can be called and pass bytes on; homes %d and %d can't, and there is no way between "
               "them\n",
               DOORS - 1, ONE, OTHER);
}

/* Who passes on between the two; SIZE_MAX: nobody. */
static size_t passing(void) {
        const struct link *l = link_to_device(street_core(story.s, ONE), &street_core(story.s, OTHER)->sign.pub);
        for (size_t i = 0; l && l->room && i < DOORS; i++)
                if (street_core(story.s, i) && key_eq(&street_core(story.s, i)->sign.pub, &l->room->doorstep))
                        return i;
        return SIZE_MAX;
}

static size_t look_between(const char *after, double seconds) {
        street_run_for(story.s, seconds);
        size_t by = passing();
        printf("  after %s home %d and home %d have ", after, ONE, OTHER);
        if (by == SIZE_MAX)
                printf("no link\n");
        else
                printf("a link by way of home %zu\n", by);
        return by;
}

/* One passes on and then nothing more, one gives nothing, and one is honest: which one is honest, the two find out. */
static void relays_that_are_none(void) {
        begin_apart("Relays that are none, and one that is");
        size_t silent = look_between("20 minutes", 1200);
        REQUIRE(silent < DOORS);
        street_hold(story.s, silent, ONE, 24 * HOUR);
        printf("what home %zu passes on does not arrive any more, but its links stand\n", silent);
        size_t spent = look_between("10 minutes", 600);
        REQUIRE(spent < DOORS && spent != silent);
        posts(ONE, "do you read this?");
        street_relays(story.s, spent, 0);
        printf("home %zu has no more bytes to give\n", spent);
        look_between("10 minutes", 600);
        posts(OTHER, "and this?");
}

int main(int argc, char **argv) {
        static const struct {
                const char *name;
                void (*tell)(void);
        } stories[] = {{"two-stewards", stewards_remove_each_other},
                       {"three-stewards", three_stewards},
                       {"four-stewards", four_stewards},
                       {"backdated", backdated_operations},
                       {"both-sides", removals_on_both_sides},
                       {"one-ticket", one_ticket_twice},
                       {"hub-and-laptop", hub_and_laptop},
                       {"old-disk", disk_of_last_week},
                       {"1970", clock_of_1970},
                       {"relays", relays_that_are_none}};
        if (argc == 3 && !twist_all(argv[2]))
                return 2;
        for (size_t i = 0; argc > 1 && i < ARRAY_LEN(stories); i++) {
                if (!span_eq(span_str(argv[1]), span_str(stories[i].name)))
                        continue;
                stories[i].tell();
                street_free(story.s);
                return 0;
        }
        return 2;
}
