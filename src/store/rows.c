/* SPDX-License-Identifier: Apache-2.0 */
/* The core's rows as they come: everything but records, which record_put takes. */
#include "store/inside.h"

static int put_mark(struct store *s, const struct mesh_row *row) {
        _sql_ st = sql_get(&s->q, SQL_MARK_PUT);
        sql_bind_u64(st, 1, row->mark.wall);
        return sql_run(&s->q, st);
}

static int put_join(struct store *s, const struct mesh_row *row) {
        bool over = !row->join.op.n && !row->join.ticket.n;
        _sql_ st = sql_get(&s->q, over ? SQL_JOIN_DEL : SQL_JOIN_PUT);
        if (over) {
                s->erase_due = true; /* the ticket holds the link key */
                return sql_run(&s->q, st);
        }
        sql_bind_span(st, 1, row->join.op);
        sql_bind_span(st, 2, row->join.ticket);
        return sql_run(&s->q, st);
}

static int put_op(struct store *s, const struct mesh_row *row) {
        _sql_ st = sql_get(&s->q, SQL_OP_PUT);
        sql_bind_32(st, 1, row->op.id.b);
        sql_bind_span(st, 2, row->op.bytes);
        return sql_run(&s->q, st);
}

static int put_epoch(struct store *s, const struct mesh_row *row) {
        _sql_ st = sql_get(&s->q, SQL_EPOCH_PUT);
        sql_bind_span(st, 1, SPAN_OF(row->epoch.id));
        sql_bind_span(st, 2, row->epoch.header);
        sql_bind_u64(st, 3, row->epoch.has_key);
        sql_bind_32(st, 4, row->epoch.key.b);
        sql_bind_u64(st, 5, row->epoch.day);
        sql_bind_32(st, 6, row->epoch.link_key.b);
        sql_bind_u64(st, 7, row->epoch.since);
        sql_bind_span(st, 8, row->epoch.left);
        /* The ratchet is worth nothing while yesterday's key lies in the log. */
        s->erase_due = true;
        return sql_run(&s->q, st);
}

static int put_revoke(struct store *s, const struct mesh_row *row) {
        _sql_ st = sql_get(&s->q, SQL_REVOKE_PUT);
        sql_bind_32(st, 1, row->revoke.id.b);
        sql_bind_u64(st, 2, row->revoke.expires);
        sql_bind_span(st, 3, row->revoke.bytes);
        return sql_run(&s->q, st);
}

static int put_ticket(struct store *s, const struct mesh_row *row) {
        _sql_ st = sql_get(&s->q, SQL_TICKET_PUT);
        sql_bind_32(st, 1, row->ticket.id.b);
        sql_bind_span(st, 2, row->ticket.text);
        sql_bind_span(st, 3, row->ticket.label);
        sql_bind_u64(st, 4, row->ticket.revoked);
        return sql_run(&s->q, st);
}

static int put_contact(struct store *s, const struct mesh_row *row) {
        _sql_ st = sql_get(&s->q, SQL_CONTACT_PUT);
        sql_bind_32(st, 1, row->contact.device.b);
        sql_bind_bits(st, 2, row->contact.seq);
        sql_bind_span(st, 3, row->contact.bytes);
        return sql_run(&s->q, st);
}

static int put_addr(struct store *s, const struct mesh_row *row) {
        _sql_ st = sql_get(&s->q, row->addr.gone ? SQL_ADDR_DEL : SQL_ADDR_PUT);
        sql_bind_span(st, 1, SPAN_OF(row->addr.addr.ip));
        sql_bind_u64(st, 2, row->addr.addr.port);
        sql_bind_u64(st, 3, row->addr.addr.scope);
        if (!row->addr.gone) {
                sql_bind_32(st, 4, row->addr.device.b);
                sql_bind_u64(st, 5, row->addr.manual);
        }
        return sql_run(&s->q, st);
}

static int put_proof(struct store *s, const struct mesh_row *row) {
        _sql_ st = sql_get(&s->q, SQL_PROOF_PUT);
        sql_bind_32(st, 1, row->proof.id.b);
        sql_bind_u64(st, 2, row->proof.expires);
        sql_bind_span(st, 3, row->proof.bytes);
        return sql_run(&s->q, st);
}

static int put_code(struct store *s, const struct mesh_row *row) {
        _sql_ st = sql_get(&s->q, SQL_CODE_PUT);
        sql_bind_32(st, 1, row->code.id.b);
        sql_bind_u64(st, 2, row->code.share);
        sql_bind_u64(st, 3, row->code.made);
        sql_bind_u64(st, 4, row->code.expires);
        sql_bind_u64(st, 5, row->code.revoked);
        return sql_run(&s->q, st);
}

int row_put(struct store *s, const struct mesh_row *row) {
        switch (row->kind) {
        case MESH_ROW_MARK:
                return put_mark(s, row);
        case MESH_ROW_JOIN:
                return put_join(s, row);
        case MESH_ROW_OP:
                return put_op(s, row);
        case MESH_ROW_EPOCH:
                return put_epoch(s, row);
        case MESH_ROW_REVOKE:
                return put_revoke(s, row);
        case MESH_ROW_TICKET:
                return put_ticket(s, row);
        case MESH_ROW_CONTACT:
                return put_contact(s, row);
        case MESH_ROW_ADDR:
                return put_addr(s, row);
        case MESH_ROW_PROOF:
                return put_proof(s, row);
        case MESH_ROW_RECORD:
                return record_put(s, row);
        case MESH_ROW_CODE:
                return put_code(s, row);
        case MESH_ROW_CLIP:
                return clip_put(s, row);
        case MESH_ROW_SLOTS:
        case MESH_ROW_KINDS:
                break;
        }
        return 0;
}
