/* SPDX-License-Identifier: Apache-2.0 */
#include "node/recorder.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "node/internal.h"
#include "tape/event.h"

#include <errno.h>
#include <sodium.h>
#include <unistd.h>

#define SLACK (2u * TAPE_CHUNK) /* of a slot: the last event's digests, and the end */
#define SEALED_MORE 64          /* one byte in so many is what sealing adds at most, but for small frames */

static struct node *node_of(struct recorder *r) {
        return CONTAINER_OF(r, struct node, recorder);
}

/* ---- writing: on the pool, or before and after the loop runs ---- */

static bool write_at(const struct recorder_tape *tape, uint64_t run, uint64_t at, struct span s) {
        uint64_t place = tape_slot_at(tape->slot_bytes, run) + at;
        while (s.n) {
                ssize_t n = pwrite(tape->fd, s.p, s.n, (off_t)place);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                place += (uint64_t)n;
                s = span_from(s, (size_t)n);
        }
        return true;
}

/* Seals and writes what is in `sealing`. 0 or an errno. */
static int write_frames(struct recorder *r) {
        struct span rest = buf_span(&r->sealing);
        while (rest.n) {
                size_t n = MIN(rest.n, (size_t)TAPE_CHUNK);
                if (tape_seal(&r->writer, span_of(rest.p, n), &r->sealed))
                        return ENOMEM;
                if (!write_at(r->tape, r->tape->run, r->at, buf_span(&r->sealed)))
                        return errno;
                r->at += r->sealed.n - TAPE_STOP;
                buf_clear(&r->sealed);
                rest = span_from(rest, n);
        }
        return 0;
}

static void on_work(struct pool_job *work) {
        struct recorder *r = CONTAINER_OF(work, struct recorder, work);
        r->error = write_frames(r);
}

/* ---- on the loop ---- */

static void give_up(struct recorder *r, const char *why) {
        log_error("recording: %s; it ends here, and the daemon goes on without", why);
        r->on = false;
        buf_clear(&r->plain);
}

static void swap(struct recorder *r) {
        struct buf was = r->sealing;
        r->sealing = r->plain;
        r->plain = was;
        r->due = false;
}

static void settle(struct recorder *r) {
        buf_clear(&r->sealing); /* and keeps its memory, which RECORDER_LAG bounds */
        r->settled = r->at;
        if (r->error)
                give_up(r, strerror(r->error));
}

static void on_after(struct pool_job *work) {
        struct recorder *r = CONTAINER_OF(work, struct recorder, work);
        r->busy = false;
        settle(r);
}

static void write_now(struct recorder *r) {
        swap(r);
        r->error = write_frames(r);
        settle(r);
}

static void on_flush(uv_timer_t *timer) {
        struct recorder *r = CONTAINER_OF(timer, struct recorder, timer);
        r->due = true;
        r->timed = false;
}

void recorder_kick(struct node *n) {
        struct recorder *r = &n->recorder;
        if (r->busy || r->plain.n == 0 || (r->plain.n < TAPE_CHUNK && !r->due))
                return;
        swap(r);
        r->busy = true;
        r->work = (struct pool_job){.work = on_work, .after = on_after};
        pool_run(&n->pool, &r->work);
}

static void end(struct recorder *r, const char *why) {
        tape_entry(&r->plain, TAPE_END, span_str(why));
        r->due = true;
        r->on = false;
}

/* Would this entry still fit, whatever it takes to seal what waits? */
static bool has_room(const struct recorder *r, size_t entry) {
        uint64_t waiting = r->sealing.n + r->plain.n + entry;
        return r->settled + waiting + waiting / SEALED_MORE + SLACK <= r->tape->slot_bytes;
}

static void add(struct recorder *r, enum tape_kind kind, struct span body) {
        struct node *n = node_of(r);
        tape_entry(&r->plain, kind, body);
        if (!buf_ok(&r->plain) || r->plain.n > RECORDER_LAG + TAPE_ENTRY_MAX)
                give_up(r, err_text(ERR_NOMEM));
        else if (!n->started && r->plain.n >= TAPE_CHUNK)
                write_now(r);
        else if (n->started && !r->timed && !n->closed)
                r->timed = uv_timer_start(&r->timer, on_flush, RECORDER_FLUSH, 0) == 0;
}

void recorder_event(struct node *n, const struct mesh_event *ev) {
        struct recorder *r = &n->recorder;
        if (!r->on)
                return;
        buf_clear(&r->body);
        tape_put_event(&r->body, ev);
        if (!buf_ok(&r->body) || r->body.n > TAPE_ENTRY_MAX) {
                give_up(r, "an event is too large");
        } else if (r->busy && r->plain.n > RECORDER_LAG) {
                give_up(r, "the disk does not keep up");
        } else if (!has_room(r, TAPE_ENTRY_HEAD + r->body.n)) {
                end(r, "full");
                log_warning("recording: run %llu has filled its part of the file and ends here; the next start of the "
                            "daemon records again, or give a larger --record-size",
                            (unsigned long long)r->tape->run);
        } else {
                add(r, TAPE_EVENT, buf_span(&r->body));
        }
}

void recorder_action(struct node *n, const struct mesh_action *a) {
        struct recorder *r = &n->recorder;
        uint8_t digest[TAPE_DIGEST];
        if (!r->on)
                return;
        if (tape_digest(a, &r->scratch, digest))
                buf_add(&r->digests, SPAN_OF(digest));
        else
                give_up(r, err_text(ERR_NOMEM));
}

void recorder_stepped(struct node *n) {
        struct recorder *r = &n->recorder;
        if (r->on && n->broken) /* what else the core had to say was not heard */
                end(r, TAPE_END_FAILED);
        else if (r->on && r->digests.n)
                add(r, TAPE_DIGESTS, buf_span(&r->digests));
        buf_clear(&r->digests);
}

/* ---- birth and death ---- */

void recorder_init(struct node *n) {
        uv_timer_init(n->loop, &n->recorder.timer);
        uv_unref((uv_handle_t *)&n->recorder.timer);
}

/* The version, a zero, and the core's configuration. */
static void add_birth(struct recorder *r, const struct node *n) {
        buf_clear(&r->body);
        buf_add(&r->body, span_of(n->version, strlen(n->version) + 1));
        tape_put_config(&r->body, &n->cfg);
        add(r, TAPE_BIRTH, buf_span(&r->body));
}

void recorder_start(struct node *n) {
        struct recorder *r = &n->recorder;
        uint8_t seed[32];
        if (!r->tape)
                return;
        r->on = true;
        randombytes_buf(seed, sizeof(seed));
        tape_begin(&r->writer, &r->tape->lock, r->tape->run, node_wall(), seed, &r->sealed);
        hash_wipe(seed, sizeof(seed));
        buf_add(&r->sealed, span_of((uint8_t[TAPE_STOP]){0}, TAPE_STOP));
        if (!buf_ok(&r->sealed) || !write_at(r->tape, r->tape->run, 0, buf_span(&r->sealed))) {
                give_up(r, strerror(errno));
                return;
        }
        r->at = r->settled = TAPE_HEAD;
        buf_clear(&r->sealed);
        add_birth(r, n);
        log_info("recording run %llu", (unsigned long long)r->tape->run);
}

void recorder_close(struct node *n) {
        uv_close((uv_handle_t *)&n->recorder.timer, NULL);
}

void recorder_fini(struct node *n) {
        struct recorder *r = &n->recorder;
        if (r->on)
                end(r, "stopped");
        if (r->plain.n && r->at)
                write_now(r);
        if (r->tape && r->at) {
                fdatasync(r->tape->fd);
                r->tape->run++;
        }
        tape_writer_fini(&r->writer);
        buf_wipe(&r->plain);
        buf_wipe(&r->sealing);
        buf_fini(&r->sealed);
        buf_wipe(&r->body);
        buf_wipe(&r->scratch);
        buf_fini(&r->digests);
}
