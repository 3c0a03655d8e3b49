/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ways by UPnP have alike: a search over IPv4. */
#pragma once

#include "router/ask.h"

/* Where the router at @gateway has its description, by its own word. False: it does not answer. */
bool upnp_search(const uint8_t gateway[4], char ret_url[ASK_URL_MAX]);
