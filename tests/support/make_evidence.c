/* SPDX-License-Identifier: Apache-2.0 */
/* make-evidence FOLDER: the bundles of evidence.h as files, for tests in other languages. */
#include "evidence.h"

#include <stdio.h>

int main(int argc, char **argv) {
        static const char *const names[EVIDENCES] = {"full", "bare", "empty", "chunks", "derived"};
        for (int i = 0; argc == 2 && i < EVIDENCES; i++) {
                _clean_(buf_fini) struct buf bundle = BUF_NULL;
                char path[4096];
                snprintf(path, sizeof(path), "%s/%s", argv[1], names[i]);
                FILE *f = fopen(path, "wb");
                evidence_make((enum evidence)i, &bundle, NULL);
                if (!f || fwrite(bundle.p, 1, bundle.n, f) != bundle.n || fclose(f) != 0)
                        return 1;
        }
        return argc == 2 ? 0 : 2;
}
