/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porchlight-vault: the one process that holds the household's keys. porchlightd starts it with a socketpair as file
 * descriptor 3; the owner's tools talk to it through DIR/owner.sock. It has no network, and gives nobody a core dump.
 */
#include "base/log.h"
#include "vault/server.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define EXIT_DONE 0
#define EXIT_BAD_USAGE 2 /* proto/control.def */
#define VAULT_UMASK 0077

static const char help[] = "usage: porchlight-vault DIR\n"
                           "\n"
                           "Keeps the household's keys in DIR/vault, and answers the owner's tools on\n"
                           "DIR/owner.sock. porchlightd starts it, with a socketpair as file descriptor 3,\n"
                           "and it ends with porchlightd.\n"
                           "\n"
                           "  --help     this text\n"
                           "  --version  the version\n";

/* Keys in this process's memory reach no core file and no debugger of the same user. */
static void shut_doors(void) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        umask(VAULT_UMASK);
}

int main(int argc, char **argv) {
        log_set_name("porchlight-vault");
        if (argc == 2 && strcmp(argv[1], "--help") == 0) {
                fputs(help, stdout);
                return EXIT_DONE;
        }
        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                puts("porchlight-vault " PORCHLIGHT_VERSION);
                return EXIT_DONE;
        }
        if (argc != 2 || argv[1][0] == '-' || !argv[1][0]) {
                log_error("usage: one folder is wanted; see porchlight-vault --help");
                return EXIT_BAD_USAGE;
        }
        shut_doors();
        return server_run(argv[1]);
}
