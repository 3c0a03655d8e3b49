/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What porchlight-ice says to the daemon, while meetings go on and streams are up. The input is a run of steps, each a byte and what
 * belongs to it: bytes of the helper's, a meeting that begins or is given up, bytes for a link, bytes from it, or the helper's end.
 */
#include "../support/ice_world.h"

#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step { STEP_SAY, STEP_MEET, STEP_HANG_UP, STEP_SEND, STEP_WRITE, STEP_DIE, STEP_AGAIN, STEPS };

#define MEETINGS 4 /* numbers that are used, over and over */

static struct span take(struct span *in, size_t n) {
        struct span taken = span_of(in->p, MIN(n, in->n));
        *in = span_from(*in, taken.n);
        return taken;
}

static void hear(void) {
        static uint8_t room[1024];
        union frame_message m;
        enum wire_ice number;
        while (ice_world_read(room, sizeof(room), &number, &m))
                REQUIRE(number == ICE_MEET || number == ICE_END || number == ICE_SERVE);
}

static void step(uint8_t head, struct span *in) {
        static const struct mesh_addr nowhere;
        struct node *n = ice_world.n;
        mesh_link link = MESH_LINK_MET | (1 + head / STEPS % MEETINGS);
        struct span length = take(in, head % STEPS == STEP_SAY || head % STEPS == STEP_WRITE ? 1 : 0);
        switch ((enum step)(head % STEPS)) {
        case STEP_SAY:
                ice_world_write(take(in, length.n ? length.p[0] : 0));
                return;
        case STEP_MEET:
                if (!ice_hangup(n, link))
                        ice_meet(n, link, head & 1, &nowhere);
                return;
        case STEP_HANG_UP:
                if (!ice_hangup(n, link))
                        conn_hangup(n, link, REASON_IDLE);
                return;
        case STEP_SEND:
                conn_send(n, link, SPAN_STR("sixteen bytes...."));
                return;
        case STEP_WRITE:
                if (ice_world.stream >= 0)
                        (void)!send(ice_world.stream, in->p, take(in, length.n ? length.p[0] : 0).n,
                                    MSG_NOSIGNAL | MSG_DONTWAIT);
                return;
        case STEP_DIE:
                if (ice_world.helper >= 0)
                        close(ice_world.helper);
                ice_world.helper = -1;
                return;
        case STEP_AGAIN:
                n->ice.rest = 0;
                return;
        case STEPS:
                return;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct span in = span_of(data, size);
        log_set_level(LOG_ERROR);
        ice_world_begin();
        while (in.n) {
                uint8_t head = take(&in, 1).p[0];
                step(head, &in);
                ice_world_turn();
                hear();
                REQUIRE(ice_world.n->ice.n_meetings <= ICE_MEETINGS_MOST);
        }
        ice_world_end();
        return 0;
}
