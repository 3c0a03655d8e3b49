/* SPDX-License-Identifier: Apache-2.0 */
/* A further device tells its household's main one of the clips that it has taken in (kin.h). */
#include "base/log.h"
#include "node/internal.h"

#include <stdlib.h>

#define MARK UINT64_C(1)   /* of tokens: an answer … */
#define UNTOLD UINT64_C(2) /* … or that there is another main device */

/* This household's main device, where that is another. NULL: it is this one, or there is none. */
static const struct roster_device *other_main(const struct node *n) {
        struct mesh_status st;
        mesh_status(n->core, &st);
        const struct roster_device *d = papers_main(n, &st.household);
        return d && !key_eq(&d->sign, &st.device) ? d : NULL;
}

static void due_free(struct kin_due *d) {
        buf_fini(&d->manifest);
        buf_wipe(&d->sealed);
        buf_fini(&d->camera);
}

static void due_clear(struct kin *k) {
        for (size_t i = 0; i < k->n_due; i++)
                due_free(&k->due[i]);
        k->n_due = 0;
}

/* ---- looking ---- */

struct look {
        struct query q;
        struct node *n;
        struct kin_due due[KIN_AT_ONCE];
        size_t n_due;
};

static int take(void *ctx, const struct store_clip *c) {
        struct look *l = ctx;
        struct kin_due *d = &l->due[l->n_due++];
        *d = (struct kin_due){.id = c->id, .gone = !c->manifest.n, .as_is = c->as_is};
        buf_add(&d->manifest, c->manifest);
        buf_add(&d->sealed, c->sealed);
        buf_add(&d->camera, c->camera);
        return buf_ok(&d->manifest) && buf_ok(&d->sealed) && buf_ok(&d->camera) ? 0 : ERR_NOMEM;
}

/* On the pool. */
static int run(struct query *q, struct store_reader *r) {
        struct look *l = CONTAINER_OF(q, struct look, q);
        return store_clips_due(r, KIN_AT_ONCE, take, l);
}

static void look(struct node *n);

static void looked(struct query *q) {
        struct look *l = CONTAINER_OF(q, struct look, q);
        struct node *n = l->n;
        struct kin *k = &n->kin;
        struct mesh_status st;
        int r = q->r;
        k->looking = false;
        if (r)
                log_warning("which clips the main device does not know of could not be looked up: %s",
                            r > 0 ? store_error_text(r) : err_text(r));
        due_clear(k);
        memcpy(k->due, l->due, sizeof(l->due));
        k->n_due = l->n_due;
        k->late = r != 0;
        free(l);
        if (r)
                due_clear(k);
        mesh_status(n->core, &st);
        if (k->n_due && !n->stopping)
                courier_kick(n, &st.household);
        else if (TAKE(k->again) && !n->stopping)
                look(n);
}

static void look(struct node *n) {
        struct look *l = calloc(1, sizeof(*l));
        n->kin.late = !l;
        if (!l)
                return;
        l->n = n;
        l->q = (struct query){.lane = QUERY_LIST, .run = run, .done = looked};
        n->kin.looking = true;
        query_start(n, &l->q);
}

/* ---- another main device ---- */

static void untold(struct node *n) {
        struct store_clip all = {.told = false};
        n->kin.marks++;
        writer_clip(n, STORE_CLIPS_UNTOLD, &all, WRITER_TOKEN_KIN | UNTOLD);
}

/* PROTOCOL 15.81: "It tells another main device of all of them." What is on the disk then: that nothing was told, and behind
 * that who is being told. */
static bool is_new(struct node *n, const struct key *main) {
        struct kin *k = &n->kin;
        if (k->knows && key_eq(&k->told, main))
                return false;
        k->knows = true;
        k->told = *main;
        untold(n);
        writer_set(n, SETTING_KIN_MAIN, SPAN_OF(main->b));
        return true;
}

void kin_rule_changed(struct node *n) {
        if (n->kin.started && !n->stopping && other_main(n))
                untold(n);
}

/* One look finds what a second would: it waits until all of the first is told. */
void kin_kick(struct node *n) {
        struct kin *k = &n->kin;
        const struct roster_device *d = other_main(n);
        if (!k->started || n->stopping || !d || is_new(n, &d->sign))
                return;
        k->again = k->looking || k->n_due || k->marks;
        if (!k->again)
                look(n);
}

void kin_send(struct node *n) {
        struct mesh_status st;
        mesh_status(n->core, &st);
        if (n->kin.n_due && !n->stopping)
                courier_kick(n, &st.household);
}

void kin_tick(struct node *n) {
        const struct roster_device *d = other_main(n);
        if (d && (n->kin.late || !key_eq(&n->kin.told, &d->sign)))
                kin_kick(n);
}

/* ---- saying ---- */

bool kin_waits(const struct node *n) {
        for (size_t i = 0; i < n->kin.n_due; i++)
                if (!n->kin.due[i].answered)
                        return true;
        return false;
}

static bool say_paper(struct haul_link *l, enum wire_e_paper what, const struct wire_desc *desc, const void *msg) {
        _clean_(buf_wipe) struct buf object = BUF_NULL;
        codec_encode(desc, msg, &object);
        struct wire_haul_paper paper = {.what = what, .object = buf_span(&object)};
        return buf_ok(&object) && haul_say(l, LINK_PAPER, &paper);
}

static bool say_clip(struct haul_link *l, const struct kin_due *d) {
        const struct node *n = l->n;
        struct wire_haul_paper manifest = {.what = PAPER_MANIFEST, .object = buf_span(&d->manifest)};
        struct wire_own_clip own = {.clip = SPAN_OF(d->id.b),
                                    .sealed = buf_span(&d->sealed),
                                    .camera = buf_span(&d->camera),
                                    .salt = SPAN_OF(n->clips.salt.b)};
        if (d->as_is)
                WIRE_PUT(&own, OWN_CLIP, as_is, true);
        if (cameras_never(&n->cameras, own.camera))
                WIRE_PUT(&own, OWN_CLIP, never, true);
        return haul_say(l, LINK_PAPER, &manifest) && say_paper(l, PAPER_OWN, &wire_own_clip_desc, &own);
}

static bool say_gone(struct haul_link *l, const struct kin_due *d) {
        struct mesh_status st;
        mesh_status(l->n->core, &st);
        struct wire_own_gone gone = {.clip = SPAN_OF(d->id.b), .device = SPAN_OF(st.device.b)};
        return say_paper(l, PAPER_OWN_GONE, &wire_own_gone_desc, &gone);
}

/* PROTOCOL 15.80: "A manifest's device brings it, and no other." */
void kin_say_all(struct haul_link *l) {
        struct kin *k = &l->n->kin;
        const struct roster_device *d = k->n_due ? other_main(l->n) : NULL;
        if (!d || !key_eq(&d->sign, &l->device))
                return;
        for (size_t i = 0; i < k->n_due; i++) {
                struct kin_due *due = &k->due[i];
                mesh_time now = uv_now(l->n->loop);
                if (due->answered || (due->said == l && now - due->said_at < KIN_AGAIN_MS))
                        continue;
                if (!(due->gone ? say_gone(l, due) : say_clip(l, due)))
                        return; /* on_room comes */
                due->said = l;
                due->said_at = now;
        }
}

void kin_down(const struct haul_link *l) {
        for (size_t i = 0; i < l->n->kin.n_due; i++)
                if (l->n->kin.due[i].said == l)
                        l->n->kin.due[i].said = NULL;
}

/* ---- answers ---- */

bool kin_answer(struct haul_link *l, const struct hash *about, uint8_t why) {
        struct node *n = l->n;
        struct kin *k = &n->kin;
        struct kin_due *d = NULL;
        for (size_t i = 0; i < k->n_due; i++)
                if (k->due[i].said == l && !k->due[i].answered && hash_eq(&k->due[i].id, about))
                        d = &k->due[i];
        if (!d)
                return false;
        if (why && why != REFUSAL_OVER)
                return true; /* later */
        d->answered = true;
        k->marks++;
        if (why && !d->gone) /* it was destroyed there, and the word of that has not come here */
                kin_destroy(n, &d->id, NULL);
        struct store_clip told = {.id = d->id, .told = !d->gone};
        writer_clip(n, STORE_CLIP_TOLD, &told, WRITER_TOKEN_KIN | MARK);
        return true;
}

void kin_out_stored(struct node *n, uint64_t token, bool ok) {
        struct kin *k = &n->kin;
        (void)token;
        k->late |= !ok;
        if (k->marks)
                k->marks--;
        if (k->marks || kin_waits(n) || k->looking)
                return;
        due_clear(k);
        k->again = false;
        if (ok && !n->stopping && other_main(n))
                look(n); /* there may be more, or something new */
}

void kin_out_fini(struct node *n) {
        due_clear(&n->kin);
}
