/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's key file: only what device_key_format writes is read. */
#include "daemon/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct device_key key;
        uint8_t again[DEVICE_KEY_BYTES];
        int r = device_key_parse(span_of(data, size), &key);
        REQUIRE(r == 0 || r == DEVICE_KEY_E_DAMAGED || r == DEVICE_KEY_E_NEWER);
        if (r)
                return 0;
        device_key_format(&key, again);
        REQUIRE(span_eq(SPAN_OF(again), span_of(data, size)));
        return 0;
}
