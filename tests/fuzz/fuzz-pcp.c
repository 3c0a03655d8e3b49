/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams in PCP's place, by the first byte: 0, the answer to a request to map; 1, a word of a router's to everybody, and what its
 * time is worth after what was heard before. Dictionary: pcp.dict. */
#include "router/epoch.h"
#include "router/pcp_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pcp_query query = {
        .nonce = {'t', 'w', 'e', 'l', 'v', 'e', ' ', 'b', 'y', 't', 'e', 's'}, .port = 7345, .lifetime = 3600};

/* What is taken for an answer is one to this request, and of a size that PCP has. */
static void answer(struct span in) {
        struct pcp_answer a;
        if (pcp_read(in, &query, &a))
                return;
        uint8_t asked[PCP_MAP_BYTES];
        pcp_write(&query, asked);
        REQUIRE(in.n >= PCP_MAP_BYTES && in.n <= PCP_BYTES_MOST && in.n % 4 == 0);
        REQUIRE(memcmp(in.p + 24, asked + 24, PCP_NONCE + 1) == 0 && memcmp(in.p + 40, asked + 40, 2) == 0);
        REQUIRE(pcp_result_text(a.result)[0]);
        REQUIRE(a.result == PCP_SUCCESS || a.outside.port == 0);
        (void)place_is_public(a.outside.ip);
}

static void announcement(struct span in) {
        struct epoch e = {.known = false};
        uint32_t said;
        for (int64_t now = 0; in.n; now += 1800000, in = span_from(in, 24))
                if (pcp_read_announce(span_of(in.p, MIN(in.n, (size_t)24)), &said))
                        REQUIRE(epoch_heard(&e, said, now) || now);
        if (e.known)
                REQUIRE(epoch_fits(&e, e.said, e.at_ms));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (!size)
                return 0;
        if (data[0] % 2 == 0)
                answer(span_of(data + 1, size - 1));
        else
                announcement(span_of(data + 1, size - 1));
        return 0;
}
