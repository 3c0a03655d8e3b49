/* SPDX-License-Identifier: Apache-2.0 */
/* See book.h. */
#include "vault/book.h"

#include "base/log.h"

#define READ_BYTES 65536 /* of the file at a time */
#define LINE_MAX (BOOK_HEAD + ENTRY_BYTES_MAX)
#define ENTRY_SALT 16

enum { BOOK_E_LARGE = 32 }; /* beside KEYDISK_E_* */

/* ---- grants ---- */

size_t book_n_grants(const struct book *b) {
        return b->grants.n / sizeof(struct book_grant);
}

struct book_grant *book_grant_at(const struct book *b, size_t i) {
        return (struct book_grant *)(void *)b->grants.p + i;
}

/* From the newest on, which is asked for most. The beginnings of the ids stand close together: 20,000 are looked through in
 * 10 µs, which is less than a signature takes. */
struct book_grant *book_grant_find(const struct book *b, const struct hash *id) {
        uint64_t begins;
        memcpy(&begins, id->b, sizeof(begins));
        const uint64_t *at = (const uint64_t *)(const void *)b->begins.p;
        for (size_t i = book_n_grants(b); i-- > 0;)
                if (at[i] == begins && hash_eq(&book_grant_at(b, i)->id, id))
                        return book_grant_at(b, i);
        return NULL;
}

void book_see(struct book *b, mesh_wall wall) {
        for (size_t i = 0; i < book_n_grants(b); i++) {
                struct book_grant *g = book_grant_at(b, i);
                g->seen = MAX(g->seen, wall);
        }
        b->rule.seen = MAX(b->rule.seen, wall);
}

/* PROTOCOL 15.77: "A rule ends at its time, judged as that of a grant (rule 15.21), or when a line says so" */
bool book_rule_stands(const struct book *b) {
        const struct book_rule *r = &b->rule;
        return r->there && !r->ended && r->seen < r->expires;
}

static bool has_id(struct span ids, const struct hash *id) {
        for (; ids.n >= sizeof(*id); ids = span_from(ids, sizeof(*id)))
                if (memcmp(ids.p, id->b, sizeof(*id)) == 0)
                        return true;
        return false;
}

bool book_rule_used(const struct book *b, const struct hash *clip) {
        return has_id(buf_span(&b->rule_clips), clip);
}

bool book_grant_over(const struct book_grant *g) {
        return g->before || !book_grant_stands(g);
}

bool book_grant_stands(const struct book_grant *g) {
        return !g->revoked && !g->destroyed && !g->ended && g->seen < g->expires;
}

enum wire_e_granted book_grant_state(const struct book_grant *g) {
        if (g->deleted)
                return GRANTED_DELETED;
        if (g->revoked)
                return GRANTED_REVOKED;
        if (g->released && (g->ended || g->seen >= g->expires))
                return GRANTED_OVERDUE;
        if (g->released)
                return g->complete ? GRANTED_COMPLETE : GRANTED_RELEASED;
        if (g->destroyed)
                return GRANTED_DESTROYED;
        if (g->ended || g->seen >= g->expires)
                return GRANTED_EXPIRED;
        return g->kept && !g->before ? GRANTED_OPEN : GRANTED_BROKEN_OFF;
}

/* ---- what a line says ---- */

static bool same(struct span a, const void *b) {
        return span_eq(a, span_of(b, 32));
}

/* A grant of this household's, signed for this very place in the chain. */
static bool take_granted(struct book *b, const struct ledger *before, const struct wire_entry *e) {
        struct wire_grant w;
        struct book_grant g = {.line = (uint32_t)e->n, .seen = e->time};
        if (clip_read(CLIP_GRANT, e->object, &b->chain.mesh, &w, &g.id))
                return false;
        bool here = w.line == before->n && (w.line == 0 || same(w.prev, before->last.b));
        if (!here || !same(w.household, b->household.b) || !same(e->grant, g.id.b) || !span_eq(e->clip, w.clip))
                return false;
        g.to_device = WIRE_HAS(&w, GRANT, device);
        if (!span_eq(e->who, g.to_device ? w.device : w.to))
                return false;
        memcpy(g.clip.b, w.clip.p, sizeof(g.clip));
        memcpy(g.to.b, w.to.p, sizeof(g.to));
        if (g.to_device)
                memcpy(g.device.b, w.device.p, sizeof(g.device));
        g.created = w.created;
        g.expires = w.expires;
        buf_add(&b->grants, span_of(&g, sizeof(g)));
        buf_add(&b->begins, span_of(g.id.b, sizeof(uint64_t)));
        b->covered = before->n;
        return true;
}

static bool take_receipt(const struct book *b, const struct wire_entry *e, struct book_grant *g) {
        struct wire_receipt w;
        struct hash id;
        if (clip_read(CLIP_RECEIPT, e->object, &b->chain.mesh, &w, &id) || !same(w.grant, g->id.b) ||
            !same(w.clip, g->clip.b) || !same(w.household, g->to.b))
                return false;
        g->receipt = true;
        return true;
}

static bool take_over(const struct book *b, const struct wire_entry *e, struct book_grant *g) {
        struct wire_grant_over w;
        struct hash id;
        if (clip_read(CLIP_GRANT_OVER, e->object, &b->chain.mesh, &w, &id) || !same(w.grant, g->id.b) ||
            !same(w.household, b->household.b))
                return false;
        g->revoked = true;
        return true;
}

/* Whose device it is stood in the roster when the line was written. */
static bool take_attest(const struct book *b, const struct wire_entry *e, struct book_grant *g) {
        struct wire_attest w;
        struct hash id;
        bool complete = e->what == ENTRY_COMPLETE;
        if (clip_read(CLIP_ATTEST, e->object, &b->chain.mesh, &w, &id) || !same(w.grant, g->id.b) ||
            !span_eq(w.device, e->who) || w.what != (complete ? ATTESTED_COMPLETE : ATTESTED_DELETED))
                return false;
        *(complete ? &g->complete : &g->deleted) = true;
        return true;
}

/* No line without what has to stand before it: a key that was released has a receipt. */
static bool take_released(struct book_grant *g) {
        g->released = g->receipt;
        return g->receipt;
}

static void take_destroyed(struct book *b, const struct wire_entry *e) {
        buf_add(&b->destroyed, e->clip);
        for (size_t i = 0; i < book_n_grants(b); i++)
                if (same(e->clip, book_grant_at(b, i)->clip.b))
                        book_grant_at(b, i)->destroyed = true;
}

/* Of this household's own grants: its time was over. Of one that this home or device was given: its owner took it back. */
static bool take_end(struct book *b, const struct wire_entry *e, struct book_grant *g) {
        struct wire_grant_over w;
        struct hash id;
        if (!WIRE_HAS(e, ENTRY, grant))
                return false;
        if (g) {
                g->ended = true;
                return true;
        }
        bool right = WIRE_HAS(e, ENTRY, object) && WIRE_HAS(e, ENTRY, who) &&
                     clip_read(CLIP_GRANT_OVER, e->object, &b->chain.mesh, &w, &id) == 0 &&
                     span_eq(w.grant, e->grant) && span_eq(w.household, e->who);
        if (right)
                buf_add(&b->ended, e->grant);
        return right;
}

/* PROTOCOL 15.24: "For grants and rules before that line it releases nothing: what became of them after the backup it cannot
 * know." */
static void take_restored(struct book *b) {
        b->restored++;
        for (size_t i = 0; i < book_n_grants(b); i++)
                book_grant_at(b, i)->before = true;
        b->rule.ended = true;
}

/* A later one takes the place of an earlier one. */
static bool take_rule(struct book *b, const struct wire_entry *e) {
        struct wire_rule w;
        struct book_rule r = {.there = true, .line = (uint32_t)e->n, .seen = e->time};
        if (clip_read(CLIP_RULE, e->object, &b->chain.mesh, &w, &r.id) || !same(w.household, b->household.b) ||
            !same(e->grant, r.id.b))
                return false;
        memcpy(r.camera.b, w.camera.p, sizeof(r.camera));
        memcpy(r.homes, w.homes.p, w.homes.n);
        r.n = w.homes.n / sizeof(r.homes[0]);
        r.quorum = w.quorum;
        r.ago = w.ago;
        r.clips = w.clips;
        r.created = w.created;
        r.expires = w.expires;
        b->rule = r;
        buf_clear(&b->rule_clips);
        return true;
}

static bool of_rule(const struct book *b, const struct wire_entry *e) {
        return b->rule.there && WIRE_HAS(e, ENTRY, grant) && same(e->grant, b->rule.id.b);
}

/* PROTOCOL 15.78: "there MUST NOT be more of these than the rule allows" */
static bool take_rule_used(struct book *b, const struct wire_entry *e) {
        if (!of_rule(b, e) || b->rule.ended || b->rule.used >= b->rule.clips)
                return false;
        b->rule.used++;
        buf_add(&b->rule_clips, e->clip);
        return true;
}

static struct book_grant *grant_of(const struct book *b, const struct wire_entry *e) {
        struct hash id;
        if (!WIRE_HAS(e, ENTRY, grant))
                return NULL;
        memcpy(id.b, e->grant.p, sizeof(id));
        return book_grant_find(b, &id);
}

/* Whether the line has the rows its kind needs, and they are what they say they are. */
static bool take_meaning(struct book *b, const struct ledger *before, const struct wire_entry *e) {
        bool paper = WIRE_HAS(e, ENTRY, object), clip = WIRE_HAS(e, ENTRY, clip);
        struct book_grant *g = grant_of(b, e);
        b->objects += paper;
        switch ((enum wire_e_entry)e->what) {
        case ENTRY_GRANTED:
                return paper && clip && WIRE_HAS(e, ENTRY, grant) && WIRE_HAS(e, ENTRY, who) && !g &&
                       take_granted(b, before, e);
        case ENTRY_RECEIPT:
                return paper && g && take_receipt(b, e, g);
        case ENTRY_RELEASED:
                return g && take_released(g);
        case ENTRY_REVOKED:
                return paper && g && take_over(b, e, g);
        case ENTRY_COMPLETE:
        case ENTRY_DELETED:
                return paper && g && WIRE_HAS(e, ENTRY, who) && take_attest(b, e, g);
        case ENTRY_DESTROYED:
                if (clip)
                        take_destroyed(b, e);
                return clip;
        case ENTRY_READ:
        case ENTRY_EXPORTED:
        case ENTRY_LEGAL_ORDER:
                return clip;
        case ENTRY_RESTORED:
                take_restored(b);
                return true;
        case ENTRY_RULE:
                return paper && WIRE_HAS(e, ENTRY, grant) && take_rule(b, e);
        case ENTRY_RULE_USED:
                return clip && take_rule_used(b, e);
        case ENTRY_RULE_OVER:
                b->rule.ended |= of_rule(b, e);
                return of_rule(b, e);
        case ENTRY_OVER:
                return take_end(b, e, g);
        }
        return true; /* of a later version: it is in the chain */
}

/* A line that is in the chain already. */
static bool note(struct book *b, const struct ledger *before, const struct wire_entry *e, size_t bytes) {
        uint8_t at[8];
        if (!take_meaning(b, before, e))
                return false;
        if (b->reading) {
                buf_add(&b->times, span_of(&e->time, sizeof(e->time)));
                b->rule.seen = MAX(b->rule.seen, e->time);
        } else
                book_see(b, e->time);
        put_be64(at, b->end);
        buf_add(&b->lines, SPAN_OF(at));
        b->end += BOOK_HEAD + bytes;
        return true;
}

bool book_destroyed(const struct book *b, const struct hash *clip) {
        return has_id(buf_span(&b->destroyed), clip);
}

bool book_ended(const struct book *b, const struct hash *grant) {
        return has_id(buf_span(&b->ended), grant);
}

/* ---- reading ---- */

static bool all_zeros(struct span s) {
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i])
                        return false;
        return true;
}

enum { LINE_WHOLE, LINE_SHORT, LINE_NONE };

/* The map at the beginning of @in: LINE_SHORT where there may be more of it. */
static int line_at(struct span in, struct span *ret) {
        if (in.n < BOOK_HEAD)
                return LINE_SHORT;
        size_t n = get_be16(in.p);
        if ((n ^ get_be16(in.p + 2)) != 0xffff || n == 0 || n > ENTRY_BYTES_MAX)
                return LINE_NONE;
        *ret = span_of(in.p + BOOK_HEAD, MIN(n, in.n - BOOK_HEAD));
        return in.n < BOOK_HEAD + n ? LINE_SHORT : LINE_WHOLE;
}

/* Whether all lines so far have found their place: nothing may be looked up where one has not. */
static bool all_kept(const struct book *b) {
        return buf_ok(&b->lines) && buf_ok(&b->times) && buf_ok(&b->grants) && buf_ok(&b->begins) &&
               buf_ok(&b->destroyed) && buf_ok(&b->ended) && buf_ok(&b->rule_clips);
}

/* As many lines as are whole. False: the next one is none, whatever may come behind it. */
static bool take_lines(struct book *b, struct buf *in) {
        struct span raw;
        struct wire_entry e;
        size_t at = 0;
        int r;
        while ((r = line_at(span_from(buf_span(in), at), &raw)) == LINE_WHOLE && all_kept(b)) {
                struct ledger before = b->chain;
                if (ledger_take(&b->chain, raw, &e))
                        break;
                if (!note(b, &before, &e, raw.n)) {
                        b->chain = before;
                        break;
                }
                at += BOOK_HEAD + raw.n;
        }
        buf_drop(in, at);
        return r == LINE_SHORT;
}

/* Zeros to the end of the file: its length had reached the disk, and the line had not. */
static int only_zeros(const struct book *b, uint64_t at, bool *ret) {
        _clean_(buf_fini) struct buf in = BUF_NULL;
        *ret = true;
        for (; *ret; at += in.n) {
                buf_clear(&in);
                int r = b->io->ledger_read(b->io->arg, at, READ_BYTES, &in);
                if (r)
                        return r;
                if (!in.n)
                        return 0;
                *ret = all_zeros(buf_span(&in));
        }
        return 0;
}

/* A line that is none: what a crash left, or damage. */
static int judge_rest(struct book *b, bool *ret_torn) {
        int r = only_zeros(b, b->end, ret_torn);
        if (r == 0 && !*ret_torn) {
                b->broken = VAULT_NO_LEDGER_BROKEN;
                b->broken_line = b->chain.n;
        }
        return r;
}

/* What book_see() would have said of each line when it was read, in one pass from the last line on: each grant has seen the
 * latest of the times that stand from its own line on. */
static void see_all(struct book *b) {
        const uint64_t *times = (const uint64_t *)(const void *)b->times.p;
        size_t i = book_n_grants(b), n = b->times.n / sizeof(*times);
        mesh_wall latest = 0;
        while (n-- > 0) {
                latest = MAX(latest, times[n]);
                for (; i > 0 && book_grant_at(b, i - 1)->line == n; i--)
                        book_grant_at(b, i - 1)->seen = MAX(book_grant_at(b, i - 1)->seen, latest);
        }
        b->reading = false;
        buf_fini(&b->times);
}

/* A piece of the file. */
static int read_piece(struct book *b, struct book_reading *r) {
        size_t had = r->in.n;
        int e = b->io->ledger_read(b->io->arg, r->at, READ_BYTES, &r->in);
        if (e)
                return e;
        size_t got = r->in.n - had;
        r->at += got;
        bool fine = take_lines(b, &r->in);
        if (!buf_ok(&r->in) || !all_kept(b))
                return ERR_NOMEM;
        r->over = !fine || got == 0;
        r->torn = r->in.n > 0;
        if (!fine)
                return judge_rest(b, &r->torn);
        return r->at > BOOK_BYTES_MAX ? BOOK_E_LARGE : 0;
}

static enum vault_error read_error(int r) {
        switch (r) {
        case KEYDISK_E_THING:
                return VAULT_NO_LEDGER_THING;
        case BOOK_E_LARGE:
                return VAULT_NO_LEDGER_LARGE;
        }
        return VAULT_NO_LEDGER_UNREAD;
}

static void log_broken(const struct book *b) {
        const struct vault_error_row *row = vault_error(b->broken);
        if (b->broken == VAULT_NO_LEDGER_BROKEN)
                log_error("%s: line %llu of DIR/vault/ledger is no line, or does not follow the one before; %s",
                          row->name, (unsigned long long)b->broken_line, row->hint);
        else
                log_error("%s: %s; %s", row->name, row->message, row->hint);
}

/* The wrapped keys that are there. */
static int find_kept(struct book *b) {
        _clean_(buf_fini) struct buf ids = BUF_NULL;
        int r = b->io->blob_list(b->io->arg, VAULT_BLOB_WRAPPED, &ids);
        for (size_t at = 0; r == 0 && at + sizeof(struct hash) <= ids.n; at += sizeof(struct hash)) {
                struct hash id;
                memcpy(id.b, ids.p + at, sizeof(id));
                struct book_grant *g = book_grant_find(b, &id);
                if (g)
                        g->kept = true;
                else /* of a grant that never was: the vault that wrapped it was of another ledger */
                        r = b->io->blob_remove(b->io->arg, VAULT_BLOB_WRAPPED, &id);
        }
        return r ? r : buf_ok(&ids) ? 0 : ERR_NOMEM;
}

int book_read_on(struct book *b, struct book_reading *r) {
        int e = read_piece(b, r);
        if (e == ERR_NOMEM)
                return e;
        if (e) {
                b->broken = read_error(e);
                r->over = true;
        }
        if (r->over)
                see_all(b);
        return 0;
}

void book_read_end(struct book_reading *r) {
        buf_fini(&r->in);
}

static int read_all(struct book *b, bool *ret_torn) {
        _clean_(book_read_end) struct book_reading r = {.in = BUF_NULL};
        int e = 0;
        while (!e && !r.over)
                e = book_read_on(b, &r);
        *ret_torn = r.torn;
        return e;
}

static void book_init(struct book *b, const struct vault_io *io, const struct hash *mesh, const struct key *household) {
        *b = (struct book){.io = io, .chain = {.mesh = *mesh}, .household = *household, .reading = true};
}

int book_open(struct book *b, const struct vault_io *io, const struct hash *mesh, const struct key *household) {
        bool torn = false;
        book_init(b, io, mesh, household);
        int r = read_all(b, &torn);
        if (r)
                return r;
        if (torn && !b->broken) {
                log_warning("the ledger ends in a line that a crash cut short; cutting it off");
                if (io->ledger_cut(io->arg, b->end))
                        b->broken = VAULT_NO_LEDGER_STUCK;
        }
        if (!b->broken && find_kept(b))
                b->broken = VAULT_NO_LEDGER_UNREAD;
        if (b->broken)
                log_broken(b);
        return 0;
}

void book_again(const struct book *b, struct book *ret) {
        book_init(ret, b->io, &b->chain.mesh, &b->household);
}

void book_fini(struct book *b) {
        buf_fini(&b->lines);
        buf_fini(&b->grants);
        buf_fini(&b->begins);
        buf_fini(&b->times);
        buf_fini(&b->destroyed);
        buf_fini(&b->ended);
        buf_fini(&b->rule_clips);
}

bool book_fine(const struct book *b, struct vault_peer *p) {
        if (b->broken == VAULT_NO_LEDGER_BROKEN)
                return vault_refuse_why(p, b->broken, "line %llu of DIR/vault/ledger is damaged, or was changed",
                                        (unsigned long long)b->broken_line);
        return !b->broken || vault_refuse(p, b->broken);
}

bool book_line(const struct book *b, uint64_t n, struct buf *store, struct wire_entry *ret) {
        struct span raw;
        if (n >= b->chain.n || b->broken)
                return false;
        size_t had = store->n;
        uint64_t at = get_be64(b->lines.p + 8 * n);
        if (b->io->ledger_read(b->io->arg, at, LINE_MAX, store) || !buf_ok(store))
                return false;
        return line_at(span_from(buf_span(store), had), &raw) == LINE_WHOLE &&
               codec_decode(&wire_entry_desc, raw, ret, NULL) == 0 && ret->n == n;
}

/* As many as are whole in @in. */
static int each_in(struct buf *in, uint64_t *left, int (*fn)(void *arg, struct span raw, const struct wire_entry *e),
                   void *arg) {
        struct span raw;
        size_t at = 0;
        for (; *left && line_at(span_from(buf_span(in), at), &raw) == LINE_WHOLE; at += BOOK_HEAD + raw.n, --*left) {
                struct wire_entry e;
                if (codec_decode(&wire_entry_desc, raw, &e, NULL))
                        return ERR_IO;
                int r = fn(arg, raw, &e);
                if (r)
                        return r;
        }
        buf_drop(in, at);
        return 0;
}

int book_each(const struct book *b, uint64_t from, int (*fn)(void *arg, struct span raw, const struct wire_entry *e),
              void *arg) {
        _clean_(buf_fini) struct buf in = BUF_NULL;
        if (from >= b->chain.n || b->broken)
                return 0;
        uint64_t at = get_be64(b->lines.p + 8 * from), left = b->chain.n - from;
        while (left) {
                uint64_t before = left;
                size_t had = in.n;
                int r = b->io->ledger_read(b->io->arg, at, READ_BYTES, &in);
                if (r || !buf_ok(&in))
                        return r ? r : ERR_NOMEM;
                at += in.n - had;
                r = each_in(&in, &left, fn, arg);
                if (r)
                        return r;
                if (left == before && in.n == had) /* the file is shorter than it was */
                        return ERR_IO;
        }
        return 0;
}

/* ---- writing ---- */

static int line_put(struct buf *out, struct span map) {
        uint8_t head[BOOK_HEAD];
        put_be16(head, (uint16_t)map.n);
        put_be16(head + 2, (uint16_t)~map.n);
        buf_add(out, SPAN_OF(head));
        buf_add(out, map);
        return buf_ok(out) ? 0 : ERR_NOMEM;
}

/* What did not get onto the disk whole is taken back; where even that fails nobody knows what stands there, and the next
 * start looks. */
static enum vault_error write_failed(struct book *b, int r) {
        log_error("the ledger could not be written (%s); nothing was granted, released or read", err_text(r));
        if (b->io->ledger_cut(b->io->arg, b->end) == 0)
                return VAULT_NO_LEDGER_DISK;
        b->broken = VAULT_NO_LEDGER_STUCK;
        return b->broken;
}

enum vault_error book_write(struct book *b, struct wire_entry *line) {
        _clean_(buf_fini) struct buf map = BUF_NULL, bytes = BUF_NULL;
        struct ledger before = b->chain, after = b->chain;
        uint8_t seed[32];
        struct wire_entry e, salted = *line;
        if (b->broken)
                return b->broken;
        if (b->end > BOOK_BYTES_MAX - LINE_MAX)
                return VAULT_NO_LEDGER_LARGE;
        b->io->seed(b->io->arg, seed);
        WIRE_PUT(&salted, ENTRY, salt, span_of(seed, ENTRY_SALT));
        if (ledger_add(&after, &salted, &map) || line_put(&bytes, buf_span(&map)) ||
            codec_decode(&wire_entry_desc, buf_span(&map), &e, NULL))
                return VAULT_NO_MEMORY;
        int r = b->io->ledger_write(b->io->arg, b->end, buf_span(&bytes));
        if (r)
                return write_failed(b, r);
        line->n = salted.n;
        b->chain = after;
        if (!CHECK_FAILS(note(b, &before, &e, map.n)) && all_kept(b))
                return VAULT_OK;
        b->broken = VAULT_NO_LEDGER_STUCK; /* it stands there, and this process cannot go on with it */
        return b->broken;
}
