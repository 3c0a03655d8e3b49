/* SPDX-License-Identifier: Apache-2.0 */
/* For builds with a sanitizer or with coverage: their runtimes open files of their own when the process ends. */
#include "base/landlock.h"

const bool landlock_built = false;

int landlock_shut(_unused_ const struct landlock_rule *rules, _unused_ size_t n, _unused_ bool network,
                  _unused_ unsigned *ret_abi) {
        return LANDLOCK_E_NONE;
}
