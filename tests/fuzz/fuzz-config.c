/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file. Whatever it says, what is complained of can be shown. */
#include "base/text.h"
#include "daemon/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is shown reads as what it was. */
static void same_again(const struct settings *s) {
        _clean_(buf_fini) struct buf text = BUF_NULL, text_again = BUF_NULL;
        struct settings again = {0};
        struct said why;
        settings_format(&text, s);
        REQUIRE(settings_file(&again, buf_span(&text), "again", &why) == 0);
        settings_format(&text_again, &again);
        REQUIRE(span_eq(buf_span(&text), buf_span(&text_again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct settings ranks[SETTINGS_RANKS] = {0}, all;
        struct settings *file = &ranks[SETTINGS_FILE];
        struct said why = {{0}};
        int r = settings_file(file, span_of(data, size), "porchlight.conf", &why);
        REQUIRE(r == 0 || r == SETTINGS_E_INPUT);
        REQUIRE(memchr(why.text, '\0', sizeof(why.text)) && !strchr(why.text, '\n') && !strchr(why.text, '\033'));
        REQUIRE((r != 0) == (why.text[0] != '\0'));
        settings_merge(&all, ranks);
        REQUIRE(all.listen.n > 0 && all.listen.n <= NODE_LISTEN_MAX && all.advertise.n <= NODE_ADVERTISE_MAX);
        REQUIRE(strlen(all.data) < sizeof(all.data));
        if (r == 0)
                same_again(file);
        return 0;
}
