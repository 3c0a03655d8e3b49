/* SPDX-License-Identifier: Apache-2.0 */
/*
 * V_PAPERS: the daemon asks for what it has to carry, since it, or its disk, may have lost what it was told once: grants
 * that are in force, those taken back before their time, receipts whose key has not come. All of it was said before and is
 * signed; no key is among it. V_OVER: a grant of another household has come to its end, and its key goes.
 */
#include "base/log.h"
#include "vault/rule.h"
#include "vault/transfer.h"

#define LINES_A_TURN 256 /* of the ledger looked at; the daemon asks again */
#define SAID_BYTES (32 * 1024)

/* ---- V_PAPERS ---- */

static void say_paper(struct vault *v, enum wire_owner number, struct span paper) {
        struct wire_v_paper msg = {.paper = paper};
        frame_put(&v->to_daemon, wire_owner_find(number), &msg);
}

void say_revoked(struct vault *v, const struct book_grant *g, struct span paper) {
        struct wire_v_paper msg = {.paper = paper};
        WIRE_PUT(&msg, V_PAPER, to, g->to_device ? SPAN_OF(g->device.b) : SPAN_OF(g->to.b));
        WIRE_PUT(&msg, V_PAPER, until, g->expires);
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_REVOKED), &msg);
}

static bool open_still(const struct book_grant *g) {
        return g && !book_grant_over(g) && (g->kept || g->released);
}

static bool back_in_time(const struct book_grant *g) {
        return g && g->revoked && g->seen < g->expires;
}

/* At its receipt's line: what is shared with an own device goes with that. */
static void say_own(struct vault *v, const struct book_grant *g, struct span receipt) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_entry e;
        if (book_line(v->book, g->line, &store, &e))
                grant_say(v, e.object, receipt);
}

static void say_line(struct vault *v, const struct wire_entry *e) {
        struct hash id;
        bool tells = e->what == ENTRY_GRANTED || e->what == ENTRY_REVOKED || e->what == ENTRY_RECEIPT;
        if (!tells || !WIRE_HAS(e, ENTRY, grant) || !WIRE_HAS(e, ENTRY, object))
                return;
        memcpy(id.b, e->grant.p, sizeof(id));
        const struct book_grant *g = book_grant_find(v->book, &id);
        if (e->what == ENTRY_GRANTED && open_still(g) && !g->to_device)
                say_paper(v, OWNER_V_GRANT, e->object);
        if (e->what == ENTRY_RECEIPT && open_still(g) && g->to_device)
                say_own(v, g, e->object);
        if (e->what == ENTRY_REVOKED && back_in_time(g))
                say_revoked(v, g, e->object);
}

/* Before the first grant that still counts there is nothing to tell. */
static uint64_t first_line(const struct vault *v) {
        for (size_t i = 0; i < book_n_grants(v->book); i++) {
                const struct book_grant *g = book_grant_at(v->book, i);
                if (open_still(g) || back_in_time(g))
                        return g->line;
        }
        return v->book->chain.n;
}

static void say_receipts(struct vault *v, mesh_wall wall) {
        _clean_(buf_fini) struct buf ids = BUF_NULL, store = BUF_NULL;
        if (v->io->blob_list(v->io->arg, VAULT_BLOB_TAKEN, &ids))
                return;
        for (size_t at = 0; at + sizeof(struct hash) <= ids.n && v->to_daemon.n < SAID_BYTES;
             at += sizeof(struct hash)) {
                struct taken t;
                struct hash id;
                memcpy(id.b, ids.p + at, sizeof(id));
                buf_clear(&store);
                if (taken_read(v, &id, &store, &t) && !WIRE_HAS(&t.w, O_TAKEN, key) && wall < t.grant.expires &&
                    !book_ended(v->book, &id))
                        say_paper(v, OWNER_V_SIGNED, t.w.receipt);
        }
}

void on_papers(struct vault *v, const union frame_message *m, mesh_time now) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_v_papers_end end = {0};
        struct wire_entry e;
        mesh_wall wall = v->io->wall(v->io->arg);
        (void)now;
        if (vault_book_there(v) == VAULT_OK && vault_clock_sane(wall)) {
                grants_mind(v, wall);
                if (m->v_papers.from == 0)
                        rule_say(v);
                uint64_t n = MAX(m->v_papers.from, first_line(v)), last = n + LINES_A_TURN;
                for (; n < MIN(v->book->chain.n, last) && v->to_daemon.n < SAID_BYTES; n++) {
                        buf_clear(&store);
                        if (book_line(v->book, n, &store, &e))
                                say_line(v, &e);
                }
                if (n < v->book->chain.n)
                        WIRE_PUT(&end, V_PAPERS_END, next, n);
                else
                        say_receipts(v, wall);
        }
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_PAPERS_END), &end);
}

/* ---- V_OVER ---- */

static bool says_over(const struct vault *v, const struct wire_v_over *q, const struct hash *grant, struct span owner,
                      struct wire_grant_over *ret) {
        struct hash id;
        return WIRE_HAS(q, V_OVER, paper) && clip_read(CLIP_GRANT_OVER, q->paper, &v->key.mesh, ret, &id) == 0 &&
               span_eq(ret->grant, SPAN_OF(grant->b)) && span_eq(ret->household, owner);
}

/* Its time is over, or its owner says so. */
static enum vault_error end_write(struct vault *v, const struct wire_v_over *q, const struct hash *grant,
                                  const struct taken *t) {
        struct wire_grant_over w;
        bool back = says_over(v, q, grant, t->grant.household, &w);
        if (!back && (WIRE_HAS(q, V_OVER, paper) || v->io->wall(v->io->arg) < t->grant.expires))
                return VAULT_NO_GRANT_FALSE;
        if (back)
                taken_back(v, grant, t, &w, q->paper);
        return VAULT_OK;
}

/* PROTOCOL 15.92: "A further device's vault MUST do so also where no key of it has come yet." */
static void end_ahead(struct vault *v, const struct wire_v_over *q, const struct hash *grant) {
        struct wire_grant_over w;
        if (v->key.state == KEYFILE_DEVICE && says_over(v, q, grant, SPAN_OF(v->key.household.b), &w))
                taken_back(v, grant, NULL, &w, q->paper);
}

/* Gone already, by the vault's own clock. What is damaged can be of no use to anybody and goes as well; what cannot be read just
 * now is not gone. */
static enum vault_error end_unread(const struct vault *v, const struct hash *grant) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct taken t;
        int r = v->io->blob_read(v->io->arg, VAULT_BLOB_TAKEN, grant, &store);
        if (r == KEYDISK_E_NONE)
                return VAULT_OK;
        buf_clear(&store);
        if (r || taken_read(v, grant, &store, &t) || !buf_ok(&store))
                return VAULT_NO_LEDGER_UNREAD; /* the daemon says it again */
        return v->io->blob_remove(v->io->arg, VAULT_BLOB_TAKEN, grant) ? VAULT_NO_LEDGER_DISK : VAULT_OK;
}

static enum vault_error take_end(struct vault *v, const struct wire_v_over *q, const struct hash *grant) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct taken t;
        enum vault_error e = vault_book_there(v);
        if (e)
                return e;
        if (!taken_read(v, grant, &store, &t)) {
                end_ahead(v, q, grant);
                return end_unread(v, grant);
        }
        e = end_write(v, q, grant, &t);
        if (e)
                return e;
        if (v->io->blob_remove(v->io->arg, VAULT_BLOB_TAKEN, grant))
                return VAULT_NO_LEDGER_DISK;
        log_info("a grant of another household is over: the key of its clip is gone");
        return VAULT_OK;
}

void on_over(struct vault *v, const union frame_message *m, mesh_time now) {
        struct hash grant;
        (void)now;
        memcpy(grant.b, m->v_over.grant.p, sizeof(grant));
        vault_tell_taken(v, &grant, take_end(v, &m->v_over, &grant));
}
