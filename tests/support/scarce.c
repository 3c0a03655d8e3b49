/* SPDX-License-Identifier: Apache-2.0 */
#include "support/scarce.h"

#include "base/err.h"
#include "porchlight/mesh.h"
#include "support/blocks.h"
#include "support/ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRONG_SHOWN 10

static struct {
        bool on, inside, child;
        bool struck, refused, odd;
        struct ways ways; /* from mesh_step() or mesh_new() on */
        unsigned only;
        struct scarce_report *report, *shared;
} scarce;

static void wait_for(pid_t pid, unsigned at) {
        int status;
        REQUIRE(waitpid(pid, &status, 0) == pid);
        if (status == 0)
                return;
        struct scarce_report *r = scarce.report;
        if (!r->wrong++)
                r->first_wrong_at = at;
        if (r->wrong <= WRONG_SHOWN)
                printf("# failure %u: the story ends with status %d\n", at, status);
}

/* Only ever once in a process, and never in the parent. */
bool blocks_fail(void) {
        struct scarce_report *r = scarce.report;
        if (!scarce.on || !scarce.inside || scarce.child || !ways_is_new(&scarce.ways))
                return false;
        REQUIRE(++r->ways < WAYS_MOST / 2);
        if (scarce.only && r->ways != scarce.only)
                return false;
        fflush(stdout);
        pid_t pid = scarce.only ? 0 : fork();
        REQUIRE(pid >= 0);
        scarce.child = scarce.struck = pid == 0;
        if (!scarce.child)
                wait_for(pid, r->ways);
        return scarce.child;
}

/* ---- what the linker leads here ---- */
static void enter(void) {
        if (scarce.on && !scarce.child)
                ways_begin(&scarce.ways);
        scarce.inside = true;
        scarce.struck = false;
}

static int leave(int r) {
        scarce.inside = false;
        scarce.refused |= scarce.struck && r == ERR_NOMEM;
        scarce.odd |= r && (!scarce.struck || r != ERR_NOMEM); /* nothing else may end a step */
        return r;
}

int __real_mesh_new(struct mesh **ret, const struct mesh_config *cfg);
int __wrap_mesh_new(struct mesh **ret, const struct mesh_config *cfg);
int __wrap_mesh_new(struct mesh **ret, const struct mesh_config *cfg) {
        enter();
        return leave(__real_mesh_new(ret, cfg));
}

int __real_mesh_step(struct mesh *m, const struct mesh_event *ev);
int __wrap_mesh_step(struct mesh *m, const struct mesh_event *ev);
int __wrap_mesh_step(struct mesh *m, const struct mesh_event *ev) {
        enter();
        return leave(__real_mesh_step(m, ev));
}

/* ---- telling ---- */
static bool ended_well(long before) {
        if (scarce.odd)
                printf("# a step ended for another reason than memory\n");
        if (base_checks_failed())
                printf("# %llu checks failed\n", (unsigned long long)base_checks_failed());
        if (blocks != before)
                printf("# %ld blocks of memory are left\n", blocks - before);
        return !scarce.odd && !base_checks_failed() && blocks == before;
}

void scarce_tell(void (*story)(void), bool again, unsigned only, struct scarce_report *ret) {
        *ret = (struct scarce_report){0};
        scarce.shared = mmap(NULL, sizeof(*ret), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        REQUIRE(scarce.shared != MAP_FAILED);
        if (again)
                scarce.ways = (struct ways){0};
        scarce.report = ret;
        scarce.only = only;
        scarce.on = true;
        long before = blocks;
        story();
        scarce.on = false;
        bool well = ended_well(before);
        if (scarce.child && !only) {
                scarce.shared->refused += scarce.refused;
                exit(well ? 0 : 1);
        }
        ret->refused = scarce.shared->refused + (only && scarce.refused);
        ret->wrong += !well;
        munmap(scarce.shared, sizeof(*ret));
}
