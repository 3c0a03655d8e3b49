/* SPDX-License-Identifier: Apache-2.0 */
#include "core/out.h"

#include "base/buf.h"

#include <stdlib.h>

struct kept { /* a copied span, in a chain */
        struct kept *next;
        uint8_t bytes[];
};

struct out_item {
        struct out_item *next;
        struct mesh_action action;
        struct kept *kept;
        struct mesh_row row; /* STORE */
        union {              /* what its record says, if it says something */
                struct wire_alert alert;
                struct wire_follow follow;
                struct wire_notice notice;
                struct wire_ask ask;
        };
};

void out_init(struct out *o) {
        *o = (struct out){0};
}

static void item_free(struct out_item *it) {
        if (!it)
                return;
        while (it->kept) {
                struct kept *next = it->kept->next;
                free(it->kept);
                it->kept = next;
        }
        explicit_bzero(&it->row, sizeof(it->row)); /* epoch rows hold keys */
        free(it);
}

void out_fini(struct out *o) {
        item_free(TAKE(o->given));
        while (o->first) {
                struct out_item *next = o->first->next;
                item_free(o->first);
                o->first = next;
        }
        o->last = NULL;
}

struct mesh_action *out_add(struct out *o, enum mesh_action_type type) {
        struct out_item *it = calloc(1, sizeof(*it));
        if (!it) {
                o->starved |= type != MESH_DO_TRACE;
                return NULL;
        }
        it->action.type = type;
        if (o->last)
                o->last->next = it;
        else
                o->first = it;
        o->last = it;
        return &it->action;
}

struct span out_keep(struct out *o, struct span s, bool *ok) {
        if (s.n == 0)
                return SPAN_NONE;
        struct kept *k = malloc(sizeof(*k) + s.n);
        if (!k) {
                *ok = false;
                return SPAN_NONE;
        }
        memcpy(k->bytes, s.p, s.n);
        k->next = o->last->kept;
        o->last->kept = k;
        return span_of(k->bytes, s.n);
}

static void keep_record(struct out *o, struct out_item *it, bool *ok) {
        struct mesh_row *r = &it->row;
        r->record.bytes = out_keep(o, r->record.bytes, ok);
        if (r->record.alert) {
                it->alert = *r->record.alert;
                it->alert.text = out_keep(o, it->alert.text, ok);
                it->alert.clips = out_keep(o, it->alert.clips, ok);
                it->alert.salt = SPAN_NONE;
                r->record.alert = &it->alert;
        }
        if (r->record.follow) {
                it->follow = *r->record.follow;
                it->follow.text = out_keep(o, it->follow.text, ok);
                it->follow.target = out_keep(o, it->follow.target, ok);
                it->follow.salt = SPAN_NONE;
                r->record.follow = &it->follow;
        }
        if (r->record.notice) {
                it->notice = *r->record.notice;
                it->notice.clip = out_keep(o, it->notice.clip, ok);
                it->notice.alert = out_keep(o, it->notice.alert, ok);
                it->notice.salt = SPAN_NONE;
                r->record.notice = &it->notice;
        }
        if (r->record.ask) {
                it->ask = *r->record.ask;
                it->ask.reason = out_keep(o, it->ask.reason, ok);
                it->ask.alert = out_keep(o, it->ask.alert, ok);
                it->ask.salt = SPAN_NONE;
                r->record.ask = &it->ask;
        }
}

int out_row(struct out *o, uint64_t token, const struct mesh_row *row) {
        struct mesh_action *a = out_add(o, MESH_DO_STORE);
        if (!a)
                return ERR_NOMEM;
        struct out_item *it = o->last;
        bool ok = true;
        it->row = *row;
        switch (row->kind) {
        case MESH_ROW_MARK:
        case MESH_ROW_ADDR:
        case MESH_ROW_CODE:
        case MESH_ROW_SLOTS:
        case MESH_ROW_KINDS:
                break;
        case MESH_ROW_JOIN:
                it->row.join.op = out_keep(o, row->join.op, &ok);
                it->row.join.ticket = out_keep(o, row->join.ticket, &ok);
                break;
        case MESH_ROW_OP:
                it->row.op.bytes = out_keep(o, row->op.bytes, &ok);
                break;
        case MESH_ROW_EPOCH:
                it->row.epoch.header = out_keep(o, row->epoch.header, &ok);
                it->row.epoch.left = out_keep(o, row->epoch.left, &ok);
                break;
        case MESH_ROW_REVOKE:
                it->row.revoke.bytes = out_keep(o, row->revoke.bytes, &ok);
                break;
        case MESH_ROW_TICKET:
                it->row.ticket.text = out_keep(o, row->ticket.text, &ok);
                it->row.ticket.label = out_keep(o, row->ticket.label, &ok);
                break;
        case MESH_ROW_CONTACT:
                it->row.contact.bytes = out_keep(o, row->contact.bytes, &ok);
                break;
        case MESH_ROW_PROOF:
                it->row.proof.bytes = out_keep(o, row->proof.bytes, &ok);
                break;
        case MESH_ROW_CLIP:
                it->row.clip.manifest = out_keep(o, row->clip.manifest, &ok);
                it->row.clip.sealed = out_keep(o, row->clip.sealed, &ok);
                it->row.clip.camera = out_keep(o, row->clip.camera, &ok);
                break;
        case MESH_ROW_RECORD:
                keep_record(o, it, &ok);
                break;
        }
        a->token = token;
        a->store = &it->row;
        return ok ? 0 : ERR_NOMEM;
}

bool out_next(struct out *o, struct mesh_action *ret) {
        item_free(TAKE(o->given));
        if (!o->first)
                return false;
        o->given = o->first;
        o->first = o->first->next;
        if (!o->first)
                o->last = NULL;
        *ret = o->given->action;
        return true;
}
