/* SPDX-License-Identifier: Apache-2.0 */
/* What a router, or who says that it is one, makes porchlight-router read, by the first byte: 0, the URL in an answer to a search;
 * 1, a description in XML, by miniupnpc's parser and what is made of it; 6, an answer to a search over IPv6, and 3, a URL there; and what
 * the kernel prints: 2 and 4, tables of routes; 5, of addresses. */
#include "router/place.h"
#include "router/ssdp.h"
#include "router/tables.h"

#include <miniupnpc/miniupnpc.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t gateway[4] = {192, 168, 7, 1};

static void url(char *text) {
        if (place_of_url(text, gateway))
                REQUIRE(strncmp(text, "http://192.168.7.1", strlen("http://192.168.7.1")) == 0);
}

static void url6(const char *text) {
        uint8_t ip[PLACE_IP];
        if (place_in_url(text, ip))
                REQUIRE(strncmp(text, "http://[", strlen("http://[")) == 0 && strchr(text, ']'));
}

static void description(char *text, size_t n) {
        struct IGDdatas found;
        struct UPNPUrls urls = {0};
        memset(&found, 0, sizeof(found));
        parserootdesc(text, (int)n, &found);
        GetUPNPUrls(&urls, &found, "http://192.168.7.1:5000/rootDesc.xml", 0);
        if (urls.controlURL)
                url(urls.controlURL);
        if (urls.controlURL_6FC)
                url6(urls.controlURL_6FC);
        FreeUPNPUrls(&urls);
}

static void table(char *text) {
        uint8_t ip[4];
        if (tables_gateway4(text, ip))
                REQUIRE(get_be32(ip) != 0);
}

static void table6(const char *text) {
        struct tables_gateway g;
        if (tables_gateway6(text, &g))
                REQUIRE(g.interface[0] && strlen(g.interface) < TABLES_NAME);
}

static void addresses(const char *text) {
        struct tables_own own;
        size_t n = 0, most = strlen(text);
        while (tables_own_next(&text, NULL, &own))
                REQUIRE(++n <= most);
}

static void found(const char *text, size_t n) {
        char at[64];
        if (ssdp_location(span_of(text, n), at, sizeof(at))) {
                REQUIRE(strlen(at) < sizeof(at));
                url6(at);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = size ? malloc(size) : NULL;
        if (!text)
                return 0;
        memcpy(text, data + 1, size - 1);
        text[size - 1] = '\0';
        switch (data[0] % 8) {
        case 0:
                url(text);
                break;
        case 1:
                description(text, size - 1);
                break;
        case 2:
                table(text);
                break;
        case 3:
                url6(text);
                break;
        case 4:
                table6(text);
                break;
        case 5:
                addresses(text);
                break;
        default:
                found(text, size - 1);
        }
        free(text);
        return 0;
}
