/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

int err_fold(int r) {
        return r > 0 ? ERR_BROKEN : r;
}

const char *err_text(int r) {
        switch (r) {
        case 0:
                return "no error";
        case ERR_NOMEM:
                return "out of memory";
        case ERR_IO:
                return "input/output error";
        case ERR_FULL:
                return "no space left";
        case ERR_BROKEN:
                return "internal error";
        }
        return r > 0 ? "refused" : "unknown error";
}
