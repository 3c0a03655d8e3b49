/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: a further device of a household joins without the household's key: what it needs is in the code, and what it must
 * prove it proves with its own keys, which are here and not in the vault. So the core itself makes the device-add; from then
 * on it is a joining like any other (found.c), and any member's door admits it (admit.c). Its sealing key alone is of the vault's
 * making: here only its public half is known.
 */
#include "core/belong.h"
#include "core/core.h"
#include "roster/code.h"
#include "roster/op.h"
#include "wire/codec.h"

/* PROTOCOL 6.19: "The new device makes a device-add: the household of the code, its own certificate with the code's share
 * and its proof (rule 5.16), the code's public half, `seq` 0, no parents, signed by the code's key." */
static int enrol_op(const struct mesh *m, const struct code *c, struct span name, const struct key *seal,
                    struct buf *ret) {
        _clean_(buf_fini) struct buf store = BUF_NULL, half = BUF_NULL;
        uint8_t proof[SIGN_BYTES];
        struct wire_list list = {0};
        struct wire_device device = {
                .sign = SPAN_OF(m->sign.pub.b),
                .noise = SPAN_OF(m->noise.pub.b),
                .seal = SPAN_OF(seal->b),
                .share = c->w.share,
                .name = name,
        };
        op_device_prove(proof, &m->sign, &m->noise.pub, seal, &c->mesh, &c->household);
        WIRE_PUT(&device, DEVICE, proof, SPAN_OF(proof));
        wire_list_add(&wire_device_desc, &list, &store, &device);
        code_public(c, &half);
        struct wire_op op = {
                .type = OP_DEVICE_ADD,
                .household = SPAN_OF(c->household.b),
                .time = MAX(clock_now(m), (mesh_wall)1), /* the members go by the countersigned time */
        };
        WIRE_PUT(&op, OP, device, list);
        WIRE_PUT(&op, OP, code, ((struct wire_list){1, buf_span(&half)}));
        return buf_ok(&store) && buf_ok(&half) ? op_make_device_add(ret, &op, &c->mesh, &c->key) : ERR_NOMEM;
}

int enrol_make(const struct mesh *m, struct span text, struct span name, struct span seal, struct buf *ret) {
        struct key key = m->seal.pub;
        struct code c;
        int r = code_parse(&c, text);
        if (r)
                return r;
        if (seal.n == sizeof(key.b))
                memcpy(key.b, seal.p, sizeof(key.b));
        r = enrol_op(m, &c, name, &key, ret);
        code_fini(&c);
        return r;
}
