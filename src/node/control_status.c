/* SPDX-License-Identifier: Apache-2.0 */
/* STATUS: how this home stands, and how much its answers can be trusted to be current. */
#include "base/cell.h"
#include "node/caller.h"
#include "node/rows.h"

/* Nothing: when it is its turn in the lane, the count that was begun before it is there. */
static int wait_run(_unused_ struct query *q, _unused_ struct store_reader *r) {
        return 0;
}

static void put_membership(struct caller *c, const struct mesh_status *st, struct wire_c_status *msg, char *household,
                           char *device) {
        const struct roster *roster = mesh_roster(c->n->core);
        if (!roster || !roster_mesh(roster))
                return;
        WIRE_PUT(msg, C_STATUS, mesh, span_str(roster_mesh_name(roster)));
        WIRE_PUT(msg, C_STATUS, mesh_id, SPAN_OF(st->mesh.b));
        WIRE_PUT(msg, C_STATUS, household, span_str(rows_household(c->n, &st->household, household)));
        WIRE_PUT(msg, C_STATUS, household_id, SPAN_OF(st->household.b));
        WIRE_PUT(msg, C_STATUS, device, span_str(rows_device(c->n, &st->device, device)));
        if (caller_owns(c) && control_policy_asleep(c->n))
                WIRE_PUT(msg, C_STATUS, policy_asleep, control_policy_asleep(c->n));
}

/* A device of this household that came on a code which was taken back; NULL: there is none. */
static const char *uninvited(const struct node *n, const struct key *household) {
        const struct roster *roster = mesh_roster(n->core);
        const struct roster_home *home = roster ? roster_home_find(roster, household) : NULL;
        for (size_t i = 0; home && i < home->n_devices; i++)
                if (mesh_uninvited(n->core, &home->devices[i]->sign))
                        return home->devices[i]->name;
        return NULL;
}

/* When the oldest device code was made that nobody has used; 0: there is none. */
static mesh_wall oldest_code(const struct node *n) {
        struct mesh_code code;
        mesh_wall made = 0;
        for (size_t i = 0; mesh_code_at(n->core, i, &code); i++)
                if (code.state == CODE_OPEN && (!made || code.made < made))
                        made = code.made;
        return made;
}

/* Homes that this household invited and that wait for a place. */
static uint64_t waiting_below(const struct node *n, const struct key *household) {
        const struct roster *roster = mesh_roster(n->core);
        const struct roster_home *home;
        uint64_t found = 0;
        for (size_t at = 0; roster && (home = roster_waiting_next(roster, &at));)
                found += home->inviter && memcmp(home->inviter->key.b, household->b, sizeof(household->b)) == 0;
        return found;
}

static void put_ice(const struct node *n, struct wire_c_status *msg) {
        const struct ice *i = &n->ice;
        WIRE_PUT(msg, C_STATUS, meets, i->there);
        if (i->deaths)
                WIRE_PUT(msg, C_STATUS, helper_deaths, i->deaths);
        if (i->serving)
                WIRE_PUT(msg, C_STATUS, stun, i->serving);
        else if (i->serve_error)
                WIRE_PUT(msg, C_STATUS, stun_error, (uint64_t)i->serve_error);
}

static void put_relaying(struct caller *c, struct wire_c_status *msg) {
        struct mesh_relaying r;
        mesh_relaying(c->n->core, &r);
        WIRE_PUT(msg, C_STATUS, relay_quota, r.quota);
        WIRE_PUT(msg, C_STATUS, relayed, r.passed);
        WIRE_PUT(msg, C_STATUS, relaying, r.pairs);
}

static void put_status(struct caller *c) {
        struct node *n = c->n;
        struct mesh_status st;
        char household[ROWS_NAME_MAX], device[ROWS_NAME_MAX];
        _clean_(buf_fini) struct buf muted = BUF_NULL, home = BUF_NULL;
        _clean_(rows_reach_fini) struct rows_reach reach = {0};
        mesh_status(n->core, &st);
        struct wire_c_status msg = {
                .v = 1,
                .state = st.state,
                .homes = st.homes,
                .stewards = st.stewards,
                .links = st.links,
                .alerts = n->force.found.count,
                .unsent = st.unsent,
                .version = span_str(n->version),
                .data = span_str(n->dir),
        };
        put_membership(c, &st, &msg, household, device);
        WIRE_PUT(&msg, C_STATUS, device_id, SPAN_OF(st.device.b));
        if (st.state_since)
                WIRE_PUT(&msg, C_STATUS, since, st.state_since);
        rows_reach_status(n, &msg, &reach);
        cell_text(&home, n->home);
        if (home.n)
                WIRE_PUT(&msg, C_STATUS, home, buf_span(&home));
        rows_mutes(n, &muted);
        if (muted.n)
                WIRE_PUT(&msg, C_STATUS, muted, buf_span(&muted));
        if (st.muted_until)
                WIRE_PUT(&msg, C_STATUS, muted_until, st.muted_until);
        const char *stranger = uninvited(n, &st.household);
        if (stranger)
                WIRE_PUT(&msg, C_STATUS, uninvited, span_str(stranger));
        mesh_wall made = oldest_code(n);
        if (made)
                WIRE_PUT(&msg, C_STATUS, code, made);
        uint64_t waiting = waiting_below(n, &st.household);
        if (waiting)
                WIRE_PUT(&msg, C_STATUS, waiting, waiting);
        put_relaying(c, &msg);
        WIRE_PUT(&msg, C_STATUS, landlock, n->walls.landlock);
        WIRE_PUT(&msg, C_STATUS, syscalls, n->walls.syscalls);
        put_ice(n, &msg);
        if (n->backup_at)
                WIRE_PUT(&msg, C_STATUS, backup, n->backup_at);
        if (n->salvaged_at)
                WIRE_PUT(&msg, C_STATUS, salvaged, n->salvaged_at);
        if (n->writer.hurt)
                WIRE_PUT(&msg, C_STATUS, damaged, true);
        bool outside = st.state == FRESH_JOINING || st.state == FRESH_RESTORING || st.state == FRESH_NO_MESH;
        if (outside && st.join_problem != MESH_OUT_DONE)
                WIRE_PUT(&msg, C_STATUS, problem, span_str(mesh_outcome(st.join_problem)->message));
        else if (st.out != MESH_OUT_DONE)
                WIRE_PUT(&msg, C_STATUS, problem, span_str(mesh_outcome(st.out)->message));
        caller_row(c, CONTROL_STATUS_ROW, &msg);
        caller_done(c);
}

static void counted(struct caller *c, const struct ask *a);

/* One that is under way may have begun before something that the caller knows of. */
static void await_count(struct caller *c) {
        struct ask a = {.after = counted, .fresh = !c->n->force.counting};
        force_begin(c->n);
        caller_ask(c, &a, wait_run, SPAN_NONE);
}

static void counted(struct caller *c, const struct ask *a) {
        int r = a->q.r ? a->q.r : c->n->force.q.r;
        if (r)
                caller_store_error(c, r);
        else if (a->fresh || force_holds(c->n))
                put_status(c);
        else
                await_count(c);
}

void control_status(struct caller *c) {
        if (force_holds(c->n))
                put_status(c);
        else
                await_count(c);
}
