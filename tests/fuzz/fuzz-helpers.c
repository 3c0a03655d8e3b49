/* SPDX-License-Identifier: Apache-2.0 */
/* What porchlight-names and porchlight-router say to the daemon, if one of them was taken over; the first byte says which. */
#include "names/ask.h"
#include "node/endpoint.h"
#include "wire/codec.h"
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void places(struct wire_list list, size_t most) {
        struct wire_addr row;
        struct mesh_addr addr;
        size_t n = 0;
        for (; wire_list_next(&wire_addr_desc, &list, &row); n++)
                if (endpoint_from_wire(&row, &addr))
                        REQUIRE(addr.port && addr.scope == 0);
        REQUIRE(n <= most);
}

static void look(const struct wire_number *row, const union frame_message *m, bool names) {
        if (names && row->number == NAMES_FOUND && WIRE_HAS(&m->names_found, NAMES_FOUND, addrs))
                places(m->names_found.addrs, ASK_ANSWERS);
        if (!names && row->number == ROUTER_MAPPED)
                places(m->router_mapped.place, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct span in = span_of(data, size), body;
        size_t used;
        if (!size)
                return 0;
        bool names = data[0] % 2 == 0;
        in = span_from(in, 1);
        while (frame_take(in, &body, &used) == 0) {
                union frame_message m;
                const struct wire_number *row;
                if (frame_read(body, names ? wire_names_find : wire_router_find, &row, &m, NULL))
                        return 0;
                look(row, &m, names);
                in = span_from(in, used);
        }
        return 0;
}
