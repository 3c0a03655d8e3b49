/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file. Whatever it says, what is complained of can be shown. */
#include "base/text.h"
#include "daemon/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct settings args = {0}, file = {.lan = true}, all;
        struct settings_why why = {{0}};
        int r = settings_file(&file, span_of(data, size), "porchlight.conf", &why);
        REQUIRE(r == 0 || r == SETTINGS_E_INPUT);
        REQUIRE(memchr(why.text, '\0', sizeof(why.text)) && !strchr(why.text, '\n') && !strchr(why.text, '\033'));
        REQUIRE((r != 0) == (why.text[0] != '\0'));
        settings_merge(&all, &args, &file);
        REQUIRE(all.n_listen > 0 && all.n_listen <= NODE_LISTEN_MAX && all.n_advertise <= NODE_ADVERTISE_MAX);
        REQUIRE(strlen(all.data) < sizeof(all.data));
        return 0;
}
