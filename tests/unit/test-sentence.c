/* SPDX-License-Identifier: Apache-2.0 */
/* What the vault says before it signs: in each language, and at its longest. */
#include "roster-street.h"
#include "vault/consent.h"

#define HOMES 9
#define SENTENCE_MAX 2048 /* of its row in proto/owner.def */
#define MESH_NAME_MAX 32  /* the street's is shorter */
#define ID_SHOWN_MIN 8    /* digits; somebody with a great many computers could make two ids that share more of them, */
#define ID_DIGITS 64      /* and never more than all */
#define VOTES_MAX UINT32_C(5000)

static const char mesh_name[] = "Elm Street";

/* As long as a name may be, and not one byte of it is a letter by itself. */
static struct span long_name(uint32_t n, char name[33]) {
        snprintf(name, 33, "%c", 'A' + (char)n);
        while (strlen(name) < 31)
                strcat(name, "ü");
        return span_str(name);
}

static void join_long(struct street *s, uint32_t joiner, uint32_t inviter) {
        _clean_(buf_fini) struct buf add = BUF_NULL;
        char name[33];
        struct ticket t;
        street_ticket(s, inviter, 1, s->now + 7 * MESH_DAY, &t);
        street_add_sign(s, joiner, long_name(joiner, name), &t, &add);
        assert_int_equal(street_admit(s, 0, buf_span(&add), inviter, ++s->now), 0);
        ticket_fini(&t);
}

/* Home 1 brought all but the founder, and is a steward too. */
static void found_long(struct street *s) {
        street_found(s, 7, (struct wire_list){0});
        for (uint32_t i = 1; i < HOMES; i++)
                join_long(s, i, i == 1 ? 0 : 1);
        assert_int_equal(street_about(s, 0, 0, OP_PROMOTE, 1), 0);
}

/* Home 0 wants home 1 and all it brought removed, for a reason that takes more room than it has bytes. */
static struct hash propose(struct street *s) {
        char reason[BALLOT_REASON_MAX];
        memset(reason, '\a', sizeof(reason));
        struct wire_op op = {.type = OP_REMOVE};
        WIRE_PUT(&op, OP, target, SPAN_OF(s->homes[1].key.pub.b));
        WIRE_PUT(&op, OP, subtree, true);
        WIRE_PUT(&op, OP, reason, span_of(reason, sizeof(reason)));
        assert_int_equal(street_sign(s, 0, 0, &op), 0);
        return s->last;
}

static struct ballot ballot_of(const struct street *s, enum wire_e_op type) {
        struct ballot b = {.type = type, .roster = s->sides[0]};
        b.self = street_home(s, 0, 0);
        b.target = street_home(s, 0, 2);
        b.device = b.self->devices[0];
        return b;
}

static void say_as(struct buf *out, const struct ballot *b, const char *tag, const struct hash *op) {
        struct ballot in = *b;
        in.language = catalogue_find(span_str(tag));
        buf_clear(out);
        sentence_put(out, &in, b->roster, op);
        assert_true(buf_ok(out) && out->n > 0);
}

static unsigned occurrences(struct buf *text, const char *what) {
        unsigned n = 0;
        for (const char *at = buf_cstr(text); (at = strstr(at, what)); at += strlen(what))
                n++;
        return n;
}

/* It fits with a mesh's longest name in it, and with every id written out. */
static void fits(struct buf *text) {
        size_t ids = occurrences(text, "(") + occurrences(text, "proposal ") + occurrences(text, "Antrag ");
        size_t names = occurrences(text, mesh_name);
        size_t most = text->n + ids * (ID_DIGITS - ID_SHOWN_MIN) + names * (MESH_NAME_MAX - strlen(mesh_name));
        if (most > SENTENCE_MAX)
                fail_msg("up to %zu bytes: %s", most, buf_cstr(text));
}

static void has(struct buf *text, const char *words) {
        if (!strstr(buf_cstr(text), words))
                fail_msg("\"%s\" is not in: %s", words, buf_cstr(text));
}

/* No English is left in a German sentence. */
static void is_german(struct buf *text) {
        static const char *const words[] = {" the ", " The ", " it ", " It ",     " is ",
                                            " of ",  " and ", "home", "household"};
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (strstr(buf_cstr(text), words[i]))
                        fail_msg("\"%s\" is in: %s", words[i], buf_cstr(text));
}

static void both_fit(const struct ballot *b, const struct hash *op) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        say_as(&text, b, "en", op);
        fits(&text);
        say_as(&text, b, "de", op);
        fits(&text);
        is_german(&text);
}

/* All the ways votes are told. */
static void votes_fit(struct ballot *b, const struct hash *op) {
        const struct roster_ways ways = {VOTES_MAX, VOTES_MAX, VOTES_MAX, VOTES_MAX};
        const struct ballot_count counts[] = {
                {0, VOTES_MAX, false, {0}},          {0, VOTES_MAX, false, ways},
                {VOTES_MAX, VOTES_MAX, false, ways}, {VOTES_MAX, VOTES_MAX, false, {0}},
                {VOTES_MAX, VOTES_MAX, true, ways},  {1, 1, true, {0}},
        };
        for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
                b->count = counts[i];
                both_fit(b, op);
        }
}

static void test_longest_votes(void **state) {
        static const enum wire_e_op types[] = {OP_PROMOTE, OP_DEMOTE, OP_RETURN, OP_REMOVE};
        struct street s;
        (void)state;
        found_long(&s);
        struct hash proposal = propose(&s);
        struct ballot b = ballot_of(&s, OP_ENDORSE);
        b.proposal = proposal;
        votes_fit(&b, &proposal);
        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                b = ballot_of(&s, types[i]);
                b.target = street_home(&s, 0, 1);
                b.subtree = types[i] == OP_REMOVE;
                for (size_t k = 0; k < BALLOT_REASON_MAX; k++)
                        buf_add_u8(&b.reason, '"');
                votes_fit(&b, &proposal);
                buf_fini(&b.reason);
        }
        street_end(&s);
}

/* A vote for each kind of proposal. */
static void test_endorsed(void **state) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        struct street s;
        (void)state;
        found_long(&s);
        struct ballot b = ballot_of(&s, OP_ENDORSE);
        b.count = (struct ballot_count){.votes = 2, .needed = 2, .in_force = true};
        const struct {
                enum wire_e_op type;
                uint32_t target;
                const char *english, *german;
        } rows[] = {
                {OP_PROMOTE, 2, ": make the household \"C",
                 " zum Steward von Elm Street ernennen? Mit dieser Stimme sind es 2 "},
                {OP_DEMOTE, 1, ": make the steward \"B",
                 " wieder zu einem gewöhnlichen Haushalt von Elm Street machen?"},
                {OP_REMOVE, 3, ": remove the household \"D", " aus Elm Street entfernen?"},
        };
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                assert_int_equal(street_about(&s, 0, 0, rows[i].type, rows[i].target), 0);
                b.proposal = s.last;
                say_as(&text, &b, "en", &s.last);
                has(&text, rows[i].english);
                both_fit(&b, &s.last);
                say_as(&text, &b, "de", &s.last);
                has(&text, rows[i].german);
        }
        street_end(&s);
}

static void test_longest_others(void **state) {
        static const enum wire_e_op types[] = {OP_LEAVE, OP_VOUCH, OP_DEVICE_ADD, OP_DEVICE_REVOKE, OP_INVITE_UNDO};
        struct street s;
        (void)state;
        found_long(&s);
        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                struct ballot b = ballot_of(&s, types[i]);
                b.self = street_home(&s, 0, 1);
                both_fit(&b, NULL);
        }
        struct ballot founder = ballot_of(&s, OP_VOUCH);
        founder.target = street_home(&s, 0, 0); /* nobody brought it */
        both_fit(&founder, NULL);
        street_end(&s);
}

/* The only steward leaves, and one is rid of a mesh it has left, or was removed from. */
static void test_over(void **state) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        struct street s;
        (void)state;
        street_found(&s, 7, (struct wire_list){0});
        join_long(&s, 1, 0);
        join_long(&s, 2, 0);
        assert_int_equal(street_about(&s, 0, 0, OP_REMOVE, 2), 0);
        struct ballot b = ballot_of(&s, OP_LEAVE);
        b.self = street_home(&s, 0, 2);
        b.over = true;
        say_as(&text, &b, "de", NULL);
        has(&text, ") wurde aus Elm Street entfernt. Das Netz hier vergessen? Alles, was hier ");
        has(&text, " Sollten die anderen für seine Rückkehr stimmen, könnte er nicht zurück.");
        both_fit(&b, NULL);
        assert_int_equal(street_leave(&s, 0, 0), 0);
        b.self = street_home(&s, 0, 0);
        say_as(&text, &b, "de", NULL);
        has(&text, "Der Haushalt \"Home AA\" (");
        has(&text, ") hat Elm Street verlassen. Das Netz hier vergessen?");
        both_fit(&b, NULL);
        b.over = false;
        street_end(&s);
}

/* All four that are about a clip, with the longest of what others chose in them. */
static void consents_fit(const struct street *s, struct consent *c) {
        static const enum consent_kind kinds[] = {CONSENT_GRANT, CONSENT_ACCEPT, CONSENT_REVOKE, CONSENT_DESTROY};
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                struct ballot b = ballot_of(s, OP_GENESIS);
                b.consent = c;
                c->kind = kinds[i];
                for (int tag = 0; tag < 2; tag++) {
                        _clean_(buf_fini) struct buf text = BUF_NULL;
                        b.language = catalogue_find(span_str(tag ? "de" : "en"));
                        sentence_consent(&text, &b, true);
                        assert_true(buf_ok(&text));
                        fits(&text);
                        if (tag)
                                is_german(&text);
                }
        }
}

static void test_clips(void **state) {
        struct street s;
        struct consent c = {0};
        char purpose[200];
        (void)state;
        found_long(&s);
        memset(purpose, '\a', sizeof(purpose));
        c.m = (struct wire_manifest){.size = UINT64_C(1) << 32};
        WIRE_PUT(&c.m, MANIFEST, from, s.now);
        WIRE_PUT(&c.m, MANIFEST, to, s.now);
        WIRE_PUT(&c.m, MANIFEST, length, UINT64_C(604800000));
        WIRE_PUT(&c.m, MANIFEST, audio, true);
        c.grant.purpose = span_of(purpose, sizeof(purpose));
        buf_add(&c.purpose, c.grant.purpose);
        buf_add(&c.camera, span_of(purpose, 64));
        buf_add(&c.name, span_of(purpose, 32));
        c.expires = c.grant.expires = s.now;
        consents_fit(&s, &c);
        c.all = true;
        consents_fit(&s, &c);
        c.away = true;
        c.m.device = SPAN_OF(s.homes[0].device.pub.b);
        consents_fit(&s, &c);
        buf_fini(&c.purpose);
        buf_fini(&c.camera);
        buf_fini(&c.name);
        street_end(&s);
}

/* Other languages put the words elsewhere: who and what must not change places with them. */
static void test_german(void **state) {
        _clean_(buf_fini) struct buf text = BUF_NULL, reason = BUF_NULL;
        struct street s;
        (void)state;
        street_found(&s, 7, (struct wire_list){0});
        for (uint32_t i = 1; i < 6; i++)
                assert_int_equal(street_join(&s, 0, i, i == 1 ? 0 : 1), 0);
        struct ballot b = ballot_of(&s, OP_REMOVE);
        b.target = street_home(&s, 0, 1);
        b.subtree = true;
        b.count = (struct ballot_count){1, 2, false, {1, 1, 3, 4}};
        buf_add_str(&b.reason, "\"%s\" %n");
        assert_int_equal(street_remove_below(&s, 0, 0, 1), 0);
        say_as(&text, &b, "de_DE.UTF-8", &s.last);
        has(&text, "Den Haushalt \"Home AB\" (");
        has(&text, ") aus Elm Street entfernen? Mit ihm gehen 4 Haushalte, die er und sie brachten: \"Home A");
        has(&text, " Begründung, für jeden Haushalt lesbar: \"'%s' %n\". Die Stimme dieses Haushalts zählt als 1 von 2 "
                   "nötigen. Dafür sind dann 1 von 1 Steward oder 3 von 4 Haushalten: eines von beiden genügt.");
        assert_int_equal(occurrences(&text, " und "), 2); /* "er und sie", and before the last home */
        buf_fini(&b.reason);

        b = ballot_of(&s, OP_INVITE_UNDO);
        say_as(&text, &b, "de", NULL);
        has(&text, "Die Einladung des Haushalts \"Home AC\" (");
        has(&text, ") rückgängig machen, der mit einem eigenen Ticket zu Elm Street kam? ");
        b = ballot_of(&s, OP_LEAVE);
        say_as(&text, &b, "de", NULL);
        has(&text, "Aus Elm Street mit dem Haushalt \"Home AA\" (");
        b = ballot_of(&s, OP_DEVICE_REVOKE);
        say_as(&text, &b, "de", NULL);
        has(&text, "Das Gerät \"hub\" (");
        has(&text, ") des Haushalts \"Home AA\" (");
        street_end(&s);
}

static void test_tags(void **state) {
        static const char *const german[] = {"de", "DE", "de-AT", "de_CH.UTF-8", "de@euro", "de.UTF-8"};
        static const char *const others[] = {"", "en", "C", "fr_FR", "d", "deu", "-de", "de/../x", "POSIX"};
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(german); i++)
                assert_non_null(catalogue_find(span_str(german[i])));
        for (size_t i = 0; i < ARRAY_LEN(others); i++)
                assert_null(catalogue_find(span_str(others[i])));
        const struct catalogue *de = catalogue_find(SPAN_STR("de"));
        assert_string_equal(catalogue_text(de, " It is a steward."), " Er ist ein Steward.");
        assert_string_equal(catalogue_text(NULL, " It is a steward."), " It is a steward.");
        assert_string_equal(catalogue_text(de, "of no catalogue"), "of no catalogue");
        assert_string_equal(catalogue_count(de, "%u of %u steward", "%u of %u stewards", 1), "%u von %u Steward");
        assert_string_equal(catalogue_count(de, "%u of %u steward", "%u of %u stewards", 0), "%u von %u Stewards");
        assert_string_equal(catalogue_count(NULL, "%u of %u steward", "%u of %u stewards", 2), "%u of %u stewards");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_longest_votes),  cmocka_unit_test(test_endorsed),
                cmocka_unit_test(test_longest_others), cmocka_unit_test(test_over),
                cmocka_unit_test(test_german),         cmocka_unit_test(test_tags),
                cmocka_unit_test(test_clips),
        };
        return cmocka_run_group_tests_name("sentence", tests, NULL, NULL);
}
