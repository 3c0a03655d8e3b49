/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world.h"

#include "roster/roster.h"
#include "wire/codec.h"

#include <stdio.h>
#include <stdlib.h>

#define BUILT_BEFORE 1000000 /* seconds: the program is older than the world */
#define PATIENCE (90 * SIM_SECOND)
#define CELL (UINT64_C(1) << 35 | 777)
#define REMEMBERED 64 /* alerts a home may answer to */

/* ---- on and off ---- */
void home_init(struct world *w, uint32_t i) {
        struct node *n = &w->nodes[i];
        n->index = i;
        n->wake = UINT64_MAX;
        list_init(&n->writing);
        rng_bytes(&w->rng, n->cfg.sign_seed, sizeof(n->cfg.sign_seed));
        rng_bytes(&w->rng, n->cfg.noise_secret.b, sizeof(n->cfg.noise_secret.b));
        rng_bytes(&w->rng, n->cfg.seal_secret.b, sizeof(n->cfg.seal_secret.b));
        n->cfg.built = SIM_START - BUILT_BEFORE;
        n->cfg.shared = w->shared;
        household_new(&n->house, i, &w->rng);
        sign_key_from_seed(&n->device, n->cfg.sign_seed);
        uint8_t ip[16] = {0,         0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
                          (uint8_t)i};
        memcpy(n->addr.ip, ip, sizeof(ip));
        n->addr.port = 7345;
}

static void restore_kind(struct world *w, struct node *n, const struct disk *from, enum mesh_row_kind kind) {
        mesh_wall now = MAX(node_wall(w, n), n->cfg.built);
        for (size_t k = 0, rows = from->n; k < rows; k++)
                if (from->rows[k].row.kind == kind && disk_gives(&from->rows[k], now))
                        world_feed(w, n, (struct mesh_event){.type = MESH_EV_RESTORE, .restore = &from->rows[k].row});
}

/* In the order of the kinds, and of each in the order the rows were put in. */
static void restore(struct world *w, struct node *n) {
        for (enum mesh_row_kind kind = 0; kind < MESH_ROW_KINDS; kind++) {
                restore_kind(w, n, &w->ready, kind);
                restore_kind(w, n, &n->disk, kind);
        }
}

void home_on(struct world *w, struct node *n) {
        if (node_on(n))
                return;
        rng_bytes(&w->rng, n->cfg.seed, sizeof(n->cfg.seed));
        REQUIRE(mesh_new(&n->core, &n->cfg) == 0);
        n->life++;
        n->wake = UINT64_MAX;
        n->written = w->now;
        restore(w, n);
        world_feed(w, n, (struct mesh_event){.type = MESH_EV_START});
        lans_tell(w, n);
        meets_tell(w, n);
}

void home_off(struct world *w, struct node *n, bool silent) {
        if (!node_on(n))
                return;
        disks_crash(w, n);
        n->core = mesh_free(n->core);
        n->life++;
        n->replied = false;
        links_lost(w, n, silent);
}

/* ---- commands ---- */
static void command(struct world *w, struct node *n, struct mesh_event ev) {
        n->replied = false;
        n->publishing = ev.type == MESH_EV_PUBLISH;
        ev.token = ++n->command;
        world_feed(w, n, ev);
}

static enum mesh_outcome wait_reply(struct world *w, struct node *n) {
        uint64_t end = w->now + PATIENCE;
        while (!n->replied && w->now < end && !w->stopped)
                world_run_until(w, MIN(end, MAX(agenda_next(&w->agenda), w->now)));
        return n->replied ? n->outcome : MESH_OUT_BUSY;
}

enum mesh_outcome home_found(struct world *w, struct node *n, const struct wire_list *charter) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        household_charter(&n->house, &n->cfg, charter, SIM_START + w->now / 1000, &op);
        command(w, n, (struct mesh_event){.type = MESH_EV_FOUND, .found = {.op = buf_span(&op)}});
        enum mesh_outcome o = wait_reply(w, n);
        n->standing = o == MESH_OUT_DONE ? NODE_IN : n->standing;
        return o;
}

void home_invite(struct world *w, struct node *n, uint32_t uses) {
        _clean_(buf_fini) struct buf keep_in = BUF_NULL;
        struct wire_addr at = {.port = n->addr.port};
        struct mesh_event ev = {.type = MESH_EV_INVITE, .invite = {.uses = uses, .expires_in = 7 * 86400}};
        WIRE_PUT(&at, ADDR, ip4, span_of(n->addr.ip + 12, 4));
        wire_list_add(&wire_addr_desc, &ev.invite.addrs, &keep_in, &at);
        command(w, n, ev);
}

enum mesh_outcome home_join(struct world *w, struct node *n, struct node *inviter) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        home_invite(w, inviter, 1);
        enum mesh_outcome o = wait_reply(w, inviter);
        if (o != MESH_OUT_DONE)
                return o;
        if (!household_add(&n->house, &n->cfg, inviter->ticket, SIM_START + w->now / 1000, &op))
                return MESH_OUT_TICKET_BAD;
        command(w, n,
                (struct mesh_event){.type = MESH_EV_JOIN,
                                    .join = {.op = buf_span(&op), .ticket = span_str(inviter->ticket)}});
        o = wait_reply(w, n);
        n->standing = o == MESH_OUT_DONE ? NODE_IN : n->standing;
        return o;
}

/* ---- a day in the street ---- */
static bool may_act(const struct node *n) {
        struct mesh_status st;
        if (!node_on(n) || n->standing != NODE_IN || !mesh_roster(n->core))
                return false;
        mesh_status(n->core, &st);
        return st.state == FRESH_CURRENT || st.state == FRESH_ALONE;
}

/* An alert this home can read: one of the latest on its disk, or NULL. */
static const struct disk_row *some_alert(struct world *w, const struct node *n, bool mine) {
        const struct disk_row *found[REMEMBERED];
        size_t many = 0;
        for (size_t k = n->disk.n; k-- > 0 && many < REMEMBERED;) {
                const struct disk_row *r = &n->disk.rows[k];
                if (r->row.kind == MESH_ROW_RECORD && r->row.record.type == RECORD_ALERT && r->readable &&
                    r->row.record.mine == mine)
                        found[many++] = r;
        }
        return many ? found[rng_below(&w->rng, many)] : NULL;
}

void home_post(struct world *w, struct node *n) {
        static const uint8_t kinds[] = {KIND_FIRE, KIND_BREAK_IN, KIND_NOISE, KIND_OTHER};
        char text[48];
        snprintf(text, sizeof(text), "post %llu of home %u", (unsigned long long)++w->posts, n->index);
        struct mesh_draft d = {.type = RECORD_ALERT,
                               .kind = kinds[rng_below(&w->rng, ARRAY_LEN(kinds))],
                               .cell = CELL,
                               .text = span_str(text)};
        command(w, n, (struct mesh_event){.type = MESH_EV_PUBLISH, .draft = &d});
}

static void follow(struct world *w, struct node *n, uint8_t type) {
        bool mine = type == RECORD_UPDATE || type == RECORD_RESOLVE || type == RECORD_RETRACT;
        const struct disk_row *r = some_alert(w, n, mine);
        if (!r)
                return;
        struct mesh_draft d = {.type = type, .target = r->row.record.id, .text = SPAN_STR("a word on it")};
        if (type == RECORD_RETRACT || type == RECORD_CONFIRM)
                d.text = SPAN_NONE;
        command(w, n, (struct mesh_event){.type = MESH_EV_PUBLISH, .draft = &d});
}

void home_operate(struct world *w, struct node *n, enum wire_e_op type, const struct key *target,
                  const struct hash *proposal, mesh_wall at) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        if (household_op(&n->house, mesh_roster(n->core), type, target, proposal, at, &op))
                command(w, n, (struct mesh_event){.type = MESH_EV_OP, .operation = {.op = buf_span(&op)}});
        if (type == OP_LEAVE)
                n->standing = NODE_LEFT;
}

static void propose(struct world *w, struct node *n) {
        struct node *target = &w->nodes[rng_below(&w->rng, w->n)];
        static const enum wire_e_op types[] = {OP_PROMOTE, OP_PROMOTE, OP_REMOVE, OP_DEMOTE};
        if (target != n && target->standing == NODE_IN)
                home_operate(w, n, types[rng_below(&w->rng, ARRAY_LEN(types))], &target->house.sign.pub, NULL,
                             node_wall(w, n));
}

void home_endorse(struct world *w, struct node *n) {
        struct roster_proposal p;
        for (size_t i = 0; roster_proposal_at(mesh_roster(n->core), i, &p); i++) {
                if (p.in_force || p.dead || roster_voted(mesh_roster(n->core), &p.id, &n->house.sign.pub) ||
                    key_eq(&p.target->key, &n->house.sign.pub))
                        continue;
                struct hash id = p.id;
                home_operate(w, n, OP_ENDORSE, NULL, &id, node_wall(w, n));
                return;
        }
}

/* Footage exists, or is asked for; of asks a home soon has none left, and hears so. */
static void tell_of_footage(struct world *w, struct node *n, uint8_t type) {
        static const uint8_t clip[32] = {1};
        mesh_wall now = node_wall(w, n);
        struct mesh_draft d = {.type = type,
                               .cell = CELL,
                               .radius = 50 + (uint32_t)rng_below(&w->rng, 251),
                               .from = now - 7200,
                               .to = now - 3600,
                               .text = SPAN_STR("something happened"),
                               .clips = SPAN_OF(clip)};
        command(w, n, (struct mesh_event){.type = MESH_EV_PUBLISH, .draft = &d});
}

#define POSTS_ONLY 900 /* of 1000 */

static void act(struct world *w, struct node *n) {
        uint64_t dice = rng_below(&w->rng, w->opt.byzantine ? POSTS_ONLY : 1000);
        if (dice < 500)
                home_post(w, n);
        else if (dice < 530)
                tell_of_footage(w, n, RECORD_NOTICE);
        else if (dice < 550)
                tell_of_footage(w, n, RECORD_ASK);
        else if (dice < 700)
                follow(w, n, RECORD_COMMENT);
        else if (dice < 780)
                follow(w, n, RECORD_CONFIRM);
        else if (dice < 840)
                follow(w, n, RECORD_UPDATE);
        else if (dice < 900)
                follow(w, n, RECORD_RETRACT);
        else if (dice < 940)
                propose(w, n);
        else if (dice < 998)
                home_endorse(w, n);
        else
                home_operate(w, n, OP_LEAVE, NULL, NULL, node_wall(w, n));
}

#define ACT_EVERY (10 * SIM_MINUTE) /* a home, on average */
#define ACT_OFTEN (2 * SIM_MINUTE)  /* the same, where some are byzantine: such streets are short */

static void on_act(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[rng_below(&w->rng, w->n)];
        if (w->calm || w->hushed)
                return;
        if (may_act(n))
                act(w, n);
        uint64_t every = w->opt.byzantine || w->opt.repeat ? ACT_OFTEN : ACT_EVERY;
        world_plan(w, w->now + 1 + rng_below(&w->rng, 2 * every / w->n), h->node, on_act);
}

void homes_live(struct world *w) {
        world_plan(w, w->now, 0, on_act);
}
