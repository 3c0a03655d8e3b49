/* SPDX-License-Identifier: Apache-2.0 */
/* MUTE, UNMUTE and MUTES: what this home's people do not want to be shown (node/mutes.h). */
#include "node/caller.h"
#include "node/rows.h"

static void put_row(struct caller *c, const struct mute *row) {
        char name[ROWS_NAME_MAX];
        struct wire_c_muted msg = {0};
        if (row->kind) {
                WIRE_PUT(&msg, C_MUTED, kind, row->kind);
        } else {
                WIRE_PUT(&msg, C_MUTED, id, SPAN_OF(row->household.b));
                WIRE_PUT(&msg, C_MUTED, household, span_str(rows_household(c->n, &row->household, name)));
        }
        if (row->until)
                WIRE_PUT(&msg, C_MUTED, until, row->until);
        caller_row(c, CONTROL_MUTE_ROW, &msg);
}

/* ---- whom the words mean ---- */

static bool is_muted(struct node *n, const struct key *household) {
        for (size_t i = 0; i < n->mutes.n; i++) {
                const struct mute *row = &n->mutes.rows[i];
                if (!row->kind && memcmp(row->household.b, household->b, sizeof(household->b)) == 0)
                        return mute_holds(row, node_time(n));
        }
        return false;
}

enum who { WHO_MUTED, WHO_MEMBER, WHO_GONE };

static bool is_of(struct node *n, const struct roster_home *home, enum who who) {
        switch (who) {
        case WHO_MUTED:
                return is_muted(n, &home->key);
        case WHO_MEMBER:
                return home->member;
        case WHO_GONE:
                return !home->member;
        }
        return false;
}

/* How many such homes have that name, or an id that begins so; the last of them. */
static unsigned find_homes(struct node *n, struct span words, enum who who, struct key *ret) {
        const struct roster *roster = mesh_roster(n->core);
        const struct roster_home *home;
        unsigned fit = 0;
        for (size_t i = 0; (home = roster_home_at(roster, i)); i++) {
                if (!span_eq(span_str(home->name), words) && !rows_id_begins(&home->key, words))
                        continue;
                if (!is_of(n, home, who))
                        continue;
                *ret = home->key;
                fit++;
        }
        return fit;
}

/* A home that is gone may be muted as well, for its alerts stand; but not where a member has that name. False: the caller
 * is answered. */
static bool find_home(struct caller *c, bool muted, struct key *ret) {
        struct span words = c->msg.c_mute.household;
        const struct roster *roster = mesh_roster(c->n->core);
        if (!roster || !roster_mesh(roster)) {
                caller_outcome(c, MESH_OUT_NO_MESH);
                return false;
        }
        unsigned fit = find_homes(c->n, words, muted ? WHO_MUTED : WHO_MEMBER, ret);
        if (fit == 0 && !muted)
                fit = find_homes(c->n, words, WHO_GONE, ret);
        if (fit == 1)
                return true;
        if (fit > 1)
                caller_error(c, "ambiguous", "several households answer to that", "give the id, or more digits of it",
                             EXIT_NOT_FOUND);
        else if (muted)
                caller_error(c, "not-muted", "no such household is muted", "`porchlight mute list` shows what is",
                             EXIT_NOT_FOUND);
        else
                caller_error(c, "no-such-household", "no household has that name or id",
                             "`porchlight member list` shows them", EXIT_NOT_FOUND);
        return false;
}

/* False: the caller is answered. */
static bool read_row(struct caller *c, bool muted, struct mute *ret) {
        const struct wire_c_mute *m = &c->msg.c_mute;
        bool kind = WIRE_HAS(m, C_MUTE, kind), household = WIRE_HAS(m, C_MUTE, household);
        struct mute row = {.kind = (uint8_t)m->kind};
        if (kind == household) {
                caller_error(c, "bad-request", "it takes either a kind or a household", "", EXIT_USAGE);
                return false;
        }
        if (household && !find_home(c, muted, &row.household))
                return false;
        if (WIRE_HAS(m, C_MUTE, expires_in))
                row.until = node_time(c->n) + m->expires_in;
        *ret = row;
        return true;
}

static bool is_own(struct node *n, const struct mute *row) {
        struct mesh_status st;
        mesh_status(n->core, &st);
        return !row->kind && memcmp(row->household.b, st.household.b, sizeof(st.household.b)) == 0;
}

/* ---- requests ---- */

static void save(struct node *n) {
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        mutes_encode(&n->mutes, &bytes);
        if (buf_ok(&bytes))
                writer_set(n, SETTING_MUTES, buf_span(&bytes));
}

void control_mute(struct caller *c) {
        struct mute row;
        if (!read_row(c, false, &row))
                return;
        if (is_own(c->n, &row)) {
                caller_error(c, "yours", "that is this household itself", "", EXIT_REFUSED);
                return;
        }
        if (mutes_put(&c->n->mutes, &row, node_time(c->n)) == MUTES_E_FULL) {
                caller_error(c, "too-many", "256 things are muted already", "`porchlight mute remove` takes one away",
                             EXIT_REFUSED);
                return;
        }
        save(c->n);
        put_row(c, &row);
        caller_done(c);
}

void control_unmute(struct caller *c) {
        struct mute row, gone;
        if (!read_row(c, true, &row))
                return;
        if (mutes_del(&c->n->mutes, &row, node_time(c->n), &gone) == MUTES_E_NONE) {
                caller_error(c, "not-muted", "that is not muted", "`porchlight mute list` shows what is",
                             EXIT_NOT_FOUND);
                return;
        }
        save(c->n);
        gone.until = 0; /* it has ended now */
        put_row(c, &gone);
        caller_done(c);
}

void control_mutes(struct caller *c) {
        mesh_wall now = node_time(c->n);
        for (size_t i = 0; i < c->n->mutes.n; i++)
                if (mute_holds(&c->n->mutes.rows[i], now))
                        put_row(c, &c->n->mutes.rows[i]);
        caller_done(c);
}
