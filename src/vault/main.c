/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porchlight-vault: the one process that holds the household's keys. porchlightd starts it with a socketpair as file
 * descriptor 3, or it is a service that porchlightd calls; the owner's tools talk to it through DIR/owner.sock. It has
 * no network, and gives nobody a core dump.
 */
#include "base/file.h"
#include "base/helper.h"
#include "base/log.h"
#include "vault/owner.h"
#include "vault/server.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define EXIT_DONE 0
#define EXIT_BAD_USAGE 2 /* proto/control.def */
#define VAULT_UMASK 0077

static const char help[] = "usage: porchlight-vault [OPTION]... DIR\n"
                           "\n"
                           "Keeps the household's keys in DIR/vault, and answers the owner's tools on\n"
                           "DIR/owner.sock. porchlightd starts it, with a socketpair as file descriptor 3,\n"
                           "and it ends with porchlightd.\n"
                           "\n"
                           "  --service       run by itself: porchlightd calls DIR/vault.sock\n"
                           "  --sockets PATH  the folder for both sockets, where it is not DIR\n"
                           "  --owner USER    whom to obey besides root: a name or a number\n"
                           "  --config FILE   the same from its line `vault.owner = USER`\n"
                           "  --help          this text\n"
                           "  --version       the version\n";

/* Keys in this process's memory reach no core file and no debugger of the same user. */
static void shut_doors(void) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        umask(VAULT_UMASK);
}

static bool say_usage(const char *what, const char *why) {
        log_error("usage: %s %s; see porchlight-vault --help", what, why);
        return false;
}

static bool take_owner(struct server_args *ret, const char *name) {
        if (owner_find(span_str(name), &ret->owner) == 0)
                return true;
        log_error("no-such-user: this machine has no user `%s`; make it, or name another with --owner", name);
        return false;
}

static bool take_config(struct server_args *ret, const char *path) {
        uint32_t owner;
        int r = owner_read(path, &owner);
        if (r == 0 && owner != OWNER_NOBODY)
                ret->owner = owner;
        if (r == OWNER_E_USER)
                log_error("no-such-user: %s names an owner this machine does not have; make it, or change vault.owner",
                          path);
        else if (r)
                log_error("config: %s: %s; check --config", path, strerror(errno));
        return r == 0;
}

static bool take_option(struct server_args *ret, const char *option, const char *value) {
        if (!value)
                return say_usage(option, "wants a value, or is no option");
        if (strcmp(option, "--owner") == 0)
                return take_owner(ret, value);
        if (strcmp(option, "--config") == 0)
                return take_config(ret, value);
        if (strcmp(option, "--sockets") != 0)
                return say_usage(option, "is not an option");
        ret->sockets = value;
        return true;
}

static bool read_args(struct server_args *ret, int argc, char **argv) {
        int i = 1;
        for (; i < argc && argv[i][0] == '-'; i++) {
                if (strcmp(argv[i], "--service") == 0) {
                        ret->service = true;
                        continue;
                }
                if (!take_option(ret, argv[i], i + 1 < argc ? argv[i + 1] : NULL))
                        return false;
                i++;
        }
        if (argc - i != 1 || !*argv[i])
                return say_usage("one folder", "is wanted");
        ret->dir = argv[i];
        if (!ret->sockets)
                ret->sockets = ret->dir;
        return true;
}

int main(int argc, char **argv) {
        struct server_args args = {.owner = OWNER_NOBODY};
        file_hold_std();
        log_set_name("porchlight-vault");
        if (helper_told(argc, argv, help, "porchlight-vault " PORCHLIGHT_VERSION))
                return EXIT_DONE;
        shut_doors();
        if (!read_args(&args, argc, argv))
                return EXIT_BAD_USAGE;
        return server_run(&args);
}
