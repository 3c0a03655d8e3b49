/* SPDX-License-Identifier: Apache-2.0 */
/* What people do in the street: they found, join, invite, vote and post. */
#include "support/street_inside.h"

#include "roster/code.h"
#include "wire/codec.h"

enum mesh_outcome street_found(struct street *s, size_t i) {
        return street_found_by(s, i, &(struct wire_list){0});
}

enum mesh_outcome street_found_by(struct street *s, size_t i, const struct wire_list *charter) {
        const struct home *h = &s->homes[i];
        _clean_(buf_fini) struct buf op = BUF_NULL;
        household_charter(&h->house, &h->cfg, charter, street_wall(s), &op);
        return street_command(s, i, (struct mesh_event){.type = MESH_EV_FOUND, .found = {.op = buf_span(&op)}}, 10);
}

enum mesh_outcome street_join(struct street *s, size_t i, const char *ticket) {
        const struct home *h = &s->homes[i];
        _clean_(buf_fini) struct buf op = BUF_NULL;
        if (!household_add(&h->house, &h->cfg, ticket, street_wall(s), &op))
                return MESH_OUT_TICKET_BAD;
        struct mesh_event ev = {.type = MESH_EV_JOIN, .join = {.op = buf_span(&op), .ticket = span_str(ticket)}};
        return street_command(s, i, ev, 60);
}

const char *street_invite(struct street *s, size_t i, uint32_t uses) {
        _clean_(buf_fini) struct buf keep_in = BUF_NULL;
        struct wire_addr w = {.port = s->homes[i].addr.port};
        struct mesh_event ev = {.type = MESH_EV_INVITE, .invite = {.uses = uses, .expires_in = 7 * 86400}};
        street_name_rows(&s->homes[i], &ev.invite.addrs, &keep_in);
        WIRE_PUT(&w, ADDR, ip4, span_of(s->homes[i].addr.ip + 12, 4));
        wire_list_add(&wire_addr_desc, &ev.invite.addrs, &keep_in, &w);
        return street_command(s, i, ev, 10) == MESH_OUT_DONE ? s->ticket : NULL;
}

enum mesh_outcome street_revoke(struct street *s, size_t i) {
        struct mesh_event ev = {.type = MESH_EV_REVOKE};
        struct mesh_ticket t;
        for (size_t k = 0; mesh_ticket_at(s->homes[i].core, k, &t); k++)
                ev.revoke.id = t.id;
        return street_command(s, i, ev, 10);
}

enum mesh_outcome street_code_named(struct street *s, size_t i, const struct key *id, mesh_wall expires) {
        struct mesh_event ev = {.type = MESH_EV_CODE, .code = {.id = *id, .share = SHARE_QUARTER, .expires = expires}};
        return street_command(s, i, ev, 10);
}

bool street_code_try(struct street *s, size_t i, size_t door, struct buf *ret) {
        const struct home *h = &s->homes[i];
        struct key keys[MESH_PSKS_MAX];
        struct wire_addr addr = {.port = s->homes[door].addr.port};
        REQUIRE(mesh_psks(h->core, keys));
        WIRE_PUT(&addr, ADDR, ip4, span_of(s->homes[door].addr.ip + 12, 4));
        household_code(&h->house, mesh_roster(h->core), &keys[0], &addr, street_wall(s) + 86400, &s->rng, ret);
        struct code c;
        REQUIRE(code_parse(&c, buf_span(ret)) == 0);
        enum mesh_outcome o = street_code_named(s, i, &c.key.pub, c.w.expires);
        code_fini(&c);
        return o == MESH_OUT_DONE;
}

void street_code(struct street *s, size_t i, size_t door, struct buf *ret) {
        REQUIRE(street_code_try(s, i, door, ret));
}

enum mesh_outcome street_code_back(struct street *s, size_t i) {
        struct mesh_event ev = {.type = MESH_EV_REVOKE};
        struct mesh_code c;
        for (size_t k = 0; mesh_code_at(s->homes[i].core, k, &c); k++)
                ev.revoke.id = c.id;
        return street_command(s, i, ev, 10);
}

enum mesh_outcome street_enrol(struct street *s, size_t i, struct span code, const char *name) {
        struct mesh_event ev = {.type = MESH_EV_JOIN, .join = {.ticket = code, .name = span_str(name)}};
        return street_command(s, i, ev, 60);
}

void street_sign_revoke(struct street *s, size_t i, size_t target, struct buf *out) {
        const struct home *h = &s->homes[i];
        struct sign_key sign;
        sign_key_from_seed(&sign, s->homes[target].cfg.sign_seed);
        REQUIRE(household_op(&h->house, mesh_roster(h->core), OP_DEVICE_REVOKE, &sign.pub, NULL, street_wall(s), out));
}

enum mesh_outcome street_revoke_device(struct street *s, size_t i, size_t target) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        street_sign_revoke(s, i, target, &op);
        return street_command(s, i, (struct mesh_event){.type = MESH_EV_OP, .operation = {.op = buf_span(&op)}}, 10);
}

void street_replacement(const struct street *s, size_t i, const struct roster *r, const struct mesh_config *device,
                        struct buf *ret) {
        const struct home *h = &s->homes[i];
        struct sign_key old;
        sign_key_from_seed(&old, h->cfg.sign_seed);
        REQUIRE(household_replace(&h->house, r, device, &old.pub, street_wall(s), ret));
}

void street_recover(struct street *s, size_t i, const struct mesh_recover *backup, double seconds) {
        street_command(s, i, (struct mesh_event){.type = MESH_EV_RECOVER, .recover = backup}, seconds);
}

static bool is_answered(struct street *s, void *ctx) {
        return s->homes[*(size_t *)ctx].replied || !mesh_roster(s->homes[*(size_t *)ctx].core);
}

void street_replace(struct street *s, size_t i, size_t lost, double seconds) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        street_replacement(s, lost, mesh_roster(s->homes[i].core), &s->homes[i].cfg, &op);
        street_feed(s, i, (struct mesh_event){.type = MESH_EV_REPLACE, .operation = {.op = buf_span(&op)}});
        street_wait(s, seconds, is_answered, &i);
}

enum mesh_outcome street_refresh(struct street *s, size_t i, const char *ticket, bool *ret_news) {
        struct mesh_event ev = {.type = MESH_EV_REFRESH, .refresh = {.ticket = span_str(ticket)}};
        enum mesh_outcome o = street_command(s, i, ev, 10);
        if (ret_news)
                *ret_news = o == MESH_OUT_DONE && s->homes[i].reply.reply.news;
        return o;
}

void street_knock(struct street *s, size_t i, size_t at) {
        street_command(s, i, (struct mesh_event){.type = MESH_EV_DIAL, .dial = {.addr = s->homes[at].addr}}, 1);
}

/* As the home's own machine has it. */
static mesh_wall home_wall(const struct street *s, size_t i) {
        int64_t wall = (int64_t)street_wall(s) + s->homes[i].clock_off;
        return wall > 0 ? (mesh_wall)wall : 0;
}

void street_sign(struct street *s, size_t i, enum wire_e_op type, size_t target, struct buf *out) {
        street_sign_at(s, i, type, target, home_wall(s, i), out);
}

static const struct hash *open_about(const struct roster *r, const struct key *about) {
        static struct roster_proposal p;
        for (size_t i = 0; roster_proposal_at(r, i, &p); i++)
                if (!p.in_force && !p.dead && key_eq(&p.target->key, about))
                        return &p.id;
        return NULL;
}

void street_sign_at(struct street *s, size_t i, enum wire_e_op type, size_t target, mesh_wall time, struct buf *out) {
        const struct roster *r = mesh_roster(s->homes[i].core);
        const struct key *about = &s->homes[target].house.sign.pub;
        const struct hash *undone = type == OP_INVITE_UNDO ? &roster_home_op(r, roster_home_find(r, about))->id : NULL;
        if (type == OP_ENDORSE)
                undone = open_about(r, about);
        if (undone || type == OP_LEAVE)
                about = NULL;
        REQUIRE(household_op(&s->homes[i].house, r, type, about, undone, time, out));
}

enum mesh_outcome street_vote(struct street *s, size_t i, enum wire_e_op type, size_t target) {
        _clean_(buf_fini) struct buf op = BUF_NULL;
        double patience = type == OP_INVITE_UNDO ? 45 : 10; /* as long as the vault waits, where others are asked */
        street_sign(s, i, type, target, &op);
        return street_command(s, i, (struct mesh_event){.type = MESH_EV_OP, .operation = {.op = buf_span(&op)}},
                              patience);
}

enum mesh_outcome street_endorse(struct street *s, size_t i, size_t target) {
        const struct household *voter = &s->homes[i].house, *about = &s->homes[target].house;
        const struct roster *r = mesh_roster(s->homes[i].core);
        struct roster_proposal p;
        for (size_t k = 0; roster_proposal_at(r, k, &p); k++) {
                _clean_(buf_fini) struct buf op = BUF_NULL;
                const struct hash id = p.id;
                if (p.in_force || p.dead || !key_eq(&p.target->key, &about->sign.pub) ||
                    roster_voted(r, &id, &voter->sign.pub))
                        continue;
                REQUIRE(household_op(voter, r, OP_ENDORSE, NULL, &id, home_wall(s, i), &op));
                return street_command(s, i, (struct mesh_event){.type = MESH_EV_OP, .operation = {.op = buf_span(&op)}},
                                      10);
        }
        return MESH_OUT_NO_TARGET;
}

enum mesh_outcome street_publish(struct street *s, size_t i, const struct mesh_draft *d, struct hash *ret_id) {
        enum mesh_outcome o = street_command(s, i, (struct mesh_event){.type = MESH_EV_PUBLISH, .draft = d}, 10);
        if (o == MESH_OUT_DONE && ret_id)
                *ret_id = s->homes[i].reply.reply.id;
        return o;
}

enum mesh_outcome street_post(struct street *s, size_t i, enum wire_alert_kind kind, const char *text,
                              struct hash *ret_id) {
        struct mesh_draft d = {
                .type = RECORD_ALERT, .kind = (uint8_t)kind, .cell = UINT64_C(1) << 35 | 777, .text = span_str(text)};
        return street_publish(s, i, &d, ret_id);
}

enum mesh_outcome street_follow(struct street *s, size_t i, enum wire_e_record type, const struct hash *target,
                                const char *text, struct hash *ret_id) {
        struct mesh_draft d = {.type = (uint8_t)type, .target = *target, .text = span_str(text)};
        return street_publish(s, i, &d, ret_id);
}
