/* SPDX-License-Identifier: Apache-2.0 */
/* HOST[:PORT] as people write it. */
#pragma once

#include "cli/cli.h"

struct address_text { /* what the spans of the address point into */
        uint8_t ip[16];
};

/* "192.0.2.7:PORT", "[2001:db8::7]:PORT", "name.example:PORT" (at most 48 bytes); without :PORT the usual one. @ret
 * borrows @text and @room. */
bool address_parse(const char *text, struct address_text *room, struct wire_addr *ret);
