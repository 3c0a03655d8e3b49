/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/catalogue.h"

#include "base/text.h"

const struct catalogue *catalogue_find(struct span tag) {
        size_t n = 0;
        while (n < tag.n && !strchr("-_.@", tag.p[n]))
                n++;
        for (size_t i = 0; i < catalogues_n; i++)
                if (text_eq_nocase(span_str(catalogues[i].tag), span_of(tag.p, n)))
                        return &catalogues[i];
        return NULL;
}

/* The forms of @text. NULL: the language has none. */
static const char *const *row_find(const struct catalogue *c, const char *text) {
        for (size_t i = 0; c && i < c->n; i++) {
                const char *const *row = c->rows + i * (1 + c->forms);
                if (strcmp(row[0], text) == 0)
                        return row + 1;
        }
        return NULL;
}

const char *catalogue_text(const struct catalogue *c, const char *text) {
        const char *const *forms = row_find(c, text);
        return forms ? forms[0] : text;
}

const char *catalogue_count(const struct catalogue *c, const char *one, const char *many, unsigned long n) {
        const char *const *forms = row_find(c, one);
        unsigned long form = forms ? c->form(n) : 0;
        if (forms && form < c->forms)
                return forms[form];
        return n == 1 ? one : many;
}
