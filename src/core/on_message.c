/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes over links, one function a message, chosen by a table that also says what a link must have shown before.
 * Anything that is not a message ends the link; a message of a number unknown here is skipped and counted.
 */
#include "core/belong.h"
#include "core/core.h"
#include "core/epoch.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/reach.h"
#include "core/record.h"
#include "core/relay.h"
#include "core/spread.h"
#include "wire/codec.h"

union message {
        uint64_t has;
        struct wire_hello hello;
        struct wire_admit admit;
        struct wire_refused refused;
        struct wire_op op;
        struct wire_epoch_key epoch_key;
        struct wire_contact contact;
        struct wire_record record;
        struct wire_ids ids;
        struct wire_acks acks;
        struct wire_nothing nothing;
        struct wire_recon recon;
        struct wire_bye bye;
        struct wire_revoke revoke;
        struct wire_proof proof;
        struct wire_witness witness;
        struct wire_declined declined;
        struct wire_haul_paper haul_paper;
        struct wire_haul_box haul_box;
        struct wire_haul_answer haul_answer;
        struct wire_haul_clip haul_clip;
        struct wire_haul_have haul_have;
        struct wire_haul_from haul_from;
        struct wire_haul_list haul_list;
        struct wire_haul_want haul_want;
        struct wire_haul_piece haul_piece;
        struct wire_meet meet;
        struct wire_relay_open relay_open;
        struct wire_relay_bytes relay_bytes;
        struct wire_relay_room relay_room;
        struct wire_relay_end relay_end;
};

/* PROTOCOL 15.30: "An initiator that hears a HELLO without it MUST close." */
static bool greeted_alike(struct link *l, const struct wire_hello *h) {
        bool haul = WIRE_HAS(h, HELLO, haul);
        if (!l->dialled)
                l->haul = haul && !l->joining;
        else if (l->haul && !haul)
                carry_unknown(l);
        return l->state != LINK_CLOSING;
}

static int on_hello(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        const struct wire_hello *h = &msg->hello;
        if (l->hello_got) {
                link_hangup(l, REASON_BAD_FRAME);
                return 0;
        }
        l->hello_got = true;
        l->joining = WIRE_HAS(h, HELLO, joining);
        l->newcomer = l->joining && l->stranger;
        l->visiting = WIRE_HAS(h, HELLO, visiting) && !l->dialled;
        if (!greeted_alike(l, h))
                return 0;
        if (l->stranger && !l->joining && l->m->stopping) {
                link_hangup(l, REASON_NOT_MEMBER);
                return 0;
        }
        l->clock_offset = (int64_t)h->time - (int64_t)l->m->wall;
        clock_listen(l->m);
        if (!l->dialled)
                l->until = h->until;
        if (WIRE_HAS(h, HELLO, seen))
                memcpy(l->seen.ip, h->seen.p, sizeof(l->seen.ip));
        memcpy(l->their[LINK_OPS], h->ops.p, 8);
        memcpy(l->their[LINK_CONTACTS], h->contacts.p, 8);
        memcpy(l->their[LINK_RECORDS], h->records.p, 8);
        if (l->stranger)
                return 0; /* the admit, or the operation that makes it a member, must follow */
        int r = link_greet(l);
        if (!r && l->unproven && (l->ticket || ((l->m->joining || l->m->recover.on) && !l->m->member)))
                r = sync_join(l);
        return r ? r : link_greeted(l);
}

static int on_admit(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return admit_start(l, msg->admit.op);
}

static int on_refused(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        if (l->m->joining)
                join_refused(l->m, (enum wire_e_reason)msg->refused.reason);
        return 0;
}

static int on_op(struct link *l, const union message *msg, struct span raw) {
        (void)msg;
        return ops_take(l->m, l, raw);
}

static int on_epoch_key(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return epoch_take(l->m, l, &msg->epoch_key);
}

static int on_contact(struct link *l, const union message *msg, struct span raw) {
        return contact_take(l, &msg->contact, raw);
}

static int on_record(struct link *l, const union message *msg, struct span raw) {
        return accept_record(l, &msg->record, raw);
}

static int on_ihave(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return spread_ihave(l, msg->ids.ids);
}

static int on_graft(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return spread_graft(l, msg->ids.ids);
}

static int on_prune(struct link *l, const union message *msg, struct span raw) {
        (void)msg, (void)raw;
        l->lazy = true;
        return 0;
}

static int on_idontwant(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return want_not(l, msg->ids.ids);
}

static int on_ack(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        author_acked(l->m, l, msg->acks.ids);
        return 0;
}

static int on_recon(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return sync_recon(l, &msg->recon);
}

static int on_ping(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return link_say(l, LINK_PONG, &msg->nothing);
}

static int on_pong(struct link *l, const union message *msg, struct span raw) {
        (void)l, (void)msg, (void)raw;
        return 0;
}

static int on_bye(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        struct address *a = l->dialled ? address_of_link(l->m, l->id) : NULL;
        bool haul = l->haul; /* it is told of the reason, and its place is forgotten */
        link_hangup(l, (enum wire_e_reason)msg->bye.reason);
        if (a && !haul && msg->bye.reason == REASON_FULL)
                dial_refused(l->m, a);
        return 0;
}

static int on_revoke(struct link *l, const union message *msg, struct span raw) {
        return revoke_take(l, &msg->revoke, raw);
}

static int on_proof(struct link *l, const union message *msg, struct span raw) {
        return proof_take(l, &msg->proof, raw);
}

static int on_witness(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return undo_asked(l, msg->witness.op);
}

static int on_declined(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return undo_declined(l, &msg->declined);
}

static int on_relay(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return relay_asked(l, &msg->relay_open);
}

static int on_relay_bytes(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return relay_on_bytes(l, &msg->relay_bytes);
}

static int on_relay_room(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return relay_on_room(l, &msg->relay_room);
}

static int on_relay_end(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        relay_on_end(l, &msg->relay_end);
        return 0;
}

/* What a link must have shown before a message counts. */
static int on_meet(struct link *l, const union message *msg, struct span raw) {
        (void)raw;
        return doorstep_took(l, &msg->meet);
}

enum need { NEED_NOTHING, NEED_HELLO, NEED_PROVEN, NEED_UP, NEED_HAUL };

static const struct {
        int (*on)(struct link *l, const union message *msg, struct span raw);
        enum need need;
} handlers[] = {
        [LINK_HELLO] = {on_hello, NEED_NOTHING},
        [LINK_ADMIT] = {on_admit, NEED_HELLO},
        [LINK_REFUSED] = {on_refused, NEED_NOTHING},
        [LINK_OP] = {on_op, NEED_HELLO},
        [LINK_EPOCH_KEY] = {on_epoch_key, NEED_HELLO},
        [LINK_CONTACT] = {on_contact, NEED_UP},
        [LINK_RECORD] = {on_record, NEED_UP},
        [LINK_IHAVE] = {on_ihave, NEED_UP},
        [LINK_GRAFT] = {on_graft, NEED_UP},
        [LINK_PRUNE] = {on_prune, NEED_UP},
        [LINK_ACK] = {on_ack, NEED_UP},
        [LINK_RECON] = {on_recon, NEED_PROVEN},
        [LINK_PING] = {on_ping, NEED_UP},
        [LINK_PONG] = {on_pong, NEED_UP},
        [LINK_BYE] = {on_bye, NEED_NOTHING},
        [LINK_REVOKE] = {on_revoke, NEED_UP},
        [LINK_PROOF] = {on_proof, NEED_UP},
        [LINK_WITNESS] = {on_witness, NEED_UP},
        [LINK_DECLINED] = {on_declined, NEED_UP},
        [LINK_IDONTWANT] = {on_idontwant, NEED_UP},
        [LINK_PAPER] = {NULL, NEED_HAUL},
        [LINK_BOX] = {NULL, NEED_HAUL},
        [LINK_ANSWER] = {NULL, NEED_HAUL},
        [LINK_SEEK] = {NULL, NEED_HAUL},
        [LINK_HAVE] = {NULL, NEED_HAUL},
        [LINK_LIST_WANT] = {NULL, NEED_HAUL},
        [LINK_LIST] = {NULL, NEED_HAUL},
        [LINK_WANT] = {NULL, NEED_HAUL},
        [LINK_PIECE] = {NULL, NEED_HAUL},
        [LINK_STOP] = {NULL, NEED_HAUL},
        [LINK_MEET] = {on_meet, NEED_UP},
        [LINK_RELAY] = {on_relay, NEED_HAUL},
        [LINK_RELAY_BYTES] = {on_relay_bytes, NEED_HAUL},
        [LINK_RELAY_ROOM] = {on_relay_room, NEED_HAUL},
        [LINK_RELAY_END] = {on_relay_end, NEED_HAUL},
};

/* PROTOCOL 6.31: "It takes operations, epochs and revocations, and MUST NOT take contacts or records, nor open or answer
 * a session for those sets." */
static bool for_now(const struct link *l, uint64_t number) {
        if (!l->m->recover.on)
                return true;
        switch (number) {
        case LINK_CONTACT:
        case LINK_RECORD:
        case LINK_IHAVE:
        case LINK_GRAFT:
        case LINK_IDONTWANT:
        case LINK_PROOF:
        case LINK_ADMIT:
        case LINK_MEET:
                return false;
        }
        return true;
}

/* PROTOCOL 15.32: "Over such a link a node takes HELLO, BYE, OP, PING, PONG and messages 21 to 30 and 32 to 35, and MUST
 * ignore all others." */
static bool of_this_kind(const struct link *l, uint64_t number) {
        if (!l->haul)
                return handlers[number].need != NEED_HAUL;
        /* PROTOCOL 18.1: "messages 32 to 35 that come over a relayed link MUST be ignored" */
        if (l->room && number >= LINK_RELAY && number <= LINK_RELAY_END)
                return false;
        return handlers[number].need == NEED_HAUL || number == LINK_HELLO || number == LINK_BYE || number == LINK_OP ||
               number == LINK_PING || number == LINK_PONG;
}

static bool allowed(const struct link *l, uint64_t number) {
        if (!of_this_kind(l, number))
                return false;
        switch (handlers[number].need) {
        case NEED_NOTHING:
                return true;
        case NEED_HELLO:
                return l->hello_got;
        case NEED_PROVEN: /* of a joiner, and on a ticket: the roster that would prove the other side is what it sends */
                return l->hello_got && !l->stranger && (!l->unproven || !l->m->member || l->ticket);
        case NEED_UP:
                return l->state == (l->haul ? LINK_HAUL : LINK_UP);
        case NEED_HAUL:
                return l->state == LINK_HAUL;
        }
        return false;
}

static int handle(struct link *l, uint64_t number, const union message *msg, struct span raw) {
        if (!handlers[number].on)
                return carry_took(l, number, msg, raw);
        return handlers[number].on(l, msg, raw);
}

static bool known(uint64_t number) {
        return number < ARRAY_LEN(handlers) && (handlers[number].on || handlers[number].need == NEED_HAUL);
}

int on_body(struct link *l, struct span body) {
        struct wire_reader r = wire_reader(body);
        while (l->state != LINK_CLOSING) {
                union message msg = {0};
                struct span raw;
                struct codec_why why;
                unsigned unknown = 0;
                const struct wire_number *row = codec_next(&r, wire_link_find, &unknown);
                if (!row) {
                        if (!wire_reader_ok(&r))
                                link_hangup(l, REASON_BAD_FRAME);
                        return 0;
                }
                if (codec_read(row->desc, &r, &msg, &raw, &why)) {
                        mesh_trace(l->m, "link %u: %s: %s: %s", (unsigned)l->id, why.message, why.field, why.what);
                        link_hangup(l, REASON_BAD_FRAME);
                        return 0;
                }
                if (!known(row->number) || !for_now(l, row->number))
                        continue;
                if (!allowed(l, row->number)) {
                        if (l->stranger)
                                link_hangup(l, REASON_NOT_MEMBER);
                        l->early |= row->number == LINK_CONTACT && l->hello_got && l->state == LINK_GREETING;
                        continue; /* early or late, not hostile: sync brings it again */
                }
                int e = handle(l, row->number, &msg, raw);
                if (e)
                        return e;
        }
        return 0;
}
