/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handshake patterns of the Noise specification (revision 34: one-way in section 7.4, fundamental in 7.5, deferred
 * in appendix 18.1) and the parser of protocol names. The links use XXpsk0; the rest is here because the published
 * vectors test the engine through it. Fallback patterns are not: they start from the middle of another handshake.
 */
#include "crypto/noise.h"

struct pattern_row {
        const char *name;
        uint8_t pre_initiator, pre_responder;
        uint8_t tokens[NOISE_MESSAGES_MAX][NOISE_TOKENS_MAX];
};

/* clang-format off */
#define e  NOISE_TOKEN_E
#define s  NOISE_TOKEN_S
#define ee NOISE_TOKEN_EE
#define es NOISE_TOKEN_ES
#define se NOISE_TOKEN_SE
#define ss NOISE_TOKEN_SS
#define S  NOISE_PRE_S
static const struct pattern_row rows[] = {
        /* name   i  r    ->                 <-                  ->             <- */
        {"N",     0, S, {{e, es}}},
        {"K",     S, S, {{e, es, ss}}},
        {"X",     0, S, {{e, es, s, ss}}},

        {"NN",    0, 0, {{e},            {e, ee}}},
        {"NK",    0, S, {{e, es},        {e, ee}}},
        {"NX",    0, 0, {{e},            {e, ee, s, es}}},
        {"KN",    S, 0, {{e},            {e, ee, se}}},
        {"KK",    S, S, {{e, es, ss},    {e, ee, se}}},
        {"KX",    S, 0, {{e},            {e, ee, se, s, es}}},
        {"XN",    0, 0, {{e},            {e, ee},            {s, se}}},
        {"XK",    0, S, {{e, es},        {e, ee},            {s, se}}},
        {"XX",    0, 0, {{e},            {e, ee, s, es},     {s, se}}},
        {"IN",    0, 0, {{e, s},         {e, ee, se}}},
        {"IK",    0, S, {{e, es, s, ss}, {e, ee, se}}},
        {"IX",    0, 0, {{e, s},         {e, ee, se, s, es}}},

        {"NK1",   0, S, {{e},            {e, ee, es}}},
        {"NX1",   0, 0, {{e},            {e, ee, s},         {es}}},
        {"X1N",   0, 0, {{e},            {e, ee},            {s},           {se}}},
        {"X1K",   0, S, {{e, es},        {e, ee},            {s},           {se}}},
        {"XK1",   0, S, {{e},            {e, ee, es},        {s, se}}},
        {"X1K1",  0, S, {{e},            {e, ee, es},        {s},           {se}}},
        {"X1X",   0, 0, {{e},            {e, ee, s, es},     {s},           {se}}},
        {"XX1",   0, 0, {{e},            {e, ee, s},         {es, s, se}}},
        {"X1X1",  0, 0, {{e},            {e, ee, s},         {es, s},       {se}}},
        {"K1N",   S, 0, {{e},            {e, ee},            {se}}},
        {"K1K",   S, S, {{e, es},        {e, ee},            {se}}},
        {"KK1",   S, S, {{e},            {e, ee, se, es}}},
        {"K1K1",  S, S, {{e},            {e, ee, es},        {se}}},
        {"K1X",   S, 0, {{e},            {e, ee, s, es},     {se}}},
        {"KX1",   S, 0, {{e},            {e, ee, se, s},     {es}}},
        {"K1X1",  S, 0, {{e},            {e, ee, s},         {se, es}}},
        {"I1N",   0, 0, {{e, s},         {e, ee},            {se}}},
        {"I1K",   0, S, {{e, es, s},     {e, ee},            {se}}},
        {"IK1",   0, S, {{e, s},         {e, ee, se, es}}},
        {"I1K1",  0, S, {{e, s},         {e, ee, es},        {se}}},
        {"I1X",   0, 0, {{e, s},         {e, ee, s, es},     {se}}},
        {"IX1",   0, 0, {{e, s},         {e, ee, se, s},     {es}}},
        {"I1X1",  0, 0, {{e, s},         {e, ee, s},         {se, es}}},
};
#undef e
#undef s
#undef ee
#undef es
#undef se
#undef ss
#undef S
/* clang-format on */

/* Moves @at past @literal, if that is what stands there. */
static bool skip(const char **at, const char *literal) {
        size_t n = strlen(literal);
        if (strncmp(*at, literal, n) != 0)
                return false;
        *at += n;
        return true;
}

/* The row whose name is the run of capitals and digits at @at, which moves past it. */
static const struct pattern_row *take_row(const char **at) {
        size_t n = strspn(*at, "IKNX1");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                if (strlen(rows[i].name) != n || strncmp(rows[i].name, *at, n) != 0)
                        continue;
                *at += n;
                return &rows[i];
        }
        return NULL;
}

/* psk0 goes before the first message's tokens, pskN after the Nth message's. False if there is no such message. */
static bool add_psk(struct noise_pattern *p, size_t place) {
        if (place > p->n_messages)
                return false;
        uint8_t *tokens = p->tokens[place ? place - 1 : 0];
        size_t n = 0;
        while (n < NOISE_TOKENS_MAX && tokens[n] != NOISE_END)
                n++;
        if (CHECK_FAILS(n < NOISE_TOKENS_MAX))
                return false;
        if (!place)
                memmove(tokens + 1, tokens, n);
        tokens[place ? n : 0] = NOISE_TOKEN_PSK;
        p->psk = true;
        return true;
}

/* "", or "psk0+psk2…" in rising order, which also means each at most once. */
static bool take_modifiers(const char **at, struct noise_pattern *p) {
        int last = -1;
        if (**at == '_')
                return true;
        do {
                if (!skip(at, "psk") || **at < '0' || **at > '9')
                        return false;
                int place = *(*at)++ - '0';
                if (place <= last || !add_psk(p, (size_t)place))
                        return false;
                last = place;
        } while (skip(at, "+"));
        return true;
}

int noise_pattern_parse(struct noise_pattern *ret, const char *protocol_name) {
        const char *at = protocol_name;
        if (!skip(&at, "Noise_"))
                return NOISE_E_NAME;
        const struct pattern_row *row = take_row(&at);
        if (!row)
                return NOISE_E_NAME;

        struct noise_pattern p = {.pre_initiator = row->pre_initiator, .pre_responder = row->pre_responder};
        memcpy(p.tokens, row->tokens, sizeof(p.tokens));
        while (p.n_messages < NOISE_MESSAGES_MAX && p.tokens[p.n_messages][0] != NOISE_END)
                p.n_messages++;
        p.one_way = p.n_messages == 1;
        if (!take_modifiers(&at, &p) || strcmp(at, "_25519_ChaChaPoly_BLAKE2b") != 0)
                return NOISE_E_NAME;
        *ret = p;
        return 0;
}
