/* SPDX-License-Identifier: Apache-2.0 */
#include "clip/files.h"

#include "base/text.h"

#include <stdio.h>

#define HEX_ID (2 * sizeof(struct hash))
#define LIST_SUFFIX ".list"

void clip_file_name(char ret[CLIP_FILE_NAME_MAX], const struct hash *id, bool list) {
        uint8_t room[HEX_ID + 1]; /* a name must not hang on memory */
        struct buf hex = BUF_ON(room);
        text_hex(&hex, SPAN_OF(id->b));
        snprintf(ret, CLIP_FILE_NAME_MAX, "%s%s", buf_cstr(&hex), list ? LIST_SUFFIX : "");
}

bool clip_file_id(const char *name, struct hash *ret) {
        uint8_t room[sizeof(ret->b) + 1]; /* as above */
        struct buf id = BUF_ON(room);
        size_t n = strlen(name);
        if (n != HEX_ID && (n != HEX_ID + strlen(LIST_SUFFIX) || strcmp(name + HEX_ID, LIST_SUFFIX) != 0))
                return false;
        if (!text_unhex(&id, span_of(name, HEX_ID)) || id.n != sizeof(ret->b))
                return false;
        memcpy(ret->b, id.p, id.n);
        return true;
}
