/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main device takes what the household's other devices tell of their clips, and a further device destroys a clip that the
 * main one says is to go (kin.h). Whoever said it is answered when it is on the disk.
 */
#include "base/log.h"
#include "node/internal.h"
#include "node/paper_rules.h"
#include "node/rows.h"

#include <errno.h>
#include <stdlib.h>

#define JOB UINT64_C(0x100000000) /* of tokens: those of jobs begin here */

enum job_kind { JOB_TAKE, JOB_LOSE, JOB_DESTROY };

struct kin_job {
        struct list on;
        struct query q;
        struct pool_job work;
        struct node *n;
        enum job_kind kind;
        struct hash id;
        struct key device; /* who waits for an answer, and whose clip it is, but for DESTROY … */
        bool answer;       /* … if anybody does */
        uint64_t token;    /* with the writer; 0: not yet */
        bool found, gone, away, lost, never, theirs; /* the row that is there */
        struct buf manifest, sealed, camera;         /* the row that is to be, of TAKE */
        struct store_clip row;
        uint8_t salt[sizeof(struct hash)];
        uint64_t freed; /* bytes of its files that are the disk's again */
        int e;          /* errno, of removing them */
};

static void job_free(struct kin_job *j) {
        list_drop(&j->on);
        j->n->kin.n_jobs--;
        buf_fini(&j->manifest);
        buf_wipe(&j->sealed);
        buf_fini(&j->camera);
        free(j);
}

static void finish(struct kin_job *j, uint8_t why) {
        if (j->answer && !j->n->stopping)
                paper_answer(j->n, &j->device, &j->id, why);
        job_free(j);
}

static struct kin_job *job_new(struct node *n, enum job_kind kind, const struct hash *clip, const struct key *device) {
        struct kin_job *j = n->kin.n_jobs < KIN_JOBS && n->kin.started ? calloc(1, sizeof(*j)) : NULL;
        if (!j)
                return NULL;
        j->n = n;
        j->kind = kind;
        j->id = *clip;
        j->answer = device != NULL;
        if (device)
                j->device = *device;
        list_init(&j->on);
        list_push(&n->kin.jobs, &j->on);
        n->kin.n_jobs++;
        return j;
}

/* ---- looking it up ---- */

static int note(void *ctx, const struct store_clip *c) {
        struct kin_job *j = ctx;
        struct wire_manifest w;
        j->found = true;
        j->gone = !c->manifest.n;
        j->away = c->away;
        j->lost = c->lost;
        j->never = c->never;
        j->theirs = c->away && !j->gone && !codec_decode(&wire_manifest_desc, c->manifest, &w, NULL) &&
                    span_eq(w.device, SPAN_OF(j->device.b));
        return 1;
}

/* On the pool. */
static int look_up(struct query *q, struct store_reader *r) {
        struct kin_job *j = CONTAINER_OF(q, struct kin_job, q);
        int e = store_clip_get(r, &j->id, note, j);
        return e == STORE_E_NONE ? 0 : e;
}

static void change(struct kin_job *j, enum store_clip_change what) {
        j->token = WRITER_TOKEN_KIN | (JOB + ++j->n->kin.token);
        j->row.id = j->id;
        writer_clip(j->n, what, &j->row, j->token);
}

static void wipe(struct kin_job *j) {
        struct mesh_row row = {.kind = MESH_ROW_CLIP, .clip = {.id = j->id, .gone = true}};
        j->token = WRITER_TOKEN_KIN | (JOB + ++j->n->kin.token);
        writer_add(j->n, &row, j->token);
}

/* PROTOCOL 15.83: "A device that brings a clip which was destroyed is told `over`, and destroys it." */
static void on_looked_up(struct query *q) {
        struct kin_job *j = CONTAINER_OF(q, struct kin_job, q);
        if (q->r || j->n->stopping) {
                finish(j, REFUSAL_NOT_NOW);
                return;
        }
        switch (j->kind) {
        case JOB_TAKE:
                if (j->gone)
                        finish(j, REFUSAL_OVER);
                else if (j->found && j->never == j->row.never)
                        finish(j, 0);
                else
                        change(j, STORE_CLIP_AWAY);
                return;
        case JOB_LOSE:
                if (!j->theirs || j->lost)
                        finish(j, 0); /* nothing of it is here, or it is known */
                else
                        change(j, STORE_CLIP_LOST);
                return;
        case JOB_DESTROY:
                if (!j->found || j->gone || j->away)
                        finish(j, 0);
                else
                        wipe(j);
                return;
        }
}

static void start(struct kin_job *j) {
        j->q = (struct query){.lane = QUERY_QUICK, .run = look_up, .done = on_looked_up};
        query_start(j->n, &j->q);
}

/* ---- it is on the disk ---- */

/* On the pool. */
static void remove_files(struct pool_job *work) {
        struct kin_job *j = CONTAINER_OF(work, struct kin_job, work);
        j->e = clips_unlink(j->n, &j->id, &j->freed);
}

static void on_removed(struct pool_job *work) {
        struct kin_job *j = CONTAINER_OF(work, struct kin_job, work);
        struct node *n = j->n;
        n->clips.used -= j->freed;
        if (j->e)
                log_error(
                        "the files of a clip that was destroyed could not be removed (%s); the next start tries again",
                        strerror(j->e));
        else
                log_info("a clip is destroyed, as the main device says: its key is gone, and its files");
        finish(j, 0);
        kin_kick(n);
}

static void stored(struct kin_job *j, bool ok) {
        struct node *n = j->n;
        enum job_kind kind = j->kind;
        if (ok && kind == JOB_DESTROY && !n->stopping) {
                j->work = (struct pool_job){.work = remove_files, .after = on_removed};
                pool_run(&n->pool, &j->work);
                return;
        }
        n->kin.kept += ok && kind == JOB_TAKE && !j->found;
        finish(j, ok ? 0 : REFUSAL_NOT_NOW);
        if (ok && kind == JOB_LOSE)
                purge_kick(n); /* the vault is to write down that it is gone */
}

void kin_stored(struct node *n, uint64_t token, bool ok) {
        if ((token & ~WRITER_TOKEN_KIN) < JOB) {
                kin_out_stored(n, token, ok);
                return;
        }
        LIST_EACH (j, &n->kin.jobs, struct kin_job, on) {
                if (j->token != token)
                        continue;
                stored(j, ok);
                return;
        }
}

/* ---- what comes ---- */

bool kin_take(struct node *n, const struct paper_own *p, struct span manifest, const struct key *device) {
        struct kin_job *j = n->kin.kept < KIN_MOST ? job_new(n, JOB_TAKE, &p->clip, device) : NULL;
        if (!j)
                return false;
        buf_add(&j->manifest, manifest);
        buf_add(&j->sealed, p->own.sealed);
        buf_add(&j->camera, p->own.camera);
        memcpy(j->salt, p->own.salt.p, sizeof(j->salt));
        if (!buf_ok(&j->manifest) || !buf_ok(&j->sealed) || !buf_ok(&j->camera)) {
                job_free(j);
                return false;
        }
        j->row = (struct store_clip){.seq = p->manifest.seq,
                                     .manifest = buf_span(&j->manifest),
                                     .sealed = buf_span(&j->sealed),
                                     .camera = buf_span(&j->camera),
                                     .salt = SPAN_OF(j->salt),
                                     .as_is = WIRE_HAS(&p->own, OWN_CLIP, as_is),
                                     .never = WIRE_HAS(&p->own, OWN_CLIP, never)};
        start(j);
        return true;
}

bool kin_lose(struct node *n, const struct hash *clip, const struct key *device) {
        struct kin_job *j = job_new(n, JOB_LOSE, clip, device);
        if (j)
                start(j);
        return j;
}

bool kin_destroy(struct node *n, const struct hash *clip, const struct key *device) {
        struct kin_job *j = job_new(n, JOB_DESTROY, clip, device);
        if (j)
                start(j);
        return j;
}

/* ---- what the main device wants ---- */

bool kin_is(const struct node *n, const struct wire_manifest *w) {
        struct mesh_status st;
        mesh_status(n->core, &st);
        return span_eq(w->household, SPAN_OF(st.household.b)) && !span_eq(w->device, SPAN_OF(st.device.b));
}

bool kin_revoked(const struct node *n, struct span manifest) {
        struct wire_manifest w;
        struct key device;
        if (codec_decode(&wire_manifest_desc, manifest, &w, NULL))
                return false;
        memcpy(device.b, w.device.p, sizeof(device.b));
        return paper_own_gone(n, &device);
}

_Static_assert(KIN_NAME_MAX == ROWS_NAME_MAX, "the same name");

const char *kin_device(const struct node *n, const struct wire_manifest *w, char ret[KIN_NAME_MAX]) {
        struct key device;
        memcpy(device.b, w->device.p, sizeof(device));
        return rows_device(n, &device, ret);
}

int kin_fetch(struct node *n, const struct hash *clip, struct span manifest, mesh_wall until) {
        return fetch_begin(n, clip, manifest, MAX(until, fetch_until(n, clip)));
}

bool kin_order(struct node *n, const struct hash *clip, struct span manifest) {
        _clean_(buf_fini) struct buf paper = BUF_NULL;
        struct wire_manifest w;
        struct store_paper row = {.id = *clip,
                                  .what = PAPER_OUT_DESTROY,
                                  .state = PAPER_WAITS,
                                  .about = *clip,
                                  .expires = node_time(n) + KIN_ORDER_S};
        if (codec_decode(&wire_manifest_desc, manifest, &w, NULL))
                return true; /* there is nobody to tell */
        struct wire_own_gone gone = {.clip = SPAN_OF(clip->b), .device = w.device};
        codec_encode(&wire_own_gone_desc, &gone, &paper);
        memcpy(row.household.b, w.device.p, sizeof(row.household.b));
        row.paper = buf_span(&paper);
        if (!buf_ok(&paper) || (!papers_find(n, clip) && !papers_add(n, &row)))
                return false;
        courier_kick(n, &row.household);
        return true;
}

/* ---- life ---- */

void kin_init(struct node *n) {
        list_init(&n->kin.jobs);
}

void kin_start(struct node *n) {
        _clean_(buf_fini) struct buf told = BUF_NULL;
        struct kin *k = &n->kin;
        struct store_reader *reader = queries_reader(n, QUERY_QUICK);
        k->knows = reader && store_get(reader, SETTING_KIN_MAIN, &told) == 0 && told.n == sizeof(k->told);
        if (k->knows)
                memcpy(k->told.b, told.p, sizeof(k->told));
        k->started = true;
}

void kin_fini(struct node *n) {
        LIST_EACH (j, &n->kin.jobs, struct kin_job, on)
                job_free(j);
        kin_out_fini(n);
}
