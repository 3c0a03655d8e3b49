/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glibc's gettext, for messages alone: numbers, times and what counts as a letter do not depend on where somebody lives.
 * What is written is UTF-8 whatever the locale says, as are the names and texts of neighbours.
 */
#include "base/lang.h"

#include "base/buf.h"

#include <libintl.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#define DOMAIN "porchlight"
#define BUILT "/src/po"
#define PLURAL_MOD 1000000 /* as GNU gettext advises for counts beyond unsigned long: no language looks further */

/* The folder with catalogues of a program that runs where it was built. */
static bool find_built(struct buf *ret) {
        char path[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
        const char *slash = n > 0 ? memrchr(path, '/', (size_t)n) : NULL;
        if (!slash)
                return false;
        buf_add(ret, span_of(path, (size_t)(slash - path)));
        buf_add_str(ret, BUILT);
        return buf_ok(ret) && access(buf_cstr(ret), X_OK) == 0;
}

void lang_start(const char *installed) {
        _clean_(buf_fini) struct buf built = BUF_NULL;
        const char *dir = getenv("PORCHLIGHT_LOCALEDIR");
        if (!dir)
                dir = find_built(&built) ? buf_cstr(&built) : installed;
        setlocale(LC_MESSAGES, "");
        bindtextdomain(DOMAIN, dir);
        bind_textdomain_codeset(DOMAIN, "UTF-8");
        textdomain(DOMAIN);
}

const char *lang_text(const char *text) {
        return *text ? gettext(text) : text; /* the catalogue's own head stands under "" */
}

struct span lang_tag(void) {
        static const char field[] = "Language: ";
        const char *head = gettext(""); /* of the catalogue that is in use */
        const char *at = strstr(head, field);
        if (!at)
                return SPAN_NONE;
        at += sizeof(field) - 1;
        return span_of(at, strcspn(at, "\n"));
}

const char *lang_count(const char *one, const char *many, uint64_t n) {
        return ngettext(one, many, n > ULONG_MAX ? n % PLURAL_MOD + PLURAL_MOD : n);
}
