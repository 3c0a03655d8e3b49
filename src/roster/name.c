/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: a name is what neighbours trust, and anyone may choose theirs. So no household may seem to hold an office, none may
 * hide what its name says behind invisible or turned-round characters, and one that looks like an older home's is told apart.
 *
 * Everything compares skeletons: case and accents folded, letters of other scripts that look Latin made Latin, and what the
 * eye takes for one another (0 and o, 1, l and i, rn and m, vv and w) made one. A skeleton is never longer than its name.
 * The tables are part of the protocol: every node must refuse the same names.
 */
#include "roster/name.h"

#include "base/lang.h"
#include "base/text.h"

#define NAME_BYTES_MAX 32

/* ---- code points ---- */

/* The next code point of @s, which is valid UTF-8. */
static uint32_t next_cp(struct span *s) {
        uint8_t c = s->p[0];
        size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        uint32_t cp = n == 1 ? c : c & (0x7fu >> n);
        for (size_t i = 1; i < n; i++)
                cp = cp << 6 | (s->p[i] & 0x3f);
        *s = span_from(*s, n);
        return cp;
}

struct range {
        uint32_t from, to;
};

static bool in_ranges(const struct range *r, size_t n, uint32_t cp) {
        for (size_t i = 0; i < n; i++)
                if (cp >= r[i].from && cp <= r[i].to)
                        return true;
        return false;
}

/* clang-format off */
/* Controls, characters that turn the text round, are invisible, are a space of another kind, or mean nothing in common. */
static const struct range refused[] = {
        { 0x00, 0x1f }, { 0x7f, 0xa0 }, { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 },
        { 0x1680, 0x1680 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x2000, 0x200f }, { 0x2028, 0x202f },
        { 0x205f, 0x206f }, { 0x2800, 0x2800 }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xe000, 0xf8ff }, { 0xfdd0, 0xfdef },
        { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xffff }, { 0x1bca0, 0x1bca3 },
        { 0x1d173, 0x1d17a }, { 0xe0000, 0x10ffff },
};
static const struct range combining[] = {
        { 0x300, 0x36f }, { 0x483, 0x489 }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0xfe20, 0xfe2f },
};

/* U+00C0 to U+017F without their accents; ? is no letter, or one of its own. */
static const char latin[] =
        "aaaaaa?ceeeeiiiidnooooo?ouuuuy??aaaaaa?ceeeeiiiidnooooo?ouuuuy?y"
        "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii??jjkkk"
        "llllllllllnnnnnnnnnoooooo??rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/* What two bytes of Latin stand for two letters. */
static const struct pair {
        uint32_t cp;
        char to[3];
} pairs[] = {
        { 0xc6, "ae" }, { 0xe6, "ae" }, { 0xdf, "ss" }, { 0xfe, "p" }, { 0xde, "p" }, { 0x132, "ij" }, { 0x133, "ij" },
        { 0x152, "oe" }, { 0x153, "oe" }, { 0x1e9e, "ss" },
};

/* Small letters of other scripts and the Latin ones they look like. */
static const struct look {
        uint16_t cp;
        char to;
} looks[] = {
        /* Cyrillic */
        { 0x430, 'a' }, { 0x432, 'b' }, { 0x435, 'e' }, { 0x43a, 'k' }, { 0x43c, 'm' }, { 0x43d, 'h' }, { 0x43e, 'o' },
        { 0x440, 'p' }, { 0x441, 'c' }, { 0x442, 't' }, { 0x443, 'y' }, { 0x445, 'x' }, { 0x450, 'e' }, { 0x451, 'e' },
        { 0x455, 's' }, { 0x456, 'i' }, { 0x457, 'i' }, { 0x458, 'j' }, { 0x45a, 'h' }, { 0x45c, 'k' }, { 0x45e, 'y' },
        { 0x475, 'v' }, { 0x4ae, 'y' }, { 0x4af, 'y' }, { 0x4ba, 'h' }, { 0x4bb, 'h' }, { 0x4c0, 'l' }, { 0x4cf, 'l' },
        { 0x501, 'd' }, { 0x51b, 'q' }, { 0x51d, 'w' },
        /* Greek */
        { 0x3ac, 'a' }, { 0x3ad, 'e' }, { 0x3ae, 'n' }, { 0x3af, 'i' }, { 0x3b1, 'a' }, { 0x3b2, 'b' }, { 0x3b5, 'e' },
        { 0x3b6, 'z' }, { 0x3b7, 'n' }, { 0x3b9, 'i' }, { 0x3ba, 'k' }, { 0x3bc, 'm' }, { 0x3bd, 'v' }, { 0x3bf, 'o' },
        { 0x3c1, 'p' }, { 0x3c4, 't' }, { 0x3c5, 'u' }, { 0x3c7, 'x' }, { 0x3ca, 'i' }, { 0x3cc, 'o' }, { 0x3cd, 'u' },
        { 0x3f2, 'c' }, { 0x3f3, 'j' },
        /* Armenian, and Latin letters beyond the table */
        { 0x570, 'h' }, { 0x578, 'n' }, { 0x57d, 'u' }, { 0x581, 'g' }, { 0x585, 'o' }, { 0x251, 'a' }, { 0x261, 'g' },
        { 0x269, 'i' }, { 0x26a, 'i' }, { 0x192, 'f' }, { 0x1c0, 'l' },
};
/* clang-format on */

/* ---- folding ---- */

static uint32_t small(uint32_t cp) {
        if ((cp >= 'A' && cp <= 'Z') || (cp >= 0x391 && cp <= 0x3a9) || (cp >= 0x410 && cp <= 0x42f) ||
            (cp >= 0xff21 && cp <= 0xff3a))
                return cp + 0x20;
        if (cp >= 0x400 && cp <= 0x40f)
                return cp + 0x50;
        if (cp >= 0x531 && cp <= 0x556)
                return cp + 0x30;
        return cp;
}

/* Mathematical and full-width letters are Latin ones in another dress. */
static uint32_t undress(uint32_t cp) {
        if (cp >= 0x1d400 && cp <= 0x1d6a3) {
                uint32_t at = (cp - 0x1d400) % 52;
                return 'a' + at % 26;
        }
        if (cp >= 0x1d7ce && cp <= 0x1d7ff)
                return '0' + (cp - 0x1d7ce) % 10;
        return cp >= 0xff01 && cp <= 0xff5e ? cp - 0xfee0 : cp;
}

static uint32_t latinise(uint32_t cp) {
        if (cp >= 0xc0 && cp < 0xc0 + sizeof(latin) - 1 && latin[cp - 0xc0] != '?')
                return (uint8_t)latin[cp - 0xc0];
        for (size_t i = 0; i < ARRAY_LEN(looks); i++)
                if (looks[i].cp == cp)
                        return (uint8_t)looks[i].to;
        return cp;
}

/* What the eye takes for one another. */
static uint32_t blur(uint32_t cp) {
        switch (cp) {
        case '0':
                return 'o';
        case '1':
        case 'i':
        case '|':
                return 'l';
        default:
                return cp;
        }
}

/* ---- skeletons ---- */

struct skeleton {
        uint8_t b[NAME_BYTES_MAX];
        size_t n;
};

static void skeleton_letter(struct skeleton *s, uint8_t c) {
        uint8_t last = s->n ? s->b[s->n - 1] : 0;
        if (last == 'r' && c == 'n')
                s->b[s->n - 1] = 'm';
        else if (last == 'v' && c == 'v')
                s->b[s->n - 1] = 'w';
        else if (s->n < sizeof(s->b))
                s->b[s->n++] = c;
}

static void skeleton_raw(struct skeleton *s, struct span utf8) {
        for (size_t i = 0; i < utf8.n && s->n < sizeof(s->b); i++)
                s->b[s->n++] = utf8.p[i];
}

static struct span cp_utf8(uint32_t cp, uint8_t ret[4]) {
        size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
        for (size_t i = n; i-- > 1; cp >>= 6)
                ret[i] = (uint8_t)(0x80 | (cp & 0x3f));
        ret[0] = (uint8_t)(n == 1 ? cp : (0xf00u >> n & 0xff) | cp);
        return span_of(ret, n);
}

static const char *pair_of(uint32_t cp) {
        for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
                if (pairs[i].cp == cp)
                        return pairs[i].to;
        return NULL;
}

static void skeleton_add(struct skeleton *s, uint32_t cp) {
        uint8_t utf8[4];
        if (cp == ' ')
                return;
        if (cp < 0x80) {
                skeleton_letter(s, (uint8_t)blur(small(cp)));
                return;
        }
        if (in_ranges(combining, ARRAY_LEN(combining), cp))
                return;
        const char *two = pair_of(cp);
        for (; two && *two; two++)
                skeleton_letter(s, (uint8_t)blur((uint8_t)*two));
        if (two)
                return;
        cp = blur(latinise(small(undress(cp))));
        if (cp < 0x80)
                skeleton_letter(s, (uint8_t)cp);
        else
                skeleton_raw(s, cp_utf8(cp, utf8));
}

static struct skeleton skeleton_of(struct span name) {
        struct skeleton s = {.n = 0};
        while (name.n)
                skeleton_add(&s, next_cp(&name));
        return s;
}

void name_skeleton(struct buf *out, struct span name) {
        if (!text_utf8(name))
                return;
        struct skeleton s = skeleton_of(name);
        buf_add(out, span_of(s.b, s.n));
}

/* ---- role words ---- */

static const char *const roles[] = {
        "police",
        "polizei",
        "policia",
        "polizia",
        "policja",
        "policie",
        "polis",
        "politie",
        "politi",
        "poliisi",
        "gendarmerie",
        "guardia civil",
        "carabinieri",
        "полиция",
        "поліція",
        "αστυνομια",
        "sheriff",
        "constable",
        "fire brigade",
        "fire department",
        "fire dept",
        "fire service",
        "fire station",
        "fire rescue",
        "feuerwehr",
        "pompiers",
        "bomberos",
        "bombeiros",
        "vigili del fuoco",
        "brandweer",
        "brandkåren",
        "straz pozarna",
        "ambulance",
        "ambulanz",
        "paramedics",
        "rettungsdienst",
        "notarzt",
        "notruf",
        "samu",
        "emergency",
        "steward",
        "stewards",
        "admin",
        "administrator",
        "moderator",
        "moderators",
        "porchlight",
        "system",
        "official",
        "council",
        "city of",
        "town of",
        "county of",
        "city hall",
        "town hall",
        "stadt",
        "stadtverwaltung",
        "ordnungsamt",
        "gemeinde",
        "ayuntamiento",
        "mairie",
        "comune di",
        "government",
        "security service",
        "secret service",
        "homeland security",
        "neighbourhood watch",
        "neighborhood watch",
        "call 112",
        "call 911",
        "dial 112",
        "dial 911",
};

/* Emergency numbers are roles by themselves only: there are houses with such numbers. */
static const char *const numbers[] = {"112", "911", "999", "110", "000", "111", "113", "115", "117", "118", "119"};

static bool is_break(uint32_t cp) {
        if (cp >= 0x80)
                return cp == 0xb7 || (cp >= 0x2010 && cp <= 0x2027);
        return !((cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') || cp == '|');
}

/* Takes the next word off @s; empty at the end. */
static struct span next_word(struct span *s) {
        struct span at;
        while (s->n && (at = *s, is_break(next_cp(&at))))
                *s = at;
        struct span word = span_of(s->p, 0);
        while (s->n && (at = *s, !is_break(next_cp(&at)))) {
                word.n += s->n - at.n;
                *s = at;
        }
        return word;
}

#define WORDS_MAX (NAME_BYTES_MAX / 2 + 1)

/* A text's words, each as its skeleton, and that of the whole. */
struct words {
        struct skeleton all, word[WORDS_MAX];
        size_t n;
};

static void words_of(struct words *w, struct span text) {
        w->all = skeleton_of(text);
        w->n = 0;
        for (struct span word; w->n < WORDS_MAX && (word = next_word(&text)).n;)
                w->word[w->n++] = skeleton_of(word);
}

static bool same_skeleton(const struct skeleton *x, const struct skeleton *y) {
        return x->n == y->n && memcmp(x->b, y->b, x->n) == 0;
}

/* Do the words of @role stand in @name, one after the other? Or is it that, spaced out: "P o l i c e"? */
static bool says(const struct words *name, const struct words *role) {
        if (same_skeleton(&name->all, &role->all))
                return true;
        for (size_t from = 0; from + role->n <= name->n; from++) {
                size_t same = 0;
                while (same < role->n && same_skeleton(&name->word[from + same], &role->word[same]))
                        same++;
                if (same == role->n)
                        return true;
        }
        return false;
}

/* PROTOCOL 14.2: "A household's name MUST NOT say a role" */
static bool says_role(struct span name) {
        struct words have, want;
        words_of(&have, name);
        for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
                words_of(&want, span_str(roles[i]));
                if (says(&have, &want))
                        return true;
        }
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
                words_of(&want, span_str(numbers[i]));
                if (same_skeleton(&have.all, &want.all))
                        return true;
        }
        return false;
}

/* ---- checks ---- */

/* PROTOCOL 14.1: "It MUST NOT contain `+`, `#`, `*` or `/`, begin or end with a space, have two spaces together, or
 * contain a code point of these ranges" */
static bool characters_right(struct span name) {
        uint32_t last = ' ';
        if (!text_utf8(name))
                return false;
        while (name.n) {
                uint32_t cp = next_cp(&name);
                if (in_ranges(refused, ARRAY_LEN(refused), cp) || (cp < 0x80 && strchr("+#*/", (int)cp)))
                        return false;
                if (cp == ' ' && last == ' ')
                        return false;
                last = cp;
        }
        return last != ' ';
}

int name_check_mesh(struct span name) {
        if (name.n == 0 || name.n > NAME_BYTES_MAX)
                return NAME_E_LENGTH;
        return characters_right(name) ? 0 : NAME_E_INPUT;
}

int name_check(struct span name) {
        int r = name_check_mesh(name);
        if (r)
                return r;
        return says_role(name) ? NAME_E_ROLE : 0;
}

const char *name_error_text(int e) {
        switch (e) {
        case NAME_E_LENGTH:
                return N_("must have 1 to 32 bytes");
        case NAME_E_INPUT:
                return N_("has characters that cannot be seen or may not be used, or spaces at its ends or doubled");
        case NAME_E_ROLE:
                return N_("says it is an office, an emergency service or a role in the mesh");
        }
        return N_("cannot be used");
}
