/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory runs out once, anywhere in a roster, while it takes a history in which all contend: tickets spent twice, chains that
 * fork, one admission at two doors, votes against each other. At each way that leads to an allocation the process forks, and in
 * the child that one fails. Then the roster says so, and goes without leaving anything behind; or nothing came of it, and in the
 * end all is as without the failure.
 */
#include "roster-street.h"

#include "support/blocks.h"
#include "support/ways.h"

#include <sys/wait.h>
#include <unistd.h>

#define POOLED 3 /* rosters of one pool, as in a process of many homes */

static struct {
        struct ways ways;
        bool inside, child, refused;
        unsigned tried, wrong;
} memory;

/* Only ever once in a process, and never in the parent. */
bool blocks_fail(void) {
        int status;
        if (!memory.inside || memory.child || !ways_is_new(&memory.ways))
                return false;
        memory.tried++;
        fflush(NULL);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                memory.child = true;
                return true;
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (status != 0)
                print_message("# failure %u: it ended with status %d\n", memory.tried, status);
        memory.wrong += status != 0;
        return false;
}

static void enter(void) {
        ways_begin(&memory.ways);
        memory.inside = true;
}

/* What the roster said: a child that was told of the failure is done, when all is given back. */
static int leave(int r) {
        memory.inside = false;
        memory.refused |= memory.child && r < 0;
        if (!memory.child)
                assert_true(r >= 0);
        return r;
}

/* ---- a history ---- */
static struct street street;

static void spend_twice(void) {
        struct ticket t;
        street_ticket(&street, 0, 1, street.now + MESH_DAY, &t);
        street_join_on(&street, 0, 7, &t, 0);
        street_join_on(&street, 1, 8, &t, 1);
        street_join_on(&street, 2, 9, &t, 2);
        ticket_fini(&t);
}

/* The same words of the newcomer, countersigned at two doors that have not heard of each other. */
static void two_doors(void) {
        _clean_(buf_fini) struct buf add = BUF_NULL, device = BUF_NULL;
        char name[33];
        struct ticket t;
        struct code code;
        struct sign_key laptop;
        street_ticket(&street, 1, 2, street.now + MESH_DAY, &t);
        street_add_sign(&street, 10, street_name(10, name), &t, &add);
        street_admit(&street, 0, buf_span(&add), 0, ++street.now);
        street_admit(&street, 1, buf_span(&add), 1, ++street.now);
        ticket_fini(&t);
        sign_key_new(&laptop, &street.rng);
        street_code(&street, 3, SHARE_QUARTER, street.now + MESH_DAY, &code);
        street_device_sign(&street, 3, &laptop, SHARE_QUARTER, &code, &device);
        street_admit(&street, 0, buf_span(&device), 3, ++street.now);
        street_admit(&street, 1, buf_span(&device), 2, ++street.now);
        code_fini(&code);
}

/* Two that sign for the same place of their own chain, and what rests on either. */
static void fork_chains(void) {
        street_about(&street, 0, 1, OP_PROMOTE, 4);
        street_about(&street, 1, 1, OP_REMOVE, 5);
        street_about(&street, 0, 2, OP_REMOVE, 6);
        street_about(&street, 2, 2, OP_VOUCH, 6);
        street_join(&street, 0, 11, 4);
        street_join(&street, 1, 12, 1);
}

static void make_history(void) {
        struct sign_key second;
        street_found(&street, 3, (struct wire_list){0});
        for (uint32_t i = 1; i < 7; i++)
                street_join(&street, 0, i, i < 4 ? 0 : i - 1);
        street_about(&street, 0, 0, OP_PROMOTE, 1);
        struct hash proposal = street.last;
        street_about(&street, 0, 0, OP_PROMOTE, 2);
        street_endorse(&street, 0, 1, street.last);
        street_endorse(&street, 0, 1, proposal);
        sign_key_new(&second, &street.rng);
        street_device_add(&street, 0, 4, &second);
        street_sync_all(&street);
        spend_twice();
        two_doors();
        fork_chains();
        street_about(&street, 0, 0, OP_DEMOTE, 1);
        street_about(&street, 1, 1, OP_DEMOTE, 2);
        street_about(&street, 2, 2, OP_DEMOTE, 0);
        street_sync_all(&street);
        street_remove_below(&street, 0, 0, 3);
        proposal = street.last;
        street_endorse(&street, 0, 2, proposal);
        street_device_revoke(&street, 0, 4, &second.pub, NULL);
        street_join(&street, 0, 13, 0);
        street_undo(&street, 0, 0, street.last, 2, ++street.now);
        street_leave(&street, 0, 6);
        street_about(&street, 0, 0, OP_RETURN, 5);
        street_sync_all(&street);
}

/* ---- taken ---- */
static void take(struct roster **r, size_t i) {
        struct hash id;
        enter();
        leave(roster_take(r, buf_span(&street.ops[i].bytes), true, &id));
}

/* What a home asks of it now and then. */
static void ask(struct roster *r) {
        _clean_(buf_fini) struct buf ids = BUF_NULL;
        struct hash heads[ROSTER_HEADS_MAX], removed;
        size_t n = MIN(roster_heads(r, heads), (size_t)ROSTER_PARENTS_MAX);
        const struct key *device = &street.homes[2].device.pub;
        bool any;
        enter();
        leave(roster_removed_at(r, heads, n, device, &removed, &any));
        if (!memory.refused) {
                enter();
                leave(roster_unseen(r, device, span_of(heads, n * sizeof(*heads)), &any));
        }
        if (!memory.refused) {
                enter();
                leave(roster_frontier(r, roster_device_find(r, device), ROSTER_ALL, &ids));
        }
}

static void restart(struct roster *r) {
        static const uint64_t seed[4] = {4, 3, 2, 1};
        const struct roster_op *op;
        struct roster *again = NULL;
        enter();
        leave(roster_new(&again, seed));
        for (size_t i = 0; !memory.refused && (op = roster_op_at(r, i)); i++) {
                enter();
                leave(roster_restore(&again, op->bytes));
        }
        if (!memory.refused) {
                enter();
                leave(roster_restored(&again));
        }
        roster_free(again);
}

static void end_of_child(long before) {
        if (blocks != before)
                print_message("# %ld blocks of memory are left\n", blocks - before);
        _exit(blocks != before || base_checks_failed());
}

static void test_each_way(void **state) {
        static const uint64_t seed[4] = {1, 2, 3, 4};
        struct roster *r[POOLED];
        struct roster_pool *pool;
        struct hash wanted, is;
        (void)state;
        make_history();
        assert_true(street.n_ops > 30);
        street_digest(street.sides[0], &wanted);
        long before = blocks;
        assert_int_equal(roster_pool_new(&pool, seed), 0);
        for (size_t k = 0; k < POOLED; k++)
                assert_int_equal(roster_new_in(&r[k], seed, k ? pool : NULL), 0);
        for (size_t i = 0; i < street.n_ops && !memory.refused; i++)
                for (size_t k = 0; k < POOLED && !memory.refused; k++)
                        take(&r[k], i);
        if (!memory.refused)
                ask(r[0]);
        if (!memory.refused)
                restart(r[0]);
        for (size_t k = 0; k < POOLED && !memory.refused; k++) {
                street_digest(r[k], &is);
                if (memory.child && !hash_eq(&is, &wanted))
                        _exit(2);
                assert_true(hash_eq(&is, &wanted));
        }
        for (size_t k = 0; k < POOLED; k++)
                roster_free(r[k]);
        roster_pool_free(pool);
        if (memory.child)
                end_of_child(before);
        assert_int_equal(blocks, before);
        print_message("# failed on %u ways\n", memory.tried);
        assert_true(memory.tried > 30);
        assert_int_equal(memory.wrong, 0);
        street_end(&street);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_way)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
