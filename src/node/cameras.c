/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cameras.h"

#include "wire/codec.h"

const struct cameras cameras_none = {.others = {.policy = CAMERA_POLICY_ASK}};

static struct camera_rule *find(const struct cameras *c, struct span name) {
        for (size_t i = 0; i < c->n; i++)
                if (span_eq(span_str(c->rows[i].name), name))
                        return (struct camera_rule *)&c->rows[i];
        return NULL;
}

const struct camera_rule *cameras_of(const struct cameras *c, struct span name) {
        const struct camera_rule *row = find(c, name);
        return row ? row : &c->others;
}

bool cameras_never(const struct cameras *c, struct span name) {
        return cameras_of(c, name)->policy == CAMERA_POLICY_NEVER;
}

static void change(struct camera_rule *row, const struct wire_c_camera_set *rule) {
        if (WIRE_HAS(rule, C_CAMERA_SET, policy))
                row->policy = (enum wire_e_camera_policy)rule->policy;
        if (WIRE_HAS(rule, C_CAMERA_SET, keep))
                row->keep = rule->keep;
}

int cameras_put(struct cameras *c, const struct wire_c_camera_set *rule) {
        if (!WIRE_HAS(rule, C_CAMERA_SET, name)) {
                change(&c->others, rule);
                for (size_t i = 0; i < c->n; i++)
                        change(&c->rows[i], rule);
                return 0;
        }
        struct camera_rule *row = find(c, rule->name);
        if (!row && (c->n == CAMERAS_MAX || rule->name.n >= CAMERA_NAME_MAX))
                return CAMERAS_E_FULL;
        if (!row) {
                row = &c->rows[c->n++];
                *row = c->others;
                memcpy(row->name, rule->name.p, rule->name.n);
        }
        change(row, rule);
        return 0;
}

/* ---- on disk ---- */

void camera_to_wire(const struct camera_rule *row, struct wire_c_camera_set *ret) {
        *ret = (struct wire_c_camera_set){0};
        if (*row->name)
                WIRE_PUT(ret, C_CAMERA_SET, name, span_str(row->name));
        WIRE_PUT(ret, C_CAMERA_SET, policy, row->policy);
        WIRE_PUT(ret, C_CAMERA_SET, keep, row->keep);
}

static void encode(const struct camera_rule *row, struct buf *out) {
        struct wire_c_camera_set msg;
        camera_to_wire(row, &msg);
        codec_encode(&wire_c_camera_set_desc, &msg, out);
}

void cameras_encode(const struct cameras *c, struct buf *out) {
        encode(&c->others, out);
        for (size_t i = 0; i < c->n; i++)
                encode(&c->rows[i], out);
}

void cameras_decode(struct cameras *ret, struct span in) {
        struct wire_reader r = wire_reader(in);
        struct wire_c_camera_set msg;
        *ret = cameras_none;
        while (!wire_reader_end(&r) && codec_read(&wire_c_camera_set_desc, &r, &msg, NULL, NULL) == 0)
                if (cameras_put(ret, &msg))
                        return;
}
