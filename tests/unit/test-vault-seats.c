/* SPDX-License-Identifier: Apache-2.0 */
/* Who may keep a place at owner.sock while nothing is asked: the vault's loop, in a process whose clock the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vault-street.h"
#include "vault/owner.h"
#include "vault/server.h"
#include "vault/vault.h"

#define SEATS 8
#define LONG_S 61 /* longer than a tool may be silent where others wait */

static time_t *ahead; /* seconds, of the vault's clock; shared with its process */

int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);

int __wrap_clock_gettime(clockid_t id, struct timespec *ret) {
        int r = __real_clock_gettime(id, ret);
        if (r == 0 && id == CLOCK_BOOTTIME)
                ret->tv_sec += *(volatile time_t *)ahead;
        return r;
}

static int serve(const char *dir) {
        return server_run(&(struct server_args){.dir = dir, .sockets = dir, .owner = OWNER_NOBODY});
}

static void begin(struct world *w) {
        world_init(w);
        device_says(w, false);
}

/* Asks for something, so that the vault looks around. */
static void ask(int fd) {
        _clean_(answer_fini) struct answer a = {0};
        struct wire_c_none none = {0};
        say(fd, OWNER_O_STATE, &none);
        hear_number(fd, &a, OWNER_O_STATE_ROW);
        hear_done(fd);
}

/* The owner looks for the passphrase, a clip comes over a slow line: nobody needs the place. */
static void test_silent(void **state) {
        struct world w;
        (void)state;
        begin(&w);
        int waits = owner_connect(&w);
        ask(waits);
        *ahead += LONG_S;
        int other = owner_connect(&w);
        ask(other);
        ask(waits);
        close(other);
        close(waits);
        world_fini(&w);
}

static void test_place_is_needed(void **state) {
        struct world w;
        int fds[SEATS];
        (void)state;
        begin(&w);
        for (size_t i = 0; i < SEATS; i++) {
                fds[i] = owner_connect(&w);
                ask(fds[i]);
        }
        int late = owner_connect(&w); /* all are there, and asked just now */
        hear_error(late, "busy", EXIT_FAILED);
        close(late);
        *ahead += LONG_S / 2;
        for (size_t i = 0; i < SEATS; i++)
                if (i != 3 && i != 5)
                        ask(fds[i]);
        *ahead += 1;
        ask(fds[5]);
        *ahead += LONG_S;
        late = owner_connect(&w);
        ask(late);
        hear_end(fds[3]); /* it was silent for longest */
        for (size_t i = 0; i < SEATS; i++) {
                if (i != 3)
                        ask(fds[i]);
                close(fds[i]);
        }
        close(late);
        world_fini(&w);
}

/* A backup that is being brought waits for its passphrase, too. */
static void test_brought(void **state) {
        struct world w;
        struct wire_o_piece piece = {.bytes = SPAN_STR("what is no backup")};
        struct wire_o_restore q = {.passphrase = SPAN_STR("correct horse battery")};
        (void)state;
        begin(&w);
        int fd = owner_connect(&w);
        say(fd, OWNER_O_GIVE, &piece);
        hear_done(fd);
        *ahead += LONG_S;
        int other = owner_connect(&w);
        ask(other);
        say(fd, OWNER_O_RESTORE, &q);
        hear_error(fd, "backup-not", EXIT_FAILED);
        close(other);
        close(fd);
        world_fini(&w);
}

static void backup_begins(struct street_vault *sv, const struct street *s, int fd) {
        struct wire_o_backup q = {.passphrase = SPAN_STR("correct horse battery")};
        say(fd, OWNER_O_BACKUP, &q);
        hear_number(sv->w.daemon, &sv->d, OWNER_V_WANT_BACKUP);
        sv_tell_backup(&sv->w, s->sides[0], s->now, &s->homes[0].device.pub, &sv->w.noise.pub);
        hear_number(fd, &sv->a, OWNER_O_BACKUP_ROW);
        hear_done(fd);
}

/* One that was made is in the way of the next: who does not take it goes. */
static void test_made(void **state) {
        struct street s;
        struct street_vault sv;
        (void)state;
        sv_found(&s, 1);
        sv_init(&sv, &s, 0, NULL);
        sv.w.sign = s.homes[0].device;
        device_says(&sv.w, true);
        backup_begins(&sv, &s, sv.fd);
        struct wire_o_backup q = {.passphrase = SPAN_STR("correct horse battery")};
        int other = owner_connect(&sv.w);
        say(other, OWNER_O_BACKUP, &q);
        hear_error(other, "busy", EXIT_FAILED);
        *ahead += LONG_S;
        ask(other);
        hear_end(sv.fd);
        backup_begins(&sv, &s, other);
        close(other);
        sv_fini(&sv);
        street_end(&s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_silent),
                cmocka_unit_test(test_place_is_needed),
                cmocka_unit_test(test_brought),
                cmocka_unit_test(test_made),
        };
        ahead = mmap(NULL, sizeof(*ahead), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (ahead == MAP_FAILED)
                return 1;
        world_serve = serve;
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
