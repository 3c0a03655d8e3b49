/* SPDX-License-Identifier: Apache-2.0 */
#include "store/inside.h"

#include "base/array.h"
#include "base/err.h"

#include <stdlib.h>

#define BATCH_FIRST 16
#define ROW_SPANS_MAX 4

/* A row with everything it points to behind it. Some rows hold keys, so all are wiped. */
struct item {
        uint64_t token;
        size_t size;
        bool is_paper;                 /* or … */
        enum store_clip_change change; /* what is said of a clip; else it is a row */
        struct store_paper paper;
        struct store_clip clip;
        struct mesh_row row;
        union {
                struct wire_alert alert;
                struct wire_follow follow;
                struct wire_notice notice;
                struct wire_ask ask;
        };
        uint8_t bytes[];
};

struct store_batch {
        struct item **items;
        size_t n, cap;
};

struct store_batch *store_batch_new(void) {
        return calloc(1, sizeof(struct store_batch));
}

struct store_batch *store_batch_free(struct store_batch *b) {
        if (!b)
                return NULL;
        for (size_t i = 0; i < b->n; i++) {
                explicit_bzero(b->items[i], b->items[i]->size);
                free(b->items[i]);
        }
        free(b->items);
        free(b);
        return NULL;
}

/* Every span a row borrows; of its plaintext, the item's own copy's. */
static size_t row_spans(struct mesh_row *row, struct item *it, struct span *ret[ROW_SPANS_MAX]) {
        size_t n = 0;
        switch (row->kind) {
        case MESH_ROW_JOIN:
                ret[n++] = &row->join.op;
                ret[n++] = &row->join.ticket;
                break;
        case MESH_ROW_OP:
                ret[n++] = &row->op.bytes;
                break;
        case MESH_ROW_EPOCH:
                ret[n++] = &row->epoch.header;
                ret[n++] = &row->epoch.left;
                break;
        case MESH_ROW_REVOKE:
                ret[n++] = &row->revoke.bytes;
                break;
        case MESH_ROW_TICKET:
                ret[n++] = &row->ticket.text;
                ret[n++] = &row->ticket.label;
                break;
        case MESH_ROW_CONTACT:
                ret[n++] = &row->contact.bytes;
                break;
        case MESH_ROW_PROOF:
                ret[n++] = &row->proof.bytes;
                break;
        case MESH_ROW_CLIP:
                ret[n++] = &row->clip.manifest;
                ret[n++] = &row->clip.sealed;
                ret[n++] = &row->clip.camera;
                break;
        case MESH_ROW_RECORD:
                ret[n++] = &row->record.bytes;
                if (row->record.alert) {
                        ret[n++] = &it->alert.text;
                        ret[n++] = &it->alert.clips;
                } else if (row->record.follow) {
                        ret[n++] = &it->follow.target;
                        ret[n++] = &it->follow.text;
                } else if (row->record.notice) {
                        ret[n++] = &it->notice.clip;
                        ret[n++] = &it->notice.alert;
                } else if (row->record.ask) {
                        ret[n++] = &it->ask.reason;
                        ret[n++] = &it->ask.alert;
                }
                break;
        case MESH_ROW_MARK:
        case MESH_ROW_ADDR:
        case MESH_ROW_CODE:
        case MESH_ROW_SLOTS:
        case MESH_ROW_KINDS:
                break;
        }
        return n;
}

static void copy_plaintext(struct item *it) {
        if (it->row.kind != MESH_ROW_RECORD)
                return;
        if (it->row.record.alert) {
                it->alert = *it->row.record.alert;
                it->alert.salt = SPAN_NONE; /* nobody reads it again */
                it->row.record.alert = &it->alert;
                it->row.record.follow = NULL;
        } else if (it->row.record.follow) {
                it->follow = *it->row.record.follow;
                it->follow.salt = SPAN_NONE;
                it->row.record.follow = &it->follow;
        } else if (it->row.record.notice) {
                it->notice = *it->row.record.notice;
                it->notice.salt = SPAN_NONE;
                it->row.record.notice = &it->notice;
        } else if (it->row.record.ask) {
                it->ask = *it->row.record.ask;
                it->ask.salt = SPAN_NONE;
                it->row.record.ask = &it->ask;
        }
}

static struct item *item_new(const struct mesh_row *row, uint64_t token) {
        struct item head = {.token = token, .size = sizeof(head), .row = *row};
        struct span *spans[ROW_SPANS_MAX];
        copy_plaintext(&head);
        size_t n = row_spans(&head.row, &head, spans);
        for (size_t i = 0; i < n; i++)
                head.size += spans[i]->n;

        struct item *it = malloc(head.size);
        if (!it)
                return NULL;
        *it = head;
        copy_plaintext(it); /* once more: now it points into the item that stays */
        n = row_spans(&it->row, it, spans);
        uint8_t *at = it->bytes;
        for (size_t i = 0; i < n; i++) {
                if (spans[i]->n)
                        memcpy(at, spans[i]->p, spans[i]->n);
                spans[i]->p = at;
                at += spans[i]->n;
        }
        explicit_bzero(&head, sizeof(head));
        return it;
}

int store_batch_add(struct store_batch *b, const struct mesh_row *row, uint64_t token) {
        struct item **items = array_room(b->items, b->n, &b->cap, sizeof(*items), BATCH_FIRST);
        if (!items)
                return ERR_NOMEM;
        b->items = items;
        struct item *it = item_new(row, token);
        if (!it)
                return ERR_NOMEM;
        b->items[b->n++] = it;
        return 0;
}

/* With room for @bytes behind it; NULL: no memory. */
static struct item *item_room(struct store_batch *b, size_t bytes, uint64_t token) {
        struct item **items = array_room(b->items, b->n, &b->cap, sizeof(*items), BATCH_FIRST);
        if (!items)
                return NULL;
        b->items = items;
        struct item *it = calloc(1, sizeof(struct item) + bytes);
        if (!it)
                return NULL;
        it->token = token;
        it->size = sizeof(struct item) + bytes;
        b->items[b->n++] = it;
        return it;
}

/* @s is in the item from here on. Returns where the next goes. */
static uint8_t *keep(struct span *s, uint8_t *at) {
        if (s->n)
                memcpy(at, s->p, s->n);
        s->p = at;
        return at + s->n;
}

int store_batch_paper(struct store_batch *b, const struct store_paper *p, uint64_t token) {
        struct item *it = item_room(b, p->paper.n + p->more.n, token);
        if (!it)
                return ERR_NOMEM;
        it->is_paper = true;
        it->paper = *p;
        keep(&it->paper.more, keep(&it->paper.paper, it->bytes));
        return 0;
}

int store_batch_clip(struct store_batch *b, enum store_clip_change what, const struct store_clip *c, uint64_t token) {
        struct item *it = item_room(b, c->manifest.n + c->sealed.n + c->camera.n + c->salt.n, token);
        if (!it)
                return ERR_NOMEM;
        it->change = what;
        it->clip = *c;
        uint8_t *at = keep(&it->clip.sealed, keep(&it->clip.manifest, it->bytes));
        keep(&it->clip.salt, keep(&it->clip.camera, at));
        return 0;
}

size_t store_batch_count(const struct store_batch *b) {
        return b->n;
}

uint64_t store_batch_token(const struct store_batch *b, size_t i) {
        return i < b->n ? b->items[i]->token : 0;
}

struct commit {
        const struct store_batch *batch;
        uint64_t seq;
};

static int put_all(struct store *s, void *ctx) {
        struct commit *c = ctx;
        for (size_t i = 0; i < c->batch->n; i++) {
                const struct item *it = c->batch->items[i];
                int r = it->is_paper ? paper_put(s, &it->paper)
                        : it->change ? clip_change(s, it->change, &it->clip)
                                     : row_put(s, &it->row);
                if (r)
                        return r;
        }
        int r = slots_write(s);
        return r ? r : store_last_event(&s->q, &c->seq);
}

int store_commit(struct store *s, struct store_batch *b, mesh_wall now, uint64_t *ret_seq) {
        struct commit c = {b, 0};
        s->now = now;
        int r = store_transaction(s, put_all, &c);
        if (r)
                return r;
        *ret_seq = c.seq;
        return 0;
}
