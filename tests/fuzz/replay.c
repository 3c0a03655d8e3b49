/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target on the files named on the command line, where no fuzzing engine is: each corpus file is a test. A file
 * is copied into memory of exactly its size, so that a sanitizer or valgrind sees the first byte read beyond it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The size of @f, which is then at its start again; -1 if it has none. */
static long file_size(FILE *f) {
        if (fseek(f, 0, SEEK_END))
                return -1;
        long size = ftell(f);
        rewind(f);
        return size;
}

static int replay(const char *path) {
        FILE *f = fopen(path, "rb");
        if (!f) {
                perror(path);
                return 1;
        }
        long size = file_size(f);
        uint8_t *data = size < 0 ? NULL : malloc((size_t)size);
        int r = 1;
        if (data || size == 0)
                r = fread(data, 1, (size_t)size, f) != (size_t)size;
        fclose(f);
        if (r == 0)
                LLVMFuzzerTestOneInput(data, (size_t)size);
        else
                fprintf(stderr, "%s: can't be read\n", path);
        free(data);
        return r;
}

int main(int argc, char **argv) {
        int failed = 0;
        for (int i = 1; i < argc; i++)
                failed |= replay(argv[i]);
        return failed;
}
