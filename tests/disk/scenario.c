/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/scenario.h"

#include "disk/platter.h"
#include "disk/rng.h"
#include "unit/store-rows.h"

#include "base/err.h"

#define GENERATION 20 /* steps */
#define LIFE 30       /* steps from the generation's first until its records expire */
#define EXPIRE_AT 13  /* the step of a generation that lets alerts expire */
#define PURGE_AT 5    /* and the one that purges the last but one */
#define CLEAR_AT 100  /* in half of all scenarios */
#define HOUSES 4
#define EPOCHS 3
#define ADDRS 4
#define TEXT_MARK(i) (2 * (i))
#define BODY_MARK(i) (2 * (i) + 1)
#define STEP_MARK(i) (2 * ROWS_MOST + (i))

/* What drawing has to remember. */
struct drawing {
        struct scenario *sc;
        uint64_t rng;
        size_t step, generation; /* the generation's first row */
        uint16_t house[ROWS_MOST];
        bool back[ROWS_MOST];                          /* taken back */
        bool copy[ROWS_MOST];                          /* of an earlier row: never a target */
        unsigned value[SETTINGS], key[EPOCHS], ticket; /* marks of the secrets in force; 0: none */
};

static uint64_t below(struct drawing *d, uint64_t n) {
        return rng_below(&d->rng, n);
}

static mesh_wall time_of(size_t step) {
        return SCENARIO_START + step * STEP_SECONDS;
}

static mesh_wall end_of(size_t step) {
        return time_of(step / GENERATION * GENERATION + LIFE);
}

/* The mark is to be gone when this step is acknowledged. */
static void erase(struct drawing *d, unsigned mark) {
        uint16_t *at = &d->sc->gone_after[mark];
        if (!*at)
                *at = (uint16_t)(d->step + 1);
}

static size_t row_new(struct drawing *d, struct mesh_row row) {
        struct scenario *sc = d->sc;
        size_t i = sc->n_rows++;
        sc->rows[i] = row;
        unsigned text = TEXT_MARK((unsigned)i), body = BODY_MARK((unsigned)i);
        snprintf(sc->texts[i], sizeof(sc->texts[i]), "smoke at the old bakery " MARK, text, text);
        size_t n = sizeof(sc->bodies[i]);
        rows_fill((uint8_t *)sc->bodies[i], n, 9, below(d, UINT32_MAX));
        snprintf(sc->bodies[i] + n / 2, n / 2, MARK, body, body);
        struct step *st = &sc->steps[d->step];
        st->rows[st->n++] = i;
        return i;
}

static struct span body_of(const struct scenario *sc, size_t i) {
        return SPAN_OF(sc->bodies[i]);
}

/* ---- records ---- */
static size_t record_new(struct drawing *d, uint8_t type, unsigned house) {
        struct scenario *sc = d->sc;
        size_t i = row_new(d, rows_record(sc->n_rows, house, type, time_of(d->step) - 5 - below(d, 3)));
        d->house[i] = (uint16_t)house;
        sc->rows[i].record.expires = end_of(d->step);
        sc->rows[i].record.bytes = body_of(sc, i);
        return i;
}

static void draw_alert(struct drawing *d) {
        struct scenario *sc = d->sc;
        size_t i = record_new(d, RECORD_ALERT, (unsigned)below(d, HOUSES));
        sc->alerts[i] = rows_alert(cell_at(52.5, 13.4, CELL_BLOCK), span_str(sc->texts[i]));
        if (below(d, 8))
                sc->rows[i].record.alert = &sc->alerts[i];
        else if (below(d, 2)) /* nobody can read it, and maybe never can */
                sc->rows[i].record.sealed = true;
        sc->rows[i].record.epoch[0] = (uint8_t)(1 + below(d, EPOCHS));
}

static bool is_here(const struct drawing *d, size_t i, bool alert) {
        const struct mesh_row *row = &d->sc->rows[i];
        if (row->kind != MESH_ROW_RECORD || d->copy[i])
                return false;
        return alert ? row->record.type == RECORD_ALERT : row->record.type != RECORD_RETRACT;
}

/* A row of this generation to point at; false: there is none yet. */
static bool draw_target(struct drawing *d, bool alert, size_t *ret) {
        size_t end = d->sc->n_rows, n = end - d->generation;
        for (size_t k = 0, first = n ? (size_t)below(d, n) : 0; k < n; k++) {
                *ret = d->generation + (first + k) % n;
                if (is_here(d, *ret, alert))
                        return true;
        }
        return false;
}

static bool is_change_of(const struct mesh_row *row, const struct mesh_row *target) {
        return row->kind == MESH_ROW_RECORD &&
               (row->record.type == RECORD_UPDATE || row->record.type == RECORD_RESOLVE) &&
               memcmp(&row->record.target, &target->record.id, sizeof(struct hash)) == 0 &&
               memcmp(&row->record.household, &target->record.household, sizeof(struct key)) == 0;
}

/* Row @i is taken back: its own words, and those its household wrote about it. */
static void erase_row(struct drawing *d, size_t i) {
        d->back[i] = true;
        erase(d, TEXT_MARK((unsigned)i));
        erase(d, BODY_MARK((unsigned)i));
        for (size_t k = d->generation; k < d->sc->n_rows; k++)
                if (is_change_of(&d->sc->rows[k], &d->sc->rows[i]))
                        erase(d, TEXT_MARK((unsigned)k));
}

static void draw_follow(struct drawing *d) {
        static const uint8_t types[] = {RECORD_UPDATE,  RECORD_UPDATE,  RECORD_RESOLVE,
                                        RECORD_CONFIRM, RECORD_DISPUTE, RECORD_COMMENT};
        struct scenario *sc = d->sc;
        size_t target;
        if (!draw_target(d, true, &target))
                return;
        uint8_t type = types[below(d, ARRAY_LEN(types))];
        unsigned house = below(d, 2) ? d->house[target] : (unsigned)below(d, HOUSES);
        size_t i = record_new(d, type, house);
        sc->rows[i].record.target = sc->rows[target].record.id;
        sc->follows[i] = rows_follow(&sc->rows[i].record.target, span_str(sc->texts[i]));
        if (type == RECORD_UPDATE && below(d, 2))
                WIRE_PUT(&sc->follows[i], FOLLOW, severity, 1 + below(d, 4));
        sc->rows[i].record.follow = &sc->follows[i];
        if (d->back[target] && is_change_of(&sc->rows[i], &sc->rows[target]))
                erase(d, TEXT_MARK((unsigned)i));
}

static void draw_retraction(struct drawing *d) {
        struct scenario *sc = d->sc;
        size_t target;
        if (!draw_target(d, false, &target))
                return;
        bool right = below(d, 4);
        size_t i = record_new(d, RECORD_RETRACT, right ? d->house[target] : (d->house[target] + 1u) % HOUSES);
        sc->rows[i].record.target = sc->rows[target].record.id;
        if (right)
                erase_row(d, target);
}

/* The record comes once more, or is found void. */
static void draw_again(struct drawing *d, bool voided) {
        struct scenario *sc = d->sc;
        size_t target;
        if (!draw_target(d, false, &target))
                return;
        size_t i = row_new(d, sc->rows[target]);
        d->house[i] = d->house[target];
        sc->rows[i].record.voided = voided;
        d->copy[i] = true;
        if (voided)
                erase_row(d, target);
        else if (sc->rows[i].record.type == RECORD_ALERT)
                sc->rows[i].record.alert = &sc->alerts[target]; /* now it can be read */
        sc->rows[i].record.sealed = false;
}

/* ---- the core's other rows ---- */
static void draw_epoch(struct drawing *d) {
        unsigned which = (unsigned)below(d, EPOCHS), mark = (unsigned)STEP_MARK(d->step);
        for (unsigned i = 0; i < EPOCHS; i++)
                if (d->key[i] == mark || d->ticket == mark)
                        return; /* one a step: a mark is a step's */
        if (d->key[which])
                erase(d, d->key[which]);
        size_t i = row_new(d, (struct mesh_row){.kind = MESH_ROW_EPOCH});
        struct mesh_row *row = &d->sc->rows[i];
        row->epoch.id[0] = (uint8_t)(1 + which);
        row->epoch.header = body_of(d->sc, i);
        row->epoch.has_key = true;
        row->epoch.day = (uint32_t)(time_of(d->step) / MESH_DAY);
        snprintf((char *)row->epoch.key.b, sizeof(row->epoch.key.b), MARK, mark, mark);
        d->key[which] = mark;
}

static void draw_join(struct drawing *d) {
        unsigned mark = (unsigned)STEP_MARK(d->step);
        size_t i = row_new(d, (struct mesh_row){.kind = MESH_ROW_JOIN});
        struct mesh_row *row = &d->sc->rows[i];
        if (d->ticket) {
                erase(d, d->ticket);
                d->ticket = 0;
                return; /* both empty: over */
        }
        snprintf(d->sc->texts[i], sizeof(d->sc->texts[i]), "PORCHLIGHT1" MARK, mark, mark);
        row->join.op = body_of(d->sc, i);
        row->join.ticket = span_str(d->sc->texts[i]);
        d->ticket = mark;
}

static void draw_other(struct drawing *d) {
        struct scenario *sc = d->sc;
        enum mesh_row_kind kinds[] = {MESH_ROW_MARK, MESH_ROW_OP,    MESH_ROW_OP,      MESH_ROW_REVOKE, MESH_ROW_TICKET,
                                      MESH_ROW_ADDR, MESH_ROW_PROOF, MESH_ROW_CONTACT, MESH_ROW_CODE};
        size_t i = row_new(d, (struct mesh_row){.kind = kinds[below(d, ARRAY_LEN(kinds))]});
        struct mesh_row *row = &sc->rows[i];
        struct hash id = rows_id(100000 + i);
        switch (row->kind) {
        case MESH_ROW_MARK:
                row->mark.wall = time_of(d->step);
                break;
        case MESH_ROW_OP:
                row->op.id = id;
                row->op.bytes = body_of(sc, i);
                break;
        case MESH_ROW_REVOKE:
                row->revoke.id = id;
                row->revoke.expires = end_of(d->step);
                row->revoke.bytes = body_of(sc, i);
                break;
        case MESH_ROW_PROOF:
                row->proof.id = id;
                row->proof.expires = end_of(d->step);
                row->proof.bytes = body_of(sc, i);
                break;
        case MESH_ROW_TICKET:
                row->ticket.id.b[0] = (uint8_t)below(d, HOUSES);
                row->ticket.text = body_of(sc, i);
                row->ticket.revoked = below(d, 2);
                break;
        case MESH_ROW_CONTACT:
                row->contact.device = rows_house(below(d, HOUSES));
                row->contact.seq = i;
                row->contact.bytes = body_of(sc, i);
                break;
        case MESH_ROW_CODE:
                row->code.id.b[0] = (uint8_t)below(d, HOUSES);
                row->code.expires = HOUSES; /* of one code it never changes */
                row->code.revoked = below(d, 2);
                break;
        case MESH_ROW_ADDR:
                row->addr.addr.port = (uint16_t)(1 + below(d, ADDRS));
                row->addr.gone = below(d, 3) == 0;
                break;
        case MESH_ROW_JOIN:
        case MESH_ROW_EPOCH:
        case MESH_ROW_RECORD:
        case MESH_ROW_SLOTS:
        case MESH_ROW_CLIP:
        case MESH_ROW_KINDS:
                break;
        }
}

static void draw_row(struct drawing *d) {
        uint64_t dice = below(d, 100);
        if (dice < 30)
                draw_alert(d);
        else if (dice < 58)
                draw_follow(d);
        else if (dice < 70)
                draw_retraction(d);
        else if (dice < 74)
                draw_again(d, true);
        else if (dice < 79)
                draw_again(d, false);
        else if (dice < 85)
                draw_epoch(d);
        else if (d->sc->steps[d->step].n == 0 && dice < 88)
                draw_join(d);
        else
                draw_other(d);
}

/* ---- steps ---- */
static void draw_setting(struct drawing *d, struct step *st) {
        unsigned i = st->setting = (unsigned)below(d, SETTINGS), mark = (unsigned)STEP_MARK(d->step);
        st->kind = STEP_SET;
        if (d->value[i] && below(d, 2)) {
                erase(d, d->value[i]);
                d->value[i] = 0;
                return; /* deleted */
        }
        snprintf(st->value, sizeof(st->value), "value " MARK, mark, mark);
        d->value[i] = mark; /* only a deletion promises anything of what was there */
}

static void draw_purge(struct drawing *d, struct step *st) {
        st->kind = STEP_TICK;
        if (d->step < 2 * GENERATION)
                return;
        size_t last = d->step / GENERATION - 2;
        st->purge_before = end_of(last * GENERATION) + 1;
        for (size_t k = 0; k < d->step && k < (last + 1) * GENERATION; k++)
                for (size_t j = 0; j < d->sc->steps[k].n; j++) {
                        size_t i = d->sc->steps[k].rows[j];
                        if (d->sc->rows[i].kind != MESH_ROW_RECORD)
                                continue;
                        erase(d, TEXT_MARK((unsigned)i));
                        erase(d, BODY_MARK((unsigned)i));
                }
}

static void draw_clear(struct drawing *d, struct step *st) {
        st->kind = STEP_CLEAR;
        for (unsigned mark = 0; mark < 2 * d->sc->n_rows; mark++)
                erase(d, mark);
        for (unsigned i = 0; i < d->step; i++)
                erase(d, (unsigned)STEP_MARK(i));
        memset(d->value, 0, sizeof(d->value));
        memset(d->key, 0, sizeof(d->key));
        d->ticket = 0;
}

static void draw_step(struct drawing *d, bool clear) {
        struct step *st = &d->sc->steps[d->step];
        size_t place = d->step % GENERATION;
        st->now = time_of(d->step);
        if (place == 0)
                d->generation = d->sc->n_rows;
        if (d->step == 0)
                st->kind = STEP_OPEN;
        else if (d->step == CLEAR_AT && clear)
                draw_clear(d, st);
        else if (place == PURGE_AT)
                draw_purge(d, st);
        else if (place == EXPIRE_AT)
                st->kind = STEP_TICK;
        else if (below(d, 12) == 0)
                st->kind = STEP_REOPEN;
        else if (below(d, 10) == 0)
                draw_setting(d, st);
        else {
                st->kind = STEP_BATCH;
                for (uint64_t n = 1 + below(d, STEP_ROWS_MOST); n; n--)
                        draw_row(d);
        }
}

void scenario_draw(struct scenario *sc, uint64_t seed) {
        struct drawing *d = calloc(1, sizeof(*d));
        REQUIRE(d);
        memset(sc, 0, sizeof(*sc));
        d->sc = sc;
        d->rng = seed;
        bool clear = below(d, 2);
        for (d->step = 0; d->step < STEPS; d->step++)
                draw_step(d, clear);
        free(d);
}

/* ---- doing it ---- */
void scenario_setting_name(unsigned i, char ret[16]) {
        snprintf(ret, 16, "setting%u", i);
}

static int do_batch(const struct scenario *sc, const struct step *st, struct store *s) {
        uint64_t seq;
        struct store_batch *b = store_batch_new();
        int r = b ? 0 : ERR_NOMEM;
        for (size_t i = 0; !r && i < st->n; i++)
                r = store_batch_add(b, &sc->rows[st->rows[i]], i);
        if (!r)
                r = store_commit(s, b, st->now, &seq);
        store_batch_free(b);
        return r;
}

static int do_setting(const struct step *st, struct store *s) {
        char name[16];
        scenario_setting_name(st->setting, name);
        return store_set(s, name, span_str(st->value));
}

static int reopen(struct store **s, bool clear) {
        *s = store_close(*s);
        int r = clear ? store_clear(PLATTER) : 0;
        return r ? r : store_open(s, PLATTER);
}

int scenario_step(const struct scenario *sc, size_t i, struct store **s) {
        const struct step *st = &sc->steps[i];
        uint64_t seq;
        switch (st->kind) {
        case STEP_OPEN:
                return *s ? 0 : store_open(s, PLATTER);
        case STEP_BATCH:
                return do_batch(sc, st, *s);
        case STEP_SET:
                return do_setting(st, *s);
        case STEP_TICK:
                return store_tick(*s, st->now, st->purge_before, &seq);
        case STEP_REOPEN:
        case STEP_CLEAR:
                return reopen(s, st->kind == STEP_CLEAR);
        }
        return ERR_BROKEN;
}
