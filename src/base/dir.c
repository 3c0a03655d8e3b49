/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon, its vault and the owner's tools must agree on one folder without being told; this is the one place that
 * says which. A path that is too long for a socket inside it is refused here, by name, before anything is created in
 * it.
 */
#include "base/dir.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSTEM_DIR "/var/lib/porchlight"
#define USER_DIR "porchlight" /* below the user's data folder */
#define LONGEST_SOCK DIR_CONTROL_SOCK

void dir_join(struct buf *out, const char *dir, const char *name) {
        struct span d = span_str(dir);
        buf_add(out, d);
        if (!d.n || d.p[d.n - 1] != '/')
                buf_add_u8(out, '/');
        buf_add_str(out, name);
        buf_cstr(out);
}

/* An environment variable that is set to nothing counts as not set. */
static const char *env_text(const char *name) {
        const char *v = getenv(name);
        return v && *v ? v : NULL;
}

/* The user's own folder; false where neither variable gives one. A relative $XDG_DATA_HOME is void, as its
 * specification (XDG Base Directory 0.8) says. */
static bool user_dir(struct buf *ret) {
        const char *xdg = env_text("XDG_DATA_HOME"), *home = env_text("HOME");
        if (xdg && *xdg == '/') {
                dir_join(ret, xdg, USER_DIR);
                return true;
        }
        if (!home)
                return false;
        dir_join(ret, home, ".local/share/" USER_DIR);
        return true;
}

static bool has_daemon(const char *dir) {
        _clean_(buf_fini) struct buf sock = BUF_NULL;
        struct stat st;
        dir_join(&sock, dir, DIR_CONTROL_SOCK);
        return buf_ok(&sock) && stat(buf_cstr(&sock), &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Gives @dir out if a socket fits into it. */
static int give(struct buf *out, const char *dir) {
        struct sockaddr_un at;
        size_t n = strlen(dir);
        if (!n)
                return DIR_E_NONE;
        if (n + 1 + sizeof(LONGEST_SOCK) > sizeof(at.sun_path))
                return DIR_E_LONG;
        buf_add_str(out, dir);
        buf_cstr(out);
        return buf_ok(out) ? 0 : ERR_NOMEM;
}

int dir_find(struct buf *out, const char *arg) {
        _clean_(buf_fini) struct buf own = BUF_NULL;
        const char *named = arg ? arg : env_text("PORCHLIGHT_DATA");
        if (named)
                return give(out, named);
        if (user_dir(&own) && has_daemon(buf_cstr(&own)))
                return give(out, buf_cstr(&own));
        return give(out, SYSTEM_DIR);
}

int dir_find_new(struct buf *out, const char *arg) {
        _clean_(buf_fini) struct buf own = BUF_NULL;
        const char *named = arg ? arg : env_text("PORCHLIGHT_DATA");
        if (named)
                return give(out, named);
        if (geteuid() == 0)
                return give(out, SYSTEM_DIR);
        return user_dir(&own) ? give(out, buf_cstr(&own)) : DIR_E_NONE;
}
