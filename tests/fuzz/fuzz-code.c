/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a device code: no crash, and what is taken says the same when it is written again. The first byte 1: the rest
 * are the bytes of a code, which get past the letters this way.
 */
#include "base/text.h"
#include "roster/code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHOOSE_BYTES = 1 };

/* What can be read of a code may be asked of it. */
static void use(struct code *c) {
        _clean_(buf_fini) struct buf words = BUF_NULL, half = BUF_NULL, text = BUF_NULL;
        struct wire_code public;
        struct code again;
        code_words(c, &words);
        code_public(c, &half);
        REQUIRE(codec_decode(&wire_code_desc, buf_span(&half), &public, NULL) == 0);
        REQUIRE(code_check(&public, &c->mesh, &c->household));
        REQUIRE(c->store.n <= CODE_BYTES_MAX);
        buf_add_str(&text, CODE_PREFIX);
        text_base32(&text, buf_span(&c->store));
        REQUIRE(code_parse(&again, buf_span(&text)) == 0);
        REQUIRE(span_eq(buf_span(&c->store), buf_span(&again.store)));
        code_fini(&again);
}

static void parse(struct span text) {
        struct code c;
        int r = code_parse(&c, text);
        REQUIRE(r >= 0);
        if (r) {
                REQUIRE(code_error_text(r)[0]);
                return;
        }
        use(&c);
        code_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        if (size == 0 || data[0] != CHOOSE_BYTES) {
                parse(span_of(data, size));
                return 0;
        }
        buf_add_str(&text, CODE_PREFIX);
        text_base32(&text, span_of(data + 1, size - 1));
        parse(buf_span(&text));
        return 0;
}
