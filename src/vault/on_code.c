/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device code: what a ballot for a device-add ends in. Nothing goes into the roster yet: the household certifies a key that
 * is used once, and the device that has it makes the operation when it joins. So the answer is the code's text. The daemon
 * hears the code's name only, and the owner sees the text when that name is on disk there: a code that could not be taken
 * back is never shown.
 */
#include "base/log.h"
#include "roster/code.h"
#include "vault/ballot.h"

#define CODE_LIFE_S MESH_DAY /* unless the owner says otherwise */
#define MS_PER_S 1000

bool code_may(const struct ballot *b) {
        size_t current = 0;
        for (size_t i = 0; i < b->self->n_devices; i++)
                current += b->self->devices[i]->gone_at == 0;
        if (current >= ROSTER_DEVICES_MAX)
                return vault_refuse(b->peer, VAULT_NO_DEVICES_FULL);
        return b->has_link_key || vault_refuse(b->peer, VAULT_NO_NO_KEY);
}

static int code_of(const struct vault *v, const struct ballot *b, const struct sign_key *household, mesh_time now,
                   struct code *c, struct buf *text) {
        uint8_t seed[32];
        struct rng rng;
        uint64_t life = b->expires_in ? MIN(b->expires_in, (uint64_t)TICKET_LIFE_MAX) : CODE_LIFE_S;
        c->w = (struct wire_device_code){
                .mesh = SPAN_OF(roster_mesh(b->roster)->b),
                .mesh_name = span_str(roster_mesh_name(b->roster)),
                .link_key = SPAN_OF(b->link_key.b),
                .name = span_str(b->self->name),
                .share = SHARE_QUARTER,
                .expires = b->wall + (now - b->wall_at) / MS_PER_S + life,
        };
        if (b->n_addrs)
                WIRE_PUT(&c->w, DEVICE_CODE, addrs, ((struct wire_list){b->n_addrs, buf_span(&b->addrs)}));
        mesh_cell cell = b->cell ? b->cell : roster_mesh_cell(b->roster);
        if (cell)
                WIRE_PUT(&c->w, DEVICE_CODE, cell, cell);
        v->io->seed(v->io->arg, seed);
        rng_init(&rng, seed);
        int r = code_make(c, household, &rng, text);
        rng_fini(&rng);
        hash_wipe(seed, sizeof(seed));
        return r;
}

/* The owner's answer, as it will go out. */
static void answer_put(const struct ballot *b, const struct code *c, struct span text, struct buf *out) {
        _clean_(buf_wipe) struct buf words = BUF_NULL;
        code_words(c, &words);
        struct wire_o_code row = {
                .v = 1,
                .code = text,
                .household = span_str(b->self->name),
                .share = c->w.share,
                .expires = c->w.expires,
                .check_words = buf_span(&words),
                .id = SPAN_OF(c->key.pub.b),
        };
        frame_put(out, wire_owner_find(OWNER_O_CODE), &row);
}

bool code_sign(struct vault *v, struct ballot *b, const struct sign_key *household, mesh_time now) {
        _clean_(buf_wipe) struct buf text = BUF_NULL;
        struct code c = {0};
        int r = code_of(v, b, household, now, &c, &text);
        if (r) {
                code_fini(&c);
                return vault_refuse(b->peer, r < 0 ? VAULT_NO_MEMORY : VAULT_NO_BROKEN);
        }
        answer_put(b, &c, buf_span(&text), &b->answer);
        struct wire_v_code msg = {.id = SPAN_OF(c.key.pub.b), .share = c.w.share, .expires = c.w.expires};
        bool asked = vault_ask(v, b->peer, VAULT_OP, OWNER_V_CODE, &msg, now);
        code_fini(&c);
        if (!asked)
                return false;
        b->stage = BALLOT_SENT;
        log_info("user %u has the household sign a device code; waiting for the daemon to keep its name", b->peer->uid);
        return true;
}

void code_answer(const struct ballot *b) {
        if (!buf_ok(&b->answer)) {
                vault_refuse(b->peer, VAULT_NO_MEMORY);
                return;
        }
        buf_add(&b->peer->out, buf_span(&b->answer));
        vault_done(b->peer, NULL);
}
