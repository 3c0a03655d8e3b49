/* SPDX-License-Identifier: Apache-2.0 */
#include "support/faults.h"

#include "safe.h"

#include "base/log.h"
#include "support/ways.h"
#include "vault/book.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE 8                         /* of so many ways one is tried */
#define TOLD 512                         /* children within one request */
#define ROWS 24                          /* of an answer that are compared */
#define TRIES 3                          /* until what was asked is done: the first no, a restart, and once more */
#define LATER_MS (UINT64_C(3600) * 1000) /* by then a vault has tried again what it could not do */
#define BROKEN 100                       /* a child's exit code, apart from cmocka's, which counts failed tests */

/* How a request ended: the error's name, and the numbers of the rows. */
struct ending {
        char error[32];
        uint8_t rows[ROWS];
        size_t n;
        enum vault_error ledger; /* what is wrong with it on the disk */
};

/* By a child. */
struct told {
        unsigned way;
        struct ending endings[TRIES]; /* with which it has ended, one time and the next */
        int tries;
};

static struct {
        bool inside, child, all;
        bool free; /* a child that goes on with the test, and ends with it */
        unsigned way;
        const char *what; /* failed */
        struct ways ways;
        struct rng rng;
        struct buf last; /* what was asked last, but for a yes … */
        const struct safe *last_of;
        unsigned wrong;
        struct {
                unsigned n;
                struct told told[TOLD];
        } * shared; /* with the children of the request that the parent is at */
} faults;

/* ---- failing ---- */

static void wrong(unsigned way, const char *what) {
        fprintf(stderr, "# way %u: %s\n", way, what);
        faults.wrong++;
}

/* Does it? Only ever once in a process, and never in the parent. */
static bool fails(const char *what) {
        int status;
        if (!faults.inside || faults.child || safe_disk_grows || safe_spared || !ways_is_new(&faults.ways))
                return false;
        faults.way++;
        if (!faults.all && rng_below(&faults.rng, SAMPLE) != 0)
                return false;
        fflush(NULL);
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
                faults.child = true;
                faults.wrong = 0;
                faults.what = what;
                (void)!dup2(STDERR_FILENO, STDOUT_FILENO); /* the parent tells the TAP */
                signal(SIGSEGV, SIG_DFL);                  /* which cmocka takes for one failed test of many */
                return true;
        }
        REQUIRE(waitpid(pid, &status, 0) == pid);
        if (status != 0)
                wrong(faults.way, "its process did not end well");
        return false;
}

static bool disk_refuses(void) {
        return fails("the disk");
}

/* What the linker leads here. */
void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n) {
        return fails("malloc") ? NULL : __real_malloc(n);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size) {
        return fails("calloc") ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *old, size_t n);
void *__wrap_realloc(void *old, size_t n);
void *__wrap_realloc(void *old, size_t n) {
        return fails("realloc") ? NULL : __real_realloc(old, n);
}

void *__real_sodium_malloc(size_t n);
void *__wrap_sodium_malloc(size_t n);
void *__wrap_sodium_malloc(size_t n) {
        return fails("sodium_malloc") ? NULL : __real_sodium_malloc(n);
}

static void enter(void) {
        if (!faults.child)
                ways_begin(&faults.ways);
        faults.inside = true;
}

void __real_vault_request(struct vault *v, struct vault_peer *p, struct span body, mesh_time now);
void __wrap_vault_request(struct vault *v, struct vault_peer *p, struct span body, mesh_time now);
void __wrap_vault_request(struct vault *v, struct vault_peer *p, struct span body, mesh_time now) {
        enter();
        __real_vault_request(v, p, body, now);
        faults.inside = false;
}

void __real_vault_daemon(struct vault *v, struct span body, mesh_time now);
void __wrap_vault_daemon(struct vault *v, struct span body, mesh_time now);
void __wrap_vault_daemon(struct vault *v, struct span body, mesh_time now) {
        enter();
        __real_vault_daemon(v, body, now);
        faults.inside = false;
}

static void ticked(struct vault *v, mesh_time now);

void __real_vault_tick(struct vault *v, mesh_time now);
void __wrap_vault_tick(struct vault *v, mesh_time now);
void __wrap_vault_tick(struct vault *v, mesh_time now) {
        enter();
        bool was_child = faults.child;
        __real_vault_tick(v, now);
        faults.inside = false;
        if (faults.child && !was_child && !CONTAINER_OF(v, struct safe, v)->asking)
                ticked(v, now);
}

/* ---- what has to be so ---- */

static void say_wrong(const char *what) {
        char text[160];
        snprintf(text, sizeof(text), "%s fails: %s", faults.what, what);
        wrong(faults.way, text);
}

/* On the disk alone. */
static bool has_line(const struct safe *s, const struct hash *grant, enum wire_e_entry what) {
        struct ledger l = {.mesh = s->street->mesh};
        struct span left = buf_span(&s->disk.ledger);
        struct wire_entry e;
        while (left.n >= BOOK_HEAD && left.n >= BOOK_HEAD + (size_t)get_be16(left.p)) {
                size_t n = get_be16(left.p);
                if (ledger_take(&l, span_of(left.p + BOOK_HEAD, n), &e))
                        return false;
                if (e.what == what && WIRE_HAS(&e, ENTRY, grant) && span_eq(e.grant, SPAN_OF(grant->b)))
                        return true;
                left = span_from(left, BOOK_HEAD + n);
        }
        return false;
}

static enum vault_error ledger_wrong(struct safe *s) {
        struct book b;
        enum vault_error e;
        bool dead = s->dead;
        s->dead = false; /* the disk lives on */
        REQUIRE(book_open(&b, &s->io, &s->street->mesh, &s->street->homes[s->home].key.pub) == 0);
        e = b.broken;
        book_fini(&b);
        s->dead = dead;
        return e;
}

static void look(struct safe *s) {
        if (base_checks_failed())
                say_wrong("a check of the vault's own failed");
        for (size_t i = 0; i < s->n_heard; i++) {
                const struct safe_heard *h = &s->heard[i];
                if (h->number == OWNER_V_RELEASE &&
                    (!has_line(s, &h->grant, ENTRY_GRANTED) || !has_line(s, &h->grant, ENTRY_RECEIPT)))
                        say_wrong("a key has left without a grant and a receipt on the disk");
        }
}

static void note_row(struct ending *e, const struct wire_number *row, const union frame_message *m) {
        if (row->number == OWNER_O_ERROR) {
                snprintf(e->error, sizeof(e->error), "%.*s", (int)m->c_error.name.n, (const char *)m->c_error.name.p);
                if (!m->c_error.name.n || !m->c_error.message.n)
                        say_wrong("a no without a name or a word about it");
        }
        if (e->n < ROWS)
                e->rows[e->n++] = row->number;
}

static struct ending ending_of(const struct buf *said) {
        struct ending e = {.error = "closed"}; /* of an answer for which there was no memory */
        struct span left = buf_span(said), body;
        const struct wire_number *row;
        union frame_message m;
        if (!buf_ok(said))
                return e;
        e.error[0] = 0;
        for (size_t used; left.n; left = span_from(left, used)) {
                REQUIRE(frame_take(left, &body, &used) == 0);
                REQUIRE(frame_read(body, wire_owner_find, &row, &m, NULL) == 0);
                note_row(&e, row, &m);
        }
        return e;
}

static bool same(const struct ending *a, const struct ending *b) {
        return a->ledger == b->ledger && strcmp(a->error, b->error) == 0 && a->n == b->n &&
               memcmp(a->rows, b->rows, a->n) == 0;
}

/* In the parent: each child has ended so, too. Where the test's own disk fails, its next try need not. */
static void compare(struct safe *s, unsigned number, struct ending *e) {
        char text[160];
        if (!faults.shared->n)
                return;
        for (unsigned i = 0; i < faults.shared->n; i++) {
                struct told *t = &faults.shared->told[i];
                bool so = strcmp(e->error, "ledger-disk") == 0;
                e->ledger = ledger_wrong(s);
                for (int k = 0; !so && k < t->tries; k++)
                        so = same(&t->endings[k], e);
                if (so)
                        continue;
                const struct ending *is = &t->endings[t->tries - 1];
                snprintf(text, sizeof(text),
                         "asked for %u: once more ends with '%s', %zu rows, and not with '%s', %zu rows", number,
                         is->error, is->n, e->error, e->n);
                wrong(t->way, text);
        }
        memset(faults.shared, 0, sizeof(*faults.shared));
}

static void child_note(struct safe *s, struct ending e) {
        REQUIRE(faults.shared->n < TOLD);
        struct told *t = &faults.shared->told[faults.shared->n];
        look(s);
        t->way = faults.way;
        e.ledger = ledger_wrong(s);
        t->endings[t->tries++] = e;
}

_Noreturn static void child_ends(void) {
        faults.shared->n++;
        exit(faults.wrong ? BROKEN : EXIT_SUCCESS);
}

/* ---- once more ---- */

static void restart(struct safe *s) {
        s->outside = !s->v.in_mesh;
        safe_start(s);
}

/* A yes, or a piece, is of what was asked before it; and a file that was given is what is restored from. */
static bool follows(enum wire_owner number) {
        return number == OWNER_O_GO || number == OWNER_O_CHUNK || number == OWNER_O_FETCH || number == OWNER_O_KEPT ||
               number == OWNER_O_RESTORE;
}

static struct ending ask_again(struct safe *s, enum wire_owner number, struct span request) {
        if (follows(number) && faults.last_of == s) {
                safe_ask_again(s, buf_span(&faults.last));
                struct ending e = ending_of(&s->peer.out);
                if (e.error[0])
                        return e;
        }
        safe_ask_again(s, request);
        return ending_of(&s->peer.out);
}

/* By the test itself: it looks again, and what the test finds then is as it was; but somebody whose connection is gone waits in
 * vain. */
static void ticked(struct vault *v, mesh_time now) {
        struct safe *s = CONTAINER_OF(v, struct safe, v);
        faults.free = true;
        if (!buf_ok(&s->peer.out) || !buf_ok(&v->to_daemon)) {
                look(s);
                exit(faults.wrong ? BROKEN : EXIT_SUCCESS);
        }
        __real_vault_tick(v, now + LATER_MS);
}

static void was_asked(struct safe *s, enum wire_owner number, struct span request) {
        struct ending e = ending_of(&s->peer.out);
        if (faults.child && !faults.free) {
                safe_watch = NULL;
                child_note(s, e);
                for (int i = 1; i < TRIES && e.error[0]; i++) {
                        if (i > 1 || s->dead)
                                restart(s);
                        e = ask_again(s, number, request);
                        child_note(s, e);
                }
                child_ends();
        }
        compare(s, number, &e);
        if (follows(number))
                return;
        buf_clear(&faults.last);
        buf_add(&faults.last, request);
        faults.last_of = s;
}

/* What it could not do at once, it does when its time comes. */
static struct ending tell_again(struct safe *s, struct span message, bool again) {
        buf_clear(&s->v.to_daemon);
        if (again)
                vault_daemon(&s->v, message, s->now);
        else
                vault_tick(&s->v, s->now + LATER_MS);
        return ending_of(&s->v.to_daemon);
}

/* The next process, which starts all the same, is told everything that this one was told. */
_Noreturn static void process_ended(struct safe *s) {
        look(s);
        restart(s);
        look(s);
        exit(faults.wrong ? BROKEN : EXIT_SUCCESS);
}

static unsigned number_of(struct span message) {
        const struct wire_number *row;
        union frame_message m;
        REQUIRE(frame_read(message, wire_owner_find, &row, &m, NULL) == 0);
        return (unsigned)row->number;
}

static void was_told(struct safe *s, struct span message) {
        struct ending e = ending_of(&s->v.to_daemon);
        if (faults.child && !faults.free) {
                safe_watch = NULL;
                if (e.error[0])
                        process_ended(s);
                child_note(s, e);
                for (int i = 1; i < TRIES; i++) {
                        e = tell_again(s, message, i == 1);
                        child_note(s, e);
                }
                child_ends();
        }
        compare(s, number_of(message), &e);
}

/* ---- a test's own beginning and end ---- */

static uint64_t seed_wanted(void) {
        const char *text = getenv("PORCHLIGHT_FAULTS_SEED");
        return text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
}

static void report(void) {
        if (faults.child)
                return;
        printf("# failures on %u ways%s, %u wrong\n", faults.way, faults.all ? "" : ", of which a sample",
               faults.wrong);
        if (faults.wrong) {
                fflush(NULL);
                _exit(BROKEN);
        }
}

__attribute__((constructor)) static void begin(void) {
        static const struct safe_watch watch = {.refuses = disk_refuses, .asked = was_asked, .told = was_told};
        const char *how = getenv("PORCHLIGHT_FAULTS");
        uint8_t bytes[32] = {0};
        uint64_t seed = seed_wanted();
        faults.all = how && strcmp(how, "all") == 0;
        put_be64(bytes, seed);
        rng_init(&faults.rng, bytes);
        faults.shared = mmap(NULL, sizeof(*faults.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        REQUIRE(faults.shared != MAP_FAILED);
        if (!faults.all)
                printf("# PORCHLIGHT_FAULTS_SEED=%llu\n", (unsigned long long)seed);
        safe_watch = &watch;
        atexit(report);
}
