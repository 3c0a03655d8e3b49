/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a search for devices (UPnP Device Architecture 1.1, 1.3.3). Pure. */
#pragma once

#include "base/base.h"

/* The URL of its LOCATION, NUL-terminated, at most @size bytes with it. False: it is no such answer, or names none that is printable
 * and fits. */
bool ssdp_location(struct span datagram, char *ret, size_t size);
