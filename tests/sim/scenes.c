/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stories of streets that nobody wishes for, told as facts: who is a member at whom, under which key each home writes, who
 * can read what. `scenes NAME` prints one; scenes/NAME.txt is what it has to say, so that whoever changes a rule reads what
 * comes of it. Keys have letters in the order in which they appear.
 */
#include "core/core.h"
#include "core/epoch.h"
#include "roster/roster.h"
#include "support/street.h"

#include <stdio.h>

#define HOUR 3600.0
#define WEEK (7 * 24 * HOUR)
#define KEYS_MOST 26

#define HOMES_MOST 8

static struct story {
        struct street *s;
        size_t homes, n_keys;
        struct key household[HOMES_MOST];
        uint8_t keys[KEYS_MOST][16];
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

static void begin(const char *title, size_t homes) {
        printf("%s\n\n", title);
        story = (struct story){.s = street_new(homes, 1), .homes = homes};
        for (size_t i = 0; i < homes; i++) {
                struct mesh_status st;
                mesh_status(street_core(story.s, i), &st);
                story.household[i] = st.household;
        }
        street_run_for(story.s, 60);
}

/* ---- what is told ---- */
static void look_at(size_t i) {
        const struct mesh *m = street_core(story.s, i);
        if (!m) {
                printf("    home %zu is off\n", i);
                return;
        }
        printf("    home %zu knows", i);
        for (size_t k = 0; k < story.homes; k++) {
                const struct roster_home *h = roster_home_find(mesh_roster(m), &story.household[k]);
                if (h && h->member)
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
}

static void part(size_t first, bool cut) {
        for (size_t a = 0; a < first; a++)
                for (size_t b = first; b < story.homes; b++)
                        (cut ? street_cut : street_mend)(story.s, a, b);
        printf("the first %zu of them and the others %s\n", first, cut ? "are cut off from each other" : "meet again");
}

/* ---- the stories ---- */
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

static void disk_of_last_week(void) {
        begin("A disk of last week", 3);
        street_copy_disk(story.s, 1);
        posts(1, "before");
        street_run_for(story.s, WEEK);
        votes(0, OP_REMOVE, "the removal of", 2);
        street_run_for(story.s, HOUR);
        street_off(story.s, 1);
        street_old_disk(story.s, 1);
        printf("home 1 starts with its disk of a week ago\n");
        street_on(story.s, 1);
        look(10, "seconds", 1);
        look(1, "hour", HOUR);
        posts(1, "after");
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

int main(int argc, char **argv) {
        const char *name = argc == 2 ? argv[1] : "";
        if (span_eq(span_str(name), SPAN_STR("two-stewards")))
                stewards_remove_each_other();
        else if (span_eq(span_str(name), SPAN_STR("both-sides")))
                removals_on_both_sides();
        else if (span_eq(span_str(name), SPAN_STR("old-disk")))
                disk_of_last_week();
        else if (span_eq(span_str(name), SPAN_STR("1970")))
                clock_of_1970();
        else
                return 2;
        street_free(story.s);
        return 0;
}
