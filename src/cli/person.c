/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Man in a dark hoodie near the school" warns nobody of anything, and harms whoever fits it. Every neighbourhood network
 * has had to learn that; so this one asks what happened before such a text goes out.
 *
 * Three short lists, here to be read and disputed: words for a person, words for how one looks or where one is from, and
 * words for something that happened. A text of the first two without the third is asked about. Nothing is refused and
 * nothing is recorded: the person decides. It knows English only, and says so in the help.
 */
#include "cli/person.h"

#include "base/text.h"

#define QUESTION                                                                                                       \
        N_("This describes a person. What happened? --doing CODE says it (`porchlight help\n"                          \
           "post`), or write what somebody did. Post it all the same? [y/N] ")

/* clang-format off */
static const char *const persons[] = {
        "person", "persons", "people", "man", "men", "woman", "women", "guy", "guys", "boy", "boys", "girl", "girls",
        "lady", "kid", "kids", "youth", "youths", "teen", "teens", "teenager", "teenagers", "male", "males", "female",
        "females", "individual", "individuals", "stranger", "strangers", "somebody", "someone", "dude", "bloke", "chap",
        "gentleman", "couple", "he", "she", NULL,
};

/* With a person only: a house is black and an evening dark as well. */
static const char *const looks[] = {
        "black", "white", "brown", "dark", "blond", "blonde", "skin", "skinned", "tall", "short", "fat", "slim", "skinny",
        "old", "young", "elderly", "beard", "bearded", "bald", "tattoo", "tattoos", "tattooed", "hair", "haired",
        "wearing", "wears", "dressed", "clothes", "clothing", "jacket", "coat", "jeans", "trousers", "shirt", "sweatshirt",
        "cap", "hat", "mask", "masked", "scarf", "headscarf", "turban", "hijab", "burqa", "sneakers", "tracksuit",
        "backpack", "gloves", "homeless", "suspicious", "shady", "sketchy", "dodgy", "creepy",
        "foreign", "accent", "african", "asian", "arab", "arabic", "turkish", "polish", "romanian", "russian", "indian",
        "chinese", "mexican", "latino", "hispanic", "jewish", "muslim", "roma", "caucasian", "ethnic", "looking",
        NULL,
};

/* These name a person by looks or origin all by themselves. */
static const char *const both[] = {
        "hoodie", "hoodies", "hooded", "gypsy", "gypsies", "foreigner", "foreigners", "immigrant", "immigrants", "migrant",
        "migrants", "refugee", "refugees", "blacks", "arabs", "muslims", "turks", "junkie", "junkies", "tramp", "tramps",
        "vagrant", "vagrants", NULL,
};

/* What tells an event. "walking", "standing", "looking" and the like do not: everybody does that in a street. */
static const char *const events[] = {
        "tried", "tries", "trying", "try", "broke", "breaks", "breaking", "broken", "forced", "forces", "forcing",
        "smashed", "smashes", "smashing", "stole", "steals", "stealing", "stolen", "took", "takes", "taking", "taken",
        "grabbed", "grabs", "snatched", "climbed", "climbs", "climbing", "kicked", "kicks", "kicking", "hit", "hits",
        "hitting", "threw", "throws", "throwing", "sprayed", "sprays", "spraying", "damaged", "damages", "damaging", "cut",
        "cuts", "cutting", "followed", "follows", "following", "threatened", "threatens", "threatening", "attacked",
        "attacks", "attacking", "robbed", "robs", "robbing", "shot", "shots", "stabbed", "punched", "pushed", "shouted",
        "shouts", "shouting", "screamed", "screams", "screaming", "claimed", "claims", "claiming", "pretended", "pretends",
        "pretending", "posed", "poses", "posing", "offered", "offers", "offering", "asked", "asks", "asking", "demanded",
        "demands", "rang", "rings", "ringing", "called", "calls", "knocked", "knocks", "knocking", "set", "sets", "lit",
        "burned", "burnt", "burning", "fell", "fallen", "injured", "hurt", "bleeding", "collapsed", "unconscious",
        "entered", "enters", "entering", "opened", "opens", "opening", "drove", "drives", "driving", "crashed", "fled",
        "ran", "dumped", "dumps", "dumping", "sold", "sells", "selling", "cheated", "scammed", "photographed", "missing",
        "lost", "found", "helped", "fight", "fighting", "fought", "theft", "burglary", "robbery", "assault", "scam", NULL,
};
/* clang-format on */

static bool letter(uint8_t c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* The next word of @rest, which moves behind it. False: there is none. */
static bool next_word(struct span *rest, struct span *ret) {
        while (rest->n && !letter(*rest->p))
                *rest = span_from(*rest, 1);
        size_t n = 0;
        while (n < rest->n && letter(rest->p[n]))
                n++;
        *ret = span_of(rest->p, n);
        *rest = span_from(*rest, n);
        return n > 0;
}

static bool among(const char *const *list, struct span word) {
        for (; *list; list++)
                if (text_eq_nocase(span_str(*list), word))
                        return true;
        return false;
}

bool person_described(struct span text) {
        bool person = false, look = false;
        struct span word;
        while (next_word(&text, &word)) {
                if (among(events, word))
                        return false;
                bool all = among(both, word);
                person = person || all || among(persons, word);
                look = look || all || among(looks, word);
        }
        return person && look;
}

bool person_kind(uint64_t kind) {
        const struct wire_kind_row *row = wire_kind_find(kind);
        return !row || kind == KIND_UNUSUAL_ACTIVITY || kind == KIND_OTHER || row->category == CATEGORY_SECURITY;
}

int person_ask(struct cli *c, const struct args *a, uint64_t kind, bool doing, struct span text) {
        if (doing || !person_kind(kind) || !person_described(text))
                return 0;
        if (c->in_tty && c->err_tty && !c->json)
                return ask_yes(c, a, _(QUESTION));
        cli_note(c, "note: this describes a person and not what happened; --doing CODE says it");
        return 0;
}

struct under {
        bool told, doing;
        uint64_t kind;
};

static int row_under(struct cli *c, const struct call_row *row, void *arg) {
        struct under *under = arg;
        (void)c;
        if (row->number != CONTROL_ALERT_ROW)
                return 0;
        const struct wire_c_alert *alert = &row->m->c_alert;
        *under = (struct under){.told = true, .doing = WIRE_HAS(alert, C_ALERT, doing), .kind = alert->kind};
        return 0;
}

int person_ask_under(struct cli *c, const struct args *a, struct span target, struct span text) {
        struct wire_c_name m = {.name = target};
        struct under under = {0};
        if (!person_described(text))
                return 0;
        int r = cli_ask(c, CONTROL_SHOW, &m, row_under, &under);
        if (r)
                return r;
        return under.told ? person_ask(c, a, under.kind, under.doing, text) : 0;
}
