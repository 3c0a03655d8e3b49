/* SPDX-License-Identifier: Apache-2.0 */
#include "support/guest.h"
#include "core/epoch.h"
#include "core/frames.h"
#include "core/record.h"

void guest_start(struct guest *g, const struct hash *mesh, const struct key *noise_secret, const struct key *psk,
                 struct rng *rng) {
        *g = (struct guest){.mesh = *mesh, .psk = *psk};
        box_key_from_secret(&g->noise, noise_secret);
        g->cfg = (struct frames_config){
                .initiator = true, .mesh = &g->mesh, .s = &g->noise, .psks = &g->psk, .n_psk = 1};
        rng_bytes(rng, g->cfg.e_secret.b, sizeof(g->cfg.e_secret));
        REQUIRE(frames_init(&g->f, &g->cfg, &g->out) == 0);
}

void guest_end(struct guest *g) {
        frames_fini(&g->f);
        buf_fini(&g->out);
        for (size_t i = 0; i < GUEST_NUMBERS; i++)
                buf_fini(&g->last[i]);
}

static void take_body(struct guest *g, struct span body) {
        struct wire_reader r = wire_reader(body);
        const struct wire_number *row;
        unsigned unknown = 0;
        g->frames++;
        while ((row = codec_next(&r, wire_link_find, &unknown))) {
                union wire_any msg;
                struct span raw;
                REQUIRE(codec_read(row->desc, &r, &msg, &raw, NULL) == 0 && row->number < GUEST_NUMBERS);
                g->got[row->number]++;
                buf_clear(&g->last[row->number]);
                buf_add(&g->last[row->number], raw);
                if (row->number == LINK_BYE)
                        g->bye = (enum wire_e_reason)msg.bye.reason;
        }
        REQUIRE(wire_reader_ok(&r) && unknown == 0); /* an honest node says nothing that it would not take itself */
}

void guest_take(struct guest *g, struct span bytes, bool gone) {
        g->gone = g->gone || gone;
        g->bytes += bytes.n;
        REQUIRE(frames_feed(&g->f, bytes) == 0);
        for (;;) {
                struct span body;
                int r = frames_next(&g->f, &g->cfg, &g->out, &body);
                if (r == 0)
                        take_body(g, body);
                else if (r != FRAMES_E_SHAKEN)
                        return;
        }
}

bool guest_open(const struct guest *g) {
        return g->f.state == FRAMES_OPEN;
}

void guest_frame(struct guest *g, struct span body) {
        if (guest_open(g))
                REQUIRE(frames_seal(&g->f, span_of(body.p ? body.p : (const uint8_t *)"", body.n), &g->out) == 0);
}

void guest_say_raw(struct guest *g, enum wire_link number, struct span map) {
        _clean_(buf_fini) struct buf b = BUF_NULL;
        buf_add_u8(&b, (uint8_t)number);
        buf_add(&b, map);
        guest_frame(g, buf_span(&b));
}

void guest_say(struct guest *g, enum wire_link number, const void *msg) {
        _clean_(buf_fini) struct buf b = BUF_NULL;
        codec_put(wire_link_find(number), msg, &b);
        REQUIRE(buf_ok(&b));
        guest_frame(g, buf_span(&b));
}

static struct wire_hello hello(mesh_wall now) {
        static const uint8_t nothing[8];
        return (struct wire_hello){.version = 1,
                                   .time = now,
                                   .until = now,
                                   .ops = SPAN_OF(nothing),
                                   .contacts = SPAN_OF(nothing),
                                   .records = SPAN_OF(nothing)};
}

void guest_hello_visiting(struct guest *g, mesh_wall now) {
        struct wire_hello h = hello(now);
        WIRE_PUT(&h, HELLO, visiting, true);
        guest_say(g, LINK_HELLO, &h);
}

void guest_hello_haul(struct guest *g, mesh_wall now) {
        struct wire_hello h = hello(now);
        WIRE_PUT(&h, HELLO, haul, true);
        guest_say(g, LINK_HELLO, &h);
}

void guest_hello(struct guest *g, mesh_wall now, bool joining) {
        struct wire_hello h = hello(now);
        if (joining)
                WIRE_PUT(&h, HELLO, joining, true);
        guest_say(g, LINK_HELLO, &h);
}

uint64_t guest_sid(const struct guest *g, const struct hash *id) {
        return hash_short(g->f.salt, SPAN_OF(id->b));
}

struct hash guest_record(const struct guest_author *a, struct wire_record *w, struct span plain, struct buf *raw) {
        struct epoch e = {.has_key = true, .keys.key = a->group, .w.time = (mesh_wall)a->key_day * MESH_DAY};
        uint8_t sig[SIGN_BYTES] = {0}, blank[1024] = {0};
        _clean_(buf_fini) struct buf head = BUF_NULL, body = BUF_NULL;
        struct key key = {{0}}, slot_device = a->device.pub;
        struct hash id = {{0}};
        bool ok;
        w->device = SPAN_OF(a->device.pub.b);
        w->epoch = SPAN_OF(a->epoch);
        w->sig = SPAN_OF(sig);
        w->body = span_of(blank, MIN(plain.n + BOX_OVERHEAD, sizeof(blank)));
        if (WIRE_HAS(w, RECORD, target_device))
                memcpy(slot_device.b, w->target_device.p, sizeof(slot_device.b));
        record_key(&e, w, &slot_device, &key, &ok); /* of a day without a key: any key, so that it does not open */
        codec_encode(&wire_record_desc, w, &head);
        if (!buf_ok(&head))
                return id;
        box_lock(&body, &key, codec_before(buf_span(&head), RECORD_KEY_body), plain, a->rng);
        w->body = buf_span(&body);
        buf_clear(&head);
        codec_encode(&wire_record_desc, w, &head);
        hash_make(&id, DOMAIN_RECORD, &a->mesh, codec_before(buf_span(&head), RECORD_KEY_sig));
        sign_make(sig, &a->device, DOMAIN_RECORD, &id);
        codec_encode(&wire_record_desc, w, raw);
        w->body = SPAN_NONE;
        w->sig = SPAN_NONE;
        return id;
}
