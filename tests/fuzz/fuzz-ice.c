/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What porchlight-ice parses, by the first byte: 0, messages of the daemon, with candidates as another home named them; 1, a
 * question to a doorstep; 2, datagrams of a QUIC session, each behind its length.
 */
#include "ice/place.h"
#include "ice/quic.h"
#include "ice/serve.h"
#include "wire/frame.h"

#include <netinet/in.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void messages(struct span in) {
        struct span body;
        size_t used;
        while (frame_take(in, &body, &used) == 0) {
                union frame_message m;
                const struct wire_number *row;
                if (frame_read(body, wire_ice_find, &row, &m, NULL))
                        return;
                in = span_from(in, used);
                if (row->number != ICE_CANDIDATE)
                        continue;
                NiceCandidate *c = place_candidate(&m.ice_candidate, 1, false);
                if (!c)
                        continue;
                REQUIRE(nice_address_is_valid(&c->addr) && nice_address_get_port(&c->addr));
                REQUIRE(c->foundation[sizeof(c->foundation) - 1] == '\0');
                nice_candidate_free(c);
        }
}

static void question(struct span in) {
        const struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(7)};
        struct sockaddr_storage from = {0};
        uint8_t said[548];
        memcpy(&from, &a4, sizeof(a4));
        REQUIRE(serve_answer(in, &from, sizeof(a4), said, sizeof(said)) <= sizeof(said));
}

static void nowhere(_unused_ void *arg, struct span datagram) {
        REQUIRE(datagram.n <= QUIC_DATAGRAM);
}

static void datagrams(struct span in) {
        static struct cert cert;
        static bool made;
        struct hash print = {{0}};
        uint64_t now = 1;
        REQUIRE(made || (gnutls_global_init() == 0 && cert_make(&cert)));
        made = true;
        struct quic *q = quic_new(in.n % 2, &cert, &print, nowhere, NULL, now);
        REQUIRE(q);
        while (in.n > 2) {
                size_t n = MIN((size_t)get_be16(in.p), in.n - 2);
                quic_receive(q, span_of(in.p + 2, n), now += 1000000);
                REQUIRE(!quic_look(q).n); /* nobody can have shown that certificate */
                in = span_from(in, 2 + n);
        }
        quic_free(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static void (*const parts[])(struct span in) = {messages, question, datagrams};
        if (size)
                parts[data[0] % ARRAY_LEN(parts)](span_of(data + 1, size - 1));
        return 0;
}
