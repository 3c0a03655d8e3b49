/* SPDX-License-Identifier: Apache-2.0 */
#include "support/helper.h"

#include "wire/codec.h"

#define PWD "abcdefghijklmnopqrstuv"

void helper_words(struct buf *map, const struct helper_of *of) {
        uint8_t print[32] = {0};
        put_be32(print, of->home);
        put_be32(print + 4, of->link);
        put_be64(print + 8, of->life);
        const struct wire_ice_words w = {
                .meeting = of->link, .ufrag = SPAN_STR("home"), .pwd = SPAN_STR(PWD), .print = SPAN_OF(print)};
        codec_encode(&wire_ice_words_desc, &w, map);
        REQUIRE(buf_ok(map));
}

void helper_candidate(struct buf *map, mesh_link link, uint32_t which) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        uint8_t ip[4] = {192, 0, 2, (uint8_t)which};
        struct wire_ice_place place = {.ip = SPAN_OF(ip)};
        struct wire_ice_candidate w = {
                .meeting = link, .kind = CANDIDATE_HOST, .foundation = SPAN_STR("1"), .priority = 1 + which};
        WIRE_PUT(&place, ICE_PLACE, port, 7000 + which);
        wire_list_add(&wire_ice_place_desc, &w.place, &store, &place);
        codec_encode(&wire_ice_candidate_desc, &w, map);
        REQUIRE(buf_ok(map));
}

void helper_all(struct buf *map, mesh_link link) {
        const struct wire_ice_all w = {.meeting = link};
        codec_encode(&wire_ice_all_desc, &w, map);
        REQUIRE(buf_ok(map));
}

bool helper_read_words(struct span map, struct helper_of *ret) {
        struct wire_ice_words w;
        if (codec_decode(&wire_ice_words_desc, map, &w, NULL))
                return false;
        *ret = (struct helper_of){
                .home = get_be32(w.print.p), .link = get_be32(w.print.p + 4), .life = get_be64(w.print.p + 8)};
        return true;
}
