/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: tickets and device codes travel by paper, telephone and photograph, so both are upper-case base32 behind a word that
 * says what they are, read back in any case and whatever a mail program has broken the lines into.
 */
#include "roster/armor.h"

#include "base/lang.h"
#include "base/text.h"

#define VERSION '1'
#define TEXT_MAX 4096                 /* with all that is skipped; a ticket or code has about 620 characters */
#define SIG_PAIR (1 + 2 + SIGN_BYTES) /* key, header and bytes */

/* PROTOCOL 6.1: "A reader MUST accept lower case and skip spaces, tabs, line ends and hyphens anywhere." */
static bool skipped(uint8_t c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '-';
}

/* The text without what is skipped. */
static int text_squeeze(struct span text, struct buf *ret) {
        if (text.n > TEXT_MAX)
                return TICKET_E_MANGLED;
        for (size_t i = 0; i < text.n; i++)
                if (!skipped(text.p[i]))
                        buf_add_u8(ret, text.p[i]);
        return buf_ok(ret) ? 0 : ERR_NOMEM;
}

static int prefix_check(struct span s, struct span word) {
        size_t n = word.n;
        if (s.n < n || !text_eq_nocase(span_of(s.p, n), word))
                return TICKET_E_PREFIX;
        if (s.n == n)
                return TICKET_E_MANGLED;
        if (s.p[n] == VERSION)
                return 0;
        return s.p[n] >= '0' && s.p[n] <= '9' ? TICKET_E_VERSION : TICKET_E_MANGLED;
}

int armor_open(struct buf *ret, struct span text, const char *word) {
        _clean_(buf_wipe) struct buf plain = BUF_NULL;
        int r = text_squeeze(text, &plain);
        if (r)
                return r;
        r = prefix_check(buf_span(&plain), span_str(word));
        if (r)
                return r;
        if (!text_unbase32(ret, span_from(buf_span(&plain), strlen(word) + 1)))
                return buf_ok(ret) ? TICKET_E_MANGLED : ERR_NOMEM;
        return 0;
}

void armor_put(struct buf *text, struct span raw, const char *word) {
        buf_add_str(text, word);
        buf_add_u8(text, VERSION);
        text_base32(text, raw);
}

/* ---- addresses ---- */

static bool addr_right(const struct wire_addr *a) {
        return WIRE_HAS(a, ADDR, ip4) + WIRE_HAS(a, ADDR, ip6) + WIRE_HAS(a, ADDR, dns) == 1;
}

bool armor_addrs_right(struct wire_list list) {
        struct wire_addr a;
        uint32_t n = list.count, right = 0;
        while (wire_list_next(&wire_addr_desc, &list, &a))
                right += addr_right(&a);
        return right == n && n <= TICKET_ADDRS_MAX;
}

static struct wire_list addrs_first(struct wire_list list, uint32_t n) {
        struct wire_list rest = list;
        struct wire_addr a;
        for (uint32_t i = 0; i < n; i++)
                wire_list_next(&wire_addr_desc, &rest, &a);
        return (struct wire_list){n, span_of(list.items.p, list.items.n - rest.items.n)};
}

/* ---- what is encoded ---- */

int armor_encode(const struct wire_desc *d, const void *msg, struct buf *raw) {
        buf_clear(raw);
        codec_encode(d, msg, raw);
        if (buf_ok(raw))
                return 0;
        return raw->starved ? ERR_NOMEM : TICKET_E_VALUE;
}

int armor_fit(const struct wire_desc *d, void *msg, struct wire_list *addrs, uint64_t *has, unsigned key,
              struct buf *raw) {
        struct wire_list all = *addrs;
        uint64_t bit = UINT64_C(1) << key;
        for (uint32_t n = *has & bit ? all.count : 0; n > 0; n--) {
                *addrs = addrs_first(all, n);
                int r = armor_encode(d, msg, raw);
                if (r != TICKET_E_VALUE)
                        return r;
        }
        *has &= ~bit;
        return armor_encode(d, msg, raw);
}

bool armor_sig_is_last(struct span raw, uint8_t key) {
        return codec_before(raw, key).n + SIG_PAIR == raw.n;
}

const char *armor_error_text(int e) {
        switch (e) {
        case TICKET_E_MANGLED:
                return N_("did not arrive whole: letters are missing, changed or added");
        case TICKET_E_SIGNATURE:
                return N_("was altered: its signature is wrong");
        case TICKET_E_VALUE:
                return N_("has a value out of bounds");
        }
        return N_("cannot be read");
}
