/* SPDX-License-Identifier: Apache-2.0 */
/* What a router, or who says that it is one, makes porchlight-router read, by the first byte: 0, the URL in an answer to a search;
 * 1, a description in XML, by miniupnpc's parser and what is made of it; 2, the kernel's table of routes. */
#include "router/place.h"

#include <miniupnpc/miniupnpc.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t gateway[4] = {192, 168, 7, 1};

static void url(char *text) {
        if (place_of_url(text, gateway))
                REQUIRE(strncmp(text, "http://192.168.7.1", strlen("http://192.168.7.1")) == 0);
}

static void description(char *text, size_t n) {
        struct IGDdatas found;
        struct UPNPUrls urls = {0};
        memset(&found, 0, sizeof(found));
        parserootdesc(text, (int)n, &found);
        GetUPNPUrls(&urls, &found, "http://192.168.7.1:5000/rootDesc.xml", 0);
        if (urls.controlURL)
                url(urls.controlURL);
        FreeUPNPUrls(&urls);
}

static void table(char *text) {
        uint8_t ip[4];
        if (place_gateway(text, ip))
                REQUIRE(get_be32(ip) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = size ? malloc(size) : NULL;
        if (!text)
                return 0;
        memcpy(text, data + 1, size - 1);
        text[size - 1] = '\0';
        switch (data[0] % 3) {
        case 0:
                url(text);
                break;
        case 1:
                description(text, size - 1);
                break;
        default:
                table(text);
        }
        free(text);
        return 0;
}
