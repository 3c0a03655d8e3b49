/* SPDX-License-Identifier: Apache-2.0 */
/* See safe.h. */
#include "safe.h"

#include "base/text.h"
#include "crypto/box.h"
#include "vault/book.h"

#define MS 1000

const struct safe_watch *safe_watch;
bool safe_spared;
bool safe_disk_grows;

/* ---- the disk ---- */

static struct safe *safe_of(void *arg) {
        return arg;
}

/* One more write. 0: it goes through; else what the caller gets, and *@ret_part of it is on the disk all the same: 0
 * nothing, 1 a part, 2 all. */
static int write_fate(struct safe *s, int *ret_part) {
        *ret_part = 0;
        if (s->dead)
                return ERR_IO;
        if (safe_watch && safe_watch->refuses())
                return ERR_FULL;
        s->writes++;
        if (s->fails > 0) {
                s->fails--;
                *ret_part = (int)rng_below(&s->rng, 3);
                return ERR_FULL;
        }
        if (s->power < 0 || s->power-- > 0) {
                *ret_part = 2;
                return 0;
        }
        s->dead = true;
        *ret_part = s->remains;
        return ERR_IO;
}

static int read_dead(const struct safe *s) {
        return s->dead || (safe_watch && safe_watch->refuses()) ? ERR_IO : 0;
}

static void put(struct buf *to, struct span bytes) {
        buf_clear(to);
        safe_disk_grows = true;
        buf_add(to, bytes);
        safe_disk_grows = false;
}

static int key_read(void *arg, struct buf *out, bool *ret_tightened) {
        (void)ret_tightened;
        if (read_dead(arg))
                return ERR_IO;
        buf_add(out, buf_span(&safe_of(arg)->disk.key));
        return safe_of(arg)->disk.key.n ? 0 : KEYDISK_E_NONE;
}

static int key_write(void *arg, struct span bytes, bool replace) {
        int part, r = write_fate(arg, &part);
        (void)replace;
        if (part == 2)
                put(&safe_of(arg)->disk.key, bytes);
        return r;
}

static int key_remove(void *arg) {
        int part, r = write_fate(arg, &part);
        if (part == 2)
                buf_clear(&safe_of(arg)->disk.key);
        return r;
}

static void seed(void *arg, uint8_t ret[32]) {
        rng_bytes(&safe_of(arg)->rng, ret, 32);
}

static mesh_wall wall(void *arg) {
        return safe_of(arg)->wall;
}

static int ledger_read(void *arg, uint64_t at, size_t n, struct buf *out) {
        const struct buf *l = &safe_of(arg)->disk.ledger;
        if (read_dead(arg))
                return ERR_IO;
        if (at < l->n)
                buf_add(out, span_of(l->p + at, MIN(n, l->n - (size_t)at)));
        return 0;
}

static bool line_is(struct span bytes, enum wire_e_entry what) {
        struct wire_entry e;
        return codec_decode(&wire_entry_desc, span_from(bytes, 4), &e, NULL) == 0 && e.what == what;
}

static int ledger_write(void *arg, uint64_t at, struct span bytes) {
        struct safe *s = arg;
        int part, r = write_fate(s, &part);
        size_t n = part == 2 ? bytes.n : part == 1 ? 1 + (size_t)rng_below(&s->rng, bytes.n - 1) : 0;
        assert_true(at == s->disk.ledger.n || s->fails >= 0);
        bool forgets =
                s->lie == SAFE_FORGETS_LEDGER || (s->lie == SAFE_FORGETS_REVOKED && line_is(bytes, ENTRY_REVOKED));
        if (forgets)
                return r;
        s->disk.ledger.n = MIN(s->disk.ledger.n, (size_t)at);
        safe_disk_grows = true;
        buf_add(&s->disk.ledger, span_of(bytes.p, n));
        safe_disk_grows = false;
        return r;
}

static int ledger_cut(void *arg, uint64_t at) {
        struct safe *s = arg;
        int part, r = write_fate(s, &part);
        if (part == 2)
                s->disk.ledger.n = MIN(s->disk.ledger.n, (size_t)at);
        return r;
}

static int ledger_away(void *arg) {
        struct safe *s = arg;
        int part, r = write_fate(s, &part);
        if (part == 2) {
                put(&s->disk.away, buf_span(&s->disk.ledger));
                buf_clear(&s->disk.ledger);
        }
        return r;
}

static struct safe_blob *blob_find(struct safe *s, enum vault_blob what, const struct hash *id) {
        for (size_t i = 0; i < SAFE_BLOBS; i++) {
                struct safe_blob *b = &s->disk.blobs[i];
                if (b->there && b->what == what && hash_eq(&b->id, id))
                        return b;
        }
        return NULL;
}

static int blob_read(void *arg, enum vault_blob what, const struct hash *id, struct buf *out) {
        const struct safe_blob *b = blob_find(arg, what, id);
        if (read_dead(arg))
                return ERR_IO;
        if (!b)
                return KEYDISK_E_NONE;
        buf_add(out, buf_span(&b->bytes));
        return 0;
}

static int blob_write(void *arg, enum vault_blob what, const struct hash *id, struct span bytes) {
        struct safe *s = arg;
        struct safe_blob *b = blob_find(s, what, id);
        int part, r = write_fate(s, &part);
        if (part != 2)
                return r;
        for (size_t i = 0; !b && i < SAFE_BLOBS; i++)
                if (!s->disk.blobs[i].there)
                        b = &s->disk.blobs[i];
        assert_non_null(b);
        b->there = true;
        b->what = what;
        b->id = *id;
        put(&b->bytes, bytes);
        return r;
}

static int blob_remove(void *arg, enum vault_blob what, const struct hash *id) {
        struct safe *s = arg;
        struct safe_blob *b = blob_find(s, what, id);
        int part, r = write_fate(s, &part);
        if (b && part == 2 && s->lie != SAFE_FORGETS_REVOKED) {
                buf_fini(&b->bytes);
                b->there = false;
        }
        return r;
}

static int blob_list(void *arg, enum vault_blob what, struct buf *out) {
        const struct safe *s = arg;
        if (read_dead(s))
                return ERR_IO;
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                if (s->disk.blobs[i].there && s->disk.blobs[i].what == what)
                        buf_add(out, SPAN_OF(s->disk.blobs[i].id.b));
        return 0;
}

static int clip_bytes(void *arg, const struct hash *clip, bool list, uint64_t at, size_t n, struct buf *out) {
        const struct safe *s = arg;
        if (read_dead(s))
                return ERR_IO;
        for (size_t i = 0; s->clips && i < SAFE_CLIPS; i++) {
                const struct buf *b = list ? &s->clips[i].list : &s->clips[i].cipher;
                if (!hash_eq(&s->clips[i].id, clip))
                        continue;
                if (at < b->n)
                        buf_add(out, span_of(b->p + at, MIN(n, b->n - (size_t)at)));
                return 0;
        }
        return KEYDISK_E_NONE;
}

void safe_disk_copy(struct safe_disk *to, const struct safe_disk *from) {
        put(&to->key, buf_span(&from->key));
        put(&to->ledger, buf_span(&from->ledger));
        for (size_t i = 0; i < SAFE_BLOBS; i++) {
                to->blobs[i].there = from->blobs[i].there;
                to->blobs[i].what = from->blobs[i].what;
                to->blobs[i].id = from->blobs[i].id;
                put(&to->blobs[i].bytes, buf_span(&from->blobs[i].bytes));
        }
}

void safe_disk_fini(struct safe_disk *d) {
        buf_fini(&d->key);
        buf_fini(&d->ledger);
        buf_fini(&d->away);
        for (size_t i = 0; i < SAFE_BLOBS; i++)
                buf_fini(&d->blobs[i].bytes);
}

/* ---- clips ---- */

void safe_clip_make(struct safe_clip *ret, struct street *s, const struct key *seal, uint64_t n, size_t size,
                    bool audio) {
        struct hash hashes, commit, hash;
        uint8_t salt[CHUNK_SALT], camera[32] = {9};
        *ret = (struct safe_clip){0};
        rng_bytes(&s->rng, ret->key.b, sizeof(ret->key.b));
        rng_bytes(&s->rng, salt, sizeof(salt));
        for (size_t i = 0; i < size; i++)
                buf_add_u8(&ret->plain, (uint8_t)(i * 31 + n));
        for (uint64_t i = 0; i < chunk_count(size); i++) {
                size_t at = ret->cipher.n;
                chunk_lock(&ret->cipher, &ret->key, salt, i, i + 1 == chunk_count(size),
                           span_of(ret->plain.p + i * CHUNK_PLAIN, chunk_plain(size, i)));
                chunk_hash(&hash, i, span_from(buf_span(&ret->cipher), at));
                buf_add(&ret->list, SPAN_OF(hash.b));
        }
        chunk_hashes(&hashes, buf_span(&ret->list));
        chunk_commit(&commit, &ret->key, salt);
        struct wire_manifest m = {
                .device = SPAN_OF(s->homes[0].device.pub.b),
                .household = SPAN_OF(s->homes[0].key.pub.b),
                .seq = 0,
                .created = s->now + n,
                .sure = true,
                .camera = SPAN_OF(camera),
                .media = MEDIA_MP4,
                .size = size,
                .chunks = chunk_count(size),
                .salt = SPAN_OF(salt),
                .hashes = SPAN_OF(hashes.b),
                .commit = SPAN_OF(commit.b),
        };
        WIRE_PUT(&m, MANIFEST, from, s->now);
        WIRE_PUT(&m, MANIFEST, to, s->now + 60);
        WIRE_PUT(&m, MANIFEST, length, 60000);
        if (audio)
                WIRE_PUT(&m, MANIFEST, audio, true);
        assert_int_equal(clip_sign(CLIP_MANIFEST, &m, &s->mesh, &s->homes[0].device, &ret->manifest, &ret->id), 0);
        assert_true(chunk_seal_key(&ret->sealed, seal, salt, &ret->key, &s->rng));
}

void safe_clip_fini(struct safe_clip *c) {
        buf_fini(&c->manifest);
        buf_fini(&c->sealed);
        buf_fini(&c->cipher);
        buf_fini(&c->list);
        buf_fini(&c->plain);
        buf_fini(&c->seen);
}

/* ---- the daemon ---- */

static void tell(struct safe *s, enum wire_owner number, const void *msg, bool by_itself) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        codec_put(wire_owner_find(number), msg, &out);
        assert_true(buf_ok(&out));
        vault_daemon(&s->v, buf_span(&out), s->now);
        if (by_itself && safe_watch)
                safe_watch->told(s, buf_span(&out));
}

void safe_tell(struct safe *s, enum wire_owner number, const void *msg) {
        tell(s, number, msg, true);
}

static void reply(struct safe *s, enum wire_owner number, const void *msg) {
        tell(s, number, msg, false);
}

static void tell_ops(struct safe *s) {
        const struct roster_op *op;
        struct wire_v_ops_end end = {.time = s->wall};
        WIRE_PUT(&end, V_OPS_END, link_key, SPAN_OF(s->street->homes[0].noise.b));
        for (size_t i = 0; (op = roster_op_at(s->street->sides[0], i)); i++) {
                struct wire_v_ops msg = {.op = op->bytes};
                reply(s, OWNER_V_OPS, &msg);
        }
        reply(s, OWNER_V_OPS_END, &end);
}

static void tell_clip(struct safe *s, struct span words) {
        struct wire_v_result no = {.ok = false};
        for (size_t i = 0; s->clips && !s->no_clip && i < SAFE_CLIPS; i++) {
                _clean_(buf_fini) struct buf hex = BUF_NULL;
                text_hex(&hex, SPAN_OF(s->clips[i].id.b));
                if (words.n > hex.n || memcmp(words.p, hex.p, words.n) != 0)
                        continue;
                struct wire_v_clip msg = {.manifest = buf_span(&s->clips[i].manifest)};
                if (s->clips[i].sealed.n)
                        WIRE_PUT(&msg, V_CLIP, sealed, buf_span(&s->clips[i].sealed));
                if (s->clips[i].n_seen)
                        WIRE_PUT(&msg, V_CLIP, seen,
                                 ((struct wire_list){s->clips[i].n_seen, buf_span(&s->clips[i].seen)}));
                reply(s, OWNER_V_CLIP, &msg);
                return;
        }
        WIRE_PUT(&no, V_RESULT, name, SPAN_STR("no-such-clip"));
        reply(s, OWNER_V_RESULT, &no);
}

/* What goes into a backup: this node's device, and what others know, too. */
static void tell_backup(struct safe *s) {
        const struct street_home *h = &s->street->homes[s->home];
        struct wire_b_device device = {.device = SPAN_OF(h->device.pub.b), .noise = SPAN_OF(h->noise.b)};
        struct wire_b_link_key key = {.key = SPAN_OF(h->noise.b)};
        struct wire_v_ops_end end = {.time = s->wall};
        const struct roster_op *op;
        reply(s, OWNER_B_DEVICE, &device);
        reply(s, OWNER_B_LINK_KEY, &key);
        for (size_t i = 0; (op = roster_op_at(s->street->sides[0], i)); i++) {
                struct wire_v_ops msg = {.op = op->bytes};
                reply(s, OWNER_B_OP, &msg);
        }
        reply(s, OWNER_V_OPS_END, &end);
}

static void hear(struct safe *s, enum wire_owner number, struct span bytes, struct span grant) {
        assert_true(s->n_heard < SAFE_HEARD);
        struct safe_heard *h = &s->heard[s->n_heard++];
        h->number = number;
        put(&h->bytes, bytes);
        buf_clear(&h->more);
        if (grant.n)
                memcpy(h->grant.b, grant.p, sizeof(h->grant));
}

static void answer(struct safe *s, const struct wire_number *row, const union frame_message *m) {
        struct wire_v_result yes = {.ok = true};
        switch (row->number) {
        case OWNER_V_WANT_OPS:
                if (!s->silent)
                        tell_ops(s);
                return;
        case OWNER_V_WANT_CLIP:
                if (!s->silent)
                        tell_clip(s, m->v_clip_id.clip);
                return;
        case OWNER_V_WANT_BACKUP:
                if (!s->silent)
                        tell_backup(s);
                return;
        case OWNER_V_BACKED_UP:
                hear(s, OWNER_V_BACKED_UP, SPAN_NONE, SPAN_NONE);
                return;
        case OWNER_V_RESTORE:
                hear(s, OWNER_V_RESTORE, m->v_restore.household, SPAN_NONE);
                return;
        case OWNER_V_CODE:
                hear(s, OWNER_V_CODE, m->v_code.id, SPAN_NONE);
                reply(s, OWNER_V_RESULT, &yes);
                return;
        case OWNER_V_REPLACE:
                hear(s, OWNER_V_REPLACE, m->v_op.op, SPAN_NONE);
                reply(s, OWNER_V_RESULT, &yes);
                return;
        case OWNER_V_DESTROY:
                hear(s, OWNER_V_DESTROY, m->v_clip_id.clip, SPAN_NONE);
                reply(s, OWNER_V_RESULT, &yes);
                return;
        case OWNER_V_RELEASE:
                hear(s, OWNER_V_RELEASE, m->v_key.blob, m->v_key.grant);
                return;
        case OWNER_V_GRANT:
        case OWNER_V_SIGNED:
        case OWNER_V_REVOKED:
                hear(s, (enum wire_owner)row->number, m->v_paper.paper,
                     WIRE_HAS(&m->v_paper, V_PAPER, to) ? m->v_paper.to : SPAN_NONE);
                if (WIRE_HAS(&m->v_paper, V_PAPER, receipt))
                        put(&s->heard[s->n_heard - 1].more, m->v_paper.receipt);
                return;
        case OWNER_V_OP:
                hear(s, OWNER_V_OP, m->v_op.op, SPAN_NONE);
                return;
        case OWNER_V_DEVICE_JOIN:
                hear(s, OWNER_V_DEVICE_JOIN, m->v_device_join.seal, SPAN_NONE);
                return;
        case OWNER_V_PAPERS_END:
                hear(s, OWNER_V_PAPERS_END, SPAN_NONE, SPAN_NONE);
                return;
        case OWNER_V_RULE:
                hear(s, OWNER_V_RULE, WIRE_HAS(&m->v_rule, V_RULE, homes) ? m->v_rule.homes : SPAN_NONE, SPAN_NONE);
                return;
        case OWNER_V_PURGED:
                hear(s, OWNER_V_PURGED, m->v_purged.gone ? SPAN_STR("gone") : SPAN_NONE, m->v_purged.clip);
                return;
        case OWNER_V_REFUSED:
        case OWNER_V_TOOK:
                hear(s, (enum wire_owner)row->number,
                     WIRE_HAS(&m->v_refused, V_REFUSED, name) ? m->v_refused.name : SPAN_NONE, m->v_refused.about);
                return;
        }
}

/* Answers until nothing is asked any more. What a vault has said before its disk died is heard. */
static void daemon_turn(struct safe *s) {
        while (s->v.to_daemon.n || !buf_ok(&s->v.to_daemon)) {
                if (!buf_ok(&s->v.to_daemon)) { /* its process ends then (server.c) */
                        s->dead = true;
                        buf_clear(&s->v.to_daemon);
                        return;
                }
                _clean_(buf_fini) struct buf in = s->v.to_daemon;
                struct span left = buf_span(&in), body;
                const struct wire_number *row;
                union frame_message m;
                size_t used;
                s->v.to_daemon = BUF_NULL;
                for (; left.n; left = span_from(left, used)) {
                        assert_int_equal(frame_take(left, &body, &used), 0);
                        assert_int_equal(frame_read(body, wire_owner_find, &row, &m, NULL), 0);
                        answer(s, row, &m);
                }
        }
}

static void settle(struct safe *s) {
        daemon_turn(s);
        while (vault_deadline(&s->v) == 0) { /* grants, one a turn */
                vault_tick(&s->v, s->now);
                daemon_turn(s);
        }
}

void safe_ready(struct safe *s, struct span household) {
        const struct street_home *h = &s->street->homes[s->home];
        const struct street_home *old = h;
        uint8_t proof[SIGN_BYTES];
        for (uint32_t i = 0; i < STREET_HOMES; i++)
                if (span_eq(SPAN_OF(s->street->homes[i].key.pub.b), household))
                        old = &s->street->homes[i];
        op_device_prove(proof, &h->device, &h->noise, &h->noise, &s->street->mesh, &old->key.pub);
        struct wire_v_ready msg = {.old = SPAN_OF(old->device.pub.b), .proof = SPAN_OF(proof)};
        tell(s, OWNER_V_READY, &msg, false);
        settle(s);
}

void safe_ask_again(struct safe *s, struct span request) {
        buf_clear(&s->peer.out);
        s->asking = true;
        vault_request(&s->v, &s->peer, request, s->now);
        settle(s);
        s->asking = false;
}

void safe_ask(struct safe *s, enum wire_owner number, const void *msg) {
        _clean_(buf_fini) struct buf out = BUF_NULL;
        codec_put(wire_owner_find(number), msg, &out);
        assert_true(buf_ok(&out));
        safe_ask_again(s, buf_span(&out));
        if (safe_watch)
                safe_watch->asked(s, number, buf_span(&out));
}

static bool find_row(const struct safe *s, enum wire_owner number, struct span *ret) {
        struct span left = buf_span(&s->peer.out), body;
        const struct wire_number *row;
        union frame_message m;
        size_t used;
        for (; left.n; left = span_from(left, used)) {
                assert_int_equal(frame_take(left, &body, &used), 0);
                assert_int_equal(frame_read(body, wire_owner_find, &row, &m, NULL), 0);
                if (row->number == number) {
                        *ret = body;
                        return true;
                }
        }
        return false;
}

bool safe_row(struct safe *s, enum wire_owner number, struct buf *store, union frame_message *ret) {
        const struct wire_number *row;
        struct span body;
        if (!find_row(s, number, &body))
                return false;
        put(store, body);
        return frame_read(buf_span(store), wire_owner_find, &row, ret, NULL) == 0;
}

const char *safe_error(struct safe *s) {
        static char name[64];
        _clean_(buf_fini) struct buf store = BUF_NULL;
        union frame_message m;
        name[0] = 0;
        if (safe_row(s, OWNER_O_ERROR, &store, &m))
                snprintf(name, sizeof(name), "%.*s", (int)m.c_error.name.n, (const char *)m.c_error.name.p);
        return name;
}

bool safe_done(const struct safe *s) {
        struct span body;
        return find_row(s, OWNER_O_DONE, &body);
}

const struct safe_heard *safe_heard(const struct safe *s, enum wire_owner number) {
        for (size_t i = s->n_heard; i-- > 0;)
                if (s->heard[i].number == number)
                        return &s->heard[i];
        return NULL;
}

bool safe_learns(const struct safe *s) {
        return s->fails == 0 || (s->fails == 1 && s->v.book && !s->v.book->broken);
}

void safe_forget(struct safe *s) {
        buf_clear(&s->peer.out);
        s->n_heard = 0;
}

/* ---- a life ---- */

void safe_start(struct safe *s) {
        struct wire_v_device d = {.in_mesh = !s->outside};
        struct street_home *h = &s->street->homes[s->home];
        if (s->running)
                vault_fini(&s->v);
        s->dead = false;
        s->power = -1;
        s->fails = 0;
        s->running = true;
        buf_clear(&s->peer.out);
        assert_int_equal(vault_init(&s->v, &s->io), 0);
        d.sign = SPAN_OF(h->device.pub.b);
        d.noise = SPAN_OF(h->noise.b);
        d.seal = SPAN_OF(h->noise.b);
        safe_tell(s, OWNER_V_DEVICE, &d);
        settle(s);
}

static void write_key(struct safe *s, const char *passphrase) {
        struct keyfile_secret secret;
        const struct street_home *h = &s->street->homes[s->home];
        memcpy(secret.sign_seed, h->key.secret, sizeof(secret.sign_seed));
        secret.seal = s->seal.secret;
        struct keyfile head = {
                .lock = passphrase ? KEYFILE_LOCKED : KEYFILE_PLAIN,
                .state = KEYFILE_MEMBER,
                .owner = 1000,
                .mesh = s->street->mesh,
                .household = h->key.pub,
                .seal = s->seal.pub,
                .passes = passphrase ? 1 : 0,
                .memory_kib = passphrase ? KEYFILE_MEMORY_KIB_MIN : 0,
        };
        assert_int_equal(keyfile_encode(&s->disk.key, &head, &secret, span_str(passphrase), &s->rng), 0);
}

void safe_init(struct safe *s, struct street *street, uint32_t n, struct safe_clip *clips, const char *passphrase) {
        uint8_t rng_seed[32] = {(uint8_t)(n + 1), 77}, secret[32] = {(uint8_t)(n + 1), 5};
        struct key seal;
        *s = (struct safe){.street = street, .home = n, .clips = clips, .wall = street->now, .now = MS, .power = -1};
        rng_init(&s->rng, rng_seed);
        memcpy(seal.b, secret, sizeof(seal.b));
        box_key_from_secret(&s->seal, &seal);
        s->peer.uid = 1000;
        s->io = (struct vault_io){.key_read = key_read,
                                  .key_write = key_write,
                                  .key_remove = key_remove,
                                  .seed = seed,
                                  .wall = wall,
                                  .ledger_read = ledger_read,
                                  .ledger_write = ledger_write,
                                  .ledger_cut = ledger_cut,
                                  .ledger_away = ledger_away,
                                  .blob_read = blob_read,
                                  .blob_write = blob_write,
                                  .blob_remove = blob_remove,
                                  .blob_list = blob_list,
                                  .clip_read = clip_bytes,
                                  .arg = s,
                                  .uid = 1000,
                                  .passes = 1,
                                  .memory_kib = KEYFILE_MEMORY_KIB_MIN,
                                  .owner = UINT32_MAX};
        write_key(s, passphrase);
        safe_start(s);
}

void safe_fini(struct safe *s) {
        if (s->running)
                vault_fini(&s->v);
        safe_disk_fini(&s->disk);
        buf_wipe(&s->peer.out);
        for (size_t i = 0; i < SAFE_HEARD; i++)
                buf_fini(&s->heard[i].bytes), buf_fini(&s->heard[i].more);
        rng_fini(&s->rng);
}

/* ---- what owners and recipients do ---- */

bool safe_grant(struct safe *s, size_t c, uint32_t to, uint64_t seconds) {
        _clean_(buf_fini) struct buf id = BUF_NULL, who = BUF_NULL;
        struct wire_o_go go = {0};
        text_hex(&id, SPAN_OF(s->clips[c].id.b));
        struct wire_o_grant q = {.clip = buf_span(&id), .purpose = SPAN_STR("the stolen bicycle")};
        if (to != UINT32_MAX) {
                text_hex(&who, SPAN_OF(s->street->homes[to].key.pub.b));
                WIRE_PUT(&q, O_GRANT, to, buf_span(&who));
        }
        WIRE_PUT(&q, O_GRANT, expires_in, seconds);
        safe_ask(s, OWNER_O_GRANT, &q);
        if (safe_error(s)[0])
                return false;
        safe_ask(s, OWNER_O_GO, &go);
        return !safe_error(s)[0];
}

bool safe_revoke(struct safe *s, const struct hash *grant) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        struct wire_o_go go = {0};
        text_hex(&id, SPAN_OF(grant->b));
        struct wire_o_about q = {.id = buf_span(&id)};
        safe_ask(s, OWNER_O_REVOKE, &q);
        if (safe_error(s)[0])
                return false;
        safe_ask(s, OWNER_O_GO, &go);
        return safe_done(s);
}

void safe_bring(struct safe *s, enum wire_owner number, const void *msg) {
        struct wire_c_none none = {0};
        buf_clear(&s->peer.out);
        safe_tell(s, number, msg);
        safe_ask(s, OWNER_O_STATE, &none);
}

void safe_bring_paper(struct safe *s, enum wire_owner number, struct span paper) {
        struct wire_v_paper msg = {.paper = paper};
        safe_bring(s, number, &msg);
}

void safe_pieces(const struct safe *s, struct buf *ret) {
        struct span left = buf_span(&s->peer.out), body;
        const struct wire_number *row;
        union frame_message m;
        size_t used;
        for (; left.n; left = span_from(left, used)) {
                assert_int_equal(frame_take(left, &body, &used), 0);
                assert_int_equal(frame_read(body, wire_owner_find, &row, &m, NULL), 0);
                if (row->number == OWNER_O_PIECE_ROW)
                        buf_add(ret, m.o_piece.bytes);
        }
}

bool safe_on_disk(const struct safe *s, const struct hash *grant, enum wire_e_entry what, enum clip_object paper,
                  safe_read_fn read) {
        struct ledger l = {.mesh = s->street->mesh};
        struct span left = buf_span(&s->disk.ledger);
        struct wire_entry e;
        union wire_any any;
        struct hash id;
        while (left.n >= 4 && left.n >= 4 + (size_t)get_be16(left.p)) {
                size_t n = get_be16(left.p);
                if (ledger_take(&l, span_of(left.p + 4, n), &e))
                        return false;
                if (e.what == what && WIRE_HAS(&e, ENTRY, grant) && span_eq(e.grant, SPAN_OF(grant->b)))
                        return read(paper, e.object, &s->street->mesh, &any, &id) == 0;
                left = span_from(left, 4 + n);
        }
        return false;
}

bool safe_has_key(struct span s, const struct key *key) {
        for (size_t i = 0; i + sizeof(key->b) <= s.n; i++)
                if (memcmp(s.p + i, key->b, sizeof(key->b)) == 0)
                        return true;
        return false;
}

void safe_receipt(const struct street *street, struct span grant, uint32_t by, mesh_wall at, struct buf *ret) {
        struct wire_grant g;
        struct hash id, receipt;
        assert_int_equal(clip_read(CLIP_GRANT, grant, &street->mesh, &g, &id), 0);
        struct wire_receipt w = {.grant = SPAN_OF(id.b),
                                 .clip = g.clip,
                                 .household = SPAN_OF(street->homes[by].key.pub.b),
                                 .created = at};
        assert_int_equal(clip_sign(CLIP_RECEIPT, &w, &street->mesh, &street->homes[by].key, ret, &receipt), 0);
}
