/* SPDX-License-Identifier: Apache-2.0 */
/*
 * V_PURGE: the daemon has a clip that is to go by its owner's rule for the camera, or to make room. The vault writes the line
 * that says so, as for `clip destroy`, and wipes what was wrapped of its key; then the daemon may remove it. A clip of which a
 * grant is in force stays until that is over: its recipient has the owner's word.
 *
 * Nothing is released by this and no key is needed, so it takes nobody's yes. What a daemon that lies can do with it, it can do
 * without: remove the clips. That it fills the ledger with clips there never were has a bound a day, and one in all: half of the
 * ledger is for what its owner does. A clip that another household granted is none of these: a line that it is destroyed would
 * keep its key from being used.
 */
#include "base/log.h"
#include "base/text.h"
#include "vault/consent.h"

#define PURGES_A_DAY 4096
#define LOOK_BACK (4 * PURGES_A_DAY) /* lines; a daemon cannot write others in between by itself */
#define BYTES_MOST (BOOK_BYTES_MAX / 2)
#define DAY_MS (MESH_DAY * (mesh_time)1000)

static const char line_text[] = "by the rule for its camera";

static bool is_granted(const struct vault *v, const struct hash *clip) {
        for (size_t i = 0; i < book_n_grants(v->book); i++) {
                const struct book_grant *g = book_grant_at(v->book, i);
                if (hash_eq(&g->clip, clip) && !book_grant_over(g))
                        return true;
        }
        return false;
}

struct lately {
        mesh_wall since;
        unsigned n;
};

static int count_line(void *arg, _unused_ struct span raw, const struct wire_entry *e) {
        struct lately *l = arg;
        bool by_rule = e->what == ENTRY_DESTROYED && WIRE_HAS(e, ENTRY, text) && span_eq(e->text, span_str(line_text));
        l->n += by_rule && e->time > l->since;
        return 0;
}

/* A daemon can have this process started anew as often as it likes: what the ledger has of the last day counts. */
static unsigned written_lately(const struct vault *v, mesh_wall wall) {
        struct lately l = {.since = wall - MESH_DAY};
        uint64_t n = v->book->chain.n;
        return book_each(v->book, n - MIN(n, (uint64_t)LOOK_BACK), count_line, &l) ? PURGES_A_DAY : l.n;
}

static bool too_many(struct vault *v, mesh_wall wall, mesh_time now) {
        if (!v->purges_counted || now >= v->purges_from + DAY_MS) {
                v->purges = v->purges_counted ? 0 : written_lately(v, wall);
                v->purges_counted = true;
                v->purges_from = now;
        }
        return v->purges++ >= PURGES_A_DAY;
}

static bool is_full(struct vault *v) {
        if (v->book->end <= BYTES_MOST)
                return false;
        if (!v->purges_full)
                log_error("half of what DIR/vault/ledger may grow to is written: clips do not go by the rules for "
                          "cameras any "
                          "more, so that grants always find room; `porchlight clip destroy` still works");
        v->purges_full = true;
        return true;
}

static bool is_taken(const struct vault *v, const struct hash *clip) {
        _clean_(buf_fini) struct buf hex = BUF_NULL;
        text_hex(&hex, SPAN_OF(clip->b));
        return !buf_ok(&hex) || taken_named(v, buf_span(&hex));
}

static bool enter(struct vault *v, const struct hash *clip, mesh_wall wall) {
        struct wire_entry line = {.what = ENTRY_DESTROYED, .time = wall};
        WIRE_PUT(&line, ENTRY, clip, SPAN_OF(clip->b));
        WIRE_PUT(&line, ENTRY, text, span_str(line_text));
        if (book_write(v->book, &line))
                return false;
        for (size_t i = 0; i < book_n_grants(v->book); i++)
                if (hash_eq(&book_grant_at(v->book, i)->clip, clip) && !grant_forget(v, book_grant_at(v->book, i)))
                        return false;
        return true;
}

/* A further device has given nothing to others, and its main one writes down what goes; it keeps what is shared with itself. A key
 * file that cannot be read is not that. */
static bool purge(struct vault *v, const struct hash *clip, mesh_time now) {
        mesh_wall wall = v->io->wall(v->io->arg);
        if (!v->has_key)
                return !v->broken;
        if (keyfile_of_device(v->key.state))
                return !is_taken(v, clip);
        if (!v->book || v->book->broken || !vault_clock_sane(wall))
                return false;
        if (book_destroyed(v->book, clip))
                return true;
        grants_mind(v, wall);
        if (is_full(v) || is_granted(v, clip) || is_taken(v, clip))
                return false;
        return !too_many(v, wall, now) && enter(v, clip, wall);
}

void on_purge(struct vault *v, const union frame_message *m, mesh_time now) {
        struct hash clip;
        memcpy(clip.b, m->v_purge.clip.p, sizeof(clip.b));
        struct wire_v_purged answer = {.clip = m->v_purge.clip, .gone = purge(v, &clip, now)};
        frame_put(&v->to_daemon, wire_owner_find(OWNER_V_PURGED), &answer);
}
