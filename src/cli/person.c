/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Man in a dark hoodie near the school" warns nobody of anything, and harms whoever fits it. Every neighbourhood network
 * has had to learn that; so this one asks what happened before such a text goes out.
 *
 * Three short lists, here to be read and disputed: words for a person, words for how one looks or where one is from, and
 * words for something that happened. A text of the first two without the third is asked about. Nothing is refused and
 * nothing is recorded: the person decides. It knows English and German, whatever language the tool speaks, and says so in the
 * help. Person and looks must be of one language: "man" and "hat" are other words in German. An event counts in either.
 *
 * German words are compared with their umlauts spelt out, as many people type them, and with their endings.
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

/* English words that mean something else in German ("one", "has"): they count where no word of the next list stands. */
static const char *const other_in_german[] = {"man", "hat", NULL};
static const char *const only_german[] = {
        "der", "das", "den", "dem", "und", "oder", "ist", "sind", "war", "ein", "eine", "einen", "einem", "einer", "mit", "im",
        "auf", "bei", "vor", "am", "vom", "zum", "nicht", "sich", "hier", "wer", "seit", "wieder", NULL,
};

/* ---- German ---- */

/* A word may have one of these endings more than its row. A row with * may be the end of a longer word. */
static const char *const endings[] = {"", "e", "n", "s", "em", "en", "er", "es", "in", "innen", NULL};
static const char *const verb_endings[] = {"", "e", "n", "t", "en", "er", "es", "te", "ten", "end", NULL};

/* Not "Junge", "Fremder", "Unbekannter": a cat is young and a car unknown as well. */
static const char *const persons_de[] = {
        "person", "mensch", "leute", "mann", "maenner", "frau", "maedchen", "bub", "jungs", "kerl", "typ", "bursche",
        "jugendliche", "heranwachsende", "teenager", "kind", "kinder", "jemand", "jemandem", "gestalt", "dame",
        "halbstarke", NULL,
};

/* Not "weiss" (who knows?) nor "dunkel" (it is) without an ending, nor what is said of smoke, noise and storms. */
static const char *const looks_de[] = {
        "schwarz", "weisse", "weisser", "weissen", "weissem", "braun", "blond", "dunkl", "bleich", "rothaarig",
        "haut", "hautfarbe", "haare", "*haarig", "*farbig", "schlank", "hager", "dicklich", "korpulent", "untersetzt", "alt",
        "aelter", "jung", "juenger", "bart", "vollbart", "baertig", "glatze", "glatzkoepfig", "tattoo", "taetowiert",
        "traegt", "tragen", "trug", "gekleidet", "bekleidet", "kleidung", "*jacke", "*mantel", "jeans",
        "jogginghose", "trainingshose", "cargohose", "*hemd", "*shirt", "*pulli", "*pullover", "*muetze",
        "basecap", "*kappe", "maske", "maskiert", "schal", "kopftuch", "turban", "burka", "nikab", "*anzug",
        "turnschuhe", "sneaker", "rucksack", "handschuhe", "*brille", "obdachlos", "verdaechtig", "suspekt",
        "zwielichtig", "dubios", "ungepflegt", "akzent", "auslaendisch", "suedlaendisch", "fremdlaendisch",
        "orientalisch", "afrikanisch", "asiatisch", "arabisch", "tuerkisch", "polnisch", "rumaenisch", "bulgarisch",
        "russisch", "ukrainisch", "indisch", "chinesisch", "juedisch", "muslimisch", "slawisch", "*europaeisch",
        "*staemmig", "*aussehend", "aussehen", "migrationshintergrund", NULL,
};

static const char *const both_de[] = {
        "kapuze", "kapuzenpulli", "kapuzenpullover", "kapuzenjacke", "kapuzentraeger", "vermummt", "*haeutig",
        "auslaender", "suedlaender", "osteuropaeer", "afrikaner", "schwarzafrikaner", "araber", "tuerke", "rumaene",
        "bulgare", "russe", "zigeuner", "sinti", "fluechtling", "asylant", "asylbewerber", "migrant", "moslem", "muslim",
        "jude", "penner", "landstreicher", "obdachloser", "obdachlosen", NULL,
};

/* As in English: not going, standing, sitting, looking. */
static const char *const events_de[] = {
        "versuch", "probier", "ruettel", "*ruettelt", "brech", "bricht", "brach", "*gebrochen", "hebel", "*gehebelt",
        "schlag", "schlaeg", "schlug", "*geschlagen", "*schlagen", "tritt", "trat", "trete", "*getreten", "stiehl", "stahl",
        "stehle", "*gestohlen", "klau", "*geklaut", "nimm", "nahm", "nehm", "*genommen", "entwende", "entwendet", "greif",
        "griff", "*gegriffen", "riss", "*gerissen", "klettert", "kletter", "*geklettert", "steig", "stieg", "*gestiegen",
        "wirf", "warf", "werfe", "*geworfen", "sprueh", "*gesprueht", "schmier", "*schmiert", "beschaedig", "zerstoer",
        "zerkratz", "zerstoch", "zerstochen", "schneide", "schnitt", "*geschnitten", "verfolg", "folg", "gefolgt",
        "bedroh", "droh", "gedroht", "ueberfall", "ueberfiel", "beraub", "raub", "geraubt", "schiess", "schoss", "schuss",
        "schuesse", "*geschossen", "stech", "sticht", "stach", "*gestochen", "stoess", "stiess", "*gestossen", "schubs",
        "geschubst", "schrei", "schrie", "geschrien", "ruf", "rief", "*gerufen", "behaupte", "behauptet", "*gegeben",
        "biete", "bietet", "*geboten", "frag", "*gefragt", "forder", "*gefordert", "verlang", "klingel", "*geklingelt",
        "laeute", "laeutet", "gelaeutet", "klopf", "geklopft", "zuende", "zuendet", "*zuendet", "zuendel", "brenn",
        "brannte", "gebrannt", "fiel", "*gefallen", "stuerz", "*gestuerzt", "verletz", "blute", "blutet", "bewusstlos",
        "ohnmaechtig", "betritt", "betrat", "oeffne", "oeffnet", "*geoeffnet", "faehr", "fahr", "fuhr", "*gefahren", "ras",
        "gerast", "fluechte", "fluechtet", "*gefluechtet", "floh", "geflohen", "rennt", "rannte", "*gerannt", "entlaufen",
        "verlaufen", "kipp", "*gekippt", "entsorg", "*geladen", "verkauf", "betrog", "betrogen", "betrueg", "betrug",
        "fotografier", "film", "gefilmt", "vermiss", "verlor", "verloren", "verschwunden", "verschwand", "find", "fand",
        "gefunden", "hilf", "half", "geholfen", "hilfe", "pruegel", "gepruegelt", "schlaegerei", "diebstahl", "einbruch",
        "unfall", "belaestig", "lieg", "lag", "such", "gesucht", "bittet", "gebeten", "braucht", "leuchte", "leuchtet",
        "*geleuchtet", NULL,
};

/* What follows them is a name: Frau Schwarz. */
static const char *const before_names[] = {"herr", "herrn", "frau", "familie", NULL};
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

/* What stands at @s spelt out: "ä", also as an a with two dots after it, is "ae". Returns how many bytes it took. */
static size_t spell(struct span s, struct buf *out) {
        static const struct {
                const char *letter, *spelt;
        } rows[] = {{"ä", "ae"}, {"Ä", "ae"}, {"ö", "oe"}, {"Ö", "oe"},      {"ü", "ue"},
                    {"Ü", "ue"}, {"ß", "ss"}, {"ẞ", "ss"}, {"\xcc\x88", "e"}};
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct span letters = span_str(rows[i].letter);
                if (s.n >= letters.n && span_eq(span_of(s.p, letters.n), letters)) {
                        buf_add_str(out, rows[i].spelt);
                        return letters.n;
                }
        }
        buf_add_u8(out, *s.p);
        return 1;
}

static void spell_out(struct buf *out, struct span word) {
        buf_clear(out);
        while (word.n)
                word = span_from(word, spell(word, out));
}

static bool among(const char *const *list, struct span word) {
        for (; *list; list++)
                if (text_eq_nocase(span_str(*list), word))
                        return true;
        return false;
}

/* The word without its ending is that row. */
static bool is_row(const char *row, struct span stem) {
        if (*row != '*')
                return text_eq_nocase(span_str(row), stem);
        struct span end = span_str(row + 1);
        return stem.n >= end.n && text_eq_nocase(span_from(stem, stem.n - end.n), end);
}

static bool among_with(const char *const *list, const char *const *ends, struct span word) {
        for (; *ends; ends++) {
                struct span end = span_str(*ends);
                if (word.n <= end.n || !text_eq_nocase(span_from(word, word.n - end.n), end))
                        continue;
                for (const char *const *row = list; *row; row++)
                        if (is_row(*row, span_of(word.p, word.n - end.n)))
                                return true;
        }
        return false;
}

struct portrait {
        bool person, look;
};

static void note_english(struct portrait *p, struct span word) {
        bool all = among(both, word);
        p->person = p->person || all || among(persons, word);
        p->look = p->look || all || among(looks, word);
}

static void note_german(struct portrait *p, struct span word, bool named) {
        bool all = among_with(both_de, endings, word);
        p->person = p->person || all || among_with(persons_de, endings, word);
        p->look = p->look || all || (!named && among_with(looks_de, endings, word));
}

bool person_described(struct span text) {
        _clean_(buf_fini) struct buf spelt = BUF_NULL;
        struct portrait english = {0}, unsure = {0}, german = {0};
        bool is_german = false, named = false;
        struct span word;
        while (next_word(&text, &word)) {
                spell_out(&spelt, word);
                if (among(events, word) || among_with(events_de, verb_endings, buf_span(&spelt)))
                        return false;
                note_english(among(other_in_german, word) ? &unsure : &english, word);
                note_german(&german, buf_span(&spelt), named);
                is_german = is_german || among(only_german, word);
                named = among(before_names, word);
        }
        if (!is_german) {
                english.person = english.person || unsure.person;
                english.look = english.look || unsure.look;
        }
        return (english.person && english.look) || (german.person && german.look);
}

bool person_kind(uint64_t kind) {
        const struct wire_kind_row *row = wire_kind_find(kind);
        bool vague = kind == KIND_UNUSUAL_ACTIVITY || kind == KIND_OTHER || kind == KIND_NOISE;
        return !row || vague || row->category == CATEGORY_SECURITY;
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
