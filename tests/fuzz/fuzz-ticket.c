/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a ticket: no crash, and what is taken says the same when it is written again. The first byte 1: the rest are
 * the bytes of a ticket, which get past the letters this way.
 */
#include "base/text.h"
#include "roster/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHOOSE_BYTES = 1 };

/* What can be read of a ticket may be asked of it. */
static void use(struct ticket *t) {
        _clean_(buf_fini) struct buf words = BUF_NULL, invite = BUF_NULL, text = BUF_NULL;
        struct wire_invite inv;
        struct ticket again;
        ticket_words(t, &words);
        ticket_invite(t, &invite);
        REQUIRE(codec_decode(&wire_invite_desc, buf_span(&invite), &inv, NULL) == 0);
        REQUIRE(invite_check(&inv, &t->mesh));
        REQUIRE(t->store.n <= TICKET_BYTES_MAX);
        buf_add_str(&text, TICKET_PREFIX);
        text_base32(&text, buf_span(&t->store));
        REQUIRE(ticket_parse(&again, buf_span(&text)) == 0);
        REQUIRE(span_eq(buf_span(&t->store), buf_span(&again.store)));
        ticket_fini(&again);
}

static void parse(struct span text) {
        struct ticket t;
        int r = ticket_parse(&t, text);
        REQUIRE(r >= 0);
        if (r) {
                REQUIRE(ticket_error_text(r)[0]);
                return;
        }
        use(&t);
        ticket_fini(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        if (size == 0 || data[0] != CHOOSE_BYTES) {
                parse(span_of(data, size));
                return 0;
        }
        buf_add_str(&text, TICKET_PREFIX);
        text_base32(&text, span_of(data + 1, size - 1));
        parse(buf_span(&text));
        return 0;
}
