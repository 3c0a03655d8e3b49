/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why: everything that makes, signs or takes in an operation must agree to the byte on what is hashed, who signs what, and
 * which rows a type has. All three are here, and nowhere else.
 *
 * Hashes run over the pairs of the map before the key of the signature, without the map's header: a countersignature adds
 * pairs behind, which changes the header's count and must not touch what the household has signed.
 */
#include "roster/op.h"

#include "roster/charter.h"
#include "roster/code.h"
#include "roster/invite.h"
#include "roster/name.h"

#define ID_BYTES 32
#define PARENTS_MAX 4

/* ---- hashes ---- */

void op_id(struct hash *ret, const struct hash *mesh, struct span op) {
        hash_make(ret, DOMAIN_OP_ID, mesh, op);
}

void op_signed_hash(struct hash *ret, const struct hash *mesh, struct span op) {
        hash_make(ret, DOMAIN_OP, mesh, codec_pairs_before(op, OP_KEY_sig));
}

static void device_hash(struct hash *ret, const struct hash *mesh, struct span household, struct span sign,
                        struct span noise, struct span seal) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        buf_add(&raw, household);
        buf_add(&raw, sign);
        buf_add(&raw, noise);
        buf_add(&raw, seal);
        hash_make(ret, DOMAIN_DEVICE, mesh, buf_span(&raw));
}

static void op_admit_hash(struct hash *ret, const struct hash *mesh, struct span op) {
        hash_make(ret, DOMAIN_OP_ADMIT, mesh, codec_pairs_before(op, OP_KEY_by_sig));
}

/* ---- shape ---- */

#define ROW(name) (UINT64_C(1) << OP_KEY_##name)
#define WITNESS (ROW(by) | ROW(at) | ROW(heads) | ROW(by_sig))

/* clang-format off */
/* Which of the optional rows an operation must have, and which it may have. Witnessed: another home's device signs too. */
static const struct shape {
        uint64_t must, may;
        bool loose;     /* on no chain of its author's, or the first of one: seq 0, no parents */
        bool witnessed;
} shapes[] = {
        [OP_GENESIS]       = { ROW(name) | ROW(seal) | ROW(device) | ROW(mesh_name), ROW(charter) | ROW(cell), true, false },
        [OP_ADD]           = { ROW(name) | ROW(seal) | ROW(device) | ROW(invite) | ROW(invite_sig), 0, true, true },
        [OP_REMOVE]        = { ROW(target), ROW(reason) | ROW(subtree), false, false },
        [OP_ENDORSE]       = { ROW(proposal), 0, false, false },
        [OP_PROMOTE]       = { ROW(target), 0, false, false },
        [OP_DEMOTE]        = { ROW(target), ROW(reason), false, false },
        [OP_LEAVE]         = { 0, 0, false, false },
        [OP_DEVICE_ADD]    = { ROW(device) | ROW(code), 0, true, true },
        [OP_DEVICE_REVOKE] = { ROW(target), ROW(device), false, false },
        [OP_VOUCH]         = { ROW(target), 0, false, false },
        [OP_INVITE_UNDO]   = { ROW(proposal), 0, false, true },
        [OP_RETURN]        = { ROW(target), 0, false, false },
};
/* Every row that is not in each operation. */
#define ROWS_OPTIONAL                                                                                                  \
        (ROW(name) | ROW(seal) | ROW(device) | ROW(mesh_name) | ROW(charter) | ROW(cell) | ROW(target) | ROW(proposal) | \
         ROW(reason) | ROW(subtree) | ROW(invite) | ROW(code) | ROW(invite_sig) | \
         WITNESS)
/* clang-format on */

/* Whole ids, none twice. */
static bool ids_valid(struct span ids) {
        if (ids.n % ID_BYTES)
                return false;
        for (size_t i = 0; i < ids.n; i += ID_BYTES)
                for (size_t j = 0; j < i; j += ID_BYTES)
                        if (memcmp(ids.p + i, ids.p + j, ID_BYTES) == 0)
                                return false;
        return true;
}

/* PROTOCOL 5.2: "A countersigned operation in the roster MUST have `by`, `at`, `heads` and `by_sig`. An add on its
 * way to being admitted (ADMIT) MUST NOT have them." */
static bool rows_fit(const struct shape *s, const struct wire_op *op, bool countersigned) {
        uint64_t has = op->has & ROWS_OPTIONAL, witness = s->witnessed && countersigned ? WITNESS : 0;
        return (has & (s->must | witness)) == (s->must | witness) && !(has & ~(s->must | s->may | witness));
}

static bool chain_fits(const struct shape *s, const struct wire_op *op) {
        if (!ids_valid(op->parents) || !ids_valid(op->heads))
                return false;
        return s->loose ? op->seq == 0 && op->parents.n == 0 : op->seq > 0 && op->parents.n > 0;
}

/* PROTOCOL 5.4: "The device that a genesis or add certifies MUST have share `whole`, that of a device-add `quarter`." */
/* A household's first device is its whole one; another becomes it only in the place of that one. */
static bool device_fits(const struct wire_op *op) {
        struct wire_list list = op->device;
        struct wire_device d;
        if (!WIRE_HAS(op, OP, device))
                return true;
        if (!wire_list_next(&wire_device_desc, &list, &d))
                return false;
        if (op->type == OP_GENESIS || op->type == OP_ADD)
                return d.share == SHARE_WHOLE && !WIRE_HAS(&d, DEVICE, proof);
        if (!WIRE_HAS(&d, DEVICE, proof))
                return false;
        return d.share == SHARE_QUARTER || (d.share == SHARE_WHOLE && op->type == OP_DEVICE_REVOKE);
}

static bool op_fits(const struct wire_op *op, bool countersigned) {
        /* PROTOCOL 5.9: "An operation of a type that has no name MUST be refused." */
        if (op->type >= ARRAY_LEN(shapes) || (!shapes[op->type].must && op->type != OP_LEAVE))
                return false;
        const struct shape *s = &shapes[op->type];
        if (s->loose && s->witnessed && countersigned && op->heads.n == 0)
                return false;
        return rows_fit(s, op, countersigned) && chain_fits(s, op) && device_fits(op);
}

/* ---- values nobody may sign ---- */

static bool device_name_right(const struct wire_op *op) {
        struct wire_list list = op->device;
        struct wire_device d;
        return !wire_list_next(&wire_device_desc, &list, &d) || !name_check_mesh(d.name);
}

/* PROTOCOL 5.5: "The household's name MUST satisfy section 14 for households. The device's name and the mesh's name
 * MUST satisfy it for meshes." */
static bool values_right(const struct wire_op *op) {
        if (WIRE_HAS(op, OP, name) && name_check(op->name))
                return false;
        if (WIRE_HAS(op, OP, device) && !device_name_right(op))
                return false;
        if (op->type != OP_GENESIS)
                return true;
        uint32_t rows[WIRE_CHARTER_END];
        return !name_check_mesh(op->mesh_name) && charter_read(op->charter, rows);
}

/* ---- signatures ---- */

static void key_of(struct key *ret, struct span s) {
        memcpy(ret->b, s.p, sizeof(ret->b));
}

/* PROTOCOL 5.6: "An operation MUST end with its last signature" */
/* What stands behind the last signature is signed by nobody: it would give one operation many ids. */
static bool op_ends_signed(struct span raw, const struct wire_op *op) {
        struct span last = WIRE_HAS(op, OP, by_sig)       ? op->by_sig
                           : WIRE_HAS(op, OP, invite_sig) ? op->invite_sig
                                                          : op->sig;
        return last.p + last.n == raw.p + raw.n;
}

/* PROTOCOL 5.7: "The Ed25519 keys that it brings in, which are the household's in a genesis or add, `device.sign`,
 * `code.key` and `invite.key`, MUST be canonical points of the group of prime order, and not the neutral one." */
/* Every Ed25519 key is looked at once, where it enters. */
static bool keys_valid(const struct wire_op *op) {
        struct wire_list devices = op->device, invites = op->invite, codes = op->code;
        struct wire_device d;
        struct wire_invite inv;
        struct wire_code code;
        struct key key;
        key_of(&key, op->household);
        if (op->seq == 0 && !sign_key_valid(&key))
                return false;
        if (WIRE_HAS(op, OP, code) && wire_list_next(&wire_code_desc, &codes, &code)) {
                key_of(&key, code.key);
                if (!sign_key_valid(&key))
                        return false;
        }
        if (WIRE_HAS(op, OP, device) && wire_list_next(&wire_device_desc, &devices, &d)) {
                key_of(&key, d.sign);
                if (!sign_key_valid(&key))
                        return false;
        }
        if (WIRE_HAS(op, OP, invite) && wire_list_next(&wire_invite_desc, &invites, &inv)) {
                key_of(&key, inv.key);
                return sign_key_valid(&key);
        }
        return true;
}

static bool signed_by(struct span sig, struct span pub, enum domain d, const struct hash *what) {
        struct key key;
        key_of(&key, pub);
        return sign_check(sig.p, &key, d, what);
}

static bool invite_signed(const struct wire_op *op, const struct hash *mesh, const struct hash *what) {
        struct wire_list list = op->invite;
        struct wire_invite inv;
        if (!wire_list_next(&wire_invite_desc, &list, &inv))
                return false;
        return signed_by(op->invite_sig, inv.key, DOMAIN_OP_INVITE, what) && invite_check(&inv, mesh);
}

/* PROTOCOL 5.16: "In device-add and device-revoke `device.proof` MUST be there, signed by the device's own key over
 * `hash(DEVICE, mesh, household || device.sign || device.noise || device.seal)`." */
static bool device_proved(const struct wire_op *op, const struct hash *mesh) {
        struct wire_list list = op->device;
        struct wire_device d;
        struct hash what;
        if (!wire_list_next(&wire_device_desc, &list, &d) || !WIRE_HAS(&d, DEVICE, proof))
                return true; /* the shape says who needs one */
        device_hash(&what, mesh, op->household, d.sign, d.noise, d.seal);
        return signed_by(d.proof, d.sign, DOMAIN_DEVICE, &what);
}

/* PROTOCOL 5.17: "A device-add is signed by the code's key, and the code by the household." */
static bool code_signed(const struct wire_op *op, const struct hash *mesh, const struct hash *what) {
        struct wire_list list = op->code;
        struct wire_code code;
        struct key household;
        if (!wire_list_next(&wire_code_desc, &list, &code))
                return false;
        key_of(&household, op->household);
        return signed_by(op->sig, code.key, DOMAIN_OP_CODE, what) && code_check(&code, mesh, &household);
}

static bool author_signed(const struct wire_op *op, const struct hash *mesh, const struct hash *what) {
        return op->type == OP_DEVICE_ADD ? code_signed(op, mesh, what)
                                         : signed_by(op->sig, op->household, DOMAIN_OP, what);
}

static bool op_signed(struct span raw, const struct wire_op *op, const struct hash *mesh) {
        struct hash what;
        op_signed_hash(&what, mesh, raw);
        if (!author_signed(op, mesh, &what))
                return false;
        if (WIRE_HAS(op, OP, invite_sig) && !invite_signed(op, mesh, &what))
                return false;
        if (WIRE_HAS(op, OP, device) && !device_proved(op, mesh))
                return false;
        if (!WIRE_HAS(op, OP, by_sig))
                return true;
        op_admit_hash(&what, mesh, raw);
        return signed_by(op->by_sig, op->by, DOMAIN_OP_ADMIT, &what);
}

int op_check(struct span raw, const struct hash *mesh, bool countersigned, bool signatures, struct wire_op *ret) {
        struct wire_op op;
        if (codec_decode(&wire_op_desc, raw, &op, NULL) || !op_fits(&op, countersigned) || !op_ends_signed(raw, &op))
                return OP_E_INPUT;
        if (!values_right(&op))
                return OP_E_VALUE;
        if (signatures && !keys_valid(&op))
                return OP_E_SIGNATURE;
        if (signatures && !op_signed(raw, &op, op.type == OP_GENESIS ? NULL : mesh))
                return OP_E_SIGNATURE;
        *ret = op;
        return 0;
}

/* ---- making ---- */

void op_device_prove(uint8_t ret_proof[SIGN_BYTES], const struct sign_key *device, const struct key *noise,
                     const struct key *seal, const struct hash *mesh, const struct key *household) {
        struct hash what;
        device_hash(&what, mesh, SPAN_OF(household->b), SPAN_OF(device->pub.b), SPAN_OF(noise->b), SPAN_OF(seal->b));
        sign_make(ret_proof, device, DOMAIN_DEVICE, &what);
}

/* Encodes @op into @raw with @sig's 64 bytes as they are, so that what stands before them can be hashed. */
static int op_encode(struct buf *raw, struct wire_op *op) {
        buf_clear(raw);
        codec_encode(&wire_op_desc, op, raw);
        return buf_ok(raw) ? 0 : OP_E_INPUT;
}

static int op_sign(struct buf *out, struct wire_op *op, const struct hash *mesh, const struct sign_key *household,
                   const struct sign_key *invite) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        uint8_t sig[SIGN_BYTES] = {0}, invite_sig[SIGN_BYTES] = {0};
        struct hash what;
        op->household = SPAN_OF(household->pub.b);
        op->has &= ~(WITNESS | ROW(invite_sig));
        WIRE_PUT(op, OP, sig, SPAN_OF(sig));
        if (invite)
                WIRE_PUT(op, OP, invite_sig, SPAN_OF(invite_sig));
        int r = op_encode(&raw, op);
        if (r)
                return r;
        op_signed_hash(&what, mesh, buf_span(&raw));
        sign_make(sig, household, DOMAIN_OP, &what);
        if (invite)
                sign_make(invite_sig, invite, DOMAIN_OP_INVITE, &what);
        r = op_encode(&raw, op);
        op->sig = op->invite_sig = SPAN_NONE; /* they pointed into this frame */
        if (r)
                return r;
        struct wire_op made;
        if (op_check(buf_span(&raw), mesh, false, false, &made))
                return OP_E_INPUT;
        buf_add(out, buf_span(&raw));
        return buf_ok(out) ? 0 : ERR_NOMEM;
}

int op_make(struct buf *out, struct wire_op *op, const struct hash *mesh, const struct sign_key *household) {
        return op_sign(out, op, op->type == OP_GENESIS ? NULL : mesh, household, NULL);
}

int op_make_add(struct buf *out, struct wire_op *op, const struct hash *mesh, const struct sign_key *household,
                const struct sign_key *invite) {
        return op_sign(out, op, mesh, household, invite);
}

int op_make_device_add(struct buf *out, struct wire_op *op, const struct hash *mesh, const struct sign_key *code) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        uint8_t sig[SIGN_BYTES] = {0};
        struct hash what;
        op->has &= ~(WITNESS | ROW(invite_sig));
        WIRE_PUT(op, OP, sig, SPAN_OF(sig));
        int r = op_encode(&raw, op);
        if (r)
                return r;
        op_signed_hash(&what, mesh, buf_span(&raw));
        sign_make(sig, code, DOMAIN_OP_CODE, &what);
        r = op_encode(&raw, op);
        op->sig = SPAN_NONE; /* it pointed into this frame */
        struct wire_op made;
        if (r || op_check(buf_span(&raw), mesh, false, false, &made))
                return OP_E_INPUT;
        buf_add(out, buf_span(&raw));
        return buf_ok(out) ? 0 : ERR_NOMEM;
}

int op_countersign(struct buf *out, struct span add, const struct hash *mesh, const struct sign_key *device,
                   mesh_wall at, const struct hash *heads, size_t n_heads) {
        _clean_(buf_fini) struct buf raw = BUF_NULL;
        uint8_t sig[SIGN_BYTES] = {0};
        struct wire_op op;
        struct hash what;
        if (n_heads > PARENTS_MAX || op_check(add, mesh, false, false, &op) || !shapes[op.type].witnessed)
                return OP_E_INPUT;
        WIRE_PUT(&op, OP, by, SPAN_OF(device->pub.b));
        WIRE_PUT(&op, OP, at, at);
        WIRE_PUT(&op, OP, heads, span_of(heads, n_heads * sizeof(*heads)));
        WIRE_PUT(&op, OP, by_sig, SPAN_OF(sig));
        int r = op_encode(&raw, &op);
        if (r)
                return r;
        op_admit_hash(&what, mesh, buf_span(&raw));
        sign_make(sig, device, DOMAIN_OP_ADMIT, &what);
        r = op_encode(&raw, &op);
        if (r || op_check(buf_span(&raw), mesh, true, false, &op))
                return OP_E_INPUT;
        buf_add(out, buf_span(&raw));
        return buf_ok(out) ? 0 : ERR_NOMEM;
}
