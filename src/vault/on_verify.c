/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_VERIFY: the ledger is read again from its beginning, and every signature in it checked. That takes a second for 10,000 lines,
 * in which others ask too, and receipts come in: so it goes a piece a turn (vault_tick), and what is written meanwhile is read as well.
 */
#include "vault/consent.h"

#include <stdlib.h>

struct checking {
        struct vault_peer *peer;
        struct book b;
        struct book_reading at;
};

struct checking *checking_free(struct checking *c) {
        if (!c)
                return NULL;
        book_fini(&c->b);
        book_read_end(&c->at);
        free(c);
        return NULL;
}

struct vault_peer *checking_peer(const struct vault *v) {
        return v->checking ? v->checking->peer : NULL;
}

void on_verify(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now) {
        (void)m, (void)now;
        if (!vault_book(v, p))
                return;
        if (v->checking && v->checking->peer != p) {
                vault_refuse(p, VAULT_NO_BUSY);
                return;
        }
        checking_free(v->checking);
        v->checking = calloc(1, sizeof(*v->checking));
        if (!v->checking) {
                vault_refuse(p, VAULT_NO_MEMORY);
                return;
        }
        v->checking->peer = p;
        book_again(v->book, &v->checking->b);
}

/* The whole of it is read. */
static void answer(const struct vault *v, struct checking *c) {
        struct book *b = &c->b;
        struct wire_o_verified row = {.v = 1,
                                      .lines = b->chain.n,
                                      .objects = b->objects,
                                      .covered = b->covered,
                                      .restored = b->restored,
                                      .last = SPAN_OF(b->chain.last.b)};
        if (!b->broken && !hash_eq(&b->chain.last, &v->book->chain.last)) /* lines were taken off its end, or put on */
                b->broken = VAULT_NO_LEDGER_CHANGED;
        if (!book_fine(b, c->peer))
                return;
        frame_put(&c->peer->out, wire_owner_find(OWNER_O_VERIFIED_ROW), &row);
        vault_done(c->peer, NULL);
}

void checking_more(struct vault *v) {
        struct checking *c = v->checking;
        int r = book_read_on(&c->b, &c->at);
        if (!r && !c->at.over)
                return;
        if (r)
                vault_refuse(c->peer, VAULT_NO_MEMORY);
        else
                answer(v, c);
        v->checking = checking_free(c);
}
