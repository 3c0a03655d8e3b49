/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

const char *store_error_text(int e) {
        static const char *const texts[] = {
                [STORE_E_NEWER] = "the store was written by a newer version of Porchlight; upgrade",
                [STORE_E_DAMAGED] = "the store is damaged or is not a Porchlight store; restore a backup",
                [STORE_E_ACCESS] = "the store cannot be opened or created; check the folder and its permissions",
                [STORE_E_FULL] = "no space left on the disk; nothing was changed",
                [STORE_E_IO] = "reading or writing the store failed",
                [STORE_E_NONE] = "no such row",
                [STORE_E_MANY] = "the prefix fits several rows",
                [STORE_E_SHARED] = "another process has the store open: a daemon runs on this folder already",
                [STORE_E_MORE] = "there is more to do",
        };
        if (e > 0 && (size_t)e < ARRAY_LEN(texts))
                return texts[e];
        return err_text(e);
}
