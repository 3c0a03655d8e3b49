/* SPDX-License-Identifier: Apache-2.0 */
/* Whole nodes in which something fails once (support/mishap.h), at each way to it: nothing acknowledged is lost, no check fails, every no
 * has a name, and what was asked is done when it is asked again. */
#include "node/node.h"
#include "support/court.h"
#include "support/mishap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLACE "52.5163,13.3777"

#define HAS_MESH "household-exists|in-a-mesh"

static struct court_home *anna, *ben, *carla;

static void founded(void) {
        court_begin();
        anna = court_home("Anna");
        court_done_or(HAS_MESH, anna, "mesh", "create", "Elm Street", "--household", "Anna", "--at", PLACE,
                      "--no-passphrase", NULL);
}

static void joined(struct court_home *h) {
        char ticket[2048];
        snprintf(ticket, sizeof(ticket), "%s", court_value(court_done(anna, "invite", NULL), "ticket"));
        court_done_or(HAS_MESH, h, "join", ticket, "--household", court_name(h), "--no-passphrase", NULL);
}

static void two_homes(void) {
        founded();
        ben = court_home("Ben");
        joined(ben);
        court_shows("\"homes\":2", anna, "status", NULL);
}

static char text[COURT_HOMES + 4][512];

/* A value kept for longer than the next command. */
static char *kept(int i, const char *value) {
        snprintf(text[i], sizeof(text[i]), "%s", value);
        return text[i];
}

static char *clip_of(struct court_home *h, int i, size_t bytes) {
        return kept(i, court_value(court_done(h, "clip", "add", court_file(bytes, (unsigned)i), "--camera", "front",
                                              "--from", "-10min", "--to", "-9min", NULL),
                                   "id"));
}

static char *out_file(struct court_home *h, int i) {
        snprintf(text[i], sizeof(text[i]), "%s.out", court_dir(h));
        return text[i];
}

/* What `clip list` is not to show. */
static const char *not_here(const char *clip) {
        static char wanted[128];
        snprintf(wanted, sizeof(wanted), "!%.80s\",\"state\":\"here\"", clip);
        return wanted;
}

/* ---- stories ---- */

static void story_street(void) {
        two_homes();
        court_watch(ben);
        const char *id = kept(0, court_post(anna, "fire", "Behind the garages"));
        court_post(ben, "noise", "Drums");
        court_shows(id, ben, "nearby", NULL);
        court_done(ben, "alert", "confirm", id, NULL);
        court_done(ben, "alert", "comment", id, "Seen as well", NULL);
        court_shows("Seen as well", anna, "alert", "show", id, NULL);
        court_done(anna, "alert", "update", id, "--severity", "minor", NULL);
        court_done_or("over", anna, "alert", "resolve", id, NULL);
        court_done(anna, "peers", NULL);
        court_done(anna, "member", "list", NULL);
        court_done(anna, "mesh", "show", NULL);
        court_done(anna, "device", "list", NULL);
        court_done(anna, "invite", "list", NULL);
        court_done(anna, "inbox", NULL);
        court_end();
}

static void story_own(void) {
        founded();
        court_done(anna, "mute", "add", "--kind", "noise", NULL);
        court_done(anna, "mute", "list", NULL);
        court_done_or("not-muted", anna, "mute", "remove", "--kind", "noise", NULL);
        court_done(anna, "place", "add", "School", "52.52,13.38", NULL);
        court_done(anna, "place", "list", NULL);
        court_done_or("no-such-place", anna, "place", "remove", "School", NULL);
        const char *ticket = kept(0, court_value(court_done(anna, "invite", "--for", "Carla", NULL), "ticket"));
        court_done(anna, "invite", "show", ticket, NULL);
        court_done_or("no-such-ticket", anna, "invite", "revoke", "Carla", NULL);
        court_restart(anna);
        court_shows("!\"open\"", anna, "invite", "list", NULL);
        court_done(anna, "device", "invite", NULL);
        court_done(anna, "device", "codes", NULL);
        court_done(anna, "peer", "add", "127.0.0.1:9", NULL);
        court_done(anna, "vault", "show", NULL);
        court_end();
}

static void story_clips(void) {
        founded();
        char *clip = clip_of(anna, 0, 200000), *small = clip_of(anna, 1, 10);
        court_done(anna, "clip", "list", NULL);
        court_done(anna, "clip", "show", clip, NULL);
        court_done(anna, "clip", "keep", clip, NULL);
        court_done(anna, "clip", "keep", "--off", clip, NULL);
        court_done(anna, "camera", "policy", "front", "announce", NULL);
        court_done(anna, "camera", "list", NULL);
        court_done(anna, "clip", "get", clip, "-o", out_file(anna, 2), NULL);
        court_done(anna, "clip", "who-can-read", clip, NULL);
        court_done(anna, "camera", "keep", "front", "2h", NULL);
        court_done(anna, "post", "theft", "A bicycle", "--clip", clip, NULL);
        court_done(anna, "ask", "post", "--area", "home", "--radius", "300m", "--from", "-20min", "--to", "-1min",
                   "--reason", "a bicycle", NULL);
        court_done(anna, "ask", "list", NULL);
        court_done_or("no-such-clip", anna, "clip", "destroy", small, "--yes", NULL);
        court_shows("!no such", anna, "clip", "list", NULL);
        court_end();
}

static void story_given(void) {
        two_homes();
        char *clip = clip_of(anna, 0, 300000), *out = out_file(ben, 1);
        court_done(anna, "clip", "share", clip, "--with", "Ben", "--purpose", "the bicycle", "--yes", NULL);
        court_shows(clip, ben, "inbox", NULL);
        court_done_or("file-exists", ben, "clip", "get", clip, "-o", out, NULL);
        court_shows("complete", anna, "ledger", "list", NULL);
        const char *grant = kept(2, court_value(court_done(anna, "grant", "list", NULL), "grant"));
        court_done(ben, "clip", "list", NULL);
        court_done_or("grant-revoked", anna, "grant", "revoke", grant, "--yes", NULL);
        court_shows("!\"state\":\"open\"", anna, "grant", "list", NULL);
        court_end();
}

static void story_asked(void) {
        two_homes();
        char *clip = clip_of(anna, 0, 1000), *out = out_file(ben, 1);
        court_done(anna, "post", "theft", "A bicycle", "--clip", clip, NULL);
        court_shows(clip, ben, "nearby", NULL);
        court_done_or("asked-already", ben, "clip", "request", clip, "--reason", "it was mine", NULL);
        court_shows("it was mine", anna, "inbox", NULL);
        const char *request = kept(2, court_value(court_done(anna, "inbox", NULL), "id"));
        court_done(ben, "grant", "requests", NULL);
        court_done_or("given", anna, "grant", "give", request, "--purpose", "the bicycle", "--yes", NULL);
        court_shows("bicycle", ben, "inbox", NULL);
        court_done_or("file-exists", ben, "clip", "get", clip, "-o", out, NULL);
        court_done_or("no-such-clip", anna, "clip", "destroy", clip, "--yes", NULL);
        court_end();
}

static void story_kin(void) {
        founded();
        struct court_home *laptop = court_home("laptop");
        char *code = kept(0, court_value(court_done(anna, "device", "invite", NULL), "code"));
        court_done_or(HAS_MESH, laptop, "device", "join", code, "--as", "laptop", "--no-passphrase", NULL);
        court_shows("laptop", anna, "device", "list", NULL);
        court_restart(laptop); /* with nobody in the mesh but its own home it links to that */
        court_shows("\"up\":true", laptop, "peers", NULL);
        char *clip = clip_of(laptop, 1, 100000);
        court_shows(clip, anna, "clip", "list", NULL);
        court_shows("\"told\":true", laptop, "clip", "list", NULL);
        court_done(anna, "clip", "get", clip, "-o", out_file(anna, 2), NULL);
        court_done_or("no-such-clip", anna, "clip", "destroy", clip, "--yes", NULL);
        court_shows(not_here(clip), laptop, "clip", "list", NULL);
        court_end();
}

static void story_told(void) {
        two_homes();
        char *clip = clip_of(anna, 0, 70000);
        court_watch(ben);
        court_done(anna, "camera", "policy", "front", "announce", NULL);
        court_pass(1000); /* a quarter of an hour is told of when it is over */
        court_shows("household", ben, "clip", "notices", NULL);
        court_done(anna, "post", "theft", "A bicycle", "--clip", clip, "--notice", NULL);
        court_shows(clip, ben, "clip", "notices", NULL);
        court_done(ben, "mute", "add", "Anna", NULL);
        court_shows("!bicycle", ben, "nearby", NULL);
        court_restart(anna);
        court_done_or("no-such-ask|no-such-alert", anna, "ask", "retract",
                      kept(2, court_value(court_done(anna, "clip", "notices", NULL), "id")), "--yes", NULL);
        court_end();
}

static void story_members(void) {
        two_homes();
        court_done_or("is-a-steward", anna, "member", "promote", "Ben", "--yes", NULL);
        court_shows("steward", ben, "member", "list", NULL);
        court_done(ben, "member", "proposals", NULL);
        court_done_or("is-no-steward", anna, "member", "demote", "Ben", "--yes", NULL);
        court_done_or("no-mesh", ben, "mesh", "leave", "--yes", NULL);
        court_shows("!\"state\":\"c", ben, "status",
                    NULL); /* neither current nor catching up: removed, until somebody has heard */
        court_done(anna, "member", "list", NULL);
        court_end();
}

static void story_rule(void) {
        two_homes();
        carla = court_home("Carla");
        joined(carla);
        court_shows("\"homes\":3", anna, "status", NULL);
        char *clip = clip_of(anna, 0, 500);
        court_done(anna, "policy", "set", clip, "--with", "Ben", "--with", "Carla", "--clips", "1", "--yes", NULL);
        court_pass(2);
        clip = clip_of(anna, 1, 600);
        court_watch(anna);
        court_done(anna, "post", "theft", "Seen something", "--clip", clip, "--notice", NULL);
        court_shows(clip, ben, "clip", "notices", NULL);
        court_shows(clip, carla, "clip", "notices", NULL);
        court_done_or("asked-already", ben, "clip", "request", clip, "--reason", "it burns", NULL);
        court_done_or("asked-already", carla, "clip", "request", clip, "--reason", "it burns", NULL);
        court_shows("offered", ben, "grant", "list", NULL);
        court_shows("offered", carla, "grant", "list", NULL);
        court_done(anna, "policy", "show", NULL);
        court_done_or("no-rule", anna, "policy", "end", NULL);
        court_end();
}

/* A clip whose bytes take a while: the line is thin, and who has them passes them on. */
static void story_fetch(void) {
        two_homes();
        carla = court_home("Carla");
        joined(carla);
        court_shows("\"homes\":3", anna, "status", NULL);
        char *clip = clip_of(anna, 0, 600000), *out = out_file(ben, 1), *other = out_file(carla, 2);
        court_done(anna, "clip", "share", clip, "--with", "all", "--purpose", "the bicycle", "--yes", NULL);
        court_shows(clip, ben, "inbox", NULL);
        court_done_or("file-exists", ben, "clip", "get", clip, "-o", out, NULL);
        court_shows(clip, carla, "inbox", NULL);
        court_restart(anna);
        court_done_or("file-exists", carla, "clip", "get", clip, "-o", other, NULL);
        court_done_or("no-fetch", carla, "clip", "get", clip, "--cancel", NULL);
        court_restart(ben);
        court_done(ben, "clip", "list", NULL);
        court_end();
}

static void little_room(struct node_config *cfg) {
        cfg->clips_quota = 500000;
        cfg->clips_oldest = true;
        cfg->clips_retention = 3600;
}

static void story_room(void) {
        court_settings = little_room;
        founded();
        char *first = clip_of(anna, 0, 200000), *second = clip_of(anna, 1, 200000);
        court_done(anna, "clip", "keep", second, NULL);
        clip_of(anna, 2, 200000);
        court_shows(not_here(first), anna, "clip", "list", NULL);
        court_done(anna, "clip", "keep", "--off", second, NULL);
        clip_of(anna, 3, 200000);
        court_shows(not_here(second), anna, "clip", "list", NULL);
        court_end();
}

static void by_name(struct node_config *cfg) {
        cfg->advertise[0] = (struct node_advertised){
                .addr = {.port = cfg->listen[0].addr.port}, .name = "localhost", .is_name = true};
        cfg->n_advertise = 1;
}

static void story_names(void) {
        court_settings = by_name;
        founded();
        court_done(anna, "peer", "add", "localhost:9", NULL);
        court_refused("no-address", anna, "peer", "add", "nowhere.invalid:9", NULL);
        ben = court_home("Ben");
        court_done(ben, "peer", "add", "localhost:9", NULL);
        joined(ben);
        court_shows("\"homes\":2", anna, "status", NULL);
        court_end();
}

/* The last two wait for what comes by itself, in half an hour of the clock: only where all ways are tried. */
#define SLOW 2

static const struct {
        const char *name;
        void (*story)(void);
} stories[] = {
        {"street", story_street}, {"own", story_own},     {"clips", story_clips}, {"given", story_given},
        {"asked", story_asked},   {"kin", story_kin},     {"rule", story_rule},   {"members", story_members},
        {"fetch", story_fetch},   {"names", story_names}, {"told", story_told},   {"room", story_room},
};

static void test_story(void **state) {
        size_t i = *(const size_t *)*state;
        assert_int_equal(mishap_tell(stories[i].name, stories[i].story), 0);
}

int main(int argc, char **argv) {
        struct CMUnitTest tests[ARRAY_LEN(stories)] = {0};
        size_t at[ARRAY_LEN(stories)];
        for (size_t i = 0; i < ARRAY_LEN(stories); i++) {
                at[i] = i;
                tests[i] =
                        (struct CMUnitTest){.name = stories[i].name, .test_func = test_story, .initial_state = &at[i]};
        }
        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        size_t n = getenv("PORCHLIGHT_FAULTS") ? ARRAY_LEN(stories) : ARRAY_LEN(stories) - SLOW;
        return _cmocka_run_group_tests("node-faults", tests, n, NULL, NULL);
}
