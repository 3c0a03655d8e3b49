/* SPDX-License-Identifier: Apache-2.0 */
/* Published test vectors: JSON files in the folder $PORCHLIGHT_VECTORS names, read with jansson. For tests only. */
#pragma once

#include "base/buf.h"
#include "porchlight/types.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define VECTORS_SKIPPED 77 /* the exit code meson takes for "not run" */

/* The path of @file in the folder, or false (said loudly) if there is none. */
static inline bool vectors_path(char *ret, size_t size, const char *file) {
        const char *folder = getenv("PORCHLIGHT_VECTORS");
        snprintf(ret, size, "%s/%s", folder ? folder : "", file);
        if (folder && access(ret, R_OK) == 0)
                return true;
        printf("SKIP SKIP SKIP: no %s; PORCHLIGHT_VECTORS=%s names no folder with the vectors. NOTHING WAS TESTED.\n",
               file, folder ? folder : "(unset)");
        return false;
}

static inline json_t *vectors_load(const char *path) {
        json_error_t error;
        json_t *root = json_load_file(path, 0, &error);
        if (!root)
                printf("%s: line %d: %s\n", path, error.line, error.text);
        return root;
}

static inline const char *vector_text(const json_t *object, const char *name) {
        const char *s = json_string_value(json_object_get(object, name));
        return s ? s : "";
}

static inline struct buf vector_unhex(const json_t *string) {
        struct buf b = BUF_NULL;
        const char *hex = json_string_value(string);
        size_t n = hex ? strlen(hex) : 0, used = 0;
        uint8_t *p = buf_room(&b, n / 2 + 1);
        if (!hex || !p || sodium_hex2bin(p, n / 2 + 1, hex, n, NULL, &used, NULL) != 0 || used * 2 != n)
                b.failed = true;
        else
                buf_used(&b, used);
        return b;
}

/* The bytes of a hex field; the buffer is `failed` if there is no such field or it is not hex. */
static inline struct buf vector_bytes(const json_t *object, const char *name) {
        return vector_unhex(json_object_get(object, name));
}

/* A field that must be @n bytes of hex. */
static inline bool vector_fixed(const json_t *object, const char *name, void *ret, size_t n) {
        _clean_(buf_fini) struct buf b = vector_bytes(object, name);
        if (!buf_ok(&b) || b.n != n)
                return false;
        memcpy(ret, b.p, n);
        return true;
}
