/* SPDX-License-Identifier: Apache-2.0 */
/* Why: what others ask of a roster, none of which changes it. */
#include "roster/inside.h"

#include <stdlib.h>

const struct hash *roster_mesh(const struct roster *r) {
        return r->n_ops ? &r->mesh : NULL;
}

const char *roster_mesh_name(const struct roster *r) {
        return r->name;
}

mesh_cell roster_mesh_cell(const struct roster *r) {
        return r->cell;
}

mesh_wall roster_founded(const struct roster *r) {
        return r->n_ops ? r->ops[0]->pub.time : 0;
}

uint32_t roster_charter(const struct roster *r, enum wire_charter row) {
        return (unsigned)row < WIRE_CHARTER_END ? r->charter[row] : 0;
}

/* ---- operations ---- */

size_t roster_ops(const struct roster *r) {
        return r->n_ops;
}

const struct roster_op *roster_op_at(const struct roster *r, size_t i) {
        return i < r->n_ops ? &r->ops[i]->pub : NULL;
}

const struct roster_op *roster_op_find(const struct roster *r, const struct hash *id) {
        const struct op *o = map_find(&r->by_id, id->b);
        return o ? &o->pub : NULL;
}

/* Inserts @id into the @n lowest so far, of which at most @max are kept. */
static size_t lowest_put(struct hash *ret, size_t n, size_t max, const struct hash *id) {
        size_t at = n;
        while (at > 0 && memcmp(ret[at - 1].b, id->b, sizeof(id->b)) > 0)
                at--;
        if (at == max)
                return n;
        size_t kept = MIN(n, max - 1);
        memmove(&ret[at + 1], &ret[at], (kept - at) * sizeof(*ret));
        ret[at] = *id;
        return kept + 1;
}

size_t roster_heads(const struct roster *r, struct hash ret[ROSTER_HEADS_MAX]) {
        size_t n = 0;
        for (uint32_t i = 0; i < r->n_heads; i++)
                n = lowest_put(ret, n, ROSTER_HEADS_MAX, &r->ops[r->heads[i]]->pub.id);
        return n;
}

/* ---- what to name when signing ---- */

static bool among(const struct hash *ids, size_t n, const struct hash *id) {
        for (size_t i = 0; i < n; i++)
                if (hash_eq(&ids[i], id))
                        return true;
        return false;
}

static int by_id(const void *a, const void *b) {
        return memcmp(a, b, sizeof(struct hash));
}

/* Appends the operations that are @wanted or a @must, and no ancestors of others that are, lowest id first. 0, <0. */
static int latest(const struct roster *r, bool (*wanted)(const struct roster *r, const struct op *o),
                  const struct hash *must, size_t n_must, struct buf *ret) {
        struct bits told; /* ancestors of what was found: parents stand before their children */
        size_t from = ret->n;
        if (bits_init(&told, r->n_ops))
                return ERR_NOMEM;
        for (uint32_t i = r->n_ops; i-- > 0;) {
                const struct op *o = r->ops[i];
                if (!bits_has(&told, i)) {
                        if (!wanted(r, o) && !among(must, n_must, &o->pub.id))
                                continue;
                        buf_add(ret, SPAN_OF(o->pub.id.b));
                }
                for (uint32_t k = 0; k < o->n_named; k++)
                        bits_set(&told, o->named[k]);
        }
        bits_fini(&told);
        if (!buf_ok(ret))
                return ERR_NOMEM;
        if (ret->n > from)
                qsort(ret->p + from, (ret->n - from) / sizeof(struct hash), sizeof(struct hash), by_id);
        return 0;
}

static bool stands(const struct roster *r, const struct op *o) {
        return !(r->now.ops[o->index] & OP_VOID);
}

/* PROTOCOL 5.77: "No author SHOULD name an operation of a household that waits, unless its own is about that." */
static bool to_name(const struct roster *r, const struct op *o) {
        return stands(r, o) && r->now.homes[o->home].waits == ROSTER_WAITS_NOT;
}

/* The end of the branch of its chain that stands. */
static const struct op *chain_end(const struct roster *r, const struct key *household) {
        const struct home *h = map_find(&r->by_home, household->b);
        const struct op *best = NULL;
        for (uint32_t i = h ? h->ops : NONE; i != NONE; i = r->ops[i]->next_of_home) {
                const struct op *o = r->ops[i];
                if (r->now.ops[i] & OP_BRANCH)
                        continue;
                bool later = best && o->seq > best->seq;
                bool lower =
                        best && o->seq == best->seq && memcmp(o->pub.id.b, best->pub.id.b, sizeof(o->pub.id.b)) < 0;
                if (!best || later || lower)
                        best = o;
        }
        return best;
}

static size_t parent_put(struct hash *ret, size_t n, const struct hash *id) {
        for (size_t i = 0; i < n; i++)
                if (hash_eq(&ret[i], id))
                        return n;
        if (n < ROSTER_PARENTS_MAX)
                ret[n++] = *id;
        return n;
}

/* How many operations the @n named ones and their ancestors are. 0: no memory. */
static uint32_t held(const struct roster *r, const struct hash *ids, size_t n) {
        uint32_t *named, count = 0;
        struct bits past = {0};
        if (past_named(r, ids, n, &named))
                return 0;
        if (past_of(r, named, (uint32_t)n, &past) == 0)
                for (uint32_t i = 0; i < past.n; i++)
                        count += bits_has(&past, i);
        bits_fini(&past);
        free(named);
        return count;
}

/* PROTOCOL 5.72: "Of more heads than fit, those SHOULD be named that hold most of what those named before them do not." */
static size_t heads_put(const struct roster *r, struct span heads, struct hash *ret, size_t n) {
        for (struct hash best; n < ROSTER_PARENTS_MAX; ret[n++] = best) {
                uint32_t before = held(r, ret, n), most = before;
                for (size_t at = 0; at < heads.n; at += sizeof(best)) {
                        memcpy(ret[n].b, heads.p + at, sizeof(best));
                        uint32_t with = held(r, ret, n + 1);
                        if (with <= most)
                                continue;
                        most = with;
                        best = ret[n];
                }
                if (most == before)
                        break;
        }
        return n;
}

size_t roster_parents(const struct roster *r, const struct key *household, const struct hash *must, size_t n_must,
                      struct hash ret[ROSTER_PARENTS_MAX], uint64_t *ret_seq) {
        _clean_(buf_fini) struct buf heads = BUF_NULL;
        /* PROTOCOL 5.74: "The heads that an author names SHOULD be those of what stands" */
        size_t n = 0, n_heads = latest(r, to_name, must, n_must, &heads) ? 0 : heads.n / sizeof(struct hash);
        if (household) {
                const struct op *end = chain_end(r, household);
                if (!end)
                        return 0;
                n = parent_put(ret, n, &end->pub.id);
                *ret_seq = end->seq + 1;
        }
        /* A few heads hold everything; among many, what the operation is about goes first. */
        for (size_t i = 0; i < n_must && n + n_heads > ROSTER_PARENTS_MAX; i++)
                n = parent_put(ret, n, &must[i]);
        return heads_put(r, buf_span(&heads), ret, n);
}

const struct roster_op *roster_home_op(const struct roster *r, const struct roster_home *home) {
        const struct home *h = CONTAINER_OF(home, struct home, pub);
        uint32_t add = r->now.homes[h->index].add;
        return add == NONE ? NULL : &r->ops[add]->pub;
}

const struct roster_op *roster_device_op(const struct roster *r, const struct roster_device *device) {
        const struct cert *c = CONTAINER_OF(device, struct cert, pub);
        return &fold_certifier(r, NULL, &r->now, c)->pub;
}

/* A standing vote for what is in force; leaving and revoking are their own. */
static bool counted(const struct roster *r, const struct op *o) {
        return o->vote && stands(r, o) && r->now.ops[o->vote->proposal] & OP_TAKEN;
}

static bool no_admission(const struct roster *r, const struct op *o) {
        return stands(r, o) && o->pub.type != OP_ADD && o->pub.type != OP_DEVICE_ADD;
}

static bool anything(const struct roster *r, const struct op *o) {
        (void)r;
        (void)o;
        return true;
}

int roster_frontier(const struct roster *r, const struct roster_device *device, enum roster_told told,
                    struct buf *ret) {
        bool (*const wanted[])(const struct roster *r, const struct op *o) = {
                [ROSTER_COUNTED] = counted, [ROSTER_STANDING] = no_admission, [ROSTER_ALL] = anything};
        return latest(r, wanted[told], &roster_device_op(r, device)->id, 1, ret);
}

int roster_untold(const struct roster *r, const struct hash *heads, size_t n, struct span ids, struct buf *ret) {
        uint32_t *named;
        struct bits told;
        int e = past_named(r, heads, n, &named);
        if (e)
                return e;
        e = past_of(r, named, (uint32_t)n, &told);
        free(named);
        if (e)
                return e;
        for (size_t at = 0; at + sizeof(struct hash) <= ids.n; at += sizeof(struct hash)) {
                const struct op *o = map_find(&r->by_id, ids.p + at);
                if (!o || !bits_has(&told, o->index))
                        buf_add(ret, span_of(ids.p + at, sizeof(struct hash)));
        }
        bits_fini(&told);
        return buf_ok(ret) ? 0 : ERR_NOMEM;
}

static bool signed_by(const struct roster *r, uint32_t cert, const struct key *device) {
        return cert != NONE && key_eq(&r->certs[cert]->pub.sign, device);
}

int roster_unseen(const struct roster *r, const struct key *device, struct span heads, bool *ret_any) {
        uint32_t named[ROSTER_PARENTS_MAX], n = 0;
        struct bits past;
        for (; heads.n >= sizeof(struct hash) && n < ROSTER_PARENTS_MAX;
             heads = span_from(heads, sizeof(struct hash))) {
                const struct op *o = map_find(&r->by_id, heads.p);
                if (!o)
                        return ROSTER_E_PARENTS;
                named[n++] = o->index;
        }
        if (past_of(r, named, n, &past))
                return ERR_NOMEM;
        *ret_any = false;
        for (uint32_t i = 0; i < r->n_ops && !*ret_any; i++) {
                const struct op *o = r->ops[i];
                bool touched = signed_by(r, o->by_cert, device) || signed_by(r, o->inv_cert, device);
                *ret_any = touched && !bits_has(&past, i);
        }
        bits_fini(&past);
        return 0;
}

/* ---- homes and devices ---- */

const struct roster_home *roster_home_find(const struct roster *r, const struct key *household) {
        const struct home *h = map_find(&r->by_home, household->b);
        return h && h->shown ? &h->pub : NULL;
}

static bool cert_shown(const struct roster *r, const struct cert *c) {
        uint8_t s = r->now.certs[c->index];
        return s == CERT_CURRENT || s == CERT_REVOKED || s == CERT_ENDED;
}

const struct roster_device *roster_device_find(const struct roster *r, const struct key *sign) {
        const struct cert *c = map_find(&r->by_sign, sign->b);
        while (c && !cert_shown(r, c))
                c = c->next_sign == NONE ? NULL : r->certs[c->next_sign];
        return c ? &c->pub : NULL;
}

const struct roster_device *roster_noise_find(const struct roster *r, const struct key *noise) {
        const struct cert *c = map_find(&r->by_noise, noise->b);
        while (c && r->now.certs[c->index] != CERT_CURRENT)
                c = c->next_noise == NONE ? NULL : r->certs[c->next_noise];
        return c ? &c->pub : NULL;
}

const struct roster_home *roster_home_at(const struct roster *r, size_t i) {
        return i < r->n_shown ? &r->homes[r->shown[i]]->pub : NULL;
}

const struct roster_home *roster_waiting_next(const struct roster *r, size_t *at) {
        while (*at < r->n_homes) {
                const struct home *h = r->homes[(*at)++];
                if (h->pub.waits != ROSTER_WAITS_NOT)
                        return &h->pub;
        }
        return NULL;
}

const struct roster_home *roster_waiting_find(const struct roster *r, const struct key *household) {
        const struct home *h = map_find(&r->by_home, household->b);
        return h && h->pub.waits != ROSTER_WAITS_NOT ? &h->pub : NULL;
}

const struct roster_home *roster_waiting_device(const struct roster *r, const struct key *sign) {
        const struct cert *c = map_find(&r->by_sign, sign->b);
        while (c && r->now.certs[c->index] != CERT_WAITS)
                c = c->next_sign == NONE ? NULL : r->certs[c->next_sign];
        return c ? &r->homes[c->home]->pub : NULL;
}

uint32_t roster_places(const struct roster *r, const struct roster_home *home, mesh_wall now) {
        const struct home *h = CONTAINER_OF(home, struct home, pub);
        uint32_t most = r->charter[home->steward ? CHARTER_steward_adds : CHARTER_home_invites], n = 0;
        for (uint32_t i = h->invitees; i != NONE && n < most; i = r->ops[i]->next_of_inviter) {
                const struct home_state *came = &r->now.homes[r->ops[i]->home];
                if (came->add == i)
                        n += home->steward ? r->ops[i]->pub.time / MESH_DAY == now / MESH_DAY : came->member;
        }
        return most - n;
}

/* One household too many on a ticket of @h, by @h's own word. */
static bool overspent(const struct roster *r, const struct home *h, const struct op *o) {
        const struct invite *inv = r->invites[o->invite];
        return r->now.ops[o->index] & OP_VOID && inv->n_adds > inv->uses && r->certs[o->by_cert]->home == h->index;
}

size_t roster_contradictions(const struct roster *r, const struct roster_home *home) {
        const struct home *h = CONTAINER_OF(home, struct home, pub);
        size_t n = 0;
        for (uint32_t i = h->ops; i != NONE; i = r->ops[i]->next_of_home)
                n += r->ops[i]->seq && r->now.ops[i] & OP_BRANCH;
        for (uint32_t i = h->invitees; i != NONE; i = r->ops[i]->next_of_inviter)
                n += overspent(r, h, r->ops[i]);
        return n;
}

size_t roster_members(const struct roster *r) {
        return r->now.members;
}

size_t roster_stewards(const struct roster *r) {
        return r->now.stewards;
}

uint32_t roster_invite_used(const struct roster *r, const struct key *invite) {
        uint32_t used = 0;
        for (uint32_t i = 0; i < r->n_invites; i++) {
                if (!key_eq(&r->invites[i]->key, invite))
                        continue;
                for (uint32_t k = r->invites[i]->adds; k != NONE; k = r->ops[k]->next_on_invite)
                        used += r->now.homes[r->ops[k]->home].add == k;
        }
        return used;
}

bool roster_invite_closed(const struct roster *r, const struct key *invite) {
        for (uint32_t i = 0; i < r->n_invites; i++) {
                if (!key_eq(&r->invites[i]->key, invite))
                        continue;
                for (uint32_t k = r->invites[i]->adds; k != NONE; k = r->ops[k]->next_on_invite) {
                        const struct home_state *h = &r->now.homes[r->ops[k]->home];
                        if (h->add == k && h->gone != NONE && !h->left)
                                return true;
                }
        }
        return false;
}

bool roster_code_used(const struct roster *r, const struct key *code, struct key *ret_device) {
        for (uint32_t i = 0; i < r->n_invites; i++) {
                if (!key_eq(&r->invites[i]->key, code))
                        continue;
                for (uint32_t k = r->invites[i]->adds; k != NONE; k = r->ops[k]->next_on_invite) {
                        const struct op *o = r->ops[k];
                        if (o->pub.type != OP_DEVICE_ADD || r->now.ops[k] & OP_VOID)
                                continue;
                        *ret_device = r->certs[o->cert]->pub.sign;
                        return true;
                }
        }
        return false;
}

const struct roster_device *roster_device_fallen(const struct roster *r, const struct key *sign, bool *ret_spare) {
        const struct cert *c = map_find(&r->by_sign, sign->b);
        for (; c; c = c->next_sign == NONE ? NULL : r->certs[c->next_sign]) {
                const struct op *o = r->ops[c->op];
                struct key other;
                if (cert_shown(r, c) || o->pub.type != OP_DEVICE_ADD)
                        continue;
                *ret_spare = r->now.certs[c->index] == CERT_SPARE;
                if (*ret_spare || (roster_code_used(r, &r->invites[o->invite]->key, &other) && !key_eq(&other, sign)))
                        return &c->pub;
        }
        return NULL;
}

const struct key *roster_device_code(const struct roster *r, const struct roster_device *device) {
        const struct cert *c = CONTAINER_OF(device, struct cert, pub);
        const struct op *o = fold_certifier(r, NULL, &r->now, c);
        return o->pub.type == OP_DEVICE_ADD ? &r->invites[o->invite]->key : NULL;
}

void roster_removed(const struct roster *r, struct hash *ret) {
        *ret = r->removed;
}
