/* SPDX-License-Identifier: Apache-2.0 */
#include "pair.h"

struct street street;
struct safe owner, friend;
struct safe_clip clips[SAFE_CLIPS];

int pair_set_up(void **state) {
        struct box_key seal[2];
        (void)state;
        street_found(&street, 7, (struct wire_list){0});
        for (uint32_t i = 0; i < 2; i++) {
                struct key k = {{(uint8_t)(i + 1), 5}};
                box_key_from_secret(&seal[i], &k);
        }
        street.homes[1].seal = seal[1].pub;
        for (uint32_t i = 1; i < 3; i++)
                assert_int_equal(street_join(&street, 0, i, 0), 0);
        safe_clip_make(&clips[0], &street, &seal[0].pub, 1, SMALL, false);
        safe_clip_make(&clips[1], &street, &seal[0].pub, 2, LARGE, true);
        safe_init(&owner, &street, 0, clips, NULL);
        safe_init(&friend, &street, 1, clips, NULL);
        return 0;
}

int pair_tear_down(void **state) {
        (void)state;
        safe_fini(&owner);
        safe_fini(&friend);
        for (size_t i = 0; i < SAFE_CLIPS; i++)
                safe_clip_fini(&clips[i]);
        street_end(&street);
        return 0;
}

struct span pair_hex(struct buf *store, const struct hash *id) {
        buf_clear(store);
        text_hex(store, SPAN_OF(id->b));
        return buf_span(store);
}

void pair_refused(const struct safe *s, const char *name) {
        const struct safe_heard *h = safe_heard(s, OWNER_V_REFUSED);
        assert_non_null(h);
        assert_true(span_eq(buf_span(&h->bytes), span_str(name)));
}

enum wire_e_granted pair_state(struct safe *s, size_t i) {
        struct wire_o_ledger q = {.from = 0};
        safe_ask(s, OWNER_O_GRANTS, &q);
        return book_grant_state(book_grant_at(s->v.book, i));
}

/* What the disk has, read anew. */
uint64_t pair_lines(const struct safe *s) {
        struct book b;
        uint64_t n;
        assert_int_equal(book_open(&b, &s->io, &s->street->mesh, &s->street->homes[s->home].key.pub), 0);
        assert_int_equal(b.broken, VAULT_OK);
        n = b.chain.n;
        book_fini(&b);
        return n;
}

void pair_asked(struct safe *s, const char *words) {
        _clean_(buf_fini) struct buf store = BUF_NULL, text = BUF_NULL;
        union frame_message m;
        assert_true(safe_row(s, OWNER_O_SENTENCE, &store, &m));
        buf_add(&text, m.o_sentence.text);
        if (!strstr(buf_cstr(&text), words))
                fail_msg("\"%s\" is not in: %s", words, buf_cstr(&text));
}

struct span pair_granted(struct safe *s, struct buf *paper) {
        const struct safe_heard *h = safe_heard(s, OWNER_V_GRANT);
        assert_non_null(h);
        buf_clear(paper);
        buf_add(paper, buf_span(&h->bytes));
        return buf_span(paper);
}

bool pair_opens(const struct box_key *mine, const struct safe_heard *h, const struct key *key) {
        _clean_(buf_wipe) struct buf plain = BUF_NULL;
        return box_unseal(&plain, mine, SPAN_OF(h->grant.b), buf_span(&h->bytes)) && plain.n == sizeof(key->b) &&
               memcmp(plain.p, key->b, plain.n) == 0;
}

void pair_no_release(struct span receipt, const char *name) {
        safe_forget(&owner);
        safe_bring_paper(&owner, OWNER_V_RECEIPT, receipt);
        pair_refused(&owner, name);
        assert_null(safe_heard(&owner, OWNER_V_RELEASE));
}

const char *pair_accept(struct safe *s, struct span grant, struct span manifest) {
        struct wire_o_go go = {0};
        struct wire_o_accept q = {.grant = grant, .manifest = manifest};
        safe_ask(s, OWNER_O_ACCEPT, &q);
        if (safe_error(s)[0])
                return safe_error(s);
        safe_ask(s, OWNER_O_GO, &go);
        return safe_error(s);
}

bool pair_reads(struct safe *s, size_t c) {
        _clean_(buf_fini) struct buf id = BUF_NULL, all = BUF_NULL, store = BUF_NULL;
        union frame_message m;
        struct wire_o_read q = {.clip = pair_hex(&id, &clips[c].id)};
        safe_ask(s, OWNER_O_READ, &q);
        if (!safe_row(s, OWNER_O_READING_ROW, &store, &m))
                return false;
        for (uint64_t i = 0; i < m.o_reading.chunks; i++) {
                struct wire_o_chunk ask = {.i = i};
                safe_ask(s, OWNER_O_CHUNK, &ask);
                safe_pieces(s, &all);
        }
        return span_eq(buf_span(&all), buf_span(&clips[c].plain));
}
